/* recognise.c - see recognise.h. */
#include "policy/rules/recognise.h"

enum {
	SEGMENT_MAX = 64, /* longer than any name of a policy */
	CAMPAIGN_MAX = 256,
};

bool recognise_glob(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && ascii_lower(pattern.p[p]) ==
						ascii_lower(text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool has_str(const struct strs *list, struct str s)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], s))
			return true;
	return false;
}

static bool sasl_matches(const struct strs *users, struct str user)
{
	if (user.n == 0)
		return false;
	return has_str(users, user) || has_str(users, STR("*"));
}

static bool client_matches(
    const struct conf_nets *nets, const struct recognise_origin *o)
{
	if (!o->has_client || o->local)
		return false;
	for (size_t i = 0; i < nets->n; i++)
		if (conf_net_contains(&nets->v[i], o->client))
			return true;
	return false;
}

static bool origin_matches(
    const struct conf_origin *want, const struct recognise_origin *o)
{
	bool any = want->sasl_users.n > 0 || want->clients.n > 0 ||
		   want->listeners.n > 0 || want->local;

	if (!any)
		return true;
	return (want->local && o->local) ||
	       sasl_matches(&want->sasl_users, o->sasl_user) ||
	       client_matches(&want->clients, o) ||
	       (o->listener.n > 0 && has_str(&want->listeners, o->listener));
}

static bool sender_matches(const struct strs *globs, struct str sender)
{
	if (globs->n == 0)
		return true;
	for (size_t i = 0; i < globs->n; i++)
		if (recognise_glob(globs->v[i], sender))
			return true;
	return false;
}

static bool header_present(
    const struct strs *names, const struct header_list *headers)
{
	for (size_t i = 0; i < names->n; i++)
		if (header_find(headers, names->v[i], 0) != NULL)
			return true;
	return false;
}

/* A null sender is never nurture, nor one-to-one: bounces and other reports
 * of the MTA are not ours to count, refuse or hold. */
static bool class_takes_sender(enum conf_class class, struct str sender)
{
	return sender.n > 0 ||
	       (class != CONF_CLASS_NURTURE && class != CONF_CLASS_ONE_TO_ONE);
}

const struct conf_stream *recognise_stream(const struct conf *c,
    const struct recognise_origin *o, struct str sender,
    const struct header_list *headers, bool *needs_headers_out)
{
	*needs_headers_out = false;
	for (size_t i = 0; i < c->n_streams; i++) {
		const struct conf_stream *s = &c->streams[i];
		if (!origin_matches(&s->origin, o) ||
		    !sender_matches(&s->senders, sender) ||
		    !class_takes_sender(s->class, sender))
			continue;
		if (s->headers.n == 0)
			return s;
		if (headers == NULL)
			*needs_headers_out = true;
		else if (header_present(&s->headers, headers))
			return s;
	}
	return NULL;
}

const struct conf_stream *recognise_release(
    const struct conf *c, const struct recognise_origin *o)
{
	for (size_t i = 0; i < c->n_streams; i++)
		if (c->streams[i].class == CONF_CLASS_RELEASE &&
		    origin_matches(&c->streams[i].origin, o))
			return &c->streams[i];
	return NULL;
}

/* The text of all fields of that name; of two that differ, both: no name of
 * anything, so that neither is taken for meant. */
static struct str one_text(
    const struct header_list *headers, struct str name, struct arena *a)
{
	size_t at = 0;
	const struct header *h = header_next(headers, name, &at);
	struct str first = header_text(a, h), other;
	const char *both;

	while (first.p != NULL && (h = header_next(headers, name, &at))) {
		other = header_text(a, h);
		if (other.p == NULL)
			return STR_NULL;
		if (str_eq(first, other))
			continue;
		both = arena_printf(
		    a, "%.*s, %.*s", STR_ARG(first), STR_ARG(other));
		return both != NULL ? str_of(both) : STR_NULL;
	}
	return first;
}

static struct str first_header(const struct strs *names,
    const struct header_list *headers, struct arena *a)
{
	for (size_t i = 0; i < names->n; i++)
		if (header_find(headers, names->v[i], 0) != NULL)
			return one_text(headers, names->v[i], a);
	return STR("");
}

struct str recognise_segment(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a)
{
	struct str value;

	if (s->segment.n > 0)
		return s->segment;
	value = first_header(&s->segment_from, headers, a);
	for (size_t i = 0; i < s->n_segment_map; i++)
		if (str_eq(s->segment_map[i].from, value))
			return s->segment_map[i].to;
	return value;
}

struct str recognise_campaign(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a)
{
	return first_header(&s->campaign_from, headers, a);
}

static int clean(struct arena *a, struct str in, size_t max, struct str *out)
{
	char *p;

	if (in.p == NULL && in.n == 0)
		return ERR_LIMIT;
	*out = arena_str(a, str_cut(in, 0, max));
	if (out->p == NULL)
		return ERR_LIMIT;
	p = (char *)(uintptr_t)out->p;
	for (size_t i = 0; i < out->n; i++)
		if (p[i] < ' ' || p[i] > '~')
			p[i] = '?';
	return 0;
}

int recognise_labels(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a, struct str *segment_out,
    struct str *campaign_out)
{
	int rc = clean(
	    a, recognise_segment(s, headers, a), SEGMENT_MAX, segment_out);

	return rc != 0 ? rc
		       : clean(a, recognise_campaign(s, headers, a),
			     CAMPAIGN_MAX, campaign_out);
}
