/* mime.h - the parts of a message as byte ranges of it.
 *
 * One pass over the whole message in memory (RFC 5322, 2045, 2046) gives the
 * header fields of the message and a flat array of its parts in the order of
 * their text. Nothing is rewritten, decoded or copied but parameter values
 * with escapes in them: every range points into the message, so that a caller
 * can splice bytes.
 *
 * Part 0 is the message itself. The children of a multipart, and the message
 * inside a message/rfc822 or message/global, have it as parent and are one
 * deeper. A part that cannot be opened (too deep, no boundary, an encoded
 * message) is a leaf; flags and encoding say why.
 *
 * Tolerated: bare LF, NUL, no final boundary, no boundary at all, blanks after
 * a boundary, no empty line before a boundary, a boundary that is a prefix of
 * another or the same as its parent's (the innermost one wins).
 *
 * Linear in the size of the message. Threads: any. */
#ifndef POLICY_MAIL_MIME_H
#define POLICY_MAIL_MIME_H

#include "policy/mail/header.h"

enum {
	MIME_MAX_DEPTH = 32,     /* deeper parts stay closed */
	MIME_MAX_PARTS = 1000,   /* the rest of the message is not looked at */
	MIME_MAX_BOUNDARY = 256, /* RFC 2046 says 70; real mail does not */
};

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,
	MIME_MESSAGE, /* has exactly one child */
};

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary or no field */
	MIME_BASE64,
	MIME_QP,
	MIME_UNKNOWN_ENCODING,
};

enum mime_flag {
	MIME_UNCLOSED = 1 << 0,    /* multipart without its last boundary */
	MIME_NO_BOUNDARY = 1 << 1, /* multipart, boundary absent or too long */
	MIME_DUPLICATE = 1 << 2, /* a Content- field twice: the first counts */
	MIME_BAD_TYPE = 1 << 3,  /* Content-Type unreadable: text/plain */
	MIME_TOO_DEEP = 1 << 4,  /* not opened at MIME_MAX_DEPTH */
	MIME_NO_BLANK_LINE = 1 << 5, /* header ends without an empty line */
};

struct mime_part {
	unsigned depth;
	unsigned flags; /* enum mime_flag */
	size_t parent;  /* 0 also for part 0 itself */
	enum mime_kind kind;
	enum mime_encoding encoding;
	struct str type, subtype; /* as written; text/plain where absent */
	struct str charset;       /* empty where absent */
	struct str boundary;      /* of a multipart */
	struct str disposition;   /* "inline", "attachment" or empty */
	struct str content_type;  /* whole field values, empty where absent: */
	struct str content_disposition; /* for mimeparam_get() */
	struct str head; /* its fields, with the empty line behind them */
	struct str body; /* without the line end that belongs to a boundary */
};

struct mime {
	struct str message;
	struct header_list head; /* the message's own fields */
	struct mime_part *part;
	size_t n; /* at least 1 */
	bool cut; /* MIME_MAX_PARTS reached: the last parts are missing */
};

/* Borrows message and arena: the result lives as long as both.
 * ERR_LIMIT when the arena is full. */
int mime_scan(struct str message, struct arena *a, struct mime *out) MUST_CHECK;

/* Is the part of that type, without regard to case? subtype NULL: any. */
bool mime_is(const struct mime_part *p, const char *type, const char *subtype);

/* The body with its transfer encoding undone: the body itself, or a copy of at
 * most max bytes in the arena. Malformed encodings are read as well as can be.
 * ERR_LIMIT, -ENOMEM; ERR_SYNTAX for an unknown encoding. */
int mime_body(const struct mime_part *p, size_t max, struct arena *a,
    struct str *out) MUST_CHECK;

#endif
