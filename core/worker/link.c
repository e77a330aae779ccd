/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

#define READ_BYTES 65536

struct link {
	pthread_t thread;
	pthread_mutex_t mutex, writing;
	pthread_cond_t changed;
	struct json *order, *answer;
	int64_t part_done, credit;
	int64_t number; /* of the order at hand: news of an earlier one comes too late and counts for nothing */
	struct wire_page *page;
	struct wire_page own; /* without an agent's page, in tests */
};

/* The agent sets the page's flag first, so a message may come a little later, even behind the order's end. */
static void on_message(struct link *link, struct wire_message *message)
{
	int64_t number = json_get_int(message->json, "order", 0);

	pthread_mutex_lock(&link->mutex);
	if (message->type != WIRE_ORDER && number != link->number) {
		pthread_mutex_unlock(&link->mutex);
		return;
	}
	switch (message->type) {
	case WIRE_ORDER:
		link->number = number;
		json_free(link->order);
		link->order = message->json;
		message->json = NULL;
		break;
	case WIRE_PART_DONE:
		link->part_done = json_get_int(message->json, "seq", 0);
		break;
	case WIRE_ANSWER:
		json_free(link->answer);
		link->answer = message->json;
		message->json = NULL;
		break;
	case WIRE_CREDIT:
		link->credit += json_get_int(message->json, "bytes", 0);
		break;
	case WIRE_CANCEL:
		link->page->cancel = 1;
		break;
	default:
		break;
	}
	pthread_cond_broadcast(&link->changed);
	pthread_mutex_unlock(&link->mutex);
}

static void *read_main(void *arg)
{
	struct link *link = arg;
	struct wire_message message;
	struct err err = {0};
	struct buf in;

	buf_init(&in, WIRE_JSON_MAX * 2);
	for (;;) {
		size_t at = 0;
		ssize_t n;
		int r;

		if (buf_reserve(&in, READ_BYTES))
			_exit(3);
		n = read(WIRE_FD, in.data + in.len, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0); /* the agent is gone: nobody wants what we do */
		in.len += (size_t)n;
		while ((r = wire_take(&in, &at, &message, &err)) > 0) {
			on_message(link, &message);
			wire_message_done(&message);
		}
		if (r < 0)
			_exit(3);
		buf_consume(&in, at);
	}
	return NULL;
}

int link_start(struct link **ret, struct err *err)
{
	struct link *link = calloc(1, sizeof(*link));
	void *page;

	if (!link)
		return err_set(err, ERR_NOMEM, "out of memory");
	page = mmap(NULL, sizeof(struct wire_page), PROT_READ | PROT_WRITE, MAP_SHARED, WIRE_PAGE_FD, 0);
	link->page = page == MAP_FAILED ? &link->own : page;
	if (page != MAP_FAILED)
		close(WIRE_PAGE_FD); /* a plugin that writes to any descriptor must not wipe out the blame */
	pthread_mutex_init(&link->mutex, NULL);
	pthread_mutex_init(&link->writing, NULL);
	pthread_cond_init(&link->changed, NULL);
	if (pthread_create(&link->thread, NULL, read_main, link)) {
		free(link);
		return err_set(err, ERR_INTERNAL, "cannot start a thread");
	}
	*ret = link;
	return 0;
}

struct wire_page *link_page(struct link *link)
{
	return link->page;
}

struct json *link_order(struct link *link)
{
	struct json *order;

	pthread_mutex_lock(&link->mutex);
	while (!link->order)
		pthread_cond_wait(&link->changed, &link->mutex);
	order = link->order;
	link->order = NULL;
	pthread_mutex_unlock(&link->mutex);
	return order;
}

void link_reset(struct link *link, int64_t credit)
{
	pthread_mutex_lock(&link->mutex);
	link->part_done = 0;
	link->credit = credit;
	pthread_mutex_unlock(&link->mutex);
}

void link_send(struct link *link, enum wire_type type, const struct json *json)
{
	struct err err;

	pthread_mutex_lock(&link->writing);
	if (wire_send(WIRE_FD, type, json, &err))
		_exit(3);
	pthread_mutex_unlock(&link->writing);
}

static int wait_for_change(struct link *link, struct err *err)
{
	if (link->page->cancel)
		return err_set(err, ERR_CANCELLED, "the task was cancelled");
	pthread_cond_wait(&link->changed, &link->mutex);
	return 0;
}

int link_wait_part(struct link *link, int64_t seq, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&link->mutex);
	while (!r && link->part_done < seq)
		r = wait_for_change(link, err);
	pthread_mutex_unlock(&link->mutex);
	return r;
}

int link_ask(struct link *link, const struct json *ask, int64_t number, struct json **ret, struct err *err)
{
	int r = 0;

	link_send(link, WIRE_ASK, ask);
	pthread_mutex_lock(&link->mutex);
	while (!r && json_get_int(link->answer, "ask", -1) != number)
		r = wait_for_change(link, err);
	if (!r) {
		*ret = link->answer;
		link->answer = NULL;
	}
	pthread_mutex_unlock(&link->mutex);
	return r;
}

static int take_credit(struct link *link, size_t want, size_t *ret, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&link->mutex);
	while (!r && link->credit <= 0)
		r = wait_for_change(link, err);
	*ret = (int64_t)want < link->credit ? want : (size_t)(link->credit > 0 ? link->credit : 0);
	link->credit -= (int64_t)*ret;
	pthread_mutex_unlock(&link->mutex);
	return r;
}

int link_send_data(struct link *link, uint32_t order, const void *p, size_t n, struct err *err)
{
	const char *at = p;
	int r = 0;

	while (n && !r) {
		size_t take;

		r = take_credit(link, n < WIRE_DATA_MAX ? n : WIRE_DATA_MAX, &take, err);
		if (r)
			return r;
		pthread_mutex_lock(&link->writing);
		r = wire_send_data(WIRE_FD, order, at, take, err);
		pthread_mutex_unlock(&link->writing);
		at += take;
		n -= take;
	}
	return r;
}
