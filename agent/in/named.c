/* named.c - see named.h. */
#include "agent/in/named.h"

#include "agent/in/claim.h"
#include "policy/state/message.h"
#include "policy/state/person.h"

enum {
	HEX_MIN = 16,    /* digits of a digest */
	BASE64_MIN = 12, /* characters of one */
};

/* ---- redaction ---- */

struct looks {
	bool digits, lower, upper, masks, hex, base64;
};

static struct looks look_at(struct str s)
{
	struct looks l = {.masks = true, .hex = true, .base64 = true};

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool digit = ascii_is_digit(c);

		l.digits |= digit;
		l.lower |= c >= 'a' && c <= 'z';
		l.upper |= c >= 'A' && c <= 'Z';
		l.masks &= c == 'x' || c == 'X' || c == '*';
		l.hex &=
		    digit || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
		l.base64 &= ascii_is_alnum(c) || c == '+' || c == '/' ||
			    c == '=' || c == '-' || c == '_';
	}
	return l;
}

bool named_is_redacted(struct str local)
{
	struct looks l = look_at(local);

	return local.n == 0 || l.masks || (l.hex && local.n >= HEX_MIN) ||
	       (l.base64 && local.n >= BASE64_MIN && l.digits && l.lower &&
		   l.upper) ||
	       str_icontains(local, STR("redacted"));
}

/* ---- whom is meant ---- */

/* As whom the person goes on. ERR_NOT_FOUND: not on record. */
static int last_of(const struct ledger_txn *t, struct lead_id *id)
{
	struct lead_record r = {.moved = true, .moved_to = *id};
	int rc = 0;

	for (int i = 0; rc == 0 && r.moved && i <= LEAD_MOVES_MAX; i++) {
		*id = r.moved_to;
		rc = lead_peek(t, id, &r);
	}
	return rc;
}

/* A stranger at the domain of whom the message went to? */
static int is_near(const struct store *store, const struct ledger_txn *t,
    struct arena *a, const struct lead_id *lead, struct str domain, bool *out)
{
	struct str address;
	int rc = person_address(store, t, lead, a, &address);

	*out = rc == 0 &&
	       str_eq(str_from(address, str_rfind(address, '@') + 1), domain);
	return rc;
}

static int is_other(const struct store *store, const struct ledger_txn *t,
    struct arena *a, uint64_t message_id, const struct address *who, bool *out)
{
	struct message_record m;
	struct lead_id named, meant;
	bool near = false;
	int rc = message_read(t, message_id, &m);

	*out = false;
	if (rc == 0) {
		meant = m.lead;
		rc = last_of(t, &meant);
	}
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc; /* acts on nobody */
	rc = lead_id_of(store->lead_key, who, &named);
	if (rc != 0)
		return rc;
	rc = last_of(t, &named);
	if (rc == ERR_NOT_FOUND) {
		rc = is_near(store, t, a, &m.lead, who->domain, &near);
		*out = rc == 0 && !near;
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	*out = rc == 0 && !lead_id_eq(&named, &meant);
	return rc;
}

static bool speaks_of_person(enum seen_kind kind)
{
	return kind == SEEN_COMPLAINT || kind == SEEN_FRAUD ||
	       kind == SEEN_VIRUS || kind == SEEN_UNSUBSCRIBE;
}

int named_settle(const struct store *store, struct arena *a, struct sort *s)
{
	struct ledger_txn *t = NULL;
	struct address who;
	struct str written;
	bool other;
	int rc;

	if (!s->quoted || s->n != 1 || !speaks_of_person(s->kind))
		return 0;
	rc = claim_named(s, a, &who, &written);
	if (rc != 0 || who.text.n == 0 ||
	    named_is_redacted(str_cut(written, 0, str_rfind(written, '@'))))
		return rc;
	rc = ledger_read_begin(store->ledger, &t);
	if (rc != 0)
		return rc;
	rc = is_other(store, t, a, s->tokens[0].token.message_id, &who, &other);
	ledger_read_end(&t);
	if (rc == 0 && other) {
		s->n = 0;
		s->kind = SEEN_UNPARSED;
		s->reason = "it names somebody else than the message that it "
			    "quotes went to";
	}
	return rc;
}
