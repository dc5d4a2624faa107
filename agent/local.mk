# agent/: tendril-agent, tendril-verify, tendril.

noinst_LIBRARIES += agent/libagent.a
agent_libagent_a_SOURCES = \
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
	%D%/in/outcome_session.h
