# SPDX-License-Identifier: GPL-2.0
# 2026-03-14 09:31:00 by RouterOS 7.18.2
/interface bridge add name=bridge1
/interface ipip add allow-fast-path=no name=a remote-address=192.0.2.10
/interface ipip add !keepalive name=b remote-address=192.0.2.11 mtu=1480
/ip address add address=10.0.0.1/30 interface=a network=10.0.0.0
