/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packetization layer path MTU discovery (RFC 8899): which size to probe next, and
 * which size counts. This knows no clock, no packet and nothing of the kernel, so that
 * tests/unit builds it as it is.
 *
 * Sizes are those of inner packets, in bytes, as the MTU of the tunnel's device is. The
 * caller sends the probes, one at a time, and says what becomes of each. An answer proves
 * that a probe of that size has come through. A probe without an answer proves nothing
 * by itself, because packets get lost for other reasons, too.
 *
 * The states are those of RFC 8899 section 5.2, with two differences. A tunnel goes on
 * to use the size that it has while it looks for evidence against that: the first lost
 * probe starts a search below it, and the size is given up when so many probes of larger
 * sizes than the largest that was answered were lost as IPIP_PLPMTUD_PROBES says. So the
 * MTU changes once, to a size that was confirmed, and not to the base size and back up.
 * And if not even the smallest probe is answered, the far end doesn't know these probes:
 * then nothing is measured.
 */
#ifndef _IPIP_PLPMTUD_H
#define _IPIP_PLPMTUD_H

/* BASE_PLPMTU: nearly every path carries it (RFC 8899 section 5.1.2). */
#define IPIP_PLPMTUD_BASE	1200
/* MIN_PLPMTU: less than that isn't measured, nor believed of anybody. It is below what
 * Linux believes of ICMP, 552 (net.ipv4.route.min_pmtu), less what the encapsulation takes.
 */
#define IPIP_PLPMTUD_MIN	512
/* MAX_PROBES (RFC 8899 section 5.1.2) */
#define IPIP_PLPMTUD_PROBES	3
/* The same for a path that has twice lost some of the last 64 packets that it could have
 * carried. Where a tenth of the packets are lost each way, three probes in a row are
 * lost once in 150 times, and eight once in 600,000 times.
 */
#define IPIP_PLPMTUD_PROBES_LOSSY 8
/* So many small packets are sent with the probe that follows a lost one. On such a path all
 * of these come back once in thirty times.
 */
#define IPIP_PLPMTUD_SMALL	16
/* PMTU_RAISE_TIMER, in confirmations: RFC 8899 has 600 s, which that is with keepalive's
 * default interval of 10 s.
 */
#define IPIP_PLPMTUD_RAISE	60

/**
 * struct ipip_plpmtud - what is known of a path
 * @max: largest size that the underlay can carry
 * @overhead: bytes that the tunnel puts on a packet
 * @confirmed: the size in force, which was confirmed; 0 if there is none
 * @low: largest size that this search has confirmed; 0 if there is none
 * @high: smallest size that this search takes for too large
 * @top: largest size of this search
 * @next: size of the next probe
 * @size: size of the probe that is on its way, or 0
 * @hint: size that ICMP has named, if it is smaller than that in force, or 0
 * @history: one bit for each of the last packets that the path could have carried: 1 if
 *	it was lost
 * @state: enum ipip_mtu_state
 * @lost: probes of @next in a row that were lost
 * @strikes: lost probes that speak against the size in force
 * @rounds: confirmations since the last search
 * @urgent: @top is the size in force, and may be too large
 * @disproved: @hint was wrong
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
};

/* The smallest MTU of a path above @mtu that is common, or 0: of IPv6's minimum, of tunnels
 * of other kinds, PPPoE, Ethernet and its jumbo frames. A search tries these before others
 * (RFC 8899 section 5.3.2).
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

/* Has the path lost packets, with others between them that it has not lost? All that is lost
 * in a row is one outage.
 */
static inline bool ipip_plpmtud_is_lossy(const struct ipip_plpmtud *p)
{
	const u64 outages = p->history & ~(p->history << 1);

	return outages & (outages - 1);
}

/* So many lost probes are evidence that a size is too large. */
static inline unsigned int ipip_plpmtud_limit(const struct ipip_plpmtud *p)
{
	return ipip_plpmtud_is_lossy(p) ? IPIP_PLPMTUD_PROBES_LOSSY :
					  IPIP_PLPMTUD_PROBES;
}

/* The smallest common size between @low and @high, or 0. */
static inline unsigned int ipip_plpmtud_climb(const struct ipip_plpmtud *p)
{
	const unsigned int mtu = ipip_plpmtud_common(p->low + p->overhead);

	return mtu && mtu < p->high + p->overhead ? mtu - p->overhead : 0;
}

/* Is @low a size that a path is likely to end at? Then the next larger size tells. */
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

/* Look for a larger size than the one in force. */
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
}

/* The search goes on between @low and @high, or ends. */
static inline void ipip_plpmtud_go_on(struct ipip_plpmtud *p, bool plus_one)
{
	p->lost = 0;
	if (p->high > p->top)
		p->next = p->top;
	else if (p->low + 1 < p->high)
		p->next = plus_one ? p->low + 1u :
			  ipip_plpmtud_climb(p) ?: (p->low + p->high) / 2u;
	else if (p->urgent)
		p->next = p->top;	/* until there is evidence enough */
	else
		ipip_plpmtud_complete(p, p->low);
}

/* The size in force is too large: the largest that was answered takes its place. On a path
 * that loses packets nothing else is known.
 */
static inline void ipip_plpmtud_give_up(struct ipip_plpmtud *p)
{
	p->confirmed = p->low;
	p->urgent = false;
	p->strikes = 0;
	if (ipip_plpmtud_is_lossy(p))
		p->high = p->top;
}

/* Has ICMP named a smaller size, which isn't known to be wrong? */
static inline bool ipip_plpmtud_is_hinted(const struct ipip_plpmtud *p)
{
	return p->hint && p->hint < p->top && !p->disproved;
}

/* The size that a search below the one in force begins with: what ICMP has named, or
 * one that nearly every path carries.
 */
static inline unsigned int ipip_plpmtud_first(const struct ipip_plpmtud *p)
{
	if (ipip_plpmtud_is_hinted(p))
		return p->hint;
	return p->top > IPIP_PLPMTUD_BASE ? IPIP_PLPMTUD_BASE :
					    IPIP_PLPMTUD_MIN;
}

/* A confirmation is lost: search below the size in force. What ICMP says speaks against
 * that size, too.
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

/* Nothing has been answered yet, and a probe is lost. */
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

/* The size in force may be too large, and a probe is lost. A path that loses packets isn't
 * searched before that size has been lost often enough: on the way many other probes would
 * get lost, and speak against it.
 */
static inline void ipip_plpmtud_lost_urgent(struct ipip_plpmtud *p)
{
	bool enough;

	p->strikes += p->strikes < U8_MAX;
	enough = p->strikes >= ipip_plpmtud_limit(p);
	if (p->next < p->high)
		p->high = p->next;
	if (!enough && ipip_plpmtud_is_lossy(p)) {
		p->next = p->top;
	} else if (!p->low) {
		p->next = ipip_plpmtud_first(p);
	} else {
		if (enough)
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
 * ipip_plpmtud_note() - A packet that the path can carry has come back, or hasn't
 * @p: what is known of the path
 * @lost: it hasn't
 */
static inline void ipip_plpmtud_note(struct ipip_plpmtud *p, bool lost)
{
	p->history = p->history << 1 | lost;
}

/* Of several small packets, sent together, some have not come back: the path is one that
 * loses packets, as if that had been seen before.
 */
static inline void ipip_plpmtud_note_lossy(struct ipip_plpmtud *p)
{
	p->history = p->history << 4 | 0x5;
}

/**
 * ipip_plpmtud_timer() - It is time for a probe, or a probe has had no answer in time
 * @p: what is known of the path
 * @alive: a small packet that was sent after the probe, or with it, was answered; if
 *	not, the probe says nothing of its size
 *
 * Return: size of the probe that is to be sent now, or 0 for none.
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
	/* The search has ended: the next confirmation has time. */
	if (lost && p->state == IPIP_MTU_STATE_COMPLETE)
		return 0;
	p->size = p->next;
	return p->size;
}

/**
 * ipip_plpmtud_answer() - The probe that is on its way has been answered
 * @p: what is known of the path; @p->size isn't 0
 *
 * Return: true if the next probe is to be sent at once, false if it has time.
 */
static inline bool ipip_plpmtud_answer(struct ipip_plpmtud *p)
{
	const unsigned int size = p->size;

	p->size = 0;
	p->lost = 0;
	if (p->hint && size > p->hint)
		p->disproved = true;
	ipip_plpmtud_note(p, false);
	if (p->state == IPIP_MTU_STATE_COMPLETE)
		return false;

	p->low = size;
	if (p->state == IPIP_MTU_STATE_ERROR)
		ipip_plpmtud_give_up(p);
	p->state = IPIP_MTU_STATE_SEARCH;
	if (size >= p->top) {
		/* What was lost before had other reasons. */
		for (; p->strikes; p->strikes--)
			ipip_plpmtud_note(p, true);
		ipip_plpmtud_complete(p, size);
		return false;
	}
	if (p->urgent && p->strikes >= ipip_plpmtud_limit(p))
		ipip_plpmtud_give_up(p);
	ipip_plpmtud_go_on(p, size == p->hint);
	return p->state != IPIP_MTU_STATE_COMPLETE;
}

/* Confirm the size in force anew. */
static inline void ipip_plpmtud_confirm(struct ipip_plpmtud *p)
{
	ipip_plpmtud_complete(p, p->confirmed);
	p->size = 0;
}

/* ICMP says that the path carries no more than @hint. True if that is news. */
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
 * ipip_plpmtud_set_path() - The path may be another one, or ICMP has told of it
 * @p: what is known of the path
 * @max: largest size that the underlay can carry
 * @hint: largest size that the path carries after what ICMP has said; @max if it
 *	has said nothing
 *
 * A smaller @max counts at once. A larger one, and @hint, are looked into. Below
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
	/* The probe that is on its way tells. Otherwise hints that keep coming would prevent
	 * that one is ever found lost.
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
		return false;	/* A search below that size runs already. */
	return true;
}

/**
 * ipip_plpmtud_reset() - Forget all that was measured
 * @p: what is known of the path
 * @overhead: bytes that the tunnel puts on a packet
 *
 * ipip_plpmtud_set_path() starts again.
 */
static inline void ipip_plpmtud_reset(struct ipip_plpmtud *p,
				      unsigned int overhead)
{
	*p = (struct ipip_plpmtud) { .overhead = overhead };
}

#endif /* _IPIP_PLPMTUD_H */
