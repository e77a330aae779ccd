#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that are no good plugins: none becomes active, each says why, and the agent lives.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
CC=${CC:-gcc}
command -v ${CC%% *} >/dev/null || skip_all "no compiler is here"
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"

# file N NAME [flags]
file() {
	local n=$1 name=$2
	shift 2
	$CC -std=gnu17 -D_GNU_SOURCE -shared -fPIC -fvisibility=hidden -DHOSTILE_FILE="$n" -I"$SRC/sdk" -I"$SRC/tests" \
		"$@" -o "$SCRATCH/$name.so" "$SRC/tests/plugins/hostile-file.c" 2>"$SCRATCH/cc.log" || sed 's/^/# /' "$SCRATCH/cc.log"
	mv "$SCRATCH/$name.so" "$LOCAL/$name.so"
}
row() { api GET /v1/plugins | jq -c --arg f "/$1.so" '[.items[] | select(.path | endswith($f))][0]'; }
settled() {
	for _ in $PATIENCE; do
		state=$(row "$1" | jq -r .state)
		case $state in settling | scanning | null) sleep 0.05 ;; *) return 0 ;; esac
	done
	return 1
}
refused() {
	settled "$1"
	if [ "$state" = refused ] && grep -qE "$2" <<<"$(row "$1" | jq -r .reason)"; then
		pass "$1 is refused: $(row "$1" | jq -r .reason | cut -c1-150)"
	else
		fail "$1 is refused" "wanted: $2" "got: $(row "$1" | jq -c .)"
	fi
}

ORASI_WORKERS_SCAN_LIMIT=10s agent_start || exit 1
FIRST_PID=$AGENT_PID
file 1 constructor; file 2 init; file 3 hang; file 4 note; file 5 version; file 6 symbol
file 7 schema; file 8 count; file 9 exit; file 10 print
head -c 3000 "$LOCAL/print.so" >"$LOCAL/cut.so"
echo "no library at all" >"$LOCAL/text.so"
cp "$BUILD/.libs/liborasi-sdk.a" "$LOCAL/archive.so" 2>/dev/null || head -c 100000 /dev/urandom >"$LOCAL/archive.so"
printf 'int f(void) { return 1; }' | $CC -shared -fPIC -x c -o "$LOCAL/library.so" -

refused constructor "signal 11.*'org.orasi.test.file-constructor', function 'load'"
refused init "signal 11.*'org.orasi.test.file-init', function 'init'"
refused hang "took longer than 10000 ms.*'org.orasi.test.file-hang', function 'init'"
refused note "its note and its entry do not agree"
refused version "bundle 'org.orasi.test.file-version' is built for plugin ABI 1.999, this agent .* offers 1\.[0-9]+: upgrade the agent"
refused symbol "nobody_has_this"
refused schema "anyOf"
refused count "is not complete: describe returned NULL"
refused exit "ended with code 0.*'org.orasi.test.file-exit', function 'init'"
refused cut "cut|outside|signal 7|cannot be loaded"
refused text "no ELF file"
settled print
same "what prints in init is not refused for it" active "$(row print | jq -r .state)"
check "what it printed is in the log" grep -q "hello from init" "$SCRATCH/agent.log"
same "a library without a note is not listed" null "$(row library | jq -r .state)"

# What is no file at all: the agent neither waits for it nor reads without end.
mkfifo "$LOCAL/pipe.so"
ln -s /dev/zero "$LOCAL/zero.so"
ln -s "$SCRATCH/nowhere" "$LOCAL/dangling.so"
mkdir "$LOCAL/folder.so"
mkfifo "$LOCAL/print.so.sig"
api POST /v1/plugins:rescan >/dev/null
for name in pipe zero folder; do refused $name "no plain file"; done
same "and the agent answers" '"ok"' "$(curl -s -m 20 "$URL/health" | jq -c .status)"
rm -r "$LOCAL"/{pipe,zero,dangling,folder}.so "$LOCAL/print.so.sig"

# Gone again, and another one in its place: noticed while running.
rm "$LOCAL/init.so"
for _ in $PATIENCE; do [ "$(row init)" = null ] && break; sleep 0.05; done
same "a file that goes is forgotten" null "$(row init)"
file 10 init
settled init
same "a good one in its place is accepted" active "$(row init | jq -r .state)"
same "it is still the agent that was started" "$FIRST_PID" "$(api GET /v1/agent | jq -r .pid)"
done_testing
