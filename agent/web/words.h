/* words.h - what the pages say, in the languages that they speak. Words are
 * HTML; ASCII, so that they are what they are in any editor.
 * Pure. Threads: any. */
#ifndef AGENT_WEB_WORDS_H
#define AGENT_WEB_WORDS_H

#include "policy/base/str.h"

/* What stands on both sides of a purpose. */
struct words_about {
	const char *before, *after;
};

struct words {
	const char *lang; /* RFC 5646: the page's language */
	const char *ask, *stopped, *done, *failed, *missing; /* titles */
	struct words_about receives, receives_no_more, will_no_more, stop;
	const char *all_no_more, *all_will_no_more, *all_stop;
	const char *still;     /* mail that goes on */
	const char *try_again; /* after `failed` */
	const char *bad_link;  /* after `missing` */
};

/* By the request's Accept-Language (RFC 9110 section 12.5.4); English where it
 * asks for nothing that we have. Never NULL. */
const struct words *words_for(struct str accept_language);

#endif
