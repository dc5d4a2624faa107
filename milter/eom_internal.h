/* eom_internal.h - a complete message on its way through eom.c and the files
 * of its class: nurture.c, onetoone.c, release.c, takeover.c. Threads: the
 * session's. */
#ifndef MILTER_EOM_INTERNAL_H
#define MILTER_EOM_INTERNAL_H

#include "milter/session_internal.h"
#include "policy/mail/addrlist.h"
#include "policy/rules/comply.h"
#include "policy/state/decide.h"

/* What is known of the message before it is decided. s->stream is the one
 * whose rules hold: of a released copy, the stream it came by. */
struct message {
	struct session *s;
	struct addrlist from;
	const struct keyring_domain *signer;
	struct str segment, campaign;
	struct str body; /* of nurture mail */
	unsigned char body_hash[32];
	struct comply_in comply;
	struct {
		struct str words; /* p NULL: not looked for yet */
		bool found;
	} postal;
	uint64_t copy_id; /* submitted from the spool; 0: not */
	/* Of a copy: when, and under which queue id, it first came. */
	int64_t arrived_ms;
	struct str first_queue_id;
	bool forced; /* an operator lets it go */
	bool shadow; /* decided and recorded, not acted on */
	bool renew;  /* second pass: our old signatures go */
};

/* Looks at From and body; once s->stream is final. */
int eom_examine(struct message *m, struct error *err) MUST_CHECK;

/* Sets the SMTP text that goes with the answer. */
enum answer eom_say(struct session *s, enum answer a, const struct reply *r);
/* Trouble of ours, logged. By SMTP the client keeps the message (451). Local
 * mail is never tempfailed, since pickup would come back at once: what we
 * would decide on becomes an undecided copy, the rest is quarantined. */
enum answer eom_trouble(
    struct message *m, const char *where, const struct error *err);
/* Local mail that nothing else can be done for: the MTA's hold queue. */
enum answer eom_quarantine(struct session *s);

/* Nothing of ours acts: the mode of the conf, or of the policy in force. */
bool eom_is_shadow(struct session *s);

void eom_log_decision(
    const struct message *m, struct str recipient, const struct decide_out *p);
/* Everything but mode, compliance and copy, for one recipient. ERR_SYNTAX:
 * its address is malformed. */
int eom_fill_decide(struct message *m, size_t rcpt, struct decide_in *in,
    struct error *err) MUST_CHECK;
/* Of mail that goes out in any case: whether this origin may sign for its From.
 * Else it goes out as it came, m->signer is NULL, and that is logged. */
bool eom_may_sign(struct message *m);
/* Compose, sign, apply: the part after the yes. p NULL: signed, not composed. */
int eom_send_on(struct message *m, const struct decide_out *p,
    struct error *err) MUST_CHECK;
/* The slot was reserved and the message will not go: gives it back. */
void eom_release_slot(const struct message *m, const struct decide_out *p);
/* NULL with err set while the ledger cannot be opened. */
struct store *eom_store(struct session *s, struct error *err);

#endif
