#include "config_fixture.h"

TEST_F(Config, FillsDefaults)
{
    ASSERT_TRUE(Load(kGood)) << error;
    EXPECT_EQ(config->workers, 2u);
    EXPECT_EQ(config->idle, SL_IDLE_SPIN);
    EXPECT_EQ(config->peer_moves, SL_CONFIG_MOVES_HOLD);
    EXPECT_TRUE(config->connection_ids);
    EXPECT_TRUE(config->session_tickets);
    EXPECT_EQ(config->session_ticket_lifetime_s, 7200u);
    EXPECT_FALSE(config->close_at_usage_limit);
    EXPECT_FALSE(config->benchmark);
    EXPECT_FALSE(config->legacy_cbc);
    EXPECT_EQ(config->legacy_sessions, 1024u);
    EXPECT_EQ(config->idle_timeout_s, 300u);
    EXPECT_EQ(config->consumer_socket_mode, 0660u);
    EXPECT_STREQ(config->control_socket, "/run/sluice/control.sock");
    EXPECT_STREQ(config->ports[0].interface, "va");
    EXPECT_EQ(config->listeners[0].port, 4433);
    EXPECT_EQ(config->client_ca, nullptr);
}

TEST_F(Config, FileNamesAreRelativeToItsFolder)
{
    ASSERT_TRUE(Load(kGood)) << error;
    EXPECT_EQ(std::string(config->certificates[0].key), ::testing::TempDir() + "server.key");
    ASSERT_TRUE(Load(Replace(kGood, "server.key", "/etc/server.key")));
    EXPECT_STREQ(config->certificates[0].key, "/etc/server.key");
}

TEST_F(Config, TakesEverySetting)
{
    ASSERT_TRUE(Load(std::string(kGood) +
                     "idle: yield\ncrypto: openssl\nmemory_mb: 128\neal: [\"--log-level=8\"]\n"
                     "control_socket: /tmp/a\ncontrol_group: operators\nconsumers_per_user: "
                     "3\nconsumer_socket: /tmp/b\nconsumer_socket_mode: 0600\n"
                     "ring_kib: 256\nclient_ca: ca.crt\nconnection_ids: false\npeer_moves: accept\n"
                     "session_tickets: false\nsession_ticket_lifetime_s: 300\n"
                     "close_at_usage_limit: true\nbenchmark: true\n"
                     "user: sluice\nseccomp: log\ncore_dumps: true\n"
                     "sessions: 1000\nhalf_open: 10\nidle_timeout_s: 5\nhandshake_timeout_s: 6\n"
                     "first_timeout_ms: 200\nhandshake_threads: 2\nkeylog_file: k.log\n"
                     "legacy_cbc: true\nlegacy_sessions: 5\n"))
        << error;
    EXPECT_EQ(config->idle, SL_IDLE_YIELD);
    EXPECT_EQ(config->crypto, SL_CONFIG_CRYPTO_OPENSSL);
    EXPECT_EQ(config->consumer_socket_mode, 0600u);
    EXPECT_STREQ(config->user, "sluice");
    EXPECT_EQ(config->seccomp, SL_CONFIG_SECCOMP_LOG);
    EXPECT_TRUE(config->core_dumps);
    EXPECT_STREQ(config->control_group, "operators");
    EXPECT_EQ(config->consumers_per_user, 3u);
    EXPECT_FALSE(config->connection_ids);
    EXPECT_FALSE(config->session_tickets);
    EXPECT_EQ(config->session_ticket_lifetime_s, 300u);
    EXPECT_TRUE(config->close_at_usage_limit);
    EXPECT_TRUE(config->benchmark);
    EXPECT_TRUE(config->legacy_cbc);
    EXPECT_EQ(config->legacy_sessions, 5u);
    EXPECT_EQ(config->peer_moves, SL_CONFIG_MOVES_ACCEPT);
    EXPECT_EQ(config->eal_count, 1u);
    EXPECT_EQ(config->first_timeout_ms, 200u);
}

TEST_F(Config, ReadsWhomTheGatewayAndItsServicesTake)
{
    ASSERT_TRUE(Load(std::string(kGood) +
                     "trust:\n  ca_file: ca.crt\n  crl_file: /lists/crl.pem\n"
                     "  fingerprints: [\"sha-256 AA:BB\", cc]\n  node_ids: [node-1]\n"
                     "  anonymous: true\n  node_id_prefix: n-\n"
                     "services:\n  - name: echo\n    trust: {node_ids: [a, b], ca_file: own.crt}\n"
                     "    expect: {fingerprints: [x], node_ids: [y, z]}\n"))
        << error;
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    ASSERT_NE(config->trust, nullptr);
    EXPECT_EQ(config->trust->ca_file, folder + "ca.crt") << "beside the file";
    EXPECT_STREQ(config->trust->crl_file, "/lists/crl.pem");
    ASSERT_EQ(config->trust->peers.fingerprints_count, 2u);
    EXPECT_STREQ(config->trust->peers.fingerprints[0], "sha-256 AA:BB");
    ASSERT_EQ(config->trust->peers.node_ids_count, 1u);
    EXPECT_TRUE(config->trust->anonymous);
    EXPECT_STREQ(config->trust->node_id_prefix, "n-");
    ASSERT_EQ(config->services_count, 1u);
    const sl_config_service &service = config->services[0];
    EXPECT_STREQ(service.name, "echo");
    EXPECT_EQ(service.trust->ca_file, folder + "own.crt");
    EXPECT_EQ(service.trust->peers.node_ids_count, 2u);
    EXPECT_FALSE(service.trust->anonymous);
    EXPECT_EQ(service.expect->fingerprints_count, 1u);
    ASSERT_EQ(service.expect->node_ids_count, 2u);
    EXPECT_STREQ(service.expect->node_ids[1], "z");
    EXPECT_EQ(sl_config_line(config, "services[0].expect.node_ids[1]"), 21u);
    ASSERT_TRUE(Load(kGood)) << error;
    EXPECT_EQ(config->trust, nullptr);
    EXPECT_EQ(config->peer_chain_kib, 16u);
    EXPECT_EQ(config->certificate_chain_kib, 16u);
    EXPECT_EQ(config->services_count, 0u);
}

TEST_F(Config, ReadsWhereItsServicesHaveTheirPreSharedKeys)
{
    ASSERT_TRUE(Load(std::string(kGood) +
                     "trust: {psk_file: keys, plain_psk: true}\n"
                     "services:\n  - name: echo\n    trust: {psk_lookup: ask}\n"
                     "psk_lookup_user: keeper\n"))
        << error;
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    EXPECT_EQ(config->trust->psk_file, folder + "keys");
    EXPECT_TRUE(config->trust->plain_psk);
    EXPECT_EQ(config->trust->psk_lookup, nullptr);
    EXPECT_EQ(config->services[0].trust->psk_lookup, folder + "ask");
    EXPECT_STREQ(config->psk_lookup_user, "keeper");
    EXPECT_FALSE(config->services[0].trust->plain_psk);
}

TEST_F(Config, KnowsWhereEachPathStands)
{
    ASSERT_TRUE(Load(kGood)) << error;
    EXPECT_EQ(sl_config_line(config, "certificates[0].certificate"), 9u);
    EXPECT_EQ(sl_config_line(config, "certificates[0].key"), 10u);
    EXPECT_EQ(sl_config_line(config, "ports[0].addresses[0]"), 4u);
    EXPECT_EQ(sl_config_line(config, "ports[0].vlan"), 3u) << "the port's, as it is not there";
}

TEST_F(Config, ErrorsNameTheLine)
{
    const struct {
        std::string text, error;
    } cases[] = {
        {"", "1: the file is empty"},
        {"# nothing but a comment\n", "1: the file is empty"},
        {std::string(kGood) + "idel: yield\n", "11: unknown key 'idel' (did you mean 'idle'?)"},
        {std::string(kGood) + "trust: {psk_file: a,\n  psk_lookup: b}\n",
         "12: give one of 'psk_file' and 'psk_lookup': with both, the time that an answer takes "
         "would tell who is in the file"},
        {std::string(kGood) + "psk_lookup_user: a\n",
         "11: nothing is run by 'psk_lookup_user': no trust has a 'psk_lookup'"},
        {std::string(kGood) + "trust: {psk_lookup: a}\nservices:\n"
                              "  - {name: echo, trust: {psk_lookup: b}}\n",
         "13: another program was named before: one answers for all services"},
        {std::string(kGood) + "client_ca: a\ntrust: {ca_file: a}\n",
         "11: 'client_ca' is short for 'trust: {ca_file: FILE}': give one of them"},
        {std::string(kGood) + "trust:\n  ca_fil: a\n",
         "12: unknown key 'ca_fil' (did you mean 'ca_file'?)"},
        {std::string(kGood) + "services:\n  - name: other\n",
         "12: no listener and no connection is for service 'other'"},
        {std::string(kGood) + "services:\n  - name: echo\n  - name: echo\n",
         "13: service 'echo' is there twice"},
        {std::string(kGood) + "services:\n  - name: echo\n    trust: {node_id_prefix: n}\n",
         "13: unknown key 'node_id_prefix'"},
        {std::string(kGood) + "colour: red\n", "11: unknown key 'colour'"},
        {Replace(kGood, "    key:", "    kye:"), "10: unknown key 'kye' (did you mean 'key'?)"},
        {std::string(kGood) + "workers: 3\n", "11: duplicate key 'workers' (first on line 1)"},
        {Replace(kGood, "    key: server.key\n", ""), "9: missing key 'key'"},
        {Replace(kGood, "    service: echo\n", ""), "6: missing key 'service'"},
        {Replace(kGood, "workers: 2\nports:\n  - interface: va\n    addresses: [198.18.0.1]\n", ""),
         "1: missing key 'ports'"},
        {Replace(kGood, "workers: 2", "workers: two"),
         "1: 'workers' has to be a number, not 'two'"},
        {Replace(kGood, "workers: 2", "workers: 2x"), "1: 'workers' has to be a number, not '2x'"},
        {Replace(kGood, "workers: 2", "workers:"), "1: 'workers' has to be a number, not ''"},
        {Replace(kGood, "workers: 2", "workers: [2]"), "1: 'workers' has to be a single value"},
        {Replace(kGood, "workers: 2", "workers: 0"), "1: 'workers' is 0; 1 to 32 are possible"},
        {Replace(kGood, "workers: 2", "workers: -1"), "1: 'workers' is -1, which is out of range"},
        {Replace(kGood, "workers: 2", "workers: 99999999999999999999"),
         "1: 'workers' is 99999999999999999999, which is out of range"},
        {std::string(kGood) + "idle: sleep\n", "11: 'idle' is 'sleep'; possible are: spin, yield"},
        {std::string(kGood) + "session_ticket_lifetime_s: 299\n",
         "11: 'session_ticket_lifetime_s' is 299; 300 to 604800 are possible"},
        {std::string(kGood) + "connection_ids: maybe\n",
         "11: 'connection_ids' has to be true or false, not 'maybe'"},
        {std::string(kGood) + "consumers_per_user: 0\n",
         "11: 'consumers_per_user' is 0; 1 to 64 are possible"},
        {std::string(kGood) + "ring_kib: 100\n", "11: 'ring_kib' has to be a power of two"},
        {std::string(kGood) + "consumer_socket_mode: 660\n",
         "11: 'consumer_socket_mode' is octal and begins with 0, as 0660"},
        {std::string(kGood) + "consumer_socket_mode: 01000\n",
         "11: 'consumer_socket_mode' is 512; 0 to 511 are possible"},
        {std::string(kGood) + "consumer_socket_mode: 432\n",
         "11: 'consumer_socket_mode' is octal and begins with 0, as 0660"},
        {Replace(kGood, "port: 4433", "port: 70000"), "6: 'port' is 70000, which is out of range"},
        {Replace(kGood, "port: 4433", "port: 0"), "6: a UDP port is 1 to 65535"},
        {Replace(kGood, "service: echo", "service: Echo!"),
         "7: the name of a service has letters a-z, digits, '_', '-' and '.'"},
        {Replace(kGood, "    service: echo\n",
                 "    service: echo\n  - port: 4433\n    service: other\n"),
         "8: UDP port used twice"},
        {Replace(kGood, "[198.18.0.1]", "[198.18.0.300]"),
         "4: '198.18.0.300' is no IPv4 or IPv6 address"},
        {Replace(kGood, "[198.18.0.1]", "[\"2001:db8::1\", \"2001:db8:0::1\"]"),
         "4: address '2001:db8:0::1' is used twice"},
        {Replace(kGood, "listeners:", "  - interface: va\n    addresses: [198.18.0.9]\nlisteners:"),
         "5: 'va' is used twice"},
        {Replace(kGood, "[198.18.0.1]", "[198.18.0.1, \"::ffff:198.18.0.1\"]"),
         "4: address '::ffff:198.18.0.1' is used twice"},
        {Replace(kGood, "[198.18.0.1]", "[198.18.0.1,\n      239.1.2.3]"),
         "5: '239.1.2.3' is no address that a host can have"},
        {Replace(kGood, "[198.18.0.1]", "[\"::\"]"), "4: '::' is no address that a host can have"},
        {Replace(kGood, "[198.18.0.1]", "[\"ff02::1\"]"),
         "4: 'ff02::1' is no address that a host can have"},
        {Replace(kGood, "  - interface: va\n", "  - driver: dpdk\n"),
         "3: driver 'dpdk' needs 'devices'"},
        {Replace(kGood, "  - interface: va\n", "  - driver: dpdk\n    interface: va\n"),
         "4: driver 'dpdk' takes 'devices' and no 'interface'"},
        {Replace(kGood, "  - interface: va\n", "  - interface: va\n    devices: [net_ring0]\n"),
         "4: 'devices' are for driver 'dpdk'; the others take an 'interface'"},
        {Replace(kGood, "  - interface: va\n", "  - driver: af_xdp\n"),
         "3: needs the name of an 'interface' (or driver 'dpdk' and its 'devices')"},
        {Replace(kGood, "  - interface: va\n",
                 "  - driver: dpdk\n    devices:\n      - 0000:0A:00.0\n      - 0a:00.0,x=1\n"),
         "6: '0a:00.0,x=1' is used twice"},
        {Replace(kGood, "    addresses:", "    vlan: 4095\n    addresses:"),
         "4: 'vlan' is 1 to 4094, or 0 for none"},
        {std::string(kGood) + "control_socket: /a\nconsumer_socket: /a\n",
         "12: 'control_socket' and 'consumer_socket' are the same path"},
        {std::string(kGood) + "control_socket: /run/sluice/consumers.sock\n",
         "11: 'control_socket' and 'consumer_socket' are the same path"},
        {std::string(kGood) + "control_socket: /" + std::string(200, 'a') + "\n",
         "11: path too long for a Unix socket"},
        {std::string(kGood) + "sessions: 2097153\n",
         "11: 'sessions' is 2097153; 1 to 2097152 are possible"},
        {std::string(kGood) + "idle: \"yield\\0\"\n", "11: 'idle' has a zero byte in it"},
        {std::string(kGood) + "x: 1\n", "11: unknown key 'x'"},
        {std::string(kGood) + "\"a\\nb\": 1\n", "11: unknown key 'a?b'"},
        {std::string(kGood) + "---\nworkers: 9\n", "11: a second document; a configuration is one"},
        {Replace(kGood, "interface: va", "interface: a-name-that-is-too-long"),
         "3: 'interface' has to be a text of 1 to 15 characters"},
        {Replace(kGood, "ports:\n", "ports: none\nx:\n"), "2: 'ports' has to be a list"},
        {"just text\n", "1: 'the configuration' has to be a mapping of keys to values"},
        {"- a\n- b\n", "1: 'the configuration' has to be a mapping of keys to values"},
    };
    for (const auto &c : cases)
        EXPECT_EQ(ErrorOf(c.text), c.error) << c.text;
}

TEST_F(Config, ListsOfPrefixesAreThereOrAreNot)
{
    ASSERT_TRUE(Load(kGood)) << error;
    EXPECT_EQ(config->admission.allow_count + config->admission.deny_count, 0u);
    ASSERT_TRUE(Load(std::string(kGood) + "admission:\n  deny:\n    - 192.0.2.0/24\n"
                                          "    - '2001:db8::/32'\n  allow: []\n"))
        << error;
    EXPECT_EQ(config->admission.allow_count, 0u);
    ASSERT_EQ(config->admission.deny_count, 2u);
    EXPECT_STREQ(config->admission.deny[1], "2001:db8::/32");
    EXPECT_EQ(sl_config_line(config, "admission.deny[1]"), 14u);
    EXPECT_EQ(ErrorOf(std::string(kGood) + "admission: {denied: []}\n"),
              "11: unknown key 'denied' (did you mean 'deny'?)");
    EXPECT_EQ(ErrorOf(std::string(kGood) + "admission: {deny: all}\n"),
              "11: 'deny' has to be a list");
}

TEST_F(Config, LimitsHaveDefaultsAndRanges)
{
    ASSERT_TRUE(Load(std::string(kGood) + "half_open: 101\n")) << error;
    const sl_config_admission &limits = config->admission;
    EXPECT_EQ(limits.prefix_len_v4, 32u);
    EXPECT_EQ(limits.prefix_len_v6, 64u);
    EXPECT_EQ(limits.hellos_per_second, 0u);
    EXPECT_EQ(limits.handshakes_in_flight_per_prefix, 51u) << "half of all, and never none";
    EXPECT_EQ(limits.handshake_cpu_percent_per_prefix, 0u);
    ASSERT_TRUE(Load(std::string(kGood) + "admission: {handshakes_in_flight_per_prefix: 0, "
                                          "echoes_per_second: 7}\n"))
        << error;
    EXPECT_EQ(config->admission.handshakes_in_flight_per_prefix, 0u);
    EXPECT_EQ(config->admission.echoes_per_second, 7u);
    EXPECT_EQ(ErrorOf(std::string(kGood) + "certificate_chain_kib: 17\n"),
              "11: 'certificate_chain_kib' is 17; 1 to 16 are possible");
    EXPECT_EQ(ErrorOf(std::string(kGood) + "admission:\n  prefix_len_v4: 33\n"),
              "12: 'admission.prefix_len_v4' is 33; 1 to 32 are possible");
    EXPECT_EQ(ErrorOf(std::string(kGood) + "admission:\n  handshake_cpu_percent: 101\n"),
              "12: 'admission.handshake_cpu_percent' is 101; 0 to 100 are possible");
}

TEST_F(Config, BrokenYamlIsReportedWhereItBreaks)
{
    EXPECT_EQ(ErrorOf("workers: 2\nports: [\n").substr(0, 12), "3: not YAML:");
    EXPECT_EQ(ErrorOf("workers: 2\n\tports: 1\n").substr(0, 12), "2: not YAML:");
}

TEST_F(Config, BytesThatAreNoTextAreReportedOnTheirLine)
{
    EXPECT_EQ(ErrorOf(std::string(kGood) + "client_ca: \xff\xfe\n").substr(0, 13), "11: not YAML:");
}

TEST_F(Config, DeepNestingIsRefusedAtOnce)
{
    for (const char *open : {"[", "{", "- ", "? "}) {
        std::string text;
        while (text.size() < 1000000)
            text += open;
        auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(ErrorOf(text), "1: lists and mappings nested too deep");
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    }
}

TEST_F(Config, AFileTooLargeIsNotRead)
{
    EXPECT_EQ(ErrorOf(std::string(kGood) + std::string(1 << 20, '#')),
              "1: not a file of at most 1048576 bytes");
}

TEST_F(Config, AliasesCannotMultiply)
{
    std::string bomb =
        "eal: &a [x]\nports: &b [*a,*a,*a,*a,*a,*a]\nlisteners: [*b,*b,*b,*b,*b,*b]\n";
    EXPECT_NE(ErrorOf(bomb), "none");
    EXPECT_NE(ErrorOf("ports: &a [*a]\n"), "none");
}

TEST_F(Config, AMissingFileOrAFolderIsAnError)
{
    EXPECT_EQ(sl_config_load("/nonexistent/sluice.yaml", error, sizeof error), nullptr);
    EXPECT_STREQ(
        error,
        "/nonexistent/sluice.yaml:1: can't read the configuration: No such file or directory");
    EXPECT_EQ(sl_config_load("/", error, sizeof error), nullptr);
}

TEST_F(Config, RandomBytesDoNoHarm)
{
    srand(5);
    for (int i = 0; i < 500; i++) {
        std::string text = kGood;
        for (int n = 0; n < 3; n++)
            text[(size_t)rand() % text.size()] =
                (char)(rand() % 5 == 0 ? rand() : "[]{}:-,#&*\n 1a"[rand() % 14]);
        Load(text);
    }
}
