/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP in IP tunnel: what both directions of XDP have in common.
 */
#ifndef _IPIP_XDP_H
#define _IPIP_XDP_H

#include <linux/filter.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <net/net_namespace.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip_compat.h"

/* Would an IPsec policy look at inner packets that this netns forwards? */
static inline bool ipip_xdp_has_policy(const struct net *net)
{
	return ipip_compat_has_xfrm_policy(net, XFRM_POLICY_FWD) ||
	       ipip_compat_has_xfrm_policy(net, XFRM_POLICY_OUT);
}

/* To look up, as a packet that is forwarded. @oif is 0 for any device. */
static inline void ipip_xdp_flow(struct flowi4 *fl4, struct net *net,
				 __be32 daddr, __be32 saddr, u8 tos, int oif)
{
	ipip_compat_init_flow(fl4, 0, daddr, saddr, 0, tos & INET_DSCP_MASK,
			      net, oif, 0, 0, 0);
	fl4->flowi4_iif = LOOPBACK_IFINDEX;
}

/* May a frame of @len bytes be redirected to a device? A bond may have ports that take
 * none.
 */
static inline bool ipip_xdp_takes_frame(const struct net_device *to,
					unsigned int len)
{
	return ipip_compat_has_xdp_xmit(to) && !netif_is_bond_master(to) &&
	       netif_carrier_ok(to) && !xdp_ok_fwd_dev(to, len);
}

/* ipip_xdp_rcv.c: for programs alone. */
struct xdp_md;

int bpf_ipip_xdp_lookup(struct xdp_md *ctx);
int bpf_ipip_xdp_decap(struct xdp_md *ctx, u32 to, bool has_mac);
int bpf_ipip_xdp_encap(struct xdp_md *ctx, u32 to);

#endif /* _IPIP_XDP_H */
