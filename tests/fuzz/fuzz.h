/* fuzz.h - what a fuzz target needs. One target a parser, in fuzz_NAME.c:
 *
 *   int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
 *   {
 *           ...parse data...
 *           FUZZ_CHECK(what must hold whatever the input);
 *           return 0;
 *   }
 *
 * Built with libFuzzer (configure --with-fuzzer, clang) it looks for inputs;
 * built without, replay.c gives it those in corpus/NAME/, in `make check`. An
 * input that once broke something is kept there under a telling name. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "policy/base/error.h"
#include "policy/base/str.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A refusal of a conf or policy "f" that shows lint and libconfuse to see
 * different files. Whole, since a refusal may quote any words of the file. */
static inline bool fuzz_disagree(const struct error *err)
{
	struct str s = str_of(err->text);

	s = str_from(s, str_find(s, 0, ':') + 1);
	s = str_trim(str_from(s, str_find(s, 0, ':') + 1));
	return str_eq(s, STR("not well-formed near this line")) ||
	       (str_starts(s, STR("\"")) &&
		   str_ends(s, STR("\" can be read in two ways; write it more "
				   "simply")));
}

#define FUZZ_CHECK(cond)                                                       \
	do {                                                                   \
		if (!(cond))                                                   \
			bug("%s:%d: %s", __FILE__, __LINE__, #cond);           \
	} while (0)

#endif
