// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the rtnetlink link kind "ipip", and the ioctls of `ip tunnel`.
 *
 * All of this runs in process context under RTNL. A request is parsed into a new
 * configuration, which is checked as a whole before any of it takes effect. If it is
 * refused, the extended acknowledgment names the attribute at fault.
 */
#include <linux/if_tunnel.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "ipip.h"

static const struct nla_policy ipip_policy[IFLA_IPIP_EXT + 1] = {
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
	[IFLA_IPIP_EXT]			= { .type = NLA_NESTED },
};

#define IPIP_READ_ONLY \
	{ .type = NLA_REJECT, .reject_message = "attribute is read-only" }

static const struct nla_policy ipip_ext_policy[IFLA_IPIP_EXT_MAX + 1] = {
	[IFLA_IPIP_EXT_UNSPEC]		= { .type = NLA_REJECT },
	[IFLA_IPIP_EXT_PAD]		= { .type = NLA_REJECT },
	[IFLA_IPIP_EXT_DF]		= NLA_POLICY_MAX(NLA_U8, IPIP_DF_MAX),
	[IFLA_IPIP_EXT_CLAMP_MSS]	= NLA_POLICY_MAX(NLA_U8, IPIP_CLAMP_RX |
								 IPIP_CLAMP_TX),
	[IFLA_IPIP_EXT_MTU_AUTO]	= NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_IPIP_EXT_REQUIRE_IPSEC]	= NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_IPIP_EXT_KEEPALIVE_INTERVAL] = { .type = NLA_U64 },
	[IFLA_IPIP_EXT_KEEPALIVE_RETRIES] = NLA_POLICY_MIN(NLA_U32, 1),
	[IFLA_IPIP_EXT_KEEPALIVE_MODE]	=
		NLA_POLICY_MAX(NLA_U8, IPIP_KEEPALIVE_MODE_MAX),
	[IFLA_IPIP_EXT_KEEPALIVE_TARGET] = { .type = NLA_U32 },
	[IFLA_IPIP_EXT_KEEPALIVE_STATE]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_MISSES] = IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_AGE]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_RTT]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_ANSWER] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_IPIP_EXT_LINK_NAME]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_SOURCE] = { .type = NLA_U32 },
	[IFLA_IPIP_EXT_FAST_PATH]	= NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_IPIP_EXT_LOCAL_NAME]	= { .type = NLA_NUL_STRING,
					    .len = IPIP_NAME_MAX },
	[IFLA_IPIP_EXT_REMOTE_NAME]	= { .type = NLA_NUL_STRING,
					    .len = IPIP_NAME_MAX },
	[IFLA_IPIP_EXT_MTU_STATE]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_MTU_MEASURED]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_MTU_AGE]		= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE] = IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_SRTT]	= IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_RTTVAR] = IPIP_READ_ONLY,
	[IFLA_IPIP_EXT_KEEPALIVE_LOSS]	= IPIP_READ_ONLY,
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

/* Check whether the request carries the whole configuration, like those of iproute2.
 * iproute2 reads a tunnel and sends all of it back with the user's changes, but omits an
 * address that is 0. So in its requests an absent address means "any". In a request with
 * this driver's own attributes an absent attribute means "keep".
 */
static bool ipip_is_whole(struct nlattr *data[])
{
	return data[IFLA_IPTUN_LINK] && data[IFLA_IPTUN_TTL] &&
	       data[IFLA_IPTUN_TOS] && data[IFLA_IPTUN_PMTUDISC] &&
	       !data[IFLA_IPIP_EXT];
}

/* Set the TTL and IFLA_IPTUN_PMTUDISC of a request. Programs send back the value that they
 * have read, and iproute2 sends 1 with a fixed TTL: neither is meant to change a DF policy
 * that was set with IFLA_IPIP_EXT_DF. Any other value changes it.
 */
static void ipip_set_ttl(struct ipip_config *cfg, u8 ttl, bool pmtudisc)
{
	cfg->ttl = ttl;
	if (ttl) {
		/* A packet that loops through the tunnel grows each time. With a
		 * fixed TTL only DF ends the loop, so IPIP_DF_LEGACY sets DF then.
		 */
		cfg->pmtudisc = true;
	} else if (pmtudisc != cfg->pmtudisc) {
		cfg->pmtudisc = pmtudisc;
		cfg->df = IPIP_DF_LEGACY;
	}
}

static void ipip_parse_ext(struct nlattr *ext[], struct ipip_config *cfg)
{
	struct ipip_keepalive_config *ka = &cfg->keepalive;

	if (ext[IFLA_IPIP_EXT_DF])
		cfg->df = nla_get_u8(ext[IFLA_IPIP_EXT_DF]);
	if (ext[IFLA_IPIP_EXT_CLAMP_MSS])
		cfg->clamp = nla_get_u8(ext[IFLA_IPIP_EXT_CLAMP_MSS]);
	if (ext[IFLA_IPIP_EXT_MTU_AUTO])
		cfg->mtu_auto = nla_get_u8(ext[IFLA_IPIP_EXT_MTU_AUTO]);
	if (ext[IFLA_IPIP_EXT_REQUIRE_IPSEC])
		cfg->require_ipsec =
			nla_get_u8(ext[IFLA_IPIP_EXT_REQUIRE_IPSEC]);
	if (ext[IFLA_IPIP_EXT_FAST_PATH])
		cfg->fast_path = nla_get_u8(ext[IFLA_IPIP_EXT_FAST_PATH]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_INTERVAL])
		ka->interval = nla_get_u64(ext[IFLA_IPIP_EXT_KEEPALIVE_INTERVAL]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_RETRIES])
		ka->retries = nla_get_u32(ext[IFLA_IPIP_EXT_KEEPALIVE_RETRIES]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_MODE])
		ka->mode = nla_get_u8(ext[IFLA_IPIP_EXT_KEEPALIVE_MODE]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_TARGET])
		ka->target = nla_get_in_addr(ext[IFLA_IPIP_EXT_KEEPALIVE_TARGET]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_SOURCE])
		ka->source = nla_get_in_addr(ext[IFLA_IPIP_EXT_KEEPALIVE_SOURCE]);
	if (ext[IFLA_IPIP_EXT_KEEPALIVE_ANSWER])
		ka->answer = nla_get_u8(ext[IFLA_IPIP_EXT_KEEPALIVE_ANSWER]);
}

static void ipip_parse_encap(struct nlattr *data[],
			     struct ip_tunnel_encap *encap)
{
	if (data[IFLA_IPTUN_ENCAP_TYPE])
		encap->type = nla_get_u16(data[IFLA_IPTUN_ENCAP_TYPE]);
	if (data[IFLA_IPTUN_ENCAP_FLAGS])
		encap->flags = nla_get_u16(data[IFLA_IPTUN_ENCAP_FLAGS]);
	if (data[IFLA_IPTUN_ENCAP_SPORT])
		encap->sport = nla_get_be16(data[IFLA_IPTUN_ENCAP_SPORT]);
	if (data[IFLA_IPTUN_ENCAP_DPORT])
		encap->dport = nla_get_be16(data[IFLA_IPTUN_ENCAP_DPORT]);
}

/* If the address changes, the name belongs to the old one: remove it, unless the request
 * carries a new name.
 */
static int ipip_parse_name(struct ipip_parms *parms, unsigned int i,
			   bool changed, const struct nlattr *attr)
{
	if (!changed && !attr)
		return 0;
	return ipip_parms_set_name(parms, i, attr ? nla_data(attr) : NULL);
}

/* @ext is NULL if the request can't carry names. */
static int ipip_parse_names(struct ipip_parms *parms,
			    const struct ipip_config *old, struct nlattr *ext[])
{
	const struct ipip_config *new = &parms->cfg;

	return ipip_parse_name(parms, IPIP_NAME_LOCAL, new->local != old->local,
			       ext ? ext[IFLA_IPIP_EXT_LOCAL_NAME] : NULL) ?:
	       ipip_parse_name(parms, IPIP_NAME_REMOTE,
			       new->remote != old->remote,
			       ext ? ext[IFLA_IPIP_EXT_REMOTE_NAME] : NULL);
}

/* Overwrite @cfg with the attributes of the request. */
static void ipip_parse(struct nlattr *data[], struct nlattr *ext[],
		       struct ipip_config *cfg)
{
	bool pmtudisc = cfg->pmtudisc;
	u8 ttl = cfg->ttl;

	if (data[IFLA_IPTUN_LINK])
		cfg->link = nla_get_u32(data[IFLA_IPTUN_LINK]);
	if (data[IFLA_IPTUN_LOCAL])
		cfg->local = nla_get_in_addr(data[IFLA_IPTUN_LOCAL]);
	else if (ipip_is_whole(data))
		cfg->local = htonl(INADDR_ANY);
	if (data[IFLA_IPTUN_REMOTE])
		cfg->remote = nla_get_in_addr(data[IFLA_IPTUN_REMOTE]);
	else if (ipip_is_whole(data))
		cfg->remote = htonl(INADDR_ANY);
	if (data[IFLA_IPTUN_TTL])
		ttl = nla_get_u8(data[IFLA_IPTUN_TTL]);
	if (data[IFLA_IPTUN_PMTUDISC])
		pmtudisc = nla_get_u8(data[IFLA_IPTUN_PMTUDISC]);
	ipip_set_ttl(cfg, ttl, pmtudisc);
	if (data[IFLA_IPTUN_TOS])
		cfg->tos = nla_get_u8(data[IFLA_IPTUN_TOS]);
	if (data[IFLA_IPTUN_FWMARK])
		cfg->fwmark = nla_get_u32(data[IFLA_IPTUN_FWMARK]);
	ipip_parse_encap(data, &cfg->encap);
	ipip_parse_ext(ext, cfg);
}

/* Fill @ext, an array for all IFLA_IPIP_EXT_*, from the nested attribute. */
static int ipip_parse_nest(struct nlattr *ext[], struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	if (!data[IFLA_IPIP_EXT]) {
		memset(ext, 0, sizeof(*ext) * (IFLA_IPIP_EXT_MAX + 1));
		return 0;
	}
	return nla_parse_nested(ext, IFLA_IPIP_EXT_MAX, data[IFLA_IPIP_EXT],
				ipip_ext_policy, extack);
}

static int ipip_check_mtu(const struct net_device *dev, struct nlattr *tb[],
			  struct nlattr *ext[], struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = ext[IFLA_IPIP_EXT_MTU_AUTO];
	const bool new = dev->reg_state == NETREG_UNINITIALIZED;

	if (!attr || !nla_get_u8(attr) || !tb[IFLA_MTU])
		return 0;
	if (!new && nla_get_u32(tb[IFLA_MTU]) == dev->mtu)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "mtu is set and automatic in the same request");
	return -EINVAL;
}

static int ipip_check_link(const struct net_device *dev, const struct net *net,
			   const struct ipip_config *cfg, struct nlattr *data[],
			   struct nlattr *ext[], struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = ext[IFLA_IPIP_EXT_MTU_AUTO] ?:
				    data[IFLA_IPTUN_LINK];

	if (!ipip_mtu_is_own_link(dev, net, cfg))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "a tunnel with an automatic mtu can't be its own link");
	return -EINVAL;
}

static int ipip_check_encap(struct ipip_config *cfg, struct nlattr *data[],
			    struct netlink_ext_ack *extack)
{
	int hlen = ip_encap_hlen(&cfg->encap);

	if (hlen < 0) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_ENCAP_TYPE],
				    "encap type is not known: is the module fou loaded?");
		return hlen;
	}
	cfg->encap_hlen = hlen;
	return 0;
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
	if (parms->cfg.role == IPIP_ROLE_EXTERNAL)
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_COLLECT_METADATA],
				    "a tunnel in external mode exists");
	else
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a tunnel with this local, remote and link exists");
	return -EEXIST;
}

/* Parse and check a request for a new tunnel. */
static int ipip_new_config(struct net_device *dev, const struct net *net,
			   struct nlattr *tb[], struct nlattr *data[],
			   struct ipip_parms *parms,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *ext[IFLA_IPIP_EXT_MAX + 1];
	struct ipip_config *cfg = &parms->cfg;
	int err;

	err = ipip_parse_nest(ext, data, extack);
	if (err)
		return err;
	ipip_parse(data, ext, cfg);
	if (data[IFLA_IPTUN_PROTO])
		cfg->proto = nla_get_u8(data[IFLA_IPTUN_PROTO]);
	if (data[IFLA_IPTUN_COLLECT_METADATA])
		cfg->role = IPIP_ROLE_EXTERNAL;
	return ipip_check_encap(cfg, data, extack) ?:
	       ipip_check_mtu(dev, tb, ext, extack) ?:
	       ipip_check_link(dev, net, cfg, data, ext, extack) ?:
	       ipip_keepalive_check(cfg, ext, extack) ?:
	       ipip_parse_names(parms, cfg, ext);
}

/**
 * ipip_newlink() - Create a tunnel
 * @net: netns of the outer packets
 * @dev: device, set up by ipip_setup() and not yet registered
 * @tb: IFLA_*
 * @data: IFLA_IPTUN_* and IFLA_IPIP_EXT, or NULL
 * @extack: set to the reason and the attribute at fault
 *
 * Context: process, RTNL; the newlink callback of the link kind.
 * Return: 0; -EINVAL, -ERANGE or -EEXIST if the request is refused; or the error of
 * ipip_create().
 */
int ipip_newlink(struct net *net, struct net_device *dev, struct nlattr *tb[],
		 struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct ipip_parms *parms;
	int err = 0;

	parms = ipip_parms_alloc(dev, NULL);
	if (!parms)
		return -ENOMEM;

	if (data)
		err = ipip_new_config(dev, net, tb, data, parms, extack);
	if (!err)
		err = ipip_check_unique(net, data, parms, extack);
	if (err)
		goto err_parms;
	return ipip_create(dev, net, parms, tb[IFLA_MTU]);

err_parms:
	ipip_parms_free(parms);
	return err;
}

/* Refuse changes that aren't possible: of the point-to-point property, which the device's
 * flags show, of external mode, of a multicast remote, and of tunl0.
 */
static int ipip_check_change(const struct net_device *dev,
			     struct nlattr *data[],
			     const struct ipip_config *old,
			     const struct ipip_config *new,
			     struct netlink_ext_ack *extack)
{
	const bool p2p = dev->flags & IFF_POINTOPOINT;
	unsigned int i;

	for (i = 1; old->role == IPIP_ROLE_FALLBACK && i <= IFLA_IPTUN_MAX; i++) {
		if (!data[i])
			continue;
		NL_SET_ERR_MSG_ATTR(extack, data[i],
				    "the fallback tunnel can't be changed");
		return -EINVAL;
	}
	if (data[IFLA_IPTUN_COLLECT_METADATA]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_COLLECT_METADATA],
				    "external mode can't be changed");
		return -EINVAL;
	}
	if (p2p != !!new->remote) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_REMOTE],
				    "remote can't be set or unset after creation");
		return -EINVAL;
	}
	if (ipv4_is_multicast(new->remote) &&
	    !ipip_same_addresses(new, old)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPTUN_REMOTE],
				    "a remote that is a group can be set at creation only");
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
	struct nlattr *ext[IFLA_IPIP_EXT_MAX + 1];
	struct ipip_parms *parms;
	int err;

	if (!ipip_compat_link_net_capable(dev, tunnel->net)) {
		NL_SET_ERR_MSG(extack,
			       "the tunnel's underlay is in a netns where you lack CAP_NET_ADMIN");
		return -EPERM;
	}
	if (!data)
		return 0;
	err = ipip_parse_nest(ext, data, extack);
	if (!err)
		err = ipip_check_mtu(dev, tb, ext, extack);
	if (err)
		return err;

	parms = ipip_parms_alloc(dev, old);
	if (!parms)
		return -ENOMEM;
	ipip_parse(data, ext, &parms->cfg);
	err = ipip_check_change(dev, data, &old->cfg, &parms->cfg,
				extack);
	if (!err)
		err = ipip_check_encap(&parms->cfg, data, extack);
	if (!err)
		err = ipip_check_link(dev, tunnel->net, &parms->cfg, data, ext,
				      extack);
	if (!err)
		err = ipip_keepalive_check(&parms->cfg, ext, extack);
	if (!err)
		err = ipip_check_unique(tunnel->net, data, parms, extack);
	if (!err)
		err = ipip_parse_names(parms, &old->cfg, ext);
	if (err)
		goto err_parms;
	return ipip_change(dev, parms, tb[IFLA_MTU]);

err_parms:
	ipip_parms_free(parms);
	return err;
}

/* tunl0 can't be deleted. It is deleted with its netns. */
static void ipip_dellink(struct net_device *dev, struct list_head *head)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *parms = rtnl_dereference(tunnel->parms);

	if (parms->cfg.role != IPIP_ROLE_FALLBACK)
		ipip_delete(dev, head);
}

static size_t ipip_name_size(const char *name)
{
	return name ? nla_total_size(strlen(name) + 1) : 0;
}

/* A dump calls this under RCU, without RTNL. */
static size_t ipip_get_size(const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rcu_dereference_rtnl(tunnel->parms);

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
	       nla_total_size(2) +	/* IFLA_IPTUN_ENCAP_FLAGS */
	       nla_total_size(0) +	/* IFLA_IPTUN_COLLECT_METADATA */
	       nla_total_size(0) +	/* IFLA_IPIP_EXT */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_DF */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_CLAMP_MSS */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_MTU_AUTO */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_REQUIRE_IPSEC */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_INTERVAL */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_KEEPALIVE_RETRIES */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_KEEPALIVE_MODE */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_KEEPALIVE_TARGET */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_KEEPALIVE_STATE */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_KEEPALIVE_MISSES */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_AGE */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_RTT */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_KEEPALIVE_ANSWER */
	       nla_total_size(IFNAMSIZ) + /* IFLA_IPIP_EXT_LINK_NAME */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_KEEPALIVE_SOURCE */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_FAST_PATH */
	       nla_total_size(1) +	/* IFLA_IPIP_EXT_MTU_STATE */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_MTU_MEASURED */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_MTU_AGE */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_SRTT */
	       nla_total_size_64bit(8) + /* IFLA_IPIP_EXT_KEEPALIVE_RTTVAR */
	       nla_total_size(4) +	/* IFLA_IPIP_EXT_KEEPALIVE_LOSS */
	       ipip_name_size(parms->names[IPIP_NAME_LOCAL]) +
	       ipip_name_size(parms->names[IPIP_NAME_REMOTE]);
}

static int ipip_fill_name(struct sk_buff *skb, int type, const char *name)
{
	return name ? nla_put_string(skb, type, name) : 0;
}

static int ipip_fill_ext(struct sk_buff *skb, const struct net_device *dev,
			 const struct ipip_parms *parms)
{
	const struct ipip_keepalive_config *ka = &parms->cfg.keepalive;
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_config *cfg = &parms->cfg;
	struct nlattr *nest;

	nest = nla_nest_start(skb, IFLA_IPIP_EXT);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u8(skb, IFLA_IPIP_EXT_DF, cfg->df) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_CLAMP_MSS, cfg->clamp) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_MTU_AUTO, cfg->mtu_auto) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_REQUIRE_IPSEC,
		       cfg->require_ipsec) ||
	    nla_put_u64_64bit(skb, IFLA_IPIP_EXT_KEEPALIVE_INTERVAL,
			      ka->interval, IFLA_IPIP_EXT_PAD) ||
	    nla_put_u32(skb, IFLA_IPIP_EXT_KEEPALIVE_RETRIES, ka->retries) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_KEEPALIVE_MODE, ka->mode) ||
	    nla_put_in_addr(skb, IFLA_IPIP_EXT_KEEPALIVE_TARGET, ka->target) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_KEEPALIVE_ANSWER, ka->answer) ||
	    nla_put_in_addr(skb, IFLA_IPIP_EXT_KEEPALIVE_SOURCE, ka->source) ||
	    nla_put_u8(skb, IFLA_IPIP_EXT_FAST_PATH, cfg->fast_path) ||
	    ipip_fill_name(skb, IFLA_IPIP_EXT_LOCAL_NAME,
			   parms->names[IPIP_NAME_LOCAL]) ||
	    ipip_fill_name(skb, IFLA_IPIP_EXT_REMOTE_NAME,
			   parms->names[IPIP_NAME_REMOTE]) ||
	    ipip_keepalive_fill(skb, dev) || ipip_probe_fill(skb, dev))
		return -EMSGSIZE;
	if (*tunnel->link_name &&
	    nla_put_string(skb, IFLA_IPIP_EXT_LINK_NAME, tunnel->link_name))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int ipip_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rtnl_dereference(tunnel->parms);
	const struct ipip_config *cfg = &parms->cfg;

	if (nla_put_u32(skb, IFLA_IPTUN_LINK, cfg->link) ||
	    nla_put_in_addr(skb, IFLA_IPTUN_LOCAL, cfg->local) ||
	    nla_put_in_addr(skb, IFLA_IPTUN_REMOTE, cfg->remote) ||
	    nla_put_u8(skb, IFLA_IPTUN_TTL, cfg->ttl) ||
	    nla_put_u8(skb, IFLA_IPTUN_TOS, cfg->tos) ||
	    nla_put_u8(skb, IFLA_IPTUN_PROTO, cfg->proto) ||
	    nla_put_u8(skb, IFLA_IPTUN_PMTUDISC, cfg->pmtudisc) ||
	    nla_put_u32(skb, IFLA_IPTUN_FWMARK, cfg->fwmark) ||
	    nla_put_u16(skb, IFLA_IPTUN_ENCAP_TYPE, cfg->encap.type) ||
	    nla_put_be16(skb, IFLA_IPTUN_ENCAP_SPORT, cfg->encap.sport) ||
	    nla_put_be16(skb, IFLA_IPTUN_ENCAP_DPORT, cfg->encap.dport) ||
	    nla_put_u16(skb, IFLA_IPTUN_ENCAP_FLAGS, cfg->encap.flags))
		return -EMSGSIZE;
	if (cfg->role == IPIP_ROLE_EXTERNAL &&
	    nla_put_flag(skb, IFLA_IPTUN_COLLECT_METADATA))
		return -EMSGSIZE;
	return ipip_fill_ext(skb, dev, parms);
}

static struct net *ipip_get_link_net(const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);

	return tunnel->net;
}

struct rtnl_link_ops ipip_link_ops __read_mostly = {
	.kind		= "ipip",
	.maxtype	= IFLA_IPIP_EXT,
	.policy		= ipip_policy,
	.priv_size	= sizeof(struct ipip_tunnel),
	.setup		= ipip_setup,
	.validate	= ipip_validate,
	.newlink	= ipip_compat_newlink,
	.changelink	= ipip_changelink,
	.dellink	= ipip_dellink,
	.get_size	= ipip_get_size,
	.fill_info	= ipip_fill_info,
	.get_xstats_size = ipip_xstats_size,
	.fill_xstats	= ipip_xstats_fill,
	.get_link_net	= ipip_get_link_net,
};

/* Fill in the result of SIOCGETTUNNEL. */
static void ipip_ctl_show(const struct ipip_parms *parms,
			  struct ipip_compat_parm *p)
{
	const struct ipip_config *cfg = &parms->cfg;

	memset(p, 0, sizeof(*p));
	strscpy(p->name, parms->dev->name, sizeof(p->name));
	p->link = cfg->link;
	p->iph.version = IPVERSION;
	p->iph.ihl = sizeof(struct iphdr) / 4;
	p->iph.protocol = cfg->proto;
	p->iph.tos = cfg->tos;
	p->iph.ttl = cfg->ttl;
	p->iph.saddr = cfg->local;
	p->iph.daddr = cfg->remote;
	if (cfg->pmtudisc)
		p->iph.frag_off = htons(IP_DF);
}

/* Overwrite @cfg with all fields of @p. */
static void ipip_ctl_parse(const struct ipip_compat_parm *p,
			   struct ipip_config *cfg)
{
	cfg->link = p->link;
	cfg->fwmark = 0;
	cfg->tos = p->iph.tos;
	cfg->local = p->iph.saddr;
	cfg->remote = p->iph.daddr;
	ipip_set_ttl(cfg, p->iph.ttl, !!(p->iph.frag_off & htons(IP_DF)));
}

static bool ipip_ctl_is_valid(const struct ipip_compat_parm *p)
{
	switch (p->iph.protocol) {
	case 0:
	case IPPROTO_IPIP:
		break;
	case IPPROTO_MPLS:
		if (IS_ENABLED(CONFIG_MPLS))
			break;
		fallthrough;
	default:
		return false;
	}
	return p->iph.version == IPVERSION && p->iph.ihl == 5 &&
	       !(p->iph.frag_off & htons(~IP_DF));
}

static int ipip_ctl_add(struct net *net, const struct ipip_compat_parm *p)
{
	struct ipip_parms *parms;
	struct net_device *dev;
	int err;

	if (p->name[0] && !dev_valid_name(p->name))
		return -E2BIG;
	dev = ipip_alloc_netdev(net, p->name[0] ? p->name : "ipip%d");
	if (!dev)
		return -ENOMEM;
	parms = ipip_parms_alloc(dev, NULL);
	if (!parms) {
		err = -ENOMEM;
		goto err_dev;
	}
	parms->cfg.proto = p->iph.protocol;
	ipip_ctl_parse(p, &parms->cfg);
	if (ipip_exists(net, parms)) {
		ipip_parms_free(parms);
		err = -EEXIST;
		goto err_dev;
	}
	err = ipip_create(dev, net, parms, false);
	if (err)
		goto err_dev;
	return 0;

err_dev:
	free_netdev(dev);
	return err;
}

/* Find the tunnel that an ioctl is for: @dev, or if that is tunl0, the tunnel with the
 * addresses in @p. Returns NULL if there is none.
 */
static struct ipip_parms *ipip_ctl_find(struct net_device *dev,
					const struct ipip_compat_parm *p)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *parms = rtnl_dereference(tunnel->parms);

	if (parms->cfg.role != IPIP_ROLE_FALLBACK)
		return parms;
	return ipip_find(tunnel->net, p->iph.saddr, p->iph.daddr, p->link);
}

static int ipip_ctl_change(struct net_device *dev,
			   const struct ipip_compat_parm *p)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *old = ipip_ctl_find(dev, p);
	struct ipip_parms *parms;
	int err;

	if (!old)
		return -ENOENT;
	parms = ipip_parms_alloc(old->dev, old);
	if (!parms)
		return -ENOMEM;
	ipip_ctl_parse(p, &parms->cfg);

	err = -EEXIST;
	if (ipip_exists(tunnel->net, parms))
		goto err_parms;
	err = -EINVAL;
	if (!old->cfg.remote != !parms->cfg.remote ||
	    ipip_mtu_is_own_link(old->dev, tunnel->net, &parms->cfg) ||
	    (ipv4_is_multicast(parms->cfg.remote) &&
	     !ipip_same_addresses(&old->cfg, &parms->cfg)))
		goto err_parms;
	err = ipip_parse_names(parms, &old->cfg, NULL);
	if (err)
		goto err_parms;
	return ipip_change(old->dev, parms, false);

err_parms:
	ipip_parms_free(parms);
	return err;
}

static int ipip_ctl_delete(struct net_device *dev,
			   const struct ipip_compat_parm *p)
{
	struct ipip_parms *parms = ipip_ctl_find(dev, p);

	if (!parms)
		return -ENOENT;
	if (parms->cfg.role == IPIP_ROLE_FALLBACK)
		return -EPERM;
	ipip_delete(parms->dev, NULL);
	return 0;
}

/**
 * ipip_tunnel_ctl() - The ioctls of `ip tunnel`: ndo_tunnel_ctl
 * @dev: a tunnel; tunl0 stands for the tunnel with the addresses in @p
 * @p: addresses and properties; filled in by SIOCGETTUNNEL
 * @cmd: SIOCGETTUNNEL, SIOCADDTUNNEL, SIOCCHGTUNNEL or SIOCDELTUNNEL
 *
 * A change sets the fields of @p, clears the fwmark, and keeps the other properties.
 *
 * Context: process, RTNL.
 * Return: 0; -EINVAL if @p isn't for IPIP, if the change would set an unset remote or
 * unset a set one, and if a tunnel with an automatic MTU would be its own link; -EPERM
 * without CAP_NET_ADMIN in the netns of the underlay, and for the deletion of tunl0;
 * -E2BIG for an invalid name; -EEXIST; -ENOENT; or the error of ipip_create() or
 * ipip_change().
 */
int ipip_tunnel_ctl(struct net_device *dev, struct ipip_compat_parm *p, int cmd)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct net *net = tunnel->net;

	if (cmd == SIOCGETTUNNEL) {
		ipip_ctl_show(ipip_ctl_find(dev, p) ?:
			      rtnl_dereference(tunnel->parms), p);
		return 0;
	}
	if ((cmd == SIOCADDTUNNEL || cmd == SIOCCHGTUNNEL) &&
	    !ipip_ctl_is_valid(p))
		return -EINVAL;
	if ((cmd == SIOCADDTUNNEL || cmd == SIOCCHGTUNNEL ||
	     cmd == SIOCDELTUNNEL) && !ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;

	switch (cmd) {
	case SIOCADDTUNNEL:
		return ipip_ctl_add(net, p);
	case SIOCCHGTUNNEL:
		return ipip_ctl_change(dev, p);
	case SIOCDELTUNNEL:
		return ipip_ctl_delete(dev, p);
	}
	return -EINVAL;
}
