# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Unpacks kernels and headers of Debian's archive, also of older releases, into the cache. It
# installs nothing, adds no suite to this machine, and doesn't change apt's own state.
# tests/host/vm.sh sources this file.

# shellcheck disable=SC2154 # tests/host/vm.sh sets it
archive=$vm_cache/archive
archive_root=$archive/root

# Prints Debian's releases, from the oldest one that has a supported kernel to this machine's own.
# Programs of a newer release may not run here.
archive_suites() {
	local suite own

	own=$(. /etc/os-release; echo "${ID:-}-${VERSION_CODENAME:-}")
	for suite in bullseye bookworm trixie; do
		echo "$suite"
		[ "$own" != "debian-$suite" ] || return 0
	done
	return 1
}

# Prints lines for sources.list, with this machine's mirrors.
archive_sources() {
	local suites suite mirror security

	suites=$(archive_suites) || { echo "this isn't a Debian release that tests/host/archive.sh knows" >&2; return 1; }
	# shellcheck disable=SC2016 # apt-get expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages')
	security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<< "$mirror")
	mirror=$(awk -v own="$(tail -n 1 <<< "$suites")" '$2 == own { print $1; exit }' <<< "$mirror")
	[ -n "$mirror" ] || { echo "apt has no Debian mirror configured" >&2; return 1; }
	for suite in $suites; do
		echo "deb $mirror $suite main"
		[ -z "$security" ] || echo "deb $security $suite-security main"
	done | sed 's|^deb|& [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]|'
}

# Runs an apt program with separate state.
archive_apt() {	# PROGRAM ARGUMENT...
	APT_CONFIG=$archive/apt.conf "$@"
}

archive_make_index() {
	mkdir -p "$archive/lists/partial" "$archive/cache/archives/partial" "$archive/empty" || return 1
	: > "$archive/status"
	archive_sources > "$archive/sources.list" || return 1
	cat > "$archive/apt.conf" <<-END
		Dir::State "$archive";
		Dir::State::status "$archive/status";
		Dir::Cache "$archive/cache";
		Dir::Etc::sourcelist "$archive/sources.list";
		Dir::Etc::sourceparts "$archive/empty";
		Dir::Etc::preferences "$archive/empty/preferences";
		Dir::Etc::preferencesparts "$archive/empty";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; "arm64"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::GzipIndexes "true";
		Acquire::Retries "3";
	END
	# Without a network apt-get only warns, and keeps the lists that it has.
	archive_apt apt-get -qq update &&
		archive_apt apt-cache search --names-only '^linux-headers-[0-9]' > "$archive/headers.new" &&
		[ -s "$archive/headers.new" ] &&
		mv "$archive/headers.new" "$archive/headers" &&
		touch "$archive/ready"
}

# Runs a function that changes the archive's folder, and may call others that do. Another script's function
# waits until it has ended.
archive_alone() {	# FUNCTION ARGUMENT...
	mkdir -p "$archive"
	( { [ -n "${archive_is_ours:-}" ] || flock 9; } && archive_is_ours=1 && "$@" ) 9> "$archive/lock"
}

# Fetches the archive's index, at most once a day.
archive_index() { archive_alone archive_update; }

archive_update() {
	local log=$archive/log

	[ -z "$(find "$archive/ready" -mmin -1440 2> /dev/null)" ] || return 0
	archive_make_index > "$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# Prints the release of the newest headers of a series (5.10, 6.1, ...) for a kind of kernel
# (amd64, rt-arm64, ...).
archive_newest() {	# SERIES KIND
	sed -nE "s/^linux-headers-(${1//./\\.}\.[0-9.]+(-[0-9][0-9a-z.]*)?(\+[0-9a-z.]+)?-$2) .*/\1/p" \
		"$archive/headers" | sort -uV | tail -n 1
}

# Unpacks packages into one folder, each package once.
archive_unpack() { archive_alone archive_download "$@"; }

archive_download() {	# PACKAGE...
	local debs=$archive/debs package deb missing=()

	mkdir -p "$archive/unpacked" "$archive_root"
	for package; do
		[ -e "$archive/unpacked/$package" ] || missing+=("$package")
	done
	[ ${#missing[@]} != 0 ] || return 0
	rm -rf "$debs"
	mkdir -p "$debs"
	(cd "$debs" && archive_apt apt-get -q download "${missing[@]}") > "$archive/log" 2>&1 ||
		{ grep '^E: ' "$archive/log" >&2; return 1; }
	for deb in "$debs"/*.deb; do
		dpkg -x "$deb" "$archive_root" || return 1
	done
	for package in "${missing[@]}"; do
		touch "$archive/unpacked/$package"
	done
	rm -r "$debs"
}

# Prints the packages that a release's headers need: the headers common to all kinds of the
# release, and kbuild's programs for this machine's architecture.
archive_header_packages() {	# RELEASE ARCHITECTURE
	echo "linux-headers-$1:$2"
	archive_apt apt-cache depends "linux-headers-$1:$2" |
		sed -nE 's/^ *Depends: <?((linux-headers-.*-common(-rt)?|linux-kbuild-[^:>]*)).*/\1/p'
}

# Unpacks the headers of a release, and prints their folder.
archive_headers() { archive_alone archive_unpack_headers "$@"; }

archive_unpack_headers() {	# RELEASE [ARCHITECTURE]
	local headers=$archive_root/usr/src/linux-headers-$1 packages

	if ! grep -qs "^include $archive_root/" "$headers/Makefile"; then
		mapfile -t packages < <(archive_header_packages "$1" "${2:-amd64}")
		# The headers alone are of no use.
		[ ${#packages[@]} -gt 1 ] && archive_unpack "${packages[@]}" &&
			sed -i "s,^include /usr/src,include $archive_root/usr/src," \
				"$headers/Makefile" || return 1
	fi
	echo "$headers"
}

# Unpacks a kernel with its modules and headers, laid out as if it was installed.
archive_kernel() { archive_alone archive_unpack_kernel "$@"; }

archive_unpack_kernel() {	# RELEASE
	local headers

	# With the link, vm_releases() finds the kernel.
	headers=$(archive_headers "$1") && archive_unpack "linux-image-$1" &&
		depmod -b "$archive_root" "$1" &&
		ln -sfn "$headers" "$archive_root/lib/modules/$1/build"
}
