#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bounded.sh TIME COMMAND…: the command, which is ended with all that it has started when it takes longer (0: never), or when
# this is told to stop. It gets half a minute to clean up. Ends as the command does; with 124, or 137, when the time was up.
# A signal to this reaches it too, which is in a group of processes of its own.
trap '[ -n "$!" ] && kill -TERM $! 2>/dev/null' INT TERM HUP
env --default-signal=INT,QUIT timeout --kill-after=30 "$@" &
whole=$!
while :; do
	wait $whole
	status=$?
	kill -0 $whole 2>/dev/null || break # a signal only ends the wait
done
trap - INT TERM HUP
case $status in 124 | 137) echo "# ended: it took longer than it may (${1})" ;; esac
exit $status
