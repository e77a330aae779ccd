/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder: footer, then row group after row group, batch after batch.
 *
 * open reads the footer and makes a plan for the wanted columns. next takes rows of the current
 * group until the batch is full or the group ends, column by column some rows at a time. A mark is
 * the number of the next row, and of the rows that were given so far. With `rows` only those are
 * assembled, with terms only those that may match (select.c); what lies between is skipped, page by
 * page where headers or the offset index allow it. */
#include <orasi/sdk/single.h>

#include "columns.h"
#include "plugin.h"
#include "select.h"

#define FOOTER_MAX (1u << 30)
#define STEP_MIN 64 /* rows at a time, while nothing is known about their size */
#define STEP_MAX 2048
#define STEP_WIDE 8192 /* on several threads, which cost something to start */

struct reader {
	const orasi_host *host;
	const orasi_host_job *job;
	orasi_source *source;
	struct bytes footer;
	struct pq_file file;
	struct tree tree;
	struct ArrowSchema schema; /* what comes out */
	struct columns columns;
	struct parallel parallel;
	uint64_t batch_rows; /* in the batch being filled */
	uint32_t max_rows;
	uint64_t max_bytes;
	uint32_t group;
	uint64_t row, group_end; /* absolute: the next row, and the end of the open group */
	int group_open;
	uint64_t *rows, n_rows, next_row;
	int by_rows;
	struct select select;
	uint64_t emitted;
	uint64_t state[2];
	uint8_t *pruned;
};

static const char magic[] = "PAR1";

static void reader_reset(struct reader *r)
{
	columns_done(&r->columns);
	select_done(&r->select);
	free(r->rows);
	free(r->pruned);
	r->rows = NULL;
	r->pruned = NULL;
	arrow_schema_release(&r->schema);
	tree_free(&r->tree);
	pq_file_free(&r->file);
	r->group = 0;
	r->group_open = 0;
	r->row = r->emitted = r->next_row = r->batch_rows = 0;
}

static orasi_status reader_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct reader *r;

	(void)config;
	if (strcmp(id, PARQUET_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	r = calloc(1, sizeof(*r));
	if (!r)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r->host = host;
	r->job = host && host->get_extension ? host->get_extension(host, ORASI_HOST_JOB) : NULL;
	parallel_init(&r->parallel, host);
	*ret_self = r;
	return ORASI_OK;
}

static void reader_destroy(void *self)
{
	struct reader *r = self;

	if (!r)
		return;
	reader_reset(r);
	parallel_done(&r->parallel);
	bytes_free(&r->footer);
	free(r);
}

/* Of what ends within the magic the name decides: such a file has lost its content on the way. */
static orasi_status reader_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret)
{
	static const char ending[] = ".parquet";
	size_t n = sizeof(ending) - 1;
	int is_named = name.len >= n && !memcmp(name.ptr + name.len - n, ending, n);

	(void)id;
	*ret = (head.len < 4 ? is_named : !memcmp(head.ptr, magic, 4)) ? 100 : 0;
	return ORASI_OK;
}

/* ---- the footer ----------------------------------------------------------------------------- */

static orasi_status read_exactly(orasi_source *source, uint64_t at, void *to, size_t n, orasi_error *err)
{
	size_t got = 0;
	orasi_status r = source->pread(source, at, to, n, &got, err);

	return !r && got != n ? orasi_fail(err, ORASI_E_CORRUPT, "the file ends early") : r;
}

static orasi_status read_footer(struct reader *r, orasi_error *err)
{
	orasi_source *source = r->source;
	uint8_t tail[8];
	uint32_t len;
	orasi_status status;

	if (!(source->flags & ORASI_SOURCE_SEEK) || source->size < 0)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "Parquet needs a source that can be read at any place: store the "
		                  "file uncompressed, not in a gzip or zstd stream");
	if (source->size < 12)
		return orasi_fail(err, ORASI_E_CORRUPT, "%lld bytes are too few for a Parquet file",
		                  (long long)source->size);
	status = read_exactly(source, (uint64_t)source->size - 8, tail, 8, err);
	if (status)
		return status;
	if (!memcmp(tail + 4, "PARE", 4))
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "the footer is encrypted, which is not supported");
	if (memcmp(tail + 4, magic, 4))
		return orasi_fail(err, ORASI_E_CORRUPT,
		                  "the file does not end with PAR1: it is cut, or no Parquet file");
	memcpy(&len, tail, 4);
	if (len > FOOTER_MAX || (int64_t)len > source->size - 12)
		return orasi_fail(err, ORASI_E_CORRUPT, "the footer claims %u bytes, more than the file has", len);
	r->footer.len = 0;
	if (bytes_reserve(&r->footer, (size_t)len + 1))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r->footer.len = len;
	status = read_exactly(source, (uint64_t)source->size - 8 - len, r->footer.data, len, err);
	return status ? status : pq_file_parse(&r->file, r->footer.data, len, err);
}

static orasi_status check_groups(struct reader *r, orasi_error *err)
{
	int64_t rows = 0;

	for (uint32_t i = 0; i < r->file.n_groups; i++) {
		const struct pq_row_group *g = &r->file.groups[i];

		if (g->n_columns != (uint32_t)r->tree.n_leaves)
			return orasi_fail(err, ORASI_E_CORRUPT, "row group %u has %u columns, the schema %d", i,
			                  g->n_columns, r->tree.n_leaves);
		rows += g->rows;
	}
	return rows == r->file.rows
	               ? ORASI_OK
	               : orasi_fail(err, ORASI_E_CORRUPT, "the row groups have %lld rows, the footer says %lld",
	                            (long long)rows, (long long)r->file.rows);
}

/* ---- open ----------------------------------------------------------------------------------- */

/* Without a projection the file's own columns come out. */
static orasi_status choose_schema(struct reader *r, const orasi_ingest_open *open, orasi_error *err)
{
	int bad = open->want && (open->flags & ORASI_OPEN_PROJECT) ? arrow_schema_copy(&r->schema, open->want)
	                                                           : tree_to_arrow(&r->tree.root, &r->schema);

	return bad ? orasi_fail(err, ORASI_E_NOMEM, "out of memory for the schema") : ORASI_OK;
}

/* The first byte of a group says to which range of the file it belongs. Whatever the footer claims,
 * it must belong to one. */
static uint64_t place_of(const struct reader *r, const struct pq_row_group *g)
{
	const struct pq_column *first = &g->columns[0];
	int64_t start = first->dict_offset > 0 && first->dict_offset < first->data_offset ? first->dict_offset
	                                                                                  : first->data_offset;

	return start < 0 || start >= r->source->size ? 0 : (uint64_t)start;
}

static orasi_status choose_groups(struct reader *r, const orasi_ingest_open *open, orasi_error *err)
{
	uint64_t begin = open->range_begin, end = open->range_end ? open->range_end : UINT64_MAX;

	r->pruned = calloc((size_t)r->file.n_groups + 1, 1);
	if (!r->pruned)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < r->file.n_groups; i++) {
		const struct pq_row_group *g = &r->file.groups[i];
		uint64_t place = g->n_columns ? place_of(r, g) : 0;

		r->pruned[i] = place < begin || place >= end || select_skips_group(&r->select, g, r->source);
	}
	return ORASI_OK;
}

static orasi_status take_checkpoint(struct reader *r, orasi_bytes state, orasi_error *err)
{
	if (state.len != sizeof(r->state))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not one of this plugin");
	memcpy(r->state, state.ptr, sizeof(r->state));
	r->row = r->state[0];
	r->emitted = r->state[1];
	if (r->row > (uint64_t)r->file.rows || r->emitted > r->row)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not one of this file");
	return ORASI_OK;
}

static orasi_status take_options(struct reader *r, const orasi_ingest_open *open, orasi_error *err)
{
	r->max_rows = open->max_rows ? open->max_rows : 8192;
	r->max_bytes = open->max_bytes ? open->max_bytes : 16u << 20;
	r->by_rows = (open->flags & ORASI_OPEN_ROWS) != 0;
	r->n_rows = r->by_rows ? open->n_rows : 0;
	if (r->n_rows) {
		if (r->n_rows > SIZE_MAX / sizeof(*r->rows) || !(r->rows = malloc(r->n_rows * sizeof(*r->rows))))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
		memcpy(r->rows, open->rows, r->n_rows * sizeof(*r->rows));
		if (r->rows[r->n_rows - 1] >= (uint64_t)r->file.rows)
			return orasi_fail(err, ORASI_E_INVALID, "row %llu is wanted, the file has %lld",
			                  (unsigned long long)r->rows[r->n_rows - 1], (long long)r->file.rows);
	}
	return open->checkpoint.len ? take_checkpoint(r, open->checkpoint, err) : ORASI_OK;
}

static orasi_status reader_open(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
                                orasi_error *err)
{
	struct reader *r = self;
	orasi_status status;

	reader_reset(r);
	r->source = parallel_share(&r->parallel, open->source);
	status = read_footer(r, err);
	if (!status)
		status = tree_from_parquet(&r->tree, &r->file, err);
	if (!status)
		status = check_groups(r, err);
	if (!status)
		status = choose_schema(r, open, err);
	if (!status && !(open->flags & ORASI_OPEN_INFER))
		status = columns_open(&r->columns, &r->tree, &r->schema, &r->parallel, err);
	if (!status)
		status = select_open(&r->select, &r->tree, &r->file, open->terms,
		                     open->flags & ORASI_OPEN_ROWS ? 0 : open->n_terms, r->columns.leaves, err);
	if (!status) {
		/* A table is read as it is; what is to become rows of one is looked at. */
		columns_settle(&r->columns, !(open->flags & ORASI_OPEN_PROJECT));
		status = choose_groups(r, open, err);
	}
	if (!status)
		status = take_options(r, open, err);
	if (!status && arrow_schema_copy(ret_schema, &r->schema))
		status = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	return status;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static orasi_status open_group(struct reader *r, orasi_error *err)
{
	const struct pq_row_group *g = &r->file.groups[r->group];
	orasi_status status = columns_start(&r->columns, g, r->source, err);

	if (status)
		return status;
	r->group_open = 1;
	r->group_end = (uint64_t)(g->first_row + g->rows);
	if (r->row < (uint64_t)g->first_row)
		r->row = (uint64_t)g->first_row;
	return select_start(&r->select, g, r->columns.leaves, err);
}

/* Wanted rows of a group that is left out are left out with it. */
static void pass_rows(struct reader *r, uint64_t end)
{
	while (r->next_row < r->n_rows && r->rows[r->next_row] < end)
		r->next_row++;
}

/* Finds the next group with something in it. ORASI_END: no more. */
static orasi_status next_group(struct reader *r, orasi_error *err)
{
	for (; r->group < r->file.n_groups; r->group++) {
		const struct pq_row_group *g = &r->file.groups[r->group];
		uint64_t end = (uint64_t)(g->first_row + g->rows);

		if (r->pruned[r->group])
			pass_rows(r, end);
		if (r->pruned[r->group] || r->row >= end || !g->rows)
			continue;
		if (r->by_rows && (r->next_row >= r->n_rows || r->rows[r->next_row] >= end))
			continue;
		return open_group(r, err);
	}
	return ORASI_END;
}

/* How many rows may follow before the batch is looked at again. Those that are there tell the size
 * of those that come. */
static uint64_t step_of(const struct reader *r, uint64_t bytes)
{
	uint64_t step = STEP_MIN, most = STEP_MAX;

	if (columns_are_parallel(&r->columns)) {
		step = r->max_bytes / (r->columns.row_bytes * 2 + 1) + 1;
		most = STEP_WIDE;
	}
	if (r->batch_rows)
		step = (r->max_bytes - bytes) / (bytes / r->batch_rows + 1) + 1;
	if (step > most)
		step = most;
	return step < r->max_rows - r->batch_rows ? step : r->max_rows - r->batch_rows;
}

/* The next of the rows that are wanted by number: *ret_n from *ret_from on, 0: none in this group.
 */
static orasi_status next_wanted(struct reader *r, uint64_t max, uint64_t *ret_from, uint64_t *ret_n, orasi_error *err)
{
	uint64_t n = 0, left = r->n_rows - r->next_row;
	const uint64_t *rows = left ? &r->rows[r->next_row] : NULL;

	while (n < left && n < max && rows[n] == rows[0] + n && rows[n] < r->group_end)
		n++;
	*ret_n = n;
	if (n && rows[0] < r->row)
		return orasi_fail(err, ORASI_E_INVALID, "the wanted rows do not ascend");
	*ret_from = n ? rows[0] : r->row;
	return ORASI_OK;
}

static orasi_status next_rows(struct reader *r, uint64_t max, uint64_t *ret_from, uint64_t *ret_n, orasi_error *err)
{
	uint64_t first = (uint64_t)r->file.groups[r->group].first_row;
	orasi_status status;

	if (r->by_rows)
		return next_wanted(r, max, ret_from, ret_n, err);
	status = select_next(&r->select, r->row - first, max, ret_from, ret_n, err);
	*ret_from += first;
	return status;
}

static orasi_status read_rows(struct reader *r, uint64_t from, uint64_t n, orasi_error *err)
{
	uint64_t first = (uint64_t)r->file.groups[r->group].first_row;
	orasi_status status = columns_seek(&r->columns, from - first, &n, err);

	if (!status)
		status = columns_read(&r->columns, n, err);
	r->next_row += r->by_rows ? n : 0;
	r->row = from + n;
	r->batch_rows += n;
	return status;
}

static orasi_status end_group(struct reader *r, orasi_error *err)
{
	orasi_status status = columns_check_end(&r->columns, &r->file.groups[r->group], err);

	r->group_open = 0;
	r->group++;
	r->row = r->group_end;
	return status;
}

/* Until the batch is full, the group ends, or rows are left out: those of a batch follow each other
 * unless they are wanted by number. */
static orasi_status fill_batch(struct reader *r, orasi_error *err)
{
	uint64_t bytes = 0, n, from;
	orasi_status status = ORASI_OK;

	while (!status && r->batch_rows < r->max_rows && bytes < r->max_bytes) {
		status = next_rows(r, step_of(r, bytes), &from, &n, err);
		if (!status && !n)
			return r->batch_rows ? ORASI_OK : end_group(r, err);
		if (!status && from > r->row && r->batch_rows && !r->by_rows)
			return ORASI_OK;
		if (!status)
			status = read_rows(r, from, n, err);
		bytes = columns_bytes(&r->columns);
	}
	return status;
}

/* A batch never crosses row groups, so its rows end where the reader stands. */
static void place(const struct reader *r, orasi_mark *mark, uint64_t n)
{
	if (r->by_rows || mark->struct_size < offsetof(orasi_mark, first_row) + sizeof(mark->first_row))
		return;
	mark->flags |= ORASI_MARK_PLACED;
	mark->first_row = r->row - n;
}

static void set_mark(struct reader *r, orasi_mark *mark)
{
	double part = r->file.rows ? (double)r->row / (double)r->file.rows : 0;

	r->state[0] = r->row;
	r->state[1] = r->emitted;
	mark->flags = r->by_rows ? 0 : ORASI_MARK_RESUMABLE;
	mark->rows_total = r->emitted;
	mark->bytes_total = (uint64_t)(part * (double)r->source->size);
	mark->state = (orasi_bytes){(const uint8_t *)r->state, sizeof(r->state)};
}

static orasi_status reader_next(void *self, struct ArrowArray *ret, orasi_mark *mark, orasi_error *err)
{
	struct reader *r = self;
	orasi_status status = ORASI_OK;

	if (!r->columns.outputs)
		return orasi_fail(err, ORASI_E_INVALID, "next before open");
	while (!status && !r->batch_rows) {
		if (r->job && *r->job->cancel_flag)
			return orasi_fail(err, ORASI_E_CANCELLED, "cancelled");
		if (!r->group_open)
			status = next_group(r, err);
		if (!status)
			status = fill_batch(r, err);
	}
	if (status)
		return status;
	r->emitted += r->batch_rows;
	set_mark(r, mark);
	place(r, mark, r->batch_rows);
	status = columns_finish(&r->columns, r->batch_rows, ret, err);
	r->batch_rows = 0;
	return status;
}

static orasi_status reader_schema(void *self, struct ArrowSchema *ret, orasi_error *err)
{
	struct reader *r = self;

	return arrow_schema_copy(ret, &r->schema) ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

static orasi_status reader_close(void *self, orasi_error *err)
{
	(void)err;
	reader_reset(self);
	return ORASI_OK;
}

const orasi_ingest_factory parquet_ingest_factory = {
	sizeof(orasi_ingest_factory),
	0,
	reader_sniff,
	reader_create,
	reader_destroy,
	reader_open,
	reader_next,
	reader_schema,
	reader_close,
	orasi_no_extension,
};
