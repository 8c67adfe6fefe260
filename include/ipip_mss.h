/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The walk over TCP's options. It eats bytes from strangers, and has nothing to
 * do with the kernel, so that tests/unit can build it as it is.
 */
#ifndef _IPIP_MSS_H
#define _IPIP_MSS_H

#define IPIP_TCPOPT_EOL		0
#define IPIP_TCPOPT_NOP		1
#define IPIP_TCPOPT_MSS		2
#define IPIP_TCPOLEN_MSS	4

/**
 * ipip_mss_find() - Find the maximum segment size among TCP's options
 * @options: the options, as they are behind TCP's header of 20 bytes
 * @len: bytes in @options, 0 to 40
 *
 * RFC 9293 section 3.1. A list that is not well-formed has no MSS that a
 * receiver could be relied on to read as we do.
 *
 * Return: offset in @options of the MSS' two bytes, which may be odd; -1 if
 * there is none, or two, or an option is cut off or has an impossible length.
 */
static inline int ipip_mss_find(const u8 *options, unsigned int len)
{
	unsigned int i = 0, size;
	int found = -1;

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
		i += size;
	}
	return found;
}

#endif /* _IPIP_MSS_H */
