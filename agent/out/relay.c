/* relay.c - see relay.h. What is to be sent is copied out of the ledger's
 * transaction, which has ended when the network is waited for. */
#include "agent/out/relay.h"

#include "agent/out/http.h"
#include "agent/out/nondelivery.h"
#include "agent/out/submit.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/message.h"
#include "policy/state/outbox.h"
#include "policy/state/person.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SENDS_A_STEP = 4,
	LOOKS_A_STEP = 100, /* also at rows whose host is left alone */
	ARENA_MAX = 1 << 20,
	POLL_MS = 1000,
	HOSTS = 16,
	HOST_MAX = 300,
};
#define LEAVE_ALONE_MS WHEN_MINUTE_MS

struct host {
	char name[HOST_MAX];
	int64_t until_ms; /* monotonic */
};

struct relay {
	struct app *app;
	struct http *http;
	struct submit *submit; /* NULL: no release listener */
	struct arena *arena;   /* of the row in work */
	struct outbox_cursor cursor;
	struct host hosts[HOSTS];
	size_t next_host;
	int64_t rest_until_ms; /* monotonic: what was sent is not recorded */
};

/* One row, opened; in the arena. */
struct job {
	struct outbox_record row;
	struct str target, diagnostic, status, address, queue_id;
	int64_t sent_ms; /* the message */
	bool lost;       /* its lead's key is gone: nothing can be sent */
};

int relay_open(struct relay **out, struct app *app, struct error *err)
{
	struct relay *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	struct http_options o = {
	    .allow_private = app->conf->agent.relay_private,
	    .stop = &app->stopping,
	};
	int rc;

	*out = NULL;
	if (r == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r->app = app;
	r->arena = arena_new(ARENA_MAX);
	rc = r->arena != NULL ? http_init(err)
			      : error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = http_open(&r->http, &o, err);
	if (rc == 0 && app->conf->agent.release.n > 0)
		rc = submit_open(&r->submit, app, err);
	if (rc != 0)
		relay_close(&r);
	*out = r;
	return rc;
}

void relay_close(struct relay **r)
{
	if (*r == NULL)
		return;
	submit_close(&(*r)->submit);
	http_close(&(*r)->http);
	arena_free(&(*r)->arena);
	free(*r);
	*r = NULL;
}

/* --- hosts that do not answer --- */

static bool is_left_alone(const struct relay *r, const char *host)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < HOSTS; i++)
		if (r->hosts[i].until_ms > now &&
		    strcmp(r->hosts[i].name, host) == 0)
			return true;
	return false;
}

static void leave_alone(struct relay *r, const char *host)
{
	struct host *h = &r->hosts[r->next_host];

	r->next_host = (r->next_host + 1) % HOSTS;
	memcpy(h->name, host, strlen(host) + 1);
	h->until_ms = clock_mono_ms() + LEAVE_ALONE_MS;
}

/* --- the next row --- */

static int open_fields(struct relay *r, const struct ledger_txn *t,
    const struct person *p, struct job *j)
{
	enum person_field field = j->row.kind == OUTBOX_OPT_OUT
				      ? PERSON_APP_ONE_CLICK
				      : PERSON_APP_SENDER;
	struct message_record m;
	int rc =
	    person_open_field(p, field, j->row.target, r->arena, &j->target);

	if (rc == 0)
		rc = person_open_field(p, PERSON_DIAGNOSTIC, j->row.diagnostic,
		    r->arena, &j->diagnostic);
	if (rc == 0)
		rc = person_address(
		    r->app->store, t, &j->row.lead, r->arena, &j->address);
	if (rc == 0 && message_read(t, j->row.message_id, &m) == 0) {
		j->sent_ms = m.proposed_ms;
		j->queue_id = arena_str(r->arena, m.queue_id);
	}
	j->status = arena_str(r->arena, j->row.status);
	return rc == 0 && j->status.p == NULL ? ERR_LIMIT : rc;
}

static int read_job(struct relay *r, const struct ledger_txn *t, struct job *j)
{
	struct person p = {0};
	int rc = outbox_next_due(t, clock_now_ms(), &r->cursor, &j->row);

	if (rc != 0)
		return rc;
	rc = person_open_id(&p, r->app->store, t, &j->row.lead);
	if (rc == 0)
		rc = open_fields(r, t, &p, j);
	person_fini(&p);
	j->lost = rc == ERR_NOT_FOUND || rc == ERR_CRYPTO || rc == ERR_KEY;
	return j->lost ? 0 : rc;
}

/* ERR_NOT_FOUND: none is due behind the cursor. */
static int next_job(struct relay *r, struct job *j)
{
	struct ledger_txn *t = NULL;
	int rc;

	*j = (struct job){0};
	arena_reset(r->arena);
	rc = ledger_read_begin(r->app->store->ledger, &t);
	if (rc == 0)
		rc = read_job(r, t, j);
	ledger_read_end(&t);
	/* borrowed, and the transaction is over */
	j->row.target = j->row.diagnostic = j->row.status = STR_NULL;
	return rc;
}

/* --- sending --- */

static void send_opt_out(struct relay *r, const struct job *j, const char *host,
    struct outbox_tried *out, struct error *err)
{
	int status;
	int rc = http_post(r->http, j->target,
	    STR("List-Unsubscribe=One-Click"), &status, err);

	if (rc == ERR_UNAVAILABLE)
		leave_alone(r, host);
	if (rc == 0 && (status < 200 || status > 299))
		(void)error_set(err, ERR_DENIED, "HTTP status %d", status);
	out->code = rc == 0 ? (uint32_t)status : 0;
	out->done = rc == 0 && status >= 200 && status <= 299;
	out->hopeless = rc == ERR_DENIED;
}

static void make_plain(char *p)
{
	for (; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* The application had its own envelope sender there before ours. */
static int write_report(
    const struct relay *r, const struct job *j, struct buf *out)
{
	struct envelope_rcpt rcpt = {.address = j->address};
	struct envelope e = {.sender = j->target,
	    .rcpts = &rcpt,
	    .n_rcpts = 1,
	    .arrived_ms = j->sent_ms};
	struct nondelivery n = {.copy_id = j->row.message_id,
	    .relayed = true,
	    .host = r->app->conf->authserv_id,
	    .envelope = &e,
	    .status = j->status,
	    .now_ms = clock_now_ms()};
	char *reason, *head, *said;

	head =
	    arena_printf(r->arena, "To: <%.*s>\r\n\r\n", STR_ARG(j->address));
	reason = arena_printf(r->arena, "%s%s%.*s",
	    bounce_reason_name(j->row.reason), j->diagnostic.n > 0 ? ": " : "",
	    STR_ARG(j->diagnostic));
	said = arena_printf(r->arena, "%.*s", STR_ARG(j->diagnostic));
	if (head == NULL || reason == NULL || said == NULL)
		return ERR_LIMIT;
	make_plain(reason);
	make_plain(said);
	n.message = str_of(head);
	n.reason = str_of(reason);
	n.queue_id = j->queue_id;
	n.diagnostic = str_of(said);
	return nondelivery_write(&n, out);
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void send_bounce(struct relay *r, const struct job *j,
    struct outbox_tried *out, struct error *err)
{
	struct submit_result result;
	bool utf8 = !is_ascii(j->target) || !is_ascii(j->address);
	struct buf b;
	int rc;

	if (r->submit == NULL) {
		(void)error_set(err, ERR_UNAVAILABLE, "no release listener");
		return;
	}
	buf_init(&b, NONDELIVERY_MAX);
	rc = write_report(r, j, &b);
	if (rc != 0)
		(void)error_of(err, rc, "report");
	else {
		submit_report(r->submit,
		    &(struct submit_mail){.id = j->row.message_id,
			.to = j->target,
			.utf8 = utf8,
			.message = buf_str(&b)},
		    &result, err);
		out->code = (uint32_t)result.reply.code;
		out->done = result.outcome == SUBMIT_SENT;
		out->hopeless = result.outcome == SUBMIT_REFUSED;
	}
	buf_fini(&b);
}

/* --- what became of it --- */

struct record {
	const struct outbox_tried *tried;
	enum outbox_state state;
};

static int record_fn(struct door_ctx *ctx, void *arg)
{
	struct record *r = arg;

	return outbox_emit_tried(ctx, r->tried, &r->state);
}

static int record(struct relay *r, const struct outbox_tried *t,
    const struct error *why, struct error *err)
{
	struct record rec = {.tried = t};
	int rc = door_propose(r->app->store->door, record_fn, &rec, err);

	if (rc != 0) {
		r->rest_until_ms = clock_mono_ms() + LEAVE_ALONE_MS;
		return rc;
	}
	LOG_EV(rec.state == OUTBOX_GIVEN_UP ? LOG_LEVEL_ERR : LOG_LEVEL_NOTICE,
	    "relay", KV_I64("msg", (int64_t)t->message_id),
	    KV_Z("kind", outbox_kind_name(t->kind)),
	    KV_Z("result", outbox_state_name(rec.state)),
	    KV_I64("code", t->code), KV_Z("error", why->text));
	return 0;
}

/* *sent_out: false where the row's host is left alone. */
static int work(
    struct relay *r, const struct job *j, bool *sent_out, struct error *err)
{
	struct outbox_tried t = {
	    .message_id = j->row.message_id, .kind = j->row.kind};
	struct error why = {0};
	char host[HOST_MAX] = "";
	bool bad;

	*sent_out = false;
	bad = j->row.kind == OUTBOX_OPT_OUT && !j->lost &&
	      http_host(j->target, host, sizeof(host)) != 0;
	if (!bad && is_left_alone(r, host))
		return 0;
	*sent_out = true;
	if (j->lost || bad) {
		t.hopeless = true;
		(void)error_set(&why, ERR_DENIED, "%s",
		    bad ? "not a URL to be asked" : "the lead is forgotten");
	} else if (j->row.kind == OUTBOX_OPT_OUT)
		send_opt_out(r, j, host, &t, &why);
	else
		send_bounce(r, j, &t, &why);
	if (atomic_load(&r->app->stopping) && !t.done)
		return 0; /* not its fault */
	return record(r, &t, &why, err);
}

int relay_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	struct relay *r = arg;
	size_t sent = 0, looked = 0;
	struct job j;
	bool one;
	int rc = 0;

	*wait_ms_out = POLL_MS;
	if (clock_mono_ms() < r->rest_until_ms)
		return 0;
	while (rc == 0 && sent < SENDS_A_STEP && looked++ < LOOKS_A_STEP &&
	       !atomic_load(&r->app->stopping)) {
		rc = next_job(r, &j);
		if (rc == 0)
			rc = work(r, &j, &one, err);
		else if (rc != ERR_NOT_FOUND)
			(void)error_of(err, rc, "outbox");
		sent += rc == 0 && one;
	}
	if (rc == 0)
		*wait_ms_out = sent > 0 ? 0 : POLL_MS;
	/* all that is due was looked at: again from the start */
	if (rc == ERR_NOT_FOUND)
		r->cursor = (struct outbox_cursor){0};
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
