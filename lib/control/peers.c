/* Who asks: the kernel knows, whatever the socket's permissions have become since. */
#include <sys/socket.h>
#include <unistd.h>

#include "control_priv.h"

/** Whoever is in more groups than this is looked for by the first of them alone. */
#define GROUPS_MAX 256
#define REFUSALS_SAID_NS (10ULL * 1000000000ULL)

static bool is_in_group(int fd, gid_t first, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    if (first == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return false;
    for (socklen_t i = 0; i < len / sizeof groups[0]; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static void say_refusal(struct sl_control *control, const struct ucred *peer, uint64_t now_ns)
{
    char line[160];
    control->refusals++;
    if (control->refusal_said_ns != 0 && now_ns - control->refusal_said_ns < REFUSALS_SAID_NS)
        return;
    control->refusal_said_ns = now_ns;
    snprintf(line, sizeof line,
             "control socket: refused pid %d of uid %u, who is neither root nor the gateway's user "
             "nor in control_group (%llu refused so far)",
             (int)peer->pid, (unsigned)peer->uid, (unsigned long long)control->refusals);
    control->config.log(line);
}

bool control_admits(struct sl_control *control, int fd, uint64_t now_ns)
{
    struct ucred peer = {.pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t len = sizeof peer;
    bool is_known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && len == sizeof peer;
    if (is_known &&
        (peer.uid == 0 || peer.uid == geteuid() ||
         (control->config.has_group && is_in_group(fd, peer.gid, control->config.group))))
        return true;
    say_refusal(control, &peer, now_ns);
    return false;
}
