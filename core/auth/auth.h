/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. A request comes with a bearer token (RFC 6750) that somebody was given, or over a Unix socket
 * from a process whose user the kernel names. A token is a text such as
 *
 *   ora_4k7mz0q2xv_ry3…            ora_ (to be found where it leaked), its id, 52 digits of a secret
 *
 * of which the agent keeps the SHA-256 only: with 260 random bits there is nothing to guess, so no slow hash is
 * needed. Its scope is tenant × queue × dataset × verbs; a place that is a pattern may have `*` for any text.
 *
 * Tokens stand in a file (docs/AUTH.md) that `orasi token` writes. The agent reads it when it changes; one that is
 * gone from it is revoked, at once, also for who waits. A file that cannot be read leaves the tokens in force as
 * they are. Looking a token up is one hash and one map look-up, and allocates nothing.
 *
 * Threading: loop thread; the functions on files work anywhere. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"

struct auth;
struct auth_token;
struct json;

enum auth_mode { AUTH_MODE_OFF, AUTH_MODE_TOKEN };

struct auth_config {
	int mode;
	char *tokens; /* path; "" = tokens.json in the data folder */
	char *peers;
};
extern const struct option auth_options[];

/* ---- scopes ----------------------------------------------------------------------------- */
/* What a token may do, and what a route needs: all bits of it. */
enum auth_verb {
	AUTH_SUBMIT = 1, /* put tasks, batches, schedules, uploads */
	AUTH_READ = 2,   /* tasks, results, datasets, SQL, metrics */
	AUTH_MANAGE = 4, /* cancel, redrive, move, delete tasks */
	AUTH_WORK = 8,   /* lease tasks and settle them */
	AUTH_FILES = 16, /* name files of the machine, and buckets, in tasks */
	AUTH_ADMIN = 32, /* everything: datasets, queues, plugins, the store */
	AUTH_VERBS = 63,
	/* of routes only */
	AUTH_ANY = 64,    /* a token, whatever it may */
	AUTH_OPEN = 128,  /* not even that */
	AUTH_WHOLE = 256, /* it shows or touches what belongs to all tenants */
};
extern const char *const auth_verb_names[]; /* by bit, NULL-ended */

struct auth_scope {
	const char *tenant, *queue, *dataset; /* patterns */
	unsigned verbs;
};
/* 0, or ERR_INVALID with the sentence: a pattern of strange characters, or verbs that do not go with the places. */
int auth_scope_check(const struct auth_scope *scope, struct err *err);
/* `*` stands for any text, everything else for itself. */
int auth_pattern_matches(const char *pattern, const char *text);
int auth_pattern_is_exact(const char *pattern);
int auth_verb_parse(const char *name, unsigned *ret, struct err *err);

/* ---- tokens in force -------------------------------------------------------------------- */
/* Reads the file if the mode asks for one: a file with errors is one. `data_dir` is absolute. */
int auth_new(const struct auth_config *config, const char *data_dir, struct auth **ret, struct err *err);
void auth_free(struct auth *auth); /* NULL is fine; tokens that are held live on */
int auth_is_on(const struct auth *auth);
const char *auth_file(const struct auth *auth);
size_t auth_count(const struct auth *auth); /* tokens in force */
/* Readable when the file may have changed, then auth_step. -1: nothing is watched. */
int auth_fd(const struct auth *auth);
/* 1: it has read the file anew; somebody may have lost his token. */
int auth_step(struct auth *auth);
void auth_reload(struct auth *auth);
/* Why the file could not be read last, "" = it was. */
const char *auth_trouble(const struct auth *auth);
const struct metric *auth_metrics(struct auth *auth);

enum auth_verdict {
	AUTH_FINE,
	AUTH_MISSING,   /* no Authorization header */
	AUTH_MALFORMED, /* one that is not "Bearer …" once */
	AUTH_SCHEME,    /* one of another scheme */
	AUTH_UNKNOWN,   /* not a token, or one that is revoked */
	AUTH_EXPIRED,
	AUTH_SCOPE, /* it may not do this */
	AUTH_PEER,  /* a process of a user that is not listed */
	AUTH_VERDICTS
};
/* The header's value, NULL if there was none. With AUTH_FINE, and with AUTH_EXPIRED, *ret is held for the caller. */
enum auth_verdict auth_check(struct auth *auth, const char *authorization, struct auth_token **ret);
void auth_token_release(void *token);                   /* NULL is fine */
int auth_token_is_live(const struct auth_token *token); /* neither revoked nor expired */
const char *auth_token_id(const struct auth_token *token);
const char *auth_token_name(const struct auth_token *token);
const struct auth_scope *auth_token_scope(const struct auth_token *token);
int auth_token_may(const struct auth_token *token, unsigned needs);

/* What a refusal is called: the status, the error of RFC 6750 section 3.1 ("" = none), the problem's type, a
 * sentence with the remedy. */
struct auth_refusal {
	int status;
	const char *reason, *error, *type, *sentence;
};
const struct auth_refusal *auth_refusal(enum auth_verdict verdict);
/* Counts it, and logs it unless many were logged just now. `token` may be NULL. */
void auth_note(struct auth *auth, enum auth_verdict verdict, const struct auth_token *token, const char *peer,
               const char *method, const char *path);

/* May a process of this user do everything? The agent's own user and root may, and who is listed in auth.peers. */
int auth_peer_may(const struct auth *auth, uint32_t uid, const uint32_t *gids, size_t n);

/* ---- the file --------------------------------------------------------------------------- */
#define AUTH_ID_LEN 11    /* with the NUL */
#define AUTH_TOKEN_LEN 68 /* the same */
#define AUTH_TOKENS_MAX 10000
struct auth_entry {
	const char *name;
	int64_t expires_at; /* wall ms, 0 = never */
	struct auth_scope scope;
};
/* Makes the file if there is none. The text of the token is nowhere else. */
int auth_file_add(const char *path, const struct auth_entry *entry, char ret[AUTH_TOKEN_LEN], struct err *err);
/* By id, by name, or by the token itself. ERR_NOTFOUND, ERR_CONFLICT (several have the name). */
int auth_file_revoke(const char *path, const char *which, char ret_id[AUTH_ID_LEN], struct err *err);
/* As it stands there: {"tokens":[…]}, checked; caller frees. ERR_NOTFOUND: there is no file. */
int auth_file_read(const char *path, struct json **ret, struct err *err);
/* Text of any origin: the same check. */
int auth_file_parse(const char *text, size_t n, struct json **ret, struct err *err);
/* The token of "Bearer …" into `ret`. AUTH_FINE, AUTH_MISSING, AUTH_MALFORMED, AUTH_SCHEME, AUTH_UNKNOWN. */
enum auth_verdict auth_bearer(const char *authorization, char ret[AUTH_TOKEN_LEN]);

#endif
