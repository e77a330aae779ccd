/* SPDX-License-Identifier: Apache-2.0 */
/* Values are first written without gaps, then moved apart from the end to make room for nulls.
 * Short byte arrays are copied 16 bytes at a time: pages, dictionaries and our buffers have room
 * behind. */
#include "vector.h"

#define STEP_MAX INT32_MAX /* bytes that one read may add: a dictionary can make much of little */

void vector_init(struct vector *v, struct leaf *leaf, const struct arrow_type_info *want, struct buffers *buffers)
{
	memset(v, 0, sizeof(*v));
	v->buffers = buffers;
	v->leaf = leaf;
	v->want = *want;
	v->width = arrow_type_width(want);
	v->copy = convert_is_copy(leaf->node, want);
	if (want->type == ARROW_UTF8 || want->type == ARROW_BINARY)
		v->offset_width = 4;
	else if (want->type == ARROW_LARGE_UTF8 || want->type == ARROW_LARGE_BINARY)
		v->offset_width = 8;
}

void vector_done(struct vector *v)
{
	buffers_put(v->buffers, v->validity.data, v->validity.cap);
	buffers_put(v->buffers, v->offsets.data, v->offsets.cap);
	buffers_put(v->buffers, v->data.data, v->data.cap);
	memset(v, 0, sizeof(*v));
}

size_t vector_bytes(const struct vector *v)
{
	return v->validity.len + v->offsets.len + v->data.len;
}

static int reserve(struct vector *v, struct vector_buffer *b, size_t more)
{
	size_t need, cap;
	void *data;

	if (__builtin_add_overflow(b->len, more + SLACK, &need) || need > SIZE_MAX / 4)
		return -1;
	if (need <= b->cap)
		return 0;
	need = need > b->cap * 2 ? need : b->cap * 2;
	data = buffers_get(v->buffers, need > b->usual ? need : b->usual, &cap);
	if (!data)
		return -1;
	if (b->len)
		memcpy(data, b->data, b->len);
	buffers_put(v->buffers, b->data, b->cap);
	b->data = data;
	b->cap = cap;
	return 0;
}

#define INLINE static inline __attribute__((always_inline))

/* ---- which rows have a value ---------------------------------------------------------------- */

static void set_bit(uint8_t *bits, size_t i, int v)
{
	bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~(1u << (i & 7))) | (unsigned)v << (i & 7));
}

static int reserve_bits(struct vector *v, struct vector_buffer *b, size_t n)
{
	size_t need = (n + 7) / 8, old = b->len;

	if (need <= old)
		return 0;
	if (reserve(v, b, need - old))
		return -1;
	memset(b->data + old, 0, need - old);
	b->len = need;
	return 0;
}

/* The bitmap appears with the first null; the rows before it are all there. */
static int add_validity(struct vector *v, const uint8_t *def, int there, size_t n, size_t present)
{
	int all = present == n, fresh = !v->nulls;

	if (all && fresh)
		return 0;
	if (reserve_bits(v, &v->validity, v->length + n))
		return -1;
	if (fresh)
		memset(v->validity.data, 0xFF, v->validity.len);
	for (size_t i = 0; i < n; i++)
		set_bit(v->validity.data, v->length + i, all || def[i] >= there);
	v->nulls += n - present;
	return 0;
}

/* ---- values of fixed width ------------------------------------------------------------------ */

static void copy_numbered(uint8_t *to, const uint8_t *base, size_t width, const uint32_t *indices, size_t n)
{
	if (width == 4)
		for (size_t i = 0; i < n; i++)
			memcpy(to + i * 4, base + indices[i] * (size_t)4, 4);
	else if (width == 8)
		for (size_t i = 0; i < n; i++)
			memcpy(to + i * 8, base + indices[i] * (size_t)8, 8);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(to + i * width, base + indices[i] * width, width);
}

static orasi_status put_values(struct vector *v, uint8_t *to, size_t n, orasi_error *err)
{
	const struct leaf *leaf = v->leaf;
	const struct values *values = leaf->use_dict ? &leaf->dict : &leaf->plain;
	uint8_t wide[CONVERT_MAX];
	orasi_status r = ORASI_OK;

	if (v->copy && values->width == v->width && n) {
		if (leaf->use_dict)
			copy_numbered(to, values->base, v->width,
			              (const uint32_t *)leaf->indices.data + leaf->value_pos, n);
		else
			memcpy(to, values->base + leaf->value_pos * v->width, n * v->width);
		return ORASI_OK;
	}
	for (size_t i = 0; i < n && !r; i++) {
		struct slice value = leaf_value_at(leaf, leaf->value_pos + i);

		if (v->copy) {
			memcpy(to + i * v->width, value.ptr, v->width);
			continue;
		}
		r = convert_value(leaf->node, &v->want, value, wide, err);
		memcpy(to + i * v->width, wide, v->width);
	}
	return r;
}

INLINE void spread(uint8_t *to, const uint8_t *def, int there, size_t n, size_t present, size_t width)
{
	for (size_t i = n; i-- > 0 && present <= i;) {
		if (def[i] == there)
			memmove(to + i * width, to + --present * width, width);
		else
			memset(to + i * width, 0, width);
	}
}

/* Makes room for the nulls among n rows. */
static void spread_values(const struct vector *v, const uint8_t *def, uint8_t *to, size_t n, size_t present)
{
	const struct leaf *leaf = v->leaf;

	if (v->width == 8)
		spread(to, def, leaf->node->def, n, present, 8);
	else if (v->width == 4)
		spread(to, def, leaf->node->def, n, present, 4);
	else
		spread(to, def, leaf->node->def, n, present, v->width);
}

static orasi_status add_fixed(struct vector *v, const uint8_t *def, size_t n, size_t present, orasi_error *err)
{
	uint8_t *to;
	orasi_status r;

	if (reserve(v, &v->data, n * v->width))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	to = v->data.data + v->data.len;
	r = put_values(v, to, present, err);
	if (present < n)
		spread_values(v, def, to, n, present);
	v->data.len += n * v->width;
	return r;
}

static orasi_status add_bits(struct vector *v, const uint8_t *def, size_t n, size_t present, orasi_error *err)
{
	const struct leaf *leaf = v->leaf;
	size_t value = leaf->value_pos;

	if (reserve_bits(v, &v->data, v->length + n))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int there = present == n || def[i] == leaf->node->def;

		set_bit(v->data.data, v->length + i, there && *leaf_value_at(leaf, value).ptr);
		value += (size_t)there;
	}
	return ORASI_OK;
}

/* ---- byte arrays ---------------------------------------------------------------------------- */

static int put_end(struct vector *v, size_t end)
{
	uint32_t narrow = (uint32_t)end;
	uint64_t wide = end;

	if (v->offset_width == 4)
		memcpy(v->offsets.data + v->offsets.len, &narrow, 4);
	else
		memcpy(v->offsets.data + v->offsets.len, &wide, 8);
	v->offsets.len += v->offset_width;
	return 0;
}

/* At most so many bytes are in the next values. Those of a page lie one behind the other. */
static size_t bytes_ahead(const struct leaf *leaf, size_t present)
{
	struct slice first, last;
	size_t total = 0;

	if (!present)
		return 0;
	if (leaf->use_dict || leaf->plain.width) {
		for (size_t i = 0; i < present; i++)
			total += leaf_value_at(leaf, leaf->value_pos + i).len;
		return total;
	}
	first = leaf->plain.slices[leaf->value_pos];
	last = leaf->plain.slices[leaf->value_pos + present - 1];
	return (size_t)(last.ptr + last.len - first.ptr);
}

static orasi_status reserve_bytes(struct vector *v, size_t n, size_t present, orasi_error *err)
{
	const struct leaf *leaf = v->leaf;
	size_t total = bytes_ahead(leaf, present);

	if (total > STEP_MAX || (v->offset_width == 4 && v->data.len + total > INT32_MAX))
		return orasi_fail(err, ORASI_E_LIMIT, "column '%.100s' has more than 2 GiB in %zu rows",
		                  leaf->node->name, v->length + n);
	if (reserve(v, &v->data, total) || reserve(v, &v->offsets, (n + 1) * v->offset_width))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	return ORASI_OK;
}

/* Fixed binaries that are wanted as bytes of any length. */
static size_t put_fixed_bytes(struct vector *v, size_t end, uint8_t *ends, const uint8_t *def, size_t n)
{
	const struct leaf *leaf = v->leaf;

	for (size_t i = 0, value = leaf->value_pos; i < n; i++) {
		uint64_t wide;

		if (!def || def[i] == leaf->node->def) {
			struct slice s = leaf_value_at(leaf, value++);

			memcpy(v->data.data + end, s.ptr, s.len);
			end += s.len;
		}
		wide = end; /* little-endian: its low half is the narrow form */
		memcpy(ends + i * v->offset_width, &wide, v->offset_width);
	}
	return end;
}

INLINE size_t copy_bytes(uint8_t *to, size_t end, struct slice s)
{
	if (s.len <= 4 * SLACK)
		for (size_t i = 0; i < s.len; i += SLACK)
			memcpy(to + end + i, s.ptr + i, SLACK);
	else
		memcpy(to + end, s.ptr, s.len);
	return end + s.len;
}

/* The values of n rows and where each ends; `def` NULL: none is missing. */
INLINE size_t put_bytes(const struct leaf *leaf, uint8_t *to, size_t end, uint8_t *ends, size_t offset_width,
                        const uint8_t *def, size_t n, int use_dict)
{
	const struct slice *slices = use_dict ? leaf->dict.slices : leaf->plain.slices + leaf->value_pos;
	const uint32_t *indices = use_dict ? (const uint32_t *)leaf->indices.data + leaf->value_pos : NULL;
	int there = leaf->node->def;

	for (size_t i = 0, value = 0; i < n; i++) {
		uint32_t narrow;
		uint64_t wide;

		if (!def || def[i] == there) {
			end = copy_bytes(to, end, slices[use_dict ? indices[value] : value]);
			value++;
		}
		narrow = (uint32_t)end;
		wide = end;
		memcpy(ends + i * offset_width, offset_width == 4 ? (void *)&narrow : &wide, offset_width);
	}
	return end;
}

static orasi_status add_bytes(struct vector *v, const uint8_t *levels, size_t n, size_t present, orasi_error *err)
{
	const struct leaf *leaf = v->leaf;
	const uint8_t *def = present == n ? NULL : levels;
	orasi_status r = reserve_bytes(v, n, present, err);
	size_t end = v->data.len;
	uint8_t *ends;

	if (r)
		return r;
	if (!v->offsets.len)
		put_end(v, 0);
	ends = v->offsets.data + v->offsets.len;
	if (leaf->plain.width || leaf->dict.width)
		end = put_fixed_bytes(v, end, ends, def, n);
	else if (v->offset_width == 8)
		end = put_bytes(leaf, v->data.data, end, ends, 8, def, n, leaf->use_dict);
	else if (leaf->use_dict)
		end = def ? put_bytes(leaf, v->data.data, end, ends, 4, def, n, 1)
		          : put_bytes(leaf, v->data.data, end, ends, 4, NULL, n, 1);
	else
		end = def ? put_bytes(leaf, v->data.data, end, ends, 4, def, n, 0)
		          : put_bytes(leaf, v->data.data, end, ends, 4, NULL, n, 0);
	v->offsets.len += n * v->offset_width;
	v->data.len = end;
	return ORASI_OK;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static size_t count_present(const struct leaf *leaf, size_t n)
{
	size_t present = 0;

	if (leaf->n_values == leaf->n)
		return n;
	for (size_t i = 0; i < n; i++)
		present += leaf->def.data[leaf->pos + i] == leaf->node->def;
	return present;
}

orasi_status vector_take(struct vector *v, const uint8_t *def, size_t n, size_t present, orasi_error *err)
{
	orasi_status r;

	if (add_validity(v, def, v->leaf->node->def, n, present))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (v->offset_width)
		r = add_bytes(v, def, n, present, err);
	else if (v->width)
		r = add_fixed(v, def, n, present, err);
	else
		r = add_bits(v, def, n, present, err);
	v->leaf->value_pos += present;
	v->length += n;
	return r;
}

/* n rows of the page that the leaf stands in. */
static orasi_status take(struct vector *v, size_t n, orasi_error *err)
{
	struct leaf *leaf = v->leaf;
	const uint8_t *def = leaf->node->def ? &leaf->def.data[leaf->pos] : NULL;
	orasi_status r = vector_take(v, def, n, count_present(leaf, n), err);

	leaf->pos += n;
	return r;
}

orasi_status vector_read(struct vector *v, size_t n, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	while (n && !r) {
		size_t step;

		r = leaf_ready(v->leaf, err);
		if (r == ORASI_END)
			return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s' has fewer rows than its row group",
			                  v->leaf->node->name);
		if (r)
			return r;
		step = v->leaf->n - v->leaf->pos;
		step = step < n ? step : n;
		r = take(v, step, err);
		n -= step;
	}
	return r;
}

/* ---- shapes --------------------------------------------------------------------------------- */

void vector_init_shape(struct vector *v, size_t offset_width, struct buffers *buffers)
{
	memset(v, 0, sizeof(*v));
	v->buffers = buffers;
	v->offset_width = offset_width;
}

int vector_add_shape(struct vector *v, const uint8_t *def, int there, size_t n)
{
	size_t present = n;

	if (there)
		present = 0;
	for (size_t i = 0; there && i < n; i++)
		present += def[i] >= there;
	if (add_validity(v, def, there, n, present))
		return -1;
	v->length += n;
	return 0;
}

int vector_add_ends(struct vector *v, const size_t *ends, size_t n)
{
	if (reserve(v, &v->offsets, (n + 1) * v->offset_width))
		return -1;
	if (!v->offsets.len)
		put_end(v, 0);
	for (size_t i = 0; i < n; i++)
		put_end(v, ends[i]);
	return 0;
}

/* ---- handing over --------------------------------------------------------------------------- */

/* What an array that was handed over needs to give its buffers back. */
struct handed {
	struct buffers *buffers;
	const void *pointers[3];
	size_t caps[3];
	struct ArrowArray **children;
	int64_t n_children;
};

static void array_free(struct ArrowArray *array)
{
	struct handed *handed = array->private_data;

	for (int i = 0; i < 3; i++)
		buffers_put(handed->buffers, (void *)handed->pointers[i], handed->caps[i]);
	for (int64_t i = 0; i < handed->n_children; i++) {
		arrow_array_release(handed->children[i]);
		free(handed->children[i]);
	}
	free(handed->children);
	buffers_unref(handed->buffers);
	free(handed);
	memset(array, 0, sizeof(*array));
}

static void hand_over(struct handed *handed, int i, struct vector_buffer *b)
{
	handed->pointers[i] = b->data;
	handed->caps[i] = b->cap;
	*b = (struct vector_buffer){.usual = b->len + SLACK};
}

int vector_finish(struct vector *v, struct ArrowArray *ret)
{
	struct handed *handed;
	int n = 0;

	/* Consumers may not expect NULL offsets or data, so even empty ones get memory. */
	if ((v->leaf && reserve(v, &v->data, 0)) || (v->offset_width && reserve(v, &v->offsets, v->offset_width)))
		return -1;
	if (v->offset_width && !v->offsets.len)
		put_end(v, 0);
	handed = calloc(1, sizeof(*handed));
	if (!handed)
		return -1;
	handed->buffers = buffers_ref(v->buffers);
	if (v->nulls)
		hand_over(handed, n, &v->validity);
	n++;
	if (v->offset_width)
		hand_over(handed, n++, &v->offsets);
	if (v->leaf)
		hand_over(handed, n++, &v->data);
	*ret = (struct ArrowArray){.length = (int64_t)v->length,
	                           .null_count = (int64_t)v->nulls,
	                           .n_buffers = n,
	                           .buffers = handed->pointers,
	                           .release = array_free,
	                           .private_data = handed};
	v->length = v->nulls = v->validity.len = 0;
	return 0;
}

int vector_adopt(struct ArrowArray *array, int64_t n)
{
	struct handed *handed = array->private_data;

	handed->children = calloc((size_t)n + 1, sizeof(*handed->children));
	for (int64_t i = 0; handed->children && i < n; i++) {
		handed->children[i] = calloc(1, sizeof(*handed->children[i]));
		if (!handed->children[i])
			return -1;
		handed->n_children = i + 1;
	}
	array->children = handed->children;
	array->n_children = handed->n_children;
	return handed->children ? 0 : -1;
}
