/* api_metrics.c - /metrics and /healthz on the private socket. */
#include "agent/api/routes.h"

#include "agent/web/metrics.h"

static int plain(
    struct api_call *c, void (*fn)(struct app *app, struct server_reply *rp))
{
	struct server_reply rp = {
	    .body = *c->raw, .content_type = "text/plain; charset=utf-8"};

	fn(c->app, &rp);
	*c->raw = rp.body;
	c->raw_type = rp.content_type;
	c->status = rp.status;
	return 0;
}

int api_metrics(struct api_call *c)
{
	return plain(c, metrics_handle);
}

int api_health(struct api_call *c)
{
	return plain(c, metrics_health);
}
