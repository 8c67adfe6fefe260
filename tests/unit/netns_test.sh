#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On a machine that isn't a guest, tests/lib.sh must not delete other netns. This test runs in its own
# mount namespace with its own /run, so that it can't delete those of the host.

cd "$(dirname "$0")/.." || exit 1
if [ "${1:-}" != apart ]; then
	[ "$(id -u)" = 0 ] || { echo "ok 1 - netns # SKIP needs root"; echo 1..1; exit; }
	exec unshare --mount --net unit/netns_test.sh apart
fi
mount -t tmpfs none /run || exit 1
ip netns add theirs
bash -c '. ./lib.sh; ns_add ours; ns_add theirs; check "made" ip netns exec ours true' > /dev/null 2>&1
left=$(ip netns list | sort)
if [ "$left" = theirs ]; then
	echo "ok 1 - the end of a test deletes its own netns, and no other"
else
	echo "# left: $left"
	echo "not ok 1 - the end of a test deletes its own netns, and no other"
fi
ip netns del theirs
echo 1..1
