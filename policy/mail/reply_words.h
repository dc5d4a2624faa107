/* reply_words.h - the words by which an answer is known, as a table: who misses a
 * language or a phrase adds a line. All lower case, as phrases.h has it; an
 * apostrophe is a blank. Those of languages without blanks between words match
 * anywhere. Pure. Threads: immutable. */
#ifndef POLICY_MAIL_REPLY_WORDS_H
#define POLICY_MAIL_REPLY_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* What a clause has. */
enum reply_word {
	WORD_STOP = 1,      /* asks for no more, unless the clause denies it */
	WORD_NO_MORE = 2,   /* the same, with its "not" in it */
	WORD_ALONE = 4,     /* asks for no more where nothing else is said */
	WORD_NOT = 8,       /* denies */
	WORD_IF = 16,       /* a condition, an instruction: nobody's wish */
	WORD_AWAY = 32,     /* is away */
	WORD_BACK = 64,     /* will be back, or is away for a while */
	WORD_LEFT = 128,    /* somebody has left, it may be the company */
	WORD_MYSELF = 256,  /* is said of who writes or of this address */
	WORD_PROVE = 512,   /* wants us to prove that we are people */
	WORD_TICKET = 1024, /* a request was received and has a number */
	WORD_POLITE = 2048, /* says nothing: thanks, regards */
	/* Two of a clause, which alone say nothing, ask for no more: not to want
	 * and mail; to remove and a list. */
	WORD_REFUSE = 4096, /* does not want; denies as WORD_NOT does */
	WORD_MAILS = 8192,  /* mail, or to get it */
	WORD_REMOVE = 16384,
	WORD_LIST =
	    32768, /* a list of addresses, or an address: ours, theirs */
	WORD_ROLL = 65536, /* some list: only with WORD_ME */
	WORD_ME = 131072,
	WORD_HALT = 262144, /* to stop: only with WORD_MAILS or WORD_SEND */
	WORD_SEND = 524288, /* to send, to write */
	WORD_MORE =
	    1048576, /* more, any longer: with WORD_NOT and WORD_MAILS */
	WORD_TO =
	    2097152, /* as WORD_IF, but with WORD_WANT: "to unsubscribe" */
	WORD_WANT = 4194304,
	/* What makes that somebody has left sure or not: reply_left.h. */
	WORD_QUIT = 1 << 24,  /* has left the company, without a doubt */
	WORD_ROBOT = 1 << 25, /* a program says that it is one */
	WORD_ACK = 1 << 26,   /* with WORD_TICKET: a program speaks */
	WORD_PART = 1 << 27,  /* not the company: a task, a place; or another */
	WORD_PASS = 1 << 28,  /* a time that passes, and all is as before */
	WORD_FIRM = 1 << 29,  /* the company, or its form of law */
	WORD_GONE = 1 << 30,  /* as WORD_LEFT, but with WORD_FIRM beside it */
};

/* More of the same, beyond an int: what makes a wish one or not. */
#define WORD_AFTER                                                             \
	(UINT64_C(1) << 31)           /* with WORD_NOT: what stands before it */
#define WORD_COND (UINT64_C(1) << 32) /* "if you": to the sentence's end */
/* not yet, not to hesitate, does not get any: only "remove me" is a wish there */
#define WORD_HOLD (UINT64_C(1) << 33)
#define WORD_IDLE (UINT64_C(1) << 34)   /* its "not" denies nothing */
#define WORD_LEGAL (UINT64_C(1) << 35)  /* of a notice of confidentiality */
#define WORD_BROKEN (UINT64_C(1) << 36) /* does not work: with WORD_STOP */
#define WORD_BREAK (UINT64_C(1) << 37)  /* nothing before it denies behind it */
#define WORD_OTHER (UINT64_C(1) << 38) /* some thing: to remove it is no wish */
#define WORD_MINE (UINT64_C(1) << 39)  /* my address: near WORD_REMOVE */

struct reply_phrase {
	uint64_t word; /* enum reply_word, one or more */
	const char *text;
};

struct reply_words {
	const struct reply_phrase *v;
	size_t n;
};

extern const struct reply_words reply_words_wish;    /* reply_words.c */
extern const struct reply_words reply_words_pair;    /* reply_words_two.c */
extern const struct reply_words reply_words_no_more; /* ..._no_more.c */
extern const struct reply_words reply_words_halves;  /* ..._halves.c */
extern const struct reply_words reply_words_deny;    /* reply_words_deny.c */
extern const struct reply_words reply_words_other;   /* reply_words_other.c */
extern const struct reply_words reply_words_auto;    /* reply_words_auto.c */
extern const struct reply_words reply_words_left;    /* reply_words_left.c */
extern const struct reply_words reply_words_stay;    /* reply_words_stay.c */

#endif
