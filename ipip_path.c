// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the information that a netfilter flowtable needs to encapsulate and
 * decapsulate the packets of a flow without this driver.
 *
 * Only built for kernels whose flowtables can do that.
 */
#include <linux/in.h>
#include <linux/netdevice.h>
#include <net/ip_tunnels.h>
#include <net/route.h>

#include "ipip.h"

/* Check whether a flowtable may forward flows without the tunnel. With @fast_path the
 * administrator accepts these differences: TTL, TOS and DF of the outer header are copied
 * from the inner packet, the ECN field of a received outer header is lost, and the tunnel
 * doesn't count the packets. The other conditions exclude tunnels whose packets the
 * flowtable would send to the wrong place or in the wrong format: it supports neither the
 * extra features nor FOU and GUE, and sends all packets of a flow to one host by one route.
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
 * Return: 0; -EOPNOTSUPP if packets have to pass through the driver; or the error of the
 * look-up of the outer route.
 */
int ipip_fill_forward_path(struct net_device_path_ctx *ctx,
			   struct net_device_path *path)
{
	struct ipip_tunnel *tunnel = netdev_priv(ctx->dev);
	const struct ipip_parms *parms;
	struct flowi4 fl4;
	struct rtable *rt;

	WRITE_ONCE(tunnel->offloaded, true);
	/* Set @offloaded before reading the configuration. Pairs with smp_mb() in
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
	/* A flowtable would send the packets without IPsec. It also writes only the low 16
	 * bits of the outer length. Segmentation corrects that, but a device that accepts
	 * packets above 64 KiB gets them unsegmented.
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
