#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Public Delta tables: ours are the rows that ClickHouse reads, or the table is refused with the name of the feature
# that we lack.
. "$(dirname "$0")/lib.sh"
[ -d "$CORPUS/delta" ] || skip_all "the public corpus is not here"

# What a table needs and we have not: a word of the refusal.
declare -A refused=(
	[cdf-table-with-cdc-and-dvs]=deletionVectors
	[checkpoint-v2-table]=v2Checkpoint
	[simple_table_features]=blahabl
	[spark-variant-stable-feature-checkpoint]=variantType
	[table_with_column_mapping]="column mapping"
	[table_with_deletion_logs]=deletionVectors
	[table-with-domain-metadata]=deletionVectors
)
# The corpus has only the log of these.
declare -A without_files=([checkpoints]=1 [checkpoint_with_partitions]=1 [checkpoints_vacuumed]=1 [latest_not_checkpointed]=1)

agent_start || exit 1
for log in "$CORPUS"/delta/*/_delta_log "$CORPUS"/delta/golden/*/_delta_log; do
	[ -d "$log" ] || continue
	location=$(cd "$(dirname "$log")" && pwd)
	name=$(basename "$location")
	dataset=$(printf '%s' "$name" | tr -c 'A-Za-z0-9_' '_')
	answer=$(api PUT "/v1/datasets/$dataset" "{\"location\":\"$location\"}" | jq -r .detail)
	if [ -n "${refused[$name]:-}" ]; then
		case $answer in
		*"${refused[$name]}"*) pass "$name is refused: ${refused[$name]}" ;;
		*) fail "$name is refused: ${refused[$name]}" "$answer" ;;
		esac
	elif [ -n "${without_files[$name]:-}" ]; then
		agree "$name has the files that its log says" "$dataset" files
	else
		agree "$name is read as ClickHouse does" "$dataset" chdb
	fi
done
agent_stop
done_testing
