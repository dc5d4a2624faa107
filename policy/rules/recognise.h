/* recognise.h - which stream a message belongs to. Pure.
 *
 * Streams are tried in the order of the conf; the first whose origin and
 * conditions match wins. Only origin, envelope sender and the presence of a
 * header select; header values refine inside the stream (segment, campaign).
 * A message that no stream matches passes untouched.
 * Threads: any. */
#ifndef POLICY_RULES_RECOGNISE_H
#define POLICY_RULES_RECOGNISE_H

#include "policy/conf/conf.h"
#include "policy/mail/header.h"

/* How the message came; raw facts of the connection and of MAIL. */
struct recognise_origin {
	unsigned char client[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool has_client;
	struct str listener;  /* {daemon_name}; empty if unknown */
	struct str sasl_user; /* {auth_authen}; empty if none */
	bool local;           /* sendmail(1) */
};

/* The first stream that origin and sender select. headers == NULL: headers
 * are not known yet; a stream with a header condition then cannot be chosen,
 * and *needs_headers_out tells that one such stream stands before the answer
 * (so the answer may still change). NULL: no stream. */
const struct conf_stream *recognise_stream(const struct conf *c,
    const struct recognise_origin *o, struct str sender,
    const struct header_list *headers, bool *needs_headers_out);

/* The first release stream whose origin is this: stream 0, which stands before
 * all others. NULL: none. */
const struct conf_stream *recognise_release(
    const struct conf *c, const struct recognise_origin *o);

/* The segment's name by the stream's rules: fixed, or first present header,
 * mapped; where fields of that name contradict, "ONE, ANOTHER". Empty: none; p == NULL: the arena is full. In the arena or borrowed
 * from conf and headers. */
struct str recognise_segment(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a);
struct str recognise_campaign(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a);

/* Both, reduced to what can be stored: at most 64 and 256 bytes, printable
 * ASCII, in the arena. ERR_LIMIT: the arena is full. */
int recognise_labels(const struct conf_stream *s,
    const struct header_list *headers, struct arena *a, struct str *segment_out,
    struct str *campaign_out) MUST_CHECK;

/* Glob with '*' for any run, without regard to ASCII case; linear time in
 * pattern times text. */
bool recognise_glob(struct str pattern, struct str text);

#endif
