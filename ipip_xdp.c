// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: encapsulation of frames that XDP programs redirect into a tunnel.
 *
 * A plain frame is encapsulated here, without an skb. Any other frame is converted to an
 * skb and sent through the stack, which handles all special cases. ipip_xmit.c builds the
 * outer header and finds its route for both.
 *
 * All of this runs with softirqs off. Only built for kernels whose frames have a flag for
 * multiple buffers.
 */
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <net/arp.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/nexthop.h>
#include <net/route.h>
#include <net/xdp.h>
#include <net/xfrm.h>

#include "ipip.h"
#include "ipip_xdp.h"

#define IPIP_XDP_BULK		16

/**
 * struct ipip_xdp_bulk - encapsulated frames that leave by one device
 * @dev: the tunnel's device
 * @to: the underlay device
 * @n: number of frames
 * @frames: the frames
 * @lens: bytes that the tunnel's device counts for each
 */
struct ipip_xdp_bulk {
	struct net_device *dev;
	struct net_device *to;
	unsigned int n;
	struct xdp_frame *frames[IPIP_XDP_BULK];
	unsigned int lens[IPIP_XDP_BULK];
};

/* Send a frame with its Ethernet header through the queue of a device whose ndo_xdp_xmit has
 * failed. The device may have no XDP queue at present.
 */
static bool ipip_xdp_queue(struct xdp_frame *frame, struct net_device *to)
{
	struct sk_buff *skb = xdp_build_skb_from_frame(frame, to);
	int err;

	if (!skb) {
		xdp_return_frame_rx_napi(frame);
		return false;
	}
	skb_reset_network_header(skb);
	skb_push(skb, ETH_HLEN);
	/* Not as the macro's argument, which it evaluates twice. */
	err = dev_queue_xmit(skb);
	return !net_xmit_eval(err);
}

/* Handle one frame after ndo_xdp_xmit has returned @sent. The first @sent frames were sent;
 * free the others. If @sent is an error, send the frame through the queue instead. Returns
 * true if the frame was sent.
 */
static bool ipip_xdp_has_left(const struct ipip_xdp_bulk *bulk, unsigned int i,
			      int sent)
{
	if (sent < 0)
		return ipip_xdp_queue(bulk->frames[i], bulk->to);
	if (i < sent)
		return true;
	xdp_return_frame_rx_napi(bulk->frames[i]);
	return false;
}

static void ipip_xdp_flush(struct ipip_xdp_bulk *bulk)
{
	unsigned int i, packets = 0, bytes = 0;
	struct net_device *to = bulk->to;
	int sent;

	if (!bulk->n)
		return;
	sent = to->netdev_ops->ndo_xdp_xmit(to, bulk->n, bulk->frames,
					    XDP_XMIT_FLUSH);
	for (i = 0; i < bulk->n; i++) {
		if (likely(ipip_xdp_has_left(bulk, i, sent))) {
			packets++;
			bytes += bulk->lens[i];
		} else {
			iptunnel_xmit_stats(bulk->dev, 0);
		}
	}
	if (packets)
		dev_sw_netstats_tx_add(bulk->dev, packets, bytes);
	bulk->n = 0;
}

static void ipip_xdp_add(struct ipip_xdp_bulk *bulk, struct net_device *to,
			 struct xdp_frame *frame, unsigned int len)
{
	if (bulk->to != to || bulk->n == IPIP_XDP_BULK)
		ipip_xdp_flush(bulk);
	bulk->to = to;
	bulk->frames[bulk->n] = frame;
	bulk->lens[bulk->n++] = len;
}

/* Pass an inner IPv4 packet to the stack as if this host had forwarded it to the tunnel: the
 * inner route determines the next hop, and the host's IPsec policies apply. Drop a packet
 * that is addressed to this host: the stack would deliver it without checking its source.
 */
static void ipip_xdp_output(struct net_device *dev, struct sk_buff *skb)
{
	const struct iphdr *inner = ip_hdr(skb);
	struct net *net = dev_net(dev);
	struct flowi4 fl4;
	struct rtable *rt;

	ipip_xdp_flow(&fl4, net, inner->daddr, inner->saddr, inner->tos,
		      dev->ifindex);
	/* Don't use the table of a VRF that leads to another device. */
	fl4.flowi4_oif = dev->ifindex;
	fl4.flowi4_flags |= FLOWI_FLAG_ANYSRC;
	rt = __ip_route_output_key(net, &fl4);
	if (!IS_ERR(rt))
		skb_dst_set(skb, &rt->dst);
	if (IS_ERR(rt) || rt->dst.dev != dev || rt->rt_flags & RTCF_LOCAL) {
		DEV_STATS_INC(dev, tx_errors);
		DEV_STATS_INC(dev, tx_carrier_errors);
		ipip_drop(dev, skb, IPIP_DROP_TX_NO_ROUTE);
		return;
	}
	if (!xfrm4_policy_check(NULL, XFRM_POLICY_FWD, skb) ||
	    !xfrm4_route_forward(skb)) {
		DEV_STATS_INC(dev, tx_errors);
		ipip_drop(dev, skb, IPIP_DROP_TX_NO_IPSEC);
		return;
	}
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	dst_output(net, NULL, skb);
}

/* Remove the padding of a short Ethernet frame, and note where the inner header ends, as
 * the stack does on receipt. Returns false if it isn't a complete IPv4 packet.
 */
static bool ipip_xdp_trim(struct sk_buff *skb)
{
	unsigned int len, hlen;

	if (!pskb_may_pull(skb, sizeof(struct iphdr)))
		return false;
	hlen = ip_hdrlen(skb);
	if (ip_hdr(skb)->version != IPVERSION || hlen < sizeof(struct iphdr) ||
	    !pskb_may_pull(skb, hlen))
		return false;
	len = ntohs(ip_hdr(skb)->tot_len);
	if (len < hlen || len > skb->len || pskb_trim_rcsum(skb, len))
		return false;
	/* Transport mode of IPsec asks for it. */
	skb_set_transport_header(skb, hlen);
	return true;
}

/* Copy a frame that begins with its IPv4 header and has no headroom for an Ethernet header,
 * as in AF_XDP's queues. Returns NULL if there is no memory.
 */
static struct sk_buff *ipip_xdp_copy(struct net_device *dev,
				     struct xdp_frame *frame)
{
	struct sk_buff *skb;

	if (xdp_frame_has_frags(frame))
		return NULL;
	skb = netdev_alloc_skb(dev, LL_MAX_HEADER + frame->len);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb_put_data(skb, frame->data, frame->len);
	skb_reset_mac_header(skb);
	skb->protocol = htons(ETH_P_IP);
	xdp_return_frame_rx_napi(frame);
	return skb;
}

/* Convert a frame to an skb, which then owns the frame. Returns NULL if there is no memory. */
static struct sk_buff *ipip_xdp_build_skb(struct net_device *dev,
					  struct xdp_frame *frame)
{
	if (*(u8 *)frame->data != IPIP_PLAIN_HEADER)
		return xdp_build_skb_from_frame(frame, dev);

	/* The kernel's function expects an Ethernet header. */
	if (frame->headroom < ETH_HLEN)
		return ipip_xdp_copy(dev, frame);
	frame->data -= ETH_HLEN;
	frame->headroom -= ETH_HLEN;
	frame->len += ETH_HLEN;
	frame->metasize = 0;
	memset(frame->data, 0, ETH_HLEN);
	((struct ethhdr *)frame->data)->h_proto = htons(ETH_P_IP);
	return xdp_build_skb_from_frame(frame, dev);
}

/* Pass a frame that isn't plain to the stack. */
static void ipip_xdp_to_stack(struct net_device *dev, struct xdp_frame *frame)
{
	struct sk_buff *skb = ipip_xdp_build_skb(dev, frame);

	if (!skb) {
		DEV_STATS_INC(dev, tx_dropped);
		ipip_count(dev, IFLA_IPIP_XSTATS_TX_NO_MEMORY);
		xdp_return_frame_rx_napi(frame);
		return;
	}
	/* The Ethernet address belongs to another device, not to the tunnel. ICMP only answers
	 * packets that were addressed to this host.
	 */
	skb->pkt_type = PACKET_HOST;
	skb_reset_network_header(skb);
	/* The kernel's queues take nothing empty. */
	if (skb->len && skb->protocol != htons(ETH_P_IP)) {
		dev_queue_xmit(skb);
	} else if (ipip_xdp_trim(skb)) {
		ipip_xdp_output(dev, skb);
	} else {
		DEV_STATS_INC(dev, tx_errors);
		ipip_drop(dev, skb, IPIP_DROP_TX_MALFORMED);
	}
}

/* Find the inner IPv4 header in a frame that begins with it or with an Ethernet header.
 * Returns NULL if the packet isn't plain.
 */
static struct iphdr *ipip_xdp_inner(struct xdp_frame *frame)
{
	const struct ethhdr *eth = frame->data;
	unsigned int len = frame->len, tot_len;
	struct iphdr *inner = frame->data;

	if (xdp_frame_has_frags(frame) || len < ETH_HLEN + sizeof(*inner))
		return NULL;
	if (*(u8 *)inner != IPIP_PLAIN_HEADER) {
		if (eth->h_proto != htons(ETH_P_IP))
			return NULL;
		inner = frame->data + ETH_HLEN;
		len -= ETH_HLEN;
		if (*(u8 *)inner != IPIP_PLAIN_HEADER)
			return NULL;
	}
	tot_len = ntohs(inner->tot_len);
	return tot_len >= sizeof(*inner) && tot_len <= len ? inner : NULL;
}

/* Next-hop mode: get the gateway of the inner route, or the inner destination if it has
 * none. Returns 0 if the route isn't plain.
 */
static __be32 ipip_xdp_nexthop(const struct net_device *dev,
			       const struct iphdr *inner)
{
	const struct fib_nh_common *nhc;
	struct net *net = dev_net(dev);
	struct fib_result res;
	struct flowi4 fl4;

	ipip_xdp_flow(&fl4, net, inner->daddr, inner->saddr, inner->tos,
		      dev->ifindex);
	if (netif_is_l3_slave(dev) ||
	    fib_lookup(net, &fl4, &res, FIB_LOOKUP_NOREF) ||
	    res.type != RTN_UNICAST || fib_info_num_path(res.fi) != 1)
		return 0;
	nhc = FIB_RES_NHC(res);
	if (nhc->nhc_dev != dev || nhc->nhc_lwtstate)
		return 0;
	if (!nhc->nhc_gw_family)
		return inner->daddr;
	return nhc->nhc_gw_family == AF_INET ? nhc->nhc_gw.ipv4 : 0;
}

/* Push the underlay's Ethernet header, which is cached in the neighbour entry. Returns false
 * if the stack has to send a packet first to resolve or confirm the neighbour.
 */
static bool ipip_xdp_push_ethernet(struct xdp_frame *frame,
				   struct net_device *to,
				   const struct dst_entry *dst, __be32 daddr)
{
	const struct rtable *rt = container_of(dst, struct rtable, dst);
	struct neighbour *neigh;
	struct hh_cache *hh;
	unsigned int seq;

	if (rt->rt_gw_family == AF_INET6)
		return false;
	daddr = rt->rt_gw_family ? rt->rt_gw4 : daddr;
	neigh = __ipv4_neigh_lookup_noref(to, (__force u32)daddr);
	if (!neigh || !(READ_ONCE(neigh->nud_state) & NUD_CONNECTED))
		return false;
	hh = &neigh->hh;
	do {
		seq = read_seqbegin(&hh->hh_lock);
		if (READ_ONCE(hh->hh_len) != ETH_HLEN)
			return false;
		memcpy(frame->data - HH_DATA_MOD, hh->hh_data, HH_DATA_MOD);
	} while (read_seqretry(&hh->hh_lock, seq));

	frame->data -= ETH_HLEN;
	frame->headroom -= ETH_HLEN;
	frame->len += ETH_HLEN;
	return true;
}

/* Encapsulate a frame if it is plain. Returns the underlay device, or NULL if the stack has
 * to send the frame, which is unchanged then.
 */
static struct net_device *ipip_xdp_encap(const struct ipip_parms *parms,
					 struct xdp_frame *frame)
{
	struct iphdr *inner = ipip_xdp_inner(frame);
	const unsigned int overhead = sizeof(struct iphdr) + ETH_HLEN;
	const struct dst_entry *dst;
	struct net_device *to;
	struct xdp_frame was;
	struct iphdr outer;
	__be32 daddr;
	int offset;

	if (!inner)
		return NULL;
	offset = (void *)inner - frame->data;
	if (frame->headroom + offset < sizeof(outer) + HH_DATA_MOD)
		return NULL;
	daddr = parms->outer.daddr ?: ipip_xdp_nexthop(parms->dev, inner);
	if (unlikely(!daddr))
		return NULL;
	dst = ipip_xmit_plain(parms, inner, daddr, &outer);
	if (!dst)
		return NULL;
	/* Read it once: the kernel may replace it at any time. */
	to = READ_ONCE(dst->dev);
	if (to->type != ARPHRD_ETHER ||
	    !ipip_xdp_takes_frame(to, ntohs(inner->tot_len) + overhead))
		return NULL;

	was = *frame;
	frame->len = ntohs(inner->tot_len) + sizeof(outer);
	frame->headroom += offset - sizeof(outer);
	frame->data += offset - sizeof(outer);
	frame->metasize = 0;
	if (!ipip_xdp_push_ethernet(frame, to, dst, daddr)) {
		*frame = was;
		return NULL;
	}
	*(struct iphdr *)((void *)inner - sizeof(outer)) = outer;
	return to;
}

/**
 * ipip_xdp_xmit() - Encapsulate frames and send them (RFC 2003 section 3.1)
 * @dev: the tunnel's device
 * @n: number of frames
 * @frames: frames that begin with an Ethernet header, or with an IPv4 header without
 *	options
 * @flags: XDP_XMIT_*
 *
 * Frames of a flow stay in order.
 *
 * Context: softirqs off.
 * Return: @n; frames that can't be sent are dropped and counted. On -EINVAL or -ENETDOWN
 * the caller drops all frames.
 */
int ipip_xdp_xmit(struct net_device *dev, int n, struct xdp_frame **frames,
		  u32 flags)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_xdp_bulk bulk = { .dev = dev };
	const struct ipip_parms *parms;
	struct net_device *to;
	unsigned int len;
	bool is_plain;
	int i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_running(dev) || !netif_carrier_ok(dev)))
		return -ENETDOWN;

	rcu_read_lock();
	parms = rcu_dereference(tunnel->parms);
	is_plain = !ipip_xdp_has_policy(dev_net(dev));
	for (i = 0; i < n; i++) {
		to = is_plain ? ipip_xdp_encap(parms, frames[i]) : NULL;
		if (likely(to)) {
			len = frames[i]->len - ETH_HLEN - sizeof(struct iphdr);
			ipip_xdp_add(&bulk, to, frames[i], len);
		} else {
			ipip_xdp_flush(&bulk);
			ipip_xdp_to_stack(dev, frames[i]);
		}
	}
	ipip_xdp_flush(&bulk);
	rcu_read_unlock();
	return n;
}
