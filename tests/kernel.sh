# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a kernel has to say of its mistakes. Sourced in the guest.

splat='BUG:|WARNING:|Call Trace:|Oops|general protection fault|KASAN:|UBSAN:|KCSAN:'
splat+='|unreferenced object|refcount_t:|unregister_netdevice: waiting for'
splat+='|possible recursive locking|blocked for more than|DEBUG_LOCKS_WARN_ON'
splat+='|ODEBUG:|ref_tracker:|suspicious RCU usage|leaked reference|deprecated workqueue'
# Lines that tell of none where memory is made to fail; the parts that do say which.
splat_expected='^$'
kmemleak=/sys/kernel/debug/kmemleak

kernel_log_lines() { dmesg | wc -l; }

# The kernel's log behind the first so many lines.
kernel_log_behind() {	# LINES
	dmesg | tail -n "+$(($1 + 1))" | without_others_races | grep -vE "$splat_expected"
}

# Lines of it that tell of a mistake.
kernel_splats() {	# LINES
	kernel_log_behind "$1" | grep -E "$splat"
}

# The first of them, with what it has to say.
kernel_splat_text() {	# LINES
	kernel_log_behind "$1" | grep -m 1 -B 3 -A 40 -E "$splat"
}

# Prints what doesn't watch any longer: then silence says nothing.
kernel_blind() {
	dmesg | grep -q -m 1 '\] Linux version ' || echo "the kernel's log has lost its beginning"
	! grep -q 'debug_locks: *0' /proc/lockdep_stats 2> /dev/null || echo "lockdep is off"
	# It doesn't scan by itself anyhow, and refuses all commands when it is off.
	[ ! -w $kmemleak ] || { echo scan=off > $kmemleak; } 2> /dev/null || echo "kmemleak is off"
}

# The kernel itself has races of data that it lives with: what counts is where this
# module's code is one of the two.
without_others_races() {
	awk '/BUG: KCSAN: / { theirs = !/ipip_/ } /======$/ { theirs = 0 } !theirs'
}

# Prints what kmemleak has found, and forgets it; nothing where there is none.
kernel_leaks() {
	[ -w $kmemleak ] || return 0
	# What was freed by RCU a moment ago is no leak, nor what is only in a
	# register just now: two scans have to agree.
	sleep 6
	echo scan > $kmemleak
	echo scan > $kmemleak
	cat $kmemleak
	echo clear > $kmemleak
}
