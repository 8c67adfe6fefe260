# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A Debian of the folder FIELD that boots in a netns: its systemd, udev and network managers, and
# ipipctl as the packages have it. Sourced behind lib.sh.
#
#   machine_new NETNS		one that has never been started; $machine is its root
#   machine_boot		start it, as after a reset
#   machine_halt		let it go, with its tunnels
#   machine_end			unmount what machine_new has
#   m COMMAND...		a command in it

machine=$WORK/machine/root

machine_new() {	# NETNS
	local unit

	_machine_netns=$1
	mkdir -p "$WORK/machine"
	mount -t tmpfs none "$WORK/machine"
	mkdir "$machine" "$WORK/machine/up" "$WORK/machine/work"
	mount -t overlay -o "lowerdir=$FIELD,upperdir=$WORK/machine/up,workdir=$WORK/machine/work" \
		overlay "$machine"
	tar -C ../build/field -c . | tar -C "$machine" -x --keep-directory-symlink
	: > "$machine/etc/machine-id"
	mkdir -p "$machine/etc/ipip"
	# What would do nothing here but take time, or what systemd 262 can't mount in a chroot.
	for unit in systemd-logind.service console-getty.service getty.target systemd-binfmt.service \
		proc-sys-fs-binfmt_misc.{auto,}mount dev-mqueue.mount sys-kernel-{debug,tracing}.mount; do
		ln -sf /dev/null "$machine/etc/systemd/system/$unit"
	done
	rm -f "$machine/etc/systemd/system/timers.target.wants/"*
	rm -f "$machine/etc/systemd/system/multi-user.target.wants/"*
	rm -f "$machine/etc/systemd/system/network-online.target.wants/"*
}

# What becomes its first process.
_machine_init() {
	cd "$machine" || exit 1
	mount -t proc proc proc
	mount -t sysfs sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount -t tmpfs -o mode=755 tmpfs run
	mount -t tmpfs tmpfs tmp
	mount --rbind /dev dev
	exec chroot . /usr/bin/env -i container=ipip PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --show-status=no --log-level=err
}

machine_boot() {
	export machine
	export -f _machine_init
	ip netns exec "$_machine_netns" unshare --mount --pid --fork --kill-child --uts --ipc --cgroup \
		bash -c _machine_init > "$WORK/machine.log" 2>&1 < /dev/null &
	_machine_unshare=$!
	wait_for 20 _machine_find && wait_for 60 m systemctl is-system-running --wait && return
	{ tail -n 5 "$WORK/machine.log"; m systemctl --failed --plain; m systemctl list-jobs; } 2>&1 | sed 's/^/# /'
	return 1
}

# The child of unshare is the first process in there.
_machine_find() {
	_machine=$(pgrep -P "$_machine_unshare") && [ "$(cat "/proc/$_machine/comm")" = systemd ]
}

machine_halt() {
	local link

	kill -9 "$_machine"
	wait "$_machine_unshare" 2> /dev/null
	for link in $(ip -n "$_machine_netns" -o link show type ipip | sed -n 's/^[0-9]*: \([^@:]*\).*/\1/p'); do
		[ "$link" = tunl0 ] || ip -n "$_machine_netns" link del dev "$link"
	done
}

machine_end() { umount -l "$machine" "$WORK/machine"; }

m() {
	nsenter --target "$_machine" --mount --pid --net --uts --ipc --cgroup --root --wd \
		/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
		SYSTEMD_COLORS=0 SYSTEMD_PAGER='' "$@"
}
