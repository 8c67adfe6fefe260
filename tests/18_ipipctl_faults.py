# SPDX-License-Identifier: GPL-2.0
"""ipipctl when something goes wrong half-way: a command that is refused or interrupted changes
nothing, and leaves no file with a secret behind. A script stands in for strongSwan's swanctl."""
import contextlib
import json
import os
import signal
import subprocess
import time

from ipipctl import (ENV, PLAIN, TOOL, can_run, clear, ctl, found, get, good, refused, stopped, udp_server,
                     writable_etc)
from lib import check, equal, main, run, shell

ENV.update(PATH=f"/run/bin:{ENV['PATH']}", SWANCTL_DIR="/run/swanctl")
CONF = "/run/swanctl/conf.d"
# Pretends that the daemon has loaded the connections of all files, except those in /run/refuse.
SWANCTL = r"""#!/bin/bash
echo "$*" >> /run/called
grep -E 'Sig(Blk|Ign)' /proc/self/status > /run/signals
case $1 in
--load-conns)
	for name in $(cat /run/refuse 2> /dev/null); do
		echo "loading connection '$name' failed: so be it"
	done ;;
--list-conns)
	for file in "$SWANCTL_DIR"/conf.d/*.conf; do
		name=$(basename "$file" .conf)
		! grep -qsx "$name" /run/refuse || continue
		awk -v name="$name" '
			$1 == "version" { version = $3 }
			$1 == "local_addrs" { local = $3 }
			$1 == "remote_addrs" { remote = $3 }
			END {
				print "list-conn event {\n  " name " {\n    local_addrs = [\n      " \
					(local == "" ? "%any" : local) "\n    ]\n    remote_addrs = [\n      " \
					remote "\n    ]\n    version = IKEv" version "\n  }\n}"
			}' "$file"
	done ;;
--list-sas)
	cat /run/sas ;;
esac
"""


def index(name):
    return json.loads(run(f"ip -n a -j link show dev {name}"))[0]["ifindex"]


# What is refused

SITES = r"""/interface ipip
add comment="first" !keepalive name=e1 remote-address=10.1.1.1
add comment="second" !keepalive name="a site with a long name" remote-address=10.1.1.2
"""


def made_twice():
    """A request to add a tunnel whose name is taken must not change the tunnel with that name."""
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
    equal("import twice: the tunnels haven't been replaced", [(name, index(name)) for name in
                                                    found().split(",")], before)
    equal("import twice: the tunnels haven't been changed", good("export", "verbose"), exported)
    good("add", "name=e2", "remote-address=10.1.1.3", "comment=third")
    run("ip -n a link property add dev e2 altname other-site")
    status, _, err = ctl("import", "-", stdin="/interface ipip\nadd name=\"other-site\" "
                         "remote-address=10.1.1.4\nadd name=other-site-with-a-long-name "
                         "remote-address=10.1.1.5\n")
    check("import: an altname of another tunnel is refused", status == 1, err)
    equal("import: the other tunnel keeps its altname",
          (get("other-site", "name"), get("e2", "comment")), ("e2", "third"))
    clear()


def half_set():
    """set: the driver has accepted its part of the change when the kernel refuses the name."""
    good("add", "name=s1", "remote-address=10.1.1.1", "require-ipsec=yes", "disabled=yes", "ttl=7")
    good("add", "name=s2", "remote-address=10.1.1.2", "comment=there")
    before = good("export", "verbose")
    change = "set", "s1", "name=s2", "require-ipsec=no", "ttl=9", "comment=x"
    for words in (change, ("--continue",) + change):
        refused(1, "s1: a device with this name exists", *words)
        equal("set: a refused name undoes the whole change", good("export", "verbose"), before)
    status, _, err = ctl("set", "s1,s2", "ttl=12", "mtu=1400", "remote-address=10.1.1.2")
    check("set of two tunnels to the same addresses is refused", status == 1 and
          err.startswith("ipipctl: s1: "), err)
    equal("set of two tunnels: both changes are undone", good("export", "verbose"), before)
    equal("set without CAP_NET_ADMIN: one error", ctl(
        "--bounding-set=-net_admin", "--inh-caps=-net_admin", PLAIN, "set", "s1", "ttl=9",
        tool="setpriv"),
        (1, "", "ipipctl: s1: Operation not permitted: CAP_NET_ADMIN is required\n"))
    clear()


def paused(call, meanwhile, *words, stdin=""):
    """Run the tool with a pause before its call-th request; meanwhile, a command to run or a signal
    to send during the pause."""
    p = subprocess.Popen(
        ["ip", "netns", "exec", "a", "strace", "-o", "/dev/null", "-e", "trace=sendto", "-e",
         f"inject=sendto:delay_enter=2000000:when={call}", PLAIN, *words], text=True, env=ENV,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(stdin)
    p.stdin.close()
    tool = stopped(p.pid)
    if isinstance(meanwhile, str):
        run(meanwhile)
    else:
        os.kill(tool, meanwhile)
    p.stdin = None
    out, err = p.communicate()
    return p.returncode, out, err


def made_once_more():
    """A failing import recreates the tunnels that it had to remove first, or names those that it can't."""
    good("import", "-", stdin="/interface ipip\nadd comment=dear name=heir remote-address=10.1.1.1\n")
    names = [f"{i:0>120}" for i in range(6)]
    run("".join(f"ip -n a link property add dev heir altname {name};" for name in names))
    before = good("export", "verbose")
    text = """/interface ipip
remove heir
add name=heir2 remote-address=10.1.1.1
add name=bad keepalive-mode=icmp remote-address=10.1.1.3
"""
    why = "ipipctl: -:4: bad: keepalive: keepalive mode icmp needs a target\n"
    again = "ipipctl: heir: was removed, and "
    equal("a failing import says that it recreated the tunnel", ctl("import", "-", stdin=text), (
        1, "", again + "has been recreated without addresses and routes\n" + why))
    equal("the recreated tunnel is up and has its comment", good("export", "verbose"), before)
    equal("the recreated tunnel has all altnames", get("heir", "altnames"), ",".join(names))
    result = paused(3, "ip -n a link add name heir type dummy", "import", "-", stdin=text)
    equal("a failing import names a tunnel that it can't recreate", result, (
        1, "", again + "can't be recreated: a device with this name exists\n" + why))
    equal("the device that has taken the name is unchanged",
          run("ip -n a -br link show dev heir").split()[0],
          "heir")
    run("ip -n a link del heir")
    clear()


def name_taken():
    """The tunnel is renamed between the request that makes it and the one that reads it back."""
    result = paused(2, "ip -n a link set dev n1 name n2; ip -n a link add name n1 type dummy",
                    "add", "name=n1", "remote-address=10.1.1.1", "comment=mine")
    equal("add: another device has taken the name", result,
          (1, "", "ipipctl: n1: another device has got its name\n"))
    equal("add: the other device is unchanged", "mine" in run("ip -n a link show dev n1"), False)
    run("ip -n a link del n1")
    clear()


# Underlays

def traced(inject, *words):
    p = subprocess.run(["ip", "netns", "exec", "a", "strace", "-o", "/dev/null", "-e",
                        f"trace={inject.split(':')[0]}", "-e", f"inject={inject}", PLAIN, *words],
                       check=False, env=ENV, text=True, capture_output=True)
    return p.returncode, p.stdout, p.stderr


def underlays():
    """The tool looks the index of an underlay up once, in the netns of the tunnel's underlay."""
    run("ip -n a link add name ppp0 type dummy")
    # The first ioctl asks for the terminal, the second looks ppp0 up; all later ones fail.
    equal("add: the underlay is deleted after the look-up", traced(
        "ioctl:error=ENODEV:when=3+", "add", "name=l1", "remote-address=10.1.1.1", "link=ppp0"), (0, "", ""))
    equal("add: the tunnel has the underlay that was looked up", get("l1", "link"), "ppp0")
    good("add", "name=l2", "remote-address=10.1.1.2", "!keepalive")
    run("ip -n a link set l1 netns b; ip -n a link set l2 netns b")
    why = "its underlay is in another network namespace"
    for name in "l1", "l2":
        refused(2, f"set: link: 'lo' {why}", "set", name, "link=lo", netns="b")
        refused(2, f"add: copy-from: {why}", "add", f"copy-from={name}", "name=l3",
                "remote-address=10.1.1.3", netns="b")
        status, _, err = ctl("import", "-", netns="b", stdin="/interface ipip\n"
                             f"add copy-from={name} name=l3 remote-address=10.1.1.3\n")
        equal(f"import: copy-from {name}", (status, err), (1, f"ipipctl: -:2: copy-from: {why}\n"))
        status, _, err = ctl("restore", "-", netns="b", stdin="/interface ipip\n"
                             f"add name={name} link=lo remote-address=10.1.1.{name[1]}\n")
        equal(f"restore: {name}", (status, err), (1, f"ipipctl: -:2: link: {why}\n"))
    equal("set: the link can be removed", (good("set", "l1", "link=none", "ttl=9", netns="b"),
                                   good("get", "l1", "link", netns="b")), ("", "none\n"))
    good("remove", "l1,l2", netns="b")
    run("ip -n a link del ppp0")


# The socket

MANY = 700


def small_socket():
    """root of a user namespace can't enlarge the socket's buffer."""
    text = "/interface ipip\n" + "".join(
        f"add comment=c{i} !keepalive name=m{i} remote-address=10.64.{i // 250}.{i % 250 + 1}\n"
        for i in range(MANY))
    p = subprocess.run(["unshare", "-Urn", "sh", "-c",
                        f"{PLAIN} import - && {PLAIN} print count-only where comment~'^c' !disabled"],
                       input=text, capture_output=True, text=True, env=ENV, check=False)
    equal(f"{MANY} tunnels through a small socket", (p.returncode, p.stdout, p.stderr),
          (0, f"{MANY}\n", ""))


def lost_answers():
    lost = "ipipctl: netlink: No buffer space available\n"
    equal("add: the kernel's answer is lost", traced("recvmsg:error=ENOBUFS:when=1", "add", "name=q1",
                                              "remote-address=10.1.1.1"), (
        1, "", lost + "ipipctl: q1: may have been made: the kernel's answer was lost\n"))
    equal("add: the tunnel isn't up", found("disabled"), "q1")
    before = good("export", "verbose")
    # The first two messages are the dump.
    equal("set: the kernel's answer is lost",
          traced("recvmsg:error=ENOBUFS:when=3", "set", "q1", "ttl=9",
                                              "comment=x"), (1, "", lost))
    equal("set: the change is undone", good("export", "verbose"), before)
    clear()


# Connections

def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def secrets():
    """{file name: secret in it} of the tool's connection files."""
    result = {}
    for name in sorted(os.listdir(CONF)):
        with open(f"{CONF}/{name}", encoding="ascii") as f:
            result[name] = "".join(bytes.fromhex(line.split("0x")[1]).decode() for line in f
                                   if line.startswith("\t\tsecret = 0x"))
    return result


def called():
    """The first argument of each call of swanctl since the last called()."""
    with contextlib.suppress(FileNotFoundError), open("/run/called", encoding="ascii") as f:
        words = [line.split()[0] for line in f]
        os.unlink("/run/called")
        return words
    return []


@contextlib.contextmanager
def refusing(name):
    write("/run/refuse", name)
    yield
    os.unlink("/run/refuse")


def protected(name, number, *words):
    good("add", f"name={name}", f"remote-address=10.1.1.{number}", "ipsec-secret-file=-", *words,
         stdin=f"secret of {name}")


def renamed_in_a_row():
    for i, name in enumerate(("y1", "y2", "y3")):
        protected(name, i + 1, "disabled=yes")
    before = secrets()
    equal("three tunnels have three secrets",
          before, {f"ipip-y{i}.off": f"secret of y{i}" for i in (1, 2, 3)})
    with refusing("ipip-y3"):
        status, _, err = ctl("import", "-", stdin="""/interface ipip
set y1 name=z1
set y2 name=y1
enable y3
""")
    check("import: the daemon refuses the last of three connections",
          status == 1 and "so be it" in err, err)
    equal("import: the secrets and names haven't changed", (secrets(), found()), (before, "y1,y2,y3"))
    good("import", "-", stdin="/interface ipip\nset y1 name=z1\nset y2 name=y1\n")
    equal("import: renames in a row move the secrets along", secrets(), {
        "ipip-y1.off": "secret of y2", "ipip-y3.off": "secret of y3", "ipip-z1.off": "secret of y1"})
    clear()
    equal("remove deletes all secrets", secrets(), {})


@contextlib.contextmanager
def kept(path):
    """A file that can't be removed."""
    run(["mount", "--bind", path, path])
    yield
    run(["umount", path])


def not_removed():
    protected("k1", 1)
    protected("k2", 2)
    path = f"{CONF}/ipip-k1.conf"
    busy = f"k1: ipsec-secret: {path}: Device or resource busy"
    with kept(path):
        refused(1, busy, "unset", "k1", "ipsec-secret")
        equal("unset fails: the tunnel keeps its secret",
              get("k1", "ipsec-profile", "require-ipsec"), ["routeros", "yes"])
        refused(1, busy, "remove", "k1")
    equal("remove fails to delete the file: the secret is still there",
          secrets()["ipip-k1.conf"], "secret of k1")
    os.unlink(path)
    clear()


@contextlib.contextmanager
def etc():
    """Make a folder /etc/netns/a without a strongswan.conf."""
    with writable_etc():
        os.makedirs("/etc/netns/a/swanctl/conf.d")
        yield "/etc/netns/a"


def without_a_daemon():
    """The tool must not load the connections of a netns into the host's IKE daemon."""
    none = ("ipsec-secret: the netns a has no IKE daemon: there is no "
            "/etc/netns/a/strongswan.conf")
    env = {"SWANCTL_DIR": ""}
    with etc() as folder:
        words = "add", "name=n1", "remote-address=10.1.1.1", "ipsec-secret-file=-"
        called()
        refused(1, f"n1: {none}", *words, stdin="x", env=env)
        equal("no daemon: no file is written, swanctl isn't called",
              (os.listdir(f"{folder}/swanctl/conf.d"),
                                                        called()), ([], []))
        equal("no daemon, but STRONGSWAN_CONF is set: accepted", ctl(*words, stdin="x", env={
            **env, "STRONGSWAN_CONF": "/run/strongswan.conf"}), (0, "", ""))
        called()
        equal("no daemon: ipsec-state says so",
              good("get", "n1", "ipsec-state", env=env), "no-daemon\n")
        refused(1, f"n1: {none}", "set", "n1", "local-address=10.0.0.9", env=env)
        good("disable", "n1", env=env)
        equal("no daemon: the tunnel can be disabled",
              os.listdir(f"{folder}/swanctl/conf.d"), ["ipip-n1.off"])
        good("remove", "n1", env=env)
        equal("no daemon: the tunnel can be removed",
              (os.listdir(f"{folder}/swanctl/conf.d"), called()), ([], []))
        write(f"{folder}/strongswan.conf", "")
        good(*words, stdin="x", env=env)
        check("strongswan.conf in /etc/netns/a: the connection is loaded", "--load-conns" in called())
        good("remove", "n1", env=env)


def text_of(path):
    with open(path, encoding="ascii") as f:
        return f.read()


UNKNOWN = "ipsec-profile: is unknown: set it to routeros or modern"


def edited_files():
    """Connection files that the user has edited or damaged."""
    protected("u1", 1, "ipsec-profile=modern")
    path = f"{CONF}/ipip-u1.conf"
    text = text_of(path).replace("# profile=", "# by hand: ")
    write(path, text)
    equal("edited file: the profile is unknown",
          (get("u1", "ipsec-profile"), found("ipsec-profile=unknown"),
                          found("ipsec-profile!=unknown")), ("unknown", "u1", ""))
    for words in (("ipsec-secret-file=-",), ("remote-address=10.1.1.9",), ("name=u2",),
                  ("ipsec-profile=unknown",)):
        refused(2, f"set: {UNKNOWN}", "set", "u1", *words, stdin="new")
    refused(2, f"add: {UNKNOWN}", "add", "copy-from=u1", "name=u2", "remote-address=10.1.1.2")
    status, _, err = ctl("import", "-", stdin="/interface ipip\nadd copy-from=u1 name=u2 "
                         "remote-address=10.1.1.2\n")
    equal("edited file: import can't copy the tunnel", (status, err), (1, f"ipipctl: -:2: {UNKNOWN}\n"))
    equal("edited file: set of an unrelated property keeps it",
          (good("set", "u1", "ttl=9"), text_of(path)), ("", text))
    for verb in ("save", "/run/unknown"), ("export",):
        refused(1, "u1: ipsec-profile: is unknown: set it to routeros or modern, then export again", *verb)
    good("disable", "u1")
    equal("edited file: disable keeps its content", text_of(f"{CONF}/ipip-u1.off"), text)
    refused(2, f"enable: {UNKNOWN}", "enable", "u1")
    good("set", "u1", "disabled=no", "ipsec-profile=modern")
    equal("edited file: setting the profile rewrites it with its secret",
          (get("u1", "ipsec-profile"), secrets()), (
        "modern", {"ipip-u1.conf": "secret of u1"}))
    write(path, "# A comment\n# profile=modern\n")
    good("disable", "u1")
    equal("damaged file: the tunnel can be disabled", get("u1", "disabled"), "yes")
    refused(2, "enable: ipsec-profile: the tunnel has no secret: give an ipsec-secret-file", "enable", "u1")
    clear()
    write(path, text)
    run("ip -n a link add name u1 type ipip remote 10.1.1.1")
    run("ip -n a link add name u2 type ipip remote 10.1.1.2")
    write(f"{CONF}/ipip-u2.off", text.replace("# by hand: ", "# profile="))
    status, _, err = ctl("save", "/run/unknown")
    equal("save refuses tunnels that restore would refuse", (status, err), (
        1, "ipipctl: u1: ipsec-profile: is unknown: set it to routeros or modern, then export again\n"
        "ipipctl: u2: require-ipsec: is no with an ipsec-secret: set yes, or unset "
        "ipsec-secret\n"))
    good("set", "u1", "ipsec-profile=modern")
    good("set", "u2", "require-ipsec=yes")
    good("save", "/run/unknown")
    good("restore", "/run/unknown")
    clear()


def secret_stays():
    """A change of the profile never removes the secret."""
    protected("v1", 1, "ipsec-profile=modern")
    good("add", "name=v2", "remote-address=10.1.1.2")
    none = "ipsec-profile: can't be none with an ipsec-secret"
    refused(2, f"set: {none}", "set", "v1", "ipsec-profile=none")
    refused(2, f"unset: {none}", "unset", "v1", "ipsec-profile")
    good("reset", "v2,v1", "ipsec-profile")
    equal("reset of the profile",
          [get(name, "ipsec-profile") for name in ("v1", "v2")], ["routeros", "none"])
    equal("reset of the profile keeps the secret", secrets(), {"ipip-v1.conf": "secret of v1"})
    good("unset", "v1", "ipsec-secret,ipsec-profile")
    equal("unset of secret and profile removes the secret",
          (secrets(), get("v1", "ipsec-profile")), ({}, "none"))
    clear()


def interrupted():
    """A command that a signal interrupts is completed first."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        equal(f"{number.name} between two requests", paused(
            2, number, "add", "name=i1", "remote-address=10.1.1.1", "comment=whole"), (-number, "", ""))
        equal(f"{number.name}: the tunnel is made, and is up",
              get("i1", "comment", "disabled"), ["whole", "no"])
        clear()
    good("add", "name=i1", "remote-address=10.1.1.1")
    reader, writer = os.pipe()
    os.close(reader)
    p = subprocess.run(["ip", "netns", "exec", "a", TOOL, "--continue", "import", "-"], stderr=writer,
                       stdout=writer, check=False, env=ENV, text=True, input="""/interface ipip
add name=i1 remote-address=10.1.1.1
add ipsec-secret=x name=i2 remote-address=10.1.1.2
""")
    os.close(writer)
    equal("import completes although its errors can't be written",
          (p.returncode, secrets()), (1, {"ipip-i2.conf": "x"}))
    with open("/run/signals", encoding="ascii") as f:
        masks = [int(line.split()[1], 16) for line in f]
    equal("swanctl runs with no signal blocked or ignored",
          [mask & 1 << number - 1 for mask in masks for number in (
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)], [0] * 8)
    for name, age in (("ipip-i1.conf.abcdef", 3600), ("ipip-i2.off.ABCDEF", 3600),
                      ("ipip-i3.conf.a1b2c3", 0), ("other.conf.abcdef", 3600)):
        write(f"{CONF}/{name}", "\t\tsecret = 0x78\n")
        os.utime(f"{CONF}/{name}", (time.time() - age,) * 2)
    good("set", "i2", "local-address=10.0.0.1")
    equal("an old temporary file is deleted; a recent one and foreign ones are kept",
          list(secrets()), ["ipip-i2.conf", "ipip-i3.conf.a1b2c3", "other.conf.abcdef"])
    os.unlink(f"{CONF}/ipip-i3.conf.a1b2c3")
    os.unlink(f"{CONF}/other.conf.abcdef")
    clear()


def hard_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return [line.split()[5] for line in f if line.startswith("Max core file size")][0]


def shielded():
    """The tool forbids core dumps before it reads a line, which may contain a secret."""
    run("mkfifo /run/fifo")
    fifo = os.open("/run/fifo", os.O_RDWR)
    for name in "-", "/run/fifo":
        with subprocess.Popen(["ip", "netns", "exec", "a", PLAIN, "import", name], env=ENV,
                              stdin=subprocess.PIPE) as p:
            deadline = time.time() + 10
            while hard_limit(p.pid) != "0" and time.time() < deadline:
                time.sleep(0.1)
            equal(f"import {name}: the limit of core dumps is 0", hard_limit(p.pid), "0")
            p.kill()
    os.close(fifo)


def interrupted_wait():
    protected("w1", 1)
    p = subprocess.run(["ip", "netns", "exec", "a", "strace", "-o", "/run/trace", "-e",
                        "trace=?poll,?ppoll,read", "-e", "inject=?poll,?ppoll:error=EINTR:when=1", PLAIN,
                        "get", "w1", "ipsec-state"], env=ENV, text=True, capture_output=True, check=False)
    with open("/run/trace", encoding="ascii") as f:
        calls = [line.split("(")[0] for line in f]
    first = next(i for i, call in enumerate(calls) if "poll" in call)
    equal("a wait for the daemon that a signal interrupts is resumed",
          (p.stdout, "poll" in calls[first + 1]),
          ("no-sa\n", True))
    clear()


def stopped_at_once():
    """The signal arrives after the tool has checked for signals and before it waits."""
    p = subprocess.Popen(["ip", "netns", "exec", "a", "strace", "-o", "/dev/null", "-e", "trace=write",
                          "-e", "inject=write:delay_exit=2000000:when=1", PLAIN, "print", "count-only",
                          "interval=60s"], env=ENV, stdout=subprocess.PIPE, text=True)
    tool = stopped(p.pid)
    os.kill(tool, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        p.communicate(timeout=10)
    equal("print interval= ends within 10 seconds", p.poll(), 0)
    if p.poll() is None:
        os.kill(tool, signal.SIGKILL)
        p.wait()


SAS = """list-sa event {
  ipip-e1 {
    state = ESTABLISHED
    child-sas {
      ipip-e1-1 {
        state = INSTALLED
        encr-alg = AES_CBC
        bytes-in = 10
        bytes-out = 20
        rekey-time = 60
      }
    }
  }
}
"""


def counted_once():
    protected("e1", 1)
    write("/run/sas", SAS)
    called()
    sa = json.loads(good("-j", "print", "detail", "where", "ipsec-state=established"))[0]
    equal("a condition on SAs, and the values of the SA", [
        sa[key] for key in ("ipsec_bytes_in", "ipsec_bytes_out", "ipsec_rekey_s")], [10, 20, 60])
    equal("print asks the daemon once", called(), ["--list-sas"])
    equal("export with a condition on SAs asks the daemon once",
          (good("export", "where", "ipsec-bytes-in=10").count("e1"),
                                                  called()), (1, ["--list-sas"]))
    clear()


# Answers of IKE daemons, without the cookies: a daemon with IKEv1 that refuses the proposal, and a
# daemon without IKEv1, which answers in IKEv2.
NO_PROPOSAL_CHOSEN = bytes.fromhex("0b100500 00000000 00000028 0000000c 00000001 0100000e")
INVALID_MAJOR_VERSION = bytes.fromhex("29202520 00000000 00000024 00000008 00000005")


@contextlib.contextmanager
def ike_daemon(answer):
    """An IKE daemon that answers each message with its cookies and answer, or not at all for None.
    Yields the list of messages received."""
    got = []

    def reply(request):
        got.append(request)
        return request[:16] + answer if answer else None

    with udp_server("0.0.0.0", 500, reply):
        yield got


NO_IKEV1 = ("ipsec-secret: the IKE daemon has no IKEv1, which ipsec-profile=routeros needs: "
            "set ipsec-profile=modern")


def without_ikev1():
    add = ("add", "name=v1", "remote-address=10.1.1.1", "ipsec-secret-file=-")
    protected("v0", 9, "ipsec-profile=modern")
    protected("v2", 2)
    with ike_daemon(INVALID_MAJOR_VERSION) as asked:
        equal("no IKEv1: ipsec-state of a routeros and of a modern tunnel",
              (get("v2", "ipsec-state"), get("v0", "ipsec-state")), ("no-ikev1", "no-sa"))
        equal("no IKEv1: ipsec-state in JSON",
              json.loads(good("-j", "get", "v2", "ipsec-state")), {"ipsec_state": "no-ikev1"})
        equal("no IKEv1: find by ipsec-state", found("ipsec-state=no-ikev1"), "v2")
        equal("no IKEv1: the tool asks with main mode",
              {data[16:20].hex() for data in asked}, {"01100200"})
        before = secrets(), good("export", "verbose")
        called()
        refused(1, f"v1: {NO_IKEV1}", *add, stdin="x")
        equal("no IKEv1: add doesn't call swanctl", called(), [])
        refused(1, f"v0: {NO_IKEV1}", "set", "v0", "ipsec-profile=routeros")
        refused(1, f"v2: {NO_IKEV1}", "set", "v2", "local-address=10.0.0.9")
        refused(1, f"-:2: v1: {NO_IKEV1}", "import", "-", stdin=(
            "/interface ipip\nadd ipsec-secret=x name=v1 remote-address=10.1.1.1\n"))
        write("/run/tunnels.conf", "/interface ipip\nadd ipsec-profile=routeros name=v2 "
              "remote-address=10.1.1.3\n")
        refused(1, f"/run/tunnels.conf:2: v2: {NO_IKEV1}", "restore", "/run/tunnels.conf")
        equal("no IKEv1: the refused commands change nothing",
              (secrets(), good("export", "verbose")), before)
        protected("v3", 3, "disabled=yes")
        refused(1, f"v3: {NO_IKEV1}", "enable", "v3")
        good("set", "v2", "ipsec-profile=modern")
        good("disable", "v0")
        good("remove", "v0,v3")
        equal("no IKEv1: commands that don't need it work", sorted(secrets()), ["ipip-v2.conf"])
    for what, answer in ("has IKEv1", NO_PROPOSAL_CHOSEN), ("doesn't say", None), (
            "says something else", INVALID_MAJOR_VERSION[:-1] + b"\x07"), ("says too little", b"\x29"):
        with ike_daemon(answer) as asked:
            good(*add, stdin="x")
            equal(f"a daemon that {what}: ipsec-state", get("v1", "ipsec-state"), "no-sa")
            equal(f"a daemon that {what}: add and get ask once each", len(asked), 2)
            good("remove", "v1")
    clear()


def test():
    if not can_run("ipipctl's refusals"):
        return
    shell("ns_add a b")
    os.makedirs(CONF)
    os.makedirs("/run/bin", exist_ok=True)
    write("/run/bin/swanctl", SWANCTL)
    os.chmod("/run/bin/swanctl", 0o755)
    made_twice()
    half_set()
    made_once_more()
    name_taken()
    underlays()
    small_socket()
    lost_answers()
    renamed_in_a_row()
    not_removed()
    edited_files()
    secret_stays()
    interrupted()
    counted_once()
    shielded()
    interrupted_wait()
    stopped_at_once()
    without_a_daemon()
    without_ikev1()


main(test)
