/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <string.h>

#include "batches.h"
#include "rows.h"

static orasi_status on_push(orasi_sink *sink, struct ArrowArray *batch)
{
	struct flow *flow = sink->ctx;
	int armed = guard_pause();
	struct arrow_view view;
	char message[256];
	struct buf text;

	flow->pushes++;
	if (!batch || !batch->release) {
		flow->r = exam_fail(flow->exam, "a released batch was pushed");
	} else if (arrow_validate(&flow->out, batch, 1, message, sizeof(message)) ||
	           arrow_view_init(&view, &flow->out, batch)) {
		flow->r = exam_fail(flow->exam, "a batch was pushed that is not of the schema that bind gave: %s",
		                    message);
	} else {
		flow->r = flow->each ? flow->each(flow->ctx, &view) : 0;
		buf_init(&text, 0);
		for (int64_t i = 0; flow->digest && i < batch->length; i++) {
			buf_clear(&text);
			rows_print(&view, i, 0, &text);
			digest_add(flow->digest, digest_bytes(0, text.data, text.len));
		}
		buf_done(&text);
	}
	arrow_array_release(batch);
	guard_resume(armed);
	return flow->r ? ORASI_E_INTERNAL : flow->answer;
}

int flow_create(struct flow *flow, struct exam *exam, struct lab *lab, const struct json *config)
{
	orasi_error error = exam_no_error();
	orasi_status status;

	*flow = (struct flow){.exam = exam, .f = exam->subject.transform};
	flow->sink = (orasi_sink){sizeof(flow->sink), 0, flow, on_push};
	status = instance_create(exam, lab, NULL, config, &flow->self, &error);
	if (status)
		return work_failed(exam, "create", status, &error) ? -1 : 1;
	return 0;
}

orasi_status flow_bind(struct flow *flow, orasi_bytes state, orasi_error *ret)
{
	orasi_transform_bind bind = {.struct_size = sizeof(bind), .in = &flow->in, .state = state};
	orasi_status status;

	*ret = exam_no_error();
	arrow_schema_release(&flow->out);
	status = CALL(flow->exam, "bind", flow->f->bind(flow->self, &bind, &flow->out, ret));
	if (status && (status != ORASI_E_CONFIG || !ret->message[0]))
		flow->r = work_failed(flow->exam, "bind", status, ret) ? -1 : 1;
	else if (!status && (!flow->out.release || !flow->out.format || strcmp(flow->out.format, "+s")))
		flow->r = exam_fail(flow->exam, "bind gave a schema that is no struct");
	return status;
}

int flow_open(struct flow *flow, struct exam *exam, struct lab *lab, const struct json *config, orasi_bytes state,
              struct digest *digest)
{
	orasi_error error;
	int r = flow_create(flow, exam, lab, config);

	if (r)
		return r;
	flow->digest = digest;
	flow_schema(&flow->in);
	if (flow_bind(flow, state, &error) && !flow->r)
		return exam_skip(exam, FLOW_REFUSED, error.message);
	return flow->r;
}

void flow_close(struct flow *flow)
{
	if (flow->self)
		instance_destroy(flow->exam, flow->self);
	arrow_schema_release(&flow->in);
	arrow_schema_release(&flow->out);
}

int flow_feed(struct flow *flow, struct ArrowArray *batch)
{
	orasi_error error = exam_no_error();
	orasi_status status = CALL(flow->exam, "process", flow->f->process(flow->self, batch, &flow->sink, &error));

	if (flow->r)
		return flow->r;
	if (batch->release)
		return exam_fail(flow->exam, "process must release its input, or move it on, whatever it returns");
	if (status && status == flow->answer)
		return 0;
	if (status)
		return work_failed(flow->exam, "process", status, &error) ? -1 : 1;
	return 0;
}

int flow_process(struct flow *flow, int64_t first, int64_t n)
{
	struct ArrowArray batch;

	flow_make(flow->exam->seed, first, n, &batch);
	return flow_feed(flow, &batch);
}

int flow_flush(struct flow *flow)
{
	orasi_error error = exam_no_error();
	orasi_status status;

	if (!flow->f->flush) {
		if (flow->exam->subject.descriptor->flags & ORASI_FLAG_STATELESS)
			return 0;
		return exam_fail(flow->exam, "the factory has no flush, and the descriptor does not say STATELESS");
	}
	status = CALL(flow->exam, "flush", flow->f->flush(flow->self, &flow->sink, &error));
	if (flow->r)
		return flow->r;
	return status ? work_failed(flow->exam, "flush", status, &error) ? -1 : 1 : 0;
}
