/* verify_pool.c - see verify_pool.h.
 *
 * A run is one loop: tasks to idle workers, poll() over their sockets and the
 * resolver's, frames as they come. A worker asks one thing at a time and waits.
 * A question is nobody's: whoever waits for it when it is answered is told, and
 * what comes too late for all is known to the next who asks. */
#include "agent/in/verify_pool.h"

#include "agent/in/verify_worker.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/mail/dnscache.h"
#include "policy/mail/domain.h"
#include "policy/mail/psl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TURN_MS = 200, /* so that a stop is seen */
	TRIES = 2,
};

/* What a worker is busy with. */
struct duty {
	struct verify_task *task; /* NULL: none */
	unsigned tries, lookups;
	int64_t deadline_ms;
	const struct question *asked; /* it waits for this; may be NULL */
};

struct verify_pool {
	struct verify_pool_opts opts;
	struct resolver *resolver;
	struct dnscache *cache;
	struct question *questions; /* under way */
	struct verify_worker *workers[VERIFY_WORKERS];
	struct duty duties[VERIFY_WORKERS];
	/* of a run: */
	struct verify_task *tasks;
	size_t n, next, done;
	int64_t waited_ms;
};

/* On its way through the resolver. */
struct question {
	struct question *next;
	struct verify_pool *pool;
	enum resolver_type type;
	int64_t since_ms;
	size_t n;
	char name[RESOLVER_NAME_MAX];
};

int verify_pool_open(struct verify_pool **out,
    const struct verify_pool_opts *opts, struct error *err)
{
	struct verify_pool *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	struct resolver_opts how = {.nameserver = opts->nameserver};
	int rc;

	*out = NULL;
	if (p == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	p->opts = *opts;
	if (p->opts.deadline_ms == 0)
		p->opts.deadline_ms = VERIFY_DEADLINE_MS;
	rc = resolver_open(&p->resolver, &how, err);
	if (rc == 0)
		rc = error_of(err, dnscache_new(&p->cache), "verifier");
	for (size_t i = 0; rc == 0 && i < VERIFY_WORKERS; i++)
		rc = error_of(
		    err, verify_worker_new(&p->workers[i]), "verifier");
	if (rc != 0)
		verify_pool_close(&p);
	*out = p;
	return rc;
}

void verify_pool_close(struct verify_pool **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < VERIFY_WORKERS; i++)
		verify_worker_free(&(*p)->workers[i]);
	resolver_close(&(*p)->resolver);
	dnscache_free(&(*p)->cache);
	free(*p);
	*p = NULL;
}

void verify_pool_stats(const struct verify_pool *p, struct dnscache_stats *out)
{
	dnscache_stats(p->cache, out);
}

void verify_pool_pids(const struct verify_pool *p, int out[VERIFY_WORKERS])
{
	for (size_t i = 0; i < VERIFY_WORKERS; i++)
		out[i] = verify_worker_pid(p->workers[i]);
}

const char *verify_pool_program(struct arena *a)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	size_t slash =
	    n > 0 ? str_rfind((struct str){self, (size_t)n}, '/') : 0;
	char *beside;

	if (n > 0 && slash < (size_t)n) {
		beside =
		    arena_printf(a, "%.*s/tendril-verify", (int)slash, self);
		if (beside == NULL || access(beside, X_OK) == 0)
			return beside;
	}
	return PKGLIBEXECDIR "/tendril-verify";
}

/* ---- the end of a task ---- */

static void finish(struct verify_pool *p, size_t i, int rc)
{
	struct duty *d = &p->duties[i];

	d->task->rc = rc;
	d->task->silent = rc == ERR_BUSY && d->asked != NULL;
	*d = (struct duty){.task = NULL};
	p->done++;
}

/* The worker is of no use any more; its mail is given to a fresh one, once. */
static void replace(struct verify_pool *p, size_t i, const char *why)
{
	struct duty *d = &p->duties[i];
	bool was_ready = verify_worker_is_ready(p->workers[i]);
	bool late = clock_mono_ms() >= d->deadline_ms;

	LOG_EV_LIMITED(LOG_LEVEL_WARNING, "verify.replaced", KV_Z("why", why));
	verify_worker_stop(p->workers[i]);
	d->asked = NULL;
	if (!was_ready)
		finish(p, i, ERR_UNAVAILABLE);
	else if (late || d->tries >= TRIES)
		finish(p, i, ERR_CORRUPT);
}

/* ---- questions ---- */

/* "s._domainkey.example.com" -> "example.com"; empty: it is no key's. */
static struct str domain_of_key(struct str name)
{
	static const struct str mark = STR("._domainkey.");

	for (size_t i = 0; i + mark.n < name.n; i++)
		if (str_istarts(str_from(name, i), mark))
			return str_from(name, i + mark.n);
	return STR_NULL;
}

static bool is_reverse(struct str name)
{
	return str_iends(name, STR(".in-addr.arpa")) ||
	       str_iends(name, STR(".ip6.arpa"));
}

static bool is_plausible(const struct duty *d, const struct verify_ask *q)
{
	struct str key = domain_of_key(q->name);
	char domain[DOMAIN_MAX];
	size_t n;

	if (d->lookups > VERIFY_LOOKUPS_MAX || !resolver_is_name(q->name))
		return false;
	if (q->type == RESOLVER_PTR && !is_reverse(q->name))
		return false;
	if (key.n == 0)
		return true;
	return domain_canonical(key, domain, &n, NULL) == 0 &&
	       psl_is_aligned((struct str){domain, n}, d->task->from_domain);
}

static void send_answer(
    struct verify_pool *p, size_t i, const struct resolver_answer *a)
{
	struct buf b;

	buf_init(&b, VERIFY_SMALL_MAX);
	verify_wire_put_answer(&b, a);
	if (buf_error(&b) != 0 || verify_worker_send(p->workers[i],
				      VERIFY_ANSWER, buf_str(&b), STR_NULL))
		replace(p, i, "memory");
	buf_fini(&b);
}

static void unlink_question(struct question *q)
{
	struct question **at = &q->pool->questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

/* From when it was asked: it may have lain in the socket since. */
static void keep(struct question *q, const struct resolver_answer *a)
{
	int64_t since_ms =
	    a->status == RESOLVER_TROUBLE ? clock_mono_ms() : q->since_ms;

	dnscache_put(
	    q->pool->cache, q->type, (struct str){q->name, q->n}, a, since_ms);
}

static void on_answer(void *arg, const struct resolver_answer *a)
{
	struct question *q = arg;
	struct verify_pool *p = q->pool;

	unlink_question(q);
	keep(q, a);
	for (size_t i = 0; i < VERIFY_WORKERS; i++)
		if (p->duties[i].asked == q) {
			p->duties[i].asked = NULL;
			send_answer(p, i, a);
		}
	free(q);
}

static struct question *find_question(
    const struct verify_pool *p, const struct verify_ask *in)
{
	struct question *q = p->questions;

	while (
	    q != NULL && (q->type != in->type ||
			     !str_ieq((struct str){q->name, q->n}, in->name)))
		q = q->next;
	return q;
}

static struct question *new_question(
    struct verify_pool *p, const struct verify_ask *in)
{
	struct question *q = fault_alloc() ? NULL : malloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	*q = (struct question){.next = p->questions,
	    .pool = p,
	    .type = in->type,
	    .since_ms = clock_mono_ms(),
	    .n = in->name.n};
	memcpy(q->name, in->name.p, in->name.n);
	p->questions = q;
	return q;
}

static void ask_dns(
    struct verify_pool *p, size_t i, const struct verify_ask *in)
{
	struct question *q = find_question(p, in);

	p->duties[i].asked = q;
	if (q != NULL)
		return;
	q = new_question(p, in);
	if (q == NULL) {
		verify_worker_stop(p->workers[i]);
		finish(p, i, ERR_BUSY);
		return;
	}
	p->duties[i].asked = q;
	resolver_ask(p->resolver, in->type, in->name, on_answer, q);
}

static void ask(struct verify_pool *p, size_t i, const struct verify_ask *in)
{
	static const struct resolver_answer none = {
	    .status = RESOLVER_NXDOMAIN};
	struct duty *d = &p->duties[i];
	const struct resolver_answer *known = &none;

	d->lookups++;
	if (is_plausible(d, in))
		known = dnscache_find(
		    p->cache, in->type, in->name, clock_mono_ms());
	if (known != NULL)
		send_answer(p, i, known);
	else
		ask_dns(p, i, in);
}

/* ---- results ---- */

/* What the child says a domain is, in the form that is compared; empty when it
 * is none. */
static int canonical(struct arena *a, struct str in, struct str *out)
{
	int rc = domain_parse(a, in, out, NULL);

	if (rc == ERR_SYNTAX)
		*out = STR_NULL;
	return rc == ERR_SYNTAX ? 0 : rc;
}

static struct str spf_domain(const struct verify_mail *m)
{
	size_t at = str_rfind(m->sender, '@');

	return at < m->sender.n ? str_from(m->sender, at + 1) : m->helo;
}

static int take_result(struct verify_task *t, const struct authentic *r)
{
	int rc = 0;

	t->out = *r;
	if (t->mail.has_client)
		rc = canonical(
		    t->arena, spf_domain(&t->mail), &t->out.spf_domain);
	for (size_t i = 0; rc == 0 && i < t->out.n; i++) {
		struct authentic_signature *s = &t->out.v[i];
		rc = canonical(t->arena, s->domain, &s->domain);
		s->selector = arena_str(t->arena, s->selector);
		if (s->selector.p == NULL)
			rc = ERR_LIMIT;
	}
	return rc;
}

/* ---- frames ---- */

static void take_frame(
    struct verify_pool *p, size_t i, enum verify_frame type, struct str payload)
{
	struct duty *d = &p->duties[i];
	struct verify_ask q;
	struct authentic r;

	if (type == VERIFY_ASK && d->asked == NULL &&
	    verify_wire_get_ask(payload, &q) == 0) {
		ask(p, i, &q);
	} else if (type == VERIFY_RESULT && d->asked == NULL &&
		   verify_wire_get_result(payload, &r) == 0) {
		finish(p, i, take_result(d->task, &r));
		if (verify_worker_mails(p->workers[i]) >= VERIFY_MAILS)
			verify_worker_stop(p->workers[i]);
	} else {
		replace(p, i, "protocol");
	}
}

static void take_frames(struct verify_pool *p, size_t i)
{
	enum verify_frame type;
	struct str payload;

	while (p->duties[i].task != NULL) {
		int rc = verify_worker_next(p->workers[i], &type, &payload);
		if (rc == ERR_NOT_FOUND)
			return;
		if (rc != 0) {
			replace(p, i, rc == ERR_SYNTAX ? "protocol" : "ended");
			return;
		}
		take_frame(p, i, type, payload);
	}
}

/* ---- a run ---- */

static bool start(struct verify_pool *p, size_t i)
{
	struct duty *d = &p->duties[i];
	const struct verify_mail *m = &d->task->mail;
	struct buf b;
	int rc = 0;

	d->tries++;
	d->lookups = 0;
	if (!verify_worker_is_running(p->workers[i]))
		rc = verify_worker_start(p->workers[i], p->opts.program);
	if (rc != 0) {
		finish(p, i, ERR_UNAVAILABLE);
		return false;
	}
	buf_init(&b, VERIFY_SMALL_MAX);
	verify_wire_put_mail(&b, m);
	rc = buf_error(&b);
	if (rc == 0)
		rc = verify_worker_send(
		    p->workers[i], VERIFY_MAIL, buf_str(&b), m->message);
	buf_fini(&b);
	if (rc != 0)
		finish(p, i, ERR_BUSY);
	return rc == 0;
}

static bool has_time(const struct verify_task *t)
{
	return t->left_ms == NULL || *t->left_ms > 0;
}

static void hand_out(struct verify_pool *p)
{
	for (size_t i = 0; i < VERIFY_WORKERS; i++) {
		struct duty *d = &p->duties[i];

		if (d->task != NULL) {
			/* a second try: it was replaced */
			if (!verify_worker_is_running(p->workers[i]))
				(void)start(p, i);
			continue;
		}
		while (p->next < p->n && d->task == NULL) {
			d->task = &p->tasks[p->next++];
			d->tries = 0;
			d->deadline_ms = clock_mono_ms() + p->opts.deadline_ms;
			if (!has_time(d->task))
				finish(p, i, ERR_BUSY);
			else if (d->task->mail.message.n > VERIFY_MESSAGE_MAX)
				finish(p, i, ERR_LIMIT);
			else
				(void)start(p, i);
		}
	}
}

/* Waits until something comes, at the cost of those whose questions are under
 * way. A turn in which nothing does is waited for, too: of a process that says
 * nothing. */
static void wait_for(struct verify_pool *p, struct pollfd *fds)
{
	int64_t began_ms = clock_mono_ms(), took_ms, *left_ms[VERIFY_WORKERS];
	bool asked = false;

	for (size_t i = 0; i < VERIFY_WORKERS; i++) {
		const struct duty *d = &p->duties[i];

		asked |= d->asked != NULL;
		left_ms[i] = d->asked != NULL ? d->task->left_ms : NULL;
		fds[i] = d->task != NULL ? verify_worker_poll(p->workers[i])
					 : (struct pollfd){.fd = -1};
	}
	resolver_turn(p->resolver, fds, VERIFY_WORKERS, TURN_MS);
	took_ms = clock_mono_ms() - began_ms;
	if (asked || took_ms >= TURN_MS)
		p->waited_ms += took_ms;
	for (size_t i = 0; i < VERIFY_WORKERS; i++)
		if (left_ms[i] != NULL)
			*left_ms[i] -= took_ms;
}

static void turn(struct verify_pool *p)
{
	struct pollfd fds[VERIFY_WORKERS];

	wait_for(p, fds);
	for (size_t i = 0; i < VERIFY_WORKERS; i++) {
		/* an answer may have replaced it meanwhile */
		if (p->duties[i].task == NULL ||
		    fds[i].fd != verify_worker_poll(p->workers[i]).fd)
			continue;
		if (verify_worker_move(p->workers[i], fds[i].revents) != 0)
			replace(p, i, "ended");
		else
			take_frames(p, i);
	}
}

static void check_deadlines(struct verify_pool *p)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < VERIFY_WORKERS; i++) {
		struct duty *d = &p->duties[i];

		if (d->task == NULL ||
		    (now < d->deadline_ms &&
			(d->asked == NULL || has_time(d->task))))
			continue;
		if (d->asked != NULL) { /* DNS is slow, not the verifier */
			verify_worker_stop(p->workers[i]);
			finish(p, i, ERR_BUSY);
		} else {
			replace(p, i, "late");
		}
	}
}

static void give_up(struct verify_pool *p)
{
	for (size_t i = 0; i < VERIFY_WORKERS; i++)
		if (p->duties[i].task != NULL) {
			verify_worker_stop(p->workers[i]);
			finish(p, i, ERR_BUSY);
		}
}

static bool is_for_others(const struct verify_pool *p, int64_t began_ms)
{
	return p->opts.others_wait != NULL &&
	       clock_mono_ms() - began_ms >= VERIFY_PATIENCE_MS &&
	       p->opts.others_wait(p->opts.arg);
}

struct verify_run verify_pool_run(
    struct verify_pool *p, struct verify_task *v, size_t n, int64_t budget_ms)
{
	int64_t began_ms = clock_mono_ms();
	bool others = false;

	for (size_t i = 0; i < n; i++) {
		v[i].rc = ERR_BUSY;
		v[i].out = (struct authentic){0};
	}
	p->tasks = v;
	p->n = n;
	p->next = p->done = 0;
	p->waited_ms = 0;
	while (p->done < n && !others) {
		bool stop = p->opts.stop != NULL && atomic_load(p->opts.stop);
		if (stop || p->waited_ms >= budget_ms)
			break;
		hand_out(p);
		if (p->done < n)
			turn(p);
		check_deadlines(p);
		others = p->done < n && is_for_others(p, began_ms);
	}
	give_up(p);
	return (struct verify_run){others, p->waited_ms};
}
