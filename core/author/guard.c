/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS 0
#endif
#endif
#ifndef COUNTS
#define COUNTS 1
#endif

static _Thread_local int armed;
static atomic_int_fast64_t blocks, fail_in;
static atomic_int has_failed;
static const char *volatile forbidden;

void guard_arm(void)
{
	armed = 1;
}

void guard_disarm(void)
{
	armed = 0;
}

int guard_pause(void)
{
	int was = armed;

	armed = 0;
	return was;
}

void guard_resume(int was)
{
	armed = was;
}

int guard_counts(void)
{
	return COUNTS;
}

int64_t guard_blocks(void)
{
	return blocks;
}

void guard_fail_alloc(int64_t nth)
{
	has_failed = 0;
	fail_in = nth;
}

int guard_has_failed(void)
{
	return has_failed;
}

const char *guard_forbidden(void)
{
	return forbidden;
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

uint8_t *guard_page_copy(const void *p, size_t n, size_t *ret_len)
{
	size_t page = 4096, len = (n + 7) & ~(size_t)7, whole = (len + page - 1) / page * page;
	uint8_t *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	if (n)
		memcpy(map + whole - len, p, n);
	mprotect(map, whole, PROT_READ);
	mprotect(map + whole, page, PROT_NONE);
	*ret_len = whole;
	return map;
}

void guard_page_free(uint8_t *map, size_t len)
{
	munmap(map, len + 4096);
}

/* What follows must be seen by shared objects. */
#pragma GCC visibility push(default)

#if COUNTS

/* ---- memory: every block of armed code carries a mark in front, so that it is known when it is freed ----------- */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *p);

/* Blocks of armed code, by address: a set with open addressing in memory of its own. */
#define SET_SIZE (1u << 20)
#define GONE ((void *)1)
static void *_Atomic *set;

static size_t place_of(const void *p)
{
	return ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15ull >> 44;
}

static void remember(void *p)
{
	if (!set) {
		void *map = mmap(NULL, SET_SIZE * sizeof(void *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		                 -1, 0);
		void *_Atomic *none = NULL;

		if (map == MAP_FAILED)
			return;
		if (!__atomic_compare_exchange_n(&set, &none, (void *_Atomic *)map, 0, __ATOMIC_SEQ_CST,
		                                 __ATOMIC_SEQ_CST))
			munmap(map, SET_SIZE * sizeof(void *));
	}
	for (size_t i = 0; i < 4096; i++) {
		void *_Atomic *slot = &set[(place_of(p) + i) % SET_SIZE];
		void *free_slot = atomic_load(slot);

		if ((!free_slot || free_slot == GONE) && atomic_compare_exchange_strong(slot, &free_slot, p)) {
			blocks++;
			return;
		}
	}
}

static void forget(const void *p)
{
	if (!set || !p)
		return;
	for (size_t i = 0; i < 4096; i++) {
		void *_Atomic *slot = &set[(place_of(p) + i) % SET_SIZE];
		void *have = atomic_load(slot);

		if (!have)
			return;
		if (have == p) {
			atomic_store(slot, GONE);
			blocks--;
			return;
		}
	}
}

static int fails(void)
{
	if (!armed || fail_in <= 0 || --fail_in)
		return 0;
	has_failed = 1;
	errno = ENOMEM;
	return 1;
}

static void *counted(void *p)
{
	if (p && armed)
		remember(p);
	return p;
}

void *malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	void *fresh;

	if (n && fails())
		return NULL;
	fresh = __libc_realloc(p, n);
	if (fresh || !n) {
		forget(p);
		counted(fresh);
	}
	return fresh;
}

void free(void *p)
{
	forget(p);
	__libc_free(p);
}

void *memalign(size_t align, size_t n);
void *memalign(size_t align, size_t n)
{
	return fails() ? NULL : counted(__libc_memalign(align, n));
}

void *aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
	void *p = memalign(align, n);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

/* ---- what a plugin must not call -------------------------------------------------------------------------------- */

static void forbid(const char *name)
{
	if (armed && !forbidden)
		forbidden = name;
}

/* The C library's own, behind ours. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

void exit(int code)
{
	int was = armed;

	forbid("exit");
	if (was)
		_exit(125);
	REAL(exit)(code);
	__builtin_unreachable();
}

void _exit(int code)
{
	forbid("_exit");
	for (;;)
		syscall(SYS_exit_group, armed ? 125 : code);
}

pid_t fork(void)
{
	forbid("fork");
	return REAL(fork)();
}

int system(const char *command)
{
	forbid("system");
	return REAL(system)(command);
}

FILE *popen(const char *command, const char *mode)
{
	forbid("popen");
	return REAL(popen)(command, mode);
}

char *setlocale(int category, const char *locale)
{
	if (locale)
		forbid("setlocale");
	return REAL(setlocale)(category, locale);
}

mode_t umask(mode_t mask)
{
	forbid("umask");
	return REAL(umask)(mask);
}

int chdir(const char *path)
{
	forbid("chdir");
	return REAL(chdir)(path);
}

int setenv(const char *name, const char *value, int overwrite)
{
	forbid("setenv");
	return REAL(setenv)(name, value, overwrite);
}

int putenv(char *text)
{
	forbid("putenv");
	return REAL(putenv)(text);
}

/* signal of the C library comes here too, through its own name. */
int sigaction(int signum, const struct sigaction *act, struct sigaction *old)
{
	if (act)
		forbid("sigaction");
	return REAL(sigaction)(signum, act, old);
}

sighandler_t signal(int signum, sighandler_t handler)
{
	forbid("signal");
	return REAL(signal)(signum, handler);
}

#endif

#pragma GCC visibility pop
