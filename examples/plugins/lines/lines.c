/* SPDX-License-Identifier: Apache-2.0 */
/* A format plugin for Orasi: plain text, one row per line, as (line: int64, text: utf8).
 *
 * The source gives short reads. They go into a window; whole lines are taken from its front and
 * become the rows of a batch. After each batch the mark says where the next line begins, so that
 * another process can go on from there. A line that is too long or no UTF-8 is not dropped: the
 * host gets it with reason, place and bytes.
 *
 * Built with -DORASI_TARGET_MINOR=1 it can also be fed: bytes that come in bit by bit are rows at once. With the table of
 * orasi/sdk/fed.h it would be without asking for 1.1, and still fit agents of 1.0. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#define PLUGIN_ID "com.example.lines"
#define PLUGIN_NAME "lines"
#define PLUGIN_VERSION "1.0.0"

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

#define CHUNK 65536
#define EXCERPT 65536 /* of a line that is too long; the host keeps no more */

#define LINE_GOES_ON 100 /* beside the ORASI_* of find_line: it is too long, its rest follows */

/* The state of a mark: where the next line begins. The host hands it back to a fresh instance. */
struct place {
	uint64_t offset; /* bytes of the source before it */
	uint64_t line;   /* lines before it, rejected ones too */
	uint64_t rows;   /* rows before it */
};

struct lines {
	const orasi_host *host;
	const orasi_host_job *job;
	const orasi_host_reject *reject;
	int64_t max_line;
	struct ArrowSchema schema;
	struct arrow_builder *rows;
	/* of one open source */
	orasi_source *source;
	uint32_t max_rows;
	uint64_t max_bytes;
	struct place place;
	uint8_t *window; /* [begin, end) is read and not yet taken */
	size_t begin, end, cap;
	int at_end, fed;
	uint64_t gone; /* bytes of a line that is too long, which have gone by */
	size_t kept;   /* of them, in excerpt */
	uint8_t excerpt[EXCERPT];
};

static orasi_status fail(orasi_error *err, orasi_status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	return status;
}

/* ---- an instance and its options
 * ------------------------------------------------------------------------------- */

static const char config_schema[] = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
				    "\"max_line\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"1MiB\","
				    "\"description\":\"A longer line is rejected\",\"examples\":[\"64KiB\"]}}}";

static void destroy(void *self)
{
	struct lines *lines = self;

	if (!lines)
		return;
	arrow_builder_free(lines->rows);
	arrow_schema_release(&lines->schema);
	free(lines->window);
	free(lines);
}

static int make_schema(struct ArrowSchema *schema)
{
	if (arrow_schema_make(schema, "+s", "", 0, 2))
		return -1;
	return arrow_schema_make(schema->children[0], "l", "line", 0, 0) ||
	       arrow_schema_make(schema->children[1], "u", "text", 0, 0);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	struct lines *lines;

	if (strcmp(id, PLUGIN_ID))
		return fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	lines = calloc(1, sizeof(*lines));
	if (!lines)
		return fail(err, ORASI_E_NOMEM, "out of memory");
	lines->host = host;
	lines->job = host->get_extension(host, ORASI_HOST_JOB);
	lines->reject = host->get_extension(host, ORASI_HOST_REJECT);
	lines->max_line = 1 << 20;
	if (config)
		config->get_i64(config, "/max_line", &lines->max_line);
	if (lines->max_line < 1) {
		destroy(lines);
		return fail(err, ORASI_E_CONFIG, "max_line must be at least 1 byte");
	}
	if (make_schema(&lines->schema) || !(lines->rows = arrow_builder_new(&lines->schema))) {
		destroy(lines);
		return fail(err, ORASI_E_NOMEM, "out of memory");
	}
	*ret = lines;
	return ORASI_OK;
}

/* ---- bytes
 * -------------------------------------------------------------------------------------------------------
 */

/* For n bytes more. */
static orasi_status make_room(struct lines *lines, size_t n, orasi_error *err)
{
	uint8_t *window;

	memmove(lines->window, lines->window + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	if (lines->cap - lines->end >= n)
		return ORASI_OK;
	window = realloc(lines->window, lines->cap * 2 + n);
	if (!window)
		return fail(err, ORASI_E_NOMEM, "no memory for a line of %zu bytes", lines->end);
	lines->window = window;
	lines->cap = lines->cap * 2 + n;
	return ORASI_OK;
}

/* ORASI_AGAIN: it is fed, and has to wait for more. */
static orasi_status fill(struct lines *lines, orasi_error *err)
{
	size_t got = 0;
	orasi_status status = ORASI_OK;

	if (*lines->job->cancel_flag)
		return fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	if (lines->fed)
		return ORASI_AGAIN;
	if (lines->begin || lines->cap - lines->end < CHUNK)
		status = make_room(lines, CHUNK, err);
	if (!status)
		status = lines->source->read(lines->source, lines->window + lines->end, CHUNK, &got, err);
	if (status)
		return status;
	lines->at_end = !got;
	lines->end += got;
	return ORASI_OK;
}

static void take(struct lines *lines, size_t n)
{
	lines->begin += n;
	lines->place.offset += n;
}

/* Goes to the place of a checkpoint. */
static orasi_status skip(struct lines *lines, uint64_t n, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	while (n && !status) {
		uint64_t have = lines->end - lines->begin, step = have < n ? have : n;

		lines->begin += step;
		n -= step;
		if (n && lines->at_end)
			return fail(err, ORASI_E_STATE, "the source is shorter than when the checkpoint was made");
		if (n)
			status = fill(lines, err);
	}
	return status;
}

/* The length of the line at `begin` without its end; *ret_whole with it. Reads on until the line is
 * whole. A line longer than max_line is kept up to there only, whatever its length. */
static orasi_status find_line(struct lines *lines, size_t *ret, size_t *ret_whole, orasi_error *err)
{
	size_t seen = 0;

	for (;;) {
		const uint8_t *start = lines->window + lines->begin;
		size_t have = lines->end - lines->begin;
		const uint8_t *newline = have > seen ? memchr(start + seen, '\n', have - seen) : NULL;
		orasi_status status;

		if (newline || lines->at_end) {
			*ret = newline ? (size_t)(newline - start) : have;
			*ret_whole = *ret + (newline != NULL);
			return have ? ORASI_OK : ORASI_END;
		}
		seen = have;
		if ((int64_t)seen > lines->max_line && seen > CHUNK) {
			*ret = *ret_whole = seen;
			return LINE_GOES_ON;
		}
		status = fill(lines, err);
		if (status)
			return status;
	}
}

/* ---- rows
 * --------------------------------------------------------------------------------------------------------
 */

static orasi_status reject_line(struct lines *lines, const struct place *place, const char *code, orasi_str message,
                                orasi_bytes raw, uint64_t raw_len, orasi_error *err)
{
	orasi_rejected rejected = {
		.struct_size = sizeof(rejected),
		.code = code,
		.message = message,
		.column = ORASI_STR("text"),
		.byte_offset = (int64_t)place->offset,
		.line = (int64_t)place->line + 1,
		.row = (int64_t)place->line,
		.raw = raw,
		.raw_len = raw_len,
	};
	orasi_status status = lines->reject->reject(lines->host, &rejected);

	if (status)
		return fail(err, status, "line %llu: %.*s", (unsigned long long)place->line + 1, (int)message.len,
		            message.ptr);
	return ORASI_OK;
}

static orasi_status add_row(struct lines *lines, const uint8_t *text, size_t n, orasi_error *err)
{
	if (n && text[n - 1] == '\r')
		n--;
	if (arrow_append_int(arrow_builder_child(lines->rows, 0), (int64_t)lines->place.line) ||
	    arrow_append_bytes(arrow_builder_child(lines->rows, 1), text, n) || arrow_end_struct(lines->rows))
		return fail(err, ORASI_E_NOMEM, "no memory for a batch of rows");
	lines->place.rows++;
	return ORASI_OK;
}

static void keep_excerpt(struct lines *lines)
{
	lines->kept = lines->end - lines->begin < EXCERPT ? lines->end - lines->begin : EXCERPT;
	if (lines->kept > (size_t)lines->max_line)
		lines->kept = (size_t)lines->max_line;
	memcpy(lines->excerpt, lines->window + lines->begin, lines->kept);
}

/* A line of any length goes by in pieces; the host gets its beginning. Our place stays before it until it is reported. */
static orasi_status reject_long(struct lines *lines, orasi_error *err)
{
	size_t n, whole;
	orasi_status status;

	if (!lines->gone)
		keep_excerpt(lines);
	do {
		status = find_line(lines, &n, &whole, err);
		if (status == ORASI_OK || status == LINE_GOES_ON) {
			lines->begin += whole;
			lines->gone += whole;
		}
	} while (status == LINE_GOES_ON);
	if (status < 0 || status == ORASI_AGAIN)
		return status;
	status = reject_line(lines, &lines->place, "line.length", ORASI_STR("the line is longer than max_line"),
	                     (orasi_bytes){lines->excerpt, lines->kept}, lines->gone, err);
	lines->place.offset += lines->gone;
	lines->place.line++;
	lines->gone = 0;
	return status;
}

static orasi_status take_line(struct lines *lines, orasi_error *err)
{
	const struct place place = lines->place;
	const uint8_t *text;
	size_t n, whole;
	orasi_status status = lines->gone ? LINE_GOES_ON : find_line(lines, &n, &whole, err);

	if (status == LINE_GOES_ON || (!status && (int64_t)n > lines->max_line))
		return reject_long(lines, err);
	if (status)
		return status;
	text = lines->window + lines->begin;
	take(lines, whole);
	lines->place.line++;
	if (arrow_utf8_valid(text, n))
		return add_row(lines, text, n, err);
	return reject_line(lines, &place, "utf8", ORASI_STR("the line is no UTF-8 text"), (orasi_bytes){text, n}, n,
	                   err);
}

/* ---- what the host calls
 * ------------------------------------------------------------------------------------- */

static orasi_status sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret)
{
	(void)id;
	*ret = name.len > 4 && !memcmp(name.ptr + name.len - 4, ".txt", 4) && !memchr(head.ptr, 0, head.len) ? 60 : 0;
	return ORASI_OK;
}

static orasi_status begin(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret, orasi_error *err)
{
	struct lines *lines = self;

	if (open->flags & ORASI_OPEN_PROJECT)
		return fail(err, ORASI_E_UNSUPPORTED, "lines have no columns to choose from");
	if (open->checkpoint.len && open->checkpoint.len != sizeof(lines->place))
		return fail(err, ORASI_E_STATE, "the checkpoint is not of this plugin");
	lines->source = open->source;
	lines->max_rows = open->max_rows;
	lines->max_bytes = open->max_bytes;
	lines->begin = lines->end = 0;
	lines->at_end = lines->fed = 0;
	lines->gone = 0;
	memset(&lines->place, 0, sizeof(lines->place));
	if (open->checkpoint.len)
		memcpy(&lines->place, open->checkpoint.ptr, sizeof(lines->place));
	return arrow_schema_copy(ret, &lines->schema) ? fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

static orasi_status open_source(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret, orasi_error *err)
{
	struct lines *lines = self;
	orasi_status status = begin(lines, open, ret, err);

	if (status)
		return status;
	return skip(lines, lines->place.offset, err);
}

static orasi_status next(void *self, struct ArrowArray *ret, orasi_mark *mark, orasi_error *err)
{
	struct lines *lines = self;
	orasi_status status = ORASI_OK;

	while (!status && arrow_builder_length(lines->rows) < lines->max_rows &&
	       arrow_builder_bytes(lines->rows) < lines->max_bytes)
		status = take_line(lines, err);
	if (status < 0)
		return status;
	if (!arrow_builder_length(lines->rows))
		return status; /* ORASI_END, or ORASI_AGAIN */
	if (arrow_builder_finish(lines->rows, ret))
		return fail(err, ORASI_E_NOMEM, "no memory for a batch of rows");
	mark->flags = ORASI_MARK_RESUMABLE;
	mark->rows_total = lines->place.rows;
	mark->bytes_total = lines->place.offset;
	mark->state = (orasi_bytes){(const uint8_t *)&lines->place, sizeof(lines->place)};
	return ORASI_OK;
}

static orasi_status schema(void *self, struct ArrowSchema *ret, orasi_error *err)
{
	const struct lines *lines = self;

	return arrow_schema_copy(ret, &lines->schema) ? fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

static orasi_status close_source(void *self, orasi_error *err)
{
	struct lines *lines = self;

	(void)err;
	lines->source = NULL;
	arrow_builder_truncate(lines->rows, 0);
	return ORASI_OK;
}

#if ORASI_SINCE(1)
static orasi_status open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from, struct ArrowSchema *ret,
                             orasi_error *err)
{
	struct lines *lines = self;
	orasi_status status = begin(lines, open, ret, err);

	lines->fed = 1;
	*ret_from = lines->place.offset;
	return status;
}

static orasi_status feed(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err)
{
	struct lines *lines = self;
	orasi_status status = make_room(lines, bytes.len, err);

	if (status)
		return status;
	if (bytes.len)
		memcpy(lines->window + lines->end, bytes.ptr, bytes.len);
	lines->end += bytes.len;
	lines->at_end = (flags & ORASI_FEED_LAST) != 0;
	return ORASI_OK;
}

static const orasi_ingest_feed fed = {.struct_size = sizeof(fed), .open = open_fed, .feed = feed};
#endif

static const void *get_extension(void *self, const char *id)
{
	(void)self, (void)id;
#if ORASI_SINCE(1)
	if (!strcmp(id, ORASI_INGEST_FEED))
		return &fed;
#endif
	return NULL;
}

static const orasi_ingest_factory factory = {
	.struct_size = sizeof(factory),
	.sniff = sniff,
	.create = create,
	.destroy = destroy,
	.open = open_source,
	.next = next,
	.schema = schema,
	.close = close_source,
	.get_extension = get_extension,
};

/* ---- the face of the file
 * ------------------------------------------------------------------------------------ */

static const char *const features[] = {"format:" PLUGIN_NAME, "ext:.txt", "mime:text/plain", NULL};
static const char *const requires_ext[] = {ORASI_HOST_REJECT, NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_INGEST,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = PLUGIN_NAME,
	.version = PLUGIN_VERSION,
	.summary = "Plain text: one row per line",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	return ORASI_OK;
}

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t index)
{
	return index ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_INGEST_FACTORY) ? NULL : &factory;
}

static const orasi_entry entry = {
	.struct_size = sizeof(entry),
	.abi_major = ORASI_ABI_MAJOR,
	.abi_target_minor = ORASI_TARGET_MINOR,
	.bundle_id = PLUGIN_ID,
	.bundle_version = PLUGIN_VERSION,
	.vendor = "Example",
	.license = "Apache-2.0",
	.init = init,
	.count = count,
	.describe = describe,
	.get_factory = get_factory,
};

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	return &entry;
}
