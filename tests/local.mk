# tests/: TAP programs for `make check`; the rest is run by contrib/check.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON)
TEST_EXTENSIONS = .py
AM_TESTS_ENVIRONMENT = TENDRIL_SRCDIR='$(abs_top_srcdir)'; \
	TENDRIL_BUILDDIR='$(abs_top_builddir)'; \
	export TENDRIL_SRCDIR TENDRIL_BUILDDIR;

LDADD = $(POLICY_LIBS)

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
EXTRA_DIST += \
	%D%/corpora/check_address.py \
	%D%/corpora/check_logs.py \
	%D%/corpora/check_mime.py \
	%D%/corpora/check_preview.py \
	%D%/corpora/mails.py \
	%D%/corpora/check_reports.py \
	%D%/corpora/check_dkim.py \
	%D%/corpora/check_spf.py \
	%D%/unit/answertest.h \
	%D%/unit/dkim_vectors.h \
	%D%/unit/dnsserver.h \
	%D%/unit/apitest.h \
	%D%/unit/feedbacktest.h \
	%D%/unit/modeltest.h \
	%D%/unit/mtabridge.h \
	%D%/unit/oldlead.h \
	%D%/unit/releasetest.h \
	%D%/unit/journaltest.h \
	%D%/unit/sessiontest.h \
	%D%/unit/slotstest.h \
	%D%/unit/smtpserver.h \
	%D%/unit/rebuilttest.h \
	%D%/unit/storetest.h \
	%D%/data/mtalog \
	%D%/data/unseen \
	%D%/unit/outcome_text.h \
	%D%/unit/tap.h \
	%D%/unit/toy_ledger.h \
	%D%/unit/zonetest.h \
	$(END)

# Documents against sources; needs python3.
if HAVE_PYTHON
TESTS += %D%/docs/check_docs.py
endif
EXTRA_DIST += %D%/docs/check_docs.py

# One program a module, one name a line, sorted; each is built from its .c.
unit_tests = \
	%D%/unit/test_address \
	%D%/unit/test_addrlist \
	%D%/unit/test_answers \
	%D%/unit/test_api \
	%D%/unit/test_api_events \
	%D%/unit/test_api_segment \
	%D%/unit/test_api_leads \
	%D%/unit/test_attributes \
	%D%/unit/test_audience \
	%D%/unit/test_authres \
	%D%/unit/test_base \
	%D%/unit/test_believe \
	%D%/unit/test_bounce \
	%D%/unit/test_bounce_replies \
	%D%/unit/test_bounce_rules \
	%D%/unit/test_breaker \
	%D%/unit/test_cbor \
	%D%/unit/test_check_people \
	%D%/unit/test_calendar \
	%D%/unit/test_claim \
	%D%/unit/test_companies \
	%D%/unit/test_company \
	%D%/unit/test_compose \
	%D%/unit/test_conf \
	%D%/unit/test_copy \
	%D%/unit/test_counter \
	%D%/unit/test_daemon \
	%D%/unit/test_daysfile \
	%D%/unit/test_decide \
	%D%/unit/test_delay \
	%D%/unit/test_dkim_body \
	%D%/unit/test_dkim_dns \
	%D%/unit/test_dkim_key \
	%D%/unit/test_dkim_sign \
	%D%/unit/test_dkim_verify \
	%D%/unit/test_dkim_verify_others \
	%D%/unit/test_dnscache \
	%D%/unit/test_door \
	%D%/unit/test_door_kill \
	%D%/unit/test_dsn \
	%D%/unit/test_feedback \
	%D%/unit/test_feedback_giveup \
	%D%/unit/test_feedback_rcpt \
	%D%/unit/test_events \
	%D%/unit/test_eom \
	%D%/unit/test_event \
	%D%/unit/test_evidence \
	%D%/unit/test_held \
	%D%/unit/test_holdapi \
	%D%/unit/test_guard \
	%D%/unit/test_history \
	%D%/unit/test_hours \
	%D%/unit/test_inbound \
	%D%/unit/test_lanes \
	%D%/unit/test_lead \
	%D%/unit/test_giveup \
	%D%/unit/test_lead_id \
	%D%/unit/test_ledger_disk \
	%D%/unit/test_ledger_env \
	%D%/unit/test_lint \
	%D%/unit/test_load \
	%D%/unit/test_longline \
	%D%/unit/test_maildir \
	%D%/unit/test_mime \
	%D%/unit/test_loglines \
	%D%/unit/test_mtalog_ends \
	%D%/unit/test_mtalog_follow \
	%D%/unit/test_mtalog_journal \
	%D%/unit/test_mtalog_postfix \
	%D%/unit/test_mtalog_released \
	%D%/unit/test_mtalog_sendmail \
	%D%/unit/test_mtaproto \
	%D%/unit/test_no_md5 \
	%D%/unit/test_notice \
	%D%/unit/test_ops_leads \
	%D%/unit/test_origin \
	%D%/unit/test_outcome \
	%D%/unit/test_outcomes \
	%D%/unit/test_plain \
	%D%/unit/test_policy \
	%D%/unit/test_policy_warnings \
	%D%/unit/test_provider \
	%D%/unit/test_release \
	%D%/unit/test_release_many \
	%D%/unit/test_reference \
	%D%/unit/test_relay \
	%D%/unit/test_reload \
	%D%/unit/test_removed \
	%D%/unit/test_replay \
	%D%/unit/test_replay_policy \
	%D%/unit/test_reply \
	%D%/unit/test_reply_text \
	%D%/unit/test_report \
	%D%/unit/test_recognise \
	%D%/unit/test_resolver \
	%D%/unit/test_seal \
	%D%/unit/test_session \
	%D%/unit/test_smfi_packets \
	%D%/unit/test_smtp \
	%D%/unit/test_server \
	%D%/unit/test_server_wire \
	%D%/unit/test_slot_batch \
	%D%/unit/test_snapshot \
	%D%/unit/test_shadow \
	%D%/unit/test_shares \
	%D%/unit/test_simulate \
	%D%/unit/test_slots \
	%D%/unit/test_slots_ids \
	%D%/unit/test_sort \
	%D%/unit/test_sort_plain \
	%D%/unit/test_spf \
	%D%/unit/test_spike \
	%D%/unit/test_spool \
	%D%/unit/test_stage \
	%D%/unit/test_sync \
	%D%/unit/test_store \
	%D%/unit/test_suppress \
	%D%/unit/test_takeover \
	%D%/unit/test_tell \
	%D%/unit/test_textfind \
	%D%/unit/test_token \
	%D%/unit/test_trace \
	%D%/unit/test_unseen \
	%D%/unit/test_unsubscribe \
	%D%/unit/test_value \
	%D%/unit/test_verdict \
	%D%/unit/test_verify \
	%D%/unit/test_wait \
	%D%/unit/test_web \
	%D%/unit/test_when \
	%D%/unit/test_words \
	%D%/unit/test_zone \
	%D%/unit/test_zonefile \
	$(END)

tests_unit_test_feedback_rcpt_LDADD = milter/libmilterside.a $(POLICY_LIBS)
tests_unit_test_inbound_LDADD = milter/libmilterside.a $(POLICY_LIBS)
tests_unit_test_held_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_unit_test_holdapi_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_unit_test_release_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_unit_test_release_many_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_unit_test_reload_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_unit_test_eom_LDADD = milter/libmilterside.a $(POLICY_LIBS)
tests_unit_test_session_LDADD = milter/libmilterside.a $(POLICY_LIBS)
tests_unit_test_smfi_packets_LDADD = milter/libmilterside.a $(POLICY_LIBS)
tests_unit_test_smtp_LDADD = $(AGENT_LIBS)
tests_unit_test_spf_LDADD = $(VERIFY_LIBS)
tests_unit_test_verify_LDADD = $(VERIFY_LIBS)
tests_unit_test_takeover_LDADD = milter/libmilterside.a $(POLICY_LIBS)

# Programs that the checks over the corpora run.
check_PROGRAMS += \
	%D%/tools/addrtool \
	%D%/tools/capstool \
	%D%/tools/classifytool \
	%D%/tools/conftool \
	%D%/tools/ledgertool \
	%D%/tools/logtool \
	%D%/tools/dkimtool \
	%D%/tools/leaktool \
	%D%/tools/mimetool \
	%D%/tools/spftool \
	$(END)

# The frequency policy once more, slow and plain, beside the product.
check_PROGRAMS += %D%/model/worlds
TESTS += %D%/model/worlds
tests_model_worlds_SOURCES = \
	%D%/model/again.c \
	%D%/model/ask.c \
	%D%/model/books.c \
	%D%/model/books.h \
	%D%/model/judge.c \
	%D%/model/model.c \
	%D%/model/model.h \
	%D%/model/place.c \
	%D%/model/place.h \
	%D%/model/run.c \
	%D%/model/run.h \
	%D%/model/run_internal.h \
	%D%/model/world.c \
	%D%/model/world.h \
	%D%/model/worlds.c \
	$(END)

# Reference models in another language, against the same rules in C.
models = \
	%D%/model/caps_model.py \
	$(END)
TESTS += $(models)
EXTRA_DIST += $(models)

# `make check-corpora CORPORA=dir`: every check over the corpora, which are not
# part of the project. Fails if one fails, or if nothing was run.
.PHONY: check-corpora
check-corpora: $(check_PROGRAMS)
	@corpora=`cd "$(CORPORA)" && pwd` && test -n "$(CORPORA)" && \
	    test -n "`ls "$$corpora"`" || { \
		echo 'make check-corpora CORPORA=dir: no such folder, or empty'; \
		exit 1; }; \
	ran=0; failed=; \
	for check in $(srcdir)/tests/corpora/check_*.py; do \
		test -f "$$check" || continue; \
		ran=`expr $$ran + 1`; echo "== $$check"; \
		CORPORA="$$corpora" TENDRIL_SRCDIR='$(abs_top_srcdir)' \
		    TENDRIL_BUILDDIR='$(abs_top_builddir)' \
		    $(PYTHON) "$$check" || failed="$$failed $$check"; \
	done; \
	echo "== $$ran checks run, failed:$${failed:- none}"; \
	test $$ran -gt 0 && test -z "$$failed"

include tests/fuzz/local.mk

# tests/mta/: the MTA's side of the milter protocol, for benches and tests.
check_LIBRARIES += tests/mta/libmta.a
tests_mta_libmta_a_SOURCES = \
	%D%/mta/mtaconn.c \
	%D%/mta/mtaconn.h \
	%D%/mta/mtadial.c \
	%D%/mta/mtadial.h \
	%D%/mta/mtaproto.c \
	%D%/mta/mtaproto.h \
	$(END)

check_PROGRAMS += %D%/mta/miltersend
tests_mta_miltersend_LDADD = tests/mta/libmta.a policy/libpolicy.a
tests_unit_test_load_SOURCES = %D%/unit/test_load.c \
	%D%/bench/load_msg.c \
	%D%/bench/load_stat.c
tests_unit_test_load_LDADD = tests/mta/libmta.a policy/libpolicy.a
tests_unit_test_mtaproto_LDADD = tests/mta/libmta.a $(POLICY_LIBS)

EXTRA_DIST += \
	%D%/e2e/data/no_thread.c \
	%D%/e2e/data/postfix_changes.json \
	%D%/e2e/test_bench.py \
	%D%/e2e/test_breaker.py \
	%D%/e2e/test_browser.py \
	%D%/e2e/test_busy.py \
	%D%/e2e/test_check.py \
	%D%/e2e/test_check_people.py \
	%D%/e2e/test_cli.py \
	%D%/e2e/test_dkim_independent.py \
	%D%/e2e/test_feedback.py \
	%D%/e2e/test_milterclient.py \
	%D%/mta/cutwire.py \
	%D%/mta/fakefilter.py \
	%D%/mta/filtersocket.py \
	%D%/mta/mailmodel.py \
	%D%/mta/milterclient.py \
	%D%/mta/milterwire.py \
	$(END)

# What these test is in agent/.
tests_tools_spftool_LDADD = $(VERIFY_LIBS)
tests_tools_logtool_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_api_LDADD = $(AGENT_LIBS)
tests_unit_test_server_LDADD = $(AGENT_LIBS)
tests_unit_test_server_wire_LDADD = $(AGENT_LIBS)
tests_unit_test_unsubscribe_LDADD = $(AGENT_LIBS)
tests_unit_test_value_LDADD = $(AGENT_LIBS)
tests_unit_test_api_events_LDADD = $(AGENT_LIBS)
tests_unit_test_api_segment_LDADD = $(AGENT_LIBS)
tests_unit_test_api_leads_LDADD = $(AGENT_LIBS)
tests_unit_test_check_people_LDADD = $(AGENT_LIBS)
tests_unit_test_outcomes_LDADD = $(AGENT_LIBS)
tests_unit_test_shadow_LDADD = $(AGENT_LIBS)
tests_unit_test_web_LDADD = $(AGENT_LIBS)
tests_unit_test_words_LDADD = $(AGENT_LIBS)
tests_unit_test_evidence_LDADD = $(AGENT_LIBS)
tests_unit_test_answers_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_believe_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_claim_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_shares_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_sort_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_sort_plain_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_feedback_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_feedback_giveup_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_guard_LDADD = $(AGENT_LIBS)
tests_unit_test_maildir_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_relay_LDADD = $(AGENT_LIBS)
tests_unit_test_plain_LDADD = $(AGENT_LIBS)
tests_unit_test_loglines_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_mtalog_ends_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_mtalog_follow_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_mtalog_journal_LDADD = $(AGENT_LIBS)
tests_unit_test_mtalog_released_LDADD = $(AGENT_LIBS)
tests_unit_test_mtalog_sendmail_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_mtalog_postfix_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_outcome_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_unit_test_slots_LDADD = $(AGENT_LIBS)
tests_unit_test_slots_ids_LDADD = $(AGENT_LIBS)

# End to end, run by contrib/check (pytest, root, a real Postfix).
EXTRA_DIST += \
	%D%/e2e/answers.py \
	%D%/e2e/apps.py \
	%D%/e2e/bed/__init__.py \
	%D%/e2e/bed/bed.py \
	%D%/e2e/bed/conf.py \
	%D%/e2e/bed/faketime.py \
	%D%/e2e/bed/journald.py \
	%D%/e2e/bed/judge.py \
	%D%/e2e/bed/keys.py \
	%D%/e2e/bed/machine.py \
	%D%/e2e/bed/mail.py \
	%D%/e2e/bed/nameserver.py \
	%D%/e2e/bed/postfix.py \
	%D%/e2e/bed/proc.py \
	%D%/e2e/bed/sasl.py \
	%D%/e2e/bed/sendmail.py \
	%D%/e2e/bed/show.py \
	%D%/e2e/bed/sink.py \
	%D%/e2e/bed/story.py \
	%D%/e2e/bed/syslogd.py \
	%D%/e2e/bed/tendril.py \
	%D%/e2e/bed/web.py \
	%D%/e2e/conftest.py \
	%D%/e2e/ledger.py \
	%D%/e2e/load.py \
	%D%/e2e/test_adopt.py \
	%D%/e2e/test_bed.py \
	%D%/e2e/test_contrib.py \
	%D%/e2e/test_copies.py \
	%D%/e2e/test_complaints.py \
	%D%/e2e/test_concurrency.py \
	%D%/e2e/test_handoff.py \
	%D%/e2e/test_holds.py \
	%D%/e2e/test_hostile.py \
	%D%/e2e/test_hostile_answers.py \
	%D%/e2e/test_journal.py \
	%D%/e2e/test_judge.py \
	%D%/e2e/test_leads.py \
	%D%/e2e/test_morning.py \
	%D%/e2e/test_outcomes.py \
	%D%/e2e/test_outside.py \
	%D%/e2e/test_policies.py \
	%D%/e2e/test_promises.py \
	%D%/e2e/test_readme.py \
	%D%/e2e/test_replies.py \
	%D%/e2e/test_run.py \
	%D%/e2e/test_sendmail.py \
	%D%/e2e/test_sendmail_answers.py \
	%D%/e2e/test_sendmail_log.py \
	%D%/e2e/test_sendmail_wire.py \
	%D%/e2e/test_shadow.py \
	%D%/e2e/test_short_ids.py \
	%D%/e2e/test_sidebyside.py \
	%D%/e2e/test_simulate.py \
	%D%/e2e/test_spf_independent.py \
	%D%/e2e/test_spike.py \
	%D%/e2e/test_story_answers.py \
	%D%/e2e/test_story_frequency.py \
	%D%/e2e/test_submission.py \
	%D%/e2e/test_trouble.py \
	%D%/e2e/test_two_milters.py \
	%D%/e2e/tsan_load.py \
	%D%/tsan.supp \
	$(END)

include tests/bench/local.mk
