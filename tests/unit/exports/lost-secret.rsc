# SPDX-License-Identifier: GPL-2.0
/interface ipip
add allow-fast-path=no name=was-secret remote-address=192.0.2.5
add name=never-was remote-address=192.0.2.6
add allow-fast-path=no name=shut remote-address=192.0.2.7 require-ipsec=yes
