#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is typed: words, options, what is refused and with which exit code; nothing typed is lost.
. "$(dirname "$0")/../e2e/lib.sh"
ORASI=$BUILD/orasi

# refused NAME CODE WORDS ARGUMENT…: the code, and one line on stderr that has the words.
refused() {
	local name=$1 code=$2 words=$3 said got
	shift 3
	said=$("$ORASI" "$@" 2>&1 >/dev/null </dev/null)
	got=$?
	case $said in *"$words"*) ;; *) got="$got: $said" ;; esac
	same "$name" "$code" "$got"
}

refused "an unknown command is refused" 2 "unknown command 'nope'" nope
refused "an unknown option is refused" 2 "unknown option --nope" sql --nope "SELECT 1"
refused "the beginning of an option is not the option" 2 "unknown option --form" sql --form csv "SELECT 1"
refused "an option without its value is refused" 2 "--limit needs a value" sql "SELECT 1" --limit
refused "a flag with a value is refused" 2 "--quiet takes no value" status --quiet=1
refused "a limit is a number" 2 "--limit many is no number" sql "SELECT 1" --limit many
refused "a missing word gives the usage" 2 "usage: orasi task get ID" task get
refused "a word too many gives the usage" 2 "usage: orasi sql STATEMENT" sql "SELECT 1" "SELECT 2"
refused "a label is a pair" 2 "--label x: write it as KEY=VALUE" ingest --dataset d --label x /dev/null
refused "no option is dropped when there are too many" 2 "more than 64 options" \
	ingest --dataset d $(seq -f '--label k%g=v' 64) /dev/null
refused "a file that is not there is named" 1 "cannot find '$SCRATCH/nope'" ingest --dataset d "$SCRATCH/nope"
refused "a pattern without files is named" 1 "no file matches" ingest --dataset d "$SCRATCH/no*pe"
refused "no agent has its own exit code" 4 "no agent answers at unix:$SCRATCH/nobody" \
	--server "unix:$SCRATCH/nobody" status
refused "a word behind -- is no option" 1 "cannot find '--nope'" ingest --dataset d -- --nope
check "the help lists commands" grep -q '^  orasi ingest FILE' <("$ORASI" --help)
for shell in bash zsh fish; do
	check "$shell completes" grep -qw attempts <("$ORASI" completion $shell)
done
check "the completion is a script" bash -n <("$ORASI" completion bash)

agent_start || exit 1
mkdir "$SCRATCH/in"
for i in $(seq 300); do echo "{\"i\":$i}" >"$SCRATCH/in/$i.ndjson"; done
same "every file that was named is ingested" "300 rows in = 300 written + 0 rejected" \
	"$("$ORASI" ingest --dataset many "$SCRATCH"/in/*.ndjson)"
same "so is every file of a quoted pattern" "300 rows in = 300 written + 0 rejected" \
	"$("$ORASI" ingest --dataset glob "$SCRATCH/in/*.ndjson")"
same "transforms run in the order they are named, with options as pairs or as JSON" "111 rows in = 111 written + 0 rejected" \
	"$("$ORASI" ingest --dataset steps --transform select:on_misfit=null --transform 'select:{"columns":["i"],"rename":["i=m"]}' \
		"$SCRATCH"/in/1*.ndjson)"
same "and have run" 199 "$("$ORASI" sql --format csv "SELECT max(m) AS m FROM steps" | tail -1 | tr -d '\r')"
refused "a transform's options are pairs or JSON" 2 "NAME:KEY=VALUE,… or NAME:{…}" ingest --dataset d --transform select:x /dev/null
refused "JSON that is none" 2 "what follows the colon is no JSON" ingest --dataset d --transform 'select:{x' /dev/null
refused "a file of a plugin that is not there is named, without an agent" 1 "cannot open './nope.so'" plugin info ./nope.so
same "a statement may begin with a comment" $'n\r\n1\r' "$("$ORASI" sql --format csv -- $'-- one\nSELECT 1 AS n')"
agent_stop
done_testing
