/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTAP_H
#define _KTAP_H

#include <stdbool.h>
#include <stdio.h>

static int ktap_n, ktap_failed;

static inline void ktap(bool passed, const char *name)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++ktap_n, name);
	ktap_failed += !passed;
}

static inline int ktap_end(void)
{
	printf("1..%d\n", ktap_n);
	return ktap_failed ? 1 : 0;
}

#endif /* _KTAP_H */
