# SPDX-License-Identifier: GPL-2.0
/interface ipip
set [find ipsec-secret~"hunter2["] mtu=1400
