/* option_host.c - see option.h: types of paths, domains, networks, addresses
 * of sockets. */
#include "policy/conf/option.h"

#include "policy/conf/conf.h"
#include "policy/mail/address.h"
#include "policy/mail/domain.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

static int parse_path(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str s = in->values[0].text, *path = field;

	if (!str_starts(s, STR("/")) || s.n >= PATH_MAX ||
	    str_contains(s, STR("/../")) || str_ends(s, STR("/..")))
		return option_unexpected(job, o, &in->values[0]);
	*path = s;
	return 0;
}

const struct option_type option_path = {
    "an absolute path", false, parse_path, option_print_text};

/* --- hosts, domains, addresses --- */

/* One label of a host name (RFC 1123 section 2.1), or "_" as in selectors. */
static bool is_label(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= 63 && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

bool option_is_host(struct str s)
{
	struct str rest = s, label;

	while (str_next(&rest, '.', &label))
		if (!is_label(label))
			return false;
	return s.n > 0 && s.n <= DOMAIN_MAX;
}

static int one_host(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	char *to;

	if (!option_is_host(v->text))
		return option_unexpected(job, o, v);
	to = arena_alloc(job->arena, v->text.n + 1);
	if (to == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < v->text.n; i++)
		to[i] = ascii_lower(v->text.p[i]);
	*out = (struct str){to, v->text.n};
	return 0;
}

static int parse_host(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return one_host(job, o, &in->values[0], field);
}

static int parse_hosts(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_host, field);
}

const struct option_type option_host = {
    "letters, digits, \"-\", \"_\" and \".\" such as \"s2027\"", false,
    parse_host, option_print_text};
const struct option_type option_hosts = {
    "host names such as \"relay.example.com\"", true, parse_hosts,
    option_print_texts};

static int one_domain(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	struct error why = {0};
	int rc = domain_parse(job->arena, v->text, out, &why);

	if (rc == ERR_SYNTAX)
		return option_refuse(job, o, v, why.text);
	return rc != 0 ? option_no_memory(job) : 0;
}

static int parse_domain(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return one_domain(job, o, &in->values[0], field);
}

static int parse_domains(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_domain, field);
}

const struct option_type option_domain = {
    "a domain such as \"example.com\"", false, parse_domain, option_print_text};
const struct option_type option_domains = {
    "domains such as \"example.com\"", true, parse_domains, option_print_texts};

static int one_address(const struct option_job *job, const struct option *o,
    const struct read_value *v, struct str *out)
{
	struct error why = {0};
	struct address a;
	int rc = address_parse(job->arena, v->text, &a, &why);

	if (rc == ERR_SYNTAX)
		return option_refuse(job, o, v, why.text);
	if (rc != 0)
		return option_no_memory(job);
	if (str_contains(a.text, STR("\"")))
		return option_refuse(job, o, v,
		    "its part before the @ has to stand in quotes, which a "
		    "text here cannot hold");
	*out = a.text;
	return 0;
}

static int parse_addresses(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	return option_parse_each(job, o, in, one_address, field);
}

const struct option_type option_addresses = {
    "mail addresses such as \"proof@example.com\"", true, parse_addresses,
    option_print_texts};

/* --- networks --- */

enum {
	V4_PREFIX = 96
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
static bool parse_net(struct str s, struct conf_net *net)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t slash = str_find(s, 0, '/');
	char host[INET6_ADDRSTRLEN];
	uint64_t bits, most = 32;

	if (slash >= sizeof(host))
		return false;
	memcpy(host, s.p, slash);
	host[slash] = '\0';
	memcpy(net->addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, host, net->addr + 12) != 1) {
		most = 128;
		if (inet_pton(AF_INET6, host, net->addr) != 1)
			return false;
	}
	bits = most;
	if (slash < s.n && str_u64(str_from(s, slash + 1), most, &bits) != 0)
		return false;
	net->bits = (unsigned)bits + (most == 32 ? V4_PREFIX : 0);
	return true;
}

/* A bit set behind the prefix is nearly always a typing error. */
static bool has_host_bits(const struct conf_net *net)
{
	for (unsigned i = net->bits; i < 128; i++)
		if (net->addr[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static int parse_nets(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct conf_nets *nets = field;
	struct conf_net *v = arena_array(job->arena, in->n, sizeof(*v));

	if (v == NULL)
		return option_no_memory(job);
	for (size_t i = 0; i < in->n; i++) {
		if (!parse_net(in->values[i].text, &v[i]))
			return option_unexpected(job, o, &in->values[i]);
		if (has_host_bits(&v[i]))
			return option_fail(job, in->values[i].line, ERR_SYNTAX,
			    "%s = \"%.*s\": bits are set behind the prefix",
			    o->name, STR_ARG(in->values[i].text));
	}
	nets->v = v;
	nets->n = in->n;
	return 0;
}

static void print_nets(
    const struct option *o, const void *field, struct buf *out)
{
	const struct conf_nets *nets = field;

	(void)o;
	for (size_t i = 0; i < nets->n; i++) {
		const struct conf_net *net = &nets->v[i];
		bool v4 = net->bits >= V4_PREFIX &&
			  IN6_IS_ADDR_V4MAPPED(
			      (const struct in6_addr *)(const void *)net->addr);
		char host[INET6_ADDRSTRLEN];

		(void)inet_ntop(v4 ? AF_INET : AF_INET6,
		    net->addr + (v4 ? 12 : 0), host, sizeof(host));
		option_print_open(out, i, nets->n);
		buf_printf(
		    out, "\"%s/%u\"", host, net->bits - (v4 ? V4_PREFIX : 0));
	}
	option_print_close(out, nets->n);
}

const struct option_type option_nets = {
    "networks such as \"192.0.2.0/24\" or \"2001:db8::/32\"", true, parse_nets,
    print_nets};

/* --- host:port --- */

bool option_split_hostport(
    struct str s, struct str *host_out, struct str *port_out)
{
	size_t colon = str_rfind(s, ':');
	struct str host = str_cut(s, 0, colon);
	uint64_t port;

	*port_out = str_from(s, colon + 1);
	if (str_u64(*port_out, 65535, &port) != 0 || port == 0)
		return false;
	if (str_starts(host, STR("[")) && str_ends(host, STR("]"))) {
		struct conf_net net;
		*host_out = str_cut(host, 1, host.n - 2);
		return str_find(*host_out, 0, '/') == host_out->n &&
		       parse_net(*host_out, &net);
	}
	*host_out = host;
	return option_is_host(host);
}

bool option_is_loopback(struct str host)
{
	struct conf_net net;

	if (str_eq(host, STR("localhost")) || str_eq(host, STR("::1")))
		return true;
	return str_starts(host, STR("127.")) &&
	       str_find(host, 0, '/') == host.n && parse_net(host, &net);
}

static int parse_hostport(const struct option_job *job, const struct option *o,
    const struct read_option *in, void *field)
{
	struct str host, port, *s = field;

	if (!option_split_hostport(in->values[0].text, &host, &port))
		return option_unexpected(job, o, &in->values[0]);
	*s = in->values[0].text;
	return 0;
}

const struct option_type option_hostport = {
    "host and port such as \"127.0.0.1:8580\" or \"[::1]:8580\"", false,
    parse_hostport, option_print_text};
