/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals: what they are called, how many there were, and a log that nobody can flood. */
#include <string.h>

#include "auth/inside.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_WINDOW_MS 60000
#define LOG_LINES 20 /* a window */

/* RFC 6750 section 3.1: a request without any authentication is told no error code. */
static const struct auth_refusal refusals[AUTH_VERDICTS] = {
	[AUTH_FINE] = {200, "fine", "", NULL, ""},
	[AUTH_MISSING] = {401, "missing", "", "unauthenticated",
                          "a token is needed: send 'Authorization: Bearer ora_…'; 'orasi token create' makes one"},
	[AUTH_MALFORMED] = {400, "malformed", "invalid_request", "invalid",
                            "the Authorization header is not 'Bearer TOKEN', once"},
	[AUTH_SCHEME] = {401, "scheme", "", "unauthenticated",
                         "this agent takes bearer tokens only: send 'Authorization: Bearer ora_…'"},
	[AUTH_UNKNOWN] = {401, "unknown", "invalid_token", "unauthenticated",
                          "the token is not known to this agent, or was revoked: ask for another one"},
	[AUTH_EXPIRED] = {401, "expired", "invalid_token", "unauthenticated",
                          "the token has expired: ask for another one"},
	[AUTH_SCOPE] = {403, "scope", "insufficient_scope", "permission", "the token may not do this"},
	[AUTH_PEER] =
		{403, "peer", "", "permission",
                 "this user may not use the socket: list it in the option auth.peers, or run as the agent's user"},
};

static const char *const labels[AUTH_VERDICTS] = {
	NULL,
	"reason=\"missing\"",
	"reason=\"malformed\"",
	"reason=\"scheme\"",
	"reason=\"unknown\"",
	"reason=\"expired\"",
	"reason=\"scope\"",
	"reason=\"peer\"",
};

const struct auth_refusal *auth_refusal(enum auth_verdict verdict)
{
	return &refusals[verdict];
}

void make_metrics(struct auth *auth)
{
	const struct metric rows[] = {
		{"orasi_auth_accepted_total", METRIC_COUNTER, "Requests with a good token.", NULL, &auth->n_accepted,
	         NULL, NULL, NULL},
		{"orasi_auth_tokens", METRIC_GAUGE, "Tokens in force.", NULL, &auth->n_tokens, NULL, NULL, NULL},
		{"orasi_auth_reloads_total", METRIC_COUNTER, "Times that the token file was read.", NULL,
	         &auth->n_reloads, NULL, NULL, NULL},
		{"orasi_auth_reload_errors_total", METRIC_COUNTER, "Times that it could not be read.", NULL,
	         &auth->n_bad_files, NULL, NULL, NULL},
	};
	size_t n = sizeof(rows) / sizeof(rows[0]);

	memcpy(auth->metrics, rows, sizeof(rows));
	for (int i = 1; i < AUTH_VERDICTS; i++)
		auth->metrics[n++] = (struct metric){
			.name = "orasi_auth_refused_total",
			.type = METRIC_COUNTER,
			.help = "Requests refused for who asked, by reason.",
			.labels = labels[i],
			.value = &auth->n_refused[i],
		};
}

const struct metric *auth_metrics(struct auth *auth)
{
	return auth->metrics;
}

/* The first line of a window tells how many the one before left out. */
static int may_log(struct auth *auth, int64_t *ret_left_out)
{
	int64_t now = clock_mono_ms();

	*ret_left_out = 0;
	if (!auth->log_from || now - auth->log_from >= LOG_WINDOW_MS) {
		*ret_left_out = auth->log_left_out;
		auth->log_left_out = 0;
		auth->log_from = now;
		auth->log_lines = 0;
	}
	if (auth->log_lines++ < LOG_LINES)
		return 1;
	auth->log_left_out++;
	return 0;
}

void auth_note(struct auth *auth, enum auth_verdict verdict, const struct auth_token *token, const char *peer,
               const char *method, const char *path)
{
	int64_t left_out;

	auth->n_refused[verdict]++;
	if (may_log(auth, &left_out))
		log_warn("auth.refused", LOG_STR("reason", refusals[verdict].reason), LOG_STR("peer", peer),
		         LOG_STR("method", method), LOG_STR("path", path), LOG_STR("token", token ? token->id : ""),
		         LOG_INT("left_out", left_out));
}
