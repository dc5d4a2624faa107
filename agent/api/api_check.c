/* api_check.c - /v1/check: may these be written to, now? For thousands at once;
 * changes nothing.
 *
 * Recipients come in blocks; each block is divided among a few threads, each of
 * which reads, decides and writes its part of the answer. A row is put together
 * by hand from what differs (address, instant) and from a piece of JSON that all
 * with the same ruling share; what is no address goes the long way. */
#include "agent/api/routes.h"

#include "agent/api/show.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/domain.h"
#include "policy/state/decide_many.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CHECK_MAX = 50000,
	BLOCK = 10000,
	THREADS_MAX = 4,
	A_THREAD = 1000, /* people for whom one more is worth while */
	ARENA_MAX = BLOCK * 1024,
	ROWS_MAX = 16 << 20,
	SHAPES = 16,
	SHAPE_MAX = 8192,
};

/* The part of a row that rulings of one kind share: ,"verdict":... */
struct shape {
	struct verdict v; /* without instants */
	struct buf text;
};

struct part {
	const struct check *check;
	struct decide_list list;
	struct shape shapes[SHAPES];
	size_t n_shapes;
	struct buf rows;
	int rc;
	struct error err;
};

struct check {
	struct api_call *c;
	struct decide_in ask;
	int64_t now_ms;
	bool lines;
	struct decide_one *v; /* of a block */
	size_t n, total;
	struct part parts[THREADS_MAX];
	size_t n_parts;
};

/* An address is UTF-8 without control characters. */
static void put_address(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	for (size_t at = 0; at < s.n;) {
		size_t n = 0;

		while (
		    at + n < s.n && s.p[at + n] != '"' && s.p[at + n] != '\\')
			n++;
		buf_add(b, str_cut(s, at, n));
		at += n;
		if (at == s.n)
			break;
		buf_addc(b, '\\');
		buf_addc(b, s.p[at++]);
	}
	buf_addc(b, '"');
}

static bool is_like(const struct verdict *a, const struct verdict *b)
{
	return a->action == b->action && a->reason == b->reason &&
	       a->suppression == b->suppression && a->rule == b->rule &&
	       a->shadowed == b->shadowed && a->would == b->would;
}

static void make_shape(struct part *p, const struct decide_out *out,
    const struct verdict *v, struct shape *shape)
{
	struct value *o = value_new_object();
	struct buf dumped;

	shape->v = *v;
	buf_init(&dumped, SHAPE_MAX);
	value_put_str(o, "segment", p->check->ask.segment);
	show_ruling(o, out->policy, v);
	show_mode(o, p->check->c->app->conf, out->policy);
	if (p->rc == 0)
		p->rc = value_dump(o, &dumped);
	buf_reset(&shape->text);
	if (p->rc == 0) /* without braces and line end */
		buf_add(
		    &shape->text, str_cut(buf_str(&dumped), 1, dumped.n - 3));
	if (p->rc == 0)
		p->rc = buf_error(&shape->text);
	buf_fini(&dumped);
	value_free(&o);
}

static struct str shape_of(
    struct part *p, const struct decide_out *out, const struct verdict *v)
{
	struct shape *s = NULL;

	for (size_t i = 0; i < SHAPES && s == NULL; i++)
		if (p->shapes[i].text.n > 0 && is_like(&p->shapes[i].v, v))
			s = &p->shapes[i];
	if (s == NULL) {
		s = &p->shapes[p->n_shapes++ % SHAPES];
		make_shape(p, out, v, s);
	}
	return buf_str(&s->text);
}

static void put_verdict(
    struct part *p, const struct decide_out *out, const struct decide_one *one)
{
	char time[CLOCK_TEXT];
	int64_t earliest_ms = one->verdict.earliest_ms;
	struct buf *b = &p->rows;

	buf_add(b, STR("{\"address\":"));
	put_address(b, one->recipient.text);
	buf_addc(b, ',');
	buf_add(b, shape_of(p, out, &one->verdict));
	buf_add(b, STR(",\"earliest\":"));
	if (earliest_ms == 0) {
		buf_add(b, STR("null}"));
		return;
	}
	clock_format(earliest_ms, time);
	buf_addc(b, '"');
	buf_addz(b, time);
	buf_add(b, STR("\"}"));
}

/* Told of that one alone. */
static void put_error(struct part *p, const struct decide_one *one)
{
	struct value *o = value_new_object();
	struct error err = {0};
	struct address unused;

	if (address_parse(p->list.arena, one->text, &unused, &err) == 0)
		bug("an address that was none");
	value_put_str(o, "address", one->text);
	value_put_str(o, "error", str_of(err.text));
	if (p->rc == 0)
		p->rc = value_dump(o, &p->rows);
	if (p->rc == 0)
		buf_truncate(&p->rows, p->rows.n - 1);
	value_free(&o);
}

static void put_rows(struct part *p, const struct decide_out *out)
{
	const char *between = p->check->lines ? "\n" : ",";

	for (size_t i = 0; p->rc == 0 && i < p->list.n; i++) {
		const struct decide_one *one = &p->list.v[i];

		if (one->rc == 0)
			put_verdict(p, out, one);
		else
			put_error(p, one);
		buf_addz(&p->rows, between);
	}
	if (p->rc == 0)
		p->rc = buf_error(&p->rows);
}

static void *run_part(void *arg)
{
	struct part *p = arg;
	const struct check *k = p->check;
	struct decide_out out;

	arena_reset(p->list.arena);
	buf_reset(&p->rows);
	for (size_t i = 0; i < SHAPES; i++)
		buf_reset(&p->shapes[i].text); /* of another policy, perhaps */
	p->rc = decide_many(
	    k->c->app->store, &k->ask, k->now_ms, &p->list, &out, &p->err);
	if (p->rc == ERR_LIMIT) /* arenas hold a block: memory is what lacks */
		p->rc = -ENOMEM;
	if (p->rc == 0)
		put_rows(p, &out);
	decide_fini(&out);
	return NULL;
}

static int parts_open(struct check *k)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	k->n_parts = cpus < 1             ? 1
		     : cpus < THREADS_MAX ? (size_t)cpus
					  : (size_t)THREADS_MAX;
	for (size_t i = 0; i < k->n_parts; i++) {
		struct part *p = &k->parts[i];

		p->check = k;
		p->list.arena = arena_new(ARENA_MAX);
		buf_init(&p->rows, ROWS_MAX);
		for (size_t s = 0; s < SHAPES; s++)
			buf_init(&p->shapes[s].text, SHAPE_MAX);
		if (p->list.arena == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void parts_close(struct check *k)
{
	for (size_t i = 0; i < k->n_parts; i++) {
		struct part *p = &k->parts[i];

		arena_free(&p->list.arena);
		buf_fini(&p->rows);
		for (size_t s = 0; s < SHAPES; s++)
			buf_fini(&p->shapes[s].text);
	}
}

/* The first part on this thread, and those for which none can be had. */
static void run_parts(struct check *k, size_t n)
{
	pthread_t threads[THREADS_MAX];
	bool started[THREADS_MAX] = {false};

	for (size_t i = 1; i < n; i++)
		started[i] = pthread_create(&threads[i], NULL, run_part,
				 &k->parts[i]) == 0;
	for (size_t i = 0; i < n; i++)
		if (!started[i])
			(void)run_part(&k->parts[i]);
	for (size_t i = 1; i < n; i++)
		if (started[i])
			(void)pthread_join(threads[i], NULL);
}

static int check_block(struct check *k)
{
	size_t n = 1 + k->n / A_THREAD, from = 0;
	int rc = 0;

	n = n < k->n_parts ? n : k->n_parts;
	for (size_t i = 0; i < n; i++) {
		size_t to = k->n * (i + 1) / n;

		k->parts[i].list.v = k->v + from;
		k->parts[i].list.n = to - from;
		from = to;
	}
	run_parts(k, n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = k->parts[i].rc;
		if (rc != 0)
			k->c->err = k->parts[i].err;
		buf_add(k->c->raw, buf_str(&k->parts[i].rows));
	}
	k->n = 0;
	if (rc == 0)
		rc = buf_error(k->c->raw);
	if (rc == ERR_LIMIT)
		(void)error_set(
		    &k->c->err, rc, "the answer is too long: ask for fewer");
	return rc;
}

static int check_next(struct check *k, struct str text)
{
	if (++k->total > CHECK_MAX)
		return error_set(&k->c->err, ERR_LIMIT,
		    "more than %d recipients", CHECK_MAX);
	k->v[k->n++] = (struct decide_one){.text = text};
	return k->n == BLOCK ? check_block(k) : 0;
}

static int check_all(struct check *k)
{
	const struct value *v = value_get(k->c->body, "recipients");
	struct str rest = k->c->body == NULL ? k->c->rq->body : STR_NULL;
	struct str line;
	int rc = 0;

	if (k->c->body != NULL && !value_is_array(v))
		return error_set(&k->c->err, ERR_SYNTAX,
		    "\"recipients\" is missing, or no array");
	for (size_t i = 0; rc == 0 && i < value_count(v); i++)
		rc = check_next(k, value_as_str(value_at(v, i)));
	while (rc == 0 && str_next(&rest, '\n', &line))
		if (str_trim(line).n > 0)
			rc = check_next(k, str_trim(line));
	return rc == 0 && k->n > 0 ? check_block(k) : rc;
}

static int check_run(struct check *k)
{
	int rc = parts_open(k);

	k->v = fault_alloc() ? NULL : calloc(BLOCK, sizeof(*k->v));
	if (rc == 0 && k->v == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = check_all(k);
	free(k->v);
	parts_close(k);
	return rc;
}

/* recipients: an array, or a body of text/plain with one a line. With
 * lines=1 the reply is one object a line, else {"results": [...]}. */
int api_check(struct api_call *c)
{
	struct check k = {.c = c,
	    .now_ms = clock_now_ms(),
	    .lines = api_flag(c, "lines"),
	    .ask = {.mode = DECIDE_SEND,
		.stream = api_arg(c, "stream"),
		.campaign = api_arg(c, "campaign"),
		.log_followed = true,
		.may_hold = true}};
	struct str domain = api_arg(c, "domain");
	int rc = api_need(c, "segment", &k.ask.segment);

	if (rc == 0 && domain.n > 0)
		rc = domain_parse(
		    c->rq->arena, domain, &k.ask.from_domain, &c->err);
	if (rc == 0)
		rc = api_until(c, "at", &k.now_ms);
	if (rc != 0)
		return rc;
	c->raw_type = k.lines ? "application/x-ndjson" : "application/json";
	if (!k.lines)
		buf_add(c->raw, STR("{\"results\":["));
	rc = check_run(&k);
	if (rc != 0 || k.lines)
		return rc;
	if (k.total > 0) /* the comma behind the last */
		buf_truncate(c->raw, c->raw->n - 1);
	buf_add(c->raw, STR("]}\n"));
	return buf_error(c->raw);
}
