/* pastnames.h - names of segments, campaigns and From domains as numbers, and
 * what a message is (all three) as one: rows of the past (past.h) are many, and
 * what they say few. Threads: one owner. */
#ifndef POLICY_STATE_PASTNAMES_H
#define POLICY_STATE_PASTNAMES_H

#include "policy/base/str.h"

/* What a message is. Names are pastnames_text(); 0: none. */
struct past_what {
	uint32_t label; /* policy_label of the segment */
	uint16_t segment, campaign, domain;
};

struct pastnames;

int pastnames_new(struct pastnames **out) MUST_CHECK; /* -ENOMEM */
void pastnames_free(struct pastnames **n);            /* NULL is fine */

/* The number of these three. Where names or threes are too many, campaign and
 * domain are "...", and the segment is too, but for those that are kept. */
uint32_t pastnames_what(struct pastnames *n, struct str segment,
    struct str campaign, struct str domain);
/* Keeps a segment known, whatever else comes. */
void pastnames_keep(struct pastnames *n, struct str segment);
const struct past_what *pastnames_at(const struct pastnames *n, uint32_t what);
size_t pastnames_n(const struct pastnames *n); /* numbers given so far */

/* Text of a name; "" for number 0. */
struct str pastnames_text(const struct pastnames *n, unsigned number);
/* Its number; 0: no message has it. */
unsigned pastnames_find(const struct pastnames *n, struct str text);

#endif
