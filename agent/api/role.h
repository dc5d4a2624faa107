/* role.h - the role of a peer on the unix socket, by conf. Threads: any. */
#ifndef AGENT_API_ROLE_H
#define AGENT_API_ROLE_H

#include "agent/api/api.h"

/* Role, and the user's name (or "uid NUMBER") in the arena. */
enum api_role role_of(const struct conf_agent *conf,
    const struct server_request *rq, struct str *user_out);

#endif
