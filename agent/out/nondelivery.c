/* nondelivery.c - see nondelivery.h. The whole original is returned only where
 * the sender asked for it (RET=FULL) and it is not large: it is his own mail,
 * and an application wants the address and the reason. */
#include "agent/out/nondelivery.h"

#include "agent/out/maildate.h"
#include "policy/base/codec.h"
#include "policy/mail/headblock.h"

#include <string.h>

enum {
	HEADER_MAX = 128 << 10,
	FULL_MAX = 1 << 20,
	FIELD_MAX = 800,
};

bool nondelivery_is_wanted(const struct envelope *e, uint32_t index)
{
	struct str notify, word;

	if (e->sender.n == 0)
		return false;
	if (!envelope_arg(&e->rcpts[index].args, STR("NOTIFY"), &notify))
		return true;
	while (str_next(&notify, ',', &word))
		if (str_ieq(word, STR("FAILURE")))
			return true;
	return false;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

bool nondelivery_is_utf8(const struct envelope *e, uint32_t index)
{
	return !is_ascii(e->sender) || !is_ascii(e->rcpts[index].address);
}

static void add_date(struct buf *out, const char *name, int64_t ms)
{
	buf_printf(out, "%s: ", name);
	maildate_add(out, ms);
	buf_addz(out, "\r\n");
}

/* What strangers wrote, on one line. */
static void add_clean(struct buf *out, struct str value)
{
	value = str_cut(value, 0, FIELD_MAX);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		buf_addc(out, c < ' ' || c == 0x7f ? '?' : value.p[i]);
	}
}

static void add_field(
    struct buf *out, const char *name, struct str type, struct str value)
{
	buf_printf(out, "%s: ", name);
	add_clean(out, type);
	add_clean(out, value);
	buf_addz(out, "\r\n");
}

/* RFC 3461 section 4: "+2B" is "+"; what does not decode stays. */
static void add_xtext(
    struct buf *out, const char *name, struct str type, struct str value)
{
	struct buf plain;

	buf_init(&plain, FIELD_MAX);
	value = str_cut(value, 0, FIELD_MAX);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c;

		if (value.p[i] == '+' &&
		    codec_unhex(str_cut(value, i + 1, 2), 1, &c) == 0) {
			buf_addc(&plain, (char)c);
			i += 2;
		} else {
			buf_addc(&plain, value.p[i]);
		}
	}
	add_field(out, name, type, buf_str(&plain));
	buf_fini(&plain);
}

static void add_boundary(
    struct buf *out, const struct nondelivery *n, const char *end)
{
	buf_printf(out, "\r\n--=_tendril_%016llx_%u%s\r\n",
	    (unsigned long long)n->copy_id, n->index, end);
}

static void add_head(struct buf *out, const struct nondelivery *n)
{
	buf_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%.*s>\r\n",
	    STR_ARG(n->host));
	buf_addz(out, "To: <");
	add_clean(out, n->envelope->sender);
	buf_addz(out, ">\r\nSubject: Undelivered Mail Returned to Sender\r\n");
	add_date(out, "Date", n->now_ms);
	buf_printf(out, "Message-ID: <%016llx.%u.%s@%.*s>\r\n",
	    (unsigned long long)n->copy_id, n->index,
	    n->relayed ? "relay" : "report", STR_ARG(n->host));
	buf_addz(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
		      "Content-Type: multipart/report; "
		      "report-type=delivery-status;\r\n");
	buf_printf(out, "\tboundary=\"=_tendril_%016llx_%u\"\r\n",
	    (unsigned long long)n->copy_id, n->index);
}

static void add_reason(struct buf *out, const struct nondelivery *n)
{
	if (n->code != 0)
		buf_printf(out, "%d ", n->code);
	if (n->status.n > 0)
		buf_printf(out, "%.*s ", STR_ARG(n->status));
	buf_add(out, n->reason);
	buf_addz(out, "\r\n");
}

static void add_words(struct buf *out, const struct nondelivery *n)
{
	add_boundary(out, n, "");
	buf_addz(out, "Content-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n");
	buf_printf(out, "This is %.*s.\r\n\r\n", STR_ARG(n->host));
	buf_addz(out, n->relayed
			  ? "Your message was sent, and could not be delivered "
			    "to this recipient:\r\n\r\n"
			  : "Your message was not sent to this recipient, and "
			    "will not be:\r\n\r\n");
	buf_addz(out, "    <");
	add_clean(out, n->envelope->rcpts[n->index].address);
	buf_addz(out, ">\r\n\r\nThe reason:\r\n\r\n    ");
	add_reason(out, n);
}

static void add_recipient(struct buf *out, const struct nondelivery *n)
{
	const struct envelope_rcpt *r = &n->envelope->rcpts[n->index];
	struct str orcpt;

	if (envelope_arg(&r->args, STR("ORCPT"), &orcpt)) {
		size_t semi = str_find(orcpt, 0, ';');

		add_xtext(out, "Original-Recipient",
		    str_cut(orcpt, 0, semi + 1), str_from(orcpt, semi + 1));
	}
	add_field(out, "Final-Recipient",
	    is_ascii(r->address) ? STR("rfc822;") : STR("utf-8;"), r->address);
}

/* "550 no": as SMTP has it, which others' programs look for. */
static bool is_reply(struct str s)
{
	return s.n > 3 && (s.p[0] == '4' || s.p[0] == '5') &&
	       ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]) &&
	       (s.p[3] == ' ' || s.p[3] == '-');
}

/* Postfix's log: "host mx.example[192.0.2.1] said: 550 no (in reply to ...)". */
static void add_diagnostic(struct buf *out, struct str said)
{
	static const char mark[] = " said: ";
	const char *hit =
	    said.n > 0 ? memmem(said.p, said.n, mark, sizeof(mark) - 1) : NULL;
	struct str words = said;

	if (hit != NULL)
		words =
		    str_from(said, (size_t)(hit - said.p) + sizeof(mark) - 1);
	if (is_reply(words))
		add_field(out, "Diagnostic-Code", STR("smtp; "), words);
	else if (said.n > 0)
		add_field(out, "Diagnostic-Code", STR("X-Tendril; "), said);
}

static void add_status(struct buf *out, const struct nondelivery *n)
{
	const struct envelope *e = n->envelope;
	bool utf8 = nondelivery_is_utf8(e, n->index);
	struct str envid;

	add_boundary(out, n, "");
	buf_printf(out, "Content-Type: message/%sdelivery-status\r\n",
	    utf8 ? "global-" : "");
	if (utf8)
		buf_addz(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_addz(out, "\r\n");
	add_field(out, "Reporting-MTA", STR("dns; "), n->host);
	if (envelope_arg(&e->sender_args, STR("ENVID"), &envid))
		add_xtext(out, "Original-Envelope-Id", STR(""), envid);
	if (e->arrived_ms != 0)
		add_date(out, "Arrival-Date", e->arrived_ms);
	if (n->queue_id.n > 0)
		add_field(out, "X-Tendril-Queue-ID", STR(""), n->queue_id);
	buf_addz(out, "\r\n");
	add_recipient(out, n);
	buf_addz(out, "Action: failed\r\n");
	add_field(
	    out, "Status", STR(""), n->status.n > 0 ? n->status : STR("5.0.0"));
	if (n->code != 0) {
		buf_addz(out, "Diagnostic-Code: smtp; ");
		add_reason(out, n);
	} else {
		add_diagnostic(out, n->diagnostic);
	}
}

static size_t head_size(struct str message)
{
	struct header h;
	size_t at = 0;

	while (headblock_next(message, &at, &h))
		;
	return at;
}

static void add_original(struct buf *out, const struct nondelivery *n)
{
	struct str ret = STR(""), what = n->message;
	bool utf8 = nondelivery_is_utf8(n->envelope, n->index), full;

	full = envelope_arg(&n->envelope->sender_args, STR("RET"), &ret) &&
	       str_ieq(ret, STR("FULL")) && what.n <= FULL_MAX;
	add_boundary(out, n, "");
	if (full)
		buf_printf(out, "Content-Type: message/%s\r\n",
		    utf8 ? "global" : "rfc822");
	else
		buf_printf(out, "Content-Type: %s\r\n",
		    utf8 ? "message/global-headers" : "text/rfc822-headers");
	if (!is_ascii(what))
		buf_addz(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_addz(out, "\r\n");
	buf_add(out,
	    full ? what
		 : str_cut(str_cut(what, 0, head_size(what)), 0, HEADER_MAX));
}

int nondelivery_write(const struct nondelivery *n, struct buf *out)
{
	add_head(out, n);
	add_words(out, n);
	add_status(out, n);
	add_original(out, n);
	add_boundary(out, n, "--");
	return buf_error(out);
}
