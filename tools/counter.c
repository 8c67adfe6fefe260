// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's counters: their names, and counting since `reset-counters`. The kernel's
 * counters are never reset: their values at that time are kept in /run.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipipctl.h"

#define STATS	(sizeof(struct rtnl_link_stats64) / sizeof(uint64_t))
#define ALL	(STATS + __IFLA_IPIP_XSTATS_MAX)

const char *const counter_names[__IFLA_IPIP_XSTATS_MAX] = {
/* The Makefile generates it from include/uapi/linux/if_ipip.h. */
#include "counter-names.h"
};

/**
 * struct base - content of the file: the counters of a tunnel at the last `reset-counters`
 * @name: the tunnel's name; its index may belong to another tunnel by now
 * @local: its outer source
 * @remote: its outer destination
 * @all: its counters
 */
struct base {
	char name[IFNAMSIZ];
	uint32_t local;
	uint32_t remote;
	uint64_t all[ALL];
};

static void base_path(const struct tunnel *t, char *path, size_t size)
{
	struct stat netns;

	if (stat("/proc/self/ns/net", &netns))
		netns.st_ino = 0;
	snprintf(path, size, IPIPCTL_BASE "/%lu.%d",
		 (unsigned long)netns.st_ino, t->ifindex);
}

static void flatten(const struct tunnel *t, struct base *base)
{
	memset(base, 0, sizeof(*base));
	strcpy(base->name, t->name);
	base->local = t->local;
	base->remote = t->remote;
	memcpy(base->all, &t->stats, STATS * sizeof(*base->all));
	memcpy(base->all + STATS, t->counters, sizeof(t->counters));
}

static bool read_base(const struct tunnel *t, struct base *base)
{
	char path[128];
	size_t got;
	FILE *f;

	base_path(t, path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return false;
	got = fread(base, sizeof(*base), 1, f);
	fclose(f);
	return got;
}

/* The same tunnel never counts backwards. */
static bool is_base_of(const struct base *base, const struct base *now)
{
	size_t i;

	if (memcmp(base->name, now->name, sizeof(now->name)) || base->local != now->local ||
	    base->remote != now->remote)
		return false;
	for (i = 0; i < ALL; i++)
		if (base->all[i] > now->all[i])
			return false;
	return true;
}

/**
 * counters_since() - Subtract the counters at the last `reset-counters`
 * @t: the tunnel, as the kernel has it
 */
void counters_since(struct tunnel *t)
{
	struct base now, base;
	size_t i;

	flatten(t, &now);
	if (!read_base(t, &base) || !is_base_of(&base, &now))
		return;
	for (i = 0; i < ALL; i++)
		now.all[i] -= base.all[i];
	memcpy(&t->stats, now.all, STATS * sizeof(*now.all));
	memcpy(t->counters, now.all + STATS, sizeof(t->counters));
}

/**
 * counters_reset() - Store the counters of a tunnel for counters_since()
 * @t: the tunnel, as the kernel has it
 *
 * Return: 0, or an exit status after an error was printed.
 */
int counters_reset(const struct tunnel *t)
{
	struct base now;
	char path[128];
	bool good;
	FILE *f;

	if (mkdir(IPIPCTL_BASE, 0755) && errno != EEXIST) {
		fail(IPIPCTL_BASE, "%s", strerror(errno));
		return IPIPCTL_REFUSED;
	}
	flatten(t, &now);
	base_path(t, path, sizeof(path));
	f = fopen(path, "we");
	good = f && fwrite(&now, sizeof(now), 1, f) == 1;
	if (f && fclose(f))
		good = false;
	if (good)
		return 0;
	fail(path, "%s", strerror(errno));
	return IPIPCTL_REFUSED;
}

/**
 * counters_forget() - Remove the stored counters of tunnels that were removed
 * @list: requests that were executed
 */
void counters_forget(const struct requests *list)
{
	char path[128];
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->r[i].op != OP_REMOVE || !list->r[i].done)
			continue;
		base_path(&list->r[i].t, path, sizeof(path));
		unlink(path);
	}
}
