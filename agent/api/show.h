/* show.h - records of the ledger as JSON, alike in all replies. Addresses are
 * opened while the transaction lives; with redact=1 in the call, or when the
 * key is gone, a person is "lead:HEX". Threads: one owner. */
#ifndef AGENT_API_SHOW_H
#define AGENT_API_SHOW_H

#include "agent/api/api.h"
#include "policy/state/consent.h"
#include "policy/state/decide.h"
#include "policy/state/person.h"
#include "policy/state/stop.h"
#include "policy/state/suppression.h"

struct show {
	struct store *store;
	const struct ledger_txn *t;
	bool redact;
};

void show_init(
    struct show *s, const struct api_call *c, const struct ledger_txn *t);

/* key: "jane@a.example", or "lead:HEX". */
void show_lead(const struct show *s, struct value *o, const char *key,
    const struct lead_id *id);
/* target ("@domain", "sha256:HEX"...), reason, segment, since, until, origin,
 * author, event; provisional where it is. */
void show_suppression(
    const struct show *s, struct value *o, const struct suppression_record *r);
/* What a suppression is about, by the bytes of its key. */
void show_target(const struct show *s, struct value *o,
    enum suppression_kind kind, struct str what);
/* policy, line and rule: what that line of that version says. Nothing for
 * version 0. */
void show_rule(
    const struct show *s, struct value *o, uint32_t version, uint32_t line);
/* verdict, reason, earliest, policy, line, section, rule; earliest_local and
 * time_zone where the person's clock is not UTC; deadline of a hold; ahead:
 * how many held messages go before it; shadow: true when the verdict is allow
 * only because a limit is not enforced, and `would`. */
void show_verdict(struct value *o, const struct decide_out *out);
/* The same without earliest: what many people may have in common. */
void show_ruling(
    struct value *o, const struct policy *p, const struct verdict *v);
/* enforced: false and shadow_by ("conf" or "policy") when the whole product is
 * in shadow mode: decided and logged as shown, but nothing is done. Nothing
 * otherwise. p may be NULL. */
void show_mode(
    struct value *o, const struct conf *conf, const struct policy *p);
/* scope, name, since, until, by ("breaker" or "person"), author, reason; of the
 * breaker rate, count, of and line. */
void show_stop(struct value *o, const char *key, const struct stop_record *r);
void show_consent(struct value *o, const struct consent_record *r);

#endif
