# SPDX-License-Identifier: GPL-2.0
/ppp secret add name=u password=hunter2 service=any
/ppp secret add name=v password=hunter3 service=any
/interface ipip add name=a remote-address=192.0.2.94
/ppp secret add name=w password=hunter4 service=any
/interface/wireguard/peers/add private-key="hunter5"
/user set admin password=hunter6
