/* ruleset.c - see ruleset.h. */
#include "agent/ruleset.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct ruleset {
	pthread_mutex_t lock; /* a leaf */
	struct ruleset_fresh now;
};

static void tell(void *arg, bool is_error, const char *line)
{
	(void)arg;
	if (!is_error)
		LOG_EV(LOG_LEVEL_WARNING, "rules.finding", KV_Z("text", line));
}

int ruleset_read(
    const struct conf *conf, struct ruleset_fresh *out, struct error *err)
{
	const char *path = conf->agent.bounce_rules.p;
	int rc;

	*out = (struct ruleset_fresh){0};
	buf_init(&out->text, BOUNCE_RULES_MAX_BYTES);
	if (conf->agent.bounce_rules.n == 0)
		return error_of(err, bounce_rules_new(&out->rules), "rules");
	rc = file_read(path, &out->text, err);
	if (rc == ERR_LIMIT)
		rc = error_set(err, rc, "%s: more than %d bytes", path,
		    BOUNCE_RULES_MAX_BYTES);
	return rc != 0 ? rc
		       : bounce_rules_read(path, buf_str(&out->text), tell,
			     NULL, &out->rules, err);
}

void ruleset_drop(struct ruleset_fresh *fresh)
{
	bounce_rules_free(&fresh->rules);
	buf_fini(&fresh->text);
}

int ruleset_open(
    struct ruleset **out, const struct conf *conf, struct error *err)
{
	struct ruleset *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = -pthread_mutex_init(&s->lock, NULL);
	if (rc != 0) {
		free(s);
		return error_of(err, rc, "lock");
	}
	rc = ruleset_read(conf, &s->now, err);
	if (rc != 0)
		ruleset_close(&s);
	*out = s;
	return rc;
}

void ruleset_close(struct ruleset **s)
{
	if (*s == NULL)
		return;
	ruleset_drop(&(*s)->now);
	(void)pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}

void ruleset_put(
    struct ruleset *s, struct ruleset_fresh *fresh, bool *changed_out)
{
	struct ruleset_fresh old = *fresh;

	*changed_out = !str_eq(buf_str(&s->now.text), buf_str(&fresh->text));
	if (*changed_out) {
		(void)pthread_mutex_lock(&s->lock);
		old = s->now;
		s->now = *fresh;
		(void)pthread_mutex_unlock(&s->lock);
	}
	*fresh = old;
	ruleset_drop(fresh);
}

struct bounce_rules *ruleset_get(struct ruleset *s)
{
	struct bounce_rules *rules;

	(void)pthread_mutex_lock(&s->lock);
	rules = bounce_rules_ref(s->now.rules);
	(void)pthread_mutex_unlock(&s->lock);
	return rules;
}
