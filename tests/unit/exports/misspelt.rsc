# SPDX-License-Identifier: GPL-2.0
/interface vlan
add interface=ether1 name=vlan40 vlan-id=40
/interface ipip
add local-address=192.0.2.1 remote-address=198.51.100.30 name=sec1 require-ipsce=yes
