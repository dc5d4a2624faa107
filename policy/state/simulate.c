/* simulate.c - see simulate.h.
 *
 * The rows of the past (or of so many of the people as fit into memory) stand
 * in order of groups; each group becomes messages, is played once or twice, and
 * is counted. Groups stand in the order of people's records, as far as nobody
 * belongs to another. */
#include "policy/state/simulate.h"

#include "policy/base/array.h"
#include "policy/base/clock.h"
#include "policy/base/zone.h"
#include "policy/mail/company_id.h"
#include "policy/mail/psl.h"
#include "policy/state/attempts.h"
#include "policy/state/attributes.h"
#include "policy/state/consent.h"
#include "policy/state/past.h"
#include "policy/state/person.h"
#include "policy/state/simtally.h"
#include "policy/state/ties.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	CHUNK = 500, /* groups played, or people read, in one snapshot */
	SCRATCH_MAX = 256 << 20,
	PENDING_MAX = 20, /* parts are halved no more often */
	PURPOSES_MAX = 256,
	ROWS_MAX = 500, /* of a kind, in the report */
};
/* Shares of the work, about: people, then of each part its messages and
 * events. */
#define TIED 0.05
#define READ 0.55

struct sim {
	const struct store *s;
	const struct simulate_query *q;
	struct simulate_report *out;
	const struct policy *policies[SIMULATE_WAYS];
	struct replay *replays[SIMULATE_WAYS];
	struct replay_result *results[SIMULATE_WAYS];
	size_t cap_results[SIMULATE_WAYS];
	struct past *past;
	struct attempts attempts;
	struct simtally tally;
	struct zones *zones;
	const struct zone *zone; /* of the policy that is asked about */
	struct ties *ties;
	struct replay_move *moves; /* of the group */
	size_t n_moves, cap_moves;
	uint32_t *numbers; /* past_person() of the group's people */
	size_t cap_numbers;
	bool together; /* a limit speaks of companies */
	bool attributes;
	uint32_t purposes[PURPOSES_MAX];
	size_t n_purposes;
	struct arena *scratch;
	struct past_part pending[PENDING_MAX], part;
	size_t n_pending;
	double done; /* of all parts: share that is done with */
	double told;
	int64_t began_ms, began_cpu_ns;
	const struct ledger_txn *t;
};

static int64_t cpu_ns(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* What it took since the last call. */
static void clock_lap(struct sim *m, double *s, double *cpu_s)
{
	int64_t now_ms = clock_mono_ms(), now_ns = cpu_ns();

	if (s != NULL) {
		*s += (double)(now_ms - m->began_ms) / 1e3;
		*cpu_s += (double)(now_ns - m->began_cpu_ns) / 1e9;
	}
	m->began_ms = now_ms;
	m->began_cpu_ns = now_ns;
}

/* Never less than before: when a part is halved there is more to do. */
static bool tell(struct sim *m, double share)
{
	m->told = share > m->told ? share : m->told;
	return m->q->progress == NULL || m->q->progress(m->q->arg, m->told);
}

/* --- who belongs together --- */

static bool on_ties(void *arg, double share)
{
	return tell(arg, TIED * share);
}

static uint64_t group_of(void *arg, const struct lead_id *lead)
{
	const struct sim *m = arg;

	return ties_group(m->ties, lead);
}

/* --- people --- */

static enum consent_state state_of(const struct sim *m,
    const struct lead_id *id, const struct lead_record *lead, uint32_t purpose)
{
	const struct lead_purpose *p = lead_purpose_find(lead, purpose);
	struct consent_record r;

	if (p != NULL)
		return p->consent;
	if (lead->n_purposes == LEAD_PURPOSES_MAX &&
	    consent_read(m->t, id, purpose, &r) == 0)
		return r.state;
	return CONSENT_NONE;
}

/* Before all changes that are known. */
static enum consent_state first_state(const struct sim *m,
    const struct lead_id *id, const struct lead_record *lead, uint32_t purpose)
{
	const struct replay_change *c =
	    attempts_first_change(&m->attempts, purpose);

	if (c == NULL)
		return state_of(m, id, lead, purpose);
	return past_is_whole(m->past) || c->consent == CONSENT_GRANTED
		   ? CONSENT_NONE
		   : CONSENT_GRANTED;
}

static void find_zone(struct sim *m, struct replay_person *p)
{
	const uint32_t label = policy_label(STR("time-zone"));

	for (size_t i = 0; i < p->n_attributes; i++)
		if (p->attributes[i].label == label &&
		    zones_find(m->zones, p->attributes[i].text, &p->zone) != 0)
			p->zone = NULL;
}

/* Whose key is gone has none. */
static int open_attributes(struct sim *m, const struct lead_id *id,
    const struct lead_record *lead, struct replay_person *out)
{
	struct attributes x = {0};
	struct person p;
	int rc;

	if (!m->attributes || lead->attributes.n == 0)
		return 0;
	rc = person_of(&p, m->s, id, lead);
	if (rc == 0)
		rc = attributes_open(&p, lead->attributes, m->scratch, &x);
	person_fini(&p);
	if (rc == ERR_LIMIT || rc == -ENOMEM)
		return rc;
	if (rc != 0)
		return 0;
	out->attributes = x.v;
	out->n_attributes = x.n;
	find_zone(m, out);
	return 0;
}

/* When each goes on as whom; as whom, see set_moves(). Where no row says when,
 * it was before anything is decided. */
static int note_person(struct sim *m, uint32_t number, int64_t moved_ms)
{
	size_t n = m->attempts.n_people;
	int rc = ARRAY_ROOM(m->moves, m->cap_moves, n);

	if (rc == 0)
		rc = ARRAY_ROOM(m->numbers, m->cap_numbers, n);
	if (rc != 0)
		return rc;
	if (moved_ms < m->q->since_ms)
		moved_ms = m->q->since_ms;
	m->numbers[n - 1] = number;
	if (ties_next(m->ties, &past_person(m->past, number)->lead) != NULL)
		m->moves[m->n_moves++] = (struct replay_move){
		    .at_ms = moved_ms, .from = (uint32_t)n - 1};
	return 0;
}

static int add_person(struct sim *m, const struct past_row *rows, size_t n)
{
	const struct lead_id *id = &past_person(m->past, rows[0].person)->lead;
	struct lead_record lead;
	int64_t moved_ms;
	int rc = attempts_add(&m->attempts, rows, n, m->q->since_ms, &moved_ms);
	int there;

	if (rc == 0)
		rc = note_person(m, rows[0].person, moved_ms);
	there = rc == 0 ? lead_peek(m->t, id, &lead) : rc;
	if (there != 0)
		return there == ERR_NOT_FOUND ? 0 : there;
	for (size_t i = 0; rc == 0 && i < m->n_purposes; i++) {
		enum consent_state state =
		    first_state(m, id, &lead, m->purposes[i]);

		if (state != CONSENT_NONE)
			rc = attempts_add_first(
			    &m->attempts, m->purposes[i], state);
	}
	return rc != 0 ? rc
		       : open_attributes(m, id, &lead,
			     &m->attempts.people[m->attempts.n_people - 1]);
}

/* --- counting --- */

static int64_t hour_of(const struct sim *m, int64_t at_ms)
{
	int64_t local = at_ms + zone_offset_ms(m->zone, at_ms);

	return local / WHEN_HOUR_MS % SIMULATE_HOURS;
}

static void set_key(struct simtally_message *out, enum simtally_kind kind,
    bool asked, uint64_t key)
{
	out->counted[kind] = asked;
	out->key[kind] = key;
}

static int count_one(
    struct sim *m, const struct lead_id *lead, size_t i, uint64_t company)
{
	const struct replay_message *msg = &m->attempts.messages[i];
	const struct attempt *a = &m->attempts.v[msg->mark];
	const struct past_what *what = past_what(m->past, a->what);
	unsigned by = m->q->by, ways = m->q->other != NULL ? 3 : 2;
	struct simtally_message t = {.lead = lead, .ways = ways};
	int rc = 0;

	t.fate[SIMULATE_RECORDED] = a->recorded;
	t.stopped[SIMULATE_RECORDED] = a->stopped;
	t.held_ms[SIMULATE_RECORDED] =
	    a->done_ms > 0 ? a->done_ms - msg->arrived_ms : 0;
	for (unsigned w = SIMULATE_NEW; w < ways; w++) {
		t.fate[w] = m->results[w][i].fate;
		t.stopped[w] = m->results[w][i].reason == REASON_STOPPED;
		t.held_ms[w] = m->results[w][i].done_ms - msg->arrived_ms;
	}
	t.changed = t.fate[SIMULATE_NEW] !=
		    t.fate[ways == 3 ? SIMULATE_OTHER : SIMULATE_RECORDED];
	set_key(&t, SIMTALLY_SEGMENT, (by & SIMULATE_BY_SEGMENT) != 0,
	    what->segment);
	set_key(&t, SIMTALLY_CAMPAIGN, (by & SIMULATE_BY_CAMPAIGN) != 0,
	    (uint64_t)what->segment << 16 | what->campaign);
	set_key(&t, SIMTALLY_COMPANY,
	    (by & SIMULATE_BY_COMPANY) != 0 && company != 0, company);
	set_key(&t, SIMTALLY_HOUR, (by & SIMULATE_BY_HOUR) != 0,
	    (uint64_t)hour_of(m, msg->arrived_ms));
	rc = simtally_add(&m->tally, &t);
	for (unsigned w = SIMULATE_NEW; rc == 0 && w < ways; w++)
		rc = simtally_rule(
		    &m->tally, (enum simulate_way)w, &m->results[w][i]);
	return rc;
}

/* --- groups --- */

static int room_for_results(struct sim *m, unsigned way)
{
	return ARRAY_ROOM(m->results[way], m->cap_results[way], m->attempts.n);
}

static int by_instant(const void *a, const void *b)
{
	const struct replay_move *x = a, *y = b;

	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* n_people: of whom there is nothing. */
static uint32_t index_of(const struct sim *m, const struct lead_id *lead)
{
	uint32_t i = 0;

	while (i < m->attempts.n_people &&
	       !lead_id_eq(&past_person(m->past, m->numbers[i])->lead, lead))
		i++;
	return i;
}

/* Whose new address nothing was sent to does not matter. */
static void set_moves(struct sim *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_moves; i++) {
		struct replay_move *move = &m->moves[i];
		uint32_t number = m->numbers[move->from];

		move->to = index_of(
		    m, ties_next(m->ties, &past_person(m->past, number)->lead));
		if (move->to < m->attempts.n_people)
			m->moves[n++] = *move;
	}
	m->n_moves = n;
	if (n > 1)
		qsort(m->moves, n, sizeof(*m->moves), by_instant);
}

static void set_stops(struct sim *m)
{
	const struct paststops *stops = past_stops(m->past);

	if (paststops_n(stops) == 0)
		return;
	for (size_t i = 0; i < m->attempts.n; i++) {
		struct replay_message *msg = &m->attempts.messages[i];

		msg->stops = paststops_of(
		    stops, m->attempts.v[msg->mark].what, &msg->n_stops);
	}
}

static int play(struct sim *m, bool company)
{
	const struct attempts *a = &m->attempts;
	struct replay_group g = {
	    .people = a->people,
	    .n_people = a->n_people,
	    .messages = a->messages,
	    .n_messages = a->n,
	    .moves = m->moves,
	    .n_moves = m->n_moves,
	};
	int rc = 0;

	for (unsigned w = SIMULATE_NEW; rc == 0 && w < SIMULATE_WAYS; w++) {
		if (m->policies[w] == NULL)
			continue;
		g.company = company && m->policies[w]->needs_company;
		rc = room_for_results(m, w);
		if (rc == 0)
			rc = replay_run(m->replays[w], &g, m->results[w]);
	}
	return rc;
}

/* Of the group: that of any of its people. 0: none. */
static uint64_t company_of(struct sim *m, const struct lead_id *id)
{
	unsigned char company[LEAD_COMPANY];
	struct lead_record lead;

	if ((m->q->by & SIMULATE_BY_COMPANY) == 0 && !m->together)
		return 0;
	if (lead_peek(m->t, id, &lead) != 0)
		return 0;
	ties_company_of(m->s, id, &lead, m->scratch, company);
	return company_id_is_none(company) ? 0 : ties_company_tag(company);
}

/* Has anything that is asked about? */
static bool is_worth(const struct attempts *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->messages[i].fixed)
			return true;
	return false;
}

static size_t end_of_person(const struct past_row *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i].person == v[0].person)
		i++;
	return i;
}

/* As whom the first of a group goes on: whose company is that of all. */
static const struct lead_id *last_of(
    const struct sim *m, const struct past_row *rows)
{
	const struct lead_id *lead =
	    &past_person(m->past, rows[0].person)->lead;
	const struct lead_id *next = ties_next(m->ties, lead);

	for (int i = 0; next != NULL && i < LEAD_MOVES_MAX; i++) {
		lead = next;
		next = ties_next(m->ties, lead);
	}
	return lead;
}

static int play_group(struct sim *m, const struct past_row *rows, size_t n)
{
	const struct lead_id *lead = last_of(m, rows);
	uint64_t company;
	int rc = 0;

	attempts_reset(&m->attempts);
	arena_reset(m->scratch);
	m->n_moves = 0;
	for (size_t at = 0, one; rc == 0 && at < n; at += one) {
		one = end_of_person(rows + at, n - at);
		rc = add_person(m, rows + at, one);
	}
	if (rc != 0 || !is_worth(&m->attempts))
		return rc;
	attempts_finish(&m->attempts);
	set_moves(m);
	set_stops(m);
	company = company_of(m, lead);
	m->out->people += m->attempts.n_people - m->n_moves;
	rc = play(m, company != 0);
	for (size_t i = 0; rc == 0 && i < m->attempts.n; i++)
		if (!m->attempts.messages[i].fixed)
			rc = count_one(m, lead, i, company);
	return rc;
}

static size_t end_of_group(
    const struct sim *m, const struct past_row *v, size_t n)
{
	uint64_t group = past_person(m->past, v[0].person)->group;
	size_t i = 1;

	while (i < n && (v[i].person == v[i - 1].person ||
			    past_person(m->past, v[i].person)->group == group))
		i++;
	return i;
}

static int play_some(
    struct sim *m, const struct past_row *rows, size_t n, size_t *at)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < CHUNK && *at < n; i++) {
		size_t one = end_of_group(m, rows + *at, n - *at);

		rc = play_group(m, rows + *at, one);
		*at += one;
	}
	return rc;
}

/* Of this part. */
static bool tell_part(struct sim *m, double share)
{
	double all = m->done + share / (double)m->part.parts;

	return tell(m, TIED + (1 - TIED) * all);
}

static int play_part(struct sim *m)
{
	size_t n, at = 0;
	const struct past_row *rows = past_rows(m->past, &n);
	int rc = 0;

	while (rc == 0 && at < n) {
		struct ledger_txn *t = NULL;

		rc = ledger_read_begin(m->s->ledger, &t);
		m->t = t;
		if (rc == 0)
			rc = play_some(m, rows, n, &at);
		ledger_read_end(&t);
		if (rc == 0 &&
		    !tell_part(m, READ + (1 - READ) * (double)at / (double)n))
			rc = ERR_STOPPING;
	}
	return rc;
}

/* --- parts --- */

static bool on_read(void *arg, double share)
{
	return tell_part(arg, READ * share);
}

static int64_t look_back_ms(const struct sim *m)
{
	int64_t ms = 0;

	for (unsigned w = SIMULATE_NEW; w < SIMULATE_WAYS; w++)
		if (m->replays[w] != NULL &&
		    replay_horizon_ms(m->replays[w]) > ms)
			ms = replay_horizon_ms(m->replays[w]);
	return ms;
}

static int read_part(struct sim *m, struct error *err)
{
	size_t ties = ties_bytes(m->ties), most = m->q->memory_max;
	struct past_query q = {
	    .from_ms = m->q->since_ms - look_back_ms(m),
	    .since_ms = m->q->since_ms,
	    .until_ms = m->q->until_ms,
	    .memory_max = most > ties ? most - ties : 0,
	    .progress = on_read,
	    .group = group_of,
	    .arg = m,
	};

	return past_read(m->past, m->s->ledger, &q, &m->part, err);
}

/* Each time that it was halved, the other half is to be done later. */
static int note_halves(struct sim *m, unsigned parts)
{
	for (; parts < m->part.parts; parts *= 2) {
		if (m->n_pending == PENDING_MAX)
			return ERR_LIMIT;
		m->pending[m->n_pending++] =
		    (struct past_part){2 * parts, m->part.part + parts};
	}
	return 0;
}

static int one_part(struct sim *m, struct error *err)
{
	struct simulate_report *out = m->out;
	unsigned parts = m->part.parts;
	int rc;

	clock_lap(m, NULL, NULL);
	rc = read_part(m, err);
	clock_lap(m, &out->read_s, &out->read_cpu_s);
	if (rc == 0)
		rc = error_of(err, note_halves(m, parts), "parts");
	if (rc == 0)
		rc = error_of(err, play_part(m), "simulation");
	clock_lap(m, &out->play_s, &out->play_cpu_s);
	m->done += 1.0 / (double)m->part.parts;
	out->parts++;
	return rc;
}

/* All of it, in so many parts as memory asks for. */
static int all_parts(struct sim *m, struct error *err)
{
	int rc = 0;

	m->pending[0] = (struct past_part){1, 0};
	m->n_pending = 1;
	while (rc == 0 && m->n_pending > 0) {
		m->part = m->pending[--m->n_pending];
		rc = one_part(m, err);
	}
	return rc;
}

/* --- the report --- */

/* The name by which people know it: its attribute, or its domain. */
static struct str company_name(
    const struct sim *m, const struct lead_id *id, struct arena *a)
{
	const uint32_t label = policy_label(STR("company"));
	struct attributes x = {0};
	struct lead_record lead;
	struct person p;
	struct str name = STR_NULL, address;

	if (lead_peek(m->t, id, &lead) != 0 ||
	    person_of(&p, m->s, id, &lead) != 0)
		return STR("?");
	if (attributes_open(&p, lead.attributes, a, &x) == 0 &&
	    attributes_find(&x, label) != NULL)
		name = attributes_find(&x, label)->text;
	else if (person_address(m->s, m->t, id, a, &address) == 0)
		name = psl_org_domain(
		    str_from(address, str_rfind(address, '@') + 1));
	person_fini(&p);
	return name.n > 0 ? name : STR("?");
}

static struct str name_of(const struct sim *m, enum simtally_kind kind,
    const struct simtally_row *row, struct arena *a)
{
	if (row->key == SIMTALLY_OTHERS)
		return STR("...");
	switch (kind) {
	case SIMTALLY_SEGMENT:
		return past_name(m->past, (unsigned)row->key);
	case SIMTALLY_CAMPAIGN:
		return past_name(m->past, (unsigned)row->key & 0xffff);
	case SIMTALLY_COMPANY:
		return company_name(m, &row->lead, a);
	case SIMTALLY_HOUR:
	case SIMTALLY_KINDS:
		break;
	}
	return str_of(arena_printf(a, "%02u:00", (unsigned)row->key));
}

static int report_rows(struct sim *m, enum simtally_kind kind, struct arena *a)
{
	size_t n = simtally_sort(&m->tally, kind);
	struct simulate_row *v;

	n = n < ROWS_MAX ? n : ROWS_MAX;
	v = arena_array(a, n + 1, sizeof(*v));
	if (v == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		const struct simtally_row *row = &m->tally.tables[kind].v[i];

		v[i].counts = row->counts;
		v[i].name = arena_str(a, name_of(m, kind, row, a));
		if (kind == SIMTALLY_CAMPAIGN && row->key != SIMTALLY_OTHERS)
			v[i].segment = arena_str(
			    a, past_name(m->past, (unsigned)(row->key >> 16)));
		if (v[i].name.p == NULL)
			return ERR_LIMIT;
	}
	m->out->rows[kind] = v;
	m->out->n_rows[kind] = n;
	return 0;
}

static int report_rules(struct sim *m, unsigned way, struct arena *a)
{
	size_t n = m->tally.n_rules[way];
	struct simulate_rule *v = arena_array(a, n + 1, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	simtally_sort_rules(&m->tally, (enum simulate_way)way);
	if (n > 0)
		memcpy(v, m->tally.rules[way], n * sizeof(*v));
	m->out->rules[way] = v;
	m->out->n_rules[way] = n;
	return 0;
}

static int report(struct sim *m, struct arena *a)
{
	struct simulate_report *out = m->out;
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(m->s->ledger, &t);

	m->t = t;
	out->since_ms = m->q->since_ms;
	out->until_ms = m->q->until_ms;
	out->all = m->tally.all;
	memcpy(out->held_ms, m->tally.held_ms, sizeof(out->held_ms));
	out->read = past_n_read(m->past);
	out->begins_ms = past_begins_ms(m->past);
	out->stops = paststops_n(past_stops(m->past));
	for (unsigned k = 0; rc == 0 && k < SIMTALLY_KINDS; k++)
		rc = report_rows(m, (enum simtally_kind)k, a);
	ledger_read_end(&t);
	for (unsigned w = SIMULATE_NEW; rc == 0 && w < SIMULATE_WAYS; w++)
		rc = report_rules(m, w, a);
	for (unsigned w = SIMULATE_NEW; w < SIMULATE_WAYS; w++)
		if (m->replays[w] != NULL)
			out->decisions += replay_decisions(m->replays[w]);
	return rc;
}

/* --- all --- */

static void add_purpose(struct sim *m, struct str purpose)
{
	uint32_t label = policy_label(purpose);

	for (size_t i = 0; i < m->n_purposes; i++)
		if (m->purposes[i] == label)
			return;
	if (m->n_purposes < PURPOSES_MAX)
		m->purposes[m->n_purposes++] = label;
}

static int add_policy(struct sim *m, unsigned way, const struct policy *p)
{
	const struct zone *zone;

	m->policies[way] = p;
	if (p == NULL)
		return 0;
	m->together |= p->needs_company;
	m->attributes |= p->needs_attributes;
	for (size_t i = 0; i < p->n_segments; i++) {
		add_purpose(m, p->segments[i].purpose);
		past_keep_segment(m->past, p->segments[i].name);
	}
	if (p->time_zone.n == 0 ||
	    zones_find(m->zones, p->time_zone, &zone) != 0)
		zone = zone_utc();
	if (way == SIMULATE_NEW)
		m->zone = zone;
	return replay_new(&m->replays[way], p, zone);
}

static int sim_open(struct sim *m)
{
	int rc = zones_open(&m->zones);

	if (rc == 0)
		rc = past_new(&m->past);
	m->attempts.past = m->past;
	if (rc == 0)
		rc = add_policy(m, SIMULATE_NEW, m->q->policy);
	if (rc == 0)
		rc = add_policy(m, SIMULATE_OTHER, m->q->other);
	if (rc == 0)
		m->scratch = arena_new(SCRATCH_MAX);
	return rc == 0 && m->scratch == NULL ? -ENOMEM : rc;
}

static void sim_close(struct sim *m)
{
	for (unsigned w = 0; w < SIMULATE_WAYS; w++) {
		replay_free(&m->replays[w]);
		free(m->results[w]);
	}
	attempts_fini(&m->attempts);
	simtally_fini(&m->tally);
	past_free(&m->past);
	ties_free(&m->ties);
	free(m->moves);
	free(m->numbers);
	arena_free(&m->scratch);
	zones_close(&m->zones);
}

int simulate_run(const struct store *s, const struct simulate_query *q,
    struct arena *a, struct simulate_report *out, struct error *err)
{
	struct sim m = {.s = s, .q = q, .out = out};
	int rc;

	*out = (struct simulate_report){0};
	rc = error_of(err, sim_open(&m), "simulation");
	clock_lap(&m, NULL, NULL);
	if (rc == 0)
		rc = error_of(err,
		    ties_read(&m.ties, s, m.together, on_ties, &m), "people");
	clock_lap(&m, &out->read_s, &out->read_cpu_s);
	if (rc == 0)
		rc = all_parts(&m, err);
	if (rc == 0)
		rc = error_of(err, report(&m, a), "report");
	sim_close(&m);
	return rc;
}
