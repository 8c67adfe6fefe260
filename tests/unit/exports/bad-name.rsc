# SPDX-License-Identifier: GPL-2.0
/interface ipip
add name="a\nb" remote-address=198.51.100.11
