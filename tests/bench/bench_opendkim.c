/* bench_opendkim.c - see bench_opendkim.h. */
#include "tests/bench/bench_opendkim.h"

#include <sys/types.h>

#include <opendkim/dkim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_opendkim {
	DKIM_LIB *lib;
	char *pem;
};

static u_char *bytes(const char *p)
{
	return (u_char *)(uintptr_t)p;
}

struct bench_opendkim *bench_opendkim_new(const char *pem)
{
	struct bench_opendkim *b = calloc(1, sizeof(*b));

	if (b == NULL || (b->lib = dkim_init(NULL, NULL)) == NULL ||
	    (b->pem = strdup(pem)) == NULL)
		bug("libopendkim");
	return b;
}

void bench_opendkim_free(struct bench_opendkim **b)
{
	dkim_close((*b)->lib);
	free((*b)->pem);
	free(*b);
	*b = NULL;
}

void bench_opendkim_run(struct bench_opendkim *b,
    const struct header_list *headers, struct str body, bool sign)
{
	DKIM_STAT status;
	DKIM *d = dkim_sign(b->lib, bytes("-"), NULL, bytes(b->pem), bytes("s"),
	    bytes("example.com"), DKIM_CANON_RELAXED, DKIM_CANON_RELAXED,
	    DKIM_SIGN_RSASHA256, -1, &status);
	char field[4096];

	if (d == NULL)
		bug("dkim_sign");
	for (size_t i = 0; i < headers->n; i++) {
		int n = snprintf(field, sizeof(field), "%.*s:%.*s",
		    STR_ARG(headers->v[i].name), STR_ARG(headers->v[i].value));
		if (dkim_header(d, bytes(field), (size_t)n) != DKIM_STAT_OK)
			bug("dkim_header");
	}
	if (dkim_eoh(d) != DKIM_STAT_OK ||
	    dkim_body(d, bytes(body.p), body.n) != DKIM_STAT_OK)
		bug("dkim_body");
	if (sign) {
		u_char *text = NULL;
		size_t n = 0;
		if (dkim_eom(d, NULL) != DKIM_STAT_OK ||
		    dkim_getsighdr_d(d, 16, &text, &n) != DKIM_STAT_OK)
			bug("dkim_eom");
	}
	(void)dkim_free(d);
}
