/* verb_backup.c - tendril backup, tendril restore. */
#include "agent/cli/offline.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

#include "policy/ledger/snapshot.h"
#include "policy/state/store.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static int report(struct cli *c, int rc, const struct snapshot_info *info,
    const struct error *err, const char *done)
{
	struct value *o;
	int code;

	out_progress_end();
	if (rc != 0)
		return cli_error(rc, err);
	if (!c->json) {
		offline_print_report(&info->report);
		out_line("%s: %s (epoch %llu)", c->operands[0], done,
		    (unsigned long long)info->meta.epoch);
		return CLI_DONE;
	}
	o = value_new_object();
	offline_put_report(o, &info->report);
	value_put_i64(o, "epoch", (int64_t)info->meta.epoch);
	code = cli_json(o);
	value_free(&o);
	return code;
}

static int run_backup(struct cli *c)
{
	struct check_options co = offline_check_options();
	struct snapshot_info info = {0};
	struct error err = {0};
	struct ledger *l;
	int rc, code = offline_open(c, NULL, 0, &l);

	if (code != CLI_DONE)
		return code;
	rc = snapshot_backup(l, c->operands[0], &co, &info, &err);
	ledger_close(&l);
	return report(c, rc, &info, &err, "written and verified");
}

/* Root restores; the daemons must be able to write. */
static int give_to_owner(const struct conf *conf, const char *dir)
{
	char path[PATH_MAX], file[PATH_MAX + 16];
	struct stat st;

	if (geteuid() != 0)
		return CLI_DONE;
	if (store_path(conf, "", path, sizeof(path), NULL) != 0 ||
	    stat(path, &st) != 0)
		return cli_fail(CLI_AGAIN, "state-dir: %s", error_text(-errno));
	(void)snprintf(file, sizeof(file), "%s/data.mdb", dir);
	if (chown(dir, st.st_uid, st.st_gid) != 0 ||
	    chown(file, st.st_uid, st.st_gid) != 0)
		return cli_fail(CLI_AGAIN, "%s: %s", dir, error_text(-errno));
	return CLI_DONE;
}

static int run_restore(struct cli *c)
{
	struct check_options co = offline_check_options();
	struct snapshot_info info = {0};
	struct ledger_options to;
	struct error err = {0};
	int rc, code = offline_options(c, NULL, 0, &to);

	if (code != CLI_DONE)
		return code;
	rc = snapshot_restore(c->operands[0], &to, &co, &info, &err);
	if (rc == ERR_EXISTS)
		return cli_fail(CLI_NO,
		    "%s; with both daemons stopped, move the old ledger away",
		    err.text);
	if (rc == 0) {
		code = give_to_owner(c->conf, to.dir);
		if (code != CLI_DONE)
			return code;
	}
	return report(c, rc, &info, &err, "restored, in a new epoch");
}

static const struct cli_command backup_commands[] = {
    {"", "DIR", 1, 1, NULL, "", run_backup},
};

const struct cli_verb verb_backup = {
    "backup",
    "a consistent, compact, verified copy of the ledger",
    "DIR must not be there yet. The daemons may run. Keys are not part of\n"
    "it: keep copies of the lead, token and epoch keys apart.",
    CLI_COMMANDS(backup_commands),
    "DIR is there, or the copy is not whole",
    "  tendril backup /backup/tendril-2026-11-22\n",
};

static const struct cli_command restore_commands[] = {
    {"", "DIR", 1, 1, NULL, "", run_restore},
};

const struct cli_verb verb_restore = {
    "restore",
    "puts a backup in the ledger's place",
    "Stop the daemons and move the old ledger away first. What happened\n"
    "after the backup is lost: the ledger begins a new epoch and says so.",
    CLI_COMMANDS(restore_commands),
    "there is a ledger, or the backup is damaged",
    "  tendril restore /backup/tendril-2026-11-22\n",
};
