// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of tunnels and of requests, and fast look-ups in them.
 */
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/**
 * struct tunnel_name - one of the names of a tunnel
 * @name: the device's name, or one of its altnames
 * @len: its length
 * @t: the tunnel
 */
struct tunnel_name {
	const char *name;
	size_t len;
	struct tunnel *t;
};

/**
 * tunnel_add() - Put one more tunnel at the end of a list
 * @list: the list
 *
 * Return: the tunnel, all zero but for its strings, which are empty.
 */
struct tunnel *tunnel_add(struct tunnels *list)
{
	struct tunnel *t;

	list->t = grow(list->t, list->n, &list->room, sizeof(*list->t));
	t = &list->t[list->n++];
	memset(t, 0, sizeof(*t));
	t->comment = "";
	t->altnames = "";
	return t;
}

/**
 * tunnels_changed() - Discard the index of tunnel_of_name()
 * @list: the list, whose tunnels, names or order change
 */
void tunnels_changed(struct tunnels *list)
{
	free(list->names);
	list->names = NULL;
	list->n_names = 0;
}

/**
 * tunnels_free() - Free what a list holds
 * @list: the list, empty then
 */
void tunnels_free(struct tunnels *list)
{
	tunnels_changed(list);
	free(list->t);
	memset(list, 0, sizeof(*list));
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct tunnel *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/**
 * tunnels_sort() - Sort a list by interface index
 * @list: the list
 */
void tunnels_sort(struct tunnels *list)
{
	tunnels_changed(list);
	if (list->n)
		qsort(list->t, list->n, sizeof(*list->t), compare_ifindex);
}

/**
 * tunnels_number() - Sort a list by interface index and number its tunnels
 * @list: the list
 *
 * That is the order of their creation; Linux 6.1 dumps by a hash of the index.
 */
void tunnels_number(struct tunnels *list)
{
	size_t i;

	tunnels_sort(list);
	for (i = 0; i < list->n; i++)
		list->t[i].id = i;
}

/**
 * tunnel_of_ifindex() - Find a tunnel by its interface index
 * @list: the list, sorted by that
 * @ifindex: the index
 *
 * Return: the tunnel, or NULL.
 */
struct tunnel *tunnel_of_ifindex(const struct tunnels *list, int ifindex)
{
	const struct tunnel key = { .ifindex = ifindex };

	if (!list->n)
		return NULL;
	return bsearch(&key, list->t, list->n, sizeof(key), compare_ifindex);
}

static int compare_name(const void *a, const void *b)
{
	const struct tunnel_name *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

	return order ?: (x->len > y->len) - (x->len < y->len);
}

static void note_name(struct tunnels *list, size_t *room, const char *name, size_t len,
		      struct tunnel *t)
{
	list->names = grow(list->names, list->n_names, room, sizeof(*list->names));
	list->names[list->n_names++] = (struct tunnel_name){ name, len, t };
}

static void note_names(struct tunnels *list)
{
	size_t i, len, room = 0;
	const char *name, *rest;

	for (i = 0; i < list->n; i++) {
		struct tunnel *t = &list->t[i];

		note_name(list, &room, t->name, strlen(t->name), t);
		rest = t->altnames;
		while ((name = next_altname(&rest, &len)))
			note_name(list, &room, name, len, t);
	}
	if (list->names)
		qsort(list->names, list->n_names, sizeof(*list->names), compare_name);
}

/**
 * tunnel_of_name_len() - Find a tunnel by its name or one of its altnames
 * @list: the list; after a change of it tunnels_changed() has to be called
 * @name: the name
 * @len: its length
 *
 * Return: the tunnel, or NULL.
 */
struct tunnel *tunnel_of_name_len(struct tunnels *list, const char *name, size_t len)
{
	const struct tunnel_name key = { .name = name, .len = len };
	const struct tunnel_name *found;

	if (!list->names)
		note_names(list);
	if (!list->names)
		return NULL;
	found = bsearch(&key, list->names, list->n_names, sizeof(key), compare_name);
	return found ? found->t : NULL;
}

/**
 * tunnel_of_name() - Find a tunnel by its name or one of its altnames
 * @list: the list; after a change of it tunnels_changed() has to be called
 * @name: the name
 *
 * Return: the tunnel, or NULL.
 */
struct tunnel *tunnel_of_name(struct tunnels *list, const char *name)
{
	return tunnel_of_name_len(list, name, strlen(name));
}

/**
 * has_altname() - Check whether a name is one of a tunnel's altnames
 * @t: the tunnel
 * @name: the name
 *
 * Return: true if it is.
 */
bool has_altname(const struct tunnel *t, const char *name)
{
	const size_t wanted = strlen(name);
	const char *rest = t->altnames, *altname;
	size_t len;

	while ((altname = next_altname(&rest, &len))) {
		if (len == wanted && !memcmp(altname, name, len))
			return true;
	}
	return false;
}

/**
 * request_add() - Add a request to a list
 * @list: the list
 * @op: the operation
 * @t: the tunnel
 * @mask: BIT(P_*) of the properties to set
 *
 * Return: the request.
 */
struct request *request_add(struct requests *list, enum op op,
			    const struct tunnel *t, uint64_t mask)
{
	struct request *r;

	list->r = grow(list->r, list->n, &list->room, sizeof(*list->r));
	r = &list->r[list->n++];
	memset(r, 0, sizeof(*r));
	r->op = op;
	r->mask = mask;
	r->t = *t;
	return r;
}

/**
 * request_name() - Get the name of a request's tunnel
 * @r: the request
 *
 * Return: its name, or its requested name if it doesn't exist yet.
 */
const char *request_name(const struct request *r)
{
	return *r->t.name ? r->t.name : r->t.new_name;
}

static int compare_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/**
 * requests_name() - Name the new tunnels that have no name
 * @list: requests
 *
 * Each gets the next "ipip1", "ipip2", ... that neither a device nor another
 * request has.
 */
void requests_name(struct requests *list)
{
	unsigned int number = 1;
	const char **given = NULL, *name;
	size_t i, n = 0, room = 0;

	for (i = 0; i < list->n; i++) {
		given = grow(given, n, &room, sizeof(*given));
		given[n] = list->r[i].t.new_name;
		n += !!*given[n];
	}
	if (n)
		qsort(given, n, sizeof(*given), compare_string);
	for (i = 0; i < list->n; i++) {
		name = list->r[i].t.new_name;
		if (*name || list->r[i].op != OP_ADD)
			continue;
		do {
			snprintf(list->r[i].t.new_name, IFNAMSIZ, "ipip%u",
				 number++);
		} while ((n && bsearch(&name, given, n, sizeof(*given),
				       compare_string)) || if_nametoindex(name));
	}
	free(given);
}
