/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/batch.h"

#include <stdio.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#define PAGE 4096
#define DEPTH_MAX 64

static int bad(const struct loader_plugin *plugin, const char *function, const char *what, const char *why,
               struct err *err)
{
	return err_set(err, ERR_PLUGIN, "plugin '%s' gave a %s in '%s' that is not valid: %s", plugin->descriptor->id,
	               what, function, why);
}

/* ---- schemas
 * ----------------------------------------------------------------------------------------------------
 */

/* What is wrong, or NULL. `left` counts the columns down over the whole tree. */
static const char *look_at_schema(const struct ArrowSchema *schema, int depth, int64_t *left)
{
	struct arrow_type_info info;
	const char *wrong = NULL;

	if (!schema || !schema->release)
		return "a column is missing or released";
	if (depth > DEPTH_MAX)
		return "it is nested deeper than 64 levels";
	if (--*left < 0)
		return "it has more than 10000 columns";
	if (!schema->format || arrow_type_parse(schema->format, &info))
		return "a column has an unknown format";
	if (schema->n_children < 0 || (schema->n_children && !schema->children))
		return "the number of children is out of range";
	for (int64_t i = 0; i < schema->n_children && !wrong; i++)
		wrong = look_at_schema(schema->children[i], depth + 1, left);
	return wrong;
}

int loader_check_schema(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                        const struct ArrowSchema *schema, struct err *err)
{
	int64_t left = BATCH_COLUMNS_MAX + 1;
	struct loader_frame before;
	const char *wrong;

	loader_enter(loader, plugin, function, &before);
	wrong = look_at_schema(schema, 0, &left);
	if (!wrong && strcmp(schema->format, "+s"))
		wrong = "the top is not a struct";
	loader_leave(loader, &before);
	return wrong ? bad(plugin, function, "schema", wrong, err) : 0;
}

/* ---- batches
 * ----------------------------------------------------------------------------------------------------
 */

static volatile uint8_t seen;

static void touch(const void *buffer, uint64_t size)
{
	const uint8_t *p = buffer;

	if (!p || !size)
		return;
	for (uint64_t at = 0; at < size; at += PAGE)
		seen = p[at];
	seen = p[size - 1];
}

static int is_in(const char *formats, const char *format)
{
	return strchr(formats, format[0]) != NULL;
}

static uint64_t end_of(const struct ArrowArray *array, uint64_t n, int wide)
{
	int32_t narrow_end;
	int64_t end;

	if (wide) {
		memcpy(&end, (const char *)array->buffers[1] + n * 8, 8);
		return (uint64_t)end;
	}
	memcpy(&narrow_end, (const char *)array->buffers[1] + n * 4, 4);
	return (uint64_t)narrow_end;
}

/* arrow_validate has seen to it that the counts of buffers and children are right, and no offset
 * goes backwards. */
static void touch_array(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	uint64_t n = (uint64_t)(array->offset + array->length);
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info))
		return;
	if (array->n_buffers > 0)
		touch(array->buffers[0], (n + 7) / 8);
	if (array->n_buffers == 3 || info.type == ARROW_LIST || info.type == ARROW_LARGE_LIST ||
	    info.type == ARROW_MAP) {
		int wide = is_in("UZ", schema->format) || info.type == ARROW_LARGE_LIST;

		if (array->length) {
			touch(array->buffers[1], (n + 1) * (wide ? 8 : 4));
			if (array->n_buffers == 3)
				touch(array->buffers[2], end_of(array, n, wide));
		}
	} else if (array->n_buffers == 2) {
		size_t width = arrow_type_width(&info);

		touch(array->buffers[1], width ? n * width : (n + 7) / 8);
	}
	for (int64_t i = 0; i < array->n_children; i++)
		touch_array(schema->children[i], array->children[i]);
}

/* What no real batch has: it would take the whole address space. */
static int is_absurd(const struct ArrowArray *batch)
{
	return batch->length > INT32_MAX || batch->n_children < 0 || batch->n_children > BATCH_COLUMNS_MAX ||
	       (batch->n_children && !batch->children);
}

int loader_check_batch(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                       const struct ArrowSchema *schema, const struct ArrowArray *batch, struct err *err)
{
	struct loader_frame before;
	char message[256] = "";
	int wrong = 0;

	if (!batch->release)
		return bad(plugin, function, "batch", "it is released", err);
	if (is_absurd(batch))
		return bad(plugin, function, "batch", "its number of rows or columns is absurd", err);
	loader_enter(loader, plugin, function, &before);
	wrong = arrow_validate(schema, batch, 1, message, sizeof(message));
	if (!wrong)
		touch_array(schema, batch);
	loader_leave(loader, &before);
	return wrong ? bad(plugin, function, "batch", message, err) : 0;
}
