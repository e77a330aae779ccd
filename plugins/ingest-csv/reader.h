/* SPDX-License-Identifier: Apache-2.0 */
/* From a byte source to records: a window that slides over the source, or is fed; then ORASI_AGAIN is the answer wherever
 * bytes are wanting, and the same call goes on when more were fed.
 *
 * A record longer than max_record is none. When it goes over several lines, a quote opened and did not close in time:
 * only its first line is given out, as a flaw, and reading goes on at the next line; so one stray quote costs one line.
 * A line that long is skipped while reading. What counts as too long does not depend on how the source cuts its reads.
 *
 * One thread at a time. */
#ifndef INGEST_CSV_READER_H
#define INGEST_CSV_READER_H

#include <orasi/plugin.h>

#include "scan.h"

#define READER_HEAD (64 << 10) /* what the dialect is guessed from */

#define FLAW_QUOTE "csv.quote"
#define FLAW_UNCLOSED "csv.unclosed"
#define FLAW_TOO_LONG "csv.too-long"

struct place {
	uint64_t offset;
	int64_t line; /* from 1; -1: unknown */
};

struct record {
	const uint8_t *text;
	size_t len;
	uint64_t whole; /* length in the source */
	struct place place;
	const char *flaw; /* NULL, or one of FLAW_… */
	const char *what;
};

struct reader;

/* The source stays the caller's until reader_close; NULL: it is fed. */
orasi_status reader_open(orasi_source *source, const orasi_host *host, size_t max_record, struct reader **ret,
                         orasi_error *err);
void reader_close(struct reader *reader); /* NULL is fine */

/* The first bytes of the source, at most READER_HEAD, SCAN_PAD readable behind them. */
orasi_status reader_head(struct reader *reader, const uint8_t **ret, size_t *ret_len, bool *ret_all, orasi_error *err);
void reader_skip(struct reader *reader, size_t n, int lines); /* within the head */
orasi_status reader_skip_line(struct reader *reader, uint8_t newline, orasi_error *err);
void reader_set(struct reader *reader, const struct dialect *dialect, bool blanks_count);
/* Records that start at `end` or later are not ours; 0: all are. */
void reader_set_end(struct reader *reader, uint64_t end);

/* Bytes that follow; `last`: none follow them. */
orasi_status reader_feed(struct reader *reader, orasi_bytes bytes, bool last, orasi_error *err);
/* Fed, it keeps all bytes until it is settled, so that it can begin again when there are more. */
void reader_restart(struct reader *reader);
void reader_settle(struct reader *reader);
/* Is there so much more than at the last restart that another try is worth it? */
bool reader_grown(const struct reader *reader);

/* ORASI_OK with a record and its fields, which live until the next call; ORASI_END; or an error. */
orasi_status reader_next(struct reader *reader, struct record *ret, orasi_error *err);
const struct fields *reader_fields(const struct reader *reader);

/* Between hold and rewind nothing is dropped from the window, and reader_next answers READER_LONG where a record is too
 * long. rewind goes back to where hold was called. */
#define READER_LONG 100
void reader_hold(struct reader *reader);
void reader_rewind(struct reader *reader);

struct place reader_where(const struct reader *reader);
orasi_status reader_go(struct reader *reader, const struct place *place, orasi_error *err);
/* To the first record that starts at `offset` or later. All before it is looked at, because only that tells whether a
 * line end is one; without quotes it is jumped over. */
orasi_status reader_find(struct reader *reader, uint64_t offset, orasi_error *err);

#endif
