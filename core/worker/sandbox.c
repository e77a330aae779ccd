/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: landlock(7), seccomp(2), capabilities(7) and the constants of linux/landlock.h up to ABI 6 (the header of Debian 12 has the
 * first only, so those are written out here). */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

/* ---- Landlock ---------------------------------------------------------------------------------------------------- */

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_MAKE_SPECIAL ((1ull << 6) | (15ull << 9)) /* devices, sockets, pipes, symbolic links */
#define FS_ALL_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* since ABI 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define NET_ALL 3ull              /* bind and connect TCP; 4 */
#define SCOPE_ALL 3ull            /* abstract sockets and signals; 6 */
#define FS_READ (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static uint64_t fs_handled(long abi)
{
	return FS_ALL_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static int make_ruleset(const struct sandbox *box, long abi)
{
	struct ruleset_attr attr = {
		.fs = box->rights & SANDBOX_FS ? 0 : fs_handled(abi),
		.net = abi >= 4 && !(box->rights & SANDBOX_NET) ? NET_ALL : 0,
		.scoped = abi >= 6 ? SCOPE_ALL : 0,
	};
	size_t size = abi >= 6   ? sizeof(attr)
	              : abi >= 4 ? offsetof(struct ruleset_attr, scoped)
	                         : offsetof(struct ruleset_attr, net);

	if (!attr.fs && !attr.net && !attr.scoped)
		return -1;
	return (int)syscall(__NR_landlock_create_ruleset, &attr, size, 0);
}

/* A folder with all below it, or a file. What is not there needs no rule. */
static int allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr attr = {.allowed_access = access};
	struct stat st;
	int r = 0;

	attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return 0;
	if (!fstat(attr.parent_fd, &st) && !S_ISDIR(st.st_mode))
		attr.allowed_access &= FS_OF_FILE;
	r = (int)syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
	close(attr.parent_fd);
	return r;
}

static int allow_system(int ruleset)
{
	static const char *const reads[] = {"/usr",
	                                    "/lib",
	                                    "/lib64",
	                                    "/bin",
	                                    "/opt",
	                                    "/etc/ld.so.cache",
	                                    "/etc/localtime",
	                                    "/etc/ssl",
	                                    "/etc/nsswitch.conf",
	                                    "/etc/resolv.conf",
	                                    "/etc/hosts",
	                                    "/proc/self",
	                                    "/proc/cpuinfo",
	                                    "/proc/meminfo",
	                                    "/sys/devices/system/cpu",
	                                    "/dev/zero",
	                                    "/dev/random",
	                                    "/dev/urandom"};
	int r = allow(ruleset, "/dev/null", FS_READ_FILE | FS_WRITE_FILE);

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]) && !r; i++)
		r = allow(ruleset, reads[i], FS_READ);
	return r;
}

static int allow_data(int ruleset, const struct sandbox *box, uint64_t all)
{
	static const char *const folders[] = {"datasets", "uploads", "plugins/cas"};
	char path[4096 + 32];
	int r = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !r; i++) {
		snprintf(path, sizeof(path), "%s/%s", box->data, folders[i]);
		r = allow(ruleset, path, FS_READ);
	}
	if (!r && box->staging)
		r = allow(ruleset, box->staging, all);
	for (size_t i = 0; box->reads[i] && !r; i++)
		r = allow(ruleset, box->reads[i], FS_READ);
	return r;
}

static int enter_landlock(struct sandbox *box, struct err *err)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset, r = 0;

	if (abi < 1) {
		str_copy(box->missing, sizeof(box->missing), "Landlock");
		return 0;
	}
	ruleset = make_ruleset(box, abi);
	if (ruleset < 0)
		return 0; /* nothing is left to restrict */
	if (!(box->rights & SANDBOX_FS)) {
		r = allow_system(ruleset);
		if (!r)
			r = allow_data(ruleset, box, fs_handled(abi) & ~(FS_EXECUTE | FS_IOCTL_DEV | FS_MAKE_SPECIAL));
	}
	if (!r)
		r = (int)syscall(__NR_landlock_restrict_self, ruleset, 0);
	if (r)
		r = err_errno(err, errno, "Landlock");
	close(ruleset);
	return r;
}

/* ---- seccomp ------------------------------------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* Never needed by a plugin, whatever it was granted: other processes, the machine, the kernel's inside. */
static const int never[] = {
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_unshare,
	SYS_setns,
	SYS_open_by_handle_at,
	SYS_acct,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_quotactl,
	SYS_io_uring_setup,
	SYS_pidfd_open,
	SYS_pidfd_send_signal,
	SYS_move_pages,
	SYS_migrate_pages,
	SYS_syslog,
	SYS_setrlimit,
	SYS_rt_sigqueueinfo,
	SYS_setpgid,
	SYS_setsid,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsmount,
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
#ifdef SYS_process_madvise
	SYS_process_madvise,
#endif
	SYS_tkill,
	SYS_mknodat,
	SYS_fanotify_init,
	SYS_capset,
	SYS_personality,
	SYS_kcmp,
	SYS_setpriority,
	SYS_sched_setscheduler,
	SYS_sched_setparam,
	SYS_sched_setattr,
	SYS_sched_setaffinity,
	SYS_ioprio_set,
#ifdef SYS_mknod
	SYS_mknod,
#endif
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
#endif
};
/* With a message goes a file, which then neither a folder nor a descriptor shows. */
static const int for_net[] = {SYS_socket, SYS_connect, SYS_bind,    SYS_listen,
                              SYS_accept, SYS_accept4, SYS_sendmsg, SYS_sendmmsg};
/* Landlock leaves these to whoever owns a file, wherever it is. */
static const int for_fs[] = {
	SYS_fchmod,    SYS_fchmodat,    SYS_fchown,       SYS_fchownat,     SYS_setxattr,      SYS_lsetxattr,
	SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_inotify_init1, 452, /* fchmodat2 */
	463,                                                                                        /* setxattrat */
	466,                                                                                        /* removexattrat */
	469,                                                                                        /* file_setattr */
#ifdef SYS_chmod
	SYS_chmod,     SYS_chown,       SYS_lchown,       SYS_inotify_init,
#endif
};
/* Other programs and users, and what outlives the process or is memory that no limit counts. */
static const int for_exec[] = {
	SYS_execve,    SYS_execveat, SYS_setuid,     SYS_setgid,    SYS_setreuid,     SYS_setregid,  SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid,   SYS_setgroups, SYS_memfd_create, 447, /* memfd_secret */
	SYS_shmget,    SYS_shmat,    SYS_shmctl,     SYS_msgget,    SYS_msgsnd,       SYS_msgrcv,    SYS_msgctl,
	SYS_semget,    SYS_semop,    SYS_semtimedop, SYS_semctl,    SYS_mq_open,      SYS_mq_unlink,
#ifdef SYS_fork
	SYS_fork,      SYS_vfork,
#endif
};

struct program {
	struct sock_filter code[1024];
	unsigned n;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->n < sizeof(p->code) / sizeof(p->code[0]))
		p->code[p->n++] = (struct sock_filter){code, yes, no, k};
}

#define LOAD(p, field) add(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field), 0, 0)
#define LOAD_LOW(p, i) add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)), 0, 0)
#define LOAD_HIGH(p, i) \
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i) + 4), 0, 0)
#define IF_EQUAL(p, k, yes, no) add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k), yes, no)
#define RETURN(p, k) add(p, BPF_RET | BPF_K, k, 0, 0)

static void deny(struct program *p, const int *calls, size_t n, uint32_t refuse)
{
	for (size_t i = 0; i < n; i++) {
		IF_EQUAL(p, calls[i], 0, 1);
		RETURN(p, refuse);
	}
}

/* The call is only allowed with this process (argument 0) as its target. The accumulator has the call's number; after
 * a match the decision is final. */
static void only_self(struct program *p, int call, uint32_t refuse)
{
	IF_EQUAL(p, call, 0, 4);
	LOAD_LOW(p, 0);
	IF_EQUAL(p, getpid(), 1, 0);
	RETURN(p, refuse);
	RETURN(p, SECCOMP_RET_ALLOW);
}

/* prlimit may be asked, not told. */
static void no_new_limit(struct program *p, uint32_t refuse)
{
	IF_EQUAL(p, SYS_prlimit64, 0, 6);
	LOAD_LOW(p, 2);
	IF_EQUAL(p, 0, 0, 3);
	LOAD_HIGH(p, 2);
	IF_EQUAL(p, 0, 0, 1);
	RETURN(p, SECCOMP_RET_ALLOW);
	RETURN(p, refuse);
}

/* Calls that are as good as their argument `arg` (the low half of it, as the kernel reads it): with one of `values` the
 * answer is `in_list`, with any other `else_`. */
static void by_argument(struct program *p, int call, unsigned arg, uint32_t mask, const uint32_t *values, size_t n,
                        uint32_t in_list, uint32_t else_)
{
	IF_EQUAL(p, call, 0, (uint8_t)(2 * n + 3));
	LOAD_LOW(p, arg);
	add(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	for (size_t i = 0; i < n; i++) {
		IF_EQUAL(p, values[i], 0, 1);
		RETURN(p, in_list);
	}
	RETURN(p, else_);
}
#define BY_ARGUMENT(p, call, arg, mask, values, in_list, else_) \
	by_argument(p, call, arg, mask, values, sizeof(values) / sizeof((values)[0]), in_list, else_)

/* Signals and leases by way of a descriptor, and a worker that outlives the agent or that it cannot look into. */
static void no_back_doors(struct program *p, uint32_t refuse)
{
	static const uint32_t commands[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY};
	static const uint32_t options[] = {PR_SET_PDEATHSIG, PR_SET_DUMPABLE};

	BY_ARGUMENT(p, SYS_fcntl, 1, UINT32_MAX, commands, refuse, SECCOMP_RET_ALLOW);
	BY_ARGUMENT(p, SYS_prctl, 0, UINT32_MAX, options, refuse, SECCOMP_RET_ALLOW);
}

/* Sockets that are connected for good: one of datagrams could be sent from to anybody. */
static void only_pairs(struct program *p, uint32_t refuse)
{
	static const uint32_t types[] = {SOCK_STREAM, SOCK_SEQPACKET};

	BY_ARGUMENT(p, SYS_socketpair, 1, 15, types, SECCOMP_RET_ALLOW, refuse);
}

/* What asks about a file, a terminal or a pipe, and shares blocks of a file that may be written. The rest of ioctl is the
 * kernel's widest door. */
static void only_questions(struct program *p, uint32_t refuse)
{
	static const uint32_t requests[] = {TCGETS,   TIOCGWINSZ, FIONREAD,        FIONBIO,      FIOCLEX,
	                                    FIONCLEX, FICLONE,    FS_IOC_GETFLAGS, FS_IOC_FIEMAP};

	BY_ARGUMENT(p, SYS_ioctl, 1, UINT32_MAX, requests, SECCOMP_RET_ALLOW, refuse);
}

/* Threads, but no processes. clone3 keeps its flags in memory that a filter cannot see: with "no such call" the C
 * library takes clone. */
static void only_threads(struct program *p, uint32_t refuse, int enforce)
{
	const uint32_t clone_thread = 0x00010000;

	IF_EQUAL(p, SYS_clone, 0, 4);
	LOAD_LOW(p, 0);
	add(p, BPF_JMP | BPF_JSET | BPF_K, clone_thread, 1, 0);
	RETURN(p, refuse);
	RETURN(p, SECCOMP_RET_ALLOW);
	if (enforce) {
		IF_EQUAL(p, SYS_clone3, 0, 1);
		RETURN(p, SECCOMP_RET_ERRNO | ENOSYS);
	}
}

static void write_program(struct program *p, const struct sandbox *box)
{
	int enforce = box->mode == SANDBOX_ENFORCE;
	uint32_t refuse = enforce ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_LOG;

	LOAD(p, arch);
	IF_EQUAL(p, ARCH, 1, 0);
	RETURN(p, SECCOMP_RET_KILL_PROCESS);
	LOAD(p, nr);
#if defined(__x86_64__)
	add(p, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* the x32 calls */
	RETURN(p, refuse);
#endif
	deny(p, never, sizeof(never) / sizeof(never[0]), refuse);
	if (!(box->rights & SANDBOX_NET)) {
		deny(p, for_net, sizeof(for_net) / sizeof(for_net[0]), refuse);
		only_pairs(p, refuse);
	}
	if (!(box->rights & SANDBOX_FS))
		deny(p, for_fs, sizeof(for_fs) / sizeof(for_fs[0]), refuse);
	no_back_doors(p, refuse);
	only_self(p, SYS_kill, refuse);
	only_self(p, SYS_tgkill, refuse);
	only_self(p, SYS_rt_tgsigqueueinfo, refuse);
	no_new_limit(p, refuse);
	if (!(box->rights & SANDBOX_EXEC)) {
		deny(p, for_exec, sizeof(for_exec) / sizeof(for_exec[0]), refuse);
		if (!(box->rights & (SANDBOX_NET | SANDBOX_FS)))
			only_questions(p, refuse);
		only_threads(p, refuse, enforce);
	}
	RETURN(p, SECCOMP_RET_ALLOW);
}

static int enter_seccomp(struct sandbox *box, struct err *err)
{
	struct program program = {.n = 0};
	struct sock_fprog filter;

	write_program(&program, box);
	filter = (struct sock_fprog){(unsigned short)program.n, program.code};
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter))
		return 0;
	if (errno != ENOSYS && errno != EINVAL)
		return err_errno(err, errno, "seccomp");
	str_copy(box->missing + strlen(box->missing), sizeof(box->missing) - strlen(box->missing),
	         *box->missing ? " and seccomp" : "seccomp");
	return 0;
}

/* ---- capabilities ------------------------------------------------------------------------------------------------ */

/* Of a worker that root has started: it reads and writes what root may, where Landlock lets it, and is no root besides. */
static int drop_capabilities(const struct sandbox *box, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint32_t keep = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;

	if (box->rights & SANDBOX_FS)
		keep |= 1u << CAP_CHOWN | 1u << CAP_FOWNER;
	if (box->rights & SANDBOX_NET)
		keep |= 1u << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capget, &head, data))
		return err_errno(err, errno, "capabilities");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= i ? 0 : keep;
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) ? err_errno(err, errno, "capabilities") : 0;
}

int sandbox_enter(struct sandbox *box, struct err *err)
{
	int r = 0;

	box->missing[0] = '\0';
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_errno(err, errno, "no_new_privs");
	if (box->mode == SANDBOX_ENFORCE)
		r = drop_capabilities(box, err);
	if (!r && box->mode == SANDBOX_ENFORCE)
		r = enter_landlock(box, err);
	if (!r && box->mode != SANDBOX_OFF && ARCH != 0)
		r = enter_seccomp(box, err);
	return r ? err_prefix(err, "the sandbox cannot be entered (workers.sandbox)") : 0;
}
