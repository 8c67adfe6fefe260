# SPDX-License-Identifier: GPL-2.0
/interface ipip
add keepalive=10s,0 name=z remote-address=192.0.2.5
add keepalive=0s,0 name=off remote-address=192.0.2.6
