# Apache "combined" log lines to NDJSON. A line that does not match is passed on as it is, for the
# quarantine to show.
BEGIN {
	split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
	for (i = 1; i <= 12; i++) month[names[i]] = sprintf("%02d", i)
}
function text(s) { gsub(/\\/, "&&", s); gsub(/\t/, "\\t", s); return "\"" s "\"" }
{
	n = split($0, quoted, "\"")
	split(quoted[1], head, " ")
	split(quoted[2], request, " ")
	split(quoted[3], numbers, " ")
	if (n < 7 || length(head[4]) != 21) { print; next }
	t = substr(head[4], 2)
	zone = substr(head[5], 1, 3) ":" substr(head[5], 4, 2)
	printf "{\"time\":\"%s-%s-%sT%s%s\",", substr(t, 8, 4), month[substr(t, 4, 3)], substr(t, 1, 2), substr(t, 13, 8), zone
	printf "\"clientip\":%s,\"method\":%s,\"path\":%s,", text(head[1]), text(request[1]), text(request[2])
	printf "\"status\":%d,\"bytes\":%d,\"referrer\":%s,\"agent\":%s}\n", numbers[1], numbers[2], text(quoted[4]), text(quoted[6])
}
