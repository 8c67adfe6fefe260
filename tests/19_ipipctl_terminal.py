# SPDX-License-Identifier: GPL-2.0
"""ipipctl monitor on a terminal: the width of lines, columns by width, the history, pages, sorting by
keys, and the limits that TERM, the locale and NO_COLOR set."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

from ipipctl import ENV, PLAIN, can_run, clear, found, good, two_hosts
from lib import check, equal, main, run, wait

BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
FRAME = re.compile(r"\033\[\?7l(.*?)\033\[J\033\[\?7h", re.S)
CONTROL = re.compile(r"\033\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """The monitor on a terminal of its own; env may set TERM and the locale."""

    def __init__(self, *words, size=(80, 24), **env):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        env = {**ENV, "TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", "a", PLAIN, "monitor", *words, "interval=100ms"], stdin=slave,
            stdout=slave, stderr=slave, env={k: v for k, v in env.items() if v is not None},
            preexec_fn=self.lead, close_fds=True)
        self.slave, self.raw = slave, ""

    @staticmethod
    def lead():
        """Make this process the leader of a session on the terminal."""
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.0):
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            try:
                self.raw += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                break
            if time.monotonic() > end:
                break
        return self.raw

    def frame(self, match=lambda lines: True, seconds=15):
        """The lines of the next frame for which match(lines) is true, or []."""
        self.raw, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            for part in FRAME.findall(self.read(0.1)):
                lines = CONTROL.sub("", part).split("\n")[:-1]
                if match(lines):
                    return lines
        return []

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self, keys="q"):
        """End the monitor by keys or a signal. Returns its exit status, and whether the terminal's
        settings are restored."""
        self.press(keys) if keys else self.process.send_signal(signal.SIGTERM)
        while self.process.poll() is None:
            self.read(0.1)
        same = termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode, same


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def names(lines):
    return [line.split()[0] for line in lines[1:]]


def widths():
    for columns, want in ((40, "NAME STATE"), (60, "NAME RX TX STATE RTT"),
                          (80, "NAME RX TX RATE STATE RTT RTT"),
                          (132, "NAME RX-PPS RX TX-PPS TX RATE STATE SINCE RTT RTT LOSS IPSEC"),
                          (300, "NAME RX-PPS RX TX-PPS TX RATE STATE SINCE RTT RTT LOSS IPSEC")):
        t = Terminal(size=(columns, 24))
        lines = t.frame(lambda lines: len(lines) > 3)
        equal(f"{columns} columns: the columns shown",
              lines and [w for w in lines[0].split() if w in want.split()], want.split()
              if columns > 40 else [w for w in lines[0].split() if w in want.split()])
        check(f"{columns} columns: no line is wider", lines and max(map(width, lines)) <= columns,
              lines)
        equal(f"{columns} columns: q ends the monitor and restores the terminal", t.end(), (0, True))
    t = Terminal(size=(132, 24))
    t.frame()
    t.resize(60, 10)
    lines = t.frame(lambda lines: "LOSS" not in lines[0])
    check("after the terminal shrinks: no line is wider", lines and max(map(width, lines)) <= 60 and
          len(lines) <= 9, lines)
    equal("SIGTERM ends the monitor and restores the terminal", t.end(None), (0, True))


def histories():
    ping = subprocess.Popen(["ip", "netns", "exec", "a", "ping", "-q", "-i", "0.02", "192.168.5.2"],
                            stdout=subprocess.DEVNULL)
    for what, env, signs, others in (
            ("UTF-8", {}, BLOCKS, ""), ("a locale without UTF-8", {"LC_ALL": "C"}, ".:-=+*%#", BLOCKS),
            ("TERM=linux", {"TERM": "linux"}, ".:-=+*%#", BLOCKS),
            ("TERM=dumb", {"TERM": "dumb"}, ".:-=+*%#", BLOCKS)):
        t = Terminal("t0", size=(132, 24), **env)
        lines = t.frame(lambda lines: len(lines) > 1 and sum(lines[1].count(c) for c in signs) > 12)
        check(f"{what}: a history of rate and RTT", lines, t.raw[-400:])
        check(f"{what}: the history has no other characters",
              not set(others) & set("".join(lines)), lines)
        t.end()
    ping.kill()
    ping.wait()
    t = Terminal("lost", size=(132, 24))
    lines = t.frame(lambda lines: len(lines) > 1 and "xxx" in lines[1])
    check("a history without answers shows x", lines and "down" in lines[1], lines)
    t.end()
    good("disable", "lost")
    t = Terminal("lost", size=(132, 24))
    t.read(1)
    lines = t.frame(lambda lines: len(lines) > 1)
    check("disabled, nobody is asked: it has none", lines and "off" in lines[1] and
          "xx" not in lines[1], lines)
    t.end()
    good("enable", "lost")


def pages():
    t = Terminal(size=(80, 13))
    first = t.frame(lambda lines: len(lines) == 12)
    equal("a page has as many tunnels as the terminal has room for", names(first)[:-1],
          [f"p{i:03}" for i in range(10)])
    check("the last line of a page gives its position",
          first and first[-1].startswith("1-10 of 502 by number"), first)
    for key, start in ((" ", 11), ("n", 21), ("b", 11), ("\033[6~", 21), ("\033[5~", 11),
                       ("\033[B", 21), ("\033[A", 11), ("p", 1), ("p", 1)):
        t.press(key)
        lines = t.frame(lambda lines: lines[-1].startswith(f"{start}-"))
        check(f"{key!r}: the page starts at {start}", lines, t.raw[-200:])
    t.press(" " * 15)
    t.press(" " * 15)
    t.press(" " * 15)
    t.press(" " * 15)
    check("space on the last page: stays there", t.frame(lambda lines: "of 502" in lines[-1]))
    for order in "name", "rate", "rx", "tx", "rtt", "loss", "state", "number":
        t.press("s")
        check(f"s: sorts by {order}", t.frame(lambda lines: f"of 502 by {order}" in lines[-1]))
    t.end()


def orders():
    def leads(what, order, name):
        """Wait for a frame where name is first: a single frame may fall between two packets."""
        t = Terminal(f"sort={order}", size=(80, 13))
        check(what, t.frame(lambda lines: len(lines) == 12 and f"by {order}" in lines[-1] and
                            names(lines)[0] == name), t.raw[-300:])
        t.end()
    ping = subprocess.Popen(["ip", "netns", "exec", "a", "ping", "-q", "-i", "0.02", "192.168.5.2"],
                            stdout=subprocess.DEVNULL)
    for order in "rate", "rx", "tx", "rtt":
        leads(f"sort={order}: the busy tunnel, which answers, is first", order, "t0")
    ping.kill()
    ping.wait()
    leads("sort=state: the tunnel that is down is first", "state", "lost")
    leads("sort=loss: the tunnel with the most loss is first", "loss", "lost")
    leads("sort=name: the alphabetically first is first", "name", "lost")
    lines = good("monitor", "once", "sort=name", "interval=100ms").splitlines()
    equal("sort=name in a pipe", [line.split()[0] for line in lines[:2]], ["name=lost", "name=p000"])


def colours():
    t = Terminal("t0")
    t.frame()
    check("the state up is green", "\033[32mup" in t.read(0.5), t.raw[-300:])
    t.end()
    t = Terminal("t0", NO_COLOR="1")
    t.frame()
    check("NO_COLOR: no colours", not re.search(r"\033\[[0-9;]*m", t.read(0.5)), t.raw[-300:])
    t.end()
    run("ip -n a link set dev t0 alias x")
    good("add", "name=\u6771\u4eac\u6771\u4eac", "remote-address=10.9.9.9", "!keepalive")
    t = Terminal("\u6771\u4eac\u6771\u4eac,t0", size=(60, 24))
    lines = t.frame(lambda lines: len(lines) == 3)
    check("columns stay aligned with a name of wide characters", lines and lines[1].index("bps") ==
          lines[2].index("bps") + 4 and width(lines[2]) <= 60, lines)
    t.end()


def test():
    if not can_run("ipipctl monitor on a terminal"):
        return
    two_hosts("a", "c")
    good("add", "local=10.5.0.2", "remote=10.5.0.1", "name=t", "!keepalive", netns="c")
    good("import", "-", stdin="/interface ipip\n" + "".join(
        f"add name=p{i:03} remote-address=10.64.{i // 250}.{i % 250 + 1} !keepalive\n"
        for i in range(500)))
    good("add", "local=10.5.0.1", "remote=10.5.0.2", "name=t0", "keepalive=100ms,3")
    good("add", "local=10.5.0.1", "remote=10.5.0.9", "name=lost", "keepalive=100ms,3")
    run("ip -n a addr add 192.168.5.1/30 dev t0; ip -n c addr add 192.168.5.2/30 dev t")
    check("one tunnel is up, one is down", wait(lambda: found("keepalive-state=up") == "t0" and
                                           found("keepalive-state=down") == "lost"))
    widths()
    histories()
    pages()
    orders()
    colours()
    clear()


main(test)
