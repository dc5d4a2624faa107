/* compose.h - the header fields that bulk-sender rules demand, as a list of
 * changes to the message. Pure: it decides all changes before the first is
 * made.
 *
 * Fields of ours: List-Unsubscribe (RFC 2369, RFC 8058: exactly one HTTPS URI,
 * a mailto beside it), List-Unsubscribe-Post (only beside https), List-Id
 * (RFC 2919), Feedback-ID (Gmail), CFBL-Address and CFBL-Feedback-ID
 * (RFC 9477), X-Tendril-Id. The application's own are removed. Values begin on
 * the first line: released verifiers break on a value that begins on a
 * continuation line.
 *
 * X-Tendril-Id is added before anything else is changed, but that others of
 * its name are removed. The MTA may lose the
 * filter between any two changes and keep the message as it is then, on hold:
 * without that field it is as it came, with it and unsigned it is half changed
 * and must not leave (`tendril hold adopt` tells the two apart by it, since the
 * fields by which a stream knows its mail may be gone already).
 * Threads: any. */
#ifndef POLICY_MAIL_COMPOSE_H
#define POLICY_MAIL_COMPOSE_H

#include "policy/mail/header.h"

enum change_kind {
	CHANGE_REMOVE, /* name, index: the index-th of that name, from 1 */
	CHANGE_APPEND, /* name, value: as the last field */
	CHANGE_TOP,    /* name, value: as the first field */
	CHANGE_SENDER, /* value: the new envelope sender, without <> */
	CHANGE_RECIPIENT, /* value: one more, without <>, NOTIFY=NEVER */
};

struct change {
	enum change_kind kind;
	struct str name;
	struct str value; /* as on the wire after the colon: leading blank,
	                   * folded with LF */
	unsigned index;
};

struct change_list {
	struct change *v;
	size_t n, cap;
};

struct compose_in {
	const struct header_list *headers; /* as they came */
	struct strs control; /* the stream's control headers: removed */
	struct str base_url; /* "https://t.example.com"; empty: mailto only */
	struct str bounce_domain; /* empty: no VERP, mailto or CFBL */
	struct str from_domain;
	struct str list_id; /* phrase, or the segment's name */
	struct str campaign, segment, stream, sender_id;
	struct str bounce_token;      /* kind b */
	struct str unsubscribe_token; /* kind u */
	struct str feedback_token;    /* kind f */
	struct str id_token;          /* X-Tendril-Id */
	struct str renew_domain; /* DKIM-Signature fields with this d= go: a
	                          * second pass signs anew; empty: none */
};

struct compose_out {
	struct change_list changes; /* nurture: X-Tendril-Id, after REMOVEs of
				     * others; then REMOVEs, highest index
				     * first; then the rest */
	struct header_list final;   /* the fields as they will leave */
	struct str app_one_click;   /* the application's URI, if it had
	                             * RFC 8058 fields; else empty */
};

/* ERR_LIMIT when the arena is full; nothing else fails. */
int compose_nurture(const struct compose_in *in, struct arena *a,
    struct compose_out *out) MUST_CHECK;

/* Removes X-Tendril-* fields only; for other signed classes. */
int compose_plain(const struct header_list *headers, struct arena *a,
    struct compose_out *out) MUST_CHECK;

/* Appends one change and, for TOP and APPEND, the field to `final`. */
int compose_add(struct compose_out *out, struct arena *a,
    const struct change *c) MUST_CHECK;

/* The one https URI of the application's RFC 8058 fields, or its http one on a
 * loopback address; empty when List-Unsubscribe-Post is not there or not as
 * the RFC demands. ERR_LIMIT. */
int compose_one_click(const struct header_list *headers, struct arena *a,
    struct str *out) MUST_CHECK;

#endif
