/* test_recognise.c - streams, segments, compliance. The conf is real text, so
 * that what admins write is what is tested. */
#include "tests/unit/tap.h"

#include "policy/rules/comply.h"
#include "policy/rules/recognise.h"

static const char conf_text[] =
    "state-dir = \"/var/lib/tendril\"\n"
    "authserv-id = \"mail.example.com\"\n"
    "lead-key = \"/l\" token-key = \"/t\" epoch-key = \"/e\"\n"
    "milter { socket = \"unix:/m\" }\n"
    "web { base-url = \"https://t.example.com\" }\n"
    "key r1 { domain = \"example.com\" selector = \"r1\" file = \"/k\" "
    "algorithm = \"rsa-sha256\" }\n"
    "domain example.com { keys = {\"r1\"} "
    "bounce-domain = \"bounces.example.com\" sender-id = \"examplecom\" }\n"
    "stream news { class = \"nurture\" listener = {\"apps\"} "
    "sasl-user = {\"listmonk\"} client = {\"10.1.0.0/16\"} "
    "from-domains = {\"example.com\"} header = {\"X-Seg\", \"X-Camp\"} "
    "segment-from = {\"X-Seg\", \"X-Camp\"} segment-map = {\"17=newsletter\"} "
    "campaign-from = {\"X-Label\"} unknown = \"reject\" }\n"
    "stream step { class = \"nurture\" local = yes segment = \"steps\" "
    "sender = {\"crm+*@example.com\"} }\n"
    "stream shop { class = \"transactional\" listener = {\"apps\"} }\n"
    "stream rest { class = \"pass\" }\n";

static const struct conf *C;
static struct arena *A;

static struct header_list headers_of(const char *const *pairs)
{
	struct header_list l = {0};

	for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
		if (header_add(&l, A, str_of(pairs[0]), str_of(pairs[1])) != 0)
			exit(1);
	return l;
}

static struct recognise_origin from_listener(const char *name)
{
	return (struct recognise_origin){.listener = str_of(name)};
}

static void is_stream(const struct recognise_origin *o, const char *sender,
    const char *const *pairs, const char *want, const char *what)
{
	struct header_list h = headers_of(pairs);
	bool needs;
	const struct conf_stream *s =
	    recognise_stream(C, o, str_of(sender), &h, &needs);

	IS_S(s != NULL ? s->name : STR("(none)"), str_of(want), "%s", what);
}

static void test_origins(void)
{
	static const char *const seg[] = {"x-seg", " newsletter", NULL};
	struct recognise_origin apps = from_listener("apps");
	struct recognise_origin out = from_listener("smtp25");
	struct recognise_origin user = {.sasl_user = STR("listmonk")};
	struct recognise_origin other = {.sasl_user = STR("listmonk2")};
	struct recognise_origin net = {.has_client = true,
	    .client = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 9, 9}};
	struct recognise_origin local = {.local = true};

	is_stream(&apps, "a@b.example", seg, "news", "listener and header");
	is_stream(&apps, "a@b.example", NULL, "shop", "without the header");
	is_stream(&out, "a@b.example", seg, "rest",
	    "a stranger's header means nothing");
	is_stream(&user, "a@b.example", seg, "news", "SASL user");
	is_stream(&other, "a@b.example", seg, "rest", "another user");
	is_stream(&net, "a@b.example", seg, "news", "client network");
	net.client[13] = 2;
	is_stream(&net, "a@b.example", seg, "rest", "beside the network");
	net.client[13] = 1;
	net.local = true;
	is_stream(&net, "a@b.example", seg, "rest",
	    "local submission is no client of a network");
	is_stream(&local, "crm+7@example.com", NULL, "step", "local, sender");
	is_stream(&local, "CRM+7@Example.COM", NULL, "step", "any case");
	is_stream(&local, "crm@example.com", NULL, "rest", "other sender");
	is_stream(&apps, "", seg, "shop",
	    "a null sender is never nurture; the next stream takes it");
}

static void test_needs_headers(void)
{
	struct recognise_origin apps = from_listener("apps");
	struct recognise_origin local = {.local = true};
	bool needs;
	const struct conf_stream *s =
	    recognise_stream(C, &apps, STR("a@b.example"), NULL, &needs);

	OK(needs && s != NULL && str_eq(s->name, STR("shop")),
	    "at RCPT: may still become the stream with a header condition");
	s = recognise_stream(C, &local, STR("crm+1@example.com"), NULL, &needs);
	OK(!needs && s != NULL && str_eq(s->name, STR("step")),
	    "the envelope alone decides");
}

static void test_segments(void)
{
	static const char *const one[] = {
	    "X-Camp", " 17", "X-Label", " may", NULL};
	static const char *const two[] = {
	    "X-Camp", " 17", "X-Seg", "\r\n\t webinar ", NULL};
	static const char *const same[] = {
	    "X-Seg", " webinar", "x-seg", "webinar\r\n ", NULL};
	static const char *const contrary[] = {
	    "X-Seg", " webinar", "X-Seg", " newsletter", "X-Seg", "x", NULL};
	struct header_list h = headers_of(one);
	const struct conf_stream *news = &C->streams[0];

	IS_S(recognise_segment(news, &h, A), STR("newsletter"), "mapped");
	IS_S(recognise_campaign(news, &h, A), STR("may"), "campaign");
	h = headers_of(two);
	IS_S(recognise_segment(news, &h, A), STR("webinar"),
	    "first name of the list that is there, unfolded");
	h = headers_of(same);
	IS_S(recognise_segment(news, &h, A), STR("webinar"), "said twice");
	h = headers_of(contrary);
	IS_S(recognise_segment(news, &h, A), STR("webinar, newsletter"),
	    "two that contradict are neither");
	h = headers_of(NULL);
	IS_S(recognise_segment(news, &h, A), STR(""), "none");
	IS_S(recognise_segment(&C->streams[1], &h, A), STR("steps"), "fixed");
}

/* What is stored of names that strangers wrote. */
static void test_labels(void)
{
	static const char *const odd[] = {
	    "X-Seg", " a\tb\x7f\xc3\xa4", "X-Label", " \x1b[2J", NULL};
	struct header_list h = headers_of(odd);
	char longname[400];
	const char *const pairs[] = {
	    "X-Seg", longname, "X-Label", longname, NULL};
	struct str segment, campaign;

	IS_INT(recognise_labels(&C->streams[0], &h, A, &segment, &campaign), 0,
	    "labels");
	IS_S(segment, STR("a?b???"), "printable");
	IS_S(campaign, STR("?[2J"), "printable");
	memset(longname, 'x', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	h = headers_of(pairs);
	IS_INT(recognise_labels(&C->streams[0], &h, A, &segment, &campaign), 0,
	    "labels");
	OK(segment.n == 64 && campaign.n == 256, "short");
}

static void test_glob(void)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} t[] = {
	    {"*", "", true},
	    {"", "", true},
	    {"", "a", false},
	    {"*@a.example", "x@a.example", true},
	    {"*@a.example", "x@a.example.net", false},
	    {"a*b*c", "aXbYc", true},
	    {"a*b*c", "aXcYb", false},
	    {"**a", "bba", true},
	    {"a?", "ab", false},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		OK(recognise_glob(str_of(t[i].pattern), str_of(t[i].text)) ==
			t[i].want,
		    "%s against %s", t[i].pattern, t[i].text);
}

static void test_comply(void)
{
	struct policy_segment s = {.name = STR("newsletter")};
	struct comply_in in = {
	    .stream = &C->streams[0],
	    .signer = conf_domain_find(C, STR("example.com")),
	    .n_from = 1,
	    .from_domain = STR("news.example.com"),
	    .n_keys = 1,
	    .has_base_url = true,
	};
	struct conf_domain other;

	IS_INT(comply_decide(&s, &in), COMPLY_OK, "subdomain, one author");
	in.n_from = 2;
	IS_INT(comply_decide(&s, &in), COMPLY_NO_FROM, "two authors");
	in.n_from = 1;
	in.from_domain = STR("badexample.com");
	IS_INT(comply_decide(&s, &in), COMPLY_FROM_NOT_ALLOWED,
	    "a tail without a dot is another domain");
	in.from_domain = STR("example.com");
	in.n_keys = 0;
	IS_INT(comply_decide(&s, &in), COMPLY_NO_KEY, "no key");
	in.n_keys = 1;
	other = *in.signer;
	other.bounce_domain = STR("bounces.other.example");
	in.signer = &other;
	IS_INT(comply_decide(&s, &in), COMPLY_NOT_ALIGNED, "bounce domain");
	other.bounce_domain = STR("");
	in.has_base_url = false;
	IS_INT(comply_decide(&s, &in), COMPLY_NO_UNSUBSCRIBE, "no way out");
	in.has_base_url = true;
	s.postal_address = STR("1 Main Street");
	IS_INT(comply_decide(&s, &in), COMPLY_NO_POSTAL_ADDRESS, "no address");
	in.signer = NULL;
	IS_INT(comply_decide(&s, &in), COMPLY_FROM_NOT_ALLOWED, "no signer");
}

int main(void)
{
	struct error err = {0};

	A = arena_new(1 << 20);
	if (!OK(A != NULL &&
		    conf_parse(&C, "t.conf", str_of(conf_text), &err) == 0,
		"conf: %s", err.text))
		return tap_done();
	test_origins();
	test_needs_headers();
	test_segments();
	test_labels();
	test_glob();
	test_comply();
	conf_unref(&C);
	arena_free(&A);
	return tap_done();
}
