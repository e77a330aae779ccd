/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for: lists of names and pairs, and conditions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "select.h"

/* clang-format off */
#define LIST(name, help)                                                                                             \
	"\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":1024},\"maxItems\":1000,"       \
	"\"default\":[],\"description\":\"" help "\"},"
const char select_config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	LIST("columns", "columns that go on, in this order; empty: all")
	LIST("drop", "columns that do not go on")
	LIST("rename", "new names, as 'old=new'")
	LIST("cast", "new types, as 'column=type': bool, int8 to int64, uint8 to uint64, float32, float64, text, date, timestamp")
	LIST("filter", "conditions that rows must fulfil, all of them: status >= 500, level = 'error', note is not null")
	"\"on_misfit\":{\"type\":\"string\",\"enum\":[\"reject\",\"null\"],\"default\":\"reject\","
	"\"description\":\"a value that cannot be cast: its row goes to quarantine, or the value is null\"}}}";
/* clang-format on */

static void list_done(struct list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		free(list->at[i]);
	free(list->at);
	*list = (struct list){0};
}

static orasi_str item_of(const orasi_config *config, const char *ptr, uint32_t i)
{
	orasi_str value = ORASI_STR("");
	char item[64];

	snprintf(item, sizeof(item), "%s/%u", ptr, i);
	config->get_str(config, item, &value);
	return value;
}

static orasi_status read_list(const orasi_config *config, const char *ptr, struct list *ret, orasi_error *err)
{
	uint32_t n = 0;

	config->count(config, ptr, &n);
	ret->at = calloc((size_t)n + 1, sizeof(*ret->at));
	for (; ret->at && ret->n < n; ret->n++) {
		orasi_str value = item_of(config, ptr, ret->n);

		ret->at[ret->n] = strndup(value.ptr, value.len);
		if (!ret->at[ret->n])
			break;
	}
	return ret->at && ret->n == n ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
}

static orasi_status check_pairs(const struct list *list, const char *what, orasi_error *err)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const char *sign = strchr(list->at[i], '=');

		if (!sign || sign == list->at[i] || !sign[1])
			return orasi_fail(err, ORASI_E_CONFIG, "'%.100s' in '%s' is not 'column=%s'", list->at[i], what,
			                  *what == 'c' ? "type" : "new name");
		if (*what == 'c' && !cast_format(sign + 1, strlen(sign + 1)))
			return orasi_fail(err, ORASI_E_CONFIG, "the type '%.60s' in 'cast' is not known", sign + 1);
	}
	return ORASI_OK;
}

static orasi_status read_filter(struct select *s, const orasi_config *config, orasi_error *err)
{
	uint32_t n = 0;
	orasi_status status = ORASI_OK;

	config->count(config, "/filter", &n);
	s->filter = calloc((size_t)n + 1, sizeof(*s->filter));
	if (!s->filter)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
	while (s->n_filter < n && !status) {
		orasi_str text = item_of(config, "/filter", s->n_filter);

		status = condition_parse(&s->filter[s->n_filter++], text, err);
	}
	return status;
}

orasi_status select_read_options(struct select *s, const orasi_config *config, orasi_error *err)
{
	const struct {
		const char *ptr;
		struct list *list;
	} lists[] = {{"/columns", &s->columns}, {"/drop", &s->drop}, {"/rename", &s->rename}, {"/cast", &s->cast}};
	orasi_str misfit = ORASI_STR("reject");
	orasi_status status = ORASI_OK;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !status; i++)
		status = read_list(config, lists[i].ptr, lists[i].list, err);
	config->get_str(config, "/on_misfit", &misfit);
	s->null_misfits = misfit.len == 4 && !memcmp(misfit.ptr, "null", 4);
	if (!status)
		status = check_pairs(&s->rename, "rename", err);
	if (!status)
		status = check_pairs(&s->cast, "cast", err);
	return status ? status : read_filter(s, config, err);
}

void select_free_options(struct select *s)
{
	for (uint32_t i = 0; i < s->n_filter; i++)
		condition_done(&s->filter[i]);
	free(s->filter);
	list_done(&s->columns);
	list_done(&s->drop);
	list_done(&s->rename);
	list_done(&s->cast);
}
