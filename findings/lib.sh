# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the findings. Restarts the script in new mount and process namespaces. Everything that it
# fetches and starts is in $work, and is removed when it ends.
#
#   fetch SUITE PACKAGE[=VERSION]...	unpack these Debian packages and their dependencies into $root
#   fetch_beside FOLDER SUITE PACKAGE=VERSION...	the same without dependencies, into a folder of $root
#   run COMMAND...		run a command of $root
#   hosts NAME...		make network namespaces; no packet leaves them
#   on NAME COMMAND...		run a command of $root in one of them
#   cable A B			connect two of them by a veth pair: A has the device B, B has A
#   boot SECONDS		run the script on standard input in Debian's user-mode-linux, which is in $root.
#				The script may use `hosts`, `cable`, `wait_for` and `on`
#   part NAME			print that script's output after its line "== NAME"
#   strongswan_hosts VERSION	print text to put before a script for boot: two hosts with strongSwan
#   observe NAME COMMAND...	run a command, print its output as comments, and keep it in $seen
#   has NAME PATTERN...		passes if the output that was observed last matches each pattern
#   lacks NAME PATTERN		passes if it doesn't match the pattern
#   same NAME GOT WANT		passes if GOT and WANT are the same
#   finish			print the plan and exit

set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

if [ -z "${FINDING:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "must be root: it makes network namespaces" >&2; exit 2; }
	FINDING=$(mktemp -d) || exit 2
	trap 'rm -rf "$FINDING"' EXIT
	trap 'exit 130' INT TERM
	export FINDING
	unshare --mount --ipc --pid --fork --kill-child bash "$0" "$@"
	exit
fi

work=$FINDING
root=$work/root
seen=$work/seen
_n=0
_failed=0

_die() { echo "Bail out! $*"; exit 2; }

_verdict() {	# PASSED NAME
	_n=$((_n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $_n - $2"
	else
		echo "not ok $_n - $2"
		_failed=1
	fi
}

observe() {
	local name=$1 status

	shift
	"$@" > "$seen" 2>&1 < /dev/null
	status=$?
	echo "# $name"
	sed 's/^/#   /' "$seen"
	[ $status = 0 ] || echo "#   (exit status $status)"
	return $status
}

# Patterns are extended regular expressions for a line.
has() {
	local name=$1 pattern found=1

	shift
	for pattern; do
		grep -qE -- "$pattern" "$seen" || found=0
	done
	_verdict $found "$name"
}

lacks() {
	_verdict "$(grep -qE -- "$2" "$seen" && echo 0 || echo 1)" "$1"
}

same() {
	[ "$2" = "$3" ] || echo "# $1: got '$2', want '$3'"
	_verdict "$([ "$2" = "$3" ] && echo 1 || echo 0)" "$1"
}

finish() {
	echo "1..$_n"
	exit $_failed
}

# Repeats a command until it succeeds, or fails after so many seconds.
wait_for() {
	local end=$((SECONDS + $1)) late=0

	shift
	while :; do
		[ $SECONDS -lt $end ] || late=1
		"$@" > /dev/null 2>&1 && return
		[ $late = 0 ] || return 1
		sleep 0.2
	done
}

# Runs apt-get for a suite, with a state in which no package is installed.
_apt() {	# SUITE ARGUMENT...
	local state=$work/apt-$1 mirror

	if [ ! -e "$state/sources" ]; then
		# shellcheck disable=SC2016 # apt-get expands it
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
			"Codename: $(. /etc/os-release; echo "$VERSION_CODENAME")" | head -n 1)
		[ -n "$mirror" ] || _die "no Debian mirror is configured"
		mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
		echo "deb $mirror $1 main" > "$state/sources"
		: > "$state/status"
		_apt "$1" update || _die "$1: no list of packages"
	fi
	apt-get -qq -o Dir::Etc::SourceList="$state/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$state" -o Dir::State::Status="$state/status" -o Dir::Cache="$state/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::Check-Valid-Until=false -o Dpkg::Use-Pty=0 "${@:2}"
}

_unpack() {	# FILE...
	local folder deb

	if [ ! -e "$root" ]; then
		for folder in bin sbin lib lib64; do
			mkdir -p "$root/usr/$folder"
			ln -s "usr/$folder" "$root/$folder"
		done
		mkdir -p "$root"/{dev,etc,proc,root,run,sys,tmp,var/lib}
		chmod 1777 "$root/tmp"
	fi
	for deb; do
		dpkg -x "$deb" "$root" || _die "$deb can't be unpacked"
		rm "$deb"
	done
}

# Prints the packages with a version, which the finding is about.
_named() {	# PACKAGE[=VERSION]...
	printf '%s\n' "$@" | sed -n 's/^/# /; s/=/ /p'
}

fetch() {
	_named "${@:2}"
	_apt "$1" -y --no-install-recommends --download-only install bash coreutils "${@:2}" > "$work/log" 2>&1 || {
		sed 's/^/# /' "$work/log"
		_die "the mirror may no longer have this version: test a newer one, and name it in the script"
	}
	_unpack "$work/apt-$1"/cache/archives/*.deb
	_furnish
}

fetch_beside() {	# FOLDER SUITE PACKAGE=VERSION...
	local deb

	_named "${@:3}"
	_apt "$2" check
	mkdir -p "$work/beside"
	(cd "$work/beside" && _apt "$2" download "${@:3}") > "$work/log" 2>&1 ||
		_die "the mirror no longer has ${*:3}"
	for deb in "$work"/beside/*.deb; do
		dpkg -x "$deb" "$root/$1" || _die "$deb can't be unpacked"
	done
	rm -r "$work/beside"
}

# Makes what the packages' scripts would have made, since the packages are only unpacked.
_furnish() {
	[ ! -e "$root/etc/passwd" ] || return 0
	printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534::/:/bin/false \
		messagebus:x:100:100::/:/bin/false tcpdump:x:101:101::/:/bin/false \
		bird:x:102:102::/:/bin/false systemd-network:x:103:103::/:/bin/false > "$root/etc/passwd"
	printf '%s\n' root:x:0: nogroup:x:65534: messagebus:x:100: tcpdump:x:101: bird:x:102: \
		systemd-network:x:103: > "$root/etc/group"
	[ -L "$root/var/run" ] || { rm -rf "$root/var/run"; ln -s /run "$root/var/run"; }
	[ -e "$root/bin/sh" ] || ln -s bash "$root/bin/sh"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
}

run() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TERM=dumb chroot "$root" "$@"
}

hosts() {
	local name

	# A guest already has its own /run.
	[ -z "${root:-}" ] || [ -e /run/netns/.ours ] || mount -t tmpfs tmpfs /run
	mkdir -p /run/netns
	touch /run/netns/.ours
	for name; do
		ip netns add "$name" || exit 2
		ip -n "$name" link set dev lo up
	done
}

# The command sees the namespace's own /sys.
on() {
	local name=$1

	shift
	# shellcheck disable=SC2016 # the shell inside expands it
	ip netns exec "$name" bash -c 'mount --rbind /sys "$0/sys" && exec env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TERM=dumb chroot "$0" "$@"' "$root" "$@"
}

cable() {
	ip link add name "$2" netns "$1" type veth peer name "$1" netns "$2"
	ip -n "$1" link set dev "$2" up
	ip -n "$2" link set dev "$1" up
}

# Prints the beginning of a script for boot.
_guest() {
	cat <<- END
		#!/bin/bash
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs devtmpfs /dev
		mount -t tmpfs tmpfs /tmp
		mount -t tmpfs tmpfs /run
		modprobe -a veth
		on() { ip netns exec "\$@"; }
		$(declare -f hosts cable wait_for)
	END
}

boot() {	# SECONDS
	local kernel

	kernel=$(ls "$root/usr/lib/uml/modules")
	echo "# Linux $kernel as User Mode Linux"
	mkdir -p "$root/lib/modules"
	ln -sfn "/usr/lib/uml/modules/$kernel" "$root/lib/modules/$kernel"
	{ _guest; cat; } > "$root/root/script"
	printf '%s\n' '#!/bin/bash' 'bash /root/script > /root/output 2>&1' 'busybox poweroff -f' > "$root/root/init"
	chmod +x "$root/root/init"
	run env TMPDIR=/tmp timeout "$1" linux.uml mem=512M root=/dev/root rootfstype=hostfs rootflags=/ rw \
		init=/root/init con=null con0=null,fd:1 quiet > "$work/console" 2>&1 < /dev/null
	if ! grep -q '^== end' "$root/root/output"; then
		tail -n 20 "$work/console" "$root/root/output" | sed 's/^/# /'
		_die "the script in User Mode Linux hasn't reached its end"
	fi
}

part() {	# NAME
	awk -v name="== $1" '/^== /{ in_part = $0 == name; next } in_part' "$root/root/output"
}

# Prints text for a script for boot: two hosts, a and b, whose strongSwans have a connection "c" to each
# other with this version of IKE and the secret "one". `sw HOST COMMAND...` runs swanctl.
strongswan_hosts() {	# IKE'S VERSION
	cat <<- END
		version=$1
	END
	cat <<- 'END'
		modprobe -a esp4 xfrm_user authenc cbc gcm ctr hmac
		hosts a b
		cable a b
		ip -n a addr add 10.0.0.1/24 dev b
		ip -n b addr add 10.0.0.2/24 dev a
		charon() {	# HOST LOCAL REMOTE
			mkdir -p /tmp/$1/swanctl
			cat > /tmp/$1/strongswan.conf <<-C
				charon-systemd {
					filelog { all { path = /tmp/$1/log
					flush_line = yes } }
					plugins { vici { socket = unix:///tmp/$1/vici } }
				}
			C
			cat > /tmp/$1/swanctl/swanctl.conf <<-C
				connections { c {
					version = $version
					local_addrs = $2
					remote_addrs = $3
					local { auth = psk
						id = $2 }
					remote { auth = psk
						id = $3 }
					children { c { mode = transport
						local_ts = dynamic[4]
						remote_ts = dynamic[4] } }
				} }
				secrets { ike-c { id-1 = $2
					id-2 = $3
					secret = "one" } }
			C
			ip netns exec $1 env STRONGSWAN_CONF=/tmp/$1/strongswan.conf charon-systemd > /tmp/$1/out 2>&1 &
			wait_for 20 test -S /tmp/$1/vici
		}
		# Without the complaints about missing plugins.
		sw() {
			ip netns exec $1 env SWANCTL_DIR=/tmp/$1/swanctl swanctl "${@:2}" --uri unix:///tmp/$1/vici 2>&1 |
				grep -vE "^plugin '|^opening directory"
			echo "status ${PIPESTATUS[0]}"
		}
		charon a 10.0.0.1 10.0.0.2
		charon b 10.0.0.2 10.0.0.1
		echo "== load"
		sw b --load-all
		sw a --load-all
	END
}
