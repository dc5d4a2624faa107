/* cbor.h - deterministic CBOR: one value, one run of bytes (RFC 8949 section
 * 4.2.1). The payload of events and the rows of tables.
 *
 * The subset: integers of 64 bits, byte strings, text strings (valid UTF-8),
 * arrays, maps whose keys are unsigned integers in ascending order, booleans.
 * No floats, tags, null or indefinite lengths; an absent value is an absent
 * key. Containers nest at most CBOR_DEPTH deep.
 *
 * Both sides are sticky: after the first mistake everything does nothing and
 * the _end function tells the code, so a run of calls needs one check.
 *
 *   cbor_write_map(&w, 2);                 cbor_read_map(&r);
 *   cbor_write_key(&w, 0);                 while (cbor_read_key(&r, &key))
 *   cbor_write_bytes(&w, id);                      switch (key) {
 *   cbor_write_key(&w, 1);                         case 0:
 *   cbor_write_uint(&w, n);                                id = cbor_read_bytes(&r);
 *   rc = cbor_writer_end(&w);                              break;
 *                                                  ...
 *                                                  default:
 *                                                          cbor_read_skip(&r);
 *                                                  }
 *                                          rc = cbor_reader_end(&r);
 *
 * Pure. Threads: one owner. The only file that sees libcbor. */
#ifndef POLICY_LEDGER_CBOR_H
#define POLICY_LEDGER_CBOR_H

#include "policy/base/buf.h"

enum {
	CBOR_DEPTH = 8
};

struct cbor_level {
	uint64_t left; /* items, or pairs, still to come */
	uint64_t key;  /* the last one, in a map */
	bool is_map, has_key, value_next;
};

/* --- writing --- */

struct cbor_writer {
	struct buf *out; /* borrowed */
	struct cbor_level level[CBOR_DEPTH];
	size_t depth, items; /* items: at the top */
	int error;
};

/* Appends one value to out. */
void cbor_writer_init(struct cbor_writer *w, struct buf *out);
/* ERR_LIMIT or -ENOMEM of the buffer; ERR_SYNTAX: text that is not UTF-8. A
 * wrong order of calls (a key out of order, a count that does not fit) is
 * bug(). */
int cbor_writer_end(struct cbor_writer *w) MUST_CHECK;

void cbor_write_uint(struct cbor_writer *w, uint64_t v);
void cbor_write_int(struct cbor_writer *w, int64_t v);
void cbor_write_bool(struct cbor_writer *w, bool v);
void cbor_write_bytes(struct cbor_writer *w, struct str s);
void cbor_write_text(struct cbor_writer *w, struct str s);
void cbor_write_array(struct cbor_writer *w, size_t n); /* n items follow */
void cbor_write_map(struct cbor_writer *w, size_t n);   /* n pairs follow */
void cbor_write_key(struct cbor_writer *w, uint64_t key);

/* --- reading: only what the writer could have written --- */

struct cbor_reader {
	struct str rest;
	struct cbor_level level[CBOR_DEPTH];
	size_t depth, items;
	int error;
};

void cbor_reader_init(struct cbor_reader *r, struct str in);
/* ERR_SYNTAX: not well-formed, not in its one form, of another kind than
 * asked for, or not read to its end. ERR_LIMIT: above a bound. */
int cbor_reader_end(struct cbor_reader *r) MUST_CHECK;

/* After a mistake these give 0, false or an empty str. Strings are borrowed
 * from the input. */
uint64_t cbor_read_uint(struct cbor_reader *r, uint64_t max);
int64_t cbor_read_int(struct cbor_reader *r);
bool cbor_read_bool(struct cbor_reader *r);
struct str cbor_read_bytes(struct cbor_reader *r);
struct str cbor_read_text(struct cbor_reader *r);
/* A byte string of exactly n bytes; zeroes on a mistake. */
void cbor_read_fixed(struct cbor_reader *r, void *out, size_t n);
/* How many items or pairs follow; never more than the input has bytes. */
size_t cbor_read_array(struct cbor_reader *r);
size_t cbor_read_map(struct cbor_reader *r);
/* The next key of the map that was entered last; false at its end, which
 * leaves the map and so must be asked for, and after a mistake. */
bool cbor_read_key(struct cbor_reader *r, uint64_t *key_out);
/* One value of any kind, checked like all others. */
void cbor_read_skip(struct cbor_reader *r);

#endif
