#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What surrounds the forwarding XDP program: underlay devices above others, VRFs, what bpf_fib_lookup()
doesn't heed, the map of devices, and a module without BTF."""
import re
import socket

from craft import mac, sysctl
from ipipctl import PLAIN, without_libbpf
from lib import Tap, check, equal, log_lines, main, netns, run, shell, skip, wait
from xdp import (A, B, DEVICES, FAR, LAN, OBJECT, Frames, Way, arrived, at, attached, compare, inner, lan,
                 make, past_the_stack, seen, start, wan)

INT_MAX = (1 << 31) - 1
# The underlay's address is on the device "top" above a's wan: commands that make it at a, the same at r
# above r's device "a" if r needs one, the devices that get the program.
LAYERS = {
    "a VLAN device": ("link add link wan name top type vlan id 5",
                      "link add link a name top type vlan id 5", DEVICES),
    "a bridge": ("link add name top type bridge; link set dev wan master top", "", DEVICES),
    "a bond": ("link add name top type bond mode active-backup miimon 100; link set dev wan down; "
               "link set dev wan master top; link set dev wan up", "", ("h1", "top")),
}


def some(way):
    """Plain packets of both directions, of all sizes."""
    return [*(lan(way, size) for size in (28, 500, 1480)), *(wan(way, size) for size in (28, 500, 1480)),
            lan(way, 1480, flags="DF"), lan(way, 1481, flags="DF"), lan(way, tos=0xb9), inner(way, tos=0xb9)]


def layers(way):
    """An underlay device above another one."""
    del way
    for name, (at_a, at_r, devices) in LAYERS.items():
        at("a", f"addr flush dev wan; {at_a}; addr add {A}/24 dev top; link set dev top up; "
                "route add default via 10.1.0.254")
        if at_r:
            at("r", f"addr flush dev a; {at_r}; addr add 10.1.0.254/24 dev top; link set dev top up")
        check(f"{name}: it is up", wait(lambda: "LOWER_UP" in run("ip -n a link show dev top")))
        make()
        over = Way("top", "top" if at_r else "a")
        out = compare(over, f"the underlay is {name}", some(over), devices=devices)
        equal(f"the underlay is {name}: packets go both ways", [len(o) for o in out], [5, 5])
        at("a", "link del dev top; link set dev wan up; "
                f"addr replace {A}/24 dev wan; route replace default via 10.1.0.254")
        if at_r:
            at("r", "link del dev top; addr add 10.1.0.254/24 dev a")


def vrfs(way):
    """The underlay device, or the tunnel and the LAN, are in a VRF."""
    vrf = "link add name red type vrf table 100; link set dev red up"
    at("a", f"{vrf}; link set dev wan master red; route add default via 10.1.0.254 vrf red")
    for link in ("wan", "red"):
        make(f"dev {link}")
        out = compare(way, f"the underlay is in a VRF, dev {link}", some(way))
        equal(f"the underlay is in a VRF, dev {link}: packets go both ways",
              [len(o) for o in out], [5, 5])
    at("a", "link del dev red; route replace default via 10.1.0.254")
    make()
    at("a", f"{vrf}; link set dev h1 master red; link set dev t0 master red; "
            "route add 172.16.2.0/24 dev t0 vrf red")
    shell(f"ip -n a neigh replace {LAN} lladdr {mac('h1', 'eth0')} dev h1 nud permanent")
    out = compare(way, "the tunnel is in a VRF", some(way))
    equal("the tunnel is in a VRF: packets go both ways", [len(o) for o in out], [5, 5])
    at("a", "link del dev red")
    shell(f"ip -n a neigh replace {LAN} lladdr {mac('h1', 'eth0')} dev h1 nud permanent")


def route_mtu(way):
    """bpf_fib_lookup() heeds the MTU of a route if it is locked, or with ip_forward_use_pmtu."""
    make()
    packets = [lan(way, size, flags=flags) for size in (1300, 1301, 1400) for flags in ("DF", "")]
    for lock, use_pmtu in (("lock", 0), ("", 1)):
        sysctl("a", "ipv4/ip_forward_use_pmtu", use_pmtu)
        at("a", f"route replace 172.16.2.0/24 dev t0 mtu {lock} 1300")
        out = compare(way, f"a route with mtu {lock} 1300, ip_forward_use_pmtu={use_pmtu}", packets)
        equal(f"a route with mtu {lock} 1300, ip_forward_use_pmtu={use_pmtu}: fragments, and ICMP errors",
              [len(o) for o in out], [6, 2])
    sysctl("a", "ipv4/ip_forward_use_pmtu", 0)
    at("a", "route replace 172.16.2.0/24 dev t0 mtu 1300")
    for on in (False, True):
        attached(on)
        way.warm_up()
        seen(way)
        # On each CPU the tunnel needs a packet from the stack first, and a large one doesn't get so far.
        for _ in range(10):
            way.from_lan.send(way.packet(100))
            way.from_lan.send(way.packet(1400, flags="DF"))
        forwarded, refused = seen(way)
        large = sum(len(packet[2]) > 1000 for packet in forwarded)
        check(f"a route with mtu 1300: {'XDP ignores it' if on else 'the stack heeds it'}",
              large >= 8 if on else large == 0 and len(refused) == 10, (large, len(refused)))
    attached(False)


def stale(way):
    """XDP uses a neighbour entry that the stack would confirm first, and doesn't confirm it."""
    make()
    entry = f"neigh replace {LAN} lladdr {mac('h1', 'eth0')} dev h1 nud"

    def state():
        return run(f"ip -n a neigh show {LAN} dev h1").split()[-1]

    at("a", f"{entry} stale")
    attached(True)
    for _ in range(3):
        way.from_wan.send(way.outer())
    check("a stale neighbour: XDP sends to it", len(seen(way)[1]) == 3)
    equal("a stale neighbour: XDP traffic doesn't confirm it", state(), "STALE")
    at("a", f"{entry} permanent")
    for _ in range(3):
        way.from_wan.send(way.outer())
    check("a permanent neighbour: XDP sends to it", len(seen(way)[1]) == 3)
    at("a", f"{entry} stale")
    attached(False)
    way.from_wan.send(way.outer())
    check("a stale neighbour: the stack sends to it", len(seen(way)[1]) == 1)
    check("a stale neighbour: the stack begins to confirm it", state() in ("DELAY", "PROBE"), state())
    at("a", f"{entry} permanent")


def redirects():
    """(device, target, used a map) of each packet that programs redirect from now on, when called."""
    events = "/sys/kernel/tracing/events/xdp/xdp_redirect/enable"
    pattern = re.compile(r"ifindex=(\d+) to_ifindex=(\d+) err=0 map_id=(\d+)")
    shell(f"echo > /sys/kernel/tracing/trace; echo 1 > {events}")

    def seen_since():
        trace = run(f"echo 0 > {events}; cat /sys/kernel/tracing/trace")
        return [(int(a), int(b), int(c) != INT_MAX) for a, b, c in pattern.findall(trace)]
    return seen_since


def attach_by_tool(ns="a", devices="h1,wan"):
    run(f"{PLAIN} -n {ns} xdp attach {devices} {OBJECT}")


def device_map(way):
    """ipipctl puts the devices into the program's map."""
    make()
    attach_by_tool()
    past_the_stack(way, "attached by ipipctl: ")
    with netns("a"):
        h1, wan, t0 = map(socket.if_nametoindex, ("h1", "wan", "t0"))
    events = redirects()
    way.from_wan.send(way.outer())
    way.from_lan.send(way.packet())
    equal("attached by ipipctl: both packets are forwarded", [len(o) for o in seen(way)], [1, 1])
    equal("attached by ipipctl: to the LAN by the map, into the tunnel without it",
          sorted(events()), sorted([(wan, h1, True), (h1, t0, False)]))
    # A device that is made later isn't in the map.
    at("a", "link add name late type veth peer name late netns h2; link set dev late up; "
            "route add 172.16.9.0/24 dev late; "
            "neigh replace 172.16.9.9 lladdr 2:0:0:0:0:9 dev late nud permanent")
    at("h2", "link set dev late up")
    run("ip netns exec h2 ethtool -K late gro on")
    tap, events = Tap("h2", "late", "in"), redirects()
    way.from_wan.send(way.outer(inner=way.packet(src=FAR, dst="172.16.9.9")))
    check("a device that is younger than the map gets packets too", len(arrived(tap)) == 1)
    check("a device that is younger than the map gets them without the map",
          [used for _, _, used in events()] == [False])
    at("a", "link del dev late")
    run(f"{PLAIN} -n a xdp detach h1,wan")


def other_netns(way):
    """A device that moves to another netns takes its program along, which then sends to devices of that
    netns, even if devices of the first one have the same indexes."""
    make()
    attach_by_tool()
    way.warm_up()
    seen(way)
    with netns("a"):
        h1 = socket.if_nametoindex("h1")
    shell("ns_add x y; ns x sysctl -qw net.ipv4.ip_forward=1; ip -n a link set dev wan netns x; "
          f"ip -n x link add index {h1} name lan type veth peer name eth0 netns y; "
          "ip -n y link set dev eth0 up; "
          f"ip -n x addr add {A}/24 dev wan; ip -n x link set dev wan up; "
          "ip -n x route add default via 10.1.0.254; "
          "ip -n x addr add 172.16.1.1/24 dev lan; ip -n x link set dev lan up; "
          f"ip -n x neigh add {LAN} lladdr 2:0:0:0:0:7 dev lan nud permanent; "
          f"ns y ethtool -K eth0 gro on; tunnel x {A} {B}; ip -n x route add 172.16.2.0/24 dev t0")
    check("another netns: the program is still there", "xdp" in run("ip -n x link show dev wan"))
    elsewhere, moved = Tap("y", "eth0", "in"), Frames("r", "a", mac("x", "wan"))
    events = redirects()
    for _ in range(5):
        moved.send(way.outer())
    equal("another netns: its own device gets the packets", len(arrived(elsewhere)), 5)
    equal("another netns: the first netns gets none", len(arrived(way.lan)), 0)
    check("another netns: the program redirects, without the map",
          (log := events()) and not any(used for _, _, used in log), log)
    shell("ip -n x link set dev wan xdp off; ip -n a link set dev h1 xdp off; "
          "ip -n x link set dev wan netns a; "
          f"ip -n a addr add {A}/24 dev wan; ip -n a link set dev wan up; "
          "ip -n a route add default via 10.1.0.254; ip netns del x; ip netns del y")


def without_btf():
    """A module without BTF works, and the kernel logs one line about what is missing."""
    shell("rmmod ipip; cp $MODULE /run/plain.ko; objcopy --remove-section=.BTF /run/plain.ko")
    lines = log_lines()
    shell("insmod /run/plain.ko")
    log = [line for line in run("dmesg").splitlines()[lines:] if "BTF" in line or "XDP" in line]
    check("without BTF: the kernel logs one line that says so",
          len(log) == 1 and "missing module BTF" in log[0], log)
    if without_libbpf():
        skip("without BTF: the program can't be attached", "this ipipctl was built without libbpf")
    else:
        equal("without BTF: the program can't be attached",
              run(f"{PLAIN} -n a xdp attach wan {OBJECT}; true"),
              "ipipctl: xdp: the module isn't loaded, or was built without BTF\n")
    sysctl("r", "ipv4/ip_forward", 1)
    shell(f"tunnel a {A} {B}; ip -n a route add 172.16.2.0/24 dev t0; "
          f"tunnel b {B} {A}; ip -n b route add 172.16.1.0/24 dev t0")
    check("without BTF: a tunnel works", "2 received" in run(
        "ip netns exec h1 ping -c 2 -i 0.2 -W 5 172.16.2.2; true"))
    shell("rmmod ipip; insmod $MODULE")


def test():
    way = start()
    if not way:
        return
    parts = [route_mtu, stale, vrfs, layers]
    if without_libbpf():
        skip("attached by ipipctl", "this ipipctl was built without libbpf")
    else:
        parts += [device_map, other_netns]
    for part in parts:
        part(way)
    without_btf()


main(test)
