/* subject.h - what a subject says of who wrote it: somebody who answers, or a
 * program. Of mail whose fields say nothing else. Pure. Threads: any. */
#ifndef POLICY_MAIL_SUBJECT_H
#define POLICY_MAIL_SUBJECT_H

#include "policy/base/str.h"

enum subject_auto {
	SUBJECT_OPEN, /* says nothing of it */
	SUBJECT_WEAK, /* names an automatic answer, or may; but those words may
	               * as well be what it is about, or what we wrote */
	SUBJECT_AUTO, /* the mark of an automatic answer, at its place */
};

/* "Re: x", in whatever language, behind what filters put in front: "[EXTERNAL]
 * AW: x". Forwarded ones too. The subject is decoded, UTF-8. */
bool subject_is_answer(struct str subject);

/* answers: the mail says to which message of ours it is an answer. Then a word
 * as "vacation" must begin the subject. */
enum subject_auto subject_says_auto(struct str subject, bool answers);

/* "[Ticket#2026112310000012]", "[#123]", "[Case 77]", "[host #1234]". */
bool subject_has_ticket(struct str subject);

#endif
