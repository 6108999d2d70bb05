/* tandem/report.h - reports and exports: tables for people, CSV and JSON for programs.
 */
#ifndef TANDEM_REPORT_H
#define TANDEM_REPORT_H

#include "tandem/base.h"
#include "tandem/study.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Trials as CSV with a header (RFC 4180); choices are one column per decision. */
td_status td_report_trials_csv(const td_trial_row *t, int n, const int *pick, int npick, td_text *out,
                               td_error *err);
/* The result table of a run for a person. */
void td_report_summary(const td_run_summary *s, td_text *out);

#ifdef __cplusplus
}
#endif
#endif
