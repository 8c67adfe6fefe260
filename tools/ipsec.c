// SPDX-License-Identifier: GPL-2.0
/*
 * ipsec-secret: a connection of strongSwan's for each tunnel that has one.
 *
 * A file in swanctl's conf.d, and not the daemon's socket: what comes over the
 * socket is gone when the daemon starts anew, but its unit reads the files. The
 * secret is in that file and nowhere else.
 *
 * Nothing depends on the daemon for its safety: a tunnel with a secret has
 * require-ipsec from the message on that makes it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "ipipctl.h"

/* Of these, "include conf.d/\*.conf" finds the first only. */
#define ENABLED		".conf"
#define DISABLED	".off"
#define PREFIX		"ipip-"
#define CONNECTION_MAX	(sizeof(PREFIX) + 3 * IFNAMSIZ)
#define MARK		"# profile="
#define TEXT_SIZE	4096

/**
 * struct secret - a pre-shared key
 * @next: another one
 * @len: bytes
 * @bytes: the key
 */
struct secret {
	struct secret *next;
	size_t len;
	unsigned char bytes[];
};

/* Wiped when the program ends. */
static struct secret *secrets;

static void secrets_wipe(void)
{
	struct secret *next;

	for (; secrets; secrets = next) {
		next = secrets->next;
		explicit_bzero(secrets, sizeof(*secrets) + secrets->len);
		free(secrets);
	}
}

/* A core or a debugger of the same user's would have them, too. */
static void secrets_shield(void)
{
	const struct rlimit none = {};
	static bool done;

	if (done)
		return;
	done = true;
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	atexit(secrets_wipe);
}

/**
 * ipsec_secret() - Take a pre-shared key
 * @bytes: the key
 * @len: how many
 * @out: set to the key, which lives as long as the program
 *
 * Return: NULL, or what is wrong with it.
 */
const char *ipsec_secret(const void *bytes, size_t len, const struct secret **out)
{
	struct secret *s;

	secrets_shield();
	if (!len || len > IPSEC_SECRET_MAX)
		return "a secret has 1 to 255 bytes";
	s = malloc(sizeof(*s) + len);
	if (!s)
		return strerror(ENOMEM);
	s->next = secrets;
	s->len = len;
	memcpy(s->bytes, bytes, len);
	secrets = s;
	*out = s;
	return NULL;
}

/* One line, of which the end doesn't count. Not through stdio, which would keep a
 * copy.
 */
static const char *read_secret_line(int fd, const struct secret **out)
{
	char line[IPSEC_SECRET_MAX + 3];
	const char *why;
	size_t len = 0;
	ssize_t got;

	secrets_shield();
	while (len < sizeof(line)) {
		got = read(fd, line + len, sizeof(line) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		len += got;
		if (!got || (isatty(fd) && memchr(line, '\n', len)))
			break;
	}
	if (len && line[len - 1] == '\n')
		len--;
	if (len && line[len - 1] == '\r')
		len--;
	why = memchr(line, '\n', len) ? "has more than one line" :
					ipsec_secret(line, len, out);
	explicit_bzero(line, sizeof(line));
	return why;
}

static const char *ask_for_secret(const struct secret **out)
{
	struct termios shown, hidden;
	const char *why;

	if (tcgetattr(STDIN_FILENO, &shown))
		return strerror(errno);
	hidden = shown;
	hidden.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	fputs("ipsec-secret: ", stderr);
	why = read_secret_line(STDIN_FILENO, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	putc('\n', stderr);
	return why;
}

/**
 * ipsec_secret_file() - Read a pre-shared key from a file
 * @name: of the file; "-" is the standard input, without an echo if that is a
 *	terminal; read once, though several tunnels be given it
 * @out: set to the key
 *
 * Return: NULL, or what is wrong with it.
 */
const char *ipsec_secret_file(const char *name, const struct secret **out)
{
	static const struct secret *last;
	static char last_name[4096];
	const char *why;
	int fd;

	if (last && !strcmp(name, last_name)) {
		*out = last;
		return NULL;
	}
	if (!strcmp(name, "-")) {
		why = isatty(STDIN_FILENO) ? ask_for_secret(out) :
					     read_secret_line(STDIN_FILENO, out);
	} else {
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return strerror(errno);
		why = read_secret_line(fd, out);
		close(fd);
	}
	if (!why) {
		last = *out;
		snprintf(last_name, sizeof(last_name), "%s", name);
	}
	return why;
}

/* Where things are */

/* strongSwan's words for names take letters, digits and few signs; the name of a
 * device may have any.
 */
static void connection_of(const char *tunnel, char *out)
{
	const unsigned char *p = (const unsigned char *)tunnel;

	out += sprintf(out, PREFIX);
	for (; *p; p++) {
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || *p == '-')
			*out++ = *p;
		else
			out += sprintf(out, "_%02x", *p);
	}
	*out = '\0';
}

/* The other way round. Returns what is behind the name, or NULL. */
static const char *tunnel_of(const char *connection, char *out)
{
	const char *p = connection + strlen(PREFIX);
	unsigned int c, n = 0;

	if (strncmp(connection, PREFIX, strlen(PREFIX)))
		return NULL;
	for (; *p && *p != '.'; p++) {
		c = (unsigned char)*p;
		if (c == '_') {
			if (sscanf(p + 1, "%2x", &c) != 1 || !c)
				return NULL;
			p += 2;
		}
		if (n == IFNAMSIZ - 1)
			return NULL;
		out[n++] = c;
	}
	out[n] = '\0';
	return n ? p : NULL;
}

/**
 * ipsec_tunnel_of() - Which tunnel has a connection been made for?
 * @connection: its name
 * @out: set to the tunnel's name, IFNAMSIZ bytes
 *
 * Return: false if it is none of ours.
 */
bool ipsec_tunnel_of(const char *connection, char *out)
{
	const char *rest = tunnel_of(connection, out);

	return rest && !*rest;
}

static bool is_file_of(const char *name, char *tunnel)
{
	const char *ending = tunnel_of(name, tunnel);

	return ending && (!strcmp(ending, ENABLED) || !strcmp(ending, DISABLED));
}

/* The configuration of the daemon that works in this network namespace: that of
 * a named one is where ip-netns(8) puts it.
 */
static const char *swanctl_dir(void)
{
	static char dir[512];
	const char *given = getenv("SWANCTL_DIR"), *netns = netns_name();

	if (*dir)
		return dir;
	if (given)
		snprintf(dir, sizeof(dir), "%s", given);
	else if (netns)
		snprintf(dir, sizeof(dir), "/etc/netns/%s/swanctl", netns);
	else
		snprintf(dir, sizeof(dir), "/etc/swanctl");
	if (!given && netns) {
		char conf[512];

		setenv("SWANCTL_DIR", dir, 1);
		snprintf(conf, sizeof(conf), "/etc/netns/%s/strongswan.conf",
			 netns);
		if (!access(conf, F_OK))
			setenv("STRONGSWAN_CONF", conf, 0);
	}
	return dir;
}

static void file_of(const char *connection, const char *ending, char *path,
		    size_t size)
{
	snprintf(path, size, "%s/conf.d/%s%s", swanctl_dir(), connection, ending);
}

/* What is there */

static uint8_t profile_of_file(const char *path)
{
	uint8_t profile = IPSEC_UNKNOWN;
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");

	/* The second line: the secret is further down, and not to be read. */
	if (f)
		setvbuf(f, NULL, _IONBF, 0);
	for (int i = 0; f && i < 2 && getline(&line, &room, f) > 0; i++) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, MARK, strlen(MARK)))
			ipsec_profile_parse(line + strlen(MARK), &profile);
	}
	free(line);
	if (f)
		fclose(f);
	return profile;
}

/**
 * ipsec_profiles() - Which tunnels have a secret?
 * @list: the tunnels; their ipsec_profile is set
 */
void ipsec_profiles(struct tunnels *list)
{
	char path[1024], name[IFNAMSIZ];
	const struct dirent *entry;
	struct tunnel *t;
	DIR *dir;

	if (!list->n)
		return;
	snprintf(path, sizeof(path), "%s/conf.d", swanctl_dir());
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!is_file_of(entry->d_name, name))
			continue;
		t = tunnel_of_name(list, name);
		if (!t)
			continue;
		snprintf(path, sizeof(path), "%s/conf.d/%s", swanctl_dir(),
			 entry->d_name);
		t->ipsec_profile = profile_of_file(path);
	}
	closedir(dir);
	/* The list may be sorted or cut yet. */
	free(list->by_name);
	list->by_name = NULL;
}

/* What shall be there */

static const struct {
	const char *connection;
	const char *esp;
	const char *child;
} profile_text[] = {
	/* What RouterOS proposes and takes for the peers that it makes itself: its
	 * profile and its proposal "default".
	 */
	[IPSEC_ROUTEROS] = {
		"\t\tversion = 1\n"
		"\t\tproposals = aes128-sha1-modp2048,aes128-sha1-modp1024,3des-sha1-modp2048,3des-sha1-modp1024\n"
		"\t\trekey_time = 24h\n"
		"\t\tdpd_delay = 8s\n"
		"\t\tdpd_timeout = 32s\n",
		"aes256-sha1-modp1024,aes192-sha1-modp1024,aes128-sha1-modp1024",
		"\t\t\t\trekey_time = 27m\n"
		"\t\t\t\tlife_time = 30m\n"
	},
	[IPSEC_MODERN] = {
		"\t\tversion = 2\n"
		"\t\tproposals = aes256gcm16-prfsha384-x25519,aes128gcm16-prfsha256-x25519\n"
		"\t\tmobike = no\n"
		"\t\tdpd_delay = 10s\n",
		"aes256gcm16-x25519,aes128gcm16-x25519",
		"\t\t\t\trekey_time = 1h\n"
	},
};

static void address_text(uint32_t address, char *out)
{
	inet_ntop(AF_INET, &address, out, INET_ADDRSTRLEN);
}

static void write_child(FILE *out, const struct tunnel *t, const char *connection)
{
	char local[INET_ADDRSTRLEN] = "dynamic", remote[INET_ADDRSTRLEN];

	if (t->local)
		address_text(t->local, local);
	address_text(t->remote, remote);
	fprintf(out, "\t\tchildren {\n\t\t\t%s {\n", connection);
	fprintf(out, "\t\t\t\tmode = transport\n");
	fprintf(out, "\t\t\t\tesp_proposals = %s\n",
		profile_text[t->ipsec_profile].esp);
	fputs(profile_text[t->ipsec_profile].child, out);
	fprintf(out, "\t\t\t\tlocal_ts = %s[4]\n", local);
	fprintf(out, "\t\t\t\tremote_ts = %s[4]\n", remote);
	fprintf(out, "\t\t\t\treplay_window = 128\n");
	fprintf(out, "\t\t\t\tstart_action = trap|start\n");
	fprintf(out, "\t\t\t\tdpd_action = restart\n");
	fprintf(out, "\t\t\t}\n\t\t}\n");
}

static void write_connection(FILE *out, const struct tunnel *t,
			     const char *connection)
{
	char address[INET_ADDRSTRLEN];

	fprintf(out, "connections {\n\t%s {\n", connection);
	fputs(profile_text[t->ipsec_profile].connection, out);
	if (t->local) {
		address_text(t->local, address);
		fprintf(out, "\t\tlocal_addrs = %s\n", address);
	}
	address_text(t->remote, address);
	fprintf(out, "\t\tremote_addrs = %s\n", address);
	fprintf(out, "\t\tlocal {\n\t\t\tauth = psk\n\t\t}\n");
	fprintf(out, "\t\tremote {\n\t\t\tauth = psk\n");
	/* IKEv1 finds the secret by the address, IKEv2 by the name. */
	if (t->ipsec_profile == IPSEC_MODERN)
		fprintf(out, "\t\t\tid = %s\n", address);
	fprintf(out, "\t\t}\n");
	write_child(out, t, connection);
	fprintf(out, "\t}\n}\n");
}

/* In hexadecimal it can have any byte. @line is that of the present file's, for a tunnel
 * that isn't given another.
 */
static void write_secret(FILE *out, const struct tunnel *t,
			 const char *connection, const char *line)
{
	char address[INET_ADDRSTRLEN];
	size_t i;

	address_text(t->remote, address);
	fprintf(out, "secrets {\n\tike-%s {\n\t\tid-1 = %s\n", connection,
		address);
	address_text(t->local, address);
	if (t->local)
		fprintf(out, "\t\tid-2 = %s\n", address);
	if (t->secret) {
		fputs("\t\tsecret = 0x", out);
		for (i = 0; i < t->secret->len; i++)
			fprintf(out, "%02x", t->secret->bytes[i]);
		putc('\n', out);
	} else {
		fputs(line, out);
	}
	fprintf(out, "\t}\n}\n");
}

/* The file's text, to be freed by text_free(). */
static char *connection_text(const struct tunnel *t, const char *name,
			     const char *secret)
{
	char connection[CONNECTION_MAX], profile[16];
	char *text = calloc(1, TEXT_SIZE);
	FILE *out = text ? fmemopen(text, TEXT_SIZE, "w") : NULL;

	if (!out) {
		fail("memory", "%s", strerror(errno));
		exit(IPIPCTL_REFUSED);
	}
	/* No copy of the secret in a buffer of stdio's. */
	setvbuf(out, NULL, _IONBF, 0);
	connection_of(name, connection);
	ipsec_profile_format(t->ipsec_profile, profile);
	fprintf(out, "# Of the tunnel %s. Written by ipipctl(8), and written anew.\n",
		name);
	fprintf(out, MARK "%s\n", profile);
	write_connection(out, t, connection);
	write_secret(out, t, connection, secret);
	fclose(out);
	return text;
}

static void text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* Returns NULL if there is no such file. */
static char *read_text(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	ssize_t len = -1;

	if (fd >= 0) {
		secrets_shield();
		text = calloc(1, TEXT_SIZE);
		len = text ? read(fd, text, TEXT_SIZE - 1) : -1;
		close(fd);
	}
	if (len <= 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The line with the secret in a file of ours: to be freed by text_free(). */
static char *secret_line(const char *text)
{
	const char *line = text ? strstr(text, "\t\tsecret = 0x") : NULL;

	return line ? strndup(line, strcspn(line, "\n") + 1) : NULL;
}

/* Nobody sees half a file, nor another user any of it. Returns 0 or -1. */
static int write_text(const char *path, const char *text)
{
	char temporary[1100];
	int fd, ret;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);	/* mode 0600 */
	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	      fsync(fd) ? -1 : 0;
	close(fd);
	if (ret || rename(temporary, path)) {
		unlink(temporary);
		return -1;
	}
	return 0;
}

/* Changes */

/**
 * struct change - of a tunnel's connection
 * @r: what it comes from
 * @connection: its name, if it shall be loaded; or ""
 * @old_path: the file that there was, or ""
 * @old_text: what was in it
 * @new_path: the file that there shall be, or ""
 * @new_text: what shall be in it
 * @secret: another secret than before: the SAs that the old one brought have to go
 * @written: the files are as they shall be
 * @loaded: so says the daemon
 * @why: or what it says instead
 */
struct change {
	struct request *r;
	char connection[CONNECTION_MAX];
	char old_path[1024];
	char *old_text;
	char new_path[1024];
	char *new_text;
	bool secret;
	bool written;
	bool loaded;
	char why[256];
};

struct changes {
	struct change *c;
	size_t n;
	size_t room;
	bool no_daemon;
	bool broken;
	char why[256];
};

/* The file of a tunnel's, enabled or not; @path is "" if there is none. */
static char *find_text(const char *name, char *path, size_t size)
{
	char connection[CONNECTION_MAX], *text;

	connection_of(name, connection);
	file_of(connection, ENABLED, path, size);
	text = read_text(path);
	if (text)
		return text;
	file_of(connection, DISABLED, path, size);
	text = read_text(path);
	if (!text)
		*path = '\0';
	return text;
}

/**
 * ipsec_has_secret() - Is there a secret for a tunnel of this name?
 * @name: the name
 *
 * Return: true if a file of ours has one.
 */
bool ipsec_has_secret(const char *name)
{
	char path[1024], *text = find_text(name, path, sizeof(path));
	char *line = secret_line(text);
	const bool found = line;

	text_free(line);
	text_free(text);
	return found;
}

#define P_CONNECTION	(BIT(P_NAME) | BIT(P_LOCAL_ADDRESS) | \
			 BIT(P_REMOTE_ADDRESS) | BIT(P_DISABLED) | \
			 BIT(P_IPSEC_PROFILE) | BIT(P_IPSEC_SECRET_FILE))

/* What a request that the kernel has taken makes of the tunnel's connection. Returns
 * false if there is nothing to do.
 */
static bool plan(struct change *c, struct request *r)
{
	const struct tunnel *t = &r->t;
	const bool renamed = r->op != OP_REMOVE && r->mask & BIT(P_NAME);
	const char *name = renamed ? t->new_name : t->name;
	char *secret;

	if (!*name)
		name = t->new_name;
	memset(c, 0, sizeof(*c));
	c->r = r;
	c->old_text = find_text(*t->name ? t->name : name, c->old_path,
				sizeof(c->old_path));
	if (r->op == OP_REMOVE || !t->ipsec_profile)
		return c->old_text;
	secret = secret_line(c->old_text);
	c->new_text = connection_text(t, name, secret ?: "");
	text_free(secret);
	connection_of(name, c->connection);
	file_of(c->connection, t->disabled ? DISABLED : ENABLED, c->new_path,
		sizeof(c->new_path));
	if (t->disabled)
		*c->connection = '\0';
	c->secret = t->secret && c->old_text && *c->connection;
	return !c->old_text || strcmp(c->old_path, c->new_path) ||
	       strcmp(c->old_text, c->new_text);
}

static void change_free(struct change *c)
{
	text_free(c->old_text);
	text_free(c->new_text);
}

static bool concerns(const struct request *r)
{
	if (r->error)
		return false;
	return r->op != OP_SET || (r->mask & P_CONNECTION &&
				   r->t.ipsec_profile != IPSEC_UNKNOWN);
}

static void plan_all(struct changes *changes, struct requests *list)
{
	struct change *c;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!concerns(&list->r[i]))
			continue;
		changes->c = grow(changes->c, changes->n, &changes->room,
				  sizeof(*changes->c));
		c = &changes->c[changes->n];
		if (plan(c, &list->r[i]))
			changes->n++;
		else
			change_free(c);
	}
}

static int put_files(struct change *c)
{
	if (*c->new_path && write_text(c->new_path, c->new_text)) {
		if (errno == ENOENT)
			snprintf(c->why, sizeof(c->why),
				 "there is no %.180s/conf.d: is strongSwan installed?",
				 swanctl_dir());
		else
			snprintf(c->why, sizeof(c->why), "%.180s: %.60s",
				 c->new_path, strerror(errno));
		return -1;
	}
	c->written = true;
	if (*c->old_path && strcmp(c->old_path, c->new_path))
		unlink(c->old_path);
	return 0;
}

static void take_back(struct change *c)
{
	if (!c->written)
		return;
	c->written = false;
	if (*c->old_path)
		write_text(c->old_path, c->old_text);
	if (*c->new_path && strcmp(c->old_path, c->new_path))
		unlink(c->new_path);
}

/* The daemon */

static int compare_connection(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return strcmp(x->connection, y->connection);
}

static struct change *change_of(struct changes *changes, const char *name, size_t len)
{
	struct change key = {};

	if (len >= sizeof(key.connection))
		return NULL;
	memcpy(key.connection, name, len);
	return bsearch(&key, changes->c, changes->n, sizeof(key),
		       compare_connection);
}

static bool is_chatter(const char *line)
{
	static const char *const starts[] = {
		"loaded ", "successfully ", "no ", "plugin '", "opening directory '",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* "loaded connection 'NAME'" and "loading connection 'NAME' failed: WHY". */
static void read_load(char *line, void *data)
{
	static const char loaded[] = "loaded connection '";
	static const char loading[] = "loading connection '";
	static const char no_daemon[] = "connecting to '";
	static const char broken[] = "invalid config file '";
	struct changes *changes = data;
	const char *name = NULL, *end;
	struct change *c;

	if (!strncmp(line, no_daemon, strlen(no_daemon)))
		changes->no_daemon = true;
	else if (!strncmp(line, broken, strlen(broken)))
		changes->broken = true;
	else if (!strncmp(line, loaded, strlen(loaded)))
		name = line + strlen(loaded);
	else if (!strncmp(line, loading, strlen(loading)))
		name = line + strlen(loading);
	else if (!is_chatter(line))
		snprintf(changes->why, sizeof(changes->why), "%s", line);
	end = name ? strchr(name, '\'') : NULL;
	c = end ? change_of(changes, name, end - name) : NULL;
	if (!c)
		return;
	c->loaded = !strncmp(line, loaded, strlen(loaded));
	if (!c->loaded)
		snprintf(c->why, sizeof(c->why), "the IKE daemon refuses it%s",
			 end + strlen("' failed"));
}

static void read_nothing(char *line, void *data)
{
	(void)line;
	(void)data;
}

/* Let the daemon read what is in the files. Of a file that somebody has broken swanctl
 * makes none, and unloads all connections and secrets: what has least to lose
 * comes first, to see that. The secrets before the connections, which are tried at once.
 */
static int load_all(struct changes *changes)
{
	static const char *const check[] = { "--load-authorities", NULL };
	static const char *const creds[] = { "--load-creds", "--noprompt", NULL };
	static const char *const conns[] = { "--load-conns", NULL };
	int ret;

	qsort(changes->c, changes->n, sizeof(*changes->c), compare_connection);
	ret = swanctl(check, read_load, changes);
	if (ret < 0 || changes->no_daemon || changes->broken)
		return ret;
	ret = swanctl(creds, read_load, changes);
	return ret < 0 ? ret : swanctl(conns, read_load, changes);
}

/* To the daemon a connection with another secret is the same one: the SAs that the
 * old one has brought go, or what waits for an answer to it, and it is tried anew,
 * which isn't waited for.
 */
static void start_anew(const struct change *c)
{
	const char *const terminate[] = { "--terminate", "--ike", c->connection,
					  "--force", NULL };
	const char *const initiate[] = { "--initiate", "--child", c->connection,
					 "--timeout", "-1", NULL };

	swanctl(terminate, read_nothing, NULL);
	swanctl(initiate, read_nothing, NULL);
}

/* What is wrong with a connection that shall be loaded, into its ->why. */
static bool is_wrong(struct changes *changes, struct change *c, int status)
{
	if (*c->why)
		return true;
	if (!*c->connection || c->loaded)
		return false;
	if (status == -ENOENT)
		strcpy(c->why, "strongSwan isn't installed: there is no swanctl");
	else if (status == -ETIMEDOUT)
		strcpy(c->why, "the IKE daemon doesn't answer");
	else if (changes->no_daemon)
		strcpy(c->why, "the IKE daemon doesn't run: start strongSwan's");
	else
		snprintf(c->why, sizeof(c->why), "the IKE daemon has not got it: %.180s",
			 *changes->why ? changes->why :
			 "does swanctl.conf include conf.d/*.conf?");
	return true;
}

static void note(struct change *c)
{
	c->r->error = EIO;
	snprintf(c->r->why, sizeof(c->r->why), "ipsec-secret: %.230s", c->why);
}

/* Whoever starts the machine may start us first. */
static bool can_wait(const struct changes *changes, bool keep_going, int status)
{
	return keep_going && (changes->no_daemon || status == -ENOENT);
}

/* Returns false if something is wrong with one of them. */
static bool put_all_files(struct changes *changes)
{
	bool good = true;
	size_t i;

	for (i = 0; i < changes->n; i++) {
		if (!put_files(&changes->c[i]))
			continue;
		note(&changes->c[i]);
		good = false;
	}
	return good;
}

static bool settle(struct changes *changes, bool keep_going)
{
	bool good = put_all_files(changes);
	struct change *c;
	int status;
	size_t i;

	if (!good && !keep_going)
		return false;
	status = load_all(changes);
	if (can_wait(changes, keep_going, status))
		return good;
	for (i = 0; i < changes->n; i++) {
		c = &changes->c[i];
		if (is_wrong(changes, c, status)) {
			note(c);
			good = false;
		} else if (c->secret) {
			start_anew(c);
		}
	}
	return good;
}

static void take_all_back(struct changes *changes, bool failed_only)
{
	size_t i;

	for (i = 0; i < changes->n; i++)
		if (!failed_only || changes->c[i].r->error)
			take_back(&changes->c[i]);
	load_all(changes);
}

/**
 * ipsec_follow() - Bring the connections to where the tunnels are
 * @list: requests that the kernel has carried out; what the daemon has against one
 *	is noted there
 * @keep_going: though one is refused; and a daemon that isn't there yet reads the
 *	files when it starts
 *
 * If one is refused, the files are as they were: all of them, or with @keep_going
 * its own.
 *
 * Return: 0 or IPIPCTL_REFUSED.
 */
int ipsec_follow(struct requests *list, bool keep_going)
{
	struct changes changes = {};
	bool good = true;
	size_t i;

	plan_all(&changes, list);
	if (changes.n) {
		good = settle(&changes, keep_going);
		if (!good)
			take_all_back(&changes, keep_going);
	}
	for (i = 0; i < changes.n; i++)
		change_free(&changes.c[i]);
	free(changes.c);
	return good ? 0 : IPIPCTL_REFUSED;
}
