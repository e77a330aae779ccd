/* SPDX-License-Identifier: Apache-2.0 */
/* Open files. The soft limit that shells and systemd give (1,024) is for programs that use select(); this one takes what it
 * may. Where that is not enough, fewer connections are allowed, so that workers and files always find a descriptor: who comes
 * too late is told, instead of being cut off without a word. */
#include <errno.h>
#include <sys/resource.h>

#include "agent/inside.h"
#include "base/log.h"

#define OWN 256   /* the store, workers, uploads, files that workers are given */
#define LEAST 128 /* of which half is for connections */

int agent_take_descriptors(int64_t *max_connections, int64_t *before, struct err *err)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)*max_connections + OWN, own;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return err_errno(err, errno, "cannot ask how many files may be open");
	*before = (int64_t)limit.rlim_cur;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < LEAST)
		return err_set(err, ERR_LIMIT,
		               "%llu open files are allowed, and the agent needs %d: raise the limit (ulimit -n, or "
		               "LimitNOFILE= of the unit)",
		               (unsigned long long)limit.rlim_cur, LEAST);
	own = limit.rlim_cur < 2 * OWN ? limit.rlim_cur / 2 : OWN;
	if (limit.rlim_cur - own >= (rlim_t)*max_connections)
		return 0;
	*max_connections = (int64_t)(limit.rlim_cur - own);
	log_warn("agent.descriptors", LOG_INT("open_files", (int64_t)limit.rlim_cur),
	         LOG_INT("max_connections", *max_connections),
	         LOG_STR("reason",
	                 "the limit of open files (ulimit -n, LimitNOFILE=) is lower than http.max_connections wants"));
	return 0;
}
