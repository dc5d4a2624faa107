/* test_bounce_replies.c - replies in the forms that servers and providers
 * publish, and what they mean. */
#include "tests/unit/tap.h"

#include "policy/rules/bounce.h"

static struct bounce_rules *rules;

/* What failed, with the Status field that Postfix makes of the reply: its own
 * status, else x.0.0. */
struct reply {
	const char *text;
	enum bounce_reason want;
};

static const struct reply google[] = {
    {"550-5.1.1 The email account that you tried to reach does not exist. "
     "Please try 550-5.1.1 double-checking the recipient's email address for "
     "typos or 550-5.1.1 unnecessary spaces. For more information, go to 550 "
     "5.1.1 https://support.google.com/mail/?p=NoSuchUser ab1si234.5 - gsmtp",
	BOUNCE_USER_UNKNOWN},
    {"550 5.1.1 No such user - gcdp x5si1 - gsmtp", BOUNCE_POLICY},
    {"550-5.7.1 Blocked by the organisation's own rule. ab12.34 - gcdp",
	BOUNCE_POLICY},
    {"550-5.2.1 The email account that you tried to reach is inactive. "
     "550 5.2.1 https://support.google.com/mail/?p=DisabledUser - gsmtp",
	BOUNCE_MAILBOX_DISABLED},
    {"550-5.2.1 The user you are trying to contact is receiving mail at a rate "
     "that 550-5.2.1 prevents additional messages from being delivered. - "
     "gsmtp",
	BOUNCE_THROTTLED},
    {"450-4.2.1 The user you are trying to contact is receiving mail too "
     "quickly. Please resend your message at a later time. - gsmtp",
	BOUNCE_THROTTLED},
    {"452-4.2.2 The recipient's inbox is out of storage space. Please direct "
     "the recipient to 452 4.2.2 "
     "https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
	BOUNCE_MAILBOX_FULL},
    {"552-5.2.2 The email account that you tried to reach is over quota. - "
     "gsmtp",
	BOUNCE_MAILBOX_FULL},
    {"552-5.2.3 Your message exceeded Google's message size limits. - gsmtp",
	BOUNCE_TOO_BIG},
    {"552-5.7.0 This message was blocked because its content presents a "
     "potential 552-5.7.0 security issue. - gsmtp",
	BOUNCE_SPAM_CONTENT},
    {"550-5.7.1 Our system has detected that this message is likely "
     "unsolicited mail. To reduce the amount of spam sent to Gmail, this "
     "message has been blocked. - gsmtp",
	BOUNCE_SPAM_CONTENT},
    {"550-5.7.26 This mail has been blocked because the sender is "
     "unauthenticated. Gmail requires all senders to authenticate with either "
     "SPF or DKIM. - gsmtp",
	BOUNCE_AUTH_FAILURE},
    {"550-5.7.26 Unauthenticated email from example.com is not accepted due to "
     "domain's DMARC policy. - gsmtp",
	BOUNCE_AUTH_FAILURE},
    {"550-5.7.25 The IP address sending this message does not have a PTR "
     "record setup, or the corresponding forward DNS entry does not point to "
     "the sending IP. - gsmtp",
	BOUNCE_REPUTATION},
    {"550-5.7.1 The IP you're using to send mail is not authorized to send "
     "email directly to our servers. Please use the SMTP relay at your service "
     "provider instead. - gsmtp",
	BOUNCE_POLICY},
    {"421-4.7.28 Gmail has detected an unusual rate of unsolicited mail "
     "originating from your SPF domain. To protect our users from spam, mail "
     "has been temporarily rate limited. - gsmtp",
	BOUNCE_REPUTATION},
    {"421 4.7.0 Try again later, closing connection. (EHLO) - gsmtp",
	BOUNCE_THROTTLED},
    {"550 5.4.5 Daily user sending limit exceeded. - gsmtp", BOUNCE_THROTTLED},
    {"550-5.7.1 Mail relay denied. - gsmtp", BOUNCE_RELAY_DENIED},
    {"We're writing to let you know that the group you tried to contact may "
     "not exist, or you may not have permission to post messages to the group.",
	BOUNCE_POLICY},
    {"550-5.1.3 The recipient address is not a valid RFC 5321 address. - gsmtp",
	BOUNCE_PROTOCOL},
    {"550-5.7.1 Messages missing a valid Message-ID header, or having multiple "
     "From: are not accepted. See RFC 5322. - gsmtp",
	BOUNCE_PROTOCOL},
};

static const struct reply microsoft[] = {
    {"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP "
     "address lookup",
	BOUNCE_USER_UNKNOWN},
    {"550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", BOUNCE_USER_UNKNOWN},
    {"550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", BOUNCE_USER_UNKNOWN},
    {"550 5.4.1 Recipient address rejected: Access denied. AS(201806281) "
     "[AB1EUR.eop-EUR.prod.protection.outlook.com]",
	BOUNCE_USER_UNKNOWN},
    {"550 5.4.1 Recipient address rejected: Access denied.", BOUNCE_POLICY},
    {"550 5.4.1 All recipient addresses rejected : Access denied. "
     "AS(201806271)",
	BOUNCE_POLICY},
    {"550 5.5.0 Requested action not taken: mailbox unavailable "
     "(S2017062302).",
	BOUNCE_USER_UNKNOWN},
    {"550 5.7.1 RESOLVER.RST.AuthRequired; authentication required",
	BOUNCE_POLICY},
    {"550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", BOUNCE_POLICY},
    {"550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication "
     "required; Delivery restriction check failed because the sender was not "
     "authenticated when sending to this group",
	BOUNCE_POLICY},
    {"550 5.7.134 RESOLVER.RST.SenderNotAuthenticatedForMailbox; "
     "authentication required",
	BOUNCE_POLICY},
    {"550 5.7.124 RESOLVER.RST.NotAuthorizedToGroup; sender not in "
     "allowed-senders list",
	BOUNCE_POLICY},
    {"550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by "
     "organization policy",
	BOUNCE_POLICY},
    {"550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this "
     "recipient",
	BOUNCE_TOO_BIG},
    {"550 5.2.2 STOREDRV.Deliver; mailbox full. The following information "
     "should help: QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
	BOUNCE_MAILBOX_FULL},
    {"554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:"
     "QuotaExceededException",
	BOUNCE_MAILBOX_FULL},
    {"554 5.2.1 STOREDRV.Deliver.Exception:AccountDisabledException."
     "MapiExceptionMailboxDisabled; Failed to process message due to a "
     "permanent exception",
	BOUNCE_MAILBOX_DISABLED},
    {"432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
	BOUNCE_THROTTLED},
    {"432 4.2.0 STOREDRV.Storage; mailbox server is offline", BOUNCE_SYSTEM},
    {"550 5.6.0 CAT.InvalidContent.Exception: InvalidCharsetException; cannot "
     "handle content of message",
	BOUNCE_CONTENT},
    {"550 5.4.6 ROUTING.LoopDetected; Hop count exceeded - possible mail loop",
	BOUNCE_NETWORK},
    {"554 5.4.14 Hop count exceeded - possible mail loop ATTR34",
	BOUNCE_NETWORK},
    {"550 5.4.310 DNS domain example.invalid does not exist [Message="
     "InfoDomainNonexistent]",
	BOUNCE_HOST_UNKNOWN},
    {"550 5.1.2 SMTPSEND.DNS.NonExistentDomain; nonexistent domain",
	BOUNCE_HOST_UNKNOWN},
    {"550 5.4.312 Message expired, DNS query failed(ServerFailure)",
	BOUNCE_NETWORK},
    {"550 4.4.7 QUEUE.Expired; message expired", BOUNCE_EXPIRED},
    {"550 5.4.300 Message expired -> 451 4.7.500 Server busy", BOUNCE_EXPIRED},
    {"550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request "
     "removal from this list please visit https://sender.office.com/",
	BOUNCE_REPUTATION},
    {"550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal "
     "from this list please forward this message",
	BOUNCE_REPUTATION},
    {"550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 "
     "compliant and include a valid From address",
	BOUNCE_PROTOCOL},
    {"550 5.7.515 Access denied, sending domain example.com does not meet the "
     "required authentication level.",
	BOUNCE_AUTH_FAILURE},
    {"550 5.7.509 Access denied, sending domain example.com does not pass "
     "DMARC verification and has a DMARC policy of reject.",
	BOUNCE_AUTH_FAILURE},
    {"451 4.7.650 The mail server [192.0.2.1] has been temporarily rate "
     "limited due to IP reputation.",
	BOUNCE_THROTTLED},
    {"451 4.7.500 Server busy. Please try again later from [192.0.2.1]. "
     "(S77719)",
	BOUNCE_SYSTEM},
    {"550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please "
     "contact your Internet service provider since part of their network is on "
     "our block list (S3140).",
	BOUNCE_REPUTATION},
    {"550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. (S3150)",
	BOUNCE_REPUTATION},
    {"550 5.7.708 Service unavailable. Access denied, traffic not accepted "
     "from this IP. AS(7230)",
	BOUNCE_REPUTATION},
    {"550 5.1.8 Access denied, bad outbound sender AS(42003)",
	BOUNCE_REPUTATION},
    {"550 5.7.64 TenantAttribution; Relay Access Denied", BOUNCE_RELAY_DENIED},
    {"530 5.7.57 Client was not authenticated to send anonymous mail during "
     "MAIL FROM",
	BOUNCE_RELAY_DENIED},
    {"535 5.7.8 Error: authentication failed: invalid user",
	BOUNCE_RELAY_DENIED},
    {"550 5.1.90 Your message can't be sent because you've reached your daily "
     "limit for message recipients",
	BOUNCE_THROTTLED},
    {"554 5.6.0 STOREDRV.Deliver.Exception:ConversionFailedException; Content "
     "conversion failed",
	BOUNCE_CONTENT},
};

static const struct reply consumer[] = {
    /* Yahoo, AOL */
    {"554 delivery error: dd This user doesn't have a yahoo.com account "
     "(a@example.com) [0] - mta1.mail.example.com",
	BOUNCE_USER_UNKNOWN},
    {"554 delivery error: dd Requested mail action aborted, mailbox not found",
	BOUNCE_USER_UNKNOWN},
    {"554 delivery error: dd Sorry your message to a@example.com cannot be "
     "delivered. This mailbox is disabled (554.30).",
	BOUNCE_MAILBOX_DISABLED},
    {"552 1 Requested mail action aborted, mailbox is over quota",
	BOUNCE_MAILBOX_FULL},
    {"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to "
     "unexpected volume or user complaints - 4.16.55.1",
	BOUNCE_REPUTATION},
    {"421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently "
     "deferred; Retrying will NOT succeed.",
	BOUNCE_REPUTATION},
    {"554 5.7.9 Message not accepted for policy reasons. See "
     "https://postmaster.yahooinc.com/error-codes",
	BOUNCE_POLICY},
    {"553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, "
     "because the ip is in Spamhaus's list",
	BOUNCE_REPUTATION},
    {"554 Message not allowed - [PH01] Email not accepted for policy reasons.",
	BOUNCE_POLICY},
    {"521 5.2.1 : AOL will not accept delivery of this message. (DYN:T1)",
	BOUNCE_REPUTATION},
    {"550 5.1.1 <a@example.com>: Recipient address rejected: example.com",
	BOUNCE_USER_UNKNOWN},
    /* Apple */
    {"550 5.1.1 <a@example.com>: user does not exist", BOUNCE_USER_UNKNOWN},
    {"550 5.1.1 unknown or illegal alias: a@example.com", BOUNCE_USER_UNKNOWN},
    {"552 5.2.2 <a@example.com>: user is over quota", BOUNCE_MAILBOX_FULL},
    {"550 5.7.1 [CS01] Message rejected due to local policy. Please visit "
     "https://support.apple.com/en-us/HT204137",
	BOUNCE_SPAM_CONTENT},
    {"554 5.7.1 [HM07] Message rejected due to local policy. Please visit "
     "https://support.apple.com/en-us/HT204137",
	BOUNCE_POLICY},
    {"554 5.7.1 [HM08] Message rejected due to local policy.", BOUNCE_POLICY},
    {"421 4.7.1 Messages to a@example.com deferred due to excessive volume. "
     "Try again later",
	BOUNCE_THROTTLED},
    {"550 5.7.1 Your message was rejected due to example.com's DMARC policy.",
	BOUNCE_AUTH_FAILURE},
    {"450 4.1.1 <a@example.com>: user lookup error", BOUNCE_SYSTEM},
    /* Comcast, Cox, Charter, AT&T */
    {"550 5.1.1 Not our Customer", BOUNCE_USER_UNKNOWN},
    {"554 imta01 comcast 192.0.2.1 Comcast block for spam. Please see "
     "http://postmaster.comcast.net/smtp-error-codes.php#BL000000",
	BOUNCE_REPUTATION},
    {"421 4.2.0 Throttled - try again later. Please see "
     "http://postmaster.comcast.net/smtp-error-codes.php#RL000001",
	BOUNCE_THROTTLED},
    {"550 5.2.0 Comcast requires that all mail servers must have a PTR record "
     "with a valid Reverse DNS entry.",
	BOUNCE_REPUTATION},
    {"554 cox too many connections from 192.0.2.1 - CXCNCT", BOUNCE_THROTTLED},
    {"554 IMP cmsmtp cox 192.0.2.1 blocked. Error Code: IPBL0001",
	BOUNCE_REPUTATION},
    {"550 5.1.0 sender rejected. AUP#CXSNDR", BOUNCE_AUTH_FAILURE},
    {"550 5.1.0 <b@example.org> sender rejected. AUP#I-1310", BOUNCE_THROTTLED},
    {"550 5.1.1 <a@example.com> recipient rejected. AUP#1260",
	BOUNCE_REPUTATION},
    {"553 5.3.0 alph765 DNSBL:RBL 521< 192.0.2.1 >_is_blocked. For assistance "
     "forward this error",
	BOUNCE_REPUTATION},
    {"550 [SUSPEND] Mailbox currently suspended - Please contact correspondent "
     "directly",
	BOUNCE_MAILBOX_DISABLED},
    /* Orange, Free, SFR, La Poste */
    {"550 5.1.1 Adresse d au moins un destinataire invalide. Invalid "
     "recipient. OFR_416 [416]",
	BOUNCE_USER_UNKNOWN},
    {"552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 "
     "[417]",
	BOUNCE_MAILBOX_FULL},
    {"421 smtp.orange.example Trop de connexions, veuillez verifier votre "
     "configuration. Too many connections, slow down. OFR004_104 [104]",
	BOUNCE_THROTTLED},
    {"421 Service refuse. Veuillez essayer plus tard. Service refused, please "
     "try later. OFR004_105",
	BOUNCE_THROTTLED},
    {"550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]",
	BOUNCE_SPAM_CONTENT},
    {"550 5.5.0 Le compte du destinataire est bloque. The recipient account is "
     "blocked. LPN007_426",
	BOUNCE_MAILBOX_DISABLED},
    {"421 Too many spams from your IP (192.0.2.1), please visit "
     "http://postmaster.free.fr/",
	BOUNCE_REPUTATION},
    {"550 5.2.1 This mailbox has been blocked due to inactivity (UserSearch)",
	BOUNCE_MAILBOX_DISABLED},
    {"550 spam detected", BOUNCE_SPAM_CONTENT},
    /* GMX, web.de, T-Online, 1&1 */
    {"550-Requested action not taken: mailbox unavailable 550 For explanation "
     "visit https://postmaster.gmx.example/case?c=r0601",
	BOUNCE_POLICY},
    {"554-No SMTP service 554-Bad DNS PTR resource record. 554 For explanation "
     "visit https://postmaster.gmx.example",
	BOUNCE_REPUTATION},
    {"554-Transaction failed 554-Reject due to policy restrictions. 554 For "
     "explanation visit https://postmaster.gmx.example",
	BOUNCE_POLICY},
    {"554-Transaction failed 554-IP address is black listed.",
	BOUNCE_REPUTATION},
    {"554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or "
     "to contact the operator to clarify.)",
	BOUNCE_REPUTATION},
    {"550 5.1.1 unknown user account", BOUNCE_USER_UNKNOWN},
    {"550 Mailbox quota exceeded / Mailbox voll.", BOUNCE_MAILBOX_FULL},
    /* mail.ru, Yandex */
    {"550 Message was not accepted -- invalid mailbox.  Local mailbox "
     "a@example.com is unavailable: user not found",
	BOUNCE_USER_UNKNOWN},
    {"550 Message was not accepted -- invalid mailbox.  Local mailbox "
     "a@example.com is unavailable: account is disabled",
	BOUNCE_MAILBOX_DISABLED},
    {"550 spam message rejected. Please visit http://help.mail.example/notspam",
	BOUNCE_SPAM_CONTENT},
    {"550 Access from ip address 192.0.2.1 blocked.", BOUNCE_REPUTATION},
    {"550 5.7.1 No such user!", BOUNCE_USER_UNKNOWN},
    {"554 5.7.1 [1] Message rejected under suspicion of SPAM",
	BOUNCE_SPAM_CONTENT},
    {"550 5.7.1 Policy rejection on the target address", BOUNCE_POLICY},
    {"552 5.2.2 Mailbox size limit exceeded", BOUNCE_MAILBOX_FULL},
    /* QQ, 163 */
    {"550 Mailbox not found or access denied. "
     "https://service.mail.qq.example/cgi-bin/help?subtype=1",
	BOUNCE_POLICY},
    {"550 Mailbox unavailable or access denied", BOUNCE_POLICY},
    {"550 Connection frequency limited", BOUNCE_THROTTLED},
    {"550 Domain frequency limited", BOUNCE_THROTTLED},
    {"550 Mail content denied.", BOUNCE_SPAM_CONTENT},
    {"550 Suspected spam ip", BOUNCE_REPUTATION},
    {"550 Mail is rejected by recipients", BOUNCE_POLICY},
    {"550 User not found: a@example.com", BOUNCE_USER_UNKNOWN},
    {"554 DT:SPM 163 smtp5,D9GowAB, please see the notice",
	BOUNCE_SPAM_CONTENT},
    {"421 HL:REP 163 mx1,AbC", BOUNCE_REPUTATION},
    {"451 RP:CEL 163 mx2,AbC", BOUNCE_THROTTLED},
    {"550 User suspended", BOUNCE_MAILBOX_DISABLED},
    {"553 Requested action not taken: Local user only", BOUNCE_POLICY},
    /* Zoho */
    {"550 5.1.1 User does not exist - <a@example.com>", BOUNCE_USER_UNKNOWN},
    {"541 5.4.1 Mail rejected by destination domain", BOUNCE_POLICY},
    {"550 5.4.6 Unusual sending activity detected. Please try after sometime",
	BOUNCE_THROTTLED},
};

static const struct reply gateways[] = {
    /* Proofpoint, Cloudmark, Mimecast, Barracuda, Cisco, Symantec */
    {"550 5.7.1 Access denied - blocked, see "
     "https://ipcheck.proofpoint.com/?ip=192.0.2.1",
	BOUNCE_REPUTATION},
    {"550 5.7.0 Local Policy Violation", BOUNCE_POLICY},
    {"550 5.1.1 <a@example.com>: Recipient address rejected: User unknown",
	BOUNCE_USER_UNKNOWN},
    {"552 5.2.2 mail size or count over quota", BOUNCE_MAILBOX_FULL},
    {"550 5.7.1 Blocked by csi.cloudmark.com; see "
     "https://csi.cloudmark.com/reset-request/?ip=192.0.2.1",
	BOUNCE_REPUTATION},
    {"550 csi.mimecast.org Poor Reputation Sender. - "
     "https://community.mimecast.com/docs/DOC-1369#550",
	BOUNCE_REPUTATION},
    {"550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550",
	BOUNCE_USER_UNKNOWN},
    {"550 Administrative prohibition - envelope blocked - "
     "https://community.mimecast.com/docs/DOC-1369",
	BOUNCE_POLICY},
    {"550 Rejected by header based manually Blocked Senders: b@example.org",
	BOUNCE_POLICY},
    {"550 Account inbounds disabled", BOUNCE_POLICY},
    {"554 Email rejected due to security policies - MCSpamSignature.x.1",
	BOUNCE_SPAM_CONTENT},
    {"554 Email rejected due to security policies", BOUNCE_POLICY},
    {"550 Anti-Spoofing policy - Inbound not allowed", BOUNCE_AUTH_FAILURE},
    {"554 Host network not allowed", BOUNCE_REPUTATION},
    {"451 Internal resources are temporarily unavailable", BOUNCE_SYSTEM},
    {"550 permanent failure for one or more recipients (a@example.com:blocked)",
	BOUNCE_POLICY},
    {"550 No such domain at this location (a@example.com)",
	BOUNCE_HOST_UNKNOWN},
    {"554 Service unavailable; Client host [mx.example.org] blocked using "
     "Barracuda Reputation; http://www.barracudanetworks.com/reputation/",
	BOUNCE_REPUTATION},
    {"550 #5.1.0 Address rejected.", BOUNCE_USER_UNKNOWN},
    {"550 #5.7.1 Your access to submit messages to this e-mail system has been "
     "rejected.",
	BOUNCE_POLICY},
    {"554-mx.example.com 554 Your access to this mail system has been rejected "
     "due to the sending MTA's poor reputation.",
	BOUNCE_REPUTATION},
    {"553-Message filtered. Please see the FAQs section on spam",
	BOUNCE_SPAM_CONTENT},
    {"550 5.7.1 Message rejected: SendGrid suspected spam",
	BOUNCE_SPAM_CONTENT},
    {"554 5.7.1 Recipient address is on the suppression list", BOUNCE_POLICY},
    {"571 Message Refused", BOUNCE_POLICY},
    /* lists */
    {"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
     "zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
	BOUNCE_REPUTATION},
    {"550 5.7.1 mail from 192.0.2.1 refused, see RBL server bl.spamcop.net",
	BOUNCE_REPUTATION},
    {"554 5.7.1 <b.example>: Helo command rejected: listed at dbl",
	BOUNCE_PROTOCOL},
    {"550 5.7.1 The message contains a URL (example.net) listed by URIBL",
	BOUNCE_SPAM_CONTENT},
    {"450 4.7.1 Client host rejected: cannot find your reverse hostname, "
     "[192.0.2.1]",
	BOUNCE_REPUTATION},
    {"550-192.0.2.1 is listed in ix.dnsbl.manitu.example", BOUNCE_REPUTATION},
    /* two causes in one text */
    {"550 5.1.1 User unknown; access denied", BOUNCE_POLICY},
    {"550 5.1.1 <a@example.com> does not exist here, or you are not allowed to "
     "send to it",
	BOUNCE_POLICY},
    {"550 5.1.1 unknown user, or mail rejected as spam", BOUNCE_SPAM_CONTENT},
    {"550 User unknown or blacklisted", BOUNCE_REPUTATION},
    {"550 The account or domain may not exist, they may be blacklisted, or "
     "missing the proper dns entries.",
	BOUNCE_POLICY},
    {"550 5.7.1 Command rejected: sender address unknown user", BOUNCE_POLICY},
};

static const struct reply servers[] = {
    /* Postfix */
    {"550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in "
     "local recipient table (in reply to RCPT TO command)",
	BOUNCE_USER_UNKNOWN},
    {"550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable "
     "address: host mx.example.net[192.0.2.9] said: 550 5.1.1 no such user (in "
     "reply to RCPT TO command)",
	BOUNCE_USER_UNKNOWN},
    {"554 5.7.1 <a@example.com>: Relay access denied (in reply to RCPT TO "
     "command)",
	BOUNCE_RELAY_DENIED},
    {"450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted",
	BOUNCE_THROTTLED},
    {"552 5.3.4 Message size exceeds fixed limit", BOUNCE_TOO_BIG},
    {"mail for example.com loops back to myself", BOUNCE_NETWORK},
    {"Host or domain name not found. Name service error for name=example.com "
     "type=MX: Host not found, try again",
	BOUNCE_NETWORK},
    {"Host or domain name not found. Name service error for name=a.example "
     "type=AAAA: Host not found",
	BOUNCE_HOST_UNKNOWN},
    {"connect to mx.example.com[192.0.2.1]:25: No route to host",
	BOUNCE_NETWORK},
    {"host mx.example.com[192.0.2.1] refused to talk to me: 554 no thanks",
	BOUNCE_NETWORK},
    {"TLS is required, but was not offered by host mx.example.com[192.0.2.1]",
	BOUNCE_NETWORK},
    {"unknown mail transport error", BOUNCE_SYSTEM},
    {"550 5.2.1 <a@example.com>: Account is temporarily disabled",
	BOUNCE_SYSTEM},
    {"550 5.7.1 <b@example.org>: Sender address rejected: not owned by user",
	BOUNCE_POLICY},
    {"host mx.example.com[192.0.2.1] said: 550 no (in reply to MAIL FROM "
     "command)",
	BOUNCE_POLICY},
    {"host mx.example.com[192.0.2.1] said: 550 user unknown (in reply to MAIL "
     "FROM command)",
	BOUNCE_POLICY},
    /* Exim */
    {"550 Unrouteable address", BOUNCE_USER_UNKNOWN},
    {"SMTP error from remote mail server after RCPT TO:<a@example.com>: host "
     "mx.example.com [192.0.2.1]: 550 unknown user",
	BOUNCE_USER_UNKNOWN},
    {"SMTP error from remote mail server after initial connection: host "
     "mx.example.com [192.0.2.1]: 554 blocked for abuse",
	BOUNCE_REPUTATION},
    {"SMTP error from remote mail server after initial connection: host "
     "mx.example.com [192.0.2.1]: 554 go away",
	BOUNCE_REPUTATION},
    {"retry timeout exceeded", BOUNCE_EXPIRED},
    {"mailbox is full (MTA-imposed quota exceeded while writing to file)",
	BOUNCE_MAILBOX_FULL},
    {"all relevant MX records point to non-existent hosts",
	BOUNCE_HOST_UNKNOWN},
    {"an MX or SRV record indicated no SMTP service", BOUNCE_HOST_UNKNOWN},
    {"550 Sender verify failed", BOUNCE_POLICY},
    {"Domain example.com has exceeded the max emails per hour (500) allowed.",
	BOUNCE_THROTTLED},
    /* Sendmail */
    {"550 5.1.1 <a@example.com>... User unknown", BOUNCE_USER_UNKNOWN},
    {"550 5.0.0 <a@example.com>... User unknown", BOUNCE_POLICY},
    {"550 5.1.2 <a@example.com>... Host unknown (Name server: example.com: "
     "host not found)",
	BOUNCE_HOST_UNKNOWN},
    {"550 5.7.1 <a@example.com>... Relaying denied", BOUNCE_RELAY_DENIED},
    {"553 5.1.8 <b@example.org>... Domain of sender address b@example.org does "
     "not exist",
	BOUNCE_POLICY},
    {"554 5.3.5 system config error", BOUNCE_SYSTEM},
    /* qmail */
    {"Sorry, no mailbox here by that name. (#5.1.1)", BOUNCE_USER_UNKNOWN},
    {"Sorry, I couldn't find any host named example.invalid. (#5.1.2)",
	BOUNCE_HOST_UNKNOWN},
    {"Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)",
	BOUNCE_HOST_UNKNOWN},
    {"Sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
	BOUNCE_RELAY_DENIED},
    {"Recipient's mailbox is full, message returned to sender. (#5.2.2)",
	BOUNCE_MAILBOX_FULL},
    {"I'm not going to try again; this message has been in the queue too long.",
	BOUNCE_EXPIRED},
    {"sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
	BOUNCE_POLICY},
    /* Domino, others */
    {"550 5.1.1 User ann (ann@example.com) not listed in Domino Directory",
	BOUNCE_USER_UNKNOWN},
    {"Error delivering to ann; Router: Database disk quota exceeded",
	BOUNCE_MAILBOX_FULL},
    {"Error delivering to ann; File does not exist", BOUNCE_SYSTEM},
    {"550 5.4.6 Maximum hop count exceeded. Message probably in a routing loop",
	BOUNCE_NETWORK},
    {"551 User not local; please try <c@example.net>", BOUNCE_MAILBOX_MOVED},
    {"550 5.1.6 recipient has moved to another provider", BOUNCE_MAILBOX_MOVED},
    {"556 5.1.10 Recipient address has null MX", BOUNCE_HOST_UNKNOWN},
};

/* Who is not there is not the recipient; or nobody knows yet. */
static const struct reply spared[] = {
    {"550 5.1.1 <a@example.org>: Recipient address rejected: unverified "
     "address: Address verification in progress",
	BOUNCE_SYSTEM},
    {"550 5.1.1 <a@example.org>: Recipient address rejected: undeliverable "
     "address: connect to mx.example.org[192.0.2.1]:25: Connection timed out",
	BOUNCE_NETWORK},
    {"550 The address in your MAIL FROM command does not exist", BOUNCE_POLICY},
    {"550 The sender's mailbox does not exist", BOUNCE_POLICY},
    {"550 <b@example.com> Sender: user unknown", BOUNCE_POLICY},
    {"550 The sending account is disabled", BOUNCE_REPUTATION},
    {"521 5.2.1 :  (RTR:BL)", BOUNCE_REPUTATION},
    {"550 5.1.1 members-only list", BOUNCE_POLICY},
    {"503 5.5.1 User unknown: need MAIL before RCPT", BOUNCE_PROTOCOL},
    {"550 authentication failure: login user unknown", BOUNCE_RELAY_DENIED},
    {"550 invalid address in header To:", BOUNCE_POLICY},
    {"550 5.1.1 user unknown, temporary condition", BOUNCE_SYSTEM},
    {"550 Unknown error of this user", BOUNCE_SYSTEM},
    {"550 User (ann) unknown.", BOUNCE_USER_UNKNOWN},
    {"550 5.2.1 ann does not want your mail", BOUNCE_POLICY},
    {"550 the user you write from does not exist", BOUNCE_POLICY},
    {"550 5.1.1 mail to this user needs authentication", BOUNCE_RELAY_DENIED},
    {"550 5.1.1 ann is unknown, try another time", BOUNCE_SYSTEM},
    {"521 5.2.1 We will not accept this message", BOUNCE_POLICY},
    {"501 <mail.example.com> is invalid or DNS says it does not exist",
	BOUNCE_POLICY},
    {"550 5.2.1 Account administratively disabled", BOUNCE_MAILBOX_DISABLED},
    {"550 the mailbox of ann is full", BOUNCE_MAILBOX_FULL},
    {"550 mailbox for ann not found", BOUNCE_USER_UNKNOWN},
    {"550 recipient ann was not found", BOUNCE_USER_UNKNOWN},
    {"550 5.1.2 ann is not a registered gateway user", BOUNCE_USER_UNKNOWN},
    {"550 batv failed to verify", BOUNCE_POLICY},
    {"550 the service of ann is currently suspended", BOUNCE_MAILBOX_DISABLED},
    {"550 Inbox exceeded its capacity", BOUNCE_MAILBOX_FULL},
    {"550 I am not your relay", BOUNCE_RELAY_DENIED},
    {"550 you may not mail us: organizational settings", BOUNCE_POLICY},
    {"552 disk quota exceeded, mailbox temporarily disabled",
	BOUNCE_MAILBOX_FULL},
};

static const struct reply languages[] = {
    {"550 5.1.1 Empf\303\244nger unbekannt", BOUNCE_USER_UNKNOWN},
    {"550 Empf\344nger unbekannt", BOUNCE_USER_UNKNOWN},
    {"550 Benutzer nicht gefunden", BOUNCE_USER_UNKNOWN},
    {"550 Diese Adresse existiert nicht", BOUNCE_USER_UNKNOWN},
    {"552 Das Postfach ist voll", BOUNCE_MAILBOX_FULL},
    {"550 Postfach gesperrt", BOUNCE_MAILBOX_DISABLED},
    {"550 Zugriff verweigert", BOUNCE_POLICY},
    {"550 Absender unbekannt", BOUNCE_POLICY},
    {"552 Nachricht zu gro\303\237", BOUNCE_TOO_BIG},
    {"550 Utilisateur inconnu", BOUNCE_USER_UNKNOWN},
    {"550 BO\303\216TE AUX LETTRES INEXISTANTE", BOUNCE_USER_UNKNOWN},
    {"552 Bo\303\256te pleine", BOUNCE_MAILBOX_FULL},
    {"550 Compte suspendu", BOUNCE_MAILBOX_DISABLED},
    {"550 Acc\303\250s refus\303\251", BOUNCE_POLICY},
    {"550 El usuario no existe", BOUNCE_USER_UNKNOWN},
    {"552 Buz\303\263n lleno", BOUNCE_MAILBOX_FULL},
    {"550 Remitente desconocido: el usuario no existe", BOUNCE_POLICY},
    {"550 Utente sconosciuto", BOUNCE_USER_UNKNOWN},
    {"552 Casella di posta piena", BOUNCE_MAILBOX_FULL},
    {"550 Usu\303\241rio inexistente", BOUNCE_USER_UNKNOWN},
    {"552 Caixa de correio cheia", BOUNCE_MAILBOX_FULL},
    {"550 Onbekende gebruiker", BOUNCE_USER_UNKNOWN},
    {"552 Postvak is vol", BOUNCE_MAILBOX_FULL},
    {"550 Nie ma takiego u\305\274ytkownika", BOUNCE_USER_UNKNOWN},
    {"552 Skrzynka przepe\305\202niona", BOUNCE_MAILBOX_FULL},
    {"550 Ok\303\244nd mottagare", BOUNCE_USER_UNKNOWN},
    {"552 Brevl\303\245dan \303\244r full", BOUNCE_MAILBOX_FULL},
    {"550 "
     "\320\237\320\276\320\273\321\214\320\267\320\276\320\262\320\260\321\202"
     "\320\265\320\273\321\214 \320\275\320\265 "
     "\320\275\320\260\320\271\320\264\320\265\320\275",
	BOUNCE_USER_UNKNOWN},
    {"552 "
     "\320\237\320\276\321\207\321\202\320\276\320\262\321\213\320\271 "
     "\321\217\321\211\320\270\320\272 "
     "\320\277\320\265\321\200\320\265\320\277\320\276\320\273\320\275\320\265"
     "\320\275",
	BOUNCE_MAILBOX_FULL},
    {"550 \345\256\233\345\205\210\343\201\257\345\255\230\345\234\250\343\201"
     "\227\343\201\276\343\201\233\343\202\223\343\200\202",
	BOUNCE_USER_UNKNOWN},
    {"550 \345\217\227\344\277\241\346\213\222\345\220\246", BOUNCE_POLICY},
};

/* The reply's own status, else x.0.0 by its code: as Postfix fills the field. */
static struct str field_of(const char *text)
{
	struct bounce_status unused;
	struct str code = STR_NULL;

	if (bounce_find_status(str_of(text), &unused, &code))
		return code;
	return text[0] == '4' ? STR("4.0.0") : STR("5.0.0");
}

static void test_replies(const char *whose, const struct reply *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bounce_evidence e = {.outcome = BOUNCE_FAILED,
		    .status = field_of(v[i].text),
		    .diagnostic = str_of(v[i].text)};
		struct bounce_answer a;

		bounce_classify(rules, &e, &a);
		IS_STR(bounce_reason_name(a.reason),
		    bounce_reason_name(v[i].want), "%s: %.60s (line %u: %s)",
		    whose, v[i].text, a.by.line, a.by.text);
	}
}

#define REPLIES(v) test_replies(#v, v, sizeof(v) / sizeof(*(v)))

int main(void)
{
	if (bounce_rules_new(&rules) != 0)
		return 2;
	REPLIES(google);
	REPLIES(microsoft);
	REPLIES(consumer);
	REPLIES(gateways);
	REPLIES(servers);
	REPLIES(spared);
	REPLIES(languages);
	bounce_rules_free(&rules);
	return tap_done();
}
