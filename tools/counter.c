// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's counters: their names, and counting from a moment that the user chooses.
 * The kernel's never begin anew: what they were then is kept in /run.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ipipctl.h"

#define STATS	(sizeof(struct rtnl_link_stats64) / sizeof(uint64_t))
#define ALL	(STATS + __IFLA_IPIP_XSTATS_MAX)

const char *const counter_names[__IFLA_IPIP_XSTATS_MAX] = {
/* Made from include/uapi/linux/if_ipip.h by the Makefile. */
#include "counter-names.h"
};

/* What a tunnel counted at the last `reset-counters`. An index may be another tunnel's
 * by now: then it is not smaller everywhere.
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

/**
 * counters_reset() - Keep what a tunnel has counted, for counters_since()
 * @t: the tunnel, as the kernel has it
 *
 * Return: 0, or an exit status after an error was printed.
 */
int counters_reset(const struct tunnel *t)
{
	uint64_t now[ALL];
	char path[128];
	bool good;
	FILE *f;

	if (mkdir(IPIPCTL_BASE, 0755) && errno != EEXIST) {
		fail(IPIPCTL_BASE, "%s", strerror(errno));
		return IPIPCTL_REFUSED;
	}
	flatten(t, now);
	base_path(t, path, sizeof(path));
	f = fopen(path, "we");
	good = f && fwrite(now, sizeof(*now), ALL, f) == ALL;
	if (f && fclose(f))
		good = false;
	if (good)
		return 0;
	fail(path, "%s", strerror(errno));
	return IPIPCTL_REFUSED;
}
