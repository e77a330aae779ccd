/* SPDX-License-Identifier: Apache-2.0 */
/* Footer and page headers into structs. Unknown fields are skipped; counts are bounded by the bytes
 * that are there, memory by the pool's maximum. */
#include "format.h"

#define FOOTER_MEMORY_MAX (256u << 20)

static void read_unit(struct thrift_reader *r, int *ret)
{
	struct thrift_field f;

	each_field(r, f)
	{
		*ret = f.id;
		thrift_skip(r, f.type);
	}
}

static void read_time(struct thrift_reader *r, struct pq_element *e)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 1)
			e->utc = thrift_bool(&f);
		else if (f.id == 2 && f.type == THRIFT_STRUCT)
			read_unit(r, &e->unit);
		else
			thrift_skip(r, f.type);
	}
}

static void read_decimal(struct thrift_reader *r, struct pq_element *e)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 1)
			e->scale = (int)thrift_int(r);
		else if (f.id == 2)
			e->precision = (int)thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_integer(struct thrift_reader *r, struct pq_element *e)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_BYTE)
			e->bit_width = r->at < r->end ? *r->at++ : (r->bad = 1);
		else if (f.id == 2)
			e->is_signed = thrift_bool(&f);
		else
			thrift_skip(r, f.type);
	}
}

static void read_logical(struct thrift_reader *r, struct pq_element *e)
{
	struct thrift_field f;

	each_field(r, f)
	{
		e->logical = f.id;
		if (f.type != THRIFT_STRUCT)
			thrift_skip(r, f.type);
		else if (f.id == PQ_L_DECIMAL)
			read_decimal(r, e);
		else if (f.id == PQ_L_TIME || f.id == PQ_L_TIMESTAMP)
			read_time(r, e);
		else if (f.id == PQ_L_INTEGER)
			read_integer(r, e);
		else
			thrift_skip(r, f.type);
	}
}

static void read_element(struct thrift_reader *r, struct pq_element *e)
{
	struct thrift_field f;

	e->converted = -1;
	each_field(r, f)
	{
		if (f.id == 4 && f.type == THRIFT_BINARY)
			e->name = thrift_binary(r);
		else if (f.id == 10 && f.type == THRIFT_STRUCT)
			read_logical(r, e);
		else if (f.type != THRIFT_I32)
			thrift_skip(r, f.type);
		else if (f.id == 1) {
			e->physical = (int)thrift_int(r);
			e->has_type = 1;
		} else if (f.id == 2)
			e->type_length = (int)thrift_int(r);
		else if (f.id == 3)
			e->repetition = (int)thrift_int(r);
		else if (f.id == 5)
			e->n_children = (int)thrift_int(r);
		else if (f.id == 6)
			e->converted = (int)thrift_int(r);
		else if (f.id == 7)
			e->scale = (int)thrift_int(r);
		else if (f.id == 8)
			e->precision = (int)thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_stats(struct thrift_reader *r, struct pq_stats *s)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 3 && f.type == THRIFT_I64) {
			s->nulls = thrift_int(r);
			s->has_nulls = s->nulls >= 0;
		} else if ((f.id == 5 || (f.id == 1 && !s->has_max)) && f.type == THRIFT_BINARY) {
			s->max = thrift_binary(r);
			s->has_max = 1;
			s->old_max = f.id == 1;
		} else if ((f.id == 6 || (f.id == 2 && !s->has_min)) && f.type == THRIFT_BINARY) {
			s->min = thrift_binary(r);
			s->has_min = 1;
			s->old_min = f.id == 2;
		} else {
			thrift_skip(r, f.type);
		}
	}
}

static void read_column_meta(struct thrift_reader *r, struct pq_column *c)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 12 && f.type == THRIFT_STRUCT)
			read_stats(r, &c->stats);
		else if (f.type != THRIFT_I32 && f.type != THRIFT_I64)
			thrift_skip(r, f.type);
		else if (f.id == 1)
			c->physical = (int)thrift_int(r);
		else if (f.id == 4)
			c->codec = (int)thrift_int(r);
		else if (f.id == 5)
			c->n_values = thrift_int(r);
		else if (f.id == 6)
			c->total_uncompressed = thrift_int(r);
		else if (f.id == 7)
			c->total_compressed = thrift_int(r);
		else if (f.id == 9)
			c->data_offset = thrift_int(r);
		else if (f.id == 11)
			c->dict_offset = thrift_int(r);
		else if (f.id == 14)
			c->bloom.offset = thrift_int(r);
		else if (f.id == 15)
			c->bloom.length = thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_index_place(struct thrift_reader *r, struct pq_column *c, int id)
{
	struct pq_place *place = id <= 5 ? &c->offset_index : &c->column_index;

	*(id & 1 ? &place->length : &place->offset) = thrift_int(r);
}

static void read_column(struct thrift_reader *r, struct pq_column *c)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 3 && f.type == THRIFT_STRUCT) {
			read_column_meta(r, c);
			c->has_meta = 1;
		} else if (f.id >= 4 && f.id <= 7 && (f.type == THRIFT_I64 || f.type == THRIFT_I32)) {
			read_index_place(r, c, f.id);
		} else if (f.id == 1 && f.type == THRIFT_BINARY) {
			c->elsewhere = thrift_binary(r).len > 0;
		} else {
			c->encrypted |= f.id == 8 || f.id == 9;
			thrift_skip(r, f.type);
		}
	}
}

static void read_group(struct thrift_reader *r, struct pq_file *file, struct pq_row_group *g)
{
	struct thrift_field f;
	enum thrift_type item;

	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_LIST && !g->columns) {
			g->n_columns = thrift_list(r, &item);
			g->columns = pool_alloc(&file->pool, g->n_columns * sizeof(*g->columns));
			r->bad |= !g->columns || item != THRIFT_STRUCT;
			for (uint32_t i = 0; i < g->n_columns && !r->bad; i++)
				read_column(r, &g->columns[i]);
		} else if (f.id == 3 && f.type == THRIFT_I64) {
			g->rows = thrift_int(r);
		} else {
			thrift_skip(r, f.type);
		}
	}
}

static void read_elements(struct thrift_reader *r, struct pq_file *file)
{
	enum thrift_type item;

	file->n_elements = thrift_list(r, &item);
	file->elements = pool_alloc(&file->pool, file->n_elements * sizeof(*file->elements));
	r->bad |= !file->elements || item != THRIFT_STRUCT;
	for (uint32_t i = 0; i < file->n_elements && !r->bad; i++)
		read_element(r, &file->elements[i]);
}

static void read_groups(struct thrift_reader *r, struct pq_file *file)
{
	enum thrift_type item;
	int64_t rows = 0;

	file->n_groups = thrift_list(r, &item);
	file->groups = pool_alloc(&file->pool, file->n_groups * sizeof(*file->groups));
	r->bad |= !file->groups || item != THRIFT_STRUCT;
	for (uint32_t i = 0; i < file->n_groups && !r->bad; i++) {
		file->groups[i].first_row = rows;
		read_group(r, file, &file->groups[i]);
		r->bad |= file->groups[i].rows < 0 || __builtin_add_overflow(rows, file->groups[i].rows, &rows);
	}
}

static void read_orders(struct thrift_reader *r, struct pq_file *file)
{
	struct thrift_field f;
	enum thrift_type item;

	file->n_orders = thrift_list(r, &item);
	file->orders = pool_alloc(&file->pool, file->n_orders + 1);
	r->bad |= !file->orders || item != THRIFT_STRUCT;
	for (uint32_t i = 0; i < file->n_orders && !r->bad; i++)
		each_field(r, f)
		{
			file->orders[i] = (uint8_t)(f.id > 0 && f.id < 255 ? f.id : 255);
			thrift_skip(r, f.type);
		}
}

orasi_status pq_file_parse(struct pq_file *file, const uint8_t *text, size_t n, orasi_error *err)
{
	struct thrift_reader reader = {text, text + n, 0, 0}, *r = &reader;
	struct thrift_field f;

	memset(file, 0, sizeof(*file));
	file->pool.max = FOOTER_MEMORY_MAX;
	each_field(r, f)
	{
		if (f.id == 2 && f.type == THRIFT_LIST && !file->elements)
			read_elements(r, file);
		else if (f.id == 3 && f.type == THRIFT_I64)
			file->rows = thrift_int(r);
		else if (f.id == 4 && f.type == THRIFT_LIST && !file->groups)
			read_groups(r, file);
		else if (f.id == 7 && f.type == THRIFT_LIST && !file->orders)
			read_orders(r, file);
		else {
			if (f.id == 8)
				return orasi_fail(err, ORASI_E_UNSUPPORTED,
				                  "the file is encrypted, which is not supported");
			thrift_skip(r, f.type);
		}
	}
	if (r->bad || !file->elements || file->rows < 0)
		return orasi_fail(err, ORASI_E_CORRUPT, "the footer of the Parquet file is damaged");
	return ORASI_OK;
}

void pq_file_free(struct pq_file *file)
{
	pool_free(&file->pool);
}

/* ---- page headers --------------------------------------------------------------------------- */

static void read_data_page(struct thrift_reader *r, struct pq_page_header *h)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.type != THRIFT_I32)
			thrift_skip(r, f.type);
		else if (f.id == 1)
			h->n_values = (int32_t)thrift_int(r);
		else if (f.id == 2)
			h->encoding = (int)thrift_int(r);
		else if (f.id == 3)
			h->def_encoding = (int)thrift_int(r);
		else if (f.id == 4)
			h->rep_encoding = (int)thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_data_page_v2(struct thrift_reader *r, struct pq_page_header *h)
{
	struct thrift_field f;

	h->v2_compressed = 1;
	each_field(r, f)
	{
		if (f.id == 7)
			h->v2_compressed = thrift_bool(&f);
		else if (f.type != THRIFT_I32)
			thrift_skip(r, f.type);
		else if (f.id == 1)
			h->n_values = (int32_t)thrift_int(r);
		else if (f.id == 2)
			h->n_nulls = (int32_t)thrift_int(r);
		else if (f.id == 3)
			h->n_rows = (int32_t)thrift_int(r);
		else if (f.id == 4)
			h->encoding = (int)thrift_int(r);
		else if (f.id == 5)
			h->def_bytes = (int32_t)thrift_int(r);
		else if (f.id == 6)
			h->rep_bytes = (int32_t)thrift_int(r);
		else
			thrift_skip(r, f.type);
	}
}

static void read_header_fields(struct thrift_reader *r, struct pq_page_header *h)
{
	struct thrift_field f;

	each_field(r, f)
	{
		if (f.id == 1 && f.type == THRIFT_I32)
			h->type = (int)thrift_int(r);
		else if (f.id == 2 && f.type == THRIFT_I32)
			h->uncompressed = (int32_t)thrift_int(r);
		else if (f.id == 3 && f.type == THRIFT_I32)
			h->compressed = (int32_t)thrift_int(r);
		else if (f.id == 4 && f.type == THRIFT_I32) {
			h->crc = (uint32_t)thrift_int(r);
			h->has_crc = 1;
		} else if ((f.id == 5 || f.id == 7) && f.type == THRIFT_STRUCT)
			read_data_page(r, h);
		else if (f.id == 8 && f.type == THRIFT_STRUCT)
			read_data_page_v2(r, h);
		else
			thrift_skip(r, f.type);
	}
}

orasi_status pq_page_header_parse(struct pq_page_header *ret, const uint8_t *p, size_t n, orasi_error *err)
{
	struct thrift_reader r = {p, p + n, 0, 0};

	memset(ret, 0, sizeof(*ret));
	ret->def_encoding = ret->rep_encoding = PQ_RLE;
	ret->type = -1;
	read_header_fields(&r, ret);
	if (r.bad && r.at >= r.end)
		return ORASI_AGAIN;
	if (r.bad || ret->type < 0 || ret->uncompressed < 0 || ret->compressed < 0 || ret->n_values < 0 ||
	    ret->n_nulls < 0 || ret->n_rows < 0 || ret->def_bytes < 0 || ret->rep_bytes < 0)
		return orasi_fail(err, ORASI_E_CORRUPT, "a page header is damaged");
	ret->size = (size_t)(r.at - p);
	return ORASI_OK;
}
