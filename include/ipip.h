/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP in IP tunnel (RFC 2003): the structures, and the functions that other files call,
 * grouped by the file that defines them.
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

struct ipip_table;	/* private to ipip_table.c */
struct net_device_path;
struct net_device_path_ctx;
struct sock;
struct xdp_frame;
struct xfrm_if;

/* Number of slots in a CPU's route cache, as a power of two. A tunnel with a fixed outer
 * destination and DSCP needs one slot, one that inherits the DSCP needs a few. Next-hop
 * mode needs one slot per next hop that is in use at the same time: it begins with 16,
 * and if they aren't enough it gets a cache of 1,024 slots, which takes 24 KiB per CPU.
 */
#define IPIP_ROUTE_BITS_FIXED	0
#define IPIP_ROUTE_BITS_TOS	2
#define IPIP_ROUTE_BITS_NEXTHOP	4
#define IPIP_ROUTE_BITS_MANY	10

/* Maximum number of tunnels of a netns with the large cache; these take 6 MiB per CPU. The
 * number is limited because packets trigger the allocation and a worker performs it, so no
 * memory cgroup is charged.
 */
#define IPIP_ROUTES_MANY_MAX	256

/* Number of slots of the large cache that a route may be in. */
#define IPIP_ROUTE_WAYS		4

/* Bit 0 of IFLA_IPTUN_TOS: the outer DSCP is the inner one. */
#define IPIP_TOS_INHERIT	BIT(0)

/* First octet of an IPv4 header without options. An XDP frame begins with this header or
 * with an Ethernet header. Bit 0 of an Ethernet address marks a group address, so no
 * address of a host begins with this octet.
 */
#define IPIP_PLAIN_HEADER	0x45

/* Features of a tunnel beyond RFC 2003. If a tunnel uses none of them, a packet costs one
 * comparison with 0.
 */
#define IPIP_EXTRA_CLAMP	BIT(0)	/* lower the MSS of a SYN */
#define IPIP_EXTRA_IPSEC	BIT(1)	/* IPsec is required */
#define IPIP_EXTRA_ICMP		BIT(2)	/* an echo reply can be an answer to a probe */
#define IPIP_EXTRA_EXTERNAL	BIT(3)	/* metadata have the outer addresses */

/**
 * enum ipip_role - how the receive path finds a tunnel
 * @IPIP_ROLE_PLAIN: by its addresses
 * @IPIP_ROLE_EXTERNAL: the only tunnel of a netns in external mode; it receives
 *	packets that belong to no plain tunnel
 * @IPIP_ROLE_FALLBACK: tunl0; it receives packets that belong to no other tunnel
 */
enum ipip_role {
	IPIP_ROLE_PLAIN,
	IPIP_ROLE_EXTERNAL,
	IPIP_ROLE_FALLBACK,
};

/* The decision about a packet. ipip_drop() maps each drop to a counter and to a drop
 * reason of the kernel.
 */
enum ipip_verdict {
	IPIP_PASS,

	/* Received. */
	IPIP_DROP_RX_PROTOCOL,	/* the tunnel doesn't carry the inner protocol */
	IPIP_DROP_RX_POLICY,	/* the host's IPsec policy forbids it */
	IPIP_DROP_RX_NO_IPSEC,	/* IPsec is required, and there was no SA */
	IPIP_DROP_RX_ECN,	/* RFC 6040 section 4.2 */
	IPIP_DROP_RX_NO_MEMORY,
	IPIP_DROP_RX_BACKLOG,	/* too many packets are waiting for GRO */

	/* To be sent. */
	IPIP_DROP_TX_MALFORMED,	/* shorter than its header, or can't be segmented */
	IPIP_DROP_TX_PROTOCOL,	/* the tunnel doesn't carry the protocol */
	IPIP_DROP_TX_NESTED,	/* tunnels are nested too deeply */
	IPIP_DROP_TX_NO_NEXTHOP, /* next-hop or external mode without destination */
	IPIP_DROP_TX_NO_ROUTE,	/* no route to the far end */
	IPIP_DROP_TX_LOOP,	/* the outer route leads into the tunnel */
	IPIP_DROP_TX_NO_IPSEC,	/* IPsec is required, and the route has no SA */
	IPIP_DROP_TX_TOO_BIG,	/* with DF, larger than the path MTU */
	IPIP_DROP_TX_NO_MEMORY,
	IPIP_DROP_TX_ENCAP,	/* FOU or GUE refuses the packet, or is unloaded */

	/* Keepalive. */
	IPIP_DROP_KEEPALIVE_UNSENT,	/* an answer that can't be sent */
	IPIP_DROP_KEEPALIVE_LATE,	/* an answer that is too late or repeated */
	IPIP_DROP_KEEPALIVE_FORGED,	/* not an answer to a probe of this tunnel */
	IPIP_DROP_KEEPALIVE_RATE_LIMITED, /* too many probes from the far end */
};

/**
 * struct ipip_route - one slot of the outer route cache of one CPU
 * @dst: the route, of which the slot holds a reference; or NULL
 * @daddr: outer destination that @dst leads to; INADDR_ANY if the route is valid for
 *	one packet only
 * @saddr: outer source that the route determined
 * @tos: DSCP field of the outer header that @dst was looked up with
 * @proto: protocol of the outer header that @dst was looked up with: an IPsec
 *	policy may distinguish IPIP and MPLS
 * @ipsec: @dst leads through IPsec
 * @conflicts: how often a valid route was replaced by one to another destination
 *
 * A CPU accesses only its own slots, with softirqs off and ipip_route_lock held. On
 * PREEMPT_RT the lock excludes other tasks on that CPU.
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
 * struct ipip_keepalive_config - configuration of keepalive
 * @interval: milliseconds between two probes, or 0 for no probes
 * @retries: number of unanswered probes in a row after which the carrier goes
 * @target: destination of the echo request in mode icmp, or 0
 * @source: source of the echo request, or 0 for an address of the device
 * @mode: enum ipip_keepalive_mode
 * @answer: answer the far end's probes, whether @interval is 0 or not
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
 * @local: outer source, or 0 if the route determines it
 * @remote: outer destination, or 0 for next-hop mode
 * @link: index of the underlay device, or 0 for any
 * @fwmark: mark for the look-up of the outer route; the packet keeps its own
 * @ttl: outer TTL, or 0 to copy the inner one
 * @tos: IFLA_IPTUN_TOS: if bit 0 is set, the inner DSCP is copied; else the outer
 *	DSCP field
 * @proto: inner protocol: IPPROTO_IPIP, IPPROTO_MPLS or 0 for both
 * @encap_hlen: bytes that @encap adds to a packet
 * @role: enum ipip_role
 * @df: enum ipip_df
 * @pmtudisc: IFLA_IPTUN_PMTUDISC as it was set, and true with a fixed TTL; only
 *	effective with IPIP_DF_LEGACY
 * @clamp: IPIP_CLAMP_*
 * @require_ipsec: drop packets that don't arrive or leave through an IPsec SA
 * @fast_path: a flowtable may forward flows without the tunnel
 * @mtu_auto: the device's MTU follows the path; ipip_table_end_mtu_auto() clears
 *	it under RTNL when the user sets an MTU
 *
 * Copied and compared as a whole, so it has no pointers and only fields that the user
 * sets.
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

/* The address that a name belongs to: the index of &ipip_parms.names. */
enum {
	IPIP_NAME_LOCAL,
	IPIP_NAME_REMOTE,
	IPIP_NAMES,
};

/**
 * struct ipip_parms - a tunnel's configuration, and its entry in the table
 * @node: links for the tunnel table, which uses one of the two at a time
 * @dev: the tunnel's device
 * @key_local: outer destination that the table finds this entry by, or 0
 * @key_remote: outer source that the table finds this entry by, or 0
 * @key_link: index of the receiving device for which the table prefers this entry,
 *	or 0
 * @proto: copy of the one in @cfg
 * @rcv_extras: IPIP_EXTRA_* for received packets
 * @outer: the outer header without length, ID, checksum and inherited fields; saddr
 *	and daddr are the configured local and remote
 * @tos: copy of the one in @cfg
 * @xmit_extras: IPIP_EXTRA_* for transmitted packets
 * @df_mask: IP_DF if the outer header copies the inner DF, or 0
 * @route_bits: number of slots in @routes, as a power of two
 * @hlen: bytes that the tunnel adds to a packet: the outer header and the encap
 * @routes: route cache; NULL in external mode, where the metadata have their own
 * @many: large route cache of next-hop mode, which replaces @routes; or NULL
 * @rcu: for the deferred free
 * @cfg: the user's configuration. All fields except @node, @dev, @rcu, @names and
 *	@ipsec_dst are derived from it
 * @names: names that the addresses of @cfg were looked up from, or NULL; for dumps
 * @ipsec_dst: the last route that was looked up for a packet, if it leads through IPsec
 *	and the MTU is automatic; a reference is held. Read under RCU, replaced by
 *	xchg()
 *
 * After it is published in the table and as &ipip_tunnel.parms, it is immutable except
 * for @node, @many, @ipsec_dst and &ipip_config.mtu_auto. A change publishes a new
 * object. So a packet sees one configuration and never a mix of two, and a cached route
 * can't outlive the configuration that it was looked up for. The receive path reads the
 * first cache line, the transmit path the second, up to @cfg.encap; only rare packets
 * need the rest of @cfg.
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
 * struct ipip_keepalive - state of the far end
 * @timer: fires once per interval while the device is up, always on the same CPU
 * @lock: protects all following members except @source and @reflected; taken with
 *	softirqs off
 * @key: random key of the hash in probes, generated when the device goes up
 * @id: random ICMP identifier, generated with @key
 * @source: address of the device that was the source of the last echo request, or 0;
 *	only the timer accesses it
 * @state: enum ipip_keepalive_state
 * @waiting: the last probe has no answer yet
 * @probing: a probe was sent since the device went up
 * @has_rtt: @rtt, @srtt and @rttvar are known
 * @outcomes: number of valid bits in @lost, at most 64
 * @seq: number of the last probe
 * @accepted: number of the last probe with a valid answer
 * @misses: number of probes in a row without an answer in time
 * @answered: time of the last valid answer in nanoseconds since boot, or 0
 * @changed: time of the last change of @state in nanoseconds since boot
 * @rtt: round-trip time of the last valid answer in nanoseconds
 * @srtt: smoothed round-trip time in nanoseconds (RFC 6298 section 2)
 * @rttvar: variation of the round-trip time in nanoseconds (RFC 6298 section 2)
 * @lost: one bit for each of the last probes, the latest in bit 0: 1 if no answer came
 *	in time
 * @reflected: rate limit of answers to the far end's probes
 */
struct ipip_keepalive {
	struct hrtimer timer;
	spinlock_t lock; /* all following members except @source and @reflected */
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
 * struct ipip_probe - the measurement of the path MTU
 * @timer: fires when the next probe is due, or when the time for an answer is over
 * @path: the state of the measurement, and the size under test
 * @seq: number of the last probe
 * @search_seq: number of the probe whose loss started the running search, or of the last one
 *	before the path changed
 * @on: the path is measured
 * @alive: if the last probe is lost, its size is the likely reason: a small probe that
 *	followed it was answered, or none followed it
 * @doubt: the probe before the last one was lost
 * @unsent: there was no memory for the last probe, or for a small one that followed it
 * @asked: number of small probes that followed the last probe that had any
 * @heard: number of these that were answered
 * @small_seq: number of the probe that they followed
 * @mtu: largest inner packet according to underlay, routes and ICMP at the last look-up;
 *	0 if @on is false
 * @answered: time of the last answer to a probe of the size in force, in nanoseconds
 *	since boot
 * @undone: time when ICMP was last found to be wrong, in nanoseconds since boot, or 0;
 *	under RTNL
 *
 * Keepalive's lock protects all members except @timer and @undone. @on becomes true only
 * under RTNL.
 */
struct ipip_probe {
	struct hrtimer timer;
	struct ipip_plpmtud path;
	u32 seq;
	u32 search_seq;
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
 * struct ipip_keepalive_out - route and header fields of a probe or of an answer
 * @net: netns of the outer packet
 * @parms: configuration
 * @dst: route; the caller of ipip_keepalive_route() releases it
 * @saddr: outer source
 * @daddr: outer destination
 * @frag_off: IP_DF or 0, for all headers
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
 *	registration of the device failed
 * @net: netns of the outer packets; the device may be in another one
 * @err_time: jiffies of the last ICMP error about an outer packet
 * @err_count: number of packets whose senders are still to be told of such an error
 * @mtu_following: the driver, and not the user, is changing the MTU; under RTNL
 * @mtu_circle: the outer route leads in a circle; under RTNL
 * @offloaded: a flowtable has asked for the path, and may have flows of this tunnel
 * @wants_many: the route cache is too small
 * @received: the device has been up, so it may have received packets; under RTNL
 * @link_name: name of the device that the tunnel is bound to, kept after the device
 *	was deleted; "" if the tunnel isn't bound, or if no device had that index;
 *	under RTNL
 * @ipsec_sk: socket that marks the tunnel's packets for the netfilter hook, or NULL if
 *	IPsec was never required. Set under RTNL, before a configuration that requires
 *	IPsec is published
 * @keepalive: keepalive's state
 * @probe: the measurement of the path MTU
 * @counters: by IFLA_IPIP_XSTATS_*
 *
 * A packet that is sent or received without an error doesn't write here. It reads
 * @parms, @net and @err_count, and is counted in the device's per-CPU statistics.
 * Softirqs write @err_time and @err_count with WRITE_ONCE() and without a lock. They may
 * overwrite each other's updates, which is harmless because the count is bounded.
 * @offloaded is set once, see ipip_publish(). The lock in @keepalive also protects
 * @probe. @counters are atomic.
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
 * @mtu_pending: @mtu_work is scheduled to run after @mtu_delay or earlier
 * @mtu_delay: jiffies from an event to @mtu_work, which limit the CPU time of the
 *	work; only @mtu_work writes it
 * @mtu_expires: jiffies when a learned path MTU will expire; private to @mtu_work
 * @routes_work: allocates the large route caches
 * @routes_many: number of configurations in @table that have one; under RTNL
 * @mtu_genid: rt_genid_ipv4() at the last run; private to @mtu_work
 * @hooks: number of tunnels that need the netfilter hook for empty packets; under RTNL
 * @link_gone: a device was deleted, and tunnels may wait for a device of its name;
 *	under RTNL
 * @ipsec_hooks: number of tunnels that require IPsec or did so earlier; under RTNL
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
 * ipip_hook_get() - Register a netfilter hook, or count one more user of it
 * @net: netns of the outer packets
 * @ops: the hook; registered for the first tunnel
 * @users: number of tunnels of the netns that need it
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
 * ipip_hook_put() - Count one user less, or unregister a netfilter hook
 * @net: netns of the outer packets
 * @ops: the hook; unregistered after the last tunnel
 * @users: number of tunnels of the netns that need it
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
 * ipip_sock() - Get the socket to call ip_local_out() with
 * @parms: the configuration with which the packet is sent
 *
 * Context: RCU.
 * Return: the socket that tells the netfilter hook that the packet requires IPsec, or
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
 * @fl4: filled in; its saddr is the source that the route determined
 * @proto: protocol of the outer header
 * @daddr: outer destination, network order
 * @saddr: outer source, network order, or 0 if the route is to determine it
 * @tos: outer DSCP field, at its position in the header
 * @hash: flow hash of the inner packet, to choose among several paths
 *
 * Call this only for a packet that is about to be sent: if an IPsec policy needs an SA
 * that doesn't exist, the kernel asks the IKE daemon for one.
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
 * ipip_route_lookup_clear() - Look up the outer route without IPsec
 * @net: netns of the outer packets
 * @parms: the tunnel's configuration: link and fwmark are taken from it
 * @proto: protocol of the outer header
 * @daddr: outer destination, network order
 * @saddr: outer source, network order, or 0
 * @tos: outer DSCP field, at its position in the header
 *
 * This triggers no negotiation of the IKE daemon. No packet may be sent by the route.
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

/* ipip_path.c, if the kernel can use it */
int ipip_fill_forward_path(struct net_device_path_ctx *ctx,
			   struct net_device_path *path);

/* ipip_xdp.c, if the kernel can use it */
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
