/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions apart. Kbuild looks into the
 * headers of the kernel being built for and defines IPIP_HAVE_*; each entry
 * says which commit changed what, so that it can go when the last kernel
 * without it does.
 */
#ifndef _IPIP_COMPAT_H
#define _IPIP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

/* 6.5, d457a0e329b0 ("net: move gso declarations and functions to their own
 * files"): before, <linux/skbuff.h> had them.
 */
#ifdef IPIP_HAVE_NET_GSO_H
#include <net/gso.h>
#endif

/* 6.12, 5f60d5f6bbc1 ("move asm/unaligned.h to linux/unaligned.h") */
#ifdef IPIP_HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* 6.13, 908a1d775422 ("hrtimers: Introduce hrtimer_setup() to replace
 * hrtimer_init()"), which is gone since 6.15.
 */
static inline void
ipip_compat_hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*function)(struct hrtimer *),
			  clockid_t clock, const enum hrtimer_mode mode)
{
#ifdef IPIP_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* 6.12, 00d066a4d4ed ("netdev_features: convert NETIF_F_LLTX to dev->lltx") */
static inline void ipip_compat_set_lltx(struct net_device *dev)
{
#ifdef IPIP_HAVE_LLTX_BIT
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* 6.7, 34d21de99cea ("net: Move {l,t,d}stats allocation to core and convert
 * veth & vrf"), and in 6.1.y by backport: the core allocates and frees the
 * per-CPU statistics of a device that says which it has.
 */
static inline int ipip_compat_stats_alloc(struct net_device *dev)
{
#ifdef IPIP_HAVE_PCPU_STAT_TYPE
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	return 0;
#else
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
#endif
}

static inline void ipip_compat_stats_free(struct net_device *dev)
{
#ifndef IPIP_HAVE_PCPU_STAT_TYPE
	free_percpu(dev->tstats);
	dev->tstats = NULL;
#endif
}

/* 2026, in 6.1.y and 6.12.y by backport: may the caller change a link whose
 * underlay is in @link_net?
 */
static inline bool ipip_compat_link_net_capable(const struct net_device *dev,
						const struct net *link_net)
{
#ifdef IPIP_HAVE_LINK_NET_CAPABLE
	return rtnl_dev_link_net_capable(dev, link_net);
#else
	return net_eq(link_net, dev_net(dev)) ||
	       ns_capable(link_net->user_ns, CAP_NET_ADMIN);
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
