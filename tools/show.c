// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs that show tunnels, as RouterOS does or as JSON.
 */
#include <arpa/inet.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ipipctl.h"

#define BOLD	"\033[1m"
#define CYAN	"\033[36m"
#define PLAIN	"\033[0m"

static void color(const char *code)
{
	if (opt.color)
		fputs(code, stdout);
}

static unsigned int columns(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

/* One condition of "where". */
struct condition {
	int p;
	char op;	/* '=', '!' or '~' */
	char value[FORMAT_MAX];
	regex_t regex;
};

/* A value as `print` would show it, so that 10 finds 10s. */
static int canonical(int p, const char *value, char *out)
{
	const char *why;
	struct tunnel t;

	tunnel_defaults(&t);
	why = properties[p].parse ? properties[p].parse(&t, value) : NULL;
	if (why)
		return usage("where", "%s: '%s' %s", properties[p].name, value,
			     why);
	if (properties[p].parse)
		properties[p].format(&t, out);
	else
		snprintf(out, FORMAT_MAX, "%s", value);
	return 0;
}

static int parse_condition(const char *word, struct condition *c)
{
	size_t len = strcspn(word, "=!~");
	const char *value = word + len;

	if (*word == '!' || !*value) {
		/* "running", "!running" */
		c->op = *word == '!' ? '!' : '=';
		word += *word == '!';
		c->p = find_property("where", word, strlen(word));
		strcpy(c->value, "yes");
		if (c->p >= 0 && !is_yes_no(c->p))
			return usage("where", "%s: has no value",
				     properties[c->p].name);
		return c->p < 0 ? IPIPCTL_USAGE : 0;
	}
	c->op = *value;
	value += *value == '!' ? 2 : 1;
	if (c->op == '!' && value[-1] != '=')
		return usage("where", "%s: not property=value", word);
	c->p = find_property("where", word, len);
	if (c->p < 0)
		return IPIPCTL_USAGE;
	if (c->op != '~')
		return canonical(c->p, value, c->value);
	if (regcomp(&c->regex, value, REG_EXTENDED | REG_NOSUB))
		return usage("where", "%s: not a regular expression", value);
	return 0;
}

static bool matches(const struct condition *c, const struct tunnel *t)
{
	char value[FORMAT_MAX];

	properties[c->p].format(t, value);
	switch (c->op) {
	case '=':
		return !strcmp(value, c->value);
	case '!':
		return strcmp(value, c->value);
	}
	return !regexec(&c->regex, value, 0, NULL, 0);
}

/**
 * filter() - Keep the tunnels that meet all conditions
 * @words: conditions: property=value, property!=value, property~regex, running,
 *	!running
 * @n: how many
 * @list: the tunnels; those that don't are taken out
 *
 * Return: 0, or an exit status after an error was printed.
 */
int filter(char **words, size_t n, struct tunnels *list)
{
	struct condition c = { 0 };
	size_t i, j, kept;
	int ret;

	for (i = 0; i < n; i++) {
		ret = parse_condition(words[i], &c);
		if (ret)
			return ret;
		for (j = 0, kept = 0; j < list->n; j++)
			if (matches(&c, &list->t[j]))
				list->t[kept++] = list->t[j];
		list->n = kept;
		if (c.op == '~')
			regfree(&c.regex);
	}
	return 0;
}

/* JSON */

static void json_key(const char *name)
{
	putchar('"');
	for (; *name; name++)
		putchar(*name == '-' ? '_' : *name);
	fputs("\":", stdout);
}

static void json_text(const char *name, const char *value)
{
	json_key(name);
	json_string(stdout, value);
}

static void json_number(const char *name, unsigned long long value)
{
	json_key(name);
	printf("%llu", value);
}

static void json_bool(const char *name, bool value)
{
	json_key(name);
	fputs(value ? "true" : "false", stdout);
}

static void json_null(const char *name)
{
	json_key(name);
	fputs("null", stdout);
}

static void json_comma(void)
{
	putchar(',');
}

static void json_property(const struct tunnel *t, unsigned int p)
{
	char value[FORMAT_MAX];

	properties[p].format(t, value);
	json_text(properties[p].name, value);
	json_comma();
}

static void json_optional(const char *name, int64_t value)
{
	if (value < 0)
		json_null(name);
	else
		json_number(name, value);
	json_comma();
}

/* A word, or null where there is none. */
static void json_or_null(const struct tunnel *t, unsigned int p, bool there)
{
	if (there) {
		json_property(t, p);
		return;
	}
	json_null(properties[p].name);
	json_comma();
}

static void json_keepalive(const struct tunnel *t)
{
	json_number("keepalive_interval_ms", t->keepalive_interval);
	json_comma();
	json_number("keepalive_retries", t->keepalive_retries);
	json_comma();
	json_property(t, P_KEEPALIVE_MODE);
	json_or_null(t, P_KEEPALIVE_TARGET, t->keepalive_target);
	json_property(t, P_KEEPALIVE_STATE);
	json_number("keepalive_misses", t->keepalive_misses);
	json_comma();
	json_optional("keepalive_age_ms", t->keepalive_age);
	json_optional("keepalive_rtt_us", t->keepalive_rtt);
}

static void json_ipsec(const struct tunnel *t)
{
	const bool up = t->ipsec_state == IPSEC_ESTABLISHED;

	json_or_null(t, P_IPSEC_PROFILE, t->ipsec_profile);
	json_or_null(t, P_IPSEC_STATE, t->ipsec_profile);
	json_or_null(t, P_IPSEC_PROPOSAL, up);
	json_optional("ipsec_bytes_in", up ? (int64_t)t->ipsec_bytes_in : -1);
	json_optional("ipsec_bytes_out", up ? (int64_t)t->ipsec_bytes_out : -1);
	json_optional("ipsec_rekey_s", up ? t->ipsec_rekey : -1);
}

static void json_stats(const struct tunnel *t)
{
	const struct {
		const char *name;
		unsigned long long value;
	} stats[] = {
		{ "rx_bytes", t->stats.rx_bytes },
		{ "rx_packets", t->stats.rx_packets },
		{ "rx_errors", t->stats.rx_errors },
		{ "rx_dropped", t->stats.rx_dropped },
		{ "tx_bytes", t->stats.tx_bytes },
		{ "tx_packets", t->stats.tx_packets },
		{ "tx_errors", t->stats.tx_errors },
		{ "tx_dropped", t->stats.tx_dropped },
	};
	unsigned int i;
	bool comma = false;

	fputs(",\"statistics\":{", stdout);
	for (i = 0; i < ARRAY_SIZE(stats); i++) {
		if (i)
			json_comma();
		json_number(stats[i].name, stats[i].value);
	}
	fputs("},\"counters\":{", stdout);
	for (i = 0; i < ARRAY_SIZE(counter_names); i++) {
		if (!counter_names[i])
			continue;
		if (comma)
			json_comma();
		comma = true;
		json_number(counter_names[i], t->counters[i]);
	}
	putchar('}');
}

static void json_tunnel(const struct tunnel *t, bool stats)
{
	putchar('{');
	json_number("id", t->id);
	json_comma();
	json_property(t, P_NAME);
	json_number("ifindex", t->ifindex);
	json_comma();
	json_bool("disabled", t->disabled);
	json_comma();
	json_bool("running", t->running);
	json_comma();
	json_number("mtu", t->mtu);
	json_comma();
	json_bool("mtu_auto", t->mtu_auto);
	json_comma();
	json_property(t, P_LOCAL_ADDRESS);
	json_property(t, P_REMOTE_ADDRESS);
	json_property(t, P_CLAMP_TCP_MSS);
	json_property(t, P_DONT_FRAGMENT);
	json_optional("dscp", t->dscp);
	json_number("ttl", t->ttl);
	json_comma();
	json_or_null(t, P_LINK, *t->link);
	json_number("fwmark", t->fwmark);
	json_comma();
	json_property(t, P_MODE);
	json_bool("external", t->external);
	json_comma();
	json_property(t, P_ENCAP);
	json_number("encap_sport", t->encap_sport);
	json_comma();
	json_number("encap_dport", t->encap_dport);
	json_comma();
	json_bool("encap_csum", t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM);
	json_comma();
	json_bool("encap_remcsum", t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM);
	json_comma();
	json_keepalive(t);
	json_bool("require_ipsec", t->require_ipsec);
	json_comma();
	json_ipsec(t);
	json_text("comment", t->comment);
	if (stats)
		json_stats(t);
	putchar('}');
}

/**
 * json_list() - Write tunnels as JSON
 * @list: the tunnels
 * @stats: with their counters
 *
 * Return: 0, the exit status.
 */
int json_list(const struct tunnels *list, bool stats)
{
	size_t i;

	putchar('[');
	for (i = 0; i < list->n; i++) {
		fputs(i ? ",\n " : "", stdout);
		json_tunnel(&list->t[i], stats);
	}
	fputs("]\n", stdout);
	return 0;
}

/* find, get */

int cmd_find(char **words, size_t n)
{
	struct tunnels list = {};
	size_t i;
	int ret;

	if (n && !strcmp(words[0], "where")) {
		words++;
		n--;
	}
	ret = nl_dump(&list, false);
	if (!ret && n)
		swanctl_states(&list);
	ret = ret ?: filter(words, n, &list);
	if (!ret && opt.json)
		putchar('[');
	for (i = 0; !ret && i < list.n; i++) {
		if (i)
			putchar(',');
		if (opt.json)
			json_string(stdout, list.t[i].name);
		else
			fputs(list.t[i].name, stdout);
	}
	if (!ret && opt.json)
		putchar(']');
	if (!ret && (opt.json || list.n))
		putchar('\n');
	tunnels_free(&list);
	return ret;
}

/* A number, or a word. */
static void json_value(unsigned int p, const char *value)
{
	const bool text = p == P_NAME || p == P_COMMENT || p == P_LINK;

	putchar('{');
	if (!text && *value && !value[strspn(value, "0123456789")]) {
		json_key(properties[p].name);
		fputs(value, stdout);
	} else {
		json_text(properties[p].name, value);
	}
	puts("}");
}

static int get_one(const struct tunnel *t, char **words, size_t n)
{
	char value[FORMAT_MAX];
	int p, only = -1;

	if (n) {
		only = find_property("get", words[0], strlen(words[0]));
		if (only < 0)
			return IPIPCTL_USAGE;
	}
	for (p = 0; p < P_COUNT; p++) {
		if (n && p != only)
			continue;
		properties[p].format(t, value);
		if (n && opt.json)
			json_value(p, value);
		else if (n)
			puts(value);
		else
			printf("%s=%s\n", properties[p].name, value);
	}
	return 0;
}

int cmd_get(char **words, size_t n)
{
	struct tunnels chosen = {};
	int ret;

	if (!n || n > 2)
		return usage("get", "which tunnel, and which property?");
	ret = choose_all("get", words, 1, false, &chosen);
	if (!ret && chosen.n != 1)
		ret = usage("get", "one tunnel only");
	if (!ret)
		swanctl_states(&chosen);
	if (!ret && opt.json && n == 1)
		ret = json_list(&chosen, false);
	else if (!ret)
		ret = get_one(&chosen.t[0], words + 1, n - 1);
	tunnels_free(&chosen);
	return ret;
}

/* print */

enum view {
	VIEW_BRIEF,
	VIEW_DETAIL,
	VIEW_TERSE,
	VIEW_COUNT_ONLY,
	VIEW_STATS,
	VIEW_WHERE,
};

static const char *const views[] = {
	"brief", "detail", "terse", "count-only", "stats", "where",
};

static const char *view_name(size_t i)
{
	return views[i];
}

static char flag(const struct tunnel *t)
{
	return t->disabled ? 'X' : t->running ? 'R' : ' ';
}

static void print_comment(const struct tunnel *t)
{
	const char *p;

	if (!*t->comment)
		return;
	fputs("     ;;; ", stdout);
	/* It may have come from elsewhere: no control characters. */
	for (p = t->comment; *p; p++)
		putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	putchar('\n');
}

static void print_legend(const struct tunnels *list, bool detail)
{
	bool dynamic = false;
	size_t i;

	for (i = 0; detail && i < list->n; i++)
		dynamic = dynamic || list->t[i].ipsec_profile;
	printf("Flags: X - disabled; R - running%s\n",
	       dynamic ? "; D - dynamic" : "");
}

static unsigned int digits(size_t n)
{
	return snprintf(NULL, 0, "%zu", n);
}

/* Width of a column that shows a property, with its title. */
static unsigned int width(const struct tunnels *list, unsigned int p, size_t title)
{
	unsigned int max = title, len;
	char value[FORMAT_MAX];
	size_t i;

	for (i = 0; i < list->n; i++) {
		properties[p].format(&list->t[i], value);
		len = strlen(value);
		if (len > max)
			max = len;
	}
	return max;
}

static void print_table(const struct tunnels *list)
{
	static const struct {
		unsigned int p;
		const char *title;
	} column[] = {
		{ P_NAME, "NAME" }, { P_ACTUAL_MTU, "MTU" },
		{ P_LOCAL_ADDRESS, "LOCAL-ADDRESS" },
		{ P_REMOTE_ADDRESS, "REMOTE-ADDRESS" },
	};
	const unsigned int id = digits(list->n ? list->n - 1 : 0);
	unsigned int w[ARRAY_SIZE(column)], c;
	char value[FORMAT_MAX];
	size_t i;

	for (c = 0; c < ARRAY_SIZE(column); c++)
		w[c] = width(list, column[c].p, strlen(column[c].title));
	print_legend(list, false);
	puts("Columns: NAME, MTU, LOCAL-ADDRESS, REMOTE-ADDRESS");
	color(BOLD);
	printf("%*s   ", id + 1, "#");
	for (c = 0; c < ARRAY_SIZE(column); c++)
		printf(" %-*s", c + 1 < ARRAY_SIZE(column) ? (int)w[c] : 0,
		       column[c].title);
	color(PLAIN);
	putchar('\n');
	for (i = 0; i < list->n; i++) {
		print_comment(&list->t[i]);
		printf("%*u %c ", id + 1, list->t[i].id, flag(&list->t[i]));
		for (c = 0; c < ARRAY_SIZE(column); c++) {
			properties[column[c].p].format(&list->t[i], value);
			printf(" %-*s", c + 1 < ARRAY_SIZE(column) ?
			       (int)w[c] : 0, value);
		}
		putchar('\n');
	}
}

/* One "name=value" of a long list, on a new line where it doesn't fit. */
static void print_word(unsigned int *column, unsigned int p, const char *value,
		       bool always_quoted, bool wrap)
{
	const char *name = properties[p].name;
	unsigned int len = strlen(name) + 2 + quoted_len(value);

	always_quoted = always_quoted && quoted_len(value) == strlen(value);
	len += always_quoted ? 2 : 0;

	if (wrap && *column > 6 && *column + len > columns()) {
		fputs("\n     ", stdout);
		*column = 5;
	}
	*column += len;
	putchar(' ');
	color(CYAN);
	fputs(name, stdout);
	color(PLAIN);
	putchar('=');
	if (always_quoted)
		printf("\"%s\"", value);
	else
		quote_word(stdout, value);
}

/* RouterOS's order; then what is ours, where it isn't what everybody has. */
static void print_words(const struct tunnel *t, unsigned int column, bool wrap)
{
	static const uint8_t theirs[] = {
		P_NAME, P_MTU, P_ACTUAL_MTU, P_LOCAL_ADDRESS, P_REMOTE_ADDRESS,
		P_KEEPALIVE, P_DSCP, P_CLAMP_TCP_MSS, P_DONT_FRAGMENT,
	};
	static const uint8_t ours[] = {
		P_TTL, P_LINK, P_FWMARK, P_MODE, P_REQUIRE_IPSEC, P_EXTERNAL,
		P_ENCAP, P_ENCAP_SPORT, P_ENCAP_DPORT, P_ENCAP_CSUM,
		P_ENCAP_REMCSUM,
		P_KEEPALIVE_MODE, P_KEEPALIVE_TARGET, P_IPSEC_PROFILE,
	};
	static const uint8_t state[] = {
		P_KEEPALIVE_STATE, P_KEEPALIVE_RTT, P_KEEPALIVE_AGE,
	};
	static const uint8_t ipsec[] = {
		P_IPSEC_STATE, P_IPSEC_PROPOSAL, P_IPSEC_REKEY,
		P_IPSEC_BYTES_IN, P_IPSEC_BYTES_OUT,
	};
	char value[FORMAT_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		properties[theirs[i]].format(t, value);
		if (*value)
			print_word(&column, theirs[i], value,
				   wrap && theirs[i] == P_NAME, wrap);
	}
	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		properties[ours[i]].format(t, value);
		if (!is_default(t, ours[i]))
			print_word(&column, ours[i], value, false, wrap);
	}
	for (i = 0; t->keepalive_interval && i < ARRAY_SIZE(state); i++) {
		properties[state[i]].format(t, value);
		if (*value)
			print_word(&column, state[i], value, false, wrap);
	}
	for (i = 0; t->ipsec_profile && i < ARRAY_SIZE(ipsec); i++) {
		properties[ipsec[i]].format(t, value);
		if (*value)
			print_word(&column, ipsec[i], value, false, wrap);
	}
	if (!wrap && *t->comment)
		print_word(&column, P_COMMENT, t->comment, false, wrap);
	putchar('\n');
}

/* What RouterOS shows in /ip/ipsec of a tunnel with a secret. */
static void print_dynamic(const struct tunnel *t)
{
	char profile[FORMAT_MAX], local[FORMAT_MAX], remote[FORMAT_MAX];
	const bool modern = t->ipsec_profile == IPSEC_MODERN;

	properties[P_IPSEC_PROFILE].format(t, profile);
	properties[P_LOCAL_ADDRESS].format(t, local);
	properties[P_REMOTE_ADDRESS].format(t, remote);
	printf("    D peer name=\"%s\" address=%s/32", t->name, remote);
	if (t->local)
		printf(" local-address=%s", local);
	printf("\n      profile=%s exchange-mode=%s\n", profile,
	       modern ? "ike2" : "main");
	printf("    D identity peer=\"%s\" auth-method=pre-shared-key\n", t->name);
	printf("    D policy peer=\"%s\" src-address=%s/32 dst-address=%s/32\n",
	       t->name, local, remote);
	printf("      protocol=ipencap action=encrypt level=require ipsec-protocols=esp\n"
	       "      proposal=%s tunnel=no\n", profile);
}

static void print_detail(const struct tunnels *list, bool wrap)
{
	const unsigned int id = digits(list->n ? list->n - 1 : 0);
	size_t i;

	if (wrap)
		print_legend(list, true);
	for (i = 0; i < list->n; i++) {
		if (wrap)
			print_comment(&list->t[i]);
		printf("%*u %c ", id + 1, list->t[i].id, flag(&list->t[i]));
		print_words(&list->t[i], id + 4, wrap);
		if (wrap && list->t[i].ipsec_profile && !list->t[i].disabled)
			print_dynamic(&list->t[i]);
	}
}

static void print_counters(const struct tunnel *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counter_names); i++)
		if (counter_names[i])
			printf("      %s=%llu\n", counter_names[i],
			       (unsigned long long)t->counters[i]);
}

static const struct {
	const char *title;
	size_t offset;
} stats_columns[] = {
#define STAT(title, field) \
	{ title, offsetof(struct tunnel, stats) + \
		 offsetof(struct rtnl_link_stats64, field) }
	STAT("RX-BYTE", rx_bytes), STAT("TX-BYTE", tx_bytes),
	STAT("RX-PACKET", rx_packets), STAT("TX-PACKET", tx_packets),
	STAT("RX-DROP", rx_dropped), STAT("TX-DROP", tx_dropped),
	STAT("RX-ERROR", rx_errors), STAT("TX-ERROR", tx_errors),
#undef STAT
};

static unsigned long long stat_of(const struct tunnel *t, unsigned int column)
{
	uint64_t value;

	memcpy(&value, (const char *)t + stats_columns[column].offset,
	       sizeof(value));
	return value;
}

static unsigned int stat_width(const struct tunnels *list, unsigned int column)
{
	unsigned int max = strlen(stats_columns[column].title), len;
	size_t i;

	for (i = 0; i < list->n; i++) {
		len = digits(stat_of(&list->t[i], column));
		if (len > max)
			max = len;
	}
	return max;
}

static void print_stats(const struct tunnels *list, bool detail)
{
	const unsigned int name = width(list, P_NAME, strlen("NAME"));
	const unsigned int id = digits(list->n ? list->n - 1 : 0);
	unsigned int w[ARRAY_SIZE(stats_columns)] = { 0 }, c;
	size_t i;

	print_legend(list, false);
	color(BOLD);
	printf("%*s    %-*s", id + 1, "#", name, "NAME");
	for (c = 0; c < ARRAY_SIZE(w); c++) {
		w[c] = stat_width(list, c);
		printf(" %*s", w[c], stats_columns[c].title);
	}
	color(PLAIN);
	putchar('\n');
	for (i = 0; i < list->n; i++) {
		printf("%*u %c  %-*s", id + 1, list->t[i].id, flag(&list->t[i]),
		       name, list->t[i].name);
		for (c = 0; c < ARRAY_SIZE(w); c++)
			printf(" %*llu", w[c], stat_of(&list->t[i], c));
		putchar('\n');
		if (detail)
			print_counters(&list->t[i]);
	}
}

static int print_list(struct tunnels *list, uint32_t view)
{
	size_t i;

	if (view & BIT(VIEW_STATS))
		for (i = 0; i < list->n; i++)
			counters_since(&list->t[i]);
	if (view & BIT(VIEW_COUNT_ONLY)) {
		printf(opt.json ? "{\"count\":%zu}\n" : "%zu\n", list->n);
		return 0;
	}
	if (opt.json)
		return json_list(list, view & BIT(VIEW_STATS));
	if (view & BIT(VIEW_STATS))
		print_stats(list, view & BIT(VIEW_DETAIL));
	else if (view & BIT(VIEW_TERSE))
		print_detail(list, false);
	else if (view & BIT(VIEW_DETAIL))
		print_detail(list, true);
	else
		print_table(list);
	return 0;
}

static bool is_view(const char *word, size_t len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(views); i++)
		if (!strncmp(views[i], word, len))
			return true;
	return false;
}

static bool is_numbers(const char *word)
{
	return !strncmp(word, "numbers=", strlen("numbers="));
}

/* The words before the conditions; returns how many, or -1. */
static int parse_views(char **words, size_t n, uint32_t *view)
{
	size_t i;
	int v;

	for (i = 0; i < n && !(*view & BIT(VIEW_WHERE)); i++) {
		if (strchr(words[i], '='))
			break;
		v = find_word("print", words[i], strlen(words[i]), view_name,
			      ARRAY_SIZE(views));
		if (v < 0)
			return -1;
		*view |= BIT(v);
	}
	return i;
}

static void say_unloaded(void)
{
	bool loaded;

	driver_is_ours(&loaded);
	if (!loaded)
		fail("ipip", "the module isn't loaded");
}

static int print_chosen(char *names, char **words, size_t n, uint32_t view)
{
	struct tunnels all = {}, chosen = {}, *list = &all;
	int ret;

	ret = nl_dump(&all, view & BIT(VIEW_STATS));
	if (!ret && names) {
		list = &chosen;
		ret = choose(&all, names, list);
	}
	if (!ret)
		swanctl_states(list);
	ret = ret ?: filter(words, n, list) ?: print_list(list, view);
	if (!ret && !all.n)
		say_unloaded();
	tunnels_free(&all);
	tunnels_free(&chosen);
	return ret;
}

int cmd_print(char **words, size_t n)
{
	char *names = NULL;
	uint32_t view = 0;
	int used;

	if (n && (is_numbers(words[0]) || (!strchr(words[0], '=') &&
					   !is_view(words[0], strlen(words[0]))))) {
		names = words[0];
		words++;
		n--;
	}
	used = parse_views(words, n, &view);
	if (used < 0)
		return IPIPCTL_USAGE;
	return print_chosen(names, words + used, n - used, view);
}
