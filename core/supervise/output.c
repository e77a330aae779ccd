/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker prints: into the log, line by line, and the last of it into the report of its death. */
#include "supervise/inside.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LINE_LIMIT 2000
#define WORDS_PER_SECOND 200

/* A worker may be made to shout: what comes too fast is dropped, and how much that was is said once a second. */
int process_may_say(struct process *process)
{
	struct budget *words = &process->words;
	int64_t now = clock_mono_ms();

	if (now - words->since >= 1000) {
		if (words->dropped)
			log_warn("worker.noise", LOG_INT("pid", loop_child_pid(process->child)),
			         LOG_INT("dropped", words->dropped));
		*words = (struct budget){now, 0, 0};
	}
	if (words->used < WORDS_PER_SECOND) {
		words->used++;
		return 1;
	}
	words->dropped++;
	return 0;
}

static void tail_add(struct tail *tail, const char *line, size_t n)
{
	const size_t cap = sizeof(tail->text) - 1;

	if (n > cap - 3)
		n = cap - 3;
	if (tail->len + n + 3 > cap) { /* the oldest go */
		size_t drop = tail->len + n + 3 - cap;

		memmove(tail->text, tail->text + drop, tail->len - drop);
		tail->len -= drop;
	}
	if (tail->len) {
		memcpy(tail->text + tail->len, " | ", 3);
		tail->len += 3;
	}
	memcpy(tail->text + tail->len, line, n);
	tail->len += n;
	tail->text[tail->len] = '\0';
}

static void print_line(struct process *process)
{
	if (process->line.len)
		tail_add(&process->tail, process->line.data, process->line.len);
	if (process->line.len && process_may_say(process))
		log_warn("worker.output", LOG_INT("pid", loop_child_pid(process->child)),
		         LOG_STR("role", role_name(process->role)), LOG_STR("line", process->line.data));
	buf_clear(&process->line);
}

void process_output(void *ctx, const char *p, size_t n)
{
	struct process *process = ctx;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			buf_putc(&process->line, p[i]);
		if (p[i] == '\n' || process->line.len >= LINE_LIMIT)
			print_line(process);
	}
}

void process_read_rest(struct process *process)
{
	char bytes[4096];
	ssize_t n;

	for (int i = 0; i < 32 && process->output_fd >= 0 && (n = read(process->output_fd, bytes, sizeof(bytes))) > 0;
	     i++)
		process_output(process, bytes, (size_t)n);
	print_line(process);
}

void process_output_end(void *ctx, const struct err *err)
{
	(void)err;
	print_line(ctx);
}
