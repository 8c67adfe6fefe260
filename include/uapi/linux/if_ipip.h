/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Attributes of the link kind "ipip" of this module beyond IFLA_IPTUN_*.
 *
 * RTM_NEWLINK requests and dumps carry them in IFLA_LINKINFO, IFLA_INFO_DATA.
 * Documentation/netlink/specs/ipip.yaml has the same in machine-readable form.
 */
#ifndef _UAPI_LINUX_IF_IPIP_H
#define _UAPI_LINUX_IF_IPIP_H

#include <linux/types.h>

/* Nested, with NLA_F_NESTED set: IFLA_IPIP_EXT_*. The number is above all numbers
 * that the kernel and distributions use for IFLA_IPTUN_*. The in-tree driver
 * ignores it without an error: read the tunnel back to check.
 */
#define IFLA_IPIP_EXT	48

/* Validation is strict: an unknown attribute, a wrong length and a read-only
 * attribute are refused with EINVAL, a value out of range with ERANGE, and nothing
 * changes. An absent attribute keeps its value. A new tunnel starts with the
 * defaults: everything is off except the answer to keepalive. If a request is
 * refused, the extended acknowledgment has the attribute and the reason. Numbers
 * are in host order unless they are be32.
 */
enum {
	IFLA_IPIP_EXT_UNSPEC,
	IFLA_IPIP_EXT_PAD,
	/* u8, enum ipip_df; default IPIP_DF_LEGACY. ERANGE for other values.
	 * Setting it leaves IFLA_IPTUN_PMTUDISC as it is. A request that changes
	 * IFLA_IPTUN_PMTUDISC and carries no fixed TTL sets IPIP_DF_LEGACY, unless
	 * it also carries this attribute.
	 */
	IFLA_IPIP_EXT_DF,
	/* u8, bits IPIP_CLAMP_*; default 0. ERANGE for other bits. */
	IFLA_IPIP_EXT_CLAMP_MSS,
	/* u8, 0 or 1; default 0. With 1 IFLA_MTU follows the underlay device, the
	 * route and the learned path MTU, minus the size of the headers that the
	 * tunnel adds. Setting IFLA_MTU to another value than the one in force
	 * turns it off. ERANGE above 1; EINVAL for 1 in a request that also sets
	 * such an IFLA_MTU, or that creates a tunnel with an IFLA_MTU, and for a
	 * tunnel that is its own IFLA_IPTUN_LINK.
	 */
	IFLA_IPIP_EXT_MTU_AUTO,
	/* u8, 0 or 1; default 0. With 1 the driver drops a received packet that
	 * didn't come through an IPsec SA (ESP or AH) of the far end, and a sent
	 * packet that would leave neither through an SA nor by an xfrm interface.
	 * The far end's SAs are those with its address as their source; or, if
	 * IFLA_IPTUN_LINK is an xfrm interface, those of that interface. ERANGE
	 * above 1.
	 */
	IFLA_IPIP_EXT_REQUIRE_IPSEC,
	/* u64, milliseconds from one probe to the next, 100 to
	 * IPIP_KEEPALIVE_INTERVAL_MAX, or 0 for no probes; default 0. ERANGE
	 * for 1 to 99 and above; EINVAL if the tunnel has no fixed remote, or
	 * carries no IPv4.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_INTERVAL,
	/* u32, 1 and more; default 10. After this many unanswered probes in a row
	 * the device loses its carrier. ERANGE for 0.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_RETRIES,
	/* u8, enum ipip_keepalive_mode; default IPIP_KEEPALIVE_MODE_COOKIE. ERANGE for
	 * other values; while there is an interval, EINVAL for ICMP without a target,
	 * and for ROUTEROS with an encap; EOPNOTSUPP for ROUTEROS in a kernel without
	 * netfilter.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_MODE,
	/* be32, IPv4 address behind the tunnel that answers ICMP echo requests in
	 * IPIP_KEEPALIVE_MODE_ICMP; default 0.0.0.0, which is none. EINVAL if it
	 * isn't unicast.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_TARGET,

	/* u8, read-only, enum ipip_keepalive_state */
	IFLA_IPIP_EXT_KEEPALIVE_STATE,
	/* u32, read-only: probes in a row without an answer in time */
	IFLA_IPIP_EXT_KEEPALIVE_MISSES,
	/* u64, read-only: milliseconds since the last answer; absent before the first */
	IFLA_IPIP_EXT_KEEPALIVE_AGE,
	/* u64, read-only: microseconds from the last answered probe to its answer; absent
	 * before the first answer, and in IPIP_KEEPALIVE_MODE_ROUTEROS, whose
	 * answers don't tell which probe they belong to
	 */
	IFLA_IPIP_EXT_KEEPALIVE_RTT,

	/* u8, 0 or 1; default 1. With 1 a tunnel with a fixed remote answers the far
	 * end's keepalive probes, even if it sends none itself. With 0 a probe is
	 * data like any other packet. ERANGE above 1.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_ANSWER,

	/* string, read-only: name of the device with the index in IFLA_IPTUN_LINK, or
	 * the name that it had when it was deleted; absent without a link. When a
	 * device is created, renamed or moved so that it has that name in the netns of
	 * the underlay, the tunnel is bound to it and IFLA_IPTUN_LINK changes, unless
	 * another tunnel with the same addresses is bound to it already.
	 */
	IFLA_IPIP_EXT_LINK_NAME,

	/* be32, IPv4 source of echo requests in IPIP_KEEPALIVE_MODE_ICMP; default
	 * 0.0.0.0: an address of the tunnel's device, which is remembered while the
	 * device is up, or without one another address of the host. It need not be an
	 * address of the host. EINVAL if it isn't unicast.
	 */
	IFLA_IPIP_EXT_KEEPALIVE_SOURCE,

	/* u8, 0 or 1; default 0. With 1 a netfilter flowtable may forward flows without
	 * the tunnel, although it doesn't follow all of the tunnel's configuration: it
	 * copies TTL, TOS and DF of the inner packet to the outer header, ignores the
	 * ECN field of a received outer header, and doesn't count packets for the
	 * tunnel. No effect on kernels whose flowtables don't support tunnels. ERANGE
	 * above 1. RouterOS: allow-fast-path
	 */
	IFLA_IPIP_EXT_FAST_PATH,
	/* string, at most IPIP_NAME_MAX bytes: the device or host that IFLA_IPTUN_LOCAL
	 * or IFLA_IPTUN_REMOTE was looked up from, for programs that look it up again;
	 * "" for none, and absent without one, which is the default. The driver stores
	 * the name and doesn't look it up. A request that changes the address without
	 * this attribute removes the name. EINVAL if it is longer, or doesn't end in 0.
	 */
	IFLA_IPIP_EXT_LOCAL_NAME,
	IFLA_IPIP_EXT_REMOTE_NAME,

	/* u8, read-only, enum ipip_mtu_state: the state of the path MTU measurement */
	IFLA_IPIP_EXT_MTU_STATE,
	/* u32, read-only, bytes: the largest inner packet that a keepalive probe has
	 * shown the path to carry; absent if nothing was confirmed
	 */
	IFLA_IPIP_EXT_MTU_MEASURED,
	/* u64, read-only: milliseconds since a probe of that size was answered; absent if
	 * IFLA_IPIP_EXT_MTU_MEASURED is
	 */
	IFLA_IPIP_EXT_MTU_AGE,

	/* u64, read-only: milliseconds since IFLA_IPIP_EXT_KEEPALIVE_STATE changed;
	 * absent in IPIP_KEEPALIVE_STATE_OFF
	 */
	IFLA_IPIP_EXT_KEEPALIVE_STATE_AGE,
	/* u64, read-only, microseconds: the smoothed round-trip time and its
	 * variation (SRTT and RTTVAR of RFC 6298 section 2); absent if
	 * IFLA_IPIP_EXT_KEEPALIVE_RTT is
	 */
	IFLA_IPIP_EXT_KEEPALIVE_SRTT,
	IFLA_IPIP_EXT_KEEPALIVE_RTTVAR,
	/* u32, read-only, thousandths: the share of the last 64 probes, or fewer,
	 * without an answer in time; absent until the time of the first probe is over
	 */
	IFLA_IPIP_EXT_KEEPALIVE_LOSS,

	__IFLA_IPIP_EXT_MAX
};

#define IFLA_IPIP_EXT_MAX	(__IFLA_IPIP_EXT_MAX - 1)

/**
 * enum ipip_df - DF of the outer header
 * @IPIP_DF_LEGACY: as IFLA_IPTUN_PMTUDISC and IFLA_IPTUN_TTL say: set with path
 *	MTU discovery or with a fixed TTL, else copied from the inner header
 * @IPIP_DF_NO: clear; an outer packet that exceeds the path MTU is fragmented.
 *	RouterOS: dont-fragment=no
 * @IPIP_DF_INHERIT: copied from the inner header. RouterOS: dont-fragment=inherit
 * @IPIP_DF_SET: set
 */
enum ipip_df {
	IPIP_DF_LEGACY,
	IPIP_DF_NO,
	IPIP_DF_INHERIT,
	IPIP_DF_SET,
};

#define IPIP_DF_MAX	IPIP_DF_SET

/* If the MSS option of a TCP SYN is larger than the MTU - 40, it is lowered to that
 * value: in packets that the tunnel has received and decapsulated (RX), and in
 * packets that it is about to encapsulate (TX), for which a known path MTU is also
 * considered. A SYN with TCP-AO (RFC 5925) isn't changed, because its receiver
 * would drop it. RouterOS: clamp-tcp-mss=yes is IPIP_CLAMP_RX.
 */
#define IPIP_CLAMP_RX	(1 << 0)
#define IPIP_CLAMP_TX	(1 << 1)

/* Maximum length of a DNS name (RFC 1035 section 2.3.4) */
#define IPIP_NAME_MAX	253

/* Milliseconds; the maximum is 4294967295 s. */
#define IPIP_KEEPALIVE_INTERVAL_MIN	100
#define IPIP_KEEPALIVE_INTERVAL_MAX	4294967295000ULL

/**
 * enum ipip_mtu_state - the path MTU measurement (RFC 8899 section 5.2)
 * @IPIP_MTU_STATE_OFF: no measurement: IFLA_IPIP_EXT_MTU_AUTO is 0, keepalive is off or
 *	in IPIP_KEEPALIVE_MODE_ROUTEROS, or the device is down
 * @IPIP_MTU_STATE_BASE: the measurement begins; until it is complete, IFLA_MTU is what
 *	the underlay, the route and ICMP say
 * @IPIP_MTU_STATE_ERROR: probes of the base size are lost; a smaller size is tried
 * @IPIP_MTU_STATE_SEARCH: the search for a larger size, or for a smaller one after
 *	probes of the size in force were lost
 * @IPIP_MTU_STATE_COMPLETE: the size is known, and is confirmed periodically
 * @IPIP_MTU_STATE_UNANSWERED: the far end doesn't answer probes of this kind; IFLA_MTU
 *	is what the underlay, the route and ICMP say
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
 * enum ipip_keepalive_mode - the kind of probe, and what counts as an answer
 * @IPIP_KEEPALIVE_MODE_COOKIE: a packet addressed to this end, inside a packet to the far
 *	end, which sends it back; only what this tunnel has sent counts as an answer
 * @IPIP_KEEPALIVE_MODE_ROUTEROS: an empty IPIP packet, and one that makes the far end
 *	send one; each empty IPIP packet from the remote counts as an answer
 * @IPIP_KEEPALIVE_MODE_ICMP: an ICMP echo request to %IFLA_IPIP_EXT_KEEPALIVE_TARGET
 */
enum ipip_keepalive_mode {
	IPIP_KEEPALIVE_MODE_COOKIE,
	IPIP_KEEPALIVE_MODE_ROUTEROS,
	IPIP_KEEPALIVE_MODE_ICMP,
};

#define IPIP_KEEPALIVE_MODE_MAX	IPIP_KEEPALIVE_MODE_ICMP

/**
 * enum ipip_keepalive_state - whether the far end answers
 * @IPIP_KEEPALIVE_STATE_OFF: keepalive is off, or the device is down
 * @IPIP_KEEPALIVE_STATE_UP: the far end answers
 * @IPIP_KEEPALIVE_STATE_DOWN: the far end doesn't answer; the device has no carrier
 * @IPIP_KEEPALIVE_STATE_UNKNOWN: the device came up, and the far end hasn't answered yet,
 *	but still has time; the device has a carrier
 */
enum ipip_keepalive_state {
	IPIP_KEEPALIVE_STATE_OFF,
	IPIP_KEEPALIVE_STATE_UP,
	IPIP_KEEPALIVE_STATE_DOWN,
	IPIP_KEEPALIVE_STATE_UNKNOWN,
};

/* Counters, in IFLA_INFO_XSTATS of each dump. All are u64, and count since the
 * device was created. They have the same names in `ethtool -S` and in the
 * tracepoint ipip:ipip_drop.
 */
enum ipip_xstats {
	IFLA_IPIP_XSTATS_UNSPEC,
	IFLA_IPIP_XSTATS_PAD,

	/* Received and dropped; also in the device's rx_errors. */
	IFLA_IPIP_XSTATS_RX_PROTOCOL,	/* the tunnel doesn't carry the inner protocol */
	IFLA_IPIP_XSTATS_RX_POLICY,	/* by IPsec policy */
	IFLA_IPIP_XSTATS_RX_NO_IPSEC,	/* IPsec is required, and there was no SA */
	IFLA_IPIP_XSTATS_RX_ECN,	/* RFC 6040 section 4.2 */
	IFLA_IPIP_XSTATS_RX_NO_MEMORY,

	/* Dropped on transmit; also in the device's tx_errors. */
	IFLA_IPIP_XSTATS_TX_MALFORMED,	/* shorter than its header, or can't be segmented */
	IFLA_IPIP_XSTATS_TX_PROTOCOL,	/* the tunnel doesn't carry the protocol */
	IFLA_IPIP_XSTATS_TX_NESTED,	/* tunnels are nested too deeply */
	IFLA_IPIP_XSTATS_TX_NO_NEXTHOP,	/* next-hop or external mode without destination */
	IFLA_IPIP_XSTATS_TX_NO_ROUTE,	/* no route to the far end */
	IFLA_IPIP_XSTATS_TX_LOOP,	/* the outer route leads into the tunnel */
	IFLA_IPIP_XSTATS_TX_NO_IPSEC,	/* IPsec is required, and the route has no SA */
	IFLA_IPIP_XSTATS_TX_TOO_BIG,	/* with DF, larger than the path MTU */
	IFLA_IPIP_XSTATS_TX_NO_MEMORY,

	/* SYNs whose MSS was lowered. */
	IFLA_IPIP_XSTATS_RX_MSS_CLAMPED,
	IFLA_IPIP_XSTATS_TX_MSS_CLAMPED,

	/* Keepalive. The device's counters don't include these packets. A packet that
	 * one of the counters above has counted isn't counted here.
	 */
	IFLA_IPIP_XSTATS_KEEPALIVE_SENT,	/* probes */
	IFLA_IPIP_XSTATS_KEEPALIVE_UNSENT,	/* probes and answers that couldn't be sent */
	IFLA_IPIP_XSTATS_KEEPALIVE_ANSWERED,	/* valid answers */
	IFLA_IPIP_XSTATS_KEEPALIVE_LATE,	/* answers that came too late or twice */
	IFLA_IPIP_XSTATS_KEEPALIVE_FORGED,	/* answers to no probe of this tunnel */
	IFLA_IPIP_XSTATS_KEEPALIVE_REFLECTED,	/* the far end's probes that were answered */
	IFLA_IPIP_XSTATS_KEEPALIVE_RATE_LIMITED, /* the far end's probes above the limit */

	/* Dropped on transmit; also in the device's tx_errors. */
	IFLA_IPIP_XSTATS_TX_ENCAP,	/* FOU or GUE refused it, or is unloaded */

	/* Received and dropped; also in the device's rx_dropped. */
	IFLA_IPIP_XSTATS_RX_BACKLOG,	/* too many packets are waiting for GRO */

	/* SYNs in either direction whose MSS wasn't lowered because TCP-AO signs it. */
	IFLA_IPIP_XSTATS_MSS_TCP_AO,

	/* Path MTU measurement. */
	IFLA_IPIP_XSTATS_MTU_PROBE_SENT,	/* probes, and the small ones that follow them */
	IFLA_IPIP_XSTATS_MTU_PROBE_LOST,	/* unanswered although a small one was answered */
	IFLA_IPIP_XSTATS_MTU_BLACK_HOLE,	/* the MTU was found to be too large */
	IFLA_IPIP_XSTATS_MTU_HINT_UNDONE,	/* a path MTU from ICMP was wrong */

	/* Keepalive probes without an answer in time. */
	IFLA_IPIP_XSTATS_KEEPALIVE_MISSED,

	__IFLA_IPIP_XSTATS_MAX
};

#define IFLA_IPIP_XSTATS_MAX	(__IFLA_IPIP_XSTATS_MAX - 1)

#endif /* _UAPI_LINUX_IF_IPIP_H */
