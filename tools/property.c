// SPDX-License-Identifier: GPL-2.0
/*
 * RouterOS's properties: what each is called, how it is read and written, and
 * what a new tunnel has. One table for parsing, printing, help and completion.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ipipctl.h"

#define KEEPALIVE_INTERVAL	10000
#define KEEPALIVE_RETRIES	10

/**
 * tunnel_defaults() - What `add` gives a tunnel that nothing is said of
 * @t: the tunnel
 */
void tunnel_defaults(struct tunnel *t)
{
	memset(t, 0, sizeof(*t));
	t->mtu_auto = true;
	t->dscp = -1;
	t->mode = IPPROTO_IPIP;
	t->df = IPIP_DF_NO;
	t->clamp = IPIP_CLAMP_RX;
	t->keepalive_interval = KEEPALIVE_INTERVAL;
	t->keepalive_retries = KEEPALIVE_RETRIES;
	t->keepalive_age = -1;
	t->keepalive_rtt = -1;
}

/* Values that are one of a few words. */
struct word {
	const char *name;
	int value;
};

static const struct word yes_no[] = { { "no", 0 }, { "yes", 1 }, { } };

static const struct word clamp_words[] = {
	{ "no", 0 }, { "yes", IPIP_CLAMP_RX }, { "tx", IPIP_CLAMP_TX },
	{ "both", IPIP_CLAMP_RX | IPIP_CLAMP_TX }, { "rx", IPIP_CLAMP_RX },
	{ "off", 0 }, { }
};

static const struct word df_words[] = {
	{ "no", IPIP_DF_NO }, { "inherit", IPIP_DF_INHERIT },
	{ "set", IPIP_DF_SET }, { "legacy", IPIP_DF_LEGACY }, { }
};

static const struct word keepalive_modes[] = {
	{ "cookie", IPIP_KEEPALIVE_MODE_COOKIE },
	{ "routeros", IPIP_KEEPALIVE_MODE_ROUTEROS },
	{ "icmp", IPIP_KEEPALIVE_MODE_ICMP }, { }
};

static const struct word keepalive_states[] = {
	{ "off", IPIP_KEEPALIVE_STATE_OFF }, { "up", IPIP_KEEPALIVE_STATE_UP },
	{ "down", IPIP_KEEPALIVE_STATE_DOWN }, { }
};

static const struct word ipsec_profile_words[] = {
	{ "none", IPSEC_NONE }, { "routeros", IPSEC_ROUTEROS },
	{ "modern", IPSEC_MODERN }, { }
};

static const struct word ipsec_states[] = {
	{ "no-sa", IPSEC_NO_SA }, { "connecting", IPSEC_CONNECTING },
	{ "established", IPSEC_ESTABLISHED }, { "no-daemon", IPSEC_NO_DAEMON }, { }
};

static const struct word modes[] = {
	{ "ipip", IPPROTO_IPIP }, { "mplsip", IPPROTO_MPLS }, { "any", 0 }, { }
};

static const struct word encaps[] = {
	{ "none", TUNNEL_ENCAP_NONE }, { "fou", TUNNEL_ENCAP_FOU },
	{ "gue", TUNNEL_ENCAP_GUE }, { }
};

/* Returns NULL, or @why if it is none of them. */
static const char *parse_word(const struct word *words, const char *name,
			      uint8_t *value, const char *why)
{
	for (; words->name; words++) {
		if (!strcmp(words->name, name)) {
			*value = words->value;
			return NULL;
		}
	}
	return why;
}

static void format_word(const struct word *words, int value, char *out)
{
	for (; words->name; words++)
		if (words->value == value)
			break;
	if (words->name)
		strcpy(out, words->name);
	else
		sprintf(out, "%d", value);
}

static const char *parse_yes_no(const char *value, bool *out)
{
	uint8_t yes = *out;
	const char *why = parse_word(yes_no, value, &yes, "must be yes or no");

	*out = yes;
	return why;
}

static const char *parse_address(const char *value, uint32_t *out)
{
	struct in_addr address;

	if (inet_pton(AF_INET, value, &address) != 1)
		return "not an IPv4 address";
	*out = address.s_addr;
	return NULL;
}

static void format_address(uint32_t address, char *out)
{
	inet_ntop(AF_INET, &address, out, INET_ADDRSTRLEN);
}

static const char *parse_ifname(const char *value, char *out)
{
	if (!*value || strlen(value) >= IFNAMSIZ || !strcmp(value, ".") ||
	    !strcmp(value, "..") || strpbrk(value, "/: \t\r\n%"))
		return "not a name for a device: 1 to 15 characters, no / : % or blank";
	strcpy(out, value);
	return NULL;
}

static const char *parse_name(struct tunnel *t, const char *value)
{
	return parse_ifname(value, t->new_name);
}

static void format_name(const struct tunnel *t, char *out)
{
	strcpy(out, *t->name ? t->name : t->new_name);
}

static const char *parse_local(struct tunnel *t, const char *value)
{
	return parse_address(value, &t->local);
}

static void format_local(const struct tunnel *t, char *out)
{
	format_address(t->local, out);
}

/* A name is resolved once: a tunnel holds an address. */
static const char *parse_remote(struct tunnel *t, const char *value)
{
	const struct addrinfo hints = { .ai_family = AF_INET };
	struct addrinfo *found;
	struct in_addr address;
	int err;

	if (inet_pton(AF_INET, value, &address) == 1) {
		t->remote = address.s_addr;
		return NULL;
	}
	if (strchr(value, '@'))
		return "the VRF of the underlay is given by link=";
	/* What looks like an address, but is none, shall not be looked up. */
	if (!value[strspn(value, "0123456789.")])
		return "not an IPv4 address";
	err = getaddrinfo(value, NULL, &hints, &found);
	if (err)
		return gai_strerror(err);
	t->remote = ((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr;
	freeaddrinfo(found);
	return NULL;
}

static void format_remote(const struct tunnel *t, char *out)
{
	format_address(t->remote, out);
}

static const char *parse_mtu(struct tunnel *t, const char *value)
{
	uint64_t mtu;

	t->mtu_auto = !strcmp(value, "auto");
	if (t->mtu_auto)
		return NULL;
	if (parse_number(value, IPIPCTL_MTU_MAX, &mtu) || mtu < IPIPCTL_MTU_MIN)
		return "must be auto or 68 to 65515";
	t->mtu = mtu;
	return NULL;
}

static void format_actual_mtu(const struct tunnel *t, char *out)
{
	if (t->mtu)
		sprintf(out, "%u", t->mtu);
	else
		*out = '\0';
}

static void format_mtu(const struct tunnel *t, char *out)
{
	if (t->mtu_auto)
		strcpy(out, "auto");
	else
		format_actual_mtu(t, out);
}

static const char *parse_clamp(struct tunnel *t, const char *value)
{
	return parse_word(clamp_words, value, &t->clamp,
			  "must be no, yes, tx or both");
}

static void format_clamp(const struct tunnel *t, char *out)
{
	format_word(clamp_words, t->clamp, out);
}

static const char *parse_df(struct tunnel *t, const char *value)
{
	const char *why = parse_word(df_words, value, &t->df,
				     "must be no, inherit, set or legacy");

	if (!why)
		t->pmtudisc = t->df == IPIP_DF_SET || t->df == IPIP_DF_LEGACY;
	return why;
}

/* Of what `ip link` makes, "nopmtudisc" has a name in RouterOS. */
static void format_df(const struct tunnel *t, char *out)
{
	if (t->df == IPIP_DF_LEGACY && !t->pmtudisc)
		strcpy(out, "inherit");
	else
		format_word(df_words, t->df, out);
}

static const char *parse_dscp(struct tunnel *t, const char *value)
{
	uint64_t dscp;

	if (!strcmp(value, "inherit")) {
		t->dscp = -1;
		return NULL;
	}
	if (parse_number(value, 63, &dscp))
		return "must be inherit or 0 to 63";
	t->dscp = dscp;
	return NULL;
}

static void format_dscp(const struct tunnel *t, char *out)
{
	if (t->dscp < 0)
		strcpy(out, "inherit");
	else
		sprintf(out, "%d", t->dscp);
}

static bool is_off(const char *value)
{
	return !*value || !strcmp(value, "no") || !strcmp(value, "off") ||
	       !strcmp(value, "none");
}

static const char *parse_keepalive(struct tunnel *t, const char *value)
{
	const char *comma = strchr(value, ',');
	uint64_t ms, retries = 0;
	const char *why;
	char text[64];
	size_t len;

	if (is_off(value)) {
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
	if (comma && (parse_number(comma + 1, UINT32_MAX, &retries) ||
		      (ms && !retries)))
		return "retries must be 1 to 4294967295";
	t->keepalive_interval = ms;
	if (retries)
		t->keepalive_retries = retries;
	return NULL;
}

static void format_keepalive(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (!t->keepalive_interval)
		return;
	format_duration(t->keepalive_interval, out);
	sprintf(out + strlen(out), ",%u", t->keepalive_retries);
}

static const char *parse_keepalive_mode(struct tunnel *t, const char *value)
{
	return parse_word(keepalive_modes, value, &t->keepalive_mode,
			  "must be cookie, routeros or icmp");
}

static void format_keepalive_mode(const struct tunnel *t, char *out)
{
	format_word(keepalive_modes, t->keepalive_mode, out);
}

static const char *parse_keepalive_target(struct tunnel *t, const char *value)
{
	if (is_off(value)) {
		t->keepalive_target = 0;
		return NULL;
	}
	return parse_address(value, &t->keepalive_target);
}

static void format_keepalive_target(const struct tunnel *t, char *out)
{
	if (t->keepalive_target)
		format_address(t->keepalive_target, out);
	else
		strcpy(out, "none");
}

/**
 * ipsec_profile_parse() - Read the name of a profile
 * @value: the name
 * @profile: set to IPSEC_*
 *
 * Return: NULL, or what is wrong with it.
 */
const char *ipsec_profile_parse(const char *value, uint8_t *profile)
{
	return parse_word(ipsec_profile_words, value, profile,
			  "must be none, routeros or modern");
}

/**
 * ipsec_profile_format() - Write the name of a profile
 * @profile: IPSEC_*
 * @out: string of 16 bytes
 */
void ipsec_profile_format(uint8_t profile, char *out)
{
	if (profile == IPSEC_UNKNOWN)
		strcpy(out, "unknown");
	else
		format_word(ipsec_profile_words, profile, out);
}

static const char *parse_ipsec_profile(struct tunnel *t, const char *value)
{
	return ipsec_profile_parse(value, &t->ipsec_profile);
}

static void format_ipsec_profile(const struct tunnel *t, char *out)
{
	ipsec_profile_format(t->ipsec_profile, out);
}

static const char *parse_ipsec_secret_file(struct tunnel *t, const char *value)
{
	if (*value)
		return ipsec_secret_file(value, &t->secret);
	t->secret = NULL;
	t->ipsec_profile = IPSEC_NONE;
	return NULL;
}

/* Where it came from isn't kept, and the secret itself isn't shown. */
static void format_ipsec_secret_file(const struct tunnel *t, char *out)
{
	(void)t;
	*out = '\0';
}

static void format_ipsec_state(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->ipsec_profile)
		format_word(ipsec_states, t->ipsec_state, out);
}

static void format_ipsec_proposal(const struct tunnel *t, char *out)
{
	strcpy(out, t->ipsec_proposal);
}

static void format_ipsec_bytes_in(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->ipsec_state == IPSEC_ESTABLISHED)
		sprintf(out, "%llu", (unsigned long long)t->ipsec_bytes_in);
}

static void format_ipsec_bytes_out(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->ipsec_state == IPSEC_ESTABLISHED)
		sprintf(out, "%llu", (unsigned long long)t->ipsec_bytes_out);
}

static void format_ipsec_rekey(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->ipsec_state == IPSEC_ESTABLISHED)
		format_duration(t->ipsec_rekey * 1000, out);
}

static const char *parse_require_ipsec(struct tunnel *t, const char *value)
{
	return parse_yes_no(value, &t->require_ipsec);
}

static void format_require_ipsec(const struct tunnel *t, char *out)
{
	format_word(yes_no, t->require_ipsec, out);
}

static const char *parse_ttl(struct tunnel *t, const char *value)
{
	uint64_t ttl;

	if (!strcmp(value, "inherit")) {
		t->ttl = 0;
		return NULL;
	}
	if (parse_number(value, 255, &ttl) || !ttl)
		return "must be inherit or 1 to 255";
	t->ttl = ttl;
	return NULL;
}

static void format_ttl(const struct tunnel *t, char *out)
{
	if (t->ttl)
		sprintf(out, "%u", t->ttl);
	else
		strcpy(out, "inherit");
}

static const char *parse_link(struct tunnel *t, const char *value)
{
	if (is_off(value)) {
		*t->link = '\0';
		return NULL;
	}
	if (strlen(value) >= IFNAMSIZ || !if_nametoindex(value))
		return "no such device";
	strcpy(t->link, value);
	return NULL;
}

static void format_link(const struct tunnel *t, char *out)
{
	strcpy(out, *t->link ? t->link : "none");
}

static const char *parse_fwmark(struct tunnel *t, const char *value)
{
	uint64_t mark;

	if (parse_number(value, UINT32_MAX, &mark))
		return "must be 0 to 0xffffffff";
	t->fwmark = mark;
	return NULL;
}

static void format_fwmark(const struct tunnel *t, char *out)
{
	sprintf(out, t->fwmark ? "%#x" : "%u", t->fwmark);
}

static const char *parse_mode(struct tunnel *t, const char *value)
{
	return parse_word(modes, value, &t->mode,
			  "must be ipip, mplsip or any");
}

static void format_mode(const struct tunnel *t, char *out)
{
	format_word(modes, t->mode, out);
}

static const char *parse_encap(struct tunnel *t, const char *value)
{
	return parse_word(encaps, value, &t->encap, "must be none, fou or gue");
}

static void format_encap(const struct tunnel *t, char *out)
{
	format_word(encaps, t->encap, out);
}

static const char *parse_encap_flag(struct tunnel *t, const char *value,
				    uint16_t flag)
{
	bool on = t->encap_flags & flag;
	const char *why = parse_yes_no(value, &on);

	if (on)
		t->encap_flags |= flag;
	else
		t->encap_flags &= ~flag;
	return why;
}

static const char *parse_encap_csum(struct tunnel *t, const char *value)
{
	return parse_encap_flag(t, value, TUNNEL_ENCAP_FLAG_CSUM);
}

static void format_encap_csum(const struct tunnel *t, char *out)
{
	format_word(yes_no, !!(t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM), out);
}

static const char *parse_encap_remcsum(struct tunnel *t, const char *value)
{
	return parse_encap_flag(t, value, TUNNEL_ENCAP_FLAG_REMCSUM);
}

static void format_encap_remcsum(const struct tunnel *t, char *out)
{
	format_word(yes_no, !!(t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM), out);
}

static const char *parse_port(const char *value, const char *word, uint16_t *out)
{
	uint64_t port;

	if (!strcmp(value, word)) {
		*out = 0;
		return NULL;
	}
	if (parse_number(value, UINT16_MAX, &port))
		return "must be 0 to 65535";
	*out = port;
	return NULL;
}

static const char *parse_encap_sport(struct tunnel *t, const char *value)
{
	return parse_port(value, "auto", &t->encap_sport);
}

static void format_encap_sport(const struct tunnel *t, char *out)
{
	if (t->encap_sport)
		sprintf(out, "%u", t->encap_sport);
	else
		strcpy(out, "auto");
}

static const char *parse_encap_dport(struct tunnel *t, const char *value)
{
	return parse_port(value, "none", &t->encap_dport);
}

static void format_encap_dport(const struct tunnel *t, char *out)
{
	if (t->encap_dport)
		sprintf(out, "%u", t->encap_dport);
	else
		strcpy(out, "none");
}

static const char *parse_external(struct tunnel *t, const char *value)
{
	/* A tunnel that is there has been read: it can't be made another. */
	bool external = t->external;
	const char *why = parse_yes_no(value, &external);

	if (!why && t->ifindex && external != t->external)
		return "can't be changed: external mode is for good";
	t->external = external;
	return why;
}

static void format_external(const struct tunnel *t, char *out)
{
	format_word(yes_no, t->external, out);
}

static const char *parse_disabled(struct tunnel *t, const char *value)
{
	return parse_yes_no(value, &t->disabled);
}

static void format_disabled(const struct tunnel *t, char *out)
{
	format_word(yes_no, t->disabled, out);
}

static const char *parse_comment(struct tunnel *t, const char *value)
{
	if (strlen(value) > IPIPCTL_COMMENT_MAX)
		return "longer than 255 bytes";
	strcpy(t->comment, value);
	return NULL;
}

static void format_comment(const struct tunnel *t, char *out)
{
	strcpy(out, t->comment);
}

static void format_ifindex(const struct tunnel *t, char *out)
{
	sprintf(out, "%d", t->ifindex);
}

static void format_running(const struct tunnel *t, char *out)
{
	format_word(yes_no, t->running, out);
}

static void format_keepalive_state(const struct tunnel *t, char *out)
{
	format_word(keepalive_states, t->keepalive_state, out);
}

static void format_keepalive_misses(const struct tunnel *t, char *out)
{
	sprintf(out, "%u", t->keepalive_misses);
}

static void format_keepalive_age(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->keepalive_age >= 0)
		format_duration(t->keepalive_age, out);
}

static void format_keepalive_rtt(const struct tunnel *t, char *out)
{
	*out = '\0';
	if (t->keepalive_rtt >= 0)
		sprintf(out, "%lld.%03lldms", (long long)t->keepalive_rtt / 1000,
			(long long)t->keepalive_rtt % 1000);
}

const struct property properties[P_COUNT] = {
	[P_CLAMP_TCP_MSS] = { "clamp-tcp-mss", "no|yes|tx|both", "no",
		parse_clamp, format_clamp },
	[P_COMMENT] = { "comment", "TEXT", "", parse_comment, format_comment },
	[P_DISABLED] = { "disabled", "no|yes", NULL, parse_disabled,
		format_disabled },
	[P_DONT_FRAGMENT] = { "dont-fragment", "no|inherit|set|legacy", NULL,
		parse_df, format_df },
	[P_DSCP] = { "dscp", "inherit|0-63", NULL, parse_dscp, format_dscp },
	[P_ENCAP] = { "encap", "none|fou|gue", "none", parse_encap,
		format_encap },
	[P_ENCAP_CSUM] = { "encap-csum", "no|yes", "no", parse_encap_csum,
		format_encap_csum },
	[P_ENCAP_DPORT] = { "encap-dport", "none|1-65535", "none",
		parse_encap_dport, format_encap_dport },
	[P_ENCAP_REMCSUM] = { "encap-remcsum", "no|yes", "no",
		parse_encap_remcsum, format_encap_remcsum },
	[P_ENCAP_SPORT] = { "encap-sport", "auto|1-65535", "auto",
		parse_encap_sport, format_encap_sport },
	[P_EXTERNAL] = { "external", "no|yes", NULL, parse_external,
		format_external },
	[P_FWMARK] = { "fwmark", "NUMBER", "0", parse_fwmark, format_fwmark },
	[P_IPSEC_PROFILE] = { "ipsec-profile", "none|routeros|modern", "none",
		parse_ipsec_profile, format_ipsec_profile },
	[P_IPSEC_SECRET_FILE] = { "ipsec-secret-file", "FILE|-", "",
		parse_ipsec_secret_file, format_ipsec_secret_file },
	[P_KEEPALIVE] = { "keepalive", "INTERVAL[,RETRIES]|no", "no",
		parse_keepalive, format_keepalive },
	[P_KEEPALIVE_MODE] = { "keepalive-mode", "cookie|routeros|icmp", NULL,
		parse_keepalive_mode, format_keepalive_mode },
	[P_KEEPALIVE_TARGET] = { "keepalive-target", "none|ADDRESS", "none",
		parse_keepalive_target, format_keepalive_target },
	[P_LINK] = { "link", "none|DEVICE", "none", parse_link, format_link },
	[P_LOCAL_ADDRESS] = { "local-address", "ADDRESS", "0.0.0.0",
		parse_local, format_local },
	[P_MODE] = { "mode", "ipip|mplsip|any", NULL, parse_mode, format_mode },
	[P_MTU] = { "mtu", "auto|68-65515", "auto", parse_mtu, format_mtu },
	[P_NAME] = { "name", "NAME", NULL, parse_name, format_name },
	[P_REMOTE_ADDRESS] = { "remote-address", "ADDRESS|HOST", NULL,
		parse_remote, format_remote },
	[P_REQUIRE_IPSEC] = { "require-ipsec", "no|yes", "no",
		parse_require_ipsec, format_require_ipsec },
	[P_TTL] = { "ttl", "inherit|1-255", "inherit", parse_ttl, format_ttl },
	[P_ACTUAL_MTU] = { "actual-mtu", "", NULL, NULL, format_actual_mtu },
	[P_IFINDEX] = { "ifindex", "", NULL, NULL, format_ifindex },
	[P_IPSEC_BYTES_IN] = { "ipsec-bytes-in", "", NULL, NULL,
		format_ipsec_bytes_in },
	[P_IPSEC_BYTES_OUT] = { "ipsec-bytes-out", "", NULL, NULL,
		format_ipsec_bytes_out },
	[P_IPSEC_PROPOSAL] = { "ipsec-proposal", "", NULL, NULL,
		format_ipsec_proposal },
	[P_IPSEC_REKEY] = { "ipsec-rekey", "", NULL, NULL, format_ipsec_rekey },
	[P_IPSEC_STATE] = { "ipsec-state", "", NULL, NULL, format_ipsec_state },
	[P_KEEPALIVE_AGE] = { "keepalive-age", "", NULL, NULL,
		format_keepalive_age },
	[P_KEEPALIVE_MISSES] = { "keepalive-misses", "", NULL, NULL,
		format_keepalive_misses },
	[P_KEEPALIVE_RTT] = { "keepalive-rtt", "", NULL, NULL,
		format_keepalive_rtt },
	[P_KEEPALIVE_STATE] = { "keepalive-state", "", NULL, NULL,
		format_keepalive_state },
	[P_RUNNING] = { "running", "", NULL, NULL, format_running },
};

static const char *property_name(size_t i)
{
	return properties[i].name;
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
	if (len == 3 && !strncmp(word, "dev", len))
		return P_LINK;
	return find_word(what, word, len, property_name, P_COUNT);
}

/**
 * is_ignored() - Is it a property of RouterOS's that has no counterpart here?
 * @word: the name
 * @len: its length
 *
 * Return: true if a tunnel can do without it.
 */
bool is_ignored(const char *word, size_t len)
{
	return len == strlen("allow-fast-path") &&
	       !strncmp(word, "allow-fast-path", len);
}

/**
 * is_yes_no() - Is it a property that is either yes or no?
 * @p: the property
 *
 * Return: true if it can be a condition by itself.
 */
bool is_yes_no(unsigned int p)
{
	switch (p) {
	case P_DISABLED:
	case P_ENCAP_CSUM:
	case P_ENCAP_REMCSUM:
	case P_EXTERNAL:
	case P_REQUIRE_IPSEC:
	case P_RUNNING:
		return true;
	}
	return false;
}

/**
 * complete_new() - Is enough said of a new tunnel?
 * @t: the tunnel; in external mode it has no far end that could be asked
 * @mask: BIT(P_*) of what was said
 *
 * Return: NULL, or what is missing.
 */
const char *complete_new(struct tunnel *t, uint32_t mask)
{
	if (!t->external)
		return mask & BIT(P_REMOTE_ADDRESS) ? NULL :
						      "remote-address: is needed";
	if (!(mask & BIT(P_KEEPALIVE)))
		t->keepalive_interval = 0;
	return NULL;
}

#define P_MATTERS_TO_IPSEC \
	(BIT(P_IPSEC_PROFILE) | BIT(P_IPSEC_SECRET_FILE) | BIT(P_NAME) | \
	 BIT(P_LOCAL_ADDRESS) | BIT(P_REMOTE_ADDRESS) | BIT(P_DISABLED) | \
	 BIT(P_REQUIRE_IPSEC) | BIT(P_MODE) | BIT(P_ENCAP))

/**
 * complete_ipsec() - Can a tunnel have the secret that it has or gets?
 * @t: the tunnel; with a secret it requires IPsec, and has a profile
 * @mask: BIT(P_*) of what was said
 *
 * Return: NULL, or what is in the way.
 */
const char *complete_ipsec(struct tunnel *t, uint32_t *mask)
{
	if (t->secret && !t->ipsec_profile && *mask & BIT(P_IPSEC_PROFILE))
		return "ipsec-profile: can't be none with an ipsec-secret";
	if (t->secret && !t->ipsec_profile)
		t->ipsec_profile = IPSEC_ROUTEROS;
	if (!t->ipsec_profile || !(*mask & P_MATTERS_TO_IPSEC))
		return NULL;
	if (!t->secret && !ipsec_has_secret(*t->name ? t->name : t->new_name))
		return "ipsec-profile: there is no secret: give an ipsec-secret-file";
	if (!t->remote)
		return "remote-address: is needed with an ipsec-secret";
	if (t->mode == IPPROTO_MPLS)
		return "mode: can't be mplsip with an ipsec-secret";
	if (t->encap)
		return "encap: must be none with an ipsec-secret";
	if (*mask & BIT(P_REQUIRE_IPSEC) && !t->require_ipsec)
		return "require-ipsec: can't be no with an ipsec-secret";
	t->require_ipsec = true;
	*mask |= BIT(P_REQUIRE_IPSEC);
	return NULL;
}

/**
 * is_default() - Does `add` give a tunnel the same value?
 * @t: the tunnel
 * @p: the property
 *
 * Return: true if it does.
 */
bool is_default(const struct tunnel *t, unsigned int p)
{
	char a[FORMAT_MAX], b[FORMAT_MAX];
	struct tunnel d;

	if (p == P_NAME || p == P_REMOTE_ADDRESS)
		return false;
	if (p == P_IPSEC_PROFILE && t->ipsec_profile == IPSEC_UNKNOWN)
		return true;
	tunnel_defaults(&d);
	properties[p].format(t, a);
	properties[p].format(&d, b);
	return !strcmp(a, b);
}

static int set_property(const char *what, int p, const char *value,
			struct tunnel *t, uint32_t *mask)
{
	const char *why;

	if (!properties[p].parse)
		return usage(what, "%s: can only be read", properties[p].name);
	if (*mask & BIT(p))
		return usage(what, "%s: given twice", properties[p].name);
	why = properties[p].parse(t, value);
	if (why)
		return usage(what, "%s: '%s' %s", properties[p].name, value, why);
	*mask |= BIT(p);
	return 0;
}

/* A secret on the command line is there for everybody to read. */
static int refuse_secret(const char *what)
{
	return usage(what, "ipsec-secret: others can read a command line: use ipsec-secret-file");
}

/**
 * parse_properties() - Read "property=value", "property value" and "!property"
 * @what: what is being done, for errors
 * @words: the words
 * @n: how many
 * @t: the tunnel; what is not named keeps its value
 * @mask: BIT(P_*) of what was named
 *
 * Return: 0, or an exit status after an error was printed.
 */
int parse_properties(const char *what, char **words, size_t n, struct tunnel *t,
		     uint32_t *mask)
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
		if (!unset && !strncmp(word, "ipsec-secret", len) && len > 6)
			return refuse_secret(what);
		if (!unset && !equal && i + 1 == n)
			return usage(what, "%s: has no value", word);
		value = unset ? "" : equal ? equal + 1 : words[++i];
		if (is_ignored(word, len)) {
			fail(what, "%.*s: has no counterpart here, left out",
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
	return 0;
}
