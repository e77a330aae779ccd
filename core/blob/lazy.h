/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl and libcrypto are loaded with the first request over HTTP, to S3 or for a plugin: together with the thirty
 * libraries that libcurl brings along they are most of what an idle worker would have in memory, and nearly all of what
 * the dynamic linker does when one starts, while datasets on local disks need none of it. lazy.c has functions of the
 * libraries' names and types that call the loaded ones, so that callers read as everywhere. Inside the blob room only.
 *
 * Threading: any thread. Once loaded they stay. */
#ifndef BLOB_LAZY_H
#define BLOB_LAZY_H

#include "base/err.h"

/* ERR_UNSUPPORTED when a library is not there, with the package that has it. Until this was 0 no function of the
 * libraries may be called. */
int lazy_libraries(struct err *err);

#endif
