# SPDX-License-Identifier: GPL-2.0
"""ipipctl xdp: shows which devices have an XDP program, attaches and detaches the forwarding program,
and keeps other programs."""
import json
import os
import subprocess

import bpf
import jsonschema
from ipipctl import ENV, NOT_BUILT, TOOL, can_run, ctl, good, refused, without_libbpf
from lib import HERE, check, equal, main, run, shell, skip, topo

OBJECT = f"{HERE}/../build/xdp/ipip_xdp.bpf.o"
HEAD = "Columns: DEVICE, MODE, PROGRAM\nDEVICE          MODE    PROGRAM\n"


def programs():
    """{device: (mode, name of its XDP program)}."""
    return {d["device"]: (d["mode"], d["program"]) for d in json.loads(good("-j", "xdp"))}


def words():
    equal("xdp: no program is attached", good("xdp"), HEAD)
    equal("xdp print: no program is attached", good("xdp", "print"), HEAD)
    equal("xdp, as JSON: no program is attached", json.loads(good("-j", "xdp")), [])
    refused(2, "xdp: attavh: unknown: did you mean attach?", "xdp", "attavh", "wan")
    refused(2, "xdp: needs a device", "xdp", "attach")
    refused(2, "xdp: needs a device", "xdp", "detach")
    refused(2, "xdp: needs a device", "xdp", "detach", ",")
    refused(2, "xdp: wan: unexpected argument", "xdp", "print", "wan")
    refused(2, "xdp: more: unexpected argument", "xdp", "attach", "wan", OBJECT, "more")
    refused(2, "xdp: h1: unexpected argument", "xdp", "detach", "wan", "h1")
    refused(1, "xdp: gone: no such device, or it is a tunnel", "xdp", "detach", "gone")
    refused(1, "xdp: t0: no such device, or it is a tunnel", "xdp", "attach", "wan,t0")
    equal("completion: actions", good("complete", "xdp", ""), "attach\ndetach\nprint\n")
    check("completion: devices", "wan\n" in good("complete", "xdp", "attach", ""))
    check("completion: lists of devices", "wan,h1\n" in good("complete", "xdp", "detach", "wan,"))
    equal("completion: the object file", good("complete", "xdp", "attach", "wan", ""), ":files\n")


def state(built):
    """Another program's XDP program is shown, is an event, and is kept."""
    name = "" if built else None
    shell("python3 bpf.py pass /run/bpf/pass")
    watch = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, "-j", "monitor", "events"],
                             stdout=subprocess.PIPE, text=True, env=ENV)
    # Once the monitor reports a new event, it has read the present state.
    told = []
    for i in range(20):
        run(f"ip -n a link add name p{i} type ipip remote 10.250.0.1; ip -n a link del p{i}")
        os.set_blocking(watch.stdout.fileno(), False)
        told += watch.stdout.readlines()
        if told:
            break
        shell("sleep 1")
    os.set_blocking(watch.stdout.fileno(), True)
    shell("ip -n a link set dev wan xdpgeneric pinned /run/bpf/pass")
    check("xdp: shows a generic program", programs()["wan"][0] == "generic", programs())
    with open(f"{HERE}/../tools/ipipctl.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.validate(json.loads(good("-j", "xdp")),
                        {**schema["$defs"]["xdp"], "$defs": schema["$defs"]})
    check("xdp: a generic program in the table", "wan             generic " in good("xdp"), good("xdp"))
    if built:
        refused(1, "xdp: wan: it has another program", "xdp", "detach", "wan")
        refused(1, "xdp: wan: it has no program", "-n", "b", "xdp", "detach", "wan")
    shell("ip -n a link set dev wan xdpgeneric off; ip -n a link set dev wan xdpdrv pinned /run/bpf/pass")
    equal("xdp: shows a native program", programs()["wan"][0], "native")
    check("xdp: the name of the program is empty or unknown",
          programs()["wan"][1] in (name, None), programs())
    shell("ip -n a link set dev wan xdp off")
    equal("xdp: shows no program after it was removed", programs(), {})
    wanted = ["generic", "none", "native", "none"]
    events = []
    while len(events) < len(wanted):
        event = json.loads(watch.stdout.readline())
        if event["event"] == "xdp":
            events.append((event["device"], event["state"]))
    equal("monitor events: each change of the program", events, [("wan", state) for state in wanted])
    watch.terminate()
    watch.wait()


def errors():
    refused(1, "xdp: /nowhere: No such file or directory", "xdp", "attach", "wan", "/nowhere")
    if not os.path.exists("/sys/kernel/btf/ipip"):
        refused(1, "xdp: the module isn't loaded, or was built without BTF", "xdp", "attach",
                "wan", "/dev/null")
        return False
    status, out, err = ctl("xdp", "attach", "wan", "/dev/null")
    check("xdp attach: a file that is no object is refused", status == 1 and not out and
          err.startswith("ipipctl: xdp: /dev/null: "), err)
    return True


def device_map():
    """The map of the attached program has its device, and others by their index."""
    shell("ip -n a link add name d1 index 100000 type dummy; ip -n a link add name d2 type ipip remote 10.250.0.1")
    wan, h1, d2 = (int(run(f"ip netns exec a cat /sys/class/net/{name}/ifindex")) for name in ("wan", "h1", "d2"))
    good("xdp", "attach", "wan", OBJECT)
    devices = bpf.map_named("devices")
    for name, key, value in (("the receiving device", 0, wan), ("another device", h1, h1),
                             ("a device with a large index", 100000, 100000), ("no tunnel", d2, None)):
        equal(f"xdp attach: the program's map has {name}", bpf.map_value(devices, key), value)
    os.close(devices)
    good("xdp", "detach", "wan")
    shell("ip -n a link del d1; ip -n a link del d2")


def attach():
    good("xdp", "attach", "wan,h1", OBJECT)
    both = {d: ("native", "ipip_xdp") for d in ("wan", "h1")}
    equal("xdp attach: two devices", programs(), both)
    equal("xdp: the attached program in the table",
          good("xdp").splitlines()[-1].split()[1:], ["native", "ipip_xdp"])
    good("xdp", "attach", "wan", OBJECT)
    equal("xdp attach: again on the same device", programs(), both)
    good("xdp", "detach", "h1")
    equal("xdp detach: one of two devices", programs(), {"wan": both["wan"]})
    # attach changes all devices or none.
    shell("ip -n a link set dev h1 xdpdrv pinned /run/bpf/pass; ip -n a link set dev wan xdp off")
    refused(1, "xdp: h1: it has another program", "xdp", "attach", "wan,h1", OBJECT)
    check("xdp attach: refused on one of two devices, nothing changes",
          list(programs()) == ["h1"], programs())
    shell("ip -n a link set dev h1 xdp off; ip -n a link add name d0 type dummy")
    status, _, err = ctl("xdp", "attach", "wan,d0", OBJECT)
    check("xdp attach: refused on a device without XDP", status == 1 and
          err.startswith("ipipctl: xdp: d0: "), err)
    equal("xdp attach: refused on a device without XDP, nothing changes", programs(), {})
    good("xdp", "attach", "wan", OBJECT)
    check("the module can't be unloaded while the program is attached",
          "in use" in run("rmmod ipip; true"))
    good("xdp", "detach", "wan")
    equal("xdp detach: no program is left", programs(), {})


def test():
    if not can_run("ipipctl xdp"):
        return
    topo()
    os.makedirs("/run/bpf", exist_ok=True)
    shell("mount -t bpf bpf /run/bpf; "
          "ip netns exec r ethtool -K a gro on > /dev/null")
    built = not without_libbpf()
    words()
    state(built)
    if not built:
        refused(1, NOT_BUILT, "xdp", "attach", "wan", OBJECT)
        skip("attaching", "this ipipctl was built without libbpf")
    elif not errors():
        skip("attaching", "the module has no BTF on this kernel")
    elif not os.path.exists(OBJECT):
        skip("attaching", "the program wasn't built, for lack of clang or libbpf's headers")
    else:
        attach()
        device_map()
    shell("umount /run/bpf")


main(test)
