// SPDX-License-Identifier: GPL-2.0
/*
 * Words, numbers, durations and strings in the syntax of RouterOS, a shell and JSON. This
 * file doesn't depend on tunnels, so it can be fuzzed separately.
 */
#include <errno.h>
#include <search.h>
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

/* Decode the escape after a backslash. Returns the text after it, or NULL. */
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

/* Brackets are words of their own: "[find name=x]" is "[", "find", "name=x", "]". */
static char brackets[][2] = { "[", "]", "(", ")" };

static char *bracket(char c, bool in_find)
{
	switch (c) {
	case ']':
		return in_find ? brackets[1] : NULL;
	case '(':
		return in_find ? brackets[2] : NULL;
	case ')':
		return in_find ? brackets[3] : NULL;
	}
	return NULL;
}

/* Characters of RouterOS's scripts. */
static bool is_script(char c)
{
	return c == '[' || c == '$' || c == '{' || c == ';';
}

/* Decode one word in place; it never gets longer. It ends at a blank and, between "[" and
 * "]", at a bracket. *@out is set to its end, also if the word is invalid.
 */
static const char *read_word(const char **in, char **out, bool in_find)
{
	const char *p = *in, *why = NULL;
	bool quoted = false;
	char *q = *out;

	while (!why && *p && (quoted || (!is_blank(*p) && !bracket(*p, in_find)))) {
		if (*p == '"') {
			quoted = !quoted;
			p++;
		} else if (*p == '\\' && quoted) {
			p = unescape(p + 1, q++);
			if (!p)
				why = "unknown escape in a string";
		} else if (!quoted && is_script(*p)) {
			why = "scripts aren't supported";
		} else {
			*q++ = *p++;
		}
		*out = q;
		if (!p)
			return why;
	}
	*in = p;
	if (!why && quoted)
		why = "the string has no closing quote";
	return why;
}

/* Put the error after the property's name, without the value, which may be a secret. */
static const char *bad_word(const char *word, const char *end, const char *why)
{
	static char text[128];
	size_t len = strcspn(word, "=\"[]${}(); \t\r\n");

	if (!len || len >= (size_t)(end - word) || len > 32 || word[len] != '=')
		return why;
	snprintf(text, sizeof(text), "%.*s: %s", (int)len, word, why);
	return text;
}

/**
 * split_words() - Split a line in RouterOS's syntax into words
 * @line: the line; the words are decoded in it
 * @n: set to the number of words
 * @why: set to what is wrong with the line
 *
 * Return: the words and a NULL behind them, to be freed as one; or NULL.
 */
char **split_words(char *line, size_t *n, const char **why)
{
	char **words = NULL, *out = line, *special;
	bool in_find = false;
	const char *in = line;
	size_t room = 0;
	char end;

	*n = 0;
	for (;;) {
		while (is_blank(*in))
			in++;
		words = grow(words, *n + 1, &room, sizeof(*words));
		words[*n] = NULL;
		if (!*in && !in_find)
			return words;
		if (*in == '[' && !in_find) {
			in_find = true;
			words[(*n)++] = brackets[0];
			in++;
			continue;
		}
		special = bracket(*in, in_find);
		if (special) {
			in_find = in_find && special != brackets[1];
			words[(*n)++] = special;
			in++;
			continue;
		}
		words[*n] = out;
		*why = *in ? read_word(&in, &out, in_find) : "'[' has no ']'";
		if (*why) {
			*why = bad_word(words[*n], out, *why);
			free(words);
			return NULL;
		}
		(*n)++;
		/* The separator after the word makes space for its NUL. */
		end = *in;
		if (end)
			in++;
		*out++ = '\0';
		special = bracket(end, in_find);
		if (special) {
			in_find = in_find && special != brackets[1];
			words = grow(words, *n + 1, &room, sizeof(*words));
			words[(*n)++] = special;
		}
	}
}

/* Check whether a word needs no quotes. @signs differ for RouterOS and for a shell. */
static bool is_plain(const char *word, const char *signs)
{
	const char *p;

	for (p = word; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr(signs, *p))
			return false;
	return p != word;
}

static bool is_plain_word(const char *word)
{
	return is_plain(word, "._:,/-@*");
}

/**
 * quote_word() - Write a value as RouterOS's export does
 * @out: where to
 * @word: the value
 */
void quote_word(FILE *out, const char *word)
{
	if (is_plain_word(word)) {
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
 * quoted_len() - Get the width of the output of quote_word()
 * @word: the value
 *
 * Return: columns.
 */
size_t quoted_len(const char *word)
{
	size_t len = 2;

	if (is_plain_word(word))
		return strlen(word);
	for (; *word; word++) {
		unsigned char c = *word;

		len += strchr("\"\\$?", c) ? 2 : c < ' ' || c > '~' ? 3 : 1;
	}
	return len;
}

/**
 * quote_shell() - Write a word so that a POSIX shell reads it back
 * @out: where to
 * @word: the word
 */
void quote_shell(FILE *out, const char *word)
{
	if (is_plain(word, "._:,/-@")) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
}

/**
 * json_string() - Write a string of JSON
 * @out: where to
 * @text: UTF-8; other bytes are taken for Latin-1
 */
void json_string(FILE *out, const char *text)
{
	unsigned int len;
	unsigned char c;

	putc('"', out);
	for (; *text; text += len ?: 1) {
		len = utf8_len(text);
		c = *text;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f || !len)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(text, 1, len, out);
	}
	putc('"', out);
}

/**
 * json_key() - Write a JSON key and a colon
 * @out: where to
 * @name: its name, with "-" for "_"
 */
void json_key(FILE *out, const char *name)
{
	putc('"', out);
	for (; *name; name++)
		putc(*name == '-' ? '_' : *name, out);
	fputs("\":", out);
}

/**
 * word_parse() - Look a word up
 * @words: the words, the last without a name
 * @name: the word
 * @value: set to its value
 *
 * Return: false if it is none of them.
 */
bool word_parse(const struct word *words, const char *name, int64_t *value)
{
	for (; words && words->name; words++) {
		if (!strcmp(words->name, name)) {
			*value = words->value;
			return true;
		}
	}
	return false;
}

/**
 * word_format() - Get the word for a value
 * @words: the words, the last without a name
 * @value: the value
 *
 * Return: the first word that has this value, or NULL.
 */
const char *word_format(const struct word *words, int64_t value)
{
	for (; words && words->name; words++)
		if (words->value == value)
			return words->name;
	return NULL;
}

static int compare_kept(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void *kept;

static void forget(void)
{
	tdestroy(kept, free);
}

/**
 * keep_string() - Store one copy of a string until the program ends
 * @text: the string
 *
 * Return: the copy.
 */
const char *keep_string(const char *text)
{
	char *copy, **found;

	if (!*text)
		return "";
	found = tfind(text, &kept, compare_kept);
	if (found)
		return *found;
	if (!kept)
		atexit(forget);
	copy = need_memory(strdup(text));
	need_memory(tsearch(copy, &kept, compare_kept));
	return copy;
}

/**
 * next_altname() - Iterate over names separated by ALTNAME_SEPARATOR
 * @rest: the remaining names; the returned one is removed
 * @len: set to its length
 *
 * Return: a name, which doesn't end in a NUL unless it is the last; or NULL at the end.
 */
const char *next_altname(const char **rest, size_t *len)
{
	const char *name = *rest;

	if (!*name)
		return NULL;
	*len = strcspn(name, ALTNAME_SEPARATOR);
	*rest = name + *len + !!name[*len];
	return name;
}

/**
 * short_name() - Derive a device name from a name that Linux doesn't accept
 * @name: the name: too long, or with invalid characters
 * @turn: 0; more if the result is in use already
 * @out: string of IFNAMSIZ bytes: the first letters and digits of @name, up to 8, "-" and
 *	24 bits of its FNV-1a hash in hexadecimal
 *
 * The same name always gives the same result.
 */
void short_name(const char *name, unsigned int turn, char *out)
{
	const unsigned char *p = (const unsigned char *)name;
	uint32_t hash = 2166136261U;
	size_t n = 0;

	for (; *p; p++)
		hash = (hash ^ *p) * 16777619U;
	while (turn--)
		hash = (hash ^ '+') * 16777619U;
	for (p = (const unsigned char *)name; *p && n < 8; p++) {
		const bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
				   (*p >= '0' && *p <= '9');

		if (plain)
			out[n++] = *p;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	if (!n)
		n = sprintf(out, "ipip");
	snprintf(out + n, IFNAMSIZ - n, "-%06x", (hash ^ hash >> 24) & 0xffffff);
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
		return "is not a number";
	errno = 0;
	*value = strtoull(text, &end, !strncmp(text, "0x", 2) ? 16 : 10);
	if (*end)
		return "is not a number";
	if (errno || *value > max)
		return "is too large";
	return NULL;
}

/* "10:20:30", the last part of a duration; seconds into @sum. */
static const char *parse_clock(const char *text, uint64_t *sum)
{
	unsigned int h, m, s;
	int used = 0;

	if (sscanf(text, "%2u:%2u:%2u%n", &h, &m, &s, &used) != 3 ||
	    text[used] || m > 59 || s > 59)
		return "is not a duration, such as 10s, 1m30s or 00:00:10";
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
		"is not a duration, such as 10s, 1m30s or 00:00:10";
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
			return "is too long";
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
