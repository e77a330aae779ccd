#!/bin/sh
# Holds the distribution against the repository: every file that git knows is in it.
src=${ORASI_SRCDIR:-.}
build=${ORASI_BUILDDIR:-.}
git -C "$src" rev-parse HEAD >/dev/null 2>&1 || { echo "1..0 # SKIP this is no git checkout"; exit 0; }
scratch=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
echo "1..1"
make -s -C "$build" distdir distdir="$scratch/dist" >"$scratch/log" 2>&1 || {
	echo "not ok 1 - the distribution is made"
	tail -5 "$scratch/log" | sed 's/^/# /'
	exit 1
}
(cd "$scratch/dist" && find . -type f | sed 's|^\./||' | sort) >"$scratch/has"
git -C "$src" ls-files | sort >"$scratch/wanted"
missing=$(comm -13 "$scratch/has" "$scratch/wanted")
if [ -z "$missing" ]; then
	echo "ok 1 - every file of the repository is in the distribution"
else
	echo "not ok 1 - every file of the repository is in the distribution"
	echo "$missing" | sed 's/^/#   missing: /'
	exit 1
fi
