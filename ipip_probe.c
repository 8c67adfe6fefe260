// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: measure the MTU of the path, by keepalive's probes (RFC 8899).
 *
 * A tunnel with an automatic MTU and with keepalive in the mode cookie or icmp sends
 * probes with DF that are as large as the size under test, to the far end that answers
 * keepalive. include/ipip_plpmtud.h says which size that is, and which size counts. This
 * file sends the probes, takes the answers, and answers those of the far end.
 *
 * An answer is as large as the probe, so that both directions are measured, and both ends
 * find the same size. The in-tree driver, which knows nothing of probes, sends back what
 * is behind the outer header, and measures the way back with 20 bytes less.
 *
 * Probes have the DSCP of data, because another one may lead by another path. Their
 * routes have forgotten what ICMP has said of their MTU, because that may be forged or
 * out of date.
 *
 * At most one such probe of a tunnel is on its way. If it gets lost, the next has some small
 * ones behind it. If none of these is answered, the far end isn't there, and nothing is
 * learned of sizes. If some are, the path loses packets of all sizes. Keepalive itself
 * doesn't look at these probes. The tunnel goes on to use the size that it has until there
 * is evidence against it.
 *
 * The timer and all of receive run in softirq under RCU, the rest in process context
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

/* PROBE_TIMER, at least, and in round-trip times (RFC 8899 section 5.1.1, RFC 8085
 * section 3.1.1).
 */
#define IPIP_PROBE_TIMEOUT	NSEC_PER_SEC
#define IPIP_PROBE_TIMEOUT_RTTS	3
/* What ICMP says is looked into within this time. */
#define IPIP_PROBE_SOON		(100 * NSEC_PER_MSEC)
/* For so long after ICMP was found to be wrong what it says has time. */
#define IPIP_PROBE_UNDONE	(10ULL * NSEC_PER_SEC)

/* The size that stands for a small probe. */
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
	/* Keepalive's own hash has 0 in the upper half. */
	return siphash_2u64((u64)(size + 1) << 32 | (__force u32)cookie->seq,
			    (__force u64)cookie->time, &ka->key);
}

/* Nanoseconds that an answer is waited for. */
static u64 ipip_probe_timeout(const struct ipip_keepalive *ka)
{
	if (!ka->has_rtt)
		return IPIP_PROBE_TIMEOUT;
	return max_t(u64, IPIP_PROBE_TIMEOUT, IPIP_PROBE_TIMEOUT_RTTS * ka->rtt);
}

/* Nanoseconds between two confirmations, CONFIRMATION_TIMER: as often as keepalive asks. */
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

/* At a random point of time, so that tunnels that begin together don't send together, but
 * no later than the timer fires anyway: events that keep coming don't put it off for ever.
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
	/* The zeros that follow don't change it. */
	head.icmp.checksum = ip_compute_csum(&head.icmp, sizeof(head) -
					     sizeof(head.iph));
	return ipip_keepalive_output(out, &head, sizeof(head), len);
}

/* Can a packet of @size bytes leave this host? */
static bool ipip_probe_fits(const struct ipip_keepalive_out *out,
			    unsigned int size)
{
	return size + out->parms->hlen <= dst_mtu(out->dst);
}

/* Returns 0, -ENOMEM for want of memory, or another error. */
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

/* What was found out may be otherwise than before. */
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

/* The small probes that were sent say nothing of what follows. */
static void ipip_probe_forget_small(struct ipip_probe *probe)
{
	probe->asked = 0;
	probe->heard = 0;
}

/* The time of the probe that is on its way is over, or there is none: which is the next?
 * Returns its size, or 0 for none. @delay is set to when the time of that is over.
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
	if (lost && probe->alive)
		ipip_count(parms->dev, IFLA_IPIP_XSTATS_MTU_PROBE_LOST);
	/* Where nothing comes back there is no hurry. */
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
	/* What didn't leave says nothing of sizes, unless small ones are answered. Nor do
	 * they say that it was too large if there was no memory for it.
	 */
	if (err && probe->seq == seq) {
		probe->unsent = err == -ENOMEM;
		probe->alive = false;
	}
	/* An answer may have come already, and have armed the timer. */
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
	/* Under the lock: what ipip_probe_change() has switched on for a new configuration
	 * isn't switched off for the old one.
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

/* The size that the probe had which an answer of @len bytes is to, or -1 if it is to none of
 * ours. The in-tree driver's answers lack one header.
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

static enum ipip_verdict
ipip_probe_accept(const struct ipip_parms *parms, struct ipip_keepalive *ka,
		  const struct ipip_keepalive_cookie *cookie, unsigned int len)
{
	struct ipip_probe *probe = ipip_probe(parms->dev);
	const struct ipip_plpmtud old = probe->path;
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
	if (ntohl(cookie->seq) != probe->seq || size != old.size)
		return IPIP_DROP_KEEPALIVE_LATE;

	probe->alive = true;
	if (ipip_plpmtud_answer(&probe->path))
		ipip_probe_arm(probe, 0);
	else
		ipip_probe_arm(probe, ipip_probe_interval(ka, parms));
	if (size >= probe->path.confirmed)
		probe->answered = ktime_get_boottime_ns();
	ipip_probe_changed(parms->dev, &old);
	return IPIP_PASS;
}

/**
 * ipip_probe_answer() - Take an answer to a probe
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

/* Send an answer that is as large as the far end's probe, to the outer source. Nothing of
 * the probe but its cookie is in it. It may be as large as the underlay allows, also if the
 * tunnel's MTU is smaller: otherwise neither end would find out that the path has grown.
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

/* Consumes the packet. Short probes and padded ones have the same limit: who forges so many
 * that it is reached prevents answers to both, and then the far end learns nothing of sizes.
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

/* Can a large packet be a probe or an answer? Nested tunnels have packets of the same protocol,
 * and large echoes pass through tunnels.
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
 * ipip_probe_rcv() - Take a padded probe or an answer out of the received packets
 * @parms: configuration of the tunnel that received it
 * @skb: a packet of more than %IPIP_KEEPALIVE_MAX_LEN bytes; skb->data is at the inner
 *	header, of which 20 bytes are linear
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 *
 * Context: softirq, RCU.
 * Return: true if it was one, and is consumed; false if it is data.
 */
bool ipip_probe_rcv(const struct ipip_parms *parms, struct sk_buff *skb,
		    __be32 local, __be32 remote)
{
	u8 data[IPIP_KEEPALIVE_HEAD_LEN] __aligned(4);
	const struct ipip_keepalive_cookie *cookie;
	enum ipip_keepalive_kind kind;
	unsigned int offset = 0;

	/* What came in fragments says nothing of the path's MTU. */
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
 * ipip_probe_note() - One of keepalive's own probes has had an answer, or none
 * @dev: the tunnel's device
 * @lost: none
 *
 * Context: softirq, with keepalive's lock held.
 */
void ipip_probe_note(struct net_device *dev, bool lost)
{
	ipip_plpmtud_note(&ipip_probe(dev)->path, lost);
}

/**
 * ipip_probe_init() - Prepare a new tunnel for measuring its path
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
 * ipip_probe_stop() - Measure the path no more, and forget what was measured
 * @dev: the tunnel's device
 *
 * Afterwards no timer runs.
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
 * ipip_probe_change() - Measure the path if the configuration says so
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
	/* The measurement begins when the path is known. */
	ipip_mtu_schedule(tunnel->net);
}

/* Do the probes of two configurations take the same path, and to the same host? */
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
 * ipip_probe_forget() - Forget what was measured if a change may change the path
 * @dev: the tunnel's device
 * @old: the configuration in force
 * @new: the configuration that is going to be published, complete
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
 * ipip_probe_mtu() - The MTU that was measured
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
 * ipip_probe_disproves() - Is what ICMP has said of the path wrong?
 * @dev: the tunnel's device
 * @mtu: what it has said, as bytes of the inner packet
 *
 * Context: process, RTNL.
 * Return: true if a larger probe was answered after that, and it is to be undone.
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
 * ipip_probe_follow() - The path may have another MTU
 * @dev: the tunnel's device
 * @mtu: largest inner packet by what underlay, routes and ICMP say
 * @max: the same without ICMP
 *
 * Context: process, RTNL.
 * Return: the MTU that the device is to have.
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
		probe->seq++;
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
 * ipip_probe_fill() - Put what was measured into IFLA_IPIP_EXT of a dump
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
