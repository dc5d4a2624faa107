/* policyfile.c - see policyfile.h. */
#include "agent/cli/policyfile.h"

#include "policy/conf/policytext.h"

int policyfile_read(
    struct cli *c, const char *path, struct str *out, struct error *err)
{
	struct str text;
	int code = cli_read(c, path, &text);

	if (code != CLI_DONE)
		return code;
	return policytext_expand(c->arena, path, text, out, err) == 0 ? CLI_DONE
								      : CLI_NO;
}

int policyfile_get(struct cli *c, const char *path, struct str *out)
{
	struct error err = {0};
	int code = policyfile_read(c, path, out, &err);

	return code == CLI_NO ? cli_fail(code, "%s", err.text) : code;
}
