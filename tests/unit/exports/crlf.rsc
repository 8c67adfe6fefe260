# SPDX-License-Identifier: GPL-2.0
/interface ipip
add comment="a b" name=\
    crlf remote-address=192.0.2.30
