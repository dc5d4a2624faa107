# policy/: decisions and memory. One file a line, sorted: easy merges.
noinst_LIBRARIES += policy/libpolicy.a

policy_libpolicy_a_SOURCES = \
	%D%/base/arena.c \
	%D%/base/arena.h \
	%D%/base/buf.c \
	%D%/base/buf.h \
	%D%/base/clock.c \
	%D%/base/clock.h \
	%D%/base/codec.c \
	%D%/base/codec.h \
	%D%/base/digest.c \
	%D%/base/digest.h \
	%D%/base/error.c \
	%D%/base/error.h \
	%D%/base/fault.c \
	%D%/base/fault.h \
	%D%/base/file.c \
	%D%/base/file.h \
	%D%/base/histogram.c \
	%D%/base/histogram.h \
	%D%/base/log.c \
	%D%/base/log.h \
	%D%/base/secret.c \
	%D%/base/secret.h \
	%D%/base/str.c \
	%D%/base/str.h \
	%D%/ledger/crc32c.c \
	%D%/ledger/crc32c.h \
	%D%/ledger/door.c \
	%D%/ledger/door.h \
	%D%/ledger/env.c \
	%D%/ledger/env.h \
	%D%/ledger/event.c \
	%D%/ledger/event.h \
	%D%/ledger/events.def \
	%D%/ledger/folder.c \
	%D%/ledger/folder.h \
	%D%/ledger/meta.c \
	%D%/ledger/meta.h \
	%D%/mail/address.c \
	%D%/mail/address.h \
	%D%/mail/address_digest.c \
	%D%/mail/address_digest.h \
	%D%/mail/company.c \
	%D%/mail/company.h \
	%D%/mail/compose.c \
	%D%/mail/compose.h \
	%D%/mail/domain.c \
	%D%/mail/domain.h \
	%D%/mail/headblock.c \
	%D%/mail/headblock.h \
	%D%/mail/header.c \
	%D%/mail/header.h \
	%D%/mail/idn.c \
	%D%/mail/idn.h \
	%D%/mail/lead_id.c \
	%D%/mail/lead_id.h \
	%D%/mail/mime.c \
	%D%/mail/mime.h \
	%D%/mail/mimedecode.c \
	%D%/mail/mimedecode.h \
	%D%/mail/mimeparam.c \
	%D%/mail/mimeparam.h \
	%D%/mail/msgid.c \
	%D%/mail/msgid.h \
	%D%/mail/nfc.c \
	%D%/mail/nfc.h \
	%D%/mail/psl.c \
	%D%/mail/psl.h \
	%D%/mail/token.c \
	%D%/mail/token.h \
	%D%/mail/token_keys.c \
	%D%/mail/token_keys.h \
	%D%/mail/verp.c \
	%D%/mail/verp.h \
	%D%/rules/caps.c \
	%D%/rules/caps.h \
	%D%/rules/dup.c \
	%D%/rules/dup.h \
	%D%/rules/facts.c \
	%D%/rules/facts.h \
	%D%/rules/recognise.c \
	%D%/rules/recognise.h \
	%D%/rules/verdict.c \
	%D%/rules/verdict.h

# What a program that uses policy/ links with.
POLICY_LIBS = policy/libpolicy.a $(OPENDKIM_LIBS) $(CONFUSE_LIBS) \
	$(LMDB_LIBS) $(CBOR_LIBS) $(IDN2_LIBS) $(PSL_LIBS) $(UNISTRING_LIBS) \
	$(JANSSON_LIBS) $(OPENSSL_LIBS)
