/* server.c - see server.h. */
#include "agent/web/server.h"

#include "agent/web/listen.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ARENA_MAX = 8 << 20,
	REPLY_MAX = 16 << 20,
	ARGS_MAX = 32,
	CONNECTIONS_MAX = 1000,
	PER_ADDRESS_MAX = 64,
	PER_USER_MAX = 128,
	IDLE_SECONDS = 15,
	WORKERS_MAX = 64,
	CLOSE_MS = 5000,
};
#define RETRY_AFTER_S "30"

enum task_state {
	TASK_READING,
	TASK_ASKING,  /* a worker finds out how long its body may be */
	TASK_WORKING, /* a worker has it, or soon will */
	TASK_DONE,    /* the reply is there */
};

/* One request, from its first header to the end of its reply. */
struct task {
	struct task *next;
	struct server *server;
	struct MHD_Connection *connection;
	struct peer *peer; /* of it; NULL when out of memory */
	struct server_request rq;
	struct server_reply rp;
	struct buf body;
	enum task_state state;
	bool asked, too_large, late, closes;
};

struct peer { /* one connection, for the sweeper */
	struct peer *next, *prev;
	int fd;
	int64_t since_ms; /* of accept, or of the last reply */
	bool working;     /* a handler has it: no deadline */
	bool has_uid, has_net;
	uid_t uid;
	unsigned char net[16]; /* address, or the /64 that it is in */
};

struct server {
	struct MHD_Daemon *daemon;
	struct server_options o;
	struct server_listen listener;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct task *head, *tail;
	struct peer peers; /* ring */
	pthread_t workers[WORKERS_MAX], sweeper;
	size_t n_workers;
	bool has_sweeper, stopping;
};

static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

struct str server_query(const struct server_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_args; i++)
		if (str_eq(rq->args[i].name, str_of(name)))
			return rq->args[i].value;
	return STR_NULL;
}

static enum server_method method_of(const char *m)
{
	static const struct {
		const char *name;
		enum server_method method;
	} all[] = {
	    {"GET", SERVER_GET},
	    {"HEAD", SERVER_HEAD},
	    {"POST", SERVER_POST},
	    {"DELETE", SERVER_DELETE},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(m, all[i].name) == 0)
			return all[i].method;
	return SERVER_OTHER;
}

static void map_sockaddr(const struct sockaddr *sa, unsigned char out[16])
{
	memset(out, 0, 16);
	if (sa->sa_family == AF_INET6) {
		memcpy(out,
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		    16);
	} else if (sa->sa_family == AF_INET) {
		memset(out + 10, 0xff, 2);
		memcpy(out + 12,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	}
}

static void format_client(const unsigned char addr[16], char *out, size_t cap)
{
	bool is_v4 = memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0;

	if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? addr + 12 : addr, out,
		(socklen_t)cap) == NULL)
		out[0] = '\0';
}

static enum MHD_Result keep_forwarded(
    void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct str *last = arg;

	(void)kind;
	if (str_ieq(str_of(key), STR("X-Forwarded-For")))
		*last = str_of(value);
	return MHD_YES;
}

/* The last address in the last X-Forwarded-For is what the proxy itself saw;
 * anything before it, in that field or in one above it, is the client's own
 * word. */
static void take_forwarded(struct task *t)
{
	struct str v = STR("");
	size_t comma;
	struct str last;
	unsigned char probe[16];
	char z[64];

	(void)MHD_get_connection_values(
	    t->connection, MHD_HEADER_KIND, keep_forwarded, &v);
	comma = str_rfind(v, ',');
	last = str_trim(comma < v.n ? str_from(v, comma + 1) : v);
	if (last.n == 0 || last.n >= sizeof(z))
		return;
	memcpy(z, last.p, last.n);
	z[last.n] = '\0';
	if (inet_pton(AF_INET, z, probe) == 1 ||
	    inet_pton(AF_INET6, z, probe) == 1)
		memcpy(t->rq.client, z, last.n + 1);
}

static bool is_proxy(const struct server *s, const unsigned char addr[16])
{
	for (size_t i = 0; i < s->o.proxies.n; i++)
		if (conf_net_contains(&s->o.proxies.v[i], addr))
			return true;
	return false;
}

static void fill_tcp_client(struct task *t, const struct sockaddr *sa)
{
	unsigned char addr[16];

	map_sockaddr(sa, addr);
	format_client(addr, t->rq.client, sizeof(t->rq.client));
	if (is_proxy(t->server, addr))
		take_forwarded(t);
}

static void fill_peer(struct task *t)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    t->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (info != NULL && info->client_addr != NULL &&
	    (info->client_addr->sa_family == AF_INET ||
		info->client_addr->sa_family == AF_INET6)) {
		fill_tcp_client(t, info->client_addr);
		return;
	}
	info = MHD_get_connection_info(
	    t->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL && getsockopt(info->connect_fd, SOL_SOCKET,
				SO_PEERCRED, &cred, &n) == 0) {
		t->rq.has_peer = true;
		t->rq.uid = cred.uid;
		t->rq.gid = cred.gid;
	}
}

struct arg_list {
	struct arena *arena;
	struct server_arg *v;
	size_t n;
};

static enum MHD_Result add_arg(void *arg, enum MHD_ValueKind kind,
    const char *key, size_t key_n, const char *value, size_t value_n)
{
	struct arg_list *l = arg;
	struct server_arg *a = &l->v[l->n];

	(void)kind;
	if (l->n == ARGS_MAX)
		return MHD_NO;
	a->name = arena_str(l->arena, (struct str){key, key_n});
	a->value = arena_str(
	    l->arena, (struct str){value, value != NULL ? value_n : 0});
	if (a->name.p == NULL || a->value.p == NULL)
		return MHD_NO;
	l->n++;
	return MHD_YES;
}

/* Copied, so that handlers need no connection. More than ARGS_MAX are left
 * out: no route of ours has as many. */
static void fill_args(struct task *t)
{
	struct arg_list l = {.arena = t->rq.arena};

	l.v = arena_array(l.arena, ARGS_MAX, sizeof(*l.v));
	if (l.v == NULL)
		return;
	(void)MHD_get_connection_values_n(
	    t->connection, MHD_GET_ARGUMENT_KIND, add_arg, &l);
	t->rq.args = l.v;
	t->rq.n_args = l.n;
}

static struct peer *peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static struct task *task_new(struct server *s, struct MHD_Connection *c,
    const char *url, const char *method)
{
	struct task *t = fault_alloc() ? NULL : calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->server = s;
	t->connection = c;
	t->rq.arena = arena_new(ARENA_MAX);
	t->rq.method = method_of(method);
	buf_init(&t->body, s->o.max_body);
	buf_init(&t->rp.body, REPLY_MAX);
	t->rp.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	t->rp.content_type = "text/plain; charset=utf-8";
	if (t->rq.arena != NULL)
		t->rq.path = arena_str(t->rq.arena, str_of(url));
	if (t->rq.path.p == NULL) {
		arena_free(&t->rq.arena);
		free(t);
		return NULL;
	}
	fill_args(t);
	t->rq.content_type = str_of(MHD_lookup_connection_value(
	    c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE));
	t->rq.language = str_of(MHD_lookup_connection_value(
	    c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_LANGUAGE));
	fill_peer(t);
	t->peer = peer_of(c);
	return t;
}

static void task_free(struct task *t)
{
	buf_fini(&t->body);
	buf_fini(&t->rp.body);
	arena_free(&t->rq.arena);
	free(t);
}

/* False once the server stops: nobody would take it up, and libmicrohttpd does
 * not survive to be stopped with a connection suspended. */
static bool queue_task(struct task *t, enum task_state state)
{
	struct server *s = t->server;
	struct peer *p = t->peer;
	bool stopping;

	pthread_mutex_lock(&s->lock);
	stopping = s->stopping;
	if (!stopping) {
		t->state = state;
		t->next = NULL;
		MHD_suspend_connection(t->connection);
		if (p != NULL)
			p->working = true;
		if (s->tail != NULL)
			s->tail->next = t;
		else
			s->head = t;
		s->tail = t;
		pthread_cond_signal(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
	return !stopping;
}

static enum MHD_Result send_reply(struct task *t)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(t->rp.body.n,
	    t->rp.body.n > 0 ? t->rp.body.p : (char[]){""},
	    MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ok = MHD_NO;

	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(
	    r, MHD_HTTP_HEADER_CONTENT_TYPE, t->rp.content_type);
	(void)MHD_add_response_header(
	    r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(r, "Content-Security-Policy",
	    "default-src 'none'; style-src 'unsafe-inline'; "
	    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
	if (t->rp.status == MHD_HTTP_SERVICE_UNAVAILABLE)
		(void)MHD_add_response_header(
		    r, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	if (t->closes)
		(void)MHD_add_response_header(
		    r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (t->rp.allow != NULL)
		(void)MHD_add_response_header(
		    r, MHD_HTTP_HEADER_ALLOW, t->rp.allow);
	ok = MHD_queue_response(t->connection, (unsigned)t->rp.status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result refuse_large(struct task *t)
{
	t->rp.status = MHD_HTTP_CONTENT_TOO_LARGE;
	buf_addz(&t->rp.body, "Request is too large.\n");
	return send_reply(t);
}

/* What else the connection brings cannot be told from this one's body. */
static enum MHD_Result refuse_unsound(struct task *t)
{
	t->rp.status = MHD_HTTP_BAD_REQUEST;
	t->closes = true;
	buf_addz(&t->rp.body, "Bad request.\n");
	return send_reply(t);
}

static enum MHD_Result refuse_late(struct task *t)
{
	t->rp.status = MHD_HTTP_SERVICE_UNAVAILABLE;
	buf_addz(&t->rp.body, "Stopping.\n");
	return send_reply(t);
}

struct framing {
	unsigned hosts, lengths, codings;
	bool unknown; /* coding */
};

static enum MHD_Result see_framing(
    void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct framing *f = arg;
	struct str name = str_of(key);

	(void)kind;
	f->hosts += str_ieq(name, STR("Host"));
	f->lengths += str_ieq(name, STR("Content-Length"));
	if (str_ieq(name, STR("Transfer-Encoding"))) {
		f->codings++;
		f->unknown |= !str_ieq(str_of(value), STR("chunked"));
	}
	return MHD_YES;
}

/* Where a request ends must be plain (RFC 9112 section 6.3), or the proxy and
 * we may see different ones; libmicrohttpd takes the word it likes best. */
static bool is_sound(struct MHD_Connection *c, const char *version)
{
	struct framing f = {0};

	(void)MHD_get_connection_values(c, MHD_HEADER_KIND, see_framing, &f);
	return f.lengths + f.codings <= 1 && !f.unknown && f.hosts <= 1 &&
	       (f.hosts == 1 || strcmp(version, "HTTP/1.1") != 0);
}

/* What cannot be kept is read all the same: libmicrohttpd takes no reply
 * before the body's end. Left where it is while somebody is asked. */
static void take_body(struct task *t, const char *data, size_t *size)
{
	const struct server_options *o = &t->server->o;

	if (o->may_send != NULL && !t->asked && !t->late &&
	    (t->body.n > o->body_free || *size > o->body_free - t->body.n)) {
		if (queue_task(t, TASK_ASKING))
			return;
		t->late = true;
	}
	if (!t->late && !t->rq.body_refused)
		buf_add(&t->body, (struct str){data, *size});
	t->too_large = buf_error(&t->body) != 0;
	*size = 0;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
    const char *url, const char *method, const char *version, const char *data,
    size_t *size, void **ctx)
{
	struct task *t = *ctx;

	if (t == NULL) {
		*ctx = t = task_new(arg, c, url, method);
		if (t == NULL)
			return MHD_NO;
		return is_sound(c, version) ? MHD_YES : refuse_unsound(t);
	}
	if (t->state == TASK_DONE)
		return send_reply(t);
	if (t->state != TASK_READING)
		return MHD_YES;
	if (*size > 0) {
		take_body(t, data, size);
		return MHD_YES;
	}
	if (t->too_large)
		return refuse_large(t);
	t->rq.body = buf_str(&t->body);
	if (t->late || !queue_task(t, TASK_WORKING))
		return refuse_late(t);
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **ctx,
    enum MHD_RequestTerminationCode code)
{
	struct server *s = arg;
	struct task *t = *ctx;
	struct peer *p;

	(void)c;
	(void)code;
	if (t == NULL)
		return;
	p = t->peer;
	pthread_mutex_lock(&s->lock);
	if (p != NULL) {
		p->working = false;
		p->since_ms = clock_mono_ms();
	}
	pthread_mutex_unlock(&s->lock);
	task_free(t);
	*ctx = NULL;
}

static void read_uid(struct peer *p)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	struct ucred cred;

	if (getsockname(p->fd, (struct sockaddr *)&sa, &n) != 0 ||
	    sa.ss_family != AF_UNIX)
		return;
	n = sizeof(cred);
	p->has_uid = getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0;
	p->uid = cred.uid;
}

/* Whoever has an IPv6 address has its /64 as well (RFC 6177). */
static void read_net(
    const struct server *s, struct MHD_Connection *c, struct peer *p)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info == NULL || info->client_addr == NULL ||
	    (info->client_addr->sa_family != AF_INET &&
		info->client_addr->sa_family != AF_INET6))
		return;
	map_sockaddr(info->client_addr, p->net);
	p->has_net = !is_proxy(s, p->net);
	if (memcmp(p->net, v4_mapped, sizeof(v4_mapped)) != 0)
		memset(p->net + 8, 0, 8);
}

/* Under the lock. */
static bool is_greedy(const struct server *s, const struct peer *of)
{
	size_t user = 0, net = 0;

	for (const struct peer *p = s->peers.next; p != &s->peers;
	     p = p->next) {
		user += p->has_uid && of->has_uid && p->uid == of->uid;
		net += p->has_net && of->has_net &&
		       memcmp(p->net, of->net, sizeof(p->net)) == 0;
	}
	return user >= PER_USER_MAX || net >= PER_ADDRESS_MAX;
}

static void peer_open(
    struct server *s, struct MHD_Connection *c, void **socket_ctx)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *p = calloc(1, sizeof(*p));

	*socket_ctx = p;
	if (p == NULL)
		return;
	p->fd = info != NULL ? info->connect_fd : -1;
	p->since_ms = clock_mono_ms();
	read_uid(p);
	read_net(s, c, p);
	pthread_mutex_lock(&s->lock);
	if (is_greedy(s, p))
		(void)shutdown(p->fd, SHUT_RDWR);
	p->next = s->peers.next;
	p->prev = &s->peers;
	p->next->prev = p;
	s->peers.next = p;
	pthread_mutex_unlock(&s->lock);
}

static void on_connection(void *arg, struct MHD_Connection *c,
    void **socket_ctx, enum MHD_ConnectionNotificationCode code)
{
	struct server *s = arg;
	struct peer *p = *socket_ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		peer_open(s, c, socket_ctx);
		return;
	}
	if (p == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	p->prev->next = p->next;
	p->next->prev = p->prev;
	pthread_mutex_unlock(&s->lock);
	free(p);
	*socket_ctx = NULL;
}

static struct task *take_task(struct server *s)
{
	struct task *t;

	pthread_mutex_lock(&s->lock);
	while (s->head == NULL && !s->stopping)
		pthread_cond_wait(&s->more, &s->lock);
	t = s->head;
	if (t != NULL) {
		s->head = t->next;
		if (s->head == NULL)
			s->tail = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return t;
}

/* The deadline goes on where it was. */
static void ask(struct task *t)
{
	struct server *s = t->server;
	struct peer *p = t->peer;

	t->rq.body_refused = !s->o.may_send(s->o.arg, &t->rq);
	if (t->rq.body_refused)
		buf_reset(&t->body);
	t->asked = true;
	t->state = TASK_READING;
	pthread_mutex_lock(&s->lock);
	if (p != NULL)
		p->working = false;
	pthread_mutex_unlock(&s->lock);
}

static void answer(struct task *t)
{
	struct server *s = t->server;

	s->o.handler(s->o.arg, &t->rq, &t->rp);
	if (buf_error(&t->rp.body) != 0) {
		buf_reset(&t->rp.body);
		t->rp.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	t->state = TASK_DONE;
}

static void *work(void *arg)
{
	struct server *s = arg;
	struct task *t;

	while ((t = take_task(s)) != NULL) {
		struct MHD_Connection *c = t->connection;

		if (t->state == TASK_ASKING)
			ask(t);
		else
			answer(t);
		MHD_resume_connection(c);
	}
	return NULL;
}

/* shutdown() makes libmicrohttpd see the end and close the descriptor itself;
 * under the lock the descriptor cannot be another's by now, since its peer is
 * still in the ring. */
static void sweep_once(struct server *s)
{
	int64_t now = clock_mono_ms();

	pthread_mutex_lock(&s->lock);
	for (struct peer *p = s->peers.next; p != &s->peers; p = p->next)
		if (!p->working && p->fd >= 0 &&
		    now - p->since_ms > s->o.deadline_ms)
			(void)shutdown(p->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
}

static void *sweep(void *arg)
{
	struct server *s = arg;

	for (;;) {
		bool stop;
		(void)nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
		pthread_mutex_lock(&s->lock);
		stop = s->stopping;
		pthread_mutex_unlock(&s->lock);
		if (stop)
			return NULL;
		sweep_once(s);
	}
}

static int start_threads(struct server *s, struct error *err)
{
	int rc = pthread_create(&s->sweeper, NULL, sweep, s);

	s->has_sweeper = rc == 0;
	while (rc == 0 && s->n_workers < s->o.workers) {
		rc = pthread_create(&s->workers[s->n_workers], NULL, work, s);
		s->n_workers += rc == 0;
	}
	return error_of(err, -rc, "thread");
}

static int start_daemon(struct server *s, struct error *err)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD |
					 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC,
	    0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
	    s->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
	    MHD_OPTION_END);
	if (s->daemon == NULL)
		return error_set(err, ERR_UNAVAILABLE, "%.*s: no HTTP server",
		    STR_ARG(s->o.listen));
	s->listener.fd = -1; /* the daemon closes it */
	return 0;
}

int server_open(
    struct server **out, const struct server_options *o, struct error *err)
{
	struct server *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	s->o = *o;
	s->listener.fd = -1;
	s->peers.next = s->peers.prev = &s->peers;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	rc =
	    server_listen_open(&s->listener, o->listen, o->mode, o->group, err);
	if (rc == 0)
		rc = start_threads(s, err); /* first: who else would answer? */
	if (rc == 0)
		rc = start_daemon(s, err);
	if (rc != 0)
		server_close(&s);
	*out = s;
	return rc;
}

static bool is_working(struct server *s)
{
	bool working = false;

	pthread_mutex_lock(&s->lock);
	for (struct peer *p = s->peers.next; p != &s->peers; p = p->next)
		working |= p->working;
	pthread_mutex_unlock(&s->lock);
	return working;
}

/* A worker's last act is to resume the connection; the reply is then still to
 * be written, and libmicrohttpd drops unwritten replies when it stops. */
static void wait_for_replies(struct server *s)
{
	int64_t end_ms = clock_mono_ms() + CLOSE_MS;

	while (is_working(s) && clock_mono_ms() < end_ms)
		(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* libmicrohttpd's thread may be about to take the listener out of its epoll set
 * when this has done so already: it puts up with that, but aborts the process
 * when the descriptor is not open any more. So that is closed, by our
 * server_listen_close(), when the thread has ended; connections are refused
 * from here on. */
static void stop_listening(struct server *s)
{
	s->listener.fd = MHD_quiesce_daemon(s->daemon);
	if (s->listener.fd >= 0)
		(void)shutdown(s->listener.fd, SHUT_RDWR);
}

/* Order: no new connections, then the workers finish what is queued (their
 * connections are suspended until then), then the replies are written, then
 * libmicrohttpd may stop. */
void server_close(struct server **sp)
{
	struct server *s = *sp;

	if (s == NULL)
		return;
	if (s->daemon != NULL)
		stop_listening(s);
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->n_workers; i++)
		(void)pthread_join(s->workers[i], NULL);
	if (s->has_sweeper)
		(void)pthread_join(s->sweeper, NULL);
	if (s->daemon != NULL) {
		wait_for_replies(s);
		MHD_stop_daemon(s->daemon);
	}
	server_listen_close(&s->listener);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}
