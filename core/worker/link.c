/* SPDX-License-Identifier: Apache-2.0 */
/* Who needs news of the agent reads the socket himself, one at a time. Mostly that is the main thread, which waits for an
 * order or for a part to be committed, so that a short order takes no switch of threads. The watcher reads when an order
 * has been worked on for a while, and sleeps when there are none.
 *
 * Orders may be sent ahead: they wait here for those before them. The agent may recall them. While some wait, the ends of
 * those before are sent several at a time: each message wakes somebody. */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"

#define READ_BYTES 65536
#define WATCH_MS 2
#define LOOK_MS 500
#define WATCHES_MAX 10  /* without an order: then it sleeps */
#define HELD_TOGETHER 8 /* ends of quick orders, of the up to 32 that the agent has sent */

struct ahead {
	struct list link;
	struct json *order;
	int64_t number;
};

struct link {
	pthread_t watcher;
	pthread_mutex_t mutex, writing;
	pthread_cond_t changed, begun;
	int reading;   /* somebody is */
	struct buf in; /* his */
	struct list ahead;
	struct json *answer;
	int64_t part_done, credit;
	int64_t number; /* of the order at hand: news of an earlier one comes too late and counts for nothing */
	int busy;       /* with an order */
	int is_asleep, is_dozing; /* the watcher: until it is woken; for some milliseconds */
	uint64_t orders;          /* that have begun */
	struct wire_page *page;
	struct wire_page own; /* without an agent's page, in tests */
	struct buf out;       /* with `writing`, as is the page's `held`: */
	int n_held;           /* so many ends */
};

/* ---- hearing ------------------------------------------------------------------------------------------------------ */

static void keep(struct link *link, struct wire_message *message, int64_t number)
{
	struct ahead *ahead = malloc(sizeof(*ahead));

	if (!ahead)
		_exit(3);
	*ahead = (struct ahead){.order = message->json, .number = number};
	message->json = NULL;
	list_add_tail(&link->ahead, &ahead->link);
}

/* All but the one that the agent takes to be at hand, in their order. It may be about to begin here, whether that of
 * before has just been answered or not: nobody else would do it. */
static void give_back(struct link *link, int64_t at_hand)
{
	struct json *json = json_new_object(), *orders = json_new_array();

	list_each (item, &link->ahead) {
		struct ahead *ahead = list_entry(item, struct ahead, link);

		if (ahead->number == at_hand)
			continue;
		list_del(item);
		json_push(orders, json_new_int(ahead->number));
		json_free(ahead->order);
		free(ahead);
	}
	json_set(json, "orders", orders);
	link_send(link, WIRE_BACK, json);
	json_free(json);
}

static void on_message(struct link *link, struct wire_message *message)
{
	int64_t number = json_get_int(message->json, "order", 0);

	if (message->type == WIRE_ORDER)
		keep(link, message, number);
	else if (message->type == WIRE_RECALL)
		give_back(link, number);
	else if (number != link->number || !link->busy)
		return;
	else if (message->type == WIRE_PART_DONE)
		link->part_done = json_get_int(message->json, "seq", 0);
	else if (message->type == WIRE_CREDIT)
		link->credit += json_get_int(message->json, "bytes", 0);
	else if (message->type == WIRE_CANCEL)
		link->page->cancel = 1;
	else if (message->type == WIRE_ANSWER) {
		json_free(link->answer);
		link->answer = message->json;
		message->json = NULL;
	}
}

static void take_messages(struct link *link)
{
	struct wire_message message;
	struct err err = {0};
	size_t at = 0;
	int r;

	while ((r = wire_take(&link->in, &at, &message, &err)) > 0) {
		on_message(link, &message);
		wire_message_done(&message);
	}
	if (r < 0)
		_exit(3);
	buf_consume(&link->in, at);
}

/* Who sleeps in read(2) keeps open for the agent what a plugin has closed, so the watcher looks at it now and then. */
static int has_come(int patience_ms)
{
	struct pollfd socket = {.fd = WIRE_FD, .events = POLLIN};

	return patience_ms < 0 || poll(&socket, 1, patience_ms) > 0;
}

/* The end of the agent: nobody wants what we do. When a plugin has closed our side, the agent sees that and says so; we
 * leave it the time. */
static void leave(ssize_t n)
{
	if (n < 0 && errno == EBADF)
		sleep(1);
	_exit(0);
}

/* With the mutex, which is free meanwhile: until something has come, or may have. -1: as long as it takes. */
static void hear(struct link *link, int patience_ms)
{
	ssize_t n = 0;
	int come;

	if (link->reading) {
		pthread_cond_wait(&link->changed, &link->mutex);
		return;
	}
	if (buf_reserve(&link->in, READ_BYTES))
		_exit(3);
	link->reading = 1;
	pthread_mutex_unlock(&link->mutex);
	come = has_come(patience_ms);
	if (come)
		n = read(WIRE_FD, link->in.data + link->in.len, READ_BYTES);
	if (come && (!n || (n < 0 && errno != EINTR)))
		leave(n);
	pthread_mutex_lock(&link->mutex);
	link->reading = 0;
	if (n > 0) {
		link->in.len += (size_t)n;
		take_messages(link);
	}
	pthread_cond_broadcast(&link->changed);
}

/* With `writing`: what was said first goes first. */
static void flush(struct link *link)
{
	struct err err;

	link->n_held = 0;
	if (wire_flush(WIRE_FD, link->page, &err))
		_exit(3);
}

/* ---- the watcher ---------------------------------------------------------------------------------------------------- */

static void doze(struct link *link)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WATCH_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	link->is_dozing = 1;
	pthread_cond_timedwait(&link->begun, &link->mutex, &until);
	link->is_dozing = 0;
}

/* Ends that wait for others, and the next order takes longer than anybody thought. With the mutex, which is free
 * meanwhile. */
static void send_held(struct link *link)
{
	pthread_mutex_unlock(&link->mutex);
	pthread_mutex_lock(&link->writing);
	flush(link);
	pthread_mutex_unlock(&link->writing);
	pthread_mutex_lock(&link->mutex);
}

static void *watch_main(void *arg)
{
	struct link *link = arg;
	int quiet = 0;

	pthread_mutex_lock(&link->mutex);
	for (;;) {
		uint64_t seen = link->orders;

		link->is_asleep = quiet >= WATCHES_MAX;
		if (link->is_asleep)
			pthread_cond_wait(&link->begun, &link->mutex);
		else
			doze(link);
		send_held(link);
		quiet = link->busy || link->orders != seen ? 0 : quiet + 1;
		while (link->busy && link->orders == seen)
			hear(link, LOOK_MS);
	}
	return NULL;
}

int link_start(struct link **ret, struct err *err)
{
	struct link *link = calloc(1, sizeof(*link));
	pthread_condattr_t attr;
	void *page;

	if (!link)
		return err_set(err, ERR_NOMEM, "out of memory");
	page = mmap(NULL, sizeof(struct wire_page), PROT_READ | PROT_WRITE, MAP_SHARED, WIRE_PAGE_FD, 0);
	link->page = page == MAP_FAILED ? &link->own : page;
	if (page != MAP_FAILED)
		close(WIRE_PAGE_FD); /* a plugin that writes to any descriptor must not wipe out the blame */
	buf_init(&link->in, WIRE_JSON_MAX * 2);
	buf_init(&link->out, 0);
	list_init(&link->ahead);
	pthread_mutex_init(&link->mutex, NULL);
	pthread_mutex_init(&link->writing, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&link->changed, NULL);
	pthread_cond_init(&link->begun, &attr);
	if (pthread_create(&link->watcher, NULL, watch_main, link)) {
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

/* ---- orders --------------------------------------------------------------------------------------------------------- */

static void clear_page(struct wire_page *page)
{
	memset(page->plugin, 0, sizeof(page->plugin));
	memset(page->last_plugin, 0, sizeof(page->last_plugin));
	page->cancel = 0;
	page->calls = 0;
}

struct json *link_order(struct link *link)
{
	struct ahead *ahead;
	struct json *order;

	pthread_mutex_lock(&link->mutex);
	link->busy = 0;
	while (list_empty(&link->ahead))
		hear(link, -1);
	ahead = list_entry(link->ahead.next, struct ahead, link);
	list_del(&ahead->link);
	order = ahead->order;
	link->number = ahead->number;
	free(ahead);
	clear_page(link->page);
	link->busy = 1;
	link->orders++;
	if (link->is_asleep)
		pthread_cond_signal(&link->begun);
	pthread_mutex_unlock(&link->mutex);
	return order;
}

int link_has_next(struct link *link)
{
	int has;

	pthread_mutex_lock(&link->mutex);
	has = !list_empty(&link->ahead);
	pthread_mutex_unlock(&link->mutex);
	return has;
}

void link_rest(struct link *link)
{
	pthread_mutex_lock(&link->mutex);
	link->busy = 0;
	for (;;)
		hear(link, -1);
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
	flush(link);
	if (wire_send(WIRE_FD, type, json, &err))
		_exit(3);
	pthread_mutex_unlock(&link->writing);
}

/* Not when a plugin has closed the socket, since what is held counts as said. */
static int hold(struct link *link)
{
	int held = fcntl(WIRE_FD, F_GETFD) >= 0 && wire_hold(link->page, &link->out);

	link->n_held += held;
	return held;
}

void link_send_end(struct link *link, enum wire_type type, const struct wire_end *end, const struct json *json)
{
	struct err err;
	int may_wait;

	pthread_mutex_lock(&link->mutex);
	pthread_mutex_lock(&link->writing);
	/* Another order follows, and when the watcher wakes it finds what is held. */
	may_wait = !end->spent && link->is_dozing && !list_empty(&link->ahead);
	pthread_mutex_unlock(&link->mutex);
	buf_clear(&link->out);
	if (wire_put_end(&link->out, type, end, json, &err))
		_exit(3);
	if ((may_wait || link->n_held) && hold(link)) {
		if (!may_wait || link->n_held == HELD_TOGETHER)
			flush(link);
	} else {
		flush(link);
		if (wire_send_frames(WIRE_FD, &link->out, &err))
			_exit(3);
	}
	pthread_mutex_unlock(&link->writing);
}

static int wait_for_change(struct link *link, struct err *err)
{
	if (link->page->cancel)
		return err_set(err, ERR_CANCELLED, "the task was cancelled");
	hear(link, -1);
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
		flush(link);
		r = wire_send_data(WIRE_FD, order, at, take, err);
		pthread_mutex_unlock(&link->writing);
		at += take;
		n -= take;
	}
	return r;
}
