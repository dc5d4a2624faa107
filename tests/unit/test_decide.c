/* test_decide.c - verdict and reservation in one step, on a real ledger. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"

#include <pthread.h>

#include <errno.h>

static const char policy_text[] =
    "person { at-most = \"2 per 7d\" }\n"
    "segment news { purpose = newsletter legal-basis = consent\n"
    "  at-most = \"2 per 7d\" when-full = reject }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest\n"
    "  when-full = defer }\n";
static const char stricter_text[] =
    "segment demo { purpose = demos legal-basis = legitimate-interest\n"
    "  at-most = \"0 per 1d\" when-full = reject }\n";

static struct storetest T;

static void consent(const char *to, enum consent_state state)
{
	struct ops_consent in = {.address = storetest_address(&T, to),
	    .purpose = STR("newsletter"),
	    .state = state,
	    .origin = STR("test"),
	    .author = STR("test"),
	    .evidence = STR("form of 2026-01-01")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_consent_set(T.store, &in, &changed, &err), 0,
	    "consent %s: %s", consent_state_name(state), err.text);
}

static bool consent_of(
    const char *to, enum consent_state state, int64_t said_ms)
{
	struct ops_consent in = {.address = storetest_address(&T, to),
	    .purpose = STR("newsletter"),
	    .state = state,
	    .said_ms = said_ms,
	    .origin = STR("import x"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed = false;

	if (ops_consent_set(T.store, &in, &changed, &err) != 0)
		OK(false, "consent: %s", err.text);
	return changed;
}

/* What was said last counts, not what was heard last. */
static void test_consent_order(void)
{
	int64_t now = clock_now_ms(), year = 365 * INT64_C(86400000);
	const char *to = "order@b.example";

	OK(consent_of(to, CONSENT_GRANTED, now - year), "granted, last year");
	OK(consent_of(to, CONSENT_WITHDRAWN, 0), "withdrawn, now");
	OK(!consent_of(to, CONSENT_GRANTED, now - year / 2),
	    "a list of older grants does not undo it");
	OK(consent_of(to, CONSENT_GRANTED, now + year),
	    "a date in the future is now");
	OK(consent_of(to, CONSENT_WITHDRAWN, 0), "and can be withdrawn");
	OK(consent_of(to, CONSENT_GRANTED, 0), "and granted again");
}

static struct decide_in query(const char *to, const char *segment, uint64_t key)
{
	return (struct decide_in){.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = str_of(segment),
	    .stream = STR("apps"),
	    .queue_id = STR("4abcQ1"),
	    .sender = STR("app@example.com"),
	    .app_one_click = STR("https://app.example/u/1"),
	    .same = {.key = key, .has_message_id = true},
	    .log_followed = true};
}

static struct decide_out decide(const struct decide_in *in)
{
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(T.store, in, &out, &err) != 0)
		printf("# decide: %s\n", err.text);
	decide_fini(&out);
	return out;
}

static void test_before_policy(void)
{
	struct decide_in in = query("a@b.example", "news", 1);
	struct decide_out out = decide(&in);

	OK(out.verdict.action == VERDICT_DEFER &&
		out.verdict.reason == REASON_NO_POLICY,
	    "no policy applied: defer");
	IS_INT(storetest_policy(&T, "segment news {"), ERR_SYNTAX, "policy");
	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
	IS_INT(storetest_policy(&T, policy_text), ERR_EXISTS, "policy");
}

static void test_life_of_a_slot(void)
{
	struct decide_in in = query("Ann@B.example", "news", 11);
	struct decide_out a, b, c;

	a = decide(&in);
	IS_INT(a.verdict.reason, REASON_NO_CONSENT, "no consent yet");
	consent("ann@b.example", CONSENT_GRANTED);
	a = decide(&in);
	OK(a.verdict.action == VERDICT_ALLOW && a.message_id != 0 &&
		a.subject_id != 0,
	    "allowed, with ids");
	b = decide(&in);
	IS_INT(b.verdict.reason, REASON_IN_FLIGHT, "same message: wait");
	storetest_change(&T, a.message_id, SLOT_CHANGE_QUEUED);
	b = decide(&in);
	OK(b.verdict.reason == REASON_DUPLICATE &&
		b.verdict.action == VERDICT_DROP,
	    "queued: same message is a duplicate");
	in.same.key = 12;
	b = decide(&in);
	OK(b.verdict.action == VERDICT_ALLOW && b.message_id != a.message_id,
	    "second message");
	IS_INT(b.subject_id == a.subject_id, 1, "same subject");
	in.same.key = 13;
	c = decide(&in);
	OK(c.verdict.action == VERDICT_REJECT &&
		c.verdict.reason == REASON_SEGMENT_CAP &&
		c.verdict.earliest_ms > 0,
	    "third: the cap");
	storetest_change(&T, b.message_id, SLOT_CHANGE_RELEASED);
	c = decide(&in);
	IS_INT(c.verdict.action, VERDICT_ALLOW, "released: free again");
	storetest_change(&T, c.message_id, SLOT_CHANGE_DELIVERED);
	storetest_change(&T, c.message_id, SLOT_CHANGE_RELEASED);
	in.same.key = 14;
	IS_INT(decide(&in).verdict.action, VERDICT_REJECT,
	    "delivered is not released by a late line");
}

static void test_opt_out(void)
{
	struct decide_in in = query("bob@b.example", "news", 21);
	struct ops_suppress sup = {.reason = SUPPRESSION_MANUAL,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed;

	consent("bob@b.example", CONSENT_GRANTED);
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "before");
	consent("bob@b.example", CONSENT_WITHDRAWN);
	in.same.key = 22;
	IS_INT(decide(&in).verdict.reason, REASON_WITHDRAWN, "after");
	IS_INT(ops_target_parse(T.arena, STR("@b.example"), &sup.target, &err),
	    0, "a domain");
	IS_INT(ops_suppress_add(T.store, &sup, &changed, &err), 0, "add");
	OK(changed, "changed");
	IS_INT(ops_suppress_add(T.store, &sup, &changed, &err), 0, "again");
	OK(!changed, "idempotent");
	in = query("carl@sub.b.example", "demo", 23);
	IS_INT(decide(&in).verdict.reason, REASON_SUPPRESSED,
	    "a domain covers its subdomains");
	IS_INT(ops_suppress_remove(T.store, &sup, &changed, &err), 0, "remove");
	OK(changed, "removed");
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "free again");
}

static void test_hash_list(void)
{
	/* printf %s dora@b.example | md5sum */
	struct ops_suppress sup = {.reason = SUPPRESSION_IMPORTED,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct decide_in in = query("Dora@b.example", "demo", 31);
	struct error err = {0};
	bool changed;
	unsigned char md5[DIGEST_MD5];
	char text[64] = "md5:";

	OK(digest_md5(STR("dora@b.example"), md5) == 0, "md5");
	codec_hex(md5, sizeof(md5), text + 4);
	IS_INT(ops_target_parse(T.arena, str_of(text), &sup.target, &err), 0,
	    "target %s", err.text);
	IS_INT(ops_suppress_add(T.store, &sup, &changed, &err), 0, "add");
	IS_INT(decide(&in).verdict.reason, REASON_SUPPRESSED,
	    "found by the hash alone");
	IS_INT(ops_target_parse(T.arena, STR("md5:00"), &sup.target, &err),
	    ERR_SYNTAX, "short digest");
}

static void test_modes(void)
{
	struct decide_in in = query("eve@b.example", "demo", 41);
	struct decide_out out;

	in.mode = DECIDE_REFUSE_ONLY;
	out = decide(&in);
	OK(out.verdict.action == VERDICT_ALLOW && out.message_id == 0,
	    "RCPT: nothing to refuse, nothing reserved");
	in.mode = DECIDE_SHADOW;
	for (int i = 0; i < 3; i++) {
		in.same.key = (uint64_t)(42 + i);
		out = decide(&in);
		OK(out.message_id != 0, "shadow: what goes has a slot");
	}
	OK(out.verdict.action == VERDICT_DEFER &&
		out.verdict.reason == REASON_PERSON_CAP,
	    "so that a limit is seen to be full");
	IS_INT(storetest_slots(&T, "eve@b.example"), 3,
	    "and counts all that went");
	in.mode = DECIDE_ONE_TO_ONE;
	for (int i = 0; i < 3; i++) {
		in.same.key = (uint64_t)(52 + i);
		out = decide(&in);
		OK(out.verdict.action == VERDICT_ALLOW && out.message_id != 0,
		    "one-to-one is counted, never capped");
	}
	in.mode = DECIDE_SEND;
	in.same.key = 60;
	IS_INT(decide(&in).verdict.reason, REASON_PERSON_CAP,
	    "and fills the person's cap");
	in.seed = true;
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "seeds pass");
}

/* --- several recipients in one step --- */

enum {
	ALL = 4
};

static void all(struct decide_in *in, struct decide_out *out, int want)
{
	struct error err = {0};

	IS_INT(decide_propose_all(T.store, in, ALL, out, &err), want, "all: %s",
	    err.text);
	for (size_t i = 0; i < ALL; i++)
		decide_fini(&out[i]);
}

static void test_all(void)
{
	static const char *const to[ALL] = {
	    "m1@m.example", "m2@m.example", "M1@m.example", "m3@m.example"};
	struct ops_suppress sup = {.reason = SUPPRESSION_MANUAL,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct decide_in in[ALL];
	struct decide_out out[ALL];
	struct error err = {0};
	bool changed;

	for (size_t i = 0; i < ALL; i++) {
		in[i] = query(to[i], "demo", 700 + i);
		in[i].mode = DECIDE_ONE_TO_ONE;
	}
	all(in, out, 0);
	OK(out[0].message_id != 0 && out[1].message_id != 0 &&
		out[0].message_id != out[1].message_id &&
		out[1].message_id != out[3].message_id,
	    "a slot each");
	OK(out[2].message_id == out[0].message_id &&
		storetest_slots(&T, "m1@m.example") == 1,
	    "who is in it twice has one");
	if (ops_target_parse(T.arena, STR("m2@m.example"), &sup.target, &err) !=
		0 ||
	    ops_suppress_add(T.store, &sup, &changed, &err) != 0)
		exit(1);
	all(in, out, 0);
	OK(out[1].verdict.action == VERDICT_REJECT &&
		out[0].verdict.action == VERDICT_ALLOW,
	    "one is refused");
	OK(out[0].message_id == 0 && storetest_slots(&T, "m1@m.example") == 1 &&
		storetest_slots(&T, "m3@m.example") == 1,
	    "and nobody has a slot of it");
	for (size_t i = 0; i < ALL; i++) {
		in[i].mode = DECIDE_SHADOW;
		in[i].same.key = 710 + i;
	}
	all(in, out, 0);
	OK(storetest_slots(&T, "m3@m.example") == 2 &&
		storetest_slots(&T, "m2@m.example") == 2 &&
		out[1].verdict.reason == REASON_SUPPRESSED,
	    "shadow: all go and count, who is refused too");
	OK(out[2].message_id == out[0].message_id &&
		storetest_slots(&T, "m1@m.example") == 2,
	    "who is in it twice once");
	IS_INT(decide_propose_all(T.store, in, 0, out, &err), ERR_LIMIT,
	    "none at all");
	in[0].mode = DECIDE_ONE_TO_ONE_REFUSE_ONLY;
	in[1].mode = DECIDE_ONE_TO_ONE_REFUSE_ONLY;
	IS_INT(decide(&in[0]).verdict.action, VERDICT_ALLOW, "RCPT: fine");
	IS_INT(storetest_slots(&T, "m1@m.example"), 2, "and no slot");
	IS_INT(decide(&in[1]).verdict.action, VERDICT_REJECT, "RCPT: refused");
}

static void test_unknown_segment(void)
{
	struct decide_in in = query("unk@b.example", "nosuch", 800);
	struct decide_out out;

	out = decide(&in);
	OK(out.verdict.action == VERDICT_REJECT &&
		out.verdict.reason == REASON_UNKNOWN_SEGMENT,
	    "reject");
	in.unknown = CONF_UNKNOWN_HOLD;
	IS_INT(decide(&in).verdict.action, VERDICT_DEFER, "hold without copy");
	in.unknown = CONF_UNKNOWN_SEGMENT;
	in.unknown_segment = STR("nosuch2");
	IS_INT(decide(&in).verdict.action, VERDICT_REJECT, "no stand-in");
	in.unknown_segment = STR("demo");
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "stand-in");
}

static int no_key(
    void *arg, const struct policy_segment *s, enum comply_result *out)
{
	int *asked = arg;

	++*asked;
	*out = str_eq(s->name, STR("demo")) ? COMPLY_NO_KEY : COMPLY_OK;
	return 0;
}

static int no_memory(
    void *arg, const struct policy_segment *s, enum comply_result *out)
{
	(void)arg;
	(void)s;
	*out = COMPLY_NO_POSTAL_ADDRESS;
	return -ENOMEM;
}

static void test_comply(void)
{
	struct decide_in in = query("com@b.example", "demo", 810);
	int asked = 0;

	in.comply = no_key;
	in.comply_arg = &asked;
	IS_INT(decide(&in).verdict.reason, REASON_NOT_COMPLIANT,
	    "by the policy's segment");
	IS_INT(asked, 1, "asked once");
	in.comply = no_memory;
	IS_INT(decide(&in).verdict.reason, REASON_TROUBLE,
	    "what nobody knows is no reason to refuse");
}

/* Another policy comes into force after this proposal took its own. */
static int apply_once(
    void *arg, const struct policy_segment *s, enum comply_result *out)
{
	int *asked = arg;

	(void)s;
	if (++*asked == 1)
		IS_INT(storetest_policy(&T, stricter_text), 0, "policy");
	*out = COMPLY_OK;
	return 0;
}

static void test_policy_changes(void)
{
	struct decide_in in = query("stale@b.example", "demo", 820);
	int asked = 0;

	in.comply = apply_once;
	in.comply_arg = &asked;
	IS_INT(decide(&in).verdict.reason, REASON_SEGMENT_CAP,
	    "decided by the policy in force");
	IS_INT(asked, 2, "the first proposal was stale");
	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
}

static void test_delivered_once(void)
{
	struct decide_in in = query("once@b.example", "demo", 830);
	uint64_t id;
	struct slot_change c = {.kind = SLOT_CHANGE_DELIVERED};
	struct message_record r = {0};
	struct ledger_txn *t = NULL;
	struct error err = {0};
	int64_t first = clock_now_ms();

	in.from_domain = STR("news.example");
	id = c.message_id = decide(&in).message_id;
	for (int i = 0; i < 2; i++) {
		c.at_ms = first + i * 3600000;
		IS_INT(ops_slot_apply(T.store, &c, &err), 0, "delivered");
	}
	if (ledger_read_begin(T.store->ledger, &t) != 0)
		exit(1);
	IS_INT(message_read(t, id, &r), 0, "read");
	IS_S(r.from_domain, STR("news.example"), "From domain");
	OK(r.counts, "counts");
	ledger_read_end(&t);
	OK(r.state == SLOT_DELIVERED && r.changed_ms - first <= 1,
	    "a repeated line does not make it younger");
}

static void test_from_copy(void)
{
	struct decide_in in = query("copy@b.example", "demo", 820);

	in.log_followed = false;
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "first");
	in.from_copy = true;
	IS_INT(decide(&in).verdict.reason, REASON_DUPLICATE, "again");
	in.from_copy = false;
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW,
	    "an application's counts as a new send");
}

static uint64_t proposals(void)
{
	struct door_stats st;

	door_stats(T.store->door, &st);
	return st.proposals;
}

/* What is to be recorded goes through the door, and nothing else. */
static void test_look(void)
{
	struct decide_in in = query("flo@b.example", "hold", 71);
	struct decide_out out;
	struct error err = {0};
	uint64_t before;

	IS_INT(storetest_policy(&T, "segment hold { purpose = demos\n"
				    "  legal-basis = legitimate-interest\n"
				    "  at-most = \"1 per 7d\"  when-full = "
				    "\"hold 8d, then drop\" }\n"
				    "segment news { purpose = newsletter }\n"),
	    0, "policy");
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "the first");
	before = proposals();
	in.same.key = 72;
	in.may_hold = true;
	IS_INT(decide_propose(T.store, &in, &out, &err), ERR_NEED_COPY,
	    "a hold asks for its copy");
	OK(out.verdict.action == VERDICT_HOLD &&
		out.verdict.reason == REASON_SEGMENT_CAP,
	    "with its verdict");
	decide_fini(&out);
	in.mode = DECIDE_REFUSE_ONLY;
	IS_INT(decide(&in).verdict.action, VERDICT_ALLOW, "not final");
	IS_INT(proposals(), before, "neither was proposed");
	in.segment = STR("news");
	IS_INT(decide(&in).verdict.reason, REASON_NO_CONSENT, "final");
	IS_INT(proposals(), before + 1, "that one was");
	in.mode = DECIDE_SEND;
	in.segment = STR("hold");
	in.copy_id = 4711;
	IS_INT(decide(&in).verdict.action, VERDICT_HOLD, "with a copy");
	IS_INT(proposals(), before + 2, "proposed");
	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
}

struct racer {
	const char *to;
	uint64_t first_key;
	int allowed;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct arena *a = arena_new(4096);
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .queue_id = STR(""),
	    .same = {.has_message_id = true},
	    .log_followed = true};
	struct error err;

	if (a == NULL ||
	    address_parse(a, str_of(r->to), &in.recipient, &err) != 0)
		return NULL;
	for (int i = 0; i < 10; i++) {
		struct decide_out out;
		in.same.key = r->first_key + (uint64_t)i;
		if (decide_propose(T.store, &in, &out, &err) == 0)
			r->allowed += out.verdict.action == VERDICT_ALLOW;
		decide_fini(&out);
	}
	arena_free(&a);
	return NULL;
}

/* Check and reservation are one step: the cap is met, not overshot. */
static void test_race(void)
{
	enum {
		THREADS = 16
	};
	pthread_t t[THREADS];
	struct racer r[THREADS];
	int allowed = 0;

	for (int i = 0; i < THREADS; i++) {
		r[i] = (struct racer){
		    "race@b.example", 1000 + 100 * (uint64_t)i, 0};
		if (pthread_create(&t[i], NULL, race, &r[i]) != 0)
			exit(1);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], NULL);
		allowed += r[i].allowed;
	}
	IS_INT(allowed, 2, "160 proposals by 16 threads: the cap, exactly");
}

static void test_explain(void)
{
	struct decide_in in = query("race@b.example", "demo", 9999);
	struct decide_out out;
	struct error err = {0};

	IS_INT(decide_explain(T.store, &in, NULL, clock_now_ms(), &out, &err),
	    0, "explain: %s", err.text);
	OK(out.verdict.reason == REASON_PERSON_CAP &&
		out.verdict.rule != NULL && out.verdict.rule->line == 1,
	    "says why, with the line");
	decide_fini(&out);
	IS_INT(decide_explain(T.store, &in, NULL,
		   clock_now_ms() + 8 * INT64_C(86400000), &out, &err),
	    0, "later");
	decide_fini(&out);
}

static void test_sealed(void)
{
	struct address a = storetest_address(&T, "ann@b.example");
	struct ledger_txn *t;
	struct lead_record r;
	struct lead_id id;
	struct str text;

	OK(lead_id_of(T.store->lead_key, &a, &id) == 0 &&
		ledger_read_begin(T.store->ledger, &t) == 0,
	    "read");
	IS_INT(lead_read(t, &id, T.arena, &r), 0, "the lead is there");
	OK(!str_contains(r.address, STR("ann")), "address is not in the clear");
	IS_INT(person_address(T.store, t, &id, T.arena, &text), 0, "opens");
	IS_S(text, STR("ann@b.example"), "the address");
	ledger_read_end(&t);
}

int main(void)
{
	storetest_open(&T);
	test_before_policy();
	test_life_of_a_slot();
	test_consent_order();
	test_opt_out();
	test_hash_list();
	test_modes();
	test_all();
	test_unknown_segment();
	test_comply();
	test_policy_changes();
	test_delivered_once();
	test_from_copy();
	test_look();
	test_race();
	test_explain();
	test_sealed();
	storetest_close(&T);
	return tap_done();
}
