/* mtalog_sendmail.h - reads one line of Sendmail's log; mtalog.h is who calls.
 *
 * The forms below were taken from Sendmail 8.17.1.9 with log levels 9 and 10,
 * behind Tendril and without (id stands for a queue id; prefix left out):
 *
 *   id: from=<...>, size=196, class=0, nrcpts=1, msgid=<...>, ...
 *   id: Milter: data, reject=550 5.7.1 ...     and then, for each recipient
 *   id: to=<...>, delay=00:00:00, pri=30199, stat=...    (without mailer=)
 *   id: Milter: data, discard                  id: discarded
 *   id: Milter accept: message                 (MilterLogLevel 10)
 *   id: milter=NAME, quarantine=...
 *   id: to=<...>,<...>, delay=..., xdelay=..., mailer=relay, pri=...,
 *       relay=mx.example.net. [192.0.2.25], dsn=2.0.0, stat=Sent (...)
 *       dsn=5.1.1, reply=550 5.1.1 ..., stat=User unknown
 *       dsn=4.2.0, reply=451 4.2.0 ..., stat=Deferred: 451 4.2.0 ...
 *       stat=queued
 *   id: to=<...>,<...>, [more], delay=...      (a long list in several lines)
 *   id: id: DSN: User unknown
 *   id: id: sender notify: Warning: could not send message for past 4 hours
 *   id: id: sender notify: Cannot send message for 5 days
 *   id: id: clone: owner=...
 *   id: done; delay=..., ntries=2              (LogLevel 11)
 *
 * The from= line comes before the milter's answer; that a message was accepted
 * is said by "Milter accept" or by what becomes of it. Its nrcpts= is told before
 * aliases: 1 of a message to an alias of two. So who a message goes to is what
 * the to= lines of deliveries name. It is the beginning of a message only where
 * queue ids are used again (8.9 and before). Whatever is removed from the queue
 * by hand leaves no line.
 *
 * Hostile text. What a remote server said stands behind reply= or stat=, and
 * nothing behind those is read as a field: what became of the recipient is
 * told by dsn=, which Sendmail makes of the reply's code, in front of both. So
 * "550 2.0.0 x, stat=Sent" is a bounce. Recipients and the controlling address
 * may be quoted strings with commas, which are read as such.
 *
 * Pure. Threads: any. Linear in the length of the line. */
#ifndef AGENT_IN_MTALOG_SENDMAIL_H
#define AGENT_IN_MTALOG_SENDMAIL_H

#include "agent/in/mtalog.h"

/* Is that program Sendmail? "sendmail", and what packages call its parts:
 * "sm-mta", "sm-msp-queue"... */
bool mtalog_sendmail_is(struct str program);

/* What says nothing about a message's fate is MTALOG_OTHER. MTALOG_UNKNOWN: a
 * to= line that goes on otherwise than above. out has its prefix's fields. */
enum mtalog_kind mtalog_sendmail_text(
    struct str program, struct str text, struct mtalog_line *out);

/* Takes the next recipient off a list "<a>,<b>"; false at its end. */
bool mtalog_sendmail_rcpt(struct str *list, struct str *out);

#endif
