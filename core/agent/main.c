/* SPDX-License-Identifier: Apache-2.0 */
/* Program orasi-agent: arguments, configuration, and then the agent. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "queue/queue.h"
#include "store/store.h"

static const char usage[] =
	"Usage: orasi-agent [options]\n"
	"\n"
	"  --config FILE    read this configuration (default " ORASI_SYSCONFDIR "/orasi/agent.yaml, if there)\n"
	"  --data DIR       data folder (storage.data)\n"
	"  --listen WHERE   host:port, or unix:PATH (http.listen, http.unix_socket)\n"
	"  --check-config   read and check the configuration, then end\n"
	"  --check-store    verify every page and invariant of the store, then end\n"
	"  --print-config   print the documented configuration in force, then end\n"
	"  --abi-minor N    offer plugins no newer ABI than 1.N (plugins.abi_minor)\n"
	"  --version        print the version\n"
	"  --help           this text\n"
	"\n"
	"Every key of the configuration can be set by a variable, for example ORASI_HTTP_LISTEN.\n";

/* Variables of the other programs, which the agent may meet in its environment. */
static const char *const other_variables[] = {"ORASI_SERVER", "ORASI_TOKEN",  "ORASI_CONFIG",   "ORASI_CORPUS",
                                              "ORASI_PEERS",  "ORASI_SRCDIR", "ORASI_BUILDDIR", NULL};

struct arguments {
	const char *config, *data, *listen, *abi_minor;
	int check, check_store, print, version, help;
};

/* Long arguments by table (getopt.h's struct option and ours do not go together). */
static const struct {
	const char *name;
	size_t offset;
	int takes_value;
} known[] = {
	{"--config", offsetof(struct arguments, config), 1},
	{"--data", offsetof(struct arguments, data), 1},
	{"--listen", offsetof(struct arguments, listen), 1},
	{"--abi-minor", offsetof(struct arguments, abi_minor), 1},
	{"--check-config", offsetof(struct arguments, check), 0},
	{"--check-store", offsetof(struct arguments, check_store), 0},
	{"--print-config", offsetof(struct arguments, print), 0},
	{"--version", offsetof(struct arguments, version), 0},
	{"--help", offsetof(struct arguments, help), 0},
};

static int take_argument(char **argv, int *at, struct arguments *ret)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);
		char *field = (char *)ret + known[i].offset, *arg = argv[*at];

		if (strncmp(arg, known[i].name, n) || (arg[n] && (arg[n] != '=' || !known[i].takes_value)))
			continue;
		if (!known[i].takes_value) {
			*(int *)field = 1;
			return 0;
		}
		if (!arg[n] && !argv[*at + 1]) {
			fprintf(stderr, "orasi-agent: %s needs a value\n", arg);
			return -1;
		}
		*(const char **)field = arg[n] ? arg + n + 1 : argv[++*at];
		return 0;
	}
	fprintf(stderr, "orasi-agent: unknown argument '%s': see --help\n", argv[*at]);
	return -1;
}

/* An address on the command line replaces the configured ones. */
static int set_listen(const char *listen, struct err *err)
{
	int is_unix = str_starts(listen, "unix:");
	int r = option_set(option_find(http_options, "listen"), &agent_config.http, is_unix ? "" : listen, err);

	return r ? r
	         : option_set(option_find(http_options, "unix_socket"), &agent_config.http, is_unix ? listen + 5 : "",
	                      err);
}

static int read_config(const struct arguments *arguments, struct err *err)
{
	static const char usual[] = ORASI_SYSCONFDIR "/orasi/agent.yaml";
	const char *from_environ = getenv("ORASI_CONFIG");
	const char *path = arguments->config ? arguments->config : from_environ;
	int r = config_init(agent_sections, err);

	if (!r && !path && !access(usual, R_OK))
		path = usual;
	if (!r && path)
		r = config_read_file(agent_sections, path, err);
	if (!r)
		r = config_read_environ(agent_sections, (const char *const *)environ, other_variables, err);
	if (!r && arguments->data)
		r = option_set(option_find(agent_storage_options, "data"), &agent_config, arguments->data, err);
	if (!r && arguments->abi_minor)
		r = option_set(option_find(agent_plugin_options, "abi_minor"), &agent_config, arguments->abi_minor,
		               err);
	if (!r && arguments->listen)
		r = set_listen(arguments->listen, err);
	return r;
}

/* Every page and every invariant of the store; also beside an agent that runs. */
/* The store of a data folder, or a file: a copy has any name. */
static int find_store(const char *data, char path[PATH_MAX], struct err *err)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof(magic)] = "";
	struct stat st;
	FILE *file;
	size_t n;

	if (stat(data, &st))
		return err_errno(err, errno, "cannot look at it");
	snprintf(path, PATH_MAX, S_ISDIR(st.st_mode) ? "%s/store.db" : "%s", data);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT
		               ? err_set(err, ERR_NOTFOUND,
		                         "it is no data folder: there is no store.db in '%s'; give a data folder, "
		                         "or a file such as a copy in its backups",
		                         data)
		               : err_errno(err, errno, "cannot open it");
	n = fread(head, 1, sizeof(head), file);
	fclose(file);
	return n == sizeof(head) && !memcmp(head, magic, sizeof(magic))
	               ? 0
	               : err_set(err, ERR_INVALID, "it is no store: it does not begin as an SQLite database does");
}

static int check_store(void)
{
	struct store *store = NULL;
	struct err err = {0};
	char path[PATH_MAX];
	int r;

	str_copy(path, sizeof(path), agent_config.data);
	r = find_store(agent_config.data, path, &err);
	if (!r)
		r = store_open_reader(path, &store, &err);
	if (!r)
		r = store_quick_check(store, &err);
	if (!r)
		r = queue_check(store, &err);
	store_close(store);
	if (r)
		fprintf(stderr, "orasi-agent: store '%s': %s\n", path, err.text);
	else
		printf("store '%s' is in order\n", path);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int serve(void)
{
	struct agent *agent = NULL;
	struct err err = {0};
	int code = EXIT_FAILURE;

	log_setup((enum log_format)agent_config.log_format, (enum log_level)agent_config.log_level, "orasi-agent");
	signal(SIGPIPE, SIG_IGN);
	agent_config.http.open_sockets = *agent_config.auth.peers != '\0';
	if (agent_take_descriptors(&agent_config.http.max_connections, &agent_config.workers.open_files, &err) ||
	    agent_start(&agent_config, &agent, &err))
		log_error("agent.start", LOG_STR("error", err.text));
	else
		code = agent_run(agent);
	agent_free(agent);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct err err = {0};
	int code = EXIT_SUCCESS;

	for (int i = 1; i < argc; i++)
		if (take_argument(argv, &i, &arguments))
			return 2;
	if (arguments.help || arguments.version) {
		printf("%s", arguments.help ? usage : "orasi-agent " ORASI_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (read_config(&arguments, &err)) {
		fprintf(stderr, "orasi-agent: %s\n", err.text);
		code = 2;
	} else if (arguments.print) {
		config_print(agent_sections, stdout);
	} else if (arguments.check_store) {
		code = check_store();
	} else if (!arguments.check) {
		code = serve();
	}
	config_done(agent_sections);
	return code;
}
