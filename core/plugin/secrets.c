/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator lays down for a plugin: <secrets>/<plugin id>/<name>, a file each, readable by the agent's user
 * only. Read for every attempt, so that changing one is enough. Most plugins have none: of those it is known for NONE_MS,
 * since the system is asked for as long as everything else takes that an order of a short task needs. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/registry.h"

#define SECRETS_MAX 64
#define NONE_MS 10

static int is_private(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (!(st.st_mode & (S_IRWXG | S_IRWXO)))
		return 1;
	log_warn("plugin.secret", LOG_STR("path", path),
	         LOG_STR("error", "it can be read by others and is not used: chmod 600"));
	return 0;
}

static void read_one(struct json *own, const char *path, const char *name)
{
	struct buf bytes;
	char *text;

	buf_init(&bytes, 0);
	if (is_private(path) && !file_read_plain(path, SECRET_MAX, &bytes, NULL)) {
		text = malloc(base64_len(bytes.len));
		if (text) {
			base64_encode(bytes.data, bytes.len, text);
			json_set_str(own, name, text);
			free(text);
		}
	}
	buf_done(&bytes);
}

static struct json *read_all(const char *folder, const char *id)
{
	struct json *own, *all;
	char path[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, id);
	dir = *folder && str_is_name(id) ? opendir(path) : NULL;
	if (!dir)
		return NULL;
	own = json_new_object();
	while ((entry = readdir(dir)) && json_count(own) < SECRETS_MAX) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			read_one(own, file, entry->d_name);
	}
	closedir(dir);
	if (!json_count(own)) {
		json_free(own);
		return NULL;
	}
	all = json_new_object();
	json_set(all, id, own);
	return all;
}

struct json *plugin_secrets(struct plugin_registry *reg, const char *id)
{
	struct no_secrets *none = &reg->no_secrets[hash_bytes(HASH_BEGIN, id, strlen(id)) % NO_SECRETS_KEPT];
	int64_t now = clock_mono_ms();
	struct json *all;

	if (!reg->config.secrets || (!strcmp(none->id, id) && now - none->seen_ms < NONE_MS))
		return NULL;
	all = read_all(reg->config.secrets, id);
	if (!all) {
		str_copy(none->id, sizeof(none->id), id);
		none->seen_ms = now;
	}
	return all;
}
