# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=whole remote-address=192.0.2.1
add name=cut remote-address=192.0.2.2 \
