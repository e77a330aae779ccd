/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

#define LINE_MAX_BYTES (64u << 10)
#define LINE_USUAL 384

static struct {
	enum log_format format;
	enum log_level min_level;
	const char *program;
	void (*sink)(void *ctx, enum log_level level, const char *line);
	void *ctx;
} logger = {LOG_TEXT, LOG_INFO, "orasi", NULL, NULL};

#define HELD_MAX (32u << 10)

static struct {
	pthread_mutex_t mutex;
	int on;
	size_t len;
	char lines[HELD_MAX];
} held = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
#define LEVEL_WIDTH 5 /* of the longest; the others are one shorter */

void log_setup(enum log_format format, enum log_level min_level, const char *program)
{
	logger.format = format;
	logger.min_level = min_level;
	logger.program = program;
}

int log_level_parse(const char *s, enum log_level *ret)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (!strcmp(s, level_names[i])) {
			*ret = (enum log_level)i;
			return 0;
		}
	return ERR_INVALID;
}

int log_enabled(enum log_level level)
{
	return level >= logger.min_level;
}

void log_redirect(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx)
{
	logger.sink = sink;
	logger.ctx = ctx;
}

static void put_json(struct buf *line, const char *key, const struct log_kv *kv)
{
	buf_putc(line, ',');
	buf_json_str(line, key, strlen(key));
	buf_putc(line, ':');
	if (kv->str)
		buf_json_str(line, kv->str, strlen(kv->str));
	else
		buf_int(line, kv->num);
}

/* Needs no quotes: nothing that would end the value or the line, or that a terminal would obey. */
static int is_plain(const char *s)
{
	static const char plain[256] = {
		['!'] = 1,
		['#' ... '<'] = 1,
		['>' ... '['] = 1,
		[']' ... '~'] = 1,
	};
	const unsigned char *p = (const unsigned char *)s;

	while (plain[*p])
		p++;
	return *s && !*p;
}

static void put_text(struct buf *line, const char *key, const struct log_kv *kv)
{
	buf_putc(line, ' ');
	buf_puts(line, key);
	buf_putc(line, '=');
	if (!kv->str)
		buf_int(line, kv->num);
	else if (is_plain(kv->str))
		buf_puts(line, kv->str);
	else
		buf_json_str(line, kv->str, strlen(kv->str));
}

/* Piece by piece, as every request has a line and a format costs more than the rest of it. */
static void put_head(struct buf *line, enum log_level level, const char *event)
{
	static const struct {
		const char *time, *level, *program, *event, *end;
	} heads[] = {
		[LOG_TEXT] = {"", " ", " ", " ", ""},
		[LOG_JSON] = {"{\"time\":\"", "\",\"level\":\"", "\",\"program\":\"", "\",\"event\":\"", "\""},
	};
	char now[CLOCK_RFC3339_LEN];

	clock_rfc3339(clock_wall_ms(), now);
	buf_puts(line, heads[logger.format].time);
	buf_puts(line, now);
	buf_puts(line, heads[logger.format].level);
	buf_puts(line, level_names[level]);
	if (logger.format == LOG_TEXT && strlen(level_names[level]) < LEVEL_WIDTH)
		buf_putc(line, ' ');
	buf_puts(line, heads[logger.format].program);
	buf_puts(line, logger.program);
	buf_puts(line, heads[logger.format].event);
	buf_puts(line, event);
	buf_puts(line, heads[logger.format].end);
}

/* ---- standard error ---------------------------------------------------------------------------- */

static void put_out(const char *p, size_t n)
{
	ssize_t ignored = write(STDERR_FILENO, p, n);

	(void)ignored; /* nowhere to complain to */
}

static void flush(void)
{
	if (held.len)
		put_out(held.lines, held.len);
	held.len = 0;
}

static void put_line(enum log_level level, const char *line, size_t n)
{
	pthread_mutex_lock(&held.mutex);
	if (held.len + n > HELD_MAX)
		flush();
	if (held.on && level < LOG_WARN && n <= HELD_MAX) {
		memcpy(held.lines + held.len, line, n);
		held.len += n;
	} else {
		flush();
		put_out(line, n);
	}
	pthread_mutex_unlock(&held.mutex);
}

void log_flush(void)
{
	pthread_mutex_lock(&held.mutex);
	flush();
	pthread_mutex_unlock(&held.mutex);
}

void log_defer(int on)
{
	held.on = on;
	log_flush();
}

void log_event(enum log_level level, const char *event, const struct log_kv *kv)
{
	struct buf line;
	size_t whole = 0;

	if (!log_enabled(level))
		return;
	buf_init(&line, LINE_MAX_BYTES);
	buf_reserve(&line, LINE_USUAL);
	put_head(&line, level, event);
	for (; kv && kv->key && !line.failed; kv++) {
		whole = line.len;
		(logger.format == LOG_JSON ? put_json : put_text)(&line, kv->key, kv);
	}
	line.max = 0;
	if (line.failed) { /* what does not fit is left out whole: the line stays readable */
		line.len = whole;
		line.failed = 0;
		buf_puts(&line, logger.format == LOG_JSON ? ",\"cut\":true" : " cut=true");
	}
	buf_puts(&line, logger.format == LOG_JSON ? "}\n" : "\n");
	if (logger.sink)
		logger.sink(logger.ctx, level, line.data ? line.data : "");
	else if (line.data)
		put_line(level, line.data, line.len);
	buf_done(&line);
}
