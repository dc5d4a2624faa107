/* mailin.c - see mailin.h. */
#include "agent/cli/mailin.h"

#include "policy/mail/headblock.h"

#include <arpa/inet.h>
#include <string.h>

int mailin_read(struct cli *c, const char *path, struct mailin *out)
{
	struct str text;
	size_t body_at, eol;
	int rc, code = cli_read(c, path, &text);

	*out = (struct mailin){0};
	if (code != CLI_DONE)
		return code;
	text = str_from(text, headblock_start(text));
	rc = headblock_parse(text, c->arena, &out->headers, &body_at);
	if (rc != 0)
		return cli_fail(CLI_USAGE, "%s: %s", path, error_text(rc));
	if (out->headers.n == 0)
		return cli_fail(
		    CLI_USAGE, "%s: no message: it has no header", path);
	out->text = text;
	out->body = str_from(text, body_at);
	eol = str_find(text, 0, '\n');
	out->crlf = eol < text.n && eol > 0 && text.p[eol - 1] == '\r';
	return CLI_DONE;
}

/* IPv4 as ::ffff:a.b.c.d. */
static bool read_client(const char *text, unsigned char out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	memset(out + 10, 0xff, 2);
	return inet_pton(AF_INET, text, out + 12) == 1;
}

int mailin_addresses(struct cli *c, const struct mailin *m, const char *name,
    struct addrlist *out)
{
	const struct header *h;
	size_t at = 0;
	int rc = 0;

	*out = (struct addrlist){0};
	while (rc == 0 &&
	       (h = header_next(&m->headers, str_of(name), &at)) != NULL)
		rc = addrlist_add(out, c->arena, h->value);
	return rc == 0 ? CLI_DONE
		       : cli_fail(CLI_USAGE, "%s: %s", name, error_text(rc));
}

static int read_sender(struct cli *c, const struct mailin *m, struct str *out)
{
	struct addrlist from;
	struct address a;
	struct error err = {0};
	int code;

	if (cli_opt(c, "sender") != NULL) {
		if (address_parse_sender(
			c->arena, cli_str(c, "sender"), &a, &err) != 0)
			return cli_fail(CLI_USAGE, "--sender: %s", err.text);
		*out = a.text;
		return CLI_DONE;
	}
	code = mailin_addresses(c, m, "From", &from);
	if (code != CLI_DONE)
		return code;
	if (from.n == 0)
		return cli_fail(CLI_USAGE,
		    "without a From: field, --sender ADDRESS is wanted");
	*out = from.v[0].addr.text;
	return CLI_DONE;
}

int mailin_origin(struct cli *c, const struct mailin *m,
    struct recognise_origin *out, struct str *sender_out)
{
	const char *client = cli_opt(c, "client");

	*out = (struct recognise_origin){.listener = cli_str(c, "listener"),
	    .sasl_user = cli_str(c, "sasl-user"),
	    .local = cli_opt(c, "sendmail") != NULL,
	    .has_client = client != NULL};
	if (client != NULL && !read_client(client, out->client))
		return cli_fail(
		    CLI_USAGE, "--client %s is no IP address", client);
	return read_sender(c, m, sender_out);
}
