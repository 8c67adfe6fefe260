// SPDX-License-Identifier: GPL-2.0
/*
 * Reading RouterOS's export format, and the few script commands that generators write. All
 * commands of a file become one list of requests, so that either all of them are executed
 * or none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipipctl.h"

/**
 * struct reader - state of the reader
 * @name: the file's, for errors
 * @file: it
 * @line: number of the last physical line
 * @start: number of the first of those that are joined
 * @text: these lines, joined
 * @room: bytes that there are for them
 * @other_menu: the line belongs to another menu
 * @menu: the last menu that was skipped
 * @list: the requests
 * @present: the existing tunnels, read when one of them is first needed
 * @pending: for each of them 0, or the index of its request + 1
 * @has_present: @present has been read
 * @replace: an existing tunnel gets the values of the file
 * @has_secret: the file has a secret, so it was exported with secrets
 * @failed: something was refused
 */
struct reader {
	const char *name;
	FILE *file;
	unsigned int line;
	unsigned int start;
	char *text;
	size_t room;
	bool other_menu;
	char *menu;
	struct requests *list;
	struct tunnels present;
	size_t *pending;
	bool has_present;
	bool replace;
	bool has_secret;
	bool failed;
};

static void complain(struct reader *r, const char *format, const char *word,
		     size_t len)
{
	char what[512];

	snprintf(what, sizeof(what), "%s:%u", r->name, r->start);
	fail(what, format, (int)len, word);
}

static void refuse_line(struct reader *r, const char *why)
{
	complain(r, "%.*s", why, strlen(why));
	r->failed = true;
}

/* A misplaced word may be "ipsec-secret=...", so its value isn't shown. */
static void refuse_word(struct reader *r, const char *format, const char *word)
{
	complain(r, format, word, strcspn(word, "="));
	r->failed = true;
}

/* Skip a byte-order mark, which some editors write. Returns its length in bytes. */
static size_t skip_mark(const struct reader *r, char *line, size_t n)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t len = strlen(mark);

	if (r->line != 1 || n < len || memcmp(line, mark, len))
		return 0;
	memmove(line, line + len, n - len + 1);
	return len;
}

/* Check whether the next line continues this one. A backslash after another one is a
 * character, and a comment ends with its line.
 */
static bool is_joined(const struct reader *r, const char *line, size_t n)
{
	size_t backslashes = 0;

	if (r->line == r->start && line[strspn(line, " \t")] == '#')
		return false;
	while (backslashes < n && line[n - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2;
}

/* A backslash at the end joins the next line, without its indentation. */
static bool read_line(struct reader *r)
{
	size_t len = 0, n, room = 0;
	char *line = NULL, *from;
	ssize_t got;
	bool more = false;

	r->start = r->line + 1;
	do {
		got = getline(&line, &room, r->file);
		if (got < 0)
			break;
		r->line++;
		n = got;
		n -= skip_mark(r, line, n);
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		line[n] = '\0';
		more = is_joined(r, line, n);
		n -= more;
		from = line;
		while (len && n && (*from == ' ' || *from == '\t')) {
			from++;
			n--;
		}
		while (len + n + 1 > r->room)
			r->text = grow(r->text, r->room, &r->room, 1);
		memcpy(r->text + len, from, n);
		len += n;
		r->text[len] = '\0';
	} while (more);
	if (line)
		explicit_bzero(line, room);
	free(line);
	/* The missing part may be require-ipsec=yes. */
	if (more)
		refuse_line(r, "the file ends in the middle of a command");
	return !more && (got >= 0 || len);
}

/* Report each skipped menu once, without its properties, which may be passwords. */
static void leave_out_menu(struct reader *r, const char *text)
{
	static const char *const commands[] = { " add", " set", "/add", "/set" };
	size_t len = strcspn(text, "=[\"\r\n"), n;
	const char *command;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		command = strstr(text, commands[i]);
		n = command ? (size_t)(command - text) : len;
		if (n < len && strchr(" \r\n", command[4]))
			len = n;
	}
	if (r->menu && strlen(r->menu) == len && !strncmp(r->menu, text, len))
		return;
	free(r->menu);
	r->menu = strndup(text, len);
	complain(r, "%.*s: another menu: ignored", text, len);
}

/* "/interface ipip", "/interface/ipip", with or without " add" or "/add" behind it.
 * Returns the rest of the line, or NULL for another menu.
 */
static char *enter_menu(struct reader *r, char *text)
{
	static const char menu[] = "interface/ipip";
	const char *m = menu;
	char *p = text + 1;

	for (; *m; m++, p++)
		if (*p != *m && !(*m == '/' && *p == ' '))
			break;
	r->other_menu = *m || (*p && *p != ' ' && *p != '/');
	if (!r->other_menu)
		return p + (*p == '/');
	leave_out_menu(r, text);
	return NULL;
}

/* Read the existing tunnels, when a line first needs them. */
static bool read_present(struct reader *r)
{
	if (r->has_present)
		return true;
	if (tunnels_read(&r->present, false)) {
		r->failed = true;
		return false;
	}
	r->pending = need_memory(calloc(r->present.n + 1, sizeof(*r->pending)));
	r->has_present = true;
	return true;
}

static struct request *pending_request(const struct reader *r, size_t i)
{
	return r->pending[i] ? &r->list->r[r->pending[i] - 1] : NULL;
}

static struct request *add_request(struct reader *r, enum op what, const struct tunnel *t,
				   uint64_t mask)
{
	struct request *request = request_add(r->list, what, t, mask);

	request->line = r->start;
	return request;
}

/* Get the request for an existing tunnel; if there is none yet, one without changes. */
static struct request *request_for(struct reader *r, size_t i)
{
	if (!r->pending[i]) {
		add_request(r, OP_SET, &r->present.t[i], 0);
		r->pending[i] = r->list->n;
	}
	return pending_request(r, i);
}

/* A tunnel that a line of the file refers to. */
struct target {
	bool is_new;
	size_t i;	/* index of its request if it is new, otherwise in @present */
};

struct targets {
	struct target *t;
	size_t n;
	size_t room;
};

static void target_add(struct targets *targets, bool is_new, size_t i)
{
	targets->t = grow(targets->t, targets->n, &targets->room, sizeof(*targets->t));
	targets->t[targets->n++] = (struct target){ is_new, i };
}

/* Get a tunnel as it is after the previous lines; NULL if they have removed it. */
static const struct tunnel *present_tunnel(const struct reader *r, size_t i, struct tunnel *copy)
{
	const struct request *request = pending_request(r, i);

	if (!request)
		return &r->present.t[i];
	if (request->op != OP_SET)
		return NULL;
	*copy = request->t;
	if (request->mask & BIT(P_NAME))
		strcpy(copy->name, copy->new_name);
	return copy;
}

static bool is_new_tunnel(const struct request *request)
{
	return request->op == OP_ADD;
}

/* Find all tunnels for which @holds is true after the previous lines. */
static void find_targets(const struct reader *r,
			 bool (*holds)(const struct tunnel *t, const void *data),
			 const void *data, struct targets *targets)
{
	const struct tunnel *t;
	struct tunnel copy;
	size_t i;

	for (i = 0; i < r->present.n; i++) {
		t = present_tunnel(r, i, &copy);
		if (t && holds(t, data))
			target_add(targets, false, i);
	}
	for (i = 0; i < r->list->n; i++)
		if (is_new_tunnel(&r->list->r[i]) && holds(&r->list->r[i].t, data))
			target_add(targets, true, i);
}

static bool holds_condition(const struct tunnel *t, const void *data)
{
	return condition_holds(data, t);
}

static bool holds_always(const struct tunnel *t, const void *data)
{
	(void)data;
	return t;
}

static bool holds_name(const struct tunnel *t, const void *data)
{
	return !strcmp(*t->name ? t->name : t->new_name, data) || has_altname(t, data);
}

/* Parse "[", "find", ..., "]". Returns the number of its words, or 0 after an error was
 * printed.
 */
static size_t read_find(struct reader *r, char **words, size_t n, struct targets *targets)
{
	struct condition *c;
	size_t end = 1;

	while (end < n && strcmp(words[end], "]"))
		end++;
	if (n < 2 || strcmp(words[1], "find")) {
		refuse_line(r, "of scripts only '[find ...]' is understood here");
		return 0;
	}
	words += 2;
	n = end - 2;
	if (n && !strcmp(words[0], "where")) {
		words++;
		n--;
	}
	if (!n) {
		find_targets(r, holds_always, NULL, targets);
		return end + 1;
	}
	c = condition_parse(words, n, true);
	if (!c) {
		refuse_line(r, "the condition of find isn't understood");
		return 0;
	}
	find_targets(r, holds_condition, c, targets);
	condition_free(c);
	return end + 1;
}

/* Names separated by commas. */
static bool read_names(struct reader *r, char *word, struct targets *targets)
{
	char *item, *state;
	size_t before;

	if (!strncmp(word, "numbers=", strlen("numbers=")))
		word += strlen("numbers=");
	for (item = strtok_r(word, ",", &state); item; item = strtok_r(NULL, ",", &state)) {
		before = targets->n;
		find_targets(r, holds_name, item, targets);
		if (targets->n > before)
			continue;
		refuse_word(r, item[strspn(item, "0123456789")] ? "%.*s: no such tunnel" :
			    "%.*s: a number is no name: in a file use [find ...]", item);
		return false;
	}
	return true;
}

/* Find the tunnels of a command. Returns the number of words that name them, or 0 after an
 * error was printed.
 */
static size_t read_targets(struct reader *r, char **words, size_t n, struct targets *targets)
{
	if (!n) {
		refuse_line(r, "needs tunnels");
		return 0;
	}
	if (!read_present(r))
		return 0;
	if (!strcmp(words[0], "["))
		return read_find(r, words, n, targets);
	return read_names(r, words[0], targets);
}

/* The parts of a line other than properties. */
struct line {
	const struct secret *secret;
	const char *altname;
	char name[sizeof("name=") + IFNAMSIZ];
	char *copy_from;
	bool no_fast_path;
	bool is_ours;	/* has a property that RouterOS doesn't have */
};

static bool is_taken(const struct reader *r, const char *name, const char *altname)
{
	size_t i;

	for (i = 0; i < r->list->n; i++)
		if (!strcmp(r->list->r[i].t.new_name, name) &&
		    strcmp(r->list->r[i].t.altnames, altname))
			return true;
	return false;
}

/* "name=" with an invalid name of a device: the device gets a name derived from it. */
static const char *rename_word(const struct reader *r, char **word, struct line *line)
{
	const char *name = *word + strlen("name=");
	unsigned int turn = 0;
	char made[IFNAMSIZ];

	if (is_device_name(name))
		return NULL;
	if (!*name || strlen(name) > IPIPCTL_ALTNAME_MAX || strpbrk(name, ALTNAME_SEPARATOR))
		return "name: must have 1 to 127 bytes and no newline";
	do {
		if (turn == SHORT_NAME_TURNS)
			return "name: too many tunnels have a similar short name";
		short_name(name, turn++, made);
	} while (is_taken(r, made, name));
	line->altname = keep_string(name);
	snprintf(line->name, sizeof(line->name), "name=%s", made);
	*word = line->name;
	return NULL;
}

static bool begins(const char *word, const char *with)
{
	return !strncmp(word, with, strlen(with));
}

/* Remove words that aren't properties here. Returns the number of the rest, or -1. */
static int take_words(struct reader *r, char **words, size_t n, struct line *line)
{
	const char *why = NULL;
	size_t i, kept = 0;

	memset(line, 0, sizeof(*line));
	for (i = 0; !why && i < n; i++) {
		char *word = words[i], *value = strchr(word, '=');

		if (!value && *word != '!') {
			why = "is not property=value";
		} else if (value && is_secret(word, value - word)) {
			r->has_secret = true;
			if (value[1])
				why = secret_take(value + 1, strlen(value + 1), &line->secret);
		} else if (!strcmp(word, "!ipsec-secret")) {
			continue;
		} else if (value && begins(word, "copy-from=")) {
			line->copy_from = value + 1;
		} else {
			words[kept] = word;
			if (begins(word, "name="))
				why = rename_word(r, &words[kept], line);
			kept++;
			line->no_fast_path |= !strcmp(word, "allow-fast-path=no");
			line->is_ours |= begins(word, "require-ipsec=");
		}
	}
	if (!why)
		return kept;
	refuse_line(r, why);
	return -1;
}

/* The words of a line, put into a tunnel. */
static bool read_properties(struct reader *r, char **words, int n, struct tunnel *t,
			    uint64_t *mask)
{
	char what[512];

	snprintf(what, sizeof(what), "%s:%u", r->name, r->start);
	if (!parse_properties(what, words, n, t, mask))
		return true;
	r->failed = true;
	return false;
}

static bool copy_tunnel(struct reader *r, char *name, struct tunnel *t)
{
	struct targets targets = {};
	const struct tunnel *from;
	const char *why = "needs exactly one tunnel";
	struct tunnel copy;

	if (read_targets(r, &name, 1, &targets) && targets.n == 1) {
		from = targets.t[0].is_new ? &r->list->r[targets.t[0].i].t :
					     present_tunnel(r, targets.t[0].i, &copy);
		why = tunnel_copy(from, t);
	}
	free(targets.t);
	if (!why)
		return true;
	complain(r, "copy-from: %.*s", why, strlen(why));
	r->failed = true;
	return false;
}

/* Get the reason why an existing tunnel can't become the one of the file, or NULL. */
static const char *why_other(const struct tunnel *old, const struct tunnel *t)
{
	if (old->external != t->external)
		return "external: can't be changed: remove the tunnel and add it again";
	if (old->mode != t->mode)
		return "mode: can't be changed: remove the tunnel and add it again";
	if (!old->remote != !t->remote)
		return "remote-address: can't be set or unset after creation";
	return NULL;
}

/* An address that was looked up after the file was written is newer than the file. */
static void keep_looked_up(struct tunnel *t, const struct tunnel *old)
{
	if (*t->refresh_local && !strcmp(t->refresh_local, old->refresh_local))
		t->local = old->local;
	if (*t->refresh_remote && !strcmp(t->refresh_remote, old->refresh_remote))
		t->remote = old->remote;
}

/* An existing tunnel gets the values of the file, and keeps its addresses. */
static void replace(struct reader *r, size_t i, struct tunnel *t)
{
	const struct tunnel *old = &r->present.t[i];
	struct request *request;

	if (*t->link && old->link_netnsid >= 0) {
		refuse_line(r, "link: its underlay is in another network namespace");
		return;
	}
	t->ifindex = old->ifindex;
	strcpy(t->name, old->name);
	keep_looked_up(t, old);
	request = request_for(r, i);
	request->op = OP_SET;
	request->mask = P_EVERYTHING & ~BIT(P_NAME);
	request->t = *t;
	request->line = r->start;
}

static struct request *add_tunnel(struct reader *r, struct tunnel *t)
{
	const struct tunnel *old = NULL;
	const struct request *request;
	const char *why;
	size_t i;

	if (r->has_present && *t->new_name)
		old = tunnel_of_name(&r->present, t->new_name);
	if (old) {
		i = old - r->present.t;
		request = pending_request(r, i);
		why = why_other(old, t);
		if (why && r->replace) {
			refuse_line(r, why);
			return NULL;
		}
		if (!why && (r->replace || (request && request->op == OP_REMOVE))) {
			replace(r, i, t);
			return pending_request(r, i);
		}
	}
	return add_request(r, OP_ADD, t, P_EVERYTHING);
}

/* With an ipsec-secret RouterOS requires allow-fast-path=no, and its export omits the secret
 * unless show-sensitive is given.
 */
static void note_suspect(struct request *request, const struct line *line)
{
	request->suspect = line->no_fast_path && !line->is_ours && !line->secret &&
			   !request->t.ipsec_profile && !request->t.require_ipsec;
}

static void read_add(struct reader *r, char **words, size_t n)
{
	struct request *request;
	uint64_t mask = 0;
	const char *why;
	struct tunnel t;
	struct line line;
	int kept;

	kept = take_words(r, words, n, &line);
	if (kept < 0)
		return;
	tunnel_defaults(&t);
	if (line.copy_from && !copy_tunnel(r, line.copy_from, &t))
		return;
	if (!read_properties(r, words, kept, &t, &mask))
		return;
	t.secret = line.secret ?: t.secret;
	t.altnames = line.altname ?: "";
	why = complete_new(&t, mask | (line.copy_from ? BIT(P_REMOTE_ADDRESS) : 0)) ?:
	      complete_ipsec(&t, &mask);
	if (why) {
		refuse_line(r, why);
		return;
	}
	request = add_tunnel(r, &t);
	if (request)
		note_suspect(request, &line);
}

static void set_target(struct reader *r, const struct target *target, char **words, int n,
		       const struct secret *secret)
{
	struct request *request = target->is_new ? &r->list->r[target->i] :
						   request_for(r, target->i);
	struct tunnel t = request->t;
	uint64_t mask = 0;
	const char *why;

	if (!read_properties(r, words, n, &t, &mask))
		return;
	t.secret = secret ?: t.secret;
	why = complete_ipsec(&t, &mask);
	if (why) {
		refuse_line(r, why);
		return;
	}
	request->t = t;
	request->mask |= mask;
	request->line = r->start;
}

static void read_set(struct reader *r, char **words, size_t n)
{
	struct targets targets = {};
	struct line line;
	size_t used, i;
	int kept;

	used = read_targets(r, words, n, &targets);
	kept = used ? take_words(r, words + used, n - used, &line) : -1;
	if (!kept && !line.copy_from && !line.secret)
		refuse_line(r, "set: which properties?");
	if (kept >= 0 && line.copy_from)
		refuse_line(r, "copy-from: is for add");
	else if (kept > 0 && line.altname)
		refuse_line(r, "name: a name that no device can have can be given by add only");
	else if (kept > 0 || (!kept && line.secret))
		for (i = 0; i < targets.n; i++)
			set_target(r, &targets.t[i], words + used, kept, line.secret);
	free(targets.t);
}

/* "enable", "disable" */
static void read_switch(struct reader *r, char **words, size_t n, bool disable)
{
	char assignment[sizeof("disabled=yes")], *word = assignment;
	struct targets targets = {};
	size_t used, i;

	sprintf(assignment, "disabled=%s", disable ? "yes" : "no");
	used = read_targets(r, words, n, &targets);
	if (used && used < n)
		refuse_line(r, "only tunnels are expected here");
	else
		for (i = 0; used && i < targets.n; i++)
			set_target(r, &targets.t[i], &word, 1, NULL);
	free(targets.t);
}

static void remove_target(struct reader *r, const struct target *target)
{
	struct request *request;

	if (target->is_new) {
		r->list->r[target->i].op = OP_NOTHING;
		return;
	}
	request = request_for(r, target->i);
	request->op = OP_REMOVE;
	request->mask = 0;
	request->t = r->present.t[target->i];
	request->line = r->start;
}

static void read_remove(struct reader *r, char **words, size_t n)
{
	struct targets targets = {};
	size_t used, i;

	used = read_targets(r, words, n, &targets);
	if (used && used < n)
		refuse_line(r, "only tunnels are expected here");
	else
		for (i = 0; used && i < targets.n; i++)
			remove_target(r, &targets.t[i]);
	free(targets.t);
}

static void run_command(struct reader *r, char **words, size_t n)
{
	const char *command = words[0];

	if (!strcmp(command, "add"))
		read_add(r, words + 1, n - 1);
	else if (!strcmp(command, "set"))
		read_set(r, words + 1, n - 1);
	else if (!strcmp(command, "remove"))
		read_remove(r, words + 1, n - 1);
	else if (!strcmp(command, "enable") || !strcmp(command, "disable"))
		read_switch(r, words + 1, n - 1, *command == 'd');
	else
		refuse_word(r, "%.*s: only add, set, remove, enable and disable are supported",
			    command);
}

static void read_command(struct reader *r, char *text)
{
	const char *why = NULL;
	char **words;
	size_t n;

	words = split_words(text, &n, &why);
	if (!words) {
		refuse_line(r, why);
		return;
	}
	if (n)
		run_command(r, words, n);
	free(words);
}

static void read_tunnels(struct reader *r)
{
	char *text;

	while ((!r->failed || opt.keep_going) && read_line(r)) {
		text = r->text + strspn(r->text, " \t");
		if (!*text || *text == '#')
			continue;
		if (*text == '/')
			text = enter_menu(r, text);
		if (text && !r->other_menu)
			read_command(r, text);
	}
}

/* Find the tunnels that have probably lost their secret in the export. */
static void warn_of_clear(struct reader *r)
{
	static const char lost[] =
		"allow-fast-path=no without ipsec-secret: export show-sensitive includes it.";
	struct request *request;
	char what[512];
	size_t i;

	for (i = 0; !r->has_secret && i < r->list->n; i++) {
		request = &r->list->r[i];
		if (!request->suspect || request->op == OP_NOTHING)
			continue;
		snprintf(what, sizeof(what), "%s:%u: %s", r->name, request->line,
			 request_name(request));
		fail(what, "%s %s", lost, opt.disable_clear ? "The tunnel is made disabled" :
		     "Its packets will be in the clear");
		if (opt.disable_clear)
			request->t.disabled = true;
	}
}

static bool is_same_place(const struct tunnel *a, const struct tunnel *b)
{
	return a->local == b->local && a->remote == b->remote && !strcmp(a->link, b->link);
}

/* Check whether a tunnel must be removed before another one can get its addresses or name. */
static bool is_in_the_way(const struct requests *list, const struct request *removed)
{
	const struct request *r;
	size_t i;

	for (i = 0; i < list->n; i++) {
		r = &list->r[i];
		if (r->op != OP_ADD && r->op != OP_SET)
			continue;
		if (is_same_place(&r->t, &removed->t) ||
		    !strcmp(r->t.new_name, removed->t.name))
			return true;
	}
	return false;
}

/* A removed tunnel can't be restored with its addresses and routes. So only tunnels that
 * conflict with others are removed first, and the rest after everything else succeeded.
 */
static void order_requests(struct requests *list)
{
	struct requests ordered = {};
	size_t i, turn;

	if (!list->n)
		return;
	ordered.r = need_memory(calloc(list->n, sizeof(*ordered.r)));
	ordered.room = list->n;
	for (i = 0; i < list->n; i++)
		list->r[i].late = list->r[i].op == OP_REMOVE &&
				  !is_in_the_way(list, &list->r[i]);
	for (turn = 0; turn < 2; turn++)
		for (i = 0; i < list->n; i++)
			if (turn != (list->r[i].op == OP_REMOVE && !list->r[i].late))
				ordered.r[ordered.n++] = list->r[i];
	free(list->r);
	*list = ordered;
}

static bool has_removal(const struct requests *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->r[i].op == OP_REMOVE)
			return true;
	return false;
}

/* --dry-run: the commands that do the same one by one, for a POSIX shell. */

static void show_property(const struct tunnel *t, unsigned int p)
{
	char value[FORMAT_MAX];

	property_format(p, t, value);
	if (p == P_NAME)
		strcpy(value, t->new_name);
	putchar(' ');
	if (p == P_KEEPALIVE && !*value) {
		fputs("keepalive=no", stdout);
		return;
	}
	printf("%s=", properties[p].name);
	quote_shell(stdout, value);
}

/**
 * request_show() - Print the command of a request
 * @r: the request
 */
void request_show(const struct request *r)
{
	static const char *const verbs[] = {
		[OP_ADD] = "add", [OP_SET] = "set", [OP_REMOVE] = "remove",
	};
	unsigned int p;

	printf("ipipctl %s", verbs[r->op]);
	if (r->op != OP_ADD) {
		fputs(*r->t.name == '-' ? " -- " : " ", stdout);
		quote_shell(stdout, r->t.name);
	}
	for (p = 0; p < P_SETTABLE; p++) {
		if (!(r->mask & BIT(p)) || p == P_IPSEC_SECRET_FILE ||
		    (p == P_IPSEC_PROFILE && r->t.secret) ||
		    (r->op == OP_ADD && is_default(&r->t, p)))
			continue;
		show_property(&r->t, p);
	}
	if (r->t.secret)
		printf(" ipsec-secret-file=- # its secret is in line %u", r->line);
	putchar('\n');
	if (r->op == OP_ADD && *r->t.altnames) {
		printf("ip link property add dev ");
		quote_shell(stdout, r->t.new_name);
		printf(" altname ");
		quote_shell(stdout, r->t.altnames);
		putchar('\n');
	}
}

static int show_requests(const struct requests *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->r[i].op != OP_NOTHING)
			request_show(&list->r[i]);
	return 0;
}

/* The buffer of stdio, which may contain secrets of the file. */
static char input[BUFSIZ];

static bool open_file(struct reader *r)
{
	secrets_shield();
	r->file = strcmp(r->name, "-") ? fopen(r->name, "re") : stdin;
	if (r->file)
		setvbuf(r->file, input, _IOFBF, sizeof(input));
	else
		fail(r->name, "%s", strerror(errno));
	return r->file;
}

static int carry_out_all(struct reader *r)
{
	int ret;

	if (!r->list->n || (r->failed && !opt.keep_going))
		return 0;
	requests_name(r->list);
	warn_of_clear(r);
	if (has_removal(r->list))
		order_requests(r->list);
	if (opt.dry_run)
		return show_requests(r->list);
	ret = carry_out(r->list, r->has_present ? &r->present : NULL, opt.keep_going,
			r->name);
	counters_forget(r->list);
	return ret;
}

static void reader_free(struct reader *r)
{
	if (r->file && r->file != stdin)
		fclose(r->file);
	explicit_bzero(input, sizeof(input));
	if (r->text)
		explicit_bzero(r->text, r->room);
	free(r->text);
	free(r->menu);
	free(r->pending);
	tunnels_free(&r->present);
}

static int import(const char *name, bool replace)
{
	struct requests list = {};
	struct reader r = { .name = name, .list = &list, .replace = replace };
	int ret = opt.dry_run ? 0 : need_ours();

	if (ret)
		return ret;
	if (!open_file(&r) || (replace && !read_present(&r))) {
		reader_free(&r);
		return IPIPCTL_REFUSED;
	}
	read_tunnels(&r);
	if (ferror(r.file)) {
		fail(name, "%s", strerror(errno));
		r.failed = true;
	}
	ret = carry_out_all(&r);
	if (!ret && r.failed)
		ret = IPIPCTL_REFUSED;
	free(list.r);
	reader_free(&r);
	return ret;
}

int cmd_import(char **words, size_t n)
{
	if (n != 1)
		return usage("import", "needs a file");
	return import(words[0], false);
}

int cmd_restore(char **words, size_t n)
{
	const char *name = config_file("restore", words, n);

	return name ? import(name, true) : IPIPCTL_USAGE;
}
