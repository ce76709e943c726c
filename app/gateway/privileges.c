/* What the process gives up once everything is open, and what its user has to reach afterwards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway.h"

#define PATH_LEN 64
/* Private keys of handshakes under way, and what is there all the time: certificates' keys, random
 * number generators. */
#define SECURE_BYTES_PER_HANDSHAKE 256U
#define SECURE_BYTES_ELSE (256U << 10)

static size_t power_of_two(size_t least)
{
    size_t len = 1;
    while (len < least)
        len *= 2;
    return len;
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/** DPDK's drivers, with their older names, that share an interface with the kernel; of pcap's those
 * on an interface, not on files. */
static bool device_is_kernels(const char *device)
{
    static const char *const drivers[] = {"net_af_packet", "eth_af_packet", "net_af_xdp",
                                          "net_tap",       "eth_tap",       "net_tun"};
    bool is_kernels = false;
    for (unsigned i = 0; i < sizeof drivers / sizeof *drivers; i++)
        is_kernels |= begins_with(device, drivers[i]);
    if (begins_with(device, "net_pcap") || begins_with(device, "eth_pcap"))
        is_kernels |= strstr(device, "iface=") != NULL || strstr(device, "iface_in=") != NULL;
    return is_kernels;
}

bool port_is_kernels(const struct sl_config_port *port)
{
    bool is_kernels = port->interface != NULL;
    for (unsigned d = 0; d < port->devices_count; d++)
        is_kernels |= device_is_kernels(port->devices[d]);
    return is_kernels;
}

int privileges_begin(const struct sl_config *config, struct sl_hardening **out, char *reason)
{
    static const enum sl_seccomp seccomp[] = {
        [SL_CONFIG_SECCOMP_ENFORCE] = SL_SECCOMP_ENFORCE,
        [SL_CONFIG_SECCOMP_LOG] = SL_SECCOMP_LOG,
        [SL_CONFIG_SECCOMP_OFF] = SL_SECCOMP_OFF,
    };
    struct sl_hardening_config hardening = {
        .seccomp = seccomp[config->seccomp],
        .core_dumps = config->core_dumps,
    };
    for (unsigned p = 0; p < config->ports_count; p++) {
        hardening.network_admin |= port_is_kernels(&config->ports[p]);
        hardening.foreign_device |= config->ports[p].driver == SL_CONFIG_DRIVER_DPDK;
    }
    if (!sl_hardening_secure_heap(power_of_two(SECURE_BYTES_ELSE + (size_t)config->half_open *
                                                                       SECURE_BYTES_PER_HANDSHAKE)))
        log_warning("private keys have no memory of their own: there is not enough of it");
    return sl_hardening_begin(&hardening, out, reason);
}

/** "FILE:LINE: reason", of what the user of the configuration would miss. */
static void warn(const struct settings *settings, const char *key, const char *what,
                 const char *path, int error, void (*say)(const char *line))
{
    char line[REASON_LEN];
    snprintf(line, sizeof line, "%s:%u: user '%s' can't %s %s", settings->config->path,
             sl_config_line(settings->config, key), settings->user.name, what, path);
    size_t len = strlen(line);
    snprintf(line + len, sizeof line - len, ": %s", strerror(-error));
    say(line);
}

static void check_file(const struct settings *settings, const char *key, const char *path,
                       void (*say)(const char *line))
{
    int error = path == NULL ? 0 : sl_hardening_can_read(&settings->user, path);
    if (error != 0)
        warn(settings, key, "read, when the gateway reloads,", path, error, say);
}

static void check_socket(const struct settings *settings, const char *path,
                         void (*say)(const char *line))
{
    int error = sl_hardening_can_remove(&settings->user, path);
    if (error != 0 && error != -ENOENT) /* a folder that is not there yet is made, and his */
        warn(settings, "user", "remove, when the gateway ends,", path, error, say);
}

static void check_trust(const struct settings *settings, const char *key,
                        const struct sl_config_trust *trust, void (*say)(const char *line))
{
    char path[PATH_LEN];
    if (trust == NULL)
        return;
    snprintf(path, sizeof path, "%.40s.ca_file", key);
    check_file(settings, path, trust->ca_file, say);
    snprintf(path, sizeof path, "%.40s.crl_file", key);
    check_file(settings, path, trust->crl_file, say);
    snprintf(path, sizeof path, "%.40s.psk_file", key);
    check_file(settings, path, trust->psk_file, say);
}

static void check_connection(const struct settings *settings, unsigned i,
                             void (*say)(const char *line))
{
    const struct sl_config_connection *entry = &settings->config->connections[i];
    char key[PATH_LEN];
    snprintf(key, sizeof key, "connect[%u].certificate", i);
    check_file(settings, key, entry->certificate, say);
    snprintf(key, sizeof key, "connect[%u].key", i);
    check_file(settings, key, entry->key, say);
    snprintf(key, sizeof key, "connect[%u].psk_file", i);
    check_file(settings, key, entry->psk_file, say);
    snprintf(key, sizeof key, "connect[%u].trust", i);
    check_trust(settings, key, entry->trust, say);
}

static void say_of_user(const struct settings *settings, const char *what,
                        void (*say)(const char *line))
{
    char line[REASON_LEN];
    snprintf(line, sizeof line, "%.512s:%u: user '%.64s' %s", settings->config->path,
             sl_config_line(settings->config, "user"), settings->user.name, what);
    say(line);
}

static void check_user(const struct settings *settings, void (*say)(const char *line))
{
    const struct sl_config *config = settings->config;
    char key[PATH_LEN];
    if (settings->user.uid == 0)
        say_of_user(settings, "is root all the same: name an unprivileged one", say);
    /* Everybody can read this, who can be asked. */
    if (sl_hardening_can_read(&settings->user, "/") == -EAGAIN) {
        say_of_user(settings,
                    "is somebody else, and only root can become him: what he can read and remove "
                    "is not checked, and the gateway has to be started as root",
                    say);
        return;
    }
    for (unsigned i = 0; i < config->certificates_count; i++) {
        snprintf(key, sizeof key, "certificates[%u].certificate", i);
        check_file(settings, key, config->certificates[i].certificate, say);
        snprintf(key, sizeof key, "certificates[%u].key", i);
        check_file(settings, key, config->certificates[i].key, say);
        snprintf(key, sizeof key, "certificates[%u].ocsp_file", i);
        check_file(settings, key, config->certificates[i].ocsp_file, say);
    }
    check_file(settings, "client_ca", config->client_ca, say);
    check_trust(settings, "trust", config->trust, say);
    for (unsigned i = 0; i < config->services_count; i++) {
        snprintf(key, sizeof key, "services[%u].trust", i);
        check_trust(settings, key, config->services[i].trust, say);
    }
    for (unsigned i = 0; i < config->connections_count; i++)
        check_connection(settings, i, say);
    check_file(settings, "user", config->path, say);
    check_socket(settings, config->control_socket, say);
    check_socket(settings, config->consumer_socket, say);
}

/** One level, as the listeners would make it; but the user's, so that he can remove his sockets. */
static void make_folder(const struct sl_hardening_user *user, const char *socket_path)
{
    char *folder = strdup(socket_path), *slash = folder == NULL ? NULL : strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        if (mkdir(folder, 0755) == 0 && chown(folder, user->uid, user->gid) != 0)
            log_warning("the folder of a socket can't be given to the user");
    }
    free(folder);
}

static void check_dangers(const struct sl_config *config, void (*say)(const char *line))
{
    if (config->keylog_file != NULL)
        say("KEY LOG: the secrets of every session are written to keylog_file; whoever reads it "
            "reads them all; never in production");
    if (config->benchmark)
        say("BENCHMARK: this gateway takes sessions whose keys others may know, of clients that "
            "nobody has asked who they are; never in production");
    if (config->core_dumps)
        say("CORE DUMPS: a crash may leave a file with the secrets of sessions; never in "
            "production");
    if (config->seccomp != SL_CONFIG_SECCOMP_ENFORCE)
        say("seccomp does not refuse any system call: `seccomp: enforce` does");
}

void privileges_check(const struct settings *settings, void (*say)(const char *line))
{
    check_dangers(settings->config, say);
    if (settings->has_user)
        check_user(settings, say);
}

void privileges_prepare(const struct settings *settings)
{
    const struct sl_config *config = settings->config;
    if (settings->has_user) {
        make_folder(&settings->user, config->control_socket);
        make_folder(&settings->user, config->consumer_socket);
    } else if (geteuid() == 0) {
        log_warning("runs as root: `user: NAME` in the configuration makes it an unprivileged user "
                    "as soon as its ports are open");
    }
    privileges_check(settings, log_warning);
}

int privileges_drop(const struct settings *settings, const struct sl_hardening *hardening,
                    char *reason)
{
    const struct sl_hardening_user *user = &settings->user;
    const struct sl_config *config = settings->config;
    if (!settings->has_user)
        return 0;
    gid_t group = settings->has_control_group ? settings->control_group : user->gid;
    if (lchown(config->control_socket, user->uid, group) != 0 ||
        lchown(config->consumer_socket, user->uid, user->gid) != 0) {
        int error = -errno;
        snprintf(reason, REASON_LEN, "can't give the sockets to user '%s': %s; start as root",
                 user->name, strerror(-error));
        return error;
    }
    return sl_hardening_change_user(hardening, user, reason);
}
