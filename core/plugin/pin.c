/* SPDX-License-Identifier: Apache-2.0 */
/* Pins: the operator holds a bundle to one generation. Newer ones are judged and wait, "held". A pin outlives the agent:
 * its generation comes back from the copies, also when the file that it came from has other content by then. It holds
 * as long as that generation is in use and its file has not been removed. */
#include "plugin/registry.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

static void pins_path(const struct plugin_registry *reg, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/pins.json", reg->state_dir);
}

static int save_pins(const struct plugin_registry *reg, struct err *err)
{
	const char *text = json_text(reg->pins);
	char path[PATH_MAX + 16];

	pins_path(reg, path, sizeof(path));
	return file_replace(path, text, strlen(text), err);
}

const struct file *registry_pinned(const struct plugin_registry *reg, const char *bundle)
{
	const char *sha = json_get_str(json_get(reg->pins, bundle), "sha256", NULL);

	list_each (item, (struct list *)&reg->files) {
		const struct file *file = list_entry(item, struct file, link);

		if (sha && file->state == STATE_ACTIVE && !strcmp(file->sha, sha) &&
		    !strcmp(file->note.bundle_id, bundle))
			return file;
	}
	return NULL;
}

/* ---- at the start ------------------------------------------------------------------------------------------------ */

/* The copy is judged like any file: its note, its version, its trust. */
static int bring_back(struct plugin_registry *reg, struct file *file, struct err *err)
{
	struct buf bytes;
	int r = plugin_note_read(file->cas, &file->note, err);

	if (!r)
		r = plugin_version_check(&file->note, err);
	buf_init(&bytes, 0);
	if (!r)
		r = file_read(file->cas, 1u << 30, &bytes, err);
	if (!r)
		r = registry_check_trust(reg, file, &bytes, err);
	buf_done(&bytes);
	if (!r && !json_get(reg->known, file->sha))
		r = err_set(err, ERR_NOTFOUND, "its description is lost");
	return r;
}

static void load_pin(struct plugin_registry *reg, const char *bundle, const struct json *pin)
{
	const char *path = json_get_str(pin, "path", ""), *sha = json_get_str(pin, "sha256", "");
	struct err err = {0};
	struct file *file = access(path, F_OK) || strlen(sha) != 64 ? NULL : registry_add(reg, path);

	if (!file)
		return;
	str_copy(file->sha, sizeof(file->sha), sha);
	snprintf(file->cas, sizeof(file->cas), "%.*s/cas/%.64s.so", PATH_MAX - 80, reg->state_dir, sha);
	if (bring_back(reg, file, &err)) {
		log_warn("plugin.pin", LOG_STR("bundle", bundle), LOG_STR("error", err.text));
		registry_file_free(file);
		return;
	}
	registry_describe(file, json_copy(json_get(reg->known, sha)));
	registry_activate(reg, file);
	file = registry_add(reg, path); /* what is in the file now is judged like everything else */
	if (file)
		registry_enter(file, STATE_SETTLING, "", "");
}

void registry_load_pins(struct plugin_registry *reg)
{
	char path[PATH_MAX + 16];
	const struct json *pin;
	const char *bundle;
	struct buf text;
	size_t at = 0;

	pins_path(reg, path, sizeof(path));
	buf_init(&text, 0);
	if (file_read(path, 1u << 20, &text, NULL) || json_parse(text.data, text.len, &reg->pins, NULL))
		reg->pins = json_new_object();
	buf_done(&text);
	while (json_each(reg->pins, &at, &bundle, &pin))
		load_pin(reg, bundle, pin);
}

/* ---- by the operator --------------------------------------------------------------------------------------------- */

static int is_of(const struct file *file, const char *bundle_or_id)
{
	return !strcmp(file->note.bundle_id, bundle_or_id) ||
	       (file->description && registry_find_in(file, NULL, bundle_or_id));
}

/* `generation`: its version or the beginning of its hash; "" is the one in use. */
static int is_meant(const struct file *file, const char *generation)
{
	if (!*generation)
		return file->state == STATE_ACTIVE;
	if (file->state != STATE_ACTIVE && file->state != STATE_PREVIOUS && file->state != STATE_HELD)
		return 0;
	return !strcmp(file->note.bundle_version, generation) ||
	       (strlen(generation) >= 8 && str_starts(file->sha, generation));
}

static struct file *find_meant(struct plugin_registry *reg, const char *bundle_or_id, const char *generation)
{
	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (is_of(file, bundle_or_id) && is_meant(file, generation))
			return file;
	}
	return NULL;
}

int plugin_pin(struct plugin_registry *reg, const char *bundle_or_id, const char *generation, struct err *err)
{
	struct file *file = find_meant(reg, bundle_or_id, generation);
	struct json *pin, *before;
	int r;

	if (!file && *generation)
		return err_set(err, ERR_NOTFOUND,
		               "there is no usable generation '%.80s' of the plugin '%.80s': see 'orasi plugin list'",
		               generation, bundle_or_id);
	if (!file)
		return err_set(err, ERR_NOTFOUND, "the plugin '%.80s' is not in use: see 'orasi plugin list'",
		               bundle_or_id);
	pin = json_new_object();
	json_set_str(pin, "sha256", file->sha);
	json_set_str(pin, "version", file->note.bundle_version);
	json_set_str(pin, "path", file->path);
	before = json_copy(reg->pins);
	json_set(reg->pins, file->note.bundle_id, pin);
	r = save_pins(reg, err);
	if (r) {
		json_free(reg->pins);
		reg->pins = before;
		return r;
	}
	json_free(before);
	log_info("plugin.pinned", LOG_STR("bundle", file->note.bundle_id),
	         LOG_STR("version", file->note.bundle_version));
	if (file->state != STATE_ACTIVE)
		registry_activate(reg, file);
	return 0;
}

static struct file *newest_held(struct plugin_registry *reg, const char *bundle)
{
	struct file *found = NULL;

	list_each (item, &reg->files) {
		struct file *file = list_entry(item, struct file, link);

		if (file->state == STATE_HELD && !strcmp(file->note.bundle_id, bundle))
			found = file;
	}
	return found;
}

int plugin_unpin(struct plugin_registry *reg, const char *bundle_or_id, struct err *err)
{
	const struct file *file = find_meant(reg, bundle_or_id, "");
	char bundle[64];
	struct file *held;
	int r;

	str_copy(bundle, sizeof(bundle), file ? file->note.bundle_id : bundle_or_id);
	if (!json_get(reg->pins, bundle))
		return err_set(err, ERR_NOTFOUND, "the plugin '%s' is not pinned", bundle_or_id);
	json_del(reg->pins, bundle);
	r = save_pins(reg, err);
	log_info("plugin.unpinned", LOG_STR("bundle", bundle));
	while ((held = newest_held(reg, bundle))) {
		registry_activate(reg, held);
		if (held->state == STATE_ACTIVE)
			break;
	}
	return r;
}
