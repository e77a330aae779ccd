/* SPDX-License-Identifier: Apache-2.0 */
/* Files by day, for who reads: each connection to the database keeps a few connections to files beside it, so that
 * every thread has its own. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/inside.h"

struct day_file {
	int64_t day;
	unsigned used; /* the turn of its last use */
	struct store_db db;
};

int store_day_before(struct store_db *db, int64_t day, struct store_day *ret)
{
	return db->shelf && shelf_before(db->shelf, day, ret);
}

int store_day_is_there(struct store_db *db, int64_t day)
{
	char path[PATH_MAX];

	return db->shelf && shelf_has(db->shelf, day) && !shelf_path(db->shelf, day, path, sizeof(path), NULL) &&
	       !access(path, F_OK);
}

static void file_close(struct store_db *db, size_t i)
{
	if (!db->files[i])
		return;
	db_close(&db->files[i]->db);
	free(db->files[i]);
	db->files[i] = NULL;
}

void day_files_close(struct store_db *db)
{
	for (size_t i = 0; i < STORE_DAYS_OPEN; i++)
		file_close(db, i);
}

void store_day_tidy(struct store_db *db)
{
	for (size_t i = 0; i < STORE_DAYS_OPEN; i++)
		if (db->files[i] && (db->files[i]->used <= db->tidied || !shelf_has(db->shelf, db->files[i]->day)))
			file_close(db, i);
	db->tidied = db->turn;
}

/* Where the next file goes: a free place, or that of the one that was used longest ago. */
static size_t make_place(struct store_db *db)
{
	size_t oldest = 0;

	for (size_t i = 0; i < STORE_DAYS_OPEN; i++) {
		if (!db->files[i])
			return i;
		if (db->files[i]->used < db->files[oldest]->used)
			oldest = i;
	}
	file_close(db, oldest);
	return oldest;
}

int day_read_range(struct shelf *shelf, int64_t day, struct store_db *file, struct err *err)
{
	static const char range[] = "SELECT ifnull((SELECT min(id) FROM done), 9223372036854775807),"
				    " ifnull((SELECT max(id) FROM done), 0)";
	struct store_stmt *stmt;
	int r = store_begin(file, range, &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	if (r > 0)
		shelf_learn(shelf, day, store_int(stmt, 0), store_int(stmt, 1));
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* Of a file that the power went while it was made there is nothing to read. */
static int open_to_read(struct shelf *shelf, int64_t day, struct store_db *ret, struct err *err)
{
	char path[PATH_MAX];
	int version = 0, r = shelf_path(shelf, day, path, sizeof(path), err);

	if (r)
		return r;
	if (access(path, F_OK))
		return err_set(err, ERR_NOTFOUND, "there is no file '%s'", path);
	r = db_open(path, 1, ret, err);
	if (r)
		return r;
	r = db_version(ret, &version, err);
	if (!r && !version)
		r = err_set(err, ERR_NOTFOUND, "'%s' is empty", path);
	if (!r && version != day_schema_steps)
		r = err_set(err, ERR_UNSUPPORTED, "'%s' is of version %d, this program knows %d: upgrade it", path,
		            version, day_schema_steps);
	if (!r)
		r = day_read_range(shelf, day, ret, err);
	if (r && r != ERR_NOTFOUND)
		err_prefix(err, "'%s' (restore it from a copy, or move it away)", path);
	if (r)
		db_close(ret);
	return r;
}

int store_day_open(struct store_db *db, int64_t day, struct store_db **ret, struct err *err)
{
	struct day_file *file;
	size_t at;
	int r;

	if (!shelf_has(db->shelf, day))
		return err_set(err, ERR_NOTFOUND, "there is no such file any more");
	for (at = 0; at < STORE_DAYS_OPEN; at++)
		if (db->files[at] && db->files[at]->day == day)
			break;
	if (at == STORE_DAYS_OPEN) {
		file = calloc(1, sizeof(*file));
		if (!file)
			return err_set(err, ERR_NOMEM, "out of memory");
		r = open_to_read(db->shelf, day, &file->db, err);
		if (r) {
			free(file);
			return r;
		}
		file->day = day;
		at = make_place(db);
		db->files[at] = file;
	}
	db->files[at]->used = ++db->turn;
	*ret = &db->files[at]->db;
	return 0;
}
