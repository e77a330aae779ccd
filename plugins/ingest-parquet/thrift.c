/* SPDX-License-Identifier: Apache-2.0 */
#include "thrift.h"

#define DEPTH_MAX 32

/* ---- reading -------------------------------------------------------------------------------- */

static int byte(struct thrift_reader *r)
{
	if (r->bad || r->at >= r->end) {
		r->bad = 1;
		return 0;
	}
	return *r->at++;
}

static uint64_t varint(struct thrift_reader *r)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		int b = byte(r);

		v |= (uint64_t)(b & 127) << shift;
		if (!(b & 128))
			return r->bad ? 0 : v;
	}
	r->bad = 1;
	return 0;
}

int64_t thrift_int(struct thrift_reader *r)
{
	uint64_t v = varint(r);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

int thrift_next(struct thrift_reader *r, int *last, struct thrift_field *ret)
{
	int head = byte(r);

	ret->type = (enum thrift_type)(head & 15);
	if (r->bad || ret->type == THRIFT_STOP)
		return 0;
	if (ret->type > THRIFT_STRUCT) {
		r->bad = 1;
		return 0;
	}
	ret->id = head >> 4 ? *last + (head >> 4) : (int)(int16_t)thrift_int(r);
	*last = ret->id;
	return !r->bad;
}

int thrift_bool(const struct thrift_field *field)
{
	return field->type == THRIFT_TRUE;
}

struct thrift_str thrift_binary(struct thrift_reader *r)
{
	struct thrift_str s = {"", 0};
	uint64_t n = varint(r);

	if (r->bad || n > (uint64_t)(r->end - r->at)) {
		r->bad = 1;
		return s;
	}
	s.ptr = (const char *)r->at;
	s.len = (size_t)n;
	r->at += n;
	return s;
}

uint32_t thrift_list(struct thrift_reader *r, enum thrift_type *ret_type)
{
	int head = byte(r);
	uint64_t n = (uint64_t)head >> 4;

	*ret_type = (enum thrift_type)(head & 15);
	if (n == 15)
		n = varint(r);
	if (r->bad || *ret_type == THRIFT_STOP || *ret_type > THRIFT_STRUCT || n > (uint64_t)(r->end - r->at)) {
		r->bad = 1;
		return 0;
	}
	return (uint32_t)n;
}

void thrift_enter(struct thrift_reader *r)
{
	if (++r->depth > DEPTH_MAX)
		r->bad = 1;
}

void thrift_leave(struct thrift_reader *r)
{
	r->depth--;
}

static void skip_map(struct thrift_reader *r)
{
	uint64_t n = varint(r);
	int types = n ? byte(r) : 0;

	if (n > (uint64_t)(r->end - r->at))
		r->bad = 1;
	for (; n && !r->bad; n--) {
		thrift_skip(r, (enum thrift_type)(types >> 4));
		thrift_skip(r, (enum thrift_type)(types & 15));
	}
}

void thrift_skip(struct thrift_reader *r, enum thrift_type type)
{
	struct thrift_field field;
	enum thrift_type item;
	int last = 0;

	thrift_enter(r);
	switch (type) {
	case THRIFT_BYTE:
		byte(r);
		break;
	case THRIFT_I16:
	case THRIFT_I32:
	case THRIFT_I64:
		varint(r);
		break;
	case THRIFT_DOUBLE:
		for (int i = 0; i < 8; i++)
			byte(r);
		break;
	case THRIFT_BINARY:
		thrift_binary(r);
		break;
	case THRIFT_LIST:
	case THRIFT_SET:
		for (uint32_t n = thrift_list(r, &item); n && !r->bad; n--)
			if (item <= THRIFT_FALSE)
				byte(r);
			else
				thrift_skip(r, item);
		break;
	case THRIFT_MAP:
		skip_map(r);
		break;
	case THRIFT_STRUCT:
		while (!r->bad && thrift_next(r, &last, &field))
			thrift_skip(r, field.type);
		break;
	default:
		break;
	}
	thrift_leave(r);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void put(struct thrift_writer *w, const void *p, size_t n)
{
	if (bytes_put(&w->out, p, n))
		w->failed = 1;
}

static void put_varint(struct thrift_writer *w, uint64_t v)
{
	uint8_t buf[10];
	size_t n = 0;

	do {
		buf[n++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
		v >>= 7;
	} while (v);
	put(w, buf, n);
}

static void put_zigzag(struct thrift_writer *w, int64_t v)
{
	put_varint(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_head(struct thrift_writer *w, int id, enum thrift_type type)
{
	int delta = id - w->last[w->depth];
	uint8_t head = (uint8_t)((delta > 0 && delta < 16 ? delta << 4 : 0) | (int)type);

	put(w, &head, 1);
	if (!(head >> 4))
		put_zigzag(w, id);
	w->last[w->depth] = id;
}

void thrift_put_int(struct thrift_writer *w, int id, enum thrift_type type, int64_t v)
{
	uint8_t narrow = (uint8_t)v;

	put_head(w, id, type);
	if (type == THRIFT_BYTE)
		put(w, &narrow, 1);
	else
		put_zigzag(w, v);
}

void thrift_put_bool(struct thrift_writer *w, int id, int v)
{
	put_head(w, id, v ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_binary(struct thrift_writer *w, int id, const void *p, size_t n)
{
	put_head(w, id, THRIFT_BINARY);
	thrift_item_binary(w, p, n);
}

void thrift_put_struct(struct thrift_writer *w, int id)
{
	put_head(w, id, THRIFT_STRUCT);
	thrift_item_struct(w);
}

void thrift_put_list(struct thrift_writer *w, int id, enum thrift_type type, uint32_t n)
{
	uint8_t head = (uint8_t)((n < 15 ? n << 4 : 0xF0u) | (unsigned)type);

	put_head(w, id, THRIFT_LIST);
	put(w, &head, 1);
	if (n >= 15)
		put_varint(w, n);
}

void thrift_item_struct(struct thrift_writer *w)
{
	w->last[++w->depth] = 0;
}

void thrift_item_int(struct thrift_writer *w, int64_t v)
{
	put_zigzag(w, v);
}

void thrift_item_binary(struct thrift_writer *w, const void *p, size_t n)
{
	put_varint(w, n);
	put(w, p, n);
}

void thrift_item_bool(struct thrift_writer *w, int v)
{
	uint8_t item = v ? THRIFT_TRUE : THRIFT_FALSE;

	put(w, &item, 1);
}

void thrift_put_made(struct thrift_writer *w, int id, const void *p, size_t n)
{
	put_head(w, id, THRIFT_STRUCT);
	put(w, p, n);
}

void thrift_end(struct thrift_writer *w)
{
	uint8_t stop = THRIFT_STOP;

	put(w, &stop, 1);
	if (w->depth)
		w->depth--;
}
