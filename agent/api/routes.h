/* routes.h - the handlers of /v1, one file for each kind of thing; the table
 * of routes is in api.c. Each is an api_fn (api.h): 0, or a code with c->err
 * filled. Threads: any. */
#ifndef AGENT_API_ROUTES_H
#define AGENT_API_ROUTES_H

#include "agent/api/api.h"

/* api_policy.c */
api_fn api_policy_show; /* version */
api_fn api_policy_log;
api_fn api_policy_diff; /* from, to; or from, text */

/* api_policy_change.c */
api_fn api_policy_apply;  /* text, reason, base, path, orphans */
api_fn api_policy_check;  /* text, path: what applying would do */
api_fn api_policy_revert; /* version, reason, base, orphans */

/* api_suppression.c */
api_fn api_suppression_add;    /* target, reason, segment, until, note */
api_fn api_suppression_remove; /* target, segment, note */
api_fn api_suppression_check;  /* target */
api_fn api_suppression_list;   /* after, limit, reason, segment, redact */
api_fn api_suppression_show;   /* target, redact */

/* api_suppression_undo.c */
api_fn api_suppression_undo; /* reason, provider, since, until, note, dry_run,
			      * after */

/* api_import.c */
api_fn api_suppression_import; /* entries; reason, segment, until, origin */

/* api_consent.c */
api_fn api_consent_set;  /* address, purpose, state, origin, evidence, said */
api_fn api_consent_show; /* address */

/* api_explain.c */
api_fn api_explain; /* address, segment, at, campaign, domain; or
		     * queue_id */

/* api_check.c */
api_fn api_check; /* segment, recipients, at, campaign, domain, lines */

/* api_lead.c: address or lead */
api_fn api_lead_show;
api_fn api_lead_timeline; /* after, limit */

/* api_leads.c */
api_fn api_leads_set; /* leads (address, attributes), origin, dry_run, ignore */
api_fn api_leads_move; /* from, to, merge */
api_fn api_leads_rank; /* addresses, one a line */

/* api_leads_list.c */
api_fn api_leads_list; /* audience, after, limit, redact */

/* api_journal.c */
api_fn api_journal; /* after, tail, limit, wait, type, redact */

/* api_stats.c */
api_fn api_stats; /* by, from, to, segment, name */

/* api_shadow.c */
api_fn api_shadow; /* since, until, segment, redact */

/* api_outcome.c */
/* outcomes: queue_id or message, recipient, outcome, at, status, diagnostic */
api_fn api_outcomes;

/* api_mtalog.c */
api_fn api_mtalog; /* outcomes as of outcome.h, dry_run */

/* api_simulate.c */
api_fn api_simulate_start; /* text or version; since, until, diff, by, memory */
api_fn api_simulate_show;  /* id */
api_fn api_simulate_stop;  /* id */

/* api_hold.c */
api_fn api_hold_list;    /* after, limit, segment, redact */
api_fn api_hold_show;    /* id */
api_fn api_hold_release; /* id; or segment, after */
api_fn api_hold_drop;    /* id; or segment, after */

/* api_review.c; id, or address of whoever is paused */
api_fn api_review_list;        /* all, redact */
api_fn api_review_show;        /* id, redact */
api_fn api_review_unsubscribe; /* reason */
api_fn api_review_resume;      /* reason */

/* api_segment.c: one of segment, campaign, domain */
api_fn api_segment_list;   /* all */
api_fn api_segment_pause;  /* reason, until */
api_fn api_segment_resume; /* reason */

/* api_metrics.c */
api_fn api_metrics;
api_fn api_health;

#endif
