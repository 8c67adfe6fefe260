# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=h remote-address=gw.example.net
