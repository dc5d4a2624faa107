/* mtalog_follow.h - reads a growing log file, each line once: across rotation
 * by rename, copytruncate, restart and kill -9.
 *
 * The follower keeps nothing on disk. Each item comes with the position after
 * it; the caller stores that position in the transaction that stores what the
 * item meant, and opens with it next time. So an item is acted upon exactly
 * once or, where the caller stores less often, again from the stored place.
 *
 * Rotation by rename: the old file is read to its end, which is known once its
 * successor has data (the writer has reopened), then the next one by time of
 * last change. The folder is searched for rotated files by inode and by a hash
 * of the first 256 bytes, so that a reused inode is noticed.
 *
 * A gap is an item of its own: lines may be missing between the items around
 * it. It is reported once, where it is. No gap item = every line that the
 * writer finished was given (what the logger itself dropped is MTALOG_LOSS).
 * Compressed files are not opened. copytruncate always leaves a gap: what was
 * written between its copy and its truncation is nowhere.
 *
 * Bounds: 64 KB of memory; lines of up to MTALOG_LINE_MAX bytes, longer ones
 * are cut there. A last line without newline waits for it.
 * Threads: one owner. */
#ifndef AGENT_IN_MTALOG_FOLLOW_H
#define AGENT_IN_MTALOG_FOLLOW_H

#include "policy/base/str.h"

enum {
	MTALOG_LINE_MAX = 8192,
	MTALOG_HEAD_MAX = 256
};

/* Where to go on: the offset of the first byte not yet given. inode 0: no
 * file was seen yet. */
struct mtalog_pos {
	uint64_t dev, inode, offset;
	uint32_t head_n;    /* min(offset, MTALOG_HEAD_MAX) */
	uint64_t head_hash; /* of the file's first head_n bytes */
};

/* The stored form: version, then the fields in order, big endian. */
enum {
	MTALOG_POS_BYTES = 37
};
void mtalog_pos_encode(
    const struct mtalog_pos *pos, unsigned char out[MTALOG_POS_BYTES]);
/* ERR_SYNTAX, ERR_VERSION. */
int mtalog_pos_decode(struct str bytes, struct mtalog_pos *out) MUST_CHECK;

enum mtalog_gap {
	MTALOG_NO_GAP,
	MTALOG_GAP_TRUNCATED,  /* the file was cut: copytruncate, or by hand */
	MTALOG_GAP_LOST,       /* the file of the stored position is gone */
	MTALOG_GAP_COMPRESSED, /* it, or one after it, is compressed by now */
	MTALOG_GAP_PARTIAL     /* a rotated file ends in the middle of a line */
};
const char *mtalog_gap_text(enum mtalog_gap gap);

struct mtalog_item {
	enum mtalog_gap gap; /* other than NO_GAP: no line */
	struct str line;     /* without its newline; valid during the call */
	bool cut;            /* the line was longer than MTALOG_LINE_MAX */
	struct mtalog_pos after;
};

/* Not 0: stops; the item counts as not given and comes again. */
typedef int mtalog_item_fn(void *arg, const struct mtalog_item *item);

struct mtalog_follow;

/* from: a stored position, or NULL to begin at the start of the file that
 * has the name now. A file that does not exist (yet) is fine; one that cannot
 * be read or is no regular file is an error. interval_ms: how often the wait
 * fd becomes readable; 0: never. */
int mtalog_follow_open(struct mtalog_follow **out, const char *path,
    const struct mtalog_pos *from, unsigned interval_ms,
    struct error *err) MUST_CHECK;
void mtalog_follow_close(struct mtalog_follow **f); /* NULL is fine */

/* Gives up to max items. 0, or what fn returned, or -errno of reading: nothing
 * is lost, try again later. Never waits. */
int mtalog_follow_next(struct mtalog_follow *f, size_t max, mtalog_item_fn *fn,
    void *arg, struct error *err) MUST_CHECK;

/* After mtalog_follow_next: all that was written has been given. */
bool mtalog_follow_at_end(const struct mtalog_follow *f);

/* A timer: readable when it is time to call mtalog_follow_next, which makes
 * it unreadable. Belongs to the follower. */
int mtalog_follow_fd(const struct mtalog_follow *f);

struct mtalog_follow_stats {
	uint64_t lines, bytes, cut, gaps, files;
};
void mtalog_follow_stats(
    const struct mtalog_follow *f, struct mtalog_follow_stats *out);

#endif
