#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's makepkg 6.0.2, which builds packages for Arch Linux
#
# Expected: makepkg builds a package that has no dependencies, because Debian's package of makepkg neither depends
# on pacman nor recommends it. If makepkg needs pacman, it says that pacman is missing.
#
# Actual: before it builds anything, it ends with "An unknown error has occurred" and the status of a signal. With
# PACMAN=true in the environment it builds the package.
#
# Why it matters: somebody who builds a package for Arch Linux on Debian can't tell from the message that pacman is
# missing.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch bookworm makepkg=6.0.2-3 libarchive-tools fakeroot file gawk gettext-base grep sed gzip findutils binutils util-linux
# The packages' scripts would have made these links.
ln -s fakeroot-sysv "$root/usr/bin/fakeroot"
ln -s gawk "$root/usr/bin/awk"

mkdir "$root/tmp/package"
cat > "$root/tmp/package/PKGBUILD" <<'END'
pkgname=example
pkgver=1
pkgrel=1
arch=(any)
license=(GPL2)
package() {
	install -D -m 0644 /dev/null "$pkgdir/usr/share/example"
}
END
chmod 777 "$root/tmp/package"
build() {	# [VARIABLE=VALUE]
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C PKGEXT=.pkg.tar.gz "$@" \
		chroot --userspec=nobody "$root" sh -c 'cd /tmp/package && makepkg --nodeps --nocolor'
}
would_install() { _apt bookworm -q=1 -s install makepkg | grep -E '^Inst (makepkg|pacman|libalpm)'; }
observe "its dependencies and recommendations" would_install
has "apt would install makepkg" '^Inst makepkg'
lacks "pacman isn't one of them" pacman
observe "without pacman" build
same "it ends with the status of SIGUSR1" $? 138
has "it doesn't say why" 'unknown error'
lacks "it doesn't mention pacman" pacman
observe "PACMAN=true" build PACMAN=true
has "it builds the package" 'Finished making: example'
finish
