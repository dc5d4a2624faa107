/* section_purpose.c - purpose NAME { }: what people are told of a purpose. The
 * name itself is what segments and consents refer to, and never changes. */
#include "policy/conf/section_policy.h"

/* Plain text on one line. lint has refused what is no UTF-8 and ASCII's control
 * characters; there are those from U+0080 to U+009F besides. */
static bool is_title(struct str s)
{
	size_t characters = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
			return false;
		characters += (c & 0xc0) != 0x80;
	}
	return str_trim(s).n > 0 && characters <= POLICY_TITLE_MAX;
}

static int parse_title(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	const struct read_value *v = &in->values[0];
	struct str *title = field;

	if (!is_title(v->text))
		return option_fail(job, v->line, ERR_SYNTAX,
		    "%s: expected up to %d characters of plain text such as "
		    "\"Our monthly news\"",
		    o->name, POLICY_TITLE_MAX);
	*title = str_trim(v->text);
	return 0;
}

static const struct option_type title_type = {
    "words such as \"Our monthly news\"", false, parse_title,
    option_print_text};

static int finish_purpose(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct policy_purpose *p = element;
	const char *text =
	    arena_printf(job->arena, "purpose %.*s {", STR_ARG(p->name));

	if (text == NULL)
		return option_no_memory(job);
	p->rule = (struct policy_line){in->line, job->section, str_of(text)};
	return 0;
}

#define AT(field) offsetof(struct policy_purpose, field)

static const struct option options[] = {
    {.name = "title",
	.type = &title_type,
	.offset = AT(title),
	.flags = OPTION_REQUIRED,
	.help = "What the unsubscribe page calls this purpose; it says \"You "
		"receive our mail about\" and the title."},
    {.name = "title-de",
	.type = &title_type,
	.offset = AT(title_de),
	.help = "The title on the German page, where it is another."},
    {.name = "title-en",
	.type = &title_type,
	.offset = AT(title_en),
	.help = "The title on the English page."},
    {.name = "title-fr",
	.type = &title_type,
	.offset = AT(title_fr),
	.help = "The title on the French page."},
};

#undef AT

const struct section_kind section_purpose = {
    .name = "purpose",
    .times = SECTION_MANY,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct policy_draft, policy.purposes),
    .n_offset = offsetof(struct policy_draft, policy.n_purposes),
    .size = sizeof(struct policy_purpose),
    .name_offset = offsetof(struct policy_purpose, name),
    .help = "How people are told of a purpose. A purpose needs no such "
	    "section: without one they see its name. Keep it when the last "
	    "segment of that purpose goes, since links in old mail lead to "
	    "its page for ever.",
    .finish = finish_purpose,
};

static struct str translated(
    const struct policy_purpose *purpose, struct str language)
{
	if (str_eq(language, STR("de")))
		return purpose->title_de;
	if (str_eq(language, STR("en")))
		return purpose->title_en;
	if (str_eq(language, STR("fr")))
		return purpose->title_fr;
	return STR("");
}

struct str policy_purpose_title(
    const struct policy *p, struct str purpose, struct str language)
{
	for (size_t i = 0; i < p->n_purposes; i++) {
		const struct policy_purpose *one = &p->purposes[i];
		struct str title = translated(one, language);

		if (str_eq(one->name, purpose))
			return title.n > 0 ? title : one->title;
	}
	return purpose;
}
