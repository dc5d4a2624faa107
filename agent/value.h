/* value.h - JSON in and out; the only file that sees jansson is value.c.
 *
 * Reading is strict: duplicate keys, invalid UTF-8, NUL and trailing bytes are
 * ERR_SYNTAX with line and column. Writing makes any bytes valid: what is not
 * UTF-8 becomes U+FFFD. A failed allocation while building is remembered and
 * told by value_dump(). Threads: one owner. */
#ifndef AGENT_VALUE_H
#define AGENT_VALUE_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"

struct value;

struct value *value_new_object(void);
struct value *value_new_array(void);
void value_free(struct value **j); /* NULL is fine */

/* NULL objects and children are tolerated: value_dump() tells. Setters take
 * children over. */
void value_put_str(struct value *o, const char *key, struct str v);
void value_put_i64(struct value *o, const char *key, int64_t v);
void value_put_bool(struct value *o, const char *key, bool v);
void value_put_null(struct value *o, const char *key);
/* "2026-11-22T10:05:32Z"; null for 0. */
void value_put_time(struct value *o, const char *key, int64_t ms);
void value_put(struct value *o, const char *key, struct value *child);
void value_add(struct value *array, struct value *child);
void value_add_str(struct value *array, struct str v);

struct value *value_new_string(struct str v);

/* One line, keys in the order they were put, with a final newline. */
int value_dump(const struct value *j, struct buf *out) MUST_CHECK;

int value_parse(
    struct str text, struct value **out, struct error *err) MUST_CHECK;
/* Empty str with p == NULL: absent or of another type. Borrowed from j. */
struct str value_get_str(const struct value *o, const char *key);
/* false: absent or of another type. */
bool value_get_i64(const struct value *o, const char *key, int64_t *out);
bool value_get_bool(const struct value *o, const char *key, bool *out);
const struct value *value_get(
    const struct value *o, const char *key); /* NULL: absent */
bool value_is_object(const struct value *j);
bool value_is_array(const struct value *j);
bool value_is_null(const struct value *j);
/* Members in the order of the text; stops at fn's first answer that is not 0,
 * and returns it. */
typedef int value_member_fn(void *arg, struct str key, const struct value *v);
int value_each(const struct value *o, value_member_fn *fn, void *arg);
size_t value_count_members(const struct value *o);
size_t value_count(const struct value *array);
const struct value *value_at(const struct value *array, size_t i);
struct str value_as_str(const struct value *j); /* p == NULL: no string */
bool value_as_i64(const struct value *j, int64_t *out); /* false: no integer */
bool value_as_bool(const struct value *j, bool *out);

#endif
