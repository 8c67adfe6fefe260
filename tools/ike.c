// SPDX-License-Identifier: GPL-2.0
/*
 * Asking the IKE daemon whether it has IKEv1. No command of strongSwan tells: without IKEv1
 * it loads a connection with "version = 1" all the same. But its IKE port answers the first
 * message of main mode (RFC 2409 section 5.1): with an IKEv1 error if no daemon would accept
 * the proposal, or with IKEv2's INVALID_MAJOR_VERSION (RFC 7296 section 2.5).
 */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipipctl.h"

#define IKE_PORT	500
/* The daemon is on this machine. Don't wait longer for a busy one. */
#define ANSWER_MS	1000

/* RFC 2408 section 3.1; IKEv2's header has the same form. */
struct ike_header {
	uint8_t initiator[8];
	uint8_t responder[8];
	uint8_t next;
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t id;
	uint32_t length;
} __attribute__((packed));

/* RFC 7296 section 3.10, without an SPI */
struct ike_notify {
	uint8_t next;
	uint8_t critical;
	uint16_t length;
	uint8_t protocol;
	uint8_t spi_size;
	uint16_t type;
} __attribute__((packed));

#define NEXT_SA			1
#define VERSION_1		0x10
#define VERSION_2		0x20
#define MAIN_MODE		2
#define NEXT_NOTIFY		41
#define INVALID_MAJOR_VERSION	5

/* RFC 2408 sections 3.4 to 3.6: one proposal with one transform, which is DES, MD5, a
 * pre-shared key and 768 bits.
 */
static const uint8_t payload_sa[] = {
	0, 0, 0, 44, 0, 0, 0, 1, 0, 0, 0, 1,
	0, 0, 0, 32, 1, 1, 0, 1,
	0, 0, 0, 24, 1, 1, 0, 0,
	0x80, 1, 0, 1, 0x80, 2, 0, 1, 0x80, 3, 0, 1, 0x80, 4, 0, 1,
};

struct ike_question {
	struct ike_header header;
	uint8_t sa[sizeof(payload_sa)];
} __attribute__((packed));

struct ike_answer {
	struct ike_header header;
	struct ike_notify notify;
} __attribute__((packed));

static bool is_refusal(const struct ike_question *q, const struct ike_answer *a, ssize_t len)
{
	return len >= (ssize_t)sizeof(*a) && a->header.version == VERSION_2 &&
	       !memcmp(a->header.initiator, q->header.initiator,
		       sizeof(q->header.initiator)) &&
	       a->header.next == NEXT_NOTIFY &&
	       a->notify.type == htons(INVALID_MAJOR_VERSION);
}

static bool ask(int fd)
{
	const struct sockaddr_in daemon = {
		.sin_family = AF_INET,
		.sin_port = htons(IKE_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ike_question q = {
		.header = {
			.next = NEXT_SA, .version = VERSION_1, .exchange = MAIN_MODE,
			.length = htonl(sizeof(q)),
		},
	};
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct ike_answer a;
	ssize_t len;

	memcpy(q.sa, payload_sa, sizeof(q.sa));
	/* The daemon would take an identical message for a retransmission. */
	if (getrandom(q.header.initiator, sizeof(q.header.initiator), 0) !=
	    sizeof(q.header.initiator))
		return false;
	if (connect(fd, (const struct sockaddr *)&daemon, sizeof(daemon)) ||
	    send(fd, &q, sizeof(q), 0) != sizeof(q))
		return false;
	if (poll(&wait, 1, ANSWER_MS) != 1)
		return false;
	len = recv(fd, &a, sizeof(a), 0);
	return is_refusal(&q, &a, len);
}

/**
 * ike_lacks_v1() - Check whether the IKE daemon has answered that it has no IKEv1
 *
 * It is asked once. A daemon that doesn't answer, for example on another port or behind a
 * packet filter, may have IKEv1.
 *
 * Return: true if it has answered so.
 */
bool ike_lacks_v1(void)
{
	static bool asked, lacks;
	int fd;

	if (asked)
		return lacks;
	asked = true;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	lacks = ask(fd);
	close(fd);
	return lacks;
}
