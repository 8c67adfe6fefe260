// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that run until a signal.
 */
#include <poll.h>
#include <time.h>
#include <unistd.h>

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
 * stop_on_signals() - Let signals that end the program set @stopped
 */
void stop_on_signals(void)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stops); i++)
		sigaction(stops[i], &on_stop, NULL);
}

static int wait_for(uint64_t ms, struct pollfd *input)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	sigset_t mask;
	int ret = -1;

	hold_signals(stops, ARRAY_SIZE(stops), &mask);
	if (!stopped)
		ret = ppoll(input, !!input, &t, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

/**
 * pause_for() - Wait
 * @ms: milliseconds; fewer if a signal comes, and none if @stopped is set
 *
 * A signal between the check of @stopped and the wait ends the wait too.
 */
void pause_for(uint64_t ms)
{
	wait_for(ms, NULL);
}

/**
 * pause_for_input() - Wait until a key is pressed
 * @ms: milliseconds at most; fewer if a signal comes, and none if @stopped is set
 *
 * Return: 1 if a key was pressed or the standard input has ended; else 0 or -1.
 */
int pause_for_input(uint64_t ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return wait_for(ms, &input);
}

/**
 * parse_interval() - Read an interval
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
