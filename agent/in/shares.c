/* shares.c - see shares.h. */
#include "agent/in/shares.h"

#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/mail/domain.h"
#include "policy/mail/psl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DOUBLED_MAX = 4, /* sixteen minutes */
};

struct share {
	size_t n; /* 0: free */
	char domain[DOMAIN_MAX];
	int64_t left_ms, until_ms;
	unsigned in_a_row; /* shares that were used up */
	bool settled;      /* the last of them is counted */
	uint64_t used;     /* the number of the call that wanted it last */
};

struct shares {
	struct share v[SHARES_MAX];
	uint64_t calls;
};

int shares_new(struct shares **out)
{
	*out = fault_alloc() ? NULL : calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void shares_free(struct shares **s)
{
	free(*s);
	*s = NULL;
}

/* That of a domain, or the one to be given to it. */
static struct share *find(struct shares *s, struct str domain)
{
	struct share *oldest = &s->v[0];

	for (size_t i = 0; i < SHARES_MAX; i++) {
		struct share *h = &s->v[i];

		if (h->n > 0 && str_eq((struct str){h->domain, h->n}, domain))
			return h;
		if (h->used < oldest->used)
			oldest = h;
	}
	*oldest = (struct share){.n = domain.n};
	if (domain.n > 0)
		memcpy(oldest->domain, domain.p, domain.n);
	return oldest;
}

static void renew(struct share *h, int64_t now_ms)
{
	if (h->left_ms > 0)
		h->in_a_row = 0;
	h->left_ms = SHARES_MS;
	h->until_ms = now_ms + WHEN_MINUTE_MS;
	h->settled = false;
}

int64_t *shares_of(struct shares *s, struct str domain, int64_t now_ms)
{
	struct str org = psl_org_domain(domain);
	struct share *h;

	if (org.n == 0)
		org = str_cut(domain, 0, DOMAIN_MAX);
	h = find(s, org);
	if (now_ms >= h->until_ms)
		renew(h, now_ms);
	h->used = ++s->calls;
	return &h->left_ms;
}

void shares_settle(struct shares *s, int64_t now_ms)
{
	for (size_t i = 0; i < SHARES_MAX; i++) {
		struct share *h = &s->v[i];

		if (h->n == 0 || h->settled || h->left_ms > 0)
			continue;
		h->settled = true;
		h->until_ms = now_ms + (WHEN_MINUTE_MS << h->in_a_row);
		if (h->in_a_row < DOUBLED_MAX)
			h->in_a_row++;
	}
}
