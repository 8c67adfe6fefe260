#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make load` and `make unload`: the drivers take each other's place, and live
# tunnels don't go unasked.
. ./lib.sh

if [ "$IPIP" = in-tree ]; then
	skip "swapping the drivers" "this is about our module"
	exit
fi
loaded() { [ -e /sys/module/ipip ] && { [ -e /sys/module/ipip/version ] && echo ours || echo in-tree; }; }

topo
refuse "unload with live tunnels" ./swap unload
cp "$WORK/output" "$WORK/said"
check "it names them" grep -q 'netns a: .*t0' "$WORK/said"
check "and says how to go on" grep -q 'FORCE=1' "$WORK/said"
check "the tunnels still work" ns a ping -c 1 -W 5 192.168.0.2
check "unload with FORCE=1" env FORCE=1 ./swap unload
is "nothing is loaded" "$(loaded)" ""
check "unload once more" ./swap unload

modprobe -i ipip
is "the in-tree driver is loaded" "$(loaded)" in-tree
refuse "insmod next to the in-tree driver" insmod "$MODULE"
check "it says that it is there already" grep -q 'File exists' "$WORK/output"
tunnel a 10.1.0.1 10.2.0.1
refuse "load with a tunnel of the in-tree driver" ./swap load "$MODULE"
check "it names it" grep -q 'netns a: .*t0' "$WORK/output"
is "the in-tree driver stays" "$(loaded)" in-tree
ip -n a link del t0
check "load in its place" ./swap load "$MODULE"
is "ours is loaded" "$(loaded)" ours
tunnel a 10.1.0.1 10.2.0.1
tunnel b 10.2.0.1 10.1.0.1
ip -n a addr add 192.168.0.1/30 dev t0
ip -n b addr add 192.168.0.2/30 dev t0
check "and works" ns a ping -c 1 -W 5 192.168.0.2
refuse "load without a right to" setpriv --reuid 65534 --clear-groups ./swap load "$MODULE"
