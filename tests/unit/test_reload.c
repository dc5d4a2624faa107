/* test_reload.c - a new configuration for running daemons: what is taken over,
 * what is refused, and that readers are never in its way. */
#include "tests/unit/tap.h"

#include "agent/reload.h"
#include "agent/ruleset.h"
#include "milter/snapshot.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"

#include <errno.h>

#include <pthread.h>

static const char before[] =
    "state-dir = \"/s\" authserv-id = \"a.example\"\n"
    "lead-key = \"/l\" epoch-key = \"/e\"\n"
    "token-key = \"/t\" map-size = \"64M\"\n"
    "seeds = {\"one@example.com\"}\n"
    "milter { socket = \"unix:/m\"\n"
    "  socket-mode = \"0660\" }\n"
    "agent { api = \"/api\" maildir = \"/mail\"\n"
    "  release = \"127.0.0.1:26\" admins = {\"ann\"} }\n"
    "web { listen = \"127.0.0.1:80\"\n"
    "  base-url = \"https://t.example.com\"\n"
    "  proxies = {\"10.0.0.1\"} max-request = 9K }\n"
    "mta-log { file = \"/log\" }\n"
    "stream rest { class = \"pass\" }\n";

static char dir[] = "/tmp/tendril-reload.XXXXXX";
static char path[64];
static struct app A;
static struct reload *R;

/* The text with one place changed. */
static void change(const char *from, const char *to, struct buf *out)
{
	const char *at = strstr(before, from);

	buf_init(out, 10000);
	if (at == NULL) {
		OK(false, "no \"%s\" in the text", from);
		return;
	}
	buf_add(out, (struct str){before, (size_t)(at - before)});
	buf_addz(out, to);
	buf_addz(out, at + strlen(from));
}

static void put(struct str text)
{
	struct error err;

	if (file_write_atomic(path, text, 0600, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void test_fixed(void)
{
	static const struct {
		const char *from, *to, *agent, *milter; /* NULL: not fixed */
	} cases[] = {
	    {"\"/s\"", "\"/s2\"", "state-dir", "state-dir"},
	    {"\"/l\"", "\"/l2\"", "lead-key", "lead-key"},
	    {"\"/e\"", "\"/e2\"", "epoch-key", "epoch-key"},
	    {"64M", "65M", "map-size", "map-size"},
	    {"\"/t\"", "\"/t2\"", "token-key", "token-key"},
	    {"unix:/m", "unix:/m2", NULL, "milter.socket"},
	    {"0660", "0600", NULL, "milter.socket-mode"},
	    {"/api", "/api2", "agent.api", NULL},
	    {"/mail", "/mail2", "agent.maildir", NULL},
	    {"1:26", "1:27", "agent.release", NULL},
	    {"release = \"127.0.0.1:26\"", "", "agent.release",
		"agent.release"},
	    {"1:80", "1:81", "web.listen", NULL},
	    {"10.0.0.1", "10.0.0.2", "web.proxies", NULL},
	    {"\"10.0.0.1\"", "\"10.0.0.1\", \"::1\"", "web.proxies", NULL},
	    {"9K", "8K", "web.max-request", NULL},
	    {"/log", "/log2", "mta-log.file", NULL},
	    {"/log", "journal", "mta-log.file", NULL},
	    {"mta-log { file = \"/log\" }", "", "mta-log.file", "mta-log.file"},
	    {"one@", "two@", NULL, NULL},
	    {"\"ann\"", "\"bob\"", NULL, NULL},
	    {"t.example", "u.example", NULL, NULL},
	};
	struct error err = {0};
	const struct conf *a;

	IS_INT(conf_parse(&a, "a", str_of(before), &err), 0, "%s", err.text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct conf *b = NULL;
		struct buf text;
		const char *agent, *milter;

		change(cases[i].from, cases[i].to, &text);
		IS_INT(conf_parse(&b, "b", buf_str(&text), &err), 0, "%s",
		    err.text);
		buf_fini(&text);
		if (b == NULL)
			continue;
		agent = conf_fixed(a, b, CONF_FIXED_AGENT);
		milter = conf_fixed(a, b, CONF_FIXED_MILTER);
		IS_STR(agent != NULL ? agent : "-",
		    cases[i].agent != NULL ? cases[i].agent : "-", "agent: %s",
		    cases[i].to);
		IS_STR(milter != NULL ? milter : "-",
		    cases[i].milter != NULL ? cases[i].milter : "-",
		    "milter: %s", cases[i].to);
		conf_unref(&b);
	}
	conf_unref(&a);
}

static int reload_with(const char *from, const char *to, bool *changed)
{
	struct error err = {0};
	struct buf text;
	int rc;

	change(from, to, &text);
	put(buf_str(&text));
	buf_fini(&text);
	rc = reload_now(R, changed, &err);
	if (rc != 0)
		printf("# %s\n", err.text);
	return rc;
}

static void test_agent(void)
{
	const struct conf *first = A.conf;
	bool changed;

	IS_INT(reload_with("one@", "one@", &changed), 0, "the same again");
	OK(!changed && A.conf == first, "is no new one");
	IS_INT(reload_with("one@example.com\"", "", &changed), ERR_SYNTAX,
	    "a mistake");
	OK(!changed && A.conf == first, "the running one stays");
	IS_INT(reload_with("/log", "/log2", &changed), -EBUSY, "a new log");
	OK(!changed && A.conf == first, "needs a restart");
	OK(atomic_load(&A.conf_refused), "known to /metrics");
	IS_INT(reload_with("\"ann\"", "\"bob\"", &changed), 0, "new admins");
	OK(changed && A.conf != first, "taken over");
	OK(!atomic_load(&A.conf_refused), "that is over");
	IS_S(A.conf->agent.admins.v[0], STR("bob"), "by all");
	IS_S(first->agent.admins.v[0], STR("ann"),
	    "and who still holds the old one can");
	OK(!log_shows(LOG_LEVEL_INFO), "info is not logged");
	IS_INT(reload_with("seeds", "log-level = info seeds", &changed), 0,
	    "log-level");
	OK(log_shows(LOG_LEVEL_INFO), "info is");
	IS_INT(reload_with("seeds", "log-level = err seeds", &changed), 0,
	    "log-level");
	OK(log_shows(LOG_LEVEL_ERR) && !log_shows(LOG_LEVEL_WARNING),
	    "errors alone");
	(void)unlink(path);
	{
		struct error err;
		IS_INT(reload_now(R, &changed, &err), -ENOENT, "no file");
	}
}

static void put_beside(const char *name, struct str text)
{
	struct error err;
	char file[80];

	(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
	IS_INT(file_write_atomic(file, text, 0600, &err), 0, "%s", name);
}

static const char *reason_now(struct buf *rule)
{
	struct bounce_rules *rules = ruleset_get(A.rules);
	struct bounce_evidence e = {.status = STR("5.0.0"),
	    .diagnostic = STR("550 the stork was here")};
	struct bounce_answer a;

	bounce_classify(rules, &e, &a);
	buf_reset(rule);
	bounce_by_print(&a.by, rule);
	bounce_rules_free(&rules);
	return bounce_reason_name(a.reason);
}

/* The file of rules is read again at each reload. */
static void test_rules(void)
{
	struct bounce_rules *held;
	struct buf rule;
	struct error err;
	char conf[200], file[80];
	bool changed;

	buf_init(&rule, 1000);
	(void)snprintf(file, sizeof(file), "%s/rules", dir);
	(void)snprintf(
	    conf, sizeof(conf), "bounce-rules = \"%s\" api = \"/api\"", file);
	IS_INT(reload_with("api = \"/api\"", conf, &changed), -ENOENT,
	    "the file is not there");
	IS_STR(reason_now(&rule), "other", "no such rule yet");
	put_beside("rules", STR("[mailbox_moved]\nthe stork\n"));
	IS_INT(reload_with("api = \"/api\"", conf, &changed), 0, "now it is");
	OK(changed, "and is news");
	IS_STR(reason_now(&rule), "mailbox_moved", "in force");
	OK(str_ends(buf_str(&rule), STR("/rules:2: the stork")), "by %s",
	    rule.p);
	held = ruleset_get(A.rules);
	IS_INT(reload_now(R, &changed, &err), 0, "the same again");
	OK(!changed, "is no news");
	put_beside("rules", STR("[mailbox_full]\nthe stork\n"));
	IS_INT(reload_now(R, &changed, &err), 0, "another");
	OK(changed, "is, though the conf is the same");
	IS_STR(reason_now(&rule), "mailbox_full", "in force");
	bounce_rules_free(&held);
	put_beside("rules", STR("[mailbox_ful]\nthe stork\n"));
	err = (struct error){0};
	IS_INT(reload_now(R, &changed, &err), ERR_SYNTAX, "a mistake");
	OK(!changed && strstr(err.text, "/rules:1: ") != NULL, "%s", err.text);
	IS_STR(reason_now(&rule), "mailbox_full", "the old ones stay");
	(void)unlink(file);
	IS_INT(reload_with("one@", "one@", &changed), 0, "none any more");
	IS_STR(reason_now(&rule), "other", "as built in");
	buf_fini(&rule);
}

static void test_no_memory(void)
{
	int refused = 0, done = 0;

	for (long n = 1; n < 10000 && done == 0; n += 1 + n / 100) {
		bool changed;
		int rc;

		fault_alloc_at(0);
		put(str_of(before));
		fault_alloc_at(n);
		{
			struct error err = {0};
			rc = reload_now(R, &changed, &err);
		}
		fault_alloc_at(0);
		refused += rc != 0;
		done = rc == 0 && changed;
	}
	OK(refused > 1 && done == 1, "refused %d times, then done", refused);
}

static void *read_on(void *arg)
{
	atomic_bool *stop = arg;
	long n = 0;

	while (!atomic_load(stop))
		n += (long)A.conf->agent.admins.n;
	return (void *)(n > 0 ? arg : NULL);
}

static void test_readers(void)
{
	atomic_bool stop = false;
	pthread_t t[2];
	int ok = 0;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, read_on, &stop) != 0)
			exit(1);
	for (int i = 0; i < 20; i++) {
		bool changed;
		ok += reload_with("one@", i % 2 == 0 ? "two@" : "one@",
			  &changed) == 0 &&
		      changed;
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(t[i], NULL);
	IS_INT(ok, 20, "20 reloads while others read");
}

/* Both daemons log it, so that one sees whether they run with the same. */
static void test_digest(void)
{
	char first[CONF_DIGEST], other[CONF_DIGEST];
	bool changed;

	IS_INT(reload_with("one@", "one@", &changed), 0, "as it was");
	conf_digest(A.conf, first);
	IS_INT(strlen(first), CONF_DIGEST - 1, "a digest: %s", first);
	IS_INT(reload_with("seeds", "# a comment\nseeds", &changed), 0,
	    "a comment");
	conf_digest(A.conf, other);
	IS_STR(other, first, "says the same");
	IS_INT(reload_with("one@", "two@", &changed), 0, "another seed");
	conf_digest(A.conf, other);
	OK(strcmp(first, other) != 0, "is another: %s", other);
}

static void put_key(const char *name, const char *prefix)
{
	static const char hex[] =
	    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
	char file[80], text[100];
	struct error err;

	(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
	(void)snprintf(text, sizeof(text), "%s%s\n", prefix, hex);
	IS_INT(
	    file_write_atomic(file, str_of(text), 0600, &err), 0, "%s", name);
}

static void put_milter_conf(const char *socket, const char *level)
{
	char text[600];

	(void)snprintf(text, sizeof(text),
	    "state-dir = \"/s\" authserv-id = \"a.example\"\n"
	    "lead-key = \"%s/l\" epoch-key = \"%s/e\" token-key = \"%s/e\"\n"
	    "milter { socket = \"unix:%s\" }\n"
	    "stream rest { class = \"pass\" }\nlog-level = %s\n",
	    dir, dir, dir, socket, level);
	put(str_of(text));
}

/* The same in the milter: what it has open stays. */
static void test_milter(void)
{
	struct snapshots *s = NULL;
	struct error err = {0};
	char file[80];

	put_key("l", "");
	put_key("e", "1 ");
	put_milter_conf("/m", "warning");
	IS_INT(snapshots_open(&s, path, &err), 0, "open: %s", err.text);
	if (s == NULL)
		return;
	OK(!log_shows(LOG_LEVEL_NOTICE), "the log's level is the file's");
	put_milter_conf("/m", "notice");
	IS_INT(snapshots_reload(s, &err), 0, "reload: %s", err.text);
	OK(log_shows(LOG_LEVEL_NOTICE), "and follows it");
	put_milter_conf("/other", "info");
	IS_INT(snapshots_reload(s, &err), -EBUSY, "another socket");
	OK(!log_shows(LOG_LEVEL_INFO), "a refused file changes nothing");
	OK(strstr(err.text, "milter.socket") != NULL, "named: %s", err.text);
	snapshots_close(&s);
	for (const char *name = "le"; *name != '\0'; name++) {
		(void)snprintf(file, sizeof(file), "%s/%c", dir, *name);
		(void)unlink(file);
	}
}

static void open_with_policy(struct snapshots **out, struct error *err)
{
	char text[900];

	(void)snprintf(text, sizeof(text),
	    "state-dir = \"/s\" authserv-id = \"a.example\"\n"
	    "lead-key = \"%s/l\" epoch-key = \"%s/e\" token-key = \"%s/e\"\n"
	    "policy-file = \"%s/p\" milter { socket = \"unix:/m\" }\n"
	    "stream rest { class = \"pass\" }\n",
	    dir, dir, dir, dir);
	put(str_of(text));
	*err = (struct error){0};
	(void)!snapshots_open(out, path, err);
}

/* The first policy of the milter may name a file of holidays beside it. */
static void test_first_policy(void)
{
	static const char *const names[] = {"l", "e", "p", "days"};
	const struct snapshot *now;
	struct snapshots *s = NULL;
	struct error err;
	char file[80], want[300];

	put_key("l", "");
	put_key("e", "1 ");
	put_beside("p",
	    STR("segment a { purpose = a send-on = \"mon-fri\" holidays = h "
		"}\nholidays h {\n  days-file = \"days\"\n}\n"));
	open_with_policy(&s, &err);
	(void)snprintf(
	    want, sizeof(want), "%s/p:3: days-file: %s/days: ", dir, dir);
	OK(s == NULL && str_starts(str_of(err.text), str_of(want)),
	    "no such file: %s", err.text);
	put_beside("days", STR("2026-12-25\nno day\n"));
	open_with_policy(&s, &err);
	OK(s == NULL && strstr(err.text, "days:2: \"no day\"") != NULL,
	    "no day: %s", err.text);
	put_beside("days", STR("2026-12-25 Christmas\n"));
	open_with_policy(&s, &err);
	if (OK(s != NULL, "open: %s", err.text)) {
		now = snapshots_get(s);
		OK(now->file_policy->n_holidays == 1 &&
			now->file_policy->holidays[0].n == 1,
		    "the day is in it");
		OK(str_contains(now->file_policy->text,
		       STR("days = {\"2026-12-25 Christmas\"}")),
		    "and in its text");
		snapshot_unref(&now);
	}
	snapshots_close(&s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		(void)unlink(file);
	}
}

int main(void)
{
	const struct conf *conf = NULL;
	struct error err = {0};

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/conf", dir);
	put(str_of(before));
	IS_INT(conf_load(&conf, path, &err), 0, "load: %s", err.text);
	A.conf = conf;
	IS_INT(ruleset_open(&A.rules, A.conf, &err), 0, "rules");
	IS_INT(reload_open(&R, &A, path, &err), 0, "open");
	test_fixed();
	test_rules();
	test_agent();
	test_no_memory();
	test_readers();
	test_digest();
	reload_close(&R);
	OK(A.conf == NULL, "closed");
	ruleset_close(&A.rules);
	test_milter();
	test_first_policy();
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
