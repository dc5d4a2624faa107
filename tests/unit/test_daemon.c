/* test_daemon.c - arguments of both daemons, and the signals they wait for. */
#include "policy/base/log.h"
#include "policy/conf/daemon.h"
#include "tests/unit/tap.h"

#include <openssl/crypto.h>

#include <getopt.h>
#include <pthread.h>
#include <sys/wait.h>

enum {
	ARGS_MAX = 5
};

static const struct daemon self = {"testd", "Tests.\n", "Signals: none.\n"};

static void test_args(void)
{
	static const struct {
		const char *name;
		const char *env;
		const char *args[ARGS_MAX];
		int rc;
		const char *conf; /* NULL: not to be looked at */
		bool check;
	} t[] = {
	    {"none", NULL, {NULL}, DAEMON_GO_ON,
		SYSCONFDIR "/tendril/tendril.conf", false},
	    {"environment", "/e", {NULL}, DAEMON_GO_ON, "/e", false},
	    {"empty environment", "", {NULL}, DAEMON_GO_ON,
		SYSCONFDIR "/tendril/tendril.conf", false},
	    {"conf", "/e", {"--conf", "/c"}, DAEMON_GO_ON, "/c", false},
	    {"short", NULL, {"-c", "/c", "-t"}, DAEMON_GO_ON, "/c", true},
	    {"check", "/e", {"--check"}, DAEMON_GO_ON, "/e", true},
	    {"help", NULL, {"--help"}, EXIT_SUCCESS, NULL, false},
	    {"version", NULL, {"--version"}, EXIT_SUCCESS, NULL, false},
	    {"unknown", NULL, {"--verbose"}, DAEMON_EXIT_USAGE, NULL, false},
	    {"no value", NULL, {"--conf"}, DAEMON_EXIT_USAGE, NULL, false},
	    {"left over", NULL, {"x"}, DAEMON_EXIT_USAGE, NULL, false},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t) "testd"};
		struct daemon_args got;
		int n = 1;

		while (n <= ARGS_MAX && t[i].args[n - 1] != NULL) {
			argv[n] = (char *)(uintptr_t)t[i].args[n - 1];
			n++;
		}
		if (t[i].env == NULL)
			unsetenv("TENDRIL_CONF");
		else
			setenv("TENDRIL_CONF", t[i].env, 1);
		optind = 0; /* glibc: begin anew */
		IS_INT(daemon_args(&self, n, argv, &got), t[i].rc, "%s",
		    t[i].name);
		if (t[i].conf == NULL)
			continue;
		IS_STR(got.conf, t[i].conf, "%s: file", t[i].name);
		OK(got.check == t[i].check, "%s: check", t[i].name);
	}
}

static void test_begin(void)
{
	static const int v[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE};
	sigset_t waited, now;

	daemon_begin(&self, &waited);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		OK(sigismember(&waited, v[i]) == 1 &&
			sigismember(&now, v[i]) == 1,
		    "signal %d is blocked and waited for", v[i]);
	OK(sigismember(&now, SIGSEGV) == 0, "no other is");
}

/* What it says, with standard error for the log. */
static size_t complain(bool check, char *out, size_t cap)
{
	struct daemon_args args = {.check = check};
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);
	size_t n = 0;

	(void)fflush(stderr);
	if (f != NULL && dup2(fileno(f), STDERR_FILENO) >= 0) {
		daemon_complain(&self, &args, "no key");
		(void)fflush(stderr);
		(void)dup2(before, STDERR_FILENO);
		rewind(f);
		n = fread(out, 1, cap - 1, f);
		(void)fclose(f);
	}
	(void)close(before);
	out[n] = '\0';
	return n;
}

static void test_complain(void)
{
	char text[400];

	setenv("TENDRIL_LOG", "stderr", 1);
	log_open("testd");
	(void)complain(false, text, sizeof(text));
	OK(strstr(text, "testd: no key\n") != NULL, "on the terminal");
	OK(strstr(text, "event=failed error=\"no key\"") != NULL, "in the log");
	(void)complain(true, text, sizeof(text));
	IS_STR(text, "testd: no key\n", "not there with --check");
}

static int told[2]; /* a pipe */

static void on_cleanup(void)
{
	if (write(told[1], "x", 1) != 1)
		bug("pipe");
}

/* A daemon ends while its threads still sign: OpenSSL stays as it is. */
static void test_end(void)
{
	sigset_t waited;
	char c;
	int status = -1;
	pid_t child;

	if (pipe(told) != 0)
		bug("pipe");
	child = fork();
	if (child == 0) {
		daemon_begin(&self, &waited);
		/* Then some use of OpenSSL. */
		if (OPENSSL_init_crypto(
			OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1 ||
		    OPENSSL_atexit(on_cleanup) != 1)
			_exit(1);
		exit(0);
	}
	(void)close(told[1]);
	OK(child > 0 && waitpid(child, &status, 0) == child && status == 0,
	    "a daemon ends");
	IS_INT(read(told[0], &c, 1), 0, "and OpenSSL does not clean up");
	(void)close(told[0]);
}

int main(void)
{
	test_args();
	test_end();
	test_complain();
	test_begin();
	return tap_done();
}
