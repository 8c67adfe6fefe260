# SPDX-License-Identifier: GPL-2.0
#
#   make [K=6.12]		build the module for the running kernel, or for K
#   make tools		build ipipctl, which needs libmnl
#   make demo		see a tunnel carry packets, in a virtual machine
#   make check		run all tests in virtual machines
#     K=6.12		  with this kernel only
#     T=ecn			  only the test files with this in the name
#     IPIP=in-tree		  against the in-tree driver
#   make fuzz		fuzz the parsers of strangers' bytes
#     FUZZ_TIME=600		  each for so many seconds
#   make lint		static checks
#   make install, uninstall	put the module where it comes before the in-tree
#			one, and ipipctl under PREFIX, or take them away again
#   make install-tools, uninstall-tools	ipipctl alone
#     DESTDIR= PREFIX=/usr/local
#   make load, unload	swap the drivers of this machine

KVER	:= $(shell uname -r)
ifneq ($(K),)
KVER	:= $(lastword $(K) $(sort $(notdir $(wildcard /lib/modules/$(K)[.-]*))))
endif
KDIR	:= /lib/modules/$(KVER)/build
BUILD	:= build/$(KVER)
SOURCES	:= Kbuild $(wildcard *.c) include

all: module tools

# Out of the source folder, so that several kernels can be built for.
module:
	@mkdir -p $(BUILD)
	@cp -rpu $(SOURCES) $(BUILD)/
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD) $(KBUILD_ARGS) modules

install: module install-tools
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD) INSTALL_MOD_DIR=updates modules_install
	depmod $(KVER)

uninstall: uninstall-tools
	$(RM) /lib/modules/$(KVER)/updates/ipip.ko*
	depmod $(KVER)

tools:
	@$(MAKE) -s -C tools

install-tools uninstall-tools:
	@$(MAKE) -s -C tools $(@:-tools=)

load: module
	@tests/swap load $(BUILD)/ipip.ko

unload:
	@tests/swap unload

demo:
	@tests/setup
	@tests/demo $(K)

check:
	@tests/setup
	@tests/run "$(K)" "$(T)"

fuzz:
	@tests/setup fuzz
	@tests/unit/run fuzz $(FUZZ_TIME)

lint:
	@tests/setup lint
	@tests/lint

clean:
	$(RM) -r build

.PHONY: all module tools install uninstall install-tools uninstall-tools load \
	unload demo check fuzz lint clean
