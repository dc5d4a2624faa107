/* daemon.c - see daemon.h. */
#include "policy/conf/daemon.h"

#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/base/secret.h"
#include "policy/conf/conf.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DESCRIPTORS = 65536, /* connections, bodies, the ledger */
};

static void print_help(const struct daemon *d)
{
	(void)printf(
	    "usage: %s [--conf FILE] [--check]\n"
	    "\n"
	    "%s"
	    "\n"
	    "  --conf FILE  configuration (default $TENDRIL_CONF, then\n"
	    "               " SYSCONFDIR "/tendril/tendril.conf)\n"
	    "  --check      load configuration and keys, say what is wrong, "
	    "exit\n"
	    "  --help       this text\n"
	    "  --version    version\n"
	    "\n"
	    "%sThe log goes to syslog (facility mail), or to standard error "
	    "with\n"
	    "TENDRIL_LOG=stderr. See %s(8).\n",
	    d->name, d->purpose, d->signals, d->name);
}

static int refuse(const struct daemon *d)
{
	(void)fprintf(stderr, "try %s --help\n", d->name);
	return DAEMON_EXIT_USAGE;
}

int daemon_args(
    const struct daemon *d, int argc, char **argv, struct daemon_args *out)
{
	static const struct option options[] = {
	    {"conf", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	*out = (struct daemon_args){.conf = conf_default_path()};
	while ((c = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->conf = optarg;
			break;
		case 't':
			out->check = true;
			break;
		case 'h':
			print_help(d);
			return EXIT_SUCCESS;
		case 'V':
			(void)printf("%s %s\n", d->name, VERSION);
			return EXIT_SUCCESS;
		default:
			return refuse(d);
		}
	}
	return optind < argc ? refuse(d) : DAEMON_GO_ON;
}

void daemon_begin(const struct daemon *d, sigset_t *waited_out)
{
	static const int waited[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE};

	secret_keep_library();
	log_open(d->name);
	(void)sigemptyset(waited_out);
	for (size_t i = 0; i < sizeof(waited) / sizeof(*waited); i++)
		(void)sigaddset(waited_out, waited[i]);
	(void)pthread_sigmask(SIG_BLOCK, waited_out, NULL);
	file_raise_limit(DESCRIPTORS);
}

void daemon_complain(
    const struct daemon *d, const struct daemon_args *a, const char *text)
{
	if (!a->check)
		LOG_EV(LOG_LEVEL_ERR, "failed", KV_Z("error", text));
	(void)fprintf(stderr, "%s: %s\n", d->name, text);
}
