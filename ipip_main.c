// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel (RFC 2003): the module, its state per netns, the configuration
 * of a tunnel and its network device.
 *
 * All functions that change this run in process context under RTNL.
 */
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip.h"

#define IPIP_VERSION		"0.1.0"
#define IPIP_FALLBACK		"tunl0"
#define IPIP_KEEPALIVE_RETRIES	10

unsigned int ipip_net_id __read_mostly;

/**
 * ipip_parms_set_name() - Set the name that an address was looked up from
 * @parms: the configuration, not published yet
 * @i: IPIP_NAME_*
 * @name: the name; "" or NULL for none
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ipip_parms_set_name(struct ipip_parms *parms, unsigned int i,
			const char *name)
{
	kfree(parms->names[i]);
	parms->names[i] = NULL;
	if (!name || !*name)
		return 0;
	parms->names[i] = kstrdup(name, GFP_KERNEL_ACCOUNT);
	return parms->names[i] ? 0 : -ENOMEM;
}

/**
 * ipip_parms_alloc() - Allocate a configuration
 * @dev: the tunnel's device
 * @from: configuration to start from, or NULL for the defaults of the link
 *	kind: the inner TTL, and DF always set
 *
 * Context: process.
 * Return: a configuration, which ipip_create() or ipip_change() completes and
 * publishes, or NULL if there is no memory.
 */
struct ipip_parms *ipip_parms_alloc(struct net_device *dev,
				    const struct ipip_parms *from)
{
	struct ipip_parms *parms;
	unsigned int i;

	parms = kzalloc(sizeof(*parms), GFP_KERNEL_ACCOUNT);
	if (!parms)
		return NULL;

	parms->dev = dev;
	if (from) {
		parms->cfg = from->cfg;
		for (i = 0; i < IPIP_NAMES; i++)
			if (ipip_parms_set_name(parms, i, from->names[i]))
				goto err;
		return parms;
	}

	parms->cfg.pmtudisc = true;
	parms->cfg.proto = IPPROTO_IPIP;
	parms->cfg.keepalive.retries = IPIP_KEEPALIVE_RETRIES;
	parms->cfg.keepalive.answer = true;
	return parms;

err:
	ipip_parms_free(parms);
	return NULL;
}

static void ipip_parms_complete_outer(struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;

	parms->hlen = sizeof(struct iphdr) + cfg->encap_hlen;
	parms->tos = cfg->tos;
	parms->outer.version = IPVERSION;
	parms->outer.ihl = sizeof(struct iphdr) / 4;
	parms->outer.ttl = cfg->ttl;
	parms->outer.protocol = cfg->proto;
	parms->outer.saddr = cfg->local;
	parms->outer.daddr = cfg->remote;
	if (cfg->df == IPIP_DF_SET ||
	    (cfg->df == IPIP_DF_LEGACY && cfg->pmtudisc))
		parms->outer.frag_off = htons(IP_DF);
	else if (cfg->df != IPIP_DF_NO)
		parms->df_mask = htons(IP_DF);
}

static void ipip_parms_complete_extras(struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;

	if (cfg->clamp & IPIP_CLAMP_RX)
		parms->rcv_extras |= IPIP_EXTRA_CLAMP;
	if (cfg->clamp & IPIP_CLAMP_TX)
		parms->xmit_extras |= IPIP_EXTRA_CLAMP;
	if (cfg->require_ipsec) {
		parms->rcv_extras |= IPIP_EXTRA_IPSEC;
		parms->xmit_extras |= IPIP_EXTRA_IPSEC;
	}
	if (cfg->keepalive.interval &&
	    cfg->keepalive.mode == IPIP_KEEPALIVE_MODE_ICMP)
		parms->rcv_extras |= IPIP_EXTRA_ICMP;
	if (cfg->role == IPIP_ROLE_EXTERNAL) {
		parms->rcv_extras |= IPIP_EXTRA_EXTERNAL;
		parms->xmit_extras |= IPIP_EXTRA_EXTERNAL;
	}
}

/* Derive from @cfg the fields that the packet paths read. */
static int ipip_parms_complete(struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;
	size_t size;

	/* The receive path reads one cache line, the transmit path another. */
	BUILD_BUG_ON(offsetofend(struct ipip_parms, rcv_extras) > 64);
	BUILD_BUG_ON(offsetofend(struct ipip_parms, cfg.encap) -
		     offsetof(struct ipip_parms, outer) > 64);

	parms->proto = cfg->proto;
	ipip_table_set_key(parms);
	ipip_parms_complete_outer(parms);
	ipip_parms_complete_extras(parms);
	if (cfg->role == IPIP_ROLE_EXTERNAL)
		return 0;

	if (!cfg->remote)
		parms->route_bits = IPIP_ROUTE_BITS_NEXTHOP;
	else if (cfg->tos & IPIP_TOS_INHERIT)
		parms->route_bits = IPIP_ROUTE_BITS_TOS;
	else
		parms->route_bits = IPIP_ROUTE_BITS_FIXED;

	size = sizeof(struct ipip_route) << parms->route_bits;
	parms->routes = __alloc_percpu_gfp(size, __alignof__(struct ipip_route),
					   GFP_KERNEL_ACCOUNT);
	return parms->routes ? 0 : -ENOMEM;
}

static void ipip_routes_free(struct ipip_route __percpu *routes,
			     unsigned int bits)
{
	struct ipip_route *slots;
	unsigned int cpu, i;

	if (!routes)
		return;
	for_each_possible_cpu(cpu) {
		slots = per_cpu_ptr(routes, cpu);
		for (i = 0; i < BIT(bits); i++)
			dst_release(slots[i].dst);
	}
	free_percpu(routes);
}

/**
 * ipip_parms_free() - Free a configuration that nobody can find any more
 * @parms: the configuration, published or not
 *
 * Context: any in which per-CPU memory may be freed; the RCU callback calls it in
 * softirq.
 */
void ipip_parms_free(struct ipip_parms *parms)
{
	int i;

	dst_release(rcu_dereference_protected(parms->ipsec_dst, 1));
	ipip_routes_free(parms->routes, parms->route_bits);
	ipip_routes_free(parms->many, IPIP_ROUTE_BITS_MANY);
	for (i = 0; i < IPIP_NAMES; i++)
		kfree(parms->names[i]);
	kfree(parms);
}

static void ipip_parms_free_rcu(struct rcu_head *rcu)
{
	ipip_parms_free(container_of(rcu, struct ipip_parms, rcu));
}

static void ipip_set_addresses(struct net_device *dev,
			       const struct ipip_parms *parms)
{
	ipip_compat_addr_set(dev, &parms->cfg.local, sizeof(__be32));
	memcpy(dev->broadcast, &parms->cfg.remote, sizeof(__be32));
}

static void ipip_destruct(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	ipip_ipsec_free(dev);
	ipip_parms_free(rcu_dereference_protected(tunnel->parms, 1));
}

/**
 * ipip_create() - Register a tunnel's device and add it to the tunnel table
 * @dev: device, set up by ipip_setup() and not yet registered
 * @net: netns of the outer packets
 * @parms: its configuration; the tunnel takes ownership, also on failure
 * @mtu_given: the user has set dev->mtu, so it isn't derived
 *
 * Context: process, RTNL.
 * Return: 0, -ENOMEM, or what nf_register_net_hook(), ipip_ipsec_start() or
 * register_netdevice() returns.
 */
int ipip_create(struct net_device *dev, struct net *net,
		struct ipip_parms *parms, bool mtu_given)
{
	const bool fallback = parms->cfg.role == IPIP_ROLE_FALLBACK;
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_net *in = ipip_pernet(net);
	unsigned int mtu;
	int err;

	tunnel->net = net;
	err = ipip_parms_complete(parms);
	if (err)
		goto err_parms;
	err = ipip_table_reserve(in);
	if (err)
		goto err_parms;
	err = ipip_keepalive_hook_get(net, parms);
	if (err)
		goto err_parms;
	err = ipip_ipsec_start(dev, parms);
	if (err)
		goto err_hook;
	mtu = ipip_mtu_bind(dev, net, parms) ?: ETH_DATA_LEN - parms->hlen;
	dev->min_mtu = IPV4_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU - parms->hlen;
	if (mtu_given)
		mtu = clamp(dev->mtu, dev->min_mtu, dev->max_mtu);
	/* IPv6 allocates state for a device at registration if its MTU is 1280 or
	 * more, else when the device goes up. Like the in-tree driver, register tunl0
	 * with an MTU of 0: in most netns it stays down and never needs that state.
	 */
	dev->mtu = fallback ? 0 : mtu;
	ipip_keepalive_init(dev);
	if (parms->cfg.remote)
		dev->flags |= IFF_POINTOPOINT;
	ipip_set_addresses(dev, parms);
	RCU_INIT_POINTER(tunnel->parms, parms);

	err = register_netdevice(dev);
	if (err)
		goto err_ipsec;

	/* Set the destructor only now: register_netdevice() calls it on some failures
	 * and not on others, and err_parms frees the configuration on all of them.
	 */
	dev->priv_destructor = ipip_destruct;
	if (fallback)
		WRITE_ONCE(dev->mtu, mtu);
	ipip_link_note(tunnel, parms->cfg.link);
	ipip_table_link(in, parms);
	ipip_mtu_schedule(net);
	return 0;

err_ipsec:
	RCU_INIT_POINTER(tunnel->parms, NULL);
	ipip_ipsec_stop(dev);
	ipip_ipsec_free(dev);
err_hook:
	ipip_keepalive_hook_put(net, parms);
err_parms:
	ipip_parms_free(parms);
	return err;
}

/* Padding is compared too. If only padding differs, ipip_change() publishes an equal
 * configuration, which does no harm.
 */
static bool ipip_parms_equal(const struct ipip_parms *a,
			     const struct ipip_parms *b)
{
	unsigned int i;

	for (i = 0; i < IPIP_NAMES; i++)
		if (strcmp(a->names[i] ?: "", b->names[i] ?: ""))
			return false;
	return !memcmp(&a->cfg, &b->cfg, sizeof(a->cfg));
}

/* Replace a configuration so that each packet finds the old one or the new one. If the
 * key changes, the new entry may be in another class of the table. A reader may have
 * searched that class already when the entry is linked, and must then find the old
 * entry. So unlink the old entry only after all readers that started earlier have
 * finished.
 */
static void ipip_publish(struct ipip_tunnel *tunnel, struct ipip_parms *old,
			 struct ipip_parms *new)
{
	struct ipip_net *in = ipip_pernet(tunnel->net);

	ipip_table_link(in, new);
	rcu_assign_pointer(tunnel->parms, new);
	/* Publish the configuration before reading @offloaded. Pairs with smp_mb() in
	 * ipip_fill_forward_path(), which sets @offloaded before it reads the
	 * configuration. So either this function sees that a flow is being offloaded
	 * and waits for it, or that one sees the new configuration. After the wait,
	 * the route of that flow has been looked up, and netdev_state_change()
	 * invalidates it with all others.
	 */
	smp_mb();
	if (new->key_local != old->key_local ||
	    new->key_remote != old->key_remote ||
	    READ_ONCE(tunnel->offloaded))
		synchronize_net();
	ipip_table_unlink(in, old);
	ipip_keepalive_hook_put(tunnel->net, old);
	ipip_keepalive_change(new->dev, old, new);
	call_rcu(&old->rcu, ipip_parms_free_rcu);
}

static void ipip_change_mtu(struct net_device *dev,
			    const struct ipip_parms *new,
			    const struct ipip_parms *old, bool given)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	unsigned int mtu;

	if (!new->cfg.mtu_auto && new->cfg.link == old->cfg.link &&
	    new->cfg.fwmark == old->cfg.fwmark && new->hlen == old->hlen)
		return;
	dev->max_mtu = IP_MAX_MTU - new->hlen;
	mtu = ipip_mtu_bind(dev, tunnel->net, new);
	if (!mtu && !new->cfg.mtu_auto)
		mtu = ETH_DATA_LEN - new->hlen;
	if (mtu && !given)
		ipip_mtu_set(dev, mtu);
}

/* Notify rtnetlink listeners of a changed configuration. netdev_state_change() doesn't
 * notify about a device that is down.
 */
static void ipip_notify(struct net_device *dev)
{
	if (dev->flags & IFF_UP)
		netdev_state_change(dev);
	else
		call_netdevice_notifiers(NETDEV_CHANGEINFODATA, dev);
}

/**
 * ipip_change() - Replace a tunnel's configuration
 * @dev: the tunnel's device
 * @parms: the new configuration; the tunnel takes ownership, also on failure
 * @mtu_given: the same request sets the MTU
 *
 * No packet is lost: each sees the old configuration or the new one. The MTU is
 * derived again if the link, the fwmark or the encapsulation changes, and on every
 * change if it is automatic, unless a notifier vetoes it. If the new configuration
 * equals the present one, nothing changes and nobody is notified.
 *
 * Context: process, RTNL.
 * Return: 0; or, with nothing changed, -ENOMEM or the error of
 * nf_register_net_hook() or ipip_ipsec_start().
 */
int ipip_change(struct net_device *dev, struct ipip_parms *parms,
		bool mtu_given)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *old = rtnl_dereference(tunnel->parms);
	int err = 0;

	if (ipip_parms_equal(parms, old))
		goto err_parms;
	err = ipip_parms_complete(parms);
	if (err)
		goto err_parms;
	err = ipip_ipsec_start(dev, parms);
	if (err)
		goto err_parms;
	err = ipip_keepalive_hook_get(tunnel->net, parms);
	if (err)
		goto err_parms;

	ipip_mtu_inherit(parms, old);
	ipip_probe_forget(dev, old, parms);
	ipip_change_mtu(dev, parms, old, mtu_given);
	if (parms->cfg.link != old->cfg.link)
		ipip_link_note(tunnel, parms->cfg.link);
	ipip_set_addresses(dev, parms);
	ipip_publish(tunnel, old, parms);
	if (parms->cfg.mtu_auto)
		ipip_mtu_schedule(tunnel->net);
	ipip_notify(dev);
	return 0;

err_parms:
	ipip_parms_free(parms);
	return err;
}

/**
 * ipip_delete() - Queue a tunnel's device for unregistration
 * @dev: the tunnel's device
 * @head: list of devices that the caller will unregister together, or NULL to
 *	unregister this one at once
 *
 * Every deletion of a tunnel must call this function: ipip_rcv_flush() relies on it.
 *
 * Context: process, RTNL. The caller holds RTNL until the devices of @head are
 * unregistered.
 */
void ipip_delete(struct net_device *dev, struct list_head *head)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);

	if (tunnel->received)
		ipip_rcv_expect_flush();
	unregister_netdevice_queue(dev, head);
}

static int ipip_init_dev(struct net_device *dev)
{
	netdev_lockdep_set_classes(dev);
	return ipip_compat_stats_alloc(dev);
}

/* Called with RTNL held. register_netdevice() also calls it if it fails after ndo_init;
 * then the tunnel isn't in the table.
 */
static void ipip_uninit_dev(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_parms *parms = rtnl_dereference(tunnel->parms);
	struct ipip_net *in = ipip_pernet(tunnel->net);

	if (ipip_table_has(in, parms)) {
		ipip_table_unlink(in, parms);
		ipip_keepalive_hook_put(tunnel->net, parms);
		ipip_ipsec_stop(dev);
	}
	ipip_rcv_flush();
	ipip_compat_stats_free(dev);
}

static int ipip_open(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	tunnel->received = true;
	ipip_keepalive_open(dev);
	return 0;
}

static int ipip_stop(struct net_device *dev)
{
	ipip_keepalive_stop(dev);
	return 0;
}

static int ipip_get_iflink(const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms;
	int link = 0;

	rcu_read_lock();
	parms = rcu_dereference(tunnel->parms);
	if (parms)
		link = parms->cfg.link;
	rcu_read_unlock();
	return link;
}

static const struct net_device_ops ipip_netdev_ops = {
	.ndo_init		= ipip_init_dev,
	.ndo_uninit		= ipip_uninit_dev,
	.ndo_open		= ipip_open,
	.ndo_stop		= ipip_stop,
	.ndo_start_xmit		= ipip_xmit,
	IPIP_COMPAT_NDO_IOCTL,
	.ndo_change_mtu		= ipip_mtu_change,
	.ndo_get_stats64	= ipip_compat_get_stats64,
	.ndo_get_iflink		= ipip_get_iflink,
	.ndo_tunnel_ctl		= ipip_tunnel_ctl,
	IPIP_COMPAT_NDO_FILL_FORWARD_PATH
	IPIP_COMPAT_NDO_XDP_XMIT
};

/**
 * ipip_is_tunnel() - Check whether a device belongs to this driver
 * @dev: any device
 *
 * Context: any.
 * Return: true if it does.
 */
bool ipip_is_tunnel(const struct net_device *dev)
{
	return dev->netdev_ops == &ipip_netdev_ops;
}

/**
 * ipip_setup() - Initialize a new tunnel device
 * @dev: device that isn't registered yet
 *
 * Context: process, RTNL; the setup callback of the link kind.
 */
void ipip_setup(struct net_device *dev)
{
	const netdev_features_t features = NETIF_F_SG | NETIF_F_FRAGLIST |
					   NETIF_F_HIGHDMA | NETIF_F_HW_CSUM |
					   NETIF_F_GSO_SOFTWARE;

	dev->netdev_ops = &ipip_netdev_ops;
	dev->ethtool_ops = &ipip_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->type = ARPHRD_TUNNEL;
	dev->flags = IFF_NOARP;
	dev->addr_len = sizeof(__be32);
	dev->features |= features;
	dev->hw_features |= features;
	dev->needs_free_netdev = true;
	ipip_compat_set_lltx(dev);
	ipip_compat_set_big_tcp(dev);
	ipip_compat_set_xdp_xmit(dev);
	/* Next-hop mode and path MTU discovery read the inner packet's route. */
	netif_keep_dst(dev);
}

/**
 * ipip_alloc_netdev() - Allocate a tunnel device without rtnetlink
 * @net: netns of the device
 * @name: its name; %d in it is replaced by the first free number
 *
 * Context: process, RTNL.
 * Return: the device, not registered yet, or NULL if there is no memory.
 */
struct net_device *ipip_alloc_netdev(struct net *net, const char *name)
{
	struct net_device *dev;

	dev = alloc_netdev(sizeof(struct ipip_tunnel), name, NET_NAME_UNKNOWN,
			   ipip_setup);
	if (!dev)
		return NULL;
	dev_net_set(dev, net);
	dev->rtnl_link_ops = &ipip_link_ops;
	return dev;
}

/* tunl0 carries IPv4 and MPLS, and copies the inner DF. */
static int ipip_create_fallback(struct net *net)
{
	struct ipip_parms *parms;
	struct net_device *dev;
	int err = -ENOMEM;

	dev = ipip_alloc_netdev(net, IPIP_FALLBACK);
	if (!dev)
		return -ENOMEM;
	parms = ipip_parms_alloc(dev, NULL);
	if (!parms)
		goto err_dev;

	ipip_compat_set_netns_immutable(dev);
	parms->cfg.role = IPIP_ROLE_FALLBACK;
	parms->cfg.proto = 0;
	parms->cfg.pmtudisc = false;
	err = ipip_create(dev, net, parms, false);
	if (err)
		goto err_dev;
	return 0;

err_dev:
	free_netdev(dev);
	return err;
}

static int __net_init ipip_init_net(struct net *net)
{
	struct ipip_net *in = ipip_pernet(net);
	int err;

	ipip_mtu_init_net(net);
	ipip_xmit_init_net(net);
	if (!net_has_fallback_tunnels(net))
		return 0;

	rtnl_lock();
	err = ipip_create_fallback(net);
	if (err)
		ipip_table_free(in);
	rtnl_unlock();
	return err;
}

/**
 * ipip_exit_net() - Delete all tunnels of a netns that ends
 * @net: netns of the outer packets; the devices may be in others
 * @head: list of devices to unregister; it may contain devices of other drivers
 *
 * Context: process, RTNL.
 */
void __net_exit ipip_exit_net(struct net *net, struct list_head *head)
{
	const struct ipip_net *in = ipip_pernet(net);
	struct ipip_parms *parms;

	for (parms = ipip_table_next(in, NULL); parms;
	     parms = ipip_table_next(in, parms))
		ipip_delete(parms->dev, head);
}

/* Called without RTNL, after the devices were unregistered. */
static void __net_exit ipip_exit_batch(struct list_head *nets)
{
	struct net *net;

	ipip_compat_exit_devices(nets);
	list_for_each_entry(net, nets, exit_list) {
		ipip_mtu_exit_net(net);
		ipip_xmit_exit_net(net);
		ipip_table_free(ipip_pernet(net));
	}
}

static struct pernet_operations ipip_net_ops = {
	.init		= ipip_init_net,
	IPIP_COMPAT_EXIT_RTNL
	.exit_batch	= ipip_exit_batch,
	.id		= &ipip_net_id,
	.size		= sizeof(struct ipip_net),
};

static struct xfrm_tunnel ipip_handler __read_mostly = {
	.handler	= ipip_rcv,
	.err_handler	= ipip_err,
	.priority	= 1,
};

static struct xfrm_tunnel ipip_mpls_handler __read_mostly = {
	.handler	= ipip_rcv_mpls,
	.err_handler	= ipip_err,
	.priority	= 1,
};

static int __init ipip_init_handlers(void)
{
	int err;

	err = xfrm4_tunnel_register(&ipip_handler, AF_INET);
	if (err)
		return err;
	if (!IS_ENABLED(CONFIG_MPLS))
		return 0;

	err = xfrm4_tunnel_register(&ipip_mpls_handler, AF_MPLS);
	if (err)
		xfrm4_tunnel_deregister(&ipip_handler, AF_INET);
	return err;
}

static void ipip_exit_handlers(void)
{
	if (IS_ENABLED(CONFIG_MPLS))
		xfrm4_tunnel_deregister(&ipip_mpls_handler, AF_MPLS);
	xfrm4_tunnel_deregister(&ipip_handler, AF_INET);
}

static int __init ipip_init(void)
{
	int err;

	err = ipip_xmit_init();
	if (err)
		return err;
	err = ipip_rcv_init();
	if (err)
		goto err_xmit;
	err = ipip_xdp_init();
	if (err)
		goto err_rcv;
	err = register_pernet_device(&ipip_net_ops);
	if (err) {
		pr_err("can't create " IPIP_FALLBACK " (error %d): is another driver loaded?\n",
		       err);
		goto err_xdp;
	}
	err = register_netdevice_notifier(&ipip_mtu_netdev_nb);
	if (err)
		goto err_pernet;
	err = register_netdevice_notifier(&ipip_link_nb);
	if (err)
		goto err_mtu_notifier;
	err = ipip_init_handlers();
	if (err) {
		pr_err("can't register the protocol (error %d): is another driver loaded?\n",
		       err);
		goto err_link_notifier;
	}
	err = rtnl_link_register(&ipip_link_ops);
	if (err)
		goto err_handlers;

	pr_info("IP in IP tunnel " IPIP_VERSION " (RFC 2003)\n");
	return 0;

err_handlers:
	ipip_exit_handlers();
err_link_notifier:
	unregister_netdevice_notifier(&ipip_link_nb);
err_mtu_notifier:
	unregister_netdevice_notifier(&ipip_mtu_netdev_nb);
err_pernet:
	unregister_pernet_device(&ipip_net_ops);
err_xdp:
	ipip_xdp_exit();
err_rcv:
	ipip_rcv_exit();
err_xmit:
	ipip_xmit_exit();
	return err;
}

static void __exit ipip_exit(void)
{
	rtnl_link_unregister(&ipip_link_ops);
	ipip_exit_handlers();
	unregister_netdevice_notifier(&ipip_link_nb);
	unregister_netdevice_notifier(&ipip_mtu_netdev_nb);
	unregister_pernet_device(&ipip_net_ops);
	ipip_xdp_exit();
	ipip_rcv_exit();
	ipip_xmit_exit();
	rcu_barrier();	/* ipip_parms_free_rcu() is part of this module */
}

module_init(ipip_init);
module_exit(ipip_exit);

module_param_named(log_ecn_error, ipip_log_ecn_error, bool, 0644);
MODULE_PARM_DESC(log_ecn_error, "Log received packets with an invalid combination of ECN fields (RFC 6040)");

MODULE_DESCRIPTION("IP in IP tunnel (RFC 2003)");
MODULE_AUTHOR("ipip developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(IPIP_VERSION);
MODULE_ALIAS_RTNL_LINK("ipip");
MODULE_ALIAS_NETDEV(IPIP_FALLBACK);
