#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that are not there, are no files, or may not be read; folders that may not be written. By an agent that is not
# root, since root may read everything.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
if [ "$(id -u)" = 0 ]; then
	AS="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$AS true 2>/dev/null || skip_all "root may read everything, and setpriv cannot make us another user"
	$AS test -x "$BUILD/orasi-agent" -a -r "$SRC/examples/access.ndjson" ||
		skip_all "root may read everything, and user nobody cannot read the build in $BUILD"
fi
IN=$SCRATCH/in
mkdir -p "$IN" "$DATA"
chmod 755 "$SCRATCH"
[ -z "${AS:-}" ] || chown -R 65534:65534 "$DATA"
cp "$SRC/examples/access.ndjson" "$IN/good"
agent_start || exit 1
plugins_ready 2

# says NAME TEXT FILE [members]: the task fails, once, with a reason that names the file and has the text.
says() {
	local task
	task=$(ingest_file x "$3" "${4:-}")
	if [ "$(jq --arg f "$3" --arg t "$2" '.state == "failed" and .attempt == 1 and
		(.error.detail | contains($f) and contains($t))' <<<"$task")" = true ]; then
		pass "$1"
	else
		fail "$1" "wanted: failed, attempt 1: … $3 … $2" "got:    $(jq -c '[.state, .attempt, .error.detail] // .' <<<"$task")"
	fi
}
says "a file that is not there is named" "No such file" "$IN/nothing"
says "so is a path through a file" "Not a directory" "$IN/good/x"
says "and a name that is too long" "File name too long" "$IN/$(printf 'x%.0s' {1..300})"
says "a folder is refused, with the way to name its files" "is a folder: name the files in it" "$IN"
mkfifo "$IN/fifo"
says "a pipe is not waited for" "is no regular file" "$IN/fifo"
says "a device is not read for ever" "is no regular file" "/dev/zero"
ln -s loop "$IN/loop"
says "a link to itself is named" "symbolic links" "$IN/loop"
cp "$IN/good" "$IN/closed" && chmod 000 "$IN/closed"
says "a file that may not be read is named, with the user who may not" "Permission denied for user" "$IN/closed"
mkdir "$IN/locked" && cp "$IN/good" "$IN/locked" && chmod 000 "$IN/locked"
says "so is one in a folder that may not be entered" "Permission denied for user" "$IN/locked/good"
chmod 755 "$IN/locked"
says "a forced compression that is not there is named" "there is no gzip stream at byte 0" "$IN/good" 'source: {uris: [$f], compression: "gzip"}'
same "a plugin that is not there is named when the task is submitted" true \
	"$(ingest_file x "$IN/good" 'format: {plugin: "xlsx"}' | jq '.errors[0] | .pointer == "/format/plugin" and (.detail | contains("xlsx"))')"

task=$(ingest_file y "$IN/good" 'source: {uris: [$f, ($f | sub("good"; "nothing"))]}')
same "one of two files is missing: the task fails and names it" true \
	"$(jq '.state == "failed" and (.error.detail | contains("nothing"))' <<<"$task")"
same "nothing of it is in a dataset" 404 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/v1/datasets/y")"
cp "$IN/good" "$IN/vanishing"
id=$(submit "$(jq -cn --arg f "$IN/vanishing" '{kind: "ingest", dataset: "z", run_at: "2099-01-01T00:00:00Z", source: {uris: [$f]}}')")
same "a task that waits may be cancelled when its file is gone" cancelled "$(rm "$IN/vanishing"; api POST "/v1/tasks/$id:cancel" | jq -r .state)"

chmod 500 "$DATA/datasets"
task=$(ingest_file w "$IN/good")
same "a data folder that may not be written is named" true \
	"$(jq --arg d "$DATA/datasets/w" '.state == "failed" and (.error.detail | contains($d) and contains("Permission denied"))' <<<"$task")"
chmod 755 "$DATA/datasets"
same "when it may, the task is done again" succeeded \
	"$(id=$(jq -r .id <<<"$task"); api POST "/v1/tasks/$id:retry" >/dev/null; finish "$id")"
unharmed "after all that"

echo "# an agent that cannot start says why"
start_fails() {
	local said
	said=$(${AS:-} timeout 120 "$BUILD/orasi-agent" --listen 127.0.0.1:0 --data "$3" 2>&1)
	case $?:$said in 0:* | 124:* | *"Segmentation"*) fail "$1" "$said" ;; *"$2"*) pass "$1" ;; *) fail "$1" "$said" ;; esac
}
start_fails "a data folder in use is named with the process" "in use by process" "$DATA"
agent_stop
start_fails "a file as data folder is named" "Not a directory" "$IN/good"
mkdir "$SCRATCH/shut" && chmod 000 "$SCRATCH/shut"
start_fails "a data folder that may not be written is named" "Permission denied" "$SCRATCH/shut"
chmod 755 "$SCRATCH/shut"
done_testing
