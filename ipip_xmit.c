// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: encapsulation.
 *
 * All of this runs with softirqs off under rcu_read_lock_bh(), for a packet that
 * dev_queue_xmit() passes to the tunnel's device. The outer packet is sent with
 * ip_local_out(), so netfilter and xfrm treat it like any other packet that this host
 * sends.
 */
#include <linux/hash.h>
#include <linux/icmp.h>
#include <linux/local_lock.h>
#include <net/dst.h>
#include <net/dst_metadata.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/ip_tunnels.h>
#include <net/l3mdev.h>
#include <net/nexthop.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <net/xfrm.h>

#include "ipip.h"
#include "ipip_mss.h"

/* The outer header of a packet, and its route. */
struct ipip_out {
	struct iphdr outer;
	struct dst_entry *dst;
	const struct ip_tunnel_encap *encap;
	struct ip_tunnel_info *info;	/* in external mode */
	unsigned int hlen;
	bool dst_is_ours;
	bool ipsec;			/* @dst leads through IPsec */
};

/* Protects a CPU's route cache slots of all tunnels, and its blocks of IDs. */
static DEFINE_PER_CPU(local_lock_t, ipip_route_lock) =
	INIT_LOCAL_LOCK(ipip_route_lock);

/* Number of blocks of IDs per CPU, as a power of two. */
#define IPIP_IDS_BITS	8

/* Maximum number of IDs in a block. GRO merges fewer packets of 1,500 bytes than this. */
#define IPIP_IDS_MAX	64

/* After this many conflicts in one slot there are probably more next hops than slots. */
#define IPIP_CONFLICTS	64

/**
 * struct ipip_ids - IDs that a CPU has reserved for outer headers without DF
 * @net: netns of the outer packets
 * @saddr: outer source
 * @daddr: outer destination
 * @time: the CPU may use the block while jiffies has this value
 * @used: number of IDs of this block and of earlier ones that were used in that time
 * @next: the first unused ID
 * @left: number of unused IDs
 * @proto: protocol of the outer header
 *
 * RFC 6864 section 4.3: an ID must be unique for its source, destination and protocol as
 * long as fragments may be in flight. Inner flows whose hashes select the same block
 * share it.
 *
 * A CPU accesses only its own blocks, with softirqs off and ipip_route_lock held.
 */
struct ipip_ids {
	const struct net *net;
	__be32 saddr;
	__be32 daddr;
	u32 time;
	u32 used;
	u16 next;
	u16 left;
	u8 proto;
};

/* BIT(IPIP_IDS_BITS) per CPU. */
static struct ipip_ids __percpu *ipip_ids;

/* Check whether the route has several paths, among which the flow of the packet chooses.
 * Next-hop mode and an inherited DSCP distribute flows over the paths, so such a route is
 * valid for one packet only. The FIB look-up needs the configured source, because the
 * route look-up has put the source that it determined into @fl4.
 */
static bool ipip_route_is_multipath(struct net *net,
				    const struct ipip_parms *parms,
				    struct flowi4 *fl4)
{
	struct fib_result res;

	if (!IS_ENABLED(CONFIG_IP_ROUTE_MULTIPATH) || !parms->route_bits)
		return false;
	fl4->saddr = parms->cfg.local;
	fl4->flowi4_oif = ipip_compat_flow_l3mdev(fl4) ? 0 : parms->cfg.link;
	return !fib_lookup(net, fl4, &res, FIB_LOOKUP_NOREF) &&
	       fib_info_num_path(res.fi) > 1;
}

/* Find the slot of the large cache that has the route, or the slot to put it into: an
 * empty one of its ways, or else its home slot. So if a set has more routes than ways,
 * only routes with the same home slot replace each other.
 */
static struct ipip_route *ipip_route_way(struct ipip_route *slots, __be32 daddr,
					 u8 tos, u32 hash)
{
	struct ipip_route *home = &slots[hash], *empty = NULL, *way;
	unsigned int i;

	for (i = 0; i < IPIP_ROUTE_WAYS; i++) {
		way = &slots[hash ^ i];
		if (way->daddr == daddr && way->tos == tos)
			return way;
		if (!empty && (!way->dst || !way->daddr))
			empty = way;
	}
	return empty ?: home;
}

/* The stack's path and ipip_xmit_plain() both use this function, ipip_route_holds() and
 * ipip_select_ident(). gcc doesn't inline a function with two callers, and the calls would cost
 * up to 50 instructions for each packet.
 */
static __always_inline
struct ipip_route *ipip_route_slot(const struct ipip_parms *parms, __be32 daddr,
				   u8 tos)
{
	struct ipip_route *slots = this_cpu_ptr(parms->routes);
	const u32 key = (__force u32)daddr ^ tos;
	struct ipip_route __percpu *many;

	if (!parms->route_bits)
		return slots;
	many = READ_ONCE(parms->many);
	if (many)
		return ipip_route_way(this_cpu_ptr(many), daddr, tos,
				      hash_32(key, IPIP_ROUTE_BITS_MANY));
	return &slots[hash_32(key, parms->route_bits)];
}

/* A route replaces a valid one. If that happens too often, the small cache has too few slots
 * for the next hops: schedule the work that allocates the large cache. A tunnel requests it
 * once. Without memory, or if too many tunnels of the netns have a large cache, it continues
 * to use the small one.
 */
static void ipip_route_conflict(struct ipip_route *route, struct net *net,
				const struct ipip_parms *parms)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);

	if (parms->route_bits != IPIP_ROUTE_BITS_NEXTHOP ||
	    READ_ONCE(parms->many) || READ_ONCE(tunnel->wants_many) ||
	    ++route->conflicts < IPIP_CONFLICTS)
		return;
	WRITE_ONCE(tunnel->wants_many, true);
	queue_work(ipip_compat_unbound_wq, &ipip_pernet(net)->routes_work);
}

/* Allocate the tunnel's large cache, with empty slots. Under RTNL. */
static void ipip_routes_grow(struct ipip_net *in, struct ipip_parms *parms)
{
	const size_t size = sizeof(struct ipip_route) << IPIP_ROUTE_BITS_MANY;
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct ipip_route __percpu *many;

	if (!READ_ONCE(tunnel->wants_many))
		return;
	if (!parms->many && parms->route_bits == IPIP_ROUTE_BITS_NEXTHOP) {
		if (in->routes_many >= IPIP_ROUTES_MANY_MAX)
			return;
		many = __alloc_percpu_gfp(size, __alignof__(struct ipip_route),
					  GFP_KERNEL | __GFP_NOWARN);
		if (!many)
			return;
		in->routes_many++;
		/* The cache is zeroed before packets can find it. */
		smp_store_release(&parms->many, many);
	}
	WRITE_ONCE(tunnel->wants_many, false);
}

static void ipip_routes_work(struct work_struct *work)
{
	struct ipip_net *in = container_of(work, struct ipip_net, routes_work);
	struct ipip_parms *parms;

	rtnl_lock();
	for (parms = ipip_table_next(in, NULL); parms;
	     parms = ipip_table_next(in, parms))
		ipip_routes_grow(in, parms);
	rtnl_unlock();
}

/* Check whether the slot has a valid route for this destination, TOS and protocol. */
static __always_inline bool ipip_route_holds(const struct ipip_route *route,
					     const struct iphdr *outer, u8 tos)
{
	return route->dst && route->daddr == outer->daddr &&
	       route->tos == tos && route->proto == outer->protocol &&
	       dst_check(route->dst, 0);
}

static bool ipip_route_fill(struct ipip_route *route, struct net *net,
			    const struct ipip_parms *parms,
			    const struct iphdr *outer, u8 tos, u32 hash)
{
	struct dst_entry *old = route->dst;
	struct flowi4 fl4;
	struct rtable *rt;

	if (old && route->daddr && route->daddr != outer->daddr &&
	    dst_check(old, 0))
		ipip_route_conflict(route, net, parms);
	route->dst = NULL;
	dst_release(old);
	rt = ipip_route_lookup(net, parms, &fl4, outer->protocol, outer->daddr,
			       parms->cfg.local, tos, hash);
	if (IS_ERR(rt))
		return false;

	route->dst = &rt->dst;
	route->ipsec = ipip_xmit_has_ipsec(&rt->dst);
	route->saddr = fl4.saddr;
	route->tos = tos;
	route->proto = outer->protocol;
	route->daddr = outer->daddr;
	if (ipip_route_is_multipath(net, parms, &fl4))
		route->daddr = htonl(INADDR_ANY);
	ipip_mtu_check(parms, route->dst);
	return true;
}

/* Find the route for destination, TOS and protocol of the outer header in this CPU's
 * cache, or look it up, and set the outer source address. The slot owns the reference.
 * The caller may use the route until its RCU read-side section ends, even if another
 * route has replaced it in the slot.
 */
static struct dst_entry *ipip_route_get(struct net *net,
					const struct ipip_parms *parms,
					struct sk_buff *skb,
					struct ipip_out *out)
{
	struct iphdr *outer = &out->outer;
	const u8 tos = outer->tos & INET_DSCP_MASK;
	struct dst_entry *dst = NULL;
	struct ipip_route *route;

	ipip_compat_lock_bh(&ipip_route_lock);
	route = ipip_route_slot(parms, outer->daddr, tos);
	if (unlikely(!ipip_route_holds(route, outer, tos)) &&
	    !ipip_route_fill(route, net, parms, outer, tos, skb_get_hash(skb)))
		goto unlock;

	outer->saddr = route->saddr;
	out->ipsec = route->ipsec;
	dst = route->dst;
unlock:
	ipip_compat_unlock_bh(&ipip_route_lock);
	return dst;
}

/* Next-hop mode: return the outer destination, which is the one in the metadata of the
 * inner route, or else the gateway of that route; 0 if there is neither.
 */
static __be32 ipip_nexthop(struct sk_buff *skb)
{
	const struct ip_tunnel_info *info = skb_tunnel_info(skb);

	if (info && info->mode & IP_TUNNEL_INFO_TX &&
	    ip_tunnel_info_af(info) == AF_INET && info->key.u.ipv4.dst)
		return info->key.u.ipv4.dst;
	if (!skb_valid_dst(skb) || skb->protocol != htons(ETH_P_IP))
		return 0;
	return rt_nexthop(skb_rtable(skb), ip_hdr(skb)->daddr);
}

/* External mode: copy the fields of the outer header from the metadata that the route, tc
 * or BPF has attached to the packet. Returns false if there are no metadata.
 */
static bool ipip_external_header(const struct sk_buff *skb,
				 struct ipip_out *out, u8 *tos)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);
	const struct ip_tunnel_key *key;
	struct ip_tunnel_encap *encap;
	int hlen;

	if (!info || !(info->mode & IP_TUNNEL_INFO_TX) ||
	    ip_tunnel_info_af(info) != AF_INET)
		return false;
	encap = ipip_compat_info_encap(info);
	hlen = ip_encap_hlen(encap);
	if (hlen < 0)
		return false;

	key = &info->key;
	out->outer.saddr = key->u.ipv4.src;
	out->outer.daddr = key->u.ipv4.dst;
	out->outer.ttl = key->ttl;
	out->outer.frag_off = ipip_compat_key_has_df(key) ? htons(IP_DF) : 0;
	*tos = key->tos == IPIP_TOS_INHERIT ? key->tos :
					      key->tos & ~INET_ECN_MASK;
	out->info = info;
	out->encap = encap;
	out->hlen = sizeof(struct iphdr) + hlen;
	return out->outer.daddr;
}

/* External mode: get the outer route from the metadata's cache, or look it up. Returns
 * NULL if there is none. The caller owns a reference.
 */
static struct dst_entry *ipip_external_route(struct net *net,
					     struct sk_buff *skb,
					     struct ipip_out *out)
{
	const bool cached = ip_tunnel_dst_cache_usable(skb, out->info);
	const struct ip_tunnel_key *key = &out->info->key;
	struct iphdr *outer = &out->outer;
	struct rtable *rt = NULL;
	struct flowi4 fl4;

	if (cached)
		rt = dst_cache_get_ip4(&out->info->dst_cache, &fl4.saddr);
	if (!rt) {
		ipip_compat_init_flow(&fl4, outer->protocol, outer->daddr,
				      outer->saddr,
				      tunnel_id_to_key32(key->tun_id),
				      outer->tos & INET_DSCP_MASK, net, 0,
				      skb->mark, skb_get_hash(skb),
				      ipip_compat_key_flow_flags(key));
		rt = ip_route_output_key(net, &fl4);
		if (IS_ERR(rt))
			return NULL;
		/* Don't cache a route with an lwtstate: it may hold a reference to
		 * the metadata with this cache, and the cycle would never be freed.
		 */
		if (cached && !rt->dst.lwtstate)
			dst_cache_set_ip4(&out->info->dst_cache, &rt->dst,
					  fl4.saddr);
	}
	outer->saddr = fl4.saddr;
	out->ipsec = ipip_xmit_has_ipsec(&rt->dst);
	out->dst_is_ours = true;
	return &rt->dst;
}

/* RFC 6040 section 4.1, normal mode: copy the inner ECN field, CE included. */
static u8 ipip_outer_tos(u8 dscp, u8 inner)
{
	return (dscp & ~INET_ECN_MASK) | (inner & INET_ECN_MASK);
}

/* Call this before iptunnel_handle_offloads() marks the packet as encapsulated: after that
 * skb_gso_validate_network_len() calculates too small a length for UDP segments.
 */
static bool ipip_exceeds_mtu(const struct sk_buff *skb, unsigned int mtu)
{
	if (skb->len <= mtu)
		return false;
	return !skb_is_gso(skb) || !skb_gso_validate_network_len(skb, mtu);
}

/* Set a smaller MTU in the inner route, or renew one that will expire. */
static void ipip_update_pmtu(struct sk_buff *skb, unsigned int mtu)
{
	const struct dst_entry *inner = skb_dst(skb);
	unsigned int known;

	if (!skb_valid_dst(skb))
		return;
	known = dst_mtu(inner);
	if (mtu < known || (mtu == known && READ_ONCE(inner->expires)))
		skb_dst_update_pmtu_no_confirm(skb, mtu);
}

/* RFC 2003 section 5.1: if the outer packet has DF, the inner packet may be as large as
 * the path MTU minus the headers that the tunnel adds. Set this limit in the inner route,
 * and send ICMP to the sender of a packet with DF that exceeds it. In external mode DF
 * isn't inherited: without DF the limit is the MTU of the inner route or of the device.
 * Returns false if the packet is too big.
 */
static bool ipip_pmtu_ok(struct sk_buff *skb, const struct ipip_parms *parms,
			 const struct ipip_out *out)
{
	unsigned int mtu;

	if (out->outer.frag_off) {
		mtu = max_t(int, dst_mtu(out->dst) - out->hlen, 0);
		ipip_update_pmtu(skb, mtu);
	} else if (skb_valid_dst(skb)) {
		mtu = dst_mtu(skb_dst(skb));
	} else {
		mtu = READ_ONCE(parms->dev->mtu);
	}
	if (skb->protocol != htons(ETH_P_IP) ||
	    !(ip_hdr(skb)->frag_off & htons(IP_DF)) ||
	    !ipip_exceeds_mtu(skb, mtu))
		return true;

	/* The kernel doesn't replace an IPsec route when its MTU changes, so
	 * ipip_route_fill() hasn't checked it.
	 */
	ipip_mtu_check(parms, out->dst);
	icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return false;
}

/* Report an ICMP error about an earlier packet to the sender of this packet. */
static void ipip_report_error(struct ipip_tunnel *tunnel, struct sk_buff *skb,
			      int count)
{
	if (!time_before(jiffies,
			 READ_ONCE(tunnel->err_time) + IPTUNNEL_ERR_TIMEO)) {
		WRITE_ONCE(tunnel->err_count, 0);
		return;
	}
	WRITE_ONCE(tunnel->err_count, count - 1);
	dst_link_failure(skb);
}

/* Make room for the outer header and for the headers of the underlying devices. */
static bool ipip_reserve_headroom(struct net_device *dev, struct sk_buff *skb,
				  const struct ipip_out *out)
{
	unsigned int headroom = LL_RESERVED_SPACE(out->dst->dev) +
				out->dst->header_len + out->hlen;

	if (skb_cow_head(skb, headroom))
		return false;
	if (unlikely(headroom > READ_ONCE(dev->needed_headroom)))
		ipip_mtu_set_headroom(dev, headroom);
	return true;
}

/**
 * ipip_encap() - Add the UDP header between the outer header and the inner packet
 * @skb: inner packet, with enough headroom
 * @encap: FOU or GUE, its ports and flags
 * @outer: outer header that will be pushed; its addresses are used for the checksum,
 *	and its protocol is changed
 *
 * Context: softirqs off, RCU.
 * Return: false if the kernel's fou module was unloaded or refuses the packet.
 */
bool ipip_encap(struct sk_buff *skb, const struct ip_tunnel_encap *encap,
		struct iphdr *outer)
{
	struct flowi4 fl4 = { .saddr = outer->saddr, .daddr = outer->daddr };
	struct ip_tunnel_encap e = *encap;

	return ipip_compat_encap(skb, &e, &outer->protocol, &fl4) >= 0;
}

/* Find the block of IDs for the flow of an inner packet with @len linear bytes. GRO merges
 * packets of a flow only if their IDs are consecutive. With options in the inner header the
 * words below aren't the ports; that doesn't matter, because GRO doesn't merge such packets.
 */
static struct ipip_ids *ipip_ids_of_flow(const u32 *inner, unsigned int len)
{
	u32 hash = 0;

	/* Source, destination, ports. */
	if (likely(len >= sizeof(struct iphdr) + sizeof(u32)))
		hash = (inner[3] * GOLDEN_RATIO_32 + inner[4]) *
		       GOLDEN_RATIO_32 + inner[5];
	return &this_cpu_ptr(ipip_ids)[hash_32(hash, IPIP_IDS_BITS)];
}

static bool ipip_ids_are_for(const struct ipip_ids *ids, const struct net *net,
			     const struct iphdr *iph)
{
	return ids->daddr == iph->daddr && ids->saddr == iph->saddr &&
	       ids->proto == iph->protocol && ids->net == net;
}

/* Reserve a block with at least @segs IDs. The first block of a tick has as many IDs as the
 * flow used in its last active tick, and each further block as many as it has used in this
 * tick so far. So fewer than two IDs are wasted for each one used, and the IDs repeat after
 * 21,845 packets at the earliest, instead of after 65,536.
 */
static void ipip_ids_reserve(struct net *net, struct ipip_ids *ids,
			     struct iphdr *iph, u16 segs, u32 now)
{
	u16 size = 1;

	if (ipip_ids_are_for(ids, net, iph))
		size = min_t(u32, ids->used, IPIP_IDS_MAX);
	else
		ids->used = 0;
	if (ids->time != now)
		ids->used = 0;

	size = max(size, segs);
	__ip_select_ident(net, iph, size);
	ids->net = net;
	ids->saddr = iph->saddr;
	ids->daddr = iph->daddr;
	ids->proto = iph->protocol;
	ids->time = now;
	ids->next = ntohs(iph->id);
	ids->left = size;
}

/* Set the ID of an outer header without DF, and reserve one ID for each of @segs packets.
 * @len bytes of the first inner packet are linear at @inner. The kernel's generator for
 * source, destination and protocol provides the IDs. A CPU takes a block of them for an
 * inner flow, and uses the block only until the next tick, so that no ID is used long
 * after IDs that were reserved later.
 */
static __always_inline void ipip_select_ident(struct net *net, struct iphdr *iph,
					      u16 segs, const void *inner,
					      unsigned int len)
{
	const u32 now = jiffies;
	struct ipip_ids *ids;

	ipip_compat_lock_bh(&ipip_route_lock);
	ids = ipip_ids_of_flow(inner, len);
	if (unlikely(ids->left < segs || ids->time != now ||
		     !ipip_ids_are_for(ids, net, iph)))
		ipip_ids_reserve(net, ids, iph, segs, now);
	iph->id = htons(ids->next);
	ids->next += segs;
	ids->left -= segs;
	ids->used += segs;
	ipip_compat_unlock_bh(&ipip_route_lock);
}

/* RFC 6864 section 4.1: with DF any ID is valid. The header already has the inner ID. If GRO
 * can merge the inner packets of the flow, their IDs are consecutive or equal, and so are
 * the outer ones. With IPsec don't copy the inner ID: it would reveal which packets belong
 * to the same flow.
 */
static void ipip_set_ident(struct net *net, const struct ipip_out *out,
			   const struct sk_buff *skb, struct iphdr *iph)
{
	const u16 segs = skb_shinfo(skb)->gso_segs ?: 1;

	if (likely(iph->frag_off & htons(IP_DF))) {
		if (unlikely(out->ipsec))
			iph->id = 0;
	} else if (unlikely(out->ipsec)) {
		__ip_select_ident(net, iph, segs);
	} else {
		ipip_select_ident(net, iph, segs, skb->data + out->hlen,
				  skb_headlen(skb) - out->hlen);
	}
}

/* Push the outer header and send the packet, counted as @len bytes. */
static void ipip_send(struct sk_buff *skb, const struct ipip_parms *parms,
		      struct net *net, const struct ipip_out *out,
		      unsigned int len)
{
	struct net_device *dev = parms->dev;
	struct iphdr *iph;
	int err;

	/* Hash the inner flow now, before ESP hides it. */
	if (unlikely(dst_xfrm(out->dst)))
		skb_get_hash(skb);
	skb_scrub_packet(skb, !net_eq(net, dev_net(dev)));
	skb_clear_hash_if_not_l4(skb);
	if (unlikely(out->dst_is_ours))
		skb_dst_set(skb, out->dst);
	else
		skb_dst_set_noref(skb, out->dst);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));

	skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph = ip_hdr(skb);
	*iph = out->outer;
	ipip_set_ident(net, out, skb, iph);

	ipip_compat_xmit_recursion_inc();
	err = ip_local_out(net, ipip_sock(parms), skb);
	ipip_compat_xmit_recursion_dec();

	iptunnel_xmit_stats(dev, unlikely(net_xmit_eval(err)) ? 0 : len);
}

/* Prepare for segmentation below the tunnel: the outer IDs of the segments count up, unless
 * the outer header has DF and the inner IDs are equal.
 */
static int ipip_handle_offloads(struct sk_buff *skb, const struct iphdr *outer)
{
	const bool is_nested = skb->encapsulation;
	int err;

	err = iptunnel_handle_offloads(skb, SKB_GSO_IPXIP4);
	if (!err && skb_is_gso(skb))
		ipip_compat_gso_push_fixedid(skb, is_nested,
					     outer->frag_off & htons(IP_DF));
	return err;
}

static netdev_tx_t ipip_xmit_drop(struct net_device *dev, struct sk_buff *skb,
				  enum ipip_verdict verdict)
{
	DEV_STATS_INC(dev, tx_errors);
	ipip_drop(dev, skb, verdict);
	return NETDEV_TX_OK;
}

/**
 * ipip_xfrm_if() - Get the private part of an xfrm interface
 * @dev: any device
 *
 * Context: any.
 * Return: its private part if the device is an xfrm interface, else NULL.
 */
const struct xfrm_if *ipip_xfrm_if(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

	return ops && !strcmp(ops->kind, "xfrm") ? netdev_priv(dev) : NULL;
}

/**
 * ipip_xmit_has_ipsec() - Check whether a route leads through an IPsec SA
 * @dst: outer route
 *
 * A route through an xfrm interface has no SA of its own: the interface looks an SA up
 * for each packet, and drops the packet if there is none.
 *
 * Context: any.
 * Return: true if a packet with this route leaves by ESP or AH, or by an xfrm
 * interface, or is dropped by it.
 */
bool ipip_xmit_has_ipsec(const struct dst_entry *dst)
{
	const struct net_device *dev = dst->dev;
	const struct xfrm_state *x;

	for (; (x = dst_xfrm(dst)); dst = xfrm_dst_child(dst))
		if (x->id.proto == IPPROTO_ESP || x->id.proto == IPPROTO_AH)
			return true;
	return ipip_xfrm_if(dev);
}

/* Apply the features beyond RFC 2003. */
static enum ipip_verdict ipip_xmit_extras(const struct ipip_parms *parms,
					  struct sk_buff *skb,
					  const struct ipip_out *out)
{
	const struct dst_entry *dst = out->dst;
	struct net_device *dev = parms->dev;
	int mtu;

	if (parms->xmit_extras & IPIP_EXTRA_IPSEC && !ipip_xmit_has_ipsec(dst))
		return IPIP_DROP_TX_NO_IPSEC;
	if (!(parms->xmit_extras & IPIP_EXTRA_CLAMP) ||
	    skb->protocol != htons(ETH_P_IP) ||
	    !ipip_mss_may_be_syn(skb->data, skb_headlen(skb)))
		return IPIP_PASS;

	mtu = min_t(int, READ_ONCE(dev->mtu), dst_mtu(dst) - out->hlen);
	if (!ipip_mss_clamp(dev, skb, max_t(int, mtu, IPV4_MIN_MTU),
			    IFLA_IPIP_XSTATS_TX_MSS_CLAMPED))
		return IPIP_DROP_TX_NO_MEMORY;
	return IPIP_PASS;
}

static bool ipip_too_deep(const struct net_device *dev)
{
	if (likely(dev_recursion_level() <= IP_TUNNEL_RECURSION_LIMIT))
		return false;
	net_crit_ratelimited("%s: tunnels are nested too deeply, or in a loop\n",
			     dev->name);
	return true;
}

/* Copy from an inner IPv4 header the fields that the configuration doesn't fix. @tos is the
 * outer DSCP field, or has IPIP_TOS_INHERIT set.
 */
static void ipip_inherit(const struct ipip_parms *parms,
			 const struct iphdr *inner, u8 tos, struct iphdr *outer)
{
	if (tos & IPIP_TOS_INHERIT)
		tos = inner->tos;
	outer->tos = ipip_outer_tos(tos, inner->tos);
	outer->id = inner->id;
	outer->frag_off |= inner->frag_off & parms->df_mask;
	if (!outer->ttl)
		outer->ttl = inner->ttl;
}

/* Build the outer header from the configuration, the inner packet and, in external
 * mode, the metadata.
 */
static enum ipip_verdict ipip_xmit_header(const struct ipip_parms *parms,
					  struct sk_buff *skb,
					  struct ipip_out *out)
{
	const bool external = parms->xmit_extras & IPIP_EXTRA_EXTERNAL;
	u8 proto = IPPROTO_IPIP, tos = parms->tos;
	struct iphdr *outer = &out->outer;

	*outer = parms->outer;
	out->encap = &parms->cfg.encap;
	out->hlen = parms->hlen;
	out->dst_is_ours = false;
	if (unlikely(external) && !ipip_external_header(skb, out, &tos))
		return IPIP_DROP_TX_NO_NEXTHOP;

	if (likely(skb->protocol == htons(ETH_P_IP))) {
		ipip_inherit(parms, ip_hdr(skb), tos, outer);
	} else if (IS_ENABLED(CONFIG_MPLS) &&
		   skb->protocol == htons(ETH_P_MPLS_UC)) {
		proto = IPPROTO_MPLS;
		outer->tos = ipip_outer_tos(tos, 0);
	} else {
		return IPIP_DROP_TX_PROTOCOL;
	}
	if (unlikely(outer->protocol && outer->protocol != proto))
		return IPIP_DROP_TX_PROTOCOL;
	outer->protocol = proto;
	return IPIP_PASS;
}

/* Find the outer destination and the route to it. */
static enum ipip_verdict ipip_xmit_route(const struct ipip_parms *parms,
					 struct sk_buff *skb,
					 struct ipip_out *out)
{
	struct net_device *dev = parms->dev;
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	if (unlikely(!out->outer.daddr)) {
		out->outer.daddr = ipip_nexthop(skb);
		if (!out->outer.daddr) {
			DEV_STATS_INC(dev, tx_fifo_errors);
			return IPIP_DROP_TX_NO_NEXTHOP;
		}
	}

	if (unlikely(parms->xmit_extras & IPIP_EXTRA_EXTERNAL))
		out->dst = ipip_external_route(tunnel->net, skb, out);
	else
		out->dst = ipip_route_get(tunnel->net, parms, skb, out);
	if (unlikely(!out->dst)) {
		DEV_STATS_INC(dev, tx_carrier_errors);
		return IPIP_DROP_TX_NO_ROUTE;
	}
	if (unlikely(out->dst->dev == dev)) {
		DEV_STATS_INC(dev, collisions);
		return IPIP_DROP_TX_LOOP;
	}
	return IPIP_PASS;
}

/* Check whether the packet may be sent by its route, and whether it fits. */
static enum ipip_verdict ipip_xmit_check(const struct ipip_parms *parms,
					 struct sk_buff *skb,
					 struct ipip_out *out)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	const int errors = READ_ONCE(tunnel->err_count);
	enum ipip_verdict verdict;

	if (parms->xmit_extras) {
		verdict = ipip_xmit_extras(parms, skb, out);
		if (unlikely(verdict != IPIP_PASS))
			return verdict;
	}
	if ((out->outer.frag_off || parms->xmit_extras & IPIP_EXTRA_EXTERNAL) &&
	    unlikely(!ipip_pmtu_ok(skb, parms, out)))
		return IPIP_DROP_TX_TOO_BIG;
	if (ip_mtu_locked(out->dst))
		out->outer.frag_off = 0;
	if (unlikely(errors > 0))
		ipip_report_error(tunnel, skb, errors);
	return IPIP_PASS;
}

/* Check whether a packet only needs an outer header to be sent by a route. */
static bool ipip_route_is_plain(const struct net_device *dev,
				const struct dst_entry *dst, unsigned int len)
{
	return dst->output == ip_output && !dst_xfrm(dst) && !dst->lwtstate &&
	       dst->dev != dev && len <= dst_mtu(dst) && !ip_mtu_locked(dst);
}

/**
 * ipip_xmit_plain() - Build the outer header of a packet that needs nothing else
 * @parms: the tunnel's configuration
 * @inner: inner IPv4 header; its total length is that of the packet
 * @daddr: outer destination
 * @outer: filled in, with its checksum
 *
 * This looks no route up: it uses the one that ipip_xmit() has put into this CPU's
 * cache.
 *
 * Context: softirqs off, RCU.
 * Return: the outer route, which is valid until the RCU read-side section ends; or NULL
 * if ipip_xmit() has to send the packet.
 */
struct dst_entry *ipip_xmit_plain(const struct ipip_parms *parms,
				  const struct iphdr *inner, __be32 daddr,
				  struct iphdr *outer)
{
	const struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	const unsigned int inner_len = ntohs(inner->tot_len);
	const unsigned int len = inner_len + sizeof(*outer);
	struct dst_entry *dst = NULL;
	struct ipip_route *route;
	u8 tos;

	if (parms->xmit_extras & ~IPIP_EXTRA_CLAMP || parms->cfg.encap.type ||
	    READ_ONCE(tunnel->err_count) > 0 || !inner->ttl ||
	    (parms->outer.protocol && parms->outer.protocol != IPPROTO_IPIP))
		return NULL;
	if (parms->xmit_extras & IPIP_EXTRA_CLAMP &&
	    ipip_mss_may_be_syn((const u8 *)inner, inner_len))
		return NULL;

	*outer = parms->outer;
	outer->daddr = daddr;
	outer->protocol = IPPROTO_IPIP;
	ipip_inherit(parms, inner, parms->tos, outer);
	tos = outer->tos & INET_DSCP_MASK;

	ipip_compat_lock_bh(&ipip_route_lock);
	route = ipip_route_slot(parms, daddr, tos);
	if (ipip_route_holds(route, outer, tos) && !route->ipsec &&
	    ipip_route_is_plain(parms->dev, route->dst, len)) {
		dst = route->dst;
		outer->saddr = route->saddr;
	}
	ipip_compat_unlock_bh(&ipip_route_lock);
	if (!dst)
		return NULL;

	outer->tot_len = htons(len);
	if (!(outer->frag_off & htons(IP_DF)))
		ipip_select_ident(tunnel->net, outer, 1, inner, inner_len);
	outer->check = 0;
	ip_send_check(outer);
	return dst;
}

/* Check for a GSO packet that with its outer headers exceeds the 16 bits of their length
 * field, and for which the kernel doesn't accept a length of 0 either.
 */
static bool ipip_is_too_long(const struct sk_buff *skb,
			     const struct ipip_out *out)
{
	return unlikely(skb->len + out->hlen > IP_MAX_MTU) && skb_is_gso(skb) &&
	       !ipip_compat_may_be_big(skb, out->encap->type);
}

/* Segment a packet, and encapsulate each segment. */
static netdev_tx_t ipip_xmit_segments(struct sk_buff *skb,
				      struct net_device *dev)
{
	struct sk_buff *segs, *next;

	segs = skb_gso_segment(skb, dev->features & ~NETIF_F_GSO_MASK);
	if (IS_ERR_OR_NULL(segs))
		return ipip_xmit_drop(dev, skb, segs == ERR_PTR(-ENOMEM) ?
				      IPIP_DROP_TX_NO_MEMORY :
				      IPIP_DROP_TX_MALFORMED);

	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		ipip_xmit(skb, dev);
	}
	return NETDEV_TX_OK;
}

/**
 * ipip_xmit() - Encapsulate a packet and send it (RFC 2003 section 3.1)
 * @skb: inner packet, IPv4 or MPLS; owned by this function
 * @dev: the tunnel's device
 *
 * Context: softirqs off, rcu_read_lock_bh().
 * Return: NETDEV_TX_OK. A packet that can't be sent is dropped and counted.
 */
netdev_tx_t ipip_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rcu_dereference_bh(tunnel->parms);
	enum ipip_verdict verdict;
	struct ipip_out out;
	unsigned int len;

	if (!pskb_inet_may_pull(skb))
		return ipip_xmit_drop(dev, skb, IPIP_DROP_TX_MALFORMED);
	/* Generic XDP redirects a packet with its Ethernet header. If the program has removed
	 * that, the kernel has parsed the IPv4 header as an Ethernet header, and what it has
	 * set in the skb is wrong.
	 */
	if (unlikely(skb_network_offset(skb) > 0)) {
		if (*skb->data == IPIP_PLAIN_HEADER)
			return ipip_xmit_drop(dev, skb, IPIP_DROP_TX_MALFORMED);
		__skb_pull(skb, skb_network_offset(skb));
	}
	len = skb->len;
	verdict = ipip_xmit_header(parms, skb, &out);
	if (unlikely(verdict != IPIP_PASS))
		return ipip_xmit_drop(dev, skb, verdict);
	if (ipip_is_too_long(skb, &out))
		return ipip_xmit_segments(skb, dev);
	if (ipip_too_deep(dev))
		return ipip_xmit_drop(dev, skb, IPIP_DROP_TX_NESTED);

	verdict = ipip_xmit_route(parms, skb, &out);
	if (unlikely(verdict != IPIP_PASS))
		goto drop;
	if (unlikely(!out.outer.ttl))
		out.outer.ttl = ip4_dst_hoplimit(out.dst);
	verdict = ipip_xmit_check(parms, skb, &out);
	if (unlikely(verdict != IPIP_PASS))
		goto drop;

	verdict = IPIP_DROP_TX_NO_MEMORY;
	if (ipip_handle_offloads(skb, &out.outer))
		goto drop;
	skb_set_inner_ipproto(skb, out.outer.protocol);
	if (!ipip_reserve_headroom(dev, skb, &out)) {
		DEV_STATS_INC(dev, tx_dropped);
		ipip_drop(dev, skb, verdict);
		goto release;
	}
	if (unlikely(out.encap->type) &&
	    !ipip_encap(skb, out.encap, &out.outer)) {
		verdict = IPIP_DROP_TX_ENCAP;
		goto drop;
	}
	ipip_send(skb, parms, tunnel->net, &out, len);
	return NETDEV_TX_OK;

drop:
	ipip_xmit_drop(dev, skb, verdict);
release:
	if (out.dst_is_ours)
		dst_release(out.dst);
	return NETDEV_TX_OK;
}

/**
 * ipip_xmit_init() - Allocate the CPUs' blocks of IDs
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ipip_xmit_init(void)
{
	ipip_ids = __alloc_percpu(sizeof(struct ipip_ids) << IPIP_IDS_BITS,
				  __alignof__(struct ipip_ids));
	return ipip_ids ? 0 : -ENOMEM;
}

/**
 * ipip_xmit_exit() - Free the CPUs' blocks of IDs
 *
 * Context: process; after the last device was deleted.
 */
void ipip_xmit_exit(void)
{
	free_percpu(ipip_ids);
}

/**
 * ipip_xmit_init_net() - Prepare a netns
 * @net: the netns
 *
 * Context: process.
 */
void ipip_xmit_init_net(struct net *net)
{
	INIT_WORK(&ipip_pernet(net)->routes_work, ipip_routes_work);
}

/**
 * ipip_xmit_exit_net() - Clean up a netns that has no tunnel any more
 * @net: the netns
 *
 * Context: process, without RTNL, because the work takes it.
 */
void ipip_xmit_exit_net(struct net *net)
{
	cancel_work_sync(&ipip_pernet(net)->routes_work);
}
