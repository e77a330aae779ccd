/* SPDX-License-Identifier: Apache-2.0 */
/* What every plugin for tests needs around what it is about: a bundle of one plugin. */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>

#ifndef TEST_COUNT
#define TEST_COUNT 1
#endif
#ifndef TEST_INIT
static orasi_status test_init(const orasi_host *host, orasi_error *err)
{
	(void)host;
	(void)err;
	return ORASI_OK;
}
#define TEST_INIT test_init
#endif

static inline orasi_status test_fail(orasi_error *err, orasi_status status, const char *text)
{
	snprintf(err->message, sizeof(err->message), "%s", text);
	return status;
}

static inline void test_crash(void)
{
	static void *volatile nowhere = (void *)8;

	*(volatile int *)nowhere = 1;
}

/* The entry of a bundle with one plugin. `bundle` is its id, `descriptor` and `factory` are static. */
#define TEST_PLUGIN(bundle, descriptor, factory_id, factory)                              \
	static uint32_t test_count(void)                                                  \
	{                                                                                 \
		return TEST_COUNT;                                                        \
	}                                                                                 \
	static const orasi_descriptor *test_describe(uint32_t i)                          \
	{                                                                                 \
		return i ? NULL : &(descriptor);                                          \
	}                                                                                 \
	static const void *test_factory(const char *id)                                   \
	{                                                                                 \
		return strcmp(id, factory_id) ? NULL : &(factory);                        \
	}                                                                                 \
	ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)                       \
	{                                                                                 \
		static const orasi_entry entry = {.struct_size = sizeof(entry),           \
		                                  .abi_major = ORASI_ABI_MAJOR,           \
		                                  .abi_target_minor = ORASI_TARGET_MINOR, \
		                                  .bundle_id = bundle,                    \
		                                  .bundle_version = "1.0.0",              \
		                                  .vendor = "test",                       \
		                                  .license = "Apache-2.0",                \
		                                  .init = TEST_INIT,                      \
		                                  .count = test_count,                    \
		                                  .describe = test_describe,              \
		                                  .get_factory = test_factory};           \
                                                                                          \
		return &entry;                                                            \
	}

#endif
