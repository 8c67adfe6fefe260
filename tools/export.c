// SPDX-License-Identifier: GPL-2.0
/*
 * Writing tunnels in RouterOS's export format.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ipipctl.h"

#define LINE_WIDTH	78
#define CONFIG_DIR	"/etc/ipip"

/* One word of an export, on a new line where it doesn't fit. */
static void write_word(FILE *out, unsigned int *column, const char *name,
		       const char *value)
{
	unsigned int len = strlen(name) + 1;

	len += value ? 1 + quoted_len(value) : 0;
	if (*column + len > LINE_WIDTH && *column > 4) {
		fputs(" \\\n   ", out);
		*column = 3;
	}
	*column += len;
	/* Called for each property of each tunnel, so it doesn't parse a format string. */
	putc_unlocked(' ', out);
	fputs_unlocked(name, out);
	if (value) {
		putc_unlocked('=', out);
		quote_word(out, value);
	}
}

/* If the name was derived from an altname, write the altname, from which it is derived again. */
static void value_of(const struct tunnel *t, unsigned int p, char *value)
{
	property_format(p, t, value);
	if (p == P_NAME && has_short_name(t))
		snprintf(value, FORMAT_MAX, "%.*s",
			 (int)strcspn(t->altnames, ALTNAME_SEPARATOR), t->altnames);
}

static void write_tunnel(FILE *out, const struct tunnel *t, bool verbose)
{
	unsigned int p, column = strlen("add");
	char value[FORMAT_MAX];

	fputs("add", out);
	for (p = 0; p < P_SETTABLE; p++) {
		if (p == P_IPSEC_SECRET_FILE || (!verbose && is_default(t, p)))
			continue;
		value_of(t, p, value);
		if (p == P_KEEPALIVE && !*value)
			write_word(out, &column, "!keepalive", NULL);
		else
			write_word(out, &column, properties[p].name, value);
	}
	putc('\n', out);
}

/**
 * write_tunnels() - Write the commands that create tunnels
 * @out: where to write
 * @list: the tunnels
 * @verbose: include values that are defaults of `add`
 */
void write_tunnels(FILE *out, const struct tunnels *list, bool verbose)
{
	size_t i;

	fprintf(out, "# ipipctl " IPIPCTL_VERSION "\n/interface ipip\n");
	for (i = 0; i < list->n; i++)
		write_tunnel(out, &list->t[i], verbose);
}

/* Get the reason why a tunnel can't be written, or NULL. Reading it back must recreate it. */
static const char *why_not(const struct tunnel *t)
{
	if (t->link_netnsid >= 0)
		return "its underlay is in another network namespace, which can't be saved";
	if (t->link_index && !*t->link)
		return "link: the device was deleted: set link=, or remove the tunnel";
	if (t->ipsec_profile == IPSEC_UNKNOWN)
		return "ipsec-profile: is unknown: set it to routeros or modern, then export again";
	if (t->ipsec_profile && !t->require_ipsec)
		return "require-ipsec: is no with an ipsec-secret: set yes, or unset ipsec-secret";
	return NULL;
}

/* Remove and report tunnels that can't be written. Without --continue nothing is written. */
static int take_out(struct tunnels *list)
{
	const char *why;
	size_t i, kept = 0;
	int ret = 0;

	for (i = 0; i < list->n; i++) {
		why = why_not(&list->t[i]);
		if (!why) {
			if (kept != i)
				list->t[kept] = list->t[i];
			kept++;
			continue;
		}
		fail(list->t[i].name, "%s", why);
		opt.missed = true;
		ret = opt.keep_going ? 0 : IPIPCTL_REFUSED;
	}
	list->n = kept;
	tunnels_changed(list);
	return ret;
}

int cmd_export(char **words, size_t n)
{
	struct tunnels list = {};
	bool verbose = false;
	int ret;

	for (; n; words++, n--) {
		if (!strcmp(words[0], "verbose"))
			verbose = true;
		else if (!strcmp(words[0], "where"))
			break;
		else if (strcmp(words[0], "compact") &&
			 strcmp(words[0], "terse") &&
			 strcmp(words[0], "show-sensitive") &&
			 strcmp(words[0], "hide-sensitive"))
			return usage("export", "%s: unknown", words[0]);
	}
	ret = tunnels_read(&list, false) ?: filter(words, n, &list);
	if (!ret && opt.json) {
		swanctl_states(&list);
		json_list(&list, ~0ULL, false);
	} else if (!ret) {
		ret = take_out(&list);
		if (!ret)
			write_tunnels(stdout, &list, verbose);
	}
	tunnels_free(&list);
	return ret;
}

/* Follow a symbolic link, and keep it. */
static int write_file(const char *name, const struct tunnels *list)
{
	char *path = realpath(name, NULL), *text = NULL;
	size_t size;
	FILE *out = need_memory(open_memstream(&text, &size));
	int ret;

	write_tunnels(out, list, true);
	ret = fclose(out) ? -1 : replace_file(path ?: name, text);
	free(text);
	free(path);
	return ret;
}

/* The file is replaced, which would delete a device or a pipe. */
static bool is_replaceable(const char *name)
{
	struct stat st;

	return stat(name, &st) || S_ISREG(st.st_mode);
}

/**
 * config_file() - Get the file for `save` and `restore`
 * @what: the verb, for errors
 * @words: the words after it
 * @n: number of words
 *
 * The default file belongs to the machine, so it isn't used with another netns.
 *
 * Return: its name, or NULL after an error was printed.
 */
const char *config_file(const char *what, char **words, size_t n)
{
	if (n == 1)
		return words[0];
	if (n > 1)
		usage(what, "%s: unexpected argument", words[1]);
	else if (opt.netns)
		usage(what, "needs a file with --netns");
	else
		return IPIPCTL_CONFIG;
	return NULL;
}

static int save(const char *name, const struct tunnels *list)
{
	/* The end of the program checks whether all of it was written. */
	if (!strcmp(name, "-")) {
		write_tunnels(stdout, list, true);
		return 0;
	}
	if (!strcmp(name, IPIPCTL_CONFIG) && mkdir(CONFIG_DIR, 0755) && errno != EEXIST)
		return -1;
	return write_file(name, list);
}

int cmd_save(char **words, size_t n)
{
	const char *name = config_file("save", words, n);
	struct tunnels list = {};
	int ret;

	if (!name)
		return IPIPCTL_USAGE;
	if (strcmp(name, "-") && !is_replaceable(name)) {
		fail(name, "isn't a regular file: use \"-\" for standard output");
		return IPIPCTL_REFUSED;
	}
	ret = tunnels_read(&list, false) ?: take_out(&list);
	if (!ret && save(name, &list)) {
		fail(name, "%s", strerror(errno));
		ret = IPIPCTL_REFUSED;
	}
	tunnels_free(&list);
	return ret;
}
