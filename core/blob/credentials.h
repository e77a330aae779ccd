/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to S3, as every AWS tool looks for it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN),
 * then the profile AWS_PROFILE of AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), then the metadata of a container
 * (AWS_CONTAINER_CREDENTIALS_…_URI) or an instance (IMDSv2). Keys that end are fetched again before they do. Inside the
 * blob room only.
 *
 * Threading: one thread per object. */
#ifndef BLOB_CREDENTIALS_H
#define BLOB_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct credentials {
	char id[160], secret[160], token[2100];
	int64_t expires_ms; /* 0: never */
};

/* ERR_PERM when there are none anywhere; the sentence lists where it looked. */
int credentials_load(struct credentials *ret, struct err *err);
int credentials_are_stale(const struct credentials *credentials);
/* AWS_REGION, AWS_DEFAULT_REGION, the profile's of AWS_CONFIG_FILE (~/.aws/config), else us-east-1. */
void credentials_region(char *ret, size_t cap);

#endif
