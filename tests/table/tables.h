/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of tables share. Data files are any bytes: the room moves them and never looks inside. */
#ifndef TESTS_TABLES_H
#define TESTS_TABLES_H

#include "lib/test.h"
#include "table/table.h"

#define ROWS 5 /* of every file */

#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define METADATA                                                                                             \
	"{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":" \
	"\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"," \
	"\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\",\"partitionColumns\":[],\"configuration\":{}}}\n"

struct blob *open_table(const char *name);
void write_file(const char *path, const char *text);
void put_entry(struct blob *blob, int version, const char *text);
/* One column per format: "a:l b:u". */
void make_schema(struct ArrowSchema *ret, const char *columns);
int commit_file(struct blob *blob, const struct table_codec *codec, const char *columns, const char *name,
                const char *app, int64_t txn, struct table_commit *ret, struct err *err);
/* So many files of ROWS rows, all there. */
void assert_table(struct blob *blob, const struct table_codec *codec, int64_t version, size_t files);
void assert_schema(struct blob *blob, const char *columns);

/* parquet.c: a loader with the Parquet plugin of this build, for checkpoints. */
struct loader *tables_loader(void);

#endif
