# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An IKE daemon for each netns, with a configuration of its own where ip-netns(8)
# puts it. Sourced in the guest, where /etc can't be written to but through this.

_charon=${WORK:-/run}

charon_init() {
	mkdir -p "$_charon/etc" "$_charon/etc-work"
	modprobe -q overlay
	mount -t overlay -o "lowerdir=/etc,upperdir=$_charon/etc,workdir=$_charon/etc-work" overlay /etc
}

# In the place of lib.sh's: later files want the machine's /etc.
charon_finish() {
	local status=$?

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

# As strongSwan's unit does.
charon_start() {	# NETNS
	local i

	ip netns exec "$1" /usr/sbin/charon-systemd > /dev/null 2>&1 &
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
