/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/powercut.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512
#define FILES 256

struct change { /* not synced yet */
	struct change *next;
	sqlite3_int64 at; /* a write at, or with data NULL a truncation to */
	int n;
	unsigned char data[];
};

struct image {
	char path[PATH_MAX];
	int synced_once, is_deleted;
	unsigned char *durable;
	size_t size;
	struct change *first, **last;
};

static struct {
	pthread_mutex_t mutex;
	sqlite3_vfs vfs, *real_vfs;
	struct { /* SQLite has one table for files with locks and one for those without */
		const sqlite3_io_methods *real;
		sqlite3_io_methods ours;
	} tables[4];
	struct image images[FILES];
	int n_images;
	struct {
		sqlite3_file *file;
		struct image *image;
		const sqlite3_io_methods *real;
	} open[FILES];
	long left;
	int happened, is_kill;
	unsigned long long random;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static unsigned dice(unsigned n)
{
	disk.random = disk.random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(disk.random >> 33) % n;
}

/* ---- images ----------------------------------------------------------------------------------- */

/* What was there before is durable. */
static void load(struct image *image)
{
	FILE *file = fopen(image->path, "r");
	long size;

	if (!file)
		return;
	if (fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		abort();
	rewind(file);
	image->durable = malloc((size_t)size + 1);
	if (!image->durable || fread(image->durable, 1, (size_t)size, file) != (size_t)size)
		abort();
	image->size = (size_t)size;
	image->synced_once = 1;
	fclose(file);
}

static struct image *image_of(const char *path)
{
	struct image *image;

	for (int i = 0; i < disk.n_images; i++)
		if (!strcmp(disk.images[i].path, path))
			return &disk.images[i];
	if (disk.n_images == FILES)
		abort();
	image = &disk.images[disk.n_images++];
	memset(image, 0, sizeof(*image));
	snprintf(image->path, sizeof(image->path), "%s", path);
	image->last = &image->first;
	load(image);
	return image;
}

static int slot_of(sqlite3_file *file)
{
	for (int i = 0; i < FILES; i++)
		if (disk.open[i].file == file)
			return i;
	abort();
}

static struct image *image_of_file(sqlite3_file *file)
{
	return disk.open[slot_of(file)].image;
}

static const sqlite3_io_methods *real_of(sqlite3_file *file)
{
	return disk.open[slot_of(file)].real;
}

static void resize(struct image *image, size_t size)
{
	if (size > image->size) {
		image->durable = realloc(image->durable, size);
		if (!image->durable)
			abort();
		memset(image->durable + image->size, 0, size - image->size);
	}
	image->size = size;
}

static void apply(struct image *image, const struct change *change, int torn)
{
	if (change->n < 0) {
		resize(image, (size_t)change->at);
		return;
	}
	if (image->size < (size_t)change->at + (size_t)change->n)
		resize(image, (size_t)change->at + (size_t)change->n);
	for (int at = 0; at < change->n;) {
		int n = SECTOR - (int)((change->at + at) % SECTOR);

		if (n > change->n - at)
			n = change->n - at;
		if (!torn || dice(2))
			memcpy(image->durable + change->at + at, change->data + at, (size_t)n);
		at += n;
	}
}

static void drop_changes(struct image *image)
{
	while (image->first) {
		struct change *change = image->first;

		image->first = change->next;
		free(change);
	}
	image->last = &image->first;
}

static void remember(struct image *image, sqlite3_int64 at, int n, const void *p)
{
	struct change *change = malloc(sizeof(*change) + (size_t)(n > 0 ? n : 0));

	if (!change)
		abort();
	change->next = NULL;
	change->at = at;
	change->n = n;
	if (n > 0)
		memcpy(change->data, p, (size_t)n);
	*image->last = change;
	image->last = &change->next;
}

static void sync_image(struct image *image)
{
	for (struct change *change = image->first; change; change = change->next)
		apply(image, change, 0);
	drop_changes(image);
	image->synced_once = 1;
}

/* ---- the file --------------------------------------------------------------------------------- */

static int is_dead(void)
{
	if (!disk.happened && disk.left-- <= 0)
		disk.happened = 1;
	return disk.happened;
}

static int disk_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	int r;

	pthread_mutex_lock(&disk.mutex);
	if (!disk.happened) /* the one that the cut meets may be there too */
		remember(image_of_file(file), at, n, p);
	r = is_dead() ? SQLITE_IOERR_WRITE : real_of(file)->xWrite(file, p, n, at);
	pthread_mutex_unlock(&disk.mutex);
	return r;
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int r;

	pthread_mutex_lock(&disk.mutex);
	r = is_dead() ? SQLITE_IOERR_TRUNCATE : real_of(file)->xTruncate(file, size);
	if (!r)
		remember(image_of_file(file), size, -1, NULL);
	pthread_mutex_unlock(&disk.mutex);
	return r;
}

static int disk_sync(sqlite3_file *file, int flags)
{
	int r;

	(void)flags; /* the real disk need not be waited for */
	pthread_mutex_lock(&disk.mutex);
	r = is_dead() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
	if (!r)
		sync_image(image_of_file(file));
	pthread_mutex_unlock(&disk.mutex);
	return r;
}

static int disk_close(sqlite3_file *file)
{
	const sqlite3_io_methods *real;

	pthread_mutex_lock(&disk.mutex);
	real = real_of(file);
	disk.open[slot_of(file)].file = NULL;
	pthread_mutex_unlock(&disk.mutex);
	return real->xClose(file);
}

static const sqlite3_io_methods *our_table(const sqlite3_io_methods *real)
{
	int i = 0;

	while (disk.tables[i].real && disk.tables[i].real != real)
		i++;
	disk.tables[i].real = real;
	disk.tables[i].ours = *real;
	disk.tables[i].ours.xWrite = disk_write;
	disk.tables[i].ours.xTruncate = disk_truncate;
	disk.tables[i].ours.xSync = disk_sync;
	disk.tables[i].ours.xClose = disk_close;
	return &disk.tables[i].ours;
}

static int disk_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int r = disk.real_vfs->xOpen(self, name, file, flags, ret_flags), i = 0;

	if (r || !name)
		return r;
	pthread_mutex_lock(&disk.mutex);
	while (disk.open[i].file)
		i++;
	disk.open[i].file = file;
	disk.open[i].image = image_of(name);
	disk.open[i].image->is_deleted = 0;
	disk.open[i].real = file->pMethods;
	file->pMethods = our_table(file->pMethods);
	pthread_mutex_unlock(&disk.mutex);
	return 0;
}

static int disk_delete(sqlite3_vfs *self, const char *name, int sync_dir)
{
	int r = SQLITE_IOERR_DELETE;

	pthread_mutex_lock(&disk.mutex);
	if (!disk.happened) {
		struct image *image = image_of(name);

		drop_changes(image);
		image->size = 0;
		image->synced_once = 0;
		image->is_deleted = 1;
		r = disk.real_vfs->xDelete(self, name, sync_dir);
	}
	pthread_mutex_unlock(&disk.mutex);
	return r;
}

/* ---- the door ---------------------------------------------------------------------------------- */

void powercut_start(unsigned seed)
{
	for (int i = 0; i < disk.n_images; i++) {
		drop_changes(&disk.images[i]);
		free(disk.images[i].durable);
	}
	disk.n_images = 0;
	disk.random = seed * 2654435761ull + 1;
	disk.left = LONG_MAX;
	disk.happened = disk.is_kill = 0;
	if (!disk.real_vfs) {
		disk.real_vfs = sqlite3_vfs_find(NULL);
		disk.vfs = *disk.real_vfs;
		disk.vfs.zName = "powercut";
		disk.vfs.xOpen = disk_open;
		disk.vfs.xDelete = disk_delete;
	}
	sqlite3_vfs_register(&disk.vfs, 1);
}

void powercut_after(int n)
{
	pthread_mutex_lock(&disk.mutex);
	disk.left = n;
	pthread_mutex_unlock(&disk.mutex);
}

void powercut_is_kill(int is_kill)
{
	disk.is_kill = is_kill;
}

int powercut_happened(void)
{
	return disk.happened;
}

static void survive(struct image *image)
{
	FILE *file;

	for (struct change *change = image->first; change; change = change->next)
		if (disk.is_kill || dice(3))
			apply(image, change, !disk.is_kill && dice(2));
	drop_changes(image);
	if (disk.is_kill ? image->is_deleted : !image->synced_once && dice(2)) {
		unlink(image->path);
		return;
	}
	file = fopen(image->path, "w");
	if (!file || (image->size && fwrite(image->durable, 1, image->size, file) != image->size) || fclose(file))
		abort();
}

void powercut_restore(void)
{
	char shm[PATH_MAX + 8];

	for (int i = 0; i < disk.n_images; i++) {
		survive(&disk.images[i]);
		snprintf(shm, sizeof(shm), "%s-shm", disk.images[i].path);
		unlink(shm);
	}
	sqlite3_vfs_register(disk.real_vfs, 1);
}
