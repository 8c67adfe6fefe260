# SPDX-License-Identifier: GPL-2.0
"""The MSS clamp: which SYNs it lowers, which packets it must not change, checksums."""
import errno
import fcntl
import os
import socket
import struct
import subprocess
import threading
import time

from craft import ip_header, mac, sum16
from lib import INTREE, Rtnl, Tap, check, equal, main, netns, run, shell, skip, topo

HOSTS = "172.16.1.2", "172.16.2.2"
FIN, SYN, RST, ACK = 1, 2, 4, 16
MSS = b"\2\4\5\xb4"     # 1460
AO = b"\x1d\x10\1\1" + bytes(range(12))       # RFC 5925: HMAC-SHA-1-96
MD5 = b"\x13\x12" + bytes(range(16))          # RFC 2385
BOUND = 1480 - 40
TCP_MD5SIG, TCP_AO_ADD_KEY = 14, 38


def tcp(options, flags=SYN, data=b"", wrong=0, hosts=HOSTS, offset=None):
    """A segment whose checksum is off by `wrong`."""
    options += bytes(-len(options) % 4)
    words = (20 + len(options)) // 4 if offset is None else offset
    segment = struct.pack(">HHIIBBHHH", 1024, 80, 1, 0, words << 4, flags, 65535, 0, 0)
    segment += options + data
    pseudo = (socket.inet_aton(hosts[0]) + socket.inet_aton(hosts[1]) +
              struct.pack(">HH", 6, len(segment)))
    check_sum = (sum16(pseudo + segment) + wrong) & 0xffff
    return segment[:16] + struct.pack(">H", check_sum) + segment[18:]


def checksum_error(packet):
    """0 if TCP's checksum is right, otherwise the difference."""
    ihl = (packet[0] & 15) * 4
    segment = packet[ihl:]
    pseudo = packet[12:20] + struct.pack(">HH", 6, len(segment))
    return sum16(pseudo + segment)


class Path:
    """Sends packets from h1 through the tunnel to h2; captures them between the ends and at h2."""

    def __init__(self):
        self.h1, self.h2 = Tap("h1", "eth0"), Tap("h2", "eth0", "in")
        self.wire = Tap("r", "a", "in")
        self.gateway = mac("a", "h1")
        self.a, self.b = Rtnl("a"), Rtnl("b")
        self.ident = 0

    def clamp(self, a, b):
        self.a.set("t0", clamp_mss=a)
        self.b.set("t0", clamp_mss=b)

    def send(self, payload, proto=6, trailer=b"", **fields):
        """Send an IPv4 packet with this payload. Returns the inner packet on the wire, and the packet
        that arrived."""
        self.ident += 1
        packet = ip_header(*HOSTS, proto, len(payload), ident=self.ident, **fields) + payload
        ident = struct.pack(">H", self.ident)
        # An earlier connection may have used the same ID.
        self.wire.drain()
        self.h2.drain()
        self.h1.send(packet + trailer, self.gateway)
        wire = self.wire.receive(lambda d: d[9] == 4 and d[24:26] == ident)
        arrived = self.h2.receive(lambda d: d[4:6] == ident)
        return wire and wire[20:], arrived

    def counted(self):
        return (self.a.xstats("t0")["tx_mss_clamped"], self.b.xstats("t0")["rx_mss_clamped"])


    def authenticated(self):
        return tuple(r.xstats("t0")["mss_tcp_ao"] for r in (self.a, self.b))


def segment_of(packet):
    return packet and packet[(packet[0] & 15) * 4:]


# (name, options, offset of the MSS value in them).
LOWERED = (
    ("alone", MSS, 2),
    ("after one NOP, at an odd place", b"\1" + MSS, 3),
    ("after two NOPs", b"\1\1" + MSS, 4),
    ("after three NOPs, at an odd place", b"\1\1\1" + MSS, 5),
    ("after window scale, at an odd place", b"\3\3\7" + MSS, 5),
    ("among the options that Linux sends", MSS + b"\4\2\x08\x0a" + bytes(8) + b"\1\3\3\7", 2),
    ("as the last of 40 bytes", b"\1" * 36 + MSS, 38),
    ("before the end of the list", MSS + b"\0\2\4\1", 2),
    ("before an unknown option", MSS + b"\xfe\4ab", 2),
    ("before TCP-MD5, which doesn't sign options", MSS + b"\1\1" + MD5, 2),
    ("after TCP-MD5", MD5 + MSS, 20),
)
# Options that TCP-AO signs, or may sign.
SIGNED = (
    ("before TCP-AO", MSS + AO),
    ("after TCP-AO, at an odd place", b"\1" + AO + MSS),
    ("among the options that Linux sends with TCP-AO", MSS + b"\4\2\1\3\3\7" + AO),
    ("before a TCP-AO that has no MAC", MSS + b"\x1d\4\1\1"),
    ("after an empty TCP-AO option", b"\x1d\2" + MSS),
)
LEFT = (
    ("no option", b""),
    ("no MSS", b"\3\3\7\4\2"),
    ("MSS after the end of the list", b"\0" + MSS),
    ("MSS twice", MSS + MSS),
    ("MSS of length 3", b"\2\3\5" + b"\1"),
    ("MSS of length 5", b"\2\5\5\xb4\0" + b"\1\1\1"),
    ("MSS of length 0", b"\2\0\5\xb4"),
    ("an option of length 0 before it", b"\3\0" + MSS + b"\1\1"),
    ("an option of length 1 before it", b"\3\1" + MSS + b"\1\1"),
    ("an option after it that is longer than the list", MSS + b"\x08\x0a" + b"\1\1"),
    ("an option without a length after it", MSS + b"\1\1\1\x08"),
    ("an option that covers it", b"\x08\x08\1\1" + MSS),
    ("MSS that is cut off", b"\1\1\1\2"),
)


def table(path):
    for a, b, where in (("tx", "off", 0), ("off", "rx", 1)):
        path.clamp(a, b)
        for name, options, offset in LOWERED:
            for flags, kind in (SYN, "SYN"), (SYN | ACK, "SYN-ACK"):
                before = path.counted()
                sent = tcp(options, flags)
                got = path.send(sent)
                wire, arrived = map(segment_of, got)
                want = sent[:20 + offset] + struct.pack(">H", BOUND) + sent[22 + offset:]
                name_it = f"{b if where else a}, {kind}, MSS {name}"
                check(f"{name_it}: {BOUND} arrives, the rest is unchanged", arrived is not None and
                      arrived[:16] + bytes(2) + arrived[18:] == want[:16] + bytes(2) + want[18:],
                      repr(arrived))
                equal(f"{name_it}: the checksum is right", checksum_error(got[1]), 0)
                equal(f"{name_it}: on the wire it is {'unchanged' if where else 'lowered'}",
                      wire, sent if where else arrived)
                now = path.counted()
                equal(f"{name_it}: counted once, at {'b' if where else 'a'}",
                      (now[0] - before[0], now[1] - before[1]),
                      (0, 1) if where else (1, 0))

    path.clamp("both", "both")
    before = path.counted()
    for name, options in LEFT:
        sent = tcp(options)
        equal(f"unchanged: {name}", tuple(map(segment_of, path.send(sent))), (sent, sent))
    for value in 0, 1, 536, BOUND - 1, BOUND:
        sent = tcp(b"\2\4" + struct.pack(">H", value))
        equal(f"unchanged: MSS {value}", segment_of(path.send(sent)[1]), sent)
    for flags, name in (ACK, "ACK"), (FIN | ACK, "FIN"), (RST, "RST"), (0, "no flag"):
        sent = tcp(MSS, flags)
        equal(f"unchanged: {name} with an MSS", segment_of(path.send(sent)[1]), sent)
    for offset in 0, 4:
        sent = tcp(MSS, offset=offset)
        equal(f"unchanged: a TCP header of {offset * 4} bytes", segment_of(path.send(sent)[1]),
              sent)
    sent = tcp(MSS, offset=15)
    equal("unchanged: a TCP header that is longer than the packet",
          segment_of(path.send(sent)[1]), sent)
    sent = tcp(MSS)
    equal("unchanged: UDP with the same bytes", segment_of(path.send(sent, proto=17)[1]), sent)
    equal("unchanged: a later fragment with the same bytes",
          segment_of(path.send(sent, flags=100)[1]), sent)
    for size in 4, 8, 13, 14, 19:
        equal(f"unchanged: {size} bytes of TCP", segment_of(path.send(sent[:size])[1]),
              sent[:size])
    for name, options in (("TCP-AO without an MSS", AO), ("TCP-AO that is cut off", MSS + AO[:8]),
                          ("TCP-AO after the end of the list, and two MSS", MSS * 2 + b"\0" + AO),
                          (f"MSS {BOUND} with TCP-AO", b"\2\4" + struct.pack(">H", BOUND) + AO)):
        sent = tcp(options)
        equal(f"unchanged: {name}", segment_of(path.send(sent)[1]), sent)
    sent = tcp(MSS + AO, ACK)
    equal("unchanged: no SYN, with TCP-AO", segment_of(path.send(sent)[1]), sent)
    equal("unchanged packets don't count as clamped", path.counted(), before)
    equal("unchanged packets don't count as signed by TCP-AO", path.authenticated(), (0, 0))


def signed(path):
    """TCP-AO's MAC covers the options (RFC 5925 section 5.1): a SYN with TCP-AO isn't changed, and
    is counted."""
    for a, b in ("tx", "off"), ("off", "rx"):
        path.clamp(a, b)
        for name, options in SIGNED:
            for flags, kind in (SYN, "SYN"), (SYN | ACK, "SYN-ACK"):
                before, clamped = path.authenticated(), path.counted()
                sent = tcp(options, flags)
                equal(f"{a}/{b}, {kind}, MSS {name}: unchanged",
                      tuple(map(segment_of, path.send(sent))), (sent, sent))
                equal(f"{a}/{b}, {kind}, MSS {name}: counted once, at {'a' if a == 'tx' else 'b'}",
                      tuple(map(int.__sub__, path.authenticated(), before)),
                      (1, 0) if a == "tx" else (0, 1))
                equal(f"{a}/{b}, {kind}, MSS {name}: not counted as clamped", path.counted(), clamped)
    path.clamp("tx", "off")
    before = path.counted(), path.authenticated()
    sent = tcp(MSS + b"\0" + AO)
    equal("TCP-AO after the end of the list is no option: lowered",
          struct.unpack(">H", segment_of(path.send(sent)[1])[22:24])[0], BOUND)
    equal("TCP-AO after the end of the list: counted as clamped",
          (path.counted()[0] - before[0][0], path.authenticated()),
          (1, before[1]))


def storage(address):
    """struct sockaddr_storage."""
    return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address)).ljust(128, b"\0")


def ao_key(peer):
    """struct tcp_ao_add: HMAC-SHA-1-96 with the key ID 100."""
    return (storage(peer) + b"hmac(sha1)".ljust(64, b"\0") +
            struct.pack("=iIHBBBBBB80s4x", 0, 0, 0, 32, 100, 100, 12, 0, 4, b"abcd"))


def md5_key(peer):
    """struct tcp_md5sig."""
    return storage(peer) + struct.pack("=BBHi80s", 0, 0, 4, 0, b"abcd")


def key_of(sock, option, key):
    """Give a socket the key; False if the kernel doesn't support the option."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, key)
    except OSError as e:
        if e.errno in (errno.ENOPROTOOPT, errno.EOPNOTSUPP):
            return False
        raise
    return True


def talk(option, key, port):
    """How many of 300,000 bytes arrive from h1 at h2 in signed segments; None if the kernel doesn't
    support the option."""
    with netns("h2"):
        listener = socket.socket()
    with netns("h1"):
        client = socket.socket()
    with listener, client:
        if not key_of(listener, option, key(HOSTS[0])) or not key_of(client, option, key(HOSTS[1])):
            return None
        listener.bind((HOSTS[1], port))
        listener.listen()
        for s in client, listener:
            s.settimeout(6)
        got = 0
        try:
            client.connect((HOSTS[1], port))
            accepted, _ = listener.accept()
            threading.Thread(target=lambda: client.sendall(bytes(300000))).start()
            accepted.settimeout(6)
            while got < 300000 and (data := accepted.recv(65536)):
                got += len(data)
            accepted.close()
        except TimeoutError:
            pass
    return got


def options_of(packet):
    """{kind: value} of TCP's options."""
    segment = segment_of(packet)
    rest, found = segment[20:segment[12] >> 2], {}
    while rest and rest[0]:
        size = 1 if rest[0] == 1 else rest[1]
        found[rest[0]] = rest[2:size]
        rest = rest[size:]
    return found


def learn_path():
    run(f"ip netns exec h1 ping -c 1 -W 1 -M do -s 1472 {HOSTS[1]} || :")


def forget_path():
    run("ip -n h1 route flush cache")


def sockets(path):
    """Connections whose ends check the signature, as BGP sessions do."""
    tap = Tap("h2", "eth0")
    for name, option, key, port in (("TCP-MD5", TCP_MD5SIG, md5_key, 5100),
                                    ("TCP-AO", TCP_AO_ADD_KEY, ao_key, 5200)):
        path.clamp("off", "off")
        # TCP-AO ignores ICMP "fragmentation needed", so h1 must know the path MTU before.
        learn_path()
        got = talk(option, key, port)
        if got is None:
            skip(f"connections with {name}", "this kernel has no such sockets")
            continue
        equal(f"{name} without the clamp: 300,000 bytes arrive", got, 300000)
        path.clamp("both", "both")
        # A learned path MTU would lower the MSS already at the sender.
        if name == "TCP-MD5":
            forget_path()
        before = path.counted(), path.authenticated()
        tap.drain()
        equal(f"{name} with the clamp: 300,000 bytes arrive", talk(option, key, port + 1), 300000)
        # On a slow machine SYNs may be sent again.
        seen = [d for d in tap.everything() if d[9] == 6]
        there, back = ([d for d in seen if d[33] & 0x3f == flags] for flags in (SYN, SYN | ACK))
        options = options_of(there[0])
        check(f"{name}: the SYN is signed", (29 if name == "TCP-AO" else 19) in options, options)
        equal(f"{name}: the MSS that arrives", options[2],
              struct.pack(">H", 1460 if name == "TCP-AO" else BOUND))
        grown = tuple(tuple(map(int.__sub__, now, then)) for now, then in
                      zip((path.counted(), path.authenticated()), before))
        # a sends SYNs and receives SYN-ACKs; b the other way round. Only one end lowers a SYN.
        equal(f"{name}: the counters of a and b", grown,
              ((0, 0), (len(there) + len(back),) * 2) if name == "TCP-AO" else
              ((len(there), 0), (0, 0)))


def shapes(path):
    """SYNs with IP options, in a fragment, or with data are lowered, on transmit and on receive."""
    for a, b in ("tx", "off"), ("off", "rx"):
        path.clamp(a, b)
        for name, fields, data in (("IP options", {"options": b"\1" * 8}, b""),
                                   ("a first fragment", {"flags": 0x2000}, bytes(52)),
                                   ("data", {}, bytes(range(200)))):
            sent = tcp(MSS, data=data)
            got = path.send(sent, **fields)[1]
            mss = segment_of(got) and struct.unpack(">H", segment_of(got)[22:24])[0]
            equal(f"{a}/{b}, SYN with {name}: lowered", mss, BOUND)
            equal(f"{a}/{b}, SYN with {name}: the data are unchanged", segment_of(got)[24:], data)
            equal(f"{a}/{b}, SYN with {name}: the checksum is right", checksum_error(got), 0)
        for wrong in 1, 0x1234:
            for options in MSS, b"\1" + MSS:
                sent = tcp(options, wrong=wrong)
                plain = ip_header(*HOSTS, 6, len(sent)) + sent
                got = path.send(sent)[1]
                equal(f"{a}/{b}: a wrong checksum stays off by the same difference",
                      checksum_error(got), checksum_error(plain))
        # Values at which a wrong carry shows in the checksum.
        for value in range(1441, 65536, 4099):
            sent = tcp(b"\1\2\4" + struct.pack(">H", value))
            equal(f"{a}/{b}, MSS {value} at an odd place: the checksum is right",
                  checksum_error(path.send(sent)[1]), 0)


def bounds(path):
    path.clamp("off", "rx")
    for mtu in 68, 576, 1280, 1400:
        run(f"ip -n b link set dev t0 mtu {mtu}")
        got = segment_of(path.send(tcp(MSS))[1])
        equal(f"rx, MTU {mtu}: MTU - 40", struct.unpack(">H", got[22:24])[0], mtu - 40)
    run("ip -n b link set dev t0 mtu 1480")
    path.clamp("tx", "off")
    run("ip -n a link set dev t0 mtu 1300")
    got = segment_of(path.send(tcp(MSS))[1])
    equal("tx, MTU 1300: MTU - 40", struct.unpack(">H", got[22:24])[0], 1260)
    run("ip -n a link set dev t0 mtu 1480")
    run("ip -n a route add 10.2.0.1/32 via 10.1.0.254 mtu 1200")
    got = segment_of(path.send(tcp(MSS))[1])
    equal("tx, outer path of 1200: 1200 - 20 - 40", struct.unpack(">H", got[22:24])[0], 1140)
    run("ip -n a route del 10.2.0.1/32")


def clone(path):
    """The driver copies a packet that a packet socket shares before it writes to it."""
    path.clamp("off", "rx")
    seen = Tap("b", "wan", "in")
    sent = tcp(MSS)
    arrived = segment_of(path.send(sent)[1])
    held = seen.receive(lambda d: d[9] == 4 and
                        d[24:26] == struct.pack(">H", path.ident))
    equal("a packet socket on the underlay sees the original MSS", held[40:], sent)
    equal("the packet that arrives is lowered", struct.unpack(">H", arrived[22:24])[0], BOUND)


def bad_checksums(ns):
    with netns(ns), open("/proc/thread-self/net/snmp") as f:
        rows = [line.split() for line in f if line.startswith("Tcp:")]
    return int(dict(zip(*rows))["InCsumErrors"])


def connect(path):
    """SYNs of the tunnel's end itself, whose checksum the device computes."""
    path.clamp("tx", "off")
    bad = bad_checksums("h2")
    for offload in "on", "off":
        run(f"ip netns exec a ethtool -K t0 tx {offload}")
        run(f"ip netns exec a ethtool -K wan tx {offload}")
        run("ip -n a link set dev t0 mtu 1480")
        run("ip -n a route replace 172.16.2.0/24 dev t0 advmss 1460 src 192.168.0.1")
        with netns("h2"):
            listener = socket.create_server(("172.16.2.2", 5001))
        with netns("a"):
            client = socket.socket()
        tap = Tap("b", "t0", "in")
        client.settimeout(10)
        client.connect(("172.16.2.2", 5001))
        syn = tap.receive(lambda d: d[9] == 6 and d[33] == SYN)
        equal(f"own SYN, offload {offload}: lowered", struct.unpack(">H", syn[42:44])[0], BOUND)
        if offload == "off":
            equal("own SYN, offload off: the checksum is right", checksum_error(syn), 0)
        accepted, _ = listener.accept()
        client.sendall(bytes(100000))
        client.shutdown(socket.SHUT_WR)
        got = 0
        while data := accepted.recv(65536):
            got += len(data)
        equal(f"own connection, offload {offload}: 100,000 bytes arrive", got, 100000)
        for s in client, accepted, listener:
            s.close()
    equal("no wrong checksums at the receiver", bad_checksums("h2"), bad)


def nonlinear():
    """A SYN of which the underlay device puts only the first bytes into the linear part."""
    shell("ip -n r link set dev b down; ip -n b link set dev wan down; ip -n b link del wan")
    run("[ -e /dev/net/tun ] || modprobe tun")
    with netns("b"):
        tun = open("/dev/net/tun", "r+b", buffering=0)
        # IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS | IFF_NO_PI
        fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"wan", 0x2 | 0x10 | 0x20 | 0x1000))
    run("ip -n b link set dev wan up address 02:00:00:00:00:01")
    run("ip -n b addr add 10.2.0.1/24 dev wan")
    tap = Tap("h2", "eth0", "in")
    before = Rtnl("b").xstats("t0")["rx_mss_clamped"]
    # The first element of the vector becomes the linear part: only headers.
    segment = tcp(MSS, data=bytes(300))
    inner = ip_header(*HOSTS, 6, len(segment), ident=0x7777) + segment
    outer = ip_header("10.1.0.1", "10.2.0.1", 4, len(inner), flags=0)
    frame = bytes.fromhex("020000000001" "020000000002" "0800") + outer + inner
    parts = [frame[:64], frame[64:70], frame[70:]]
    os.writev(tun.fileno(), parts)
    got = tap.receive(lambda d: d[4:6] == b"\x77\x77")
    equal("headers spread over fragments of memory: lowered",
          got and struct.unpack(">H", segment_of(got)[22:24])[0], BOUND)
    equal("headers spread over fragments of memory: the checksum is right",
          got and checksum_error(got), 0)
    equal("headers spread over fragments of memory: counted",
          Rtnl("b").xstats("t0")["rx_mss_clamped"] - before, 1)
    tun.close()


def transfer(source, sink, address, port):
    """Send 300,000 bytes over TCP; returns how many arrive in time."""
    with netns(sink):
        listener = socket.create_server((address, port))
    listener.settimeout(5)
    sender = subprocess.Popen(f"head -c 300000 /dev/zero | timeout 15 ip netns exec {source} "
                              f"nc -N {address} {port}", shell=True)
    got = 0
    try:
        accepted, _ = listener.accept()
        accepted.settimeout(5)
        while data := accepted.recv(65536):
            got += len(data)
        accepted.close()
    except TimeoutError:
        run(f"ip netns pids {source} | xargs -r kill -9")
    sender.wait()
    listener.close()
    return got


def black_hole():
    """The ends know the tunnel's MTU, but their ICMP errors don't reach the hosts."""
    topo()
    for n, host in ("a", "172.16.1.2"), ("b", "172.16.2.2"):
        run(f"ip -n {n} link set dev t0 mtu 1300")
        # The gateway can't send packets of its own to the host.
        run(f"ip -n {n} rule add iif lo to {host} prohibit")
        for dev in "t0", "h1" if n == "a" else "h2":
            run(f"ip netns exec {n} ethtool -K {dev} tso off gso off gro off")
    for host in "h1", "h2":
        run(f"ip netns exec {host} ethtool -K eth0 tso off gso off")
        run(f"ip netns exec {host} sysctl -qw net.ipv4.tcp_mtu_probing=0")
    for port, (source, sink, address) in enumerate((("h1", "h2", "172.16.2.2"),
                                                    ("h2", "h1", "172.16.1.2")), 6000):
        got = transfer(source, sink, address, port)
        check(f"TCP from {source} into a black hole hangs without the clamp", got < 300000, got)
    Rtnl("a").set("t0", clamp_mss="rx")
    Rtnl("b").set("t0", clamp_mss="rx")
    for port, (source, sink, address) in enumerate((("h1", "h2", "172.16.2.2"),
                                                    ("h2", "h1", "172.16.1.2")), 6010):
        equal(f"TCP from {source} into a black hole passes with the clamp",
              transfer(source, sink, address, port),
              300000)


def test():
    if INTREE:
        skip("MSS clamp", "the in-tree driver doesn't have it")
        return
    topo()
    path = Path()
    time.sleep(0.2)
    path.send(tcp(MSS))     # resolves the neighbours
    for at in range(2):
        sent = tcp(MSS)
        equal("off: unchanged", tuple(map(segment_of, path.send(sent))), (sent, sent))
    table(path)
    signed(path)
    sockets(path)
    shapes(path)
    bounds(path)
    clone(path)
    connect(path)
    path.clamp("off", "rx")
    nonlinear()
    shell("ns_clean")
    black_hole()


main(test)
