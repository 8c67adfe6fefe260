/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private structures of the IP in IP tunnel (RFC 2003) and the functions that
 * cross a file.
 */
#ifndef _IPIP_H
#define _IPIP_H

#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/gro_cells.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

struct flowi4;
struct rtable;

/* Slots of the route cache, as a power of two. A fixed outer destination and
 * DSCP needs one; an inherited DSCP a few; next-hop mode one for each of the
 * next hops that are in use at the same time.
 */
#define IPIP_ROUTE_BITS_FIXED	0
#define IPIP_ROUTE_BITS_TOS	2
#define IPIP_ROUTE_BITS_NEXTHOP	4

/* Bit 0 of IFLA_IPTUN_TOS: the outer DSCP is the inner one. */
#define IPIP_TOS_INHERIT	BIT(0)

/* Classes of table entries: bit 0, any local; bit 1, any remote. */
#define IPIP_CLASS_ANY_LOCAL	BIT(0)
#define IPIP_CLASS_ANY_REMOTE	BIT(1)
#define IPIP_CLASSES		4

/**
 * struct ipip_route - one slot of the outer route cache of one CPU
 * @dst: the route; the slot holds a reference, or NULL
 * @daddr: outer destination that @dst leads to; INADDR_ANY keeps the slot from
 *	being used again
 * @saddr: outer source that the route picked
 * @tos: DSCP field of the outer header that @dst was looked up with
 * @proto: protocol of the outer header that @dst was looked up with: an IPsec
 *	policy may tell IPIP and MPLS apart
 *
 * Read and written with softirqs off by its own CPU alone. On PREEMPT_RT that
 * relies on local_bh_disable() being a lock of the CPU, as it is in the kernels
 * that are supported.
 */
struct ipip_route {
	struct dst_entry *dst;
	__be32 daddr;
	__be32 saddr;
	u8 tos;
	u8 proto;
};

/**
 * struct ipip_parms - what a tunnel was configured to do, and its table entry
 * @node: links in the tunnel table; which of the two is live, the table says
 * @dev: the tunnel's device
 * @key_local: outer destination that the table finds this entry by, or 0
 * @key_remote: outer source that the table finds this entry by, or 0
 * @link: index of the underlay device, or 0 for any
 * @proto: inner protocol: IPPROTO_IPIP, IPPROTO_MPLS or 0 for both
 * @outer: the outer header, complete but for length, ID and checksum and what
 *	is inherited; saddr and daddr are the configured local and remote
 * @tos: IFLA_IPTUN_TOS: bit 0 copies the inner DSCP, else the outer DSCP field
 * @route_bits: slots in @routes, as a power of two
 * @fwmark: mark for the lookup of the outer route; the packet doesn't get it
 * @routes: route cache
 * @rcu: for the deferred free
 *
 * Immutable but for @node once it is published in the table and as
 * &ipip_tunnel.parms. A change publishes a new one, so that a packet sees one
 * configuration and never a mix, and an old route can't outlive its
 * configuration. Receive reads the first cache line, transmit the second.
 */
struct ipip_parms {
	struct hlist_node node[2];
	struct net_device *dev;
	__be32 key_local;
	__be32 key_remote;
	int link;
	u8 proto;

	struct iphdr outer ____cacheline_aligned;
	u8 tos;
	u8 route_bits;
	u32 fwmark;
	struct ipip_route __percpu *routes;
	struct rcu_head rcu;
};

/**
 * struct ipip_tunnel - private part of the tunnel's network device
 * @parms: the configuration in force; replaced under RTNL; NULL only if the
 *	registration of the device has failed
 * @net: netns of the outer packets; that of the device may be another
 * @gro_cells: hands received packets to GRO
 * @err_time: jiffies of the last ICMP error about an outer packet
 * @err_count: packets whose sender shall still hear of such an error
 */
struct ipip_tunnel {
	struct ipip_parms __rcu *parms;
	struct net *net;
	struct gro_cells gro_cells;
	unsigned long err_time;
	int err_count;
};

/**
 * struct ipip_table - the tunnels of one netns, hashed by outer addresses
 * @rcu: for the deferred free
 * @count: number of entries by class, the most specific first: local and
 *	remote, remote, local, none; receive doesn't look for an empty class
 * @linked: number of entries that are bound to an underlay device
 * @gen: which &ipip_parms.node this table links its entries by. While a table
 *	grows, readers may still be on the old one, which has the other
 * @bits: number of buckets, as a power of two
 * @buckets: heads of the chains
 *
 * Read under RCU, written under RTNL. It doubles when it is full, so that a
 * chain has one entry on average however many tunnels there are.
 */
struct ipip_table {
	struct rcu_head rcu;
	unsigned int count[IPIP_CLASSES];
	unsigned int linked;
	u8 gen;
	u8 bits;
	struct hlist_head buckets[];
};

/**
 * struct ipip_net - state of one netns
 * @table: tunnels whose outer packets are in this netns; NULL before the first
 */
struct ipip_net {
	struct ipip_table __rcu *table;
};

extern unsigned int ipip_net_id;

static inline struct ipip_net *ipip_pernet(const struct net *net)
{
	return net_generic(net, ipip_net_id);
}

/* The hash is the top of the product: a bucket of a table is split into two
 * that are next to each other when the table doubles.
 */
static inline struct hlist_head *
ipip_table_bucket(struct ipip_table *table, __be32 local, __be32 remote)
{
	u64 key = (u64)(__force u32)local << 32 | (__force u32)remote;

	return &table->buckets[hash_64(key, table->bits)];
}

/* ipip_main.c */
struct ipip_parms *ipip_parms_alloc(struct net_device *dev,
				    const struct ipip_parms *from);
void ipip_parms_free(struct ipip_parms *parms);
int ipip_create(struct net_device *dev, struct net *net,
		struct ipip_parms *parms, bool mtu_given);
int ipip_change(struct net_device *dev, struct ipip_parms *parms,
		bool mtu_given);
bool ipip_exists(const struct net *net, const struct ipip_parms *parms);
void ipip_setup(struct net_device *dev);

/* ipip_netlink.c */
extern struct rtnl_link_ops ipip_link_ops;

/* ipip_rcv.c */
extern bool ipip_log_ecn_error;
int ipip_rcv(struct sk_buff *skb);
int ipip_rcv_mpls(struct sk_buff *skb);
int ipip_err(struct sk_buff *skb, u32 info);

/* ipip_xmit.c */
netdev_tx_t ipip_xmit(struct sk_buff *skb, struct net_device *dev);
struct rtable *ipip_route_lookup(struct net *net,
				 const struct ipip_parms *parms,
				 struct flowi4 *fl4, u8 proto, __be32 daddr,
				 u8 tos, u32 hash);
void ipip_limit_headroom(struct net_device *dev, unsigned int headroom);

#endif /* _IPIP_H */
