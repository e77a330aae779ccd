/* SPDX-License-Identifier: Apache-2.0 */
/* How fast does Apache Avro's own library for C read a file?
 *
 *   avro_peer FILE [rounds]
 *
 * Prints the best of some rounds in GB of the file per CPU second: each record is read into its generic value, and no
 * value is looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#ifdef HAVE_LIBAVRO
#include <avro.h>

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How many records there are, or -1; that it came to the end is for who knows their number to say. */
static long read_all(const char *path)
{
	avro_value_iface_t *iface;
	avro_file_reader_t reader;
	avro_schema_t schema;
	avro_value_t value;
	long n = 0;

	if (avro_file_reader(path, &reader))
		return -1;
	schema = avro_file_reader_get_writer_schema(reader);
	iface = avro_generic_class_from_schema(schema);
	avro_generic_value_new(iface, &value);
	while (!avro_file_reader_read_value(reader, &value)) {
		n++;
		avro_value_reset(&value);
	}
	avro_value_decref(&value);
	avro_value_iface_decref(iface);
	avro_schema_decref(schema);
	avro_file_reader_close(reader);
	return n;
}

int main(int argc, char **argv)
{
	double best = 1e9;
	struct stat st;
	long n = 0;

	if (argc < 2 || stat(argv[1], &st)) {
		fprintf(stderr, "usage: avro_peer FILE [rounds]\n");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : 5); i++) {
		double start = cpu_seconds(), took;

		n = read_all(argv[1]);
		took = cpu_seconds() - start;
		best = took < best ? took : best;
	}
	if (n < 0) {
		fprintf(stderr, "%s\n", avro_strerror());
		return EXIT_FAILURE;
	}
	printf("%ld rows, %.3f CPU s, %.3f GB/s\n", n, best, (double)st.st_size / best / 1e9);
	return EXIT_SUCCESS;
}
#else
int main(void)
{
	fprintf(stderr, "built without Avro's library: apt-get install libavro-dev, and configure again\n");
	return EXIT_FAILURE;
}
#endif
