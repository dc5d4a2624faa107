/* snapshot.c - see snapshot.h. */
#include "milter/snapshot.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/conf/policytext.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	POLICY_MAX = 1 << 20
};

struct counted {
	struct snapshot pub; /* first: callers hold a pointer to it */
	atomic_uint refs;
};

struct snapshots {
	pthread_mutex_t lock;
	struct counted *now;
	char path[];
};

static void counted_free(struct counted *c)
{
	keyring_free(&c->pub.keyring);
	policy_unref(&c->pub.file_policy);
	conf_unref(&c->pub.conf);
	free(c);
}

static int load_policy(
    const struct conf *conf, const struct policy **out, struct error *err)
{
	struct arena *arena;
	struct str whole;
	struct buf text;
	char path[4096];
	int rc;

	*out = NULL;
	if (conf->policy_file.n == 0)
		return 0;
	if (conf->policy_file.n >= sizeof(path))
		return error_set(err, -ENAMETOOLONG, "policy-file: too long");
	memcpy(path, conf->policy_file.p, conf->policy_file.n);
	path[conf->policy_file.n] = '\0';
	arena = arena_new(POLICYTEXT_ARENA);
	if (arena == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	buf_init(&text, POLICY_MAX);
	rc = file_read(path, &text, err);
	if (rc == 0)
		rc =
		    policytext_expand(arena, path, buf_str(&text), &whole, err);
	if (rc == 0)
		rc = policy_parse(out, path, whole, 0, err);
	buf_fini(&text);
	arena_free(&arena);
	return rc;
}

static int load(const char *path, const struct keyring *running,
    struct counted **out, struct error *err)
{
	struct counted *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (c == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	atomic_init(&c->refs, 1);
	rc = conf_load(&c->pub.conf, path, err);
	if (rc == 0)
		rc = load_policy(c->pub.conf, &c->pub.file_policy, err);
	if (rc == 0)
		rc = keyring_load(&c->pub.keyring, c->pub.conf, running, err);
	if (rc != 0)
		counted_free(c);
	else
		*out = c;
	return rc;
}

int snapshots_open(struct snapshots **out, const char *path, struct error *err)
{
	size_t n = strlen(path) + 1;
	struct snapshots *s = fault_alloc() ? NULL : malloc(sizeof(*s) + n);
	int rc;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(s->path, path, n);
	rc = load(s->path, NULL, &s->now, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	pthread_mutex_init(&s->lock, NULL);
	log_set_level((enum log_level)s->now->pub.conf->log_level);
	log_set_redact(s->now->pub.conf->log_redact);
	*out = s;
	return 0;
}

static void drop(struct counted *c)
{
	if (atomic_fetch_sub(&c->refs, 1) == 1)
		counted_free(c);
}

void snapshots_close(struct snapshots **s)
{
	if (*s == NULL)
		return;
	drop((*s)->now);
	pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}

/* What is open already cannot be another from now on: better told than
 * ignored. */
static int check_fixed(const struct snapshots *s, const struct conf *running,
    struct counted **fresh, struct error *err)
{
	const char *fixed =
	    conf_fixed(running, (*fresh)->pub.conf, CONF_FIXED_MILTER);

	if (fixed == NULL)
		return 0;
	counted_free(*fresh);
	*fresh = NULL;
	return error_set(err, -EBUSY,
	    "%s: %s is another now; that needs a restart", s->path, fixed);
}

int snapshots_reload(struct snapshots *s, struct error *err)
{
	const struct snapshot *running = snapshots_get(s);
	struct counted *fresh, *old;
	int rc = load(s->path, running->keyring, &fresh, err);

	if (rc == 0)
		rc = check_fixed(s, running->conf, &fresh, err);
	snapshot_unref(&running);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&s->lock);
	old = s->now;
	s->now = fresh;
	log_set_level((enum log_level)fresh->pub.conf->log_level);
	log_set_redact(fresh->pub.conf->log_redact);
	pthread_mutex_unlock(&s->lock);
	drop(old);
	return 0;
}

const struct snapshot *snapshots_get(struct snapshots *s)
{
	struct counted *c;

	pthread_mutex_lock(&s->lock);
	c = s->now;
	atomic_fetch_add(&c->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return &c->pub;
}

void snapshot_unref(const struct snapshot **snap)
{
	if (*snap == NULL)
		return;
	drop((struct counted *)(uintptr_t)*snap);
	*snap = NULL;
}
