#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The driver hands a decapsulated packet up at once, or queues it for GRO. Every feature of the kernel's
receive path applies to both kinds, from the next packet after it is turned on. No packet is overtaken,
merged where it must not be, or lost."""
import os
import socket
import struct
import threading
import time

from craft import Delta, Raw
from lib import INTREE, Rtnl, Tap, check, differs, equal, main, netns, one_processor, run, shell, skip, topo
from scapy.all import ICMP, IP, TCP, UDP

SRC, DST = "172.16.1.2", "172.16.2.2"
UDP_SEGMENT, UDP_GRO = 103, 104
# GRO merges only TCP of these.
KINDS = {"UDP": UDP(sport=7, dport=9), "TCP": TCP(sport=7, dport=9, flags="A"), "ICMP": ICMP()}


class Way:
    """Sends packets from h1 to h2, each with a new ID."""

    def __init__(self):
        self.raw, self.far, self.id = Raw("h1"), Tap("h2", "eth0", "in"), 0

    def send(self, layer, src=SRC):
        self.id += 1
        packet = IP(src=src, dst=DST, id=self.id) / layer / bytes(20)
        self.raw.send(packet)
        return self.id

    def arrives(self, layer, tap=None, timeout=5.0, src=SRC):
        ident = struct.pack("!H", self.send(layer, src))
        return bool((tap or self.far).receive(lambda d: d[4:6] == ident, timeout))


def nft(text):
    shell(f"ns b nft '{text}'")


def hooks(way):
    """Hooks that drop packets: turned on and off again, each applies to the next packet."""
    for name, on, off in (
            ("tc on the tunnel's ingress",
             "tc -n b qdisc add dev t0 clsact; tc -n b filter add dev t0 ingress matchall action drop",
             "tc -n b qdisc del dev t0 clsact"),
            ("netfilter's prerouting",
             "ip netns exec b nft 'add table ip x; add chain ip x p { type filter hook prerouting "
             "priority 0; }; add rule ip x p iifname t0 drop'",
             "ip netns exec b nft delete table ip x"),
            ("netfilter's ingress",
             "ip netns exec b nft 'add table netdev x; add chain netdev x p { type filter hook "
             "ingress device t0 priority 0; }; add rule netdev x p drop'",
             "ip netns exec b nft delete table netdev x"),
            ("generic XDP", "ip -n b link set dev t0 xdpgeneric pinned /run/bpf/drop",
             "ip -n b link set dev t0 xdpgeneric off")):
        for kind, layer in KINDS.items():
            before = way.arrives(layer)
            shell(on)
            during = way.arrives(layer, timeout=0.5)
            shell(off)
            equal(f"{kind}: {name}: arrives while it is off, on, off again",
                  (before, during, way.arrives(layer)),
                  (True, False, True))


def taps(way):
    for kind, layer in KINDS.items():
        check(f"{kind}: a packet socket on the tunnel sees it",
              way.arrives(layer, Tap("b", "t0", "in")))
        underlay = Tap("b", "wan", "in")
        check(f"{kind}: a packet socket on the underlay sees it, and it arrives", way.arrives(layer) and
              underlay.receive(lambda d: d[9] == 4, 5.0))
    nft("add table ip c; add chain ip c p { type filter hook forward priority 0; }; "
        "add rule ip c p iifname t0 ct state new counter")
    for port in (1001, 1002):
        way.arrives(UDP(sport=7, dport=port))
    rule = run("ip netns exec b nft list chain ip c p".split())
    check("UDP: conntrack sees two new connections", "packets 2 " in rule, rule)
    nft("delete table ip c")


def steered():
    with open("/proc/net/softnet_stat") as f:
        return sum(int(line.split()[9], 16) for line in f)


def rps(way):
    queues = run("ip netns exec b ls -R /sys/class/net/t0/queues/")
    if os.cpu_count() < 2 or "rps_cpus" not in queues:
        skip("RPS", "there is one processor")
        return
    for kind, layer in KINDS.items():
        before = steered()
        way.arrives(layer)
        equal(f"{kind}: RPS off", steered() - before, 0)
        shell("ns b bash -c 'echo 3 > /sys/class/net/t0/queues/rx-0/rps_cpus'")
        before = steered()
        # A flow's hash chooses its processor, which may be the one that sends.
        for i in range(200):
            way.arrives(layer, src=f"172.16.1.{i + 10}")
            if steered() > before:
                break
        on = steered() - before
        shell("ns b bash -c 'echo 0 > /sys/class/net/t0/queues/rx-0/rps_cpus'")
        check(f"{kind}: RPS on the tunnel", on >= 1, f"{on} steered")


def counts(way):
    for kind, layer in KINDS.items():
        delta = Delta("b", "t0", "rx")
        for _ in range(5):
            way.arrives(layer)
        equal(f"{kind}: each packet is counted once", delta(), {"rx_packets": 5})


class Receiver:
    """Collects the UDP packets to a port of b or h2."""

    def __init__(self, ns, port, gro=False):
        with netns(ns):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)    # SO_RCVBUFFORCE
        if gro:
            self.sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self.sock.bind(("0.0.0.0", port))
        self.sock.settimeout(2)

    def __call__(self):
        data = []
        try:
            while True:
                data.append(self.sock.recv(65536))
        except socket.timeout:
            return data


def sender(ns, segment=0):
    with netns(ns):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if segment:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
    return sock


def order(_):
    """The order of four flows at once, one of them with changing sizes."""
    receivers = [Receiver("h2", 6000 + i) for i in range(4)]
    got = [[] for _ in receivers]
    threads = [threading.Thread(target=lambda g=g, r=r: g.extend(r()))
               for g, r in zip(got, receivers)]
    for t in threads:
        t.start()
    sock = sender("h1")
    with one_processor():
        for n in range(300):
            for flow in range(4):
                size = 4 + (n * 37 % 1000 if flow == 3 else 20)
                sock.sendto(struct.pack("!I", n).ljust(size, b"."), (DST, 6000 + flow))
    for t in threads:
        t.join()
    for flow in range(4):
        numbers = [struct.unpack("!I", d[:4])[0] for d in got[flow]]
        check(f"UDP, flow {flow}: packets arrive in order, and none twice",
              len(numbers) > 100 and all(a < b for a, b in zip(numbers, numbers[1:])),
              f"{len(numbers)} packets")


def burst(receiver, target, port):
    """Send 40 packets at once; returns the size of the largest read, and all bytes."""
    sender("h1", 1000).sendto(bytes(i // 1000 for i in range(40000)), (target, port))
    data = receiver()
    return max(map(len, data), default=0), b"".join(data)


def dropped():
    return 0 if INTREE else Rtnl("b").xstats("t0")["rx_backlog"]


def udp_backlog(whole):
    """A burst as from the queue of a NIC, which no device before the tunnel spreads out."""
    shell("ns h1 ethtool -K eth0 tx-udp-segmentation on; "
          "ns r ethtool -K a gro on; ns r ethtool -K b tso off; ns b ethtool -K wan gro on; "
          "ns b ethtool -K t0 rx-udp-gro-forwarding on; "
          "sysctl -qw net.core.netdev_max_backlog=4")
    delta, before = Delta("b", "t0", "rx"), dropped()
    try:
        sender("h1", 1000).sendto(whole, (DST, 6102))
        time.sleep(1)
    finally:
        shell("sysctl -qw net.core.netdev_max_backlog=1000")
    shell("ns r ethtool -K a gro off; ns b ethtool -K wan gro off; "
          "ns b ethtool -K t0 rx-udp-gro-forwarding off")
    now = delta()
    equal("more packets than netdev_max_backlog queue for GRO: the rest is dropped and counted",
          (now["rx_packets"], now.get("rx_dropped", 0) > 10, dropped() - before),
          (40, True, 0 if INTREE else now.get("rx_dropped")))


def udp_gro(_):
    """A socket that enables GRO of UDP gets merged packets, also from a tunnel."""
    whole = bytes(i // 1000 for i in range(40000))
    # Without this feature packets that GRO has merged are segmented again before a veth.
    segments = "tx-udp-segmentation: on" in run("ip netns exec h1 ethtool -k eth0")
    features = "gso tso" + " tx-udp-segmentation" * segments
    # Make the underlay carry single segments.
    shell(f"for d in {features}; do ns a ethtool -K wan $d off; done; "
          "ns h1 ethtool -K eth0 tx-udp-segmentation off; ns b ethtool -K wan gro off")
    plain = Receiver("b", 6100)
    size, data = burst(plain, "172.16.2.1", 6100)
    equal("UDP: a socket without GRO reads single packets", (size, data == whole), (1000, True))
    merged = Receiver("b", 6101, gro=True)
    size, data = burst(merged, "172.16.2.1", 6101)
    check("UDP: a socket with GRO reads merged packets",
          size > 1000 and data == whole, f"largest {size}")

    if segments:
        udp_backlog(whole)
    else:
        skip("more packets than netdev_max_backlog queue for GRO: the rest is dropped and counted",
             "this kernel's veth doesn't take merged UDP packets")
    merged.sock.close()
    plain.sock.close()
    time.sleep(0.5)

    tap = Tap("b", "h2", "out")
    shell("ns b ethtool -K t0 rx-udp-gro-forwarding on")
    sender("h1", 1000).sendto(whole, (DST, 6102))
    merges = tap.receive(lambda d: d[9] == 17 and len(d) > 1028)
    if segments:
        check("UDP: merged when forwarded, with rx-udp-gro-forwarding", merges)
    else:
        skip("UDP: merged when forwarded, with rx-udp-gro-forwarding",
             "this kernel's veth doesn't take merged UDP packets")
    shell("ns b ethtool -K t0 rx-udp-gro-forwarding off")
    # Use another port: packets of the last burst may still arrive.
    sender("h1", 1000).sendto(whole, (DST, 6103))
    seen = []
    tap.receive(lambda d: d[9] == 17 and d[22:24] == b"\x17\xd7" and seen.append(len(d)), 2.0)
    check("UDP: not merged when forwarded, without rx-udp-gro-forwarding",
          seen and max(seen) == 1028, seen)
    shell(f"for d in {features}; do ns a ethtool -K wan $d on; done")


def netstat(ns, name):
    """A counter of TCP by its name in /proc/net/netstat."""
    with netns(ns), open("/proc/thread-self/net/netstat") as f:
        rows = [line.split() for line in f if line.startswith("TcpExt:")]
    return int(dict(zip(*rows))[name])


def timed_out(ns):
    """How many segments were sent again because a timer expired."""
    return netstat(ns, "TCPTimeouts") + netstat(ns, "TCPLossProbes")


def overtaking(tap):
    """(number of data segments that begin before the end of an earlier one, number of data segments)
    that the tap has seen."""
    highest, late, total = None, 0, 0
    for data in tap.everything():
        if len(data) < 40 or data[9] != 6:
            continue
        size = len(data) - 20 - (data[32] >> 4) * 4
        sequence, = struct.unpack_from("!I", data, 24)
        if size <= 0:
            continue
        total += 1
        if highest is not None and (sequence - highest) & 0x80000000:
            late += 1
        else:
            highest = sequence + size & 0xffffffff
    return late, total


def one_cpu(ns, device, mask):
    """The CPUs of the mask take what the device receives. 0: the CPU that sends it. A kernel for one CPU
    has no such setting."""
    file = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
    shell(f"ns {ns} bash -c '[ ! -e {file} ] || echo {mask:x} > {file}'")


def mirrored(_):
    """A mirror on the underlay copies every third packet and holds the copy for a while: the driver
    receives these as shared packets, and the others as packets that nothing shares."""
    shell("modprobe -aq act_gact act_mirred cls_matchall sch_netem || :; "
          "ip -n b link add name mon type dummy; ip -n b link set dev mon up; "
          "tc -n b qdisc add dev mon root netem delay 50ms limit 100000; "
          "tc -n b qdisc add dev wan clsact; "
          "tc -n b filter add dev wan ingress matchall action ok random determ pipe 3 "
          "action mirred egress mirror dev mon; "
          # The tunnel must receive single segments, and lose none.
          "for d in gso tso; do ns a ethtool -K wan $d off; done; "
          "ns b ethtool -K wan gro off; sysctl -qw net.core.netdev_max_backlog=10000")
    # If two CPUs send for one connection, their packets overtake each other before the tunnel. A timer
    # of TCP may run on another CPU than the program. So one CPU takes all packets from the host, in the
    # order in which the connection has sent them.
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    one_cpu("a", "h1", 1 << min(cpus))
    # If the host had to find the path MTU, small segments would pass before larger ones, which the gateway
    # refuses and the host sends again.
    shell("ip -n h1 route change default via 172.16.1.1 mtu 1480")
    before, impatient = netstat("h2", "TCPOFOQueue"), timed_out("h1")
    tap, shown = Tap("h2", "eth0", "in"), Tap("b", "mon", "out")
    shell("tcp_bulk h1 h2 172.16.2.2 4")
    os.sched_setaffinity(0, cpus)
    one_cpu("a", "h1", 0)
    shell("ip -n h1 route change default via 172.16.1.1")
    check("TCP under a sampled mirror: arrives unchanged", True)
    late, total = overtaking(tap)
    copies = [d for d in shown.everything() if d and d[9] == 4]
    whole = sum(len(d) == int.from_bytes(d[2:4], "big") == int.from_bytes(d[22:24], "big") + 20
                for d in copies)
    check("TCP under a sampled mirror: the copies are whole packets", 500 < whole == len(copies),
          f"{whole} of {len(copies)}")
    differs("with the in-tree driver a shared packet overtakes those in GRO")
    # Segments that the sender has sent again after a timeout arrive late, too.
    again = timed_out("h1") - impatient
    check("TCP under a sampled mirror: no segment is overtaken", late <= again,
          f"{late}, {again} sent again")
    differs("with the in-tree driver a shared packet overtakes those in GRO")
    equal("TCP under a sampled mirror: the receiver has queued no segment as out of order",
          netstat("h2", "TCPOFOQueue") - before, 0)
    check("TCP under a sampled mirror: GRO still merges", total < 4 * 1024 * 1024 / 1400 / 2,
          f"{total} segments")
    shell("tc -n b qdisc del dev wan clsact; ip -n b link del mon; "
          "for d in gso tso; do ns a ethtool -K wan $d on; done; "
          "ns b ethtool -K wan gro on; sysctl -qw net.core.netdev_max_backlog=1000")


def removal(way):
    """The tunnel is deleted while packets are queued for GRO."""
    stop = threading.Event()

    def flood():
        raw = Raw("h1")
        packets = [bytes(IP(src=SRC, dst=DST) / layer / bytes(20)) for layer in KINDS.values()]
        while not stop.is_set():
            for p in packets:
                raw.send(p)

    thread = threading.Thread(target=flood)
    thread.start()
    for _ in range(10):
        shell("ip -n b link del dev t0; tunnel b 10.2.0.1 10.1.0.1; ip -n b route add 172.16.1.0/24 dev t0")
    stop.set()
    thread.join()
    time.sleep(0.5)
    way.far.drain()
    for kind, layer in KINDS.items():
        check(f"{kind}: arrives after the tunnel was deleted 10 times under load", way.arrives(layer))


def nested(_):
    """Three tunnels inside each other: the depth of recursion on receive stays bounded."""
    inner = "ip -n {n} link add name n{i} type ipip local 10.9.{p}.{l} remote 10.9.{p}.{r}; " \
            "ip -n {n} addr add 10.9.{i}.{l}/24 dev n{i}; ip -n {n} link set dev n{i} up"
    shell("ip -n a addr add 10.9.0.1/24 dev t0; ip -n b addr add 10.9.0.2/24 dev t0; " +
          "; ".join(inner.format(n=n, i=i, p=i - 1, l=le, r=3 - le)
                    for i in (1, 2) for n, le in (("a", 1), ("b", 2))))
    for kind, layer in KINDS.items():
        tap, raw = Tap("b", "n2", "in"), Raw("a")
        raw.send(IP(src="10.9.2.1", dst="10.9.2.2", id=77) / layer / bytes(20))
        check(f"{kind}: arrives through three tunnels", tap.receive(lambda d: d[4:6] == b"\0\115", 5.0))
    # The packet socket's clones of packets that GRO merges are read only afterwards.
    shell("for d in n2 n1 t0 wan; do ns a ethtool -K $d tso off gso off > /dev/null; done")
    underlay = Tap("b", "wan", "in")
    shell("tcp_bulk a b 10.9.2.2 2")
    check("TCP: arrives unchanged through three tunnels", True)
    seen = underlay.everything()
    whole = sum(len(data) > 20 and len(data) == int.from_bytes(data[2:4], "big") for data in seen)
    check("TCP: a packet socket on the underlay sees whole packets", 100 < whole == len(seen),
          f"{whole} of {len(seen)}")
    shell("for d in n2 n1 t0 wan; do ns a ethtool -K $d tso on gso on > /dev/null; done")


def test():
    topo()
    # Not below /sys, since `ip netns exec` mounts another /sys.
    os.makedirs("/run/bpf", exist_ok=True)
    shell("mount -t bpf bpf /run/bpf; python3 bpf.py drop /run/bpf/drop")
    way = Way()
    for part in (taps, counts, hooks, rps, order, mirrored, udp_gro, nested, removal):
        part(way)
    shell("umount /run/bpf")


main(test)
