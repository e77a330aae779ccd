#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Trust from the command line: a file is allowed, revoked, signed, as an agent that enforces it sees it.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
needs_compiler
orasi() { "$BUILD/orasi" "$@"; }
T=$SCRATCH/trust.json
local=$DATA/plugins/local
mkdir -p "$local" && chmod 755 "$local" "$SCRATCH"
compile "$SRC/examples/plugins/lines/lines.c" "$SCRATCH/lines.so"
file=$local/lines.so

# becomes NAME STATE: what the agent thinks of the file after a rescan.
becomes() {
	local state
	for _ in $PATIENCE; do
		orasi plugin rescan --quiet >/dev/null 2>&1
		state=$(api GET /v1/plugins | jq -r --arg f "$file" '[.items[] | select(.path == $f)][0].state')
		[ "$state" = "$2" ] && break
		sleep 0.1
	done
	same "$1" "$2" "$state"
}
trust() { orasi plugin trust "$@" --trust-file "$T" >/dev/null; }

check "our own plugins are trusted one by one" eval 'for so in "$BUILD"/plugins/*/.libs/*.so; do trust "$so" || exit 1; done'
ORASI_PLUGINS_TRUST=enforce ORASI_PLUGINS_TRUST_FILE=$T agent_start || exit 1
cp "$SCRATCH/lines.so" "$local/lines.tmp" && mv "$local/lines.tmp" "$file"
becomes "a file that nobody trusts is refused" refused
same "the same is said of it twice" 1 "$(trust "$file"; trust "$file"; jq --arg s "$(sha256sum "$file" | cut -d' ' -f1)" \
	'[.sha256[] | select(.sha256 == $s and .bundle == "com.example.lines")] | length' "$T")"
becomes "trusted, it is active" active
check "a file is revoked" trust "$file" --revoke
becomes "and refused" refused
check "rights are granted to its bundle" trust "$file" --grant net,fs
same "and kept" '[{"bundle":"com.example.lines","rights":["net","fs"]}]' "$(jq -c .rights "$T")"
same "trusting again ends the revocation" '[]' "$(jq -c .revoked.sha256 "$T")"

becomes "then it is active again" active
cp "$T" "$SCRATCH/before.json"
jq --arg s "$(sha256sum "$file" | cut -d' ' -f1)" '.revoked.sha256 = [$s]' "$T" >"$T.new" && cat "$T.new" >"$T"
becomes "what is listed and revoked is revoked" refused
cat "$SCRATCH/before.json" >"$T"
check "it is signed by a new key" orasi plugin sign "$SCRATCH/lines.so" --key "$SCRATCH/key.pem" --key-id me
same "the key is its owner's alone" 600 "$(stat -c %a "$SCRATCH/key.pem")"
trust "$file" --revoke
jq '.revoked.sha256 = []' "$T" >"$T.new" && cat "$T.new" >"$T"
becomes "neither listed nor signed, it is refused" refused
check "the key is trusted for these bundles" trust --key "$SCRATCH/key.pem" --key-id me --bundle 'com.example.*'
cp "$SCRATCH/lines.so.sig" "$file.sig"
becomes "signed, it is active" active
check "the key is revoked by its name" trust --key-id me --revoke
same "and is in no list but that" '["me"] []' "$(jq -c '.revoked.keys, .keys' "$T" | tr '\n' ' ' | sed 's/ $//')"
becomes "what it signed is refused" refused
openssl pkey -in "$SCRATCH/key.pem" -pubout -out "$SCRATCH/key.pub"
check "an operator trusts the public half, which is all he has" trust --key "$SCRATCH/key.pub" --key-id me --bundle 'com.example.*'
becomes "and what it signed is active again" active
public=$(jq -r '.keys[0].ed25519' "$T")
check "or the same as the trust file has it" trust --key "$public" --key-id me
same "the same key it is" "$public" "$(jq -r '.keys[0].ed25519' "$T")"
same "an author is told what to tell operators" "operators trust it by: orasi plugin trust --key" \
	"$(orasi plugin sign "$SCRATCH/lines.so" --key "$SCRATCH/key2.pem" --key-id me2 2>&1 | grep -o 'operators trust it by: orasi plugin trust --key')"
same "several files are trusted at once" 2 "$(orasi plugin trust --trust-file "$T" "$file" "$SCRATCH/lines.so" | grep -c trusted)"

# refused NAME CODE WORDS ARGUMENT…
refused() {
	local name=$1 code=$2 words=$3 said got
	shift 3
	said=$(orasi plugin "$@" 2>&1 >/dev/null)
	got=$?
	case $said in *"$words"*) ;; *) got="$got: $said" ;; esac
	same "$name" "$code" "$got"
}
refused "what is no plugin is not trusted" 1 "it is no ELF file" trust "$T" --trust-file "$T"
refused "an unknown right is refused" 2 "rights are net, fs and exec" trust "$file" --trust-file "$T" --grant all
refused "a key needs a name" 2 "trust --key K --key-id ID" trust --key "$SCRATCH/key.pem" --trust-file "$T"
refused "a revoked key too" 2 "trust --key-id ID --revoke" trust --key "$SCRATCH/key.pem" --revoke --trust-file "$T"
refused "a key must be one" 1 "is no Ed25519 key" sign "$SCRATCH/lines.so" --key "$T" --key-id me
chmod o+w "$SCRATCH"
becomes "a trust file that others could put another in the place of is not believed" refused
chmod o-w "$SCRATCH"
becomes "and is again when they cannot" active
if [ "$(id -u)" = 0 ]; then
	chown nobody "$T"
	becomes "nor is one that belongs to another user" refused
	chown 0 "$T"
	becomes "and is again when it is ours" active
else
	pass "a trust file of another user # SKIP only root can give one away"
fi
echo '{' >"$T"
refused "a damaged trust file is left alone" 1 "the trust file '$T'" trust "$file" --trust-file "$T"
agent_stop
done_testing
