#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# iproute2 6.15
#
# Expected: "ip link set NAME up" and "ip link add NAME type ipip" work with every device name, since the
# position of the argument identifies it as the name.
#
# Actual: the names of options may be abbreviated, and take precedence. A device "b" is taken for "broadcast",
# and "up" for its address; "t" is taken for "txqueuelen", and "type" for its value. The errors name neither
# the device nor the option. After "dev" or "name" the argument is taken for a name.
#
# Why it matters: labs and scripts for tunnels often use short names. Write "ip link set dev NAME" and "ip link add
# name NAME" if you didn't choose the name yourself.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie iproute2=6.15.0-1

hosts a
ip link add name b netns a type veth peer name t netns a
observe "ip link set b up" on a ip link set b up
has "\"up\" is an address" '"up" is invalid lladdr'
observe "ip link set dev b up" on a ip link set dev b up
same "with dev it works" $? 0
observe "ip link add t type ipip remote 10.0.0.2" on a ip link add t type ipip remote 10.0.0.2
has "\"type\" is the length of a queue" '"type" is wrong: Invalid "txqueuelen" value'
observe "ip link set t up" on a ip link set t up
has "\"up\", too" '"up" is wrong: Invalid "txqueuelen" value'
finish
