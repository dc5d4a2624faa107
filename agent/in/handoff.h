/* handoff.h - relays that only hand on (handoff-relays in mta-log { }): a
 * content filter, a second instance. A server's name or address, with or
 * without a port: "127.0.0.1:10025", "[::1]:10025", "filter.example.net".
 * Pure. Threads: any. */
#ifndef AGENT_IN_HANDOFF_H
#define AGENT_IN_HANDOFF_H

#include "policy/base/str.h"

/* Is that one of them? relay is as a log has it:
 *   filter.example.net[127.0.0.1]:10025     Postfix
 *   filter.example.net. [127.0.0.1]         Sendmail
 *   filter                                  a transport that is a program */
bool handoff_is_relay(struct strs relays, struct str relay);

#endif
