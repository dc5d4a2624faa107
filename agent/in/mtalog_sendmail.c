/* mtalog_sendmail.c - see mtalog_sendmail.h. Fields are taken strictly from
 * the left, up to reply= or stat=. */
#include "agent/in/mtalog_sendmail.h"

#include "agent/in/mtalog_id.h"

#include <string.h>

enum {
	MAX_FIELDS = 16
};

bool mtalog_sendmail_is(struct str program)
{
	return str_starts(program, STR("sendmail")) ||
	       str_starts(program, STR("sm-"));
}

/* --- recipients --- */

/* Where the address that s begins with ends: at a comma, or a ">" if it
 * begins with "<", outside of quotes. s.n: it has no end. */
static size_t address_end(struct str s)
{
	char end = s.n > 0 && s.p[0] == '<' ? '>' : ',';
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && s.p[i] == end)
			return end == '>' ? i + 1 : i;
	}
	return s.n;
}

bool mtalog_sendmail_rcpt(struct str *list, struct str *out)
{
	size_t n = address_end(*list);

	if (n == 0)
		return false;
	*out = str_cut(*list, 0, n);
	if (out->n >= 2 && out->p[0] == '<' && out->p[n - 1] == '>')
		*out = str_cut(*out, 1, n - 2);
	*list = str_from(*list, n + 1);
	return true;
}

/* "<a>,<b>, " -> the first and the rest, without the ", ". */
static bool take_list(struct str *s, struct mtalog_line *out)
{
	struct str list = *s;
	size_t at = 0;

	for (size_t i = 0; i < MTALOG_RCPTS_MAX; i++) {
		size_t n = address_end(str_from(*s, at));

		at += n;
		if (n == 0 || at + 1 >= s->n || s->p[at] != ',')
			return false;
		if (s->p[at + 1] != ' ') {
			at++;
			continue;
		}
		list.n = at;
		*s = str_from(*s, at + 2);
		out->more = list;
		return mtalog_sendmail_rcpt(&out->more, &out->rcpt);
	}
	return false;
}

/* --- to= lines --- */

struct fate {
	bool mailer; /* a delivery was tried */
	struct str reply, stat;
};

/* Takes "name=value, " off. */
static bool take_field(
    struct str *s, struct fate *fate, struct mtalog_line *out)
{
	size_t at;
	struct str value;

	if (mtalog_take(s, STR("ctladdr="))) {
		at = address_end(*s);
		*s = str_from(*s, at);
		at = str_find(*s, 0, ',');
		*s = str_from(*s, at);
		return mtalog_take(s, STR(", "));
	}
	at = str_find(*s, 0, ',');
	value = str_cut(*s, 0, at);
	*s = str_from(*s, at);
	if (!mtalog_take(s, STR(", ")))
		return false;
	if (mtalog_take(&value, STR("relay=")))
		out->relay = value;
	else if (mtalog_take(&value, STR("dsn=")))
		out->dsn = value;
	else if (str_starts(value, STR("mailer=")))
		fate->mailer = true;
	else if (str_find(value, 0, '=') == value.n)
		return str_eq(value, STR("[more]"));
	return true;
}

/* "550 5.1.1 no such user, stat=User unknown": what the server said may have
 * such a mark too, so the last one is ours. */
static void split_reply(struct str s, struct fate *fate)
{
	static const struct str mark = STR(", stat=");
	struct str rest = s;

	fate->reply = s;
	while (rest.n > 0) {
		const char *hit = memmem(rest.p, rest.n, mark.p, mark.n);
		if (hit == NULL)
			break;
		fate->reply = str_cut(s, 0, (size_t)(hit - s.p));
		rest = str_from(s, fate->reply.n + mark.n);
		fate->stat = rest;
	}
}

static bool read_fate(struct str s, struct fate *fate, struct mtalog_line *out)
{
	for (size_t i = 0; i < MAX_FIELDS; i++) {
		if (mtalog_take(&s, STR("stat="))) {
			fate->stat = s;
			return true;
		}
		if (mtalog_take(&s, STR("reply="))) {
			split_reply(s, fate);
			return true;
		}
		if (!take_field(&s, fate, out))
			return false;
	}
	return false;
}

/* Lines without dsn= say in words what happened: before 8.10 all did. */
static enum mtalog_status status_in_words(const struct fate *fate)
{
	if (fate->reply.n > 0)
		return MTALOG_NO_STATUS;
	if (str_starts(fate->stat, STR("Sent")))
		return MTALOG_SENT;
	if (str_starts(fate->stat, STR("Deferred")) ||
	    str_starts(fate->stat, STR("queued")) ||
	    str_starts(fate->stat, STR("quarantined")))
		return MTALOG_DEFERRED;
	return MTALOG_NO_STATUS;
}

static enum mtalog_status status_of(
    const struct fate *fate, const struct mtalog_line *out)
{
	if (!fate->mailer)
		return MTALOG_REFUSED;
	if (out->dsn.n == 0)
		return status_in_words(fate);
	switch (out->dsn.p[0]) {
	case '2':
		return fate->reply.n > 0 || str_starts(fate->stat, STR("Sent"))
			   ? MTALOG_SENT
			   : MTALOG_NO_STATUS;
	case '4':
		return MTALOG_DEFERRED;
	case '5':
		return MTALOG_BOUNCED;
	default:
		return MTALOG_NO_STATUS;
	}
}

/* The server's own words, where they are known. */
static struct str words_of(const struct fate *fate)
{
	struct str s = fate->stat;

	if (fate->reply.n > 0)
		return fate->reply;
	if (mtalog_take(&s, STR("Sent ("))) {
		if (s.n > 0 && s.p[s.n - 1] == ')')
			s.n--;
	} else {
		(void)mtalog_take(&s, STR("Deferred: "));
	}
	return s;
}

static enum mtalog_kind parse_to(struct str s, struct mtalog_line *out)
{
	struct fate fate = {0};

	if (!take_list(&s, out) || !read_fate(s, &fate, out))
		return MTALOG_UNKNOWN;
	out->status = status_of(&fate, out);
	if (out->status == MTALOG_NO_STATUS)
		return MTALOG_UNKNOWN;
	out->text = words_of(&fate);
	if (out->status == MTALOG_SENT)
		out->next_id = mtalog_queued_as(out->text);
	/* one that only waits may be an alias yet */
	out->is_try = fate.mailer && out->dsn.n > 0;
	return MTALOG_DELIVERY;
}

/* --- other lines --- */

/* "milter=NAME, quarantine=REASON" */
static bool is_quarantine(struct str s)
{
	if (!mtalog_take(&s, STR("milter=")))
		return false;
	return str_starts(
	    str_from(s, str_find(s, 0, ',')), STR(", quarantine="));
}

/* "id: DSN: User unknown" behind the first id: a message about this one, or
 * an envelope made of it. */
static enum mtalog_kind parse_second_id(struct str s, struct mtalog_line *out)
{
	static const struct str notices[] = {STR("DSN: "),
	    STR("sender notify: "), STR("return to sender: "),
	    STR("postmaster notify: ")};
	struct str first = out->queue_id;

	if (!mtalog_id_take(&s, mtalog_id_sendmail, &out->next_id))
		return MTALOG_OTHER;
	if (str_starts(s, STR("clone: "))) {
		out->queue_id = out->next_id;
		out->next_id = first;
		return MTALOG_PICKUP;
	}
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		if (mtalog_take(&s, notices[i])) {
			out->text = s;
			return str_starts(s, STR("Cannot send message "))
				   ? MTALOG_EXPIRED
				   : MTALOG_NOTICE;
		}
	return MTALOG_OTHER;
}

static enum mtalog_kind parse_text(struct str s, struct mtalog_line *out)
{
	if (mtalog_take(&s, STR("to=")))
		return parse_to(s, out);
	if (str_starts(s, STR("from=")) && mtalog_id_is_old(out->queue_id))
		return MTALOG_MESSAGE_ID;
	if (str_eq(s, STR("Milter accept: message")))
		return MTALOG_ACTIVE;
	if (mtalog_take(&s, STR("Milter: data, reject=")) ||
	    mtalog_take(&s, STR("Milter: cmd=data, reject="))) {
		out->text = s;
		return MTALOG_REJECT;
	}
	if (str_eq(s, STR("Milter: data, discard")) ||
	    str_eq(s, STR("Milter: cmd=data, discard")) ||
	    str_eq(s, STR("discarded")))
		return MTALOG_DISCARD;
	if (is_quarantine(s))
		return MTALOG_HOLD;
	if (str_starts(s, STR("done; delay=")))
		return MTALOG_REMOVED;
	return parse_second_id(s, out);
}

enum mtalog_kind mtalog_sendmail_text(
    struct str program, struct str text, struct mtalog_line *out)
{
	out->agent = out->instance = program;
	out->kind = MTALOG_OTHER;
	if (mtalog_id_take(&text, mtalog_id_sendmail, &out->queue_id))
		out->kind = parse_text(text, out);
	return out->kind;
}
