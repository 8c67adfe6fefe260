// SPDX-License-Identifier: GPL-2.0
/*
 * Pre-shared keys: taking them in without leaving them anywhere.
 */
#include <errno.h>
#include <fcntl.h>
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
 * secrets_shield() - Keep what is in memory from core dumps and from debuggers
 *
 * A debugger of the same user could read the secrets, too. From here on they are wiped
 * when the program ends.
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
 * secret_take() - Take a pre-shared key
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

/* One line, of which the end doesn't count. Not through stdio, which would keep a
 * copy.
 */
static const char *read_secret_line(int fd, const struct secret **out)
{
	char line[IPSEC_SECRET_MAX + 3];
	const char *why;
	size_t len = 0;
	ssize_t got;

	secrets_shield();
	while (len < sizeof(line)) {
		got = read(fd, line + len, sizeof(line) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		len += got;
		if (!got || (isatty(fd) && memchr(line, '\n', len)))
			break;
	}
	if (len && line[len - 1] == '\n')
		len--;
	if (len && line[len - 1] == '\r')
		len--;
	why = memchr(line, '\n', len) ? "has more than one line" :
					secret_take(line, len, out);
	explicit_bzero(line, sizeof(line));
	return why;
}

static const char *ask_for_secret(const struct secret **out)
{
	struct termios shown, hidden;
	const char *why;

	if (tcgetattr(STDIN_FILENO, &shown))
		return strerror(errno);
	hidden = shown;
	hidden.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	fputs("ipsec-secret: ", stderr);
	why = read_secret_line(STDIN_FILENO, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	putc('\n', stderr);
	return why;
}

/**
 * secret_file() - Read a pre-shared key from a file
 * @name: of the file; "-" is the standard input, without an echo if that is a
 *	terminal; read once, though several tunnels be given it
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
					     read_secret_line(STDIN_FILENO, out);
	} else {
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return strerror(errno);
		why = read_secret_line(fd, out);
		close(fd);
	}
	if (!why) {
		last = *out;
		snprintf(last_name, sizeof(last_name), "%s", name);
	}
	return why;
}
