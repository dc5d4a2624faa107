/* test_origin.c - the milter's word to the agent: what it says comes back,
 * what was touched does not. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/mail/origin.h"

static struct token_keys *keys, *others;
static struct arena *arena;
static unsigned char body[DKIM_BODY_HASH] = "0123456789012345678901234567890";

static void load(struct token_keys **out, const char *text)
{
	struct error err;

	if (token_keys_parse(out, "keys", str_of(text), &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static struct origin sample(void)
{
	static struct str rcpts[] = {{"b-abc@bounces.example.com", 25},
	    {"f-def@bounces.example.com", 25}};
	struct origin o = {.has_client = true,
	    .client = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1},
	    .helo = STR("mx.example.net"),
	    .sender = STR_NULL,
	    .rcpts = {rcpts, 2}};

	memcpy(o.body, body, sizeof(body));
	return o;
}

static struct str make(const struct origin *o)
{
	struct str value = STR_NULL;

	IS_INT(origin_make(keys, o, arena, &value), 0, "made");
	return value;
}

static int get(struct str value, struct origin *out)
{
	return origin_read(keys, value, body, arena, out);
}

static void test_round(void)
{
	struct origin o = sample(), got;
	struct str value = make(&o);

	OK(str_starts(value, STR(" v=1; key=3; client=192.0.2.1;\n\thelo=")),
	    "for people to read, too");
	IS_INT(get(value, &got), 0, "read");
	OK(got.has_client && memcmp(got.client, o.client, 16) == 0, "client");
	IS_S(got.helo, o.helo, "HELO");
	IS_INT((long long)got.sender.n, 0, "null sender");
	IS_INT((long long)got.rcpts.n, 2, "recipients");
	IS_S(got.rcpts.v[1], o.rcpts.v[1], "the second");
	o.client[0] = 0x20;
	o.client[10] = 0;
	o.sender = STR("a@b.example");
	value = make(&o);
	IS_INT(get(value, &got), 0, "IPv6");
	OK(memcmp(got.client, o.client, 16) == 0, "the same address");
	IS_S(got.sender, o.sender, "sender");
	o.has_client = false;
	IS_INT(get(make(&o), &got), 0, "no address");
	OK(!got.has_client, "unknown");
}

static void test_answer(void)
{
	struct origin o = sample(), got;
	struct str value = make(&o);

	OK(!str_contains(value, STR("answer=")),
	    "of no answer it says nothing");
	o.answer = UINT64_C(0xfedcba9876543210);
	o.rcpts.n = 0;
	IS_INT(get(make(&o), &got), 0, "an answer");
	OK(got.answer == o.answer && got.rcpts.n == 0,
	    "the message that it answers, and no address");
	o.answer = 1;
	IS_INT(get(make(&o), &got), 0, "another");
	OK(got.answer == 1, "small ids are as long");
}

/* As MTAs may hand it on: folded elsewhere, with CRLF. */
static void test_refolded(void)
{
	struct origin o = sample(), got;
	struct str value = make(&o);
	struct buf b;

	buf_init(&b, 100000);
	for (size_t i = 0; i < value.n; i++) {
		buf_addc(&b, value.p[i]);
		if (value.p[i] == ';')
			buf_addz(&b, "\r\n \t ");
	}
	IS_INT(get(buf_str(&b), &got), 0, "refolded");
	buf_fini(&b);
}

static void test_escapes(void)
{
	static struct str rcpt[] = {{"a,b;c\"@x", 8}};
	struct origin o = sample(), got;
	char long_helo[3000];
	struct str value, rest, line;

	o.helo = STR("a b\0c\r\nX: y;mac=%00\xff");
	o.sender = STR("\"a;b\"@x\\");
	o.rcpts = (struct strs){rcpt, 1};
	value = make(&o);
	IS_INT(get(value, &got), 0, "hostile HELO");
	IS_S(got.helo, o.helo, "every byte comes back");
	IS_S(got.sender, o.sender, "sender");
	IS_S(got.rcpts.v[0], rcpt[0], "recipient");
	memset(long_helo, 0xfe, sizeof(long_helo));
	o.helo = (struct str){long_helo, sizeof(long_helo)};
	o.sender = o.helo;
	value = make(&o);
	IS_INT(get(value, &got), 0, "long ones");
	OK(got.helo.n == ORIGIN_HELO_MAX && got.sender.n == ORIGIN_ADDRESS_MAX,
	    "are cut");
	rest = value;
	for (size_t most = 0; str_next(&rest, '\n', &line);) {
		most = line.n > most ? line.n : most;
		if (rest.n == 0)
			OK(most < 980, "no line is too long: %zu", most);
	}
	for (size_t i = 0; i < value.n; i++)
		if ((value.p[i] < ' ' && value.p[i] != '\n' &&
			value.p[i] != '\t') ||
		    (unsigned char)value.p[i] >= 0x7f) {
			OK(false, "byte %zu is raw", i);
			break;
		}
}

/* Whatever byte is changed, the field is void. */
static void test_forged(void)
{
	struct origin o = sample(), got;
	struct str value = make(&o);
	char copy[2000];
	size_t bad = 0, n = 0;

	memcpy(copy, value.p, value.n);
	for (size_t i = 0; i < value.n; i++) {
		if (copy[i] == ' ' || copy[i] == '\n' || copy[i] == '\t')
			continue;
		copy[i] = (char)(copy[i] ^ 1);
		n++;
		bad += get((struct str){copy, value.n}, &got) == 0;
		copy[i] = value.p[i];
	}
	OK(bad == 0 && n > 200, "each of %zu bytes counts", n);
	bad = 0;
	for (size_t i = 0; i < value.n; i++)
		bad += get(str_cut(value, 0, i), &got) == 0;
	OK(bad == 0, "truncated anywhere");
	IS_INT(origin_read(others, value, body, arena, &got), ERR_NOT_FOUND,
	    "made with another key");
	body[0] ^= 1;
	IS_INT(get(value, &got), ERR_NOT_FOUND, "on another mail");
	body[0] ^= 1;
	IS_INT(get(value, &got), 0, "on its own");
	IS_INT(get(STR(""), &got), ERR_NOT_FOUND, "empty");
	IS_INT(get(STR(" v=1; key=99999999999999999999"), &got), ERR_NOT_FOUND,
	    "strange key");
	IS_INT(get(STR("\0\0\0"), &got), ERR_NOT_FOUND, "NULs");
}

static void test_full(void)
{
	struct arena *small = arena_new(64);
	struct origin o = sample(), got;
	struct str value = make(&o), unused;

	IS_INT(origin_make(keys, &o, small, &unused), ERR_LIMIT, "arena full");
	IS_INT(origin_read(keys, value, body, small, &got), ERR_LIMIT,
	    "on reading, too");
	arena_free(&small);
}

int main(void)
{
	load(&keys,
	    "2 "
	    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92\n"
	    "3 "
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	    "\n");
	load(&others,
	    "3 "
	    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92"
	    "\n");
	arena = arena_new(8 << 20);
	test_round();
	test_answer();
	test_refolded();
	test_escapes();
	test_forged();
	test_full();
	arena_free(&arena);
	token_keys_free(&keys);
	token_keys_free(&others);
	return tap_done();
}
