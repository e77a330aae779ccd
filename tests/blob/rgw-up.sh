#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real S3 server on loopback: one monitor, one object store in memory, one gateway, no manager, nothing of the system.
#   rgw-up.sh FOLDER PORT MONITOR-PORT MONITOR-PORT-1    ready in about 15 s; stop it with kill $(cat FOLDER/pids)
# Keys: AKIDTEST and sekrit.
set -e
dir=$1 port=$2 mon2=$3 mon1=$4
cluster=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
mkdir -p "$dir/mon" "$dir/osd" "$dir/run"
conf=$dir/ceph.conf
cat >"$conf" <<END
[global]
fsid=$cluster
mon host=[v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]
auth cluster required=none
auth service required=none
auth client required=none
ms mon client mode=crc
osd pool default size=1
osd pool default min size=1
osd pool default pg num=1
osd crush chooseleaf type=0
run dir=$dir/run
admin socket=$dir/run/\$name.\$pid.asok
log file=$dir/\$name.log
mon data=$dir/mon
osd data=$dir/osd
osd objectstore=memstore
memstore device bytes=1073741824
public addr=127.0.0.1
cluster addr=127.0.0.1
ms bind ipv6=false
mon data avail crit=1
mon data avail warn=1
[client]
rgw frontends=beast endpoint=127.0.0.1:$port
END
monmaptool --create --fsid "$cluster" --addv a "[v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]" "$dir/monmap" >/dev/null
ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
setsid ceph-mon -c "$conf" -i a -f >"$dir/mon.out" 2>&1 9>&- &
echo $! >"$dir/pids"
ceph() { timeout 60 /usr/bin/ceph -c "$conf" "$@"; }
ceph osd new "$osd" 0 >/dev/null
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" --no-mon-config >/dev/null 2>&1
ceph osd crush add osd.0 1.0 root=default host=h >/dev/null 2>&1
setsid ceph-osd -c "$conf" -i 0 -f --no-mon-config >"$dir/osd.out" 2>&1 9>&- &
echo $! >>"$dir/pids"
# The gateway would ask for cephx and secure connections, whatever the file says.
ceph-authtool --create-keyring "$dir/keyring" --gen-key -n client.rgw >/dev/null
setsid radosgw -c "$conf" -n client.rgw --keyring "$dir/keyring" --auth_client_required=none --ms_mon_client_mode=crc -f \
	>"$dir/rgw.out" 2>&1 9>&- &
echo $! >>"$dir/pids"
for _ in $(seq 300); do
	curl -s -o /dev/null "http://127.0.0.1:$port/" && break
	sleep 0.2
done
timeout 120 radosgw-admin -c "$conf" -n client.rgw --keyring "$dir/keyring" user create --uid t --display-name t \
	--access-key AKIDTEST --secret-key sekrit >/dev/null 2>&1
