/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: record batches as an object container file. What Avro has a type for is written as that (declare.c); a
 * value that it cannot hold is refused with its row. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>
#include <orasi/sdk/fail.h>
#include <orasi/sdk/single.h>

#include "container.h"
#include "declare.h"
#include "plugin.h"
#include "varint.h"

#define DAY_MS 86400000
#define BLOCK_ROWS (1 << 20) /* rows may have no bytes at all */
#define DECIMAL_LEN 16
#define UINT64_LEN 9 /* bytes of an unsigned number of 64 bits with a sign */

struct encoder {
	const orasi_host *host;
	struct settings settings;
	orasi_output *output;
	struct ArrowSchema schema;
	uint8_t sync[SYNC];
	struct buffer block, packed;
	uint64_t in_block, rows, written;
	char stats[64];
	bool failed;      /* out of memory while a row was written */
	const char *what; /* is wrong with a value */
	const char *column;
};

static void put_value(struct encoder *e, const struct arrow_view *view, int64_t i);
static void put_present(struct encoder *e, const struct arrow_view *view, int64_t i);

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void put(struct encoder *e, const void *p, size_t n)
{
	e->failed |= buffer_put(&e->block, p, n) != 0;
}

static void put_long(struct encoder *e, int64_t v)
{
	uint8_t bytes[VARINT_MAX];

	put(e, bytes, varint_write(bytes, v));
}

static void put_bytes(struct encoder *e, const void *p, size_t n)
{
	put_long(e, (int64_t)n);
	put(e, p, n);
}

/* Two's complement, big-endian, as short as it can be; *p* is little-endian and has n bytes. */
static void put_unscaled(struct encoder *e, const uint8_t *p, size_t n)
{
	uint8_t turned[DECIMAL_LEN];
	size_t from = 0;

	for (size_t i = 0; i < n; i++)
		turned[i] = p[n - 1 - i];
	while (from + 1 < n &&
	       ((turned[from] == 0 && turned[from + 1] < 0x80) || (turned[from] == 0xFF && turned[from + 1] >= 0x80)))
		from++;
	put_bytes(e, turned + from, n - from);
}

static void refuse(struct encoder *e, const struct arrow_view *view, const char *what)
{
	if (e->what)
		return;
	e->what = what;
	e->column = view->schema->name ? view->schema->name : "";
}

/* What is declared as an int has 32 bits. */
static void put_int(struct encoder *e, const struct arrow_view *view, int64_t v)
{
	if (view->info.type != ARROW_TIMESTAMP && (v < INT32_MIN || v > INT32_MAX))
		refuse(e, view, "a date or time is beyond the 32 bits that Avro has for it");
	put_long(e, v);
}

/* Times of which Avro has no unit so wide. */
static void put_scaled(struct encoder *e, const struct arrow_view *view, int64_t v)
{
	int64_t scaled = v;

	if (view->info.unit == ARROW_SECOND && __builtin_mul_overflow(v, (int64_t)1000, &scaled))
		refuse(e, view, "a time in seconds is beyond what milliseconds can say");
	put_int(e, view, scaled);
}

static void put_real(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	double v = arrow_view_double(view, i);
	float narrow = (float)v;

	if (view->info.type == ARROW_FLOAT64)
		put(e, &v, sizeof(v));
	else
		put(e, &narrow, sizeof(narrow));
}

/* A map with keys that are text: key and value by turns, else each entry as the record that it is. */
static void put_entries(struct encoder *e, const struct arrow_view *view, int64_t begin, int64_t end)
{
	struct arrow_view items, key, value;
	bool by_text = declare_is_map(view->schema);

	if (arrow_view_child(view, 0, &items) || arrow_view_child(&items, 0, &key) ||
	    arrow_view_child(&items, 1, &value)) {
		refuse(e, view, "a map does not fit its schema");
		return;
	}
	for (int64_t i = begin; i < end; i++) {
		if (arrow_view_is_null(&items, i) || arrow_view_is_null(&key, i))
			refuse(e, view, "an entry of a map, or its key, is null");
		else if (by_text)
			put_present(e, &key, i);
		else
			put_value(e, &key, i);
		put_value(e, &value, i);
	}
}

static void put_items(struct encoder *e, const struct arrow_view *view, int64_t begin, int64_t end)
{
	struct arrow_view items;

	if (arrow_view_child(view, 0, &items)) {
		refuse(e, view, "a list does not fit its schema");
		return;
	}
	for (int64_t i = begin; i < end; i++)
		put_value(e, &items, i);
}

static void put_list(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	int64_t begin, end;

	arrow_view_list(view, i, &begin, &end);
	if (end > begin)
		put_long(e, end - begin);
	if (view->info.type == ARROW_MAP)
		put_entries(e, view, begin, end);
	else
		put_items(e, view, begin, end);
	put_long(e, 0);
}

static void put_members(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	for (int64_t k = 0; k < view->schema->n_children; k++) {
		struct arrow_view member;

		if (arrow_view_child(view, k, &member))
			refuse(e, view, "a struct does not fit its schema");
		else
			put_value(e, &member, i);
	}
}

static void put_present(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	uint8_t wide[UINT64_LEN] = {0};
	const void *p;
	int64_t v;
	size_t n;

	switch (view->info.type) {
	case ARROW_BOOL:
		put(e, &(uint8_t){arrow_view_int(view, i) != 0}, 1);
		break;
	case ARROW_FLOAT16:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		put_real(e, view, i);
		break;
	case ARROW_UINT64:
		v = arrow_view_int(view, i);
		memcpy(wide, &v, sizeof(v));
		put_unscaled(e, wide, sizeof(wide));
		break;
	case ARROW_DECIMAL128:
		put_unscaled(e, arrow_view_bytes(view, i, &n), DECIMAL_LEN);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		p = arrow_view_bytes(view, i, &n);
		put_bytes(e, p, n);
		break;
	case ARROW_FIXED_BINARY:
		p = arrow_view_bytes(view, i, &n);
		put(e, p, n);
		break;
	case ARROW_DATE64:
		v = arrow_view_int(view, i);
		put_int(e, view, v / DAY_MS - (v % DAY_MS < 0));
		break;
	case ARROW_TIME32:
	case ARROW_TIMESTAMP:
		put_scaled(e, view, arrow_view_int(view, i));
		break;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
	case ARROW_MAP:
		put_list(e, view, i);
		break;
	case ARROW_STRUCT:
		put_members(e, view, i);
		break;
	default:
		put_long(e, arrow_view_int(view, i));
	}
}

static void put_value(struct encoder *e, const struct arrow_view *view, int64_t i)
{
	bool is_null = arrow_view_is_null(view, i);

	if (view->info.type == ARROW_NULL)
		return;
	if (view->schema->flags & ARROW_FLAG_NULLABLE)
		put_long(e, !is_null);
	else if (is_null)
		refuse(e, view, "it is null, and the schema says that it is not nullable");
	if (!is_null)
		put_present(e, view, i);
}

/* ---- file -------------------------------------------------------------------------------------------------------- */

static orasi_status send(struct encoder *e, const struct buffer *bytes, orasi_error *err)
{
	orasi_status status = e->output->write(e->output, bytes->p, bytes->len, err);

	e->written += status ? 0 : bytes->len;
	return status;
}

static int append_long(struct buffer *to, int64_t v)
{
	uint8_t bytes[VARINT_MAX];

	return buffer_put(to, bytes, varint_write(bytes, v));
}

static int append_text(struct buffer *to, const char *text, size_t n)
{
	return append_long(to, (int64_t)n) || buffer_put(to, text, n) ? -1 : 0;
}

/* Random, as the specification has it; where the host has none to give, from the schema. */
static void make_sync(struct encoder *e, const struct jsonw *schema)
{
	const orasi_host_random *random = e->host->get_extension(e->host, ORASI_HOST_RANDOM);
	uint64_t half[2] = {0xcbf29ce484222325, 0x84222325cbf29ce4}; /* FNV-1a, and once more from elsewhere */

	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < schema->len; k++)
			half[i] = (half[i] ^ (uint8_t)schema->data[k]) * 0x100000001b3;
		if (random)
			half[i] = random->u64(e->host);
	}
	memcpy(e->sync, half, SYNC);
}

static orasi_status send_header(struct encoder *e, orasi_error *err)
{
	static const char magic[] = {'O', 'b', 'j', 1};
	const char *codec = codec_name(e->settings.codec);
	struct buffer header = {0};
	struct jsonw schema = {0};
	orasi_status status = declare_rows(&e->schema, &schema, err);

	if (!status) {
		make_sync(e, &schema);
		if (buffer_put(&header, magic, sizeof(magic)) || append_long(&header, 2) ||
		    append_text(&header, "avro.codec", 10) || append_text(&header, codec, strlen(codec)) ||
		    append_text(&header, "avro.schema", 11) || append_text(&header, schema.data, schema.len) ||
		    append_long(&header, 0) || buffer_put(&header, e->sync, SYNC))
			status = orasi_fail(err, ORASI_E_NOMEM, "no memory for the header");
	}
	if (!status)
		status = send(e, &header, err);
	jsonw_done(&schema);
	buffer_done(&header);
	return status;
}

static orasi_status send_block(struct encoder *e, orasi_error *err)
{
	struct buffer head = {0};
	orasi_status status;

	if (!e->in_block)
		return ORASI_OK;
	e->packed.len = 0;
	status = codec_pack(e->settings.codec, e->settings.level, e->block.p, e->block.len, &e->packed, err);
	if (!status && (append_long(&head, (int64_t)e->in_block) || append_long(&head, (int64_t)e->packed.len) ||
	                buffer_put(&e->packed, e->sync, SYNC)))
		status = orasi_fail(err, ORASI_E_NOMEM, "no memory for a block");
	if (!status)
		status = send(e, &head, err);
	if (!status)
		status = send(e, &e->packed, err);
	buffer_done(&head);
	e->block.len = 0;
	e->in_block = 0;
	return status;
}

/* ---- factory ----------------------------------------------------------------------------------------------------- */

static void encoder_reset(struct encoder *e)
{
	arrow_schema_release(&e->schema);
	e->schema.release = NULL;
	e->output = NULL;
	e->block.len = e->packed.len = 0;
	e->in_block = e->rows = e->written = 0;
	e->failed = false;
	e->what = NULL;
}

static void encode_destroy(void *self)
{
	struct encoder *e = self;

	if (!e)
		return;
	encoder_reset(e);
	buffer_done(&e->block);
	buffer_done(&e->packed);
	free(e);
}

static orasi_status encode_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct encoder *e;
	orasi_status status;

	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	e = calloc(1, sizeof(*e));
	if (!e)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for an encoder");
	e->host = host;
	status = settings_read(config, &e->settings, err);
	if (status) {
		encode_destroy(e);
		return status;
	}
	*ret_self = e;
	return ORASI_OK;
}

static orasi_status encode_open(void *self, const orasi_encode_open *open, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;

	encoder_reset(e);
	if (arrow_schema_copy(&e->schema, open->schema)) {
		e->schema.release = NULL;
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the schema");
	}
	e->output = open->output;
	status = send_header(e, err);
	if (status)
		encoder_reset(e);
	return status;
}

static orasi_status write_row(struct encoder *e, const struct arrow_view *root, int64_t i, orasi_error *err)
{
	put_members(e, root, i);
	if (e->failed)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for row %llu", (unsigned long long)e->rows);
	if (e->what) {
		err->row = (int64_t)e->rows;
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "the column '%.200s' in row %llu: %s", e->column,
		                  (unsigned long long)e->rows, e->what);
	}
	if (e->block.len > BLOCK_MOST) {
		err->row = (int64_t)e->rows;
		return orasi_fail(err, ORASI_E_LIMIT, "row %llu has more than the 512 MiB that a block may have",
		                  (unsigned long long)e->rows);
	}
	e->rows++;
	e->in_block++;
	return e->block.len >= (size_t)e->settings.block_bytes || e->in_block >= BLOCK_ROWS ? send_block(e, err)
	                                                                                    : ORASI_OK;
}

static orasi_status encode_write(void *self, const struct ArrowArray *batch, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status = ORASI_OK;
	struct arrow_view root;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "write without open");
	if (arrow_view_init(&root, &e->schema, batch))
		return orasi_fail(err, ORASI_E_INVALID, "the batch does not fit the schema of the file");
	for (int64_t i = 0; i < root.length && !status; i++)
		status = write_row(e, &root, i, err);
	return status;
}

static uint64_t encode_size_estimate(void *self)
{
	struct encoder *e = self;

	return e->written + e->block.len;
}

static orasi_status encode_finish(void *self, orasi_encode_info *ret_info, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;
	int n;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "finish without open");
	status = send_block(e, err);
	if (status)
		return status;
	n = snprintf(e->stats, sizeof(e->stats), "{\"numRecords\":%llu}", (unsigned long long)e->rows);
	ret_info->rows = e->rows;
	ret_info->bytes = e->written;
	ret_info->stats_json = (orasi_str){e->stats, (size_t)n};
	encoder_reset(e);
	return ORASI_OK;
}

const orasi_encode_factory encode_factory = {
	.struct_size = sizeof(encode_factory),
	.create = encode_create,
	.destroy = encode_destroy,
	.open = encode_open,
	.write = encode_write,
	.size_estimate = encode_size_estimate,
	.finish = encode_finish,
	.get_extension = orasi_no_extension,
};
