# SPDX-License-Identifier: GPL-2.0
/interface/ipip
add name=a remote-address=192.0.2.10
/interface/ipip/add name=b remote-address=192.0.2.11
/interface/ipip add name=c remote-address=192.0.2.12
