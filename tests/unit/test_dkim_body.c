/* test_dkim_body.c - policy/mail/dkim_body, dkim_canon: the vectors of RFC
 * 6376 and RFC 8463, line ends and white space of all kinds, and the same hash
 * however the body is cut into chunks. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_canon.h"

#include <openssl/evp.h>

enum {
	SEED = 20240607,
	BODY_MAX = 65536
};

static uint64_t random_state = SEED;

static size_t pick(size_t n) /* 0..n-1 */
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % n);
}

/* The definition, line by line: what dkim_body must agree with. */
static void canon_line(struct buf *out, struct str line)
{
	bool blank = false;

	for (size_t i = 0; i < line.n; i++) {
		if (ascii_is_blank(line.p[i])) {
			blank = true;
			continue;
		}
		if (blank)
			buf_addc(out, ' ');
		blank = false;
		buf_addc(out, line.p[i]);
	}
	buf_addz(out, "\r\n");
}

static void canon(struct buf *out, struct str body)
{
	while (body.n > 0) {
		size_t lf = str_find(body, 0, '\n');
		struct str line = str_cut(body, 0, lf);
		if (lf < body.n && str_ends(line, STR("\r")))
			line.n--;
		canon_line(out, line);
		body = str_from(body, lf + 1);
	}
	while (str_ends(buf_str(out), STR("\r\n\r\n")))
		buf_truncate(out, out->n - 2);
	if (str_eq(buf_str(out), STR("\r\n")))
		buf_truncate(out, 0);
}

static void sha256(struct str s, unsigned char out[DKIM_BODY_HASH])
{
	if (EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL) != 1)
		bug("SHA-256");
}

static void want_hash(struct str body, unsigned char out[DKIM_BODY_HASH])
{
	struct buf text;

	buf_init(&text, 2 * BODY_MAX + 2);
	canon(&text, body);
	sha256(buf_str(&text), out);
	buf_fini(&text);
}

/* Feeds the body cut at the two places. */
static bool same_in_three(struct dkim_body *b, struct str body, size_t i,
    size_t j, const unsigned char *want)
{
	unsigned char got[DKIM_BODY_HASH];

	dkim_body_reset(b);
	dkim_body_update(b, str_cut(body, 0, i));
	dkim_body_update(b, str_cut(body, i, j - i));
	dkim_body_update(b, str_from(body, j));
	return dkim_body_final(b, got) == 0 && memcmp(got, want, 32) == 0;
}

static bool same_in_pieces(struct dkim_body *b, struct str body, size_t most,
    const unsigned char *want)
{
	unsigned char got[DKIM_BODY_HASH];

	dkim_body_reset(b);
	while (body.n > 0) {
		size_t n = 1 + pick(most);
		dkim_body_update(b, str_cut(body, 0, n));
		body = str_from(body, n);
	}
	return dkim_body_final(b, got) == 0 && memcmp(got, want, 32) == 0;
}

#define CASE(in, canonical)                                                    \
	{                                                                      \
		STR(in), STR(canonical)                                        \
	}
static const struct {
	struct str body, canonical;
} cases[] = {
    /* RFC 6376 section 3.4.5 */
    CASE(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
    CASE("", ""),
    CASE("\r\n", ""),
    CASE("\r\n\r\n\r\n", ""),
    CASE(" ", ""),
    CASE(" \t \r\n\t", ""),
    CASE("a", "a\r\n"),
    CASE("a\r\n", "a\r\n"),
    CASE("a \t", "a\r\n"),
    CASE("a\r\n \t", "a\r\n"),
    CASE("\ta", " a\r\n"),
    CASE("\r\n\r\na\r\n\r\nb\r\n\r\n", "\r\n\r\na\r\n\r\nb\r\n"),
    CASE("a\r\n  \r\n\t\r\nb", "a\r\n\r\n\r\nb\r\n"),
    /* bare LF ends a line */
    CASE("a\nb\n\n", "a\r\nb\r\n"),
    CASE("a \n b\n", "a\r\n b\r\n"),
    CASE("\n\na", "\r\n\r\na\r\n"),
    CASE("a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n"),
    /* a CR without LF is a byte like others */
    CASE("a\rb\r\n", "a\rb\r\n"),
    CASE("a \r b\r\n", "a \r b\r\n"),
    CASE("a\r", "a\r\r\n"),
    CASE("\r", "\r\r\n"),
    CASE("a\r\r\nb", "a\r\r\nb\r\n"),
    CASE("a \r\r\n\r", "a \r\r\n\r\r\n"),
    CASE("\r\r\n\n\r\n", "\r\r\n"),
    /* NUL and 8-bit bytes are content */
    CASE("\0 \0\r\n\xff\xa0 \r\n", "\0 \0\r\n\xff\xa0\r\n"),
    /* around the lanes of the scan */
    CASE("0123456789abcdef  x", "0123456789abcdef x\r\n"),
    CASE("0123456789abcdefg \r\nx", "0123456789abcdefg\r\nx\r\n"),
    CASE("0123456789abcde\r\n x\r\n", "0123456789abcde\r\n x\r\n"),
    CASE("0123456789abcdef0123456789abcdef\r\n\r\n",
	"0123456789abcdef0123456789abcdef\r\n"),
    CASE("x                                         y", "x y\r\n"),
};

static void test_cases(struct dkim_body *b)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str body = cases[i].body;
		unsigned char want[DKIM_BODY_HASH], naive[DKIM_BODY_HASH];
		size_t cuts = 0;

		sha256(cases[i].canonical, want);
		want_hash(body, naive);
		for (size_t at = 0; at <= body.n; at++)
			cuts += same_in_three(b, body, at, at, want);
		OK(memcmp(want, naive, 32) == 0 && cuts == body.n + 1,
		    "case %zu, cut anywhere", i);
	}
}

static void test_base64(
    struct dkim_body *b, struct str body, const char *want, const char *what)
{
	unsigned char hash[DKIM_BODY_HASH];
	struct buf text;

	buf_init(&text, 64);
	dkim_body_reset(b);
	dkim_body_update(b, body);
	IS_INT(dkim_body_final(b, hash), 0, "%s: hash", what);
	codec_base64(&text, hash, sizeof(hash));
	IS_S(buf_str(&text), str_of(want), "%s: value of bh=", what);
	buf_fini(&text);
}

/* Few kinds of bytes, so that all combinations come up; long words, so that
 * runs are longer than a lane or the stage. */
static struct str random_body(char *p, size_t max, size_t word)
{
	static const char odd[] = " \t\r\n";
	size_t n = 0;

	while (n < max) {
		size_t run = pick(4) == 0 ? pick(word) : pick(3);
		size_t what = pick(8);
		const char *add = what < 4 ? &odd[what] : "\r\n";
		size_t len = what == 4 || what == 5 ? 2 : what < 4 ? 1 : 0;

		while (run-- > 0 && n < max)
			p[n++] = (char)('a' + pick(26));
		for (size_t i = 0; i < len && n < max; i++)
			p[n++] = add[i];
	}
	return (struct str){p, n};
}

static void test_all_cuts(struct dkim_body *b)
{
	unsigned char want[DKIM_BODY_HASH];
	char text[200];
	struct str body = random_body(text, sizeof(text), 40);
	size_t good = 0, all = 0;

	want_hash(body, want);
	for (size_t i = 0; i <= body.n; i++)
		for (size_t j = i; j <= body.n; j++, all++)
			good += same_in_three(b, body, i, j, want);
	IS_INT(good, all, "200 bytes cut at every two places");
	OK(same_in_pieces(b, body, 1, want), "byte by byte");
}

static void test_random(struct dkim_body *b)
{
	static char text[BODY_MAX];
	unsigned char want[DKIM_BODY_HASH];
	size_t good = 0, large = 0;
	enum {
		SMALL = 20000,
		LARGE = 60
	};

	for (int i = 0; i < SMALL; i++) {
		struct str body = random_body(text, pick(120), 50);
		want_hash(body, want);
		good += same_in_pieces(b, body, 1 + pick(60), want);
	}
	IS_INT(good, SMALL, "small random bodies in random chunks");
	for (int i = 0; i < LARGE; i++) {
		struct str body = random_body(text, pick(BODY_MAX), 9000);
		want_hash(body, want);
		large += same_in_pieces(b, body, 1 + pick(20000), want);
	}
	IS_INT(large, LARGE, "large random bodies in random chunks");
}

static void test_field(struct str name, struct str value, struct str want)
{
	char out[200];
	size_t n = dkim_canon_field(out, name, value);

	OK(n <= DKIM_CANON_FIELD_MAX(name, value), "within its bound");
	IS_S(((struct str){out, n}), want, "field");
}

static void test_fields(void)
{
	static const struct {
		struct str name, value, want;
	} fields[] = {
	    /* RFC 6376 section 3.4.5 */
	    {STR("A"), STR(" X"), STR("a:X\r\n")},
	    {STR("B"), STR(" Y\t\r\n\tZ  "), STR("b:Y Z\r\n")},
	    {STR("SubJect"), STR(" a\n  b\n\tc"), STR("subject:a b c\r\n")},
	    {STR("X"), STR(""), STR("x:\r\n")},
	    {STR("X"), STR(" \r\n\t "), STR("x:\r\n")},
	    {STR("X"), STR("\r\n first"), STR("x:first\r\n")},
	    {STR("X"), STR("a:b"), STR("x:a:b\r\n")},
	    {STR("X"), STR(" \xc3\xa9 \xff"), STR("x:\xc3\xa9 \xff\r\n")},
	    {STR("X"), STR(" a\r b\r"), STR("x:a\r b\r\r\n")},
	    {STR("X"), STR(" a\r\r\n b"), STR("x:a\r b\r\n")},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		test_field(fields[i].name, fields[i].value, fields[i].want);
}

int main(void)
{
	struct dkim_body *b = dkim_body_new();

	printf("# seed %d\n", SEED);
	OK(b != NULL, "new");
	test_cases(b);
	test_base64(b, STR(""),
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "empty body");
	test_base64(b, STR(RFC8463_BODY), RFC8463_BODY_HASH, "RFC 8463");
	test_all_cuts(b);
	test_random(b);
	test_fields();
	dkim_body_free(&b);
	OK(b == NULL, "free clears the pointer");
	fault_alloc_at(1);
	OK(dkim_body_new() == NULL, "out of memory");
	return tap_done();
}
