/* SPDX-License-Identifier: Apache-2.0 */
/* What bytes look like that no plugin recognises, so that the refusal can name it. Inside the pipeline room only. */
#ifndef PIPELINE_LOOKS_H
#define PIPELINE_LOOKS_H

#include <stddef.h>
#include <stdint.h>

/* "a ZIP archive", "delimited text (CSV)": static text, never NULL. */
const char *looks_like(const uint8_t *p, size_t n);
int looks_blank(const uint8_t *p, size_t n); /* nothing, or only a byte order mark and white space */

#endif
