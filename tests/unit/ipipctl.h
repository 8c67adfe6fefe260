/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ipipctl without a kernel and without a network: all of it but nl.c, in one piece,
 * so that its reader of exports can be called.
 */
#ifndef _TEST_IPIPCTL_H
#define _TEST_IPIPCTL_H

#include <netdb.h>
#include <net/if.h>
#include <string.h>

static inline unsigned int no_if_nametoindex(const char *name)
{
	return strcmp(name, "ether1") ? 0 : 2;
}

static inline int no_getaddrinfo(const char *node, const char *service,
				 const struct addrinfo *hints,
				 struct addrinfo **found)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)found;
	return EAI_NONAME;
}

#define if_nametoindex	no_if_nametoindex
#define getaddrinfo	no_getaddrinfo
#define main		ipipctl_main
#include "../../tools/text.c"
#include "../../tools/list.c"
/* A file's ipsec-profile needs a secret that is there. */
#define ipsec_has_secret(name)	((name) != NULL)
#include "../../tools/property.c"
#undef ipsec_has_secret
#include "../../tools/ipsec.c"
#include "../../tools/swanctl.c"
#include "../../tools/file.c"
#include "../../tools/change.c"
#include "../../tools/show.c"
#include "../../tools/monitor.c"
#include "../../tools/main.c"
#undef main

const char *const counter_names[__IFLA_IPIP_XSTATS_MAX];

int nl_dump(struct tunnels *list, bool stats)
{
	(void)list;
	(void)stats;
	return IPIPCTL_REFUSED;
}

int nl_run(struct requests *list, const struct tunnels *before, bool keep_going,
	   const char *source)
{
	(void)list;
	(void)before;
	(void)keep_going;
	(void)source;
	return IPIPCTL_REFUSED;
}

int nl_report(struct requests *list, const char *source)
{
	(void)list;
	(void)source;
	return IPIPCTL_REFUSED;
}

void nl_undo(const struct requests *list, const struct tunnels *before)
{
	(void)list;
	(void)before;
}

bool driver_is_ours(bool *loaded)
{
	*loaded = false;
	return true;
}

/* What `import` would ask the kernel for; returns whether it would. */
static inline bool read_export(FILE *file, const char *name,
			       struct requests *list)
{
	struct reader r = { .name = name, .file = file, .list = list };

	read_tunnels(&r);
	requests_name(list);
	free(r.text);
	free(r.menu);
	return !r.failed;
}

/* What `export` would write of them. */
static inline char *write_export(const struct requests *list, bool verbose)
{
	struct tunnels tunnels = {};
	char *text = NULL;
	size_t i, size;
	FILE *out;

	for (i = 0; i < list->n; i++)
		*tunnel_add(&tunnels) = list->r[i].t;
	out = open_memstream(&text, &size);
	write_tunnels(out, &tunnels, verbose);
	fclose(out);
	tunnels_free(&tunnels);
	return text;
}

#endif /* _TEST_IPIPCTL_H */
