/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the Parquet plugin share: files in memory, written and read. */
#ifndef TESTS_PARQUET_HELPERS_H
#define TESTS_PARQUET_HELPERS_H

#include <orasi/sdk/arrow.h>

#include "ingest-parquet/plugin.h"
#include "ingest-parquet/tables.h"
#include "lib/fakehost.h"
#include "lib/test.h"

extern orasi_error error;
extern char stats[65536]; /* of the file that was written last */
extern uint64_t seed;     /* of this run, from the clock or TEST_SEED */

void helpers_set_up(void);
void helpers_tear_down(void);
void helpers_threads(int lent);      /* from here on the host lends some, or none */
uint64_t helpers_threads_used(void); /* how often, since then */

void make(struct ArrowSchema *s, const char *format, const char *name, int nullable, int64_t n);
/* Writes the batch in so many pieces; how large the file was said to be before it ended. */
uint64_t encode(struct fakehost_output *out, const char *options, const struct ArrowSchema *schema,
                const struct ArrowArray *batch, int pieces);
/* Called for every batch that is read. */
typedef void on_batch(void *ctx, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                      const orasi_mark *mark);
orasi_status decode_each(const void *data, size_t len, orasi_ingest_open *open, on_batch *fn, void *ctx,
                         uint64_t *ret_rows);
/* For decode_each: rows as JSON, one a line, as tables_io prints them; ctx is a struct buf. */
on_batch add_json;
/* Rows as the text of show_rows; `out` may be NULL. */
orasi_status decode(const void *data, size_t len, orasi_ingest_open *open, struct buf *out, uint64_t *ret_rows);
void show_rows(struct buf *out, const struct ArrowSchema *schema, const struct ArrowArray *array);
/* A table of the numbers from 0 on ("n") and of "t" and the number ("t"), in groups of 30,000 rows.
 */
void numbers(struct fakehost_output *out, int64_t rows, struct ArrowSchema *schema);

#endif
