// SPDX-License-Identifier: GPL-2.0
/*
 * The properties of a tunnel: their names, their values, and how they are read and
 * written. One table for the command line, exports, JSON, help and completion.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ipipctl.h"

#define KEEPALIVE_INTERVAL	10000
#define KEEPALIVE_RETRIES	10
/* Reaches the far end whatever the inner TTL is (RFC 2003 section 3.1): OSPF and eBGP send
 * packets with a TTL of 1.
 */
#define OUTER_TTL		64

/**
 * tunnel_defaults() - Set the defaults of `add`
 * @t: the tunnel
 */
void tunnel_defaults(struct tunnel *t)
{
	memset(t, 0, sizeof(*t));
	t->altnames = "";
	t->comment = "";
	t->refresh_local = "";
	t->refresh_remote = "";
	t->link_netnsid = -1;
	t->mtu_auto = true;
	t->ttl = OUTER_TTL;
	t->dscp = -1;
	t->mode = IPPROTO_IPIP;
	t->df = IPIP_DF_NO;
	t->clamp = IPIP_CLAMP_RX;
	t->keepalive_interval = KEEPALIVE_INTERVAL;
	t->keepalive_retries = KEEPALIVE_RETRIES;
	t->keepalive_answer = true;
	t->keepalive_age = -1;
	t->keepalive_rtt = -1;
	t->mtu_age = -1;
	t->keepalive_srtt = -1;
	t->keepalive_rttvar = -1;
	t->keepalive_state_age = -1;
	t->keepalive_loss = -1;
}

/* Words */

static const struct word yes_no[] = { { "no", 0, false }, { "yes", 1, false }, { } };

static const struct word clamp_words[] = {
	{ "no", 0, false }, { "yes", IPIP_CLAMP_RX, false }, { "tx", IPIP_CLAMP_TX, false },
	{ "both", IPIP_CLAMP_RX | IPIP_CLAMP_TX, false },
	{ "rx", IPIP_CLAMP_RX, true }, { "off", 0, true }, { }
};

static const struct word df_words[] = {
	{ "no", IPIP_DF_NO, false }, { "inherit", IPIP_DF_INHERIT, false },
	{ "set", IPIP_DF_SET, false }, { "legacy", IPIP_DF_LEGACY, false }, { }
};

static const struct word keepalive_modes[] = {
	{ "cookie", IPIP_KEEPALIVE_MODE_COOKIE, false },
	{ "routeros", IPIP_KEEPALIVE_MODE_ROUTEROS, false },
	{ "icmp", IPIP_KEEPALIVE_MODE_ICMP, false }, { }
};

static const struct word keepalive_states[] = {
	{ "off", IPIP_KEEPALIVE_STATE_OFF, false }, { "up", IPIP_KEEPALIVE_STATE_UP, false },
	{ "down", IPIP_KEEPALIVE_STATE_DOWN, false },
	{ "unknown", IPIP_KEEPALIVE_STATE_UNKNOWN, false }, { }
};

static const struct word mtu_states[] = {
	{ "off", IPIP_MTU_STATE_OFF, false }, { "base", IPIP_MTU_STATE_BASE, false },
	{ "error", IPIP_MTU_STATE_ERROR, false }, { "search", IPIP_MTU_STATE_SEARCH, false },
	{ "complete", IPIP_MTU_STATE_COMPLETE, false },
	{ "unanswered", IPIP_MTU_STATE_UNANSWERED, false }, { }
};

/* The last one can be used in conditions, but not be set. */
const struct word ipsec_profiles[] = {
	{ "none", IPSEC_NONE, false }, { "routeros", IPSEC_ROUTEROS, false },
	{ "modern", IPSEC_MODERN, false }, { "unknown", IPSEC_UNKNOWN, true }, { }
};

static const struct word ipsec_states[] = {
	{ "no-sa", IPSEC_NO_SA, false }, { "connecting", IPSEC_CONNECTING, false },
	{ "established", IPSEC_ESTABLISHED, false }, { "no-daemon", IPSEC_NO_DAEMON, false },
	{ "no-ikev1", IPSEC_NO_IKEV1, false }, { }
};

static const struct word modes[] = {
	{ "ipip", IPPROTO_IPIP, false }, { "mplsip", IPPROTO_MPLS, false }, { "any", 0, false }, { }
};

static const struct word encaps[] = {
	{ "none", TUNNEL_ENCAP_NONE, false }, { "fou", TUNNEL_ENCAP_FOU, false },
	{ "gue", TUNNEL_ENCAP_GUE, false }, { }
};

static const struct word inherit_dscp[] = { { "inherit", -1, false }, { } };
static const struct word inherit_ttl[] = { { "inherit", 0, false }, { } };
static const struct word auto_mtu[] = { { "auto", 0, false }, { } };
static const struct word auto_port[] = { { "auto", 0, false }, { } };
static const struct word none[] = {
	{ "none", 0, false }, { "no", 0, true }, { "off", 0, true }, { "", 0, true }, { }
};

static const struct word no_port[] = { { "none", 0, false }, { } };

/* Words that unset a value, wherever that is possible. */
static bool is_none(const char *value)
{
	int64_t ignored;

	return word_parse(none, value, &ignored);
}

/* Fields */

static const void *field(const struct property *p, const struct tunnel *t)
{
	return (const char *)t + p->offset;
}

/**
 * field_get() - Read a field of a tunnel that is a number
 * @t: the tunnel
 * @offset: of the field
 * @size: of the field, bytes
 *
 * Return: the number, not extended by its sign.
 */
uint64_t field_get(const struct tunnel *t, size_t offset, size_t size)
{
	const void *at = (const char *)t + offset;

	switch (size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	}
	return *(const uint64_t *)at;
}

/**
 * field_set() - Write a field of a tunnel that is a number
 * @t: the tunnel
 * @offset: of the field
 * @size: of the field, bytes
 * @value: the number, truncated to the size of the field
 */
void field_set(struct tunnel *t, size_t offset, size_t size, uint64_t value)
{
	void *at = (char *)t + offset;

	switch (size) {
	case 1:
		*(uint8_t *)at = value;
		break;
	case 2:
		*(uint16_t *)at = value;
		break;
	case 4:
		*(uint32_t *)at = value;
		break;
	case 8:
		*(uint64_t *)at = value;
		break;
	}
}

static int64_t get_field(const struct property *p, const struct tunnel *t)
{
	const uint64_t value = field_get(t, p->offset, p->size);

	return p->is_signed && p->size == sizeof(int32_t) ? (int32_t)value : (int64_t)value;
}

static void set_field(const struct property *p, struct tunnel *t, int64_t value)
{
	field_set(t, p->offset, p->size, value);
}

static bool is_there(const struct property *p, const struct tunnel *t)
{
	return !p->there || p->there(t);
}

static void list_words(const struct property *p, const char *comma, const char *last,
		       char *out, size_t size)
{
	const struct word *w, *next;
	size_t n = 0;

	*out = '\0';
	for (w = p->words; w && w->name && !w->alias; w++) {
		next = w + 1;
		n += snprintf(out + n, size - n, "%s", w->name);
		if (next->name && !next->alias)
			n += snprintf(out + n, size - n, "%s",
				      next[1].name && !next[1].alias ? comma : last);
	}
}

static const char *must_be(const struct property *p)
{
	static char text[128];
	size_t n;

	n = snprintf(text, sizeof(text), "must be ");
	list_words(p, ", ", p->kind == KIND_NUMBER ? ", " : " or ", text + n,
		   sizeof(text) - n);
	if (p->kind != KIND_NUMBER)
		return text;
	if (text[n])
		strcat(text, " or ");
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, p->hex ? "%llu to %#llx" : "%llu to %llu",
		 (unsigned long long)p->min, (unsigned long long)p->max);
	return text;
}

static const char *parse_integer(const struct property *p, const char *value, int64_t *out)
{
	uint64_t number;

	if (parse_number(value, p->max, &number) || number < p->min)
		return must_be(p);
	*out = number;
	return NULL;
}

static const char *parse_address(const char *value, uint32_t *out)
{
	struct in_addr address;

	if (inet_pton(AF_INET, value, &address) != 1)
		return "is not an IPv4 address";
	*out = address.s_addr;
	return NULL;
}

static const char *parse_kind(const struct property *p, struct tunnel *t, const char *value)
{
	const char *why = NULL;
	uint32_t address = 0;
	uint64_t ms = 0;
	int64_t number;

	if (word_parse(p->words, value, &number)) {
		set_field(p, t, number);
		return NULL;
	}
	switch (p->kind) {
	case KIND_NUMBER:
		why = parse_integer(p, value, &number);
		break;
	case KIND_ADDRESS:
		why = parse_address(value, &address);
		number = address;
		break;
	case KIND_DURATION:
		why = parse_duration(value, &ms);
		number = ms;
		break;
	default:
		why = must_be(p);
	}
	if (!why)
		set_field(p, t, number);
	return why;
}

/**
 * property_parse() - Set a value of a tunnel
 * @p: P_* of the property; also read-only ones, for conditions
 * @t: the tunnel
 * @value: the value
 *
 * Return: NULL, or what is wrong with the value; then the tunnel is unchanged.
 */
const char *property_parse(unsigned int p, struct tunnel *t, const char *value)
{
	if (properties[p].parse)
		return properties[p].parse(t, value);
	return parse_kind(&properties[p], t, value);
}

static void format_address(uint32_t address, char *out)
{
	inet_ntop(AF_INET, &address, out, INET_ADDRSTRLEN);
}

static void format_kind(const struct property *p, const struct tunnel *t, char *out)
{
	const int64_t value = p->kind == KIND_TEXT ? 0 : get_field(p, t);
	const char *word = word_format(p->words, value);

	if (word) {
		strcpy(out, word);
		return;
	}
	switch (p->kind) {
	case KIND_TEXT:
		snprintf(out, FORMAT_MAX, "%s", (const char *)field(p, t));
		break;
	case KIND_ADDRESS:
		format_address(value, out);
		break;
	case KIND_DURATION:
		*out = '\0';
		if (value >= 0)
			format_duration(value, out);
		break;
	default:
		sprintf(out, p->hex && value ? "%#llx" : "%lld", (long long)value);
	}
}

/**
 * property_format() - Write a value as a word
 * @p: P_* of the property
 * @t: the tunnel
 * @out: string of FORMAT_MAX bytes; "" if there is no value
 */
void property_format(unsigned int p, const struct tunnel *t, char *out)
{
	*out = '\0';
	if (!is_there(&properties[p], t))
		return;
	if (properties[p].format)
		properties[p].format(t, out);
	else
		format_kind(&properties[p], t, out);
}

/**
 * property_show() - property_format() without control characters, for a terminal
 * @p: P_* of the property
 * @t: the tunnel
 * @out: string of FORMAT_MAX bytes, which has as many as from property_format()
 */
void property_show(unsigned int p, const struct tunnel *t, char *out)
{
	property_format(p, t, out);
	hide_controls(out);
}

/**
 * property_number() - Get the value as a number, to compare tunnels
 * @p: P_* of the property
 * @t: the tunnel
 * @value: set to it; an address in host byte order
 *
 * Return: false if this tunnel has no value, or the property isn't a number.
 */
bool property_number(unsigned int p, const struct tunnel *t, int64_t *value)
{
	const struct property *row = &properties[p];

	if (row->kind != KIND_NUMBER && row->kind != KIND_ADDRESS &&
	    row->kind != KIND_DURATION)
		return false;
	if (!is_there(row, t))
		return false;
	*value = get_field(row, t);
	if (row->kind == KIND_ADDRESS)
		*value = ntohl(*value);
	return *value >= 0;
}

static void put_json_key(const struct property *p)
{
	json_key(stdout, p->json_key ?: p->name);
}

static void json_kind(const struct property *p, const struct tunnel *t)
{
	const bool text = p->kind == KIND_TEXT || p->kind == KIND_WORD;
	int64_t value = p->kind == KIND_TEXT ? 0 : get_field(p, t);
	char word[FORMAT_MAX];

	put_json_key(p);
	if (!is_there(p, t) || (!text && value < 0) ||
	    (p->kind == KIND_ADDRESS && word_format(p->words, value))) {
		fputs("null", stdout);
	} else if (p->kind == KIND_YES_NO) {
		fputs(value ? "true" : "false", stdout);
	} else if (p->kind == KIND_NUMBER || p->kind == KIND_DURATION) {
		printf("%lld", (long long)value);
	} else {
		property_format(p - properties, t, word);
		json_string(stdout, word);
	}
}

/**
 * property_json() - Write a property as JSON: a key and its value, or several
 * @p: P_* of the property
 * @t: the tunnel
 */
void property_json(unsigned int p, const struct tunnel *t)
{
	if (properties[p].json)
		properties[p].json(t);
	else
		json_kind(&properties[p], t);
}

/**
 * property_values() - Get the possible values of a property
 * @p: P_* of the property
 * @out: "no|yes", "inherit|0-63" and the like
 * @size: bytes of @out
 */
void property_values(unsigned int p, char *out, size_t size)
{
	const struct property *row = &properties[p];
	size_t n;

	if (row->values) {
		snprintf(out, size, "%s", row->values);
		return;
	}
	list_words(row, "|", "|", out, size);
	n = strlen(out);
	if (row->kind == KIND_NUMBER)
		snprintf(out + n, size - n, row->hex ? "%s%llu-%#llx" : "%s%llu-%llu",
			 n ? "|" : "", (unsigned long long)row->min,
			 (unsigned long long)row->max);
	else if (row->kind == KIND_ADDRESS)
		snprintf(out + n, size - n, "%sADDRESS", n ? "|" : "");
}

/* Properties that aren't simply a field. */

/**
 * is_device_name() - Check whether a name is valid for a network device
 * @name: the name
 *
 * Return: false if it is too long, or has a character that Linux refuses.
 */
bool is_device_name(const char *name)
{
	/* The kernel takes the last one, Latin-1's no-break space, for a blank, also in UTF-8. */
	return *name && strlen(name) < IFNAMSIZ && strcmp(name, ".") &&
	       strcmp(name, "..") && !strpbrk(name, "/: \t\r\n\v\f%\xa0");
}

/**
 * is_number_or_list() - Check whether a name looks like a number or like several names
 * @name: the name
 *
 * Return: true if it has only digits, or a comma.
 */
bool is_number_or_list(const char *name)
{
	return strchr(name, ',') || !name[strspn(name, "0123456789")];
}

static const char *parse_name(struct tunnel *t, const char *value)
{
	if (!is_device_name(value))
		return "is not a device name: 1 to 15 characters, no / : % or blank";
	strcpy(t->new_name, value);
	return NULL;
}

static void format_name(const struct tunnel *t, char *out)
{
	strcpy(out, *t->name ? t->name : t->new_name);
}

static void format_altnames(const struct tunnel *t, char *out)
{
	const char *p = t->altnames;
	size_t n = 0;

	for (; *p && n < FORMAT_MAX - 1; p++)
		out[n++] = *p == *ALTNAME_SEPARATOR ? ',' : *p;
	out[n] = '\0';
}

static void json_altnames(const struct tunnel *t)
{
	const char *rest = t->altnames, *altname;
	char name[FORMAT_MAX];
	size_t len;

	json_key(stdout, "altnames");
	putchar('[');
	while ((altname = next_altname(&rest, &len))) {
		snprintf(name, sizeof(name), "%.*s", (int)len, altname);
		if (altname != t->altnames)
			putchar(',');
		json_string(stdout, name);
	}
	putchar(']');
}

/* A tunnel has an address and the name of its host or device, for `refresh`. */
static const char *parse_refresh_remote(struct tunnel *t, const char *value)
{
	if (is_none(value)) {
		t->refresh_remote = "";
		return NULL;
	}
	if (strchr(value, '@'))
		return "the VRF of the underlay is given by link=";
	if (strchr(value, ':'))
		return "is not an IPv4 address: IPv6 isn't supported as the outer header";
	if (strlen(value) > IPIP_NAME_MAX || strpbrk(value, " \t\r\n\v\f"))
		return "is not a host name";
	t->refresh_remote = keep_string(value);
	return NULL;
}

static void format_refresh_remote(const struct tunnel *t, char *out)
{
	snprintf(out, FORMAT_MAX, "%s", t->refresh_remote);
}

static bool has_refresh_remote(const struct tunnel *t)
{
	return *t->refresh_remote;
}

static const char *parse_refresh_local(struct tunnel *t, const char *value)
{
	if (!is_none(value) && !is_device_name(value))
		return "is not a device name";
	t->refresh_local = is_none(value) ? "" : keep_string(value);
	return NULL;
}

static void format_refresh_local(const struct tunnel *t, char *out)
{
	snprintf(out, FORMAT_MAX, "%s", t->refresh_local);
}

static bool has_refresh_local(const struct tunnel *t)
{
	return *t->refresh_local;
}

static const char **source_of(const struct property *p, struct tunnel *t)
{
	return (const char **)((char *)t + properties[p->source].offset);
}

/**
 * property_refresh() - Look an address up again
 * @p: P_* of the address
 * @t: the tunnel; nothing is done if it has no name for the address
 *
 * Return: NULL, or why the look-up has failed; then the tunnel keeps its address.
 */
const char *property_refresh(unsigned int p, struct tunnel *t)
{
	const struct property *row = &properties[p];
	const char *name = row->source ? *source_of(row, t) : "";

	if (!*name)
		return NULL;
	if (p == P_LOCAL_ADDRESS && t->link_netnsid >= 0)
		return "its underlay is in another network namespace";
	return row->look_up(name, (uint32_t *)((char *)t + row->offset));
}

/* Set an address, or look a name up and store both. */
static const char *parse_looked_up(unsigned int p, struct tunnel *t, const char *value)
{
	const struct property *row = &properties[p];
	const char **source = source_of(row, t), *before = *source, *why;
	uint32_t address;

	if (!parse_address(value, &address)) {
		*source = "";
		set_field(row, t, address);
		return NULL;
	}
	/* Don't look up a word that looks like an address but isn't valid. */
	if (is_none(value) || !value[strspn(value, "0123456789.")])
		return "is not an IPv4 address";
	why = properties[row->source].parse(t, value) ?: property_refresh(p, t);
	if (why)
		*source = before;
	return why;
}

static const char *parse_local(struct tunnel *t, const char *value)
{
	return parse_looked_up(P_LOCAL_ADDRESS, t, value);
}

static const char *parse_remote(struct tunnel *t, const char *value)
{
	return parse_looked_up(P_REMOTE_ADDRESS, t, value);
}

/* With "auto" the MTU in force stays. */
static const char *parse_mtu(struct tunnel *t, const char *value)
{
	const bool mtu_auto = !strcmp(value, "auto");
	const char *why = mtu_auto ? NULL : parse_kind(&properties[P_MTU], t, value);

	if (!why)
		t->mtu_auto = mtu_auto;
	return why;
}

static bool has_mtu(const struct tunnel *t)
{
	return t->mtu;
}

static void format_mtu(const struct tunnel *t, char *out)
{
	if (t->mtu_auto)
		strcpy(out, "auto");
	else if (t->mtu)
		sprintf(out, "%u", t->mtu);
}

/* Both keys existed from the first version: the MTU in force is "mtu". */
static void json_mtu(const struct tunnel *t)
{
	printf("\"mtu\":%u,\"mtu_auto\":%s", t->mtu, t->mtu_auto ? "true" : "false");
}

static const char *parse_df(struct tunnel *t, const char *value)
{
	const char *why = parse_kind(&properties[P_DONT_FRAGMENT], t, value);

	if (!why)
		t->pmtudisc = t->df == IPIP_DF_SET || t->df == IPIP_DF_LEGACY;
	return why;
}

/* Of the policies of `ip link`, "nopmtudisc" has a name in RouterOS. */
static void format_df(const struct tunnel *t, char *out)
{
	const bool inherit = t->df == IPIP_DF_LEGACY && !t->pmtudisc;

	strcpy(out, word_format(df_words, inherit ? IPIP_DF_INHERIT : t->df) ?: "unknown");
}

/* "interval,retries". The manual of RouterOS allows 0 retries but doesn't define it; here it
 * means the same as 1.
 */
static const char *parse_keepalive(struct tunnel *t, const char *value)
{
	const char *comma = strchr(value, ',');
	uint64_t ms, retries = t->keepalive_retries;
	const char *why;
	char text[64];
	size_t len;

	if (is_none(value)) {
		t->keepalive_interval = 0;
		return NULL;
	}
	len = comma ? (size_t)(comma - value) : strlen(value);
	if (len >= sizeof(text))
		return "must be interval,retries, such as 10s,10";
	memcpy(text, value, len);
	text[len] = '\0';
	why = parse_duration(text, &ms);
	if (why)
		return why;
	if (ms && (ms < IPIP_KEEPALIVE_INTERVAL_MIN ||
		   ms > IPIP_KEEPALIVE_INTERVAL_MAX))
		return "interval must be 100ms to 4294967295s";
	if (comma && parse_number(comma + 1, UINT32_MAX, &retries))
		return "retries must be 0 to 4294967295";
	t->keepalive_interval = ms;
	t->keepalive_retries = retries ?: 1;
	return NULL;
}

static void format_keepalive(const struct tunnel *t, char *out)
{
	if (!t->keepalive_interval)
		return;
	format_duration(t->keepalive_interval, out);
	sprintf(out + strlen(out), ",%u", t->keepalive_retries);
}

static void json_keepalive(const struct tunnel *t)
{
	printf("\"keepalive_interval_ms\":%llu,\"keepalive_retries\":%u",
	       (unsigned long long)t->keepalive_interval, t->keepalive_retries);
}

/* Microseconds, in milliseconds. */
static void format_us(int64_t us, char *out)
{
	if (us >= 0)
		sprintf(out, "%lld.%03lldms", (long long)us / 1000, (long long)us % 1000);
}

static const char *parse_us(int64_t *us, const char *value)
{
	uint64_t ms;
	const char *why = parse_duration(value, &ms);

	if (!why)
		*us = ms * 1000;
	return why;
}

static void format_keepalive_rtt(const struct tunnel *t, char *out)
{
	format_us(t->keepalive_rtt, out);
}

static const char *parse_keepalive_rtt(struct tunnel *t, const char *value)
{
	return parse_us(&t->keepalive_rtt, value);
}

static void format_keepalive_srtt(const struct tunnel *t, char *out)
{
	format_us(t->keepalive_srtt, out);
}

static const char *parse_keepalive_srtt(struct tunnel *t, const char *value)
{
	return parse_us(&t->keepalive_srtt, value);
}

static void format_keepalive_rttvar(const struct tunnel *t, char *out)
{
	format_us(t->keepalive_rttvar, out);
}

static const char *parse_keepalive_rttvar(struct tunnel *t, const char *value)
{
	return parse_us(&t->keepalive_rttvar, value);
}

static bool has_keepalive_loss(const struct tunnel *t)
{
	return t->keepalive_loss >= 0;
}

static void format_keepalive_loss(const struct tunnel *t, char *out)
{
	sprintf(out, "%d.%d%%", t->keepalive_loss / 10, t->keepalive_loss % 10);
}

static const char *parse_keepalive_loss(struct tunnel *t, const char *value)
{
	unsigned int percent, tenths = 0;
	int used = 0;

	if (sscanf(value, "%3u.%1u%n", &percent, &tenths, &used) < 2) {
		tenths = 0;
		if (sscanf(value, "%3u%n", &percent, &used) != 1)
			used = 0;
	}
	if (!used || strspn(value, "0123456789.") != (size_t)used || percent > 100 ||
	    (value[used] && strcmp(value + used, "%")))
		return "must be 0% to 100%";
	t->keepalive_loss = percent * 10 + tenths;
	return NULL;
}

static void json_ipsec_profile(const struct tunnel *t)
{
	json_key(stdout, "ipsec_profile");
	if (t->ipsec_profile)
		json_string(stdout, word_format(ipsec_profiles, t->ipsec_profile));
	else
		fputs("null", stdout);
}

static const char *parse_ipsec_secret_file(struct tunnel *t, const char *value)
{
	if (*value)
		return secret_file(value, &t->secret);
	t->secret = NULL;
	t->ipsec_profile = IPSEC_NONE;
	return NULL;
}

/* The name of the file isn't stored, and the secret isn't shown. */
static void format_ipsec_secret_file(const struct tunnel *t, char *out)
{
	(void)t;
	*out = '\0';
}

static bool has_ipsec(const struct tunnel *t)
{
	return t->ipsec_profile;
}

static bool is_established(const struct tunnel *t)
{
	return t->ipsec_state == IPSEC_ESTABLISHED;
}

static void format_ipsec_rekey(const struct tunnel *t, char *out)
{
	format_duration(t->ipsec_rekey * 1000, out);
}

static const char *parse_ipsec_rekey(struct tunnel *t, const char *value)
{
	uint64_t ms;
	const char *why = parse_duration(value, &ms);

	if (!why)
		t->ipsec_rekey = ms / 1000;
	return why;
}

static void json_flag(unsigned int p, bool on)
{
	put_json_key(&properties[p]);
	fputs(on ? "true" : "false", stdout);
}

static const char *parse_link(struct tunnel *t, const char *value)
{
	const bool off = is_none(value);
	const uint32_t found = off || strlen(value) >= IFNAMSIZ ? 0 : if_nametoindex(value);

	/* The driver would look for the index there. */
	if (!off && t->link_netnsid >= 0)
		return "its underlay is in another network namespace";
	if (!off && !found)
		return "no such device";
	strcpy(t->link, off ? "" : value);
	t->link_found = found;
	t->link_index = 0;
	return NULL;
}

static bool has_link(const struct tunnel *t)
{
	return *t->link || t->link_index;
}

/* "*7", as RouterOS shows an object without a name. */
static void format_link(const struct tunnel *t, char *out)
{
	if (t->link_index && !*t->link)
		sprintf(out, "*%u", t->link_index);
	else
		strcpy(out, *t->link ? t->link : "none");
}

static bool is_link_missing(const struct tunnel *t)
{
	return t->link_index && t->link_netnsid < 0;
}

static void format_link_missing(const struct tunnel *t, char *out)
{
	strcpy(out, is_link_missing(t) ? "yes" : "no");
}

static void json_link_missing(const struct tunnel *t)
{
	json_flag(P_LINK_MISSING, is_link_missing(t));
}

static void json_link(const struct tunnel *t)
{
	char word[FORMAT_MAX];

	format_link(t, word);
	json_key(stdout, "link");
	if (has_link(t))
		json_string(stdout, word);
	else
		fputs("null", stdout);
}

static bool has_mtu_measured(const struct tunnel *t)
{
	return t->mtu_measured;
}

static bool has_link_netnsid(const struct tunnel *t)
{
	return t->link_netnsid >= 0;
}

static const char *parse_flag(struct tunnel *t, const char *value, uint16_t flag)
{
	int64_t on;

	if (!word_parse(yes_no, value, &on))
		return must_be(&properties[P_ENCAP_CSUM]);
	if (on)
		t->encap_flags |= flag;
	else
		t->encap_flags &= ~flag;
	return NULL;
}

static const char *parse_encap_csum(struct tunnel *t, const char *value)
{
	return parse_flag(t, value, TUNNEL_ENCAP_FLAG_CSUM);
}

static void format_encap_csum(const struct tunnel *t, char *out)
{
	strcpy(out, t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM ? "yes" : "no");
}

static void json_encap_csum(const struct tunnel *t)
{
	json_flag(P_ENCAP_CSUM, t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM);
}

static const char *parse_encap_remcsum(struct tunnel *t, const char *value)
{
	return parse_flag(t, value, TUNNEL_ENCAP_FLAG_REMCSUM);
}

static void format_encap_remcsum(const struct tunnel *t, char *out)
{
	strcpy(out, t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM ? "yes" : "no");
}

static void json_encap_remcsum(const struct tunnel *t)
{
	json_flag(P_ENCAP_REMCSUM, t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM);
}

/* Only for new tunnels: a tunnel with an index exists already. */
static const char *parse_kept(unsigned int p, struct tunnel *t, const char *value)
{
	const int64_t before = get_field(&properties[p], t);
	const char *why = parse_kind(&properties[p], t, value);

	if (why || !t->ifindex || get_field(&properties[p], t) == before)
		return why;
	set_field(&properties[p], t, before);
	return "can't be changed: remove the tunnel and add it again";
}

static const char *parse_external(struct tunnel *t, const char *value)
{
	return parse_kept(P_EXTERNAL, t, value);
}

/* The kernel would ignore it. */
static const char *parse_mode(struct tunnel *t, const char *value)
{
	return parse_kept(P_MODE, t, value);
}

static const char *parse_comment(struct tunnel *t, const char *value)
{
	if (strlen(value) > IPIPCTL_COMMENT_MAX)
		return "is longer than 255 bytes";
	t->comment = keep_string(value);
	return NULL;
}

static void format_comment(const struct tunnel *t, char *out)
{
	snprintf(out, FORMAT_MAX, "%s", t->comment);
}

/* The table */

#define FIELD(member) \
	.offset = offsetof(struct tunnel, member), \
	.size = sizeof(((struct tunnel *)NULL)->member)
#define YES_NO(member)	.kind = KIND_YES_NO, .words = yes_no, FIELD(member)

const struct property properties[P_COUNT] = {
	[P_ALLOW_FAST_PATH] = {
		.name = "allow-fast-path",
		.meaning = "let a netfilter flowtable forward flows without the tunnel",
		YES_NO(fast_path), .ext = IFLA_IPIP_EXT_FAST_PATH,
	},
	[P_CLAMP_TCP_MSS] = {
		.name = "clamp-tcp-mss",
		.meaning = "lower the MSS of TCP SYNs to the tunnel's MTU - 40",
		.kind = KIND_WORD, .words = clamp_words, FIELD(clamp), .empty = "no",
		.ext = IFLA_IPIP_EXT_CLAMP_MSS,
	},
	[P_COMMENT] = {
		.name = "comment", .values = "TEXT",
		.meaning = "the link's alias, at most 255 bytes",
		.kind = KIND_TEXT, .empty = "",
		.parse = parse_comment, .format = format_comment,
	},
	[P_DISABLED] = {
		.name = "disabled", .meaning = "the link is down", YES_NO(disabled),
	},
	[P_DONT_FRAGMENT] = {
		.name = "dont-fragment", .meaning = "the DF bit of the outer header",
		.kind = KIND_WORD, .words = df_words, FIELD(df),
		.parse = parse_df, .format = format_df,
	},
	[P_DSCP] = {
		.name = "dscp", .meaning = "DSCP of the outer header",
		.kind = KIND_NUMBER, .words = inherit_dscp, .is_signed = true,
		FIELD(dscp), .max = 63,
	},
	[P_ENCAP] = {
		.name = "encap", .meaning = "a UDP header after the outer IP header",
		.kind = KIND_WORD, .words = encaps, FIELD(encap), .empty = "none",
	},
	[P_ENCAP_CSUM] = {
		.name = "encap-csum", .meaning = "a checksum in the UDP header",
		.kind = KIND_YES_NO, .words = yes_no, .empty = "no",
		.parse = parse_encap_csum, .format = format_encap_csum,
		.json = json_encap_csum,
	},
	[P_ENCAP_DPORT] = {
		.name = "encap-dport", .meaning = "destination port of the UDP header",
		.kind = KIND_NUMBER, .words = no_port, FIELD(encap_dport),
		.min = 1, .max = UINT16_MAX, .empty = "none",
	},
	[P_ENCAP_REMCSUM] = {
		.name = "encap-remcsum", .meaning = "GUE's remote checksum offload",
		.kind = KIND_YES_NO, .words = yes_no, .empty = "no",
		.parse = parse_encap_remcsum, .format = format_encap_remcsum,
		.json = json_encap_remcsum,
	},
	[P_ENCAP_SPORT] = {
		.name = "encap-sport",
		.meaning = "source port of the UDP header; auto: one port per flow",
		.kind = KIND_NUMBER, .words = auto_port, FIELD(encap_sport),
		.min = 1, .max = UINT16_MAX, .empty = "auto",
	},
	[P_EXTERNAL] = {
		.name = "external",
		.meaning = "the far end is set for each packet by a route, tc or BPF",
		YES_NO(external), .parse = parse_external,
	},
	[P_FWMARK] = {
		.name = "fwmark", .meaning = "mark for the look-up of the outer route",
		.kind = KIND_NUMBER, FIELD(fwmark), .max = UINT32_MAX, .hex = true,
		.empty = "0",
	},
	[P_IPSEC_PROFILE] = {
		.name = "ipsec-profile",
		.meaning = "IKE and ESP proposals for a tunnel with a secret",
		.kind = KIND_WORD, .words = ipsec_profiles, FIELD(ipsec_profile),
		.empty = "none", .json = json_ipsec_profile,
	},
	[P_IPSEC_SECRET_FILE] = {
		.name = "ipsec-secret-file", .values = "FILE|-",
		.meaning = "file with the pre-shared key; -: the standard input",
		.kind = KIND_TEXT, .empty = "", .parse = parse_ipsec_secret_file,
		.format = format_ipsec_secret_file,
	},
	[P_KEEPALIVE] = {
		.name = "keepalive", .values = "INTERVAL[,RETRIES]|no",
		.meaning = "probe the far end; without answers the carrier is lost",
		.kind = KIND_DURATION, FIELD(keepalive_interval), .empty = "no",
		.parse = parse_keepalive, .format = format_keepalive,
		.json = json_keepalive,
	},
	[P_KEEPALIVE_ANSWER] = {
		.name = "keepalive-answer",
		.meaning = "answer the far end's probes, even without own probes",
		YES_NO(keepalive_answer), .ext = IFLA_IPIP_EXT_KEEPALIVE_ANSWER,
	},
	[P_KEEPALIVE_MODE] = {
		.name = "keepalive-mode", .meaning = "kind of probe",
		.kind = KIND_WORD, .words = keepalive_modes, FIELD(keepalive_mode),
		.ext = IFLA_IPIP_EXT_KEEPALIVE_MODE,
	},
	[P_KEEPALIVE_SOURCE] = {
		.name = "keepalive-source",
		.meaning = "source of echo requests, for keepalive-mode=icmp",
		.kind = KIND_ADDRESS, .words = none, FIELD(keepalive_source),
		.ext = IFLA_IPIP_EXT_KEEPALIVE_SOURCE, .empty = "none",
	},
	[P_KEEPALIVE_TARGET] = {
		.name = "keepalive-target",
		.meaning = "address behind the tunnel, for keepalive-mode=icmp",
		.kind = KIND_ADDRESS, .words = none, FIELD(keepalive_target),
		.ext = IFLA_IPIP_EXT_KEEPALIVE_TARGET, .empty = "none",
	},
	[P_LINK] = {
		.name = "link", .values = "none|DEVICE", .meaning = "underlay device",
		.kind = KIND_TEXT, .empty = "none",
		.parse = parse_link, .format = format_link, .json = json_link,
	},
	[P_LOCAL_ADDRESS] = {
		.name = "local-address", .values = "ADDRESS|DEVICE",
		.meaning = "outer source; 0.0.0.0: the route determines it",
		.kind = KIND_ADDRESS, FIELD(local), .empty = "0.0.0.0",
		.parse = parse_local, .source = P_REFRESH_LOCAL,
		.look_up = lookup_device,
	},
	[P_MODE] = {
		.name = "mode", .meaning = "inner protocol: IPv4, MPLS or both",
		.kind = KIND_WORD, .words = modes, FIELD(mode), .parse = parse_mode,
	},
	[P_MTU] = {
		.name = "mtu",
		.meaning = "auto: follow the underlay, the route and the path MTU",
		.kind = KIND_NUMBER, .words = auto_mtu, FIELD(mtu),
		.min = IPIPCTL_MTU_MIN, .max = IPIPCTL_MTU_MAX, .empty = "auto",
		.parse = parse_mtu, .format = format_mtu, .json = json_mtu,
	},
	[P_NAME] = {
		.name = "name", .values = "NAME",
		.meaning = "name of the link, 1 to 15 characters",
		.kind = KIND_TEXT, .parse = parse_name, .format = format_name,
	},
	[P_REFRESH_LOCAL] = {
		.name = "refresh-local", .values = "DEVICE|none",
		.meaning = "device whose address refresh sets as local-address",
		.kind = KIND_TEXT, FIELD(refresh_local), .empty = "none",
		.there = has_refresh_local, .parse = parse_refresh_local,
		.format = format_refresh_local,
	},
	[P_REFRESH_REMOTE] = {
		.name = "refresh-remote", .values = "HOST|none",
		.meaning = "host whose address refresh sets as remote-address",
		.kind = KIND_TEXT, FIELD(refresh_remote), .empty = "none",
		.there = has_refresh_remote, .parse = parse_refresh_remote,
		.format = format_refresh_remote,
	},
	[P_REMOTE_ADDRESS] = {
		.name = "remote-address", .values = "ADDRESS|HOST",
		.meaning = "outer destination",
		.kind = KIND_ADDRESS, FIELD(remote), .parse = parse_remote,
		.source = P_REFRESH_REMOTE, .look_up = lookup_host,
	},
	[P_REQUIRE_IPSEC] = {
		.name = "require-ipsec",
		.meaning = "drop packets that don't come or leave through an IPsec SA",
		YES_NO(require_ipsec), .empty = "no",
		.ext = IFLA_IPIP_EXT_REQUIRE_IPSEC,
	},
	[P_TTL] = {
		.name = "ttl", .meaning = "TTL of the outer header",
		.kind = KIND_NUMBER, .words = inherit_ttl, FIELD(ttl), .min = 1,
		.max = UINT8_MAX, .empty = "inherit",
	},
	[P_ACTUAL_MTU] = {
		.name = "actual-mtu", .meaning = "the MTU in force",
		.kind = KIND_NUMBER, FIELD(mtu), .max = UINT32_MAX, .there = has_mtu,
	},
	[P_ALTNAMES] = {
		.name = "altnames", .meaning = "other names of the link",
		.kind = KIND_TEXT, .format = format_altnames, .json = json_altnames,
	},
	[P_CARRIER_DOWN_COUNT] = {
		.name = "carrier-down-count", .meaning = "how often the carrier was lost",
		.kind = KIND_NUMBER, FIELD(carrier_down_count), .max = UINT32_MAX,
	},
	[P_CARRIER_UP_COUNT] = {
		.name = "carrier-up-count", .meaning = "how often the carrier came back",
		.kind = KIND_NUMBER, FIELD(carrier_up_count), .max = UINT32_MAX,
	},
	[P_IFINDEX] = {
		.name = "ifindex", .meaning = "the link's index",
		.kind = KIND_NUMBER, FIELD(ifindex), .max = INT32_MAX,
	},
	[P_IPSEC_BYTES_IN] = {
		.name = "ipsec-bytes-in", .meaning = "bytes received through its SAs",
		.kind = KIND_NUMBER, FIELD(ipsec_bytes_in), .max = INT64_MAX,
		.there = is_established,
	},
	[P_IPSEC_BYTES_OUT] = {
		.name = "ipsec-bytes-out", .meaning = "bytes sent through its SAs",
		.kind = KIND_NUMBER, FIELD(ipsec_bytes_out), .max = INT64_MAX,
		.there = is_established,
	},
	[P_IPSEC_PROPOSAL] = {
		.name = "ipsec-proposal", .meaning = "algorithms of the SA",
		.kind = KIND_TEXT, FIELD(ipsec_proposal), .there = is_established,
	},
	[P_IPSEC_REKEY] = {
		.name = "ipsec-rekey", .meaning = "time to the next rekeying",
		.kind = KIND_DURATION, FIELD(ipsec_rekey), .there = is_established,
		.json_key = "ipsec_rekey_s", .parse = parse_ipsec_rekey,
		.format = format_ipsec_rekey,
	},
	[P_IPSEC_STATE] = {
		.name = "ipsec-state", .meaning = "state according to the IKE daemon",
		.kind = KIND_WORD, .words = ipsec_states, FIELD(ipsec_state),
		.there = has_ipsec,
	},
	[P_KEEPALIVE_AGE] = {
		.name = "keepalive-age", .meaning = "time since the last answer",
		.kind = KIND_DURATION, FIELD(keepalive_age),
		.json_key = "keepalive_age_ms",
	},
	[P_KEEPALIVE_LOSS] = {
		.name = "keepalive-loss",
		.meaning = "share of the last 64 probes without an answer in time",
		.kind = KIND_NUMBER, .is_signed = true, FIELD(keepalive_loss),
		.max = 1000, .there = has_keepalive_loss,
		.json_key = "keepalive_loss_permille", .parse = parse_keepalive_loss,
		.format = format_keepalive_loss,
	},
	[P_KEEPALIVE_MISSES] = {
		.name = "keepalive-misses",
		.meaning = "number of unanswered probes in a row",
		.kind = KIND_NUMBER, FIELD(keepalive_misses), .max = UINT32_MAX,
	},
	[P_KEEPALIVE_RTT] = {
		.name = "keepalive-rtt", .meaning = "round-trip time of the last probe",
		.kind = KIND_DURATION, FIELD(keepalive_rtt),
		.json_key = "keepalive_rtt_us", .parse = parse_keepalive_rtt,
		.format = format_keepalive_rtt,
	},
	[P_KEEPALIVE_RTTVAR] = {
		.name = "keepalive-rttvar", .meaning = "variation of the round-trip time",
		.kind = KIND_DURATION, FIELD(keepalive_rttvar),
		.json_key = "keepalive_rttvar_us", .parse = parse_keepalive_rttvar,
		.format = format_keepalive_rttvar,
	},
	[P_KEEPALIVE_SRTT] = {
		.name = "keepalive-srtt", .meaning = "smoothed round-trip time",
		.kind = KIND_DURATION, FIELD(keepalive_srtt),
		.json_key = "keepalive_srtt_us", .parse = parse_keepalive_srtt,
		.format = format_keepalive_srtt,
	},
	[P_KEEPALIVE_STATE] = {
		.name = "keepalive-state", .meaning = "whether the far end answers",
		.kind = KIND_WORD, .words = keepalive_states, FIELD(keepalive_state),
	},
	[P_KEEPALIVE_STATE_AGE] = {
		.name = "keepalive-state-age",
		.meaning = "time since keepalive-state changed",
		.kind = KIND_DURATION, FIELD(keepalive_state_age),
		.json_key = "keepalive_state_age_ms",
	},
	[P_LINK_MISSING] = {
		.name = "link-missing",
		.meaning = "the underlay device of the tunnel was deleted",
		.kind = KIND_YES_NO, .words = yes_no,
		.format = format_link_missing, .json = json_link_missing,
	},
	[P_LINK_NETNSID] = {
		.name = "link-netnsid",
		.meaning = "the underlay's network namespace, if it is another one",
		.kind = KIND_NUMBER, FIELD(link_netnsid), .max = INT32_MAX,
		.there = has_link_netnsid,
	},
	[P_MTU_AGE] = {
		.name = "mtu-age", .meaning = "time since the MTU was last confirmed",
		.kind = KIND_DURATION, FIELD(mtu_age), .json_key = "mtu_age_ms",
	},
	[P_MTU_MEASURED] = {
		.name = "mtu-measured",
		.meaning = "largest packet that the path carries, as measured",
		.kind = KIND_NUMBER, FIELD(mtu_measured), .max = UINT16_MAX,
		.there = has_mtu_measured,
	},
	[P_MTU_STATE] = {
		.name = "mtu-state", .meaning = "state of the MTU measurement",
		.kind = KIND_WORD, .words = mtu_states, FIELD(mtu_state),
	},
	[P_RUNNING] = {
		.name = "running", .meaning = "enabled, and has a carrier",
		YES_NO(running),
	},
};

/**
 * property_name() - Get the name of a property
 * @i: P_*
 *
 * Return: its name.
 */
const char *property_name(size_t i)
{
	return properties[i].name;
}

/**
 * can_be_set() - Check whether a property can be set
 * @p: P_*
 *
 * Return: true if it can be set.
 */
bool can_be_set(unsigned int p)
{
	return p < P_SETTABLE;
}

/* A file of 10,000 tunnels has 250,000 full names, so search the sorted table first. */
static int exact_property(const char *word, size_t len)
{
	int low = 0, high = P_SETTABLE - 1, middle, order;

	while (low <= high) {
		middle = (low + high) / 2;
		order = strncmp(word, properties[middle].name, len);
		if (!order && properties[middle].name[len])
			order = -1;
		if (!order)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/**
 * find_property() - Find a property by its name or an unambiguous start of it
 * @what: what is being done, for the error
 * @word: the name
 * @len: its length
 *
 * Return: P_*, or -1 after an error was printed.
 */
int find_property(const char *what, const char *word, size_t len)
{
	const int p = exact_property(word, len);

	if (p >= 0)
		return p;
	if (len == 3 && !strncmp(word, "dev", len))
		return P_LINK;
	return find_word(what, word, len, property_name, P_COUNT);
}

/**
 * is_of_routeros() - Check for a property of RouterOS without a counterpart here
 * @word: the word
 * @len: its length
 *
 * Return: true if RouterOS has it for such tunnels, and it can be ignored.
 */
bool is_of_routeros(const char *word, size_t len)
{
	static const char *const words[] = { "l2mtu" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (len == strlen(words[i]) && !memcmp(word, words[i], len))
			return true;
	return false;
}

/* A tunnel without a fixed far end, or that doesn't carry IPv4, can't have keepalive. */
static bool can_keepalive(const struct tunnel *t)
{
	return t->remote && !t->external && t->mode != IPPROTO_MPLS;
}

/**
 * default_keepalive() - Turn off the default keepalive if the tunnel can't have one
 * @t: the tunnel
 */
void default_keepalive(struct tunnel *t)
{
	if (!can_keepalive(t))
		t->keepalive_interval = 0;
}

/**
 * complete_new() - Check that a new tunnel has all required properties
 * @t: the tunnel; a default keepalive that it can't have is turned off
 * @mask: BIT(P_*) of the given properties
 *
 * Return: NULL, or what is missing.
 */
const char *complete_new(struct tunnel *t, uint64_t mask)
{
	if (!t->external && !(mask & BIT(P_REMOTE_ADDRESS)))
		return "remote-address: is required";
	if (!(mask & BIT(P_KEEPALIVE)))
		default_keepalive(t);
	return NULL;
}

/**
 * has_short_name() - Check whether the name was derived from an altname
 * @t: the tunnel; its first altname is the other one
 *
 * Return: true if `add name=` with that altname in an export gives the same name.
 */
bool has_short_name(const struct tunnel *t)
{
	char name[IPIPCTL_ALTNAME_MAX + 1], made[IFNAMSIZ];
	const size_t len = strcspn(t->altnames, ALTNAME_SEPARATOR);
	unsigned int turn;

	if (!len || len >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)len, t->altnames);
	if (is_device_name(name))
		return false;
	for (turn = 0; turn < SHORT_NAME_TURNS; turn++) {
		short_name(name, turn, made);
		if (!strcmp(made, *t->name ? t->name : t->new_name))
			return true;
	}
	return false;
}

/* The default of `add` as a word, cached because each shown tunnel is compared with it. */
static const char *default_word(unsigned int p)
{
	static const char *words[P_SETTABLE];
	char word[FORMAT_MAX];
	struct tunnel t;
	unsigned int i;

	if (words[p])
		return words[p];
	tunnel_defaults(&t);
	for (i = 0; i < P_SETTABLE; i++) {
		property_format(i, &t, word);
		words[i] = keep_string(word);
	}
	return words[p];
}

/**
 * is_default() - Check whether a value is the default of `add`
 * @t: the tunnel
 * @p: the property
 *
 * Return: true if it does, with the same remote-address, external and mode.
 */
bool is_default(const struct tunnel *t, unsigned int p)
{
	char value[FORMAT_MAX];

	if (p == P_NAME || p == P_REMOTE_ADDRESS)
		return false;
	if (p == P_IPSEC_PROFILE && t->ipsec_profile == IPSEC_UNKNOWN)
		return true;
	property_format(p, t, value);
	if (p == P_KEEPALIVE && !can_keepalive(t))
		return !*value;
	return !strcmp(value, default_word(p));
}

/* The name of an address may be given before the address. */
static int set_property(const char *what, int p, const char *value,
			struct tunnel *t, uint64_t *mask)
{
	const unsigned int source = properties[p].source;
	const char *said = source ? *source_of(&properties[p], t) : NULL, *why;

	if (!can_be_set(p))
		return usage(what, "%s: is read-only", properties[p].name);
	if (*mask & BIT(p))
		return usage(what, "%s: is given twice", properties[p].name);
	why = property_parse(p, t, value);
	if (why)
		return usage(what, "%s: '%s' %s", properties[p].name, value, why);
	if (source && *mask & BIT(source))
		*source_of(&properties[p], t) = said;
	*mask |= BIT(p);
	return 0;
}

/* Setting an address sets its name or removes it. */
static uint64_t add_sources(uint64_t mask)
{
	unsigned int p;

	for (p = 0; p < P_SETTABLE; p++)
		if (mask & BIT(p) && properties[p].source)
			mask |= BIT(properties[p].source);
	return mask;
}

/* Other users can read a command line. */
static int refuse_secret(const char *what)
{
	return usage(what,
		     "ipsec-secret: other users can see the command line: use ipsec-secret-file");
}

/**
 * is_secret() - Check for RouterOS's ipsec-secret or an unambiguous abbreviation of it
 * @word: the word
 * @len: its length
 *
 * Return: false for longer abbreviations, of ipsec-secret-file.
 */
bool is_secret(const char *word, size_t len)
{
	return len > strlen("ipsec-") && len <= strlen("ipsec-secret") &&
	       !strncmp(word, "ipsec-secret", len);
}

/**
 * parse_properties() - Read "property=value", "property value" and "!property"
 * @what: what is being done, for errors
 * @words: the words
 * @n: how many
 * @t: the tunnel; properties that aren't named keep their values
 * @mask: BIT(P_*) of the named properties
 *
 * Return: 0, or an exit status after an error was printed.
 */
int parse_properties(const char *what, char **words, size_t n, struct tunnel *t,
		     uint64_t *mask)
{
	const char *equal, *value;
	size_t i, len;
	int p, err;

	for (i = 0; i < n; i++) {
		const char *word = words[i];
		const bool unset = *word == '!';

		word += unset;
		equal = strchr(word, '=');
		len = equal ? (size_t)(equal - word) : strlen(word);
		if (!unset && is_secret(word, len))
			return refuse_secret(what);
		if (!unset && !equal && i + 1 == n)
			return usage(what, "%s: has no value", word);
		value = unset ? "" : equal ? equal + 1 : words[++i];
		if (is_of_routeros(word, len)) {
			fail(what, "%.*s: isn't supported here: ignored",
			     (int)len, word);
			continue;
		}
		p = find_property(what, word, len);
		if (p < 0)
			return IPIPCTL_USAGE;
		if (unset) {
			value = properties[p].empty;
			if (equal || !value)
				return usage(what, "!%s: can't be unset",
					     properties[p].name);
		}
		err = set_property(what, p, value, t, mask);
		if (err)
			return err;
	}
	*mask = add_sources(*mask);
	return 0;
}
