/* section_top.c - the conf's options outside all sections. */
#include "policy/base/log.h"
#include "policy/conf/section.h"

static const struct option_word modes[] = {
    {"enforce", CONF_MODE_ENFORCE},
    {"shadow", CONF_MODE_SHADOW},
    {NULL, 0},
};

static const struct option_word levels[] = {
    {"err", LOG_LEVEL_ERR},
    {"warning", LOG_LEVEL_WARNING},
    {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},
    {NULL, 0},
};

#define AT(field) offsetof(struct conf, field)

static const struct option options[] = {
    {.name = "mode",
	.type = &option_enum,
	.offset = AT(mode),
	.def = "enforce",
	.words = modes,
	.help = "With shadow the product decides and logs, but changes, signs, "
		"refuses and adds nothing; what goes is counted."},
    {.name = "state-dir",
	.type = &option_path,
	.offset = AT(state_dir),
	.def = "/var/lib/tendril",
	.help = "Folder of the ledger and the spool."},
    {.name = "authserv-id",
	.type = &option_domain,
	.offset = AT(authserv_id),
	.flags = OPTION_REQUIRED,
	.help = "This host's name in Authentication-Results fields (RFC 8601); "
		"fields of that name in mail from outside are removed."},
    {.name = "lead-key",
	.type = &option_path,
	.offset = AT(lead_key),
	.flags = OPTION_REQUIRED,
	.help = "Key file that turns addresses into lead ids. Keep a copy "
		"apart: without it every suppression is lost."},
    {.name = "token-key",
	.type = &option_path,
	.offset = AT(token_key),
	.flags = OPTION_REQUIRED,
	.help = "Key file of the tokens in unsubscribe links and bounce "
		"addresses."},
    {.name = "epoch-key",
	.type = &option_path,
	.offset = AT(epoch_key),
	.flags = OPTION_REQUIRED,
	.help = "Key file that wraps the keys of personal fields. Never "
		"back it up together with the ledger."},
    {.name = "group",
	.type = &option_token,
	.offset = AT(group),
	.help = "Group shared by both daemons; owns the ledger and the spool. "
		"A state-dir that is there must belong to it, with the "
		"set-group-id bit."},
    {.name = "policy-file",
	.type = &option_path,
	.offset = AT(policy_file),
	.help = "Policy that is read at start while the ledger holds none."},
    {.name = "seeds",
	.type = &option_addresses,
	.offset = AT(seeds),
	.help = "Proof addresses: their mail is composed and signed as all "
		"other, and never counted."},
    {.name = "re-inject",
	.type = &option_nets,
	.offset = AT(re_inject),
	.help = "Networks whose mail with our own X-Tendril-Id is taken as "
		"coming from the release listener."},
    {.name = "log-level",
	.type = &option_enum,
	.offset = AT(log_level),
	.def = "notice",
	.words = levels,
	.help = "What both daemons write to their log: events of this level "
		"and those that matter more."},
    {.name = "log-redact",
	.type = &option_flag,
	.offset = AT(log_redact),
	.def = "no",
	.help = "Leaves addresses out of the log, also where others "
		"wrote them: a server's answer, what a provider reports."},
    {.name = "map-size",
	.type = &option_size,
	.offset = AT(map_bytes),
	.def = "64G",
	.min = 16 << 20,
	.max = INT64_C(16) << 40,
	.help = "Upper bound of the ledger's file, which is sparse and grows "
		"as needed."},
};

const struct section_kind section_top = {
    .name = "",
    .times = SECTION_TOP,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .help = "Options that stand before and outside all sections.",
};
