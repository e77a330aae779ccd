/* SPDX-License-Identifier: Apache-2.0 */
/* The Avro decoder over any bytes. */
#include "fuzz/decoder.h"

static const struct setup setups[] = {
	{"{}", NULL, 0, 0},
	{"{\"max_block\":1024}", NULL, 0, 0},
	{"{\"max_block\":65536}", "x:l", ORASI_OPEN_PROJECT, 0},
	{"{\"max_block\":65536}", "b:u value:u id:i", ORASI_OPEN_PROJECT, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decoder(setups, sizeof(setups) / sizeof(setups[0]), data, size);
}
