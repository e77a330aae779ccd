/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker may do is settled when it starts (worker/sandbox.h), and an order goes to one that may do enough:
 *
 *   rights   what the order's plugin asks for and the operator granted; a worker has exactly these
 *   places   datasets outside of the data folder; a worker knows those there were when it started
 *   strangers plugins that did not come with the agent and were let into it: none that the order does not call itself
 *   far      datasets on S3 need the network, and the keys where they may stand in files: so have then all plugins
 *            of the order
 *   http     no plugin has sockets for it: it asks, and a worker that runs no plugin makes the request (fetch.c)
 *   files    sources of an ingest: the worker asks for one by its path, and it is opened here if the order names it
 *   environ  keys and passwords stand in it: a worker that runs plugins sees what is harmless, unless it has the network
 *
 * A worker that does not fit is replaced. */
#include "supervise/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "plugin/plugin.h"

#define PLACES_MAX 64
#define RIGHT_NET 1u /* worker/sandbox.h */

static const char *const modes[] = {"off", "log", "enforce"};

/* ---- rights and strangers ------------------------------------------------------------------------- */

static void add_plugin(void *ctx, const char *kind, const char *id_or_name)
{
	struct order *order = ctx;
	const struct plugin_registry *plugins = order->sup->env.plugins;

	order->rights |= plugin_rights(plugins, kind, id_or_name);
	strangers_add(&order->strangers, plugin_stranger(plugins, kind, id_or_name));
}

/* ---- places --------------------------------------------------------------------------------------- */

static int is_far(const char *location)
{
	return location && str_starts(location, "s3://");
}

static unsigned far_rights(const struct order *order)
{
	const struct json *datasets = json_get(order->json, "datasets");
	unsigned rights = is_far(json_str(json_pointer(order->json, "/dataset/location"), NULL)) ? RIGHT_NET : 0;

	for (size_t i = 0; i < json_count(datasets); i++)
		if (is_far(json_get_str(json_at(datasets, i), "location", NULL)))
			rights |= RIGHT_NET;
	return rights;
}

static int is_ours(const struct supervise *sup, const char *path)
{
	size_t n = strlen(sup->env.data_dir);

	return str_starts(path, sup->env.data_dir) && str_starts(path + n, "/datasets/");
}

/* How many places a worker must know to know this one. */
static size_t note_place(struct supervise *sup, const char *path)
{
	char **grown;

	if (!path || !*path || is_far(path) || is_ours(sup, path))
		return 0;
	for (size_t i = 0; i < sup->n_places; i++)
		if (!strcmp(sup->places[i], path))
			return i + 1;
	grown = sup->n_places < PLACES_MAX ? realloc(sup->places, (sup->n_places + 1) * sizeof(*grown)) : NULL;
	if (!grown) {
		log_warn("worker.places", LOG_STR("path", path),
		         LOG_STR("error", "too many datasets outside of the data folder: "
		                          "workers cannot read this one (workers.sandbox)"));
		return 0;
	}
	sup->places = grown;
	grown[sup->n_places] = strdup(path);
	return grown[sup->n_places] ? ++sup->n_places : 0;
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t places_of(const struct order *order)
{
	const struct json *datasets = json_get(order->json, "datasets");
	size_t n = note_place(order->sup, json_str(json_pointer(order->json, "/dataset/location"), NULL));

	n = most(n, note_place(order->sup, json_str(json_pointer(order->json, "/rejects/location"), NULL)));
	for (size_t i = 0; i < json_count(datasets); i++)
		n = most(n, note_place(order->sup, json_get_str(json_at(datasets, i), "location", NULL)));
	return n;
}

static void settle(struct order *order)
{
	const char *kind, *own = naming_own(order, &kind);

	if (own) {
		add_plugin(order, kind, own);
		return;
	}
	naming_each(order, add_plugin, order);
	if (naming_asks_all(order))
		strangers_add_formats(order);
	order->rights |= far_rights(order);
	order->places = places_of(order);
}

void confine_order(struct order *order)
{
	order->plugins_mark = plugin_orders_mark(order->sup->env.plugins);
	order->rights = order->role == ROLE_FETCH ? RIGHT_NET : 0;
	if (order->role != ROLE_TASK && order->role != ROLE_QUERY)
		return;
	order->strangers.n = 0;
	settle(order);
	strangers_tell(order);
}

int confine_fits(const struct process *process, const struct order *order)
{
	return process->rights == order->rights && process->places >= order->places &&
	       strangers_fit(&process->strangers, &order->strangers);
}

void confine_done(struct supervise *sup)
{
	for (size_t i = 0; i < sup->n_places; i++)
		free(sup->places[i]);
	free(sup->places);
	strangers_done(sup);
}

/* ---- arguments ------------------------------------------------------------------------------------ */

/* Where the keys of S3 may stand (blob/credentials.h). A path that is not there is no harm. */
static const char *keys_folder(void)
{
	static char path[4096];
	const char *set = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");

	if (set && *set)
		snprintf(path, sizeof(path), "%s", set);
	else
		snprintf(path, sizeof(path), "%s/.aws", home ? home : "");
	return path;
}

size_t confine_arguments(struct process *process, const char *disk, const char **argv)
{
	static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
	const struct supervise *sup = process->sup;
	size_t n = 0;

	snprintf(process->abi_minor, sizeof(process->abi_minor), "%u", plugin_abi_minor());
	argv[n++] = "--abi-minor";
	argv[n++] = process->abi_minor;
	/* These are ours from end to end, and write where datasets are and exports go. */
	argv[n++] = "--sandbox";
	argv[n++] = process->role == ROLE_TABLE || process->role == ROLE_PLACE ? "off" : modes[sup->config->sandbox];
	argv[n++] = "--rights";
	argv[n++] = numbers[process->rights & 7];
	argv[n++] = "--data";
	argv[n++] = sup->env.data_dir;
	if (process->staging) {
		argv[n++] = "--staging";
		argv[n++] = process->staging;
	}
	if (process->staging && (process->role == ROLE_TASK || process->role == ROLE_QUERY)) {
		argv[n++] = "--disk";
		argv[n++] = disk;
	}
	if ((process->rights & RIGHT_NET) && process->role != ROLE_FETCH) {
		argv[n++] = "--read";
		argv[n++] = keys_folder();
	}
	for (size_t i = 0; i < process->places; i++) {
		argv[n++] = "--read";
		argv[n++] = sup->places[i];
	}
	return n;
}

/* ---- environment ---------------------------------------------------------------------------------- */

/* Whole names, or beginnings that end in '*'. */
static const char *const harmless[] = {
	"PATH",         "HOME",         "USER",         "LOGNAME",      "LANG",           "LANGUAGE", "LC_*",
	"TZ",           "TMPDIR",       "LD_*",         "MALLOC_*",     "GLIBC_TUNABLES", "OMP_*",    "RUST_BACKTRACE",
	"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

static int is_harmless(const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		size_t have = strlen(harmless[i]);

		if (harmless[i][have - 1] == '*' ? n >= have && !strncmp(variable, harmless[i], have - 1)
		                                 : n == have && !strncmp(variable, harmless[i], n))
			return 1;
	}
	return 0;
}

int confine_environment(const struct process *process, const char ***ret, struct err *err)
{
	size_t n = 0, kept = 0;

	*ret = NULL;
	if (process->role == ROLE_TABLE || process->role == ROLE_PLACE || (process->rights & RIGHT_NET))
		return 0;
	while (environ[n])
		n++;
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (is_harmless(environ[i]))
			(*ret)[kept++] = environ[i];
	return 0;
}

/* ---- files ---------------------------------------------------------------------------------------- */

static int is_named(const struct order *order, const char *path)
{
	const struct json *uris = order ? json_pointer(order->json, "/spec/source/uris") : NULL;

	for (size_t i = 0; i < json_count(uris); i++)
		if (!strcmp(json_str(json_at(uris, i), ""), path))
			return 1;
	return 0;
}

static void on_path(void *ctx)
{
	struct process *process = ctx;
	char path[WIRE_PATH_MAX + 1];
	int fd;

	if (!wire_next_path(process->files_fd, path)) {
		loop_watch_free(process->file_watch); /* it has closed its end */
		process->file_watch = NULL;
		return;
	}
	fd = is_named(process->order, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	wire_answer_file(process->files_fd, fd, fd >= 0 ? 0 : is_named(process->order, path) ? errno : EACCES);
	if (fd >= 0)
		close(fd);
}

int confine_watch(struct process *process, struct err *err)
{
	return loop_watch_new(process->sup->env.loop, process->files_fd, on_path, process, &process->file_watch, err);
}
