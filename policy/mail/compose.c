/* compose.c - see compose.h.
 *
 * The final header list is what the signature is made over, so it is built
 * here beside the changes and by the same calls: what is signed and what
 * leaves cannot differ. */
#include "policy/mail/compose.h"

#include "policy/base/buf.h"
#include "policy/mail/token.h"
#include "policy/mail/verp.h"

#include <stdlib.h>
#include <string.h>

enum {
	ONE_CLICK_MAX = 2000,
	FIRST_CHANGES = 16,
};

static const struct str ours[] = {
    {"List-Unsubscribe", 16},
    {"List-Unsubscribe-Post", 21},
    {"List-Id", 7},
    {"Feedback-ID", 11},
    {"CFBL-Address", 12},
    {"CFBL-Feedback-ID", 16},
};

static bool is_ours(struct str name)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (str_ieq(name, ours[i]))
			return true;
	return false;
}

static bool is_control(struct str name, const struct strs *control)
{
	if (str_istarts(name, STR("X-Tendril-")))
		return true;
	for (size_t i = 0; i < control->n; i++)
		if (str_ieq(name, control->v[i]))
			return true;
	return false;
}

static int add_change(
    struct change_list *l, struct arena *a, const struct change *c)
{
	struct change *v =
	    arena_room(a, l->v, l->n, &l->cap, FIRST_CHANGES, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	l->v = v;
	l->v[l->n++] = *c;
	return 0;
}

/* A field put on top: the list is rebuilt, once or twice a message. */
static int add_top(
    struct header_list *l, struct arena *a, const struct header *h)
{
	int rc = header_add(l, a, h->name, h->value);

	if (rc != 0)
		return rc;
	memmove(l->v + 1, l->v, (l->n - 1) * sizeof(*l->v));
	l->v[0] = *h;
	return 0;
}

int compose_add(
    struct compose_out *out, struct arena *a, const struct change *c)
{
	int rc = add_change(&out->changes, a, c);

	if (rc != 0)
		return rc;
	switch (c->kind) {
	case CHANGE_APPEND:
		return header_add(&out->final, a, c->name, c->value);
	case CHANGE_TOP:
		return add_top(
		    &out->final, a, &(struct header){c->name, c->value});
	case CHANGE_REMOVE:
	case CHANGE_SENDER:
	case CHANGE_RECIPIENT:
		break;
	}
	return 0;
}

/* Names without regard to case, then from the top down. */
static int by_name(const void *a, const void *b)
{
	const struct header *const *x = a, *const *y = b;
	struct str m = (*x)->name, n = (*y)->name;

	for (size_t i = 0; i < m.n && i < n.n; i++) {
		int d = ascii_lower(m.p[i]) - ascii_lower(n.p[i]);
		if (d != 0)
			return d;
	}
	if (m.n != n.n)
		return m.n < n.n ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* For each field how many of its name there are down to it. Sorted, since
 * counting anew for each takes minutes where there are 100,000. */
static int count_names(
    const struct header_list *l, struct arena *a, unsigned **index_out)
{
	const struct header **sorted =
	    arena_array(a, l->n + 1, sizeof(const struct header *));
	unsigned *index = arena_array(a, l->n + 1, sizeof(*index));

	if (sorted == NULL || index == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < l->n; i++)
		sorted[i] = &l->v[i];
	qsort(sorted, l->n, sizeof(struct header *), by_name);
	for (size_t i = 0; i < l->n; i++) {
		bool more =
		    i > 0 && str_ieq(sorted[i]->name, sorted[i - 1]->name);
		index[sorted[i] - l->v] =
		    more ? index[sorted[i - 1] - l->v] + 1 : 1;
	}
	*index_out = index;
	return 0;
}

/* What does not stay. */
struct strip {
	bool ours;
	struct strs control;
	struct str signer;
	const struct change *mark; /* or NULL: X-Tendril-Id to be added */
};

/* RFC 6376 section 3.2: tags are separated by semicolons, blanks are free. */
static bool is_signed_by(const struct header *h, struct str domain)
{
	struct str rest = h->value, tag;

	if (!str_ieq(h->name, STR("DKIM-Signature")))
		return false;
	while (str_next(&rest, ';', &tag)) {
		size_t eq = str_find(tag, 0, '=');

		if (str_eq(str_trim(str_cut(tag, 0, eq)), STR("d")))
			return str_ieq(str_trim(str_from(tag, eq + 1)), domain);
	}
	return false;
}

static bool is_stripped(const struct strip *what, const struct header *h)
{
	return (what->ours && is_ours(h->name)) ||
	       is_control(h->name, &what->control) ||
	       (what->signer.n > 0 && is_signed_by(h, what->signer));
}

static bool is_mark(struct str name)
{
	return str_ieq(name, STR(TOKEN_FIELD));
}

/* REMOVEs from the bottom up, so that each index is right at the moment its
 * change is applied. */
static int add_removes(const struct header_list *headers,
    const struct strip *what, bool marks, struct arena *a,
    struct change_list *out)
{
	unsigned *index;
	int rc = count_names(headers, a, &index);

	for (size_t i = headers->n; rc == 0 && i-- > 0;) {
		const struct header *h = &headers->v[i];
		if (is_stripped(what, h) && is_mark(h->name) == marks)
			rc = add_change(out, a,
			    &(struct change){
				CHANGE_REMOVE, h->name, STR_NULL, index[i]});
	}
	return rc;
}

/* Keeps what stays in order. The mark that changing has begun is made before
 * anything else is changed, but for others of its name: of two, Sendmail
 * would remove ours. */
static int strip(const struct header_list *headers, const struct strip *what,
    struct arena *a, struct compose_out *out)
{
	int rc = add_removes(headers, what, true, a, &out->changes);

	if (rc == 0 && what->mark != NULL)
		rc = add_change(&out->changes, a, what->mark);
	if (rc == 0)
		rc = add_removes(headers, what, false, a, &out->changes);
	for (size_t i = 0; rc == 0 && i < headers->n; i++) {
		const struct header *h = &headers->v[i];
		if (!is_stripped(what, h))
			rc = header_add(&out->final, a, h->name, h->value);
	}
	if (rc == 0 && what->mark != NULL)
		rc = header_add(
		    &out->final, a, what->mark->name, what->mark->value);
	return rc;
}

static int append(struct compose_out *out, struct arena *a, struct str name,
    const char *value)
{
	if (value == NULL)
		return ERR_LIMIT;
	return compose_add(
	    out, a, &(struct change){CHANGE_APPEND, name, str_of(value), 0});
}

/* Feedback-ID fields may hold what Gmail takes without trouble; other bytes
 * become '-'. At most 40 bytes of each. */
static void add_feedback_field(struct buf *b, struct str s)
{
	s = str_cut(s, 0, 40);
	for (size_t i = 0; i < s.n; i++) {
		bool plain = ascii_is_alnum(s.p[i]) || s.p[i] == '.' ||
			     s.p[i] == '_' || s.p[i] == '-';
		buf_addc(b, plain ? s.p[i] : '-');
	}
	buf_addc(b, ':');
}

/* campaign:segment:stream:SenderId; a value is not repeated (Gmail's rule),
 * an absent campaign is left out. */
static int add_feedback_id(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	struct buf b;
	char *value;
	int rc;

	if (in->sender_id.n == 0)
		return 0;
	buf_init(&b, 400);
	buf_addc(&b, ' ');
	if (in->campaign.n > 0 && !str_eq(in->campaign, in->segment))
		add_feedback_field(&b, in->campaign);
	add_feedback_field(&b, in->segment);
	if (!str_eq(in->stream, in->segment) &&
	    !str_eq(in->stream, in->campaign))
		add_feedback_field(&b, in->stream);
	buf_add(&b, in->sender_id);
	rc = buf_error(&b);
	value = rc == 0 ? arena_z(a, buf_str(&b).p) : NULL;
	buf_fini(&b);
	return rc != 0 ? rc : append(out, a, STR("Feedback-ID"), value);
}

static int add_unsubscribe(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	bool https = in->base_url.n > 0, mail = in->bounce_domain.n > 0;
	char *url = NULL, *mailto = NULL;
	struct str to = STR("");
	int rc = 0;

	if (https)
		url = arena_printf(a, " <%.*s/u/%.*s>", STR_ARG(in->base_url),
		    STR_ARG(in->unsubscribe_token));
	if (mail)
		rc = verp_make(a, TOKEN_UNSUBSCRIBE, in->unsubscribe_token,
		    in->bounce_domain, &to);
	if (rc != 0)
		return rc;
	if (mail)
		mailto = arena_printf(a, "%s<mailto:%.*s?subject=unsubscribe>",
		    https ? ",\n\t" : " ", STR_ARG(to));
	if ((https && url == NULL) || (mail && mailto == NULL))
		return ERR_LIMIT;
	if (!https && !mail)
		return 0;
	rc = append(out, a, STR("List-Unsubscribe"),
	    arena_printf(a, "%s%s", https ? url : "", mail ? mailto : ""));
	if (rc == 0 && https)
		rc = append(out, a, STR("List-Unsubscribe-Post"),
		    " List-Unsubscribe=One-Click");
	return rc;
}

/* RFC 2919: optional phrase, then <list-label.domain>. The label is the
 * segment, reduced to letters, digits and '-'. */
static int add_list_id(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	struct str label = arena_str(a, str_cut(in->segment, 0, 63));
	char *p = (char *)(uintptr_t)label.p;

	if (p == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < label.n; i++)
		p[i] = ascii_is_alnum(p[i]) ? ascii_lower(p[i]) : '-';
	return append(out, a, STR("List-Id"),
	    arena_printf(a, " %.*s%s<%.*s.%.*s>", STR_ARG(in->list_id),
		in->list_id.n > 0 ? " " : "", STR_ARG(label),
		STR_ARG(in->from_domain)));
}

static int add_cfbl(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	struct str to;
	int rc;

	if (in->bounce_domain.n == 0)
		return 0;
	rc = verp_make(
	    a, TOKEN_FEEDBACK, in->feedback_token, in->bounce_domain, &to);
	if (rc == 0)
		rc = append(out, a, STR("CFBL-Address"),
		    arena_printf(a, " %.*s; report=arf", STR_ARG(to)));
	if (rc == 0)
		rc = append(out, a, STR("CFBL-Feedback-ID"),
		    arena_printf(a, " %.*s", STR_ARG(in->feedback_token)));
	return rc;
}

static int add_verp(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	struct str sender;
	int rc;

	if (in->bounce_domain.n == 0)
		return 0;
	rc = verp_make(
	    a, TOKEN_BOUNCE, in->bounce_token, in->bounce_domain, &sender);
	return rc != 0
		   ? rc
		   : compose_add(out, a,
			 &(struct change){CHANGE_SENDER, STR_NULL, sender, 0});
}

static int mark_and_strip(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	const char *value = arena_printf(a, " %.*s", STR_ARG(in->id_token));
	struct change mark = {CHANGE_APPEND, STR(TOKEN_FIELD), STR_NULL, 0};

	if (value == NULL)
		return ERR_LIMIT;
	mark.value = str_of(value);
	return strip(in->headers,
	    &(struct strip){true, in->control, in->renew_domain, &mark}, a,
	    out);
}

int compose_nurture(
    const struct compose_in *in, struct arena *a, struct compose_out *out)
{
	int rc;

	*out = (struct compose_out){0};
	rc = compose_one_click(in->headers, a, &out->app_one_click);
	if (rc == 0)
		rc = mark_and_strip(in, a, out);
	if (rc == 0)
		rc = add_unsubscribe(in, a, out);
	if (rc == 0)
		rc = add_list_id(in, a, out);
	if (rc == 0)
		rc = add_feedback_id(in, a, out);
	if (rc == 0)
		rc = add_cfbl(in, a, out);
	if (rc == 0)
		rc = add_verp(in, a, out);
	return rc;
}

int compose_plain(
    const struct header_list *headers, struct arena *a, struct compose_out *out)
{
	static const struct strip tokens_only;

	*out = (struct compose_out){0};
	return strip(headers, &tokens_only, a, out);
}

/* https; or http on this host, where no TLS is needed (the agent asks that
 * only if its conf allows it). */
static bool is_one_click(struct str uri)
{
	return str_istarts(uri, STR("https://")) ||
	       str_istarts(uri, STR("http://127.")) ||
	       str_istarts(uri, STR("http://localhost:")) ||
	       str_istarts(uri, STR("http://localhost/")) ||
	       str_istarts(uri, STR("http://[::1]"));
}

/* The URI between angle brackets; comments and other schemes are skipped. */
static struct str find_one_click(struct str s)
{
	while (s.n > 0) {
		size_t open = str_find(s, 0, '<');
		size_t close = str_find(s, open, '>');
		struct str uri;

		if (close == s.n)
			break;
		uri = str_trim(str_cut(s, open + 1, close - open - 1));
		if (is_one_click(uri))
			return uri;
		s = str_from(s, close + 1);
	}
	return STR_NULL;
}

static bool has_no_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

int compose_one_click(
    const struct header_list *headers, struct arena *a, struct str *out)
{
	const struct header *list =
	    header_find(headers, STR("List-Unsubscribe"), 0);
	const struct header *post =
	    header_find(headers, STR("List-Unsubscribe-Post"), 0);
	struct str list_text, post_text, uri;

	*out = STR("");
	if (list == NULL || post == NULL)
		return 0;
	list_text = header_text(a, list);
	post_text = header_text(a, post);
	if (list_text.p == NULL || post_text.p == NULL)
		return ERR_LIMIT;
	uri = find_one_click(list_text);
	if (str_ieq(post_text, STR("List-Unsubscribe=One-Click")) &&
	    uri.n <= ONE_CLICK_MAX && has_no_blank(uri))
		*out = uri;
	return 0;
}
