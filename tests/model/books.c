/* books.c - see books.h. The clock is the file that TENDRIL_CLOCK_FILE names.
 * Each world has people, copies and queue ids that no other has. */
#include "tests/model/books.h"

#include "tests/unit/storetest.h"

#include "policy/state/decide_many.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_leads.h"
#include "policy/state/ops_stop.h"

#include <fcntl.h>
#include <inttypes.h>

enum {
	COPIES = 1000 /* of a world, at most */
};

struct books {
	struct storetest st;
	char clock[80];
	unsigned world; /* how many there were before */
	uint64_t keys;
	struct copy_wait wait; /* as explained last */
};

struct books *books_open(void)
{
	struct books *b = calloc(1, sizeof(*b));

	if (b == NULL)
		abort();
	storetest_open(&b->st);
	(void)snprintf(b->clock, sizeof(b->clock), "%s/clock", b->st.dir);
	(void)setenv("TENDRIL_CLOCK_FILE", b->clock, 1);
	return b;
}

void books_close(struct books **b)
{
	if (*b == NULL)
		return;
	(void)unsetenv("TENDRIL_CLOCK_FILE");
	storetest_close(&(*b)->st);
	free(*b);
	*b = NULL;
}

/* One write in place: whoever reads gets the old or the new. */
static void set_clock(const struct run *r)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%020" PRId64 "\n", r->now.now_ms);
	int fd = open(r->books->clock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		abort();
	(void)close(fd);
}

static void must(struct run *r, int rc, const char *what, const struct error *e)
{
	if (rc != 0)
		run_fail(r, "ledger: %s: %d %s", what, rc, e->text);
}

static void write_address(const struct run *r, int person, char out[80])
{
	(void)snprintf(out, 80, "p%d.w%u@%s", person, r->books->world,
	    r->w->person[person].company < 0 ? "gmail.com" : "example.com");
}

static struct address address_of(const struct run *r, int person)
{
	char text[80];

	arena_reset(r->books->st.arena);
	write_address(r, person, text);
	return storetest_address(&r->books->st, text);
}

/* --- people and policies --- */

static struct attribute_value text_value(const char *name, const char *text)
{
	return (struct attribute_value){.label = policy_label(str_of(name)),
	    .type = ATTRIBUTE_TEXT,
	    .text = str_of(text)};
}

static void add_person(struct run *r, int i)
{
	const struct model_person *m = &r->w->person[i];
	struct attribute_value v[4];
	struct ops_leads_row row = {
	    .address = address_of(r, i), .values = v, .n = 0};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = STR("test"),
	    .author = STR("model")};
	struct error err = {0};
	char company[40];

	v[row.n++] = text_value("time-zone", place_name(m->place));
	(void)snprintf(
	    company, sizeof(company), "c%d of %u", m->company, r->books->world);
	if (m->company >= 0)
		v[row.n++] = text_value("company", company);
	if (r->w->role[i] != NULL)
		v[row.n++] = text_value("role", r->w->role[i]);
	if (r->w->size[i] > 0)
		v[row.n++] =
		    (struct attribute_value){.label = policy_label(STR("size")),
			.type = ATTRIBUTE_NUMBER,
			.number = r->w->size[i]};
	must(r, ops_leads_set(r->books->st.store, &in, &err), "person", &err);
}

void books_company(struct run *r, int person)
{
	char company[40];
	struct attribute_value v = text_value("company", company);
	struct ops_leads_row row = {.values = &v, .n = 1};
	struct ops_leads in = {.rows = &row,
	    .n = 1,
	    .origin = STR("test"),
	    .author = STR("model")};
	struct error err = {0};

	if (r->books == NULL)
		return;
	set_clock(r);
	(void)snprintf(company, sizeof(company), "c%d of %u",
	    r->now.person[person].company, r->books->world);
	v.text = str_of(company);
	row.address = address_of(r, person);
	must(r, ops_leads_set(r->books->st.store, &in, &err), "company", &err);
}

static void set_consent(struct run *r, int person)
{
	static const enum consent_state states[] = {
	    CONSENT_NONE, CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_OBJECTED};
	struct ops_consent in = {.address = address_of(r, person),
	    .purpose = STR("news"),
	    .state = states[r->now.person[person].consent],
	    .origin = STR("test"),
	    .author = STR("model")};
	struct error err = {0};
	bool changed;

	if (in.state != CONSENT_NONE)
		must(r,
		    ops_consent_set(r->books->st.store, &in, &changed, &err),
		    "consent", &err);
}

static void set_suppression(struct run *r, int person)
{
	const struct model_person *m = &r->now.person[person];
	struct ops_suppress in = {
	    .target = {.kind = SUPPRESS_LEAD, .address = address_of(r, person)},
	    .reason = SUPPRESSION_MANUAL,
	    .until_ms = m->suppressed_until_ms,
	    .origin = STR("test"),
	    .author = STR("model")};
	struct error err = {0};
	bool changed;

	must(r, ops_suppress_remove(r->books->st.store, &in, &changed, &err),
	    "suppression", &err);
	if (m->suppressed)
		must(r,
		    ops_suppress_add(r->books->st.store, &in, &changed, &err),
		    "suppression", &err);
}

void books_person(struct run *r, int person)
{
	if (r->books == NULL)
		return;
	set_clock(r);
	set_consent(r, person);
	set_suppression(r, person);
}

void books_policy(struct run *r)
{
	struct ops_policy in = {.path = STR("world.policy"),
	    .author = STR("model"),
	    .reason = STR("test")};
	struct error err = {0};
	uint32_t version;
	int rc;

	if (r->books == NULL)
		return;
	set_clock(r);
	in.text = str_of(r->w->policy[r->policy].text);
	rc = ops_policy_apply(r->books->st.store, &in, &version, &err);
	must(r, rc == ERR_EXISTS ? 0 : rc, "policy", &err);
}

static struct ops_stop stop_of(int segment, char name[3])
{
	(void)snprintf(name, 3, "s%d", segment);
	return (struct ops_stop){.kind = STOP_SEGMENT,
	    .label = str_of(name),
	    .author = STR("model"),
	    .reason = STR("test")};
}

static uint64_t copy_id(const struct run *r, int64_t id)
{
	return (uint64_t)r->books->world * COPIES + (uint64_t)id;
}

/* What waits for the end of a stop the agent brings back (agent/guard.c). */
static void bring_back(struct run *r, int segment)
{
	struct error err = {0};

	for (int i = 0; i < r->now.n_waiting; i++)
		if (r->now.waiting[i].segment == segment)
			must(r,
			    ops_copy_due(r->books->st.store,
				copy_id(r, r->now.waiting[i].id), r->now.now_ms,
				&err),
			    "bring back", &err);
}

void books_stop(struct run *r, int segment)
{
	char name[3];
	struct ops_stop in = stop_of(segment, name);
	struct error err = {0};
	bool changed;
	int rc;

	if (r->books == NULL)
		return;
	set_clock(r);
	rc = r->now.stopped[segment]
		 ? ops_stop_begin(r->books->st.store, &in, &changed, &err)
		 : ops_stop_end(r->books->st.store, &in, &changed, &err);
	must(r, rc, "stop", &err);
	if (r->plain && !r->now.stopped[segment])
		bring_back(r, segment);
}

void books_begin(struct run *r)
{
	if (r->books == NULL)
		return;
	r->books->world++;
	set_clock(r);
	books_policy(r);
	for (int i = 0; i < MODEL_SEGMENTS; i++)
		books_stop(r, i);
	for (int i = 0; i < r->w->n_people; i++) {
		add_person(r, i);
		set_consent(r, i);
	}
}

/* --- decisions --- */

static struct decide_in query(
    struct run *r, const struct model_question *q, char segment[3])
{
	(void)snprintf(segment, 3, "s%d", q->segment);
	return (struct decide_in){.mode = DECIDE_SEND,
	    .recipient = address_of(r, q->person),
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .sender = STR("app@example.com"),
	    .same = {.key = ++r->books->keys, .has_message_id = true},
	    .compliance = q->compliant ? COMPLY_OK : COMPLY_NO_FROM,
	    .seed = q->seed,
	    .log_followed = true,
	    .may_hold = true,
	    .held_id = q->id != 0 ? copy_id(r, q->id) : 0,
	    .arrived_ms = q->arrived_ms};
}

static bool is_same_rule(
    const struct policy_line *a, const struct policy_line *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->line == b->line && str_eq(a->text, b->text);
}

static void compare(struct run *r, const char *who, const struct verdict *want,
    const struct verdict *got)
{
	char t[4][40];

	if (want->action == got->action && want->reason == got->reason &&
	    want->earliest_ms == got->earliest_ms &&
	    want->deadline_ms == got->deadline_ms &&
	    want->shadowed == got->shadowed &&
	    is_same_rule(want->rule, got->rule))
		return;
	run_fail(r,
	    "pure: %s %s earliest %s deadline %s, %s: %s %s earliest %s "
	    "deadline %s",
	    verdict_action_name(want->action),
	    verdict_reason_name(want->reason),
	    run_instant(want->earliest_ms, t[0]),
	    run_instant(want->deadline_ms, t[1]), who,
	    verdict_action_name(got->action), verdict_reason_name(got->reason),
	    run_instant(got->earliest_ms, t[2]),
	    run_instant(got->deadline_ms, t[3]));
}

/* As many are asked for at once, of a message that would come now. */
static void ask_many(struct run *r, const struct model_question *q,
    const struct decide_in *in, const struct verdict *v)
{
	struct arena *a = arena_new(1 << 20);
	struct decide_one one[2] = {0};
	struct decide_list list = {one, 2, a};
	struct decide_out out;
	struct error err = {0};
	char text[80];
	int rc;

	if (a == NULL)
		abort();
	write_address(r, q->person, text);
	one[0].text = STR("somebody@else.example");
	one[1].text = str_of(text);
	rc = decide_many(
	    r->books->st.store, in, r->now.now_ms, &list, &out, &err);
	must(r, rc != 0 ? rc : one[1].rc, "many", &err);
	if (r->why[0] == '\0')
		compare(r, "among many", v, &one[1].verdict);
	decide_fini(&out);
	arena_free(&a);
}

void books_ask(
    struct run *r, const struct model_question *q, const struct verdict *v)
{
	struct decide_out out;
	struct error err = {0};
	struct decide_in in;
	char segment[3];
	int rc;

	if (r->books == NULL || r->why[0] != '\0')
		return;
	set_clock(r);
	in = query(r, q, segment);
	rc = decide_explain(
	    r->books->st.store, &in, NULL, r->now.now_ms, &out, &err);
	must(r, rc, "explain", &err);
	if (rc == 0) {
		compare(r, "explain", v, &out.verdict);
		decide_wait(&out, r->now.now_ms, &r->books->wait);
	}
	decide_fini(&out);
	if (q->id == 0)
		ask_many(r, q, &in, v);
}

static void propose(struct run *r, struct decide_in *in,
    enum verdict_action want, const char *what)
{
	struct decide_out out;
	struct error err = {0};
	int rc;

	set_clock(r);
	rc = decide_propose(r->books->st.store, in, &out, &err);
	must(r, rc, what, &err);
	if (rc == 0 && out.verdict.action != want)
		run_fail(r, "proposal of what is %s: %s %s", what,
		    verdict_action_name(out.verdict.action),
		    verdict_reason_name(out.verdict.reason));
	if (rc == 0 && want == VERDICT_HOLD &&
	    (out.verdict.deadline_ms != r->books->wait.deadline_ms ||
		out.verdict.reason != r->books->wait.reason))
		run_fail(r, "proposal and explain differ in a hold");
	decide_fini(&out);
}

static void name_queue(const struct run *r, int send, char out[24])
{
	(void)snprintf(out, 24, "W%uQ%d", r->books->world, send);
}

/* A hold lasts 40 days at most, and a clock that is wrong is 70 days ahead at
 * least: what is due later than that was put off by the wrong one. */
#define BY_WRONG_CLOCK_MS (60 * MODEL_DAY)

/* What may go is due: the agent does not sleep over it. But what a person, an
 * operator or a clock that is set changes is not said to those who wait. */
static void check_awake(struct run *r, int64_t id)
{
	struct copy_record row = {0};
	char t[2][40];
	int rc;

	arena_reset(r->books->st.arena);
	rc = ops_copy_get(
	    r->books->st.store, copy_id(r, id), r->books->st.arena, &row);
	if (rc == 0 &&
	    row.wait.due_ms > r->now.now_ms + BY_WRONG_CLOCK_MS)
		return;
	if (rc != 0 || row.wait.due_ms > r->now.now_ms)
		run_fail(r,
		    "message %" PRId64 " may go at %s, and is due at %s: %d",
		    id, run_instant(r->now.now_ms, t[0]),
		    run_instant(row.wait.due_ms, t[1]), rc);
}

void books_send(struct run *r, const struct model_question *q, int send)
{
	struct decide_in in;
	char segment[3], queue[24];

	if (r->books == NULL || r->why[0] != '\0')
		return;
	if (q->id != 0 && run_step_wakes(r))
		check_awake(r, q->id);
	in = query(r, q, segment);
	name_queue(r, send, queue);
	in.queue_id = str_of(queue);
	in.from_copy = q->id != 0;
	in.may_hold = q->id == 0;
	propose(r, &in, VERDICT_ALLOW, "let go");
}

void books_hold(struct run *r, const struct model_question *q, int64_t id)
{
	struct decide_in in;
	char segment[3];

	if (r->books == NULL || r->why[0] != '\0')
		return;
	in = query(r, q, segment);
	in.queue_id = STR("H1");
	in.copy_id = copy_id(r, id);
	propose(r, &in, VERDICT_HOLD, "held");
}

void books_wait(struct run *r, int64_t id, const struct verdict *v)
{
	struct copy_record was = {0};
	struct copy_decided d = {.id = 0};
	struct error err = {0};
	int rc;

	if (r->books == NULL || r->why[0] != '\0')
		return;
	arena_reset(r->books->st.arena);
	rc = ops_copy_get(
	    r->books->st.store, copy_id(r, id), r->books->st.arena, &was);
	must(r, rc, "row", &err);
	d = (struct copy_decided){copy_id(r, id), was.wakes, r->books->wait};
	if (v->action != VERDICT_HOLD) { /* as the agent does */
		d.wait.deadline_ms = was.wait.deadline_ms;
		d.wait.then = was.wait.then;
	}
	if (rc == 0)
		must(r, ops_copy_wait(r->books->st.store, &d, 1, &err), "wait",
		    &err);
}

void books_end(struct run *r, int64_t id, bool sent)
{
	struct error err = {0};

	if (r->books == NULL || r->why[0] != '\0')
		return;
	set_clock(r);
	must(r,
	    ops_copy_done(r->books->st.store, copy_id(r, id), 0,
		sent ? COPY_SENT : COPY_DROPPED, &err),
	    "end", &err);
}

/* --- what the MTA tells --- */

static void change(struct run *r, int send, enum slot_change_kind kind)
{
	char queue[24];
	struct slot_change c = {.kind = kind,
	    .at_ms = r->now.send[send].at_ms,
	    .release = RELEASE_BOUNCED};
	struct error err = {0};

	name_queue(r, send, queue);
	c.queue_id = str_of(queue);
	set_clock(r);
	must(r, ops_slot_apply(r->books->st.store, &c, &err), "slot", &err);
}

void books_hear(struct run *r, int send)
{
	if (r->books == NULL)
		return;
	if (send % 3 == 0)
		change(r, send, SLOT_CHANGE_QUEUED);
	change(r, send,
	    r->now.send[send].fate == RELEASED ? SLOT_CHANGE_RELEASED
					       : SLOT_CHANGE_DELIVERED);
}

void books_letter(struct run *r, int person, int send)
{
	char queue[24];
	struct decide_in in;

	if (r->books == NULL || r->why[0] != '\0')
		return;
	name_queue(r, send, queue);
	in = (struct decide_in){.mode = DECIDE_ONE_TO_ONE,
	    .recipient = address_of(r, person),
	    .stream = STR("people"),
	    .queue_id = str_of(queue),
	    .sender = STR("ann@example.com"),
	    .same = {.key = ++r->books->keys, .has_message_id = true},
	    .log_followed = true};
	propose(r, &in, VERDICT_ALLOW, "a letter");
}
