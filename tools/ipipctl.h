/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ipipctl: RouterOS's /interface/ipip for the link kind "ipip".
 *
 * The prototypes are grouped by file. Each file calls only those above it in this header,
 * which tests/host/lint checks.
 */
#ifndef _IPIPCTL_H
#define _IPIPCTL_H

#include <assert.h>
#include <net/if.h>
#include <signal.h>
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
#define IPIPCTL_ALTNAME_MAX	127
/* Number of names that are tried instead of one that Linux doesn't accept. */
#define SHORT_NAME_TURNS	8
#define IPIPCTL_CONFIG		"/etc/ipip/tunnels.conf"
#define IPIPCTL_BASE		"/run/ipip"
#define IPSEC_SECRET_MAX	255

/* Separates the altnames of a tunnel. A name with a newline couldn't be shown anyway. */
#define ALTNAME_SEPARATOR	"\n"

/* Exit status. */
enum {
	IPIPCTL_OK,
	IPIPCTL_REFUSED,
	IPIPCTL_USAGE,
	IPIPCTL_NONE,	/* find has found none */
};

/* Indices of properties[]; those up to P_SETTABLE can be set. */
enum {
	P_ALLOW_FAST_PATH,
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
	P_KEEPALIVE_ANSWER,
	P_KEEPALIVE_MODE,
	P_KEEPALIVE_SOURCE,
	P_KEEPALIVE_TARGET,
	P_LINK,
	P_LOCAL_ADDRESS,
	P_MODE,
	P_MTU,
	P_NAME,
	P_REFRESH_LOCAL,
	P_REFRESH_REMOTE,
	P_REMOTE_ADDRESS,
	P_REQUIRE_IPSEC,
	P_TTL,
	P_SETTABLE,
	P_ACTUAL_MTU = P_SETTABLE,
	P_ALTNAMES,
	P_CARRIER_DOWN_COUNT,
	P_CARRIER_UP_COUNT,
	P_IFINDEX,
	P_IPSEC_BYTES_IN,
	P_IPSEC_BYTES_OUT,
	P_IPSEC_PROPOSAL,
	P_IPSEC_REKEY,
	P_IPSEC_STATE,
	P_KEEPALIVE_AGE,
	P_KEEPALIVE_LOSS,
	P_KEEPALIVE_MISSES,
	P_KEEPALIVE_RTT,
	P_KEEPALIVE_RTTVAR,
	P_KEEPALIVE_SRTT,
	P_KEEPALIVE_STATE,
	P_KEEPALIVE_STATE_AGE,
	P_LINK_MISSING,
	P_LINK_NETNSID,
	P_MTU_AGE,
	P_MTU_MEASURED,
	P_MTU_STATE,
	P_RUNNING,
	P_COUNT,
};

#define BIT(n)			(1ULL << (n))
#define P_EVERYTHING		(BIT(P_SETTABLE) - 1)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

static_assert(P_COUNT <= 64, "a mask of properties has 64 bits");

/* Profiles of ipsec-profile. */
enum {
	IPSEC_NONE,
	IPSEC_ROUTEROS,
	IPSEC_MODERN,
	IPSEC_UNKNOWN,	/* the file names no profile, or can't be read */
};

/* Values of ipsec-state. */
enum {
	IPSEC_NO_SA,
	IPSEC_CONNECTING,
	IPSEC_ESTABLISHED,
	IPSEC_NO_DAEMON,
	IPSEC_NO_IKEV1,
};

/**
 * struct secret - a pre-shared key
 * @next: another one
 * @len: bytes
 * @bytes: the key
 */
struct secret {
	struct secret *next;
	size_t len;
	unsigned char bytes[];
};

/**
 * struct tunnel - a tunnel in its present or its requested state
 * @id: number that `print` gives it
 * @ifindex: index of the link
 * @name: its name, "" if it doesn't exist yet
 * @new_name: its requested name
 * @altnames: its other names, separated by ALTNAME_SEPARATOR; from keep_string()
 * @comment: IFLA_IFALIAS; from keep_string()
 * @link: name of the underlay device, or ""
 * @link_found: index of that device, or 0
 * @link_index: used instead of @link_found if no device has this index here: it was
 *	deleted, or is in another netns
 * @link_netnsid: ID of the underlay's netns, or -1 for the present one
 * @ours: the driver has sent IFLA_IPIP_EXT
 * @disabled: not IFF_UP
 * @running: IFF_UP with a carrier
 * @mtu_auto: IFLA_IPIP_EXT_MTU_AUTO
 * @pmtudisc: IFLA_IPTUN_PMTUDISC
 * @require_ipsec: IFLA_IPIP_EXT_REQUIRE_IPSEC
 * @external: IFLA_IPTUN_COLLECT_METADATA
 * @mtu: bytes
 * @local: outer source, network byte order
 * @remote: outer destination, network byte order
 * @refresh_local: device that has @local, or ""; from keep_string()
 * @refresh_remote: host that has @remote, or ""; from keep_string()
 * @fwmark: IFLA_IPTUN_FWMARK
 * @dscp: 0 to 63, or -1 to inherit
 * @ttl: 0 is inherit
 * @mode: IPPROTO_* of inner packets, 0 is any
 * @df: IPIP_DF_*
 * @clamp: IPIP_CLAMP_*
 * @encap: TUNNEL_ENCAP_*
 * @encap_flags: TUNNEL_ENCAP_FLAG_*
 * @encap_sport: UDP port, host byte order, 0 is one port per flow
 * @encap_dport: UDP port, host byte order
 * @fast_path: IFLA_IPIP_EXT_FAST_PATH
 * @keepalive_answer: IFLA_IPIP_EXT_KEEPALIVE_ANSWER
 * @keepalive_mode: IPIP_KEEPALIVE_MODE_*
 * @keepalive_state: IPIP_KEEPALIVE_STATE_*
 * @keepalive_source: source of the echo, network byte order
 * @keepalive_target: address behind the tunnel, network byte order
 * @keepalive_retries: unanswered probes in a row after which the carrier goes
 * @keepalive_misses: present number of unanswered probes in a row
 * @keepalive_interval: milliseconds, 0 is off
 * @keepalive_age: milliseconds since the last answer, or -1
 * @keepalive_rtt: microseconds, or -1
 * @mtu_state: IPIP_MTU_STATE_*
 * @mtu_measured: measured MTU of the path in bytes, or 0
 * @mtu_age: milliseconds since it was last confirmed, or -1
 * @keepalive_srtt: smoothed round-trip time, microseconds, or -1
 * @keepalive_rttvar: its variation, microseconds, or -1
 * @keepalive_state_age: milliseconds since the state changed, or -1
 * @keepalive_loss: share of lost probes, thousandths, or -1
 * @carrier_up_count: how often the carrier came up, as counted by the kernel
 * @carrier_down_count: how often it was lost
 * @ipsec_profile: IPSEC_*, from the file with its secret
 * @ipsec_state: IPSEC_NO_SA etc.
 * @ipsec_proposal: algorithms of the SA, "" if there is none
 * @ipsec_bytes_in: bytes that came through its SAs
 * @ipsec_bytes_out: bytes that left through them
 * @ipsec_rekey: seconds to the next rekeying
 * @xdp: XDP_ATTACHED_*: how an XDP program is attached to a device that is no tunnel
 * @xdp_id: the kernel's ID of that program, or 0
 * @secret: requested pre-shared key, or NULL for that of the file
 * @stats: IFLA_STATS64
 * @counters: by IFLA_IPIP_XSTATS_*
 */
struct tunnel {
	unsigned int id;
	int ifindex;
	char name[IFNAMSIZ];
	char new_name[IFNAMSIZ];
	const char *altnames;
	const char *comment;
	char link[IFNAMSIZ];
	uint32_t link_found;
	uint32_t link_index;
	int link_netnsid;
	bool ours;
	bool disabled;
	bool running;
	bool mtu_auto;
	bool pmtudisc;
	bool require_ipsec;
	bool external;
	bool fast_path;
	bool keepalive_answer;
	uint32_t mtu;
	uint32_t local;
	uint32_t remote;
	const char *refresh_local;
	const char *refresh_remote;
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
	uint32_t keepalive_source;
	uint32_t keepalive_target;
	uint32_t keepalive_retries;
	uint32_t keepalive_misses;
	uint64_t keepalive_interval;
	int64_t keepalive_age;
	int64_t keepalive_rtt;
	uint8_t mtu_state;
	uint32_t mtu_measured;
	int64_t mtu_age;
	int64_t keepalive_srtt;
	int64_t keepalive_rttvar;
	int64_t keepalive_state_age;
	int32_t keepalive_loss;
	uint32_t carrier_up_count;
	uint32_t carrier_down_count;
	uint8_t ipsec_profile;
	uint8_t ipsec_state;
	char ipsec_proposal[64];
	uint64_t ipsec_bytes_in;
	uint64_t ipsec_bytes_out;
	int64_t ipsec_rekey;
	uint8_t xdp;
	uint32_t xdp_id;
	const struct secret *secret;
	struct rtnl_link_stats64 stats;
	uint64_t counters[__IFLA_IPIP_XSTATS_MAX];
};

/**
 * struct tunnels - a growing array of tunnels
 * @t: the tunnels
 * @n: how many
 * @room: allocated number
 * @names: all of their names, sorted; filled when one is first looked up
 * @n_names: how many
 * @has_states: the IKE daemon was asked about them
 */
struct tunnels {
	struct tunnel *t;
	size_t n;
	size_t room;
	struct tunnel_name *names;
	size_t n_names;
	bool has_states;
};

/**
 * struct word - a word that stands for a value
 * @name: the word; NULL behind the last
 * @value: the value
 * @alias: it is accepted, but not offered in help and completion
 */
struct word {
	const char *name;
	int64_t value;
	bool alias;
};

/**
 * enum kind - how a property's field is read and written
 * @KIND_YES_NO: bool; yes or no, true or false in JSON
 * @KIND_WORD: uint8_t; one of its words
 * @KIND_NUMBER: an integer from @min to @max, or one of its words
 * @KIND_ADDRESS: uint32_t, network byte order; an IPv4 address, or one of its words,
 *	which are null in JSON
 * @KIND_DURATION: int64_t in milliseconds, -1 for none; a number in JSON
 * @KIND_TEXT: a string, in JSON null if it is empty and @there is set
 */
enum kind {
	KIND_YES_NO,
	KIND_WORD,
	KIND_NUMBER,
	KIND_ADDRESS,
	KIND_DURATION,
	KIND_TEXT,
};

/**
 * struct property - one property: a row of the table that all other code uses
 * @name: its name, RouterOS's if RouterOS has it
 * @meaning: one line for `help`
 * @values: its possible values, for `help`; NULL: derived from @words, @min and @max
 * @empty: value that `unset` and "!" set, or NULL if it can't be unset
 * @kind: of its field
 * @is_signed: the field is signed
 * @hex: a number that is written in hexadecimal
 * @size: of the field, bytes
 * @offset: of the field in struct tunnel
 * @ext: the attribute in IFLA_IPIP_EXT that has the field's value and size; 0: there is none, or
 *	attribute.c has it
 * @words: values that have names, or NULL
 * @min: least number
 * @max: largest number
 * @source: P_* of the name that it is looked up from, whose field is a string from
 *	keep_string(); 0: it isn't looked up
 * @look_up: looks the name up and sets the address, which stays if it is among several
 *	results; returns NULL, or why it isn't possible
 * @json_key: its key in JSON; NULL: @name with "_" for "-"
 * @there: checks whether a tunnel has a value; NULL: it always has. If not, the value is
 *	"", and null in JSON
 * @parse: sets a value of a tunnel; NULL: as @kind says. Returns NULL, or what is wrong
 *	with the value
 * @format: the value as a word, into a string of FORMAT_MAX bytes; NULL: as @kind says
 * @json: the value, or several with their keys, as JSON; NULL: as @kind says
 */
struct property {
	const char *name;
	const char *meaning;
	const char *values;
	const char *empty;
	enum kind kind;
	bool is_signed;
	bool hex;
	uint8_t size;
	uint16_t offset;
	uint8_t ext;
	const struct word *words;
	uint64_t min;
	uint64_t max;
	uint8_t source;
	const char *(*look_up)(const char *name, uint32_t *address);
	const char *json_key;
	bool (*there)(const struct tunnel *t);
	const char *(*parse)(struct tunnel *t, const char *value);
	void (*format)(const struct tunnel *t, char *out);
	void (*json)(const struct tunnel *t);
};

/* Altnames of a tunnel can be longer; print truncates them to this. */
#define FORMAT_MAX	1024

enum op {
	OP_ADD,
	OP_SET,
	OP_REMOVE,
	OP_NOTHING,
};

/**
 * struct request - a change of one tunnel
 * @op: the operation
 * @mask: BIT(P_*) of the properties to set, for OP_SET
 * @t: the tunnel
 * @late: a removal that no other request needs: it is done after all others succeeded
 * @line: its line in a file, or 0
 * @done: the kernel has accepted at least the first of its messages
 * @lost: the kernel's answer was lost
 * @foreign: another driver has answered
 * @error: errno, or 0
 * @why: explanation by the kernel or the IKE daemon
 * @reported: the error was printed
 * @suspect: it looks like a tunnel whose secret was left out of the export
 */
struct request {
	enum op op;
	uint64_t mask;
	struct tunnel t;
	bool late;
	unsigned int line;
	bool done;
	bool lost;
	bool foreign;
	int error;
	char why[256];
	bool reported;
	bool suspect;
};

struct requests {
	struct request *r;
	size_t n;
	size_t room;
};

/* Arguments of a verb, for completion. */
enum {
	TAKES_TUNNELS = 1 << 0,		/* first */
	TAKES_ASSIGNMENTS = 1 << 1,
	TAKES_COPY = 1 << 2,		/* copy-from= among them */
	TAKES_UNSET = 1 << 3,		/* properties that can be unset */
	TAKES_RESET = 1 << 4,		/* properties that have a default */
	TAKES_PROPERTY = 1 << 5,	/* one of all */
	TAKES_WHERE = 1 << 6,		/* a condition, behind "where" */
	TAKES_CONDITION = 1 << 7,	/* also without "where" */
	TAKES_FILE = 1 << 8,
	TAKES_TOPIC = 1 << 9,		/* verbs and properties */
	TAKES_DEVICES = 1 << 10,	/* behind an action */
};

/**
 * struct verb - a row of the table of verbs
 * @name: its name
 * @arguments: its arguments, for `help`
 * @help: one line
 * @run: executes it; returns the exit status
 * @takes: TAKES_*
 * @words: other words that it accepts, separated by blanks, or NULL
 */
struct verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(char **words, size_t n);
	unsigned int takes;
	const char *words;
};

/* Global options, and state for the end of the program. */
struct options {
	bool json;
	bool keep_going;
	bool dry_run;
	bool disable_clear;
	bool terminal;	/* the output goes to a terminal */
	bool color;
	bool netns;	/* the program works in another netns than it was started in */
	bool missed;	/* an error was skipped; the exit status tells */
};

/* base.c */
extern struct options opt;
unsigned int utf8_len(const char *text);
void hide_controls(char *text);
void fail(const char *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int usage(const char *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void *need_memory(void *memory);
void *grow(void *array, size_t n, size_t *room, size_t size);
int match_word(const char *word, size_t len, const char *(*name)(size_t i), size_t n);
int find_word(const char *what, const char *word, size_t len,
	      const char *(*name)(size_t i), size_t n);
void hold_signals(const int *signals, size_t n, sigset_t *before);
int replace_file(const char *path, const char *text);

/* netns.c */
const char *netns_name(void);
int netns_enter(const char *given);

/* text.c */
char **split_words(char *line, size_t *n, const char **why);
void quote_word(FILE *out, const char *word);
size_t quoted_len(const char *word);
void quote_shell(FILE *out, const char *word);
void json_string(FILE *out, const char *text);
void json_key(FILE *out, const char *name);
bool word_parse(const struct word *words, const char *name, int64_t *value);
const char *word_format(const struct word *words, int64_t value);
const char *keep_string(const char *text);
const char *next_altname(const char **rest, size_t *len);
void short_name(const char *name, unsigned int turn, char *out);
const char *parse_duration(const char *text, uint64_t *ms);
void format_duration(uint64_t ms, char *out);
const char *parse_number(const char *text, uint64_t max, uint64_t *value);

/* repeat.c */
extern volatile sig_atomic_t stopped;
void stop_on_signals(void);
void pause_for(uint64_t ms);
int pause_for_input(uint64_t ms);
int parse_interval(const char *what, const char *value, uint64_t *ms);

/* list.c */
struct tunnel *tunnel_add(struct tunnels *list);
void tunnels_changed(struct tunnels *list);
struct tunnel *tunnel_of_ifindex(const struct tunnels *list, int ifindex);
struct tunnel *tunnel_of_name(struct tunnels *list, const char *name);
struct tunnel *tunnel_of_name_len(struct tunnels *list, const char *name, size_t len);
bool has_altname(const struct tunnel *t, const char *name);
void tunnels_sort(struct tunnels *list);
void tunnels_number(struct tunnels *list);
void tunnels_free(struct tunnels *list);
struct request *request_add(struct requests *list, enum op op,
			    const struct tunnel *t, uint64_t mask);
const char *request_name(const struct request *r);
void requests_name(struct requests *list);

/* secret.c */
const char *secret_take(const void *bytes, size_t len, const struct secret **out);
const char *secret_file(const char *name, const struct secret **out);
void secrets_shield(void);

/* lookup.c */
const char *lookup_host(const char *name, uint32_t *address);
const char *lookup_device(const char *name, uint32_t *address);

/* property.c */
extern const struct property properties[P_COUNT];
uint64_t field_get(const struct tunnel *t, size_t offset, size_t size);
void field_set(struct tunnel *t, size_t offset, size_t size, uint64_t value);
void tunnel_defaults(struct tunnel *t);
int find_property(const char *what, const char *word, size_t len);
const char *property_name(size_t i);
bool can_be_set(unsigned int p);
bool is_of_routeros(const char *word, size_t len);
bool is_secret(const char *word, size_t len);
bool is_device_name(const char *name);
bool is_number_or_list(const char *name);
const char *property_refresh(unsigned int p, struct tunnel *t);
const char *property_parse(unsigned int p, struct tunnel *t, const char *value);
void property_format(unsigned int p, const struct tunnel *t, char *out);
void property_show(unsigned int p, const struct tunnel *t, char *out);
bool property_number(unsigned int p, const struct tunnel *t, int64_t *value);
void property_json(unsigned int p, const struct tunnel *t);
void property_values(unsigned int p, char *out, size_t size);
void default_keepalive(struct tunnel *t);
const char *complete_new(struct tunnel *t, uint64_t mask);
int parse_properties(const char *what, char **words, size_t n,
		     struct tunnel *t, uint64_t *mask);
bool is_default(const struct tunnel *t, unsigned int p);
bool has_short_name(const struct tunnel *t);
extern const struct word ipsec_profiles[];

/* condition.c */
struct condition;
struct condition *condition_parse(char **words, size_t n, bool split);
bool condition_holds(const struct condition *c, const struct tunnel *t);
uint64_t condition_mask(const struct condition *c);
void condition_free(struct condition *c);

/* attribute.c */
struct nlmsghdr;
struct nlattr;
bool attributes_read(const struct nlmsghdr *nlh, struct tunnel *t);
void attributes_read_other(const struct nlmsghdr *nlh, struct tunnel *t);
void attributes_put(struct nlmsghdr *nlh, const struct tunnel *t, uint64_t mask);
const char *attribute_at(const struct nlmsghdr *nlh, uint32_t offset);
const char *attributes_differ(const struct tunnel *want, const struct tunnel *got,
			      uint64_t mask);
uint64_t attributes_ours(void);

/* nl.c */
enum pass {
	PASS_MAKE,
	PASS_CHECK,
	PASS_NAME,
	PASS_UP,
	PASS_REMOVE,
};

int nl_open(void);
int nl_dump(struct tunnels *list, bool stats);
int nl_pass(struct requests *list, enum pass pass, bool keep_going);
struct mnl_socket;
struct mnl_socket *nl_listen(void);
bool nl_changes(struct mnl_socket *s, const volatile sig_atomic_t *stop);

/* Messages about links; of links of other kinds only index, name and MTU are read. */
enum link_event {
	LINK_TUNNEL,
	LINK_TUNNEL_GONE,
	LINK_OTHER,
	LINK_OTHER_GONE,
};

typedef void take_link_fn(const struct tunnel *t, enum link_event event, void *data);
int nl_links(struct mnl_socket *s, take_link_fn *take, void *data);
int nl_dump_devices(take_link_fn *take, void *data);
void nl_wait(struct mnl_socket *a, struct mnl_socket *b, int ms, int gather);
bool driver_is_ours(bool *loaded);
void driver_version(char *version, size_t size);

/* sa.c */
struct mnl_socket *sas_listen(void);
bool sas_changed(struct mnl_socket *s);
bool sas_between(uint32_t local, uint32_t remote);

/* counter.c */
extern const char *const counter_names[__IFLA_IPIP_XSTATS_MAX];
void counters_since(struct tunnel *t);
int counters_reset(const struct tunnel *t);
void counters_forget(const struct requests *list);

/* connection.c */
#define CONNECTION_MAX	(sizeof("ipip-") + 3 * IFNAMSIZ)

const char *swanctl_dir(void);
bool connections_have_daemon(void);
void connection_of(const char *tunnel, char *out);
bool connection_tunnel(const char *connection, char *out);
void connection_file(const char *connection, bool enabled, char *path, size_t size);
char *connection_find(const char *tunnel, char *path, size_t size);
char *connection_text(const struct tunnel *t, const char *name, const char *old);
void connections_tidy(void);
bool connections_exist(void);
bool connection_has_secret(const char *tunnel);
const char *connection_secret(const char *tunnel, const struct secret **out);
void connection_text_free(char *text);
void connections_read(struct tunnels *list);

/* ike.c */
bool ike_lacks_v1(void);

/* swanctl.c */
/**
 * struct swanctl_connection - a connection as the IKE daemon reports it
 * @version: 1 or 2
 * @local: its local address, "" for any
 * @remote: its remote address
 */
struct swanctl_connection {
	unsigned int version;
	char local[64];
	char remote[64];
};

int swanctl(const char *const *args, void (*line)(char *line, void *data), void *data);
int swanctl_connections(void (*found)(const char *name,
				      const struct swanctl_connection *c, void *data),
			void *data);
void swanctl_states(struct tunnels *list);

/* ipsec.c */
const char *complete_ipsec(struct tunnel *t, uint64_t *mask);
int ipsec_follow(struct requests *list, bool keep_going);

/* carry.c */
int need_ours(void);
int carry_out(struct requests *list, const struct tunnels *before,
	      bool keep_going, const char *source);

/* choose.c */
int tunnels_read(struct tunnels *list, bool stats);
int tunnels_read_named(struct tunnels *list, const struct tunnels *names, bool stats);
int choose(const char *what, char **words, size_t n, bool stats,
	   struct tunnels *chosen, size_t *used);
int filter(char **words, size_t n, struct tunnels *list);
bool is_find(const char *word);
bool is_tunnels(const char *word);
size_t find_words(char **words, size_t n);
const char *tunnel_copy(const struct tunnel *from, struct tunnel *t);

/* json.c */
void json_tunnel(const struct tunnel *t, uint64_t which, bool stats);
void json_list(const struct tunnels *list, uint64_t which, bool stats);

/* export.c */
const char *config_file(const char *what, char **words, size_t n);
void write_tunnels(FILE *out, const struct tunnels *list, bool verbose);
int cmd_export(char **words, size_t n);
int cmd_save(char **words, size_t n);

/* import.c */
void request_show(const struct request *r);
int cmd_import(char **words, size_t n);
int cmd_restore(char **words, size_t n);

/* change.c */
int cmd_add(char **words, size_t n);
int cmd_set(char **words, size_t n);
int cmd_unset(char **words, size_t n);
int cmd_reset(char **words, size_t n);
int cmd_refresh(char **words, size_t n);
int cmd_remove(char **words, size_t n);
int cmd_enable(char **words, size_t n);
int cmd_disable(char **words, size_t n);
int cmd_comment(char **words, size_t n);

/* show.c */
int cmd_find(char **words, size_t n);
int cmd_get(char **words, size_t n);
int cmd_print(char **words, size_t n);

/* metrics.c */
int cmd_metrics(char **words, size_t n);

/* xdp.c */
const char *xdp_mode(uint8_t attached);
int cmd_xdp(char **words, size_t n);

/* events.c */
int events_watch(char **words, size_t n);

/* monitor.c */
int cmd_monitor(char **words, size_t n);
int cmd_reset_counters(char **words, size_t n);

/* complete.c */
int complete(const struct verb *verbs, size_t n_verbs, char **words, size_t n);

#endif /* _IPIPCTL_H */
