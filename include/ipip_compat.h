/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only file that distinguishes kernel versions. Kbuild probes the headers of the
 * kernel that the module is built for, and defines IPIP_HAVE_*. Each entry names the
 * version and commit of a change, so that it can be removed when no supported kernel
 * lacks the change.
 */
#ifndef _IPIP_COMPAT_H
#define _IPIP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/local_lock.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <net/dst_metadata.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>
#include <net/udp.h>

/* A kernel without netfilter has the structures, but not the functions. */
static inline int ipip_compat_register_net_hook(struct net *net,
						const struct nf_hook_ops *ops)
{
#ifdef CONFIG_NETFILTER
	return nf_register_net_hook(net, ops);
#else
	return -EOPNOTSUPP;
#endif
}

static inline void ipip_compat_unregister_net_hook(struct net *net,
						   const struct nf_hook_ops *ops)
{
#ifdef CONFIG_NETFILTER
	nf_unregister_net_hook(net, ops);
#endif
}

/* 6.9, edbc666cdcbf ("net: move netdev_max_backlog to net_hotdata") */
#ifdef IPIP_HAVE_HOTDATA_BACKLOG
#include <net/hotdata.h>
#define ipip_compat_max_backlog()	READ_ONCE(net_hotdata.max_backlog)
#else
#define ipip_compat_max_backlog()	READ_ONCE(netdev_max_backlog)
#endif

/* 6.5, d457a0e329b0 ("net: move gso declarations and functions to their own
 * files"): before, <linux/skbuff.h> had them.
 */
#ifdef IPIP_HAVE_NET_GSO_H
#include <net/gso.h>
#endif

/* 5.17, 4721031c3559 ("net: move gro definitions to include/net/gro.h"): before,
 * <linux/netdevice.h> had them.
 */
#ifdef IPIP_HAVE_NET_GRO_H
#include <net/gro.h>
#endif

/* 5.18, a410a0cf9885 ("ipv6: Define dscp_t and stop taking ECN bits into account in
 * fib6-rules"): the bits of the TOS field that are DSCP. Before, the IPv4 FIB uses fewer
 * of them.
 */
#ifdef IPIP_HAVE_NET_INET_DSCP_H
#include <net/inet_dscp.h>
#else
#define INET_DSCP_MASK	0xfc
#endif

/* 5.12, 36707061d6ba ("udp: allow forwarding of plain (non-fraglisted) UDP GRO
 * packets"), and in 5.10.y by backport
 */
#ifndef NETIF_F_GRO_UDP_FWD
#define NETIF_F_GRO_UDP_FWD	0
#endif

/* 6.12, 5f60d5f6bbc1 ("move asm/unaligned.h to linux/unaligned.h") */
#ifdef IPIP_HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* 6.11, c5bcab755822 ("locking/local_lock: Add local nested BH locking
 * infrastructure."). Before, disabling softirqs takes a lock of the CPU on PREEMPT_RT, so
 * none is needed here; since 6.18, 3253cb49cbad ("softirq: Allow to drop the softirq-BKL
 * lock on PREEMPT_RT"), that is optional.
 */
#ifdef local_lock_nested_bh
#define ipip_compat_lock_bh(lock)	local_lock_nested_bh(lock)
#define ipip_compat_unlock_bh(lock)	local_unlock_nested_bh(lock)
#else
#define ipip_compat_lock_bh(lock)	((void)(lock))
#define ipip_compat_unlock_bh(lock)	((void)(lock))
#endif

/* 6.18 ("net: gso: restore ids of outer ip headers correctly"): SKB_GSO_TCP_FIXEDID, which
 * makes all segments keep the ID of the packet, applies to the outermost header, and
 * SKB_GSO_TCP_FIXEDID_INNER applies to the inner headers. Before, the flag applies to the
 * innermost header, and outer IDs count up. This function adjusts the flags after an outer
 * header was added: the outer header keeps its ID if @keep is set and the header that was
 * the outermost before keeps its ID. Without DF segments must not share an ID. If the inner
 * headers differ in this, the IDs of all of them count up.
 */
static inline void ipip_compat_gso_push_fixedid(struct sk_buff *skb,
						bool is_nested, bool keep)
{
#ifdef IPIP_HAVE_FIXEDID_INNER
	const u32 both = SKB_GSO_TCP_FIXEDID | SKB_GSO_TCP_FIXEDID_INNER;
	const u32 type = skb_shinfo(skb)->gso_type;

	if (likely(!(type & both)))
		return;
	skb_shinfo(skb)->gso_type = type & ~both;
	if (type & SKB_GSO_TCP_FIXEDID && keep)
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_FIXEDID;
	if (type & SKB_GSO_TCP_FIXEDID &&
	    (!is_nested || type & SKB_GSO_TCP_FIXEDID_INNER))
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_FIXEDID_INNER;
#endif
}

/* Count the nesting of transmit on this CPU, which dev_recursion_level() reads. 6.11,
 * ecefbc09e8ee ("net: softnet_data: Make xmit per task."): the functions that count are
 * private to net/core; on PREEMPT_RT the counter is in the task. 7.0, 6f1a9140ecda ("net:
 * add xmit recursion limit to tunnel xmit functions"), and in 6.12.y by backport: they
 * are public again. Context: softirqs off.
 */
static inline void ipip_compat_xmit_recursion_inc(void)
{
#if defined(IPIP_HAVE_XMIT_RECURSION)
	dev_xmit_recursion_inc();
#elif defined(CONFIG_PREEMPT_RT)
	current->net_xmit.recursion++;
#else
	__this_cpu_inc(softnet_data.xmit.recursion);
#endif
}

static inline void ipip_compat_xmit_recursion_dec(void)
{
#if defined(IPIP_HAVE_XMIT_RECURSION)
	dev_xmit_recursion_dec();
#elif defined(CONFIG_PREEMPT_RT)
	current->net_xmit.recursion--;
#else
	__this_cpu_dec(softnet_data.xmit.recursion);
#endif
}

/* Check whether timers may fire on a CPU, that is, whether it isn't isolated. 5.18,
 * 04d4e665a609 ("sched/isolation: Use single feature type while referring to
 * housekeeping cpumask"): the names change; 6.4, 3232e7aad11e ("sched/isolation: Add
 * cpu_is_isolated() API"), and in 6.1.y by backport. Context: RCU.
 */
static inline bool ipip_compat_cpu_takes_timers(int cpu)
{
#ifdef IPIP_HAVE_CPU_IS_ISOLATED
	return housekeeping_cpu(cpu, HK_TYPE_TIMER) && !cpu_is_isolated(cpu);
#elif defined(IPIP_HAVE_HK_TYPE)
	return housekeeping_cpu(cpu, HK_TYPE_TIMER) &&
	       housekeeping_cpu(cpu, HK_TYPE_DOMAIN);
#else
	return housekeeping_cpu(cpu, HK_FLAG_TIMER) &&
	       housekeeping_cpu(cpu, HK_FLAG_DOMAIN);
#endif
}

/* 6.13, 908a1d775422 ("hrtimers: Introduce hrtimer_setup() to replace
 * hrtimer_init()"), which 6.15 removes.
 */
static inline void
ipip_compat_hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*function)(struct hrtimer *),
			  clockid_t clock, const enum hrtimer_mode mode)
{
#ifdef IPIP_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* 6.17, 128ea9f6ccfb ("workqueue: Add system_percpu_wq and system_dfl_wq"), and in
 * 6.12.y by backport: the new name of system_unbound_wq, whose use warns since 7.2.
 */
#ifdef IPIP_HAVE_DFL_WQ
#define ipip_compat_unbound_wq	system_dfl_wq
#else
#define ipip_compat_unbound_wq	system_unbound_wq
#endif

/* 6.12, 00d066a4d4ed ("netdev_features: convert NETIF_F_LLTX to dev->lltx") */
static inline void ipip_compat_set_lltx(struct net_device *dev)
{
#ifdef IPIP_HAVE_LLTX_BIT
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* 6.12.y by backport, 0c493da86374 ("net: rename netns_local to netns_immutable")
 * of 6.15; 6.12, 05c1280a2bcf ("netdev_features: convert NETIF_F_NETNS_LOCAL to
 * dev->netns_local")
 */
static inline void ipip_compat_set_netns_immutable(struct net_device *dev)
{
#if defined(IPIP_HAVE_NETNS_IMMUTABLE)
	dev->netns_immutable = true;
#elif defined(IPIP_HAVE_NETNS_LOCAL)
	dev->netns_local = true;
#else
	dev->features |= NETIF_F_NETNS_LOCAL;
#endif
}

/* 6.10, 117aef12a7b1 ("ip_tunnel: use a separate struct to store tunnel params in
 * the kernel")
 */
#ifdef IPIP_HAVE_PARM_KERN
#define ipip_compat_parm	ip_tunnel_parm_kern
#else
#define ipip_compat_parm	ip_tunnel_parm
#endif

/* 6.10, 5832c4a77d69 ("ip_tunnel: convert __be16 tunnel flags to bitmaps") */
#ifdef IPIP_HAVE_FLAGS_BITMAP
static inline bool ipip_compat_key_has_df(const struct ip_tunnel_key *key)
{
	return test_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, key->tun_flags);
}

static inline struct metadata_dst *ipip_compat_rx_dst(struct sk_buff *skb)
{
	IP_TUNNEL_DECLARE_FLAGS(flags) = {};

	return ip_tun_rx_dst(skb, flags, 0, 0);
}
#else
static inline bool ipip_compat_key_has_df(const struct ip_tunnel_key *key)
{
	return key->tun_flags & TUNNEL_DONT_FRAGMENT;
}

static inline struct metadata_dst *ipip_compat_rx_dst(struct sk_buff *skb)
{
	return ip_tun_rx_dst(skb, 0, 0, 0);
}
#endif

/* 5.18, 40867d74c374 ("net: Add l3mdev index to flow struct and avoid oif reset for
 * port devices"): a flow has a separate member for the VRF of its device.
 */
static inline int ipip_compat_flow_l3mdev(const struct flowi4 *fl4)
{
#ifdef flowi4_l3mdev
	return fl4->flowi4_l3mdev;
#else
	return 0;
#endif
}

/* 5.18, db53cd3d88dc ("net: Handle l3mdev in ip_tunnel_init_flow"), and in 5.10.y by
 * backport: a netns argument. 6.1, 451ef36bd229 ("ip_tunnels: Add new flow flags field to
 * ip_tunnel_key"): a flags argument, which only metadata use.
 */
static inline void
ipip_compat_init_flow(struct flowi4 *fl4, u8 proto, __be32 daddr, __be32 saddr,
		      __be32 key, u8 tos, struct net *net, int oif, u32 mark,
		      u32 hash, u8 flow_flags)
{
#if defined(IPIP_HAVE_FLOW_FLAGS)
	ip_tunnel_init_flow(fl4, proto, daddr, saddr, key, tos, net, oif, mark,
			    hash, flow_flags);
#elif defined(IPIP_HAVE_FLOW_NET)
	ip_tunnel_init_flow(fl4, proto, daddr, saddr, key, tos, net, oif, mark,
			    hash);
#else
	ip_tunnel_init_flow(fl4, proto, daddr, saddr, key, tos, oif, mark, hash);
#endif
}

static inline u8 ipip_compat_key_flow_flags(const struct ip_tunnel_key *key)
{
#ifdef IPIP_HAVE_FLOW_FLAGS
	return key->flow_flags;
#else
	return 0;
#endif
}

/* 6.4, ac931d4cdec3 ("ipip,ip_tunnel,sit: Add FOU support for externally controlled
 * ipip devices"), and in 6.1.y by backport: metadata can request FOU or GUE, and tell
 * that a packet came by one of them. Before, external mode has neither.
 */
#ifdef IPIP_HAVE_INFO_ENCAP
static inline struct ip_tunnel_encap *
ipip_compat_info_encap(struct ip_tunnel_info *info)
{
	return &info->encap;
}

static inline void ipip_compat_md_udp_encap(struct sk_buff *skb,
					    struct ip_tunnel_info *info)
{
	ip_tunnel_md_udp_encap(skb, info);
}

static inline int ipip_compat_encap(struct sk_buff *skb,
				    struct ip_tunnel_encap *encap, u8 *proto,
				    struct flowi4 *fl4)
{
	return ip_tunnel_encap(skb, encap, proto, fl4);
}
#else
static inline struct ip_tunnel_encap *
ipip_compat_info_encap(struct ip_tunnel_info *info)
{
	static struct ip_tunnel_encap none;

	return &none;
}

static inline void ipip_compat_md_udp_encap(struct sk_buff *skb,
					    struct ip_tunnel_info *info)
{
}

/* The kernel's function needs a struct ip_tunnel, which this driver doesn't have. */
static inline int ipip_compat_encap(struct sk_buff *skb,
				    struct ip_tunnel_encap *encap, u8 *proto,
				    struct flowi4 *fl4)
{
	const struct ip_tunnel_encap_ops *ops;
	int err = -EINVAL;

	if (encap->type >= MAX_IPTUN_ENCAP_OPS)
		return -EINVAL;
	rcu_read_lock();
	ops = rcu_dereference(iptun_encaps[encap->type]);
	if (likely(ops && ops->build_header))
		err = ops->build_header(skb, encap, proto, fl4);
	rcu_read_unlock();
	return err;
}
#endif

/* 6.10, f8c8e6ec7d0e ("net: create a dummy net_device allocator") */
static inline struct net_device *ipip_compat_alloc_dummy(void)
{
#ifdef IPIP_HAVE_NETDEV_DUMMY
	return alloc_netdev_dummy(0);
#else
	struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (dev)
		init_dummy_netdev(dev);
	return dev;
#endif
}

static inline void ipip_compat_free_dummy(struct net_device *dev)
{
#ifdef IPIP_HAVE_NETDEV_DUMMY
	free_netdev(dev);
#else
	kfree(dev);
#endif
}

/* 6.1, b48b89f9c189 ("net: drop the weight argument from netif_napi_add") */
static inline void ipip_compat_napi_add(struct net_device *dev,
					struct napi_struct *napi,
					int (*poll)(struct napi_struct *, int))
{
#ifdef IPIP_HAVE_NAPI_ADD_WEIGHT
	netif_napi_add_weight(dev, napi, poll, NAPI_POLL_WEIGHT);
#else
	netif_napi_add(dev, napi, poll, NAPI_POLL_WEIGHT);
#endif
}

/* 6.7, e1dc0615c6b0 ("udp: move udp->gro_enabled to udp->udp_flags"), and in 6.1.y by
 * backport
 */
static inline bool ipip_compat_udp_gro_enabled(const struct sock *sk)
{
#ifdef udp_test_bit
	return udp_test_bit(GRO_ENABLED, sk);
#else
	return udp_sk(sk)->gro_enabled;
#endif
}

/* Check whether there is any socket for which GRO merges UDP packets. 6.15, 2f8f4f22452a
 * ("udp: use EXPORT_IPV6_MOD[_GPL]()"): the key is only exported if IPv6 can be a module;
 * 7.1, 0557a34487b1 ("net: remove EXPORT_IPV6_MOD() and EXPORT_IPV6_MOD_GPL()
 * macros"): it is never exported.
 */
static inline bool ipip_compat_udp_encap_needed(void)
{
#ifdef IPIP_HAVE_UDP_ENCAP_KEY
	return static_branch_unlikely(&udp_encap_needed_key);
#else
	return true;
#endif
}

/* Look up the socket of a UDP packet; valid under RCU. 6.2, ba6aac151677 ("udp:
 * Access &udp_table via net."): tables per netns; 7.1, 68aeb21ef0e1 ("udp: Don't
 * pass udptable to IPv4 socket lookup functions."): no table argument.
 */
static inline struct sock *
ipip_compat_udp_lookup(struct net *net, const struct iphdr *iph,
		       const struct udphdr *uh, int dif, int sdif)
{
#if defined(IPIP_HAVE_UDP_LOOKUP_NO_TABLE)
	return __udp4_lib_lookup(net, iph->saddr, uh->source, iph->daddr,
				 uh->dest, dif, sdif, NULL);
#elif defined(IPIP_HAVE_NETNS_UDP_TABLE)
	return __udp4_lib_lookup(net, iph->saddr, uh->source, iph->daddr,
				 uh->dest, dif, sdif, net->ipv4.udp_table, NULL);
#else
	return __udp4_lib_lookup(net, iph->saddr, uh->source, iph->daddr,
				 uh->dest, dif, sdif, &udp_table, NULL);
#endif
}

/* 6.3, 9eefedd58ae1 ("net: add gso_ipv4_max_size and gro_ipv4_max_size per device") and
 * b1a78b9b9886 ("net: add support for ipv4 big tcp"): a TCP packet may be longer than
 * 65,535 bytes until it is segmented. The length in its IPv4 headers is then 0.
 */
static inline void ipip_compat_set_big_tcp(struct net_device *dev)
{
#ifdef IPIP_HAVE_BIG_TCP
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
#endif
}

/* Check whether a packet that will be segmented may be longer than 65,535 bytes with its
 * outer headers. @has_udp: a UDP header is one of them. 7.3 has udp_set_len(), which writes
 * a length of 0 into such a UDP header. Before, the length is truncated to 16 bits there.
 */
static inline bool ipip_compat_may_be_big(const struct sk_buff *skb,
					  bool has_udp)
{
#if defined(IPIP_HAVE_UDP_SET_LEN)
	return skb_is_gso_tcp(skb);
#elif defined(IPIP_HAVE_BIG_TCP)
	return !has_udp && skb_is_gso_tcp(skb);
#else
	return false;
#endif
}

/* 6.19, ab427db17885 ("netfilter: flowtable: Add IPIP rx sw acceleration") */
#ifdef IPIP_HAVE_DEV_PATH_TUN
#define IPIP_COMPAT_NDO_FILL_FORWARD_PATH \
	.ndo_fill_forward_path = ipip_fill_forward_path,

/* 7.3, 5592223f3d4e ("net: netfilter: add ether_type to net_device_path_ctx and
 * use it"): the flowtable provides the protocol of the flow.
 */
static inline bool
ipip_compat_path_is_ipv4(const struct net_device_path_ctx *ctx)
{
#ifdef IPIP_HAVE_DEV_PATH_ETHER_TYPE
	return ctx->ether_type == htons(ETH_P_IP);
#else
	return true;
#endif
}

/* Consumes the route. 7.3: the flowtable uses it; before, it looks a route up by the
 * addresses only; cb1d3ae6a785 ("netfilter: flowtable: rename tun.l3_proto to
 * tun.inner_proto").
 */
#ifdef IPIP_HAVE_DEV_PATH_INNER_PROTO
#define IPIP_COMPAT_PATH_TAKES_ROUTE	true
#else
#define IPIP_COMPAT_PATH_TAKES_ROUTE	false
#endif

static inline void ipip_compat_path_set_route(struct net_device_path *path,
					      struct dst_entry *dst)
{
#ifdef IPIP_HAVE_DEV_PATH_INNER_PROTO
	path->tun.inner_proto = IPPROTO_IPIP;
	path->tun.dst = dst;
#else
	path->tun.l3_proto = IPPROTO_IPIP;
	dst_release(dst);
#endif
}
#else /* !IPIP_HAVE_DEV_PATH_TUN */
#define IPIP_COMPAT_NDO_FILL_FORWARD_PATH
#endif /* IPIP_HAVE_DEV_PATH_TUN */

/* 5.18, 2e88d4ff0301 ("xdp: introduce flags field in xdp_buff/xdp_frame") */
#ifdef IPIP_HAVE_XDP
#define IPIP_COMPAT_NDO_XDP_XMIT	.ndo_xdp_xmit = ipip_xdp_xmit,
#else
#define IPIP_COMPAT_NDO_XDP_XMIT
#endif

/* 6.9, 6f3189f38a3e ("bpf: treewide: Annotate BPF kfuncs in BTF"): the way in which a module
 * must declare the functions that programs may call.
 */
#ifdef IPIP_HAVE_KFUNCS
int ipip_xdp_init(void);
void ipip_xdp_exit(void);
#else
static inline int ipip_xdp_init(void)
{
	return 0;
}

static inline void ipip_xdp_exit(void)
{
}
#endif

/* 6.3, d3d854fd6a1d ("netdev-genl: create a simple family for netdev stuff"), and
 * 66c0e13ad236 ("drivers: net: turn on XDP features"): a device has a flag if it accepts
 * XDP frames. Before, it accepts them if it has the function.
 */
static inline void ipip_compat_set_xdp_xmit(struct net_device *dev)
{
#if defined(IPIP_HAVE_XDP) && defined(IPIP_HAVE_XDP_FEATURES)
	dev->xdp_features |= NETDEV_XDP_ACT_NDO_XMIT;
#endif
}

static inline bool ipip_compat_has_xdp_xmit(const struct net_device *dev)
{
#ifdef IPIP_HAVE_XDP_FEATURES
	return dev->netdev_ops->ndo_xdp_xmit &&
	       READ_ONCE(dev->xdp_features) & NETDEV_XDP_ACT_NDO_XMIT;
#else
	return dev->netdev_ops->ndo_xdp_xmit;
#endif
}

/* Check whether routing rules depend on ports or protocols. Kernels without rules have no
 * such state.
 */
static inline bool ipip_compat_rules_read_ports(const struct net *net)
{
#ifdef CONFIG_IP_MULTIPLE_TABLES
	return READ_ONCE(net->ipv4.fib_rules_require_fldissect);
#else
	return false;
#endif
}

/* Check whether a netns has an IPsec policy for a direction (XFRM_POLICY_*), or forbids
 * packets without one. Kernels without IPsec have no such state.
 */
static inline bool ipip_compat_has_xfrm_policy(const struct net *net, int dir)
{
#ifdef CONFIG_XFRM
	return READ_ONCE(net->xfrm.policy_count[dir]) ||
	       READ_ONCE(net->xfrm.policy_default[dir]) ==
	       XFRM_USERPOLICY_BLOCK;
#else
	return false;
#endif
}

/* 6.7, 34d21de99cea ("net: Move {l,t,d}stats allocation to core and convert
 * veth & vrf"), and in 6.1.y by backport: the core allocates and frees the
 * per-CPU statistics of a device that declares their type.
 */
static inline int ipip_compat_stats_alloc(struct net_device *dev)
{
#ifdef IPIP_HAVE_PCPU_STAT_TYPE
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	return 0;
#else
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
#endif
}

static inline void ipip_compat_stats_free(struct net_device *dev)
{
#ifndef IPIP_HAVE_PCPU_STAT_TYPE
	free_percpu(dev->tstats);
	dev->tstats = NULL;
#endif
}

/* 6.2, 6c1c5097781f ("net: add atomic_long_t to net_device_stats fields"), and in all
 * long-term kernels by backport: a counter that several CPUs may increment.
 */
#ifndef DEV_STATS_INC
#define DEV_STATS_INC(dev, field) \
	atomic_long_inc((atomic_long_t *)&(dev)->stats.field)
#endif

/* 5.18, 625788b58445 ("net: add per-cpu storage and net->core_stats") */
static inline void ipip_compat_rx_dropped_inc(struct net_device *dev)
{
#ifdef IPIP_HAVE_CORE_STATS
	dev_core_stats_rx_dropped_inc(dev);
#else
	atomic_long_inc(&dev->rx_dropped);
#endif
}

/* 5.11: the function of ip_tunnel becomes one for all devices. */
#ifdef IPIP_HAVE_GET_TSTATS64
#define ipip_compat_get_stats64	dev_get_tstats64
#else
#define ipip_compat_get_stats64	ip_tunnel_get_stats64
#endif

/* 5.15, 3e7a1c7c561e ("ip_tunnel: use ndo_siocdevprivate") */
#ifdef IPIP_HAVE_SIOCDEVPRIVATE
#define IPIP_COMPAT_NDO_IOCTL	.ndo_siocdevprivate = ip_tunnel_siocdevprivate
#else
#define IPIP_COMPAT_NDO_IOCTL	.ndo_do_ioctl = ip_tunnel_ioctl
#endif

/* 5.15, 48eab831ae8b ("net: create netdev->dev_addr assignment helpers"), and in
 * 5.10.y by backport
 */
static inline void ipip_compat_addr_set(struct net_device *dev,
					const void *addr, size_t len)
{
#ifdef IPIP_HAVE_DEV_ADDR_SET
	__dev_addr_set(dev, addr, len);
#else
	memcpy(dev->dev_addr, addr, len);
#endif
}

/* 6.15, 69c7be1b903f ("rtnetlink: Pack newlink() params into struct"): a tunnel may be
 * created in another netns than that of its underlay. ipip_newlink() is declared here
 * because only the callback below calls it.
 */
int ipip_newlink(struct net *net, struct net_device *dev, struct nlattr *tb[],
		 struct nlattr *data[], struct netlink_ext_ack *extack);

#ifdef IPIP_HAVE_NEWLINK_PARAMS
static inline int ipip_compat_newlink(struct net_device *dev,
				      struct rtnl_newlink_params *params,
				      struct netlink_ext_ack *extack)
{
	return ipip_newlink(params->link_net ?: dev_net(dev), dev, params->tb,
			    params->data, extack);
}
#else
static inline int ipip_compat_newlink(struct net *src_net,
				      struct net_device *dev,
				      struct nlattr *tb[],
				      struct nlattr *data[],
				      struct netlink_ext_ack *extack)
{
	return ipip_newlink(dev_net(dev), dev, tb, data, extack);
}
#endif

/* The devices of a netns that ends are unregistered together with those of other drivers
 * and of other netns that end. 6.16, 7a60d91c690b ("net: Add ->exit_rtnl() hook to
 * struct pernet_operations."), and in 6.12.y by backport; 6.9, fd4f101edbd9 ("net: add
 * exit_batch_rtnl() method"), and in 6.1.y by backport. Before, each driver does it
 * itself, in ipip_compat_exit_devices().
 */
void ipip_exit_net(struct net *net, struct list_head *head);

#if defined(IPIP_HAVE_EXIT_RTNL)
#define IPIP_COMPAT_EXIT_RTNL	.exit_rtnl = ipip_exit_net,
#elif defined(IPIP_HAVE_EXIT_BATCH_RTNL)
#define IPIP_COMPAT_EXIT_RTNL	.exit_batch_rtnl = ipip_compat_exit_batch_rtnl,
#else
#define IPIP_COMPAT_EXIT_RTNL
#endif

static inline void ipip_compat_exit_batch_rtnl(struct list_head *nets,
					       struct list_head *head)
{
	struct net *net;

	list_for_each_entry(net, nets, exit_list)
		ipip_exit_net(net, head);
}

static inline void ipip_compat_exit_devices(struct list_head *nets)
{
#if !defined(IPIP_HAVE_EXIT_RTNL) && !defined(IPIP_HAVE_EXIT_BATCH_RTNL)
	LIST_HEAD(head);

	rtnl_lock();
	ipip_compat_exit_batch_rtnl(nets, &head);
	unregister_netdevice_many(&head);
	rtnl_unlock();
#endif
}

/* 7.2, 8165f7ff57d9 ("net: ip_gre: require CAP_NET_ADMIN in the device netns for
 * changelink"), and in 6.1.178 and 6.12.95 by backport: check whether the caller may change
 * a link whose underlay is in @link_net.
 */
static inline bool ipip_compat_link_net_capable(const struct net_device *dev,
						const struct net *link_net)
{
#ifdef IPIP_HAVE_LINK_NET_CAPABLE
	return rtnl_dev_link_net_capable(dev, link_net);
#else
	return net_eq(link_net, dev_net(dev)) ||
	       ns_capable(link_net->user_ns, CAP_NET_ADMIN);
#endif
}

/* Drop reasons. 5.17, c504e5c2f964 ("net: skb: introduce kfree_skb_reason()"); 5.19 has all
 * that are used here except the two below.
 */
#ifdef IPIP_HAVE_DROP_REASONS
#define IPIP_REASON(reason)	SKB_DROP_REASON_##reason
#else
/* Placeholders, which nothing reads. */
enum {
	IPIP_NO_REASON_NOT_SPECIFIED,
	IPIP_NO_REASON_CPU_BACKLOG,
	IPIP_NO_REASON_INVALID_PROTO,
	IPIP_NO_REASON_IP_INHDR,
	IPIP_NO_REASON_IP_OUTNOROUTES,
	IPIP_NO_REASON_NOMEM,
	IPIP_NO_REASON_PKT_TOO_BIG,
	IPIP_NO_REASON_PKT_TOO_SMALL,
	IPIP_NO_REASON_UNHANDLED_PROTO,
	IPIP_NO_REASON_XFRM_POLICY,
};

#define IPIP_REASON(reason)	IPIP_NO_REASON_##reason
#endif

static inline void ipip_compat_free_skb(struct sk_buff *skb, unsigned int reason)
{
#ifdef IPIP_HAVE_DROP_REASONS
	kfree_skb_reason(skb, reason);
#else
	kfree_skb(skb);
#endif
}

/* 6.13, 4c06d9daf8e6 ("net: vxlan: add skb drop reasons to vxlan_rcv()"), and in
 * 6.12.y by backport: a reason of its own for RFC 6040 drops.
 */
#ifdef IPIP_HAVE_DROP_IP_TUNNEL_ECN
#define IPIP_REASON_ECN	IPIP_REASON(IP_TUNNEL_ECN)
#else
#define IPIP_REASON_ECN	IPIP_REASON(IP_INHDR)
#endif

/* In 7.2, not in 6.12: the reason for drops by the limit below. */
#ifdef IPIP_HAVE_DROP_RECURSION_LIMIT
#define IPIP_REASON_NESTED	IPIP_REASON(RECURSION_LIMIT)
#else
#define IPIP_REASON_NESTED	IPIP_REASON(NOT_SPECIFIED)
#endif

/* 7.0, 6f1a9140ecda ("net: add xmit recursion limit to tunnel xmit functions"), and
 * in 6.12.y by backport: how deeply tunnels may be nested on transmit.
 */
#ifndef IP_TUNNEL_RECURSION_LIMIT
#define IP_TUNNEL_RECURSION_LIMIT	5
#endif

/* Kernels before 5.19 take another argument. */
static inline struct rtable *ipip_compat_rt_alloc(struct net_device *dev,
						  unsigned int flags, u16 type,
						  bool noxfrm)
{
#ifdef IPIP_HAVE_RT_NOPOLICY
	return rt_dst_alloc(dev, flags, type, false, noxfrm);
#else
	return rt_dst_alloc(dev, flags, type, noxfrm);
#endif
}

#endif /* _IPIP_COMPAT_H */
