/* mtalog_writers.c - see mtalog_writers.h. */
#include "agent/in/mtalog_writers.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

enum {
	NAME_MAX_BYTES = 64,
	ENTRY_MAX = 16384
};

static int uid_of(struct str name, uint32_t *out)
{
	char text[NAME_MAX_BYTES + 1], entry[ENTRY_MAX];
	struct passwd pw, *found = NULL;
	uint64_t number;
	int rc;

	if (str_u64(name, UINT32_MAX - 1, &number) == 0) {
		*out = (uint32_t)number;
		return 0;
	}
	if (name.n > NAME_MAX_BYTES)
		return ERR_NOT_FOUND;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	rc = getpwnam_r(text, &pw, entry, sizeof(entry), &found);
	if (found == NULL)
		return rc == 0 || rc == ENOENT ? ERR_NOT_FOUND : -rc;
	*out = pw.pw_uid;
	return 0;
}

int mtalog_writers_of(
    struct strs users, struct mtalog_writers *out, struct error *err)
{
	*out = (struct mtalog_writers){.uid = {0}, .n = 1};
	if (users.n == 0)
		out->n += uid_of(STR("postfix"), &out->uid[1]) == 0;
	if (users.n >= MTALOG_WRITERS_MAX)
		return error_set(err, ERR_LIMIT,
		    "mta-log journal-writers: more than %d users",
		    MTALOG_WRITERS_MAX - 1);
	for (size_t i = 0; i < users.n; i++) {
		int rc = uid_of(users.v[i], &out->uid[out->n++]);

		if (rc == ERR_NOT_FOUND)
			return error_set(err, rc,
			    "mta-log journal-writers: there is no user %.*s",
			    STR_ARG(users.v[i]));
		if (rc != 0)
			return error_of(err, rc, "mta-log journal-writers");
	}
	return 0;
}

bool mtalog_writers_has(const struct mtalog_writers *w, struct str uid)
{
	uint64_t number;

	if (str_u64(uid, UINT32_MAX, &number) != 0)
		return false;
	for (size_t i = 0; i < w->n; i++)
		if (w->uid[i] == number)
			return true;
	return false;
}
