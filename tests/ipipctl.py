# SPDX-License-Identifier: GPL-2.0
"""Runs ipipctl in a netns, as a user does. In User Mode Linux this is the build with sanitizers, which
takes a second to start in an emulated machine."""
import contextlib
import os
import socket
import subprocess
import threading
import time

from lib import HERE, INTREE, USER_MODE, check, equal, netns, run, shell, skip

PLAIN = os.path.join(HERE, "../build/tools/ipipctl")
TOOL = os.environ["IPIPCTL"] if USER_MODE else PLAIN
NOT_BUILT = "xdp: this ipipctl was built without libbpf"
# The environment of every call; a test may add to it.
ENV = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": os.environ["PATH"], "LC_ALL": "C"}


@contextlib.contextmanager
def writable_etc():
    """Makes /etc writable. That is undone at the end, also after a failure."""
    shell(f". {HERE}/charon.sh; rm -rf /run/etc; cover_etc /run/etc")
    try:
        yield
    finally:
        run("umount -l /etc")


def two_hosts(*new):
    """Connect the netns a (10.5.0.1) and c (10.5.0.2) by a veth pair; make those named in new."""
    shell(f"ns_add {' '.join(new)}; "
          "ip link add name x netns a type veth peer name x netns c; "
          "ip -n a addr add 10.5.0.1/24 dev x; ip -n c addr add 10.5.0.2/24 dev x; "
          "ip -n a link set dev x up; ip -n c link set dev x up")


@contextlib.contextmanager
def udp_server(address, port, answer):
    """A UDP server in the netns a. It sends what answer(request) returns, or nothing for None."""
    def serve():
        request, peer = server.recvfrom(2048)
        while request:
            reply = answer(request)
            if reply is not None:
                server.sendto(reply, peer)
            request, peer = server.recvfrom(2048)

    with netns("a"):
        server, end = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with server, end:
        server.bind((address, port))
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            end.sendto(b"", ("127.0.0.1", port))
            thread.join()


def can_run(what):
    """True if ipipctl can be tested; otherwise skips, with the reason."""
    if not os.path.exists(TOOL):
        skip("ipipctl", "the tool isn't built")
    elif INTREE:
        skip(what, "it needs this project's driver")
    else:
        return True
    return False


def ctl(*words, netns="a", stdin="", tool=TOOL, env=()):
    """(status, output, errors). A variable of env that is None or empty is unset."""
    env = {name: value for name, value in {**ENV, **dict(env)}.items() if value}
    p = subprocess.run(["ip", "netns", "exec", netns, tool, *words], input=stdin,
                       capture_output=True, text=True, env=env, check=False)
    return p.returncode, p.stdout, p.stderr


def without_libbpf():
    return ctl("xdp", "detach", "wan")[2] == f"ipipctl: {NOT_BUILT}\n"


def good(*words, **kwargs):
    status, out, err = ctl(*words, **kwargs)
    if status or err:
        check(" ".join(words), False, f"{status}: {out}{err}")
    return out


def refused(status, error, *words, **kwargs):
    equal(f"refused: {' '.join(words)}", ctl(*words, **kwargs), (status, "", f"ipipctl: {error}\n"))


def found(*words):
    return ctl("find", *words)[1].strip()


def get(tunnel, *names):
    values = [good("get", tunnel, name).rstrip("\n") for name in names]
    return values if len(names) > 1 else values[0]


def clear():
    names = found()
    if names:
        good("remove", "--", names)


def stopped(tracer):
    """The PID of the tracer's child, once it has been stopped for longer than strace stops a system call."""
    child, times, end = "", 0, time.monotonic() + 30
    while times < 10 and time.monotonic() < end:
        time.sleep(0.05)
        child = child or run(f"pgrep -P {tracer} || true").strip()
        with contextlib.suppress(OSError), open(f"/proc/{child}/stat", encoding="ascii") as stat:
            times = times + 1 if stat.read().rpartition(") ")[2][0] == "t" else 0
    return int(child)
