/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: drops and their reasons, changes of keepalive's state, and results of the
 * path MTU measurement.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipip

#if !defined(_IPIP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IPIP_TRACE_H

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <uapi/linux/if_ipip.h>

TRACE_DEFINE_ENUM(IPIP_KEEPALIVE_STATE_OFF);
TRACE_DEFINE_ENUM(IPIP_KEEPALIVE_STATE_UP);
TRACE_DEFINE_ENUM(IPIP_KEEPALIVE_STATE_DOWN);
TRACE_DEFINE_ENUM(IPIP_KEEPALIVE_STATE_UNKNOWN);

#define show_keepalive_state(state)				\
	__print_symbolic(state,					\
			 { IPIP_KEEPALIVE_STATE_OFF, "off" },	\
			 { IPIP_KEEPALIVE_STATE_UP, "up" },	\
			 { IPIP_KEEPALIVE_STATE_DOWN, "down" },	\
			 { IPIP_KEEPALIVE_STATE_UNKNOWN, "unknown" })

TRACE_DEFINE_ENUM(IPIP_MTU_STATE_OFF);
TRACE_DEFINE_ENUM(IPIP_MTU_STATE_BASE);
TRACE_DEFINE_ENUM(IPIP_MTU_STATE_ERROR);
TRACE_DEFINE_ENUM(IPIP_MTU_STATE_SEARCH);
TRACE_DEFINE_ENUM(IPIP_MTU_STATE_COMPLETE);
TRACE_DEFINE_ENUM(IPIP_MTU_STATE_UNANSWERED);

#define show_mtu_state(state)					\
	__print_symbolic(state,					\
			 { IPIP_MTU_STATE_OFF, "off" },		\
			 { IPIP_MTU_STATE_BASE, "base" },	\
			 { IPIP_MTU_STATE_ERROR, "error" },	\
			 { IPIP_MTU_STATE_SEARCH, "search" },	\
			 { IPIP_MTU_STATE_COMPLETE, "complete" }, \
			 { IPIP_MTU_STATE_UNANSWERED, "unanswered" })

/* @counter: its name in `ethtool -S` */
TRACE_EVENT(ipip_drop,
	    TP_PROTO(const struct net_device *dev, const struct sk_buff *skb,
		     const char *counter),
	    TP_ARGS(dev, skb, counter),
	    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
			     __array(char, counter, ETH_GSTRING_LEN)
			     __field(const void *, skbaddr)
			     __field(int, ifindex)
			     __field(unsigned int, len)
			     __field(u16, protocol)),
	    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
			   memcpy(__entry->counter, counter, ETH_GSTRING_LEN);
			   __entry->skbaddr = skb;
			   __entry->ifindex = dev->ifindex;
			   __entry->len = skb->len;
			   __entry->protocol = ntohs(skb->protocol);),
	    TP_printk("dev=%s ifindex=%d counter=%s skbaddr=%p protocol=0x%04x len=%u",
		      __entry->name, __entry->ifindex, __entry->counter,
		      __entry->skbaddr, __entry->protocol, __entry->len)
);

/* @misses: number of probes in a row without an answer in time */
TRACE_EVENT(ipip_keepalive_state,
	    TP_PROTO(const struct net_device *dev, u8 old, u8 new, u32 misses),
	    TP_ARGS(dev, old, new, misses),
	    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
			     __field(int, ifindex)
			     __field(u8, old)
			     __field(u8, new)
			     __field(u32, misses)),
	    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
			   __entry->ifindex = dev->ifindex;
			   __entry->old = old;
			   __entry->new = new;
			   __entry->misses = misses;),
	    TP_printk("dev=%s ifindex=%d %s -> %s misses=%u",
		      __entry->name, __entry->ifindex,
		      show_keepalive_state(__entry->old),
		      show_keepalive_state(__entry->new), __entry->misses)
);

/* @was, @now: the confirmed size before and after, in bytes of the inner packet, or 0 */
TRACE_EVENT(ipip_mtu,
	    TP_PROTO(const struct net_device *dev, u8 old, u8 new,
		     unsigned int was, unsigned int now),
	    TP_ARGS(dev, old, new, was, now),
	    TP_STRUCT__entry(__array(char, name, IFNAMSIZ)
			     __field(int, ifindex)
			     __field(u8, old)
			     __field(u8, new)
			     __field(unsigned int, was)
			     __field(unsigned int, now)),
	    TP_fast_assign(memcpy(__entry->name, dev->name, IFNAMSIZ);
			   __entry->ifindex = dev->ifindex;
			   __entry->old = old;
			   __entry->new = new;
			   __entry->was = was;
			   __entry->now = now;),
	    TP_printk("dev=%s ifindex=%d %s -> %s measured %u -> %u",
		      __entry->name, __entry->ifindex,
		      show_mtu_state(__entry->old),
		      show_mtu_state(__entry->new), __entry->was, __entry->now)
);

#endif /* _IPIP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ipip_trace
#include <trace/define_trace.h>
