/* test_compose.c - what is taken away, what is added, and that the final list
 * is what the changes make of the message. */
#include "tests/unit/tap.h"

#include "policy/base/fault.h"
#include "policy/mail/compose.h"
#include "policy/mail/samekey.h"

#include <time.h>

static struct arena *A;

static void add(struct header_list *l, const char *name, const char *value)
{
	if (header_add(l, A, str_of(name), str_of(value)) != 0)
		exit(1);
}

static struct header_list example(void)
{
	struct header_list l = {0};

	add(&l, "From", " News <news@example.com>");
	add(&l, "List-Unsubscribe",
	    " <mailto:x@app.example>,\r\n "
	    "<https://app.example/u?id=1>");
	add(&l, "X-Tendril-Id", " forged");
	add(&l, "list-unsubscribe-post", " List-Unsubscribe=One-Click");
	add(&l, "Subject", " hi");
	add(&l, "X-Seg", " newsletter");
	add(&l, "List-Unsubscribe", " <https://second.example/>");
	add(&l, "X-TENDRIL-Segment", " a");
	add(&l, "List-ID", " <all.app.example>");
	add(&l, "Feedback-Id", " a:b:c:app");
	add(&l, "CFBL-Address", " fbl@app.example; report=arf");
	add(&l, "CFBL-Feedback-ID", " 1234");
	add(&l, "feedback-id", " again:app");
	return l;
}

static struct compose_in input(const struct header_list *l)
{
	static const struct str control[] = {{"X-Seg", 5}};

	return (struct compose_in){
	    .headers = l,
	    .control = {control, 1},
	    .base_url = STR("https://t.example.com"),
	    .bounce_domain = STR("bounces.example.com"),
	    .from_domain = STR("example.com"),
	    .list_id = STR("Our News"),
	    .campaign = STR("may 2026/x"),
	    .segment = STR("news_letter"),
	    .stream = STR("apps"),
	    .sender_id = STR("examplecom"),
	    .bounce_token = STR("bbb"),
	    .unsubscribe_token = STR("uuu"),
	    .feedback_token = STR("fff"),
	    .id_token = STR("iii"),
	};
}

/* Applies the first n changes to a copy, as an MTA does. */
static struct header_list apply_some(
    const struct header_list *l, const struct change_list *c, size_t n)
{
	struct header_list out = {0};

	for (size_t i = 0; i < l->n; i++)
		if (header_add(&out, A, l->v[i].name, l->v[i].value) != 0)
			exit(1);
	for (size_t i = 0; i < n; i++) {
		const struct change *ch = &c->v[i];
		size_t at = 0;

		if (ch->kind == CHANGE_APPEND &&
		    header_add(&out, A, ch->name, ch->value) != 0)
			exit(1);
		if (ch->kind != CHANGE_REMOVE)
			continue;
		for (unsigned seen = 0; at < out.n; at++)
			if (str_ieq(out.v[at].name, ch->name) &&
			    ++seen == ch->index)
				break;
		if (at == out.n)
			continue;
		memmove(out.v + at, out.v + at + 1,
		    (out.n - at - 1) * sizeof(*out.v));
		out.n--;
	}
	return out;
}

static struct header_list apply(
    const struct header_list *l, const struct change_list *c)
{
	return apply_some(l, c, c->n);
}

static void value_is(
    const struct header_list *l, const char *name, const char *want)
{
	const struct header *h = header_find(l, str_of(name), 0);

	IS_S(h != NULL ? h->value : STR("(none)"), str_of(want), "%s", name);
	IS_INT(header_count(l, str_of(name)), 1, "once: %s", name);
}

static bool same_fields(
    const struct header_list *a, const struct header_list *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = str_eq(a->v[i].name, b->v[i].name) &&
		       str_eq(a->v[i].value, b->v[i].value);
	return same;
}

static void test_nurture(void)
{
	struct header_list l = example(), seen;
	struct compose_in in = input(&l);
	struct compose_out out;

	IS_INT(compose_nurture(&in, A, &out), 0, "compose");
	IS_S(out.app_one_click, STR("https://app.example/u?id=1"),
	    "the application's address is kept");
	seen = apply(&l, &out.changes);
	OK(same_fields(&seen, &out.final),
	    "what is signed is what the changes make");
	value_is(&seen, "List-Unsubscribe",
	    " <https://t.example.com/u/uuu>,\n\t"
	    "<mailto:u-uuu@bounces.example.com?subject=unsubscribe>");
	value_is(&seen, "List-Unsubscribe-Post", " List-Unsubscribe=One-Click");
	value_is(&seen, "List-Id", " Our News <news-letter.example.com>");
	value_is(
	    &seen, "Feedback-ID", " may-2026-x:news_letter:apps:examplecom");
	value_is(
	    &seen, "CFBL-Address", " f-fff@bounces.example.com; report=arf");
	value_is(&seen, "CFBL-Feedback-ID", " fff");
	value_is(&seen, "X-Tendril-Id", " iii");
	IS_INT(header_count(&seen, STR("X-Seg")), 0, "control header is gone");
	IS_INT(header_count(&seen, STR("X-Tendril-Segment")), 0, "also ours");
	OK(str_eq(out.changes.v[out.changes.n - 1].value,
	       STR("b-bbb@bounces.example.com")) &&
		out.changes.v[out.changes.n - 1].kind == CHANGE_SENDER,
	    "VERP sender");
}

/* The MTA lost us in the middle and keeps what there is: our mark is in it,
 * or nothing is changed but that the application's fields of that name are
 * gone. Before ours is added: Sendmail would remove it in their place. */
static void test_cut_short(void)
{
	struct header_list l = example(), bare = {0}, seen;
	struct compose_in in = input(&l);
	struct compose_out out;

	add(&l, "X-Tendril-Id", " another");
	for (size_t i = 0; i < l.n; i++)
		if (!str_ieq(l.v[i].name, STR("X-Tendril-Id")) &&
		    header_add(&bare, A, l.v[i].name, l.v[i].value) != 0)
			exit(1);
	IS_INT(compose_nurture(&in, A, &out), 0, "compose");
	seen = apply_some(&l, &out.changes, 2);
	OK(same_fields(&seen, &bare), "two of that name are gone first");
	for (size_t n = 3; n <= out.changes.n; n++) {
		seen = apply_some(&l, &out.changes, n);
		value_is(&seen, "X-Tendril-Id", " iii");
	}
	value_is(&seen, "X-Tendril-Id", " iii");
	OK(same_fields(&seen, &out.final), "what is signed is what they make");
}

/* Names that begin like others, in other cases, and one of which some stay:
 * each index is right when its turn comes. */
static void test_mixed(void)
{
	static const char *const names[] = {"List-Id", "LIST-ID", "List-IdX",
	    "X-Tendril-A", "x-tendril-a", "X-Tendril-AB", "Subject",
	    "DKIM-Signature", "dkim-signature", "X-Seg"};
	struct header_list l = {0}, seen;
	struct compose_in in = input(&l);
	struct compose_out out;
	uint32_t random = 1;

	in.renew_domain = STR("example.com");
	for (size_t i = 0; i < 400; i++) {
		random = random * 1103515245 + 12345;
		add(&l, names[(random >> 16) % 10],
		    random >> 31 != 0 ? " a=b; d=example.com" : " d=other");
	}
	IS_INT(compose_nurture(&in, A, &out), 0, "compose");
	seen = apply(&l, &out.changes);
	OK(same_fields(&seen, &out.final), "what is signed is what they make");
	IS_INT(header_count(&seen, STR("List-Id")), 1, "one of ours");
	OK(header_count(&seen, STR("DKIM-Signature")) > 10, "others' stay");
	OK(header_count(&seen, STR("List-IdX")) > 10, "as what is like ours");
}

/* As many as an admin may allow. In seconds, not in minutes. */
static void test_very_many(void)
{
	enum {
		MANY = 60000,
		SECONDS = 5
	};
	struct arena *keep = A;
	struct header_list l = {0};
	struct compose_in in = input(&l);
	struct compose_out out;
	clock_t start;

	A = arena_new(64 << 20);
	if (A == NULL)
		exit(1);
	for (size_t i = 0; i < MANY; i++)
		add(&l, "List-Unsubscribe", " <mailto:x@app.example>");
	start = clock();
	IS_INT(compose_nurture(&in, A, &out), 0, "compose");
	OK(clock() - start < SECONDS * CLOCKS_PER_SEC, "in time");
	IS_INT(out.changes.v[1].index, MANY, "from the bottom");
	IS_INT(out.changes.v[MANY].index, 1, "to the top");
	arena_free(&A);
	A = keep;
}

static void test_less(void)
{
	struct header_list l = example();
	struct compose_in in = input(&l);
	struct compose_out out;

	in.base_url = STR("");
	in.campaign = in.stream = in.segment;
	IS_INT(compose_nurture(&in, A, &out), 0, "no https");
	value_is(&out.final, "List-Unsubscribe",
	    " <mailto:u-uuu@bounces.example.com?subject=unsubscribe>");
	IS_INT(header_count(&out.final, STR("List-Unsubscribe-Post")), 0,
	    "no -Post without https (RFC 8058)");
	value_is(&out.final, "Feedback-ID", " news_letter:examplecom");
	in = input(&l);
	in.bounce_domain = STR("");
	IS_INT(compose_nurture(&in, A, &out), 0, "no bounce domain");
	IS_INT(header_count(&out.final, STR("CFBL-Address")), 0, "no CFBL");
	IS_INT(header_count(&out.final, STR("CFBL-Feedback-ID")), 0,
	    "not the application's either");
	for (size_t i = 0; i < out.changes.n; i++)
		if (out.changes.v[i].kind == CHANGE_SENDER)
			OK(false, "no VERP");
	IS_INT(compose_plain(&l, A, &out), 0, "plain");
	IS_INT(header_count(&out.final, STR("List-Unsubscribe")), 2,
	    "plain keeps the application's fields");
	IS_INT(header_count(&out.final, STR("X-Tendril-Id")), 0,
	    "but not a forged id");
}

static void test_one_click(void)
{
	static const struct {
		const char *list, *post, *want;
	} t[] = {
	    {" <https://a.example/x>", " List-Unsubscribe=One-Click",
		"https://a.example/x"},
	    {" <HTTPS://a.example/x>", " list-unsubscribe=one-click",
		"HTTPS://a.example/x"},
	    {" <http://a.example/x>", " List-Unsubscribe=One-Click", ""},
	    {" <http://127.0.0.1:8/x>", " List-Unsubscribe=One-Click",
		"http://127.0.0.1:8/x"},
	    {" <http://localhost/x>", " List-Unsubscribe=One-Click",
		"http://localhost/x"},
	    {" <http://localhost.example/x>", " List-Unsubscribe=One-Click",
		""},
	    {" <http://a.example/x>", " List-Unsubscribe=One-Click", ""},
	    {" <https://a.example/x>", " yes", ""},
	    {" <https://a.example/x>", NULL, ""},
	    {" https://a.example/x", " List-Unsubscribe=One-Click", ""},
	    {" <https://a.example/x y>", " List-Unsubscribe=One-Click", ""},
	    {" <https://a.example/x", " List-Unsubscribe=One-Click", ""},
	    {" <<<<<<", " List-Unsubscribe=One-Click", ""},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct header_list l = {0};
		struct str uri;
		add(&l, "List-Unsubscribe", t[i].list);
		if (t[i].post != NULL)
			add(&l, "List-Unsubscribe-Post", t[i].post);
		OK(compose_one_click(&l, A, &uri) == 0, "read");
		IS_S(uri, str_of(t[i].want), "one-click in%s", t[i].list);
	}
}

static void test_no_memory(void)
{
	struct header_list l = example();
	struct compose_in in = input(&l);
	struct compose_out out;
	int failed = 0;

	for (long n = 1;; n++) {
		struct arena *small = arena_new(1 << 20);
		int rc;
		fault_alloc_at(n);
		rc = small != NULL ? compose_nurture(&in, small, &out)
				   : ERR_LIMIT;
		fault_alloc_at(0);
		arena_free(&small);
		if (rc == 0)
			break;
		failed++;
	}
	OK(failed > 0, "%d allocations failed, each was told", failed);
}

static struct samekey key_of(
    const struct header_list *l, const char *rcpt, const char *qid, char body)
{
	struct samekey_in in = {.stream = STR("apps"),
	    .recipient = str_of(rcpt),
	    .queue_id = str_of(qid),
	    .headers = l};
	struct samekey out = {0};

	in.body_hash[0] = (unsigned char)body;
	OK(samekey_make(&in, A, &out) == 0, "key");
	return out;
}

static void test_samekey(void)
{
	struct header_list l = {0}, own = {0};
	struct samekey a, b;

	add(&l, "From", " a@b.example");
	add(&l, "Message-ID", " <1@app>");
	a = key_of(&l, "x@y.example", "Q1", 1);
	b = key_of(&l, "x@y.example", "Q2", 1);
	OK(a.key == b.key && a.has_message_id, "the queue id does not count");
	OK(a.key != key_of(&l, "z@y.example", "Q1", 1).key, "recipient does");
	OK(a.key != key_of(&l, "x@y.example", "Q1", 2).key, "body does");
	add(&own, "From", " a@b.example");
	add(&own, "Message-ID", " <20261122.Q7@mx.example>");
	a = key_of(&own, "x@y.example", "Q7", 1);
	OK(!a.has_message_id, "made by cleanup: left out");
	OK(key_of(&own, "x@y.example", "Q8", 1).has_message_id,
	    "of another queue id: the application's");
}

/* A copy comes under another queue id and with a Message-ID of ours. */
static void test_samekey_of_copy(void)
{
	struct header_list none = {0}, cleanup = {0}, agent = {0};
	struct samekey_in in = {.stream = STR("apps"),
	    .recipient = STR("x@y.example"),
	    .queue_id = STR("Q1"),
	    .arrived_ms = INT64_C(1795342800000),
	    .headers = &none};
	struct samekey direct, copy;

	add(&none, "From", " a@b.example");
	add(&cleanup, "From", " a@b.example");
	add(&cleanup, "Message-ID", " <20261122.Q1@mx.example>");
	add(&agent, "From", " a@b.example");
	add(&agent, "Message-ID", " <00000000000012ab.3@mx.example>");
	OK(samekey_make(&in, A, &direct) == 0, "direct");
	in.first_queue_id = in.queue_id;
	in.queue_id = STR("Q2");
	in.copy_id = 0x12ab;
	in.headers = &cleanup;
	OK(samekey_make(&in, A, &copy) == 0 && !copy.has_message_id &&
		copy.key == direct.key,
	    "made by cleanup, when it first came");
	in.headers = &agent;
	OK(samekey_make(&in, A, &copy) == 0 && !copy.has_message_id &&
		copy.key == direct.key,
	    "made by the agent");
	in.arrived_ms += 60000;
	OK(samekey_make(&in, A, &copy) == 0 && copy.key != direct.key &&
		copy.key == samekey_after(&direct, 1),
	    "the minute counts");
	in.headers = &none;
	in.arrived_ms -= 60000;
	in.recipient = STR("z@y.example");
	OK(samekey_make(&in, A, &copy) == 0 && copy.key != direct.key,
	    "the recipient counts");
	in.recipient = STR("x@y.example");
	in.stream = STR("other");
	OK(samekey_make(&in, A, &copy) == 0 && copy.key != direct.key,
	    "the stream counts");
}

int main(void)
{
	A = arena_new(8 << 20);
	if (A == NULL)
		return 1;
	test_nurture();
	test_cut_short();
	test_mixed();
	test_very_many();
	test_less();
	test_one_click();
	test_no_memory();
	test_samekey();
	test_samekey_of_copy();
	arena_free(&A);
	return tap_done();
}
