# SPDX-License-Identifier: Apache-2.0
# For tests that hold our tables against independent readers. Source it.
. "$(dirname "$0")/../e2e/lib.sh"
export ORASI_PEERS=${ORASI_PEERS:-$SRC/tests/peers}
command -v jq >/dev/null || skip_all "jq is not here"
why=$("$SRC/tests/peers/install" 2>&1) ||
	skip_all "the independent readers cannot be installed: $(printf '%s' "$why" | tail -1)"

# agree NAME DATASET [ENGINE…]: what we say of the dataset is what they read from its folder.
agree() {
	local name=$1 dataset=$2 location answer
	shift 2
	location=$(api GET "/v1/datasets/$dataset" | jq -r .location)
	if answer=$(node "$SRC/tests/peers/compare.mjs" "$URL" "$dataset" "$location" "$@" 2>&1); then
		pass "$name ($(printf '%s' "$answer" | xargs))"
	else
		fail "$name" "$answer"
	fi
}

# duckdb SQL: runs statements, for making files.
duckdb() {
	node --input-type=module -e '
		import { duckdbConnect } from "'"$SRC"'/tests/peers/delta.mjs";
		await (await duckdbConnect()).run(process.argv[1]);
	' "$1"
}
