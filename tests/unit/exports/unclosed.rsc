# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=w comment="no end remote-address=192.0.2.92
