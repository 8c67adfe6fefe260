/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a router does to each packet, for XDP programs: look the route up, and decrement
 * the TTL (RFC 1812 section 5.2).
 */
#ifndef _IPIP_FIB_H
#define _IPIP_FIB_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef AF_INET
#define AF_INET		2
#endif

/* Look up the route of a packet received by @iif with bpf_fib_lookup(). */
static __always_inline int lookup(struct xdp_md *ctx, const struct iphdr *ip, __u32 iif,
				  struct bpf_fib_lookup *fib)
{
	fib->family = AF_INET;
	fib->tos = ip->tos & 0xfc;
	fib->l4_protocol = ip->protocol;
	fib->tot_len = bpf_ntohs(ip->tot_len);
	fib->ipv4_src = ip->saddr;
	fib->ipv4_dst = ip->daddr;
	fib->ifindex = iif;
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

/* RFC 1624: the checksum increases by the same amount by which the word of the TTL decreases. */
static __always_inline void decrement_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
}

#endif /* _IPIP_FIB_H */
