/* dsn.c - see dsn.h. */
#include "policy/mail/dsn.h"

#include "policy/mail/charset.h"
#include "policy/mail/headblock.h"
#include "policy/mail/multireport.h"

#include <stddef.h>
#include <string.h>

/* ---- codings ---- */

static int upper_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int dsn_xtext(struct str s, struct arena *a, struct str *out)
{
	char *to;
	size_t n = 0;

	*out = s;
	if (str_find(s, 0, '+') == s.n)
		return 0;
	to = arena_alloc(a, s.n + 1);
	if (to == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		to[n] = s.p[i];
		if (s.p[i] == '+') {
			hi = i + 1 < s.n ? upper_hex(s.p[i + 1]) : -1;
			lo = i + 2 < s.n ? upper_hex(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0 || hi * 16 + lo < ' ')
				return ERR_SYNTAX;
			to[n] = (char)(hi * 16 + lo);
			i += 2;
		}
		n++;
	}
	*out = (struct str){to, n};
	return 0;
}

static char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* "\x{...}" at s; the bytes read, or 0. */
static size_t code_point(struct str s, uint32_t *out)
{
	uint32_t v = 0;
	size_t i = 3;

	if (!str_starts(s, STR("\\x{")))
		return 0;
	for (; i < s.n && s.p[i] != '}'; i++) {
		int d = upper_hex(ascii_upper(s.p[i]));
		if (d < 0 || i >= 9)
			return 0;
		v = v * 16 + (uint32_t)d;
	}
	if (i == 3 || i >= s.n || v < ' ' || v == 0x7f || v > 0x10ffff ||
	    (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*out = v;
	return i + 1;
}

int dsn_utf8_xtext(struct str s, struct arena *a, struct str *out)
{
	char *to;
	size_t n = 0, i = 0;

	*out = s;
	if (str_find(s, 0, '\\') == s.n)
		return 0;
	to = arena_alloc(a, s.n + 1);
	if (to == NULL)
		return ERR_LIMIT;
	while (i < s.n) {
		uint32_t v;
		size_t used;

		if (s.p[i] != '\\') {
			to[n++] = s.p[i++];
			continue;
		}
		used = code_point(str_from(s, i), &v);
		if (used == 0)
			return ERR_SYNTAX;
		/* at most four bytes, and "\x{0}" is five */
		n += charset_put_utf8(v, to + n);
		i += used;
	}
	*out = (struct str){to, n};
	return 0;
}

/* ---- fields ---- */

enum field_kind {
	FIELD_TEXT,    /* one line of text */
	FIELD_TYPED,   /* type; text: the text alone */
	FIELD_ADDRESS, /* type; address: both */
	FIELD_CODED,   /* type; text: both */
	FIELD_STATUS,  /* code comment: both */
	FIELD_ACTION,
};

struct field {
	struct str name;
	enum field_kind kind;
	size_t also_at, at; /* struct str members: type or comment, text */
};

#define RCPT(member) offsetof(struct dsn_recipient, member)
#define MSG(member) offsetof(struct dsn, member)

static const struct field rcpt_fields[] = {
    {STR("Final-Recipient"), FIELD_ADDRESS, RCPT(final_type), RCPT(final)},
    {STR("Original-Recipient"), FIELD_ADDRESS, RCPT(original_type),
	RCPT(original)},
    {STR("Action"), FIELD_ACTION, 0, 0},
    {STR("Status"), FIELD_STATUS, RCPT(status_note), RCPT(status)},
    {STR("Remote-MTA"), FIELD_TYPED, 0, RCPT(remote_mta)},
    {STR("Diagnostic-Code"), FIELD_CODED, RCPT(diagnostic_type),
	RCPT(diagnostic)},
    {STR("Last-Attempt-Date"), FIELD_TEXT, 0, RCPT(last_attempt)},
    {STR("Will-Retry-Until"), FIELD_TEXT, 0, RCPT(will_retry_until)},
};

static const struct field message_fields[] = {
    {STR("Reporting-MTA"), FIELD_TYPED, 0, MSG(reporting_mta)},
    {STR("Original-Envelope-Id"), FIELD_TEXT, 0, MSG(envelope_id)},
    {STR("Arrival-Date"), FIELD_TEXT, 0, MSG(arrival_date)},
    {STR("X-Postfix-Queue-ID"), FIELD_TEXT, 0, MSG(queue_id)},
    {STR("X-Postfix-Sender"), FIELD_TYPED, 0, MSG(sender)},
};

static const struct field *find_field(
    const struct field *v, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(v[i].name, name))
			return &v[i];
	return NULL;
}

static enum dsn_action action_of(struct str value)
{
	static const struct {
		struct str name;
		enum dsn_action action;
	} names[] = {
	    {STR("failed"), DSN_FAILED},
	    {STR("failure"), DSN_FAILED},
	    {STR("delayed"), DSN_DELAYED},
	    {STR("delivered"), DSN_DELIVERED},
	    {STR("relayed"), DSN_RELAYED},
	    {STR("expanded"), DSN_EXPANDED},
	};
	struct str word = str_trim(value);

	for (size_t i = 0; i < word.n; i++)
		if (!ascii_is_alnum(word.p[i])) {
			word.n = i; /* a comment follows */
			break;
		}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(word, names[i].name))
			return names[i].action;
	return DSN_NO_ACTION;
}

/* "5.1.1 (comment)": the code alone; empty if it is none. */
static struct str status_of(struct str s)
{
	struct str rest, class, subject, detail;
	size_t n = 0;

	while (n < s.n && (ascii_is_digit(s.p[n]) || s.p[n] == '.'))
		n++;
	rest = s = str_cut(s, 0, n);
	if (!str_next(&rest, '.', &class) || !str_next(&rest, '.', &subject) ||
	    !str_next(&rest, '.', &detail) || rest.n > 0 || class.n != 1 ||
	    strchr("245", class.p[0]) == NULL || subject.n < 1 ||
	    subject.n > 3 || detail.n < 1 || detail.n > 3)
		return STR_NULL;
	return s;
}

/* Decodes the address forms of RFC 6533; anything else stays as it is. */
static int take_address(struct str type, struct arena *a, struct str *address)
{
	struct str plain;
	int rc;

	*address = multireport_address(*address);
	if (!str_ieq(type, STR("utf-8")))
		return 0;
	rc = dsn_utf8_xtext(*address, a, &plain);
	if (rc == 0)
		*address = plain;
	return rc == ERR_SYNTAX ? 0 : rc;
}

/* Sets the members that belong to the field in *to, a struct dsn or a struct
 * dsn_recipient. */
static int set_field(
    const struct field *f, struct str value, struct arena *a, char *to)
{
	struct str *slot = (void *)(to + f->at);
	struct str *also = (void *)(to + f->also_at);
	struct str text = multireport_text(a, value), type;

	if (text.p == NULL)
		return ERR_LIMIT;
	if (f->kind == FIELD_TEXT) {
		*slot = text;
		return 0;
	}
	if (f->kind == FIELD_STATUS) {
		*slot = status_of(text);
		*also = str_trim(str_from(text, slot->n));
		return 0;
	}
	*slot = multireport_typed(text, &type);
	if (f->kind == FIELD_TYPED)
		return 0;
	*also = type;
	return f->kind == FIELD_ADDRESS ? take_address(type, a, slot) : 0;
}

/* ---- groups ---- */

struct reader {
	struct arena *a;
	struct dsn *out;
	size_t cap;
	bool open;     /* the last recipient takes more fields */
	unsigned seen; /* bit i: rcpt_fields[i] has come in this group */
};

enum {
	FIRST_RECIPIENTS = 4
};

enum {
	FINAL = 0,
	ORIGINAL = 1,
	ACTION = 2,
	STATUS = 3
};

static bool has(const struct reader *r, size_t field)
{
	return (r->seen >> field & 1) != 0;
}

static int add_recipient(struct reader *r)
{
	struct dsn *d = r->out;
	struct dsn_recipient *v = arena_room(
	    r->a, d->rcpt, d->n, &r->cap, FIRST_RECIPIENTS, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	d->rcpt = v;
	d->rcpt[d->n++] = (struct dsn_recipient){0};
	r->open = true;
	r->seen = 0;
	return 0;
}

static int take_recipient_field(
    struct reader *r, size_t field, struct str value)
{
	struct dsn_recipient *rcpt;
	bool again = r->open && has(r, field);
	bool opens = field == FINAL || field == ORIGINAL;

	if (again && !opens)
		return 0; /* twice in a group: the first counts */
	if (!r->open || again) {
		int rc;
		if (r->out->n == DSN_MAX_RECIPIENTS) {
			r->out->cut = true;
			r->open = false;
			return 0;
		}
		rc = add_recipient(r);
		if (rc != 0)
			return rc;
	}
	r->seen |= 1U << field;
	rcpt = &r->out->rcpt[r->out->n - 1];
	if (field == ACTION) {
		rcpt->action = action_of(value);
		return 0;
	}
	return set_field(&rcpt_fields[field], value, r->a, (char *)rcpt);
}

static int take_field(struct reader *r, const struct header *h, bool gap)
{
	const struct field *f;

	if (gap && r->open && has(r, FINAL) &&
	    (has(r, ACTION) || has(r, STATUS)))
		r->open = false;
	f = find_field(
	    rcpt_fields, sizeof(rcpt_fields) / sizeof(*rcpt_fields), h->name);
	if (f != NULL)
		return take_recipient_field(
		    r, (size_t)(f - rcpt_fields), h->value);
	f = find_field(message_fields,
	    sizeof(message_fields) / sizeof(*message_fields), h->name);
	if (f == NULL ||
	    ((struct str *)(void *)((char *)r->out + f->at))->p != NULL)
		return 0;
	return set_field(f, h->value, r->a, (char *)r->out);
}

static int read_fields(struct reader *r, struct str text)
{
	struct header h;
	size_t at = 0;
	bool gap;
	int rc = 0;

	r->open = false;
	while (rc == 0 && headblock_seek(text, &at, &h, &gap))
		rc = take_field(r, &h, gap);
	return rc;
}

static int read_part(struct reader *r, const struct mime_part *p)
{
	struct str body;
	int rc = multireport_body(p, r->a, &body);

	if (rc == ERR_SYNTAX)
		return 0; /* unknown encoding: nothing to read */
	return rc != 0 ? rc : read_fields(r, body);
}

static int decode_originals(struct reader *r)
{
	for (size_t i = 0; i < r->out->n; i++) {
		struct dsn_recipient *rcpt = &r->out->rcpt[i];
		struct str plain;
		int rc = dsn_xtext(rcpt->original, r->a, &plain);

		if (rc == ERR_LIMIT)
			return rc;
		if (rc == 0 && !str_eq(plain, rcpt->original))
			rcpt->original_xtext = plain;
	}
	return 0;
}

int dsn_read(struct str text, struct arena *a, struct dsn *out)
{
	struct reader r = {.a = a, .out = out};
	int rc;

	*out = (struct dsn){0};
	rc = read_fields(&r, text);
	if (rc == 0)
		rc = decode_originals(&r);
	return rc == 0 && out->n == 0 ? ERR_NOT_FOUND : rc;
}

int dsn_parse(const struct mime *m, struct arena *a, struct dsn *out)
{
	struct reader r = {.a = a, .out = out};
	const struct mime_part *p;
	size_t at = 0, parts = 0;
	int rc = 0;

	*out = (struct dsn){0};
	while (rc == 0 &&
	       (p = multireport_next(m, "delivery-status", &at)) != NULL) {
		rc = read_part(&r, p);
		parts++;
	}
	if (rc == 0 && parts == 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		rc = decode_originals(&r);
	if (rc == 0)
		rc = multireport_returned(
		    m, a, &out->original, &out->has_original);
	return rc;
}
