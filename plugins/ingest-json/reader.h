/* SPDX-License-Identifier: Apache-2.0 */
/* From a byte source to records: a window that slides over the source and finds where the next
 * record ends, without looking into it more than that needs.
 *
 *   READER_LINES    one record per line; blank lines are none. A bad line harms no other.
 *   READER_VALUES   values behind each other, white space between them or not
 *   READER_ARRAY    the items of one array: the document, or the one the pointer leads to
 *
 * The window holds one record and what came with it, at most max_record bytes plus a chunk: longer
 * records are skipped while reading and reported as too long, with their first bytes. In the last
 * two modes brackets tell where a record ends; when they do not match, the place of the next record
 * is unknown and the reader fails with ORASI_E_CORRUPT.
 *
 * One thread at a time. */
#ifndef INGEST_JSON_READER_H
#define INGEST_JSON_READER_H

#include <stdbool.h>

#include <orasi/plugin.h>

enum reader_mode { READER_AUTO, READER_LINES, READER_VALUES, READER_ARRAY };

/* What may come next in an array. */
enum reader_phase {
	READER_FIRST, /* an item or ']' */
	READER_ITEM,  /* an item */
	READER_AFTER, /* a comma or ']' */
	READER_DONE,  /* behind ']' */
};

/* A place between two records: all that a reader needs to go on there. */
struct reader_place {
	uint64_t offset;
	int64_t line; /* from 1; -1: unknown, because the reader did not start at the start */
	uint8_t mode, phase;
	uint16_t levels; /* containers around the array that the pointer led to */
};

struct record {
	uint8_t *text; /* text[len] belongs to the window: the parser may put a NUL there meanwhile
	                */
	size_t len;
	uint64_t offset, whole; /* place and length in the source */
	int64_t line;
	bool too_long; /* text holds the first bytes only */
};

struct reader_config {
	enum reader_mode mode;
	const char *pointer; /* RFC 6901; "" or NULL: none */
	size_t max_record;
	bool fed; /* by reader_feed, without ranges and pointer; the source is only a name */
};

struct reader;

/* The source stays the caller's until reader_close. `place` continues at a place, or NULL. */
orasi_status reader_open(orasi_source *source, const orasi_host *host, const struct reader_config *config,
                         uint64_t begin, uint64_t end, const struct reader_place *place, struct reader **ret,
                         orasi_error *err);
void reader_close(struct reader *reader); /* NULL is fine */

/* The bytes that follow those before. */
orasi_status reader_feed(struct reader *reader, orasi_bytes bytes, bool last, orasi_error *err);
/* A reader that is fed looks at the head of the source before its first record; to be called again on ORASI_AGAIN. */
orasi_status reader_start(struct reader *reader, orasi_error *err);
size_t reader_ahead(const struct reader *reader); /* bytes that are there and not yet given out */
bool reader_is_last(const struct reader *reader); /* nothing follows what is there */

/* ORASI_OK with a record that lives until the next call; ORASI_END; ORASI_AGAIN when it is fed and needs more; or an
 * error. */
orasi_status reader_next(struct reader *reader, struct record *ret, orasi_error *err);
/* The record that reader_next just gave comes again. */
void reader_unread(struct reader *reader, const struct record *record);

/* Between hold and rewind nothing is dropped from the window, and reader_next answers ORASI_END
 * where that would need more than a record's maximum beyond `bytes`. rewind goes back to where hold
 * was called. */
void reader_hold(struct reader *reader);
void reader_rewind(struct reader *reader);

void reader_where(const struct reader *reader, struct reader_place *ret);
const char *reader_mode_name(const struct reader *reader); /* "ndjson", "concatenated", "array" */

#endif
