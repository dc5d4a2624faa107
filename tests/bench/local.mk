# tests/bench/: `make bench`, `make bench BENCH=sign,decide`. Nothing here is
# built by `make` or `make check`; the peers' configurations are *.in.
bench_programs = \
	%D%/ceilingmilter \
	%D%/milterload \
	%D%/nullmilter

EXTRA_PROGRAMS += $(bench_programs)

tests_bench_ceilingmilter_SOURCES = %D%/benchmilter.c %D%/benchmilter.h \
	%D%/ceilingmilter.c
tests_bench_ceilingmilter_LDADD = policy/libpolicy.a $(MILTER_LIBS) \
	$(OPENSSL_LIBS)
tests_bench_nullmilter_SOURCES = %D%/benchmilter.c %D%/benchmilter.h \
	%D%/nullmilter.c
tests_bench_nullmilter_LDADD = policy/libpolicy.a $(MILTER_LIBS)
tests_bench_milterload_SOURCES = \
	%D%/load_conn.c \
	%D%/load_conn.h \
	%D%/load_msg.c \
	%D%/load_msg.h \
	%D%/load_run.c \
	%D%/load_run.h \
	%D%/load_stat.c \
	%D%/load_stat.h \
	%D%/milterload.c
tests_bench_milterload_LDADD = tests/mta/libmta.a policy/libpolicy.a
