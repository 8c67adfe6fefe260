// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the tunnels that the user means, by name, by number or by a condition.
 */
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

#define NUMBERS		"numbers="

/**
 * tunnels_read() - Read all tunnels, in the order of their creation
 * @list: filled; what was in it is freed
 * @stats: with the device's counters
 *
 * Return: 0, or an exit status after an error was printed.
 */
int tunnels_read(struct tunnels *list, bool stats)
{
	int ret = nl_dump(list, stats);

	if (!ret)
		connections_read(list);
	return ret;
}

/**
 * tunnels_read_named() - Read tunnels again that were chosen earlier
 * @list: filled with those that exist now, in the order of @names; its previous content is
 *	freed
 * @names: the tunnels, which are found by their names, because a tunnel may have been
 *	removed and recreated, and numbers change
 * @stats: with the device's counters
 *
 * Return: 0, or an exit status after an error was printed.
 */
int tunnels_read_named(struct tunnels *list, const struct tunnels *names, bool stats)
{
	struct tunnels all = {};
	struct tunnel *t;
	size_t i;
	int ret;

	tunnels_free(list);
	ret = tunnels_read(&all, stats);
	for (i = 0; !ret && i < names->n; i++) {
		t = tunnel_of_name(&all, names->t[i].name);
		if (t)
			*tunnel_add(list) = *t;
	}
	tunnels_free(&all);
	return ret;
}

static bool is_ipsec_state(uint64_t mask)
{
	return mask & (BIT(P_IPSEC_STATE) | BIT(P_IPSEC_PROPOSAL) | BIT(P_IPSEC_REKEY) |
		       BIT(P_IPSEC_BYTES_IN) | BIT(P_IPSEC_BYTES_OUT));
}

static int filter_words(char **words, size_t n, bool split, struct tunnels *list)
{
	struct condition *c;
	size_t i, kept = 0;

	if (n && !strcmp(words[0], "where")) {
		words++;
		n--;
	}
	if (!n)
		return 0;
	c = condition_parse(words, n, split);
	if (!c)
		return IPIPCTL_USAGE;
	if (is_ipsec_state(condition_mask(c)))
		swanctl_states(list);
	for (i = 0; i < list->n; i++)
		if (condition_holds(c, &list->t[i]))
			list->t[kept++] = list->t[i];
	list->n = kept;
	tunnels_changed(list);
	condition_free(c);
	return 0;
}

/**
 * filter() - Keep the tunnels that meet a condition
 * @words: the condition, "where" before it or not; none keeps all
 * @n: how many
 * @list: the tunnels; the others are taken out
 *
 * Return: 0, or an exit status after an error was printed.
 */
int filter(char **words, size_t n, struct tunnels *list)
{
	return filter_words(words, n, false, list);
}

/**
 * is_find() - Check for the begin of "[find ...]"
 * @word: a word of the command line
 *
 * Return: true if it does.
 */
bool is_find(const char *word)
{
	if (*word != '[')
		return false;
	word += 1 + strspn(word + 1, " ");
	return !*word || (!strncmp(word, "find", 4) && (!word[4] || strchr(" ]", word[4])));
}

/**
 * is_tunnels() - Check whether a word can only mean tunnels
 * @word: a word of the command line
 *
 * Return: true for "numbers=..." and for the beginning of "[find ...]".
 */
bool is_tunnels(const char *word)
{
	return is_find(word) || !strncmp(word, NUMBERS, strlen(NUMBERS));
}

/**
 * find_words() - Count the words of "[find ...]"
 * @words: the words; it begins with the first
 * @n: number of words
 *
 * The shell has split it at its blanks.
 *
 * Return: the number of its words, 0 if the end is missing.
 */
size_t find_words(char **words, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strlen(words[i]);
		if (len && words[i][len - 1] == ']')
			return i + 1;
	}
	return 0;
}

/* One word, quoted for the shell, is split as RouterOS does; several are the shell's. */
static int choose_found(const char *what, char **words, size_t n, struct tunnels *list)
{
	char **inner = NULL, *copy = NULL, *last;
	const char *why = NULL;
	size_t used = 0, i;
	int ret;

	if (n == 1) {
		copy = need_memory(strdup(words[0]));
		inner = split_words(copy, &used, &why);
		if (!inner) {
			free(copy);
			return usage(what, "%s", why);
		}
		ret = used > 2 ? filter_words(inner + 2, used - 3, true, list) : 0;
		free(inner);
		free(copy);
		return ret;
	}
	/* "[find" or "[" "find", and "]" behind the last. */
	i = words[0][strspn(words[0], "[ ")] ? 1 : 2;
	if (i == 2 && strcmp(words[1], "find") && strcmp(words[1], "find]"))
		return usage(what, "'[' must be followed by 'find'");
	copy = need_memory(strdup(words[n - 1]));
	copy[strlen(copy) - 1] = '\0';
	last = words[n - 1];
	words[n - 1] = copy;
	ret = i < n ? filter(words + i, n - i - !*copy, list) : 0;
	words[n - 1] = last;
	free(copy);
	return ret;
}

/* Find the end of the item that begins here: the last comma that follows the name of a
 * tunnel, because a name may contain commas; otherwise the first comma.
 */
static size_t item_len(struct tunnels *all, const char *item)
{
	size_t len, first = strcspn(item, ",");

	for (len = strlen(item); len > first; len--)
		if ((!item[len] || item[len] == ',') &&
		    tunnel_of_name_len(all, item, len))
			return len;
	return first;
}

/* An exact name takes precedence over a number. */
static struct tunnel *find_tunnel(struct tunnels *all, const char *item, size_t len)
{
	struct tunnel *t = tunnel_of_name_len(all, item, len);
	char number[16];
	uint64_t id;

	if (t || len >= sizeof(number))
		return t;
	memcpy(number, item, len);
	number[len] = '\0';
	/* Only decimal numbers: "0x1" may be the name of a tunnel that was deleted. */
	if (number[strspn(number, "0123456789")])
		return NULL;
	if (!parse_number(number, UINT32_MAX, &id) && id < all->n)
		return &all->t[id];
	return NULL;
}

/* Add the tunnels of a word to @chosen, each once. */
static int choose_named(struct tunnels *all, const char *word, bool *taken,
			struct tunnels *chosen)
{
	struct tunnel *t;
	char item[300];
	size_t len;

	if (!strncmp(word, NUMBERS, strlen(NUMBERS)))
		word += strlen(NUMBERS);
	for (; *word; word += len + !!word[len]) {
		len = item_len(all, word);
		if (!len)
			continue;
		t = find_tunnel(all, word, len);
		if (!t) {
			snprintf(item, sizeof(item), "%.*s", (int)len, word);
			fail(item, "no such tunnel");
			if (!opt.keep_going)
				return IPIPCTL_REFUSED;
			opt.missed = true;
		} else if (!taken[t - all->t]) {
			taken[t - all->t] = true;
			*tunnel_add(chosen) = *t;
		}
	}
	return 0;
}

static int choose_words(const char *what, char **words, size_t n, size_t *used,
			struct tunnels *all, struct tunnels *chosen)
{
	bool *taken;
	int ret = 0;
	size_t i;

	if (is_find(words[0])) {
		*used = find_words(words, n);
		if (!*used)
			return usage(what, "'[find' has no ']'");
		ret = choose_found(what, words, *used, all);
		*chosen = *all;
		memset(all, 0, sizeof(*all));
		return ret;
	}
	taken = need_memory(calloc(all->n + 1, sizeof(*taken)));
	for (i = 0; !ret && i < *used; i++)
		ret = choose_named(all, words[i], taken, chosen);
	free(taken);
	if (!ret && !chosen->n && !opt.missed)
		ret = usage(what, "needs tunnels");
	return ret;
}

/**
 * choose() - Read the tunnels that the first words of a command name
 * @what: what is being done, for errors
 * @words: names and numbers separated by commas, or "[find condition]"
 * @n: how many words there are
 * @stats: with the device's counters
 * @chosen: those that are named, in that order, each once; none if a condition finds none
 * @used: on entry how many words are names, if it isn't "[find"; set to how many were
 *
 * With --continue, an unknown name is reported and skipped.
 *
 * Return: 0, or an exit status after an error was printed.
 */
int choose(const char *what, char **words, size_t n, bool stats,
	   struct tunnels *chosen, size_t *used)
{
	struct tunnels all = {};
	int ret;

	if (!n)
		return usage(what, "needs tunnels");
	ret = tunnels_read(&all, stats);
	if (!ret)
		ret = choose_words(what, words, n, used, &all, chosen);
	tunnels_free(&all);
	return ret;
}

/**
 * tunnel_copy() - Begin a new tunnel with the properties of another one
 * @from: the other one, which may be new itself
 * @t: set to it, without its names
 *
 * Return: NULL, or why it isn't possible.
 */
const char *tunnel_copy(const struct tunnel *from, struct tunnel *t)
{
	*t = *from;
	t->ifindex = 0;
	*t->name = '\0';
	*t->new_name = '\0';
	t->altnames = "";
	if (from->link_netnsid >= 0)
		return "its underlay is in another network namespace";
	if (from->link_index)
		return "the device of its link= doesn't exist";
	if (!from->ipsec_profile || from->secret)
		return NULL;
	return connection_secret(*from->name ? from->name : from->new_name, &t->secret);
}
