# SPDX-License-Identifier: GPL-2.0
/interface ipip
add keepalive=00:00:10,3 name=a remote-address=192.0.2.70
add keepalive=1w2d3h4m5s,1 name=b remote-address=192.0.2.71
add keepalive=30 name=c remote-address=192.0.2.72
add keepalive=100ms,1 name=d remote-address=192.0.2.73
add keepalive=4294967295s,4294967295 name=e remote-address=192.0.2.74
add keepalive=0s,5 name=f remote-address=192.0.2.75
