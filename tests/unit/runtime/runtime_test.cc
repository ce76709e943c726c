// A whole gateway's threads over a port whose two ends are rings of this process.
extern "C" {
#include "sl_runtime.h"
}

#include "eal.h"
#include "raw_consumer.h"
#include "test_certificates.h"

#include <memory>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

namespace
{

uint64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/** A DPDK port of one queue a worker; the test puts frames into rx and finds what was sent in tx.
 */
struct RingPort {
    explicit RingPort(unsigned queues) : count(queues)
    {
        static unsigned number = 0;
        std::string name = "rt" + std::to_string(number++);
        for (unsigned q = 0; q < queues; q++) {
            std::string end = name + "_" + std::to_string(q);
            rx[q] = rte_ring_create(("rx" + end).c_str(), 1024, SOCKET_ID_ANY, 0);
            tx[q] = rte_ring_create(("tx" + end).c_str(), 1024, SOCKET_ID_ANY, 0);
        }
        EXPECT_LE(0, rte_eth_from_rings(name.c_str(), rx, queues, tx, queues, 0));
        device = "net_ring_" + name;
        pool = rte_pktmbuf_pool_create(name.c_str(), 255, 0, 256, RTE_MBUF_DEFAULT_BUF_SIZE,
                                       SOCKET_ID_ANY);
    }
    ~RingPort()
    {
        for (unsigned q = 0; q < count; q++) {
            rte_ring_free(rx[q]);
            rte_ring_free(tx[q]);
        }
        rte_mempool_free(pool);
    }
    void offer(unsigned queue, const std::string &bytes)
    {
        rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
        ASSERT_NE(nullptr, mbuf);
        memcpy(rte_pktmbuf_append(mbuf, (uint16_t)bytes.size()), bytes.data(), bytes.size());
        ASSERT_EQ(0, rte_ring_enqueue(rx[queue], mbuf));
    }
    std::string sent(unsigned queue)
    {
        void *found;
        if (rte_ring_dequeue(tx[queue], &found) != 0)
            return "";
        rte_mbuf *mbuf = (rte_mbuf *)found;
        std::string bytes(rte_pktmbuf_mtod(mbuf, char *), mbuf->data_len);
        rte_pktmbuf_free(mbuf);
        return bytes;
    }

    unsigned count;
    std::string device;
    rte_ring *rx[4], *tx[4];
    rte_mempool *pool;
};

class Runtime : public ::testing::Test
{
  protected:
    static constexpr unsigned kWorkers = 2;

    Runtime()
    {
        test::start_eal();
        port = std::make_unique<RingPort>(kWorkers);
        sl_test::Identity identity = sl_test::make_identity("EC", "gateway");
        certificate = folder.write("server.crt", sl_test::to_pem(identity.certificate));
        key = folder.write("server.key", sl_test::to_pem(identity.key));
        socket = folder.path("consumers.sock");
        sl_certificate_files files = {certificate.c_str(), key.c_str(), nullptr};
        sl_certificate_fault fault;
        credentials = sl_credentials_load(&files, 1, &fault, reason);
        EXPECT_NE(nullptr, credentials) << reason;
        devices[0] = port->device.c_str();
        fill();
    }
    ~Runtime() override
    {
        sl_runtime_destroy(runtime);
        sl_credentials_destroy(credentials);
    }
    void fill()
    {
        config.worker_count = kWorkers;
        config.yield_when_idle = true;
        config.port_count = 1;
        config.ports[0].driver = SL_PORT_DPDK;
        config.ports[0].devices = devices;
        config.ports[0].device_count = 1;
        config.ports[0].frames_per_queue = 2047;
        config.worker.sessions_max = 1000;
        config.worker.half_open_max = 100;
        config.worker.idle_timeout_ns = config.worker.handshake_timeout_ns = 30000000000ULL;
        config.worker.groups[0].vlan_id = SL_VLAN_NONE;
        config.worker.groups[0].address_count = 1;
        config.worker.groups[0].addresses[0] = sl_ip_from_v4(kAddress);
        config.worker.listener_count = 1;
        config.worker.listeners[0].port = 4433;
        config.worker.service_count = 1;
        config.handshaker.roles = {credentials, &handshake_service, 1, nullptr, 0};
        config.handshaker.handshakes_max = 100;
        config.handshaker.last_flights_max = 100;
        config.handshaker.first_timeout_ms = 1000;
        config.handshaker.handshake_timeout_ms = 30000;
        config.handshaker_count = 1;
        config.consumer_socket = socket.c_str();
        config.consumer_socket_mode = 0600;
        config.services = services;
        config.ring_size = 65536;
        config.log = [](const char *line) { log().push_back(line); };
        log().clear();
    }
    static std::vector<std::string> &log()
    {
        static std::vector<std::string> lines;
        return lines;
    }
    void start()
    {
        runtime = sl_runtime_create(&config, reason);
        ASSERT_NE(nullptr, runtime) << reason;
        ASSERT_EQ(0, sl_runtime_start(runtime, reason)) << reason;
    }
    int replace_roles(sl_credentials *shown)
    {
        const sl_handshake_roles_config roles = {shown, &handshake_service, 1, nullptr, 0};
        return sl_runtime_replace_roles(runtime, &roles, nullptr, reason);
    }
    /** The control thread's turns until the condition holds, for twenty seconds at most. */
    template <typename Condition> bool poll_until(Condition condition)
    {
        for (uint64_t end = now_ns() + 20000000000ULL; now_ns() < end; usleep(500)) {
            sl_runtime_poll(runtime, now_ns());
            if (condition())
                return true;
        }
        return false;
    }
    /** Registers, writes what no ring may hold, and waits for the end of it. */
    void be_evicted()
    {
        test::RawConsumer consumer(socket);
        consumer.say_hello();
        ASSERT_TRUE(poll_until([&] { return consumer.hear() > 0; }));
        for (unsigned worker = 0; worker < kWorkers; worker++) {
            void *at = mmap(nullptr, SL_RING_DATA_OFF, PROT_READ | PROT_WRITE, MAP_SHARED,
                            consumer.send_fd(worker), 0);
            ASSERT_NE(at, MAP_FAILED);
            auto *words = static_cast<sl_ring_client_words *>(at);
            __atomic_store_n(&words->send.head, 1, __ATOMIC_RELEASE); // no entry ends there
            munmap(at, SL_RING_DATA_OFF);
        }
        EXPECT_TRUE(poll_until([&] { return consumer.hear() == 0; })) << "it is still connected";
    }
    uint64_t count_of(unsigned worker, enum sl_counter counter)
    {
        return sl_runtime_stats(runtime, now_ns())->workers[worker].events[counter];
    }
    uint64_t dropped(unsigned worker)
    {
        return sl_runtime_stats(runtime, now_ns())->workers[worker].drops[SL_DROP_UNKNOWN_PEER];
    }
    /** A plaintext record of a client that nobody knows: its 5-tuple's owner drops it. */
    std::string stray_record(uint16_t client_port)
    {
        const uint8_t record[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2};
        const uint8_t peer[4] = {198, 18, 0, 9};
        uint8_t bytes[128] = {};
        sl_path path{};
        path.tuple.local_ip = sl_ip_from_v4(peer);
        path.tuple.remote_ip = sl_ip_from_v4(kAddress);
        path.tuple.local_port = client_port;
        path.tuple.remote_port = 4433;
        path.hop.vlan_id = SL_VLAN_NONE;
        memcpy(path.hop.mac, sl_runtime_port(runtime, 0)->mac, sizeof path.hop.mac);
        memcpy(bytes + sl_wire_headers_len(&path), record, sizeof record);
        sl_frame frame{};
        frame.data = bytes;
        frame.payload_len = sizeof record;
        sl_wire_write_headers(&frame, &path, (const uint8_t *)"\x02\0\0\0\0\1");
        return std::string((char *)bytes, frame.len);
    }
    std::string arp_request()
    {
        const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   1,  8, 6,
                                 0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,  0, 1,
                                 198,  18,   0,    9,    0,    0,    0, 0, 0, 0, 198, 18, 0, 1};
        return std::string((const char *)bytes, sizeof bytes);
    }

    static constexpr uint8_t kAddress[4] = {198, 18, 0, 1}, kPeer[4] = {198, 18, 0, 2};
    sl_test::TemporaryDirectory folder;
    std::unique_ptr<RingPort> port;
    std::string certificate, key, socket;
    const char *devices[2] = {};
    const char *const services[1] = {"echo"};
    sl_credentials *credentials = nullptr;
    sl_handshake_service handshake_service = {"echo", nullptr, nullptr, false, false, false};
    sl_runtime_config config{};
    sl_runtime *runtime = nullptr;
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
};

constexpr uint8_t Runtime::kAddress[4], Runtime::kPeer[4];

} // namespace

TEST_F(Runtime, TurnsAllItsWorkersAndStops)
{
    start();
    EXPECT_TRUE(poll_until(
        [&] { return count_of(0, SL_COUNTER_POLLS) > 10 && count_of(1, SL_COUNTER_POLLS) > 10; }));
    EXPECT_FALSE(sl_runtime_is_stopped(runtime));
    sl_runtime_stop(runtime);
    EXPECT_TRUE(poll_until([&] { return sl_runtime_is_stopped(runtime); }));
}

// Whoever gave the rules may free those before once it has been said that nobody reads them.
TEST_F(Runtime, SaysWhenEveryWorkerReadsTheNewRulesOfAdmissionAndNoOthers)
{
    const sl_admission_rules first{}, second{}, third{};
    config.worker.admission = &first;
    start();
    EXPECT_TRUE(sl_runtime_has_admitted(runtime));
    EXPECT_EQ(0, sl_runtime_admit(runtime, &second));
    EXPECT_FALSE(sl_runtime_has_admitted(runtime)) << "nobody has polled for their answers yet";
    EXPECT_EQ(-EBUSY, sl_runtime_admit(runtime, &third));
    EXPECT_TRUE(poll_until([&] { return sl_runtime_has_admitted(runtime); }));
    EXPECT_EQ(0, sl_runtime_admit(runtime, &third));
    EXPECT_TRUE(poll_until([&] { return sl_runtime_has_admitted(runtime); }));
}

TEST_F(Runtime, GivesEachHandshakeThreadItsNewCertificates)
{
    start();
    EXPECT_TRUE(sl_runtime_has_replaced_roles(runtime));
    for (unsigned i = 0; i < 3; i++) {
        ASSERT_EQ(0, replace_roles(credentials)) << reason;
        EXPECT_TRUE(poll_until([&] { return sl_runtime_has_replaced_roles(runtime); }));
    }
}

TEST_F(Runtime, GivesNoThreadAnythingWhereServicesCannotBeMade)
{
    config.handshaker_count = 2;
    start();
    EXPECT_GT(0, replace_roles(nullptr));
    EXPECT_STREQ("service 'echo' has to show a certificate, and there is none", reason);
    EXPECT_TRUE(sl_runtime_has_replaced_roles(runtime)) << "nothing is under way";
    ASSERT_EQ(0, replace_roles(credentials));
    EXPECT_TRUE(poll_until([&] { return sl_runtime_has_replaced_roles(runtime); }));
}

TEST_F(Runtime, GivesEachHandshakeThreadItsNewPreSharedKeys)
{
    const auto load = [&](const char *line) {
        std::unique_ptr<sl_psks, decltype(&sl_psks_destroy)> loaded(
            sl_psks_load(folder.write("psk", line).c_str(), reason), sl_psks_destroy);
        EXPECT_NE(nullptr, loaded) << reason;
        return loaded;
    };
    auto psks = load("anna:0011\n");
    config.handshaker_count = 2;
    config.handshaker.roles.credentials = nullptr;
    handshake_service.psks = psks.get();
    handshake_service.takes_only_psk = true;
    start();
    for (const char *line : {"bert:2233\n", "carl:4455\n"}) {
        auto next = load(line);
        handshake_service.psks = next.get();
        psks.reset(); /* the threads have shares of their own, and give them back */
        ASSERT_EQ(0, replace_roles(nullptr)) << reason;
        EXPECT_TRUE(poll_until([&] { return sl_runtime_has_replaced_roles(runtime); }));
        psks = std::move(next);
    }
}

TEST_F(Runtime, ReplacesTheConnectionsOfAClientOnly)
{
    sl_client_files files = {};
    files.trust.anonymous = true;
    std::unique_ptr<sl_client_credentials, decltype(&sl_client_credentials_destroy)> own(
        sl_client_credentials_load(&files, reason), sl_client_credentials_destroy);
    ASSERT_NE(nullptr, own) << reason;
    sl_client_config clients[2] = {};
    clients[0].credentials = clients[1].credentials = own.get();
    sl_connection_config connections[2] = {};
    connections[0].name = "first";
    connections[1].name = "second";
    for (sl_connection_config &connection : connections) {
        connection.tuple.local_ip = sl_ip_from_v4(kAddress);
        connection.next_hop = connection.tuple.remote_ip = sl_ip_from_v4(kPeer);
        connection.tuple.remote_port = 4433;
        connection.vlan_id = SL_VLAN_NONE;
        connection.backoff_min_ns = connection.backoff_max_ns = 1000000000;
    }
    config.worker.listener_count = 0;
    config.worker.connect_port = 50000;
    config.worker.connect_ports = 100;
    config.handshaker.roles = {nullptr, nullptr, 0, clients, 1};
    config.connections = connections;
    config.connection_count = 1;
    start();
    const sl_handshake_roles_config roles = {nullptr, nullptr, 0, clients, 2};
    ASSERT_EQ(0, sl_runtime_replace_roles(runtime, &roles, connections, reason)) << reason;
    EXPECT_TRUE(poll_until([&] { return sl_runtime_has_replaced_roles(runtime); }));
    sl_connection_info out[SL_CONNECTIONS_MAX];
    ASSERT_EQ(2u, sl_runtime_connections(runtime, out));
    EXPECT_STREQ("second", out[1].name);
    const auto tries = [&] {
        sl_runtime_connections(runtime, out);
        return out[0].attempts > 0 && out[1].attempts > 0;
    };
    EXPECT_TRUE(poll_until(tries));
    const sl_handshake_roles_config none = {nullptr, nullptr, 0, nullptr, 0};
    ASSERT_EQ(0, sl_runtime_replace_roles(runtime, &none, nullptr, reason)) << reason;
    EXPECT_EQ(0u, sl_runtime_connections(runtime, out));
    sl_runtime_destroy(runtime);
    runtime = nullptr;
}

TEST_F(Runtime, AnswersOnTheQueueThatAFrameCameFrom)
{
    start();
    for (unsigned q = 0; q < kWorkers; q++) {
        port->offer(q, arp_request());
        std::string answer;
        ASSERT_TRUE(poll_until([&] { return !(answer = port->sent(q)).empty(); }));
        ASSERT_LE(42U, answer.size());
        EXPECT_EQ(std::string("\x02\0\0\0\0\1", 6), answer.substr(0, 6));
        EXPECT_EQ(std::string("\xc6\x12\0\1", 4), answer.substr(28, 4));
        EXPECT_EQ(0, memcmp(sl_runtime_port(runtime, 0)->mac, &answer[6], 6));
    }
}

TEST_F(Runtime, HandsOverWhatAnotherWorkerOwns)
{
    start();
    for (uint16_t client = 50000; client < 50064; client++) // all of them on the first queue
        port->offer(0, stray_record(client));
    EXPECT_TRUE(poll_until([&] { return dropped(0) + dropped(1) == 64; }));
    EXPECT_EQ(64U, count_of(0, SL_COUNTER_RX_FRAMES));
    EXPECT_EQ(count_of(0, SL_COUNTER_HANDED_OVER), count_of(1, SL_COUNTER_TAKEN_OVER));
    EXPECT_EQ(count_of(1, SL_COUNTER_TAKEN_OVER), dropped(1));
    EXPECT_LT(0U, dropped(0));
    EXPECT_LT(0U, dropped(1));
}

TEST_F(Runtime, WhereItYieldsItSleepsWhileThereIsNothingToDo)
{
    auto sleeps = [] {
        rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        return (uint64_t)usage.ru_nvcsw; // a yield is none
    };
    auto polls = [&] { return count_of(0, SL_COUNTER_POLLS) + count_of(1, SL_COUNTER_POLLS); };
    start();
    uint64_t first_polls = polls(), first_sleeps = sleeps();
    ASSERT_TRUE(poll_until([&] { return polls() - first_polls > 4000; }));
    uint64_t seen = polls() - first_polls;
    EXPECT_LT(seen / 2, sleeps() - first_sleeps) << "in " << seen << " turns of the workers";
}

TEST_F(Runtime, SaysWhatItGot)
{
    start();
    EXPECT_STREQ("net_ring", sl_runtime_port(runtime, 0)->driver);
    EXPECT_NE(std::string(), sl_runtime_crypto_name(runtime));
    ASSERT_FALSE(log().empty());
    EXPECT_NE(std::string::npos, log().back().find("room for 2000")) << log().back();
    EXPECT_NE(std::string::npos, log().back().find("pages")) << log().back();
}

TEST_F(Runtime, NamesAConsumerThatItEvicts)
{
    start();
    log().clear();
    be_evicted();
    EXPECT_LE(1u, count_of(0, SL_COUNTER_EVICTIONS) + count_of(1, SL_COUNTER_EVICTIONS));
    ASSERT_EQ(log().size(), 1u) << "once, though both its workers may notice";
    EXPECT_NE(log()[0].find("consumer 0, pid " + std::to_string(getpid()) + " of uid " +
                            std::to_string(getuid()) + ", service echo: evicted"),
              std::string::npos)
        << log()[0];
}

TEST_F(Runtime, SaysNoMoreThanAFewLinesASecondOfEvictions)
{
    start();
    log().clear();
    uint64_t begun_ns = now_ns();
    for (unsigned i = 0; i < 40; i++)
        be_evicted();
    uint64_t seconds = (now_ns() - begun_ns) / 1000000000 + 2; // begun, all of them
    EXPECT_GE(log().size(), 10u);
    EXPECT_LE(log().size(), 10 * seconds);
    EXPECT_LE(40u, count_of(0, SL_COUNTER_EVICTIONS) + count_of(1, SL_COUNTER_EVICTIONS));
}

TEST_F(Runtime, LeavesNothingOfAStartThatFailed)
{
    devices[0] = "nonsense_device";
    EXPECT_EQ(nullptr, sl_runtime_create(&config, reason));
    EXPECT_NE(std::string::npos, std::string(reason).find("nonsense_device")) << reason;
    EXPECT_NE(0, access(socket.c_str(), F_OK));
    devices[0] = port->device.c_str();
    start();
}

TEST_F(Runtime, BeginsWithRecordedSessionsOnTheWorkersThatOwnThem)
{
    runtime = sl_runtime_create(&config, reason);
    ASSERT_NE(nullptr, runtime) << reason;
    const uint8_t peer[4] = {198, 18, 0, 9};
    sl_preload_session recorded{};
    recorded.tuple = {sl_ip_from_v4(peer), sl_ip_from_v4(kAddress), 50000, 4433};
    recorded.cid_len = SL_OWN_CID_LEN;
    for (uint8_t slot = 0; slot < 9; slot++) { // of every third shard, and so of both workers
        const uint8_t cid[SL_OWN_CID_LEN] = {0, (uint8_t)(slot % 3 << 4), 0, slot, 1, 2, 3, 4};
        memcpy(recorded.cid, cid, sizeof cid);
        ASSERT_EQ(0, sl_runtime_preload(runtime, &recorded, reason)) << reason;
    }
    EXPECT_GT(0, sl_runtime_preload(runtime, &recorded, reason));
    EXPECT_STREQ("another session has the same connection ID", reason);
    ASSERT_EQ(0, sl_runtime_start(runtime, reason)) << reason;
    EXPECT_EQ(6u, count_of(0, SL_COUNTER_SESSIONS_PRELOADED));
    EXPECT_EQ(3u, count_of(1, SL_COUNTER_SESSIONS_PRELOADED));
    sl_runtime_stop(runtime);
    EXPECT_TRUE(poll_until([&] { return sl_runtime_is_stopped(runtime); }));
    EXPECT_EQ(9u,
              count_of(0, SL_COUNTER_SESSIONS_CLOSED) + count_of(1, SL_COUNTER_SESSIONS_CLOSED));
}

TEST_F(Runtime, IsDestroyedWithoutHavingStopped)
{
    start();
    port->offer(0, arp_request());
}
