/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables and their copy in RAM. An entry is one allocation with its strings behind it; a change makes
 * a new entry, writes it, and swaps it in when it is durable. */
#include "catalog/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "store/store.h"

struct catalog {
	struct store *store;
	struct map datasets; /* name → struct entry */
	struct map indexes;  /* "dataset/name" → struct entry */
};

struct entry {
	struct arena arena;
	struct catalog_dataset dataset;
	struct catalog_index index;
};

struct change {
	struct catalog *catalog;
	struct entry *entry;  /* to swap in, or NULL */
	char *dataset, *name; /* to drop; name NULL = the whole dataset */
	catalog_done_fn on_done;
	void *ctx;
};

static const char dataset_put[] = "INSERT OR REPLACE INTO dataset VALUES (?1,?2,?3,?4,?5,?6,?7,?8)";
static const char dataset_del[] = "DELETE FROM dataset WHERE name = ?1";
static const char dataset_all[] = "SELECT name, location, created_at, updated_at, version, rows, bytes, files"
				  " FROM dataset";
static const char index_put[] = "INSERT OR REPLACE INTO dataset_index VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)";
static const char index_del[] = "DELETE FROM dataset_index WHERE dataset = ?1 AND (?2 IS NULL OR name = ?2)";
static const char index_all[] = "SELECT dataset, name, plugin, columns, options, created_at, updated_at,"
				" generation, rows, bytes, segments FROM dataset_index";

/* ---- entries ------------------------------------------------------------------------------------- */

static struct entry *entry_new(void)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry)
		arena_init(&entry->arena);
	return entry;
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	arena_done(&entry->arena);
	free(entry);
}

static struct entry *dataset_entry(const struct catalog_dataset *from)
{
	struct entry *entry = entry_new();

	if (!entry)
		return NULL;
	entry->dataset = *from;
	entry->dataset.name = arena_str(&entry->arena, from->name);
	entry->dataset.location = arena_str(&entry->arena, from->location);
	return entry;
}

static struct entry *index_entry(const struct catalog_index *from)
{
	struct entry *entry = entry_new();

	if (!entry)
		return NULL;
	entry->index = *from;
	entry->index.dataset = arena_str(&entry->arena, from->dataset);
	entry->index.name = arena_str(&entry->arena, from->name);
	entry->index.plugin = arena_str(&entry->arena, from->plugin);
	entry->index.columns = arena_str(&entry->arena, from->columns);
	entry->index.options = arena_str(&entry->arena, from->options);
	return entry;
}

static void index_key(const char *dataset, const char *name, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/%s", dataset, name);
}

static void swap_in(struct catalog *catalog, struct entry *entry)
{
	struct map *map = entry->index.name ? &catalog->indexes : &catalog->datasets;
	char key[320];

	if (entry->index.name)
		index_key(entry->index.dataset, entry->index.name, key, sizeof(key));
	else
		snprintf(key, sizeof(key), "%s", entry->dataset.name);
	entry_free(map_del(map, key));
	if (map_set(map, key, entry))
		entry_free(entry); /* durable all the same: the next start finds it */
}

/* ---- open ----------------------------------------------------------------------------------------- */

static int load_datasets(struct catalog *catalog, struct err *err)
{
	struct store_stmt *s;
	int r = store_begin(store_reader(catalog->store), dataset_all, &s, err);

	if (r)
		return r;
	while ((r = store_step(s, err)) > 0) {
		struct catalog_dataset d = {store_text(s, 0), store_text(s, 1), store_int(s, 2), store_int(s, 3),
		                            store_int(s, 4),  store_int(s, 5),  store_int(s, 6), store_int(s, 7)};
		struct entry *entry = dataset_entry(&d);

		if (entry)
			swap_in(catalog, entry);
	}
	store_end(s);
	return r;
}

static int load_indexes(struct catalog *catalog, struct err *err)
{
	struct store_stmt *s;
	int r = store_begin(store_reader(catalog->store), index_all, &s, err);

	if (r)
		return r;
	while ((r = store_step(s, err)) > 0) {
		struct catalog_index i = {store_text(s, 0), store_text(s, 1), store_text(s, 2), store_text(s, 3),
		                          store_text(s, 4), store_int(s, 5),  store_int(s, 6),  store_int(s, 7),
		                          store_int(s, 8),  store_int(s, 9),  store_int(s, 10)};
		struct entry *entry = index_entry(&i);

		if (entry)
			swap_in(catalog, entry);
	}
	store_end(s);
	return r;
}

int catalog_open(struct store *store, struct catalog **ret, struct err *err)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	int r;

	if (!catalog)
		return err_set(err, ERR_NOMEM, "out of memory");
	catalog->store = store;
	map_init(&catalog->datasets);
	map_init(&catalog->indexes);
	r = load_datasets(catalog, err);
	if (!r)
		r = load_indexes(catalog, err);
	if (r) {
		catalog_close(catalog);
		return r;
	}
	*ret = catalog;
	return 0;
}

static void free_all(struct map *map)
{
	const char *key;
	size_t at = 0;
	void *entry;

	while (map_next(map, &at, &key, &entry))
		entry_free(entry);
	map_done(map);
}

void catalog_close(struct catalog *catalog)
{
	if (!catalog)
		return;
	free_all(&catalog->datasets);
	free_all(&catalog->indexes);
	free(catalog);
}

/* ---- reading --------------------------------------------------------------------------------------- */

const struct catalog_dataset *catalog_dataset(const struct catalog *catalog, const char *name)
{
	struct entry *entry = map_get(&catalog->datasets, name);

	return entry ? &entry->dataset : NULL;
}

/* Tables and functions that SQLite has under these names whatever else there is. */
static int is_of_sqlite(const char *name)
{
	return !strncasecmp(name, "sqlite_", 7) || !strncasecmp(name, "pragma_", 7) || !strcasecmp(name, "json_each") ||
	       !strcasecmp(name, "json_tree");
}

int catalog_check_name(const struct catalog *catalog, const char *name, struct err *err)
{
	const char *known;
	size_t at = 0;
	void *entry;

	if (map_get(&catalog->datasets, name))
		return 0;
	if (is_of_sqlite(name))
		return err_set(err, ERR_INVALID, "'%.128s' is a name that SQLite keeps for itself: choose another",
		               name);
	while (map_next(&catalog->datasets, &at, &known, &entry))
		if (!strcasecmp(known, name))
			return err_set(
				err, ERR_INVALID,
				"'%.128s' differs from the dataset '%.128s' in case only, and SQL would not tell them "
				"apart: write it the same way, or choose another name",
				name, known);
	return 0;
}

const struct catalog_index *catalog_index(const struct catalog *catalog, const char *dataset, const char *name)
{
	struct entry *entry;
	char key[320];

	index_key(dataset, name, key, sizeof(key));
	entry = map_get(&catalog->indexes, key);
	return entry ? &entry->index : NULL;
}

static int by_dataset_name(const void *a, const void *b)
{
	const struct catalog_dataset *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int by_index_name(const void *a, const void *b)
{
	const struct catalog_index *const *x = a, *const *y = b;
	int r = strcmp((*x)->dataset, (*y)->dataset);

	return r ? r : strcmp((*x)->name, (*y)->name);
}

int catalog_datasets(const struct catalog *catalog, struct arena *arena, const struct catalog_dataset ***ret,
                     size_t *ret_n)
{
	const struct catalog_dataset **list = arena_alloc(arena, (catalog->datasets.len + 1) * sizeof(*list));
	size_t at = 0, n = 0;
	const char *key;
	void *entry;

	if (!list)
		return ERR_NOMEM;
	while (map_next(&catalog->datasets, &at, &key, &entry))
		list[n++] = &((struct entry *)entry)->dataset;
	if (n)
		qsort(list, n, sizeof(*list), by_dataset_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

int catalog_indexes(const struct catalog *catalog, const char *dataset, struct arena *arena,
                    const struct catalog_index ***ret, size_t *ret_n)
{
	const struct catalog_index **list = arena_alloc(arena, (catalog->indexes.len + 1) * sizeof(*list));
	size_t at = 0, n = 0;
	const char *key;
	void *entry;

	if (!list)
		return ERR_NOMEM;
	while (map_next(&catalog->indexes, &at, &key, &entry)) {
		const struct catalog_index *index = &((struct entry *)entry)->index;

		if (!dataset || !strcmp(dataset, index->dataset))
			list[n++] = index;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_index_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------------- */

static int put_write(struct store_db *db, void *arg, struct err *err)
{
	const struct change *change = arg;
	const struct catalog_dataset *d = &change->entry->dataset;
	const struct catalog_index *i = &change->entry->index;

	if (i->name)
		return store_run(db, err, index_put, "sssssiiiiii", i->dataset, i->name, i->plugin, i->columns,
		                 i->options, i->created_at, i->updated_at, i->generation, i->rows, i->bytes,
		                 i->segments);
	return store_run(db, err, dataset_put, "ssiiiiii", d->name, d->location, d->created_at, d->updated_at,
	                 d->version, d->rows, d->bytes, d->files);
}

static int drop_write(struct store_db *db, void *arg, struct err *err)
{
	const struct change *change = arg;
	int r = store_run(db, err, index_del, "ss", change->dataset, change->name);

	return r || change->name ? r : store_run(db, err, dataset_del, "s", change->dataset);
}

static void change_end(struct change *change, int r, const struct err *err)
{
	if (change->on_done)
		change->on_done(change->ctx, r, err);
	free(change->dataset);
	free(change->name);
	free(change);
}

static void put_done(void *arg, int r, const struct err *err)
{
	struct change *change = arg;

	if (r)
		entry_free(change->entry);
	else
		swap_in(change->catalog, change->entry);
	change_end(change, r, err);
}

static void forget_index(struct catalog *catalog, const char *dataset, const char *name)
{
	char key[320];

	index_key(dataset, name, key, sizeof(key));
	entry_free(map_del(&catalog->indexes, key));
}

static void forget_dataset(struct catalog *catalog, const char *dataset)
{
	const struct catalog_index **indexes;
	struct arena arena;
	size_t n = 0;

	arena_init(&arena);
	if (!catalog_indexes(catalog, dataset, &arena, &indexes, &n))
		for (size_t i = 0; i < n; i++)
			forget_index(catalog, dataset, indexes[i]->name);
	arena_done(&arena);
	entry_free(map_del(&catalog->datasets, dataset));
}

static void drop_done(void *arg, int r, const struct err *err)
{
	struct change *change = arg;

	if (!r && change->name)
		forget_index(change->catalog, change->dataset, change->name);
	else if (!r)
		forget_dataset(change->catalog, change->dataset);
	change_end(change, r, err);
}

static int put_entry(struct catalog *catalog, struct entry *entry, catalog_done_fn on_done, void *ctx)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!entry || !change) {
		entry_free(entry);
		free(change);
		return ERR_NOMEM;
	}
	*change = (struct change){catalog, entry, NULL, NULL, on_done, ctx};
	if (!store_write(catalog->store, put_write, put_done, change))
		return 0;
	entry_free(entry);
	free(change);
	return ERR_NOMEM;
}

int catalog_put_dataset(struct catalog *catalog, const struct catalog_dataset *dataset, catalog_done_fn on_done,
                        void *ctx)
{
	return put_entry(catalog, dataset_entry(dataset), on_done, ctx);
}

int catalog_put_index(struct catalog *catalog, const struct catalog_index *index, catalog_done_fn on_done, void *ctx)
{
	return put_entry(catalog, index_entry(index), on_done, ctx);
}

static int drop(struct catalog *catalog, const char *dataset, const char *name, catalog_done_fn on_done, void *ctx)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return ERR_NOMEM;
	*change = (struct change){catalog, NULL, strdup(dataset), name ? strdup(name) : NULL, on_done, ctx};
	if (change->dataset && (!name || change->name) && !store_write(catalog->store, drop_write, drop_done, change))
		return 0;
	free(change->dataset);
	free(change->name);
	free(change);
	return ERR_NOMEM;
}

int catalog_drop_dataset(struct catalog *catalog, const char *name, catalog_done_fn on_done, void *ctx)
{
	return catalog_dataset(catalog, name) ? drop(catalog, name, NULL, on_done, ctx) : ERR_NOTFOUND;
}

int catalog_drop_index(struct catalog *catalog, const char *dataset, const char *name, catalog_done_fn on_done,
                       void *ctx)
{
	return catalog_index(catalog, dataset, name) ? drop(catalog, dataset, name, on_done, ctx) : ERR_NOTFOUND;
}
