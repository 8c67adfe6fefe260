/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The format of keepalives, and how they are told from data. This code parses bytes from
 * the network. It doesn't use the kernel, so that tests/unit can build it unchanged.
 *
 * The probe of the cookie mode, from L to R, has four parts:
 *
 *	IP L -> R, protocol 4		carries it to the far end
 *	IP R -> L, protocol 4		makes the far end send the rest back
 *	IP 0.0.0.0 -> 0.0.0.0,
 *	   protocol 1			no host accepts or forwards it
 *	struct ipip_keepalive_cookie	identifies the probe
 *
 * The answer is the probe without the first part. In mode icmp an echo request carries
 * the cookie.
 *
 * Probes that measure the path MTU look the same, with another magic number in the cookie,
 * and zeros after it up to the size under test. See ipip_probe.c.
 */
#ifndef _IPIP_KEEPALIVE_H
#define _IPIP_KEEPALIVE_H

/* A longer packet is data or a padded probe. The limit keeps answers to forged probes short:
 * of a padded probe only the cookie is sent back.
 */
#define IPIP_KEEPALIVE_MAX_LEN	128

#define IPIP_KEEPALIVE_MAGIC	0x49504950	/* "IPIP" */
#define IPIP_KEEPALIVE_MAGIC_MTU 0x49504d54	/* "IPMT" */

/* The bits of frag_off that a fragment has. */
#define IPIP_KEEPALIVE_FRAGMENT	0x3fff

/**
 * struct ipip_keepalive_cookie - the end of each probe
 * @magic: %IPIP_KEEPALIVE_MAGIC, or %IPIP_KEEPALIVE_MAGIC_MTU in a probe that measures
 * @seq: number of the probe
 * @time: nanoseconds on the sender's clock
 * @hash: SipHash of @seq, the size under test and @time, with the tunnel's key
 *
 * In a received packet it is aligned to 4 bytes, like the IP header.
 */
struct ipip_keepalive_cookie {
	__be32 magic;
	__be32 seq;
	__be64 time;
	__be64 hash;
} __packed __aligned(4);

/**
 * enum ipip_keepalive_kind - classification of an inner packet
 * @IPIP_KEEPALIVE_DATA: not a keepalive
 * @IPIP_KEEPALIVE_PROBE: a probe of the far end, whose content is to be sent back
 * @IPIP_KEEPALIVE_ANSWER: an answer with a cookie
 * @IPIP_KEEPALIVE_REPLY: an ICMP echo reply with a cookie
 */
enum ipip_keepalive_kind {
	IPIP_KEEPALIVE_DATA,
	IPIP_KEEPALIVE_PROBE,
	IPIP_KEEPALIVE_ANSWER,
	IPIP_KEEPALIVE_REPLY,
};

/* Get the length of the IPv4 header of a packet with @len available bytes. Returns 0 if the
 * packet is a fragment, if the header isn't valid, or if the packet is longer than @total
 * bytes.
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

/* Check for the last header before a cookie. Its protocol is one of those that the receive
 * path checks, and packet analyzers show it as an unknown type of ICMP. In version 0.1 it
 * was 4, and they complained of a truncated packet, because a cookie isn't a header.
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
 * @offset: set to the begin of the relevant part: the content to send back, or the
 *	cookie
 * @end: set to the end of that part
 *
 * A probe is a packet that would be routed back to the far end: its source is @local, or
 * its destination is @remote. One of the two suffices, because a far end behind a NAT
 * doesn't know its own public address, and one in front of a NAT doesn't know the private
 * address of this end. As data, either packet would go in circles.
 *
 * Return: the kind of the packet. A cookie isn't verified.
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

/* Number of bytes that ipip_keepalive_classify_padded() needs. */
#define IPIP_KEEPALIVE_HEAD_LEN	(2 * sizeof(struct iphdr) + \
				 sizeof(struct ipip_keepalive_cookie))

/* Check for a header without options at @data, whose packet has exactly @total bytes. */
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
 * ipip_keepalive_classify_padded() - Tell a padded probe or its answer from data
 * @data: the first %IPIP_KEEPALIVE_HEAD_LEN bytes of the inner packet, aligned to 4
 * @total: the packet's length in bytes, more than %IPIP_KEEPALIVE_MAX_LEN
 * @local: destination of the outer packet
 * @remote: source of the outer packet
 * @offset: set to the begin of the cookie
 *
 * A short probe may come from Cisco or RouterOS. A padded probe can only come from this
 * driver, so a packet that isn't complete and exactly of its format is data.
 *
 * Return: the kind of the packet. A cookie isn't verified.
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
