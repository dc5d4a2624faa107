/* main.c - tendril: the command line. */
#include "agent/cli/cli.h"
#include "agent/cli/client.h"
#include "agent/cli/verbs.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>

const struct cli_verb *const cli_verbs[] = {
    &verb_check,
    &verb_check_stream,
    &verb_preview,
    &verb_classify,
    &verb_policy,
    &verb_suppress,
    &verb_consent,
    &verb_explain,
    &verb_may,
    &verb_simulate,
    &verb_shadow,
    &verb_lead,
    &verb_journal,
    &verb_stats,
    &verb_mtalog,
    &verb_hold,
    &verb_review,
    &verb_segment,
    &verb_ingest,
    &verb_key,
    &verb_ledger,
    &verb_backup,
    &verb_restore,
    &verb_help,
    &verb_version,
    NULL,
};

int main(int argc, char **argv)
{
	struct cli c = {.conf_path = conf_default_path()};
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	c.arena = arena_new(CLI_ARENA_MAX);
	if (c.arena == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	rc = cli_parse(&c, argc, argv);
	if (rc == CLI_DONE && c.command != NULL)
		rc = c.command->run(&c);
	if (fflush(stdout) != 0 && rc == CLI_DONE)
		rc = cli_out_failed();
	client_close(&c.client);
	conf_unref(&c.conf);
	arena_free(&c.arena);
	return rc;
}
