// SPDX-License-Identifier: GPL-2.0
/*
 * ipsec-secret: keeping strongSwan's connections consistent with the tunnels.
 *
 * Safety doesn't depend on the daemon: a tunnel with a secret has require-ipsec from the
 * message that creates it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipipctl.h"

/* Properties that determine a connection. */
#define P_CONNECTION	(BIT(P_NAME) | BIT(P_LOCAL_ADDRESS) | BIT(P_REMOTE_ADDRESS) | \
			 BIT(P_DISABLED) | BIT(P_IPSEC_PROFILE) | BIT(P_IPSEC_SECRET_FILE))
/* Properties that exclude a connection. */
#define P_MATTERS	(P_CONNECTION | BIT(P_REQUIRE_IPSEC) | BIT(P_MODE) | BIT(P_ENCAP))

/* A tunnel that is disabled keeps its file, whatever its content. */
static uint64_t what_matters(const struct tunnel *t, uint64_t mask)
{
	return mask & P_MATTERS & ~(t->disabled ? BIT(P_DISABLED) : 0);
}

/* Without a profile there is no secret. So setting the profile can't delete a secret. */
static bool would_lose_secret(const struct tunnel *t, uint64_t mask)
{
	if (t->ipsec_profile || !(mask & BIT(P_IPSEC_PROFILE)))
		return false;
	return t->secret || (*t->name && !(mask & BIT(P_IPSEC_SECRET_FILE)) &&
			     connection_has_secret(t->name));
}

/* For a tunnel with a profile, get the reason why it can't have a connection. */
static const char *why_no_connection(const struct tunnel *t, uint64_t mask)
{
	if (t->ipsec_profile == IPSEC_UNKNOWN && mask & P_CONNECTION)
		return "ipsec-profile: is unknown: set it to routeros or modern";
	if (!t->secret && mask & P_CONNECTION &&
	    !connection_has_secret(*t->name ? t->name : t->new_name))
		return "ipsec-profile: the tunnel has no secret: give an ipsec-secret-file";
	if (!t->remote)
		return "remote-address: is required with an ipsec-secret";
	if (t->mode == IPPROTO_MPLS)
		return "mode: can't be mplsip with an ipsec-secret";
	if (t->encap)
		return "encap: must be none with an ipsec-secret";
	if (mask & BIT(P_REQUIRE_IPSEC) && !t->require_ipsec)
		return "require-ipsec: can't be no with an ipsec-secret";
	return NULL;
}

/**
 * complete_ipsec() - Check whether a tunnel can have its present or new secret
 * @t: the tunnel; with a secret require-ipsec and a profile are set
 * @mask: BIT(P_*) of the given properties
 *
 * Return: NULL, or why it isn't possible.
 */
const char *complete_ipsec(struct tunnel *t, uint64_t *mask)
{
	const char *why;

	if (would_lose_secret(t, *mask))
		return "ipsec-profile: can't be none with an ipsec-secret";
	if (t->secret && !t->ipsec_profile)
		t->ipsec_profile = IPSEC_ROUTEROS;
	/* It may come from an export or with copy-from, without a property for it. */
	if (t->secret)
		*mask |= BIT(P_IPSEC_SECRET_FILE);
	if (!t->ipsec_profile || !what_matters(t, *mask))
		return NULL;
	why = why_no_connection(t, what_matters(t, *mask));
	if (why)
		return why;
	t->require_ipsec = true;
	*mask |= BIT(P_REQUIRE_IPSEC);
	return NULL;
}

/* Changes */

/**
 * struct change - a change of a tunnel's connection
 * @r: its request
 * @connection: its name if it is to be loaded, or ""
 * @old_path: the old file, or ""
 * @old_text: content of the old file
 * @new_path: the new file, or ""
 * @new_text: content of the new file
 * @secret: the secret changes: SAs of the old one have to be terminated
 * @written: the new file was written
 * @removed: the old file was removed
 * @back: both files are to be restored
 * @loaded: the daemon has loaded it as it is in the file
 * @said: what swanctl has reported
 * @why: what is wrong with it, or ""
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
	bool removed;
	bool back;
	bool loaded;
	char said[256];
	char why[256];
};

struct changes {
	struct change *c;
	size_t n;
	size_t room;
	bool broken;
	char why[256];
};

/* If a tunnel is only disabled, keep the content of its file: the user may have edited it. */
static bool is_only_disabled(const struct request *r)
{
	return r->op == OP_SET && r->t.disabled && (r->mask & P_CONNECTION) == BIT(P_DISABLED);
}

/* Derive the change of the tunnel's connection from a request that the kernel has accepted.
 * Returns false if there is none.
 */
static bool plan(struct change *c, struct request *r)
{
	const struct tunnel *t = &r->t;
	const bool renamed = r->op != OP_REMOVE && r->mask & BIT(P_NAME);
	const char *name = renamed ? t->new_name : request_name(r);

	memset(c, 0, sizeof(*c));
	c->r = r;
	c->old_text = connection_find(request_name(r), c->old_path, sizeof(c->old_path));
	if (r->op == OP_REMOVE || !t->ipsec_profile)
		return c->old_text;
	if (is_only_disabled(r) && !c->old_text)
		return false;
	c->new_text = is_only_disabled(r) ? need_memory(strdup(c->old_text)) :
					    connection_text(t, name, c->old_text);
	connection_of(name, c->connection);
	connection_file(c->connection, !t->disabled, c->new_path, sizeof(c->new_path));
	if (t->disabled)
		*c->connection = '\0';
	c->secret = t->secret && c->old_text && *c->connection;
	return !c->old_text || strcmp(c->old_path, c->new_path) ||
	       strcmp(c->old_text, c->new_text);
}

static void change_free(struct change *c)
{
	connection_text_free(c->old_text);
	connection_text_free(c->new_text);
}

static bool concerns(const struct request *r)
{
	if (r->error || r->op == OP_NOTHING)
		return false;
	return r->op != OP_SET || r->mask & P_CONNECTION;
}

static void plan_all(struct changes *changes, struct requests *list)
{
	const bool any = connections_exist();
	struct change *c;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!concerns(&list->r[i]) || (!any && !list->r[i].t.ipsec_profile))
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

static const char no_ikev1[] =
	"the IKE daemon has no IKEv1, which ipsec-profile=routeros needs: set ipsec-profile=modern";

/* Returns -1 with what is wrong. */
static int put_new_file(struct change *c)
{
	if (*c->connection && !connections_have_daemon()) {
		snprintf(c->why, sizeof(c->why),
			 "the netns %.80s has no IKE daemon: there is no /etc/netns/%.80s/strongswan.conf",
			 netns_name(), netns_name());
		return -1;
	}
	if (*c->connection && c->r->t.ipsec_profile == IPSEC_ROUTEROS && ike_lacks_v1()) {
		strcpy(c->why, no_ikev1);
		return -1;
	}
	if (!*c->new_path)
		return 0;
	if (!replace_file(c->new_path, c->new_text)) {
		c->written = true;
		return 0;
	}
	if (errno == ENOENT)
		snprintf(c->why, sizeof(c->why),
			 "there is no %.180s/conf.d: is strongSwan installed?", swanctl_dir());
	else
		snprintf(c->why, sizeof(c->why), "%.180s: %.60s", c->new_path, strerror(errno));
	return -1;
}

/* Report a secret that can't be removed, because the user expects that it is gone. */
static int remove_old_file(struct change *c)
{
	if (!*c->old_path || !strcmp(c->old_path, c->new_path))
		return 0;
	if (!unlink(c->old_path) || errno == ENOENT) {
		c->removed = true;
		return 0;
	}
	snprintf(c->why, sizeof(c->why), "%.180s: %.60s", c->old_path, strerror(errno));
	return -1;
}

static int put_files(struct change *c)
{
	return put_new_file(c) ?: remove_old_file(c);
}

static void put_back(const struct change *c)
{
	if (replace_file(c->old_path, c->old_text))
		fail(request_name(c->r), "ipsec-secret: %s can't be restored: %s", c->old_path,
		     strerror(errno));
}

/* The daemon */

static int compare_connection(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return strcmp(x->connection, y->connection);
}

static struct change *change_of(struct changes *changes, const char *name)
{
	struct change key = {};

	if (strlen(name) >= sizeof(key.connection))
		return NULL;
	strcpy(key.connection, name);
	return bsearch(&key, changes->c, changes->n, sizeof(key),
		       compare_connection);
}

static void read_nothing(char *line, void *data)
{
	(void)line;
	(void)data;
}

/* swanctl reports this only as text: its exit status is 0. */
static void read_broken(char *line, void *data)
{
	static const char broken[] = "invalid config file '";
	struct changes *changes = data;

	if (!strncmp(line, broken, strlen(broken)))
		changes->broken = true;
	else if (!changes->broken)
		snprintf(changes->why, sizeof(changes->why), "%s", line);
}

/* Keep the messages that name one of these connections, and the last other one, for the
 * user.
 */
static void read_load(char *line, void *data)
{
	char *begin = strchr(line, '\''), *end = begin ? strchr(begin + 1, '\'') : NULL;
	struct changes *changes = data;
	struct change *c;

	snprintf(changes->why, sizeof(changes->why), "%s", line);
	if (!end)
		return;
	*end = '\0';
	c = change_of(changes, begin + 1);
	*end = '\'';
	if (c)
		snprintf(c->said, sizeof(c->said), "%s", line);
}

/* Check that it equals the file. If the daemon refuses a connection it keeps the old one. */
static bool is_as_written(const struct change *c, const struct swanctl_connection *has)
{
	const struct tunnel *t = &c->r->t;
	char local[INET_ADDRSTRLEN] = "", remote[INET_ADDRSTRLEN];

	if (t->local)
		inet_ntop(AF_INET, &t->local, local, sizeof(local));
	inet_ntop(AF_INET, &t->remote, remote, sizeof(remote));
	return has->version == (t->ipsec_profile == IPSEC_MODERN ? 2 : 1) &&
	       !strcmp(has->local, local) && !strcmp(has->remote, remote);
}

static void note_loaded(const char *name, const struct swanctl_connection *has, void *data)
{
	struct change *c = change_of(data, name);

	if (c)
		c->loaded = is_as_written(c, has);
}

/* Make the daemon read the files. If one of them has a syntax error, swanctl reads none of
 * them, and would unload all connections and secrets: load the authorities first, which
 * shows that with the least damage. Load secrets before connections, because connections are
 * initiated at once. Returns 0, -errno, or swanctl's exit status if no daemon listens.
 */
static int load_all(struct changes *changes)
{
	static const char *const stats[] = { "--stats", NULL };
	static const char *const check[] = { "--load-authorities", NULL };
	static const char *const creds[] = { "--load-creds", "--noprompt", NULL };
	static const char *const conns[] = { "--load-conns", NULL };
	int ret;

	qsort(changes->c, changes->n, sizeof(*changes->c), compare_connection);
	ret = swanctl(stats, read_nothing, NULL);
	if (ret)
		return ret;
	*changes->why = '\0';
	ret = swanctl(check, read_broken, changes);
	if (ret < 0 || changes->broken)
		return ret < 0 ? ret : 0;
	*changes->why = '\0';
	ret = swanctl(creds, read_load, changes);
	/* It fails if any connection fails, which may be another one: ask the daemon. */
	ret = ret < 0 ? ret : swanctl(conns, read_load, changes);
	return ret < 0 ? ret : swanctl_connections(note_loaded, changes);
}

/* The daemon doesn't notice that the secret of a connection has changed: terminate its SAs
 * and pending negotiations, and initiate it again without waiting.
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

/* Set ->why of a connection that wasn't loaded. */
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
	else if (status)
		strcpy(c->why, "the IKE daemon isn't running: start strongSwan");
	else if (*c->said)
		snprintf(c->why, sizeof(c->why), "the IKE daemon refuses it: %.180s",
			 c->said);
	else
		snprintf(c->why, sizeof(c->why), "the IKE daemon hasn't loaded it: %.180s",
			 *changes->why ? changes->why :
			 "does swanctl.conf include conf.d/*.conf?");
	return true;
}

static void note(struct change *c)
{
	c->r->error = EIO;
	snprintf(c->r->why, sizeof(c->r->why), "ipsec-secret: %.230s", c->why);
}

/* At boot ipipctl may run before the daemon, which reads the files when it starts. */
static bool can_wait(bool keep_going, int status)
{
	return keep_going && (status > 0 || status == -ENOENT);
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
	if (can_wait(keep_going, status))
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

/* The new file of one tunnel may have the name of another's old file: remove all new files
 * before any old one is restored.
 */
static void take_all_back(struct changes *changes, bool failed_only)
{
	bool any = false;
	struct change *c;
	size_t i;

	for (i = 0; i < changes->n; i++) {
		c = &changes->c[i];
		c->back = (c->written || c->removed) && (!failed_only || c->r->error);
		any = any || c->back;
		if (c->back && c->written && strcmp(c->old_path, c->new_path))
			unlink(c->new_path);
	}
	for (i = 0; i < changes->n; i++)
		if (changes->c[i].back && *changes->c[i].old_path)
			put_back(&changes->c[i]);
	if (any)
		load_all(changes);
}

/**
 * ipsec_follow() - Update the connections after changes of tunnels
 * @list: requests that the kernel has executed; errors of the daemon are stored there
 * @keep_going: continue if one is refused; a daemon that doesn't run yet reads the
 *	files when it starts
 *
 * If a connection is refused, the old files are restored and the new ones removed: all of
 * them, or with @keep_going only its own. The daemon is told to read them again.
 *
 * Return: 0 or IPIPCTL_REFUSED.
 */
int ipsec_follow(struct requests *list, bool keep_going)
{
	struct changes changes = {};
	bool good = true;
	size_t i;

	connections_tidy();
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
