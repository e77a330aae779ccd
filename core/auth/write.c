/* SPDX-License-Identifier: Apache-2.0 */
/* The file of tokens: changed by `orasi token`. A change is read, made and put in place under a lock beside the file,
 * so that of two changes none is lost; the agent, which takes no lock, sees the file as it was or as it is. Its owner and
 * its mode stay; a new one is the owner's alone, and if root makes it, that of the folder's owner, as whom the agent runs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/inside.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "json/json.h"

static void folder_of(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		strcpy(ret, ".");
	else
		snprintf(ret, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int give_to_owner(int fd, const char *folder, const char *path, struct err *err)
{
	struct stat st;

	if (geteuid() || stat(folder, &st) || !fchown(fd, st.st_uid, st.st_gid))
		return 0;
	return err_errno(err, errno, "cannot give '%s' to the owner of '%s'", path, folder);
}

static int take_over(int fd, const char *path, const char *folder, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return give_to_owner(fd, folder, path, err);
	if (fchmod(fd, st.st_mode & 0740) || (!geteuid() && fchown(fd, st.st_uid, st.st_gid)))
		return err_errno(err, errno, "cannot keep owner and mode of '%s'", path);
	return 0;
}

static int write_new(const char *tmp, const char *path, const char *folder, const char *text, struct err *err)
{
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return err_errno(err, errno, "cannot create '%s'", tmp);
	r = take_over(fd, path, folder, err);
	if (!r)
		r = file_write_all(fd, text, strlen(text), tmp, err);
	if (!r && fsync(fd))
		r = err_errno(err, errno, "cannot sync '%s'", tmp);
	close(fd);
	return r;
}

static int replace(const char *path, const struct json *json, struct err *err)
{
	char folder[PATH_MAX], tmp[PATH_MAX + 64], uuid[UUID_LEN];
	int r;

	folder_of(path, folder);
	uuid_new(uuid);
	snprintf(tmp, sizeof(tmp), "%s/.tmp-%s", folder, uuid);
	r = write_new(tmp, path, folder, json_text_pretty(json), err);
	if (!r && rename(tmp, path))
		r = err_errno(err, errno, "cannot create '%s'", path);
	if (r) {
		unlink(tmp);
		return r;
	}
	return dir_sync(folder, err);
}

/* The descriptor, or an error. */
static int lock(const char *path, struct err *err)
{
	char name[PATH_MAX + 8], folder[PATH_MAX];
	int fd;

	if (strlen(path) >= PATH_MAX - 64)
		return err_set(err, ERR_INVALID, "path '%.100s…' is too long", path);
	folder_of(path, folder);
	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "cannot open '%s'", name);
	if (give_to_owner(fd, folder, name, err) || flock(fd, LOCK_EX)) {
		close(fd);
		return err_errno(err, errno, "cannot lock '%s'", name);
	}
	return fd;
}

static int read_or_new(const char *path, struct json **ret, struct err *err)
{
	int r = auth_file_read(path, ret, err);

	if (r != ERR_NOTFOUND)
		return r;
	*ret = json_new_object();
	json_set(*ret, "tokens", json_new_array());
	return 0;
}

static struct json *verbs_json(unsigned verbs)
{
	struct json *list = json_new_array();

	for (unsigned i = 0; auth_verb_names[i]; i++)
		if (verbs & 1u << i)
			json_push(list, json_new_str(auth_verb_names[i]));
	return list;
}

static int entry_json(const struct auth_entry *entry, char token[AUTH_TOKEN_LEN], struct json **ret, struct err *err)
{
	char id[AUTH_ID_LEN], hex[2 * AUTH_HASH + 1];
	unsigned char hash[AUTH_HASH];
	struct digest *digest = digest_new();
	int r;

	token_make(token, id);
	r = digest ? digest_of(digest, token, hash) : ERR_NOMEM;
	digest_free(digest);
	if (r)
		return err_set(err, r, "cannot hash the token");
	hex_encode(hash, AUTH_HASH, hex);
	*ret = json_new_object();
	json_set_str(*ret, "id", id);
	json_set_str(*ret, "name", entry->name);
	json_set_str(*ret, "sha256", hex);
	json_set_time(*ret, "created_at", clock_wall_ms());
	if (entry->expires_at)
		json_set_time(*ret, "expires_at", entry->expires_at);
	json_set_str(*ret, "tenant", entry->scope.tenant);
	json_set_str(*ret, "queue", entry->scope.queue);
	json_set_str(*ret, "dataset", entry->scope.dataset);
	json_set(*ret, "verbs", verbs_json(entry->scope.verbs));
	return 0;
}

/* What is written must be what is read back. */
static int put_checked(const char *path, const struct json *json, struct err *err)
{
	const char *text = json_text(json);
	struct json *again = NULL;
	int r = auth_file_parse(text, strlen(text), &again, err);

	json_free(again);
	return r ? r : replace(path, json, err);
}

int auth_file_add(const char *path, const struct auth_entry *entry, char ret[AUTH_TOKEN_LEN], struct err *err)
{
	struct json *json = NULL, *added = NULL;
	int fd, r = auth_scope_check(&entry->scope, err);

	if (r)
		return r;
	fd = lock(path, err);
	if (fd < 0)
		return fd;
	r = read_or_new(path, &json, err);
	if (!r)
		r = entry_json(entry, ret, &added, err);
	if (!r) {
		json_push(json_get_mut(json, "tokens"), added);
		r = put_checked(path, json, err);
	}
	json_free(json);
	close(fd);
	return r;
}

static int is_meant(const struct json *entry, const char *which, const char *id)
{
	return str_eq(json_get_str(entry, "id", ""), id) || (!id && str_eq(json_get_str(entry, "name", ""), which));
}

/* All but the one that is meant. */
static int drop(const struct json *tokens, const char *which, char ret_id[AUTH_ID_LEN], struct json *rest,
                struct err *err)
{
	const char *id = !token_split(which, ret_id) ? ret_id : NULL;
	size_t n = 0;

	if (!id && token_id_is_fine(which)) {
		str_copy(ret_id, AUTH_ID_LEN, which);
		for (size_t i = 0; i < json_count(tokens); i++)
			if (str_eq(json_get_str(json_at(tokens, i), "id", ""), which))
				id = ret_id;
	}
	for (size_t i = 0; i < json_count(tokens); i++) {
		const struct json *entry = json_at(tokens, i);

		if (!is_meant(entry, which, id)) {
			json_push(rest, json_copy(entry));
			continue;
		}
		str_copy(ret_id, AUTH_ID_LEN, json_get_str(entry, "id", ""));
		n++;
	}
	if (n > 1)
		return err_set(err, ERR_CONFLICT, "%zu tokens have the name '%.60s': say which by its id", n, which);
	return n ? 0 : err_set(err, ERR_NOTFOUND, "there is no token '%.40s'", id ? id : which);
}

int auth_file_revoke(const char *path, const char *which, char ret_id[AUTH_ID_LEN], struct err *err)
{
	struct json *json = NULL, *rest = json_new_array(), *left = json_new_object();
	int fd = lock(path, err), r = fd < 0 ? fd : auth_file_read(path, &json, err);

	if (!r)
		r = drop(json_get(json, "tokens"), which, ret_id, rest, err);
	json_set(left, "tokens", rest);
	if (!r)
		r = put_checked(path, left, err);
	json_free(left);
	json_free(json);
	if (fd >= 0)
		close(fd);
	return r;
}
