/* SPDX-License-Identifier: Apache-2.0 */
/* The list of metric rows and probes, and the verdict. Rendering is in render.c. */
#include <stdlib.h>
#include <string.h>

#include "health/inside.h"

static const char *const verdict_names[] = {"ok", "degraded", "failing"};

const char *health_verdict_name(enum health_verdict verdict)
{
	return verdict_names[verdict];
}

int health_new(struct health **ret, struct err *err)
{
	struct health *health = calloc(1, sizeof(*health));
	int r;

	if (!health)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = health_add_metrics(health, process_metrics(), err);
	if (r) {
		health_free(health);
		return r;
	}
	*ret = health;
	return 0;
}

void health_free(struct health *health)
{
	if (!health)
		return;
	free(health->rows);
	free(health->probes);
	free(health);
}

int health_add_metrics(struct health *health, const struct metric *rows, struct err *err)
{
	const struct metric **grown;
	size_t n = 0;

	while (rows[n].name)
		n++;
	grown = realloc(health->rows, (health->n_rows + n + 1) * sizeof(*grown));
	if (!grown)
		return err_set(err, ERR_NOMEM, "out of memory");
	health->rows = grown;
	for (size_t i = 0; i < n; i++)
		health->rows[health->n_rows++] = &rows[i];
	return 0;
}

int health_add_probe(struct health *health, const char *name, health_probe_fn probe, void *ctx, struct err *err)
{
	struct probe *grown = realloc(health->probes, (health->n_probes + 1) * sizeof(*grown));

	if (!grown)
		return err_set(err, ERR_NOMEM, "out of memory");
	health->probes = grown;
	health->probes[health->n_probes++] = (struct probe){name, probe, ctx};
	return 0;
}

void health_set_ready(struct health *health, int ready)
{
	health->ready = ready;
}

int health_is_ready(const struct health *health)
{
	return health->ready && health_check(health, NULL) != HEALTH_FAILING;
}

static void put_probe(struct buf *json, const char *name, enum health_verdict verdict, const char *detail, int first)
{
	buf_puts(json, first ? "{\"name\":" : ",{\"name\":");
	buf_json_str(json, name, strlen(name));
	buf_printf(json, ",\"status\":\"%s\",\"detail\":", health_verdict_name(verdict));
	buf_json_str(json, detail, strlen(detail));
	buf_putc(json, '}');
}

enum health_verdict health_check(const struct health *health, struct buf *json)
{
	enum health_verdict worst = HEALTH_OK;
	struct buf probes;

	buf_init(&probes, 0);
	for (size_t i = 0; i < health->n_probes; i++) {
		const struct probe *probe = &health->probes[i];
		char detail[256] = "";
		enum health_verdict verdict = probe->fn(probe->ctx, detail, sizeof(detail));

		worst = verdict > worst ? verdict : worst;
		put_probe(&probes, probe->name, verdict, detail, i == 0);
	}
	if (json)
		buf_printf(json, "{\"status\":\"%s\",\"ready\":%s,\"probes\":[%s]}", health_verdict_name(worst),
		           health->ready && worst != HEALTH_FAILING ? "true" : "false", probes.len ? probes.data : "");
	buf_done(&probes);
	return worst;
}
