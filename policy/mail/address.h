/* address.h - one canonical form for each mail address: what a lead is.
 *
 *   <"Jane.Doe"@B\303\274cher.Example.>  ->  jane.doe@xn--bcher-kva.example
 *
 * Read as in RFC 5321 section 4.1.2 with SMTPUTF8 (RFC 6531 section 3.3):
 * with or without angle brackets; a source route is checked and dropped
 * (RFC 5321 section 4.1.1.3 and appendix C); nothing around it, no comments
 * (those are header syntax: addrlist.h). More is read than RFC 5321 allows in
 * one place: dots at the ends of or next to each other in an unquoted local
 * part, since mailboxes with them exist and MTAs deliver to them; they are
 * written quoted, as RFC 5321 would have it.
 *
 * Local part:
 * - quotes and backslashes that are not needed go: "a"@x is a@x;
 * - NFC (RFC 6532 section 3.1), so that composed and decomposed are one;
 * - letters are lowered, all scripts', as RFC 8265 section 3.3 does it. RFC
 *   5321 section 2.4 leaves case to the host, but no host of note tells two
 *   people apart by it, and an opt-out in capitals is an opt-out. Lowering
 *   keeps sharp s and dotless i apart from ss and i, which case folding or a
 *   language's own rules would not;
 * - +tags, dots and percent signs mean nothing to us and stay.
 * Domain: see domain.h; or an address literal: [192.0.2.1],
 * [ipv6:2001:db8::1] in the shortest spelling (RFC 5952). Other literals are
 * refused.
 *
 * Control characters (C0, DEL, C1) are refused everywhere. The result has no
 * ASCII capital and no byte below 0x20, is valid UTF-8, and canonical of
 * canonical changes nothing. Pure. Threads: any. */
#ifndef POLICY_MAIL_ADDRESS_H
#define POLICY_MAIL_ADDRESS_H

#include "policy/base/arena.h"

enum {
	ADDRESS_INPUT_MAX = 1024, /* with brackets, route, quoting */
	/* RFC 5321 section 4.5.3.1, of the canonical form */
	ADDRESS_LOCAL_MAX = 64,
	ADDRESS_MAX = 254, /* a path is 256 with its brackets */
};

/* text = local "@" domain; the other two are parts of it. local is written as
 * in text, with its quotes where it needs them. */
struct address {
	struct str local, domain, text;
};

/* A mailbox: a recipient, a lead, an author. The result is in the arena, with
 * a NUL after text that is not counted.
 *
 * ERR_SYNTAX: the address is at fault and always will be (malformed, too long,
 * no domain, the null sender); err says what and where, without the address
 * itself. ERR_LIMIT (the arena is full) and -ENOMEM are our own trouble. */
int address_parse(struct arena *a, struct str in, struct address *out,
    struct error *err) MUST_CHECK;

/* A reverse-path (MAIL FROM). Two things differ: "<>" and nothing at all are
 * the null sender, which is success with text.n == 0; and the local part may
 * be as long as the path, since applications put long tokens there. */
int address_parse_sender(struct arena *a, struct str in, struct address *out,
    struct error *err) MUST_CHECK;

bool address_is_null(const struct address *a);

#endif
