/* SPDX-License-Identifier: Apache-2.0 */
/* A file that has settled: its note, its version, a copy under its hash, the operator's trust, and what a scan worker
 * finds in it. */
#include "plugin/registry.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

/* ---- copies by content --------------------------------------------------------------------------------------- */

static int hash_text(const void *p, size_t n, char ret[65])
{
	unsigned char digest[32];
	unsigned len = 0;

	if (!EVP_Digest(p, n, digest, &len, EVP_sha256(), NULL) || len != 32)
		return ERR_INTERNAL;
	hex_encode(digest, 32, ret);
	return 0;
}

/* Judged are the bytes that are copied, so nothing can change in between. */
int registry_check_trust(const struct plugin_registry *reg, struct file *file, const struct buf *bytes, struct err *err)
{
	const struct trust_subject subject = {file->path, file->sha, file->note.bundle_id, bytes->data, bytes->len};
	int r = reg->config.trust == TRUST_OFF ? 0 : trust_check(reg->config.trust_file, &subject, err);

	file->warning[0] = '\0';
	if (!r || reg->config.trust == TRUST_ENFORCE)
		return r;
	str_copy(file->warning, sizeof(file->warning), err->text);
	log_warn("plugin.untrusted", LOG_STR("path", file->path), LOG_STR("reason", err->text));
	return 0;
}

static int take_copy(struct plugin_registry *reg, struct file *file, struct err *err)
{
	char dir[PATH_MAX + 8];
	struct buf bytes;
	int r;

	buf_init(&bytes, 0);
	r = file_read_plain(file->path, 1u << 30, &bytes, err);
	if (!r && hash_text(bytes.data, bytes.len, file->sha))
		r = err_set(err, ERR_INTERNAL, "cannot hash '%s'", file->path);
	snprintf(dir, sizeof(dir), "%s/cas", reg->state_dir);
	if (!r)
		r = dir_make(dir, 0755, err);
	if (!r && (size_t)snprintf(file->cas, sizeof(file->cas), "%s/%s.so", dir, file->sha) >= sizeof(file->cas))
		r = err_set(err, ERR_INVALID, "the path of the data folder is too long");
	if (!r)
		r = registry_check_trust(reg, file, &bytes, err);
	if (!r && access(file->cas, R_OK))
		r = file_replace(file->cas, bytes.data, bytes.len, err);
	buf_done(&bytes);
	return r;
}

void registry_judge(struct plugin_registry *reg, struct file *file)
{
	struct err err = {0};
	const struct json *known;
	int r = plugin_note_read(file->path, &file->note, &err);

	if (r == ERR_NOTFOUND) { /* somebody's library, or gone again */
		registry_file_free(file);
		return;
	}
	if (!r)
		r = plugin_version_check(&file->note, &err);
	if (!r)
		r = take_copy(reg, file, &err);
	if (r) {
		registry_refuse(reg, file, err.text);
		return;
	}
	known = json_get(reg->known, file->sha);
	if (known) {
		registry_describe(file, json_copy(known));
		registry_activate(reg, file);
		return;
	}
	registry_enter(file, STATE_SCANNING, "", "");
	reg->scan(reg->ctx, file->cas);
}

static void save_known(struct plugin_registry *reg)
{
	const char *text = json_text(reg->known);
	char path[PATH_MAX + 32];
	struct err err;

	snprintf(path, sizeof(path), "%s/registry.json", reg->state_dir);
	if (file_replace(path, text, strlen(text), &err))
		log_warn("plugin.registry", LOG_STR("error", err.text));
}

static int check_description(const struct file *file, const struct json *description, struct err *err)
{
	const struct json *plugins = json_get(description, "plugins");

	if (strcmp(json_get_str(description, "bundle", ""), file->note.bundle_id))
		return err_set(err, ERR_PLUGIN, "its note says bundle '%s', its entry '%s'", file->note.bundle_id,
		               json_get_str(description, "bundle", ""));
	if (!json_count(plugins))
		return err_set(err, ERR_PLUGIN, "it describes no plugins");
	for (size_t i = 0; i < json_count(plugins); i++)
		if (plugin_config_schema_check(json_get(json_at(plugins, i), "config_schema"), err))
			return err_prefix(err, "plugin '%s'", json_get_str(json_at(plugins, i), "id", ""));
	return 0;
}

static void take_description(struct plugin_registry *reg, struct file *file, const struct json *description,
                             const struct err *err)
{
	struct err bad = {0};

	reg->scanned++;
	if (!file->present) {
		registry_file_free(file);
	} else if (err->code) {
		registry_refuse(reg, file, err->text);
	} else if (check_description(file, description, &bad)) {
		registry_refuse(reg, file, bad.text);
	} else {
		json_set(reg->known, file->sha, json_copy(description));
		registry_describe(file, json_copy(description));
		registry_activate(reg, file);
		save_known(reg); /* without those that it has made needless */
	}
}

static struct file *find_scanning(struct plugin_registry *reg, const char *cas_path)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_SCANNING && !strcmp(file->cas, cas_path))
			return file;
	}
	return NULL;
}

void plugin_registry_scanned(struct plugin_registry *reg, const char *cas_path, const struct json *description,
                             const struct err *err)
{
	struct file *file;

	while ((file = find_scanning(reg, cas_path)))
		take_description(reg, file, description, err);
}
