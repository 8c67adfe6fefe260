// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: lower the maximum segment size that a TCP SYN announces, so that
 * segments fit into the tunnel even where path MTU discovery doesn't work.
 *
 * This runs with softirqs off, on inner packets with skb->data at the IPv4 header.
 */
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/swab.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "ipip.h"
#include "ipip_mss.h"

/* Make the IPv4 and the TCP header of a SYN linear (RFC 9293 section 3.1), and return
 * their length, or 0 if the packet isn't a well-formed SYN with options.
 */
static unsigned int ipip_mss_syn_len(struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct tcphdr *th;
	unsigned int hlen, len;

	if (iph->protocol != IPPROTO_TCP || iph->frag_off & htons(IP_OFFSET))
		return 0;
	hlen = iph->ihl * 4;
	if (iph->version != IPVERSION || hlen < sizeof(*iph))
		return 0;
	if (!pskb_may_pull(skb, hlen + sizeof(*th)))
		return 0;

	th = (const struct tcphdr *)(skb->data + hlen);
	if (!th->syn || th->doff * 4 <= sizeof(*th))
		return 0;
	len = hlen + th->doff * 4;
	iph = (const struct iphdr *)skb->data;
	if (ntohs(iph->tot_len) < len || !pskb_may_pull(skb, len))
		return 0;
	return len;
}

/**
 * ipip_mss_clamp() - Lower the MSS of a SYN to what a tunnel can carry
 * @dev: the tunnel's device
 * @skb: inner IPv4 packet for which ipip_mss_may_be_syn() is true; skb->data points
 *	to its header, of which 20 bytes are linear. May be reallocated
 * @mtu: largest inner packet, in bytes
 * @clamped: counter to use if the MSS was lowered
 *
 * RFC 9293 section 3.7.1: the MSS includes neither the 20 bytes each of the IPv4 and TCP
 * headers, nor options. It is never raised. A packet that isn't a well-formed SYN isn't
 * changed. Neither is a SYN with TCP-AO (RFC 5925), because the receiver drops a SYN whose
 * options have changed; it is counted if its MSS is too large.
 *
 * Context: softirqs off.
 * Return: false if there is no memory to change a SYN whose MSS has to be lowered.
 */
bool ipip_mss_clamp(struct net_device *dev, struct sk_buff *skb,
		    unsigned int mtu, enum ipip_xstats clamped)
{
	const unsigned int bound = mtu - sizeof(struct iphdr) -
				   sizeof(struct tcphdr);
	unsigned int len, hlen;
	struct tcphdr *th;
	__be16 old, new;
	bool has_ao;
	int offset;
	u8 *mss;

	len = ipip_mss_syn_len(skb);
	if (!len)
		return true;
	hlen = ((const struct iphdr *)skb->data)->ihl * 4;
	offset = ipip_mss_find(skb->data + hlen + sizeof(*th),
			       len - hlen - sizeof(*th), &has_ao);
	if (offset < 0)
		return true;
	offset += hlen + sizeof(*th);
	if (get_unaligned_be16(skb->data + offset) <= bound)
		return true;
	if (has_ao) {
		ipip_count(dev, IFLA_IPIP_XSTATS_MSS_TCP_AO);
		return true;
	}
	if (skb_ensure_writable(skb, len))
		return false;

	mss = skb->data + offset;
	old = get_unaligned((__be16 *)mss);
	new = htons(bound);
	put_unaligned(new, (__be16 *)mss);
	/* The 16-bit words of the checksum begin with the TCP header. At an odd offset the
	 * MSS spans two of them, and its bytes are swapped in the sum.
	 */
	if ((offset - hlen) & 1) {
		old = (__force __be16)swab16((__force u16)old);
		new = (__force __be16)swab16((__force u16)new);
	}
	th = (struct tcphdr *)(skb->data + hlen);
	inet_proto_csum_replace2(&th->check, skb, old, new, false);
	ipip_count(dev, clamped);
	return true;
}
