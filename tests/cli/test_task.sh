#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# orasi task and the other commands against a real agent: what is typed arrives, what comes back can be read by
# people and by machines, and the exit code says how it went.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
ORASI=$BUILD/orasi
query='{"kind":"query","sql":"SELECT 42 AS answer"}'

is_json() { jq -e . "$1" >/dev/null; }

# What has ended moves into files by day at once: all that follows shall not notice.
export ORASI_QUEUE_ARCHIVE_AFTER=50ms
agent_start || exit 1

# ---- tasks ------------------------------------------------------------------------------------------------------
id=$("$ORASI" task submit "$query")
same "a task is submitted as JSON, its id is printed" succeeded "$("$ORASI" task wait "$id")"
echo "$query" >"$SCRATCH/task.json"
orasi_says "a task comes from a file" 0 42 task submit "$SCRATCH/task.json" --wait
same "a task comes from standard input" 42 \
	"$(echo "$query" | "$ORASI" task submit - --wait --json | jq '.result.page.rows[0][0] // .result.rows[0][0]')"
orasi_says "a task is made of options" 0 42 task submit --kind query --sql "SELECT 42" --wait
same "many tasks are submitted at once" 3 "$("$ORASI" task submit "[$query,$query,$query]" | grep -c '^t_')"
"$ORASI" task submit "$query" --label team=web --queue reports --priority high --wait --quiet
same "options go into the task" "reports 2 web" \
	"$("$ORASI" task list --label team=web --json | jq -r '.items[0] | "\(.queue) \(.priority) \(.labels.team)"')"
orasi_says "a list is a table" 0 "id               kind   dataset  state" task list --queue reports
orasi_says "a long list says how to go on" 0 "--cursor c_" task list --limit 2
cursor=$("$ORASI" task list --limit 2 --json | jq -r .next_cursor)
same "and goes on" "$("$ORASI" task list --json | jq -r '.items[2].id')" \
	"$("$ORASI" task list --limit 1 --cursor "$cursor" --json | jq -r '.items[0].id')"
orasi_says "one task has a line per member" 0 "state" task get "$id"
orasi_says "attempts are a table" 0 "succeeded" task attempts "$id"
bad=$("$ORASI" task submit '{"kind":"query","sql":"SELECT nope"}')
orasi_says "a task that failed says why" 1 "no such column: nope" task wait "$bad"
orasi_says "it can be run again" 0 "$bad" task retry "$bad" --json
later=$("$ORASI" task submit "$query" --run-at 2099-01-01T00:00:00Z)
orasi_says "a task that waits is cancelled" 0 cancelled task cancel "$later"
orasi_says "one that has ended is not" 1 "the task is cancelled: it cannot be cancelled" task cancel "$later"

same "many tasks come one a line from a file" 2 \
	"$(printf '%s\n\n%s\n' "$query" "$query" >"$SCRATCH/many.ndjson"; "$ORASI" task submit "$SCRATCH/many.ndjson" | grep -c '^t_')"
same "and from standard input" 2 "$(printf '%s\n%s\n' "$query" "$query" | "$ORASI" task submit - | grep -c '^t_')"
printf '%s\n{"kind":\n%s\n{"kind":"nope"}\n' "$query" "$query" >"$SCRATCH/some.ndjson"
orasi_says "all or none: a line that is wrong is named" 1 "line 2" task submit "$SCRATCH/some.ndjson"
orasi_says "each for itself: the others are accepted" 1 "2 of 4 tasks were refused" task batch "$SCRATCH/some.ndjson"
orasi_says "and each refusal has its line" 1 "line 4, /kind: 'nope' is not a kind" task batch "$SCRATCH/some.ndjson"
same "a batch prints the ids of those" 2 "$("$ORASI" task batch "$SCRATCH/some.ndjson" 2>/dev/null | grep -c '^t_')"
orasi_says "a batch may be all or none too" 1 "line 2" task batch "$SCRATCH/some.ndjson" --atomic
same "a list may have a key" "$("$ORASI" task submit "[$query,$query]" --idempotency-key list)" \
	"$("$ORASI" task submit "[$query,$query]" --idempotency-key list)"
orasi_says "of that list and no other" 1 "was used for another request" task submit "[$query]" --idempotency-key list
later=$("$ORASI" task submit "$query" --run-at 2099-01-01T00:00:00Z)
follower=$("$ORASI" task submit "$query" --depends-on "$later" --depends-on "$id" --on-dep-failure hold --slots 2 --weight 3)
orasi_says "a task says what it waits for" 0 "task $later is scheduled" task get "$follower"
orasi_says "and what policy it has" 0 "policy.on_dep_failure" task get "$follower"
orasi_says "a task that waits gets another time" 0 "2098-01-01T00:00:00" task reschedule "$later" --run-at 2098-01-01T00:00:00Z --priority low
orasi_says "what is to change must be said" 2 "Give --run-at T, --priority P" task reschedule "$later"
orasi_says "one that waits runs at once when it is promoted" 0 "priority" task promote "$later"
same "and the one behind it follows" succeeded "$("$ORASI" task wait "$follower")"
orasi_says "one that has ended is not promoted" 1 "it cannot be moved" task promote "$later"

# ---- many at once, queues, schedules ----------------------------------------------------------------------------
for i in 1 2 3; do "$ORASI" task submit "$query" --queue bulk --run-at 2099-01-01T00:00:00Z --quiet >/dev/null; done
orasi_says "a verb on many tasks can be tried dry" 0 "3 matched, 0 done, 0 refused (dry run" task cancel --queue bulk --dry-run
orasi_says "and is done" 0 "3 matched, 3 done, 0 refused" task cancel --queue bulk
orasi_says "cancelled ones run again" 0 "3 matched, 3 done" task redrive --queue bulk --state cancelled
orasi_says "which tasks must be said" 2 "which task? Give its ID, or a filter" task cancel
orasi_says "a wrong filter is told" 1 "is not a state" task cancel --state asleep
orasi_says "one task is forgotten" 0 "" task delete "$id"
orasi_says "and then it is gone" 1 "there is no such task any more" task get "$id"
orasi_says "a queue gets settings" 0 "settings.weight" queue set bulk weight=5 paused=true
orasi_says "queues are a table" 0 "paused" queue list
orasi_says "a wrong setting is told" 1 "/weight" queue set bulk weight=0
orasi_says "a setting is a pair" 2 "write settings as KEY=VALUE" queue set bulk weight
orasi_says "a queue is resumed" 0 "settings.paused" queue resume bulk
orasi_says "a queue is drained" 0 "settings.draining" queue drain bulk
orasi_says "an unknown queue is named" 1 "there is no queue 'nope'" queue pause nope
orasi_says "a queue is purged only when asked twice" 1 "nothing was cancelled" queue purge bulk
orasi_says "and then it is" 0 "matched" queue purge bulk --yes
orasi_says "a schedule is set" 0 "next_at" schedule set nightly "0 3 * * *" "$query" --overlap queue --catchup 1h
orasi_says "schedules are a table" 0 "nightly  0 3 * * *  UTC" schedule list
orasi_says "a wrong time is told" 1 "cron" schedule set bad "0 99 * * *" "$query"
orasi_says "a wrong task of a schedule is told" 1 "/task/kind" schedule set bad "@daily" '{"kind":"nope"}'
orasi_says "a schedule is paused" 0 "paused" schedule pause nightly
orasi_says "a schedule is deleted" 0 "" schedule delete nightly
orasi_says "and then it is not there" 1 "there is no schedule 'nightly'" schedule get nightly
"$ORASI" task watch --json >"$SCRATCH/watched" &
watching=$!
for _ in $PATIENCE; do # what ended before it listened, it does not hear of
	id=$("$ORASI" task submit "$query" --wait --quiet; "$ORASI" task list --limit 1 --json | jq -r '.items[0].id')
	sleep 0.1
	grep -q "\"id\":\"$id\".*\"state\":\"succeeded\"" "$SCRATCH/watched" && break
done
kill -INT $watching
wait $watching
same "what was interrupted says so" 130 $?
check "events are watched as lines of JSON" grep -q "\"id\":\"$id\".*\"state\":\"succeeded\"" "$SCRATCH/watched"
orasi_says "one task is watched to its end" 0 "succeeded" task watch "$id"
orasi_says "and one that failed has failed for a script too" 1 "no such column: nope" task watch "$("$ORASI" task submit '{"kind":"query","sql":"SELECT nope"}')"

# ---- on a terminal ------------------------------------------------------------------------------------------------
# on_terminal FILE COMMAND…: in the background, with a terminal of 80 columns whose screen goes into the file.
on_terminal() {
	local file=$1
	shift
	script -qfec "stty cols 80; exec $*" "$file" </dev/null >/dev/null 2>&1 &
	WATCHER=$!
}
shown() { # FILE WORDS: comes onto the screen
	for _ in $PATIENCE; do grep -qF -- "$2" "$1" 2>/dev/null && return 0; sleep 0.05; done
	echo "# $(tail -c 600 "$1" | cat -v)"
	return 1
}
if command -v script >/dev/null; then
	slow=$("$ORASI" task submit '{"kind":"query","sql":"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 4000000000) SELECT count(*) FROM c","labels":{"a":"slow"}}')
	on_terminal "$SCRATCH/screen" "$ORASI" task watch
	picture=$WATCHER
	on_terminal "$SCRATCH/bar" "$ORASI" task watch "$slow"
	check "the picture counts tasks by their state" shown "$SCRATCH/screen" "1 running"
	check "and has a line with a bar for each that runs" shown "$SCRATCH/screen" "$slow query  default      [....................]   0%  0 rows"
	check "one task is watched as it runs" shown "$SCRATCH/bar" "running …"
	"$ORASI" task cancel "$slow" --quiet >/dev/null
	check "and is told how it ended" shown "$SCRATCH/bar" "task $slow cancelled"
	wait "$WATCHER"
	kill -INT "$picture" 2>/dev/null
	pkill -INT -P "$picture" 2>/dev/null
	wait "$picture"
	same "no line is longer than the terminal" "" "$(tr '\r' '\n' <"$SCRATCH/screen" | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^Script ' | awk 'length > 80')"
else
	echo "# a terminal cannot be made here: script(1) is missing"
fi

# ---- wrong input ----------------------------------------------------------------------------------------------------
orasi_says "what is not JSON is told with its place" 2 "the task is not JSON" task submit '{"kind":'
same "and with that once" 0 "$("$ORASI" task submit '{"kind":' 2>&1 | grep -cE ", at [0-9]+:[0-9]+")"
orasi_says "a file that is not there is named" 1 "cannot open 'nope.json'" task submit nope.json
orasi_says "options do not go with a list" 2 "options belong to one task" task submit "[$query]" --queue q
orasi_says "every problem of a task is told" 1 "/nope" task submit '{"kind":"query","sql":"x","nope":1,"limit":-1}'
orasi_says "an unknown task is named" 1 "task" task get t_0000000009999
orasi_says "an id that is none is told" 1 "'x' is not the id of a task" task get x
orasi_says "an unknown dataset is named" 1 "nope" dataset show nope

# ---- the audit ------------------------------------------------------------------------------------------------------
same "the store of a running agent is checked" ok "$("$ORASI" store check)"
copy=$("$ORASI" store backup)
mkdir -p "$SCRATCH/copy" && cp "$copy" "$SCRATCH/copy/store.db"
orasi_says "a copy is made while it runs, and is in order" 0 "is in order" store check "$SCRATCH/copy"
same "  with its tasks" "$("$ORASI" task list --json | jq -r '.items[0].id')" \
	"$("$ORASI" --local "$SCRATCH/copy" task list --json --limit 1 | jq -r '.items[0].id')"
orasi_says "so is its folder, beside it" 0 "is in order" store check "$DATA"
orasi_says "a copy is checked where it lies" 0 "is in order" store check "$copy"
orasi_says "a file that is no store says so" 1 "it is no store: it does not begin as" store check "$SCRATCH/task.json"
orasi_says "so does a path that leads nowhere" 1 "No such file" store check "$SCRATCH/nowhere"
orasi_says "a folder without a store is named" 1 "'$SCRATCH/store.db'" store check "$SCRATCH"

# ---- the others ------------------------------------------------------------------------------------------------------
same "standard input is ingested" "2 rows in = 2 written + 0 rejected" \
	"$(printf '{"a":1}\n{"a":2}\n' | "$ORASI" ingest - --dataset d --format json)"
printf '{"a":1}\n{"a":\n' >"$SCRATCH/bad.ndjson"
orasi_says "what the worker said is shown" 0 "inferred a schema" task logs "$("$ORASI" task list --kind ingest --limit 1 --json | jq -r '.items[0].id')"
orasi_says "rejects are counted" 0 "2 rows in = 1 written + 1 rejected  (see d__rejects)" ingest "$SCRATCH/bad.ndjson" --dataset d
orasi_says "and fail a strict ingest" 3 "" ingest "$SCRATCH/bad.ndjson" --dataset d --strict
orasi_says "a schema is a table" 0 "name  type  nullable" dataset schema d
orasi_says "files are a table" 0 ".parquet" dataset files d
orasi_says "the history is a table" 0 "version" dataset history d
versions() { "$ORASI" dataset history d --json "$@" | jq -r '[.items[].version | tostring] | join(" ")'; }
same "the history comes in pages" "$(versions)" "$(versions --limit 1) $(versions --limit 100 --cursor "$("$ORASI" dataset history d --limit 1 --json | jq -r .next_cursor)")"
same "and ends" null "$("$ORASI" dataset history d --json | jq .next_cursor)"
same "so do the datasets" "d d__rejects" \
	"$("$ORASI" dataset list --limit 1 --json | jq -r '.items[0].name') $("$ORASI" dataset list --limit 1 --cursor d --json | jq -r '.items[0].name')"
is_time='test("^2[0-9]{3}-[0-9][0-9]-[0-9][0-9]T.*Z$")'
same "times of files and commits are times as anywhere" "true true" \
	"$("$ORASI" dataset files d --json | jq ".items[0].modified_at | $is_time") $("$ORASI" dataset history d --json | jq ".items[0].timestamp | $is_time")"
mkdir -p "$SCRATCH/hollow" "$SCRATCH/out"
orasi_says "what is no table is not attached" 1 "there is no table at '$SCRATCH/hollow'" dataset attach theirs "$SCRATCH/hollow"
orasi_says "nor is what is not there" 1 "there is no table at '$SCRATCH/nothing'" dataset attach theirs "$SCRATCH/nothing"
orasi_says "and no name is left of it" 1 "there is no dataset 'theirs'" dataset show theirs
orasi_says "a table is attached" 0 "version" dataset attach theirs "$("$ORASI" dataset show d --json | jq -r .location)"
moved=$SCRATCH/moved
cp -r "$("$ORASI" dataset show d --json | jq -r .location)" "$moved"
orasi_says "a copy of it as well" 0 "" dataset attach moved "$moved"
rm "$(find "$moved" -maxdepth 1 -name '*.parquet' | head -1)"
orasi_says "one whose file is gone is not whole" 1 "1 problem:" dataset verify moved
orasi_says "also as JSON" 1 '"problems"' dataset verify moved --json
mv "$moved" "$moved.away"
orasi_says "a table that is gone is another thing than one that never was" 1 "dataset 'moved' had version" sql 'select * from moved'
orasi_says "nor is a new one begun in its place" 1 "mount or restore it, or drop the dataset" ingest "$SCRATCH/bad.ndjson" --dataset moved
check "so nothing is there" test ! -e "$moved"
mv "$moved.away" "$moved"
orasi_says "when it is back it is a table again" 0 "version" dataset history moved
rm -r "$moved"
orasi_says "and what is lost can be dropped" 0 "" dataset drop moved --yes
: >"$SCRATCH/empty.parquet"
: >"$SCRATCH/empty.json"
orasi_says "no Parquet file is empty" 1 "empty.parquet" ingest "$SCRATCH/empty.parquet" --dataset d
orasi_says "but one of lines may be" 0 "0 rows in" ingest "$SCRATCH/empty.json" --dataset d
orasi_says "a column is called as Delta allows" 0 "" dataset create spaced --column "a b:long"
orasi_says "and found by its key" 0 "a_b" dataset schema spaced
orasi_says "a folder takes Parquet when no format is named" 0 "" dataset export d --out "$SCRATCH/out/folder/"
check "which is there" test -n "$(find "$SCRATCH/out/folder" -name '*.parquet')"
orasi_says "a wrong number is no number" 2 "--max-rejected many is no number" ingest "$SCRATCH/bad.ndjson" --dataset d --max-rejected many
orasi_says "a wrong format is named as it was typed" 1 "orasi: --format: " ingest "$SCRATCH/bad.ndjson" --dataset d --format nope
orasi_says "so is an option of no format" 1 "orasi: --option: options belong to one plugin" ingest "$SCRATCH/bad.ndjson" --dataset d --option a=1
orasi_says "an index is made" 0 "" index create d by_a --column a
orasi_says "and listed" 0 "by_a  btree" index list d
orasi_says "and verified" 0 "" index verify d by_a
orasi_says "and dropped" 0 "" index drop d by_a
orasi_says "plugins are listed" 0 "active" plugin list
orasi_says "a plugin tells its options" 0 "max_record" plugin info json
orasi_says "the status is for people" 0 "health" status
for what in status "task list" "dataset list" "dataset show d" "dataset schema d" "dataset files d" \
	"dataset history d" "index list d" "plugin list" "plugin info json" "task get $id" "task attempts $id"; do
	# shellcheck disable=SC2086
	check "orasi $what --json is JSON" is_json <("$ORASI" $what --json)
done
orasi_says "a dataset is dropped only when asked twice" 1 "nothing was deleted" dataset drop d
orasi_says "and then it is" 0 "" dataset drop d --yes
agent_stop
orasi_says "a data folder at rest is checked" 0 "is in order" store check "$DATA"
day=$(ls "$DATA"/done-*.db | head -1)
sqlite3 "$day" "DELETE FROM task WHERE id = (SELECT max(id) FROM task)"
orasi_says "damage is found, also in a file of a day" 1 "a task without its end" store check "$DATA"
rm "$DATA"/done-*.db
sqlite3 "$DATA/store.db" "INSERT INTO done SELECT 1, 4, 1, NULL, 0, 0, NULL, 0, NULL, NULL, 0, NULL, 0, 0, 0, 0"
orasi_says "and in the database" 1 "never put" store check "$DATA"
done_testing
