#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# For udev: give a tunnel that is new the properties of its file. One that can't have them goes,
# because require-ipsec=yes may be among them.

PATH=@SBINDIR@:/usr/sbin:/usr/bin:/sbin:/bin
why=$(ipipctl import "/etc/ipip/device/$1" 2>&1) && exit
logger -t ipipctl -- "${why#ipipctl: }"
ipipctl remove -- "$1"
logger -t ipipctl -- "$1: removed, because it can't have the properties of /etc/ipip/device/$1"
exit 1
