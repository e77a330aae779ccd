/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INGEST_JSON_GUESS_H
#define INGEST_JSON_GUESS_H

#include "reader.h"

/* A document that starts with '{' or '[' is a value of its own, or the first line of many. The
 * head may be cut, and its first record may be broken. `end` is where a NUL stands; is_all: the source ends there. */
enum reader_mode guess_mode(const uint8_t *p, const uint8_t *end, bool is_all);

#endif
