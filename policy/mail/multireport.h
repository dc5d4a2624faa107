/* multireport.h - what the kinds of multipart/report have in common
 * (RFC 6522): a notice for people, a part for machines, and the returned
 * message or its fields. Threads: any. */
#ifndef POLICY_MAIL_MULTIREPORT_H
#define POLICY_MAIL_MULTIREPORT_H

#include "policy/mail/mime.h"

enum {
	MULTIREPORT_BODY_MAX = 1 << 20, /* of one part that is encoded */
	MULTIREPORT_TEXT_MAX = 4096,    /* of one value */
};

/* Parts inside an embedded message are not the report's own: a bounce that
 * carries a bounce must not be read as both. */
bool multireport_owns(const struct mime *m, size_t part);

/* The next part of the report's own after *at (start with 0: the message
 * itself may be it) of type message/SUBTYPE or message/global-SUBTYPE; also
 * the second part of a multipart/report with report-type=SUBTYPE, mislabelled
 * but no text and no message, when nothing has that type. NULL when there is
 * none; else moves *at behind it. */
const struct mime_part *multireport_next(
    const struct mime *m, const char *subtype, size_t *at);

/* As mime_body(); of a part that is encoded the beginning alone, so that what a
 * message was sent with does not make its report unreadable. */
int multireport_body(
    const struct mime_part *p, struct arena *a, struct str *out) MUST_CHECK;

/* The fields of the returned message: of message/rfc822, message/global,
 * text/rfc822-headers, message/rfc822-headers or message/global-headers, the
 * first of them. *found_out says whether there was one. ERR_LIMIT, -ENOMEM. */
int multireport_returned(const struct mime *m, struct arena *a,
    struct header_list *out, bool *found_out) MUST_CHECK;

/* The notice for people: the first text/plain leaf of the report's own,
 * decoded; empty when there is none. */
int multireport_notice(
    const struct mime *m, struct arena *a, struct str *out) MUST_CHECK;

/* A field's value on one line: white space runs become one blank, none at the
 * ends, at most MULTIREPORT_TEXT_MAX bytes. p == NULL: arena full. */
struct str multireport_text(struct arena *a, struct str value) MUST_CHECK;

/* "rfc822; <user@example.com>" or "smtp; 550 no": *type_out is what stands
 * before ";" when that is one word, else empty. Views. */
struct str multireport_typed(struct str value, struct str *type_out);

/* The address in a value: without angle brackets, and without what follows a
 * blank. A view. */
struct str multireport_address(struct str value);

/* A field of a report and where its value goes: NULL until one is met. */
struct multireport_field {
	struct str name;
	struct str *slot;
	bool address; /* "rfc822; a@b" or the like: the address alone */
};

/* Stores a field that is one of those n, in the arena; the first of each name
 * counts. Others are passed over. 0 or ERR_LIMIT. */
int multireport_take(const struct multireport_field *fields, size_t n,
    const struct header *h, struct arena *a) MUST_CHECK;

#endif
