#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real agent does what its OpenAPI document says, for every route of it. Skipped where the validator is missing.
. "$(dirname "$0")/../e2e/lib.sh"
peers=$SRC/tests/peers
[ -d "$peers/node_modules/ajv-formats" ] || peers=${ORASI_PEERS:-$BUILD/tests/peers}
[ -d "$peers/node_modules/ajv-formats" ] || skip_all "ajv is not installed in tests/peers (tests/peers/install)"
command -v node >/dev/null || skip_all "node is not here"
mkdir -p "$DATA/plugins/local"
head -c 8192 "$BUILD/plugins/index-btree/.libs/index-btree.so" >"$DATA/plugins/local/damaged.so"
agent_start || exit 1
for _ in $PATIENCE; do [ "$(curl -s "$URL/v1/plugins" | grep -c '"busy":false')" = 1 ] && break; sleep 0.1; done
node "$SRC/tests/api/contract.mjs" "$peers" "$URL"
status=$?
agent_stop
[ $status -eq 0 ] || echo "Bail out! contract.mjs ended with $status"
