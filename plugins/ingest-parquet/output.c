/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

orasi_status output_open(struct output *o, const struct node *node, const struct ArrowSchema *want, struct leaf *leaves,
                         struct buffers *buffers, orasi_error *err)
{
	orasi_status r = plan_make(&o->plan, node, want, leaves, err);

	if (r)
		return r;
	if (o->plan.leaf) {
		vector_init(&o->vector, o->plan.leaf, &o->plan.want, buffers);
		return ORASI_OK;
	}
	return nested_open(&o->nested, &o->plan, want, buffers, err);
}

void output_done(struct output *o)
{
	nested_close(&o->nested);
	if (o->vector.buffers)
		vector_done(&o->vector);
	plan_done(&o->plan);
	memset(o, 0, sizeof(*o));
}

orasi_status output_read(struct output *o, size_t n, orasi_error *err)
{
	return o->plan.leaf ? vector_read(&o->vector, n, err) : nested_read(&o->nested, n, err);
}

size_t output_bytes(const struct output *o)
{
	return o->plan.leaf ? vector_bytes(&o->vector) : nested_bytes(&o->nested);
}

orasi_status output_finish(struct output *o, struct ArrowArray *ret, orasi_error *err)
{
	if (!o->plan.leaf)
		return nested_finish(&o->nested, ret, err);
	return vector_finish(&o->vector, ret) ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}
