/* maildir_watch.c - see maildir_watch.h. */
#include "agent/in/maildir_watch.h"

#include "policy/base/error.h"
#include "policy/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	EVENTS_SIZE = 4096, /* NAME_MAX + 1 behind each fits */
	PATH_SIZE = 64,
};

static void tell(int rc)
{
	LOG_EV_LIMITED(
	    LOG_LEVEL_WARNING, "maildir.polled", KV_Z("error", error_text(rc)));
}

void maildir_watch_open(struct maildir_watch *w)
{
	w->wd = -1;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		tell(-errno);
}

void maildir_watch_close(struct maildir_watch *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = w->wd = -1;
}

/* What is told is not looked at: the folder will be. */
static void drain(const struct maildir_watch *w)
{
	char events[EVENTS_SIZE];

	while (read(w->fd, events, sizeof(events)) > 0)
		continue;
}

void maildir_watch_disarm(struct maildir_watch *w)
{
	if (w->fd < 0)
		return;
	if (w->wd >= 0)
		(void)inotify_rm_watch(w->fd, w->wd);
	w->wd = -1;
	drain(w);
}

/* By the descriptor and not the path, which may name another folder by now.
 * A folder that is watched already keeps its number. Delivery ends in a rename
 * or a link. */
void maildir_watch_arm(struct maildir_watch *w, int new)
{
	char path[PATH_SIZE];
	int wd;

	if (w->fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", new);
	wd = inotify_add_watch(
	    w->fd, path, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
	if (wd < 0)
		tell(-errno);
	if (w->wd >= 0 && w->wd != wd)
		(void)inotify_rm_watch(w->fd, w->wd);
	w->wd = wd;
	drain(w);
}
