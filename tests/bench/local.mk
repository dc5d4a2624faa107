# tests/bench/: `make bench`, `make bench BENCH=sign,decide`. Nothing here is
# built by `make` or `make check`; the peers' configurations are *.in.
bench_programs = \
	%D%/bench_decide \
	%D%/bench_hold \
	%D%/bench_ingest \
	%D%/bench_ledger \
	%D%/bench_paced \
	%D%/bench_mtalog \
	%D%/bench_simulate \
	%D%/bench_classify \
	%D%/bench_dkim \
	%D%/ceilingmilter \
	%D%/makeledger \
	%D%/milterload \
	%D%/nullmilter \
	$(END)

EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)

tests_bench_bench_decide_LDADD = $(POLICY_LIBS)
tests_bench_bench_paced_LDADD = $(POLICY_LIBS)
tests_bench_bench_hold_LDADD = milter/libmilterside.a $(AGENT_LIBS)
tests_bench_bench_ingest_LDADD = agent/libagent.a $(POLICY_LIBS)
tests_bench_bench_ledger_LDADD = policy/libpolicy.a $(LMDB_LIBS)
tests_bench_bench_mtalog_LDADD = agent/libagent.a policy/libpolicy.a
tests_bench_bench_simulate_LDADD = $(POLICY_LIBS)
tests_bench_bench_classify_LDADD = $(POLICY_LIBS)
tests_bench_bench_dkim_SOURCES = %D%/bench_dkim.c %D%/bench_opendkim.c \
	%D%/bench_opendkim.h
tests_bench_ceilingmilter_SOURCES = %D%/benchmilter.c %D%/benchmilter.h \
	%D%/ceilingmilter.c
tests_bench_ceilingmilter_LDADD = policy/libpolicy.a $(MILTER_LIBS) \
	$(OPENSSL_LIBS)
tests_bench_nullmilter_SOURCES = %D%/benchmilter.c %D%/benchmilter.h \
	%D%/nullmilter.c
tests_bench_nullmilter_LDADD = policy/libpolicy.a $(MILTER_LIBS)
tests_bench_makeledger_LDADD = $(POLICY_LIBS)
tests_bench_milterload_SOURCES = \
	%D%/load_conn.c \
	%D%/load_conn.h \
	%D%/load_msg.c \
	%D%/load_msg.h \
	%D%/load_run.c \
	%D%/load_run.h \
	%D%/load_stat.c \
	%D%/load_stat.h \
	%D%/milterload.c \
	$(END)
tests_bench_milterload_LDADD = tests/mta/libmta.a policy/libpolicy.a

EXTRA_DIST += \
	%D%/README \
	%D%/bench.py \
	%D%/benchlib.py \
	%D%/group_check.py \
	%D%/group_classify.py \
	%D%/group_cpu.py \
	%D%/group_decide.py \
	%D%/group_fairness.py \
	%D%/group_import.py \
	%D%/group_hold.py \
	%D%/group_ingest.py \
	%D%/group_ledger.py \
	%D%/group_mtalog.py \
	%D%/group_memory.py \
	%D%/group_sign.py \
	%D%/group_simulate.py \
	%D%/opendkim.conf.in \
	%D%/tendril.conf.in \
	$(END)

# make bench [BENCH=sign,decide] [BENCH_ROUNDS=3] [BENCH_SECONDS=1.5]
# [BENCH_LEADS=100000] [BENCH_LEDGER=DIR] [BENCH_HISTORY=20:60]: see bench.py.
# What could not run of a named group makes its exit status 3, which make shows
# as "Error 3".
.PHONY: bench
bench: all $(bench_programs)
	@PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
	    $(srcdir)/tests/bench/bench.py --build . $(BENCH:%=--groups=%) \
	    $(BENCH_ROUNDS:%=--rounds=%) $(BENCH_SECONDS:%=--seconds=%) \
	    $(BENCH_LEADS:%=--leads=%) $(BENCH_LEDGER:%=--ledger=%) \
	    $(BENCH_HISTORY:%=--history=%)
