/* The shape of the file, for libcyaml and for our own check of it. */
#include "config_priv.h"

#define TEXT_MAX 4096
#define OPTIONAL CYAML_FLAG_OPTIONAL
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const cyaml_strval_t idle_names[] = {{"spin", SL_IDLE_SPIN}, {"yield", SL_IDLE_YIELD}};
static const cyaml_strval_t crypto_names[] = {
    {"auto", SL_CONFIG_CRYPTO_AUTO},       {"vaes512", SL_CONFIG_CRYPTO_VAES512},
    {"vaes256", SL_CONFIG_CRYPTO_VAES256}, {"ipsecmb", SL_CONFIG_CRYPTO_IPSECMB},
    {"openssl", SL_CONFIG_CRYPTO_OPENSSL},
};
static const cyaml_strval_t moves_names[] = {
    {"hold", SL_CONFIG_MOVES_HOLD},
    {"accept", SL_CONFIG_MOVES_ACCEPT},
    {"refuse", SL_CONFIG_MOVES_REFUSE},
};
static const cyaml_strval_t checksum_names[] = {
    {"auto", SL_CONFIG_CHECKSUM_AUTO},
    {"require", SL_CONFIG_CHECKSUM_REQUIRE},
    {"ignore", SL_CONFIG_CHECKSUM_IGNORE},
};
static const cyaml_strval_t seccomp_names[] = {
    {"enforce", SL_CONFIG_SECCOMP_ENFORCE},
    {"log", SL_CONFIG_SECCOMP_LOG},
    {"off", SL_CONFIG_SECCOMP_OFF},
};
static const cyaml_strval_t driver_names[] = {
    {"auto", SL_CONFIG_DRIVER_AUTO},
    {"af_xdp", SL_CONFIG_DRIVER_AF_XDP},
    {"af_packet", SL_CONFIG_DRIVER_AF_PACKET},
    {"dpdk", SL_CONFIG_DRIVER_DPDK},
};

static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t port_fields[] = {
    CYAML_FIELD_ENUM("driver", OPTIONAL, struct sl_config_port, driver, driver_names,
                     LENGTH(driver_names)),
    CYAML_FIELD_STRING_PTR("interface", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_port,
                           interface, 1, 15),
    CYAML_FIELD_SEQUENCE("devices", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_port, devices,
                         &text, 1, SL_CONFIG_WORKERS_MAX),
    CYAML_FIELD_SEQUENCE("addresses", CYAML_FLAG_POINTER, struct sl_config_port, addresses, &text,
                         1, 16),
    CYAML_FIELD_INT("vlan", OPTIONAL, struct sl_config_port, vlan),
    CYAML_FIELD_ENUM("rx_checksum", OPTIONAL, struct sl_config_port, rx_checksum, checksum_names,
                     LENGTH(checksum_names)),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t port_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sl_config_port, port_fields)};

static const cyaml_schema_field_t listener_fields[] = {
    CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, struct sl_config_listener, port),
    CYAML_FIELD_STRING_PTR("service", CYAML_FLAG_POINTER, struct sl_config_listener, service, 1,
                           31),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t listener_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sl_config_listener, listener_fields)};

static const cyaml_schema_field_t certificate_fields[] = {
    CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER, struct sl_config_certificate,
                           certificate, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct sl_config_certificate, key, 1,
                           TEXT_MAX),
    CYAML_FIELD_STRING_PTR("ocsp_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_certificate,
                           ocsp_file, 1, TEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t certificate_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sl_config_certificate, certificate_fields)};

#define PEERS_MAX 4096 /* fingerprints, or node ids, of one list */
#define PEERS_FIELDS(base, member)                                                                 \
    CYAML_FIELD_SEQUENCE_COUNT("fingerprints", OPTIONAL | CYAML_FLAG_POINTER, base,                \
                               member fingerprints, member fingerprints_count, &text, 1,           \
                               PEERS_MAX),                                                         \
        CYAML_FIELD_SEQUENCE_COUNT("node_ids", OPTIONAL | CYAML_FLAG_POINTER, base,                \
                                   member node_ids, member node_ids_count, &text, 1, PEERS_MAX)

static const cyaml_schema_field_t peers_fields[] = {
    PEERS_FIELDS(struct sl_config_peers, ),
    CYAML_FIELD_END,
};

#define TRUST_FIELDS                                                                               \
    CYAML_FIELD_STRING_PTR("ca_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_trust,       \
                           ca_file, 1, TEXT_MAX),                                                  \
        CYAML_FIELD_STRING_PTR("crl_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_trust,  \
                               crl_file, 1, TEXT_MAX),                                             \
        PEERS_FIELDS(struct sl_config_trust, peers.),                                              \
        CYAML_FIELD_BOOL("anonymous", OPTIONAL, struct sl_config_trust, anonymous)
#define TRUST_PSK_FIELDS                                                                           \
    CYAML_FIELD_STRING_PTR("psk_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_trust,      \
                           psk_file, 1, TEXT_MAX),                                                 \
        CYAML_FIELD_STRING_PTR("psk_lookup", OPTIONAL | CYAML_FLAG_POINTER,                        \
                               struct sl_config_trust, psk_lookup, 1, TEXT_MAX),                   \
        CYAML_FIELD_BOOL("plain_psk", OPTIONAL, struct sl_config_trust, plain_psk)

static const cyaml_schema_field_t trust_fields[] = {
    TRUST_FIELDS,
    TRUST_PSK_FIELDS,
    CYAML_FIELD_STRING_PTR("node_id_prefix", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_trust,
                           node_id_prefix, 1, TEXT_MAX),
    CYAML_FIELD_END,
};
/* A service has no prefix of its own: node ids are the same in all of them. */
static const cyaml_schema_field_t service_trust_fields[] = {
    TRUST_FIELDS,
    TRUST_PSK_FIELDS,
    CYAML_FIELD_END,
};
/* A server has one pre-shared key with us at most, which stands beside its trust. */
static const cyaml_schema_field_t server_trust_fields[] = {
    TRUST_FIELDS,
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t service_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sl_config_service, name, 1, 31),
    CYAML_FIELD_MAPPING_PTR("trust", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_service, trust,
                            service_trust_fields),
    CYAML_FIELD_MAPPING_PTR("expect", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_service,
                            expect, peers_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t service_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sl_config_service, service_fields)};

static const cyaml_schema_field_t admission_fields[] = {
    CYAML_FIELD_SEQUENCE("allow", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_admission, allow,
                         &text, 0, SL_CONFIG_PREFIXES_MAX),
    CYAML_FIELD_SEQUENCE("deny", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_admission, deny,
                         &text, 0, SL_CONFIG_PREFIXES_MAX),
    CYAML_FIELD_UINT("prefix_len_v4", OPTIONAL, struct sl_config_admission, prefix_len_v4),
    CYAML_FIELD_UINT("prefix_len_v6", OPTIONAL, struct sl_config_admission, prefix_len_v6),
    CYAML_FIELD_UINT("hellos_per_second", OPTIONAL, struct sl_config_admission, hellos_per_second),
    CYAML_FIELD_UINT("hellos_per_prefix_per_second", OPTIONAL, struct sl_config_admission,
                     hellos_per_prefix_per_second),
    CYAML_FIELD_UINT("handshakes_per_prefix_per_second", OPTIONAL, struct sl_config_admission,
                     handshakes_per_prefix_per_second),
    CYAML_FIELD_UINT("handshakes_in_flight_per_prefix", OPTIONAL, struct sl_config_admission,
                     handshakes_in_flight_per_prefix),
    CYAML_FIELD_UINT("handshake_cpu_percent", OPTIONAL, struct sl_config_admission,
                     handshake_cpu_percent),
    CYAML_FIELD_UINT("handshake_cpu_percent_per_prefix", OPTIONAL, struct sl_config_admission,
                     handshake_cpu_percent_per_prefix),
    CYAML_FIELD_UINT("echoes_per_second", OPTIONAL, struct sl_config_admission, echoes_per_second),
    CYAML_FIELD_UINT("neighbours_per_second", OPTIONAL, struct sl_config_admission,
                     neighbours_per_second),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t connection_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sl_config_connection, name, 1, 31),
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct sl_config_connection, address, 1,
                           TEXT_MAX),
    CYAML_FIELD_STRING_PTR("service", CYAML_FLAG_POINTER, struct sl_config_connection, service, 1,
                           31),
    CYAML_FIELD_STRING_PTR("from", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection, from,
                           1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("next_hop", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection,
                           next_hop, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("server_name", OPTIONAL | CYAML_FLAG_POINTER,
                           struct sl_config_connection, server_name, 1, 255),
    CYAML_FIELD_MAPPING_PTR("trust", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection,
                            trust, server_trust_fields),
    CYAML_FIELD_MAPPING_PTR("expect", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection,
                            expect, peers_fields),
    CYAML_FIELD_STRING_PTR("certificate", OPTIONAL | CYAML_FLAG_POINTER,
                           struct sl_config_connection, certificate, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("key", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection, key,
                           1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("psk_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config_connection,
                           psk_file, 1, TEXT_MAX),
    CYAML_FIELD_BOOL("plain_psk", OPTIONAL, struct sl_config_connection, plain_psk),
    CYAML_FIELD_BOOL("on_demand", OPTIONAL, struct sl_config_connection, on_demand),
    CYAML_FIELD_UINT("handshake_timeout_s", OPTIONAL, struct sl_config_connection,
                     handshake_timeout_s),
    CYAML_FIELD_UINT("silence_timeout_s", OPTIONAL, struct sl_config_connection, silence_timeout_s),
    CYAML_FIELD_UINT("retry_min_s", OPTIONAL, struct sl_config_connection, retry_min_s),
    CYAML_FIELD_UINT("retry_max_s", OPTIONAL, struct sl_config_connection, retry_max_s),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t connection_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sl_config_connection, connection_fields)};
static const cyaml_schema_value_t udp_port = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t)};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_UINT("workers", OPTIONAL, struct sl_config, workers),
    CYAML_FIELD_ENUM("idle", OPTIONAL, struct sl_config, idle, idle_names, LENGTH(idle_names)),
    CYAML_FIELD_ENUM("crypto", OPTIONAL, struct sl_config, crypto, crypto_names,
                     LENGTH(crypto_names)),
    CYAML_FIELD_UINT("memory_mb", OPTIONAL, struct sl_config, memory_mb),
    CYAML_FIELD_SEQUENCE("eal", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, eal, &text, 0, 32),
    CYAML_FIELD_STRING_PTR("control_socket", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                           control_socket, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("control_group", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                           control_group, 1, 31),
    CYAML_FIELD_STRING_PTR("consumer_socket", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                           consumer_socket, 1, TEXT_MAX),
    CYAML_FIELD_UINT("consumer_socket_mode", OPTIONAL, struct sl_config, consumer_socket_mode),
    CYAML_FIELD_UINT("consumers_per_user", OPTIONAL, struct sl_config, consumers_per_user),
    CYAML_FIELD_UINT("ring_kib", OPTIONAL, struct sl_config, ring_kib),
    CYAML_FIELD_SEQUENCE("ports", CYAML_FLAG_POINTER, struct sl_config, ports, &port_schema, 1,
                         SL_CONFIG_PORTS_MAX),
    CYAML_FIELD_SEQUENCE("listeners", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, listeners,
                         &listener_schema, 1, 64),
    CYAML_FIELD_SEQUENCE("certificates", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                         certificates, &certificate_schema, 1, SL_CONFIG_CERTIFICATES_MAX),
    CYAML_FIELD_STRING_PTR("client_ca", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, client_ca,
                           1, TEXT_MAX),
    CYAML_FIELD_MAPPING_PTR("trust", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, trust,
                            trust_fields),
    CYAML_FIELD_SEQUENCE("services", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, services,
                         &service_schema, 1, SL_CONFIG_SERVICES_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("connect", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                               connections, connections_count, &connection_schema, 1,
                               SL_CONFIG_CONNECTIONS_MAX),
    CYAML_FIELD_SEQUENCE("connect_ports", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                         connect_ports, &udp_port, 2, 2),
    CYAML_FIELD_UINT("certificate_chain_kib", OPTIONAL, struct sl_config, certificate_chain_kib),
    CYAML_FIELD_UINT("peer_chain_kib", OPTIONAL, struct sl_config, peer_chain_kib),
    CYAML_FIELD_BOOL("connection_ids", OPTIONAL, struct sl_config, connection_ids),
    CYAML_FIELD_BOOL("session_tickets", OPTIONAL, struct sl_config, session_tickets),
    CYAML_FIELD_UINT("session_ticket_lifetime_s", OPTIONAL, struct sl_config,
                     session_ticket_lifetime_s),
    CYAML_FIELD_ENUM("peer_moves", OPTIONAL, struct sl_config, peer_moves, moves_names,
                     LENGTH(moves_names)),
    CYAML_FIELD_BOOL("close_at_usage_limit", OPTIONAL, struct sl_config, close_at_usage_limit),
    CYAML_FIELD_UINT("sessions", OPTIONAL, struct sl_config, sessions),
    CYAML_FIELD_UINT("half_open", OPTIONAL, struct sl_config, half_open),
    CYAML_FIELD_UINT("idle_timeout_s", OPTIONAL, struct sl_config, idle_timeout_s),
    CYAML_FIELD_UINT("handshake_timeout_s", OPTIONAL, struct sl_config, handshake_timeout_s),
    CYAML_FIELD_UINT("first_timeout_ms", OPTIONAL, struct sl_config, first_timeout_ms),
    CYAML_FIELD_UINT("handshake_threads", OPTIONAL, struct sl_config, handshake_threads),
    CYAML_FIELD_BOOL("legacy_cbc", OPTIONAL, struct sl_config, legacy_cbc),
    CYAML_FIELD_UINT("legacy_sessions", OPTIONAL, struct sl_config, legacy_sessions),
    CYAML_FIELD_MAPPING("admission", OPTIONAL, struct sl_config, admission, admission_fields),
    CYAML_FIELD_STRING_PTR("keylog_file", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                           keylog_file, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("user", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config, user, 1, 31),
    CYAML_FIELD_STRING_PTR("psk_lookup_user", OPTIONAL | CYAML_FLAG_POINTER, struct sl_config,
                           psk_lookup_user, 1, 31),
    CYAML_FIELD_ENUM("seccomp", OPTIONAL, struct sl_config, seccomp, seccomp_names,
                     LENGTH(seccomp_names)),
    CYAML_FIELD_BOOL("core_dumps", OPTIONAL, struct sl_config, core_dumps),
    CYAML_FIELD_BOOL("benchmark", OPTIONAL, struct sl_config, benchmark),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sl_config, fields)};
