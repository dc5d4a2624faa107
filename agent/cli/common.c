/* common.c - ways to the agent, to conf, to files; declared in cli.h. */
#include "agent/cli/cli.h"

#include "agent/cli/client.h"
#include "agent/cli/out.h"
#include "agent/cli/plain.h"
#include "policy/base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BODY_MAX = 32 << 20,
	PATH_MAX_BYTES = 8192, /* as the agent takes it */
	TIMEOUT_S = 60
};

int cli_fail(int code, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs("tendril: ", stderr);
	va_start(ap, fmt);
	out_plain(stderr, fmt, ap);
	va_end(ap);
	return code;
}

int cli_exit_of(int rc)
{
	switch (rc) {
	case 0:
		return CLI_DONE;
	case ERR_SYNTAX:
	case ERR_LIMIT:
		return CLI_USAGE;
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_STALE:
	case ERR_DENIED:
	case ERR_KEY:
	case ERR_CORRUPT:
	case ERR_VERSION:
		return CLI_NO;
	default:
		return CLI_AGAIN;
	}
}

int cli_error(int rc, const struct error *err)
{
	return cli_fail(cli_exit_of(rc), "%s",
	    err->text[0] != '\0' ? err->text : error_text(rc));
}

/* A pipe whose reader has gone. */
static bool is_left(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

int cli_out_failed(void)
{
	if (is_left(STDOUT_FILENO)) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)raise(SIGPIPE);
	}
	return cli_fail(CLI_AGAIN, "standard output: cannot write");
}

int cli_json_to(FILE *to, const struct value *v)
{
	struct buf b, plain;
	int rc;

	buf_init(&b, BODY_MAX);
	buf_init(&plain, 2 * BODY_MAX);
	rc = value_dump(v, &b);
	if (rc == 0)
		plain_json(buf_str(&b), &plain);
	if (rc == 0)
		rc = buf_error(&plain);
	if (rc == 0 && fwrite(plain.p, 1, plain.n, to) != plain.n)
		rc = ERR_FULL;
	buf_fini(&b);
	buf_fini(&plain);
	if (rc == ERR_FULL)
		return cli_out_failed();
	return rc == 0 ? CLI_DONE
		       : cli_fail(CLI_AGAIN, "output: %s", error_text(rc));
}

int cli_json(const struct value *v)
{
	return cli_json_to(stdout, v);
}

int cli_conf(struct cli *c)
{
	struct error err = {0};
	int rc;

	if (c->conf != NULL)
		return CLI_DONE;
	rc = conf_load(&c->conf, c->conf_path, &err);
	if (rc == 0)
		return CLI_DONE;
	if (rc == -ENOENT)
		return cli_fail(CLI_AGAIN, "%s%s", err.text, CLI_NO_CONF);
	return cli_fail(
	    rc == ERR_SYNTAX ? CLI_NO : cli_exit_of(rc), "%s", err.text);
}

int cli_read(struct cli *c, const char *path, struct str *out)
{
	struct error err = {0};
	struct buf b;
	int rc;

	buf_init(&b, CLI_FILE_MAX);
	rc = strcmp(path, "-") == 0 ? file_read_fd(STDIN_FILENO, &b, &err)
				    : file_read_pipe(path, &b, &err);
	if (rc == 0) {
		*out = arena_str(c->arena, buf_str(&b));
		if (out->p == NULL)
			rc = error_set(&err, ERR_LIMIT, "%s: too large", path);
	}
	buf_fini(&b);
	return rc == 0 ? CLI_DONE : cli_fail(CLI_USAGE, "%s", err.text);
}

static int open_client(struct cli *c, struct error *err)
{
	if (c->client != NULL)
		return 0;
	if (c->conf->agent.api.n == 0)
		return error_set(err, ERR_NOT_FOUND,
		    "%s: no api in the section agent: the agent has no socket",
		    c->conf_path);
	return client_open(&c->client, c->conf->agent.api, err);
}

int cli_call(struct cli *c, const struct cli_request *rq,
    struct value **reply_out, int *rc_out)
{
	struct client_request out = {.method = rq->method,
	    .path = rq->path,
	    .timeout_s = rq->timeout_s > 0 ? rq->timeout_s : TIMEOUT_S};
	struct error err = {0};
	struct buf body;
	int rc = cli_conf(c);

	*reply_out = NULL;
	if (rc != CLI_DONE)
		return rc;
	buf_init(&body, BODY_MAX);
	rc = open_client(c, &err);
	if (rc == 0 && rq->body != NULL)
		rc = value_dump(rq->body, &body);
	out.body = rq->raw.n > 0 ? rq->raw : buf_str(&body);
	out.type = rq->raw_type;
	if (rc == 0)
		rc = client_send(c->client, &out, reply_out, &err);
	buf_fini(&body);
	if (rc_out != NULL)
		*rc_out = rc;
	if (rc == 0)
		return CLI_DONE;
	return rc == rq->quiet ? cli_exit_of(rc) : cli_error(rc, &err);
}

void cli_path(struct buf *path, const char *start)
{
	buf_init(path, PATH_MAX_BYTES);
	buf_addz(path, start);
}

void cli_query_flag(const struct cli *c, struct buf *path, const char *name)
{
	if (cli_opt(c, name) != NULL)
		client_query(path, name, STR("1"));
}

int cli_get(struct cli *c, struct buf *path, struct value **reply_out)
{
	struct cli_request rq = {.method = "GET", .path = path->p};
	int code;

	*reply_out = NULL;
	if (buf_error(path) != 0)
		code = cli_fail(CLI_USAGE, "the arguments are too long");
	else
		code = cli_call(c, &rq, reply_out, NULL);
	buf_fini(path);
	return code;
}

int cli_show(struct cli *c, struct buf *path,
    int (*show)(struct cli *c, const struct value *reply))
{
	struct value *reply;
	int code = cli_get(c, path, &reply);

	if (code == CLI_DONE)
		code = show(c, reply);
	value_free(&reply);
	return code;
}

void cli_put_option(const struct cli *c, struct value *o, const char *name)
{
	struct str s = cli_str(c, name);

	if (s.p != NULL)
		value_put_str(o, name, s);
}

struct str cli_next(struct cli *c, const struct value *reply)
{
	struct str next = value_get_str(reply, "next");

	return next.n > 0 ? arena_str(c->arena, next) : STR_NULL;
}
