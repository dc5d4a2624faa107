/* main.c - tendril-verify: started by tendril-agent with a socket as its
 * standard input, for nobody else. It takes no arguments, has no environment,
 * opens nothing once it works, and ends when the agent does. */
#include "agent/verify/sandbox.h"
#include "agent/verify/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int main(void)
{
	struct serve *s = NULL;
	int rc;

	if (!is_socket(STDIN_FILENO)) {
		(void)fputs(
		    "tendril-verify is started by tendril-agent\n", stderr);
		return 2;
	}
	rc = serve_open(&s, STDIN_FILENO);
	if (rc == 0)
		rc = sandbox_enter();
	if (rc == 0)
		rc = serve_run(s);
	/* not exit(): what it would run may need more than the sandbox lets */
	_exit(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
