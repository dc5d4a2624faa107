# TENDRIL_LIB(NAME, HEADER, LIBRARY, FUNCTION, PACKAGE)
# A library without a .pc file: sets NAME_LIBS or stops with the package's name.
AC_DEFUN([TENDRIL_LIB], [
  AC_CHECK_HEADER([$2], [], [AC_MSG_ERROR([$2 not found: install $5])])
  AC_CHECK_LIB([$3], [$4], [], [AC_MSG_ERROR([lib$3 not found: install $5])],
      [-lpthread])
  LIBS=`AS_ECHO(["$LIBS"]) | sed 's/-l$3 *//'`
  AC_SUBST([$1_LIBS], [-l$3])
])

# libspf2 has no .pc file on Debian 12, and its header needs others before it.
AC_DEFUN([TENDRIL_SPF2], [
  AC_CHECK_HEADER([spf2/spf.h], [],
      [AC_MSG_ERROR([spf2/spf.h not found: install libspf2-dev])],
      [#include <sys/types.h>
#include <netinet/in.h>
#define HAVE_NS_TYPE 1])
  AC_CHECK_LIB([spf2], [SPF_server_new_dns], [],
      [AC_MSG_ERROR([libspf2 not found: install libspf2-dev])])
  LIBS=`AS_ECHO(["$LIBS"]) | sed 's/-lspf2 *//'`
  AC_SUBST([SPF2_LIBS], [-lspf2])
])

# The journal as the MTA's log; without libsystemd, files alone.
AC_DEFUN([TENDRIL_SYSTEMD], [
  AC_ARG_WITH([systemd],
      [AS_HELP_STRING([--with-systemd=yes|no|check],
          [read the systemd journal (libsystemd); default: check])],
      [tendril_systemd=$withval], [tendril_systemd=check])
  AS_CASE([$tendril_systemd],
    [no], [],
    [yes], [PKG_CHECK_MODULES([SYSTEMD], [libsystemd >= 246])],
    [PKG_CHECK_MODULES([SYSTEMD], [libsystemd >= 246],
        [tendril_systemd=yes], [tendril_systemd=no])])
  AM_CONDITIONAL([HAVE_SYSTEMD], [test "$tendril_systemd" = yes])
])

# TENDRIL_TRY_CFLAG(FLAG)
# Adds FLAG to TENDRIL_CFLAGS where the compiler takes it without a warning.
AC_DEFUN([TENDRIL_TRY_CFLAG], [
  AS_VAR_PUSHDEF([cache], [tendril_cv_cflag_$1])
  AC_CACHE_CHECK([whether $CC takes $1], [cache], [
    tendril_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $1"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
        [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    CFLAGS=$tendril_saved_cflags])
  AS_VAR_IF([cache], [yes], [TENDRIL_CFLAGS="$TENDRIL_CFLAGS $1"])
  AS_VAR_POPDEF([cache])
])

AC_DEFUN([TENDRIL_WARNINGS], [
  AC_ARG_ENABLE([werror],
      [AS_HELP_STRING([--enable-werror], [warnings are errors (used in CI)])],
      [tendril_werror=$enableval], [tendril_werror=no])
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes
      -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual
      -Wwrite-strings -Wformat=2 -Wformat-signedness -Wundef -Wvla -Walloca
      -Wimplicit-fallthrough=5 -Wimplicit-fallthrough -Wnull-dereference
      -Wduplicated-cond -Wlogical-op -Wswitch-enum -Wmissing-declarations
      -Werror=implicit-function-declaration
      -Werror=incompatible-pointer-types -Werror=int-conversion
      -Werror=return-type],
      [TENDRIL_TRY_CFLAG(m4_defn([flag]))])
  AS_VAR_IF([tendril_werror], [yes],
      [TENDRIL_CFLAGS="$TENDRIL_CFLAGS -Werror"])
  AC_SUBST([TENDRIL_CFLAGS])
])

AC_DEFUN([TENDRIL_HARDENING], [
  AC_ARG_ENABLE([hardening],
      [AS_HELP_STRING([--disable-hardening],
          [no stack protector, FORTIFY, relro, PIE])],
      [tendril_hardening=$enableval], [tendril_hardening=yes])
  AS_VAR_IF([tendril_hardening], [yes], [
    m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection
        -fcf-protection -ftrivial-auto-var-init=zero -fPIE],
        [TENDRIL_TRY_CFLAG(m4_defn([flag]))])
    TENDRIL_LDFLAGS="$TENDRIL_LDFLAGS -pie -Wl,-z,relro,-z,now"])
  AC_SUBST([TENDRIL_LDFLAGS])
])

AC_DEFUN([TENDRIL_SANITIZER], [
  AC_ARG_WITH([sanitizer],
      [AS_HELP_STRING([--with-sanitizer=LIST],
          [address,undefined or thread])],
      [tendril_sanitizer=$withval], [tendril_sanitizer=no])
  AS_CASE([$tendril_sanitizer],
    [no], [AS_VAR_IF([tendril_hardening], [yes],
        [TENDRIL_TRY_CFLAG([-D_FORTIFY_SOURCE=2])])],
    [yes], [AC_MSG_ERROR([--with-sanitizer needs a list])],
    [TENDRIL_CFLAGS="$TENDRIL_CFLAGS -fsanitize=$tendril_sanitizer -fno-omit-frame-pointer -fno-sanitize-recover=all -g"
     TENDRIL_LDFLAGS="$TENDRIL_LDFLAGS -fsanitize=$tendril_sanitizer"])
])

# The library is compiled for coverage, and tests/fuzz/ linked with libFuzzer.
AC_DEFUN([TENDRIL_FUZZER], [
  AC_ARG_WITH([fuzzer],
      [AS_HELP_STRING([--with-fuzzer],
          [build tests/fuzz with libFuzzer (clang)])],
      [tendril_fuzzer=$withval], [tendril_fuzzer=no])
  AS_VAR_IF([tendril_fuzzer], [no], [],
      [TENDRIL_CFLAGS="$TENDRIL_CFLAGS -fsanitize=fuzzer-no-link"
       TENDRIL_LDFLAGS="$TENDRIL_LDFLAGS -fsanitize=fuzzer-no-link"
       FUZZER_LDFLAGS=-fsanitize=fuzzer])
  AC_SUBST([FUZZER_LDFLAGS])
  AM_CONDITIONAL([FUZZER], [test "x$tendril_fuzzer" != xno])
])
