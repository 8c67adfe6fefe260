# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=open remote-address=192.0.2.21
add ipsec-secret=x name=closed remote-address=192.0.2.22 require-ipsec=no
