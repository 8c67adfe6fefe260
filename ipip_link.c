// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the underlay device that a tunnel is bound to.
 *
 * A tunnel is bound to the index of a device, and remembers the device's name. After the
 * device was deleted, the tunnel sends nothing, because the index belongs to no device.
 * When a new device has that name, as a PPP link after each reconnect, the tunnel is bound
 * to it.
 *
 * RTNL protects all of this.
 */
#include <linux/netdevice.h>
#include <linux/string.h>

#include "ipip.h"

/**
 * ipip_link_note() - Remember the name of the device that a tunnel is bound to
 * @tunnel: the tunnel
 * @ifindex: index of the device in the netns of the outer packets, or 0 for none
 *
 * Context: process, RTNL.
 */
void ipip_link_note(struct ipip_tunnel *tunnel, int ifindex)
{
	const struct net_device *link = NULL;

	if (ifindex)
		link = __dev_get_by_index(tunnel->net, ifindex);
	strscpy(tunnel->link_name, link ? link->name : "", IFNAMSIZ);
}

static bool ipip_link_is_gone(const struct ipip_parms *parms)
{
	const struct ipip_tunnel *tunnel = netdev_priv(parms->dev);

	return !__dev_get_by_index(tunnel->net, parms->cfg.link);
}

/* Bind a tunnel whose link was deleted to @link, and change nothing else. */
static void ipip_link_rebind(const struct ipip_parms *old,
			     const struct net_device *link)
{
	const struct ipip_tunnel *tunnel = netdev_priv(old->dev);
	struct ipip_parms *parms;

	parms = ipip_parms_alloc(old->dev, old);
	if (!parms)
		return;
	parms->cfg.link = link->ifindex;
	if (ipip_exists(tunnel->net, parms)) {
		net_warn_ratelimited("%s: not bound to the new %s: another tunnel with these addresses is bound to it\n",
				     old->dev->name, link->name);
		ipip_parms_free(parms);
		return;
	}
	/* Pass true for @mtu_given, which keeps the MTU: the user has set a fixed MTU, and
	 * the work updates an automatic one.
	 */
	ipip_change(old->dev, parms, true);
}

/* @link has got its name. Bind the tunnels that wait for a device of that name, and record
 * whether other tunnels still wait for theirs.
 *
 * Rebinding replaces the entry of a tunnel, and adds the new one at the end of the same
 * chain. So get @next first. The loop may then visit such a tunnel again: it is bound, and
 * nothing is done. Most tunnels have the same link, which is looked up once.
 */
static void ipip_link_named(struct ipip_net *in, const struct net_device *link)
{
	struct ipip_parms *parms, *next;
	bool waiting = false;
	int there = 0;

	for (parms = ipip_table_next(in, NULL); parms; parms = next) {
		struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
		const int ifindex = parms->cfg.link;

		next = ipip_table_next(in, parms);
		if (ifindex == link->ifindex)
			ipip_link_note(tunnel, ifindex);
		else if (!ifindex || ifindex == there)
			continue;
		else if (!ipip_link_is_gone(parms))
			there = ifindex;
		else if (!strcmp(tunnel->link_name, link->name) &&
			 parms->dev != link)
			ipip_link_rebind(parms, link);
		else
			waiting = true;
	}
	in->link_gone = waiting;
}

static int ipip_link_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	const struct net_device *link = netdev_notifier_info_to_dev(ptr);
	/* NULL for the loopback device of a new netns, which is registered first. */
	struct ipip_net *in = ipip_pernet(dev_net(link));

	if (!in || !ipip_table_has_links(in))
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UNREGISTER:
		in->link_gone = true;
		break;
	case NETDEV_REGISTER:
		/* Don't iterate for each new device if no tunnel waits. */
		if (in->link_gone)
			ipip_link_named(in, link);
		break;
	case NETDEV_CHANGENAME:
		ipip_link_named(in, link);
		break;
	}
	return NOTIFY_DONE;
}

struct notifier_block ipip_link_nb = {
	.notifier_call = ipip_link_event,
};
