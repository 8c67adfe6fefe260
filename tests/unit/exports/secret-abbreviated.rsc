# SPDX-License-Identifier: GPL-2.0
/interface ipip
add ipsec-secr=hunter2 name=short remote-address=192.0.2.1
add ipsec-secret-fil=/nonexistent name=file remote-address=192.0.2.2
