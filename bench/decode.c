/* SPDX-License-Identifier: Apache-2.0 */
/* How fast does a file become Arrow batches on one core? Linked with one format plugin each.
 *
 *   json_decode FILE [rounds]
 *   avro_decode FILE [rounds]
 *
 * Prints the best of some rounds in GB of the file per CPU second, from memory, with schema inference
 * and everything else that a task pays for. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <orasi/sdk/arrow.h>

#include "lib/fakehost.h"

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_file(const char *path, char **ret, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	long n;

	if (!file)
		return -1;
	fseek(file, 0, SEEK_END);
	n = ftell(file);
	rewind(file);
	*ret = n < 0 ? NULL : malloc((size_t)n + 1);
	*ret_len = *ret ? fread(*ret, 1, (size_t)n, file) : 0;
	fclose(file);
	return *ret ? 0 : -1;
}

static orasi_status decode(const orasi_ingest_factory *factory, void *self, orasi_source *source, uint64_t *ret_rows,
                           orasi_error *err)
{
	const orasi_ingest_open open = {.struct_size = sizeof(open),
	                                .source = source,
	                                .max_rows = 65536,
	                                .max_bytes = 32 << 20};
	orasi_mark mark = {.struct_size = sizeof(mark)};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	orasi_status status = factory->open(self, &open, &schema, err);

	if (status)
		return status;
	arrow_schema_release(&schema);
	while (!(status = factory->next(self, &batch, &mark, err)))
		arrow_array_release(&batch);
	*ret_rows = mark.rows_total;
	return status == ORASI_END ? factory->close(self, err) : status;
}

static int bench(const char *data, size_t len, int rounds)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();
	const orasi_ingest_factory *factory = entry->get_factory(ORASI_INGEST_FACTORY);
	struct fakehost *fake = fakehost_new();
	struct fakehost_config *config = fakehost_config_new(NULL);
	orasi_error err = ORASI_NO_ERROR;
	double best = 1e9, start, took;
	uint64_t rows = 0;
	void *self = NULL;
	orasi_status status = entry->init(fakehost_host(fake), &err);

	if (!status)
		status = factory->create(fakehost_host(fake), entry->describe(0)->id, fakehost_config(config), &self,
		                         &err);
	for (int i = 0; i < rounds && !status; i++) {
		struct fakehost_source source;

		fakehost_source_init(&source, data, len, 1);
		start = cpu_seconds();
		status = decode(factory, self, &source.source, &rows, &err);
		took = cpu_seconds() - start;
		best = took < best ? took : best;
	}
	if (status)
		fprintf(stderr, "%s\n", err.message);
	else
		printf("%llu rows, %zu rejected, %.3f CPU s, %.3f GB/s\n", (unsigned long long)rows,
		       fakehost_rejects(fake), best, (double)len / best / 1e9);
	factory->destroy(self);
	fakehost_config_free(config);
	fakehost_free(fake);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	char *data;
	size_t len;
	int r;

	if (argc < 2 || read_file(argv[1], &data, &len)) {
		fprintf(stderr, "usage: %s FILE [rounds]\n", argv[0]);
		return EXIT_FAILURE;
	}
	r = bench(data, len, argc > 2 ? atoi(argv[2]) : 5);
	free(data);
	return r;
}
