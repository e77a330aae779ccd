#!/bin/sh
# Holds the catalogues of what plugins are told against the code, both ways, and prints TAP.
#
# docs/PLUGINS.md: every sentence with which a file is refused fits a row of section 9, and every row of sections 9 and 10
# fits a sentence of the code. A row has its sentences between asterisks. What differs from case to case stands there as
# an ellipsis, a number, a quoted word or a single letter.
# README.md of a plugin: the codes of its bad records are those that its code gives to reject.
cd "$(dirname "$0")/.." || exit 1
refusing="core/plugin/note.c core/plugin/version.c core/plugin/shape.c core/plugin/loaded.c core/plugin/schema.c
	core/plugin/trust.c core/plugin/judge.c core/plugin/life.c"
examining=$(ls core/author/*.[ch])

# sentences FILE…: the texts of each file, a line each: the file, the function (or return) that they are given to, the
# commas before them, the error's code, the text. Literals that follow each other are one text; what is filled in, macros
# included, is a hash.
sentences() {
	awk '
	function end() { if (text != "") print file "\t" head "\t" commas "\t" code "\t" text; text = "" }
	function scan(line,    c, word) {
		while (line != "") {
			c = substr(line, 1, 1)
			if (within) { # a comment
				at = index(line, "*/")
				if (!at) return
				within = 0; line = substr(line, at + 2)
			} else if (substr(line, 1, 2) == "/*") {
				within = 1; line = substr(line, 3)
			} else if (c == "\"" && match(line, /^"([^"\\]|\\.)*"/)) {
				text = text substr(line, 2, RLENGTH - 2); line = substr(line, RLENGTH + 1)
			} else if (c ~ /[ \t]/) {
				line = substr(line, 2)
			} else if (match(line, /^[A-Z][A-Z0-9_]+/)) {
				word = substr(line, 1, RLENGTH); line = substr(line, RLENGTH + 1)
				if (word ~ /^ERR_/) code = word
				else if (text != "") text = text "#"
				else if (line ~ /^ "/) text = "#"
			} else if (match(line, /^[A-Za-z_0-9]+/)) {
				end()
				word = substr(line, 1, RLENGTH); line = substr(line, RLENGTH + 1)
				if (word != "sizeof" && (word == "return" || line ~ /^\(/)) { head = word; commas = 0; code = "" }
			} else {
				end(); line = substr(line, 2)
				commas += c == ","
			}
		}
	}
	FNR == 1 { end(); within = 0; head = "" }
	/^#include/ { next }
	{ file = FILENAME; scan($0) }
	END { end() }' "$@" |
		sed -E 's/%[-+ #0-9.*]*(ll|l|z|h)*[a-zA-Z]/#/g; s/\\"/"/g; s/\\n//g'
}

# rows SECTION: of the table in it, a line for each text between asterisks: its row, and what it looks for.
rows() {
	awk -v section="## $1." '
	index($0, "## ") == 1 { inside = index($0, section) == 1; next }
	inside && /^\|/ {
		cell = $0; sub(/^\| */, "", cell); sub(/ *\|.*/, "", cell)
		while (match(cell, /\*[^*]+\*/)) {
			print substr(cell, RSTART + 1, RLENGTH - 2)
			cell = substr(cell, RSTART + RLENGTH)
		}
	}' docs/PLUGINS.md
}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
# The agent's own troubles are not the file's: no memory, no libltdl; and a library that is no plugin is left alone.
sentences $refusing | awk -F'\t' '
	$4 ~ /^ERR_(NOMEM|INTERNAL|NOTFOUND)$/ { next }
	$2 == "err_set" && $1 ~ /shape/ { print "does not offer the factory of its kind: " $5; next }
	$2 == "return" && $1 ~ /shape/ { print "is not complete: " $5; next }
	$2 == "err_set" { print $5; next }
	$2 == "registry_enter" && $3 == 2 { print $5 } # why; what to do stands behind it
	$2 == "snprintf" && $1 ~ /life/ && $5 ~ /^[a-z].* .* / { print $5 }' >"$scratch/refusals"
sentences $examining | cut -f5 >"$scratch/said"
sentences core/plugin/note.c core/plugin/version.c core/plugin/schema.c core/plugin/shape.c | cut -f5 >"$scratch/shared"
cat "$scratch/shared" >>"$scratch/said"
rows 9 >"$scratch/rows9"
rows 10 >"$scratch/rows10"

# fits ROWS SENTENCES WHICH: prints the rows that no sentence fits, or the sentences that fit no row.
fits() {
	awk -v which="$3" '
	# The sentence of a row as an expression: what is of this case only may be anything.
	function pattern(row,    n, word, i, out) {
		gsub(/…/, " \001 ", row)
		gsub(/\047[^\047]*\047/, "\001", row)
		n = split(row, word, " ")
		for (i = 1; i <= n; i++) {
			if (word[i] ~ /^\001[:,.]?$/ || word[i] ~ /^[b-z]$/) { out = out ".*"; continue }
			if (word[i] ~ /^[b-z],$/) { out = out ".*,"; continue }
			gsub(/\(?-?[0-9]+(\.[0-9a-z])?\)?/, "\001", word[i])
			gsub(/[][(){}.*+?^$|\\]/, "\\\\&", word[i])
			gsub(/\001/, ".*", word[i])
			out = out (out == "" || out ~ /\*$/ ? "" : " ") word[i]
		}
		return out
	}
	FNR == 1 { file++ }
	file == 1 { rows[++n] = $0; like[n] = pattern($0); next }
	{
		found = 0
		for (i = 1; i <= n; i++) if ($0 ~ like[i]) { used[i] = 1; found = 1 }
		if (!found && which == "sentences") print
	}
	END { for (i = 1; i <= n; i++) if (!used[i] && which == "rows") print rows[i] }' "$1" "$2"
}

n=0
failed=0
# none NAME FILE: passes when the file is empty.
none() {
	n=$((n + 1))
	if [ -s "$2" ]; then
		echo "not ok $n - $1"
		sed 's/^/#   /' "$2"
		failed=1
	else
		echo "ok $n - $1"
	fi
}

fits "$scratch/rows9" "$scratch/refusals" sentences >"$scratch/out"
none "every refusal of a file is in section 9 of docs/PLUGINS.md" "$scratch/out"
cat "$scratch/shared" >>"$scratch/refusals"
fits "$scratch/rows9" "$scratch/refusals" rows >"$scratch/out"
none "every sentence of section 9 is one that the agent says" "$scratch/out"
fits "$scratch/rows10" "$scratch/said" rows >"$scratch/out"
none "every sentence of section 10 is one that the suite says" "$scratch/out"

# codes FILE…: of bad records: those that a header gives a name, when the name is used, and those that stand in place.
codes() {
	sed -nE 's/^#define [A-Z_]+ "([a-z]+\.[a-z-]+)".*/\1/p; s/.*\.code = "([a-z.-]+)".*/\1/p' "$@" | sort -u
}
# unused FILE…: names of codes that nothing is called by.
unused() {
	sed -nE 's/^#define ([A-Z_]+) "[a-z]+\.[a-z-]+".*/\1/p' "$@" | while read -r name; do
		grep -hw "$name" "$@" | grep -qv "^#define $name " || echo "$name is given to no record"
	done
}
for plugin in plugins/*/; do
	codes "$plugin"*.[ch] >"$scratch/given"
	name=${plugin%/}
	grep -oE "\`(type|${name##*-})\.[a-z-]+\`" "$plugin/README.md" | tr -d '\`' | sort -u >"$scratch/listed"
	[ -s "$scratch/given" ] || [ -s "$scratch/listed" ] || continue
	{
		unused "$plugin"*.[ch]
		comm -23 "$scratch/given" "$scratch/listed" | sed 's/$/ is not in the README/'
		comm -13 "$scratch/given" "$scratch/listed" | sed 's/$/ is in the README, and nowhere given/'
	} >"$scratch/out"
	none "the codes of bad records of ${plugin}README.md are those of its code" "$scratch/out"
done
echo "1..$n"
exit $failed
