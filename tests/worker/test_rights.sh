#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rights that are asked for and granted, wherever a plugin is called: named, found by the content of a file, or opened
# by a query because an index is of it. The plugins are examples that need a file outside of the walls: the index says so
# when it is opened, the format when it is made.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../author/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
needs_compiler
LOCAL=$DATA/plugins/local
TRUST=$SCRATCH/trust.json
mkdir -p "$LOCAL"
echo "out of reach" >"$SCRATCH/outside"
orasi() { "$BUILD/orasi" "$@"; }

LOOK='static int walled(void) { int fd = open("'$SCRATCH/outside'", O_RDONLY); if (fd < 0) return 1; close(fd); return 0; }'
# variant EXAMPLE NAME FLAGS SED…: the example as com.example.NAME, with flags and changes.
variant() {
	local example=$1 name=$2 flags=$3
	shift 3
	{
		printf '#include <fcntl.h>\n#include <unistd.h>\n%s\n' "$LOOK"
		sed -E "s/com\.example\.$example/com.example.$name/; s/PLUGIN_NAME \"$example\"/PLUGIN_NAME \"$name\"/;
			s/\.flags = ORASI_FLAG_DETERMINISTIC,/.flags = ORASI_FLAG_DETERMINISTIC | $flags,/" "$SRC/examples/plugins/$example/$example.c" |
			sed -E "$@"
	} >"$SCRATCH/$name.c"
	compile "$SCRATCH/$name.c" "$SCRATCH/$name.so" -Wno-unused-function
	cp "$SCRATCH/$name.so" "$LOCAL/$name.so"
}
starts_with() { echo "*ret = head.len > 5 \&\& !memcmp(head.ptr, \"$1\", 5) ? 90 : 0;"; }
# needy reads NEEDY files and needs files outside; spy has no rights and claims whatever it sees from where it can look out
variant lines needy ORASI_FLAG_NEEDS_FS "s/^\t\*ret = name.len > 4 .*/\t$(starts_with NEEDY) (void)name;/
	s/^\tlines = calloc.*/\tif (walled())\n\t\treturn fail(err, ORASI_E_CONFIG, \"needy is walled\");\n&/"
variant lines spy 0 's/^\t\*ret = name.len > 4 .*/\t(void)name, (void)head;\n\t*ret = walled() ? 0 : 99;/'
variant lines plain 0 "s/^\t\*ret = name.len > 4 .*/\t$(starts_with PLAIN) (void)name;/"
variant hash needyhash ORASI_FLAG_NEEDS_FS 's/^\treader->store = src;/\tif (walled()) {\n\t\tfree(reader);\n\t\treturn fail(err, ORASI_E_CONFIG, "needyhash is walled");\n\t}\n&/'

state() { api GET /v1/plugins | jq -r --arg f "/$1.so" '[.items[] | select(.path | endswith($f))][0].state'; }
becomes() {
	for _ in $PATIENCE; do
		[ "$(state "$2")" = "$3" ] && break
		sleep 0.1
	done
	same "$1" "$3" "$(state "$2")"
}
echo '{}' >"$TRUST"
ORASI_PLUGINS_TRUST_FILE=$TRUST agent_start || exit 1
becomes "a plugin that asks for rights which nobody granted is refused" needy refused
check "with the grant that is missing" grep -q 'needs the rights fs, which are not granted' \
	<<<"$(api GET /v1/plugins | jq -r '.items[] | select(.path | endswith("/needy.so")).reason')"
becomes "so is an index" needyhash refused
becomes "one that asks for none is used" spy active
printf 'NEEDY one\ntwo\nthree\n' >"$SCRATCH/needy.in"
printf 'PLAIN one\ntwo\n' >"$SCRATCH/plain.in"
# read_as NAME DATASET FILES(JSON) MORE: state of an ingest whose format nobody names, and what it says
read_as() {
	local id
	id=$(submit "$(jq -cn --arg d "$1" --argjson uris "$2" "{kind:\"ingest\",dataset:\$d,source:{uris:\$uris},max_attempts:1} + {${3:-}}")")
	finish "$id"
	api GET "/v1/tasks/$id" >"$SCRATCH/task"
}
same "without the grant its files are nobody's" failed "$(read_as none "[\"$SCRATCH/needy.in\"]")"

echo '{"rights":[{"bundle":"com.example.needy*","rights":["fs"]}]}' >"$TRUST"
api POST /v1/plugins:rescan >/dev/null
becomes "granted, the format is used" needy active
becomes "and the index" needyhash active
same "named, it reads" succeeded "$(read_as named "[\"$SCRATCH/needy.in\"]" 'format:{plugin:"needy"}')"
same "  all rows" 3 "$(sql 'SELECT count(*) AS n FROM named' | jq -r .n)"
same "found by content, it reads too" succeeded "$(read_as found "[\"$SCRATCH/needy.in\"]")"
same "  all rows" 3 "$(sql 'SELECT count(*) AS n FROM found' | jq -r .n)"
if grep -q "worker.sandbox.*Landlock" "$SCRATCH/agent.log"; then
	pass "that no other format shared its rights # SKIP this kernel has no Landlock: nobody is walled"
else
	check "  in a worker of its own, which the log tells" grep -q "task.format.*com.example.needy" "$SCRATCH/agent.log"
	same "no other format was asked there: one that looks out would have claimed the file" 0 \
		"$(grep -c 'task.format.*com.example.spy' "$SCRATCH/agent.log")"
	same "formats without rights stay walled" failed "$(read_as walled "[\"$SCRATCH/outside\"]")"
fi
same "files of several formats in one task" succeeded \
	"$(read_as several "[\"$SCRATCH/plain.in\",\"$SCRATCH/needy.in\",\"$SCRATCH/plain.in\",\"$SCRATCH/needy.in\",\"$SCRATCH/plain.in\"]")"
same "  each read once, by its own" "12 6" "$(sql 'SELECT count(*) AS n FROM several' | jq -r .n) $(sql \
	"SELECT count(*) AS n FROM several WHERE text IN ('NEEDY one', 'two', 'three')" | jq -r '.n - 3')"
same "its counts are of all" "12 0" "$(jq -r '.result | "\(.rows) \(.rejected)"' "$SCRATCH/task")"
id=$(submit "$(jq -cn --arg uri "$SCRATCH/needy.in" '{kind:"ingest",dataset:"dry",source:{uris:[$uri]},dry_run:true}')")
same "a dry run finds it too" "succeeded 3" "$(finish "$id") $(api GET "/v1/tasks/$id" | jq -r .result.rows)"
same "beside transforms it must be named" failed \
	"$(read_as beside "[\"$SCRATCH/needy.in\"]" 'transform:[{op:"plugin",name:"select",config:{}}]')"
check "  and the answer says so" grep -q "name it with format.plugin" "$SCRATCH/task"

# An index is called by a query that knows nothing of plugins.
orasi index create named by_text --plugin needyhash --column text --quiet
for _ in $PATIENCE; do [ "$(api GET /v1/datasets/named/indexes/by_text | jq -r .rows)" = 3 ] && break; sleep 0.1; done
same "an index with rights is built" 3 "$(api GET /v1/datasets/named/indexes/by_text | jq -r .rows)"
check "a query means to use it" grep -q needyhash <<<"$(sql "EXPLAIN QUERY PLAN SELECT line FROM named WHERE text = 'two'")"
same "and opens it with its rights" 2 "$(sql "SELECT line FROM named WHERE text = 'two'" | jq -r .line)"
same "a query of another dataset runs beside it" 3 "$(sql "SELECT count(*) AS n FROM found" | jq -r .n)"
same "it can be verified" succeeded "$(finish "$(submit '{"kind":"index","dataset":"named","index":"by_text","op":"verify"}')")"
echo '{}' >"$TRUST"
api POST /v1/plugins:rescan >/dev/null
becomes "the grant taken back, the index is refused" needyhash refused
same "and queries answer without it" 2 "$(sql "SELECT line FROM named WHERE text = 'two'" | jq -r .line)"

# Each right opens its own door and no other.
for right in net exec; do
	compile "$SRC/tests/plugins/hostile-task.c" "$SCRATCH/$right.so" -DHOSTILE_ID="\"org.orasi.test.$right\"" -DHOSTILE_NAME="\"$right\"" \
		-DHOSTILE_FLAGS=ORASI_FLAG_NEEDS_${right^^}
	cp "$SCRATCH/$right.so" "$LOCAL/"
done
becomes "a plugin that needs sockets is refused, too" net refused
becomes "and one that needs processes" exec refused
echo '{"rights":[{"bundle":"org.orasi.test.net","rights":["net"]},{"bundle":"org.orasi.test.exec","rights":["exec"]}]}' >"$TRUST"
api POST /v1/plugins:rescan >/dev/null
becomes "granted, they are used" net active
becomes "both" exec active
deed() { # PLUGIN DEED: what becomes of it
	local id
	id=$(submit "{\"kind\":\"custom\",\"plugin\":\"$1\",\"config\":{\"do\":\"$2\"},\"max_attempts\":1,\"timeout\":\"5m\"}")
	echo "$(finish "$id") $(api GET "/v1/tasks/$id" | jq -r '.error.detail // ""' | grep -o 'walled\|no children')"
}
same "with net there are sockets" "succeeded " "$(deed net make_socket)"
same "  and no processes" "failed no children" "$(deed net fork_bomb)"
same "with exec there are processes" "succeeded " "$(deed exec leave_child)"
same "  and no sockets" "failed walled" "$(deed exec make_socket)"

# walls FIELD ROLE: what the kernel says of the workers of a role
walls() {
	local pid
	for pid in $(pgrep -P "$AGENT_PID" -f -- "--role $2"); do
		sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"
	done | sort -u
}
same "no worker gets rights by starting a program" "1 1" "$(walls NoNewPrivs task) $(walls NoNewPrivs query)"
same "and those with plugins are behind a filter" "2 2" "$(walls Seccomp task) $(walls Seccomp query)"
agent_stop

# In the mode log the kernel notes what would be refused, and nothing is.
export ORASI_WORKERS_SANDBOX=log
ORASI_PLUGINS_TRUST_FILE=$TRUST agent_start || exit 1
becomes "with the sandbox that only tells, plugins are there" exec active
same "what another right is needed for is done" "succeeded " "$(deed exec make_socket)"
same "the kernel has it in its filter all the same" "1 2" "$(walls NoNewPrivs task) $(walls Seccomp task)"
unset ORASI_WORKERS_SANDBOX
agent_stop
done_testing
