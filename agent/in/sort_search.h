/* sort_search.h - a token of ours anywhere in a report: in an address, a link
 * or a field of what it returns, encoded or not.
 *
 * Never a guess: where it has tokens of several messages, as when people quote
 * one of ours in another, nobody can tell which the report is about. Threads:
 * any. */
#ifndef AGENT_IN_SORT_SEARCH_H
#define AGENT_IN_SORT_SEARCH_H

#include "policy/base/arena.h"
#include "policy/mail/token.h"

enum {
	SORT_SEARCH_WORDS = 512, /* words like a token; more are not looked
				    at, and then nothing is found */
};

/* The message that the tokens of any kind name, as TOKEN_FEEDBACK whatever
 * they were: that a link to unsubscribe is quoted asks for nothing. What stands
 * before `from` is not looked at. ERR_NOT_FOUND: no token, or of several messages;
 * ERR_LIMIT, -ENOMEM, ERR_CRYPTO. */
int sort_search(const struct token_keys *keys, struct str message, size_t from,
    struct arena *a, struct token *out) MUST_CHECK;

#endif
