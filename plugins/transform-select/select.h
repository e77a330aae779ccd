/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the plugin. */
#ifndef TRANSFORM_SELECT_H
#define TRANSFORM_SELECT_H

#include <orasi/plugin.h>

#include "cast.h"
#include "condition.h"

struct list {
	char **at;
	uint32_t n;
};

/* A column that goes out. */
struct column {
	int64_t from;
	int cast;
	struct arrow_type_info type; /* of a cast */
	struct arrow_view view;      /* of the batch at hand */
	struct arrow_builder *builder;
};

struct select {
	const orasi_host *host;
	const orasi_host_reject *reject;
	struct list columns, drop, rename, cast;
	struct condition *filter;
	uint32_t n_filter;
	int null_misfits;
	/* since bind */
	struct ArrowSchema in, out;
	struct column *outs;
	int64_t n_outs;
	int casts;
	int64_t seen; /* rows */
};

/* options.c. What was read until it failed is freed as the rest is. */
extern const char select_config_schema[];
orasi_status select_read_options(struct select *s, const orasi_config *config, orasi_error *err);
void select_free_options(struct select *s);

/* columns.c: sets s->out and s->outs for batches of `in`. */
orasi_status select_bind(struct select *s, const struct ArrowSchema *in, orasi_error *err);
void select_unbind(struct select *s); /* fine when it is not bound */

#endif
