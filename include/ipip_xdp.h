/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP in IP tunnel: code that both directions of XDP share.
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

/* Check whether IPsec policies apply to inner packets that this netns forwards. */
static inline bool ipip_xdp_has_policy(const struct net *net)
{
	return ipip_compat_has_xfrm_policy(net, XFRM_POLICY_FWD) ||
	       ipip_compat_has_xfrm_policy(net, XFRM_POLICY_OUT);
}

/* Fill in the flow of a forwarded packet for a look-up. @oif is 0 for any device. */
static inline void ipip_xdp_flow(struct flowi4 *fl4, struct net *net,
				 __be32 daddr, __be32 saddr, u8 tos, int oif)
{
	ipip_compat_init_flow(fl4, 0, daddr, saddr, 0, tos & INET_DSCP_MASK,
			      net, oif, 0, 0, 0);
	fl4->flowi4_iif = LOOPBACK_IFINDEX;
}

/* Check whether a frame of @len bytes may be redirected to a device. Exclude bonds, because
 * some of their ports may accept no frames.
 */
static inline bool ipip_xdp_takes_frame(const struct net_device *to,
					unsigned int len)
{
	return ipip_compat_has_xdp_xmit(to) && !netif_is_bond_master(to) &&
	       netif_carrier_ok(to) && !xdp_ok_fwd_dev(to, len);
}

/* ipip_xdp_rcv.c: only XDP programs call these. */
struct xdp_md;

int bpf_ipip_xdp_lookup(struct xdp_md *ctx);
int bpf_ipip_xdp_decap(struct xdp_md *ctx, u32 to, bool has_mac);
int bpf_ipip_xdp_encap(struct xdp_md *ctx, u32 to);

#endif /* _IPIP_XDP_H */
