// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: decapsulation, and ICMP errors about outer packets.
 *
 * All of this runs in softirq under rcu_read_lock(), but for the making and the end
 * of the cells. tunnel4 hands a packet over with the inner header's 20 bytes, or
 * a label's 4, linear. The inner packet is handed up at once, or queued in this CPU's
 * cell if GRO may merge it with others.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/icmp.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <net/dst_metadata.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "ipip.h"
#include "ipip_mss.h"

bool ipip_log_ecn_error = true;

/**
 * struct ipip_cell - a CPU's queue of received packets for GRO, for all tunnels
 * @napi: merges what is in @skbs and hands it up
 * @lock: on PREEMPT_RT protects @skbs, @queued, @done and @kinds; not used elsewhere
 * @skbs: packets that wait
 * @queued: number of packets that have ever been put into @skbs
 * @done: number of those that have been handed up
 * @flush_until: value of @queued that ipip_rcv_flush() waits for @done to reach
 * @kinds: ipip_rcv_kind() of all packets that have been put into @skbs since the cell
 *	was last idle
 * @nested: a packet that has not waited is being handed up
 *
 * Only its own CPU puts packets into a cell and schedules @napi, with softirqs off. The
 * same CPU polls it. If that CPU goes offline while packets are queued, the kernel
 * hands @napi to another CPU, which polls until none is left; ipip_cell_prepare() has
 * the first one wait for that before it is online again. So two CPUs never use a cell at
 * the same time, and without PREEMPT_RT no lock is needed.
 *
 * On PREEMPT_RT a task that has softirqs off can be preempted by another one on the same
 * CPU that uses the cell, too: @lock excludes that. It is the cell's own, and not a
 * local_lock_t of the CPU that runs, because a cell may be polled by another CPU than its
 * own. There it is a sleeping lock, which all of its users may take: they are in a
 * softirq, or have softirqs off, and never interrupts or preemption. No other lock is taken
 * under it, and no two cells' locks at a time, so that for lockdep they are one class
 * without nesting.
 *
 * @nested has no lock: on PREEMPT_RT it may be another task's, which makes the bound
 * on the stack's depth less exact. RTNL protects @flush_until.
 */
struct ipip_cell {
	struct napi_struct napi;
	spinlock_t lock; /* on PREEMPT_RT: @skbs, @queued, @done, @kinds */
	struct sk_buff_head skbs;
	u32 queued;
	u32 done;
	u32 flush_until;
	u32 kinds;
	bool nested;
};

static struct ipip_cell __percpu *ipip_cells;
static struct net_device *ipip_cells_dev;	/* for NAPI; never registered */
static enum cpuhp_state ipip_cells_state;

/* Devices are being deleted, and cells may have packets of theirs. Under RTNL. */
static bool ipip_rcv_unflushed;

static int ipip_rcv_drop(struct net_device *dev, struct sk_buff *skb,
			 enum ipip_verdict verdict)
{
	DEV_STATS_INC(dev, rx_errors);
	ipip_drop(dev, skb, verdict);
	return 0;
}

/* GRO writes to the packet's data, which a clone shares, as that of a packet socket or
 * a mirror: the packet gets data of its own. It can't be handed up without GRO, for it
 * would overtake those of its flow that GRO holds.
 */
static void ipip_cell_merge(struct napi_struct *napi, struct sk_buff *skb)
{
	if (unlikely(skb_unclone(skb, GFP_ATOMIC)))
		ipip_rcv_drop(skb->dev, skb, IPIP_DROP_RX_NO_MEMORY);
	else
		napi_gro_receive(napi, skb);
}

static void ipip_cell_lock(struct ipip_cell *cell)
	__acquires(&cell->lock)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		spin_lock(&cell->lock);
	else
		__acquire(&cell->lock);
}

static void ipip_cell_unlock(struct ipip_cell *cell)
	__releases(&cell->lock)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		spin_unlock(&cell->lock);
	else
		__release(&cell->lock);
}

static int ipip_cell_poll(struct napi_struct *napi, int budget)
{
	struct ipip_cell *cell = container_of(napi, struct ipip_cell, napi);
	struct sk_buff *skb;
	int work = 0;

	while (work < budget) {
		ipip_cell_lock(cell);
		skb = __skb_dequeue(&cell->skbs);
		ipip_cell_unlock(cell);
		if (!skb)
			break;
		ipip_cell_merge(napi, skb);
		work++;
	}
	/* GRO holds no packet beyond this softirq: ipip_rcv_flush() relies on it. */
	if (work < budget)
		napi_complete_done(napi, work);
	else
		napi_gro_flush(napi, false);

	ipip_cell_lock(cell);
	/* napi_gro_flush() leaves packets to the caller of this function. */
	if (work < budget && cell->done + work == cell->queued)
		WRITE_ONCE(cell->kinds, 0);
	/* The last access to the cell. Pairs with the acquire in
	 * ipip_cell_is_idle().
	 */
	smp_store_release(&cell->done, cell->done + work);
	ipip_cell_unlock(cell);
	return work;
}

/* Is nobody going to touch the cell of a CPU that is offline? */
static bool ipip_cell_is_idle(const struct ipip_cell *cell)
{
	/* Pairs with the release in ipip_cell_poll(). */
	return smp_load_acquire(&cell->done) == READ_ONCE(cell->queued) &&
	       !test_bit(NAPI_STATE_SCHED, &cell->napi.state);
}

/* A CPU is about to come online. When it went offline, dev_cpu_dead() gave its cell's NAPI
 * to another CPU, which would go on polling the cell while this one fills it. Wait until
 * the other has finished. It does, because nothing is put into the cell of a CPU
 * that is offline, and because a poll waits for nothing that CPU hotplug holds.
 */
static int ipip_cell_prepare(unsigned int cpu)
{
	const struct ipip_cell *cell = per_cpu_ptr(ipip_cells, cpu);

	while (!ipip_cell_is_idle(cell))
		usleep_range(100, 1000);
	return 0;
}

/**
 * ipip_rcv_expect_flush() - A device that may have received packets is being deleted
 *
 * Context: process, RTNL; before unregister_netdevice_many().
 */
void ipip_rcv_expect_flush(void)
{
	ASSERT_RTNL();
	ipip_rcv_unflushed = true;
}

/* Until its count reaches @flush_until a cell may have packets of deleted devices. */
static bool ipip_cell_is_flushed(const struct ipip_cell *cell)
{
	return (s32)(cell->flush_until - READ_ONCE(cell->done)) <= 0;
}

/**
 * ipip_rcv_flush() - Wait until no cell has a packet of a device that is deleted
 *
 * unregister_netdevice_many() closes all devices of its list, waits for a grace
 * period, and then calls ndo_uninit for one after the other. So at the first of these
 * calls nothing puts a packet of any of the devices into a cell any more, and one wait
 * does for all of them: the further calls return at once.
 *
 * A cell's count may be ahead of the softirq that is handing its last packets up.
 * unregister_netdevice_many() waits for that softirq by the grace period that comes
 * before it lets go of the devices. Until then nothing that such a packet needs is
 * freed: it has been counted in the device's statistics before it was queued.
 *
 * Context: process, RTNL, may sleep; ndo_uninit.
 */
void ipip_rcv_flush(void)
{
	int cpu;

	ASSERT_RTNL();
	if (!ipip_rcv_unflushed)
		return;
	ipip_rcv_unflushed = false;

	/* What is queued from here on is of other devices, and isn't waited for. */
	for_each_possible_cpu(cpu) {
		struct ipip_cell *cell = per_cpu_ptr(ipip_cells, cpu);

		cell->flush_until = READ_ONCE(cell->queued);
	}
	for_each_possible_cpu(cpu) {
		while (!ipip_cell_is_flushed(per_cpu_ptr(ipip_cells, cpu)))
			usleep_range(100, 1000);
	}
}

static void ipip_cells_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct ipip_cell *cell = per_cpu_ptr(ipip_cells, cpu);

		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
	}
	synchronize_net();
	free_percpu(ipip_cells);
	ipip_compat_free_dummy(ipip_cells_dev);
}

/**
 * ipip_rcv_init() - Make the cells
 *
 * Context: process.
 * Return: 0, -ENOMEM, or what cpuhp_setup_state_nocalls() returns.
 */
int ipip_rcv_init(void)
{
	int cpu, state;

	ipip_cells_dev = ipip_compat_alloc_dummy();
	if (!ipip_cells_dev)
		return -ENOMEM;
	ipip_cells = alloc_percpu(struct ipip_cell);
	if (!ipip_cells) {
		ipip_compat_free_dummy(ipip_cells_dev);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		struct ipip_cell *cell = per_cpu_ptr(ipip_cells, cpu);

		spin_lock_init(&cell->lock);
		__skb_queue_head_init(&cell->skbs);
		set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
		ipip_compat_napi_add(ipip_cells_dev, &cell->napi, ipip_cell_poll);
		napi_enable(&cell->napi);
	}

	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					  "net/ipip:prepare",
					  ipip_cell_prepare, NULL);
	if (state < 0) {
		ipip_cells_free();
		return state;
	}
	ipip_cells_state = state;
	return 0;
}

/**
 * ipip_rcv_exit() - Free the cells
 *
 * Context: process; when the last device has gone.
 */
void ipip_rcv_exit(void)
{
	cpuhp_remove_state_nocalls(ipip_cells_state);
	ipip_cells_free();
}

/* GRO merges UDP for a socket that has asked for it, which is looked up here as GRO
 * does, or for all packets of a device with a feature for that.
 */
static bool ipip_rcv_udp_may_gro(const struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;
	const struct iphdr *iph = ip_hdr(skb);
	int dif = dev->ifindex, sdif = 0;
	const struct udphdr *uh;
	const struct sock *sk;
	struct udphdr buffer;

	if (dev->features & (NETIF_F_GRO_UDP_FWD | NETIF_F_GRO_FRAGLIST))
		return true;
	if (!ipip_compat_udp_encap_needed())
		return false;
	uh = skb_header_pointer(skb, iph->ihl * 4, sizeof(buffer), &buffer);
	if (!uh)
		return false;
	if (netif_is_l3_slave(dev)) {
		sdif = dif;
		dif = l3mdev_master_ifindex_rcu(dev);
	}
	sk = ipip_compat_udp_lookup(dev_net(dev), iph, uh, dif, sdif);
	return sk && (udp_sk(sk)->gro_receive || ipip_compat_udp_gro_enabled(sk));
}

/* May GRO merge the packet with another? Not if somebody shares its data, nor if GRO
 * is off on the device.
 */
static bool ipip_rcv_may_gro(const struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;

	if (netif_elide_gro(dev) || skb_cloned(skb) ||
	    skb->protocol != htons(ETH_P_IP))
		return false;

	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
	case IPPROTO_GRE:
	case IPPROTO_ESP:
		return true;
	case IPPROTO_UDP:
		return ipip_rcv_udp_may_gro(skb);
	default:
		return false;
	}
}

/* Can nothing be merged with the packet? Then it is merged already, or TCP without
 * data.
 */
static bool ipip_rcv_is_complete(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	const unsigned int hlen = iph->ihl * 4;
	const struct tcphdr *tcph;

	if (skb_is_gso(skb))
		return true;
	if (iph->protocol != IPPROTO_TCP ||
	    skb_headlen(skb) < hlen + sizeof(*tcph))
		return false;
	tcph = (const struct tcphdr *)(skb->data + hlen);
	return ntohs(iph->tot_len) == hlen + tcph->doff * 4;
}

/* The inner protocol as a bit of a mask: all packets of a flow have the same. Other
 * protocols may have it, too: then a packet waits that needn't.
 */
static u32 ipip_rcv_kind(const struct sk_buff *skb)
{
	const u8 protocol = skb->protocol == htons(ETH_P_IP) ?
			    ip_hdr(skb)->protocol : IPPROTO_MPLS;

	return BIT(protocol % 32);
}

/* Does the packet have to be queued? It must not overtake one of its flow that is
 * queued or that GRO holds, even if GRO has nothing to do for this one: because it is
 * cloned or complete, or because GRO has been switched off for its device or socket.
 */
static bool ipip_rcv_has_to_wait(const struct ipip_cell *cell,
				 const struct sk_buff *skb)
{
	const u32 kinds = READ_ONCE(cell->kinds);

	if (unlikely(kinds) && kinds & ipip_rcv_kind(skb))
		return true;
	return ipip_rcv_may_gro(skb) && !ipip_rcv_is_complete(skb);
}

/* Queue a packet in this CPU's cell. Returns false if too many are queued. */
static bool ipip_cell_add(struct ipip_cell *cell, struct sk_buff *skb)
{
	const u32 kind = ipip_rcv_kind(skb);
	unsigned int waiting;

	ipip_cell_lock(cell);
	waiting = skb_queue_len(&cell->skbs);
	if (unlikely(waiting > ipip_compat_max_backlog())) {
		ipip_cell_unlock(cell);
		return false;
	}
	__skb_queue_tail(&cell->skbs, skb);
	WRITE_ONCE(cell->queued, cell->queued + 1);
	WRITE_ONCE(cell->kinds, cell->kinds | kind);
	ipip_cell_unlock(cell);
	if (!waiting)
		napi_schedule(&cell->napi);
	return true;
}

/* Hand the inner packet up: by the cell if GRO may merge it, and else at once. A
 * packet that comes up while another is being handed up is that of a nested tunnel:
 * it is queued, so that the stack's depth is bounded.
 */
static void ipip_rcv_deliver(struct sk_buff *skb)
{
	struct ipip_cell *cell = this_cpu_ptr(ipip_cells);

	if (likely(!cell->nested) && !ipip_rcv_has_to_wait(cell, skb)) {
		cell->nested = true;
		netif_receive_skb(skb);
		cell->nested = false;
		return;
	}
	if (unlikely(!ipip_cell_add(cell, skb))) {
		ipip_compat_rx_dropped_inc(skb->dev);
		ipip_drop(skb->dev, skb, IPIP_DROP_RX_BACKLOG);
	}
}

/* Is an SA one of ESP or AH that the far end sends by? Without an xfrm interface it is if
 * the SA's source is that of the packet. In tunnel mode the far end may be behind the
 * host that has the SA: that takes an xfrm interface, whose SAs are all taken.
 */
static bool ipip_rcv_sa_is_far_end(const struct xfrm_state *x, __be32 saddr,
				   const struct xfrm_if *xi)
{
	if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
		return false;
	if (xi)
		return x->if_id && x->if_id == xi->p.if_id;
	return x->props.family == AF_INET && x->props.saddr.a4 &&
	       x->props.saddr.a4 == saddr;
}

/* The xfrm interface that the tunnel is bound to, or NULL. */
static const struct xfrm_if *ipip_rcv_xfrm_if(const struct ipip_parms *parms,
					      struct net *net)
{
	const struct net_device *link;

	if (!parms->key_link)
		return NULL;
	link = dev_get_by_index_rcu(net, parms->key_link);
	return link ? ipip_xfrm_if(link) : NULL;
}

/* Has the packet come through an SA of the far end's? Any peer's SA may bring a packet
 * with the far end's address: the kernel finds an SA by destination and SPI, in
 * transport mode it compares no source, and in tunnel mode the source has to fit
 * that peer's policy only.
 */
static bool ipip_rcv_has_ipsec(const struct ipip_parms *parms,
			       struct sk_buff *skb, __be32 saddr)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct net *net = dev_net(skb->dev);
	const struct xfrm_if *xi;
	int i, iif;

	xi = ipip_rcv_xfrm_if(parms, net);
	if (xi) {
		/* In a VRF skb->dev is the VRF's device. */
		iif = inet_sdif(skb) ?: skb->dev->ifindex;
		if (iif != parms->key_link)
			return false;
		/* An interface whose SAs are in another netns has checked the policy
		 * there, and has removed the secpath.
		 */
		if (!net_eq(xi->net, net))
			return xi->p.if_id;
	}
	for (i = 0; sp && i < sp->len; i++)
		if (ipip_rcv_sa_is_far_end(sp->xvec[i], saddr, xi))
			return true;
	return false;
}

/**
 * ipip_rcv_check_ipsec() - Is an outer packet as well protected as it must be?
 * @parms: configuration of the tunnel that it is for
 * @skb: the packet; its network header is the outer one
 * @saddr: its source
 *
 * Context: softirq, RCU.
 * Return: %IPIP_PASS, or the drop that the host's IPsec policy or the tunnel's asks
 * for.
 */
enum ipip_verdict ipip_rcv_check_ipsec(const struct ipip_parms *parms,
				       struct sk_buff *skb, __be32 saddr)
{
	if (!xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
		return IPIP_DROP_RX_POLICY;
	if (unlikely(parms->rcv_extras & IPIP_EXTRA_IPSEC) &&
	    !ipip_rcv_has_ipsec(parms, skb, saddr))
		return IPIP_DROP_RX_NO_IPSEC;
	return IPIP_PASS;
}

/* Keepalives are ICMP or IPIP. Of the protocols 0 to 4 data have hardly any other
 * than ICMP, so one comparison excludes nearly all of it.
 */
static bool ipip_rcv_may_be_keepalive(const struct sk_buff *skb)
{
	const struct iphdr *inner = (const struct iphdr *)skb->data;

	return unlikely(inner->protocol <= IPPROTO_IPIP);
}

/* RFC 6040 section 4.2: combine the ECN field of the outer header with that of
 * the inner one. False if the packet has to be dropped.
 */
static bool ipip_ecn_decapsulate(struct sk_buff *skb, __be32 saddr, u8 tos)
{
	int err = INET_ECN_decapsulate(skb, tos, ip_hdr(skb)->tos);

	if (likely(!err))
		return true;
	if (READ_ONCE(ipip_log_ecn_error))
		net_info_ratelimited("non-ECT from %pI4 with TOS=%#x\n",
				     &saddr, tos);
	return err == 1;
}

/* External mode: attach the outer header's fields to the packet as metadata, for
 * tc, BPF and routes. False for want of memory.
 */
static bool ipip_rcv_metadata(struct sk_buff *skb)
{
	struct metadata_dst *dst = ipip_compat_rx_dst(skb);

	if (!dst)
		return false;
	ipip_compat_md_udp_encap(skb, &dst->u.tun_info);
	skb_dst_set(skb, &dst->dst);
	return true;
}

/* Consume the packet, or leave it to another protocol handler with -1. */
static int ipip_decap(struct sk_buff *skb, u8 proto)
{
	const __be32 daddr = ip_hdr(skb)->daddr;
	const __be32 saddr = ip_hdr(skb)->saddr;
	struct net *net = dev_net(skb->dev);
	const u8 tos = ip_hdr(skb)->tos;
	const struct ipip_parms *parms;
	enum ipip_verdict verdict;
	struct net_device *dev;
	__be16 protocol;

	parms = ipip_lookup(net, daddr, saddr, skb->dev->ifindex);
	if (!parms)
		return -1;

	dev = parms->dev;
	if (unlikely(parms->proto && parms->proto != proto))
		return ipip_rcv_drop(dev, skb, IPIP_DROP_RX_PROTOCOL);
	verdict = ipip_rcv_check_ipsec(parms, skb, saddr);
	if (unlikely(verdict != IPIP_PASS))
		return ipip_rcv_drop(dev, skb, verdict);

	if (likely(proto == IPPROTO_IPIP)) {
		if (ipip_rcv_may_be_keepalive(skb) &&
		    ipip_keepalive_rcv(parms, skb, daddr, saddr))
			return 0;
		if (parms->rcv_extras & IPIP_EXTRA_CLAMP &&
		    ipip_mss_may_be_syn(skb->data, skb_headlen(skb)) &&
		    !ipip_mss_clamp(dev, skb, READ_ONCE(dev->mtu),
				    IFLA_IPIP_XSTATS_RX_MSS_CLAMPED))
			return ipip_rcv_drop(dev, skb, IPIP_DROP_RX_NO_MEMORY);
	}

	protocol = proto == IPPROTO_MPLS ? htons(ETH_P_MPLS_UC) : htons(ETH_P_IP);
	if (__iptunnel_pull_header(skb, 0, protocol, false,
				   !net_eq(net, dev_net(dev))))
		return ipip_rcv_drop(dev, skb, IPIP_DROP_RX_NO_MEMORY);
	if (unlikely(parms->rcv_extras & IPIP_EXTRA_EXTERNAL) &&
	    !ipip_rcv_metadata(skb))
		return ipip_rcv_drop(dev, skb, IPIP_DROP_RX_NO_MEMORY);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);

	if (likely(proto == IPPROTO_IPIP) &&
	    unlikely(!ipip_ecn_decapsulate(skb, saddr, tos))) {
		DEV_STATS_INC(dev, rx_frame_errors);
		return ipip_rcv_drop(dev, skb, IPIP_DROP_RX_ECN);
	}
	if (unlikely(ipv4_is_multicast(daddr)))
		DEV_STATS_INC(dev, multicast);

	dev_sw_netstats_rx_add(dev, skb->len);
	skb->dev = dev;
	ipip_rcv_deliver(skb);
	return 0;
}

/**
 * ipip_rcv() - Receive an outer packet of protocol 4
 * @skb: the packet; data is behind the outer header
 *
 * Decapsulates as RFC 2003 section 3.1 and RFC 6040 section 4.2 have it.
 *
 * Context: softirq, RCU; the handler of tunnel4.
 * Return: 0 if the packet was consumed, -1 if no tunnel takes it.
 */
int ipip_rcv(struct sk_buff *skb)
{
	return ipip_decap(skb, IPPROTO_IPIP);
}

/**
 * ipip_rcv_mpls() - Receive an outer packet of protocol 137 (RFC 4023)
 * @skb: the packet; data is behind the outer header
 *
 * Context: softirq, RCU; the handler of tunnel4 for MPLS.
 * Return: 0 if the packet was consumed, -1 if no tunnel takes it.
 */
int ipip_rcv_mpls(struct sk_buff *skb)
{
	return ipip_decap(skb, IPPROTO_MPLS);
}

/* Senders that are told of an error. A bound, because errors can be forged. */
#define IPIP_ERR_MAX	64

/* Let the senders of the tunnel's next packets hear of the error. The sender that
 * caused it can't be told: the error quotes too little of the inner packet.
 */
static void ipip_note_error(struct ipip_tunnel *tunnel)
{
	unsigned long now = jiffies;
	int count = 1;

	if (time_before(now, READ_ONCE(tunnel->err_time) + IPTUNNEL_ERR_TIMEO))
		count += READ_ONCE(tunnel->err_count);
	WRITE_ONCE(tunnel->err_time, now);
	WRITE_ONCE(tunnel->err_count, min(count, IPIP_ERR_MAX));
}

/* True if the error means that the far end can't be reached (RFC 2003 4). */
static bool ipip_err_is_fatal(const struct ipip_parms *parms, int type, int code)
{
	if (type == ICMP_DEST_UNREACH)
		return code != ICMP_SR_FAILED;
	/* An inherited TTL ran out because the sender chose it. */
	return type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_TTL &&
	       parms->cfg.ttl;
}

/* Let the route that the tunnel's mark leads to learn what the error says. Its
 * operations look the route up once more, by the header, the mark and the device that
 * they find in the packet.
 */
static void ipip_err_update_marked(const struct ipip_parms *parms,
				   struct net *net, struct sk_buff *skb,
				   u32 info)
{
	const struct iphdr *outer = (const struct iphdr *)skb->data;
	struct sk_buff *clone;
	struct rtable *rt;

	rt = ipip_route_lookup_clear(net, parms, outer->protocol, outer->daddr,
				     outer->saddr, outer->tos);
	if (IS_ERR(rt))
		return;
	clone = skb_clone(skb, GFP_ATOMIC);
	if (!clone)
		goto out;

	clone->mark = parms->cfg.fwmark;
	if (icmp_hdr(skb)->type == ICMP_REDIRECT) {
		/* The network header stays that of the ICMP packet, whose source
		 * must be the present gateway.
		 */
		rt->dst.ops->redirect(&rt->dst, NULL, clone);
	} else {
		skb_reset_network_header(clone);
		clone->dev = rt->dst.dev;
		rt->dst.ops->update_pmtu(&rt->dst, NULL, clone, info, false);
	}
	consume_skb(clone);
out:
	ip_rt_put(rt);
}

/* Let the route of the quoted outer packet learn a path MTU, or another gateway. In
 * external mode only the metadata of the packet knew its mark.
 */
static void ipip_err_update_route(const struct ipip_parms *parms,
				  struct net *net, struct sk_buff *skb,
				  u32 info)
{
	const struct iphdr *outer = (const struct iphdr *)skb->data;
	const int link = parms->cfg.link;

	/* The kernel's own functions look the route up without the tunnel's mark. */
	if (parms->cfg.fwmark && parms->cfg.role != IPIP_ROLE_EXTERNAL)
		ipip_err_update_marked(parms, net, skb, info);
	else if (icmp_hdr(skb)->type == ICMP_REDIRECT)
		ipv4_redirect(skb, net, link, outer->protocol);
	else
		ipv4_update_pmtu(skb, net, info, link, outer->protocol);
}

/**
 * ipip_err() - Receive an ICMP error about an outer packet
 * @skb: the error; data is the quoted outer header
 * @info: the next-hop MTU of a "fragmentation needed", in bytes, host order
 *
 * RFC 2003 section 4: a path MTU is learned for the outer route, by which the
 * next inner packet is measured; an unreachable far end is reported to the
 * senders of the next inner packets.
 *
 * Context: softirq, RCU; the error handler of tunnel4.
 * Return: 0, or -ENOENT if no tunnel sent the outer packet.
 */
int ipip_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *outer = (const struct iphdr *)skb->data;
	const int type = icmp_hdr(skb)->type;
	const int code = icmp_hdr(skb)->code;
	struct net *net = dev_net(skb->dev);
	const struct ipip_parms *parms;

	parms = ipip_lookup(net, outer->saddr, outer->daddr, skb->dev->ifindex);
	if (!parms)
		return -ENOENT;

	/* Outer packets leave inside ESP or AH. Who quotes one has seen it where the far
	 * end's SA ends, and answers by that SA.
	 */
	if (parms->cfg.require_ipsec &&
	    !ipip_rcv_has_ipsec(parms, skb, outer->daddr))
		return 0;
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		ipip_err_update_route(parms, net, skb, info);
		ipip_mtu_schedule(net);
		return 0;
	}
	if (type == ICMP_REDIRECT) {
		ipip_err_update_route(parms, net, skb, info);
		return 0;
	}
	if (!ipip_err_is_fatal(parms, type, code))
		return 0;
	/* Next-hop mode: an error about one next hop concerns no other. */
	if (!parms->cfg.remote)
		return -ENOENT;

	ipip_note_error(netdev_priv(parms->dev));
	return 0;
}
