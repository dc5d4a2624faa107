/* postout.h - what Postfix's programs print about its queue: postcat(1) and
 * postqueue(1) -j. Pure. Threads: any, one a message.
 *
 * Envelope and text come from whoever sent the message: a line that he forges
 * there can make it less trusted, not more. Strings are of the arena. Errors:
 * ERR_SYNTAX, ERR_LIMIT. */
#ifndef AGENT_CLI_POSTOUT_H
#define AGENT_CLI_POSTOUT_H

#include "policy/base/buf.h"
#include "policy/mail/header.h"

struct postfix_message {
	struct str queue; /* "hold", "deferred", ... */
	bool local;       /* by sendmail(1), not by SMTP */
	int64_t arrived_ms;
	struct str sender; /* as SMTP writes it, without <>; may be empty */
	struct strs rcpts; /* likewise; as given, before aliases; each once */
	struct header_list headers; /* without Postfix's own trace */
	struct buf body;            /* lines end in CRLF */
	struct buf raw;             /* what headers borrows */
};

/* Of `postcat -eq`: what stands above headers. */
int postout_envelope(
    struct arena *a, struct str text, struct postfix_message *m) MUST_CHECK;
/* Of `postcat -bhq`, in m->raw: headers and body, which is initialised. */
int postout_text(
    struct arena *a, struct str queue_id, struct postfix_message *m) MUST_CHECK;
/* Of `postqueue -j`: the queue ids of the hold queue. */
int postout_held(struct arena *a, struct str text, struct strs *out) MUST_CHECK;

#endif
