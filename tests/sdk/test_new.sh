#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# orasi plugin new: every kind in every language gives a project that builds against the installed SDK and passes its
# check, untouched; the Rust crate has the layouts of the headers.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/install.sh"

check "the tree installs" install_tree || exit 1
mkdir "$SCRATCH/work" && cd "$SCRATCH/work" || exit 1
export CARGO_HOME=$SCRATCH/cargo CARGO_NET_OFFLINE=true

try() {
	local kind=$1 lang=$2 name=$3 began
	began=$(date +%s%N)
	orasi plugin new "com.example.test.$name" --kind "$kind" --lang "$lang" >"$SCRATCH/new.log" 2>&1
	if make -C "$name" check CHECKFLAGS="--seed 1" >"$SCRATCH/make.log" 2>&1; then
		pass "a new $kind plugin in $lang builds and passes its check"
		echo "# after $((($(date +%s%N) - began) / 1000000)) ms"
	else
		fail "a new $kind plugin in $lang builds and passes its check" "$(cat "$SCRATCH/new.log")" \
			"$(grep -A2 '^not ok\|rror' "$SCRATCH/make.log" | head -20)"
	fi
	same "it has its own name" "com.example.test.$name $name $kind" \
		"$(orasi plugin info "$name/$name.so" --json | jq -r '.plugins[0] | "\(.id) \(.name) \(.kind)"')"
	same "and none of the example's" "" "$(grep -rlE 'com\.example\.[a-z-]+"' "$name" --include='*.c' --include='*.cpp' --include='*.rs')"
}
command -v jq >/dev/null || skip_all "jq is not here"
kinds="ingest index transform task notifier"
for kind in $kinds; do try $kind c "my-$kind"; done
try ingest c 7zip
if command -v g++ >/dev/null; then
	for kind in $kinds; do try $kind c++ "my-$kind-cpp"; done
	try task c++ 0
else
	pass "C++ # SKIP no g++ is here"
fi
if command -v cargo >/dev/null; then
	for kind in $kinds; do try $kind rust "my-$kind-rust"; done
	try ingest rust 7lines # what no package in Rust may be called
	try index rust orasi   # nor one that needs the crate of this name
	cp -r "$(pkg-config --variable=rustcrate orasi-plugin)" "$SCRATCH/crate"
	if (cd "$SCRATCH/crate" && cargo test --offline --quiet >"$SCRATCH/cargo.log" 2>&1); then
		pass "the crate's structs are laid out as the headers', panics stop at the border"
	else
		fail "the crate's structs are laid out as the headers', panics stop at the border" "$(tail -20 "$SCRATCH/cargo.log")"
	fi
	cp my-ingest-rust/src/lib.rs good.rs
	sed -i 's/let at = self.place;/let at = self.place; if at.line == 2 { panic!("no third line"); }/' my-ingest-rust/src/lib.rs
	make -C my-ingest-rust >/dev/null 2>&1
	printf 'a\nb\nc\n' >in.txt
	same "a panic is an error with its words" "orasi plugin: 'next' fails (-7): panic: no third line" \
		"$(orasi plugin run my-ingest-rust/my-ingest-rust.so in.txt 2>&1 >/dev/null | grep fails)"
	cp good.rs my-ingest-rust/src/lib.rs
else
	pass "Rust # SKIP no cargo is here"
fi
cp my-ingest-cpp/my-ingest-cpp.cpp good.cpp
sed -i 's/const place at = place_;/&\n\t\tif (at.line == 2)\n\t\t\tthrow std::logic_error("no third line");/' my-ingest-cpp/my-ingest-cpp.cpp
make -C my-ingest-cpp >/dev/null 2>&1
printf 'a\nb\nc\n' >in.txt
same "an exception is an error with its words" "orasi plugin: 'next' fails (-7): no third line" \
	"$(orasi plugin run my-ingest-cpp/my-ingest-cpp.so in.txt 2>&1 >/dev/null | grep fails)"
cp good.cpp my-ingest-cpp/my-ingest-cpp.cpp

# Formats that can be fed: in C and C++ for who asks for minor 1, in Rust always.
fed() { # NAME [make options…]
	local name=$1
	shift
	make -B -C "$name" "$@" >"$SCRATCH/make.log" 2>&1
	orasi plugin check "$name/$name.so" --only ingest.feed --seed 1 >"$SCRATCH/check.log" 2>&1
	same "$name can be fed" "0 3" "$(grep -cE '^not ok|SKIP' "$SCRATCH/check.log") $(grep -c '^ok' "$SCRATCH/check.log")"
	same "  a row comes out while the input is open" one \
		"$( (echo one && sleep 1 && echo two) | orasi plugin run "$name/$name.so" - 2>/dev/null | head -1 | jq -r .text)"
	make -B -C "$name" >"$SCRATCH/make.log" 2>&1
}
fed my-ingest CPPFLAGS=-DORASI_TARGET_MINOR=1
command -v g++ >/dev/null && fed my-ingest-cpp CPPFLAGS=-DORASI_TARGET_MINOR=1
command -v cargo >/dev/null && fed my-ingest-rust

# An agent takes them as they are.
unset ORASI_PLUGINS_PATH ORASI_WORKERS_PROGRAM
printf 'one\ntwo\n' >in.txt
if agent_start; then
	for name in my-ingest-cpp my-ingest-rust; do
		[ -f "$name/$name.so" ] || continue
		make -C "$name" install PLUGINDIR="$DATA/plugins/local" >/dev/null 2>&1
		for _ in $PATIENCE; do
			"$BUILD/orasi" plugin info "com.example.test.$name" >/dev/null 2>&1 && break
			sleep 0.1
		done
		same "an agent ingests with $name" "2 rows in = 2 written + 0 rejected" \
			"$("$BUILD/orasi" ingest in.txt --dataset "${name//-/_}" --format "$name" 2>&1 | tail -1)"
	done
	agent_stop
fi

refused() {
	local said
	said=$(orasi plugin new "${@:3}" 2>&1 >/dev/null)
	same "$1" "yes" "$(case $said in *"$2"*) echo yes ;; *) echo "$said" ;; esac)"
}
refused "an id must be one" "is no id" Syslog
refused "no word of it may be missing" "is no id" com..syslog
refused "or begin with what no name does" "is no id" com.example.-syslog --lang rust
refused "a language that is not there is named" "there is no example of kind 'index' in 'go'" com.example.x --kind index --lang go
refused "nothing is overwritten" "is there already" com.example.test.my-index --kind index
done_testing
