/* test_conf.c - the admin's file: values, refusals with file:line, findings,
 * printing, the manual, life of a snapshot. */
#include "tests/unit/modeltest.h"

#include "policy/conf/policy.h"

#include <arpa/inet.h>
#include <pthread.h>

/* Line numbers in the cases below count these. */
static const char base[] =
    "authserv-id = \"mail.example.com\"\n"
    "lead-key = \"/k/lead\" token-key = \"/k/token\" epoch-key = \"/k/e\"\n"
    "milter { socket = \"unix:/run/m.sock\" }\n"
    "agent { release = \"127.0.0.1:10026\" maildir = \"/md\" }\n"
    "web { listen = \"127.0.0.1:80\" base-url = \"https://t.example.com\" }\n"
    "mta-log { file = \"/var/log/mail.log\" }\n"
    "key r1 { domain = \"example.com\" selector = r1 file = \"/k/r1\" }\n"
    "domain example.com { keys = r1 bounce-domain = \"b.example.com\" }\n"
    "stream release { class = release listener = release }\n"
    "stream news {\n"
    "  class = nurture\n"
    "  listener = apps\n"
    "  header = X-Seg\n"
    "  segment-from = X-Seg\n"
    "  from-domains = \"example.com\"\n"
    "}\n"
    "stream rest { class = pass }\n";

static const struct conf *parse(struct str text, struct error *err)
{
	const struct conf *c;
	int rc = conf_parse(&c, "t.conf", text, err);

	OK((rc == 0) == (c != NULL), "a conf or a refusal");
	return c;
}

static int parse_any(
    const void **out, const char *name, struct str text, struct error *err)
{
	const struct conf *c;
	int rc = conf_parse(&c, name, text, err);

	*out = c;
	return rc;
}

static void unref_any(const void *model)
{
	const struct conf *c = model;

	conf_unref(&c);
}

static const struct modeltest M = {
    .base = base,
    .name = "t.conf",
    .parse = parse_any,
    .unref = unref_any,
    .describe = conf_describe,
};

static void print(const struct conf *c, struct buf *out)
{
	buf_init(out, 1 << 20);
	conf_print(c, out);
}

/* --- values --- */

static void test_base(void)
{
	struct error err = {0};
	const struct conf *c = parse(str_of(base), &err);
	const struct conf_stream *s;

	IS_STR(err.text, "", "the base is accepted");
	if (c == NULL)
		return;
	IS_S(c->path, STR("t.conf"), "path");
	IS_INT(c->mode, CONF_MODE_ENFORCE, "mode");
	IS_S(c->state_dir, STR("/var/lib/tendril"), "default of a path");
	IS_INT(c->group.n, 0, "no group");
	IS_INT(c->map_bytes >> 30, 64, "default of a size");
	OK(!c->log_redact, "default of a flag");
	IS_INT(c->milter.socket_mode, 0660, "default of a mode");
	IS_INT(c->milter.max_message_bytes, 50 << 20, "max-message");
	IS_INT(c->milter.self_verify_every, 1000, "self-verify-every");
	IS_S(c->agent.api, STR("/run/tendril/api.sock"), "api");
	IS_INT(c->web.max_request_bytes, 64 << 10, "max-request");
	IS_INT(c->n_keys, 1, "keys");
	IS_INT(c->keys[0].line, 7, "line of a key");
	IS_INT(c->keys[0].algorithm, CONF_RSA_SHA256, "algorithm");
	IS_INT(c->domains[0].line, 8, "line of a domain");
	IS_S(c->domains[0].name, STR("example.com"), "name of a domain");
	IS_INT(c->n_streams, 3, "streams");
	s = &c->streams[1];
	IS_INT(s->line, 10, "line of a stream");
	IS_INT(s->class, CONF_CLASS_NURTURE, "class");
	IS_S(s->origin.listeners.v[0], STR("apps"), "listener without braces");
	IS_INT(s->unknown, CONF_UNKNOWN_REJECT, "unknown");
	OK(conf_domain_find(c, STR("EXAMPLE.com")) == &c->domains[0],
	    "a domain by name");
	OK(conf_domain_find(c, STR("example.org")) == NULL, "no such domain");
	OK(conf_key_find(c, STR("r1")) == &c->keys[0], "a key by name");
	OK(conf_key_find(c, STR("R1")) == NULL, "case counts");
	conf_unref(&c);
	OK(c == NULL, "unref clears");
	conf_unref(&c);
}

/* Each takes the place of a line of the base; want is what print says. */
static void test_values(void)
{
	static const struct {
		const char *from, *to, *want;
	} cases[] = {
	    {"authserv-id", "mode = shadow authserv-id", "mode = \"shadow\"\n"},
	    {"authserv-id", "log-level = info authserv-id",
		"log-level = \"info\"\n"},
	    {"authserv-id", "log-redact = yes authserv-id",
		"log-redact = yes\n"},
	    {"authserv-id", "map-size = \"1536M\" authserv-id",
		"map-size = \"1536M\"\n"},
	    {"authserv-id", "map-size = \"1T\" authserv-id",
		"map-size = \"1T\"\n"},
	    {"authserv-id",
		"seeds = {\"Proof@EXAMPLE.com\", \"b@b\xc3\xbc"
		"cher.example\"} authserv-id",
		"seeds = {\"proof@example.com\", "
		"\"b@xn--bcher-kva.example\"}\n"},
	    {"authserv-id",
		"re-inject = {\"192.0.2.0/24\", \"2001:db8::/32\", "
		"\"192.0.2.9\", \"::1\"} authserv-id",
		"re-inject = {\"192.0.2.0/24\", \"2001:db8::/32\", "
		"\"192.0.2.9/32\", \"::1/128\"}\n"},
	    {"mail.example.com", "MAIL.Example.COM.",
		"authserv-id = \"mail.example.com\"\n"},
	    {"unix:/run/m.sock", "inet:8891@127.0.0.1",
		"socket = \"inet:8891@127.0.0.1\"\n"},
	    {"unix:/run/m.sock", "inet6:8891@[::1]",
		"socket = \"inet6:8891@[::1]\"\n"},
	    {"unix:/run/m.sock", "fd:3", "socket = \"fd:3\"\n"},
	    {"\"unix:/run/m.sock\"", "\"fd:3\" socket-mode = \"0600\"",
		"socket-mode = \"0600\"\n"},
	    {"\"unix:/run/m.sock\"", "\"fd:3\" self-verify-every = 0",
		"self-verify-every = 0\n"},
	    {"release = \"127", "admins = {anna, \"@staff\"} release = \"127",
		"admins = {\"anna\", \"@staff\"}\n"},
	    {"127.0.0.1:80", "[::1]:8580", "listen = \"[::1]:8580\"\n"},
	    {"https://t.example.com", "https://t.example.com:8443/x/",
		"base-url = \"https://t.example.com:8443/x\"\n"},
	    {"https://t.example.com", "http://127.0.0.1:8580/",
		"base-url = \"http://127.0.0.1:8580\"\n"},
	    {"https://t.example.com", "http://[::1]:8580",
		"base-url = \"http://[::1]:8580\"\n"},
	    {"base-url", "proxies = \"127.0.0.1\" base-url",
		"proxies = \"127.0.0.1/32\"\n"},
	    {"/var/log/mail.log", "journal", "file = \"journal\"\n"},
	    {"/var/log/mail.log", "journal:/srv/j",
		"file = \"journal:/srv/j\"\n"},
	    {"/var/log/mail.log\"",
		"journal\" journal-writers = {postfix, \"106\"}",
		"journal-writers = {\"postfix\", \"106\"}\n"},
	    {"/var/log/mail.log\"", "/l\" handoff-relays = \"127.0.0.1\"",
		"handoff-relays = \"127.0.0.1\"\n"},
	    {"/var/log/mail.log\"",
		"/l\" handoff-relays = {\"[::1]:26\", f.example}",
		"handoff-relays = {\"[::1]:26\", \"f.example\"}\n"},
	    {"selector = r1", "selector = \"2027\"", "selector = \"2027\"\n"},
	    {"selector = r1", "selector = R1 algorithm = ed25519-sha256",
		"algorithm = \"ed25519-sha256\"\n"},
	    {"bounce-domain", "sender-id = examplecom bounce-domain",
		"sender-id = \"examplecom\"\n"},
	    {"listener = apps", "client = \"10.0.0.0/8\"",
		"client = \"10.0.0.0/8\"\n"},
	    {"listener = apps", "sasl-user = \"*\"", "sasl-user = \"*\"\n"},
	    {"listener = apps", "local = yes", "local = yes\n"},
	    {"listener = apps", "listener = {MTA-v4, apps}",
		"listener = {\"MTA-v4\", \"apps\"}\n"},
	    {"authserv-id", "group = Debian-exim authserv-id",
		"group = \"Debian-exim\"\n"},
	    {"segment-from = X-Seg", "segment = news", "segment = \"news\"\n"},
	    {"segment-from = X-Seg",
		"segment-from = {X-Seg, X-B} segment-map = {\"Spring = "
		"1=news\", \"b=x\"}",
		"segment-map = {\"Spring = 1=news\", \"b=x\"}\n"},
	    {"segment-from", "unknown = hold segment-from",
		"unknown = \"hold\"\n"},
	    {"segment-from", "unknown = \"segment news\" segment-from",
		"unknown = \"segment news\"\n"},
	    {"segment-from", "campaign-from = {X-C, X-D} segment-from",
		"campaign-from = {\"X-C\", \"X-D\"}\n"},
	    {"class = pass", "class = inbound listener = smtpd",
		"class = \"inbound\"\n"},
	    {"stream rest",
		"stream sales { class = one-to-one local = yes }\n"
		"stream rest",
		"class = \"one-to-one\"\n"},
	    {"class = pass",
		"class = transactional sender = \"*@shop.example.com\" "
		"local = yes",
		"sender = \"*@shop.example.com\"\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		const struct conf *c, *again;
		struct buf text, shown, twice;

		modeltest_replace(&M, &text, cases[i].from, cases[i].to);
		c = parse(buf_str(&text), &err);
		IS_STR(err.text, "", "accepted: %s", cases[i].to);
		buf_fini(&text);
		if (c == NULL)
			continue;
		print(c, &shown);
		OK(str_contains(buf_str(&shown), str_of(cases[i].want)),
		    "printed: %s", cases[i].to);
		again = parse(buf_str(&shown), &err);
		IS_STR(err.text, "", "and reads back");
		if (again != NULL) {
			print(again, &twice);
			IS_S(buf_str(&twice), buf_str(&shown), "to the same");
			buf_fini(&twice);
		}
		buf_fini(&shown);
		conf_unref(&again);
		conf_unref(&c);
	}
}

/* --- refusals --- */

static const struct modeltest_refusal refusals[] = {
    /* names */
    {"milter {", "milter { sokcet = x",
	"t.conf:3: unknown option \"sokcet\" in milter; did you mean "
	"\"socket\"?"},
    {"authserv-id", "\nsocket = x authserv-id",
	"t.conf:2: unknown option \"socket\"; it belongs in section "
	"\"milter\""},
    {"milter {", "milter { map-size = 1",
	"t.conf:3: unknown option \"map-size\" in milter; it belongs at the "
	"top of the file"},
    {"milter {", "milter { xyzzy = 1",
	"t.conf:3: unknown option \"xyzzy\" in milter"},
    {"stream rest", "straem rest",
	"t.conf:17: unknown section \"straem\"; did you mean \"stream\"?"},
    {"stream rest", "xyzzy rest", "t.conf:17: unknown section \"xyzzy\""},
    {"milter {", "milter main {",
	"t.conf:3: section \"milter\" takes no name; write \"milter {\""},
    {"stream rest {", "key {",
	"t.conf:17: section \"key\" is given with and without a name"},
    {"stream rest", "stream Rest",
	"t.conf:17: stream \"Rest\": expected a name of small letters, "
	"digits, \"-\", \"_\" and \".\" such as \"win-back\""},
    {"stream rest", "stream \"\"",
	"t.conf:17: stream \"\": expected a name of small letters, digits, "
	"\"-\", \"_\" and \".\" such as \"win-back\""},
    {"domain example.com", "domain Example.com",
	"t.conf:8: domain \"Example.com\": expected a domain in small letters "
	"and A-labels such as \"xn--bcher-kva.example\""},
    {"domain example.com",
	"domain \"b\xc3\xbc"
	"cher.example\"",
	"t.conf:8: domain \"b\xc3\xbc"
	"cher.example\": expected a domain in small letters and A-labels such "
	"as \"xn--bcher-kva.example\""},
    /* required */
    {"authserv-id = \"mail.example.com\"\n", "",
	"t.conf:1: option \"authserv-id\" is missing"},
    {"lead-key = \"/k/lead\"", "", "t.conf:1: option \"lead-key\" is missing"},
    {"milter { socket = \"unix:/run/m.sock\" }", "",
	"t.conf:1: section \"milter\" with option \"socket\" is missing"},
    {"milter { socket = \"unix:/run/m.sock\" }", "milter { }",
	"t.conf:3: option \"socket\" of milter is missing"},
    {"keys = r1", "",
	"t.conf:8: option \"keys\" of domain example.com is "
	"missing"},
    {"  class = nurture", "",
	"t.conf:10: option \"class\" of stream news is missing"},
    /* types */
    {"authserv-id", "mode = on authserv-id",
	"t.conf:1: mode = \"on\": expected one of enforce, shadow"},
    {"authserv-id", "log-redact = maybe authserv-id",
	"t.conf:1: log-redact = \"maybe\": expected \"yes\" or \"no\""},
    {"authserv-id", "map-size = 64GB authserv-id",
	"t.conf:1: map-size = \"64GB\": unknown unit \"GB\"; a size ends in "
	"K, M, G, T or nothing (bytes), as in \"50M\""},
    {"authserv-id", "map-size = 1M authserv-id",
	"t.conf:1: map-size = \"1M\": must be between 16M and 16T"},
    {"authserv-id", "state-dir = var authserv-id",
	"t.conf:1: state-dir = \"var\": expected an absolute path"},
    {"authserv-id", "state-dir = \"/a/../b\" authserv-id",
	"t.conf:1: state-dir = \"/a/../b\": expected an absolute "
	"path"},
    {"authserv-id", "state-dir = {\"/a\"} authserv-id",
	"t.conf:1: state-dir takes one value, not a list: expected an "
	"absolute path"},
    {"authserv-id", "group = \"a b\" authserv-id",
	"t.conf:1: group = \"a b\": expected a name of letters, digits, "
	"\"-\", \"_\" and \".\" such as \"tendril\""},
    {"mail.example.com", "mail..example.com",
	"t.conf:1: authserv-id = \"mail..example.com\": domain: empty label"},
    {"authserv-id", "seeds = {\"a..b@c.example\"} authserv-id",
	"t.conf:1: seeds = \"a..b@c.example\": its part before the @ has to "
	"stand in quotes, which a text here cannot hold"},
    {"authserv-id", "seeds = {\n\"a@b.example\",\n\"proof\"} authserv-id",
	"t.conf:3: seeds = \"proof\": address: no domain"},
    {"authserv-id",
	"seeds = {\"a@b.example\", \"A@b.example\"} "
	"authserv-id",
	"t.conf:1: seeds: \"a@b.example\" is given twice"},
    {"authserv-id", "re-inject = \"10.0.0.1/8\" authserv-id",
	"t.conf:1: re-inject = \"10.0.0.1/8\": bits are set behind the "
	"prefix"},
    {"authserv-id", "re-inject = \"10.0.0.0/33\" authserv-id",
	"t.conf:1: re-inject = \"10.0.0.0/33\": expected networks such as "
	"\"192.0.2.0/24\" or \"2001:db8::/32\""},
    {"authserv-id", "re-inject = \"10.0.0\" authserv-id",
	"t.conf:1: re-inject = \"10.0.0\": expected networks such as "
	"\"192.0.2.0/24\" or \"2001:db8::/32\""},
    /* milter */
    {"unix:/run/m.sock", "/run/m.sock",
	"t.conf:3: socket = \"/run/m.sock\": expected \"unix:/path\" (below "
	"108 bytes), \"inet:PORT@HOST\", \"inet6:PORT@HOST\" or \"fd:N\" "
	"(from 3)"},
    {"unix:/run/m.sock", "inet:0@127.0.0.1",
	"t.conf:3: socket = \"inet:0@127.0.0.1\": expected \"unix:/path\" "
	"(below 108 bytes), \"inet:PORT@HOST\", \"inet6:PORT@HOST\" or "
	"\"fd:N\" (from 3)"},
    {"unix:/run/m.sock", "fd:2",
	"t.conf:3: socket = \"fd:2\": expected \"unix:/path\" (below 108 "
	"bytes), \"inet:PORT@HOST\", \"inet6:PORT@HOST\" or \"fd:N\" (from "
	"3)"},
    {"milter {", "milter { socket-mode = 660",
	"t.conf:3: socket-mode = \"660\": expected the mode of a file in "
	"four octal digits and quotes such as \"0660\""},
    {"milter {", "milter { socket-mode = \"0690\"",
	"t.conf:3: socket-mode = \"0690\": expected the mode of a file in "
	"four octal digits and quotes such as \"0660\""},
    {"milter {", "milter { max-recipients = 0",
	"t.conf:3: max-recipients = \"0\": must be between 1 and 100000"},
    {"milter {", "milter { max-recipients = ten",
	"t.conf:3: max-recipients = \"ten\": expected a whole number such as "
	"10"},
    {"milter {", "milter { max-recipients = \"010\"",
	"t.conf:3: max-recipients = \"010\": expected a whole number such as "
	"10"},
    {"milter {", "milter { self-verify-every = 4294967296",
	"t.conf:3: self-verify-every = \"4294967296\": must be between 0 and "
	"4294967295"},
    /* agent, web */
    {"127.0.0.1:10026", "127.0.0.1",
	"t.conf:4: release = \"127.0.0.1\": expected host and port such as "
	"\"127.0.0.1:8580\" or \"[::1]:8580\""},
    {"127.0.0.1:10026", "[127]:25",
	"t.conf:4: release = \"[127]:25\": expected host and port such as "
	"\"127.0.0.1:8580\" or \"[::1]:8580\""},
    {"127.0.0.1:10026", "[]:25",
	"t.conf:4: release = \"[]:25\": expected host and port such as "
	"\"127.0.0.1:8580\" or \"[::1]:8580\""},
    {"127.0.0.1:10026", "127.0.0.1:65536",
	"t.conf:4: release = \"127.0.0.1:65536\": expected host and port "
	"such as \"127.0.0.1:8580\" or \"[::1]:8580\""},
    {"agent {", "agent { admins = \"Root User\"",
	"t.conf:4: admins: \"Root User\" is neither a user's name nor \"@\" "
	"and a group's"},
    {"/var/log/mail.log", "mail.log",
	"t.conf:6: file = \"mail.log\": expected an absolute path, "
	"\"journal\", or \"journal:\" and a folder"},
    {"/var/log/mail.log", "journal:",
	"t.conf:6: file = \"journal:\": expected an absolute path, "
	"\"journal\", or \"journal:\" and a folder"},
    {"/var/log/mail.log", "journal:/a/../b",
	"t.conf:6: file = \"journal:/a/../b\": expected an absolute path, "
	"\"journal\", or \"journal:\" and a folder"},
    {"/var/log/mail.log", "journald",
	"t.conf:6: file = \"journald\": expected an absolute path, "
	"\"journal\", or \"journal:\" and a folder"},
    {"/var/log/mail.log\"", "/l\" journal-writers = postfix",
	"t.conf:6: mta-log: journal-writers is for file = \"journal\""},
    {"/var/log/mail.log\"", "journal\" journal-writers = \"a b\"",
	"t.conf:6: journal-writers = \"a b\": expected "
	"names of letters, digits, \"-\", \"_\" and \".\" such as "
	"\"smtpd\""},
    {"https://t.example.com", "ftp://t.example.com",
	"t.conf:5: base-url = \"ftp://t.example.com\": expected an address "
	"such as \"https://t.example.com\""},
    {"https://t.example.com", "http://t.example.com",
	"t.conf:5: base-url = \"http://t.example.com\": must begin with "
	"\"https://\"; \"http://\" is only for this host (127.0.0.1)"},
    {"https://t.example.com", "http://127.0.0.1.example.com",
	"t.conf:5: base-url = \"http://127.0.0.1.example.com\": must begin "
	"with \"https://\"; \"http://\" is only for this host (127.0.0.1)"},
    {"https://t.example.com", "https://",
	"t.conf:5: base-url = \"https://\": expected an address such as "
	"\"https://t.example.com\""},
    {"https://t.example.com", "https://t.example.com/?a=b",
	"t.conf:5: base-url = \"https://t.example.com/?a=b\": expected an "
	"address such as \"https://t.example.com\""},
    {"https://t.example.com", "https://user@t.example.com",
	"t.conf:5: base-url = \"https://user@t.example.com\": expected an "
	"address such as \"https://t.example.com\""},
    {"base-url = \"https://t.example.com\"", "",
	"t.conf:5: web: listen needs base-url, the address that goes into "
	"mail"},
    /* keys and domains */
    {"key r1 {",
	"key r2 { domain = \"example.com\" selector = r1 file = "
	"\"/f\" }\nkey r1 {",
	"t.conf:8: key r1: domain and selector are those of key r2 (line "
	"7)"},
    {"selector = r1", "selector = \"r 1\"",
	"t.conf:7: selector = \"r 1\": expected letters, digits, \"-\", "
	"\"_\" and \".\" such as \"s2027\""},
    {"selector = r1", "selector = r1 algorithm = rsa-sha1",
	"t.conf:7: algorithm = \"rsa-sha1\": expected one of rsa-sha256, "
	"ed25519-sha256"},
    {"keys = r1", "keys = {r1, r9}",
	"t.conf:8: domain example.com: there is no key \"r9\""},
    {"keys = r1", "keys = {r1, r1}", "t.conf:8: keys: \"r1\" is given twice"},
    {"domain = \"example.com\"", "domain = \"example.org\"",
	"t.conf:8: domain example.com: key \"r1\" is of domain example.org "
	"(line 7)"},
    {"b.example.com", "b.example.org",
	"t.conf:8: domain example.com: bounce-domain \"b.example.org\" is of "
	"another organisation; SPF of our senders would not be aligned"},
    {"bounce-domain", "sender-id = abcd bounce-domain",
	"t.conf:8: sender-id = \"abcd\": expected 5 to 15 letters and digits "
	"such as \"examplecom\""},
    {"bounce-domain", "sender-id = \"a:bcdef\" bounce-domain",
	"t.conf:8: sender-id = \"a:bcdef\": expected 5 to 15 letters and "
	"digits such as \"examplecom\""},
    /* streams */
    {"class = nurture", "class = nuture",
	"t.conf:11: class = \"nuture\": expected one of nurture, "
	"transactional, one-to-one, inbound, pass, release"},
    {"  listener = apps\n", "",
	"t.conf:10: stream news: class \"nurture\" needs an origin "
	"(sasl-user, client, listener or local = yes), else strangers would "
	"get our signature"},
    {"listener = apps", "local = no",
	"t.conf:10: stream news: class \"nurture\" needs an origin "
	"(sasl-user, client, listener or local = yes), else strangers would "
	"get our signature"},
    {"class = pass", "class = transactional",
	"t.conf:17: stream rest: class \"transactional\" needs an origin "
	"(sasl-user, client, listener or local = yes), else strangers would "
	"get our signature"},
    {"class = pass", "class = one-to-one",
	"t.conf:17: stream rest: class \"one-to-one\" needs an origin "
	"(sasl-user, client, listener or local = yes), else strangers would "
	"get our signature"},
    {"listener = release", "",
	"t.conf:9: stream release: class \"release\" needs an origin "
	"(sasl-user, client, listener or local = yes), else strangers would "
	"get our signature"},
    {"  segment-from = X-Seg\n", "",
	"t.conf:10: stream news: class \"nurture\" needs segment or "
	"segment-from"},
    {"segment-from", "segment = news segment-from",
	"t.conf:10: stream news: segment and segment-from exclude each "
	"other"},
    {"segment-from = X-Seg", "segment = news segment-map = \"a=b\"",
	"t.conf:10: stream news: segment-map needs segment-from"},
    {"segment-from", "segment-map = {\"a=b\", \"a=c\"} segment-from",
	"t.conf:14: segment-map: \"a\" is mapped twice"},
    {"segment-from", "segment-map = \"a\" segment-from",
	"t.conf:14: segment-map = \"a\": expected pairs of a header value "
	"and a segment such as \"Spring 2027=newsletter\""},
    {"segment-from", "unknown = pass segment-from",
	"t.conf:14: unknown = \"pass\": expected \"reject\", \"hold\" or "
	"\"segment NAME\""},
    {"segment-from", "unknown = \"segment \" segment-from",
	"t.conf:14: unknown = \"segment \": expected \"reject\", \"hold\" or "
	"\"segment NAME\""},
    {"header = X-Seg", "header = \"X Seg\"",
	"t.conf:13: header = \"X Seg\": expected names of header fields such "
	"as \"X-Tendril-Segment\""},
    {"header = X-Seg", "header = X-Seg:",
	"t.conf:13: header = \"X-Seg:\": expected names of header fields "
	"such as \"X-Tendril-Segment\""},
    {"from-domains = \"example.com\"", "from-domains = \"example.org\"",
	"t.conf:10: stream news: from-domains names \"example.org\", which "
	"has no domain section"},
    {"class = pass", "class = pass\nunknown = reject",
	"t.conf:18: option \"unknown\" means nothing in a stream of class "
	"\"pass\""},
    {"class = pass", "class = inbound from-domains = \"example.com\"",
	"t.conf:17: option \"from-domains\" means nothing in a stream of "
	"class \"inbound\""},
    {"class = release", "class = release segment = news",
	"t.conf:9: option \"segment\" means nothing in a stream of class "
	"\"release\""},
    /* traps, through the whole reader */
    {"class = pass }", "class = pass ",
	"t.conf:17: section \"stream\" begins here and its closing brace is "
	"missing"},
    {"stream rest", "stream news",
	"t.conf:17: section \"stream news\" is given twice (first at line "
	"10)"},
};

static void test_refusals(void)
{
	modeltest_refusals(
	    &M, refusals, sizeof(refusals) / sizeof(refusals[0]));
}

/* A long value does not push the reason out of the message. */
static void test_long_value(void)
{
	struct error err = {0};
	const struct conf *c;
	struct buf text, value;

	buf_init(&value, 1 << 20);
	buf_addz(&value, "class = \"");
	for (int i = 0; i < 2000; i++)
		buf_addz(&value, "\xc3\xbc");
	buf_addz(&value, "\"");
	modeltest_replace(&M, &text, "class = pass", value.p);
	c = parse(buf_str(&text), &err);
	OK(str_ends(str_of(err.text), STR("\xc3\xbc\": expected one of "
					  "nurture, transactional, "
					  "one-to-one, inbound, pass, "
					  "release")),
	    "the reason is whole");
	buf_fini(&value);
	buf_fini(&text);
	conf_unref(&c);
}

/* --- findings --- */

static void test_warnings(void)
{
	static const struct {
		const char *from, *to, *want;
	} cases[] = {
	    {"", "", ""},
	    {"web { listen = \"127.0.0.1:80\" base-url = "
	     "\"https://t.example.com\" }",
		"",
		"t.conf:10: stream news: without web base-url its mail has no "
		"one-click unsubscribe (RFC 8058)\n"},
	    {"https://t.example.com", "http://127.0.0.1",
		"t.conf:5: web base-url is not https: for tests only\n"},
	    {"127.0.0.1:80", "0.0.0.0:80",
		"t.conf:5: web listen 0.0.0.0:80 is reachable without the TLS "
		"proxy\n"},
	    {"release = \"127.0.0.1:10026\"", "",
		"t.conf:10: stream news: holds and messages to several "
		"recipients need agent release and a stream of class "
		"\"release\"\n"},
	    {"stream release { class = release listener = release }", "",
		"t.conf:10: stream news: holds and messages to several "
		"recipients need agent release and a stream of class "
		"\"release\"\n"},
	    {"maildir = \"/md\"", "",
		"t.conf:10: stream news: without agent maildir bounces are "
		"not seen\n"},
	    {"file = \"/var/log/mail.log\"", "",
		"t.conf:10: stream news: without mta-log file an accepted "
		"message counts as delivered at once\n"},
	    {"bounce-domain = \"b.example.com\"", "",
		"t.conf:8: domain example.com: without bounce-domain its "
		"bounces are not seen\n"},
	    {"key r1",
		"key r2 { domain = \"example.com\" selector = r2 file "
		"= \"/f\" }\nkey r1",
		"t.conf:7: key r2 signs for no domain\n"},
	    {"key r1",
		"key m1 { domain = \"mail.example.com\" selector = m1 file "
		"= \"/f\" }\ndomain mail.example.com { keys = m1 "
		"bounce-domain = \"mail.example.com\" }\nkey r1",
		""},
	    {"key r1",
		"key m1 { domain = \"mail.example.com\" selector = m1 file "
		"= \"/f\" }\ndomain mail.example.com { keys = m1 "
		"bounce-domain = \"bmail.example.com\" }\nkey r1",
		"t.conf:8: domain mail.example.com: bounce-domain is not below "
		"it: providers that keep to RFC 9477 send no complaints "
		"there\n"},
	    {"stream rest",
		"stream late { class = pass listener = apps }\n"
		"stream rest",
		""},
	    {"  header = X-Seg\n  segment-from = X-Seg\n  from-domains = "
	     "\"example.com\"\n}\n",
		"  segment = news\n}\nstream late { class = pass listener = "
		"apps }\n"
		"stream later { class = one-to-one listener = apps }\n",
		"t.conf:16: stream later never gets a message: stream news "
		"(line 10) takes them all\n"},
	    {"stream release", "stream any { class = pass }\nstream release",
		"t.conf:10: stream release never gets a message: stream any "
		"(line 9) takes them all\n"
		"t.conf:11: stream news never gets a message: stream any "
		"(line 9) takes them all\n"
		"t.conf:18: stream rest never gets a message: stream any "
		"(line 9) takes them all\n"},
	    {"stream release",
		"stream a { class = transactional listener = {apps, x} client "
		"= \"10.0.0.0/8\" }\nstream b { class = transactional client "
		"= \"10.1.0.0/16\" listener = x }\nstream c { class = "
		"transactional client = \"11.1.0.0/16\" }\nstream release",
		"t.conf:10: stream b never gets a message: stream a (line 9) "
		"takes them all\n"
		"t.conf:13: stream news never gets a message: stream a (line "
		"9) takes them all\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct conf *c;
		struct buf text, told;

		modeltest_replace(&M, &text, cases[i].from, cases[i].to);
		c = parse(buf_str(&text), NULL);
		buf_fini(&text);
		buf_init(&told, 1 << 16);
		if (c == NULL)
			buf_addz(&told, "refused");
		else
			conf_warnings(c, modeltest_join, &told);
		IS_S(buf_str(&told), str_of(cases[i].want), "findings %zu", i);
		buf_fini(&told);
		conf_unref(&c);
	}
}

static void test_policy_names(void)
{
	static const char rules[] = "segment news { purpose = news }\n";
	const struct policy *p = NULL;
	const struct conf *c;
	struct buf text, told;

	IS_INT(policy_parse(&p, "p", str_of(rules), 1, NULL), 0, "a policy");
	modeltest_replace(&M, &text, "segment-from = X-Seg",
	    "segment-from = X-Seg unknown = \"segment other\" segment-map = "
	    "{\"a=news\", \"b=nws\"}");
	c = parse(buf_str(&text), NULL);
	buf_init(&told, 1 << 16);
	if (c != NULL && p != NULL) {
		IS_INT(conf_check_policy(c, p, modeltest_join, &told), 2,
		    "how many");
		IS_S(buf_str(&told),
		    STR("t.conf:10: stream news: unknown names segment "
			"\"other\", which the policy does not have\n"
			"t.conf:10: stream news: segment-map names segment "
			"\"nws\", which the policy does not have\n"),
		    "which");
	}
	buf_fini(&told);
	buf_fini(&text);
	conf_unref(&c);
	policy_unref(&p);
}

/* --- the rest of conf.h --- */

static void test_nets(void)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} cases[] = {
	    {"10.0.0.0/8", "::ffff:10.255.0.1", true},
	    {"10.0.0.0/8", "::ffff:11.0.0.1", false},
	    {"192.0.2.128/25", "::ffff:192.0.2.127", false},
	    {"192.0.2.128/25", "::ffff:192.0.2.129", true},
	    {"0.0.0.0/0", "::ffff:192.0.2.129", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"::/0", "::ffff:192.0.2.129", true},
	    {"2001:db8::/33", "2001:db8:7fff::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	    {"::1", "::1", true},
	    {"::1", "::2", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char addr[16];
		const struct conf *c;
		struct buf text;
		char line[100];

		(void)snprintf(line, sizeof(line),
		    "re-inject = \"%s\" authserv-id", cases[i].net);
		modeltest_replace(&M, &text, "authserv-id", line);
		c = parse(buf_str(&text), NULL);
		OK(inet_pton(AF_INET6, cases[i].addr, addr) == 1 && c != NULL &&
			conf_net_contains(&c->re_inject.v[0], addr) ==
			    cases[i].in,
		    "%s in %s", cases[i].addr, cases[i].net);
		buf_fini(&text);
		conf_unref(&c);
	}
}

static void test_example(void)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	struct error err = {0};
	const struct conf *c = NULL;
	struct buf told;
	char path[500];

	(void)snprintf(path, sizeof(path), "%s/contrib/examples/tendril.conf",
	    dir != NULL ? dir : ".");
	IS_INT(conf_load(&c, path, &err), 0, "the example loads");
	IS_STR(err.text, "", "without a complaint");
	if (c == NULL)
		return;
	buf_init(&told, 1 << 16);
	conf_warnings(c, modeltest_join, &told);
	IS_S(buf_str(&told), STR(""), "and without a finding");
	buf_fini(&told);
	conf_unref(&c);
	IS_INT(conf_load(&c, "/nowhere/t.conf", &err), -2, "no such file");
	OK(c == NULL, "no conf");
	IS_STR(
	    err.text, "/nowhere/t.conf: No such file or directory", "its text");
}

static void test_manual(void)
{
	const struct conf *c =
	    modeltest_manual(&M, "policy/conf/tendril.conf.5");

	OK(c != NULL && c->n_streams == 2, "and is what it looks like");
	conf_unref(&c);
}

/* Every option that is printed is described. */
static void test_described(void)
{
	const struct conf *c = parse(str_of(base), NULL);
	struct str rest, line;
	struct buf tables, shown;

	buf_init(&tables, 1 << 20);
	conf_describe(&tables);
	print(c, &shown);
	rest = buf_str(&shown);
	while (str_next(&rest, '\n', &line)) {
		char item[100];

		line = str_trim(line);
		if (line.n == 0 || str_ends(line, STR("{")) ||
		    str_eq(line, STR("}")))
			continue;
		if (str_starts(line, STR("# ")))
			line = str_from(line, 2);
		line = str_cut(line, 0, str_find(line, 0, ' '));
		line = str_cut(line, 0, str_find(line, 0, ':'));
		(void)snprintf(
		    item, sizeof(item), ".It Ic %.*s\n", STR_ARG(line));
		OK(str_contains(buf_str(&tables), str_of(item)),
		    "%.*s is described", STR_ARG(line));
	}
	buf_fini(&tables);
	buf_fini(&shown);
	conf_unref(&c);
}

/* --- damage --- */

/* A file that was cut off is refused, unless the cut fell between two whole
 * statements; then it reads as those before it. */
static void test_truncation(void)
{
	/* Behind the closing braces of lines 3 to 9 and 16, each with its line
	 * end and without; behind that of line 17. */
	IS_INT(modeltest_cuts(&M), 17, "cuts that are accepted");
}

/* --- threads --- */

static void *parse_often(void *arg)
{
	const struct conf *c;
	size_t *good = arg;

	for (int i = 0; i < 50; i++) {
		if (conf_parse(&c, "t.conf", str_of(base), NULL) != 0)
			continue;
		*good += c->n_streams == 3 && c->streams[1].line == 10;
		conf_unref(&c);
	}
	return NULL;
}

static void *count_often(void *arg)
{
	const struct conf *c = arg;

	for (int i = 0; i < 10000; i++) {
		const struct conf *mine = conf_ref(c);
		conf_unref(&mine);
	}
	return NULL;
}

static void test_threads(void)
{
	const struct conf *c = parse(str_of(base), NULL);
	size_t good[4] = {0};
	pthread_t t[8];

	for (size_t i = 0; i < 4; i++) {
		if (pthread_create(&t[i], NULL, parse_often, &good[i]) != 0 ||
		    pthread_create(&t[4 + i], NULL, count_often,
			(void *)(uintptr_t)c) != 0)
			bug("pthread_create");
	}
	for (size_t i = 0; i < 8; i++)
		(void)pthread_join(t[i], NULL);
	for (size_t i = 0; i < 4; i++)
		IS_INT(good[i], 50, "thread %zu read well", i);
	IS_S(c->path, STR("t.conf"), "the counted conf lives");
	conf_unref(&c);
}

/* Printed over several lines, since a line has a limit. */
static void test_long_list(void)
{
	const struct conf *c, *again = NULL;
	struct error err = {0};
	struct buf text, one, two;

	buf_init(&text, 1 << 20);
	buf_addz(&text, base);
	for (int i = 0; i < 1024; i++)
		buf_printf(&text, "%s\"seed-of-a-long-name-%04d@example.com\"",
		    i == 0 ? "seeds = {" : ",\n", i);
	buf_addz(&text, "}\n");
	c = parse(buf_str(&text), &err);
	IS_STR(err.text, "", "a long list");
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	if (c != NULL) {
		conf_print(c, &one);
		again = parse(buf_str(&one), &err);
		IS_STR(err.text, "", "printed, it reads back");
	}
	if (again != NULL)
		conf_print(again, &two);
	OK(one.n > 0 && str_eq(buf_str(&one), buf_str(&two)), "to the same");
	conf_unref(&c);
	conf_unref(&again);
	buf_fini(&text);
	buf_fini(&one);
	buf_fini(&two);
}

int main(void)
{
	test_base();
	test_long_list();
	test_values();
	test_refusals();
	test_long_value();
	test_warnings();
	test_policy_names();
	test_nets();
	test_example();
	test_manual();
	test_described();
	test_truncation();
	modeltest_faults(&M);
	test_threads();
	return tap_done();
}
