# SPDX-License-Identifier: GPL-2.0
/interface ipip
add comment="one long comment that the export br\
    oke in the middle" name=b remote-address=192.0.2.50
add name=c remote-address=192.0.\
    2.51
