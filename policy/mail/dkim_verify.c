/* dkim_verify.c - see dkim_verify.h.
 *
 * What libopendkim (2.11 beta 2, 2018) needs to be kept from, each seen in its
 * source or measured:
 *  - It takes header text as C strings: bytes behind a NUL are not hashed.
 *  - Each DKIM-Signature costs a pass over h= times all fields, and with its
 *    own l= a pass over the body: too many are not handed to it at all.
 *  - A temporary failure of one key aborts the whole message. So the lookup
 *    never reports one; it is noted here and becomes that signature's result.
 *  - With a lookup function set it ignores q=.
 *  - Without BADSIGHANDLES one unreadable signature, or a From it cannot parse,
 *    hides all good ones.
 *  - DKIM_LIBFLAGS_FIXCRLF makes a CR alone a line end and keeps the length of
 *    the unfixed header; so lines are ended here. A body without final CRLF is
 *    an error to it.
 *  - It computes t= - drift unsigned: a drift above t= is always "future".
 *  - dkim_ohdrs() overflows on a long z= and is not called.
 *  - Signatures by Ed25519 leak when it signs, not when it verifies.
 * It exports names like dkim_sign, dkim_body and dkim_dns_init, so a function of
 * ours with one of those would take its place inside the library: ours have one
 * word more. */
#include "policy/mail/dkim_verify.h"

#include "policy/base/fault.h"

#include <sys/types.h>

#include <opendkim/dkim.h>
#include <openssl/err.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_MAX = 2 * 1024 * 1024, /* one field, line ends made CRLF */
	WEAK_BITS = 1024,             /* RFC 8301 section 3.2 */
	ANY_TIME_S = 20 * 365 * 86400,
};

struct dkim_verifier {
	DKIM_LIB *lib;
};

/* One verification; libopendkim carries it to the lookup callback. */
struct run {
	DKIM *dkim;
	dkim_lookup_fn *lookup;
	void *arg;
	size_t nunknown;
	const DKIM_SIGINFO *unknown[DKIM_VERIFY_MAX_SIGNATURES];
};

static const char *const result_texts[] = {
    [DKIM_RESULT_PASS] = "pass",
    [DKIM_RESULT_FAIL] = "fail",
    [DKIM_RESULT_WEAK] = "weak",
    [DKIM_RESULT_INVALID] = "invalid",
    [DKIM_RESULT_TEMPERROR] = "temperror",
};

const char *dkim_result_text(enum dkim_result result)
{
	return result_texts[result];
}

/* libopendkim takes what it only reads as plain u_char pointers. */
static u_char *bytes(const char *p)
{
	return (u_char *)(uintptr_t)p;
}

static struct str text_of(const u_char *z)
{
	return str_of((const char *)z);
}

/* ---- records ---- */

static DKIM_CBSTAT use_record(struct str txt, u_char *out, size_t cap)
{
	if (txt.n >= cap || str_find(txt, 0, '\0') < txt.n)
		return DKIM_CBSTAT_NOTFOUND;
	memcpy(out, txt.p, txt.n);
	out[txt.n] = '\0';
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_CBSTAT find_key(
    DKIM *dkim, DKIM_SIGINFO *sig, u_char *out, size_t cap)
{
	struct run *run = dkim_get_user_context(dkim);
	DKIM_CBSTAT status = DKIM_CBSTAT_NOTFOUND;
	struct buf name, txt;
	int rc;

	buf_init(&name, DKIM_KEY_NAME_MAX);
	buf_init(&txt, DKIM_VERIFY_MAX_RECORD);
	buf_add(&name, text_of(dkim_sig_getselector(sig)));
	buf_addz(&name, "._domainkey.");
	buf_add(&name, text_of(dkim_sig_getdomain(sig)));
	rc = buf_error(&name);
	if (rc == 0)
		rc = run->lookup(run->arg, buf_str(&name), &txt);
	if (rc == 0)
		rc = buf_error(&txt);
	if (rc == 0)
		status = use_record(buf_str(&txt), out, cap);
	else if (rc != ERR_NOT_FOUND && rc != ERR_LIMIT &&
		 run->nunknown < DKIM_VERIFY_MAX_SIGNATURES)
		run->unknown[run->nunknown++] = sig;
	buf_fini(&name);
	buf_fini(&txt);
	return status;
}

/* ---- the library handle ---- */

static bool set_options(DKIM_LIB *lib, unsigned flags)
{
	u_int lib_flags = DKIM_LIBFLAGS_BADSIGHANDLES, bits = 1;
	uint64_t drift = ANY_TIME_S;

	if (dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &lib_flags,
		sizeof(lib_flags)) != DKIM_STAT_OK)
		return false;
	/* Short keys are verified and then reported as weak. */
	if (dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits,
		sizeof(bits)) != DKIM_STAT_OK)
		return false;
	if ((flags & DKIM_VERIFY_ANY_TIME) != 0 &&
	    dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift,
		sizeof(drift)) != DKIM_STAT_OK)
		return false;
	return dkim_set_key_lookup(lib, find_key) == DKIM_STAT_OK;
}

int dkim_verify_open(
    struct dkim_verifier **out, unsigned flags, struct error *err)
{
	struct dkim_verifier *v = fault_alloc() ? NULL : calloc(1, sizeof(*v));

	*out = NULL;
	if (v == NULL)
		return error_set(err, -ENOMEM, "libopendkim: out of memory");
	v->lib = dkim_init(NULL, NULL);
	if (v->lib == NULL || !set_options(v->lib, flags) ||
	    !dkim_libfeature(v->lib, DKIM_FEATURE_ED25519)) {
		dkim_verify_close(&v);
		return error_set(err, ERR_CRYPTO,
		    "libopendkim cannot be set up, or has no Ed25519");
	}
	*out = v;
	return 0;
}

void dkim_verify_close(struct dkim_verifier **v)
{
	if (*v == NULL)
		return;
	if ((*v)->lib != NULL)
		dkim_close((*v)->lib);
	free(*v);
	*v = NULL;
}

/* ---- one message ---- */

static int code_of(DKIM_STAT status)
{
	switch (status) {
	case DKIM_STAT_NORESOURCE:
		return -ENOMEM;
	case DKIM_STAT_INTERNAL:
	case DKIM_STAT_INVALID:
	case DKIM_STAT_NOTIMPLEMENT:
		return ERR_CRYPTO;
	default: /* something about a signature: told by its own result */
		return 0;
	}
}

/* Appends s with each bare LF as CRLF. */
static void add_lines(struct buf *out, struct str s)
{
	while (s.n > 0) {
		size_t lf = str_find(s, 0, '\n');
		bool bare = lf < s.n && (lf == 0 || s.p[lf - 1] != '\r');
		buf_add(out, str_cut(s, 0, lf));
		if (lf < s.n)
			buf_addz(out, bare ? "\r\n" : "\n");
		s = str_from(s, lf + 1);
	}
}

static int feed_field(DKIM *dkim, const struct header *h, struct buf *text)
{
	buf_reset(text);
	buf_add(text, h->name);
	buf_addc(text, ':');
	add_lines(text, h->value);
	if (buf_error(text) != 0)
		return buf_error(text);
	if (str_find(buf_str(text), 0, '\0') < text->n)
		return ERR_SYNTAX;
	return code_of(dkim_header(dkim, bytes(text->p), text->n));
}

static int feed_fields(DKIM *dkim, const struct header_list *headers,
    struct dkim_verify_result *out)
{
	size_t signatures = 0;
	struct buf text;
	int rc = headers->n > DKIM_VERIFY_MAX_FIELDS ? ERR_LIMIT : 0;

	buf_init(&text, HEADER_MAX);
	for (size_t i = 0; i < headers->n && rc == 0; i++) {
		const struct header *h = &headers->v[i];
		if (str_ieq(h->name, STR(DKIM_SIGNHEADER))) {
			if (h->value.n > DKIM_VERIFY_MAX_FIELD ||
			    signatures == DKIM_VERIFY_MAX_SIGNATURES) {
				out->skipped++;
				continue;
			}
			signatures++;
		}
		rc = feed_field(dkim, h, &text);
	}
	buf_fini(&text);
	return rc;
}

static int feed_bytes(DKIM *dkim, const char *p, size_t n)
{
	return n > 0 ? code_of(dkim_body(dkim, bytes(p), n)) : 0;
}

/* Feeds the body with CRLF line ends, the last one included. */
static int feed_body(DKIM *dkim, struct str body)
{
	size_t from = 0, at = 0;
	int rc = 0;

	while (rc == 0 && (at = str_find(body, at, '\n')) < body.n) {
		if (at == 0 || body.p[at - 1] != '\r') {
			rc = feed_bytes(dkim, body.p + from, at - from);
			if (rc == 0)
				rc = feed_bytes(dkim, "\r\n", 2);
			from = at + 1;
		}
		at++;
	}
	if (rc == 0 && from < body.n)
		rc = feed_bytes(dkim, body.p + from, body.n - from);
	if (rc == 0 && body.n > 0 && body.p[body.n - 1] != '\n')
		rc = feed_bytes(dkim, "\r\n", 2);
	return rc;
}

/* ---- results ---- */

static struct str tag(DKIM_SIGINFO *sig, const char *name)
{
	return text_of(dkim_sig_gettagvalue(sig, false, bytes(name)));
}

/* RFC 6376 section 3.5: q= lists ways to the key; dns/txt is the only one. */
static bool query_known(DKIM_SIGINFO *sig)
{
	struct str list = tag(sig, "q"), word;

	if (list.n == 0)
		return true;
	while (str_next(&list, ':', &word))
		if (str_ieq(str_trim(word), STR("dns/txt")))
			return true;
	return false;
}

static bool is_unknown(const struct run *run, const DKIM_SIGINFO *sig)
{
	for (size_t i = 0; i < run->nunknown; i++)
		if (run->unknown[i] == sig)
			return true;
	return false;
}

static const char *weakness(DKIM_SIGINFO *sig)
{
	dkim_alg_t alg = DKIM_SIGN_UNKNOWN;
	unsigned bits = 0;

	if (dkim_sig_getsignalg(sig, &alg) != DKIM_STAT_OK ||
	    alg == DKIM_SIGN_RSASHA1)
		return "rsa-sha1 is no longer valid (RFC 8301)";
	if (alg == DKIM_SIGN_RSASHA256 &&
	    (dkim_sig_getkeysize(sig, &bits) != DKIM_STAT_OK ||
		bits < WEAK_BITS))
		return "key of less than 1024 bits (RFC 8301)";
	return NULL;
}

static void judge(
    const struct run *run, DKIM_SIGINFO *sig, struct dkim_signature *out)
{
	DKIM_SIGERROR error = dkim_sig_geterror(sig);
	const char *text = dkim_sig_geterrorstr(error), *weak;

	out->result = DKIM_RESULT_INVALID;
	out->reason = text != NULL ? text : "not processed";
	if (is_unknown(run, sig)) {
		out->result = DKIM_RESULT_TEMPERROR;
		out->reason = "key record not available now";
	} else if (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_BADSIG) {
		return;
	} else if (!query_known(sig)) {
		out->reason = "unknown query method (q=)";
	} else if (error == DKIM_SIGERROR_BADSIG) {
		out->result = DKIM_RESULT_FAIL;
	} else if (DKIM_SIG_CHECK(sig)) {
		weak = weakness(sig);
		out->result =
		    weak != NULL ? DKIM_RESULT_WEAK : DKIM_RESULT_PASS;
		out->reason = weak != NULL ? weak : "";
	}
}

/* RFC 6376 section 5.4.2: each name in h= stands for one field of the mail. */
static size_t times_signed(DKIM_SIGINFO *sig, struct str name)
{
	struct str list = tag(sig, "h"), word;
	size_t n = 0;

	while (str_next(&list, ':', &word))
		n += str_ieq(str_trim(word), name);
	return n;
}

static bool is_loose(DKIM_SIGINFO *sig, const struct header_list *headers)
{
	static const struct str names[] = {STR("From"), STR("Subject")};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (times_signed(sig, names[i]) <
		    header_count(headers, names[i]))
			return true;
	return false;
}

static bool is_unbound(DKIM_SIGINFO *sig, const struct header_list *headers)
{
	static const struct str type = STR("Content-Type");
	size_t n = header_count(headers, STR("To"));

	return n == 0 || times_signed(sig, STR("To")) < n ||
	       times_signed(sig, type) < header_count(headers, type);
}

static int read_results(const struct run *run,
    const struct header_list *headers, struct arena *a,
    struct dkim_verify_result *out)
{
	DKIM_SIGINFO **sigs = NULL;
	int n = 0;

	if (dkim_getsiglist(run->dkim, &sigs, &n) != DKIM_STAT_OK)
		return ERR_CRYPTO;
	for (int i = 0; i < n && i < DKIM_VERIFY_MAX_SIGNATURES; i++) {
		struct dkim_signature *s = &out->v[out->n++];
		s->domain = arena_str(a, tag(sigs[i], "d"));
		s->selector = arena_str(a, tag(sigs[i], "s"));
		s->alg = arena_str(a, tag(sigs[i], "a"));
		if (s->domain.p == NULL || s->selector.p == NULL ||
		    s->alg.p == NULL)
			return ERR_LIMIT;
		s->partial =
		    dkim_sig_gettagvalue(sigs[i], false, bytes("l")) != NULL;
		s->loose = is_loose(sigs[i], headers);
		s->unbound = is_unbound(sigs[i], headers);
		judge(run, sigs[i], s);
	}
	return 0;
}

static int run_message(struct run *run, const struct dkim_message *m,
    struct arena *a, struct dkim_verify_result *out)
{
	DKIM_STAT status;
	int rc = feed_fields(run->dkim, m->headers, out);

	if (rc != 0)
		return rc;
	status = dkim_eoh(run->dkim);
	if (status == DKIM_STAT_NOSIG)
		return 0;
	rc = code_of(status);
	if (rc == 0)
		rc = feed_body(run->dkim, m->body);
	if (rc == 0)
		rc = code_of(dkim_eom(run->dkim, NULL));
	return rc != 0 ? rc : read_results(run, m->headers, a, out);
}

int dkim_verify_message(const struct dkim_verifier *v,
    const struct dkim_message *m, dkim_lookup_fn *lookup, void *arg,
    struct arena *a, struct dkim_verify_result *out)
{
	struct run run = {.lookup = lookup, .arg = arg};
	DKIM_STAT status;
	int rc;

	memset(out, 0, sizeof(*out));
	run.dkim = fault_alloc()
		       ? NULL
		       : dkim_verify(v->lib, bytes("-"), NULL, &status);
	if (run.dkim == NULL)
		return -ENOMEM;
	rc = dkim_set_user_context(run.dkim, &run) == DKIM_STAT_OK
		 ? run_message(&run, m, a, out)
		 : ERR_CRYPTO;
	(void)dkim_free(run.dkim);
	ERR_clear_error();
	if (rc != 0)
		out->n = 0;
	return rc;
}

/* ---- our own ---- */

static int lookup_ours(void *arg, struct str name, struct buf *txt_out)
{
	const struct dkim_verify_keys *keys = arg;

	for (size_t i = 0; i < keys->n; i++)
		if (str_ieq(dkim_key_dns_name(keys->v[i]), name))
			return dkim_key_dns_record(keys->v[i], txt_out);
	return ERR_NOT_FOUND;
}

static bool is_by(const struct dkim_signature *s, const struct dkim_key *k)
{
	return str_ieq(s->domain, dkim_key_domain(k)) &&
	       str_ieq(s->selector, dkim_key_selector(k)) &&
	       str_eq(s->alg, str_of(dkim_alg_text(dkim_key_alg(k))));
}

/* NULL when a whole signature by k passed, else why not. */
static const char *why_not(
    const struct dkim_verify_result *r, const struct dkim_key *k)
{
	const char *why = "there is no such signature";

	for (size_t i = 0; i < r->n; i++) {
		const struct dkim_signature *s = &r->v[i];
		if (!is_by(s, k))
			continue;
		if (s->result == DKIM_RESULT_PASS && !s->partial)
			return NULL;
		why = s->partial ? "only a part of the body is signed"
				 : s->reason;
	}
	return why;
}

int dkim_verify_ours(const struct dkim_verifier *v,
    const struct dkim_message *m, struct dkim_verify_keys keys, struct arena *a,
    struct error *err)
{
	struct dkim_verify_result r;
	int rc = dkim_verify_message(v, m, lookup_ours, &keys, a, &r);

	if (rc != 0)
		return error_of(err, rc, "cannot verify");
	for (size_t i = 0; i < keys.n; i++) {
		struct str name = dkim_key_dns_name(keys.v[i]);
		const char *why = why_not(&r, keys.v[i]);
		if (why != NULL)
			return error_set(err, ERR_CRYPTO,
			    "signature by %.*s does not verify: %s",
			    STR_ARG(name), why);
	}
	return 0;
}
