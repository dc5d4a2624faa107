/* test_replay.c - the tables are what the events say, whatever happened: a
 * random life of a ledger (policies, consents, suppressions, decisions of all
 * modes, people's attributes and moves, the MTA's log, copies, feedback, relays, clocks that jump), then all
 * its events replayed, and every row compared.
 *
 * TENDRIL_TEST_SEED repeats a run. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/ledger/rebuild.h"
#include "policy/state/mtalogpos.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_feedback.h"
#include "policy/state/ops_leads.h"
#include "policy/state/ops_move.h"
#include "policy/state/ops_reply.h"
#include "policy/state/ops_stop.h"
#include "policy/state/outbox.h"
#include "policy/state/reducers.h"
#include "policy/state/seen.h"

#include <sys/random.h>

enum {
	PEOPLE = 8,
	KEPT = 200,
	OPS = 450,
	RUNS = 2,
	RUNS_MOST = 50, /* two do, but for one time in twelve or so */
};

static struct storetest T;
static uint64_t seed;
static int64_t now_ms;
static uint64_t messages[KEPT], copies[KEPT];
static size_t n_messages, n_copies;
static uint64_t next_copy = 1000;

static const char *const policies[] = {
    "segment news { purpose = news legal-basis = consent\n"
    "  at-most = \"2 per 7d\" when-full = \"hold 10d, then drop\" }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest }\n",
    "mode = shadow\n"
    "segment news { purpose = news legal-basis = legitimate-interest }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest }\n",
    "person { at-most = {\"3 per 2d\", \"9 per 90d\"} apart = 1h }\n"
    "segment news { purpose = news legal-basis = legitimate-interest\n"
    "  when-full = \"hold 2d, then bounce\" mode = shadow }\n"
    "segment demo { purpose = news legal-basis = legitimate-interest\n"
    "  keep-free = 1 when-full = drop }\n",
    "company { at-most = \"5 per 2d\" }\n"
    "segment news { purpose = news legal-basis = legitimate-interest }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest }\n",
};

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return (size_t)(draw() % n);
}

static void set_clock(int64_t ms)
{
	char text[32];

	now_ms = ms;
	(void)snprintf(text, sizeof(text), "%lld\n", (long long)ms);
	storetest_write(&T, "clock", text);
}

static void pass_time(void)
{
	static const int64_t steps[] = {1, 1000, 60000, 3600000, 43200000,
	    345600000, -1000, -7200000, 2592000000};

	set_clock(now_ms + steps[below(sizeof(steps) / sizeof(steps[0]))]);
}

static const char *person(void)
{
	static char to[40];
	size_t i = below(PEOPLE);

	(void)snprintf(to, sizeof(to), "p%zu@d%zu.example", i, i % 3);
	return to;
}

static struct str segment(void)
{
	static const struct str names[] = {
	    {"news", 4}, {"demo", 4}, {"none", 4}, {"", 0}};

	return names[below(20) == 0 ? 2 + below(2) : below(2)];
}

static void keep(uint64_t *v, size_t *n, uint64_t id)
{
	if (id != 0)
		v[(*n)++ % KEPT] = id;
}

static uint64_t kept(const uint64_t *v, size_t n)
{
	size_t have = n < KEPT ? n : KEPT;

	return have == 0 || below(20) == 0 ? 77 : v[below(have)];
}

/* --- what happens --- */

static int do_policy(struct error *err)
{
	struct ops_policy in = {.path = STR("p"),
	    .text = str_of(policies[below(4)]),
	    .author = STR("ann"),
	    .reason = STR("why")};
	uint32_t version;

	return ops_policy_apply(T.store, &in, &version, err);
}

static int do_consent(struct error *err)
{
	struct ops_consent in = {.address = storetest_address(&T, person()),
	    .purpose = below(2) == 0 ? STR("news") : STR("demos"),
	    .state = (enum consent_state)(1 + below(3)),
	    .origin = STR("form"),
	    .author = STR("ann"),
	    .evidence = STR("192.0.2.1"),
	    .said_ms = below(2) == 0 ? 0 : now_ms - (int64_t)below(1000000000),
	    .message_id = below(4) == 0 ? kept(messages, n_messages) : 0};
	bool changed;

	return ops_consent_set(T.store, &in, &changed, err);
}

static int do_suppress(struct error *err)
{
	static const char *const others[] = {"@d1.example", "@d7.example",
	    "md5:0123456789abcdef0123456789abcdef",
	    ("sha256:0123456789abcdef0123456789abcdef"
	     "0123456789abcdef0123456789abcdef")};
	struct ops_suppress in = {
	    .reason = (enum suppression_reason)(1 + below(8)),
	    .segment = below(2) == 0 ? STR("") : segment(),
	    .until_ms = below(2) == 0 ? 0 : now_ms + (int64_t)below(100000000),
	    .origin = STR("cli"),
	    .author = STR("ann"),
	    .note = STR("a note")};
	const char *what = below(4) == 0 ? others[below(4)] : person();
	bool changed;
	int rc = ops_target_parse(T.arena, str_of(what), &in.target, err);

	if (rc != 0)
		return rc;
	return below(2) == 0 ? ops_suppress_add(T.store, &in, &changed, err)
			     : ops_suppress_remove(T.store, &in, &changed, err);
}

static struct decide_in query(enum decide_mode mode, uint64_t copy_id)
{
	return (struct decide_in){.mode = mode,
	    .recipient = storetest_address(&T, person()),
	    .segment = segment(),
	    .stream = below(2) == 0 ? STR("apps") : STR("shop"),
	    .campaign = STR("spring\xff"),
	    .from_domain =
		below(2) == 0 ? STR("d1.example") : STR("d2.example"),
	    .queue_id = below(3) == 0 ? STR("") : STR("4jXQLJ4D31z1bXx"),
	    .unknown = (enum conf_unknown)below(2),
	    .sender = STR("app@example.com"),
	    .app_one_click =
		below(2) == 0 ? STR("https://app.example/u") : STR(""),
	    .same = {.key = 1 + below(8), .has_message_id = below(3) > 0},
	    .compliance = below(15) == 0 ? COMPLY_NO_FROM : COMPLY_OK,
	    .seed = below(10) == 0,
	    .log_followed = below(4) > 0,
	    .from_copy = below(8) == 0,
	    .may_hold = true,
	    .copy_id = copy_id};
}

/* The application heard no answer. */
static int send_again(
    const struct decide_in *in, uint64_t message_id, struct error *err)
{
	struct slot_change c = {.kind = SLOT_CHANGE_QUEUED,
	    .message_id = message_id,
	    .at_ms = now_ms};
	struct decide_out out;
	int rc = ops_slot_apply(T.store, &c, err);

	if (rc != 0)
		return rc;
	rc = decide_propose(T.store, in, &out, err);
	decide_fini(&out);
	return rc;
}

static int do_decide(struct error *err)
{
	static const enum decide_mode modes[] = {DECIDE_SEND, DECIDE_SEND,
	    DECIDE_SEND, DECIDE_REFUSE_ONLY, DECIDE_ONE_TO_ONE,
	    DECIDE_ONE_TO_ONE_REFUSE_ONLY, DECIDE_SHADOW};
	struct decide_in in = query(modes[below(7)], ++next_copy);
	static const char digests[] = "abcdefghijkl";
	struct decide_out out;
	int rc;

	in.reference = (struct str){digests + below(4), 8};
	rc = decide_propose(T.store, &in, &out, err);
	if (rc == 0 && out.verdict.action == VERDICT_HOLD)
		keep(copies, &n_copies, next_copy);
	keep(messages, &n_messages, out.message_id);
	decide_fini(&out);
	return rc == 0 && out.message_id != 0 && below(4) == 0
		   ? send_again(&in, out.message_id, err)
		   : rc;
}

static int do_decide_all(struct error *err)
{
	struct decide_in in[5];
	struct decide_out out[5];
	enum decide_mode mode =
	    below(3) == 0 ? DECIDE_SHADOW : DECIDE_ONE_TO_ONE;
	int rc;

	for (size_t i = 0; i < 5; i++)
		in[i] = query(mode, 0);
	rc = decide_propose_all(T.store, in, 5, out, err);
	for (size_t i = 0; i < 5; i++) {
		keep(messages, &n_messages, out[i].message_id);
		decide_fini(&out[i]);
	}
	return rc;
}

static int do_slot(struct error *err)
{
	struct slot_change c = {.kind = (enum slot_change_kind)below(4),
	    .message_id = below(5) == 0 ? 0 : kept(messages, n_messages),
	    .queue_id = STR("4jXQLJ4D31z1bXx"),
	    .next_id = STR("4jXQLJ4D32z1bXx"),
	    .at_ms = now_ms - (int64_t)below(100000),
	    .release = (enum slot_release)(1 + below(6)),
	    .status = STR("5.1.1"),
	    .relay = STR("mx.example[192.0.2.1]:25"),
	    .recipients = (uint32_t)below(2) * 100000};

	return ops_slot_apply(T.store, &c, err);
}

/* Why a copy waits, in whatever queues. */
static struct copy_wait some_wait(void)
{
	struct copy_wait w = {.due_ms = now_ms + (int64_t)below(100000),
	    .deadline_ms = below(2) == 0 ? 0 : now_ms + 1000000,
	    .then = (enum policy_then)below(2),
	    .reason = (enum verdict_reason)below(12),
	    .queues = (unsigned)below(4),
	    .rank = (uint32_t)below(3)};

	w.company.b[0] = (unsigned char)(1 + below(2));
	return w;
}

static int do_copy(struct error *err)
{
	struct copy_new c = {.id = ++next_copy,
	    .kind = (enum copy_kind)(1 + below(3)),
	    .segment = segment(),
	    .stream = STR("apps"),
	    .wait = some_wait(),
	    .recipients = 1 + (uint32_t)below(3)};
	uint64_t id = kept(copies, n_copies);
	struct address to = storetest_address(&T, person());

	c.lead.b[0] = (unsigned char)(1 + below(3));
	switch (below(7)) {
	case 0:
		keep(copies, &n_copies, c.id);
		return ops_copy_add(T.store, &c, err);
	case 1:
		return ops_copy_done(T.store, id, (uint32_t)below(3),
		    (enum copy_outcome)(1 + below(5)), err);
	case 2:
		return ops_copy_due(
		    T.store, id, now_ms + (int64_t)below(100000), err);
	case 3:
		return ops_copy_split(
		    T.store, id, (uint32_t)below(3), &to, &c, err);
	case 4:
		return ops_copy_wait(T.store,
		    &(struct copy_decided){id, (uint32_t)below(2), c.wait}, 1,
		    err);
	case 5:
		return ops_copy_say(T.store,
		    below(2) == 0 ? OPS_COPY_FORCE : OPS_COPY_RELEASE,
		    &(struct event_copy_word){id, STR("jo"), STR("why")}, err);
	default:
		return below(8) == 0 ? ops_copy_say(T.store, OPS_COPY_DROP,
					   &(struct event_copy_word){
					       id, STR("a"), STR("")},
					   err)
				     : 0;
	}
}

/* Whom a report names: now and then the one who got the message. */
static struct str named(struct door_ctx *ctx, uint64_t id)
{
	struct message_record m;
	struct str address;

	if (below(2) == 0 && message_read(door_txn(ctx), id, &m) == 0 &&
	    person_address(T.store, door_txn(ctx), &m.lead, door_arena(ctx),
		&address) == 0)
		return address;
	return str_of(person());
}

static int feedback_fn(struct door_ctx *ctx, void *arg)
{
	struct ops_failure f = {
	    .reason = below(2) == 0 ? BOUNCE_USER_UNKNOWN : BOUNCE_HOST_UNKNOWN,
	    .class = BOUNCE_CLASS_PERSON,
	    .status = STR("5.1.1"),
	    .diagnostic = STR("smtp; 550 no such user")};
	struct ops_bounce b = {.message_id = kept(messages, n_messages),
	    .source = below(2) == 0 ? FEEDBACK_BY_DSN : FEEDBACK_BY_LOG,
	    .failures = &f,
	    .n = 1,
	    .release_slot = below(2) == 0};
	struct ops_opt_out o = {
	    .message_id = b.message_id, .origin = STR("unsubscribe-mail")};
	struct ops_feedback_out *out = arg;
	unsigned char digest[SEEN_DIGEST];
	int rc;

	*out = (struct ops_feedback_out){0};
	f.address[0] = named(ctx, b.message_id);
	memset(digest, (int)below(200), sizeof(digest));
	switch (below(4)) {
	case 0:
		return ops_bounce_emit(ctx, T.store, &b, out);
	case 1:
		return ops_complaint_emit(
		    ctx, T.store, b.message_id, STR(""), out);
	case 2:
		return ops_opt_out_emit(ctx, T.store, &o, out);
	default: {
		enum seen_kind seen;
		rc = seen_as(door_txn(ctx), digest, &seen);
		return rc != 0 || seen != 0
			   ? rc
			   : seen_emit(ctx, digest,
				 (enum seen_kind)(1 + below(9)), b.message_id);
	}
	}
}

/* As amid a spike of the provider, whether or not it is one. */
static int spike_fn(struct door_ctx *ctx, void *arg)
{
	struct ops_feedback_out *out = arg;

	return spikeback_emit(
	    ctx, str_of(out->provider), below(4) != 0, &out->back);
}

static int do_feedback(struct error *err)
{
	struct ops_feedback_out out;
	int rc = door_propose(T.store->door, feedback_fn, &out, err);

	return rc == 0 && out.news && out.names_lead
		   ? door_propose(T.store->door, spike_fn, &out, err)
		   : rc;
}

static int rest_fn(struct door_ctx *ctx, void *arg)
{
	struct mtalogpos p = {.path = STR("/var/log/mail.log"),
	    .position = STR("\x01\x02"),
	    .book = STR("book"),
	    .waits = STR("waits")};
	struct outbox_tried tried = {
	    .done = below(3) == 0, .hopeless = below(8) == 0, .code = 503};
	struct outbox_cursor cursor = {0};
	struct outbox_record r;
	enum outbox_state state;
	int rc;

	(void)arg;
	if (below(3) == 0)
		return mtalogpos_emit(ctx, &p);
	rc = outbox_next_due(door_txn(ctx), INT64_MAX, &cursor, &r);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	tried.message_id = r.message_id;
	tried.kind = r.kind;
	return outbox_emit_tried(ctx, &tried, &state);
}

static int do_rest(struct error *err)
{
	return door_propose(T.store->door, rest_fn, NULL, err);
}

/* Refusals are part of life; what points at the ledger or at memory is not. */
/* Now and then somebody goes on as somebody else, or as one nobody knew. */
static int do_move(struct error *err)
{
	struct ops_move m = {.from = storetest_address(&T, person()),
	    .merge = below(2) == 0,
	    .author = STR("alice")};
	char fresh[40];
	int rc;

	(void)snprintf(fresh, sizeof(fresh), "n%zu@d9.example", below(1000000));
	m.to = storetest_address(&T, m.merge ? person() : fresh);
	rc = ops_move(T.store, &m, err);
	return rc == ERR_SYNTAX ? 0 : rc; /* the same one twice */
}

static int do_leads(struct error *err)
{
	struct attribute_value v = {.label = 1 + (uint32_t)below(3),
	    .type = ATTRIBUTE_NUMBER,
	    .number = (int64_t)below(4)};
	struct ops_leads_row rows[2];
	struct ops_leads in = {.rows = rows, .n = 2, .author = STR("alice")};

	if (below(8) == 0)
		return do_move(err);
	if (below(4) == 0)
		v.type = 0;
	for (size_t i = 0; i < in.n; i++)
		rows[i] = (struct ops_leads_row){
		    .address = storetest_address(&T, person()),
		    .values = &v,
		    .n = 1};
	return ops_leads_set(T.store, &in, err);
}

static int do_stop(struct error *err)
{
	struct ops_stop s = {.kind = (enum stop_kind)(1 + below(3)),
	    .author = STR("alice"),
	    .reason = STR("why"),
	    .cause = {.rate = below(2) == 0, .count = 3, .of = 200}};
	bool changed;

	s.label = s.kind == STOP_SEGMENT    ? STR("news")
		  : s.kind == STOP_CAMPAIGN ? STR("spring\xff")
					    : STR("d1.example");
	/* mostly not stopped: something is to be decided, too */
	return below(3) == 0 ? ops_stop_begin(T.store, &s, &changed, err)
			     : ops_stop_end(T.store, &s, &changed, err);
}

static int reply_fn(struct door_ctx *ctx, void *arg)
{
	struct reply r = {.kind = (enum reply_kind)(1 + below(8)),
	    .certain = below(2) == 0,
	    .automatic = below(2) == 0,
	    .quote = STR("why"),
	    .successor = below(2) == 0 ? STR("p9@d9.example") : STR("")};
	struct ops_reply in = {.message_id = kept(messages, n_messages),
	    .reply = &r,
	    .from = str_of(person()),
	    .pause_ms = (int64_t)below(3) * 86400000,
	    .review_ms = 86400000};
	struct ops_reply_out out;

	(void)arg;
	return ops_reply_emit(ctx, T.store, &in, &out);
}

static int do_reply(struct error *err)
{
	struct ops_review in = {.address = storetest_address(&T, person()),
	    .state = below(2) == 0 ? REVIEW_UNSUBSCRIBED : REVIEW_RESUMED,
	    .author = STR("alice"),
	    .reason = STR("why")};
	bool changed;

	return below(3) != 0 ? door_propose(T.store->door, reply_fn, NULL, err)
			     : ops_review_decide(T.store, &in, &changed, err);
}

static bool is_fine(int rc)
{
	return rc == 0 || rc == ERR_EXISTS || rc == ERR_NOT_FOUND ||
	       rc == ERR_NEED_COPY || rc == ERR_STALE;
}

/* How many went wrong. */
static int live(int ops)
{
	static int (*const acts[])(struct error * err) = {do_policy, do_consent,
	    do_suppress, do_decide, do_decide, do_decide, do_decide,
	    do_decide_all, do_slot, do_slot, do_slot, do_copy, do_copy,
	    do_feedback, do_feedback, do_reply, do_leads, do_stop, do_rest};
	int bad = 0;

	for (int i = 0; i < ops; i++) {
		size_t at = below(sizeof(acts) / sizeof(acts[0]));
		struct error err = {0};
		int rc;

		if (at < 3 && below(3) != 0)
			at = 3;
		if (below(4) == 0)
			pass_time();
		rc = acts[at](&err);
		if (!is_fine(rc) && bad++ == 0)
			printf("# act %zu: %d %s\n", at, rc, err.text);
		if (i % 100 == 0)
			arena_reset(T.arena);
	}
	return bad;
}

/* --- and what is left of it --- */

static void count_kinds(int *kinds)
{
	struct ledger_iter it;
	struct ledger_txn *t;
	struct event ev;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    event_iter_open(t, 1, LEDGER_UP, &it) != 0)
		return;
	while (event_iter_next(&it, &ev) == 0)
		kinds[ev.type < 64 ? ev.type : 0]++;
	ledger_iter_close(&it);
	ledger_read_end(&t);
}

static bool is_replayed(void)
{
	struct rebuild_source from = {.from = T.store->ledger};
	struct check_options o = {.reducers = &reducers};
	struct rebuild_report report = {0};
	struct error err = {0};
	char scratch[128];
	int rc;

	(void)snprintf(scratch, sizeof(scratch), "%s/scratch", T.dir);
	rc = rebuild_compare(&from, scratch, &o, &report, &err);
	if (rc != 0)
		printf("# replay: %s\n", err.text);
	printf("# %llu events: %llu rows are the same\n",
	    (unsigned long long)report.events, (unsigned long long)report.same);
	return rc == 0 && report.same > 50 &&
	       report.differ + report.only_live + report.only_rebuilt == 0;
}

/* Over all runs: how many there are depends on the seed, what is checked does
 * not. */
struct tally {
	int bad, replayed, runs;
	int kinds[64];
};

static void run(struct tally *all)
{
	char path[128];

	printf("# TENDRIL_TEST_SEED=%llu\n", (unsigned long long)seed);
	storetest_open(&T);
	(void)snprintf(path, sizeof(path), "%s/clock", T.dir);
	set_clock(INT64_C(1790000000000) + (int64_t)below(1000000000));
	(void)setenv("TENDRIL_CLOCK_FILE", path, 1);
	n_messages = n_copies = 0;
	all->bad += live(OPS);
	all->replayed += is_replayed();
	all->runs++;
	count_kinds(all->kinds);
	(void)unsetenv("TENDRIL_CLOCK_FILE");
	storetest_close(&T);
}

static int absent(const int *kinds)
{
	int n = 0;

	for (unsigned type = 16; type < 64; type++)
		n += event_kind(type) != NULL && kinds[type] == 0;
	return n;
}

int main(void)
{
	const char *given = getenv("TENDRIL_TEST_SEED");
	struct tally all = {0};

	if (given != NULL) {
		if (str_u64(str_of(given), UINT64_MAX, &seed) != 0)
			return 1;
	} else if (getrandom(&seed, sizeof(seed), 0) < 0)
		return 1;
	while (
	    all.runs < RUNS || (absent(all.kinds) > 0 && all.runs < RUNS_MOST))
		run(&all);
	for (unsigned type = 16; type < 64; type++)
		if (event_kind(type) != NULL)
			printf("# %6d %s\n", all.kinds[type],
			    event_kind(type)->name);
	IS_INT(all.bad, 0, "nothing went wrong");
	IS_INT(
	    all.replayed, all.runs, "replayed, the events give the same rows");
	IS_INT(absent(all.kinds), 0, "every kind of event came up");
	return tap_done();
}
