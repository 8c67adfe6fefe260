/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel injects no faults into allocations of per-CPU memory: one of slab's, which it
 * does, decides. Included before all else of the module by the part "faults".
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
