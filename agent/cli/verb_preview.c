/* verb_preview.c - tendril preview: the message as it would leave to standard
 * output, the decision to standard error. Changes nothing, needs no agent. */
#include "agent/cli/inforce.h"
#include "agent/cli/out.h"
#include "agent/cli/policyfile.h"
#include "agent/cli/preview.h"
#include "agent/cli/verbs.h"

#include "policy/base/clock.h"
#include "policy/mail/textfind.h"
#include "policy/state/decide.h"

#include <stdarg.h>

struct judgement {
	const struct policy *policy; /* a reference, or NULL */
	const struct policy_segment *segment;
	struct verdict verdict;
	bool by_ledger; /* else: as for somebody nobody knows */
};

/* For people; with --json the members of p->decision say it. */
static void tell(const struct preview *p, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
static void tell(const struct preview *p, const char *fmt, ...)
{
	va_list ap;

	if (p->c->json)
		return;
	(void)fputs("preview: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

struct unusable {
	struct error first;
	size_t n;
};

static void note_key(void *arg, const char *line)
{
	struct unusable *u = arg;

	if (u->n++ == 0)
		(void)error_set(&u->first, ERR_KEY, "%s", line);
}

/* --stream, or by how it came; without either the first nurture stream. */
static int choose_stream(struct preview *p)
{
	struct cli *c = p->c;
	struct str name = cli_str(c, "stream"), sender;
	struct recognise_origin origin;
	bool any =
	    cli_opt(c, "listener") != NULL || cli_opt(c, "sasl-user") != NULL ||
	    cli_opt(c, "client") != NULL || cli_opt(c, "sendmail") != NULL;
	bool unused;
	if (name.p == NULL && any) {
		int code = mailin_origin(c, &p->mail, &origin, &sender);

		if (code != CLI_DONE)
			return code;
		p->stream = recognise_stream(
		    c->conf, &origin, sender, &p->mail.headers, &unused);
		return CLI_DONE;
	}
	for (size_t i = 0; i < c->conf->n_streams; i++) {
		const struct conf_stream *s = &c->conf->streams[i];
		if (name.p != NULL ? str_eq(s->name, name)
				   : s->class == CONF_CLASS_NURTURE) {
			p->stream = s;
			return CLI_DONE;
		}
	}
	return cli_fail(CLI_USAGE, name.p != NULL
				       ? "no stream of that name"
				       : "the conf has no nurture stream");
}

static int read_labels(struct preview *p)
{
	struct str wanted = cli_str(p->c, "segment");

	if (p->stream == NULL)
		return CLI_DONE;
	p->segment = wanted.p != NULL ? wanted
				      : recognise_segment(p->stream,
					    &p->mail.headers, p->c->arena);
	p->campaign =
	    recognise_campaign(p->stream, &p->mail.headers, p->c->arena);
	return CLI_DONE;
}

static int read_from(struct preview *p)
{
	struct addrlist from;
	int code = mailin_addresses(p->c, &p->mail, "From", &from);

	if (code != CLI_DONE)
		return code;
	p->comply = (struct comply_in){.stream = p->stream,
	    .n_from = from.n + from.bad,
	    .has_base_url = p->c->conf->web.base_url.n > 0};
	if (from.n == 1)
		p->comply.from_domain = from.v[0].addr.domain;
	p->comply.signer = conf_signer_find(p->c->conf, p->comply.from_domain);
	if (p->comply.signer != NULL)
		p->comply.n_keys = p->comply.signer->keys.n;
	return CLI_DONE;
}

static int read_recipient(struct preview *p, struct address *out)
{
	struct str to = cli_str(p->c, "to");
	struct error err = {0};
	struct addrlist list;
	int rc, code;

	if (to.p == NULL) {
		code = mailin_addresses(p->c, &p->mail, "To", &list);
		if (code != CLI_DONE)
			return code;
		if (list.n == 0)
			return cli_fail(CLI_USAGE,
			    "nobody is in its To: field: say --to ADDRESS");
		to = list.v[0].spec;
	}
	rc = address_parse(p->c->arena, to, out, &err);
	return rc == 0 ? CLI_DONE : cli_fail(CLI_USAGE, "%s", err.text);
}

/* --- the verdict --- */

static int comply_of(
    void *arg, const struct policy_segment *s, enum comply_result *out)
{
	struct preview *p = arg;
	struct comply_in in = p->comply;
	int rc = 0;

	if (s->postal_address.n > 0)
		rc = textfind_in_message(&p->mail.headers, p->mail.body,
		    s->postal_address, &in.has_postal_address);
	*out = comply_decide(s, &in);
	return rc;
}

static int read_policy_file(
    struct cli *c, const char *path, struct judgement *j)
{
	struct error err = {0};
	struct str text;
	int code = policyfile_get(c, path, &text);

	if (code == CLI_DONE &&
	    policy_parse(&j->policy, path, text, 0, &err) != 0)
		code = cli_fail(CLI_NO, "%s", err.text);
	return code;
}

static struct decide_in decide_in_of(
    struct preview *p, const struct address *to)
{
	return (struct decide_in){.mode = DECIDE_SEND,
	    .recipient = *to,
	    .segment = p->segment,
	    .stream = p->stream->name,
	    .unknown = p->stream->unknown,
	    .unknown_segment = p->stream->unknown_segment,
	    .comply = comply_of,
	    .comply_arg = p,
	    .log_followed = true,
	    .may_hold = true};
}

/* By the ledger, read-only, where this user may read it. */
static bool judge_by_ledger(
    struct preview *p, const struct address *to, struct judgement *j)
{
	struct decide_in in = decide_in_of(p, to);
	struct decide_out out = {0};
	struct store *store = NULL;
	struct error err = {0};
	int rc = store_open(&store, p->c->conf, STORE_READ_ONLY, &err);

	if (rc == 0)
		rc = decide_explain(
		    store, &in, j->policy, clock_now_ms(), &out, &err);
	if (rc == 0) {
		j->verdict = out.verdict;
		if (j->policy == NULL && out.policy != NULL)
			j->policy = policy_ref(out.policy);
		j->segment = out.segment;
		j->by_ledger = true;
	} else {
		tell(p, "the ledger cannot be read (%s)", err.text);
	}
	/* out.segment lives in the policy, which j holds */
	decide_fini(&out);
	store_close(&store);
	return rc == 0;
}

/* Who may not read the ledger asks the agent for the policy. */
static int judge_alone(
    struct preview *p, const struct address *to, struct judgement *j)
{
	struct facts f = {.consent = CONSENT_GRANTED};
	int code;

	if (j->policy == NULL)
		j->policy = inforce_policy(p->c);
	if (j->policy == NULL && p->c->conf->policy_file.n > 0) {
		code = read_policy_file(p->c, p->c->conf->policy_file.p, j);
		if (code != CLI_DONE)
			return code;
	}
	j->segment = j->policy != NULL
			 ? policy_segment_find(j->policy, p->segment)
			 : NULL;
	j->verdict = (struct verdict){
	    .action = VERDICT_DEFER, .reason = REASON_NO_POLICY};
	if (j->policy != NULL)
		j->verdict = (struct verdict){
		    .action = VERDICT_REJECT, .reason = REASON_UNKNOWN_SEGMENT};
	if (j->segment == NULL)
		return CLI_DONE;
	if (comply_of(p, j->segment, &f.compliance) != 0)
		return cli_fail(CLI_AGAIN, "out of memory");
	verdict_decide(j->policy, j->segment, &f, clock_now_ms(), &j->verdict);
	tell(p,
	    "decided as for somebody who agreed and has got nothing yet; "
	    "tendril explain tells of %.*s",
	    STR_ARG(to->text));
	return CLI_DONE;
}

static int judge(struct preview *p, struct judgement *j)
{
	const char *path = cli_opt(p->c, "policy");
	struct address to;
	int code = read_recipient(p, &to);

	if (code == CLI_DONE && path != NULL)
		code = read_policy_file(p->c, path, j);
	if (code != CLI_DONE)
		return code;
	return judge_by_ledger(p, &to, j) ? CLI_DONE : judge_alone(p, &to, j);
}

static void tell_verdict(struct preview *p, const struct judgement *j)
{
	const struct verdict *v = &j->verdict;
	char when[CLOCK_TEXT];

	tell(p, "segment %.*s: %s: %s%s%s", STR_ARG(p->segment),
	    verdict_action_name(v->action),
	    out_reason(str_of(verdict_reason_name(v->reason))),
	    v->compliance != COMPLY_OK ? ": " : "",
	    v->compliance != COMPLY_OK
		? out_demand(str_of(comply_result_name(v->compliance)))
		: "");
	if (v->earliest_ms != 0) {
		clock_format(v->earliest_ms, when);
		tell(p, "not before %.*s",
		    STR_ARG(out_time(p->c, str_of(when))));
	}
	if (v->rule != NULL)
		tell(p, "line %d of policy %u: %.*s", v->rule->line,
		    j->policy != NULL ? j->policy->version : 0,
		    STR_ARG(v->rule->text));
}

/* For programs, the words of the API. */
static void put_verdict(struct preview *p, const struct judgement *j)
{
	const struct verdict *v = &j->verdict;
	struct value *o = p->decision;

	value_put_str(o, "segment", p->segment);
	value_put_str(o, "verdict", str_of(verdict_action_name(v->action)));
	value_put_str(o, "reason", str_of(verdict_reason_name(v->reason)));
	if (v->compliance != COMPLY_OK)
		value_put_str(
		    o, "compliance", str_of(comply_result_name(v->compliance)));
	if (v->earliest_ms != 0)
		value_put_time(o, "earliest", v->earliest_ms);
	if (j->policy != NULL)
		value_put_i64(o, "policy", j->policy->version);
	if (v->rule != NULL) {
		value_put_i64(o, "line", v->rule->line);
		value_put_str(o, "rule", v->rule->text);
	}
	value_put_bool(o, "by_ledger", j->by_ledger);
}

static void tell_leaving(
    struct preview *p, const struct compose_out *out, size_t signatures)
{
	tell(p, "%zu signatures", signatures);
	value_put_i64(p->decision, "signatures", (int64_t)signatures);
	for (size_t i = 0; i < out->changes.n; i++)
		if (out->changes.v[i].kind == CHANGE_SENDER) {
			struct str sender = out->changes.v[i].value;

			tell(p, "envelope sender %.*s", STR_ARG(sender));
			value_put_str(p->decision, "sender", sender);
		}
	if (p->stream->class == CONF_CLASS_NURTURE)
		tell(p, "its links and addresses are placeholders: no token in "
			"them is valid");
}

static bool is_untouched(const struct preview *p)
{
	return p->stream == NULL || p->stream->class == CONF_CLASS_PASS ||
	       p->stream->class == CONF_CLASS_INBOUND;
}

static int print_all(struct preview *p, const struct judgement *j)
{
	struct compose_out out;
	struct error err = {0};
	size_t n = 0;
	int rc;

	if (is_untouched(p))
		return preview_print_as_is(p);
	rc = preview_compose(p, j->segment, &out, &err);
	if (rc == 0)
		rc = preview_sign(p, &out, &n, &err);
	if (rc != 0)
		return cli_error(rc, &err);
	tell_leaving(p, &out, n);
	return preview_print(p, &out);
}

static int preview(struct preview *p)
{
	struct judgement j = {
	    .verdict = {.action = VERDICT_ALLOW, .reason = REASON_NOT_NURTURE}};
	int code;

	if (p->stream != NULL) {
		const char *class = conf_class_name(p->stream->class);

		tell(p, "stream %.*s, class %s", STR_ARG(p->stream->name),
		    class);
		value_put_str(p->decision, "stream", p->stream->name);
		value_put_str(p->decision, "class", str_of(class));
	}
	if (is_untouched(p))
		tell(p, "passes untouched");
	code = CLI_DONE;
	if (p->stream != NULL && p->stream->class == CONF_CLASS_NURTURE) {
		code = judge(p, &j);
		if (code == CLI_DONE) {
			tell_verdict(p, &j);
			put_verdict(p, &j);
		}
	}
	if (code == CLI_DONE)
		code = print_all(p, &j);
	policy_unref(&j.policy);
	if (code == CLI_DONE && j.verdict.action != VERDICT_ALLOW)
		code = CLI_NO;
	return code;
}

/* Standard output is the message's. */
static void print_decision(const struct value *decision)
{
	(void)cli_json_to(stderr, decision);
}

static int run_preview(struct cli *c)
{
	struct preview p = {.c = c};
	struct keys keys = {0};
	struct unusable unusable = {.n = 0};
	int code = cli_conf(c);

	if (code == CLI_DONE)
		code = mailin_read(
		    c, c->n_operands > 0 ? c->operands[0] : "-", &p.mail);
	if (code == CLI_DONE)
		code = choose_stream(&p);
	if (code == CLI_DONE)
		code = read_labels(&p);
	if (code == CLI_DONE)
		code = read_from(&p);
	if (code != CLI_DONE)
		return code;
	(void)keys_load_as_owner(&keys, c->conf, note_key, &unusable);
	if (unusable.n > 0)
		tell(&p, "%zu keys cannot be used: %s%s", unusable.n,
		    unusable.first.text, unusable.n > 1 ? "..." : "");
	p.keys = &keys;
	p.decision = value_new_object();
	code = preview(&p);
	if (c->json)
		print_decision(p.decision);
	value_free(&p.decision);
	keys_free(&keys);
	return code;
}

static const struct cli_option options[] = {
    {"segment", "NAME", "its segment, whatever its header says", false},
    {"to", "ADDRESS", "its recipient (default: the first of its To: field)",
	false},
    {"stream", "NAME", "as of this stream (default: the first nurture one)",
	false},
    {"policy", "FILE", "by this policy, not the one in force", false},
    MAILIN_OPTIONS,
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "[FILE]", 0, 1, options, "", run_preview},
};

const struct cli_verb verb_preview = {
    "preview",
    "a message as it would leave",
    "Reads a message (standard input, or FILE), writes it to standard output\n"
    "as it would leave - composed and signed, whatever the verdict - and the\n"
    "decision to standard error, with --json as one object. With --listener, "
    "--sasl-user, --client or\n"
    "--sendmail its stream is found as the milter does. Tokens in links and\n"
    "addresses are placeholders. Needs no agent; reads the ledger if it may.",
    CLI_COMMANDS(commands),
    "it would not leave now",
    "  tendril preview --segment newsletter --to jane@a.example < mail.eml\n",
};
