/* verb_check.c - tendril check: conf, keys and policy, without an agent. */
#include "agent/cli/asuser.h"
#include "agent/cli/inforce.h"
#include "agent/cli/keys.h"
#include "agent/cli/out.h"
#include "agent/cli/policyfile.h"
#include "agent/cli/verbs.h"
#include "agent/in/mtalog_source.h"

#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/conf/policy.h"
#include "policy/conf/tell.h"
#include "policy/rules/bounce.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct findings {
	struct cli *c;
	const char *kind; /* "error", "warning" */
	size_t n;
};

static void tell(void *arg, const char *line)
{
	struct findings *f = arg;
	struct value *v;

	f->n++;
	if (!f->c->json) {
		out_line("%s: %s", f->kind, line);
		return;
	}
	v = value_new_object();
	value_put_str(v, "level", str_of(f->kind));
	value_put_str(v, "text", str_of(line));
	(void)cli_json(v);
	value_free(&v);
}

/* --- keys, as the daemons see them --- */

typedef size_t load_fn(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg);

struct look {
	const struct conf *conf;
	load_fn *load;
};

static void load_keys(void *fn_arg, asuser_emit *emit, void *arg)
{
	const struct look *l = fn_arg;
	struct keys keys;

	(void)l->load(&keys, l->conf, emit, arg);
	keys_free(&keys);
}

struct named {
	struct findings *f;
	const char *user;
};

static void tell_named(void *arg, const char *line)
{
	const struct named *n = arg;
	struct error err;

	(void)error_set(&err, ERR_KEY, "as user %s: %s", n->user, line);
	tell(n->f, err.text);
}

static void look_as(struct findings *f, const struct conf *conf,
    const char *user, load_fn *load)
{
	struct look l = {conf, load};
	struct named n = {f, user};
	struct error err = {0};

	if (asuser_run(user, load_keys, &l, tell_named, &n, &err) != 0)
		tell(f, err.text);
}

/* root may read what a daemon may not, and its rules of ownership are not the
 * daemons': so it looks with their eyes, where there are such users. */
static void check_keys(struct findings *f, const struct conf *conf)
{
	static const struct {
		const char *name;
		load_fn *load;
	} daemons[] = {
	    {"tendril-milter", keys_load},
	    {"tendril-agent", keys_load_shared},
	};
	const char *user = cli_opt(f->c, "user");
	struct look own = {conf, keys_load_as_owner};
	bool looked = user != NULL;

	f->kind = "error";
	if (user != NULL)
		look_as(f, conf, user, keys_load);
	for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++)
		if (user == NULL && geteuid() == 0 &&
		    asuser_exists(daemons[i].name)) {
			look_as(f, conf, daemons[i].name, daemons[i].load);
			looked = true;
		}
	if (!looked)
		load_keys(&own, tell, f);
}

/* up: the folder it is in. What may not be looked at is somebody else's. */
static void want(
    struct findings *f, const char *option, struct str path, bool up)
{
	char text[PATH_MAX];
	struct error err;
	char *slash;

	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof(text))
		return;
	memcpy(text, path.p, path.n);
	text[path.n] = '\0';
	slash = strrchr(text, '/');
	if (up && slash > text)
		*slash = '\0';
	if (access(text, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return;
	(void)error_set(
	    &err, ERR_NOT_FOUND, "%s: %s is not there", option, text);
	tell(f, err.text);
}

/* Where a daemon would wait, or make nothing, without a word. */
static void check_places(struct findings *f, const struct conf *conf)
{
	f->kind = "warning";
	want(f, "state-dir", conf->state_dir, true);
	want(f, "mta-log file", conf->mta_log.file, false);
	want(f, "agent maildir", conf->agent.maildir, true);
	want(f, "agent api", conf->agent.api, true);
}

static void try_log(void *fn_arg, asuser_emit *emit, void *arg)
{
	const struct conf *conf = fn_arg;
	struct error err;

	if (mtalog_source_check(&conf->mta_log, &err) != 0)
		emit(arg, err.text);
}

/* The agent does not start without it. What others than root may not look at is
 * somebody else's here, too. */
static void check_log(struct findings *f, const struct conf *conf)
{
	const char *given = cli_opt(f->c, "user");
	const char *agent = given != NULL ? given : "tendril-agent";
	struct named n = {f, agent};
	struct conf copy = *conf;
	struct error err;
	int rc;

	f->kind = "error";
	if (given != NULL && !asuser_exists(given))
		return; /* told */
	if (geteuid() == 0 && asuser_exists(agent)) {
		rc = asuser_run(agent, try_log, &copy, tell_named, &n, &err);
	} else {
		rc = mtalog_source_check(&conf->mta_log, &err);
		rc = rc == -EACCES ? 0 : rc;
	}
	if (rc != 0)
		tell(f, err.text);
}

/* --- rules for bounces --- */

static void tell_rule(void *arg, bool is_error, const char *line)
{
	struct findings *f = arg;

	f->kind = is_error ? "error" : "warning";
	tell(f, line);
}

/* Those of --rules, else the agent's. */
static void check_rules(struct findings *f, const struct conf *conf)
{
	const char *path = cli_opt(f->c, "rules");
	struct bounce_rules *rules = NULL;
	struct error err = {0};
	struct buf text;
	int rc;

	if (path == NULL && conf->agent.bounce_rules.n > 0)
		path = conf->agent.bounce_rules.p;
	if (path == NULL)
		return;
	buf_init(&text, BOUNCE_RULES_MAX_BYTES);
	rc = file_read(path, &text, &err);
	if (rc == ERR_LIMIT)
		(void)error_set(&err, rc, "%s: more than %d bytes", path,
		    BOUNCE_RULES_MAX_BYTES);
	if (rc == 0)
		rc = bounce_rules_read(
		    path, buf_str(&text), tell_rule, f, &rules, &err);
	if (rc != 0 && rc != ERR_SYNTAX) /* else it was told */
		tell_rule(f, true, err.text);
	bounce_rules_free(&rules);
	buf_fini(&text);
}

static int parse_policy(
    struct findings *f, const char *path, const struct policy **out)
{
	struct error err = {0};
	struct str text;
	int code = policyfile_read(f->c, path, &text, &err);

	*out = NULL;
	f->kind = "error";
	if (code == CLI_DONE && policy_parse(out, path, text, 0, &err) != 0)
		code = CLI_NO;
	if (code == CLI_NO)
		tell(f, err.text);
	else if (code != CLI_DONE) /* told */
		f->n++;
	return code;
}

/* Differences are no findings. */
static void tell_difference(void *arg, const char *line)
{
	struct findings *f = arg;

	if (f->c->json)
		tell(f, line);
	else
		out_line("%s%s", strcmp(f->kind, "effect") == 0 ? "  " : "    ",
		    line);
}

static void compare(struct findings *f, const struct policy *from,
    const struct policy *to, const char *name)
{
	struct findings d = {.c = f->c, .kind = "effect"};

	if (!f->c->json)
		out_line("against %s:", name);
	(void)policy_tell(from, to, tell_difference, &d);
	d.kind = "change";
	if (policy_diff(from, to, tell_difference, &d) == 0 && !f->c->json)
		out_line("  the same rules");
}

static void compare_with_old(struct findings *f, const struct policy *to)
{
	const char *old = cli_opt(f->c, "diff");
	const struct policy *from = NULL;

	if (old != NULL && parse_policy(f, old, &from) == CLI_DONE)
		compare(f, from, to, old);
	policy_unref(&from);
	if (cli_opt(f->c, "in-force") == NULL)
		return;
	from = inforce_policy(f->c);
	f->kind = "error";
	if (from != NULL)
		compare(f, from, to, "the policy in force");
	else
		tell(f, "no policy in force to compare with: none was "
			"applied yet, or the agent does not run");
	policy_unref(&from);
}

static void check_policy(
    struct findings *f, const struct conf *conf, const char *path)
{
	const struct policy *p = NULL;

	if (parse_policy(f, path, &p) != CLI_DONE)
		return;
	f->kind = "warning";
	policy_warnings(p, clock_now_ms(), tell, f);
	(void)conf_check_policy(conf, p, tell, f);
	compare_with_old(f, p);
	policy_unref(&p);
}

static int print_conf(const struct cli *c)
{
	struct value *v = value_new_object();
	int code = CLI_DONE;
	struct buf b;

	buf_init(&b, CLI_FILE_MAX);
	conf_print(c->conf, &b);
	value_put_str(v, "conf", str_of(c->conf_path));
	value_put_str(v, "text", buf_str(&b));
	if (c->json)
		code = cli_json(v);
	else
		(void)fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
	value_free(&v);
	return code;
}

/* The file that conf names is read at the first start only; later it may be
 * gone, and then there is nothing to check. */
static const char *policy_file(const struct cli *c)
{
	const char *path = cli_opt(c, "policy");

	if (path == NULL && c->conf->policy_file.n > 0 &&
	    access(c->conf->policy_file.p, F_OK) == 0)
		path = c->conf->policy_file.p;
	return path;
}

static int run_check(struct cli *c)
{
	struct findings f = {.c = c, .kind = "error"};
	struct error err = {0};
	int rc;

	if (cli_opt(c, "policy") == NULL &&
	    (cli_opt(c, "diff") != NULL || cli_opt(c, "in-force") != NULL))
		return cli_fail(CLI_USAGE, "--policy FILE is missing: the new "
					   "one of the two to compare");
	rc = conf_load(&c->conf, c->conf_path, &err);

	if (rc == -ENOENT)
		(void)error_set(&err, rc, "%s: %s%s", c->conf_path,
		    error_text(rc), CLI_NO_CONF);
	if (rc != 0) {
		tell(&f, err.text);
		return CLI_NO;
	}
	if (cli_opt(c, "print") != NULL)
		return print_conf(c);
	f.kind = "warning";
	conf_warnings(c->conf, tell, &f);
	check_places(&f, c->conf);
	check_log(&f, c->conf);
	check_keys(&f, c->conf);
	check_rules(&f, c->conf);
	if (policy_file(c) != NULL)
		check_policy(&f, c->conf, policy_file(c));
	if (f.n == 0 && !c->json)
		out_line("%s: nothing to complain about", c->conf_path);
	return f.n > 0 ? CLI_NO : CLI_DONE;
}

static const struct cli_option options[] = {
    {"policy", "FILE",
	"this policy (default: conf's policy-file, if it is there)", false},
    {"diff", "OLD", "and tell what it changes against the policy of that file",
	false},
    {"in-force", NULL,
	"and tell what it changes against the policy in force (needs the\n"
	"agent)",
	false},
    {"rules", "FILE",
	"these rules for bounces (default: the agent's bounce-rules)", false},
    {"user", "NAME", "look at keys and log with the rights of this user",
	false},
    {"print", NULL, "print every option with the value in effect", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "", 0, 0, options, "", run_check},
};

const struct cli_verb verb_check = {
    "check",
    "reads conf, keys, policy and rules for bounces, and tells what is wrong",
    "As the daemons would read them; tells also what looks like a mistake.\n"
    "For root, keys and log are looked at as the users tendril-milter and\n"
    "tendril-agent see them, where there are such users. Needs no agent.\n"
    "With --diff, first what changes for people and then, indented, option\n"
    "by option; with --json of level effect and change. That is no finding.",
    CLI_COMMANDS(commands),
    "findings",
    "  tendril check --policy spring.policy\n"
    "  tendril check --policy spring.policy --in-force\n",
};
