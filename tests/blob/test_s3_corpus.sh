#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tables of the public suites, put into a store: each is read, or refused, as it is from disk.
. "$(dirname "$0")/../peers/lib.sh"
. "$(dirname "$0")/s3-tests.sh"

[ -d "$CORPUS/delta" ] || skip_all "the corpus is not at $CORPUS"
run_background store node "$SRC/tests/blob/s3-store.mjs" || skip_all "the store does not start"
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$PORT
# told NAME LOCATION: how many rows there are, or why not, without the name and the place.
told() {
	{
		"$BUILD/orasi" --quiet dataset attach "$1" "$2" >/dev/null
		"$BUILD/orasi" --quiet sql "SELECT count(*) AS n FROM $1"
	} 2>&1 | sed "s#$2#PLACE#g; s#$1#NAME#g" | grep -v 'there are: '
}
agent_start || exit 1
n=0
for table in "$CORPUS"/delta/*/; do
	table=$(realpath "$table") n=$((n + 1))
	node "$SRC/tests/blob/s3-upload.mjs" "$PORT" "$table" "t$n" || fail "$table is put into the store"
	same "$(basename "$table") is the same from a store" "$(told "near_$n" "$table")" "$(told "far_$n" "s3://orasi-test/t$n")"
done
agent_stop
done_testing
