# SPDX-License-Identifier: GPL-2.0
/interface gre
add name=gre1 remote-address=192.0.2.93
/interface ipipv6
add name=six remote-address=2001:db8::1
