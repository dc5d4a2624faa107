/* events.h - an event of the journal in plain words. Threads: one. */
#ifndef AGENT_CLI_EVENTS_H
#define AGENT_CLI_EVENTS_H

#include "agent/cli/out.h"

/* What happened, without time, type, address and segment: "reject: consent to
 * its purpose was withdrawn; line 3 of policy 2; queue id 4Zqx". In the
 * arena. */
struct str event_text(struct cli *c, const struct value *ev);
/* Rule, line and policy version of anything that has them; may be empty. */
struct str event_rule(struct cli *c, const struct value *v);

/* A table of events of one person or message. */
struct out_table *event_table(struct cli *c);
void event_row(struct out_table *t, struct cli *c, const struct value *ev);
/* One line of the journal, at once. */
void event_line(struct cli *c, const struct value *ev);

#endif
