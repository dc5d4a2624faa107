/* serve.h - tendril-verify's work: mails in, what SPF and DKIM say of them out,
 * questions to DNS in between (agent/in/verify_wire.h). Threads: one owner. */
#ifndef AGENT_VERIFY_SERVE_H
#define AGENT_VERIFY_SERVE_H

#include "policy/base/error.h"

struct serve;

/* fd: the agent's. Verifies a mail known beforehand, so that the libraries have
 * read and mapped all that they need: afterwards the sandbox may close.
 * ERR_CRYPTO: they do not find that mail authentic. */
int serve_open(struct serve **out, int fd) MUST_CHECK;
void serve_close(struct serve **s); /* NULL is fine */

/* Until the other side ends (0), or does not keep to the protocol
 * (ERR_SYNTAX), or there is no memory. */
int serve_run(struct serve *s) MUST_CHECK;

#endif
