/* sort_plain.c - see sort_plain.h. */
#include "agent/in/sort_plain.h"

#include "agent/in/claim.h"
#include "policy/mail/headblock.h"
#include "policy/mail/multireport.h"

static bool came_to(const struct sort *s, const struct strs *declared)
{
	for (size_t i = 0; s->has_origin && i < s->origin.rcpts.n; i++)
		for (size_t k = 0; k < declared->n; k++)
			if (str_ieq(s->origin.rcpts.v[i], declared->v[k]))
				return true;
	return false;
}

/* Do the fields at the head of the text make a message? Moves *at behind them. */
static bool is_head(struct str text, size_t *at)
{
	bool from = false, id = false;
	struct header h;

	while (headblock_next(text, at, &h)) {
		from |= str_ieq(h.name, STR("From"));
		id |= str_ieq(h.name, STR("Message-ID"));
	}
	return from && id;
}

/* Behind the line at `at`. */
static size_t next_line(struct str text, size_t at)
{
	size_t end = str_find(text, at, '\n');

	return end < text.n ? end + 1 : text.n;
}

/* The first block of fields in the text that is one of a message; a block begins
 * where the text does, or behind an empty line. */
static int read_inline(
    struct str text, struct arena *a, struct header_list *out, bool *found_out)
{
	size_t at = 0, begin = 0, body_at;

	*found_out = false;
	while (at < text.n && !*found_out) {
		while (headblock_skip_empty(text, &at))
			continue;
		begin = at;
		*found_out = is_head(text, &at);
		while (at < text.n && !headblock_skip_empty(text, &at))
			at = next_line(text, at);
	}
	return *found_out
		   ? headblock_parse(str_from(text, begin), a, out, &body_at)
		   : 0;
}

static int read_returned(struct str message, struct arena *a,
    struct header_list *out, bool *found_out)
{
	struct str text = STR("");
	struct mime m;
	size_t at;
	int rc = mime_scan(message, a, &m);

	*found_out = rc == 0 && m.part[0].kind == MIME_MESSAGE;
	if (*found_out) /* nothing around it */
		return headblock_parse(m.part[0].body, a, out, &at);
	if (rc == 0)
		rc = multireport_returned(&m, a, out, found_out);
	if (rc != 0 || *found_out)
		return rc;
	rc = multireport_notice(&m, a, &text);
	return rc == 0 ? read_inline(text, a, out, found_out) : rc;
}

int sort_plain(const struct sort_with *with, struct str message,
    struct arena *a, struct sort *s)
{
	struct report *r = &s->report;
	struct header_list returned = {0};
	struct address author;
	bool yes = false;
	int rc;

	if (r->source != REPORT_BY_NOTHING || with->complaint_to == NULL ||
	    with->complaint_from == NULL || !came_to(s, with->complaint_to))
		return 0;
	rc = claim_author(s, with->complaint_from, a, &author, &yes);
	if (rc == 0 && yes)
		rc = read_returned(message, a, &returned, &yes);
	if (rc != 0 || !yes)
		return rc;
	r->source = REPORT_BY_PLAIN;
	r->kind = REPORT_COMPLAINT;
	r->reason = BOUNCE_ABUSE;
	r->original = returned;
	return 0;
}
