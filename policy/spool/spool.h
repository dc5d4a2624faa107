/* spool.h - the bytes of copies: messages that we have taken over. One file a
 * copy, named by its id (msgid.h), its state a row of the ledger (copy.h).
 *
 *   STATE-DIR/spool/0123456789abcdef.eml            has a row
 *   STATE-DIR/spool/undecided/0123456789abcdef.eml  has none yet: local mail
 *                                 in trouble, adopted by the agent
 *   STATE-DIR/spool/adopting/QUEUEID.eml  not ours yet: stage.h
 *
 * A file is written under a temporary name, synced, linked to its name and its
 * folder synced before anybody hears of it; a row is proposed only after that.
 * So a row without a file cannot exist, and a file without a row is what a
 * crash or a change of mind left: spool_sweep() removes it after an hour.
 *
 *   0   7  "tendril"
 *   7   1  version, 1
 *   8   4  n: bytes of the envelope, big endian
 *  12   n  envelope (envelope.h)
 *       m  the message: header fields as they came, lines ending in CRLF, and
 *          the body's bytes untouched
 *       4  CRC-32C of all before
 *
 * Files hold addresses and mail text in the clear: the folder is 2770, files
 * are 0660, for the daemons' group alone (write: Linux lets nobody link a file
 * that he may not write), and erasure of a person walks them (spool_each).
 * Names are not hashed over folders: holds are thousands, and a copy is found
 * by its name.
 *
 * Codes: ERR_FULL (no space, quota, read-only, I/O error: nothing is left
 * behind), ERR_NOT_FOUND, ERR_CORRUPT (checksum), ERR_VERSION, ERR_LIMIT,
 * -errno.
 * Threads: any; different processes too. */
#ifndef POLICY_SPOOL_SPOOL_H
#define POLICY_SPOOL_SPOOL_H

#include "policy/mail/header.h"
#include "policy/spool/envelope.h"

struct spool;

/* Folders are made when the first file is written, so this works while the
 * disk does not. state_dir is copied. */
int spool_open(
    struct spool **out, struct str state_dir, struct error *err) MUST_CHECK;
void spool_close(struct spool **s); /* NULL is fine */

struct spool_message {
	const struct header_list *headers;
	struct str body; /* may be mapped: written as it is, never copied */
};

/* Durable when 0, under an id drawn for e->arrived_ms that no file has.
 * e->kind COPY_UNDECIDED goes to the folder of those. */
int spool_add(struct spool *s, const struct envelope *e,
    const struct spool_message *m, uint64_t *id_out,
    struct error *err) MUST_CHECK;
/* A second name for the same bytes, durable: for a recipient that goes on as
 * a copy of its own. */
int spool_link(struct spool *s, uint64_t from, int64_t now_ms, uint64_t *id_out,
    struct error *err) MUST_CHECK;
/* An undecided copy that has a row by now moves to the others. 0 also when it
 * is there already. */
int spool_adopt(struct spool *s, uint64_t id, struct error *err) MUST_CHECK;
/* From either folder; no error when it is gone. */
int spool_remove(struct spool *s, uint64_t id, struct error *err) MUST_CHECK;

/* A copy opened for reading: mapped, checksum verified. Stays readable when
 * its file is removed. */
struct spool_copy;
int spool_read(struct spool *s, uint64_t id, struct spool_copy **out,
    struct error *err) MUST_CHECK;
void spool_copy_free(struct spool_copy **c); /* NULL is fine */
/* Borrowed from the copy. */
const struct envelope *spool_copy_envelope(const struct spool_copy *c);
struct str spool_copy_message(const struct spool_copy *c);

enum spool_place {
	SPOOL_COPIES,
	SPOOL_UNDECIDED
};
/* The ids there, in no order; an absent folder is empty. Stops at emit's
 * first non-zero answer and returns it. changed_ms: when the file got its
 * name. */
typedef int spool_emit_fn(void *arg, uint64_t id, int64_t changed_ms);
int spool_each(struct spool *s, enum spool_place place, spool_emit_fn *emit,
    void *arg, struct error *err) MUST_CHECK;

/* Removes copies without a row and temporary files that are older than an
 * hour. has_row: 1, 0 or a negative code, which ends the sweep.
 * Not to be called when the clock jumped within that hour. */
typedef int spool_has_row_fn(void *arg, uint64_t id);
int spool_sweep(struct spool *s, int64_t now_ms, spool_has_row_fn *has_row,
    void *arg, size_t *removed_out, struct error *err) MUST_CHECK;

#endif
