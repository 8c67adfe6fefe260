// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: options, verbs, help, and how errors look.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipipctl.h"

struct options opt;

static int cmd_help(char **words, size_t n);
static int cmd_version(char **words, size_t n);

static const struct verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(char **words, size_t n);
} verbs[] = {
	{ "add", "PROPERTY=VALUE...", "make a tunnel", cmd_add },
	{ "comment", "TUNNELS TEXT", "say what they are for", cmd_comment },
	{ "disable", "TUNNELS", "take them down", cmd_disable },
	{ "enable", "TUNNELS", "bring them up", cmd_enable },
	{ "export", "[compact|verbose] [where PROPERTY=VALUE...]",
	  "write the commands that make them", cmd_export },
	{ "find", "[where] [PROPERTY=VALUE...]", "names of those that match",
	  cmd_find },
	{ "get", "TUNNEL [PROPERTY]", "one value, or all", cmd_get },
	{ "help", "[VERB]", "this", cmd_help },
	{ "import", "FILE", "make what an export of RouterOS's or ours says",
	  cmd_import },
	{ "monitor", "[TUNNELS] [once] [interval=DURATION]",
	  "rates and keepalive, live", cmd_monitor },
	{ "print", "[TUNNELS] [detail|terse|count-only|stats] [where PROPERTY=VALUE...]",
	  "show them", cmd_print },
	{ "remove", "TUNNELS", "remove them", cmd_remove },
	{ "reset", "TUNNELS PROPERTY...", "back to what add gives", cmd_reset },
	{ "reset-counters", "TUNNELS", "count from now on", cmd_reset_counters },
	{ "restore", "[FILE]", "make what was saved", cmd_restore },
	{ "save", "[FILE]", "keep them for the next boot", cmd_save },
	{ "set", "TUNNELS PROPERTY=VALUE...", "change them", cmd_set },
	{ "unset", "TUNNELS PROPERTY...", "take a value away", cmd_unset },
	{ "version", "", "version of the tool and of the driver", cmd_version },
};

static void print_error(const char *what, const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "ipipctl: %s: ", what);
	vfprintf(stderr, format, args);
	putc('\n', stderr);
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

/* How many letters must be added, left out, changed or swapped with the next. */
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
 * find_word() - Find a word by its name or an unambiguous start of it
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
	char like[256] = "";
	int found = -1;
	size_t i;

	for (i = 0; len && i < n; i++) {
		if (strncmp(name(i), word, len))
			continue;
		if (!name(i)[len])
			return i;
		snprintf(like + strlen(like), sizeof(like) - strlen(like),
			 "%s%s", *like ? ", " : "", name(i));
		found = found == -1 ? (int)i : -2;
	}
	if (found == -2)
		usage(what, "%.*s: could be %s", (int)len, word, like);
	else if (found == -1)
		return unknown_word(what, word, len, name, n);
	return found < 0 ? -1 : found;
}

static const char *verb_name(size_t i)
{
	return verbs[i].name;
}

static void help_verb(const struct verb *v)
{
	printf("ipipctl %s %s\n    %s\n", v->name, v->arguments, v->help);
}

static int help_words(const char *word)
{
	size_t i;

	if (!strcmp(word, "verbs")) {
		for (i = 0; i < ARRAY_SIZE(verbs); i++)
			puts(verbs[i].name);
		return 0;
	}
	if (!strcmp(word, "properties")) {
		for (i = 0; i < P_COUNT; i++)
			puts(properties[i].name);
		return 0;
	}
	return -1;
}

static int cmd_help(char **words, size_t n)
{
	size_t i;
	int v;

	if (n) {
		if (!help_words(words[0]))
			return 0;
		v = find_word("help", words[0], strlen(words[0]), verb_name,
			      ARRAY_SIZE(verbs));
		if (v < 0)
			return IPIPCTL_USAGE;
		help_verb(&verbs[v]);
		return 0;
	}
	printf("Usage: ipipctl [-j] [-n NETNS] VERB [ARGUMENT...]\n\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
	printf("\nTUNNELS are numbers, as print shows them, or names, with commas between.\n\n");
	for (i = 0; i < P_SETTABLE; i++)
		printf("  %-16s %s\n", properties[i].name, properties[i].help);
	printf("\nExit status: 0 done, 1 refused, 2 usage. See ipipctl(8).\n");
	return 0;
}

static int cmd_version(char **words, size_t n)
{
	const char *driver = "not loaded";
	char version[64] = "unknown";
	bool loaded;
	FILE *f;

	if (n)
		return usage("version", "%s: not expected", words[0]);
	if (!driver_is_ours(&loaded))
		driver = "the in-tree one";
	f = loaded ? fopen("/sys/module/ipip/version", "r") : NULL;
	if (f) {
		if (fgets(version, sizeof(version), f))
			version[strcspn(version, "\n")] = '\0';
		fclose(f);
		driver = version;
	}
	printf(opt.json ? "{\"version\":\"%s\",\"driver\":\"%s\"}\n" :
	       "ipipctl %s, driver: %s\n", IPIPCTL_VERSION, driver);
	return 0;
}

/**
 * netns_name() - What is the network namespace called that we work in?
 *
 * Return: the name that ip-netns(8) has for it, or NULL.
 */
const char *netns_name(void)
{
	static char name[NAME_MAX + 1];
	struct stat ours, theirs;
	struct dirent *entry;
	char path[300];
	DIR *dir;

	if (*name || stat("/proc/self/ns/net", &ours))
		return *name ? name : NULL;
	dir = opendir("/run/netns");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/run/netns/%s", entry->d_name);
		if (*entry->d_name == '.' || stat(path, &theirs) ||
		    ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
			continue;
		strcpy(name, entry->d_name);
		break;
	}
	if (dir)
		closedir(dir);
	return *name ? name : NULL;
}

static int enter_netns(const char *name)
{
	char path[256];
	int fd, ret;

	if (!*name || strchr(name, '/'))
		return usage("netns", "%s: not a name", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
	if (ret) {
		fail("netns", "%s: %s", name, strerror(errno));
		ret = IPIPCTL_REFUSED;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'n' },
		{ "continue", no_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "jn:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			opt.json = true;
			break;
		case 'n':
			ret = enter_netns(optarg);
			if (ret)
				return ret;
			break;
		case 'c':
			opt.keep_going = true;
			break;
		case 'd':
			opt.dry_run = true;
			break;
		case 'h':
			exit(cmd_help(NULL, 0));
		case 'V':
			exit(cmd_version(NULL, 0));
		default:
			return IPIPCTL_USAGE;
		}
	}
	return 0;
}

static int run_verb(char **words, size_t n)
{
	int v;

	if (!n) {
		cmd_help(NULL, 0);
		return IPIPCTL_USAGE;
	}
	v = find_word("verb", words[0], strlen(words[0]), verb_name,
		      ARRAY_SIZE(verbs));
	if (v < 0)
		return IPIPCTL_USAGE;
	if (opt.dry_run && verbs[v].run != cmd_add)
		return usage(verbs[v].name, "--dry-run: for add only");
	return verbs[v].run(words + 1, n - 1);
}

int main(int argc, char **argv)
{
	int ret;

	opt.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	ret = parse_options(argc, argv);
	if (!ret)
		ret = run_verb(argv + optind, argc - optind);
	if (fflush(stdout) || ferror(stdout)) {
		fail("output", "%s", strerror(errno));
		ret = ret ?: IPIPCTL_REFUSED;
	}
	return ret;
}
