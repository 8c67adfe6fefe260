// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: the walk over TCP's options. */
#include "kernel.h"
#include "ipip_mss.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const unsigned int len = size < 40 ? size : 40;
	u8 *options = copy_of(data, len);
	int at = ipip_mss_find(options, len);

	if (at != -1 && (at < 2 || at + 2 > (int)len || options[at - 2] != 2 ||
			 options[at - 1] != 4))
		abort();
	free(options);
	return 0;
}
