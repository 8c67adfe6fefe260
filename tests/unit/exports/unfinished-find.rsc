# SPDX-License-Identifier: GPL-2.0
/interface ipip
remove [find name=ipip1
