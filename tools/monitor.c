// SPDX-License-Identifier: GPL-2.0
/*
 * Rates and keepalive, live: a table with a history on a terminal, a line for each tunnel
 * elsewhere.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "ipipctl.h"

/* Number of samples that are kept: the columns of the widest history. */
#define HISTORY		60
#define NO_ANSWER	(-1.0f)

#define BOLD		"\033[1m"
#define RED		"\033[31m"
#define GREEN		"\033[32m"
#define YELLOW		"\033[33m"
#define PLAIN		"\033[0m"
#define CLEAR		"\033[H\033[J"

struct rates {
	double rx_bits;
	double tx_bits;
	double rx_packets;
	double tx_packets;
};

/**
 * struct row - what is known of a tunnel beside itself
 * @ifindex: the tunnel's
 * @at: where it is in the list of tunnels
 * @rates: since the last look
 * @n: number of samples, at most HISTORY
 * @bits: bits per second either way, the last look's first
 * @rtt: microseconds, NO_ANSWER, or 0 while nobody is asked
 */
struct row {
	int ifindex;
	size_t at;
	struct rates rates;
	unsigned int n;
	float bits[HISTORY];
	float rtt[HISTORY];
};

enum order {
	BY_NUMBER,
	BY_NAME,
	BY_RATE,
	BY_RX,
	BY_TX,
	BY_RTT,
	BY_LOSS,
	BY_STATE,
	ORDERS,
};

static const char *const order_names[] = {
	"number", "name", "rate", "rx", "tx", "rtt", "loss", "state",
};

/**
 * struct watch - what is watched, and how it is shown
 * @names: the tunnels that were named, or NULL for all
 * @interval: milliseconds
 * @once: one look only
 * @terminal: the output goes to one, and is no JSON
 * @utf8: it shows block elements
 * @keys: keys can be read
 * @before: previous settings of the terminal
 * @size: of the terminal
 * @lines: that were drawn last
 * @page: that is shown, from 0
 * @order: enum order
 * @now: the tunnels, sorted by index
 * @rows: one for each of them, in the order that is shown
 * @seconds: since the last look
 */
struct watch {
	const struct tunnels *names;
	uint64_t interval;
	bool once;
	bool terminal;
	bool utf8;
	bool keys;
	struct termios before;
	struct winsize size;
	unsigned int lines;
	size_t page;
	enum order order;
	struct tunnels now;
	struct row *rows;
	double seconds;
};

/* Rates and history */

static struct rates rates(const struct tunnel *old, const struct tunnel *t, double seconds)
{
	struct rates r = {};

	if (!old)
		return r;
	r.rx_bits = (t->stats.rx_bytes - old->stats.rx_bytes) * 8 / seconds;
	r.tx_bits = (t->stats.tx_bytes - old->stats.tx_bytes) * 8 / seconds;
	r.rx_packets = (t->stats.rx_packets - old->stats.rx_packets) / seconds;
	r.tx_packets = (t->stats.tx_packets - old->stats.tx_packets) / seconds;
	return r;
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static void add_history(struct row *row, const struct tunnel *t)
{
	memmove(row->bits + 1, row->bits, sizeof(row->bits) - sizeof(*row->bits));
	memmove(row->rtt + 1, row->rtt, sizeof(row->rtt) - sizeof(*row->rtt));
	row->bits[0] = row->rates.rx_bits + row->rates.tx_bits;
	if (t->keepalive_state == IPIP_KEEPALIVE_STATE_OFF)
		row->rtt[0] = 0;
	else if (t->keepalive_state != IPIP_KEEPALIVE_STATE_UP || t->keepalive_rtt < 0)
		row->rtt[0] = NO_ANSWER;
	else
		row->rtt[0] = t->keepalive_rtt;
	if (row->n < HISTORY)
		row->n++;
}

/* Make the rows for the present tunnels; tunnels that had one keep their history. */
static void update_rows(struct watch *w, const struct tunnels *last, size_t n_rows)
{
	struct row *rows = need_memory(calloc(w->now.n + 1, sizeof(*rows)));
	size_t i;

	if (n_rows)
		qsort(w->rows, n_rows, sizeof(*w->rows), compare_ifindex);
	for (i = 0; i < w->now.n; i++) {
		const struct tunnel *t = &w->now.t[i];
		const struct row key = { .ifindex = t->ifindex }, *old;

		old = n_rows ? bsearch(&key, w->rows, n_rows, sizeof(key), compare_ifindex) : NULL;
		if (old)
			rows[i] = *old;
		rows[i].ifindex = t->ifindex;
		rows[i].at = i;
		rows[i].rates = rates(tunnel_of_ifindex(last, t->ifindex), t, w->seconds);
		add_history(&rows[i], t);
	}
	free(w->rows);
	w->rows = rows;
}

/* Order */

static const struct watch *sorted;

static double key_of(const struct row *row)
{
	static const double states[] = {
		[IPIP_KEEPALIVE_STATE_DOWN] = 3, [IPIP_KEEPALIVE_STATE_UNKNOWN] = 2,
		[IPIP_KEEPALIVE_STATE_UP] = 1, [IPIP_KEEPALIVE_STATE_OFF] = 0,
	};
	const struct tunnel *t = &sorted->now.t[row->at];

	switch (sorted->order) {
	case BY_RATE:
		return row->rates.rx_bits + row->rates.tx_bits;
	case BY_RX:
		return row->rates.rx_bits;
	case BY_TX:
		return row->rates.tx_bits;
	case BY_RTT:
		return t->keepalive_rtt;
	case BY_LOSS:
		return t->keepalive_loss;
	case BY_STATE:
		return t->keepalive_state < ARRAY_SIZE(states) ? states[t->keepalive_state] : 0;
	default:
		return 0;
	}
}

/* The largest first; equal ones in the order of their creation. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const double p = key_of(x), q = key_of(y);
	int order = 0;

	if (sorted->order == BY_NAME)
		order = strcmp(sorted->now.t[x->at].name, sorted->now.t[y->at].name);
	return order ?: (p < q) - (p > q) ?: compare_ifindex(a, b);
}

static void sort_rows(struct watch *w)
{
	sorted = w;
	if (w->now.n)
		qsort(w->rows, w->now.n, sizeof(*w->rows), compare_rows);
}

/* Lines, for programs */

static const uint8_t readings[] = {
	P_KEEPALIVE_STATE, P_KEEPALIVE_RTT, P_IPSEC_STATE, P_KEEPALIVE_STATE_AGE,
	P_KEEPALIVE_SRTT, P_KEEPALIVE_RTTVAR, P_KEEPALIVE_LOSS, P_CARRIER_UP_COUNT,
	P_CARRIER_DOWN_COUNT, P_MTU_STATE,
};

static void show_line(const struct tunnel *t, const struct rates *r)
{
	char value[FORMAT_MAX];
	unsigned int i;

	property_show(P_NAME, t, value);
	printf("name=%s running=%s", value, t->running ? "yes" : "no");
	printf(" rx-packets-per-second=%.0f rx-bits-per-second=%.0f",
	       r->rx_packets, r->rx_bits);
	printf(" tx-packets-per-second=%.0f tx-bits-per-second=%.0f",
	       r->tx_packets, r->tx_bits);
	printf(" mtu=%u", t->mtu);
	for (i = 0; i < ARRAY_SIZE(readings); i++) {
		property_format(readings[i], t, value);
		if (*value)
			printf(" %s=%s", properties[readings[i]].name, value);
	}
	putchar('\n');
}

static void show_json(const struct tunnel *t, const struct rates *r)
{
	unsigned int i;

	printf("{\"name\":");
	json_string(stdout, t->name);
	printf(",\"running\":%s", t->running ? "true" : "false");
	printf(",\"rx_packets_per_second\":%.0f,\"rx_bits_per_second\":%.0f",
	       r->rx_packets, r->rx_bits);
	printf(",\"tx_packets_per_second\":%.0f,\"tx_bits_per_second\":%.0f",
	       r->tx_packets, r->tx_bits);
	printf(",\"mtu\":%u", t->mtu);
	for (i = 0; i < ARRAY_SIZE(readings); i++) {
		putchar(',');
		property_json(readings[i], t);
	}
	puts("}");
}

static void show_lines(const struct watch *w)
{
	size_t i;

	for (i = 0; i < w->now.n; i++) {
		const struct tunnel *t = &w->now.t[w->rows[i].at];

		if (opt.json)
			show_json(t, &w->rows[i].rates);
		else
			show_line(t, &w->rows[i].rates);
	}
}

/* The table */

/* "1.5Mbps", as RouterOS has it. */
static void format_bits(double value, char *out)
{
	static const char *const units[] = { "bps", "kbps", "Mbps", "Gbps", "Tbps" };
	unsigned int i = 0;

	while (value >= 1000 && i + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		i++;
	}
	sprintf(out, i ? "%.1f%s" : "%.0f%s", value, units[i]);
}

/* The two largest units: "1d2h" for 1d2h3m4s. */
static void format_age(int64_t ms, char *out)
{
	unsigned int units = 0;

	if (ms < 0)
		return;
	format_duration(ms < 1000 ? 0 : ms / 1000 * 1000, out);
	for (; *out && units < 2; units++) {
		out += strspn(out, "0123456789");
		out += strcspn(out, "0123456789");
	}
	*out = '\0';
}

/* Each value as one of eight heights, the latest at the right. */
static void format_history(const struct watch *w, const float *values, unsigned int n,
			   unsigned int columns, char *out)
{
	static const char *const blocks[] = {
		"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588",
	};
	static const char ascii[] = ".:-=+*%#";
	unsigned int i, height;
	float max = 0;

	if (n > columns)
		n = columns;
	for (i = 0; i < n; i++)
		if (values[i] > max)
			max = values[i];
	out += sprintf(out, "%*s", (int)(columns - n), "");
	for (i = n; i--;) {
		if (values[i] <= 0) {
			*out++ = values[i] < 0 ? 'x' : ' ';
			continue;
		}
		height = values[i] / max * (ARRAY_SIZE(blocks) - 1) + 0.5f;
		if (w->utf8)
			out += sprintf(out, "%s", blocks[height]);
		else
			*out++ = ascii[height];
	}
	*out = '\0';
}

enum column {
	C_NAME,
	C_FLAG,
	C_RX_PPS,
	C_RX,
	C_TX_PPS,
	C_TX,
	C_RATE_HISTORY,
	C_STATE,
	C_SINCE,
	C_RTT,
	C_RTT_HISTORY,
	C_LOSS,
	C_IPSEC,
	COLUMNS,
};

/* Lay out the most important columns first; a width may grow up to its maximum. */
static const struct {
	const char *title;
	uint8_t wanted;
	uint8_t width;
	uint8_t most;
	bool right;
} columns[] = {
	[C_NAME] = { "NAME", 0, 15, 15, false },
	[C_FLAG] = { "", 0, 1, 1, false },
	[C_RX_PPS] = { "RX-PPS", 7, 8, 8, true },
	[C_RX] = { "RX", 1, 9, 9, true },
	[C_TX_PPS] = { "TX-PPS", 7, 8, 8, true },
	[C_TX] = { "TX", 1, 9, 9, true },
	[C_RATE_HISTORY] = { "RATE", 4, 10, HISTORY, false },
	[C_STATE] = { "STATE", 2, 7, 7, false },
	[C_SINCE] = { "SINCE", 6, 7, 7, true },
	[C_RTT] = { "RTT", 3, 9, 9, true },
	[C_RTT_HISTORY] = { "RTT", 5, 8, HISTORY, false },
	[C_LOSS] = { "LOSS", 8, 6, 6, true },
	[C_IPSEC] = { "IPSEC", 9, 11, 11, false },
};

/* Width of each column; 0 if it doesn't fit. */
static void lay_out(unsigned int width, uint8_t *w)
{
	unsigned int wanted, c, used = 0;

	memset(w, 0, COLUMNS);
	for (wanted = 0; wanted < COLUMNS; wanted++) {
		for (c = 0; c < COLUMNS; c++) {
			if (columns[c].wanted != wanted)
				continue;
			if (used + columns[c].width + !!used > width)
				continue;
			used += columns[c].width + !!used;
			w[c] = columns[c].width;
		}
	}
	for (c = 0; used < width && c < 2 * COLUMNS * HISTORY; c++) {
		if (!w[c % COLUMNS] || w[c % COLUMNS] >= columns[c % COLUMNS].most)
			continue;
		w[c % COLUMNS]++;
		used++;
	}
}

/* Columns of the terminal that a text takes, up to @most; @len is set to its bytes. */
static unsigned int cells(const char *text, unsigned int most, size_t *len)
{
	unsigned int width = 0;
	mbstate_t state = {};
	wchar_t c;
	int w;

	*len = 0;
	while (text[*len]) {
		const size_t n = mbrtowc(&c, text + *len, MB_CUR_MAX, &state);
		const bool bad = n == (size_t)-1 || n == (size_t)-2 || !n;

		w = bad ? 1 : wcwidth(c);
		if (bad)
			memset(&state, 0, sizeof(state));
		if (w < 0)
			w = 1;
		if (width + w > most)
			break;
		width += w;
		*len += bad ? 1 : n;
	}
	return width;
}

static void print_cell(const char *text, unsigned int width, bool right, const char *color)
{
	size_t len;
	const unsigned int used = cells(text, width, &len);
	const int pad = width - used;

	if (right)
		printf("%*s", pad, "");
	if (opt.color && color)
		fputs(color, stdout);
	fwrite(text, 1, len, stdout);
	if (opt.color && color)
		fputs(PLAIN, stdout);
	if (!right)
		printf("%*s", pad, "");
}

static const char *state_color(const struct tunnel *t)
{
	switch (t->keepalive_state) {
	case IPIP_KEEPALIVE_STATE_UP:
		return GREEN;
	case IPIP_KEEPALIVE_STATE_DOWN:
		return RED;
	case IPIP_KEEPALIVE_STATE_UNKNOWN:
		return YELLOW;
	}
	return NULL;
}

static void format_cell(const struct watch *w, const struct row *row, enum column c,
			unsigned int width, char *out)
{
	const struct tunnel *t = &w->now.t[row->at];
	const struct rates *r = &row->rates;

	*out = '\0';
	switch (c) {
	case C_NAME:
		property_show(P_NAME, t, out);
		break;
	case C_FLAG:
		strcpy(out, t->disabled ? "X" : t->running ? "R" : " ");
		break;
	case C_RX_PPS:
		sprintf(out, "%.0f", r->rx_packets);
		break;
	case C_RX:
		format_bits(r->rx_bits, out);
		break;
	case C_TX_PPS:
		sprintf(out, "%.0f", r->tx_packets);
		break;
	case C_TX:
		format_bits(r->tx_bits, out);
		break;
	case C_RATE_HISTORY:
		format_history(w, row->bits, row->n, width, out);
		break;
	case C_STATE:
		property_format(P_KEEPALIVE_STATE, t, out);
		break;
	case C_SINCE:
		format_age(t->keepalive_state_age, out);
		break;
	case C_RTT:
		property_format(P_KEEPALIVE_RTT, t, out);
		break;
	case C_RTT_HISTORY:
		if (t->keepalive_interval)
			format_history(w, row->rtt, row->n, width, out);
		break;
	case C_LOSS:
		property_format(P_KEEPALIVE_LOSS, t, out);
		break;
	case C_IPSEC:
		property_format(P_IPSEC_STATE, t, out);
		break;
	case COLUMNS:
		break;
	}
}

static void print_titles(const uint8_t *width)
{
	unsigned int c;

	for (c = 0; c < COLUMNS; c++) {
		if (!width[c])
			continue;
		if (c)
			putchar(' ');
		print_cell(columns[c].title, width[c], columns[c].right, BOLD);
	}
	fputs("\033[K\n", stdout);
}

static void print_row(const struct watch *w, const struct row *row, const uint8_t *width)
{
	char value[FORMAT_MAX];
	unsigned int c;

	for (c = 0; c < COLUMNS; c++) {
		if (!width[c])
			continue;
		if (c)
			putchar(' ');
		format_cell(w, row, c, width[c], value);
		print_cell(value, width[c], columns[c].right,
			   c == C_STATE ? state_color(&w->now.t[row->at]) : NULL);
	}
	fputs("\033[K\n", stdout);
}

/* The status line: the tunnels shown, and the keys, as far as there is space. */
static void print_status(const struct watch *w, size_t first, size_t shown)
{
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "%zu-%zu of %zu by %s", first + 1, first + shown,
		     w->now.n, order_names[w->order]);
	if (w->keys)
		snprintf(text + n, sizeof(text) - n,
			 "  space, b: pages  s: order  q: quit");
	printf("%.*s\033[K\n", w->size.ws_col, text);
}

static void look_up_size(struct watch *w)
{
	const struct winsize before = w->size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w->size) || !w->size.ws_row || !w->size.ws_col)
		w->size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	if (w->size.ws_row < 4)
		w->size.ws_row = 4;
	if (w->lines && (before.ws_row != w->size.ws_row || before.ws_col != w->size.ws_col)) {
		fputs(CLEAR, stdout);
		w->lines = 0;
	}
}

/* Over what was drawn before. */
static void redraw(struct watch *w)
{
	uint8_t width[COLUMNS];
	size_t room, first, i, shown;

	look_up_size(w);
	/* The titles, the status and where the cursor is. */
	room = w->size.ws_row - 3;
	if (w->page * room >= w->now.n)
		w->page = w->now.n ? (w->now.n - 1) / room : 0;
	first = w->page * room;
	shown = w->now.n - first < room ? w->now.n - first : room;
	lay_out(w->size.ws_col, width);
	/* Truncate lines, so that each stays one line. */
	fputs("\033[?7l", stdout);
	if (w->lines)
		printf("\033[%uA", w->lines);
	putchar('\r');
	print_titles(width);
	for (i = first; i < first + shown; i++)
		print_row(w, &w->rows[i], width);
	w->lines = 1 + shown;
	if (w->now.n > room || w->order != BY_NUMBER) {
		print_status(w, first, shown);
		w->lines++;
	}
	fputs("\033[J\033[?7h", stdout);
	fflush(stdout);
}

/* Keys */

/* In the background the terminal would stop the program. */
static void begin_keys(struct watch *w)
{
	struct termios raw;

	w->keys = w->terminal && !w->once && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		  !tcgetattr(STDIN_FILENO, &w->before);
	if (!w->keys)
		return;
	raw = w->before;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void end_keys(const struct watch *w)
{
	if (w->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &w->before);
}

/* What a key does. An escape sequence ends in the letter of a cursor key, or in "~". */
static void press(struct watch *w, const char *key, size_t n)
{
	const char c = n ? key[n - 1] : 0;

	if (n > 2 && *key == '\033') {
		if (c == 'B' || (c == '~' && key[n - 2] == '6'))
			w->page++;
		else if ((c == 'A' || (c == '~' && key[n - 2] == '5')) && w->page)
			w->page--;
	} else if (c == ' ' || c == 'n') {
		w->page++;
	} else if ((c == 'b' || c == 'p') && w->page) {
		w->page--;
	} else if (c == 's') {
		w->order = (w->order + 1) % ORDERS;
		w->page = 0;
		sort_rows(w);
	} else if (c == 'q') {
		stopped = 1;
	}
}

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Until the next look is due. Keys are seen at once. */
static void rest(struct watch *w, double until)
{
	char key[16];
	double left;
	ssize_t n;

	while (!stopped && (left = until - clock_now()) > 0) {
		if (!w->keys) {
			pause_for(left * 1000 + 1);
			continue;
		}
		if (pause_for_input(left * 1000 + 1) <= 0)
			continue;
		n = read(STDIN_FILENO, key, sizeof(key));
		if (n <= 0) {
			end_keys(w);
			w->keys = false;
			continue;
		}
		press(w, key, n);
		if (!stopped && w->rows)
			redraw(w);
	}
}

/* Watching */

/* The console's own font has two of the eight. */
static bool can_draw_blocks(void)
{
	const char *term = getenv("TERM");

	return !strcmp(nl_langinfo(CODESET), "UTF-8") && term && strcmp(term, "dumb") &&
	       strcmp(term, "linux");
}

/* Read the present tunnels of @names, or all if it is NULL. */
static int look(const struct tunnels *names, struct tunnels *now)
{
	const int ret = names ? tunnels_read_named(now, names, true) : tunnels_read(now, true);

	tunnels_sort(now);	/* for tunnel_of_ifindex() */
	if (!ret)
		swanctl_states(now);
	return ret;
}

static void show(struct watch *w)
{
	sort_rows(w);
	if (w->terminal)
		redraw(w);
	else
		show_lines(w);
}

/* One look after an interval. */
static int watch_once(struct watch *w, double *before)
{
	struct tunnels last = w->now;
	const size_t n_rows = w->rows ? last.n : 0;
	double t;
	int ret;

	rest(w, *before + w->interval / 1000.0);
	if (stopped)
		return 0;
	w->now = (struct tunnels){};
	ret = look(w->names, &w->now);
	if (!ret && !stopped) {
		t = clock_now();
		w->seconds = t - *before;
		*before = t;
		update_rows(w, &last, n_rows);
		show(w);
	}
	tunnels_free(&last);
	return ret;
}

static int watch(struct watch *w)
{
	double before;
	int ret;

	setlocale(LC_CTYPE, "");
	w->terminal = isatty(STDOUT_FILENO) && !opt.json;
	w->utf8 = can_draw_blocks();
	stop_on_signals();
	begin_keys(w);
	before = clock_now();
	ret = look(w->names, &w->now);
	while (!ret && !stopped) {
		ret = watch_once(w, &before);
		/* The reader of the pipe may have ended. */
		if (fflush(stdout) || w->once)
			break;
	}
	end_keys(w);
	free(w->rows);
	tunnels_free(&w->now);
	return ret;
}

static int parse_order(const char *value, enum order *order)
{
	unsigned int i;

	for (i = 0; i < ORDERS; i++) {
		if (!strcmp(value, order_names[i])) {
			*order = i;
			return 0;
		}
	}
	return usage("monitor", "sort: '%s' must be number, name, rate, rx, tx, rtt, loss or state",
		     value);
}

/* Returns how many of the words are tunnels, and reads the others; or -1. */
static int parse_words(char **words, size_t n, struct watch *w)
{
	size_t i, names = 0;
	int ret = 0;

	for (i = 0; !ret && i < n; i++) {
		if (!strcmp(words[i], "once"))
			w->once = true;
		else if (!strncmp(words[i], "interval=", 9))
			ret = parse_interval("monitor", words[i] + 9, &w->interval);
		else if (!strncmp(words[i], "sort=", 5))
			ret = parse_order(words[i] + 5, &w->order);
		else if (i == names && (!i || is_find(words[0])))
			names++;
		else
			ret = usage("monitor", "%s: unknown", words[i]);
	}
	return ret ? -1 : (int)names;
}

int cmd_monitor(char **words, size_t n)
{
	struct watch w = { .interval = 1000 };
	struct tunnels chosen = {};
	size_t used;
	int ret;

	if (n && !strcmp(words[0], "events"))
		return events_watch(words + 1, n - 1);
	ret = parse_words(words, n, &w);
	if (ret < 0)
		return IPIPCTL_USAGE;
	if (!ret)
		return watch(&w);
	used = ret;
	w.names = &chosen;
	ret = choose("monitor", words, used, false, &chosen, &used) ?: watch(&w);
	tunnels_free(&chosen);
	return ret;
}

int cmd_reset_counters(char **words, size_t n)
{
	struct tunnels chosen = {};
	size_t i, used = n;
	int ret = choose("reset-counters", words, n, true, &chosen, &used);

	if (!ret && used < n)
		ret = usage("reset-counters", "%s: unexpected argument", words[used]);
	for (i = 0; !ret && i < chosen.n; i++)
		ret = counters_reset(&chosen.t[i]);
	tunnels_free(&chosen);
	return ret;
}
