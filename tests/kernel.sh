# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a kernel has to say of its mistakes. Sourced in the guest.

splat='BUG:|WARNING:|Call Trace:|Oops|general protection fault|KASAN:|UBSAN:|KCSAN:'
splat+='|unreferenced object|refcount_t:|unregister_netdevice: waiting for'
splat+='|possible recursive locking|blocked for more than|DEBUG_LOCKS_WARN_ON'
splat+='|ODEBUG:|ref_tracker:|suspicious RCU usage|leaked reference'

kernel_log_lines() { dmesg | wc -l; }

# Lines of the kernel's log behind the first so many that tell of a mistake.
kernel_splats() {	# LINES
	dmesg | tail -n "+$(($1 + 1))" | without_others_races | grep -E "$splat"
}

# The kernel itself has races of data that it lives with: what counts is where this
# module's code is one of the two.
without_others_races() {
	awk '/BUG: KCSAN: / { theirs = !/ipip_/ } /======$/ { theirs = 0 } !theirs'
}

# Prints what kmemleak has found, and forgets it; nothing where there is none.
kernel_leaks() {
	local leaks=/sys/kernel/debug/kmemleak

	[ -w $leaks ] || return 0
	# What was freed by RCU a moment ago is no leak, nor what is only in a
	# register just now: two scans have to agree.
	sleep 6
	echo scan > $leaks
	echo scan > $leaks
	cat $leaks
	echo clear > $leaks
}
