/* tables.h - the ledger's tables of state: numbers are indexes into the names
 * that reducers.c gives to ledger_open(). Each table's key and record are
 * owned by the file named here; no other file knows their bytes. Threads:
 * immutable. */
#ifndef POLICY_STATE_TABLES_H
#define POLICY_STATE_TABLES_H

enum table {
	/* lead.c: key, address, history, and of each purpose what a decision
	 * asks. All of it in one record, so that it is one page to read from
	 * the disk and one to write. */
	TABLE_LEAD,
	TABLE_CONSENT, /* consent.c: lead, purpose -> what an auditor asks */
	TABLE_SUPPRESSION, /* suppression.c */
	TABLE_MESSAGE,     /* message.c: message id -> whose, what, where */
	TABLE_QUEUE,       /* message.c: queue id -> message id */
	TABLE_SUBJECT,     /* subject.c: subject id -> lead, purpose */
	TABLE_POLICY,      /* policyver.c: version -> text */
	TABLE_COPY,        /* copy.c: spool copies: held, taken, undecided */
	TABLE_OUTBOX,      /* outbox.c: what is relayed to applications */
	TABLE_DUE,         /* copy.c: instant -> copy */
	TABLE_REFUSAL,     /* refusal.c: lead, stream, day -> count */
	TABLE_MTALOG,      /* mtalogpos.c: log file -> position */
	TABLE_COUNTER,     /* counter.c: hour, segment, what -> count */
	TABLE_FEEDBACK, /* feedback.c: message id, lead id -> what came back */
	TABLE_SEEN,     /* seen.c: digests of consumed feedback mail */
	TABLE_TRACE,    /* trace.c: block of events -> whom they are about */
	TABLE_WAIT, /* wait.c: person or company, segment -> copies that wait */
	TABLE_COMPANY, /* company.c: company id -> history */
	TABLE_TALLY,    /* tally.c: hour, segment, campaign, domain -> counts */
	TABLE_STOP,     /* stop.c: what is stopped */
	TABLE_REFERENCE, /* reference_row.c: Message-ID -> message id */
	TABLE_REVIEW,    /* review.c: what people have to decide */
	TABLE_COUNT
};

/* Layout version of all the above. */
enum {
	STATE_SCHEMA = 7
};

#endif
