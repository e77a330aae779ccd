/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker reports about the state of its plugin, and what it is told of it: refused with a sentence, or within the
 * limits. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/kv.h"

/* Whatever is stored, what comes of using it is a report that its reader takes. */
static void use(const struct json *stored)
{
	orasi_str at = {"", 0};
	struct err err = {0};
	struct json *report;
	orasi_bytes value;
	struct kv *kv;

	if (kv_new(stored, &kv, &err)) {
		if (!err.text[0])
			abort();
		return;
	}
	for (int i = 0; i < 100 && !kv_next(kv, at, &at); i++)
		if (!kv_get(kv, at, &value) && value.len && !value.ptr)
			abort();
	kv_put(kv, ORASI_STR("n"), (orasi_bytes){(const uint8_t *)"12", 2}, NULL);
	kv_remove(kv, ORASI_STR("m"), NULL);
	if (kv_report(kv, &report, &err) || kv_report_check(report, &err))
		abort();
	json_free(report);
	kv_free(kv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct json *json;

	if (json_parse((const char *)data, size, &json, &err))
		return 0;
	if (kv_report_check(json, &err) && !err.text[0])
		abort();
	use(json);
	use(json_get(json, "changed"));
	json_free(json);
	return 0;
}
