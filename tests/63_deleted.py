# SPDX-License-Identifier: GPL-2.0
"""A tunnel is deleted while packets that it has received wait for GRO: they are handed up before
it goes. No grace period makes sure of that: ksoftirqd, which hands them up where there are too
many for a softirq, may be kept waiting for any number of them."""
import os
import socket
import time

from craft import counters, ip_header, mac, tcp_data
from lib import INTREE, Rtnl, Tap, check, equal, main, netns, run, skip, topo, wait

# The way up is slow, and all packets come in before NAPI has looked for the second time.
PACKETS = 20000
SOURCE, DESTINATION = "172.16.77.1", "10.1.0.1"


def make_slow():
    """Chains that jump ten times each make a thousand rules for a packet."""
    names = "leaf", "twig", "branch"
    chains = f"chain leaf {{ {'meta mark 77 accept; ' * 10} }}\n"
    for to, name in zip(names, names[1:]):
        chains += f"chain {name} {{ {f'jump {to}; ' * 10} }}\n"
    with open("/run/slow.nft", "w", encoding="ascii") as f:
        f.write(f"""table ip slow {{
            {chains}
            chain in {{
                type filter hook prerouting priority -300;
                ip saddr {SOURCE} jump branch
                ip saddr {SOURCE} drop
            }}
        }}""")
    run("ip netns exec a nft -f /run/slow.nft")


def handed_up():
    """What IP has seen but for the outer packets, all of which have come."""
    with netns("a"), open("/proc/thread-self/net/snmp", encoding="ascii") as f:
        names, values = (line.split() for line in f if line.startswith("Ip:"))
    return int(values[names.index("InReceives")]) - PACKETS


def received():
    return counters("a")["t0"]["rx_packets"]


def burst():
    """They leave together when a slot of time begins, but for the first, which has one."""
    run("ip netns exec r tc qdisc add dev a root netem slot 8s limit 30000")
    tap, to = Tap("r", "a"), mac("a", "wan")
    tap.sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 28)     # SO_SNDBUFFORCE
    inner = tcp_data(SOURCE, DESTINATION, 1024, 9, 1, bytes(8))
    inner = ip_header(SOURCE, DESTINATION, 6, len(inner)) + inner
    packet = ip_header("10.2.0.1", "10.1.0.1", 4, len(inner)) + inner
    for _ in range(PACKETS):
        tap.send(packet, to)


def other_cpu():
    """Where there are two, one receives and the other deletes."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, {0})
        run("ip netns exec a sh -c 'echo 2 > /sys/class/net/wan/queues/rx-0/rps_cpus'")


def limits(backlog, weight):
    """Of the first netns, for all."""
    for name, value in (("netdev_max_backlog", backlog), ("dev_weight", weight)):
        with open(f"/proc/sys/net/core/{name}", "w", encoding="ascii") as f:
            f.write(str(value))


def test():
    topo()
    make_slow()
    other_cpu()
    limits(30000, 30000)
    try:
        a = Rtnl("a")
        burst()
        check("all packets come", wait(lambda: received() == PACKETS, 60), received())
        begun, start = handed_up(), time.monotonic()
        equal("the tunnel is deleted", a.delete("t0")[0], 0)
        seconds, done = time.monotonic() - start, handed_up()
        print(f"# {begun} handed up, then deleted; {done} handed up by then, {seconds:.2f} s later")
        check("packets have waited", begun < PACKETS - 100, begun)
        if INTREE:
            skip("they are handed up before it has gone", "the in-tree driver may drop them")
        else:
            check("they are handed up before it has gone", done >= PACKETS, done)
        time.sleep(2)
        equal("and none afterwards", handed_up(), done)
    finally:
        limits(1000, 64)


main(test)
