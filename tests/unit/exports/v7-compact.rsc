# SPDX-License-Identifier: GPL-2.0
# 2026-03-14 09:26:53 by RouterOS 7.18.2
# software id = 3T5K-9QXZ
#
# model = RB5009UG+S+
# serial number = HE108P2XXXX
/interface bridge
add admin-mac=48:A9:8A:00:00:01 auto-mac=no comment=defconf name=bridge
/interface ipip
add allow-fast-path=no !keepalive local-address=198.51.100.7 name=ipip-berlin \
    remote-address=203.0.113.9
add comment="Hamburg, 2nd line" dscp=46 local-address=198.51.100.7 mtu=1400 \
    name=ipip-hamburg remote-address=203.0.113.77
/interface list
add comment=defconf name=WAN
/ip address
add address=10.255.0.1/30 interface=ipip-berlin network=10.255.0.0
/ip firewall filter
add action=accept chain=input comment="add name=notatunnel remote-address=1.2.3.4" \
    protocol=ipip src-address=203.0.113.9
/system identity
set name=gw1
