/* preview.h - a message as it would leave, without milter, MTA and agent: the
 * same rules, composing and signing. Its links and addresses carry tokens of
 * a key that is known to everybody and accepted nowhere. Threads: one. */
#ifndef AGENT_CLI_PREVIEW_H
#define AGENT_CLI_PREVIEW_H

#include "agent/cli/keys.h"
#include "agent/cli/mailin.h"
#include "policy/mail/compose.h"
#include "policy/rules/comply.h"

struct preview {
	struct cli *c;
	const struct conf_stream *stream;
	struct mailin mail;
	struct comply_in comply;
	struct str segment, campaign;
	const struct keys *keys;
	struct value *decision; /* what --json says of it */
};

/* Of a class that is changed. seg: NULL where the policy has no such segment. */
int preview_compose(struct preview *p, const struct policy_segment *seg,
    struct compose_out *out, struct error *err) MUST_CHECK;
/* Adds the signatures that can be made; how many in *n_out. */
int preview_sign(struct preview *p, struct compose_out *out, size_t *n_out,
    struct error *err) MUST_CHECK;
/* Header and body to standard output. CLI_DONE, or told. */
int preview_print(const struct preview *p, const struct compose_out *out);
/* Byte for byte. CLI_DONE, or told. */
int preview_print_as_is(const struct preview *p);

#endif
