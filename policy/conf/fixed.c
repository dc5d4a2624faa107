/* fixed.c - what a running process cannot take from a new file: sockets, folders
 * and keys that it opened at its start. */
#include "policy/conf/conf.h"

#include <string.h>

struct pair {
	const char *name;
	struct str from, to;
};

static const char *find(const struct pair *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!str_eq(v[i].from, v[i].to))
			return v[i].name;
	return NULL;
}

static bool same_nets(const struct conf_nets *a, const struct conf_nets *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].bits != b->v[i].bits ||
		    memcmp(a->v[i].addr, b->v[i].addr, 16) != 0)
			return false;
	return true;
}

static bool same_texts(struct strs a, struct strs b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!str_eq(a.v[i], b.v[i]))
			return false;
	return true;
}

/* A part of the agent that the milter counts on: not which, but that it runs. */
static bool has_another_part(struct str a, struct str b)
{
	return (a.n > 0) != (b.n > 0);
}

static const char *of_both(const struct conf *a, const struct conf *b)
{
	const struct pair v[] = {
	    {"state-dir", a->state_dir, b->state_dir},
	    {"lead-key", a->lead_key, b->lead_key},
	    {"epoch-key", a->epoch_key, b->epoch_key},
	    {"token-key", a->token_key, b->token_key},
	};

	if (a->map_bytes != b->map_bytes)
		return "map-size";
	if (has_another_part(a->agent.release, b->agent.release))
		return "agent.release";
	if (has_another_part(a->mta_log.file, b->mta_log.file))
		return "mta-log.file";
	return find(v, sizeof(v) / sizeof(v[0]));
}

static const char *of_milter(const struct conf *a, const struct conf *b)
{
	const struct pair v[] = {
	    {"milter.socket", a->milter.socket, b->milter.socket},
	};

	return a->milter.socket_mode != b->milter.socket_mode
		   ? "milter.socket-mode"
		   : find(v, 1);
}

static const char *of_agent(const struct conf *a, const struct conf *b)
{
	const struct pair v[] = {
	    {"agent.api", a->agent.api, b->agent.api},
	    {"agent.release", a->agent.release, b->agent.release},
	    {"agent.maildir", a->agent.maildir, b->agent.maildir},
	    {"agent.nameserver", a->agent.nameserver, b->agent.nameserver},
	    {"web.listen", a->web.listen, b->web.listen},
	    {"mta-log.file", a->mta_log.file, b->mta_log.file},
	};

	if (!same_texts(a->mta_log.writers, b->mta_log.writers))
		return "mta-log.journal-writers";
	if (a->web.max_request_bytes != b->web.max_request_bytes)
		return "web.max-request";
	if (!same_nets(&a->web.proxies, &b->web.proxies))
		return "web.proxies";
	return find(v, sizeof(v) / sizeof(v[0]));
}

const char *conf_fixed(
    const struct conf *a, const struct conf *b, enum conf_fixed_of of)
{
	const char *name = of_both(a, b);

	if (name != NULL)
		return name;
	return of == CONF_FIXED_MILTER ? of_milter(a, b) : of_agent(a, b);
}
