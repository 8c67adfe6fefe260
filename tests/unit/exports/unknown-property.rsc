# SPDX-License-Identifier: GPL-2.0
/interface ipip
add arp=enabled loop-protect=on name=u remote-address=192.0.2.90 !loop-protect
