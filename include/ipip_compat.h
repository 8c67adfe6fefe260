/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions apart. Kbuild looks into the
 * headers of the kernel being built for and defines IPIP_HAVE_*; each entry
 * says which commit changed what, so that it can go when the last kernel
 * without it does.
 */
#ifndef _IPIP_COMPAT_H
#define _IPIP_COMPAT_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/ip_tunnels.h>

/* 6.5, d457a0e329b0 ("net: move gso declarations and functions to their own
 * files"): before, <linux/skbuff.h> had them.
 */
#ifdef IPIP_HAVE_NET_GSO_H
#include <net/gso.h>
#endif

/* 6.12, 00d066a4d4ed ("netdev_features: convert NETIF_F_LLTX to dev->lltx") */
static inline void ipip_compat_set_lltx(struct net_device *dev)
{
#ifdef IPIP_HAVE_LLTX_BIT
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* 6.13, and in 6.12.y by backport: a reason of its own for RFC 6040 drops. */
#ifdef IPIP_HAVE_DROP_IP_TUNNEL_ECN
#define IPIP_DROP_ECN	SKB_DROP_REASON_IP_TUNNEL_ECN
#else
#define IPIP_DROP_ECN	SKB_DROP_REASON_IP_INHDR
#endif

/* 7.0, and in 6.12.y by backport: how deep tunnels may nest on transmit. */
#ifndef IP_TUNNEL_RECURSION_LIMIT
#define IP_TUNNEL_RECURSION_LIMIT	5
#endif

#endif /* _IPIP_COMPAT_H */
