/* replay.c - main() of a fuzz target that is built without libFuzzer: gives it
 * each file named, or each file of a folder named, and speaks TAP. Without
 * arguments the program fuzz_NAME takes tests/fuzz/corpus/NAME below
 * $TENDRIL_SRCDIR. No input at all is a failure. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	INPUT_MAX = 1 << 24
};

static int count, failed;

/* In memory of exactly its size, so that a sanitizer sees a read beyond. */
static int run(struct str input)
{
	uint8_t *p = malloc(input.n > 0 ? input.n : 1);

	if (p == NULL)
		return -1;
	if (input.n > 0)
		memcpy(p, input.p, input.n);
	(void)LLVMFuzzerTestOneInput(p, input.n);
	free(p);
	return 0;
}

static void replay_file(const char *path)
{
	struct error err = {0, "out of memory"};
	struct buf b;
	int rc;

	/* Before the run: a crash then shows which input it was. */
	printf("# %s\n", path);
	fflush(stdout);
	buf_init(&b, INPUT_MAX);
	rc = file_read(path, &b, &err);
	if (rc == 0)
		rc = run(buf_str(&b));
	buf_fini(&b);
	failed += rc != 0;
	printf("%sok %d - %s%s\n", rc == 0 ? "" : "not ", ++count, path,
	    rc == 0 ? "" : err.text);
}

static void replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];
		if (names[i]->d_name[0] != '.' &&
		    snprintf(file, sizeof(file), "%s/%s", path,
			names[i]->d_name) < (int)sizeof(file))
			replay_file(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void replay_own(const char *program)
{
	const char *srcdir = getenv("TENDRIL_SRCDIR");
	const char *name = strrchr(program, '/');
	char path[4096];

	name = name != NULL ? name + 1 : program;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	if (snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
		srcdir != NULL ? srcdir : ".", name) < (int)sizeof(path))
		replay(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc < 2)
		replay_own(argv[0]);
	printf("1..%d\n", count);
	return failed > 0 || count == 0;
}
