# SPDX-License-Identifier: GPL-2.0
"""The measured MTU on many kinds of paths. This takes too long for make check."""
import os
import time

from lib import INTREE, Rtnl, check, equal, main, run, shell, skip, topo, wait
from measure import A, B, Ends, drop_large, mtu


def sizes(ends):
    """Uncommon path MTUs, also below the base size."""
    ends.start()
    ends.become("both measure", 1480)
    for size in 1333, 1253, 1000, 600:
        drop_large(size)
        ends.become(f"a black hole of {size} bytes", size - 20, 60)
        drop_large(0)
        ends.start()
        ends.become(f"no black hole after {size} bytes", 1480)


def one_way(ends):
    """Only one direction of the path is narrow: both ends measure that."""
    ends.start()
    ends.become("both measure", 1480)
    for device in "a", "b":
        drop_large(1400, (device,))
        ends.become(f"narrow only towards {device}", 1380, 15)
        drop_large(0)
        ends.start()
        ends.become(f"no longer narrow towards {device}", 1480)


def old_far_end(ends):
    """A far end that answers only short probes."""
    run("ip -n b link set dev t0 down")
    shell("ns b nft 'add table ip old; add chain ip old i { type filter hook input priority 0; };"
          " add rule ip old i ip protocol ipencap ip length gt 148 drop'")
    run("ip -n b link set dev t0 up")
    ends.start("a")
    check("a far end that answers only short probes: mtu_state is unanswered", wait(
        lambda: ends.ext("a")["mtu_state"] == "unanswered", 30), ends.ext("a"))
    got = ends.ext("a")
    equal("a far end that answers only short probes: up, and the MTU is derived from the underlay",
          (got["keepalive_state"], mtu("a")), ("up", 1480))
    shell("ns b nft delete table ip old")


def icmp(ends):
    """Mode icmp at both ends detects a black hole."""
    ends.start("a", keepalive_mode="icmp", keepalive_target="192.168.0.2")
    ends.start("b", keepalive_mode="icmp", keepalive_target="192.168.0.1")
    ends.become("mode icmp at both ends", 1480)
    drop_large(1400)
    ends.become("mode icmp at both ends: a black hole", 1380, 15)
    drop_large(0)


def growth(ends):
    """The end of a black hole is noticed after 60 intervals."""
    ends.start()
    ends.become("both measure", 1480)
    drop_large(1400)
    ends.become("a black hole", 1380, 15)
    drop_large(0)
    ends.become("the black hole ends", 1480, 100)


def encap(ends):
    """FOU and GUE: the MTU leaves room for their headers."""
    for kind, port, more in ("fou", 5555, 8), ("gue", 5556, 12):
        proto = "ipproto 4" if kind == "fou" else "gue"
        for node in "ab":
            run(f"ip -n {node} fou add port {port} {proto}; "
                f"ip -n {node} link set dev t0 type ipip encap {kind} encap-sport {port} "
                f"encap-dport {port}")
        ends.start()
        ends.become(f"{kind}", 1480 - more)
        drop_large(1400)
        ends.become(f"{kind}: a black hole", 1380 - more, 15)
        drop_large(0)
        for node in "ab":
            run(f"ip -n {node} link set dev t0 type ipip encap none; ip -n {node} fou del port {port}")


def esp(ends):
    """ESP in transport mode in both directions: the MTU allows for padding and block size."""
    for src, dst, spi in (A, B, "0x100"), (B, A, "0x200"):
        for node in "ab":
            run(f"ip -n {node} xfrm state add src {src} dst {dst} proto esp spi {spi} mode transport "
                "aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128")
            way = "out" if (node == "a") == (src == A) else "in"
            run(f"ip -n {node} xfrm policy add dir {way} src {src} dst {dst} proto 4 "
                f"tmpl src {src} dst {dst} proto esp mode transport")
    for node in "ab":
        ends.ends[node].set("t0", require_ipsec=1)
    ends.start()
    ends.become("ESP", 1446)
    drop_large(1400)
    ends.become("ESP: a black hole", 1346, 30)
    check("ESP: a packet of the measured MTU passes", run(
        "ip netns exec h1 ping -M do -c 2 -i 0.2 -W 2 -s 1318 172.16.2.2"))
    drop_large(0)
    for node in "ab":
        ends.ends[node].set("t0", require_ipsec=0)
        run(f"ip -n {node} xfrm policy flush; ip -n {node} xfrm state flush")


def underlays(ends):
    """A tunnel with a link and a mark, and one whose device is in another netns."""
    for node in "ab":
        run(f"ip -n {node} link set dev t0 type ipip dev wan fwmark 7; "
            f"ip -n {node} rule add fwmark 7 table 7; ip -n {node} route add default table 7 "
            f"via 10.{1 if node == 'a' else 2}.0.254")
    ends.start()
    ends.become("with dev and fwmark", 1480)
    drop_large(1400)
    ends.become("with dev and fwmark: a black hole", 1380, 15)
    before = ends.count("a", "hint_undone")
    shell(f"frag_needed r {A} {B} 1000 {A}")
    check("with dev and fwmark: the driver undoes a forged MTU", wait(
        lambda: ends.count("a", "hint_undone") == before + 1, 10))
    equal("with dev and fwmark: a forged MTU doesn't change the tunnel's", mtu("a"), 1380)
    drop_large(0)
    for node in "ab":
        run(f"ip -n {node} link set dev t0 type ipip fwmark 0; ip -n {node} rule del fwmark 7")
    run("ip -n a link set dev t0 netns h1; ip -n h1 link set dev t0 up")
    there = Rtnl("h1")
    check("a device in another netns measures",
          wait(lambda: there.ext("t0").get("mtu_measured") == 1480, 15),
          there.ext("t0"))
    run("ip -n h1 link set dev t0 netns a; ip -n a addr add 192.168.0.1/30 dev t0")


def loss(ends):
    """10 % loss in each direction: the measurement takes longer, and the MTU doesn't change without need."""
    for device in "a", "b":
        run(f"tc -n r qdisc replace dev {device} root netem loss 10%")
    ends.start()
    ends.become("10 % loss", 1480, 60)
    seen = set()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        seen |= {mtu("a"), mtu("b")}
        time.sleep(0.2)
    equal("10 % loss: the MTU stays", seen, {1480})
    drop_large(1400)
    ends.become("10 % loss: a black hole", 1380, 90)
    drop_large(0)
    for device in "a", "b":
        run(f"tc -n r qdisc del dev {device} root")


def clamp(ends):
    """The MSS clamp follows the measured MTU."""
    for node in "ab":
        ends.ends[node].set("t0", clamp_mss="both")
    ends.start()
    ends.become("both measure", 1480)
    drop_large(1400)
    ends.become("a black hole", 1380, 15)
    shell("""capture h2 eth0 'tcp[tcpflags] & tcp-syn != 0'
          (echo x | ns h2 timeout 10 nc -l -N -p 5555 > /dev/null) &
          wait_for 10 listening h2 5555
          ns h1 timeout 10 nc -N 172.16.2.2 5555 < /dev/null || :
          captured > /run/syns; grep -q 'mss 1340' /run/syns""")
    check("the MSS is lowered to 1340", "mss 1340" in open("/run/syns", encoding="ascii").read())
    drop_large(0)


def forwarded(device):
    """The number of packets that r has sent through a device."""
    return int(run(f"ip netns exec r cat /sys/class/net/{device}/statistics/tx_packets"))


def ecmp(ends):
    """Two paths to b, one of which is narrow."""
    run("ip link add name c netns r type veth peer name wan2 netns b; "
        "ip -n r addr add 10.3.0.254/24 dev c; ip -n r link set c up; "
        "ip -n b addr add 10.3.0.1/24 dev wan2; ip -n b link set wan2 up")

    def ways(*names):
        via = {"b": "10.2.0.1 dev b", "c": "10.3.0.1 dev c"}
        run(f"ip -n r route replace {B}/32 " + " ".join(f"nexthop via {via[n]} onlink" for n in names))

    def way():
        return "c" if " dev c " in run(f"ip -n r route get {B} from {A} iif a") else "b"

    drop_large(1400, ("c",))
    ways("b", "c")
    ends.start()
    ends.become(f"two paths: the tunnel takes {way()}", {"b": 1480, "c": 1380}[way()])
    ways("c")
    ends.become("only the narrow path", 1380, 15)
    ways("b")
    ends.start()
    ends.become("only the wide path", 1480)
    drop_large(0)

    # Multipath by inner headers: the measured MTU applies to some flows only.
    run("ip netns exec r sysctl -qw net.ipv4.fib_multipath_hash_policy=2; "
        "ip -n r link set dev c mtu 1400; ip -n b link set dev wan2 mtu 1400")
    addresses = [f"172.16.2.{10 + i}" for i in range(12)]
    for address in addresses:
        run(f"ip -n h2 addr add {address}/24 dev eth0")
    ways("b", "c")
    ends.start()
    check("multipath by inner headers: the measurement completes",
          wait(lambda: ends.measured("a") in (1380, 1480), 20), ends.ext("a"))
    sent = {n: forwarded(n) for n in "bc"}
    for address in addresses:
        shell(f"tcp_bulk h1 h2 {address} 1")
    used = [n for n in "bc" if forwarded(n) - sent[n] > len(addresses)]
    equal("multipath by inner headers: TCP passes on both paths, with the help of ICMP errors",
          used, ["b", "c"])
    run("ip netns exec r sysctl -qw net.ipv4.fib_multipath_hash_policy=0")


PARTS = (sizes, one_way, old_far_end, icmp, encap, esp, underlays, ecmp, clamp, growth, loss)


def test():
    if not os.environ.get("FRR"):
        skip("measured MTU on all paths", "it takes too long: run by make check-field")
        return
    if INTREE:
        skip("measured MTU on all paths", "the in-tree driver doesn't have it")
        return
    run("modprobe -q fou || :")
    for part in PARTS:
        shell("ns_clean")
        topo("ttl 64")
        run("ip netns exec a ping -c 1 -W 5 192.168.0.2")
        start = time.monotonic()
        part(Ends())
        print(f"# {part.__name__}: {time.monotonic() - start:.0f} s")


main(test)
