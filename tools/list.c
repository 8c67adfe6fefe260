// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of tunnels and of requests, and finding in them without walking them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/**
 * grow() - Make room for one more element
 * @array: the array, or NULL
 * @n: elements in it
 * @room: elements that there is room for; updated
 * @size: of an element
 *
 * Ends the program when there is no memory.
 *
 * Return: the array.
 */
void *grow(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	array = reallocarray(array, *room, size);
	if (!array) {
		fail("memory", "%s", strerror(ENOMEM));
		exit(IPIPCTL_REFUSED);
	}
	return array;
}

/**
 * tunnel_add() - Put one more tunnel at the end of a list
 * @list: the list
 *
 * Return: the tunnel, all zero.
 */
struct tunnel *tunnel_add(struct tunnels *list)
{
	struct tunnel *t;

	list->t = grow(list->t, list->n, &list->room, sizeof(*list->t));
	t = &list->t[list->n++];
	memset(t, 0, sizeof(*t));
	return t;
}

/**
 * tunnels_free() - Free what a list holds
 * @list: the list, empty then
 */
void tunnels_free(struct tunnels *list)
{
	free(list->t);
	free(list->by_name);
	memset(list, 0, sizeof(*list));
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct tunnel *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/**
 * tunnels_number() - Sort a list by interface index and number its tunnels
 * @list: the list
 *
 * That is the order they were made in; Linux 6.1 dumps by a hash of the index.
 */
void tunnels_number(struct tunnels *list)
{
	size_t i;

	if (list->n)
		qsort(list->t, list->n, sizeof(*list->t), compare_ifindex);
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
	const struct tunnel *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/**
 * tunnel_of_name() - Find a tunnel by its name
 * @list: the list; it doesn't change any more
 * @name: the name
 *
 * Return: the tunnel, or NULL.
 */
struct tunnel *tunnel_of_name(struct tunnels *list, const char *name)
{
	struct tunnel key, *wanted = &key, **found;
	size_t i, room = list->n;

	if (!list->n || strlen(name) >= sizeof(key.name))
		return NULL;
	if (!list->by_name) {
		list->by_name = calloc(room, sizeof(*list->by_name));
		if (!list->by_name) {
			fail("memory", "%s", strerror(ENOMEM));
			exit(IPIPCTL_REFUSED);
		}
		for (i = 0; i < list->n; i++)
			list->by_name[i] = &list->t[i];
		qsort(list->by_name, list->n, sizeof(*list->by_name),
		      compare_name);
	}
	strcpy(key.name, name);
	found = bsearch(&wanted, list->by_name, list->n,
			sizeof(*list->by_name), compare_name);
	return found ? *found : NULL;
}

/**
 * request_add() - Note what is to be done
 * @list: where
 * @op: what
 * @t: with which tunnel
 * @mask: BIT(P_*) of what it sets
 *
 * Return: the request.
 */
struct request *request_add(struct requests *list, enum op op,
			    const struct tunnel *t, uint32_t mask)
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

static int compare_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/**
 * requests_name() - Name the new tunnels that nobody has named
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
