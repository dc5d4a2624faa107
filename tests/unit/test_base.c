/* test_base.c - policy/base: strings, buffers, arenas, codecs, clock, files,
 * keys, log lines. */
#include "tests/unit/tap.h"

#include "policy/base/arena.h"
#include "policy/base/array.h"
#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/base/mask.h"
#include "policy/base/secret.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void test_str(void)
{
	struct str rest = STR("a,,b"), part;
	uint64_t v = 0;

	OK(str_ieq(STR("AbC"), STR("aBc")), "case does not count");
	OK(!str_eq(STR("ab"), STR("abc")), "length counts");
	IS_S(str_trim(STR(" \r\n x y\t")), STR("x y"), "trim");
	OK(str_words(STR(" \r\n x  yz\ta")) == 3 && str_words(STR(" ")) == 0,
	    "words");
	OK(str_next(&rest, ',', &part) && part.n == 1, "first part");
	OK(str_next(&rest, ',', &part) && part.n == 0, "empty part");
	OK(str_next(&rest, ',', &part) && str_eq(part, STR("b")), "last part");
	OK(!str_next(&rest, ',', &part), "no more parts");
	IS_INT(str_u64(STR("18446744073709551615"), UINT64_MAX, &v), 0,
	    "largest number");
	OK(v == UINT64_MAX, "its value");
	IS_INT(str_u64(STR("18446744073709551616"), UINT64_MAX, &v), ERR_LIMIT,
	    "one more overflows");
	IS_INT(str_u64(STR("-1"), 10, &v), ERR_SYNTAX, "no sign");
	IS_INT(str_u64(STR(""), 10, &v), ERR_SYNTAX, "no digits");
	IS_INT(str_u64(STR("11"), 10, &v), ERR_LIMIT, "above max");
	IS_INT(str_distance(STR("scroe"), STR("score")), 2, "swap is two");
	IS_INT(str_distance(STR("at-mots"), STR("at-most")), 2, "at-mots");
	IS_INT(str_distance(STR(""), STR("abc")), 3, "from nothing");
	OK(str_icontains(STR("xxFooyy"), STR("fOO")), "icontains");
}

static void test_buf(void)
{
	struct buf b;

	buf_init(&b, 8);
	buf_addz(&b, "12345678");
	IS_INT(buf_error(&b), 0, "full to the brim is fine");
	buf_addc(&b, '9');
	IS_INT(buf_error(&b), ERR_LIMIT, "one more is not");
	buf_addz(&b, "");
	IS_S(buf_str(&b), STR("12345678"), "content stays as it was");
	buf_reset(&b);
	buf_printf(&b, "%d-%s", 7, "x");
	IS_S(buf_str(&b), STR("7-x"), "reset and printf");
	buf_fini(&b);
	buf_init(&b, 8);
	fault_alloc_at(1);
	buf_addz(&b, "x");
	OK(buf_error(&b) != 0 && b.n == 0, "allocation failure is sticky");
	buf_addz(&b, "x");
	OK(buf_error(&b) != 0, "and stays");
	buf_fini(&b);
	buf_init(&b, 100);
	buf_addz(&b, "abc");
	buf_expect(&b, 70);
	IS_INT(b.cap, 74, "as much as was asked for");
	IS_S(buf_str(&b), STR("abc"), "content stays");
	buf_expect(&b, 5);
	IS_INT(b.cap, 74, "there already");
	buf_expect(&b, SIZE_MAX);
	IS_INT(b.cap, 101, "never above the bound");
	buf_fini(&b);
	fault_alloc_at(1);
	buf_expect(&b, 50);
	buf_addz(&b, "abc");
	OK(buf_error(&b) != 0 && b.n == 0, "fails as an append does");
	buf_fini(&b);
}

static void test_array(void)
{
	struct pair {
		int a, b;
	} *v = NULL;
	size_t cap = 0;
	bool kept = true;

	for (size_t n = 0; n < 100; n++) {
		if (ARRAY_ROOM(v, cap, n + 1) != 0)
			break;
		v[n] = (struct pair){(int)n, -(int)n};
	}
	for (int i = 0; i < 100; i++)
		kept = kept && v[i].a == i && v[i].b == -i;
	OK(kept && cap == 128, "a hundred fit and stay, by doubling");
	IS_INT(ARRAY_ROOM(v, cap, 1000), 0, "many at once");
	IS_INT(cap, 1000, "as many");
	IS_INT(ARRAY_ROOM(v, cap, 1000), 0, "there already");
	fault_alloc_at(1);
	IS_INT(ARRAY_ROOM(v, cap, 1001), -ENOMEM, "no memory");
	IS_INT(ARRAY_ROOM(v, cap, SIZE_MAX / 2), -ENOMEM, "more than there is");
	OK(v != NULL && cap == 1000 && v[99].b == -99, "it is as it was");
	free(v);
}

static void test_arena_room(void)
{
	struct arena *a = arena_new(100 * sizeof(int));
	int *v = NULL, *last = NULL;
	size_t n = 0, cap = 0;
	bool kept = true;

	for (;;) {
		v = arena_room(a, last, n, &cap, 4, sizeof(*v));
		if (v == NULL)
			break;
		last = v;
		v[n] = (int)n;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		kept &= last[i] == (int)i;
	OK(kept, "what was there is there");
	IS_INT(n, 32, "4, 8, 16 and 32, but no 64 of 100");
	IS_INT(cap, 32, "the room stays as it was");
	arena_free(&a);
}

static void test_arena(void)
{
	struct arena *a = arena_new(100000);
	char *p, *z;

	OK(a != NULL, "new");
	p = arena_alloc(a, 70000);
	OK(p != NULL && p[69999] == 0, "large block, zeroed");
	OK(arena_alloc(a, 40000) == NULL, "over the bound");
	OK(arena_alloc(a, SIZE_MAX) == NULL, "absurd size");
	OK(arena_array(a, SIZE_MAX / 2, 4) == NULL, "overflowing product");
	z = arena_printf(a, "%s/%d", "x", 5);
	IS_STR(z, "x/5", "printf");
	OK(((uintptr_t)z & 15) == 0, "aligned");
	arena_reset(a);
	OK(arena_alloc(a, 99999) != NULL, "reset gives it back");
	arena_free(&a);
	OK(a == NULL, "free clears the pointer");
}

static void test_codec(void)
{
	unsigned char raw[5], all[256];
	char hex[11];
	struct buf b, c;
	size_t n;

	buf_init(&b, 1000);
	buf_init(&c, 1000);
	codec_hex("\x00\xff\x10\x0a\x5c", 5, hex);
	IS_STR(hex, "00ff100a5c", "hex");
	OK(codec_unhex(STR("00FF100a5C"), 5, raw) == 0 && raw[1] == 0xff,
	    "unhex");
	IS_INT(codec_unhex(STR("0g"), 1, raw), ERR_SYNTAX, "bad digit");
	codec_base32(&b, "foobar", 6);
	IS_S(buf_str(&b), STR("mzxw6ytboi"), "RFC 4648 vector");
	OK(codec_unbase32(STR("MZXW6YTBOI"), all, 256, &n) == 0 && n == 6 &&
		memcmp(all, "foobar", 6) == 0,
	    "back, other case");
	IS_INT(codec_unbase32(STR("mzxw6ytboj"), all, 256, &n), ERR_SYNTAX,
	    "spare bits must be zero");
	IS_INT(
	    codec_unbase32(STR("m"), all, 256, &n), ERR_SYNTAX, "half a byte");
	IS_INT(codec_unbase32(STR("mzxw6ytboi"), all, 5, &n), ERR_LIMIT,
	    "too long for the caller");
	buf_reset(&b);
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	for (size_t len = 0; len <= 256; len++) {
		buf_reset(&b);
		buf_reset(&c);
		codec_base64(&b, all, len);
		if (codec_unbase64(&c, buf_str(&b)) != 0 || c.n != len ||
		    (len > 0 && memcmp(c.p, all, len) != 0))
			break;
		if (len == 256)
			OK(true, "base64 there and back, 0 to 256 bytes");
	}
	OK(c.n == 256, "all lengths");
	buf_reset(&c);
	IS_INT(codec_unbase64(&c, STR("Zg=a")), ERR_SYNTAX, "after padding");
	buf_reset(&c);
	IS_INT(codec_unbase64(&c, STR("Z")), ERR_SYNTAX, "lone digit");
	codec_put_u64(all, 0x0102030405060708U);
	OK(all[0] == 1 && all[7] == 8 &&
		codec_get_u64(all) == 0x0102030405060708U,
	    "big endian");
	buf_fini(&b);
	buf_fini(&c);
}

static void test_clock(void)
{
	char t[CLOCK_TEXT];

	clock_format(0, t);
	IS_STR(t, "1970-01-01T00:00:00Z", "epoch");
	clock_format(-1, t);
	IS_STR(t, "1969-12-31T23:59:59Z", "before the epoch");
	clock_format(INT64_MAX, t);
	IS_STR(t, "9999-12-31T23:59:59Z", "clamped");
	OK(clock_now_ms() > 1700000000000, "now");
}

static void test_files(const char *dir)
{
	char path[600];
	struct error err;
	struct secret *s;
	struct buf b;

	(void)snprintf(path, sizeof(path), "%s/f", dir);
	buf_init(&b, 5);
	IS_INT(
	    file_create_durable(path, STR("12345"), 0600, &err), 0, "create");
	IS_INT(file_create_durable(path, STR("x"), 0600, &err), ERR_EXISTS,
	    "create again");
	IS_INT(file_read(path, &b, &err), 0, "read to the bound");
	IS_S(buf_str(&b), STR("12345"), "same bytes");
	IS_INT(
	    file_write_atomic(path, STR("123456"), 0600, &err), 0, "replace");
	buf_reset(&b);
	IS_INT(file_read(path, &b, &err), ERR_LIMIT, "one byte too many");
	fault_write_at(1);
	OK(file_write_atomic(path, STR("zz"), 0600, &err) != 0, "write fails");
	buf_fini(&b);
	buf_init(&b, 100);
	OK(file_read(path, &b, &err) == 0 && b.n == 6, "and nothing changed");
	buf_fini(&b);
	IS_INT(secret_load(&s, path, 0, &err), 0, "key file, mode 0600");
	secret_free(&s);
	(void)chmod(path, 0640);
	IS_INT(secret_load(&s, path, 0, &err), ERR_KEY, "group-readable");
	OK(strstr(err.text, path) != NULL && strstr(err.text, "0640") != NULL,
	    "says which file and mode: %s", err.text);
	IS_INT(secret_load(&s, path, SECRET_GROUP_READ, &err), 0,
	    "fine where the group shares it");
	secret_free(&s);
	(void)unlink(path);
}

static void test_descriptors(void)
{
	struct rlimit first, l;

	OK(getrlimit(RLIMIT_NOFILE, &first) == 0, "as it is");
	l = first;
	l.rlim_cur = 40;
	OK(setrlimit(RLIMIT_NOFILE, &l) == 0, "few");
	file_raise_limit(50);
	OK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == 50, "raised");
	file_raise_limit(30);
	OK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == 50,
	    "never lowered");
	file_raise_limit(1UL << 40);
	OK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == l.rlim_max,
	    "as far as the system goes");
	(void)setrlimit(RLIMIT_NOFILE, &first);
}

static void test_log(void)
{
	struct buf b;

	buf_init(&b, 2000);
	log_format(&b, "x",
	    (const struct log_kv[]){KV_STR("a", STR("plain")),
		KV_STR("b", STR("two words\r\nevent=forged")), KV_I64("n", -5),
		KV_STR("e", STR("")), KV_END});
	IS_S(buf_str(&b),
	    STR("event=x a=plain b=\"two words\\x0d\\x0aevent=forged\" "
		"n=-5 e=\"\""),
	    "peer text cannot forge a line");
	buf_reset(&b);
	log_format(&b, "x",
	    (const struct log_kv[]){
		KV_STR("a", STR("m\xc3\xbcller \xe2\x82\xac \xf0\x9f\x99\x82")),
		KV_STR("b", STR("\x1b[2J\x9b"
				"2J\xc2\x9b"
				"2J\xc2\xa0")),
		KV_STR("c", STR("\xc3(\xe2\x82\"\xff\xc3")), KV_END});
	IS_S(buf_str(&b),
	    STR("event=x a=\"m\xc3\xbcller \xe2\x82\xac \xf0\x9f\x99\x82\" "
		"b=\"\\x1b[2J\\x9b2J\\xc2\\x9b2J\xc2\xa0\" "
		"c=\"\\xc3(\\xe2\\x82\\\"\\xff\\xc3\""),
	    "nor command the terminal that shows it");
	buf_fini(&b);
}

static void test_mask(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"nobody", "nobody"},
	    {"jane@a.example", "-"},
	    {"<jane@a.example>: no", "<->: no"},
	    {"550 jane.o'hara+x@a.example. Gone", "550 -. Gone"},
	    {"From: a@b, c@d.example; spf=none", "From: -, -; spf=none"},
	    {"v=jane=a.example@b.example x", "- x"},
	    {"\"jane doe\"@a.example left", "- left"},
	    {"j\xc3\xbcrg@m\xc3\xbcnchen.example", "-"},
	    {"a@[192.0.2.1]:25 ", "- "},
	    {"@a.example, a@, @ and @@", "@a.example, a@, @ and @@"},
	    {"a@b@c", "-@c"},
	    {"\"@a.example \"\"@b.example", "\"@a.example -"},
	};
	struct buf b;

	buf_init(&b, 200);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		mask_addresses(str_of(cases[i].text), &b);
		IS_S(buf_str(&b), str_of(cases[i].want), "masked: %s",
		    cases[i].text);
	}
	buf_fini(&b);
}

static void test_error(void)
{
	struct error err = {.code = 7, .text = "as it was"};

	IS_INT(error_of(&err, 0, "ledger"), 0, "no error");
	IS_STR(err.text, "as it was", "is not set");
	IS_INT(error_of(&err, ERR_FULL, "ledger"), ERR_FULL, "an error");
	IS_INT(err.code, ERR_FULL, "its code");
	IS_STR(err.text, "ledger: storage full or read-only", "its text");
	error_prefix(&err, "copy %d", 5);
	IS_STR(err.text, "copy 5: ledger: storage full or read-only",
	    "with where in front");
	IS_INT(error_of(NULL, ERR_FULL, "ledger"), ERR_FULL, "nobody asks why");
}

int main(void)
{
	test_error();
	char dir[] = "/tmp/tendril-test.XXXXXX";

	test_str();
	test_buf();
	test_arena();
	test_array();
	test_arena_room();
	test_codec();
	test_clock();
	test_descriptors();
	if (OK(mkdtemp(dir) != NULL, "temporary folder")) {
		test_files(dir);
		(void)rmdir(dir);
	}
	test_log();
	test_mask();
	return tap_done();
}
