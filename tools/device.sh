#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# For udev: sets the properties of a new tunnel from its file. If that fails, the script removes the
# tunnel, because require-ipsec=yes may be among the properties.

PATH=@SBINDIR@:/usr/sbin:/usr/bin:/sbin:/bin
why=$(ipipctl import "/etc/ipip/device/$1" 2>&1) && exit
logger -t ipipctl -- "${why#ipipctl: }"
ipipctl remove -- "$1"
logger -t ipipctl -- "$1: removed, because it can't have the properties of /etc/ipip/device/$1"
exit 1
