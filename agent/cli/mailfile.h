/* mailfile.h - the mails of a file, one after the other: of an mbox of any
 * size, or the one message that the file is. Of a mail of more than
 * MAILFILE_MAX bytes only the head is given, as the agent reads it. An mbox's
 * messages end before a line that begins with "From " behind an empty one.
 * Threads: one. */
#ifndef AGENT_CLI_MAILFILE_H
#define AGENT_CLI_MAILFILE_H

#include "policy/base/buf.h"

enum {
	MAILFILE_MAX = 25 << 20 /* bytes; MAILDIR_READ_MAX */
};

struct mailfile {
	struct buf text; /* what was read and not yet given */
	int fd;
	bool mbox, ended, skipping; /* ended: the file; skipping: too long */
	size_t at;                  /* in text, where the next mail begins */
	size_t looked;              /* in text, up to where it does not end */
	size_t number; /* of the mail that was given, from 1; 0: no mbox */
};

void mailfile_init(struct mailfile *m);
void mailfile_fini(struct mailfile *m);
/* path "-": standard input. Waits for a pipe's writer. May be opened again
 * after the last. Errors: of open(2) and read(2), -ENOMEM. */
int mailfile_open(
    struct mailfile *m, const char *path, struct error *err) MUST_CHECK;
/* The next one, borrowed until the next call; ERR_NOT_FOUND behind the last,
 * without text in err. An empty file is one empty mail. */
int mailfile_next(
    struct mailfile *m, struct str *mail_out, struct error *err) MUST_CHECK;
void mailfile_close(struct mailfile *m);

#endif
