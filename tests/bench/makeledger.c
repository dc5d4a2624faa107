/* makeledger.c - makeledger [-c] [-m LEAST:MOST] DIR LEADS: a state folder as a
 * busy year leaves it, for `make bench BENCH=decide`.
 *
 * In DIR: lead.key, token.key, epoch.key and ledger/, with a policy applied
 * and LEADS people, lead1@example.org to leadN@example.org. Each has consent to
 * the purpose of segment "bench" and was sent LEAST to MOST messages (20 to 60)
 * of three segments in the last 60 days: events, message, queue, subject and
 * reference rows, and a lead record with all the slots. The policy lets each
 * have more.
 *
 * Events are applied by the product's reducers, in large transactions that are
 * not durable until the end. People come in the order of their lead ids, each
 * with all of their messages, so that no page is written twice: message ids
 * and queue ids rise as they would in life, the dates of the slots are spread
 * over the 60 days for each person. -c: reads all of it back (check.h). */
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/file.h"
#include "policy/conf/policy.h"
#include "policy/ledger/check.h"
#include "policy/ledger/seal.h"
#include "policy/mail/msgid.h"
#include "policy/mail/reference.h"
#include "policy/state/consent.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/person.h"
#include "policy/state/policyver.h"
#include "policy/state/reducers.h"
#include "policy/state/subject.h"
#include "policy/state/tables.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	LEADS_MAX = 100000000,
	LEADS_A_COMMIT = 2000,
	SLOTS_LEAST = 20, /* unless -m says otherwise */
	SLOTS_MOST = 60,
	PAYLOAD_MAX = 65536,
	PATH_MAX_BYTES = 4096,
};
#define HISTORY_MS (INT64_C(60) * 86400 * 1000)

/* Rules to be counted for everyone; none is met within some runs. */
static const char policy_text[] =
    "order = {demo, bench, news}\n"
    "person { at-most = {\"100 per 7d\", \"200 per 30d\"} apart = 2s }\n"
    "segment demo { purpose = demos legal-basis = legitimate-interest }\n"
    "segment bench { purpose = bench\n"
    "  at-most = {\"90 per 7d\", \"190 per 60d\"}\n"
    "  keep-free = 1 when-full = defer }\n"
    "segment news { purpose = newsletter at-most = \"9 per 7d\" }\n";

static const struct {
	struct str segment, purpose;
} kinds[] = {
    {STR("demo"), STR("demos")},
    {STR("bench"), STR("bench")},
    {STR("news"), STR("newsletter")},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct person_of {
	struct lead_id id;
	uint32_t number;
};

struct maker {
	const char *dir;
	struct lead_key *lead_key;
	struct seal *seal;
	struct ledger *ledger;
	struct ledger_txn *txn;
	struct person_of *people;
	size_t n;
	uint64_t least, most; /* messages a person */
	bool check;
	int64_t now_ms;
	uint64_t messages, slots; /* made; to be made, roughly */
	struct buf payload;
};

/* One person while being made. */
struct one {
	const struct person_of *who;
	struct seal_key key;
	struct buf wrapped, address, sender;
	uint64_t random;
};

static uint64_t rng(uint64_t *s) /* splitmix64 */
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* --- folder and keys --- */

static int path_of(const struct maker *m, const char *name,
    char out[PATH_MAX_BYTES], struct error *err)
{
	int n = snprintf(out, PATH_MAX_BYTES, "%s/%s", m->dir, name);

	if (n < 0 || n >= PATH_MAX_BYTES)
		return error_set(err, ERR_LIMIT, "path is too long");
	return 0;
}

/* 32 random bytes in hex, after `head`. */
static int make_key(const struct maker *m, const char *name, const char *head,
    struct error *err)
{
	unsigned char raw[32];
	char path[PATH_MAX_BYTES], text[80];
	size_t n = strlen(head);
	int rc = path_of(m, name, path, err);

	if (rc == 0 && getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		rc = error_set(err, ERR_CRYPTO, "no random bytes");
	if (rc != 0)
		return rc;
	memcpy(text, head, n);
	codec_hex(raw, sizeof(raw), text + n);
	return file_create_durable(path, str_of(text), 0600, err);
}

static int open_keys(struct maker *m, struct error *err)
{
	char path[PATH_MAX_BYTES];
	int rc = make_key(m, "lead.key", "", err);

	if (rc == 0)
		rc = make_key(m, "token.key", "0 ", err);
	if (rc == 0)
		rc = path_of(m, "lead.key", path, err);
	if (rc == 0)
		rc = lead_key_load(&m->lead_key, path, err);
	if (rc == 0)
		rc = path_of(m, "epoch.key", path, err);
	if (rc == 0)
		rc = seal_create(path, err);
	return rc == 0 ? seal_load(&m->seal, path, err) : rc;
}

static int open_ledger(struct maker *m, struct error *err)
{
	char dir[PATH_MAX_BYTES];
	struct ledger_options o = {
	    .dir = dir,
	    .tables = reducers.tables,
	    .n_tables = reducers.n_tables,
	    .schema = STATE_SCHEMA,
	    .flags = LEDGER_CREATE | LEDGER_NO_SYNC,
	};
	int rc = path_of(m, "ledger", dir, err);

	return rc == 0 ? ledger_open(&m->ledger, &o, err) : rc;
}

/* --- events --- */

/* The event of the payload in m->payload, applied. rc: of its encoder. */
static int apply(struct maker *m, enum event_type type, int64_t at_ms, int rc,
    struct error *err)
{
	struct event ev = {
	    .type = (uint16_t)type,
	    .version = event_kind(type)->version,
	    .class = event_kind(type)->class,
	    .time_ms = at_ms,
	    .payload = buf_str(&m->payload),
	};

	if (rc == 0)
		rc = event_append(m->txn, &ev);
	if (rc == 0)
		rc = reducer_apply(&reducers, m->txn, &ev, err);
	buf_reset(&m->payload);
	if (rc != 0 && err->code == 0)
		(void)error_set(
		    err, rc, "event of type %u: %s", type, error_text(rc));
	return rc;
}

static int apply_policy(struct maker *m, struct error *err)
{
	struct event_policy e = {
	    .version = 1,
	    .text = STR(policy_text),
	    .author = STR("makeledger"),
	    .reason = STR("bench"),
	};
	int rc = ledger_write_begin(m->ledger, &m->txn);

	if (rc != 0)
		return error_set(err, rc, "ledger: %s", error_text(rc));
	rc = digest_sha256(e.text, e.hash);
	if (rc == 0)
		rc = payload_encode(&policyver_payload, &e, &m->payload);
	rc = apply(m, EV_POLICY_APPLIED, m->now_ms - HISTORY_MS, rc, err);
	if (rc != 0)
		ledger_abort(&m->txn);
	else
		rc = ledger_commit(&m->txn);
	return rc;
}

static int seal_field(const struct maker *m, const struct one *o,
    enum person_field field, struct str plain, struct buf *out)
{
	return seal_encrypt(m->seal, &o->key,
	    (struct seal_place){o->who->id.b, (uint32_t)field}, plain, out);
}

static struct str address_text(uint32_t number, char out[64])
{
	(void)snprintf(out, 64, "lead%u@example.org", number);
	return str_of(out);
}

static int create_lead(struct maker *m, struct one *o, struct error *err)
{
	struct event_lead_created e = {.epoch = seal_epoch(m->seal)};
	char text[64];
	int rc = seal_key_init(&o->key);

	if (rc == 0)
		rc = seal_wrap(m->seal, o->who->id.b, &o->key, &o->wrapped);
	if (rc == 0)
		rc = seal_field(m, o, PERSON_ADDRESS,
		    address_text(o->who->number, text), &o->address);
	if (rc == 0)
		rc = seal_field(m, o, PERSON_APP_SENDER, STR("app@example.com"),
		    &o->sender);
	memcpy(e.lead, o->who->id.b, sizeof(e.lead));
	e.wrapped = buf_str(&o->wrapped);
	e.address = buf_str(&o->address);
	if (rc == 0)
		rc = payload_encode(&lead_created_payload, &e, &m->payload);
	return apply(m, EV_LEAD_CREATED, m->now_ms - HISTORY_MS, rc, err);
}

static int consent(
    struct maker *m, struct one *o, struct str purpose, struct error *err)
{
	struct event_consent e = {
	    .label = policy_label(purpose),
	    .state = CONSENT_GRANTED,
	    .purpose = purpose,
	    .origin = STR("form"),
	    .author = STR("makeledger"),
	};

	memcpy(e.lead, o->who->id.b, sizeof(e.lead));
	return apply(m, EV_CONSENT, m->now_ms - HISTORY_MS,
	    payload_encode(&consent_payload, &e, &m->payload), err);
}

static int64_t date_of_number(const struct maker *m, uint64_t nth)
{
	return m->now_ms - HISTORY_MS +
	       (int64_t)((unsigned __int128)HISTORY_MS * nth / m->slots);
}

static int send_one(
    struct maker *m, struct one *o, int64_t at_ms, struct error *err)
{
	uint64_t r = rng(&o->random), nth = m->messages++;
	size_t kind = r % N_KINDS;
	char queue_id[24], digest[REFERENCE_DIGEST];
	struct event_slot_proposed e = {
	    .message_id =
		msgid_make(date_of_number(m, nth), (uint32_t)(nth & 0x3fffff)),
	    .key = rng(&o->random) | 1,
	    .label = policy_label(kinds[kind].segment),
	    .policy_version = 1,
	    .segment = kinds[kind].segment,
	    .purpose = kinds[kind].purpose,
	    .stream = STR("bench"),
	    .app_sender = buf_str(&o->sender),
	    .counts = true,
	    .delivered = true,
	    .prune_before_ms = at_ms - HISTORY_MS,
	    .reference = {digest, REFERENCE_DIGEST},
	};
	int rc = subject_id_of(&o->who->id, e.purpose, &e.subject_id);

	(void)snprintf(queue_id, sizeof(queue_id), "%011llX",
	    (unsigned long long)(nth + 1) << 8);
	e.queue_id = str_of(queue_id);
	codec_put_u64(digest, rng(&o->random));
	memcpy(e.lead, o->who->id.b, sizeof(e.lead));
	if (rc == 0)
		rc = payload_encode(&message_proposed_payload, &e, &m->payload);
	return apply(m, EV_SLOT_PROPOSED, at_ms, rc, err);
}

static int send_all(struct maker *m, struct one *o, struct error *err)
{
	size_t n = m->least + rng(&o->random) % (m->most - m->least + 1);
	int64_t step = HISTORY_MS / (int64_t)n;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t at = (int64_t)(rng(&o->random) % (uint64_t)step);

		rc = send_one(m, o,
		    m->now_ms - HISTORY_MS + (int64_t)i * step + at / 2, err);
	}
	return rc;
}

static int make_person(
    struct maker *m, const struct person_of *who, struct error *err)
{
	struct one o = {.who = who, .random = who->number};
	int rc;

	buf_init(&o.wrapped, LEAD_WRAPPED_MAX);
	buf_init(&o.address, LEAD_ADDRESS_MAX);
	buf_init(&o.sender, LEAD_ADDRESS_MAX);
	rc = create_lead(m, &o, err);
	for (size_t i = 1; i < N_KINDS && rc == 0; i++)
		rc = consent(m, &o, kinds[i].purpose, err);
	if (rc == 0)
		rc = send_all(m, &o, err);
	seal_key_fini(&o.key);
	buf_fini(&o.wrapped);
	buf_fini(&o.address);
	buf_fini(&o.sender);
	return rc;
}

/* --- all of them --- */

static int by_id(const void *a, const void *b)
{
	const struct person_of *x = a, *y = b;

	return memcmp(x->id.b, y->id.b, LEAD_ID_BYTES);
}

static int name_people(struct maker *m, struct error *err)
{
	struct arena *a = arena_new(1 << 20);
	int rc = 0;

	m->people = calloc(m->n, sizeof(*m->people));
	if (a == NULL || m->people == NULL)
		rc = error_set(err, ERR_LIMIT, "out of memory");
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		struct address address;
		char text[64];

		m->people[i].number = (uint32_t)i + 1;
		rc = address_parse(
		    a, address_text((uint32_t)i + 1, text), &address, err);
		if (rc == 0)
			rc =
			    lead_id_of(m->lead_key, &address, &m->people[i].id);
		arena_reset(a);
	}
	arena_free(&a);
	if (rc == 0)
		qsort(m->people, m->n, sizeof(*m->people), by_id);
	return rc;
}

static int make_some(struct maker *m, size_t from, size_t to, struct error *err)
{
	int rc = ledger_write_begin(m->ledger, &m->txn);

	if (rc != 0)
		return error_set(err, rc, "ledger: %s", error_text(rc));
	for (size_t i = from; i < to && rc == 0; i++)
		rc = make_person(m, &m->people[i], err);
	if (rc != 0) {
		ledger_abort(&m->txn);
		return rc;
	}
	rc = ledger_commit(&m->txn);
	return rc != 0 ? error_set(err, rc, "commit: %s", error_text(rc)) : 0;
}

static int make_all(struct maker *m, struct error *err)
{
	int rc = 0;

	for (size_t at = 0; at < m->n && rc == 0; at += LEADS_A_COMMIT) {
		size_t to =
		    at + LEADS_A_COMMIT < m->n ? at + LEADS_A_COMMIT : m->n;

		rc = make_some(m, at, to, err);
		if (at / LEADS_A_COMMIT % 50 == 0)
			(void)fprintf(
			    stderr, "makeledger: %zu of %zu\n", to, m->n);
	}
	return rc;
}

static int check_all(struct maker *m, struct error *err)
{
	struct check_report r;
	int rc = check_run(
	    m->ledger, &(struct check_options){.reducers = &reducers}, &r, err);

	if (rc == 0)
		(void)printf("whole: %llu events, %llu rows\n",
		    (unsigned long long)r.events, (unsigned long long)r.rows);
	return rc;
}

static int run(struct maker *m, struct error *err)
{
	int rc = file_mkdir(m->dir, 0700, err);

	if (rc == 0)
		rc = open_keys(m, err);
	if (rc == 0)
		rc = open_ledger(m, err);
	if (rc == 0)
		rc = name_people(m, err);
	if (rc == 0)
		rc = apply_policy(m, err);
	if (rc == 0)
		rc = make_all(m, err);
	if (rc == 0)
		rc = ledger_sync(m->ledger);
	return rc == 0 && m->check ? check_all(m, err) : rc;
}

/* LEAST:MOST */
static int take_messages(struct maker *m, struct str s)
{
	struct str least;
	int rc = 0;

	if (!str_next(&s, ':', &least) ||
	    str_u64(least, LEAD_SLOTS_MAX, &m->least) != 0 ||
	    str_u64(s, LEAD_SLOTS_MAX, &m->most) != 0 || m->least == 0 ||
	    m->least > m->most)
		rc = ERR_SYNTAX;
	return rc;
}

static int take_arguments(struct maker *m, int argc, char **argv)
{
	uint64_t n = 0;
	int option, rc = 0;

	while ((option = getopt(argc, argv, "cm:")) != -1 && rc == 0) {
		m->check |= option == 'c';
		if (option == 'm')
			rc = take_messages(m, str_of(optarg));
		else if (option != 'c')
			rc = ERR_SYNTAX;
	}
	if (rc != 0 || argc - optind != 2 ||
	    str_u64(str_of(argv[optind + 1]), LEADS_MAX, &n) != 0 || n == 0)
		return ERR_SYNTAX;
	m->dir = argv[optind];
	m->n = (size_t)n;
	m->slots = n * m->most;
	return 0;
}

int main(int argc, char **argv)
{
	struct maker m = {
	    .now_ms = clock_now_ms(), .least = SLOTS_LEAST, .most = SLOTS_MOST};
	struct error err = {0};
	int rc;

	if (take_arguments(&m, argc, argv) != 0) {
		(void)fputs(
		    "usage: makeledger [-c] [-m LEAST:MOST] DIR LEADS\n",
		    stderr);
		return 2;
	}
	buf_init(&m.payload, PAYLOAD_MAX);
	rc = run(&m, &err);
	buf_fini(&m.payload);
	free(m.people);
	ledger_close(&m.ledger);
	seal_free(&m.seal);
	lead_key_free(&m.lead_key);
	if (rc != 0)
		(void)fprintf(stderr, "makeledger: %s\n",
		    err.code != 0 ? err.text : error_text(rc));
	return rc == 0 ? 0 : 1;
}
