// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan's swanctl, the documented interface to its daemon: running it, and parsing its
 * output about connections and SAs.
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

/* A daemon that doesn't answer within this time hangs. */
#define SILENCE_MS	60000
#define MISSING		127

/* carry_out() blocks signals; unblock them while waiting for a daemon that may hang. */
static void become(const char *const *args, int out)
{
	const char *argv[8] = { "swanctl" };
	sigset_t none;
	unsigned int i;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (i = 0; i < ARRAY_SIZE(argv) - 2 && args[i]; i++)
		argv[i + 1] = args[i];
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(MISSING);
}

/* Returns false if the daemon doesn't answer any more. */
static bool read_lines(int fd, void (*line)(char *line, void *data), void *data)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char *text = NULL;
	size_t len = 0, room = 0;
	ssize_t got;
	char *end, *from;
	int ready;

	for (;;) {
		ready = poll(&wait, 1, SILENCE_MS);
		if (ready < 0 && errno == EINTR)
			continue;
		if (!ready) {
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
 * @args: its arguments, terminated by NULL
 * @line: called for each line that it prints
 * @data: for @line
 *
 * Return: its exit status, or -errno; -ENOENT: swanctl isn't installed; -ENXIO: it would
 * speak to the daemon of another netns.
 */
int swanctl(const char *const *args, void (*line)(char *line, void *data), void *data)
{
	int pipes[2], status = 0;
	bool silent;
	pid_t child;

	if (!connections_have_daemon())
		return -ENXIO;
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
 * struct pretty - state of the parser of swanctl's --pretty format
 * @depth: of the section
 * @list: name of the list whose items are being read, or ""
 * @section: a section has begun, whose inside has this depth
 * @value: a value of the section that is being read
 * @item: an item of a list of that section
 * @end: the section ends
 * @data: for these
 *
 * Each value is printed on its own line, so a value that a peer has chosen can't be mistaken
 * for something else.
 */
struct pretty {
	unsigned int depth;
	char list[32];
	void (*section)(void *data, unsigned int depth, const char *name);
	void (*value)(void *data, unsigned int depth, const char *key, const char *value);
	void (*item)(void *data, unsigned int depth, const char *list, const char *value);
	void (*end)(void *data, unsigned int depth);
	void *data;
};

static void read_pretty(char *line, void *data)
{
	struct pretty *r = data;
	char *key = line + strspn(line, " "), *value;
	const size_t len = strlen(key);

	if (*r->list) {
		if (!strcmp(key, "]"))
			*r->list = '\0';
		else if (r->item)
			r->item(r->data, r->depth, r->list, key);
		return;
	}
	value = strstr(key, " = ");
	if (value) {
		*value = '\0';
		value += strlen(" = ");
		if (!strcmp(value, "["))
			snprintf(r->list, sizeof(r->list), "%s", *key ? key : "?");
		else
			r->value(r->data, r->depth, key, value);
	} else if (len > 2 && !strcmp(key + len - 2, " {")) {
		key[len - 2] = '\0';
		r->section(r->data, ++r->depth, key);
	} else if (!strcmp(key, "}") && r->depth) {
		r->end(r->data, r->depth--);
	}
}

/* Depth of what is inside: the event, then a connection or an IKE_SA, and of the latter
 * the CHILD_SAs and one of them.
 */
enum {
	IN_EVENT = 1,
	IN_CONNECTION,
	IN_IKE_SA = IN_CONNECTION,
	IN_CHILD_SAS,
	IN_CHILD_SA,
};

/* Connections */

struct connections {
	char name[CONNECTION_MAX];
	struct swanctl_connection c;
	void (*found)(const char *name, const struct swanctl_connection *c, void *data);
	void *data;
};

static void connection_section(void *data, unsigned int depth, const char *name)
{
	struct connections *r = data;

	if (depth != IN_CONNECTION)
		return;
	memset(&r->c, 0, sizeof(r->c));
	snprintf(r->name, sizeof(r->name), "%s", name);
}

static void connection_value(void *data, unsigned int depth, const char *key,
			     const char *value)
{
	struct connections *r = data;

	if (depth == IN_CONNECTION && !strcmp(key, "version"))
		r->c.version = !strcmp(value, "IKEv1") ? 1 : !strcmp(value, "IKEv2") ? 2 : 0;
}

static void connection_item(void *data, unsigned int depth, const char *list,
			    const char *value)
{
	struct connections *r = data;

	if (depth != IN_CONNECTION)
		return;
	if (!strcmp(list, "local_addrs") && strcmp(value, "%any"))
		snprintf(r->c.local, sizeof(r->c.local), "%s", value);
	else if (!strcmp(list, "remote_addrs"))
		snprintf(r->c.remote, sizeof(r->c.remote), "%s", value);
}

static void connection_end(void *data, unsigned int depth)
{
	struct connections *r = data;

	if (depth == IN_CONNECTION)
		r->found(r->name, &r->c, r->data);
}

static struct pretty read_connections(struct connections *connections)
{
	return (struct pretty){
		.section = connection_section,
		.value = connection_value,
		.item = connection_item,
		.end = connection_end,
		.data = connections,
	};
}

/**
 * swanctl_connections() - Read the connections that the IKE daemon has loaded
 * @found: called for each
 * @data: for @found
 *
 * Return: 0, or what swanctl() returns.
 */
int swanctl_connections(void (*found)(const char *name,
				      const struct swanctl_connection *c, void *data),
			void *data)
{
	static const char *const args[] = { "--list-conns", "--pretty", NULL };
	struct connections connections = { .found = found, .data = data };
	struct pretty r = read_connections(&connections);

	return swanctl(args, read_pretty, &r);
}

/* SAs */

/**
 * struct sas - what is being read of SAs
 * @list: the tunnels
 * @t: the one that the IKE_SA is of, or NULL
 * @sa: the CHILD_SA
 */
struct sas {
	struct tunnels *list;
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

static void lower(char *out, const char *text)
{
	for (; *text; text++, out++)
		*out = *text == '_' ? '-' :
		       *text >= 'A' && *text <= 'Z' ? *text + 32 : *text;
	*out = '\0';
}

static void sa_value(void *data, unsigned int depth, const char *key, const char *value)
{
	struct sas *r = data;

	if (depth != IN_CHILD_SA)
		return;
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

/* If there are several, because one replaces another, show the one that lasts longest, and
 * the sum of the bytes of all.
 */
static void sa_end(void *data, unsigned int depth)
{
	struct sas *r = data;
	struct tunnel *t = r->t;
	char text[128];

	if (depth != IN_CHILD_SA || !t || !r->sa.installed)
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

/* The connection has the tunnel's name: an altname may be that of a removed tunnel. */
static struct tunnel *sa_tunnel(struct tunnels *list, const char *connection)
{
	char name[IFNAMSIZ];
	struct tunnel *t;

	if (!connection_tunnel(connection, name))
		return NULL;
	t = tunnel_of_name(list, name);
	return t && !strcmp(t->name, name) ? t : NULL;
}

static void sa_section(void *data, unsigned int depth, const char *name)
{
	struct sas *r = data;

	if (depth == IN_IKE_SA) {
		r->t = sa_tunnel(r->list, name);
		if (r->t && r->t->ipsec_state == IPSEC_NO_SA)
			r->t->ipsec_state = IPSEC_CONNECTING;
	} else if (depth == IN_CHILD_SA) {
		memset(&r->sa, 0, sizeof(r->sa));
	}
}

static struct pretty read_sas(struct sas *sas)
{
	return (struct pretty){
		.section = sa_section,
		.value = sa_value,
		.end = sa_end,
		.data = sas,
	};
}

static uint8_t why_no_sa(const struct tunnel *t, int status)
{
	if (status)
		return IPSEC_NO_DAEMON;
	return t->ipsec_profile == IPSEC_ROUTEROS && ike_lacks_v1() ? IPSEC_NO_IKEV1 :
								     IPSEC_NO_SA;
}

/**
 * swanctl_states() - Read the state of the SAs of tunnels
 * @list: the tunnels; their ipsec_* members are set
 *
 * The daemon is asked only if a tunnel has a secret, and once per reading of the list.
 */
void swanctl_states(struct tunnels *list)
{
	static const char *const args[] = { "--list-sas", "--pretty", NULL };
	struct sas sas = { .list = list };
	struct pretty r = read_sas(&sas);
	bool any = false;
	size_t i;
	int ret;

	if (list->has_states)
		return;
	list->has_states = true;
	for (i = 0; i < list->n; i++) {
		list->t[i].ipsec_state = IPSEC_NO_SA;
		any = any || list->t[i].ipsec_profile;
	}
	if (!any)
		return;
	ret = swanctl(args, read_pretty, &r);
	for (i = 0; i < list->n; i++)
		if (list->t[i].ipsec_state == IPSEC_NO_SA)
			list->t[i].ipsec_state = why_no_sa(&list->t[i], ret);
}
