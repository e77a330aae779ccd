#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does the OpenAPI document that the API serves pass the linter of redocly? Skipped where it is not installed.
redocly="$ORASI_SRCDIR/tests/peers/node_modules/.bin/redocly"
[ -x "$redocly" ] || redocly="${ORASI_PEERS:-$ORASI_BUILDDIR/tests/peers}/node_modules/.bin/redocly"
if [ ! -x "$redocly" ]; then
	echo "1..0 # SKIP redocly is not installed in tests/peers"
	exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
echo "1..2"
if ORASI_OPENAPI_OUT="$dir/openapi.json" CK_RUN_CASE=rest CK_TAP_LOG_FILE_NAME="$dir/tap" \
	"$ORASI_BUILDDIR/tests/api/test_api" >"$dir/log" 2>&1 && [ -s "$dir/openapi.json" ]; then
	echo "ok 1 - the API writes its document"
else
	sed 's/^/# /' "$dir/log"
	echo "not ok 1 - the API writes its document"
fi
if REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$redocly" lint "$dir/openapi.json" >"$dir/log" 2>&1; then
	echo "ok 2 - the document passes the linter"
else
	sed 's/^/# /' "$dir/log"
	echo "not ok 2 - the document passes the linter"
fi
