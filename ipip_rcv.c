// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: decapsulation, and ICMP errors about outer packets.
 *
 * All of this runs in softirq under rcu_read_lock(), except the allocation and release
 * of the cells. tunnel4 passes a packet whose inner header (20 bytes), or MPLS label
 * (4 bytes), is linear. The inner packet is passed up at once, or queued in this CPU's
 * cell if GRO may merge it with others.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/icmp.h>
#include <linux/kernel_stat.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <net/dst_metadata.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip_fib.h>
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
 * @napi: passes up the packets of @run, then merges those of @skbs and passes them up
 * @lock: on PREEMPT_RT protects @skbs, @queued, @done and @kinds; unused otherwise
 * @skbs: waiting packets
 * @queued: number of packets that were ever put into @run or @skbs
 * @done: number of these that were passed up
 * @flush_until: value that @done must reach before ipip_rcv_flush() returns
 * @kinds: ipip_rcv_kind() of all packets that were put into @skbs since the cell was
 *	last idle
 * @nested: a packet that wasn't queued, or @run, is being passed up
 * @tos: TOS of the packet that was passed up last without having been queued
 * @daddr: its destination
 * @dev: its tunnel, or NULL if it was the first packet of its softirq
 * @softirq: number of the receive softirq that brought it
 * @run_len: number of packets in @run
 * @run: waiting packets with the same destination, TOS and tunnel as the packet that was
 *	passed up last. They all arrived before those in @skbs.
 *
 * Only a cell's own CPU puts packets into it and schedules @napi, with softirqs off. The
 * same CPU polls it. If that CPU goes offline while packets are queued, the kernel moves
 * @napi to another CPU, which polls it until it is empty; ipip_cell_prepare() makes the
 * first CPU wait for that before it is online again. So two CPUs never use a cell at the
 * same time, and without PREEMPT_RT no lock is needed.
 *
 * On PREEMPT_RT a task with softirqs off can be preempted by another task on the same CPU
 * that also uses the cell: @lock excludes that. It belongs to the cell, and isn't a
 * local_lock_t of the running CPU, because another CPU than its own may poll a cell. On
 * PREEMPT_RT it is a sleeping lock. All of its users may sleep there: they are in a softirq
 * or have softirqs off, but have neither interrupts nor preemption off. No other lock is
 * taken under it, and never two cells' locks at a time, so lockdep needs one class without
 * nesting.
 *
 * @nested has no lock: on PREEMPT_RT another task may have set it, which makes the limit of
 * the stack's depth less exact. @run is empty on PREEMPT_RT. RTNL protects @flush_until.
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
	u8 tos;
	__be32 daddr;
	const struct net_device *dev;
	u32 softirq;
	u32 run_len;
	struct list_head run;
};

static struct ipip_cell __percpu *ipip_cells;
static struct net_device *ipip_cells_dev;	/* for NAPI; never registered */
static enum cpuhp_state ipip_cells_state;

/* Devices are being deleted, and cells may contain their packets. Under RTNL. */
static bool ipip_rcv_unflushed;

static int ipip_rcv_drop(struct net_device *dev, struct sk_buff *skb,
			 enum ipip_verdict verdict)
{
	DEV_STATS_INC(dev, rx_errors);
	ipip_drop(dev, skb, verdict);
	return 0;
}

/* GRO writes to the packet's data. A clone, such as that of a packet socket or a mirror,
 * shares them: give the packet its own copy. It can't be passed up without GRO, because it
 * would overtake packets of its flow that GRO holds.
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

/* Pass the packets of @run up. Softirqs are off, and it is the cell's own CPU or its NAPI. */
static void ipip_cell_end_run(struct ipip_cell *cell)
{
	const u32 len = cell->run_len;
	LIST_HEAD(run);

	if (likely(!len))
		return;
	list_splice_init(&cell->run, &run);
	cell->run_len = 0;
	cell->nested = true;
	netif_receive_skb_list(&run);
	cell->nested = false;
	/* Pairs with the acquire in ipip_cell_is_idle(). */
	smp_store_release(&cell->done, cell->done + len);
}

static int ipip_cell_poll(struct napi_struct *napi, int budget)
{
	struct ipip_cell *cell = container_of(napi, struct ipip_cell, napi);
	struct sk_buff *skb;
	int work = 0;

	ipip_cell_end_run(cell);
	while (work < budget) {
		ipip_cell_lock(cell);
		skb = __skb_dequeue(&cell->skbs);
		ipip_cell_unlock(cell);
		if (!skb)
			break;
		ipip_cell_merge(napi, skb);
		work++;
	}
	/* GRO must not hold packets after this softirq: ipip_rcv_flush() relies on it. */
	if (work < budget)
		napi_complete_done(napi, work);
	else
		napi_gro_flush(napi, false);

	ipip_cell_lock(cell);
	/* After napi_gro_flush() the caller of this function may have packets left. */
	if (work < budget && cell->done + work == cell->queued)
		WRITE_ONCE(cell->kinds, 0);
	/* The last access to the cell. Pairs with the acquire in
	 * ipip_cell_is_idle().
	 */
	smp_store_release(&cell->done, cell->done + work);
	ipip_cell_unlock(cell);
	return work;
}

/* Check that nobody will touch the cell of an offline CPU. */
static bool ipip_cell_is_idle(const struct ipip_cell *cell)
{
	/* Pairs with the releases in ipip_cell_poll() and ipip_cell_end_run(). */
	return smp_load_acquire(&cell->done) == READ_ONCE(cell->queued) &&
	       !test_bit(NAPI_STATE_SCHED, &cell->napi.state);
}

/* A CPU is about to come online. When it went offline, dev_cpu_dead() moved its cell's NAPI
 * to another CPU, which might still poll the cell while this CPU fills it. Wait until the
 * other CPU has finished. That terminates, because nothing puts packets into the cell of an
 * offline CPU, and because a poll waits for nothing that CPU hotplug holds.
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

/* Until its count reaches @flush_until, a cell may contain packets of deleted devices. */
static bool ipip_cell_is_flushed(const struct ipip_cell *cell)
{
	return (s32)(cell->flush_until - READ_ONCE(cell->done)) <= 0;
}

/**
 * ipip_rcv_flush() - Wait until no cell has a packet of a device that is being deleted
 *
 * unregister_netdevice_many() closes all devices of its list, waits for a grace
 * period, and then calls ndo_uninit for one after the other. So at the first of these
 * calls no packet of any of the devices is put into a cell any more, and one wait
 * suffices for all of them: the further calls return at once.
 *
 * A grace period wouldn't suffice instead. A CPU that has more packets than a softirq may take
 * leaves the rest to ksoftirqd, which is in no read-side section between two rounds, and
 * which other tasks may keep waiting. So any number of grace periods may pass while
 * packets are queued, and a packet holds no reference to its device.
 *
 * A cell's count may be ahead of the softirq that is passing its last packets up.
 * unregister_netdevice_many() waits for that softirq with the grace period before it
 * releases the devices. Until then nothing that such a packet needs is freed: the packet
 * was counted in the device's statistics before it was queued.
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

	/* Packets queued from here on belong to other devices. Don't wait for them. */
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
 * ipip_rcv_init() - Allocate the cells
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
		INIT_LIST_HEAD(&cell->run);
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
 * Context: process; after the last device was deleted.
 */
void ipip_rcv_exit(void)
{
	cpuhp_remove_state_nocalls(ipip_cells_state);
	ipip_cells_free();
}

/* GRO merges UDP packets for a socket that has enabled it, which is looked up here like in
 * GRO, or all UDP packets of a device with a feature for that.
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

/* Check whether GRO may merge the packet with another. It may not if a clone shares its
 * data, or if GRO is off on the device.
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

/* Check whether nothing can be merged with the packet, because it is merged already or is
 * TCP without data.
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

/* The inner protocol as a bit of a mask, which is the same for all packets of a flow. If
 * another protocol has the same bit, a packet waits without need.
 */
static u32 ipip_rcv_kind(const struct sk_buff *skb)
{
	const u8 protocol = skb->protocol == htons(ETH_P_IP) ?
			    ip_hdr(skb)->protocol : IPPROTO_MPLS;

	return BIT(protocol % 32);
}

/* Check whether the packet has to be queued. It must not overtake a packet of its flow
 * that is queued or that GRO holds, even if GRO can't merge this one because it is cloned
 * or complete, or because GRO was switched off for its device or socket.
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

/* Did the packet that was passed up last come in the same softirq, for the same destination
 * and tunnel? The stack looks up one route for all packets of a list that have the same
 * destination and TOS, unless there are routing rules. The first packet of a softirq is not
 * remembered: it may be the only one, and storing its fields would make single packets slower.
 */
static bool ipip_cell_is_run(struct ipip_cell *cell, const struct sk_buff *skb)
{
	const u32 softirq = __this_cpu_read(kstat.softirqs[NET_RX_SOFTIRQ]);
	const struct iphdr *iph;

	if (cell->softirq != softirq || skb->protocol != htons(ETH_P_IP)) {
		cell->softirq = softirq;
		cell->dev = NULL;
		return false;
	}
	iph = ip_hdr(skb);
	if (cell->daddr == iph->daddr && cell->dev == skb->dev && cell->tos == iph->tos)
		return !READ_ONCE(cell->kinds) && !skb_dst(skb) &&
		       !fib4_has_custom_rules(dev_net(skb->dev)) &&
		       !IS_ENABLED(CONFIG_PREEMPT_RT);
	cell->daddr = iph->daddr;
	cell->dev = skb->dev;
	cell->tos = iph->tos;
	return false;
}

/* Add a packet to @run. The cell's NAPI passes @run up if no other packet does so before. */
static void ipip_cell_add_to_run(struct ipip_cell *cell, struct sk_buff *skb)
{
	list_add_tail(&skb->list, &cell->run);
	WRITE_ONCE(cell->queued, cell->queued + 1);
	if (!cell->run_len++)
		napi_schedule(&cell->napi);
	if (unlikely(cell->run_len == NAPI_POLL_WEIGHT))
		ipip_cell_end_run(cell);
}

/* Pass the inner packet up: through the cell if GRO may merge it, in a list with others of its
 * burst, otherwise at once. A packet that arrives here while another one is being passed up
 * belongs to a nested tunnel: it is queued, which limits the depth of the stack.
 */
static void ipip_rcv_deliver(struct sk_buff *skb)
{
	struct ipip_cell *cell = this_cpu_ptr(ipip_cells);

	if (likely(!cell->nested) && !ipip_rcv_has_to_wait(cell, skb)) {
		if (ipip_cell_is_run(cell, skb)) {
			ipip_cell_add_to_run(cell, skb);
			return;
		}
		ipip_cell_end_run(cell);
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

/* Check whether an SA is one of ESP or AH that belongs to the far end. Without an xfrm
 * interface, the SA's source must be that of the packet. If the far end is behind the host
 * that has the SA, in tunnel mode, an xfrm interface is needed: all of its SAs are accepted.
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

/* Get the xfrm interface that the tunnel is bound to, or NULL. */
static const struct xfrm_if *ipip_rcv_xfrm_if(const struct ipip_parms *parms,
					      struct net *net)
{
	const struct net_device *link;

	if (!parms->key_link)
		return NULL;
	link = dev_get_by_index_rcu(net, parms->key_link);
	return link ? ipip_xfrm_if(link) : NULL;
}

/* Check whether the packet came through an SA of the far end. A packet with the far end's
 * address can come through the SA of any peer: the kernel finds an SA by destination and
 * SPI. In transport mode it compares no source, and in tunnel mode the source only has to
 * match the policy of that peer.
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
		/* In a VRF, skb->dev is the VRF's device. */
		iif = inet_sdif(skb) ?: skb->dev->ifindex;
		if (iif != parms->key_link)
			return false;
		/* If the SAs are in another netns, the interface has checked the policy
		 * there and has removed the secpath.
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
 * ipip_rcv_check_ipsec() - Check the IPsec policy and required IPsec
 * @parms: configuration of the tunnel that the packet belongs to
 * @skb: the packet; its network header is the outer one
 * @saddr: its source
 *
 * Context: softirq, RCU.
 * Return: %IPIP_PASS, or the drop that the host's IPsec policy or the tunnel requires.
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

/* Keepalives are ICMP or IPIP. Data packets rarely have one of the protocols 0 to 4 except
 * ICMP, so one comparison excludes nearly all of them.
 */
static bool ipip_rcv_may_be_keepalive(const struct sk_buff *skb)
{
	const struct iphdr *inner = (const struct iphdr *)skb->data;

	return unlikely(inner->protocol <= IPPROTO_IPIP);
}

/* RFC 6040 section 4.2: combine the ECN field of the outer header with that of
 * the inner one. Returns false if the packet has to be dropped.
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
 * tc, BPF and routes. Returns false if there is no memory.
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

/* Returns 0 if the packet was consumed, or -1 to pass it to another protocol handler. */
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
 * @skb: the packet; data points behind the outer header
 *
 * Decapsulates the packet according to RFC 2003 section 3.1 and RFC 6040 section 4.2.
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
 * @skb: the packet; data points behind the outer header
 *
 * Context: softirq, RCU; the handler of tunnel4 for MPLS.
 * Return: 0 if the packet was consumed, -1 if no tunnel takes it.
 */
int ipip_rcv_mpls(struct sk_buff *skb)
{
	return ipip_decap(skb, IPPROTO_MPLS);
}

/* Maximum number of packets that an error is reported for, because errors can be forged. */
#define IPIP_ERR_MAX	64

/* Have the error reported to the senders of the tunnel's next packets. The sender of the
 * packet at fault can't be told, because the error quotes too little of the inner packet.
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

/* Check whether the error means that the far end is unreachable (RFC 2003 section 4). */
static bool ipip_err_is_fatal(const struct ipip_parms *parms, int type, int code)
{
	if (type == ICMP_DEST_UNREACH)
		return code != ICMP_SR_FAILED;
	/* If the TTL is inherited, the sender of the inner packet chose it. */
	return type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_TTL &&
	       parms->cfg.ttl;
}

/* Update the route that is found with the tunnel's mark. The route's operations look it up
 * once more, with the header, the mark and the device of the packet that they are called
 * with.
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

/* Set a path MTU or another gateway in the route of the quoted outer packet. In external
 * mode the mark was in the metadata of the packet and isn't known any more.
 */
static void ipip_err_update_route(const struct ipip_parms *parms,
				  struct net *net, struct sk_buff *skb,
				  u32 info)
{
	const struct iphdr *outer = (const struct iphdr *)skb->data;
	const int link = parms->cfg.link;

	/* The kernel's functions look the route up without the tunnel's mark. */
	if (parms->cfg.fwmark && parms->cfg.role != IPIP_ROLE_EXTERNAL)
		ipip_err_update_marked(parms, net, skb, info);
	else if (icmp_hdr(skb)->type == ICMP_REDIRECT)
		ipv4_redirect(skb, net, link, outer->protocol);
	else
		ipv4_update_pmtu(skb, net, info, link, outer->protocol);
}

/**
 * ipip_err() - Receive an ICMP error about an outer packet
 * @skb: the error; data points to the quoted outer header
 * @info: the next-hop MTU of a "fragmentation needed", in bytes, host order
 *
 * RFC 2003 section 4: a path MTU is stored in the outer route, and the next inner
 * packet is compared with it; an unreachable far end is reported to the senders of the
 * next inner packets.
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

	/* Outer packets leave inside ESP or AH. A host that quotes one has seen it behind
	 * the end of the far end's SA, and its error returns through an SA of the far end.
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
	/* Next-hop mode: an error about one next hop doesn't concern the others. */
	if (!parms->cfg.remote)
		return -ENOENT;

	ipip_note_error(netdev_priv(parms->dev));
	return 0;
}
