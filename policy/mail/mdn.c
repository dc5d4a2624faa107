/* mdn.c - see mdn.h. */
#include "policy/mail/mdn.h"

#include "policy/mail/headblock.h"
#include "policy/mail/multireport.h"

static const struct str types[] = {
    [MDN_OTHER] = STR("other"),
    [MDN_DISPLAYED] = STR("displayed"),
    [MDN_DELETED] = STR("deleted"),
    [MDN_DISPATCHED] = STR("dispatched"),
    [MDN_PROCESSED] = STR("processed"),
    [MDN_DENIED] = STR("denied"),
    [MDN_FAILED] = STR("failed"),
};

const char *mdn_type_name(enum mdn_type type)
{
	return (size_t)type < sizeof(types) / sizeof(*types) ? types[type].p
							     : "other";
}

static enum mdn_type type_of(struct str word)
{
	for (size_t i = MDN_DISPLAYED; i < sizeof(types) / sizeof(*types); i++)
		if (str_ieq(word, types[i]))
			return (enum mdn_type)i;
	return MDN_OTHER;
}

static enum mdn_mode mode_of(struct str word)
{
	if (str_istarts(word, STR("manual")) ||
	    str_ieq(word, STR("MDN-sent-manually")))
		return MDN_MANUAL;
	if (str_istarts(word, STR("automatic")) ||
	    str_ieq(word, STR("MDN-sent-automatically")))
		return MDN_AUTOMATIC;
	return MDN_UNKNOWN;
}

/* Takes what stands before c, trimmed, off *rest; all of it without one. */
static struct str take(struct str *rest, char c)
{
	size_t at = str_find(*rest, 0, c);
	struct str s = str_trim(str_cut(*rest, 0, at));

	*rest = str_from(*rest, at + (at < rest->n));
	return s;
}

/* RFC 8098 section 3.2.6: "manual-action/MDN-sent-manually; displayed/error";
 * some leave the modes out. */
static void take_disposition(struct mdn *out, struct str s)
{
	struct str modes, rest = s;

	if (str_find(s, 0, ';') < s.n) {
		modes = take(&rest, ';');
		out->action = mode_of(take(&modes, '/'));
		out->sending = mode_of(str_trim(modes));
	}
	out->type = type_of(take(&rest, '/'));
	out->modifiers = str_trim(rest);
}

static int take_field(struct mdn *out, const struct header *h, struct arena *a)
{
	const struct multireport_field fields[] = {
	    {STR("Final-Recipient"), &out->final, true},
	    {STR("Original-Recipient"), &out->original, true},
	    {STR("Original-Message-ID"), &out->message_id, false},
	    {STR("Reporting-UA"), &out->reporting_ua, false},
	    {STR("Error"), &out->error, false},
	    {STR("Failure"), &out->error, false},
	    {STR("Warning"), &out->error, false},
	};

	return multireport_take(
	    fields, sizeof(fields) / sizeof(*fields), h, a);
}

static int read_fields(struct mdn *out, struct str body, struct arena *a)
{
	struct header h;
	size_t at = 0;
	bool gap, told = false;
	int rc = 0;

	while (rc == 0 && headblock_seek(body, &at, &h, &gap)) {
		if (told || !str_ieq(h.name, STR("Disposition"))) {
			rc = take_field(out, &h, a);
			continue;
		}
		h.value = multireport_text(a, h.value);
		if (h.value.p == NULL)
			return ERR_LIMIT;
		take_disposition(out, h.value);
		told = true;
	}
	return rc;
}

int mdn_parse(const struct mime *m, struct arena *a, struct mdn *out)
{
	const struct mime_part *p;
	struct str body;
	size_t at = 0;
	int rc;

	*out = (struct mdn){0};
	p = multireport_next(m, "disposition-notification", &at);
	if (p == NULL)
		return ERR_NOT_FOUND;
	rc = multireport_body(p, a, &body);
	if (rc == 0)
		rc = read_fields(out, body, a);
	if (rc == 0 || rc == ERR_SYNTAX) /* an unknown encoding */
		rc = multireport_returned(
		    m, a, &out->returned, &out->has_original);
	return rc;
}
