/* mtalog_id.h - queue ids as MTAs write them, and the texts in which a next
 * hop tells its own.
 *
 *   Postfix, short  153053D           upper case hex, 6 or more; used again
 *   Postfix, long   4jXQLJ4D3qz1bXx0  time in base 52, 'z', inode
 *   Sendmail        6AN6n0XH018567    time in base 60, then the process id
 *                   MAA12345          8.9 and before: hour of the day, process
 *                                     id; used again
 *
 * Nothing in an id needs quoting. Pure. Threads: any. */
#ifndef AGENT_IN_MTALOG_ID_H
#define AGENT_IN_MTALOG_ID_H

#include "policy/base/str.h"

enum {
	MTALOG_ID_MAX = 31
};

/* How long the id is that s begins with; 0: it begins with none. */
size_t mtalog_id_postfix(struct str s);
size_t mtalog_id_sendmail(struct str s);

/* Could it be the id of any MTA's message: a few visible characters? */
bool mtalog_id_is_any(struct str s);

/* Is that id of Sendmail's one that is used again? */
bool mtalog_id_is_old(struct str id);

/* "id: text" -> the id, and s becomes the text. */
bool mtalog_id_take(
    struct str *s, size_t (*length)(struct str), struct str *id_out);

/* Takes the prefix off, where s begins with it. */
bool mtalog_take(struct str *s, struct str prefix);

/* The id that a server names in its answer to a message: "... queued as ID"
 * (Postfix; the last one, since a filter quotes what its own next hop said),
 * "ID Message accepted for delivery" (Sendmail); empty if there is none. */
struct str mtalog_queued_as(struct str text);

#endif
