// SPDX-License-Identifier: GPL-2.0
/*
 * What goes on until somebody stops it.
 */
#include <poll.h>
#include <time.h>

#include "ipipctl.h"

#define INTERVAL_MIN	100
#define INTERVAL_MAX	86400000

volatile sig_atomic_t stopped;

static const int stops[] = { SIGINT, SIGTERM };

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/**
 * stop_on_signals() - Have @stopped set by whoever wants the program to end
 */
void stop_on_signals(void)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stops); i++)
		sigaction(stops[i], &on_stop, NULL);
}

/**
 * pause_for() - Wait
 * @ms: milliseconds; fewer if a signal comes, and none if @stopped is set
 *
 * A signal between the look at that and the wait is one that comes while it waits.
 */
void pause_for(uint64_t ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	sigset_t mask;

	hold_signals(stops, ARRAY_SIZE(stops), &mask);
	if (!stopped)
		ppoll(NULL, 0, &t, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/**
 * parse_interval() - Read how often something is to be done
 * @what: what is being done, for the error
 * @value: a duration
 * @ms: set to it, milliseconds
 *
 * Return: 0, or an exit status after an error was printed.
 */
int parse_interval(const char *what, const char *value, uint64_t *ms)
{
	const char *why = parse_duration(value, ms);

	if (why || *ms < INTERVAL_MIN || *ms > INTERVAL_MAX)
		return usage(what, "interval: %s", why ?: "must be 100ms to 1d");
	return 0;
}
