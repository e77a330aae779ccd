/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

void buf_init(struct buf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	buf->max = max;
}

void buf_init_in(struct buf *buf, void *memory, size_t n)
{
	*buf = (struct buf){.data = memory, .cap = n, .lent = 1};
}

void buf_done(struct buf *buf)
{
	if (!buf->lent)
		free(buf->data);
	buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = 0;
}

/* Leaves the memory that was lent. */
static char *move_out(const struct buf *buf, size_t cap)
{
	char *data = malloc(cap);

	if (data && buf->len)
		memcpy(data, buf->data, buf->len + 1);
	return data;
}

int buf_reserve(struct buf *buf, size_t more)
{
	size_t need, cap;
	char *data;

	if (buf->failed)
		return buf->failed;
	if (__builtin_add_overflow(buf->len, more, &need) || need >= SIZE_MAX / 2 || (buf->max && need > buf->max))
		return buf->failed = ERR_LIMIT;
	if (need < buf->cap)
		return 0;
	cap = buf->cap ? buf->cap : 128;
	while (cap <= need)
		cap *= 2;
	if (buf->max && cap > buf->max)
		cap = buf->max + 1;
	data = buf->lent ? move_out(buf, cap) : realloc(buf->data, cap);
	if (!data)
		return buf->failed = ERR_NOMEM;
	buf->data = data;
	buf->cap = cap;
	buf->lent = 0;
	return 0;
}

int buf_grow_add(struct buf *buf, const void *p, size_t n)
{
	if (buf_reserve(buf, n))
		return buf->failed;
	if (n)
		memcpy(buf->data + buf->len, p, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return 0;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	size_t room = buf->failed ? 0 : buf->cap - buf->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? buf->data + buf->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return buf->failed = ERR_INVALID;
	if (room > (size_t)n && (!buf->max || buf->len + (size_t)n <= buf->max)) {
		buf->len += (size_t)n;
		return 0;
	}
	if (room)
		buf->data[buf->len] = '\0';
	if (buf_reserve(buf, (size_t)n))
		return buf->failed;
	va_start(ap, fmt);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return 0;
}

int buf_int(struct buf *buf, int64_t v)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		*--at = '-';
	return buf_add(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_consume(struct buf *buf, size_t n)
{
	if (n >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
	buf->data[buf->len] = '\0';
}

static int put_escaped(struct buf *buf, unsigned char c)
{
	static const char short_form[] = "btn?fr"; /* 8..13, 11 has none */
	char pair[2] = {'\\', (char)c};

	if (c >= 8 && c <= 13 && c != 11)
		pair[1] = short_form[c - 8];
	else if (c != '"' && c != '\\')
		pair[1] = 0;
	if (pair[1])
		return buf_add(buf, pair, 2);
	return buf_printf(buf, "\\u%04x", c);
}

static void put_utf8(struct buf *buf, const char *s, size_t n)
{
	while (n) {
		size_t fine = utf8_valid_len(s, n), wrong = fine < n;

		buf_add(buf, s, fine);
		if (wrong)
			buf_puts(buf, "\xef\xbf\xbd");
		s += fine + wrong;
		n -= fine + wrong;
	}
}

/* The byte at s, which is spelled otherwise, or the text from there on, which is more than ASCII. Behind it. */
static const char *put_special(struct buf *buf, const char *s, const char *end)
{
	const char *stop = (*s & 0x80) ? json_plain_end(s, end) : s + 1;

	if (*s & 0x80)
		put_utf8(buf, s, (size_t)(stop - s));
	else
		put_escaped(buf, (unsigned char)*s);
	return stop;
}

static int put_quoted(struct buf *buf, const char *s, size_t n)
{
	char *to;

	if (buf_reserve(buf, n + 2))
		return buf->failed;
	to = buf->data + buf->len;
	to[0] = '"';
	if (n)
		memcpy(to + 1, s, n);
	to[n + 1] = '"';
	to[n + 2] = '\0';
	buf->len += n + 2;
	return 0;
}

int buf_json_str(struct buf *buf, const char *s, size_t n)
{
	const char *end = s + n, *stop = json_ascii_end(s, end);

	if (stop == end) /* as nearly all are */
		return put_quoted(buf, s, n);
	for (buf_putc(buf, '"'); s < end; stop = json_ascii_end(s, end)) {
		buf_add(buf, s, (size_t)(stop - s));
		s = stop < end ? put_special(buf, stop, end) : end;
	}
	return buf_putc(buf, '"');
}

char *buf_steal(struct buf *buf)
{
	char *data;

	if (!buf->len)
		buf_reserve(buf, 1);
	if (buf->failed)
		return NULL;
	data = buf->lent ? move_out(buf, buf->len + 1) : buf->data;
	if (!data)
		return NULL;
	data[buf->len] = '\0';
	buf->data = NULL;
	buf->len = buf->cap = 0;
	buf->lent = 0;
	return data;
}
