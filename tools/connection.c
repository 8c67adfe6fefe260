// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan's files: a connection for each tunnel that has a secret.
 *
 * Connections are files in swanctl's conf.d and aren't only sent over the daemon's socket,
 * because the daemon loses those when it restarts, but its unit reads the files. The secret
 * is only in that file.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipipctl.h"

/* Of these, "include conf.d/\*.conf" finds the first only. */
#define ENABLED		".conf"
#define DISABLED	".off"
#define PREFIX		"ipip-"
#define MARK		"# profile="
#define SECRET		"\t\tsecret = 0x"
#define TEXT_SIZE	4096
/* Writing a file never takes this long. */
#define WRITING_S	60

static_assert(sizeof(PREFIX) + 3 * IFNAMSIZ == CONNECTION_MAX, "room for the prefix");

/* Where things are */

/**
 * connection_of() - Get the name of a tunnel's connection
 * @tunnel: the tunnel's name
 * @out: set to the connection's name, CONNECTION_MAX bytes. strongSwan's names have letters,
 *	digits and few other characters; the name of a device may have any
 */
void connection_of(const char *tunnel, char *out)
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

/* The inverse of connection_of(). Returns the rest after the name, or NULL if
 * connection_of() wouldn't have written it this way.
 */
static const char *tunnel_of(const char *connection, char *out)
{
	const char *p = connection + strlen(PREFIX);
	char again[CONNECTION_MAX];
	unsigned int c, n = 0;

	if (strncmp(connection, PREFIX, strlen(PREFIX)))
		return NULL;
	for (; *p && *p != '.'; p++) {
		c = (unsigned char)*p;
		if (c == '_') {
			if (strspn(p + 1, "0123456789abcdef") < 2 || sscanf(p + 1, "%2x", &c) != 1)
				return NULL;
			p += 2;
		}
		if (!c || n == IFNAMSIZ - 1)
			return NULL;
		out[n++] = c;
	}
	out[n] = '\0';
	connection_of(out, again);
	if (!n || strlen(again) != (size_t)(p - connection) ||
	    strncmp(again, connection, strlen(again)))
		return NULL;
	return p;
}

/**
 * connection_tunnel() - Get the tunnel of a connection
 * @connection: its name
 * @out: set to the tunnel's name, IFNAMSIZ bytes
 *
 * Return: false if ipipctl hasn't made the connection.
 */
bool connection_tunnel(const char *connection, char *out)
{
	const char *rest = tunnel_of(connection, out);

	return rest && !*rest;
}

static bool is_file_of(const char *name, char *tunnel)
{
	const char *ending = tunnel_of(name, tunnel);

	return ending && (!strcmp(ending, ENABLED) || !strcmp(ending, DISABLED));
}

/* strongSwan is built with either of the two folders. */
static bool find_dir(const char *base, char *dir, size_t size)
{
	static const char *const names[] = { "swanctl", "strongswan/swanctl" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(dir, size, "%s/%s", base, names[i]);
		if (!access(dir, F_OK))
			return true;
	}
	snprintf(dir, size, "%s/%s", base, names[0]);
	return false;
}

/* Check that nothing says where the daemon of the netns listens. */
static bool no_daemon;

/* swanctl must read the folder that ipipctl has written, and speak to the daemon that uses
 * it. Without a strongswan.conf for the netns it would speak to the machine's daemon, which
 * would replace all of the machine's connections by those of the netns.
 */
static void point_swanctl(const char *base, const char *dir)
{
	char conf[512];

	setenv("SWANCTL_DIR", dir, 1);
	snprintf(conf, sizeof(conf), "%s/strongswan.conf", base);
	if (!access(conf, F_OK))
		setenv("STRONGSWAN_CONF", conf, 0);
	no_daemon = !getenv("STRONGSWAN_CONF");
}

/**
 * swanctl_dir() - Get the configuration folder of the daemon of this netns
 *
 * For a netns with a name it is where ip-netns(8) looks for configuration files.
 *
 * Return: the folder.
 */
const char *swanctl_dir(void)
{
	const char *given = getenv("SWANCTL_DIR"), *netns = netns_name();
	static char dir[512];
	char base[300];

	if (*dir)
		return dir;
	if (given) {
		snprintf(dir, sizeof(dir), "%s", given);
	} else if (netns) {
		snprintf(base, sizeof(base), "/etc/netns/%s", netns);
		find_dir(base, dir, sizeof(dir));
		point_swanctl(base, dir);
	} else {
		find_dir("/etc", dir, sizeof(dir));
	}
	return dir;
}

/**
 * connections_have_daemon() - Check that a daemon reads the configuration of this netns
 *
 * Return: false if swanctl would speak to the daemon of another netns.
 */
bool connections_have_daemon(void)
{
	swanctl_dir();
	return !no_daemon;
}

/**
 * connection_file() - Get the file of a connection
 * @connection: its name
 * @enabled: the daemon reads it
 * @path: set to the path
 * @size: bytes of @path
 */
void connection_file(const char *connection, bool enabled, char *path, size_t size)
{
	snprintf(path, size, "%s/conf.d/%s%s", swanctl_dir(), connection,
		 enabled ? ENABLED : DISABLED);
}

/* What is there */

static uint8_t profile_of_file(const char *path)
{
	int64_t profile = IPSEC_UNKNOWN;
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");

	/* Read only the second line, because the secret is in a later one. */
	if (f)
		setvbuf(f, NULL, _IONBF, 0);
	for (int i = 0; f && i < 2 && getline(&line, &room, f) > 0; i++) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, MARK, strlen(MARK)))
			word_parse(ipsec_profiles, line + strlen(MARK), &profile);
	}
	free(line);
	if (f)
		fclose(f);
	return profile;
}

/**
 * connections_read() - Find the tunnels that have a secret
 * @list: the tunnels; their ipsec_profile is set
 */
void connections_read(struct tunnels *list)
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
		if (!t || strcmp(t->name, name))
			continue;
		snprintf(path, sizeof(path), "%s/conf.d/%s", swanctl_dir(),
			 entry->d_name);
		t->ipsec_profile = profile_of_file(path);
	}
	closedir(dir);
}

/* What shall be there */

static const struct {
	const char *connection;
	const char *esp;
	const char *child;
} profile_text[] = {
	/* The proposals of RouterOS for the peers that it makes itself: its profile
	 * and its proposal "default".
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
	/* The last of each is the best that RouterOS has in IKEv2 for a peer that somebody
	 * configures: no GCM for the IKE SA, and no X25519.
	 */
	[IPSEC_MODERN] = {
		"\t\tversion = 2\n"
		"\t\tproposals = aes256gcm16-prfsha384-x25519,aes128gcm16-prfsha256-x25519,aes256-sha256-ecp256\n"
		"\t\tmobike = no\n"
		"\t\tdpd_delay = 10s\n",
		"aes256gcm16-x25519,aes128gcm16-x25519,aes256-sha256-ecp256",
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

/* It is written in hexadecimal, so it can have any byte. @line is the line of the present
 * file, for a tunnel without a new secret.
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

/**
 * connections_exist() - Check whether any tunnel has a connection
 *
 * Return: false if none has, so that no file has to be looked for.
 */
bool connections_exist(void)
{
	char path[1024], name[IFNAMSIZ];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/conf.d", swanctl_dir());
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = is_file_of(entry->d_name, name);
	if (dir)
		closedir(dir);
	return found;
}

/**
 * connection_text_free() - Wipe and free a text, which may have a secret in it
 * @text: the text, or NULL
 */
void connection_text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* Get the line with the secret of a file, to be freed by connection_text_free(). */
static char *secret_line(const char *text)
{
	const char *line = text ? strstr(text, SECRET) : NULL;

	return line ? strndup(line, strcspn(line, "\n") + 1) : NULL;
}

/**
 * connection_text() - Write the text of a tunnel's file
 * @t: the tunnel
 * @name: its new name
 * @old: text of the present file, whose secret is kept if @t has no other; or NULL
 *
 * Return: the text, to be freed by connection_text_free().
 */
char *connection_text(const struct tunnel *t, const char *name, const char *old)
{
	char connection[CONNECTION_MAX], *secret = secret_line(old);
	char *text = need_memory(calloc(1, TEXT_SIZE));
	FILE *out = need_memory(fmemopen(text, TEXT_SIZE, "w"));

	/* Don't leave a copy of the secret in a buffer of stdio. */
	setvbuf(out, NULL, _IONBF, 0);
	connection_of(name, connection);
	fprintf(out, "# Of the tunnel %s. Written by ipipctl(8), and written anew.\n",
		name);
	fprintf(out, MARK "%s\n", word_format(ipsec_profiles, t->ipsec_profile));
	write_connection(out, t, connection);
	write_secret(out, t, connection, secret ?: "");
	fclose(out);
	connection_text_free(secret);
	return text;
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

/* Check for a temporary file of replace_file(). */
static bool is_left_over(int dir, const char *name)
{
	static const char ending[] = ".XXXXXX";
	char file[NAME_MAX + 1], tunnel[IFNAMSIZ];
	const size_t len = strlen(name), more = strlen(ending);
	struct stat st;

	if (len <= more || name[len - more] != '.')
		return false;
	snprintf(file, sizeof(file), "%.*s", (int)(len - more), name);
	return is_file_of(file, tunnel) && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       time(NULL) - st.st_mtime > WRITING_S;
}

/**
 * connections_tidy() - Remove temporary files of an ipipctl that was killed
 *
 * They may contain a secret.
 */
void connections_tidy(void)
{
	const struct dirent *entry;
	char path[1024];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/conf.d", swanctl_dir());
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (is_left_over(dirfd(dir), entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/**
 * connection_find() - Find the file of a tunnel, enabled or not
 * @tunnel: the tunnel's name
 * @path: set to the file's, or to "" if there is none
 * @size: bytes of @path
 *
 * Return: what is in it, to be freed by connection_text_free(), or NULL.
 */
char *connection_find(const char *tunnel, char *path, size_t size)
{
	char connection[CONNECTION_MAX], *text;

	connection_of(tunnel, connection);
	connection_file(connection, true, path, size);
	text = read_text(path);
	if (text)
		return text;
	connection_file(connection, false, path, size);
	text = read_text(path);
	if (!text)
		*path = '\0';
	return text;
}

/**
 * connection_has_secret() - Check whether there is a secret for a tunnel of this name
 * @tunnel: the name
 *
 * Return: true if its file has one.
 */
bool connection_has_secret(const char *tunnel)
{
	char path[1024], *text = connection_find(tunnel, path, sizeof(path));
	char *line = secret_line(text);
	const bool found = line;

	connection_text_free(line);
	connection_text_free(text);
	return found;
}

/**
 * connection_secret() - Take the secret of a tunnel
 * @tunnel: its name
 * @out: set to the secret
 *
 * Return: NULL, or why it isn't possible.
 */
const char *connection_secret(const char *tunnel, const struct secret **out)
{
	char path[1024], *text = connection_find(tunnel, path, sizeof(path));
	unsigned char bytes[IPSEC_SECRET_MAX];
	char *line = secret_line(text);
	const char *why = "the secret can't be read", *hex;
	unsigned int byte;
	size_t len = 0;

	connection_text_free(text);
	if (line) {
		hex = line + strlen(SECRET);
		for (; len < sizeof(bytes) && sscanf(hex, "%2x", &byte) == 1; hex += 2)
			bytes[len++] = byte;
		why = secret_take(bytes, len, out);
	}
	explicit_bzero(bytes, sizeof(bytes));
	connection_text_free(line);
	return why;
}
