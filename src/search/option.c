#include "option.h"

#include <string.h>

td_status td__option_word(const td_params *params, const char *key, const char *const *words, int n,
                          int *out, td_error *err) {
    const char *word = NULL;
    td_status status = td_node_opt_string(params, key, &word, err);
    if (status != TD_OK || word == NULL) return status;
    for (int i = 0; i < n; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *out = i;
        return TD_OK;
    }
    td_text known = {0};
    for (int i = 0; i < n; i++)
        td_text_addf(&known, "%s%s", i == 0 ? "" : i < n - 1 ? ", " : " or ", words[i]);
    status = td_node_fail(td_node_find(params, key), err, "expected %s, found \"%.64s\"",
                          known.failed ? "another word" : known.data, word);
    td_text_free(&known);
    return status;
}

td_status td__option_idle(const td_params *params, const char *key, const char *with,
                          td_error *err) {
    const td_node *n = td_node_find(params, key);
    return n == NULL ? TD_OK : td_node_fail(n, err, "has an effect with %s only", with);
}
