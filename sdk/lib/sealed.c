/* SPDX-License-Identifier: Apache-2.0 */
#include <orasi/sdk/sealed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

static orasi_status no_memory(orasi_error *err)
{
	if (err)
		snprintf(err->message, sizeof(err->message), "out of memory");
	return ORASI_E_NOMEM;
}

orasi_status sealed_create(struct sealed *s, orasi_store *store, const char *blob, size_t header_size, orasi_error *err)
{
	uint8_t zeros[256] = {0};
	orasi_status r;

	*s = (struct sealed){.header = header_size};
	r = store->create(store, blob, &s->handle, err);
	if (r)
		return r;
	s->store = store;
	for (size_t n; s->at < header_size && !r; s->at += n) {
		n = header_size - s->at < sizeof(zeros) ? header_size - (size_t)s->at : sizeof(zeros);
		r = store->append(store, s->handle, zeros, n, err);
	}
	return r;
}

static orasi_status end_chunk(struct sealed *s, orasi_error *err)
{
	if (s->n_sums == s->cap_sums) {
		uint64_t cap = s->cap_sums ? s->cap_sums * 2 : 64;
		uint32_t *sums = realloc(s->sums, cap * sizeof(*sums));

		if (!sums)
			return no_memory(err);
		s->sums = sums;
		s->cap_sums = cap;
	}
	s->sums[s->n_sums++] = s->crc;
	s->crc = 0;
	s->in_chunk = 0;
	return ORASI_OK;
}

orasi_status sealed_put(struct sealed *s, const void *p, size_t n, orasi_error *err)
{
	orasi_status r = n ? s->store->append(s->store, s->handle, p, n, err) : ORASI_OK;
	const uint8_t *at = p;

	s->at += n;
	while (n && !r) {
		size_t take = SEALED_CHUNK - s->in_chunk < n ? (size_t)(SEALED_CHUNK - s->in_chunk) : n;

		s->crc = crc32c(s->crc, at, take);
		s->in_chunk += take;
		at += take;
		n -= take;
		if (s->in_chunk == SEALED_CHUNK)
			r = end_chunk(s, err);
	}
	return r;
}

orasi_status sealed_align(struct sealed *s, orasi_error *err)
{
	static const uint8_t zeros[8];

	return s->at % 8 ? sealed_put(s, zeros, 8 - s->at % 8, err) : ORASI_OK;
}

orasi_status sealed_sums(struct sealed *s, orasi_error *err)
{
	orasi_status r = s->in_chunk ? end_chunk(s, err) : ORASI_OK;

	return r || !s->n_sums ? r : s->store->append(s->store, s->handle, s->sums, s->n_sums * sizeof(*s->sums), err);
}

uint64_t sealed_size(const struct sealed *s)
{
	return s->at + s->n_sums * sizeof(*s->sums);
}

orasi_status sealed_close(struct sealed *s, const void *header, orasi_error *err)
{
	orasi_status r = s->store->pwrite(s->store, s->handle, 0, header, s->header, err);

	if (!r) {
		r = s->store->close(s->store, s->handle, err);
		s->store = NULL;
	}
	sealed_abort(s);
	return r;
}

void sealed_abort(struct sealed *s)
{
	orasi_error ignored = ORASI_NO_ERROR;

	if (s->store)
		s->store->close(s->store, s->handle, &ignored);
	free(s->sums);
	*s = (struct sealed){0};
}

int64_t sealed_check(const uint8_t *data, uint64_t begin, uint64_t end, const uint32_t *sums, uint64_t n_sums)
{
	uint64_t i = 0;

	for (uint64_t at = begin; at < end; at += SEALED_CHUNK, i++) {
		uint64_t n = end - at < SEALED_CHUNK ? end - at : SEALED_CHUNK;

		if (i >= n_sums || crc32c(0, data + at, n) != sums[i])
			return (int64_t)at;
	}
	return -1;
}
