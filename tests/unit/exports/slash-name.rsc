# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name="a/b" remote-address=198.51.100.11
