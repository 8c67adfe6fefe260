// SPDX-License-Identifier: GPL-2.0
/*
 * Rates and keepalive, live.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

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
	char name[FORMAT_MAX], state[FORMAT_MAX], rtt[FORMAT_MAX], ipsec[FORMAT_MAX];
	char mtu[FORMAT_MAX];

	property_show(P_NAME, t, name);
	property_format(P_KEEPALIVE_STATE, t, state);
	property_format(P_KEEPALIVE_RTT, t, rtt);
	property_format(P_MTU_STATE, t, mtu);
	property_format(P_IPSEC_STATE, t, ipsec);
	printf("name=%s running=%s", name, t->running ? "yes" : "no");
	printf(" rx-packets-per-second=%.0f rx-bits-per-second=%.0f",
	       r->rx_packets, r->rx_bits);
	printf(" tx-packets-per-second=%.0f tx-bits-per-second=%.0f",
	       r->tx_packets, r->tx_bits);
	printf(" keepalive-state=%s%s%s mtu=%u mtu-state=%s%s%s\n", state,
	       *rtt ? " keepalive-rtt=" : "", rtt, t->mtu, mtu,
	       *ipsec ? " ipsec-state=" : "", ipsec);
}

static void show_json(const struct tunnel *t, const struct rates *r)
{
	char state[FORMAT_MAX], mtu[FORMAT_MAX], ipsec[FORMAT_MAX];

	property_format(P_KEEPALIVE_STATE, t, state);
	property_format(P_MTU_STATE, t, mtu);
	property_format(P_IPSEC_STATE, t, ipsec);
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
	printf(",\"mtu\":%u,\"mtu_state\":\"%s\"", t->mtu, mtu);
	printf(*ipsec ? ",\"ipsec_state\":\"%s\"}\n" :
			",\"ipsec_state\":null}\n", ipsec);
}

static void show_row(const struct tunnel *t, const struct rates *r)
{
	char name[FORMAT_MAX], state[FORMAT_MAX], rtt[FORMAT_MAX], ipsec[FORMAT_MAX];
	char rx[32], tx[32];

	property_show(P_NAME, t, name);
	property_format(P_KEEPALIVE_STATE, t, state);
	property_format(P_KEEPALIVE_RTT, t, rtt);
	property_format(P_IPSEC_STATE, t, ipsec);
	printf("%-15s %c %9.0f %11s %9.0f %11s  %-5s %-9s %s\033[K\n", name,
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

/* Those of @names that are there now, or all if it is NULL. */
static int look(const struct tunnels *names, struct tunnels *now)
{
	const int ret = names ? tunnels_read_named(now, names, true) : tunnels_read(now, true);

	tunnels_sort(now);	/* for tunnel_of_ifindex() */
	if (!ret)
		swanctl_states(now);
	return ret;
}

static int watch(const struct tunnels *names, bool once, uint64_t interval)
{
	const bool terminal = isatty(STDOUT_FILENO) && !opt.json;
	struct tunnels last = {}, now = {};
	double before, t;
	unsigned int lines = 0;
	int ret;

	stop_on_signals();
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

/* Returns how many of the words are tunnels, and reads the others; or -1. */
static int parse_words(char **words, size_t n, bool *once, uint64_t *interval)
{
	size_t i, names = 0;

	for (i = 0; i < n; i++) {
		if (!strcmp(words[i], "once")) {
			*once = true;
		} else if (!strncmp(words[i], "interval=", 9)) {
			if (parse_interval("monitor", words[i] + 9, interval))
				return -1;
		} else if (i == names && (!i || is_find(words[0]))) {
			names++;
		} else {
			usage("monitor", "%s: unknown", words[i]);
			return -1;
		}
	}
	return names;
}

int cmd_monitor(char **words, size_t n)
{
	struct tunnels chosen = {};
	uint64_t interval = 1000;
	bool once = false;
	size_t used;
	int ret;

	ret = parse_words(words, n, &once, &interval);
	if (ret < 0)
		return IPIPCTL_USAGE;
	if (!ret)
		return watch(NULL, once, interval);
	used = ret;
	ret = choose("monitor", words, used, false, &chosen, &used) ?:
	      watch(&chosen, once, interval);
	tunnels_free(&chosen);
	return ret;
}

int cmd_reset_counters(char **words, size_t n)
{
	struct tunnels chosen = {};
	size_t i, used = n;
	int ret = choose("reset-counters", words, n, true, &chosen, &used);

	if (!ret && used < n)
		ret = usage("reset-counters", "%s: not expected", words[used]);
	for (i = 0; !ret && i < chosen.n; i++)
		ret = counters_reset(&chosen.t[i]);
	tunnels_free(&chosen);
	return ret;
}
