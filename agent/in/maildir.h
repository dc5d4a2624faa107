/* maildir.h - consumes the mail that an MTA delivers into a Maildir, each
 * message to its end, across kill -9.
 *
 * new/X is claimed by a rename to cur/X:1,N (":1," is the suffix that the
 * Maildir format leaves to experiments). N counts the claims that never came
 * back: a message that was in work N times when the program died is not given
 * again after MAILDIR_TRIES but set aside, so one message cannot kill the
 * agent for ever; one that did not come back ends its batch, so that it soon
 * stands alone and takes no others with it. The handler makes what the message
 * means durable; then the file is removed. Killed in between, the message is
 * given again: the handler knows it by its digest.
 *
 * What the handler cannot read goes to unparsed/ID.eml with ID.reason beside
 * it, for people; kept for 30 days, at most MAILDIR_ASIDE_MAX of them and
 * MAILDIR_ASIDE_BYTES together: too many go oldest first, too much largest first,
 * since what a stranger fills a disk with is large, and a report small.
 * Trouble of ours (ledger full) leaves the message in cur/, to be tried again
 * every minute; after a few in a row the step ends, so an outage costs little.
 * However many are put off, each has its turn, and what is new does not wait for
 * them.
 *
 * Anything but a regular file is set aside unread; symbolic links are not
 * followed. Deliveries left in tmp/ for 36 hours are removed. Memory: a batch
 * of MAILDIR_BATCH_BYTES, or one message of at most MAILDIR_READ_MAX.
 * Threads: one owner; one consumer at a time, any number of deliverers. */
#ifndef AGENT_IN_MAILDIR_H
#define AGENT_IN_MAILDIR_H

#include "policy/base/str.h"

enum {
	MAILDIR_READ_MAX = 25 << 20, /* of larger ones only the head is read */
	MAILDIR_TRIES = 5,
	MAILDIR_ASIDE_MAX = 10000,
	MAILDIR_ASIDE_BYTES = 256 << 20,
	MAILDIR_DIGEST = 32,
	MAILDIR_BATCH = 32,
	MAILDIR_BATCH_BYTES = 4 << 20, /* with the mail that reaches it */
};

enum maildir_answer {
	MAILDIR_TROUBLE, /* ours: try again later; err says what */
	MAILDIR_LATER,   /* not ours, of this mail: try again in a minute */
	MAILDIR_ASIDE,   /* err says why */
	MAILDIR_DONE,    /* durable: the file may go */
};

struct maildir_mail {
	struct str bytes; /* borrowed during the call */
	bool cut;         /* there is more in the file */
	int64_t since_ms; /* when it was delivered, by the file's time */
	/* SHA-256 of bytes and the file's size: the same mail has the same
	 * one, whatever its file is called. */
	unsigned char digest[MAILDIR_DIGEST];
	/* filled by the handler: */
	enum maildir_answer answer;
	struct error err;
};
/* Several at once, 1..MAILDIR_BATCH, so that they can share a disk flush. */
typedef void maildir_fn(void *arg, struct maildir_mail *v, size_t n);

struct maildir;

/* path is copied; the folder need not be there yet: MTAs make it. */
int maildir_open(struct maildir **out, struct str path, maildir_fn *fn,
    void *arg, struct error *err) MUST_CHECK;
void maildir_close(struct maildir **m); /* NULL is fine */

/* Gives up to max messages; *n_out: given or set aside. *wait_ms_out: how long
 * to wait before the next call, 0 when there may be more. Errors are those of
 * the folders; a folder that is not there yet is none. */
int maildir_step(struct maildir *m, size_t max, size_t *n_out,
    int64_t *wait_ms_out, struct error *err) MUST_CHECK;

/* Becomes readable when mail is delivered after the last step, so that nobody
 * need wait for the whole of *wait_ms_out; not after a step in trouble. -1: none.
 * Valid until maildir_close(), never to be read. */
int maildir_fd(const struct maildir *m);

/* For a handler that takes its time: is there mail that was not given yet?
 * Of what was delivered meanwhile, too. */
bool maildir_has_new(const struct maildir *m);

/* Writes `first` and what fd gives, to its end, into a Maildir, durably: tmp/,
 * then new/. first: whole header fields in front of the message, or empty.
 * Makes the folders where absent. Constant memory, any size. ERR_SYNTAX: fd
 * gave nothing. On failure nothing was delivered. */
int maildir_deliver(
    struct str path, struct str first, int fd, struct error *err) MUST_CHECK;

#endif
