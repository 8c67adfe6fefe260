# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=m remote-address=192.0.2.5
