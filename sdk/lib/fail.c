/* SPDX-License-Identifier: Apache-2.0 */
#include <orasi/sdk/fail.h>

#include <stdarg.h>
#include <stdio.h>

orasi_status(orasi_fail)(orasi_error *err, orasi_status status, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return status;
}
