/* SPDX-License-Identifier: Apache-2.0 */
/* A worker has ended: why, who was at work in it, and whether that is held against a plugin.
 *
 * Who was at work stands in the crash page, which the worker can write: it counts only as far as the plugins that were
 * ever let into that worker. */
#include "supervise/inside.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "plugin/plugin.h"

static void copy_text(char *ret, size_t cap, const char *from)
{
	memcpy(ret, from, cap - 1);
	ret[cap - 1] = '\0';
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
}

/* Who was at work, from the page; the worker's bytes are not to be trusted. */
struct blame {
	char plugin[64], function[32];
	uint64_t calls; /* into plugins, in this order */
	int inside;     /* of a call; else it is the last one that was made */
};

static struct blame read_blame(const struct process *process)
{
	const struct wire_page *page = process->page;
	struct blame blame = {.inside = 0};

	copy_text(blame.plugin, sizeof(blame.plugin), page->plugin);
	copy_text(blame.function, sizeof(blame.function), page->function);
	blame.calls = page->calls;
	blame.inside = *blame.plugin != '\0';
	if (!blame.inside) {
		copy_text(blame.plugin, sizeof(blame.plugin), page->last_plugin);
		copy_text(blame.function, sizeof(blame.function), page->last_function);
	}
	return blame;
}

static void describe_blame(const struct blame *blame, char *ret, size_t cap)
{
	if (blame->inside)
		snprintf(ret, cap, "in plugin '%s', function '%s', call %llu", blame->plugin, blame->function,
		         (unsigned long long)blame->calls);
	else if (*blame->plugin)
		snprintf(ret, cap, "outside of any plugin; the last call was to plugin '%s', function '%s'",
		         blame->plugin, blame->function);
	else
		snprintf(ret, cap, "outside of any plugin");
}

static void describe_death(const struct process *process, int code, int signal, const struct blame *blame,
                           struct err *err)
{
	char how[200], where[240];
	size_t n;

	describe_blame(blame, where, sizeof(where));
	if (*process->why)
		snprintf(how, sizeof(how), "%s and was killed,", process->why);
	else if (signal)
		snprintf(how, sizeof(how), "was killed by signal %d (%s)", signal, strsignal(signal));
	else
		snprintf(how, sizeof(how), "ended with code %d", code);
	err_set(err, ERR_CRASH, "the worker %s %s", how, where);
	n = strlen(err->text);
	if (process->tail.len)
		snprintf(err->text + n, sizeof(err->text) - n, "; it printed last: %s", process->tail.text);
}

/* An order that was stopped and did not obey, or was not asked: the reason, and who was at work. */
static void describe_stop(struct order *order, const struct blame *blame, int is_cut)
{
	char where[240];
	size_t n = strlen(order->stop.text);

	describe_blame(blame, where, sizeof(where));
	snprintf(order->stop.text + n, sizeof(order->stop.text) - n, is_cut ? ", %s" : "; it did not stop by itself %s",
	         where);
}

/* The copy that the plugin of its last order came from, or NULL. */
static const char *path_of(const struct process *process, const char *plugin)
{
	const struct json *list = process->plugins;

	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_get_str(json_at(list, i), "id", ""), plugin))
			return json_get_str(json_at(list, i), "path", NULL);
	return NULL;
}

/* A stranger can write into the page whatever it likes: what came with the agent is not held to what is said in its
 * presence, nor is any other. */
static int may_blame(const struct process *process, const struct blame *blame)
{
	struct strangers blamed = {{plugin_stranger(process->sup->env.plugins, NULL, blame->plugin)}, 1};

	return blame->inside && (!process->strangers.n || strangers_fit(&blamed, &process->strangers));
}

static int64_t cpu_of_order(const struct process *process)
{
	int64_t measured = cgroup_cpu_ms(process), ms = process->cpu_ms - process->cpu_told_ms;

	if (measured >= 0 && process->cpu_given_ms >= 0)
		ms = measured - process->cpu_given_ms;
	return ms > 0 ? ms : 0;
}

/* The kernel's end of a leaf that is too large comes before that of ours, and is as good a reason. */
static void note_memory(struct process *process)
{
	if (!*process->why && cgroup_ran_out(process))
		snprintf(process->why, sizeof(process->why), "took more memory than the %llu MiB of workers.memory",
		         (unsigned long long)(process->sup->config->memory >> 20));
}

/* SIGKILL from elsewhere (an operator, the out-of-memory killer) proves nothing against the plugin. Ours has a reason,
 * except when the socket has ended, which it does a little before such a death is told. */
static void hold_against(const struct process *process, const struct blame *blame, int signal)
{
	if (may_blame(process, blame) && process->role != ROLE_SCAN && (*process->why || signal != SIGKILL))
		plugin_crashed(process->sup->env.plugins, blame->plugin, path_of(process, blame->plugin),
		               blame->function, signal);
}

void death_settle(struct process *process, int code, int signal, struct err *ret_why)
{
	struct supervise *sup = process->sup;
	struct order *order = process->order;
	struct blame blame = read_blame(process);
	struct task_usage usage = {signal ? signal : -code, cpu_of_order(process), process->rss_kib};
	int stopped;

	disk_note_signal(process, signal);
	stopped = order && order->stop.code;
	process_read_rest(process);
	note_memory(process);
	describe_death(process, code, signal, &blame, ret_why);
	sup->stats.kills += process->killed;
	if (!process->wanted)
		log_warn("worker.died", LOG_INT("pid", loop_child_pid(process->child)),
		         LOG_STR("role", role_name(process->role)), LOG_STR("reason", ret_why->text));
	if (stopped)
		describe_stop(order, &blame, process->is_cut);
	if (!process->wanted && !stopped && !sup->stopping) {
		sup->stats.crashes++;
		hold_against(process, &blame, signal);
	}
	if (order)
		order->usage = usage;
}
