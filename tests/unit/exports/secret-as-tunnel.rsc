# SPDX-License-Identifier: GPL-2.0
/interface ipip
set ipsec-secret=hunter2 name=ipip1
