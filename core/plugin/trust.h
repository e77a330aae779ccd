/* SPDX-License-Identifier: Apache-2.0 */
/* May this file be loaded, and what may it do? Inside the plugin room only.
 *
 * The operator's answer is one JSON file:
 *
 *   {"sha256":  [{"sha256": hex, "bundle": pattern}],
 *    "keys":    [{"id": name, "ed25519": base64 of 32 bytes, "bundle": pattern}],
 *    "revoked": {"sha256": [hex], "keys": [id]},
 *    "rights":  [{"bundle": pattern, "rights": ["net", "fs", "exec"], "hosts": ["hooks.acme.com:443"]}]}
 *
 * A pattern is a bundle's id with '*' for any characters; absent means any. A file is trusted when its hash is listed, or
 * when <file>.sig, {"key": id, "signature": base64}, is an Ed25519 signature (RFC 8032) of its bytes by a key that is
 * listed and not revoked. The plugin file, its folder and the trust file must belong to root or to the agent's user and
 * be writable by nobody else. The file is read again at every judgement: it is small, and judgements are rare. */
#ifndef PLUGIN_TRUST_H
#define PLUGIN_TRUST_H

#include "base/err.h"
#include "plugin/inside.h"

enum trust_mode { TRUST_OFF, TRUST_WARN, TRUST_ENFORCE };

struct trust_subject {
	const char *path;   /* where it was dropped in: for its folder and its signature */
	const char *sha256; /* of the bytes */
	const char *bundle;
	const void *bytes;
	size_t n;
};

/* 0, or ERR_PERM with the reason and the remedy. `file` is the trust file. */
int trust_check(const char *file, const struct trust_subject *subject, struct err *err);
/* Granted rights, as bits 1 net, 2 fs, 4 exec. */
unsigned trust_rights(const char *file, const char *bundle);
/* The names of bits, for sentences; until the next call. */
const char *trust_rights_text(unsigned rights);
/* Is the host listed for this bundle: "host", "host:port", "*.domain" or "*.domain:port"? */
int trust_host(const char *file, const char *bundle, const char *host, unsigned port);

#endif
