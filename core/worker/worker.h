/* SPDX-License-Identifier: Apache-2.0 */
/* The orders a worker takes, by role. Every order is {"order": n, "op": "…", …}; the answer is a
 * RESULT or a FAIL with the same number (see wire/wire.h).
 *
 * Common members of an order:
 *   plugins   [{"id","name","kind","path","features":[…]}]: loaded when first needed, by id or name
 *   task, attempt, fence, trace, timeout_ms     of a task's attempt
 *   stage     name of a folder of its own for what it commits, or absent
 *   strangers numbers of those plugins that did not come with the agent and may be loaded for it, or absent
 *   app_id    who commits, unique in the world: agent and task
 *   staging   `stage` below the worker's own folder (--staging), or that itself; made when it is not there
 *   dataset   {"name","location"}
 *
 * role task    runs one attempt with any plugin; writes into its staging folder only, the one given by --staging
 *   ingest          spec (task body), rejects {"name","location"}, checkpoint (last committed intent or
 *                   null) → PART per committed unit of work, RESULT {"rows_in","rows","rejected",
 *                   "bytes_in","files","parts","schema"}. dry_run: RESULT has "preview" too. found {"unit",
 *                   "plugin"}: the format of one unit, see pipeline.h; RESULT may be {"again":found}.
 *   custom          spec (task body), secrets {"<plugin id>":{"<name>":"<base64>"}}, http (may it ask), kv (its
 *                   state: plugin/kv.h; true: it has none yet), checkpoint → PART per checkpoint {"seq","state","by"},
 *                   RESULT {"output":{…},"next":[task bodies],"kv":report}
 *   notify          spec (task body), secrets, kv, checkpoint → PART {"seq","state":[status or null per event]},
 *                   RESULT {"delivered","given_up","statuses":[…],"kv":report}
 *   index.build     index {"name"} → PART with the new segments (none: nothing to do),
 *                   RESULT {"rows","segments","files"}
 *   index.optimize  index {"name"} → PART replacing segments by one, RESULT
 *   optimize        spec {"target_file_bytes","sort_by"} → PART per group of files, RESULT
 *   verify          → RESULT {"files","rows","bytes","problems":[…]}
 *   export          spec {"to","format",…} → one final PART, RESULT {"to","version","rows","files","bytes"}
 *   index.verify    index {"name"}, level → RESULT {"segments","problems":[…]}
 *
 * role table   trusted: makes things true; loads only the dataset plugin (Parquet)
 *   table.commit        intent (a PART of ingest), rejects, task, staging (the folder of all) →
 *                       {"version","rejects_version","already","rows","bytes","files"}; idempotent by the
 *                       intent's app_id and seq
 *   table.index_commit  intent (a PART of index.*), task, staging → {"generation","rows","bytes","segments",
 *                       "already"}
 *   table.index_create  index {"name","plugin","columns":[…],"options":{…}} → {"generation"}; checks
 *                       the columns against the table's schema; the same again is fine
 *   table.index_drop    index {"name"}
 *   table.describe      version → {"version","rows","bytes","files","schema":{Delta},"indexes":[…],
 *                       "configuration":{…},"partition_columns":[…]}
 *   table.files         version, limit, cursor → {"files":[{"path","size","rows","modified"}],"cursor"}
 *   table.history       limit → {"commits":[commitInfo + "version"]}
 *   table.drop          removes the dataset's folder
 *   table.checkpoint    → {"version"}
 *   table.create        schema {Delta}, partition_by, properties → {"version"}; ERR_CONFLICT
 *   table.vacuum        older_than_ms (-1: as the table says), force, dry_run → {"files","bytes"}
 *   table.delete        where {partition column: text} → {"version","rows","bytes","files","removed_files"}
 *   table.sweep         older_than_ms → {"removed"}
 *
 * role place   trusted: puts what is finished where it belongs, which may take long
 *   place.export        intent (the PART of export), task, staging → {"to","rows","files","bytes","already"};
 *                       idempotent
 *
 * role query   resident, reads only
 *   query    sql, datasets [{"name","location"}], format ndjson|csv|json, limit, window → DATA…,
 *            RESULT {"rows","truncated","columns":[{"name","type"}],"elapsed_ms","indexes":[names used],
 *            "scanned_rows"}
 *
 * role fetch   runs no plugin, has sockets
 *   fetch    request, webhook (how to sign it, or absent) → the answer, see blob/fetch.h
 *
 * role scan    short-lived
 *   scan     path → {"bundle","version","license","vendor","plugins":[{"id","name","kind","version",
 *            "summary","features","config_schema","flags","state_version"}]} */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#endif
