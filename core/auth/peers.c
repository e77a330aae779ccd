/* SPDX-License-Identifier: Apache-2.0 */
/* auth.peers: users and groups whose processes may use the Unix sockets. Names are looked up once, at the start. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/inside.h"
#include "base/str.h"

static int find_user(const char *word, uint32_t *ret)
{
	const struct passwd *user;
	uint64_t number;

	if (!str_to_u64(word, &number)) {
		*ret = (uint32_t)number;
		return number < UINT32_MAX ? 0 : ERR_INVALID;
	}
	user = getpwnam(word);
	*ret = user ? user->pw_uid : 0;
	return user ? 0 : ERR_NOTFOUND;
}

static int find_group(const char *word, uint32_t *ret)
{
	const struct group *group;
	uint64_t number;

	if (!str_to_u64(word, &number)) {
		*ret = (uint32_t)number;
		return number < UINT32_MAX ? 0 : ERR_INVALID;
	}
	group = getgrnam(word);
	*ret = group ? group->gr_gid : 0;
	return group ? 0 : ERR_NOTFOUND;
}

static int take_peer(const char *word, struct auth *auth, struct err *err)
{
	int is_group = *word == '@';
	uint32_t *ids = is_group ? auth->gids : auth->uids;
	size_t *n = is_group ? &auth->n_gids : &auth->n_uids;

	if (*n == PEERS_MAX)
		return err_set(err, ERR_LIMIT, "'auth.peers' has more than %d %s", PEERS_MAX,
		               is_group ? "groups" : "users");
	if (is_group ? find_group(word + 1, &ids[*n]) : find_user(word, &ids[*n]))
		return err_set(
			err, ERR_INVALID,
			"'auth.peers': there is no %s '%.60s' on this machine: write a name or a number, a group "
			"with @ before it",
			is_group ? "group" : "user", word + is_group);
	(*n)++;
	return 0;
}

int peers_parse(const char *text, struct auth *auth, struct err *err)
{
	char *copy = strdup(text), *rest = copy;
	int r = copy ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	for (char *word; !r && (word = strsep(&rest, " ,"));)
		if (*word)
			r = take_peer(word, auth, err);
	free(copy);
	return r;
}

static int is_among(const uint32_t *list, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == id)
			return 1;
	return 0;
}

int auth_peer_may(const struct auth *auth, uint32_t uid, const uint32_t *gids, size_t n)
{
	if (!uid || uid == geteuid() || is_among(auth->uids, auth->n_uids, uid))
		return 1;
	for (size_t i = 0; i < n; i++)
		if (is_among(auth->gids, auth->n_gids, gids[i]))
			return 1;
	return 0;
}
