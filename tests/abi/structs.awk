# SPDX-License-Identifier: Apache-2.0
# The structs of the headers, one member a line, as the compiler sees them: comments and the paper they are written on
# left out.
#   struct orasi_str
#   struct orasi_str|ptr|const char *ptr
# What the preprocessor would leave out must be out already: gcc -E -P.
BEGIN { RS = "\0" }
{
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ")
	gsub(/[ \t\n]+/, " ")
	text = $0
	while (match(text, /struct [A-Za-z_]+ \{[^}]*\}/)) {
		show(substr(text, RSTART, RLENGTH))
		text = substr(text, RSTART + RLENGTH)
	}
}
function show(all,   name, body, n, i, part) {
	name = all
	sub(/ \{.*/, "", name)
	if (name !~ /^struct (orasi_|Arrow)/ || seen[name]++) return
	print name
	body = all
	sub(/^[^{]*\{ */, "", body)
	sub(/ *\}$/, "", body)
	n = split(body, part, / *; */)
	for (i = 1; i <= n; i++) if (part[i] != "") member(name, part[i])
}
function member(name, text,   n, i, one, words, id) {
	if (match(text, /\(\*[a-z0-9_]+\)\(/)) {
		print name "|" substr(text, RSTART + 2, RLENGTH - 4) "|" text
		return
	}
	n = split(text, one, / *, */)
	for (i = 1; i <= n; i++) {
		id = one[i]
		sub(/\[.*/, "", id)
		gsub(/^.*[ *]/, "", id)
		print name "|" id "|" text
	}
}
