#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""BIG TCP: packets above 64 KiB through a tunnel. Their IPv4 headers have 0 as the length, since 16 bits
can't hold it. All captured packets must have their right length, or 0 if it is above 65,535."""
import hashlib
import os
import socket
import struct
import subprocess
import threading

from lib import (IFLA_GSO_IPV4_MAX_SIZE, INTREE, IPTUN_COLLECT_METADATA, KERNEL, RTM_NEWLINK, Rtnl, Tap, attr,
                 check, differs, ends, equal, main, netns, number, parse, run, shell, skip, stat, topo,
                 u32, wait)

IFLA_GSO_MAX_SIZE, IFLA_TSO_MAX_SIZE = 41, 59
BIG, LEGACY, LENGTH_MAX = 196608, 65536, 65535
IPIP, UDP, ESP = 4, 17, 50
MEGABYTES = 8
MSG_TRUNC, SOL_UDP, UDP_SEGMENT = 0x20, 17, 103
UNDERLAY = (("h1", "eth0"), ("a", "h1"), ("a", "wan"), ("r", "a"), ("r", "b"), ("b", "wan"),
            ("b", "h2"), ("h2", "eth0"))


def sizes(ns, device, size):
    return Rtnl(ns).set_sizes(device, size)


def link(ns, device, kind):
    """The value of a numeric attribute of a device, or None."""
    value = parse(Rtnl(ns).read(device)[16:]).get(kind)
    return value if value is None else number(value)


def sums_up(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total == 0xffff


def says(field, length):
    """True if a 16-bit field with this value stands for the length."""
    return field == (length if length <= LENGTH_MAX else 0)


def is_honest(header, length):
    """True if an IPv4 header, and the headers of tunnels and UDP inside it, have the right lengths and
    checksums."""
    hlen = (header[0] & 15) * 4
    protocol = header[9]
    fragment = struct.unpack_from(">H", header, 6)[0] & 0x3fff
    if not says(struct.unpack_from(">H", header, 2)[0], length) or not sums_up(header[:hlen]):
        return False
    if fragment:
        return True
    header, length = header[hlen:], length - hlen
    if protocol == IPIP:
        return is_honest(header, length)
    if protocol == UDP:
        return says(struct.unpack_from(">H", header, 4)[0], length)
    return True


class Watch(Tap):
    """Captures all packets of a protocol that pass a device in one direction, as (header, length)."""

    def __init__(self, ns, device, protocol, direction="out"):
        super().__init__(ns, device, direction)
        self.sock.settimeout(0.1)
        self.protocol = protocol
        self.packets = []
        self.going = True
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        buffer = bytearray(128)
        while True:
            try:
                length, _, _, address = self.sock.recvmsg_into([buffer], 0, MSG_TRUNC)
            except TimeoutError:
                if not self.going:
                    return
                continue
            if self._wants(address) and buffer[9] == self.protocol:
                self.packets.append((bytes(buffer), length))

    def end(self):
        self.going = False
        self.thread.join()
        self.sock.close()
        return self.packets


def transfer(source, sink, address):
    """Send data over TCP; True if they arrive unchanged."""
    data = os.urandom(MEGABYTES << 20)
    with netns(sink):
        listener = socket.create_server((address, 5001))

    def send():
        with netns_socket(source) as sock:
            sock.settimeout(120)
            sock.connect((address, 5001))
            sock.sendall(data)
    sender = threading.Thread(target=send)
    sender.start()
    listener.settimeout(120)
    digest = hashlib.sha256()
    with listener, listener.accept()[0] as sock:
        sock.settimeout(120)
        while received := sock.recv(1 << 20):
            digest.update(received)
    sender.join()
    return digest.digest() == hashlib.sha256(data).digest()


def netns_socket(ns):
    with netns(ns):
        return socket.socket()


def bulk(name, source="h1", big=True, inner_big=True, protocol=IPIP, sink="h2",
         address="172.16.2.2"):
    """Transfer data, and check the packets that a sends to the underlay and those that b's tunnel
    receives. big: True if packets above 64 KiB are expected, False if not, None if they may occur."""
    outer, inner, arrives = [], [], True
    # A loaded machine may send a whole transfer in small packets, so repeat it.
    for _ in range(5 if big else 1):
        out = Watch("a", "wan", protocol)
        back = Watch("b", "t0", socket.IPPROTO_TCP, "in")
        arrives = arrives and transfer(source, sink, address)
        outer += out.end()
        inner += back.end()
        if all(any(n > LENGTH_MAX for _, n in packets)
               for packets in ((outer, inner) if inner_big else (outer,))):
            break
    check(f"{name}: TCP arrives unchanged", arrives)
    check(f"{name}: the underlay carries the packets", outer)
    for where, packets, wanted in (("outer", outer, big),
                                   ("inner", inner, big if inner_big else None)):
        bad = [(h.hex(), n) for h, n in packets if not is_honest(h, n)]
        equal(f"{name}: {where} headers have the right lengths and checksums", bad[:3], [])
        largest = max(n for _, n in packets)
        if wanted is not None:
            check(f"{name}: {where} packets {'' if wanted else 'not '}above 64 KiB",
                  (largest > LENGTH_MAX) == wanted, largest)
    return outer, inner


def udp_segments(name):
    """One send call with UDP GSO makes a packet that fits into IPv4, but not with an outer header. A
    receiver drops UDP packets whose IPv4 length is 0, so the tunnel must segment it."""
    out = Watch("a", "wan", IPIP)
    with netns("b"):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, 33, 1 << 20)     # SO_RCVBUFFORCE
    receiver.bind(("192.168.0.2", 5002))
    receiver.settimeout(3)
    with netns("a"):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(SOL_UDP, UDP_SEGMENT, 1400)
    # The first call makes the route learn the path MTU.
    for _ in range(2):
        sender.sendto(bytes(65500), ("192.168.0.2", 5002))
    received = 0
    try:
        while received < 2 * 65500:
            received += len(receiver.recv(65536))
    except TimeoutError:
        pass
    equal(f"{name}: all bytes arrive", received, 2 * 65500)
    equal(f"{name}: headers have the right lengths and checksums",
          [(h.hex(), n) for h, n in out.end() if not is_honest(h, n)][:3], [])


def announced():
    """The largest packet that a tunnel supports, and the largest that is set."""
    for ns, device in ("a", "t0"), ("a", "tunl0"):
        differs("the in-tree driver announces 65536")
        check(f"{device}: supports packets of {BIG} bytes",
              (link(ns, device, IFLA_TSO_MAX_SIZE) or 0) >= BIG,
              link(ns, device, IFLA_TSO_MAX_SIZE))
        equal(f"{device}: large packets are off by default",
              link(ns, device, IFLA_GSO_IPV4_MAX_SIZE), LEGACY)
    rtnl = Rtnl("a")
    asked = attr(IFLA_GSO_IPV4_MAX_SIZE, u32(BIG))
    differs("the in-tree driver returns EINVAL")
    equal("create a tunnel with the size",
          rtnl.add("t1", *ends("10.1.0.1", "10.9.0.1"), extra=asked)[0], 0)
    equal("the size of the new tunnel reads back",
          link("a", "t1", IFLA_GSO_IPV4_MAX_SIZE) if not INTREE else BIG, BIG)
    rtnl.delete("t1")
    differs("the in-tree driver returns EINVAL")
    equal("create a tunnel in external mode with the size",
          rtnl.add("t1", (IPTUN_COLLECT_METADATA, b""), extra=asked)[0], 0)
    rtnl.delete("t1")
    check("a size above the kernel's maximum is refused", sizes("a", "t0", 1 << 24))
    for ns in "a", "b":
        differs("the in-tree driver returns EINVAL")
        equal(f"{ns}: set the size", sizes(ns, "t0", BIG), 0)


def on_both(command):
    for ns in "a", "b":
        run(f"ip netns exec {ns} {command}")


def underlay():
    """Underlay devices that can't segment, or don't take packets above 64 KiB."""
    for what in "tso off gso off", "tso off gso off tx off", "tso off gso off tx off sg off":
        run(f"ip netns exec a ethtool -K wan {what}")
        outer, _ = bulk(f"underlay with {what}", big=None)
        check(f"underlay with {what}: segmented to the MTU", max(n for _, n in outer) <= 1500)
        ids = [h[4:6] for h, _ in outer]
        # A transfer uses a tenth of the 65,536 IDs. With DF the outer ID is the inner one, and the sender
        # may send a segment again.
        check(f"underlay with {what}: segments have different IDs",
              len(set(ids)) > 0.99 * len(ids), (len(set(ids)), len(ids)))
    run("ip netns exec a ethtool -K wan tso on gso on tx on sg on")
    bulk("underlay with all features on again")
    sizes("a", "wan", LEGACY)
    bulk("underlay without BIG TCP", big=None)
    sizes("a", "wan", BIG)


def narrow_path():
    run("ip -n r link set dev b mtu 1300; ip -n b link set dev wan mtu 1300")
    bulk("a narrow path")
    for ns in "h1", "a":
        run(f"ip -n {ns} route flush cache")
    for ns in "a", "b":
        Rtnl(ns).set("t0", df="no")
    # The router segments the packets, and fragments the segments.
    bulk("without DF", inner_big=False)
    bulk("without DF, from the end itself", "a", inner_big=False, address="192.168.0.2", sink="b")
    for ns in "a", "b":
        Rtnl(ns).set("t0", df="legacy")
    run("ip -n r link set dev b mtu 1500; ip -n b link set dev wan mtu 1500")
    for ns in "h1", "a":
        run(f"ip -n {ns} route flush cache")


def filters():
    """Netfilter with conntrack, and generic XDP."""
    run("ip netns exec a nft 'add table ip f; "
        "add chain ip f forward { type filter hook forward priority 0; }; "
        "add rule ip f forward ct state established oif t0 meta length > 65535 counter; "
        "add chain ip f output { type filter hook output priority 0; }; "
        "add rule ip f output oif wan meta length > 65535 counter; "
        "add rule ip f forward ct state invalid drop'")
    bulk("netfilter")
    rules = run("ip netns exec a nft list table ip f")
    check("netfilter: counts large packets, inner and outer",
          rules.count("counter packets") == 2 and "packets 0 " not in rules, rules)
    run("ip netns exec a nft flush ruleset")
    run("mkdir -p /run/bpf && mount -t bpf bpf /run/bpf && python3 bpf.py pass /run/bpf/pass")
    for device in "t0", "wan":
        run(f"ip -n b link set dev {device} xdpgeneric pinned /run/bpf/pass")
        bulk(f"XDP on {device}", big=None)
        run(f"ip -n b link set dev {device} xdpgeneric off")
    run("umount /run/bpf")


def extras():
    for ns in "a", "b":
        Rtnl(ns).set("t0", clamp_mss="both", keepalive_interval=1000)
    bulk("clamp and keepalive")
    for ns in "a", "b":
        rtnl = Rtnl(ns)
        check(f"clamp and keepalive, {ns}: keepalive is up",
              wait(lambda r=rtnl: r.ext("t0")["keepalive_state"] == "up"))
        Rtnl(ns).set("t0", clamp_mss="off", keepalive_interval=0)


def nested():
    for ns, local, remote in ("a", "192.168.0.1", "192.168.0.2"), ("b", "192.168.0.2", "192.168.0.1"):
        run(f"ip -n {ns} link add name t2 type ipip local {local} remote {remote}; "
            f"ip -n {ns} link set t2 up")
        equal(f"nested, {ns}: set the size", sizes(ns, "t2", BIG), 0)
        other = "172.16.2.0/24" if ns == "a" else "172.16.1.0/24"
        run(f"ip -n {ns} route replace {other} dev t2")
    out = Watch("a", "wan", IPIP)
    check("nested: TCP arrives unchanged", transfer("h1", "h2", "172.16.2.2"))
    equal("nested: headers have the right lengths and checksums",
          [(h.hex(), n) for h, n in out.end() if not is_honest(h, n)][:3], [])
    for ns in "a", "b":
        other = "172.16.2.0/24" if ns == "a" else "172.16.1.0/24"
        run(f"ip -n {ns} route replace {other} dev t0; ip -n {ns} link del t2")


def esp():
    shell("esp_one_way")
    run("ip -n a xfrm policy add dir out src 10.1.0.1 dst 10.2.0.1 proto 4 "
        "tmpl src 10.1.0.1 dst 10.2.0.1 proto esp mode transport")
    for ns in "a", "b":
        run(f"ip -n {ns} route flush cache")
    out = Watch("a", "wan", IPIP)
    bulk("ESP", big=None, protocol=ESP)
    equal("ESP: no clear text is sent", len(out.end()), 0)
    for ns in "a", "b":
        run(f"ip -n {ns} xfrm policy flush; ip -n {ns} xfrm state flush")


def udp_encap():
    """A UDP header has a length, too. Since 7.3 it may be 0; before that, the tunnel must segment packets
    that are too long for it."""
    if subprocess.run("modprobe -q fou", shell=True, check=False).returncode:
        skip("FOU and GUE", "this kernel doesn't have them")
        return
    on_both("ip fou add port 5555 ipproto 4")
    on_both("ip fou add port 5556 gue")
    for name, arguments in (("FOU", "fou encap-dport 5555"), ("GUE", "gue encap-dport 5556"),
                            ("GUE with checksums", "gue encap-dport 5556 encap-csum")):
        for ns in "a", "b":
            run(f"ip -n {ns} link set dev t0 type ipip encap {arguments} encap-sport auto")
        bulk(name, big=KERNEL >= (7, 3), inner_big=KERNEL >= (7, 3), protocol=UDP)
    for ns in "a", "b":
        run(f"ip -n {ns} link set dev t0 type ipip encap none")


def flowtable():
    """A flowtable builds the outer header itself, with a wrong length if that is above 64 KiB and the
    underlay device doesn't segment. The driver doesn't give it a path through the tunnel then."""
    if KERNEL < (6, 19):
        skip("flowtable", "this kernel's flowtable doesn't support tunnels")
        return
    Rtnl("a").set("t0", fast_path=1)
    for size in BIG, LEGACY:
        sizes("a", "wan", size)
        run("ip netns exec a nft 'flush ruleset; add table ip f; "
            "add flowtable ip f ft { hook ingress priority filter; devices = { h1, wan }; }; "
            "add chain ip f forward { type filter hook forward priority 0; }; "
            "add rule ip f forward ct state established meta l4proto tcp flow add @ft; "
            "add rule ip f forward counter'")
        bulk(f"flowtable, the underlay's size {size}", big=size == BIG or None)
        counted = int(run("ip netns exec a nft list chain ip f forward").split("packets ")[1].split()[0])
        check(f"flowtable, the underlay's size {size}: {'not offloaded' if size == BIG else 'offloaded'}",
              (counted > 60) == (size == BIG), counted)
    run("ip netns exec a nft flush ruleset")
    Rtnl("a").set("t0", fast_path=0)
    sizes("a", "wan", BIG)


def external():
    """External mode with metadata from routes."""
    for ns, source, destination, other in (("a", "10.1.0.1", "10.2.0.1", "172.16.2.0/24"),
                                           ("b", "10.2.0.1", "10.1.0.1", "172.16.1.0/24")):
        run(f"ip -n {ns} link del t0; ip -n {ns} link add name t0 type ipip external; "
            f"ip -n {ns} link set t0 up")
        equal(f"external, {ns}: set the size", sizes(ns, "t0", BIG), 0)
        run(f"ip -n {ns} route add {other} encap ip src {source} dst {destination} dev t0")
    bulk("external")


def tests():
    topo()
    if link("a", "t0", IFLA_GSO_IPV4_MAX_SIZE) is None:
        equal("a kernel without BIG TCP for IPv4: the tunnel doesn't announce it",
              link("a", "t0", IFLA_TSO_MAX_SIZE) or LEGACY, LEGACY)
        for ns, device in UNDERLAY:
            Rtnl(ns).request(RTM_NEWLINK, 0, device, extra=attr(IFLA_GSO_MAX_SIZE, u32(BIG)))
        bulk("a kernel without BIG TCP for IPv4", big=False)
        udp_segments("UDP's GSO")
        return

    for ns, device in UNDERLAY:
        equal(f"{ns}, {device}: set the size of the underlay", sizes(ns, device, BIG), 0)
    announced()
    if INTREE:
        differs("the in-tree driver sends UDP packets above 64 KiB, which are dropped")
        udp_segments("UDP's GSO")
        skip("packets above 64 KiB", "the in-tree driver doesn't support them")
        return
    bulk("forwarded")
    bulk("from the end itself", "a", address="192.168.0.2", sink="b")
    udp_segments("UDP's GSO")
    underlay()
    narrow_path()
    filters()
    extras()
    nested()
    esp()
    udp_encap()
    flowtable()
    external()
    for device in "wan", "t0":
        equal(f"{device}: no receive errors at the far end", stat("b", device, "rx_errors"), 0)
    for ns in "b", "h2":
        errors = run(f"ip netns exec {ns} nstat -asz TcpInCsumErrors IpInHdrErrors IpInTruncatedPkts")
        equal(f"{ns}: no malformed packets", [line for line in errors.splitlines()[1:]
                                       if line.split()[1] != "0"], [])


main(tests)
