// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the MTU of the device, and how it follows the path.
 *
 * An automatic MTU is that of the outer route minus the headers that the tunnel adds.
 * Events of devices and routes, ICMP errors, and the first packet with another route can
 * change it. Most of these events occur in softirq. Each schedules the work of the netns,
 * which checks all tunnels with an automatic MTU under RTNL.
 *
 * A FIB notifier would report changed routes, but register_fib_notifier() first dumps the
 * whole FIB, and fails while routes keep changing. So the work also runs about once per
 * second, and compares rt_genid_ipv4(), which the kernel increments to invalidate all
 * cached routes. A tunnel that carries packets doesn't wait for that: its next packet
 * finds the cached route invalid, and looks the route up again.
 *
 * The work looks routes up without IPsec, because a look-up with IPsec makes the IKE
 * daemon negotiate. The route of the last packet tells how much of the MTU IPsec leaves,
 * see &ipip_parms.ipsec_dst.
 */
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/lwtunnel.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip.h"

/* Jiffies whose events cause one run of the work. The work uses at most
 * 1/IPIP_MTU_SHARE of a CPU, unless a run takes longer than
 * IPIP_MTU_MAX_DELAY / IPIP_MTU_SHARE. The time of a run includes the time that
 * other tasks took the CPU, so without this limit a busy host would wait for
 * minutes until it sees that a route has changed.
 */
#define IPIP_MTU_DELAY		(HZ / 10)
#define IPIP_MTU_MAX_DELAY	(10 * HZ)
#define IPIP_MTU_SHARE		20
/* Jiffies between two checks for changed routes. */
#define IPIP_MTU_POLL		HZ

/* Tunnels that are nested more deeply can't carry a packet. */
#define IPIP_MTU_DEPTH		8

#define IPIP_MAX_HEADROOM	512

/* Get the MTU of the inner packet for a path with this MTU (RFC 2003 section 5.1). */
static unsigned int ipip_mtu_inner(const struct ipip_parms *parms,
				   unsigned int mtu)
{
	return max_t(int, min_t(unsigned int, mtu, IP_MAX_MTU) - parms->hlen,
		     IPV4_MIN_MTU);
}

/* The path of a tunnel. */
struct ipip_mtu_path {
	unsigned int mtu;	/* largest inner packet, or 0 if it isn't known */
	unsigned int max;	/* the same without ICMP */
	unsigned long expires;	/* jiffies when @mtu becomes invalid, or 0 */
	bool circle;		/* it returns to a device that it has passed */
};

/* Check for a route that says nothing about the path MTU. While IPsec waits for an SA, the
 * look-up returns a route that drops packets, with the loopback device and its MTU.
 */
static bool ipip_mtu_unknown(const struct net_device *dev,
			     const struct dst_entry *dst)
{
	return READ_ONCE(dst->obsolete) == DST_OBSOLETE_DEAD || dst->dev == dev;
}

/**
 * ipip_mtu_set_headroom() - Set the headroom that the device requests in packets
 * @dev: the tunnel's device
 * @headroom: bytes of the outer header and of all headers below it
 *
 * It is limited, because the devices above reserve as much in each packet.
 *
 * Context: any.
 */
void ipip_mtu_set_headroom(struct net_device *dev, unsigned int headroom)
{
	headroom = min_t(unsigned int, headroom, IPIP_MAX_HEADROOM);
	if (headroom != READ_ONCE(dev->needed_headroom))
		WRITE_ONCE(dev->needed_headroom, headroom);
}

/* Get the outer route without IPsec, with a reference, or NULL. */
static struct rtable *ipip_mtu_route(struct net *net,
				     const struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;
	struct rtable *rt;

	if (!cfg->remote)
		return NULL;
	rt = ipip_route_lookup_clear(net, parms, cfg->proto ?: IPPROTO_IPIP,
				     cfg->remote, cfg->local, cfg->tos);
	return IS_ERR(rt) ? NULL : rt;
}

/* Get the device of the default route, or NULL; valid under RCU. A tunnel that has no remote
 * and isn't bound to a device, such as tunl0, sends to hosts that depend on the packets. An
 * automatic MTU assumes that the default route leads to them.
 */
static struct net_device *ipip_mtu_default(struct net *net,
					   const struct ipip_parms *parms)
{
	struct flowi4 fl4 = { .flowi4_mark = parms->cfg.fwmark };
	struct net_device *underlay;
	struct fib_result res;

	if (fib_lookup(net, &fl4, &res, FIB_LOOKUP_NOREF))
		return NULL;
	underlay = FIB_RES_DEV(res);
	return underlay == parms->dev ? NULL : underlay;
}

/* Get the device by which outer packets leave, or NULL. Valid under RCU. */
static struct net_device *ipip_mtu_underlay(struct net *net,
					    const struct ipip_parms *parms,
					    const struct rtable *rt)
{
	const struct ipip_config *cfg = &parms->cfg;

	if (rt)
		return rt->dst.dev;
	if (cfg->link)
		return dev_get_by_index_rcu(net, cfg->link);
	return cfg->mtu_auto && !cfg->remote ? ipip_mtu_default(net, parms) :
					       NULL;
}

/* Check whether the path of a tunnel that leaves by @underlay returns to a tunnel that it
 * has passed. Tunnels with an automatic MTU that lead through each other would lower each
 * other's MTU with each run of the work. A device with a fixed MTU prevents that, so the
 * search ends there. Under RTNL and RCU.
 */
static bool ipip_mtu_is_circle(const struct ipip_parms *parms,
			       struct net_device *underlay)
{
	const struct net_device *dev = parms->dev;
	struct ipip_tunnel *tunnel;
	unsigned int depth;
	struct rtable *rt;

	for (depth = 0; underlay != dev && depth < IPIP_MTU_DEPTH; depth++) {
		if (!parms->cfg.mtu_auto || !underlay ||
		    underlay->rtnl_link_ops != &ipip_link_ops)
			return false;
		tunnel = netdev_priv(underlay);
		parms = rtnl_dereference(tunnel->parms);
		rt = ipip_mtu_route(tunnel->net, parms);
		underlay = ipip_mtu_underlay(tunnel->net, parms, rt);
		ip_rt_put(rt);
	}
	return true;
}

/* Calculate how much of @mtu, the MTU of the route to the far end, the SAs of @dst leave.
 * Returns 0 if an SA isn't valid any more or doesn't end at the far end: then the MTU is
 * unknown until the next packet looks its route up. Under RCU, which keeps @dst and its
 * SAs.
 */
static unsigned int ipip_mtu_by_sas(const struct ipip_parms *parms,
				    const struct dst_entry *dst,
				    unsigned int mtu)
{
	struct xfrm_state *sas[XFRM_MAX_DEPTH];
	struct xfrm_state *x;
	unsigned int n = 0;

	for (; (x = dst_xfrm(dst)); dst = xfrm_dst_child(dst)) {
		if (n == ARRAY_SIZE(sas) ||
		    READ_ONCE(x->km.state) != XFRM_STATE_VALID ||
		    x->props.family != AF_INET ||
		    x->id.daddr.a4 != parms->cfg.remote)
			return 0;
		sas[n++] = x;
	}
	while (n--)
		mtu = xfrm_state_mtu(sas[n], mtu);
	return mtu;
}

/* Get the MTU of a route without a path MTU from ICMP. */
static unsigned int ipip_mtu_unlearned(const struct dst_entry *dst)
{
	return dst_metric_raw(dst, RTAX_MTU) ?: READ_ONCE(dst->dev->mtu);
}

/* Fill in @path for a tunnel whose outer packets leave by @underlay. @rt is the outer route,
 * or NULL. Under RTNL and RCU.
 */
static void ipip_mtu_fill_path(struct ipip_mtu_path *path,
			       const struct ipip_parms *parms,
			       struct net_device *underlay, struct rtable *rt)
{
	struct dst_entry *ipsec = rcu_dereference(parms->ipsec_dst);
	unsigned int mtu = IP_MAX_MTU, max = IP_MAX_MTU;

	if (rt && parms->cfg.mtu_auto) {
		mtu = dst_mtu(&rt->dst);
		max = ipip_mtu_unlearned(&rt->dst);
		/* dst_mtu() has subtracted this headroom. */
		max -= lwtunnel_headroom(rt->dst.lwtstate, max);
		path->expires = READ_ONCE(rt->dst.expires);
		if (ipsec && dst_check(ipsec, 0)) {
			underlay = ipsec->dev;
			mtu = dst_mtu(ipsec);
			max = ipip_mtu_by_sas(parms, ipsec, max) ?: mtu;
			path->expires = READ_ONCE(xfrm_dst_path(ipsec)->expires);
		} else if (ipsec) {
			mtu = ipip_mtu_by_sas(parms, ipsec, mtu);
			max = ipip_mtu_by_sas(parms, ipsec, max);
		}
	}
	path->circle = ipip_mtu_is_circle(parms, underlay);
	if (!mtu || path->circle)
		return;
	max = max(max, mtu);
	path->mtu = ipip_mtu_inner(parms, min(mtu, READ_ONCE(underlay->mtu)));
	path->max = ipip_mtu_inner(parms, min(max, READ_ONCE(underlay->mtu)));
}

/* Find the present path of a tunnel, and set the device's headroom accordingly. */
static struct ipip_mtu_path ipip_mtu_find(struct net_device *dev,
					  struct net *net,
					  const struct ipip_parms *parms)
{
	unsigned int headroom = LL_MAX_HEADER;
	struct ipip_mtu_path path = {};
	struct net_device *underlay;
	struct rtable *rt;

	ASSERT_RTNL();
	rcu_read_lock();
	rt = ipip_mtu_route(net, parms);
	underlay = ipip_mtu_underlay(net, parms, rt);
	if (underlay)
		ipip_mtu_fill_path(&path, parms, underlay, rt);
	if (underlay && underlay != dev)
		headroom = underlay->hard_header_len +
			   underlay->needed_headroom;
	ip_rt_put(rt);
	rcu_read_unlock();

	ipip_mtu_set_headroom(dev, headroom + parms->hlen);
	return path;
}

/**
 * ipip_mtu_bind() - Find the present underlay device and MTU of a tunnel
 * @dev: the tunnel's device; its headroom is set
 * @net: netns of the outer packets
 * @parms: configuration
 *
 * Context: process, RTNL.
 * Return: the largest inner packet in bytes. If the MTU is automatic, it is that of the
 * path, as measured if there is a result; otherwise that of the underlay device. 0 if
 * there is neither, or if it isn't known.
 */
unsigned int ipip_mtu_bind(struct net_device *dev, struct net *net,
			   const struct ipip_parms *parms)
{
	const unsigned int mtu = ipip_mtu_find(dev, net, parms).mtu;

	return parms->cfg.mtu_auto ? ipip_probe_mtu(dev) ?: mtu : mtu;
}

/**
 * ipip_mtu_is_own_link() - Check whether a tunnel with an automatic MTU would follow itself
 * @dev: the tunnel's device
 * @net: netns of the outer packets
 * @cfg: its new configuration
 *
 * Context: process, RTNL.
 * Return: true if the tunnel is its own underlay device.
 */
bool ipip_mtu_is_own_link(const struct net_device *dev, const struct net *net,
			  const struct ipip_config *cfg)
{
	return cfg->mtu_auto && cfg->link && cfg->link == dev->ifindex &&
	       net_eq(net, dev_net(dev));
}

/**
 * ipip_mtu_change() - Change the MTU: ndo_change_mtu
 * @dev: the tunnel's device
 * @mtu: the MTU, within the limits of the device
 *
 * An MTU that the user sets turns the automatic MTU off.
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
 * ipip_mtu_set() - Set an MTU that the driver, and not the user, has determined
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

/**
 * ipip_mtu_copy_route() - Copy a route to one host without a path MTU from ICMP
 * @rt: the route
 *
 * The route's own MTU can't be in the copy's metrics, so it is stored as a learned one.
 *
 * Context: any, RCU.
 * Return: the copy, with a reference, or NULL if there is no memory.
 */
struct rtable *ipip_mtu_copy_route(const struct rtable *rt)
{
	struct rtable *copy;

	copy = ipip_compat_rt_alloc(rt->dst.dev, rt->rt_flags, rt->rt_type,
				    rt->dst.flags & DST_NOXFRM);
	if (!copy)
		return NULL;
	copy->rt_uses_gateway = rt->rt_uses_gateway;
	copy->rt_gw_family = rt->rt_gw_family;
	if (rt->rt_gw_family == AF_INET6)
		copy->rt_gw6 = rt->rt_gw6;
	else
		copy->rt_gw4 = rt->rt_gw4;
	copy->rt_pmtu = dst_metric_raw(&rt->dst, RTAX_MTU);
	dst_set_expires(&copy->dst, HZ);
	copy->dst.output = READ_ONCE(rt->dst.output);
	copy->dst.lwtstate = lwtstate_get(rt->dst.lwtstate);
	return copy;
}

/* Remove a path MTU from ICMP from the outer route, for all senders to the far end, by
 * setting the path MTU that the route has without ICMP. The kernel doesn't raise a route's
 * path MTU, but it does for a copy of the route that has none. The operations of the copy
 * look the route up once more, with the header of a packet.
 */
static void ipip_mtu_unlearn(struct net *net, const struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;
	struct rtable *rt = ipip_mtu_route(net, parms);
	struct rtable *copy = NULL;
	struct sk_buff *skb;
	struct iphdr *iph;

	skb = alloc_skb(sizeof(*iph), GFP_KERNEL);
	rcu_read_lock();
	if (rt && !dst_metric_locked(&rt->dst, RTAX_MTU))
		copy = ipip_mtu_copy_route(rt);
	if (!skb || !copy)
		goto out;
	iph = skb_put_zero(skb, sizeof(*iph));
	iph->version = IPVERSION;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = cfg->tos & INET_DSCP_MASK;
	iph->protocol = cfg->proto ?: IPPROTO_IPIP;
	iph->saddr = cfg->local;
	iph->daddr = cfg->remote;
	skb_reset_network_header(skb);
	skb->mark = cfg->fwmark;
	skb->dev = copy->dst.dev;
	copy->dst.ops->update_pmtu(&copy->dst, NULL, skb,
				   ipip_mtu_unlearned(&rt->dst), false);
out:
	rcu_read_unlock();
	consume_skb(skb);
	ip_rt_put(copy);
	ip_rt_put(rt);
}

/* Set one tunnel's MTU to that of its path. If a learned path MTU expires before @expires,
 * set @expires to that time. A tunnel whose path isn't known keeps its MTU.
 */
static void ipip_mtu_follow(struct ipip_parms *parms, unsigned long *expires)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct net_device *dev = parms->dev;
	struct ipip_mtu_path path;

	path = ipip_mtu_find(dev, tunnel->net, parms);
	if (path.circle && !tunnel->mtu_circle)
		net_warn_ratelimited("%s: the outer route leads in a circle, the automatic MTU stays %u\n",
				     dev->name, dev->mtu);
	tunnel->mtu_circle = path.circle;
	if (path.mtu && ipip_probe_disproves(dev, path.mtu)) {
		ipip_mtu_unlearn(tunnel->net, parms);
		path.mtu = path.max;
	}
	if (path.mtu)
		path.mtu = ipip_probe_follow(dev, path.mtu, path.max);
	if (path.mtu && path.mtu != dev->mtu)
		ipip_mtu_set(dev, path.mtu);
	if (path.expires && time_after(path.expires, jiffies) &&
	    time_before(path.expires, *expires))
		*expires = path.expires;
}

/* Update all tunnels of a netns. */
static void ipip_mtu_follow_all(struct ipip_net *in)
{
	const unsigned long start = jiffies;
	struct ipip_parms *parms;

	in->mtu_expires = start + MAX_JIFFY_OFFSET;
	for (parms = ipip_table_next(in, NULL); parms;
	     parms = ipip_table_next(in, parms)) {
		if (parms->cfg.mtu_auto)
			ipip_mtu_follow(parms, &in->mtu_expires);
		cond_resched();
	}
	WRITE_ONCE(in->mtu_delay, clamp_t(unsigned long,
					  (jiffies - start) * IPIP_MTU_SHARE,
					  IPIP_MTU_DELAY, IPIP_MTU_MAX_DELAY));
}

/* Check whether anything has changed since the last run. */
static bool ipip_mtu_is_stale(const struct ipip_net *in)
{
	return atomic_read(&in->mtu_pending) ||
	       in->mtu_genid != rt_genid_ipv4(in->net) ||
	       time_after(jiffies, in->mtu_expires);
}

static void ipip_mtu_work(struct work_struct *work)
{
	struct ipip_net *in = container_of(to_delayed_work(work),
					   struct ipip_net, mtu_work);
	unsigned long next;

	if (ipip_mtu_is_stale(in)) {
		rtnl_lock();
		/* Clear the flag before reading the routes, so that a later event
		 * causes another run. The atomic_xchg() is a full barrier, and pairs
		 * with the one in ipip_mtu_schedule().
		 */
		atomic_xchg(&in->mtu_pending, 0);
		in->mtu_genid = rt_genid_ipv4(in->net);
		ipip_mtu_follow_all(in);
		rtnl_unlock();
	}
	if (!ipip_table_has_mtu_auto(in))
		return;
	next = max_t(unsigned long, IPIP_MTU_POLL, in->mtu_delay);
	next = min(round_jiffies_relative(next), in->mtu_expires - jiffies + 1);
	/* This has no effect if ipip_mtu_schedule() has queued the work meanwhile. */
	queue_delayed_work(ipip_compat_unbound_wq, &in->mtu_work, next);
}

/**
 * ipip_mtu_schedule() - Schedule an update of the automatic MTUs
 * @net: netns of the outer packets
 *
 * Context: any.
 */
void ipip_mtu_schedule(const struct net *net)
{
	struct ipip_net *in = ipip_pernet(net);

	/* The work may be queued already for the next check: bring it forward. */
	if (ipip_table_has_mtu_auto(in) && !atomic_xchg(&in->mtu_pending, 1))
		mod_delayed_work(ipip_compat_unbound_wq, &in->mtu_work,
				 READ_ONCE(in->mtu_delay));
}

/* Store @dst, the route of a packet that leaves through IPsec, or NULL, and release the
 * previous one. Readers may use that one until their RCU read-side sections end.
 */
static void ipip_mtu_keep_ipsec(struct ipip_parms *parms, struct dst_entry *dst)
{
	struct dst_entry *old = rcu_access_pointer(parms->ipsec_dst);

	if (dst == old || (dst && !dst_hold_safe(dst)))
		return;
	old = (struct dst_entry __force *)xchg(&parms->ipsec_dst,
					       RCU_INITIALIZER(dst));
	dst_release(old);
}

/**
 * ipip_mtu_inherit() - Copy the IPsec route to a new configuration
 * @new: configuration that is going to be published
 * @old: configuration in force
 *
 * Does nothing if the packets of the new configuration may have another route.
 *
 * Context: process, RTNL.
 */
void ipip_mtu_inherit(struct ipip_parms *new, const struct ipip_parms *old)
{
	struct dst_entry *dst;

	if (!new->cfg.mtu_auto || !old->cfg.mtu_auto ||
	    !ipip_same_addresses(&new->cfg, &old->cfg) ||
	    new->cfg.fwmark != old->cfg.fwmark)
		return;
	rcu_read_lock();
	dst = rcu_dereference(old->ipsec_dst);
	if (dst && dst_hold_safe(dst))
		RCU_INIT_POINTER(new->ipsec_dst, dst);
	rcu_read_unlock();
}

/**
 * ipip_mtu_check() - Check whether the tunnel's MTU fits the route of a packet
 * @parms: configuration of the packet, which may have been replaced meanwhile
 * @dst: the route
 *
 * If not, the work of the netns is scheduled.
 *
 * Context: softirqs off, RCU.
 */
void ipip_mtu_check(const struct ipip_parms *parms, struct dst_entry *dst)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct ipip_parms *now;
	unsigned int mtu;

	if (!READ_ONCE(parms->cfg.mtu_auto) || !parms->cfg.remote ||
	    ipip_mtu_unknown(parms->dev, dst))
		return;
	now = rcu_dereference_check(tunnel->parms, rcu_read_lock_bh_held());
	if (now != parms)
		return;	/* The first packet of the new one will check. */
	ipip_mtu_keep_ipsec(now, dst_xfrm(dst) ? dst : NULL);
	/* Compare with what the routes said, not with a measured MTU. */
	mtu = READ_ONCE(tunnel->probe.mtu) ?: READ_ONCE(parms->dev->mtu);
	if (ipip_mtu_inner(parms, dst_mtu(dst)) != mtu)
		ipip_mtu_schedule(tunnel->net);
}

/**
 * ipip_mtu_check_probe() - Check whether the tunnel's MTU fits the IPsec route of a probe
 * @parms: configuration
 * @dst: the probe's route
 *
 * This way a tunnel that carries only probes learns of new and deleted SAs. Without IPsec
 * the route of a probe says nothing, because its DSCP may lead to another path than that
 * of data packets.
 *
 * Context: softirqs off, RCU.
 */
void ipip_mtu_check_probe(const struct ipip_parms *parms, struct dst_entry *dst)
{
	if (dst_xfrm(dst) || rcu_access_pointer(parms->ipsec_dst))
		ipip_mtu_check(parms, dst);
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
	INIT_DELAYED_WORK(&in->mtu_work, ipip_mtu_work);
}

/**
 * ipip_mtu_exit_net() - Clean up a netns that has no tunnel any more
 * @net: the netns
 *
 * Context: process, without RTNL, because the work takes it.
 */
void ipip_mtu_exit_net(struct net *net)
{
	cancel_delayed_work_sync(&ipip_pernet(net)->mtu_work);
}
