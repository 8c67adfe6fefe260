#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs the examples of Documentation/monitoring.md.
. ./lib.sh
. ./recipes.sh

if [ "$IPIP" = in-tree ]; then
	skip "monitoring" "the page is about properties that the in-tree driver doesn't have"
	exit
fi

# The lab of the page's examples.
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
