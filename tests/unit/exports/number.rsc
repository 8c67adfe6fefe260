# SPDX-License-Identifier: GPL-2.0
/interface ipip
set 0 mtu=1400
