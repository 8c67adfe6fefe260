# SPDX-License-Identifier: GPL-2.0
"""The ECN field after decapsulation (RFC 6040 figure 4), and which packets are dropped, counted and
logged."""
import os
import time

from craft import Delta, mac
from lib import Tap, check, equal, main, topo
from scapy.layers.inet import IP, IPOption_NOP
from scapy.utils import checksum

CODES = ("Not-ECT", "ECT(1)", "ECT(0)", "CE")
NOT_ECT, ECT1, ECT0, CE = range(4)
PARAMETER = "/sys/module/ipip/parameters/log_ecn_error"
COST = "/proc/sys/net/core/message_cost"

# [inner][outer]: the inner ECN field after decapsulation; None: the packet is dropped.
FIGURE4 = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, CE: None},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}
# (inner, outer) that Linux logs.
LOGGED = {(NOT_ECT, ECT0), (NOT_ECT, ECT1), (NOT_ECT, CE)}


def write(path, value):
    with open(path, "w") as f:
        f.write(value)


def read(path):
    with open(path) as f:
        return f.read().strip()


class Path:
    """Sends outer packets from r to b; returns the inner packets that h2 receives."""

    def __init__(self):
        self.r = Tap("r", "b")
        self.h2 = Tap("h2", "eth0", "in")
        self.b = mac("b", "wan")
        self.id = 0

    def send(self, inner_tos, outer_tos, **fields):
        """(inner packet sent, packet that h2 receives, receive counters of b's tunnel)."""
        self.id += 1
        fields = {"src": "172.16.1.2", "dst": "172.16.2.2", "proto": 253, "ttl": 20, **fields}
        inner = IP(id=self.id, tos=inner_tos, **fields) / bytes(range(40))
        outer = IP(src="10.1.0.1", dst="10.2.0.1", proto=4, tos=outer_tos) / inner
        delta = Delta("b", "t0", "rx_")
        self.r.send(outer, self.b)
        # The tunnel counts each packet, as received or as dropped.
        end = time.monotonic() + 5
        while not delta() and time.monotonic() < end:
            time.sleep(0.002)
        counted = delta()
        got = self.h2.receive(lambda d: d[4:6] == bytes(inner)[4:6],
                              3 if "rx_packets" in counted else 0.3)
        return inner, got, counted


class Log:
    """The lines of the kernel log since the last call of lines()."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def lines(self):
        lines = []
        while True:
            try:
                lines.append(os.read(self.fd, 8192).decode(errors="replace"))
            except BlockingIOError:
                return lines
            except BrokenPipeError:     # older lines were overwritten
                pass


def expected(inner, tos):
    """The inner packet as forwarded, with this TOS."""
    packet = IP(bytes(inner))
    packet.ttl -= 1
    packet.tos = tos
    del packet.chksum
    return bytes(packet)


def decapsulate(path):
    for inner, row in FIGURE4.items():
        for outer, want in row.items():
            name = f"inner {CODES[inner]}, outer {CODES[outer]}"
            sent, got, counted = path.send(0x28 | inner, 0xb8 | outer)
            if want is None:
                check(f"{name}: dropped", got is None)
                equal(f"{name}: counted", counted, {"rx_errors": 1, "rx_frame": 1})
                continue
            check(f"{name}: arrives", got is not None)
            equal(f"{name}: becomes {CODES[want]}", got and CODES[got[1] & 3], CODES[want])
            equal(f"{name}: nothing else of the packet changes",
                  got and got[:1] + bytes([got[1] & 0xfc]) + got[2:10] + got[12:],
                  sent and expected(sent, 0x28)[:10] + expected(sent, 0x28)[12:])
            equal(f"{name}: header checksum", got and checksum(got[:20]), 0)
            equal(f"{name}: counted", counted, {"rx_packets": 1})


def dscp(path):
    for inner in (0, 0x04, 0xb8, 0xfc):
        for outer in (0, 0x04, 0xfc):
            sent, got, _ = path.send(inner | ECT0, outer | CE)
            equal(f"inner DSCP {inner >> 2}, outer DSCP {outer >> 2}, outer CE",
                  got, expected(sent, inner | CE))


def checksums(path):
    """The driver updates the inner checksum incrementally: it doesn't repair a wrong one."""
    options = [IPOption_NOP()] * 4
    for outer, want in ((CE, CE), (ECT1, ECT1)):
        sent, got, _ = path.send(ECT0, outer, options=options)
        equal(f"inner options, outer {CODES[outer]}: arrives right", got, expected(sent, want))
        # Checksums at which a wrong carry shows. The inner ID is chosen to give them.
        for target in (0x0000, 0x0001, 0x00ff, 0x0100, 0xfeff, 0xff00, 0xfffe):
            path.id = 0
            base = IP(bytes(IP(id=0, tos=ECT0, src="172.16.1.2", dst="172.16.2.2", proto=253,
                               ttl=20) / bytes(range(40)))).chksum
            path.id = (base - target) % 0xffff - 1
            sent, got, _ = path.send(ECT0, outer)
            name = f"outer {CODES[outer]}, inner checksum {target:#06x}"
            assert (IP(bytes(sent)).chksum - target) % 0xffff == 0
            equal(f"{name}: arrives right", got, expected(sent, want))
        _, got, counted = path.send(ECT0, outer, chksum=0x1234)
        check(f"outer {CODES[outer]}, wrong inner checksum: not repaired", got is None)
        equal(f"outer {CODES[outer]}, wrong inner checksum: the tunnel counts the packet as received",
              counted, {"rx_packets": 1})


def logging(path, log):
    """The TOS in the logged line identifies the packet."""
    for value, wanted in (("Y", LOGGED), ("N", set())):
        write(PARAMETER, value)
        equal(f"log_ecn_error={value}: reads back", read(PARAMETER), value)
        log.lines()
        for inner in range(4):
            for outer in range(4):
                path.send(inner, 0x20 | inner << 6 | outer)
        text = "".join(log.lines())
        for inner in range(4):
            for outer in range(4):
                line = f"non-ECT from 10.1.0.1 with TOS={0x20 | inner << 6 | outer:#x}\n"
                logged = (inner, outer) in wanted
                name = f"log_ecn_error={value}, inner {CODES[inner]}, outer {CODES[outer]}"
                equal(f"{name}: {'logged' if logged else 'not logged'}", line in text, logged)


def test():
    topo()
    path = Path()
    log = Log()
    equal("log_ecn_error is on by default", read(PARAMETER), "Y")
    decapsulate(path)
    try:
        write(PARAMETER, "N")
        dscp(path)
        checksums(path)
        write(COST, "0")    # no rate limit
        logging(path, log)
    finally:
        write(PARAMETER, "Y")


main(test)
