/* sched.h - how the kernel shares the processors among threads. Threads: any. */
#ifndef POLICY_BASE_SCHED_H
#define POLICY_BASE_SCHED_H

/* Asks for short slices for the calling thread: it gets no more of a processor
 * than before, but gets it sooner when it wakes up (EEVDF: an earlier virtual
 * deadline; sched(7), sched_setattr(2), Linux 6.12 and later). For a thread that
 * many wait for and that waits for the disk itself. Elsewhere, and where an
 * admin chose another policy than SCHED_OTHER, nothing happens. */
void sched_short_slices(void);

#endif
