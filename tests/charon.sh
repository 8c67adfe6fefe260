# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An IKE daemon for each netns, with its configuration below /etc/netns as in ip-netns(8). Sourced in
# the guest, where charon_init makes /etc writable. STRONGSWAN may be a folder
# with another Debian root, whose strongSwan is used then.

# Runs ipipctl, built with sanitizers.
TOOL=${IPIPCTL:-$PWD/../build/tools/ipipctl-asan}
export ASAN_OPTIONS=detect_leaks=0
ctl() {	# NETNS WORD...
	local n=$1
	shift
	ns "$n" "$TOOL" "$@"
}

_charon=${WORK:-/run}
_swanctl=/usr/sbin/swanctl
_charon_root=()

# Makes /etc, which is the host's, writable in the guest. To undo it, unmount /etc.
cover_etc() {	# FOLDER
	mkdir -p "$1/up" "$1/work"
	modprobe -q overlay
	mount -t overlay -o "lowerdir=/etc,upperdir=$1/up,workdir=$1/work" overlay /etc || return
	cat /etc/passwd > /dev/null 2>&1 && return
	# User Mode Linux 5.10 opens no file of the host through an overlay.
	umount -l /etc
	cp -a /etc "$1/copy" && mount --bind "$1/copy" /etc
}

charon_init() {
	cover_etc "$_charon/etc" || return
	[ -z "${STRONGSWAN:-}" ] || charon_other_root
}

charon_other_root() {
	local root=$_charon/root dir

	mkdir -p "$root" "$_charon/root-up" "$_charon/root-work" "$_charon/root-bin" /etc/netns
	mount -t overlay -o "lowerdir=$STRONGSWAN,upperdir=$_charon/root-up,workdir=$_charon/root-work" \
		overlay "$root"
	mkdir -p "$root/etc/netns"
	for dir in proc sys dev run etc/netns; do
		mount --rbind "/$dir" "$root/$dir"
	done
	_charon_root=(chroot "$root")
	_swanctl=$_charon/root-bin/swanctl
	cat > "$_swanctl" <<-END
		#!/bin/sh
		netns=/etc/netns/\$(ip netns identify)
		export STRONGSWAN_CONF="\${STRONGSWAN_CONF:-\$netns/strongswan.conf}"
		export SWANCTL_DIR="\${SWANCTL_DIR:-\$netns/swanctl}"
		exec chroot $root /usr/sbin/swanctl "\$@"
	END
	chmod +x "$_swanctl"
	PATH=$_charon/root-bin:$PATH
}

# Replaces _finish of lib.sh: later test files need the host's /etc again.
charon_finish() {
	local status=$?

	[ -z "${STRONGSWAN:-}" ] || umount -l "$_charon/root"
	umount -l /etc
	(exit $status)
	_finish
}

charon_configure() {	# NETNS
	mkdir -p "/etc/netns/$1/swanctl/conf.d"
	echo 'include conf.d/*.conf' > "/etc/netns/$1/swanctl/swanctl.conf"
	cat > "/etc/netns/$1/strongswan.conf" <<-END
		charon-systemd {
			load_modular = yes
			plugins {
				include /etc/strongswan.d/charon/*.conf
				vici {
					socket = unix:///run/charon-$1.vici
				}
			}
			filelog {
				log {
					path = $_charon/charon-$1.log
					default = 1
					flush_line = yes
				}
			}
			retransmit_timeout = 1.0
		}
		swanctl {
			socket = unix:///run/charon-$1.vici
		}
	END
}

# Starts the daemon and loads the connections, as strongSwan's unit does.
charon_start() {	# NETNS
	local i

	STRONGSWAN_CONF=/etc/netns/$1/strongswan.conf ip netns exec "$1" "${_charon_root[@]}" \
		/usr/sbin/charon-systemd > /dev/null 2>&1 &
	echo $! > "$_charon/charon-$1.pid"
	for ((i = 0; i < 100; i++)); do
		! ip netns exec "$1" swanctl --stats > /dev/null 2>&1 || break
		sleep 0.2
	done
	ip netns exec "$1" swanctl --load-all --noprompt > /dev/null 2>&1
}

charon_stop() {	# NETNS [SIGNAL]
	local pid

	pid=$(cat "$_charon/charon-$1.pid")
	kill "${2:--TERM}" "$pid"
	wait "$pid" 2> /dev/null
	rm -f "/run/charon-$1.vici"
	[ -z "${RESULTS:-}" ] || cp "$_charon/charon-$1.log" "$RESULTS/"
}
