/* mtalog_postfix.c - see mtalog_postfix.h. One function per program that
 * writes lines, found by the last element of its name ("postfix/submission/
 * smtpd"); each takes the text after the prefix. */
#include "agent/in/mtalog_postfix.h"

#include "agent/in/mtalog_id.h"
#include "agent/in/mtalog_prefix.h"

#include <string.h>

enum {
	MAX_FIELDS = 16
};

/* All of s is a queue id. */
static bool is_id(struct str s)
{
	return s.n > 0 && mtalog_id_postfix(s) == s.n;
}

static bool take(struct str *s, struct str prefix)
{
	return mtalog_take(s, prefix);
}

static bool take_id(struct str *s, struct str *id_out)
{
	return mtalog_id_take(s, mtalog_id_postfix, id_out);
}

/* Index after a quoted string that begins at s.p[at], s.n if it has no end. */
static size_t skip_quoted(struct str s, size_t at)
{
	for (at++; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.n ? at + 1 : s.n;
}

/* Takes "<address>, " or "address, " off. The address may hold ">, " only in
 * a quoted local part. */
static bool take_address(struct str *s, struct str *out)
{
	size_t at = 1;

	if (s->n == 0 || s->p[0] != '<') {
		at = str_find(*s, 0, ',');
		*out = str_cut(*s, 0, at);
		*s = str_from(*s, at);
		return take(s, STR(", "));
	}
	if (s->n > 1 && s->p[1] == '"')
		at = skip_quoted(*s, 1);
	for (;; at++) {
		at = str_find(*s, at, '>');
		if (at + 2 >= s->n)
			return false;
		if (s->p[at + 1] == ',' && s->p[at + 2] == ' ')
			break;
	}
	*out = str_cut(*s, 1, at - 1);
	*s = str_from(*s, at + 3);
	return true;
}

static bool take_field(struct str *s, struct mtalog_line *out)
{
	struct str value;
	size_t at;

	if (take(s, STR("orig_to=")))
		return take_address(s, &out->orig_rcpt);
	at = str_find(*s, 0, ',');
	value = str_cut(*s, 0, at);
	*s = str_from(*s, at);
	if (!take(s, STR(", ")))
		return false;
	at = str_find(value, 0, '=');
	if (at == value.n || str_find(value, 0, '(') < value.n)
		return false;
	if (take(&value, STR("relay=")))
		out->relay = value;
	else if (take(&value, STR("dsn=")))
		out->dsn = value;
	return true;
}

static enum mtalog_status status_of(struct str word)
{
	static const struct {
		struct str word;
		enum mtalog_status status;
	} known[] = {
	    {STR("sent"), MTALOG_SENT},
	    {STR("deferred"), MTALOG_DEFERRED},
	    {STR("bounced"), MTALOG_BOUNCED},
	    {STR("SOFTBOUNCE"), MTALOG_DEFERRED},
	    {STR("expired"), MTALOG_BOUNCED},
	    {STR("deliverable"), MTALOG_PROBED},
	    {STR("undeliverable"), MTALOG_PROBED},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(word, known[i].word))
			return known[i].status;
	return MTALOG_NO_STATUS;
}

/* Where a sent message went, as far as Postfix itself or the peer told. */
static void read_next_hop(struct mtalog_line *out)
{
	struct str text = out->text;

	if (out->status != MTALOG_SENT)
		return;
	if (str_eq(out->agent, STR("discard"))) {
		out->status = MTALOG_SUNK;
	} else if (!str_eq(out->agent, STR("local"))) {
		out->next_id = mtalog_queued_as(text);
	} else if (take(&text, STR("forwarded as ")) && is_id(text)) {
		out->status = MTALOG_FORWARDED;
		out->next_id = text;
	}
}

/* "<to>, relay=..., status=word (text)" */
static enum mtalog_kind parse_delivery(struct str s, struct mtalog_line *out)
{
	enum mtalog_status status;
	size_t at;

	if (!take_address(&s, &out->rcpt))
		return MTALOG_UNKNOWN;
	for (int i = 0; !take(&s, STR("status=")); i++)
		if (i == MAX_FIELDS || !take_field(&s, out))
			return MTALOG_UNKNOWN;
	at = str_find(s, 0, ' ');
	status = status_of(str_cut(s, 0, at));
	s = str_from(s, at);
	if (status == MTALOG_NO_STATUS || !take(&s, STR(" (")))
		return MTALOG_UNKNOWN;
	out->status = status;
	/* a line that the logger cut has no end */
	if (s.n > 0 && s.p[s.n - 1] == ')')
		s.n--;
	out->text = s;
	read_next_hop(out);
	return MTALOG_DELIVERY;
}

/* Everything that delivers: smtp, lmtp, local, virtual, pipe, error, discard,
 * spawn under any name. */
static enum mtalog_kind parse_agent(struct str s, struct mtalog_line *out)
{
	if (!take_id(&s, &out->queue_id) || !take(&s, STR("to=")))
		return MTALOG_OTHER;
	return parse_delivery(s, out);
}

/* The action words of smtpd and cleanup. `whole`: a refusal in any stage is
 * one of the whole message. */
static enum mtalog_kind parse_action(
    struct str s, bool whole, struct mtalog_line *out)
{
	if (take(&s, STR("milter-discard: ")) || take(&s, STR("discard: "))) {
		out->text = s;
		return MTALOG_DISCARD;
	}
	if (take(&s, STR("milter-hold: ")) || take(&s, STR("hold: "))) {
		out->text = s;
		return MTALOG_HOLD;
	}
	if (!take(&s, STR("milter-reject: ")) && !take(&s, STR("reject: ")))
		return MTALOG_OTHER;
	out->text = s;
	if (whole || str_starts(s, STR("END-OF-MESSAGE from ")) ||
	    str_starts(s, STR("DATA from ")))
		return MTALOG_REJECT;
	return MTALOG_OTHER;
}

static enum mtalog_kind parse_cleanup(struct str s, struct mtalog_line *out)
{
	if (!take_id(&s, &out->queue_id))
		return MTALOG_OTHER;
	if (take(&s, STR("message-id="))) {
		out->text = s;
		return MTALOG_MESSAGE_ID;
	}
	return parse_action(s, true, out);
}

/* "1" or "0/1" */
static int read_count(struct str s, struct mtalog_count *out)
{
	size_t at = str_find(s, 0, '/');
	uint64_t ok, all;
	int rc = str_u64(str_cut(s, 0, at), UINT32_MAX, &ok);

	all = ok;
	if (rc == 0 && at < s.n)
		rc = str_u64(str_from(s, at + 1), UINT32_MAX, &all);
	if (rc == 0)
		*out = (struct mtalog_count){(uint32_t)ok, (uint32_t)all};
	return rc;
}

/* "HOST[IP] ehlo=1 mail=1 rcpt=0/1 data=0/1 commands=3/5"; before Postfix 3.0
 * without the counts. */
static void read_counts(struct str s, struct mtalog_line *out)
{
	struct str word;
	int rc = 0;

	while (rc == 0 && str_next(&s, ' ', &word)) {
		if (take(&word, STR("data=")))
			rc = read_count(word, &out->data);
		else if (take(&word, STR("bdat=")))
			rc = read_count(word, &out->bdat);
		else if (str_starts(word, STR("commands=")))
			out->has_counts = true;
	}
	if (rc != 0)
		out->has_counts = false;
}

static enum mtalog_kind parse_smtpd(struct str s, struct mtalog_line *out)
{
	enum mtalog_kind kind;

	if (take(&s, STR("connect from ")))
		return MTALOG_CONNECT;
	if (take(&s, STR("disconnect from "))) {
		read_counts(s, out);
		return MTALOG_DISCONNECT;
	}
	if (take(&s, STR("NOQUEUE: "))) {
		kind = parse_action(s, false, out);
		return kind == MTALOG_REJECT ? MTALOG_OTHER : kind;
	}
	if (!take_id(&s, &out->queue_id))
		return MTALOG_OTHER;
	if (take(&s, STR("client=")))
		return MTALOG_CLIENT;
	return parse_action(s, false, out);
}

/* The sender, when s is "<sender>" and then exactly `tail`. */
static bool sender_before(struct str s, struct str tail, struct str *out)
{
	if (s.n < tail.n + 2 || s.p[0] != '<' || !str_ends(s, tail))
		return false;
	s.n -= tail.n;
	if (s.p[s.n - 1] != '>')
		return false;
	*out = str_cut(s, 1, s.n - 2);
	return true;
}

/* "<sender>, size=381, nrcpt=1" */
static bool sender_before_sizes(
    struct str s, struct str *out, uint32_t *count_out)
{
	size_t at = str_rfind(s, '>');
	struct str rest = str_from(s, at);
	uint64_t n;

	if (!take(&rest, STR(">, size=")))
		return false;
	at = str_find(rest, 0, ',');
	if (str_u64(str_cut(rest, 0, at), UINT64_MAX, &n) != 0)
		return false;
	rest = str_from(rest, at);
	if (!take(&rest, STR(", nrcpt=")) || str_u64(rest, UINT64_MAX, &n) != 0)
		return false;
	*count_out = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	return sender_before(
	    str_cut(s, 0, str_rfind(s, '>') + 1), STR(""), out);
}

static enum mtalog_kind parse_qmgr(struct str s, struct mtalog_line *out)
{
	static const struct str active = STR(" (queue active)");

	if (!take_id(&s, &out->queue_id))
		return MTALOG_OTHER;
	if (str_eq(s, STR("removed")))
		return MTALOG_REMOVED;
	if (take(&s, STR("to=")))
		return parse_delivery(s, out);
	if (!take(&s, STR("from=")))
		return MTALOG_OTHER;
	if (str_ends(s, active) &&
	    sender_before_sizes(
		str_cut(s, 0, s.n - active.n), &out->sender, &out->count))
		return MTALOG_ACTIVE;
	if (sender_before(
		s, STR(", status=expired, returned to sender"), &out->sender) ||
	    sender_before(s, STR(", status=force-expired, returned to sender"),
		&out->sender))
		return MTALOG_EXPIRED;
	return MTALOG_UNKNOWN;
}

static enum mtalog_kind parse_pickup(struct str s, struct mtalog_line *out)
{
	static const struct str mark = STR(" orig_id=");
	size_t at;

	if (!take_id(&s, &out->queue_id) || !take(&s, STR("uid=")))
		return MTALOG_OTHER;
	s = str_from(s, str_find(s, 0, ' '));
	if (!take(&s, STR(" from=")))
		return MTALOG_UNKNOWN;
	at = str_rfind(s, '>');
	if (at + 1 < s.n) {
		struct str id = str_from(s, at + 1);
		if (!take(&id, mark) || !is_id(id))
			return MTALOG_UNKNOWN;
		out->next_id = id;
		s.n = at + 1;
	}
	return sender_before(s, STR(""), &out->sender) ? MTALOG_PICKUP
						       : MTALOG_UNKNOWN;
}

static enum mtalog_kind parse_postsuper(struct str s, struct mtalog_line *out)
{
	uint64_t n;

	if (take(&s, STR("Deleted: "))) {
		s.n = str_find(s, 0, ' ');
		if (str_u64(s, UINT32_MAX, &n) != 0)
			return MTALOG_UNKNOWN;
		out->count = (uint32_t)n;
		return MTALOG_DELETED_COUNT;
	}
	if (!take_id(&s, &out->queue_id))
		return MTALOG_OTHER;
	if (str_eq(s, STR("removed")))
		return MTALOG_DELETED;
	return str_eq(s, STR("placed on hold")) ? MTALOG_HOLD : MTALOG_OTHER;
}

static enum mtalog_kind parse_bounce(struct str s, struct mtalog_line *out)
{
	static const struct str mark = STR(" notification: ");
	const char *hit;

	if (!take_id(&s, &out->queue_id))
		return MTALOG_OTHER;
	hit = s.n > 0 ? memmem(s.p, s.n, mark.p, mark.n) : NULL;
	if (hit == NULL)
		return MTALOG_OTHER;
	out->text = str_cut(s, 0, (size_t)(hit - s.p));
	out->next_id = str_from(s, out->text.n + mark.n);
	return is_id(out->next_id) ? MTALOG_NOTICE : MTALOG_UNKNOWN;
}

/* "warning: process PATH pid 25456 killed by signal 9" */
static enum mtalog_kind parse_master(struct str s, struct mtalog_line *out)
{
	uint64_t pid;

	if (str_starts(s, STR("daemon started ")))
		return MTALOG_STARTED;
	if (!take(&s, STR("warning: process ")))
		return MTALOG_OTHER;
	s = str_from(s, str_find(s, 0, ' '));
	if (!take(&s, STR(" pid ")) ||
	    str_u64(str_cut(s, 0, str_find(s, 0, ' ')), UINT32_MAX, &pid) != 0)
		return MTALOG_OTHER;
	out->pid = (uint32_t)pid;
	return MTALOG_DIED;
}

static enum mtalog_kind parse_text(struct str s, struct mtalog_line *out)
{
	static const struct {
		struct str agent;
		enum mtalog_kind (*parse)(struct str, struct mtalog_line *);
	} known[] = {
	    {STR("smtpd"), parse_smtpd},
	    {STR("cleanup"), parse_cleanup},
	    {STR("qmgr"), parse_qmgr},
	    {STR("oqmgr"), parse_qmgr},
	    {STR("nqmgr"), parse_qmgr},
	    {STR("pickup"), parse_pickup},
	    {STR("postsuper"), parse_postsuper},
	    {STR("bounce"), parse_bounce},
	    {STR("master"), parse_master},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(out->agent, known[i].agent))
			return known[i].parse(s, out);
	return parse_agent(s, out);
}

enum mtalog_kind mtalog_postfix_text(
    struct str program, struct str text, struct mtalog_line *out)
{
	size_t at = str_rfind(program, '/');

	if (at == program.n)
		return out->kind = MTALOG_OTHER;
	out->agent = str_from(program, at + 1);
	out->instance = str_cut(program, 0, str_find(program, 0, '/'));
	return out->kind = parse_text(text, out);
}
