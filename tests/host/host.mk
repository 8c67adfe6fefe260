# SPDX-License-Identifier: GPL-2.0
#
# Targets that run the tests from the host. The top Makefile includes this file.
#
#   make demo		see a tunnel carry packets, in a virtual machine
#   make demo-ipsec	the same with an ipsec-secret
#   make check		run all tests: in a User Mode Linux, and those of tests/machine in a
#			virtual machine
#     T=ecn			  only the test files whose name matches this
#     K=6.12		  all test files in a virtual machine with this kernel
#     IPIP=in-tree		  against the in-tree driver
#   make check-all		the same with each kernel of the distribution; on Debian also with Debian 11's 5.10
#   make check-upstream	run the kernel's own selftests for ipip with the in-tree
#			driver and with ours, side by side
#     T=bpf			  only the selftests whose name matches this
#     K=7.3		  in a User Mode Linux, if that kernel isn't installed
#   make check-uml K=7.2	run all tests in a User Mode Linux built from linux-source-7.2
#   make check-debug		the same in two debugging kernels: one finds memory errors, leaks and
#			freed objects in use, the other finds errors of locking
#     DEBUG=memory	  only this kernel: memory, lockdep, kasan or kcsan
#     VM=1			  in a virtual machine
#     CPUS=1		  with lockdep or kasan, not with VM=1: one CPU, and the tests take half as long
#   make check-field		run the tests of programs around a tunnel with other versions of
#			strongSwan, FRR, Prometheus and network managers
#     T=strongswan	  only this part; hour, frr, metrics, ifupdown, networkd, netplan, networkmanager
#     HOUR=300		  how many seconds FRR runs while the path changes
#   make findings		show unexpected behaviour of programs around a tunnel; downloads them
#     T=swan		  only the findings whose name matches this
#   make torture P=packets,1000000,1	run one part of tests/fuzz/guest: packets, xdp,
#			frames, netlink, races, faults, memory, keepalive
#     DEBUG=, VM=1	  as above
#   make report-reliability	run all parts, for hours, and write Documentation/reliability.md
#     P=races		  only this part
#   make bench		count the instructions that a tunnel adds, with the in-tree driver and ours
#     T=fixed		  only the scenarios whose name matches this
#     K=7.2		  built from linux-source-7.2, if it isn't installed
#   make chart		make the documentation's chart from the results of the last bench
#     K=6.12		  from the bench in this kernel
#   make bench-native	measure the same in nanoseconds, in a User Mode Linux
#     K=7.2		  built from linux-source-7.2
#   make fuzz		fuzz the parsers of untrusted bytes
#     FUZZ_TIME=600		  each for this number of seconds
#   make lint		static checks
#   make lint-matrix	build the module for other kernel configurations than Debian's, of
#			each installed linux-source
#   make check-cross		build for arm64 and for s390x, which is big-endian, and run the
#			tests in emulated guests
#     ARCH=arm64		  only for this architecture
#   make check-headers DIR="..."	build for the kernel headers in these folders, and check the
#			symbols that the module needs; default: all headers of Debian's archive
#   make check-packages		install, upgrade, remove and purge the packages in a separate
#			Debian, and boot it
#   make check-bare		run the README's commands on a bare Debian 13, in a folder
#     SUITE=bookworm	  on another release of Debian
#     T=ecn			  with these test files only
#   make clean-cache	delete the kernels, sources and Debians in ~/.cache/ipip

# Packages that these targets need are installed in a folder of the cache. tests/host/chroot calls make
# again in that folder.
host_targets := demo demo-ipsec check check-all check-bare check-upstream check-uml check-debug check-field \
	check-cross check-packages torture report-reliability bench chart \
	bench-native fuzz lint lint-matrix

ifeq ($(wildcard /etc/ipip-chroot),)
$(host_targets):
	@tests/host/chroot make --no-print-directory $@
else
check-cross:
	@tests/host/setup
	@tests/host/setup cross
	@tests/host/cross "$(ARCH)" "$(T)"

check-packages:
	@tests/host/setup
	@tests/host/setup packages
	@tests/host/packages $(K)

demo:
	@tests/host/setup
	@tests/host/demo "$(K)"

demo-ipsec:
	@tests/host/setup
	@tests/host/demo "$(K)" ipsec

check:
	@tests/host/setup
	@tests/host/setup xdp
	@[ -n "$(K)" ] || tests/host/setup native
	@tests/host/run "$(K)" "$(T)"

check-all:
	@tests/host/setup
	@tests/host/setup xdp
	@tests/host/setup native
	@tests/host/run all "$(T)"

check-upstream:
	@tests/host/setup upstream
	@tests/host/upstream "$(K)" "$(T)"

check-uml:
	@tests/host/setup
	@tests/host/setup built $(K)
	@tests/host/built "$(K)" "$(T)"

check-debug: K := $(or $(K),7.2)
check-debug:
	@tests/host/setup
	@tests/host/setup built $(K)
	@status=0; for kernel in $(or $(DEBUG),memory lockdep); do \
		DEBUG=$$kernel tests/host/built "$(K)" "$(T)" || status=1; \
	done; exit $$status

check-bare:
	@tests/host/setup
	@tests/host/setup field
	@tests/host/bare "$(or $(SUITE),trixie)" "$(T)"

check-field:
	@tests/host/setup
	@tests/host/setup built 7.2
	@tests/host/setup field
	@tests/host/field "$(T)"

torture: K := $(or $(K),7.2)
torture:
	@tests/host/setup
	@tests/host/setup built $(K)
	@DEBUG=$(or $(DEBUG),kasan) FUZZ=1 tests/host/built "$(K)" "$(P)"

report-reliability:
	@tests/host/setup
	@tests/host/setup built 6.12
	@tests/host/setup built 7.2
	@tests/host/reliability $(P)

bench:
	@tests/host/setup xdp
	@tests/bench/run "$(K)" "$(T)"

chart: K := $(or $(K),6.12)
chart:
	@tests/bench/report publish build/bench/$(KVER)

bench-native: K := $(or $(K),7.2)
bench-native:
	@tests/host/setup xdp
	@tests/host/setup built $(K)
	@BENCH=native tests/host/built "$(K)" "$(T)"

fuzz:
	@tests/host/setup fuzz
	@tests/unit/run fuzz $(FUZZ_TIME)

lint:
	@tests/host/setup lint
	@tests/host/lint

lint-matrix:
	@tests/host/setup lint
	@tests/host/lint matrix
endif

# Headers of this machine are only visible outside the folder.
check-headers:
	@if [ -n "$(DIR)" ]; then \
		tests/host/headers $(DIR); \
	else \
		tests/host/chroot sh -c "tests/host/setup && tests/host/setup headers && tests/host/headers"; \
	fi

findings:
	@findings/run "$(T)"

clean-cache:
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo $(RM) -r "$${XDG_CACHE_HOME:-$$HOME/.cache}/ipip"

.PHONY: $(host_targets) check-headers findings clean-cache
