// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the MTU of the device, and how it follows the path.
 *
 * A tunnel with an automatic MTU has that of its outer route less what it adds.
 * Devices, routes, ICMP errors and the first packet that takes another route may
 * change it. Most of these events come in softirq. Each schedules the netns' work,
 * which looks at all tunnels with an automatic MTU, under RTNL.
 */
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/dst.h>
#include <net/fib_notifier.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip.h"

/* Events of so many jiffies cause one run of the work, which takes at most one part
 * in so many of a CPU.
 */
#define IPIP_MTU_DELAY		(HZ / 10)
#define IPIP_MTU_SHARE		20

#define IPIP_MAX_HEADROOM	512

/* The MTU that a path leaves to the inner packet (RFC 2003 section 5.1). */
static unsigned int ipip_mtu_inner(const struct ipip_parms *parms,
				   unsigned int mtu)
{
	return max_t(int, min_t(unsigned int, mtu, IP_MAX_MTU) - parms->hlen,
		     IPV4_MIN_MTU);
}

/* Does the route say nothing about the path's MTU? While IPsec waits for an SA, the
 * look-up gives a route that drops, with the loopback device and its MTU. And a
 * route into the tunnel itself would make the MTU smaller with each look.
 */
static bool ipip_mtu_unknown(const struct net_device *dev,
			     const struct dst_entry *dst)
{
	return READ_ONCE(dst->obsolete) == DST_OBSOLETE_DEAD || dst->dev == dev;
}

/**
 * ipip_mtu_set_headroom() - Set what the device asks of packets for headroom
 * @dev: the tunnel's device
 * @headroom: bytes that the outer header and all below it take
 *
 * It is bounded, because the devices above reserve as much in each packet.
 *
 * Context: any.
 */
void ipip_mtu_set_headroom(struct net_device *dev, unsigned int headroom)
{
	headroom = min_t(unsigned int, headroom, IPIP_MAX_HEADROOM);
	if (headroom != READ_ONCE(dev->needed_headroom))
		WRITE_ONCE(dev->needed_headroom, headroom);
}

/**
 * ipip_mtu_bind() - Find the device and the MTU that a tunnel leads through now
 * @dev: the tunnel's device; its headroom is set
 * @net: netns of the outer packets
 * @parms: configuration
 * @expires: set to when a learned path MTU that is in the result will be
 *	forgotten, in jiffies, or to 0; may be NULL
 *
 * Context: process.
 * Return: the largest inner packet in bytes; of the path if the MTU is automatic,
 * of the underlay device if not; 0 if there is neither.
 */
unsigned int ipip_mtu_bind(struct net_device *dev, struct net *net,
			   const struct ipip_parms *parms,
			   unsigned long *expires)
{
	unsigned int headroom = LL_MAX_HEADER, mtu = 0;
	struct net_device *underlay = NULL;
	struct rtable *rt = NULL;
	struct flowi4 fl4;

	if (parms->cfg.remote)
		rt = ipip_route_lookup(net, parms, &fl4,
				       parms->cfg.proto ?: IPPROTO_IPIP,
				       parms->cfg.remote, parms->cfg.local,
				       parms->cfg.tos, 0);
	if (!IS_ERR_OR_NULL(rt) && ipip_mtu_unknown(dev, &rt->dst)) {
		ip_rt_put(rt);
		rt = NULL;
	}
	rcu_read_lock();
	if (!IS_ERR_OR_NULL(rt))
		underlay = rt->dst.dev;
	else if (parms->cfg.link)
		underlay = dev_get_by_index_rcu(net, parms->cfg.link);
	if (underlay) {
		headroom = underlay->hard_header_len +
			   underlay->needed_headroom;
		mtu = ipip_mtu_inner(parms, READ_ONCE(underlay->mtu));
	}
	rcu_read_unlock();
	if (expires)
		*expires = 0;
	if (!IS_ERR_OR_NULL(rt)) {
		if (parms->cfg.mtu_auto)
			mtu = min(mtu, ipip_mtu_inner(parms, dst_mtu(&rt->dst)));
		if (expires)
			*expires = READ_ONCE(xfrm_dst_path(&rt->dst)->expires);
		ip_rt_put(rt);
	}

	ipip_mtu_set_headroom(dev, headroom + parms->hlen);
	return mtu;
}

/**
 * ipip_mtu_change() - Change the MTU: ndo_change_mtu
 * @dev: the tunnel's device
 * @mtu: within the bounds that the device has
 *
 * An MTU that the user sets ends the automatic one.
 *
 * Context: process, RTNL.
 * Return: 0.
 */
int ipip_mtu_change(struct net_device *dev, int mtu)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *parms = rtnl_dereference(tunnel->parms);

	if (parms->cfg.mtu_auto && !tunnel->mtu_following)
		ipip_table_end_mtu_auto(ipip_pernet(tunnel->net), parms);
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

/**
 * ipip_mtu_set() - Set the MTU to one that was found out, not given
 * @dev: the tunnel's device
 * @mtu: the MTU
 *
 * If a notifier vetoes it, the device keeps its MTU.
 *
 * Context: process, RTNL.
 */
void ipip_mtu_set(struct net_device *dev, unsigned int mtu)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	tunnel->mtu_following = true;
	dev_set_mtu(dev, mtu);
	tunnel->mtu_following = false;
}

/* Set one tunnel's MTU to that of its path, and lower @delay to the time until a
 * learned path MTU expires. Without a route the tunnel keeps its MTU.
 */
static void ipip_mtu_follow(struct ipip_parms *parms, unsigned long *delay)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	unsigned long expires;
	unsigned int mtu;

	mtu = ipip_mtu_bind(parms->dev, tunnel->net, parms, &expires);
	if (mtu && mtu != parms->dev->mtu)
		ipip_mtu_set(parms->dev, mtu);
	if (expires && time_after(expires, jiffies))
		*delay = min(*delay, expires - jiffies + 1);
}

/* Returns the time until the next look, in jiffies. */
static unsigned long ipip_mtu_follow_all(struct ipip_net *in)
{
	unsigned long delay = MAX_JIFFY_OFFSET;
	struct ipip_parms *parms;

	for (parms = ipip_table_next(in, NULL); parms;
	     parms = ipip_table_next(in, parms)) {
		if (parms->cfg.mtu_auto)
			ipip_mtu_follow(parms, &delay);
		cond_resched();
	}
	return delay;
}

static int ipip_mtu_fib_event(struct notifier_block *nb, unsigned long event,
			      void *ptr)
{
	const struct ipip_net *in = container_of(nb, struct ipip_net, fib_nb);
	const struct fib_notifier_info *info = ptr;

	if (info->family == AF_INET)
		ipip_mtu_schedule(in->net);
	return NOTIFY_DONE;
}

static void ipip_mtu_work(struct work_struct *work)
{
	struct ipip_net *in = container_of(to_delayed_work(work),
					   struct ipip_net, mtu_work);
	unsigned long start, delay;

	/* register_fib_notifier() must not be called with RTNL held, and only a
	 * netns with such a tunnel needs it: hence here.
	 */
	if (!in->fib_registered)
		in->fib_registered = !register_fib_notifier(in->net,
							    &in->fib_nb, NULL,
							    NULL);
	rtnl_lock();
	/* Before the routes are looked at: an event from here on schedules the work
	 * again. Pairs with atomic_xchg() in ipip_mtu_schedule().
	 */
	atomic_set_release(&in->mtu_pending, 0);
	start = jiffies;
	delay = ipip_mtu_follow_all(in);
	in->mtu_delay = max_t(unsigned long, IPIP_MTU_DELAY,
			      (jiffies - start) * IPIP_MTU_SHARE);
	if (delay != MAX_JIFFY_OFFSET)
		queue_delayed_work(ipip_compat_unbound_wq, &in->mtu_work, delay);
	rtnl_unlock();
}

/**
 * ipip_mtu_schedule() - Something has changed that MTUs may have to follow
 * @net: netns of the outer packets
 *
 * Context: any.
 */
void ipip_mtu_schedule(const struct net *net)
{
	struct ipip_net *in = ipip_pernet(net);

	/* The work may wait already, for a path MTU to expire: bring it forward. */
	if (ipip_table_has_mtu_auto(in) && !atomic_xchg(&in->mtu_pending, 1))
		mod_delayed_work(ipip_compat_unbound_wq, &in->mtu_work,
				 READ_ONCE(in->mtu_delay));
}

/**
 * ipip_mtu_check() - Does the tunnel's MTU fit its route?
 * @parms: configuration
 * @dst: the route
 *
 * Context: softirqs off.
 */
void ipip_mtu_check(const struct ipip_parms *parms, const struct dst_entry *dst)
{
	const struct ipip_tunnel *tunnel = netdev_priv(parms->dev);

	if (READ_ONCE(parms->cfg.mtu_auto) &&
	    !ipip_mtu_unknown(parms->dev, dst) &&
	    ipip_mtu_inner(parms, dst_mtu(dst)) != READ_ONCE(parms->dev->mtu))
		ipip_mtu_schedule(tunnel->net);
}

static int ipip_mtu_netdev_event(struct notifier_block *nb, unsigned long event,
				 void *ptr)
{
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGEMTU:
	case NETDEV_CHANGEUPPER:
		ipip_mtu_schedule(dev_net(netdev_notifier_info_to_dev(ptr)));
	}
	return NOTIFY_DONE;
}

struct notifier_block ipip_mtu_netdev_nb = {
	.notifier_call	= ipip_mtu_netdev_event,
};

/**
 * ipip_mtu_init_net() - Prepare a netns
 * @net: the netns
 *
 * Context: process.
 */
void ipip_mtu_init_net(struct net *net)
{
	struct ipip_net *in = ipip_pernet(net);

	in->net = net;
	in->mtu_delay = IPIP_MTU_DELAY;
	in->fib_nb.notifier_call = ipip_mtu_fib_event;
	INIT_DELAYED_WORK(&in->mtu_work, ipip_mtu_work);
}

/**
 * ipip_mtu_exit_net() - Leave a netns that has no tunnel any more
 * @net: the netns
 *
 * Context: process, without RTNL, which the work takes.
 */
void ipip_mtu_exit_net(struct net *net)
{
	struct ipip_net *in = ipip_pernet(net);

	cancel_delayed_work_sync(&in->mtu_work);
	if (in->fib_registered)
		unregister_fib_notifier(net, &in->fib_nb);
}
