#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An autotools project of an author's own: the m4 macro finds the SDK of an installed tree and knows its major.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/install.sh"

check "the tree installs" install_tree || exit 1
project=$SCRATCH/project
aclocal=$(dirname "$(find "$SCRATCH/root" -name 'orasi*.m4')")
mkdir "$project"
cp "$SRC/examples/plugins/lines/lines.c" "$project/lines.c"
cat >"$project/configure.ac" <<'AC'
AC_INIT([lines], [1.0])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AM_PROG_AR
LT_INIT([disable-static])
ORASI_PLUGIN_INIT([1])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
AC
cat >"$project/Makefile.am" <<'AM'
orasiplugin_LTLIBRARIES = lines.la
lines_la_SOURCES = lines.c
lines_la_CFLAGS = $(ORASI_PLUGIN_CFLAGS)
lines_la_LDFLAGS = $(ORASI_PLUGIN_LDFLAGS)
lines_la_LIBADD = $(ORASI_PLUGIN_LIBS)
AM

# Quiet unless it fails.
quietly() { (cd "$project" && "$@") >"$SCRATCH/log" 2>&1 || { tail -15 "$SCRATCH/log" >&2; return 1; }; }

check "the macro is found" quietly autoreconf -fi -I "$aclocal"
check "the project is configured" quietly ./configure
check "and built" quietly make
check "it exports the entry and nothing else" \
	test "$(nm -D --defined-only "$project/.libs/lines.so" | awk '$2 ~ /[TDR]/ {print $3}')" = orasi_plugin_entry_v1
check "it passes its check" quietly orasi plugin check .libs/lines.so --level basic
check "and is installed where agents look" quietly make install DESTDIR="$SCRATCH/image"
same "which is one folder" 1 "$(find "$SCRATCH/image" -name 'lines.so' -path '*/orasi/plugins/*' | wc -l)"

sed -i 's/ORASI_PLUGIN_INIT(\[1\])/ORASI_PLUGIN_INIT([9])/' "$project/configure.ac"
(cd "$project" && autoreconf -fi -I "$aclocal" && ./configure) >"$SCRATCH/log" 2>&1
check "another major is refused with both" \
	grep -q "this plugin is for the Orasi plugin ABI 9, the installed SDK has 1" "$SCRATCH/log"
done_testing
