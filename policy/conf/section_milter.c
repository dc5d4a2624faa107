/* section_milter.c - milter { }: the socket and the bounds of one message. */
#include "policy/conf/section.h"

#include <sys/un.h>

static bool is_port(struct str s)
{
	uint64_t port;

	return str_u64(s, 65535, &port) == 0 && port > 0;
}

/* The three forms of libmilter's smfi_setconn that we use, and fd:N for a
 * socket passed at start. */
static int check_socket(const struct option_job *job,
    const struct read_option *in, const void *field)
{
	struct str s = in->values[0].text, rest;
	size_t colon = str_find(s, 0, ':');
	struct str kind = str_cut(s, 0, colon);
	size_t at;
	uint64_t fd;

	(void)field;
	rest = str_from(s, colon + 1);
	at = str_find(rest, 0, '@');
	if (str_eq(kind, STR("unix")) && str_starts(rest, STR("/")) &&
	    rest.n < sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return 0;
	if ((str_eq(kind, STR("inet")) || str_eq(kind, STR("inet6"))) &&
	    is_port(str_cut(rest, 0, at)) && at + 1 < rest.n)
		return 0;
	if (str_eq(kind, STR("fd")) && str_u64(rest, 1023, &fd) == 0 && fd > 2)
		return 0;
	return option_fail(job, in->values[0].line, ERR_SYNTAX,
	    "socket = \"%.*s\": expected \"unix:/path\" (below 108 bytes), "
	    "\"inet:PORT@HOST\", \"inet6:PORT@HOST\" or \"fd:N\" (from 3)",
	    STR_ARG(s));
}

#define AT(field) offsetof(struct conf_milter, field)

static const struct option options[] = {
    {.name = "socket",
	.type = &option_text,
	.offset = AT(socket),
	.flags = OPTION_REQUIRED,
	.check = check_socket,
	.help = "Where the MTA finds the milter: unix:/path, inet:PORT@HOST, "
		"inet6:PORT@HOST, or fd:N for a socket passed at start."},
    {.name = "socket-mode",
	.type = &option_mode,
	.offset = AT(socket_mode),
	.def = "0660",
	.help = "Mode of a unix socket."},
    {.name = "max-message",
	.type = &option_size,
	.offset = AT(max_message_bytes),
	.def = "50M",
	.min = 64 << 10,
	.max = 1 << 30,
	.help = "Largest message that is decided and signed; above, it gets "
		"a refusal that names this limit."},
    {.name = "max-header-bytes",
	.type = &option_size,
	.offset = AT(max_header_bytes),
	.def = "1M",
	.min = 16 << 10,
	.max = 64 << 20,
	.help = "Bytes of all header fields of one message together."},
    {.name = "max-headers",
	.type = &option_limit,
	.offset = AT(max_headers),
	.def = "1000",
	.min = 50,
	.max = 100000,
	.help = "Number of header fields of one message."},
    {.name = "max-recipients",
	.type = &option_limit,
	.offset = AT(max_recipients),
	.def = "1000",
	.min = 1,
	.max = 100000,
	.help = "Recipients of one nurture message."},
    {.name = "self-verify-every",
	.type = &option_count,
	.offset = AT(self_verify_every),
	.def = "1000",
	.min = 0,
	.max = UINT32_MAX,
	.help = "Every how many messages a second implementation verifies a "
		"signature before it leaves; 1 is each, 0 is at load only."},
    {.name = "dns-check",
	.type = &option_flag,
	.offset = AT(dns_check),
	.def = "yes",
	.help = "Ask DNS for the record of each key at load: a missing or "
		"different one refuses the key, no answer is a warning."},
};

const struct section_kind section_milter = {
    .name = "milter",
    .times = SECTION_ONCE,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .offset = offsetof(struct conf, milter),
    .help = "The program tendril-milter.",
};
