// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: the parser of swanctl's list of SAs, which contains names that peers choose.
 */
#include "ipipctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tunnels list = {};
	struct sas sas = { .list = &list };
	struct pretty r = read_sas(&sas);
	char *text = strndup((const char *)data, size), *line, *state;
	const struct tunnel *t;

	strcpy(tunnel_add(&list)->name, "t0");
	t = list.t;
	for (line = strtok_r(text, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state))
		read_pretty(line, &r);
	if (!memchr(t->ipsec_proposal, 0, sizeof(t->ipsec_proposal)) ||
	    t->ipsec_state > IPSEC_ESTABLISHED)
		abort();
	if (t->ipsec_state != IPSEC_ESTABLISHED && *t->ipsec_proposal)
		abort();
	free(text);
	tunnels_free(&list);
	return 0;
}
