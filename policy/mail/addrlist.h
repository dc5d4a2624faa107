/* addrlist.h - the addresses of a From, To, Cc, Reply-To... field: RFC 5322
 * section 3.4 with its obsolete forms (4.4), groups also in From (RFC 6854),
 * and UTF-8 (RFC 6532).
 *
 * Read with the forgiveness that real mail needs: ";" between addresses
 * without a group, any characters in a display name that "<" follows, dots in
 * odd places of a local part. Anything else that is not clear - text after
 * "<...>", two "@", a quote, comment or bracket without end, an address
 * without domain - is counted in bad and never guessed at, and reading goes on
 * after the next comma. Whoever decides by an address (alignment, replies)
 * wants bad == 0.
 *
 * Encoded words (RFC 2047) stay as they are: they cannot hold an address. One
 * pass, no recursion, time linear in the field. Threads: one owner. */
#ifndef POLICY_MAIL_ADDRLIST_H
#define POLICY_MAIL_ADDRLIST_H

#include "policy/mail/address.h"

enum {
	ADDRLIST_MAX = 1000
};

struct addrlist_entry {
	struct str name; /* the display name's bytes as they came, trimmed;
	                  * borrowed from the field; may be empty */
	struct str spec; /* local@domain as written, without comments, folding
	                  * and needless quotes; in the arena */
	struct address addr; /* the same, canonical; its local part may be as
	                      * long as a sender's, as reply tokens are */
};

/* Begin with a zeroed one. */
struct addrlist {
	struct addrlist_entry *v;
	size_t n, cap;
	size_t bad; /* entries that are not in v */
};

/* Adds the addresses of one field's value (header.h), folded or not; may be
 * called again for the next field of that name. ERR_LIMIT: the arena is full
 * or there are more than ADDRLIST_MAX; -ENOMEM. What was read before is in the
 * list then. */
int addrlist_add(
    struct addrlist *l, struct arena *a, struct str value) MUST_CHECK;

#endif
