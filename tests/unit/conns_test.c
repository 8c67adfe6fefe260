// SPDX-License-Identifier: GPL-2.0
/*
 * The parser of `swanctl --list-conns --pretty`, with output of strongSwan 5.9 and of 6.1, which
 * has the proposals, too.
 */
#include "ipipctl.h"
#include "ktap.h"

struct seen {
	unsigned int n;
	char names[256];
	struct swanctl_connection last;
};

static void note_seen(const char *name, const struct swanctl_connection *c, void *data)
{
	struct seen *seen = data;

	seen->n++;
	strcat(seen->names, name);
	strcat(seen->names, " ");
	seen->last = *c;
}

static struct seen parse(const char *text)
{
	struct seen seen = {};
	struct connections connections = { .found = note_seen, .data = &seen };
	struct pretty r = read_connections(&connections);
	char *copy = strdup(text), *line, *state;

	for (line = strtok_r(copy, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state))
		read_pretty(line, &r);
	free(copy);
	return seen;
}

#define LIST(name, items) "    " name " = [\n" items "    ]\n"
#define AUTH(name) "    " name " {\n" LIST("groups", "") LIST("certs", "") "    }\n"
#define CHILD(name, more) \
	"    children {\n      " name " {\n        mode = TRANSPORT\n" more \
	LIST("local-ts", "          10.1.0.1/32[ipencap]\n") "      }\n    }\n"
#define CONNECTION(name, local, remote, version, more, child) \
	"list-conn event {\n  " name " {\n" \
	LIST("local_addrs", "      " local "\n") LIST("remote_addrs", "      " remote "\n") \
	"    version = " version "\n" more AUTH("local-1") AUTH("remote-1") \
	CHILD(name, child) "  }\n}\n"
#define PROPOSALS \
	"    proposals {\n      0 {\n" LIST("encr", "          AES_CBC_128\n") "      }\n    }\n"
#define ESP_PROPOSALS \
	"        esp_proposals {\n          0 {\n" LIST("encr", "  AES_CBC_256\n") \
	"          }\n        }\n        ah_proposals {\n        }\n"

static bool is(const struct seen *seen, unsigned int n, unsigned int version,
	       const char *local, const char *remote)
{
	const bool same = seen->n == n && seen->last.version == version &&
			  !strcmp(seen->last.local, local) &&
			  !strcmp(seen->last.remote, remote);

	if (!same)
		printf("# %u %u '%s' '%s'\n", seen->n, seen->last.version, seen->last.local,
		       seen->last.remote);
	return same;
}

int main(void)
{
	struct seen seen;

	seen = parse("list-conns reply {\n}\n");
	ktap(!seen.n, "no connections");
	seen = parse(CONNECTION("ipip-t0", "10.1.0.1", "10.2.0.1", "IKEv1", "", ""));
	ktap(is(&seen, 1, 1, "10.1.0.1", "10.2.0.1"), "5.9: IKEv1");
	seen = parse(CONNECTION("ipip-t0", "%any", "10.2.0.1", "IKEv2", "", ""));
	ktap(is(&seen, 1, 2, "", "10.2.0.1"), "5.9: IKEv2, any local address");
	seen = parse(CONNECTION("ipip-t0", "10.1.0.1", "10.2.0.1", "IKEv1", PROPOSALS,
				ESP_PROPOSALS)
		     CONNECTION("ipip-t1", "10.1.0.1", "10.2.0.2", "IKEv2", PROPOSALS,
				ESP_PROPOSALS)
		     "list-conns reply {\n}\n");
	ktap(is(&seen, 2, 2, "10.1.0.1", "10.2.0.2"), "6.1: two connections");
	ktap(!strcmp(seen.names, "ipip-t0 ipip-t1 "), "6.1: the names of two connections");
	seen = parse(CONNECTION("ipip-t0", "10.1.0.1", "} ipip-t1 {", "IKEv1", "", ""));
	ktap(!strcmp(seen.names, "ipip-t0 "), "an item that looks like a section");
	return ktap_end();
}
