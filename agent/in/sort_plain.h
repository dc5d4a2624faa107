/* sort_plain.h - complaints without form: a mailbox provider sends on the
 * message that somebody complained of, and no report with it (Microsoft's
 * junk mail reporting does so).
 *
 * Such a mail says nothing by itself: people forward mail, too. So it is one
 * only where the milter saw it come to an address that providers were given for
 * complaints (complaint-to), the only address of its only From field is declared
 * (complaint-from), and it has the message in it: as a part of its own, or as
 * fields in its text, Message-ID and From among them.
 *
 * These tell what it is, not that it is from there: with a token of ours in it, it
 * acts as a report of anybody does that has one, without DKIM or SPF. Only who was
 * sent the message, or was passed it on by them, has its token; they have its links
 * to unsubscribe, too. Without one it is believe.h's. Threads: any. */
#ifndef AGENT_IN_SORT_PLAIN_H
#define AGENT_IN_SORT_PLAIN_H

#include "agent/in/sort.h"

/* s->report and the origin are read. Where it is one, s->report becomes a
 * complaint by REPORT_BY_PLAIN that returns that message; else nothing of it
 * changes. ERR_LIMIT, -ENOMEM. */
int sort_plain(const struct sort_with *with, struct str message,
    struct arena *a, struct sort *s) MUST_CHECK;

#endif
