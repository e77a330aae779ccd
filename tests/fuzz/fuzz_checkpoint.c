/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint of any rows: an error, or a state that a checkpoint can be made of. Bytes are instructions: which action,
 * which of its values, how long its texts are. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "table/log.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

static unsigned take(struct bytes *b)
{
	if (!b->n)
		return 0;
	b->n--;
	return *b->p++;
}

static int append(struct arrow_builder *to, const struct ArrowSchema *schema, struct bytes *b, int depth);

static int append_text(struct arrow_builder *to, struct bytes *b)
{
	size_t n = take(b);

	n = n < b->n ? n : b->n;
	if (arrow_append_bytes(to, b->p, n))
		return -1;
	b->p += n;
	b->n -= n;
	return 0;
}

static int append_items(struct arrow_builder *to, const struct ArrowSchema *schema, struct bytes *b, int depth)
{
	for (unsigned n = take(b) % 4; n; n--)
		if (append(arrow_builder_child(to, 0), schema->children[0], b, depth + 1))
			return -1;
	return arrow_end_list(to);
}

static int append_members(struct arrow_builder *to, const struct ArrowSchema *schema, struct bytes *b, int depth)
{
	for (int64_t i = 0; i < schema->n_children; i++)
		if (append(arrow_builder_child(to, i), schema->children[i], b, depth + 1))
			return -1;
	return arrow_end_struct(to);
}

static int append(struct arrow_builder *to, const struct ArrowSchema *schema, struct bytes *b, int depth)
{
	int64_t number = 0;

	if ((schema->flags & ARROW_FLAG_NULLABLE) && take(b) % 3 == 0)
		return arrow_append_null(to);
	if (!strcmp(schema->format, "+s"))
		return append_members(to, schema, b, depth);
	if (*schema->format == '+')
		return append_items(to, schema, b, depth);
	if (!strcmp(schema->format, "u"))
		return append_text(to, b);
	if (!strcmp(schema->format, "b"))
		return arrow_append_bool(to, take(b) & 1);
	for (unsigned n = take(b) % 9; n; n--)
		number = (int64_t)((uint64_t)number << 8 | take(b));
	return arrow_append_int(to, number);
}

/* What is read must be fit to be written. */
static int write_nothing(void *ctx, const struct ArrowSchema *schema,
                         int (*next)(void *from, struct ArrowArray *ret, struct err *err), void *from, struct buf *ret,
                         struct err *err)
{
	struct ArrowArray rows;
	char why[200];

	(void)ctx;
	while (next(from, &rows, err) > 0) {
		if (arrow_validate(schema, &rows, 1, why, sizeof(why)))
			abort();
		arrow_array_release(&rows);
	}
	return buf_puts(ret, "x");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};
	struct table_codec codec = {NULL, NULL, write_nothing};
	struct table_log *log = table_log_new();
	struct arrow_builder *rows;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	struct buf text;

	if (checkpoint_schema(0, &schema))
		return 0;
	rows = arrow_builder_new(&schema);
	while (bytes.n && arrow_builder_length(rows) < 200)
		if (append_members(rows, &schema, &bytes, 0))
			abort();
	if (arrow_builder_finish(rows, &batch))
		abort();
	if (!checkpoint_apply(log, &schema, &batch, NULL)) {
		table_log_readable(log, NULL);
		table_log_writable(log, NULL);
		buf_init(&text, 0);
		checkpoint_write(&codec, log, &text, NULL);
		buf_done(&text);
	}
	arrow_array_release(&batch);
	arrow_builder_free(rows);
	arrow_schema_release(&schema);
	table_log_free(log);
	return 0;
}
