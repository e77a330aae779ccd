/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a code for programs, a sentence for people. Functions return 0 or a negative ERR_ code;
 * their last argument `err` (NULL is fine) gets the sentence where the cause is known. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum {
	ERR_INVALID = -1, /* the caller's input is wrong */
	ERR_NOTFOUND = -2,
	ERR_EXISTS = -3,
	ERR_CONFLICT = -4, /* somebody else was first */
	ERR_CORRUPT = -5,  /* bytes are not what they claim to be */
	ERR_UNSUPPORTED = -6,
	ERR_LIMIT = -7, /* a documented limit is exceeded */
	ERR_PERM = -8,
	ERR_CANCELLED = -9,
	ERR_STALE = -10,  /* a fence is no longer valid */
	ERR_PLUGIN = -11, /* a plugin failed for good */
	ERR_INTERNAL = -12,
	ERR_GONE = -13, /* it was there, and is not kept any more */
	/* worth trying again later */
	ERR_IO = -20,
	ERR_NOMEM = -21,
	ERR_NOSPACE = -22,
	ERR_TIMEOUT = -23,
	ERR_BUSY = -24,
	ERR_READONLY = -25, /* the store takes no writes */
	ERR_CRASH = -26,    /* a worker died */
};

struct err {
	int code;
	char where[128]; /* JSON pointer, file:line or column; may be empty */
	char text[512];
};

/* Fills err (if any) and returns code, so that failing is one line. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Same, with ": <text of errnum>" appended and the code chosen by errnum. */
int err_errno(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the sentence; returns err->code. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the analyzer cannot see from outside: the code goes in and comes out, and is never 0. */
#ifdef __clang_analyzer__
#define err_set(err, code, ...) ((err_set)(err, code, __VA_ARGS__), (code))
#endif

void err_where(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(int code);      /* "not-found"; never NULL */
int err_from_name(const char *name); /* ERR_INTERNAL if unknown */
int err_is_name(const char *name);   /* of an error: not "ok" */
const char *err_all_names(void);     /* "invalid, not-found, …" */
int err_is_transient(int code);      /* a retry may help */
int err_from_errno(int errnum);

#endif
