/* gather.h - one message as it comes in: envelope, header fields, body.
 *
 * All memory is the message arena's, but for the body: up to 1 MB in memory,
 * beyond that in an unlinked temporary file that is mapped for reading. What
 * goes over a bound is not stored and sets `overflow`; the message goes on,
 * since most of the mail is none of ours. Threads: one owner at a time. */
#ifndef MILTER_GATHER_H
#define MILTER_GATHER_H

#include "policy/conf/conf.h"
#include "policy/mail/header.h"
#include "policy/mail/longline.h"

struct gather_rcpt {
	struct str address; /* as given, without <> */
	struct strs args;   /* ESMTP: "NOTIFY=NEVER" */
};

struct gather {
	struct arena *arena;
	struct str sender; /* without <>; empty = null sender */
	struct strs sender_args;
	struct gather_rcpt *rcpts;
	size_t n_rcpts, cap_rcpts;
	struct header_list headers;
	size_t header_bytes;
	bool overflow; /* a bound was reached: headers, recipients or body */
	bool no_memory;
	bool want_body;             /* it has a size and a bound */
	bool keep_body;             /* its bytes will be asked for */
	struct longline long_lines; /* of the body */
	struct gather_body *body;
};

int gather_open(struct gather *g) MUST_CHECK;
void gather_close(struct gather *g);
/* Forgets the message; keeps memory. */
void gather_reset(struct gather *g);

/* Without <>: sendmail(1) comes without, SMTP with. Borrowed. */
struct str gather_address(const char *z);
/* argv as libmilter gives it: address, then ESMTP arguments; NULL ends. */
void gather_sender(struct gather *g, char **argv);
void gather_rcpt(struct gather *g, char **argv, size_t max_rcpts);
void gather_header(struct gather *g, const struct conf_milter *limits,
    const char *name, const char *value);
void gather_chunk(
    struct gather *g, const struct conf_milter *limits, struct str chunk);
/* The whole body, contiguous; borrowed until reset. ERR_UNAVAILABLE when it
 * was not kept, -errno when the temporary file fails. */
int gather_body(struct gather *g, struct str *out) MUST_CHECK;

#endif
