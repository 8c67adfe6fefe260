#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What Documentation/monitoring.md says, done.
. ./lib.sh
. ./recipes.sh

if [ "$IPIP" = in-tree ]; then
	skip "monitoring" "it is about what the in-tree driver doesn't have"
	exit
fi

# What the page's examples are about.
tunnel_with_keepalive() {
	topo
	ns a ipipctl set t0 keepalive=1s,3 ttl=64
	wait_for 10 answered a t0
}

recipes ../Documentation/monitoring.md "The terminal
Events
The log
Prometheus
SNMP
systemd"
