/* events.c - see events.h. */
#include "agent/cli/events.h"

enum {
	TEXT_MAX = 4000
};

static const struct {
	const char *type, *words;
} names[] = {
    {"ledger_restored", "restored"},
    {"policy_applied", "policy"},
    {"lead_created", "first seen"},
    {"lead_changed", "attributes"},
    {"lead_merged", "goes on as"},
    {"slot_proposed", "accepted"},
    {"slot_queued", "queued"},
    {"slot_delivered", "delivered"},
    {"slot_released", "not sent"},
    {"slot_moved", "moved"},
    {"duplicate", "duplicate"},
    {"refused", "refused"},
    {"decided", "decided"},
    {"suppressed", "suppressed"},
    {"unsuppressed", "unsuppressed"},
    {"consent", "consent"},
    {"copy_added", "taken over"},
    {"copy_recipient", "copy done"},
    {"copy_due", "due anew"},
    {"copy_forced", "let go"},
    {"copy_released", "released"},
    {"copy_dropped", "dropped"},
    {"bounce", "bounce"},
    {"complaint", "complaint"},
    {"feedback_mail", "feedback"},
    {"relay_queued", "to pass on"},
    {"relay_tried", "passed on"},
    {"mtalog", "log read"},
    {"stopped", "stopped"},
    {"resumed", "resumed"},
    {"companies", "histories of companies"},
    {"more_recipients", "more recipients"},
    {"spike", "spike of failures"},
    {"reply", "reply"},
    {"review_opened", "to review"},
    {"review_decided", "reviewed"},
};

static struct str name_of(const struct value *ev)
{
	struct str type = value_get_str(ev, "type");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(type, str_of(names[i].type)))
			return str_of(names[i].words);
	return type;
}

struct str event_rule(struct cli *c, const struct value *v)
{
	struct str rule = out_text(c, v, "rule");
	struct str section = out_text(c, v, "section");
	int64_t line = 0, version = 0;

	(void)value_get_i64(v, "policy", &version);
	if (!value_get_i64(v, "line", &line) || version == 0)
		return STR("");
	if (str_ends(rule, STR(" {"))) { /* the line where a section begins */
		section = str_cut(rule, 0, rule.n - 2);
		rule = STR("");
	}
	return str_of(
	    arena_printf(c->arena, "line %lld of policy %lld%s%.*s%s%.*s",
		(long long)line, (long long)version, section.n > 0 ? ", " : "",
		STR_ARG(section), rule.n > 0 ? ": " : "", STR_ARG(rule)));
}

/* Adds "; what VALUE". */
static void add(struct cli *c, struct buf *b, const struct value *ev,
    const char *key, const char *what)
{
	struct str v = out_text(c, ev, key);

	if (v.n == 0)
		return;
	if (b->n > 0)
		buf_addz(b, "; ");
	buf_addz(b, what);
	buf_add(b, v);
}

static void add_verdict(struct cli *c, struct buf *b, const struct value *ev)
{
	struct str verdict = out_text(c, ev, "verdict");
	struct str reason = value_get_str(ev, "reason");
	struct str cause = value_get_str(ev, "suppression");
	struct str demand = value_get_str(ev, "compliance");
	const char *words = out_reason(reason);
	bool shadow = false;

	if (verdict.n == 0)
		return;
	(void)value_get_bool(ev, "shadow", &shadow);
	buf_add(b, verdict);
	if (shadow)
		buf_addz(b, reason.n == 0 /* one that was sent */
				? " (a rule in shadow says no)"
				: " (in shadow: not acted on)");
	if (words[0] != '\0')
		buf_printf(b, ": %s", words);
	else if (reason.n > 0)
		buf_printf(b, ": %.*s", STR_ARG(reason));
	if (cause.n > 0)
		buf_printf(b, "; because of %s", out_cause(cause));
	if (demand.n > 0)
		buf_printf(b, "; %s", out_demand(demand));
	add(c, b, ev, "stopped", "the ");
	add(c, b, ev, "earliest", "not before ");
}

static void add_rule(struct cli *c, struct buf *b, const struct value *ev)
{
	struct str rule = event_rule(c, ev);

	if (rule.n == 0) {
		add(c, b, ev, "policy", "policy ");
		return;
	}
	if (b->n > 0)
		buf_addz(b, "; ");
	buf_add(b, rule);
}

static const struct {
	const char *key, *what;
} details[] = {
    {"target", ""}, /* the first: a line of the journal begins with it */
    {"to", ""},
    {"scope", ""},
    {"name", ""},
    {"state", ""},
    {"purpose", ""},
    {"release", ""},
    {"bounce", ""},
    {"complaint", ""},
    {"status", "status "},
    {"provider", "at "},
    {"provisional", "made provisional: "},
    {"diagnostic", ""},
    {"relay", "by "},
    {"kind", ""},
    {"outcome", ""},
    {"due", "due "},
    {"deadline", "until "},
    {"since", "since "},
    {"until", "until "},
    {"said", "said "},
    {"evidence", "evidence: "},
    {"note", "note: "},
    {"why", ""},
    {"origin", "by way of "},
    {"author", "by "},
    {"orphans", "orphans: "},
    {"campaign", "campaign "},
    {"stream", "stream "},
    {"queue_id", "queue id "},
    {"message", "message "},
    {"copy", "copy "},
    {"review", "review "},
    {"file", ""},
    {"error", "cannot be read: "},
};

/* first: of `details`. */
static struct str text_from(struct cli *c, const struct value *ev, size_t first)
{
	struct str text;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	add_verdict(c, &b, ev);
	if (value_get_str(ev, "verdict").n == 0)
		add(c, &b, ev, "suppression", "");
	add_rule(c, &b, ev);
	for (size_t i = first; i < sizeof(details) / sizeof(details[0]); i++)
		add(c, &b, ev, details[i].key, details[i].what);
	text = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

struct str event_text(struct cli *c, const struct value *ev)
{
	return text_from(c, ev, 0);
}

struct out_table *event_table(struct cli *c)
{
	static const char *const heads[] = {
	    "time", "what", "segment", "details", NULL};

	return out_table(c, heads);
}

/* A table is of one person, whose address it need not tell; but who went on as
 * that person had another. */
static struct str row_text(struct cli *c, const struct value *ev)
{
	struct str text = event_text(c, ev), both;
	struct buf b;

	if (!str_eq(value_get_str(ev, "type"), STR("lead_merged")))
		return text;
	buf_init(&b, TEXT_MAX);
	buf_add(&b, text);
	add(c, &b, ev, "address", "before ");
	both = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return both;
}

void event_row(struct out_table *t, struct cli *c, const struct value *ev)
{
	out_when(t, ev, "time");
	out_cell(t, name_of(ev));
	out_member(t, ev, "segment");
	out_cell(t, row_text(c, ev));
}

void event_line(struct cli *c, const struct value *ev)
{
	struct str when = out_time(c, value_get_str(ev, "time"));
	bool of_target = value_get(ev, "target") != NULL;
	struct str who = out_text(c, ev, of_target ? "target" : "address");
	struct str segment = out_text(c, ev, "segment");
	struct str what = name_of(ev), text = text_from(c, ev, of_target);
	int64_t seq = 0;

	(void)value_get_i64(ev, "seq", &seq);
	out_line("%7lld  %.*s  %-12.*s%s%.*s%s%.*s%s%.*s", (long long)seq,
	    STR_ARG(when), STR_ARG(what), who.n > 0 ? "  " : "", STR_ARG(who),
	    segment.n > 0 ? "  " : "", STR_ARG(segment), text.n > 0 ? "  " : "",
	    STR_ARG(text));
}
