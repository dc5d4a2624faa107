/* verb_help.c - tendril help, tendril version. */
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

static int run_help(struct cli *c)
{
	struct str name = cli_operand(c, 0);

	for (size_t i = 0; name.p != NULL && cli_verbs[i] != NULL; i++)
		if (str_eq(name, str_of(cli_verbs[i]->name))) {
			cli_help(stdout, cli_verbs[i]);
			return CLI_DONE;
		}
	if (name.p != NULL)
		return cli_fail(CLI_USAGE, "no verb \"%s\"", name.p);
	cli_help(stdout, NULL);
	return CLI_DONE;
}

static const struct cli_command help_commands[] = {
    {"", "[VERB]", 0, 1, NULL, "", run_help},
};

const struct cli_verb verb_help = {
    "help",
    "this list, or the help of a verb",
    NULL,
    CLI_COMMANDS(help_commands),
    NULL,
    NULL,
};

static int run_version(struct cli *c)
{
	struct value *v;
	int code;

	if (!c->json) {
		out_line("tendril " VERSION);
		return CLI_DONE;
	}
	v = value_new_object();
	value_put_str(v, "version", STR(VERSION));
	code = cli_json(v);
	value_free(&v);
	return code;
}

static const struct cli_command version_commands[] = {
    {"", "", 0, 0, NULL, "", run_version},
};

const struct cli_verb verb_version = {
    "version",
    "the version of these programs",
    NULL,
    CLI_COMMANDS(version_commands),
    NULL,
    NULL,
};
