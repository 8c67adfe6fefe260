// SPDX-License-Identifier: GPL-2.0
/*
 * Executing requests, all or none: in the kernel, and then with the IKE daemon. Netlink has
 * no transactions, so if a request is refused, the earlier ones are undone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

static const char in_tree[] =
	"the in-tree driver is loaded, which lacks these properties: load the out-of-tree one";

/**
 * need_ours() - Refuse requests that the in-tree driver would ignore
 *
 * Return: 0, or an exit status after an error was printed.
 */
int need_ours(void)
{
	bool loaded;

	if (driver_is_ours(&loaded))
		return 0;
	fail("ipip", "%s", in_tree);
	return IPIPCTL_REFUSED;
}

/* A tunnel that is recreated has lost its addresses and routes. */
static void undo_remove(struct requests *undo, const struct tunnel *old)
{
	struct request *back = request_add(undo, OP_ADD, old, P_EVERYTHING);

	back->t.ifindex = 0;
	*back->t.name = '\0';
	strcpy(back->t.new_name, old->name);
}

/* A name that was refused wasn't set. Some kernels refuse any name, also the present one,
 * while the link is up.
 */
static void undo_set(struct requests *undo, const struct request *r, const struct tunnel *old)
{
	const uint64_t mask = r->error && !r->done ? r->mask & ~BIT(P_NAME) : r->mask;

	if (mask)
		strcpy(request_add(undo, OP_SET, old, mask)->t.new_name, old->name);
}

/* A refused change may be half done: the driver's properties are set before the name. */
static bool may_be_done(const struct request *r)
{
	if (r->done || r->op != OP_SET)
		return r->done;
	return r->lost || (r->error && r->error != EPERM && r->error != ENODEV);
}

/* The device with this name may be another one, because of which this one was refused. */
static void report_lost(const struct request *r)
{
	if (!r->lost || r->done || r->op == OP_SET)
		return;
	fail(request_name(r), "may have been %s: the kernel's answer was lost",
	     r->op == OP_ADD ? "made" : "removed");
}

static void undo_one(struct requests *undo, const struct request *r,
		     const struct tunnels *before)
{
	const struct tunnel *old;

	if (!may_be_done(r))
		return;
	if (r->op == OP_ADD) {
		request_add(undo, OP_REMOVE, &r->t, 0);
		return;
	}
	old = before ? tunnel_of_ifindex(before, r->t.ifindex) : NULL;
	if (old && r->op == OP_REMOVE)
		undo_remove(undo, old);
	else if (old && r->op == OP_SET)
		undo_set(undo, r, old);
}

/* Report what was restored and what wasn't. */
static void report_undo(const struct request *r)
{
	const char *why = r->error ? r->why : r->done ? NULL : "the kernel hasn't answered";

	if (r->op == OP_ADD && !why)
		fail(request_name(r),
		     "was removed, and has been recreated without addresses and routes");
	else if (r->op == OP_ADD)
		fail(request_name(r), "was removed, and can't be recreated: %s", why);
	else if (r->op == OP_SET && why)
		fail(request_name(r), "can't be reset to its previous properties: %s", why);
	else if (why && r->error != ENODEV)
		fail(request_name(r), "was added, and can't be removed again: %s", why);
}

/* Restore the previous state; with @refused only for the requests that were refused. */
static void undo_all(const struct requests *list, const struct tunnels *before, bool refused)
{
	static const enum pass passes[] = { PASS_MAKE, PASS_CHECK, PASS_NAME, PASS_UP };
	struct requests undo = {};
	size_t i;

	for (i = list->n; i-- > 0; )
		if (!refused || (list->r[i].error && !list->r[i].reported))
			undo_one(&undo, &list->r[i], before);
	for (i = 0; undo.n && i < ARRAY_SIZE(passes); i++)
		if (nl_pass(&undo, passes[i], true))
			break;
	for (i = 0; i < undo.n; i++)
		report_undo(&undo.r[i]);
	for (i = 0; i < list->n; i++)
		report_lost(&list->r[i]);
	free(undo.r);
}

static bool has_error(const struct requests *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->r[i].error)
			return true;
	return false;
}

static bool is_foreign(const struct requests *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->r[i].foreign)
			return true;
	return false;
}

/* Print what was refused, each once. */
static int report(struct requests *list, const char *source)
{
	struct request *r;
	char what[512];
	int failed = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		r = &list->r[i];
		if (!r->error)
			continue;
		failed = 1;
		if (r->reported)
			continue;
		r->reported = true;
		if (r->line)
			snprintf(what, sizeof(what), "%s:%u: %s", source, r->line,
				 request_name(r));
		else
			snprintf(what, sizeof(what), "%s", request_name(r));
		fail(what, "%s", r->why);
	}
	return failed ? IPIPCTL_REFUSED : 0;
}

/* A new tunnel stays down until the driver has reported its properties: the kernel may have
 * loaded the other driver, or somebody may have swapped them meanwhile.
 */
static int run(struct requests *list, bool keep_going)
{
	static const enum pass passes[] = {
		PASS_MAKE, PASS_CHECK, PASS_NAME, PASS_UP, PASS_REMOVE,
	};
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(passes); i++) {
		ret = nl_pass(list, passes[i], keep_going);
		if (ret)
			return ret;
		if (is_foreign(list) || (!keep_going && has_error(list)))
			return 0;
	}
	return 0;
}

static int carry(struct requests *list, const struct tunnels *before, bool keep_going,
		 const char *source)
{
	int ret = run(list, keep_going);

	if (is_foreign(list)) {
		undo_all(list, before, false);
		fail("ipip", "%s", in_tree);
		return IPIPCTL_REFUSED;
	}
	if (ret || (!keep_going && has_error(list))) {
		undo_all(list, before, false);
		return ret ?: report(list, source);
	}
	undo_all(list, before, true);
	ret = report(list, source);
	if (!ipsec_follow(list, keep_going))
		return ret;
	undo_all(list, before, keep_going);
	return report(list, source);
}

/**
 * carry_out() - Execute requests, all or none: in the kernel, and then with the IKE daemon
 * @list: the requests
 * @before: the previous state of the tunnels of OP_SET and OP_REMOVE, sorted by index;
 *	NULL if nothing is set and removed tunnels aren't to be recreated
 * @keep_going: execute all requests that aren't refused
 * @source: file that they come from, for errors
 *
 * The kernel comes first, so that no packet leaves before IPsec is required. Signals are
 * blocked until the end.
 *
 * Return: 0, or an exit status after an error was printed.
 */
int carry_out(struct requests *list, const struct tunnels *before,
	      bool keep_going, const char *source)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction on_pipe;
	sigset_t mask;
	int ret;

	hold_signals(signals, ARRAY_SIZE(signals), &mask);
	/* Nobody may be reading the errors. */
	sigaction(SIGPIPE, &ignore, &on_pipe);
	ret = carry(list, before, keep_going, source);
	sigaction(SIGPIPE, &on_pipe, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return ret;
}
