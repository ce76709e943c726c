/**
 * The configuration file: YAML to a checked struct. Every error reads "FILE:LINE: reason".
 */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H

#include "sl_base.h"

#define SL_CONFIG_WORKERS_MAX 32
#define SL_CONFIG_PORTS_MAX 8
#define SL_CONFIG_CERTIFICATES_MAX 16
#define SL_CONFIG_SERVICES_MAX 64
#define SL_CONFIG_PREFIXES_MAX 65536 /* in one list */
#define SL_CONFIG_CONNECTIONS_MAX 64

enum sl_idle { SL_IDLE_SPIN, SL_IDLE_YIELD };
enum sl_config_crypto {
    SL_CONFIG_CRYPTO_AUTO,
    SL_CONFIG_CRYPTO_VAES512,
    SL_CONFIG_CRYPTO_VAES256,
    SL_CONFIG_CRYPTO_IPSECMB,
    SL_CONFIG_CRYPTO_OPENSSL,
};
enum sl_config_moves { SL_CONFIG_MOVES_HOLD, SL_CONFIG_MOVES_ACCEPT, SL_CONFIG_MOVES_REFUSE };
enum sl_config_seccomp {
    SL_CONFIG_SECCOMP_ENFORCE,
    SL_CONFIG_SECCOMP_LOG,
    SL_CONFIG_SECCOMP_OFF,
};
enum sl_config_checksum {
    SL_CONFIG_CHECKSUM_AUTO,
    SL_CONFIG_CHECKSUM_REQUIRE,
    SL_CONFIG_CHECKSUM_IGNORE,
};
enum sl_config_driver {
    SL_CONFIG_DRIVER_AUTO, /* af_xdp on the interface; af_packet when that fails, said in the log */
    SL_CONFIG_DRIVER_AF_XDP,
    SL_CONFIG_DRIVER_AF_PACKET,
    SL_CONFIG_DRIVER_DPDK, /* devices: PCI addresses or vdev strings for EAL */
};

/** A port group: one network, with a receive and a transmit queue for each worker. */
struct sl_config_port {
    enum sl_config_driver driver;
    char *interface; /* af_xdp, af_packet */
    char **devices;  /* dpdk: one or several, e.g. "0000:00:03.0", "net_ring0" */
    unsigned devices_count;
    char **addresses; /* IPv4 and IPv6 that the gateway has here, as text */
    unsigned addresses_count;
    int vlan; /* 1..4094, or 0: untagged */
    enum sl_config_checksum rx_checksum;
};

struct sl_config_listener {
    uint16_t port; /* UDP */
    char *service; /* up to 31 characters: a-z 0-9 _ - . */
};

struct sl_config_certificate {
    char *certificate; /* PEM file */
    char *key;         /* PEM file */
    char *ocsp_file;   /* NULL, or a response in DER */
};

/** Peers by what they hold, as text. */
struct sl_config_peers {
    char **fingerprints;
    unsigned fingerprints_count;
    char **node_ids;
    unsigned node_ids_count;
};

/** Whom a service takes. */
struct sl_config_trust {
    char *ca_file;  /* PEM */
    char *crl_file; /* PEM */
    struct sl_config_peers peers;
    bool anonymous;
    char *psk_file;   /* lines identity:key in hex */
    char *psk_lookup; /* a program that is asked for pre-shared keys; the same for all services */
    bool plain_psk;   /* pre-shared keys without forward secrecy, and AES-CCM */
    char *node_id_prefix; /* of the gateway: not a service's */
};

struct sl_config_service {
    char *name;
    struct sl_config_trust *trust;  /* NULL: the gateway's */
    struct sl_config_peers *expect; /* NULL: nobody in particular */
};

/** Who may come in, and how much of it: for the whole gateway. A limit of 0 is none. */
struct sl_config_admission {
    char **allow; /* prefixes as text: "198.18.0.0/15" */
    unsigned allow_count;
    char **deny;
    unsigned deny_count;
    unsigned prefix_len_v4;                    /* 1..32, default 32 */
    unsigned prefix_len_v6;                    /* 1..128, default 64 */
    unsigned hellos_per_second;                /* default 0: as many as there is time for */
    unsigned hellos_per_prefix_per_second;     /* default 10000 */
    unsigned handshakes_per_prefix_per_second; /* default 10000 */
    unsigned handshakes_in_flight_per_prefix;  /* default half of half_open */
    unsigned handshake_cpu_percent;            /* of each handshake thread; default 0 */
    unsigned handshake_cpu_percent_per_prefix; /* default 0 */
    unsigned echoes_per_second;                /* default 1000 */
    unsigned neighbours_per_second;            /* default 10000 */
};

/** A server that the gateway keeps a session to. */
struct sl_config_connection {
    char *name;        /* as a service's */
    char *address;     /* "198.18.5.1:4433", "[2001:db8::1]:4433" */
    char *service;     /* whose consumers get the session; needs no listener */
    char *from;        /* one of the gateway's addresses; never NULL, once it was checked */
    char *next_hop;    /* an IP address; NULL: the server itself */
    char *server_name; /* what its certificate has to be for; NULL */
    struct sl_config_trust *trust;  /* NULL: no certificate is taken, only a pre-shared key */
    struct sl_config_peers *expect; /* NULL: nobody in particular */
    char *certificate;              /* PEM files, ours; both or none */
    char *key;
    char *psk_file;                    /* lines `identity:key in hex`; NULL */
    bool plain_psk;                    /* pre-shared keys without forward secrecy, and AES-CCM */
    bool on_demand;                    /* default false: kept up; else begun for who asks */
    unsigned handshake_timeout_s;      /* default 10, or the gateway's where that is less */
    unsigned silence_timeout_s;        /* default 0: never */
    unsigned retry_min_s, retry_max_s; /* default 1 and 60 */
};

struct sl_config {
    unsigned workers;             /* 1..32, default 1 */
    enum sl_idle idle;            /* default spin */
    enum sl_config_crypto crypto; /* default auto */
    unsigned memory_mb;           /* of DPDK's memory; default 256 */
    char **eal;                   /* further EAL arguments, for experts */
    unsigned eal_count;
    char *control_socket;          /* default /run/sluice/control.sock */
    char *control_group;           /* whose members may ask there too; default none */
    char *consumer_socket;         /* default /run/sluice/consumers.sock */
    unsigned consumer_socket_mode; /* octal; default 0660 */
    unsigned consumers_per_user;   /* 1..64, root aside; default 32 */
    unsigned ring_kib;             /* of each ring's data, a power of two; default 1024 */
    struct sl_config_port *ports;
    unsigned ports_count;
    struct sl_config_listener *listeners; /* none: a client only, see connect */
    unsigned listeners_count;
    struct sl_config_certificate *certificates; /* none: no service needs one */
    unsigned certificates_count;
    char *client_ca;               /* short for trust: {ca_file: FILE} */
    struct sl_config_trust *trust; /* of services that say nothing of their own; NULL: see
                                      client_ca; both NULL: anybody */
    struct sl_config_service *services;
    unsigned services_count;
    struct sl_config_connection *connections; /* key: connect */
    unsigned connections_count;
    uint16_t *connect_ports; /* [2] first and last local port of these sessions; default 49152,
                                65535 */
    unsigned connect_ports_count;
    unsigned certificate_chain_kib; /* the longest chain that is taken of a peer; default 16 */
    unsigned peer_chain_kib;        /* the longest verified chain that consumers get; default 16 */
    bool connection_ids;            /* default true */
    bool session_tickets;           /* default true */
    unsigned session_ticket_lifetime_s; /* 300..604800, default 7200 */
    enum sl_config_moves peer_moves;    /* default hold */
    bool close_at_usage_limit;          /* default false */
    unsigned sessions;                  /* for the whole gateway; default 65536 */
    unsigned half_open;           /* handshakes in progress, the whole gateway; default 4096 */
    unsigned idle_timeout_s;      /* default 300 */
    unsigned handshake_timeout_s; /* default 30 */
    unsigned first_timeout_ms;    /* 100..60000, default 1000 */
    unsigned handshake_threads;   /* 1..8, default 1 */
    struct sl_config_admission admission;
    bool legacy_cbc;                /* default false */
    unsigned legacy_sessions;       /* that legacy_cbc allows; default 1024 */
    char *keylog_file;              /* default none; secrets: for debugging only */
    char *user;                     /* to become after the start; default none: stay who it is */
    char *psk_lookup_user;          /* who runs the lookup program; default: user */
    enum sl_config_seccomp seccomp; /* default enforce */
    bool core_dumps;                /* default false; dumps hold secrets */
    bool benchmark;                 /* default false; takes sessions whose keys others know */
    char *path;                     /* of the file itself */
    void *private_data;             /* where each path stands in the file */
};

/**
 * Reads and checks a file: unknown, duplicate and missing keys, types, ranges, and what one key
 * says about another (a port twice, a service name, an address). Files that it names are not opened
 * here.
 * error  [error_len] on failure: "FILE:LINE: reason", cut where it is longer: 512 bytes beside the
 *        path's are enough.
 * return the configuration (caller owns), or NULL.
 */
struct sl_config *sl_config_load(const char *path, char *error, size_t error_len);
void sl_config_destroy(struct sl_config *config);

/**
 * Whether clients of this service come in with a pre-shared key or not at all: none is asked for a
 * certificate, and none is shown one.
 */
bool sl_config_takes_only_psk(const struct sl_config *config, const char *service);

/** IPv4 becomes IPv4-mapped. false: it is none. */
bool sl_config_parse_ip(const char *text, struct sl_ip *ip) SL_MUST_USE;
/** Address and port, IPv6 addresses in brackets. false: it is none. */
bool sl_config_parse_endpoint(const char *text, struct sl_ip *ip, uint16_t *port) SL_MUST_USE;

/**
 * The line at which a path stands ("certificates[0].key"); the nearest enclosing one's when it is
 * not in the file. For errors that only later stages find: print "FILE:LINE: reason".
 */
unsigned sl_config_line(const struct sl_config *config, const char *path);

/**
 * The keys at the top of the file under which two files say different things; a key that one of
 * them leaves to its default and the other spells out counts as well.
 * keys [max] out: borrowed from the two. return how many, at most max.
 */
unsigned sl_config_differences(const struct sl_config *a, const struct sl_config *b,
                               const char **keys, unsigned max);

#endif
