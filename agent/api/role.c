/* role.c - see role.h. */
#include "agent/api/role.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SPACE = 16384,
	GROUPS_MAX = 256
};

static bool in_group(const char *user, gid_t gid, struct str group)
{
	gid_t ids[GROUPS_MAX];
	int n = GROUPS_MAX;
	char space[SPACE], name[64];
	struct group g, *found = NULL;

	if (group.n >= sizeof(name))
		return false;
	for (size_t i = 0; i <= group.n; i++)
		name[i] = i < group.n ? group.p[i] : '\0';
	if (getgrnam_r(name, &g, space, sizeof(space), &found) != 0 ||
	    found == NULL || getgrouplist(user, gid, ids, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (ids[i] == g.gr_gid)
			return true;
	return false;
}

/* Names, or "@group". */
static bool is_listed(const struct strs *list, const char *user, gid_t gid)
{
	for (size_t i = 0; i < list->n; i++) {
		struct str item = list->v[i];
		if (str_starts(item, STR("@"))
			? in_group(user, gid, str_from(item, 1))
			: str_eq(item, str_of(user)))
			return true;
	}
	return false;
}

enum api_role role_of(const struct conf_agent *conf,
    const struct server_request *rq, struct str *user_out)
{
	char space[SPACE];
	struct passwd pw, *found = NULL;

	*user_out = STR("unknown");
	if (!rq->has_peer)
		return API_NOBODY;
	if (getpwuid_r(rq->uid, &pw, space, sizeof(space), &found) != 0 ||
	    found == NULL) {
		char *z = arena_printf(rq->arena, "uid %ld", (long)rq->uid);
		if (z != NULL)
			*user_out = str_of(z);
		return rq->uid == geteuid() ? API_ADMIN : API_NOBODY;
	}
	*user_out = arena_str(rq->arena, str_of(pw.pw_name));
	if (rq->uid == 0 || rq->uid == geteuid() ||
	    is_listed(&conf->admins, pw.pw_name, pw.pw_gid))
		return API_ADMIN;
	if (is_listed(&conf->marketers, pw.pw_name, pw.pw_gid))
		return API_MARKETER;
	if (is_listed(&conf->auditors, pw.pw_name, pw.pw_gid))
		return API_AUDITOR;
	return API_NOBODY;
}
