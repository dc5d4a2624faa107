/* bounce_table.c - see bounce_table.h.
 *
 * Three layers. Strong phrases say what happened; they are ordered so that a
 * text with two causes in it gets the one that spares the person. Codes follow
 * RFC 3463, RFC 7372, RFC 7504, RFC 7505, the IANA registry of enhanced status
 * codes and Microsoft's x.7.5xx to x.7.7xx; a code that means nothing in
 * practice (x.0.0, x.1.0, x.5.0, 550, 554) is left out. Weak phrases are what
 * servers say when they would rather not say.
 *
 * "gcdp" marks a rule made by a Google customer and not by Google: it tells
 * nothing of the mailbox. "AS(201806281)" is Exchange Online's mark for a
 * recipient who is not in the directory. */
#include "policy/rules/bounce_table.h"

#define ANY(reason, any) {BOUNCE_##reason, any, NULL, BOUNCE_ALWAYS}
#define BOTH(reason, any, also) {BOUNCE_##reason, any, also, BOUNCE_ALWAYS}
#define AT_END(reason, any) {BOUNCE_##reason, any, NULL, BOUNCE_AT_END}

/* clang-format off */
const struct bounce_text_rule bounce_strong[] = {
	/* What would be misread further down. */
	ANY(POLICY,
		"gcdp"),
	ANY(THROTTLED,
		"receiving mail at a rate|receiving mail too quickly"),
	ANY(REPUTATION,
		"unusual rate of unsolicited|your account has been|"
		"your account is"),
	ANY(AUTO_REPLY,
		"requires confirmation|not pre approved|"
		"confirm that you are|confirm your message|"
		"challenge response|guest list"),
	ANY(MAILBOX_FULL,
		"too many messages on|too many messages in|"
		"mailbox size limit*|mailbox is over|mailbox has exceeded"),
	ANY(TOO_BIG,
		"larger than the current system limit|sendsizelimit*|"
		"recipsizelimit*"),
	ANY(PROTOCOL,
		"rfc 5322|rfc 2822|rfc 822|rfc compliant|rfc 2821|rfc 5321"),
	BOTH(USER_UNKNOWN,
		"recipient address rejected access denied",
		"as 201806281"),
	ANY(POLICY,
		"resolver rst authrequired|resolver rst notauthorized|"
		"resolver rst recipientrestricted*|"
		"recipient address rejected access denied"),
	ANY(SPAM_CONTENT,
		"antispam*|anti spam"),
	ANY(REPUTATION,
		"reverse dns|rdns|ptr|reverse lookup|reverse hostname|"
		"ip name lookup failed"),
	/* What is wrong is the sender's address. */
	ANY(POLICY,
		"sender address rejected|sender rejected|sender verify*|"
		"sender verification|verify sender|verify the sender|"
		"verifying sender|sender callout|sender unknown|"
		"unknown sender|invalid sender|bad sender|sender denied|"
		"sender address|sender domain|envelope sender|your sender|"
		"return path|reverse path|from domain|from header|"
		"from field|from address|your domain"),
	ANY(PROTOCOL,
		"helo command rejected|helo name|helo host|helo hostname|"
		"helo domain|helo argument|invalid helo|bad helo|"
		"helo does not|ehlo does not"),
	/* Us: how we connect and how much. */
	ANY(THROTTLED,
		"too many connections|too many concurrent|"
		"too many sessions|too many simultaneous|connection limit|"
		"connection rate|maximum number of connections|rate limit*|"
		"ratelimit*|rate exceeded|message rate|sending rate|"
		"exceeded the rate|exceeds the rate|unusual rate|"
		"too many messages|too many emails|too many recipients|"
		"too much mail|sending quota|daily quota|message quota|"
		"hourly limit|daily limit|sending limit|sending limits|"
		"relay limit exceeded|per hour|per minute|too fast|"
		"too quickly|slow down|throttl*|greylist*|graylist*|"
		"grey list*|thread limit exceeded|mail flood"),
	ANY(RELAY_DENIED,
		"relay access denied|relaying denied|relay denied|"
		"relaying not allowed|relaying not permitted|"
		"relay not permitted|relay not allowed|relaying is not|"
		"relaying is prohibited|relaying prohibited|"
		"relay prohibited|relaying disallowed|relaying temporarily|"
		"unable to relay|cannot relay|can t relay|"
		"not permitted to relay|not allowed to relay|do not relay|"
		"as a relay|open relay|not local host|rcpthosts|"
		"tenantattribution|client was not authenticated|"
		"authentication required|authentication is required|"
		"must authenticate|must be authenticated|"
		"need to authenticate"),
	/* Lists of bad web addresses look at what the message says. */
	ANY(SPAM_CONTENT,
		"uribl*|surbl*|blocked using spam|spam pattern|"
		"spam content|spam list|spam filter*|spam score"),
	ANY(AUTH_FAILURE,
		"dmarc|dkim|spf|domainkeys|sender policy framework|"
		"sender id|unauthenticated|email authentication|"
		"sender authentication|required authentication level|"
		"authentication checks|authentication requirements|"
		"not allowed to send mail from|not allowed to send from|"
		"not authorized to send mail from|"
		"not authorized to send from|"
		"not authorized to send on behalf|"
		"not permitted to send mail from|not permitted to send from"),
	ANY(REPUTATION,
		"reputation|blacklist*|blocklist*|denylist*|black list*|"
		"block list*|real time block*|realtime block*|dnsbl*|rbl|"
		"rbls|spamhaus|spamcop|sorbs|barracudacentral|senderbase|"
		"senderscore|trustedsource|cloudmark|abusix|uceprotect|"
		"invaluement|backscatterer|mailspike|njabl|sbl|xbl|pbl|"
		"banned sending|banned sender|sending ip|sender ip|your ip|"
		"ip address is listed|ip is listed|ip has been blocked|"
		"ip address has been blocked|blocked ip|ip blocked|"
		"ip blacklisted|bad outbound sender|user complaints|"
		"complaint rate|due to complaints|too many complaints|"
		"complaints about|cannot find your hostname|"
		"cannot find your reverse hostname|dynamic ip|"
		"dynamic address*|generic hostname|client host rejected|"
		"suspicious activity|is listed in|is listed on|"
		"is listed at|is listed by|listed at"),
	BOTH(REPUTATION,
		"client host",
		"blocked"),
	BOTH(REPUTATION,
		"host",
		"blocked using"),
	/* The message. */
	ANY(TOO_BIG,
		"message size exceed*|message too large|message too big|"
		"message is too large|message is too big|"
		"message file too big|message larger than|"
		"message length exceeds|message content size|"
		"message exceeds|maximum message size|max message size|"
		"message size limit|size limit|size exceeds|exceeds size|"
		"exceeded maximum size|too large|exceeds the maximum size|"
		"exceeds fixed maximum"),
	ANY(MAILBOX_FULL,
		"mailbox full|mail box full|mailbox is full|mailbox filled|"
		"mail box is full|inbox full|inbox is full|maildir full|"
		"mailfolder is full|mail folder is full|account is full|"
		"account full|user is full|storage full|storage is full|"
		"recipient storage|overquota|over quota|over the quota|"
		"over their quota|over its quota|out of quota|"
		"out of storage|out of space|storage limit|"
		"exceeded storage|storage allocation|allocated storage|"
		"exceeded the storage|disk space limit|exceeded its disk|"
		"quota limit|disk quota|not enough space|"
		"not enough storage|insufficient space|postfach voll|"
		"postfach ist voll|zuviele mails|zu viele mails|"
		"boite pleine|boite aux lettres pleine|depasse son quota|"
		"buzon lleno|casella piena|caixa cheia|caixa postal cheia|"
		"skrzynka pelna"),
	BOTH(MAILBOX_FULL,
		"quota",
		"exceed*"),
	BOTH(MAILBOX_FULL,
		"quota",
		"full"),
	BOTH(MAILBOX_FULL,
		"mailbox",
		"quota"),
	ANY(SPAM_CONTENT,
		"unsolicited|junk mail|junk email|junk e mail|bulk mail|"
		"bulk email|bulk e mail|mass mailer|mass mailing|mass mail|"
		"uce|ube|phish*|virus*|malware|infected|trojan|dspam|"
		"content filter*|content reject*|malicious|spam*"),
	ANY(CONTENT,
		"attachment*|file type|file extension|message content|"
		"content not accepted|malformed message|malformed header*|"
		"invalid header*|bad header*|header too long|"
		"headers too long|missing header*|missing from|"
		"missing subject|line too long|line length*|bare lf|"
		"bare linefeed*|conversion|media not supported|8 bit data|"
		"character set|message format"),
	ANY(POLICY,
		"policy|policies|aup|administrative prohibition|"
		"administratively|for explanation visit"),
	/* Refused before any recipient was named: not the person, whatever it says. */
	ANY(POLICY,
		"in reply to mail from|after mail from|"
		"after pipelined mail from|in reply to ehlo|"
		"in reply to helo|after ehlo|after helo|"
		"after initial connection"),
	/* The person. */
	ANY(HOST_UNKNOWN,
		"domain does not exist|domain doesn t exist"),
	ANY(MAILBOX_MOVED,
		"has moved|mailbox moved|user moved|address has changed|"
		"changed his email|changed her email|changed their email|"
		"new email address|new e mail address|account has moved|"
		"mailbox has moved"),
	ANY(MAILBOX_DISABLED,
		"account disabled|account has been disabled|"
		"account is disabled|account was disabled|mailbox disabled|"
		"mailbox is disabled|mailbox has been disabled|"
		"user disabled|user is disabled|user has been disabled|"
		"recipient disabled|recipient is disabled|"
		"tried to reach is disabled|tried to reach is inactive|"
		"disabled or discontinued|account discontinued|"
		"account has been discontinued|"
		"address has been discontinued|mailbox discontinued|"
		"account suspended|account is suspended|"
		"account has been suspended|mailbox suspended|"
		"mailbox is suspended|mailbox currently suspended|"
		"account currently suspended|user suspended|"
		"user is suspended|recipient suspended|account inactive|"
		"account is inactive|inactive account|inactive mailbox|"
		"inactive user|inactive recipient|mailbox inactive|"
		"mailbox is inactive|user is inactive|"
		"recipient is inactive|account not active|"
		"account is not active|user is not active|user not active|"
		"mailbox not active|mailbox is not active|"
		"deactivated mailbox|deactivated account|deactivated user|"
		"mailbox deactivated|mailbox is deactivated|"
		"mailbox has been deactivated|account deactivated|"
		"account is deactivated|account has been deactivated|"
		"user deactivated|user has been deactivated|"
		"address deactivated|account expired|account has expired|"
		"mailbox expired|mailbox has expired|user expired|"
		"account closed|account is closed|account has been closed|"
		"account was closed|mailbox closed|account locked|"
		"account is locked|account has been locked|mailbox locked|"
		"mailbox is locked|account blocked|account is blocked|"
		"account has been blocked|mailbox blocked|"
		"mailbox is blocked|account is unavailable|"
		"account unavailable|mailbox is frozen|"
		"address no longer accepts|mailbox no longer accepts|"
		"account no longer accepts|user no longer accepts|"
		"no longer in use|no longer active|"
		"account no longer available|mailbox no longer available|"
		"address no longer available|user no longer available|"
		"account is no longer available|"
		"mailbox is no longer available|"
		"address is no longer available|"
		"user is no longer available|no longer with|"
		"no longer employed|no longer works|left the company|"
		"konto gesperrt|compte desactive"),
	ANY(USER_UNKNOWN,
		"user unknown|unknown user|user is unknown|"
		"recipient unknown|unknown recipient|recipient is unknown|"
		"address unknown|address is unknown|account unknown|"
		"unknown account|mailbox unknown|unknown mailbox|"
		"unknown local part|unknown local|unknown alias|"
		"unknown or illegal alias|unknown or illegal user|"
		"unknown or invalid|unknown email address|"
		"unknown e mail address|unknown addressee|"
		"addressee unknown|unknown destination|no such user|"
		"no such recipient|no such mailbox|no such account|"
		"no such address|no such person|no such alias|"
		"no such email|no such email address|no such e mail|"
		"no such local user|no such virtual user|no such mail drop|"
		"no such address here|no such contact|nosuchuser|"
		"user not found|recipient not found|mailbox not found|"
		"mail box not found|account not found|address not found|"
		"email address not found|user was not found|"
		"recipient was not found|address was not found|"
		"address could not be found|recipient could not be found|"
		"mailbox could not be found|user could not be found|"
		"address couldn t be found|recipient couldn t be found|"
		"wasn t found at|recipnotfound|recipientnotfound|"
		"exrecipnotfound|addressnotfound|no mailbox found|"
		"no mailbox here|no mailbox by that name|"
		"no mail box available for this user|"
		"no mailbox available for this user|no user by that name|"
		"no account by that name|no account with|"
		"user mail box not found|user does not exist|"
		"user doesn t exist|user doesn t have|user does not have|"
		"users do not exist|recipient does not exist|"
		"recipient doesn t exist|mailbox does not exist|"
		"mailbox doesn t exist|mail box does not exist|"
		"account does not exist|account doesn t exist|"
		"address does not exist|address doesn t exist|"
		"address no longer exists|mailbox no longer exists|"
		"account no longer exists|user no longer exists|"
		"alias does not exist|tried to reach does not exist|"
		"does not exist|doesn t exist|not exist|"
		"does not have an account|no longer on server|"
		"no longer valid|no longer exists|account has been removed|"
		"mailbox has been removed|user has been removed|"
		"address has been removed|account has been deleted|"
		"mailbox has been deleted|user has been deleted|"
		"address has been deleted|account was deleted|"
		"account deleted|deleted account|deleted user|"
		"not a valid mailbox|not a valid user|"
		"not a valid recipient|not a valid address|"
		"not a valid email|not a valid username|isn t a valid|"
		"not a known user|not a known address|not known here|"
		"not known at|not a registered|not registered|"
		"not an active address|not our customer|"
		"not in our directory|not in directory|"
		"no matching directory|not listed in public|"
		"not listed in domino|not listed in directory|"
		"recipient invalid|recipient is invalid|invalid recipient|"
		"invalid mailbox|invalid user|invalid username|"
		"invalid account|invalid email address|"
		"invalid e mail address|invalid destination|"
		"recipient address is invalid|invalid local part|"
		"address invalid|illegal user|illegal alias|bad recipient|"
		"bad address|bad mailbox|badrcptto|undeliverable address|"
		"unrouteable address|unroutable address|"
		"no one by that name|nobody by that name|"
		"doesn t handle mail for that user"),
	/* The same in the languages of large providers, without accents and with. */
	ANY(USER_UNKNOWN,
		"nie istnieje|nie ma takiego|nieznany uzytkownik|"
		"n existe pas|utilisateur inconnu|destinataire inconnu|"
		"adresse inconnue|destinataire invalide|no existe|"
		"usuario desconocido|destinatario desconocido|non esiste|"
		"utente sconosciuto|destinatario sconosciuto|"
		"indirizzo inesistente|nao existe|n\303\243o existe|"
		"usuario inexistente|existiert nicht|unbekannter empfanger|"
		"unbekannter empf\303\244nger|empfanger unbekannt|"
		"empf\303\244nger unbekannt|unbekannter benutzer|"
		"benutzer unbekannt|adresse unbekannt|onbekende gebruiker|"
		"bestaat niet"),
	/* Where it should go: first what may pass by itself. */
	BOTH(NETWORK,
		"host not found|name service error",
		"try again"),
	ANY(HOST_UNKNOWN,
		"nxdomain"),
	ANY(NETWORK,
		"dns query failed|name lookup failure|name lookup failed|"
		"dns error|dns failure|server failure|query refused|"
		"name server timeout|temporary lookup failure"),
	ANY(HOST_UNKNOWN,
		"host unknown|unknown host|host not found|"
		"host or domain name not found|domain name not found|"
		"domain not found|domain unknown|unknown domain|"
		"no such domain|no such host|name or service not known|"
		"name service error|null mx|nullmx|no mx record*|"
		"no mx or a|no mail hosts|no valid hosts|"
		"bad destination system|bad destination host|"
		"bad destination domain|unrouteable mail domain|"
		"unroutable mail domain|unrouteable domain|"
		"unroutable domain|unable to find host|"
		"domain does not accept mail"),
	/* The path. */
	AT_END(EXPIRED,
		"timed out|timeout"),
	ANY(NETWORK,
		"timed out|timeout|connection refused|connection reset|"
		"connection lost|lost connection|connection dropped|"
		"connection closed|connection failed|connection died|"
		"broken pipe|no route to host|network is unreachable|"
		"network unreachable|host unreachable|host is unreachable|"
		"host is down|could not connect|cannot connect|"
		"can t connect|couldn t connect|unable to connect|"
		"failed to connect|no answer from|did not respond|"
		"not responding|bad connection|too many hops|hop count|"
		"mail loop*|mail is looping|loops back|routing loop|"
		"loop detected|starttls|tls required|tls handshake|"
		"tls not available|tls is required|certificate*|"
		"encryption required"),
	ANY(EXPIRED,
		"message expired|delivery time expired|delivery expired|"
		"retry timeout exceeded|retry time not reached|"
		"could not be delivered for|has not been delivered|"
		"undeliverable for|been in the queue too long|"
		"queue too long|in queue too long|too long in queue|"
		"message timed out|giving up on|retries exceeded|"
		"too many retries|max retries|maximum retries|max retry|"
		"time limit exceeded|expired after"),
	ANY(SYSTEM,
		"insufficient system storage|insufficient system resources|"
		"insufficient disk|insufficient storage|"
		"insufficient resources|no space left|disk full|"
		"disk is full|out of memory|internal error|"
		"internal server error|internal software error|local error|"
		"error in processing|system error|server error|"
		"configuration error|misconfigur*|i o error|write error|"
		"cannot append|can t create|cannot open|queue file|"
		"database|ldap|lookup failure|lookup error|server busy|"
		"system busy|too busy|temporary system problem|"
		"temporarily rejected|unexpected failure|"
		"mail system problem|could not load|resources temporarily|"
		"out of resources|upstream error"),
	ANY(PROTOCOL,
		"syntax error|bad sequence|improper sequence|"
		"protocol violation|protocol error|command not implemented|"
		"parameter not implemented|not implemented|"
		"unrecognized command|command unrecognized|unknown command|"
		"invalid command|command rejected|multiple addresses|"
		"smtputf8|pipelining|need fully qualified|"
		"fully qualified hostname"),
};

const size_t bounce_strong_n = sizeof(bounce_strong) / sizeof(*bounce_strong);

const struct bounce_text_rule bounce_weak[] = {
	/* Refused, for whatever reason. */
	ANY(POLICY,
		"access denied|permission denied|denied|refused|blocked|"
		"not allowed|not authorized|not authorised|unauthorized|"
		"unauthorised|not permitted|prohibited|forbidden|"
		"disallowed|restricted|banned|abuse|unacceptable|"
		"not accepted|cannot be accepted|not accepting mail|"
		"only accepts|does not accept messages|message rejected|"
		"mail rejected|email rejected|rejected by|rejected due|"
		"rejected because|rejected for|security|moderat*|content|"
		"suspicious"),
	/* What standards print for a code; the cause, if known, is elsewhere. */
	ANY(USER_UNKNOWN,
		"unknown address|bad destination mailbox*|"
		"mailbox unavailable|mailbox not available|"
		"mailbox is unavailable|mailbox is not available|"
		"user not available|recipient not available|"
		"recipient unavailable"),
	ANY(SYSTEM,
		"service unavailable|service currently unavailable|"
		"service not available|temporarily unavailable|"
		"temporary failure|temporary error|temporary problem|"
		"temporarily deferred|try again|try later|"
		"system not accepting"),
};

const size_t bounce_weak_n = sizeof(bounce_weak) / sizeof(*bounce_weak);

const struct bounce_status_rule bounce_status_rules[] = {
	{1, 1, 1, BOUNCE_USER_UNKNOWN, "x.1.1"},
	{1, 2, 2, BOUNCE_HOST_UNKNOWN, "x.1.2"},
	{1, 3, 3, BOUNCE_USER_UNKNOWN, "x.1.3"},
	{1, 6, 6, BOUNCE_MAILBOX_MOVED, "x.1.6"},
	{1, 7, 8, BOUNCE_POLICY, "x.1.7, x.1.8"},
	{1, 10, 10, BOUNCE_HOST_UNKNOWN, "x.1.10"},
	{2, 1, 1, BOUNCE_MAILBOX_DISABLED, "x.2.1"},
	{2, 2, 2, BOUNCE_MAILBOX_FULL, "x.2.2"},
	{2, 3, 3, BOUNCE_TOO_BIG, "x.2.3"},
	{2, 4, 4, BOUNCE_SYSTEM, "x.2.4"},
	{3, 0, 2, BOUNCE_SYSTEM, "x.3.0 to x.3.2"},
	{3, 3, 3, BOUNCE_PROTOCOL, "x.3.3"},
	{3, 4, 4, BOUNCE_TOO_BIG, "x.3.4"},
	{3, 5, 5, BOUNCE_SYSTEM, "x.3.5"},
	{4, 0, 3, BOUNCE_NETWORK, "x.4.0 to x.4.3"},
	{4, 4, 4, BOUNCE_HOST_UNKNOWN, "x.4.4"},
	{4, 5, 6, BOUNCE_NETWORK, "x.4.5, x.4.6"},
	{4, 7, 7, BOUNCE_EXPIRED, "x.4.7"},
	{4, 14, 14, BOUNCE_NETWORK, "x.4.14"},
	{4, 300, 300, BOUNCE_EXPIRED, "x.4.300"},
	{4, 310, 310, BOUNCE_HOST_UNKNOWN, "x.4.310"},
	{4, 301, 399, BOUNCE_NETWORK, "x.4.3xx"},
	{5, 1, 2, BOUNCE_PROTOCOL, "x.5.1, x.5.2"},
	{5, 3, 3, BOUNCE_THROTTLED, "x.5.3"},
	{5, 4, 6, BOUNCE_PROTOCOL, "x.5.4 to x.5.6"},
	{6, 0, 6, BOUNCE_CONTENT, "x.6.0 to x.6.6"},
	{6, 7, 10, BOUNCE_PROTOCOL, "x.6.7 to x.6.10"},
	{7, 0, 2, BOUNCE_POLICY, "x.7.0 to x.7.2"},
	{7, 3, 7, BOUNCE_POLICY, "x.7.3 to x.7.7"},
	{7, 8, 8, BOUNCE_RELAY_DENIED, "x.7.8"},
	{7, 9, 16, BOUNCE_POLICY, "x.7.9 to x.7.16"},
	{7, 17, 18, BOUNCE_MAILBOX_MOVED, "x.7.17, x.7.18"},
	{7, 20, 24, BOUNCE_AUTH_FAILURE, "x.7.20 to x.7.24"},
	{7, 25, 25, BOUNCE_REPUTATION, "x.7.25"},
	{7, 26, 27, BOUNCE_AUTH_FAILURE, "x.7.26, x.7.27"},
	{7, 28, 28, BOUNCE_THROTTLED, "x.7.28"},
	{7, 29, 29, BOUNCE_AUTH_FAILURE, "x.7.29"},
	{7, 30, 30, BOUNCE_POLICY, "x.7.30"},
	{7, 54, 64, BOUNCE_RELAY_DENIED, "x.7.54 to x.7.64"},
	{7, 100, 199, BOUNCE_POLICY, "x.7.1xx"},
	{7, 500, 503, BOUNCE_REPUTATION, "x.7.500 to x.7.503"},
	{7, 504, 507, BOUNCE_POLICY, "x.7.504 to x.7.507"},
	{7, 508, 508, BOUNCE_THROTTLED, "x.7.508"},
	{7, 509, 509, BOUNCE_AUTH_FAILURE, "x.7.509"},
	{7, 510, 510, BOUNCE_POLICY, "x.7.510"},
	{7, 511, 511, BOUNCE_REPUTATION, "x.7.511"},
	{7, 512, 512, BOUNCE_CONTENT, "x.7.512"},
	{7, 513, 513, BOUNCE_REPUTATION, "x.7.513"},
	{7, 515, 515, BOUNCE_AUTH_FAILURE, "x.7.515"},
	{7, 600, 649, BOUNCE_REPUTATION, "x.7.6xx"},
	{7, 650, 699, BOUNCE_THROTTLED, "x.7.65x"},
	{7, 700, 799, BOUNCE_REPUTATION, "x.7.7xx"},
};

const size_t bounce_status_rules_n =
    sizeof(bounce_status_rules) / sizeof(*bounce_status_rules);

const struct bounce_smtp_rule bounce_smtp_rules[] = {
	{421, BOUNCE_SYSTEM, "421"},
	{451, BOUNCE_SYSTEM, "451"},
	{452, BOUNCE_SYSTEM, "452"},
	{432, BOUNCE_SYSTEM, "432"},
	{442, BOUNCE_NETWORK, "442"},
	{447, BOUNCE_EXPIRED, "447"},
	{500, BOUNCE_PROTOCOL, "500"},
	{501, BOUNCE_PROTOCOL, "501"},
	{502, BOUNCE_PROTOCOL, "502"},
	{503, BOUNCE_PROTOCOL, "503"},
	{504, BOUNCE_PROTOCOL, "504"},
	{521, BOUNCE_HOST_UNKNOWN, "521"},
	{530, BOUNCE_RELAY_DENIED, "530"},
	{534, BOUNCE_RELAY_DENIED, "534"},
	{535, BOUNCE_RELAY_DENIED, "535"},
	{538, BOUNCE_RELAY_DENIED, "538"},
	{552, BOUNCE_MAILBOX_FULL, "552"},
	{556, BOUNCE_HOST_UNKNOWN, "556"},
};

const size_t bounce_smtp_rules_n =
    sizeof(bounce_smtp_rules) / sizeof(*bounce_smtp_rules);
