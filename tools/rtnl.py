# SPDX-License-Identifier: GPL-2.0
"""Plain rtnetlink requests for what ip(8) can't send or show."""
import contextlib
import ctypes
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
RTM_NEWLINK, RTM_GETLINK = 16, 18
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
NLM_F_DUMP, NLM_F_APPEND, NLMSG_ERROR, NLMSG_DONE = 0x300, 0x800, 2, 3
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_LINK_NETNSID = 3, 4, 18, 37
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFF_UP = 1
NLA_F_NESTED = 0x8000
# IFLA_IPIP_EXT, an attribute in IFLA_INFO_DATA.
IPIP_EXT = 48
_libc = ctypes.CDLL(None, use_errno=True)


def setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class netns:
    """Context manager: sockets opened inside belong to the network namespace, given by its
    name or by the path of its file."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(os.path.join("/run/netns", self.name), os.O_RDONLY)
        setns(there)
        os.close(there)

    def __exit__(self, *_):
        setns(self.home)
        os.close(self.home)


def attr(kind, value):
    if isinstance(value, str):
        value = value.encode() + b"\0"
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def parse(data):
    """{type: value} of netlink attributes."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


class Socket:
    """A netlink socket in a network namespace."""

    def __init__(self, ns=None):
        """Without a name, the socket is in the process's own namespace."""
        with netns(ns) if ns else contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.setsockopt(270, 11, 1)    # SOL_NETLINK, NETLINK_EXT_ACK
        self.seq = 0

    def dump(self, kind, family=0, size=16):
        """The bodies of a dump's messages; size: bytes of the request's header."""
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + size, kind, NLM_F_REQUEST | NLM_F_DUMP,
                                   self.seq, 0) + bytes([family]) + bytes(size - 1))
        bodies = []
        while True:
            data = self.sock.recv(1 << 20)
            while data:
                length, what, _, seq, _ = struct.unpack_from("=IHHII", data)
                if seq == self.seq and what in (NLMSG_ERROR, NLMSG_DONE):
                    return bodies
                if seq == self.seq:
                    bodies.append(data[16:length])
                data = data[(length + 3) & ~3:]

    def send(self, kind, flags, body):
        """Send a request with this body; returns errno."""
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind,
                                   flags | NLM_F_REQUEST | NLM_F_ACK, self.seq, 0) + body)
        while True:
            reply = self.sock.recv(65536)
            length, what, _, seq, _ = struct.unpack_from("=IHHII", reply)
            if seq == self.seq and what == NLMSG_ERROR:
                return -struct.unpack_from("=i", reply, 16)[0]

    def ask(self, kind, body):
        """The body of the answer to a request, or None if the answer is an error."""
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST,
                                   self.seq, 0) + body)
        while True:
            reply = self.sock.recv(65536)
            length, what, _, seq, _ = struct.unpack_from("=IHHII", reply)
            if seq == self.seq:
                return reply[16:length] if what != NLMSG_ERROR else None

    def read(self, name):
        """The body of a device's RTM_NEWLINK, or None."""
        return self.ask(RTM_GETLINK, bytes(16) + attr(IFLA_IFNAME, name))
