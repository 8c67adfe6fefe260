// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs that change tunnels.
 */
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/* The output of `add --dry-run` is for a POSIX shell. */

static void print_ip_value(const struct tunnel *t, const char *name, unsigned int p)
{
	char value[FORMAT_MAX];

	property_format(p, t, value);
	printf(" %s ", name);
	quote_shell(stdout, value);
}

static void print_ip_encap(const struct tunnel *t)
{
	print_ip_value(t, "encap", P_ENCAP);
	print_ip_value(t, "encap-sport", P_ENCAP_SPORT);
	if (t->encap_dport)
		printf(" encap-dport %u", t->encap_dport);
	if (t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM)
		printf(" encap-csum");
	if (t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM)
		printf(" encap-remcsum");
}

static void print_ip_type(const struct tunnel *t)
{
	printf(" type ipip");
	if (t->mode)
		print_ip_value(t, "mode", P_MODE);
	if (t->local)
		print_ip_value(t, "local", P_LOCAL_ADDRESS);
	if (t->remote)
		print_ip_value(t, "remote", P_REMOTE_ADDRESS);
	if (*t->link)
		print_ip_value(t, "dev", P_LINK);
	if (t->ttl)
		printf(" ttl %u", t->ttl);
	if (t->dscp < 0)
		printf(" tos inherit");
	else if (t->dscp)
		printf(" tos %#x", t->dscp << 2);
	if (t->fwmark)
		printf(" fwmark %#x", t->fwmark);
	/* ip(8) refuses "nopmtudisc" with a fixed TTL. */
	if (!t->pmtudisc && !t->ttl)
		printf(" nopmtudisc");
	if (t->encap)
		print_ip_encap(t);
	if (t->external)
		printf(" external");
}

static void print_ip_set(const struct tunnel *t, const char *what, const char *value)
{
	printf("ip link set dev ");
	quote_shell(stdout, t->new_name);
	printf(" %s", what);
	if (value) {
		putchar(' ');
		quote_shell(stdout, value);
	}
	putchar('\n');
}

/* Properties that ip(8) can set, secrets, and those that print_ip_rest() handles itself. */
#define IP_SAYS		(BIT(P_COMMENT) | BIT(P_DISABLED) | BIT(P_DONT_FRAGMENT) | \
			 BIT(P_DSCP) | BIT(P_ENCAP) | BIT(P_ENCAP_CSUM) | \
			 BIT(P_ENCAP_DPORT) | BIT(P_ENCAP_REMCSUM) | \
			 BIT(P_ENCAP_SPORT) | BIT(P_EXTERNAL) | BIT(P_FWMARK) | \
			 BIT(P_IPSEC_SECRET_FILE) | BIT(P_KEEPALIVE_ANSWER) | \
			 BIT(P_LINK) | BIT(P_LOCAL_ADDRESS) | BIT(P_MODE) | \
			 BIT(P_MTU) | BIT(P_NAME) | BIT(P_REMOTE_ADDRESS) | BIT(P_TTL))

/* Properties that ip(8) can't set. */
static void print_ip_rest(const struct tunnel *t)
{
	char value[FORMAT_MAX];
	unsigned int p;

	property_format(P_DONT_FRAGMENT, t, value);
	if (t->df == IPIP_DF_NO || (!t->pmtudisc && t->ttl))
		printf("# ip(8) cannot set dont-fragment=%s\n", value);
	if (t->mtu_auto)
		printf("# ip(8) cannot set mtu=auto\n");
	if (!t->keepalive_answer)
		printf("# ip(8) cannot set keepalive-answer=no\n");
	for (p = 0; p < P_SETTABLE; p++) {
		if (IP_SAYS & BIT(p))
			continue;
		property_format(p, t, value);
		if (!*value || !strcmp(value, "no") || !strcmp(value, "none") ||
		    (p == P_KEEPALIVE_MODE && is_default(t, p)))
			continue;
		printf("# ip(8) cannot set %s=%s\n", properties[p].name, value);
	}
}

static int dry_run(const struct tunnel *t)
{
	printf("ip link add name ");
	quote_shell(stdout, t->new_name);
	if (!t->mtu_auto)
		printf(" mtu %u", t->mtu);
	print_ip_type(t);
	putchar('\n');
	if (*t->comment)
		print_ip_set(t, "alias", t->comment);
	if (!t->disabled)
		print_ip_set(t, "up", NULL);
	print_ip_rest(t);
	return 0;
}

/* add */

static int copy_tunnel(char *name, struct tunnel *t)
{
	struct tunnels chosen = {};
	const char *why = NULL;
	size_t used = 1;
	int ret = choose("add", &name, 1, false, &chosen, &used);

	if (!ret)
		why = chosen.n == 1 ? tunnel_copy(chosen.t, t) : "accepts one tunnel only";
	if (why)
		ret = usage("add", "copy-from: %s", why);
	tunnels_free(&chosen);
	return ret;
}

/* The words without "copy-from=TUNNEL", which says what the others begin with. */
static int take_copy_from(char **words, size_t *n, struct tunnel *t, uint64_t *given)
{
	static const char word[] = "copy-from=";
	size_t i, kept = 0;
	int ret = 0;

	for (i = 0; !ret && i < *n; i++) {
		if (strncmp(words[i], word, strlen(word))) {
			words[kept++] = words[i];
		} else {
			*given = BIT(P_REMOTE_ADDRESS);
			ret = copy_tunnel(words[i] + strlen(word), t);
		}
	}
	*n = kept;
	return ret;
}

/* Tunnels with such names, made by ip(8), can be used, but aren't created here. */
static const char *check_name(const struct tunnel *t, uint64_t mask)
{
	if (mask & BIT(P_NAME) && is_number_or_list(t->new_name))
		return "name: must not be a number or contain a comma";
	return NULL;
}

int cmd_add(char **words, size_t n)
{
	struct requests list = {};
	uint64_t mask = 0, given = 0;
	struct tunnel t;
	const char *why;
	int ret;

	tunnel_defaults(&t);
	ret = take_copy_from(words, &n, &t, &given) ?:
	      parse_properties("add", words, n, &t, &mask);
	if (ret)
		return ret;
	why = check_name(&t, mask) ?: complete_new(&t, mask | given) ?:
	      complete_ipsec(&t, &mask);
	if (why)
		return usage("add", "%s", why);
	request_add(&list, OP_ADD, &t, P_EVERYTHING);
	requests_name(&list);
	if (opt.dry_run)
		ret = dry_run(&list.r->t);
	else
		ret = need_ours() ?: carry_out(&list, NULL, opt.keep_going, "");
	free(list.r);
	return ret;
}

/* RouterOS's is the default of a tunnel with a secret. */
static void reset_profile(struct tunnel *t, const struct tunnel *old, uint64_t mask)
{
	if (mask & BIT(P_IPSEC_PROFILE) && !(mask & BIT(P_IPSEC_SECRET_FILE)) &&
	    old->ipsec_profile)
		t->ipsec_profile = IPSEC_ROUTEROS;
}

/* Record the change of a tunnel by @words, which are defaults for a reset. */
static int request_set(struct requests *list, const char *what, const struct tunnel *old,
		       char **words, size_t n, bool reset)
{
	struct tunnel t = *old;
	uint64_t mask = 0;
	const char *why;
	int ret;

	ret = parse_properties(what, words, n, &t, &mask);
	if (ret)
		return ret;
	if (reset && mask & BIT(P_KEEPALIVE))
		default_keepalive(&t);
	if (reset)
		reset_profile(&t, old, mask);
	why = check_name(&t, mask) ?: complete_ipsec(&t, &mask);
	if (why)
		return usage(what, "%s", why);
	if (mask)
		request_add(list, OP_SET, &t, mask);
	return 0;
}

/* Check the words independently of the tunnels. Several tunnels can't get one name. */
static int check_words(const char *what, char **words, size_t n)
{
	struct tunnel t;
	uint64_t mask = 0;
	int ret;

	tunnel_defaults(&t);
	ret = parse_properties(what, words, n, &t, &mask);
	if (!ret && mask & BIT(P_NAME))
		ret = usage(what, "name: can be set for one tunnel only");
	return ret;
}

/* Change each of the chosen tunnels by @words. */
static int set_all(const char *what, struct tunnels *chosen, char **words,
		   size_t n, bool reset)
{
	const bool several = chosen->n > 1, skip = several && opt.keep_going;
	struct requests list = {};
	int ret = several ? check_words(what, words, n) : 0;
	size_t i;

	for (i = 0; !ret && i < chosen->n; i++) {
		ret = request_set(&list, skip ? chosen->t[i].name : what, &chosen->t[i],
				  words, n, reset);
		if (ret && skip) {
			opt.missed = true;
			ret = 0;
		}
	}
	tunnels_sort(chosen);
	if (!ret && list.n)
		ret = carry_out(&list, chosen, opt.keep_going, "");
	free(list.r);
	return ret;
}

/* Change the tunnels that the first words name as the other words say. */
static int set_words(const char *what, char **words, size_t n)
{
	struct tunnels chosen = {};
	size_t used = 1;
	int ret = choose(what, words, n, false, &chosen, &used);

	if (!ret && used == n)
		ret = usage(what, "needs tunnels and property=value");
	ret = ret ?: need_ours() ?: set_all(what, &chosen, words + used, n - used, false);
	tunnels_free(&chosen);
	return ret;
}

int cmd_set(char **words, size_t n)
{
	if (n < 2)
		return usage("set", "needs tunnels and property=value");
	return set_words("set", words, n);
}

/* "name=value" for each property named in @words, with commas or blanks between,
 * and the value that @value has for it.
 */
static int assignments(const char *what, char **words, size_t n,
		       const char *(*value)(int p, char *buffer),
		       char *out[P_COUNT])
{
	char buffer[FORMAT_MAX], *item, *state;
	size_t i, len = 0;
	const char *v;
	int p;

	for (i = 0; i < n; i++) {
		for (item = strtok_r(words[i], ",", &state); item;
		     item = strtok_r(NULL, ",", &state)) {
			p = find_property(what, item, strlen(item));
			if (p < 0)
				return -IPIPCTL_USAGE;
			v = can_be_set(p) ? value(p, buffer) : NULL;
			if (!v || len == P_COUNT)
				return -usage(what, "%s: can't be %s",
					      properties[p].name, what);
			if (asprintf(&out[len++], "%s=%s", properties[p].name,
				     v) < 0)
				return -IPIPCTL_REFUSED;
		}
	}
	return len ? (int)len : -usage(what, "needs properties");
}

static const char *empty_value(int p, char *buffer)
{
	(void)buffer;
	return properties[p].empty;
}

static const char *default_value(int p, char *buffer)
{
	struct tunnel t;

	if (p == P_NAME || p == P_REMOTE_ADDRESS)
		return NULL;
	tunnel_defaults(&t);
	property_format(p, &t, buffer);
	return buffer;
}

static int assign(const char *what, char **words, size_t n,
		  const char *(*value)(int p, char *buffer))
{
	struct tunnels chosen = {};
	char *set[P_COUNT] = {};
	size_t i, used = 1;
	int ret, len;

	ret = choose(what, words, n, false, &chosen, &used);
	if (!ret && used == n)
		ret = usage(what, "needs tunnels and properties");
	len = ret ? -ret : assignments(what, words + used, n - used, value, set);
	ret = len < 0 ? -len : need_ours() ?:
	      set_all(what, &chosen, set, len, value == default_value);
	for (i = 0; i < P_COUNT; i++)
		free(set[i]);
	tunnels_free(&chosen);
	return ret;
}

int cmd_unset(char **words, size_t n)
{
	return assign("unset", words, n, empty_value);
}

int cmd_reset(char **words, size_t n)
{
	return assign("reset", words, n, default_value);
}

/* Choose by all words. */
static int choose_all(const char *what, char **words, size_t n, struct tunnels *chosen)
{
	size_t used = n;
	int ret = choose(what, words, n, false, chosen, &used);

	if (!ret && used < n)
		ret = usage(what, "%s: unexpected argument", words[used]);
	return ret;
}

int cmd_remove(char **words, size_t n)
{
	struct tunnels chosen = {};
	struct requests list = {};
	size_t i;
	int ret;

	ret = choose_all("remove", words, n, &chosen);
	for (i = 0; !ret && i < chosen.n; i++)
		request_add(&list, OP_REMOVE, &chosen.t[i], 0);
	/* A deleted tunnel can't be restored completely. */
	if (!ret)
		ret = carry_out(&list, NULL, true, "");
	counters_forget(&list);
	free(list.r);
	tunnels_free(&chosen);
	return ret;
}

/* Record addresses that have changed. If a look-up fails, report it and keep the address. */
static void request_refresh(struct requests *list, const struct tunnel *old)
{
	struct tunnel t = *old;
	uint64_t mask = 0;
	char name[FORMAT_MAX], kept[FORMAT_MAX];
	const char *why;
	unsigned int p;

	for (p = 0; p < P_SETTABLE; p++) {
		if (!properties[p].source)
			continue;
		why = property_refresh(p, &t);
		property_format(properties[p].source, old, name);
		property_format(p, old, kept);
		if (why) {
			fail(old->name, "%s: '%s' %s: %s is kept", properties[p].name, name, why,
			     kept);
			opt.missed = true;
		} else if (field_get(&t, properties[p].offset, properties[p].size) !=
			   field_get(old, properties[p].offset, properties[p].size)) {
			mask |= BIT(p) | BIT(properties[p].source);
		}
	}
	why = mask ? complete_ipsec(&t, &mask) : NULL;
	if (why) {
		fail(old->name, "%s", why);
		opt.missed = true;
	} else if (mask) {
		request_add(list, OP_SET, &t, mask);
	}
}

/* Look up the addresses of all tunnels, or of the chosen ones, again. */
int cmd_refresh(char **words, size_t n)
{
	struct tunnels chosen = {};
	struct requests list = {};
	size_t i;
	int ret;

	ret = n ? choose_all("refresh", words, n, &chosen) : tunnels_read(&chosen, false);
	for (i = 0; !ret && i < chosen.n; i++)
		request_refresh(&list, &chosen.t[i]);
	tunnels_sort(&chosen);
	if (!ret && list.n && !opt.dry_run)
		ret = carry_out(&list, &chosen, true, "");
	for (i = 0; i < list.n; i++)
		if (!list.r[i].error)
			request_show(&list.r[i]);
	free(list.r);
	tunnels_free(&chosen);
	return ret;
}

/* These also work with the in-tree driver. */
static int set_one(const char *what, char **words, size_t n, char *assignment)
{
	struct tunnels chosen = {};
	int ret;

	ret = choose_all(what, words, n, &chosen) ?:
	      set_all(what, &chosen, &assignment, 1, false);
	tunnels_free(&chosen);
	return ret;
}

int cmd_enable(char **words, size_t n)
{
	char assignment[] = "disabled=no";

	return set_one("enable", words, n, assignment);
}

int cmd_disable(char **words, size_t n)
{
	char assignment[] = "disabled=yes";

	return set_one("disable", words, n, assignment);
}

int cmd_comment(char **words, size_t n)
{
	char *assignment;
	int ret;

	if (n < 2)
		return usage("comment", "needs tunnels and a text");
	if (asprintf(&assignment, "comment=%s", words[n - 1]) < 0)
		return IPIPCTL_REFUSED;
	ret = set_one("comment", words, n - 1, assignment);
	free(assignment);
	return ret;
}
