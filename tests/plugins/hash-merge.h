/* SPDX-License-Identifier: Apache-2.0 */
/* A merge for the example hash, which has none: tests put it in front of its table of functions. */
static orasi_status add_segment(struct build *build, orasi_store *src, uint64_t base, const orasi_rowset *drop,
                                orasi_error *err)
{
	const uint8_t *bytes = NULL;
	const struct header *header;
	const struct pair *pairs;
	uint64_t handle, size;
	orasi_status status = src->open(src, BLOB, &handle, &size, err);

	if (!status)
		status = src->map(src, handle, &bytes, err);
	if (status)
		return status;
	header = (const struct header *)bytes;
	pairs = (const struct pair *)(bytes + sizeof(*header));
	for (uint64_t i = 0; i < header->pairs && !status; i++)
		if (!drop || !drop->contains(drop, pairs[i].row))
			status = add_pair(build, (struct pair){pairs[i].hash, pairs[i].row + base})
			                 ? fail(err, ORASI_E_NOMEM, "out of memory")
			                 : ORASI_OK;
	build->rows = base + header->rows;
	return status ? status : src->close(src, handle, err);
}

static orasi_status merge(void *self, const orasi_index_merge *merge, orasi_segment_info *ret, orasi_error *err)
{
	void *build;
	orasi_status status = build_begin(self, merge->dst, &build, err);

	for (uint32_t i = 0; i < merge->n && !status; i++)
		status = add_segment(build, merge->src[i], merge->base[i], merge->drop[i], err);
	if (status) {
		build_abort(build);
		return status;
	}
	return build_finish(build, ret, err);
}
