#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins of frozen SDKs keep working: every example of each minor in sdk/abi, as it was then, is built against the headers
# of then, passes the conformance suite of today, and does its work in the agent of today.
. "$(dirname "$0")/../e2e/lib.sh"
. "$SRC/tests/author/lib.sh"
needs_compiler
command -v jq >/dev/null || skip_all "jq is not here"
export CARGO_HOME=$SCRATCH/cargo CARGO_NET_OFFLINE=true
FLAGS="-O1 -fPIC -fvisibility=hidden -Wall -Wextra -Werror"
LINK="-shared -Wl,-z,defs -Wl,-z,now -Wl,--exclude-libs,ALL -Wl,--version-script=$SRC/sdk/orasi-plugin.map"

# build_example FROZEN NAME COMPILER: the helper library is that of today, it is linked into the plugin.
build_example() {
	local from=$1/examples/$2 to=$OUT/$2.so helpers=$BUILD/sdk/liborasi-sdk.a
	case $3 in
	c)
		for cc in gcc clang-14; do
			command -v $cc >/dev/null || continue
			$cc -std=gnu17 $FLAGS -I"$1" -I"$SRC/sdk" "$from/$2.c" -o "$to" $LINK "$helpers" -lm || return
			[ $cc = gcc ] || $CHECK "$to" --level basic --seed "$SEED" >"$SCRATCH/check.log" 2>&1 ||
				{ grep -A2 '^not ok' "$SCRATCH/check.log"; return 1; }
		done
		;;
	c++) g++ -std=c++17 $FLAGS -I"$1" -I"$SRC/sdk" "$from/$2.cpp" -o "$to" $LINK "$helpers" -lm ;;
	rust)
		cp -r "$from" "$SCRATCH/$2" && sed -i "s|@RUSTCRATE@|$1/rust/orasi|" "$SCRATCH/$2/Cargo.toml" &&
			cargo build --offline --quiet --release --manifest-path "$SCRATCH/$2/Cargo.toml" --target-dir "$SCRATCH/target" &&
			cp "$SCRATCH/target/release/"lib*"${2//-/_}.so" "$to"
		;;
	esac >"$SCRATCH/build.log" 2>&1
}

build_all() {
	local frozen=$1 version=$2 name language
	for folder in "$frozen"/examples/*/; do
		name=$(basename "$folder") language=c
		[ -f "$folder/$name.cpp" ] && language=c++
		[ -f "$folder/Cargo.toml" ] && language=rust
		case $language in
		c++) command -v g++ >/dev/null || { pass "$version: $name # SKIP no g++ is here"; continue; } ;;
		rust) command -v cargo >/dev/null || { pass "$version: $name # SKIP no cargo is here"; continue; } ;;
		esac
		build_example "$frozen" "$name" $language || { fail "$version: $name ($language) builds" "$(tail -5 "$SCRATCH/build.log")"; continue; }
		passes "$version: $name ($language) builds against the headers of then, and passes the suite of today" "$OUT/$name.so" \
			--level basic
	done
}

# What a minor brought is there for who asks for it.
asks_for_it() {
	local frozen=$1 version=$2
	[ "${version#*.}" -gt 0 ] || return
	gcc -std=gnu17 $FLAGS -DORASI_TARGET_MINOR="${version#*.}" -I"$frozen" -I"$SRC/sdk" "$frozen/examples/lines/lines.c" \
		-o "$SCRATCH/asks.so" $LINK "$BUILD/sdk/liborasi-sdk.a" -lm 2>"$SCRATCH/build.log"
	passes "$version: lines, which asks for $version, can be fed" "$SCRATCH/asks.so" --only ingest.feed
	check "$version: which is not skipped" test "$(grep -c SKIP "$SCRATCH/check.log")" = 0
}

answer() { api GET "/v1/tasks/$1" | jq -rc "$2"; }

# does_its_work VERSION ENDING: the five kinds in one language ("", -cpp, -rust), in the agent.
does_its_work() {
	local id rows=d${2//-/_}
	id=$(submit "$(jq -cn --arg f "$SCRATCH/in.txt" --arg d "$rows" --arg e "$2" \
		'{kind:"ingest",dataset:$d,source:{uris:[$f]},format:{plugin:("lines"+$e)},transform:[{op:"plugin",name:("upper"+$e)}]}')")
	same "$1: lines$2 and upper$2 bring a file into a dataset" succeeded "$(finish "$id")"
	same "$1: and its rows are there" THREE "$(sql "SELECT text FROM $rows WHERE line = 3" | jq -r .text)"
	check "$1: hash$2 builds an index" "$BUILD/orasi" index create "$rows" by_text --plugin "hash$2" --column text --quiet
	same "$1: and answers with it" 2 "$(sql "SELECT line FROM $rows WHERE text = 'TWO WORDS'" | jq -r .line)"
	check "$1: as the plan says" grep -q by_text <<<"$(sql "EXPLAIN QUERY PLAN SELECT line FROM $rows WHERE text = 'TWO WORDS'")"
	id=$(submit '{"kind":"custom","plugin":"primes'"$2"'","config":{"up_to":1000}}')
	same "$1: primes$2 counts" "succeeded 168" "$(finish "$id") $(answer "$id" .result.output.primes)"
	id=$(submit '{"kind":"notify","plugin":"logbook'"$2"'","events":[{"id":"a","type":"now"}]}')
	same "$1: logbook$2 delivers" "succeeded 1" "$(finish "$id") $(answer "$id" .result.delivered)"
}

works_in_the_agent() {
	local version=$1 name ending
	rm -rf "$DATA" && mkdir -p "$DATA/plugins/local" && cp "$OUT"/*.so "$DATA/plugins/local/"
	agent_start || { fail "$version: an agent starts"; return; }
	for so in "$OUT"/*.so; do
		name=$(basename "$so" .so)
		for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/com.example.$name" | jq -r .name)" = "$name" ] && break; sleep 0.05; done
		same "$version: the agent takes $name" "$name" "$(api GET "/v1/plugins/com.example.$name" | jq -r .name)"
	done
	printf 'one\ntwo words\nthree\n' >"$SCRATCH/in.txt"
	for ending in "" -cpp -rust; do
		[ -f "$OUT/lines$ending.so" ] && does_its_work "$version" "$ending"
	done
	unharmed "$version"
	agent_stop
}

for frozen in "$SRC"/sdk/abi/*/; do
	frozen=${frozen%/}
	OUT=$SCRATCH/$(basename "$frozen")
	mkdir "$OUT"
	build_all "$frozen" "$(basename "$frozen")"
	asks_for_it "$frozen" "$(basename "$frozen")"
	works_in_the_agent "$(basename "$frozen")"
done
done_testing
