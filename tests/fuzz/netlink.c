// SPDX-License-Identifier: GPL-2.0
/*
 * Makes, changes, reads and deletes tunnels by random messages, most of which are invalid: any
 * attribute with any value, length and nesting, truncated, for the wrong device, in the wrong
 * network namespace; and by random ioctls of `ip tunnel`.
 *
 *	netlink MESSAGES SEED [root | userns | nobody]
 *
 * Run in a network namespace, besides the two in /run/netns/g and /run/netns/h.
 * root: works in g and h. userns: works in a new user namespace and network namespace,
 * from which no device "userns<n>" may reach g or h. nobody: works in g without
 * capabilities; if the kernel accepts a change, the program ends with an error.
 *
 * Prints one line per million messages and, at the end, the number of answers by errno.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tunnel.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "if_ipip.h"
#include "known_ext.h"	/* made by tools/uapi.py */
#include "random.h"

#define ROOM		4096
#define PER_SEND	16

enum mode { MODE_ROOT, MODE_USERNS, MODE_NOBODY };

static const char *const mode_names[] = { "root", "userns", "nobody" };

/* A network namespace to work in. */
struct place {
	int netlink;
	int ioctl;
};

/* A request that is being built. */
struct message {
	unsigned char data[ROOM];
	unsigned int len;
};

/**
 * struct known - an attribute that the kernel knows
 * @type: number of the attribute
 * @len: length of its value, in bytes, at most 8
 * @every: one of so many messages contains it
 */
struct known {
	unsigned short type;
	unsigned short len;
	unsigned short every;
};

static const struct known known_tunnel[] = {
	{ IFLA_IPTUN_LINK, 4, 16 },
	{ IFLA_IPTUN_LOCAL, 4, 6 },
	{ IFLA_IPTUN_REMOTE, 4, 6 },
	{ IFLA_IPTUN_TTL, 1, 4 },
	{ IFLA_IPTUN_TOS, 1, 4 },
	{ IFLA_IPTUN_PROTO, 1, 8 },
	{ IFLA_IPTUN_PMTUDISC, 1, 4 },
	{ IFLA_IPTUN_ENCAP_TYPE, 2, 8 },
	{ IFLA_IPTUN_ENCAP_FLAGS, 2, 8 },
	{ IFLA_IPTUN_ENCAP_SPORT, 2, 4 },
	{ IFLA_IPTUN_ENCAP_DPORT, 2, 4 },
	{ IFLA_IPTUN_COLLECT_METADATA, 0, 32 },
	{ IFLA_IPTUN_FWMARK, 4, 4 },
	/* An attribute of other tunnel kinds. */
	{ IFLA_IPTUN_UNSPEC, 4, 64 },
	{ IFLA_IPTUN_ENCAP_LIMIT, 1, 64 },
	{ IFLA_IPTUN_FLOWINFO, 4, 64 },
	{ IFLA_IPTUN_FLAGS, 2, 64 },
	{ IFLA_IPTUN_6RD_PREFIX, 8, 64 },
	{ IFLA_IPTUN_6RD_RELAY_PREFIX, 4, 64 },
	{ IFLA_IPTUN_6RD_PREFIXLEN, 2, 64 },
	{ IFLA_IPTUN_6RD_RELAY_PREFIXLEN, 2, 64 },
};

static const struct known known_ext[] = {
	KNOWN_EXT
	{ IFLA_IPIP_EXT_UNSPEC, 4, 128 },
	{ IFLA_IPIP_EXT_PAD, 0, 128 },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static enum mode mode;
static int g_fd, h_fd;
static unsigned long long answers[256], unanswered, ioctls, ioctl_errors, dumps;

static void *put(struct message *m, unsigned int len)
{
	unsigned char *p = m->data + m->len;

	if (m->len + NLA_ALIGN(len) > ROOM)
		errx(1, "the message is too long");
	memset(p, 0, NLA_ALIGN(len));
	m->len += NLA_ALIGN(len);
	return p;
}

static struct nlattr *begin(struct message *m, unsigned int type)
{
	struct nlattr *attr = put(m, NLA_HDRLEN);

	attr->nla_type = type;
	return attr;
}

static void end(struct message *m, struct nlattr *attr)
{
	attr->nla_len = m->data + m->len - (unsigned char *)attr;
	if (one_in(256))
		attr->nla_len = random_edge();
	if (one_in(128))
		attr->nla_type ^= NLA_F_NESTED;
}

static void put_attr(struct message *m, unsigned int type, const void *value, unsigned int len)
{
	struct nlattr *attr = put(m, NLA_HDRLEN + len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy(attr + 1, value, len);
	if (one_in(256))
		attr->nla_len = random_edge();
}

static void put_value(struct message *m, unsigned int type, uint64_t value, unsigned int len)
{
	/* Only the low bytes: this runs on little-endian machines. */
	put_attr(m, type, &value, len);
}

/* An attribute in network byte order. */
static uint32_t random_address(unsigned int net)
{
	switch (random_below(12)) {
	case 0:
		return random_u64();
	case 1:
		return 0;
	case 2:
		return htonl(0xe0000005);
	default:
		return htonl(10 << 24 | net << 16 | (1 + random_below(20)));
	}
}

static uint64_t sensible(unsigned int type)
{
	switch (type) {
	case IFLA_IPTUN_LOCAL:
		return random_address(1);
	case IFLA_IPTUN_REMOTE:
		return random_address(2);
	case IFLA_IPTUN_PROTO:
		return one_in(2) ? 4 : one_in(2) ? 137 : 0;
	case IFLA_IPTUN_ENCAP_TYPE:
		return random_below(3);
	case IFLA_IPTUN_PMTUDISC:
		return !one_in(4);
	case IFLA_IPTUN_LINK:
		return one_in(2) ? 0 : random_below(40);
	default:
		return random_edge();
	}
}

static uint64_t sensible_ext(unsigned int type)
{
	switch (type) {
	FLAGS_EXT
		return random_below(one_in(32) ? 256 : 2);
	case IFLA_IPIP_EXT_DF:
	case IFLA_IPIP_EXT_CLAMP_MSS:
		return random_below(one_in(32) ? 256 : 4);
	case IFLA_IPIP_EXT_KEEPALIVE_INTERVAL:
		return one_in(3) ? 0 : 100 + random_below(2000);
	case IFLA_IPIP_EXT_KEEPALIVE_MODE:
		return random_below(one_in(32) ? 256 : 3);
	case IFLA_IPIP_EXT_KEEPALIVE_RETRIES:
		return one_in(32) ? 0 : random_edge();
	case IFLA_IPIP_EXT_LOCAL_NAME:	/* "" */
		return 0;
	case IFLA_IPIP_EXT_REMOTE_NAME:	/* up to 7 bytes */
		return random_u64() >> 8;
	case IFLA_IPIP_EXT_KEEPALIVE_TARGET:
	case IFLA_IPIP_EXT_KEEPALIVE_SOURCE:
		return random_address(2);
	default:
		return random_edge();
	}
}

static void put_known(struct message *m, const struct known *known, unsigned int n,
		      uint64_t (*value)(unsigned int type))
{
	unsigned char noise[64];
	unsigned int i, len;

	for (i = 0; i < n; i++) {
		if (!one_in(known[i].every))
			continue;
		if (one_in(128)) {
			len = random_below(sizeof(noise));
			random_bytes(noise, len);
			put_attr(m, one_in(2) ? known[i].type : random_u64(), noise, len);
		} else {
			put_value(m, known[i].type, value(known[i].type), known[i].len);
		}
	}
}

static void put_data(struct message *m)
{
	struct nlattr *data = begin(m, IFLA_INFO_DATA), *nest;

	/* In most messages the addresses, which identify the tunnel. */
	if (one_in(2)) {
		put_value(m, IFLA_IPTUN_LOCAL, random_address(1), 4);
		put_value(m, IFLA_IPTUN_REMOTE, random_address(2), 4);
	}
	put_known(m, known_tunnel, COUNT(known_tunnel), sensible);
	if (!one_in(3)) {
		nest = begin(m, IFLA_IPIP_EXT | (one_in(32) ? 0 : NLA_F_NESTED));
		put_known(m, known_ext, COUNT(known_ext), sensible_ext);
		end(m, nest);
	}
	end(m, data);
}

/* The name shows that a device was made in the user namespace, wherever it is found. */
static const char *random_name(void)
{
	if (mode == MODE_USERNS)
		return "userns%u";
	return one_in(4) ? "t%u" : "z%u";
}

static void put_name(struct message *m)
{
	char name[32];
	int len;

	len = snprintf(name, sizeof(name), random_name(), random_below(24));
	if (one_in(32))
		len = snprintf(name, sizeof(name), "tunl0");
	if (one_in(256)) {
		len = random_below(sizeof(name));
		random_bytes(name, len);
	}
	put_attr(m, IFLA_IFNAME, name, len + 1);
}

static void put_netns(struct message *m)
{
	switch (random_below(4)) {
	case 0:
		put_value(m, IFLA_NET_NS_FD, one_in(2) ? g_fd : h_fd, 4);
		break;
	case 1:
		put_value(m, IFLA_NET_NS_PID, one_in(2) ? 1 : random_u64(), 4);
		break;
	case 2:
		put_value(m, IFLA_LINK_NETNSID, random_below(4), 4);
		break;
	case 3:
		put_value(m, IFLA_TARGET_NETNSID, random_below(4), 4);
		break;
	}
}

/* Always a name: a tunnel that the kernel names would never be deleted. */
static void put_link(struct message *m, bool info, unsigned int nameless)
{
	static const char *const kinds[] = { "ipip", "ipip", "ipip", "ipip", "ipip", "ipip", "sit",
					     "ipipx", "" };
	struct nlattr *linkinfo;
	const char *kind;

	if (!one_in(nameless))
		put_name(m);
	if (one_in(16))
		put_value(m, IFLA_MTU, one_in(4) ? random_edge() : 68 + random_below(1500), 4);
	if (one_in(64))
		put_value(m, IFLA_ADDRESS, random_u64(), random_below(9));
	if (one_in(64))
		put_value(m, IFLA_TXQLEN, random_edge(), 4);
	if (one_in(64))
		put_value(m, IFLA_CARRIER, random_below(3), 1);
	/* Rarely, since each of these waits for grace periods, as down and deletion do. */
	if (one_in(512))
		put_netns(m);
	if (!info)
		return;
	kind = kinds[one_in(32) ? random_below(COUNT(kinds)) : 0];
	linkinfo = begin(m, IFLA_LINKINFO);
	put_attr(m, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	if (!one_in(32))
		put_data(m);
	end(m, linkinfo);
}

static void build(struct message *m)
{
	const unsigned int start = m->len;
	struct nlmsghdr *nlh = put(m, NLMSG_HDRLEN);
	struct ifinfomsg *ifi = put(m, sizeof(*ifi));
	const unsigned int what = random_below(4000);

	nlh->nlmsg_flags = NLM_F_REQUEST;
	if (mode == MODE_NOBODY)
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (one_in(64))
		ifi->ifi_index = random_below(100);
	if (one_in(64)) {
		ifi->ifi_change = IFF_UP;
		ifi->ifi_flags = one_in(16) ? 0 : IFF_UP;
	}
	if (what < 2) {
		nlh->nlmsg_type = RTM_DELLINK;
		put_link(m, false, 32);
	} else if (what < 200) {
		nlh->nlmsg_type = RTM_GETLINK;
		put_link(m, one_in(2), 32);
		if (one_in(256))
			nlh->nlmsg_flags |= NLM_F_DUMP;
	} else if (what < 280) {
		nlh->nlmsg_type = RTM_SETLINK;
		put_link(m, true, 32);
	} else if (what < 320) {
		nlh->nlmsg_type = RTM_GETSTATS;
		put_link(m, false, 32);
	} else {
		nlh->nlmsg_type = RTM_NEWLINK;
		if (one_in(4))
			nlh->nlmsg_flags |= NLM_F_CREATE;
		if (one_in(32))
			nlh->nlmsg_flags |= random_u64() & 0xf00;
		put_link(m, true, 4096);
	}
	nlh->nlmsg_len = m->len - start;
	if (one_in(128))
		m->data[start + NLMSG_HDRLEN + random_below(nlh->nlmsg_len - NLMSG_HDRLEN)] =
			random_u64();
	if (one_in(256))
		nlh->nlmsg_len -= random_below(nlh->nlmsg_len - NLMSG_HDRLEN);
	nlh->nlmsg_seq = nlh->nlmsg_type;
	m->len = start + NLMSG_ALIGN(nlh->nlmsg_len);
}

static bool changes(unsigned int type)
{
	return type == RTM_NEWLINK || type == RTM_DELLINK || type == RTM_SETLINK;
}

static void note(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *answer = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type != NLMSG_ERROR)
		return;
	if (answer->error <= -256 || answer->error > 0)
		errx(1, "answered with %d", answer->error);
	answers[-answer->error]++;
	if (mode == MODE_NOBODY && !answer->error && changes(nlh->nlmsg_seq))
		errx(1, "the kernel accepted a request of type %u from nobody", nlh->nlmsg_seq);
}

static void drain(const struct place *place)
{
	static unsigned char data[1 << 17];
	struct nlmsghdr *nlh;
	ssize_t len;

	for (;;) {
		len = recv(place->netlink, data, sizeof(data), MSG_DONTWAIT);
		if (len < 0 && errno == ENOBUFS)
			continue;
		if (len <= 0)
			return;
		for (nlh = (void *)data; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			note(nlh);
			dumps += nlh->nlmsg_type == RTM_NEWLINK;
		}
	}
}

static unsigned int send_some(const struct place *place)
{
	struct message m = { .len = 0 };
	unsigned int n = 0;

	while (n < PER_SEND && m.len < ROOM / 2) {
		build(&m);
		n++;
	}
	if (send(place->netlink, m.data, m.len, 0) < 0)
		unanswered += n;
	drain(place);
	return n;
}

/* An ioctl of `ip tunnel`. */
static void send_ioctl(const struct place *place)
{
	static const int commands[] = {
		SIOCGETTUNNEL, SIOCADDTUNNEL, SIOCCHGTUNNEL, SIOCCHGTUNNEL, SIOCDELTUNNEL,
	};
	const int command = commands[one_in(8) ? random_below(5) : random_below(4)];
	struct ip_tunnel_parm p = {
		.link		= one_in(4) ? random_below(40) : 0,
		.iph.version	= one_in(64) ? random_u64() : 4,
		.iph.ihl	= one_in(64) ? random_u64() : 5,
		.iph.protocol	= one_in(16) ? random_u64() : IPPROTO_IPIP,
		.iph.ttl	= random_edge(),
		.iph.tos	= random_edge(),
		.iph.frag_off	= one_in(2) ? htons(0x4000) : one_in(8) ? random_u64() : 0,
		.iph.saddr	= random_address(1),
		.iph.daddr	= random_address(2),
	};
	struct ifreq ifr = { .ifr_ifru.ifru_data = one_in(256) ? NULL : (void *)&p };
	unsigned int i = random_below(24);

	if (command == SIOCDELTUNNEL && !one_in(128))
		return;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), one_in(2) ? "tunl0" : "z%u", i);
	snprintf(p.name, sizeof(p.name), one_in(256) ? "" : "z%u", random_below(24));
	if (one_in(128))
		random_bytes(p.name, sizeof(p.name));
	ioctls++;
	if (ioctl(place->ioctl, command, &ifr) < 0) {
		ioctl_errors++;
		return;
	}
	if (mode == MODE_NOBODY && command != SIOCGETTUNNEL)
		errx(1, "the kernel accepted an ioctl from nobody");
}

static void open_place(struct place *place)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	const int one = 1, size = 1 << 22;

	place->netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	place->ioctl = socket(AF_INET, SOCK_DGRAM, 0);
	if (place->netlink < 0 || place->ioctl < 0 ||
	    bind(place->netlink, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(place->netlink, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    setsockopt(place->netlink, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(place->netlink, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		err(1, "netlink");
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		err(1, "setns");
}

static unsigned int open_places(struct place *places)
{
	g_fd = open("/run/netns/g", O_RDONLY);
	h_fd = open("/run/netns/h", O_RDONLY);
	if (g_fd < 0 || h_fd < 0)
		err(1, "/run/netns");
	if (mode == MODE_USERNS) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			err(1, "unshare");
		open_place(&places[0]);
		return 1;
	}
	enter(g_fd);
	if (mode == MODE_NOBODY && (setgid(65534) || setuid(65534)))
		err(1, "setuid");
	open_place(&places[0]);
	if (mode == MODE_NOBODY)
		return 1;
	enter(h_fd);
	open_place(&places[1]);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long long messages, sent = 0, next = 1000000;
	const time_t start = time(NULL);
	const struct place *place;
	struct place places[2];
	unsigned int n, i;

	if (argc != 4)
		errx(2, "usage: netlink MESSAGES SEED root|userns|nobody");
	messages = strtoull(argv[1], NULL, 0);
	random_seed(strtoull(argv[2], NULL, 0));
	while (mode < COUNT(mode_names) && strcmp(argv[3], mode_names[mode]))
		mode++;
	if (mode == COUNT(mode_names))
		errx(2, "unknown mode '%s'", argv[3]);
	n = open_places(places);

	while (sent + ioctls < messages) {
		place = &places[one_in(4) ? random_below(n) : 0];
		sent += send_some(place);
		for (i = random_below(4); i--;)
			send_ioctl(place);
		if (sent + ioctls >= next) {
			printf("# %s: %llu messages in %ld s\n", mode_names[mode], sent + ioctls,
			       (long)(time(NULL) - start));
			fflush(stdout);
			next += 1000000;
		}
	}
	for (i = 0; i < COUNT(answers); i++) {
		if (answers[i])
			printf("answer_%s=%llu\n", i ? strerrorname_np(i) : "ok", answers[i]);
	}
	printf("messages=%llu\nioctls=%llu\nioctl_errors=%llu\nunsent=%llu\nlinks_read=%llu\n"
	       "seconds=%ld\n", sent, ioctls, ioctl_errors, unanswered, dumps,
	       (long)(time(NULL) - start));
	return 0;
}
