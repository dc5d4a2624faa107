/* verbs.h - one verb, one file; the order of `tendril help` is in main.c.
 * Threads: immutable. */
#ifndef AGENT_CLI_VERBS_H
#define AGENT_CLI_VERBS_H

#include "agent/cli/cli.h"

extern const struct cli_verb verb_backup;
extern const struct cli_verb verb_check;
extern const struct cli_verb verb_check_stream;
extern const struct cli_verb verb_classify;
extern const struct cli_verb verb_consent;
extern const struct cli_verb verb_explain;
extern const struct cli_verb verb_help;
extern const struct cli_verb verb_hold;
extern const struct cli_verb verb_ingest;
extern const struct cli_verb verb_journal;
extern const struct cli_verb verb_key;
extern const struct cli_verb verb_lead;
extern const struct cli_verb verb_ledger;
extern const struct cli_verb verb_may;
extern const struct cli_verb verb_mtalog;
extern const struct cli_verb verb_policy;
extern const struct cli_verb verb_preview;
extern const struct cli_verb verb_restore;
extern const struct cli_verb verb_review;
extern const struct cli_verb verb_segment;
extern const struct cli_verb verb_shadow;
extern const struct cli_verb verb_simulate;
extern const struct cli_verb verb_stats;
extern const struct cli_verb verb_suppress;
extern const struct cli_verb verb_version;

#define CLI_COMMANDS(v) (v), sizeof(v) / sizeof((v)[0])

#endif
