/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use the agent: its tokens, and a word of warning where everybody may. */
#include "agent/inside.h"
#include "base/log.h"
#include "base/str.h"

int agent_needs_auth(const struct agent_config *config)
{
	return config->auth.mode != AUTH_MODE_OFF || *config->http.unix_socket || *config->http.local_socket;
}

static int listens_beyond(const char *listen)
{
	return *listen && !str_starts(listen, "127.") && !str_starts(listen, "localhost:") &&
	       !str_starts(listen, "[::1]:");
}

static void warn_of_auth(const struct agent *agent)
{
	const struct agent_config *config = agent->config;

	if (config->auth.mode == AUTH_MODE_OFF && listens_beyond(config->http.listen))
		log_warn("auth.off", LOG_STR("listen", config->http.listen),
		         LOG_STR("danger", "whoever reaches this address may read, change and delete everything"),
		         LOG_STR("remedy", "set auth.mode to token, or listen on 127.0.0.1 only"));
	else if (config->auth.mode == AUTH_MODE_TOKEN && !auth_count(agent->auth))
		log_warn("auth.none", LOG_STR("file", auth_file(agent->auth)),
		         LOG_STR("remedy", "there are no tokens yet: 'orasi token create' makes one"));
}

static void on_auth(void *ctx)
{
	struct agent *agent = ctx;

	if (auth_step(agent->auth) && agent->api)
		api_on_auth(agent->api);
}

static enum health_verdict probe_auth(void *ctx, char *detail, size_t cap)
{
	struct agent *agent = ctx;

	if (!*auth_trouble(agent->auth))
		return HEALTH_OK;
	/* everybody may read this: where the file lies is for the log */
	str_copy(detail, cap, "the token file cannot be read, and the tokens before stay in force: see the log");
	return HEALTH_DEGRADED;
}

int agent_open_auth(struct agent *agent, struct err *err)
{
	int r = auth_new(&agent->config->auth, agent->data, &agent->auth, err);

	if (!r && auth_fd(agent->auth) >= 0)
		r = loop_watch_new(agent->loop, auth_fd(agent->auth), on_auth, agent, &agent->auth_watch, err);
	if (!r)
		r = health_add_metrics(agent->health, auth_metrics(agent->auth), err);
	if (!r && auth_is_on(agent->auth))
		r = health_add_probe(agent->health, "auth", probe_auth, agent, err);
	if (!r)
		warn_of_auth(agent);
	return r;
}
