/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: YAML and environment into the structs that the rooms' option tables describe.
 *
 * A file is a mapping of sections, each a mapping of keys to plain values:
 *
 *   http:
 *     listen: 127.0.0.1:8470
 *
 * The environment wins over the file: ORASI_HTTP_LISTEN. Unknown sections, keys and variables and bad
 * values are refused; the sentence starts with file:line, or names the variable. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdio.h>

#include "base/err.h"
#include "base/option.h"

struct config_section {
	const char *name;
	const struct option *options;
	void *target;
	const char *help; /* one line */
};
#define CONFIG_END \
	{          \
		0  \
	}

/* Sets all defaults. Call config_done at the end, also after a failure. */
int config_init(const struct config_section *sections, struct err *err);
void config_done(const struct config_section *sections);

/* err->where is "file:line". At most 1 MiB. */
int config_read_file(const struct config_section *sections, const char *path, struct err *err);
/* Same, from memory; `name` stands for the file in messages. */
int config_read_text(const struct config_section *sections, const char *name, const char *text, size_t n,
                     struct err *err);
/* `environ` is NULL-ended, as main's. Variables in `others` (NULL-ended) are somebody else's. */
int config_read_environ(const struct config_section *sections, const char *const *environ, const char *const *others,
                        struct err *err);

/* The documented configuration with the values in force, as a file that can be read back. */
void config_print(const struct config_section *sections, FILE *out);

#endif
