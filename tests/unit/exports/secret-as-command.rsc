# SPDX-License-Identifier: GPL-2.0
/interface ipip
ipsec-secret=hunter2 add name=x remote-address=192.0.2.1
