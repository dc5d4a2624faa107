/* form.h - a field of a posted form: application/x-www-form-urlencoded or
 * multipart/form-data (RFC 7578), by its Content-Type; anything else is read
 * as the former. Threads: any. */
#ifndef AGENT_WEB_FORM_H
#define AGENT_WEB_FORM_H

#include "agent/web/server.h"

/* The first field of that name, without regard to case; decoded, in the
 * request's arena or borrowed from its body. ERR_NOT_FOUND, ERR_LIMIT. */
int form_get(const struct server_request *rq, const char *name,
    struct str *out) MUST_CHECK;

#endif
