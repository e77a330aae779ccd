# SPDX-License-Identifier: Apache-2.0
# For tests of the program for authors. Source it behind e2e/lib.sh.
CC=${CC:-gcc}
CHECK="$BUILD/orasi-plugin check"
SEED=${ORASI_SEED:-1}

needs_compiler() {
	command -v ${CC%% *} >/dev/null || skip_all "no compiler is here"
	if grep -q __asan_ "$BUILD/sdk/liborasi-sdk.a" || grep -q __tsan_ "$BUILD/sdk/liborasi-sdk.a"; then
		skip_all "plugins of strangers are built without sanitizers"
	fi
}

# compile SOURCE OUTPUT [flags…]: as docs/PLUGINS.md says, against the build tree.
compile() {
	local source=$1 output=$2
	shift 2
	$CC -std=gnu17 -D_GNU_SOURCE -O1 -fPIC -fvisibility=hidden -I"$SRC/sdk" -I"$SRC/tests" "$source" -o "$output" -shared \
		-Wl,-z,defs -Wl,-z,now -Wl,--exclude-libs,ALL "$@" "$BUILD/sdk/liborasi-sdk.a" -lm 2>"$SCRATCH/cc.log" ||
		sed 's/^/#   /' "$SCRATCH/cc.log"
}

# passes NAME FILE [options…]: not one test of the suite fails.
passes() {
	local name=$1
	shift
	if $CHECK "$@" --seed "$SEED" >"$SCRATCH/check.log" 2>&1; then
		pass "$name"
	else
		fail "$name" "$(grep -A3 '^not ok\|^Bail' "$SCRATCH/check.log" | head -30)" "$(tail -1 "$SCRATCH/check.log")"
	fi
}

# fails NAME SENTENCE FILE [options…]: some test fails with these words (a regular expression).
fails() {
	local name=$1 sentence=$2 code
	shift 2
	$CHECK "$@" --seed "$SEED" >"$SCRATCH/check.log" 2>&1
	code=$?
	if [ $code = 1 ] && grep -A1 '^not ok' "$SCRATCH/check.log" | grep '^#' | grep -qE -- "$sentence"; then
		grep '^not ok' "$SCRATCH/check.log" | sed -E 's/^not ok [0-9]+ - ([a-z.-]+): .*/\1/' >>"$SCRATCH/caught"
		pass "$name: $(grep -A1 '^not ok' "$SCRATCH/check.log" | grep '^#' | grep -E -- "$sentence" | head -1 | cut -c5-140)"
	else
		fail "$name" "wanted: $sentence" "exit code $code" "$(grep -A1 '^not ok\|^Bail' "$SCRATCH/check.log" | head -12)"
	fi
}

# Plugins are compiled and dropped where the agent of the test looks for them.
drops_plugins() {
	command -v jq >/dev/null || skip_all "jq is not here"
	needs_compiler
	LOCAL=$DATA/plugins/local
	mkdir -p "$LOCAL"
}
