// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink through libmnl: dumps, batches of requests, and notifications. If the kernel
 * refuses a request, its explanation and the attribute at fault are stored in the request.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
/* Included before the kernel's headers, which then omit its definitions. */
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

/* Bytes that are sent before the answers are read. */
#define BATCH_SIZE	(64 * 1024)
#define BATCH_ROOM	4096	/* for one more message */
#define BATCH_MESSAGES	512
#define ANSWER_ROOM	(16 * 1024)	/* that the largest answer takes of a socket's */
#define DUMP_SIZE	(64 * 1024)
#define DUMP_TRIES	20
#define SOCKET_ROOM	(8 << 20)
/* Number of messages about links that are read at once, and maximum size of each. */
#define EVENTS		32
#define EVENT_SIZE	(16 * 1024)

static struct mnl_socket *nl;
static uint32_t seq;
/* Number of answers that fit into the socket. */
static unsigned int answers_max;

static struct mnl_socket *open_socket(unsigned int groups)
{
	const int on = 1, room = SOCKET_ROOM;
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!s || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		fail("netlink", "%s", strerror(errno));
		if (s)
			mnl_socket_close(s);
		return NULL;
	}
	/* Kernels without one of these options report less, or send more. */
	mnl_socket_setsockopt(s, NETLINK_EXT_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(s, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(s, NETLINK_GET_STRICT_CHK, (void *)&on, sizeof(on));
	/* Root of a user namespace has the same limit as other users. */
	if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return s;
}

/* The kernel always accepts one message more than fits. */
static unsigned int room_for_answers(struct mnl_socket *s)
{
	socklen_t len = sizeof(int);
	int room = 0;

	getsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUF, &room, &len);
	room = room / ANSWER_ROOM + 1;
	return room < BATCH_MESSAGES ? room : BATCH_MESSAGES;
}

/**
 * nl_open() - Open the socket that all requests use
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_open(void)
{
	if (nl)
		return 0;
	nl = open_socket(0);
	if (!nl)
		return IPIPCTL_REFUSED;
	seq = time(NULL);
	answers_max = room_for_answers(nl);
	return 0;
}

/**
 * driver_is_ours() - Check which driver has registered the link kind
 * @loaded: set to whether a driver is loaded
 *
 * Return: false if it is the in-tree one, which has no version.
 */
bool driver_is_ours(bool *loaded)
{
	*loaded = !access("/sys/module/ipip", F_OK);
	return !*loaded || !access("/sys/module/ipip/version", F_OK);
}

/**
 * driver_version() - Get the version of the driver
 * @version: set to it, or to "not loaded", "the in-tree one" or "unknown"
 * @size: bytes of @version
 */
void driver_version(char *version, size_t size)
{
	bool loaded, ours = driver_is_ours(&loaded);
	FILE *f = loaded && ours ? fopen("/sys/module/ipip/version", "re") : NULL;

	snprintf(version, size, "%s", !loaded ? "not loaded" : !ours ? "the in-tree one" :
		 "unknown");
	if (f && fgets(version, size, f))
		version[strcspn(version, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* Every netns has this tunnel from the start, so it is neither numbered nor exported. */
static bool is_fallback(const struct tunnel *t)
{
	return !strcmp(t->name, "tunl0") && !t->local && !t->remote && !*t->link &&
	       !t->link_index && !t->external;
}

static void read_link(const struct nlmsghdr *nlh, void *data)
{
	struct tunnels *list = data;
	struct tunnel *t = tunnel_add(list);

	if (nlh->nlmsg_type != RTM_NEWLINK || !attributes_read(nlh, t) || is_fallback(t))
		list->n--;
}

static struct nlmsghdr *put_header(void *buffer, uint16_t type, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	return nlh;
}

/* Read one dump to its end, even if it has to be repeated: otherwise the rest would be taken
 * for a part of the next one. Returns 0 or an errno.
 */
static int read_dump(void (*take)(const struct nlmsghdr *nlh, void *data), void *data,
		     bool *interrupted)
{
	static char buffer[DUMP_SIZE];
	struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	for (;;) {
		got = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		len = got;
		nlh = (struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				*interrupted = true;
			/* Both have an errno, negative, in front. */
			if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
				return mnl_nlmsg_get_payload_len(nlh) < sizeof(int) ? 0 :
				       -*(const int *)mnl_nlmsg_get_payload(nlh);
			take(nlh, data);
		}
	}
}

static int dump_once(struct tunnels *list, bool stats, bool *interrupted)
{
	char buffer[256];
	struct nlmsghdr *nlh = put_header(buffer, RTM_GETLINK, NLM_F_DUMP, 0);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ipip");
	mnl_attr_nest_end(nlh, info);
	if (!stats)
		mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return errno;
	return read_dump(read_link, list, interrupted);
}

static bool has_same_links(const struct tunnels *a, const struct tunnels *b)
{
	size_t i;

	for (i = 0; a->n == b->n && i < a->n; i++)
		if (a->t[i].ifindex != b->t[i].ifindex)
			return false;
	return a->n == b->n;
}

/* The kernel reports whether links of any kind were created or deleted during a dump. If
 * that happens all the time, two dumps in a row with the same tunnels suffice: it is unlikely
 * that both lack the same tunnel. Returns 0 or an errno; EAGAIN if no two were equal.
 */
static int dump_again(struct tunnels *list, bool stats)
{
	struct tunnels last = {};
	bool interrupted = true, same = false;
	unsigned int tries;
	int error = 0;

	for (tries = 0; interrupted && !same && !error && tries < DUMP_TRIES; tries++) {
		tunnels_free(&last);
		last = *list;
		memset(list, 0, sizeof(*list));
		interrupted = false;
		error = dump_once(list, stats, &interrupted);
		tunnels_sort(list);
		same = tries && has_same_links(&last, list);
	}
	tunnels_free(&last);
	return error ?: interrupted && !same ? EAGAIN : 0;
}

/**
 * nl_dump() - Read all tunnels, in the order of their creation
 * @list: filled; what was in it is freed
 * @stats: with the device's counters
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_dump(struct tunnels *list, bool stats)
{
	int error;

	tunnels_free(list);
	if (nl_open())
		return IPIPCTL_REFUSED;
	error = dump_again(list, stats);
	/* The kind isn't known before its module is loaded. */
	if (!error || error == EOPNOTSUPP) {
		tunnels_number(list);
		return 0;
	}
	if (error == EAGAIN)
		fail("netlink", "the list of tunnels changed during each of %u attempts to read it",
		     DUMP_TRIES);
	else
		fail("netlink", "%s", strerror(error));
	return IPIPCTL_REFUSED;
}

/* Requests */

/* Write the properties of an existing or new tunnel. A new tunnel isn't brought up before
 * PASS_CHECK has checked that the driver has accepted them.
 */
static void put_make(void *buffer, const struct request *r)
{
	const uint16_t create = r->op == OP_ADD ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;

	nlh = put_header(buffer, RTM_NEWLINK, NLM_F_ACK | create, r->t.ifindex);
	if (r->mask & BIT(P_DISABLED) && (r->t.disabled || r->op == OP_ADD)) {
		ifi = mnl_nlmsg_get_payload(nlh);
		ifi->ifi_change = IFF_UP;
	}
	attributes_put(nlh, &r->t, r->mask);
}

/* An alias can't be set in the request that creates a link. Set it by index, when the link is
 * known to be the new one: the name may belong to another device, because of which the new
 * one was refused.
 */
static void put_comment(void *buffer, const struct request *r)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_SETLINK, NLM_F_ACK, r->t.ifindex);

	mnl_attr_put_str(nlh, IFLA_IFALIAS, r->t.comment);
}

static void put_altname(void *buffer, const struct request *r, const char *name, size_t len)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_NEWLINKPROP, NLM_F_ACK, r->t.ifindex);
	struct nlattr *list = mnl_attr_nest_start(nlh, IFLA_PROP_LIST);

	mnl_attr_put(nlh, IFLA_ALT_IFNAME, len, name);
	mnl_attr_nest_end(nlh, list);
}

static void put_remove(void *buffer, const struct request *r)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_DELLINK, NLM_F_ACK, r->t.ifindex);

	if (!r->t.ifindex)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, r->t.new_name);
}

static void put_check(void *buffer, const struct request *r)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_GETLINK, 0, r->t.ifindex);

	if (!r->t.ifindex)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, r->t.new_name);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/* Use the index: another device may have the name by now. */
static void put_up(void *buffer, const struct request *r)
{
	struct nlmsghdr *nlh = put_header(buffer, RTM_SETLINK, NLM_F_ACK, r->t.ifindex);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
}

/* Answers */

/* Explain an error for which the kernel has sent no explanation. */
static const char *explain(int error)
{
	bool loaded;

	switch (error) {
	case EPERM:
		return "Operation not permitted: CAP_NET_ADMIN is required";
	case EOPNOTSUPP:
		driver_is_ours(&loaded);
		return loaded ? strerror(error) :
				"no driver: is the module ipip installed?";
	}
	return strerror(error);
}

static void note(struct request *r, int error, const char *name, const char *why)
{
	r->error = error;
	snprintf(r->why, sizeof(r->why), "%s%s%s", name ?: "", name ? ": " : "", why);
}

static void note_error(struct request *r, const struct nlmsghdr *ack,
		       const struct nlmsghdr *sent)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(ack);
	const char *message = NULL, *name = NULL;
	const struct nlattr *attr;
	size_t skip = sizeof(*err);
	int error = -err->error;

	if (!(ack->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	if (ack->nlmsg_flags & NLM_F_ACK_TLVS) {
		mnl_attr_for_each(attr, ack, skip) {
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				message = mnl_attr_get_str(attr);
			else if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
				name = attribute_at(sent, mnl_attr_get_u32(attr));
		}
	}
	/* The kernel's errors for an unknown kind, and for a name in use. */
	if (error == EOPNOTSUPP && message && !strcmp(message, "Unknown device type"))
		message = NULL;
	if (error == EEXIST && !message)
		message = "a device with this name exists";
	if (error == EBUSY && r->mask & BIT(P_NAME) && !message)
		message = "can't be renamed while it is enabled";
	note(r, error, name, message ?: explain(error));
}

/* A driver that doesn't send IFLA_IPIP_EXT also ignores it in requests. If the device isn't a
 * tunnel at all, it isn't the one that was created, and must not be undone.
 */
static void check(struct request *r, const struct nlmsghdr *nlh)
{
	const char *name;
	struct tunnel t;

	if (!attributes_read(nlh, &t)) {
		r->done = false;
		note(r, ENODEV, NULL, "another device has got its name");
		return;
	}
	if (!t.ours) {
		r->foreign = true;
		note(r, EOPNOTSUPP, NULL, "the tunnel is another driver's");
		return;
	}
	name = attributes_differ(&r->t, &t, r->mask);
	if (name)
		note(r, EOPNOTSUPP, name, "the driver hasn't taken it");
	r->t.ifindex = t.ifindex;
}

/* Batches */

/* A message that was sent, and its request. */
struct sent {
	struct request *r;
	size_t offset;
	bool answered;
};

struct batch {
	struct mnl_nlmsg_batch *b;
	char buffer[BATCH_SIZE];
	struct sent sent[BATCH_MESSAGES];
	unsigned int n;
	uint32_t first;
	bool refused;
};

/* Returns how many messages this answers. */
static int batch_answer(struct batch *b, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const uint32_t i = nlh->nlmsg_seq - b->first;
	struct request *r;

	if (i >= b->n)
		return 0;
	r = b->sent[i].r;
	if (nlh->nlmsg_type == RTM_NEWLINK)
		check(r, nlh);
	else if (nlh->nlmsg_type != NLMSG_ERROR)
		return 0;
	else if (!err->error)
		r->done = true;
	else if (!r->error)
		note_error(r, nlh, (void *)(b->buffer + b->sent[i].offset));
	b->sent[i].answered = true;
	b->refused = b->refused || r->error;
	return 1;
}

/* The result of a request isn't known then. */
static int lose_answers(struct batch *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		if (!b->sent[i].answered)
			b->sent[i].r->lost = true;
	return -1;
}

/* Send what is in the batch and wait for an answer to each message. */
static int batch_run(struct batch *b)
{
	static char buffer[DUMP_SIZE];
	unsigned int answers = 0;
	struct nlmsghdr *nlh;
	int len;

	if (!b->n)
		return 0;
	if (mnl_socket_sendto(nl, mnl_nlmsg_batch_head(b->b),
			      mnl_nlmsg_batch_size(b->b)) < 0)
		return -1;
	while (answers < b->n) {
		len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return lose_answers(b);
		nlh = (struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			answers += batch_answer(b, nlh);
	}
	b->n = 0;
	mnl_nlmsg_batch_reset(b->b);
	return 0;
}

/* Get the place for the next message. If the batch is full, it is sent first. Returns NULL
 * with errno.
 */
static void *batch_begin(struct batch *b)
{
	const bool full = b->n == answers_max ||
			  mnl_nlmsg_batch_size(b->b) > BATCH_SIZE - BATCH_ROOM;

	if (full && batch_run(b))
		return NULL;
	if (!b->n)
		b->first = seq + 1;
	return mnl_nlmsg_batch_current(b->b);
}

static void batch_end(struct batch *b, struct request *r)
{
	b->sent[b->n++] = (struct sent){ .r = r, .offset = mnl_nlmsg_batch_size(b->b) };
	mnl_nlmsg_batch_next(b->b);
}

/* These return 0, or -1 with errno. */

static int batch_put(struct batch *b, struct request *r,
		     void (*put)(void *buffer, const struct request *r))
{
	void *buffer = batch_begin(b);

	if (!buffer)
		return -1;
	put(buffer, r);
	batch_end(b, r);
	return 0;
}

static int put_names(struct batch *b, struct request *r)
{
	const char *rest = r->t.altnames, *name;
	void *buffer;
	size_t len;

	if (*r->t.comment && batch_put(b, r, put_comment))
		return -1;
	while ((name = next_altname(&rest, &len))) {
		buffer = batch_begin(b);
		if (!buffer)
			return -1;
		put_altname(buffer, r, name, len);
		batch_end(b, r);
	}
	return 0;
}

static int put_request(struct batch *b, struct request *r, enum pass pass)
{
	const bool add = r->op == OP_ADD, set = r->op == OP_SET;

	if (r->op == OP_NOTHING || (pass != PASS_MAKE && r->error))
		return 0;
	if (pass == (r->late ? PASS_REMOVE : PASS_MAKE))
		return batch_put(b, r, r->op == OP_REMOVE ? put_remove : put_make);
	if (pass == PASS_CHECK && (add || (set && r->mask & attributes_ours())))
		return batch_put(b, r, put_check);
	if (pass == PASS_NAME && add)
		return put_names(b, r);
	if (pass == PASS_UP && (add || set) && r->mask & BIT(P_DISABLED) && !r->t.disabled)
		return batch_put(b, r, put_up);
	return 0;
}

static void progress(size_t done, size_t all)
{
	if (all >= 1000 && (done == all || !(done % 256)) && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu of %zu%s", done, all,
			done == all ? "\n" : "");
}

/**
 * nl_pass() - Send one part of requests to the kernel
 * @list: the requests; the result of each is stored there. Requests that were refused
 *	earlier are skipped
 * @pass: PASS_MAKE creates, changes and removes tunnels, without bringing any up;
 *	PASS_CHECK reads new tunnels, and those with changed properties of this project's
 *	driver, and refuses those that differ from the request; PASS_NAME sets comments and
 *	altnames of new tunnels; PASS_UP brings tunnels up; PASS_REMOVE does late removals
 * @keep_going: don't stop at a refusal
 *
 * Return: 0, also if the kernel refuses some; or an exit status after an error was printed.
 */
int nl_pass(struct requests *list, enum pass pass, bool keep_going)
{
	static struct batch b;
	int ret = nl_open();
	size_t i;

	if (ret)
		return ret;
	b.n = 0;
	b.refused = false;
	b.b = mnl_nlmsg_batch_start(b.buffer, sizeof(b.buffer));
	for (i = 0; !ret && i < list->n && (keep_going || !b.refused); i++) {
		ret = put_request(&b, &list->r[i], pass);
		if (pass == PASS_MAKE)
			progress(i + 1, list->n);
	}
	if (!ret && (keep_going || !b.refused))
		ret = batch_run(&b);
	mnl_nlmsg_batch_stop(b.b);
	if (!ret)
		return 0;
	fail("netlink", "%s", strerror(errno));
	return IPIPCTL_REFUSED;
}

/**
 * nl_listen() - Subscribe to notifications of links
 *
 * Return: the socket, or NULL after an error was printed.
 */
struct mnl_socket *nl_listen(void)
{
	return open_socket(RTMGRP_LINK);
}

/**
 * nl_changes() - Wait until the kernel reports that a tunnel has changed
 * @s: socket of nl_listen()
 * @stop: set by a signal handler
 *
 * More may have changed than was reported.
 *
 * Return: false if @stop is set, or after an error was printed.
 */
bool nl_changes(struct mnl_socket *s, const volatile sig_atomic_t *stop)
{
	struct pollfd wait = { .fd = mnl_socket_get_fd(s), .events = POLLIN };
	static char buffer[DUMP_SIZE];
	struct nlmsghdr *nlh;
	struct tunnel t;
	ssize_t got;
	int len;

	while (!*stop) {
		/* Otherwise a signal just before the wait would be missed. */
		if (poll(&wait, 1, 1000) <= 0)
			continue;
		got = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		/* The socket has overflowed: the caller reads everything. */
		if (got < 0 && errno == ENOBUFS)
			return true;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			fail("netlink", "%s", strerror(errno));
			return false;
		}
		len = got;
		nlh = (struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			if ((nlh->nlmsg_type == RTM_NEWLINK ||
			     nlh->nlmsg_type == RTM_DELLINK) && attributes_read(nlh, &t))
				return true;
	}
	return false;
}

static void take_link(const struct nlmsghdr *nlh, take_link_fn *take, void *data)
{
	const bool gone = nlh->nlmsg_type == RTM_DELLINK;
	struct tunnel t;

	if (nlh->nlmsg_type != RTM_NEWLINK && !gone)
		return;
	if (!attributes_read(nlh, &t)) {
		attributes_read_other(nlh, &t);
		take(&t, gone ? LINK_OTHER_GONE : LINK_OTHER, data);
	} else if (!is_fallback(&t)) {
		take(&t, gone ? LINK_TUNNEL_GONE : LINK_TUNNEL, data);
	}
}

static void take_messages(char *buffer, int len, take_link_fn *take, void *data)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buffer;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		take_link(nlh, take, data);
}

/**
 * nl_links() - Read all pending notifications of links
 * @s: socket of nl_listen()
 * @take: called for each message
 * @data: for @take
 *
 * Return: 0 if there are no more, or -errno: -ENOBUFS if messages were lost because the
 * socket or the buffer was too small.
 */
int nl_links(struct mnl_socket *s, take_link_fn *take, void *data)
{
	static char buffers[EVENTS][EVENT_SIZE];
	struct mmsghdr messages[EVENTS] = {};
	struct iovec parts[EVENTS];
	int got, i;

	for (i = 0; i < EVENTS; i++) {
		parts[i] = (struct iovec){ buffers[i], sizeof(buffers[i]) };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		got = recvmmsg(mnl_socket_get_fd(s), messages, EVENTS, MSG_DONTWAIT, NULL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (i = 0; i < got; i++) {
			if (messages[i].msg_hdr.msg_flags & MSG_TRUNC)
				return -ENOBUFS;
			take_messages(buffers[i], messages[i].msg_len, take, data);
		}
		if (got < EVENTS)
			return 0;
	}
}

struct taker {
	take_link_fn *take;
	void *data;
};

static void take_device(const struct nlmsghdr *nlh, void *data)
{
	const struct taker *taker = data;
	struct tunnel t;

	if (nlh->nlmsg_type != RTM_NEWLINK || attributes_read(nlh, &t))
		return;
	attributes_read_other(nlh, &t);
	taker->take(&t, LINK_OTHER, taker->data);
}

/**
 * nl_dump_devices() - Read all links that aren't tunnels
 * @take: called for each
 * @data: for @take
 *
 * Return: 0, or an exit status after an error was printed.
 */
int nl_dump_devices(take_link_fn *take, void *data)
{
	struct taker taker = { .take = take, .data = data };
	struct nlmsghdr *nlh;
	char buffer[256];
	bool interrupted;
	int error;

	if (nl_open())
		return IPIPCTL_REFUSED;
	nlh = put_header(buffer, RTM_GETLINK, NLM_F_DUMP, 0);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	error = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? errno :
		read_dump(take_device, &taker, &interrupted);
	if (!error)
		return 0;
	fail("netlink", "%s", strerror(error));
	return IPIPCTL_REFUSED;
}

/**
 * nl_wait() - Wait for a message of the kernel or a signal
 * @a: a socket
 * @b: another one, or NULL
 * @ms: milliseconds at most
 * @gather: milliseconds to wait for further messages, which is cheaper than waking up for
 *	each message
 */
void nl_wait(struct mnl_socket *a, struct mnl_socket *b, int ms, int gather)
{
	struct pollfd wait[] = {
		{ .fd = mnl_socket_get_fd(a), .events = POLLIN },
		{ .fd = b ? mnl_socket_get_fd(b) : -1, .events = POLLIN },
	};

	if (poll(wait, ARRAY_SIZE(wait), ms) > 0)
		poll(NULL, 0, gather);
}
