/* args.c - the words of a command line against the table of commands. Options
 * may stand anywhere behind the verb: --name VALUE, --name=VALUE; "--" ends
 * them. Declared in cli.h. */
#include "agent/cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_option common[] = {
    {"conf", "FILE",
	"configuration (default $TENDRIL_CONF, then\n" SYSCONFDIR
	"/tendril/tendril.conf)",
	false},
    {"json", NULL, "one JSON value a line", false},
    {"local", NULL, "times in the zone of this terminal, not UTC", false},
    {"help", NULL, "this text", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option *find_option(
    const struct cli_option *v, struct str name)
{
	for (; v != NULL && v->name != NULL; v++)
		if (str_eq(name, str_of(v->name)))
			return v;
	return NULL;
}

/* The option with the nearest name, for a hint; NULL if none is near. */
static const char *nearest(const struct cli_option *v, struct str name,
    const char *best, unsigned *distance)
{
	for (; v != NULL && v->name != NULL; v++) {
		unsigned d = str_distance(name, str_of(v->name));
		if (d < *distance) {
			*distance = d;
			best = v->name;
		}
	}
	return best;
}

static int refuse_option(const struct cli *c, struct str name)
{
	unsigned distance = 3;
	const char *hint = nearest(common, name, NULL, &distance);

	if (c->command != NULL)
		hint = nearest(c->command->options, name, hint, &distance);
	if (hint != NULL)
		return cli_fail(CLI_USAGE,
		    "no option --%.*s, did you mean --%s?", STR_ARG(name),
		    hint);
	return cli_fail(CLI_USAGE,
	    "no option --%.*s here: see tendril %s%s--help", STR_ARG(name),
	    c->verb != NULL ? c->verb->name : "", c->verb != NULL ? " " : "");
}

struct scan {
	struct cli *c;
	char **argv;
	int argc, at;
	bool help, only_operands;
};

static void set_common(struct scan *s, const struct cli_option *o, char *value)
{
	if (strcmp(o->name, "conf") == 0)
		s->c->conf_path = value;
	else if (strcmp(o->name, "json") == 0)
		s->c->json = true;
	else if (strcmp(o->name, "local") == 0)
		s->c->local = true;
	else
		s->help = true;
}

static int take_value(
    struct scan *s, const struct cli_option *o, char *inline_, char **out)
{
	static char given[1];

	*out = given;
	if (o->arg == NULL)
		return inline_ == NULL ? CLI_DONE
				       : cli_fail(CLI_USAGE,
					     "--%s takes no value", o->name);
	*out = inline_;
	if (inline_ == NULL && s->at < s->argc)
		*out = s->argv[s->at++];
	return *out != NULL
		   ? CLI_DONE
		   : cli_fail(CLI_USAGE, "--%s wants %s", o->name, o->arg);
}

static int take_option(struct scan *s, char *word)
{
	char *equals = strchr(word, '=');
	struct str name = str_of(word);
	const struct cli_option *o, *own;
	char *value;
	int rc;

	name = str_from(
	    equals != NULL ? str_cut(name, 0, (size_t)(equals - word)) : name,
	    2);
	o = find_option(common, name);
	own = s->c->command != NULL ? find_option(s->c->command->options, name)
				    : NULL;
	if (o == NULL && own == NULL)
		return refuse_option(s->c, name);
	rc = take_value(
	    s, o != NULL ? o : own, equals != NULL ? equals + 1 : NULL, &value);
	if (rc != CLI_DONE)
		return rc;
	if (o != NULL)
		set_common(s, o, value);
	else
		s->c->values[own - s->c->command->options] = value;
	return CLI_DONE;
}

static const struct cli_verb *find_verb(struct str name)
{
	for (size_t i = 0; cli_verbs[i] != NULL; i++)
		if (str_eq(name, str_of(cli_verbs[i]->name)))
			return cli_verbs[i];
	return NULL;
}

static const struct cli_command *find_command(
    const struct cli_verb *v, struct str name)
{
	for (size_t i = 0; i < v->n_commands; i++)
		if (str_eq(name, str_of(v->commands[i].name)))
			return &v->commands[i];
	return NULL;
}

static const char *nearest_verb(struct str name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; cli_verbs[i] != NULL; i++) {
		unsigned d = str_distance(name, str_of(cli_verbs[i]->name));

		if (d < least) {
			least = d;
			best = cli_verbs[i]->name;
		}
	}
	return best;
}

static int refuse_verb(const char *word)
{
	const char *best = nearest_verb(str_of(word));

	if (best != NULL)
		return cli_fail(CLI_USAGE,
		    "no verb \"%s\", did you mean \"%s\"?", word, best);
	return cli_fail(CLI_USAGE, "no verb \"%s\": see tendril help", word);
}

/* A word that is no option: verb, then command, then operands. */
static int take_word(struct scan *s, char *word)
{
	struct cli *c = s->c;

	if (c->verb == NULL) {
		c->verb = find_verb(str_of(word));
		if (c->verb == NULL)
			return refuse_verb(word);
		c->command = find_command(c->verb, STR(""));
		return CLI_DONE;
	}
	if (c->command == NULL) {
		c->command = find_command(c->verb, str_of(word));
		return c->command != NULL
			   ? CLI_DONE
			   : cli_fail(CLI_USAGE,
				 "tendril %s has no \"%s\": see tendril %s "
				 "--help",
				 c->verb->name, word, c->verb->name);
	}
	c->operands[c->n_operands++] = word;
	return CLI_DONE;
}

static int check_required(const struct cli *c)
{
	const struct cli_command *cmd = c->command;

	if (c->n_operands > cmd->max)
		return cli_fail(CLI_USAGE,
		    "\"%s\" is a word too many: see tendril %s --help",
		    c->operands[cmd->max], c->verb->name);
	if (c->n_operands < cmd->min)
		return cli_fail(CLI_USAGE, "wanted: tendril %s%s%s %s",
		    c->verb->name, cmd->name[0] != '\0' ? " " : "", cmd->name,
		    cmd->operands);
	for (size_t i = 0; cmd->options != NULL && cmd->options[i].name != NULL;
	     i++)
		if (cmd->options[i].required &&
		    (c->values[i] == NULL || c->values[i][0] == '\0'))
			return cli_fail(CLI_USAGE, "--%s %s is needed",
			    cmd->options[i].name, cmd->options[i].arg);
	return CLI_DONE;
}

static int scan_words(struct scan *s)
{
	int rc = CLI_DONE;

	while (rc == CLI_DONE && s->at < s->argc) {
		char *word = s->argv[s->at++];

		if (s->only_operands || word[0] != '-' || word[1] == '\0')
			rc = take_word(s, word);
		else if (strcmp(word, "--") == 0)
			s->only_operands = true;
		else if (strcmp(word, "-h") == 0)
			s->help = true;
		else if (strcmp(word, "--version") == 0 && s->c->verb == NULL)
			rc = take_word(s, word + 2);
		else if (strncmp(word, "--", 2) == 0)
			rc = take_option(s, word);
		else
			rc = cli_fail(CLI_USAGE, "no option %s", word);
	}
	return rc;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
	struct scan s = {.c = c, .argv = argv, .argc = argc, .at = 1};
	int rc;

	c->operands = arena_array(
	    c->arena, (size_t)(argc > 0 ? argc : 1), sizeof(*c->operands));
	if (c->operands == NULL)
		return cli_fail(CLI_AGAIN, "out of memory");
	rc = scan_words(&s);
	if (rc != CLI_DONE)
		return rc;
	if (s.help || c->verb == NULL) {
		cli_help(s.help ? stdout : stderr, c->verb);
		c->command = NULL;
		return s.help ? CLI_DONE : CLI_USAGE;
	}
	if (c->command == NULL)
		return cli_fail(CLI_USAGE,
		    "tendril %s needs a word more: see tendril %s --help",
		    c->verb->name, c->verb->name);
	return check_required(c);
}

const char *cli_opt(const struct cli *c, const char *name)
{
	const struct cli_option *o =
	    find_option(c->command->options, str_of(name));

	if (o == NULL)
		bug("tendril %s %s has no option %s", c->verb->name,
		    c->command->name, name);
	return c->values[o - c->command->options];
}

struct str cli_str(const struct cli *c, const char *name)
{
	return str_of(cli_opt(c, name));
}

struct str cli_operand(const struct cli *c, size_t i)
{
	return i < c->n_operands ? str_of(c->operands[i]) : STR_NULL;
}

/* --- help --- */

/* of: the command that alone has this meaning, or "". */
static void print_option(FILE *out, const struct cli_option *o, const char *of)
{
	struct str rest = str_of(o->help), line;
	char left[40];

	(void)snprintf(left, sizeof(left), "--%s%s%s", o->name,
	    o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
	for (bool first = true; str_next(&rest, '\n', &line); first = false)
		(void)fprintf(out, "  %-22s %s%s%.*s\n", first ? left : "",
		    first ? of : "", first && of[0] != '\0' ? ": " : "",
		    STR_ARG(line));
}

enum {
	SYNOPSIS_WIDTH = 88,
	SYNOPSIS_INDENT = 11,
	WORD_MAX = 120,
};

static void print_synopsis(FILE *out, const struct cli_verb *v,
    const struct cli_command *cmd, const char *lead)
{
	const struct cli_option *o = cmd->options;
	int column = fprintf(out, "%s tendril %s%s%s%s%s", lead, v->name,
	    cmd->name[0] != '\0' ? " " : "", cmd->name,
	    cmd->operands[0] != '\0' ? " " : "", cmd->operands);

	for (; o != NULL && o->name != NULL; o++) {
		char word[WORD_MAX];
		int n = snprintf(word, sizeof(word), "%s--%s%s%s%s",
		    o->required ? "" : "[", o->name, o->arg != NULL ? " " : "",
		    o->arg != NULL ? o->arg : "", o->required ? "" : "]");

		if (column + n > SYNOPSIS_WIDTH)
			column = fprintf(out, "\n%*s", SYNOPSIS_INDENT, "");
		column += fprintf(out, " %s", word);
	}
	(void)fputc('\n', out);
}

static bool is_told_before(
    const struct cli_verb *v, size_t at, const struct cli_option *o)
{
	for (size_t i = 0; i < at; i++) {
		const struct cli_option *same =
		    find_option(v->commands[i].options, str_of(o->name));
		if (same != NULL && strcmp(same->help, o->help) == 0)
			return true;
	}
	return false;
}

/* The command's name where another command means something else by it. */
static const char *whose(
    const struct cli_verb *v, size_t at, const struct cli_option *o)
{
	for (size_t i = 0; i < v->n_commands; i++) {
		const struct cli_option *same =
		    find_option(v->commands[i].options, str_of(o->name));
		if (same != NULL && strcmp(same->help, o->help) != 0)
			return v->commands[at].name;
	}
	return "";
}

static void help_options(FILE *out, const struct cli_verb *v)
{
	for (size_t i = 0; i < v->n_commands; i++)
		for (const struct cli_option *o = v->commands[i].options;
		     o != NULL && o->name != NULL; o++)
			if (!is_told_before(v, i, o))
				print_option(out, o, whose(v, i, o));
	for (const struct cli_option *o = common; o->name != NULL; o++)
		print_option(out, o, "");
}

static void help_verb(FILE *out, const struct cli_verb *v)
{
	for (size_t i = 0; i < v->n_commands; i++)
		print_synopsis(
		    out, v, &v->commands[i], i == 0 ? "usage:" : "      ");
	(void)fprintf(out, "\n%s: %s.\n", v->name, v->summary);
	if (v->about != NULL)
		(void)fprintf(out, "%s\n", v->about);
	(void)fputc('\n', out);
	for (size_t i = 0; v->n_commands > 1 && i < v->n_commands; i++)
		(void)fprintf(out, "  %-22s %s\n", v->commands[i].name,
		    v->commands[i].help);
	if (v->n_commands > 1)
		(void)fputc('\n', out);
	help_options(out, v);
	(void)fputs("\nexit status:\n  0   done\n", out);
	if (v->exits != NULL)
		(void)fprintf(out, "  1   %s\n", v->exits);
	(void)fputs("  2   not understood\n"
		    "  75  trouble that may pass: try again\n",
	    out);
	if (v->example != NULL)
		(void)fprintf(out, "\nexample:\n%s", v->example);
}

void cli_help(FILE *out, const struct cli_verb *verb)
{
	if (verb != NULL) {
		help_verb(out, verb);
		return;
	}
	(void)fputs(
	    "usage: tendril VERB [WORDS] [--conf FILE] [--json]\n\n", out);
	for (size_t i = 0; cli_verbs[i] != NULL; i++)
		(void)fprintf(out, "  %-13s %s\n", cli_verbs[i]->name,
		    cli_verbs[i]->summary);
	(void)fputs("\ntendril VERB --help tells more; tendril(1) all.\n"
		    "exit status: 0 done; 1 the answer is no; 2 usage; "
		    "75 trouble, try again\n",
	    out);
}
