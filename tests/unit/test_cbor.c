/* test_cbor.c - deterministic CBOR: the vectors of RFC 8949 appendix A that
 * the subset allows, refusal of everything else, and a second, naive judge of
 * what is canonical that has to agree on random input. */
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/ledger/cbor.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static struct str unhex(const char *hex, unsigned char *room, size_t size)
{
	size_t n = strlen(hex) / 2;

	if (n > size || codec_unhex(str_of(hex), n, room) != 0)
		bug("bad hex %s", hex);
	return (struct str){(const char *)room, n};
}

/* --- RFC 8949 appendix A --- */

static void test_unsigned(void)
{
	static const struct {
		uint64_t v;
		const char *hex;
	} t[] = {
	    {0, "00"},
	    {1, "01"},
	    {10, "0a"},
	    {23, "17"},
	    {24, "1818"},
	    {25, "1819"},
	    {100, "1864"},
	    {255, "18ff"},
	    {256, "190100"},
	    {1000, "1903e8"},
	    {65535, "19ffff"},
	    {65536, "1a00010000"},
	    {1000000, "1a000f4240"},
	    {4294967295, "1affffffff"},
	    {4294967296, "1b0000000100000000"},
	    {1000000000000, "1b000000e8d4a51000"},
	    {UINT64_MAX, "1bffffffffffffffff"},
	};
	unsigned char room[16];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct str want = unhex(t[i].hex, room, sizeof(room));
		struct cbor_writer w;
		struct cbor_reader r;
		struct buf b;
		uint64_t got;

		buf_init(&b, 16);
		cbor_writer_init(&w, &b);
		cbor_write_uint(&w, t[i].v);
		OK(cbor_writer_end(&w) == 0, "writes %s", t[i].hex);
		IS_S(buf_str(&b), want, "the bytes of %s", t[i].hex);
		cbor_reader_init(&r, want);
		got = cbor_read_uint(&r, UINT64_MAX);
		OK(cbor_reader_end(&r) == 0 && got == t[i].v, "reads %s",
		    t[i].hex);
		buf_fini(&b);
	}
}

static void test_negative(void)
{
	static const struct {
		int64_t v;
		const char *hex;
	} t[] = {
	    {-1, "20"},
	    {-10, "29"},
	    {-24, "37"},
	    {-25, "3818"},
	    {-100, "3863"},
	    {-256, "38ff"},
	    {-257, "390100"},
	    {-1000, "3903e7"},
	    {INT64_MIN, "3b7fffffffffffffff"},
	    {INT64_MAX, "1b7fffffffffffffff"},
	};
	unsigned char room[16];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct str want = unhex(t[i].hex, room, sizeof(room));
		struct cbor_writer w;
		struct cbor_reader r;
		struct buf b;
		int64_t got;

		buf_init(&b, 16);
		cbor_writer_init(&w, &b);
		cbor_write_int(&w, t[i].v);
		OK(cbor_writer_end(&w) == 0, "writes %s", t[i].hex);
		IS_S(buf_str(&b), want, "the bytes of %s", t[i].hex);
		cbor_reader_init(&r, want);
		got = cbor_read_int(&r);
		OK(cbor_reader_end(&r) == 0 && got == t[i].v, "reads %s",
		    t[i].hex);
		buf_fini(&b);
	}
}

static void test_strings(void)
{
	static const struct {
		bool text;
		const char *z, *hex;
	} t[] = {
	    {false, "", "40"},
	    {false, "\x01\x02\x03\x04", "4401020304"},
	    {true, "", "60"},
	    {true, "a", "6161"},
	    {true, "IETF", "6449455446"},
	    {true, "\"\\", "62225c"},
	    {true, "\u00fc", "62c3bc"},
	    {true, "\u6c34", "63e6b0b4"},
	    {true, "\xf0\x90\x85\x91", "64f0908591"},
	};
	unsigned char room[16];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct str want = unhex(t[i].hex, room, sizeof(room)), got;
		struct cbor_writer w;
		struct cbor_reader r;
		struct buf b;

		buf_init(&b, 16);
		cbor_writer_init(&w, &b);
		if (t[i].text)
			cbor_write_text(&w, str_of(t[i].z));
		else
			cbor_write_bytes(&w, str_of(t[i].z));
		OK(cbor_writer_end(&w) == 0, "writes %s", t[i].hex);
		IS_S(buf_str(&b), want, "the bytes of %s", t[i].hex);
		cbor_reader_init(&r, want);
		got = t[i].text ? cbor_read_text(&r) : cbor_read_bytes(&r);
		OK(cbor_reader_end(&r) == 0, "reads %s", t[i].hex);
		IS_S(got, str_of(t[i].z), "the string of %s", t[i].hex);
		buf_fini(&b);
	}
}

/* [], {}, [1, [2, 3], [4, 5]], {1: 2, 3: 4}, false, true, 25 items. */
static void test_containers(void)
{
	static const char *const hex[] = {"80", "a0", "8301820203820405",
	    "a201020304", "f4", "f5",
	    "98190102030405060708090a0b0c0d0e0f101112131415161718181819"};
	unsigned char room[40];
	struct cbor_writer w;
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		buf_reset(&b);
		cbor_writer_init(&w, &b);
		switch (i) {
		case 0:
			cbor_write_array(&w, 0);
			break;
		case 1:
			cbor_write_map(&w, 0);
			break;
		case 2:
			cbor_write_array(&w, 3);
			cbor_write_uint(&w, 1);
			cbor_write_array(&w, 2);
			cbor_write_uint(&w, 2);
			cbor_write_uint(&w, 3);
			cbor_write_array(&w, 2);
			cbor_write_uint(&w, 4);
			cbor_write_uint(&w, 5);
			break;
		case 3:
			cbor_write_map(&w, 2);
			cbor_write_key(&w, 1);
			cbor_write_uint(&w, 2);
			cbor_write_key(&w, 3);
			cbor_write_uint(&w, 4);
			break;
		case 4:
			cbor_write_bool(&w, false);
			break;
		case 5:
			cbor_write_bool(&w, true);
			break;
		default:
			cbor_write_array(&w, 25);
			for (unsigned v = 1; v <= 25; v++)
				cbor_write_uint(&w, v);
		}
		OK(cbor_writer_end(&w) == 0, "writes %s", hex[i]);
		IS_S(buf_str(&b), unhex(hex[i], room, sizeof(room)),
		    "the bytes of %s", hex[i]);
	}
	buf_fini(&b);
}

/* --- a record as the ledger uses it --- */

struct record {
	uint64_t id, small;
	int64_t delta;
	struct str name;
	uint64_t list[5], pairs[5];
	size_t n_list, n_pairs;
	bool flag;
};

static void write_record(struct cbor_writer *w, const struct record *in)
{
	cbor_write_map(w, 6);
	cbor_write_key(w, 0);
	cbor_write_uint(w, in->id);
	cbor_write_key(w, 1);
	cbor_write_int(w, in->delta);
	cbor_write_key(w, 5);
	cbor_write_text(w, in->name);
	cbor_write_key(w, 24);
	cbor_write_array(w, in->n_list);
	for (size_t i = 0; i < in->n_list; i++)
		cbor_write_uint(w, in->list[i]);
	cbor_write_key(w, 300);
	cbor_write_map(w, in->n_pairs);
	for (size_t i = 0; i < in->n_pairs; i++) {
		cbor_write_key(w, i * 100);
		cbor_write_uint(w, in->pairs[i]);
	}
	cbor_write_key(w, 70000);
	cbor_write_bool(w, in->flag);
}

static void read_pairs(struct cbor_reader *r, struct record *out)
{
	uint64_t key;

	out->n_pairs = cbor_read_map(r);
	for (size_t i = 0; cbor_read_key(r, &key); i++)
		out->pairs[i < 5 ? i : 0] = cbor_read_uint(r, UINT64_MAX);
}

static int read_record(struct str in, struct record *out)
{
	struct cbor_reader r;
	uint64_t key;

	*out = (struct record){0};
	cbor_reader_init(&r, in);
	(void)cbor_read_map(&r);
	while (cbor_read_key(&r, &key)) {
		switch (key) {
		case 0:
			out->id = cbor_read_uint(&r, UINT64_MAX);
			break;
		case 1:
			out->delta = cbor_read_int(&r);
			break;
		case 5:
			out->name = cbor_read_text(&r);
			break;
		case 24:
			out->n_list = cbor_read_array(&r);
			for (size_t i = 0; i < out->n_list && i < 5; i++)
				out->list[i] = cbor_read_uint(&r, UINT64_MAX);
			break;
		case 300:
			read_pairs(&r, out);
			break;
		case 70000:
			out->flag = cbor_read_bool(&r);
			break;
		default:
			cbor_read_skip(&r);
		}
	}
	return cbor_reader_end(&r);
}

static bool record_eq(const struct record *a, const struct record *b)
{
	return a->id == b->id && a->delta == b->delta && a->flag == b->flag &&
	       str_eq(a->name, b->name) && a->n_list == b->n_list &&
	       a->n_pairs == b->n_pairs &&
	       memcmp(a->list, b->list, sizeof(a->list)) == 0 &&
	       memcmp(a->pairs, b->pairs, sizeof(a->pairs)) == 0;
}

static uint64_t rng_state = 20261122;

static uint64_t rng(void) /* xorshift64* */
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 2685821657736338717U;
}

static uint64_t rng_any(void) /* all widths alike */
{
	return rng() >> (rng() % 64);
}

static struct record random_record(char *text)
{
	struct record rec = {.id = rng_any(), .flag = rng() & 1};

	rec.delta = (int64_t)rng_any();
	if (rng() & 1)
		rec.delta = rec.delta == INT64_MIN ? 0 : -rec.delta;
	rec.name = (struct str){text, rng() % 40};
	for (size_t i = 0; i < rec.name.n; i++)
		text[i] = (char)('a' + rng() % 26);
	rec.n_list = rng() % 6;
	rec.n_pairs = rng() % 6;
	for (size_t i = 0; i < rec.n_list; i++)
		rec.list[i] = rng_any();
	for (size_t i = 0; i < rec.n_pairs; i++)
		rec.pairs[i] = rng_any();
	return rec;
}

/* --- a naive judge: is this one canonical value of the subset? --- */

static bool judge_head(struct str *in, unsigned *major, uint64_t *v)
{
	static const uint64_t least[] = {24, 256, 65536, 4294967296};
	unsigned info;
	size_t n;

	if (in->n == 0)
		return false;
	*major = (unsigned char)in->p[0] >> 5;
	info = (unsigned char)in->p[0] & 31;
	if (info > 27)
		return false;
	n = info < 24 ? 0 : (size_t)1 << (info - 24);
	if (in->n < 1 + n)
		return false;
	*v = info < 24 ? info : 0;
	for (size_t i = 1; i <= n; i++)
		*v = *v << 8 | (unsigned char)in->p[i];
	*in = str_from(*in, 1 + n);
	if (*major == 7)
		return n == 0 && (*v == 20 || *v == 21);
	return info < 24 || *v >= least[info - 24];
}

static bool judge_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool judge(struct str *in, unsigned depth)
{
	unsigned major, key_major;
	uint64_t v, key, last = 0;

	if (!judge_head(in, &major, &v) || major == 6)
		return false;
	if (major == 2 || major == 3) {
		struct str s = str_cut(*in, 0, (size_t)v);

		if (v > in->n || (major == 3 && !judge_ascii(s)))
			return false;
		*in = str_from(*in, (size_t)v);
		return true;
	}
	if (major != 4 && major != 5)
		return true;
	if (depth == CBOR_DEPTH || v > in->n)
		return false;
	for (uint64_t i = 0; i < v; i++) {
		if (major == 5) {
			if (!judge_head(in, &key_major, &key) ||
			    key_major != 0 || (i > 0 && key <= last))
				return false;
			last = key;
		}
		if (!judge(in, depth + 1))
			return false;
	}
	return true;
}

static bool judge_whole(struct str in)
{
	return judge(&in, 0) && in.n == 0;
}

static bool reader_takes(struct str in)
{
	struct cbor_reader r;

	cbor_reader_init(&r, in);
	cbor_read_skip(&r);
	return cbor_reader_end(&r) == 0;
}

/* Text outside ASCII is left to the table: the judge does not know UTF-8. */
static void mutate(char *p, size_t *n, size_t cap)
{
	size_t at = rng() % *n;

	switch (rng() % 4) {
	case 0:
		p[at] = (char)(rng() & 0x7f);
		break;
	case 1:
		p[at] = (char)rng();
		break;
	case 2:
		*n = at > 0 ? at : 1;
		break;
	default:
		if (*n < cap)
			p[(*n)++] = (char)(rng() & 0x7f);
	}
}

static void test_random(void)
{
	unsigned same = 0, back = 0, taken = 0;
	enum {
		ROUNDS = 20000
	};

	printf("# seed %llu\n", (unsigned long long)rng_state);
	for (int i = 0; i < ROUNDS; i++) {
		char text[40], copy[400];
		struct record rec = random_record(text), got;
		struct cbor_writer w;
		struct buf b;
		size_t n;
		bool ok;

		buf_init(&b, sizeof(copy));
		cbor_writer_init(&w, &b);
		write_record(&w, &rec);
		ok = cbor_writer_end(&w) == 0 && judge_whole(buf_str(&b)) &&
		     read_record(buf_str(&b), &got) == 0 &&
		     record_eq(&rec, &got) && reader_takes(buf_str(&b));
		back += ok;
		n = b.n;
		memcpy(copy, b.p, n);
		mutate(copy, &n, sizeof(copy));
		ok = judge_whole((struct str){copy, n});
		taken += ok;
		same += ok == reader_takes((struct str){copy, n});
		buf_fini(&b);
	}
	IS_INT(back, ROUNDS, "random records come back");
	IS_INT(same, ROUNDS, "reader and judge agree on mutants");
	OK(taken > ROUNDS / 50 && taken < ROUNDS, "%u mutants were canonical",
	    taken);
}

static void test_refused(void)
{
	static const struct {
		const char *hex, *why;
	} t[] = {
	    {"", "nothing"},
	    {"1800", "0 in two bytes"},
	    {"1817", "23 in two bytes"},
	    {"190017", "23 in three bytes"},
	    {"1900ff", "255 in three bytes"},
	    {"1a0000ffff", "65535 in five bytes"},
	    {"1b00000000ffffffff", "4294967295 in nine bytes"},
	    {"3817", "-24 in two bytes"},
	    {"5800", "empty bytes with a long head"},
	    {"7800", "empty text with a long head"},
	    {"9800", "empty array with a long head"},
	    {"b800", "empty map with a long head"},
	    {"19ff", "head cut short"},
	    {"4401", "bytes cut short"},
	    {"8101ff", "byte after the end"},
	    {"0000", "two values"},
	    {"81", "array without its item"},
	    {"a1", "map without its pair"},
	    {"a100", "map without its value"},
	    {"5f42010243030405ff", "indefinite bytes"},
	    {"7f657374726561646d696e67ff", "indefinite text"},
	    {"9f01ff", "indefinite array"},
	    {"bf0001ff", "indefinite map"},
	    {"ff", "break alone"},
	    {"a201000100", "key twice"},
	    {"a202000100", "keys out of order"},
	    {"a16000", "text as key"},
	    {"a12000", "negative key"},
	    {"a1180500", "long key"},
	    {"f6", "null"},
	    {"f7", "undefined"},
	    {"e0", "simple value 0"},
	    {"f8ff", "simple value 255"},
	    {"f814", "false in two bytes"},
	    {"f93c00", "half float"},
	    {"fa47c35000", "float"},
	    {"fb3ff199999999999a", "double"},
	    {"c11a514b67b0", "tag"},
	    {"1c", "reserved length"},
	    {"61ff", "text that is not UTF-8"},
	    {"62c080", "overlong UTF-8"},
	    {"63eda080", "surrogate"},
	    {"64f4908080", "above 10FFFF"},
	    {"61c3", "UTF-8 cut short"},
	    {"62c328", "no continuation byte"},
	    {"63e08080", "overlong in three"},
	    {"64f0808080", "overlong in four"},
	    {"9bffffffffffffffff", "array of 2^64 - 1"},
	    {"bb8000000000000000", "map of 2^63"},
	    {"5bffffffffffffffff", "bytes of 2^64 - 1"},
	    {"818181818181818181", "array cut short"},
	    {"81818181818181818100", "nine levels"},
	};
	unsigned char room[32];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		OK(!reader_takes(unhex(t[i].hex, room, sizeof(room))),
		    "refused: %s", t[i].why);
	OK(reader_takes(unhex("818181818181818100", room, sizeof(room))),
	    "eight levels are fine");
	OK(reader_takes(unhex("64f48fbfbf", room, sizeof(room))),
	    "10FFFF is fine");
}

static void test_reader_misuse(void)
{
	unsigned char room[32], fixed[4];
	struct cbor_reader r;
	uint64_t key;

	cbor_reader_init(&r, unhex("1903e8", room, sizeof(room)));
	IS_INT(cbor_read_uint(&r, 999), 0, "above the bound reads as 0");
	IS_INT(cbor_reader_end(&r), ERR_LIMIT, "and is ERR_LIMIT");
	cbor_reader_init(&r, unhex("1bffffffffffffffff", room, sizeof(room)));
	IS_INT(cbor_read_int(&r), 0, "no int64");
	IS_INT(cbor_reader_end(&r), ERR_LIMIT, "ERR_LIMIT");
	cbor_reader_init(&r, unhex("4401020304", room, sizeof(room)));
	cbor_read_fixed(&r, fixed, 4);
	OK(cbor_reader_end(&r) == 0 && fixed[3] == 4, "four bytes");
	cbor_reader_init(&r, unhex("43010203", room, sizeof(room)));
	cbor_read_fixed(&r, fixed, 4);
	OK(cbor_reader_end(&r) == ERR_SYNTAX && fixed[0] == 0, "three bytes");
	cbor_reader_init(&r, unhex("6161", room, sizeof(room)));
	OK(cbor_read_bytes(&r).n == 0 && cbor_reader_end(&r) == ERR_SYNTAX,
	    "text is not bytes");
	cbor_reader_init(&r, unhex("4101", room, sizeof(room)));
	OK(cbor_read_int(&r) == 0 && cbor_reader_end(&r) == ERR_SYNTAX,
	    "bytes are no integer");
	cbor_reader_init(&r, unhex("a10102", room, sizeof(room)));
	OK(cbor_read_uint(&r, 9) == 0 && cbor_reader_end(&r) == ERR_SYNTAX,
	    "a map is no integer");
	cbor_reader_init(&r, unhex("820102", room, sizeof(room)));
	IS_INT(cbor_read_array(&r), 2, "array of two");
	OK(!cbor_read_key(&r, &key) && cbor_reader_end(&r) == ERR_SYNTAX,
	    "an array has no keys");
	cbor_reader_init(&r, unhex("820102", room, sizeof(room)));
	(void)cbor_read_array(&r);
	(void)cbor_read_uint(&r, 9);
	IS_INT(cbor_reader_end(&r), ERR_SYNTAX, "not read to its end");
	cbor_reader_init(&r, unhex("a10102", room, sizeof(room)));
	(void)cbor_read_map(&r);
	OK(cbor_read_key(&r, &key) && key == 1, "the key");
	OK(cbor_read_uint(&r, 9) == 2 && cbor_reader_end(&r) == ERR_SYNTAX,
	    "its end was not asked for");
	cbor_reader_init(&r, unhex("a3018101022003a0", room, sizeof(room)));
	(void)cbor_read_map(&r);
	for (unsigned i = 1; cbor_read_key(&r, &key); i++) {
		OK(key == i, "key %u", i);
		cbor_read_skip(&r);
	}
	IS_INT(cbor_reader_end(&r), 0, "values skipped");
}

static void test_writer_errors(void)
{
	struct cbor_writer w;
	struct buf b;

	buf_init(&b, 4);
	cbor_writer_init(&w, &b);
	cbor_write_array(&w, 2);
	cbor_write_bytes(&w, STR("12345"));
	cbor_write_uint(&w, 1);
	IS_INT(cbor_writer_end(&w), ERR_LIMIT, "buffer's bound");
	buf_fini(&b);
	buf_init(&b, 100);
	cbor_writer_init(&w, &b);
	cbor_write_array(&w, 2);
	cbor_write_text(&w, STR("\xff"));
	cbor_write_uint(&w, 1);
	IS_INT(cbor_writer_end(&w), ERR_SYNTAX, "text must be UTF-8");
	buf_fini(&b);
	buf_init(&b, 100);
	fault_alloc_at(1);
	cbor_writer_init(&w, &b);
	cbor_write_uint(&w, 1);
	IS_INT(cbor_writer_end(&w), -ENOMEM, "out of memory");
	fault_alloc_at(0);
	buf_fini(&b);
}

/* A wrong order of calls is a mistake of the program: it ends there. */
static void write_wrongly(struct cbor_writer *w, unsigned how)
{
	switch (how) {
	case 0: /* two values */
		cbor_write_uint(w, 1);
		cbor_write_uint(w, 2);
		break;
	case 1: /* keys out of order */
		cbor_write_map(w, 2);
		cbor_write_key(w, 2);
		cbor_write_bool(w, true);
		cbor_write_key(w, 2);
		break;
	case 2: /* a value without its key */
		cbor_write_map(w, 1);
		cbor_write_text(w, STR("x"));
		break;
	case 3: /* a key without its value */
		cbor_write_map(w, 1);
		cbor_write_key(w, 1);
		cbor_write_key(w, 2);
		break;
	case 4: /* a key in an array */
		cbor_write_array(w, 1);
		cbor_write_key(w, 1);
		break;
	case 5: /* an item too few */
		cbor_write_array(w, 2);
		cbor_write_bytes(w, STR("x"));
		break;
	default: /* nested too deep */
		for (int i = 0; i <= CBOR_DEPTH; i++)
			cbor_write_array(w, 1);
	}
}

static void test_writer_bugs(void)
{
	for (unsigned how = 0; how < 7; how++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			struct cbor_writer w;
			struct buf b;

			(void)close(STDERR_FILENO);
			buf_init(&b, 100);
			cbor_writer_init(&w, &b);
			write_wrongly(&w, how);
			_exit(cbor_writer_end(&w) == 0 ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			bug("fork");
		OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		    "wrong order of calls, %u", how);
	}
}

int main(void)
{
	test_unsigned();
	test_negative();
	test_strings();
	test_containers();
	test_refused();
	test_reader_misuse();
	test_writer_errors();
	test_writer_bugs();
	test_random();
	return tap_done();
}
