/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the auth room only. */
#ifndef AUTH_INSIDE_H
#define AUTH_INSIDE_H

#include "auth/auth.h"
#include "base/map.h"

#define AUTH_HASH 32
#define AUTH_NAME_MAX 128
#define AUTH_FILE_MAX (16u << 20)
#define PEERS_MAX 64

/* Held by the set in force and by requests. Only the flag changes. */
struct auth_token {
	int refs;
	int revoked;
	char id[AUTH_ID_LEN];
	unsigned char hash[AUTH_HASH];
	int64_t created_at, expires_at;
	struct auth_scope scope; /* its texts are in `texts` */
	const char *name;
	char texts[];
};

struct auth {
	const struct auth_config *config;
	char *path, *folder;
	const char *file;  /* in path: its last part */
	struct map tokens; /* by id */
	struct digest *digest;
	int fd;
	struct err trouble;
	uint32_t uids[PEERS_MAX], gids[PEERS_MAX];
	size_t n_uids, n_gids;
	int64_t log_from; /* mono ms: start of the window in which lines are counted */
	int log_lines;
	int64_t log_left_out;
	_Atomic int64_t n_refused[AUTH_VERDICTS], n_accepted, n_tokens, n_reloads, n_bad_files;
	struct metric metrics[AUTH_VERDICTS + 5];
};

/* token.c */
void token_make(char ret[AUTH_TOKEN_LEN], char ret_id[AUTH_ID_LEN]);
/* "ora_…": its id; 0 or ERR_INVALID. */
int token_split(const char *token, char ret_id[AUTH_ID_LEN]);
int token_id_is_fine(const char *id);
/* SHA-256 of whole tokens, again and again without an allocation. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest *digest); /* NULL is fine */
int digest_of(struct digest *digest, const char *token, unsigned char ret[AUTH_HASH]);
int hash_is_equal(const unsigned char *a, const unsigned char *b); /* in constant time */
int hash_parse(const char *hex, unsigned char ret[AUTH_HASH]);

/* file.c: an entry that auth_file_parse has accepted; NULL: no memory */
struct auth_token *token_of(const struct json *entry);

/* peers.c: "alice 1000 @staff @50" */
int peers_parse(const char *text, struct auth *auth, struct err *err);

/* refuse.c */
void make_metrics(struct auth *auth);

#endif
