// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the way that a flowtable may take past the stack.
 *
 * Built for kernels whose flowtable puts an outer IPv4 header on and takes it off
 * by itself.
 */
#include <linux/in.h>
#include <linux/netdevice.h>
#include <net/ip_tunnels.h>
#include <net/route.h>

#include "ipip.h"

/* A flowtable sees neither what our extras ask for nor what UDP adds, sends all of
 * a flow to one host by one route, whatever the DSCP of a packet, and gives the
 * outer header the inner one's DF.
 */
static bool ipip_path_is_plain(const struct ipip_parms *parms)
{
	return parms->cfg.remote && !ipv4_is_multicast(parms->cfg.remote) &&
	       !(parms->cfg.tos & IPIP_TOS_INHERIT) && parms->cfg.df != IPIP_DF_NO &&
	       !parms->cfg.encap.type &&
	       !parms->xmit_extras && !(parms->rcv_extras & ~IPIP_EXTRA_ICMP);
}

/**
 * ipip_fill_forward_path() - Describe the tunnel to a flowtable
 * @ctx: in: the tunnel's device; out: the underlay device
 * @path: filled in
 *
 * Context: softirq or process, RCU.
 * Return: 0; -EOPNOTSUPP if packets have to come through the driver; or what the
 * lookup of the outer route returns.
 */
int ipip_fill_forward_path(struct net_device_path_ctx *ctx,
			   struct net_device_path *path)
{
	struct ipip_tunnel *tunnel = netdev_priv(ctx->dev);
	const struct ipip_parms *parms;
	struct flowi4 fl4;
	struct rtable *rt;

	WRITE_ONCE(tunnel->offloaded, true);
	/* ipip_publish() sees this, or we see what it has published. */
	smp_mb();
	parms = rcu_dereference(tunnel->parms);
	if (!ipip_path_is_plain(parms) || !ipip_compat_path_is_ipv4(ctx) ||
	    !net_eq(tunnel->net, dev_net(ctx->dev)))
		return -EOPNOTSUPP;
	rt = ipip_route_lookup(tunnel->net, parms, &fl4, IPPROTO_IPIP,
			       parms->cfg.remote, parms->cfg.local,
			       parms->cfg.tos, 0);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	/* The flowtable would send it in the clear. */
	if (dst_xfrm(&rt->dst)) {
		ip_rt_put(rt);
		return -EOPNOTSUPP;
	}

	path->type = DEV_PATH_TUN;
	path->tun.src_v4.s_addr = fl4.saddr;
	path->tun.dst_v4.s_addr = parms->cfg.remote;
	path->dev = ctx->dev;
	ctx->dev = rt->dst.dev;
	ipip_compat_path_set_route(path, &rt->dst);
	return 0;
}
