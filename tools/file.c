// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels as text: RouterOS's export format, written and read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipipctl.h"

#define LINE_WIDTH	78

/* One word of an export, on a new line where it doesn't fit. */
static void write_word(FILE *out, unsigned int *column, const char *name,
		       const char *value)
{
	unsigned int len = strlen(name) + 1;

	len += value ? 1 + quoted_len(value) : 0;
	if (*column + len > LINE_WIDTH && *column > 4) {
		fputs(" \\\n   ", out);
		*column = 3;
	}
	*column += len;
	fprintf(out, " %s", name);
	if (value) {
		putc('=', out);
		quote_word(out, value);
	}
}

static void write_tunnel(FILE *out, const struct tunnel *t, bool verbose)
{
	unsigned int p, column = strlen("add");
	char value[FORMAT_MAX];

	fputs("add", out);
	for (p = 0; p < P_SETTABLE; p++) {
		if (p == P_IPSEC_SECRET_FILE || (!verbose && is_default(t, p)))
			continue;
		properties[p].format(t, value);
		if (p == P_KEEPALIVE && !*value)
			write_word(out, &column, "!keepalive", NULL);
		else
			write_word(out, &column, properties[p].name, value);
	}
	putc('\n', out);
}

static void write_tunnels(FILE *out, const struct tunnels *list, bool verbose)
{
	size_t i;

	fprintf(out, "# ipipctl " IPIPCTL_VERSION "\n/interface ipip\n");
	for (i = 0; i < list->n; i++)
		write_tunnel(out, &list->t[i], verbose);
}

int cmd_export(char **words, size_t n)
{
	struct tunnels list = {};
	bool verbose = false;
	int ret;

	for (; n; words++, n--) {
		if (!strcmp(words[0], "verbose"))
			verbose = true;
		else if (!strcmp(words[0], "where"))
			break;
		else if (strcmp(words[0], "compact") &&
			 strcmp(words[0], "terse") &&
			 strcmp(words[0], "show-sensitive") &&
			 strcmp(words[0], "hide-sensitive"))
			return usage("export", "%s: unknown", words[0]);
	}
	ret = nl_dump(&list, false);
	if (!ret && n)
		ret = filter(words + 1, n - 1, &list);
	if (!ret && opt.json) {
		swanctl_states(&list);
		ret = json_list(&list, false);
	} else if (!ret) {
		write_tunnels(stdout, &list, verbose);
	}
	tunnels_free(&list);
	return ret;
}

/* Where the reader is. */
struct reader {
	const char *name;
	FILE *file;
	unsigned int line;	/* of the last physical line */
	unsigned int start;	/* of the first of a joined one */
	char *text;
	size_t room;
	bool other_menu;
	char *menu;		/* the last that was left out */
	struct requests *list;
	struct tunnels present;
	bool replace;
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

/* A backslash at the end joins the next line, without its indentation. */
static bool read_line(struct reader *r)
{
	size_t len = 0, n, room = 0;
	char *line = NULL, *from;
	ssize_t got;
	bool more;

	r->start = r->line + 1;
	do {
		got = getline(&line, &room, r->file);
		if (got < 0)
			break;
		r->line++;
		n = got;
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		line[n] = '\0';
		more = n && line[n - 1] == '\\';
		if (n > 1 && line[n - 2] == '\\')
			more = false;
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
	free(line);
	return got >= 0 || len;
}

/* Say it once for each menu in a row, and nothing of what is set there: there are
 * passwords among it.
 */
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
	complain(r, "%.*s: another menu, left out", text, len);
}

/* "/interface ipip", "/interface/ipip", with or without " add" or "/add" behind it.
 * Returns what is behind it, or NULL for another menu.
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

static bool is_secret(const char *word, size_t len)
{
	return len == strlen("ipsec-secret") &&
	       !strncmp(word, "ipsec-secret", len);
}

static bool is_property(const char *word, size_t len)
{
	unsigned int i;

	for (i = 0; i < P_SETTABLE; i++)
		if (!strncmp(properties[i].name, word, len) &&
		    !properties[i].name[len])
			return true;
	return false;
}

/* Take out what a tunnel here doesn't have, and say so, and the secret. Returns what
 * is left, or -1.
 */
static int known_words(struct reader *r, char **words, size_t n,
		       const struct secret **secret)
{
	size_t i, kept = 0;
	const char *why;

	*secret = NULL;
	for (i = 0; i < n; i++) {
		const char *word = words[i] + (*words[i] == '!');
		size_t len = strcspn(word, "=");

		if (!word[len] && word == words[i]) {
			refuse_line(r, "not property=value");
			return -1;
		}
		if (is_secret(word, len) && word == words[i]) {
			if (!word[len + 1])
				continue;
			why = ipsec_secret(word + len + 1,
					   strlen(word + len + 1), secret);
			if (why) {
				refuse_line(r, why);
				return -1;
			}
		} else if (!is_property(word, len)) {
			complain(r, "%.*s: has no counterpart here, left out",
				 word, len);
		} else {
			words[kept++] = words[i];
		}
	}
	return kept;
}

static void add_request(struct reader *r, struct tunnel *t)
{
	const struct tunnel *old = NULL;

	if (r->replace)
		old = tunnel_of_name(&r->present, t->new_name);
	if (!old) {
		request_add(r->list, OP_ADD, t, P_EVERYTHING)->line = r->start;
		return;
	}
	if (t->external != old->external) {
		refuse_line(r, "external: can't be changed: external mode is for good");
		return;
	}
	t->ifindex = old->ifindex;
	strcpy(t->name, old->name);
	request_add(r->list, OP_SET, t, P_EVERYTHING & ~BIT(P_NAME))->line = r->start;
}

static void read_add(struct reader *r, char **words, size_t n)
{
	uint32_t mask = 0;
	const char *why;
	const struct secret *secret;
	struct tunnel t;
	char what[512];
	int kept;

	kept = known_words(r, words, n, &secret);
	if (kept < 0)
		return;
	tunnel_defaults(&t);
	snprintf(what, sizeof(what), "%s:%u", r->name, r->start);
	if (parse_properties(what, words, kept, &t, &mask)) {
		r->failed = true;
		return;
	}
	t.secret = secret ?: t.secret;
	why = complete_new(&t, mask) ?: complete_ipsec(&t, &mask);
	if (why) {
		refuse_line(r, why);
		return;
	}
	add_request(r, &t);
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
	if (n && strcmp(words[0], "add"))
		refuse_line(r, "only 'add' is understood");
	else if (n)
		read_add(r, words + 1, n - 1);
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

static int import(const char *name, bool replace)
{
	struct requests list = {};
	struct reader r = { .name = name, .list = &list, .replace = replace };
	int ret;

	ret = need_ours();
	if (!ret && replace)
		ret = nl_dump(&r.present, false);
	if (ret)
		return ret;
	r.file = strcmp(name, "-") ? fopen(name, "re") : stdin;
	if (!r.file) {
		fail(name, "%s", strerror(errno));
		return IPIPCTL_REFUSED;
	}
	read_tunnels(&r);
	if (ferror(r.file)) {
		fail(name, "%s", strerror(errno));
		r.failed = true;
	}
	if (r.file != stdin)
		fclose(r.file);
	requests_name(&list);
	if (list.n && (!r.failed || opt.keep_going))
		ret = carry_out(&list, &r.present, opt.keep_going, name);
	if (!ret && r.failed)
		ret = IPIPCTL_REFUSED;
	free(list.r);
	free(r.text);
	free(r.menu);
	tunnels_free(&r.present);
	return ret;
}

int cmd_import(char **words, size_t n)
{
	if (n != 1)
		return usage("import", "which file?");
	return import(words[0], false);
}

int cmd_restore(char **words, size_t n)
{
	if (n > 1)
		return usage("restore", "%s: not expected", words[1]);
	return import(n ? words[0] : IPIPCTL_CONFIG, true);
}

/* Nobody sees half a file, or another's: it takes the name of the old one when
 * all of it is on disk.
 */
static int write_file(const char *name, const struct tunnels *list)
{
	char *temporary;
	FILE *out;
	int fd, ret = -1;

	if (asprintf(&temporary, "%s.XXXXXX", name) < 0)
		return -1;
	fd = mkstemp(temporary);	/* mode 0600 */
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out) {
		write_tunnels(out, list, true);
		ret = fflush(out) || ferror(out) || fsync(fd) ? -1 : 0;
		if (fclose(out) || ret || rename(temporary, name))
			ret = -1;
	}
	if (ret && fd >= 0)
		unlink(temporary);
	free(temporary);
	return ret;
}

int cmd_save(char **words, size_t n)
{
	const char *name = n ? words[0] : IPIPCTL_CONFIG;
	struct tunnels list = {};
	int ret;

	if (n > 1)
		return usage("save", "%s: not expected", words[1]);
	ret = nl_dump(&list, false);
	if (ret)
		return ret;
	if (!n && mkdir("/etc/ipip", 0755) && errno != EEXIST)
		ret = -1;
	if (ret || write_file(name, &list)) {
		fail(name, "%s", strerror(errno));
		ret = IPIPCTL_REFUSED;
	}
	tunnels_free(&list);
	return ret;
}
