/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which packets may be a SYN, and the walk over TCP's options. Both read bytes from
 * strangers, and need nothing of the kernel, so that tests/unit builds them as
 * they are.
 */
#ifndef _IPIP_MSS_H
#define _IPIP_MSS_H

#define IPIP_TCPOPT_EOL		0
#define IPIP_TCPOPT_NOP		1
#define IPIP_TCPOPT_MSS		2
#define IPIP_TCPOPT_AO		29
#define IPIP_TCPOLEN_MSS	4

/* The byte of TCP's header that has the flags, and the flag SYN in it. */
#define IPIP_TCP_FLAGS		13
#define IPIP_TCP_FLAG_SYN	0x02

/**
 * ipip_mss_may_be_syn() - Can a packet be a SYN?
 * @data: inner packet, at its IPv4 header
 * @len: bytes in @data, 20 or more; the packet may go on elsewhere
 *
 * This is the cheap half of ipip_mss_clamp(), for each packet of a tunnel that
 * clamps. Whether the headers are well-formed is left to the other half.
 *
 * Return: false if it is anything but a SYN. True for a SYN, and for TCP whose
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
 * ipip_mss_find() - Find the maximum segment size among TCP's options
 * @options: the options, as they are behind TCP's header of 20 bytes
 * @len: bytes in @options, 0 to 40
 * @has_ao: set to whether TCP-AO is among the options; of any length, for only
 *	its receiver knows what it makes of a wrong one
 *
 * RFC 9293 section 3.1. A list that is not well-formed has no MSS that a
 * receiver could be relied on to read as we do.
 *
 * TCP-AO (RFC 5925 section 5.1) signs the other options unless both ends have
 * agreed that it doesn't, which nobody in between can see. TCP-MD5 (RFC 2385
 * section 2.0) signs no options.
 *
 * Return: offset in @options of the MSS' two bytes, which may be odd; -1 if
 * there is none, or two, or an option is cut off or has an impossible length.
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
