// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of `swanctl --list-sas --pretty`: while SAs are being set up, during rekeying, and
 * with a peer whose name looks like a section.
 */
#include "ipipctl.h"
#include "ktap.h"

static struct tunnels list;

static void parse(const char *text)
{
	struct sas sas = { .list = &list };
	struct pretty r = read_sas(&sas);
	char *copy = strdup(text), *line, *state;
	size_t i;

	for (i = 0; i < list.n; i++) {
		list.t[i].ipsec_state = IPSEC_NO_SA;
		list.t[i].ipsec_bytes_in = 0;
		list.t[i].ipsec_bytes_out = 0;
		list.t[i].ipsec_rekey = 0;
		*list.t[i].ipsec_proposal = '\0';
	}
	for (line = strtok_r(copy, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state))
		read_pretty(line, &r);
	free(copy);
}

static bool is(const struct tunnel *t, unsigned int state, const char *proposal,
	       uint64_t in, uint64_t out, int64_t rekey)
{
	const bool same = t->ipsec_state == state && t->ipsec_bytes_in == in &&
			  t->ipsec_bytes_out == out && t->ipsec_rekey == rekey &&
			  !strcmp(t->ipsec_proposal, proposal);

	if (!same)
		printf("# %u %s %llu %llu %lld\n", t->ipsec_state,
		       t->ipsec_proposal, (unsigned long long)t->ipsec_bytes_in,
		       (unsigned long long)t->ipsec_bytes_out,
		       (long long)t->ipsec_rekey);
	return same;
}

/* A name in memory of exactly its size. */
static bool is_connection(const char *name)
{
	char *copy = strdup(name), tunnel[IFNAMSIZ];
	const bool is = connection_tunnel(copy, tunnel);

	free(copy);
	return is;
}

#define CHILD(name, state, in, out, rekey) \
	"      " name " {\n        name = ipip-t0\n        state = " state "\n" \
	"        mode = TRANSPORT\n        encr-alg = AES_CBC\n" \
	"        encr-keysize = 256\n        integ-alg = HMAC_SHA1_96\n" \
	"        dh-group = MODP_1024\n        bytes-in = " in "\n" \
	"        bytes-out = " out "\n        rekey-time = " rekey "\n" \
	"        local-ts = [\n          10.1.0.1/32[ipencap]\n        ]\n      }\n"
#define SA(name, state, id, children) \
	"list-sa event {\n  " name " {\n    uniqueid = 1\n    version = 1\n" \
	"    state = " state "\n    remote-id = " id "\n    encr-alg = DES\n" \
	"    tasks-active = [\n      QUICK_MODE\n    ]\n" \
	"    child-sas {\n" children "    }\n  }\n}\n"
#define AES	"aes-cbc-256/hmac-sha1-96/modp-1024"

int main(void)
{
	struct tunnel *t, *u;

	strcpy(tunnel_add(&list)->name, "t0");
	strcpy(tunnel_add(&list)->name, "te.st_1");
	t = &list.t[0];
	u = &list.t[1];

	parse("");
	ktap(is(t, IPSEC_NO_SA, "", 0, 0, 0), "no SA");
	parse(SA("ipip-t0", "CONNECTING", "%any", ""));
	ktap(is(t, IPSEC_CONNECTING, "", 0, 0, 0), "connecting");
	ktap(is(u, IPSEC_NO_SA, "", 0, 0, 0), "another tunnel has no SA");
	parse(SA("ipip-te_2est_5f1", "ESTABLISHED", "10.2.0.1",
		 CHILD("ipip-te_2est_5f1-4", "INSTALLED", "84", "168", "1500")));
	ktap(is(u, IPSEC_ESTABLISHED, AES, 84, 168, 1500), "established");
	ktap(is(t, IPSEC_NO_SA, "", 0, 0, 0), "another tunnel has no SA");
	parse(SA("ipip-t0", "ESTABLISHED", "10.2.0.1",
		 CHILD("ipip-t0-1", "REKEYED", "1", "2", "9000")
		 CHILD("ipip-t0-2", "INSTALLED", "10", "20", "100")
		 CHILD("ipip-t0-3", "INSTALLED", "100", "200", "900")
		 CHILD("ipip-t0-4", "INSTALLED", "1000", "2000", "300")));
	ktap(is(t, IPSEC_ESTABLISHED, AES, 1110, 2220, 900),
	     "rekeying: counters of all installed SAs, the latest rekey time");
	parse(SA("ipip-t0", "ESTABLISHED", "10.2.0.1", "")
	      SA("ipip-t0", "CONNECTING", "10.2.0.1",
		 CHILD("ipip-t0-9", "INSTALLED", "1", "1", "1")));
	ktap(is(t, IPSEC_ESTABLISHED, AES, 1, 1, 1), "two IKE SAs");
	parse(SA("ipip-t0", "CONNECTING", "} child-sas { x { state = INSTALLED } }", ""));
	ktap(is(t, IPSEC_CONNECTING, "", 0, 0, 0), "a peer whose name looks like a section");
	parse(SA("site", "ESTABLISHED", "x", CHILD("ipip-t0-1", "INSTALLED", "1", "1", "1"))
	      SA("ipip-nope", "ESTABLISHED", "x", CHILD("y", "INSTALLED", "1", "1", "1")));
	ktap(is(t, IPSEC_NO_SA, "", 0, 0, 0), "connections of other programs");
	u->altnames = "t9";
	tunnels_changed(&list);
	parse(SA("ipip-t9", "ESTABLISHED", "x", CHILD("y", "INSTALLED", "1", "1", "1")));
	ktap(is(u, IPSEC_NO_SA, "", 0, 0, 0), "a connection whose name is only an altname");
	u->altnames = "";
	tunnels_changed(&list);
	ktap(!is_connection("ipip-_") && !is_connection("ipip-_2") &&
	     !is_connection("ipip-a_2"), "an incomplete escape");
	ktap(!is_connection("ipip-_+2") && !is_connection("ipip-_ 2") &&
	     !is_connection("ipip-_0x2e"), "an escape that isn't two digits");
	ktap(!is_connection("ipip-_41") && !is_connection("ipip-_2E") &&
	     is_connection("ipip-_2e") && !is_connection("ipip-_00"),
	     "each name has only one escaped form");
	ktap(!is_connection("ipip-") && !is_connection("ipip-a.b"),
	     "an empty name, and one that isn't escaped");
	tunnels_free(&list);
	return ktap_end();
}
