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
	o->builder = arrow_builder_new(want);
	return o->builder ? ORASI_OK : pq_fail(err, ORASI_E_NOMEM, "out of memory");
}

void output_done(struct output *o)
{
	plan_done(&o->plan);
	if (o->vector.buffers)
		vector_done(&o->vector);
	arrow_builder_free(o->builder);
	memset(o, 0, sizeof(*o));
}

orasi_status output_read(struct output *o, size_t n, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (!o->builder)
		return vector_read(&o->vector, n, err);
	while (n-- > 0 && !r)
		r = plan_read(&o->plan, o->builder, err);
	return r;
}

size_t output_bytes(const struct output *o)
{
	return o->builder ? arrow_builder_bytes(o->builder) : vector_bytes(&o->vector);
}

int output_finish(struct output *o, struct ArrowArray *ret)
{
	return o->builder ? arrow_builder_finish(o->builder, ret) : vector_finish(&o->vector, ret);
}
