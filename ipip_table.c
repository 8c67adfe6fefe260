// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: the table of a netns' tunnels, hashed by outer addresses.
 *
 * RTNL protects every change. The receive path looks tunnels up under RCU. The layout of
 * the table is private to this file.
 */
#include <linux/hash.h>
#include <linux/in.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ipip.h"

#define IPIP_TABLE_BITS_MIN	4

/* Classes of plain entries: bit 0 for any local, bit 1 for any remote. A more specific
 * class has a lower number and is looked up first.
 */
#define IPIP_CLASS_ANY_LOCAL	BIT(0)
#define IPIP_CLASS_ANY_REMOTE	BIT(1)
#define IPIP_CLASSES		4

/**
 * struct ipip_table - the tunnels of one netns, hashed by outer addresses
 * @rcu: for the deferred free
 * @external: the entry in external mode, or NULL; RCU
 * @fallback: tunl0's entry, or NULL; RCU
 * @entries: number of entries of all roles
 * @count: number of plain entries by class; a look-up skips an empty class
 * @linked: number of entries that are bound to an underlay device
 * @mtu_auto: number of entries whose MTU follows the path
 * @gen: index of the node in &ipip_parms.node that this table uses. While a table
 *	grows, readers may still use the old one, which uses the other node
 * @bits: number of buckets, as a power of two
 * @buckets: heads of the chains
 *
 * Readers hold rcu_read_lock(), writers RTNL. The table doubles when it has as
 * many entries as buckets, so that a chain has one entry on average.
 */
struct ipip_table {
	struct rcu_head rcu;
	struct ipip_parms __rcu *external;
	struct ipip_parms __rcu *fallback;
	unsigned int entries;
	unsigned int count[IPIP_CLASSES];
	unsigned int linked;
	unsigned int mtu_auto;
	u8 gen;
	u8 bits;
	struct hlist_head buckets[];
};

static struct ipip_table *ipip_table_alloc(u8 bits)
{
	struct ipip_table *table;

	table = kvzalloc(struct_size(table, buckets, BIT(bits)),
			 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (table)
		table->bits = bits;
	return table;
}

/* The hash is the upper bits of the product: when the table doubles, a bucket is split
 * into two adjacent ones.
 */
static unsigned int ipip_table_hash(const struct ipip_table *table,
				    __be32 local, __be32 remote)
{
	u64 key = (u64)(__force u32)local << 32 | (__force u32)remote;

	return hash_64(key, table->bits);
}

static unsigned int ipip_table_class(const struct ipip_parms *parms)
{
	return (parms->key_local ? 0 : IPIP_CLASS_ANY_LOCAL) |
	       (parms->key_remote ? 0 : IPIP_CLASS_ANY_REMOTE);
}

/* Add @n to the counts of an entry. */
static void ipip_table_count(struct ipip_table *table,
			     const struct ipip_parms *parms, int n)
{
	unsigned int *count = &table->count[ipip_table_class(parms)];

	table->entries += n;
	if (parms->cfg.role == IPIP_ROLE_PLAIN)
		WRITE_ONCE(*count, *count + n);
	if (parms->key_link)
		WRITE_ONCE(table->linked, table->linked + n);
	if (parms->cfg.mtu_auto)
		WRITE_ONCE(table->mtu_auto, table->mtu_auto + n);
}

/* Get the place of the only entry of a role that isn't found by addresses, or NULL for
 * plain entries.
 */
static struct ipip_parms __rcu **ipip_table_sole(struct ipip_table *table,
						 enum ipip_role role)
{
	switch (role) {
	case IPIP_ROLE_EXTERNAL:
		return &table->external;
	case IPIP_ROLE_FALLBACK:
		return &table->fallback;
	case IPIP_ROLE_PLAIN:
		break;
	}
	return NULL;
}

/**
 * ipip_table_link() - Add a configuration to the table
 * @in: netns of the outer packets
 * @parms: configuration that isn't in the table; ipip_table_set_key() was called for
 *	it, and ipip_table_reserve() for the tunnel
 *
 * The entry is added at the end of its chain, so of entries that match equally well the
 * oldest is the first. It is counted before a reader can find it.
 *
 * Context: process, RTNL.
 */
void ipip_table_link(struct ipip_net *in, struct ipip_parms *parms)
{
	struct ipip_table *table = rtnl_dereference(in->table);
	struct ipip_parms __rcu **sole = ipip_table_sole(table, parms->cfg.role);
	unsigned int hash;

	ipip_table_count(table, parms, 1);
	if (sole)
		rcu_assign_pointer(*sole, parms);
	hash = ipip_table_hash(table, parms->key_local, parms->key_remote);
	hlist_add_tail_rcu(&parms->node[table->gen], &table->buckets[hash]);
}

/**
 * ipip_table_unlink() - Remove a configuration from the table
 * @in: netns of the outer packets
 * @parms: configuration that is in the table
 *
 * Readers may still use it until a grace period is over.
 *
 * Context: process, RTNL.
 */
void ipip_table_unlink(struct ipip_net *in, struct ipip_parms *parms)
{
	struct ipip_table *table = rtnl_dereference(in->table);
	struct ipip_parms __rcu **sole = ipip_table_sole(table, parms->cfg.role);

	hlist_del_init_rcu(&parms->node[table->gen]);
	/* A change has already replaced it by its successor. */
	if (sole && rcu_access_pointer(*sole) == parms)
		RCU_INIT_POINTER(*sole, NULL);
	ipip_table_count(table, parms, -1);
	if (parms->many)
		in->routes_many--;
}

/**
 * ipip_table_has() - Check whether a configuration is in the table
 * @in: netns of the outer packets
 * @parms: the configuration; ipip_table_reserve() was called for it
 *
 * Context: process, RTNL.
 * Return: true between ipip_table_link() and ipip_table_unlink().
 */
bool ipip_table_has(const struct ipip_net *in, const struct ipip_parms *parms)
{
	const struct ipip_table *table = rtnl_dereference(in->table);

	return !hlist_unhashed(&parms->node[table->gen]);
}

/* Split a chain of the old table into the two chains of the new one that replace it, and
 * keep its order.
 */
static void ipip_table_split(struct ipip_table *table,
			     const struct ipip_table *old, unsigned int bucket)
{
	struct hlist_node *tail[2] = {};
	struct ipip_parms *parms;
	struct hlist_node *node;
	unsigned int hash, half;

	hlist_for_each_entry(parms, &old->buckets[bucket], node[old->gen]) {
		hash = ipip_table_hash(table, parms->key_local,
				       parms->key_remote);
		half = hash - 2 * bucket;
		node = &parms->node[table->gen];
		if (tail[half])
			hlist_add_behind_rcu(node, tail[half]);
		else
			hlist_add_head_rcu(node, &table->buckets[hash]);
		tail[half] = node;
	}
}

/* Readers of the old table use the nodes of its generation. These aren't changed before
 * synchronize_net() has waited for all such readers.
 */
static void ipip_table_grow(struct ipip_net *in, struct ipip_table *old)
{
	struct ipip_table *table;
	unsigned int i;

	table = ipip_table_alloc(old->bits + 1);
	if (!table)
		return;	/* Accept longer chains rather than refuse a tunnel. */

	table->gen = !old->gen;
	table->entries = old->entries;
	table->linked = old->linked;
	table->mtu_auto = old->mtu_auto;
	memcpy(table->count, old->count, sizeof(table->count));
	RCU_INIT_POINTER(table->external, rtnl_dereference(old->external));
	RCU_INIT_POINTER(table->fallback, rtnl_dereference(old->fallback));
	for (i = 0; i < BIT(old->bits); i++) {
		ipip_table_split(table, old, i);
		cond_resched();
	}

	rcu_assign_pointer(in->table, table);
	synchronize_net();
	kvfree(old);
}

/**
 * ipip_table_reserve() - Make room for one more tunnel
 * @in: netns of the outer packets
 *
 * Afterwards ipip_table_link() can't fail.
 *
 * Context: process, RTNL.
 * Return: 0, or -ENOMEM if no table could be allocated.
 */
int ipip_table_reserve(struct ipip_net *in)
{
	struct ipip_table *table = rtnl_dereference(in->table);

	if (!table) {
		table = ipip_table_alloc(IPIP_TABLE_BITS_MIN);
		if (!table)
			return -ENOMEM;
		rcu_assign_pointer(in->table, table);
	} else if (table->entries >= BIT(table->bits)) {
		ipip_table_grow(in, table);
	}
	return 0;
}

/**
 * ipip_table_free() - Free the table of a netns that ends, or whose setup failed
 * @in: the netns, which has no tunnel any more and can't get one
 *
 * The receive path may still look for a tunnel.
 *
 * Context: process.
 */
void ipip_table_free(struct ipip_net *in)
{
	struct ipip_table *table = rcu_dereference_protected(in->table, true);

	RCU_INIT_POINTER(in->table, NULL);
	if (table)
		kvfree_rcu(table, rcu);
}

/**
 * ipip_table_next() - Iterate over the tunnels of a netns
 * @in: netns of the outer packets
 * @parms: configuration of the previous tunnel, or NULL for the first
 *
 * Each tunnel is returned once, in no particular order, if none is linked or
 * unlinked meanwhile.
 *
 * Context: process, RTNL.
 * Return: the configuration of the next tunnel, or NULL after the last.
 */
struct ipip_parms *ipip_table_next(const struct ipip_net *in,
				   const struct ipip_parms *parms)
{
	const struct ipip_table *table = rtnl_dereference(in->table);
	struct hlist_node *node = NULL;
	unsigned int hash = 0;

	if (!table)
		return NULL;

	if (parms) {
		node = parms->node[table->gen].next;
		hash = 1 + ipip_table_hash(table, parms->key_local,
					   parms->key_remote);
	}
	while (!node && hash < BIT(table->bits))
		node = table->buckets[hash++].first;
	return hlist_entry_safe(node, struct ipip_parms, node[table->gen]);
}

/**
 * ipip_table_has_links() - Check whether a tunnel of a netns is bound to a device
 * @in: netns of the outer packets
 *
 * Context: process, RTNL.
 * Return: true if one is.
 */
bool ipip_table_has_links(const struct ipip_net *in)
{
	const struct ipip_table *table = rtnl_dereference(in->table);

	return table && table->linked;
}

/**
 * ipip_table_has_mtu_auto() - Check whether a tunnel of a netns has an automatic MTU
 * @in: netns of the outer packets
 *
 * Context: any.
 * Return: true if one has.
 */
bool ipip_table_has_mtu_auto(const struct ipip_net *in)
{
	const struct ipip_table *table;
	bool has;

	rcu_read_lock();
	table = rcu_dereference(in->table);
	has = table && READ_ONCE(table->mtu_auto);
	rcu_read_unlock();
	return has;
}

/**
 * ipip_table_end_mtu_auto() - Turn the automatic MTU of a tunnel off
 * @in: netns of the outer packets
 * @parms: configuration that is in the table, with an automatic MTU
 *
 * Context: process, RTNL.
 */
void ipip_table_end_mtu_auto(struct ipip_net *in, struct ipip_parms *parms)
{
	struct ipip_table *table = rtnl_dereference(in->table);

	WRITE_ONCE(table->mtu_auto, table->mtu_auto - 1);
	WRITE_ONCE(parms->cfg.mtu_auto, false);
}

/* A tunnel to a multicast group receives packets that are sent to the group. */
static __be32 ipip_key_local(__be32 local, __be32 remote)
{
	return ipv4_is_multicast(remote) ? remote : local;
}

static __be32 ipip_key_remote(__be32 remote)
{
	return ipv4_is_multicast(remote) ? 0 : remote;
}

/**
 * ipip_table_set_key() - Derive the keys by which the table finds a configuration
 * @parms: the configuration, not in the table yet
 *
 * A configuration that isn't found by its addresses gets addresses that no packet has.
 *
 * Context: any.
 */
void ipip_table_set_key(struct ipip_parms *parms)
{
	const struct ipip_config *cfg = &parms->cfg;

	parms->key_link = cfg->link;
	if (cfg->role == IPIP_ROLE_PLAIN) {
		parms->key_local = ipip_key_local(cfg->local, cfg->remote);
		parms->key_remote = ipip_key_remote(cfg->remote);
	} else {
		parms->key_local = htonl(INADDR_BROADCAST);
		parms->key_remote = htonl(INADDR_BROADCAST);
	}
}

static bool ipip_has_addresses(const struct ipip_parms *parms, __be32 local,
			       __be32 remote, int link)
{
	return parms && parms->cfg.local == local &&
	       parms->cfg.remote == remote && parms->cfg.link == link;
}

/**
 * ipip_find() - Find the tunnel that was configured with these addresses
 * @net: netns of the outer packets
 * @local: outer source, or 0
 * @remote: outer destination, or 0
 * @link: index of the underlay device, or 0
 *
 * Context: process, RTNL.
 * Return: its configuration, or NULL. tunl0 takes precedence over a tunnel in external
 * mode.
 */
struct ipip_parms *ipip_find(const struct net *net, __be32 local, __be32 remote,
			     int link)
{
	struct ipip_table *table = rtnl_dereference(ipip_pernet(net)->table);
	struct ipip_parms *parms;
	unsigned int hash;

	if (!table)
		return NULL;

	parms = rtnl_dereference(table->fallback);
	if (ipip_has_addresses(parms, local, remote, link))
		return parms;
	parms = rtnl_dereference(table->external);
	if (ipip_has_addresses(parms, local, remote, link))
		return parms;
	hash = ipip_table_hash(table, ipip_key_local(local, remote),
			       ipip_key_remote(remote));
	hlist_for_each_entry(parms, &table->buckets[hash], node[table->gen])
		if (ipip_has_addresses(parms, local, remote, link))
			return parms;
	return NULL;
}

/**
 * ipip_exists() - Check whether another tunnel excludes a configuration
 * @net: netns of the outer packets
 * @parms: configuration whose local, remote and link are looked for; its own device is
 *	ignored
 *
 * Context: process, RTNL.
 * Return: true if another tunnel has the same local, remote and link, or if both
 * are in external mode.
 */
bool ipip_exists(const struct net *net, const struct ipip_parms *parms)
{
	struct ipip_table *table = rtnl_dereference(ipip_pernet(net)->table);
	const struct ipip_parms *other = NULL;

	if (parms->cfg.role != IPIP_ROLE_EXTERNAL)
		other = ipip_find(net, parms->cfg.local, parms->cfg.remote,
				  parms->cfg.link);
	else if (table)
		other = rtnl_dereference(table->external);
	return other && other->dev != parms->dev;
}

static bool ipip_is_up(const struct ipip_parms *parms)
{
	return READ_ONCE(parms->dev->flags) & IFF_UP;
}

/* Find the best entry of one class whose device is up. An entry that is bound to the
 * receiving device is best. Without one it is, as in the in-tree driver, the oldest entry
 * in the class with both addresses, and the newest entry in the other classes.
 */
static struct ipip_parms *
ipip_lookup_class(const struct ipip_table *table, __be32 local, __be32 remote,
		  int ifindex)
{
	const struct hlist_head *head;
	struct ipip_parms *parms, *best = NULL;

	head = &table->buckets[ipip_table_hash(table, local, remote)];
	hlist_for_each_entry_rcu(parms, head, node[table->gen]) {
		if (parms->key_local != local || parms->key_remote != remote)
			continue;
		if (!ipip_is_up(parms))
			continue;
		if (parms->key_link == ifindex)
			return parms;
		if (!best || !local || !remote)
			best = parms;
	}
	return best;
}

/* Find the entry that receives packets for which no entry with addresses is found. */
static struct ipip_parms *ipip_lookup_sole(const struct ipip_table *table)
{
	struct ipip_parms *parms;

	parms = rcu_dereference(table->external);
	if (parms && ipip_is_up(parms))
		return parms;
	parms = rcu_dereference(table->fallback);
	if (parms && ipip_is_up(parms))
		return parms;
	return NULL;
}

/**
 * ipip_lookup() - Find the tunnel for an outer packet
 * @net: netns of the outer packets
 * @local: its destination
 * @remote: its source
 * @ifindex: the receiving device
 *
 * The order of precedence is (local, remote), (any, remote), (local, any) or the group
 * that the packet was sent to, (any, any), then the tunnel in external mode, then tunl0. A
 * tunnel that is bound to the receiving device takes precedence over all that aren't. As in
 * the in-tree driver, a tunnel that is bound to another device isn't excluded. A tunnel
 * that is down receives nothing.
 *
 * Context: softirq, RCU.
 * Return: the tunnel's configuration, or NULL.
 */
struct ipip_parms *ipip_lookup(const struct net *net, __be32 local,
			       __be32 remote, int ifindex)
{
	struct ipip_parms *parms, *best = NULL;
	const struct ipip_table *table;
	unsigned int class;

	table = rcu_dereference(ipip_pernet(net)->table);
	if (!table)
		return NULL;

	for (class = 0; class < IPIP_CLASSES; class++) {
		if (!READ_ONCE(table->count[class]))
			continue;
		parms = ipip_lookup_class(table,
					  class & IPIP_CLASS_ANY_LOCAL ? 0 : local,
					  class & IPIP_CLASS_ANY_REMOTE ? 0 : remote,
					  ifindex);
		if (!parms)
			continue;
		if (parms->key_link == ifindex || !READ_ONCE(table->linked))
			return parms;
		if (!best)
			best = parms;
	}
	return best ?: ipip_lookup_sole(table);
}
