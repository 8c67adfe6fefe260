/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What keepalives look like, and how to tell them from data. This reads bytes from
 * strangers, and needs nothing of the kernel, so that tests/unit builds it as it is.
 *
 * The probe of the cookie mode, from L to R, has four parts:
 *
 *	IP L -> R, protocol 4		carries it to the far end
 *	IP R -> L, protocol 4		makes the far end send back what follows
 *	IP 0.0.0.0 -> 0.0.0.0,
 *	   protocol 1			that no host accepts or forwards
 *	struct ipip_keepalive_cookie	says that it is ours
 *
 * The answer is the probe without the first part. In the ICMP mode an echo request
 * carries the cookie.
 *
 * Probes that measure the path's MTU look the same, with another mark in the cookie and
 * zeros behind it, up to the size that is measured. See ipip_probe.c.
 */
#ifndef _IPIP_KEEPALIVE_H
#define _IPIP_KEEPALIVE_H

/* A longer packet is data, or padded. The bound keeps short what is sent back of a forged
 * probe: of a padded one nothing but the cookie is.
 */
#define IPIP_KEEPALIVE_MAX_LEN	128

#define IPIP_KEEPALIVE_MAGIC	0x49504950	/* "IPIP" */
#define IPIP_KEEPALIVE_MAGIC_MTU 0x49504d54	/* "IPMT" */

/* More fragments, or not the first one. */
#define IPIP_KEEPALIVE_FRAGMENT	0x3fff

/**
 * struct ipip_keepalive_cookie - the end of each probe
 * @magic: %IPIP_KEEPALIVE_MAGIC, or %IPIP_KEEPALIVE_MAGIC_MTU in a probe that measures
 * @seq: number of the probe
 * @time: nanoseconds on the sender's clock
 * @hash: SipHash of @seq, the size that is measured and @time, with the tunnel's key
 *
 * A received one is aligned as IP's header is, to 4 bytes.
 */
struct ipip_keepalive_cookie {
	__be32 magic;
	__be32 seq;
	__be64 time;
	__be64 hash;
} __packed __aligned(4);

/**
 * enum ipip_keepalive_kind - what an inner packet is to keepalive
 * @IPIP_KEEPALIVE_DATA: none
 * @IPIP_KEEPALIVE_PROBE: the far end asks: send back what the packet carries
 * @IPIP_KEEPALIVE_ANSWER: carries a cookie
 * @IPIP_KEEPALIVE_REPLY: an ICMP echo reply that carries a cookie
 */
enum ipip_keepalive_kind {
	IPIP_KEEPALIVE_DATA,
	IPIP_KEEPALIVE_PROBE,
	IPIP_KEEPALIVE_ANSWER,
	IPIP_KEEPALIVE_REPLY,
};

/* Length of the IPv4 header of a packet that isn't a fragment, and of which @len bytes
 * are there. 0 if the header isn't well-formed, or if the packet is longer than @total bytes.
 */
static inline unsigned int ipip_keepalive_hlen(const u8 *data, unsigned int len,
					       unsigned int total)
{
	const struct iphdr *iph = (const struct iphdr *)data;
	unsigned int hlen, tot_len;

	if (len < sizeof(*iph) || iph->version != IPVERSION)
		return 0;
	hlen = iph->ihl * 4;
	tot_len = ntohs(iph->tot_len);
	if (hlen < sizeof(*iph) || hlen > len || tot_len < hlen ||
	    tot_len > total)
		return 0;
	if (iph->frag_off & htons(IPIP_KEEPALIVE_FRAGMENT))
		return 0;
	return ip_fast_csum(data, iph->ihl) ? 0 : hlen;
}

/* Is it the last header before a cookie? Its protocol is one that receive looks at, and
 * packet analyzers show as an unknown kind of ICMP. In 0.1 it was 4, which made them
 * complain of a truncated packet, because the cookie is no header.
 */
static inline bool ipip_keepalive_is_nobodys(const struct iphdr *iph)
{
	return !iph->saddr && !iph->daddr &&
	       (iph->protocol == IPPROTO_ICMP || iph->protocol == IPPROTO_IPIP);
}

static inline bool ipip_keepalive_is_cookie(const u8 *data, unsigned int len)
{
	const struct ipip_keepalive_cookie *cookie = (const void *)data;

	return len == sizeof(*cookie) &&
	       (cookie->magic == htonl(IPIP_KEEPALIVE_MAGIC) ||
		cookie->magic == htonl(IPIP_KEEPALIVE_MAGIC_MTU));
}

/**
 * ipip_keepalive_classify() - Tell a keepalive from data
 * @data: inner packet, aligned to 4 bytes
 * @len: its length in bytes, 1 to %IPIP_KEEPALIVE_MAX_LEN
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 * @offset: set to where the part that counts begins: what is to be sent back, or
 *	the cookie
 * @end: set to where that ends
 *
 * A probe is a packet that is to go back to the far end: its source is @local, or
 * its destination is @remote. One of the two is enough, because a far end behind a
 * NAT doesn't know its own address, and one in front of a NAT not ours. As data,
 * either would go in circles.
 *
 * Return: what it is. A cookie has not been verified.
 */
static inline enum ipip_keepalive_kind
ipip_keepalive_classify(const u8 *data, unsigned int len, __be32 local,
			__be32 remote, unsigned int *offset, unsigned int *end)
{
	const unsigned int hlen = ipip_keepalive_hlen(data, len, len);
	const struct iphdr *iph = (const struct iphdr *)data;
	const struct icmphdr *icmp;

	if (!hlen)
		return IPIP_KEEPALIVE_DATA;

	*offset = hlen;
	*end = ntohs(iph->tot_len);
	if (ipip_keepalive_is_nobodys(iph) &&
	    ipip_keepalive_is_cookie(data + hlen, *end - hlen))
		return IPIP_KEEPALIVE_ANSWER;
	if (iph->protocol == IPPROTO_ICMP) {
		icmp = (const struct icmphdr *)(data + hlen);
		*offset += sizeof(*icmp);
		if (*end <= *offset || icmp->type != ICMP_ECHOREPLY ||
		    !ipip_keepalive_is_cookie(data + *offset, *end - *offset))
			return IPIP_KEEPALIVE_DATA;
		return IPIP_KEEPALIVE_REPLY;
	}
	if (iph->protocol != IPPROTO_IPIP)
		return IPIP_KEEPALIVE_DATA;
	if (iph->saddr == local || iph->daddr == remote)
		return IPIP_KEEPALIVE_PROBE;
	return IPIP_KEEPALIVE_DATA;
}

/* What has to be there of a padded packet. */
#define IPIP_KEEPALIVE_HEAD_LEN	(2 * sizeof(struct iphdr) + \
				 sizeof(struct ipip_keepalive_cookie))

/* Is there a header at @data that says nothing of options, and no more and no less than
 * @total bytes?
 */
static inline bool ipip_keepalive_is_plain(const u8 *data, unsigned int len,
					   unsigned int total)
{
	const struct iphdr *iph = (const struct iphdr *)data;

	return ipip_keepalive_hlen(data, len, total) == sizeof(*iph) &&
	       ntohs(iph->tot_len) == total;
}

static inline bool ipip_keepalive_measures(const u8 *data)
{
	const struct ipip_keepalive_cookie *cookie = (const void *)data;

	return cookie->magic == htonl(IPIP_KEEPALIVE_MAGIC_MTU);
}

/**
 * ipip_keepalive_classify_padded() - Tell a probe that measures from data
 * @data: the first %IPIP_KEEPALIVE_HEAD_LEN bytes of the inner packet, aligned to 4
 * @total: the packet's length in bytes, more than %IPIP_KEEPALIVE_MAX_LEN
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 * @offset: set to where the cookie begins
 *
 * Unlike a short probe, which Cisco or RouterOS may have sent, a padded one is one of this
 * driver's, and complete, or else data.
 *
 * Return: what it is. A cookie has not been verified.
 */
static inline enum ipip_keepalive_kind
ipip_keepalive_classify_padded(const u8 *data, unsigned int total, __be32 local,
			       __be32 remote, unsigned int *offset)
{
	const struct iphdr *iph = (const struct iphdr *)data;
	const struct iphdr *inner = iph + 1;
	const struct icmphdr *icmp = (const struct icmphdr *)(iph + 1);

	if (!ipip_keepalive_is_plain(data, IPIP_KEEPALIVE_HEAD_LEN, total))
		return IPIP_KEEPALIVE_DATA;

	*offset = sizeof(*iph);
	if (iph->protocol == IPPROTO_ICMP && ipip_keepalive_is_nobodys(iph))
		return ipip_keepalive_measures(data + *offset) ?
		       IPIP_KEEPALIVE_ANSWER : IPIP_KEEPALIVE_DATA;
	if (iph->protocol == IPPROTO_ICMP) {
		*offset += sizeof(*icmp);
		return icmp->type == ICMP_ECHOREPLY &&
		       ipip_keepalive_measures(data + *offset) ?
		       IPIP_KEEPALIVE_REPLY : IPIP_KEEPALIVE_DATA;
	}

	*offset += sizeof(*inner);
	if (iph->protocol == IPPROTO_IPIP &&
	    (iph->saddr == local || iph->daddr == remote) &&
	    ipip_keepalive_is_plain((const u8 *)inner, IPIP_KEEPALIVE_HEAD_LEN -
				    sizeof(*iph), total - sizeof(*iph)) &&
	    inner->protocol == IPPROTO_ICMP &&
	    ipip_keepalive_is_nobodys(inner) &&
	    ipip_keepalive_measures(data + *offset))
		return IPIP_KEEPALIVE_PROBE;
	return IPIP_KEEPALIVE_DATA;
}

#endif /* _IPIP_KEEPALIVE_H */
