# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=v mtu=70000 remote-address=192.0.2.91
