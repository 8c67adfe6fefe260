# SPDX-License-Identifier: GPL-2.0
/interface ipip
add copy-from=ipip1 name=copy remote-address=192.0.2.8 mtu=1400
add copy-from=copy name=again remote-address=192.0.2.9
