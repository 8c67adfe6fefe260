# SPDX-License-Identifier: GPL-2.0
/interface ipip
add comment=Zürich name=z remote-address=192.0.2.43
