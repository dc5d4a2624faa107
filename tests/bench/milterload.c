/* milterload.c - load generator: many MTA connections to one filter. What a
 * run is: load_run.h. */
#include "tests/bench/load_run.h"

#include "policy/base/clock.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	MAX_CONNECTIONS = 4096,
	MAX_EXTRA = 16
};

struct options {
	struct load_options run;
	struct str extra[MAX_EXTRA];
};

static void usage(FILE *to)
{
	(void)fputs(
	    "usage: milterload -s ADDRESS [option...]\n"
	    "  -s, --socket ADDRESS     unix:PATH or inet:PORT@ADDRESS\n"
	    "  -c, --connections N      (8)\n"
	    "  -t, --seconds S          length of the window (2)\n"
	    "  -w, --warmup S           before it, not counted (0)\n"
	    "      --drain S            after it, at most (10)\n"
	    "  -n, --messages N         stop after N instead\n"
	    "  -r, --rate N             open loop: N messages a second\n"
	    "  -b, --body BYTES         (4096)\n"
	    "  -H, --headers N          (9)\n"
	    "  -R, --rcpts N            recipients of one message (1)\n"
	    "      --rcpt-first N       recipients are leadN@DOMAIN, from (1)\n"
	    "      --rcpt-count N       as many, each once before any twice "
	    "(1000000)\n"
	    "      --rcpt-domain DOMAIN (example.org)\n"
	    "      --from-domain DOMAIN (example.com)\n"
	    "      --daemon-name NAME   {daemon_name} (mx.example.com)\n"
	    "      --client ADDRESS     (127.0.0.1)\n"
	    "      --auth USER          {auth_authen}\n"
	    "      --header 'NAME: VALUE'  one more header\n"
	    "  -N, --new-session        a connection for each message\n"
	    "  -p, --pid PID            CPU time and memory of this process\n",
	    to);
}

/* Seconds as "2" or "0.25" to milliseconds. */
static int parse_seconds(struct str s, uint64_t *out)
{
	size_t dot = str_find(s, 0, '.');
	struct str part = str_from(s, dot + 1);
	uint64_t whole = 0, fraction = 0;
	int rc = str_u64(str_cut(s, 0, dot), 86400, &whole);

	if (rc == 0 && dot < s.n)
		rc = part.n <= 3 ? str_u64(part, 999, &fraction) : ERR_SYNTAX;
	for (size_t i = part.n; i < 3; i++)
		fraction *= 10;
	*out = whole * 1000 + fraction;
	return rc;
}

enum long_option {
	OPT_DRAIN = 256,
	OPT_RCPT_FIRST,
	OPT_RCPT_COUNT,
	OPT_RCPT_DOMAIN,
	OPT_FROM_DOMAIN,
	OPT_DAEMON_NAME,
	OPT_CLIENT,
	OPT_AUTH,
	OPT_HEADER
};

static int add_extra(struct options *o, struct str header)
{
	if (o->run.shape.n_extra == MAX_EXTRA ||
	    str_find(header, 0, ':') == header.n)
		return ERR_SYNTAX;
	o->extra[o->run.shape.n_extra++] = header;
	return 0;
}

static int take_size(struct str s, uint64_t max, size_t *out)
{
	uint64_t v = 0;
	int rc = str_u64(s, max, &v);

	*out = (size_t)v;
	return rc;
}

static int take_text(struct str s, struct str *out)
{
	*out = s;
	return s.n > 0 && s.n <= 100 ? 0 : ERR_LIMIT;
}

static int take_option(struct options *o, int opt, struct str arg)
{
	struct load_shape *s = &o->run.shape;

	switch (opt) {
	case 's':
		o->run.address = arg.p;
		return 0;
	case 'c':
		return str_u64(arg, MAX_CONNECTIONS, &o->run.connections);
	case 't':
		return parse_seconds(arg, &o->run.seconds_ms);
	case 'w':
		return parse_seconds(arg, &o->run.warmup_ms);
	case OPT_DRAIN:
		return parse_seconds(arg, &o->run.drain_ms);
	case 'n':
		return str_u64(arg, 1000000000, &o->run.messages);
	case 'r':
		return str_u64(arg, 1000000, &o->run.rate);
	case 'b':
		return take_size(arg, 64 << 20, &s->body_bytes);
	case 'H':
		return take_size(arg, LOAD_MAX_HEADERS, &s->headers);
	case 'R':
		return take_size(arg, 10000, &s->rcpts);
	case OPT_RCPT_FIRST:
		return str_u64(arg, UINT32_MAX, &s->rcpt_first);
	case OPT_RCPT_COUNT:
		return str_u64(arg, UINT32_MAX, &s->rcpt_count);
	case OPT_RCPT_DOMAIN:
		return take_text(arg, &s->rcpt_domain);
	case OPT_FROM_DOMAIN:
		return take_text(arg, &s->from_domain);
	case OPT_DAEMON_NAME:
		return take_text(arg, &s->daemon_name);
	case OPT_CLIENT:
		return take_text(arg, &s->client);
	case OPT_AUTH:
		return take_text(arg, &s->auth);
	case OPT_HEADER:
		return add_extra(o, arg);
	case 'N':
		o->run.new_session = true;
		return 0;
	case 'p':
		return str_u64(arg, INT32_MAX, &o->run.pid);
	default:
		return ERR_SYNTAX;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longopts[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"connections", required_argument, NULL, 'c'},
	    {"seconds", required_argument, NULL, 't'},
	    {"warmup", required_argument, NULL, 'w'},
	    {"drain", required_argument, NULL, OPT_DRAIN},
	    {"messages", required_argument, NULL, 'n'},
	    {"rate", required_argument, NULL, 'r'},
	    {"body", required_argument, NULL, 'b'},
	    {"headers", required_argument, NULL, 'H'},
	    {"rcpts", required_argument, NULL, 'R'},
	    {"rcpt-first", required_argument, NULL, OPT_RCPT_FIRST},
	    {"rcpt-count", required_argument, NULL, OPT_RCPT_COUNT},
	    {"rcpt-domain", required_argument, NULL, OPT_RCPT_DOMAIN},
	    {"from-domain", required_argument, NULL, OPT_FROM_DOMAIN},
	    {"daemon-name", required_argument, NULL, OPT_DAEMON_NAME},
	    {"client", required_argument, NULL, OPT_CLIENT},
	    {"auth", required_argument, NULL, OPT_AUTH},
	    {"header", required_argument, NULL, OPT_HEADER},
	    {"new-session", no_argument, NULL, 'N'},
	    {"pid", required_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "s:c:t:w:n:r:b:H:R:Np:", longopts,
		    NULL)) != -1) {
		if (take_option(o, opt, str_of(optarg)) != 0) {
			if (opt != '?')
				(void)fprintf(stderr,
				    "milterload: bad value "
				    "%s\n",
				    optarg);
			return ERR_SYNTAX;
		}
	}
	return optind == argc && o->run.address != NULL &&
		       o->run.connections > 0
		   ? 0
		   : ERR_SYNTAX;
}

/* As many descriptors as the system lets us have. */
static void raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* So that Message-IDs and queue ids of two runs differ. */
static uint64_t run_number(void)
{
	return (uint64_t)clock_now_ms() ^ (uint64_t)getpid() << 40;
}

int main(int argc, char **argv)
{
	struct options o = {
	    .run =
		{
		    .connections = 8,
		    .seconds_ms = 2000,
		    .drain_ms = 10000,
		    .shape =
			{
			    .daemon_name = STR("mx.example.com"),
			    .client = STR("127.0.0.1"),
			    .from_domain = STR("example.com"),
			    .rcpt_domain = STR("example.org"),
			    .rcpt_first = 1,
			    .rcpt_count = 1000000,
			    .rcpts = 1,
			    .headers = 9,
			    .body_bytes = 4096,
			},
		},
	};
	struct error err = {0, ""};
	int rc;

	o.run.shape.extra = o.extra;
	o.run.shape.run = run_number();
	if (parse(argc, argv, &o) != 0) {
		usage(stderr);
		return 2;
	}
	raise_nofile();
	rc = load_msg_init(&o.run.shape, &err);
	if (rc == 0)
		rc = load_run(&o.run, &err);
	load_msg_fini(&o.run.shape);
	if (rc != 0)
		(void)fprintf(stderr, "milterload: %s\n", err.text);
	return rc == 0 ? 0 : 1;
}
