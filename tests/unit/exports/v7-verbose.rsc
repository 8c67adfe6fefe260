# SPDX-License-Identifier: GPL-2.0
# 2026-03-14 09:30:00 by RouterOS 7.18.2
# software id = 3T5K-9QXZ
#
/interface ipip
add allow-fast-path=yes clamp-tcp-mss=yes comment="" disabled=no \
    dont-fragment=no dscp=inherit ipsec-secret="" keepalive=10s,10 \
    local-address=0.0.0.0 mtu=auto name=ipip-tunnel1 remote-address=192.0.2.9
