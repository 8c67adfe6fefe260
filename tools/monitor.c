// SPDX-License-Identifier: GPL-2.0
/*
 * Rates and keepalive, live; and counters that begin at 0 when the user says so.
 * The kernel's never do: what they were then is kept in /run.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

#define STATS	(sizeof(struct rtnl_link_stats64) / sizeof(uint64_t))
#define ALL	(STATS + __IFLA_IPIP_XSTATS_MAX)

/* What a tunnel counted when `reset-counters` was last said. An index may be
 * another tunnel's by now: then it is not smaller everywhere.
 */
static void base_path(const struct tunnel *t, char *path, size_t size)
{
	struct stat netns;

	if (stat("/proc/self/ns/net", &netns))
		netns.st_ino = 0;
	snprintf(path, size, IPIPCTL_BASE "/%lu.%d",
		 (unsigned long)netns.st_ino, t->ifindex);
}

static void flatten(const struct tunnel *t, uint64_t *all)
{
	memcpy(all, &t->stats, STATS * sizeof(*all));
	memcpy(all + STATS, t->counters, sizeof(t->counters));
}

/**
 * counters_since() - Take off what had been counted at `reset-counters`
 * @t: the tunnel, as the kernel has it
 */
void counters_since(struct tunnel *t)
{
	uint64_t now[ALL], base[ALL];
	char path[128];
	size_t i, got;
	FILE *f;

	base_path(t, path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return;
	got = fread(base, sizeof(*base), ALL, f);
	fclose(f);
	flatten(t, now);
	for (i = 0; i < ALL; i++)
		if (got != ALL || base[i] > now[i])
			return;
	for (i = 0; i < ALL; i++)
		now[i] -= base[i];
	memcpy(&t->stats, now, STATS * sizeof(*now));
	memcpy(t->counters, now + STATS, sizeof(t->counters));
}

int cmd_reset_counters(char **words, size_t n)
{
	struct tunnels chosen = {};
	uint64_t now[ALL];
	char path[128];
	size_t i;
	int ret;
	FILE *f;

	ret = choose_all("reset-counters", words, n, true, &chosen);
	if (!ret && mkdir(IPIPCTL_BASE, 0755) && errno != EEXIST) {
		fail(IPIPCTL_BASE, "%s", strerror(errno));
		ret = IPIPCTL_REFUSED;
	}
	for (i = 0; !ret && i < chosen.n; i++) {
		flatten(&chosen.t[i], now);
		base_path(&chosen.t[i], path, sizeof(path));
		f = fopen(path, "we");
		if (!f || fwrite(now, sizeof(*now), ALL, f) != ALL) {
			fail(path, "%s", strerror(errno));
			ret = IPIPCTL_REFUSED;
		}
		if (f)
			fclose(f);
	}
	tunnels_free(&chosen);
	return ret;
}

struct rates {
	double rx_bits;
	double tx_bits;
	double rx_packets;
	double tx_packets;
};

static struct rates rates(const struct tunnels *last, const struct tunnel *t,
			  double seconds)
{
	const struct tunnel *old = tunnel_of_ifindex(last, t->ifindex);
	struct rates r = {};

	if (!old)
		return r;
	r.rx_bits = (t->stats.rx_bytes - old->stats.rx_bytes) * 8 / seconds;
	r.tx_bits = (t->stats.tx_bytes - old->stats.tx_bytes) * 8 / seconds;
	r.rx_packets = (t->stats.rx_packets - old->stats.rx_packets) / seconds;
	r.tx_packets = (t->stats.tx_packets - old->stats.tx_packets) / seconds;
	return r;
}

/* "1.5Mbps", as RouterOS has it. */
static const char *bits(double value, char *out)
{
	static const char *const units[] = { "bps", "kbps", "Mbps", "Gbps" };
	unsigned int i = 0;

	while (value >= 1000 && i + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		i++;
	}
	sprintf(out, i ? "%.1f%s" : "%.0f%s", value, units[i]);
	return out;
}

static void show_line(const struct tunnel *t, const struct rates *r)
{
	char state[FORMAT_MAX], rtt[FORMAT_MAX], ipsec[FORMAT_MAX];

	properties[P_KEEPALIVE_STATE].format(t, state);
	properties[P_KEEPALIVE_RTT].format(t, rtt);
	properties[P_IPSEC_STATE].format(t, ipsec);
	printf("name=%s running=%s", t->name, t->running ? "yes" : "no");
	printf(" rx-packets-per-second=%.0f rx-bits-per-second=%.0f",
	       r->rx_packets, r->rx_bits);
	printf(" tx-packets-per-second=%.0f tx-bits-per-second=%.0f",
	       r->tx_packets, r->tx_bits);
	printf(" keepalive-state=%s%s%s%s%s\n", state,
	       *rtt ? " keepalive-rtt=" : "", rtt,
	       *ipsec ? " ipsec-state=" : "", ipsec);
}

static void show_json(const struct tunnel *t, const struct rates *r)
{
	char state[FORMAT_MAX], ipsec[FORMAT_MAX];

	properties[P_KEEPALIVE_STATE].format(t, state);
	properties[P_IPSEC_STATE].format(t, ipsec);
	printf("{\"name\":");
	json_string(stdout, t->name);
	printf(",\"running\":%s", t->running ? "true" : "false");
	printf(",\"rx_packets_per_second\":%.0f,\"rx_bits_per_second\":%.0f",
	       r->rx_packets, r->rx_bits);
	printf(",\"tx_packets_per_second\":%.0f,\"tx_bits_per_second\":%.0f",
	       r->tx_packets, r->tx_bits);
	printf(",\"keepalive_state\":\"%s\",\"keepalive_rtt_us\":", state);
	if (t->keepalive_rtt >= 0)
		printf("%lld", (long long)t->keepalive_rtt);
	else
		printf("null");
	printf(*ipsec ? ",\"ipsec_state\":\"%s\"}\n" :
			",\"ipsec_state\":null}\n", ipsec);
}

static void show_row(const struct tunnel *t, const struct rates *r)
{
	char state[FORMAT_MAX], rtt[FORMAT_MAX], ipsec[FORMAT_MAX];
	char rx[32], tx[32];

	properties[P_KEEPALIVE_STATE].format(t, state);
	properties[P_KEEPALIVE_RTT].format(t, rtt);
	properties[P_IPSEC_STATE].format(t, ipsec);
	printf("%-15s %c %9.0f %11s %9.0f %11s  %-5s %-9s %s\033[K\n", t->name,
	       t->disabled ? 'X' : t->running ? 'R' : ' ', r->rx_packets,
	       bits(r->rx_bits, rx), r->tx_packets, bits(r->tx_bits, tx), state,
	       rtt, ipsec);
}

static unsigned int terminal_rows(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row > 3)
		return size.ws_row;
	return 24;
}

/* Over what was shown before. Returns the lines that it takes. */
static unsigned int redraw(const struct tunnels *now, const struct tunnels *last,
			   double seconds, unsigned int lines)
{
	const unsigned int most = terminal_rows() - 2;
	struct rates r;
	size_t i;

	/* A line that is cut stays one line. */
	fputs("\033[?7l", stdout);
	if (lines)
		printf("\033[%uA", lines);
	printf("%-17s %9s %11s %9s %11s  %-15s %s\033[K\n", "NAME", "RX-PPS", "RX",
	       "TX-PPS", "TX", "KEEPALIVE", "IPSEC");
	for (i = 0; i < now->n && i < most; i++) {
		r = rates(last, &now->t[i], seconds);
		show_row(&now->t[i], &r);
	}
	fputs("\033[J\033[?7h", stdout);
	return i + 1;
}

static void show_all(const struct tunnels *now, const struct tunnels *last,
		     double seconds)
{
	struct rates r;
	size_t i;

	for (i = 0; i < now->n; i++) {
		r = rates(last, &now->t[i], seconds);
		if (opt.json)
			show_json(&now->t[i], &r);
		else
			show_line(&now->t[i], &r);
	}
}

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Those of @names, or all; a tunnel that has gone is not missed. */
static int look(const char *names, struct tunnels *now)
{
	char *word;
	int ret;

	now->n = 0;
	if (names) {
		word = strdup(names);
		ret = choose_all("monitor", &word, 1, true, now);
		tunnels_number(now);	/* for tunnel_of_ifindex() */
		free(word);
	} else {
		ret = nl_dump(now, true);
	}
	if (!ret)
		swanctl_states(now);
	return ret;
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void pause_for(uint64_t ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int watch(const char *names, bool once, uint64_t interval)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	const bool terminal = isatty(STDOUT_FILENO) && !opt.json;
	struct tunnels last = {}, now = {};
	double before, t;
	unsigned int lines = 0;
	int ret;

	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	before = clock_now();
	ret = look(names, &last);
	while (!ret && !stopped) {
		pause_for(interval);
		ret = stopped ? 0 : look(names, &now);
		if (ret || stopped)
			break;
		t = clock_now();
		if (terminal)
			lines = redraw(&now, &last, t - before, lines);
		else
			show_all(&now, &last, t - before);
		/* Whoever reads the pipe may have gone. */
		if (fflush(stdout) || once)
			break;
		before = t;
		tunnels_free(&last);
		last = now;
		now = (struct tunnels){};
	}
	tunnels_free(&last);
	tunnels_free(&now);
	return ret;
}

int cmd_monitor(char **words, size_t n)
{
	const char *names = NULL, *why;
	uint64_t interval = 1000;
	bool once = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(words[i], "once")) {
			once = true;
		} else if (!strncmp(words[i], "interval=", 9)) {
			why = parse_duration(words[i] + 9, &interval);
			if (why || interval < 100 || interval > 86400000)
				return usage("monitor", "interval: %s",
					     why ?: "must be 100ms to 1d");
		} else if (!i) {
			names = words[i];
		} else {
			return usage("monitor", "%s: unknown", words[i]);
		}
	}
	return watch(names, once, interval);
}
