/* simulate_json.c - a simulation's report as JSON; declared in simjob.h. Counts
 * of nothing are left out. */
#include "agent/api/simjob.h"

static const char *const ways[SIMULATE_WAYS] = {
    [SIMULATE_RECORDED] = "recorded",
    [SIMULATE_NEW] = "simulated",
    [SIMULATE_OTHER] = "compared",
};

static struct value *counts_of(const uint64_t n[REPLAY_FATES])
{
	struct value *o = value_new_object();

	for (size_t f = 0; f < REPLAY_FATES; f++)
		if (n[f] > 0)
			value_put_i64(o, replay_fate_name((enum replay_fate)f),
			    (int64_t)n[f]);
	return o;
}

static uint64_t sum(const uint64_t n[REPLAY_FATES])
{
	uint64_t all = 0;

	for (size_t f = 0; f < REPLAY_FATES; f++)
		all += n[f];
	return all;
}

/* Those who waited for the end of a stop; left out where nobody did. */
static void put_stopped(
    struct value *o, const struct simulate_counts *c, unsigned n_ways)
{
	struct value *one = value_new_object();
	uint64_t all = 0;

	for (unsigned w = 0; w < n_ways; w++) {
		value_put_i64(one, ways[w], (int64_t)c->stopped[w]);
		all += c->stopped[w];
	}
	if (all > 0)
		value_put(o, "held_by_stops", one);
	else
		value_free(&one);
}

static void put_counts(
    struct value *o, const struct simulate_counts *c, unsigned n_ways)
{
	value_put_i64(o, "messages", (int64_t)sum(c->n[SIMULATE_RECORDED]));
	value_put_i64(o, "changed", (int64_t)c->changed);
	for (unsigned w = 0; w < n_ways; w++)
		value_put(o, ways[w], counts_of(c->n[w]));
	put_stopped(o, c, n_ways);
}

static void put_waits(
    struct value *o, const struct simulate_report *r, unsigned n_ways)
{
	struct value *all = value_new_object();

	for (unsigned w = 0; w < n_ways; w++) {
		const struct histogram *h = &r->held_ms[w];
		struct value *one = value_new_object();

		value_put_i64(one, "median_s", histogram_at(h, 500) / 1000);
		value_put_i64(one, "p90_s", histogram_at(h, 900) / 1000);
		value_put_i64(one, "longest_s", h->max / 1000);
		value_put(all, ways[w], one);
	}
	value_put(o, "waited", all);
}

static struct value *rules_of(const struct simulate_rule *v, size_t n)
{
	struct value *list = value_new_array();

	for (size_t i = 0; i < n; i++) {
		struct value *o = counts_of(v[i].n);

		value_put_str(
		    o, "reason", str_of(verdict_reason_name(v[i].reason)));
		if (v[i].rule != NULL) {
			value_put_i64(o, "line", v[i].rule->line);
			value_put_str(o, "section", v[i].rule->section);
			value_put_str(o, "rule", v[i].rule->text);
		}
		if (v[i].shadowed)
			value_put_bool(o, "shadow", true);
		value_add(list, o);
	}
	return list;
}

static void put_rules(
    struct value *o, const struct simulate_report *r, unsigned n_ways)
{
	struct value *all = value_new_object();

	for (unsigned w = SIMULATE_NEW; w < n_ways; w++)
		value_put(all, ways[w], rules_of(r->rules[w], r->n_rules[w]));
	value_put(o, "rules", all);
}

static struct value *rows_of(
    const struct simulate_row *v, size_t n, unsigned n_ways)
{
	struct value *list = value_new_array();

	for (size_t i = 0; i < n; i++) {
		struct value *o = value_new_object();

		value_put_str(o, "name", v[i].name);
		if (v[i].segment.n > 0)
			value_put_str(o, "segment", v[i].segment);
		put_counts(o, &v[i].counts, n_ways);
		value_add(list, o);
	}
	return list;
}

static void put_policy(struct value *o, const char *key, const struct policy *p)
{
	struct value *one = value_new_object();

	if (p->version > 0)
		value_put_i64(one, "version", p->version);
	else
		value_put_str(one, "path", p->path);
	value_put(o, key, one);
}

void simulate_json(const struct simulate_query *q,
    const struct simulate_report *r, struct value *o)
{
	static const char *const kinds[] = {
	    "segments", "campaigns", "companies", "hours"};
	unsigned n_ways = q->other != NULL ? SIMULATE_WAYS : SIMULATE_OTHER;

	value_put_time(o, "since", r->since_ms);
	value_put_time(o, "until", r->until_ms);
	if (r->begins_ms != 0)
		value_put_time(o, "journal_begins", r->begins_ms);
	put_policy(o, "policy", q->policy);
	if (q->other != NULL)
		put_policy(o, "compared_policy", q->other);
	value_put_i64(o, "people", (int64_t)r->people);
	value_put_i64(o, "stops", (int64_t)r->stops);
	put_counts(o, &r->all, n_ways);
	put_waits(o, r, n_ways);
	put_rules(o, r, n_ways);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if ((q->by & 1U << k) != 0)
			value_put(o, kinds[k],
			    rows_of(r->rows[k], r->n_rows[k], n_ways));
	value_put_i64(o, "decisions", (int64_t)r->decisions);
	value_put_i64(o, "took_ms", (int64_t)((r->read_s + r->play_s) * 1000));
	value_put_i64(o, "played_ms", (int64_t)(r->play_s * 1000));
}
