// SPDX-License-Identifier: GPL-2.0
/*
 * An XDP program that forwards packets out of a tunnel or into one. Other packets, and
 * packets that aren't plain, are passed to the stack.
 *
 * It does what RFC 1812 section 5.2 requires of a router: it looks the route up, decrements
 * the TTL, and addresses the frame to the next hop. The driver's functions decide whether a
 * packet may be forwarded here.
 *
 * The kernel finds a device that is in a map at once. For bpf_redirect() it walks a list that
 * has 64 devices if there are 16,384 tunnels.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fib.h"

extern int bpf_ipip_xdp_lookup(struct xdp_md *ctx) __ksym;
extern int bpf_ipip_xdp_decap(struct xdp_md *ctx, __u32 to, _Bool has_mac) __ksym;
extern int bpf_ipip_xdp_encap(struct xdp_md *ctx, __u32 to) __ksym;

/* Devices by index, of which 0 is the receiving device. ipipctl fills it for each device that it
 * attaches the program to; other loaders leave it empty. The kernel removes a device that
 * moves to another netns. So while the receiving device is in the map, all the others are in
 * its netns too. It is a hash table because a device that is added after many tunnels has a large
 * index.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

static __always_inline int send(const struct xdp_md *ctx, __u32 ifindex)
{
	const __u32 receiving = 0, *self = bpf_map_lookup_elem(&devices, &receiving);

	if (self && *self == ctx->ingress_ifindex &&
	    bpf_redirect_map(&devices, ifindex, 0) == XDP_REDIRECT)
		return XDP_REDIRECT;
	return bpf_redirect(ifindex, 0);
}

static __always_inline int to_ethernet(struct xdp_md *ctx, const struct bpf_fib_lookup *fib)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	decrement_ttl(ip);
	__builtin_memcpy(eth->h_dest, fib->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib->smac, ETH_ALEN);
	return send(ctx, fib->ifindex);
}

static __always_inline int to_tunnel(struct xdp_md *ctx, const struct bpf_fib_lookup *fib)
{
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = (void *)(long)ctx->data;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	decrement_ttl(ip);
	return bpf_redirect(fib->ifindex, 0);
}

/* Check whether the route leads to a device. A tunnel has no neighbour before the kernel
 * itself has sent a packet through it.
 */
static __always_inline _Bool is_way(int way)
{
	return way == BPF_FIB_LKUP_RET_SUCCESS || way == BPF_FIB_LKUP_RET_NO_NEIGH;
}

static __always_inline int from_tunnel(struct xdp_md *ctx, const struct iphdr *ip, void *end,
				       __u32 tunnel)
{
	const struct iphdr *inner = ip + 1;
	struct bpf_fib_lookup fib = {};
	int way, done;

	if ((void *)(inner + 1) > end || inner->ttl <= 1)
		return XDP_PASS;
	way = lookup(ctx, inner, tunnel, &fib);
	if (!is_way(way))
		return XDP_PASS;
	done = bpf_ipip_xdp_decap(ctx, fib.ifindex, way == BPF_FIB_LKUP_RET_SUCCESS);
	if (done < 0)
		return XDP_PASS;
	return done ? to_tunnel(ctx, &fib) : to_ethernet(ctx, &fib);
}

SEC("xdp")
int ipip_xdp(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct bpf_fib_lookup fib = {};
	int tunnel, way;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->protocol == IPPROTO_IPIP) {
		tunnel = bpf_ipip_xdp_lookup(ctx);
		if (tunnel > 0)
			return from_tunnel(ctx, ip, end, tunnel);
	}
	if (ip->ttl <= 1)
		return XDP_PASS;
	way = lookup(ctx, ip, ctx->ingress_ifindex, &fib);
	if (!is_way(way) || bpf_ipip_xdp_encap(ctx, fib.ifindex))
		return XDP_PASS;
	return to_tunnel(ctx, &fib);
}

char _license[] SEC("license") = "GPL";
