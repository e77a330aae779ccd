/* SPDX-License-Identifier: Apache-2.0 */
#include "transform.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/str.h"
#include "plugin/batch.h"

#define STEPS_MAX 16
#define STATE_MAX (64u << 10)

struct step {
	struct transforms *owner;
	size_t place;
	const struct loader_plugin *plugin;
	const char *function; /* that is running */
	struct loader_host host;
	void *self;
	int bound;
	struct ArrowSchema out;
	orasi_sink sink; /* what it pushes into */
	struct err err;  /* why a push was refused */
};

struct transforms {
	struct transforms_env env;
	size_t n;
	struct step steps[STEPS_MAX];
};

static int step_fail(struct step *s, const char *function, orasi_status status, const orasi_error *error,
                     struct err *err)
{
	if (!s->err.code)
		return loader_fail(s->plugin, function, status, error, err);
	if (err)
		*err = s->err; /* the plugin only passed it on */
	return s->err.code;
}

/* ---- pushing ---------------------------------------------------------------------------------------------------- */

static int process(struct step *s, struct ArrowArray *batch, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	const char *before = s->function;
	orasi_status status;

	s->function = "process";
	status = loader_call(s->owner->env.loader, s->plugin, "process",
	                     s->plugin->transform->process(s->self, batch, &s->sink, &error));
	s->function = before;
	return status ? step_fail(s, "process", status, &error, err) : 0;
}

static int pass_on(struct step *s, struct ArrowArray *batch, struct err *err)
{
	struct transforms *t = s->owner;

	if (s->place + 1 < t->n)
		return process(&t->steps[s->place + 1], batch, err);
	return t->env.on_batch(t->env.ctx, batch, err);
}

static orasi_status status_of(int code)
{
	return code == ERR_CANCELLED ? ORASI_E_CANCELLED : ORASI_E_IO;
}

/* Takes the batch over, whatever comes of it. */
static orasi_status on_push(orasi_sink *sink, struct ArrowArray *batch)
{
	struct step *s = sink->ctx;
	struct ArrowArray own = *batch;
	int r = s->err.code;

	batch->release = NULL;
	if (!r)
		r = loader_check_batch(s->owner->env.loader, s->plugin, s->function ? s->function : "push", &s->out,
		                       &own, &s->err);
	if (r) {
		arrow_array_release(&own);
		return status_of(r);
	}
	if (!own.length) {
		arrow_array_release(&own);
		return ORASI_OK;
	}
	r = pass_on(s, &own, &s->err);
	s->err.code = r;
	return r ? status_of(r) : ORASI_OK;
}

int transforms_push(struct transforms *t, struct ArrowArray *batch, struct err *err)
{
	return process(&t->steps[0], batch, err);
}

/* The first gives out what it kept, which may wake the next, and so on. */
int transforms_flush(struct transforms *t, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++) {
		struct step *s = &t->steps[i];
		orasi_error error = ORASI_NO_ERROR;
		orasi_status status;

		if (!s->bound || !s->plugin->transform->flush)
			continue;
		s->function = "flush";
		status = loader_call(t->env.loader, s->plugin, "flush",
		                     s->plugin->transform->flush(s->self, &s->sink, &error));
		s->function = NULL;
		if (status)
			r = step_fail(s, "flush", status, &error, err);
	}
	return r;
}

/* ---- state ------------------------------------------------------------------------------------------------------ */

static int save_step(struct step *s, struct json *states, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_bytes state = {NULL, 0};
	orasi_status status = ORASI_OK;
	struct json *one;
	char *text;

	if (s->plugin->transform->save)
		status = loader_call(s->owner->env.loader, s->plugin, "save",
		                     s->plugin->transform->save(s->self, &state, &error));
	if (status)
		return loader_fail(s->plugin, "save", status, &error, err);
	if (state.len > STATE_MAX || (state.len && !state.ptr))
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' gave a state of %zu bytes in 'save': at most 64 KiB are kept",
		               s->plugin->descriptor->id, state.len);
	text = malloc(base64_len(state.len));
	if (!text)
		return err_set(err, ERR_NOMEM, "out of memory");
	base64_encode(state.ptr, state.len, text);
	one = json_new_object();
	json_set_str(one, "state", text);
	json_set(one, "by", loader_sign_state(s->plugin));
	json_push(states, one);
	free(text);
	return 0;
}

int transforms_save(struct transforms *t, struct json **ret, struct err *err)
{
	struct json *states = json_new_array();
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++)
		r = save_step(&t->steps[i], states, err);
	if (r)
		json_free(states);
	else
		*ret = states;
	return r;
}

/* `saved` as save_step made it; NULL: from the beginning. Before states were signed it was the text alone. */
static int bind_step(struct step *s, const struct ArrowSchema *in, const struct json *saved, struct err *err)
{
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = in};
	orasi_error error = ORASI_NO_ERROR;
	const char *text = json_str(saved, json_get_str(saved, "state", ""));
	size_t n = strlen(text);
	uint8_t *bytes = malloc(n + 1);
	int64_t len = bytes ? base64_decode(text, n, bytes, n) : ERR_NOMEM;
	orasi_status status;

	if (len < 0) {
		free(bytes);
		return err_set(err, ERR_CORRUPT, "the checkpoint of transform '%s' is damaged",
		               s->plugin->descriptor->id);
	}
	if (len && loader_check_state(s->plugin, json_get(saved, "by"), err)) {
		free(bytes);
		return err->code;
	}
	arrow_schema_release(&s->out);
	bind.state = (orasi_bytes){bytes, (size_t)len};
	status = loader_call(s->owner->env.loader, s->plugin, "bind",
	                     s->plugin->transform->bind(s->self, &bind, &s->out, &error));
	free(bytes);
	if (status)
		return loader_fail(s->plugin, "bind", status, &error, err);
	s->bound = 1;
	return loader_check_schema(s->owner->env.loader, s->plugin, "bind", &s->out, err);
}

int transforms_bind(struct transforms *t, const struct ArrowSchema *in, const struct json *states, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++) {
		r = bind_step(&t->steps[i], in, json_at(states, i), err);
		in = &t->steps[i].out;
	}
	return r;
}

const struct ArrowSchema *transforms_schema(const struct transforms *t)
{
	return &t->steps[t->n - 1].out;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static int open_step(struct transforms *t, struct step *s, const struct json *json, struct err *err)
{
	struct loader_config config;
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	int r = loader_find(t->env.loader, "transform", json_get_str(json, "name", ""), &s->plugin, err);

	if (r)
		return r;
	s->sink = (orasi_sink){sizeof(s->sink), 0, s, on_push};
	loader_host_init(&s->host, t->env.loader, t->env.staging, t->env.attempt, INT64_MAX);
	s->host.on_reject = rejects_add;
	s->host.ctx = t->env.rejects;
	r = loader_host_for(&s->host, s->plugin, err);
	if (r)
		return r;
	loader_config_init(&config, s->plugin, json_get(json, "config"));
	status = loader_call(t->env.loader, s->plugin, "create",
	                     s->plugin->transform->create(&s->host.host, s->plugin->descriptor->id, &config.config,
	                                                  &s->self, &error));
	loader_config_done(&config);
	return status ? loader_fail(s->plugin, "create", status, &error, err) : 0;
}

int transforms_new(const struct transforms_env *env, struct transforms **ret, struct err *err)
{
	size_t n = json_count(env->steps);
	struct transforms *t;
	int r = 0;

	*ret = NULL;
	if (!n)
		return 0;
	if (n > STEPS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d transforms", STEPS_MAX);
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, ERR_NOMEM, "out of memory");
	t->env = *env;
	for (; t->n < n && !r; t->n++) {
		t->steps[t->n].owner = t;
		t->steps[t->n].place = t->n;
		r = open_step(t, &t->steps[t->n], json_at(env->steps, t->n), err);
	}
	if (r) {
		transforms_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void transforms_free(struct transforms *t)
{
	for (size_t i = 0; t && i < t->n; i++) {
		struct step *s = &t->steps[i];

		if (s->self)
			loader_call_void(t->env.loader, s->plugin, "destroy", s->plugin->transform->destroy(s->self));
		loader_host_done(&s->host);
		arrow_schema_release(&s->out);
	}
	free(t);
}
