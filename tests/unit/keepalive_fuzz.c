// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: the parser of keepalive packets. The first 8 bytes are the outer addresses. */
#include "kernel.h"
#include "ipip_keepalive.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum ipip_keepalive_kind kind;
	unsigned int from = 0, to = 0;
	__be32 address[2];
	struct iphdr *iph;
	unsigned int len;
	u8 *packet;

	if (size < sizeof(address) + 1)
		return 0;
	memcpy(address, data, sizeof(address));
	len = size - sizeof(address);
	if (len > IPIP_KEEPALIVE_MAX_LEN)
		len = IPIP_KEEPALIVE_MAX_LEN;
	packet = copy_of(data + sizeof(address), len);
	/* A fuzzer can't find checksums: give every other packet a right one. */
	iph = (struct iphdr *)packet;
	if (address[0] & 1 && len >= sizeof(*iph) && iph->ihl * 4u <= len) {
		iph->check = 0;
		iph->check = ip_fast_csum(packet, iph->ihl);
	}
	kind = ipip_keepalive_classify(packet, len, address[0], address[1],
				       &from, &to);
	if (kind != IPIP_KEEPALIVE_DATA && (from < 20 || from > to || to > len))
		abort();
	if ((kind == IPIP_KEEPALIVE_ANSWER || kind == IPIP_KEEPALIVE_REPLY) &&
	    to - from != sizeof(struct ipip_keepalive_cookie))
		abort();
	if (len >= IPIP_KEEPALIVE_HEAD_LEN) {
		from = 0;
		kind = ipip_keepalive_classify_padded(packet, ntohs(iph->tot_len),
						      address[0], address[1], &from);
		if (kind != IPIP_KEEPALIVE_DATA &&
		    (from < 20 || from + sizeof(struct ipip_keepalive_cookie) >
				  IPIP_KEEPALIVE_HEAD_LEN))
			abort();
	}
	free(packet);
	return 0;
}
