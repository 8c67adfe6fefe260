# SPDX-License-Identifier: GPL-2.0
/interface ipip
remove [find name="peer-198.51.100.20"]
add name="peer-198.51.100.20" local-address=192.0.2.1 remote-address=198.51.100.20
remove [find name="gone"]
remove [find where name="ipip1"]
add name=ipip1 remote-address=192.0.2.77 mtu=1400
remove [ find name="two words" ]
remove ipip2
add name=instead remote-address=192.0.2.201
