/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel doesn't inject faults into per-CPU allocations. So a slab allocation, into which it
 * does, decides whether one fails. The part "faults" includes this before all other headers of
 * the module.
 */
#include <linux/percpu.h>
#include <linux/slab.h>

static inline bool percpu_fails(void)
{
	void *p = kmalloc(1, GFP_KERNEL);

	kfree(p);
	return !p;
}

#define pcpu_alloc_noprof(size, align, reserved, gfp) \
	(percpu_fails() ? NULL : pcpu_alloc_noprof(size, align, reserved, gfp))
