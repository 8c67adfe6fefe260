/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of ipipctl that its reader of exports needs, without a kernel and a network, for the
 * unit tests to call.
 */
#ifndef _TEST_IPIPCTL_H
#define _TEST_IPIPCTL_H

#include <arpa/inet.h>
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

#include "../../tools/ipipctl.h"

/* The existing tunnels, to which lines of a file may refer. */
static int (*test_tunnels)(struct tunnels *list);

#include "../../tools/base.c"
#include "../../tools/netns.c"
#include "../../tools/text.c"
#include "../../tools/list.c"
#include "../../tools/secret.c"
#include "../../tools/lookup.c"
#include "../../tools/property.c"
#include "../../tools/condition.c"
#include "../../tools/counter.c"
/* An ipsec-profile in a file needs an existing secret. */
#define connection_has_secret	no_connection_has_secret
#include "../../tools/connection.c"
#undef connection_has_secret
#define connection_has_secret(name)	((name) != NULL)
#include "../../tools/ike.c"
#include "../../tools/swanctl.c"
#include "../../tools/ipsec.c"

uint64_t attributes_ours(void)
{
	return 0;
}

int nl_dump(struct tunnels *list, bool stats)
{
	(void)list;
	(void)stats;
	return test_tunnels ? test_tunnels(list) : IPIPCTL_REFUSED;
}

int nl_pass(struct requests *list, enum pass pass, bool keep_going)
{
	(void)list;
	(void)pass;
	(void)keep_going;
	return IPIPCTL_REFUSED;
}

struct mnl_socket *nl_listen(void)
{
	return NULL;
}

bool nl_changes(struct mnl_socket *s, const volatile sig_atomic_t *stop)
{
	(void)s;
	(void)stop;
	return false;
}

bool driver_is_ours(bool *loaded)
{
	*loaded = false;
	return true;
}

#include "../../tools/carry.c"
#include "../../tools/choose.c"
#include "../../tools/json.c"
#include "../../tools/export.c"
#include "../../tools/import.c"

/* For @test_tunnels: the tunnels to which files in tests/unit/exports refer. */
static inline int three_tunnels(struct tunnels *list)
{
	static const struct {
		const char *name;
		uint32_t remote;	/* the last byte of 192.0.2.x */
	} tunnels[] = { { "ipip1", 200 }, { "ipip2", 201 }, { "old", 202 } };
	struct tunnel *t;
	size_t i;

	tunnels_free(list);
	for (i = 0; i < ARRAY_SIZE(tunnels); i++) {
		t = tunnel_add(list);
		tunnel_defaults(t);
		t->ifindex = i + 5;
		t->ours = true;
		strcpy(t->name, tunnels[i].name);
		t->remote = htonl(0xc0000200 + tunnels[i].remote);
		if (i == 2)
			t->altnames = "two words";
	}
	tunnels_number(list);
	return 0;
}

/* Build the requests that `import` would send; returns whether it would send them. */
static inline bool read_export(FILE *file, const char *name,
			       struct requests *list)
{
	struct reader r = { .name = name, .file = file, .list = list };

	read_tunnels(&r);
	requests_name(list);
	if (!r.failed)
		warn_of_clear(&r);
	order_requests(list);
	r.file = NULL;
	reader_free(&r);
	return !r.failed;
}

/* Print what a request changes by the names of properties, since their bits in the mask change when
 * a property is added.
 */
static inline void write_change(FILE *out, const struct request *r)
{
	char value[FORMAT_MAX];
	unsigned int p;

	fprintf(out, "# set %s", r->t.name);
	for (p = 0; p < P_COUNT; p++) {
		if (!(r->mask & BIT(p)))
			continue;
		property_format(p, &r->t, value);
		fprintf(out, " %s=%s", property_name(p), value);
	}
	fputc('\n', out);
}

/* Print what `export` would print of the new tunnels; with @all also the other requests, as
 * comments.
 */
static inline char *write_export(const struct requests *list, bool verbose, bool all)
{
	struct tunnels tunnels = {};
	char *text = NULL;
	size_t i, size;
	FILE *out;

	out = open_memstream(&text, &size);
	for (i = 0; i < list->n; i++) {
		if (list->r[i].op == OP_ADD)
			*tunnel_add(&tunnels) = list->r[i].t;
	}
	write_tunnels(out, &tunnels, verbose);
	for (i = 0; all && i < list->n; i++) {
		if (list->r[i].op == OP_REMOVE)
			fprintf(out, "# remove %s\n", list->r[i].t.name);
		else if (list->r[i].op == OP_SET)
			write_change(out, &list->r[i]);
	}
	fclose(out);
	tunnels_free(&tunnels);
	return text;
}

#endif /* _TEST_IPIPCTL_H */
