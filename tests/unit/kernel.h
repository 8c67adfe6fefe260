/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Definitions of the kernel that the module's parsers need in user space, and functions that
 * the unit tests share.
 */
#ifndef _KERNEL_H
#define _KERNEL_H

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define IPVERSION	4
#define U8_MAX		255
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define __packed	__attribute__((__packed__))
#define __aligned(x)	__attribute__((__aligned__(x)))

static inline uint16_t ip_fast_csum(const void *data, unsigned int words)
{
	const u8 *p = data;
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < words * 4; i += 2)
		sum += p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return htons(~sum & 0xffff);
}

/* A copy in memory of exactly this size, so that AddressSanitizer reports a read beyond it. */
static inline u8 *copy_of(const void *data, size_t len)
{
	u8 *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	return copy;
}

#endif /* _KERNEL_H */
