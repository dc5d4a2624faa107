/* dkim_sign.c - see dkim_sign.h.
 *
 * One plan is made for all keys: the names of h= and the fields they stand
 * for, in the order in which they are hashed. The hash state behind those
 * fields is copied for each key, which adds its own DKIM-Signature without
 * the value of b= and without a final CRLF (RFC 6376 section 3.7). */
#include "policy/mail/dkim_sign.h"

#include "policy/base/codec.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_canon.h"
#include "policy/mail/token.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	WIDTH = 78,
	VALUE_MAX = 65536,
	TAG_MAX = DKIM_KEY_NAME_MAX + 8,
	B_START = 10, /* room for "b=" and a bit of it, else it starts a line */
};

#define COUNTED(array)                                                         \
	{                                                                      \
		(array), sizeof(array) / sizeof((array)[0])                    \
	}

static const struct str field_name = STR("DKIM-Signature");

static const struct str signed_names[] = {
    STR("From"),
    STR("Sender"),
    STR("Reply-To"),
    STR("To"),
    STR("Cc"),
    STR("Subject"),
    STR("Date"),
    STR("Message-ID"),
    STR("In-Reply-To"),
    STR("References"),
    STR("MIME-Version"),
    STR("Content-Type"),
    STR("Content-Transfer-Encoding"),
    STR("List-Unsubscribe"),
    STR("List-Unsubscribe-Post"),
    STR("List-Id"),
    STR("List-Help"),
    STR("List-Owner"),
    STR("List-Post"),
    STR("List-Subscribe"),
    STR("List-Archive"),
    STR("Feedback-ID"),
    STR("CFBL-Address"),
    STR("CFBL-Feedback-ID"),
    STR(TOKEN_FIELD),
    STR("Auto-Submitted"),
    STR("Resent-From"),
    STR("Resent-To"),
    STR("Resent-Cc"),
    STR("Resent-Date"),
};

static const struct str oversigned_names[] = {
    STR("From"),
    STR("To"),
    STR("Cc"),
    STR("Subject"),
    STR("Date"),
    STR("Message-ID"),
    STR("Reply-To"),
    STR("MIME-Version"),
    STR("Content-Type"),
    STR("List-Unsubscribe"),
    STR("List-Unsubscribe-Post"),
    STR("List-Id"),
    STR("Feedback-ID"),
    STR("CFBL-Address"),
    STR("CFBL-Feedback-ID"),
    STR(TOKEN_FIELD),
};

const struct dkim_sign_names dkim_sign_names = COUNTED(signed_names);
const struct dkim_sign_names dkim_sign_oversign = COUNTED(oversigned_names);

/* What an MTA on the way adds where it is missing (RFC 6409, 8.2 and 8.3;
 * Sendmail does after its milters): it must not break the signature. */
static const struct str added_names[] = {
    STR("Date"),
    STR("Message-ID"),
};
static const struct dkim_sign_names may_be_added = COUNTED(added_names);

/* ---- what is signed ---- */

struct entry {
	struct str name;            /* as listed in h= */
	const struct header *field; /* NULL: named once too often, on purpose */
};

struct plan {
	size_t n;
	struct entry v[DKIM_SIGN_MAX_NAMES];
};

/* The first letters tell nearly all names apart. */
static bool same_name(struct str a, struct str b)
{
	return a.n == b.n && a.n > 0 && ((a.p[0] ^ b.p[0]) & ~0x20) == 0 &&
	       str_ieq(a, b);
}

static bool names_have(const struct dkim_sign_names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (same_name(names->v[i], name))
			return true;
	return false;
}

static bool plan_has(const struct plan *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (same_name(p->v[i].name, name))
			return true;
	return false;
}

static int plan_add(struct plan *p, struct str name, const struct header *field)
{
	if (p->n == DKIM_SIGN_MAX_NAMES)
		return ERR_LIMIT;
	p->v[p->n++] = (struct entry){name, field};
	return 0;
}

/* All fields of that name from the bottom up, then the one too many; none of
 * what may have to be added. */
static int plan_name(struct plan *p, const struct header_list *headers,
    struct str name, bool oversign)
{
	size_t before = p->n;

	if (plan_has(p, name))
		return 0;
	for (size_t i = headers->n; i-- > 0;) {
		const struct header *h = &headers->v[i];
		if (same_name(h->name, name) && plan_add(p, name, h) != 0)
			return ERR_LIMIT;
	}
	if (p->n == before && names_have(&may_be_added, name))
		return 0;
	return oversign ? plan_add(p, name, NULL) : 0;
}

static int plan_names(struct plan *p, const struct header_list *headers,
    const struct dkim_sign_names *names, const struct dkim_sign_names *oversign)
{
	int rc = 0;

	for (size_t i = 0; i < names->n && rc == 0; i++)
		rc = plan_name(
		    p, headers, names->v[i], names_have(oversign, names->v[i]));
	return rc;
}

static int make_plan(
    struct plan *p, const struct dkim_sign_input *in, struct error *err)
{
	const struct dkim_sign_names *over =
	    in->oversign != NULL ? in->oversign : &dkim_sign_oversign;
	int rc;

	p->n = 0;
	rc = plan_name(p, in->headers, STR("From"), true);
	if (rc == 0 && p->n < 2)
		return error_set(err, ERR_SYNTAX,
		    "nothing can be signed without a From field");
	if (rc == 0)
		rc = plan_names(p, in->headers,
		    in->names != NULL ? in->names : &dkim_sign_names, over);
	if (rc == 0)
		rc = plan_names(p, in->headers, over, over);
	if (rc != 0)
		return error_set(err, rc, "more than %d header fields to sign",
		    DKIM_SIGN_MAX_NAMES);
	return 0;
}

/* ---- hash ---- */

static int hash_fields(EVP_MD_CTX *hash, const struct plan *p, struct arena *a)
{
	size_t max = 0, n = 0;
	char *text;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].field != NULL)
			max += DKIM_CANON_FIELD_MAX(
			    p->v[i].name, p->v[i].field->value);
	text = arena_alloc(a, max);
	if (text == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].field != NULL)
			n += dkim_canon_field(
			    text + n, p->v[i].name, p->v[i].field->value);
	if (EVP_DigestInit_ex2(hash, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(hash, text, n) != 1)
		return ERR_CRYPTO;
	return 0;
}

/* The hash to sign: the fields, then our own up to and with "b=". */
static int hash_with_own(const EVP_MD_CTX *fields, struct str value,
    struct arena *a, unsigned char hash_out[DKIM_KEY_HASH])
{
	char *text = arena_alloc(a, DKIM_CANON_FIELD_MAX(field_name, value));
	EVP_MD_CTX *hash;
	size_t n;
	int rc = ERR_CRYPTO;

	if (text == NULL)
		return ERR_LIMIT;
	n = dkim_canon_field(text, field_name, value) - 2; /* no CRLF */
	hash = EVP_MD_CTX_new();
	if (hash != NULL && EVP_MD_CTX_copy_ex(hash, fields) == 1 &&
	    EVP_DigestUpdate(hash, text, n) == 1 &&
	    EVP_DigestFinal_ex(hash, hash_out, NULL) == 1)
		rc = 0;
	EVP_MD_CTX_free(hash);
	return rc;
}

/* ---- the field's text ---- */

struct line {
	struct buf *out;
	size_t col;
};

static void fold(struct line *l)
{
	buf_addz(l->out, "\n\t");
	l->col = 1;
}

static void put(struct line *l, struct str s)
{
	buf_add(l->out, s);
	l->col += s.n;
}

/* Before a tag of that length: a blank, or a fold where it does not fit. */
static void space(struct line *l, size_t length)
{
	if (l->col + 1 + length > WIDTH)
		fold(l);
	else
		put(l, STR(" "));
}

static void put_tag(struct line *l, const char *tag, struct str value)
{
	space(l, strlen(tag) + value.n + 1);
	put(l, str_of(tag));
	put(l, value);
	put(l, STR(";"));
}

static void put_names(struct line *l, const struct plan *p)
{
	space(l, 2 + p->v[0].name.n + 1);
	put(l, STR("h="));
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0 && l->col + p->v[i].name.n + 1 > WIDTH)
			fold(l);
		put(l, p->v[i].name);
		put(l, i + 1 < p->n ? STR(":") : STR(";"));
	}
}

static void put_folded(struct line *l, struct str text)
{
	while (text.n > 0) {
		size_t room = l->col < WIDTH ? WIDTH - l->col : 0;
		put(l, str_cut(text, 0, room));
		text = str_from(text, room);
		if (text.n > 0)
			fold(l);
	}
}

/* All up to and with "b=". */
static void put_tags(struct line *l, const struct dkim_sign_input *in,
    const struct dkim_key *key, const struct plan *p)
{
	char t[24];
	struct buf bh;

	buf_init(&bh, 64);
	codec_base64(&bh, in->body_hash, DKIM_BODY_HASH);
	(void)snprintf(t, sizeof(t), "%" PRId64, in->now_s);
	put_tag(l, "v=", STR("1"));
	put_tag(l, "a=", str_of(dkim_alg_text(dkim_key_alg(key))));
	put_tag(l, "c=", STR("relaxed/relaxed"));
	put_tag(l, "d=", dkim_key_domain(key));
	put_tag(l, "s=", dkim_key_selector(key));
	put_tag(l, "t=", str_of(t));
	put_names(l, p);
	put_tag(l, "bh=", buf_str(&bh));
	space(l, B_START);
	put(l, STR("b="));
	if (buf_error(&bh) != 0 && l->out->error == 0)
		l->out->error = buf_error(&bh);
	buf_fini(&bh);
}

/* ---- one signature a key ---- */

struct job {
	const struct dkim_sign_input *in;
	const struct plan *plan;
	const EVP_MD_CTX *fields;
	struct arena *a;
};

static int sign_into(
    const struct job *job, const struct dkim_key *key, struct buf *value)
{
	unsigned char hash[DKIM_KEY_HASH], sig[DKIM_KEY_SIG_MAX];
	struct line l = {value, field_name.n + 1};
	struct buf b;
	size_t n;
	int rc;

	buf_init(&b, DKIM_KEY_SIG_MAX * 2);
	put_tags(&l, job->in, key, job->plan);
	rc = buf_error(value);
	if (rc == 0)
		rc = hash_with_own(job->fields, buf_str(value), job->a, hash);
	if (rc == 0)
		rc = dkim_key_sign(key, hash, sig, &n);
	if (rc == 0) {
		codec_base64(&b, sig, n);
		put_folded(&l, buf_str(&b));
		rc = buf_error(&b) != 0 ? buf_error(&b) : buf_error(value);
	}
	buf_fini(&b);
	return rc;
}

static int sign_all(const struct job *job, struct str *values_out)
{
	struct buf value;
	int rc = 0;

	buf_init(&value, VALUE_MAX);
	for (size_t i = 0; i < job->in->nkeys && rc == 0; i++) {
		buf_reset(&value);
		rc = sign_into(job, job->in->keys[i], &value);
		if (rc != 0)
			break;
		values_out[i] = arena_str(job->a, buf_str(&value));
		if (values_out[i].p == NULL)
			rc = ERR_LIMIT;
	}
	buf_fini(&value);
	return rc;
}

int dkim_sign_message(const struct dkim_sign_input *in, struct arena *a,
    struct str *values_out, struct error *err)
{
	struct plan plan;
	EVP_MD_CTX *fields;
	struct job job = {in, &plan, NULL, a};
	int rc;

	if (in->nkeys == 0 || in->now_s < 0)
		return error_set(err, ERR_SYNTAX, "no key, or no time");
	if (in->nkeys > DKIM_SIGN_MAX_KEYS)
		return error_set(
		    err, ERR_LIMIT, "more than %d keys", DKIM_SIGN_MAX_KEYS);
	rc = make_plan(&plan, in, err);
	if (rc != 0)
		return rc;
	fields = EVP_MD_CTX_new();
	job.fields = fields;
	rc = fields != NULL ? hash_fields(fields, &plan, a) : -ENOMEM;
	if (rc == 0)
		rc = sign_all(&job, values_out);
	EVP_MD_CTX_free(fields);
	if (rc == 0)
		return 0;
	ERR_clear_error();
	return error_of(err, rc, "cannot sign");
}
