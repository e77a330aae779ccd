/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target defines LLVMFuzzerTestOneInput. With --enable-fuzzing it is linked with libFuzzer;
 * otherwise with replay.c, which runs every file of the folders given as arguments through it. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
