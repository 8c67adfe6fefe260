# SPDX-License-Identifier: GPL-2.0
"""Programs that make tunnels: pyroute2, which gets this driver's attributes from the example in
Documentation/, and systemd-networkd, which knows only those of the in-tree driver."""
import errno
import os
import socket
import subprocess
import sys
import time

from lib import (DEFAULTS, INTREE, IPTUN_LOCAL, IPTUN_REMOTE, Rtnl, check, equal, main, netns, run,
                 shell, skip)

EXAMPLES = "../Documentation/examples"
NETDEV = "25-ipip1.netdev"
NETWORKD = "/lib/systemd/systemd-networkd"
REQUEST = {"df": "no", "clamp_mss": "rx", "mtu_auto": 1, "keepalive_interval": 10000,
           "keepalive_retries": 10}
OFF = {**DEFAULTS, "keepalive_state": "off"}


def ends(rtnl, name):
    data = rtnl.read_info(name)[0]
    return [socket.inet_ntoa(data[kind]) for kind in (IPTUN_LOCAL, IPTUN_REMOTE)]


def subset(values, names):
    return {name: values.get(name) for name in names}


def pyroute2():
    if INTREE:
        skip("pyroute2", "the in-tree driver has no such attributes")
        return
    sys.path.insert(0, EXAMPLES)
    try:
        from pyroute2 import IPRoute, NetlinkError
        from ipip_pyroute2 import ext, show
    except ImportError as e:
        skip("pyroute2", f"it isn't installed: {e}")
        return
    shell("ns_add a; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.1.0.1/24 dev wan; ip -n a route add default via 10.1.0.254")
    rtnl = Rtnl("a")
    with netns("a"), IPRoute(ext_ack=True) as ip:
        def refused(what, command, **values):
            try:
                ip.link(command, kind="ipip", **values)
                check(f"{what}: the kernel refuses it", False)
            except NetlinkError as e:
                equal(f"{what}: errno", errno.errorcode.get(e.code), "ERANGE")
                check(f"{what}: the message says why", "interval" in str(e.args[1]).lower(), e)

        both = {"ipip_local": "10.1.0.1", "ipip_remote": "10.2.0.1", "ipip_ttl": 33}
        ip.link("add", ifname="t0", kind="ipip", **both, ipip_ext=ext(**REQUEST))
        equal("pyroute2: addresses", ends(rtnl, "t0"), ["10.1.0.1", "10.2.0.1"])
        equal("pyroute2: the requested values are set", subset(rtnl.ext("t0"), REQUEST), REQUEST)
        link, = ip.link("dump", ifname="t0")
        equal("pyroute2: its dump has all attributes", show(link), rtnl.ext("t0"))
        equal("pyroute2: its dump has the addresses and the TTL",
              [link.get(("linkinfo", "data", name)) for name in both], [*both.values()])
        equal("pyroute2: one attribute by its path",
              link.get(("linkinfo", "data", "ipip_ext", "df")), "no")
        index = link["index"]

        ip.link("set", index=index, kind="ipip", ipip_ext=ext(df="inherit"))
        equal("pyroute2: a change keeps the other attributes", subset(rtnl.ext("t0"), REQUEST),
              {**REQUEST, "df": "inherit"})

        before = rtnl.read_info("t0")[0]
        wrong = ext(df="set", keepalive_interval=99)
        refused("pyroute2: a change to 99 ms", "set", index=index, ipip_ext=wrong)
        equal("pyroute2: a refused change changes nothing", rtnl.read_info("t0")[0], before)
        refused("pyroute2: a tunnel with 99 ms", "add", ifname="t1", **both, ipip_ext=wrong)
        equal("pyroute2: a refused creation makes no tunnel", rtnl.read("t1"), None)
        try:
            ext(clamp="rx")
            check("pyroute2: ext() refuses an unknown name", False)
        except ValueError:
            check("pyroute2: ext() refuses an unknown name", True)
        ip.link("del", index=index)
        equal("pyroute2: deletes the tunnel", rtnl.read("t0"), None)


def networkd():
    if not os.access(NETWORKD, os.X_OK):
        skip("systemd-networkd", f"no {NETWORKD}")
        return
    shell("ns_add b")
    rtnl = Rtnl("b")
    os.stat(f"{EXAMPLES}/{NETDEV}")     # without the file the daemon wouldn't start: that must not be a skip
    # The daemon has its own configuration and state, on tmpfs in its own mount namespace.
    log = run(["mktemp", "/run/networkd.XXXXXX"]).strip()
    with open(log, "w", encoding="utf-8") as output:
        daemon = subprocess.Popen(
            ["ip", "netns", "exec", "b", "unshare", "-m", "sh", "-ec",
             "for d in /run/systemd /etc/systemd/network; do "
             "[ ! -d $d ] || mount -t tmpfs -o mode=755 tmpfs $d; done; "
             "mkdir -p /run/systemd/network; cp $1 /run/systemd/network/; "
             "SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=debug exec $2",
             "sh", f"{EXAMPLES}/{NETDEV}", NETWORKD],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 60
        while rtnl.read("ipip1") is None and daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        status = daemon.poll()
    finally:
        daemon.terminate()
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    with open(log, encoding="utf-8", errors="replace") as output:
        lines = output.read().splitlines() or ["it printed nothing"]
    os.unlink(log)
    if rtnl.read("ipip1") is None and status is not None:
        skip("systemd-networkd", f"it doesn't run here, status {status}: {lines[-1]}")
        return
    check("networkd: the tunnel exists", rtnl.read("ipip1") is not None,
          "\n# ".join(lines[-20:]))
    if rtnl.read("ipip1") is None:
        return
    equal("networkd: addresses", ends(rtnl, "ipip1"), ["10.0.0.1", "22.63.11.6"])
    if INTREE:
        skip("networkd: this driver's properties are off", "the in-tree driver doesn't have them")
    else:
        equal("networkd: this driver's properties are off", subset(rtnl.ext("ipip1"), OFF), OFF)
    equal("networkd: no process is left", run("ip netns pids b").split(), [])


def test():
    pyroute2()
    networkd()


main(test)
