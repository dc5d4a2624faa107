/* section_agent.c - agent { }, web { } and mta-log { }. */
#include "policy/conf/section.h"
#include "policy/mail/address.h"
#include "policy/mail/domain.h"

#include <sys/un.h>

/* --- agent --- */

static int check_api(const struct option_job *job, const struct read_option *in,
    const void *field)
{
	const struct str *path = field;

	if (path->n < sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return 0;
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "api: the path of a unix socket has at most 107 bytes");
}

/* User names, or "@group". */
static int check_people(const struct option_job *job,
    const struct read_option *in, const void *field)
{
	(void)field;
	for (size_t i = 0; i < in->n; i++) {
		struct str s = in->values[i].text;
		if (str_starts(s, STR("@")))
			s = str_from(s, 1);
		if (!option_is_token(s))
			return option_fail(job, in->values[i].line, ERR_SYNTAX,
			    "%.*s: \"%.*s\" is neither a user's name nor "
			    "\"@\" and a group's",
			    STR_ARG(in->name), STR_ARG(in->values[i].text));
	}
	return 0;
}

/* Mail addresses, or domains. */
static int one_reporter(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	struct error why = {0};
	struct address a = {0};
	int rc;

	if (str_find(v->text, 0, '@') < v->text.n) {
		rc = address_parse(job->arena, v->text, &a, &why);
		*out = a.text;
	} else {
		rc = domain_parse(job->arena, v->text, out, &why);
	}
	if (rc == ERR_SYNTAX)
		return option_refuse(job, o, v, why.text);
	return rc != 0 ? option_no_memory(job) : 0;
}

static int parse_reporters(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_reporter, field);
}

static const struct option_type reporters = {
    "mail addresses or domains such as \"feedback.example.net\"", true,
    parse_reporters, option_print_texts};

#define AT(field) offsetof(struct conf_agent, field)

static const struct option agent_options[] = {
    {.name = "api",
	.type = &option_path,
	.offset = AT(api),
	.def = "/run/tendril/api.sock",
	.check = check_api,
	.help = "Unix socket of the /v1 interface; the command line uses it."},
    {.name = "release",
	.type = &option_hostport,
	.offset = AT(release),
	.help = "The MTA's own listener for mail that the agent submits; "
		"needed for holds and for messages to several recipients."},
    {.name = "maildir",
	.type = &option_path,
	.offset = AT(maildir),
	.help = "Maildir into which the MTA delivers feedback mail; without "
		"it bounces by mail are not seen. What is delivered on this "
		"machine is read at once, other mail within a second."},
    {.name = "bounce-rules",
	.type = &option_path,
	.offset = AT(bounce_rules),
	.help = "Rules of your own for what bounces mean, which go before "
		"those that are built in (tendril-bounces(5)); read again "
		"at each reload."},
    {.name = "complaint-from",
	.type = &reporters,
	.offset = AT(complaint_from),
	.help = "Who may complain for a person without a token of ours in the "
		"report, by an address or the Message-ID of what they "
		"return, if DKIM or SPF show that it is from there: "
		"addresses, or domains with all below them."},
    {.name = "complaint-to",
	.type = &option_addresses,
	.offset = AT(complaint_to),
	.help = "Addresses that mailbox providers send complaints to; the "
		"milter notes where such mail comes from. A message that "
		"one of complaint-from sends there without a report is a "
		"complaint, too. Where DKIM alone shows who wrote a "
		"complaint without a token of ours, its To has to be one "
		"of these, or in a domain of ours, and signed, as its "
		"Content-Type: a provider signs what it reports to others "
		"as well, and they may send it on."},
    {.name = "nameserver",
	.type = &option_hostport,
	.offset = AT(nameserver),
	.help = "DNS server that is asked for the keys and records of those "
		"who complain, and of those who answer that they have left; "
		"without it those of resolv.conf(5). What it says is kept as "
		"long as it holds, an hour at most."},
    {.name = "relay-bounces",
	.type = &option_flag,
	.offset = AT(relay_bounces),
	.def = "yes",
	.help = "Reports failures to the envelope sender that the application "
		"gave, which our own took the place of."},
    {.name = "relay-private",
	.type = &option_flag,
	.offset = AT(relay_private),
	.def = "no",
	.help = "An application's one-click address, to which opt-outs and "
		"complaints are passed on, may be in a private network, and "
		"http:// on the loopback."},
    {.name = "admins",
	.type = &option_texts,
	.offset = AT(admins),
	.check = check_people,
	.help = "Users, or \"@\" and a group, who may do everything; root "
		"always may."},
    {.name = "marketers",
	.type = &option_texts,
	.offset = AT(marketers),
	.check = check_people,
	.help = "Users or groups who may change policy, consent and "
		"suppressions."},
    {.name = "auditors",
	.type = &option_texts,
	.offset = AT(auditors),
	.check = check_people,
	.help = "Users or groups who may read."},
};

const struct section_kind section_agent = {
    .name = "agent",
    .times = SECTION_ONCE,
    .options = agent_options,
    .n_options = sizeof(agent_options) / sizeof(agent_options[0]),
    .offset = offsetof(struct conf, agent),
    .help = "The program tendril-agent.",
};

/* --- web --- */

static bool is_authority(struct str s, struct str *host)
{
	struct str port;

	if (option_split_hostport(s, host, &port))
		return true;
	*host = s;
	return option_is_host(s);
}

/* https, for RFC 8058 asks for it; http only where the wire is this host. */
static int parse_base_url(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str s = in->values[0].text, rest = s, host, *url = field;
	bool plain = str_starts(s, STR("http://"));

	if (!plain && !str_starts(s, STR("https://")))
		return option_unexpected(job, o, &in->values[0]);
	rest = str_from(s, plain ? 7 : 8);
	while (str_ends(rest, STR("/")))
		rest.n--;
	if (!is_authority(str_cut(rest, 0, str_find(rest, 0, '/')), &host))
		return option_unexpected(job, o, &in->values[0]);
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] <= ' ' || rest.p[i] >= 0x7f || rest.p[i] == '?' ||
		    rest.p[i] == '#' || rest.p[i] == '<' || rest.p[i] == '>')
			return option_unexpected(job, o, &in->values[0]);
	if (plain && !option_is_loopback(host))
		return option_fail(job, in->values[0].line, ERR_SYNTAX,
		    "base-url = \"%.*s\": must begin with \"https://\"; "
		    "\"http://\" is only for this host (127.0.0.1)",
		    STR_ARG(s));
	*url = str_cut(s, 0, (size_t)(rest.p - s.p) + rest.n);
	return 0;
}

static const struct option_type base_url = {
    "an address such as \"https://t.example.com\"", false, parse_base_url,
    option_print_text};

static int finish_web(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct conf_web *web = element;

	web->line = in->line;
	if (web->listen.n > 0 && web->base_url.n == 0)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "web: listen needs base-url, the address that goes into "
		    "mail");
	return 0;
}

#undef AT
#define AT(field) offsetof(struct conf_web, field)

static const struct option web_options[] = {
    {.name = "listen",
	.type = &option_hostport,
	.offset = AT(listen),
	.help = "Address of the web server; without it there is none."},
    {.name = "base-url",
	.type = &base_url,
	.offset = AT(base_url),
	.help = "How the world reaches that server; unsubscribe links begin "
		"with it. https, except on the loopback."},
    {.name = "proxies",
	.type = &option_nets,
	.offset = AT(proxies),
	.help = "Proxies whose X-Forwarded-For is believed."},
    {.name = "max-request",
	.type = &option_size,
	.offset = AT(max_request_bytes),
	.def = "64K",
	.min = 4 << 10,
	.max = 16 << 20,
	.help = "Largest request from outside."},
};

const struct section_kind section_web = {
    .name = "web",
    .times = SECTION_ONCE,
    .options = web_options,
    .n_options = sizeof(web_options) / sizeof(web_options[0]),
    .offset = offsetof(struct conf, web),
    .help = "The public web server of the agent.",
    .finish = finish_web,
};

/* --- mta-log --- */

#undef AT
#define AT(field) offsetof(struct conf_mta_log, field)

bool conf_log_is_journal(struct str file, struct str *dir_out)
{
	bool has_dir = str_starts(file, STR("journal:"));

	*dir_out = has_dir ? str_from(file, 8) : STR("");
	return has_dir || str_eq(file, STR("journal"));
}

static int parse_log(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	const struct option_job quiet = {.path = job->path};
	struct read_value path = in->values[0];
	const struct read_option inner = {
	    .name = in->name, .line = in->line, .values = &path, .n = 1};
	struct str all = path.text, dir;

	if (conf_log_is_journal(all, &dir))
		path.text = dir;
	if (!str_eq(all, STR("journal")) &&
	    option_path.parse(&quiet, o, &inner, field) != 0)
		return option_unexpected(job, o, &in->values[0]);
	*(struct str *)field = all;
	return 0;
}

static const struct option_type log_source = {
    "an absolute path, \"journal\", or \"journal:\" and a folder", false,
    parse_log, option_print_text};

/* With or without a port. */
static int one_relay(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	struct str host, port;

	if (!option_split_hostport(v->text, &host, &port) &&
	    !option_is_host(v->text))
		return option_unexpected(job, o, v);
	*out = v->text;
	return 0;
}

static int parse_relays(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_relay, field);
}

static const struct option_type relays = {
    "relays such as \"127.0.0.1:10025\" or \"filter.example.net\"", true,
    parse_relays, option_print_texts};

static const struct option mta_log_options[] = {
    {.name = "file",
	.type = &log_source,
	.offset = AT(file),
	.help = "The log of Postfix or Sendmail, a file or the systemd "
		"journal (this machine's, or of a folder such as "
		"\"journal:/var/log/journal\"); it tells what became of each "
		"message. Without it an accepted message counts as "
		"delivered."},
    {.name = "journal-writers",
	.type = &option_tokens,
	.offset = AT(writers),
	.help = "Users, or numbers of users, who write the MTA's entries in "
		"the systemd journal, beside root; without it postfix. "
		"Everybody can write there in the MTA's name: what others "
		"wrote is not believed."},
    {.name = "handoff-relays",
	.type = &relays,
	.offset = AT(handoff_relays),
	.help = "Relays that only hand on, as a content filter or a second "
		"MTA that writes the same log: what they take is not "
		"delivered yet, and is followed by the queue id in their "
		"answer. Without a port all ports of that host."},
};

static int finish_mta_log(
    const struct option_job *job, const struct read_section *in, void *element)
{
	const struct conf_mta_log *log = element;
	struct str dir;

	if (log->writers.n > 0 && !conf_log_is_journal(log->file, &dir))
		return option_fail(job, in->line, ERR_SYNTAX,
		    "mta-log: journal-writers is for file = \"journal\"");
	return 0;
}

const struct section_kind section_mta_log = {
    .name = "mta-log",
    .times = SECTION_ONCE,
    .options = mta_log_options,
    .n_options = sizeof(mta_log_options) / sizeof(mta_log_options[0]),
    .offset = offsetof(struct conf, mta_log),
    .help = "The log that the agent follows.",
    .finish = finish_mta_log,
};
