# SPDX-License-Identifier: GPL-2.0
"""The library of the test files in Python: KTAP lines as in lib.sh, sockets in a
network namespace, and plain rtnetlink requests for what ip(8) can't send or show."""
import atexit
import contextlib
import ctypes
import fcntl
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../tools")
import uapi                     # noqa: E402
from rtnl import (IFF_UP, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, IPIP_EXT,  # noqa: E402
                  NLA_F_NESTED, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_ERROR,
                  RTM_NEWLINK, Socket, attr, netns, parse)

INTREE = os.environ.get("IPIP") == "in-tree"
with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
    USER_MODE = "User Mode Linux" in cpuinfo.read()
KERNEL = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
# Whether a veth device has GRO.
VETH_GRO = KERNEL >= (5, 13)
# tests/host/run and tests/host/cross set ACCEL for their guest.
EMULATED = os.environ.get("ACCEL") == "emulation"

_n = 0
_failed = False
_differs = ""
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
ETH_P_ALL = 3
ETH_P_IP = 0x0800


def differs(reason):
    """This driver differs from the in-tree driver on purpose: the next assertion
    must fail with the in-tree driver."""
    global _differs
    _differs = reason


def check(name, passed, diagnostic=""):
    global _n, _failed, _differs
    _n += 1
    if _differs and INTREE:
        if passed:
            print(f"not ok {_n} - {name} (marked as different, but the drivers do the same)")
            _failed = True
        else:
            print(f"ok {_n} - {name} # SKIP differs on purpose: {_differs}")
    elif passed:
        print(f"ok {_n} - {name}")
    else:
        if diagnostic != "":
            print(f"# {name}: {diagnostic}")
        print(f"not ok {_n} - {name}")
        _failed = True
    _differs = ""
    sys.stdout.flush()


def equal(name, got, want):
    check(name, got == want, f"got {got!r}, want {want!r}")


def skip(name, reason):
    """The assertion can't be made in this guest."""
    global _n
    _n += 1
    print(f"ok {_n} - {name} # SKIP {reason}", flush=True)


def main(function):
    """Run a test file's function, print the plan and clean up."""
    status = 1
    try:
        function()
        print(f"1..{_n}")
        status = int(_failed)
    except BaseException:
        print("# " + traceback.format_exc().strip().replace("\n", "\n# "))
    finally:
        shell("ns_clean")
    sys.stdout.flush()
    os._exit(status)


def run(command, **kwargs):
    """Run a command and return its output; if it fails, the exception has the output."""
    p = subprocess.run(command, shell=isinstance(command, str), text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, **kwargs)
    if p.returncode:
        raise RuntimeError(f"{command}: {p.stdout}")
    return p.stdout


def shell(commands):
    """Run commands in bash with the functions of lib.sh, such as topo."""
    return run(["bash", "-c", f"set -e; . {HERE}/lib.sh; trap 'rm -rf $WORK' EXIT; "
                f"{commands}"])


def topo(arguments=""):
    shell(f"topo {arguments}")


def wait(condition, seconds=15):
    """True if condition() becomes true within so many seconds. The last look is after them: this process
    may have been kept waiting."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() > end
        if condition():
            return True
        if late:
            return False
        time.sleep(0.05)


@contextlib.contextmanager
def one_processor():
    """Packets that are sent inside stay in order: each processor has queues of its own."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def log_lines():
    """The number of lines in the kernel's log."""
    return run("dmesg").count("\n")


def unshare(flags):
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def in_child(function, meanwhile=None):
    """Run a function in a child process, which may drop privileges, and return its result, which
    is passed as JSON. With meanwhile, the function gets ready() as its argument and must call it:
    ready() makes the parent call meanwhile(pid), and returns when that has returned."""
    answer_in, answer_out = os.pipe()
    ready_in, ready_out = os.pipe()
    go_in, go_out = os.pipe()

    def ready():
        os.write(ready_out, b"1")
        os.read(go_in, 1)
    child = os.fork()
    if not child:
        try:
            answer = function(ready) if meanwhile else function()
        except BaseException:
            answer = traceback.format_exc()
        os.write(answer_out, json.dumps(answer).encode())
        os._exit(0)
    os.close(answer_out)
    os.close(ready_out)
    if meanwhile and os.read(ready_in, 1):
        meanwhile(child)
        os.write(go_out, b"1")
    with os.fdopen(answer_in) as f:
        answer = json.load(f)
    os.waitpid(child, 0)
    for end in (ready_in, go_in, go_out):
        os.close(end)
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


class Tap:
    """A packet socket on a device: sends and receives IPv4 packets without the link
    layer's header. direction: "in", "out" or None for both."""

    def __init__(self, ns, device, direction=None):
        with netns(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                      socket.htons(ETH_P_ALL))
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)    # SO_RCVBUFFORCE
            self.sock.bind((device, ETH_P_ALL))
        self.device = device
        self.direction = direction

    def send(self, packet, mac="ff:ff:ff:ff:ff:ff"):
        self.sock.sendto(bytes(packet),
                         (self.device, ETH_P_IP, 0, 0,
                          bytes.fromhex(mac.replace(":", ""))))

    def _wants(self, address):
        """True if the packet is IPv4 and goes in the direction wanted."""
        way = "out" if address[2] == socket.PACKET_OUTGOING else "in"
        return address[1] == ETH_P_IP and self.direction in (None, way)

    def receive(self, match, timeout=3.0):
        """The first packet for which match(bytes) is true, or None."""
        end = time.monotonic() + timeout
        while True:
            # Packets that have come in time are read, even if this process is late.
            left = end - time.monotonic()
            if left < -timeout or not select.select([self.sock], [], [], max(0, left))[0]:
                return None
            data, address = self.sock.recvfrom(65536)
            if self._wants(address) and match(data):
                return data

    def arrivals(self, match, seconds):
        """When the kernel received each packet of the next so many seconds for which match(bytes)
        is true, in nanoseconds. These are the kernel's timestamps, since this process may read late."""
        self.sock.setsockopt(socket.SOL_SOCKET, 35, 1)      # SO_TIMESTAMPNS
        times, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                break
            data, extra, _, address = self.sock.recvmsg(65536, 64)
            if self._wants(address) and match(data):
                whole, nanoseconds = struct.unpack("qq", extra[0][2])
                times.append(whole * 10 ** 9 + nanoseconds)
        return times

    def drain(self):
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(65536)

    def everything(self):
        """All IPv4 packets of both directions that weren't read yet; b"" for each that the
        kernel couldn't copy."""
        packets = []
        while select.select([self.sock], [], [], 0)[0]:
            try:
                data, address = self.sock.recvfrom(65536)
                if address[1] == ETH_P_IP:
                    packets.append(data)
            except OSError:
                packets.append(b"")
        return packets


def stat(ns, device, name):
    """A counter of a device by its name in sysfs, such as rx_packets."""
    return int(run(f"ip netns exec {ns} cat /sys/class/net/{device}/statistics/{name}"))


def mac(ns, device):
    return run(f"ip netns exec {ns} cat /sys/class/net/{device}/address").strip()


# rtnetlink. The requests are made by hand, so that a test can send
# ill-formed attributes and see errno and the extended acknowledgement.

RTM_DELLINK, RTM_GETLINK, RTM_SETLINK, RTM_GETSTATS = 17, 18, 19, 94
IFLA_MTU, IFLA_AF_SPEC, IFLA_NET_NS_FD, IFLA_LINK_NETNSID = 4, 26, 28, 37
IFLA_INET6_CACHEINFO = 5
IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE = 63, 64
IFLA_INFO_XSTATS = 3
(IPTUN_LINK, IPTUN_LOCAL, IPTUN_REMOTE, IPTUN_TTL, IPTUN_TOS) = range(1, 6)
IPTUN_PROTO, IPTUN_PMTUDISC = 9, 10
(IPTUN_ENCAP_TYPE, IPTUN_ENCAP_FLAGS, IPTUN_ENCAP_SPORT, IPTUN_ENCAP_DPORT,
 IPTUN_COLLECT_METADATA, IPTUN_FWMARK) = range(15, 21)


def u8(value):
    return struct.pack("=B", value)


def u16(value):
    return struct.pack("=H", value)


def u32(value):
    return struct.pack("=I", value)


def addr(value):
    return socket.inet_aton(value)


def ends(local, remote):
    """The addresses of a tunnel as entries of a request's info."""
    return (IPTUN_LOCAL, addr(local)), (IPTUN_REMOTE, addr(remote))


# Padding before a 64-bit attribute, on processors that need it aligned.
IPIP_EXT_PAD = uapi.PAD
# {name: (number, form)} of each IFLA_IPIP_EXT_*, from the header of the UAPI.
EXT = {a.name: (a.number, uapi.FORMS[a.type]) for a in uapi.ATTRIBUTES}
# Attributes that a request must not contain.
READ_ONLY = [a.name for a in uapi.ATTRIBUTES if a.read_only]
# Attributes whose value is 0 or 1.
FLAGS = [a.name for a in uapi.ATTRIBUTES if a.flag]
CLAMP = {"off": 0, "rx": 1, "tx": 2, "both": 3}
_WORDS = {"clamp_mss": CLAMP, **{a.name: uapi.words(a.enum) for a in uapi.ATTRIBUTES if a.enum}}
XSTATS = uapi.XSTATS


def _default(attribute):
    """The default value in the form that Rtnl.ext() returns."""
    words = {number: word for word, number in _WORDS.get(attribute.name, {}).items()}
    if attribute.enum:
        return attribute.default.rpartition("_")[2].lower()
    if attribute.type == "be32":
        return attribute.default
    return words.get(int(attribute.default), int(attribute.default))


# The attributes of a tunnel that ip(8) made.
DEFAULTS = {a.name: _default(a) for a in uapi.ATTRIBUTES if a.default}


def number(value):
    return int.from_bytes(value, sys.byteorder)


def ext(**values):
    """IFLA_IPIP_EXT as an entry of a request's info: ext(df="no", clamp_mss="rx")."""
    nest = b""
    for name, value in values.items():
        kind, form = EXT[name]
        if form == "z":
            nest += attr(kind, value)
            continue
        if form == "4s":
            value = addr(value)
        elif isinstance(value, str):
            value = _WORDS[name][value]
        nest += attr(kind, struct.pack("=" + form, value))
    return IPIP_EXT | NLA_F_NESTED, nest


class Rtnl(Socket):
    """Requests return (errno, message, type of the attribute that the message names, or
    None)."""

    def request(self, kind, flags, name, info=None, extra=b"", index=0):
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
        if name:
            body += attr(IFLA_IFNAME, name)
        body += extra
        if info is not None:
            data = b"".join(attr(k, v) for k, v in info)
            body += attr(IFLA_LINKINFO | NLA_F_NESTED,
                         attr(IFLA_INFO_KIND, "ipip") +
                         attr(IFLA_INFO_DATA | NLA_F_NESTED, data))
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind,
                                   flags | NLM_F_REQUEST | NLM_F_ACK,
                                   self.seq, 0) + body)
        self.sent = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
        while True:
            reply = self.sock.recv(65536)
            length, mtype, mflags, seq, _ = struct.unpack_from("=IHHII", reply)
            if seq == self.seq and mtype == NLMSG_ERROR:
                return self._error(reply[16:length], mflags)

    def _error(self, body, flags):
        error = -struct.unpack_from("=i", body)[0]
        message = at = None
        offset = 4 + 16
        if not flags & 0x100 and error:     # not NLM_F_CAPPED
            offset = 4 + struct.unpack_from("=I", body, 4)[0]
        while flags & 0x200 and offset + 4 <= len(body):    # NLM_F_ACK_TLVS
            alen, atype = struct.unpack_from("=HH", body, offset)
            value = body[offset + 4:offset + alen]
            if atype == 1:
                message = value.rstrip(b"\0").decode()
            elif atype == 2:
                where = struct.unpack("=I", value)[0]
                at = struct.unpack_from("=HH", self.sent, where)[1] & 0x3fff
            offset += (alen + 3) & ~3
        return error, message, at

    def add(self, name, *info, extra=b""):
        return self.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name, info, extra)

    def change(self, name, *info, extra=b""):
        return self.request(RTM_NEWLINK, 0, name, info, extra)

    def delete(self, name):
        return self.request(RTM_DELLINK, 0, name)

    def read_info(self, name):
        """IFLA_INFO_DATA and IFLA_INFO_XSTATS of a tunnel, parsed."""
        info = parse(parse(self.read(name)[16:])[IFLA_LINKINFO])
        return parse(info[IFLA_INFO_DATA]), parse(info.get(IFLA_INFO_XSTATS, b""))

    def ext(self, name):
        """The attributes in IFLA_IPIP_EXT of the dump, by the names of EXT; words instead of
        numbers where the value has words."""
        nest = parse(self.read_info(name)[0][IPIP_EXT])
        result = {}
        for what, (kind, form) in EXT.items():
            if kind not in nest:
                continue
            if form == "z":
                result[what] = nest[kind].rstrip(b"\0").decode()
                continue
            value, = struct.unpack("=" + form, nest[kind])
            if form == "4s":
                value = socket.inet_ntoa(value)
            elif what in _WORDS:
                value = {v: k for k, v in _WORDS[what].items()}[value]
            result[what] = value
        return result

    def xstats(self, name):
        """This driver's counters of the tunnel, by name."""
        xstats = self.read_info(name)[1]
        return {what: number(xstats[kind]) for kind, what in enumerate(XSTATS, 2)}

    def set_up(self, name, up=True):
        """Set the device up, or down; returns errno."""
        return self.send(RTM_SETLINK, 0, struct.pack("=BxHiII", 0, 0, 0, up and IFF_UP, IFF_UP) +
                         attr(IFLA_IFNAME, name))

    def set_sizes(self, name, size):
        """Set the largest IPv4 packet that the device takes and builds before segmentation, in
        bytes; returns errno."""
        return self.request(RTM_NEWLINK, 0, name, extra=attr(IFLA_GSO_IPV4_MAX_SIZE, u32(size)) +
                            attr(IFLA_GRO_IPV4_MAX_SIZE, u32(size)))[0]

    def set(self, name, **values):
        """Change attributes of IFLA_IPIP_EXT; raises an exception if the kernel refuses."""
        reply = self.change(name, ext(**values))
        if reply[0]:
            raise RuntimeError(f"{name} {values}: {reply}")


# The ioctls of `ip tunnel`.

SIOCGETTUNNEL, SIOCADDTUNNEL, SIOCDELTUNNEL, SIOCCHGTUNNEL = range(0x89F0, 0x89F4)


class Parm:
    """struct ip_tunnel_parm."""

    FORM = struct.Struct("=16sIHHII BBHHHBBH4s4s")

    def __init__(self, name="", local="0.0.0.0", remote="0.0.0.0", link=0, ttl=0, tos=0,
                 protocol=4, frag_off=0, version=4, ihl=5, keys=0):
        self.__dict__.update(locals())

    def pack(self):
        return self.FORM.pack(self.name.encode(), self.link, 0, 0, self.keys, self.keys,
                              self.version << 4 | self.ihl, self.tos, 0, 0,
                              socket.htons(self.frag_off), self.ttl, self.protocol, 0,
                              addr(self.local), addr(self.remote))

    @classmethod
    def unpack(cls, data):
        (name, link, iflags, oflags, ikey, okey, vihl, tos, _, _, frag, ttl, proto, _, local,
         remote) = cls.FORM.unpack(data)
        return {"name": name.rstrip(b"\0").decode("latin-1"), "link": link, "ttl": ttl,
                "tos": tos, "protocol": proto, "frag_off": socket.ntohs(frag),
                "version": vihl >> 4, "ihl": vihl & 15, "local": socket.inet_ntoa(local),
                "remote": socket.inet_ntoa(remote), "keys": iflags | oflags | ikey | okey}


def tunnel_request(sock, command, device, **values):
    """(errno, the structure as the kernel left it); values are arguments of Parm."""
    buffer = ctypes.create_string_buffer(Parm(**values).pack(), Parm.FORM.size)
    request = struct.pack("16sP", device.encode("latin-1"), ctypes.addressof(buffer)) + bytes(16)
    try:
        fcntl.ioctl(sock, command, request)
    except OSError as e:
        return e.errno, None
    return 0, buffer.raw


def tunnel_ioctl(command, device, ns=None, **values):
    """As tunnel_request(), but the structure's fields by name. The socket is in the namespace ns,
    or in the process's own."""
    with netns(ns) if ns else contextlib.nullcontext():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        error, data = tunnel_request(sock, command, device, **values)
    return error, data and Parm.unpack(data)


atexit.register(lambda: sys.stdout.flush())
