#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Places on S3, against Ceph's gateway (tools/install-deps soak).
. "$(dirname "$0")/../peers/lib.sh"
. "$(dirname "$0")/s3-tests.sh"
for program in radosgw ceph-mon ceph-osd monmaptool; do
	command -v $program >/dev/null || skip_all "$program is not installed: tools/install-deps soak"
done

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
port=$(free_port)
timeout 240 "$(dirname "$0")/rgw-up.sh" "$SCRATCH/rgw" "$port" "$(free_port)" "$(free_port)" || fail "the gateway starts"
BACKGROUND=$(cat "$SCRATCH/rgw/pids")
export TEST_S3_ANY_REGION=1
FOREIGN_READER=1 s3_tests "$port"
done_testing
