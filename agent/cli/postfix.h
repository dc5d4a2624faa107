/* postfix.h - Postfix's queue, by its own programs: postqueue(1), postcat(1)
 * and postsuper(1), which want root. Threads: one. */
#ifndef AGENT_CLI_POSTFIX_H
#define AGENT_CLI_POSTFIX_H

#include "agent/cli/cli.h"
#include "agent/cli/postout.h"

/* config_dir NULL: the machine's Postfix. Strings are of the arena. CLI_DONE;
 * CLI_NO with *found_out false: no queue has it; else told.
 * postfix_message_fini() in every case. */
int postfix_read(struct cli *c, const char *config_dir, struct str queue_id,
    struct postfix_message *out, bool *found_out);
void postfix_message_fini(struct postfix_message *m);

/* The queue ids of the hold queue. CLI_DONE, or told. */
int postfix_held(struct cli *c, const char *config_dir, struct strs *ids_out);

/* From the hold queue only. *deleted_out false: it was not there. CLI_DONE, or
 * told. */
int postfix_delete_held(struct cli *c, const char *config_dir,
    struct str queue_id, bool *deleted_out);

#endif
