/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP in IP tunnel (RFC 2003): the structures, and the functions that one file has
 * and another calls, by the file that has them.
 */
#ifndef _IPIP_H
#define _IPIP_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/hrtimer.h>
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <uapi/linux/if_ipip.h>

#include "ipip_compat.h"
#include "ipip_keepalive.h"
#include "ipip_plpmtud.h"

struct ipip_table;	/* known to ipip_table.c alone */
struct net_device_path;
struct net_device_path_ctx;
struct sock;
struct xdp_frame;
struct xfrm_if;

/* Slots of a CPU's route cache, as a power of two. A tunnel with a fixed outer
 * destination and DSCP needs one slot, and one that inherits the DSCP a few. Next-hop
 * mode needs one for each of the next hops that are in use at the same time: where
 * the first 16 don't do it gets 1,024 more, which are 24 KiB.
 */
#define IPIP_ROUTE_BITS_FIXED	0
#define IPIP_ROUTE_BITS_TOS	2
#define IPIP_ROUTE_BITS_NEXTHOP	4
#define IPIP_ROUTE_BITS_MANY	10

/* So many tunnels of a netns may have the large cache, which are 6 MiB for each CPU. A
 * worker allocates it when packets ask for it, so that no memory cgroup is charged for it.
 */
#define IPIP_ROUTES_MANY_MAX	256

/* A route may be in any of so many slots of the large cache that follow each other. */
#define IPIP_ROUTE_WAYS		4

/* Bit 0 of IFLA_IPTUN_TOS: the outer DSCP is the inner one. */
#define IPIP_TOS_INHERIT	BIT(0)

/* First octet of an IPv4 header without options. No Ethernet address of a host begins
 * with it, because bit 0 of that marks groups: XDP's frames begin with either.
 */
#define IPIP_PLAIN_HEADER	0x45

/* What a tunnel may ask for beyond RFC 2003. Where it asks for none of these, a
 * packet costs one comparison with 0.
 */
#define IPIP_EXTRA_CLAMP	BIT(0)	/* lower the MSS of a SYN */
#define IPIP_EXTRA_IPSEC	BIT(1)	/* IPsec is required */
#define IPIP_EXTRA_ICMP		BIT(2)	/* an echo reply may answer a probe */
#define IPIP_EXTRA_EXTERNAL	BIT(3)	/* metadata say where from and where to */

/**
 * enum ipip_role - how receive finds a tunnel
 * @IPIP_ROLE_PLAIN: by its addresses
 * @IPIP_ROLE_EXTERNAL: the one tunnel of a netns in external mode, which takes
 *	what no plain tunnel takes
 * @IPIP_ROLE_FALLBACK: tunl0, which takes what the one in external mode leaves, too
 */
enum ipip_role {
	IPIP_ROLE_PLAIN,
	IPIP_ROLE_EXTERNAL,
	IPIP_ROLE_FALLBACK,
};

/* What becomes of a packet. ipip_drop() knows the counter and the kernel's drop
 * reason of each drop.
 */
enum ipip_verdict {
	IPIP_PASS,

	/* Received. */
	IPIP_DROP_RX_PROTOCOL,	/* inner protocol that isn't carried */
	IPIP_DROP_RX_POLICY,	/* the host's IPsec policy forbids it */
	IPIP_DROP_RX_NO_IPSEC,	/* not through an SA, which is required */
	IPIP_DROP_RX_ECN,	/* RFC 6040 section 4.2 */
	IPIP_DROP_RX_NO_MEMORY,
	IPIP_DROP_RX_BACKLOG,	/* too many packets wait for GRO */

	/* To be sent. */
	IPIP_DROP_TX_MALFORMED,	/* shorter than its header, or can't be segmented */
	IPIP_DROP_TX_PROTOCOL,	/* protocol that isn't carried */
	IPIP_DROP_TX_NESTED,	/* tunnels nested too deep */
	IPIP_DROP_TX_NO_NEXTHOP, /* next-hop or external mode, and no destination */
	IPIP_DROP_TX_NO_ROUTE,	/* no route to the far end */
	IPIP_DROP_TX_LOOP,	/* its route leads into the tunnel */
	IPIP_DROP_TX_NO_IPSEC,	/* not through an SA, which is required */
	IPIP_DROP_TX_TOO_BIG,	/* with DF, larger than the path */
	IPIP_DROP_TX_NO_MEMORY,
	IPIP_DROP_TX_ENCAP,	/* FOU or GUE refuses it, or has gone */

	/* Keepalive. */
	IPIP_DROP_KEEPALIVE_UNSENT,	/* a reflection that has no way out */
	IPIP_DROP_KEEPALIVE_LATE,	/* an answer that is too old, or a repetition */
	IPIP_DROP_KEEPALIVE_FORGED,	/* no answer to a probe of ours */
	IPIP_DROP_KEEPALIVE_RATE_LIMITED, /* too many probes of the far end */
};

/**
 * struct ipip_route - one slot of the outer route cache of one CPU
 * @dst: the route; the slot holds a reference, or NULL
 * @daddr: outer destination that @dst leads to; INADDR_ANY if the route holds for
 *	one packet only
 * @saddr: outer source that the route picked
 * @tos: DSCP field of the outer header that @dst was looked up with
 * @proto: protocol of the outer header that @dst was looked up with: an IPsec
 *	policy may tell IPIP and MPLS apart
 * @ipsec: @dst leads through IPsec
 * @conflicts: how often a valid route has made room for that to another destination
 *
 * A CPU reads and writes its own slots only, with softirqs off, and with
 * ipip_route_lock held, which on PREEMPT_RT excludes other tasks on that CPU.
 */
struct ipip_route {
	struct dst_entry *dst;
	__be32 daddr;
	__be32 saddr;
	u8 tos;
	u8 proto;
	bool ipsec;
	u8 conflicts;
};

/**
 * struct ipip_keepalive_config - how the far end is asked whether it is there,
 *	and whether its own question is answered
 * @interval: milliseconds between two probes, or 0 for none
 * @retries: probes in a row without an answer that take the carrier away
 * @target: who answers an echo in the ICMP mode, or 0
 * @source: source of the echo, or 0 for an address of the device
 * @mode: enum ipip_keepalive_mode
 * @answer: answer the far end's probes, with or without probes of our own
 */
struct ipip_keepalive_config {
	u64 interval;
	u32 retries;
	__be32 target;
	__be32 source;
	u8 mode;
	bool answer;
};

/**
 * struct ipip_config - what a user has configured
 * @encap: UDP header between the outer header and the inner packet
 * @keepalive: keepalive
 * @local: outer source, or 0 to let the route pick it
 * @remote: outer destination, or 0 for next-hop mode
 * @link: index of the underlay device, or 0 for any
 * @fwmark: mark for the look-up of the outer route; the packet doesn't get it
 * @ttl: outer TTL, or 0 to inherit it
 * @tos: IFLA_IPTUN_TOS: bit 0 copies the inner DSCP, else the outer DSCP field
 * @proto: inner protocol: IPPROTO_IPIP, IPPROTO_MPLS or 0 for both
 * @encap_hlen: bytes that @encap puts on a packet
 * @role: enum ipip_role
 * @df: enum ipip_df
 * @pmtudisc: IFLA_IPTUN_PMTUDISC as it was set, and true with a fixed TTL; takes
 *	effect with IPIP_DF_LEGACY
 * @clamp: IPIP_CLAMP_*
 * @require_ipsec: drop what does not come or leave through an IPsec SA
 * @fast_path: a flowtable may take flows past the tunnel
 * @mtu_auto: the device's MTU follows the path; ipip_table_end_mtu_auto() clears
 *	it under RTNL when the user sets an MTU
 *
 * Copied and compared as a whole: it holds no pointer, and nothing that the user
 * hasn't set.
 */
struct ipip_config {
	struct ip_tunnel_encap encap;
	struct ipip_keepalive_config keepalive;
	__be32 local;
	__be32 remote;
	int link;
	u32 fwmark;
	u8 ttl;
	u8 tos;
	u8 proto;
	u8 encap_hlen;
	u8 role;
	u8 df;
	bool pmtudisc;
	u8 clamp;
	bool require_ipsec;
	bool fast_path;
	bool mtu_auto;
};

/* Which address a name was looked up for: the index of &ipip_parms.names. */
enum {
	IPIP_NAME_LOCAL,
	IPIP_NAME_REMOTE,
	IPIP_NAMES,
};

/**
 * struct ipip_parms - a tunnel's configuration, and its entry in the table
 * @node: links in the tunnel table, which uses one of them at a time
 * @dev: the tunnel's device
 * @key_local: outer destination that the table finds this entry by, or 0
 * @key_remote: outer source that the table finds this entry by, or 0
 * @key_link: index of the receiving device that the table prefers this entry for,
 *	or 0
 * @proto: that of @cfg
 * @rcv_extras: IPIP_EXTRA_* for received packets
 * @outer: the outer header, complete but for length, ID and checksum and what
 *	is inherited; saddr and daddr are the configured local and remote
 * @tos: that of @cfg
 * @xmit_extras: IPIP_EXTRA_* for transmitted packets
 * @df_mask: IP_DF if the outer header takes over that of the inner one, or 0
 * @route_bits: slots in @routes, as a power of two
 * @hlen: bytes that the tunnel puts on a packet: the outer header and the encap
 * @routes: route cache; NULL in external mode, where the metadata have their own
 * @many: large route cache of next-hop mode, in the place of @routes, or NULL as long as
 *	that one does
 * @rcu: for the deferred free
 * @cfg: what was configured, from which all but @node, @dev, @rcu, @names and @ipsec_dst
 *	is derived
 * @names: what the addresses of @cfg were looked up by, or NULL; for dumps
 * @ipsec_dst: route of the last packet whose route was looked up, if it leads through
 *	IPsec and the MTU is automatic; holds a reference. Read under RCU, replaced by
 *	xchg()
 *
 * Immutable but for @node, @many, @ipsec_dst and &ipip_config.mtu_auto once it is published
 * in the table and as &ipip_tunnel.parms. A change publishes a new one, so that a
 * packet sees one configuration and never a mix, and a cached route can't outlive the
 * configuration that it was looked up for. Receive reads the first cache line,
 * transmit the second, up to @cfg.encap; the rest of @cfg is for rare packets.
 */
struct ipip_parms {
	struct hlist_node node[2];
	struct net_device *dev;
	__be32 key_local;
	__be32 key_remote;
	int key_link;
	u8 proto;
	u8 rcv_extras;

	struct iphdr outer ____cacheline_aligned;
	u8 tos;
	u8 xmit_extras;
	__be16 df_mask;
	u8 route_bits;
	u8 hlen;
	struct ipip_route __percpu *routes;
	struct ipip_route __percpu *many;

	struct ipip_config cfg;
	struct rcu_head rcu;
	char *names[IPIP_NAMES];
	struct dst_entry __rcu *ipsec_dst;
};

/**
 * struct ipip_keepalive - what is known about the far end
 * @timer: fires once in an interval while the device is up, always on one CPU
 * @lock: protects all that follows but @source and @reflected; taken with softirqs off
 * @key: drawn when the device goes up; makes answers ours
 * @id: ICMP identifier, drawn with @key
 * @source: the device's own address that an echo has had last as its source, or 0;
 *	the timer's own
 * @state: enum ipip_keepalive_state
 * @waiting: the last probe has no answer yet
 * @probing: a probe has been sent since the device went up
 * @has_rtt: @rtt, @srtt and @rttvar are known
 * @outcomes: how many bits of @lost count, at most 64
 * @seq: number of the last probe
 * @accepted: number of the last probe with an answer that counted
 * @misses: probes in a row without an answer in time
 * @answered: when the last answer that counted came, in nanoseconds since the boot,
 *	or 0
 * @changed: when @state has changed, in nanoseconds since the boot
 * @rtt: nanoseconds that it took
 * @srtt: the same, smoothed (RFC 6298 section 2)
 * @rttvar: its variation, nanoseconds (RFC 6298 section 2)
 * @lost: the last probes, one bit each, the latest in bit 0: 1 if no answer came in time
 * @reflected: limits how many of the far end's probes are answered
 */
struct ipip_keepalive {
	struct hrtimer timer;
	spinlock_t lock; /* all that follows but @source and @reflected */
	siphash_key_t key;
	__be16 id;
	__be32 source;
	u8 state;
	bool waiting;
	bool probing;
	bool has_rtt;
	u8 outcomes;
	u32 seq;
	u32 accepted;
	u32 misses;
	u64 answered;
	u64 changed;
	u64 rtt;
	u64 srtt;
	u64 rttvar;
	u64 lost;
	struct ratelimit_state reflected;
};

/**
 * struct ipip_probe - the measurement of the path's MTU
 * @timer: fires when a probe is to be sent, or when an answer should have come
 * @path: what is known of the path, and which size is probed
 * @seq: number of the last probe
 * @on: the path is measured
 * @alive: the last probe, if it isn't answered, says something of sizes: a small one behind
 *	it was answered, or there was none
 * @doubt: the last probe but one was lost
 * @unsent: there was no memory for the last probe, or for a small one behind it
 * @asked: small probes that were sent behind the last that had some
 * @heard: of these, those that were answered
 * @small_seq: their number
 * @mtu: largest inner packet by what underlay, routes and ICMP said at the last look; 0
 *	if @on is false
 * @answered: when a probe of the size in force was last answered, in nanoseconds since
 *	the boot
 * @undone: the same, when ICMP was last found to be wrong, or 0; under RTNL
 *
 * Keepalive's lock protects all but @timer and @undone. @on changes under RTNL, too.
 */
struct ipip_probe {
	struct hrtimer timer;
	struct ipip_plpmtud path;
	u32 seq;
	bool on;
	bool alive;
	bool doubt;
	bool unsent;
	u8 asked;
	u8 heard;
	u32 small_seq;
	unsigned int mtu;
	u64 answered;
	u64 undone;
};

/**
 * struct ipip_keepalive_out - the way of a probe or of an answer to one
 * @net: netns of the outer packet
 * @parms: configuration
 * @dst: route; whoever has called ipip_keepalive_route() releases it
 * @saddr: outer source
 * @daddr: outer destination
 * @frag_off: DF or not, in all headers
 * @tos: DSCP field of all headers
 */
struct ipip_keepalive_out {
	struct net *net;
	const struct ipip_parms *parms;
	struct dst_entry *dst;
	__be32 saddr;
	__be32 daddr;
	__be16 frag_off;
	u8 tos;
};

/**
 * struct ipip_tunnel - private part of the tunnel's network device
 * @parms: the configuration in force; replaced under RTNL; NULL only if the
 *	registration of the device has failed
 * @net: netns of the outer packets; that of the device may be another
 * @err_time: jiffies of the last ICMP error about an outer packet
 * @err_count: how many packets' senders are still to be told of such an error
 * @mtu_following: the MTU is being changed by us, not by the user; under RTNL
 * @mtu_circle: the outer route has been found to lead in a circle; under RTNL
 * @offloaded: a flowtable has asked for the way, and may have flows
 * @wants_many: its route cache is too small
 * @received: the device has been up, so that it may have received packets; under RTNL
 * @link_name: name of the device that the tunnel is bound to, also when the
 *	device has been deleted; "" for none, or if there was none of that index;
 *	under RTNL
 * @ipsec_sk: what netfilter knows the tunnel's packets by, if IPsec has ever been
 *	required, or NULL. Set under RTNL, before a configuration that requires IPsec is
 *	published
 * @keepalive: keepalive's state
 * @probe: the measurement of the path's MTU
 * @counters: by IFLA_IPIP_XSTATS_*
 *
 * A packet that is sent or received without an error writes nothing here. It reads
 * @parms, @net and @err_count, and is counted in the device's per-CPU statistics.
 * RTNL protects @mtu_following and @mtu_circle. Softirqs write @err_time and
 * @err_count by WRITE_ONCE(), and may lose each other's updates: the count is bounded
 * anyway.
 * @offloaded is set once, see ipip_publish(). @keepalive has a lock, which protects
 * @probe, too, and @counters are atomic.
 */
struct ipip_tunnel {
	struct ipip_parms __rcu *parms;
	struct net *net;
	unsigned long err_time;
	int err_count;
	bool mtu_following;
	bool mtu_circle;
	bool offloaded;
	bool wants_many;
	bool received;
	char link_name[IFNAMSIZ];
	struct sock *ipsec_sk;
	struct ipip_keepalive keepalive;
	struct ipip_probe probe;
	atomic64_t counters[__IFLA_IPIP_XSTATS_MAX];
};

/**
 * struct ipip_net - state of one netns
 * @table: tunnels whose outer packets are in this netns; NULL before the first.
 *	Read under RCU, replaced under RTNL
 * @net: the netns
 * @mtu_work: sets automatic MTUs to those of the paths
 * @mtu_pending: @mtu_work is scheduled to run after @mtu_delay, or sooner
 * @mtu_delay: jiffies from an event to @mtu_work, so that the work takes a bounded
 *	share of a CPU; written by @mtu_work alone
 * @mtu_expires: jiffies when a learned path MTU will be forgotten; @mtu_work's own
 * @routes_work: gives tunnels the large route cache
 * @routes_many: configurations in @table that have it; under RTNL
 * @mtu_genid: what rt_genid_ipv4() was at the last look; @mtu_work's own
 * @hooks: tunnels that need the netfilter hook for empty packets; under RTNL
 * @link_gone: a device has gone, and tunnels may wait for one of its name; under RTNL
 * @ipsec_hooks: tunnels that have required IPsec; under RTNL
 */
struct ipip_net {
	struct ipip_table __rcu *table;
	struct net *net;
	struct delayed_work mtu_work;
	struct work_struct routes_work;
	unsigned int routes_many;
	atomic_t mtu_pending;
	unsigned long mtu_delay;
	unsigned long mtu_expires;
	int mtu_genid;
	unsigned int hooks;
	unsigned int ipsec_hooks;
	bool link_gone;
};

extern unsigned int ipip_net_id;

static inline struct ipip_net *ipip_pernet(const struct net *net)
{
	return net_generic(net, ipip_net_id);
}

/**
 * ipip_hook_get() - One more tunnel needs a netfilter hook
 * @net: netns of the outer packets
 * @ops: the hook; registered for the first tunnel
 * @users: how many tunnels of the netns need it
 *
 * Context: process, RTNL.
 * Return: 0 or what nf_register_net_hook() returns.
 */
static inline int ipip_hook_get(struct net *net, const struct nf_hook_ops *ops,
				unsigned int *users)
{
	int err = 0;

	if (!*users)
		err = ipip_compat_register_net_hook(net, ops);
	if (!err)
		++*users;
	return err;
}

/**
 * ipip_hook_put() - A tunnel doesn't need a netfilter hook any more
 * @net: netns of the outer packets
 * @ops: the hook; unregistered after the last tunnel
 * @users: how many tunnels of the netns need it
 *
 * Context: process, RTNL.
 */
static inline void ipip_hook_put(struct net *net,
				 const struct nf_hook_ops *ops,
				 unsigned int *users)
{
	if (!--*users)
		ipip_compat_unregister_net_hook(net, ops);
}

/**
 * ipip_sock() - What to call ip_local_out() with
 * @parms: the configuration that the packet is sent by
 *
 * Context: RCU.
 * Return: the socket by which netfilter's hook knows that the packet requires IPsec, or
 * NULL if it doesn't.
 */
static inline struct sock *ipip_sock(const struct ipip_parms *parms)
{
	const struct ipip_tunnel *tunnel = netdev_priv(parms->dev);

	return parms->xmit_extras & IPIP_EXTRA_IPSEC ? tunnel->ipsec_sk : NULL;
}

static inline bool ipip_same_addresses(const struct ipip_config *a,
				       const struct ipip_config *b)
{
	return a->local == b->local && a->remote == b->remote &&
	       a->link == b->link;
}

static inline void ipip_route_flow(struct flowi4 *fl4, struct net *net,
				   const struct ipip_parms *parms, u8 proto,
				   __be32 daddr, __be32 saddr, u8 tos, u32 hash)
{
	ipip_compat_init_flow(fl4, proto, daddr, saddr, 0, tos & INET_DSCP_MASK,
			      net, parms->cfg.link, parms->cfg.fwmark, hash, 0);
}

/**
 * ipip_route_lookup() - Look up the outer route
 * @net: netns of the outer packets
 * @parms: the tunnel's configuration: link and fwmark are taken from it
 * @fl4: filled in; its saddr is the source that the route picked
 * @proto: protocol of the outer header
 * @daddr: outer destination, network order
 * @saddr: outer source, network order, or 0 to have one picked
 * @tos: outer DSCP field, in the place that it has in the header
 * @hash: flow hash of the inner packet, to choose among several paths
 *
 * For a packet that is there to be sent: if an IPsec policy wants an SA that isn't
 * there, the kernel asks the IKE daemon for it.
 *
 * Context: any.
 * Return: the route, with a reference, or an ERR_PTR().
 */
static inline struct rtable *
ipip_route_lookup(struct net *net, const struct ipip_parms *parms,
		  struct flowi4 *fl4, u8 proto, __be32 daddr, __be32 saddr,
		  u8 tos, u32 hash)
{
	ipip_route_flow(fl4, net, parms, proto, daddr, saddr, tos, hash);
	return ip_route_output_key(net, fl4);
}

/**
 * ipip_route_lookup_clear() - Look up the outer route as it is without IPsec
 * @net: netns of the outer packets
 * @parms: the tunnel's configuration: link and fwmark are taken from it
 * @proto: protocol of the outer header
 * @daddr: outer destination, network order
 * @saddr: outer source, network order, or 0
 * @tos: outer DSCP field, in the place that it has in the header
 *
 * Nothing may be sent by it. It asks no IKE daemon for anything.
 *
 * Context: any.
 * Return: the route, with a reference, or an ERR_PTR().
 */
static inline struct rtable *
ipip_route_lookup_clear(struct net *net, const struct ipip_parms *parms,
			u8 proto, __be32 daddr, __be32 saddr, u8 tos)
{
	struct flowi4 fl4;

	ipip_route_flow(&fl4, net, parms, proto, daddr, saddr, tos, 0);
	return __ip_route_output_key(net, &fl4);
}

/* ipip_main.c */
struct ipip_parms *ipip_parms_alloc(struct net_device *dev,
				    const struct ipip_parms *from);
void ipip_parms_free(struct ipip_parms *parms);
int ipip_parms_set_name(struct ipip_parms *parms, unsigned int i,
			const char *name);
int ipip_create(struct net_device *dev, struct net *net,
		struct ipip_parms *parms, bool mtu_given);
int ipip_change(struct net_device *dev, struct ipip_parms *parms,
		bool mtu_given);
void ipip_delete(struct net_device *dev, struct list_head *head);
bool ipip_is_tunnel(const struct net_device *dev);
struct net_device *ipip_alloc_netdev(struct net *net, const char *name);
void ipip_setup(struct net_device *dev);

/* ipip_table.c */
void ipip_table_set_key(struct ipip_parms *parms);
int ipip_table_reserve(struct ipip_net *in);
void ipip_table_link(struct ipip_net *in, struct ipip_parms *parms);
void ipip_table_unlink(struct ipip_net *in, struct ipip_parms *parms);
bool ipip_table_has(const struct ipip_net *in, const struct ipip_parms *parms);
void ipip_table_free(struct ipip_net *in);
struct ipip_parms *ipip_table_next(const struct ipip_net *in,
				   const struct ipip_parms *parms);
bool ipip_table_has_links(const struct ipip_net *in);
bool ipip_table_has_mtu_auto(const struct ipip_net *in);
void ipip_table_end_mtu_auto(struct ipip_net *in, struct ipip_parms *parms);
struct ipip_parms *ipip_find(const struct net *net, __be32 local, __be32 remote,
			     int link);
bool ipip_exists(const struct net *net, const struct ipip_parms *parms);
struct ipip_parms *ipip_lookup(const struct net *net, __be32 local,
			       __be32 remote, int ifindex);

/* ipip_netlink.c */
extern struct rtnl_link_ops ipip_link_ops;
int ipip_tunnel_ctl(struct net_device *dev, struct ipip_compat_parm *p,
		    int cmd);

/* ipip_rcv.c */
extern bool ipip_log_ecn_error;
enum ipip_verdict ipip_rcv_check_ipsec(const struct ipip_parms *parms,
				       struct sk_buff *skb, __be32 saddr);
int ipip_rcv(struct sk_buff *skb);
int ipip_rcv_mpls(struct sk_buff *skb);
int ipip_err(struct sk_buff *skb, u32 info);
int ipip_rcv_init(void);
void ipip_rcv_exit(void);
void ipip_rcv_expect_flush(void);
void ipip_rcv_flush(void);

/* ipip_xmit.c */
netdev_tx_t ipip_xmit(struct sk_buff *skb, struct net_device *dev);
struct dst_entry *ipip_xmit_plain(const struct ipip_parms *parms,
				  const struct iphdr *inner, __be32 daddr,
				  struct iphdr *outer);
const struct xfrm_if *ipip_xfrm_if(const struct net_device *dev);
bool ipip_xmit_has_ipsec(const struct dst_entry *dst);
bool ipip_encap(struct sk_buff *skb, const struct ip_tunnel_encap *encap,
		struct iphdr *outer);
int ipip_xmit_init(void);
void ipip_xmit_exit(void);
void ipip_xmit_init_net(struct net *net);
void ipip_xmit_exit_net(struct net *net);

/* ipip_ipsec.c */
int ipip_ipsec_start(struct net_device *dev, const struct ipip_parms *parms);
void ipip_ipsec_stop(struct net_device *dev);
void ipip_ipsec_free(struct net_device *dev);

/* ipip_path.c, where the kernel has a use for it */
int ipip_fill_forward_path(struct net_device_path_ctx *ctx,
			   struct net_device_path *path);

/* ipip_xdp.c, where the kernel has a use for it */
int ipip_xdp_xmit(struct net_device *dev, int n, struct xdp_frame **frames,
		  u32 flags);

/* ipip_mss.c */
bool ipip_mss_clamp(struct net_device *dev, struct sk_buff *skb,
		    unsigned int mtu, enum ipip_xstats clamped);

/* ipip_link.c */
void ipip_link_note(struct ipip_tunnel *tunnel, int ifindex);
extern struct notifier_block ipip_link_nb;

/* ipip_mtu.c */
void ipip_mtu_set_headroom(struct net_device *dev, unsigned int headroom);
unsigned int ipip_mtu_bind(struct net_device *dev, struct net *net,
			   const struct ipip_parms *parms);
bool ipip_mtu_is_own_link(const struct net_device *dev, const struct net *net,
			  const struct ipip_config *cfg);
int ipip_mtu_change(struct net_device *dev, int mtu);
void ipip_mtu_set(struct net_device *dev, unsigned int mtu);
struct rtable *ipip_mtu_copy_route(const struct rtable *rt);
void ipip_mtu_schedule(const struct net *net);
void ipip_mtu_inherit(struct ipip_parms *new, const struct ipip_parms *old);
void ipip_mtu_check(const struct ipip_parms *parms, struct dst_entry *dst);
void ipip_mtu_check_probe(const struct ipip_parms *parms,
			  struct dst_entry *dst);
void ipip_mtu_init_net(struct net *net);
void ipip_mtu_exit_net(struct net *net);
extern struct notifier_block ipip_mtu_netdev_nb;

/* ipip_keepalive.c */
int ipip_keepalive_check(const struct ipip_config *cfg, struct nlattr *ext[],
			 struct netlink_ext_ack *extack);
void ipip_keepalive_init(struct net_device *dev);
void ipip_keepalive_open(struct net_device *dev);
void ipip_keepalive_stop(struct net_device *dev);
void ipip_keepalive_change(struct net_device *dev,
			   const struct ipip_parms *old,
			   const struct ipip_parms *new);
int ipip_keepalive_hook_get(struct net *net, const struct ipip_parms *parms);
void ipip_keepalive_hook_put(struct net *net, const struct ipip_parms *parms);
bool ipip_keepalive_rcv(const struct ipip_parms *parms, struct sk_buff *skb,
			__be32 local, __be32 remote);
int ipip_keepalive_fill(struct sk_buff *skb, const struct net_device *dev);
bool ipip_keepalive_wants(const struct ipip_parms *parms,
			  enum ipip_keepalive_kind kind, const u8 *data,
			  unsigned int cookie);
bool ipip_keepalive_route(struct ipip_keepalive_out *out,
			  const struct ipip_parms *parms, __be32 saddr,
			  __be32 daddr, bool measures);
int ipip_keepalive_output(const struct ipip_keepalive_out *out,
			  const void *payload, unsigned int len,
			  unsigned int size);
void ipip_keepalive_header(const struct ipip_keepalive_out *out,
			   struct iphdr *iph, u8 protocol, __be32 saddr,
			   __be32 daddr, unsigned int len);
__be32 ipip_keepalive_source(struct ipip_keepalive *ka,
			     const struct ipip_parms *parms);

/* ipip_probe.c */
void ipip_probe_init(struct net_device *dev);
void ipip_probe_change(struct net_device *dev, const struct ipip_parms *parms);
void ipip_probe_stop(struct net_device *dev);
void ipip_probe_forget(struct net_device *dev, const struct ipip_parms *old,
		       const struct ipip_parms *new);
void ipip_probe_note(struct net_device *dev, bool lost);
bool ipip_probe_rcv(const struct ipip_parms *parms, struct sk_buff *skb,
		    __be32 local, __be32 remote);
bool ipip_probe_answer(const struct ipip_parms *parms, struct sk_buff *skb,
		       const struct ipip_keepalive_cookie *cookie,
		       unsigned int len);
unsigned int ipip_probe_mtu(const struct net_device *dev);
bool ipip_probe_disproves(struct net_device *dev, unsigned int mtu);
unsigned int ipip_probe_follow(struct net_device *dev, unsigned int mtu,
			       unsigned int max);
int ipip_probe_fill(struct sk_buff *skb, const struct net_device *dev);

/* ipip_stats.c */
extern const struct ethtool_ops ipip_ethtool_ops;
void ipip_count(const struct net_device *dev, enum ipip_xstats counter);
void ipip_drop(const struct net_device *dev, struct sk_buff *skb,
	       enum ipip_verdict verdict);
size_t ipip_xstats_size(const struct net_device *dev);
int ipip_xstats_fill(struct sk_buff *skb, const struct net_device *dev);

#endif /* _IPIP_H */
