// SPDX-License-Identifier: GPL-2.0
/*
 * IP in IP tunnel: counters of rare events. A counter has the same name in `ethtool
 * -S`, in IFLA_INFO_XSTATS and in the tracepoint ipip_drop. Each drop has a counter,
 * and a reason for the kernel's drop monitor.
 *
 * The counters are per tunnel and not per CPU, because packets that are sent or received
 * without an error don't change them.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "ipip.h"

#define CREATE_TRACE_POINTS
#include "ipip_trace.h"

#define IPIP_COUNTER_FIRST	IFLA_IPIP_XSTATS_RX_PROTOCOL
#define IPIP_COUNTERS		(__IFLA_IPIP_XSTATS_MAX - IPIP_COUNTER_FIRST)

static const char ipip_counter_names[__IFLA_IPIP_XSTATS_MAX][ETH_GSTRING_LEN] = {
	[IFLA_IPIP_XSTATS_RX_PROTOCOL] = "rx_protocol",
	[IFLA_IPIP_XSTATS_RX_POLICY] = "rx_policy",
	[IFLA_IPIP_XSTATS_RX_NO_IPSEC] = "rx_no_ipsec",
	[IFLA_IPIP_XSTATS_RX_ECN] = "rx_ecn",
	[IFLA_IPIP_XSTATS_RX_NO_MEMORY] = "rx_no_memory",
	[IFLA_IPIP_XSTATS_TX_MALFORMED] = "tx_malformed",
	[IFLA_IPIP_XSTATS_TX_PROTOCOL] = "tx_protocol",
	[IFLA_IPIP_XSTATS_TX_NESTED] = "tx_nested",
	[IFLA_IPIP_XSTATS_TX_NO_NEXTHOP] = "tx_no_nexthop",
	[IFLA_IPIP_XSTATS_TX_NO_ROUTE] = "tx_no_route",
	[IFLA_IPIP_XSTATS_TX_LOOP] = "tx_loop",
	[IFLA_IPIP_XSTATS_TX_NO_IPSEC] = "tx_no_ipsec",
	[IFLA_IPIP_XSTATS_TX_TOO_BIG] = "tx_too_big",
	[IFLA_IPIP_XSTATS_TX_NO_MEMORY] = "tx_no_memory",
	[IFLA_IPIP_XSTATS_RX_MSS_CLAMPED] = "rx_mss_clamped",
	[IFLA_IPIP_XSTATS_TX_MSS_CLAMPED] = "tx_mss_clamped",
	[IFLA_IPIP_XSTATS_KEEPALIVE_SENT] = "keepalive_sent",
	[IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT] = "keepalive_unsent",
	[IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED] = "keepalive_answered",
	[IFLA_IPIP_XSTATS_KEEPALIVE_LATE] = "keepalive_late",
	[IFLA_IPIP_XSTATS_KEEPALIVE_FORGED] = "keepalive_forged",
	[IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED] = "keepalive_reflected",
	[IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED] = "keepalive_rate_limited",
	[IFLA_IPIP_XSTATS_TX_ENCAP] = "tx_encap",
	[IFLA_IPIP_XSTATS_RX_BACKLOG] = "rx_backlog",
	[IFLA_IPIP_XSTATS_MSS_TCP_AO] = "mss_tcp_ao",
	[IFLA_IPIP_XSTATS_MTU_PROBE_SENT] = "mtu_probe_sent",
	[IFLA_IPIP_XSTATS_MTU_PROBE_LOST] = "mtu_probe_lost",
	[IFLA_IPIP_XSTATS_MTU_BLACK_HOLE] = "mtu_black_hole",
	[IFLA_IPIP_XSTATS_MTU_HINT_UNDONE] = "mtu_hint_undone",
	[IFLA_IPIP_XSTATS_KEEPALIVE_MISSED] = "keepalive_missed",
};

/* The counter of each drop, and its reason for the kernel's drop monitor. */
static const struct {
	enum ipip_xstats counter;
	unsigned int reason;
} ipip_drops[] = {
	[IPIP_DROP_RX_PROTOCOL] = {
		IFLA_IPIP_XSTATS_RX_PROTOCOL, IPIP_REASON(UNHANDLED_PROTO) },
	[IPIP_DROP_RX_POLICY] = {
		IFLA_IPIP_XSTATS_RX_POLICY, IPIP_REASON(XFRM_POLICY) },
	[IPIP_DROP_RX_NO_IPSEC] = {
		IFLA_IPIP_XSTATS_RX_NO_IPSEC, IPIP_REASON(XFRM_POLICY) },
	[IPIP_DROP_RX_ECN] = {
		IFLA_IPIP_XSTATS_RX_ECN, IPIP_REASON_ECN },
	[IPIP_DROP_RX_NO_MEMORY] = {
		IFLA_IPIP_XSTATS_RX_NO_MEMORY, IPIP_REASON(NOMEM) },
	[IPIP_DROP_RX_BACKLOG] = {
		IFLA_IPIP_XSTATS_RX_BACKLOG, IPIP_REASON(CPU_BACKLOG) },
	[IPIP_DROP_TX_MALFORMED] = {
		IFLA_IPIP_XSTATS_TX_MALFORMED, IPIP_REASON(PKT_TOO_SMALL) },
	[IPIP_DROP_TX_PROTOCOL] = {
		IFLA_IPIP_XSTATS_TX_PROTOCOL, IPIP_REASON(UNHANDLED_PROTO) },
	[IPIP_DROP_TX_NESTED] = {
		IFLA_IPIP_XSTATS_TX_NESTED, IPIP_REASON_NESTED },
	[IPIP_DROP_TX_NO_NEXTHOP] = {
		IFLA_IPIP_XSTATS_TX_NO_NEXTHOP, IPIP_REASON(IP_OUTNOROUTES) },
	[IPIP_DROP_TX_NO_ROUTE] = {
		IFLA_IPIP_XSTATS_TX_NO_ROUTE, IPIP_REASON(IP_OUTNOROUTES) },
	[IPIP_DROP_TX_LOOP] = {
		IFLA_IPIP_XSTATS_TX_LOOP, IPIP_REASON(IP_OUTNOROUTES) },
	[IPIP_DROP_TX_NO_IPSEC] = {
		IFLA_IPIP_XSTATS_TX_NO_IPSEC, IPIP_REASON(XFRM_POLICY) },
	[IPIP_DROP_TX_TOO_BIG] = {
		IFLA_IPIP_XSTATS_TX_TOO_BIG, IPIP_REASON(PKT_TOO_BIG) },
	[IPIP_DROP_TX_NO_MEMORY] = {
		IFLA_IPIP_XSTATS_TX_NO_MEMORY, IPIP_REASON(NOMEM) },
	[IPIP_DROP_TX_ENCAP] = {
		IFLA_IPIP_XSTATS_TX_ENCAP, IPIP_REASON(NOT_SPECIFIED) },
	[IPIP_DROP_KEEPALIVE_UNSENT] = {
		IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT, IPIP_REASON(IP_OUTNOROUTES) },
	[IPIP_DROP_KEEPALIVE_LATE] = {
		IFLA_IPIP_XSTATS_KEEPALIVE_LATE, IPIP_REASON(INVALID_PROTO) },
	[IPIP_DROP_KEEPALIVE_FORGED] = {
		IFLA_IPIP_XSTATS_KEEPALIVE_FORGED, IPIP_REASON(INVALID_PROTO) },
	[IPIP_DROP_KEEPALIVE_RATE_LIMITED] = {
		IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED, IPIP_REASON(NOT_SPECIFIED) },
};

static atomic64_t *ipip_counter(const struct net_device *dev,
				enum ipip_xstats counter)
{
	struct ipip_tunnel *tunnel = netdev_priv(dev);

	return &tunnel->counters[counter];
}

/**
 * ipip_count() - Count a rare event
 * @dev: the tunnel's device
 * @counter: which event
 *
 * Context: any.
 */
void ipip_count(const struct net_device *dev, enum ipip_xstats counter)
{
	atomic64_inc(ipip_counter(dev, counter));
}

/**
 * ipip_drop() - Drop a packet, count it and pass the reason to the kernel
 * @dev: the tunnel's device
 * @skb: the packet; freed
 * @verdict: why it is dropped; not %IPIP_PASS
 *
 * The caller counts it in the device's error counters.
 *
 * Context: softirqs off.
 */
void ipip_drop(const struct net_device *dev, struct sk_buff *skb,
	       enum ipip_verdict verdict)
{
	const enum ipip_xstats counter = ipip_drops[verdict].counter;

	ipip_count(dev, counter);
	trace_ipip_drop(dev, skb, ipip_counter_names[counter]);
	ipip_compat_free_skb(skb, ipip_drops[verdict].reason);
}

static int ipip_get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? IPIP_COUNTERS : -EOPNOTSUPP;
}

static void ipip_get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	unsigned int i;

	if (sset != ETH_SS_STATS)
		return;
	for (i = IPIP_COUNTER_FIRST; i < __IFLA_IPIP_XSTATS_MAX; i++) {
		memcpy(data, ipip_counter_names[i], ETH_GSTRING_LEN);
		data += ETH_GSTRING_LEN;
	}
}

static void ipip_get_ethtool_stats(struct net_device *dev,
				   struct ethtool_stats *stats, u64 *data)
{
	unsigned int i;

	for (i = IPIP_COUNTER_FIRST; i < __IFLA_IPIP_XSTATS_MAX; i++)
		*data++ = atomic64_read(ipip_counter(dev, i));
}

const struct ethtool_ops ipip_ethtool_ops = {
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= ipip_get_sset_count,
	.get_strings		= ipip_get_strings,
	.get_ethtool_stats	= ipip_get_ethtool_stats,
};

/**
 * ipip_xstats_size() - Get the size that ipip_xstats_fill() needs
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 * Return: bytes.
 */
size_t ipip_xstats_size(const struct net_device *dev)
{
	return nla_total_size(0) +	/* IFLA_INFO_XSTATS */
	       IPIP_COUNTERS * nla_total_size_64bit(8);
}

/**
 * ipip_xstats_fill() - Put the counters into IFLA_INFO_XSTATS of a dump
 * @skb: the message
 * @dev: the tunnel's device
 *
 * Context: process, RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int ipip_xstats_fill(struct sk_buff *skb, const struct net_device *dev)
{
	struct nlattr *nest;
	unsigned int i;

	nest = nla_nest_start(skb, IFLA_INFO_XSTATS);
	if (!nest)
		return -EMSGSIZE;
	for (i = IPIP_COUNTER_FIRST; i < __IFLA_IPIP_XSTATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i,
				      atomic64_read(ipip_counter(dev, i)),
				      IFLA_IPIP_XSTATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
