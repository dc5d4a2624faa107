/* submit.h - the only way to the MTA: a copy's recipient, or our report on
 * one, over the release listener. A token in X-Tendril-Id on top of the
 * message tells the milter that it is ours (kind raw). Threads: one owner. */
#ifndef AGENT_OUT_SUBMIT_H
#define AGENT_OUT_SUBMIT_H

#include "agent/app.h"
#include "agent/out/smtp.h"
#include "policy/spool/spool.h"

struct submit;

/* app is borrowed; conf names a release listener. */
int submit_open(
    struct submit **out, struct app *app, struct error *err) MUST_CHECK;
void submit_close(struct submit **s); /* NULL is fine */
/* The next message has a connection of its own; as smtp_drop(). */
void submit_drop(struct submit *s);

enum submit_outcome {
	SUBMIT_SENT,    /* the MTA has it */
	SUBMIT_LATER,   /* this recipient, not now */
	SUBMIT_REFUSED, /* never */
	SUBMIT_TROUBLE, /* listener, milter or ledger: nobody goes now */
};

struct submit_result {
	enum submit_outcome outcome;
	struct smtp_reply reply; /* code 0: there was none, but a stage */
};

/* The recipient `index` of a copy, with a trace of its first arrival. A
 * message without Message-ID gets one by the copy's id, so that a second
 * submission is known to be one. out is always set; err tells what TROUBLE
 * was. */
void submit_copy(struct submit *s, uint64_t id, const struct spool_copy *c,
    uint32_t index, struct submit_result *out, struct error *err);
/* What the MTA called it, SENT; empty where it did not say. Borrowed. */
struct str submit_queue_id(const struct smtp_reply *reply);

struct submit_mail {
	uint64_t id;        /* of the copy or message that it is about */
	struct str to;      /* envelope recipient */
	struct str message; /* whole, with header */
	bool utf8;          /* needs SMTPUTF8 (RFC 6531) */
};
/* A report to a copy's sender, from the null sender; never reported on. */
void submit_report(struct submit *s, const struct submit_mail *report,
    struct submit_result *out, struct error *err);

#endif
