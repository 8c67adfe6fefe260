// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan's swanctl, the documented way to its daemon: running it, and reading
 * what it says of SAs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipipctl.h"

/* A daemon that says nothing for so long hangs. */
#define SILENCE_MS	60000
#define MISSING		127

static void become(const char *const *args, int out)
{
	const char *argv[8] = { "swanctl" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(argv) - 2 && args[i]; i++)
		argv[i + 1] = args[i];
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(MISSING);
}

/* Returns false when the daemon has gone silent. */
static bool read_lines(int fd, void (*line)(char *line, void *data), void *data)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char *text = NULL;
	size_t len = 0, room = 0;
	ssize_t got;
	char *end, *from;

	for (;;) {
		if (!poll(&wait, 1, SILENCE_MS)) {
			free(text);
			return false;
		}
		while (len + 4096 > room)
			text = grow(text, room, &room, 1);
		got = read(fd, text + len, room - len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += got;
		for (from = text; (end = memchr(from, '\n', text + len - from));
		     from = end + 1) {
			*end = '\0';
			line(from, data);
		}
		len -= from - text;
		memmove(text, from, len);
	}
	if (len) {
		text[len] = '\0';
		line(text, data);
	}
	free(text);
	return true;
}

/**
 * swanctl() - Run swanctl
 * @args: its arguments, NULL behind the last
 * @line: called for each line that it prints
 * @data: for @line
 *
 * Return: its exit status, or -errno; -ENOENT: there is none.
 */
int swanctl(const char *const *args, void (*line)(char *line, void *data), void *data)
{
	int pipes[2], status = 0;
	bool silent;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	child = fork();
	if (child < 0) {
		close(pipes[0]);
		close(pipes[1]);
		return -errno;
	}
	if (!child)
		become(args, pipes[1]);
	close(pipes[1]);
	silent = !read_lines(pipes[0], line, data);
	close(pipes[0]);
	if (silent)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (silent)
		return -ETIMEDOUT;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == MISSING ? -ENOENT : WEXITSTATUS(status);
	return -EIO;
}

/**
 * struct reading - where the reader of `swanctl --list-sas --pretty` is
 * @list: the tunnels
 * @depth: of the section
 * @t: that the IKE_SA is of
 * @sa: state of the CHILD_SA that is being read
 */
struct reading {
	struct tunnels *list;
	unsigned int depth;
	struct tunnel *t;
	struct {
		bool installed;
		char encr[24];
		char keysize[8];
		char integ[24];
		char group[24];
		uint64_t bytes_in;
		uint64_t bytes_out;
		int64_t rekey;
	} sa;
};

/* Depth of what is inside: the event, its IKE_SA, the CHILD_SAs, one of them. */
enum {
	IN_EVENT = 1,
	IN_IKE_SA,
	IN_CHILD_SAS,
	IN_CHILD_SA,
};

static void lower(char *out, const char *text)
{
	for (; *text; text++, out++)
		*out = *text == '_' ? '-' :
		       *text >= 'A' && *text <= 'Z' ? *text + 32 : *text;
	*out = '\0';
}

static void child_value(struct reading *r, const char *key, const char *value)
{
	if (!strcmp(key, "state"))
		r->sa.installed = !strcmp(value, "INSTALLED");
	else if (!strcmp(key, "encr-alg"))
		snprintf(r->sa.encr, sizeof(r->sa.encr), "%s", value);
	else if (!strcmp(key, "encr-keysize"))
		snprintf(r->sa.keysize, sizeof(r->sa.keysize), "-%s", value);
	else if (!strcmp(key, "integ-alg"))
		snprintf(r->sa.integ, sizeof(r->sa.integ), "/%s", value);
	else if (!strcmp(key, "dh-group"))
		snprintf(r->sa.group, sizeof(r->sa.group), "/%s", value);
	else if (!strcmp(key, "bytes-in"))
		r->sa.bytes_in = strtoull(value, NULL, 10);
	else if (!strcmp(key, "bytes-out"))
		r->sa.bytes_out = strtoull(value, NULL, 10);
	else if (!strcmp(key, "rekey-time"))
		r->sa.rekey = strtoll(value, NULL, 10);
}

/* Of several, while one takes over from another, the one that lasts longest; the
 * bytes are those of all.
 */
static void child_end(struct reading *r)
{
	struct tunnel *t = r->t;
	char text[128];

	if (!t || !r->sa.installed)
		return;
	t->ipsec_bytes_in += r->sa.bytes_in;
	t->ipsec_bytes_out += r->sa.bytes_out;
	if (t->ipsec_state == IPSEC_ESTABLISHED && t->ipsec_rekey >= r->sa.rekey)
		return;
	t->ipsec_state = IPSEC_ESTABLISHED;
	t->ipsec_rekey = r->sa.rekey;
	snprintf(text, sizeof(text), "%s%s%s%s", r->sa.encr, r->sa.keysize,
		 r->sa.integ, r->sa.group);
	text[sizeof(t->ipsec_proposal) - 1] = '\0';
	lower(t->ipsec_proposal, text);
}

static void section_start(struct reading *r, const char *name)
{
	char tunnel[IFNAMSIZ];

	r->depth++;
	if (r->depth == IN_IKE_SA) {
		r->t = ipsec_tunnel_of(name, tunnel) ?
			tunnel_of_name(r->list, tunnel) : NULL;
		if (r->t && r->t->ipsec_state == IPSEC_NO_SA)
			r->t->ipsec_state = IPSEC_CONNECTING;
	} else if (r->depth == IN_CHILD_SA) {
		memset(&r->sa, 0, sizeof(r->sa));
	}
}

/* Each value is on a line of its own, in print: what a peer has chosen can't look
 * like another.
 */
static void read_sa(char *line, void *data)
{
	struct reading *r = data;
	char *key = line + strspn(line, " "), *value;
	const size_t len = strlen(key);

	value = strstr(key, " = ");
	if (value) {
		*value = '\0';
		if (r->depth == IN_CHILD_SA)
			child_value(r, key, value + 3);
	} else if (len > 2 && !strcmp(key + len - 2, " {")) {
		key[len - 2] = '\0';
		section_start(r, key);
	} else if (!strcmp(key, "}") && r->depth) {
		if (r->depth == IN_CHILD_SA)
			child_end(r);
		r->depth--;
	}
}

/**
 * swanctl_states() - How are the SAs of tunnels?
 * @list: the tunnels; what they have of ipsec_* is set
 *
 * Asks only if a tunnel has a secret.
 */
void swanctl_states(struct tunnels *list)
{
	static const char *const args[] = { "--list-sas", "--pretty", NULL };
	struct reading r = { .list = list };
	bool any = false;
	size_t i;
	int ret;

	for (i = 0; i < list->n; i++) {
		list->t[i].ipsec_state = IPSEC_NO_SA;
		any = any || list->t[i].ipsec_profile;
	}
	if (!any)
		return;
	ret = swanctl(args, read_sa, &r);
	for (i = 0; i < list->n; i++)
		if (ret && list->t[i].ipsec_state == IPSEC_NO_SA)
			list->t[i].ipsec_state = IPSEC_NO_DAEMON;
	free(list->by_name);
	list->by_name = NULL;
}
