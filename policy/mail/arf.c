/* arf.c - see arf.h. */
#include "policy/mail/arf.h"

#include "policy/mail/headblock.h"
#include "policy/mail/multireport.h"

#include <string.h>

/* Without what some write around it: "abuse (spam)", "abuse;", "\"abuse\"". */
static struct str first_word(struct str value)
{
	size_t from = 0, to;

	while (from < value.n &&
	       (ascii_is_blank(value.p[from]) || value.p[from] == '"'))
		from++;
	to = from;
	while (to < value.n && strchr(" \t\r\n\";,(", value.p[to]) == NULL)
		to++;
	return str_cut(value, from, to - from);
}

static enum arf_type type_of(struct str value)
{
	static const struct {
		struct str name;
		enum arf_type type;
	} names[] = {
	    {STR("abuse"), ARF_ABUSE},
	    {STR("fraud"), ARF_FRAUD},
	    {STR("virus"), ARF_VIRUS},
	    {STR("not-spam"), ARF_NOT_SPAM},
	    {STR("auth-failure"), ARF_AUTH_FAILURE},
	    {STR("dkim"), ARF_AUTH_FAILURE}, /* before RFC 6591 */
	    {STR("opt-out"), ARF_OPT_OUT},
	    {STR("opt-out-list"), ARF_OPT_OUT},
	};
	struct str word = first_word(value);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(word, names[i].name))
			return names[i].type;
	return ARF_OTHER;
}

static int take_field(struct arf *out, const struct header *h, struct arena *a)
{
	const struct multireport_field fields[] = {
	    {STR("User-Agent"), &out->user_agent, false},
	    {STR("Original-Mail-From"), &out->mail_from, true},
	    {STR("Original-Rcpt-To"), &out->rcpt_to, true},
	    {STR("Removal-Recipient"), &out->removal, true},
	    {STR("Original-Envelope-Id"), &out->envelope_id, false},
	    {STR("Source-IP"), &out->source_ip, false},
	    {STR("Arrival-Date"), &out->arrival_date, false},
	    {STR("Received-Date"), &out->arrival_date, false},
	};

	return multireport_take(fields, sizeof(fields) / sizeof(*fields), h, a);
}

int arf_parse(const struct mime *m, struct arena *a, struct arf *out)
{
	const struct mime_part *p;
	struct header h;
	struct str body;
	size_t next = 0, at = 0;
	bool gap, typed = false;
	int rc;

	*out = (struct arf){0};
	p = multireport_next(m, "feedback-report", &next);
	if (p == NULL)
		return ERR_NOT_FOUND;
	rc = multireport_body(p, a, &body);
	if (rc == ERR_SYNTAX)
		return ERR_NOT_FOUND; /* unknown encoding */
	while (rc == 0 && headblock_seek(body, &at, &h, &gap)) {
		if (!typed && str_ieq(h.name, STR("Feedback-Type"))) {
			out->type = type_of(h.value);
			typed = true;
		} else {
			rc = take_field(out, &h, a);
		}
	}
	if (rc == 0)
		rc = multireport_returned(
		    m, a, &out->original, &out->has_original);
	return rc;
}
