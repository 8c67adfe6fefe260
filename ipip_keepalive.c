// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: keepalive, which checks whether the far end answers.
 *
 * While the device is up, a timer per tunnel sends one probe per interval. Probes bypass
 * the device's queue, because a device without a carrier has none. A tunnel starts with a
 * carrier and in the state UNKNOWN. The first answer changes the state to UP. If as many
 * probes in a row as there are retries have no answer within one interval each, the state
 * changes to DOWN and the device loses its carrier. The tunnel continues to send probes,
 * and the first answer restores the carrier. Data packets don't count as answers. Probes
 * and answers have their own counters, and aren't counted by the device.
 *
 * The far end's probes are answered even if the tunnel sends none itself, unless the
 * answer is switched off: then a probe is data.
 *
 * The timer and the receive path run in softirq under RCU, the rest in process context
 * under RTNL. include/ipip_keepalive.h has the wire formats.
 */
#include <linux/bitops.h>
#include <linux/icmp.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/pkt_sched.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/rtnetlink.h>
#include <linux/smp.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/netlink.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ipip.h"
#include "ipip_trace.h"

/* DSCP CS6, for network control (RFC 4594 section 3.1). */
#define IPIP_KEEPALIVE_TOS	IPTOS_PREC_INTERNETCONTROL
#define IPIP_KEEPALIVE_TTL	255
/* Maximum number of the far end's probes that are answered per second. A far end sends at
 * most ten, but forged probes use up a part of the limit.
 */
#define IPIP_KEEPALIVE_REFLECT	1000
/* Number of probes for which the share of lost ones is calculated, and its denominator. */
#define IPIP_KEEPALIVE_OUTCOMES	64
#define IPIP_KEEPALIVE_LOSS	1000

static u64 ipip_keepalive_hash(const struct ipip_keepalive *ka,
			       const struct ipip_keepalive_cookie *cookie)
{
	return siphash_2u64((__force u32)cookie->seq, (__force u64)cookie->time,
			    &ka->key);
}

/* Look up the outer route without a path MTU from ICMP. The result is a copy, because the
 * kernel shares a route that has learned a path MTU.
 */
static struct rtable *ipip_keepalive_fresh_route(struct net *net,
						 struct flowi4 *fl4)
{
	struct rtable *rt = __ip_route_output_key(net, fl4), *fresh;
	struct dst_entry *dst;

	if (IS_ERR(rt))
		return rt;
	fresh = ipip_mtu_copy_route(rt);
	ip_rt_put(rt);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fl4->flowi4_oif = fl4->flowi4_oif ?: fresh->dst.dev->ifindex;
	dst = xfrm_lookup_route(net, &fresh->dst, flowi4_to_flowi(fl4), NULL, 0);
	return IS_ERR(dst) ? ERR_CAST(dst) : (struct rtable *)dst;
}

/**
 * ipip_keepalive_route() - Find the route for a probe or for an answer to one
 * @out: filled in; the caller releases its route
 * @parms: configuration
 * @saddr: outer source, or 0 if the route is to determine it
 * @daddr: outer destination
 * @measures: the packet measures the path of data packets: it has their DSCP, and DF, and
 *	its route ignores a learned path MTU. Otherwise it is network control without
 *	DF, because it can't be made shorter.
 *
 * Context: softirq, RCU.
 * Return: false if there is no route, or if the route must not be used.
 */
bool ipip_keepalive_route(struct ipip_keepalive_out *out,
			  const struct ipip_parms *parms, __be32 saddr,
			  __be32 daddr, bool measures)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct flowi4 fl4;
	struct rtable *rt;

	out->tos = IPIP_KEEPALIVE_TOS;
	out->frag_off = 0;
	if (measures) {
		out->tos = parms->cfg.tos & IPIP_TOS_INHERIT ? 0 :
			   parms->cfg.tos & INET_DSCP_MASK;
		out->frag_off = htons(IP_DF);
	}
	ipip_route_flow(&fl4, tunnel->net, parms, IPPROTO_IPIP, daddr, saddr,
			out->tos, 0);
	rt = measures ? ipip_keepalive_fresh_route(tunnel->net, &fl4) :
			ip_route_output_key(tunnel->net, &fl4);
	if (IS_ERR(rt))
		return false;
	if (parms->cfg.require_ipsec && !ipip_xmit_has_ipsec(&rt->dst)) {
		ipip_count(parms->dev, IFLA_IPIP_XSTATS_TX_NO_IPSEC);
		goto err_route;
	}
	if (rt->dst.dev == parms->dev)
		goto err_route;
	out->net = tunnel->net;
	out->parms = parms;
	out->dst = &rt->dst;
	out->saddr = fl4.saddr;
	out->daddr = daddr;
	return true;

err_route:
	ip_rt_put(rt);
	return false;
}

/**
 * ipip_keepalive_output() - Send a probe, or an answer to one
 * @out: route and header fields
 * @payload: inner packet
 * @len: its length in bytes
 * @size: length in bytes to which the packet is padded with zeros
 *
 * Context: softirq, RCU.
 * Return: 0, -ENOMEM if there was no memory to send it, or another error.
 */
int ipip_keepalive_output(const struct ipip_keepalive_out *out,
			  const void *payload, unsigned int len,
			  unsigned int size)
{
	const unsigned int headroom = LL_RESERVED_SPACE(out->dst->dev) +
				      out->dst->header_len +
				      out->parms->hlen;
	struct iphdr outer = out->parms->outer;
	struct sk_buff *skb;
	struct iphdr *iph;
	int err;

	skb = alloc_skb(headroom + size, GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, headroom);
	skb_put_data(skb, payload, len);
	skb_put_zero(skb, size - len);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
	skb->protocol = htons(ETH_P_IP);
	skb->dev = out->parms->dev;

	outer.tos = out->tos;
	outer.frag_off = out->frag_off;
	outer.protocol = IPPROTO_IPIP;
	outer.saddr = out->saddr;
	outer.daddr = out->daddr;
	if (!outer.ttl)
		outer.ttl = ip4_dst_hoplimit(out->dst);
	if (out->parms->cfg.encap.type &&
	    !ipip_encap(skb, &out->parms->cfg.encap, &outer)) {
		ipip_drop(out->parms->dev, skb, IPIP_DROP_TX_ENCAP);
		return -EINVAL;
	}

	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	*iph = outer;
	__ip_select_ident(out->net, iph, 1);
	if (out->tos == IPIP_KEEPALIVE_TOS)
		skb->priority = TC_PRIO_CONTROL;
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb_dst_set(skb, dst_clone(out->dst));
	err = ip_local_out(out->net, ipip_sock(out->parms), skb);
	return err > 0 ? net_xmit_errno(err) : err;
}

/**
 * ipip_keepalive_header() - Build one of a probe's inner headers
 * @out: route and header fields of the probe
 * @iph: filled in
 * @protocol: protocol
 * @saddr: source
 * @daddr: destination
 * @len: length of the packet in bytes, including this header
 *
 * Context: any.
 */
void ipip_keepalive_header(const struct ipip_keepalive_out *out,
			   struct iphdr *iph, u8 protocol, __be32 saddr,
			   __be32 daddr, unsigned int len)
{
	*iph = (struct iphdr) {
		.version	= IPVERSION,
		.ihl		= sizeof(*iph) / 4,
		.tos		= out->tos,
		.tot_len	= htons(len),
		.frag_off	= out->frag_off,
		.ttl		= IPIP_KEEPALIVE_TTL,
		.protocol	= protocol,
		.saddr		= saddr,
		.daddr		= daddr,
	};
	ip_send_check(iph);
}

static void ipip_keepalive_cookie(struct ipip_keepalive *ka,
				  struct ipip_keepalive_cookie *cookie)
{
	cookie->magic = htonl(IPIP_KEEPALIVE_MAGIC);
	cookie->time = cpu_to_be64(ktime_get_ns());
	spin_lock_bh(&ka->lock);
	cookie->seq = htonl(ka->seq);
	cookie->hash = cpu_to_be64(ipip_keepalive_hash(ka, cookie));
	spin_unlock_bh(&ka->lock);
}

static bool ipip_keepalive_send_cookie(struct ipip_keepalive *ka,
				       const struct ipip_keepalive_out *out)
{
	struct {
		struct iphdr back;
		struct iphdr inner;
		struct ipip_keepalive_cookie cookie;
	} probe;
	const unsigned int len = sizeof(probe);

	ipip_keepalive_header(out, &probe.back, IPPROTO_IPIP, out->daddr,
			      out->saddr, len);
	ipip_keepalive_header(out, &probe.inner, IPPROTO_ICMP, 0, 0,
			      len - sizeof(probe.back));
	ipip_keepalive_cookie(ka, &probe.cookie);
	return !ipip_keepalive_output(out, &probe, len, len);
}

/* RouterOS's format for IPIP isn't published. So send both forms that its other tunnels
 * use: a packet that makes the far end send an empty packet, and an empty packet.
 */
static bool ipip_keepalive_send_routeros(const struct ipip_keepalive_out *out)
{
	struct iphdr back;
	bool nested;

	ipip_keepalive_header(out, &back, IPPROTO_IPIP, out->daddr, out->saddr,
			      sizeof(back));
	nested = !ipip_keepalive_output(out, &back, sizeof(back), sizeof(back));
	return !ipip_keepalive_output(out, NULL, 0, 0) || nested;
}

static bool ipip_keepalive_is_own(const struct net_device *dev, __be32 addr)
{
	struct in_device *in_dev = __in_dev_get_rcu(dev);

	return in_dev && inet_confirm_addr(dev_net(dev), in_dev, 0, addr,
					   RT_SCOPE_UNIVERSE);
}

/**
 * ipip_keepalive_source() - Get the source of an echo request in mode icmp
 * @ka: keepalive's state
 * @parms: configuration
 *
 * A network manager may remove the device's address when the carrier is lost. A reply to
 * any other address wouldn't return through the tunnel, and the carrier would never come
 * back. So the address is remembered. It need not exist any more, because the reply is
 * consumed before it would be delivered.
 *
 * Context: softirq, RCU.
 * Return: an address, or 0 if the host has none.
 */
__be32 ipip_keepalive_source(struct ipip_keepalive *ka,
			     const struct ipip_parms *parms)
{
	const __be32 target = parms->cfg.keepalive.target;
	__be32 saddr;

	if (parms->cfg.keepalive.source)
		return parms->cfg.keepalive.source;
	saddr = inet_select_addr(parms->dev, target, RT_SCOPE_UNIVERSE);
	if (saddr && ipip_keepalive_is_own(parms->dev, saddr) &&
	    saddr != READ_ONCE(ka->source))
		WRITE_ONCE(ka->source, saddr);
	return READ_ONCE(ka->source) ?: saddr;
}

static bool ipip_keepalive_send_icmp(struct ipip_keepalive *ka,
				     const struct ipip_keepalive_out *out)
{
	const __be32 target = out->parms->cfg.keepalive.target;
	struct {
		struct iphdr iph;
		struct icmphdr icmp;
		struct ipip_keepalive_cookie cookie;
	} probe;
	__be32 saddr;

	saddr = ipip_keepalive_source(ka, out->parms);
	if (!saddr)
		return false;

	ipip_keepalive_header(out, &probe.iph, IPPROTO_ICMP, saddr, target,
			      sizeof(probe));
	ipip_keepalive_cookie(ka, &probe.cookie);
	probe.icmp = (struct icmphdr) {
		.type			= ICMP_ECHO,
		.un.echo.id		= ka->id,
		.un.echo.sequence	= (__force __be16)
					  htons(ntohl(probe.cookie.seq)),
	};
	probe.icmp.checksum = ip_compute_csum(&probe.icmp, sizeof(probe) -
					      sizeof(probe.iph));
	return !ipip_keepalive_output(out, &probe, sizeof(probe), sizeof(probe));
}

static void ipip_keepalive_probe(struct ipip_keepalive *ka,
				 const struct ipip_parms *parms)
{
	struct ipip_keepalive_out out;
	bool sent = false;

	if (ipip_keepalive_route(&out, parms, parms->cfg.local,
				 parms->cfg.remote, false)) {
		ipip_mtu_check_probe(parms, out.dst);
		switch (parms->cfg.keepalive.mode) {
		case IPIP_KEEPALIVE_MODE_COOKIE:
			sent = ipip_keepalive_send_cookie(ka, &out);
			break;
		case IPIP_KEEPALIVE_MODE_ROUTEROS:
			sent = ipip_keepalive_send_routeros(&out);
			break;
		case IPIP_KEEPALIVE_MODE_ICMP:
			sent = ipip_keepalive_send_icmp(ka, &out);
			break;
		}
		dst_release(out.dst);
	}
	ipip_count(parms->dev, sent ? IFLA_IPIP_XSTATS_KEEPALIVE_SENT :
				      IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT);
}

/* Log a state just before it is set. The kernel limits the number of lines of all of its
 * network code (net.core.message_cost).
 */
static void ipip_keepalive_log(const struct net_device *dev,
			       const struct ipip_keepalive *ka, u8 state, u64 now)
{
	switch (state) {
	case IPIP_KEEPALIVE_STATE_OFF:
		net_info_ratelimited("%s: keepalive is off: %s\n", dev->name,
				     netif_running(dev) ? "it is switched off" :
							  "the link goes down");
		break;
	case IPIP_KEEPALIVE_STATE_UNKNOWN:
		net_info_ratelimited("%s: keepalive is unknown: no answer yet\n",
				     dev->name);
		break;
	case IPIP_KEEPALIVE_STATE_DOWN:
		net_warn_ratelimited("%s: keepalive is down: no answer to %u probes in a row\n",
				     dev->name, ka->misses);
		break;
	case IPIP_KEEPALIVE_STATE_UP:
		if (ka->state == IPIP_KEEPALIVE_STATE_UNKNOWN)
			net_info_ratelimited("%s: keepalive is up: the far end answers\n",
					     dev->name);
		else
			net_info_ratelimited("%s: keepalive is up: the far end answers again, after %llu s\n",
					     dev->name,
					     div_u64(now - ka->changed, NSEC_PER_SEC));
		break;
	}
}

static void ipip_keepalive_set_state(struct net_device *dev,
				     struct ipip_keepalive *ka, u8 state)
{
	u64 now;

	lockdep_assert_held(&ka->lock);
	if (ka->state == state)
		return;
	now = ktime_get_boottime_ns();
	trace_ipip_keepalive_state(dev, ka->state, state, ka->misses);
	ipip_keepalive_log(dev, ka, state, now);
	ka->state = state;
	ka->changed = now;
	if (state == IPIP_KEEPALIVE_STATE_DOWN)
		netif_carrier_off(dev);
	else if (!netif_carrier_ok(dev))
		netif_carrier_on(dev);
	else if (state == IPIP_KEEPALIVE_STATE_UP)
		linkwatch_fire_event(dev); /* Notify listeners without a change of the carrier. */
}

/* The time of the last probe is over: record whether it was answered. */
static void ipip_keepalive_conclude(struct net_device *dev,
				    struct ipip_keepalive *ka)
{
	lockdep_assert_held(&ka->lock);
	ka->lost = ka->lost << 1 | ka->waiting;
	if (ka->outcomes < IPIP_KEEPALIVE_OUTCOMES)
		ka->outcomes++;
	if (!ka->waiting)
		return;
	ipip_count(dev, IFLA_IPIP_XSTATS_KEEPALIVE_MISSED);
	if (ka->misses < U32_MAX)
		ka->misses++;
}

/* An interval ends: count the last probe as missed if it wasn't answered, and start the
 * next one.
 */
static void ipip_keepalive_advance(struct net_device *dev,
				   struct ipip_keepalive *ka, u32 retries)
{
	spin_lock_bh(&ka->lock);
	ipip_probe_note(dev, ka->waiting);
	if (ka->probing)
		ipip_keepalive_conclude(dev, ka);
	if (ka->misses >= retries)
		ipip_keepalive_set_state(dev, ka, IPIP_KEEPALIVE_STATE_DOWN);
	ka->probing = true;
	ka->waiting = true;
	ka->seq++;
	spin_unlock_bh(&ka->lock);
}

static ktime_t ipip_keepalive_interval(const struct ipip_parms *parms)
{
	return ns_to_ktime(parms->cfg.keepalive.interval * NSEC_PER_MSEC);
}

static enum hrtimer_restart ipip_keepalive_timer(struct hrtimer *timer)
{
	struct ipip_keepalive *ka = container_of(timer, struct ipip_keepalive,
						 timer);
	struct ipip_tunnel *tunnel = container_of(ka, struct ipip_tunnel,
						  keepalive);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	const struct ipip_parms *parms;

	rcu_read_lock();
	parms = rcu_dereference(tunnel->parms);
	if (parms->cfg.keepalive.interval) {
		ipip_keepalive_advance(parms->dev, ka, parms->cfg.keepalive.retries);
		ipip_keepalive_probe(ka, parms);
		hrtimer_forward_now(timer, ipip_keepalive_interval(parms));
		restart = HRTIMER_RESTART;
	}
	rcu_read_unlock();
	return restart;
}

/* Choose the CPU that a tunnel's timer fires on. CPUs are chosen in turn, because a program
 * that configures many tunnels often runs on one CPU. Isolated CPUs aren't chosen.
 */
static int ipip_keepalive_next_cpu(void)
{
	static int last = -1;	/* under RTNL */
	int cpu, next = raw_smp_processor_id();

	ASSERT_RTNL();
	rcu_read_lock();
	for_each_cpu_wrap(cpu, cpu_online_mask, last + 1) {
		if (ipip_compat_cpu_takes_timers(cpu)) {
			next = cpu;
			break;
		}
	}
	rcu_read_unlock();
	last = next;
	return next;
}

struct ipip_keepalive_start {
	struct hrtimer *timer;
	ktime_t first;
};

static void ipip_keepalive_start(void *info)
{
	const struct ipip_keepalive_start *start = info;

	hrtimer_start(start->timer, start->first,
		      HRTIMER_MODE_REL_PINNED_SOFT);
}

/* Send the first probe at a random time within the interval, so that tunnels that come up
 * together don't keep sending at the same time. A timer fires on the CPU that has started
 * it.
 */
static void ipip_keepalive_arm(struct ipip_keepalive *ka,
			       const struct ipip_parms *parms)
{
	const u64 interval = ktime_to_ns(ipip_keepalive_interval(parms));
	struct ipip_keepalive_start start = { .timer = &ka->timer };
	u64 first;

	div64_u64_rem(get_random_u64(), interval, &first);
	start.first = ns_to_ktime(first);
	/* If that CPU went offline meanwhile, use the present one. */
	if (smp_call_function_single(ipip_keepalive_next_cpu(),
				     ipip_keepalive_start, &start, true))
		ipip_keepalive_start(&start);
}

static bool ipip_keepalive_is_host(__be32 addr)
{
	return !ipv4_is_multicast(addr) && !ipv4_is_lbcast(addr) &&
	       !ipv4_is_loopback(addr);
}

/* Find the attribute that an error is about: the one that turns keepalive on, or else one
 * that is incompatible with it.
 */
static const struct nlattr *ipip_keepalive_attr(struct nlattr *ext[])
{
	return ext[IFLA_IPIP_EXT_KEEPALIVE_INTERVAL] ?:
	       ext[IFLA_IPIP_EXT_KEEPALIVE_MODE] ?:
	       ext[IFLA_IPIP_EXT_KEEPALIVE_TARGET];
}

/**
 * ipip_keepalive_check() - Check whether a configuration allows its keepalive
 * @cfg: the configuration
 * @ext: IFLA_IPIP_EXT_* of the request, NULL for absent attributes
 * @extack: set to the reason and the attribute at fault
 *
 * Context: process, RTNL.
 * Return: 0, -EINVAL, -ERANGE for the interval, or -EOPNOTSUPP for a mode that needs
 * netfilter if the kernel has none.
 */
int ipip_keepalive_check(const struct ipip_config *cfg, struct nlattr *ext[],
			 struct netlink_ext_ack *extack)
{
	const struct ipip_keepalive_config *ka = &cfg->keepalive;
	const struct nlattr *attr = ipip_keepalive_attr(ext);

	if (ka->target && !ipip_keepalive_is_host(ka->target)) {
		NL_SET_ERR_MSG_ATTR(extack, ext[IFLA_IPIP_EXT_KEEPALIVE_TARGET],
				    "keepalive target must be a host's address");
		return -EINVAL;
	}
	if (ka->source && !ipip_keepalive_is_host(ka->source)) {
		NL_SET_ERR_MSG_ATTR(extack, ext[IFLA_IPIP_EXT_KEEPALIVE_SOURCE],
				    "keepalive source must be a host's address");
		return -EINVAL;
	}
	if (!ka->interval)
		return 0;
	if (ka->interval < IPIP_KEEPALIVE_INTERVAL_MIN ||
	    ka->interval > IPIP_KEEPALIVE_INTERVAL_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive interval must be 0 or 100 ms to 4294967295 s");
		return -ERANGE;
	}
	if (!cfg->remote || ipv4_is_multicast(cfg->remote) ||
	    cfg->role == IPIP_ROLE_EXTERNAL) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive needs a unicast remote");
		return -EINVAL;
	}
	if (cfg->proto == IPPROTO_MPLS) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive needs a tunnel that carries IPv4");
		return -EINVAL;
	}
	if (ka->mode == IPIP_KEEPALIVE_MODE_ICMP && !ka->target) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive mode icmp needs a target");
		return -EINVAL;
	}
	if (ka->mode == IPIP_KEEPALIVE_MODE_ROUTEROS &&
	    !IS_ENABLED(CONFIG_NETFILTER)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive mode routeros needs a kernel with netfilter");
		return -EOPNOTSUPP;
	}
	if (ka->mode == IPIP_KEEPALIVE_MODE_ROUTEROS && cfg->encap.type) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "keepalive mode routeros doesn't work with an encap");
		return -EINVAL;
	}
	return 0;
}

/**
 * ipip_keepalive_init() - Prepare keepalive for a new tunnel
 * @dev: the tunnel's device, not registered yet
 *
 * Context: process.
 */
void ipip_keepalive_init(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;

	spin_lock_init(&ka->lock);
	ipip_compat_hrtimer_setup(&ka->timer, ipip_keepalive_timer,
				  CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	ipip_probe_init(dev);
	ratelimit_state_init(&ka->reflected, HZ, IPIP_KEEPALIVE_REFLECT);
	/* Don't log limited packets: a counter has their number. */
	ratelimit_set_flags(&ka->reflected, RATELIMIT_MSG_ON_RELEASE);
}

/**
 * ipip_keepalive_open() - Start keepalive with a new key when the device goes up
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 */
void ipip_keepalive_open(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rtnl_dereference(tunnel->parms);
	struct ipip_keepalive *ka = &tunnel->keepalive;

	spin_lock_bh(&ka->lock);
	get_random_bytes(&ka->key, sizeof(ka->key));
	get_random_bytes(&ka->id, sizeof(ka->id));
	ka->accepted = ka->seq;
	ka->misses = 0;
	ka->waiting = false;
	ka->probing = false;
	ka->has_rtt = false;
	ka->outcomes = 0;
	if (parms->cfg.keepalive.interval)
		ipip_keepalive_set_state(dev, ka, IPIP_KEEPALIVE_STATE_UNKNOWN);
	spin_unlock_bh(&ka->lock);

	if (parms->cfg.keepalive.interval)
		ipip_keepalive_arm(ka, parms);
	ipip_probe_change(dev, parms);
}

/**
 * ipip_keepalive_stop() - Stop keepalive when it is switched off or the device goes down
 * @dev: the tunnel's device
 *
 * No timer runs afterwards.
 *
 * Context: process, RTNL.
 */
void ipip_keepalive_stop(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;

	ipip_probe_stop(dev);
	hrtimer_cancel(&ka->timer);
	WRITE_ONCE(ka->source, 0);
	spin_lock_bh(&ka->lock);
	ka->misses = 0;
	ka->waiting = false;
	ka->probing = false;
	ipip_keepalive_set_state(dev, ka, IPIP_KEEPALIVE_STATE_OFF);
	spin_unlock_bh(&ka->lock);
}

/**
 * ipip_keepalive_change() - Continue with another configuration
 * @dev: the tunnel's device
 * @old: configuration until now
 * @new: configuration from now on, published
 *
 * The state of the far end and the number of missed probes stay.
 *
 * Context: process, RTNL.
 */
void ipip_keepalive_change(struct net_device *dev,
			   const struct ipip_parms *old,
			   const struct ipip_parms *new)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;

	if (!netif_running(dev))
		return;
	ipip_probe_change(dev, new);
	if (new->cfg.keepalive.interval == old->cfg.keepalive.interval)
		return;
	if (!new->cfg.keepalive.interval) {
		ipip_keepalive_stop(dev);
		return;
	}

	hrtimer_cancel(&ka->timer);
	spin_lock_bh(&ka->lock);
	if (ka->state == IPIP_KEEPALIVE_STATE_OFF)
		ipip_keepalive_set_state(dev, ka, IPIP_KEEPALIVE_STATE_UNKNOWN);
	spin_unlock_bh(&ka->lock);
	ipip_keepalive_arm(ka, new);
}

static void ipip_keepalive_accept(struct net_device *dev,
				  struct ipip_keepalive *ka)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	lockdep_assert_held(&ka->lock);
	/* ICMP errors about the far end are out of date. */
	WRITE_ONCE(tunnel->err_count, 0);
	ipip_count(dev, IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED);
	ka->waiting = false;
	ka->misses = 0;
	/* The age of the answer includes the time of a suspend. */
	ka->answered = ktime_get_boottime_ns();
	ipip_keepalive_set_state(dev, ka, IPIP_KEEPALIVE_STATE_UP);
}

/* RFC 6298 section 2, with alpha = 1/8 and beta = 1/4. No sum here exceeds the largest of
 * the times, so none overflows.
 */
static void ipip_keepalive_measure(struct ipip_keepalive *ka, u64 rtt)
{
	lockdep_assert_held(&ka->lock);
	if (!ka->has_rtt) {
		ka->srtt = rtt;
		ka->rttvar = rtt / 2;
	} else {
		ka->rttvar -= ka->rttvar / 4;
		ka->rttvar += (max(ka->srtt, rtt) - min(ka->srtt, rtt)) / 4;
		ka->srtt -= ka->srtt / 8;
		ka->srtt += rtt / 8;
	}
	ka->rtt = rtt;
	ka->has_rtt = true;
}

/* Check whether a cookie is valid. It must have this tunnel's hash, and belong to a later
 * probe than the last valid answer, and to one of the last @retries probes. The age is
 * counted in probes, because the product of interval and retries could overflow.
 */
static enum ipip_verdict
ipip_keepalive_verify(struct net_device *dev, struct ipip_keepalive *ka,
		      const struct ipip_keepalive_cookie *cookie, u32 retries)
{
	u32 age;

	lockdep_assert_held(&ka->lock);
	if (cpu_to_be64(ipip_keepalive_hash(ka, cookie)) != cookie->hash)
		return IPIP_DROP_KEEPALIVE_FORGED;
	age = ka->seq - ntohl(cookie->seq);
	if (age >= ka->seq - ka->accepted || age >= retries)
		return IPIP_DROP_KEEPALIVE_LATE;

	ka->accepted = ntohl(cookie->seq);
	ipip_keepalive_accept(dev, ka);
	ipip_keepalive_measure(ka, ktime_get_ns() - be64_to_cpu(cookie->time));
	return IPIP_PASS;
}

/* Consumes the packet. */
static void ipip_keepalive_answer(const struct ipip_parms *parms,
				  struct sk_buff *skb,
				  const struct ipip_keepalive_cookie *cookie)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;
	enum ipip_verdict verdict = IPIP_DROP_KEEPALIVE_LATE;

	spin_lock_bh(&ka->lock);
	/* If the state is OFF, the device is going down. */
	if (ka->state != IPIP_KEEPALIVE_STATE_OFF)
		verdict = ipip_keepalive_verify(parms->dev, ka, cookie,
						parms->cfg.keepalive.retries);
	spin_unlock_bh(&ka->lock);
	if (verdict != IPIP_PASS)
		ipip_drop(parms->dev, skb, verdict);
	else
		consume_skb(skb);
}

/* Answer the far end's probe: send its content back to the outer source, which behind a NAT
 * differs from the address in the probe. Consumes the packet.
 */
static void ipip_keepalive_reflect(const struct ipip_parms *parms,
				   struct sk_buff *skb, __be32 local,
				   __be32 remote, const u8 *payload,
				   unsigned int len)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct ipip_keepalive_out out;
	bool sent = false;

	if (!__ratelimit(&tunnel->keepalive.reflected)) {
		ipip_drop(parms->dev, skb,
			  IPIP_DROP_KEEPALIVE_RATE_LIMITED);
		return;
	}
	if (ipip_keepalive_route(&out, parms, local, remote, false)) {
		sent = !ipip_keepalive_output(&out, payload, len, len);
		dst_release(out.dst);
	}
	if (!sent) {
		ipip_drop(parms->dev, skb, IPIP_DROP_KEEPALIVE_UNSENT);
		return;
	}
	ipip_count(parms->dev, IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED);
	consume_skb(skb);
}

/* Check whether an echo reply with its cookie at @cookie is from the target of this tunnel's
 * probes.
 */
static bool ipip_keepalive_is_reply(const struct ipip_parms *parms,
				    const u8 *data, unsigned int cookie)
{
	const struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	const struct iphdr *iph = (const struct iphdr *)data;
	const struct icmphdr *icmp;

	icmp = (const struct icmphdr *)(data + cookie - sizeof(*icmp));
	return parms->rcv_extras & IPIP_EXTRA_ICMP &&
	       iph->saddr == parms->cfg.keepalive.target &&
	       icmp->un.echo.id == READ_ONCE(tunnel->keepalive.id);
}

/**
 * ipip_keepalive_wants() - Check whether a tunnel handles a keepalive of this kind
 * @parms: configuration of the tunnel that received it
 * @kind: result of ipip_keepalive_classify() or ipip_keepalive_classify_padded()
 * @data: the packet, beginning with the inner header
 * @cookie: offset of its cookie
 *
 * Context: softirq, RCU.
 * Return: false if the packet is data; else true. The cookie isn't verified.
 */
bool ipip_keepalive_wants(const struct ipip_parms *parms,
			  enum ipip_keepalive_kind kind, const u8 *data,
			  unsigned int cookie)
{
	const struct ipip_keepalive_config *cfg = &parms->cfg.keepalive;

	switch (kind) {
	case IPIP_KEEPALIVE_PROBE:
		return cfg->answer;
	case IPIP_KEEPALIVE_ANSWER:
		return cfg->interval &&
		       cfg->mode == IPIP_KEEPALIVE_MODE_COOKIE;
	case IPIP_KEEPALIVE_REPLY:
		return ipip_keepalive_is_reply(parms, data, cookie);
	case IPIP_KEEPALIVE_DATA:
		break;
	}
	return false;
}

/**
 * ipip_keepalive_rcv() - Consume a received packet if it is a keepalive
 * @parms: configuration of the tunnel that received it
 * @skb: a packet; skb->data points to the inner header, of which 20 bytes are linear
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 *
 * Context: softirq, RCU.
 * Return: true if it was a keepalive and was consumed; false if it is data.
 */
bool ipip_keepalive_rcv(const struct ipip_parms *parms, struct sk_buff *skb,
			__be32 local, __be32 remote)
{
	u8 data[IPIP_KEEPALIVE_MAX_LEN] __aligned(4);
	const struct ipip_keepalive_cookie *cookie;
	unsigned int offset = 0, end = 0;
	enum ipip_keepalive_kind kind;

	if (skb_is_gso(skb))
		return false;
	if (parms->key_remote != remote || ipv4_is_multicast(local))
		return false;
	if (skb->len > sizeof(data))
		return ipip_probe_rcv(parms, skb, local, remote);
	if (skb_copy_bits(skb, 0, data, skb->len))
		return false;

	kind = ipip_keepalive_classify(data, skb->len, local, remote, &offset,
				       &end);
	if (!ipip_keepalive_wants(parms, kind, data, offset))
		return false;
	if (kind == IPIP_KEEPALIVE_PROBE) {
		ipip_keepalive_reflect(parms, skb, local, remote, data + offset,
				       end - offset);
		return true;
	}
	cookie = (const void *)(data + offset);
	if (cookie->magic == htonl(IPIP_KEEPALIVE_MAGIC_MTU))
		return ipip_probe_answer(parms, skb, cookie, skb->len);
	ipip_keepalive_answer(parms, skb, cookie);
	return true;
}

static bool ipip_keepalive_wants_empty(const struct ipip_parms *parms)
{
	return parms->cfg.keepalive.interval &&
	       parms->cfg.keepalive.mode == IPIP_KEEPALIVE_MODE_ROUTEROS;
}

/* Accept an empty packet as an answer. It doesn't tell which probe it answers, so the
 * round-trip time is unknown. Consumes the packet.
 */
static void ipip_keepalive_empty(const struct ipip_parms *parms,
				 struct sk_buff *skb)
{
	struct ipip_tunnel *tunnel = netdev_priv(parms->dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;
	enum ipip_verdict verdict;

	verdict = ipip_rcv_check_ipsec(parms, skb, ip_hdr(skb)->saddr);
	if (verdict != IPIP_PASS) {
		ipip_drop(parms->dev, skb, verdict);
		return;
	}
	spin_lock_bh(&ka->lock);
	if (ka->state != IPIP_KEEPALIVE_STATE_OFF) {
		ka->has_rtt = false;
		ipip_keepalive_accept(parms->dev, ka);
	}
	spin_unlock_bh(&ka->lock);
	consume_skb(skb);
}

/* Receive empty packets here, because tunnel4 drops them before it calls a handler. */
static unsigned int ipip_keepalive_hook(void *priv, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct ipip_parms *parms;

	if (iph->protocol != IPPROTO_IPIP ||
	    ntohs(iph->tot_len) != ip_hdrlen(skb))
		return NF_ACCEPT;
	parms = ipip_lookup(state->net, iph->daddr, iph->saddr,
			    skb->dev->ifindex);
	if (!parms || parms->key_remote != iph->saddr ||
	    !ipip_keepalive_wants_empty(parms))
		return NF_ACCEPT;

	ipip_keepalive_empty(parms, skb);
	return NF_STOLEN;
}

/* Run after all of the user's filters. */
static const struct nf_hook_ops ipip_keepalive_hook_ops = {
	.hook		= ipip_keepalive_hook,
	.pf		= NFPROTO_IPV4,
	.hooknum	= NF_INET_LOCAL_IN,
	.priority	= NF_IP_PRI_LAST - 1,
};

/**
 * ipip_keepalive_hook_get() - Register the hook for empty packets if it is needed
 * @net: netns of the outer packets
 * @parms: configuration that is going to be published
 *
 * Context: process, RTNL.
 * Return: 0, -EOPNOTSUPP if the kernel has no netfilter, or the error of
 * nf_register_net_hook().
 */
int ipip_keepalive_hook_get(struct net *net, const struct ipip_parms *parms)
{
	if (!ipip_keepalive_wants_empty(parms))
		return 0;
	return ipip_hook_get(net, &ipip_keepalive_hook_ops,
			     &ipip_pernet(net)->hooks);
}

/**
 * ipip_keepalive_hook_put() - Release the hook for empty packets
 * @net: netns of the outer packets
 * @parms: configuration that ipip_keepalive_hook_get() was called with
 *
 * Context: process, RTNL.
 */
void ipip_keepalive_hook_put(struct net *net, const struct ipip_parms *parms)
{
	if (ipip_keepalive_wants_empty(parms))
		ipip_hook_put(net, &ipip_keepalive_hook_ops,
			      &ipip_pernet(net)->hooks);
}

static int ipip_keepalive_fill_time(struct sk_buff *skb, int type, u64 ns, u32 unit)
{
	return nla_put_u64_64bit(skb, type, div_u64(ns, unit), IFLA_IPIP_EXT_PAD);
}

static u32 ipip_keepalive_loss(const struct ipip_keepalive *ka)
{
	const u64 lost = ka->lost & GENMASK_ULL(ka->outcomes - 1, 0);

	return hweight64(lost) * IPIP_KEEPALIVE_LOSS / ka->outcomes;
}

static int ipip_keepalive_fill_locked(struct sk_buff *skb,
				      const struct ipip_keepalive *ka)
{
	const u64 now = ktime_get_boottime_ns();

	lockdep_assert_held(&ka->lock);
	if (nla_put_u8(skb, IFLA_IPIP_EXT_KEEPALIVE_STATE, ka->state) ||
	    nla_put_u32(skb, IFLA_IPIP_EXT_KEEPALIVE_MISSES, ka->misses))
		return -EMSGSIZE;
	if (ka->state != IPIP_KEEPALIVE_STATE_OFF &&
	    ipip_keepalive_fill_time(skb, IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE,
				     now - ka->changed, NSEC_PER_MSEC))
		return -EMSGSIZE;
	if (ka->answered &&
	    ipip_keepalive_fill_time(skb, IFLA_IPIP_EXT_KEEPALIVE_AGE,
				     now - ka->answered, NSEC_PER_MSEC))
		return -EMSGSIZE;
	if (ka->outcomes &&
	    nla_put_u32(skb, IFLA_IPIP_EXT_KEEPALIVE_LOSS, ipip_keepalive_loss(ka)))
		return -EMSGSIZE;
	if (ka->has_rtt &&
	    (ipip_keepalive_fill_time(skb, IFLA_IPIP_EXT_KEEPALIVE_RTT, ka->rtt,
				      NSEC_PER_USEC) ||
	     ipip_keepalive_fill_time(skb, IFLA_IPIP_EXT_KEEPALIVE_SRTT, ka->srtt,
				      NSEC_PER_USEC) ||
	     ipip_keepalive_fill_time(skb, IFLA_IPIP_EXT_KEEPALIVE_RTTVAR,
				      ka->rttvar, NSEC_PER_USEC)))
		return -EMSGSIZE;
	return 0;
}

/**
 * ipip_keepalive_fill() - Put keepalive's state into IFLA_IPIP_EXT of a dump
 * @skb: the message
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int ipip_keepalive_fill(struct sk_buff *skb, const struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_keepalive *ka = &tunnel->keepalive;
	int err;

	spin_lock_bh(&ka->lock);
	err = ipip_keepalive_fill_locked(skb, ka);
	spin_unlock_bh(&ka->lock);
	return err;
}
