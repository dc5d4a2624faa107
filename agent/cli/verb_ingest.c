/* verb_ingest.c - tendril ingest: feedback mail from an MTA's pipe. Whatever
 * goes wrong is 75, so that the MTA keeps the message and tries again. */
#include "agent/cli/verbs.h"

#include "agent/in/maildir.h"

#include <string.h>
#include <unistd.h>

enum {
	RECIPIENT_MAX = 512
};

/* The field that tells the agent whom the MTA had it for. */
static int recipient_field(struct cli *c, struct str *out)
{
	const char *recipient = c->n_operands > 0 ? c->operands[0] : NULL;
	const char *field;

	*out = STR("");
	if (recipient == NULL)
		return CLI_DONE;
	if (strlen(recipient) > RECIPIENT_MAX)
		return cli_fail(CLI_AGAIN, "the recipient is too long");
	for (const char *p = recipient; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return cli_fail(CLI_AGAIN,
			    "the recipient has blanks or control bytes");
	field = arena_printf(c->arena, "X-Original-To: %s\n", recipient);
	if (field == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	*out = str_of(field);
	return CLI_DONE;
}

static int run(struct cli *c)
{
	struct error err = {0};
	struct str field;
	int rc;

	if (cli_conf(c) != CLI_DONE)
		return CLI_AGAIN;
	if (c->conf->agent.maildir.n == 0)
		return cli_fail(CLI_AGAIN, "the conf names no agent maildir");
	if (recipient_field(c, &field) != CLI_DONE)
		return CLI_AGAIN;
	rc = maildir_deliver(c->conf->agent.maildir, field, STDIN_FILENO, &err);
	return rc == 0 ? CLI_DONE : cli_fail(CLI_AGAIN, "%s", err.text);
}

static const struct cli_command commands[] = {
    {.name = "",
	.operands = "[RECIPIENT]",
	.max = 1,
	.help = "puts the message on standard input into the agent's Maildir",
	.run = run},
};

const struct cli_verb verb_ingest = {
    .name = "ingest",
    .summary = "feedback mail from an MTA's pipe",
    .about = "For MTAs that deliver into a program. The message is on disk "
	     "when it ends with\n0, and the agent takes it from there; any "
	     "trouble is 75. RECIPIENT is the\nenvelope's, for MTAs that "
	     "do not add it (X-Original-To or Delivered-To).",
    .commands = CLI_COMMANDS(commands),
    .example = "  master.cf: tendril unix - n n - - pipe flags=DORX "
	       "user=tendril-agent\n"
	       "    argv=/usr/local/bin/tendril ingest\n"
	       "  and in main.cf:\n"
	       "  tendril_destination_recipient_limit = 1\n",
};
