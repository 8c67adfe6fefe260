// SPDX-License-Identifier: GPL-2.0
/*
 * Words, numbers, durations and strings as RouterOS writes them. Has nothing to
 * do with the rest, so that it can be fuzzed alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode the escape behind a backslash; returns what follows it, or NULL. */
static const char *unescape(const char *in, char *out)
{
	static const char from[] = "nrtabfv_", to[] = "\n\r\t\a\b\f\v ";
	const char *found;
	int high, low;

	if (*in && strchr("\"\\$?", *in)) {
		*out = *in;
		return in + 1;
	}
	found = *in ? strchr(from, *in) : NULL;
	if (found) {
		*out = to[found - from];
		return in + 1;
	}
	high = hex_digit(in[0]);
	low = high < 0 ? -1 : hex_digit(in[1]);
	if (low < 0 || !(high || low))
		return NULL;
	*out = high << 4 | low;
	return in + 2;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One word, decoded in place: it never gets longer. */
static const char *read_word(const char **in, char **out)
{
	const char *p = *in;
	bool quoted = false;
	char *q = *out;

	for (; *p && (quoted || !is_blank(*p)); q++) {
		if (*p == '"') {
			quoted = !quoted;
			p++;
			q--;
		} else if (*p == '\\' && quoted) {
			p = unescape(p + 1, q);
			if (!p)
				return "unknown escape in a string";
		} else {
			if (!quoted && strchr("[${;", *p))
				return "scripts are not understood";
			*q = *p++;
		}
	}
	if (quoted)
		return "string without an end";
	*in = p;
	*out = q;
	return NULL;
}

/**
 * split_words() - Split a line into words
 * @line: the line; the words are decoded in it
 * @n: set to the number of words
 * @why: set to what is wrong with the line
 *
 * Return: the words, to be freed as one, or NULL.
 */
char **split_words(char *line, size_t *n, const char **why)
{
	char **words = NULL, *out = line;
	const char *in = line;
	size_t room = 0;

	*n = 0;
	for (;;) {
		while (is_blank(*in))
			in++;
		words = grow(words, *n, &room, sizeof(*words));
		words[*n] = NULL;
		if (!*in)
			return words;
		words[*n] = out;
		*why = read_word(&in, &out);
		if (*why) {
			free(words);
			return NULL;
		}
		/* The blank behind the word makes room for its end. */
		if (*in)
			in++;
		*out++ = '\0';
		(*n)++;
	}
}

static bool is_plain(const char *word)
{
	const char *p;

	for (p = word; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("._:,/-@*", *p))
			return false;
	return p != word;
}

/**
 * quote_word() - Write a value as RouterOS's export does
 * @out: where to
 * @word: the value
 */
void quote_word(FILE *out, const char *word)
{
	if (is_plain(word)) {
		fputs(word, out);
		return;
	}
	putc('"', out);
	for (; *word; word++) {
		unsigned char c = *word;

		if (strchr("\"\\$?", c))
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\%02X", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/**
 * quoted_len() - Columns that quote_word() takes
 * @word: the value
 *
 * Return: columns.
 */
size_t quoted_len(const char *word)
{
	size_t len = 2;

	if (is_plain(word))
		return strlen(word);
	for (; *word; word++) {
		unsigned char c = *word;

		len += strchr("\"\\$?", c) ? 2 : c < ' ' || c > '~' ? 3 : 1;
	}
	return len;
}

/**
 * json_string() - Write a string of JSON
 * @out: where to
 * @text: UTF-8; other bytes are taken for Latin-1
 */
void json_string(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned int more;

	putc('"', out);
	for (; *p; p++) {
		if (*p == '"' || *p == '\\') {
			fprintf(out, "\\%c", *p);
		} else if (*p < ' ' || *p == 0x7f) {
			fprintf(out, "\\u%04x", *p);
		} else if (*p < 0x80) {
			putc(*p, out);
		} else {
			more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
			if (*p < 0xc2 || *p > 0xf4)
				more = 0;
			for (unsigned int i = 1; i <= more; i++)
				if ((p[i] & 0xc0) != 0x80)
					more = 0;
			if (!more) {
				fprintf(out, "\\u%04x", *p);
				continue;
			}
			fwrite(p, 1, more + 1, out);
			p += more;
		}
	}
	putc('"', out);
}

/**
 * parse_number() - Read a decimal or 0x number
 * @text: the whole of it
 * @max: largest value
 * @value: the number
 *
 * Return: NULL, or what is wrong.
 */
const char *parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return "not a number";
	errno = 0;
	*value = strtoull(text, &end, !strncmp(text, "0x", 2) ? 16 : 10);
	if (*end)
		return "not a number";
	if (errno || *value > max)
		return "number is too large";
	return NULL;
}

/* "10:20:30", the last part of a duration; seconds into @sum. */
static const char *parse_clock(const char *text, uint64_t *sum)
{
	unsigned int h, m, s;
	int used = 0;

	if (sscanf(text, "%2u:%2u:%2u%n", &h, &m, &s, &used) != 3 ||
	    text[used] || m > 59 || s > 59)
		return "not a duration, such as 10s, 1m30s or 00:00:10";
	*sum += ((h * 60 + m) * 60 + s) * 1000ULL;
	return NULL;
}

/**
 * parse_duration() - Read a duration: 10, 10s, 1w2d3h4m5s, 500ms, 00:01:30
 * @text: the whole of it
 * @ms: milliseconds
 *
 * Return: NULL, or what is wrong.
 */
const char *parse_duration(const char *text, uint64_t *ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 }, { "w", 604800000 }, { "", 1000 },
	};
	static const char wrong[] =
		"not a duration, such as 10s, 1m30s or 00:00:10";
	unsigned int i;
	uint64_t n;
	char *end;

	*ms = 0;
	do {
		if (*text < '0' || *text > '9')
			return wrong;
		errno = 0;
		n = strtoull(text, &end, 10);
		if (*end == ':')
			return parse_clock(text, ms);
		for (i = 0; i < ARRAY_SIZE(units) - 1; i++)
			if (!strncmp(end, units[i].name, strlen(units[i].name)))
				break;
		if (!*units[i].name && *end)
			return wrong;
		if (errno || n > INT64_MAX / units[i].ms ||
		    *ms > (uint64_t)INT64_MAX - n * units[i].ms)
			return "duration is too long";
		*ms += n * units[i].ms;
		text = end + strlen(units[i].name);
	} while (*text);
	return NULL;
}

/**
 * format_duration() - Write a duration as RouterOS does: 1w2d3h4m5s6ms
 * @ms: milliseconds
 * @out: string of 64 bytes
 */
void format_duration(uint64_t ms, char *out)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 },
		{ "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	};
	unsigned int i;

	if (!ms)
		out += sprintf(out, "0s");
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (ms >= units[i].ms)
			out += sprintf(out, "%llu%s",
				       (unsigned long long)(ms / units[i].ms),
				       units[i].name);
		ms %= units[i].ms;
	}
	*out = '\0';
}
