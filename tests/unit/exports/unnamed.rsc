# SPDX-License-Identifier: GPL-2.0
/interface ipip
add remote-address=192.0.2.60
add name=ipip1 remote-address=192.0.2.61
add remote-address=192.0.2.62
add name=ipip3 remote-address=192.0.2.63
