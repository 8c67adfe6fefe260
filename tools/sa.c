// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's security associations, from NETLINK_XFRM: whether there is one in each
 * direction between two hosts, no matter which program has negotiated them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
/* Included before the kernel's headers, which then omit their definitions. */
#include <net/if.h>
#include <netinet/in.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ipipctl.h"

#define SA_BUFFER	(64 * 1024)
#define XFRM_GROUPS	(XFRMGRP_SA | XFRMGRP_EXPIRE)

/**
 * struct sa - an association
 * @source: whose packets it is for, network byte order
 * @destination: where they go to, network byte order
 * @spi: its index, network byte order
 * @protocol: IPPROTO_ESP or IPPROTO_AH
 */
struct sa {
	uint32_t source;
	uint32_t destination;
	uint32_t spi;
	uint8_t protocol;
};

static struct {
	struct sa *sa;
	size_t n;
	size_t room;
} all;

static void forget(const struct sa *sa)
{
	size_t i;

	for (i = 0; i < all.n; i++) {
		if (all.sa[i].spi != sa->spi || all.sa[i].protocol != sa->protocol ||
		    all.sa[i].destination != sa->destination)
			continue;
		all.sa[i--] = all.sa[--all.n];
	}
}

static void note(const struct xfrm_usersa_info *info)
{
	const struct sa sa = {
		.source = info->saddr.a4, .destination = info->id.daddr.a4,
		.spi = info->id.spi, .protocol = info->id.proto,
	};

	if (info->family != AF_INET ||
	    (sa.protocol != IPPROTO_ESP && sa.protocol != IPPROTO_AH))
		return;
	forget(&sa);
	all.sa = grow(all.sa, all.n, &all.room, sizeof(*all.sa));
	all.sa[all.n++] = sa;
}

static void note_deletion(const struct xfrm_usersa_id *id)
{
	const struct sa sa = {
		.destination = id->daddr.a4, .spi = id->spi, .protocol = id->proto,
	};

	forget(&sa);
}

static void note_expiry(const struct xfrm_id *id)
{
	const struct sa sa = {
		.destination = id->daddr.a4, .spi = id->spi, .protocol = id->proto,
	};

	forget(&sa);
}

static void take(const struct nlmsghdr *nlh)
{
	const void *payload = mnl_nlmsg_get_payload(nlh);
	const struct xfrm_user_expire *expire = payload;
	const size_t len = mnl_nlmsg_get_payload_len(nlh);

	switch (nlh->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		if (len >= sizeof(struct xfrm_usersa_info))
			note(payload);
		break;
	case XFRM_MSG_DELSA:
		if (len >= sizeof(struct xfrm_usersa_id))
			note_deletion(payload);
		break;
	case XFRM_MSG_EXPIRE:
		if (len >= sizeof(*expire) && expire->hard)
			note_expiry(&expire->state.id);
		break;
	case XFRM_MSG_FLUSHSA:
		all.n = 0;
		break;
	}
}

/* Read all pending messages, or a dump to its end. Returns their number, or -errno. */
static int receive(struct mnl_socket *s, bool dump)
{
	static char buffer[SA_BUFFER];
	struct nlmsghdr *nlh;
	int len, n = 0;
	ssize_t got;

	for (;;) {
		got = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), dump ? 0 : MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return n;
		if (got < 0)
			return -errno;
		len = got;
		nlh = (struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len), n++) {
			if (dump && (nlh->nlmsg_type == NLMSG_DONE ||
				     nlh->nlmsg_type == NLMSG_ERROR))
				return n;
			take(nlh);
		}
	}
}

/* Notifications during the dump are processed as usual. Returns 0 or -errno. */
static int read_all(struct mnl_socket *s)
{
	char buffer[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	int n;

	all.n = 0;
	nlh->nlmsg_type = XFRM_MSG_GETSA;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = receive(s, true);
	return n < 0 ? n : 0;
}

/**
 * sas_listen() - Read the kernel's security associations, and subscribe to changes
 *
 * Return: the socket of the notifications, or NULL: CAP_NET_ADMIN and a kernel with IPsec
 * are required.
 */
struct mnl_socket *sas_listen(void)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);

	if (s && !mnl_socket_bind(s, XFRM_GROUPS, MNL_SOCKET_AUTOPID) && !read_all(s))
		return s;
	if (s)
		mnl_socket_close(s);
	return NULL;
}

/**
 * sas_changed() - Read notifications of changes
 * @s: socket of sas_listen()
 *
 * If the socket has overflowed, all associations are read again.
 *
 * Return: true if there was any.
 */
bool sas_changed(struct mnl_socket *s)
{
	int n = receive(s, false);

	if (n != -ENOBUFS)
		return n > 0;
	while (receive(s, false) == -ENOBUFS)
		;
	return !read_all(s);
}

/**
 * sas_between() - Check for an association in each direction
 * @local: address of this host, network byte order, or 0 for any
 * @remote: the other one
 *
 * Return: true if there is.
 */
bool sas_between(uint32_t local, uint32_t remote)
{
	bool in = false, out = false;
	size_t i;

	for (i = 0; remote && i < all.n; i++) {
		const struct sa *sa = &all.sa[i];

		if (sa->source == remote && (!local || sa->destination == local))
			in = true;
		if (sa->destination == remote && (!local || sa->source == local))
			out = true;
	}
	return in && out;
}
