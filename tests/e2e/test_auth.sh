#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may do what: every route with every verb, one tenant beside another, tokens that come and go, users of the sockets.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null && command -v node >/dev/null || skip_all "jq and node are needed"
ORASI=$BUILD/orasi
export ORASI_AUTH_MODE=token
# shellcheck disable=SC2016
agent_start || exit 1
node "$SRC/tests/e2e/auth.mjs" "$URL" "$ORASI" "$DATA" >"$SCRATCH/tap"
status=$?
sed -n '/^[^1]/p' "$SCRATCH/tap"
tests=$(grep -cE '^(not )?ok ' "$SCRATCH/tap")
same "all of it was asked" 0 $status
agent_stop
check "no secret is in the log" bash -c '! grep -qF -f "$1" "$2"' - "$SCRATCH/secrets-used" "$SCRATCH/agent.log"
check "nor in the data folder" bash -c '! grep -rqF -f "$1" "$2"' - "$SCRATCH/secrets-used" "$DATA"
same "a flood of refusals is logged in part" 1 "$(($(grep -c auth.refused "$SCRATCH/agent.log") < 200))"

echo "# the command line"
token=$("$ORASI" --quiet token create cli --verbs admin --data "$DATA")
echo "$token" >"$SCRATCH/token"
agent_start || exit 1
same "without a token it is refused" "orasi: a token is needed" "$("$ORASI" status 2>&1 | cut -c-24)"
check "ORASI_TOKEN is sent" env ORASI_TOKEN="$token" "$ORASI" --quiet status
check "so is that of --token-file" "$ORASI" --quiet --token-file "$SCRATCH/token" status
id=${token:4:10}
check "the access log says whose a request was" grep -q "http.request.*path=/v1/status status=200.*token=$id" "$SCRATCH/agent.log"
same "--local says that the agent wants one" "orasi: the agent that serves '$DATA'" \
	"$("$ORASI" --local "$DATA" status 2>&1 | cut -c-$((31 + ${#DATA})))"
check "and uses it" env ORASI_TOKEN="$token" "$ORASI" --quiet --local "$DATA" status
same "a token list has no secret" 0 "$("$ORASI" --json token list --data "$DATA" | grep -c "${token:15}")"
same "a verb that is none is refused" "orasi: --verbs: 'raed' is not a verb: submit, read, manage, work, files or admin; did you mean 'read'?" \
	"$("$ORASI" token create x --verbs raed --data "$DATA" 2>&1)"
check "a scope that nobody keeps is refused" grep -q "verb work goes with the tenant" \
	<("$ORASI" token create x --verbs work --tenant a --data "$DATA" 2>&1)
agent_stop

echo "# a broken file at the start"
echo '{' >"$SCRATCH/broken.json"
check "is refused" bash -c '! timeout 120 "$@" >"$0" 2>&1; grep -q "token file .*broken.json" "$0"' "$SCRATCH/said" \
	env ORASI_AUTH_TOKENS="$SCRATCH/broken.json" "$BUILD/orasi-agent" --data "$DATA" --listen 127.0.0.1:0

echo "# off"
unset ORASI_AUTH_MODE
agent_start || exit 1
same "nothing is asked" 200 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/v1/tasks")"
same "on loopback nothing is warned of" 0 "$(grep -c auth.off "$SCRATCH/agent.log")"
agent_stop
"$BUILD/orasi-agent" --data "$DATA" --listen 0.0.0.0:0 2>"$SCRATCH/wide.log" &
AGENT_PID=$!
for _ in $PATIENCE; do grep -q auth.off "$SCRATCH/wide.log" && break; sleep 0.05; done
check "beyond it the log says what may happen" grep -q "warn .*auth.off.*may read, change and delete everything" "$SCRATCH/wide.log"
agent_stop

echo "# sockets"
socket=$SCRATCH/s/api
mkdir -m 755 "$SCRATCH/s" && chmod 755 "$SCRATCH"
over() { curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" "$@"; }
lines() { printf '1 GET /v1/status %s0\n' "${2:-}" | timeout 60 ${1:-} node -e '
	const s = require("net").connect(process.argv[1]);
	s.on("data", (d) => { console.log(String(d).split(" ")[1]); process.exit(); });
	s.on("error", () => { console.log("refused"); process.exit(); });
	process.stdin.pipe(s, { end: false });' "$SCRATCH/s/local"; }
ORASI_AUTH_MODE=token ORASI_HTTP_LOCAL_SOCKET=$SCRATCH/s/local agent_start --listen "unix:$socket" || exit 1
same "the agent's own user needs no token" 200 "$(over http://x/v1/status)"
same "nor over the local protocol" 200 "$(lines)"
same "nobody else can connect" "srw-------" "$(stat -c %A "$socket")"
agent_stop
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	as() { setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
	token=$("$ORASI" --quiet token create other --verbs read --data "$DATA")
	for mode in off token; do
		ORASI_AUTH_MODE=$mode ORASI_AUTH_PEERS="4001 @4002" ORASI_HTTP_LOCAL_SOCKET=$SCRATCH/s/local \
			agent_start --listen "unix:$socket" || exit 1
		other=$([ $mode = off ] && echo 403 || echo 401)
		code() { as "$1" "$2" curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" "${@:3}" http://x/v1/status; }
		same "$mode: a user that is listed may" 200 "$(code 4001 9)"
		same "$mode: so may one of a group" 200 "$(code 4009 4002)"
		same "$mode: and one who has it among others" 200 "$(setpriv --reuid 4009 --regid 9 --groups 7,4002 \
			curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://x/v1/status)"
		same "$mode: another may not" $other "$(code 4009 9)"
		same "$mode: nor over the local protocol" $other "$(lines "setpriv --reuid 4009 --regid 9 --clear-groups")"
		same "$mode: but look whether it lives" 200 "$(as 4009 9 curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://x/health)"
		[ $mode = off ] || same "$mode: or show a token" 200 "$(code 4009 9 -H "authorization: Bearer $token")"
		[ $mode = off ] || same "$mode: there too" 200 \
			"$(lines "setpriv --reuid 4009 --regid 9 --clear-groups" "authorization:Bearer%20$token ")"
		agent_stop
	done
else
	pass "other users # SKIP only root can be somebody else"
fi
done_testing
