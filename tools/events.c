// SPDX-License-Identifier: GPL-2.0
/*
 * A line for each event of tunnels, as it occurs. After each change the kernel sends the
 * present state of a link; events are found by comparing it with the previous state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ipipctl.h"

/* Milliseconds. Events within the second of these times are read together. */
#define WAIT		1000
#define GATHER		40
/* Seconds after a change of another device during which it can be the cause of an event. */
#define RECENT		3.0
/* More than the headers that a tunnel adds to a packet without IPsec. */
#define OVERHEAD_MAX	64

/**
 * struct known - a tunnel as the kernel last reported it
 * @t: the tunnel
 * @has_sas: there is a security association each way
 * @seen: in the dump that is being compared
 */
struct known {
	struct tunnel t;
	bool has_sas;
	bool seen;
};

/**
 * struct device - another link, which may be an underlay
 * @ifindex: its index
 * @mtu: bytes
 * @xdp: XDP_ATTACHED_*
 * @name: its name
 * @changed: when its MTU has, on the monotonic clock, seconds; 0 for never
 */
struct device {
	int ifindex;
	uint32_t mtu;
	uint8_t xdp;
	char name[IFNAMSIZ];
	double changed;
};

/**
 * struct watch - the known state
 * @names: the tunnels that were named, or none for all
 * @known: tunnels, by pointers sorted by index: they are inserted and removed
 * @n: how many
 * @room: how many there is room for
 * @devices: other links
 * @n_devices: how many
 * @device_room: how many there is room for
 * @sas_told: when the kernel has last told of associations, as &device.changed
 */
struct watch {
	struct tunnels names;
	struct known **known;
	size_t n;
	size_t room;
	struct device *devices;
	size_t n_devices;
	size_t device_room;
	double sas_told;
};

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Output */

/**
 * struct event - one line
 * @what: which sort
 * @t: the tunnel, or NULL
 * @old: as it was, or NULL
 * @device: name of a device that is no tunnel, or NULL
 * @mask: BIT(P_*) of what has another value
 * @key: what else there is to say, or NULL
 * @value: that
 * @cause: why, or NULL
 */
struct event {
	const char *what;
	const struct tunnel *t;
	const struct tunnel *old;
	const char *device;
	uint64_t mask;
	const char *key;
	const char *value;
	const char *cause;
};

/* Time at which the present messages were read (RFC 3339). */
static char now[64];

static void note_time(void)
{
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(now + n, sizeof(now) - n, ".%03ldZ", t.tv_nsec / 1000000);
}

static void put_properties(const char *key, const struct tunnel *t, uint64_t mask)
{
	bool first = true;
	unsigned int p;

	printf(",\"%s\":{", key);
	for (p = 0; p < P_COUNT; p++) {
		if (!(mask & BIT(p)))
			continue;
		if (!first)
			putchar(',');
		first = false;
		property_json(p, t);
	}
	putchar('}');
}

static void put_json(const struct event *e)
{
	printf("{\"time\":\"%s\",\"event\":\"%s\"", now, e->what);
	if (e->t) {
		fputs(",\"name\":", stdout);
		json_string(stdout, e->t->name);
		printf(",\"ifindex\":%d", e->t->ifindex);
	}
	if (e->device) {
		fputs(",\"device\":", stdout);
		json_string(stdout, e->device);
	}
	if (e->old) {
		put_properties("old", e->old, e->mask);
		put_properties("new", e->t, e->mask);
	} else if (e->mask) {
		put_properties("new", e->t, e->mask);
	}
	if (e->key) {
		printf(",\"%s\":", e->key);
		json_string(stdout, e->value);
	}
	if (e->cause) {
		fputs(",\"cause\":", stdout);
		json_string(stdout, e->cause);
	}
	puts("}");
}

static void put_word(const char *key, const char *value)
{
	printf(" %s=", key);
	quote_word(stdout, value);
}

static void put_text(const struct event *e)
{
	char value[FORMAT_MAX];
	unsigned int p;

	printf("%s %s", now, e->what);
	if (e->t)
		put_word("name", e->t->name);
	if (e->device)
		put_word("device", e->device);
	for (p = 0; p < P_COUNT; p++) {
		if (!(e->mask & BIT(p)))
			continue;
		if (e->old) {
			property_format(p, e->old, value);
			put_word(properties[p].name, value);
			property_format(p, e->t, value);
			fputs("->", stdout);
			quote_word(stdout, value);
		} else if (p != P_NAME) {
			property_format(p, e->t, value);
			put_word(properties[p].name, value);
		}
	}
	if (e->key)
		put_word(e->key, e->value);
	if (e->cause)
		put_word("cause", e->cause);
	putchar('\n');
}

static void put_event(const struct event *e)
{
	if (opt.json)
		put_json(e);
	else
		put_text(e);
}

static void put_change(const char *what, const struct tunnel *old, const struct tunnel *t,
		       uint64_t mask, const char *cause)
{
	const struct event e = {
		.what = what, .t = t, .old = old, .mask = mask, .cause = cause,
	};

	put_event(&e);
}

/* What has changed */

/* Properties that a request can set. The MTU in force and the state of the daemon have
 * their own events, and secrets are never shown.
 */
static uint64_t settings(void)
{
	return P_EVERYTHING & ~(BIT(P_MTU) | BIT(P_IPSEC_PROFILE) | BIT(P_IPSEC_SECRET_FILE));
}

/* Compare numbers directly, because a thousand messages per second have thirty each. */
static bool differs(unsigned int p, const struct tunnel *a, const struct tunnel *b)
{
	const struct property *row = &properties[p];
	char x[FORMAT_MAX], y[FORMAT_MAX];

	if (row->size && row->kind != KIND_TEXT && !row->format)
		return field_get(a, row->offset, row->size) != field_get(b, row->offset, row->size);
	property_format(p, a, x);
	property_format(p, b, y);
	return strcmp(x, y);
}

static uint64_t changed_settings(const struct tunnel *old, const struct tunnel *t)
{
	const uint64_t which = settings() | BIT(P_ALTNAMES) | BIT(P_LINK_MISSING);
	uint64_t mask = 0;
	unsigned int p;

	for (p = 0; p < P_COUNT; p++)
		if (which & BIT(p) && differs(p, old, t))
			mask |= BIT(p);
	if (old->mtu_auto != t->mtu_auto)
		mask |= BIT(P_MTU);
	return mask;
}

static const char *keepalive_cause(const struct tunnel *old, const struct tunnel *t)
{
	static char text[64];

	switch (t->keepalive_state) {
	case IPIP_KEEPALIVE_STATE_UNKNOWN:
		return "no answer yet";
	case IPIP_KEEPALIVE_STATE_DOWN:
		snprintf(text, sizeof(text), "no answer to %u probes in a row",
			 t->keepalive_misses);
		return text;
	case IPIP_KEEPALIVE_STATE_UP:
		return old->keepalive_state == IPIP_KEEPALIVE_STATE_DOWN ?
		       "the far end answers again" : "the far end answers";
	}
	return t->disabled ? "the link is down" : "it is switched off";
}

static bool is_recent(double when)
{
	return when && clock_now() - when < RECENT;
}

/* If the tunnel isn't bound to a device, its packets may leave by any device. */
static const struct device *changed_underlay(const struct watch *w, const struct tunnel *t)
{
	const struct device *d, *latest = NULL;

	for (d = w->devices; d < w->devices + w->n_devices; d++) {
		if (!is_recent(d->changed) || (*t->link && strcmp(t->link, d->name)) ||
		    d->mtu <= t->mtu || d->mtu - t->mtu > OVERHEAD_MAX)
			continue;
		if (!latest || d->changed > latest->changed)
			latest = d;
	}
	return latest;
}

static const char *mtu_cause(const struct watch *w, const struct tunnel *t)
{
	static char text[64];
	const struct device *d;

	if (!t->mtu_auto)
		return "it is set";
	d = changed_underlay(w, t);
	if (d) {
		snprintf(text, sizeof(text), "the MTU of %s", d->name);
		return text;
	}
	return is_recent(w->sas_told) ? "IPsec" : "the path";
}

/* That a disabled tunnel isn't running needs no event of its own. */
static uint64_t changed_carrier(const struct tunnel *old, const struct tunnel *t)
{
	uint64_t mask = 0;

	if (old->carrier_up_count != t->carrier_up_count)
		mask |= BIT(P_CARRIER_UP_COUNT);
	if (old->carrier_down_count != t->carrier_down_count)
		mask |= BIT(P_CARRIER_DOWN_COUNT);
	if (old->running != t->running && (mask || old->disabled == t->disabled))
		mask |= BIT(P_RUNNING);
	return mask;
}

static bool is_wanted(struct watch *w, const struct tunnel *t)
{
	return !w->names.n || tunnel_of_name(&w->names, t->name);
}

static void compare(struct watch *w, const struct tunnel *old, const struct tunnel *t)
{
	const uint64_t mask = changed_settings(old, t), carrier = changed_carrier(old, t);

	if (mask)
		put_change("changed", old, t, mask, NULL);
	if (old->keepalive_state != t->keepalive_state)
		put_change("keepalive", old, t, BIT(P_KEEPALIVE_STATE), keepalive_cause(old, t));
	if (carrier)
		put_change("carrier", old, t, carrier, NULL);
	if (old->mtu != t->mtu)
		put_change("mtu", old, t, BIT(P_ACTUAL_MTU), mtu_cause(w, t));
}

/* IPsec */

static void compare_sas(struct watch *w, struct known *k)
{
	const bool has_sas = sas_between(k->t.local, k->t.remote);
	const struct event e = {
		.what = "ipsec", .t = &k->t, .key = "state",
		.value = has_sas ? "established" : "no-sa",
	};

	if (has_sas == k->has_sas)
		return;
	k->has_sas = has_sas;
	if (is_wanted(w, &k->t))
		put_event(&e);
}

static void take_sas(struct watch *w)
{
	size_t i;

	w->sas_told = clock_now();
	for (i = 0; i < w->n; i++)
		compare_sas(w, w->known[i]);
}

/* Tunnels */

/* Find the position of this index. */
static size_t place_of(const struct watch *w, int ifindex)
{
	size_t low = 0, high = w->n, middle;

	/* New devices have the largest index. */
	if (high && w->known[high - 1]->t.ifindex < ifindex)
		return high;
	while (low < high) {
		middle = (low + high) / 2;
		if (w->known[middle]->t.ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct known *find(const struct watch *w, int ifindex)
{
	const size_t at = place_of(w, ifindex);

	return at < w->n && w->known[at]->t.ifindex == ifindex ? w->known[at] : NULL;
}

static struct known *insert(struct watch *w, const struct tunnel *t)
{
	const size_t at = place_of(w, t->ifindex);
	struct known *k = need_memory(calloc(1, sizeof(*k)));

	k->t = *t;
	k->has_sas = sas_between(t->local, t->remote);
	w->known = grow(w->known, w->n, &w->room, sizeof(*w->known));
	memmove(w->known + at + 1, w->known + at, (w->n - at) * sizeof(*w->known));
	w->known[at] = k;
	w->n++;
	return k;
}

static void add(struct watch *w, const struct tunnel *t)
{
	uint64_t mask = BIT(P_NAME) | BIT(P_LOCAL_ADDRESS) | BIT(P_REMOTE_ADDRESS);
	unsigned int p;

	insert(w, t);
	if (!is_wanted(w, t))
		return;
	for (p = 0; p < P_SETTABLE; p++)
		if (settings() & BIT(p) && !is_default(t, p))
			mask |= BIT(p);
	put_event(&(struct event){ .what = "added", .t = t, .mask = mask | BIT(P_ACTUAL_MTU) });
}

static void delete(struct watch *w, int ifindex)
{
	struct known *k = find(w, ifindex);
	const size_t at = place_of(w, ifindex);

	if (!k)
		return;
	if (is_wanted(w, &k->t))
		put_event(&(struct event){ .what = "removed", .t = &k->t });
	free(k);
	w->n--;
	memmove(w->known + at, w->known + at + 1, (w->n - at) * sizeof(*w->known));
}

static void update(struct watch *w, const struct tunnel *t)
{
	struct known *k = find(w, t->ifindex);

	if (!k) {
		add(w, t);
		return;
	}
	k->seen = true;
	if (is_wanted(w, t) || is_wanted(w, &k->t))
		compare(w, &k->t, t);
	k->t = *t;
	compare_sas(w, k);
}

static void tell_xdp(const struct watch *w, const struct tunnel *device)
{
	const struct event e = {
		.what = "xdp", .device = device->name, .key = "state",
		.value = xdp_mode(device->xdp),
	};

	if (!w->names.n)
		put_event(&e);
}

static void take_device(struct watch *w, const struct tunnel *t, bool gone)
{
	struct device *d;
	size_t i;

	for (i = 0; i < w->n_devices && w->devices[i].ifindex != t->ifindex; i++)
		;
	if (gone) {
		if (i < w->n_devices)
			w->devices[i] = w->devices[--w->n_devices];
		return;
	}
	if (i == w->n_devices) {
		w->devices = grow(w->devices, w->n_devices, &w->device_room, sizeof(*w->devices));
		w->devices[w->n_devices++] = (struct device){
			.ifindex = t->ifindex, .mtu = t->mtu, .xdp = t->xdp,
		};
	}
	d = &w->devices[i];
	strcpy(d->name, t->name);
	if (d->xdp != t->xdp)
		tell_xdp(w, t);
	d->xdp = t->xdp;
	if (d->mtu != t->mtu)
		d->changed = clock_now();
	d->mtu = t->mtu;
}

static void take_link(const struct tunnel *t, enum link_event event, void *data)
{
	struct watch *w = data;

	switch (event) {
	case LINK_TUNNEL:
		update(w, t);
		break;
	case LINK_TUNNEL_GONE:
		delete(w, t->ifindex);
		break;
	case LINK_OTHER:
	case LINK_OTHER_GONE:
		take_device(w, t, event == LINK_OTHER_GONE);
		break;
	}
}

/* Read the present state, at the start or after events were lost. Differences from the known
 * state are events, except at the start.
 */
static int read_all(struct watch *w, bool beginning)
{
	struct tunnels now = {};
	size_t i;
	int ret = nl_dump(&now, false);

	for (i = 0; i < w->n; i++)
		w->known[i]->seen = false;
	for (i = 0; !ret && i < now.n; i++) {
		if (beginning)
			insert(w, &now.t[i])->seen = true;
		else
			update(w, &now.t[i]);
	}
	for (i = w->n; !ret && !beginning && i--;)
		if (!w->known[i]->seen && !tunnel_of_ifindex(&now, w->known[i]->t.ifindex))
			delete(w, w->known[i]->t.ifindex);
	tunnels_free(&now);
	return ret;
}

/* The kernel has sent more than fits into the socket. Earlier messages are still in it. */
static int resynchronize(struct watch *w)
{
	static const struct event lost = {
		.what = "lost", .cause = "events arrived faster than they could be read",
	};
	int ret;

	put_event(&lost);
	ret = read_all(w, false);
	if (!ret)
		put_event(&(struct event){ .what = "resynchronized" });
	return ret;
}

static int follow(struct watch *w, struct mnl_socket *links, struct mnl_socket *sas)
{
	int ret = 0, error;

	while (!ret && !stopped) {
		note_time();
		error = nl_links(links, take_link, w);
		if (error == -ENOBUFS) {
			while (nl_links(links, take_link, w) == -ENOBUFS)
				;
			ret = resynchronize(w);
		} else if (error) {
			fail("netlink", "%s", strerror(-error));
			ret = IPIPCTL_REFUSED;
		}
		if (sas && sas_changed(sas))
			take_sas(w);
		/* The reader of the pipe may have ended. */
		if (fflush(stdout))
			break;
		nl_wait(links, sas, WAIT, GATHER);
	}
	return ret;
}

/* Read the names of tunnels. */
static int read_names(char **words, size_t n, struct tunnels *names)
{
	size_t used = n;
	int ret;

	if (!n)
		return 0;
	ret = choose("monitor", words, n, false, names, &used);
	if (!ret && used < n)
		ret = usage("monitor", "%s: unexpected argument", words[used]);
	return ret;
}

/**
 * events_watch() - Write a line for each event of tunnels until a signal comes
 * @words: tunnels, or none for all
 * @n: how many words
 *
 * Return: an exit status.
 */
int events_watch(char **words, size_t n)
{
	struct mnl_socket *links, *sas;
	struct watch w = {};
	size_t i;
	int ret;

	ret = read_names(words, n, &w.names);
	links = ret ? NULL : nl_listen();
	if (!links)
		return ret ?: IPIPCTL_REFUSED;
	stop_on_signals();
	sas = sas_listen();
	ret = nl_dump_devices(take_link, &w) ?: read_all(&w, true) ?:
	      follow(&w, links, sas);
	for (i = 0; i < w.n; i++)
		free(w.known[i]);
	free(w.known);
	free(w.devices);
	tunnels_free(&w.names);
	return ret;
}
