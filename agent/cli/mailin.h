/* mailin.h - a message given to a verb, and how it is said to have come.
 * Threads: one. */
#ifndef AGENT_CLI_MAILIN_H
#define AGENT_CLI_MAILIN_H

#include "agent/cli/cli.h"
#include "policy/mail/addrlist.h"
#include "policy/rules/recognise.h"

struct mailin {
	struct str text; /* all of it */
	struct header_list headers;
	struct str body;
	bool crlf; /* how its lines end */
};

/* path "-": standard input. An mbox "From " line is passed over. Memory is of
 * the arena. CLI_DONE, or told. */
int mailin_read(struct cli *c, const char *path, struct mailin *out);

/* The options of verbs that ask how a message came. */
#define MAILIN_OPTIONS                                                         \
	{"listener", "NAME", "the MTA's {daemon_name} it came in by", false},  \
	    {"sasl-user", "NAME", "who had logged in", false},                 \
	    {"client", "IP", "where it came from", false},                     \
	    {"sendmail", NULL, "by sendmail(1)", false},                       \
	{                                                                      \
		"sender", "ADDRESS",                                           \
		    "its envelope sender, \"<>\" for the null sender\n"        \
		    "(default: its From)",                                     \
		    false                                                      \
	}
/* m: whose From stands for a sender that is not given. CLI_DONE, or told. */
int mailin_origin(struct cli *c, const struct mailin *m,
    struct recognise_origin *out, struct str *sender_out);

/* All addresses of the fields of that name. CLI_DONE, or told. */
int mailin_addresses(struct cli *c, const struct mailin *m, const char *name,
    struct addrlist *out);

#endif
