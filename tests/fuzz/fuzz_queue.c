/* SPDX-License-Identifier: Apache-2.0 */
/* The texts that the queue reads: a zone file, a cron expression, retry rules, a packed policy. The first byte
 * chooses; what is taken is used. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "queue/cron.h"
#include "queue/inside.h"

static void use_zone(const uint8_t *data, size_t size)
{
	struct zone *zone;

	if (zone_parse(data, size, &zone, NULL))
		return;
	for (int64_t t = -4000000000; t < 8000000000; t += 100000007)
		zone_to_utc(zone, t + zone_offset(zone, t));
	zone_close(zone);
}

static void use_cron(const char *text)
{
	struct cron cron;
	struct zone *utc;
	int64_t at = 1700000000;

	if (cron_parse(text, &cron, NULL) || zone_open(NULL, &utc, NULL))
		return;
	for (int i = 0; i < 3 && !cron_next(&cron, utc, at, &at); i++)
		;
	zone_close(utc);
}

static void use_rules(const char *text)
{
	int64_t after;

	if (!spec_check_rules(text, NULL))
		for (int code = ERR_CRASH; code < 0; code++)
			spec_rule(text, code, &after);
}

static void use_policy(const char *text)
{
	struct task_spec spec = {0};
	struct arena arena;

	arena_init(&arena);
	if (!spec_unpack(text, &arena, &spec))
		spec_pack(&spec, 1, &arena);
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (*data % 4) {
	case 0:
		use_zone(data + 1, size - 1);
		break;
	case 1:
		use_cron(text);
		break;
	case 2:
		use_rules(text);
		break;
	default:
		use_policy(text);
	}
	free(text);
	return 0;
}
