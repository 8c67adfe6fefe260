// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that all other files use: global options, errors, memory, abbreviated words,
 * and files that are replaced atomically. It calls no other file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipipctl.h"

struct options opt;

/**
 * utf8_len() - Get the number of bytes of a UTF-8 character (RFC 3629)
 * @text: begin of the character
 *
 * Return: 1 to 4, or 0 if no valid character begins there.
 */
unsigned int utf8_len(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned int len, i;

	if (*p < 0x80)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, a surrogate, or beyond the last character. */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool is_control(const unsigned char *p, unsigned int len)
{
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	return !len || *p < ' ' || *p == 0x7f;
}

/**
 * hide_controls() - Make a text safe for a terminal
 * @text: the text, which may come from another program; each byte of a control character
 *	and of invalid UTF-8 is replaced by "?"
 */
void hide_controls(char *text)
{
	unsigned int len;

	for (; *text; text += len ?: 1) {
		len = utf8_len(text);
		if (is_control((unsigned char *)text, len))
			memset(text, '?', len ?: 1);
	}
}

static void print_error(const char *what, const char *format, va_list args)
{
	char *why = NULL, *text = NULL;

	fflush(stdout);
	if (vasprintf(&why, format, args) < 0)
		why = NULL;
	if (asprintf(&text, "%s: %s", what, why ?: strerror(ENOMEM)) < 0)
		text = NULL;
	if (text)
		hide_controls(text);
	fprintf(stderr, "ipipctl: %s\n", text ?: strerror(ENOMEM));
	free(why);
	free(text);
}

/**
 * fail() - Print an error: "ipipctl: what: why"
 * @what: what it is about
 * @format: why, as for printf()
 */
void fail(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(what, format, args);
	va_end(args);
}

/**
 * usage() - Print an error about the command line
 * @what: what it is about
 * @format: why, as for printf()
 *
 * Return: the exit status for that.
 */
int usage(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(what, format, args);
	va_end(args);
	return IPIPCTL_USAGE;
}

/**
 * need_memory() - End the program if an allocation has failed
 * @memory: what the allocation returned
 *
 * Return: @memory.
 */
void *need_memory(void *memory)
{
	if (!memory) {
		fail("memory", "%s", strerror(ENOMEM));
		exit(IPIPCTL_REFUSED);
	}
	return memory;
}

/**
 * grow() - Make room for one more element
 * @array: the array, or NULL
 * @n: elements in it
 * @room: elements that there is room for; updated
 * @size: of an element
 *
 * Ends the program when there is no memory.
 *
 * Return: the array.
 */
void *grow(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	return need_memory(reallocarray(array, *room, size));
}

/* Number of letters that have to be added, removed, changed or swapped with the next. */
static unsigned int distance(const char *a, size_t len, const char *b)
{
	unsigned int row[3][64];
	size_t i, j, n = strlen(b);

	if (len > 32 || n > 62)
		return 99;
	for (j = 0; j <= n; j++)
		row[0][j] = j;
	for (i = 1; i <= len; i++) {
		unsigned int *now = row[i % 3], *last = row[(i + 2) % 3];

		now[0] = i;
		for (j = 1; j <= n; j++) {
			unsigned int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    row[(i + 1) % 3][j - 2] + 1 < best)
				best = row[(i + 1) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return row[len % 3][n];
}

static int unknown_word(const char *what, const char *word, size_t len,
			const char *(*name)(size_t i), size_t n)
{
	unsigned int best = 3, d;
	const char *like = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		d = distance(word, len, name(i));
		if (d < best) {
			best = d;
			like = name(i);
		}
	}
	if (like)
		usage(what, "%.*s: unknown: did you mean %s?", (int)len, word,
		      like);
	else
		usage(what, "%.*s: unknown", (int)len, word);
	return -1;
}

/**
 * match_word() - Find a word by its name or an unambiguous abbreviation
 * @word: the word
 * @len: its length
 * @name: name of the i-th that there is
 * @n: how many there are
 *
 * Return: its index; -1 if there is none, -2 if there are several.
 */
int match_word(const char *word, size_t len, const char *(*name)(size_t i), size_t n)
{
	int found = -1;
	size_t i;

	for (i = 0; len && i < n; i++) {
		if (strncmp(name(i), word, len))
			continue;
		if (!name(i)[len])
			return i;
		found = found == -1 ? (int)i : -2;
	}
	return found;
}

/**
 * find_word() - match_word(), with an error if there isn't exactly one
 * @what: what is being done, for the error
 * @word: the word
 * @len: its length
 * @name: name of the i-th that there is
 * @n: how many there are
 *
 * Return: its index, or -1 after an error was printed.
 */
int find_word(const char *what, const char *word, size_t len,
	      const char *(*name)(size_t i), size_t n)
{
	int found = match_word(word, len, name, n);
	char like[256] = "";
	size_t i;

	if (found >= 0)
		return found;
	if (found == -1)
		return unknown_word(what, word, len, name, n);
	for (i = 0; i < n; i++)
		if (!strncmp(name(i), word, len))
			snprintf(like + strlen(like), sizeof(like) - strlen(like),
				 "%s%s", *like ? ", " : "", name(i));
	usage(what, "%.*s: is ambiguous: %s", (int)len, word, like);
	return -1;
}

/**
 * hold_signals() - Block signals
 * @signals: which
 * @n: how many
 * @before: set to what was held before, for sigprocmask(SIG_SETMASK)
 */
void hold_signals(const int *signals, size_t n, sigset_t *before)
{
	sigset_t held;
	size_t i;

	sigemptyset(&held);
	for (i = 0; i < n; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, before);
}

/* Returns 0, or -1 with errno. */
static int write_all(int fd, const char *text)
{
	const ssize_t len = strlen(text), written = write(fd, text, len);

	if (written >= 0 && written < len)
		errno = ENOSPC;
	return written < len || fsync(fd) ? -1 : 0;
}

/**
 * replace_file() - Replace the content of a file atomically
 * @path: the file
 * @text: its new content
 *
 * The new file gets the name of the old one after all of it was written to the disk, so
 * nobody can read a part of it. Other users can't read it at all.
 *
 * Return: 0, or -1 with errno.
 */
int replace_file(const char *path, const char *text)
{
	char *temporary;
	int fd, ret, error;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(temporary, O_CLOEXEC);	/* mode 0600 */
	ret = fd < 0 ? -1 : write_all(fd, text) ?: rename(temporary, path);
	error = errno;
	if (ret && fd >= 0)
		unlink(temporary);
	if (fd >= 0)
		close(fd);
	free(temporary);
	errno = error;
	return ret;
}
