# SPDX-License-Identifier: GPL-2.0
/interface ipip
add allow-fast-path=no ipsec-secret="p\"a\\s\$s w?rd" name=secret \
    remote-address=192.0.2.20
