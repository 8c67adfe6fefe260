// SPDX-License-Identifier: GPL-2.0
/*
 * Pre-shared keys: reading them without leaving copies.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "ipipctl.h"

/* Wiped when the program ends. */
static struct secret *secrets;

static void secrets_wipe(void)
{
	struct secret *next;

	for (; secrets; secrets = next) {
		next = secrets->next;
		explicit_bzero(secrets, sizeof(*secrets) + secrets->len);
		free(secrets);
	}
}

/**
 * secrets_shield() - Protect the memory from core dumps and debuggers
 *
 * A debugger of the same user could read the secrets. From now on they are wiped when the
 * program ends.
 */
void secrets_shield(void)
{
	const struct rlimit none = {};
	static bool done;

	if (done)
		return;
	done = true;
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	atexit(secrets_wipe);
}

/**
 * secret_take() - Store a pre-shared key
 * @bytes: the key
 * @len: how many
 * @out: set to the key, which lives as long as the program
 *
 * Return: NULL, or what is wrong with it.
 */
const char *secret_take(const void *bytes, size_t len, const struct secret **out)
{
	struct secret *s;

	secrets_shield();
	if (!len || len > IPSEC_SECRET_MAX)
		return "a secret has 1 to 255 bytes";
	s = malloc(sizeof(*s) + len);
	if (!s)
		return strerror(ENOMEM);
	s->next = secrets;
	s->len = len;
	memcpy(s->bytes, bytes, len);
	secrets = s;
	*out = s;
	return NULL;
}

/* Signals that end the program while the echo is off. */
static const int interrupts[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
	interrupted = signal;
}

/* Wait for a line on the terminal, or for a signal; signals are only unblocked by @mask. */
static bool wait_for_line(int fd, const sigset_t *mask)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	while (!interrupted && ppoll(&wait, 1, NULL, mask) < 0 && errno == EINTR)
		;
	return !interrupted;
}

/* Read one line without its newline. Don't use stdio, which would keep a copy. @mask is only
 * for a terminal.
 */
static const char *read_secret_line(int fd, const sigset_t *mask, const struct secret **out)
{
	char line[IPSEC_SECRET_MAX + 3];
	const char *why = NULL;
	size_t len = 0;
	ssize_t got;

	secrets_shield();
	while (len < sizeof(line)) {
		if (mask && !wait_for_line(fd, mask)) {
			why = strerror(EINTR);
			break;
		}
		got = read(fd, line + len, sizeof(line) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			why = strerror(errno);
			break;
		}
		len += got;
		if (!got || (mask && memchr(line, '\n', len)))
			break;
	}
	if (len && line[len - 1] == '\n')
		len--;
	if (len && line[len - 1] == '\r')
		len--;
	if (!why)
		why = memchr(line, '\n', len) ? "has more than one line" :
						secret_take(line, len, out);
	explicit_bzero(line, sizeof(line));
	return why;
}

/* Ask for the secret without echo, and restore the echo in any case. */
static const char *ask_hidden(const sigset_t *mask, const struct secret **out)
{
	struct termios shown, hidden;
	const char *why;

	if (tcgetattr(STDIN_FILENO, &shown))
		return strerror(errno);
	hidden = shown;
	hidden.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden))
		return strerror(errno);
	fputs("ipsec-secret: ", stderr);
	why = read_secret_line(STDIN_FILENO, mask, out);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown))
		fail("ipsec-secret", "the terminal's echo can't be switched on again: %s",
		     strerror(errno));
	putc('\n', stderr);
	return why;
}

/* Signals that would end the program are blocked until the terminal is restored. */
static const char *ask_for_secret(const struct secret **out)
{
	const struct sigaction note = { .sa_handler = note_interrupt };
	struct sigaction before[ARRAY_SIZE(interrupts)];
	sigset_t mask;
	const char *why;
	unsigned int i;

	hold_signals(interrupts, ARRAY_SIZE(interrupts), &mask);
	for (i = 0; i < ARRAY_SIZE(interrupts); i++) {
		sigaction(interrupts[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(interrupts[i], &note, NULL);
	}
	why = ask_hidden(&mask, out);
	for (i = 0; i < ARRAY_SIZE(interrupts); i++)
		sigaction(interrupts[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return why;
}

/**
 * secret_file() - Read a pre-shared key from a file
 * @name: of the file; "-" is the standard input, without an echo if that is a
 *	terminal; it is read once, also for several tunnels
 * @out: set to the key
 *
 * Return: NULL, or what is wrong with it.
 */
const char *secret_file(const char *name, const struct secret **out)
{
	static const struct secret *last;
	static char last_name[4096];
	const char *why;
	int fd;

	if (last && !strcmp(name, last_name)) {
		*out = last;
		return NULL;
	}
	if (!strcmp(name, "-")) {
		why = isatty(STDIN_FILENO) ? ask_for_secret(out) :
					     read_secret_line(STDIN_FILENO, NULL, out);
	} else {
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return strerror(errno);
		why = read_secret_line(fd, NULL, out);
		close(fd);
	}
	if (!why) {
		last = *out;
		snprintf(last_name, sizeof(last_name), "%s", name);
	}
	return why;
}
