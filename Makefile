# SPDX-License-Identifier: GPL-2.0
#
#   make [K=6.12]		build the module for the running kernel, or for K
#   make tools		build ipipctl, which needs libmnl
#   make xdp		build the program that forwards by XDP, which needs clang and libbpf
#   make demo		see a tunnel carry packets, in a virtual machine
#   make demo-ipsec	the same with an ipsec-secret
#   make check		run all tests: in a User Mode Linux, and those that need more in a
#			virtual machine
#     T=ecn			  only the test files with this in the name
#     K=6.12		  all of them in a virtual machine with this kernel
#     IPIP=in-tree		  against the in-tree driver
#   make check-all		the same with each kernel that is supported
#   make check-upstream	run the kernel's own selftests for ipip with the in-tree
#			driver and with ours, side by side
#     T=bpf			  only those with this in the name
#     K=7.3		  in a User Mode Linux, if that kernel isn't installed
#   make check-uml K=7.2	run them in a User Mode Linux built from linux-source-7.2
#   make check-debug		the same in two kernels that look for mistakes, one for those
#			of memory, leaks and dead objects, one for those of locking
#     DEBUG=memory	  only this one: memory, lockdep, kasan or kcsan
#     VM=1			  in a virtual machine
#   make check-field		run those about the programs around a tunnel with newer versions
#			of these, FRR, and network managers
#     T=strongswan	  only this one; frr, metrics, ifupdown, networkd, netplan, networkmanager
#   make findings		see what programs around a tunnel do that one wouldn't guess; downloads them
#     T=swan		  only those with this in the name
#   make torture P=packets,1000000,1	one part of what tests/fuzz/guest has: packets,
#			xdp, netlink, races, faults, memory, keepalive
#     DEBUG=, VM=1	  as above
#   make report-reliability	all of them, for hours, and Documentation/reliability.md
#     P=races		  only this part
#   make bench		count the instructions that a tunnel costs, in-tree and ours
#     T=fixed		  only the scenarios with this in the name
#     K=7.2		  built from linux-source-7.2, if it isn't installed
#   make chart		let the results of the last bench be the documentation's chart
#     K=6.12		  of the bench in this kernel
#   make bench-native	nanoseconds of the same, in a User Mode Linux
#     K=7.2		  built from linux-source-7.2
#   make fuzz		fuzz the parsers of strangers' bytes
#     FUZZ_TIME=600		  each for so many seconds
#   make lint		static checks
#   make lint-matrix	build the module for kernels that are configured otherwise than
#			Debian's, of each linux-source that is installed
#   make install, uninstall	put the module where it comes before the in-tree
#			one, and ipipctl under PREFIX, or take them away again
#   make install-tools, uninstall-tools	ipipctl alone
#   make install-xdp, uninstall-xdp	the program that forwards by XDP, under PREFIX
#     DESTDIR= PREFIX=/usr/local
#     SIGN_KEY= SIGN_CERT=	  sign the module: the key and its X.509 certificate
#   make deb			Debian packages of both, and their source, into build/deb
#   make rpm			RPMs of both, into build/rpm
#   make dist			a tarball of what is committed, into build
#   make check-cross		build for arm64 and for s390x, which is big-endian, and run the
#			tests there, emulated
#     ARCH=arm64		  for this one only
#   make check-headers DIR="..."	build for these folders of kernels' headers and check what the
#			module needs of the kernel; without DIR for all of Debian's archive
#   make check-packages		install, upgrade, remove and purge the packages in a Debian of
#			its own, and boot that
#   make clean		delete build
#   make clean-cache	delete what takes long to make: kernels, sources and Debians in
#			~/.cache/ipip
#   make load, unload	swap the drivers of this machine
#     KEEP=1		  and have the tunnels again, or FORCE=1: without them

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

# Out of the source folder, so that several kernels can be built for.
module:
	@mkdir -p $(BUILD)
	@cp -rpu $(SOURCES) $(BUILD)/
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD) $(KBUILD_ARGS) modules

# Signed before it is compressed. Kbuild would look for the key that the kernel was
# built with.
install: module install-tools
ifneq ($(SIGN_KEY),)
	tail -c 28 $(BUILD)/ipip.ko | grep -q '^~Module signature appended~$$' || \
		$(KDIR)/scripts/sign-file sha256 $(SIGN_KEY) $(SIGN_CERT) $(BUILD)/ipip.ko
else
	@! grep -qs Y /sys/module/module/parameters/sig_enforce || \
		echo "This kernel wants signed modules: say SIGN_KEY= and SIGN_CERT=" >&2
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

# The headers of the C library know another architecture than BPF.
XDP	:= build/xdp/ipip_xdp.bpf.o build/xdp/forward.bpf.o

xdp: $(XDP)

build/xdp/ipip_xdp.bpf.o: tools/xdp/ipip_xdp.bpf.c
build/xdp/forward.bpf.o: tests/bench/forward.bpf.c
$(XDP): tools/xdp/fib.h
	@mkdir -p build/xdp
	clang -O2 -g -Wall -Wextra -target bpf -I/usr/include/$(shell $(CC) -print-multiarch) -c $(filter %.c,$^) -o $@

# Where libxdp looks for such programs.
install-xdp: build/xdp/ipip_xdp.bpf.o
	install -D -m 0644 $< $(DESTDIR)$(or $(PREFIX),/usr/local)/lib/bpf/ipip_xdp.bpf.o

uninstall-xdp:
	$(RM) $(DESTDIR)$(or $(PREFIX),/usr/local)/lib/bpf/ipip_xdp.bpf.o

dist:
	@mkdir -p build
	git -c tar.umask=0022 archive --prefix=ipip-$(VERSION)/ HEAD | xz -T1 > $(TARBALL)

# In a copy: packages are put beside the folder that they are built in. Of what git knows, as
# it is now; a tarball has nothing else.
deb:
	@dpkg-checkbuilddeps || { echo "sudo apt-get build-dep ./ installs them" >&2; exit 1; }
	@rm -rf build/deb
	@mkdir -p build/deb/ipip-$(VERSION)
	if [ -n "$$(git ls-files Makefile 2> /dev/null)" ]; then git ls-files -z; \
		else find . -path ./build -prune -o ! -type d -print0; fi | \
		tar -c --null -T - | tar -x -C build/deb/ipip-$(VERSION)
	cd build/deb/ipip-$(VERSION) && dpkg-buildpackage -us -uc

rpm: dist
	rpmbuild -bb --define "_topdir $(CURDIR)/build/rpm" --define "_sourcedir $(CURDIR)/build" \
		$(RPM_ARGS) rpm/ipip.spec

check-cross:
	@tests/setup
	@tests/setup cross
	@tests/cross "$(ARCH)" "$(T)"

check-headers:
	@tests/setup
	@[ -n "$(DIR)" ] || tests/setup headers
	@tests/headers $(DIR)

check-packages:
	@tests/setup
	@tests/setup packages
	@tests/packages $(K)

load: module
	@tests/swap load $(BUILD)/ipip.ko

unload:
	@tests/swap unload

demo:
	@tests/setup
	@tests/demo "$(K)"

demo-ipsec:
	@tests/setup
	@tests/demo "$(K)" ipsec

check:
	@tests/setup
	@[ -n "$(K)" ] || tests/setup native
	@tests/run "$(K)" "$(T)"

check-all:
	@tests/setup
	@tests/setup native
	@tests/run all "$(T)"

check-upstream:
	@tests/setup upstream
	@tests/upstream "$(K)" "$(T)"

check-uml:
	@tests/setup
	@tests/setup built $(K)
	@tests/built "$(K)" "$(T)"

check-debug: K := $(or $(K),7.2)
check-debug:
	@tests/setup
	@tests/setup built $(K)
	@status=0; for kernel in $(or $(DEBUG),memory lockdep); do \
		DEBUG=$$kernel tests/built "$(K)" "$(T)" || status=1; \
	done; exit $$status

check-field:
	@tests/setup
	@tests/setup built 7.2
	@tests/setup field
	@tests/field "$(T)"

findings:
	@findings/run "$(T)"

torture: K := $(or $(K),7.2)
torture:
	@tests/setup
	@tests/setup built $(K)
	@DEBUG=$(or $(DEBUG),kasan) FUZZ=1 tests/built "$(K)" "$(P)"

report-reliability:
	@tests/setup
	@tests/setup built 6.12
	@tests/setup built 7.2
	@tests/reliability $(P)

bench:
	@tests/setup xdp
	@tests/bench/run "$(K)" "$(T)"

chart: K := $(or $(K),6.12)
chart:
	@tests/bench/report publish build/bench/$(KVER)

bench-native: K := $(or $(K),7.2)
bench-native:
	@tests/setup built $(K)
	@BENCH=native tests/built "$(K)" "$(T)"

fuzz:
	@tests/setup fuzz
	@tests/unit/run fuzz $(FUZZ_TIME)

lint:
	@tests/setup lint
	@tests/lint

lint-matrix:
	@tests/setup lint
	@tests/lint matrix

clean:
	$(RM) -r build

clean-cache:
	$(RM) -r "$${XDG_CACHE_HOME:-$$HOME/.cache}/ipip"

.PHONY: all module tools xdp install uninstall install-tools uninstall-tools install-xdp \
	uninstall-xdp dist deb rpm \
	check-cross check-headers check-packages load \
	unload demo demo-ipsec check check-all check-upstream check-uml check-debug check-field findings \
	torture report-reliability bench chart bench-native fuzz lint lint-matrix clean \
	clean-cache
