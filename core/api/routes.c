/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes, of query parameters and of the shapes that are sent and answered. Requests
 * are routed and checked by it, and GET /v1/openapi.json is printed from it. */
#include "api/inside.h"

#define JSON_MAX (1u << 20)
#define BATCH_MAX (16u << 20)
#define WITHOUT_END UINT64_MAX

const struct api_route api_table[] = {
	/* tasks */
	{"POST", "/v1/tasks", handle_tasks_post, BATCH_MAX, 0, "createTasks",
	 "Puts one task, or many at once: all or none.", NULL, "TaskSubmit",
	 "201:Task 200:TaskOrList"},
	{"GET", "/v1/tasks", handle_tasks_get, 0, 0, "listTasks", "Lists tasks, the newest first.",
	 "state kind queue dataset label.* parent created_after created_before limit cursor", NULL,
	 "200:TaskPage"},
	{"GET", "/v1/tasks/{id}", handle_task_get, 0, 0, "getTask",
	 "One task; with wait only when it has ended, or has changed from If-None-Match.", "wait",
	 NULL, "200:Task 304"},
	{"GET", "/v1/tasks/{id}/attempts", handle_task_attempts, 0, 0, "listAttempts",
	 "The attempts of a task.", NULL, NULL, "200:AttemptList"},
	{"GET", "/v1/tasks/{id}/result", handle_task_result, 0, 0, "getResult",
	 "The result of a task that succeeded.", NULL, NULL, "200:Any"},
	{"GET", "/v1/tasks/{id}/events", handle_task_events, 0, HTTP_REPLY_STREAM, "streamTask",
	 "The events of a task until it has ended, as server-sent events.", NULL, NULL,
	 "200:text/event-stream 204"},
	{"POST", "/v1/tasks/{id}:cancel", handle_task_cancel, 0, 0, "cancelTask",
	 "Cancels a task that waits, asks one that runs to stop.", NULL, NULL, "200:Task"},
	{"POST", "/v1/tasks/{id}:retry", handle_task_retry, 0, 0, "retryTask",
	 "Lets a failed, cancelled or expired task run again.", NULL, NULL, "200:Task"},
	{"GET", "/v1/events", handle_events, 0, HTTP_REPLY_STREAM, "streamEvents",
	 "The events of all tasks, as server-sent events.", NULL, NULL, "200:text/event-stream"},
	/* data */
	{"POST", "/v1/uploads", handle_upload_post, WITHOUT_END, HTTP_BODY_STREAM, "createUpload",
	 "Takes a file that tasks may name as their source.", NULL, "application/octet-stream",
	 "201:Upload"},
	{"POST", "/v1/query", handle_query, JSON_MAX, 0, "query", "Runs SQL and streams the rows.",
	 NULL, "Query", "200:application/x-ndjson 200:application/json 200:text/csv"},
	/* datasets */
	{"GET", "/v1/datasets", handle_datasets_get, 0, 0, "listDatasets",
	 "The datasets that are known.", NULL, NULL, "200:DatasetList"},
	{"GET", "/v1/datasets/{dataset}", handle_dataset_get, 0, 0, "getDataset",
	 "A dataset with its schema, as its table says.", NULL, NULL, "200:DatasetFull"},
	{"PUT", "/v1/datasets/{dataset}", handle_dataset_put, JSON_MAX, 0, "createDataset",
	 "Makes an empty dataset known; ingest does it by itself.", NULL, "DatasetPut",
	 "201:Dataset 200:Dataset"},
	{"DELETE", "/v1/datasets/{dataset}", handle_dataset_delete, 0, 0, "dropDataset",
	 "Drops a dataset with its files and indexes.", "keep_data", NULL, "204"},
	{"GET", "/v1/datasets/{dataset}/schema", handle_dataset_schema, 0, 0, "getSchema",
	 "The schema as Delta Lake writes it.", NULL, NULL, "200:DeltaSchema"},
	{"GET", "/v1/datasets/{dataset}/files", handle_dataset_files, 0, 0, "listFiles",
	 "The data files of the current version.", "limit cursor", NULL, "200:FilePage"},
	{"GET", "/v1/datasets/{dataset}/history", handle_dataset_history, 0, 0, "listCommits",
	 "The commits, the newest first.", "limit", NULL, "200:CommitList"},
	/* indexes */
	{"GET", "/v1/datasets/{dataset}/indexes", handle_indexes_get, 0, 0, "listIndexes",
	 "The indexes of a dataset.", NULL, NULL, "200:IndexList"},
	{"POST", "/v1/datasets/{dataset}/indexes", handle_indexes_post, JSON_MAX, 0, "createIndex",
	 "Creates an index and begins to build it.", NULL, "IndexPost",
	 "201:IndexCreated 200:IndexCreated"},
	{"GET", "/v1/datasets/{dataset}/indexes/{index}", handle_index_get, 0, 0, "getIndex",
	 "One index.", NULL, NULL, "200:Index"},
	{"DELETE", "/v1/datasets/{dataset}/indexes/{index}", handle_index_delete, 0, 0, "dropIndex",
	 "Drops an index.", NULL, NULL, "204"},
	{"POST", "/v1/datasets/{dataset}/indexes/{index}:build", handle_index_build, 0, 0,
	 "buildIndex", "Puts a task that indexes what is new.", NULL, NULL, "202:Task"},
	{"POST", "/v1/datasets/{dataset}/indexes/{index}:verify", handle_index_verify, 0, 0,
	 "verifyIndex", "Puts a task that checks the index.", NULL, NULL, "202:Task"},
	{"POST", "/v1/datasets/{dataset}/indexes/{index}:optimize", handle_index_optimize, 0, 0,
	 "optimizeIndex", "Puts a task that merges the segments.", NULL, NULL, "202:Task"},
	/* plugins */
	{"GET", "/v1/plugins", handle_plugins_get, 0, 0, "listPlugins",
	 "Every plugin file with its state, also those that were refused.", NULL, NULL,
	 "200:PluginList"},
	{"GET", "/v1/plugins/{id}", handle_plugin_get, 0, 0, "getPlugin",
	 "An active plugin with its options.", NULL, NULL, "200:Plugin"},
	{"POST", "/v1/plugins:rescan", handle_plugins_rescan, 0, 0, "rescanPlugins",
	 "Looks at the plugin folders again.", NULL, NULL, "202:Rescan"},
	{"POST", "/v1/plugins/{id}:clear", handle_plugin_clear, 0, 0, "clearPlugin",
	 "Ends the quarantine of a plugin.", NULL, NULL, "204"},
	/* the agent */
	{"GET", "/v1/agent", handle_agent, 0, 0, "getAgent", "Who this agent is.", NULL, NULL,
	 "200:Agent"},
	{"GET", "/v1/status", handle_status, 0, 0, "getStatus", "What it is doing.", NULL, NULL,
	 "200:Status"},
	{"GET", "/v1/metrics", handle_metrics_json, 0, 0, "getMetrics", "The metrics as JSON.",
	 NULL, NULL, "200:Metrics"},
	{"GET", "/v1/openapi.json", handle_openapi, 0, 0, "getOpenapi", "This description.", NULL,
	 NULL, "200:Any 304"},
	{"GET", "/metrics", handle_metrics, 0, 0, "scrape", "The metrics for Prometheus.", NULL,
	 NULL, "200:text/plain"},
	{"GET", "/health", handle_health, 0, 0, "getHealth",
	 "The verdict; 503 when something fails.", NULL, NULL, "200:Health 503:Health"},
	{"GET", "/health/live", handle_health_live, 0, 0, "getLive",
	 "200 while the agent answers at all.", NULL, NULL, "200:Health"},
	{"GET", "/health/ready", handle_health_ready, 0, 0, "getReady",
	 "200 when it can do work; 503 while it starts, stops or fails.", NULL, NULL,
	 "200:Health 503:Health"},
	{0},
};

const struct api_param api_params[] = {
	{"state", "{\"$ref\":\"#/components/schemas/State\"}", "Tasks in this state."},
	{"kind", "{\"type\":\"string\"}", "Tasks of this kind."},
	{"queue", "{\"type\":\"string\"}", "Tasks of this queue."},
	{"dataset", "{\"type\":\"string\"}", "Tasks of this dataset."},
	{"label.*", "{\"type\":\"string\"}",
	 "Tasks whose label of this name has this text, e.g. label.team=web."},
	{"parent", "{\"type\":\"string\"}", "Tasks that this task has put."},
	{"created_after", "{\"type\":\"string\",\"format\":\"date-time\"}",
	 "Tasks created later than this."},
	{"created_before", "{\"type\":\"string\",\"format\":\"date-time\"}",
	 "Tasks created before this."},
	{"limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000}", "How many at most."},
	{"cursor", "{\"type\":\"string\"}", "Where to go on: next_cursor of the page before."},
	{"wait", "{\"type\":\"string\"}", "How long to wait, e.g. 30s."},
	{"keep_data", "{\"type\":\"boolean\"}", "true: forget the dataset, leave its files."},
	{0},
};

#define OBJECT(required, properties) \
	"{\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}}"
#define S "{\"type\":\"string\"}"
#define SN "{\"type\":[\"string\",\"null\"]}"
#define I "{\"type\":\"integer\"}"
#define IN "{\"type\":[\"integer\",\"null\"]}"
#define B "{\"type\":\"boolean\"}"
#define T "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TN "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define FREE "{\"type\":\"object\",\"additionalProperties\":true}"
#define LIST(item) "{\"type\":\"array\",\"items\":" item "}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

#define TASK_REQUIRED                                                                             \
	"\"id\",\"kind\",\"state\",\"queue\",\"dataset\",\"priority\",\"attempt\",\"max_"         \
	"attempts\","                                                                             \
	"\"timeout_ms\",\"cancel_requested\",\"created_at\",\"run_at\",\"expires_at\",\"started_" \
	"at\","                                                                                   \
	"\"finished_at\",\"parent\",\"labels\",\"trace\",\"worker\",\"progress\",\"error\""
#define TASK_PROPERTIES                                                                          \
	"\"id\":" S ",\"kind\":" S ",\"state\":" REF(                                            \
	        "State") ",\"queue\":" S ",\"dataset\":" SN ",\"priority\":" I ",\"attempt\":" I \
	                 ",\"max_attempts\":" I ",\"timeout_ms\":" I ",\"cancel_requested\":" B  \
	                 ",\"created_at\":" TN ",\"run_at\":" TN ",\"expires_at\":" TN           \
	                 ",\"started_at\":" TN ",\"finished_at\":" TN ",\"parent\":" SN          \
	                 ",\"labels\":{\"type\":\"object\",\"additionalProperties\":" S          \
	                 "},\"trace\":" SN ",\"worker\":" SN ",\"progress\":{\"oneOf\":[" REF(   \
	                         "Progress") ",{\"type\":\"null\"}]}"                            \
	                                     ",\"error\":{\"oneOf\":[" REF(                      \
	                                             "TaskError") ",{\"type\":\"null\"}]}"
#define DATASET_REQUIRED                                                                      \
	"\"name\",\"location\",\"created_at\",\"updated_at\",\"version\",\"rows\",\"bytes\"," \
	"\"files\""
#define DATASET_PROPERTIES                                                           \
	"\"name\":" S ",\"location\":" S ",\"created_at\":" TN ",\"updated_at\":" TN \
	",\"version\":" IN ",\"rows\":" IN ",\"bytes\":" IN ",\"files\":" IN
#define INDEX_REQUIRED                                                                           \
	"\"dataset\",\"name\",\"plugin\",\"columns\",\"options\",\"created_at\",\"updated_at\"," \
	"\"generation\",\"rows\",\"bytes\",\"segments\""
#define INDEX_PROPERTIES                                                                         \
	"\"dataset\":" S ",\"name\":" S ",\"plugin\":" S                                         \
	",\"columns\":" LIST(S) ",\"options\":" FREE ",\"created_at\":" TN ",\"updated_at\":" TN \
	                        ",\"generation\":" IN ",\"rows\":" IN ",\"bytes\":" IN           \
	                        ",\"segments\":" IN

const struct api_schema api_schemas[] = {
	{"Any", "{\"description\":\"Any JSON value.\"}"},
	{"State", "{\"type\":\"string\",\"enum\":[\"scheduled\",\"ready\",\"running\","
                  "\"succeeded\",\"failed\","
                  "\"cancelled\",\"expired\"]}"},
	{"Progress",
	 OBJECT("\"done\",\"total\",\"rows\",\"rejected\",\"note\"",
                "\"done\":" I ",\"total\":" I ",\"rows\":" I ",\"rejected\":" I ",\"note\":" SN)},
	{"TaskError", OBJECT("\"code\",\"detail\",\"where\",\"retryable\"",
                             "\"code\":" S ",\"detail\":" SN ",\"where\":" SN ",\"retryable\":" B)},
	{"TaskBrief", OBJECT(TASK_REQUIRED, TASK_PROPERTIES)},
	{"Task", OBJECT(TASK_REQUIRED ",\"spec\",\"result\"",
                        TASK_PROPERTIES ",\"spec\":{},\"result\":{}")},
	{"TaskPage", OBJECT("\"items\",\"next_cursor\"",
                            "\"items\":" LIST(REF("TaskBrief")) ",\"next_cursor\":" SN)},
	{"TaskList", OBJECT("\"tasks\"", "\"tasks\":" LIST(REF("TaskPut")))},
	{"TaskPut", OBJECT("\"id\",\"existed\"", "\"id\":" S ",\"existed\":" B)},
	{"TaskOrList", "{\"oneOf\":[" REF("Task") "," REF("TaskList") "]}"},
	{"TaskOne", "{\"oneOf\":[" REF("IngestTask") "," REF("IndexTask") "," REF(
                            "MaintainTask") "," REF("QueryTask") "]}"},
	{"TaskSubmit",
	 "{\"oneOf\":[" REF("TaskOne") ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":10000,"
                                       "\"items\":" REF("TaskOne") "}]}"},
	{"Attempt",
	 OBJECT("\"attempt\",\"worker\",\"outcome\",\"started_at\",\"finished_at\",\"error_code\","
                "\"error\"",
                "\"attempt\":" I ",\"worker\":" SN ",\"outcome\":" SN ",\"started_at\":" TN
                ",\"finished_at\":" TN ",\"error_code\":" SN ",\"error\":" SN)},
	{"AttemptList", OBJECT("\"items\"", "\"items\":" LIST(REF("Attempt")))},
	{"Upload", OBJECT("\"id\",\"bytes\",\"expires_at\"",
                          "\"id\":" S ",\"bytes\":" I ",\"expires_at\":" T)},
	{"Query", OBJECT("\"sql\"",
                         "\"sql\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000000},"
                         "\"format\":{\"type\":\"string\",\"enum\":[\"ndjson\",\"json\",\"csv\"]},"
                         "\"limit\":{\"type\":\"integer\",\"minimum\":0,\"default\":0,"
                         "\"description\":\"Rows at most; 0: all.\"}")},
	{"Dataset", OBJECT(DATASET_REQUIRED, DATASET_PROPERTIES)},
	{"DatasetFull",
	 OBJECT(DATASET_REQUIRED ",\"schema\",\"configuration\",\"partition_columns\",\"indexes\"",
                DATASET_PROPERTIES ",\"schema\":{},\"configuration\":{},\"partition_columns\":{},"
                                   "\"indexes\":{}")},
	{"DatasetList", OBJECT("\"items\"", "\"items\":" LIST(REF("Dataset")))},
	{"DatasetPut",
	 OBJECT("", "\"location\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":3000,"
                    "\"description\":\"Absolute folder; default: in the agent's data folder.\"}")},
	{"DeltaSchema", FREE},
	{"FilePage", FREE},
	{"CommitList", FREE},
	{"Index", OBJECT(INDEX_REQUIRED, INDEX_PROPERTIES)},
	{"IndexCreated", OBJECT(INDEX_REQUIRED ",\"task\"", INDEX_PROPERTIES ",\"task\":" SN)},
	{"IndexList", OBJECT("\"items\"", "\"items\":" LIST(REF("Index")))},
	{"IndexPost",
	 OBJECT("\"name\",\"plugin\",\"columns\"",
                "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128},"
                "\"plugin\":{\"type\":\"string\",\"minLength\":1},"
                "\"columns\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"uniqueItems\":"
                "true,"
                "\"items\":{\"type\":\"string\",\"minLength\":1}},"
                "\"options\":" FREE ",\"build\":{\"type\":\"boolean\",\"default\":true}")},
	{"Plugin", FREE},
	{"PluginList", OBJECT("\"items\"", "\"items\":" LIST(FREE))},
	{"Rescan", OBJECT("\"busy\"", "\"busy\":" B)},
	{"Agent", OBJECT("\"name\",\"version\",\"host\",\"pid\",\"data_dir\",\"started_at\"",
                         "\"name\":" S ",\"version\":" S ",\"host\":" S ",\"pid\":" I
                         ",\"data_dir\":" S ",\"started_at\":" T)},
	{"Worker", OBJECT("\"role\",\"state\",\"pid\",\"started_at\",\"served\",\"task\"",
                          "\"role\":" S ",\"state\":" S ",\"pid\":" I ",\"started_at\":" TN
                          ",\"served\":" I ",\"task\":" SN)},
	{"Status",
	 OBJECT("\"version\",\"started_at\",\"uptime_ms\",\"health\",\"ready\",\"tasks\","
                "\"workers\",\"datasets\"",
                "\"version\":" S ",\"started_at\":" T ",\"uptime_ms\":" I ",\"health\":" REF(
                        "Verdict") ",\"ready\":" B
                                   ",\"tasks\":{\"type\":\"object\",\"additionalProperties\":" I "}"
                                   ",\"workers\":" LIST(REF("Worker")) ",\"datasets\":" OBJECT(
                                           "\"count\",\"rows\",\"bytes\"",
                                           "\"count\":" I ",\"rows\":" I ",\"bytes\":" I))},
	{"Verdict", "{\"type\":\"string\",\"enum\":[\"ok\",\"degraded\",\"failing\"]}"},
	{"Probe", OBJECT("\"name\",\"status\",\"detail\"",
                         "\"name\":" S ",\"status\":" REF("Verdict") ",\"detail\":" S)},
	{"Health",
	 OBJECT("\"status\",\"ready\",\"probes\"",
                "\"status\":" REF("Verdict") ",\"ready\":" B ",\"probes\":" LIST(REF("Probe")))},
	{"Metrics", OBJECT("\"metrics\"", "\"metrics\":" LIST(FREE))},
	{"Problem",
	 OBJECT("\"type\",\"title\",\"status\",\"detail\",\"instance\",\"retryable\"",
                "\"type\":" S ",\"title\":" S ",\"status\":" I ",\"detail\":" S ",\"instance\":" S
                ",\"retryable\":" B ",\"retry_after_ms\":" I ",\"position\":" S ",\"errors\":" LIST(
                        OBJECT("\"pointer\",\"detail\"", "\"pointer\":" S ",\"detail\":" S)))},
	{0},
};
