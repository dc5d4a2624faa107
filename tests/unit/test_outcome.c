/* test_outcome.c - agent/in/outcome.h. The logs in tests/data/mtalog were
 * written by Postfix 3.7.11 (names and addresses changed), one file a group of
 * cases; X.outcomes is what has to come of X.log, in the form of
 * outcome_text.h. What a real log has too seldom is scripted below. */
#include "agent/in/handoff.h"
#include "agent/in/mtalog.h"
#include "agent/in/outcome.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "tests/unit/outcome_text.h"
#include "tests/unit/tap.h"

#include <limits.h>

/* 2026-11-22T12:00:00Z */
static const struct mtalog_when when = {.reference_ms = 1795348800000};

static const struct str relay_list[] = {
    STR("127.0.0.1:10025"), STR("filter.example.net")};
static const struct strs relays = {relay_list, 2};

static bool handoff_on; /* with these relays, */
static bool one_known;  /* and one message on record, A */

#define A "4jXQLJ4D3qz1bXx0"

/* What the ledger would say: A, and what the outcomes moved it to. */
struct on_record {
	char ids[400]; /* each behind a blank */
};
static struct on_record record;

static bool is_on_record(void *arg, struct str id)
{
	const struct on_record *r = arg;
	char word[40];

	snprintf(word, sizeof(word), " %.*s ", STR_ARG(id));
	return strstr(r->ids, word) != NULL;
}

static void collect(void *arg, const struct outcome *o)
{
	outcome_text(arg, o);
	if (o->kind == OUTCOME_MOVED && is_on_record(&record, o->queue_id) &&
	    !is_on_record(&record, o->next_id))
		snprintf(record.ids + strlen(record.ids),
		    sizeof(record.ids) - strlen(record.ids), "%.*s ",
		    STR_ARG(o->next_id));
}

static void set_handoffs(struct outcome_book *b)
{
	if (handoff_on)
		outcome_handoffs(
		    b, relays, one_known ? is_on_record : NULL, &record);
}

/* A new life after each line: the book is exported and imported. */
static void relive(struct outcome_book **b)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	outcome_export(*b, &text);
	outcome_free(b);
	*b = outcome_new(64);
	if (*b != NULL)
		set_handoffs(*b);
	if (*b == NULL || buf_error(&text) != 0 ||
	    outcome_import(*b, buf_str(&text)) != 0)
		bug("import");
	buf_fini(&text);
}

enum {
	STRAIGHT,
	RELIVE
};

static void feed(
    struct outcome_book **b, struct str log, int mode, struct buf *out)
{
	struct str line;

	while (str_next(&log, '\n', &line)) {
		struct mtalog_line l;
		if (line.n == 0)
			continue;
		mtalog_parse(line, &when, &l);
		outcome_line(*b, &l, collect, out);
		if (mode == RELIVE)
			relive(b);
	}
}

static void read_data(const char *name, const char *end, struct buf *out)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	struct error err = {0};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tests/data/mtalog/%s%s",
	    dir != NULL ? dir : ".", name, end);
	buf_init(out, 1 << 20);
	if (file_read(path, out, &err) != 0)
		bug("%s", err.text);
}

static void test_real(const char *name)
{
	struct buf log, want;

	read_data(name, ".log", &log);
	read_data(name, ".outcomes", &want);
	OK(want.n > 0, "%s: there is something to compare", name);
	for (int mode = STRAIGHT; mode <= RELIVE; mode++) {
		struct outcome_book *b = outcome_new(64);
		struct outcome_stats stats;
		struct buf got;

		buf_init(&got, 1 << 20);
		feed(&b, buf_str(&log), mode, &got);
		IS_S(buf_str(&got), buf_str(&want), "%s, %s", name,
		    mode == RELIVE ? "restarted after each line" : "straight");
		outcome_stats(b, &stats);
		IS_INT(
		    stats.lines[MTALOG_UNKNOWN], 0, "%s: all understood", name);
		buf_fini(&got);
		outcome_free(&b);
	}
	buf_fini(&log);
	buf_fini(&want);
}

#define AT "Nov 22 10:05:32 mx postfix/"
#define B "4jXQLJ4JPjz1bXxJ"
#define C "4jXQMT3nvwz1bYWC"
#define CONNECT(pid) AT "smtpd[" pid "]: connect from a[192.0.2.1]\n"
#define CLIENT(pid, id) AT "smtpd[" pid "]: " id ": client=a[192.0.2.1]\n"
#define END(pid, counts)                                                       \
	AT "smtpd[" pid "]: disconnect from a[192.0.2.1] ehlo=1 " counts       \
	   " commands=5\n"
#define ACTIVE(id)                                                             \
	AT "qmgr[2]: " id ": from=<n@example.net>, size=1, nrcpt=1 (queue "    \
	   "active)\n"
#define REJECT(id)                                                             \
	AT "cleanup[3]: " id ": milter-reject: END-OF-MESSAGE from "           \
	   "a[192.0.2.1]: 4.7.1 x\n"

static const struct {
	const char *name, *log, *want;
} scripts[] = {
    {"accepted, and the queue manager has not come to it",
	CONNECT("7") CLIENT("7", A) END("7", "data=1"),
	"queued " A " - - - -\n"},
    {"two accepted, one seen in the queue",
	CONNECT("7") CLIENT("7", A) CLIENT("7", B) ACTIVE(B) END("7", "data=2"),
	"queued " B " - - - -\nqueued " A " - - - -\n"},
    {"one of two accepted, which one is not known",
	CONNECT("7") CLIENT("7", A) CLIENT("7", B) END("7", "data=1/2"),
	"session-end " A " - - - -\nsession-end " B " - - - -\n"},
    {"the one that was accepted is known",
	CONNECT("7") CLIENT("7", A) CLIENT("7", B) ACTIVE(A)
	    END("7", "data=1/2"),
	"queued " A " - - - -\nsession-end " B " - - - - refused\n"},
    {"a rejected one does not count as accepted",
	CONNECT("7") CLIENT("7", A) REJECT(A) CLIENT("7", B)
	    END("7", "data=1/2"),
	"rejected " A " - - - -\nqueued " B " - - - -\n"},
    {"fewer accepted than came to the queue: smtpd gave up waiting",
	CONNECT("7") CLIENT("7", A) ACTIVE(A) CLIENT("7", B)
	    END("7", "data=0/2"),
	"queued " A " - - - -\nsession-end " B " - - - -\n"},
    {"counts without the session's start mean nothing",
	CLIENT("7", B) END("7", "data=2"), "session-end " B " - - - -\n"},
    {"no counts (Postfix 2)",
	CONNECT("7") CLIENT("7", A) AT
	"smtpd[7]: disconnect from a[192.0.2.1]\n",
	"session-end " A " - - - -\n"},
    {"BDAT chunks are no messages",
	CONNECT("7") CLIENT("7", A) END("7", "bdat=3"),
	"session-end " A " - - - -\n"},
    {"no chunk accepted", CONNECT("7") CLIENT("7", A) END("7", "bdat=0/1"),
	"session-end " A " - - - - refused\n"},
    {"the same process takes the next connection without an end",
	CONNECT("7") CLIENT("7", A) CONNECT("7") CLIENT("7", B)
	    END("7", "data=0/1"),
	"session-end " A " - - - -\nsession-end " B " - - - - refused\n"},
    {"sessions of two processes",
	CONNECT("7") CONNECT("8") CLIENT("7", A) CLIENT("8", B)
	    END("8", "data=0/1") END("7", "data=1"),
	"session-end " B " - - - - refused\nqueued " A " - - - -\n"},
    {"another host and another instance with the same pid",
	CONNECT("7") CLIENT(
	    "7", A) "Nov 22 10:05:32 mx postfix-out/smtpd[7]: disconnect from "
		    "a[192.0.2.1] data=0/1 commands=5\n"
		    "Nov 22 10:05:32 my postfix/smtpd[7]: disconnect from "
		    "a[192.0.2.1] data=0/1 commands=5\n" END("7", "data=1"),
	"queued " A " - - - -\n"},
    {"a service of the same instance is ended by its master",
	"Nov 22 10:05:32 mx postfix/submission/smtpd[7]: " A ": client=a[::1]\n"
	"Nov 22 10:05:32 mx postfix-out/smtpd[8]: " B ": client=a[::1]\n" AT
	"master[1]: daemon started -- version 3.7.11\n",
	"session-end " A " - - - -\n"},
    {"rate limits of the logger end all certainty",
	CONNECT("7")
	    CLIENT("7", A) "Nov 22 10:05:32 mx rsyslogd: imuxsock lost 5 "
			   "messages from pid 7 "
			   "due to rate-limiting\n" END("7", "data=0/1"),
	"gap - - - - -\n"},
    {"hold by an access map concerns the next id only",
	CONNECT("7") AT "smtpd[7]: NOQUEUE: hold: RCPT from a[::1]: x\n" CLIENT(
	    "7", A) CLIENT("7", B) END("7", "data=1/2"),
	"held " A " - - - -\nsession-end " B " - - - - refused\n"},
    {"deleted one by one and all at once",
	AT "postsuper[9]: " A ": removed\n" AT "postsuper[9]: " B
	   ": removed\n" AT "postsuper[9]: Deleted: 2 messages\n" AT
	   "postsuper[10]: Deleted: 3 messages\n" AT "postsuper[11]: " C
	   ": removed\n" AT "postsuper[11]: Deleted: 5 messages\n" AT
	   "postsuper[11]: Deleted: 1 message\n",
	"deleted " A " - - - -\ndeleted " B " - - - -\n"
	"unnamed - - - - - count=3\ndeleted " C " - - - -\n"
	"unnamed - - - - - count=4\nunnamed - - - - - count=1\n"},
    {"an address check is no message",
	AT "smtp[5]: " A ": to=<l@example.com>, relay=none, dsn=5.1.1, "
	   "status=undeliverable (x)\n",
	""},
    {"delivery after deletion",
	AT "postsuper[9]: " A ": removed\n" AT "smtp[5]: " A
	   ": to=<l@example.com>, relay=r, dsn=2.0.0, status=sent (250)\n",
	"deleted " A " - - - -\ndelivered " A " l@example.com - - 2.0.0\n"},
};

static void test_scripts(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct outcome_book *b = outcome_new(64);
		struct buf got;

		buf_init(&got, 1 << 16);
		feed(&b, str_of(scripts[i].log), STRAIGHT, &got);
		IS_S(buf_str(&got), str_of(scripts[i].want), "%s",
		    scripts[i].name);
		buf_fini(&got);
		outcome_free(&b);
	}
}

#define SENT(id, to, relay, text)                                              \
	AT "smtp[5]: " id ": to=<" to ">, relay=" relay ", delay=1, "          \
	   "delays=1/0/0/0, dsn=2.0.0, status=sent (" text ")\n"
#define FILTER "127.0.0.1[127.0.0.1]:10025"
#define QUEUED(id) "250 2.0.0 Ok: queued as " id
#define GONE(id) AT "qmgr[2]: " id ": removed\n"
#define LATER(text) "Nov 22 10:05:50 mx postfix/" text
#define SAID(kind, id, to, next) kind " " id " " to " - " next " 2.0.0\n"

static const struct {
	const char *name, *log, *want;
} handoffs[] = {
    {"handed on, and delivered under the next id",
	SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A)
	    SENT(B, "l@x.net", "mx.x.net[192.0.2.2]:25", "250 Ok"),
	SAID("moved", A, "l@x.net", B) "removed " A " - - - -\n" SAID(
	    "delivered", B, "l@x.net", "-")},
    {"another port of that host is no such relay",
	SENT(A, "l@x.net", "127.0.0.1[127.0.0.1]:25", QUEUED(B)),
	SAID("delivered", A, "l@x.net", B)},
    {"the answer names no id", SENT(A, "l@x.net", FILTER, "250 Ok") GONE(A),
	SAID("moved", A, "l@x.net", "-") "removed " A " - - - -\n"},
    {"what was said before its id was known is said again",
	SENT(B, "l@x.net", "mx[192.0.2.2]:25", "250 Ok") GONE(B)
	    SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A),
	SAID("delivered", B, "l@x.net", "-") "removed " B " - - - -\n" SAID(
	    "moved", A, "l@x.net", B) SAID("delivered", B, "l@x.net",
	    "-") "removed " B " - - - -\nremoved " A " - - - -\n"},
    {"over two hops, both too early",
	SENT(C, "l@x.net", "mx[192.0.2.2]:25", "250 Ok")
	    SENT(B, "l@x.net", "filter.example.net[192.0.2.3]:25", QUEUED(C))
		SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A),
	SAID("delivered", C, "l@x.net", "-") SAID("moved", B, "l@x.net", C)
	    SAID("moved", A, "l@x.net", B) SAID("moved", B, "l@x.net", C)
		SAID("delivered", C, "l@x.net", "-") "removed " A " - - - -\n"},
    {"of two recipients, once both have gone along",
	SENT(B, "k@x.net", "mx[192.0.2.2]:25", "250 Ok") SENT(A, "k@x.net",
	    FILTER, QUEUED(B)) SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A),
	SAID("delivered", B, "k@x.net", "-") SAID("moved", A, "k@x.net", B)
	    SAID("moved", A, "l@x.net", B)
		SAID("delivered", B, "k@x.net", "-") "removed " A " - - - -\n"},
    {"to two ids at once",
	SENT(B, "k@x.net", "mx[192.0.2.2]:25", "250 Ok") SENT(C, "l@x.net",
	    "mx[192.0.2.2]:25", "250 Ok") SENT(A, "k@x.net", FILTER, QUEUED(B))
	    SENT(A, "l@x.net", FILTER, QUEUED(C)) GONE(A),
	SAID("delivered", B, "k@x.net", "-") SAID(
	    "delivered", C, "l@x.net", "-") SAID("moved", A, "k@x.net", B)
	    SAID("moved", A, "l@x.net", C) SAID("delivered", B, "k@x.net", "-")
		SAID("delivered", C, "l@x.net", "-") "removed " A " - - - -\n"},
    {"a moment ago only: the id may have been another's",
	SENT(B, "l@x.net", "mx[192.0.2.2]:25", "250 Ok")
	    LATER("smtp[5]: " A ": to=<l@x.net>, relay=" FILTER
		  ", dsn=2.0.0, status=sent (" QUEUED(B) ")\n")
		LATER("qmgr[2]: " A ": removed\n"),
	SAID("delivered", B, "l@x.net", "-")
	    SAID("moved", A, "l@x.net", B) "removed " A " - - - -\n"},
    {"round in a circle, which ends",
	SENT(B, "l@x.net", FILTER, QUEUED(C)) SENT(C, "l@x.net", FILTER,
	    QUEUED(B)) SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A),
	SAID("moved", B, "l@x.net", C) SAID("moved", C, "l@x.net", B)
	    SAID("moved", A, "l@x.net", B) SAID("moved", B, "l@x.net", C)
		SAID("moved", C, "l@x.net", B) "removed " A " - - - -\n"},
};

static void test_handoffs(void)
{
	handoff_on = one_known = true;
	for (size_t i = 0; i < sizeof(handoffs) / sizeof(handoffs[0]); i++)
		for (int mode = STRAIGHT; mode <= RELIVE; mode++) {
			struct outcome_book *b = outcome_new(64);
			struct buf got;

			snprintf(record.ids, sizeof(record.ids), " %s ", A);
			set_handoffs(b);
			buf_init(&got, 1 << 16);
			feed(&b, str_of(handoffs[i].log), mode, &got);
			IS_S(buf_str(&got), str_of(handoffs[i].want), "%s, %s",
			    handoffs[i].name,
			    mode == RELIVE ? "restarted" : "straight");
			buf_fini(&got);
			outcome_free(&b);
		}
	handoff_on = one_known = false;
	record.ids[0] = '\0';
}

/* More than there is room for, and what does not fit. */
static void test_many_early(void)
{
	struct outcome_book *b = outcome_new(64);
	struct buf log, got;
	size_t n = 0;

	handoff_on = true;
	set_handoffs(b);
	buf_init(&log, 1 << 20);
	buf_init(&got, 1 << 20);
	for (int i = 0; i < 300; i++)
		buf_addz(&log, SENT(B, "l@x.net", "mx[192.0.2.2]:25", "250"));
	buf_addz(&log, AT "smtp[5]: " B ": to=<");
	for (int i = 0; i < 700; i++)
		buf_addc(&log, 'l');
	buf_addz(&log, "@x.net>, relay=mx, dsn=2.0.0, status=sent (250)\n");
	buf_addz(&log, SENT(A, "l@x.net", FILTER, QUEUED(B)) GONE(A));
	feed(&b, buf_str(&log), STRAIGHT, &got);
	for (struct str rest = buf_str(&got), line;
	     str_next(&rest, '\n', &line);)
		n += str_starts(line, STR("delivered "));
	/* the last place is of the move */
	IS_INT(n, 301 + OUTCOME_EARLY - 1, "the newest of them, said twice");
	relive(&b);
	buf_fini(&got);
	buf_fini(&log);
	outcome_free(&b);
	handoff_on = false;
}

static const struct {
	const char *entry, *relay;
	bool want;
} relay_names[] = {
    {"127.0.0.1", "127.0.0.1[127.0.0.1]:10025", true},
    {"127.0.0.1:10025", "127.0.0.1[127.0.0.1]:10025", true},
    {"127.0.0.1:10025", "127.0.0.1[127.0.0.1]:10026", false},
    {"127.0.0.1:10025", "filter.example.net[127.0.0.1]:10025", true},
    {"127.0.0.1", "127.0.0.10[127.0.0.10]:25", false},
    {"Filter.example.net", "filter.example.NET[192.0.2.1]:25", true},
    {"filter.example.net:26", "filter.example.net[192.0.2.1]:25", false},
    {"filter.example.net", "filter.example.net. [192.0.2.1]", true},
    {"192.0.2.1", "filter.example.net. [192.0.2.1]", true},
    {"127.0.0.1", "[127.0.0.1] [127.0.0.1]", true},
    {"filter", "filter", true},
    {"filter", "filter2", false},
    {"filter", "none", false},
    {"[::1]:10025", "localhost[::1]:10025", true},
    {"[::1]:10025", "localhost[::1]:10026", false},
    {"x", "", false},
    {"x", "[", false},
    {"x", "]", false},
    {"x", "][", false},
};

static void test_relay_names(void)
{
	for (size_t i = 0; i < sizeof(relay_names) / sizeof(relay_names[0]);
	     i++) {
		struct str entry = str_of(relay_names[i].entry);
		struct strs one = {&entry, 1};

		OK(handoff_is_relay(one, str_of(relay_names[i].relay)) ==
			relay_names[i].want,
		    "%s: %s", relay_names[i].entry, relay_names[i].relay);
	}
}

static const char *const early_imports[] = {"E 2 5 0 41 - - - - - - -",
    "E 2 5 0 41 - - - - -", "E 2 5 0 - - - - - - -", "E 99 5 0 41 - - - - - -",
    "E 2 x 0 41 - - - - - -", "E 2 5 0 4 - - - - - -", "E 2 5 0 4g - - - - - -",
    "E 2 5 0  - - - - - -", "E ", "P A", "P A ", "P A B C",
    "P A 01234567890123456789012345678901"};

static void test_import_early(void)
{
	static const char head[] = "2 5 0000000000000000 0 0 4\n";
	struct outcome_book *b = outcome_new(64);
	char text[2000];

	handoff_on = true;
	set_handoffs(b);
	for (size_t i = 0; i < sizeof(early_imports) / sizeof(early_imports[0]);
	     i++) {
		snprintf(text, sizeof(text), "%s%s\n", head, early_imports[i]);
		OK(outcome_import(b, str_of(text)) != 0, "refused: %s",
		    early_imports[i]);
	}
	snprintf(
	    text, sizeof(text), "%sE 2 5 0 41 %01300d - - - - -\n", head, 0);
	IS_INT(outcome_import(b, str_of(text)), ERR_LIMIT, "too long");
	snprintf(
	    text, sizeof(text), "%sP A B\nE 2 5 3 41 - 42 - - - 4344\n", head);
	IS_INT(outcome_import(b, str_of(text)), 0, "taken");
	for (int on = 1; on >= 0; on--) {
		struct buf back;

		buf_init(&back, 1 << 16);
		outcome_handoffs(b, on ? relays : (struct strs){0}, NULL, NULL);
		outcome_export(b, &back);
		IS_S(buf_str(&back), str_of(on ? text : head),
		    on ? "export is the same" : "not where no relay hands on");
		buf_fini(&back);
	}
	outcome_free(&b);
	handoff_on = false;
}

static void test_gap(void)
{
	struct outcome_book *b = outcome_new(64);
	struct buf got;

	buf_init(&got, 1 << 16);
	feed(&b, STR(CONNECT("7") CLIENT("7", A)), STRAIGHT, &got);
	outcome_gap(b, collect, &got);
	feed(&b, STR(END("7", "data=0/1")), STRAIGHT, &got);
	IS_S(buf_str(&got), STR("gap - - - - -\n"),
	    "an end after a gap proves nothing");
	buf_fini(&got);
	outcome_free(&b);
}

/* More undecided ids in a session than there is room for: the oldest are
 * over, since their session went on to the next. */
static void test_many_ids(void)
{
	struct outcome_book *b = outcome_new(64);
	struct buf got, want;

	buf_init(&got, 1 << 16);
	buf_init(&want, 1 << 16);
	feed(&b, STR(CONNECT("7")), STRAIGHT, &got);
	for (unsigned i = 0; i < 40; i++) {
		char line[200];
		snprintf(line, sizeof(line), CLIENT("7", "%06X"), 0xA00000 + i);
		feed(&b, str_of(line), STRAIGHT, &got);
		buf_printf(&want, "session-end %06X - - - -\n", 0xA00000 + i);
	}
	IS_INT(got.n,
	    (40 - OUTCOME_IDS) * strlen("session-end A00000 - - - "
					"-\n"),
	    "only the oldest have ended");
	feed(&b, STR(END("7", "data=0/40")), STRAIGHT, &got);
	IS_S(buf_str(&got), buf_str(&want), "in order, the rest at the end");
	buf_fini(&got);
	buf_fini(&want);
	outcome_free(&b);
}

/* More sessions than there is room for. */
static void test_many_sessions(void)
{
	struct outcome_book *b = outcome_new(64);
	struct outcome_stats stats;
	struct buf got;
	size_t ends;

	buf_init(&got, 1 << 20);
	for (unsigned i = 1; i <= 1000; i++) {
		char line[200];
		snprintf(
		    line, sizeof(line), CLIENT("%u", "%06X"), i, 0xA00000 + i);
		feed(&b, str_of(line), STRAIGHT, &got);
	}
	IS_INT(got.n, 0, "a forgotten session says nothing");
	outcome_stats(b, &stats);
	IS_INT(stats.lines[MTALOG_CLIENT], 1000, "lines counted");
	OK(stats.forgotten >= 1000 - 64 && stats.forgotten < 1000,
	    "%llu sessions forgotten", (unsigned long long)stats.forgotten);
	feed(&b, STR(AT "master[1]: daemon started -- x\n"), STRAIGHT, &got);
	ends = got.n / strlen("session-end A00001 - - - -\n");
	IS_INT(ends, 1000 - stats.forgotten, "the others end");
	buf_fini(&got);
	outcome_free(&b);
}

static const struct {
	const char *text;
	int rc;
} imports[] = {
    {"2 5 0000000000000000 0 0 4\n", 0},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1 " A " " B "\n", 0},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1\n", 0},
    {"2 5 0000000000000000 0 0 9223372036854775807\n", 0},
    {"2 5 0000000000000000 0 0\n", ERR_SYNTAX},
    {"", ERR_VERSION},
    {"3 5 0000000000000000 0 0 4\n", ERR_VERSION},
    {"1\n", ERR_SYNTAX},
    {"1 5\n", ERR_SYNTAX},
    {"1 5 0000000000000000 0\n", ERR_SYNTAX},
    {"1 5 00 0 0\n", ERR_SYNTAX},
    {"1 x 0000000000000000 0 0\n", ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000f 7 5 0 0 1\n", ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n0000000000000000 7 5 0 0 1\n", ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0\n", ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 4294967296 5 0 0 1\n",
	ERR_LIMIT},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 99 1\n", ERR_LIMIT},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 2 1\n", ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 2\n", ERR_LIMIT},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1  " A "\n",
	ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1 "
     "01234567890123456789012345678901\n",
	ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1 1 2 3 4 5 6 7 8 9 "
     "0 "
     "1 2 3 4 5 6 7\n",
	ERR_SYNTAX},
    {"2 5 0000000000000000 0 0 4\n00000000000000ff 7 5 0 0 1 " A "\nx\n",
	ERR_SYNTAX},
};

static void test_import(void)
{
	struct outcome_book *b = outcome_new(64);

	for (size_t i = 0; i < sizeof(imports) / sizeof(imports[0]); i++) {
		struct buf back;
		IS_INT(outcome_import(b, str_of(imports[i].text)),
		    imports[i].rc, "import %zu", i);
		buf_init(&back, 1 << 16);
		outcome_export(b, &back);
		if (imports[i].rc == 0)
			IS_S(buf_str(&back), str_of(imports[i].text),
			    "export is the same");
		else
			IS_INT(str_find(buf_str(&back), 0, '\n') + 1, back.n,
			    "a refused import leaves no session");
		buf_fini(&back);
	}
	outcome_free(&b);
	outcome_free(&b);
}

/* What an older version has stored. */
static void test_import_old(void)
{
	struct outcome_book *b = outcome_new(64);
	struct buf back;

	buf_init(&back, 1 << 16);
	IS_INT(outcome_import(b, STR("1 5 0000000000000000 0 0\n")), 0,
	    "version 1");
	outcome_export(b, &back);
	IS_S(buf_str(&back), STR("2 5 0000000000000000 0 0 0\n"),
	    "knew of no hole");
	buf_fini(&back);
	outcome_free(&b);
}

static void test_names(void)
{
	struct outcome_book *b = NULL;

	for (int k = OUTCOME_QUEUED; k <= OUTCOME_GAP; k++) {
		OK(strcmp(outcome_name((enum outcome_kind)k), "unknown") != 0,
		    "kind %d has a name", k);
	}
	IS_STR(outcome_name((enum outcome_kind)99), "unknown", "no kind");
	for (long n = 1; b == NULL && n < 10; n++) {
		fault_alloc_at(n);
		b = outcome_new(64);
		OK(b != NULL || n <= 4, "allocation %ld", n);
	}
	fault_alloc_at(0);
	outcome_free(&b);
}

int main(void)
{
	static const char *const real[] = {"aliases", "bounces", "checks",
	    "deferred-then-sent", "eom-replies", "hostile", "killed", "local",
	    "milter-dies", "operator", "sendmail", "sendmail-level9",
	    "sessions"};

	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
		test_real(real[i]);
	test_scripts();
	test_handoffs();
	test_many_early();
	test_relay_names();
	test_import_early();
	test_gap();
	test_many_ids();
	test_many_sessions();
	test_import();
	test_import_old();
	test_names();
	return tap_done();
}
