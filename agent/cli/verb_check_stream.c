/* verb_check_stream.c - tendril check-stream: which stream would a message be
 * of that comes like this. Needs no agent. */
#include "agent/cli/mailin.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

static const char *unknown_text(const struct conf_stream *s)
{
	switch (s->unknown) {
	case CONF_UNKNOWN_REJECT:
		return "reject";
	case CONF_UNKNOWN_HOLD:
		return "hold";
	case CONF_UNKNOWN_SEGMENT:
		return "takes the segment ";
	}
	return "?";
}

static void put_segment(struct cli *c, struct value *o,
    const struct conf_stream *s, const struct header_list *headers)
{
	struct str segment = recognise_segment(s, headers, c->arena);
	struct str campaign = recognise_campaign(s, headers, c->arena);

	if (segment.n > 0)
		value_put_str(o, "segment", segment);
	else
		value_put_str(o, "no_segment",
		    str_of(arena_printf(c->arena, "%s%.*s", unknown_text(s),
			STR_ARG(s->unknown_segment))));
	if (campaign.n > 0)
		value_put_str(o, "campaign", campaign);
}

static int show(struct cli *c, const struct conf_stream *s, struct value *o)
{
	if (c->json)
		return cli_json(o);
	if (s == NULL) {
		out_line("no stream: the message passes untouched");
		return CLI_DONE;
	}
	out_line("stream %.*s, class %s", STR_ARG(s->name),
	    conf_class_name(s->class));
	out_field("segment", out_text(c, o, "segment"));
	out_field("no segment", out_text(c, o, "no_segment"));
	out_field("campaign", out_text(c, o, "campaign"));
	out_field("conf",
	    str_of(arena_printf(c->arena, "%s:%d", c->conf_path, s->line)));
	return CLI_DONE;
}

static int run_check_stream(struct cli *c)
{
	struct recognise_origin origin;
	struct mailin m = {0};
	const struct conf_stream *s;
	struct str sender;
	struct value *o;
	bool unused;
	int code = cli_conf(c);

	if (code == CLI_DONE && c->n_operands > 0)
		code = mailin_read(c, c->operands[0], &m);
	if (code == CLI_DONE)
		code = mailin_origin(c, &m, &origin, &sender);
	if (code != CLI_DONE)
		return code;
	s = recognise_stream(c->conf, &origin, sender, &m.headers, &unused);
	o = value_new_object();
	if (s != NULL) {
		value_put_str(o, "stream", s->name);
		value_put_str(o, "class", str_of(conf_class_name(s->class)));
		value_put_i64(o, "line", s->line);
		if (s->class == CONF_CLASS_NURTURE)
			put_segment(c, o, s, &m.headers);
	} else {
		value_put_null(o, "stream");
	}
	code = show(c, s, o);
	value_free(&o);
	return code != CLI_DONE ? code : s != NULL ? CLI_DONE : CLI_NO;
}

static const struct cli_option options[] = {
    MAILIN_OPTIONS,
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"", "[FILE]", 0, 1, options, "", run_check_stream},
};

const struct cli_verb verb_check_stream = {
    "check-stream",
    "which stream would take a message",
    "By how it came, its envelope sender and the header of FILE (\"-\" is\n"
    "standard input; without FILE: a message without any header field).\n"
    "Needs no agent.",
    CLI_COMMANDS(commands),
    "no stream: it would pass untouched",
    "  tendril check-stream --listener apps --sender news@example.com "
    "mail.eml\n",
};
