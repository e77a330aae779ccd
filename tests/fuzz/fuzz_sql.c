/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of any text, with no dataset there: rows, or an error with a sentence. What would run for long is
 * cancelled, as a client does it. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "plugin/loader.h"
#include "sql/sql.h"
#include "wire/wire.h"

#define LOOKS_MAX 200

static struct wire_page page;
static struct loader *loader;
static int looks;

static int drop(void *ctx, const void *p, size_t n, struct err *err)
{
	(void)ctx;
	(void)p;
	(void)n;
	(void)err;
	return 0;
}

static int is_cancelled(void *ctx)
{
	(void)ctx;
	return ++looks > LOOKS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"ndjson", "csv", "json"};
	static const struct sql_sink sink = {NULL, drop, is_cancelled};
	struct json *order, *result = NULL;
	struct err err = {0};

	if (!loader && loader_new(&page, &loader, &err))
		abort();
	if (!size || size > 4000)
		return 0;
	order = json_new_object();
	json_set(order, "sql", json_new_strn((const char *)data, size));
	json_set(order, "datasets", json_new_array());
	json_set_str(order, "format", formats[data[0] % 3]);
	json_set_int(order, "limit", 1000);
	looks = 0;
	if (!sql_run(loader, order, &sink, &result, &err))
		json_free(result);
	else if (!err.text[0])
		abort();
	json_free(order);
	return 0;
}
