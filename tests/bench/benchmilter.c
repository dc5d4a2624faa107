/* benchmilter.c - see benchmilter.h. The only file here that sees libmilter.
 *
 * The hooks are reached through a file-scope pointer set once before
 * smfi_main(): libmilter has no argument for the application. */
#include "tests/bench/benchmilter.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

enum {
	LISTEN_QUEUE = 2048,
	MAX_HEADER = 4096
};

static const struct bench_hooks *the_hooks;
static unsigned long the_steps;

static void drop_message(SMFICTX *ctx)
{
	void *message = smfi_getpriv(ctx);

	if (message != NULL)
		the_hooks->drop(message);
	(void)smfi_setpriv(ctx, NULL);
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions,
    unsigned long steps, unsigned long f2, unsigned long f3,
    unsigned long *actions_out, unsigned long *steps_out, unsigned long *f2_out,
    unsigned long *f3_out)
{
	(void)ctx, (void)f2, (void)f3;
	*actions_out = actions & SMFIF_ADDHDRS;
	*steps_out = steps & the_steps;
	*f2_out = *f3_out = 0;
	return SMFIS_CONTINUE;
}

static sfsistat no_reply(unsigned long flag)
{
	return (the_steps & flag) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	(void)ctx, (void)host, (void)address;
	return no_reply(SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx, (void)name;
	return no_reply(SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	void *message;

	(void)args;
	drop_message(ctx);
	message = the_hooks->begin();
	/* Without one, the end of the message gets a tempfail. */
	(void)smfi_setpriv(ctx, message);
	return no_reply(SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **args)
{
	(void)ctx, (void)args;
	return no_reply(SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *ctx)
{
	(void)ctx;
	return no_reply(SMFIP_NR_DATA);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return no_reply(SMFIP_NR_HDR);
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return no_reply(SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	void *message = smfi_getpriv(ctx);

	if (message != NULL)
		the_hooks->body(message, (struct str){(const char *)data, n});
	return no_reply(SMFIP_NR_BODY);
}

static sfsistat insert_headers(SMFICTX *ctx, void *message)
{
	struct buf values[BENCH_MAX_HEADERS];
	sfsistat answer = SMFIS_CONTINUE;
	size_t n = 0;

	for (size_t i = 0; i < BENCH_MAX_HEADERS; i++)
		buf_init(&values[i], MAX_HEADER);
	if (the_hooks->end(message, values, &n) != 0)
		answer = SMFIS_TEMPFAIL;
	for (size_t i = 0; i < n && answer == SMFIS_CONTINUE; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s", the_hooks->header);
		if (buf_error(&values[i]) != 0 ||
		    smfi_insheader(ctx, 0, name, values[i].p) != MI_SUCCESS)
			answer = SMFIS_TEMPFAIL;
	}
	for (size_t i = 0; i < BENCH_MAX_HEADERS; i++)
		buf_fini(&values[i]);
	return answer;
}

static sfsistat on_eom(SMFICTX *ctx)
{
	void *message = smfi_getpriv(ctx);
	sfsistat answer =
	    message != NULL ? insert_headers(ctx, message) : SMFIS_TEMPFAIL;

	drop_message(ctx);
	return answer;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	drop_message(ctx);
	return SMFIS_CONTINUE;
}

static int serve(char *name, char *socket_name)
{
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_abort,
	    .xxfi_data = on_data,
	    .xxfi_negotiate = on_negotiate,
	};

	if (smfi_setconn(socket_name) != MI_SUCCESS ||
	    smfi_register(desc) != MI_SUCCESS ||
	    smfi_setbacklog(LISTEN_QUEUE) != MI_SUCCESS ||
	    smfi_opensocket(true) != MI_SUCCESS) {
		(void)fprintf(
		    stderr, "%s: cannot listen on %s\n", name, socket_name);
		return 1;
	}
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}

int benchmilter_main(int argc, char **argv, const struct bench_hooks *hooks)
{
	static const struct option longopts[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"nr", no_argument, NULL, 'n'},
	    {"steps", required_argument, NULL, 'S'},
	    {NULL, 0, NULL, 0},
	};
	char *socket_name = NULL;
	int opt;

	the_hooks = hooks;
	while ((opt = getopt_long(argc, argv, "s:n", longopts, NULL)) != -1) {
		if (opt == 's')
			socket_name = optarg;
		else if (opt == 'n')
			the_steps = BENCH_STEPS;
		else if (opt == 'S')
			the_steps = strtoul(optarg, NULL, 16);
		else
			socket_name = NULL, optind = argc + 1;
	}
	if (socket_name == NULL || optind != argc) {
		(void)fprintf(stderr,
		    "usage: %s -s SOCKET [--nr | --steps HEX]\n", argv[0]);
		return 2;
	}
	return serve(argv[0], socket_name);
}
