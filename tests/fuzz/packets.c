// SPDX-License-Identifier: GPL-2.0
/*
 * Sends packets of every kind that a gateway's tunnels receive, well-formed or with any part
 * damaged, in both directions.
 *
 *	packets PACKETS SEED TUNNELS
 *
 * Run in the netns of the far end, "p", whose device is "wan". In the netns "g"
 * tunnel n, of TUNNELS, is named "t<n>" and has the outer addresses 10.1.0.n and
 * 10.2.0.n and the inner address 192.168.n.1. The program captures the tunnels'
 * keepalive probes and sends them back, damaged or not.
 *
 * Prints one line per million packets and, at the end or on SIGTERM, the number of
 * packets of each kind.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

#define BATCH		64
#define MAX_LEN		9000
#define LEARNED		64
#define LEARNED_LEN	1600
#define MARK_SHORT	"IPIP"
#define MARK_PADDED	"IPMT"

enum kind {
	KIND_DATA,
	KIND_SYN,
	KIND_PROBE,
	KIND_ANSWER,
	KIND_REPLAY,
	KIND_PADDED,
	KIND_EMPTY,
	KIND_ERROR,
	KIND_MPLS,
	KIND_UDP,
	KIND_IPSEC,
	KIND_NOISE,
	KIND_SENT,
	KINDS
};

static const char *const kind_names[KINDS] = {
	"data", "syn", "probe", "answer", "replay", "padded", "empty", "error", "mpls",
	"udp", "ipsec", "noise", "sent",
};

/* The share of each kind, in percent. */
static const unsigned int kind_weights[KINDS] = {
	13, 13, 10, 6, 12, 8, 3, 12, 4, 6, 3, 2, 8,
};

struct frame {
	struct virtio_net_hdr vnet;
	struct ether_header eth;
	unsigned char ip[MAX_LEN];
};

/* A part of a packet that begins with an IPv4 header. */
struct layer {
	unsigned int start;
	unsigned int end;
};

struct packet {
	unsigned char *data;
	unsigned int len;
	struct layer layers[3];
	unsigned int n_layers;
};

static struct {
	unsigned int len;
	unsigned char data[LEARNED_LEN];
} learned[LEARNED];

static unsigned int n_learned, n_tunnels;
static unsigned char wan_mac[ETH_ALEN], gateway_mac[ETH_ALEN];
static int tunnel_ifindex[256];
static unsigned long long kinds_sent[KINDS], refused;

static uint32_t address(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	return htonl(a << 24 | b << 16 | c << 8 | d);
}

static unsigned int random_tunnel(void)
{
	return 1 + random_below(n_tunnels);
}

static uint32_t random_local(unsigned int tunnel)
{
	if (one_in(64))
		return address(224, 0, 0, 5);
	return address(10, 1, 0, one_in(16) ? random_tunnel() : tunnel);
}

static uint32_t random_remote(unsigned int tunnel)
{
	if (one_in(32))
		return random_u64();
	return address(10, 2, 0, one_in(16) ? random_tunnel() : tunnel);
}

/* An inner address: this tunnel's own, one behind another tunnel, or any. */
static uint32_t random_inner(unsigned int tunnel)
{
	switch (random_below(8)) {
	case 0:
		return address(192, 168, tunnel, 1);
	case 1:
		return address(192, 168, tunnel, 2);
	case 2:
		return address(172, 16, random_tunnel(), random_below(256));
	case 3:
		return random_local(tunnel);
	case 4:
		return random_remote(tunnel);
	case 5:
		return 0;
	case 6:
		return address(203, 0, 113, random_below(256));
	default:
		return random_u64();
	}
}

static uint16_t checksum(const void *data, unsigned int len)
{
	const unsigned char *p = data;
	uint32_t sum = 0;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* Append len bytes. */
static void *put(struct packet *packet, unsigned int len)
{
	unsigned char *p = packet->data + packet->len;

	if (packet->len + len > MAX_LEN)
		errx(1, "the packet is too long");
	memset(p, 0, len);
	packet->len += len;
	return p;
}

static void put_noise(struct packet *packet, unsigned int max)
{
	const unsigned int len = random_below(max + 1);

	random_bytes(put(packet, len), len);
}

/* Begin an IPv4 header; what is appended until end_ip() is its payload. */
static struct layer *begin_ip(struct packet *packet, unsigned int protocol, uint32_t saddr,
			      uint32_t daddr)
{
	struct layer *layer = &packet->layers[packet->n_layers++];
	const unsigned int options = one_in(16) ? 4 * random_below(11) : 0;
	struct iphdr *iph;

	layer->start = packet->len;
	iph = put(packet, sizeof(*iph));
	iph->version = 4;
	iph->ihl = 5 + options / 4;
	iph->tos = one_in(2) ? random_u64() : 0;
	iph->id = random_u64();
	iph->frag_off = one_in(4) ? htons(IP_DF) : 0;
	if (one_in(64))
		iph->frag_off = random_u64();
	iph->ttl = one_in(16) ? random_below(3) : 64;
	iph->protocol = protocol;
	iph->saddr = saddr;
	iph->daddr = daddr;
	/* IPOPT_NOOP, or invalid options. */
	memset(put(packet, options), 1, options);
	if (options && one_in(4))
		random_bytes(iph + 1, options);
	return layer;
}

static void end_ip(struct packet *packet, struct layer *layer)
{
	layer->end = packet->len;
}

/* Set lengths and checksums of the outermost @n layers. */
static void fix(struct packet *packet, unsigned int n)
{
	unsigned int i;

	for (i = n; i--;) {
		struct layer *layer = &packet->layers[i];
		struct iphdr *iph = (void *)(packet->data + layer->start);

		if (layer->start + sizeof(*iph) > packet->len)
			continue;
		if (!iph->tot_len)
			iph->tot_len = htons(layer->end - layer->start);
		iph->check = 0;
		if (layer->start + iph->ihl * 4 <= packet->len)
			iph->check = checksum(iph, iph->ihl * 4);
	}
}

static void put_tcp(struct packet *packet, bool syn)
{
	struct tcphdr *th = put(packet, sizeof(*th));
	unsigned char *options;
	unsigned int len, i = 0;

	random_bytes(th, sizeof(*th));
	th->syn = syn;
	len = one_in(8) ? 0 : 4 * (1 + random_below(10));
	th->doff = 5 + len / 4;
	if (one_in(16))
		th->doff = random_u64();
	options = put(packet, len);
	while (i < len) {
		switch (random_below(6)) {
		case 0:
		case 1:
			if (len - i < 4)
				break;
			options[i] = 2;
			options[i + 1] = one_in(16) ? random_u64() : 4;
			random_bytes(options + i + 2, 2);
			i += 4;
			continue;
		case 2:
			if (len - i < 2)
				break;
			options[i] = one_in(4) ? 29 : random_u64();
			options[i + 1] = random_below(len - i + 2);
			i += options[i + 1] ?: 1;
			continue;
		case 3:
			options[i++] = 0;
			continue;
		}
		options[i++] = 1;
	}
}

static void put_inner(struct packet *packet, unsigned int tunnel, unsigned int protocol)
{
	struct layer *layer;

	layer = begin_ip(packet, protocol, random_inner(tunnel), random_inner(tunnel));
	switch (protocol) {
	case IPPROTO_TCP:
		put_tcp(packet, one_in(2));
		break;
	case IPPROTO_UDP:
		random_bytes(put(packet, sizeof(struct udphdr)), sizeof(struct udphdr));
		break;
	case IPPROTO_ICMP:
		memset(put(packet, sizeof(struct icmphdr)), 0, sizeof(struct icmphdr));
		break;
	}
	put_noise(packet, one_in(16) ? 4000 : 64);
	end_ip(packet, layer);
}

static unsigned int random_protocol(void)
{
	static const unsigned char protocols[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_IPIP, IPPROTO_GRE, 0, 1, 2, 41,
	};

	return one_in(8) ? random_below(256) : protocols[random_below(sizeof(protocols))];
}

static struct layer *begin_outer(struct packet *packet, unsigned int tunnel, unsigned int protocol)
{
	return begin_ip(packet, protocol, random_remote(tunnel), random_local(tunnel));
}

/* A struct ipip_keepalive_cookie, without the right key. */
static void put_cookie(struct packet *packet, const char *mark)
{
	unsigned char *cookie = put(packet, 24);

	memcpy(cookie, mark, 4);
	random_bytes(cookie + 4, 20);
	if (one_in(2))
		memset(cookie + 4, 0, 3);
	if (one_in(8))
		put_noise(packet, 8);
}

static void build_probe(struct packet *packet, unsigned int tunnel)
{
	struct layer *outer = begin_outer(packet, tunnel, IPPROTO_IPIP), *inner;

	inner = begin_ip(packet, IPPROTO_IPIP,
			 one_in(4) ? random_inner(tunnel) : address(10, 1, 0, tunnel),
			 one_in(4) ? random_inner(tunnel) : address(10, 2, 0, tunnel));
	if (one_in(3))
		put_noise(packet, one_in(8) ? 1400 : 128);
	else if (one_in(2))
		put_inner(packet, tunnel, IPPROTO_IPIP);
	end_ip(packet, inner);
	end_ip(packet, outer);
}

static void build_answer(struct packet *packet, unsigned int tunnel)
{
	struct layer *outer = begin_outer(packet, tunnel, IPPROTO_IPIP), *inner;
	const bool icmp = one_in(3);

	if (icmp) {
		inner = begin_ip(packet, IPPROTO_ICMP, address(192, 168, tunnel, 2),
				 address(192, 168, tunnel, 1));
		memset(put(packet, sizeof(struct icmphdr)), 0, sizeof(struct icmphdr));
	} else {
		inner = begin_ip(packet, IPPROTO_IPIP, 0, 0);
	}
	put_cookie(packet, one_in(8) ? MARK_PADDED : MARK_SHORT);
	end_ip(packet, inner);
	end_ip(packet, outer);
}

/* Pad with zeros to the size of a padded probe, or to a size near it. */
static void put_padding(struct packet *packet)
{
	const unsigned int size = one_in(16) ? 1500 + random_below(7000) : 60 + random_below(1440);

	if (size > packet->len)
		put(packet, size - packet->len);
	if (one_in(8))
		put_noise(packet, 8);
}

/* A padded probe of a far end, or an answer to one of the gateway's. */
static void build_padded(struct packet *packet, unsigned int tunnel)
{
	struct layer *outer = begin_outer(packet, tunnel, IPPROTO_IPIP), *back = NULL, *inner;

	if (one_in(2))
		back = begin_ip(packet, IPPROTO_IPIP,
				one_in(8) ? random_inner(tunnel) : address(10, 1, 0, tunnel),
				one_in(8) ? random_inner(tunnel) : address(10, 2, 0, tunnel));
	inner = begin_ip(packet, IPPROTO_ICMP, one_in(8) ? random_inner(tunnel) : 0,
			 one_in(8) ? random_inner(tunnel) : 0);
	put_cookie(packet, one_in(8) ? MARK_SHORT : MARK_PADDED);
	put_padding(packet);
	end_ip(packet, inner);
	if (back)
		end_ip(packet, back);
	end_ip(packet, outer);
}

/* The right answer to a captured probe. */
static void build_replay(struct packet *packet, unsigned int tunnel)
{
	const unsigned int i = random_below(n_learned ?: 1);
	const struct iphdr *iph = (const void *)learned[i].data;
	struct layer *outer;
	struct iphdr *inner;
	uint32_t saddr;

	if (!n_learned) {
		build_answer(packet, tunnel);
		return;
	}
	outer = &packet->layers[packet->n_layers++];
	inner = put(packet, learned[i].len - sizeof(*iph));
	memcpy(inner, learned[i].data + sizeof(*iph), learned[i].len - sizeof(*iph));
	if (inner->protocol == IPPROTO_ICMP && packet->len >= 28) {
		struct iphdr *out;
		struct icmphdr *icmp;

		/* An echo reply in an outer packet. */
		put(packet, sizeof(*iph));
		memmove((unsigned char *)inner + sizeof(*iph), inner, packet->len - sizeof(*iph));
		out = (void *)packet->data;
		memcpy(out, iph, sizeof(*iph));
		saddr = out->saddr;
		out->saddr = out->daddr;
		out->daddr = saddr;
		out->tot_len = htons(packet->len);
		inner = out + 1;
		saddr = inner->saddr;
		inner->saddr = inner->daddr;
		inner->daddr = saddr;
		icmp = (void *)(inner + 1);
		icmp->type = ICMP_ECHOREPLY;
		icmp->checksum = 0;
		icmp->checksum = checksum(icmp, packet->len - 40);
	}
	outer->start = 0;
	outer->end = packet->len;
}

static void build_error(struct packet *packet, unsigned int tunnel)
{
	struct layer *outer = begin_ip(packet, IPPROTO_ICMP, random_inner(tunnel),
				       address(10, 1, 0, tunnel));
	static const unsigned char types[] = {
		ICMP_DEST_UNREACH, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH,
		ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB,
	};
	struct layer *quoted;
	struct icmphdr *icmp;
	unsigned int start;

	start = packet->len;
	icmp = put(packet, sizeof(*icmp));
	icmp->type = types[random_below(sizeof(types))];
	icmp->code = one_in(8) ? random_u64() : random_below(6);
	icmp->un.frag.mtu = htons(one_in(2) ? random_edge() : 500 + random_below(1000));
	if (icmp->type == ICMP_REDIRECT)
		icmp->un.gateway = address(10, 1, one_in(2) ? 255 : 0, random_below(256));
	quoted = begin_ip(packet, one_in(8) ? random_protocol() : IPPROTO_IPIP,
			  address(10, 1, 0, tunnel), address(10, 2, 0, tunnel));
	if (one_in(4))
		put_noise(packet, 40);
	else
		put_inner(packet, tunnel, random_protocol());
	end_ip(packet, quoted);
	fix(packet, packet->n_layers);
	icmp->checksum = checksum(icmp, packet->len - start);
	end_ip(packet, outer);
}

static void build_udp(struct packet *packet, unsigned int tunnel)
{
	struct layer *outer = begin_outer(packet, tunnel, IPPROTO_UDP);
	struct udphdr *uh = put(packet, sizeof(*uh));
	const unsigned int start = packet->len - sizeof(*uh);
	unsigned char *gue;

	uh->source = htons(5555 + random_below(3));
	uh->dest = htons(5555 + random_below(3));
	/* The GUE header: version and length, next protocol, flags. */
	if (one_in(2)) {
		gue = put(packet, 4);
		gue[0] = one_in(8) ? random_u64() : 0;
		gue[1] = one_in(8) ? random_u64() : IPPROTO_IPIP;
		if (one_in(4))
			random_bytes(gue + 2, 2);
	}
	put_inner(packet, tunnel, random_protocol());
	uh->len = htons(packet->len - start);
	end_ip(packet, outer);
}

static void build_kind(struct packet *packet, unsigned int tunnel, enum kind kind)
{
	struct layer *outer;

	switch (kind) {
	case KIND_PROBE:
		build_probe(packet, tunnel);
		return;
	case KIND_ANSWER:
		build_answer(packet, tunnel);
		return;
	case KIND_REPLAY:
		build_replay(packet, tunnel);
		return;
	case KIND_PADDED:
		build_padded(packet, tunnel);
		return;
	case KIND_ERROR:
		build_error(packet, tunnel);
		return;
	case KIND_UDP:
		build_udp(packet, tunnel);
		return;
	case KIND_SENT:
		put_inner(packet, tunnel, one_in(2) ? IPPROTO_TCP : random_protocol());
		return;
	case KIND_MPLS:
		outer = begin_outer(packet, tunnel, IPPROTO_MPLS);
		put_noise(packet, 8);
		put_inner(packet, tunnel, random_protocol());
		break;
	case KIND_IPSEC:
		/* send_far() sends it with ESP, or it is sent in the clear. */
		outer = begin_outer(packet, tunnel, one_in(2) ? IPPROTO_IPIP :
				    one_in(2) ? IPPROTO_ESP : IPPROTO_AH);
		put_inner(packet, tunnel, random_protocol());
		break;
	case KIND_NOISE:
		outer = begin_outer(packet, tunnel, random_protocol());
		put_noise(packet, 1400);
		break;
	case KIND_EMPTY:
		outer = begin_outer(packet, tunnel, IPPROTO_IPIP);
		put_noise(packet, one_in(2) ? 0 : 24);
		break;
	default:
		outer = begin_outer(packet, tunnel, IPPROTO_IPIP);
		put_inner(packet, tunnel, kind == KIND_SYN ? IPPROTO_TCP : random_protocol());
	}
	end_ip(packet, outer);
}

static void mutate_once(struct packet *packet)
{
	struct layer *layer = &packet->layers[random_below(packet->n_layers)];
	struct iphdr *iph = (void *)(packet->data + layer->start);
	unsigned int at = random_below(packet->len);
	unsigned int len;

	switch (random_below(8)) {
	case 0:
		packet->data[at] ^= 1 << random_below(8);
		break;
	case 1:
		packet->data[at] = random_edge();
		break;
	case 2:
		random_bytes(packet->data + at, packet->len - at < 4 ? packet->len - at : 4);
		break;
	case 3:
		packet->len = at + 1;
		break;
	case 4:
		if (packet->len + 64 < MAX_LEN)
			put_noise(packet, 64);
		break;
	case 5:
		if (layer->start + sizeof(*iph) <= packet->len)
			iph->tot_len = htons(random_edge());
		break;
	case 6:
		if (layer->start + sizeof(*iph) <= packet->len)
			packet->data[layer->start] = 0x40 | random_below(16);
		break;
	case 7:
		/* Copy a piece of it to another place. */
		len = random_below(packet->len - at) + 1;
		if (packet->len + len < MAX_LEN)
			memcpy(put(packet, len), packet->data + at, len);
		break;
	}
}

static void mutate(struct packet *packet)
{
	unsigned int n = 1 + random_below(4);

	while (n--)
		mutate_once(packet);
}

static enum kind random_kind(void)
{
	unsigned int n = random_below(100), kind;

	for (kind = 0; kind < KINDS - 1 && n >= kind_weights[kind]; kind++)
		n -= kind_weights[kind];
	return kind;
}

/* A large packet that is marked as merged segments, or one without a checksum. */
static void offload(struct frame *frame, const struct packet *packet)
{
	const struct iphdr *outer = (const void *)packet->data;
	struct virtio_net_hdr *vnet = &frame->vnet;
	const unsigned int headers = ETH_HLEN + outer->ihl * 4;

	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->csum_start = headers + (one_in(8) ? random_below(64) : 20);
	vnet->csum_offset = one_in(8) ? random_below(64) : 16;
	if (one_in(3))
		return;
	vnet->gso_type = one_in(8) ? random_u64() : VIRTIO_NET_HDR_GSO_TCPV4;
	vnet->gso_size = one_in(8) ? random_edge() : 500 + random_below(1000);
	vnet->hdr_len = one_in(8) ? random_edge() : headers + 40;
}

/* Build a packet in @frame; returns its length without the virtio header. */
static unsigned int build(struct frame *frame, enum kind kind, unsigned int tunnel)
{
	struct packet packet = { .data = frame->ip };

	build_kind(&packet, tunnel, kind);
	if (one_in(2))
		fix(&packet, packet.n_layers);
	if (one_in(2))
		mutate(&packet);
	/* Otherwise ip_rcv() would drop all packets. */
	if (!one_in(8))
		fix(&packet, 1 + random_below(packet.n_layers));

	memset(&frame->vnet, 0, sizeof(frame->vnet));
	memcpy(frame->eth.ether_dhost, gateway_mac, ETH_ALEN);
	memcpy(frame->eth.ether_shost, wan_mac, ETH_ALEN);
	frame->eth.ether_type = htons(ETHERTYPE_IP);
	if (one_in(32))
		offload(frame, &packet);
	return packet.len;
}

/* A keepalive probe has a DSCP of its own. A padded probe has that of data, so only the mark
 * identifies it: after two headers, or after one and that of an echo request.
 */
static bool is_probe(const struct iphdr *iph, ssize_t len)
{
	const unsigned char *data = (const unsigned char *)iph;

	if (len < 40 || iph->protocol != IPPROTO_IPIP)
		return false;
	return iph->tos == 0xc0 || (len >= 64 && (!memcmp(data + 60, MARK_PADDED, 4) ||
						  !memcmp(data + 48, MARK_PADDED, 4)));
}

/* Capture the tunnels' own probes. */
static void learn(int sock)
{
	unsigned char data[2048];
	struct iphdr *iph = (void *)(data + sizeof(struct virtio_net_hdr) + ETH_HLEN);
	ssize_t len;
	int i;

	for (i = 0; i < BATCH; i++) {
		len = recv(sock, data, sizeof(data), MSG_DONTWAIT);
		if (len < 0)
			return;
		len -= (unsigned char *)iph - data;
		if (len > LEARNED_LEN || !is_probe(iph, len))
			continue;
		i = random_below(LEARNED);
		if (n_learned < LEARNED)
			i = n_learned++;
		memcpy(learned[i].data, iph, len);
		learned[i].len = len;
	}
}

static int open_wan(void)
{
	struct sockaddr_ll address = {
		.sll_family	= AF_PACKET,
		.sll_protocol	= htons(ETH_P_IP),
		.sll_ifindex	= if_nametoindex("wan"),
	};
	const int one = 1;
	struct ifreq ifr = { .ifr_name = "wan" };
	int sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));

	if (sock < 0 || !address.sll_ifindex ||
	    bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(sock, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    ioctl(sock, SIOCGIFHWADDR, &ifr))
		err(1, "wan");
	memcpy(wan_mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	return sock;
}

/* Open sockets that send through the tunnels. */
static int open_gateway(void)
{
	struct ifreq ifr = { .ifr_name = "wan" };
	char name[IF_NAMESIZE];
	unsigned int i;
	int ns, sock;

	ns = open("/run/netns/g", O_RDONLY);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		err(1, "netns g");
	close(ns);
	sock = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &ifr))
		err(1, "wan of g");
	memcpy(gateway_mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	for (i = 1; i <= n_tunnels; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		tunnel_ifindex[i] = if_nametoindex(name);
		if (!tunnel_ifindex[i])
			err(1, "%s", name);
	}
	return sock;
}

/* Open a socket that sends from the far end, with its IPsec policies. */
static int open_far(void)
{
	int sock = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (sock < 0)
		err(1, "raw socket");
	return sock;
}

static void send_far(int sock, const struct frame *frame, unsigned int len)
{
	const struct iphdr *iph = (const void *)frame->ip;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = iph->daddr };

	if (sendto(sock, frame->ip, len, MSG_DONTWAIT, (struct sockaddr *)&address,
		   sizeof(address)) < 0)
		refused++;
}

static void send_sent(int sock, const struct frame *frame, unsigned int len, unsigned int tunnel)
{
	static const uint16_t protocols[] = { ETH_P_MPLS_UC, ETH_P_MPLS_MC, ETH_P_IPV6, ETH_P_ARP };
	struct sockaddr_ll address = {
		.sll_family	= AF_PACKET,
		.sll_protocol	= htons(one_in(16) ? protocols[random_below(4)] : ETH_P_IP),
		.sll_ifindex	= tunnel_ifindex[tunnel],
	};

	if (sendto(sock, frame->ip, len, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		refused++;
}

/* Packets that the kernel refuses to send are skipped. */
static void send_batch(int sock, struct mmsghdr *messages, unsigned int n)
{
	unsigned int done = 0;
	int sent;

	while (done < n) {
		sent = sendmmsg(sock, messages + done, n - done, 0);
		if (sent < 0) {
			refused++;
			sent = 1;
		}
		done += sent;
	}
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

int main(int argc, char **argv)
{
	static struct frame frames[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	unsigned long long packets, sent = 0, next = 1000000;
	unsigned int n, len, tunnel;
	const time_t start = time(NULL);
	enum kind kind;
	int wan, far, gateway;

	if (argc != 4)
		errx(2, "usage: packets PACKETS SEED TUNNELS");
	packets = strtoull(argv[1], NULL, 0);
	random_seed(strtoull(argv[2], NULL, 0));
	n_tunnels = strtoul(argv[3], NULL, 0);
	if (!n_tunnels || n_tunnels > 250)
		errx(2, "1 to 250 tunnels");
	/* This program must not run out of memory when the kernel does. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(1, "mlockall");
	wan = open_wan();
	far = open_far();
	gateway = open_gateway();

	signal(SIGTERM, stop);
	/* From now on the tunnels may be renamed and deleted. */
	puts("# running");
	fflush(stdout);
	while (sent < packets && !stopped) {
		for (n = 0; n < BATCH;) {
			kind = random_kind();
			tunnel = random_tunnel();
			len = build(&frames[n], kind, tunnel);
			kinds_sent[kind]++;
			sent++;
			if (kind == KIND_SENT) {
				send_sent(gateway, &frames[n], len, tunnel);
				continue;
			}
			if (kind == KIND_IPSEC) {
				send_far(far, &frames[n], len);
				continue;
			}
			vectors[n].iov_base = &frames[n];
			vectors[n].iov_len = offsetof(struct frame, ip) + len;
			messages[n].msg_hdr = (struct msghdr){
				.msg_iov	= &vectors[n],
				.msg_iovlen	= 1,
			};
			n++;
		}
		send_batch(wan, messages, n);
		learn(wan);
		if (sent >= next) {
			printf("# %llu packets in %ld s, %llu refused by the sender's kernel\n",
			       sent, (long)(time(NULL) - start), refused);
			fflush(stdout);
			next += 1000000;
		}
	}
	for (kind = 0; kind < KINDS; kind++)
		printf("sent_%s=%llu\n", kind_names[kind], kinds_sent[kind]);
	printf("sent=%llu\nrefused=%llu\nseconds=%ld\n", sent, refused, (long)(time(NULL) - start));
	return 0;
}
