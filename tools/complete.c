// SPDX-License-Identifier: GPL-2.0
/*
 * Completion for any shell: the candidates for the last word. Each is a line, optionally
 * with a tab and its meaning. Candidates that end in "=" aren't complete words. The line
 * ":files" requests names of files.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/**
 * struct cursor - what is being completed
 * @verbs: the table
 * @n_verbs: its rows
 * @word: the typed part of the word
 * @verb: that is complete, or NULL
 * @args: the words between it and @word
 * @n: how many
 */
struct cursor {
	const struct verb *verbs;
	size_t n_verbs;
	const char *word;
	const struct verb *verb;
	char **args;
	size_t n;
};

/* A comment may have lines: the next one would be a candidate. */
static void print_meaning(const char *meaning)
{
	char text[IPIPCTL_COMMENT_MAX + 1];
	size_t n = 0;

	while (n < sizeof(text) - 1 && (unsigned char)meaning[n] >= ' ' && meaning[n] != 0x7f)
		n++;
	snprintf(text, sizeof(text), "%.*s", (int)n, meaning);
	hide_controls(text);
	printf("\t%s", text);
}

/* Print @prefix and @name if the typed part can be completed to that. */
static void offer(const struct cursor *c, const char *prefix, const char *name,
		  const char *ending, const char *meaning)
{
	const size_t len = strlen(c->word), n = strlen(prefix);

	if (len > n ? strncmp(c->word, prefix, n) || strncmp(c->word + n, name, len - n) :
		      strncmp(c->word, prefix, len))
		return;
	printf("%s%s%s", prefix, name, ending);
	if (meaning)
		print_meaning(meaning);
	putchar('\n');
}

static void offer_words(const struct cursor *c, const char *prefix, const struct word *words)
{
	for (; words && words->name; words++)
		if (!words->alias)
			offer(c, prefix, words->name, "", NULL);
}

/* Names of files in a folder, without those that begin with a dot. */
static void offer_folder(const struct cursor *c, const char *prefix, const char *path)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			offer(c, prefix, entry->d_name, "", NULL);
	if (dir)
		closedir(dir);
}

static void offer_devices(const struct cursor *c, const char *prefix)
{
	struct if_nameindex *all = if_nameindex(), *device;

	for (device = all; device && device->if_index; device++)
		offer(c, prefix, device->if_name, "", NULL);
	if (all)
		if_freenameindex(all);
}

/* Check whether a name is in a list separated by commas. */
static bool is_listed(const char *list, size_t n, const char *name)
{
	const size_t len = strlen(name);
	size_t i;

	for (i = 0; i + len < n; i++)
		if ((!i || list[i - 1] == ',') && list[i + len] == ',' &&
		    !strncmp(list + i, name, len))
			return true;
	return false;
}

/* Join @prefix and the part of the word up to its last comma. */
static char *list_prefix(const struct cursor *c, const char *prefix)
{
	const size_t n = strlen(prefix);
	const char *list, *comma;

	list = strncmp(c->word, prefix, n) ? "" : c->word + n;
	comma = strrchr(list, ',');
	return need_memory(strndup(c->word, comma ? (size_t)(comma + 1 - c->word) : 0));
}

static void offer_tunnels(const struct cursor *c, const char *prefix, bool several)
{
	char *before = several ? list_prefix(c, prefix) : NULL;
	const char *start = before && *before ? before : prefix;
	struct tunnels list = {};
	size_t i;

	if (!nl_dump(&list, false))
		for (i = 0; i < list.n; i++)
			if (!is_listed(start, strlen(start), list.t[i].name))
				offer(c, start, list.t[i].name, "",
				      *list.t[i].comment ? list.t[i].comment : NULL);
	tunnels_free(&list);
	free(before);
}

static void offer_values(const struct cursor *c, unsigned int p, const char *prefix,
			 bool condition)
{
	char value[FORMAT_MAX];
	struct tunnel t;

	if (p == P_IPSEC_SECRET_FILE) {
		puts(":files");
		return;
	}
	offer_words(c, prefix, properties[p].words);
	if (p == P_LINK || p == P_REFRESH_LOCAL) {
		offer(c, prefix, "none", "", NULL);
		offer_devices(c, prefix);
	}
	if (p == P_NAME && condition)
		offer_tunnels(c, prefix, false);
	if (p != P_KEEPALIVE)
		return;
	tunnel_defaults(&t);
	property_format(p, &t, value);
	offer(c, prefix, value, "", NULL);
	offer(c, prefix, "no", "", NULL);
}

/* Complete the value after "property=" of a possible property. */
static void complete_value(const struct cursor *c, unsigned int end, bool condition)
{
	const size_t len = strcspn(c->word, "=!~<>"), skip = strspn(c->word, "(");
	const size_t ops = strspn(c->word + len, "=!~<>");
	char *prefix = need_memory(strndup(c->word, len + ops));
	const char *name = prefix + skip;
	int p;

	p = len - skip == 3 && !strncmp(name, "dev", 3) ? P_LINK :
	    match_word(name, len - skip, property_name, end);
	if (p >= 0 && p != P_COMMENT)
		offer_values(c, p, prefix, condition);
	free(prefix);
}

/* Check whether the command line already has a value for the property. */
static bool is_given(const struct cursor *c, unsigned int p)
{
	const size_t len = strlen(properties[p].name);
	size_t i;

	for (i = 0; i < c->n; i++) {
		const char *word = c->args[i] + (*c->args[i] == '!');

		if (!strncmp(word, properties[p].name, len) && (!word[len] || word[len] == '='))
			return true;
	}
	return false;
}

static void complete_assignment(const struct cursor *c)
{
	unsigned int p;

	if (c->verb->takes & TAKES_COPY && !strncmp(c->word, "copy-from=", 10)) {
		offer_tunnels(c, "copy-from=", false);
		return;
	}
	if (strchr(c->word, '=')) {
		complete_value(c, P_SETTABLE, false);
		return;
	}
	for (p = 0; p < P_SETTABLE; p++) {
		if (is_given(c, p))
			continue;
		if (*c->word == '!' && properties[p].empty)
			offer(c, "!", properties[p].name, "", properties[p].meaning);
		else if (*c->word != '!')
			offer(c, "", properties[p].name, "=", properties[p].meaning);
	}
	if (!strncmp(c->word, "dev", strlen(c->word)) && strlen(c->word) == 3)
		offer(c, "", "dev", "=", properties[P_LINK].meaning);
	if (c->verb->takes & TAKES_COPY)
		offer(c, "", "copy-from", "=", "begin with what another tunnel has");
}

static void complete_condition(const struct cursor *c)
{
	const bool not = *c->word == '!';
	unsigned int p;

	if (strcspn(c->word + not, "=~<>") < strlen(c->word + not)) {
		complete_value(c, P_COUNT, true);
		return;
	}
	for (p = 0; p < P_COUNT; p++) {
		const bool alone = properties[p].kind == KIND_YES_NO;

		if (p == P_IPSEC_SECRET_FILE || (not && !alone))
			continue;
		offer(c, not ? "!" : "", properties[p].name, alone ? "" : "=",
		      properties[p].meaning);
	}
	if (!c->n || !strcmp(c->args[c->n - 1], "where"))
		return;
	offer(c, "", "and", "", NULL);
	offer(c, "", "or", "", NULL);
}

static void complete_names(const struct cursor *c, unsigned int takes)
{
	char *prefix = list_prefix(c, "");
	unsigned int p;

	for (p = 0; p < (takes & TAKES_PROPERTY ? P_COUNT : P_SETTABLE); p++) {
		if ((takes & TAKES_UNSET && !properties[p].empty) ||
		    (takes & TAKES_RESET && (p == P_NAME || p == P_REMOTE_ADDRESS)) ||
		    p == P_IPSEC_SECRET_FILE || is_listed(prefix, strlen(prefix),
							  properties[p].name))
			continue;
		offer(c, takes & TAKES_PROPERTY ? "" : prefix, properties[p].name, "",
		      properties[p].meaning);
	}
	if (takes & TAKES_UNSET)
		offer(c, prefix, properties[P_IPSEC_SECRET_FILE].name, "",
		      properties[P_IPSEC_SECRET_FILE].meaning);
	free(prefix);
}

static void complete_devices(const struct cursor *c)
{
	char *prefix = list_prefix(c, "");

	offer_devices(c, prefix);
	free(prefix);
}

static void complete_proplist(const struct cursor *c, const char *prefix)
{
	char *before = list_prefix(c, prefix);
	const char *start = *before ? before : prefix;
	unsigned int p;

	for (p = 0; p < P_COUNT; p++)
		if (!is_listed(start + strlen(prefix), strlen(start) - strlen(prefix),
			       properties[p].name))
			offer(c, start, properties[p].name, "", properties[p].meaning);
	free(before);
}

static bool has_word(const struct cursor *c, const char *word)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->args[i], word))
			return true;
	return false;
}

/* Views and the like. */
static void complete_words(const struct cursor *c)
{
	char *words = need_memory(strdup(c->verb->words)), *word, *state;

	for (word = strtok_r(words, " ", &state); word; word = strtok_r(NULL, " ", &state))
		if (!has_word(c, word))
			offer(c, "", word, "", NULL);
	free(words);
}

static void complete_verb(const struct cursor *c)
{
	const struct verb *verb;

	for (verb = c->verbs; verb < c->verbs + c->n_verbs; verb++)
		offer(c, "", verb->name, "", verb->help);
}

static void complete_topics(const struct cursor *c)
{
	unsigned int i;

	complete_verb(c);
	for (i = 0; i < P_COUNT; i++)
		offer(c, "", properties[i].name, "", properties[i].meaning);
}

static void complete_argument(const struct cursor *c)
{
	const unsigned int takes = c->verb->takes;

	/* A word that it takes comes before the file. */
	if (takes & TAKES_FILE && (c->n || !c->verb->words || strpbrk(c->word, "/."))) {
		puts(":files");
		return;
	}
	if (takes & TAKES_TOPIC)
		complete_topics(c);
	if (takes & TAKES_CONDITION || (takes & TAKES_WHERE && has_word(c, "where"))) {
		complete_condition(c);
		return;
	}
	if (takes & TAKES_WHERE && !strncmp(c->word, "proplist=", 9)) {
		complete_proplist(c, "proplist=");
		return;
	}
	if (takes & TAKES_DEVICES && c->n) {
		if (c->n == 1 && strcmp(c->args[0], "print"))
			complete_devices(c);
		else if (c->n == 2 && !strcmp(c->args[0], "attach"))
			puts(":files");
		return;
	}
	if (c->verb->words)
		complete_words(c);
	if (takes & TAKES_TUNNELS && !c->n) {
		offer_tunnels(c, "", true);
		return;
	}
	if (takes & TAKES_ASSIGNMENTS)
		complete_assignment(c);
	if (takes & (TAKES_UNSET | TAKES_RESET | TAKES_PROPERTY))
		complete_names(c, takes);
}

static void complete_option(const struct cursor *c)
{
	static const char *const options[] = {
		"--continue", "--disable-clear", "--dry-run", "--help", "--json",
		"--netns", "--version",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		offer(c, "", options[i], "", NULL);
}

static const struct verb *table;

static const char *verb_name(size_t i)
{
	return table[i].name;
}

static bool is_netns_option(const char *word)
{
	return !strcmp(word, "-n") || !strcmp(word, "--netns");
}

/* Skip the options and the verb. Returns the remaining words, or NULL if the verb is unknown
 * or ambiguous.
 */
static char **take_verb(struct cursor *c, char **words, size_t *n)
{
	int verb;

	while (*n && **words == '-') {
		if (is_netns_option(*words) && *n > 1) {
			netns_enter(*++words);
			(*n)--;
		} else if (!strncmp(*words, "--netns=", 8)) {
			netns_enter(*words + 8);
		}
		words++;
		(*n)--;
	}
	if (!*n)
		return words;
	verb = match_word(*words, strlen(*words), verb_name, c->n_verbs);
	if (verb < 0)
		return NULL;
	c->verb = &c->verbs[verb];
	(*n)--;
	return words + 1;
}

/**
 * complete() - Print the candidates for the last word
 * @verbs: the table of verbs
 * @n_verbs: its rows
 * @words: the words behind the program's name
 * @n: how many; the last may be empty
 *
 * Return: 0, the exit status.
 */
int complete(const struct verb *verbs, size_t n_verbs, char **words, size_t n)
{
	struct cursor c = { .verbs = verbs, .n_verbs = n_verbs };

	table = verbs;
	c.word = n ? words[--n] : "";
	/* Don't print errors into the user's command line. */
	if (!freopen("/dev/null", "w", stderr))
		return IPIPCTL_REFUSED;
	if (n && is_netns_option(words[n - 1])) {
		offer_folder(&c, "", "/run/netns");
		return 0;
	}
	c.args = take_verb(&c, words, &n);
	c.n = n;
	if (!c.args)
		return 0;
	if (*c.word == '-')
		complete_option(&c);
	else if (c.verb)
		complete_argument(&c);
	else
		complete_verb(&c);
	return 0;
}
