/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sandbox.h. Forbidden calls fail with EPERM, so that a fallback in a library can go on. */
#include "executor/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CLASS(c) (1u << VERB_CLASS_##c)
#define ALL (CLASS(LOOK) | CLASS(WRITE) | CLASS(NET) | CLASS(IOCTL) | CLASS(MODULE))
#define CHANGING (CLASS(WRITE) | CLASS(NET) | CLASS(IOCTL) | CLASS(MODULE))

struct call_rule {
	unsigned classes;
	int call;
};

static const struct call_rule call_rules[] = {
	/* Looking. Files can be opened for writing by openat2 only, and nothing written to them. */
	{ ALL, SCMP_SYS(openat2) },
	{ ALL, SCMP_SYS(close) },
	{ ALL, SCMP_SYS(close_range) },
	{ ALL, SCMP_SYS(read) },
	{ ALL, SCMP_SYS(readv) },
	{ ALL, SCMP_SYS(pread64) },
	{ ALL, SCMP_SYS(lseek) },
	{ ALL, SCMP_SYS(fstat) },
	{ ALL, SCMP_SYS(newfstatat) },
	{ ALL, SCMP_SYS(statx) },
	{ ALL, SCMP_SYS(statfs) },
	{ ALL, SCMP_SYS(fstatfs) },
	{ ALL, SCMP_SYS(access) },
	{ ALL, SCMP_SYS(faccessat) },
	{ ALL, SCMP_SYS(faccessat2) },
	{ ALL, SCMP_SYS(readlink) },
	{ ALL, SCMP_SYS(readlinkat) },
	{ ALL, SCMP_SYS(getdents64) },
	{ ALL, SCMP_SYS(fcntl) },
	{ ALL, SCMP_SYS(dup) },
	{ ALL, SCMP_SYS(flock) },
	/* The socket to the executor. */
	{ ALL, SCMP_SYS(recvfrom) },
	{ ALL, SCMP_SYS(recvmsg) },
	{ ALL, SCMP_SYS(sendto) },
	{ ALL, SCMP_SYS(sendmsg) },
	/* The C library. */
	{ ALL, SCMP_SYS(brk) },
	{ ALL, SCMP_SYS(munmap) },
	{ ALL, SCMP_SYS(mremap) },
	{ ALL, SCMP_SYS(madvise) },
	{ ALL, SCMP_SYS(futex) },
	{ ALL, SCMP_SYS(getrandom) },
	{ ALL, SCMP_SYS(rt_sigaction) },
	{ ALL, SCMP_SYS(rt_sigprocmask) },
	{ ALL, SCMP_SYS(rt_sigreturn) },
	{ ALL, SCMP_SYS(sigaltstack) },
	{ ALL, SCMP_SYS(sched_yield) },
	{ ALL, SCMP_SYS(sched_getaffinity) },
	{ ALL, SCMP_SYS(restart_syscall) },
	{ ALL, SCMP_SYS(exit) },
	{ ALL, SCMP_SYS(exit_group) },
	{ ALL, SCMP_SYS(getpid) },
	{ ALL, SCMP_SYS(getppid) },
	{ ALL, SCMP_SYS(gettid) },
	{ ALL, SCMP_SYS(getuid) },
	{ ALL, SCMP_SYS(geteuid) },
	{ ALL, SCMP_SYS(getgid) },
	{ ALL, SCMP_SYS(getegid) },
	{ ALL, SCMP_SYS(uname) },
	{ ALL, SCMP_SYS(clock_gettime) },
	{ ALL, SCMP_SYS(clock_nanosleep) },
	{ ALL, SCMP_SYS(nanosleep) },
	{ ALL, SCMP_SYS(poll) },
	{ ALL, SCMP_SYS(ppoll) },
	{ ALL, SCMP_SYS(inotify_init1) },
	{ ALL, SCMP_SYS(inotify_add_watch) },
	/* Writing attributes, owning nodes, the record in the lock. */
	{ CHANGING, SCMP_SYS(openat) },
	{ CHANGING, SCMP_SYS(write) },
	{ CHANGING, SCMP_SYS(pwrite64) },
	{ CHANGING, SCMP_SYS(fchown) },
	{ CHANGING, SCMP_SYS(fchownat) },
	{ CHANGING, SCMP_SYS(fchmod) },
	{ CHANGING, SCMP_SYS(fchmodat) },
	/* Netlink, which NVMe workers need to read VF settings; the family is a rule of its own. */
	{ CLASS(NET) | CLASS(IOCTL), SCMP_SYS(bind) },
	{ CLASS(NET) | CLASS(IOCTL), SCMP_SYS(connect) },
	{ CLASS(NET) | CLASS(IOCTL), SCMP_SYS(getsockname) },
	{ CLASS(NET) | CLASS(IOCTL), SCMP_SYS(getsockopt) },
	{ CLASS(NET) | CLASS(IOCTL), SCMP_SYS(setsockopt) },
	{ CLASS(MODULE), SCMP_SYS(init_module) },
	{ CLASS(MODULE), SCMP_SYS(finit_module) },
};

/* Rules that look at arguments. */
static int argument_rules(scmp_filter_ctx filter, enum verb_class class)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0 && class == VERB_CLASS_LOOK)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
					     O_RDONLY));
	if (r == 0 && (class == VERB_CLASS_NET || class == VERB_CLASS_IOCTL))
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0));
	/* NVMe's ioctls are those of type 'N' (include/uapi/linux/nvme_ioctl.h, Linux 6.12). */
	if (r == 0 && class == VERB_CLASS_IOCTL)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, 'N' << 8));
	return r;
}

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* Of programs that are run: what root of a host does with the whole of it. */
static const int program_rules[] = {
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(chroot),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(mknodat),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(acct),
};

/* Nodes of instances are made by the vendor's tools, as udev does not know them. */
static bool vendor_may(int call, enum verb_class class)
{
	return class == VERB_CLASS_VENDOR && call == SCMP_SYS(mknodat);
}

static int program_filter_load(enum verb_class class)
{
	__attribute__((cleanup(filter_release)))
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < sizeof(program_rules) / sizeof(*program_rules); i++)
		if (!vendor_may(program_rules[i], class))
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), program_rules[i], 0);
	return r == 0 ? seccomp_load(filter) : r;
}

static int filter_load(enum verb_class class)
{
	if (class == VERB_CLASS_PROGRAM || class == VERB_CLASS_VENDOR)
		return program_filter_load(class);
	__attribute__((cleanup(filter_release)))
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(call_rules) / sizeof(*call_rules); i++)
		if (call_rules[i].classes & 1u << class)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call_rules[i].call, 0);
	if (r == 0)
		r = argument_rules(filter, class);
	return r == 0 ? seccomp_load(filter) : r;
}

struct cap_rule {
	unsigned classes;
	cap_value_t cap;
};

static const struct cap_rule cap_rules[] = {
	{ ALL | CLASS(VENDOR),
	  CAP_SYS_ADMIN }, /* config space behind the first 64 bytes; some attributes */
	{ ALL | CLASS(VENDOR), CAP_SYS_PTRACE }, /* /proc/PID/fd of others: who holds it */
	{ ALL | CLASS(VENDOR), CAP_DAC_READ_SEARCH },
	{ CHANGING | CLASS(VENDOR), CAP_DAC_OVERRIDE },
	{ CHANGING | CLASS(VENDOR), CAP_CHOWN },
	{ CHANGING | CLASS(VENDOR), CAP_FOWNER },
	{ CLASS(VENDOR), CAP_MKNOD }, /* /dev/nvidia-caps */
	{ CHANGING, CAP_SYS_RAWIO },
	{ CLASS(NET), CAP_NET_ADMIN },
	{ CLASS(MODULE), CAP_SYS_MODULE },
};

static void caps_release(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

/* The program that it runs has them, too: under no_new_privs it gets no others. */
static int cap_pass_on(cap_value_t cap)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0 ? -errno : 0;
}

static int caps_pass_on(cap_t wanted)
{
	int r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < sizeof(cap_rules) / sizeof(*cap_rules); i++) {
		cap_flag_value_t has = CAP_CLEAR;
		(void)cap_get_flag(wanted, cap_rules[i].cap, CAP_INHERITABLE, &has);
		if (has == CAP_SET)
			r = cap_pass_on(cap_rules[i].cap);
	}
	return r;
}

/* Keeps those of the class that the process has. */
static int caps_drop(enum verb_class class)
{
	__attribute__((cleanup(caps_release))) cap_t now = cap_get_proc();
	__attribute__((cleanup(caps_release))) cap_t wanted = cap_init();
	if (!now || !wanted)
		return -errno;
	for (size_t i = 0; i < sizeof(cap_rules) / sizeof(*cap_rules); i++) {
		const struct cap_rule *rule = &cap_rules[i];
		cap_flag_value_t has = CAP_CLEAR;
		if (!(rule->classes & 1u << class) ||
		    cap_get_flag(now, rule->cap, CAP_PERMITTED, &has) < 0 || has != CAP_SET)
			continue;
		if (cap_set_flag(wanted, CAP_PERMITTED, 1, &rule->cap, CAP_SET) < 0 ||
		    cap_set_flag(wanted, CAP_EFFECTIVE, 1, &rule->cap, CAP_SET) < 0 ||
		    (class == VERB_CLASS_VENDOR &&
		     cap_set_flag(wanted, CAP_INHERITABLE, 1, &rule->cap, CAP_SET) < 0))
			return -errno;
	}
	if (cap_set_proc(wanted) < 0)
		return -errno;
	return class == VERB_CLASS_VENDOR ? caps_pass_on(wanted) : 0;
}

int sandbox_enter(enum verb_class class, struct err *reterr)
{
	const char *what = "capabilities";
	int r = caps_drop(class);
	if (r == 0) {
		what = "no_new_privs";
		r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
	}
	if (r == 0) {
		what = "the system call filter";
		r = filter_load(class);
	}
	if (r < 0) {
		err_set(reterr, "executor.start", -r, "cannot restrict a worker");
		err_because(reterr, "%s: %s", what, strerror(-r));
		err_state(reterr, "nothing was changed; the step was not begun");
	}
	return r;
}
