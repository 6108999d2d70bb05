/* Answers of programs: any bytes are refused with a message, or are an outcome that can be stored.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/study/blackbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const texts[] = {"objectives: [a]",
                                        "objectives: [a, {name: b, goal: maximise}]\n"
                                        "constraints: [c, {name: d, max: 2}, {name: e, min: -1}]"};
    td_goals g;
    const td_node *doc;
    td__answer x;
    td_error err = {0};
    if (size < 1) return 0;
    const char *text = texts[data[0] & 1];
    td_arena *a = td_arena_create();
    check(td_yaml_parse(a, text, strlen(text), "g", &doc, NULL) == TD_OK);
    check(td__goals_read(doc, &g, NULL) == TD_OK);
    td_status s = td__answer_parse(&g, (const char *)data + 1, size - 1, "x", 1, a, &x, &err);
    const td_outcome *o = &x.finish.outcome;
    if (s != TD_OK) {
        check(err.code == s && err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
    } else if (x.is_report) {
        check(x.step >= 0 && o->nobj == g.nobj && (o->ncon == 0 || o->ncon == g.ncon));
        check(o->ncon > 0 ? isfinite(x.finish.violation) : isnan(x.finish.violation));
    } else if (x.is_stopped) {
        check(x.trial >= -1);
    } else if (o->state == TD_TRIAL_DONE) {
        check(o->nobj == g.nobj && o->ncon == g.ncon && x.missing == NULL);
        check(isfinite(x.finish.violation) && x.finish.violation >= 0);
        check((x.finish.violation == 0) == td_outcome_feasible(o));
        for (int i = 0; i < g.nobj; i++) check(isfinite(o->obj[i]));
    } else {
        check(o->state == TD_TRIAL_FAILED || o->state == TD_TRIAL_INFEASIBLE);
        check(x.finish.reason != NULL && strchr(x.finish.reason, '\n') == NULL);
    }
    td_arena_destroy(a);
    return 0;
}
