# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name=any remote-address=0.0.0.0
add external=yes name=ext
