# SPDX-License-Identifier: GPL-2.0
/interface ipip
set [ find name=ipip1 ] mtu=1400
