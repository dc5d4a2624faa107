/* error.c - see error.h. */
#include "policy/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int error_of(struct error *err, int code, const char *what)
{
	return code == 0
		   ? 0
		   : error_set(err, code, "%s: %s", what, error_text(code));
}

void error_prefix(struct error *err, const char *fmt, ...)
{
	char tail[sizeof(err->text)];
	va_list ap;
	int n;

	if (err == NULL)
		return;
	memcpy(tail, err->text, sizeof(tail));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		(void)snprintf(
		    err->text + n, sizeof(err->text) - (size_t)n, ": %s", tail);
}

static const struct {
	int code;
	const char *text;
} texts[] = {
    {ERR_LIMIT, "limit reached"},
    {ERR_SYNTAX, "not well-formed"},
    {ERR_FULL, "storage full or read-only"},
    {ERR_CORRUPT, "stored data is damaged"},
    {ERR_VERSION, "another schema version"},
    {ERR_NOT_FOUND, "not found"},
    {ERR_EXISTS, "exists already"},
    {ERR_CRYPTO, "cryptographic failure"},
    {ERR_STALE, "policy changed meanwhile"},
    {ERR_NEED_COPY, "needs a spool copy"},
    {ERR_STOPPING, "stopping"},
    {ERR_DENIED, "not allowed"},
    {ERR_UNAVAILABLE, "not available"},
    {ERR_KEY, "bad key"},
    {ERR_BUSY, "busy"},
};

const char *error_text(int code)
{
	if (code == 0)
		return "no error";
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == code)
			return texts[i].text;
	if (code < 0 && code > ERR_LIMIT)
		return strerrordesc_np(-code) != NULL ? strerrordesc_np(-code)
						      : "unknown error";
	return "unknown error";
}

_Noreturn void bug(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("bug: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	abort();
}
