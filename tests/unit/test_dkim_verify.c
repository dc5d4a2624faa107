/* test_dkim_verify.c - policy/mail/dkim_verify: libopendkim verifies what
 * dkim_sign made, of all the mail that is hard to sign, and nothing that was
 * changed afterwards. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"
#include "policy/mail/dkim_verify.h"

enum {
	SEED = 8463,
	NOW_S = 1528637909,
	ARENA_MAX = 16 * 1024 * 1024
};

struct fixture {
	struct dkim_key *keys[2]; /* Ed25519, RSA */
	struct dkim_verifier *v;
	struct dkim_body *body;
	struct arena *a;
};

static struct dkim_key *new_key(
    const char *pem, const char *selector, enum dkim_alg alg)
{
	struct dkim_key_spec spec = {
	    STR(RFC8463_DOMAIN), str_of(selector), alg, DKIM_KEY_ALLOW_1024};
	struct dkim_key *k = NULL;

	if (dkim_key_parse(&k, str_of(pem), selector, &spec, NULL) != 0)
		bug("key");
	return k;
}

static void set_up(struct fixture *f)
{
	f->keys[0] =
	    new_key(RFC8463_ED_PEM, "brisbane", DKIM_ALG_ED25519_SHA256);
	f->keys[1] = new_key(RFC8463_RSA_PEM, "test", DKIM_ALG_RSA_SHA256);
	f->body = dkim_body_new();
	f->a = arena_new(ARENA_MAX);
	if (dkim_verify_open(&f->v, DKIM_VERIFY_ANY_TIME, NULL) != 0)
		bug("verifier");
}

static void tear_down(struct fixture *f)
{
	dkim_key_unref(&f->keys[0]);
	dkim_key_unref(&f->keys[1]);
	dkim_body_free(&f->body);
	dkim_verify_close(&f->v);
	arena_free(&f->a);
}

static void add(
    struct fixture *f, struct header_list *l, struct str name, struct str value)
{
	if (header_add(l, f->a, name, value) != 0)
		bug("arena");
}

/* Signs with nkeys keys; out is the message with the signatures on top. */
static void sign(struct fixture *f, const struct dkim_message *m, size_t nkeys,
    struct header_list *out)
{
	unsigned char hash[DKIM_BODY_HASH];
	struct str values[2];
	struct dkim_sign_input in = {.keys = f->keys,
	    .nkeys = nkeys,
	    .headers = m->headers,
	    .body_hash = hash,
	    .now_s = NOW_S};

	dkim_body_reset(f->body);
	dkim_body_update(f->body, m->body);
	if (dkim_body_final(f->body, hash) != 0 ||
	    dkim_sign_message(&in, f->a, values, NULL) != 0)
		bug("sign");
	*out = (struct header_list){0};
	for (size_t i = 0; i < nkeys; i++)
		add(f, out, STR("DKIM-Signature"), values[i]);
	for (size_t i = 0; i < m->headers->n; i++)
		add(f, out, m->headers->v[i].name, m->headers->v[i].value);
}

static int verify(struct fixture *f, const struct header_list *headers,
    struct str body, size_t nkeys, struct error *err)
{
	struct dkim_message m = {headers, body};

	return dkim_verify_ours(
	    f->v, &m, (struct dkim_verify_keys){f->keys, nkeys}, f->a, err);
}

/* ---- mail that is hard to sign ---- */

#define X10 "0123456789"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static const struct {
	const char *what;
	struct header fields[4];
	struct str body;
} mails[] = {
    {"plain", {{STR("From"), STR(" a@b.example")}}, STR("hello\r\n")},
    {"empty body", {{STR("From"), STR(" a@b.example")}}, STR("")},
    {"one line end", {{STR("From"), STR(" a@b.example")}}, STR("\r\n")},
    {"only white space", {{STR("From"), STR(" a@b.example")}},
	STR(" \t \r\n\r\n ")},
    {"no final line end", {{STR("From"), STR(" a@b.example")}}, STR("a\r\nb")},
    {"final blanks", {{STR("From"), STR(" a@b.example")}},
	STR("a  \r\n\t\r\n  \r\n")},
    {"bare LF", {{STR("From"), STR(" a@b.example")}},
	STR("a \n\n b\t\tc\n\n\n")},
    {"mixed line ends", {{STR("From"), STR(" a@b.example")}},
	STR("a\r\nb\nc\r\n\n\r\nd")},
    {"8-bit and NUL", {{STR("From"), STR(" a@b.example")}},
	STR("\xc3\xa9\xff\x00\x01 \x7f\r\n")},
    {"long line", {{STR("From"), STR(" a@b.example")}},
	STR(X1000 X1000 " " X100 "\r\n")},
    {"folded by CRLF",
	{{STR("From"), STR(" A\r\n B\r\n\t<a@b.example>")},
	    {STR("Subject"), STR(" a\r\n b\r\n   c  ")}},
	STR("x\r\n")},
    {"folded by LF",
	{{STR("From"), STR(" A\n B\n\t<a@b.example>")},
	    {STR("Subject"), STR(" a\n b\n   c  ")}},
	STR("x\r\n")},
    {"value on the second line",
	{{STR("From"), STR("\r\n a@b.example")},
	    {STR("List-Unsubscribe"), STR("\n\t<https://a.example/u>")}},
	STR("x\r\n")},
    {"empty values",
	{{STR("From"), STR(" a@b.example")}, {STR("Subject"), STR("")},
	    {STR("To"), STR(" ")}, {STR("Cc"), STR(" \r\n ")}},
	STR("x\r\n")},
    {"no blank after the colon",
	{{STR("From"), STR("a@b.example")}, {STR("Subject"), STR("x")}},
	STR("x\r\n")},
    {"8-bit header",
	{{STR("From"), STR(" \xc3\x84 <\xc3\xa4@b.example>")},
	    {STR("Subject"), STR(" \xff\xfe\x80 caf\xe9 ")}},
	STR("x\r\n")},
    {"long header",
	{{STR("From"), STR(" a@b.example")},
	    {STR("References"), STR(" " X1000 X1000 " <" X1000 ">\r\n " X1000)},
	    {STR("X-Long"), STR(X1000)}},
	STR("x\r\n")},
    {"each of three fields of one name",
	{{STR("From"), STR(" a@b.example")}, {STR("To"), STR(" one@b.example")},
	    {STR("to"), STR(" two@b.example")},
	    {STR("TO"), STR(" three@b.example")}},
	STR("x\r\n")},
    {"names in odd case",
	{{STR("fROM"), STR(" a@b.example")}, {STR("SUBJECT"), STR(" x")},
	    {STR("x-tendril-id"), STR(" abc")}},
	STR("x\r\n")},
    {"From that no parser likes", {{STR("From"), STR(" undisclosed:;")}},
	STR("x\r\n")},
    {"tag characters in values",
	{{STR("From"), STR(" a@b.example")},
	    {STR("Subject"), STR(" b=1; h=x; bh==;")}},
	STR("x\r\n")},
};

static struct header_list list_of(struct fixture *f, size_t i)
{
	struct header_list l = {0};

	for (size_t k = 0; k < 4 && mails[i].fields[k].name.n > 0; k++)
		add(f, &l, mails[i].fields[k].name, mails[i].fields[k].value);
	return l;
}

static void test_mails(struct fixture *f)
{
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct header_list l = list_of(f, i), signed_list;
		struct dkim_message m = {&l, mails[i].body};
		struct error err = {0};

		sign(f, &m, 2, &signed_list);
		IS_INT(verify(f, &signed_list, m.body, 2, &err), 0, "%s%s%s",
		    mails[i].what, err.code != 0 ? ": " : "", err.text);
		arena_reset(f->a);
	}
}

/* ---- what an MTA may do ---- */

static struct str crlf(struct fixture *f, struct str s)
{
	char *to = arena_alloc(f->a, 2 * s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			to[n++] = '\r';
		to[n++] = s.p[i];
	}
	return (struct str){to, n};
}

/* The MTA sends CRLF where the milter saw LF, in our field too. */
static void test_sent_by_smtp(struct fixture *f)
{
	struct header_list l = {0}, s, sent = {0};
	struct dkim_message m = {&l, STR("a\nb \n\n\n")};
	struct error err = {0};

	add(f, &l, STR("From"), STR(" A\n <a@b.example>"));
	add(f, &l, STR("Subject"), STR(" a\n\tb"));
	sign(f, &m, 2, &s);
	for (size_t i = 0; i < s.n; i++)
		add(f, &sent, s.v[i].name, crlf(f, s.v[i].value));
	IS_INT(verify(f, &sent, crlf(f, m.body), 2, &err), 0, "as sent %s",
	    err.text);
	arena_reset(f->a);
}

/* ---- random mail ---- */

static uint64_t random_state = SEED;

static size_t pick(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % n);
}

static struct str random_text(
    struct fixture *f, size_t max, const char *const *parts, size_t nparts)
{
	struct buf b;
	struct str s;

	buf_init(&b, 4 * max + 8);
	while (b.n < max)
		buf_addz(&b, parts[pick(nparts)]);
	s = arena_str(f->a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void test_random(struct fixture *f)
{
	static const char *const body[] = {" ", "\t", "\r\n", "\r\n", "\n", "a",
	    "word", "\xc3\xa9", "=\r\n", "  "};
	static const char *const value[] = {" ", "\t", "\r\n ", "\n\t", "x",
	    "<a@b>", ";", "=", "b=", "\xe4", ","};
	enum {
		ROUNDS = 400
	};
	int good = 0;

	printf("# seed %d\n", SEED);
	for (int i = 0; i < ROUNDS; i++) {
		struct header_list l = {0}, s;
		struct dkim_message m = {
		    &l, random_text(f, pick(3000), body, 10)};
		size_t n = 1 + pick(12);

		for (size_t k = 0; k < n; k++)
			add(f, &l, dkim_sign_names.v[pick(dkim_sign_names.n)],
			    random_text(f, pick(200), value, 11));
		add(f, &l, STR("From"), random_text(f, 60, value, 11));
		sign(f, &m, 1, &s);
		good += verify(f, &s, m.body, 1, NULL) == 0;
		arena_reset(f->a);
	}
	IS_INT(good, ROUNDS, "random messages");
}

/* ---- tampering ---- */

static struct header_list base_list(struct fixture *f)
{
	struct header_list l = {0};

	for (size_t i = 0; i < dkim_sign_names.n; i++)
		add(f, &l, dkim_sign_names.v[i], STR(" old <value@b.example>"));
	add(f, &l, STR("X-Unsigned"), STR(" x"));
	return l;
}

static bool detected(
    struct fixture *f, const struct header_list *l, struct str body)
{
	return verify(f, l, body, 1, NULL) == ERR_CRYPTO &&
	       verify(f, l, body, 2, NULL) == ERR_CRYPTO;
}

static void tamper_fields(
    struct fixture *f, const struct header_list *s, struct str body)
{
	size_t changed = 0, removed = 0, renamed = 0, n = dkim_sign_names.n;

	for (size_t i = 2; i < s->n - 1; i++) { /* behind the signatures */
		struct header_list t = {0};
		for (size_t k = 0; k < s->n; k++)
			add(f, &t, s->v[k].name, s->v[k].value);
		t.v[i].value = STR(" old <valuE@b.example>");
		changed += detected(f, &t, body);
		t.v[i].value = s->v[i].value;
		t.v[i].name = STR("X-Other");
		renamed += detected(f, &t, body);
		t = (struct header_list){0};
		for (size_t k = 0; k < s->n; k++)
			if (k != i)
				add(f, &t, s->v[k].name, s->v[k].value);
		removed += detected(f, &t, body);
	}
	IS_INT(changed, n, "each signed field changed");
	IS_INT(renamed, n, "each renamed");
	IS_INT(removed, n, "each removed");
}

/* One more of an oversigned name, on top, at the bottom. */
static void tamper_added(
    struct fixture *f, const struct header_list *s, struct str body)
{
	size_t top = 0, bottom = 0, n = dkim_sign_oversign.n;

	for (size_t i = 0; i < n; i++) {
		struct header_list t = {0}, u = {0};
		add(f, &t, dkim_sign_oversign.v[i], STR(" new@b.example"));
		for (size_t k = 0; k < s->n; k++) {
			add(f, &t, s->v[k].name, s->v[k].value);
			add(f, &u, s->v[k].name, s->v[k].value);
		}
		add(f, &u, dkim_sign_oversign.v[i], STR(" new@b.example"));
		top += detected(f, &t, body);
		bottom += detected(f, &u, body);
	}
	IS_INT(top, n, "each oversigned field added on top");
	IS_INT(bottom, n, "each added at the bottom");
}

static void test_tamper(struct fixture *f)
{
	static const struct str body = STR("One line.\r\n\r\nTwo.\r\n");
	static const struct str changed[] = {STR("One line.\r\n\r\nTwo!\r\n"),
	    STR("One line.\r\nTwo.\r\n"), STR("One line.\r\n\r\nTwo.\r\nmore"),
	    STR(""), STR("One  line.\r\n\r\nTwo.\r\n.\r\n"),
	    STR("Oneline.\r\n\r\nTwo.\r\n")};
	struct header_list l = base_list(f), s;
	struct dkim_message m = {&l, body};
	struct error err = {0};

	sign(f, &m, 2, &s);
	IS_INT(verify(f, &s, body, 2, &err), 0, "untouched %s", err.text);
	IS_INT(
	    verify(f, &s, STR("One \t line. \r\n\r\nTwo.\r\n \r\n"), 2, &err),
	    0, "white space changed as relaxed allows %s", err.text);
	s.v[s.n - 1].value = STR(" changed");
	IS_INT(verify(f, &s, body, 2, &err), 0, "unsigned field changed");
	tamper_fields(f, &s, body);
	tamper_added(f, &s, body);
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
		OK(detected(f, &s, changed[i]), "body changed, %zu", i);
	s.v[1].name = STR("X-Signature");
	IS_INT(verify(f, &s, body, 2, &err), ERR_CRYPTO, "one missing: %s",
	    err.text);
	OK(strstr(err.text, "test._domainkey") != NULL, "names the key");
	IS_INT(verify(f, &s, body, 1, &err), 0, "the other still holds");
	arena_reset(f->a);
}

int main(void)
{
	struct fixture f = {0};

	set_up(&f);
	test_mails(&f);
	test_sent_by_smtp(&f);
	test_random(&f);
	test_tamper(&f);
	tear_down(&f);
	return tap_done();
}
