/* SPDX-License-Identifier: Apache-2.0 */
/* A log entry of any bytes: an error, or a state whose schema goes to Arrow and back unchanged. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "table/log.h"

static void go_round(const struct ArrowSchema *schema)
{
	struct json *delta = table_schema_to_delta(schema);
	struct ArrowSchema again, merged;

	if (table_schema_from_delta(delta, &again, NULL) || !arrow_schema_equal(schema, &again, 1))
		abort();
	if (!table_schema_merge(schema, &again, &merged, NULL)) {
		if (!arrow_schema_equal(schema, &merged, 1))
			abort();
		arrow_schema_release(&merged);
	}
	if (!table_schema_canonical(schema, NULL, &merged, NULL)) {
		struct json *json = table_schema_to_delta(&merged), *parsed;
		const char *text = json_text(json);

		if (json_parse(text, strlen(text), &parsed, NULL))
			abort();
		json_free(parsed);
		json_free(json);
		arrow_schema_release(&merged);
	}
	arrow_schema_release(&again);
	json_free(delta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table_log *log = table_log_new();
	struct ArrowSchema schema;
	struct err err = {0};

	if (!table_log_apply(log, (const char *)data, size, &err) && log->schema &&
	    !table_schema_from_delta(log->schema, &schema, &err)) {
		go_round(&schema);
		arrow_schema_release(&schema);
	}
	table_log_free(log);
	return 0;
}
