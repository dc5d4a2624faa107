divert(-1)
dnl tendril.m4 - what Sendmail needs to work with Tendril. Sendmail 8.14 or
dnl newer; tests run with 8.17. In sendmail.mc, after OSTYPE, DOMAIN and
dnl FEATUREs and before MAILER:
dnl
dnl   define(`TENDRIL_BOUNCE_DOMAIN', `bounces.example.com')
dnl   include(`/usr/local/share/tendril/sendmail/tendril.m4')
dnl   MAILER(`local')
dnl   MAILER(`smtp')
dnl
dnl then build sendmail.cf as usual. May be set before, here as by default:
ifdef(`TENDRIL_SOCKET',, `define(`TENDRIL_SOCKET',
	`local:/run/tendril-milter/milter.sock')')
ifdef(`TENDRIL_APPS',, `define(`TENDRIL_APPS',
	`Addr=127.0.0.1, Port=10587')')
ifdef(`TENDRIL_RELEASE',, `define(`TENDRIL_RELEASE',
	`Addr=127.0.0.1, Port=10026')')
ifdef(`TENDRIL_INGEST',, `define(`TENDRIL_INGEST', `/usr/local/bin/tendril')')
ifdef(`TENDRIL_USER',, `define(`TENDRIL_USER', `tendril-agent:tendril')')
ifdef(`TENDRIL_BOUNCE_DOMAIN',, `errprint(`tendril.m4: TENDRIL_BOUNCE_DOMAIN is not defined
')m4exit(1)')

dnl The filter, twice: on the listeners whose mail is decided nothing may leave
dnl while it is away (F=T: 451); other mail goes on without it (no F). A
dnl decision may wait 20 seconds for the disk.
define(`_TENDRIL_WAIT', `T=C:30s;S:30s;R:1m;E:5m')
divert(0)dnl
MAIL_FILTER(`tendril', `S=TENDRIL_SOCKET, F=T, _TENDRIL_WAIT')dnl
MAIL_FILTER(`tendril-world', `S=TENDRIL_SOCKET, _TENDRIL_WAIT')dnl
divert(-1)
dnl Other milters of yours come first, since what is signed must not be changed
dnl afterwards. Daemons without InputMailFilters have these, the world's too.
define(`confINPUT_MAIL_FILTERS', ifdef(`confINPUT_MAIL_FILTERS',
	`defn(`confINPUT_MAIL_FILTERS')`, '')``tendril-world'')

dnl The macros that Tendril asks for; Sendmail's own default, for a sendmail.mc
dnl that has changed it: {daemon_name} is a stream's listener, {auth_authen} its
dnl sasl-user, i is the queue id.
define(`confMILTER_MACROS_CONNECT',
	``j, _, {daemon_name}, {if_name}, {if_addr}'')
define(`confMILTER_MACROS_ENVFROM',
	``i, {auth_type}, {auth_authen}, {auth_ssf}, {auth_author}, {mail_mailer}, {mail_host}, {mail_addr}'')

dnl The agent reads the log: it shall say when a message was accepted.
ifdef(`confMILTER_LOG_LEVEL',, `define(`confMILTER_LOG_LEVEL', `10')')

dnl Applications' own listener, and that of the agent, which hands in what was
dnl held and messages to several people split by recipient. This host only: by
dnl Sendmail's rules 127.0.0.1 may relay. C: names stay as they were written.
divert(0)dnl
DAEMON_OPTIONS(`Name=apps, TENDRIL_APPS, M=C, InputMailFilters=tendril')dnl
DAEMON_OPTIONS(`Name=release, TENDRIL_RELEASE, M=C, InputMailFilters=tendril')dnl
divert(-1)

dnl What is signed must leave as it is: no names looked up and replaced, lines
dnl of any length, 8-bit text as it is.
divert(0)dnl
FEATURE(`nocanonify')dnl
divert(-1)
define(`SMTP_MAILER_LL', `0')
define(`RELAY_MAILER_LL', `0')
define(`confEIGHT_BIT_HANDLING', `pass8')
MODIFY_MAILER_FLAGS(`SMTP', `+8')
MODIFY_MAILER_FLAGS(`RELAY', `+8')

dnl What comes back to our bounce addresses is taken from anybody and goes
dnl through `tendril ingest` into the agent's Maildir, with the address it was
dnl sent to. (A mailer without $u among its arguments would have to speak SMTP.)
divert(0)dnl
RELAY_DOMAIN(TENDRIL_BOUNCE_DOMAIN)dnl
LOCAL_RULE_0
R$+ < @ TENDRIL_BOUNCE_DOMAIN . >	$#tendril $@ feedback $: $1 < @ TENDRIL_BOUNCE_DOMAIN . >
R$+ < @ TENDRIL_BOUNCE_DOMAIN >	$#tendril $@ feedback $: $1 < @ TENDRIL_BOUNCE_DOMAIN >

MAILER_DEFINITIONS
Mtendril,	P=TENDRIL_INGEST, F=lsnDFMPqu8, S=EnvFromL/HdrFromL, R=EnvToSMTP/HdrFromSMTP,
		T=DNS/RFC822/X-Unix, U=TENDRIL_USER, A=tendril ingest $u
