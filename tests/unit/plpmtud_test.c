// SPDX-License-Identifier: GPL-2.0
/*
 * Path MTU discovery on simulated paths: the cases of RFC 8899 sections 4 and 5, with kinds of far
 * ends, ICMP errors and random loss.
 */
#include "kernel.h"
#include "ktap.h"
#include "if_ipip.h"
#include "ipip_plpmtud.h"

#define OVERHEAD	20

/* A path that carries sizes up to @mtu and loses @percent of the packets in each direction. If
 * @narrow isn't 0, a router sends every second packet, or @by_chance about half of them, by
 * another path that carries sizes up to @narrow.
 */
struct path {
	unsigned int mtu;
	unsigned int percent;
	unsigned int narrow;
	bool by_chance;
	bool padded;	/* the far end answers padded probes */
	bool dead;
};

static struct ipip_plpmtud p;
static unsigned int sent, lost, timeouts, changes, seen;
static unsigned int lowest;

static bool lucky(const struct path *path)
{
	return rand() % 100 >= (int)path->percent &&
	       rand() % 100 >= (int)path->percent;
}

/* Check whether a packet of this size is too large for the path that it takes. */
static bool too_large(const struct path *path, unsigned int size)
{
	static unsigned int packets;

	packets++;
	if (path->narrow && (path->by_chance ? rand() & 1 : packets & 1))
		return size > path->narrow;
	return size > path->mtu;
}

/* Let the timer fire once. Answers arrive at once and may cause further probes. Returns false if
 * the next probe isn't due at once.
 */
static bool step(const struct path *path)
{
	static bool alive = true, clean = true;
	unsigned int size, i, heard;
	bool more = true, first = p.size == 0;

	if (!first) {
		timeouts++;
		if (alive && !clean)
			ipip_plpmtud_note_lossy(&p);
	}
	size = ipip_plpmtud_timer(&p, first || alive);
	alive = true;
	if (!first) {
		for (heard = 0, i = 0; i < IPIP_PLPMTUD_SMALL; i++)
			heard += !path->dead && lucky(path);
		alive = heard;
		clean = heard == IPIP_PLPMTUD_SMALL;
	} else if (p.state == IPIP_MTU_STATE_COMPLETE) {
		clean = true;
	}
	if (p.confirmed != seen) {
		changes++;
		seen = p.confirmed;
		if (seen && seen < lowest)
			lowest = seen;
	}
	while (size && more) {
		sent++;
		if (path->dead || !path->padded || too_large(path, size) || !lucky(path)) {
			lost++;
			return true;
		}
		more = ipip_plpmtud_answer(&p);
		if (p.confirmed != seen) {
			changes++;
			seen = p.confirmed;
			if (seen && seen < lowest)
				lowest = seen;
		}
		if (more)
			size = ipip_plpmtud_timer(&p, true);
	}
	return size && more;
}

/* Let the timer fire for so many confirmations, with the probes that each causes. */
static void run(const struct path *path, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++)
		while (step(path) && p.state != IPIP_MTU_STATE_OFF)
			if (path->dead)
				break;
}

static void count_anew(void)
{
	sent = 0;
	lost = 0;
	timeouts = 0;
	changes = 0;
	lowest = 65535;
	seen = p.confirmed;
}

static void start(const struct path *path, unsigned int max)
{
	ipip_plpmtud_reset(&p, OVERHEAD);
	ipip_plpmtud_set_path(&p, max, max);
	count_anew();
	run(path, 1);
}

static bool is(unsigned int confirmed, unsigned int state)
{
	if (p.confirmed == confirmed && p.state == state)
		return true;
	printf("# confirmed %u, state %u, low %u, high %u, next %u\n", p.confirmed, p.state,
	       p.low, p.high, p.next);
	return false;
}

static void test_start(void)
{
	struct path path = { .mtu = 1480, .padded = true };
	unsigned int mtu;
	bool good = true;

	start(&path, 1480);
	ktap(is(1480, IPIP_MTU_STATE_COMPLETE) && sent == 2 && !timeouts,
	     "no black hole: probes of the base size and of the largest");
	run(&path, 10);
	ktap(sent == 12 && changes == 1, "each confirmation takes one probe");
	path.mtu = 1380;
	start(&path, 1480);
	ktap(is(1380, IPIP_MTU_STATE_COMPLETE) && timeouts == 3 && changes == 1,
	     "a path of 1380: found after three timeouts, by one change");
	for (mtu = 512; mtu <= 9000; mtu++) {
		path.mtu = mtu;
		start(&path, 8980);
		if (!is(mtu < 8980 ? mtu : 8980, IPIP_MTU_STATE_COMPLETE) || sent > 90) {
			printf("# %u: %u probes\n", mtu, sent);
			good = false;
		}
	}
	ktap(good, "each path MTU from 512 to 9000 is found exactly");
	path.mtu = 600;
	start(&path, 600);
	ktap(is(600, IPIP_MTU_STATE_COMPLETE) && sent == 1, "an underlay below the base size");
	start(&path, 511);
	ktap(is(0, IPIP_MTU_STATE_OFF) && !sent, "an underlay that is too small to measure");
	path.mtu = 65515;
	start(&path, 65515);
	ktap(is(65515, IPIP_MTU_STATE_COMPLETE) && sent == 2, "the largest underlay");
}

static void test_unanswered(void)
{
	struct path path = { .mtu = 1480 };

	start(&path, 1480);
	ktap(is(0, IPIP_MTU_STATE_UNANSWERED) && sent == 6,
	     "a far end that doesn't answer: three probes of the base size, three of the smallest");
	run(&path, IPIP_PLPMTUD_RAISE - 1);
	ktap(sent == 6, "a far end that doesn't answer: no probes for a while");
	path.padded = true;
	run(&path, 1);
	ktap(is(1480, IPIP_MTU_STATE_COMPLETE), "the far end answers later: measured");
	path.padded = false;
	run(&path, 2);
	ktap(is(0, IPIP_MTU_STATE_UNANSWERED),
	     "the far end no longer answers: nothing is measured");
	path.mtu = 511;
	path.padded = true;
	start(&path, 1480);
	ktap(is(0, IPIP_MTU_STATE_UNANSWERED), "a path below the smallest size");
}

static void test_black_hole(void)
{
	struct path path = { .mtu = 1480, .padded = true };
	unsigned int mtu, worst = 0, most = 0, usual = 0, once = 0;
	bool good = true;

	start(&path, 1480);
	count_anew();
	path.mtu = 1380;
	run(&path, 1);
	ktap(is(1380, IPIP_MTU_STATE_COMPLETE), "a black hole: 1380 is measured");
	ktap(timeouts == 3 && changes == 1, "a black hole: three timeouts, one change");
	for (mtu = IPIP_PLPMTUD_MIN; mtu < 1480; mtu++) {
		path.mtu = 1480;
		start(&path, 1480);
		count_anew();
		path.mtu = mtu;
		run(&path, 1);
		good = good && is(mtu, IPIP_MTU_STATE_COMPLETE) && lowest <= mtu;
		if (changes > most)
			most = changes;
		if (timeouts > worst)
			worst = timeouts;
		if (mtu < IPIP_PLPMTUD_BASE)
			continue;
		if (changes > once)
			once = changes;
		if (timeouts > usual)
			usual = timeouts;
	}
	printf("# %u timeouts and %u changes at most, %u and %u from the base size on\n", worst,
	       most, usual, once);
	ktap(good, "a black hole of each other size: measured exactly");
	ktap(most <= 2, "a black hole of each other size: at most two changes");
	ktap(once == 1 && usual <= 10,
	     "one of at least the base size: one change, within ten timeouts");
	path.mtu = 1480;
	start(&path, 1480);
	ipip_plpmtud_note_lossy(&p);
	count_anew();
	path.mtu = 1380;
	run(&path, 1);
	ktap(is(1380, IPIP_MTU_STATE_COMPLETE) && changes == 1,
	     "a path that has just lost packets: 1380, by one change");
	path.mtu = 1480;
	start(&path, 1480);
	count_anew();
	path.mtu = 1000;
	run(&path, 1);
	ktap(is(1000, IPIP_MTU_STATE_COMPLETE), "a black hole below the base size");
	path.dead = true;
	count_anew();
	run(&path, 100);
	ktap(p.confirmed == 1000 && !changes,
	     "a path that carries nothing: the size doesn't change");
	path.dead = false;
	run(&path, 10);
	ktap(is(1000, IPIP_MTU_STATE_COMPLETE), "the path is back: the size doesn't change");
}

static void test_raise(void)
{
	struct path path = { .mtu = 1380, .padded = true };

	start(&path, 1480);
	path.mtu = 1480;
	count_anew();
	run(&path, IPIP_PLPMTUD_RAISE - 1);
	ktap(is(1380, IPIP_MTU_STATE_COMPLETE), "a path that grows isn't noticed at once");
	run(&path, 1);
	ktap(is(1480, IPIP_MTU_STATE_COMPLETE) && changes == 1 && !timeouts,
	     "a path that has grown: found at the next raise");
	path.mtu = 1400;
	run(&path, 1);
	count_anew();
	run(&path, IPIP_PLPMTUD_RAISE);
	ktap(is(1400, IPIP_MTU_STATE_COMPLETE) && !changes,
	     "a path that hasn't grown: the raise changes nothing");
	path.mtu = 1471;
	run(&path, IPIP_PLPMTUD_RAISE);
	ktap(is(1471, IPIP_MTU_STATE_COMPLETE) && changes == 1,
	     "a path that has grown a little: found at the raise");
}

/* The black hole goes away while a search looks for a larger size. */
static void test_raise_late(void)
{
	struct path path = { .mtu = 1280, .padded = true };
	unsigned int late, i;
	bool good = true;

	for (late = 0; late < 6; late++) {
		path.mtu = 1280;
		start(&path, 1480);
		run(&path, IPIP_PLPMTUD_RAISE - 1);
		count_anew();
		for (i = 0; i < late; i++)
			step(&path);
		path.mtu = 1480;
		run(&path, 1);
		run(&path, IPIP_PLPMTUD_RAISE);
		good = good && is(1480, IPIP_MTU_STATE_COMPLETE) && changes == 1;
	}
	ktap(good, "a path that grows during a search for a larger size: one change");
}

static void test_underlay(void)
{
	struct path path = { .mtu = 1480, .padded = true };

	start(&path, 1480);
	ktap(ipip_plpmtud_set_path(&p, 1400, 1400) && p.confirmed == 1400,
	     "a smaller underlay counts at once");
	run(&path, 1);
	ktap(is(1400, IPIP_MTU_STATE_COMPLETE), "a smaller underlay: its size is confirmed");
	ktap(!ipip_plpmtud_set_path(&p, 1400, 1400), "the same underlay again changes nothing");
	path.mtu = 1450;
	count_anew();
	ktap(ipip_plpmtud_set_path(&p, 1480, 1480) && p.confirmed == 1400,
	     "a larger underlay counts when it is confirmed");
	run(&path, 1);
	ktap(is(1450, IPIP_MTU_STATE_COMPLETE) && changes == 1,
	     "a larger underlay: only the confirmed size counts");
}

static void test_hint(void)
{
	struct path path = { .mtu = 1480, .padded = true };

	start(&path, 1480);
	count_anew();
	ktap(ipip_plpmtud_set_path(&p, 1480, 1000) && p.confirmed == 1480,
	     "an ICMP error with 1000: it is probed, the size stays");
	run(&path, 1);
	ktap(is(1480, IPIP_MTU_STATE_COMPLETE) && p.disproved && sent == 1 && !changes,
	     "a forged ICMP error: one probe disproves it");
	ktap(!ipip_plpmtud_set_path(&p, 1480, 1000), "the same forged error again changes nothing");
	ktap(!ipip_plpmtud_set_path(&p, 1480, 100) && !p.hint, "an ICMP error with 100 is ignored");
	path.mtu = 1333;
	count_anew();
	ipip_plpmtud_set_path(&p, 1480, 1333);
	run(&path, 1);
	ktap(is(1333, IPIP_MTU_STATE_COMPLETE) && timeouts == 2 && changes == 1,
	     "a true ICMP error: one change, after two timeouts");
	path.mtu = 1300;
	count_anew();
	ipip_plpmtud_set_path(&p, 1480, 1320);
	run(&path, 1);
	ktap(is(1300, IPIP_MTU_STATE_COMPLETE),
	     "an ICMP error with too large a value: the path is measured");
	ipip_plpmtud_set_path(&p, 1480, 1480);
	ktap(!p.hint && p.confirmed == 1300, "ICMP's value expires: the confirmed size doesn't");
	ipip_plpmtud_timer(&p, true);
	ktap(!ipip_plpmtud_set_path(&p, 1480, 1000) && p.hint == 1000 && p.size == 1300,
	     "a confirmation that is on its way stays valid");
	ktap(ipip_plpmtud_timer(&p, true) == 1000,
	     "a confirmation that is lost: ICMP's value is probed");
}

/* Measure a path, and count what happens in so many later confirmations. */
static void run_long(const struct path *path, unsigned int rounds)
{
	start(path, 1480);
	run(path, 100);
	count_anew();
	run(path, rounds);
	printf("# %u probes, %u lost, %u changes\n", sent, lost, changes);
}

static void test_loss(void)
{
	struct path path = { .mtu = 1480, .padded = true, .percent = 10 };
	unsigned int i, wrong = 0, lowered = 0;

	srand(1);
	/* Ten days with an interval of 10 s. */
	run_long(&path, 86400);
	ktap(p.confirmed == 1480 && changes <= 3,
	     "10 % loss in each direction: at most one false alarm in ten days");
	for (i = 0; i < 1000; i++) {
		path.percent = 0;
		start(&path, 1480);
		run(&path, 70);
		path.percent = 10;
		count_anew();
		run(&path, 60);
		lowered += changes > 0;
	}
	printf("# %u of 1000 lowered\n", lowered);
	ktap(lowered <= 5,
	     "a path that begins to lose packets: the size is lowered in at most 5 of 1000 cases");
	for (i = 0; i < 1000; i++) {
		path.mtu = 1380;
		start(&path, 1480);
		run(&path, 2 * IPIP_PLPMTUD_RAISE);
		wrong += p.confirmed != 1380;
	}
	ktap(wrong <= 5, "a lossy path: wrong in at most 5 of 1000 cases");
	if (wrong)
		printf("# %u of 1000 wrong\n", wrong);
}

/* A path that loses 1 % in each direction. Few losses are within the last 64 packets, so that it
 * often looks like one that loses nothing.
 */
static void test_little_loss(void)
{
	struct path path = { .mtu = 1400, .padded = true, .percent = 1 };
	unsigned int i;

	srand(1);
	/* A hundred hours with an interval of 1 s. */
	run_long(&path, 360000);
	ktap(p.confirmed == 1400 && changes <= 8,
	     "1 % loss in each direction: at most one false alarm in 25 hours");
	path.mtu = 1480;
	run_long(&path, 360000);
	ktap(p.confirmed == 1480 && changes <= 20,
	     "the same, and the largest size that the underlay carries: one in 10 hours");
	count_anew();
	for (i = 0; i < 6000; i++) {
		ipip_plpmtud_set_path(&p, 1480, i & 1 ? 1000 : 1100);
		run(&path, 60);
	}
	printf("# %u probes, %u lost, %u changes\n", sent, lost, changes);
	ktap(p.confirmed == 1480 && changes <= 30,
	     "a forged ICMP error each minute: hardly more false alarms");
}

/* An answer that takes longer than the timeout. */
static void test_late(void)
{
	struct path path = { .mtu = 1480, .padded = true };
	unsigned int i;

	start(&path, 1480);
	ktap(!ipip_plpmtud_late(&p, 1480) && is(1480, IPIP_MTU_STATE_COMPLETE),
	     "a late answer changes nothing if there is no search");
	ipip_plpmtud_timer(&p, true);
	for (i = 0; i < 2; i++)
		ipip_plpmtud_timer(&p, true);
	ktap(p.state == IPIP_MTU_STATE_SEARCH && !ipip_plpmtud_late(&p, 1200) && p.size,
	     "a late answer of a smaller size doesn't end the search");
	ktap(ipip_plpmtud_late(&p, 1480) && is(1480, IPIP_MTU_STATE_COMPLETE) && !p.size,
	     "a late answer of the size in force ends the search: the path carries it");
	path.mtu = 1380;
	start(&path, 1480);
	ipip_plpmtud_raise(&p);
	ktap(!ipip_plpmtud_late(&p, 1480), "a search for a larger size takes no late answers");
}

/* Simulate ten days with an interval of 10 s on a balanced path. Returns the number of
 * confirmations after which the size in force was at most 3 bytes below the larger path's.
 */
static unsigned int run_balanced(bool by_chance)
{
	struct path path = { .mtu = 1480, .padded = true, .by_chance = by_chance };
	unsigned int i, large = 0, small = 0;

	srand(1);
	start(&path, 1480);
	path.narrow = 1380;
	count_anew();
	for (i = 0; i < 86400; i++) {
		run(&path, 1);
		large += p.confirmed >= 1477;
		small += p.confirmed < 1380;
	}
	printf("# %u large, %u below both, lowest %u, %u changes\n", large, small, lowest, changes);
	ktap(!small, "no search ends below the size that both paths carry");
	return large;
}

/* If a router balances over two paths, and one is a black hole, half of the packets are lost. */
static void test_balanced(void)
{
	ktap(run_balanced(false) > 85000 && changes <= 10,
	     "packets take two paths in turn: the larger path's size stays");
	ktap(run_balanced(true) > 80000 && changes < 1500 && lowest >= 1380,
	     "packets take a path by chance: nearly always, and never below the size that both carry");
}

int main(void)
{
	test_start();
	test_unanswered();
	test_black_hole();
	test_raise();
	test_raise_late();
	test_underlay();
	test_hint();
	test_loss();
	test_little_loss();
	test_late();
	test_balanced();
	return ktap_end();
}
