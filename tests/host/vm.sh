# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Boots a kernel with virtme-ng. The scripts that run on the host source this file.

vm_cache=${XDG_CACHE_HOME:-$HOME/.cache}/ipip
. "${BASH_SOURCE[0]%/*}/archive.sh"

# Prints the root folder of a kernel: nothing for an installed one, else the archive's in the cache.
vm_root() {	# RELEASE
	# shellcheck disable=SC2154 # tests/host/archive.sh sets it
	[ -e "/lib/modules/$1/build/Makefile" ] || echo "$archive_root"
}

# Prints the releases of version $1, for example 6.12, that have an image and headers.
vm_releases() {
	local build root=${2:-}

	for build in "$root"/lib/modules/"$1"[.-]*/build "$root"/lib/modules/"$1"/build; do
		build=${build%/build}
		[ -e "$build/build/Makefile" ] && [ -e "$root/boot/vmlinuz-${build##*/}" ] &&
			echo "${build##*/}"
	done | sort -V
}

# Prints the release to test for each named version. Without a name it takes the supported
# versions, or, if none of them is installed, the newest installed release. A named version that
# isn't installed comes from Debian's archive.
vm_kernels() {
	local version release found=

	for version in ${1:-6.1 6.12}; do
		release=$(vm_releases "$version" | tail -n 1)
		[ -n "$release" ] || [ -z "$1" ] || release=$(vm_from_archive "$version")
		[ -z "$release" ] || found+="$release "
	done
	if [ -z "$found" ] && [ -z "$1" ]; then
		found=$(for release in /lib/modules/*; do
				vm_releases "${release##*/}"
			done | sort -V | tail -n 1)
	fi
	echo "$found"
}

# Prints a version's release in the cache. The first call unpacks it there.
vm_from_archive() {	# VERSION
	local release

	release=$(vm_releases "$1" "$archive_root" | tail -n 1)
	if [ -z "$release" ]; then
		archive_suites > /dev/null || return 1
		echo "# Linux $1: from the archive, about 70 MB, once" >&2
		archive_index || return 1
		release=$(archive_newest "$1" "$(dpkg --print-architecture)")
		[ -n "$release" ] && archive_kernel "$release" || return 1
	fi
	echo "$release"
}

# Prints the path of an image that the user may read: in some distributions only root may read
# /boot. A path is printed unchanged.
vm_image() {
	local image

	[[ $1 != /* ]] || { echo "$1"; return; }
	image=$(vm_root "$1")/boot/vmlinuz-$1
	if [ ! -r "$image" ]; then
		[ -e "$vm_cache/vmlinuz-$1" ] ||
			sudo install -m 0644 "$image" "$vm_cache/vmlinuz-$1"
		image=$vm_cache/vmlinuz-$1
	fi
	echo "$image"
}

# Prints how guests run. KVM is used only after a guest has booted with it: on some hosts /dev/kvm
# exists, but a guest hangs. The result is kept until the next boot.
vm_accel() {
	local state
	state=$vm_cache/kvm-$(cat /proc/sys/kernel/random/boot_id)

	mkdir -p "$vm_cache"
	if [ ! -e "$state" ]; then
		if [ -r /dev/kvm ] && [ -w /dev/kvm ] &&
		   timeout -k 2 20 vng -r "$(vm_image "$1")" --cpus 1 \
			--memory 512M -- true < /dev/null > /dev/null 2>&1; then
			echo kvm > "$state"
		else
			echo emulation > "$state"
		fi
	fi
	cat "$state"
}

# vm_run RELEASE SECONDS CONSOLE [vng option ...] -- COMMAND
# Runs a command as root in a guest with this kernel. The console's log is written to the file
# CONSOLE. The guest sees the host's file system read-only, except for --rwdir. vm_emulate=1
# switches KVM off.
vm_run() {
	local release=$1 limit=$2 console=$3 options=()
	shift 3

	# QEMU 7.2 may run code on one processor while another processor patches its translation:
	# when a static key changes under traffic, the guest's kernel crashes at its own int3.
	# A single thread avoids this race.
	[ -z "${vm_emulate:-}" ] && [ "$(vm_accel "$release")" = kvm ] ||
		options+=(--disable-kvm --qemu-opts="-accel tcg,thread=single")
	: > "$console"
	# microvm has no PCI bus for a NIC. The output goes through a pipe because QEMU opens its
	# standard output again, and truncates it if it is a file. The log goes to a virtio console:
	# virtme-ng uses the first serial port, and the kernel logs to one serial port only.
	timeout -k 5 "$limit" vng -r "$(vm_image "$release")" --user root \
		--disable-microvm "${options[@]}" \
		--append "console=hvc0 ignore_loglevel log_buf_len=16M oops=panic" \
		--qemu-opts="-chardev file,id=klog,path=$console -device virtio-serial-pci -device virtconsole,chardev=klog" \
		"$@" < /dev/null 2>&1 | cat
	return "${PIPESTATUS[0]}"
}

# Prints the tarball of a version's source: the installed one, or the archive's in the cache.
vm_source_tarball() {	# VERSION
	local places=(/usr/src)

	[ ! -e "$archive/unpacked/linux-source-$1" ] || places+=("$archive_root/usr/src")
	find "${places[@]}" -name "linux-source-$1.tar.*" 2> /dev/null | head -n 1
}

# Tells whether the source of a version is installed or in Debian's archive.
vm_source_known() { [ -n "$(vm_source_tarball "$1")" ] || archive_suites > /dev/null; }

# Unpacks the source of a version once, and prints its folder. A source that isn't installed comes
# from Debian's archive.
vm_source() {	# VERSION
	local tarball source

	tarball=$(vm_source_tarball "$1")
	if [ -z "$tarball" ] && archive_suites > /dev/null; then
		echo "# the source of Linux $1: from the archive, about 140 MB, once" >&2
		archive_index && archive_unpack "linux-source-$1" || return 1
		tarball=$(vm_source_tarball "$1")
	fi
	if [ -z "$tarball" ]; then
		echo "no linux-source-$1 in /usr/src" >&2
		return 1
	fi
	source=$vm_cache/source-$1-$(stat -c %Y "$tarball")
	vm_once "$source" tar -C "$source" --strip-components=1 -xf "$tarball" || return 1
	echo "$source"
}

# Unpacks the scripts of a kernel's source once, and prints their folder: checkpatch, kernel-doc,
# semantic patches, the schema of netlink specifications, and the client that reads them (YNL).
# The source is the oldest installed one from 6.6 on: older sources have no such client, and newer
# ones, for check-uml, have it in another folder.
vm_kernel_scripts() {
	local archive scripts=$vm_cache/scripts

	if [ ! -e "$scripts/coccinelle" ] || [ ! -e "$scripts/netlink" ]; then
		archive=$(printf '%s\n' /usr/src/linux-source-{*.tar.*,6.6} | sort -V |
			sed '0,/linux-source-6\.6$/d' | head -n 1)
		[ -n "$archive" ] || return 1
		rm -rf "$scripts.new"
		mkdir -p "$scripts.new/ynl"
		tar -C "$scripts.new" --strip-components=2 --wildcards -xf "$archive" \
			'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch' '*/scripts/kernel-doc' \
			'*/scripts/coccinelle' \
			'*/Documentation/netlink/netlink-raw.yaml' \
			'*/tools/net/ynl/lib/*' || return 1
		mv "$scripts.new/net/ynl/lib" "$scripts.new/ynl/"
		rm -rf "$scripts"
		mv "$scripts.new" "$scripts"
	fi
	echo "$scripts"
}

# Runs a long command that makes FOLDER in the cache, once. A second caller waits until it has
# ended.
vm_once() {	# FOLDER COMMAND...
	local lock status=0

	[ ! -e "$1/ready" ] || return 0
	mkdir -p "$1"
	exec {lock}> "$1.lock"
	flock "$lock"
	if [ ! -e "$1/ready" ]; then
		"${@:2}" > "$1.log" 2>&1 {lock}>&-
		status=$?
		if [ $status = 0 ]; then
			touch "$1/ready"
		else
			tail -n 20 "$1.log" >&2
		fi
	fi
	exec {lock}>&-
	return $status
}

# Prints make's arguments to build a module for a release.
vm_build_arguments() {	# RELEASE
	local root

	root=$(vm_root "$1")
	echo "KDIR=$root/lib/modules/$1/build"
	# The headers name the compiler that built the kernel; it isn't installed here.
	[ -z "$root" ] || echo "KBUILD_ARGS=CC=gcc"
}

# Builds the module for a kernel in a separate folder. vm_with has files of a test that are built into
# the module.
vm_module() {	# KERNEL FOLDER [MAKE'S ARGUMENT...]
	local file

	rm -rf "$2"
	mkdir -p "$2"
	cp -rp Kbuild ./*.c include "$2/"
	for file in ${vm_with:-}; do
		cp "$file" "$2/"
		file=${file##*/}
		echo "ipip-y += ${file%.c}.o" >> "$2/Kbuild"
	done
	make -s -C "$1" M="$2" "${@:3}" 2>&1
}

# Prints the mirror of this machine's release.
vm_mirror() {
	# shellcheck disable=SC2016 # apt-get expands it
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		"Codename: $(. /etc/os-release; echo "$VERSION_CODENAME")" | head -n 1
}

# Mounts in a root folder what programs need there. The caller has a mount namespace of its own.
vm_mount() {	# FOLDER
	# unshare(1) needs a root folder that is a mount point.
	mount --bind "$1" "$1" && mount --rbind /dev "$1/dev" && mount --rbind /proc "$1/proc" &&
		mount --rbind /sys "$1/sys" && mount -t tmpfs none "$1/run"
}

# Makes a Debian of another suite with these packages in a folder of the cache, and prints the
# folder. Tests run programs from it that are newer than the distribution's. mmdebstrap needs root.
vm_suite() {	# SUITE PACKAGE...
	local folder mirror packages

	packages=$(IFS=,; echo "${*:2}")
	mirror=$(vm_mirror)
	folder=$vm_cache/suite-$1-$(sha256sum <<< "$packages" | head -c 12)
	vm_once "$folder" vm_bootstrap "$folder" --variant=apt --include="$packages" "$1" \
		"deb $mirror $1 main" || return 1
	echo "$folder"
}

vm_bootstrap() {	# FOLDER mmdebstrap's OPTION... SUITE SOURCE
	rm -rf "$1"
	# A mirror may serve an old snapshot of the archive.
	mmdebstrap --aptopt='Acquire::Check-Valid-Until "false"' "${@:2:$#-3}" "${@: -2:1}" "$1" "${@: -1}"
}

# Makes a Debian or Ubuntu of this machine's release in a folder, from this machine's mirrors.
vm_debian() {	# FOLDER [mmdebstrap's OPTION...]
	local sources

	# What a run that ended early has left.
	rm -rf --one-file-system "$1"
	sources=$(mktemp)
	# shellcheck disable=SC2016 # apt-get expands it
	apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		grep " $(. /etc/os-release; echo "$VERSION_CODENAME")" | sort -u > "$sources"
	mmdebstrap "${@:2}" "" "$1" "$sources"
	set -- $?
	rm -f "$sources"
	return "$1"
}
