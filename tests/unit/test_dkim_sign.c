/* test_dkim_sign.c - policy/mail/dkim_sign: what is in the field and how it is
 * folded, what h= names, limits. That verifiers accept the signatures is
 * test_dkim_verify's. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"

#include <pthread.h>

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

static const unsigned char some_hash[DKIM_BODY_HASH] = {1, 2, 3};

/* The value of a tag, white space taken out; in the arena. */
static struct str tag(struct arena *a, struct str value, const char *name)
{
	struct str item, out = STR_NULL;

	while (str_next(&value, ';', &item)) {
		size_t eq = str_find(item, 0, '='), n = 0;
		char *to;
		if (!str_eq(str_trim(str_cut(item, 0, eq)), str_of(name)))
			continue;
		item = str_from(item, eq + 1);
		to = arena_alloc(a, item.n + 1);
		for (size_t i = 0; i < item.n; i++)
			if (strchr(" \t\n", item.p[i]) == NULL)
				to[n++] = item.p[i];
		out = (struct str){to, n};
	}
	return out;
}

static size_t named(struct str h, const char *name)
{
	struct str word;
	size_t n = 0;

	while (str_next(&h, ':', &word))
		n += str_ieq(word, str_of(name));
	return n;
}

static size_t longest_line(struct str value)
{
	struct str line;
	size_t longest = 0, first = sizeof("DKIM-Signature:") - 1;

	while (str_next(&value, '\n', &line)) {
		longest = line.n + first > longest ? line.n + first : longest;
		first = 0;
	}
	return longest;
}

/* Every line after the first begins with a tab and has text after it. */
static bool well_folded(struct str value)
{
	struct str line;
	bool good = str_starts(value, STR(" v=1; "));

	(void)str_next(&value, '\n', &line);
	while (str_next(&value, '\n', &line))
		good = good && line.n > 1 && line.p[0] == '\t' &&
		       !ascii_is_blank(line.p[1]) && str_trim(line).n > 0;
	return good;
}

/* The names of all tags, in order. */
static struct str tag_names(struct arena *a, struct str value)
{
	char *to = arena_alloc(a, value.n);
	struct str item;
	size_t n = 0;

	while (str_next(&value, ';', &item)) {
		item = str_trim(str_cut(item, 0, str_find(item, 0, '=')));
		memcpy(to + n, item.p, item.n);
		n += item.n;
		to[n++] = ' ';
	}
	return (struct str){to, n};
}

static void check_tags(struct arena *a, struct str value, const char *alg)
{
	struct buf raw;

	IS_S(tag_names(a, value), STR("v a c d s t h bh b "), "tags");
	IS_S(tag(a, value, "a"), str_of(alg), "a=");
	IS_S(tag(a, value, "v"), STR("1"), "v=");
	IS_S(tag(a, value, "c"), STR("relaxed/relaxed"), "c=");
	IS_S(tag(a, value, "d"), STR(RFC8463_DOMAIN), "d=");
	IS_S(tag(a, value, "t"), STR("1528637909"), "t=");
	buf_init(&raw, DKIM_KEY_SIG_MAX);
	OK(codec_unbase64(&raw, tag(a, value, "b")) == 0 && raw.n >= 64,
	    "b= is base64");
	buf_fini(&raw);
	OK(well_folded(value), "folded by LF and tab, nothing empty");
	OK(longest_line(value) <= 78, "longest line %zu", longest_line(value));
}

static void fill(struct header_list *l, struct arena *a,
    const struct header *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (header_add(l, a, fields[i].name, fields[i].value) != 0)
			bug("arena");
}

#define FILL(l, a, fields)                                                     \
	fill((l), (a), (fields), sizeof(fields) / sizeof((fields)[0]))

static void test_two_keys(struct dkim_key *const *keys, struct arena *a)
{
	static const struct header fields[] = {
	    {STR("Received"), STR(" from x")},
	    {STR("From"), STR(RFC8463_FROM)},
	    {STR("to"), STR(RFC8463_TO)},
	    {STR("To"), STR(" b@example.net")},
	    {STR("Subject"), STR(RFC8463_SUBJECT)},
	    {STR("References"), STR(" <a@b>\r\n\t<c@d>")},
	    {STR("X-Mailer"), STR(" x")},
	};
	struct header_list l = {0};
	struct str v[2], h;
	struct error err = {0};
	struct dkim_sign_input in = {.keys = keys,
	    .nkeys = 2,
	    .headers = &l,
	    .body_hash = some_hash,
	    .now_s = 1528637909};

	FILL(&l, a, fields);
	IS_INT(dkim_sign_message(&in, a, v, &err), 0, "sign %s", err.text);
	check_tags(a, v[0], "ed25519-sha256");
	check_tags(a, v[1], "rsa-sha256");
	h = tag(a, v[0], "h");
	IS_S(tag(a, v[1], "h"), h, "both sign the same fields");
	IS_S(tag(a, v[0], "bh"), tag(a, v[1], "bh"), "and the same body");
	IS_S(tag(a, v[0], "s"), STR("brisbane"), "in the order of the keys");
	IS_INT(named(h, "From"), 2, "From is oversigned");
	IS_INT(named(h, "To"), 3, "so is To, which is there twice");
	IS_INT(named(h, "Cc"), 1, "and Cc, which is not there");
	IS_INT(named(h, "References"), 1, "References is signed");
	IS_INT(named(h, "Sender"), 0, "Sender is not there");
	IS_INT(named(h, "X-Mailer") + named(h, "Received"), 0,
	    "what is on no list is not signed");
}

/* Every name of the oversign list once, where nothing but From is there; but
 * for those that an MTA adds. */
static void test_oversign(struct dkim_key *const *keys, struct arena *a)
{
	static const struct header fields[] = {{STR("FROM"), STR("x@y")}};
	static const char *const must[] = {"From", "To", "Cc", "Subject",
	    "Reply-To", "MIME-Version", "Content-Type", "List-Unsubscribe",
	    "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "CFBL-Address",
	    "CFBL-Feedback-ID", "X-Tendril-Id"};
	static const struct header dated[] = {{STR("From"), STR("x@y")},
	    {STR("date"), STR("x")}, {STR("Message-ID"), STR("x")}};
	struct header_list l = {0};
	struct str v, h;
	struct dkim_sign_input in = {
	    .keys = keys, .nkeys = 1, .headers = &l, .body_hash = some_hash};
	size_t good = 0;

	FILL(&l, a, fields);
	IS_INT(dkim_sign_message(&in, a, &v, NULL), 0, "only a From");
	h = tag(a, v, "h");
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		good += named(h, must[i]) == (i == 0 ? 2 : 1);
	IS_INT(good, sizeof(must) / sizeof(must[0]), "all are there");
	IS_INT(named(h, "Date") + named(h, "Message-ID"), 0,
	    "what the MTA may have to add is not");
	l = (struct header_list){0};
	FILL(&l, a, dated);
	IS_INT(dkim_sign_message(&in, a, &v, NULL), 0, "with a date");
	h = tag(a, v, "h");
	IS_INT(named(h, "Date"), 2, "one date and no other");
	IS_INT(named(h, "Message-ID"), 2, "one id and no other");
}

static void test_own_lists(struct dkim_key *const *keys, struct arena *a)
{
	static const struct header fields[] = {
	    {STR("From"), STR(" x@y")},
	    {STR("Subject"), STR(" s")},
	    {STR("X-A"), STR(" 1")},
	    {STR("x-a"), STR(" 2")},
	};
	static const struct str names[] = {STR("X-A"), STR("x-A"), STR("X-B")};
	static const struct str over[] = {STR("X-C")};
	struct dkim_sign_names n = {names, 3}, o = {over, 1};
	struct header_list l = {0};
	struct str v;
	struct dkim_sign_input in = {.keys = keys,
	    .nkeys = 1,
	    .headers = &l,
	    .body_hash = some_hash,
	    .names = &n,
	    .oversign = &o};

	FILL(&l, a, fields);
	IS_INT(dkim_sign_message(&in, a, &v, NULL), 0, "own lists");
	IS_S(tag(a, v, "h"), STR("From:From:X-A:X-A:X-C"),
	    "From always, doubles once, the oversigned last");
}

/* Long names and domains: as well as it goes, and nothing lost. */
static void test_long(struct arena *a)
{
	char text[300];
	struct dkim_key_spec spec = {.alg = DKIM_ALG_ED25519_SHA256};
	struct dkim_key *k = NULL;
	struct header fields[] = {
	    {STR("From"), STR(" x@y")}, {{text, 200}, STR(" v")}};
	struct str names[] = {{text, 200}}, v;
	struct dkim_sign_names n = {names, 1};
	struct header_list l = {fields, 2, 2};
	struct dkim_sign_input in = {.keys = &k,
	    .nkeys = 1,
	    .headers = &l,
	    .body_hash = some_hash,
	    .names = &n,
	    .now_s = INT64_MAX};

	memset(text, 'x', sizeof(text));
	for (size_t i = 49; i < sizeof(text); i += 50)
		text[i] = '.';
	spec.domain = (struct str){text, 180};
	spec.selector = (struct str){text, 60};
	if (dkim_key_parse(&k, STR(RFC8463_ED_PEM), "k", &spec, NULL) != 0)
		bug("key");
	IS_INT(dkim_sign_message(&in, a, &v, NULL), 0, "long parts");
	IS_S(tag(a, v, "d"), spec.domain, "domain");
	IS_INT(named(tag(a, v, "h"), arena_str(a, names[0]).p), 1, "name");
	OK(well_folded(v), "folds are sound");
	dkim_key_unref(&k);
}

static void test_limits(struct dkim_key *const *keys, struct arena *a)
{
	struct header_list l = {0};
	struct str v[DKIM_SIGN_MAX_KEYS];
	struct error err = {0};
	struct dkim_sign_input in = {
	    .keys = keys, .nkeys = 1, .headers = &l, .body_hash = some_hash};
	struct arena *small = arena_new(200);
	int rc = 0;

	IS_INT(dkim_sign_message(&in, a, v, &err), ERR_SYNTAX, "no From: %s",
	    err.text);
	if (header_add(&l, a, STR("From"), STR("x@y")) != 0)
		bug("arena");
	in.nkeys = 0;
	IS_INT(dkim_sign_message(&in, a, v, &err), ERR_SYNTAX, "no key");
	in.nkeys = DKIM_SIGN_MAX_KEYS + 1;
	IS_INT(dkim_sign_message(&in, a, v, &err), ERR_LIMIT, "many keys");
	in.nkeys = 1;
	in.now_s = -1;
	IS_INT(dkim_sign_message(&in, a, v, &err), ERR_SYNTAX, "no time");
	in.now_s = 0;
	IS_INT(dkim_sign_message(&in, small, v, &err), ERR_LIMIT,
	    "arena full: %s", err.text);
	arena_free(&small);
	for (int i = 0; i < 230 && rc == 0; i++)
		rc = header_add(&l, a, STR("to"), STR(" a@b"));
	IS_INT(dkim_sign_message(&in, a, v, &err), 0, "many fields");
	for (int i = 0; i < 30 && rc == 0; i++)
		rc = header_add(&l, a, STR("to"), STR(" a@b"));
	IS_INT(dkim_sign_message(&in, a, v, &err), ERR_LIMIT, "too many: %s",
	    err.text);
}

static void test_faults(struct dkim_key *const *keys)
{
	struct header fields[] = {{STR("From"), STR(" x@y")}};
	struct header_list l = {fields, 1, 1};
	struct dkim_sign_input in = {
	    .keys = keys, .nkeys = 2, .headers = &l, .body_hash = some_hash};
	struct str v[2];
	int rc = -1, failed = 0;

	for (long n = 1; rc != 0 && n < 100; n++) {
		struct arena *a = arena_new(100000);
		fault_alloc_at(n);
		rc = dkim_sign_message(&in, a, v, NULL);
		fault_alloc_at(0);
		failed += rc != 0;
		arena_free(&a);
	}
	OK(rc == 0 && failed > 2, "%d failed allocations, then signed", failed);
}

struct signer {
	pthread_t thread;
	struct dkim_key *const *keys;
	char value[2048]; /* the Ed25519 one: the same each time */
	int good;
};

static void *sign_many(void *arg)
{
	struct signer *s = arg;
	struct arena *a = arena_new(1000000);
	struct header fields[] = {{STR("From"), STR(" x@y")}};
	struct header_list l = {fields, 1, 1};
	struct dkim_sign_input in = {
	    .keys = s->keys, .nkeys = 2, .headers = &l, .body_hash = some_hash};
	struct str v[2];

	for (int i = 0; i < 25; i++) {
		arena_reset(a);
		if (dkim_sign_message(&in, a, v, NULL) != 0)
			break;
		if (i == 0)
			(void)snprintf(
			    s->value, sizeof(s->value), "%.*s", STR_ARG(v[0]));
		s->good += str_eq(v[0], str_of(s->value));
	}
	arena_free(&a);
	return NULL;
}

static void test_threads(struct dkim_key *const *keys)
{
	static struct signer s[4];
	int good = 0, same = 0;

	for (size_t i = 0; i < 4; i++) {
		s[i].keys = keys;
		if (pthread_create(&s[i].thread, NULL, sign_many, &s[i]) != 0)
			bug("thread");
	}
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(s[i].thread, NULL);
		good += s[i].good;
		same += strcmp(s[i].value, s[0].value) == 0;
	}
	OK(good == 100 && same == 4, "four threads with the same keys");
}

int main(void)
{
	struct arena *a = arena_new(10000000);
	struct dkim_key *keys[2] = {
	    new_key(RFC8463_ED_PEM, "brisbane", DKIM_ALG_ED25519_SHA256),
	    new_key(RFC8463_RSA_PEM, "test", DKIM_ALG_RSA_SHA256)};

	test_two_keys(keys, a);
	test_oversign(keys, a);
	test_own_lists(keys, a);
	test_long(a);
	test_limits(keys, a);
	test_faults(keys);
	test_threads(keys);
	dkim_key_unref(&keys[0]);
	dkim_key_unref(&keys[1]);
	arena_free(&a);
	return tap_done();
}
