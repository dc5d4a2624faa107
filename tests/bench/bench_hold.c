/* bench_hold.c - bench_hold company|opened|people HELD COUNT: HELD messages wait,
 * COUNT of them, which go first, with their files; then another policy lets them
 * go, and the agent's loop gives them to an MTA of a few lines that asks the
 * milter's real session (tests/unit/mtabridge.h), on a ledger that is durable.
 *
 *   company  all of one company, whose limit lets two hundred go each second,
 *            which is the most that a policy can say
 *   opened   all of one company, and the limit is taken away
 *   people   each of another company, without a limit
 *
 * A line a figure, tab-separated: name, value, unit. plain: messages a second
 * that an application hands in by the same road, one connection; released: those
 * that the agent does. before, during: what a decision with its reservation
 * takes another thread, 99 of 100 below. */
#define STORETEST_MAP "8G"
#include "tests/unit/mtabridge.h"

#include "agent/out/release.h"
#include "agent/out/smtp.h"
#include "policy/base/histogram.h"
#include "policy/base/log.h"
#include "policy/mail/company_id.h"
#include "policy/mail/msgid.h"
#include "policy/state/ops_copy.h"

#include <time.h>

#define RULES                                                                  \
	"segment news { purpose = news legal-basis = legitimate-interest\n"    \
	"  when-full = \"hold 90d, then bounce\" }\n"

enum {
	PLAIN = 500,
	BEFORE_MS = 4000,
	END_MS = 100000,
	ROWS_A_STEP = 250,
	PAUSE_NS = 10000000,
	LOOK_NS = 5000000,
};

static const char shut_text[] = "company { at-most = \"1 per 90d\" }\n" RULES;
static const char company_text[] =
    "company { at-most = \"200 per 1s\" }\n" RULES;
static const char people_text[] = "person { at-most = \"9 per 1d\" }\n" RULES;

static struct app app;
static const char *lets_go;
static bool one_company;
static uint64_t held, count;

static _Noreturn void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_hold: %s: %s\n", what, why);
	exit(1);
}

static void say(const char *name, double value, const char *unit)
{
	(void)printf("%s\t%.1f\t%s\n", name, value, unit);
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- another thread's decisions --- */

struct other {
	atomic_bool stop, during;
	struct histogram before_us, during_us;
};

static void decide_one(struct other *o, int i)
{
	char to[64], key[8] = "other";
	struct error err = {0};
	struct decide_out out;
	struct arena *a = arena_new(1 << 16);
	struct decide_in in = {.segment = STR("news"),
	    .stream = STR("apps"),
	    .queue_id = str_of(key),
	    .same = {.key = (uint64_t)i + 1, .has_message_id = true}};
	int64_t us;

	(void)snprintf(to, sizeof(to), "x%d@other%d.example", i, i);
	if (a == NULL || address_parse(a, str_of(to), &in.recipient, &err) != 0)
		give_up("address", err.text);
	us = now_us();
	if (decide_propose(S.st.store, &in, &out, &err) != 0)
		give_up("decide", err.text);
	us = now_us() - us;
	decide_fini(&out);
	histogram_add(
	    atomic_load(&o->during) ? &o->during_us : &o->before_us, us);
	arena_free(&a);
}

static void *run_other(void *arg)
{
	struct other *o = arg;
	struct timespec pause = {0, PAUSE_NS};

	for (int i = 0; !atomic_load(&o->stop); i++) {
		decide_one(o, i);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

/* --- what waits --- */

static void name_of(uint64_t i, char to[64])
{
	(void)snprintf(to, 64, "p%llu@%s%llu.example", (unsigned long long)i,
	    one_company ? "sub.big" : "of",
	    one_company ? 0ULL : (unsigned long long)i);
}

/* With its file; the id is the spool's. */
static uint64_t add_file(const char *to)
{
	static struct header_list l;
	struct envelope_rcpt r = {.address = str_of(to)};
	struct envelope e = {.kind = COPY_HELD,
	    .arrived_ms = clock_now_ms(),
	    .sender = STR("app@example.com"),
	    .stream = STR("apps"),
	    .segment = STR("news"),
	    .rcpts = &r,
	    .n_rcpts = 1};
	struct error err = {0};
	uint64_t id;

	if (l.n == 0 &&
	    (header_add(
		 &l, S.st.arena, STR("From"), STR(" news@example.com")) != 0 ||
		header_add(&l, S.st.arena, STR("Subject"), STR(" News")) != 0 ||
		header_add(&l, S.st.arena, STR("X-Tendril-Segment"),
		    STR(" news")) != 0))
		give_up("message", "no memory");
	if (spool_add(S.sh.spool, &e,
		&(struct spool_message){&l, STR("The text.\r\n")}, &id,
		&err) != 0)
		give_up("spool", err.text);
	return id;
}

struct rows {
	uint64_t from, n;
	uint64_t id[ROWS_A_STEP];
};

static int add_row(struct door_ctx *ctx, uint64_t id, const char *to)
{
	struct copy_new c = {.id = id,
	    .kind = COPY_HELD,
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .wait = {.due_ms = door_now_ms(ctx) + 80 * WHEN_DAY_MS,
		.deadline_ms = door_now_ms(ctx) + 90 * WHEN_DAY_MS,
		.reason = REASON_COMPANY_CAP,
		.queues = COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY},
	    .recipients = 1};
	struct address a;
	struct person p;
	int rc = address_parse(door_arena(ctx), str_of(to), &a, NULL);

	if (rc == 0)
		rc = person_open(&p, S.st.store, door_txn(ctx), &a);
	if (rc != 0)
		return rc;
	c.lead = p.id;
	rc = company_id_of(S.st.store->lead_key, STR(""), &a, c.wait.company.b);
	if (rc == 0)
		rc = person_emit(&p, ctx, &a);
	person_fini(&p);
	return rc == 0 ? copy_emit_added(ctx, &c) : rc;
}

static int add_rows(struct door_ctx *ctx, void *arg)
{
	const struct rows *r = arg;
	char to[64];
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < r->n; i++) {
		name_of(r->from + i, to);
		rc = add_row(ctx, r->id[i], to);
	}
	return rc;
}

static void fill(void)
{
	struct rows r = {0};
	struct error err = {0};
	char to[64];

	for (r.from = 0; r.from < held; r.from += r.n) {
		for (r.n = 0; r.n < ROWS_A_STEP && r.from + r.n < held; r.n++) {
			uint64_t i = r.from + r.n;

			name_of(i, to);
			r.id[r.n] = i < count ? add_file(to)
					      : msgid_make(clock_now_ms() + 1,
						    (uint32_t)i);
		}
		if (door_propose(S.st.store->door, add_rows, &r, &err) != 0)
			give_up("rows", err.text);
	}
}

/* --- what is measured --- */

static double plain_a_second(void)
{
	struct smtp_options o = {
	    .server = str_of(sessiontest_release), .name = STR("app.example")};
	struct smtp *s = smtp_new(&o);
	char text[512], to[64];
	struct smtp_reply reply;
	struct error err = {0};
	int64_t from_ms = clock_mono_ms();

	B.listener = "apps";
	for (int i = 0; s != NULL && i < PLAIN; i++) {
		(void)snprintf(to, sizeof(to), "y%d@plain%d.example", i, i);
		(void)snprintf(text, sizeof(text),
		    "From: news@example.com\r\nSubject: News\r\n"
		    "Message-ID: <%d@app.example>\r\n"
		    "X-Tendril-Segment: news\r\n\r\nThe text.\r\n",
		    i);
		if (smtp_send(s,
			&(struct smtp_mail){.sender = STR("app@example.com"),
			    .rcpt = str_of(to),
			    .message = str_of(text)},
			&reply, &err) != 0 ||
		    reply.code != 250)
			give_up("plain", reply.text);
	}
	B.listener = NULL;
	smtp_free(&s);
	return PLAIN * 1000.0 / (double)(clock_mono_ms() - from_ms + 1);
}

/* Files are counted once the MTA has been asked so often: to look at each of
 * them all the time would be what is measured. */
static uint64_t left(void)
{
	uint64_t asked = (uint64_t)atomic_load(&B.ids);

	return asked < PLAIN + count
		   ? PLAIN + count - asked
		   : (uint64_t)sessiontest_files(SPOOL_COPIES);
}

static void *run_agent(void *arg)
{
	struct release *r;
	struct error err = {0};
	int64_t wait = 0;
	struct timespec pause = {0, 1000000};

	if (release_open(&r, &app, &err) != 0)
		give_up("agent", err.text);
	while (!atomic_load(&app.stopping)) {
		if (release_step(r, clock_now_ms(), &wait, &err) != 0)
			give_up("release", err.text);
		if (wait > 0)
			(void)nanosleep(&pause, NULL);
	}
	release_close(&r);
	return arg;
}

static void release_all(void)
{
	struct timespec pause = {0, LOOK_NS};
	int64_t from_ms = clock_mono_ms(), ms;
	pthread_t thread;
	uint64_t sent;

	if (pthread_create(&thread, NULL, run_agent, NULL) != 0)
		give_up("thread", "cannot be made");
	while (left() > 0 && clock_mono_ms() - from_ms < END_MS)
		(void)nanosleep(&pause, NULL);
	ms = clock_mono_ms() - from_ms;
	sent = count - left();
	atomic_store(&app.stopping, true);
	(void)pthread_join(thread, NULL);
	say("released", (double)sent * 1000.0 / (double)(ms + 1), "msg/s");
	say("seconds", (double)ms / 1000.0, "s");
}

static void measure(void)
{
	struct other o = {0};
	struct timespec before = {BEFORE_MS / 1000, 0};
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_other, &o) != 0)
		give_up("thread", "cannot be made");
	(void)nanosleep(&before, NULL);
	atomic_store(&o.during, true);
	sessiontest_apply(lets_go);
	release_all();
	atomic_store(&o.stop, true);
	(void)pthread_join(thread, NULL);
	say("before", (double)histogram_at(&o.before_us, 990), "us");
	say("during", (double)histogram_at(&o.during_us, 990), "us");
}

static bool find_kind(const char *name)
{
	static const struct {
		const char *name, *text;
		bool one_company;
	} kinds[] = {
	    {"company", company_text, true},
	    {"opened", people_text, true},
	    {"people", people_text, false},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		lets_go = kinds[i].text;
		one_company = kinds[i].one_company;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	const struct conf *conf;
	char path[128];

	if (argc != 4 || !find_kind(argv[1]) ||
	    str_u64(str_of(argv[2]), 10000000, &held) != 0 ||
	    str_u64(str_of(argv[3]), held, &count) != 0)
		give_up("usage", "bench_hold company|opened|people HELD COUNT");
	log_set_level(LOG_LEVEL_ERR);
	bridge_start();
	atomic_store(&B.delivers, true);
	sessiontest_open();
	(void)snprintf(path, sizeof(path), "%s/tendril.conf", S.st.dir);
	if (conf_load(&conf, path, &err) != 0 ||
	    token_keys_load(&app.tokens, conf->token_key.p, &err) != 0)
		give_up("conf", err.text);
	app.conf = conf;
	app.store = S.st.store;
	sessiontest_apply(shut_text);
	say("plain", plain_a_second(), "msg/s");
	fill();
	measure();
	bridge_stop();
	token_keys_free(&app.tokens);
	conf_unref(&conf);
	sessiontest_close();
	return 0;
}
