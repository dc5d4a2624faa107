/* folder.h - the folder that a ledger lives in: made with the right mode, and
 * used once by a process. Threads: internally locked. */
#ifndef POLICY_LEDGER_FOLDER_H
#define POLICY_LEDGER_FOLDER_H

#include "policy/base/str.h"

struct folder;

/* Claims the folder: ERR_EXISTS while this process holds it already, by
 * whatever path. With create != 0 the folder is made where it is absent (its
 * parent must be there), and gets mode `create` with x where it has r, and the
 * set-group-id bit, so that files in it belong to its group. -errno, and
 * ERR_FULL where nothing can be made. */
int folder_claim(struct folder **out, const char *dir, unsigned create,
    struct error *err) MUST_CHECK;
void folder_release(struct folder **f); /* NULL is fine; sets *f = NULL */

const char *folder_path(const struct folder *f);
/* Was data.mdb absent when the folder was claimed? */
bool folder_is_new(const struct folder *f);
/* Gives the files that were absent at the claim the very mode, whatever the
 * umask was. */
int folder_set_modes(
    const struct folder *f, unsigned mode, struct error *err) MUST_CHECK;

#endif
