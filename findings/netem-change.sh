#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Linux 6.12 (netem) and iproute2 6.15 (tc)
#
# Expected: "tc qdisc change" or "replace" sets the parameters that the command names. All others are either
# reset to their defaults or all kept.
#
# Actual: some are reset and some are kept. Delay, loss, duplication and limit are in netem's fixed structure and
# are reset to their defaults. Corruption, reordering, rate and ECN are attributes, and are kept until the
# discipline is deleted.
#
# Why it matters: a test that changes from one impairment of a path to the next keeps corrupting packets without
# intending it. tests/87_impaired.sh therefore replaces the whole netem.

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
observe "all parameters are set" part before
observe "change ... netem delay 20ms" part change
has "change: the delay is set" 'delay 20ms'
lacks "change: loss, duplication and limit are reset" 'loss|duplicate|limit 500'
has "change: corruption is kept" 'corrupt 1%'
has "change: reordering, rate and ECN are kept" 'reorder 5%.*rate 10Mbit.* ecn'
observe "replace ... netem loss 2%" part replace
lacks "replace: the delay is reset" 'delay'
has "replace: corruption, reordering and rate are kept" 'loss 2% reorder 5% corrupt 1% rate 10Mbit'
observe "del, then add" part anew
lacks "deleted and added: only the given parameters are set" 'corrupt|reorder|rate| ecn'
finish
