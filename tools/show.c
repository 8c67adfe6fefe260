// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs that show tunnels, as RouterOS does or as JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ipipctl.h"

#define BOLD	"\033[1m"
#define CYAN	"\033[36m"
#define PLAIN	"\033[0m"
#define CLEAR	"\033[H\033[J"

static void color(const char *code)
{
	if (opt.color)
		fputs(code, stdout);
}

/* Width of the terminal, looked up once per list. */
static unsigned int columns = 80;

static void look_up_columns(void)
{
	struct winsize size;

	columns = 80;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 20)
		columns = size.ws_col;
}

/* find, get */

/* A program gets the bytes unchanged; for a terminal control characters are replaced. */
static void format_output(unsigned int p, const struct tunnel *t, char *out)
{
	if (opt.terminal)
		property_show(p, t, out);
	else
		property_format(p, t, out);
}

int cmd_find(char **words, size_t n)
{
	struct tunnels list = {};
	char name[FORMAT_MAX];
	size_t i;
	int ret;

	ret = tunnels_read(&list, false) ?: filter(words, n, &list);
	if (ret) {
		tunnels_free(&list);
		return ret;
	}
	if (opt.json)
		putchar('[');
	for (i = 0; i < list.n; i++) {
		if (i)
			putchar(',');
		format_output(P_NAME, &list.t[i], name);
		if (opt.json)
			json_string(stdout, list.t[i].name);
		else
			fputs(name, stdout);
	}
	if (opt.json)
		putchar(']');
	if (opt.json || list.n)
		putchar('\n');
	ret = list.n ? 0 : IPIPCTL_NONE;
	tunnels_free(&list);
	return ret;
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
	if (n && only == P_IPSEC_SECRET_FILE)
		return usage("get", "ipsec-secret-file: can't be read back");
	if (n && opt.json) {
		putchar('{');
		property_json(only, t);
		puts("}");
		return 0;
	}
	for (p = 0; p < P_COUNT; p++) {
		if (n ? p != only : p == P_IPSEC_SECRET_FILE)
			continue;
		format_output(p, t, value);
		if (n)
			puts(value);
		else
			printf("%s=%s\n", properties[p].name, value);
	}
	return 0;
}

int cmd_get(char **words, size_t n)
{
	struct tunnels chosen = {};
	size_t used = 1;
	int ret;

	ret = choose("get", words, n, false, &chosen, &used);
	if (!ret && n - used > 1)
		ret = usage("get", "needs a tunnel, and at most one property");
	if (!ret && chosen.n > 1)
		ret = usage("get", "accepts one tunnel only");
	if (!ret && !chosen.n) {
		fail("get", "no such tunnel");
		ret = IPIPCTL_REFUSED;
	}
	if (!ret)
		swanctl_states(&chosen);
	if (!ret && opt.json && n == used)
		json_list(&chosen, ~0ULL, false);
	else if (!ret)
		ret = get_one(&chosen.t[0], words + used, n - used);
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
	VIEW_FOLLOW,
	VIEW_WHERE,
};

static const char *const views[] = {
	"brief", "detail", "terse", "count-only", "stats", "follow", "where",
};

static const char *view_name(size_t i)
{
	return views[i];
}

/**
 * struct print - the arguments of `print`
 * @words: the tunnels, or "[find" and what follows
 * @n: how many words these are; 0 for all tunnels, or for those of @names
 * @names: the tunnels that were named, for a list that is printed again
 * @named: @names is used
 * @where: the condition
 * @n_where: how many words that is
 * @view: BIT(VIEW_*)
 * @which: BIT(P_*) of `proplist=`
 * @order: the same, in the order of the user's
 * @n_order: how many; 0 without `proplist=`
 * @interval: milliseconds, or 0: once
 */
struct print {
	char **words;
	size_t n;
	struct tunnels names;
	bool named;
	char **where;
	size_t n_where;
	uint32_t view;
	uint64_t which;
	uint8_t order[P_COUNT];
	unsigned int n_order;
	uint64_t interval;
};

static char flag(const struct tunnel *t)
{
	return t->disabled ? 'X' : t->running ? 'R' : ' ';
}

static void print_comment(const struct tunnel *t)
{
	char comment[FORMAT_MAX];

	if (!*t->comment)
		return;
	property_show(P_COMMENT, t, comment);
	printf("     ;;; %s\n", comment);
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
		property_format(p, &list->t[i], value);
		len = strlen(value);
		if (len > max)
			max = len;
	}
	return max;
}

/* "LOCAL-ADDRESS". In a list without both MTUs, the one in force is called MTU. */
static const char *title_of(const struct print *what, unsigned int p)
{
	static char title[32];
	const char *name = properties[p].name;
	size_t i;

	if (p == P_ACTUAL_MTU && !what->n_order)
		return "MTU";
	for (i = 0; i < sizeof(title) - 1 && name[i]; i++)
		title[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i];
	title[i] = '\0';
	return title;
}

/* The columns of a table and their widths: 0 for the last. */
static unsigned int lay_out(const struct print *what, const struct tunnels *list,
			    uint8_t *column, unsigned int *w)
{
	static const uint8_t brief[] = {
		P_NAME, P_ACTUAL_MTU, P_LOCAL_ADDRESS, P_REMOTE_ADDRESS,
	};
	const unsigned int n = what->n_order ?: ARRAY_SIZE(brief);
	unsigned int c;

	memcpy(column, what->n_order ? what->order : brief, n);
	for (c = 0; c < n; c++)
		w[c] = c + 1 < n ? width(list, column[c], strlen(title_of(what, column[c]))) : 0;
	return n;
}

static void print_row(const struct tunnel *t, unsigned int id, const uint8_t *column,
		      const unsigned int *w, unsigned int n)
{
	char value[FORMAT_MAX];
	unsigned int c;

	print_comment(t);
	printf("%*u %c ", id + 1, t->id, flag(t));
	for (c = 0; c < n; c++) {
		property_show(column[c], t, value);
		printf(" %-*s", (int)w[c], value);
	}
	putchar('\n');
}

static void print_table(const struct print *what, const struct tunnels *list)
{
	const unsigned int id = digits(list->n ? list->t[list->n - 1].id : 0);
	unsigned int w[P_COUNT], n, c;
	uint8_t column[P_COUNT];
	size_t i;

	n = lay_out(what, list, column, w);
	print_legend(list, false);
	for (c = 0; c < n; c++)
		printf("%s%s", c ? ", " : "Columns: ", title_of(what, column[c]));
	putchar('\n');
	color(BOLD);
	printf("%*s   ", id + 1, "#");
	for (c = 0; c < n; c++)
		printf(" %-*s", (int)w[c], title_of(what, column[c]));
	color(PLAIN);
	putchar('\n');
	for (i = 0; i < list->n; i++)
		print_row(&list->t[i], id, column, w, n);
}

/* One "name=value" of a long list, on a new line where it doesn't fit. */
static void print_word(unsigned int *column, unsigned int p, const char *value,
		       bool always_quoted, bool wrap)
{
	const char *name = properties[p].name;
	unsigned int len = strlen(name) + 2 + quoted_len(value);

	always_quoted = always_quoted && quoted_len(value) == strlen(value);
	len += always_quoted ? 2 : 0;

	if (wrap && *column > 6 && *column + len > columns) {
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

/* RouterOS's properties in its order; then properties of this project that differ from the
 * defaults of `add`; then the present state. With `proplist=` only the given properties.
 */
static unsigned int detail_order(const struct print *what, const struct tunnel *t,
				 bool wrap, uint8_t *order)
{
	static const uint8_t theirs[] = {
		P_NAME, P_MTU, P_ACTUAL_MTU, P_LOCAL_ADDRESS, P_REMOTE_ADDRESS,
		P_KEEPALIVE, P_DSCP, P_CLAMP_TCP_MSS, P_DONT_FRAGMENT,
	};
	static const uint8_t keepalive[] = {
		P_KEEPALIVE_STATE, P_KEEPALIVE_STATE_AGE, P_KEEPALIVE_RTT,
		P_KEEPALIVE_SRTT, P_KEEPALIVE_RTTVAR, P_KEEPALIVE_LOSS, P_KEEPALIVE_AGE,
	};
	static const uint8_t measured[] = { P_MTU_STATE, P_MTU_MEASURED, P_MTU_AGE };
	static const uint8_t ipsec[] = {
		P_IPSEC_STATE, P_IPSEC_PROPOSAL, P_IPSEC_REKEY,
		P_IPSEC_BYTES_IN, P_IPSEC_BYTES_OUT,
	};
	unsigned int n = ARRAY_SIZE(theirs), p;

	if (what->n_order) {
		memcpy(order, what->order, what->n_order);
		return what->n_order;
	}
	memcpy(order, theirs, n);
	for (p = 0; p < P_SETTABLE; p++)
		if (p != P_COMMENT && p != P_DISABLED && !memchr(theirs, p, sizeof(theirs)) &&
		    !is_default(t, p))
			order[n++] = p;
	if (*t->altnames)
		order[n++] = P_ALTNAMES;
	if (t->link_index)
		order[n++] = t->link_netnsid < 0 ? P_LINK_MISSING : P_LINK_NETNSID;
	for (p = 0; t->keepalive_interval && p < ARRAY_SIZE(keepalive); p++)
		order[n++] = keepalive[p];
	for (p = 0; t->mtu_state > IPIP_MTU_STATE_BASE && p < ARRAY_SIZE(measured); p++)
		order[n++] = measured[p];
	for (p = 0; t->ipsec_profile && p < ARRAY_SIZE(ipsec); p++)
		order[n++] = ipsec[p];
	if (!wrap)
		order[n++] = P_COMMENT;
	return n;
}

static void print_words(const struct print *what, const struct tunnel *t,
			unsigned int column, bool wrap)
{
	char value[FORMAT_MAX];
	uint8_t order[P_COUNT];
	unsigned int i, n;

	n = detail_order(what, t, wrap, order);
	for (i = 0; i < n; i++) {
		property_format(order[i], t, value);
		if (*value)
			print_word(&column, order[i], value,
				   wrap && order[i] == P_NAME, wrap);
	}
	putchar('\n');
}

/* For a tunnel with a secret, what RouterOS shows in /ip/ipsec. */
static void print_dynamic(const struct tunnel *t)
{
	char profile[FORMAT_MAX], local[FORMAT_MAX], remote[FORMAT_MAX], name[FORMAT_MAX];
	const bool modern = t->ipsec_profile == IPSEC_MODERN;

	property_show(P_NAME, t, name);
	property_format(P_IPSEC_PROFILE, t, profile);
	property_format(P_LOCAL_ADDRESS, t, local);
	property_format(P_REMOTE_ADDRESS, t, remote);
	printf("    D peer name=\"%s\" address=%s/32", name, remote);
	if (t->local)
		printf(" local-address=%s", local);
	printf("\n      profile=%s exchange-mode=%s\n", profile,
	       modern ? "ike2" : "main");
	printf("    D identity peer=\"%s\" auth-method=pre-shared-key\n", name);
	printf("    D policy peer=\"%s\" src-address=%s/32 dst-address=%s/32\n",
	       name, local, remote);
	printf("      protocol=ipencap action=encrypt level=require ipsec-protocols=esp\n"
	       "      proposal=%s tunnel=no\n", profile);
}

static void print_detail_row(const struct print *what, const struct tunnel *t,
			     unsigned int id, bool wrap)
{
	if (wrap && !what->n_order)
		print_comment(t);
	printf("%*u %c ", id + 1, t->id, flag(t));
	print_words(what, t, id + 4, wrap);
	if (wrap && !what->n_order && t->ipsec_profile && !t->disabled)
		print_dynamic(t);
}

static void print_detail(const struct print *what, const struct tunnels *list, bool wrap)
{
	const unsigned int id = digits(list->n ? list->t[list->n - 1].id : 0);
	size_t i;

	look_up_columns();
	if (wrap)
		print_legend(list, true);
	for (i = 0; i < list->n; i++)
		print_detail_row(what, &list->t[i], id, wrap);
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
	const unsigned int id = digits(list->n ? list->t[list->n - 1].id : 0);
	unsigned int w[ARRAY_SIZE(stats_columns)] = { 0 }, c;
	char value[FORMAT_MAX];
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
		property_show(P_NAME, &list->t[i], value);
		printf("%*u %c  %-*s", id + 1, list->t[i].id, flag(&list->t[i]), name, value);
		for (c = 0; c < ARRAY_SIZE(w); c++)
			printf(" %*llu", w[c], stat_of(&list->t[i], c));
		putchar('\n');
		if (detail)
			print_counters(&list->t[i]);
	}
}

static void print_list(const struct print *what, struct tunnels *list)
{
	const bool stats = what->view & BIT(VIEW_STATS);
	const bool detail = what->view & BIT(VIEW_DETAIL);
	size_t i;

	if (stats)
		for (i = 0; i < list->n; i++)
			counters_since(&list->t[i]);
	if (what->view & BIT(VIEW_COUNT_ONLY))
		printf(opt.json ? "{\"count\":%zu}\n" : "%zu\n", list->n);
	else if (opt.json)
		json_list(list, what->which, stats);
	else if (stats)
		print_stats(list, detail);
	else if (detail || what->view & BIT(VIEW_TERSE))
		print_detail(what, list, !(what->view & BIT(VIEW_TERSE)));
	else
		print_table(what, list);
}

static void say_unloaded(void)
{
	bool loaded;

	driver_is_ours(&loaded);
	if (!loaded)
		fail("ipip", "the module isn't loaded");
}

/* Read the tunnels to which a condition is applied. */
static int look_at_all(const struct print *what, struct tunnels *list)
{
	const bool stats = what->view & BIT(VIEW_STATS);

	return what->named ? tunnels_read_named(list, &what->names, stats) :
			     tunnels_read(list, stats);
}

/* Read what is to be printed. */
static int look(const struct print *what, struct tunnels *list)
{
	const bool stats = what->view & BIT(VIEW_STATS);
	size_t used = what->n;
	int ret;

	tunnels_free(list);
	ret = what->n ? choose("print", what->words, what->n, stats, list, &used) :
			look_at_all(what, list);
	if (!ret && !what->n && !what->named && !list->n)
		say_unloaded();
	ret = ret ?: filter(what->where, what->n_where, list);
	if (!ret)
		swanctl_states(list);
	return ret;
}

/* Follow named tunnels by their names, so that they may be removed and recreated. */
static int remember_names(struct print *what)
{
	size_t used = what->n;
	int ret;

	if (!what->n || is_find(what->words[0]))
		return 0;
	ret = choose("print", what->words, what->n, false, &what->names, &used);
	what->named = true;
	what->n = 0;
	return ret;
}

static int print_once(const struct print *what)
{
	struct tunnels list = {};
	int ret = look(what, &list);

	if (!ret)
		print_list(what, &list);
	tunnels_free(&list);
	return ret;
}

static int print_repeatedly(const struct print *what)
{
	struct tunnels list = {};
	int ret = 0;

	stop_on_signals();
	while (!ret && !stopped) {
		ret = look(what, &list);
		if (ret)
			break;
		if (isatty(STDOUT_FILENO) && !opt.json)
			fputs(CLEAR, stdout);
		print_list(what, &list);
		/* The reader of the pipe may have ended. */
		if (fflush(stdout))
			break;
		pause_for(what->interval);
	}
	tunnels_free(&list);
	return ret;
}

/* A tunnel as its line shows it, without values that change all the time. */
static bool looks_same(const struct tunnel *a, const struct tunnel *b)
{
	char x[FORMAT_MAX], y[FORMAT_MAX];
	unsigned int p;

	for (p = 0; p < P_SETTABLE; p++) {
		property_format(p, a, x);
		property_format(p, b, y);
		if (strcmp(x, y))
			return false;
	}
	return a->running == b->running && a->mtu == b->mtu;
}

static void print_change(const struct print *what, const struct tunnel *t)
{
	unsigned int w[P_COUNT] = {}, n;
	struct tunnels one = {};
	uint8_t column[P_COUNT];

	*tunnel_add(&one) = *t;
	if (opt.json) {
		json_tunnel(t, what->which, false);
		putchar('\n');
	} else if (what->view & (BIT(VIEW_DETAIL) | BIT(VIEW_TERSE))) {
		print_detail_row(what, t, digits(t->id), what->view & BIT(VIEW_DETAIL));
	} else {
		n = lay_out(what, &one, column, w);
		print_row(t, digits(t->id), column, w, n);
	}
	tunnels_free(&one);
}

static void print_removal(const struct tunnel *t)
{
	char name[FORMAT_MAX];

	if (opt.json) {
		fputs("{\"removed\":", stdout);
		json_string(stdout, t->name);
		puts("}");
	} else {
		property_show(P_NAME, t, name);
		printf("- %s\n", name);
	}
}

/* Record the tunnels that were shown, but don't meet the condition now. */
static void note_missing(const struct tunnels *shown, const struct tunnels *now,
			 struct tunnels *missing)
{
	size_t i;

	for (i = 0; i < shown->n; i++)
		if (!tunnel_of_ifindex(now, shown->t[i].ifindex))
			*tunnel_add(missing) = shown->t[i];
}

/* Find those that were removed. The others don't meet the condition any more, and stay in
 * the list.
 */
static int print_removals(const struct print *what, struct tunnels *missing)
{
	struct tunnels all = {};
	size_t i, kept = 0;
	int ret;

	if (!missing->n)
		return 0;
	ret = look_at_all(what, &all);
	tunnels_sort(&all);
	for (i = 0; !ret && i < missing->n; i++) {
		if (tunnel_of_ifindex(&all, missing->t[i].ifindex))
			missing->t[kept++] = missing->t[i];
		else
			print_removal(&missing->t[i]);
	}
	missing->n = kept;
	tunnels_free(&all);
	return ret;
}

/* Print new and changed tunnels. */
static void print_changes(const struct print *what, const struct tunnels *now,
			  const struct tunnels *last)
{
	const struct tunnel *old;
	size_t i;

	for (i = 0; i < now->n; i++) {
		old = tunnel_of_ifindex(last, now->t[i].ifindex);
		if (!old || !looks_same(old, &now->t[i]))
			print_change(what, &now->t[i]);
	}
}

/* Read the tunnels once more. @last are those shown last, @away those that were shown earlier
 * and still exist.
 */
static int follow_once(const struct print *what, struct tunnels *last, struct tunnels *away)
{
	struct tunnels now = {}, missing = {};
	int ret = look(what, &now);

	tunnels_sort(&now);
	if (!ret) {
		note_missing(away, &now, &missing);
		note_missing(last, &now, &missing);
		ret = print_removals(what, &missing);
	}
	if (!ret)
		print_changes(what, &now, last);
	tunnels_free(last);
	tunnels_free(away);
	*last = now;
	*away = missing;
	return ret;
}

/* Print the list once, then each tunnel that is created, removed or changed. */
static int follow(const struct print *what)
{
	struct mnl_socket *events = nl_listen();
	struct tunnels last = {}, away = {};
	int ret;

	if (!events)
		return IPIPCTL_REFUSED;
	stop_on_signals();
	ret = look(what, &last);
	if (!ret)
		print_list(what, &last);
	tunnels_sort(&last);
	while (!ret && !fflush(stdout) && nl_changes(events, &stopped))
		ret = follow_once(what, &last, &away);
	tunnels_free(&last);
	tunnels_free(&away);
	return ret;
}

/* Parse the names of properties after "proplist=". */
static int parse_proplist(char *list, struct print *what)
{
	char *item, *state;
	int p;

	if (what->n_order)
		return usage("print", "proplist: is given twice");
	what->which = 0;
	for (item = strtok_r(list, ",", &state); item; item = strtok_r(NULL, ",", &state)) {
		p = find_property("print", item, strlen(item));
		if (p < 0)
			return IPIPCTL_USAGE;
		if (what->which & BIT(p))
			continue;
		what->which |= BIT(p);
		what->order[what->n_order++] = p;
	}
	return what->n_order ? 0 : usage("print", "proplist: needs properties");
}

/* Parse the words between the tunnels and the condition. */
static int parse_views(char **words, size_t n, struct print *what)
{
	static const char proplist[] = "proplist=", interval[] = "interval=";
	int v, ret = 0;
	size_t i;

	for (i = 0; !ret && i < n && !(what->view & BIT(VIEW_WHERE)); i++) {
		if (!strncmp(words[i], proplist, strlen(proplist))) {
			ret = parse_proplist(words[i] + strlen(proplist), what);
		} else if (!strncmp(words[i], interval, strlen(interval))) {
			ret = parse_interval("print", words[i] + strlen(interval),
					     &what->interval);
		} else {
			if (strpbrk(words[i], "=<>~!("))
				break;
			v = find_word("print", words[i], strlen(words[i]), view_name,
				      ARRAY_SIZE(views));
			if (v < 0)
				return IPIPCTL_USAGE;
			what->view |= BIT(v);
		}
	}
	what->where = words + i;
	what->n_where = n - i;
	return ret;
}

/* Count the words at the beginning that are tunnels. The name of a tunnel takes precedence
 * over the abbreviation of a keyword, but not over a full keyword.
 */
static int count_names(char **words, size_t n, size_t *names)
{
	struct tunnels all = {};
	int view, ret = 0;

	*names = 0;
	if (!n)
		return 0;
	if (is_tunnels(words[0])) {
		*names = is_find(words[0]) ? find_words(words, n) ?: 1 : 1;
		return 0;
	}
	if (strpbrk(words[0], "=<>~!("))
		return 0;
	view = match_word(words[0], strlen(words[0]), view_name, ARRAY_SIZE(views));
	if (view == -1) {
		*names = 1;
	} else if (view < 0 || strcmp(words[0], views[view])) {
		ret = nl_dump(&all, false);
		*names = !ret && tunnel_of_name(&all, words[0]);
		tunnels_free(&all);
	}
	return ret;
}

int cmd_print(char **words, size_t n)
{
	struct print what = { .words = words, .which = ~0ULL };
	bool again;
	int ret;

	ret = count_names(words, n, &what.n) ?:
	      parse_views(words + what.n, n - what.n, &what);
	if (ret)
		return ret;
	again = what.view & BIT(VIEW_FOLLOW) || what.interval;
	ret = again ? remember_names(&what) : print_once(&what);
	if (!ret && again)
		ret = what.view & BIT(VIEW_FOLLOW) ? follow(&what) : print_repeatedly(&what);
	tunnels_free(&what.names);
	return ret;
}
