/* SPDX-License-Identifier: Apache-2.0 */
/* An instance of any kind: made, given some work of its kind, and destroyed. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "batches.h"
#include "exam.h"
#include "rows.h"

/* ---- create, destroy --------------------------------------------------------------------------------------------- */

static orasi_status create_index(struct exam *exam, struct lab *lab, const char *id, const orasi_config *config,
                                 void **ret, orasi_error *err)
{
	orasi_status status = ORASI_E_CONFIG;

	/* The first kind of key that it takes; a refusal for the type is no failure. */
	for (int i = 0; keys_format(i) && status == ORASI_E_CONFIG; i++) {
		struct ArrowSchema keys;

		keys_schema(&keys, keys_format(i));
		*err = exam_no_error();
		status = CALL(exam, "create", exam->subject.index->create(&lab->host, id, config, &keys, ret, err));
		arrow_schema_release(&keys);
	}
	return status;
}

orasi_status instance_create(struct exam *exam, struct lab *lab, const char *id, const struct json *config, void **ret,
                             orasi_error *err)
{
	const struct subject *s = &exam->subject;
	struct lab_config lab_config;
	const orasi_config *c = NULL;
	orasi_status status;

	*ret = NULL;
	if (!id)
		id = s->descriptor->id;
	if (config) {
		lab_config_init(&lab_config, config);
		c = &lab_config.config;
	}
	switch (s->descriptor->kind) {
	case ORASI_KIND_INGEST:
		status = CALL(exam, "create", s->ingest->create(&lab->host, id, c, ret, err));
		break;
	case ORASI_KIND_INDEX:
		status = create_index(exam, lab, id, c, ret, err);
		break;
	case ORASI_KIND_TRANSFORM:
		status = CALL(exam, "create", s->transform->create(&lab->host, id, c, ret, err));
		break;
	case ORASI_KIND_TASK:
		status = CALL(exam, "create", s->task->create(&lab->host, id, c, ret, err));
		break;
	default:
		status = CALL(exam, "create", s->notifier->create(&lab->host, id, c, ret, err));
	}
	if (!status && !*ret) {
		status = ORASI_E_INTERNAL;
		snprintf(err->message, sizeof(err->message), "create returned ORASI_OK without an instance");
	}
	return status;
}

void instance_destroy(struct exam *exam, void *self)
{
	const struct subject *s = &exam->subject;

	switch (s->descriptor->kind) {
	case ORASI_KIND_INGEST:
		CALL_VOID(exam, "destroy", s->ingest->destroy(self));
		break;
	case ORASI_KIND_INDEX:
		CALL_VOID(exam, "destroy", s->index->destroy(self));
		break;
	case ORASI_KIND_TRANSFORM:
		CALL_VOID(exam, "destroy", s->transform->destroy(self));
		break;
	case ORASI_KIND_TASK:
		CALL_VOID(exam, "destroy", s->task->destroy(self));
		break;
	default:
		CALL_VOID(exam, "destroy", s->notifier->destroy(self));
	}
}

/* ---- work -------------------------------------------------------------------------------------------------------- */

int work_failed(struct exam *exam, const char *function, orasi_status status, const orasi_error *error)
{
	int wanted = guard_has_failed();

	if (exam_error(exam, function, status, error))
		return -1;
	return wanted ? 0 : exam_fail(exam, "'%s' fails (%d): %s", function, status, error->message);
}

static int work_ingest(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	struct decode d = {.config = config};
	orasi_error error = exam_no_error();
	void *self;
	orasi_status status;
	int r;

	if (!exam->n_samples) {
		status = instance_create(exam, lab, NULL, config, &self, &error);
		if (status)
			return work_failed(exam, "create", status, &error);
		instance_destroy(exam, self);
		return 0;
	}
	d.minimal = lab->minimal;
	r = decode_run(exam, &exam->samples[0], &d);
	if (!r && d.minimal && d.status < 0)
		d.status = ORASI_END; /* without reject, a bad record fails it; with a reason, as decode_run has seen */
	if (!r && d.status != ORASI_END && !guard_has_failed())
		r = exam_fail(exam, "'%s' fails (%d): %s", d.function, d.status, d.error.message);
	for (size_t i = 0; ret && i < d.digest.n; i++)
		digest_add(ret, d.digest.items[i]);
	for (size_t i = 0; ret && i < d.lab.rejects.n; i++)
		digest_add(ret, d.lab.rejects.items[i]);
	buf_add(&lab->said, d.lab.said.data, d.lab.said.len);
	buf_puts(&lab->said, d.error.message);
	for (size_t i = 0; i < d.n_marks; i++)
		buf_add(&lab->said, d.marks[i].state, d.marks[i].len);
	decode_done(&d);
	return r;
}

static int work_notifier(struct exam *exam, struct lab *lab, const struct json *config)
{
	orasi_error error = exam_no_error();
	void *self;
	orasi_status status = instance_create(exam, lab, NULL, config, &self, &error);

	if (status)
		return work_failed(exam, "create", status, &error);
	instance_destroy(exam, self);
	return 0;
}

int instance_work(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	int r;

	switch (exam->subject.descriptor->kind) {
	case ORASI_KIND_INGEST:
		r = work_ingest(exam, lab, config, ret);
		break;
	case ORASI_KIND_INDEX:
		r = work_index(exam, lab, config, ret);
		break;
	case ORASI_KIND_TRANSFORM:
		r = work_transform(exam, lab, config, ret);
		break;
	case ORASI_KIND_TASK:
		r = work_task(exam, lab, config, ret);
		break;
	default:
		r = work_notifier(exam, lab, config);
	}
	return r || !lab->misuse ? r : exam_fail(exam, "%s", lab->misuse);
}
