// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: measurement of the path MTU with keepalive's probes (RFC 8899).
 *
 * A tunnel with an automatic MTU and with keepalive in mode cookie or icmp sends probes
 * with DF, as large as the size under test, to the far end that answers keepalive.
 * include/ipip_plpmtud.h decides which size to test, and which size to use. This file sends
 * the probes, receives the answers, and answers the far end's probes.
 *
 * An answer is as large as the probe, so both directions are measured, and both ends find
 * the same size. The in-tree driver, which doesn't know probes, sends back what follows
 * the outer header, so the way back is measured with 20 bytes less.
 *
 * Probes have the DSCP of data packets, because another DSCP may lead to another path.
 * Their routes ignore a path MTU from ICMP, because it may be forged or out of date.
 *
 * At most one such probe of a tunnel is in flight. If it is lost, some small probes follow
 * the next one. If none of these is answered, the far end is unreachable, and the lost
 * probe says nothing about its size. If only some are answered, the path loses packets of
 * all sizes. Keepalive itself ignores these probes. The tunnel continues to use its size
 * until there is evidence against it.
 *
 * The timer and the receive path run in softirq under RCU, the rest in process context
 * under RTNL. &ipip_keepalive.lock protects the state.
 */
#include <linux/icmp.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/netlink.h>

#include "ipip.h"
#include "ipip_trace.h"

/* Minimum of PROBE_TIMER, and PROBE_TIMER in round-trip times (RFC 8899 section 5.1.1, RFC
 * 8085 section 3.1.1).
 */
#define IPIP_PROBE_TIMEOUT	NSEC_PER_SEC
#define IPIP_PROBE_TIMEOUT_RTTS	3
/* A size from ICMP is probed within this time. */
#define IPIP_PROBE_SOON		(100 * NSEC_PER_MSEC)
/* For this time after ICMP was found to be wrong, its sizes aren't probed early. */
#define IPIP_PROBE_UNDONE	(10ULL * NSEC_PER_SEC)

/* The size in the hash of a small probe. */
#define IPIP_PROBE_SMALL	0

static struct ipip_probe *ipip_probe(const struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	return &tunnel->probe;
}

static struct ipip_keepalive *ipip_probe_keepalive(const struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	return &tunnel->keepalive;
}

static bool ipip_probe_is_wanted(const struct ipip_parms *parms)
{
	return READ_ONCE(parms->cfg.mtu_auto) && parms->cfg.keepalive.interval &&
	       parms->cfg.keepalive.mode != IPIP_KEEPALIVE_MODE_ROUTEROS;
}

static u64 ipip_probe_hash(const struct ipip_keepalive *ka,
			   const struct ipip_keepalive_cookie *cookie,
			   unsigned int size)
{
	/* In keepalive's own hash the upper half is 0. */
	return siphash_2u64((u64)(size + 1) << 32 | (__force u32)cookie->seq,
			    (__force u64)cookie->time, &ka->key);
}

/* Nanoseconds to wait for an answer. */
static u64 ipip_probe_timeout(const struct ipip_keepalive *ka)
{
	if (!ka->has_rtt)
		return IPIP_PROBE_TIMEOUT;
	return max_t(u64, IPIP_PROBE_TIMEOUT, IPIP_PROBE_TIMEOUT_RTTS * ka->rtt);
}

/* Nanoseconds between two confirmations (CONFIRMATION_TIMER): keepalive's interval. */
static u64 ipip_probe_interval(const struct ipip_keepalive *ka,
			       const struct ipip_parms *parms)
{
	return max(ipip_probe_timeout(ka),
		   parms->cfg.keepalive.interval * NSEC_PER_MSEC);
}

static void ipip_probe_arm(struct ipip_probe *probe, u64 delay)
{
	hrtimer_start(&probe->timer, ns_to_ktime(delay), HRTIMER_MODE_REL_SOFT);
}

/* Fire at a random time within @interval, so that tunnels that begin at the same time don't
 * send at the same time, but no later than the timer would fire anyway, so that repeated
 * events can't postpone it for ever.
 */
static void ipip_probe_arm_within(struct ipip_probe *probe, u64 interval)
{
	struct hrtimer *timer = &probe->timer;
	u64 delay;

	div64_u64_rem(get_random_u64(), interval, &delay);
	if (!hrtimer_is_queued(timer) ||
	    ktime_to_ns(hrtimer_get_remaining(timer)) > (s64)delay)
		ipip_probe_arm(probe, delay);
}

static void ipip_probe_cookie(struct ipip_keepalive *ka,
			      struct ipip_keepalive_cookie *cookie,
			      unsigned int size, u32 seq)
{
	cookie->magic = htonl(IPIP_KEEPALIVE_MAGIC_MTU);
	cookie->seq = htonl(seq);
	cookie->time = cpu_to_be64(ktime_get_ns());
	spin_lock_bh(&ka->lock);
	cookie->hash = cpu_to_be64(ipip_probe_hash(ka, cookie, size));
	spin_unlock_bh(&ka->lock);
}

static int ipip_probe_send_cookie(struct ipip_keepalive *ka,
				  const struct ipip_keepalive_out *out,
				  unsigned int size, u32 seq)
{
	struct {
		struct iphdr back;
		struct iphdr inner;
		struct ipip_keepalive_cookie cookie;
	} head;
	const unsigned int len = max_t(unsigned int, size, sizeof(head));

	ipip_keepalive_header(out, &head.back, IPPROTO_IPIP, out->daddr,
			      out->saddr, len);
	ipip_keepalive_header(out, &head.inner, IPPROTO_ICMP, 0, 0,
			      len - sizeof(head.back));
	ipip_probe_cookie(ka, &head.cookie, size, seq);
	return ipip_keepalive_output(out, &head, sizeof(head), len);
}

static int ipip_probe_send_icmp(struct ipip_keepalive *ka,
				const struct ipip_keepalive_out *out,
				unsigned int size, u32 seq)
{
	const __be32 target = out->parms->cfg.keepalive.target;
	const __be32 saddr = ipip_keepalive_source(ka, out->parms);
	struct {
		struct iphdr iph;
		struct icmphdr icmp;
		struct ipip_keepalive_cookie cookie;
	} head;
	const unsigned int len = max_t(unsigned int, size, sizeof(head));

	if (!saddr)
		return -EADDRNOTAVAIL;
	ipip_keepalive_header(out, &head.iph, IPPROTO_ICMP, saddr, target, len);
	ipip_probe_cookie(ka, &head.cookie, size, seq);
	head.icmp = (struct icmphdr) {
		.type			= ICMP_ECHO,
		.un.echo.id		= ka->id,
		.un.echo.sequence	= htons(seq),
	};
	/* The padding of zeros doesn't change the checksum. */
	head.icmp.checksum = ip_compute_csum(&head.icmp, sizeof(head) -
					     sizeof(head.iph));
	return ipip_keepalive_output(out, &head, sizeof(head), len);
}

/* Check whether this host can send a packet of @size bytes. */
static bool ipip_probe_fits(const struct ipip_keepalive_out *out,
			    unsigned int size)
{
	return size + out->parms->hlen <= dst_mtu(out->dst);
}

/* Returns 0, -ENOMEM if there is no memory, or another error. */
static int ipip_probe_send(struct ipip_keepalive *ka,
			   const struct ipip_parms *parms, unsigned int size,
			   u32 seq)
{
	struct ipip_keepalive_out out;
	int err = -EMSGSIZE;

	if (!ipip_keepalive_route(&out, parms, parms->cfg.local,
				  parms->cfg.remote, true))
		return -ENETUNREACH;
	if (!ipip_probe_fits(&out, size))
		goto out_route;
	if (parms->cfg.keepalive.mode == IPIP_KEEPALIVE_MODE_COOKIE)
		err = ipip_probe_send_cookie(ka, &out, size, seq);
	else
		err = ipip_probe_send_icmp(ka, &out, size, seq);
	if (!err)
		ipip_count(parms->dev, IFLA_IPIP_XSTATS_MTU_PROBE_SENT);
out_route:
	dst_release(out.dst);
	return err;
}

/* Act on changes of the measurement's result. */
static void ipip_probe_changed(struct net_device *dev,
			       const struct ipip_plpmtud *old)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_plpmtud *new = &tunnel->probe.path;

	lockdep_assert_held(&tunnel->keepalive.lock);
	if (new->state != old->state || new->confirmed != old->confirmed)
		trace_ipip_mtu(dev, old->state, new->state, old->confirmed,
			       new->confirmed);
	if (new->confirmed != old->confirmed &&
	    new->confirmed && new->confirmed < READ_ONCE(dev->mtu))
		ipip_count(dev, IFLA_IPIP_XSTATS_MTU_BLACK_HOLE);
	if (new->confirmed != old->confirmed ||
	    new->disproved != old->disproved)
		ipip_mtu_schedule(tunnel->net);
}

/* Ignore the small probes that were sent. */
static void ipip_probe_forget_small(struct ipip_probe *probe)
{
	probe->asked = 0;
	probe->heard = 0;
}

/* Find the next probe, after the time of the probe in flight is over, or if there is none.
 * Returns its size, or 0 for no probe. Sets @delay to the nanoseconds until the timer must
 * fire again.
 */
static unsigned int ipip_probe_next(const struct ipip_parms *parms,
				    struct ipip_keepalive *ka,
				    struct ipip_probe *probe, u64 *delay)
{
	const struct ipip_plpmtud old = probe->path;
	const bool lost = old.size;
	unsigned int size;

	lockdep_assert_held(&ka->lock);
	*delay = ipip_probe_interval(ka, parms);
	if (ka->state != IPIP_KEEPALIVE_STATE_UP) {
		probe->path.size = 0;
		ipip_probe_forget_small(probe);
		return 0;
	}
	if (lost && probe->alive && probe->heard < probe->asked)
		ipip_plpmtud_note_lossy(&probe->path);
	if (lost || probe->path.state == IPIP_MTU_STATE_COMPLETE)
		ipip_probe_forget_small(probe);
	size = ipip_plpmtud_timer(&probe->path, probe->alive);
	if (old.state == IPIP_MTU_STATE_COMPLETE)
		probe->search_seq = probe->seq;
	if (lost && probe->alive)
		ipip_count(parms->dev, IFLA_IPIP_XSTATS_MTU_PROBE_LOST);
	/* There is no hurry if nothing comes back. */
	if (size && (!lost || probe->alive))
		*delay = ipip_probe_timeout(ka);
	probe->doubt = lost;
	probe->unsent = false;
	probe->alive = !lost;
	probe->seq++;
	if (lost && size) {
		probe->asked = IPIP_PLPMTUD_SMALL;
		probe->small_seq = probe->seq;
	}
	ipip_probe_changed(parms->dev, &old);
	return size;
}

static void ipip_probe_sent(struct ipip_keepalive *ka, struct ipip_probe *probe,
			    u32 seq, int err, u64 delay)
{
	spin_lock_bh(&ka->lock);
	/* A probe that wasn't sent says nothing about its size, unless small probes are
	 * answered. If there was no memory for it, even that doesn't count.
	 */
	if (err && probe->seq == seq) {
		probe->unsent = err == -ENOMEM;
		probe->alive = false;
	}
	/* An answer may have arrived already and armed the timer. */
	if (probe->on && !hrtimer_is_queued(&probe->timer))
		ipip_probe_arm(probe, delay);
	spin_unlock_bh(&ka->lock);
}

static void ipip_probe_off(struct net_device *dev)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_probe *probe = &tunnel->probe;

	lockdep_assert_held(&tunnel->keepalive.lock);
	if (probe->path.state != IPIP_MTU_STATE_OFF)
		trace_ipip_mtu(dev, probe->path.state, IPIP_MTU_STATE_OFF,
			       probe->path.confirmed, 0);
	probe->on = false;
	WRITE_ONCE(probe->mtu, 0);
	ipip_plpmtud_reset(&probe->path, 0);
	ipip_probe_forget_small(probe);
}

static enum hrtimer_restart ipip_probe_timer(struct hrtimer *timer)
{
	struct ipip_probe *probe = container_of(timer, struct ipip_probe, timer);
	struct ipip_tunnel *tunnel = container_of(probe, struct ipip_tunnel,
						  probe);
	struct ipip_keepalive *ka = &tunnel->keepalive;
	const struct ipip_parms *parms;
	unsigned int size, i;
	int err = 0, small;
	bool doubt;
	u64 delay;
	u32 seq;

	rcu_read_lock();
	spin_lock_bh(&ka->lock);
	/* Read the configuration under the lock. Otherwise the old configuration could switch
	 * off what ipip_probe_change() has just switched on for a new one.
	 */
	parms = rcu_dereference(tunnel->parms);
	/* The user may have set an MTU. */
	if (!ipip_probe_is_wanted(parms))
		ipip_probe_off(parms->dev);
	if (!probe->on) {
		spin_unlock_bh(&ka->lock);
		goto out;
	}
	size = ipip_probe_next(parms, ka, probe, &delay);
	doubt = probe->doubt;
	seq = probe->seq;
	spin_unlock_bh(&ka->lock);

	if (size)
		err = ipip_probe_send(ka, parms, size, seq);
	for (i = 0; size && doubt && i < IPIP_PLPMTUD_SMALL; i++) {
		small = ipip_probe_send(ka, parms, IPIP_PROBE_SMALL, seq);
		err = err ?: small;
	}
	ipip_probe_sent(ka, probe, seq, err, delay);
out:
	rcu_read_unlock();
	return HRTIMER_NORESTART;
}

/* Get the size of the probe that an answer of @len bytes belongs to, or -1 if it belongs to
 * no probe of this tunnel. Answers of the in-tree driver lack one header.
 */
static int ipip_probe_verify(const struct ipip_keepalive *ka,
			     const struct ipip_keepalive_cookie *cookie,
			     unsigned int len)
{
	const u64 hash = be64_to_cpu(cookie->hash);

	if (len <= IPIP_KEEPALIVE_MAX_LEN)
		return ipip_probe_hash(ka, cookie, IPIP_PROBE_SMALL) == hash ?
		       IPIP_PROBE_SMALL : -1;
	if (ipip_probe_hash(ka, cookie, len) == hash)
		return len;
	len += sizeof(struct iphdr);
	return ipip_probe_hash(ka, cookie, len) == hash ? len : -1;
}

/* Check whether a probe is one of the running search, or the one whose loss has started it. */
static bool ipip_probe_is_of_search(const struct ipip_probe *probe, u32 seq)
{
	return seq - probe->search_seq < probe->seq - probe->search_seq;
}

static enum ipip_verdict
ipip_probe_accept(const struct ipip_parms *parms, struct ipip_keepalive *ka,
		  const struct ipip_keepalive_cookie *cookie, unsigned int len)
{
	struct ipip_probe *probe = ipip_probe(parms->dev);
	const struct ipip_plpmtud old = probe->path;
	bool more;
	int size;

	lockdep_assert_held(&ka->lock);
	size = ipip_probe_verify(ka, cookie, len);
	if (size < 0)
		return IPIP_DROP_KEEPALIVE_FORGED;
	if (!probe->on)
		return IPIP_DROP_KEEPALIVE_LATE;
	if (size == IPIP_PROBE_SMALL) {
		if (ntohl(cookie->seq) != probe->small_seq ||
		    probe->heard == probe->asked)
			return IPIP_DROP_KEEPALIVE_LATE;
		probe->heard++;
		probe->alive = !probe->unsent;
		return IPIP_PASS;
	}
	if (ntohl(cookie->seq) == probe->seq && size == old.size)
		more = ipip_plpmtud_answer(&probe->path);
	else if (ipip_probe_is_of_search(probe, ntohl(cookie->seq)) &&
		 ipip_plpmtud_late(&probe->path, size))
		more = false;
	else
		return IPIP_DROP_KEEPALIVE_LATE;

	probe->alive = true;
	if (more)
		ipip_probe_arm(probe, 0);
	else
		ipip_probe_arm(probe, ipip_probe_interval(ka, parms));
	if (size >= probe->path.confirmed)
		probe->answered = ktime_get_boottime_ns();
	ipip_probe_changed(parms->dev, &old);
	return IPIP_PASS;
}

/**
 * ipip_probe_answer() - Receive an answer to a probe
 * @parms: configuration of the tunnel that received it
 * @skb: the answer; consumed
 * @cookie: its cookie
 * @len: its length in bytes
 *
 * Context: softirq, RCU.
 * Return: true.
 */
bool ipip_probe_answer(const struct ipip_parms *parms, struct sk_buff *skb,
		       const struct ipip_keepalive_cookie *cookie,
		       unsigned int len)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(parms->dev);
	enum ipip_verdict verdict;

	spin_lock_bh(&ka->lock);
	verdict = ipip_probe_accept(parms, ka, cookie, len);
	spin_unlock_bh(&ka->lock);
	if (verdict != IPIP_PASS)
		ipip_drop(parms->dev, skb, verdict);
	else
		consume_skb(skb);
	return true;
}

/* Send an answer as large as the far end's probe to the outer source. Of the probe it
 * contains only the cookie. It may be as large as the underlay allows, even if the tunnel's
 * MTU is smaller: otherwise neither end could notice that the path has grown.
 */
static bool ipip_probe_send_answer(const struct ipip_parms *parms, __be32 local,
				   __be32 remote,
				   const struct ipip_keepalive_cookie *cookie,
				   unsigned int size)
{
	struct ipip_keepalive_out out;
	struct {
		struct iphdr inner;
		struct ipip_keepalive_cookie cookie;
	} head;
	bool sent = false;

	if (!ipip_keepalive_route(&out, parms, local, remote, true))
		return false;
	if (ipip_probe_fits(&out, size)) {
		ipip_keepalive_header(&out, &head.inner, IPPROTO_ICMP, 0, 0, size);
		head.cookie = *cookie;
		sent = !ipip_keepalive_output(&out, &head, sizeof(head), size);
	}
	dst_release(out.dst);
	return sent;
}

/* Consumes the packet. Short and padded probes share the rate limit: a forger who reaches it
 * suppresses answers to both, and then the far end draws no conclusion about sizes.
 */
static void ipip_probe_reflect(const struct ipip_parms *parms,
			       struct sk_buff *skb, __be32 local, __be32 remote,
			       const struct ipip_keepalive_cookie *cookie)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(parms->dev);

	if (!__ratelimit(&ka->reflected)) {
		ipip_drop(parms->dev, skb, IPIP_DROP_KEEPALIVE_RATE_LIMITED);
		return;
	}
	if (!ipip_probe_send_answer(parms, local, remote, cookie, skb->len)) {
		ipip_drop(parms->dev, skb, IPIP_DROP_KEEPALIVE_UNSENT);
		return;
	}
	ipip_count(parms->dev, IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED);
	consume_skb(skb);
}

/* Check whether a large packet can be a probe or an answer. Nested tunnels have packets of
 * the same protocol, and large echo replies pass through tunnels.
 */
static bool ipip_probe_may_be(const struct ipip_parms *parms,
			      const struct iphdr *iph, __be32 local,
			      __be32 remote)
{
	if (iph->protocol == IPPROTO_IPIP)
		return iph->saddr == local || iph->daddr == remote;
	return !iph->saddr || (parms->rcv_extras & IPIP_EXTRA_ICMP &&
			       iph->saddr == parms->cfg.keepalive.target);
}

/**
 * ipip_probe_rcv() - Consume a received packet if it is a padded probe or an answer
 * @parms: configuration of the tunnel that received it
 * @skb: a packet of more than %IPIP_KEEPALIVE_MAX_LEN bytes; skb->data points to the
 *	inner header, of which 20 bytes are linear
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 *
 * Context: softirq, RCU.
 * Return: true if it was one and was consumed; false if it is data.
 */
bool ipip_probe_rcv(const struct ipip_parms *parms, struct sk_buff *skb,
		    __be32 local, __be32 remote)
{
	u8 data[IPIP_KEEPALIVE_HEAD_LEN] __aligned(4);
	const struct ipip_keepalive_cookie *cookie;
	enum ipip_keepalive_kind kind;
	unsigned int offset = 0;

	/* A packet that arrived in fragments says nothing about the path MTU. */
	if (!ipip_probe_may_be(parms, (const struct iphdr *)skb->data, local,
			       remote) ||
	    IPCB(skb)->frag_max_size ||
	    skb_copy_bits(skb, 0, data, sizeof(data)))
		return false;
	kind = ipip_keepalive_classify_padded(data, skb->len, local, remote,
					      &offset);
	if (!ipip_keepalive_wants(parms, kind, data, offset))
		return false;
	cookie = (const void *)(data + offset);
	if (kind != IPIP_KEEPALIVE_PROBE)
		return ipip_probe_answer(parms, skb, cookie, skb->len);
	ipip_probe_reflect(parms, skb, local, remote, cookie);
	return true;
}

/**
 * ipip_probe_note() - Record whether one of keepalive's own probes was lost
 * @dev: the tunnel's device
 * @lost: it wasn't answered
 *
 * Context: softirq, with keepalive's lock held.
 */
void ipip_probe_note(struct net_device *dev, bool lost)
{
	ipip_plpmtud_note(&ipip_probe(dev)->path, lost);
}

/**
 * ipip_probe_init() - Prepare a new tunnel for the measurement of its path
 * @dev: the tunnel's device, not registered yet
 *
 * Context: process.
 */
void ipip_probe_init(struct net_device *dev)
{
	ipip_compat_hrtimer_setup(&ipip_probe(dev)->timer, ipip_probe_timer,
				  CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
}

/**
 * ipip_probe_stop() - Stop the measurement, and forget its result
 * @dev: the tunnel's device
 *
 * No timer runs afterwards.
 *
 * Context: process, RTNL.
 */
void ipip_probe_stop(struct net_device *dev)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);

	spin_lock_bh(&ka->lock);
	ipip_probe_off(dev);
	spin_unlock_bh(&ka->lock);
	hrtimer_cancel(&ipip_probe(dev)->timer);
}

/**
 * ipip_probe_change() - Start or stop the measurement as the configuration says
 * @dev: the tunnel's device, which is up
 * @parms: the configuration, published
 *
 * Context: process, RTNL.
 */
void ipip_probe_change(struct net_device *dev, const struct ipip_parms *parms)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	struct ipip_probe *probe = ipip_probe(dev);

	if (!ipip_probe_is_wanted(parms)) {
		ipip_probe_stop(dev);
		return;
	}
	spin_lock_bh(&ka->lock);
	if (!probe->on) {
		probe->on = true;
		probe->alive = true;
		ipip_plpmtud_reset(&probe->path, parms->hlen);
		ipip_probe_forget_small(probe);
	}
	spin_unlock_bh(&ka->lock);
	/* The measurement begins when the work has found the path. */
	ipip_mtu_schedule(tunnel->net);
}

/* Check whether the probes of two configurations go to the same host by the same path. */
static bool ipip_probe_is_same(const struct ipip_parms *a,
			       const struct ipip_parms *b)
{
	const struct ipip_keepalive_config *x = &a->cfg.keepalive;
	const struct ipip_keepalive_config *y = &b->cfg.keepalive;

	return ipip_same_addresses(&a->cfg, &b->cfg) &&
	       !memcmp(&a->cfg.encap, &b->cfg.encap, sizeof(a->cfg.encap)) &&
	       a->cfg.fwmark == b->cfg.fwmark && a->cfg.tos == b->cfg.tos &&
	       x->mode == y->mode && x->target == y->target;
}

/**
 * ipip_probe_forget() - Forget the result if a new configuration may change the path
 * @dev: the tunnel's device
 * @old: the configuration in force
 * @new: the configuration that is going to be published; it is complete
 *
 * Context: process, RTNL.
 */
void ipip_probe_forget(struct net_device *dev, const struct ipip_parms *old,
		       const struct ipip_parms *new)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);
	struct ipip_probe *probe = ipip_probe(dev);

	if (ipip_probe_is_same(old, new))
		return;
	spin_lock_bh(&ka->lock);
	if (probe->on) {
		ipip_plpmtud_reset(&probe->path, new->hlen);
		ipip_probe_forget_small(probe);
	}
	spin_unlock_bh(&ka->lock);
}

/**
 * ipip_probe_mtu() - Get the measured MTU
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 * Return: bytes of the inner packet, or 0 if nothing was measured.
 */
unsigned int ipip_probe_mtu(const struct net_device *dev)
{
	return READ_ONCE(ipip_probe(dev)->path.confirmed);
}

/**
 * ipip_probe_disproves() - Check whether a path MTU from ICMP is wrong
 * @dev: the tunnel's device
 * @mtu: the path MTU from ICMP, in bytes of the inner packet
 *
 * Context: process, RTNL.
 * Return: true if a larger probe was answered after the ICMP error, so that the route
 * has to forget it.
 */
bool ipip_probe_disproves(struct net_device *dev, unsigned int mtu)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);
	struct ipip_probe *probe = ipip_probe(dev);
	bool wrong;

	spin_lock_bh(&ka->lock);
	wrong = probe->on && probe->path.disproved && probe->path.hint == mtu;
	if (wrong)
		probe->undone = ktime_get_boottime_ns();
	spin_unlock_bh(&ka->lock);
	if (wrong)
		ipip_count(dev, IFLA_IPIP_XSTATS_MTU_HINT_UNDONE);
	return wrong;
}

/**
 * ipip_probe_follow() - Tell the measurement that the path may have changed
 * @dev: the tunnel's device
 * @mtu: largest inner packet according to underlay, routes and ICMP
 * @max: the same without ICMP
 *
 * Context: process, RTNL.
 * Return: the MTU to set in the device.
 */
unsigned int ipip_probe_follow(struct net_device *dev, unsigned int mtu,
			       unsigned int max)
{
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_parms *parms = rtnl_dereference(tunnel->parms);
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);
	struct ipip_probe *probe = ipip_probe(dev);
	struct ipip_plpmtud old;
	unsigned int measured = 0;
	bool soon;

	soon = !probe->undone || ktime_get_boottime_ns() - probe->undone >
				 IPIP_PROBE_UNDONE;
	spin_lock_bh(&ka->lock);
	if (!probe->on)
		goto unlock;
	old = probe->path;
	WRITE_ONCE(probe->mtu, mtu);
	if (ipip_plpmtud_set_path(&probe->path, max, mtu)) {
		ipip_probe_forget_small(probe);
		soon = soon && old.max == max;
		probe->search_seq = ++probe->seq;
		probe->alive = true;
		ipip_probe_arm_within(probe, soon ? IPIP_PROBE_SOON :
				      ipip_probe_interval(ka, parms));
	}
	measured = probe->path.confirmed;
	if (old.state != probe->path.state || old.confirmed != measured)
		trace_ipip_mtu(dev, old.state, probe->path.state,
			       old.confirmed, measured);
unlock:
	spin_unlock_bh(&ka->lock);
	return measured ?: mtu;
}

/**
 * ipip_probe_fill() - Put the result into IFLA_IPIP_EXT of a dump
 * @skb: the message
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int ipip_probe_fill(struct sk_buff *skb, const struct net_device *dev)
{
	struct ipip_keepalive *ka = ipip_probe_keepalive(dev);
	const struct ipip_tunnel *tunnel = netdev_priv(dev);
	const struct ipip_probe *probe = &tunnel->probe;
	const struct ipip_parms *parms;
	u32 measured = 0;
	u64 answered;
	u8 state = IPIP_MTU_STATE_OFF;

	parms = rtnl_dereference(tunnel->parms);
	spin_lock_bh(&ka->lock);
	if (probe->on && ipip_probe_is_wanted(parms)) {
		state = probe->path.state;
		measured = probe->path.confirmed;
	}
	answered = probe->answered;
	spin_unlock_bh(&ka->lock);

	if (nla_put_u8(skb, IFLA_IPIP_EXT_MTU_STATE, state))
		return -EMSGSIZE;
	if (measured &&
	    (nla_put_u32(skb, IFLA_IPIP_EXT_MTU_MEASURED, measured) ||
	     nla_put_u64_64bit(skb, IFLA_IPIP_EXT_MTU_AGE,
			       div_u64(ktime_get_boottime_ns() - answered,
				       NSEC_PER_MSEC), IFLA_IPIP_EXT_PAD)))
		return -EMSGSIZE;
	return 0;
}
