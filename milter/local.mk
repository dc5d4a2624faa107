# milter/: tendril-milter.
sbin_PROGRAMS += tendril-milter
noinst_LIBRARIES += milter/libmilterside.a

# Everything but main and libmilter, so that tests can drive sessions.
milter_libmilterside_a_SOURCES = \
	%D%/apply.c \
	%D%/apply.h \
	%D%/early.c \
	%D%/early.h \
	%D%/eom.c \
	%D%/eom.h \
	%D%/eom_internal.h \
	%D%/feedback_rcpt.c \
	%D%/feedback_rcpt.h \
	%D%/gather.c \
	%D%/gather.h \
	%D%/inbound.c \
	%D%/inbound.h \
	%D%/keyring.c \
	%D%/keyring.h \
	%D%/mta.h \
	%D%/nurture.c \
	%D%/nurture.h \
	%D%/onetoone.c \
	%D%/onetoone.h \
	%D%/release.c \
	%D%/release.h \
	%D%/reply.c \
	%D%/reply.h \
	%D%/session.c \
	%D%/session.h \
	%D%/session_internal.h \
	%D%/shared.h \
	%D%/shadow.c \
	%D%/shadow.h \
	%D%/smfi_packets.c \
	%D%/smfi_packets.h \
	%D%/snapshot.c \
	%D%/snapshot.h \
	%D%/takeover.c \
	%D%/takeover.h \
	%D%/transform.c \
	%D%/transform.h

tendril_milter_SOURCES = \
	%D%/main.c \
	%D%/serve.c \
	%D%/serve.h \
	%D%/smfi.c \
	%D%/smfi.h \
	%D%/smfi_threads.c
tendril_milter_LDADD = milter/libmilterside.a $(POLICY_LIBS) $(MILTER_LIBS)

dist_man_MANS += %D%/tendril-milter.8
