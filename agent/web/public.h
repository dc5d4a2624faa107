/* public.h - what anybody may reach: /u/TOKEN, and later open, click and
 * preference links. Only POST changes state; a request with a bad token gets
 * a 404 that tells nothing. Threads: any. */
#ifndef AGENT_WEB_PUBLIC_H
#define AGENT_WEB_PUBLIC_H

#include "agent/app.h"
#include "agent/web/server.h"

/* arg: struct app *. */
void public_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp);

/* /u/TOKEN, the token cut out. */
void unsubscribe_handle(struct app *app, const struct server_request *rq,
    struct str token, struct server_reply *rp);

#endif
