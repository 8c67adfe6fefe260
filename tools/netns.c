// SPDX-License-Identifier: GPL-2.0
/*
 * The network namespace that the program works in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipipctl.h"

/* Name of the present netns, once it is known. */
static char name[NAME_MAX + 1];

/**
 * netns_name() - Get the name of the present network namespace
 *
 * Return: the name that the user has given, or one that ip-netns(8) has for it, or NULL.
 */
const char *netns_name(void)
{
	struct stat ours, theirs;
	struct dirent *entry;
	char path[300];
	DIR *dir;

	if (*name || stat("/proc/self/ns/net", &ours))
		return *name ? name : NULL;
	dir = opendir("/run/netns");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/run/netns/%s", entry->d_name);
		if (*entry->d_name == '.' || stat(path, &theirs) ||
		    ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
			continue;
		strcpy(name, entry->d_name);
		break;
	}
	if (dir)
		closedir(dir);
	return *name ? name : NULL;
}

/**
 * netns_enter() - Enter another network namespace
 * @given: its name, as ip-netns(8) has it
 *
 * Return: 0, or an exit status after an error was printed.
 */
int netns_enter(const char *given)
{
	char path[256];
	int fd, ret;

	if (!*given || strchr(given, '/'))
		return usage("netns", "%s: not a name", given);
	snprintf(path, sizeof(path), "/run/netns/%s", given);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
	if (ret) {
		fail("netns", "%s: %s", given, strerror(errno));
		ret = IPIPCTL_REFUSED;
	} else {
		/* A netns may have several names, each with a configuration of its own. */
		snprintf(name, sizeof(name), "%s", given);
		opt.netns = true;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}
