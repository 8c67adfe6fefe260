# SPDX-License-Identifier: GPL-2.0
"""For the test files that craft packets: headers, and the configuration and counters of a network
namespace without a process per command, since starting processes is slow under emulation."""
import fcntl
import os
import pty
import socket
import struct
import subprocess

from lib import netns

SIOCGIFHWADDR = 0x8927


def sum16(data):
    """The checksum of IP, TCP and ICMP; 0 if data contains the right one."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ip_header(src, dst, proto, length, ident=0, flags=0x4000, ttl=64, options=b""):
    """An IPv4 header for a payload of length bytes."""
    size = 20 + len(options)
    fields = struct.pack(">BBHHHBBH4s4s", 0x40 | size // 4, 0, size + length, ident, flags, ttl,
                         proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + options
    return fields[:10] + struct.pack(">H", sum16(fields)) + fields[12:]


def tcp_data(src, dst, sport, dport, seq, data):
    """A TCP segment with its checksum."""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, 1, 0x50, 0x10, 8192, 0, 0)
    pseudo = (socket.inet_aton(src) + socket.inet_aton(dst) +
              struct.pack("!HH", 6, len(head) + len(data)))
    return head[:16] + struct.pack("!H", sum16(pseudo + head + data)) + head[18:] + data


def one_hop_on(packet):
    """The IPv4 packet as a router forwards it: TTL less one, new checksum."""
    data = bytes(packet)
    head = (data[0] & 15) * 4
    fields = data[:8] + bytes((data[8] - 1, data[9], 0, 0)) + data[12:head]
    return fields[:10] + struct.pack(">H", sum16(fields)) + fields[12:] + data[head:]


class Ip:
    """An ip(8) that keeps running in a namespace. ip(8) caches device names: don't use
    a name again for another device."""

    END = "link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00"

    def __init__(self, ns):
        self.out, theirs = pty.openpty()
        # On a terminal Debian 13's ip(8) writes colours.
        self.process = subprocess.Popen(["ip", "-color=never", "-n", ns, "-force", "-batch", "-"],
                                        stdin=subprocess.PIPE, stdout=theirs,
                                        stderr=theirs, text=True, bufsize=1)
        os.close(theirs)

    def __call__(self, *commands):
        """Run commands and return their output; raises an exception if one fails."""
        for command in commands:
            self.process.stdin.write(command + "\n")
        self.process.stdin.write("link show dev lo\n")
        self.process.stdin.flush()
        text = ""
        while self.END not in text:
            text += os.read(self.out, 65536).decode()
        text = text[:text.rindex("1: lo:")].replace("\r", "")
        if "Command failed" in text:
            raise RuntimeError(f"{commands}: {text}")
        return text


# A keepalive interval, in milliseconds, after which a tunnel sends no probe during a test: the first one
# is sent at a random time within it.
NEVER = 4294967295000


def sysctl(ns, name, value):
    """Set a sysctl. The name of net.mpls.conf.t0.input is mpls/conf/t0/input."""
    with netns(ns), open(f"/proc/sys/net/{name}", "w") as f:
        f.write(f"{value}\n")


def mac(ns, device):
    with netns(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        reply = fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))
    return reply[18:24].hex(":")


COLUMNS = ("rx_bytes rx_packets rx_errors rx_dropped rx_fifo rx_frame rx_compressed multicast "
           "tx_bytes tx_packets tx_errors tx_dropped tx_fifo collisions tx_carrier "
           "tx_compressed").split()


def counters(ns):
    """{device: {counter: value}} from /proc/net/dev. rx_frame there is the sum
    of rx_frame_errors, rx_length_errors and two others."""
    with netns(ns), open("/proc/thread-self/net/dev") as f:
        lines = f.read().splitlines()[2:]
    result = {}
    for line in lines:
        device, _, values = line.partition(":")
        result[device.strip()] = dict(zip(COLUMNS, map(int, values.split())))
    return result


class Delta:
    """How much each counter of a device, or each that begins with the prefix, has grown since this
    object was made. Counters that haven't grown, and counters of bytes, are left out."""

    def __init__(self, ns, device, prefix=""):
        self.ns, self.device, self.prefix = ns, device, prefix
        self.before = counters(ns)[device]

    def __call__(self):
        now = counters(self.ns)[self.device]
        return {k: now[k] - v for k, v in self.before.items()
                if now[k] != v and k.startswith(self.prefix) and not k.endswith("_bytes")}


class Raw:
    """Sends IPv4 packets, including the header, from a namespace."""

    def __init__(self, ns):
        with netns(ns):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, packet):
        data = bytes(packet)
        self.sock.sendto(data, (socket.inet_ntoa(data[16:20]), 0))
