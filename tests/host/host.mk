# SPDX-License-Identifier: GPL-2.0
#
# What runs the tests, from the host; the top Makefile includes this file.
#
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
#     T=strongswan	  only this one; hour, frr, metrics, ifupdown, networkd, netplan, networkmanager
#     HOUR=300		  seconds of the hour that FRR runs while the path changes
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
#   make check-cross		build for arm64 and for s390x, which is big-endian, and run the
#			tests there, emulated
#     ARCH=arm64		  for this one only
#   make check-headers DIR="..."	build for these folders of kernels' headers and check what the
#			module needs of the kernel; without DIR for all of Debian's archive
#   make check-packages		install, upgrade, remove and purge the packages in a Debian of
#			its own, and boot that
#   make clean-cache	delete what takes long to make: kernels, sources and Debians in
#			~/.cache/ipip

check-cross:
	@tests/host/setup
	@tests/host/setup cross
	@tests/host/cross "$(ARCH)" "$(T)"

check-headers:
	@tests/host/setup
	@[ -n "$(DIR)" ] || tests/host/setup headers
	@tests/host/headers $(DIR)

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
	@[ -n "$(K)" ] || tests/host/setup native
	@tests/host/run "$(K)" "$(T)"

check-all:
	@tests/host/setup
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

check-field:
	@tests/host/setup
	@tests/host/setup built 7.2
	@tests/host/setup field
	@tests/host/field "$(T)"

findings:
	@findings/run "$(T)"

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

clean-cache:
	$(RM) -r "$${XDG_CACHE_HOME:-$$HOME/.cache}/ipip"

.PHONY: demo demo-ipsec check check-all check-upstream check-uml check-debug check-field \
	check-cross check-headers check-packages findings torture report-reliability bench \
	chart bench-native fuzz lint lint-matrix clean-cache
