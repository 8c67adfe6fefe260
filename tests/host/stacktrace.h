/* SPDX-License-Identifier: GPL-2.0 */
/* User Mode Linux asks for each word on the stack whether it is an address of code, of all
 * modules, too; then a stack trace has those on the chain of frames alone. KASAN wants one
 * for each allocation: half of a processor's time. Included before all else of the kernel's
 * stacktrace.c, so that it asks for those alone.
 */
#include <linux/kernel.h>

#define __kernel_text_address(addr) \
	((unsigned long)sp == bp + sizeof(long) && __kernel_text_address(addr))
