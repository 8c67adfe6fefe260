// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: options, verbs and help.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipipctl.h"

static int cmd_help(char **words, size_t n);
static int cmd_version(char **words, size_t n);

#define MONITOR_WORDS \
	"events once interval= sort=number sort=name sort=rate sort=rx sort=tx sort=rtt sort=loss sort=state"

static const struct verb verbs[] = {
	{ "add", "PROPERTY=VALUE... [copy-from=TUNNEL]", "create a tunnel", cmd_add,
	  TAKES_ASSIGNMENTS | TAKES_COPY, NULL },
	{ "comment", "TUNNELS TEXT", "set a comment", cmd_comment, TAKES_TUNNELS, NULL },
	{ "disable", "TUNNELS", "take tunnels down", cmd_disable, TAKES_TUNNELS, NULL },
	{ "enable", "TUNNELS", "bring tunnels up", cmd_enable, TAKES_TUNNELS, NULL },
	{ "export", "[compact|verbose] [where CONDITION]",
	  "write the commands that create the tunnels", cmd_export, TAKES_WHERE,
	  "compact verbose where" },
	{ "find", "[where] [CONDITION]", "print the names of tunnels that match",
	  cmd_find, TAKES_CONDITION, "where" },
	{ "get", "TUNNEL [PROPERTY]", "print one value, or all", cmd_get,
	  TAKES_TUNNELS | TAKES_PROPERTY, NULL },
	{ "help", "[VERB|PROPERTY]", "show help", cmd_help, TAKES_TOPIC, NULL },
	{ "import", "FILE", "create the tunnels of an export, of RouterOS or ipipctl",
	  cmd_import, TAKES_FILE, NULL },
	{ "metrics", "[openmetrics|prometheus] [FILE]",
	  "write counters and states for a monitoring system", cmd_metrics, TAKES_FILE,
	  "openmetrics prometheus" },
	{ "monitor", "[TUNNELS] [once] [interval=DURATION] [sort=ORDER]\n"
	  "ipipctl monitor events [TUNNELS]",
	  "show rates and keepalive live, or events", cmd_monitor,
	  TAKES_TUNNELS, MONITOR_WORDS },
	{ "print",
	  "[TUNNELS] [detail|terse|count-only|stats] [proplist=PROPERTIES]\n"
	  "              [follow|interval=DURATION] [where CONDITION]",
	  "show tunnels", cmd_print, TAKES_TUNNELS | TAKES_WHERE,
	  "brief detail terse count-only stats follow proplist= interval= where" },
	{ "refresh", "[TUNNELS]", "look up addresses again that were given by name",
	  cmd_refresh, TAKES_TUNNELS, NULL },
	{ "remove", "TUNNELS", "remove tunnels", cmd_remove, TAKES_TUNNELS, NULL },
	{ "reset", "TUNNELS PROPERTY...", "reset properties to the default of add",
	  cmd_reset, TAKES_TUNNELS | TAKES_RESET, NULL },
	{ "reset-counters", "TUNNELS", "make print stats count from now on",
	  cmd_reset_counters, TAKES_TUNNELS, NULL },
	{ "restore", "[FILE]", "create the saved tunnels", cmd_restore,
	  TAKES_FILE, NULL },
	{ "save", "[FILE]", "save tunnels for the next boot", cmd_save, TAKES_FILE, NULL },
	{ "set", "TUNNELS PROPERTY=VALUE...", "change tunnels", cmd_set,
	  TAKES_TUNNELS | TAKES_ASSIGNMENTS, NULL },
	{ "unset", "TUNNELS PROPERTY...", "unset properties", cmd_unset,
	  TAKES_TUNNELS | TAKES_UNSET, NULL },
	{ "version", "", "show the versions of the tool and of the driver",
	  cmd_version, 0, NULL },
	{ "xdp", "[print]\nipipctl xdp attach DEVICES [FILE]\nipipctl xdp detach DEVICES",
	  "have devices forward for tunnels by XDP", cmd_xdp, TAKES_DEVICES,
	  "attach detach print" },
};

static const char *verb_name(size_t i)
{
	return verbs[i].name;
}

static void help_verb(const struct verb *v)
{
	printf("ipipctl %s %s\n    %s\n", v->name, v->arguments, v->help);
}

static void help_property(unsigned int p)
{
	char values[256], value[FORMAT_MAX];
	struct tunnel t;

	property_values(p, values, sizeof(values));
	if (!can_be_set(p)) {
		printf("%s\n    %s\n    read-only\n", properties[p].name,
		       properties[p].meaning);
		return;
	}
	printf("%s=%s\n    %s\n", properties[p].name, values, properties[p].meaning);
	if (p == P_NAME || p == P_REMOTE_ADDRESS || p == P_IPSEC_SECRET_FILE)
		return;
	tunnel_defaults(&t);
	property_format(p, &t, value);
	printf("    add gives: %s\n", *value ? value : "none");
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

/* "comment" is both a verb and a property. */
static int help_topic(const char *word)
{
	const size_t len = strlen(word);
	const int v = match_word(word, len, verb_name, ARRAY_SIZE(verbs));
	const int p = match_word(word, len, property_name, P_COUNT);

	if (v >= 0)
		help_verb(&verbs[v]);
	if (p >= 0)
		help_property(p);
	if (v >= 0 || p >= 0)
		return 0;
	if (v == -1 && p == -2)
		find_property("help", word, len);
	else
		find_word("help", word, len, verb_name, ARRAY_SIZE(verbs));
	return IPIPCTL_USAGE;
}

static int cmd_help(char **words, size_t n)
{
	char values[256];
	size_t i;

	if (n > 1)
		return usage("help", "%s: unexpected argument", words[1]);
	if (n)
		return help_words(words[0]) ? help_topic(words[0]) : 0;
	printf("Usage: ipipctl [-j] [-n NETNS] VERB [ARGUMENT...]\n\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
	printf("\nTUNNELS are names or numbers, as print shows them, separated by commas.\n\n");
	for (i = 0; i < P_SETTABLE; i++) {
		property_values(i, values, sizeof(values));
		printf("  %-17s %s\n", properties[i].name, values);
	}
	printf("\nFor more see ipipctl help VERB or PROPERTY, and ipipctl(8).\n"
	       "Exit status: 0 success, 1 refused, 2 usage error, 3 find has found no tunnel.\n");
	return 0;
}

static int cmd_version(char **words, size_t n)
{
	char driver[64];

	if (n)
		return usage("version", "%s: unexpected argument", words[0]);
	driver_version(driver, sizeof(driver));
	printf(opt.json ? "{\"version\":\"%s\",\"driver\":\"%s\"}\n" :
	       "ipipctl %s, driver: %s\n", IPIPCTL_VERSION, driver);
	return 0;
}

/* Errors of getopt() have another format. */
static int bad_option(char **argv, int c)
{
	char letter[] = { '-', optopt, '\0' };
	const char *option = optopt && (optopt < 128) ? letter : argv[optind - 1];

	if (!strncmp(argv[optind - 1], "--", 2))
		option = argv[optind - 1];
	return usage("option", c == ':' ? "%s: has no value" : "%s: unknown", option);
}

/* If the output couldn't be written, the command has failed. */
static int finish(int ret)
{
	if (!fflush(stdout) && !ferror(stdout))
		return ret;
	fail("output", "%s", strerror(errno));
	return ret ?: IPIPCTL_REFUSED;
}

/* Options may also follow the verb. */
static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'n' },
		{ "continue", no_argument, NULL, 'c' },
		{ "disable-clear", no_argument, NULL, 'e' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int c, ret;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":jn:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			opt.json = true;
			break;
		case 'n':
			ret = netns_enter(optarg);
			if (ret)
				return ret;
			break;
		case 'c':
			opt.keep_going = true;
			break;
		case 'd':
			opt.dry_run = true;
			break;
		case 'e':
			opt.disable_clear = true;
			break;
		case 'h':
			exit(finish(cmd_help(NULL, 0)));
		case 'V':
			exit(finish(cmd_version(NULL, 0)));
		default:
			return bad_option(argv, c);
		}
	}
	return 0;
}

static bool can_continue(const struct verb *verb)
{
	if (verb->run == cmd_metrics)
		return false;
	return verb->takes & (TAKES_TUNNELS | TAKES_ASSIGNMENTS | TAKES_FILE) ||
	       verb->run == cmd_export;
}

static int check_options(const struct verb *verb)
{
	if (opt.dry_run && verb->run != cmd_add && verb->run != cmd_import &&
	    verb->run != cmd_refresh && verb->run != cmd_restore)
		return usage(verb->name, "--dry-run: for add, import, refresh and restore only");
	if (opt.disable_clear && verb->run != cmd_import)
		return usage(verb->name, "--disable-clear: for import only");
	if (opt.keep_going && !can_continue(verb))
		return usage(verb->name, "--continue: isn't supported by this verb");
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
	return check_options(&verbs[v]) ?: verbs[v].run(words + 1, n - 1);
}

int main(int argc, char **argv)
{
	int ret;

	opt.terminal = isatty(STDOUT_FILENO);
	opt.color = opt.terminal && !getenv("NO_COLOR");
	/* For completion: a word that looks like an option is to be completed. */
	if (argc > 1 && !strcmp(argv[1], "complete")) {
		ret = complete(verbs, ARRAY_SIZE(verbs), argv + 2, argc - 2);
	} else {
		ret = parse_options(argc, argv);
		if (!ret)
			ret = run_verb(argv + optind, argc - optind);
	}
	if (!ret && opt.missed)
		ret = IPIPCTL_REFUSED;
	return finish(ret);
}
