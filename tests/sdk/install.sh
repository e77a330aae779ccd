# SPDX-License-Identifier: Apache-2.0
# For tests of what authors use: installs the build tree below $SCRATCH and points everything there. Source it behind
# e2e/lib.sh.

command -v pkg-config >/dev/null || skip_all "pkg-config is not here"
if grep -q __asan_ "$BUILD/sdk/liborasi-sdk.a" || grep -q __tsan_ "$BUILD/sdk/liborasi-sdk.a"; then
	skip_all "plugins of strangers are built without sanitizers"
fi

install_tree() {
	env -u MAKEFLAGS -u MFLAGS make -C "$BUILD" install DESTDIR="$SCRATCH/root" >"$SCRATCH/install.log" 2>&1 || {
		tail -20 "$SCRATCH/install.log" | sed 's/^/#   /'
		return 1
	}
	local pc root
	pc=$(find "$SCRATCH/root" -name orasi-plugin.pc)
	export PKG_CONFIG_SYSROOT_DIR=$SCRATCH/root PKG_CONFIG_PATH=${pc%/*}
	export PATH=$(dirname "$(find "$SCRATCH/root" -path '*/bin/orasi')"):$PATH
	# The installed programs look below the prefix, not below $SCRATCH.
	export ORASI_WORKERS_PROGRAM=$(find "$SCRATCH/root" -name orasi-worker)
	export ORASI_PLUGINS_PATH=$(pkg-config --variable=plugindir orasi-plugin):$SCRATCH/work/data/plugins/local
}
