#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real files of SDKs to come, of drafts and of another major, against hosts of several minors: one table of who is taken.
# The SDKs are the headers of today with the numbers changed and something added in each minor.
. "$(dirname "$0")/../e2e/lib.sh"
. "$SRC/tests/author/lib.sh"
needs_compiler
JUDGE=$BUILD/tests/abi/judge
MINORS=3
MAJOR=$(sed -n 's/^#define ORASI_ABI_MAJOR //p' "$SRC/sdk/orasi/abi.h")
NEWEST=$(sed -n 's/^#define ORASI_ABI_MINOR //p' "$SRC/sdk/orasi/abi.h")

# sdk NAME MAJOR MINOR: headers with these numbers; each minor adds a member to descriptor and entry, hidden from who asks
# for less.
sdk() {
	local to=$SCRATCH/$1 m
	mkdir "$to" && cp -r "$SRC/sdk/orasi" "$to/"
	sed -i -E "s/^(#define ORASI_ABI_MAJOR) .*/\1 $2/; s/^(#define ORASI_ABI_MINOR) .*/\1 $3/" "$to/orasi/abi.h"
	for ((m = 1; m <= $3; m++)); do
		sed -i -E "s/^\} orasi_(descriptor|entry|task_factory);/#if ORASI_SINCE($m)\n\tconst char *added_in_$m;\n#endif\n&/" \
			"$to"/orasi/{abi,task}.h
	done
}
# tiny SDK OUTPUT [flags…]
tiny() {
	local out=$2 sdk=$1
	shift 2
	${CC:-gcc} -std=gnu17 -O1 -fPIC -fvisibility=hidden -Wall -Werror -I"$SCRATCH/$sdk" "$SRC/tests/abi/tiny.c" -o "$out" -shared \
		-Wl,-z,defs -Wl,-z,now "$@"
}

wrong=
accepted=0 refused=0
for ((s = 0; s < MINORS; s++)); do
	sdk "sdk$s" "$MAJOR" $s
	for ((t = 0; t <= s; t++)); do
		tiny sdk$s "$SCRATCH/tiny.so" -DORASI_TARGET_MINOR=$t || { fail "a plugin of SDK $MAJOR.$s for $MAJOR.$t builds"; continue; }
		for ((h = 0; h < MINORS; h++)); do
			said=$("$JUDGE" "$SCRATCH/tiny.so" "$MAJOR" $h)
			if ((t <= h)); then
				accepted=$((accepted + 1))
				[ "$said" = fits ] || wrong+="SDK $s, target $t, host $h: $said"$'\n'
			else
				refused=$((refused + 1))
				case $said in
				*"'com.example.tiny'"*"ABI $MAJOR.$t,"*"offers $MAJOR.$h:"*"-DORASI_TARGET_MINOR=$h"*) ;;
				*) wrong+="SDK $s, target $t, host $h: $said"$'\n' ;;
				esac
			fi
		done
		if ((t == 0)); then
			passes "a plugin of SDK $MAJOR.$s for $MAJOR.0 passes the suite of this agent" "$SCRATCH/tiny.so" --level basic
		fi
	done
done
same "SDK × target × host: $accepted are taken and $refused refused, as the target says" "" "$wrong"

tiny sdk0 "$SCRATCH/tiny.so" -DORASI_TARGET_MINOR=0 -Wl,--gc-sections -s
same "the note is there when nothing else is: unused sections and all symbols taken away" fits "$("$JUDGE" "$SCRATCH/tiny.so" "$MAJOR" 0)"

# says NAME SDK MAJOR SENTENCE: a refusal, in words.
says() {
	tiny "$2" "$SCRATCH/tiny.so" -DORASI_TARGET_MINOR=0
	local said
	said=$("$JUDGE" "$SCRATCH/tiny.so" "$3" 0)
	if grep -qE -- "$4" <<<"$said"; then pass "$1: $said"; else fail "$1" "$said"; fi
}
sdk draft 0 3
says "a draft from before 1.0" draft 1 "'com.example.tiny' is built for plugin ABI 0\.0, a draft.*rebuild it against SDK 1\.0"
sdk next 2 0
says "a major to come" next 1 "'com.example.tiny' is built for plugin ABI 2\.0, this agent .* offers 1\.0: upgrade the agent"

# What structs a plugin may show: longer ones are of a newer SDK, shorter ones of none.
sizes() {
	tiny "sdk0" "$SCRATCH/tiny.so" -DORASI_TARGET_MINOR=0 "-D$2"
	if [ "$3" = taken ]; then
		passes "$1 is taken" "$SCRATCH/tiny.so" --level basic
	else
		fails "$1 is refused" "$3" "$SCRATCH/tiny.so" --only scan
	fi
}
sizes "a longer descriptor, entry and factory" MORE=64 taken
sizes "a shorter descriptor" LESS_DESCRIPTOR=8 "descriptor's struct_size is too small"
sizes "a shorter factory" LESS_FACTORY=8 "has a struct_size of"
sizes "a shorter entry" LESS_ENTRY=8 "entry's struct_size is too small"
sizes "a flag that no header names" FLAGS=0x80000000u "no header names"
sizes "a reserved member that is used" RESERVED=1 "reserved member"
sizes "a factory without one of its functions" NO_RUN=1 "has no function 'run'"

# An agent says the same, in its list; and what it does not offer, however old the target, is refused when it is needed.
command -v jq >/dev/null || { pass "an agent # SKIP jq is not here"; done_testing; exit; }
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
sdk newer "$MAJOR" $((NEWEST + 1))
tiny newer "$LOCAL/newer.so" -DORASI_TARGET_MINOR=$((NEWEST + 1)) '-DID="com.example.newer"'
tiny draft "$LOCAL/draft.so" -DORASI_TARGET_MINOR=0 '-DID="com.example.draft"'
tiny next "$LOCAL/next.so" -DORASI_TARGET_MINOR=0 '-DID="com.example.next"'
tiny newer "$LOCAL/needs.so" -DORASI_TARGET_MINOR=0 '-DID="com.example.needs"' '-DNEEDS="orasi.host.later/1"' '-DNAME="needs"'
tiny newer "$LOCAL/fits.so" -DORASI_TARGET_MINOR=0 '-DID="com.example.fits"' '-DNAME="fits"'
in_agent() { # NAME BUNDLE STATE SENTENCE
	local row=
	for _ in $PATIENCE; do
		row=$(api GET /v1/plugins | jq -r --arg b "com.example.$2" '.items[] | select(.bundle == $b) | "\(.state): \(.reason)"')
		[[ $row = "$3"* ]] && break
		sleep 0.05
	done
	if grep -qE -- "^$3.*$4" <<<"$row"; then pass "$1"; else fail "$1" "${row:-not listed}"; fi
}
if agent_start --abi-minor "$NEWEST"; then
	in_agent "an agent refuses a file of a newer minor, with the remedy" newer refused \
		"'com.example.newer' is built for plugin ABI $MAJOR.$((NEWEST + 1)), .*-DORASI_TARGET_MINOR=$NEWEST"
	in_agent "and a draft, by name" draft refused "'com.example.draft' .* a draft, .*rebuild it against SDK $MAJOR.0"
	in_agent "and another major" next refused "'com.example.next' .* upgrade the agent"
	in_agent "it takes one of a newer SDK that is built for an older minor" fits active ""
	id=$(submit '{"kind":"custom","plugin":"fits"}')
	same "which runs" succeeded "$(finish "$id")"
	id=$(submit '{"kind":"custom","plugin":"needs","max_attempts":1}')
	same "one that needs an extension that is newer" failed "$(finish "$id")"
	check "is told which" grep -q "needs 'orasi.host.later/1', which this agent does not offer" <<<"$(api GET "/v1/tasks/$id")"
	agent_stop
else
	fail "an agent starts"
fi
done_testing
