// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs that change tunnels.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

static struct tunnel *find_tunnel(struct tunnels *all, const char *word)
{
	uint64_t id;

	if (!parse_number(word, UINT32_MAX, &id) && id < all->n)
		return &all->t[id];
	return tunnel_of_name(all, word);
}

/**
 * choose() - Find the tunnels that a word names
 * @all: those that there are
 * @word: numbers and names with commas between; written to
 * @chosen: those that are named are added, each once
 *
 * Return: 0, or an exit status after an error was printed.
 */
int choose(struct tunnels *all, char *word, struct tunnels *chosen)
{
	struct tunnel *t;
	char *item, *state;

	if (!strncmp(word, "numbers=", strlen("numbers=")))
		word += strlen("numbers=");
	for (item = strtok_r(word, ",", &state); item;
	     item = strtok_r(NULL, ",", &state)) {
		t = find_tunnel(all, item);
		if (!t) {
			fail(item, "no such tunnel");
			return IPIPCTL_REFUSED;
		}
		if (t->chosen)
			continue;
		t->chosen = true;
		*tunnel_add(chosen) = *t;
	}
	return 0;
}

/**
 * choose_all() - Read the tunnels that some words name
 * @what: what is being done, for errors
 * @words: numbers and names; written to
 * @n: how many words
 * @stats: with the device's counters
 * @chosen: those that are named, in that order, each once
 *
 * Return: 0, or an exit status after an error was printed.
 */
int choose_all(const char *what, char **words, size_t n, bool stats,
	       struct tunnels *chosen)
{
	struct tunnels all = {};
	size_t i;
	int ret;

	if (!n)
		return usage(what, "which tunnels?");
	ret = nl_dump(&all, stats);
	for (i = 0; !ret && i < n; i++)
		ret = choose(&all, words[i], chosen);
	if (!ret && !chosen->n)
		ret = usage(what, "which tunnels?");
	tunnels_free(&all);
	return ret;
}

/**
 * need_ours() - Refuse what the in-tree driver would ignore
 *
 * Return: 0, or an exit status after an error was printed.
 */
int need_ours(void)
{
	bool loaded;

	if (driver_is_ours(&loaded))
		return 0;
	fail("ipip", "the loaded driver is the in-tree one, which has none of these properties");
	return IPIPCTL_REFUSED;
}

/* The kernel may have loaded the in-tree driver for it. */
static int check_driver(const struct tunnel *t)
{
	struct requests undo = {};
	int ret = need_ours();

	if (ret) {
		request_add(&undo, OP_REMOVE, t, 0);
		nl_run(&undo, NULL, true, NULL);
		free(undo.r);
	}
	return ret;
}

/**
 * carry_out() - Carry requests out, all or none: in the kernel, and then with the IKE
 * daemon
 * @list: the requests
 * @before: those that OP_SET changes as they were, sorted by index
 * @keep_going: carry out what can be, though others are refused
 * @source: file that they come from, for errors
 *
 * The kernel first, so that nothing leaves before it requires IPsec.
 *
 * Return: 0, or an exit status after an error was printed.
 */
int carry_out(struct requests *list, const struct tunnels *before,
	      bool keep_going, const char *source)
{
	int ret = nl_run(list, before, keep_going, source);
	struct requests one = { .n = 1 };
	size_t i;

	if ((ret && !keep_going) || !ipsec_follow(list, keep_going))
		return ret;
	if (!keep_going)
		nl_undo(list, before);
	for (i = 0; keep_going && i < list->n; i++) {
		one.r = &list->r[i];
		if (one.r->error && !one.r->reported)
			nl_undo(&one, before);
	}
	return nl_report(list, source);
}

static void print_ip_word(const struct tunnel *t, const char *name, unsigned int p)
{
	char value[FORMAT_MAX];

	properties[p].format(t, value);
	printf(" %s %s", name, value);
}

/* What ip(8) has no word for. */
static void print_ip_rest(const struct tunnel *t)
{
	static const unsigned int rest[] = {
		P_CLAMP_TCP_MSS, P_KEEPALIVE, P_KEEPALIVE_MODE,
		P_KEEPALIVE_TARGET, P_REQUIRE_IPSEC, P_IPSEC_PROFILE,
	};
	char value[FORMAT_MAX];
	unsigned int i;

	if (t->df == IPIP_DF_NO)
		printf("# ip has no word for dont-fragment=no\n");
	if (t->mtu_auto)
		printf("# ip has no word for mtu=auto\n");
	for (i = 0; i < ARRAY_SIZE(rest); i++) {
		properties[rest[i]].format(t, value);
		if (!*value || !strcmp(value, "no") || !strcmp(value, "none") ||
		    (rest[i] == P_KEEPALIVE_MODE && is_default(t, rest[i])))
			continue;
		printf("# ip has no word for %s=%s\n", properties[rest[i]].name,
		       value);
	}
}

static void print_ip_encap(const struct tunnel *t)
{
	print_ip_word(t, "encap", P_ENCAP);
	print_ip_word(t, "encap-sport", P_ENCAP_SPORT);
	if (t->encap_dport)
		printf(" encap-dport %u", t->encap_dport);
	if (t->encap_flags & TUNNEL_ENCAP_FLAG_CSUM)
		printf(" encap-csum");
	if (t->encap_flags & TUNNEL_ENCAP_FLAG_REMCSUM)
		printf(" encap-remcsum");
}

static int dry_run(const struct tunnel *t)
{
	printf("ip link add name %s", t->new_name);
	if (!t->mtu_auto)
		printf(" mtu %u", t->mtu);
	printf(" type ipip");
	if (t->mode)
		print_ip_word(t, "mode", P_MODE);
	if (t->local)
		print_ip_word(t, "local", P_LOCAL_ADDRESS);
	if (t->remote)
		print_ip_word(t, "remote", P_REMOTE_ADDRESS);
	if (*t->link)
		print_ip_word(t, "dev", P_LINK);
	if (t->ttl)
		printf(" ttl %u", t->ttl);
	if (t->dscp < 0)
		printf(" tos inherit");
	else if (t->dscp)
		printf(" tos %#x", t->dscp << 2);
	if (t->fwmark)
		printf(" fwmark %#x", t->fwmark);
	/* ip(8) takes no "nopmtudisc" with a fixed TTL. */
	if (!t->pmtudisc && !t->ttl)
		printf(" nopmtudisc");
	if (t->encap)
		print_ip_encap(t);
	if (t->external)
		printf(" external");
	putchar('\n');
	if (*t->comment) {
		printf("ip link set dev %s alias ", t->new_name);
		quote_word(stdout, t->comment);
		putchar('\n');
	}
	if (!t->disabled)
		printf("ip link set dev %s up\n", t->new_name);
	print_ip_rest(t);
	return 0;
}

int cmd_add(char **words, size_t n)
{
	struct requests list = {};
	struct tunnel t;
	const char *why;
	uint32_t mask = 0;
	int ret;

	tunnel_defaults(&t);
	ret = parse_properties("add", words, n, &t, &mask);
	if (ret)
		return ret;
	why = complete_new(&t, mask) ?: complete_ipsec(&t, &mask);
	if (why)
		return usage("add", "%s", why);
	request_add(&list, OP_ADD, &t, P_EVERYTHING);
	requests_name(&list);
	if (opt.dry_run)
		ret = dry_run(&list.r->t);
	else
		ret = need_ours() ?: carry_out(&list, NULL, false, "") ?:
		      check_driver(&list.r->t);
	free(list.r);
	return ret;
}

/* Change each of the chosen tunnels by @words. */
static int set_all(const char *what, struct tunnels *chosen, char **words,
		   size_t n)
{
	struct requests list = {};
	const char *why;
	struct tunnel t;
	uint32_t mask;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < chosen->n; i++) {
		t = chosen->t[i];
		mask = 0;
		ret = parse_properties(what, words, n, &t, &mask);
		if (!ret && mask & BIT(P_NAME) && chosen->n > 1)
			ret = usage(what, "name: for one tunnel only");
		why = ret ? NULL : complete_ipsec(&t, &mask);
		if (why)
			ret = usage(what, "%s", why);
		if (mask)
			request_add(&list, OP_SET, &t, mask);
	}
	tunnels_number(chosen);
	if (!ret && list.n)
		ret = carry_out(&list, chosen, opt.keep_going, "");
	free(list.r);
	return ret;
}

int cmd_set(char **words, size_t n)
{
	struct tunnels chosen = {};
	int ret;

	if (n < 2)
		return usage("set", "which tunnels, and what?");
	ret = choose_all("set", words, 1, false, &chosen) ?: need_ours() ?:
	      set_all("set", &chosen, words + 1, n - 1);
	tunnels_free(&chosen);
	return ret;
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
			v = p < P_SETTABLE ? value(p, buffer) : NULL;
			if (!v || len == P_COUNT)
				return -usage(what, "%s: can't be %s",
					      properties[p].name, what);
			if (asprintf(&out[len++], "%s=%s", properties[p].name,
				     v) < 0)
				return -IPIPCTL_REFUSED;
		}
	}
	return len ? (int)len : -usage(what, "which properties?");
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
	properties[p].format(&t, buffer);
	return buffer;
}

static int assign(const char *what, char **words, size_t n,
		  const char *(*value)(int p, char *buffer))
{
	struct tunnels chosen = {};
	char *set[P_COUNT] = {};
	int ret, len;
	size_t i;

	if (n < 2)
		return usage(what, "which tunnels, and which properties?");
	len = assignments(what, words + 1, n - 1, value, set);
	ret = len < 0 ? -len : choose_all(what, words, 1, false, &chosen) ?:
	      need_ours() ?: set_all(what, &chosen, set, len);
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

int cmd_remove(char **words, size_t n)
{
	struct tunnels chosen = {};
	struct requests list = {};
	size_t i;
	int ret;

	ret = choose_all("remove", words, n, false, &chosen);
	for (i = 0; !ret && i < chosen.n; i++)
		request_add(&list, OP_REMOVE, &chosen.t[i], 0);
	/* What is gone can't be put back as it was. */
	if (!ret)
		ret = carry_out(&list, NULL, true, "");
	free(list.r);
	tunnels_free(&chosen);
	return ret;
}

static int set_one(const char *what, char **words, size_t n, char *assignment)
{
	struct tunnels chosen = {};
	int ret;

	ret = choose_all(what, words, n, false, &chosen) ?:
	      set_all(what, &chosen, &assignment, 1);
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

	if (n != 2)
		return usage("comment", "which tunnels, and what text?");
	if (asprintf(&assignment, "comment=%s", words[1]) < 0)
		return IPIPCTL_REFUSED;
	ret = set_one("comment", words, 1, assignment);
	free(assignment);
	return ret;
}
