// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: decapsulation, and ICMP errors about outer packets.
 *
 * Everything here runs in softirq under rcu_read_lock(). A received packet comes
 * from tunnel4, which has made sure that an inner header's 20 bytes or a label's
 * 4 are linear, and leaves through the tunnel's GRO cell.
 */
#include <linux/icmp.h>
#include <net/dst_metadata.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip.h"
#include "ipip_compat.h"

bool ipip_log_ecn_error = true;

/* The best entry of one class that is up: one that is bound to the device the
 * packet came by, or else the first.
 */
static struct ipip_parms *
ipip_lookup_class(struct ipip_table *table, __be32 local, __be32 remote,
		  int ifindex)
{
	struct ipip_parms *parms, *first = NULL;

	hlist_for_each_entry_rcu(parms, ipip_table_bucket(table, local, remote),
				 node[table->gen]) {
		if (parms->key_local != local || parms->key_remote != remote)
			continue;
		if (!(READ_ONCE(parms->dev->flags) & IFF_UP))
			continue;
		if (parms->link == ifindex)
			return parms;
		if (!first)
			first = parms;
	}
	return first;
}

/* The entry that takes what those with addresses leave. */
static struct ipip_parms *ipip_lookup_last(struct ipip_table *table)
{
	struct ipip_parms *parms;
	unsigned int role;

	for (role = IPIP_ROLE_PLAIN + 1; role <= IPIP_ROLE_MAX; role++) {
		parms = rcu_dereference(table->last[role]);
		if (parms && READ_ONCE(parms->dev->flags) & IFF_UP)
			return parms;
	}
	return NULL;
}

/**
 * ipip_lookup() - Find the tunnel for an outer packet
 * @net: netns of the outer packet
 * @local: its destination
 * @remote: its source
 * @ifindex: the device it came by
 *
 * The most specific tunnel comes first: (local, remote), (any, remote), (local,
 * any) or the group that it was sent to, (any, any); when none of these takes it,
 * the one in external mode, and last tunl0. One that is bound to the
 * receiving device comes before all that are not; a binding to another device
 * excludes nothing, as it has always been. A tunnel that is down takes nothing.
 *
 * Context: softirq, RCU.
 * Return: the tunnel's configuration, or NULL.
 */
struct ipip_parms *ipip_lookup(const struct net *net, __be32 local,
			       __be32 remote, int ifindex)
{
	struct ipip_parms *parms, *best = NULL;
	struct ipip_table *table;
	unsigned int class;

	table = rcu_dereference(ipip_pernet(net)->table);
	if (!table)
		return NULL;

	for (class = 0; class < IPIP_CLASSES; class++) {
		if (!READ_ONCE(table->count[class]))
			continue;
		parms = ipip_lookup_class(table,
					  class & IPIP_CLASS_ANY_LOCAL ? 0 : local,
					  class & IPIP_CLASS_ANY_REMOTE ? 0 : remote,
					  ifindex);
		if (!parms)
			continue;
		if (parms->link == ifindex || !READ_ONCE(table->linked))
			return parms;
		if (!best)
			best = parms;
	}
	return best ?: ipip_lookup_last(table);
}

static int ipip_rcv_drop(struct net_device *dev, struct sk_buff *skb,
			 enum ipip_xstats counter)
{
	DEV_STATS_INC(dev, rx_errors);
	ipip_drop(dev, skb, counter);
	return 0;
}

/* Has the packet come through ESP or AH? In transport mode the SA is found by
 * destination and SPI alone: it has to be the far end's own.
 */
static bool ipip_rcv_has_ipsec(const struct sk_buff *skb, __be32 saddr)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x;
	int i;

	for (i = 0; sp && i < sp->len; i++) {
		x = sp->xvec[i];
		if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
			continue;
		if (x->props.mode != XFRM_MODE_TRANSPORT ||
		    !x->props.saddr.a4 || x->props.saddr.a4 == saddr)
			return true;
	}
	return false;
}

/**
 * ipip_rcv_check_ipsec() - Is an outer packet as well protected as it must be?
 * @parms: configuration of the tunnel that it is for
 * @skb: the packet; its network header is the outer one
 * @saddr: its source
 *
 * Context: softirq, RCU.
 * Return: 0, or the counter of what forbids it: the host's IPsec policy or the
 * tunnel's.
 */
enum ipip_xstats ipip_rcv_check_ipsec(const struct ipip_parms *parms,
				      struct sk_buff *skb, __be32 saddr)
{
	if (!xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
		return IFLA_IPIP_XSTATS_RX_POLICY;
	if (unlikely(parms->rcv_extras & IPIP_EXTRA_IPSEC) &&
	    !ipip_rcv_has_ipsec(skb, saddr))
		return IFLA_IPIP_XSTATS_RX_NO_IPSEC;
	return 0;
}

/* Protocols 0 to 4 are rare as data, and keepalive is ICMP or IPIP. */
static bool ipip_rcv_may_be_keepalive(const struct sk_buff *skb)
{
	const struct iphdr *inner = (const struct iphdr *)skb->data;

	return unlikely(inner->protocol <= IPPROTO_IPIP);
}

/* RFC 6040 section 4.2: combine the ECN field of the outer header with that of
 * the inner one. False if the packet has to be dropped.
 */
static bool ipip_ecn_decapsulate(struct sk_buff *skb, __be32 saddr, u8 tos)
{
	int err = INET_ECN_decapsulate(skb, tos, ip_hdr(skb)->tos);

	if (likely(!err))
		return true;
	if (READ_ONCE(ipip_log_ecn_error))
		net_info_ratelimited("non-ECT from %pI4 with TOS=%#x\n",
				     &saddr, tos);
	return err == 1;
}

/* External mode: leave word of the outer header to whoever handles the inner
 * packet.
 */
static bool ipip_rcv_metadata(struct sk_buff *skb)
{
	struct metadata_dst *dst = ipip_compat_rx_dst(skb);

	if (!dst)
		return false;
	ip_tunnel_md_udp_encap(skb, &dst->u.tun_info);
	skb_dst_set(skb, &dst->dst);
	return true;
}

/* Consume the packet, or leave it to another protocol handler with -1. */
static int ipip_decap(struct sk_buff *skb, u8 proto)
{
	const __be32 daddr = ip_hdr(skb)->daddr;
	const __be32 saddr = ip_hdr(skb)->saddr;
	struct net *net = dev_net(skb->dev);
	const u8 tos = ip_hdr(skb)->tos;
	const struct ipip_parms *parms;
	enum ipip_xstats counter;
	struct ipip_tunnel *tunnel;
	struct net_device *dev;
	__be16 protocol;

	parms = ipip_lookup(net, daddr, saddr, skb->dev->ifindex);
	if (!parms)
		return -1;

	dev = parms->dev;
	tunnel = netdev_priv(dev);
	if (unlikely(parms->proto && parms->proto != proto))
		return ipip_rcv_drop(dev, skb, IFLA_IPIP_XSTATS_RX_PROTOCOL);
	counter = ipip_rcv_check_ipsec(parms, skb, saddr);
	if (unlikely(counter))
		return ipip_rcv_drop(dev, skb, counter);

	if (likely(proto == IPPROTO_IPIP)) {
		if (ipip_rcv_may_be_keepalive(skb) &&
		    ipip_keepalive_rcv(parms, skb, daddr, saddr))
			return 0;
		if (parms->rcv_extras & IPIP_EXTRA_CLAMP &&
		    ipip_mss_may_be_syn(skb)) {
			counter = ipip_mss_clamp(dev, skb, READ_ONCE(dev->mtu),
						 IFLA_IPIP_XSTATS_RX_MSS_CLAMPED);
			if (unlikely(counter))
				return ipip_rcv_drop(dev, skb, counter);
		}
	}

	protocol = proto == IPPROTO_MPLS ? htons(ETH_P_MPLS_UC) : htons(ETH_P_IP);
	if (__iptunnel_pull_header(skb, 0, protocol, false,
				   !net_eq(net, dev_net(dev))))
		return ipip_rcv_drop(dev, skb, IFLA_IPIP_XSTATS_RX_NO_MEMORY);
	if (unlikely(parms->rcv_extras & IPIP_EXTRA_EXTERNAL) &&
	    !ipip_rcv_metadata(skb))
		return ipip_rcv_drop(dev, skb, IFLA_IPIP_XSTATS_RX_NO_MEMORY);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);

	if (likely(proto == IPPROTO_IPIP) &&
	    unlikely(!ipip_ecn_decapsulate(skb, saddr, tos))) {
		DEV_STATS_INC(dev, rx_frame_errors);
		return ipip_rcv_drop(dev, skb, IFLA_IPIP_XSTATS_RX_ECN);
	}
	if (unlikely(ipv4_is_multicast(daddr)))
		DEV_STATS_INC(dev, multicast);

	dev_sw_netstats_rx_add(dev, skb->len);
	skb->dev = dev;
	gro_cells_receive(&tunnel->gro_cells, skb);
	return 0;
}

/**
 * ipip_rcv() - Receive an outer packet of protocol 4
 * @skb: the packet; data is behind the outer header
 *
 * Decapsulates as RFC 2003 section 3.1 and RFC 6040 section 4.2 have it.
 *
 * Context: softirq, RCU; the handler of tunnel4.
 * Return: 0 if the packet was consumed, -1 if no tunnel takes it.
 */
int ipip_rcv(struct sk_buff *skb)
{
	return ipip_decap(skb, IPPROTO_IPIP);
}

/**
 * ipip_rcv_mpls() - Receive an outer packet of protocol 137 (RFC 4023)
 * @skb: the packet; data is behind the outer header
 *
 * Context: softirq, RCU; the handler of tunnel4 for MPLS.
 * Return: 0 if the packet was consumed, -1 if no tunnel takes it.
 */
int ipip_rcv_mpls(struct sk_buff *skb)
{
	return ipip_decap(skb, IPPROTO_MPLS);
}

/* More than anybody needs to hear of; whoever forges errors can't have more. */
#define IPIP_ERR_MAX	64

/* The next packets of the tunnel tell their senders: the error quotes too
 * little of the inner packet to tell the sender that caused it.
 */
static void ipip_note_error(struct ipip_tunnel *tunnel)
{
	unsigned long now = jiffies;
	int count = 1;

	if (time_before(now, READ_ONCE(tunnel->err_time) + IPTUNNEL_ERR_TIMEO))
		count += READ_ONCE(tunnel->err_count);
	WRITE_ONCE(tunnel->err_time, now);
	WRITE_ONCE(tunnel->err_count, min(count, IPIP_ERR_MAX));
}

/* True if the error means that the far end can't be reached (RFC 2003 4). */
static bool ipip_err_is_fatal(const struct ipip_parms *parms, int type, int code)
{
	if (type == ICMP_DEST_UNREACH)
		return code != ICMP_SR_FAILED;
	/* An inherited TTL ran out because the sender chose it. */
	return type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_TTL &&
	       parms->outer.ttl;
}

/**
 * ipip_err() - Receive an ICMP error about an outer packet
 * @skb: the error; data is the quoted outer header
 * @info: the next-hop MTU of a "fragmentation needed", in bytes, host order
 *
 * RFC 2003 section 4: a path MTU is learned for the outer route, by which the
 * next inner packet is measured; an unreachable far end is reported to the
 * senders of the next inner packets.
 *
 * Context: softirq, RCU; the error handler of tunnel4.
 * Return: 0, or -ENOENT if no tunnel sent the outer packet.
 */
int ipip_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *outer = (const struct iphdr *)skb->data;
	const int type = icmp_hdr(skb)->type;
	const int code = icmp_hdr(skb)->code;
	struct net *net = dev_net(skb->dev);
	const struct ipip_parms *parms;

	parms = ipip_lookup(net, outer->saddr, outer->daddr, skb->dev->ifindex);
	if (!parms)
		return -ENOENT;

	/* It quotes a packet that could only leave inside another. */
	if (parms->require_ipsec)
		return 0;
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		ipv4_update_pmtu(skb, net, info, parms->link, outer->protocol);
		ipip_mtu_schedule(net);
		return 0;
	}
	if (type == ICMP_REDIRECT) {
		ipv4_redirect(skb, net, parms->link, outer->protocol);
		return 0;
	}
	if (!ipip_err_is_fatal(parms, type, code))
		return 0;
	/* One lost next hop says nothing about the others. */
	if (!parms->outer.daddr)
		return -ENOENT;

	ipip_note_error(netdev_priv(parms->dev));
	return 0;
}
