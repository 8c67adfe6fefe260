// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: RouterOS's exports, and any other bytes. If the input is accepted, it is written, read
 * and written again, and both outputs must be the same.
 */
#include "ipipctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const struct request *r)
{
	const struct tunnel *t = &r->t;

	if (r->op == OP_NOTHING)
		return;
	if (!*request_name(r) || !memchr(t->new_name, 0, IFNAMSIZ))
		abort();
	if (!t->mtu_auto && (t->mtu < IPIPCTL_MTU_MIN || t->mtu > IPIPCTL_MTU_MAX))
		abort();
	if (t->dscp < -1 || t->dscp > 63)
		abort();
	if (t->keepalive_interval &&
	    (t->keepalive_interval < IPIP_KEEPALIVE_INTERVAL_MIN ||
	     t->keepalive_interval > IPIP_KEEPALIVE_INTERVAL_MAX ||
	     !t->keepalive_retries))
		abort();
	if (strlen(t->comment) > IPIPCTL_COMMENT_MAX ||
	    strlen(t->altnames) > IPIPCTL_ALTNAME_MAX)
		abort();
	if (r->op == OP_ADD && !is_device_name(t->new_name))
		abort();
}

static char *again(char *text)
{
	struct requests list = {};
	FILE *file = fmemopen(text, strlen(text), "r");
	char *same;

	if (!file || !read_export(file, "again", &list))
		abort();
	fclose(file);
	same = write_export(&list, true, false);
	free(list.r);
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct requests list = {};
	char *text, *same;
	FILE *file;
	size_t i;

	/* Open the stream for errors only once. */
	if (fileno(stderr) == STDERR_FILENO)
		stderr = fopen("/dev/null", "w");
	if (!size)
		return 0;
	test_tunnels = three_tunnels;
	file = fmemopen((void *)data, size, "r");
	if (read_export(file, "fuzz", &list)) {
		for (i = 0; i < list.n; i++)
			check_request(&list.r[i]);
		text = write_export(&list, true, false);
		same = again(text);
		if (strcmp(text, same))
			abort();
		free(text);
		free(same);
	}
	fclose(file);
	free(list.r);
	return 0;
}
