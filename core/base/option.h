/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration option is a row: its key, where it lives, default, range and help. Rooms export
 * tables of rows; `config` reads YAML and environment by them and prints the documented default. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_type {
	OPTION_STR,      /* char *, owned by the struct, freed by options_done */
	OPTION_INT,      /* int64_t in [min, max] */
	OPTION_BOOL,     /* int */
	OPTION_BYTES,    /* uint64_t, "64MiB" */
	OPTION_DURATION, /* int64_t in ms, "30s" */
	OPTION_ENUM,     /* int, index into words */
	OPTION_ADDRESS,  /* as STR: "host:port" with an IP address (IPv6 in brackets), localhost or nothing; or empty */
};

struct option {
	const char *key;
	enum option_type type;
	size_t offset;
	const char *value;        /* default, as a user would write it */
	int64_t min, max;         /* INT, BYTES, DURATION (ms); both 0 = any non-negative */
	const char *const *words; /* ENUM, NULL-ended */
	const char *help;         /* one or more lines */
};
#define OPTION_END \
	{          \
		0  \
	}

int options_init(const struct option *options, void *target, struct err *err); /* sets defaults */
void options_done(const struct option *options, void *target);
const struct option *option_find(const struct option *options, const char *key);
/* Parses and checks; the sentence names the key, the value and what is allowed. */
int option_set(const struct option *option, void *target, const char *value, struct err *err);

#endif
