/* mta.h - what a session may ask of and do to the MTA. The one implementation
 * that ships is smfi.c (libmilter); tests have a scripted one. Decisions never
 * see libmilter. Threads: a session's calls come one at a time. */
#ifndef MILTER_MTA_H
#define MILTER_MTA_H

#include "policy/mail/compose.h"

enum answer {
	ANSWER_CONTINUE,
	ANSWER_ACCEPT,   /* the rest of this message is not looked at */
	ANSWER_DISCARD,  /* 250 to the client, nothing goes out */
	ANSWER_TEMPFAIL, /* with the text of struct reply, if set */
	ANSWER_REJECT,
};

/* SMTP reply for TEMPFAIL and REJECT. */
struct reply {
	int code;          /* 0: the MTA's default text */
	char enhanced[12]; /* RFC 3463, "5.7.1" */
	char text[200];    /* printable ASCII */
};

struct mta {
	void *ctx;
	/* NULL when the MTA did not send it; borrowed until the callback
	 * returns. name without braces gets its braces here when it is longer
	 * than one character. */
	const char *(*macro)(void *ctx, const char *name);
	/* End of message only. 0 or negative. */
	int (*change)(
	    void *ctx, const struct change *c, struct str sender_args);
	int (*quarantine)(void *ctx, const char *reason);
	int (*set_reply)(void *ctx, const struct reply *r);
};

#endif
