// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics for monitoring systems: OpenMetrics 1.0, or the older text format of Prometheus,
 * which node_exporter's textfile collector reads. All samples of a family must be
 * consecutive, so there is one loop over the tunnels per family.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

#define OUT_SIZE	(1024 * 1024)
#define MS		1000
#define US		1000000

enum type {
	GAUGE,
	COUNTER,
	INFO,
};

/**
 * struct family - a metric that each tunnel has one sample of
 * @name: without "_total" and "_info"
 * @unit: the last word of @name, or NULL
 * @help: description without a full stop
 * @scale: number of parts of the unit that the value is in
 * @type: GAUGE or COUNTER
 * @offset: of the value in struct tunnel
 * @size: of the value, bytes
 * @get: instead of these two: sets the value; false if this tunnel has none
 */
struct family {
	const char *name;
	const char *unit;
	const char *help;
	uint32_t scale;
	enum type type;
	uint16_t offset;
	uint8_t size;
	bool (*get)(const struct tunnel *t, uint64_t *value);
};

/**
 * struct writer - where the metrics go
 * @out: the file
 * @prometheus: the format is Prometheus's
 * @list: the tunnels
 * @labels: of each, 'device="t0"', made once
 */
struct writer {
	FILE *out;
	bool prometheus;
	struct tunnels list;
	char **labels;
};

/* Milliseconds since 1970. */
static uint64_t now;

/* What a tunnel has */

static bool get_enabled(const struct tunnel *t, uint64_t *value)
{
	*value = !t->disabled;
	return true;
}

static bool get_interval(const struct tunnel *t, uint64_t *value)
{
	*value = t->keepalive_interval;
	return t->keepalive_interval;
}

static bool get_misses(const struct tunnel *t, uint64_t *value)
{
	*value = t->keepalive_misses;
	return t->keepalive_interval;
}

static bool get_loss(const struct tunnel *t, uint64_t *value)
{
	*value = t->keepalive_loss;
	return t->keepalive_loss >= 0;
}

/* Write times and not ages, because an age is only right when it is read. */
static bool get_time(int64_t age, uint64_t *value)
{
	*value = now - age;
	return age >= 0 && (uint64_t)age <= now;
}

static bool get_answer_time(const struct tunnel *t, uint64_t *value)
{
	return get_time(t->keepalive_age, value);
}

static bool get_state_time(const struct tunnel *t, uint64_t *value)
{
	return get_time(t->keepalive_state_age, value);
}

#define FIELD(member) \
	.offset = offsetof(struct tunnel, member), \
	.size = sizeof(((struct tunnel *)NULL)->member)

static const struct family families[] = {
	{ "ipip_tunnel_enabled", NULL, "The link is up, as its administrator wants it", 1,
	  GAUGE, .get = get_enabled },
	{ "ipip_tunnel_running", NULL, "The link is up and has a carrier", 1, GAUGE,
	  FIELD(running) },
	{ "ipip_tunnel_mtu_bytes", "bytes", "The MTU in force", 1, GAUGE, FIELD(mtu) },
	{ "ipip_receive_bytes", "bytes", "Inner packets received", 1, COUNTER,
	  FIELD(stats.rx_bytes) },
	{ "ipip_receive_packets", "packets", "Inner packets received", 1, COUNTER,
	  FIELD(stats.rx_packets) },
	{ "ipip_receive_errors", NULL, "Received packets with an error", 1, COUNTER,
	  FIELD(stats.rx_errors) },
	{ "ipip_receive_dropped", NULL, "Received packets without an error, dropped", 1,
	  COUNTER, FIELD(stats.rx_dropped) },
	{ "ipip_transmit_bytes", "bytes", "Inner packets sent", 1, COUNTER,
	  FIELD(stats.tx_bytes) },
	{ "ipip_transmit_packets", "packets", "Inner packets sent", 1, COUNTER,
	  FIELD(stats.tx_packets) },
	{ "ipip_transmit_errors", NULL, "Packets to be sent with an error", 1, COUNTER,
	  FIELD(stats.tx_errors) },
	{ "ipip_transmit_dropped", NULL, "Packets to be sent without an error, dropped", 1,
	  COUNTER, FIELD(stats.tx_dropped) },
	{ "ipip_carrier_up_changes", NULL, "How often the carrier has come", 1, COUNTER,
	  FIELD(carrier_up_count) },
	{ "ipip_carrier_down_changes", NULL, "How often the carrier has gone", 1, COUNTER,
	  FIELD(carrier_down_count) },
	{ "ipip_keepalive_interval_seconds", "seconds", "Time from one probe to the next", MS,
	  GAUGE, .get = get_interval },
	{ "ipip_keepalive_unanswered_probes", NULL,
	  "Probes in a row that no answer came to in time", 1, GAUGE, .get = get_misses },
	{ "ipip_keepalive_loss_ratio", "ratio",
	  "Share of the last 64 probes that no answer came to in time", 1000, GAUGE,
	  .get = get_loss },
	{ "ipip_keepalive_rtt_seconds", "seconds", "Round-trip time of the last probe", US,
	  GAUGE, FIELD(keepalive_rtt) },
	{ "ipip_keepalive_srtt_seconds", "seconds", "Round-trip time, smoothed (RFC 6298)", US,
	  GAUGE, FIELD(keepalive_srtt) },
	{ "ipip_keepalive_rttvar_seconds", "seconds",
	  "Variation of the round-trip time (RFC 6298)", US, GAUGE, FIELD(keepalive_rttvar) },
	{ "ipip_keepalive_answer_timestamp_seconds", "seconds", "When the last answer came", MS,
	  GAUGE, .get = get_answer_time },
	{ "ipip_keepalive_state_timestamp_seconds", "seconds", "When the state has changed", MS,
	  GAUGE, .get = get_state_time },
};

/* An unknown time is -1. */
static bool get_value(const struct family *f, const struct tunnel *t, uint64_t *value)
{
	if (f->get)
		return f->get(t, value);
	*value = field_get(t, f->offset, f->size);
	return f->scale == 1 || (int64_t)*value >= 0;
}

/* Counters of the driver that are families of their own; the others count drops. */
static const struct {
	uint16_t counter;
	const char *help;
} counter_help[] = {
	{ IFLA_IPIP_XSTATS_KEEPALIVE_SENT, "Probes sent" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT, "Probes and reflections with no way out" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED, "Answers that count" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_MISSED, "Probes that no answer came to in time" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_LATE, "Answers that came too late, or twice" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_FORGED, "Answers to none of the probes" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED, "Probes of the far end, answered" },
	{ IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED, "Probes of the far end, not answered" },
	{ IFLA_IPIP_XSTATS_MSS_TCP_AO, "SYNs whose MSS was left alone for TCP-AO" },
};

/* Text */

static void put(struct writer *w, const char *text)
{
	fputs_unlocked(text, w->out);
}

/* Write a number in parts of its unit, ending before @end. */
static char *number_before(char *end, uint64_t value, uint32_t scale)
{
	uint64_t whole = value / scale, rest = value % scale;

	*--end = '\0';
	if (rest) {
		for (; scale > 1; scale /= 10, rest /= 10)
			*--end = '0' + rest % 10;
		*--end = '.';
	}
	do {
		*--end = '0' + whole % 10;
		whole /= 10;
	} while (whole);
	return end;
}

/* Write a quoted string in UTF-8; other bytes are taken for Latin-1. */
static void put_label(FILE *out, const char *name, const char *value)
{
	unsigned int len;
	unsigned char c;

	fprintf(out, ",%s=\"", name);
	for (; *value; value += len ?: 1) {
		len = utf8_len(value);
		c = *value;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (len)
			fwrite(value, 1, len, out);
		else
			fprintf(out, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
	}
	putc('"', out);
}

/* The labels that all samples of a tunnel have. */
static char *make_labels(const struct tunnel *t)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	need_memory(out);
	if (opt.netns)
		put_label(out, "netns", netns_name());
	put_label(out, "device", t->name);
	fclose(out);
	/* Without the comma at the beginning. */
	memmove(text, text + 1, strlen(text));
	return need_memory(text);
}

/* The lines before a family's samples. */
static void put_head(struct writer *w, const char *name, const char *unit, const char *help,
		     enum type type)
{
	static const char *const words[] = {
		[GAUGE] = "gauge", [COUNTER] = "counter", [INFO] = "info",
	};
	static const char *const suffixes[] = {
		[GAUGE] = "", [COUNTER] = "_total", [INFO] = "_info",
	};

	if (w->prometheus) {
		fprintf(w->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffixes[type], help,
			name, suffixes[type], type == COUNTER ? "counter" : "gauge");
		return;
	}
	fprintf(w->out, "# TYPE %s %s\n", name, words[type]);
	if (unit)
		fprintf(w->out, "# UNIT %s %s\n", name, unit);
	fprintf(w->out, "# HELP %s %s.\n", name, help);
}

/* A line; @more are labels behind those of all samples, or "". */
static void put_sample(struct writer *w, const char *name, size_t i, const char *more,
		       uint64_t value, uint32_t scale)
{
	char number[48];

	put(w, name);
	put(w, w->labels[i]);
	put(w, more);
	put(w, "} ");
	put(w, number_before(number + sizeof(number), value, scale));
	putc_unlocked('\n', w->out);
}

/* "name_total{" */
static const char *sample_name(const char *name, enum type type)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s%s{", name, type == COUNTER ? "_total" : "");
	return text;
}

static void put_family(struct writer *w, const struct family *f)
{
	const char *name = sample_name(f->name, f->type);
	bool head = false;
	uint64_t value;
	size_t i;

	for (i = 0; i < w->list.n; i++) {
		if (!get_value(f, &w->list.t[i], &value))
			continue;
		if (!head)
			put_head(w, f->name, f->unit, f->help, f->type);
		head = true;
		put_sample(w, name, i, "", value, f->scale);
	}
}

/* Check whether a counter of the driver counts drops: its name begins with the direction. */
static const char *drop_reason(unsigned int counter)
{
	const char *name = counter_names[counter];

	if (!name || strstr(name, "_mss_clamped") ||
	    (strncmp(name, "rx_", 3) && strncmp(name, "tx_", 3)))
		return NULL;
	return name + 3;
}

/* The samples of one counter, for the tunnels whose driver has it. */
static void put_counter(struct writer *w, const char *name, unsigned int counter,
			const char *more)
{
	size_t i;

	for (i = 0; i < w->list.n; i++)
		if (w->list.t[i].ours)
			put_sample(w, name, i, more, w->list.t[i].counters[counter], 1);
}

static const char *direction(unsigned int counter)
{
	return counter_names[counter][0] == 'r' ? "receive" : "transmit";
}

static void put_drops(struct writer *w)
{
	const char *name;
	char more[96];
	unsigned int c;

	put_head(w, "ipip_drops", NULL, "Packets that the tunnel has dropped, and why", COUNTER);
	name = sample_name("ipip_drops", COUNTER);
	for (c = 0; c < ARRAY_SIZE(counter_names); c++) {
		if (!drop_reason(c))
			continue;
		snprintf(more, sizeof(more), ",direction=\"%s\",reason=\"%s\"", direction(c),
			 drop_reason(c));
		put_counter(w, name, c, more);
	}
}

static void put_clamped(struct writer *w)
{
	static const uint16_t clamped[] = {
		IFLA_IPIP_XSTATS_RX_MSS_CLAMPED, IFLA_IPIP_XSTATS_TX_MSS_CLAMPED,
	};
	const char *name;
	char more[96];
	unsigned int i;

	put_head(w, "ipip_mss_clamped", NULL, "SYNs whose MSS was lowered", COUNTER);
	name = sample_name("ipip_mss_clamped", COUNTER);
	for (i = 0; i < ARRAY_SIZE(clamped); i++) {
		snprintf(more, sizeof(more), ",direction=\"%s\"", direction(clamped[i]));
		put_counter(w, name, clamped[i], more);
	}
}

static const char *help_of(unsigned int counter)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counter_help); i++)
		if (counter_help[i].counter == counter)
			return counter_help[i].help;
	return "A counter of the driver, as ethtool -S has it";
}

/* A counter that is added to the driver later gets a family too. */
static void put_others(struct writer *w)
{
	char name[64];
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(counter_names); c++) {
		if (!counter_names[c] || drop_reason(c) || strstr(counter_names[c], "_mss_clamped"))
			continue;
		snprintf(name, sizeof(name), "ipip_%s", counter_names[c]);
		put_head(w, name, NULL, help_of(c), COUNTER);
		put_counter(w, sample_name(name, COUNTER), c, "");
	}
}

/* One sample per state: 1 for the present state, else 0. */
static void put_states(struct writer *w, const char *name, const char *help, unsigned int p)
{
	const char *sample = sample_name(name, GAUGE);
	char more[64], state[FORMAT_MAX];
	const struct word *word;
	bool head = false;
	size_t i;

	for (i = 0; i < w->list.n; i++) {
		property_format(p, &w->list.t[i], state);
		if (!*state || (p == P_KEEPALIVE_STATE && !w->list.t[i].keepalive_interval))
			continue;
		if (!head)
			put_head(w, name, NULL, help, GAUGE);
		head = true;
		for (word = properties[p].words; word->name; word++) {
			snprintf(more, sizeof(more), ",state=\"%s\"", word->name);
			put_sample(w, sample, i, more, !strcmp(word->name, state), 1);
		}
	}
}

static void put_info(struct writer *w)
{
	static const struct {
		const char *label;
		uint8_t p;
	} labels[] = {
		{ "local_address", P_LOCAL_ADDRESS }, { "remote_address", P_REMOTE_ADDRESS },
		{ "link", P_LINK }, { "mode", P_MODE }, { "comment", P_COMMENT },
	};
	char value[FORMAT_MAX];
	unsigned int l;
	size_t i;

	put_head(w, "ipip_tunnel", NULL, "What a tunnel is, by its labels", INFO);
	for (i = 0; i < w->list.n; i++) {
		put(w, "ipip_tunnel_info{");
		put(w, w->labels[i]);
		for (l = 0; l < ARRAY_SIZE(labels); l++) {
			property_format(labels[l].p, &w->list.t[i], value);
			put_label(w->out, labels[l].label, value);
		}
		put(w, "} 1\n");
	}
}

/* The versions of the tool and of the driver. */
static void put_build(struct writer *w)
{
	char driver[64];

	driver_version(driver, sizeof(driver));
	put_head(w, "ipip_build", NULL, "Versions of ipipctl and of the driver", INFO);
	fprintf(w->out, "ipip_build_info{version=\"%s\"", IPIPCTL_VERSION);
	put_label(w->out, "driver", driver);
	if (opt.netns)
		put_label(w->out, "netns", netns_name());
	put(w, "} 1\n");
}

static bool has_ours(const struct writer *w)
{
	size_t i;

	for (i = 0; i < w->list.n; i++)
		if (w->list.t[i].ours)
			return true;
	return false;
}

static void put_all(struct writer *w)
{
	unsigned int f;

	put_build(w);
	if (w->list.n)
		put_info(w);
	for (f = 0; f < ARRAY_SIZE(families); f++)
		put_family(w, &families[f]);
	put_states(w, "ipip_keepalive_state", "Whether the far end answers", P_KEEPALIVE_STATE);
	put_states(w, "ipip_ipsec_state", "What the IKE daemon says", P_IPSEC_STATE);
	if (has_ours(w)) {
		put_drops(w);
		put_clamped(w);
		put_others(w);
	}
	if (!w->prometheus)
		put(w, "# EOF\n");
}

static int read_all(struct writer *w)
{
	struct timespec t;
	size_t i;
	int ret;

	ret = tunnels_read(&w->list, true);
	if (ret)
		return ret;
	swanctl_states(&w->list);
	clock_gettime(CLOCK_REALTIME, &t);
	now = t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
	w->labels = need_memory(calloc(w->list.n + 1, sizeof(*w->labels)));
	for (i = 0; i < w->list.n; i++)
		w->labels[i] = make_labels(&w->list.t[i]);
	return 0;
}

/* Replace the file atomically, readable for all users. Returns 0 or -errno. */
static int write_file(struct writer *w, const char *path)
{
	char *temporary;
	int fd, error = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	w->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!w->out) {
		free(temporary);
		return -errno;
	}
	setvbuf(w->out, NULL, _IOFBF, OUT_SIZE);
	put_all(w);
	if (fchmod(fd, 0644) || fflush(w->out) || ferror(w->out))
		error = -(errno ?: EIO);
	if (fclose(w->out) && !error)
		error = -errno;
	if (!error && rename(temporary, path))
		error = -errno;
	if (error)
		unlink(temporary);
	free(temporary);
	return error;
}

int cmd_metrics(char **words, size_t n)
{
	static const char *const formats[] = { "openmetrics", "prometheus" };
	struct writer w = { .out = stdout };
	size_t i = 0;
	int ret, error;

	if (n && (!strcmp(words[0], formats[0]) || !strcmp(words[0], formats[1]))) {
		w.prometheus = !strcmp(words[0], formats[1]);
		i++;
	}
	if (n - i > 1)
		return usage("metrics", "%s: unexpected argument", words[i + 1]);
	ret = read_all(&w);
	if (!ret && i < n && strcmp(words[i], "-")) {
		error = write_file(&w, words[i]);
		if (error) {
			fail(words[i], "%s", strerror(-error));
			ret = IPIPCTL_REFUSED;
		}
	} else if (!ret) {
		setvbuf(stdout, NULL, _IOFBF, OUT_SIZE);
		put_all(&w);
	}
	for (i = 0; w.labels && i < w.list.n; i++)
		free(w.labels[i]);
	free(w.labels);
	tunnels_free(&w.list);
	return ret;
}
