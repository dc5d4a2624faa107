# tests/fuzz/: a program for each parser that strangers' bytes reach; see
# fuzz.h. To add fuzz_x.c: its name below (sorted), its LDADD line, and at
# least one input in corpus/x/.
#
#   make check                     replays the corpora
#   ./configure CC=clang --with-fuzzer --with-sanitizer=address,undefined
#   make fuzz FUZZ_SECONDS=600     looks for more, so much processor time each
fuzz_targets = \
	%D%/fuzz_address \
	%D%/fuzz_addrlist \
	%D%/fuzz_arf \
	%D%/fuzz_audience \
	%D%/fuzz_authres \
	%D%/fuzz_conf \
	%D%/fuzz_csvrow \
	%D%/fuzz_daysfile \
	%D%/fuzz_dkim_body \
	%D%/fuzz_dkim_verify \
	%D%/fuzz_envelope \
	%D%/fuzz_policy \
	%D%/fuzz_mtalog \
	%D%/fuzz_dsn \
	%D%/fuzz_ledger \
	%D%/fuzz_mime \
	%D%/fuzz_notice \
	%D%/fuzz_postout \
	%D%/fuzz_rules \
	%D%/fuzz_reply \
	%D%/fuzz_sort \
	%D%/fuzz_spf \
	%D%/fuzz_token \
	%D%/fuzz_verify_wire \
	%D%/fuzz_zonefile \
	$(END)

tests_fuzz_fuzz_address_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_addrlist_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_arf_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_audience_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_authres_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_csvrow_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_daysfile_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_dkim_body_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_dkim_verify_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_envelope_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_policy_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_mtalog_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_dsn_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_ledger_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_mime_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_notice_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_postout_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_rules_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_reply_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_sort_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_spf_LDADD = agent/libverify.a $(FUZZ_LDADD) $(SPF2_LIBS)
tests_fuzz_fuzz_token_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_verify_wire_LDADD = agent/libagent.a $(FUZZ_LDADD)
tests_fuzz_fuzz_zonefile_LDADD = $(FUZZ_LDADD)

check_PROGRAMS += $(fuzz_targets)
EXTRA_DIST += %D%/fuzz.h %D%/fuzz.py %D%/corpus
FUZZ_SECONDS = 60

if FUZZER
FUZZ_LDADD = $(FUZZER_LDFLAGS) $(POLICY_LIBS)
else
FUZZ_LDADD = %D%/libreplay.a $(POLICY_LIBS)
check_LIBRARIES += %D%/libreplay.a
tests_fuzz_libreplay_a_SOURCES = %D%/replay.c
TESTS += $(fuzz_targets)
endif

# FUZZ="dsn mime" takes these only. What it finds beyond the corpora stays in
# fuzz-work/, with how long each has run: see fuzz.py.
FUZZ = $(fuzz_targets:%D%/fuzz_%=%)
FUZZ_FLAGS =
.PHONY: fuzz
if FUZZER
fuzz: $(fuzz_targets)
	$(PYTHON) $(srcdir)/%D%/fuzz.py --seconds $(FUZZ_SECONDS) \
		--corpus $(srcdir)/%D%/corpus $(FUZZ_FLAGS) \
		$(FUZZ:%=%D%/fuzz_%)
else
fuzz:
	@echo "fuzz: configure with CC=clang --with-fuzzer" >&2; exit 1
endif
