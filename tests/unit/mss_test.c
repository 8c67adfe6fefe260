// SPDX-License-Identifier: GPL-2.0
/*
 * Which packets may be a SYN; and the search in TCP's options, by a table and by comparison with a
 * second, simple implementation on random lists.
 */
#include <linux/tcp.h>
#include "kernel.h"
#include "ktap.h"
#include "ipip_mss.h"

#define OPTIONS(...)	.options = { __VA_ARGS__ }, \
			.len = sizeof((u8[]){ __VA_ARGS__ })

static const struct {
	const char *name;
	u8 options[40];
	unsigned int len;
	int want;
	bool ao;
} table[] = {
	{ "no options", .len = 0, .want = -1 },
	{ "MSS alone", OPTIONS(2, 4, 5, 180), 2 },
	{ "after a NOP, at an odd place", OPTIONS(1, 2, 4, 5, 180), 3 },
	{ "after window scale", OPTIONS(3, 3, 7, 2, 4, 5, 180), 5 },
	{ "the options that Linux sends", OPTIONS(2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 0, 0,
				      0, 0, 0, 1, 3, 3, 7), 2 },
	{ "after the end of the list", OPTIONS(0, 2, 4, 5, 180), -1 },
	{ "before the end of the list", OPTIONS(2, 4, 5, 180, 0, 9), 2 },
	{ "twice", OPTIONS(2, 4, 5, 180, 2, 4, 5, 180), -1 },
	{ "twice, once after the end", OPTIONS(2, 4, 5, 180, 0, 2, 4, 1, 1), 2 },
	{ "length 0", OPTIONS(2, 0, 5, 180), -1 },
	{ "length 1", OPTIONS(2, 1, 5, 180), -1 },
	{ "length 2", OPTIONS(2, 2, 5, 180), -1 },
	{ "length 3", OPTIONS(2, 3, 5, 1), -1 },
	{ "length 5", OPTIONS(2, 5, 5, 180, 0), -1 },
	{ "length 6, twice as long", OPTIONS(2, 6, 5, 180, 5, 180), -1 },
	{ "truncated after the kind", OPTIONS(1, 1, 1, 2), -1 },
	{ "truncated after the length", OPTIONS(1, 1, 2, 4), -1 },
	{ "truncated in the value", OPTIONS(1, 2, 4, 5), -1 },
	{ "a truncated option after it", OPTIONS(2, 4, 5, 180, 8), -1 },
	{ "another option is too long", OPTIONS(2, 4, 5, 180, 8, 10, 0), -1 },
	{ "another option of length 0", OPTIONS(3, 0, 2, 4, 5, 180), -1 },
	{ "another option of length 1", OPTIONS(3, 1, 2, 4, 5, 180), -1 },
	{ "inside another option", OPTIONS(254, 6, 2, 4, 5, 180), -1 },
	{ "an unknown option of length 2", OPTIONS(254, 2, 2, 4, 5, 180), 4 },
	{ "an option of length 255", OPTIONS(254, 255, 2, 4, 5, 180), -1 },
	{ "TCP-AO alone", OPTIONS(29, 4, 1, 1), -1, true },
	{ "before TCP-AO", OPTIONS(2, 4, 5, 180, 29, 6, 1, 1, 7, 7), 2, true },
	{ "after TCP-AO, at an odd place", OPTIONS(1, 29, 6, 1, 1, 7, 7, 2, 4, 5,
						   180), 9, true },
	{ "after an empty TCP-AO option", OPTIONS(29, 2, 2, 4, 5, 180),
	  4, true },
	{ "TCP-AO of length 1", OPTIONS(2, 4, 5, 180, 29, 1), -1 },
	{ "TCP-AO after the end of the list", OPTIONS(2, 4, 5, 180, 0, 29, 4,
						       1, 1), 2 },
	{ "29 inside another option", OPTIONS(2, 4, 5, 180, 254, 4, 29, 2), 2 },
	{ "29 as the MSS", OPTIONS(2, 4, 29, 4), 2 },
	{ "with TCP-MD5", OPTIONS(2, 4, 5, 180, 19, 18, 0, 0, 0, 0, 0, 0, 0, 0,
				  0, 0, 0, 0, 0, 0, 0, 0), 2 },
};

/* Split the list into options first, then look at them. */
static int model(const u8 *options, int len, bool *ao)
{
	int start[40], size[40], n = 0, i, found = -1;

	*ao = false;
	for (i = 0; i < len; ) {
		if (options[i] == 0)
			break;
		if (options[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 == len || options[i + 1] < 2 ||
		    i + options[i + 1] > len)
			return -1;
		start[n] = i;
		size[n++] = options[i + 1];
		i += options[i + 1];
	}
	for (i = 0; i < n; i++) {
		*ao = *ao || options[start[i]] == 29;
		if (options[start[i]] != 2)
			continue;
		if (size[i] != 4 || found != -1)
			return -1;
		found = start[i] + 2;
	}
	return found;
}

/* Random bytes that often begin with well-formed options. */
static u8 random_byte(void)
{
	static const u8 likely[] = { 0, 1, 1, 2, 2, 3, 4, 4, 4, 5, 8, 10,
				     29, 29 };
	int r = rand();

	return r & 256 ? r : likely[(r >> 9) % sizeof(likely)];
}

static int find(const u8 *options, unsigned int len, bool *ao)
{
	u8 *copy = copy_of(options, len);
	int found = ipip_mss_find(copy, len, ao);

	free(copy);
	return found;
}

/* TCP, or another protocol, after an IPv4 header of so many words. */
static void test_syn(void)
{
	unsigned int words, len, bits, at, wrong = 0;
	u8 packet[80], *copy;
	bool want;

	for (words = 0; words < 16; words++) {
		for (bits = 0; bits < 512; bits++) {
			for (len = 20; len <= sizeof(packet); len++) {
				memset(packet, 0xff, sizeof(packet));
				packet[0] = 0x40 | words;
				packet[9] = bits & 256 ? IPPROTO_UDP : IPPROTO_TCP;
				at = words * 4 + 13;
				/* The part after the IPv4 header. */
				if (at >= 20)
					packet[at] = bits;
				want = packet[9] == IPPROTO_TCP &&
				       (at >= len || packet[at] & 2);
				copy = copy_of(packet, len);
				wrong += ipip_mss_may_be_syn(copy, len) != want;
				free(copy);
			}
		}
	}
	ktap(!wrong, "may be a SYN: each flag, header length and linear length");
}

/* Compare the offset of the MSS and, if there is one, whether there is TCP-AO. */
static bool same(const u8 *options, unsigned int len, int want, bool want_ao)
{
	bool ao;

	return find(options, len, &ao) == want && (want < 0 || ao == want_ao);
}

int main(void)
{
	unsigned int i, k, found = 0, signed_ones = 0, differing = 0;
	u8 options[40] = {};
	bool ao;
	int want;

	test_syn();
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ktap(same(table[i].options, table[i].len, table[i].want,
			  table[i].ao), table[i].name);
	srand(1);
	for (i = 0; i < 2000000; i++) {
		const unsigned int len = i % 41;

		for (k = 0; k < len; k++)
			options[k] = random_byte();
		want = model(options, len, &ao);
		differing += !same(options, len, want, ao);
		found += want >= 0;
		signed_ones += want >= 0 && ao;
	}
	ktap(!differing, "2,000,000 random lists: both implementations agree");
	ktap(found > 1000, "2,000,000 random lists: more than 1,000 have an MSS");
	ktap(signed_ones > 100, "2,000,000 random lists: more than 100 have an MSS and TCP-AO");
	return ktap_end();
}
