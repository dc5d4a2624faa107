/* claim.c - see claim.h. */
#include "agent/in/claim.h"

#include "policy/mail/addrlist.h"
#include "policy/mail/authres.h"
#include "policy/mail/domain.h"
#include "policy/mail/psl.h"

#include <errno.h>
#include <string.h>

enum {
	EVIDENCE_MAX = 2000,
};

int claim_address(const struct header_list *l, const char *name,
    struct arena *a, struct address *out, struct str *written_out,
    bool *yes_out)
{
	const struct header *h = header_find(l, str_of(name), 0);
	struct addrlist list = {0};
	int rc = 0;

	*yes_out = false;
	if (h == NULL || header_count(l, str_of(name)) != 1)
		return 0;
	rc = addrlist_add(&list, a, h->value);
	if (rc == 0 && list.n == 1 && list.bad == 0) {
		*out = list.v[0].addr;
		*written_out = list.v[0].spec;
		*yes_out = true;
	}
	return rc;
}

static void name_nobody(struct address *out, struct str *written_out)
{
	*out = (struct address){0};
	*written_out = STR("");
}

int claim_recipient(const struct sort *s, struct arena *a, struct address *out,
    struct str *written_out)
{
	const struct report *r = &s->report;
	int rc = ERR_SYNTAX;

	name_nobody(out, written_out);
	if (r->n > 0 && r->rcpt[0].address.n > 0)
		rc = address_parse(a, r->rcpt[0].address, out, NULL);
	if (rc == 0)
		*written_out = r->rcpt[0].address;
	else
		name_nobody(out, written_out);
	return rc == ERR_SYNTAX ? 0 : rc; /* redacted */
}

int claim_named(const struct sort *s, struct arena *a, struct address *out,
    struct str *written_out)
{
	bool found;
	int rc = claim_recipient(s, a, out, written_out);

	if (rc != 0 || out->text.n > 0 || s->resent)
		return rc;
	rc = claim_address(
	    &s->report.original, "To", a, out, written_out, &found);
	if (!found)
		name_nobody(out, written_out);
	return rc;
}

static int read_reference(const struct sort *s, struct claim *out)
{
	int rc = s->resent ? ERR_NOT_FOUND
			   : reference_of(&s->report.original, &out->reference);

	out->has_reference = rc == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int claim_author(const struct sort *s, const struct strs *declared,
    struct arena *a, struct address *out, bool *yes_out)
{
	struct str written;
	int rc =
	    claim_address(&s->report.head, "From", a, out, &written, yes_out);

	*yes_out = rc == 0 && *yes_out &&
		   authentic_is_declared(declared, out->text, out->domain);
	return rc;
}

static bool is_ours(const struct addrlist_entry *e,
    const struct strs *addresses, const struct conf *conf)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (str_ieq(addresses->v[i], e->spec))
			return true;
	for (size_t i = 0; i < conf->n_domains; i++)
		if (str_ieq(conf->domains[i].name, e->addr.domain) ||
		    str_ieq(conf->domains[i].bounce_domain, e->addr.domain))
			return true;
	return false;
}

int claim_is_to(const struct sort *s, const struct strs *addresses,
    const struct conf *conf, struct arena *a, bool *yes_out)
{
	const struct header *h = header_find(&s->report.head, STR("To"), 0);
	struct addrlist list = {0};
	int rc = 0;

	*yes_out = false;
	if (h == NULL || header_count(&s->report.head, STR("To")) != 1)
		return 0;
	rc = addrlist_add(&list, a, h->value);
	for (size_t i = 0; rc == 0 && i < list.n; i++)
		*yes_out |= is_ours(&list.v[i], addresses, conf);
	return rc;
}

int claim_read(const struct sort *s, const struct strs *declared,
    struct arena *a, struct claim *out, bool *yes_out)
{
	struct str written;
	int rc;

	*yes_out = false;
	if (s->n > 0 || s->report.kind != REPORT_COMPLAINT)
		return 0;
	rc = claim_author(s, declared, a, &out->author, yes_out);
	if (*yes_out)
		rc = claim_named(s, a, &out->who, &written);
	return *yes_out && rc == 0 ? read_reference(s, out) : rc;
}

int claim_left(
    const struct sort *s, struct arena *a, struct claim *out, bool *yes_out)
{
	struct str written;
	int rc = 0;

	*yes_out = false;
	*out = (struct claim){0};
	if (sort_has_proof(s) || !s->has_reply || s->reply.kind != REPLY_LEFT)
		return 0;
	rc = claim_address(
	    &s->report.head, "From", a, &out->author, &written, yes_out);
	*yes_out =
	    rc == 0 && *yes_out && reply_says_left(&s->reply, out->author.text);
	return rc;
}

/* sender: an address, or a HELO name. */
static bool is_aligned(struct str sender, struct str domain)
{
	size_t at = str_rfind(sender, '@');
	char name[DOMAIN_MAX];
	size_t n;

	if (at < sender.n)
		sender = str_from(sender, at + 1);
	return domain_canonical(sender, name, &n, NULL) == 0 &&
	       psl_is_aligned((struct str){name, n}, domain);
}

void claim_mail(const struct sort *s, const struct claim *c, struct str message,
    bool cut, struct verify_mail *out)
{
	const struct origin *o = &s->origin;

	*out = (struct verify_mail){.message = message};
	if (cut || !s->has_origin || !o->has_client ||
	    !is_aligned(
		o->sender.n > 0 ? o->sender : o->helo, c->author.domain))
		return;
	out->has_client = true;
	memcpy(out->client, o->client, sizeof(out->client));
	out->helo = o->helo;
	out->sender = o->sender;
}

struct str claim_evidence(
    const struct claim *c, const struct authentic *found, struct arena *a)
{
	struct str out = STR_NULL;
	struct buf b;

	buf_init(&b, EVIDENCE_MAX);
	buf_printf(&b, "From: %.*s", STR_ARG(c->author.text));
	authres_results(&b, found);
	if (buf_error(&b) == 0)
		out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}
