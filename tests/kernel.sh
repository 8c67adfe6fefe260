# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Finds warnings and error reports in the kernel's log. Sourced in the guest.

splat='BUG:|WARNING:|Call Trace:|Oops|general protection fault|KASAN:|UBSAN:|KCSAN:'
splat+='|unreferenced object|refcount_t:|unregister_netdevice: waiting for'
splat+='|possible recursive locking|blocked for more than|DEBUG_LOCKS_WARN_ON'
splat+='|ODEBUG:|ref_tracker:|suspicious RCU usage|leaked reference|deprecated workqueue'
# Lines that are no errors while memory allocations are made to fail; those parts set it.
splat_expected='^$'
kmemleak=/sys/kernel/debug/kmemleak

kernel_log_lines() { dmesg | wc -l; }

# Prints the kernel's log after the first so many lines.
kernel_log_behind() {	# LINES
	dmesg | tail -n "+$(($1 + 1))" | without_others_races | grep -vE "$splat_expected"
}

# Prints the lines of it that report an error.
kernel_splats() {	# LINES
	kernel_log_behind "$1" | grep -E "$splat"
}

# Prints the first of them with its context.
kernel_splat_text() {	# LINES
	kernel_log_behind "$1" | grep -m 1 -B 3 -A 40 -E "$splat"
}

# Prints which checks have stopped working: then a log without errors proves nothing.
kernel_blind() {
	dmesg | grep -q -m 1 '\] Linux version ' || echo "the kernel's log has lost its beginning"
	! grep -q 'debug_locks: *0' /proc/lockdep_stats 2> /dev/null || echo "lockdep is off"
	# kmemleak refuses all commands when it is off. scan=off changes nothing, since it doesn't scan by itself.
	[ ! -w $kmemleak ] || { echo scan=off > $kmemleak; } 2> /dev/null || echo "kmemleak is off"
}

# Removes reports of data races in which this module's code isn't involved: the kernel has such races.
without_others_races() {
	awk '/BUG: KCSAN: / { theirs = !/ipip_/ } /======$/ { theirs = 0 } !theirs'
}

# Prints and clears what kmemleak has found; nothing on kernels without kmemleak.
kernel_leaks() {
	[ -w $kmemleak ] || return 0
	# Memory that waits for RCU, or whose only pointer is in a register, is no leak: wait, and
	# scan twice.
	sleep 6
	echo scan > $kmemleak
	echo scan > $kmemleak
	cat $kmemleak
	echo clear > $kmemleak
}
