/* section_key.c - key NAME { } and domain NAME { }. References between them
 * are checked in conf.c, when all sections are there. */
#include "policy/conf/section.h"
#include "policy/mail/domain.h"

static const struct option_word algorithms[] = {
    {"rsa-sha256", CONF_RSA_SHA256},
    {"ed25519-sha256", CONF_ED25519_SHA256},
    {NULL, 0},
};

static int finish_key(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct conf_key *key = element;

	(void)job;
	key->line = in->line;
	return 0;
}

#define AT(field) offsetof(struct conf_key, field)

static const struct option key_options[] = {
    {.name = "domain",
	.type = &option_domain,
	.offset = AT(domain),
	.flags = OPTION_REQUIRED,
	.help = "The d= of its signatures."},
    {.name = "selector",
	.type = &option_host,
	.offset = AT(selector),
	.flags = OPTION_REQUIRED,
	.help = "The s= of its signatures; the public key is published at "
		"SELECTOR._domainkey.DOMAIN."},
    {.name = "file",
	.type = &option_path,
	.offset = AT(file),
	.flags = OPTION_REQUIRED,
	.help = "The private key in PEM; readable by the milter's user alone."},
    {.name = "algorithm",
	.type = &option_enum,
	.offset = AT(algorithm),
	.def = "rsa-sha256",
	.words = algorithms,
	.help = "What the key is for; a file of another kind is refused."},
};

const struct section_kind section_key = {
    .name = "key",
    .times = SECTION_MANY,
    .options = key_options,
    .n_options = sizeof(key_options) / sizeof(key_options[0]),
    .offset = offsetof(struct conf, keys),
    .n_offset = offsetof(struct conf, n_keys),
    .size = sizeof(struct conf_key),
    .name_offset = offsetof(struct conf_key, name),
    .help = "A DKIM key.",
    .finish = finish_key,
};

/* --- domain --- */

static bool is_canonical(struct str s)
{
	char text[DOMAIN_MAX];
	size_t n;

	return domain_canonical(s, text, &n, NULL) == 0 &&
	       str_eq(s, (struct str){text, n});
}

/* Feedback-ID's SenderId: a stable word of 5 to 15 characters. */
static int check_sender_id(const struct option_job *job,
    const struct read_option *in, const void *field)
{
	const struct str *s = field;
	bool good = s->n >= 5 && s->n <= 15;

	for (size_t i = 0; good && i < s->n; i++)
		good =
		    ascii_is_alnum(s->p[i]) || s->p[i] == '-' || s->p[i] == '_';
	if (good)
		return 0;
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "sender-id = \"%.*s\": expected 5 to 15 letters and digits such "
	    "as \"examplecom\"",
	    STR_ARG(*s));
}

static int finish_domain(
    const struct option_job *job, const struct read_section *in, void *element)
{
	struct conf_domain *domain = element;

	(void)job;
	domain->line = in->line;
	return 0;
}

#undef AT
#define AT(field) offsetof(struct conf_domain, field)

static const struct option domain_options[] = {
    {.name = "keys",
	.type = &option_names,
	.offset = AT(keys),
	.flags = OPTION_REQUIRED,
	.help = "Names of the key sections that sign its mail, each once."},
    {.name = "bounce-domain",
	.type = &option_domain,
	.offset = AT(bounce_domain),
	.help = "Domain of our envelope senders, under the same "
		"organisational domain; at or below this one, or providers "
		"that keep to RFC 9477 send no complaints there; without it "
		"the application's sender stays and its bounces are not "
		"seen."},
    {.name = "sender-id",
	.type = &option_text,
	.offset = AT(sender_id),
	.check = check_sender_id,
	.help = "Last part of Feedback-ID, 5 to 15 letters and digits."},
};

const struct section_kind section_domain = {
    .name = "domain",
    .times = SECTION_MANY,
    .options = domain_options,
    .n_options = sizeof(domain_options) / sizeof(domain_options[0]),
    .offset = offsetof(struct conf, domains),
    .n_offset = offsetof(struct conf, n_domains),
    .size = sizeof(struct conf_domain),
    .name_offset = offsetof(struct conf_domain, name),
    .is_title = is_canonical,
    .title_what = "a domain in small letters and A-labels such as "
		  "\"xn--bcher-kva.example\"",
    .help = "A From domain that we sign for.",
    .finish = finish_domain,
};
