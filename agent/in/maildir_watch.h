/* maildir_watch.h - tells at once that mail was delivered: inotify(7) on new/.
 *
 * Only ever a hint: the folder is read every second all the same, since there
 * are file systems where nothing is told of deliveries by other machines
 * (NFS), and limits to how many watches a user may have. So nothing here
 * fails; without a watch mail waits for that second. Threads: one owner. */
#ifndef AGENT_IN_MAILDIR_WATCH_H
#define AGENT_IN_MAILDIR_WATCH_H

struct maildir_watch {
	int fd; /* readable once there is news; -1: no inotify */
	int wd; /* of new/; -1: not watched */
};

void maildir_watch_open(struct maildir_watch *w);
void maildir_watch_close(struct maildir_watch *w);
/* Before the folder is read: what comes later makes fd readable again. new:
 * the folder, open; another one than last time is fine. */
void maildir_watch_arm(struct maildir_watch *w, int new);
/* Mail does not make fd readable until it is armed again: for trouble, which
 * more mail does not end. */
void maildir_watch_disarm(struct maildir_watch *w);

#endif
