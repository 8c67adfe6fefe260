#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs the recipes of Documentation/recipes.md.
. ./lib.sh
. ./recipes.sh

if [ "$IPIP" = in-tree ]; then
	skip "recipes" "they use properties that the in-tree driver doesn't have"
	exit
fi

recipes ../Documentation/recipes.md "Firewall
RouterOS
Cisco
Failover
IPsec
A far end with a dynamic address
IPsec with RouterOS
UDP, through NAT
VRF
Queueing and rates
Several processors
Calico
A real server of LVS or Katran
44Net"
