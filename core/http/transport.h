/* SPDX-License-Identifier: Apache-2.0 */
/* How bytes of a connection get in and out. The plain transport is the libuv stream itself; one
 * with TLS puts OpenSSL between; the fuzz target feeds memory.
 *
 * A transport calls conn_input, conn_eof, conn_written and, at the very end, conn_closed. */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include <stddef.h>

struct conn;

struct transport {
	void (*read)(struct conn *conn, int on);
	void (*write)(struct conn *conn, const char *p, size_t n); /* copies what it cannot send now */
	size_t (*queued)(const struct conn *conn);
	void (*shutdown)(struct conn *conn); /* sends what waits, then the end */
	void (*close)(struct conn *conn);    /* at once; conn_closed follows, never at once */
};

extern const struct transport transport_plain;

#endif
