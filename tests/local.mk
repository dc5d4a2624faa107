# tests/: TAP programs for `make check`; the rest is run by contrib/check.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
PY_LOG_DRIVER = $(LOG_DRIVER)
TEST_EXTENSIONS = .py
AM_TESTS_ENVIRONMENT = TENDRIL_SRCDIR='$(abs_top_srcdir)'; \
	TENDRIL_BUILDDIR='$(abs_top_builddir)'; \
	export TENDRIL_SRCDIR TENDRIL_BUILDDIR;

LDADD = $(POLICY_LIBS)

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
EXTRA_DIST += \
	%D%/corpora/check_address.py \
	%D%/unit/dkim_vectors.h \
	%D%/unit/tap.h \
	%D%/unit/toy_ledger.h \
	$(END)

# One program a module, one name a line, sorted; each is built from its .c.
unit_tests = \
	%D%/unit/test_address \
	%D%/unit/test_addrlist \
	%D%/unit/test_base \
	%D%/unit/test_cbor \
	%D%/unit/test_conf \
	%D%/unit/test_dkim_body \
	%D%/unit/test_dkim_key \
	%D%/unit/test_door \
	%D%/unit/test_lead_id \
	%D%/unit/test_mime \
	%D%/unit/test_policy \
	%D%/unit/test_seal \
	%D%/unit/test_token \
	%D%/unit/test_verdict \
	%D%/unit/test_when \
	$(END)

# Programs that the checks over the corpora run.
check_PROGRAMS += \
	%D%/tools/addrtool \
	%D%/tools/conftool \
	%D%/tools/mimetool \
	$(END)

include tests/fuzz/local.mk
