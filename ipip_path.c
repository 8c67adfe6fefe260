// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: what a netfilter flowtable has to know to encapsulate and
 * decapsulate a flow's packets itself, without this driver.
 *
 * Built for kernels whose flowtables can do that.
 */
#include <linux/in.h>
#include <linux/netdevice.h>
#include <net/ip_tunnels.h>
#include <net/route.h>

#include "ipip.h"

/* May a flowtable take flows past the tunnel? The administrator has accepted what it
 * does otherwise: TTL, TOS and DF of the outer header come from the inner packet, the
 * ECN field of a received outer header is lost, and the tunnel counts nothing. What is
 * left here would send packets to the wrong place, or make or understand another
 * format: it knows neither our extras nor FOU and GUE, and sends all packets of a flow
 * to one host by one route.
 */
static bool ipip_path_is_allowed(const struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;

	return cfg->fast_path && netif_carrier_ok(parms->dev) &&
	       cfg->remote && !ipv4_is_multicast(cfg->remote) &&
	       !(cfg->tos & IPIP_TOS_INHERIT) && cfg->df != IPIP_DF_NO &&
	       !cfg->encap.type &&
	       (IPIP_COMPAT_PATH_TAKES_ROUTE || (!cfg->link && !cfg->fwmark)) &&
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
	/* Set @offloaded first, then read the configuration. Pairs with smp_mb() in
	 * ipip_publish().
	 */
	smp_mb();
	parms = rcu_dereference(tunnel->parms);
	if (!ipip_path_is_allowed(parms) || !ipip_compat_path_is_ipv4(ctx) ||
	    !net_eq(tunnel->net, dev_net(ctx->dev)))
		return -EOPNOTSUPP;
	rt = ipip_route_lookup(tunnel->net, parms, &fl4, IPPROTO_IPIP,
			       parms->cfg.remote, parms->cfg.local,
			       parms->cfg.tos, 0);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	/* A flowtable would send the packets without IPsec. Of the outer header's length
	 * it writes the low 16 bits. Segmentation corrects that, but a device that takes
	 * larger packets gets them whole.
	 */
	if (dst_xfrm(&rt->dst) ||
	    READ_ONCE(rt->dst.dev->gso_ipv4_max_size) > GSO_LEGACY_MAX_SIZE) {
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
