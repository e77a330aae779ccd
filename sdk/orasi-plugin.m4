# SPDX-License-Identifier: Apache-2.0
# ORASI_PLUGIN_INIT([ABI-MAJOR])
# For autotools builds of Orasi plugins: finds the SDK and substitutes
#   ORASI_PLUGIN_CFLAGS, ORASI_PLUGIN_LIBS   includes and visibility; the helper library
#   ORASI_PLUGIN_LDFLAGS                     for libtool: a module with one exported symbol
#   orasiplugindir                           where the agent looks: orasiplugin_LTLIBRARIES = name.la
#   ORASI_PLUGIN_CHECK                       the conformance check: $(ORASI_PLUGIN_CHECK) .libs/name.so
AC_DEFUN([ORASI_PLUGIN_INIT], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
PKG_CHECK_MODULES([ORASI_SDK], [orasi-plugin])
orasi_abi_major=`$PKG_CONFIG --variable=abi_major orasi-plugin`
m4_ifval([$1], [AS_IF([test "x$orasi_abi_major" = "x$1"], [],
	[AC_MSG_ERROR([this plugin is for the Orasi plugin ABI $1, the installed SDK has $orasi_abi_major])])])
ORASI_PLUGIN_CFLAGS="$ORASI_SDK_CFLAGS -fvisibility=hidden"
ORASI_PLUGIN_LIBS=$ORASI_SDK_LIBS
ORASI_PLUGIN_LDFLAGS="-module -avoid-version -shared -export-symbols-regex '^orasi_plugin_entry_v' -Wl,-z,defs -Wl,-z,now"
ORASI_PLUGIN_CHECK=`$PKG_CONFIG --variable=checker orasi-plugin`
orasiplugindir=`$PKG_CONFIG --variable=plugindir orasi-plugin`
AC_SUBST([ORASI_PLUGIN_CFLAGS])
AC_SUBST([ORASI_PLUGIN_LIBS])
AC_SUBST([ORASI_PLUGIN_LDFLAGS])
AC_SUBST([ORASI_PLUGIN_CHECK])
AC_SUBST([orasiplugindir])
])
