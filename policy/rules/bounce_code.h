/* bounce_code.h - what a diagnostic says beside its words: codes, the host that
 * speaks, and at what point of the session. Pure. Threads: any. */
#ifndef POLICY_RULES_BOUNCE_CODE_H
#define POLICY_RULES_BOUNCE_CODE_H

#include "policy/rules/bounce.h"

/* Points of an SMTP session, as they follow each other. */
enum bounce_stage {
	BOUNCE_STAGE_UNKNOWN,
	BOUNCE_STAGE_CONNECT,
	BOUNCE_STAGE_HELO,
	BOUNCE_STAGE_MAIL,
	BOUNCE_STAGE_RCPT,
	BOUNCE_STAGE_DATA, /* the recipient had been accepted */
};
#define BOUNCE_STAGES 6

/* "connect", "rcpt", "unknown"; false for no such name. */
bool bounce_stage_of_name(struct str name, enum bounce_stage *out);

/* The first SMTP reply code: three digits, 4 or 5 first, as a word of its own;
 * 0 when there is none. */
unsigned bounce_find_smtp(struct str text);

/* The host of Postfix's "host mx.example.com[192.0.2.1] said"; else empty. */
struct str bounce_find_host(struct str text);

/* Of a transcript in which ">>>" is what was sent and "<<<" what came back
 * (Sendmail, Courier): the command that the first refusal answers. Commands
 * that were sent ahead are written last: more than one answer behind ">>> DATA"
 * means that the first is the recipient's. */
enum bounce_stage bounce_find_stage(struct str transcript);

#endif
