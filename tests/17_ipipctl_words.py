# SPDX-License-Identifier: GPL-2.0
"""ipipctl's arguments and output: an argument is understood as the user meant it, or refused, and a
shell, a script, ipipctl itself or a person at a terminal can read the output."""
import contextlib
import fcntl
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import termios
import threading

from ipipctl import ENV, TOOL, can_run, clear, ctl, found, get, good, refused
from lib import HERE, Tap, check, equal, main, run, shell


def brackets():
    """Brackets without find are refused: they must not select all tunnels."""
    for i in range(3):
        good("add", f"name=x{i}", f"remote-address=10.1.1.{i + 1}")
    for words in (("[", "name=x1", "]"), ("[", "]"), ("[", "name=x1]"), ("[", "fnid", "name=x1", "]"),
                  ("[", "where", "name=x1", "]"), ("[ ", "]")):
        for verb in "disable", "print", "remove":
            refused(2, f"{verb}: '[' must be followed by 'find'", verb, *words)
    equal("brackets without find change nothing", found("!disabled"), "x0,x1,x2")
    good("disable", "[", "find", "name=x1", "]")
    good("disable", "[", "find", "name=x2]")
    equal("brackets with find and a condition select by it", found("disabled"), "x1,x2")
    good("enable", "[", "find", "]")
    good("disable", "[", "find]")
    equal("brackets with find alone select all tunnels", found("disabled"), "x0,x1,x2")
    clear()


def proplists():
    names = good("help", "properties").split()
    names.remove("ipsec-secret-file")
    everything = "proplist=" + ",".join(names)
    good("add", "name=x", "remote-address=10.1.1.1")
    for view in (), ("detail",), ("terse",), ("follow",):
        refused(2, "print: proplist: is given twice", "print", *view, everything, everything)
    equal("print: proplist with a name twice shows one column", good("print", "proplist=name,mtu,name"),
          "Flags: X - disabled; R - running\nColumns: NAME, MTU\n #    NAME MTU\n 0 R  x    auto\n")
    clear()


def mode_is_kept():
    """The kernel sets the mode when it makes a tunnel, and ignores it in a change."""
    kept = "can't be changed: remove the tunnel and add it again"
    good("add", "name=m", "remote-address=10.1.1.1", "mode=any")
    refused(2, f"set: mode: 'ipip' {kept}", "set", "m", "mode=ipip", "ttl=9")
    refused(2, f"reset: mode: 'ipip' {kept}", "reset", "m", "mode")
    equal("a refused change of mode changes nothing",
          (get("m", "mode"), get("m", "ttl")), ("any", "64"))
    good("set", "m", "mode=any", "ttl=9")
    equal("set with the present mode is accepted", get("m", "ttl"), "9")
    text = "/interface ipip\n{}add name=m remote-address=10.1.1.1 mode=ipip\n"
    refused(1, f"-:2: mode: {kept}", "restore", "-", stdin=text.format(""))
    good("import", "-", stdin=text.format("remove m\n"))
    equal("a tunnel that is removed and added may have another mode", get("m", "mode"), "ipip")
    good("add", "copy-from=m", "name=n", "remote-address=10.1.1.2", "mode=any")
    equal("a copy may have another mode", get("n", "mode"), "any")
    clear()


def namespaces():
    """A netns may have two names; each has its own folder /etc/netns/NAME."""
    run("ip netns add n1; touch /run/netns/n2; mount --bind /run/netns/n1 /run/netns/n2")
    for name in "n1", "n2":
        _, _, err = ctl("-n", name, "add", "remote-address=10.1.1.1", "ipsec-secret-file=-",
                        stdin="secret")
        check(f"-n {name}: uses the folder of this name", f"/etc/netns/{name}" in err, err)
    run("umount /run/netns/n2; rm /run/netns/n2; ip netns del n1")
    for verb in "save", "restore":
        refused(2, f"{verb}: needs a file with --netns", "-n", "b", verb)
    good("-n", "b", "save", "/run/words-b")
    good("-n", "b", "restore", "/run/words-b")


def through_sh(text):
    """Run commands in sh, in a folder with a file that the pattern a*b matches."""
    run("mkdir -p /run/files && touch /run/files/axb")
    run(["ip", "netns", "exec", "a", "sh", "-e", "-c", f"cd /run/files\n{text}"],
        env={**ENV, "PATH": f"/run/bin:{ENV['PATH']}"})


def for_a_shell():
    for i, name in enumerate(("a*b", "-x", "--help")):
        through_sh(good("add", f"name={name}", f"remote-address=10.1.1.{i + 1}", "comment=a*b",
                        "--dry-run"))
    equal("--dry-run of add: the commands in sh",
          (found(), get("a*b", "comment")), ("a*b,-x,--help", "a*b"))
    through_sh(good("import", "--dry-run", "-", stdin="""/interface ipip
set a*b comment="a*"
set -x ttl=9
disable --help
add name=*b remote-address=10.1.1.9
"""))
    equal("--dry-run of import: the commands in sh",
          (found("disabled"), found("ttl=9"), get("a*b", "comment"),
                                  get("*b", "remote-address")),
          ("--help", "-x", "a*", "10.1.1.9"))
    clear()


def dry_run_is_complete():
    for words, want in (
            (("keepalive-answer=no",), ["keepalive-answer=no"]),
            (("ttl=9", "dont-fragment=inherit"), ["dont-fragment=inherit"]),
            (("ttl=inherit", "dont-fragment=inherit"), []),
            (("ttl=9", "dont-fragment=set"), []),
            (("ttl=9", "dont-fragment=no"), ["dont-fragment=no"])):
        out = good("add", "name=d", "remote-address=10.1.1.1", "!keepalive", "clamp-tcp-mss=no",
                   "mtu=1400", *(("dont-fragment=legacy",) if "keepalive" in words[0] else ()),
                   *words, "--dry-run")
        equal(f"--dry-run names what ip(8) can't set: {' '.join(words)}",
              [line.partition(" set ")[2] for line in out.splitlines() if line[0] == "#"], want)
    out = good("import", "--dry-run", "-", stdin='/interface ipip\n'
               'add name="site03-branch(*)" remote-address=10.1.1.1\n')
    through_sh(out)
    equal("--dry-run of import sets the altname", get("site03-branch(*)", "remote-address"), "10.1.1.1")
    clear()


@contextlib.contextmanager
def started(*words):
    p = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, *words], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, env=ENV)
    # Without the timer, readline() would wait forever for a line that doesn't come.
    timer = threading.Timer(20, p.kill)
    timer.start()
    try:
        yield p
    finally:
        timer.cancel()
        p.terminate()
        p.wait()
        p.stdout.close()


def lines_until(p, last):
    """The lines printed up to the one that begins with last."""
    lines = []
    while not lines or not lines[-1].startswith(last):
        lines.append(p.stdout.readline())
        if not lines[-1]:
            return lines + ["ended"]
    return lines


def followed():
    for i in range(3):
        good("add", f"name=f{i}", f"remote-address=10.1.1.{i + 1}", "!keepalive")
    with started("print", "terse", "proplist=name", "follow", "where", "!disabled") as p:
        lines_until(p, " 2 R  name=f2")
        good("disable", "f0")
        good("disable", "f1")
        good("enable", "f1")
        equal("follow: a tunnel that meets the condition again is shown again",
              lines_until(p, " 1 R  name=f1"), [" 1 R  name=f1\n"])
        good("remove", "f0")
        equal("follow: removal of a tunnel that no longer met the condition",
              lines_until(p, "- f0"), ["- f0\n"])
        good("disable", "f2")
        good("remove", "f1")
        equal("follow: removal of a tunnel that met the condition", lines_until(p, "- f1"), ["- f1\n"])
    good("enable", "f2")
    with started("-j", "print", "f2", "proplist=name", "follow") as p:
        lines_until(p, "[")
        good("remove", "f2")
        good("add", "name=other", "remote-address=10.1.1.8")
        good("add", "name=f2", "remote-address=10.1.1.9")
        equal("follow: a tunnel that was named is removed and added", lines_until(p, '{"id":'),
              ['{"removed":"f2"}\n', '{"id":1,"name":"f2"}\n'])
    with started("print", "0", "terse", "proplist=name", "interval=100ms") as p:
        lines_until(p, " 0 R  name=other")
        good("remove", "other")
        good("add", "name=other", "remote-address=10.1.1.8")
        equal("interval=: a tunnel that was named is removed and added",
              lines_until(p, " 1 R  name=other")[-1], " 1 R  name=other\n")
    refused(1, "gone: no such tunnel", "print", "gone", "follow")
    clear()


def keepalive_of_none():
    """Neither add nor reset turns keepalive on where the driver would refuse it."""
    good("add", "name=any", "local-address=10.0.0.1", "remote-address=0.0.0.0")
    good("add", "name=mpls", "remote-address=10.1.1.1", "mode=mplsip")
    good("add", "name=ext", "external=yes")
    good("add", "name=one", "remote-address=10.1.1.2", "!keepalive")
    good("reset", "any,mpls,ext,one", "keepalive", "ttl")
    equal("reset keepalive, on three tunnels that can't have it and one that can",
          [get(name, "keepalive") for name in ("any", "mpls", "ext", "one")],
          ["", "", "", "10s,10"])
    clear()


def sent(tunnel):
    return json.loads(good("-j", "print", tunnel, "stats"))[0]["statistics"]["tx_packets"]


def send(tunnel, count):
    run(f"ip -n a addr replace 192.168.9.1/30 dev {tunnel}; ip netns exec a ping -q -c {count} "
        "-i 0.01 -W 0.1 192.168.9.2 || :")


def counters():
    good("add", "name=c1", "remote-address=10.1.1.1", "!keepalive")
    index = get("c1", "ifindex")
    send("c1", 3)
    good("reset-counters", "c1")
    send("c1", 1)
    equal("reset-counters: counts from zero", sent("c1"), 1)
    for name, remote in ("c2", "10.1.1.1"), ("c1", "10.1.1.2"):
        run(f"ip -n a link del dev {found()}; "
            f"ip -n a link add name {name} index {index} type ipip remote {remote}; "
            f"ip -n a link set {name} up")
        send(name, 5)
        equal("reset-counters: doesn't apply to a new tunnel with the same index", sent(name), 5)
    good("reset-counters", "c1")
    kept = [name for name in os.listdir("/run/ipip") if name.endswith(f".{index}")]
    equal("reset-counters: one file", len(kept), 1)
    good("remove", "c1")
    equal("reset-counters: remove deletes the file", os.path.exists(f"/run/ipip/{kept[0]}"), False)
    good("add", "name=c1", "remote-address=10.1.1.1")
    good("reset-counters", "c1")
    good("import", "-", stdin="/interface ipip\nremove c1\n")
    equal("reset-counters: remove in an import deletes the file",
          [name for name in os.listdir("/run/ipip")
                               if name.startswith(kept[0].split(".")[0])], [])


def going_on():
    kept = "can't be changed: remove the tunnel and add it again"
    good("add", "name=g1", "remote-address=10.1.1.1")
    good("add", "name=g2", "remote-address=10.1.1.2", "mode=any")
    good("add", "name=g3", "remote-address=10.1.1.3")
    refused(1, f"g2: mode: 'ipip' {kept}", "--continue", "set", "[find]", "ttl=9",
            "mode=ipip")
    equal("--continue set skips the tunnel that can't be changed", found("ttl=9"), "g1,g3")
    refused(2, f"set: mode: 'ipip' {kept}", "set", "[find]", "ttl=8", "mode=ipip")
    equal("set without --continue changes no tunnel", found("ttl=8"), "")
    refused(2, "set: mtu: '67' must be auto or 68 to 65515", "--continue", "set", "[find]", "mtu=67")
    refused(2, "set: name: can be set for one tunnel only", "--continue", "set", "[find]", "name=x")
    for verb in "find", "help", "version":
        refused(2, f"{verb}: --continue: isn't supported by this verb", "--continue", verb)
    status, out, err = ctl("--continue", "print", "g1,nobody,g3", "terse", "proplist=name")
    equal("--continue print skips an unknown name",
          (status, out, err), (1, " 0 R  name=g1\n 2 R  name=g3\n",
                                                  "ipipctl: nobody: no such tunnel\n"))
    clear()
    # At boot the IKE daemon starts later.
    script = (f". {HERE}/charon.sh && mkdir -p /run/etc && mount -t tmpfs none /run/etc && cover_etc /run/etc && "
              "mkdir -p /etc/netns/b/swanctl/conf.d && echo > /etc/netns/b/strongswan.conf && "
              "echo secret > /run/secret && ip netns exec b")
    add = f"{TOOL} --continue add name=s remote-address=10.1.1.1 ipsec-secret-file=/run/secret"
    out = run(["unshare", "-m", "bash", "-c", f"{script} {add}; ls /etc/netns/b/swanctl/conf.d; "
               f"ip netns exec b {TOOL} remove s || :"], env=ENV)
    equal("--continue add works without a running IKE daemon", out, "ipip-s.conf\n")


def on_terminal(*words):
    return run(["ip", "netns", "exec", "a", "script", "-qec", shlex.join((TOOL, *words)),
                "/dev/null"], env={**ENV, "TERM": "xterm", "NO_COLOR": "1"})


def controls():
    """Names and comments may contain control characters. The tool replaces them on a terminal, and
    passes them to a program unchanged."""
    name, comment = "x\033[31m", "a\033]0;b\007 \u009b2J caf\u00e9"
    run(["ip", "-n", "a", "link", "add", "name", name, "type", "ipip", "remote", "10.1.1.1"])
    run(["ip", "-n", "a", "link", "property", "add", "dev", name, "altname", "y\033[0m"])
    good("comment", name, comment)
    shown = "x?[31m", "a?]0;b? ??2J caf\u00e9"
    for words, want in ((("get", "0", "comment"), shown[1]), (("get", "0"), shown[1]),
                        (("get", "0", "altnames"), "y?[0m"), (("find",), shown[0]),
                        (("print",), shown[1]), (("print", "stats"), shown[0]),
                        (("print", "proplist=name,comment,altnames"), "y?[0m"),
                        (("print", "0,nobody\033[1m"), "ipipctl: nobody?[1m: no such tunnel")):
        out = on_terminal(*words) if "nobody" not in words[-1] else ctl(*words)[2]
        equal(f"{' '.join(words)!r} on a terminal",
              (want in out, [c for c in out if not c.isprintable() and c not in "\r\n"]),
              (True, []))
    equal("control characters in a pipe", (good("get", "0", "comment"), good("find")),
          (comment + "\n", name + "\n"))
    check("no control characters in a table in a pipe", "\033" not in good("print"))
    clear()


def latin_blanks():
    """The kernel takes the second byte of this letter, 0xa0, for a blank."""
    refused(2, "add: name: 'voil\u00e0' is not a device name: 1 to 15 characters, no / : % or "
            "blank", "add", "name=voil\u00e0", "remote-address=10.1.1.1")
    good("import", "-", stdin='add name="voil\\C3\\A0" remote-address=10.1.1.1\n')
    equal("import gives a tunnel with such a name a short name", get("voil\u00e0", "name")[:5], "voil-")
    clear()


def altnames():
    good("add", "name=many", "remote-address=10.1.1.1")
    names = [f"{'n' * 100}{i}" for i in range(60)]
    run("\n".join(f"ip -n a link property add dev many altname {name}" for name in names))
    equal("get by each of many altnames", [get(name, "name") for name in names[::10] + names[-1:]],
          ["many"] * 7)
    equal("get: JSON has all altnames",
          json.loads(good("-j", "get", "many", "altnames"))["altnames"], names)
    equal("find by an altname",
          (found(f"name={names[-1]}"), found("name~^n+59$"), found("altnames~^n+58$")),
          ("many",) * 3)
    clear()


def complete_bash(line):
    """The completions of the last word in bash."""
    script = (f". {HERE}/../tools/completion/ipipctl.bash; compopt() {{ :; }}; "
              f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; _ipipctl; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return run(["ip", "netns", "exec", "a", "bash", "-c", script],
               env={**ENV, "PATH": f"/run/bin:{ENV['PATH']}"}).split("\n")[:-1]


def completion():
    comment = "first\nnot-a-tunnel\tindeed"
    for i, name in enumerate(("k;id", "k$(id)", "k1")):
        good("add", f"name={name}", f"remote-address=10.1.1.{i + 1}")
    good("comment", "k1", comment)
    equal("complete: only the first line of a comment", good("complete", "set", ""),
          "k;id\nk$(id)\nk1\tfirst\n")
    equal("bash: names are quoted", complete_bash("ipipctl set "), ["k\\;id", "k\\$\\(id\\)", "k1"])
    equal("bash: names after a comma are quoted",
          complete_bash("ipipctl set k1,"), ["k1\\,k\\;id", "k1\\,k\\$\\(id\\)"])
    equal("bash: names after an equals sign", complete_bash("ipipctl add copy-from=k1"), ["k1"])
    clear()


@contextlib.contextmanager
def asked(*words):
    """Run the tool on its own terminal, up to its prompt for the secret."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen(["ip", "netns", "exec", "a", TOOL, *words], stdin=theirs, stdout=theirs,
                         stderr=theirs, env=ENV, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    timer = threading.Timer(20, p.kill)
    timer.start()
    said = b""
    while not said.endswith(b"ipsec-secret: ") and p.poll() is None:
        said += os.read(ours, 1000) if select.select([ours], [], [], 0.1)[0] else b""
    try:
        yield p, ours, lambda: bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
    finally:
        timer.cancel()
        p.kill()
        p.wait()
        os.close(ours)
        os.close(theirs)


def prompts():
    words = "add", "name=p", "remote-address=10.1.1.1", "ipsec-secret-file=-"
    for what, signum in (("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
        with asked(*words) as (p, terminal, has_echo):
            equal(f"{what}: the terminal doesn't echo the secret", has_echo(), False)
            if what == "Ctrl-C":
                os.write(terminal, b"sec\x03")
            else:
                p.send_signal(signum)
            equal(f"{what}: ends the tool", p.wait(), -signum)
            equal(f"{what}: the terminal echoes again", has_echo(), True)
    with asked(*words) as (p, terminal, has_echo):
        os.write(terminal, b"secret\n")
        equal("the tool reads the secret, and the terminal echoes again",
              (p.wait(), has_echo()), (1, True))
        said = os.read(terminal, 4000).decode()
        check("the tool says that it found no IKE daemon",
              "ipsec-secret: " in said and "swanctl" in said or
              "daemon" in said, said)
    equal("the tool made no tunnel", found(), "")


def outputs():
    for word in "--help", "--version", "help", "version", "export":
        p = subprocess.run(["ip", "netns", "exec", "a", "sh", "-c", f"{TOOL} {word} > /dev/full"],
                           capture_output=True, text=True, env=ENV)
        equal(f"{word} to a full disk", (p.returncode, p.stderr),
              (1, "ipipctl: output: No space left on device\n"))
    good("add", "name=o", "remote-address=10.1.1.1")
    p = subprocess.run(f"mkdir /run/empty; cd /run/empty && ip netns exec a {TOOL} save - && ls", shell=True,
                       capture_output=True, text=True, env=ENV)
    equal("save to the standard output", (p.stdout, p.stderr),
          (good("export", "verbose"), ""))
    clear()


def copies():
    """add and import refuse with the same message a tunnel that can't be copied."""
    run("ip -n b link add name under type dummy")
    good("add", "name=far", "remote-address=10.1.1.1", "link=under", "!keepalive", netns="b")
    run("ip -n b link set far netns a")
    why = "copy-from: its underlay is in another network namespace"
    refused(2, f"add: {why}", "add", "copy-from=far", "remote-address=10.1.1.2")
    refused(1, f"-:1: {why}", "import", "-", stdin="add copy-from=far remote-address=10.1.1.2\n")
    clear()


def longest_comment():
    """The longest comment that the kernel accepts, by each verb that sets one."""
    text = "c" * 255
    good("add", "name=c1", "remote-address=10.1.1.1", f"comment={text}")
    equal("255 bytes: add", get("c1", "comment"), text)
    good("set", "c1", "comment=x")
    good("comment", "c1", text)
    equal("255 bytes: comment", get("c1", "comment"), text)
    good("save", "/run/files/long")
    clear()
    good("restore", "/run/files/long")
    equal("255 bytes: restore", get("c1", "comment"), text)
    good("unset", "c1", "comment")
    equal("255 bytes: unset", get("c1", "comment"), "")
    refused(2, f"set: comment: '{text}c' is longer than 255 bytes", "set", "c1", f"comment={text}c")
    clear()


def numbers():
    """Only decimal digits are the number of a tunnel; 0x1 is a name."""
    good("add", "name=0x1", "remote-address=10.1.1.1")
    good("add", "name=other", "remote-address=10.1.1.2")
    good("add", "name=more", "remote-address=10.1.1.3")
    good("remove", "0x1")
    refused(1, "0x1: no such tunnel", "remove", "0x1")
    equal("remove 0x1 removes that name, not a number", found(), "other,more")
    clear()


def files():
    """save writes only to regular files."""
    good("add", "name=o", "remote-address=10.1.1.1")
    os.mkfifo("/run/files/pipe")
    os.symlink("real", "/run/files/link")
    for name in "/run/files/pipe", "/run/files", "/dev/null":
        refused(1, f"{name}: isn't a regular file: use \"-\" for standard output", "save", name)
    for name in "new", "real", "link":
        good("save", f"/run/files/{name}")
    check("save: a symbolic link stays one", os.path.islink("/run/files/link"))
    with open("/run/files/real", encoding="ascii") as real, open("/run/files/new",
                                                                encoding="ascii") as new:
        equal("save: writes the target of a symbolic link", real.read(), new.read())
    clear()


def outer_ttl():
    """OSPF and eBGP send packets with a TTL of 1, which must reach the far end."""
    good("add", "name=o", "remote-address=10.1.1.1", "!keepalive")
    good("import", "-", stdin="/interface ipip\nadd name=p remote-address=10.1.1.2 !keepalive\n")
    equal("add and import set a TTL without changing DF",
          [(get(name, "ttl"), get(name, "dont-fragment")) for name in ("o", "p")], [("64", "no")] * 2)
    run("ip -n a addr add 192.168.77.1/30 dev o")
    tap = Tap("a", "wan", "out")

    def sent():
        tap.drain()
        run("ip netns exec a ping -c 1 -W 1 -t 1 192.168.77.2 || :")
        packet = tap.receive(lambda d: d[9] == 4)
        return packet and (packet[8], packet[28], packet[6] >> 6)

    equal("a packet with a TTL of 1: outer TTL, inner TTL, DF", sent(), (64, 1, 0))
    run("ip -n a link set dev o type ipip ttl 9")
    equal("ip changes the TTL without changing DF", sent(), (9, 1, 0))
    good("unset", "o", "ttl")
    equal("unset ttl: inherit", (get("o", "ttl"), sent()), ("inherit", (1, 1, 0)))
    good("reset", "o", "ttl")
    equal("reset ttl: the default of add", get("o", "ttl"), "64")
    clear()


def test():
    if not can_run("ipipctl's arguments and output"):
        return
    shell("ns_add a b; ip -n a link add name wan type dummy; ip -n a link set dev wan up; "
          "ip -n a addr add 10.0.0.1/24 dev wan; ip -n a route add default dev wan; "
          f"mkdir -p /run/bin; ln -sf {TOOL} /run/bin/ipipctl")
    brackets()
    proplists()
    mode_is_kept()
    namespaces()
    for_a_shell()
    dry_run_is_complete()
    followed()
    keepalive_of_none()
    counters()
    going_on()
    controls()
    latin_blanks()
    altnames()
    completion()
    prompts()
    outputs()
    copies()
    longest_comment()
    numbers()
    files()
    outer_ttl()


main(test)
