/* smfi.c - see smfi.h. The callbacks are thin: convert, call session.c,
 * convert back.
 *
 * Negotiated: only the changes we make, no replies for connect, HELO, MAIL,
 * header fields and body chunks (each reply saved is a round trip: measured
 * 2.5-3.5 x cheaper), header values with their leading blanks. DATA and
 * unknown commands are not asked for. A callback whose reply was negotiated
 * away must say SMFIS_NOREPLY: for anything else libmilter calls syslog, once
 * for each header field. RCPT_REJ is not: with it a valid alias
 * arrives marked as refused. */
#include "milter/smfi.h"

#include "milter/session.h"
#include "milter/smfi_packets.h"

#include <libmilter/mfapi.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	VALUE_MAX = 1 << 20
};

/* libmilter has no room for a pointer per process; set once before
 * smfi_main, read only afterwards. */
static struct shared *shared_state;

/* The unix socket that we made; no path: of another kind. Likewise. */
static struct {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	dev_t dev;
	ino_t ino;
} listener;

struct link {
	struct session *session;
	struct mta mta;
};

static const char *get_macro(void *ctx, const char *name)
{
	char braced[64];

	if (name[1] == '\0')
		return smfi_getsymval(ctx, (char *)(uintptr_t)name);
	if (snprintf(braced, sizeof(braced), "{%s}", name) >=
	    (int)sizeof(braced))
		return NULL;
	return smfi_getsymval(ctx, braced);
}

/* libmilter's API takes char * and promises not to write. */
static char *zdup(struct str s)
{
	char *z;

	if (s.n > VALUE_MAX || memchr(s.p, '\0', s.n) != NULL)
		return NULL;
	z = malloc(s.n + 1);
	if (z == NULL)
		return NULL;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

static int do_change(void *ctx, const struct change *c, struct str sender_args)
{
	char *name = c->name.n > 0 ? zdup(c->name) : NULL;
	char *value = c->value.p != NULL ? zdup(c->value) : NULL;
	char *args = sender_args.n > 0 ? zdup(sender_args) : NULL;
	int rc = MI_FAILURE;

	switch (c->kind) {
	case CHANGE_REMOVE:
		if (name != NULL)
			rc = smfi_chgheader(ctx, name, (int)c->index, NULL);
		break;
	case CHANGE_APPEND:
		if (name != NULL && value != NULL)
			rc = smfi_addheader(ctx, name, value);
		break;
	case CHANGE_TOP:
		if (name != NULL && value != NULL)
			rc = smfi_insheader(ctx, 0, name, value);
		break;
	case CHANGE_SENDER:
		if (value != NULL && (args != NULL || sender_args.n == 0))
			rc = smfi_chgfrom(ctx, value, args);
		break;
	case CHANGE_RECIPIENT:
		if (value != NULL)
			rc = smfi_addrcpt_par(
			    ctx, value, (char[]){"NOTIFY=NEVER"});
		break;
	}
	free(name);
	free(value);
	free(args);
	return rc == MI_SUCCESS ? 0 : -EIO;
}

static int do_quarantine(void *ctx, const char *reason)
{
	char *z = zdup(str_of(reason));
	int rc = z != NULL ? smfi_quarantine(ctx, z) : MI_FAILURE;

	free(z);
	return rc == MI_SUCCESS ? 0 : -EIO;
}

static int set_reply(void *ctx, const struct reply *r)
{
	char code[4], enhanced[sizeof(r->enhanced)], text[sizeof(r->text)];

	if (snprintf(code, sizeof(code), "%d", r->code) != 3)
		return -EINVAL;
	memcpy(enhanced, r->enhanced, sizeof(enhanced));
	memcpy(text, r->text, sizeof(text));
	return smfi_setreply(ctx, code, enhanced, text) == MI_SUCCESS ? 0
								      : -EIO;
}

static sfsistat status_of(enum answer a)
{
	switch (a) {
	case ANSWER_CONTINUE:
		return SMFIS_CONTINUE;
	case ANSWER_ACCEPT:
		return SMFIS_ACCEPT;
	case ANSWER_DISCARD:
		return SMFIS_DISCARD;
	case ANSWER_REJECT:
		return SMFIS_REJECT;
	case ANSWER_TEMPFAIL:
		break;
	}
	return SMFIS_TEMPFAIL;
}

static struct session *session_of(SMFICTX *ctx)
{
	struct link *l = smfi_getpriv(ctx);

	return l != NULL ? l->session : NULL;
}

static const unsigned char *map_addr(
    const struct sockaddr *sa, unsigned char out[16], unsigned *port_out)
{
	*port_out = 0;
	if (sa == NULL)
		return NULL;
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in =
		    (const struct sockaddr_in *)(const void *)sa;
		memset(out, 0, 10);
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, &in->sin_addr, 4);
		*port_out = ntohs(in->sin_port);
		return out;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)(const void *)sa;
		memcpy(out, &in6->sin6_addr, 16);
		*port_out = ntohs(in6->sin6_port);
		return out;
	}
	return NULL;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	struct link *l = calloc(1, sizeof(*l));
	unsigned char addr[16];
	unsigned port;
	const unsigned char *known = map_addr(sa, addr, &port);

	if (l == NULL)
		return SMFIS_NOREPLY; /* RCPT finds no session: tempfail */
	l->mta =
	    (struct mta){ctx, get_macro, do_change, do_quarantine, set_reply};
	l->session = session_open(shared_state, &l->mta);
	if (l->session == NULL || smfi_setpriv(ctx, l) != MI_SUCCESS) {
		session_close(&l->session);
		free(l);
		return SMFIS_NOREPLY;
	}
	session_connect(l->session, host, known, port);
	return SMFIS_NOREPLY;
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct session *s = session_of(ctx);

	if (s != NULL && name != NULL)
		session_helo(s, name);
	return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_mail(s, argv);
	return SMFIS_NOREPLY;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);

	return s != NULL ? status_of(session_rcpt(s, argv)) : SMFIS_TEMPFAIL;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_header(s, name, value);
	return SMFIS_NOREPLY;
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	return s != NULL ? status_of(session_eoh(s)) : SMFIS_TEMPFAIL;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *p, size_t n)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_body(s, (struct str){(const char *)p, n});
	return SMFIS_NOREPLY;
}

static sfsistat on_eom(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	return s != NULL ? status_of(session_eom(s)) : SMFIS_TEMPFAIL;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	if (s != NULL)
		session_abort(s);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct link *l = smfi_getpriv(ctx);

	if (l != NULL) {
		(void)smfi_setpriv(ctx, NULL);
		session_close(&l->session);
		free(l);
	}
	return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long have_actions,
    unsigned long have_steps, unsigned long unused2, unsigned long unused3,
    unsigned long *actions, unsigned long *steps, unsigned long *out2,
    unsigned long *out3)
{
	const unsigned long need = SMFIF_ADDHDRS | SMFIF_CHGHDRS |
				   SMFIF_CHGFROM | SMFIF_QUARANTINE |
				   SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR;
	const unsigned long want =
	    SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_BODY |
	    SMFIP_HDR_LEADSPC | SMFIP_NR_HELO | SMFIP_NODATA | SMFIP_NOUNKNOWN;

	(void)ctx;
	(void)unused2;
	(void)unused3;
	if ((have_actions & need) != need || (have_steps & want) != want)
		return SMFIS_REJECT;
	*actions = need;
	*steps = have_steps & want;
	*out2 = 0;
	*out3 = 0;
	return SMFIS_CONTINUE;
}

static struct smfiDesc description = {
    .xxfi_name = (char[]){"tendril"},
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGFROM |
		  SMFIF_QUARANTINE | SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR,
    .xxfi_connect = on_connect,
    .xxfi_helo = on_helo,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_rcpt,
    .xxfi_header = on_header,
    .xxfi_eoh = on_eoh,
    .xxfi_body = on_body,
    .xxfi_eom = on_eom,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
    .xxfi_negotiate = on_negotiate,
};

static void note_path(struct str name)
{
	struct str path = str_from(name, sizeof("unix:") - 1);

	if (!str_starts(name, STR("unix:")) || path.n >= sizeof(listener.path))
		return;
	memcpy(listener.path, path.p, path.n);
	listener.path[path.n] = '\0';
}

/* Another process serves there: libmilter would take the name away from it,
 * and with it all mail until it is started again. What one that was killed
 * left behind refuses. */
static bool is_served(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, rc;

	if (listener.path[0] == '\0')
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", listener.path);
	rc = connect(fd, (struct sockaddr *)&un, sizeof(un));
	rc = rc == 0 ? 0 : -errno;
	(void)close(fd);
	return rc == 0 || rc == -EAGAIN; /* a full queue is one that is there */
}

/* Notes which file the socket is. */
static void note_socket(void)
{
	struct stat st;

	if (listener.path[0] == '\0')
		return;
	if (stat(listener.path, &st) != 0) {
		listener.path[0] = '\0';
		return;
	}
	listener.dev = st.st_dev;
	listener.ino = st.st_ino;
}

void smfi_close_socket(void)
{
	struct stat st;

	if (listener.path[0] != '\0' && stat(listener.path, &st) == 0 &&
	    st.st_dev == listener.dev && st.st_ino == listener.ino)
		(void)unlink(listener.path);
}

int smfi_setup(
    struct shared *sh, const struct conf_milter *conf, struct error *err)
{
	char *name = zdup(conf->socket);
	mode_t old;
	int rc = MI_FAILURE;

	shared_state = sh;
	(void)smfi_setmaxdatasize(SMFI_PACKET_MAX);
	if (name == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	note_path(conf->socket);
	if (is_served()) {
		free(name);
		return error_set(err, ERR_EXISTS,
		    "%s: another instance is listening here", listener.path);
	}
	if (smfi_setconn(name) == MI_SUCCESS &&
	    smfi_register(description) == MI_SUCCESS) {
		/* libmilter's socket takes its mode from the umask. */
		old = umask((mode_t)(0777 & ~conf->socket_mode));
		rc = smfi_opensocket(true);
		(void)umask(old);
	}
	if (rc == MI_SUCCESS)
		note_socket();
	else
		rc = error_set(
		    err, ERR_UNAVAILABLE, "cannot listen on %s", name);
	free(name);
	return rc == MI_SUCCESS ? 0 : rc;
}

int smfi_serve(struct error *err)
{
	(void)smfi_main();
	return error_set(err, ERR_UNAVAILABLE, "libmilter gave up");
}
