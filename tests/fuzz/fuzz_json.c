/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON decoder over any bytes. */
#include "fuzz/decoder.h"

static const struct setup setups[] = {
	{"{\"sample_rows\":2}", NULL, 0, 0},
	{"{}", NULL, 0, 0},
	{"{\"mode\":\"ndjson\",\"sample_rows\":1,\"sample_bytes\":1024,\"max_record\":1024}", NULL, 0, 0},
	{"{\"mode\":\"array\",\"sample_rows\":1}", NULL, 0, 0},
	{"{\"mode\":\"concatenated\",\"sample_rows\":1,\"max_columns\":4}", NULL, 0, 0},
	{"{\"records\":\"/a\",\"sample_rows\":1}", NULL, 0, 1},
	{"{\"sample_rows\":1,\"coerce\":true,\"max_depth\":4}", "a:l b:u", 0, 0},
	{"{\"unknown_fields\":\"reject\"}", "a:g b:b c:tsu:UTC d:tdD e:c f:L", 0, 0},
	{"{}", "b:f a:U c:tsn:UTC d:S", ORASI_OPEN_PROJECT, 0},
	{"{\"sample_rows\":1}", "b:d:9,3 a:z d:s", 0, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decoder(setups, sizeof(setups) / sizeof(setups[0]), data, size);
}
