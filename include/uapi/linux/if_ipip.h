/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What the link kind "ipip" of this module has beyond IFLA_IPTUN_*.
 *
 * A request of RTM_NEWLINK carries it in IFLA_LINKINFO, IFLA_INFO_DATA, and so
 * does each dump. Documentation/netlink/specs/ipip.yaml says the same for
 * programs.
 */
#ifndef _UAPI_LINUX_IF_IPIP_H
#define _UAPI_LINUX_IF_IPIP_H

#include <linux/types.h>

/* Nested, with NLA_F_NESTED set: IFLA_IPIP_EXT_*. Above all numbers that the
 * kernel and its distributions give to IFLA_IPTUN_*. The in-tree driver ignores
 * it without a word: read the tunnel back to know.
 */
#define IFLA_IPIP_EXT	48

/* What is inside is checked strictly: an unknown attribute, a wrong length or one
 * that can only be read is refused with EINVAL, a value out of range with
 * ERANGE, and nothing changes. What is absent keeps its value; a new tunnel starts with the
 * defaults: all is off but the answer to keepalives. The extended acknowledgment names the
 * attribute of each refusal and says why. Numbers are in host order unless they
 * are be32.
 */
enum {
	IFLA_IPIP_EXT_UNSPEC,
	IFLA_IPIP_EXT_PAD,
	/* u8, enum ipip_df; default IPIP_DF_LEGACY. ERANGE if it is none of these.
	 * Setting it leaves IFLA_IPTUN_PMTUDISC as it is. A request that changes
	 * IFLA_IPTUN_PMTUDISC and carries no fixed TTL sets IPIP_DF_LEGACY, unless
	 * it carries this attribute, too.
	 */
	IFLA_IPIP_EXT_DF,
	/* u8, bits IPIP_CLAMP_*; default 0. ERANGE for other bits. */
	IFLA_IPIP_EXT_CLAMP_MSS,
	/* u8, 0 or 1; default 0. With 1 IFLA_MTU follows the underlay device, the
	 * route and the path MTU that is learned, less what the tunnel adds.
	 * Setting IFLA_MTU to another value than the one in force turns it
	 * off. ERANGE above 1; EINVAL for 1 in a request that does that, or
	 * that creates a tunnel with an IFLA_MTU, and for a tunnel that is its
	 * own IFLA_IPTUN_LINK.
	 */
	IFLA_IPIP_EXT_MTU_AUTO,
	/* u8, 0 or 1; default 0. With 1 a packet is dropped that did not come
	 * through an IPsec SA (ESP or AH) of the far end, or would leave neither
	 * through an SA nor by an xfrm interface. The far end's SAs are those
	 * with its address as their source; or, if IFLA_IPTUN_LINK is an xfrm
	 * interface, those of that interface. ERANGE above 1.
	 */
	IFLA_IPIP_EXT_REQUIRE_IPSEC,
	/* u64, milliseconds from one probe to the next, 100 to
	 * IPIP_KEEPALIVE_INTERVAL_MAX, or 0 for no probes; default 0. ERANGE
	 * for 1 to 99 and above; EINVAL if the tunnel has no fixed remote, or
	 * carries no IPv4.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_INTERVAL,
	/* u32, 1 and more; default 10: so many probes in a row without an answer
	 * take the carrier away. ERANGE for 0.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_RETRIES,
	/* u8, enum ipip_keepalive_mode; default IPIP_KEEPALIVE_MODE_COOKIE. ERANGE if
	 * it is none of these; while there is an interval, EINVAL for ICMP without a
	 * target, and for ROUTEROS with an encap; EOPNOTSUPP for ROUTEROS in a kernel
	 * without netfilter.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_MODE,
	/* be32, IPv4 address behind the tunnel that answers an ICMP echo in the
	 * mode IPIP_KEEPALIVE_MODE_ICMP; default 0.0.0.0, which is none. EINVAL for
	 * one that is not unicast.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_TARGET,

	/* u8, read-only, enum ipip_keepalive_state */
	IFLA_IPIP_EXT_KEEPALIVE_STATE,
	/* u32, read-only: probes in a row that no answer came to in time */
	IFLA_IPIP_EXT_KEEPALIVE_MISSES,
	/* u64, read-only: milliseconds since the last answer; absent before the first */
	IFLA_IPIP_EXT_KEEPALIVE_AGE,
	/* u64, read-only: microseconds from the last answered probe to its answer; absent
	 * before the first answer, and in IPIP_KEEPALIVE_MODE_ROUTEROS, whose
	 * answers do not tell which probe they are to
	 */
	IFLA_IPIP_EXT_KEEPALIVE_RTT,

	/* u8, 0 or 1; default 1. With 1 a tunnel with a fixed remote answers the far
	 * end's keepalive probes, whether it sends any itself or not. With 0 a probe
	 * is data like any other. ERANGE above 1.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_ANSWER,

	/* string, read-only: name of the device whose index IFLA_IPTUN_LINK is, or
	 * which it had when it was deleted; absent without one. When a device is made,
	 * renamed or moved so that it has that name in the netns of the underlay, the
	 * tunnel is bound to it and IFLA_IPTUN_LINK changes, unless another tunnel
	 * with the same addresses is bound to it already.
	 */
	IFLA_IPIP_EXT_LINK_NAME,

	/* be32, IPv4 source of the echo in the mode IPIP_KEEPALIVE_MODE_ICMP; default
	 * 0.0.0.0: an address of the tunnel's device, which is remembered while the
	 * device is up, or without one another of the host's. It need not be the
	 * host's. EINVAL for one that is not unicast.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_SOURCE,

	/* u8, 0 or 1; default 0. With 1 a netfilter flowtable may take flows past the
	 * tunnel, though it doesn't do all that the tunnel is configured to do: it makes
	 * TTL, TOS and DF of the outer header from the inner packet, drops the ECN
	 * field of a received one, and counts nothing for the tunnel. Without effect
	 * in kernels whose flowtables don't know tunnels. ERANGE above 1. RouterOS:
	 * allow-fast-path
	 */
	IFLA_IPIP_EXT_FAST_PATH,
	/* string, at most IPIP_NAME_MAX bytes: what IFLA_IPTUN_LOCAL is an address of,
	 * or IFLA_IPTUN_REMOTE, for programs that look the address up again; "" for
	 * none, and absent without one, which is the default. The driver keeps it and
	 * asks nobody. A request that changes the address and carries no name takes the
	 * name away. EINVAL if it is longer, or doesn't end in 0.
	 */
	IFLA_IPIP_EXT_LOCAL_NAME,
	IFLA_IPIP_EXT_REMOTE_NAME,

	/* u8, read-only, enum ipip_mtu_state: how far the measurement of the path's MTU is */
	IFLA_IPIP_EXT_MTU_STATE,
	/* u32, read-only, bytes: the largest inner packet that the path was found to
	 * carry, by keepalive's probes in the mode that keepalive has; absent if
	 * nothing was confirmed
	 */
	IFLA_IPIP_EXT_MTU_MEASURED,
	/* u64, read-only: milliseconds since a probe of that size was answered; absent with it */
	IFLA_IPIP_EXT_MTU_AGE,

	/* u64, read-only: milliseconds since IFLA_IPIP_EXT_KEEPALIVE_STATE changed;
	 * absent in IPIP_KEEPALIVE_STATE_OFF
	 */
	IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE,
	/* u64, read-only, microseconds: the round-trip time, smoothed, and its
	 * variation, as SRTT and RTTVAR of RFC 6298 section 2; absent where
	 * IFLA_IPIP_EXT_KEEPALIVE_RTT is
	 */
	IFLA_IPIP_EXT_KEEPALIVE_SRTT,
	IFLA_IPIP_EXT_KEEPALIVE_RTTVAR,
	/* u32, read-only, thousandths: the share of the last 64 probes, or fewer,
	 * that no answer came to in time; absent before the first has had its time
	 */
	IFLA_IPIP_EXT_KEEPALIVE_LOSS,

	__IFLA_IPIP_EXT_MAX
};

#define IFLA_IPIP_EXT_MAX	(__IFLA_IPIP_EXT_MAX - 1)

/**
 * enum ipip_df - DF of the outer header
 * @IPIP_DF_LEGACY: as IFLA_IPTUN_PMTUDISC and IFLA_IPTUN_TTL say: set with path
 *	MTU discovery or with a fixed TTL, else the inner one
 * @IPIP_DF_NO: clear; an outer packet that is too large for the path is
 *	fragmented. RouterOS: dont-fragment=no
 * @IPIP_DF_INHERIT: the inner one. RouterOS: dont-fragment=inherit
 * @IPIP_DF_SET: set
 */
enum ipip_df {
	IPIP_DF_LEGACY,
	IPIP_DF_NO,
	IPIP_DF_INHERIT,
	IPIP_DF_SET,
};

#define IPIP_DF_MAX	IPIP_DF_SET

/* The MSS option of TCP's SYN is lowered to the MTU less 40 where it is larger:
 * in packets that the tunnel has received and decapsulated, and in those that it
 * is about to encapsulate, where a lower path MTU that is known counts, too. A
 * SYN with TCP-AO (RFC 5925) is left alone: its receiver would refuse it.
 * RouterOS: clamp-tcp-mss=yes is IPIP_CLAMP_RX.
 */
#define IPIP_CLAMP_RX	(1 << 0)
#define IPIP_CLAMP_TX	(1 << 1)

/* A name of the DNS (RFC 1035 section 2.3.4) */
#define IPIP_NAME_MAX	253

/* 4294967295 s */
#define IPIP_KEEPALIVE_INTERVAL_MIN	100
#define IPIP_KEEPALIVE_INTERVAL_MAX	4294967295000ULL

/**
 * enum ipip_mtu_state - the measurement of the path's MTU (RFC 8899 section 5.2)
 * @IPIP_MTU_STATE_OFF: none: IFLA_IPIP_EXT_MTU_AUTO is 0, keepalive is off or in the
 *	mode IPIP_KEEPALIVE_MODE_ROUTEROS, or the device is down
 * @IPIP_MTU_STATE_BASE: begins; IFLA_MTU is what the underlay, the route and ICMP say
 * @IPIP_MTU_STATE_ERROR: probes of the base size get lost; a smaller one is tried
 * @IPIP_MTU_STATE_SEARCH: a larger size is looked for, or one that takes the place of
 *	one that gets lost
 * @IPIP_MTU_STATE_COMPLETE: the size is known, and confirmed again from time to time
 * @IPIP_MTU_STATE_UNANSWERED: the far end answers no probes of this kind; IFLA_MTU is
 *	what the underlay, the route and ICMP say
 */
enum ipip_mtu_state {
	IPIP_MTU_STATE_OFF,
	IPIP_MTU_STATE_BASE,
	IPIP_MTU_STATE_ERROR,
	IPIP_MTU_STATE_SEARCH,
	IPIP_MTU_STATE_COMPLETE,
	IPIP_MTU_STATE_UNANSWERED,
};

/**
 * enum ipip_keepalive_mode - what is sent, and what counts as an answer
 * @IPIP_KEEPALIVE_MODE_COOKIE: a packet to ourselves, inside one to the far end,
 *	which sends it back; only what this tunnel has sent counts
 * @IPIP_KEEPALIVE_MODE_ROUTEROS: an empty IPIP packet, and one that makes the far end
 *	send one; each empty IPIP packet from there counts
 * @IPIP_KEEPALIVE_MODE_ICMP: an ICMP echo to %IFLA_IPIP_EXT_KEEPALIVE_TARGET
 */
enum ipip_keepalive_mode {
	IPIP_KEEPALIVE_MODE_COOKIE,
	IPIP_KEEPALIVE_MODE_ROUTEROS,
	IPIP_KEEPALIVE_MODE_ICMP,
};

#define IPIP_KEEPALIVE_MODE_MAX	IPIP_KEEPALIVE_MODE_ICMP

/**
 * enum ipip_keepalive_state - whether the far end is there
 * @IPIP_KEEPALIVE_STATE_OFF: not asked for, or the device is down
 * @IPIP_KEEPALIVE_STATE_UP: it answers
 * @IPIP_KEEPALIVE_STATE_DOWN: it doesn't; the device has no carrier
 * @IPIP_KEEPALIVE_STATE_UNKNOWN: the device has come up, and the far end is given time
 *	to answer; the device has its carrier
 */
enum ipip_keepalive_state {
	IPIP_KEEPALIVE_STATE_OFF,
	IPIP_KEEPALIVE_STATE_UP,
	IPIP_KEEPALIVE_STATE_DOWN,
	IPIP_KEEPALIVE_STATE_UNKNOWN,
};

/* Counters, in IFLA_INFO_XSTATS of each dump. All are u64 and count packets
 * since the device was made. They have the same names in `ethtool -S` and in the
 * tracepoint ipip:ipip_drop.
 */
enum ipip_xstats {
	IFLA_IPIP_XSTATS_UNSPEC,
	IFLA_IPIP_XSTATS_PAD,

	/* Received and dropped; also in the device's rx_errors. */
	IFLA_IPIP_XSTATS_RX_PROTOCOL,	/* inner protocol that isn't carried */
	IFLA_IPIP_XSTATS_RX_POLICY,	/* by IPsec policy */
	IFLA_IPIP_XSTATS_RX_NO_IPSEC,	/* not through an SA, which is required */
	IFLA_IPIP_XSTATS_RX_ECN,	/* RFC 6040 section 4.2 */
	IFLA_IPIP_XSTATS_RX_NO_MEMORY,

	/* To be sent and dropped; also in the device's tx_errors. */
	IFLA_IPIP_XSTATS_TX_MALFORMED,	/* shorter than its header, or can't be segmented */
	IFLA_IPIP_XSTATS_TX_PROTOCOL,	/* protocol that isn't carried */
	IFLA_IPIP_XSTATS_TX_NESTED,	/* tunnels nested too deep */
	IFLA_IPIP_XSTATS_TX_NO_NEXTHOP,	/* next-hop or external mode, and no destination */
	IFLA_IPIP_XSTATS_TX_NO_ROUTE,	/* no route to the far end */
	IFLA_IPIP_XSTATS_TX_LOOP,	/* its route leads into the tunnel */
	IFLA_IPIP_XSTATS_TX_NO_IPSEC,	/* not through an SA, which is required */
	IFLA_IPIP_XSTATS_TX_TOO_BIG,	/* with DF, larger than the path */
	IFLA_IPIP_XSTATS_TX_NO_MEMORY,

	/* SYNs whose MSS was lowered. */
	IFLA_IPIP_XSTATS_RX_MSS_CLAMPED,
	IFLA_IPIP_XSTATS_TX_MSS_CLAMPED,

	/* Keepalive; none of it is in the device's counters, nor are its packets
	 * if one of the above has counted them.
	 */
	IFLA_IPIP_XSTATS_KEEPALIVE_SENT,	/* probes */
	IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT,	/* probes and reflections with no way out */
	IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED,	/* answers that count */
	IFLA_IPIP_XSTATS_KEEPALIVE_LATE,	/* too old, or a second time */
	IFLA_IPIP_XSTATS_KEEPALIVE_FORGED,	/* not an answer to a probe of ours */
	IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED,	/* the far end's probes, answered */
	IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED, /* the far end's, not answered */

	/* To be sent and dropped; also in the device's tx_errors. */
	IFLA_IPIP_XSTATS_TX_ENCAP,	/* FOU or GUE has refused it, or has gone */

	/* Received and dropped; also in the device's rx_dropped. */
	IFLA_IPIP_XSTATS_RX_BACKLOG,	/* too many wait for GRO */

	/* SYNs, either way, whose MSS was not lowered: TCP-AO signs it. */
	IFLA_IPIP_XSTATS_MSS_TCP_AO,

	/* Measurement of the path's MTU. */
	IFLA_IPIP_XSTATS_MTU_PROBE_SENT,	/* probes, with the small ones behind them */
	IFLA_IPIP_XSTATS_MTU_PROBE_LOST,	/* without an answer, though a small one had one */
	IFLA_IPIP_XSTATS_MTU_BLACK_HOLE,	/* the MTU was found to be too large */
	IFLA_IPIP_XSTATS_MTU_HINT_UNDONE,	/* a path MTU that ICMP named was wrong */

	/* Keepalive's probes that no answer came to in time. */
	IFLA_IPIP_XSTATS_KEEPALIVE_MISSED,

	__IFLA_IPIP_XSTATS_MAX
};

#define IFLA_IPIP_XSTATS_MAX	(__IFLA_IPIP_XSTATS_MAX - 1)

#endif /* _UAPI_LINUX_IF_IPIP_H */
