/* test_replay_policy.c - messages of the past under another policy: as-if
 * history, waits and what ends them, order, companies, wants that change, stops,
 * people who go on under another address. */
#include "tests/unit/tap.h"

#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/rules/replay.h"

#include <errno.h>

#define T0 INT64_C(1800000000000)
#define H WHEN_HOUR_MS
#define D WHEN_DAY_MS

enum {
	MESSAGES_MAX = 16,
	PEOPLE_MAX = 4,
};

#define NEWS                                                                   \
	"segment news { purpose = news  legal-basis = legitimate-interest\n"   \
	"  at-most = \"1 per 7d\"  when-full = \"hold 5d, then bounce\" }\n"
#define PATIENT                                                                \
	"segment news { purpose = news  legal-basis = legitimate-interest\n"   \
	"  at-most = \"1 per 7d\"  when-full = \"hold 8d, then bounce\" }\n"
#define DEMO                                                                   \
	"segment demo { purpose = demo  legal-basis = legitimate-interest\n"   \
	"  when-full = \"hold 5d, then bounce\" }\n"
#define PERSON "person { at-most = {\"1 per 3d\"} }\n"
#define ORDER "order = {demo, news}\n"

/* A message, and what is to become of it. */
struct one {
	const char *segment;
	int64_t at_ms; /* after T0 */
	uint32_t person;
	bool fixed;
	enum slot_state outcome;
	int64_t after_ms;
	enum replay_fate fate;
	enum verdict_reason reason;
	int64_t done_ms; /* after T0 */
};

struct scene {
	const char *name, *policy;
	size_t n_people;
	bool company;
	struct replay_change changes[PEOPLE_MAX]; /* of the first person */
	size_t n_changes;
	struct one v[MESSAGES_MAX];
};

static const struct scene scenes[] = {
    {"one a week: what is sent counts, what was never sent does not", NEWS, 1,
	false, {{0}}, 0,
	{
	    {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 1 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_BOUNCED,
		REASON_SEGMENT_CAP, 1 * D},
	    {"news", 7 * D - 1, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_SEGMENT_CAP, 7 * D},
	    {"news", 14 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 14 * D},
	}},
    {"a date later than the sending moves the earliest instant", NEWS, 1, false,
	{{0}}, 0,
	{
	    {"news", 0, 0, false, SLOT_DELIVERED, 2 * H, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 6 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_SEGMENT_CAP, 7 * D + 2 * H},
	}},
    {"a bounce gives the slot back, and wakes who waits", PATIENT, 1, false,
	{{0}}, 0,
	{
	    {"news", 0, 0, false, SLOT_RELEASED, 4 * D, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 3 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_SEGMENT_CAP, 4 * D},
	}},
    {"history from before counts, as it was", NEWS, 1, false, {{0}}, 0,
	{
	    {"news", -3 * D, 0, true, SLOT_DELIVERED, 0, REPLAY_SENT, 0, 0},
	    {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_SEGMENT_CAP, 4 * D},
	}},
    {"the earlier kind goes first, whenever it came", ORDER PERSON NEWS DEMO, 1,
	false, {{0}}, 0,
	{
	    {"demo", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 1 * H, 0, false, SLOT_DELIVERED, 0, REPLAY_BOUNCED,
		REASON_PERSON_CAP, 0},
	    {"demo", 2 * H, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_PERSON_CAP, 3 * D},
	}},
    {"what is held is kept where its limit says defer",
	"segment news { purpose = news  legal-basis = legitimate-interest\n"
	"  at-most = \"1 per 1d\"  when-full = defer\n"
	"  send-on = \"daily 12:00-13:00\"  when-closed = \"hold 5d\" }\n",
	1, false, {{0}}, 0,
	{
	    {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD, REASON_CLOSED,
		28 * H},
	    {"news", 2 * H, 0, true, SLOT_DELIVERED, 0, REPLAY_SENT, 0, 0},
	}},
    {"a kind that the policy has not", NEWS, 1, false, {{0}}, 0,
	{
	    {"other", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_REFUSED,
		REASON_UNKNOWN_SEGMENT, 0},
	    {"news", 1, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 1},
	}},
    {"who objects while it waits does not get it", NEWS, 1, false,
	{{.at_ms = T0 + 5 * D, .label = 0, .consent = CONSENT_OBJECTED}}, 1,
	{
	    {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 4 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_REFUSED,
		REASON_SEGMENT_CAP, 7 * D},
	}},
    {"people of one company, and others, by themselves",
	"company { at-most = \"1 per 3d\" }\n" DEMO, 2, true, {{0}}, 0,
	{
	    {"demo", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"demo", 1 * H, 1, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		REASON_COMPANY_CAP, 3 * D},
	}},
    {"a limit per company does not bind who has none",
	"company { at-most = \"1 per 3d\" }\n" DEMO, 1, false, {{0}}, 0,
	{
	    {"demo", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"demo", 1 * H, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 1 * H},
	}},
    {"dropped, deferred: over at once",
	"segment news { purpose = news  legal-basis = legitimate-interest\n"
	"  at-most = \"1 per 7d\"  when-full = drop }\n"
	"segment demo { purpose = demo  legal-basis = legitimate-interest\n"
	"  at-most = \"1 per 7d\"  when-full = defer }\n",
	1, false, {{0}}, 0,
	{
	    {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 0},
	    {"news", 1, 0, false, SLOT_DELIVERED, 0, REPLAY_DROPPED,
		REASON_SEGMENT_CAP, 1},
	    {"demo", 2, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		REASON_ALLOWED, 2},
	    {"demo", 3, 0, false, SLOT_DELIVERED, 0, REPLAY_DEFERRED,
		REASON_SEGMENT_CAP, 3},
	}},
};

/* And what happened meanwhile. */
struct story {
	struct scene scene;
	struct replay_stop stops[2]; /* of news */
	size_t n_stops;
	struct replay_move moves[2];
	size_t n_moves;
};

static const struct story stories[] = {
    {.scene = {"what comes in a stop waits for its end; others do not",
	 PERSON NEWS DEMO, 1, false, {{0}}, 0,
	 {
	     {"news", 1 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_STOPPED, 4 * D},
	     {"demo", 1 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 1 * D},
	     {"news", 9 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_BOUNCED,
		 REASON_STOPPED, 14 * D},
	 }},
	.stops = {{T0 + 1 * D, T0 + 2 * D}, {T0 + 8 * D, T0 + 20 * D}},
	.n_stops = 2},
    {.scene = {"the instant of a stop's end is after it", NEWS, 1, false, {{0}},
	 0,
	 {
	     {"news", 1 * D - 1, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_STOPPED, 1 * D},
	     {"news", 9 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 9 * D},
	 }},
	.stops = {{INT64_MIN, T0 + 1 * D}},
	.n_stops = 1},
    {.scene = {"what waits for a limit is stopped when its turn comes", NEWS, 1,
	 false, {{0}}, 0,
	 {
	     {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 0},
	     {"news", 6 * D, 0, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_SEGMENT_CAP, 9 * D},
	 }},
	.stops = {{T0 + 6 * D + 1, T0 + 9 * D}},
	.n_stops = 1},
    {.scene = {"one who goes on under another address is one from then on",
	 NEWS, 2, false, {{0}}, 0,
	 {
	     {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 0},
	     {"news", 1 * D, 1, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 1 * D},
	     {"news", 7 * D + 1, 1, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_SEGMENT_CAP, 8 * D},
	 }},
	.moves = {{T0 + 2 * D, 0, 1}},
	.n_moves = 1},
    {.scene = {"and so where the other was sent nothing", NEWS, 2, false, {{0}},
	 0,
	 {
	     {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 0},
	     {"news", 3 * D, 1, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_SEGMENT_CAP, 7 * D},
	 }},
	.moves = {{T0 + 3 * D, 0, 1}},
	.n_moves = 1},
    {.scene = {"before that they are two", NEWS, 2, false, {{0}}, 0,
	 {
	     {"news", 0, 0, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 0},
	     {"news", 3 * D - 1, 1, false, SLOT_DELIVERED, 0, REPLAY_SENT,
		 REASON_ALLOWED, 3 * D - 1},
	 }},
	.moves = {{T0 + 3 * D, 0, 1}},
	.n_moves = 1},
    {.scene = {"what bounces after the move gives its slot back to both",
	 PATIENT, 3, false, {{0}}, 0,
	 {
	     {"news", 0, 0, false, SLOT_RELEASED, 5 * D, REPLAY_SENT,
		 REASON_ALLOWED, 0},
	     {"news", 3 * D, 2, false, SLOT_DELIVERED, 0, REPLAY_HELD,
		 REASON_SEGMENT_CAP, 5 * D},
	 }},
	.moves = {{T0 + 1 * D, 0, 1}, {T0 + 2 * D, 1, 2}},
	.n_moves = 2},
};

static const struct policy *parse(const char *text)
{
	const struct policy *p;
	struct error err = {0};

	if (policy_parse(&p, "test.policy", str_of(text), 0, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return p;
}

static size_t fill(const struct story *story, struct replay_message *out)
{
	const struct scene *s = &story->scene;
	size_t n = 0;

	for (; n < MESSAGES_MAX && s->v[n].segment != NULL; n++)
		out[n] =
		    (struct replay_message){.arrived_ms = T0 + s->v[n].at_ms,
			.person = s->v[n].person,
			.label = policy_label(str_of(s->v[n].segment)),
			.fixed = s->v[n].fixed,
			.counts = true,
			.outcome = s->v[n].outcome,
			.outcome_after_ms = s->v[n].after_ms,
			.stops = story->stops,
			.n_stops = str_eq(str_of(s->v[n].segment), STR("news"))
				       ? story->n_stops
				       : 0};
	return n;
}

static int run_story(const struct story *story, struct replay *r,
    struct replay_result *out, size_t *n_out)
{
	const struct scene *s = &story->scene;
	struct replay_message messages[MESSAGES_MAX];
	struct replay_change changes[PEOPLE_MAX];
	struct replay_person people[PEOPLE_MAX] = {
	    {.changes = changes, .n_changes = s->n_changes}};
	struct replay_group g = {.people = people,
	    .n_people = s->n_people,
	    .messages = messages,
	    .n_messages = fill(story, messages),
	    .moves = story->moves,
	    .n_moves = story->n_moves,
	    .company = s->company};

	for (size_t i = 0; i < s->n_changes; i++) {
		changes[i] = s->changes[i];
		changes[i].label = policy_label(STR("news"));
	}
	*n_out = g.n_messages;
	return replay_run(r, &g, out);
}

static void test_story(const struct story *story)
{
	const struct scene *s = &story->scene;
	const struct policy *p = parse(s->policy);
	struct replay_result out[MESSAGES_MAX];
	struct replay *r;
	size_t n;

	IS_INT(replay_new(&r, p, NULL), 0, "%s", s->name);
	/* Twice: nothing is left of the first time. */
	for (int turn = 0; turn < 2; turn++)
		IS_INT(run_story(story, r, out, &n), 0, "played");
	for (size_t i = 0; i < n; i++) {
		const struct one *want = &s->v[i];

		if (want->fixed)
			continue;
		IS_STR(replay_fate_name(out[i].fate),
		    replay_fate_name(want->fate), "message %zu", i);
		IS_STR(verdict_reason_name(out[i].reason),
		    verdict_reason_name(want->reason), "for that reason");
		if (want->fate != REPLAY_BOUNCED)
			IS_INT(out[i].done_ms - T0, want->done_ms, "then");
	}
	replay_free(&r);
	policy_unref(&p);
}

/* Never more than the limit in any window, whatever came. */
static void test_never_more(void)
{
	enum {
		N = 3000
	};
	const struct policy *p = parse(ORDER PERSON NEWS DEMO);
	struct replay_message *m = calloc(N, sizeof(*m));
	struct replay_result *out = calloc(N, sizeof(*out));
	struct replay_person person = {0};
	struct replay_group g = {
	    .people = &person, .n_people = 1, .messages = m, .n_messages = N};
	struct replay *r;
	uint64_t x = 7;
	size_t sent = 0, close = 0;
	int64_t at = T0;

	for (size_t i = 0; i < N; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		at += (int64_t)(x >> 40) % (8 * H);
		m[i] = (struct replay_message){.arrived_ms = at,
		    .label = policy_label(
			(x >> 33) % 2 == 0 ? STR("news") : STR("demo")),
		    .counts = true,
		    .outcome = SLOT_DELIVERED};
	}
	IS_INT(replay_new(&r, p, NULL), 0, "many of one person");
	IS_INT(replay_run(r, &g, out), 0, "played");
	for (size_t i = 0; i < N; i++) {
		bool goes =
		    out[i].fate == REPLAY_SENT || out[i].fate == REPLAY_HELD;

		sent += goes;
		for (size_t k = 0; goes && k < i; k++) {
			int64_t gap = out[i].done_ms - out[k].done_ms;

			close += (out[k].fate == REPLAY_SENT ||
				     out[k].fate == REPLAY_HELD) &&
				 gap < 3 * D && gap > -3 * D;
		}
	}
	IS_INT(close, 0, "never two within three days");
	OK(sent > (size_t)((at - T0) / (4 * D)), "and nearly one each three");
	OK(replay_decisions(r) >= N, "each was decided");
	replay_free(&r);
	policy_unref(&p);
	free(m);
	free(out);
}

static void test_memory(void)
{
	const struct policy *p = parse(NEWS);
	struct replay_result out[MESSAGES_MAX];
	struct replay *r = NULL;
	int rc = -ENOMEM;
	size_t n;

	for (long i = 1; rc != 0 && i < 50; i++) {
		fault_alloc_at(i);
		rc = replay_new(&r, p, NULL);
		if (rc == 0)
			rc = run_story(
			    &(struct story){.scene = scenes[0]}, r, out, &n);
		fault_alloc_at(0);
		OK(rc == 0 || rc == -ENOMEM, "allocation %ld", i);
		replay_free(&r);
	}
	IS_INT(rc, 0, "all of them there");
	policy_unref(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		test_story(&(struct story){.scene = scenes[i]});
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		test_story(&stories[i]);
	test_never_more();
	test_memory();
	return tap_done();
}
