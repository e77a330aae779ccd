#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Places on S3, against a small store that checks signatures. test_s3_rgw.sh does the same against a real one.
. "$(dirname "$0")/../peers/lib.sh"
. "$(dirname "$0")/s3-tests.sh"

run_background store node "$SRC/tests/blob/s3-store.mjs" || skip_all "the store does not start"
export TEST_S3_METADATA=http://127.0.0.1:$PORT
s3_tests "$PORT"
done_testing
