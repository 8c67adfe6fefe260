// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of hosts by their names, and of network devices.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <string.h>

#include "ipipctl.h"

static uint32_t address_of(const struct sockaddr *a)
{
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr;
}

/**
 * lookup_host() - Look up an IPv4 address of a host
 * @name: its name
 * @address: network byte order; it stays if it is among the host's addresses, otherwise it
 *	is set to the first of them
 *
 * Return: NULL, or why there is none; then @address stays.
 */
const char *lookup_host(const char *name, uint32_t *address)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found, *a;
	uint32_t first;
	bool has;
	int err;

	err = getaddrinfo(name, NULL, &hints, &found);
	switch (err) {
	case 0:
		break;
	case EAI_ADDRFAMILY:
	case EAI_NODATA:
		return "this host has no IPv4 address";
	default:
		return gai_strerror(err);
	}
	first = address_of(found->ai_addr);
	has = first == *address;
	for (a = found->ai_next; a && !has; a = a->ai_next)
		has = address_of(a->ai_addr) == *address;
	if (!has)
		*address = first;
	freeaddrinfo(found);
	return NULL;
}

/* The label of an address, as of ifconfig(8), begins with the device's name. */
static bool is_of_device(const struct ifaddrs *a, const char *name)
{
	const size_t len = strlen(name);

	return a->ifa_addr && a->ifa_addr->sa_family == AF_INET &&
	       !strncmp(a->ifa_name, name, len) &&
	       (!a->ifa_name[len] || a->ifa_name[len] == ':');
}

/**
 * lookup_device() - Look up an IPv4 address of a network device
 * @name: its name
 * @address: as for lookup_host()
 *
 * Return: NULL, or why there is none.
 */
const char *lookup_device(const char *name, uint32_t *address)
{
	const struct ifaddrs *a, *first = NULL;
	const char *why = NULL;
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return strerror(errno);
	for (a = all; a; a = a->ifa_next) {
		if (!is_of_device(a, name))
			continue;
		if (address_of(a->ifa_addr) == *address)
			break;
		first = first ?: a;
	}
	if (!a && !first)
		why = if_nametoindex(name) ? "this device has no IPv4 address" : "no such device";
	else
		*address = address_of((a ?: first)->ifa_addr);
	freeifaddrs(all);
	return why;
}
