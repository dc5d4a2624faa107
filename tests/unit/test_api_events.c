/* test_api_events.c - the private API where it looks back: people, timelines,
 * journal, statistics, explanations by queue id, holds, imports. */
#include "tests/unit/apitest.h"

#include "agent/api/event_json.h"
#include "agent/api/timeline.h"
#include "policy/base/clock.h"
#include "policy/state/copy.h"
#include "policy/state/ops_copy.h"

#define POLICY                                                                 \
	"person { at-most = {\\\"3 per 7d\\\"} }\\n"                           \
	"segment newsletter {\\n  purpose = newsletter\\n"                     \
	"  legal-basis = legitimate-interest\\n"                               \
	"  at-most\\t   =  \\\"1 per 7d\\\"  # a comment\\n"                   \
	"  when-full = defer\\n}\\n"                                           \
	"segment webinar { purpose = events }\\n"

/* What the milter does for one recipient. */
static enum verdict_action decide(struct apitest *a, const char *address,
    const char *segment, const char *queue)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&a->st, address),
	    .segment = str_of(segment),
	    .stream = STR("news"),
	    .campaign = STR("june"),
	    .queue_id = str_of(queue),
	    .sender = STR("bounce@app.example.com"),
	    .app_one_click = STR("https://app.example.com/u/1"),
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};
	enum verdict_action action;

	if (decide_propose(a->st.store, &in, &out, &err) != 0)
		printf("# decide: %s\n", err.text);
	action = out.verdict.action;
	decide_fini(&out);
	return action;
}

static void change_slot(
    struct apitest *a, enum slot_change_kind kind, const char *queue)
{
	struct slot_change c = {.kind = kind,
	    .queue_id = str_of(queue),
	    .at_ms = clock_now_ms(),
	    .status = STR("2.0.0"),
	    .relay = STR("mx.b.example[192.0.2.1]:25")};
	struct error err = {0};

	if (kind == SLOT_CHANGE_RELEASED)
		c.release = RELEASE_BOUNCED;
	if (ops_slot_apply(a->st.store, &c, &err) != 0)
		printf("# slot: %s\n", err.text);
}

static void fill(struct apitest *a)
{
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY "\", \"reason\": \"r\"}"),
	    200, "a policy");
	IS_INT(decide(a, "jo@b.example", "newsletter", "4Q1"), VERDICT_ALLOW,
	    "the first goes");
	change_slot(a, SLOT_CHANGE_QUEUED, "4Q1");
	change_slot(a, SLOT_CHANGE_DELIVERED, "4Q1");
	IS_INT(decide(a, "jo@b.example", "newsletter", "4Q2"), VERDICT_DEFER,
	    "the second is over the limit");
	IS_INT(decide(a, "ann@b.example", "newsletter", "4Q3"), VERDICT_ALLOW,
	    "somebody else's goes");
	change_slot(a, SLOT_CHANGE_RELEASED, "4Q3");
	IS_INT(apitest_post(a, "/v1/consent",
		   "{\"address\": \"jo@b.example\", \"purpose\": "
		   "\"newsletter\", \"state\": \"withdrawn\", \"evidence\": "
		   "\"by phone\"}"),
	    200, "withdrawn");
	IS_INT(decide(a, "jo@b.example", "newsletter", "4Q4"), VERDICT_REJECT,
	    "and refused");
	IS_INT(
	    apitest_post(a, "/v1/suppressions", "{\"target\": \"@b.example\"}"),
	    200, "the domain is suppressed");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"jo@b.example\", \"note\": \"asked\"}"),
	    200, "the person is suppressed");
}

static void test_lead_show(struct apitest *a)
{
	char target[100];

	IS_INT(apitest_get(a, "/v1/leads?address=JO@b.example"), 200, "show");
	IS_INT(apitest_bool(a, "known"), 1, "known");
	IS_S(apitest_str(a, "address"), STR("jo@b.example"), "address");
	IS_S(apitest_str(a, "consents.0.state"), STR("withdrawn"), "consent");
	IS_INT(value_count(apitest_at(a, "suppressions")), 2,
	    "suppressed twice: itself and its domain");
	IS_S(apitest_str(a, "messages.0.state"), STR("delivered"), "message");
	IS_S(apitest_str(a, "messages.0.queue_id"), STR("4Q1"), "queue id");
	IS_S(apitest_str(a, "messages.0.campaign"), STR("june"), "campaign");
	IS_S(apitest_str(a, "segments.0.verdict"), STR("reject"), "verdict");
	IS_INT(apitest_i64(a, "segments.0.limits.0.used"), 1, "used");
	IS_INT(apitest_i64(a, "segments.0.limits.0.most"), 1, "most");
	IS_INT(apitest_i64(a, "person.limits.0.used"), 1, "of the person");
	(void)snprintf(target, sizeof(target), "/v1/leads?lead=%.*s",
	    STR_ARG(apitest_str(a, "lead")));
	IS_INT(apitest_get(a, target), 200, "by id");
	IS_S(apitest_str(a, "address"), STR("jo@b.example"), "the address");
	IS_INT(
	    value_count(apitest_at(a, "suppressions")), 2, "and what binds it");
	IS_INT(apitest_get(a, "/v1/leads?address=jo@b.example&redact=1"), 200,
	    "redacted");
	OK(!str_contains(buf_str(&a->text), STR("jo@b.example")),
	    "no address anywhere");
	IS_INT(apitest_get(a, "/v1/leads?address=nobody@c.example"), 200,
	    "nobody");
	IS_INT(apitest_bool(a, "known"), 0, "not known");
	IS_INT(apitest_get(a, "/v1/leads?lead=12"), 400, "a bad id");
	IS_INT(apitest_get(a, "/v1/leads"), 400, "nobody asked for");
}

static void test_timeline(struct apitest *a)
{
	static const char *const types[] = {"lead_created", "slot_proposed",
	    "slot_queued", "slot_delivered", "decided", "consent", "refused",
	    "suppressed"};
	char path[40], target[100];
	size_t n = sizeof(types) / sizeof(types[0]), pages = 0, seen = 0;

	IS_INT(apitest_get(a, "/v1/leads/timeline?address=jo@b.example"), 200,
	    "timeline");
	IS_INT(value_count(apitest_at(a, "events")), n, "all of them");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "events.%zu.type", i);
		IS_S(apitest_str(a, path), str_of(types[i]), "event %zu", i);
	}
	IS_S(apitest_str(a, "events.1.sender"), STR("bounce@app.example.com"),
	    "the sealed sender is opened");
	IS_S(apitest_str(a, "events.3.relay"),
	    STR("mx.b.example[192.0.2.1]:25"), "the relay");
	IS_S(apitest_str(a, "events.4.reason"), STR("segment_cap"), "the cap");
	IS_S(apitest_str(a, "events.4.rule"), STR("at-most = \"1 per 7d\""),
	    "the line of the policy of that day, without comment");
	IS_S(apitest_str(a, "events.5.evidence"), STR("by phone"), "evidence");
	IS_S(apitest_str(a, "events.7.note"), STR("asked"), "note");
	(void)snprintf(target, sizeof(target),
	    "/v1/leads/timeline?address=jo@b.example&limit=3");
	while (pages++ < 10 && apitest_get(a, target) == 200) {
		seen += value_count(apitest_at(a, "events"));
		if (apitest_i64(a, "next") < 0)
			break;
		(void)snprintf(target, sizeof(target),
		    "/v1/leads/timeline?address=jo@b.example&limit=3&after="
		    "%lld",
		    (long long)apitest_i64(a, "next"));
	}
	IS_INT(seen, n, "page by page, the same");
	IS_INT(pages, 3, "three pages");
	IS_INT(
	    apitest_get(a, "/v1/leads/timeline?address=jo@b.example&redact=1"),
	    200, "redacted");
	OK(!str_contains(buf_str(&a->text), STR("jo@b.example")) &&
		!str_contains(buf_str(&a->text), STR("by phone")),
	    "nothing sealed is shown");
	IS_INT(
	    apitest_get(a, "/v1/consent?address=jo@b.example"), 200, "consent");
	IS_INT(value_count(apitest_at(a, "history")), 1, "with its history");
}

static void test_explain_queue(struct apitest *a)
{
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4Q2"), 200, "a refusal");
	IS_INT(value_count(apitest_at(a, "events")), 1, "one event");
	IS_S(apitest_str(a, "events.0.verdict"), STR("defer"), "deferred");
	IS_INT(apitest_i64(a, "events.0.line"), 5, "by line 5");
	IS_INT(apitest_i64(a, "events.0.policy"), 1, "of policy 1");
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4Q3"), 200, "a bounce");
	IS_INT(value_count(apitest_at(a, "events")), 2, "two events");
	IS_S(apitest_str(a, "events.1.release"), STR("bounced"), "bounced");
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4Q99"), 404, "unknown");
}

static void test_journal(struct apitest *a)
{
	int64_t last;

	IS_INT(apitest_get(a, "/v1/journal"), 200, "journal");
	last = apitest_i64(a, "last");
	IS_INT(value_count(apitest_at(a, "events")), last, "all events");
	IS_S(apitest_str(a, "events.0.type"), STR("policy_applied"), "first");
	IS_INT(apitest_i64(a, "next"), last, "read to the end");
	IS_INT(apitest_get(a, "/v1/journal?limit=2"), 200, "two");
	IS_INT(apitest_i64(a, "next"), 2, "the next is behind 2");
	IS_INT(apitest_get(a, "/v1/journal?after=2&limit=1"), 200, "one more");
	IS_INT(apitest_i64(a, "events.0.seq"), 3, "number 3");
	IS_INT(apitest_get(a, "/v1/journal?tail=2"), 200, "the last two");
	IS_INT(value_count(apitest_at(a, "events")), 2, "are two");
	IS_INT(apitest_get(a, "/v1/journal?tail=1&type=policy_applied"), 200,
	    "the last of a type");
	IS_INT(value_count(apitest_at(a, "events")), 1, "is one");
	IS_S(apitest_str(a, "events.0.type"), STR("policy_applied"),
	    "of that type");
	IS_INT(
	    apitest_get(a, "/v1/journal?type=consent,refused"), 200, "by type");
	IS_INT(value_count(apitest_at(a, "events")), 2, "two events");
	IS_INT(apitest_i64(a, "next"), last, "all were looked at");
	IS_INT(apitest_get(a, "/v1/journal?type=consent,nothing"), 400,
	    "no such type");
	IS_INT(apitest_get(a, "/v1/journal?from=1h"), 200, "of an hour");
	IS_INT(value_count(apitest_at(a, "events")), last, "all of them");
	IS_INT(apitest_get(a, "/v1/journal?to=1h"), 200, "before that");
	IS_INT(value_count(apitest_at(a, "events")), 0, "nothing");
	IS_INT(apitest_get(a, "/v1/journal?from=soon"), 400, "no time");
	IS_INT(apitest_get(a, "/v1/journal?after=-1"), 400, "no number");
	IS_INT(apitest_get(a, "/v1/journal?wait=3600"), 400, "too long a wait");
}

/* A call that waits is answered at the end of its time, when we stop, and at
 * once when there are too many of them. */
static void test_journal_wait(struct apitest *a)
{
	int64_t begin = clock_mono_ms();

	IS_INT(apitest_get(a, "/v1/journal?after=9999&wait=1"), 200, "wait");
	OK(clock_mono_ms() - begin >= 900, "for a second");
	begin = clock_mono_ms();
	IS_INT(apitest_get(a, "/v1/journal?after=1&wait=20"), 200, "no wait");
	OK(clock_mono_ms() - begin < TAP_ENDLESS_MS,
	    "where there is something");
	atomic_store(&a->app.waiting, 4);
	IS_INT(apitest_get(a, "/v1/journal?after=9999&wait=20"), 200,
	    "others wait");
	OK(clock_mono_ms() - begin < TAP_ENDLESS_MS, "not one more");
	IS_INT(atomic_load(&a->app.waiting), 4, "the count is right");
	atomic_store(&a->app.waiting, 0);
	atomic_store(&a->app.stopping, true);
	IS_INT(apitest_get(a, "/v1/journal?after=9999&wait=20"), 200, "stop");
	OK(clock_mono_ms() - begin < TAP_ENDLESS_MS, "ends it");
	atomic_store(&a->app.stopping, false);
}

static int64_t count_of(const struct apitest *a, const char *name)
{
	size_t n = value_count(apitest_at(a, "rows"));
	int64_t sum = 0, v;

	for (size_t i = 0; i < n; i++) {
		const struct value *o = value_at(apitest_at(a, "rows"), i);
		if (str_eq(value_get_str(o, "name"), str_of(name)) &&
		    value_get_i64(o, "count", &v))
			sum += v;
	}
	return sum;
}

static void test_stats(struct apitest *a)
{
	static const char *const targets[] = {"/v1/stats", "/v1/stats?by=hour",
	    "/v1/stats?by=day&from=1d", "/v1/stats?from=1d",
	    "/v1/stats?by=total&segment=newsletter"};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		IS_INT(apitest_get(a, targets[i]), 200, "%s", targets[i]);
		IS_INT(count_of(a, "verdict.allow.allowed"), 2, "%s: two went",
		    targets[i]);
		IS_INT(count_of(a, "slot.released.bounced"), 1,
		    "%s: one bounced", targets[i]);
	}
	IS_INT(apitest_get(a, "/v1/stats?name=verdict.reject"), 200, "a name");
	IS_INT(value_count(apitest_at(a, "rows")), 1, "one row");
	IS_INT(apitest_get(a, "/v1/stats?segment=webinar"), 200, "a segment");
	IS_INT(value_count(apitest_at(a, "rows")), 0, "no row");
	IS_INT(apitest_get(a, "/v1/stats?name=consent"), 200, "consent");
	IS_INT(value_count(apitest_at(a, "rows")), 1, "one row");
	IS_S(apitest_str(a, "rows.0.purpose"), STR("newsletter"),
	    "is of a purpose");
	IS_S(apitest_str(a, "rows.0.segment"), STR(""), "and of no segment");
	IS_INT(apitest_get(a, "/v1/stats?name=consent&segment=newsletter"), 200,
	    "of a segment of that name");
	IS_INT(value_count(apitest_at(a, "rows")), 0, "nothing");
	IS_INT(
	    apitest_get(a, "/v1/stats?purpose=newsletter"), 200, "a purpose");
	IS_INT(value_count(apitest_at(a, "rows")), 1, "the consent alone");
	IS_INT(apitest_get(a, "/v1/stats?purpose=events"), 200, "another");
	IS_INT(value_count(apitest_at(a, "rows")), 0, "nothing");
	IS_INT(apitest_get(a, "/v1/stats?from=2020-01-01&to=2020-01-02"), 200,
	    "long ago");
	IS_INT(value_count(apitest_at(a, "rows")), 0, "nothing yet");
	IS_INT(apitest_get(a, "/v1/stats?by=moon"), 400, "no such period");
	IS_INT(apitest_get(a, "/v1/stats?from=1h&to=2h"), 400, "backwards");
	IS_INT(apitest_get(a, "/v1/journal?from=1h&to=2h"), 400, "likewise");
}

static void add_hold(
    struct apitest *a, uint64_t id, const char *address, uint32_t recipients)
{
	struct address addr = storetest_address(&a->st, address);
	struct copy_new c = {.id = id,
	    .kind = recipients == 1 ? COPY_HELD : COPY_TAKEN,
	    .segment = STR("newsletter"),
	    .stream = STR("news"),
	    .wait.due_ms = clock_now_ms() + 3600000,
	    .wait.deadline_ms = clock_now_ms() + 7200000,
	    .recipients = recipients};
	struct error err = {0};

	if (recipients == 1 &&
	    lead_id_of(a->st.store->lead_key, &addr, &c.lead) != 0)
		printf("# lead id\n");
	OK(ops_copy_add(a->st.store, &c, &err) == 0, "a copy");
}

/* The types of all events that are told of a queue id. */
static void is_way(struct apitest *a, const char *queue, const char *types)
{
	struct buf path, b;

	buf_init(&path, 100);
	buf_init(&b, 1000);
	buf_printf(&path, "/v1/explain?queue_id=%s", queue);
	IS_INT(apitest_get(a, path.p), 200, "explain %s", queue);
	for (size_t i = 0; i < value_count(apitest_at(a, "events")); i++) {
		const struct value *ev = value_at(apitest_at(a, "events"), i);

		buf_printf(&b, "%s%.*s", i > 0 ? " " : "",
		    STR_ARG(value_get_str(ev, "type")));
	}
	IS_S(buf_str(&b), str_of(types), "the whole way of %s", queue);
	buf_fini(&path);
	buf_fini(&b);
}

/* A message to two: what the application's queue id tells, while the copy is
 * there and afterwards. */
static void test_explain_copy(struct apitest *a)
{
	struct copy_new c = {.id = 81,
	    .kind = COPY_TAKEN,
	    .segment = STR("newsletter"),
	    .stream = STR("news"),
	    .wait.due_ms = clock_now_ms() + 3600000,
	    .recipients = 2,
	    .queue_id = STR("4QC")};
	struct error err = {0};

	OK(ops_copy_add(a->st.store, &c, &err) == 0, "a copy");
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4QC"), 200, "taken over");
	IS_INT(value_count(apitest_at(a, "events")), 1, "so far");
	IS_S(apitest_str(a, "events.0.type"), STR("copy_added"), "that");
	IS_S(apitest_str(a, "events.0.queue_id"), STR("4QC"), "by that id");
	/* The slot is there before the agent has the MTA's 250. */
	IS_INT(decide(a, "zoe@c.example", "newsletter", "4QD"), VERDICT_ALLOW,
	    "the first of them, handed in");
	OK(ops_copy_sent(a->st.store, 81, 0, STR("4QD"), &err) == 0 &&
		ops_copy_done(a->st.store, 81, 1, COPY_BOUNCED, &err) == 0,
	    "both are done");
	change_slot(a, SLOT_CHANGE_QUEUED, "4QD");
	is_way(a, "4QC",
	    "copy_added slot_proposed copy_recipient copy_recipient "
	    "slot_queued");
	IS_S(apitest_str(a, "events.1.address"), STR("zoe@c.example"),
	    "whose it is");
	IS_S(apitest_str(a, "events.2.outcome"), STR("sent"), "one went");
	IS_S(apitest_str(a, "events.2.queue_id"), STR("4QD"), "and as what");
	IS_S(apitest_str(a, "events.3.outcome"), STR("bounced"), "one did not");
	is_way(a, "4QD", "slot_proposed slot_queued");
}

/* The MTA queues it anew, under another id: that leads to the whole way. */
static void test_explain_moved(struct apitest *a)
{
	struct slot_change moved = {.kind = SLOT_CHANGE_MOVED,
	    .queue_id = STR("4QE"),
	    .at_ms = clock_now_ms(),
	    .next_id = STR("4QF")};
	struct error err = {0};

	IS_INT(decide(a, "kim@c.example", "newsletter", "4QE"), VERDICT_ALLOW,
	    "goes");
	change_slot(a, SLOT_CHANGE_QUEUED, "4QE");
	OK(ops_slot_apply(a->st.store, &moved, &err) == 0, "queued anew");
	change_slot(a, SLOT_CHANGE_DELIVERED, "4QF");
	is_way(a, "4QE", "slot_proposed slot_queued slot_delivered");
	is_way(a, "4QF", "slot_proposed slot_queued slot_moved slot_delivered");
}

/* Of many recipients the first thousand are followed, the others told. */
static void test_explain_many(struct apitest *a)
{
	const uint32_t n = TIMELINE_FOLLOWED + 5;
	struct copy_new c = {.id = 82,
	    .kind = COPY_TAKEN,
	    .segment = STR("newsletter"),
	    .stream = STR("news"),
	    .wait.due_ms = clock_now_ms() + 3600000,
	    .recipients = n,
	    .queue_id = STR("4QM")};
	struct error err = {0};
	char id[16];
	bool ok = ops_copy_add(a->st.store, &c, &err) == 0;

	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "4QM%u", i);
		ok = ok &&
		     ops_copy_sent(a->st.store, 82, i, str_of(id), &err) == 0;
	}
	OK(ok, "a copy to many: %s", err.text);
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4QM"), 200, "told");
	IS_INT(value_count(apitest_at(a, "events")), n + 1, "all of them");
}

/* The newest event: on record for auditors, by whom and why. */
static void last_is_audit(struct apitest *a, const char *type, const char *why)
{
	IS_INT(apitest_get(a, "/v1/journal?tail=1"), 200, "journal");
	IS_S(apitest_str(a, "events.0.type"), str_of(type), "on record");
	IS_S(apitest_str(a, "events.0.why"), str_of(why), "why");
	OK(apitest_str(a, "events.0.author").n > 0, "and by whom");
	IS_INT(apitest_bool(a, "events.0.audit"), true, "for auditors");
}

static void test_holds(struct apitest *a)
{
	add_hold(a, 71, "jo@b.example", 1);
	add_hold(a, 72, "ann@b.example", 1);
	add_hold(a, 73, "ann@b.example", 700);
	IS_INT(apitest_get(a, "/v1/holds"), 200, "list");
	IS_INT(value_count(apitest_at(a, "holds")), 3, "three");
	IS_S(apitest_str(a, "holds.0.address"), STR("jo@b.example"), "whose");
	IS_INT(apitest_i64(a, "holds.2.recipients"), 700, "recipients");
	IS_INT(apitest_get(a, "/v1/holds?limit=2"), 200, "a page");
	IS_S(apitest_str(a, "next"), STR("72"), "the next page");
	IS_INT(apitest_get(a, "/v1/holds?segment=webinar"), 200, "none");
	IS_INT(value_count(apitest_at(a, "holds")), 0, "of that segment");
	IS_INT(apitest_get(a, "/v1/holds/show?id=71"), 200, "show");
	IS_S(apitest_str(a, "now.reason"), STR("trouble"), "it has no file");
	OK(apitest_str(a, "file").n > 0, "that its file is gone");
	IS_INT(apitest_get(a, "/v1/holds/show?id=9"), 404, "no such copy");
	IS_INT(apitest_get(a, "/v1/holds/show?id=x"), 400, "no id");
	IS_INT(apitest_post(a, "/v1/holds/release", "{\"id\": \"71\"}"), 200,
	    "release");
	IS_INT(apitest_get(a, "/v1/holds/show?id=71"), 200, "show");
	OK(str_cmp(apitest_str(a, "due"), apitest_str(a, "deadline")) < 0,
	    "due now");
	IS_INT(apitest_post(
		   a, "/v1/holds/release", "{\"segment\": \"newsletter\"}"),
	    200, "release a segment");
	IS_INT(apitest_i64(a, "changed"), 2, "both held ones");
	IS_INT(apitest_post(a, "/v1/holds/drop", "{\"id\": \"73\"}"), 200,
	    "drop one with many recipients");
	last_is_audit(a, "copy_dropped", "");
	IS_INT(apitest_post(a, "/v1/holds/drop", "{\"id\": \"73\"}"), 404,
	    "it is gone");
	IS_INT(
	    apitest_post(a, "/v1/holds/drop", "{\"segment\": \"newsletter\"}"),
	    200, "drop a segment");
	IS_INT(apitest_get(a, "/v1/holds"), 200, "list");
	IS_INT(value_count(apitest_at(a, "holds")), 0, "nothing is left");
	IS_INT(apitest_post(a, "/v1/holds/drop", "{}"), 400, "drop what?");
}

/* In a queue: who goes before, why, whose; and an operator's word. */
static void test_hold_queue(struct apitest *a)
{
	struct copy_new c = {.kind = COPY_HELD,
	    .segment = STR("newsletter"),
	    .stream = STR("news"),
	    .wait = {.due_ms = clock_now_ms() + 3600000,
		.deadline_ms = clock_now_ms() + 7200000,
		.then = POLICY_THEN_SEND,
		.reason = REASON_PERSON_CAP,
		.queues = COPY_WAITS_FOR_PERSON,
		.policy_version = 1,
		.line = 1},
	    .recipients = 1};
	struct address ann = storetest_address(&a->st, "ann@b.example");
	struct error err = {0};

	(void)decide(a, "ann@b.example", "newsletter", "4QR");
	if (lead_id_of(a->st.store->lead_key, &ann, &c.lead) != 0)
		exit(1);
	for (c.id = 91; c.id <= 93; c.id++) {
		c.queue_id = c.id == 93 ? STR("4QH") : STR("");
		OK(ops_copy_add(a->st.store, &c, &err) == 0, "a copy");
	}
	IS_INT(apitest_get(a, "/v1/holds"), 200, "list");
	IS_S(apitest_str(a, "holds.0.reason"), STR("person_cap"), "why");
	IS_S(apitest_str(a, "holds.0.then"), STR("send"), "what then");
	OK(apitest_i64(a, "holds.0.ahead") == 0 &&
		apitest_i64(a, "holds.2.ahead") == 2,
	    "how many go before");
	IS_INT(apitest_get(a, "/v1/holds/show?id=93"), 200, "show");
	IS_INT(value_count(apitest_at(a, "ahead")), 2, "which");
	IS_S(apitest_str(a, "ahead.0.id"), STR("91"), "the oldest first");
	IS_INT(apitest_get(a, "/v1/holds?lead=ann@b.example"), 200, "a person");
	IS_INT(value_count(apitest_at(a, "holds")), 3, "hers");
	IS_INT(apitest_get(a, "/v1/holds?lead=bob@b.example"), 200, "another");
	IS_INT(value_count(apitest_at(a, "holds")), 0, "has none");
	IS_INT(apitest_get(a, "/v1/holds?company=b.example"), 200, "company");
	IS_INT(value_count(apitest_at(a, "holds")), 3, "by its domain");
	IS_INT(apitest_get(a, "/v1/holds?company=x@b.example"), 200, "company");
	IS_INT(value_count(apitest_at(a, "holds")), 3, "by an address there");
	IS_INT(apitest_get(a, "/v1/holds?company=c.example"), 200, "company");
	IS_INT(value_count(apitest_at(a, "holds")), 0, "another");
	IS_INT(apitest_get(a, "/v1/holds?company=@"), 400, "no address");
	IS_INT(apitest_post(
		   a, "/v1/holds/release", "{\"id\": \"92\", \"force\": true}"),
	    400, "let go: why?");
	IS_INT(apitest_post(a, "/v1/holds/release",
		   "{\"id\": \"92\", \"force\": true, "
		   "\"reason\": \"asked for\"}"),
	    200, "let go");
	IS_INT(apitest_get(a, "/v1/holds/show?id=92"), 200, "show");
	OK(apitest_at(a, "forced") != NULL, "so it is told");
	last_is_audit(a, "copy_forced", "asked for");
	IS_INT(apitest_get(a, "/v1/holds/show?id=91"), 200, "show");
	OK(apitest_at(a, "author") == NULL || apitest_str(a, "author").n == 0,
	    "nobody touched it");
	IS_INT(apitest_post(a, "/v1/holds/release", "{\"id\": \"91\"}"), 200,
	    "released");
	IS_INT(apitest_get(a, "/v1/holds/show?id=91"), 200, "show");
	OK(apitest_str(a, "author").n > 0 && apitest_at(a, "forced") == NULL,
	    "by whom");
	last_is_audit(a, "copy_released", "");
	IS_INT(apitest_post(a, "/v1/holds/drop",
		   "{\"company\": \"b.example\", \"reason\": \"recalled\"}"),
	    200, "drop a company's");
	IS_INT(apitest_i64(a, "changed"), 3, "all three");
	last_is_audit(a, "copy_dropped", "recalled");
	IS_INT(apitest_get(a, "/v1/explain?queue_id=4QH"), 200, "explain");
	OK(str_eq(apitest_str(a, "events.0.type"), STR("copy_added")) &&
		str_eq(apitest_str(a, "events.1.type"), STR("copy_dropped")) &&
		apitest_str(a, "events.1.author").n > 0,
	    "and what became of it");
}

static void test_import(struct apitest *a)
{
	char body[64000];
	size_t n;

	IS_INT(apitest_post(a, "/v1/suppressions/import",
		   "{\"entries\": [\"a@c.example\", \"nonsense\", "
		   "{\"target\": \"@d.example\", \"reason\": \"complaint\", "
		   "\"until\": \"2031-01-01\"}, {\"target\": \"x@e.example\", "
		   "\"until\": \"soon\"}, \"a@c.example\", 7]}"),
	    200, "import");
	IS_INT(apitest_i64(a, "added"), 2, "two are new");
	IS_INT(apitest_i64(a, "unchanged"), 1, "one came twice");
	IS_INT(value_count(apitest_at(a, "bad")), 3, "three are bad");
	IS_INT(apitest_i64(a, "bad.0.entry"), 1, "the second entry");
	IS_S(apitest_str(a, "bad.0.target"), STR("nonsense"), "its text");
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=@d.example"), 200,
	    "check");
	IS_S(apitest_str(a, "suppressions.0.reason"), STR("complaint"),
	    "an entry's own reason");
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=a@c.example"), 200,
	    "check");
	IS_S(apitest_str(a, "suppressions.0.reason"), STR("imported"),
	    "the usual reason");
	n = 0;
	for (int i = 0; i < 1500; i++)
		n += (size_t)snprintf(
		    body + n, sizeof(body) - n, "user%d@many.example\r\n", i);
	IS_INT(apitest_send(a, SERVER_POST,
		   "/v1/suppressions/import?reason=opt_out&origin=old",
		   "text/plain", body),
	    200, "many lines");
	IS_INT(apitest_i64(a, "added"), 1500, "all are new");
	IS_INT(apitest_send(a, SERVER_POST,
		   "/v1/suppressions/import?reason=opt_out&origin=old",
		   "text/plain", body),
	    200, "again");
	IS_INT(apitest_i64(a, "unchanged"), 1500, "nothing is new");
	IS_INT(apitest_post(
		   a, "/v1/suppressions/import", "{\"reason\": \"dislike\"}"),
	    400, "no such reason");
}

static void test_decoders(void)
{
#define EVENT(number, name, version, class, writer)                            \
	OK(event_json_knows(number), "%s has a decoder", #name);
#include "policy/ledger/events.def"
#undef EVENT
	OK(!event_json_knows(9), "an unknown type has none");
	IS_STR(event_json_name(9), "unknown", "and no name");
}

/* A payload that is none of ours is told and does no harm. */
static void test_broken_events(struct apitest *a)
{
	struct event ev = {.seq = 1, .time_ms = 1000, .payload = STR("\xff")};
	struct ledger_txn *t = NULL;
	struct show s = {.store = a->st.store};

	OK(ledger_read_begin(a->st.store->ledger, &t) == 0, "begin");
	s.t = t;
	for (unsigned type = 1; type < 60; type++) {
		struct value *o = value_new_object();

		ev.type = (uint16_t)type;
		event_json(&s, a->st.arena, &ev, o);
		if (event_json_knows(type))
			OK(value_get_str(o, "error").n > 0,
			    "%s: broken, and told", event_json_name(type));
		value_free(&o);
	}
	ledger_read_end(&t);
}

int main(void)
{
	struct apitest a;

	apitest_open(&a);
	fill(&a);
	test_lead_show(&a);
	test_timeline(&a);
	test_explain_queue(&a);
	test_journal(&a);
	test_journal_wait(&a);
	test_stats(&a);
	test_holds(&a);
	test_hold_queue(&a);
	test_import(&a);
	test_explain_copy(&a);
	test_explain_moved(&a);
	test_explain_many(&a);
	test_decoders();
	test_broken_events(&a);
	apitest_close(&a);
	return tap_done();
}
