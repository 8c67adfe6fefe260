// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of keepalive packets: valid packets, and the same packets after each change of a byte
 * or of the length.
 */
#include "kernel.h"
#include "ktap.h"
#include "ipip_keepalive.h"

#define LOCAL	"10.2.0.1"	/* of the outer packet */
#define REMOTE	"10.1.0.1"
#define OTHER	"192.168.9.9"

struct packet {
	u8 data[IPIP_KEEPALIVE_MAX_LEN];
	unsigned int len;
};

static struct packet ip(const char *from, const char *to, u8 protocol,
			const void *payload, unsigned int len)
{
	struct packet p = { .len = sizeof(struct iphdr) + len };
	struct iphdr iph = {
		.version = 4, .ihl = 5, .tot_len = htons(p.len), .ttl = 255,
		.protocol = protocol, .saddr = inet_addr(from),
		.daddr = inet_addr(to),
	};

	iph.check = ip_fast_csum(&iph, 5);
	memcpy(p.data, &iph, sizeof(iph));
	if (len)
		memcpy(p.data + sizeof(iph), payload, len);
	return p;
}

static void mend(struct packet *p)
{
	struct iphdr *iph = (struct iphdr *)p->data;

	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
}

static unsigned int from, to;

static enum ipip_keepalive_kind classify(const struct packet *p)
{
	u8 *copy = copy_of(p->data, p->len);
	enum ipip_keepalive_kind kind;

	from = 0;
	to = 0;
	kind = ipip_keepalive_classify(copy, p->len, inet_addr(LOCAL),
				       inet_addr(REMOTE), &from, &to);
	free(copy);
	return kind;
}

static void is(const char *name, struct packet p, enum ipip_keepalive_kind want,
	       unsigned int offset, unsigned int end)
{
	const enum ipip_keepalive_kind kind = classify(&p);

	ktap(kind == want && (want == IPIP_KEEPALIVE_DATA ||
			      (from == offset && to == end)), name);
}

/* Check that the packet is data after this change, with the checksum corrected. */
static void spoilt(const char *name, struct packet p, unsigned int at, u8 value)
{
	p.data[at] = value;
	mend(&p);
	is(name, p, IPIP_KEEPALIVE_DATA, 0, 0);
}

static void test_probe(void)
{
	struct packet p = ip(LOCAL, REMOTE, IPPROTO_IPIP, NULL, 0);
	u8 payload[108] = { 1 };

	is("empty probe", p, IPIP_KEEPALIVE_PROBE, 20, 20);
	is("probe with a payload", ip(LOCAL, REMOTE, IPPROTO_IPIP, payload, 44),
	   IPIP_KEEPALIVE_PROBE, 20, 64);
	is("the longest probe", ip(LOCAL, REMOTE, IPPROTO_IPIP, payload, 108),
	   IPIP_KEEPALIVE_PROBE, 20, 128);
	is("from this end, to any address",
	   ip(LOCAL, OTHER, IPPROTO_IPIP, NULL, 0), IPIP_KEEPALIVE_PROBE, 20, 20);
	is("to the far end, from any address",
	   ip(OTHER, REMOTE, IPPROTO_IPIP, NULL, 0), IPIP_KEEPALIVE_PROBE, 20,
	   20);
	is("between other hosts", ip(OTHER, OTHER, IPPROTO_IPIP, NULL, 0),
	   IPIP_KEEPALIVE_DATA, 0, 0);
	is("from the far end to this end", ip(REMOTE, LOCAL, IPPROTO_IPIP, NULL, 0),
	   IPIP_KEEPALIVE_DATA, 0, 0);
	is("another protocol", ip(LOCAL, REMOTE, IPPROTO_UDP, NULL, 0),
	   IPIP_KEEPALIVE_DATA, 0, 0);
	p.len = 24;
	is("bytes after its end are ignored", p, IPIP_KEEPALIVE_PROBE, 20, 20);
	p.len = 19;
	is("shorter than a header", p, IPIP_KEEPALIVE_DATA, 0, 0);
	p.len = 20;
	spoilt("version 6", p, 0, 0x65);
	spoilt("a header of 16 bytes", p, 0, 0x44);
	spoilt("longer than the packet", p, 3, 21);
	spoilt("shorter than its header", p, 3, 19);
	spoilt("more fragments", p, 6, 0x20);
	spoilt("not the first fragment", p, 7, 1);
	p.data[10] ^= 1;
	is("a wrong checksum", p, IPIP_KEEPALIVE_DATA, 0, 0);

	p = ip(LOCAL, REMOTE, IPPROTO_IPIP, payload, 8);
	p.data[0] = 0x46;
	p.data[20] = 1;
	mend(&p);
	is("with an option", p, IPIP_KEEPALIVE_PROBE, 24, 28);
	p.data[0] = 0x48;
	is("with options beyond the end", p, IPIP_KEEPALIVE_DATA, 0, 0);
}

static struct ipip_keepalive_cookie cookie;

static void test_answer(u8 protocol)
{
	struct packet p = ip("0.0.0.0", "0.0.0.0", protocol, &cookie,
			     sizeof(cookie));
	u8 longer[sizeof(cookie) + 1] = { 0 };

	is("answer", p, IPIP_KEEPALIVE_ANSWER, 20, 44);
	spoilt("a longer cookie", ip("0.0.0.0", "0.0.0.0", protocol, longer,
				     sizeof(longer)), 20, 0x49);
	is("a shorter cookie", ip("0.0.0.0", "0.0.0.0", protocol, &cookie,
				  23), IPIP_KEEPALIVE_DATA, 0, 0);
	spoilt("another source", p, 15, 1);
	spoilt("another destination", p, 19, 1);
	spoilt("another magic", p, 20, 0);
	spoilt("another protocol", p, 9, IPPROTO_UDP);
}

static void test_reply(void)
{
	u8 icmp[sizeof(struct icmphdr) + sizeof(cookie)] = { 0 };
	struct packet p;

	memcpy(icmp + sizeof(struct icmphdr), &cookie, sizeof(cookie));
	p = ip(OTHER, OTHER, IPPROTO_ICMP, icmp, sizeof(icmp));
	is("echo reply", p, IPIP_KEEPALIVE_REPLY, 28, 52);
	spoilt("echo request", p, 20, ICMP_ECHO);
	spoilt("echo reply without a cookie", p, 28, 0);
	is("echo reply with half a cookie", ip(OTHER, OTHER, IPPROTO_ICMP, icmp,
					       sizeof(icmp) - 4),
	   IPIP_KEEPALIVE_DATA, 0, 0);
	is("truncated ICMP header", ip(OTHER, OTHER, IPPROTO_ICMP, icmp, 7),
	   IPIP_KEEPALIVE_DATA, 0, 0);
}

#define PADDED	600	/* bytes of a padded inner packet */

static void padded_is(const char *name, const u8 *head, unsigned int total,
		      enum ipip_keepalive_kind want, unsigned int offset)
{
	u8 *copy = copy_of(head, IPIP_KEEPALIVE_HEAD_LEN);
	unsigned int at = 0;
	enum ipip_keepalive_kind kind;

	kind = ipip_keepalive_classify_padded(copy, total, inet_addr(LOCAL),
					      inet_addr(REMOTE), &at);
	free(copy);
	ktap(kind == want && (want == IPIP_KEEPALIVE_DATA || at == offset), name);
}

static void header(u8 *data, const char *from_host, const char *to_host, u8 protocol,
		   unsigned int len)
{
	struct iphdr iph = {
		.version = 4, .ihl = 5, .tot_len = htons(len), .frag_off = htons(0x4000),
		.ttl = 255, .protocol = protocol, .saddr = inet_addr(from_host),
		.daddr = inet_addr(to_host),
	};

	iph.check = ip_fast_csum(&iph, 5);
	memcpy(data, &iph, sizeof(iph));
}

static void test_padded(void)
{
	u8 probe[IPIP_KEEPALIVE_HEAD_LEN] = { 0 }, data[IPIP_KEEPALIVE_HEAD_LEN];
	unsigned int i, taken = 0;

	header(probe, LOCAL, REMOTE, IPPROTO_IPIP, PADDED);
	header(probe + 20, "0.0.0.0", "0.0.0.0", IPPROTO_ICMP, PADDED - 20);
	memcpy(probe + 40, "IPMT", 4);
	padded_is("a padded probe", probe, PADDED, IPIP_KEEPALIVE_PROBE, 40);
	padded_is("bytes after a padded probe", probe, PADDED + 1, IPIP_KEEPALIVE_DATA, 0);
	padded_is("a truncated padded probe", probe, PADDED - 1, IPIP_KEEPALIVE_DATA, 0);
	for (i = 0; i < 44; i++) {
		enum ipip_keepalive_kind kind;
		unsigned int at;

		memcpy(data, probe, sizeof(data));
		data[i] ^= 0x10;
		kind = ipip_keepalive_classify_padded(data, PADDED, inet_addr(LOCAL),
						      inet_addr(REMOTE), &at);
		taken += kind != IPIP_KEEPALIVE_DATA;
	}
	ktap(!taken, "a padded probe with any byte before the cookie's number changed is data");
	memcpy(data, probe, sizeof(data));
	header(data, OTHER, OTHER, IPPROTO_IPIP, PADDED);
	padded_is("a padded probe between other hosts", data, PADDED, IPIP_KEEPALIVE_DATA, 0);

	memset(data, 0, sizeof(data));
	header(data, "0.0.0.0", "0.0.0.0", IPPROTO_ICMP, PADDED);
	memcpy(data + 20, "IPMT", 4);
	padded_is("a padded answer", data, PADDED, IPIP_KEEPALIVE_ANSWER, 20);
	memcpy(data + 20, "IPIP", 4);
	padded_is("a padded answer with the short mark", data, PADDED, IPIP_KEEPALIVE_DATA, 0);

	memset(data, 0, sizeof(data));
	header(data, OTHER, OTHER, IPPROTO_ICMP, PADDED);
	memcpy(data + 28, "IPMT", 4);
	padded_is("a padded echo reply", data, PADDED, IPIP_KEEPALIVE_REPLY, 28);
	data[20] = ICMP_ECHO;
	padded_is("a padded echo request", data, PADDED, IPIP_KEEPALIVE_DATA, 0);
}

/* Change any byte and the length of each kind: the parser must not read beyond the packet, and the
 * part that it returns must be inside the packet.
 */
static void test_bounds(void)
{
	struct packet p = ip(LOCAL, REMOTE, IPPROTO_IPIP, NULL, 0), q;
	enum ipip_keepalive_kind kind;
	unsigned int i, bad = 0, others = 0;

	srand(1);
	for (i = 0; i < 2000000; i++) {
		q = p;
		q.len = rand() % IPIP_KEEPALIVE_MAX_LEN + 1;
		q.data[0] = 0x40 | rand() % 16;
		q.data[3] = rand();
		q.data[rand() % 40] = rand();
		q.data[9] = rand() % 3 ? IPPROTO_IPIP : IPPROTO_ICMP;
		if (q.data[0] > 0x44)
			mend(&q);
		kind = classify(&q);
		if (kind == IPIP_KEEPALIVE_DATA)
			continue;
		others++;
		bad += from < 20 || from > to || to > q.len;
	}
	ktap(!bad, "2,000,000 mutations: the returned part is inside the packet");
	ktap(others > 10000, "2,000,000 mutations: more than 10,000 are keepalive packets");
}

int main(void)
{
	test_probe();
	cookie.magic = htonl(IPIP_KEEPALIVE_MAGIC);
	test_answer(IPPROTO_ICMP);
	test_answer(IPPROTO_IPIP);
	test_reply();
	test_padded();
	test_bounds();
	return ktap_end();
}
