/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent and a worker say to each other, over a socketpair that the worker finds at fd 3.
 *
 * A frame is: u32 length of the payload, u8 type, 3 zero bytes, payload (little-endian). The payload
 * is a JSON object, except for WIRE_DATA, where it is u32 order number and raw bytes, and for WIRE_RESULT and WIRE_FAIL,
 * where a struct wire_end is in front of it: there is one of them for every order, however short. Both sides
 * are of the same build (HELLO carries the build id); the protocol is private and unversioned.
 *
 * The happy path:   worker HELLO → agent ORDER → worker PROGRESS*, (PART → agent PART_DONE)*,
 * DATA* → worker RESULT.   A worker does one order at a time, in the order in which they came: more may be sent ahead.
 * CANCEL, CREDIT, PART_DONE and ANSWER are for the one at hand; what comes for another counts for nothing. Each order
 * is answered before the next one begins, so that the agent always knows which one is at hand, also when the worker has
 * died: some answers may wait in the crash page, to be sent together, and the agent finds them there. After RECALL those
 * that have not begun come BACK. EOF means: the other side is gone; a worker then exits.
 *
 * Every length is checked against the table of messages; a frame that breaks it ends the
 * connection with ERR_CORRUPT, since the stream cannot be trusted any more. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define WIRE_FD 3      /* the socket, in the worker */
#define WIRE_PAGE_FD 4 /* the crash page, see struct wire_page */
/* A SOCK_SEQPACKET socket for opening files that the worker may not reach itself: it sends a path, at most
 * WIRE_PATH_MAX bytes, and gets an int32 errno, with the descriptor beside it (SCM_RIGHTS) when that is 0. Only paths
 * that the order at hand names are opened, to read. */
#define WIRE_FILES_FD 5
#define WIRE_PATH_MAX 4096
#define WIRE_HELD_MAX 16384

enum wire_type {
	/* worker → agent */
	WIRE_HELLO = 1, /* {build, pid, role, no_sandbox}: the last names what the kernel lacks, "" = nothing */
	WIRE_LOG,       /* {level, event, line, plugin?} */
	WIRE_PROGRESS,  /* {order, done, total, rows, rejected, note}: at most 4 a second */
	WIRE_PART,      /* {order, …}: an intent to commit, durable files in staging; see pipeline.h */
	WIRE_DATA,      /* raw result bytes of a query */
	WIRE_RESULT,    /* wire_end, the text of any value: done, and this came of it */
	WIRE_FAIL,      /* wire_end, {code, text, where?} */
	WIRE_ASK,       /* {order, ask, request}: a request over HTTP of a plugin, see blob/fetch.h; one at a time */
	WIRE_BACK,      /* {orders:[n…]}: recalled, and not begun */
	WIRE_METRICS, /* {"<plugin id>":{"<name>":{type, help, value}}}: counters as what has come since the last time */
	/* agent → worker */
	WIRE_ORDER,     /* {order, op, …}: see worker/worker.h */
	WIRE_PART_DONE, /* {order, seq}: the part is committed */
	WIRE_CANCEL,    /* {order}: the flag in the page is set too */
	WIRE_CREDIT,    /* {order, bytes}: so many more DATA bytes may be sent */
	WIRE_ANSWER,    /* {order, ask, answer} or {order, ask, code, text} */
	WIRE_RECALL,    /* {order}: those that wait behind it go back */
	WIRE_TYPES
};

#define WIRE_HEADER 8
#define WIRE_DATA_MAX (256u << 10)
#define WIRE_JSON_MAX (16u << 20)

/* How an order has ended. */
struct wire_end {
	uint32_t order;
	uint32_t spent; /* 1: replace me, I am worn out */
	int64_t ns;     /* how long it took */
	int64_t cpu_ms, rss_kib;
};

struct wire_message {
	enum wire_type type;
	struct json *json;   /* NULL for DATA and RESULT; owned by the message */
	uint32_t order;      /* DATA, RESULT, FAIL */
	struct wire_end end; /* RESULT, FAIL */
	const char *data;    /* DATA: the bytes; RESULT: the text, not looked at. Points into the decoder's buffer */
	size_t len;
};

const char *wire_name(enum wire_type type);

/* Appends one frame to `out`. `json` stays the caller's. */
int wire_put(struct buf *out, enum wire_type type, const struct json *json, struct err *err);
int wire_put_data(struct buf *out, uint32_t order, const void *p, size_t n, struct err *err);
/* RESULT or FAIL. */
int wire_put_end(struct buf *out, enum wire_type type, const struct wire_end *end, const struct json *json,
                 struct err *err);

/* Takes the next whole frame from the front of `in` (at *at, which moves on): 1 with a message, 0 if
 * more bytes are needed, or a negative error after which the stream is dead. `data` points into `in`,
 * so drop what is consumed only when the message is done with. */
int wire_take(const struct buf *in, size_t *at, struct wire_message *ret, struct err *err);
void wire_message_done(struct wire_message *message);

/* Blocking use, in the worker. */
int wire_send(int fd, enum wire_type type, const struct json *json, struct err *err);
int wire_send_data(int fd, uint32_t order, const void *p, size_t n, struct err *err);
int wire_send_frames(int fd, const struct buf *frames, struct err *err); /* that were put */

/* The worker's side of WIRE_FILES_FD: an open descriptor or -errno. One caller at a time. */
int wire_open_file(int socket, const char *path);
/* The agent's side: the next path into `ret` (WIRE_PATH_MAX + 1 bytes), 1; 0 when there is none. Does not wait. */
int wire_next_path(int socket, char *ret);
void wire_answer_file(int socket, int fd, int errnum);

/* One page shared with the agent (a memfd at WIRE_PAGE_FD). The worker writes what it is about to
 * call before each call into a plugin; the agent reads it after a death and blames the right one.
 * Both sides treat the other's bytes as hostile: fixed sizes, always terminated by the reader. */
struct wire_page {
	volatile int32_t cancel;  /* 1 = the order at hand shall stop; for plugins to look at */
	volatile uint32_t signal; /* written by the worker's crash handler */
	volatile uint64_t calls;  /* into plugins, of the order at hand */
	char plugin[64];          /* id, "" = none is running */
	char function[32];        /* "next", "build_add", … */
	char last_plugin[64];     /* of the last call that has come back: a suspect when something breaks later */
	char last_function[32];
	uint32_t n_held; /* bytes of whole frames that the worker has not sent yet */
	char held[WIRE_HELD_MAX];
};

/* The worker: 1, and the frames are kept in the page; 0: there is no room. Sends what is kept, and forgets it then: who
 * dies in between has it sent twice, and the second time the order is not at hand any more. */
int wire_hold(struct wire_page *page, const struct buf *frames);
int wire_flush(int fd, struct wire_page *page, struct err *err);
/* The agent, when the worker is dead: what it had kept goes to the end of `ret`. */
void wire_take_held(const struct wire_page *page, struct buf *ret);

#endif
