# SPDX-License-Identifier: GPL-2.0
/interface ipip
add external=yes ipsec-secret=x name=e
