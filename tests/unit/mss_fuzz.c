// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: whether a packet may be a SYN, and the search in TCP's options. */
#include <linux/tcp.h>
#include "kernel.h"
#include "ipip_mss.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A packet of which only the first @size bytes are linear, 20 at least. */
static void check_syn(const u8 *data, size_t size)
{
	const struct iphdr *iph = (const struct iphdr *)data;
	u8 *packet;
	bool syn;

	if (size < sizeof(*iph))
		return;
	packet = copy_of(data, size);
	iph = (const struct iphdr *)packet;
	syn = ipip_mss_may_be_syn(packet, size);
	if (syn && iph->protocol != IPPROTO_TCP)
		abort();
	/* A SYN with complete headers must be recognized. */
	if (!syn && iph->protocol == IPPROTO_TCP && iph->ihl >= 5 &&
	    size >= iph->ihl * 4 + sizeof(struct tcphdr) &&
	    ((const struct tcphdr *)(packet + iph->ihl * 4))->syn)
		abort();
	free(packet);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const unsigned int len = size < 40 ? size : 40;
	u8 *options = copy_of(data, len);
	bool has_ao;
	int at = ipip_mss_find(options, len, &has_ao);

	check_syn(data, size);
	if (at != -1 && (at < 2 || at + 2 > (int)len || options[at - 2] != 2 ||
			 options[at - 1] != 4))
		abort();
	if (has_ao && !memchr(options, 29, len))
		abort();
	free(options);
	return 0;
}
