// SPDX-License-Identifier: GPL-2.0
/*
 * Exports in RouterOS's formats: reads tests/unit/exports/NAME.rsc and compares the errors and the
 * requests with NAME.want.
 */
#include <glob.h>

#include "ipipctl.h"
#include "ktap.h"

#define EXPORTS	"tests/unit/exports"

static char *slurp(const char *name)
{
	char *text = NULL;
	size_t room = 0;
	FILE *file = fopen(name, "r");

	if (!file || getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	return text;
}

/* The errors and the requests of a file. */
static char *result(const char *path, const char *name)
{
	FILE *file = fopen(path, "r"), *standard_error = stderr;
	char *said = NULL, *made, *all = NULL;
	struct requests list = {};
	size_t size;
	bool good;

	stderr = open_memstream(&said, &size);
	good = read_export(file, name, &list);
	fclose(stderr);
	stderr = standard_error;
	fclose(file);
	made = write_export(&list, false, true);
	if (asprintf(&all, "%s%s", said, good ? made : "refused\n") < 0)
		abort();
	free(said);
	free(made);
	free(list.r);
	return all;
}

static void test_file(const char *path)
{
	char name[64], want_path[256], *got, *text, *want;
	const char *base = strrchr(path, '/') + 1;

	snprintf(name, sizeof(name), "%s", base);
	snprintf(want_path, sizeof(want_path), "%.*s.want",
		 (int)strlen(path) - 4, path);
	got = result(path, name);
	/* The text after the line with the license. */
	text = slurp(want_path);
	want = text + strcspn(text, "\n");
	want += *want == '\n';
	if (strcmp(got, want))
		printf("# got:\n%s# want:\n%s", got, want);
	ktap(!strcmp(got, want), name);
	free(got);
	free(text);
}

static void test_durations(void)
{
	static const uint64_t ms[] = {
		0, 1, 999, 1000, 59999, 60000, 3600000, 86400000, 604800000,
		90061001, IPIP_KEEPALIVE_INTERVAL_MAX,
	};
	static const char *const wrong[] = {
		"", "s", "10x", "-1", "1:2", "1:60:00", "1s ", "10ss",
		"99999999999999999999", "0x10", "1.5s",
	};
	bool good = true;
	uint64_t back;
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		format_duration(ms[i], text);
		good = good && !parse_duration(text, &back) && back == ms[i];
	}
	ktap(good, "durations are read back as they were written");
	good = !parse_duration("00:01:30", &back) && back == 90000;
	good = good && !parse_duration("1d02:03:04", &back) && back == 93784000;
	good = good && !parse_duration("10", &back) && back == 10000;
	ktap(good, "durations in RouterOS's formats");
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (!parse_duration(wrong[i], &back)) {
			printf("# '%s'\n", wrong[i]);
			break;
		}
	ktap(i == ARRAY_SIZE(wrong), "invalid durations are refused");
}

static void test_unchanged(void)
{
	static const char *const wrong[] = { "x y", "-1", "99999999999999999999", "10s,x" };
	struct tunnel t, before;
	bool good = true;
	unsigned int p;
	size_t i;

	memset(&t, 0, sizeof(t));
	tunnel_defaults(&t);
	t.mtu = 1400;
	t.keepalive_rtt = 1000;
	t.ipsec_rekey = 10;
	for (p = 0; p < P_COUNT; p++) {
		/* Any of these is a valid comment, and may be the name of a file. */
		if (properties[p].kind == KIND_TEXT)
			continue;
		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			before = t;
			if (!property_parse(p, &t, wrong[i]) || memcmp(&t, &before, sizeof(t))) {
				printf("# %s=%s\n", properties[p].name, wrong[i]);
				good = false;
				t = before;
			}
		}
	}
	ktap(good, "a value that is refused changes nothing");
}

int main(void)
{
	glob_t files;
	size_t i;

	test_tunnels = three_tunnels;
	if (glob(EXPORTS "/*.rsc", 0, NULL, &files))
		return 1;
	for (i = 0; i < files.gl_pathc; i++)
		test_file(files.gl_pathv[i]);
	globfree(&files);
	test_durations();
	test_unchanged();
	return ktap_end();
}
