/* SPDX-License-Identifier: Apache-2.0 */
#include "parallel.h"

struct parallel_outcome {
	orasi_status status;
	orasi_error err;
};

void parallel_init(struct parallel *p, const orasi_host *host)
{
	memset(p, 0, sizeof(*p));
	p->host = host;
	p->pool = host && host->get_extension ? host->get_extension(host, ORASI_HOST_POOL) : NULL;
	if (p->pool && p->pool->width(host) < 2)
		p->pool = NULL;
	pthread_mutex_init(&p->lock, NULL);
}

void parallel_done(struct parallel *p)
{
	pthread_mutex_destroy(&p->lock);
	free(p->outcomes);
	p->outcomes = NULL;
	p->n_outcomes = 0;
}

/* ---- the source -------------------------------------------------------------------------------- */

static orasi_status shared_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got,
                                 orasi_error *err)
{
	struct parallel *p = source->ctx;
	orasi_status r;

	pthread_mutex_lock(&p->lock);
	r = p->inner->pread(p->inner, off, buf, len, got, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

/* Only pread is used. */
orasi_source *parallel_share(struct parallel *p, orasi_source *source)
{
	if (!p->pool || !source->pread)
		return source;
	p->inner = source;
	p->source = *source;
	p->source.ctx = p;
	p->source.read = NULL;
	p->source.pread = shared_pread;
	return &p->source;
}

/* ---- the work ---------------------------------------------------------------------------------- */

struct work {
	struct parallel *parallel;
	orasi_status (*fn)(void *ctx, uint32_t i, orasi_error *err);
	void *ctx;
};

static void do_one(void *arg, uint32_t i)
{
	struct work *work = arg;
	struct parallel_outcome *outcome = &work->parallel->outcomes[i];

	outcome->err.struct_size = sizeof(outcome->err);
	outcome->err.message[0] = '\0';
	outcome->status = work->fn(work->ctx, i, &outcome->err);
}

static orasi_status one_by_one(uint32_t n, orasi_status (*fn)(void *ctx, uint32_t i, orasi_error *err), void *ctx,
                               orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (uint32_t i = 0; i < n && !r; i++)
		r = fn(ctx, i, err);
	return r;
}

static int make_room(struct parallel *p, uint32_t n)
{
	struct parallel_outcome *more;

	if (n <= p->n_outcomes)
		return 0;
	more = realloc(p->outcomes, n * sizeof(*more));
	if (!more)
		return -1;
	p->outcomes = more;
	p->n_outcomes = n;
	return 0;
}

orasi_status parallel_each(struct parallel *p, uint32_t n, int many,
                           orasi_status (*fn)(void *ctx, uint32_t i, orasi_error *err), void *ctx, orasi_error *err)
{
	struct work work = {p, fn, ctx};

	if (!p->pool || !many || n < 2 || make_room(p, n))
		return one_by_one(n, fn, ctx, err);
	p->pool->parallel_for(p->host, n, do_one, &work);
	for (uint32_t i = 0; i < n; i++) {
		if (!p->outcomes[i].status)
			continue;
		if (err)
			memcpy(err->message, p->outcomes[i].err.message, sizeof(err->message));
		return p->outcomes[i].status;
	}
	return ORASI_OK;
}
