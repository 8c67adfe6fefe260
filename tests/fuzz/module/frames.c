// SPDX-License-Identifier: GPL-2.0
/*
 * Calls the functions for XDP programs with random frames, and checks what they return.
 *
 * A program that calls them needs BPF's JIT compiler, which User Mode Linux doesn't have. The
 * stress test builds this file into the module instead. Writing "FRAMES SEED VALID" to
 * /sys/module/ipip/parameters/frames runs it in the writer's netns, which is g of
 * tests/fuzz/guest. If VALID is 1, it makes only frames that must be accepted. Reading the
 * parameter returns the counts. A failed check is a kernel warning.
 *
 * Each frame has a buffer of its own that ends where the frame ends, so that KASAN finds
 * each access past the end.
 */
#include <linux/etherdevice.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/prandom.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/netdev_rx_queue.h>
#include <net/xdp.h>

#include "ipip.h"
#include "ipip_xdp.h"

#define FRAMES_BATCH	64	/* frames in one section without softirqs */
#define FRAMES_MAX	256	/* bytes */
#define FRAMES_TUNNELS	21	/* that get frames, from 10.1.0.n to 10.2.0.n */
#define FRAMES_LAST	24	/* number of the last tunnel of tests/fuzz/guest */
#define FRAMES_DEVICES	40	/* indexes of devices that are tried */
#define FRAMES_NEAR	0x0a010000	/* 10.1.0.0 */
#define FRAMES_FAR	0x0a020000	/* 10.2.0.0 */

struct frame {
	struct xdp_buff xdp;
	struct xdp_rxq_info rxq;
	void *data;
	void *data_meta;
	u8 copy[FRAMES_MAX];
	unsigned int len;
};

static DEFINE_RATELIMIT_STATE(frames_reports, HZ, 5);
static struct rnd_state frames_rnd;
static bool frames_valid;
static unsigned long frames_made, frames_found, frames_decapsulated;
static unsigned long frames_encapsulated;

static u32 below(u32 limit)
{
	return prandom_u32_state(&frames_rnd) % limit;
}

static bool one_in(u32 n)
{
	return !below(n);
}

/* For what may make a frame invalid. */
static bool may_spoil(u32 n)
{
	return !frames_valid && one_in(n);
}

static void make_header(struct iphdr *iph, u32 saddr, u32 daddr, u8 protocol,
			unsigned int len)
{
	*(u8 *)iph = 0x45;
	iph->tos = may_spoil(4) ? below(256) : 0;
	iph->tot_len = htons(len);
	iph->frag_off = one_in(2) ? htons(IP_DF) : 0;
	iph->ttl = one_in(4) ? below(256) : 64;
	iph->protocol = protocol;
	iph->saddr = htonl(saddr);
	iph->daddr = htonl(daddr);
}

/* The longest header, of 60 bytes, ends within a frame's copy. */
static void set_checksum(struct iphdr *iph)
{
	iph->check = 0;
	iph->check = ip_fast_csum(iph, max_t(unsigned int, iph->ihl, 5));
}

/* A source that no forwarded packet may have: 10.1.0.1 and 192.168.1.1 are the host's. */
static u32 bad_source(void)
{
	static const u32 sources[] = { 0, 0x7f000001, 0xe0000001, 0xffffffff,
				       0x0a010001, 0xc0a80101 };

	return sources[below(ARRAY_SIZE(sources))];
}

/* Change the headers anywhere, most often so that the checksums are right. */
static void mutate(u8 *data, unsigned int len)
{
	struct iphdr *iph = (struct iphdr *)(data + ETH_HLEN);
	unsigned int i, at;

	for (i = below(4); i; i--) {
		at = below(min(len, 74U));
		data[at] = one_in(2) ? below(256) : data[at] ^ BIT(below(8));
	}
	if (one_in(8))
		iph[below(2)].ihl = 5 + below(11);
	if (one_in(8))
		iph[below(2)].saddr = htonl(bad_source());
	if (one_in(4))
		return;
	set_checksum(iph + 1);
	set_checksum(iph);
}

/* Make a frame that a tunnel can decapsulate, or one that it can encapsulate, and most often
 * change it.
 */
static void make_bytes(u8 *data, unsigned int len, bool is_outer,
		       const struct net_device *dev)
{
	static const u8 protocols[] = { 17, 1, 4, 6, 47, 50 };
	const u8 protocol = protocols[frames_valid ? 0 :
				      below(ARRAY_SIZE(protocols))];
	struct iphdr *iph = (struct iphdr *)(data + ETH_HLEN);
	const u32 n = frames_valid ? 1 : 1 + below(FRAMES_TUNNELS);
	const unsigned int size = len - ETH_HLEN;
	struct ethhdr *eth = (struct ethhdr *)data;

	prandom_bytes_state(&frames_rnd, data, len);
	ether_addr_copy(eth->h_dest, dev->dev_addr);
	eth->h_proto = htons(ETH_P_IP);
	if (is_outer) {
		make_header(iph, FRAMES_FAR + n, FRAMES_NEAR + n, IPPROTO_IPIP,
			    size);
		make_header(iph + 1, 0xac100001 + (n << 8),
			    0xcb007100 + below(256), protocol,
			    size - sizeof(*iph));
		set_checksum(iph + 1);
	} else {
		make_header(iph, FRAMES_NEAR + 256 + below(256),
			    0xac100001 + (n << 8), protocol, size);
	}
	set_checksum(iph);
	if (!frames_valid && !one_in(4))
		mutate(data, len);
}

/* Returns the buffer, or NULL. */
static u8 *make_frame(struct frame *frame, bool is_outer,
		      struct net_device *dev)
{
	const unsigned int headroom = XDP_PACKET_HEADROOM;
	const unsigned int len = ETH_HLEN + 2 * sizeof(struct iphdr) +
				 below(128);
	u8 *buffer;

	make_bytes(frame->copy, len, is_outer, dev);
	frame->len = len;
	if (may_spoil(8))
		frame->len = below(len + 1);
	else if (one_in(8))
		frame->len += below(FRAMES_MAX - len + 1);

	buffer = kmalloc(headroom + frame->len, GFP_ATOMIC);
	if (!buffer)
		return NULL;
	memcpy(buffer + headroom, frame->copy, frame->len);
	frame->rxq = (struct xdp_rxq_info){ .dev = dev };
	xdp_init_buff(&frame->xdp, PAGE_SIZE, may_spoil(16) ?
		      &dev->_rx[0].xdp_rxq : &frame->rxq);
	xdp_prepare_buff(&frame->xdp, buffer, headroom, frame->len,
			 one_in(2));
	if (may_spoil(32))
		xdp_buff_set_frags_flag(&frame->xdp);
	if (may_spoil(32))
		frame->xdp.data_meta = frame->xdp.data - sizeof(u32);
	frame->data = frame->xdp.data;
	frame->data_meta = frame->xdp.data_meta;
	return buffer;
}

/* Report a frame if @is_wrong. @result is what the function returned. Returns @is_wrong. */
static bool report(const struct frame *frame, bool is_wrong, const char *what,
		   int result)
{
	if (likely(!is_wrong))
		return false;
	WARN(__ratelimit(&frames_reports), "frames: %s: %d, %u bytes: %64ph",
	     what, result, frame->len, frame->copy);
	return true;
}

static const struct iphdr *header_of(const struct frame *frame)
{
	return (const struct iphdr *)(frame->copy + ETH_HLEN);
}

static bool is_unchanged(const struct frame *frame)
{
	return frame->xdp.data == frame->data &&
	       frame->xdp.data_end == frame->data + frame->len &&
	       frame->xdp.data_meta == frame->data_meta &&
	       !memcmp(frame->data, frame->copy, frame->len);
}

/* Check that the frame begins @offset bytes later and has @len bytes. */
static bool has_moved(const struct frame *frame, unsigned int offset,
		      unsigned int len)
{
	return frame->xdp.data == frame->data + offset &&
	       frame->xdp.data_meta == frame->data_meta + offset &&
	       frame->xdp.data_end == frame->xdp.data + len;
}

static bool is_plain(const struct iphdr *iph, unsigned int len)
{
	return len >= sizeof(*iph) && *(const u8 *)iph == 0x45 &&
	       ntohs(iph->tot_len) >= sizeof(*iph) &&
	       ntohs(iph->tot_len) <= len &&
	       !ip_fast_csum(iph, sizeof(*iph) / 4);
}

static bool is_for_host_or_group(__be32 addr)
{
	const u32 host = ntohl(addr);

	return ipv4_is_zeronet(addr) || ipv4_is_loopback(addr) ||
	       ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) ||
	       (host > FRAMES_NEAR && host <= FRAMES_NEAR + FRAMES_LAST) ||
	       (host & 0xffff00ff) == 0xc0a80001;
}

static bool is_acceptable(const struct frame *frame)
{
	const struct ethhdr *eth = (const struct ethhdr *)frame->copy;
	const struct iphdr *iph = header_of(frame);

	return frame->len >= ETH_HLEN + sizeof(*iph) &&
	       eth->h_proto == htons(ETH_P_IP) &&
	       ether_addr_equal(eth->h_dest, frame->rxq.dev->dev_addr) &&
	       frame->xdp.rxq == &frame->rxq &&
	       !xdp_buff_has_frags(&frame->xdp) &&
	       frame->data_meta >= frame->data &&
	       is_plain(iph, frame->len - ETH_HLEN) &&
	       !is_for_host_or_group(iph->saddr);
}

/* RFC 6040 section 4.2: check whether the inner ECN field stays as it is, and nothing has to
 * be logged. Each outer field has a mask of inner ones.
 */
static bool keeps_ecn(u8 outer, u8 inner)
{
	static const u8 masks[] = {
		[INET_ECN_NOT_ECT] = 0xf,
		[INET_ECN_ECT_1] = BIT(INET_ECN_ECT_1) | BIT(INET_ECN_CE),
		[INET_ECN_ECT_0] = 0xf & ~BIT(INET_ECN_NOT_ECT),
		[INET_ECN_CE] = 0,
	};

	return masks[outer & INET_ECN_MASK] & BIT(inner & INET_ECN_MASK);
}

/* Check whether tunnel @n may decapsulate the packet: 7 and 8 require IPsec, 10 changes the
 * MSS in a SYN, 11 has no remote, 13 takes MPLS only, and 18 is in external mode.
 */
static bool is_for(u32 n, const struct iphdr *outer)
{
	const struct iphdr *inner = outer + 1;
	const u8 *tcp = (const u8 *)(inner + 1);

	if (!n || n > FRAMES_LAST || n == 7 || n == 8 || n == 13 || n == 18)
		return false;
	if (n != 11 && ntohl(outer->saddr) != FRAMES_FAR + n)
		return false;
	return n != 10 || inner->protocol != IPPROTO_TCP ||
	       ntohs(inner->tot_len) < 40 || !(tcp[13] & 2);
}

static bool is_for_tunnel(const struct frame *frame)
{
	const struct iphdr *outer = header_of(frame);
	const struct iphdr *inner = outer + 1;
	const unsigned int len = ntohs(outer->tot_len) - sizeof(*outer);

	return is_acceptable(frame) && outer->protocol == IPPROTO_IPIP &&
	       !ip_is_fragment(outer) && is_plain(inner, len) &&
	       ntohs(inner->tot_len) == len &&
	       inner->protocol > IPPROTO_IPIP &&
	       !is_for_host_or_group(inner->saddr) &&
	       keeps_ecn(outer->tos, inner->tos) &&
	       is_for(ntohl(outer->daddr) - FRAMES_NEAR, outer);
}

/* Check that the device is the tunnel of the outer header. */
static bool is_its_tunnel(const struct net_device *dev,
			  const struct iphdr *outer)
{
	const struct ipip_tunnel *tunnel;
	const struct ipip_parms *parms;

	if (!dev || !ipip_is_tunnel(dev))
		return false;
	tunnel = netdev_priv(dev);
	parms = rcu_dereference(tunnel->parms);
	return parms->cfg.local == outer->daddr &&
	       (!parms->cfg.remote || parms->cfg.remote == outer->saddr);
}

static void check_refusal(const struct frame *frame, int err)
{
	report(frame, frames_valid, "refused", err);
	report(frame, !is_unchanged(frame), "changed by a refusal", err);
}

/* tunl0 takes what no other tunnel does, so there is always one. */
static void check_no_tunnel(const struct frame *frame, int err)
{
	report(frame, err != -ENOENT && err != -EOPNOTSUPP, "error", err);
	report(frame, err == -ENOENT &&
	       header_of(frame)->protocol == IPPROTO_IPIP, "no tunnel", err);
}

static void try_lookup(struct frame *frame, struct net *net)
{
	const struct iphdr *outer = header_of(frame);
	int err;

	err = bpf_ipip_xdp_lookup((struct xdp_md *)&frame->xdp);
	report(frame, !is_unchanged(frame), "changed by a look-up", err);
	if (err <= 0) {
		check_refusal(frame, err);
		check_no_tunnel(frame, err);
		return;
	}
	frames_found++;
	report(frame, !is_for_tunnel(frame), "found", err);
	report(frame, !is_its_tunnel(dev_get_by_index_rcu(net, err), outer),
	       "found another tunnel", err);
}

static void try_decap(struct frame *frame, const struct net_device *to,
		      u32 ifindex)
{
	unsigned int offset = ETH_HLEN + sizeof(struct iphdr);
	const struct iphdr *inner = header_of(frame) + 1;
	const bool has_mac = one_in(2);
	unsigned int mac_len = 0;
	int err;

	err = bpf_ipip_xdp_decap((struct xdp_md *)&frame->xdp, ifindex,
				 has_mac);
	if (err < 0) {
		check_refusal(frame, err);
		check_no_tunnel(frame, err);
		return;
	}
	frames_decapsulated++;
	report(frame, !to || err != ipip_is_tunnel(to) || (!err && !has_mac),
	       "decapsulated to a device", err);
	if (report(frame, !is_for_tunnel(frame), "decapsulated", err))
		return;
	if (!err) {
		mac_len = ETH_HLEN;
		offset -= ETH_HLEN;
	}
	if (report(frame, !has_moved(frame, offset,
				     mac_len + ntohs(inner->tot_len)),
		   "place of the inner packet", err))
		return;
	report(frame, memcmp(frame->xdp.data, frame->copy, mac_len) ||
	       memcmp(frame->xdp.data + mac_len, inner,
		      ntohs(inner->tot_len)), "inner packet", err);
}

static void try_encap(struct frame *frame, const struct net_device *to,
		      u32 ifindex)
{
	const bool is_tunnel = to && ipip_is_tunnel(to);
	const struct iphdr *iph = header_of(frame);
	int err;

	err = bpf_ipip_xdp_encap((struct xdp_md *)&frame->xdp, ifindex);
	if (err) {
		check_refusal(frame, err);
		report(frame, err != (is_tunnel ? -EOPNOTSUPP : -ENODEV),
		       "error", err);
		return;
	}
	frames_encapsulated++;
	report(frame, !is_tunnel, "encapsulated to a device", err);
	if (report(frame, !is_acceptable(frame), "encapsulated", err) ||
	    report(frame, !has_moved(frame, ETH_HLEN, ntohs(iph->tot_len)),
		   "place of the packet", err))
		return;
	report(frame, memcmp(frame->xdp.data, iph, ntohs(iph->tot_len)),
	       "packet", err);
}

static void try_frame(struct frame *frame, struct net_device *dev)
{
	const bool is_outer = !one_in(3);
	const struct net_device *to;
	u32 ifindex;
	u8 *buffer;

	if (frames_valid) {
		to = dev_get_by_name_rcu(dev_net(dev), "t1");
		ifindex = to->ifindex;
	} else {
		ifindex = below(FRAMES_DEVICES);
		to = dev_get_by_index_rcu(dev_net(dev), ifindex);
	}
	buffer = make_frame(frame, is_outer, dev);
	if (!buffer)
		return;
	frames_made++;
	/* Each function also gets the frames that aren't meant for it. */
	if (may_spoil(8) ? one_in(2) : !is_outer)
		try_encap(frame, to, ifindex);
	else if (one_in(3))
		try_lookup(frame, dev_net(dev));
	else
		try_decap(frame, to, ifindex);
	kfree(buffer);
}

static int frames_run(unsigned long frames, struct net *net)
{
	struct net_device *dev;
	struct frame *frame;
	int i, err = 0;

	frame = kzalloc(sizeof(*frame), GFP_KERNEL);
	if (!frame)
		return -ENOMEM;
	while (frames && !err) {
		local_bh_disable();
		rcu_read_lock();
		dev = dev_get_by_name_rcu(net, "wan");
		if (!dev || !dev_get_by_name_rcu(net, "t1"))
			err = -ENODEV;
		for (i = 0; !err && frames && i < FRAMES_BATCH; i++, frames--)
			try_frame(frame, dev);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
	kfree(frame);
	return err;
}

static int frames_set(const char *value, const struct kernel_param *kp)
{
	unsigned long frames;
	int valid;
	u64 seed;

	if (sscanf(value, "%lu %llu %d", &frames, &seed, &valid) != 3)
		return -EINVAL;
	prandom_seed_state(&frames_rnd, seed);
	frames_valid = valid;
	return frames_run(frames, current->nsproxy->net_ns);
}

static int frames_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer,
			  "frames=%lu\nfound=%lu\ndecapsulated=%lu\nencapsulated=%lu\n",
			  frames_made, frames_found, frames_decapsulated,
			  frames_encapsulated);
}

static const struct kernel_param_ops frames_ops = {
	.set = frames_set,
	.get = frames_get,
};
module_param_cb(frames, &frames_ops, NULL, 0600);
