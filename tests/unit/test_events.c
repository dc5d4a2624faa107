/* test_events.c - the bytes of each event, for ever: what is in a ledger must
 * be read by all later versions. A change that fails here needs a new event
 * version, not a new line here. (Checked once against another CBOR decoder.) */
#include "tests/unit/storetest.h"

#include "policy/base/codec.h"
#include "policy/state/answer.h"
#include "policy/state/companies.h"
#include "policy/state/consent.h"
#include "policy/state/copy.h"
#include "policy/state/feedback.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/mtalogpos.h"
#include "policy/state/outbox.h"
#include "policy/state/policyver.h"
#include "policy/state/refusal.h"
#include "policy/state/review.h"
#include "policy/state/seen.h"
#include "policy/state/spikeback.h"
#include "policy/state/stop.h"
#include "policy/state/suppression.h"

static struct storetest T;

static void bytes_are(const char *name, struct buf *b, int rc, const char *want)
{
	char hex[2048];

	if (rc != 0 || b->n > sizeof(hex) / 2 - 1) {
		OK(false, "%s: code %d, %zu bytes", name, rc, b->n);
	} else {
		codec_hex(b->p, b->n, hex);
		IS_STR(hex, want, "%s", name);
	}
	buf_reset(b);
}

static void is_hex(const char *name, struct buf *b,
    const struct payload_desc *d, const void *e, const char *want)
{
	bytes_are(name, b, payload_encode(d, e, b), want);
}

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)i;
}

static void test_person_events(struct buf *b)
{
	struct event_lead_created lead = {
	    .epoch = 1, .wrapped = STR("WW"), .address = STR("AA")};
	struct event_lead_changed changed = {
	    .attributes = STR("A"), .origin = STR("o"), .author = STR("a")};
	struct event_lead_merged merged = {
	    .origin = STR("o"), .author = STR("a")};
	struct event_consent consent = {.label = 7,
	    .state = CONSENT_GRANTED,
	    .purpose = STR("news"),
	    .origin = STR("form"),
	    .author = STR("alice"),
	    .said_ms = 1000,
	    .message_id = 5,
	    .evidence = STR("E")};
	struct event_suppressed sup = {.kind = SUPPRESS_DOMAIN,
	    .what = STR("b.example"),
	    .reason = SUPPRESSION_MANUAL,
	    .author = STR("alice")};
	struct event_unsuppressed un = {
	    .kind = SUPPRESS_MD5, .what = STR("0123456789abcdef")};

	fill(lead.lead, sizeof(lead.lead));
	fill(changed.lead, sizeof(changed.lead));
	fill(changed.company, sizeof(changed.company));
	fill(merged.lead, sizeof(merged.lead));
	fill(merged.to, sizeof(merged.to));
	fill(consent.lead, sizeof(consent.lead));
	is_hex("lead created", b, &lead_created_payload, &lead,
	    "a40150000102030405060708090a0b0c0d0e0f0201034257570442"
	    "4141");
	fill(lead.company, sizeof(lead.company));
	lead.attributes = STR("A");
	lead.origin = STR("o");
	lead.author = STR("a");
	is_hex("lead created, version 2", b, &lead_created_payload, &lead,
	    "a80150000102030405060708090a0b0c0d0e0f0201034257570442"
	    "41410550000102030405060708090a0b0c0d0e0f06414107616f086161");
	is_hex("lead changed", b, &lead_changed_payload, &changed,
	    "a50150000102030405060708090a0b0c0d0e0f0241410350000102030405060708"
	    "090a0b0c0d0e0f04616f056161");
	is_hex("lead merged", b, &lead_merged_payload, &merged,
	    "a40150000102030405060708090a0b0c0d0e0f0250000102030405060708090a0b"
	    "0c0d0e0f03616f046161");
	is_hex("consent", b, &consent_payload, &consent,
	    "a90150000102030405060708090a0b0c0d0e0f02070301"
	    "04646e6577730564666f726d0665616c696365071903e8080509"
	    "4145");
	is_hex("suppressed", b, &suppression_added_payload, &sup,
	    "a401020249622e6578616d706c6504010865616c696365");
	sup.since_ms = 1000;
	sup.first_seq = 9;
	is_hex("suppressed, version 2", b, &suppression_added_payload, &sup,
	    "a601020249622e6578616d706c6504010865616c6963650c1903e80d09");
	is_hex("unsuppressed", b, &suppression_removed_payload, &un,
	    "a20104025030313233343536373839616263646566");
}

static void test_slot_events(struct buf *b)
{
	struct event_slot_proposed p = {.message_id = 0x0102030405060708,
	    .key = 9,
	    .subject_id = 10,
	    .label = 11,
	    .policy_version = 3,
	    .segment = STR("s"),
	    .purpose = STR("p"),
	    .stream = STR("t"),
	    .campaign = STR("c"),
	    .queue_id = STR("Q"),
	    .counts = true,
	    .prune_before_ms = -1};
	struct event_slot_changed c = {.message_id = 1,
	    .at_ms = 2,
	    .release = RELEASE_BOUNCED,
	    .status = STR("5.1.1")};
	struct event_slot_moved m = {1, STR("Q2"), STR("")};
	struct event_more_recipients more = {1, STR("Q1"), 1, 3};
	struct event_duplicate d = {1, STR("Q2")};

	fill(p.lead, sizeof(p.lead));
	is_hex("slot proposed", b, &message_proposed_payload, &p,
	    "ad0150000102030405060708090a0b0c0d0e0f021b0102030405060708"
	    "0309040a050b0603076173086170096174"
	    "0a41630b41510ef51120");
	p.from_domain = STR("d.example");
	is_hex("slot proposed, version 2", b, &message_proposed_payload, &p,
	    "ae0150000102030405060708090a0b0c0d0e0f021b0102030405060708"
	    "0309040a050b0603076173086170096174"
	    "0a41630b41510ef511201249642e6578616d706c65");
	fill(p.company, sizeof(p.company));
	is_hex("slot proposed of a company", b, &message_proposed_payload, &p,
	    "af0150000102030405060708090a0b0c0d0e0f021b0102030405060708"
	    "0309040a050b06030761730861700961740a41630b41510ef511201249"
	    "642e6578616d706c651350000102030405060708090a0b0c0d0e0f");
	p.reference = STR("abcdefgh");
	is_hex("slot proposed, version 3", b, &message_proposed_payload, &p,
	    "b00150000102030405060708090a0b0c0d0e0f021b0102030405060708"
	    "0309040a050b06030761730861700961740a41630b41510ef511201249"
	    "642e6578616d706c651350000102030405060708090a0b0c0d0e0f"
	    "14486162636465666768");
	is_hex("slot changed", b, &message_changed_payload, &c,
	    "a401010202030104"
	    "45352e312e31");
	c.provider = STR("google");
	is_hex("slot changed, version 3", b, &message_changed_payload, &c,
	    "a501010202030104"
	    "45352e312e310646676f6f676c65");
	is_hex("slot moved", b, &message_moved_payload, &m, "a2010102425132");
	m.from = STR("Q1");
	is_hex("slot moved, version 2", b, &message_moved_payload, &m,
	    "a301010242513203425131");
	is_hex("more recipients", b, &message_more_payload, &more,
	    "a401010242513103010403");
	is_hex(
	    "duplicate", b, &message_duplicate_payload, &d, "a2010102425132");
}

static void test_reply_events(struct buf *b)
{
	struct event_reply r = {
	    .message_id = 1, .kind = 2, .other = true, .note = STR("N")};
	struct event_review_opened o = {.id = 7,
	    .message_id = 1,
	    .kind = REVIEW_OPT_OUT,
	    .deadline_ms = 1000,
	    .quote = STR("Q")};
	struct event_review_decided d = {.id = 7,
	    .state = REVIEW_UNSUBSCRIBED,
	    .author = STR("alice"),
	    .reason = STR("R")};

	fill(r.lead, sizeof(r.lead));
	fill(o.lead, sizeof(o.lead));
	fill(d.lead, sizeof(d.lead));
	is_hex("reply", b, &answer_payload, &r,
	    "a501010250000102030405060708090a0b0c0d0e0f030204f505414e");
	is_hex("review opened", b, &review_opened_payload, &o,
	    "a601070250000102030405060708090a0b0c0d0e0f03010401051903e8"
	    "064151");
	is_hex("review decided", b, &review_decided_payload, &d,
	    "a501070250000102030405060708090a0b0c0d0e0f030204"
	    "65616c696365054152");
}

static void test_stop_events(struct buf *b)
{
	struct event_companies c = {COMPANIES_STEP, 100};
	struct event_stopped s = {.kind = STOP_CAMPAIGN,
	    .label = STR("c"),
	    .until_ms = 1000,
	    .author = STR("alice"),
	    .reason = STR("why"),
	    .cause = {1, 9, 2000, 300, 3, 14}};
	struct event_resumed r = {.kind = STOP_SEGMENT,
	    .label = STR("s"),
	    .author = STR("alice"),
	    .reason = STR("why")};

	is_hex("stopped", b, &stop_stopped_payload, &s,
	    "ab0102024163031903e80465616c696365056377687906010709081907d0"
	    "0919012c0a030b0e");
	is_hex("resumed", b, &stop_resumed_payload, &r,
	    "a401010241730365616c6963650463776879");
	is_hex("companies", b, &companies_payload, &c, "a20102021864");
}

static void test_decision_events(struct buf *b)
{
	struct event_refusal r = {.action = VERDICT_REJECT,
	    .reason = REASON_WITHDRAWN,
	    .policy_version = 2,
	    .line = 14,
	    .stream_label = 3,
	    .day = 20000,
	    .segment = STR("s"),
	    .stream = STR("t"),
	    .queue_id = STR("Q")};
	struct event_policy p = {.version = 1,
	    .text = STR("x"),
	    .author = STR("a"),
	    .reason = STR("r")};

	fill(r.lead, sizeof(r.lead));
	fill(p.hash, sizeof(p.hash));
	is_hex("refusal", b, &refusal_payload, &r,
	    "aa0150000102030405060708090a0b0c0d0e0f0204030505020"
	    "60e070308194e200a41730b61740c4151");
	r.campaign = STR("c");
	r.from_domain = STR("d");
	is_hex("refusal, of version 2", b, &refusal_payload, &r,
	    "ac0150000102030405060708090a0b0c0d0e0f0204030505020"
	    "60e070308194e200a41730b61740c41510e41630f4164");
	is_hex("policy", b, &policyver_payload, &p,
	    "a501010258"
	    "20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
	    "1e1f036178046161056172");
}

static void test_answer_events(struct buf *b)
{
	struct event_bounce bounce = {.message_id = 1,
	    .source = FEEDBACK_BY_DSN,
	    .reason = BOUNCE_HOST_UNKNOWN,
	    .class = BOUNCE_CLASS_PERSON,
	    .rank = GIVEUP_HOST,
	    .in_row = 2,
	    .row_first_ms = 1000,
	    .status = STR("5.1.2"),
	    .diagnostic = STR("D")};
	struct event_complaint complaint = {
	    .message_id = 1, .reason = BOUNCE_ABUSE};
	struct event_spike spike = {.provider = STR("p"),
	    .hour = 1,
	    .at_ms = 1000,
	    .to_hour = 2,
	    .to_ms = 900,
	    .made = 3,
	    .done = true};
	struct event_relay_queued queued = {.message_id = 1,
	    .kind = OUTBOX_BOUNCE,
	    .target = STR("T"),
	    .diagnostic = STR("D"),
	    .status = STR("5.1.1"),
	    .reason = BOUNCE_USER_UNKNOWN};
	struct event_relay_tried tried = {.message_id = 1,
	    .kind = OUTBOX_OPT_OUT,
	    .state = OUTBOX_WAITS,
	    .code = 503,
	    .due_ms = 1000};

	fill(bounce.lead, sizeof(bounce.lead));
	fill(spike.to_lead, sizeof(spike.to_lead));
	fill(complaint.lead, sizeof(complaint.lead));
	fill(queued.lead, sizeof(queued.lead));
	is_hex("bounce", b, &feedback_bounce_payload, &bounce,
	    "aa01010250000102030405060708090a0b0c0d0e0f0301040205010603"
	    "0702081903e80945352e312e320a4144");
	bounce.provider = STR("google"); /* version 2 */
	is_hex("bounce with provider", b, &feedback_bounce_payload, &bounce,
	    "ab01010250000102030405060708090a0b0c0d0e0f0301040205010603"
	    "0702081903e80945352e312e320a41440b66676f6f676c65");
	bounce.unconfirmed = true;
	is_hex("bounce, version 4", b, &feedback_bounce_payload, &bounce,
	    "ac01010250000102030405060708090a0b0c0d0e0f0301040205010603070208"
	    "1903e80945352e312e320a41440b66676f6f676c650cf5");
	is_hex("spike", b, &spikeback_payload, &spike,
	    "a80161700201031903e80402051903840650000102030405060708090a0b0c0d"
	    "0e0f070308f5");
	is_hex("complaint", b, &feedback_complaint_payload, &complaint,
	    "a301010250000102030405060708090a0b0c0d0e0f0312");
	complaint.provider = STR("google");
	is_hex("complaint, version 2", b, &feedback_complaint_payload,
	    &complaint,
	    "a401010250000102030405060708090a0b0c0d0e0f03120466676f6f676c65");
	is_hex("relay queued", b, &outbox_queued_payload, &queued,
	    "a7010102020350000102030405060708090a0b0c0d0e0f044154054144"
	    "0645352e312e310701");
	is_hex("relay tried", b, &outbox_tried_payload, &tried,
	    "a5010102010301041901f7051903e8");
}

static int emit_seen(struct door_ctx *ctx, void *arg)
{
	unsigned char digest[SEEN_DIGEST];

	(void)arg;
	fill(digest, sizeof(digest));
	return seen_emit(ctx, digest, SEEN_COMPLAINT, 5);
}

static int emit_copy(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 5,
	    .kind = COPY_HELD,
	    .segment = STR("s"),
	    .stream = STR("t"),
	    .wait.due_ms = 100,
	    .wait.deadline_ms = 200,
	    .wait.then = POLICY_THEN_DROP,
	    .recipients = 2};

	(void)arg;
	fill(c.lead.b, sizeof(c.lead.b));
	return copy_emit_added(ctx, &c);
}

static int emit_copy_due(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_due(ctx, 5, 150);
}

static int emit_copy_done(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_recipient(ctx, 5, 1, COPY_SENT);
}

static int emit_copy_dropped(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_dropped(
	    ctx, &(struct event_copy_word){8, STR("a"), STR("")});
}

static int emit_copy_queued(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 6,
	    .kind = COPY_TAKEN,
	    .wait.due_ms = 100,
	    .recipients = 1,
	    .queue_id = STR("4Q1")};

	(void)arg;
	return copy_emit_added(ctx, &c);
}

static int emit_copy_named(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 7,
	    .kind = COPY_TAKEN,
	    .wait.due_ms = 100,
	    .recipients = 1,
	    .campaign = STR("c"),
	    .from_domain = STR("d")};

	(void)arg;
	return copy_emit_added(ctx, &c);
}

static int emit_copy_sent(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_sent(ctx, 6, 0, STR("4Q2"));
}

static int emit_copy_waiting(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 8,
	    .kind = COPY_HELD,
	    .wait = {.due_ms = 100,
		.reason = REASON_PERSON_CAP,
		.queues = COPY_WAITS_FOR_PERSON | COPY_WAITS_FOR_COMPANY,
		.rank = 2,
		.policy_version = 4,
		.line = 12},
	    .arrived_ms = 90,
	    .recipients = 1};

	(void)arg;
	fill(c.wait.company.b, sizeof(c.wait.company.b));
	return copy_emit_added(ctx, &c);
}

static int emit_copy_wait(struct door_ctx *ctx, void *arg)
{
	struct copy_decided d = {.id = 8,
	    .wait = {.due_ms = 110,
		.deadline_ms = 120,
		.then = POLICY_THEN_DROP,
		.reason = REASON_STOPPED,
		.policy_version = 5,
		.line = 3}};

	(void)arg;
	return copy_emit_wait(ctx, &d);
}

static int emit_copy_labelled(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 9,
	    .kind = COPY_HELD,
	    .wait = {.due_ms = 100, .label = 7},
	    .recipients = 1};

	(void)arg;
	return copy_emit_added(ctx, &c);
}

static int emit_copy_relabelled(struct door_ctx *ctx, void *arg)
{
	struct copy_decided d = {.id = 9, .wait = {.due_ms = 110, .label = 8}};

	(void)arg;
	return copy_emit_wait(ctx, &d);
}

static int emit_copy_forced(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_forced(
	    ctx, &(struct event_copy_word){8, STR("a"), STR("r")});
}

static int emit_copy_released(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_released(
	    ctx, &(struct event_copy_word){8, STR("a"), STR("w")});
}

static int emit_log(struct door_ctx *ctx, void *arg)
{
	struct mtalogpos p = {.path = STR("/l"), .position = STR("P")};

	(void)arg;
	return mtalogpos_emit(ctx, &p);
}

/* Of payloads whose description is not public: as found in the ledger. */
static void stored_is(const char *name, door_fn *fn, const char *want)
{
	struct error err = {0};
	struct ledger_txn *t;
	struct event ev;
	uint64_t seq;
	struct buf b;
	int rc = door_propose(T.store->door, fn, NULL, &err);

	buf_init(&b, 4096);
	if (rc == 0)
		rc = ledger_read_begin(T.store->ledger, &t);
	if (rc == 0) {
		rc = ledger_last_seq(t, &seq);
		if (rc == 0)
			rc = event_get(t, seq, &ev);
		if (rc == 0)
			buf_add(&b, ev.payload);
		ledger_read_end(&t);
	}
	bytes_are(name, &b, rc, want);
	buf_fini(&b);
}

/* Numbers are for ever, too. */
static void test_numbers(void)
{
	static const struct {
		unsigned type;
		const char *name;
	} t[] = {
	    {16, "POLICY_APPLIED"},
	    {17, "LEAD_CREATED"},
	    {18, "SLOT_PROPOSED"},
	    {19, "SLOT_QUEUED"},
	    {20, "SLOT_DELIVERED"},
	    {21, "SLOT_RELEASED"},
	    {22, "DUPLICATE"},
	    {23, "REFUSED"},
	    {24, "DECIDED"},
	    {25, "SUPPRESSED"},
	    {26, "UNSUPPRESSED"},
	    {27, "CONSENT"},
	    {28, "COPY_ADDED"},
	    {29, "COPY_RECIPIENT"},
	    {30, "COPY_DUE"},
	    {31, "SLOT_MOVED"},
	    {32, "MTALOG"},
	    {33, "COPY_FORCED"},
	    {34, "COPY_RELEASED"},
	    {35, "COPY_DROPPED"},
	    {40, "FEEDBACK_MAIL"},
	    {41, "BOUNCE"},
	    {42, "COMPLAINT"},
	    {43, "RELAY_QUEUED"},
	    {44, "RELAY_TRIED"},
	    {45, "LEAD_CHANGED"},
	    {46, "LEAD_MERGED"},
	    {47, "STOPPED"},
	    {48, "RESUMED"},
	    {49, "COMPANIES"},
	    {50, "MORE_RECIPIENTS"},
	    {60, "REPLY"},
	    {61, "REVIEW_OPENED"},
	    {62, "REVIEW_DECIDED"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct event_kind *k = event_kind(t[i].type);
		IS_STR(k != NULL ? k->name : "(none)", t[i].name, "type %u",
		    t[i].type);
	}
}

int main(void)
{
	struct buf b;

	buf_init(&b, 4096);
	storetest_open(&T);
	test_person_events(&b);
	test_slot_events(&b);
	test_decision_events(&b);
	test_reply_events(&b);
	test_stop_events(&b);
	stored_is("copy added", emit_copy,
	    "a901050201035000010203040506070809"
	    "0a0b0c0d0e0f0441730561740618640718c808010902");
	stored_is("copy due", emit_copy_due, "a20105021896");
	stored_is("copy recipient", emit_copy_done, "a3010502010301");
	stored_is("copy added with queue id", emit_copy_queued,
	    "a50106020206186409010b43345131");
	stored_is("copy added with campaign and domain", emit_copy_named,
	    "a6010702020618640901181e4163181f4164");
	stored_is("copy sent with queue id", emit_copy_sent,
	    "a40106020003010443345132");
	stored_is("copy that waits", emit_copy_waiting,
	    "ab0108020106186409010c185a0d0a0e030f0210"
	    "50000102030405060708090a0b0c0d0e0f1104120c");
	stored_is("copy that waits anew", emit_copy_wait,
	    "a8010802186e03f5041878050106080a050b03");
	stored_is("copy of another segment's queue", emit_copy_labelled,
	    "a5010902010618640901182007");
	stored_is("copy of yet another's", emit_copy_relabelled,
	    "a4010902186e03f50c08");
	stored_is("copy let go", emit_copy_forced, "a30108026161036172");
	stored_is("copy released", emit_copy_released, "a30108026161036177");
	stored_is("copy dropped", emit_copy_dropped,
	    "a2010802"
	    "6161");
	stored_is("log position", emit_log, "a201422f6c024150");
	stored_is("feedback mail", emit_seen,
	    "a3015820000102030405060708090a0b0c0d0e0f101112131415161718"
	    "191a1b1c1d1e1f02040305");
	test_answer_events(&b);
	test_numbers();
	storetest_close(&T);
	buf_fini(&b);
	return tap_done();
}
