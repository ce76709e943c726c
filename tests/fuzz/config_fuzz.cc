/** Configuration files: refused with FILE:LINE: reason, or loaded within all limits. lib/config */
#include "fuzz.h"

#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include "sl_config.h"
}

using fuzz::Bytes;

namespace
{

void check_error(const std::string &path, const std::string &error, const Bytes &text)
{
    FUZZ_CHECK(error.compare(0, path.size() + 1, path + ":") == 0);
    char *end;
    unsigned long line = strtoul(error.c_str() + path.size() + 1, &end, 10);
    /* libyaml counts the line breaks of other alphabets too, and the line after the last one. */
    FUZZ_CHECK(line >= 1 && line <= text.size() + 2);
    FUZZ_CHECK(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
    for (const char *c = end; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

bool is_in(unsigned value, unsigned least, unsigned most)
{
    return value >= least && value <= most;
}

void check_limits(const sl_config &config)
{
    FUZZ_CHECK(is_in(config.workers, 1, SL_CONFIG_WORKERS_MAX));
    FUZZ_CHECK(config.idle <= SL_IDLE_YIELD && config.crypto <= SL_CONFIG_CRYPTO_OPENSSL);
    FUZZ_CHECK(config.peer_moves <= SL_CONFIG_MOVES_REFUSE);
    FUZZ_CHECK(config.consumer_socket_mode <= 0777);
    FUZZ_CHECK(config.ring_kib >= 4 && (config.ring_kib & (config.ring_kib - 1)) == 0);
    FUZZ_CHECK(is_in(config.ports_count, 1, SL_CONFIG_PORTS_MAX));
    FUZZ_CHECK(config.listeners_count <= 64);
    FUZZ_CHECK(config.listeners_count + config.connections_count >= 1);
    FUZZ_CHECK(config.certificates_count <= SL_CONFIG_CERTIFICATES_MAX);
    FUZZ_CHECK(config.sessions >= 1 && config.half_open >= 1);
    FUZZ_CHECK(is_in(config.first_timeout_ms, 100, 60000));
    FUZZ_CHECK(is_in(config.certificate_chain_kib, 1, 16));
    FUZZ_CHECK(is_in(config.handshake_threads, 1, 8));
    FUZZ_CHECK(is_in(config.session_ticket_lifetime_s, 300, 604800));
    FUZZ_CHECK(config.idle_timeout_s >= 1 && config.handshake_timeout_s >= 1);
    FUZZ_CHECK(config.control_socket != nullptr && config.consumer_socket != nullptr);
    const sl_config_admission &admission = config.admission;
    FUZZ_CHECK(is_in(admission.prefix_len_v4, 1, 32) && is_in(admission.prefix_len_v6, 1, 128));
    FUZZ_CHECK(admission.handshake_cpu_percent <= 100);
    FUZZ_CHECK(admission.handshake_cpu_percent_per_prefix <= 100);
    for (unsigned i = 0; i < admission.deny_count; i++)
        FUZZ_CHECK(admission.deny[i] != nullptr);
    for (unsigned i = 0; i < config.ports_count; i++) {
        const sl_config_port &port = config.ports[i];
        FUZZ_CHECK(port.driver <= SL_CONFIG_DRIVER_DPDK && port.addresses_count >= 1);
        FUZZ_CHECK(port.vlan >= 0 && port.vlan <= 4094);
        FUZZ_CHECK((port.driver == SL_CONFIG_DRIVER_DPDK) == (port.devices_count > 0));
        FUZZ_CHECK((port.driver == SL_CONFIG_DRIVER_DPDK) == (port.interface == nullptr));
        for (unsigned k = 0; k < port.addresses_count; k++)
            FUZZ_CHECK(port.addresses[k] != nullptr);
    }
    for (unsigned i = 0; i < config.listeners_count; i++) {
        FUZZ_CHECK(config.listeners[i].port != 0);
        FUZZ_CHECK(is_in((unsigned)strlen(config.listeners[i].service), 1, 31));
        FUZZ_CHECK(config.certificates_count > 0 ||
                   sl_config_takes_only_psk(&config, config.listeners[i].service));
    }
    for (unsigned i = 0; i < config.certificates_count; i++)
        FUZZ_CHECK(config.certificates[i].certificate[0] != '\0' &&
                   config.certificates[i].key[0] != '\0');
}

void check_connections(const sl_config &config)
{
    for (unsigned i = 0; i < config.connections_count; i++) {
        const sl_config_connection &one = config.connections[i];
        sl_ip server, from;
        uint16_t port;
        FUZZ_CHECK(is_in((unsigned)strlen(one.name), 1, 31));
        FUZZ_CHECK(is_in((unsigned)strlen(one.service), 1, 31));
        FUZZ_CHECK(sl_config_parse_endpoint(one.address, &server, &port) && port != 0);
        FUZZ_CHECK(sl_config_parse_ip(one.from, &from));
        FUZZ_CHECK(sl_ip_is_v4(&server) == sl_ip_is_v4(&from));
        FUZZ_CHECK(is_in(one.handshake_timeout_s, 1, config.handshake_timeout_s));
        FUZZ_CHECK(one.retry_min_s >= 1 && is_in(one.retry_max_s, one.retry_min_s, 3600));
        FUZZ_CHECK((one.certificate == nullptr) == (one.key == nullptr));
        for (unsigned k = 0; k < i; k++)
            FUZZ_CHECK(strcmp(one.name, config.connections[k].name) != 0);
        for (unsigned k = 0; k < config.listeners_count; k++)
            FUZZ_CHECK(config.listeners[k].port < config.connect_ports[0] ||
                       config.listeners[k].port > config.connect_ports[1]);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int fd = memfd_create("config", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(fd);
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    const Bytes text(data, data + size);
    char error[512] = "";
    sl_config *config = sl_config_load(path.c_str(), error, sizeof error);
    if (config == nullptr) {
        check_error(path, error, text);
        return 0;
    }
    check_limits(*config);
    check_connections(*config);
    for (const char *place :
         {"", "workers", "ports[0].addresses[0]", "ports[7]", "listeners[0].",
          "certificates[0].key", "ports.workers[99999999999999999999]", "[", "."})
        FUZZ_CHECK(is_in(sl_config_line(config, place), 1, (unsigned)size + 2));
    sl_config_destroy(config);
    return 0;
}

/** What mutation takes long to find: one thing wrong each. */
static std::vector<std::string> wrong_files(const std::string &tail)
{
    const std::string address = "    addresses: [198.18.0.1]\n", long_path(120, 'x');
    const auto port = [&](const std::string &lines) { return "ports:\n  - " + lines + tail; };
    std::vector<std::string> files;
    for (const std::string line :
         {"consumer_socket_mode: 0660", "consumer_socket_mode: 432", "consumer_socket_mode: 01000",
          "ring_kib: 96", "workers: 0", "control_socket: /a\nconsumer_socket: /a",
          "control_socket: /run/sluice/consumers.sock"})
        files.push_back(line + ("\n" + port("interface: va\n" + address)));
    for (const std::string socket : {"control_socket: ", "consumer_socket: "})
        files.push_back(socket + long_path + "\n" + port("interface: va\n" + address));
    for (const std::string addresses :
         {"[0.0.0.0]", "[224.0.0.1]", "['::1']", "['ff02::1']", "[x]", "[198.18.0.1, 198.18.0.1]",
          "['::ffff:198.18.0.1']", "['2001:db8::1', 198.18.0.1]"})
        files.push_back(port("interface: va\n    addresses: " + addresses + "\n"));
    for (const std::string vlan : {"4095", "-1", "4094"})
        files.push_back(port("interface: va\n    vlan: " + vlan + "\n" + address));
    for (const std::string lines :
         {"driver: dpdk\n    interface: va\n", "driver: dpdk\n", "driver: af_packet\n",
          "devices: [a]\n", "interface: a/b\n", "interface: ''\n",
          "driver: dpdk\n    devices: ['0000:01:00.0', '01:00.0']\n",
          "driver: dpdk\n    devices: ['']\n"})
        files.push_back(port(lines + address));
    files.push_back("ports:\n  - interface: va\n" + address + "  - interface: va\n" + address +
                    tail);
    files.push_back("ports:\n  - interface: va\n" + address +
                    "  - driver: dpdk\n    devices: ['va,x=1']\n" + address + tail);
    for (const std::string listener :
         {"  - port: 0\n    service: echo\n", "  - port: 65536\n    service: echo\n",
          "  - port: 4433\n    service: echo\n", "  - port: 1\n    service: a b\n"})
        files.push_back(port("interface: va\n" + address) + listener);
    return files;
}

/** `connect` entries: the most that one can have, and one thing wrong each. */
static std::vector<std::string> connections(const std::string &least)
{
    const std::string entry = "connect:\n  - name: upstream\n    address: ADDRESS\n"
                              "    service: relay\n";
    const auto with = [&](const std::string &address, const std::string &more) {
        std::string text = least + entry + more;
        return text.replace(text.find("ADDRESS"), 7, address);
    };
    const std::string address = "198.18.5.1:4433", trust = "    trust: {ca_file: ca.crt}\n";
    std::vector<std::string> files = {
        with(address, trust + "    server_name: relay.example\n    from: 198.18.0.1\n"
                              "    next_hop: 198.18.0.254\n    expect: {node_ids: [x]}\n"
                              "    certificate: a.crt\n    key: a.key\n    psk_file: psk\n"
                              "    plain_psk: true\n    on_demand: true\n"
                              "    handshake_timeout_s: 3\n    retry_min_s: 2\n"
                              "    retry_max_s: 4\nconnect_ports: [20000, 20010]\n"),
        with(address, "    psk_file: p\n  - {name: upstream, address: '198.18.5.2:1', "
                      "service: a, psk_file: p}\n"),
        with(address, trust + "connect_ports: [4000, 5000]\n"),
        with(address, trust + "connect_ports: [5000, 4000]\n"),
    };
    for (const std::string wrong :
         {"198.18.5.1", "198.18.5.1:0", "198.18.5.1:65536", "198.18.5.1:x",
          "198.18.5.1:", "198.18.0.1:4433", "224.0.0.1:4433", "'[2001:db8::5]:4433'",
          "'[198.18.5.1]:1'", "'2001:db8::5:1'", "'[]:1'"})
        files.push_back(with(wrong, trust));
    files.push_back(with(std::string(60, '1') + ":1", trust));
    for (const std::string line :
         {"from: 198.18.0.2", "from: x", "next_hop: router", "next_hop: '2001:db8::5'",
          "next_hop: 224.0.0.1", "handshake_timeout_s: 0", "handshake_timeout_s: 100000",
          "retry_min_s: 0", "retry_min_s: 9\n    retry_max_s: 8", "retry_max_s: 3601",
          "certificate: a", "key: a"})
        files.push_back(with(address, trust + "    " + line + "\n"));
    std::string name = with(address, trust);
    files.push_back(name.replace(name.find("upstream"), 8, "Up stream"));
    std::string service = with(address, trust);
    files.push_back(service.replace(service.find("relay\n"), 5, "re lay"));
    return files;
}

std::vector<Bytes> fuzz::seeds()
{
    const std::string listeners = "listeners:\n"
                                  "  - port: 4433\n"
                                  "    service: echo\n";
    const std::string certificates = "certificates:\n"
                                     "  - certificate: server.crt\n"
                                     "    key: server.key\n";
    const std::string least = "ports:\n"
                              "  - interface: va\n"
                              "    addresses: [198.18.0.1]\n" +
                              listeners + certificates;
    const std::string most =
        "workers: 2\nidle: yield\ncrypto: openssl\nmemory_mb: 128\neal: [\"--no-huge\", a]\n"
        "control_socket: /run/c\ncontrol_group: g\nconsumers_per_user: 1\nconsumer_socket: "
        "/run/d\nconsumer_socket_mode: 0660\n"
        "ring_kib: 64\nclient_ca: ca.crt\nconnection_ids: false\npeer_moves: accept\n"
        "sessions: 100\nhalf_open: 10\nidle_timeout_s: 5\nhandshake_timeout_s: 6\n"
        "session_tickets: false\nsession_ticket_lifetime_s: 600\n"
        "first_timeout_ms: 100\nhandshake_threads: 2\nkeylog_file: /tmp/k\n"
        "benchmark: true\nuser: nobody\nseccomp: off\ncore_dumps: false\n"
        "admission:\n  allow: [198.18.0.0/15]\n  deny: ['2001:db8::/32']\n  prefix_len_v4: 24\n"
        "ports:\n"
        "  - driver: dpdk\n    devices: [net_ring0, net_ring1]\n"
        "    addresses: [198.18.0.1, '2001:db8::1']\n    vlan: 7\n    rx_checksum: require\n"
        "  - driver: af_packet\n    interface: vb\n    addresses: [198.18.1.1]\n" +
        listeners + "  - port: 4434\n    service: relay\n" + certificates;
    const std::string trust =
        "trust: {ca_file: ca.crt, crl_file: ca.crl, fingerprints: [\"sha-256 AA:BB\"],\n"
        "  node_ids: [node-1], anonymous: true, node_id_prefix: node-}\n"
        "services:\n"
        "  - {name: echo, trust: {ca_file: a}, expect: {node_ids: [b], fingerprints: [c]}}\n"
        "  - {name: keys, trust: {psk_lookup: ask}}\npsk_lookup_user: nobody\n";
    std::vector<Bytes> seeds;
    for (const std::string &text :
         {least, most, trust + least, least + "? [a, b]\n: &x {c: *x}\n",
          "--- !!map\n" + least + "...\n---\n", "workers: \"\\x00\"\n" + least,
          "workers: 1e3\nworkers: -1\n" + least})
        seeds.push_back(of_text(text));
    for (const std::string &text : connections(least))
        seeds.push_back(of_text(text));
    std::string six = connections(least)[0]; /* from the other family */
    six.replace(six.find("[198.18.0.1]"), 12, "['2001:db8::1']");
    for (const std::string family : {"    from: 198.18.0.1\n", "    from: '2001:db8::1'\n"})
        seeds.push_back(of_text(six.substr(0, six.find("    server_name")) + family));
    for (const std::string &text : wrong_files(certificates + listeners))
        seeds.push_back(of_text(text));
    return seeds;
}
