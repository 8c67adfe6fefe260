/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ipipctl: RouterOS's /interface/ipip for the link kind "ipip".
 */
#ifndef _IPIPCTL_H
#define _IPIPCTL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>

#include <if_ipip.h>

#define IPIPCTL_VERSION		"0.1.0"
#define IPIPCTL_MTU_MIN		68
#define IPIPCTL_MTU_MAX		65515
#define IPIPCTL_COMMENT_MAX	255
#define IPIPCTL_CONFIG		"/etc/ipip/tunnels.conf"
#define IPIPCTL_BASE		"/run/ipip"
#define IPSEC_SECRET_MAX	255

/* Exit status. */
enum {
	IPIPCTL_OK,
	IPIPCTL_REFUSED,
	IPIPCTL_USAGE,
};

/* Indices of properties[]; those up to P_SETTABLE can be set. */
enum {
	P_CLAMP_TCP_MSS,
	P_COMMENT,
	P_DISABLED,
	P_DONT_FRAGMENT,
	P_DSCP,
	P_ENCAP,
	P_ENCAP_CSUM,
	P_ENCAP_DPORT,
	P_ENCAP_REMCSUM,
	P_ENCAP_SPORT,
	P_EXTERNAL,
	P_FWMARK,
	P_IPSEC_PROFILE,
	P_IPSEC_SECRET_FILE,
	P_KEEPALIVE,
	P_KEEPALIVE_MODE,
	P_KEEPALIVE_TARGET,
	P_LINK,
	P_LOCAL_ADDRESS,
	P_MODE,
	P_MTU,
	P_NAME,
	P_REMOTE_ADDRESS,
	P_REQUIRE_IPSEC,
	P_TTL,
	P_SETTABLE,
	P_ACTUAL_MTU = P_SETTABLE,
	P_IFINDEX,
	P_IPSEC_BYTES_IN,
	P_IPSEC_BYTES_OUT,
	P_IPSEC_PROPOSAL,
	P_IPSEC_REKEY,
	P_IPSEC_STATE,
	P_KEEPALIVE_AGE,
	P_KEEPALIVE_MISSES,
	P_KEEPALIVE_RTT,
	P_KEEPALIVE_STATE,
	P_RUNNING,
	P_COUNT,
};

/* Profiles of ipsec-profile. */
enum {
	IPSEC_NONE,
	IPSEC_ROUTEROS,
	IPSEC_MODERN,
	IPSEC_UNKNOWN,	/* there is one, but we may not look */
};

/* What ipsec-state says. */
enum {
	IPSEC_NO_SA,
	IPSEC_CONNECTING,
	IPSEC_ESTABLISHED,
	IPSEC_NO_DAEMON,
};

struct secret;

#define BIT(n)		(1U << (n))
#define P_EVERYTHING		(BIT(P_SETTABLE) - 1)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct tunnel - a tunnel, as it is or as it shall be
 * @id: number that `print` gives it
 * @chosen: choose() has seen it
 * @ifindex: index of the link
 * @name: its name, "" if it isn't there yet
 * @new_name: its name to be
 * @comment: IFLA_IFALIAS
 * @link: name of the underlay device, or ""
 * @disabled: not IFF_UP
 * @running: IFF_UP with a carrier
 * @mtu_auto: IFLA_IPIP_EXT_MTU_AUTO
 * @pmtudisc: IFLA_IPTUN_PMTUDISC
 * @require_ipsec: IFLA_IPIP_EXT_REQUIRE_IPSEC
 * @external: IFLA_IPTUN_COLLECT_METADATA
 * @mtu: bytes
 * @local: outer source, network byte order
 * @remote: outer destination, network byte order
 * @fwmark: IFLA_IPTUN_FWMARK
 * @dscp: 0 to 63, or -1 to inherit
 * @ttl: 0 is inherit
 * @mode: IPPROTO_* of what is inside, 0 is any
 * @df: IPIP_DF_*
 * @clamp: IPIP_CLAMP_*
 * @encap: TUNNEL_ENCAP_*
 * @encap_flags: TUNNEL_ENCAP_FLAG_*
 * @encap_sport: UDP port, host byte order, 0 is one for each flow
 * @encap_dport: UDP port, host byte order
 * @keepalive_mode: IPIP_KEEPALIVE_MODE_*
 * @keepalive_state: IPIP_KEEPALIVE_STATE_*
 * @keepalive_target: address behind the tunnel, network byte order
 * @keepalive_retries: probes in a row that may go unanswered
 * @keepalive_misses: those that did, so far
 * @keepalive_interval: milliseconds, 0 is off
 * @keepalive_age: milliseconds since the last answer, or -1
 * @keepalive_rtt: microseconds, or -1
 * @ipsec_profile: IPSEC_*, as the file with its secret has it
 * @ipsec_state: IPSEC_NO_SA and so on
 * @ipsec_proposal: algorithms of the SA, "" if there is none
 * @ipsec_bytes_in: bytes that came through its SAs
 * @ipsec_bytes_out: bytes that left through them
 * @ipsec_rekey: seconds to the next rekeying
 * @secret: pre-shared key that it shall have, or NULL: that of the file
 * @stats: IFLA_STATS64
 * @counters: by IFLA_IPIP_XSTATS_*
 */
struct tunnel {
	unsigned int id;
	bool chosen;
	int ifindex;
	char name[IFNAMSIZ];
	char new_name[IFNAMSIZ];
	char comment[IPIPCTL_COMMENT_MAX + 1];
	char link[IFNAMSIZ];
	bool disabled;
	bool running;
	bool mtu_auto;
	bool pmtudisc;
	bool require_ipsec;
	bool external;
	uint32_t mtu;
	uint32_t local;
	uint32_t remote;
	uint32_t fwmark;
	int dscp;
	uint8_t ttl;
	uint8_t mode;
	uint8_t df;
	uint8_t clamp;
	uint8_t encap;
	uint16_t encap_flags;
	uint16_t encap_sport;
	uint16_t encap_dport;
	uint8_t keepalive_mode;
	uint8_t keepalive_state;
	uint32_t keepalive_target;
	uint32_t keepalive_retries;
	uint32_t keepalive_misses;
	uint64_t keepalive_interval;
	int64_t keepalive_age;
	int64_t keepalive_rtt;
	uint8_t ipsec_profile;
	uint8_t ipsec_state;
	char ipsec_proposal[64];
	uint64_t ipsec_bytes_in;
	uint64_t ipsec_bytes_out;
	int64_t ipsec_rekey;
	const struct secret *secret;
	struct rtnl_link_stats64 stats;
	uint64_t counters[__IFLA_IPIP_XSTATS_MAX];
};

/**
 * struct tunnels - a growing array of tunnels
 * @t: the tunnels
 * @n: how many
 * @room: how many there is room for
 * @by_name: the same by name, once somebody has asked for one
 */
struct tunnels {
	struct tunnel *t;
	size_t n;
	size_t room;
	struct tunnel **by_name;
};

/**
 * struct property - one word of RouterOS's
 * @name: as RouterOS or we call it
 * @help: values, for `help`
 * @empty: value that `unset` gives it, or NULL if it can't be unset
 * @parse: put a value into a tunnel; NULL, or what is wrong with it; NULL itself
 *	if the property can only be read
 * @format: the value as a word, into a string of FORMAT_MAX bytes; "" if there is
 *	none
 */
struct property {
	const char *name;
	const char *help;
	const char *empty;
	const char *(*parse)(struct tunnel *t, const char *value);
	void (*format)(const struct tunnel *t, char *out);
};

#define FORMAT_MAX	(IPIPCTL_COMMENT_MAX + 1)

enum op {
	OP_ADD,
	OP_SET,
	OP_REMOVE,
};

/**
 * struct request - a change of one tunnel
 * @op: what is done
 * @mask: BIT(P_*) of what @t says, for OP_SET
 * @t: the tunnel
 * @line: where it comes from in a file, or 0
 * @done: the kernel has taken at least the first of its messages
 * @error: errno, or 0
 * @why: what the kernel says of it, or the IKE daemon
 * @reported: that has been printed
 */
struct request {
	enum op op;
	uint32_t mask;
	struct tunnel t;
	unsigned int line;
	bool done;
	int error;
	char why[256];
	bool reported;
};

struct requests {
	struct request *r;
	size_t n;
	size_t room;
};

/* Global options. */
struct options {
	bool json;
	bool keep_going;
	bool dry_run;
	bool color;
};

extern struct options opt;

/* main.c */
void fail(const char *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int usage(const char *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int find_word(const char *what, const char *word, size_t len,
	      const char *(*name)(size_t i), size_t n);

const char *netns_name(void);

/* list.c */
void *grow(void *array, size_t n, size_t *room, size_t size);
struct tunnel *tunnel_add(struct tunnels *list);
struct tunnel *tunnel_of_ifindex(const struct tunnels *list, int ifindex);
struct tunnel *tunnel_of_name(struct tunnels *list, const char *name);
void tunnels_number(struct tunnels *list);
void tunnels_free(struct tunnels *list);
struct request *request_add(struct requests *list, enum op op,
			    const struct tunnel *t, uint32_t mask);
void requests_name(struct requests *list);

/* text.c */
char **split_words(char *line, size_t *n, const char **why);
void quote_word(FILE *out, const char *word);
size_t quoted_len(const char *word);
void json_string(FILE *out, const char *text);
const char *parse_duration(const char *text, uint64_t *ms);
void format_duration(uint64_t ms, char *out);
const char *parse_number(const char *text, uint64_t max, uint64_t *value);

/* property.c */
extern const struct property properties[P_COUNT];
void tunnel_defaults(struct tunnel *t);
int find_property(const char *what, const char *word, size_t len);
bool is_ignored(const char *word, size_t len);
bool is_yes_no(unsigned int p);
const char *complete_new(struct tunnel *t, uint32_t mask);
const char *complete_ipsec(struct tunnel *t, uint32_t *mask);
const char *ipsec_profile_parse(const char *value, uint8_t *profile);
void ipsec_profile_format(uint8_t profile, char *out);
int parse_properties(const char *what, char **words, size_t n,
		     struct tunnel *t, uint32_t *mask);
bool is_default(const struct tunnel *t, unsigned int p);

/* nl.c */
int nl_open(void);
int nl_dump(struct tunnels *list, bool stats);
int nl_run(struct requests *list, const struct tunnels *before, bool keep_going,
	   const char *source);
int nl_report(struct requests *list, const char *source);
void nl_undo(const struct requests *list, const struct tunnels *before);
bool driver_is_ours(bool *loaded);
extern const char *const counter_names[__IFLA_IPIP_XSTATS_MAX];

/* ipsec.c */
const char *ipsec_secret(const void *bytes, size_t len, const struct secret **out);
const char *ipsec_secret_file(const char *name, const struct secret **out);
bool ipsec_tunnel_of(const char *connection, char *out);
bool ipsec_has_secret(const char *name);
void ipsec_profiles(struct tunnels *list);
int ipsec_follow(struct requests *list, bool keep_going);

/* swanctl.c */
int swanctl(const char *const *args, void (*line)(char *line, void *data), void *data);
void swanctl_states(struct tunnels *list);

/* change.c */
int carry_out(struct requests *list, const struct tunnels *before,
	      bool keep_going, const char *source);
int cmd_add(char **words, size_t n);
int cmd_set(char **words, size_t n);
int cmd_unset(char **words, size_t n);
int cmd_reset(char **words, size_t n);
int cmd_remove(char **words, size_t n);
int cmd_enable(char **words, size_t n);
int cmd_disable(char **words, size_t n);
int cmd_comment(char **words, size_t n);
int choose(struct tunnels *all, char *word, struct tunnels *chosen);
int choose_all(const char *what, char **words, size_t n, bool stats,
	       struct tunnels *chosen);
int need_ours(void);

/* file.c */
int cmd_export(char **words, size_t n);
int cmd_import(char **words, size_t n);
int cmd_save(char **words, size_t n);
int cmd_restore(char **words, size_t n);

/* show.c */
int cmd_find(char **words, size_t n);
int cmd_get(char **words, size_t n);
int cmd_print(char **words, size_t n);
int json_list(const struct tunnels *list, bool stats);
int filter(char **words, size_t n, struct tunnels *list);

/* monitor.c */
int cmd_monitor(char **words, size_t n);
int cmd_reset_counters(char **words, size_t n);
void counters_since(struct tunnel *t);

#endif /* _IPIPCTL_H */
