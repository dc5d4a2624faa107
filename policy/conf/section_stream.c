/* section_stream.c - stream NAME { }: origin and conditions select, the rest
 * refines (architecture, "A message's way out"). */
#include "policy/conf/section.h"

static const struct option_word classes[] = {
    {"nurture", CONF_CLASS_NURTURE},
    {"transactional", CONF_CLASS_TRANSACTIONAL},
    {"one-to-one", CONF_CLASS_ONE_TO_ONE},
    {"inbound", CONF_CLASS_INBOUND},
    {"pass", CONF_CLASS_PASS},
    {"release", CONF_CLASS_RELEASE},
    {NULL, 0},
};

/* --- unknown = "reject" | "hold" | "segment X" --- */

static int parse_unknown(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct conf_stream *stream = field;
	struct str s = in->values[0].text;

	if (str_eq(s, STR("reject"))) {
		stream->unknown = CONF_UNKNOWN_REJECT;
	} else if (str_eq(s, STR("hold"))) {
		stream->unknown = CONF_UNKNOWN_HOLD;
	} else if (str_starts(s, STR("segment ")) &&
		   option_is_name(str_trim(str_from(s, 8)))) {
		stream->unknown = CONF_UNKNOWN_SEGMENT;
		stream->unknown_segment = str_trim(str_from(s, 8));
	} else {
		return option_unexpected(job, o, &in->values[0]);
	}
	return 0;
}

static bool counts(enum conf_class class)
{
	return class == CONF_CLASS_NURTURE || class == CONF_CLASS_ONE_TO_ONE;
}

static void print_unknown(
    const struct option *o, const void *field, struct buf *out)
{
	const struct conf_stream *stream = field;

	(void)o;
	if (!counts(stream->class))
		return;
	if (stream->unknown == CONF_UNKNOWN_SEGMENT)
		buf_printf(
		    out, "\"segment %.*s\"", STR_ARG(stream->unknown_segment));
	else
		buf_addz(out, stream->unknown == CONF_UNKNOWN_HOLD
				  ? "\"hold\""
				  : "\"reject\"");
}

static const struct option_type unknown_type = {
    "\"reject\", \"hold\" or \"segment NAME\"", false, parse_unknown,
    print_unknown};

/* --- segment-map = {"a=b"} --- */

static int parse_map(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct conf_stream *stream = field;
	struct conf_pair *v = arena_array(job->arena, in->n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < in->n; i++) {
		struct str s = in->values[i].text;
		size_t eq = str_rfind(s, '=');
		v[i].from = str_trim(str_cut(s, 0, eq));
		v[i].to = str_trim(str_from(s, eq + 1));
		if (v[i].from.n == 0 || !option_is_name(v[i].to))
			return option_unexpected(job, o, &in->values[i]);
		for (size_t k = 0; k < i; k++)
			if (str_eq(v[k].from, v[i].from))
				return option_fail(job, in->values[i].line,
				    ERR_SYNTAX,
				    "segment-map: \"%.*s\" is mapped twice",
				    STR_ARG(v[k].from));
	}
	stream->segment_map = v;
	stream->n_segment_map = in->n;
	return 0;
}

static void print_map(
    const struct option *o, const void *field, struct buf *out)
{
	const struct conf_stream *stream = field;

	(void)o;
	for (size_t i = 0; i < stream->n_segment_map; i++) {
		option_print_open(out, i, stream->n_segment_map);
		buf_printf(out, "\"%.*s=%.*s\"",
		    STR_ARG(stream->segment_map[i].from),
		    STR_ARG(stream->segment_map[i].to));
	}
	option_print_close(out, stream->n_segment_map);
}

static const struct option_type map_type = {
    "pairs of a header value and a segment such as \"Spring 2027=newsletter\"",
    true, parse_map, print_map};

/* --- what a class allows --- */

static bool has_origin(const struct conf_origin *o)
{
	return o->sasl_users.n > 0 || o->clients.n > 0 || o->listeners.n > 0 ||
	       o->local;
}

static bool signs(enum conf_class class)
{
	return class != CONF_CLASS_PASS && class != CONF_CLASS_INBOUND;
}

/* Options that would do nothing in this class: an admin who writes one
 * expects something that does not happen. */
static int check_idle(const struct option_job *job,
    const struct read_section *in, enum conf_class class)
{
	static const struct {
		const char *name;
		bool counted_only; /* else: classes that sign */
	} idle[] = {
	    {"segment", true},
	    {"segment-from", true},
	    {"segment-map", true},
	    {"campaign-from", true},
	    {"unknown", true},
	    {"from-domains", false},
	};

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		const struct read_option *o =
		    read_find(in, str_of(idle[i].name));
		if (o == NULL ||
		    (idle[i].counted_only ? counts(class) : signs(class)))
			continue;
		return option_fail(job, o->line, ERR_SYNTAX,
		    "option \"%s\" means nothing in a stream of class \"%s\"",
		    idle[i].name, conf_class_name(class));
	}
	return 0;
}

static int finish_stream(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct conf_stream *s = element;

	s->line = in->line;
	if (signs(s->class) && !has_origin(&s->origin))
		return option_fail(job, in->line, ERR_SYNTAX,
		    "stream %.*s: class \"%s\" needs an origin (sasl-user, "
		    "client, listener or local = yes), else strangers would "
		    "get our signature",
		    STR_ARG(s->name), conf_class_name(s->class));
	if (s->class == CONF_CLASS_NURTURE && s->segment.n == 0 &&
	    s->segment_from.n == 0 && s->unknown != CONF_UNKNOWN_SEGMENT)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "stream %.*s: class \"nurture\" needs segment or "
		    "segment-from",
		    STR_ARG(s->name));
	if (s->segment.n > 0 && s->segment_from.n > 0)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "stream %.*s: segment and segment-from exclude each other",
		    STR_ARG(s->name));
	if (s->n_segment_map > 0 && s->segment_from.n == 0)
		return option_fail(job, in->line, ERR_SYNTAX,
		    "stream %.*s: segment-map needs segment-from",
		    STR_ARG(s->name));
	return check_idle(job, in, s->class);
}

#define AT(field) offsetof(struct conf_stream, field)

static const struct option options[] = {
    {.name = "class",
	.type = &option_enum,
	.offset = AT(class),
	.flags = OPTION_REQUIRED,
	.words = classes,
	.help = "What is done with its messages."},
    {.name = "sasl-user",
	.type = &option_texts,
	.offset = AT(origin.sasl_users),
	.help = "Origin: authenticated users; \"*\" is any."},
    {.name = "client",
	.type = &option_nets,
	.offset = AT(origin.clients),
	.help = "Origin: networks of the clients."},
    {.name = "listener",
	.type = &option_tokens,
	.offset = AT(origin.listeners),
	.help = "Origin: listeners of the MTA, by milter_macro_daemon_name."},
    {.name = "local",
	.type = &option_flag,
	.offset = AT(origin.local),
	.def = "no",
	.help = "Origin: local submission by sendmail."},
    {.name = "sender",
	.type = &option_texts,
	.offset = AT(senders),
	.help = "Condition: the envelope sender matches one of these; "
		"\"*\" stands for any run of characters."},
    {.name = "header",
	.type = &option_fields,
	.offset = AT(headers),
	.help = "Condition: one of these header fields is present."},
    {.name = "from-domains",
	.type = &option_domains,
	.offset = AT(from_domains),
	.help = "From domains that this origin may use; each has a domain "
		"section. Without it, all declared domains."},
    {.name = "segment",
	.type = &option_name,
	.offset = AT(segment),
	.help = "The segment of all its messages."},
    {.name = "segment-from",
	.type = &option_fields,
	.offset = AT(segment_from),
	.help = "Header fields that name the segment; the first one present "
		"counts. Where it stands twice and contradicts itself, no "
		"segment is named."},
    {.name = "segment-map",
	.type = &map_type,
	.offset = 0,
	.help = "Turns values of those fields into segments."},
    {.name = "campaign-from",
	.type = &option_fields,
	.offset = AT(campaign_from),
	.help = "Header fields that name the campaign; the first one present "
		"counts."},
    {.name = "unknown",
	.type = &unknown_type,
	.offset = 0,
	.def = "reject",
	.help = "What a message gets that names no segment or one that the "
		"policy does not have."},
};

const struct section_kind section_stream = {
    .name = "stream",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct conf, streams),
    .n_offset = offsetof(struct conf, n_streams),
    .size = sizeof(struct conf_stream),
    .name_offset = offsetof(struct conf_stream, name),
    .help = "One kind of traffic. Streams are tried in the order of the "
	    "file; the first whose origin and conditions hold takes the "
	    "message, and if none does it passes untouched.",
    .finish = finish_stream,
};
