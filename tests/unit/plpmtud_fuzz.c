// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: path MTU discovery with any outcome of its probes, any ICMP errors and any changes of
 * the underlay. The confirmed size must be one that was answered, or be lowered by a smaller
 * underlay.
 */
#include "kernel.h"
#include "if_ipip.h"
#include "ipip_plpmtud.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(const struct ipip_plpmtud *p, unsigned int proven)
{
	if (p->confirmed > p->max || p->confirmed > proven)
		abort();
	if (p->size && (p->size < IPIP_PLPMTUD_MIN || p->size > p->max))
		abort();
	if (p->confirmed && p->confirmed < IPIP_PLPMTUD_MIN)
		abort();
	if (p->state > IPIP_MTU_STATE_UNANSWERED)
		abort();
	if (p->state == IPIP_MTU_STATE_COMPLETE && !p->confirmed)
		abort();
}

/* After any events, a path that carries @mtu from now on must be measured. */
static void settles(struct ipip_plpmtud *p, unsigned int mtu)
{
	unsigned int i, size;

	for (i = 0; i < 2000; i++) {
		size = ipip_plpmtud_timer(p, true);
		while (size && size <= mtu)
			size = ipip_plpmtud_answer(p) ? ipip_plpmtud_timer(p, true) : 0;
	}
	if (p->max >= IPIP_PLPMTUD_MIN && mtu >= IPIP_PLPMTUD_MIN &&
	    p->confirmed != (mtu < p->max ? mtu : p->max)) {
		fprintf(stderr, "%u: confirmed %u of %u, state %u, low %u, high %u, next %u\n",
			mtu, p->confirmed, p->max, p->state, p->low, p->high, p->next);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned int proven = 0, mtu;
	struct ipip_plpmtud p;
	size_t i;

	if (size < 4)
		return 0;
	mtu = data[0] << 8 | data[1];
	ipip_plpmtud_reset(&p, data[2] % 64);
	for (i = 3; i + 2 < size; i += 3) {
		const unsigned int value = data[i + 1] << 8 | data[i + 2];

		switch (data[i] % 6) {
		case 0:
			ipip_plpmtud_set_path(&p, value, value);
			break;
		case 1:
			if (p.max)
				ipip_plpmtud_set_path(&p, p.max, value);
			break;
		case 2:
			ipip_plpmtud_timer(&p, value & 1);
			break;
		case 3:
			ipip_plpmtud_note(&p, value & 1);
			break;
		default:
			if (!p.size)
				ipip_plpmtud_timer(&p, true);
			if (!p.size)
				break;
			if (p.size > proven)
				proven = p.size;
			ipip_plpmtud_answer(&p);
		}
		check(&p, proven);
	}
	settles(&p, mtu);
	return 0;
}
