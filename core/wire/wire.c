/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum payload { JSON_ONLY, RAW_DATA, END_AND_JSON, END_AND_TEXT };

/* Per message: its name, how large its payload may be, and what it is. */
static const struct {
	const char *name;
	uint32_t max;
	enum payload payload;
} messages[WIRE_TYPES] = {
	[WIRE_HELLO] = {"hello", 4096, JSON_ONLY},
	[WIRE_LOG] = {"log", 64u << 10, JSON_ONLY},
	[WIRE_PROGRESS] = {"progress", 64u << 10, JSON_ONLY},
	[WIRE_PART] = {"part", WIRE_JSON_MAX, JSON_ONLY},
	[WIRE_DATA] = {"data", WIRE_DATA_MAX + 4, RAW_DATA},
	[WIRE_RESULT] = {"result", WIRE_JSON_MAX, END_AND_TEXT},
	[WIRE_FAIL] = {"fail", 64u << 10, END_AND_JSON},
	[WIRE_ASK] = {"ask", 2u << 20, JSON_ONLY},
	[WIRE_BACK] = {"back", 64u << 10, JSON_ONLY},
	[WIRE_METRICS] = {"metrics", 256u << 10, JSON_ONLY},
	[WIRE_ORDER] = {"order", WIRE_JSON_MAX, JSON_ONLY},
	[WIRE_PART_DONE] = {"part-done", 4096, JSON_ONLY},
	[WIRE_CANCEL] = {"cancel", 4096, JSON_ONLY},
	[WIRE_CREDIT] = {"credit", 4096, JSON_ONLY},
	[WIRE_ANSWER] = {"answer", WIRE_JSON_MAX, JSON_ONLY},
	[WIRE_RECALL] = {"recall", 4096, JSON_ONLY},
};

static int is_known(unsigned type)
{
	return type > 0 && type < WIRE_TYPES;
}

const char *wire_name(enum wire_type type)
{
	return is_known(type) ? messages[type].name : "unknown";
}

/* What was put behind `begin`, where its header has a place, becomes a frame. */
static int close_frame(struct buf *out, size_t begin, enum wire_type type, struct err *err)
{
	size_t n = out->len - begin - WIRE_HEADER;
	uint32_t len = (uint32_t)n;

	if (out->failed)
		return err_set(err, out->failed, "a %s message does not fit its buffer", wire_name(type));
	if (n > messages[type].max)
		return err_set(err, ERR_LIMIT, "a %s message of %zu bytes is larger than the %u allowed",
		               wire_name(type), n, messages[type].max);
	memcpy(out->data + begin, &len, 4);
	out->data[begin + 4] = (char)type;
	return 0;
}

static size_t open_frame(struct buf *out)
{
	static const char header[WIRE_HEADER];
	size_t begin = out->len;

	buf_add(out, header, sizeof(header));
	return begin;
}

int wire_put(struct buf *out, enum wire_type type, const struct json *json, struct err *err)
{
	size_t begin = open_frame(out);

	json_write(out, json);
	return close_frame(out, begin, type, err);
}

int wire_put_data(struct buf *out, uint32_t order, const void *p, size_t n, struct err *err)
{
	size_t begin = open_frame(out);

	buf_add(out, &order, sizeof(order));
	buf_add(out, p, n);
	return close_frame(out, begin, WIRE_DATA, err);
}

int wire_put_end(struct buf *out, enum wire_type type, const struct wire_end *end, const struct json *json,
                 struct err *err)
{
	size_t begin = open_frame(out);

	buf_add(out, end, sizeof(*end));
	json_write(out, json);
	return close_frame(out, begin, type, err);
}

static int take_json(struct wire_message *ret, const char *text, size_t len, struct err *err)
{
	if (!json_parse_own(text, len, &ret->json, err))
		return 1;
	err_prefix(err, "a %s message", wire_name(ret->type));
	return ERR_CORRUPT;
}

static int take_payload(struct wire_message *ret, const char *payload, uint32_t len, struct err *err)
{
	enum payload kind = messages[ret->type].payload;
	size_t head = kind == JSON_ONLY ? 0 : kind == RAW_DATA ? sizeof(ret->order) : sizeof(ret->end);

	if (len < head)
		return err_set(err, ERR_CORRUPT, "a %s message without its order", wire_name(ret->type));
	if (kind == RAW_DATA)
		memcpy(&ret->order, payload, sizeof(ret->order));
	else if (head)
		memcpy(&ret->end, payload, sizeof(ret->end));
	if (kind != RAW_DATA)
		ret->order = ret->end.order;
	ret->data = payload + head;
	ret->len = len - head;
	return kind == RAW_DATA || kind == END_AND_TEXT ? 1 : take_json(ret, ret->data, ret->len, err);
}

int wire_take(const struct buf *in, size_t *at, struct wire_message *ret, struct err *err)
{
	const char *frame = in->data + *at;
	size_t have = in->len - *at;
	unsigned type;
	uint32_t len;
	int r;

	if (have < WIRE_HEADER)
		return 0;
	memcpy(&len, frame, 4);
	type = (unsigned char)frame[4];
	if (!is_known(type) || frame[5] || frame[6] || frame[7])
		return err_set(err, ERR_CORRUPT, "a message of unknown type %u", type);
	if (len > messages[type].max)
		return err_set(err, ERR_CORRUPT, "a %s message claims %u bytes, %u are allowed",
		               wire_name((enum wire_type)type), len, messages[type].max);
	if (have - WIRE_HEADER < len)
		return 0;
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum wire_type)type;
	r = take_payload(ret, frame + WIRE_HEADER, len, err);
	if (r > 0)
		*at += WIRE_HEADER + len;
	return r;
}

void wire_message_done(struct wire_message *message)
{
	json_free(message->json);
	message->json = NULL;
}

static int send_all(int fd, const char *p, size_t len, struct err *err)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, p + at, len - at);

		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "cannot write to the agent");
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int wire_send_frames(int fd, const struct buf *frames, struct err *err)
{
	return send_all(fd, frames->data, frames->len, err);
}

int wire_send(int fd, enum wire_type type, const struct json *json, struct err *err)
{
	struct buf out;
	int r;

	buf_init(&out, 0);
	r = wire_put(&out, type, json, err);
	if (!r)
		r = wire_send_frames(fd, &out, err);
	buf_done(&out);
	return r;
}

int wire_send_data(int fd, uint32_t order, const void *p, size_t n, struct err *err)
{
	struct buf out;
	int r;

	buf_init(&out, 0);
	r = wire_put_data(&out, order, p, n, err);
	if (!r)
		r = wire_send_frames(fd, &out, err);
	buf_done(&out);
	return r;
}

/* ---- frames that wait for others ------------------------------------------------------------------------ */

/* A plugin may have written over it. */
static uint32_t held_bytes(const struct wire_page *page)
{
	uint32_t n = __atomic_load_n(&page->n_held, __ATOMIC_ACQUIRE);

	return n < sizeof(page->held) ? n : (uint32_t)sizeof(page->held);
}

int wire_hold(struct wire_page *page, const struct buf *frames)
{
	uint32_t n = held_bytes(page);

	if (frames->failed || frames->len > sizeof(page->held) - n)
		return 0;
	memcpy(page->held + n, frames->data, frames->len);
	__atomic_store_n(&page->n_held, n + (uint32_t)frames->len, __ATOMIC_RELEASE); /* whole, or not there */
	return 1;
}

int wire_flush(int fd, struct wire_page *page, struct err *err)
{
	int r = send_all(fd, page->held, held_bytes(page), err);

	if (!r)
		__atomic_store_n(&page->n_held, 0, __ATOMIC_RELEASE);
	return r;
}

void wire_take_held(const struct wire_page *page, struct buf *ret)
{
	buf_add(ret, page->held, held_bytes(page));
}
