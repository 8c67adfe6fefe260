# SPDX-License-Identifier: GPL-2.0
/interface ipip
add !keepalive local-address=192.0.2.1 name="site03-branch(backup)" \
    remote-address=198.51.100.7
add !keepalive local-address=192.0.2.1 mtu=1500 name=\
    site04-harbour-backup-radio02 remote-address=198.51.100.8
add !keepalive local-address=192.0.2.1 name=site05-warehouse \
    remote-address=198.51.100.9
add comment="two words" local-address=192.0.2.1 name="north gate" \
    remote-address=198.51.100.10
add name="100%" remote-address=198.51.100.11
add name="\C3\A9\C3\A9 1" remote-address=198.51.100.12
