/* test_verify.c - agent/in/verify_*: the protocol, and the pool with the real
 * tendril-verify and with ones that die, hang, lie; the sandbox, which kills.
 *
 * Started as "tendril-verify" this program is one of the latter: what the mail
 * says, it does. */
#include "tests/unit/dnsserver.h"

#include "agent/in/verify_pool.h"
#include "agent/verify/sandbox.h"
#include "agent/verify/warm.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/dnscache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum {
	ARENA = 1 << 20,
	BUDGET = TAP_ENDLESS_MS,
};

/* ---- a verifier that is not to be trusted ---- */

static void say(enum verify_frame type, struct str payload)
{
	unsigned char head[VERIFY_HEAD];

	verify_wire_head(type, payload.n, head);
	if (write(0, head, sizeof(head)) != sizeof(head) ||
	    write(0, payload.p, payload.n) != (ssize_t)payload.n)
		_exit(1);
}

static void misbehave(struct str mail)
{
	if (str_contains(mail, STR("say: die")))
		_exit(0);
	if (str_contains(mail, STR("say: hang")))
		for (;;)
			pause();
	if (str_contains(mail, STR("say: garbage")))
		for (;;)
			if (write(0, "\xff\xff\xff\xff\xff garbage", 13) < 0)
				_exit(0);
	if (str_contains(mail, STR("say: range")))
		say(VERIFY_RESULT, STR("\x63\0"));
	if (str_contains(mail, STR("say: twice")))
		say(VERIFY_HELLO, STR(""));
	if (str_contains(mail, STR("say: mail")))
		say(VERIFY_MAIL, STR("x"));
	if (str_contains(mail, STR("say: two")))
		for (int i = 0; i < 2; i++)
			say(VERIFY_ASK, STR("\x01\0\x09x.example"));
	if (str_contains(mail, STR("say: pass")))
		say(VERIFY_RESULT, STR("\0\1\1\0\0\0\0\013example.net\0\1s"));
	for (;;)
		pause();
}

static int untrusted(void)
{
	static char bytes[4096];
	ssize_t n;

	say(VERIFY_HELLO, STR(""));
	n = read(0, bytes, sizeof(bytes));
	if (n > 0)
		misbehave((struct str){bytes, (size_t)n});
	return 0;
}

/* ---- the protocol ---- */

static void test_wire_mail(void)
{
	struct verify_mail m = {.message = STR("a\0b"),
			       .has_client = true,
			       .client = {1, 2, [15] = 9},
			       .helo = STR("mx.example.net"),
			       .sender = STR("a@b.example")},
			   got;
	struct buf b;

	buf_init(&b, VERIFY_SMALL_MAX);
	verify_wire_put_mail(&b, &m);
	buf_add(&b, m.message);
	IS_INT(verify_wire_get_mail(buf_str(&b), &got), 0, "a mail");
	IS_S(got.message, m.message, "its bytes");
	IS_S(got.helo, m.helo, "HELO");
	IS_S(got.sender, m.sender, "sender");
	OK(got.has_client && memcmp(got.client, m.client, 16) == 0, "client");
	for (size_t n = 0; n < b.n - m.message.n; n++)
		if (verify_wire_get_mail(str_cut(buf_str(&b), 0, n), &got) !=
		    ERR_SYNTAX)
			OK(false, "cut at %zu", n);
	OK(true, "cut short");
	buf_fini(&b);
}

static void test_wire_answer(void)
{
	const struct str v[] = {STR("one"), STR(""), STR("th\0ee")};
	struct resolver_answer a = {
	    .status = RESOLVER_FOUND, .v = v, .n = 3, .why = ""};
	struct str room[RESOLVER_RECORDS_MAX];
	struct resolver_answer got;
	struct buf b;

	buf_init(&b, VERIFY_SMALL_MAX);
	verify_wire_put_answer(&b, &a);
	IS_INT(verify_wire_get_answer(buf_str(&b), room, &got), 0, "an answer");
	OK(got.n == 3 && str_eq(room[0], v[0]) && str_eq(room[2], v[2]),
	    "its records");
	for (size_t n = 0; n < b.n; n++)
		if (verify_wire_get_answer(
			str_cut(buf_str(&b), 0, n), room, &got) != ERR_SYNTAX)
			OK(false, "cut at %zu", n);
	buf_addc(&b, 'x');
	IS_INT(verify_wire_get_answer(buf_str(&b), room, &got), ERR_SYNTAX,
	    "something behind it");
	IS_INT(verify_wire_get_answer(STR("\0\0\0"), room, &got), ERR_SYNTAX,
	    "found, and nothing");
	IS_INT(verify_wire_get_answer(STR("\1\0\0"), room, &got), 0, "nothing");
	IS_INT(verify_wire_get_answer(STR("\4\0\0"), room, &got), ERR_SYNTAX,
	    "no such status");
	IS_INT(verify_wire_get_answer(STR("\0\xff\xff"), room, &got),
	    ERR_SYNTAX, "too many");
	buf_fini(&b);
}

static void test_wire_rest(void)
{
	struct verify_ask q = {RESOLVER_MX, STR("a.example")}, asked;
	struct authentic r = {.spf = AUTHENTIC_SOFTFAIL,
			     .n = 1,
			     .v = {{AUTHENTIC_PASS, true, STR("d.example"),
				 STR("s"), true, true}}},
			 got;
	unsigned char head[VERIFY_HEAD];
	enum verify_frame type;
	struct buf b;
	size_t n;

	buf_init(&b, VERIFY_SMALL_MAX);
	verify_wire_put_ask(&b, &q);
	IS_INT(verify_wire_get_ask(buf_str(&b), &asked), 0, "a question");
	OK(asked.type == q.type && str_eq(asked.name, q.name), "the same");
	IS_INT(verify_wire_get_ask(STR("\2\0\1a"), &asked), ERR_SYNTAX,
	    "a type that nobody needs");
	buf_reset(&b);
	verify_wire_put_result(&b, &r);
	IS_INT(verify_wire_get_result(buf_str(&b), &got), 0, "a result");
	OK(got.spf == r.spf && got.n == 1 && got.v[0].partial &&
		got.v[0].loose && got.v[0].unbound &&
		str_eq(got.v[0].domain, STR("d.example")),
	    "the same");
	IS_INT(verify_wire_get_result(STR("\0\x09"), &got), ERR_SYNTAX,
	    "too many signatures");
	verify_wire_head(VERIFY_ASK, 17, head);
	IS_INT(verify_wire_read_head(head, &type, &n), 0, "a head");
	OK(type == VERIFY_ASK && n == 17, "the same");
	verify_wire_head(VERIFY_ASK, VERIFY_SMALL_MAX + 1, head);
	IS_INT(verify_wire_read_head(head, &type, &n), ERR_SYNTAX, "too long");
	verify_wire_head(VERIFY_HELLO, 1, head);
	IS_INT(verify_wire_read_head(head, &type, &n), ERR_SYNTAX,
	    "a greeting with more");
	IS_INT(verify_wire_read_head(
		   (const unsigned char *)"\0\0\0\0\1", &type, &n),
	    ERR_SYNTAX, "no length");
	IS_INT(verify_wire_read_head(
		   (const unsigned char *)"\0\0\0\1\x09", &type, &n),
	    ERR_SYNTAX, "no such type");
	buf_fini(&b);
}

/* ---- the sandbox ---- */

static void in_child(void (*fn)(void), int *status)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter() != 0)
			_exit(99);
		fn();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		bug("fork");
}

static void do_open(void)
{
	(void)open("/etc/passwd", O_RDONLY);
}

static void do_socket(void)
{
	(void)socket(AF_INET, SOCK_DGRAM, 0);
}

static void do_fork(void)
{
	(void)fork();
}

static void do_kill(void)
{
	(void)kill(getppid(), 0);
}

static void do_exec_memory(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_make_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void do_work(void)
{
	char *p = malloc(8 << 20);

	if (p == NULL)
		_exit(1);
	memset(p, 1, 8 << 20);
	p = realloc(p, 16 << 20);
	free(p);
	if (clock_mono_ms() < 0)
		_exit(2);
}

static void do_too_much(void)
{
	if (malloc((size_t)SANDBOX_MEMORY + 1) != NULL)
		_exit(1);
}

static bool has_sandbox(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
    __has_feature(memory_sanitizer)
	return false;
#else
	return true;
#endif
#else
	return true;
#endif
}

static void test_sandbox(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} forbidden[] = {
	    {"opening a file", do_open},
	    {"a socket", do_socket},
	    {"another process", do_fork},
	    {"a signal", do_kill},
	    {"memory that can be run", do_exec_memory},
	    {"memory made so", do_make_exec},
	};
	int status;

	in_child(do_work, &status);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "work is allowed");
	if (!has_sandbox()) {
		printf("# with a sanitizer there is no filter\n");
		return;
	}
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		in_child(forbidden[i].fn, &status);
		OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		    "%s kills", forbidden[i].name);
	}
	in_child(do_too_much, &status);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "memory has an end");
}

/* ---- the pool ---- */

static const struct dnsserver_record records[] = {
    {WARM_ED_NAME, 16, WARM_ED_RECORD, 0, DNSSERVER_HONEST},
    {"football.example.com", 16, "v=spf1 a:mx.example.net -all", 0,
	DNSSERVER_HONEST},
    {"mx.example.net", 1, "\xc0\0\2\1", 4, DNSSERVER_HONEST},
    {"slow.example", 16, "", 0, DNSSERVER_SILENT},
};
static struct dnsserver S = {
    .records = records, .n = sizeof(records) / sizeof(*records)};
static char real_one[512], untrusted_one[512];

static struct verify_pool *open_pool(const char *program, int deadline_ms)
{
	struct verify_pool_opts opts = {.program = program,
	    .nameserver = S.address,
	    .deadline_ms = deadline_ms};
	struct verify_pool *p;
	struct error err = {0};

	if (verify_pool_open(&p, &opts, &err) != 0)
		bug("pool: %s", err.text);
	return p;
}

static struct verify_task task(struct arena *a, struct str message)
{
	struct verify_task t = {.arena = a,
	    .from_domain = STR("football.example.com"),
	    .mail = {.message = message,
		.has_client = true,
		.client = {[10] = 0xff, 0xff, 192, 0, 2, 1},
		.helo = STR("mx.example.net"),
		.sender = STR("Joe@Football.Example.Com")}};

	return t;
}

/* One mail through the pool; the arena's to free. */
static struct verify_task run_one(
    struct verify_pool *p, struct arena *a, struct str message)
{
	struct verify_task t = task(a, message);

	verify_pool_run(p, &t, 1, BUDGET);
	return t;
}

static void test_real(void)
{
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	struct verify_task t = run_one(p, a, STR(WARM_MAIL));
	int asked = atomic_load(&S.questions);

	IS_INT(t.rc, 0, "verified");
	IS_INT(t.out.spf, AUTHENTIC_PASS, "SPF passes");
	IS_S(t.out.spf_domain, STR("football.example.com"), "of the sender");
	IS_INT((long long)t.out.n, 2, "two signatures");
	IS_INT(t.out.v[0].result, AUTHENTIC_PASS, "one holds");
	IS_S(t.out.v[0].domain, STR("football.example.com"), "whose");
	IS_S(t.out.v[0].selector, STR("brisbane"), "which");
	IS_INT(t.out.v[1].result, AUTHENTIC_PERMERROR,
	    "the other's key is not published");
	t = task(a, STR(WARM_MAIL));
	t.from_domain = STR("other.example");
	t.mail.has_client = false;
	verify_pool_run(p, &t, 1, BUDGET);
	IS_INT(t.out.v[0].result, AUTHENTIC_PERMERROR,
	    "keys of others are not asked for");
	IS_INT(atomic_load(&S.questions), asked, "no question left us");
	IS_INT(t.out.spf, AUTHENTIC_NONE, "without client no SPF");
	t = run_one(p, a, STR("Subject: not signed\r\n\r\nx\r\n"));
	OK(t.rc == 0 && t.out.n == 0, "a mail without signatures");
	t = run_one(p, a, STR(""));
	OK(t.rc == 0 && t.out.n == 0, "no mail at all");
	t = run_one(p, a, STR("Subject: a\0b\r\n\r\nx\r\n"));
	OK(t.rc == 0 && t.out.n == 0, "a NUL in the header");
	arena_free(&a);
	verify_pool_close(&p);
}

/* Ten times as many as workers, and more than a process is given. */
static void test_many(void)
{
	enum {
		N = 2 * VERIFY_WORKERS * VERIFY_MAILS
	};
	static struct verify_task v[N];
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	int first[VERIFY_WORKERS], last[VERIFY_WORKERS];
	size_t good = 0;

	v[0] = task(a, STR(WARM_MAIL));
	verify_pool_run(p, v, 1, BUDGET);
	verify_pool_pids(p, first);
	for (size_t i = 0; i < N; i++)
		v[i] = task(a, STR(WARM_MAIL));
	verify_pool_run(p, v, N, BUDGET);
	for (size_t i = 0; i < N; i++)
		good += v[i].rc == 0 && v[i].out.spf == AUTHENTIC_PASS &&
			v[i].out.n == 2 &&
			v[i].out.v[0].result == AUTHENTIC_PASS;
	IS_INT((long long)good, N, "many");
	verify_pool_pids(p, last);
	OK(first[0] > 0 && first[0] != last[0],
	    "the first process was replaced");
	if (last[1] > 0)
		(void)kill(last[1], SIGKILL);
	if (last[0] > 0)
		(void)kill(last[0], SIGKILL);
	verify_pool_run(p, v, 4, BUDGET);
	good = 0;
	for (size_t i = 0; i < 4; i++)
		good += v[i].rc == 0;
	IS_INT((long long)good, 4, "killed meanwhile: done by others");
	arena_free(&a);
	verify_pool_close(&p);
}

static void fill(struct buf *b, size_t signatures, size_t body)
{
	static char line[1001];

	memset(line, 'x', sizeof(line) - 1);
	line[998] = '\r';
	line[999] = '\n';
	for (size_t i = 0; i < signatures; i++)
		buf_printf(b,
		    "DKIM-Signature: v=1; a=rsa-sha256; d=football.example.com;"
		    " s=s%zu; h=from; bh=AAAA; b=AAAA\r\n",
		    i);
	buf_addz(b, "From: joe@football.example.com\r\n\r\n");
	while (b->n < body)
		buf_add(b, (struct str){line, 1000});
}

static void test_large(void)
{
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	int asked = atomic_load(&S.questions);
	struct verify_task t;
	struct buf b;

	buf_init(&b, 64 << 20);
	fill(&b, 3000, 0);
	t = run_one(p, a, buf_str(&b));
	IS_INT(t.rc, 0, "thousands of signatures");
	OK(t.out.n <= AUTHENTIC_SIGNATURES_MAX, "a few are looked at");
	OK(atomic_load(&S.questions) - asked < AUTHENTIC_SIGNATURES_MAX + 10,
	    "and asked about");
	buf_reset(&b);
	fill(&b, 1, 25 << 20);
	t = run_one(p, a, buf_str(&b));
	OK(t.rc == 0 && t.out.n == 1, "as large a mail as there is");
	buf_reset(&b);
	fill(&b, 1, VERIFY_MESSAGE_MAX + 1);
	t = run_one(p, a, buf_str(&b));
	IS_INT(t.rc, ERR_LIMIT, "a larger one");
	buf_fini(&b);
	arena_free(&a);
	verify_pool_close(&p);
}

static void test_dns(void)
{
	struct arena *a = arena_new(ARENA);
	struct verify_pool *p = open_pool(real_one, 1500);
	int64_t before = clock_mono_ms();
	struct verify_task t;

	atomic_store(&S.mode, DNSSERVER_SERVFAIL);
	t = run_one(p, a, STR(WARM_MAIL));
	OK(t.rc == 0 && t.out.spf == AUTHENTIC_TEMPERROR &&
		t.out.v[0].result == AUTHENTIC_TEMPERROR,
	    "DNS that fails: not known");
	verify_pool_close(&p);
	p = open_pool(real_one, 1500);
	atomic_store(&S.mode, DNSSERVER_NXDOMAIN);
	t = run_one(p, a, STR(WARM_MAIL));
	OK(t.rc == 0 && t.out.spf == AUTHENTIC_NONE &&
		t.out.v[0].result == AUTHENTIC_PERMERROR,
	    "DNS that denies all: no keys, no records");
	atomic_store(&S.mode, DNSSERVER_SILENT);
	t = run_one(p, a, STR(WARM_MAIL));
	IS_INT(t.rc, ERR_BUSY, "DNS that says nothing: another time");
	OK(clock_mono_ms() - before < TAP_ENDLESS_MS, "soon enough");
	t = task(a, STR(WARM_MAIL));
	before = clock_mono_ms();
	verify_pool_run(p, &t, 1, 300);
	OK(t.rc == ERR_BUSY && clock_mono_ms() - before < TAP_ENDLESS_MS,
	    "the budget is used up");
	verify_pool_run(p, &t, 1, 0);
	IS_INT(t.rc, ERR_BUSY, "none is left");
	atomic_store(&S.mode, DNSSERVER_HONEST);
	t = run_one(p, a, STR(WARM_MAIL));
	OK(t.rc == 0 && t.out.spf == AUTHENTIC_PASS, "then all is well");
	verify_pool_close(&p);
	arena_free(&a);
}

/* Also moves *before on. */
static int asked_since(int *before)
{
	int was = *before;

	*before = atomic_load(&S.questions);
	return *before - was;
}

/* The mails of one domain ask once, be they at once or one behind the other; a
 * change is seen when the record's time is over. */
static void test_known(void)
{
	enum {
		N = 20,
		EACH = 4 /* SPF's record and address, two keys; one is none */
	};
	static struct verify_task v[N];
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	int before = atomic_load(&S.questions);
	struct dnscache_stats stats;
	struct verify_run run;
	size_t good = 0;

	atomic_store(&S.ttl_s, 1);
	atomic_store(&S.none_s, 60);
	for (size_t i = 0; i < N; i++)
		v[i] = task(a, STR(WARM_MAIL));
	verify_pool_run(p, v, 2, BUDGET);
	OK(asked_since(&before) < 2 * EACH, "two mails at once ask once");
	atomic_store(&S.ttl_s, 60);
	(void)nanosleep(&(struct timespec){1, 100000000}, NULL);
	verify_pool_run(p, v, 1, BUDGET);
	OK(asked_since(&before) >= EACH - 1,
	    "asked again when their time is over");
	run = verify_pool_run(p, v, N, BUDGET);
	for (size_t i = 0; i < N; i++)
		good += v[i].rc == 0 && v[i].out.spf == AUTHENTIC_PASS &&
			v[i].out.v[0].result == AUTHENTIC_PASS;
	IS_INT((long long)good, N, "many behind them");
	IS_INT(asked_since(&before), 0, "ask nothing");
	OK(run.waited_ms < 5000 && !run.for_others,
	    "and wait for nothing: %lld ms", (long long)run.waited_ms);
	atomic_store(&S.mode, DNSSERVER_NXDOMAIN);
	verify_pool_run(p, v, 1, BUDGET);
	IS_INT(v[0].out.spf, AUTHENTIC_PASS, "a change is not seen before");
	atomic_store(&S.mode, DNSSERVER_HONEST);
	verify_pool_stats(p, &stats);
	OK(stats.entries >= 3 && stats.found >= 3 * N && stats.missed > 0,
	    "counted: %llu known", (unsigned long long)stats.found);
	verify_pool_close(&p);
	arena_free(&a);
	atomic_store(&S.ttl_s, 0);
	atomic_store(&S.none_s, 0);
}

/* A server that fails is not asked by each mail, and is asked again soon. */
static void test_failing(void)
{
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	int64_t end_ms = clock_mono_ms() + TAP_ENDLESS_MS;
	int64_t until_ms;
	struct verify_task t;
	int asked, n = 0;

	atomic_store(&S.mode, DNSSERVER_SERVFAIL);
	until_ms = clock_mono_ms() + DNSCACHE_TROUBLE_MS;
	t = run_one(p, a, STR(WARM_MAIL));
	IS_INT(t.out.spf, AUTHENTIC_TEMPERROR, "it fails");
	asked = atomic_load(&S.questions);
	while (n < 10 && atomic_load(&S.questions) == asked) {
		t = run_one(p, a, STR(WARM_MAIL));
		n++;
	}
	OK(n == 10 || clock_mono_ms() >= until_ms, "and is left alone: %d", n);
	IS_INT(t.out.spf, AUTHENTIC_TEMPERROR, "all of them later");
	atomic_store(&S.mode, DNSSERVER_HONEST);
	while (t.out.spf != AUTHENTIC_PASS && clock_mono_ms() < end_ms) {
		(void)nanosleep(&(struct timespec){0, 100000000}, NULL);
		t = run_one(p, a, STR(WARM_MAIL));
	}
	OK(t.out.spf == AUTHENTIC_PASS, "well again within seconds");
	verify_pool_close(&p);
	arena_free(&a);
}

/* Whose DNS says nothing is waited for as long as he may, and others are
 * looked at meanwhile. */
static void test_shares(void)
{
	enum {
		N = 6
	};
	struct verify_pool *p = open_pool(real_one, 0);
	struct arena *a = arena_new(ARENA);
	int64_t slow_ms = 500, fast_ms = BUDGET;
	struct verify_task v[N];
	struct verify_run run;

	for (size_t i = 0; i < N; i++) {
		v[i] = task(a, STR(WARM_MAIL));
		v[i].left_ms = &fast_ms;
	}
	for (size_t i = 0; i < N; i += 2) {
		v[i].left_ms = &slow_ms;
		v[i].mail.sender = STR("who@slow.example");
	}
	run = verify_pool_run(p, v, N, BUDGET);
	OK(v[0].rc == ERR_BUSY && v[0].silent, "the slow one is put off");
	OK(v[4].rc == ERR_BUSY && !v[4].silent, "and so are those behind it");
	OK(v[1].rc == 0 && v[3].rc == 0 && v[5].rc == 0, "the others are not");
	OK(slow_ms <= 0 && fast_ms > 0, "each took of its own");
	OK(run.waited_ms < 10000, "%lld ms", (long long)run.waited_ms);
	verify_pool_close(&p);
	arena_free(&a);
}

static bool do_wait(void *arg)
{
	return *(const bool *)arg;
}

/* Whoever waits behind a mail whose DNS says nothing waits for a second. */
static void test_others(void)
{
	struct arena *a = arena_new(ARENA);
	bool waits = true;
	struct verify_pool_opts opts = {.program = real_one,
	    .nameserver = S.address,
	    .deadline_ms = 2500,
	    .others_wait = do_wait,
	    .arg = &waits};
	struct verify_task t = task(a, STR(WARM_MAIL));
	struct verify_pool *p;
	int64_t before;

	if (verify_pool_open(&p, &opts, NULL) != 0)
		bug("pool");
	atomic_store(&S.mode, DNSSERVER_SILENT);
	OK(verify_pool_run(p, &t, 1, BUDGET).for_others, "others wait: told");
	IS_INT(t.rc, ERR_BUSY, "and it is for another time");
	waits = false;
	before = clock_mono_ms();
	OK(!verify_pool_run(p, &t, 1, BUDGET).for_others && t.rc == ERR_BUSY,
	    "nobody waits");
	OK(clock_mono_ms() - before >= opts.deadline_ms, "all the time it has");
	verify_pool_close(&p);
	if (verify_pool_open(&p, &opts, NULL) != 0)
		bug("pool");
	waits = true;
	atomic_store(&S.mode, DNSSERVER_HONEST);
	OK(!verify_pool_run(p, &t, 1, BUDGET).for_others && t.rc == 0,
	    "DNS that answers is waited for");
	verify_pool_close(&p);
	arena_free(&a);
}

static void test_untrusted(void)
{
	static const struct {
		const char *say;
		int want;
	} cases[] = {
	    {"say: die", ERR_CORRUPT},
	    {"say: hang", ERR_CORRUPT},
	    {"say: garbage", ERR_CORRUPT},
	    {"say: range", ERR_CORRUPT},
	    {"say: twice", ERR_CORRUPT},
	    {"say: mail", ERR_CORRUPT},
	    {"say: two", ERR_CORRUPT},
	    {"say: pass", 0},
	};
	struct verify_pool *p = open_pool(untrusted_one, 3000);
	struct arena *a = arena_new(ARENA);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct verify_task t = run_one(p, a, str_of(cases[i].say));
		IS_INT(t.rc, cases[i].want, "%s", cases[i].say);
	}
	verify_pool_close(&p);
	arena_free(&a);
}

static void test_none(void)
{
	static const char *const programs[] = {
	    "/nonexistent/tendril-verify", "/bin/true", "/bin/cat"};
	struct arena *a = arena_new(ARENA);
	atomic_bool stop = true;
	struct verify_pool_opts opts = {
	    .program = real_one, .nameserver = S.address, .stop = &stop};
	struct verify_pool *p;
	struct verify_task t;

	for (size_t i = 0; i < 3; i++) {
		p = open_pool(programs[i], 1000);
		t = run_one(p, a, STR(WARM_MAIL));
		IS_INT(t.rc, ERR_UNAVAILABLE, "%s is no verifier", programs[i]);
		verify_pool_close(&p);
	}
	if (verify_pool_open(&p, &opts, NULL) != 0)
		bug("pool");
	t = run_one(p, a, STR(WARM_MAIL));
	IS_INT(t.rc, ERR_BUSY, "stopped");
	verify_pool_close(&p);
	for (long n = 1; n <= 5; n++) {
		fault_alloc_at(n);
		IS_INT(verify_pool_open(&p, &opts, NULL), -ENOMEM,
		    "no memory %ld", n);
	}
	fault_alloc_at(0);
	opts.nameserver = "nonsense";
	IS_INT(verify_pool_open(&p, &opts, NULL), ERR_SYNTAX, "nameserver");
	arena_free(&a);
}

int main(int argc, char **argv)
{
	const char *built = getenv("TENDRIL_BUILDDIR");

	if (argc == 1 && strcmp(argv[0], "tendril-verify") == 0)
		return untrusted();
	(void)snprintf(real_one, sizeof(real_one), "%s/tendril-verify",
	    built != NULL ? built : ".");
	if (readlink(
		"/proc/self/exe", untrusted_one, sizeof(untrusted_one) - 1) < 0)
		bug("no name");
	test_wire_mail();
	test_wire_answer();
	test_wire_rest();
	test_sandbox(); /* forks: before there is a thread */
	dnsserver_start(&S);
	test_real();
	test_many();
	test_large();
	test_dns();
	test_known();
	test_failing();
	test_shares();
	test_others();
	test_untrusted();
	test_none();
	dnsserver_stop(&S);
	return tap_done();
}
