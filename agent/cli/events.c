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
    {"bounce", "bounce"},
    {"complaint", "complaint"},
    {"feedback_mail", "feedback"},
    {"mtalog", "log read"},
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
	return str_of(
	    arena_printf(c->arena, "line %lld of policy %lld%s%.*s: %.*s",
		(long long)line, (long long)version, section.n > 0 ? ", " : "",
		STR_ARG(section), STR_ARG(rule)));
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
	const char *words = out_reason(reason);

	if (verdict.n == 0)
		return;
	buf_add(b, verdict);
	if (words[0] != '\0')
		buf_printf(b, ": %s", words);
	else if (reason.n > 0)
		buf_printf(b, ": %.*s", STR_ARG(reason));
	add(c, b, ev, "suppression", "because of ");
	add(c, b, ev, "compliance", "");
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
    {"target", ""},
    {"state", ""},
    {"purpose", ""},
    {"release", ""},
    {"bounce", ""},
    {"complaint", ""},
    {"status", "status "},
    {"diagnostic", ""},
    {"relay", "by "},
    {"kind", ""},
    {"outcome", ""},
    {"due", "due "},
    {"deadline", "until "},
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
    {"file", ""},
    {"error", "cannot be read: "},
};

struct str event_text(struct cli *c, const struct value *ev)
{
	struct str text;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	add_verdict(c, &b, ev);
	if (value_get_str(ev, "verdict").n == 0)
		add(c, &b, ev, "suppression", "");
	add_rule(c, &b, ev);
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		add(c, &b, ev, details[i].key, details[i].what);
	text = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

struct out_table *event_table(struct cli *c)
{
	static const char *const heads[] = {
	    "time", "what", "segment", "details", NULL};

	return out_table(c, heads);
}

void event_row(struct out_table *t, struct cli *c, const struct value *ev)
{
	out_when(t, ev, "time");
	out_cell(t, name_of(ev));
	out_member(t, ev, "segment");
	out_cell(t, event_text(c, ev));
}

void event_line(struct cli *c, const struct value *ev)
{
	struct str when = out_time(c, value_get_str(ev, "time"));
	struct str who = out_text(c, ev, "address");
	struct str segment = out_text(c, ev, "segment");
	struct str what = name_of(ev), text = event_text(c, ev);
	int64_t seq = 0;

	(void)value_get_i64(ev, "seq", &seq);
	out_line("%7lld  %.*s  %-12.*s%s%.*s%s%.*s%s%.*s", (long long)seq,
	    STR_ARG(when), STR_ARG(what), who.n > 0 ? "  " : "", STR_ARG(who),
	    segment.n > 0 ? "  " : "", STR_ARG(segment), text.n > 0 ? "  " : "",
	    STR_ARG(text));
}
