/* SPDX-License-Identifier: Apache-2.0 */
/* The state of plugins: with the order goes what is there, with the result comes what is to become of it. The worker may
 * be in the plugin's hands, so its report is checked; it can say nothing about any other plugin. */
#include <string.h>

#include "plugin/kv.h"
#include "supervise/kind.h"

int state_show(struct supervise *sup, const char *plugin, struct json *order, int64_t *ret_seen, struct err *err)
{
	struct queue_state *states;
	struct json *kv;
	struct arena arena;
	size_t n;
	int r;

	arena_init(&arena);
	r = queue_state_get(sup->queue, plugin, &arena, &states, &n, ret_seen, err);
	kv = r || !n ? json_new_bool(1) : json_new_object();
	for (size_t i = 0; i < n && !r; i++)
		json_set_str(kv, states[i].key, states[i].text);
	json_set(order, "kv", kv);
	arena_done(&arena);
	return r;
}

int state_take(const struct json *report, struct arena *arena, struct queue_changes *ret, struct err *err)
{
	const struct json *read = json_get(report, "read"), *changed = json_get(report, "changed"), *text;
	int r = kv_report_check(report, err);
	struct queue_state *puts;
	const char **reads, *key;
	size_t at = 0;

	if (r)
		return r;
	reads = arena_alloc(arena, (json_count(read) + 1) * sizeof(*reads));
	puts = arena_alloc(arena, (json_count(changed) + 1) * sizeof(*puts));
	for (size_t i = 0; i < json_count(read); i++)
		reads[ret->n_reads++] = json_str(json_at(read, i), "");
	while (json_each(changed, &at, &key, &text))
		puts[ret->n_puts++] = (struct queue_state){key, json_str(text, NULL)};
	ret->reads = reads;
	ret->reads_all = json_get_bool(report, "read_all", 0);
	ret->puts = puts;
	return 0;
}
