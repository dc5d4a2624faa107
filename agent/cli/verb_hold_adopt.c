/* verb_hold_adopt.c - tendril hold adopt: local mail that waits in Postfix's
 * hold queue because nothing of ours could look at it when it came: the milter
 * was down, or ledger and spool were unusable. Nothing has decided, counted or
 * signed it, and `postsuper -H` would let it go like that. Here it becomes an
 * undecided copy, which the agent takes through the whole verdict.
 *
 * Copied, then deleted there, then committed (policy/spool/stage.h): killed
 * between any two of these, the next call goes on where that one ended. If the
 * MTA has it no more by then, either that call deleted it or somebody let it go
 * meanwhile, which the MTA's log tells.
 * Needs root, since Postfix's programs do; the agent may be down. */
#include "agent/cli/verb_hold_adopt.h"
#include "agent/cli/offline.h"
#include "agent/cli/out.h"
#include "agent/cli/postfix.h"
#include "agent/in/mtalog_released.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"
#include "policy/mail/addrlist.h"
#include "policy/mail/token.h"
#include "policy/rules/recognise.h"
#include "policy/spool/stage.h"
#include "policy/state/copy.h"
#include "policy/state/message.h"
#include "policy/state/trace.h"

#include <time.h>

enum {
	SLOTS_MAX = 1000,
	SLOT_PAUSES = 100, /* ten seconds */
	SLOT_PAUSE_NS = 100 * 1000 * 1000,
};

/* A copy that is not decided yet. */
struct undecided {
	struct undecided *next;
	struct str queue_id;
	uint64_t copy_id;
	int64_t changed_ms;
};

struct adopt {
	struct cli *c;
	const char *postfix; /* configuration folder, or NULL */
	struct ledger *ledger;
	struct spool *spool;
	struct stage *stage;
	struct undecided *undecided; /* in the arena */
	bool is_listed;              /* they were looked for */
};

/* What became of one. */
struct result {
	struct str queue_id;
	const char *what; /* "adopted", "left" */
	const char *why;  /* left */
	uint64_t copy_id;
	struct str stream, segment;
	size_t recipients;
};

static int report(struct adopt *a, const struct result *r)
{
	struct value *o;
	int code;

	if (!a->c->json && r->why != NULL)
		return cli_fail(
		    CLI_NO, "%.*s: %s", STR_ARG(r->queue_id), r->why);
	if (!a->c->json) {
		out_line("%.*s: adopted as copy %llu: it is decided now",
		    STR_ARG(r->queue_id), (unsigned long long)r->copy_id);
		return CLI_DONE;
	}
	o = value_new_object();
	value_put_str(o, "queue_id", r->queue_id);
	value_put_str(o, "result", str_of(r->what));
	if (r->why != NULL) {
		value_put_str(o, "why", str_of(r->why));
	} else {
		value_put_str(o, "copy",
		    str_of(arena_printf(
			a->c->arena, "%llu", (unsigned long long)r->copy_id)));
		if (r->stream.n > 0) {
			value_put_str(o, "stream", r->stream);
			value_put_str(o, "segment", r->segment);
			value_put_i64(o, "recipients", (int64_t)r->recipients);
		}
	}
	code = cli_json(o);
	value_free(&o);
	return code == CLI_DONE && r->why != NULL ? CLI_NO : code;
}

/* Not adopted, and why. */
static int left(struct adopt *a, struct str queue_id, const char *why)
{
	return report(a,
	    &(struct result){.queue_id = queue_id, .what = "left", .why = why});
}

/* --- do we have it? --- */

struct find {
	struct adopt *a;
	struct str queue_id;
	int64_t since_ms; /* added later */
	uint64_t copy_id;
};

static int list_one(void *arg, uint64_t id, int64_t changed_ms)
{
	struct adopt *a = arg;
	struct spool_copy *copy = NULL;
	struct undecided *u;
	struct error unused;

	if (spool_read(a->spool, id, &copy, &unused) != 0)
		return 0;
	u = arena_alloc(a->c->arena, sizeof(*u));
	if (u != NULL) {
		*u = (struct undecided){a->undecided,
		    arena_str(a->c->arena, spool_copy_envelope(copy)->queue_id),
		    id, changed_ms};
		a->undecided = u;
	}
	spool_copy_free(&copy);
	return u != NULL && u->queue_id.p != NULL ? 0 : ERR_LIMIT;
}

/* Read once a call: what the MTA holds by then came before, and with --all
 * there may be thousands of both. */
static int list_undecided(struct adopt *a)
{
	struct error unused;
	int rc = a->is_listed ? 0
			      : spool_each(a->spool, SPOOL_UNDECIDED, list_one,
				    a, &unused);

	a->is_listed = rc == 0;
	return rc;
}

static void find_undecided(struct find *f)
{
	for (const struct undecided *u = f->a->undecided; u != NULL;
	     u = u->next)
		if (u->changed_ms > f->since_ms &&
		    str_eq(u->queue_id, f->queue_id))
			f->copy_id = u->copy_id;
}

static int find_event(struct find *f, const struct ledger_txn *t, uint64_t seq)
{
	struct event_copy_added e;
	struct event ev;
	int rc = event_get(t, seq, &ev);

	if (rc != 0 || ev.type != EV_COPY_ADDED || ev.time_ms <= f->since_ms)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = copy_decode_added(ev.payload, &e);
	if (rc == 0 && str_eq(e.queue_id, f->queue_id))
		f->copy_id = e.id;
	return rc;
}

/* Also of a copy that has gone its way. */
static int find_in_ledger(struct find *f)
{
	uint32_t tag = trace_tag_queue(f->queue_id);
	struct trace_want want = {.queues = &tag, .n_queues = 1};
	struct ledger_txn *t = NULL;
	struct trace_iter it;
	uint64_t seq;
	int rc = ledger_read_begin(f->a->ledger, &t);

	if (rc == 0)
		rc = trace_open(t, &want, 0, &it);
	if (rc != 0) {
		ledger_read_end(&t);
		return rc;
	}
	while (f->copy_id == 0 && (rc = trace_next(&it, &seq)) == 0) {
		rc = find_event(f, t, seq);
		if (rc != 0)
			break;
	}
	trace_close(&it);
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The milter took it over, and was gone before the MTA had heard of it. What
 * came before this message is about another one that had its queue id. The
 * spool first: the agent may take a copy from there to the ledger meanwhile. */
static int find_copy(struct adopt *a, struct str queue_id, int64_t arrived_ms,
    uint64_t *copy_id_out)
{
	struct find f = {a, queue_id, arrived_ms - WHEN_SECOND_MS, 0};
	int rc = list_undecided(a);

	if (rc == 0)
		find_undecided(&f);
	if (rc == 0 && f.copy_id == 0)
		rc = find_in_ledger(&f);
	*copy_id_out = f.copy_id;
	return rc;
}

/* --- is it ours? --- */

/* What the ledger has of a queue id. */
struct decided {
	bool ever;  /* the milter decided this message and said yes */
	bool still; /* and its slot was not given back */
};

static int look_up(struct adopt *a, struct str queue_id, struct decided *out)
{
	uint64_t ids[SLOTS_MAX];
	struct ledger_txn *t = NULL;
	struct message_record r;
	size_t n = 0;
	int rc = ledger_read_begin(a->ledger, &t);

	*out = (struct decided){0};
	if (rc == 0)
		rc = message_by_queue(t, queue_id, ids, SLOTS_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = message_read(t, ids[i], &r);
		out->ever |= rc == 0;
		out->still |= rc == 0 && r.state != SLOT_RELEASED;
	}
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static bool is_ours(const struct conf_stream *s)
{
	return s != NULL && (s->class == CONF_CLASS_NURTURE ||
				s->class == CONF_CLASS_ONE_TO_ONE ||
				s->class == CONF_CLASS_TRANSACTIONAL);
}

/* By us. */
static bool is_signed(const struct conf *conf, const struct postfix_message *m)
{
	const struct header *h;

	for (size_t i = 0;
	     (h = header_find(&m->headers, STR("DKIM-Signature"), i)) != NULL;
	     i++)
		for (size_t k = 0; k < conf->n_keys; k++)
			if (str_contains(h->value, conf->keys[k].domain) &&
			    str_contains(h->value, conf->keys[k].selector))
				return true;
	return false;
}

/* Signed, by one key at least, and no field left that is to go. */
static bool is_finished(
    const struct conf *conf, const struct postfix_message *m)
{
	for (size_t i = 0; i < m->headers.n; i++)
		if (str_istarts(m->headers.v[i].name, STR("X-Tendril-")) &&
		    !str_ieq(m->headers.v[i].name, STR(TOKEN_FIELD)))
			return false;
	return is_signed(conf, m);
}

/* What is to be said of a message that was decided; NULL: it is as it came.
 * X-Tendril-Id or a signature is the first change of all
 * (policy/mail/compose.h, milter/transform.c). */
static const char *why_not_again(
    struct adopt *a, const struct decided *d, const struct postfix_message *m)
{
	if (is_finished(a->c->conf, m))
		return d->still
			   ? "was not put on hold by Tendril: it was decided "
			     "and signed, and counts (postsuper -H lets it go)"
			   : "was decided and signed, and counts no more: "
			     "delete it (postsuper -d) and have it sent again";
	if (header_find(&m->headers, STR(TOKEN_FIELD), 0) != NULL ||
	    is_signed(a->c->conf, m))
		return "was decided, and the milter ended while it changed it: "
		       "delete it (postsuper -d) and have it sent again";
	if (d->still && a->c->conf->mta_log.file.n == 0)
		return "was decided, and the milter ended before it could sign "
		       "it; without the MTA's log its slot is not given back: "
		       "delete it (postsuper -d) and have it sent again";
	return NULL;
}

static const char *why_no_stream(const struct decided *d)
{
	if (d->ever)
		return "was decided and never signed, and no stream takes it "
		       "from sendmail(1) now: delete it (postsuper -d) and "
		       "have it sent again";
	return "is none of Tendril's mail: no stream takes it from sendmail(1) "
	       "(postsuper -H lets it go)";
}

/* NULL: it may be adopted, *stream_out tells as what. */
static const char *why_not(struct adopt *a, struct str queue_id,
    const struct postfix_message *m, const struct conf_stream **stream_out)
{
	struct recognise_origin local = {.local = true};
	struct decided d;
	const char *why = NULL;
	uint64_t copy_id;
	bool unused;
	int rc = look_up(a, queue_id, &d);

	*stream_out = NULL;
	if (rc == 0)
		rc = find_copy(a, queue_id, m->arrived_ms, &copy_id);
	if (rc != 0)
		return arena_printf(a->c->arena,
		    "whether it was decided cannot be known: %s",
		    error_text(rc));
	if (copy_id != 0)
		return arena_printf(a->c->arena,
		    "Tendril took it over as copy %llu, which goes its way: "
		    "delete it here (postsuper -d)",
		    (unsigned long long)copy_id);
	if (!m->local)
		return "was not put on hold by Tendril: it came by SMTP";
	if (d.ever)
		why = why_not_again(a, &d, m);
	if (why != NULL)
		return why;
	*stream_out = recognise_stream(
	    a->c->conf, &local, m->sender, &m->headers, &unused);
	if (!is_ours(*stream_out))
		return why_no_stream(&d);
	return m->rcpts.n > 0 ? NULL : "has no recipients";
}

/* --- the steps --- */

/* For the breaker, and for stops of a domain: as the milter has it. */
static int from_domain_of(
    struct adopt *a, const struct postfix_message *m, struct str *out)
{
	struct addrlist from = {0};
	const struct header *h;
	size_t at = 0;
	int rc = 0;

	while (
	    rc == 0 && (h = header_next(&m->headers, STR("From"), &at)) != NULL)
		rc = addrlist_add(&from, a->c->arena, h->value);
	*out = from.n == 1 ? from.v[0].addr.domain : STR("");
	return rc;
}

static int write_copy(struct adopt *a, struct str queue_id,
    const struct postfix_message *m, const struct conf_stream *stream,
    struct result *r, struct error *err)
{
	struct arena *arena = a->c->arena;
	struct envelope_rcpt *v = arena_array(arena, m->rcpts.n, sizeof(*v));
	struct envelope e = {.kind = COPY_UNDECIDED,
	    .local = true,
	    .arrived_ms = m->arrived_ms > 0 ? m->arrived_ms : clock_now_ms(),
	    .sender = m->sender,
	    .rcpts = v,
	    .n_rcpts = m->rcpts.n,
	    .stream = stream->name,
	    .queue_id = queue_id};
	struct spool_message bytes = {&m->headers, buf_str(&m->body)};
	int rc = v != NULL ? recognise_labels(stream, &m->headers, arena,
				 &e.segment, &e.campaign)
			   : ERR_LIMIT;

	if (rc == 0)
		rc = from_domain_of(a, m, &e.from_domain);
	if (rc != 0)
		return error_set(err, rc, "%s", error_text(rc));
	for (size_t i = 0; i < m->rcpts.n; i++)
		v[i].address = m->rcpts.v[i];
	r->stream = e.stream;
	r->segment = e.segment;
	r->recipients = m->rcpts.n;
	return stage_add(a->stage, queue_id, &e, &bytes, err);
}

/* The milter may have been killed behind the decision: then the message has a
 * slot, and would be taken for a second one of itself until the log tells that
 * it was deleted. */
static int wait_for_slot(struct adopt *a, struct str queue_id)
{
	static const struct timespec pause = {.tv_nsec = SLOT_PAUSE_NS};
	struct decided d = {.still = true};
	int rc = 0;

	for (int i = 0; rc == 0 && d.still && i < SLOT_PAUSES; i++) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		rc = look_up(a, queue_id, &d);
	}
	if (rc != 0)
		return cli_fail(CLI_AGAIN, "ledger: %s", error_text(rc));
	return !d.still ? CLI_DONE
			: cli_fail(CLI_AGAIN,
			      "%.*s: is copied; it counts until the agent has "
			      "read in the MTA's log that it left the queue: "
			      "then adopt it again",
			      STR_ARG(queue_id));
}

static int commit(struct adopt *a, struct result *r)
{
	struct error err = {0};
	int rc, code = wait_for_slot(a, r->queue_id);

	if (code != CLI_DONE)
		return code;
	rc = stage_commit(
	    a->stage, r->queue_id, clock_now_ms(), &r->copy_id, &err);
	r->what = "adopted";
	return rc == 0 ? report(a, r) : cli_error(rc, &err);
}

/* Somebody else took it out of the hold queue: it is his. */
static int give_up(struct adopt *a, struct str queue_id)
{
	struct error err = {0};
	int rc = stage_remove(a->stage, queue_id, &err);

	return rc == 0 ? left(a, queue_id,
			     "has left the hold queue by another hand")
		       : cli_error(rc, &err);
}

/* Copied by a call before this one: did that delete it, or did somebody let it
 * go meanwhile? */
static int resume_absent(
    struct adopt *a, struct str queue_id, int64_t copied_ms)
{
	struct result r = {.queue_id = queue_id};
	struct error err = {0};
	int let_go =
	    mtalog_released(&a->c->conf->mta_log, queue_id, copied_ms, &err);

	if (let_go < 0)
		return cli_error(let_go, &err);
	return let_go ? give_up(a, queue_id) : commit(a, &r);
}

/* copied_ms: when a call before this one copied it, which may have deleted it
 * too; 0: this one did. */
static int finish(struct adopt *a, struct result *r, int64_t copied_ms)
{
	struct postfix_message m;
	bool deleted, found;
	int code = postfix_delete_held(a->c, a->postfix, r->queue_id, &deleted);

	if (code != CLI_DONE || deleted)
		return code != CLI_DONE ? code : commit(a, r);
	if (copied_ms == 0)
		return give_up(a, r->queue_id);
	code = postfix_read(a->c, a->postfix, r->queue_id, &m, &found);
	postfix_message_fini(&m);
	if (found)
		return code == CLI_DONE ? give_up(a, r->queue_id) : code;
	return code == CLI_NO ? resume_absent(a, r->queue_id, copied_ms) : code;
}

static int adopt_held(
    struct adopt *a, struct str queue_id, const struct postfix_message *m)
{
	struct result r = {.queue_id = queue_id};
	const struct conf_stream *stream;
	struct error err = {0};
	const char *why = why_not(a, queue_id, m, &stream);
	int rc;

	if (why != NULL)
		return left(a, queue_id, why);
	rc = write_copy(a, queue_id, m, stream, &r, &err);
	return rc == 0 ? finish(a, &r, 0) : cli_error(rc, &err);
}

/* --- already? --- */

static int is_it(void *arg, uint64_t id, int64_t changed_ms)
{
	struct find *f = arg;
	struct spool_copy *copy = NULL;
	struct error unused;

	(void)changed_ms;
	if (spool_read(f->a->spool, id, &copy, &unused) == 0 &&
	    str_eq(spool_copy_envelope(copy)->queue_id, f->queue_id))
		f->copy_id = id;
	spool_copy_free(&copy);
	return f->copy_id != 0;
}

static const char *why_absent(struct adopt *a, struct str queue_id)
{
	struct find f = {.a = a, .queue_id = queue_id};
	struct error err = {0};
	int rc = spool_each(a->spool, SPOOL_UNDECIDED, is_it, &f, &err);

	if (rc == 0)
		rc = spool_each(a->spool, SPOOL_COPIES, is_it, &f, &err);
	if (rc == 1)
		return arena_printf(a->c->arena,
		    "was adopted already, and waits as copy %llu",
		    (unsigned long long)f.copy_id);
	return "is not in the hold queue (nor waits with us: if it was adopted,"
	       " it has gone its way)";
}

static int adopt_found(struct adopt *a, struct str queue_id,
    const struct postfix_message *m, int64_t copied_ms)
{
	struct result r = {.queue_id = queue_id};
	bool resumed = copied_ms != 0;

	if (!str_eq(m->queue, STR("hold")))
		return resumed ? give_up(a, queue_id)
			       : left(a, queue_id,
				     arena_printf(a->c->arena,
					 "is not in the hold queue: the "
					 "queue %.*s has it",
					 STR_ARG(m->queue)));
	return resumed ? finish(a, &r, copied_ms) : adopt_held(a, queue_id, m);
}

static int adopt_one(struct adopt *a, struct str queue_id)
{
	struct error err = {0};
	struct postfix_message m = {0};
	int64_t copied_ms;
	bool found;
	int code, resumed = stage_has(a->stage, queue_id, &copied_ms, &err);

	if (resumed < 0)
		return cli_error(resumed, &err);
	code = postfix_read(a->c, a->postfix, queue_id, &m, &found);
	if (found && code == CLI_DONE)
		code = adopt_found(a, queue_id, &m, copied_ms);
	else if (!found && code == CLI_NO)
		code = resumed == 1
			   ? resume_absent(a, queue_id, copied_ms)
			   : left(a, queue_id, why_absent(a, queue_id));
	postfix_message_fini(&m);
	return code;
}

/* --- all --- */

struct unfinished {
	struct adopt *a;
	int code;
};

static int adopt_unfinished(void *arg, struct str queue_id)
{
	struct unfinished *u = arg;
	struct str id = arena_str(u->a->c->arena, queue_id);

	u->code = id.p != NULL ? adopt_one(u->a, id)
			       : cli_fail(CLI_AGAIN, "out of memory");
	return u->code != CLI_DONE && u->code != CLI_NO;
}

/* What a call that was killed has left, then all that is held. */
static int adopt_all(struct adopt *a)
{
	struct unfinished u = {a, CLI_DONE};
	struct error err = {0};
	struct strs ids;
	int code, rc = stage_each(a->stage, adopt_unfinished, &u, &err);

	if (rc != 0)
		return rc < 0 ? cli_error(rc, &err) : u.code;
	code = postfix_held(a->c, a->postfix, &ids);
	for (size_t i = 0; code == CLI_DONE && i < ids.n; i++) {
		code = adopt_one(a, ids.v[i]);
		if (code == CLI_NO)
			code = CLI_DONE;
	}
	return code;
}

static int open_parts(struct adopt *a)
{
	struct error err = {0};
	int rc, code = offline_open(a->c, NULL, 0, &a->ledger);

	if (code != CLI_DONE)
		return code;
	rc = spool_open(&a->spool, a->c->conf->state_dir, &err);
	if (rc == 0)
		rc = stage_open(&a->stage, a->spool, &err);
	return rc == 0 ? CLI_DONE : cli_error(rc, &err);
}

int verb_hold_adopt(struct cli *c)
{
	struct adopt a = {.c = c, .postfix = cli_opt(c, "postfix")};
	bool all = cli_opt(c, "all") != NULL;
	int code;

	if (all == (c->n_operands > 0))
		return cli_fail(
		    CLI_USAGE, "either a queue id or --all is wanted");
	code = open_parts(&a);
	if (code == CLI_DONE)
		code = all ? adopt_all(&a) : adopt_one(&a, cli_operand(c, 0));
	stage_close(&a.stage);
	spool_close(&a.spool);
	ledger_close(&a.ledger);
	return code;
}
