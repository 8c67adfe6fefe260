# SPDX-License-Identifier: GPL-2.0
/interface ipip
set [ find remote-address=192.0.2.200 or (name=ipip2 and !disabled) ] mtu=1400
set ipip2 comment="of two lines" !keepalive
disable [find name~"^ipip[0-9]$"]
enable ipip2
add name=new remote-address=192.0.2.9
set [find name=new] ttl=33
add name=brief remote-address=192.0.2.10
remove brief
/interface ipip set [find mtu>68 and mtu<=1400] dscp=10
