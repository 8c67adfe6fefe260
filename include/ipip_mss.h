/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A check for packets that may be a SYN, and the parser of TCP options. Both read bytes
 * from the network. They don't use the kernel, so that tests/unit can build them unchanged.
 */
#ifndef _IPIP_MSS_H
#define _IPIP_MSS_H

#define IPIP_TCPOPT_EOL		0
#define IPIP_TCPOPT_NOP		1
#define IPIP_TCPOPT_MSS		2
#define IPIP_TCPOPT_AO		29
#define IPIP_TCPOLEN_MSS	4

/* The byte of the TCP header that has the flags, and the flag SYN in it. */
#define IPIP_TCP_FLAGS		13
#define IPIP_TCP_FLAG_SYN	0x02

/**
 * ipip_mss_may_be_syn() - Check whether a packet can be a SYN
 * @data: inner packet, beginning with its IPv4 header
 * @len: bytes in @data, 20 or more; the packet may be longer
 *
 * This is the cheap check for each packet of a tunnel that clamps. ipip_mss_clamp() checks
 * whether the headers are well-formed.
 *
 * Return: false if the packet isn't a SYN. True for a SYN, and for a TCP packet whose
 * flags are beyond @len.
 */
static inline bool ipip_mss_may_be_syn(const u8 *data, unsigned int len)
{
	const struct iphdr *iph = (const struct iphdr *)data;
	const unsigned int flags = iph->ihl * 4 + IPIP_TCP_FLAGS;

	if (iph->protocol != IPPROTO_TCP)
		return false;
	return unlikely(flags >= len || data[flags] & IPIP_TCP_FLAG_SYN);
}

/**
 * ipip_mss_find() - Find the maximum segment size among TCP options
 * @options: the options, which follow the 20 bytes of the TCP header
 * @len: bytes in @options, 0 to 40
 * @has_ao: set to whether there is a TCP-AO option. Its length isn't checked, because
 *	the receiver may accept it in any case
 *
 * RFC 9293 section 3.1. If the list isn't well-formed, a receiver may parse it
 * differently, so no MSS is returned.
 *
 * TCP-AO (RFC 5925 section 5.1) signs the other options, unless both ends have
 * agreed otherwise, which a router can't see. TCP-MD5 (RFC 2385 section 2.0) doesn't sign
 * options.
 *
 * Return: offset in @options of the two bytes of the MSS, which may be odd; -1 if
 * there is none, or two, or if an option is truncated or has an impossible length.
 */
static inline int ipip_mss_find(const u8 *options, unsigned int len,
				bool *has_ao)
{
	unsigned int i = 0, size;
	int found = -1;

	*has_ao = false;
	while (i < len && options[i] != IPIP_TCPOPT_EOL) {
		if (options[i] == IPIP_TCPOPT_NOP) {
			i++;
			continue;
		}
		if (len - i < 2)
			return -1;
		size = options[i + 1];
		if (size < 2 || size > len - i)
			return -1;
		if (options[i] == IPIP_TCPOPT_MSS) {
			if (size != IPIP_TCPOLEN_MSS || found >= 0)
				return -1;
			found = i + 2;
		}
		if (options[i] == IPIP_TCPOPT_AO)
			*has_ao = true;
		i += size;
	}
	return found;
}

#endif /* _IPIP_MSS_H */
