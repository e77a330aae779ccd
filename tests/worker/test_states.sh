#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A state that one version of a plugin gave out - a decoder's mark, what a transform saved, a task's checkpoint - goes to a
# version that says that it reads it, and to nobody else: the task fails with both versions named, and goes on when one is
# back that does. Every plugin is an example with its versions changed; the first version of each dies on its way.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../author/lib.sh"
drops_plugins
ROWS=200000

# lines VERSION STATE STATE_MIN [SED NAME]: the example, whose version 1.0.0 dies in row 150,000.
lines() {
	sed -E "s/(PLUGIN_VERSION) \"1.0.0\"/\1 \"$1\"/; s/state_version = 1/state_version = $2/; s/state_version_min = 1/state_version_min = $3/; ${4:-}" \
		"$SRC/examples/plugins/lines/lines.c" >"$SCRATCH/lines.c"
	[ "$1" = 1.0.0 ] && sed -i -E 's/^\ttake\(lines, whole\);/&\n\tif (place.line == 150000)\n\t\tabort();/' "$SCRATCH/lines.c"
	compile "$SCRATCH/lines.c" "$SCRATCH/${5:-lines}-$1.so"
}
lines 1.0.0 1 1
lines 1.1.0 2 1
lines 2.0.0 3 3
# Surer than lines that text is its own; numbers them from another beginning.
lines 9.0.0 1 1 's/com\.example\.lines/com.example.greedy/; s/PLUGIN_NAME "lines"/PLUGIN_NAME "greedy"/; s/\? 60 : 0;/? 99 : 0;/;
	s/\(int64_t\)lines->place\.line\)/1000000 + &/' greedy
# transform and task VERSION STATE
number() {
	sed -E "s/\"1.0.0\"/\"$1\"/; s/(state_version|state_version_min) = 1/\1 = $2/" "$SRC/tests/plugins/transform-number.c" >"$SCRATCH/number.c"
	compile "$SCRATCH/number.c" "$SCRATCH/number-$1.so"
}
count() { # which dies no more as 1.1.0
	sed -E "$([ "$1" = 1.1.0 ] && echo 's/^\t+test_crash\(\);/\t;/;') s/\.version = COUNT_VERSION/.state_version = $2, .state_version_min = $2, &/" "$SRC/tests/plugins/task-count.c" >"$SCRATCH/count.c"
	compile "$SCRATCH/count.c" "$SCRATCH/count-$1.so" -DCOUNT_VERSION="\"$1\"" -lpthread
}
number 1.0.0 1 && number 2.0.0 2
count 1.0.0 1 && count 1.1.0 1 && count 2.0.0 2

# use NAME VERSION: it is the one in use.
use() {
	cp "$SCRATCH/$1-$2.so" "$LOCAL/.new" && mv "$LOCAL/.new" "$LOCAL/$1.so"
	for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$1" | jq -r .version)" = "$2" ] && return; sleep 0.05; done
	fail "$1 $2 is in use" "$(api GET /v1/plugins | jq -c --arg f "/$1.so" '.items[] | select(.path | endswith($f))')"
}
# The next attempt is called by hand, when the plugins are those that are meant.
ORASI_QUEUE_RETRY_INITIAL=1h ORASI_QUEUE_RETRY_MAX=1h agent_start || exit 1
seq 0 $((ROWS - 1)) | awk '{ printf "row %x of many\n", $1 * 7919 }' >"$SCRATCH/rows.txt"
until_died() {
	for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$1/attempts" | jq -r '.items[0].outcome')" = crashed ] && return; sleep 0.05; done
	return 1
}
again() { api POST "/v1/tasks/$1:$2" >/dev/null; }
error() { api GET "/v1/tasks/$1" | jq -r '"\(.error.code): \(.error.detail)"'; }
# begun DATASET [MEMBERS]: a file that 1.0.0 has read in part when it dies; sets TASK.
begun() {
	use lines 1.0.0
	TASK=$(submit "$(jq -cn --arg d "$1" --arg uri "$SCRATCH/rows.txt" "{kind:\"ingest\",dataset:\$d,source:{uris:[\$uri]},
		sink:{target_file_bytes:65536},max_attempts:3} + {${2:-}}")")
	check "$1: a version reads a part of a file and dies" until_died "$TASK"
	local n
	n=$(sql "SELECT count(*) AS n FROM $1" | jq -r .n)
	check "  the rows of that part ($n) are there" [ "$n" -gt 0 ] && [ "$n" -lt $ROWS ]
}
whole() { same "$1" "succeeded $ROWS $ROWS" \
	"$(finish "$TASK") $(sql "SELECT count(*) AS n, count(DISTINCT text) AS d FROM $2" | jq -r '"\(.n) \(.d)"')"; }

begun reads 'format:{plugin:"lines"}'
use lines 1.1.0
again "$TASK" promote
whole "a newer one that says it reads the state goes on from it" reads

begun refuses 'format:{plugin:"lines"}'
use lines 2.0.0
again "$TASK" promote
same "one that says it does not is not asked: the task fails" failed "$(finish "$TASK")"
check "  and both versions are named: $(error "$TASK" | cut -c1-150)" grep -q \
	"unsupported: .*rows.txt.* a state of version 1, written by 'com.example.lines' 1.0.0; its version 2.0.0 reads 3 to 3: .*orasi plugin pin" \
	<<<"$(error "$TASK")"
use lines 1.1.0
again "$TASK" redrive
whole "  with one back that reads it, it goes on, and no row is twice" refuses

begun guessed
use greedy 9.0.0
use lines 1.1.0
again "$TASK" promote
whole "a file whose format nobody named goes on with who began it" guessed
same "  though another is surer by now that it is his" $ROWS "$(sql 'SELECT max(line) AS m FROM guessed' | jq -r .m)"
same "    and gets what begins now" 1000001 "$(ingest_file later "$SCRATCH/rows.txt" >/dev/null; sql 'SELECT min(line) AS m FROM later' | jq -r .m)"

use number 1.0.0
begun numbered 'format:{plugin:"lines"},transform:[{op:"plugin",name:"number"}]'
use lines 1.1.0
use number 2.0.0
again "$TASK" promote
same "what a transform saved is held to the same" failed "$(finish "$TASK")"
check "  in the same words" grep -q "state of version 1, written by 'org.orasi.test.number' 1.0.0; its version 2.0.0 reads 2 to 2" <<<"$(error "$TASK")"
use number 1.0.0
again "$TASK" redrive
whole "  and goes on, too" numbered
same "    its numbers have no gap" "0 $((ROWS - 1)) $ROWS" \
	"$(sql 'SELECT min(seq) AS a, max(seq) AS b, count(DISTINCT seq) AS d FROM numbered' | jq -r '"\(.a) \(.b) \(.d)"')"

use count 1.0.0
TASK=$(submit '{"kind":"custom","plugin":"count","config":{"to":9,"die_at":5},"max_attempts":3}')
until_died "$TASK"
use count 2.0.0
again "$TASK" promote
same "so is the checkpoint of a task" failed "$(finish "$TASK")"
check "  in the same words" grep -q "state of version 1, written by 'org.orasi.test.count' 1.0.0; its version 2.0.0 reads 2 to 2" <<<"$(error "$TASK")"
use count 1.1.0
again "$TASK" redrive
same "  which goes on from it, when it may" "succeeded 5 9" \
	"$(finish "$TASK") $(api GET "/v1/tasks/$TASK" | jq -r '.result.output | "\(.began) \(.counted)"')"
agent_stop
done_testing
