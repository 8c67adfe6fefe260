# SPDX-License-Identifier: GPL-2.0
"""ipipctl as a user calls it, in a netns. In User Mode Linux it is the one built with the
sanitizers, which take a second to start in an emulated machine."""
import contextlib
import os
import socket
import subprocess
import threading

from lib import HERE, INTREE, USER_MODE, check, equal, netns, run, shell, skip

PLAIN = os.path.join(HERE, "../build/tools/ipipctl")
TOOL = os.environ["IPIPCTL"] if USER_MODE else PLAIN
# What every call gets; a test may add to it.
ENV = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": os.environ["PATH"], "LC_ALL": "C"}


@contextlib.contextmanager
def writable_etc():
    """An /etc that can be written to. It is as it was at the end, also after a failure."""
    run("mkdir -p /run/etc/up /run/etc/work; modprobe -q overlay; mount -t overlay -o "
        "lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc")
    try:
        yield
    finally:
        run("umount -l /etc")


def two_hosts(*new):
    """The netns a and c, of which some are to be made, with 10.5.0.1 and 10.5.0.2 on a cable."""
    shell(f"ns_add {' '.join(new)}; "
          "ip link add name x netns a type veth peer name x netns c; "
          "ip -n a addr add 10.5.0.1/24 dev x; ip -n c addr add 10.5.0.2/24 dev x; "
          "ip -n a link set dev x up; ip -n c link set dev x up")


@contextlib.contextmanager
def udp_server(address, port, answer):
    """A socket in the netns a that sends what answer(request) gives, or nothing for None."""
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
    """Or else a line in the report says why not."""
    if not os.path.exists(TOOL):
        skip("ipipctl", "it isn't built here")
    elif INTREE:
        skip(what, "it is for our driver")
    else:
        return True
    return False


def ctl(*words, netns="a", stdin="", tool=TOOL, env=()):
    """Status, output and errors. A variable of env that is None or empty isn't passed on."""
    env = {name: value for name, value in {**ENV, **dict(env)}.items() if value}
    p = subprocess.run(["ip", "netns", "exec", netns, tool, *words], input=stdin,
                       capture_output=True, text=True, env=env, check=False)
    return p.returncode, p.stdout, p.stderr


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
