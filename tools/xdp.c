// SPDX-License-Identifier: GPL-2.0
/*
 * XDP programs on devices: which there are, and the program that forwards into tunnels and
 * out of them, which libbpf loads. What the kernel says by rtnetlink is known without libbpf.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>

#include "ipipctl.h"

/* The names of the program and of its map in ipip_xdp.bpf.c. */
#define PROGRAM		"ipip_xdp"
#define DEVICES		"devices"
/* Where that is installed, below a prefix, as other programs of its kind are. */
#define OBJECT		"lib/bpf/ipip_xdp.bpf.o"

static const struct word modes[] = {
	{ "none", XDP_ATTACHED_NONE, false }, { "native", XDP_ATTACHED_DRV, false },
	{ "generic", XDP_ATTACHED_SKB, false }, { "offload", XDP_ATTACHED_HW, false },
	{ "several", XDP_ATTACHED_MULTI, false }, { }
};

/**
 * xdp_mode() - What is a way called in which programs are attached?
 * @attached: XDP_ATTACHED_*
 *
 * Return: a word.
 */
const char *xdp_mode(uint8_t attached)
{
	return word_format(modes, attached) ?: "unknown";
}

/**
 * struct devices - a growing array of devices, of which struct tunnel's index, name and XDP
 *	program are set
 * @d: the devices
 * @n: how many
 * @room: how many there is room for
 */
struct devices {
	struct tunnel *d;
	size_t n;
	size_t room;
};

static void take_device(const struct tunnel *t, enum link_event event, void *data)
{
	struct devices *list = data;

	if (event != LINK_OTHER)
		return;
	list->d = grow(list->d, list->n, &list->room, sizeof(*list->d));
	list->d[list->n++] = *t;
}

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* What the kernel or the verifier has said last. */
static char said[256];

static int note(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char kernel[] = "Kernel error message: ";
	char text[sizeof(said)], *start;

	if (level > LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	start = strstr(text, kernel);
	if (start)
		snprintf(said, sizeof(said), "%s", start + strlen(kernel));
	return 0;
}

static const char *why(int error)
{
	return *said ? said : strerror(error);
}

/* The name of a program of the kernel's; "" if we may not ask. */
static void name_of(uint32_t id, char *name)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*name = '\0';
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	close(fd);
}

/* Attach the program @fd in place of @old, or where there is none if that is 0. With -1 for @fd
 * @old is detached. If another program has taken its place since, that stays.
 */
static int replace(const struct tunnel *d, int fd, uint32_t old)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int ret;

	*said = '\0';
	if (!old)
		return bpf_xdp_attach(d->ifindex, fd,
				      XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	opts.old_prog_fd = bpf_prog_get_fd_by_id(old);
	if (opts.old_prog_fd < 0)
		return opts.old_prog_fd;
	ret = bpf_xdp_attach(d->ifindex, fd, XDP_FLAGS_REPLACE |
			     (d->xdp == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE :
			      XDP_FLAGS_DRV_MODE), &opts);
	close(opts.old_prog_fd);
	return ret;
}

static bool is_ours(const struct tunnel *d)
{
	char name[BPF_OBJ_NAME_LEN];

	if (!d->xdp_id)
		return false;
	name_of(d->xdp_id, name);
	return !strcmp(name, PROGRAM);
}

static int fail_xdp(const char *device, int error)
{
	switch (error) {
	case EBUSY:
	case EEXIST:
		fail("xdp", "%s: it has another program", device);
		break;
	case EOPNOTSUPP:
		fail("xdp", "%s: %s", device, *said ? said : "its driver doesn't support XDP");
		break;
	default:
		fail("xdp", "%s: %s", device, why(error));
		break;
	}
	return IPIPCTL_REFUSED;
}

/* The program in the kernel; the object keeps it there. */
static int load(const char *path, struct bpf_object **object)
{
	int error;

	*object = NULL;
	if (access(path, R_OK)) {
		fail("xdp", "%s: %s", path, strerror(errno));
		return IPIPCTL_REFUSED;
	}
	if (access("/sys/kernel/btf/ipip", F_OK)) {
		fail("xdp", "the module isn't loaded, or was built without BTF");
		return IPIPCTL_REFUSED;
	}
	*object = bpf_object__open_file(path, NULL);
	error = *object ? 0 : errno;
	if (!error && !bpf_object__find_program_by_name(*object, PROGRAM))
		error = EINVAL;
	if (!error)
		error = -bpf_object__load(*object);
	if (!error)
		return 0;
	fail("xdp", "%s: %s", path, why(error));
	bpf_object__close(*object);
	return IPIPCTL_REFUSED;
}

/* Put the devices into the program's map, as many as it has room for. For those that aren't in
 * it the program uses a slower function. The receiving device comes first, so that a full map has
 * it: without it the program doesn't use the map.
 */
static void fill(struct bpf_object *object, const struct tunnel *self, const struct devices *all)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, DEVICES);
	uint32_t key = 0, index = self->ifindex;
	size_t i;

	if (!map)
		return;
	bpf_map__update_elem(map, &key, sizeof(key), &index, sizeof(index), 0);
	for (i = 0; i < all->n; i++) {
		index = all->d[i].ifindex;
		bpf_map__update_elem(map, &index, sizeof(index), &index, sizeof(index), 0);
	}
}

/* Attach a program with a map of its own. */
static int attach_one(const struct tunnel *d, const struct devices *all, const char *path)
{
	struct bpf_object *object;
	int fd, error, ret = load(path, &object);

	if (ret)
		return ret;
	fill(object, d, all);
	fd = bpf_program__fd(bpf_object__find_program_by_name(object, PROGRAM));
	error = is_ours(d) && d->xdp == XDP_ATTACHED_DRV ? -replace(d, fd, d->xdp_id) :
		d->xdp_id ? EBUSY : -replace(d, fd, 0);
	bpf_object__close(object);
	return error ? fail_xdp(d->name, error) : 0;
}

/* On all of them, or on none that hasn't had it before. */
static int attach(const struct devices *list, const struct devices *all, const char *path)
{
	size_t i, done;
	int ret = 0;

	for (done = 0; !ret && done < list->n; done += !ret)
		ret = attach_one(&list->d[done], all, path);
	for (i = 0; ret && i < done; i++)
		if (!list->d[i].xdp_id)
			bpf_xdp_detach(list->d[i].ifindex, XDP_FLAGS_DRV_MODE, NULL);
	return ret;
}

static int detach(const struct devices *list)
{
	int error, ret = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct tunnel *d = &list->d[i];

		if (!is_ours(d)) {
			fail("xdp", "%s: %s", d->name, d->xdp_id ? "it has another program" :
			     "it has no program");
			ret = IPIPCTL_REFUSED;
			continue;
		}
		error = -replace(d, -1, d->xdp_id);
		if (error)
			ret = fail_xdp(d->name, error);
	}
	return ret;
}

static void prepare(void)
{
	libbpf_set_print(note);
}
#else
#define BPF_OBJ_NAME_LEN	16U

static void name_of(uint32_t id, char *name)
{
	(void)id;
	*name = '\0';
}

static int not_built_in(void)
{
	fail("xdp", "this ipipctl was built without libbpf");
	return IPIPCTL_REFUSED;
}

static int attach(const struct devices *list, const struct devices *all, const char *path)
{
	(void)list;
	(void)all;
	(void)path;
	return not_built_in();
}

static int detach(const struct devices *list)
{
	(void)list;
	return not_built_in();
}

static void prepare(void)
{
}
#endif

static void show_json(const struct devices *list)
{
	char name[BPF_OBJ_NAME_LEN];
	const struct tunnel *d;
	const char *separator = "";

	putchar('[');
	for (d = list->d; d < list->d + list->n; d++) {
		if (!d->xdp_id)
			continue;
		name_of(d->xdp_id, name);
		printf("%s{\"device\":", separator);
		json_string(stdout, d->name);
		printf(",\"ifindex\":%d,\"mode\":\"%s\",\"id\":%u,\"program\":", d->ifindex,
		       xdp_mode(d->xdp), d->xdp_id);
		if (*name)
			json_string(stdout, name);
		else
			fputs("null", stdout);
		putchar('}');
		separator = ",";
	}
	puts("]");
}

static void show_table(const struct devices *list)
{
	char name[BPF_OBJ_NAME_LEN], device[IFNAMSIZ];
	const struct tunnel *d;

	printf("Columns: DEVICE, MODE, PROGRAM\n%-*s %-7s PROGRAM\n", IFNAMSIZ - 1, "DEVICE",
	       "MODE");
	for (d = list->d; d < list->d + list->n; d++) {
		if (!d->xdp_id)
			continue;
		name_of(d->xdp_id, name);
		strcpy(device, d->name);
		hide_controls(device);
		printf("%-*s %-7s ", IFNAMSIZ - 1, device, xdp_mode(d->xdp));
		if (*name)
			puts(name);
		else
			printf("number %u\n", d->xdp_id);
	}
}

static const struct tunnel *find_device(const struct devices *all, const char *name)
{
	const struct tunnel *d;

	for (d = all->d; d < all->d + all->n; d++)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

/* Those with commas between. */
static int choose_devices(char *names, const struct devices *all, struct devices *chosen)
{
	const struct tunnel *d;
	char *name, *state;

	for (name = strtok_r(names, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
		d = find_device(all, name);
		if (!d) {
			fail("xdp", "%s: no such device, or it is a tunnel", name);
			return IPIPCTL_REFUSED;
		}
		if (!find_device(chosen, name))
			take_device(d, LINK_OTHER, chosen);
	}
	return chosen->n ? 0 : usage("xdp", "needs a device");
}

enum action {
	ACTION_ATTACH,
	ACTION_DETACH,
	ACTION_PRINT,
};

static const char *action_name(size_t i)
{
	static const char *const actions[] = { "attach", "detach", "print" };

	return actions[i];
}

static const char *installed_object(void)
{
	return access("/usr/local/" OBJECT, F_OK) ? "/usr/" OBJECT : "/usr/local/" OBJECT;
}

static int act(int action, char **words, size_t n, const struct devices *all)
{
	struct devices chosen = {};
	int ret;

	ret = choose_devices(words[0], all, &chosen);
	if (!ret)
		ret = action == ACTION_DETACH ? detach(&chosen) :
		      attach(&chosen, all, n > 1 ? words[1] : installed_object());
	free(chosen.d);
	return ret;
}

/* The verb "xdp". */
int cmd_xdp(char **words, size_t n)
{
	int action = ACTION_PRINT, ret;
	struct devices all = {};
	size_t takes;

	if (n) {
		action = find_word("xdp", words[0], strlen(words[0]), action_name,
				   ACTION_PRINT + 1);
		if (action < 0)
			return IPIPCTL_USAGE;
		words++;
		n--;
	}
	takes = action == ACTION_ATTACH ? 2 : action == ACTION_DETACH ? 1 : 0;
	if (n > takes)
		return usage("xdp", "%s: unexpected argument", words[takes]);
	if (takes && !n)
		return usage("xdp", "needs a device");
	prepare();
	ret = nl_dump_devices(take_device, &all);
	if (!ret && takes)
		ret = act(action, words, n, &all);
	else if (!ret && opt.json)
		show_json(&all);
	else if (!ret)
		show_table(&all);
	free(all.d);
	return ret;
}
