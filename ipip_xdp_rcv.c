// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: functions that XDP programs call to decapsulate a packet, or to find a
 * tunnel.
 *
 * They don't change a packet that isn't plain: the program passes it to the stack, which
 * handles all special cases. ipip_table.c finds the tunnel for both.
 *
 * All of this runs in softirq. Only built for kernels on which a module can have such
 * functions.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/hash.h>
#include <linux/inetdevice.h>
#include <linux/local_lock.h>
#include <linux/netdevice.h>
#include <net/dsa.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/netdev_rx_queue.h>
#include <net/route.h>
#include <net/xdp.h>

#include "ipip.h"
#include "ipip_mss.h"
#include "ipip_xdp.h"

#define IPIP_XDP_SOURCE_BITS	8
#define IPIP_XDP_SOURCE_TICKS	256	/* jiffies: about a second, or less */

/**
 * struct ipip_xdp_source - a source address that the stack would accept
 * @saddr: source
 * @daddr: destination
 * @netns: cookie of the netns
 * @ifindex: receiving device
 * @genid: rt_genid_ipv4() at the time of the check
 * @time: time of the check, in units of IPIP_XDP_SOURCE_TICKS
 * @dscp: DSCP field
 * @rpf: value of rp_filter
 * @is_local: @daddr was checked to be an address of this host
 *
 * As with the kernel's cached routes, a change of routes, rules or addresses makes it
 * invalid, because it changes rt_genid_ipv4(). A change that doesn't, such as a next hop
 * that leaves a group, takes effect when @time is over.
 */
struct ipip_xdp_source {
	__be32 saddr;
	__be32 daddr;
	u64 netns;
	int ifindex;
	int genid;
	u32 time;
	u8 dscp;
	u8 rpf;
	bool is_local;
};

/* A CPU accesses only its own slots, with @ipip_xdp_lock held. */
static struct ipip_xdp_source __percpu *ipip_xdp_sources;
static DEFINE_PER_CPU(local_lock_t, ipip_xdp_lock) =
	INIT_LOCAL_LOCK(ipip_xdp_lock);

/* Check whether the stack would accept a packet with this source. It accepts neither this
 * host's own addresses, nor sources that rp_filter forbids. This check is stricter where
 * that is simpler: if it fails, the packet goes to the stack, which decides.
 */
static bool ipip_xdp_check_source(struct net *net, struct net_device *dev,
				  const struct iphdr *iph, u8 rpf,
				  bool is_local)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct fib_result res;
	struct flowi4 fl4;

	if (ipv4_is_multicast(iph->saddr) || ipv4_is_lbcast(iph->saddr) ||
	    ipv4_is_zeronet(iph->saddr) || ipv4_is_loopback(iph->saddr) ||
	    ipv4_is_multicast(iph->daddr) || ipv4_is_lbcast(iph->daddr) ||
	    ipv4_is_zeronet(iph->daddr) || ipv4_is_loopback(iph->daddr))
		return false;
	if (__ip_dev_find(net, iph->saddr, false))
		return false;
	if (is_local) {
		ipip_xdp_flow(&fl4, net, iph->daddr, iph->saddr, iph->tos, 0);
		fl4.flowi4_iif = dev->ifindex;
		if (fib_lookup(net, &fl4, &res, FIB_LOOKUP_NOREF) ||
		    res.type != RTN_LOCAL)
			return false;
	}

	ipip_xdp_flow(&fl4, net, iph->saddr, iph->daddr, iph->tos, 0);
	if (fib_lookup(net, &fl4, &res, FIB_LOOKUP_NOREF))
		return !rpf;
	if (res.type != RTN_UNICAST)
		return false;
	if (!rpf || fib_info_nh_uses_dev(res.fi, dev))
		return true;
	return rpf == 2 && rcu_access_pointer(in_dev->ifa_list);
}

/* The same, with a cache of earlier results. */
static bool ipip_xdp_source_ok(struct net *net, struct net_device *dev,
			       const struct iphdr *iph, bool is_local)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const u8 dscp = iph->tos & INET_DSCP_MASK;
	struct ipip_xdp_source *source;
	const int genid = rt_genid_ipv4(net);
	const u32 time = jiffies / IPIP_XDP_SOURCE_TICKS;
	bool ok = true;
	u32 hash;
	u8 rpf;

	if (unlikely(!in_dev))
		return false;
	rpf = IN_DEV_RPFILTER(in_dev);
	hash = hash_32((__force u32)iph->saddr ^ (__force u32)iph->daddr,
		       IPIP_XDP_SOURCE_BITS);

	ipip_compat_lock_bh(&ipip_xdp_lock);
	source = this_cpu_ptr(ipip_xdp_sources) + hash;
	if (likely(source->saddr == iph->saddr &&
		   source->daddr == iph->daddr &&
		   source->netns == net->net_cookie &&
		   source->ifindex == dev->ifindex && source->genid == genid &&
		   source->time == time &&
		   source->dscp == dscp && source->rpf == rpf &&
		   source->is_local == is_local))
		goto unlock;

	ok = ipip_xdp_check_source(net, dev, iph, rpf, is_local);
	if (ok)
		*source = (struct ipip_xdp_source){
			.saddr = iph->saddr,
			.daddr = iph->daddr,
			.netns = net->net_cookie,
			.ifindex = dev->ifindex,
			.genid = genid,
			.time = time,
			.dscp = dscp,
			.rpf = rpf,
			.is_local = is_local,
		};
unlock:
	ipip_compat_unlock_bh(&ipip_xdp_lock);
	return ok;
}

/* Check whether the generic hook runs the program, for an skb. Such a packet may be merged
 * from several, or have an incomplete checksum, which only the skb tells.
 */
static bool ipip_xdp_is_generic(const struct xdp_buff *xdp)
{
	const struct net_device *dev = xdp->rxq->dev;
	const unsigned int i = xdp->rxq->queue_index;

	return i < dev->num_rx_queues && xdp->rxq == &dev->_rx[i].xdp_rxq;
}

/* Check whether an upper device gets packets of the receiving device. A bridge, bond or VRF
 * gets those of its ports. A VLAN device or a switch port gets those with a tag, which the
 * hardware may have removed.
 */
static bool ipip_xdp_has_upper(const struct net_device *dev)
{
	return rcu_access_pointer(dev->rx_handler) ||
	       !list_empty(&dev->adj_list.upper) || netdev_uses_dsa(dev);
}

/* Get the IPv4 header of a program's frame, if the frame is in one buffer and is addressed
 * to this host's Ethernet address. Returns NULL if the stack has to handle it.
 */
static const struct iphdr *ipip_xdp_ip(const struct xdp_buff *xdp)
{
	const unsigned int len = xdp->data_end - xdp->data;
	const struct net_device *dev = xdp->rxq->dev;
	const struct ethhdr *eth = xdp->data;

	if (len < ETH_HLEN + sizeof(struct iphdr) || xdp_buff_has_frags(xdp) ||
	    xdp->data_meta < xdp->data || ipip_xdp_is_generic(xdp))
		return NULL;
	if (eth->h_proto != htons(ETH_P_IP) ||
	    !ether_addr_equal_64bits(eth->h_dest, dev->dev_addr) ||
	    ipip_xdp_has_upper(dev) ||
	    ipip_compat_rules_read_ports(dev_net(dev)))
		return NULL;
	return xdp->data + ETH_HLEN;
}

/* Check for a valid IPv4 header without options, whose packet is complete in @len bytes. */
static bool ipip_xdp_is_plain(const struct iphdr *iph, unsigned int len)
{
	return *(const u8 *)iph == IPIP_PLAIN_HEADER &&
	       ntohs(iph->tot_len) >= sizeof(*iph) &&
	       ntohs(iph->tot_len) <= len &&
	       !ip_fast_csum(iph, sizeof(*iph) / 4);
}

/* Check whether a tunnel's packet may be decapsulated here. */
static bool ipip_xdp_may_decap(const struct ipip_parms *parms,
			       const struct iphdr *outer)
{
	const unsigned int len = ntohs(outer->tot_len) - sizeof(*outer);
	const struct iphdr *inner = outer + 1;
	bool set_ce;

	if (parms->rcv_extras & (IPIP_EXTRA_IPSEC | IPIP_EXTRA_EXTERNAL) ||
	    (parms->proto && parms->proto != IPPROTO_IPIP))
		return false;
	/* Keepalives and ICMP have protocols up to 4. */
	if (!ipip_xdp_is_plain(inner, len) || ntohs(inner->tot_len) != len ||
	    inner->protocol <= IPPROTO_IPIP)
		return false;
	if (parms->rcv_extras & IPIP_EXTRA_CLAMP &&
	    ipip_mss_may_be_syn((const u8 *)inner, len))
		return false;
	/* RFC 6040 section 4.2: an outer ECT(1) replaces an inner ECT(0). */
	if ((outer->tos & INET_ECN_MASK) == INET_ECN_ECT_1 &&
	    (inner->tos & INET_ECN_MASK) == INET_ECN_ECT_0)
		return false;
	return !__INET_ECN_decapsulate(outer->tos, inner->tos, &set_ce) &&
	       !set_ce;
}

/* Find the tunnel for a frame. Returns NULL, and an error in @err, if there is no tunnel for
 * the frame, or if the stack has to receive it.
 */
static const struct ipip_parms *ipip_xdp_find(const struct xdp_buff *xdp,
					      int *err)
{
	struct net_device *from = xdp->rxq->dev, *dev;
	const struct iphdr *outer = ipip_xdp_ip(xdp);
	struct net *net = dev_net(from);
	const struct ipip_parms *parms;
	unsigned int len;

	*err = -EOPNOTSUPP;
	if (!outer)
		return NULL;
	len = xdp->data_end - (void *)outer;
	if (outer->protocol != IPPROTO_IPIP) {
		*err = -ENOENT;
		return NULL;
	}
	if (!ipip_xdp_is_plain(outer, len) || len < 2 * sizeof(*outer) ||
	    ntohs(outer->tot_len) < 2 * sizeof(*outer) ||
	    outer->frag_off & htons(IP_MF | IP_OFFSET))
		return NULL;

	parms = ipip_lookup(net, outer->daddr, outer->saddr, from->ifindex);
	if (!parms) {
		*err = -ENOENT;
		return NULL;
	}
	dev = parms->dev;
	if (!net_eq(net, dev_net(dev)) || netif_is_l3_slave(dev) ||
	    ipip_compat_has_xfrm_policy(net, XFRM_POLICY_IN) ||
	    ipip_xdp_has_policy(net) || !ipip_xdp_may_decap(parms, outer) ||
	    !ipip_xdp_source_ok(net, from, outer, true) ||
	    !ipip_xdp_source_ok(net, dev, outer + 1, false))
		return NULL;
	return parms;
}

/* Check whether the tunnel will find the same next hop as the stack. It doesn't know the
 * receiving device of the packet, on which routing rules may depend.
 */
static bool ipip_xdp_follows_rules(struct net *net,
				   const struct net_device *dev)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rcu_dereference(tunnel->parms);

	return parms->cfg.remote || !fib4_has_custom_rules(net);
}

/* Get the device to which a program is going to redirect @len bytes of IPv4, with an
 * Ethernet header, or without one if the device is a tunnel of this driver. Returns NULL if
 * it doesn't accept them.
 */
static const struct net_device *ipip_xdp_to(struct net *net, u32 ifindex,
					    unsigned int len)
{
	const struct net_device *to = dev_get_by_index_rcu(net, ifindex);

	if (!to)
		return NULL;
	if (!ipip_is_tunnel(to))
		len += ETH_HLEN;
	else if (!ipip_xdp_follows_rules(net, to))
		return NULL;
	return ipip_xdp_takes_frame(to, len) ? to : NULL;
}

/* Remove @len bytes from the front of a frame. */
static void ipip_xdp_pull(struct xdp_buff *xdp, unsigned int len)
{
	xdp->data += len;
	xdp->data_meta += len;
}

__bpf_kfunc_start_defs();

/**
 * bpf_ipip_xdp_lookup() - Find the tunnel for an XDP frame
 * @ctx: the frame as the underlay device has received it
 *
 * This changes nothing. With the tunnel's device the program can look up the route of the
 * inner packet before it decides whether to forward it or to pass it to the stack.
 *
 * Context: XDP program.
 * Return: index of the tunnel's device, which is the receiving device of the inner packet;
 * -ENOENT if there is no tunnel for the frame; -EOPNOTSUPP if the stack has to receive it.
 */
__bpf_kfunc int bpf_ipip_xdp_lookup(struct xdp_md *ctx)
{
	const struct ipip_parms *parms;
	int err;

	parms = ipip_xdp_find((struct xdp_buff *)ctx, &err);
	return parms ? parms->dev->ifindex : err;
}

/**
 * bpf_ipip_xdp_decap() - Remove the outer header of an XDP frame (RFC 2003 section 3.1)
 * @ctx: the frame as the underlay device has received it
 * @to: index of the device that the program is going to redirect the frame to
 * @has_mac: the program knows the Ethernet address to send the frame to
 *
 * If @to is a tunnel, the frame then begins with its IPv4 header. Otherwise it keeps its
 * Ethernet header, before the inner IPv4 header. The tunnel's device counts the packet.
 * The program must read the pointers to the frame from @ctx again.
 *
 * Context: XDP program.
 * Return: 1 if @to is a tunnel, 0 if it isn't; -ENOENT if there is no tunnel for the frame;
 * -EOPNOTSUPP if the stack has to receive it, also if @to accepts no frames from XDP at
 * present, or isn't a tunnel and @has_mac is false. On an error the frame is unchanged.
 */
__bpf_kfunc int bpf_ipip_xdp_decap(struct xdp_md *ctx, u32 to, bool has_mac)
{
	struct xdp_buff *xdp = (struct xdp_buff *)ctx;
	const struct ipip_parms *parms;
	const struct net_device *dev;
	struct iphdr *outer, *inner;
	unsigned int len;
	bool is_tunnel;
	int err;

	parms = ipip_xdp_find(xdp, &err);
	if (!parms)
		return err;
	outer = xdp->data + ETH_HLEN;
	inner = outer + 1;
	len = ntohs(inner->tot_len);
	dev = ipip_xdp_to(dev_net(xdp->rxq->dev), to, len);
	if (!dev)
		return -EOPNOTSUPP;
	is_tunnel = ipip_is_tunnel(dev);
	if (!is_tunnel && !has_mac)
		return -EOPNOTSUPP;

	dev_sw_netstats_rx_add(parms->dev, len);
	/* The underlay may have padded the frame. */
	xdp->data_end = (void *)inner + len;
	if (is_tunnel) {
		ipip_xdp_pull(xdp, ETH_HLEN + sizeof(*outer));
	} else {
		memmove((void *)inner - ETH_HLEN, xdp->data, ETH_HLEN);
		ipip_xdp_pull(xdp, sizeof(*outer));
	}
	return is_tunnel;
}

/**
 * bpf_ipip_xdp_encap() - Prepare an XDP frame for redirection into a tunnel
 * @ctx: the frame as a device has received it
 * @to: index of a device
 *
 * The frame then begins with its IPv4 header, because the kernel redirects no frame that
 * is longer than the device's MTU, and the MTU of a tunnel includes no Ethernet header. The
 * program must read the pointers to the frame from @ctx again. The tunnel adds the outer
 * header when the frame is redirected into it.
 *
 * Context: XDP program.
 * Return: 0; -ENODEV if @to isn't a tunnel of this driver; -EOPNOTSUPP if the stack has
 * to forward the packet, also if @to accepts no packets at present. On an error the frame
 * is unchanged.
 */
__bpf_kfunc int bpf_ipip_xdp_encap(struct xdp_md *ctx, u32 to)
{
	struct xdp_buff *xdp = (struct xdp_buff *)ctx;
	struct net_device *from = xdp->rxq->dev;
	struct net *net = dev_net(from);
	const struct net_device *dev;
	const struct iphdr *iph;

	dev = dev_get_by_index_rcu(net, to);
	if (!dev || !ipip_is_tunnel(dev))
		return -ENODEV;
	iph = ipip_xdp_ip(xdp);
	if (!iph || !ipip_xdp_is_plain(iph, xdp->data_end - (void *)iph) ||
	    ipip_xdp_has_policy(net) || !ipip_xdp_follows_rules(net, dev) ||
	    !ipip_xdp_takes_frame(dev, ntohs(iph->tot_len)) ||
	    !ipip_xdp_source_ok(net, from, iph, false))
		return -EOPNOTSUPP;

	xdp->data_end = (void *)iph + ntohs(iph->tot_len);
	ipip_xdp_pull(xdp, ETH_HLEN);
	return 0;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(ipip_xdp_kfuncs)
BTF_ID_FLAGS(func, bpf_ipip_xdp_lookup)
BTF_ID_FLAGS(func, bpf_ipip_xdp_decap)
BTF_ID_FLAGS(func, bpf_ipip_xdp_encap)
BTF_KFUNCS_END(ipip_xdp_kfuncs)

static const struct btf_kfunc_id_set ipip_xdp_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &ipip_xdp_kfuncs,
};

/**
 * ipip_xdp_init() - Register the functions for XDP programs
 *
 * If the module has no BTF, the kernel logs that, and programs can't call the functions.
 *
 * Context: process; module initialization.
 * Return: 0 or -ENOMEM.
 */
int __init ipip_xdp_init(void)
{
	int err;

	ipip_xdp_sources = __alloc_percpu(sizeof(*ipip_xdp_sources) <<
					  IPIP_XDP_SOURCE_BITS,
					  __alignof__(*ipip_xdp_sources));
	if (!ipip_xdp_sources)
		return -ENOMEM;
	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_XDP,
					&ipip_xdp_kfunc_set);
	if (err)
		pr_warn("no functions for XDP programs (error %d)\n", err);
	return 0;
}

/**
 * ipip_xdp_exit() - Free what ipip_xdp_init() allocated
 *
 * Context: process; exit of the module, or failure of its initialization. A program that
 * calls these functions keeps the module loaded.
 */
void ipip_xdp_exit(void)
{
	free_percpu(ipip_xdp_sources);
}
