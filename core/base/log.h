/* SPDX-License-Identifier: Apache-2.0 */
/* One line per event on stderr, as text (key=value) or JSON. Thread-safe: a line is one write.
 *
 *   log_info("task.finished", LOG_STR("task", id), LOG_INT("rows", n));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_kv {
	const char *key; /* NULL ends the list */
	const char *str; /* or NULL: number */
	int64_t num;
};
static inline struct log_kv log_str(const char *key, const char *value)
{
	return (struct log_kv){key, value ? value : "", 0};
}
#define LOG_STR(k, v) log_str((k), (v))
#define LOG_INT(k, v) ((struct log_kv){(k), 0, (int64_t)(v)})

void log_setup(enum log_format format, enum log_level min_level, const char *program);
int log_level_parse(const char *s, enum log_level *ret); /* 0 or ERR_INVALID */
int log_enabled(enum log_level level);
void log_event(enum log_level level, const char *event, const struct log_kv *kv);
/* Lines below `warn` are kept until log_flush, up to a few dozen KiB; 0: no longer. For a loop that flushes before it
 * sleeps: a busy one then writes many lines at once. */
void log_defer(int on);
void log_flush(void);
/* Tests and the worker: every rendered line goes here instead of stderr; NULL undoes it. */
void log_redirect(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx);

#define log_at(level, event, ...) \
	log_event(level, event, (struct log_kv[]){{event, 0, 0}, ##__VA_ARGS__, {0, 0, 0}} + 1)
#define log_debug(event, ...) log_at(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...) log_at(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, ##__VA_ARGS__)

#endif
