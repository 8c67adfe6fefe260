// SPDX-License-Identifier: GPL-2.0
/*
 * A tunnel as a message of rtnetlink: a table that maps the kernel's attributes to the fields of
 * struct tunnel, in both directions. The rows of simple properties come from their @ext.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
/* Included before the kernel's headers, which then omit its definitions. */
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/**
 * struct attribute - one of the kernel's attributes
 * @outer: the attribute that it is nested in, IFLA_INFO_DATA or IFLA_IPIP_EXT; 0 for none
 * @type: its number there
 * @property: P_* that it is, or is a part of
 * @len: its length in a message, bytes; 0: @read and @put handle it
 * @read_only: it is in dumps only
 * @text: the field is a string from keep_string()
 * @offset: of the field in struct tunnel
 * @size: of the field, bytes
 * @read: reads it from a message; NULL: it is a number for the field
 * @put: puts it into a message if it applies; NULL: puts the number in the field
 */
struct attribute {
	uint16_t outer;
	uint16_t type;
	uint8_t property;
	uint8_t len;
	bool read_only;
	bool text;
	uint16_t offset;
	uint8_t size;
	void (*read)(const struct nlattr *attr, struct tunnel *t);
	void (*put)(struct nlmsghdr *nlh, const struct tunnel *t);
};

/* Read a number of any width; 0 if it is too short or too long. */
static uint64_t get_number(const struct nlattr *attr)
{
	uint64_t value;

	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	case 8:
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
		return value;
	}
	return 0;
}

static void put_number(struct nlmsghdr *nlh, const struct attribute *a, uint64_t value)
{
	switch (a->len) {
	case 1:
		mnl_attr_put_u8(nlh, a->type, value);
		break;
	case 2:
		mnl_attr_put_u16(nlh, a->type, value);
		break;
	case 4:
		mnl_attr_put_u32(nlh, a->type, value);
		break;
	case 8:
		mnl_attr_put_u64(nlh, a->type, value);
		break;
	}
}

static uint64_t get_field(const struct attribute *a, const struct tunnel *t)
{
	return field_get(t, a->offset, a->size);
}

static const char **text_field(const struct attribute *a, const struct tunnel *t)
{
	return (const char **)((char *)t + a->offset);
}

static const char *get_string(const struct nlattr *attr, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)mnl_attr_get_payload_len(attr),
		 (const char *)mnl_attr_get_payload(attr));
	return out;
}

static void read_text(const struct attribute *a, const struct nlattr *attr, struct tunnel *t)
{
	char text[IPIP_NAME_MAX + 1];

	*text_field(a, t) = keep_string(get_string(attr, text, sizeof(text)));
}

/* Attributes that aren't simply a number in a field. */

static void read_name(const struct nlattr *attr, struct tunnel *t)
{
	get_string(attr, t->name, sizeof(t->name));
}

static void put_name(struct nlmsghdr *nlh, const struct tunnel *t)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, t->new_name);
}

/* The kernel reports the MTU in force: with an automatic MTU nobody has set it. */
static void put_mtu(struct nlmsghdr *nlh, const struct tunnel *t)
{
	if (!t->mtu_auto)
		mnl_attr_put_u32(nlh, IFLA_MTU, t->mtu);
}

static void read_comment(const struct nlattr *attr, struct tunnel *t)
{
	char text[IPIPCTL_COMMENT_MAX + 1];

	t->comment = keep_string(get_string(attr, text, sizeof(text)));
}

/* The kernel ignores it in a request that creates a link. */
static void put_comment(struct nlmsghdr *nlh, const struct tunnel *t)
{
	if (t->ifindex)
		mnl_attr_put_str(nlh, IFLA_IFALIAS, t->comment);
}

static void read_altnames(const struct nlattr *nest, struct tunnel *t)
{
	/* This is large enough: the header of each name is longer than a separator. */
	const size_t size = mnl_attr_get_payload_len(nest) + 1;
	char name[IPIPCTL_ALTNAME_MAX + 1], *all = need_memory(calloc(1, size));
	const struct nlattr *attr;
	size_t n = 0;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != IFLA_ALT_IFNAME)
			continue;
		n += snprintf(all + n, size - n, "%s%s", n ? ALTNAME_SEPARATOR : "",
			      get_string(attr, name, sizeof(name)));
	}
	t->altnames = keep_string(all);
	free(all);
}

static void read_stats(const struct nlattr *attr, struct tunnel *t)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len > sizeof(t->stats))
		len = sizeof(t->stats);
	memcpy(&t->stats, mnl_attr_get_payload(attr), len);
}

/* The underlay is in the netns in which the tunnel was created. */
static void read_link_netnsid(const struct nlattr *attr, struct tunnel *t)
{
	t->link_netnsid = mnl_attr_get_u32(attr);
}

/* A tunnel stays bound to a device that was deleted, also if that happens just now. */
static void put_link(struct nlmsghdr *nlh, const struct tunnel *t)
{
	mnl_attr_put_u32(nlh, IFLA_IPTUN_LINK, t->link_index ?: t->link_found);
}

static void read_link_name(const struct nlattr *attr, struct tunnel *t)
{
	get_string(attr, t->link, sizeof(t->link));
}

static void read_tos(const struct nlattr *attr, struct tunnel *t)
{
	const unsigned int tos = get_number(attr);

	t->dscp = tos & 1 ? -1 : (int)(tos >> 2);
}

static void put_tos(struct nlmsghdr *nlh, const struct tunnel *t)
{
	mnl_attr_put_u8(nlh, IFLA_IPTUN_TOS, t->dscp < 0 ? 1 : t->dscp << 2);
}

/* The other policies have no value of this one. */
static void put_pmtudisc(struct nlmsghdr *nlh, const struct tunnel *t)
{
	if (t->df == IPIP_DF_LEGACY)
		mnl_attr_put_u8(nlh, IFLA_IPTUN_PMTUDISC, t->pmtudisc);
}

static void read_sport(const struct nlattr *attr, struct tunnel *t)
{
	t->encap_sport = ntohs(get_number(attr));
}

static void put_sport(struct nlmsghdr *nlh, const struct tunnel *t)
{
	mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_SPORT, htons(t->encap_sport));
}

static void read_dport(const struct nlattr *attr, struct tunnel *t)
{
	t->encap_dport = ntohs(get_number(attr));
}

static void put_dport(struct nlmsghdr *nlh, const struct tunnel *t)
{
	mnl_attr_put_u16(nlh, IFLA_IPTUN_ENCAP_DPORT, htons(t->encap_dport));
}

static void read_external(const struct nlattr *attr, struct tunnel *t)
{
	(void)attr;
	t->external = true;
}

/* It can't be changed, and if it is absent, the value is no. */
static void put_external(struct nlmsghdr *nlh, const struct tunnel *t)
{
	if (t->external && !t->ifindex)
		mnl_attr_put(nlh, IFLA_IPTUN_COLLECT_METADATA, 0, NULL);
}

#define NUMBER(where, number, what, bytes, member) { \
		.outer = where, .type = number, .property = what, .len = bytes, \
		.offset = offsetof(struct tunnel, member), \
		.size = sizeof(((struct tunnel *)NULL)->member), \
	}
#define STATE(where, number, what, bytes, member) { \
		.outer = where, .type = number, .property = what, .len = bytes, \
		.offset = offsetof(struct tunnel, member), \
		.size = sizeof(((struct tunnel *)NULL)->member), .read_only = true, \
	}
#define OTHER(where, number, what, take, give) { \
		.outer = where, .type = number, .property = what, .read = take, \
		.put = give, \
	}
#define TEXT(where, number, what, member) { \
		.outer = where, .type = number, .property = what, .text = true, \
		.offset = offsetof(struct tunnel, member), \
	}
#define SHOWN(where, number, what, take) { \
		.outer = where, .type = number, .property = what, .read = take, \
		.read_only = true, \
	}
#define DATA	IFLA_INFO_DATA
#define EXT	IFLA_IPIP_EXT

/* The attributes that aren't the field of one property. */
static const struct attribute special[] = {
	OTHER(0, IFLA_IFNAME, P_NAME, read_name, put_name),
	{ .type = IFLA_MTU, .property = P_MTU, .len = 4, .put = put_mtu,
	  .offset = offsetof(struct tunnel, mtu), .size = sizeof(uint32_t) },
	OTHER(0, IFLA_IFALIAS, P_COMMENT, read_comment, put_comment),
	SHOWN(0, IFLA_PROP_LIST, P_ALTNAMES, read_altnames),
	SHOWN(0, IFLA_STATS64, P_COUNT, read_stats),
	STATE(0, IFLA_CARRIER_UP_COUNT, P_CARRIER_UP_COUNT, 4, carrier_up_count),
	STATE(0, IFLA_CARRIER_DOWN_COUNT, P_CARRIER_DOWN_COUNT, 4, carrier_down_count),
	SHOWN(0, IFLA_LINK_NETNSID, P_LINK_NETNSID, read_link_netnsid),
	{ .outer = DATA, .type = IFLA_IPTUN_LINK, .property = P_LINK, .len = 4,
	  .put = put_link, .offset = offsetof(struct tunnel, link_index),
	  .size = sizeof(uint32_t) },
	NUMBER(DATA, IFLA_IPTUN_LOCAL, P_LOCAL_ADDRESS, 4, local),
	NUMBER(DATA, IFLA_IPTUN_REMOTE, P_REMOTE_ADDRESS, 4, remote),
	NUMBER(DATA, IFLA_IPTUN_TTL, P_TTL, 1, ttl),
	OTHER(DATA, IFLA_IPTUN_TOS, P_DSCP, read_tos, put_tos),
	NUMBER(DATA, IFLA_IPTUN_PROTO, P_MODE, 1, mode),
	{ .outer = DATA, .type = IFLA_IPTUN_PMTUDISC, .property = P_DONT_FRAGMENT,
	  .len = 1, .put = put_pmtudisc, .offset = offsetof(struct tunnel, pmtudisc),
	  .size = sizeof(bool) },
	NUMBER(DATA, IFLA_IPTUN_FWMARK, P_FWMARK, 4, fwmark),
	NUMBER(DATA, IFLA_IPTUN_ENCAP_TYPE, P_ENCAP, 2, encap),
	NUMBER(DATA, IFLA_IPTUN_ENCAP_FLAGS, P_ENCAP_CSUM, 2, encap_flags),
	OTHER(DATA, IFLA_IPTUN_ENCAP_SPORT, P_ENCAP_SPORT, read_sport, put_sport),
	OTHER(DATA, IFLA_IPTUN_ENCAP_DPORT, P_ENCAP_DPORT, read_dport, put_dport),
	OTHER(DATA, IFLA_IPTUN_COLLECT_METADATA, P_EXTERNAL, read_external, put_external),
	NUMBER(EXT, IFLA_IPIP_EXT_DF, P_DONT_FRAGMENT, 1, df),
	NUMBER(EXT, IFLA_IPIP_EXT_MTU_AUTO, P_MTU, 1, mtu_auto),
	NUMBER(EXT, IFLA_IPIP_EXT_KEEPALIVE_INTERVAL, P_KEEPALIVE, 8, keepalive_interval),
	NUMBER(EXT, IFLA_IPIP_EXT_KEEPALIVE_RETRIES, P_KEEPALIVE, 4, keepalive_retries),
	TEXT(EXT, IFLA_IPIP_EXT_LOCAL_NAME, P_REFRESH_LOCAL, refresh_local),
	TEXT(EXT, IFLA_IPIP_EXT_REMOTE_NAME, P_REFRESH_REMOTE, refresh_remote),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_STATE, P_KEEPALIVE_STATE, 1, keepalive_state),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_MISSES, P_KEEPALIVE_MISSES, 4,
	      keepalive_misses),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_AGE, P_KEEPALIVE_AGE, 8, keepalive_age),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_RTT, P_KEEPALIVE_RTT, 8, keepalive_rtt),
	STATE(EXT, IFLA_IPIP_EXT_MTU_STATE, P_MTU_STATE, 1, mtu_state),
	STATE(EXT, IFLA_IPIP_EXT_MTU_MEASURED, P_MTU_MEASURED, 4, mtu_measured),
	STATE(EXT, IFLA_IPIP_EXT_MTU_AGE, P_MTU_AGE, 8, mtu_age),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE, P_KEEPALIVE_STATE_AGE, 8,
	      keepalive_state_age),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_SRTT, P_KEEPALIVE_SRTT, 8, keepalive_srtt),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_RTTVAR, P_KEEPALIVE_RTTVAR, 8, keepalive_rttvar),
	STATE(EXT, IFLA_IPIP_EXT_KEEPALIVE_LOSS, P_KEEPALIVE_LOSS, 4, keepalive_loss),
	SHOWN(EXT, IFLA_IPIP_EXT_LINK_NAME, P_LINK, read_link_name),
};

/* All attributes: @special, and one for each property with an @ext. */
static struct attribute attributes[ARRAY_SIZE(special) + P_COUNT];
static size_t attributes_n;

static const struct attribute *first_attribute(void)
{
	struct attribute *a = attributes;
	const struct property *p;

	if (attributes_n)
		return attributes;
	memcpy(a, special, sizeof(special));
	a += ARRAY_SIZE(special);
	for (p = properties; p < properties + P_COUNT; p++)
		if (p->ext)
			*a++ = (struct attribute){
				.outer = EXT, .type = p->ext, .property = p - properties,
				.len = p->size, .offset = p->offset, .size = p->size,
			};
	attributes_n = a - attributes;
	return attributes;
}

#define for_each_attribute(a) \
	for (a = first_attribute(); a < attributes + attributes_n; a++)

/* The attribute of the flags has two properties. */
static bool is_wanted(const struct attribute *a, uint64_t mask)
{
	if (a->read_only)
		return false;
	if (a->property == P_ENCAP_CSUM && mask & BIT(P_ENCAP_REMCSUM))
		return true;
	return mask & BIT(a->property);
}

/**
 * attributes_ours() - Get the properties that only this project's driver has
 *
 * Return: BIT(P_*) of those that are in IFLA_IPIP_EXT and can be set.
 */
uint64_t attributes_ours(void)
{
	const struct attribute *a;
	uint64_t mask = 0;

	for_each_attribute(a)
		if (a->outer == IFLA_IPIP_EXT && !a->read_only)
			mask |= BIT(a->property);
	return mask;
}

static const struct attribute *find_attribute(unsigned int outer, unsigned int type)
{
	const struct attribute *a;

	for_each_attribute(a)
		if (a->outer == outer && a->type == type)
			return a;
	return NULL;
}

/* Index of the row of each attribute, because a dump can have millions of attributes. */
#define TYPES	64

static const struct attribute *row_of(unsigned int outer, unsigned int type)
{
	static const struct attribute *rows[3][TYPES];
	static bool filled;
	unsigned int i;

	for (i = 0; !filled && i < 3 * TYPES; i++)
		rows[i / TYPES][i % TYPES] =
			find_attribute(i / TYPES == 0 ? 0 : i / TYPES == 1 ? DATA : EXT,
				       i % TYPES);
	filled = true;
	if (type >= TYPES)
		return NULL;
	return rows[!outer ? 0 : outer == DATA ? 1 : 2][type];
}

static void read_attribute(unsigned int outer, const struct nlattr *attr, struct tunnel *t)
{
	const struct attribute *a = row_of(outer, mnl_attr_get_type(attr));

	if (!a)
		return;
	if (a->read)
		a->read(attr, t);
	else if (a->text)
		read_text(a, attr, t);
	else
		field_set(t, a->offset, a->size, get_number(attr));
}

static void read_data(const struct nlattr *data, struct tunnel *t)
{
	const struct nlattr *attr, *ext;

	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) != IFLA_IPIP_EXT) {
			read_attribute(DATA, attr, t);
			continue;
		}
		t->ours = true;
		mnl_attr_for_each_nested(ext, attr)
			read_attribute(EXT, ext, t);
	}
}

static void read_counters(const struct nlattr *xstats, struct tunnel *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, xstats)
		if (mnl_attr_get_type(attr) < ARRAY_SIZE(t->counters))
			t->counters[mnl_attr_get_type(attr)] = get_number(attr);
}

/* A kernel without strict checking sends all links. */
static bool is_ipip(const struct nlattr *info)
{
	const struct nlattr *attr;

	if (!info)
		return false;
	mnl_attr_for_each_nested(attr, info)
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			return !strcmp(mnl_attr_get_str(attr), "ipip");
	return false;
}

static void read_info(const struct nlattr *info, struct tunnel *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			read_data(attr, t);
		else if (mnl_attr_get_type(attr) == IFLA_INFO_XSTATS)
			read_counters(attr, t);
	}
}

/* If the underlay is in another netns, the index belongs to that. This project's driver
 * sends the name too; the in-tree driver doesn't.
 */
static void name_link(struct tunnel *t)
{
	char name[IFNAMSIZ];

	if (!t->link_index || t->link_netnsid >= 0 ||
	    !if_indextoname(t->link_index, name))
		return;
	strcpy(t->link, name);
	t->link_found = t->link_index;
	t->link_index = 0;
}

/**
 * attributes_read() - Read a tunnel from RTM_NEWLINK or RTM_DELLINK
 * @nlh: the message
 * @t: set to the tunnel
 *
 * Return: false if the message is of another link.
 */
bool attributes_read(const struct nlmsghdr *nlh, struct tunnel *t)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *info = NULL;

	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			info = attr;
	if (!is_ipip(info))
		return false;
	/* Properties that the in-tree driver doesn't send have the defaults of `ip link`. */
	tunnel_defaults(t);
	t->df = IPIP_DF_LEGACY;
	t->clamp = 0;
	t->mtu_auto = false;
	t->keepalive_interval = 0;
	t->keepalive_answer = false;
	t->ifindex = ifi->ifi_index;
	t->disabled = !(ifi->ifi_flags & IFF_UP);
	t->running = !t->disabled && ifi->ifi_flags & IFF_RUNNING;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		if (attr == info)
			read_info(info, t);
		else
			read_attribute(0, attr, t);
	}
	name_link(t);
	return true;
}

static void read_xdp(const struct nlattr *nest, struct tunnel *t)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == IFLA_XDP_ATTACHED)
			t->xdp = get_number(attr);
		else if (mnl_attr_get_type(attr) == IFLA_XDP_PROG_ID)
			t->xdp_id = get_number(attr);
	}
}

/**
 * attributes_read_other() - Read the properties of a link of any kind
 * @nlh: RTM_NEWLINK or RTM_DELLINK
 * @t: its index, name, MTU and XDP program are set
 */
void attributes_read_other(const struct nlmsghdr *nlh, struct tunnel *t)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	memset(t, 0, sizeof(*t));
	t->ifindex = ifi->ifi_index;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			read_name(attr, t);
		else if (mnl_attr_get_type(attr) == IFLA_MTU)
			t->mtu = get_number(attr);
		else if (mnl_attr_get_type(attr) == IFLA_XDP)
			read_xdp(attr, t);
	}
}

static void put_group(struct nlmsghdr *nlh, unsigned int outer, const struct tunnel *t,
		      uint64_t mask)
{
	const struct attribute *a;

	for_each_attribute(a) {
		if (a->outer != outer || !is_wanted(a, mask))
			continue;
		if (a->put)
			a->put(nlh, t);
		else if (a->text)
			mnl_attr_put_strz(nlh, a->type, *text_field(a, t));
		else
			put_number(nlh, a, get_field(a, t));
	}
}

static bool has_group(unsigned int outer, uint64_t mask)
{
	const struct attribute *a;

	for_each_attribute(a)
		if (a->outer == outer && is_wanted(a, mask))
			return true;
	return false;
}

/**
 * attributes_put() - Put the properties of a tunnel into a message
 * @nlh: the message; nothing else may be added after its struct ifinfomsg
 * @t: the tunnel
 * @mask: BIT(P_*) of the properties to put
 */
void attributes_put(struct nlmsghdr *nlh, const struct tunnel *t, uint64_t mask)
{
	struct nlattr *info, *data, *ext;

	put_group(nlh, 0, t, mask);
	if (!has_group(DATA, mask) && !has_group(EXT, mask))
		return;
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ipip");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	put_group(nlh, DATA, t, mask);
	if (has_group(EXT, mask)) {
		ext = mnl_attr_nest_start(nlh, IFLA_IPIP_EXT);
		put_group(nlh, EXT, t, mask);
		mnl_attr_nest_end(nlh, ext);
	}
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

/**
 * attribute_at() - Get the property that an attribute of a request belongs to
 * @nlh: the request
 * @offset: of the attribute in it, bytes
 *
 * Return: the property's name, or NULL.
 */
const char *attribute_at(const struct nlmsghdr *nlh, uint32_t offset)
{
	const struct nlattr *attr, *end = mnl_nlmsg_get_payload_tail(nlh);
	const struct nlattr *at = (const void *)((const char *)nlh + offset);
	const struct attribute *a;
	uint16_t outer = 0;

	attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct ifinfomsg));
	while (attr < at && attr < end) {
		const struct nlattr *next = mnl_attr_next(attr);

		if (at >= next) {
			attr = next;
			continue;
		}
		outer = mnl_attr_get_type(attr);
		attr = mnl_attr_get_payload(attr);
	}
	if (attr != at)
		return NULL;
	a = find_attribute(outer, mnl_attr_get_type(attr));
	return a && a->property < P_COUNT ? properties[a->property].name : NULL;
}

static bool is_other(const struct attribute *a, const struct tunnel *want,
		     const struct tunnel *got)
{
	if (a->text)
		return strcmp(*text_field(a, want), *text_field(a, got));
	return get_field(a, want) != get_field(a, got);
}

/**
 * attributes_differ() - Check whether the driver has accepted its own properties
 * @want: the requested tunnel
 * @got: the tunnel as the driver reports it
 * @mask: BIT(P_*) of the requested properties
 *
 * Return: the name of the first property that differs, or NULL.
 */
const char *attributes_differ(const struct tunnel *want, const struct tunnel *got,
			      uint64_t mask)
{
	const struct attribute *a;

	for_each_attribute(a)
		if (a->outer == IFLA_IPIP_EXT && is_wanted(a, mask) &&
		    is_other(a, want, got))
			return properties[a->property].name;
	return NULL;
}
