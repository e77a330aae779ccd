/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV decoder over any bytes. */
#include "fuzz/decoder.h"

static const struct setup setups[] = {
	{"{\"sample_rows\":2}", NULL, 0, 0},
	{"{}", NULL, 0, 0},
	{"{\"sample_rows\":1,\"sample_bytes\":1024,\"max_record\":1024}", NULL, 0, 0},
	{"{\"delimiter\":\";\",\"quote\":\"'\",\"escape\":\"\\\\\"}", NULL, 0, 0},
	{"{\"comment\":\"#\",\"skip\":1,\"trim\":true}", NULL, 0, 0},
	{"{\"decimal\":\",\",\"thousands\":\".\",\"delimiter\":\";\"}", NULL, 0, 0},
	{"{\"fill\":true,\"header\":\"absent\",\"nulls\":[\"NA\",\"-\"]}", NULL, 0, 0},
	{"{\"header\":\"present\"}", "a:g b:b c:tsu:UTC d:tdD e:c f:L", 0, 0},
	{"{\"sample_rows\":1}", "b:f a:U c:tsn:UTC d:S", ORASI_OPEN_PROJECT, 0},
	{"{\"quote\":\"none\",\"infer_types\":false}", "b:d:9,3 a:U d:s", 0, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decoder(setups, sizeof(setups) / sizeof(setups[0]), data, size);
}
