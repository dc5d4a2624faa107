/* test_token.c - mail/token, token_keys, verp, msgid. The golden tokens were
 * made with Python's hmac and base64. */
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/mail/address.h"
#include "policy/mail/msgid.h"
#include "policy/mail/verp.h"

#include <errno.h>
#include <sys/stat.h>

#define KEY3                                                                   \
	"3 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY4                                                                   \
	"4 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"
#define KEY4_OTHER                                                             \
	"4 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3e\n"
#define MID UINT64_C(0x0102030405060708)
#define SID UINT64_C(0x1112131415161718)
#define KINDS 8
#define ALL_KINDS 0xffU

static const struct golden {
	const char *name;
	struct token t;
	const char *text;
	size_t length;
} golden[KINDS] = {
    {"bounce", {TOKEN_BOUNCE, MID, 0, 0}, "iqaqeayeaudaocaemffsn2mhg55t6ny",
	31},
    {"unsubscribe", {TOKEN_UNSUBSCRIBE, MID, SID, 0},
	"jqaqeayeaudaocarcijrifiwc4mnvs57jvtral54dxdq", 44},
    {"preferences", {TOKEN_PREFERENCES, MID, SID, 0},
	"kqaqeayeaudaocarcijrifiwc4mepgxdgeyv6vupsnxa", 44},
    {"click", {TOKEN_CLICK, MID, 0, 513}, "lqaqeayeaudaocacahqm4rxw6dz6k2kgda",
	34},
    {"open", {TOKEN_OPEN, MID, 0, 0}, "mqaqeayeaudaoch6s7iatsm2f3rgmoi", 31},
    {"feedback", {TOKEN_FEEDBACK, MID, 0, 0}, "nqaqeayeaudaocaxqyqp5ftp2yypz6a",
	31},
    {"raw", {TOKEN_RAW, MID, 0, 0}, "oqaqeayeaudaocef6uwsp3mvq5z7ehq", 31},
    {"composed", {TOKEN_COMPOSED, MID, 0, 0}, "pqaqeayeaudaocawcspl7owpitb36ba",
	31},
};
/* The same bounce token under key 3. */
#define OLD_BOUNCE "imaqeayeaudaocgzff5nvfi2es3byqi"
/* The same under key 4, HMAC and all, but of versions 0, 2 and 3. */
static const char *const other_versions[] = {
    "aqaqeayeaudaoceq6sgwpg4aevpqjfi",
    "qqaqeayeaudaoca3apqrlddalf4c4oa",
    "yqaqeayeaudaocg2j76qirdf4bdnv2q",
};

static struct token_keys *keys_of(const char *text)
{
	struct token_keys *k = NULL;
	struct error err;

	if (token_keys_parse(&k, "keys", str_of(text), &err) != 0)
		bug("%s", err.text);
	return k;
}

static bool same(const struct token *a, const struct token *b)
{
	return a->kind == b->kind && a->message_id == b->message_id &&
	       a->subject_id == b->subject_id && a->link == b->link;
}

static void test_golden(const struct token_keys *keys)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct golden *g = &golden[i];
		char text[TOKEN_TEXT_MAX + 1];
		struct token back;
		IS_INT(token_make(keys, &g->t, text), 0, "%s", g->name);
		IS_STR(text, g->text, "%s: text", g->name);
		IS_INT(
		    strlen(text), (long long)g->length, "%s: length", g->name);
		IS_INT(token_length(g->t.kind), (long long)g->length,
		    "%s: as told", g->name);
		OK(token_parse(keys, ALL_KINDS, str_of(text), &back) == 0 &&
			same(&g->t, &back),
		    "%s: and back", g->name);
		for (size_t j = 0; text[j] != '\0'; j++)
			if (text[j] >= 'a')
				text[j] = (char)(text[j] - 'a' + 'A');
		OK(token_parse(
		       keys, TOKEN_SET(g->t.kind), str_of(text), &back) == 0 &&
			same(&g->t, &back),
		    "%s: in upper case", g->name);
	}
}

static void test_kinds(const struct token_keys *keys)
{
	struct token t;

	for (size_t i = 0; i < KINDS; i++)
		for (unsigned k = 0; k < KINDS; k++)
			IS_INT(token_parse(keys, TOKEN_SET(k),
				   str_of(golden[i].text), &t),
			    k == i ? 0 : ERR_NOT_FOUND, "%s as %s",
			    golden[i].name, golden[k].name);
	OK(token_parse(keys, TOKEN_SET(TOKEN_RAW) | TOKEN_SET(TOKEN_COMPOSED),
	       str_of(golden[TOKEN_COMPOSED].text), &t) == 0 &&
		t.kind == TOKEN_COMPOSED,
	    "either of two kinds");
	for (size_t i = 0; i < 3; i++)
		IS_INT(
		    token_parse(keys, ALL_KINDS, str_of(other_versions[i]), &t),
		    ERR_NOT_FOUND, "another version, %zu", i);
	IS_INT(token_parse(keys, 0, str_of(golden[0].text), &t), ERR_NOT_FOUND,
	    "no kind is right");
}

/* Flips every bit of the bytes, and puts every digit in every place. */
static void test_forged(const struct token_keys *keys, const char *good)
{
	struct str s = str_of(good);
	unsigned char raw[32];
	size_t n, accepted = 0, tried = 0;
	struct token t;
	struct buf b;

	buf_init(&b, 100);
	if (codec_unbase32(s, raw, sizeof(raw), &n) != 0)
		bug("golden token");
	for (size_t bit = 0; bit < 8 * n; bit++, tried++) {
		raw[bit / 8] ^= (unsigned char)(1 << bit % 8);
		buf_reset(&b);
		codec_base32(&b, raw, n);
		accepted += token_parse(keys, ALL_KINDS, buf_str(&b), &t) == 0;
		raw[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t i = 0; i < s.n; i++)
		for (int c = 0; c < 256; c++) {
			if (ascii_lower((char)c) == good[i])
				continue;
			buf_reset(&b);
			buf_add(&b, s);
			b.p[i] = (char)c;
			tried++;
			accepted += token_parse(keys, ALL_KINDS, buf_str(&b),
					&t) != ERR_NOT_FOUND;
		}
	OK(accepted == 0 && tried > 7000, "none of %zu forgeries of %.4s...",
	    tried, good);
	buf_fini(&b);
}

static void test_lengths(const struct token_keys *keys)
{
	char big[10000];
	struct token t;
	bool refused = true;

	for (size_t i = 0; i < KINDS; i++)
		for (size_t n = 0; n < golden[i].length; n++)
			refused &= token_parse(keys, ALL_KINDS,
				       (struct str){golden[i].text, n},
				       &t) == ERR_NOT_FOUND;
	OK(refused, "cut anywhere");
	refused = true;
	memset(big, 'a', sizeof(big));
	for (size_t i = 0; i < KINDS; i++) {
		memcpy(big, golden[i].text, golden[i].length);
		for (size_t n = golden[i].length + 1; n <= sizeof(big);
		     n += n < 100 ? 1 : 900)
			refused &=
			    token_parse(keys, ALL_KINDS, (struct str){big, n},
				&t) == ERR_NOT_FOUND;
	}
	OK(refused, "with something after it, up to 10k");
	IS_INT(token_parse(keys, ALL_KINDS, STR_NULL, &t), ERR_NOT_FOUND,
	    "nothing");
}

static void test_fields(const struct token_keys *keys)
{
	static const struct token wrong[] = {
	    {TOKEN_BOUNCE, 0, 0, 0},
	    {TOKEN_BOUNCE, MID, SID, 0},
	    {TOKEN_BOUNCE, MID, 0, 1},
	    {TOKEN_UNSUBSCRIBE, MID, 0, 0},
	    {TOKEN_UNSUBSCRIBE, MID, SID, 1},
	    {TOKEN_CLICK, MID, SID, 1},
	};
	struct token edge = {TOKEN_CLICK, UINT64_MAX, 0, UINT16_MAX}, back;
	char text[TOKEN_TEXT_MAX + 1];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		IS_INT(token_make(keys, &wrong[i], text), -EINVAL,
		    "fields against the kind, %zu", i);
	OK(token_make(keys, &edge, text) == 0 &&
		token_parse(keys, ALL_KINDS, str_of(text), &back) == 0 &&
		same(&edge, &back),
	    "largest numbers");
	edge.link = 0;
	OK(token_make(keys, &edge, text) == 0 &&
		token_parse(keys, ALL_KINDS, str_of(text), &back) == 0 &&
		same(&edge, &back),
	    "link 0 is a link");
	for (long n = 1; n <= 2; n++) {
		fault_alloc_at(n);
		OK(token_make(keys, &edge, text) != 0, "failure %ld", n);
	}
	fault_alloc_at(1);
	IS_INT(token_parse(keys, ALL_KINDS, str_of(text), &back), ERR_CRYPTO,
	    "trouble of ours is not a forgery");
	fault_alloc_at(0);
}

static void test_rotation(void)
{
	struct token_keys *old = keys_of(KEY3), *both = keys_of(KEY3 KEY4),
			  *early = keys_of(KEY4 KEY3), *new = keys_of(KEY4),
			  *other = keys_of(KEY3 KEY4_OTHER);
	char text[TOKEN_TEXT_MAX + 1];
	struct str old_token = STR(OLD_BOUNCE);
	struct str new_token = str_of(golden[0].text);
	struct token t;

	OK(token_make(old, &golden[0].t, text) == 0 &&
		strcmp(text, OLD_BOUNCE) == 0,
	    "the old key signs");
	OK(token_make(early, &golden[0].t, text) == 0 &&
		strcmp(text, OLD_BOUNCE) == 0,
	    "the last line signs, whatever its id");
	OK(token_make(both, &golden[0].t, text) == 0 &&
		strcmp(text, golden[0].text) == 0,
	    "the new key signs");
	IS_INT(token_keys_signer(both), 4, "its id");
	OK(token_parse(both, ALL_KINDS, old_token, &t) == 0 &&
		token_parse(both, ALL_KINDS, new_token, &t) == 0 &&
		token_parse(early, ALL_KINDS, new_token, &t) == 0,
	    "all verify");
	IS_INT(token_parse(new, ALL_KINDS, old_token, &t), ERR_NOT_FOUND,
	    "a key that is gone");
	IS_INT(token_parse(old, ALL_KINDS, new_token, &t), ERR_NOT_FOUND,
	    "a key that is not there yet");
	IS_INT(token_parse(other, ALL_KINDS, new_token, &t), ERR_NOT_FOUND,
	    "another key of that id, one bit off");
	OK(token_keys_get(both, 5).n == 0 && token_keys_get(both, 8).n == 0 &&
		token_keys_get(both, 3).n == TOKEN_KEY_BYTES,
	    "keys by id");
	token_keys_free(&old);
	token_keys_free(&both);
	token_keys_free(&early);
	token_keys_free(&new);
	token_keys_free(&other);
	OK(other == NULL, "free clears the pointer");
	token_keys_free(&other);
}

static const struct bad_file {
	const char *text, *says;
} bad_files[] = {
    {"", "no key"},
    {"# nothing but this\n\n", "no key"},
    {"8 00\n", ":1: key id"},
    {"-1 00\n", ":1: key id"},
    {KEY3 "x\n", ":2: key id"},
    {KEY3 "\n" KEY3, ":3: key id is there already"},
    {"1 0011\n", ":1: key is not 64"},
    {"1\n", ":1: key is not 64"},
    {"1 gg" KEY3, ":1: key is not 64"},
    {"1 0000000000000000000000000000000000000000000000000000000000000000\n",
	":1: key is one byte"},
};

static void test_key_files(void)
{
	char dir[] = "/tmp/tendril-test.XXXXXX", path[100];
	struct token_keys *k = NULL;
	struct error err;

	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		IS_INT(token_keys_parse(
			   &k, "the-file", str_of(bad_files[i].text), &err),
		    ERR_KEY, "key file %zu", i);
		OK(k == NULL && strstr(err.text, bad_files[i].says) != NULL &&
			strstr(err.text, "0001") == NULL,
		    "says: %s", err.text);
	}
	IS_INT(token_keys_parse(&k, "x",
		   STR("# keys\r\n\r\n  " KEY3 "\t\n7   2021222324252627"
		       "28292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F"),
		   &err),
	    0, "CRLF, blanks, capitals, no final line end");
	IS_INT(token_keys_signer(k), 7, "last line");
	token_keys_free(&k);
	fault_alloc_at(1);
	IS_INT(token_keys_parse(&k, "x", STR(KEY3), &err), -ENOMEM,
	    "out of memory");
	fault_alloc_at(0);
	if (!OK(mkdtemp(dir) != NULL, "temporary folder"))
		return;
	(void)snprintf(path, sizeof(path), "%s/keys", dir);
	IS_INT(file_write_atomic(path, STR(KEY3 KEY4), 0640, &err), 0, "write");
	IS_INT(token_keys_load(&k, path, &err), 0, "load");
	token_keys_free(&k);
	(void)chmod(path, 0660);
	IS_INT(token_keys_load(&k, path, &err), ERR_KEY, "the group may write");
	(void)unlink(path);
	(void)rmdir(dir);
}

static void test_verp(const struct token_keys *keys)
{
	static const enum token_kind kinds[] = {
	    TOKEN_BOUNCE, TOKEN_UNSUBSCRIBE, TOKEN_FEEDBACK};
	static const size_t lengths[] = {33, 46, 33};
	static const char too_long[ADDRESS_MAX] = "x";
	struct arena *a = arena_new(10000);
	struct str d = STR("b.example.com"), made;

	for (size_t i = 0; i < 3; i++) {
		const struct golden *g = &golden[kinds[i]];
		char text[TOKEN_TEXT_MAX + 1];
		struct address addr;
		struct token t;
		enum token_kind kind;

		if (token_make(keys, &g->t, text) != 0)
			exit(1);
		IS_INT(verp_make(a, kinds[i], str_of(text), d, &made), 0,
		    "make %s", g->name);
		OK(address_parse(a, made, &addr, NULL) == 0 &&
			str_eq(addr.text, made) && str_eq(addr.domain, d),
		    "%s: canonical as it is", g->name);
		IS_INT(
		    addr.local.n, (long long)lengths[i], "%s: length", g->name);
		OK(verp_is_one(addr.local, &kind) && kind == kinds[i],
		    "%s: known by its letter", g->name);
		OK(verp_parse(keys, addr.local, &t) == 0 && same(&t, &g->t),
		    "%s: and back", g->name);
	}
	IS_INT(verp_make(a, TOKEN_OPEN, STR("x"), d, &made), -EINVAL,
	    "not a kind for an address");
	IS_INT(verp_make(a, TOKEN_BOUNCE,
		   (struct str){too_long, sizeof(too_long)}, d, &made),
	    ERR_LIMIT, "too long");
	arena_free(&a);
	a = arena_new(16);
	IS_INT(verp_make(a, TOKEN_BOUNCE, STR("0123456789"), d, &made),
	    ERR_LIMIT, "arena full");
	arena_free(&a);
}

static const struct local {
	const char *local;
	bool is_one, valid;
} locals[] = {
    {"b-iqaqeayeaudaocaemffsn2mhg55t6ny", true, true},
    {"B-IQAQEAYEAUDAOCAEMFFSN2MHG55T6NY", true, true},
    {"b-Iqaqeayeaudaocaemffsn2mhg55t6nY", true, true},
    {"f-iqaqeayeaudaocaemffsn2mhg55t6ny", true, false},
    {"u-iqaqeayeaudaocaemffsn2mhg55t6ny", true, false},
    {"f-nqaqeayeaudaocaxqyqp5ftp2yypz6a", true, true},
    {"o-mqaqeayeaudaoch6s7iatsm2f3rgmoi", false, false},
    {"b_iqaqeayeaudaocaemffsn2mhg55t6ny", false, false},
    {"biqaqeayeaudaocaemffsn2mhg55t6ny", false, false},
    {"iqaqeayeaudaocaemffsn2mhg55t6ny", false, false},
    {"b-jones", true, false},
    {"b-", true, false},
    {"b", false, false},
    {"", false, false},
    {"\"b-iqaqeayeaudaocaemffsn2mhg55t6ny\"", false, false},
    {"b-iqaqeayeaudaocaemffsn2mhg55t6ny+x", true, false},
    {"prvs=0123abcdef=b-iqaqeayeaudaocaemffsn2mhg55t6ny", false, false},
    {"SRS0=HHHH=TT=b.example=b-iqaqeayeaudaocaemffsn2mhg55t6ny", false, false},
    {"SRS1=HHH=f.example==HHHH=TT=b.example="
     "b-iqaqeayeaudaocaemffsn2mhg55t6ny",
	false, false},
};

static void test_locals(const struct token_keys *keys)
{
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		struct str s = str_of(locals[i].local);
		enum token_kind kind;
		struct token t;
		OK(verp_is_one(s, &kind) == locals[i].is_one, "\"%s\" %s",
		    locals[i].local, locals[i].is_one ? "is one" : "is none");
		IS_INT(verp_parse(keys, s, &t),
		    locals[i].valid ? 0 : ERR_NOT_FOUND, "and is %svalid",
		    locals[i].valid ? "" : "not ");
	}
}

static void test_msgid(void)
{
	const int64_t t = INT64_C(1795345532123); /* 2026-11-22 */
	uint64_t id = msgid_make(t, 0xffffffff);

	OK(id == UINT64_C(0x0ca921f736ffffff), "made: %016llx",
	    (unsigned long long)id);
	IS_INT(msgid_time_ms(id), t, "time back");
	OK(msgid_make(t, 0) < id && id < msgid_make(t + 1, 0),
	    "sorts by time, whatever the random part");
	OK(msgid_make(t, 0) == msgid_floor(t) &&
		msgid_make(t, 1) != msgid_make(t, 2),
	    "the floor is the least");
	OK(msgid_make(t, 0xffc00000) == msgid_floor(t),
	    "only 22 bits of random");
	IS_INT(msgid_make(0, 0), 1, "never 0, before 2020 clamped");
	IS_INT(msgid_make(INT64_MIN, 5), 5, "clamped");
	OK(msgid_make(INT64_MAX, UINT32_MAX) == UINT64_MAX, "after 2159");
	OK(msgid_make(INT64_C(1577836800000), 0) == 1, "first instant");
	OK(msgid_make(INT64_C(1577836800001), 0) == UINT64_C(1) << 22,
	    "second instant");
	IS_INT(msgid_time_ms(UINT64_MAX), INT64_C(5975883311103),
	    "last instant, 2159-05-15");
}

int main(void)
{
	struct token_keys *keys = keys_of(KEY3 KEY4);

	test_golden(keys);
	test_kinds(keys);
	test_forged(keys, golden[TOKEN_BOUNCE].text);
	test_forged(keys, golden[TOKEN_UNSUBSCRIBE].text);
	test_forged(keys, golden[TOKEN_CLICK].text);
	test_lengths(keys);
	test_fields(keys);
	test_rotation();
	test_key_files();
	test_verp(keys);
	test_locals(keys);
	test_msgid();
	token_keys_free(&keys);
	return tap_done();
}
