/* SPDX-License-Identifier: Apache-2.0 */
/* What a host may offer beyond log, job, mem and reject: each as simple as its contract allows, and watchful. Time and
 * chance come from the seed, so that what a plugin does with them can be repeated. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "lab.h"
#include "plugin/kv.h"

static struct lab *lab_of(const orasi_host *host)
{
	return host->ctx;
}

/* ---- blob -------------------------------------------------------------------------------------------------------- */

static orasi_status blob_fail(orasi_error *err, const char *what)
{
	if (err)
		snprintf(err->message, sizeof(err->message), "scratch file: %s", what);
	return ORASI_E_IO;
}

static orasi_status blob_create(const orasi_host *host, uint64_t *ret, orasi_error *err)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	(void)host;
	if (fd < 0)
		return blob_fail(err, strerror(errno));
	*ret = (uint64_t)fd;
	return ORASI_OK;
}

static orasi_status blob_pwrite(const orasi_host *host, uint64_t handle, uint64_t off, const void *p, size_t n,
                                orasi_error *err)
{
	(void)host;
	return pwrite((int)handle, p, n, (off_t)off) == (ssize_t)n ? ORASI_OK : blob_fail(err, "cannot write");
}

static orasi_status blob_pread(const orasi_host *host, uint64_t handle, uint64_t off, void *p, size_t n,
                               orasi_error *err)
{
	(void)host;
	return pread((int)handle, p, n, (off_t)off) == (ssize_t)n ? ORASI_OK : blob_fail(err, "it ends early");
}

static void blob_close(const orasi_host *host, uint64_t handle)
{
	if (close((int)handle))
		lab_of(host)->misuse = "a scratch file was closed twice, or was none";
}

static const orasi_host_blob blob = {sizeof(blob), 0, blob_create, blob_pwrite, blob_pread, blob_close};

/* ---- metrics, trace ---------------------------------------------------------------------------------------------- */

static uint32_t define_metric(const orasi_host *host, uint32_t type, orasi_str name, orasi_str help)
{
	size_t n = 0;

	(void)help;
	while (n < name.len && strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.ptr[n]))
		n++;
	if (!name.len || n < name.len || n > 40 || *name.ptr < 'a' || type < ORASI_METRIC_COUNTER ||
	    type > ORASI_METRIC_GAUGE) {
		lab_of(host)->misuse = "metrics.define was given a name or a type that is not allowed";
		return 0;
	}
	return 1 + (uint32_t)(digest_bytes(0, name.ptr, name.len) % 32);
}

static void add_metric(const orasi_host *host, uint32_t metric, double v)
{
	if (!metric || metric > 32 || v != v)
		lab_of(host)->misuse = "metrics.add was given a metric that was not defined, or no number";
}

static const orasi_host_metrics metrics = {sizeof(metrics), 0, define_metric, add_metric};

static uint64_t begin_span(const orasi_host *host, orasi_str name, uint64_t parent)
{
	(void)parent;
	if (!name.len)
		lab_of(host)->misuse = "a span was begun without a name";
	return __atomic_add_fetch(&lab_of(host)->spans, 1, __ATOMIC_RELAXED);
}

static void end_span(const orasi_host *host, uint64_t span, orasi_status status)
{
	(void)status;
	if (!span || span > __atomic_load_n(&lab_of(host)->spans, __ATOMIC_RELAXED))
		lab_of(host)->misuse = "a span was ended that was never begun";
}

static orasi_str traceparent(const orasi_host *host)
{
	(void)host;
	return ORASI_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

static const orasi_host_trace trace = {sizeof(trace), 0, begin_span, end_span, traceparent};

/* ---- secret, submit ---------------------------------------------------------------------------------------------- */

static orasi_status get_secret(const orasi_host *host, orasi_str name, orasi_bytes *ret)
{
	(void)name, (void)ret;
	lab_must_be_inst(host, "secret.get");
	return ORASI_E_NOTFOUND;
}

static const orasi_host_secret secret = {sizeof(secret), 0, get_secret};

static orasi_status submit_task(const orasi_host *host, orasi_str text, orasi_error *err)
{
	struct json *json = NULL;
	struct err why = {0};
	int armed;

	lab_must_be_inst(host, "submit");
	armed = guard_pause();
	if (json_parse(text.ptr, text.len, &json, &why)) {
		lab_of(host)->misuse = "submit was given text that is no JSON";
		if (err)
			snprintf(err->message, sizeof(err->message), "the task is no JSON: %.300s", why.text);
	}
	json_free(json);
	guard_resume(armed);
	return json ? ORASI_OK : ORASI_E_INVALID;
}

static const orasi_host_submit submit = {sizeof(submit), 0, submit_task};

/* ---- kv: in memory, by the same rules as in a worker --------------------------------------------------------------- */

static struct kv *kv_of(const orasi_host *host, int *ret_armed)
{
	lab_must_be_inst(host, "kv");
	*ret_armed = guard_pause();
	return lab_of(host)->kv;
}

static orasi_status kv_answer(const orasi_host *host, int armed, orasi_status status)
{
	if (status == ORASI_E_INVALID)
		lab_of(host)->misuse = "kv was given a key that is none";
	guard_resume(armed);
	return status;
}

static orasi_status get_kv(const orasi_host *host, orasi_str key, orasi_bytes *ret)
{
	int armed;
	struct kv *kv = kv_of(host, &armed);

	return kv_answer(host, armed, kv_get(kv, key, ret));
}

static orasi_status put_kv(const orasi_host *host, orasi_str key, orasi_bytes value, orasi_error *err)
{
	int armed;
	struct kv *kv = kv_of(host, &armed);

	return kv_answer(host, armed, kv_put(kv, key, value, err));
}

static orasi_status remove_kv(const orasi_host *host, orasi_str key, orasi_error *err)
{
	int armed;
	struct kv *kv = kv_of(host, &armed);

	return kv_answer(host, armed, kv_remove(kv, key, err));
}

static orasi_status next_kv(const orasi_host *host, orasi_str after, orasi_str *ret_key)
{
	int armed;
	struct kv *kv = kv_of(host, &armed);

	return kv_answer(host, armed, kv_next(kv, after, ret_key));
}

static const orasi_host_kv memory_kv = {sizeof(memory_kv), 0, get_kv, put_kv, remove_kv, next_kv};

/* ---- http: somebody is always there, and says nothing ------------------------------------------------------------ */

static orasi_status request_http(const orasi_host *host, const orasi_http_request *request, orasi_http_response *ret,
                                 orasi_error *err)
{
	static const orasi_kv headers[] = {{ORASI_STR("content-type"), ORASI_STR("application/json")}};

	lab_must_be_inst(host, "http.request");
	if (request->url.len < 8 || (memcmp(request->url.ptr, "http://", 7) && memcmp(request->url.ptr, "https://", 8)))
		lab_of(host)->misuse = "http.request was given a URL that is neither http:// nor https://";
	if (request->body.len > 1 << 20 || request->n_headers > 64)
		lab_of(host)->misuse = "http.request was given more than a request may have";
	if (++lab_of(host)->http_asked == lab_of(host)->http_fail_at) {
		if (err)
			snprintf(err->message, sizeof(err->message), "the network of the examination fails");
		return ORASI_E_IO;
	}
	ret->status = 200;
	ret->headers = headers;
	ret->n_headers = 1;
	ret->body = (orasi_bytes){(const uint8_t *)"{}", 2};
	return ORASI_OK;
}

static const orasi_host_http http = {sizeof(http), 0, request_http};

/* ---- clock, random: the same in every run ------------------------------------------------------------------------- */

static int64_t mono_ns(const orasi_host *host)
{
	return __atomic_add_fetch(&lab_of(host)->time_ns, 1000000, __ATOMIC_RELAXED);
}

static int64_t unix_ns(const orasi_host *host)
{
	return 1700000000000000000 + mono_ns(host);
}

static const orasi_host_clock fake_clock = {sizeof(fake_clock), 0, mono_ns, unix_ns};

static uint64_t random_u64(const orasi_host *host)
{
	uint64_t z =
		__atomic_add_fetch(&lab_of(host)->random, 0x9E3779B97F4A7C15ull, __ATOMIC_RELAXED); /* splitmix64 */

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return z ^ z >> 31;
}

static const orasi_host_random fake_random = {sizeof(fake_random), 0, random_u64};

/* ---- pool, thread-check ------------------------------------------------------------------------------------------ */

struct share {
	void (*fn)(void *arg, uint32_t i);
	void *arg;
	uint32_t n, next;
};

static void *work_share(void *p)
{
	struct share *share = p;
	uint32_t i;

	while ((i = __atomic_fetch_add(&share->next, 1, __ATOMIC_RELAXED)) < share->n)
		share->fn(share->arg, i);
	return NULL;
}

static uint32_t pool_width(const orasi_host *host)
{
	(void)host;
	return 2;
}

static void parallel_for(const orasi_host *host, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg)
{
	struct share share = {fn, arg, n, 0};
	int armed = guard_pause(), alone;
	pthread_t thread;

	(void)host;
	alone = pthread_create(&thread, NULL, work_share, &share);
	guard_resume(armed);
	work_share(&share);
	guard_pause();
	if (!alone)
		pthread_join(thread, NULL);
	guard_resume(armed);
}

static const orasi_host_pool pool = {sizeof(pool), 0, pool_width, parallel_for};

static int32_t is_call_thread(const orasi_host *host)
{
	int armed = guard_pause();

	(void)host;
	guard_resume(armed);
	return armed;
}

static const orasi_host_thread_check thread_check = {sizeof(thread_check), 0, is_call_thread};

/* ---- all of them -------------------------------------------------------------------------------------------------- */

const void *lab_offer(const char *id)
{
	static const struct {
		const char *id;
		const void *functions;
	} offers[] = {
		{ORASI_HOST_BLOB, &blob},        {ORASI_HOST_METRICS, &metrics},
		{ORASI_HOST_TRACE, &trace},      {ORASI_HOST_SECRET, &secret},
		{ORASI_HOST_SUBMIT, &submit},    {ORASI_HOST_HTTP, &http},
		{ORASI_HOST_CLOCK, &fake_clock}, {ORASI_HOST_RANDOM, &fake_random},
		{ORASI_HOST_POOL, &pool},        {ORASI_HOST_THREAD_CHECK, &thread_check},
		{ORASI_HOST_KV, &memory_kv},
	};

	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (!strcmp(offers[i].id, id))
			return offers[i].functions;
	return NULL;
}
