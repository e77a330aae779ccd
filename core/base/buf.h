/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer that grows up to a maximum. A failed append sets `failed` and appends nothing more,
 * so that a run of appends needs one check at its end. Not thread-safe. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data; /* NUL-terminated whenever len > 0 */
	size_t len, cap;
	size_t max; /* 0 = no limit of its own; cap is never above max + 1 */
	int failed; /* 0, ERR_NOMEM or ERR_LIMIT */
	int lent;   /* data is the caller's */
};

void buf_init(struct buf *buf, size_t max);
/* For what is mostly small: begins in the n bytes at `memory`, such as those of an array on the stack, which outlive it.
 * Only what does not fit there is allocated. */
void buf_init_in(struct buf *buf, void *memory, size_t n);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, resets failed */

int buf_reserve(struct buf *buf, size_t more);              /* room for `more` bytes after len */
int buf_grow_add(struct buf *buf, const void *p, size_t n); /* buf_add, where there may be no room yet */

/* Answers are made of many small pieces: what finds room is added where it is called. */
static inline int buf_add(struct buf *buf, const void *p, size_t n)
{
	if (buf->failed || n >= buf->cap - buf->len)
		return buf_grow_add(buf, p, n);
	if (n)
		memcpy(buf->data + buf->len, p, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return 0;
}

static inline int buf_puts(struct buf *buf, const char *s)
{
	return buf_add(buf, s, strlen(s));
}

static inline int buf_putc(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_int(struct buf *buf, int64_t v);     /* in decimal */
void buf_consume(struct buf *buf, size_t n); /* drops n bytes from the front */

/* Appends s as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD. */
int buf_json_str(struct buf *buf, const char *s, size_t n);

char *buf_steal(struct buf *buf); /* caller frees; "" if empty; NULL if failed */

#endif
