// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: required IPsec, checked after the host's netfilter rules.
 *
 * Before the tunnel sends a packet it checks that the route has an SA. After that, a
 * netfilter rule of the host may change the outer header or the mark. The kernel then looks
 * for an SA again, and if it finds none, it sends the packet in the clear. A hook that runs
 * after all such rules drops these packets.
 *
 * The socket with which ip_local_out() is called tells the hook that IPsec is required.
 * Netfilter keeps it with the packet, also while a program in user space has the packet.
 * The socket itself never receives or sends anything.
 */
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/ip.h>
#include <net/sock.h>
#include <net/inet_common.h>	/* on 5.10 it needs net/sock.h before it */

#include "ipip.h"

/* Check for a packet that has neither passed an SA of ESP or AH yet, nor has a route through
 * one. UDP is ESP if the packet was transformed, and FOU or GUE if it wasn't.
 */
static bool ipip_ipsec_is_missing(const struct sk_buff *skb)
{
	if (ipip_xmit_has_ipsec(skb_dst(skb)))
		return false;

	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		return false;
	case IPPROTO_UDP:
		return !(IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED);
	default:
		return true;
	}
}

/* Check for the socket of a tunnel. Only this driver has kernel sockets for IPIP. */
static bool ipip_ipsec_is_socket(const struct sock *sk)
{
	return sk && sk_fullsock(sk) && sk->sk_kern_sock &&
	       sk->sk_type == SOCK_RAW && sk->sk_protocol == IPPROTO_IPIP;
}

/* Let netfilter free the packet, with its own drop reason. Then ip_local_out() returns an
 * error on every kernel, and the packet isn't counted as sent.
 */
static unsigned int ipip_ipsec_hook(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	const struct net_device *dev;

	if (likely(!ipip_ipsec_is_socket(state->sk)) ||
	    likely(!ipip_ipsec_is_missing(skb)))
		return NF_ACCEPT;

	/* NULL if the device is being deleted. */
	dev = rcu_dereference_sk_user_data(state->sk);
	if (dev)
		ipip_count(dev, IFLA_IPIP_XSTATS_TX_NO_IPSEC);
	return NF_DROP;
}

/* Run after NAT and all of the user's filters. */
static const struct nf_hook_ops ipip_ipsec_hook_ops = {
	.hook		= ipip_ipsec_hook,
	.pf		= NFPROTO_IPV4,
	.hooknum	= NF_INET_POST_ROUTING,
	.priority	= NF_IP_PRI_LAST - 1,
};

/**
 * ipip_ipsec_start() - Make sure that packets that require IPsec don't lose their SA
 * @dev: the tunnel's device
 * @parms: the configuration that is going to be published
 *
 * Does nothing if @parms don't require IPsec, or if an earlier configuration of this
 * tunnel did. Without netfilter nothing changes a packet.
 *
 * Context: process, RTNL; before packets can find @parms.
 * Return: 0, or the error of inet_ctl_sock_create() or nf_register_net_hook().
 */
int ipip_ipsec_start(struct net_device *dev, const struct ipip_parms *parms)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct sock *sk;
	int err;

	if (!IS_ENABLED(CONFIG_NETFILTER) || !parms->cfg.require_ipsec ||
	    tunnel->ipsec_sk)
		return 0;

	err = inet_ctl_sock_create(&sk, PF_INET, SOCK_RAW, IPPROTO_IPIP,
				   tunnel->net);
	if (err)
		return err;
	err = ipip_hook_get(tunnel->net, &ipip_ipsec_hook_ops,
			    &ipip_pernet(tunnel->net)->ipsec_hooks);
	if (err) {
		inet_ctl_sock_destroy(sk);
		return err;
	}
	rcu_assign_sk_user_data(sk, dev);
	tunnel->ipsec_sk = sk;
	return 0;
}

/**
 * ipip_ipsec_stop() - Stop counting for a tunnel that sends nothing any more
 * @dev: the tunnel's device
 *
 * A grace period must follow before the device is freed.
 *
 * Context: process, RTNL; called once.
 */
void ipip_ipsec_stop(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	if (!tunnel->ipsec_sk)
		return;
	rcu_assign_sk_user_data(tunnel->ipsec_sk, NULL);
	ipip_hook_put(tunnel->net, &ipip_ipsec_hook_ops,
		      &ipip_pernet(tunnel->net)->ipsec_hooks);
}

/**
 * ipip_ipsec_free() - Free what ipip_ipsec_start() has allocated
 * @dev: the tunnel's device
 *
 * Context: process, may sleep; a grace period after ipip_ipsec_stop(), because a
 * received keepalive may be answered until then.
 */
void ipip_ipsec_free(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	if (tunnel->ipsec_sk)
		inet_ctl_sock_destroy(tunnel->ipsec_sk);
}
