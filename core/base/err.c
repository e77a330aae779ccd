/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *name;
} names[] = {
	{0, "ok"},
	{ERR_INVALID, "invalid"},
	{ERR_NOTFOUND, "not-found"},
	{ERR_EXISTS, "exists"},
	{ERR_CONFLICT, "conflict"},
	{ERR_CORRUPT, "corrupt"},
	{ERR_UNSUPPORTED, "unsupported"},
	{ERR_LIMIT, "limit"},
	{ERR_PERM, "permission"},
	{ERR_CANCELLED, "cancelled"},
	{ERR_STALE, "stale-lease"},
	{ERR_PLUGIN, "plugin"},
	{ERR_INTERNAL, "internal"},
	{ERR_GONE, "gone"},
	{ERR_IO, "io"},
	{ERR_NOMEM, "out-of-memory"},
	{ERR_NOSPACE, "no-space"},
	{ERR_TIMEOUT, "timeout"},
	{ERR_BUSY, "busy"},
	{ERR_READONLY, "read-only"},
	{ERR_CRASH, "crash"},
};

static const struct {
	int errnum, code;
} errnos[] = {
	{ENOENT, ERR_NOTFOUND},   {ENOTDIR, ERR_NOTFOUND}, {EEXIST, ERR_EXISTS}, {ENOTEMPTY, ERR_EXISTS},
	{EACCES, ERR_PERM},       {EPERM, ERR_PERM},       {EROFS, ERR_PERM},    {ENOSPC, ERR_NOSPACE},
	{EDQUOT, ERR_NOSPACE},    {EFBIG, ERR_NOSPACE},    {ENOMEM, ERR_NOMEM},  {EINVAL, ERR_INVALID},
	{EISDIR, ERR_INVALID},    {ELOOP, ERR_INVALID},    {ENXIO, ERR_INVALID}, {ENAMETOOLONG, ERR_INVALID},
	{ETIMEDOUT, ERR_TIMEOUT}, {EBUSY, ERR_BUSY},       {EAGAIN, ERR_BUSY},   {EMFILE, ERR_BUSY},
	{ENFILE, ERR_BUSY},
};

static int set(struct err *err, int code, const char *fmt, va_list ap)
{
	if (!err)
		return code;
	err->code = code;
	err->where[0] = '\0';
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	return code;
}

int(err_set)(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_errno(struct err *err, int errnum, const char *fmt, ...)
{
	int code = err_from_errno(errnum);
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	set(err, code, fmt, ap);
	va_end(ap);
	if (!err)
		return code;
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(errnum));
	return code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t n;
	va_list ap;

	if (!err)
		return ERR_INTERNAL;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", old);
	return err->code;
}

void err_where(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err->where, sizeof(err->where), fmt, ap);
	va_end(ap);
}

const char *err_name(int code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return "internal";
}

int err_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return names[i].code;
	return ERR_INTERNAL;
}

int err_is_name(const char *name)
{
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return 1;
	return 0;
}

const char *err_all_names(void)
{
	return "invalid, not-found, exists, conflict, corrupt, unsupported, limit, permission, cancelled, stale-lease, "
	       "plugin, internal, gone, io, out-of-memory, no-space, timeout, busy, read-only, crash";
}

int err_is_transient(int code)
{
	return code <= ERR_IO;
}

int err_from_errno(int errnum)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (errnos[i].errnum == errnum)
			return errnos[i].code;
	return ERR_IO;
}
