# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=w remote-address=[:resolve gw.example.net]
