/* postfix.c - see postfix.h. */
#include "agent/cli/postfix.h"

#include "agent/cli/run.h"

#include <string.h>

enum {
	ENVELOPE_MAX = 16 << 20,
	QUEUE_MAX = 512 << 20,
	ARGS_MAX = 10,
};

/* --- the programs --- */

/* NAME [-c DIR] then up to five words. */
static int run(const char *config_dir, const char *const *words, size_t max,
    struct run_result *out, struct error *err)
{
	const char *argv[ARGS_MAX];
	size_t n = 0;

	argv[n++] = *words++;
	if (config_dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = config_dir;
	}
	while (*words != NULL && n + 1 < ARGS_MAX)
		argv[n++] = *words++;
	argv[n] = NULL;
	return run_program(argv, max, out, err);
}

/* The last line it wrote: Postfix's "fatal:" stands there. */
static struct str complaint(const struct run_result *r)
{
	struct str text = str_trim(buf_str(&r->err));
	size_t lf = str_rfind(text, '\n');

	return lf < text.n ? str_from(text, lf + 1) : text;
}

static int told(
    const char *program, int rc, const struct run_result *r, struct error *err)
{
	if (rc != 0)
		return cli_fail(CLI_AGAIN, "%s", err->text);
	return cli_fail(CLI_AGAIN, "%s ended with %d: %.*s", program, r->status,
	    STR_ARG(complaint(r)));
}

/* --- a message --- */

void postfix_message_fini(struct postfix_message *m)
{
	buf_fini(&m->raw);
	buf_fini(&m->body);
}

static int bad_message(struct str queue_id, int rc)
{
	return cli_fail(CLI_NO, "%.*s: cannot be read: %s", STR_ARG(queue_id),
	    error_text(rc));
}

static int postcat(struct cli *c, const char *config_dir, const char *what,
    struct str queue_id, struct run_result *r)
{
	const char *words[] = {
	    "postcat", what, arena_str(c->arena, queue_id).p, NULL};
	struct error err = {0};
	int rc = run(config_dir, words,
	    strcmp(what, "-eq") == 0 ? ENVELOPE_MAX : CLI_FILE_MAX, r, &err);

	if (rc == 0 && r->status == 0)
		return CLI_DONE;
	if (rc == 0 && str_contains(complaint(r), STR("No such file")))
		return CLI_NO;
	return told("postcat", rc, r, &err);
}

int postfix_read(struct cli *c, const char *config_dir, struct str queue_id,
    struct postfix_message *out, bool *found_out)
{
	struct run_result r;
	int rc, code = postcat(c, config_dir, "-eq", queue_id, &r);

	*out = (struct postfix_message){0};
	buf_init(&out->body, 2 * CLI_FILE_MAX);
	*found_out = code == CLI_DONE;
	rc = code == CLI_DONE ? postout_envelope(c->arena, buf_str(&r.out), out)
			      : 0;
	run_fini(&r);
	if (rc != 0)
		return bad_message(queue_id, rc);
	if (code != CLI_DONE)
		return code;
	code = postcat(c, config_dir, "-bhq", queue_id, &r);
	out->raw = r.out;
	buf_init(&r.out, 0);
	run_fini(&r);
	if (code != CLI_DONE) {
		*found_out = code != CLI_NO;
		return code;
	}
	rc = postout_text(c->arena, queue_id, out);
	return rc != 0 ? bad_message(queue_id, rc) : CLI_DONE;
}

/* --- the hold queue --- */

int postfix_held(struct cli *c, const char *config_dir, struct strs *ids_out)
{
	static const char *const words[] = {"postqueue", "-j", NULL};
	struct run_result r;
	struct error err = {0};
	int code = CLI_DONE, rc = run(config_dir, words, QUEUE_MAX, &r, &err);

	*ids_out = (struct strs){NULL, 0};
	if (rc != 0 || r.status != 0)
		code = told("postqueue", rc, &r, &err);
	else if ((rc = postout_held(c->arena, buf_str(&r.out), ids_out)) != 0)
		code =
		    cli_fail(CLI_AGAIN, "postqueue's list: %s", error_text(rc));
	run_fini(&r);
	return code;
}

/* "postsuper: QUEUEID: removed", and nothing but a sum when it was not
 * there. */
int postfix_delete_held(struct cli *c, const char *config_dir,
    struct str queue_id, bool *deleted_out)
{
	const char *id = arena_str(c->arena, queue_id).p;
	const char *words[] = {"postsuper", "-d", id, "hold", NULL};
	struct run_result r;
	struct error err = {0};
	int rc = run(config_dir, words, ENVELOPE_MAX, &r, &err);
	const char *mark = arena_printf(c->arena, "%s: removed", id);
	int code = rc == 0 && r.status == 0 && mark != NULL
		       ? CLI_DONE
		       : told("postsuper", rc, &r, &err);

	*deleted_out =
	    code == CLI_DONE && str_contains(buf_str(&r.err), str_of(mark));
	run_fini(&r);
	return code;
}
