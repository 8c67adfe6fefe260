/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packetization layer path MTU discovery (RFC 8899): which size to probe next, and
 * which size to use. This code uses no clock, no packets and nothing else of the kernel,
 * so that tests/unit can build it unchanged.
 *
 * Sizes are those of inner packets in bytes, like the MTU of the tunnel's device. The
 * caller sends the probes, one at a time, and reports the result of each. An answer proves
 * that the path carries that size. A probe without an answer proves nothing by itself,
 * because packets are also lost for other reasons.
 *
 * The states are those of RFC 8899 section 5.2, with two differences. First, a tunnel
 * continues to use its size while it searches for evidence against it: the first lost
 * probe starts a search below that size. The size is given up when IPIP_PLPMTUD_PROBES
 * probes were lost that were larger than the largest one answered. So the MTU changes
 * once, to a confirmed size, and not to the base size and back up. Second, if not even the
 * smallest probe is answered, the far end doesn't support these probes, and nothing is
 * measured.
 */
#ifndef _IPIP_PLPMTUD_H
#define _IPIP_PLPMTUD_H

/* BASE_PLPMTU: nearly every path carries it (RFC 8899 section 5.1.2). */
#define IPIP_PLPMTUD_BASE	1200
/* MIN_PLPMTU: smaller sizes are neither measured nor accepted from ICMP. It is less than the
 * minimum that Linux accepts from ICMP, 552 (net.ipv4.route.min_pmtu), minus the size of
 * the encapsulation.
 */
#define IPIP_PLPMTUD_MIN	512
/* MAX_PROBES (RFC 8899 section 5.1.2) */
#define IPIP_PLPMTUD_PROBES	3
/* The same if the search would end at a size that isn't common. Nearly all paths have a
 * common size. A search that lost packets at random seldom ends at one.
 */
#define IPIP_PLPMTUD_PROBES_UNCOMMON 5
/* The same for a path that had two outages within the last 64 packets that it could have
 * carried. If a tenth of the packets is lost in each direction, three probes in a row are
 * lost once in 150 times, and eight once in 600,000 times.
 */
#define IPIP_PLPMTUD_PROBES_LOSSY 8
/* Number of small packets sent after the probe that follows a lost one. On such a path all
 * of them come back once in thirty times.
 */
#define IPIP_PLPMTUD_SMALL	16
/* A search whose bounds are at most this far apart soon ends: it loses seven probes more at
 * most. The size in force is given up at its end, so that the MTU changes once: routing
 * daemons drop their neighbours at each change.
 */
#define IPIP_PLPMTUD_NEAR	128
/* PMTU_RAISE_TIMER in confirmations. With keepalive's default interval of 10 s that is 600 s,
 * as in RFC 8899.
 */
#define IPIP_PLPMTUD_RAISE	60

/**
 * struct ipip_plpmtud - the state of the measurement of a path
 * @max: largest size that the underlay can carry
 * @overhead: bytes that the tunnel adds to a packet
 * @confirmed: the size in force, which was confirmed; 0 if there is none
 * @low: largest size that this search has confirmed; 0 if there is none
 * @high: smallest size that this search considers too large
 * @top: largest size of this search
 * @next: size of the next probe
 * @size: size of the probe in flight, or 0
 * @hint: size from ICMP if it is smaller than the size in force, else 0
 * @history: one bit for each of the last packets that the path could have carried: 1 if
 *	it was lost
 * @state: enum ipip_mtu_state
 * @lost: number of lost probes of size @next in a row
 * @strikes: number of lost probes that are evidence against the size in force
 * @rounds: number of confirmations since the last search
 * @urgent: @top is the size in force, and may be too large
 * @disproved: @hint was wrong
 * @again: this search has probed @high again
 */
struct ipip_plpmtud {
	u16 max;
	u16 overhead;
	u16 confirmed;
	u16 low;
	u16 high;
	u16 top;
	u16 next;
	u16 size;
	u16 hint;
	u64 history;
	u8 state;
	u8 lost;
	u8 strikes;
	u8 rounds;
	bool urgent;
	bool disproved;
	bool again;
};

/* Get the smallest common path MTU above @mtu, or 0. Common are IPv6's minimum, and the MTUs
 * of other kinds of tunnels, PPPoE, Ethernet and jumbo frames. A search tries these sizes
 * first (RFC 8899 section 5.3.2).
 */
static inline unsigned int ipip_plpmtud_common(unsigned int mtu)
{
	static const u16 common[] = {
		576, 1006, 1280, 1360, 1400, 1420, 1440, 1450, 1460, 1480, 1492,
		1500, 2048, 4096, 8192, 9000, 16384, 32768,
	};
	unsigned int i;

	for (i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (common[i] > mtu)
			return common[i];
	return 0;
}

static inline unsigned int ipip_plpmtud_base(const struct ipip_plpmtud *p)
{
	return p->max < IPIP_PLPMTUD_BASE ? p->max : IPIP_PLPMTUD_BASE;
}

/* Check whether the path had more than one outage. Packets that are lost in a row are one
 * outage.
 */
static inline bool ipip_plpmtud_is_lossy(const struct ipip_plpmtud *p)
{
	const u64 outages = p->history & ~(p->history << 1);

	return outages & (outages - 1);
}

/* Get the number of lost probes that are evidence that a size is too large. */
static inline unsigned int ipip_plpmtud_limit(const struct ipip_plpmtud *p)
{
	return ipip_plpmtud_is_lossy(p) ? IPIP_PLPMTUD_PROBES_LOSSY :
					  IPIP_PLPMTUD_PROBES;
}

/* Get the smallest common size between @low and @high, or 0. */
static inline unsigned int ipip_plpmtud_climb(const struct ipip_plpmtud *p)
{
	const unsigned int mtu = ipip_plpmtud_common(p->low + p->overhead);

	return mtu && mtu < p->high + p->overhead ? mtu - p->overhead : 0;
}

/* Check whether @low is likely to be the path MTU. Then probe the next larger size. */
static inline bool ipip_plpmtud_is_likely(const struct ipip_plpmtud *p)
{
	const unsigned int mtu = p->low + p->overhead;

	return p->low == p->hint || p->low == p->confirmed ||
	       ipip_plpmtud_common(mtu - 1) == mtu;
}

/* Start a search from nothing. */
static inline void ipip_plpmtud_begin(struct ipip_plpmtud *p)
{
	p->state = IPIP_MTU_STATE_BASE;
	p->low = 0;
	p->top = p->max;
	p->high = p->max + 1;
	p->next = ipip_plpmtud_base(p);
	p->size = 0;
	p->lost = 0;
	p->strikes = 0;
	p->rounds = 0;
	p->urgent = true;
}

/* Search for a larger size than the one in force. */
static inline void ipip_plpmtud_raise(struct ipip_plpmtud *p)
{
	p->state = IPIP_MTU_STATE_SEARCH;
	p->low = p->confirmed;
	p->top = p->max;
	p->high = p->max + 1;
	p->next = p->max;
	p->size = 0;
	p->lost = 0;
	p->strikes = 0;
	p->rounds = 0;
	p->urgent = false;
}

static inline void ipip_plpmtud_complete(struct ipip_plpmtud *p,
					 unsigned int size)
{
	p->state = IPIP_MTU_STATE_COMPLETE;
	p->confirmed = size;
	p->next = size;
	p->lost = 0;
	p->strikes = 0;
	p->urgent = false;
	p->again = false;
}

/* Check whether enough probes were lost to give up the size in force. */
static inline bool ipip_plpmtud_is_enough(const struct ipip_plpmtud *p)
{
	if (!ipip_plpmtud_is_likely(p) && !ipip_plpmtud_is_lossy(p))
		return p->strikes >= IPIP_PLPMTUD_PROBES_UNCOMMON;
	return p->strikes >= ipip_plpmtud_limit(p);
}

/* A search for a larger size ends at a size that isn't common: maybe the path has become
 * wider after @high was lost.
 */
static inline void ipip_plpmtud_again(struct ipip_plpmtud *p)
{
	p->again = true;
	p->next = p->high;
}

/* Continue the search between @low and @high, or end it. */
static inline void ipip_plpmtud_go_on(struct ipip_plpmtud *p, bool plus_one)
{
	p->lost = 0;
	if (p->high > p->top)
		p->next = p->top;
	else if (p->low + 1 < p->high)
		p->next = plus_one ? p->low + 1u :
			  ipip_plpmtud_climb(p) ?: (p->low + p->high) / 2u;
	else if (p->urgent && !ipip_plpmtud_is_enough(p))
		p->next = p->top;	/* until there is enough evidence */
	else if (!p->urgent && !p->again && !ipip_plpmtud_is_likely(p))
		ipip_plpmtud_again(p);
	else
		ipip_plpmtud_complete(p, p->low);
}

/* The size in force is too large: use the largest size that was answered. On a path that
 * loses packets, lost probes of other sizes say nothing.
 */
static inline void ipip_plpmtud_give_up(struct ipip_plpmtud *p)
{
	p->confirmed = p->low;
	p->urgent = false;
	p->strikes = 0;
	if (ipip_plpmtud_is_lossy(p))
		p->high = p->top;
}

/* Check whether the search ends soon. On a path that loses packets it doesn't: each size
 * takes several probes.
 */
static inline bool ipip_plpmtud_is_near(const struct ipip_plpmtud *p)
{
	return p->high - p->low <= IPIP_PLPMTUD_NEAR &&
	       !ipip_plpmtud_is_lossy(p);
}

/* Check whether ICMP has reported a smaller size that isn't known to be wrong. */
static inline bool ipip_plpmtud_is_hinted(const struct ipip_plpmtud *p)
{
	return p->hint && p->hint < p->top && !p->disproved;
}

/* Get the first size of a search below the size in force: the size from ICMP, or one that
 * nearly every path carries.
 */
static inline unsigned int ipip_plpmtud_first(const struct ipip_plpmtud *p)
{
	if (ipip_plpmtud_is_hinted(p))
		return p->hint;
	return p->top > IPIP_PLPMTUD_BASE ? IPIP_PLPMTUD_BASE :
					    IPIP_PLPMTUD_MIN;
}

/* A confirmation is lost: search below the size in force. A size from ICMP is additional
 * evidence against that size.
 */
static inline void ipip_plpmtud_suspect(struct ipip_plpmtud *p)
{
	p->state = IPIP_MTU_STATE_SEARCH;
	p->urgent = true;
	p->top = p->confirmed;
	p->high = p->confirmed;
	p->low = 0;
	p->lost = 0;
	p->strikes = ipip_plpmtud_is_hinted(p) ? 2 : 1;
	if (!ipip_plpmtud_is_lossy(p))
		p->next = ipip_plpmtud_first(p);
}

/* A probe is lost, and none has been answered yet. */
static inline void ipip_plpmtud_lost_base(struct ipip_plpmtud *p)
{
	const unsigned int base = ipip_plpmtud_base(p);

	if (p->next > base) {
		p->next = base;
	} else if (++p->lost >= ipip_plpmtud_limit(p)) {
		p->lost = 0;
		if (p->next > IPIP_PLPMTUD_MIN) {
			p->state = IPIP_MTU_STATE_ERROR;
			p->next = IPIP_PLPMTUD_MIN;
			return;
		}
		p->state = IPIP_MTU_STATE_UNANSWERED;
		p->confirmed = 0;
		p->rounds = 0;
	}
}

/* A probe is lost, and the size in force may be too large. On a path that loses packets,
 * don't search before probes of that size were lost often enough: during the search many
 * other probes would be lost, and would count as evidence against that size.
 */
static inline void ipip_plpmtud_lost_urgent(struct ipip_plpmtud *p)
{
	bool enough;

	p->strikes += p->strikes < U8_MAX;
	enough = ipip_plpmtud_is_enough(p);
	if (p->next < p->high)
		p->high = p->next;
	if (!enough && ipip_plpmtud_is_lossy(p)) {
		p->next = p->top;
	} else if (!p->low) {
		p->next = ipip_plpmtud_first(p);
	} else {
		if (enough && !ipip_plpmtud_is_near(p))
			ipip_plpmtud_give_up(p);
		ipip_plpmtud_go_on(p, ipip_plpmtud_is_likely(p));
	}
}

static inline void ipip_plpmtud_lost_search(struct ipip_plpmtud *p)
{
	if (!p->low && p->next < p->top) {
		p->strikes += p->strikes < U8_MAX;
		ipip_plpmtud_lost_base(p);
	} else if (p->urgent) {
		ipip_plpmtud_lost_urgent(p);
	} else if (++p->lost >= ipip_plpmtud_limit(p)) {
		p->high = p->next;
		ipip_plpmtud_go_on(p, ipip_plpmtud_is_likely(p));
	}
}

/**
 * ipip_plpmtud_note() - Record whether a packet that the path can carry was lost
 * @p: the state of the measurement
 * @lost: it was lost
 */
static inline void ipip_plpmtud_note(struct ipip_plpmtud *p, bool lost)
{
	p->history = p->history << 1 | lost;
}

/* Some of several small packets that were sent together were lost: treat the path as one
 * that loses packets, as after two outages.
 */
static inline void ipip_plpmtud_note_lossy(struct ipip_plpmtud *p)
{
	p->history = p->history << 4 | 0x5;
}

/**
 * ipip_plpmtud_timer() - Handle that a probe is due, or wasn't answered in time
 * @p: the state of the measurement
 * @alive: a small packet that was sent after the probe, or with it, was answered; if
 *	not, the loss of the probe says nothing about its size
 *
 * Return: size of the probe to send now, or 0 for none.
 */
static inline unsigned int ipip_plpmtud_timer(struct ipip_plpmtud *p, bool alive)
{
	const bool lost = p->size;

	p->size = 0;
	if (lost && !alive) {
		ipip_plpmtud_note(p, true);
	} else if (lost) {
		if (p->state == IPIP_MTU_STATE_COMPLETE)
			ipip_plpmtud_suspect(p);
		else if (p->state == IPIP_MTU_STATE_SEARCH)
			ipip_plpmtud_lost_search(p);
		else
			ipip_plpmtud_lost_base(p);
	} else if (p->state == IPIP_MTU_STATE_COMPLETE &&
		   p->confirmed < p->max && ++p->rounds >= IPIP_PLPMTUD_RAISE) {
		ipip_plpmtud_raise(p);
	} else if (p->state == IPIP_MTU_STATE_UNANSWERED &&
		   ++p->rounds >= IPIP_PLPMTUD_RAISE) {
		ipip_plpmtud_begin(p);
	}
	if (p->state == IPIP_MTU_STATE_OFF ||
	    p->state == IPIP_MTU_STATE_UNANSWERED)
		return 0;
	/* The search has ended: the next confirmation isn't due yet. */
	if (lost && p->state == IPIP_MTU_STATE_COMPLETE)
		return 0;
	p->size = p->next;
	return p->size;
}

/* The hint was wrong, so it is no longer evidence against the size in force. */
static inline void ipip_plpmtud_disprove(struct ipip_plpmtud *p)
{
	if (p->urgent && !p->disproved && p->strikes > 1)
		p->strikes--;
	p->disproved = true;
}

/* The largest size of the search was answered: earlier probes were lost for other reasons than
 * their size.
 */
static inline void ipip_plpmtud_acquit(struct ipip_plpmtud *p, unsigned int size)
{
	for (; p->strikes; p->strikes--)
		ipip_plpmtud_note(p, true);
	ipip_plpmtud_complete(p, size);
}

/**
 * ipip_plpmtud_late() - Handle an answer to a probe that has counted as lost
 * @p: the state of the measurement
 * @size: the probe's size; the loss of the probe has started this search, or the probe is
 *	one of this search
 *
 * Return: true if that ends the search.
 */
static inline bool ipip_plpmtud_late(struct ipip_plpmtud *p, unsigned int size)
{
	if (p->state != IPIP_MTU_STATE_SEARCH || !p->urgent || size < p->top)
		return false;
	p->size = 0;
	ipip_plpmtud_acquit(p, p->top);
	return true;
}

/**
 * ipip_plpmtud_answer() - Handle an answer to the probe in flight
 * @p: the state of the measurement; @p->size isn't 0
 *
 * Return: true if the next probe is to be sent at once, false if it can wait.
 */
static inline bool ipip_plpmtud_answer(struct ipip_plpmtud *p)
{
	const unsigned int size = p->size;

	p->size = 0;
	p->lost = 0;
	if (p->hint && size > p->hint)
		ipip_plpmtud_disprove(p);
	ipip_plpmtud_note(p, false);
	if (p->state == IPIP_MTU_STATE_COMPLETE)
		return false;

	p->low = size;
	if (p->state == IPIP_MTU_STATE_ERROR)
		ipip_plpmtud_give_up(p);
	p->state = IPIP_MTU_STATE_SEARCH;
	if (size >= p->top) {
		ipip_plpmtud_acquit(p, size);
		return false;
	}
	if (size >= p->high)
		p->high = p->top + 1;
	ipip_plpmtud_go_on(p, size == p->hint);
	return p->state != IPIP_MTU_STATE_COMPLETE;
}

/* Confirm the size in force again. */
static inline void ipip_plpmtud_confirm(struct ipip_plpmtud *p)
{
	ipip_plpmtud_complete(p, p->confirmed);
	p->size = 0;
}

/* ICMP reports that the path carries at most @hint. Returns true if that is new. */
static inline bool ipip_plpmtud_set_hint(struct ipip_plpmtud *p,
					 unsigned int hint)
{
	if (!p->confirmed || hint >= p->confirmed || hint < IPIP_PLPMTUD_MIN) {
		p->hint = 0;
		p->disproved = false;
		return false;
	}
	if (hint == p->hint)
		return false;
	p->hint = hint;
	p->disproved = false;
	return true;
}

/**
 * ipip_plpmtud_set_path() - Handle a possible change of the path, or a size from ICMP
 * @p: the state of the measurement
 * @max: largest size that the underlay can carry
 * @hint: largest size that the path carries according to ICMP; @max if ICMP has
 *	reported nothing
 *
 * A smaller @max takes effect at once. A larger @max, and @hint, are probed. Below
 * %IPIP_PLPMTUD_MIN nothing is measured.
 *
 * Return: true if the next probe is to be sent soon.
 */
static inline bool ipip_plpmtud_set_path(struct ipip_plpmtud *p,
					 unsigned int max, unsigned int hint)
{
	const bool changed = p->max != max;
	bool news;

	p->max = max;
	if (max < IPIP_PLPMTUD_MIN) {
		p->state = IPIP_MTU_STATE_OFF;
		p->confirmed = 0;
		p->size = 0;
		return false;
	}
	if (p->confirmed > max)
		p->confirmed = max;
	news = ipip_plpmtud_set_hint(p, hint);
	if (!changed && !news)
		return false;
	/* Wait for the result of the probe in flight. Otherwise repeated hints would prevent
	 * its loss from ever being noticed.
	 */
	if (!changed && p->state == IPIP_MTU_STATE_COMPLETE &&
	    p->size == p->confirmed)
		return false;
	if (!p->confirmed)
		ipip_plpmtud_begin(p);
	else if (changed && max > p->confirmed)
		ipip_plpmtud_raise(p);
	else if (changed || !p->urgent)
		ipip_plpmtud_confirm(p);
	else
		return false;	/* A search below that size is running already. */
	return true;
}

/**
 * ipip_plpmtud_reset() - Forget the result of the measurement
 * @p: the state of the measurement
 * @overhead: bytes that the tunnel adds to a packet
 *
 * ipip_plpmtud_set_path() starts a new measurement.
 */
static inline void ipip_plpmtud_reset(struct ipip_plpmtud *p,
				      unsigned int overhead)
{
	*p = (struct ipip_plpmtud) { .overhead = overhead };
}

#endif /* _IPIP_PLPMTUD_H */
