/* provider.c - see provider.h. Servers are listed apart from domains: a mail
 * service's relay for its customers' own mail (smtp-relay.gmail.com) must not
 * make each message one to that service. */
#include "policy/mail/provider.h"

#include "policy/mail/freemail.h"
#include "policy/mail/psl.h"

struct row {
	const char *name;
	const char *domains[16]; /* a host is one of these, or below one */
};

static const struct row relays[] = {
    {"apple", {"mail.icloud.com"}},
    {"barracuda", {"barracudanetworks.com", "barracuda.com"}},
    {"cisco", {"iphmx.com"}},
    {"comcast", {"comcast.net"}},
    {"fastmail", {"messagingengine.com"}},
    {"forcepoint", {"mailcontrol.com"}},
    {"gandi", {"gandi.net"}},
    {"gmx", {"gmx.net", "web.de", "mail.com"}},
    {"godaddy", {"secureserver.net"}},
    {"google", {"l.google.com", "googlemail.com", "smtp.google.com"}},
    {"hornetsecurity", {"hornetsecurity.com", "antispameurope.com"}},
    {"infomaniak", {"infomaniak.ch"}},
    {"ionos", {"kundenserver.de", "ionos.com", "ionos.de", "perfora.net"}},
    {"mailru", {"mail.ru"}},
    {"microsoft", {"protection.outlook.com", "mx.microsoft", "hotmail.com"}},
    {"mimecast", {"mimecast.com", "mimecast.co.za", "mimecast-offshore.com"}},
    {"orange", {"orange.fr", "wanadoo.fr"}},
    {"ovh", {"ovh.net"}},
    {"proofpoint", {"pphosted.com", "ppe-hosted.com"}},
    {"proton", {"protonmail.ch"}},
    {"qq", {"qq.com"}},
    {"rackspace", {"emailsrvr.com"}},
    {"sophos", {"sophos.com"}},
    {"strato", {"rzone.de"}},
    {"symantec", {"messagelabs.com"}},
    {"t-online", {"t-online.de"}},
    {"trendmicro", {"trendmicro.com", "trendmicro.eu"}},
    {"yahoo", {"yahoodns.net"}},
    {"yandex", {"yandex.net", "yandex.ru"}},
    {"zoho", {"zoho.com", "zoho.eu", "zoho.in"}},
};

static const struct row domains[] = {
    {"apple", {"icloud.com", "me.com", "mac.com"}},
    {"comcast", {"comcast.net"}},
    {"fastmail", {"fastmail.com", "fastmail.fm"}},
    {"gmx", {"web.de", "mail.com"}},
    {"google", {"gmail.com", "googlemail.com", "google.com"}},
    {"mailru", {"mail.ru", "bk.ru", "inbox.ru", "list.ru"}},
    {"microsoft", {"msn.com", "passport.com", "microsoft.com"}},
    {"orange", {"orange.fr", "wanadoo.fr"}},
    {"proton", {"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}},
    {"qq", {"qq.com", "foxmail.com"}},
    {"t-online", {"t-online.de", "magenta.de"}},
    {"yahoo",
	{"aol.com", "ymail.com", "rocketmail.com", "sbcglobal.net", "att.net"}},
    {"yandex", {"yandex.ru", "yandex.com", "ya.ru"}},
    {"zoho", {"zoho.com", "zohomail.com"}},
};

/* Under many top-level domains: yahoo.co.jp, hotmail.fr. */
static const struct {
	const char *name, *label;
} brands[] = {
    {"yahoo", "aol"},
    {"gmx", "gmx"},
    {"microsoft", "hotmail"},
    {"microsoft", "live"},
    {"microsoft", "outlook"},
    {"yahoo", "yahoo"},
};

static bool is_below(struct str host, struct str domain)
{
	return str_iends(host, domain) &&
	       (host.n == domain.n || host.p[host.n - domain.n - 1] == '.');
}

static struct str find(struct str host, const struct row *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; v[i].domains[k] != NULL; k++)
			if (is_below(host, str_of(v[i].domains[k])))
				return str_of(v[i].name);
	return STR("");
}

struct str provider_of_domain(struct str domain)
{
	struct str found =
	    find(domain, domains, sizeof(domains) / sizeof(domains[0]));
	struct str org = psl_org_domain(domain), label;

	if (found.n > 0)
		return found;
	if (!freemail_is_one(org))
		return org.n > 0 ? org : domain;
	label = str_cut(org, 0, str_find(org, 0, '.'));
	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
		if (str_eq(label, str_of(brands[i].label)))
			return str_of(brands[i].name);
	return org;
}

struct str provider_of_relay(struct str relay)
{
	relay.n = str_find(relay, 0, ' ');
	relay.n = str_find(relay, 0, '[');
	relay.n = str_find(relay, 0, ':');
	if (relay.n > 0 && relay.p[relay.n - 1] == '.')
		relay.n--;
	return find(relay, relays, sizeof(relays) / sizeof(relays[0]));
}

struct str provider_of(struct str relay, struct str domain)
{
	struct str found = provider_of_relay(relay);

	return found.n > 0 ? found : provider_of_domain(domain);
}
