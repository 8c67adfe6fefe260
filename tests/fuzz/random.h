/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for the fuzzers. The same seed gives the same run.
 */
#ifndef _TESTS_FUZZ_RANDOM_H
#define _TESTS_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static uint64_t random_state;

static void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
}

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

/* 0 to @n - 1 */
static unsigned int random_below(unsigned int n)
{
	return (random_u64() >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !random_below(n);
}

/* A value at which parsers often fail, or any value. */
static uint64_t random_edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 19, 20, 21, 39, 40, 41, 67, 68, 127, 128,
		129, 255, 256, 1479, 1480, 1499, 1500, 0x7fff, 0x8000, 0xffff,
		0x10000, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX,
	};

	if (one_in(4))
		return random_u64();
	return edges[random_below(sizeof(edges) / sizeof(edges[0]))];
}

static void random_bytes(void *data, size_t len)
{
	unsigned char *p = data;

	while (len--)
		*p++ = random_u64() >> 56;
}

#endif /* _TESTS_FUZZ_RANDOM_H */
