# agent/: tendril-agent, tendril.
sbin_PROGRAMS += tendril-agent
bin_PROGRAMS += tendril
noinst_LIBRARIES += agent/libagent.a

# Everything but the mains, so that tests can use it.
agent_libagent_a_SOURCES = \
	%D%/api/api.c \
	%D%/api/api.h \
	%D%/api/api_args.c \
	%D%/api/api_check.c \
	%D%/api/api_consent.c \
	%D%/api/api_explain.c \
	%D%/api/api_hold.c \
	%D%/api/api_import.c \
	%D%/api/api_journal.c \
	%D%/api/api_lead.c \
	%D%/api/api_leads.c \
	%D%/api/api_leads_list.c \
	%D%/api/api_metrics.c \
	%D%/api/api_mtalog.c \
	%D%/api/api_outcome.c \
	%D%/api/api_policy.c \
	%D%/api/api_policy_change.c \
	%D%/api/api_review.c \
	%D%/api/api_segment.c \
	%D%/api/api_shadow.c \
	%D%/api/api_simulate.c \
	%D%/api/api_stats.c \
	%D%/api/api_suppression.c \
	%D%/api/api_suppression_undo.c \
	%D%/api/event_json.c \
	%D%/api/event_json.h \
	%D%/api/evidence.c \
	%D%/api/evidence.h \
	%D%/api/lead_json.c \
	%D%/api/lead_json.h \
	%D%/api/role.c \
	%D%/api/role.h \
	%D%/api/routes.h \
	%D%/api/show.c \
	%D%/api/show.h \
	%D%/api/simjob.c \
	%D%/api/simjob.h \
	%D%/api/simulate_json.c \
	%D%/api/timeline.c \
	%D%/api/timeline.h \
	%D%/app.h \
	%D%/cli/loglines.c \
	%D%/cli/loglines.h \
	%D%/cli/mtalog_ends.c \
	%D%/cli/mtalog_ends.h \
	%D%/cli/plain.c \
	%D%/cli/plain.h \
	%D%/cli/postout.c \
	%D%/cli/postout.h \
	%D%/guard.c \
	%D%/guard.h \
	%D%/csvrow.c \
	%D%/csvrow.h \
	%D%/in/act.c \
	%D%/in/act.h \
	%D%/in/believe.c \
	%D%/in/believe.h \
	%D%/in/claim.c \
	%D%/in/claim.h \
	%D%/in/feedback.c \
	%D%/in/feedback.h \
	%D%/in/handoff.c \
	%D%/in/handoff.h \
	%D%/in/lookback.c \
	%D%/in/lookback.h \
	%D%/in/maildir.c \
	%D%/in/maildir.h \
	%D%/in/maildir_aside.c \
	%D%/in/maildir_aside.h \
	%D%/in/maildir_deliver.c \
	%D%/in/maildir_watch.c \
	%D%/in/maildir_watch.h \
	%D%/in/mtalog.c \
	%D%/in/mtalog.h \
	%D%/in/mtalog_files.c \
	%D%/in/mtalog_files.h \
	%D%/in/mtalog_follow.c \
	%D%/in/mtalog_follow.h \
	%D%/in/mtalog_id.c \
	%D%/in/mtalog_id.h \
	%D%/in/mtalog_journal.h \
	%D%/in/mtalog_postfix.c \
	%D%/in/mtalog_postfix.h \
	%D%/in/mtalog_prefix.c \
	%D%/in/mtalog_prefix.h \
	%D%/in/mtalog_released.c \
	%D%/in/mtalog_released.h \
	%D%/in/mtalog_sendmail.c \
	%D%/in/mtalog_sendmail.h \
	%D%/in/mtalog_source.c \
	%D%/in/mtalog_source.h \
	%D%/in/mtalog_writers.c \
	%D%/in/mtalog_writers.h \
	%D%/in/named.c \
	%D%/in/named.h \
	%D%/in/outcome.c \
	%D%/in/outcome.h \
	%D%/in/outcome_early.c \
	%D%/in/outcome_early.h \
	%D%/in/outcome_more.c \
	%D%/in/outcome_more.h \
	%D%/in/outcome_session.c \
	%D%/in/outcome_session.h \
	%D%/in/shares.c \
	%D%/in/shares.h \
	%D%/in/slotchange.c \
	%D%/in/slotchange.h \
	%D%/in/sort.c \
	%D%/in/sort.h \
	%D%/in/sort_plain.c \
	%D%/in/sort_plain.h \
	%D%/in/sort_search.c \
	%D%/in/sort_search.h \
	%D%/in/reviews.c \
	%D%/in/reviews.h \
	%D%/in/slots.c \
	%D%/in/slots.h \
	%D%/in/verify_pool.c \
	%D%/in/verify_pool.h \
	%D%/in/verify_wire.c \
	%D%/in/verify_wire.h \
	%D%/in/verify_worker.c \
	%D%/in/verify_worker.h \
	%D%/in/waits.c \
	%D%/in/waits.h \
	%D%/out/claims.c \
	%D%/out/claims.h \
	%D%/out/judge.c \
	%D%/out/judge.h \
	%D%/out/maildate.c \
	%D%/out/maildate.h \
	%D%/out/http.c \
	%D%/out/http.h \
	%D%/out/nondelivery.c \
	%D%/out/nondelivery.h \
	%D%/out/reach.c \
	%D%/out/reach.h \
	%D%/out/relay.c \
	%D%/out/relay.h \
	%D%/out/release.c \
	%D%/out/release.h \
	%D%/out/release_hand.c \
	%D%/out/release_held.c \
	%D%/out/release_internal.h \
	%D%/out/release_one.c \
	%D%/out/release_report.c \
	%D%/out/release_sent.c \
	%D%/out/release_upkeep.c \
	%D%/out/smtp.c \
	%D%/out/smtp.h \
	%D%/out/smtpconn.c \
	%D%/out/smtpconn.h \
	%D%/out/submit.c \
	%D%/out/submit.h \
	%D%/parts.c \
	%D%/parts.h \
	%D%/reload.c \
	%D%/reload.h \
	%D%/ruleset.c \
	%D%/ruleset.h \
	%D%/steps.c \
	%D%/steps.h \
	%D%/value.c \
	%D%/value.h \
	%D%/web/form.c \
	%D%/web/form.h \
	%D%/web/listen.c \
	%D%/web/listen.h \
	%D%/web/metrics.c \
	%D%/web/metrics.h \
	%D%/web/page.c \
	%D%/web/page.h \
	%D%/web/public.c \
	%D%/web/public.h \
	%D%/web/server.c \
	%D%/web/server.h \
	%D%/web/unsubscribe.c \
	%D%/web/words.c \
	%D%/web/words.h \
	$(END)

if HAVE_SYSTEMD
agent_libagent_a_SOURCES += \
	%D%/in/mtalog_journal.c \
	%D%/in/mtalog_journal_dirs.c \
	%D%/in/mtalog_journal_dirs.h \
	$(END)
else
agent_libagent_a_SOURCES += %D%/in/mtalog_nojournal.c
endif

# The sandbox's program, apart from all that it must not have. Only tests link
# with the library as well.
pkglibexec_PROGRAMS += tendril-verify
noinst_LIBRARIES += agent/libverify.a
agent_libverify_a_SOURCES = \
	%D%/verify/sandbox.c \
	%D%/verify/sandbox.h \
	%D%/verify/serve.c \
	%D%/verify/serve.h \
	%D%/verify/spf_check.c \
	%D%/verify/spf_check.h \
	%D%/verify/warm.h \
	$(END)
tendril_verify_SOURCES = %D%/verify/main.c
tendril_verify_LDADD = $(VERIFY_LIBS)
VERIFY_LIBS = agent/libverify.a agent/libagent.a $(POLICY_LIBS) $(SPF2_LIBS)

AGENT_LIBS = agent/libagent.a $(POLICY_LIBS) $(MICROHTTPD_LIBS) $(CURL_LIBS) \
	$(SYSTEMD_LIBS)

tendril_agent_SOURCES = %D%/main.c
tendril_agent_LDADD = $(AGENT_LIBS)

tendril_SOURCES = \
	%D%/cli/args.c \
	%D%/cli/asuser.c \
	%D%/cli/asuser.h \
	%D%/cli/cli.h \
	%D%/cli/client.c \
	%D%/cli/client.h \
	%D%/cli/common.c \
	%D%/cli/csv.c \
	%D%/cli/csv.h \
	%D%/cli/events.c \
	%D%/cli/events.h \
	%D%/cli/inforce.c \
	%D%/cli/inforce.h \
	%D%/cli/keys.c \
	%D%/cli/keys.h \
	%D%/cli/leads_export.c \
	%D%/cli/leads_file.h \
	%D%/cli/leads_import.c \
	%D%/cli/leads_order.c \
	%D%/cli/leads_order.h \
	%D%/cli/mailfile.c \
	%D%/cli/mailfile.h \
	%D%/cli/mailin.c \
	%D%/cli/mailin.h \
	%D%/cli/main.c \
	%D%/cli/offline.c \
	%D%/cli/offline.h \
	%D%/cli/out.c \
	%D%/cli/out.h \
	%D%/cli/policyfile.c \
	%D%/cli/policyfile.h \
	%D%/cli/postfix.c \
	%D%/cli/postfix.h \
	%D%/cli/preview.c \
	%D%/cli/preview.h \
	%D%/cli/run.c \
	%D%/cli/run.h \
	%D%/cli/suppress_file.c \
	%D%/cli/suppress_file.h \
	%D%/cli/suppress_show.c \
	%D%/cli/suppress_show.h \
	%D%/cli/verb_backup.c \
	%D%/cli/verb_check.c \
	%D%/cli/verb_check_stream.c \
	%D%/cli/verb_classify.c \
	%D%/cli/verb_consent.c \
	%D%/cli/verb_explain.c \
	%D%/cli/verb_help.c \
	%D%/cli/verb_hold.c \
	%D%/cli/verb_hold_adopt.c \
	%D%/cli/verb_hold_adopt.h \
	%D%/cli/verb_ingest.c \
	%D%/cli/verb_journal.c \
	%D%/cli/verb_key.c \
	%D%/cli/verb_lead.c \
	%D%/cli/verb_ledger.c \
	%D%/cli/verb_may.c \
	%D%/cli/verb_mtalog.c \
	%D%/cli/verb_policy.c \
	%D%/cli/verb_preview.c \
	%D%/cli/verb_review.c \
	%D%/cli/verb_segment.c \
	%D%/cli/verb_shadow.c \
	%D%/cli/verb_simulate.c \
	%D%/cli/verb_stats.c \
	%D%/cli/verb_suppress.c \
	%D%/cli/verbs.h \
	$(END)
tendril_LDADD = $(AGENT_LIBS)

dist_man_MANS += \
	%D%/cli/tendril.1 \
	%D%/tendril-agent.8 \
	$(END)
