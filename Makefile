# SPDX-License-Identifier: GPL-2.0
#
#   make [K=6.12]		build the module for the running kernel, or for K
#   make tools		build ipipctl, which needs libmnl
#   make xdp		build the XDP program that forwards, which needs clang and libbpf
#   make install, uninstall	install the module in a folder that takes precedence over
#			the in-tree one, and ipipctl under PREFIX; or remove both
#   make install-tools, uninstall-tools	only ipipctl
#   make install-xdp, uninstall-xdp	only the XDP program, under PREFIX
#   make install-doc	the documentation, for packages, in DOCDIR
#     DESTDIR= PREFIX=/usr/local
#     SIGN_KEY= SIGN_CERT=	  sign the module: the key and its X.509 certificate
#   make deb			build Debian packages of both, and their source, in build/deb
#   make rpm			build RPMs of both in build/rpm
#   make dist			make a tarball of the committed files in build
#   make clean		delete build
#   make load, unload	swap this machine's driver
#     KEEP=1		  and restore the tunnels; FORCE=1: delete the tunnels
#   make demo, check, bench, fuzz, lint ...	tests, which don't load the module into this
#			machine's kernel: see tests/host/host.mk

KVER	:= $(shell uname -r)
ifneq ($(K),)
KVER	:= $(lastword $(K) $(sort $(notdir $(wildcard /lib/modules/$(K)[.-]*))))
endif
KDIR	:= /lib/modules/$(KVER)/build
BUILD	:= build/$(KVER)
VERSION	:= $(shell sed -n 's/^.define IPIP_VERSION.*"\(.*\)"/\1/p' ipip_main.c)
TARBALL	:= build/ipip-$(VERSION).tar.xz
SOURCES	:= Kbuild $(wildcard *.c) include

all: module tools

# Builds in a folder for each kernel, not in the source folder.
module:
	@mkdir -p $(BUILD)
	@cp -rpu $(SOURCES) $(BUILD)/
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD) $(KBUILD_ARGS) modules

# Signs the module before it is compressed. Kbuild would look for the key that the kernel was
# built with.
install: module install-tools
ifneq ($(SIGN_KEY),)
	tail -c 28 $(BUILD)/ipip.ko | grep -q '^~Module signature appended~$$' || \
		$(KDIR)/scripts/sign-file sha256 $(SIGN_KEY) $(SIGN_CERT) $(BUILD)/ipip.ko
else
	@! grep -qs Y /sys/module/module/parameters/sig_enforce || \
		echo "this kernel loads only signed modules: set SIGN_KEY= and SIGN_CERT=" >&2
endif
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD) INSTALL_MOD_DIR=updates \
		INSTALL_MOD_PATH=$(DESTDIR) CONFIG_MODULE_SIG_ALL= DEPMOD=true modules_install
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVER)

uninstall: uninstall-tools
	$(RM) $(DESTDIR)/lib/modules/$(KVER)/updates/ipip.ko*
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVER)

tools:
	@$(MAKE) -s -C tools

install-tools uninstall-tools:
	@$(MAKE) -s -C tools $(@:-tools=)

# clang finds the C library's headers for BPF only with this machine's include folder.
XDP	:= build/xdp/ipip_xdp.bpf.o build/xdp/forward.bpf.o

xdp: $(XDP)

build/xdp/ipip_xdp.bpf.o: tools/xdp/ipip_xdp.bpf.c
build/xdp/forward.bpf.o: tests/bench/forward.bpf.c
$(XDP): tools/xdp/fib.h
	@mkdir -p build/xdp
	clang -O2 -g -Wall -Wextra -target bpf -I/usr/include/$(shell $(CC) -print-multiarch) -c $(filter %.c,$^) -o $@

# libxdp looks for programs in this folder.
install-xdp: build/xdp/ipip_xdp.bpf.o
	install -D -m 0644 $< $(DESTDIR)$(or $(PREFIX),/usr/local)/lib/bpf/ipip_xdp.bpf.o

uninstall-xdp:
	$(RM) $(DESTDIR)$(or $(PREFIX),/usr/local)/lib/bpf/ipip_xdp.bpf.o

# With the files that it links to, in the same folders.
install-doc:
	for file in *.md LICENSE $$(find Documentation -type f) findings/README.md tests/machine tools/man/ipipctl.8 \
		    tools/ipipctl.schema.json tools/monitoring/* include/uapi/linux/if_ipip.h; do \
		install -D -m 0644 "$$file" "$(DESTDIR)$(or $(DOCDIR),/usr/local/share/doc/ipipctl)/$$file" || exit 1; \
	done

dist:
	@mkdir -p build
	git -c tar.umask=0022 archive --prefix=ipip-$(VERSION)/ HEAD | xz -T1 > $(TARBALL)

# Builds in a copy, because the packages are written beside the source folder. The copy has the
# files that git knows, with uncommitted changes. Without git, in a tarball, it has all files.
deb:
	@dpkg-checkbuilddeps || { echo "run sudo apt-get build-dep ./" >&2; exit 1; }
	@rm -rf build/deb
	@mkdir -p build/deb/ipip-$(VERSION)
	if [ -n "$$(git ls-files Makefile 2> /dev/null)" ]; then git ls-files -z; \
		else find . -path ./build -prune -o ! -type d -print0; fi | \
		tar -c --null -T - | tar -x -C build/deb/ipip-$(VERSION)
	cd build/deb/ipip-$(VERSION) && dpkg-buildpackage -us -uc

rpm: dist
	rpmbuild -bb --define "_topdir $(CURDIR)/build/rpm" --define "_sourcedir $(CURDIR)/build" \
		$(RPM_ARGS) rpm/ipip.spec

load: module
	@tools/swap load $(BUILD)/ipip.ko

unload:
	@tools/swap unload

clean:
	$(RM) -r build

.PHONY: all module tools xdp install uninstall install-tools uninstall-tools install-xdp \
	uninstall-xdp install-doc dist deb rpm load unload clean

include tests/host/host.mk
