# SPDX-License-Identifier: GPL-2.0
/interface ipip
set [find name=nobody] mtu=1400
set nobody mtu=1400
