/* test_provider.c - policy/mail/provider.h. */
#include "policy/mail/provider.h"
#include "tests/unit/tap.h"

struct provider_case {
	const char *relay, *domain, *want;
};

static const struct provider_case cases[] = {
    {"", "gmail.com", "google"},
    {"", "googlemail.com", "google"},
    {"", "gmail.com.example.org", "example.org"},
    {"", "notgmail.com", "notgmail.com"},
    {"", "yahoo.co.jp", "yahoo"},
    {"", "yahoo.fr", "yahoo"},
    {"", "yahoo.example.com", "example.com"},
    {"", "hotmail.co.uk", "microsoft"},
    {"", "gmx.at", "gmx"},
    {"", "mail.example.co.uk", "example.co.uk"},
    {"", "co.uk", "co.uk"},
    {"", "localhost", "localhost"},
    {"", "[192.0.2.1]", "[192.0.2.1]"},
    {"", "", ""},
    {"gmail-smtp-in.l.google.com[192.0.2.26]:25", "gmail.com", "google"},
    {"ASPMX.L.GOOGLE.COM[192.0.2.26]:25", "example.com", "google"},
    {"aspmx.l.google.com. [192.0.2.26]", "example.com", "google"},
    {"example-com.mail.protection.outlook.com[192.0.2.4]:25", "example.com",
	"microsoft"},
    {"mx-eu.mail.am0.yahoodns.net[192.0.2.4]:25", "example.com", "yahoo"},
    {"mxa-00012.gslb.pphosted.com. [192.0.2.4]", "example.com", "proofpoint"},
    /* a relay of one's own, or a service's for its customers */
    {"smtp-relay.gmail.com[192.0.2.4]:587", "example.com", "example.com"},
    {"relay.example.net[192.0.2.4]:25", "hotmail.com", "microsoft"},
    {"[127.0.0.1] [127.0.0.1]", "gmail.com", "google"},
    {"127.0.0.1[127.0.0.1]:10024", "example.com", "example.com"},
    {"local", "example.com", "example.com"},
    {"none", "example.com", "example.com"},
    {"evil-l.google.com.example.org[192.0.2.4]:25", "example.com",
	"example.com"},
    {"evill.google.com[192.0.2.4]:25", "example.com", "example.com"},
    {".", "example.com", "example.com"},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct provider_case *c = &cases[i];

		IS_S(provider_of(str_of(c->relay), str_of(c->domain)),
		    str_of(c->want), "%s %s", c->relay, c->domain);
	}
	IS_S(provider_of_relay(STR("mx.example.com[192.0.2.1]:25")), STR(""),
	    "nothing is known by that relay");
	return tap_done();
}
