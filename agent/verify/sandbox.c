/* sandbox.c - see sandbox.h.
 *
 * The filter is a list of numbers, each one instruction of classic BPF; calls
 * that map memory are also looked at for PROT_EXEC. What is allowed was found
 * by running the verifier under it: everything that needs more (reading
 * openssl.cnf, the locale, the clock's page) happens before, in the warm-up. */
#include "agent/verify/sandbox.h"

#include <errno.h>
#include <stddef.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define THIS_ARCH AUDIT_ARCH_RISCV64
#else
#define THIS_ARCH 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#define FIELD(name) ((unsigned)offsetof(struct seccomp_data, name))
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define IS(value, yes, no)                                                     \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), (yes), (no))
#define HAS_BIT(value, yes, no)                                                \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(value), (yes), (no))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define ALLOW(call) IS((call), 0, 1), ANSWER(SECCOMP_RET_ALLOW)
/* Argument 2 is the protection of both mmap and mprotect; its lower half is
 * first in memory on all three processors. */
#define ALLOW_UNLESS_EXEC(call)                                                \
	IS((call), 0, 4), LOAD(FIELD(args[2])), HAS_BIT(PROT_EXEC, 0, 1),      \
	    ANSWER(SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW)

static int limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit r = {value, value};

	return setrlimit(what, &r) == 0 ? 0 : -errno;
}

static int set_limits(void)
{
	int rc = limit(RLIMIT_CPU, SANDBOX_CPU_S);

	if (rc == 0)
		rc = limit(RLIMIT_CORE, 0);
	if (rc == 0)
		rc = limit(RLIMIT_FSIZE, 0);
	if (rc == 0)
		rc = limit(RLIMIT_NPROC, 0);
	if (rc == 0 && !HAS_SANITIZER)
		rc = limit(RLIMIT_NOFILE, 0);
	if (rc == 0 && !HAS_SANITIZER)
		rc = limit(RLIMIT_AS, SANDBOX_MEMORY);
	return rc;
}

static int set_filter(void)
{
	struct sock_filter filter[] = {
	    LOAD(FIELD(arch)),
	    IS(THIS_ARCH, 1, 0),
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
	    LOAD(FIELD(nr)),
	    ALLOW(__NR_read),
	    ALLOW(__NR_write),
	    ALLOW(__NR_brk),
	    ALLOW(__NR_munmap),
	    ALLOW(__NR_mremap),
	    ALLOW(__NR_madvise),
	    ALLOW(__NR_futex),
	    ALLOW(__NR_getpid),
	    ALLOW(__NR_getrandom),
	    ALLOW(__NR_clock_gettime),
	    ALLOW(__NR_gettimeofday),
#ifdef __NR_time
	    ALLOW(__NR_time),
#endif
	    ALLOW(__NR_rt_sigreturn),
	    ALLOW(__NR_restart_syscall),
	    ALLOW(__NR_exit),
	    ALLOW(__NR_exit_group),
	    ALLOW_UNLESS_EXEC(__NR_mmap),
	    ALLOW_UNLESS_EXEC(__NR_mprotect),
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
		   ? 0
		   : -errno;
}

int sandbox_enter(void)
{
	int rc = THIS_ARCH != 0 ? set_limits() : -ENOTSUP;

	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		rc = -errno;
	if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		rc = -errno;
	return rc != 0 || HAS_SANITIZER ? rc : set_filter();
}
