#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12 (netem) and iproute2 6.15 (tc)
#
# Expected: "tc qdisc change" or "replace" sets the discipline to what the command says. What it
# doesn't say goes back to the default, or, if not, stays as it was: all of it alike.
#
# So it is: half and half. Delay, loss, duplication and limit are in netem's fixed structure and go back
# to the default. Corruption, reordering, rate and ECN are attributes, and stay until the discipline is
# deleted.
#
# Why it matters: a test of a tunnel over an impaired path, which goes from one impairment to the next,
# goes on corrupting packets that it believes to be sound. tests/87_impaired.sh makes netem anew.

# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
fetch trixie user-mode-linux=6.12um1+b22 iproute2=6.15.0-1 kmod busybox-static mount

boot 120 <<'END'
modprobe sch_netem
hosts a b
cable a b
show() { echo "== $1"; tc -n a qdisc show dev b; }
tc -n a qdisc add dev b root netem limit 500 delay 10ms loss 5% duplicate 3% corrupt 1% reorder 5% rate 10mbit ecn
show before
tc -n a qdisc change dev b root netem delay 20ms
show change
tc -n a qdisc replace dev b root netem loss 2%
show replace
tc -n a qdisc del dev b root
tc -n a qdisc add dev b root netem loss 2%
show anew
echo "== end"
END
observe "the beginning" part before
observe "change ... netem delay 20ms" part change
has "change: the delay is the new one" 'delay 20ms'
lacks "change: loss, duplication and limit have gone" 'loss|duplicate|limit 500'
has "change: corruption is still there" 'corrupt 1%'
has "change: reordering, rate and ECN, too" 'reorder 5%.*rate 10Mbit.* ecn'
observe "replace ... netem loss 2%" part replace
lacks "replace: the delay has gone" 'delay'
has "replace: corruption, reordering and rate are still there" 'loss 2% reorder 5% corrupt 1% rate 10Mbit'
observe "del, then add" part anew
lacks "made anew, it has only what it was told" 'corrupt|reorder|rate| ecn'
finish
