/* verb_ingest.c - tendril ingest: feedback mail from an MTA's pipe. Whatever
 * goes wrong is 75, so that the MTA keeps the message and tries again. */
#include "agent/cli/verbs.h"

#include "agent/in/maildir.h"

#include <unistd.h>

static int run(struct cli *c)
{
	struct error err = {0};
	int rc;

	if (cli_conf(c) != CLI_DONE)
		return CLI_AGAIN;
	if (c->conf->agent.maildir.n == 0)
		return cli_fail(CLI_AGAIN, "the conf names no agent maildir");
	rc = maildir_deliver(c->conf->agent.maildir, STDIN_FILENO, &err);
	return rc == 0 ? CLI_DONE : cli_fail(CLI_AGAIN, "%s", err.text);
}

static const struct cli_command commands[] = {
    {.name = "",
	.operands = "",
	.help = "puts the message on standard input into the agent's Maildir",
	.run = run},
};

const struct cli_verb verb_ingest = {
    .name = "ingest",
    .summary = "feedback mail from an MTA's pipe",
    .about = "For MTAs that deliver into a program. The message is on disk "
	     "when it ends with\n0, and the agent takes it from there; any "
	     "trouble is 75. Let the MTA add the\nenvelope's recipient "
	     "(X-Original-To or Delivered-To).\n",
    .commands = CLI_COMMANDS(commands),
    .example = "  master.cf: tendril unix - n n - - pipe flags=DORX "
	       "user=tendril-agent\n"
	       "    argv=/usr/local/bin/tendril ingest\n"
	       "  and in main.cf:\n"
	       "  tendril_destination_recipient_limit = 1\n",
};
