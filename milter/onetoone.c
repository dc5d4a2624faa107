/* onetoone.c - see onetoone.h. Each recipient has a slot, and the log tells by
 * queue id and address what became of each. */
#include "milter/onetoone.h"

#include "milter/nurture.h"
#include "milter/reply.h"
#include "milter/shadow.h"
#include "milter/takeover.h"

struct onetoone {
	struct message *m;
	struct decide_in *in;
	struct decide_out *out;
	size_t n;
};

/* ERR_SYNTAX: *bad_out is the recipient at fault. */
static int fill(struct onetoone *o, size_t *bad_out, struct error *err)
{
	struct arena *a = o->m->s->g.arena;
	int rc = 0;

	o->in = arena_array(a, o->n, sizeof(*o->in));
	o->out = arena_array(a, o->n, sizeof(*o->out));
	if (o->in == NULL || o->out == NULL)
		return error_set(err, ERR_LIMIT, "too many recipients");
	for (size_t i = 0; rc == 0 && i < o->n; i++) {
		*bad_out = i;
		rc = eom_fill_decide(o->m, i, &o->in[i], err);
		o->in[i].mode = DECIDE_ONE_TO_ONE;
	}
	return rc;
}

static void fini(struct onetoone *o)
{
	for (size_t i = 0; o->out != NULL && i < o->n; i++)
		decide_fini(&o->out[i]);
}

static void release_slots(const struct onetoone *o)
{
	for (size_t i = 0; i < o->n; i++)
		eom_release_slot(o->m, &o->out[i]);
}

static enum answer answer_decided(struct onetoone *o)
{
	struct message *m = o->m;
	struct error err = {0};
	struct reply r;

	for (size_t i = 0; i < o->n; i++)
		eom_log_decision(m, o->in[i].recipient.text, &o->out[i]);
	for (size_t i = 0; i < o->n; i++) {
		enum answer a = reply_named(
		    &o->out[i].verdict, o->in[i].recipient.text, &r);
		if (a != ANSWER_CONTINUE)
			return eom_say(m->s, a, &r);
	}
	(void)eom_may_sign(m);
	if (eom_send_on(m, NULL, &err) == 0)
		return ANSWER_CONTINUE;
	release_slots(o);
	return eom_trouble(m, "sign", &err);
}

static enum answer decide(struct onetoone *o)
{
	struct session *s = o->m->s;
	struct error err = {0};
	struct store *store = eom_store(s, &err);
	struct reply r;
	size_t bad = 0;
	int rc = store != NULL ? fill(o, &bad, &err) : ERR_UNAVAILABLE;

	if (rc == ERR_SYNTAX)
		return eom_say(s,
		    reply_bad_address_named(s->g.rcpts[bad].address, &r), &r);
	if (rc == 0)
		rc = decide_propose_all(store, o->in, o->n, o->out, &err);
	return rc == 0 ? answer_decided(o) : eom_trouble(o->m, "decide", &err);
}

enum answer onetoone_run(struct message *m)
{
	struct session *s = m->s;
	struct onetoone o = {.m = m, .n = s->g.n_rcpts};
	struct error err = {0};
	struct reply r;
	enum answer a;
	int rc = nurture_labels(m);

	m->shadow = eom_is_shadow(s);
	if (m->shadow)
		return shadow_run(m);
	if (rc != 0) {
		(void)error_set(&err, rc, "%s", error_text(rc));
		return eom_trouble(m, "segment", &err);
	}
	if (o.n > DECIDE_ALL_MAX)
		return eom_say(s, reply_too_many(&r), &r);
	a = decide(&o);
	fini(&o);
	return a;
}
