/* test_event.c - events as they are stored: golden bytes, every damage found,
 * and the registry of types. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/ledger/crc32c.h"

static char base[200];

static const char *sub(const char *name)
{
	static char room[200][300];
	static unsigned at;
	char *p = room[at++ % 200];

	(void)snprintf(p, sizeof(room[0]), "%s/%s", base, name);
	return p;
}

static struct ledger_txn *begin_write(struct ledger *l)
{
	struct ledger_txn *t;

	if (ledger_write_begin(l, &t) != 0)
		bug("ledger_write_begin");
	return t;
}

static struct ledger_txn *begin_read(struct ledger *l)
{
	struct ledger_txn *t;

	if (ledger_read_begin(l, &t) != 0)
		bug("ledger_read_begin");
	return t;
}

static void test_crc(void)
{
	static const struct {
		const char *what;
		int first, step;
		uint32_t crc;
	} t[] = {
	    /* RFC 3720 appendix B.4 */
	    {"32 zeroes", 0, 0, 0x8a9136aa},
	    {"32 times ff", 255, 0, 0x62a8ab43},
	    {"0 to 31", 0, 1, 0x46dd794e},
	    {"31 to 0", 31, -1, 0x113fdb5c},
	};
	unsigned char p[32];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (int k = 0; k < 32; k++)
			p[k] = (unsigned char)(t[i].first + k * t[i].step);
		OK(crc32c(0, p, 32) == t[i].crc, "%s", t[i].what);
		OK(crc32c(crc32c(0, p, 7), p + 7, 25) == t[i].crc,
		    "in two parts");
	}
	OK(crc32c(0, "123456789", 9) == 0xe3069283, "check value");
}

/* Stored bytes never change: this record is of the first release. */
static void test_golden(void)
{
	static const char want[] = "0065"
				   "02"
				   "01"
				   "0000019aaa509a00"
				   "78796c6f"
				   "0070ee60";
	struct ledger *l = toy_open(sub("golden"), LEDGER_CREATE);
	struct event ev = {.type = TOY_BLOB,
	    .version = 2,
	    .class = EVENT_AUDIT,
	    .time_ms = 1763794000384,
	    .payload = STR("xylo")};
	struct ledger_txn *t = begin_write(l);
	char hex[100];
	struct str v;

	IS_INT(event_append(t, &ev), 0, "append");
	IS_INT(ev.seq, 1, "number one");
	IS_INT(
	    ledger_get(t, LEDGER_EVENT, STR("\0\0\0\0\0\0\0\1"), &v), 0, "key");
	OK(v.n == EVENT_HEAD + 4 + EVENT_TAIL, "length");
	codec_hex(v.p, v.n, hex);
	IS_STR(hex, want, "golden bytes");
	ledger_abort(&t);
	ledger_close(&l);
}

static void test_decode(void)
{
	struct ledger *l = toy_open(sub("decode"), LEDGER_CREATE);
	struct event ev = {.type = 65535, .version = 255, .time_ms = -5};
	struct ledger_txn *t = begin_write(l);
	struct str key = STR("\0\0\0\0\0\0\0\2"), v;
	static char big[EVENT_PAYLOAD_MAX + 1];
	struct event got;
	char copy[64];
	unsigned bad = 0;

	ev.payload = (struct str){big, sizeof(big)};
	IS_INT(event_append(t, &ev), ERR_LIMIT, "payload too large");
	ev.payload.n--;
	IS_INT(event_append(t, &ev), 0, "largest payload");
	ev.payload = STR("payload");
	IS_INT(event_append(t, &ev), 0, "append");
	OK(event_get(t, 1, &got) == 0 && got.payload.n == EVENT_PAYLOAD_MAX,
	    "the large one");
	IS_INT(event_get(t, 2, &got), 0, "get");
	OK(got.seq == 2 && got.type == 65535 && got.version == 255 &&
		got.class == 0 && got.time_ms == -5,
	    "header");
	IS_S(got.payload, STR("payload"), "payload");
	IS_INT(event_get(t, 3, &got), ERR_NOT_FOUND, "no third one");
	if (ledger_get(t, LEDGER_EVENT, key, &v) != 0 || v.n > sizeof(copy))
		bug("get");
	memcpy(copy, v.p, v.n);
	for (size_t i = 0; i < v.n * 8; i++) {
		copy[i / 8] ^= (char)(1 << (i % 8));
		bad += event_decode(key, (struct str){copy, v.n}, &got) ==
		       ERR_CORRUPT;
		copy[i / 8] ^= (char)(1 << (i % 8));
	}
	IS_INT(bad, v.n * 8, "every flipped bit is found");
	for (size_t n = 0; n < v.n; n++)
		bad -= event_decode(key, (struct str){copy, n}, &got) ==
		       ERR_CORRUPT;
	IS_INT(bad, v.n * 7, "and every missing byte");
	IS_INT(event_decode(
		   STR("\0\0\0\0\0\0\0\3"), (struct str){copy, v.n}, &got),
	    ERR_CORRUPT, "and a wrong number");
	IS_INT(event_decode(STR("\0\2"), (struct str){copy, v.n}, &got),
	    ERR_CORRUPT, "and a short key");
	ledger_abort(&t);
	ledger_close(&l);
}

/* An iterator tells of a bad record and goes on behind it. */
static void test_event_iter(void)
{
	struct ledger *l = toy_open(sub("events"), LEDGER_CREATE);
	struct event ev = {.type = TOY_ADD, .version = 1, .payload = STR("a")};
	struct ledger_txn *t = begin_write(l);
	struct ledger_iter it;
	uint64_t pages = 99;

	for (int i = 0; i < 4; i++)
		if (event_append(t, &ev) != 0)
			bug("append");
	IS_INT(ledger_put(t, LEDGER_EVENT, STR("\0\0\0\0\0\0\0\2"), STR("rot")),
	    0, "damage");
	IS_INT(event_iter_open(t, 1, LEDGER_UP, &it), 0, "up");
	OK(event_iter_next(&it, &ev) == 0 && ev.seq == 1, "the first");
	OK(event_iter_next(&it, &ev) == ERR_CORRUPT && ev.seq == 2 &&
		ev.type == 0,
	    "the bad one, by number");
	OK(event_iter_next(&it, &ev) == 0 && ev.seq == 3, "the one behind it");
	ledger_iter_close(&it);
	IS_INT(event_iter_open(t, UINT64_MAX, LEDGER_DOWN, &it), 0, "down");
	OK(event_iter_next(&it, &ev) == 0 && ev.seq == 4, "from the newest");
	ledger_iter_close(&it);
	IS_INT(ledger_commit(&t), 0, "commit");
	t = begin_write(l);
	IS_INT(ledger_del(t, LEDGER_EVENT, STR("\0\0\0\0\0\0\0\2")), 0, "del");
	IS_INT(ledger_commit(&t), 0, "commit");
	t = begin_read(l);
	OK(ledger_free_pages(t, &pages) == 0 && pages > 0 && pages < 50,
	    "%llu free pages", (unsigned long long)pages);
	ledger_read_end(&t);
	ledger_close(&l);
}

static void test_kinds(void)
{
	const struct reducer *r;
	unsigned last = 0, n = 0;
	bool sorted = true;

#define EVENT(number, name, ver, cls, file)                                    \
	sorted = sorted && (number) > last;                                    \
	last = (number);                                                       \
	n += event_kind(number) != NULL && event_kind(number)->version >= 1 && \
	     (file)[0] != '\0';
#include "policy/ledger/events.def"
#undef EVENT
	OK(sorted, "events.def is sorted by number, none twice");
	OK(n > 0 && event_kind(last) != NULL, "%u types are known", n);
	IS_STR(
	    event_kind(EV_LEDGER_RESTORED)->name, "LEDGER_RESTORED", "by name");
	OK(event_kind(0) == NULL && event_kind(65535) == NULL, "unknown");
	OK(reducer_find(&toy_reducers, TOY_BLOB, 2, &r) == 0 &&
		r->apply == toy_blob,
	    "newest version");
	IS_INT(reducer_find(&toy_reducers, TOY_BLOB, 1, &r), 0, "older one");
	IS_INT(reducer_find(&toy_reducers, TOY_BLOB, 3, &r), ERR_VERSION,
	    "a version of the future");
	IS_INT(reducer_find(&toy_reducers, TOY_BLOB, 0, &r), ERR_VERSION,
	    "version 0");
	IS_INT(reducer_find(&toy_reducers, 99, 1, &r), ERR_VERSION,
	    "unknown type");
	OK(reducer_find(&toy_reducers, EV_LEDGER_RESTORED, 1, &r) == 0 &&
		r == NULL,
	    "the ledger's own needs none");
	IS_INT(reducer_find(&toy_reducers, EV_LEDGER_RESTORED, 2, &r),
	    ERR_VERSION, "but has versions");
	IS_INT(reducer_find(&toy_reducers, 15, 1, &r), ERR_VERSION,
	    "no such own type");
}

int main(void)
{
	(void)toy_dir(base, sizeof(base));
	test_crc();
	test_golden();
	test_decode();
	test_event_iter();
	test_kinds();
	toy_remove(base);
	return tap_done();
}
