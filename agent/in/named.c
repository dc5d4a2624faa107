/* named.c - see named.h. */
#include "agent/in/named.h"

#include "agent/in/claim.h"
#include "policy/mail/psl.h"
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

enum whom {
	NOBODY,  /* no name, a redacted one, or what may be one */
	HERSELF, /* whose message it is */
	OTHER,
};

/* ERR_NOT_FOUND: nobody knows whose message it is: it acts on nobody. */
static int whom_of(const struct store *store, const struct ledger_txn *t,
    struct arena *a, const struct message_record *m, const struct address *who,
    enum whom *out)
{
	struct lead_id named, meant = m->lead;
	bool near = false;
	int rc = last_of(t, &meant);

	*out = NOBODY;
	if (rc == 0)
		rc = lead_id_of(store->lead_key, who, &named);
	if (rc != 0)
		return rc;
	rc = last_of(t, &named);
	if (rc == ERR_NOT_FOUND) {
		rc = is_near(store, t, a, &m->lead, who->domain, &near);
		if (rc == 0 && !near)
			*out = OTHER;
	} else if (rc == 0) {
		*out = lead_id_eq(&named, &meant) ? HERSELF : OTHER;
	}
	return rc;
}

/* ---- what was sent on ---- */

static bool is_resent(const struct header_list *l)
{
	static const struct str begin = STR("Resent-");

	for (size_t i = 0; i < l->n; i++)
		if (str_istarts(l->v[i].name, begin))
			return true;
	return false;
}

/* Is it certain? That ours is in it is. */
static int is_sent_on(const struct sort *s, struct arena *a,
    const struct message_record *m, bool *out)
{
	struct address author;
	struct str written;
	int rc = 0;

	*out = s->returned && is_resent(&s->report.original);
	if (!s->quoted || m->from_domain.n == 0)
		return 0;
	rc = claim_address(
	    &s->report.original, "From", a, &author, &written, out);
	*out =
	    rc == 0 && *out && !psl_is_aligned(author.domain, m->from_domain);
	return rc;
}

/* ---- a report ---- */

static int settle(const struct store *store, const struct ledger_txn *t,
    struct arena *a, const struct sort *s, bool *other_out)
{
	enum whom whom = NOBODY;
	struct message_record m;
	struct address who;
	struct str written;
	bool sent_on = false;
	int rc = message_read(t, s->tokens[0].token.message_id, &m);

	if (rc == 0)
		rc = is_sent_on(s, a, &m, &sent_on);
	if (rc != 0 || (s->returned && !sent_on))
		return rc;
	/* To of ours is whom it went to, however it went on */
	rc = s->returned ? claim_recipient(s, a, &who, &written)
			 : claim_named(s, a, &who, &written);
	if (rc == 0 && who.text.n > 0 &&
	    !named_is_redacted(str_cut(written, 0, str_rfind(written, '@'))))
		rc = whom_of(store, t, a, &m, &who, &whom);
	*other_out = rc == 0 && (whom == OTHER || (sent_on && whom == NOBODY));
	return rc;
}

int named_settle(const struct store *store, struct arena *a, struct sort *s)
{
	struct ledger_txn *t = NULL;
	bool other = false;
	int rc;

	if ((!s->quoted && !s->returned) || s->n != 1 ||
	    !sort_speaks_of_person(s->kind))
		return 0;
	rc = ledger_read_begin(store->ledger, &t);
	if (rc != 0)
		return rc;
	rc = settle(store, t, a, s, &other);
	ledger_read_end(&t);
	if (rc == 0 && other) {
		s->resent = s->returned;
		s->n = 0;
		s->kind = SEEN_UNPARSED;
		s->reason = "it is not of the person whom the message that it "
			    "has went to";
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
