/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream of messages: taken or refused. */
#include "fuzz/fuzz.h"

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message message;
	struct err err = {0};
	struct buf in;
	size_t at = 0;

	buf_init(&in, 0);
	buf_add(&in, data, size);
	while (wire_take(&in, &at, &message, &err) > 0)
		wire_message_done(&message);
	buf_done(&in);
	return 0;
}
