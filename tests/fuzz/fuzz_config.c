/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files of any bytes: an error or a valid configuration, nothing else. */
#include "fuzz/fuzz.h"

#include <stddef.h>

#include "config/config.h"

struct sample {
	char *listen;
	int64_t limit;
	int level;
};

static const char *const levels[] = {"info", "warn", NULL};
static const struct option http_options[] = {
	{"listen", OPTION_STR, offsetof(struct sample, listen), "", 0, 0, NULL, ""},
	{"limit", OPTION_INT, offsetof(struct sample, limit), "1", 1, 9, NULL, ""},
	OPTION_END,
};
static const struct option log_options[] = {
	{"level", OPTION_ENUM, offsetof(struct sample, level), "info", 0, 0, levels, ""},
	OPTION_END,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample sample;
	const struct config_section sections[] = {{"http", http_options, &sample, ""},
	                                          {"log", log_options, &sample, ""},
	                                          CONFIG_END};
	struct err err;

	if (!config_init(sections, &err))
		config_read_text(sections, "fuzz", (const char *)data, size, &err);
	config_done(sections);
	return 0;
}
