/* fuzz_mtalog.c - any bytes as a mail log, as what is left of a former life,
 * and as each text in a line that a stranger writes: there it must change no
 * other field. */
#include "tests/fuzz/fuzz.h"

#include "agent/in/mtalog.h"
#include "agent/in/mtalog_follow.h"
#include "agent/in/outcome.h"

#define AT "Nov 22 10:05:32 mx postfix/"
#define ID "4jXQLJ4D3qz1bXx0"
#define SENDMAIL "Nov 22 10:05:32 mx sendmail[7]: 6AN6n0XH018567: "
#define TRIED                                                                  \
	", delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=r, "

static const struct mtalog_when when = {.reference_ms = 1795348800000};

static void count(void *arg, const struct outcome *o)
{
	unsigned *n = arg;

	FUZZ_CHECK(o->kind <= OUTCOME_GAP);
	FUZZ_CHECK(o->queue_id.n <= 31);
	(*n)++;
}

static void check_inside(struct str line, struct str s)
{
	FUZZ_CHECK(s.n == 0 || (s.p >= line.p && s.p + s.n <= line.p + line.n));
}

/* Outcomes of a line besides that of each recipient: that there are more of
 * them than one was told; that an id begins anew. */
static unsigned besides(const struct mtalog_line *l)
{
	return l->is_try || l->kind == MTALOG_PICKUP;
}

static void check_log(struct outcome_book *b, struct str in)
{
	unsigned outcomes = 0, before;
	struct str line;

	while (str_next(&in, '\n', &line)) {
		struct mtalog_line l;
		FUZZ_CHECK(mtalog_parse(line, &when, &l) == l.kind);
		FUZZ_CHECK(l.kind < MTALOG_KINDS);
		check_inside(line, l.queue_id);
		check_inside(line, l.next_id);
		check_inside(line, l.rcpt);
		check_inside(line, l.orig_rcpt);
		check_inside(line, l.sender);
		check_inside(line, l.more);
		check_inside(line, l.text);
		before = outcomes;
		outcome_line(b, &l, count, &outcomes);
		FUZZ_CHECK(outcomes - before <= MTALOG_RCPTS_MAX + besides(&l));
		FUZZ_CHECK(outcomes - before <= 1 + besides(&l) ||
			   l.more.n > 0 ||
			   l.kind == MTALOG_CLIENT ||
			   l.kind == MTALOG_CONNECT || l.kind == MTALOG_DIED ||
			   l.kind == MTALOG_DISCONNECT ||
			   l.kind == MTALOG_STARTED);
	}
}

static void check_import(struct outcome_book *b, struct str text)
{
	struct buf one, two;

	if (outcome_import(b, text) != 0)
		return;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	outcome_export(b, &one);
	FUZZ_CHECK(buf_error(&one) == 0);
	FUZZ_CHECK(outcome_import(b, buf_str(&one)) == 0);
	outcome_export(b, &two);
	FUZZ_CHECK(one.n == two.n);
	buf_fini(&one);
	buf_fini(&two);
}

static void parse(struct buf *line, struct mtalog_line *out)
{
	FUZZ_CHECK(buf_error(line) == 0);
	mtalog_parse(buf_str(line), &when, out);
	FUZZ_CHECK(str_eq(out->queue_id, STR(ID)));
}

static void check_reply(struct buf *b, struct str text)
{
	struct mtalog_line l;

	buf_addz(b, AT "smtp[7]: " ID ": to=<a@example.com>, relay=r, "
		       "dsn=5.1.1, status=bounced (");
	buf_add(b, text);
	buf_addz(b, ")");
	parse(b, &l);
	FUZZ_CHECK(l.kind == MTALOG_DELIVERY && l.status == MTALOG_BOUNCED);
	FUZZ_CHECK(str_eq(l.rcpt, STR("a@example.com")));
	FUZZ_CHECK(str_eq(l.dsn, STR("5.1.1")) && l.orig_rcpt.n == 0);
	FUZZ_CHECK(str_eq(l.text, text));
}

static void check_sender(struct buf *b, struct str text)
{
	struct mtalog_line l;

	buf_addz(b, AT "qmgr[7]: " ID ": from=<");
	buf_add(b, text);
	buf_addz(b, ">, size=1, nrcpt=1 (queue active)");
	parse(b, &l);
	FUZZ_CHECK(l.kind == MTALOG_ACTIVE && str_eq(l.sender, text));
	buf_reset(b);
	buf_addz(b, AT "pickup[7]: " ID ": uid=0 from=<");
	buf_add(b, text);
	buf_addz(b, ">");
	parse(b, &l);
	FUZZ_CHECK(l.kind == MTALOG_PICKUP && str_eq(l.sender, text));
	FUZZ_CHECK(l.next_id.n == 0);
}

/* As Postfix quotes it. */
static void check_recipient(struct buf *b, struct str text)
{
	struct mtalog_line l;

	buf_addz(b, AT "smtp[7]: " ID ": to=<\"");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, text.p[i]);
	}
	buf_addz(b, "\"@example.com>, relay=r, dsn=2.0.0, status=sent (ok)");
	parse(b, &l);
	FUZZ_CHECK(l.kind == MTALOG_DELIVERY && l.status == MTALOG_SENT);
	FUZZ_CHECK(str_ends(l.rcpt, STR("\"@example.com")));
	FUZZ_CHECK(str_eq(l.relay, STR("r")) && str_eq(l.text, STR("ok")));
}

static void check_fate(struct buf *b, enum mtalog_status want, const char *dsn)
{
	struct mtalog_line l;

	FUZZ_CHECK(buf_error(b) == 0);
	mtalog_parse(buf_str(b), &when, &l);
	FUZZ_CHECK(l.kind == MTALOG_DELIVERY && l.status == want);
	FUZZ_CHECK(str_eq(l.queue_id, STR("6AN6n0XH018567")));
	FUZZ_CHECK(str_eq(l.dsn, str_of(dsn)) && str_eq(l.relay, STR("r")));
	FUZZ_CHECK(l.more.n == 0);
	buf_reset(b);
}

/* What a server says to Sendmail stands behind what became of the message. */
static void check_sendmail(struct buf *b, struct str text)
{
	buf_addz(
	    b, SENDMAIL "to=<a@example.com>" TRIED "dsn=5.1.1, reply=550 ");
	buf_add(b, text);
	buf_addz(b, ", stat=User unknown");
	check_fate(b, MTALOG_BOUNCED, "5.1.1");
	buf_addz(b, SENDMAIL "to=<a@example.com>" TRIED "dsn=4.2.0, "
			     "stat=Deferred: ");
	buf_add(b, text);
	check_fate(b, MTALOG_DEFERRED, "4.2.0");
	buf_addz(
	    b, SENDMAIL "to=<a@example.com>" TRIED "dsn=2.0.0, stat=Sent (");
	buf_add(b, text);
	buf_addz(b, ")");
	check_fate(b, MTALOG_SENT, "2.0.0");
	buf_addz(b, SENDMAIL "to=<\"");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, text.p[i]);
	}
	buf_addz(b, "\"@example.com>" TRIED "dsn=2.0.0, stat=Sent");
	check_fate(b, MTALOG_SENT, "2.0.0");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct outcome_book *b = outcome_new(64);
	struct mtalog_pos pos;
	struct buf line;

	if (b == NULL)
		return 0;
	buf_init(&line, 4 * n + 200);
	check_log(b, in);
	check_import(b, in);
	check_reply(&line, in);
	buf_reset(&line);
	check_sender(&line, in);
	buf_reset(&line);
	check_recipient(&line, in);
	buf_reset(&line);
	check_sendmail(&line, in);
	if (mtalog_pos_decode(in, &pos) == 0)
		FUZZ_CHECK(pos.head_n <= pos.offset);
	buf_fini(&line);
	outcome_free(&b);
	return 0;
}
