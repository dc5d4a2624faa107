/* show.c - see show.h. */
#include "agent/api/show.h"

#include "policy/base/calendar.h"
#include "policy/base/codec.h"
#include "policy/state/policyver.h"

#include <stdio.h>
#include <string.h>

enum {
	ARENA_MAX = 65536,
	HASH_MAX = 32
};

void show_init(
    struct show *s, const struct api_call *c, const struct ledger_txn *t)
{
	*s = (struct show){
	    .store = c->app->store, .t = t, .redact = api_flag(c, "redact")};
}

static bool put_address(const struct show *s, struct value *o, const char *key,
    const struct lead_id *id)
{
	struct arena *a = s->redact ? NULL : arena_new(ARENA_MAX);
	struct str address;
	bool ok =
	    a != NULL && person_address(s->store, s->t, id, a, &address) == 0;

	if (ok)
		value_put_str(o, key, address);
	arena_free(&a);
	return ok;
}

void show_lead(const struct show *s, struct value *o, const char *key,
    const struct lead_id *id)
{
	char hex[LEAD_ID_TEXT], text[LEAD_ID_TEXT + 8];

	if (put_address(s, o, key, id))
		return;
	lead_id_text(id, hex);
	(void)snprintf(text, sizeof(text), "lead:%s", hex);
	value_put_str(o, key, str_of(text));
}

static void put_hash(struct value *o, const char *prefix, struct str what)
{
	char text[8 + 2 * HASH_MAX + 1];
	size_t n = strlen(prefix);

	memcpy(text, prefix, n);
	codec_hex(what.p, what.n < HASH_MAX ? what.n : HASH_MAX, text + n);
	value_put_str(o, "target", str_of(text));
}

static void put_domain(struct value *o, struct str what)
{
	char text[256 + 2];

	(void)snprintf(text, sizeof(text), "@%.*s", STR_ARG(what));
	value_put_str(o, "target", str_of(text));
}

void show_target(const struct show *s, struct value *o,
    enum suppression_kind kind, struct str what)
{
	struct lead_id id;

	switch (kind) {
	case SUPPRESS_LEAD:
		memset(id.b, 0, sizeof(id.b));
		memcpy(id.b, what.p,
		    what.n < sizeof(id.b) ? what.n : sizeof(id.b));
		show_lead(s, o, "target", &id);
		return;
	case SUPPRESS_DOMAIN:
		put_domain(o, what);
		return;
	case SUPPRESS_SHA256:
		put_hash(o, "sha256:", what);
		return;
	case SUPPRESS_MD5:
		put_hash(o, "md5:", what);
		return;
	}
	value_put_null(o, "target");
}

void show_suppression(
    const struct show *s, struct value *o, const struct suppression_record *r)
{
	show_target(s, o, r->kind, r->what);
	value_put_str(o, "reason", str_of(suppression_reason_name(r->reason)));
	if (r->segment.n > 0)
		value_put_str(o, "segment", r->segment);
	else
		value_put_null(o, "segment");
	value_put_time(o, "since", r->since_ms);
	value_put_time(o, "until", r->until_ms);
	value_put_str(o, "origin", r->origin);
	value_put_str(o, "author", r->author);
	value_put_i64(o, "event", (int64_t)r->seq);
	if (suppression_is_provisional(r))
		value_put_bool(o, "provisional", true);
}

/* As the policy has its rules: one blank where a column is aligned by many. */
static void put_rule(struct value *o, struct str line)
{
	bool quoted = false;
	struct buf b;

	buf_init(&b, line.n + 1);
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i] == '\t' ? ' ' : line.p[i];

		quoted ^= c == '"';
		if (quoted || c != ' ' || b.n == 0 || b.p[b.n - 1] != ' ')
			buf_addc(&b, c);
	}
	value_put_str(o, "rule", buf_str(&b));
	buf_fini(&b);
}

/* The line as it stands there, without comment at its end. */
static struct str line_of(struct str text, uint32_t number)
{
	struct str line = STR_NULL;

	for (uint32_t i = 0; i < number; i++)
		if (!str_next(&text, '\n', &line))
			return STR("");
	return str_trim(str_cut(line, 0, str_find(line, 0, '#')));
}

void show_rule(
    const struct show *s, struct value *o, uint32_t version, uint32_t line)
{
	struct policyver_record r;

	if (version == 0)
		return;
	value_put_i64(o, "policy", version);
	if (line == 0)
		return;
	value_put_i64(o, "line", line);
	if (policyver_read(s->t, version, &r) == 0)
		put_rule(o, line_of(r.text, line));
}

void show_ruling(
    struct value *o, const struct policy *p, const struct verdict *v)
{
	value_put_str(o, "verdict", str_of(verdict_action_name(v->action)));
	value_put_str(o, "reason", str_of(verdict_reason_name(v->reason)));
	if (v->suppression != 0)
		value_put_str(o, "suppression",
		    str_of(suppression_reason_name(v->suppression)));
	value_put_i64(o, "policy", p != NULL ? p->version : 0);
	if (v->rule != NULL) {
		value_put_i64(o, "line", v->rule->line);
		value_put_str(o, "section", v->rule->section);
		value_put_str(o, "rule", v->rule->text);
	}
	if (!v->shadowed)
		return;
	value_put_bool(o, "shadow", true);
	value_put_str(o, "would", str_of(verdict_action_name(v->would)));
}

/* "Mon 2026-11-30 09:00", as the person's clock shows it. */
static void put_local(
    struct value *o, const char *key, const struct zone *z, int64_t ms)
{
	static const char *const days[] = {
	    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	int64_t minute = (ms + zone_offset_ms(z, ms)) / 60000 % (24 * 60);
	struct calendar_date d;
	char text[48];

	calendar_date_of(z, ms, &d);
	(void)snprintf(text, sizeof(text), "%s %04d-%02d-%02d %02d:%02d",
	    days[d.weekday % 7], d.year, d.month, d.day, (int)(minute / 60),
	    (int)(minute % 60));
	value_put_str(o, key, str_of(text));
}

void show_verdict(struct value *o, const struct decide_out *out)
{
	const struct verdict *v = &out->verdict;

	show_ruling(o, out->policy, v);
	value_put_time(o, "earliest", v->earliest_ms);
	if (v->earliest_ms > 0 && out->zone != NULL &&
	    out->zone != zone_utc()) {
		put_local(o, "earliest_local", out->zone, v->earliest_ms);
		value_put_str(o, "time_zone", zone_name(out->zone));
	}
	if (v->action == VERDICT_HOLD)
		value_put_time(o, "deadline", v->deadline_ms);
	if (v->action != VERDICT_ALLOW && out->ahead > 0)
		value_put_i64(o, "ahead", (int64_t)out->ahead);
}

void show_mode(struct value *o, const struct conf *conf, const struct policy *p)
{
	bool by_conf = conf->mode == CONF_MODE_SHADOW;

	if (!by_conf && (p == NULL || !p->shadow))
		return;
	value_put_bool(o, "enforced", false);
	value_put_str(o, "shadow_by", by_conf ? STR("conf") : STR("policy"));
}

static void put_cause(struct value *o, const struct stop_cause *c)
{
	struct buf line;

	if (c->rate == 0)
		return;
	buf_init(&line, 40);
	policy_print_rate(&line, c->line);
	value_put_str(o, "rate",
	    str_of(policy_rate_name((enum policy_rate)(c->rate - 1))));
	value_put_i64(o, "count", (int64_t)c->count);
	value_put_i64(o, "of", (int64_t)c->of);
	value_put_str(o, "line", buf_str(&line));
	buf_fini(&line);
}

void show_stop(struct value *o, const char *key, const struct stop_record *r)
{
	struct value *v = value_new_object();

	value_put_str(v, "scope", str_of(stop_kind_name(r->kind)));
	value_put_str(v, "name", r->label);
	value_put_time(v, "since", r->since_ms);
	value_put_time(v, "until", r->until_ms);
	value_put_str(
	    v, "by", r->cause.rate != 0 ? STR("breaker") : STR("person"));
	value_put_str(v, "author", r->author);
	value_put_str(v, "reason", r->reason);
	value_put_i64(v, "event", (int64_t)r->seq);
	put_cause(v, &r->cause);
	value_put(o, key, v);
}

void show_consent(struct value *o, const struct consent_record *r)
{
	value_put_str(o, "purpose", r->purpose);
	value_put_str(o, "state", str_of(consent_state_name(r->state)));
	value_put_time(o, "since", r->since_ms);
	value_put_str(o, "origin", r->origin);
	value_put_str(o, "author", r->author);
	value_put_i64(o, "event", (int64_t)r->seq);
}
