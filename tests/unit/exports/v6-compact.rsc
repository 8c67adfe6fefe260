# SPDX-License-Identifier: GPL-2.0
# jan/02/1970 00:07:31 by RouterOS 6.49.10
# software id = ABCD-1234
#
/interface ethernet
set [ find default-name=ether1 ] comment=uplink
/interface ipip
add clamp-tcp-mss=no comment=site1 !keepalive local-address=192.0.2.1 name=\
    ipip-tunnel1 remote-address=192.0.2.2
add disabled=yes dont-fragment=inherit keepalive=1m,3 local-address=192.0.2.1 \
    name=ipip-tunnel2 remote-address=192.0.2.3
/ip pool
add name=dhcp ranges=192.168.88.10-192.168.88.254
