/* Recipes: whatever is read is told in one line or describes itself; nothing runs. */
#include <stdlib.h>
#include <string.h>

#include "../../src/study/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error err = {0};
    td_recipe *r = NULL;
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    td_status s = td__recipe_parse(text, size, "fuzz.yaml", &r, &err);
    free(text);
    if (s != TD_OK) {
        check(r == NULL && err.code == s);
        check(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        return 0;
    }
    td_text t = {0};
    check(td_recipe_describe(r, &t, &err) == TD_OK && t.size > 0);
    check(r->trials >= 1 && r->lag >= 0 && r->candidates >= 1 && r->strategy != NULL);
    for (int m = 0; m < TD_NMETRIC; m++) check(td_recipe_objective(r)->target[m] > 0);
    td_text_free(&t);
    td_recipe_destroy(r);
    return 0;
}
