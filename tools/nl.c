// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink through libmnl: one dump for what there is, one batch for what shall
 * be. What the kernel says of a refusal, and of which attribute, is kept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
/* Before the kernel's headers, which then leave out what it has. */
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

/* As much as is sent before the answers are read: they fit the socket. */
#define BATCH_SIZE	(64 * 1024)
#define BATCH_ROOM	4096	/* for one more message */
#define BATCH_REQUESTS	256
#define DUMP_SIZE	(64 * 1024)

const char *const counter_names[__IFLA_IPIP_XSTATS_MAX] = {
	[IFLA_IPIP_XSTATS_RX_PROTOCOL] = "rx_protocol",
	[IFLA_IPIP_XSTATS_RX_POLICY] = "rx_policy",
	[IFLA_IPIP_XSTATS_RX_NO_IPSEC] = "rx_no_ipsec",
	[IFLA_IPIP_XSTATS_RX_ECN] = "rx_ecn",
	[IFLA_IPIP_XSTATS_RX_NO_MEMORY] = "rx_no_memory",
	[IFLA_IPIP_XSTATS_TX_MALFORMED] = "tx_malformed",
	[IFLA_IPIP_XSTATS_TX_PROTOCOL] = "tx_protocol",
	[IFLA_IPIP_XSTATS_TX_NESTED] = "tx_nested",
	[IFLA_IPIP_XSTATS_TX_NO_NEXTHOP] = "tx_no_nexthop",
	[IFLA_IPIP_XSTATS_TX_NO_ROUTE] = "tx_no_route",
	[IFLA_IPIP_XSTATS_TX_LOOP] = "tx_loop",
	[IFLA_IPIP_XSTATS_TX_NO_IPSEC] = "tx_no_ipsec",
	[IFLA_IPIP_XSTATS_TX_TOO_BIG] = "tx_too_big",
	[IFLA_IPIP_XSTATS_TX_NO_MEMORY] = "tx_no_memory",
	[IFLA_IPIP_XSTATS_RX_MSS_CLAMPED] = "rx_mss_clamped",
	[IFLA_IPIP_XSTATS_TX_MSS_CLAMPED] = "tx_mss_clamped",
	[IFLA_IPIP_XSTATS_KEEPALIVE_SENT] = "keepalive_sent",
	[IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT] = "keepalive_unsent",
	[IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED] = "keepalive_answered",
	[IFLA_IPIP_XSTATS_KEEPALIVE_LATE] = "keepalive_late",
	[IFLA_IPIP_XSTATS_KEEPALIVE_FORGED] = "keepalive_forged",
	[IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED] = "keepalive_reflected",
	[IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED] = "keepalive_rate_limited",
	[IFLA_IPIP_XSTATS_TX_ENCAP] = "tx_encap",
	[IFLA_IPIP_XSTATS_RX_BACKLOG] = "rx_backlog",
};

static struct mnl_socket *nl;
static uint32_t seq;

/**
 * nl_open() - Open the socket that all requests use
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_open(void)
{
	const int on = 1, room = 8 << 20;

	if (nl)
		return 0;
	nl = mnl_socket_open(NETLINK_ROUTE);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		fail("netlink", "%s", strerror(errno));
		return IPIPCTL_REFUSED;
	}
	/* Kernels without one of these say less, or send more. */
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(nl, NETLINK_GET_STRICT_CHK, (void *)&on,
			      sizeof(on));
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room,
		   sizeof(room));
	seq = time(NULL);
	return 0;
}

/**
 * driver_is_ours() - Which driver owns the link kind?
 * @loaded: set to whether there is one
 *
 * Return: false if it is the in-tree one, which has no version.
 */
bool driver_is_ours(bool *loaded)
{
	*loaded = !access("/sys/module/ipip", F_OK);
	return !*loaded || !access("/sys/module/ipip/version", F_OK);
}

/* Attributes of a nest by type; what is larger than @max is left out. */
static void parse_nest(const struct nlattr *nest, const struct nlattr **tb,
		       unsigned int max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
}

/* Numbers of any width; 0 for what is absent or too short. */
static uint64_t get_number(const struct nlattr *attr)
{
	uint64_t value = 0;

	if (!attr)
		return 0;
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	case 8:
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	}
	return value;
}

static void get_string(const struct nlattr *attr, char *out, size_t size)
{
	if (attr)
		snprintf(out, size, "%.*s", (int)mnl_attr_get_payload_len(attr),
			 (const char *)mnl_attr_get_payload(attr));
}

static void read_ext(const struct nlattr *nest, struct tunnel *t)
{
	const struct nlattr *tb[IFLA_IPIP_EXT_MAX + 1];

	if (!nest)
		return;
	parse_nest(nest, tb, IFLA_IPIP_EXT_MAX);
	t->df = get_number(tb[IFLA_IPIP_EXT_DF]);
	t->clamp = get_number(tb[IFLA_IPIP_EXT_CLAMP_MSS]);
	t->mtu_auto = get_number(tb[IFLA_IPIP_EXT_MTU_AUTO]);
	t->require_ipsec = get_number(tb[IFLA_IPIP_EXT_REQUIRE_IPSEC]);
	t->keepalive_interval =
		get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_INTERVAL]);
	t->keepalive_retries = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_RETRIES]);
	t->keepalive_mode = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_MODE]);
	t->keepalive_target = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_TARGET]);
	t->keepalive_state = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_STATE]);
	t->keepalive_misses = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_MISSES]);
	if (tb[IFLA_IPIP_EXT_KEEPALIVE_AGE])
		t->keepalive_age = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_AGE]);
	if (tb[IFLA_IPIP_EXT_KEEPALIVE_RTT])
		t->keepalive_rtt = get_number(tb[IFLA_IPIP_EXT_KEEPALIVE_RTT]);
}

static void read_data(const struct nlattr *nest, struct tunnel *t)
{
	const struct nlattr *tb[IFLA_IPIP_EXT + 1];
	unsigned int tos, link;

	parse_nest(nest, tb, IFLA_IPIP_EXT);
	t->local = get_number(tb[IFLA_IPTUN_LOCAL]);
	t->remote = get_number(tb[IFLA_IPTUN_REMOTE]);
	t->ttl = get_number(tb[IFLA_IPTUN_TTL]);
	tos = get_number(tb[IFLA_IPTUN_TOS]);
	t->dscp = tos & 1 ? -1 : (int)(tos >> 2);
	t->mode = get_number(tb[IFLA_IPTUN_PROTO]);
	t->pmtudisc = get_number(tb[IFLA_IPTUN_PMTUDISC]);
	t->fwmark = get_number(tb[IFLA_IPTUN_FWMARK]);
	t->encap = get_number(tb[IFLA_IPTUN_ENCAP_TYPE]);
	t->encap_flags = get_number(tb[IFLA_IPTUN_ENCAP_FLAGS]);
	t->encap_sport = ntohs(get_number(tb[IFLA_IPTUN_ENCAP_SPORT]));
	t->encap_dport = ntohs(get_number(tb[IFLA_IPTUN_ENCAP_DPORT]));
	t->external = tb[IFLA_IPTUN_COLLECT_METADATA];
	link = get_number(tb[IFLA_IPTUN_LINK]);
	if (link && !if_indextoname(link, t->link))
		snprintf(t->link, sizeof(t->link), "if%u", link);
	read_ext(tb[IFLA_IPIP_EXT], t);
}

static void read_counters(const struct nlattr *nest, struct tunnel *t)
{
	const struct nlattr *tb[__IFLA_IPIP_XSTATS_MAX];
	unsigned int i;

	parse_nest(nest, tb, IFLA_IPIP_XSTATS_MAX);
	for (i = 0; i < __IFLA_IPIP_XSTATS_MAX; i++)
		t->counters[i] = get_number(tb[i]);
}

static void read_stats(const struct nlattr *attr, struct tunnel *t)
{
	size_t len;

	if (!attr)
		return;
	len = mnl_attr_get_payload_len(attr);
	if (len > sizeof(t->stats))
		len = sizeof(t->stats);
	memcpy(&t->stats, mnl_attr_get_payload(attr), len);
}

/* The tunnel that each netns has from the start was made by nobody: it is neither
 * numbered nor exported.
 */
static bool is_fallback(const struct tunnel *t)
{
	return !strcmp(t->name, "tunl0") && !t->local && !t->remote &&
	       !*t->link && !t->external;
}

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1] = {};
	const struct nlattr *info[IFLA_INFO_MAX + 1];
	struct tunnels *list = data;
	const struct nlattr *attr;
	struct tunnel *t;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
		if (mnl_attr_get_type(attr) <= IFLA_MAX)
			tb[mnl_attr_get_type(attr)] = attr;
	parse_nest(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	/* A kernel without strict checks sends all links. */
	if (!info[IFLA_INFO_KIND] ||
	    strcmp(mnl_attr_get_str(info[IFLA_INFO_KIND]), "ipip"))
		return MNL_CB_OK;

	t = tunnel_add(list);
	tunnel_defaults(t);
	t->df = IPIP_DF_LEGACY;
	t->clamp = 0;
	t->mtu_auto = false;
	t->keepalive_interval = 0;
	t->ifindex = ifi->ifi_index;
	t->disabled = !(ifi->ifi_flags & IFF_UP);
	t->running = !t->disabled && ifi->ifi_flags & IFF_RUNNING;
	get_string(tb[IFLA_IFNAME], t->name, sizeof(t->name));
	get_string(tb[IFLA_IFALIAS], t->comment, sizeof(t->comment));
	t->mtu = get_number(tb[IFLA_MTU]);
	read_data(info[IFLA_INFO_DATA], t);
	if (is_fallback(t)) {
		list->n--;
		return MNL_CB_OK;
	}
	read_counters(info[IFLA_INFO_XSTATS], t);
	read_stats(tb[IFLA_STATS64], t);
	return MNL_CB_OK;
}

static struct nlmsghdr *put_header(void *buffer, uint16_t type, uint16_t flags,
				   const struct tunnel *t)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	if (t)
		ifi->ifi_index = t->ifindex;
	return nlh;
}

/**
 * nl_dump() - Read all tunnels, in the order they were made
 * @list: filled
 * @stats: with the device's counters
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_dump(struct tunnels *list, bool stats)
{
	static char buffer[DUMP_SIZE];
	struct nlmsghdr *nlh;
	struct nlattr *info;
	ssize_t len = 0;
	int ret;

	ret = nl_open();
	if (ret)
		return ret;
	/* Changes of links while we read make the kernel say so: once more. */
	do {
		tunnels_free(list);
		nlh = put_header(buffer, RTM_GETLINK, NLM_F_DUMP, NULL);
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ipip");
		mnl_attr_nest_end(nlh, info);
		if (!stats)
			mnl_attr_put_u32(nlh, IFLA_EXT_MASK,
					 RTEXT_FILTER_SKIP_STATS);
		ret = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -1 : 1;
		while (ret > 0) {
			len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
			ret = len < 0 ? -1 :
				mnl_cb_run(buffer, len, seq,
					   mnl_socket_get_portid(nl), read_link,
					   list);
		}
	} while (ret < 0 && errno == EINTR);
	/* The kind isn't known before its module is loaded. */
	if (ret < 0 && errno != EOPNOTSUPP) {
		fail("netlink", "%s", strerror(errno));
		return IPIPCTL_REFUSED;
	}
	tunnels_number(list);
	ipsec_profiles(list);
	return 0;
}

/* The attributes of a request, and the property that each comes from. */
static const struct {
	uint16_t outer;
	uint16_t type;
	uint8_t property;
} attributes[] = {
	{ 0, IFLA_IFNAME, P_NAME },
	{ 0, IFLA_MTU, P_MTU },
	{ 0, IFLA_IFALIAS, P_COMMENT },
	{ IFLA_INFO_DATA, IFLA_IPTUN_LINK, P_LINK },
	{ IFLA_INFO_DATA, IFLA_IPTUN_LOCAL, P_LOCAL_ADDRESS },
	{ IFLA_INFO_DATA, IFLA_IPTUN_REMOTE, P_REMOTE_ADDRESS },
	{ IFLA_INFO_DATA, IFLA_IPTUN_TTL, P_TTL },
	{ IFLA_INFO_DATA, IFLA_IPTUN_TOS, P_DSCP },
	{ IFLA_INFO_DATA, IFLA_IPTUN_PROTO, P_MODE },
	{ IFLA_INFO_DATA, IFLA_IPTUN_PMTUDISC, P_DONT_FRAGMENT },
	{ IFLA_INFO_DATA, IFLA_IPTUN_FWMARK, P_FWMARK },
	{ IFLA_INFO_DATA, IFLA_IPTUN_ENCAP_TYPE, P_ENCAP },
	{ IFLA_INFO_DATA, IFLA_IPTUN_ENCAP_FLAGS, P_ENCAP_CSUM },
	{ IFLA_INFO_DATA, IFLA_IPTUN_ENCAP_SPORT, P_ENCAP_SPORT },
	{ IFLA_INFO_DATA, IFLA_IPTUN_ENCAP_DPORT, P_ENCAP_DPORT },
	{ IFLA_INFO_DATA, IFLA_IPTUN_COLLECT_METADATA, P_EXTERNAL },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_DF, P_DONT_FRAGMENT },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_CLAMP_MSS, P_CLAMP_TCP_MSS },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_MTU_AUTO, P_MTU },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_REQUIRE_IPSEC, P_REQUIRE_IPSEC },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_KEEPALIVE_INTERVAL, P_KEEPALIVE },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_KEEPALIVE_RETRIES, P_KEEPALIVE },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_KEEPALIVE_MODE, P_KEEPALIVE_MODE },
	{ IFLA_IPIP_EXT, IFLA_IPIP_EXT_KEEPALIVE_TARGET, P_KEEPALIVE_TARGET },
};

#define P_EXT	(BIT(P_DONT_FRAGMENT) | BIT(P_CLAMP_TCP_MSS) | BIT(P_MTU) | \
		 BIT(P_REQUIRE_IPSEC) | BIT(P_KEEPALIVE) | \
		 BIT(P_KEEPALIVE_MODE) | BIT(P_KEEPALIVE_TARGET))
#define P_FLAGS	(BIT(P_ENCAP_CSUM) | BIT(P_ENCAP_REMCSUM))
#define P_DATA	(P_EXT | P_FLAGS | BIT(P_ENCAP) | BIT(P_ENCAP_SPORT) | \
		 BIT(P_ENCAP_DPORT) | BIT(P_EXTERNAL) | BIT(P_LINK) | \
		 BIT(P_LOCAL_ADDRESS) | BIT(P_MODE) | BIT(P_REMOTE_ADDRESS) | \
		 BIT(P_TTL) | BIT(P_DSCP) | BIT(P_FWMARK))

static void put_ext(struct nlmsghdr *nlh, const struct tunnel *t, uint32_t mask)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, IFLA_IPIP_EXT);

	if (mask & BIT(P_DONT_FRAGMENT))
		mnl_attr_put_u8(nlh, IFLA_IPIP_EXT_DF, t->df);
	if (mask & BIT(P_CLAMP_TCP_MSS))
		mnl_attr_put_u8(nlh, IFLA_IPIP_EXT_CLAMP_MSS, t->clamp);
	if (mask & BIT(P_MTU))
		mnl_attr_put_u8(nlh, IFLA_IPIP_EXT_MTU_AUTO, t->mtu_auto);
	if (mask & BIT(P_REQUIRE_IPSEC))
		mnl_attr_put_u8(nlh, IFLA_IPIP_EXT_REQUIRE_IPSEC,
				t->require_ipsec);
	if (mask & BIT(P_KEEPALIVE)) {
		mnl_attr_put_u64(nlh, IFLA_IPIP_EXT_KEEPALIVE_INTERVAL,
				 t->keepalive_interval);
		mnl_attr_put_u32(nlh, IFLA_IPIP_EXT_KEEPALIVE_RETRIES,
				 t->keepalive_retries);
	}
	if (mask & BIT(P_KEEPALIVE_MODE))
		mnl_attr_put_u8(nlh, IFLA_IPIP_EXT_KEEPALIVE_MODE,
				t->keepalive_mode);
	if (mask & BIT(P_KEEPALIVE_TARGET))
		mnl_attr_put_u32(nlh, IFLA_IPIP_EXT_KEEPALIVE_TARGET,
				 t->keepalive_target);
	mnl_attr_nest_end(nlh, nest);
}

static void put_data(struct nlmsghdr *nlh, const struct tunnel *t, uint32_t mask)
{
	struct nlattr *info, *data;

	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ipip");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	if (mask & BIT(P_LINK))
		mnl_attr_put_u32(nlh, IFLA_IPTUN_LINK, *t->link ?
				 if_nametoindex(t->link) : 0);
	if (mask & BIT(P_LOCAL_ADDRESS))
		mnl_attr_put_u32(nlh, IFLA_IPTUN_LOCAL, t->local);
	if (mask & BIT(P_REMOTE_ADDRESS))
		mnl_attr_put_u32(nlh, IFLA_IPTUN_REMOTE, t->remote);
	if (mask & BIT(P_TTL))
		mnl_attr_put_u8(nlh, IFLA_IPTUN_TTL, t->ttl);
	if (mask & BIT(P_DSCP))
		mnl_attr_put_u8(nlh, IFLA_IPTUN_TOS,
				t->dscp < 0 ? 1 : t->dscp << 2);
	if (mask & BIT(P_MODE))
		mnl_attr_put_u8(nlh, IFLA_IPTUN_PROTO, t->mode);
	if (mask & BIT(P_DONT_FRAGMENT) && t->df == IPIP_DF_LEGACY)
		mnl_attr_put_u8(nlh, IFLA_IPTUN_PMTUDISC, t->pmtudisc);
	if (mask & BIT(P_FWMARK))
		mnl_attr_put_u32(nlh, IFLA_IPTUN_FWMARK, t->fwmark);
	if (mask & BIT(P_ENCAP))
		mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_TYPE, t->encap);
	if (mask & P_FLAGS)
		mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_FLAGS, t->encap_flags);
	if (mask & BIT(P_ENCAP_SPORT))
		mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_SPORT,
				 htons(t->encap_sport));
	if (mask & BIT(P_ENCAP_DPORT))
		mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_DPORT,
				 htons(t->encap_dport));
	if (mask & BIT(P_EXTERNAL) && t->external && !t->ifindex)
		mnl_attr_put(nlh, IFLA_IPTUN_COLLECT_METADATA, 0, NULL);
	if (mask & P_EXT)
		put_ext(nlh, t, mask);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

static void put_new(void *buffer, const struct request *r)
{
	const uint16_t create = r->op == OP_ADD ? NLM_F_CREATE | NLM_F_EXCL : 0;
	const struct tunnel *t = &r->t;
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;

	nlh = put_header(buffer, RTM_NEWLINK, NLM_F_ACK | create, t);
	if (r->mask & BIT(P_DISABLED)) {
		ifi = mnl_nlmsg_get_payload(nlh);
		ifi->ifi_flags = t->disabled ? 0 : IFF_UP;
		ifi->ifi_change = IFF_UP;
	}
	if (r->mask & BIT(P_NAME))
		mnl_attr_put_strz(nlh, IFLA_IFNAME, t->new_name);
	if (r->mask & BIT(P_MTU) && !t->mtu_auto)
		mnl_attr_put_u32(nlh, IFLA_MTU, t->mtu);
	if (r->mask & BIT(P_COMMENT) && r->op == OP_SET)
		mnl_attr_put_strz(nlh, IFLA_IFALIAS, t->comment);
	if (r->mask & P_DATA)
		put_data(nlh, t, r->mask);
}

/* A new link takes no alias along. */
static void put_comment(void *buffer, const struct tunnel *t)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_SETLINK, NLM_F_ACK, NULL);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, t->new_name);
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, t->comment);
}

static void put_remove(void *buffer, const struct tunnel *t)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_DELLINK, NLM_F_ACK, t);

	if (!t->ifindex)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, t->new_name);
}

/* What the kernel's attribute at @offset of a message is to us. */
static const char *attribute_name(const struct nlmsghdr *nlh, uint32_t offset)
{
	const struct nlattr *attr, *end = mnl_nlmsg_get_payload_tail(nlh);
	const struct nlattr *at = (const void *)((const char *)nlh + offset);
	uint16_t outer = 0, type;
	unsigned int i;

	attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct ifinfomsg));
	while (attr < at && attr < end) {
		const struct nlattr *next = mnl_attr_next(attr);

		if (at >= next) {
			attr = next;
			continue;
		}
		outer = mnl_attr_get_type(attr);
		attr = mnl_attr_get_payload(attr);
	}
	if (attr != at)
		return NULL;
	type = mnl_attr_get_type(attr);
	for (i = 0; i < ARRAY_SIZE(attributes); i++)
		if (attributes[i].outer == outer && attributes[i].type == type)
			return properties[attributes[i].property].name;
	return NULL;
}

/* What we know of an error that the kernel has no words for. */
static const char *explain(int error)
{
	bool loaded;

	switch (error) {
	case EPERM:
		return "Operation not permitted: it takes CAP_NET_ADMIN";
	case EOPNOTSUPP:
		driver_is_ours(&loaded);
		return loaded ? strerror(error) :
				"no driver: is the module ipip installed?";
	}
	return strerror(error);
}

static void note_error(struct request *r, const struct nlmsghdr *ack,
		       const struct nlmsghdr *sent)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(ack);
	const char *message = NULL, *name = NULL;
	const struct nlattr *attr;
	size_t skip = sizeof(*err);

	r->error = -err->error;
	if (!(ack->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	if (ack->nlmsg_flags & NLM_F_ACK_TLVS) {
		mnl_attr_for_each(attr, ack, skip) {
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				message = mnl_attr_get_str(attr);
			else if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
				name = attribute_name(sent,
						      mnl_attr_get_u32(attr));
		}
	}
	/* The kernel's words for an unknown kind, and for a name in use. */
	if (r->error == EOPNOTSUPP && message &&
	    !strcmp(message, "Unknown device type"))
		message = NULL;
	if (r->error == EEXIST && !message)
		message = "a device with this name exists";
	if (r->error == EBUSY && r->mask & BIT(P_NAME) && !message)
		message = "can't be renamed while it is enabled";
	snprintf(r->why, sizeof(r->why), "%s%s%s", name ?: "",
		 name ? ": " : "", message ?: explain(r->error));
}

/* A message that was sent, and what for. */
struct sent {
	struct request *r;
	size_t offset;
};

struct batch {
	struct mnl_nlmsg_batch *b;
	char buffer[BATCH_SIZE];
	struct sent sent[BATCH_REQUESTS * 2];
	unsigned int n;
	uint32_t first;
};

static void batch_note(struct batch *b, struct request *r)
{
	b->sent[b->n].r = r;
	b->sent[b->n].offset = mnl_nlmsg_batch_size(b->b);
	b->n++;
	mnl_nlmsg_batch_next(b->b);
}

static void batch_put(struct batch *b, struct request *r)
{
	if (!b->n)
		b->first = seq + 1;
	if (r->op == OP_REMOVE)
		put_remove(mnl_nlmsg_batch_current(b->b), &r->t);
	else
		put_new(mnl_nlmsg_batch_current(b->b), r);
	batch_note(b, r);
	if (r->op == OP_ADD && *r->t.comment) {
		put_comment(mnl_nlmsg_batch_current(b->b), &r->t);
		batch_note(b, r);
	}
}

static int batch_answer(struct batch *b, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const uint32_t i = nlh->nlmsg_seq - b->first;
	struct request *r;

	if (nlh->nlmsg_type != NLMSG_ERROR || i >= b->n)
		return 0;
	r = b->sent[i].r;
	if (!err->error)
		r->done = true;
	else if (!r->error)
		note_error(r, nlh, (void *)(b->buffer + b->sent[i].offset));
	return 1;
}

/* Send what is in the batch and wait for an answer to each message. */
static int batch_run(struct batch *b)
{
	static char buffer[DUMP_SIZE];
	unsigned int answers = 0;
	struct nlmsghdr *nlh;
	int len;

	if (!b->n)
		return 0;
	if (mnl_socket_sendto(nl, mnl_nlmsg_batch_head(b->b),
			      mnl_nlmsg_batch_size(b->b)) < 0)
		return -1;
	while (answers < b->n) {
		len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (len < 0)
			return -1;
		nlh = (struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			answers += batch_answer(b, nlh);
	}
	b->n = 0;
	mnl_nlmsg_batch_reset(b->b);
	return 0;
}

/**
 * nl_report() - Print what was refused, each once
 * @list: the requests
 * @source: file that they come from
 *
 * Return: 0, or an exit status if there is any.
 */
int nl_report(struct requests *list, const char *source)
{
	struct request *r;
	const char *name;
	char what[512];
	int failed = 0;

	for (r = list->r; r < list->r + list->n; r++) {
		if (!r->error)
			continue;
		failed = 1;
		if (r->reported)
			continue;
		r->reported = true;
		name = *r->t.name ? r->t.name : r->t.new_name;
		if (r->line)
			snprintf(what, sizeof(what), "%s:%u: %s", source, r->line,
				 name);
		else
			snprintf(what, sizeof(what), "%s", name);
		fail(what, "%s", r->why);
	}
	return failed ? IPIPCTL_REFUSED : 0;
}

static void progress(size_t done, size_t all)
{
	if (all >= 1000 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu of %zu%s", done, all,
			done == all ? "\n" : "");
}

static void request_undo(struct requests *undo, const struct request *r,
			 const struct tunnels *before)
{
	const struct tunnel *old;
	struct request *back;

	if (r->op == OP_ADD && r->done)
		request_add(undo, OP_REMOVE, &r->t, 0);
	if (r->op != OP_SET)
		return;
	old = tunnel_of_ifindex(before, r->t.ifindex);
	if (!old)
		return;
	back = request_add(undo, OP_SET, old, r->mask);
	strcpy(back->t.new_name, old->name);
}

/**
 * nl_undo() - Put things back as they were before some requests
 * @list: the requests
 * @before: those that OP_SET changes as they were, sorted by index
 */
void nl_undo(const struct requests *list, const struct tunnels *before)
{
	struct requests undo = {};
	size_t i;

	for (i = list->n; i-- > 0; )
		request_undo(&undo, &list->r[i], before);
	if (undo.n)
		nl_run(&undo, NULL, true, NULL);
	free(undo.r);
}

static bool has_failed(const struct requests *list, size_t from, size_t to)
{
	while (from < to)
		if (list->r[from++].error)
			return true;
	return false;
}

static int run_batches(struct requests *list, bool keep_going)
{
	static struct batch b;
	size_t i, from = 0;
	int ret = 0;

	b.n = 0;
	b.b = mnl_nlmsg_batch_start(b.buffer, sizeof(b.buffer));
	for (i = 0; i < list->n; i++) {
		batch_put(&b, &list->r[i]);
		if (i + 1 - from < BATCH_REQUESTS && i + 1 < list->n &&
		    mnl_nlmsg_batch_size(b.b) < BATCH_SIZE - BATCH_ROOM)
			continue;
		ret = batch_run(&b);
		if (ret)
			break;
		progress(i + 1, list->n);
		if (!keep_going && has_failed(list, from, i + 1))
			break;
		from = i + 1;
	}
	mnl_nlmsg_batch_stop(b.b);
	return ret;
}

/**
 * nl_run() - Carry requests out, all or none
 * @list: the requests; what came of each is noted there
 * @before: those that OP_SET changes as they were, sorted by index; or NULL if
 *	there are none
 * @keep_going: carry out what can be, though others are refused
 * @source: file that they come from, for errors; NULL to say nothing of any
 *
 * Netlink has no transaction: what was done before a refusal is undone.
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_run(struct requests *list, const struct tunnels *before, bool keep_going,
	   const char *source)
{
	int ret = nl_open();

	if (ret)
		return ret;
	if (run_batches(list, keep_going)) {
		fail("netlink", "%s", strerror(errno));
		ret = IPIPCTL_REFUSED;
	} else if (source) {
		ret = nl_report(list, source);
	}
	if (ret && !keep_going)
		nl_undo(list, before);
	return ret;
}
