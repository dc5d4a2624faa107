/* verb_classify.c - tendril classify: what is this mail that came back? Files,
 * mbox files and folders. Needs neither agent nor conf. */
#include "agent/cli/mailfile.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

#include "policy/base/file.h"
#include "policy/mail/reply.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	REPORT_ARENA = 4 << 20,
	DEPTH_MAX = 16, /* folders within folders */
};

struct classify {
	struct cli *c;
	struct bounce_rules *rules;
	struct reply_rules *replies;
	struct arena *arena; /* of one message */
	struct mailfile file;
	size_t done, failed;
};

/* Which rule decided; file and line only where it is in a file. */
static void put_rule(struct value *o, const struct bounce_by *by)
{
	struct value *rule;

	if (by->text == NULL)
		return;
	rule = value_new_object();
	value_put_str(rule, "text", str_of(by->text));
	if (by->file != NULL) {
		value_put_str(rule, "file", str_of(by->file));
		value_put_i64(rule, "line", by->line);
	}
	value_put(o, "rule", rule);
}

static struct value *recipient_value(const struct report_recipient *r)
{
	struct value *o = value_new_object();

	value_put_str(o, "address", r->address);
	value_put_str(
	    o, "original", r->original.n > 0 ? r->original : r->returned_to);
	value_put_str(o, "status", r->status);
	value_put_str(o, "reason", str_of(bounce_reason_name(r->reason)));
	value_put_str(o, "class", str_of(bounce_class_name(r->class)));
	value_put_str(o, "diagnostic", r->diagnostic);
	put_rule(o, &r->by);
	return o;
}

static struct value *report_value(
    const char *path, size_t number, const struct report *r)
{
	struct value *o = value_new_object(), *list = value_new_array();

	for (size_t i = 0; i < r->n; i++)
		value_add(list, recipient_value(&r->rcpt[i]));
	value_put_str(o, "file", str_of(path));
	if (number > 0)
		value_put_i64(o, "message", (int64_t)number);
	value_put_str(o, "kind", str_of(report_kind_name(r->kind)));
	value_put_str(o, "source", str_of(report_source_name(r->source)));
	value_put_str(o, "reason", str_of(bounce_reason_name(r->reason)));
	value_put_str(o, "envelope_id", r->envelope_id);
	value_put_str(o, "queue_id", r->queue_id);
	value_put_str(o, "reporting_mta", r->reporting_mta);
	if (r->source == REPORT_BY_MDN)
		value_put_str(
		    o, "disposition", str_of(mdn_type_name(r->disposition)));
	value_put(o, "recipients", list);
	return o;
}

static bool has_field(const struct report *r, const char *name)
{
	return header_count(&r->head, str_of(name)) > 0;
}

/* Does a program answer, or somebody to something? */
static bool is_answer(const struct report *r)
{
	if (r->kind == REPORT_AUTO_REPLY || r->source == REPORT_BY_MDN)
		return true;
	return r->kind == REPORT_NONE && has_field(r, "From") &&
	       (has_field(r, "In-Reply-To") || has_field(r, "References"));
}

/* What an answer says; the same table as the agent's, without its knowledge of
 * whose message it answers. */
static int put_answer(const struct classify *k, const struct report *r,
    struct str mail, struct value *o)
{
	struct reply_in in = {.report = r, .message = mail};
	struct reply reply;
	struct value *answer;
	int rc = is_answer(r) ? reply_read(k->replies, &in, k->arena, &reply)
			      : ERR_NOT_FOUND;

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	answer = value_new_object();
	value_put_str(answer, "kind", str_of(reply_kind_name(reply.kind)));
	value_put_bool(answer, "automatic", reply.automatic);
	if (reply.kind == REPLY_LEFT)
		value_put_bool(answer, "certain", reply.certain);
	value_put_str(answer, "quote", reply.quote);
	value_put_str(answer, "successor", reply.successor);
	value_put(o, "answer", answer);
	return 0;
}

static void print_answer(struct cli *c, const struct value *answer)
{
	struct str who = out_text(c, answer, "successor");

	if (answer == NULL)
		return;
	out_line("  answer: %.*s%s%.*s", STR_ARG(out_text(c, answer, "kind")),
	    who.n > 0 ? ", write to " : "", STR_ARG(who));
	if (value_get_str(answer, "quote").n > 0)
		out_line("    %.*s", STR_ARG(out_text(c, answer, "quote")));
}

static void print_rule(struct cli *c, const struct value *rule)
{
	int64_t line = 0;

	if (value_get_i64(rule, "line", &line))
		out_line("    by %.*s:%lld: %.*s",
		    STR_ARG(out_text(c, rule, "file")), (long long)line,
		    STR_ARG(out_text(c, rule, "text")));
}

static void print_recipients(struct cli *c, const struct value *o)
{
	const struct value *list = value_get(o, "recipients");

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *r = value_at(list, i);
		struct str status = out_text(c, r, "status");

		out_line("  %.*s: %.*s%s%.*s",
		    STR_ARG(out_text(c, r, "address")),
		    STR_ARG(out_text(c, r, "reason")), status.n > 0 ? " " : "",
		    STR_ARG(status));
		if (value_get_str(r, "diagnostic").n > 0)
			out_line(
			    "    %.*s", STR_ARG(out_text(c, r, "diagnostic")));
		print_rule(c, value_get(r, "rule"));
	}
}

static void print_report(struct cli *c, const struct value *o)
{
	int64_t number = 0;

	if (value_get_i64(o, "message", &number))
		(void)printf("%.*s:%lld: ", STR_ARG(out_text(c, o, "file")),
		    (long long)number);
	else
		(void)printf("%.*s: ", STR_ARG(out_text(c, o, "file")));
	out_line("%.*s (%.*s)", STR_ARG(out_text(c, o, "kind")),
	    STR_ARG(out_text(c, o, "reason")));
	print_recipients(c, o);
	print_answer(c, value_get(o, "answer"));
}

/* What is printed needs memory that goes with the message. */
static int classify_one(
    struct classify *k, const char *path, size_t number, struct str mail)
{
	struct arena *kept = k->c->arena;
	struct report r;
	struct value *o;
	int code = CLI_DONE, rc;

	arena_reset(k->arena);
	rc = report_classify(k->rules, mail, k->arena, &r);
	o = rc == 0 ? report_value(path, number, &r) : NULL;
	if (rc == 0)
		rc = put_answer(k, &r, mail, o);
	if (rc != 0) {
		k->failed++;
		value_free(&o);
		return cli_fail(CLI_NO, "%s: %s", path, error_text(rc));
	}
	k->done++;
	k->c->arena = k->arena;
	if (k->c->json)
		code = cli_json(o);
	else
		print_report(k->c, o);
	k->c->arena = kept;
	value_free(&o);
	return code;
}

static int classify_file(struct classify *k, const char *path)
{
	struct error err = {0};
	int code = CLI_DONE, rc = mailfile_open(&k->file, path, &err);
	struct str mail;

	while (rc == 0 && code == CLI_DONE) {
		rc = mailfile_next(&k->file, &mail, &err);
		if (rc == 0)
			code = classify_one(k, path, k->file.number, mail);
		if (code == CLI_DONE && ferror(stdout))
			code = cli_out_failed();
	}
	mailfile_close(&k->file);
	if (rc != 0 && rc != ERR_NOT_FOUND) {
		k->failed++; /* the others are looked at */
		(void)cli_fail(CLI_NO, "%s", err.text);
	}
	return code;
}

static int classify_path(struct classify *k, const char *path, int depth);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int classify_folder(struct classify *k, const char *path, int depth)
{
	struct dirent **names = NULL;
	int code = CLI_DONE, n = scandir(path, &names, visible, by_name);

	if (n < 0) {
		k->failed++;
		return cli_fail(CLI_NO, "%s: %s", path, error_text(-errno));
	}
	for (int i = 0; i < n; i++) {
		char *one =
		    arena_printf(k->c->arena, "%s/%s", path, names[i]->d_name);

		if (one == NULL)
			code = cli_fail(CLI_AGAIN, "out of memory");
		if (code == CLI_DONE)
			code = classify_path(k, one, depth + 1);
		free(names[i]);
	}
	free(names);
	return code;
}

/* In a folder, whatever is no mail: a pipe would be waited for, and a link to a
 * folder may lead back here. */
static bool is_passed_over(const char *path, const struct stat *st)
{
	struct stat link;

	return !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) ||
	       (S_ISDIR(st->st_mode) && lstat(path, &link) == 0 &&
		   S_ISLNK(link.st_mode));
}

static int classify_path(struct classify *k, const char *path, int depth)
{
	struct stat st;

	if (strcmp(path, "-") == 0 || stat(path, &st) != 0)
		return classify_file(k, path);
	if (depth > 0 && is_passed_over(path, &st))
		return CLI_DONE;
	if (!S_ISDIR(st.st_mode))
		return classify_file(k, path);
	if (depth > DEPTH_MAX)
		return cli_fail(CLI_NO, "%s: too many folders deep", path);
	return classify_folder(k, path, depth);
}

static void tell_finding(void *arg, bool is_error, const char *line)
{
	(void)arg;
	(void)cli_fail(CLI_NO, "%s: %s", is_error ? "error" : "warning", line);
}

/* The built-in ones, and those of --rules before them. */
static int read_rules(struct classify *k)
{
	const char *path = cli_opt(k->c, "rules");
	struct error err = {0};
	struct buf text;
	int rc;

	if (path == NULL)
		return bounce_rules_new(&k->rules) == 0
			   ? CLI_DONE
			   : cli_fail(CLI_AGAIN, "out of memory");
	buf_init(&text, BOUNCE_RULES_MAX_BYTES);
	rc = file_read(path, &text, &err);
	if (rc == 0)
		rc = bounce_rules_read(
		    path, buf_str(&text), tell_finding, NULL, &k->rules, &err);
	buf_fini(&text);
	if (rc == 0 || rc == ERR_SYNTAX) /* told */
		return rc == 0 ? CLI_DONE : CLI_NO;
	return cli_fail(rc == -ENOMEM ? CLI_AGAIN : CLI_NO, "%s", err.text);
}

static int run_classify(struct cli *c)
{
	struct classify k = {.c = c, .arena = arena_new(REPORT_ARENA)};
	int code = CLI_DONE;

	if (k.arena == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	mailfile_init(&k.file);
	if (reply_rules_new(&k.replies) != 0)
		code = cli_fail(CLI_AGAIN, "out of memory");
	else
		code = read_rules(&k);
	for (size_t i = 0; code == CLI_DONE && i < c->n_operands; i++)
		code = classify_path(&k, c->operands[i], 0);
	mailfile_fini(&k.file);
	bounce_rules_free(&k.rules);
	reply_rules_free(&k.replies);
	arena_free(&k.arena);
	return code == CLI_DONE && k.failed > 0 ? CLI_NO : code;
}

static const struct cli_option options[] = {
    {"rules", "FILE",
	"with these rules for bounces before the built-in ones\n"
	"(tendril-bounces(5))",
	false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "FILE...", 1, SIZE_MAX, options, "", run_classify},
};

const struct cli_verb verb_classify = {
    "classify",
    "what is this mail that came back",
    "FILE is a message, an mbox or a folder of them; \"-\" is standard input.\n"
    "Of a message of more than 25 MB only so much is read, as by the agent; "
    "in\n"
    "a folder, links to folders and what is no file are passed over.\n"
    "Kinds: hard, soft, delayed, delivered, complaint, unsubscribe,\n"
    "auto-reply, none; of each recipient the reason, and the rule that gave\n"
    "it. Recognised by (source, with --json): dsn, arf, mdn,\n"
    "notice (an MTA's words without such parts), x-failed-recipients, ses\n"
    "(Amazon's notes), forward (a report that a person passed on: never acted\n"
    "upon), headers, nothing. A receipt (mdn) has its disposition: displayed,\n"
    "deleted, dispatched, processed, denied, failed or other. An answer (with\n"
    "In-Reply-To or References, or of a program) has what it says: human,\n"
    "opt_out (no more mail, in plain words), vacation, auto, challenge, left\n"
    "(and whom it names instead; with --json whether it is certain that the\n"
    "writer is gone for good), ticket or receipt. Needs neither agent nor\n"
    "configuration.",
    CLI_COMMANDS(commands),
    "a file could not be read, or the rules have an error",
    "  tendril classify --json ~/Maildir/new | jq -r .kind | sort | uniq -c\n",
};
