/* report_internal.h - what report.c and the files report_*.c share. Not for others. Threads: any. */
#ifndef POLICY_MAIL_REPORT_INTERNAL_H
#define POLICY_MAIL_REPORT_INTERNAL_H

#include "policy/mail/dsn.h"
#include "policy/mail/notice.h"
#include "policy/mail/report.h"

/* One mail that is being sorted. */
struct report_job {
	const struct bounce_rules *rules;
	struct arena *a;
	struct mime mime;
	struct report *out;
	struct notice notice; /* read when it is needed */
	bool has_notice;
};

/* Steps: each fills *j->out, or gives ERR_NOT_FOUND when the mail is not of
 * its kind. */
int report_sort_dsn(struct report_job *j) MUST_CHECK;
int report_sort_notice(struct report_job *j) MUST_CHECK;
int report_sort_auto(struct report_job *j) MUST_CHECK;
int report_sort_sesnote(struct report_job *j) MUST_CHECK;
int report_sort_forward(struct report_job *j) MUST_CHECK;

/* Reason, class, status and diagnostic of out, whose address is set, from the
 * fields in `in` (maybe empty) and the words of the notice. */
int report_judge(struct report_job *j, const struct dsn_recipient *in,
    enum bounce_outcome outcome, struct report_recipient *out) MUST_CHECK;

/* All recipients of d, whose addresses become the notice's. */
int report_judge_all(struct report_job *j, const struct dsn *d) MUST_CHECK;

/* Kind and reason of the mail, as its worst recipient. */
void report_sum_up(struct report *out);

bool report_is_mailbox(struct str address);

#endif
