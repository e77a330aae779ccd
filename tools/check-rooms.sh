#!/bin/sh
# Holds every #include against tools/rooms. Prints TAP: one line a room, with each arrow that should
# not be there.
cd "$(dirname "$0")/.." || exit 1
find core plugins sdk -name '*.[ch]' ! -path 'sdk/abi/*' | sort | xargs grep -Hn '^#include' | awk -F: '
BEGIN {
	while ((getline line < "tools/rooms") > 0) {
		if (line ~ /^#/ || line !~ /:/) continue
		split(line, half, ":"); n = split(half[2], names, " ")
		if (half[1] == "doors") { for (i = 1; i <= n; i++) door[names[i]] = 1; continue }
		room[half[1]] = 1; order[++rooms] = half[1]
		for (i = 1; i <= n; i++) may[half[1], names[i]] = 1
	}
}
function bad(who, what) { problems[who] = problems[who] "\n#   " file ":" number ": " what }
{
	file = $1; number = $2; text = $3
	split(file, part, "/")
	who = part[1] == "core" ? part[2] : part[1] "/" part[2]
	if (!match(text, /["<][^">]+[">]/)) next
	quote = substr(text, RSTART, 1); path = substr(text, RSTART + 1, RLENGTH - 2)
	n = split(path, to, "/")
	if (part[1] == "core" && !(who in room)) { bad("unknown", "room " who " is not in tools/rooms"); next }
	if (part[1] == "plugins") {
		seen[who] = 1
		if (quote == "\"" && n > 1) bad(who, "a plugin includes only sdk headers and its own: " path)
		next
	}
	if (part[1] == "sdk") {
		seen["sdk"] = 1
		if (quote == "\"" && n > 1) bad("sdk", "the sdk knows nobody: " path)
		next
	}
	if (quote == "<") {
		if (to[1] == "orasi" && !((who, "sdk") in may) && who != "plugin" && path !~ /abi\.h$/)
			bad(who, "may not include the sdk: " path)
		next
	}
	if (to[1] == who || n == 1) next
	if (!(to[1] in room)) next
	if (!((who, to[1]) in may)) bad(who, "may not include " to[1] ": " path)
	else if (to[1] != "base" && path != to[1] "/" to[1] ".h" && !(path in door))
		bad(who, "not through the door: " path)
}
END {
	for (i = 1; i <= rooms; i++) seen_list[++m] = order[i]
	for (p in seen) seen_list[++m] = p
	seen_list[++m] = "unknown"
	print "1.." m
	for (i = 1; i <= m; i++) {
		p = seen_list[i]
		printf "%s %d - %s includes only what it may\n", problems[p] == "" ? "ok" : "not ok", i, p
		if (problems[p] != "") { print substr(problems[p], 2); failed = 1 }
	}
	exit failed
}'
