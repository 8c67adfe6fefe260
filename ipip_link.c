// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the name of the underlay device that a tunnel is bound to.
 *
 * A tunnel is bound to the index of a device. When the device is deleted, the index
 * leads nowhere, and only the name says which device was meant: a user who saves
 * the configuration needs it.
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

static int ipip_link_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	const struct net_device *link = netdev_notifier_info_to_dev(ptr);
	const struct ipip_net *in = ipip_pernet(dev_net(link));
	struct ipip_parms *parms = NULL;

	if (event != NETDEV_CHANGENAME || !ipip_table_has_links(in))
		return NOTIFY_DONE;

	while ((parms = ipip_table_next(in, parms))) {
		if (parms->cfg.link == link->ifindex)
			ipip_link_note(netdev_priv(parms->dev), link->ifindex);
	}
	return NOTIFY_DONE;
}

struct notifier_block ipip_link_nb = {
	.notifier_call = ipip_link_event,
};
