/* How many descriptors the process may have. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "sockets_priv.h"

/** What the kernel allows any process, root's too. */
static unsigned long system_limit(void)
{
    unsigned long limit = 1UL << 20; /* the kernel's own default */
    FILE *file = fopen("/proc/sys/fs/nr_open", "re");
    if (file == NULL)
        return limit;
    if (fscanf(file, "%lu", &limit) != 1)
        limit = 1UL << 20;
    fclose(file);
    return limit;
}

int sl_sockets_raise_limit(unsigned sources, char *reason)
{
    const rlim_t needed = (rlim_t)sources + SL_SOCKETS_OTHER_DESCRIPTORS;
    struct rlimit limit;
    reason[0] = '\0';
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= needed)
        return 0;
    if (needed > system_limit()) {
        snprintf(reason, SOCKETS_REASON_LEN,
                 "%u sockets are more than the kernel gives a process: set sysctl fs.nr_open to at "
                 "least %lu, or use fewer clients",
                 sources, (unsigned long)needed);
        return -EMFILE;
    }
    const rlim_t had = limit.rlim_max;
    limit.rlim_cur = needed;
    limit.rlim_max = had > needed ? had : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    snprintf(reason, SOCKETS_REASON_LEN,
             "%u sockets need %lu open files, and this process may have %lu: raise the hard limit "
             "(ulimit -Hn as root; a container's is set outside of it), or use fewer clients",
             sources, (unsigned long)needed, (unsigned long)had);
    return -EMFILE;
}
