// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels as JSON.
 */
#include "ipipctl.h"

static void comma(void)
{
	putchar(',');
}

static void put_number(const char *name, unsigned long long value)
{
	json_key(stdout, name);
	printf("%llu", value);
}

static void put_stats(const struct tunnel *t)
{
	const struct {
		const char *name;
		unsigned long long value;
	} stats[] = {
		{ "rx_bytes", t->stats.rx_bytes },
		{ "rx_packets", t->stats.rx_packets },
		{ "rx_errors", t->stats.rx_errors },
		{ "rx_dropped", t->stats.rx_dropped },
		{ "tx_bytes", t->stats.tx_bytes },
		{ "tx_packets", t->stats.tx_packets },
		{ "tx_errors", t->stats.tx_errors },
		{ "tx_dropped", t->stats.tx_dropped },
	};
	bool first = true;
	unsigned int i;

	fputs(",\"statistics\":{", stdout);
	for (i = 0; i < ARRAY_SIZE(stats); i++) {
		if (i)
			comma();
		put_number(stats[i].name, stats[i].value);
	}
	fputs("},\"counters\":{", stdout);
	for (i = 0; i < ARRAY_SIZE(counter_names); i++) {
		if (!counter_names[i])
			continue;
		if (!first)
			comma();
		first = false;
		put_number(counter_names[i], t->counters[i]);
	}
	putchar('}');
}

/**
 * json_tunnel() - Write a tunnel as an object of JSON
 * @t: the tunnel
 * @which: BIT(P_*) of the properties to include
 * @stats: with its counters
 */
void json_tunnel(const struct tunnel *t, uint64_t which, bool stats)
{
	unsigned int p;

	putchar('{');
	put_number("id", t->id);
	for (p = 0; p < P_COUNT; p++) {
		/* Secrets and the names of their files aren't shown. */
		if (p == P_IPSEC_SECRET_FILE || !(which & BIT(p)))
			continue;
		comma();
		property_json(p, t);
	}
	if (stats)
		put_stats(t);
	putchar('}');
}

/**
 * json_list() - Write tunnels as an array of JSON
 * @list: the tunnels
 * @which: BIT(P_*) of the properties to include
 * @stats: with their counters
 */
void json_list(const struct tunnels *list, uint64_t which, bool stats)
{
	size_t i;

	putchar('[');
	for (i = 0; i < list->n; i++) {
		fputs(i ? ",\n " : "", stdout);
		json_tunnel(&list->t[i], which, stats);
	}
	fputs("]\n", stdout);
}
