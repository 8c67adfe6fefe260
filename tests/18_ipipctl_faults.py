# SPDX-License-Identifier: GPL-2.0
"""ipipctl when something goes wrong half-way: what was refused or interrupted leaves all as
it was, and no secret where nobody looks for it. A script has the place of strongSwan's
swanctl."""
import json
import os
import subprocess
import time

from lib import HERE, INTREE, USER_MODE, check, equal, main, run, shell, skip

PLAIN = os.path.join(HERE, "../build/tools/ipipctl")
TOOL = PLAIN + "-asan" if USER_MODE else PLAIN
ENV = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": f"/run/bin:{os.environ['PATH']}", "LC_ALL": "C"}


def ctl(*words, netns="a", stdin="", tool=TOOL, env=()):
    p = subprocess.run(["ip", "netns", "exec", netns, tool, *words], input=stdin,
                       capture_output=True, text=True, env={**ENV, **dict(env)})
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


def index(name):
    return json.loads(run(f"ip -n a -j link show dev {name}"))[0]["ifindex"]


def clear():
    names = found()
    if names:
        good("remove", names)


# What is refused

SITES = r"""/interface ipip
add comment="first" !keepalive name=e1 remote-address=10.1.1.1
add comment="second" !keepalive name="a site with a long name" remote-address=10.1.1.2
"""


def made_twice():
    """Nothing of a refused request is about the tunnel that has the name."""
    good("import", "-", stdin=SITES)
    before = [(name, index(name)) for name in found().split(",")]
    exported = good("export", "verbose")
    refused(1, "e1: a device with this name exists", "add", "name=e1", "remote-address=10.1.1.9",
            "comment=other")
    status, _, err = ctl("import", "-", stdin=SITES)
    check("a file that was imported is refused", status == 1 and "exists" in err, err)
    refused(1, "-:2: e1: a device with this name exists\n"
            f"ipipctl: -:3: {before[1][0]}: a device with this name exists", "--continue", "import",
            "-", stdin=SITES)
    equal("the tunnels are those that there were", [(name, index(name)) for name in
                                                    found().split(",")], before)
    equal("as they were", good("export", "verbose"), exported)
    good("add", "name=e2", "remote-address=10.1.1.3", "comment=third")
    run("ip -n a link property add dev e2 altname other-site")
    status, _, err = ctl("import", "-", stdin="/interface ipip\nadd name=\"other-site\" "
                         "remote-address=10.1.1.4\nadd name=other-site-with-a-long-name "
                         "remote-address=10.1.1.5\n")
    check("a name that another tunnel has as well is refused", status == 1, err)
    equal("and it has kept it", (get("other-site", "name"), get("e2", "comment")), ("e2", "third"))
    clear()


def half_set():
    """The driver's part of a change is done before the name is refused."""
    good("add", "name=s1", "remote-address=10.1.1.1", "require-ipsec=yes", "disabled=yes", "ttl=7")
    good("add", "name=s2", "remote-address=10.1.1.2", "comment=there")
    before = good("export", "verbose")
    change = "set", "s1", "name=s2", "require-ipsec=no", "ttl=9", "comment=x"
    for words in (change, ("--continue",) + change):
        refused(1, "s1: a device with this name exists", *words)
        equal("all of it is undone", good("export", "verbose"), before)
    status, _, err = ctl("set", "s1,s2", "ttl=12", "mtu=1400", "remote-address=10.1.1.2")
    check("the second is refused for the first one's addresses", status == 1 and
          err.startswith("ipipctl: s1: "), err)
    equal("both are undone", good("export", "verbose"), before)
    equal("without the right to, it is said once", ctl(
        "--bounding-set=-net_admin", "--inh-caps=-net_admin", PLAIN, "set", "s1", "ttl=9",
        tool="setpriv"),
        (1, "", "ipipctl: s1: Operation not permitted: it takes CAP_NET_ADMIN\n"))
    clear()


def paused(call, meanwhile, *words, stdin=""):
    """The tool with a pause before its call-th request."""
    p = subprocess.Popen(
        ["ip", "netns", "exec", "a", "strace", "-o", "/dev/null", "-e", "trace=sendto", "-e",
         f"inject=sendto:delay_enter=2000000:when={call}", PLAIN, *words], text=True, env=ENV,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(stdin)
    p.stdin.close()
    time.sleep(1)
    run(meanwhile)
    p.stdin = None
    out, err = p.communicate()
    return p.returncode, out, err


def made_once_more():
    """What had to go first comes back as it was, or it is said."""
    good("import", "-", stdin="/interface ipip\nadd comment=dear name=heir remote-address=10.1.1.1\n")
    before = good("export", "verbose")
    text = """/interface ipip
remove heir
add name=heir2 remote-address=10.1.1.1
add name=bad keepalive-mode=icmp remote-address=10.1.1.3
"""
    why = "ipipctl: -:4: bad: keepalive: keepalive mode icmp needs a target\n"
    again = "ipipctl: heir: had been removed and "
    equal("an import is refused", ctl("import", "-", stdin=text), (
        1, "", again + "is made once more, without addresses and routes\n" + why))
    equal("what it had removed is there, up and with its comment", good("export", "verbose"), before)
    result = paused(3, "ip -n a link add name heir type dummy", "import", "-", stdin=text)
    equal("it can't be made once more", result, (
        1, "", again + "can't be made once more: a device with this name exists\n" + why))
    equal("the other one of that name is left alone", run("ip -n a -br link show dev heir").split()[0],
          "heir")
    run("ip -n a link del heir")
    clear()


def test():
    if not os.path.exists(TOOL):
        skip("ipipctl", "it isn't built here")
        return
    if INTREE:
        skip("ipipctl's refusals", "they are those of our driver")
        return
    shell("ns_add a b")
    made_twice()
    half_set()
    made_once_more()


main(test)
