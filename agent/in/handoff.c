/* handoff.c - see handoff.h. */
#include "agent/in/handoff.h"

/* What a log tells of a relay; empty where it does not. */
struct relay {
	struct str name, address, port;
};

static struct relay relay_of(struct str s)
{
	size_t open = str_find(s, 0, '['), close = str_rfind(s, ']');
	struct relay r = {.name = str_trim(str_cut(s, 0, open))};
	struct str rest;

	/* "[127.0.0.1] [127.0.0.1]": the last one is the address */
	if (open < s.n && close < s.n && close > open) {
		size_t last = str_rfind(str_cut(s, 0, close), '[');

		r.address = str_cut(s, last + 1, close - last - 1);
		rest = str_from(s, close + 1);
		if (str_starts(rest, STR(":")))
			r.port = str_from(rest, 1);
	}
	if (str_istarts(r.address, STR("IPv6:")))
		r.address = str_from(r.address, 5);
	if (str_ends(r.name, STR(".")))
		r.name.n--;
	return r;
}

/* "[::1]:25" has a port, "::1" has none. */
static void split(struct str entry, struct str *host, struct str *port)
{
	size_t colon = str_rfind(entry, ':');

	*host = entry;
	*port = STR("");
	if (str_starts(entry, STR("[")) || str_find(entry, 0, ':') == colon) {
		*host = str_cut(entry, 0, colon);
		*port = str_from(entry, colon + 1);
	}
	if (str_starts(*host, STR("[")) && str_ends(*host, STR("]")))
		*host = str_cut(*host, 1, host->n - 2);
}

bool handoff_is_relay(struct strs relays, struct str relay)
{
	struct relay r;
	struct str host, port;

	if (relays.n == 0 || relay.n == 0)
		return false;
	r = relay_of(relay);
	for (size_t i = 0; i < relays.n; i++) {
		split(relays.v[i], &host, &port);
		if (host.n > 0 && (port.n == 0 || str_eq(port, r.port)) &&
		    (str_ieq(host, r.name) || str_ieq(host, r.address)))
			return true;
	}
	return false;
}
