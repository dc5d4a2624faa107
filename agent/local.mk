# agent/: tendril-agent, tendril.
sbin_PROGRAMS += tendril-agent
noinst_LIBRARIES += agent/libagent.a

# Everything but the mains, so that tests can use it.
agent_libagent_a_SOURCES = \
	%D%/api/api.c \
	%D%/api/api.h \
	%D%/api/api_metrics.c \
	%D%/api/api_person.c \
	%D%/api/api_policy.c \
	%D%/api/role.c \
	%D%/api/role.h \
	%D%/api/routes.h \
	%D%/app.h \
	%D%/in/mtalog.h \
	%D%/in/mtalog_files.c \
	%D%/in/mtalog_files.h \
	%D%/in/mtalog_follow.c \
	%D%/in/mtalog_follow.h \
	%D%/in/mtalog_postfix.c \
	%D%/in/mtalog_postfix.h \
	%D%/in/mtalog_prefix.c \
	%D%/in/mtalog_prefix.h \
	%D%/in/outcome.c \
	%D%/in/outcome.h \
	%D%/in/outcome_session.c \
	%D%/in/outcome_session.h \
	%D%/in/slots.c \
	%D%/in/slots.h \
	%D%/in/waits.c \
	%D%/in/waits.h \
	%D%/parts.c \
	%D%/parts.h \
	%D%/steps.c \
	%D%/steps.h \
	%D%/value.c \
	%D%/value.h \
	%D%/web/listen.c \
	%D%/web/listen.h \
	%D%/web/metrics.c \
	%D%/web/metrics.h \
	%D%/web/public.c \
	%D%/web/public.h \
	%D%/web/server.c \
	%D%/web/server.h \
	%D%/web/unsubscribe.c \
	$(END)

AGENT_LIBS = agent/libagent.a $(POLICY_LIBS) $(MICROHTTPD_LIBS) $(CURL_LIBS)

tendril_agent_SOURCES = %D%/main.c
tendril_agent_LDADD = $(AGENT_LIBS)
