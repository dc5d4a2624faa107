/* mtalog_postfix.h - reads one line of Postfix's log; mtalog.h is who calls.
 *
 * The forms below were taken from Postfix 3.7.11 with long and short queue
 * ids, through syslog and maillog_file, with milters, header checks, access
 * maps and postsuper (id stands for a queue id; prefix left out):
 *
 *   smtpd      connect from HOST[IP]
 *              id: client=HOST[IP], ...
 *              disconnect from HOST[IP] ehlo=1 mail=1 rcpt=1 data=0/1 ...
 *              id: milter-reject: END-OF-MESSAGE from HOST[IP]: TEXT; from=...
 *              NOQUEUE: hold: RCPT from ...    (the id comes after: client=)
 *   cleanup    id: message-id=<...>
 *              id: milter-reject: END-OF-MESSAGE from ...
 *              id: milter-discard: ...  id: milter-hold: ...
 *              id: reject|discard|hold: header ... from ...
 *              id: to=<...>, ... status=bounced (...)        (ignored, below)
 *   pickup     id: uid=0 from=<...>
 *              id: uid=103 from=<...> orig_id=id             (postsuper -r)
 *   qmgr       id: from=<...>, size=381, nrcpt=1 (queue active)
 *              id: from=<...>, status=expired, returned to sender
 *              id: from=<...>, status=force-expired, returned to sender
 *              id: removed
 *   delivery   id: to=<...>, orig_to=<...>, relay=..., delay=..., delays=...,
 *              dsn=2.0.0, status=sent (250 2.0.0 Ok)
 *              status: sent deferred bounced SOFTBOUNCE deliverable
 *              undeliverable; local(8): sent (forwarded as id)
 *   bounce     id: sender non-delivery notification: id
 *   postsuper  id: removed    id: placed on hold    Deleted: 2 messages
 *   master     daemon started -- version ...
 *              warning: process /.../smtpd pid 25456 killed by signal 9
 *
 * cleanup's status lines are ignored: cleanup writes "status=bounced" for a
 * local message that a milter refused, after its milter-reject line, which
 * says the same once and for all recipients.
 *
 * Hostile text. A remote server's reply stands in the parentheses at the end
 * and is never looked at for fields; fields are taken strictly from the left
 * and end at the parenthesis. A milter's or header's text stands behind the
 * stage's name, which is all that is read. A sender's address stands in front
 * of what qmgr and pickup have to say, so those lines are read from their
 * end. A recipient's address is taken with its quoted local part as a whole;
 * Postfix before 3.5 (or with info_log_address_format = internal) logs it
 * without quotes, and then a recipient can make up the fields of the line of
 * his own message and address, and of nothing else.
 *
 * Pure. Threads: any. Linear in the length of the line. */
#ifndef AGENT_IN_MTALOG_POSTFIX_H
#define AGENT_IN_MTALOG_POSTFIX_H

#include "agent/in/mtalog.h"

/* Any text of any program, "postfix/smtp"; out has its prefix's fields. What is
 * not Postfix's, or says nothing about a message's fate, is MTALOG_OTHER.
 * MTALOG_UNKNOWN: a delivery, queue manager or pickup line that starts like
 * the above and goes on otherwise; count and report it. */
enum mtalog_kind mtalog_postfix_text(
    struct str program, struct str text, struct mtalog_line *out);

#endif
