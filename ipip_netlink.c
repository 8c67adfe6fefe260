// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the rtnetlink link kind "ipip".
 *
 * Everything that changes something runs in process context under RTNL. A request
 * is parsed into a configuration of its own and checked as a whole before any of
 * it takes effect, and each refusal names the attribute.
 */
#include <linux/if_tunnel.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "ipip.h"
#include "ipip_compat.h"

static const struct nla_policy ipip_policy[IFLA_IPTUN_MAX + 1] = {
	[IFLA_IPTUN_LINK]		= { .type = NLA_U32 },
	[IFLA_IPTUN_LOCAL]		= { .type = NLA_U32 },
	[IFLA_IPTUN_REMOTE]		= { .type = NLA_U32 },
	[IFLA_IPTUN_TTL]		= { .type = NLA_U8 },
	[IFLA_IPTUN_TOS]		= { .type = NLA_U8 },
	[IFLA_IPTUN_PROTO]		= { .type = NLA_U8 },
	[IFLA_IPTUN_PMTUDISC]		= { .type = NLA_U8 },
	[IFLA_IPTUN_ENCAP_TYPE]		= { .type = NLA_U16 },
	[IFLA_IPTUN_ENCAP_FLAGS]	= { .type = NLA_U16 },
	[IFLA_IPTUN_ENCAP_SPORT]	= { .type = NLA_U16 },
	[IFLA_IPTUN_ENCAP_DPORT]	= { .type = NLA_U16 },
	[IFLA_IPTUN_COLLECT_METADATA]	= { .type = NLA_FLAG },
	[IFLA_IPTUN_FWMARK]		= { .type = NLA_U32 },
};

static int ipip_validate(struct nlattr *tb[], struct nlattr *data[],
			 struct netlink_ext_ack *extack)
{
	if (!data || !data[IFLA_IPTUN_PROTO])
		return 0;

	switch (nla_get_u8(data[IFLA_IPTUN_PROTO])) {
	case 0:
	case IPPROTO_IPIP:
	case IPPROTO_MPLS:
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_PROTO],
			    "proto must be 4 (ipip), 137 (mplsip) or 0 (any)");
	return -EINVAL;
}

static int ipip_check_unsupported(struct nlattr *data[],
				  struct netlink_ext_ack *extack)
{
	const struct nlattr *encap = data[IFLA_IPTUN_ENCAP_TYPE];

	if (encap && nla_get_u16(encap) != TUNNEL_ENCAP_NONE) {
		NL_SET_ERR_MSG_ATTR(extack, encap,
				    "encap type is not supported");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* iproute2 reads a tunnel, changes what the user wants changed, and sends the
 * whole again, but leaves out an address that is 0: for it, absent is "any".
 */
static bool ipip_is_whole(struct nlattr *data[])
{
	return data[IFLA_IPTUN_LINK] && data[IFLA_IPTUN_TTL] &&
	       data[IFLA_IPTUN_TOS] && data[IFLA_IPTUN_PMTUDISC];
}

/* Put what the request carries over what @parms has already. */
static void ipip_parse(struct nlattr *data[], struct ipip_parms *parms)
{
	if (data[IFLA_IPTUN_LINK])
		parms->link = nla_get_u32(data[IFLA_IPTUN_LINK]);
	if (data[IFLA_IPTUN_LOCAL])
		parms->outer.saddr = nla_get_in_addr(data[IFLA_IPTUN_LOCAL]);
	else if (ipip_is_whole(data))
		parms->outer.saddr = htonl(INADDR_ANY);
	if (data[IFLA_IPTUN_REMOTE])
		parms->outer.daddr = nla_get_in_addr(data[IFLA_IPTUN_REMOTE]);
	else if (ipip_is_whole(data))
		parms->outer.daddr = htonl(INADDR_ANY);
	if (data[IFLA_IPTUN_PMTUDISC])
		parms->outer.frag_off = nla_get_u8(data[IFLA_IPTUN_PMTUDISC]) ?
					htons(IP_DF) : 0;
	if (data[IFLA_IPTUN_TTL])
		parms->outer.ttl = nla_get_u8(data[IFLA_IPTUN_TTL]);
	/* A packet that loops through the tunnel grows each time. With a fixed
	 * TTL nothing but DF ends that.
	 */
	if (parms->outer.ttl)
		parms->outer.frag_off = htons(IP_DF);
	if (data[IFLA_IPTUN_TOS])
		parms->tos = nla_get_u8(data[IFLA_IPTUN_TOS]);
	if (data[IFLA_IPTUN_FWMARK])
		parms->fwmark = nla_get_u32(data[IFLA_IPTUN_FWMARK]);
}

static int ipip_check_unique(const struct net *net, struct nlattr *data[],
			     const struct ipip_parms *parms,
			     struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = NULL;

	if (!ipip_exists(net, parms))
		return 0;
	if (data)
		attr = data[IFLA_IPTUN_REMOTE] ?: data[IFLA_IPTUN_LOCAL] ?:
		       data[IFLA_IPTUN_LINK];
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "a tunnel with this local, remote and link exists");
	return -EEXIST;
}

static int ipip_newlink(struct net *src_net, struct net_device *dev,
			struct nlattr *tb[], struct nlattr *data[],
			struct netlink_ext_ack *extack)
{
	struct net *net = dev_net(dev);
	struct ipip_parms *parms;
	int err;

	parms = ipip_parms_alloc(dev, NULL);
	if (!parms)
		return -ENOMEM;

	if (data) {
		err = ipip_check_unsupported(data, extack);
		if (err)
			goto err_parms;
		if (data[IFLA_IPTUN_COLLECT_METADATA]) {
			NL_SET_ERR_MSG_ATTR(extack,
					    data[IFLA_IPTUN_COLLECT_METADATA],
					    "external mode is not supported");
			err = -EOPNOTSUPP;
			goto err_parms;
		}
		ipip_parse(data, parms);
		if (data[IFLA_IPTUN_PROTO])
			parms->proto = nla_get_u8(data[IFLA_IPTUN_PROTO]);
	}

	err = ipip_check_unique(net, data, parms, extack);
	if (err)
		goto err_parms;
	return ipip_create(dev, net, parms, tb[IFLA_MTU]);

err_parms:
	ipip_parms_free(parms);
	return err;
}

/* Whether a tunnel is point-to-point shows in the flags of its device and is
 * settled when it is made, and so is external mode.
 */
static int ipip_check_change(const struct net_device *dev,
			     struct nlattr *data[],
			     const struct ipip_parms *old,
			     const struct ipip_parms *new,
			     struct netlink_ext_ack *extack)
{
	const bool p2p = dev->flags & IFF_POINTOPOINT;

	if (data[IFLA_IPTUN_COLLECT_METADATA]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_COLLECT_METADATA],
				    "external mode can't be changed");
		return -EINVAL;
	}
	if (p2p != !!new->outer.daddr) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_REMOTE],
				    "remote can't be set or unset after creation");
		return -EINVAL;
	}
	if (ipv4_is_multicast(new->outer.daddr) &&
	    (new->outer.daddr != old->outer.daddr ||
	     new->outer.saddr != old->outer.saddr || new->link != old->link)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_REMOTE],
				    "remote is a group: set at creation only");
		return -EINVAL;
	}
	return 0;
}

static int ipip_changelink(struct net_device *dev, struct nlattr *tb[],
			   struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *old = rtnl_dereference(tunnel->parms);
	struct ipip_parms *parms;
	int err;

	if (!ipip_compat_link_net_capable(dev, tunnel->net)) {
		NL_SET_ERR_MSG(extack, "the tunnel's underlay is in a netns of another owner");
		return -EPERM;
	}
	if (!data)
		return 0;
	err = ipip_check_unsupported(data, extack);
	if (err)
		return err;

	parms = ipip_parms_alloc(dev, old);
	if (!parms)
		return -ENOMEM;
	ipip_parse(data, parms);
	err = ipip_check_change(dev, data, old, parms, extack);
	if (!err)
		err = ipip_check_unique(tunnel->net, data, parms, extack);
	if (err)
		goto err_parms;
	return ipip_change(dev, parms, tb[IFLA_MTU]);

err_parms:
	ipip_parms_free(parms);
	return err;
}

static size_t ipip_get_size(const struct net_device *dev)
{
	return nla_total_size(4) +	/* IFLA_IPTUN_LINK */
	       nla_total_size(4) +	/* IFLA_IPTUN_LOCAL */
	       nla_total_size(4) +	/* IFLA_IPTUN_REMOTE */
	       nla_total_size(1) +	/* IFLA_IPTUN_TTL */
	       nla_total_size(1) +	/* IFLA_IPTUN_TOS */
	       nla_total_size(1) +	/* IFLA_IPTUN_PROTO */
	       nla_total_size(1) +	/* IFLA_IPTUN_PMTUDISC */
	       nla_total_size(4) +	/* IFLA_IPTUN_FWMARK */
	       nla_total_size(2) +	/* IFLA_IPTUN_ENCAP_TYPE */
	       nla_total_size(2) +	/* IFLA_IPTUN_ENCAP_SPORT */
	       nla_total_size(2) +	/* IFLA_IPTUN_ENCAP_DPORT */
	       nla_total_size(2);	/* IFLA_IPTUN_ENCAP_FLAGS */
}

static int ipip_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rtnl_dereference(tunnel->parms);

	if (nla_put_u32(skb, IFLA_IPTUN_LINK, parms->link) ||
	    nla_put_in_addr(skb, IFLA_IPTUN_LOCAL, parms->outer.saddr) ||
	    nla_put_in_addr(skb, IFLA_IPTUN_REMOTE, parms->outer.daddr) ||
	    nla_put_u8(skb, IFLA_IPTUN_TTL, parms->outer.ttl) ||
	    nla_put_u8(skb, IFLA_IPTUN_TOS, parms->tos) ||
	    nla_put_u8(skb, IFLA_IPTUN_PROTO, parms->proto) ||
	    nla_put_u8(skb, IFLA_IPTUN_PMTUDISC, !!parms->outer.frag_off) ||
	    nla_put_u32(skb, IFLA_IPTUN_FWMARK, parms->fwmark) ||
	    nla_put_u16(skb, IFLA_IPTUN_ENCAP_TYPE, TUNNEL_ENCAP_NONE) ||
	    nla_put_be16(skb, IFLA_IPTUN_ENCAP_SPORT, 0) ||
	    nla_put_be16(skb, IFLA_IPTUN_ENCAP_DPORT, 0) ||
	    nla_put_u16(skb, IFLA_IPTUN_ENCAP_FLAGS, 0))
		return -EMSGSIZE;
	return 0;
}

static struct net *ipip_get_link_net(const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);

	return tunnel->net;
}

struct rtnl_link_ops ipip_link_ops __read_mostly = {
	.kind		= "ipip",
	.maxtype	= IFLA_IPTUN_MAX,
	.policy		= ipip_policy,
	.priv_size	= sizeof(struct ipip_tunnel),
	.setup		= ipip_setup,
	.validate	= ipip_validate,
	.newlink	= ipip_newlink,
	.changelink	= ipip_changelink,
	.dellink	= unregister_netdevice_queue,
	.get_size	= ipip_get_size,
	.fill_info	= ipip_fill_info,
	.get_link_net	= ipip_get_link_net,
};
