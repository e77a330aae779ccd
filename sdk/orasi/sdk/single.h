/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of a file with one plugin in it, which most have. Macros and inline functions, no part of the ABI. */
#ifndef ORASI_SDK_SINGLE_H
#define ORASI_SDK_SINGLE_H

#include <stddef.h>

#include <orasi/abi.h>

/* For plugins that have nothing to set up. */
static inline orasi_status orasi_init_nothing(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	return ORASI_OK;
}

/* For get_extension of those that offer nothing besides. */
static inline const void *orasi_no_extension(void *self, const char *id)
{
	(void)self, (void)id;
	return NULL;
}

/* Once per file, behind the descriptor. What follows are the other members of orasi_entry: .bundle_id, .bundle_version,
 * .vendor, .license, .init, .get_factory, and what else there is to say. */
#define ORASI_SINGLE_PLUGIN(descriptor, ...)                                 \
	static uint32_t orasi_single_count(void)                             \
	{                                                                    \
		return 1;                                                    \
	}                                                                    \
	static const orasi_descriptor *orasi_single_describe(uint32_t index) \
	{                                                                    \
		return index ? NULL : &(descriptor);                         \
	}                                                                    \
	static const orasi_entry orasi_single_entry = {                      \
		.struct_size = sizeof(orasi_entry),                          \
		.abi_major = ORASI_ABI_MAJOR,                                \
		.abi_target_minor = ORASI_TARGET_MINOR,                      \
		.count = orasi_single_count,                                 \
		.describe = orasi_single_describe,                           \
		__VA_ARGS__,                                                 \
	};                                                                   \
	ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)          \
	{                                                                    \
		return &orasi_single_entry;                                  \
	}

#endif
