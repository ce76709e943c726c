// An engine before a server that is nobody's friend, which the simulator's gateway cannot play.

extern "C" {
#include "sl_load.h"
}

#include <gtest/gtest.h>

#include <algorithm>

#include <memory>
#include <string>
#include <vector>

namespace
{

using Bytes = std::vector<uint8_t>;
constexpr uint32_t kClients = 20;
constexpr uint64_t kSecond = 1000000000;

/** A source's frames, without headers, as of kernel sockets. */
struct Frame {
    sl_frame frame{};
    uint8_t bytes[2048];
};

class LoadEngine : public ::testing::Test
{
  protected:
    LoadEngine()
    {
        static const uint8_t server[4] = {198, 18, 0, 1}, first[4] = {198, 18, 0, 2};
        scenario.server_ip = sl_ip_from_v4(server);
        scenario.server_port = 4433;
        scenario.sources = {sl_ip_from_v4(first), 1, 20000, kClients};
        scenario.clients = scenario.connects_in_flight = kClients;
        scenario.expects_echo = true;
        scenario.late_after_ns = kSecond;
        sl_client_files files = {};
        files.trust.anonymous = true;
        credentials = sl_client_credentials_load(&files, reason);
        client.credentials = credentials;
        client.believes_alerts = true;
        EXPECT_EQ(sl_load_sizes_parse(&scenario.sizes, "64", reason), 0);
    }
    ~LoadEngine() override
    {
        sl_load_destroy(load);
        EXPECT_EQ(frames_out, 0) << "frames that nobody gave back";
        sl_client_credentials_destroy(credentials);
    }
    bool Create(const sl_load_link *link = nullptr)
    {
        sl_load_config config = {};
        config.count = 1;
        config.scenario = &scenario;
        config.io = {this, Receive, Transmit, Take, Free, nullptr, nullptr, nullptr};
        config.link = link;
        config.mtu = 1500;
        config.handshaker.roles.clients = &client;
        config.handshaker.roles.client_count = 1;
        config.handshaker.first_timeout_ms = 1000;
        config.handshaker.handshake_timeout_ms = 10000;
        load = sl_load_create(&config, reason);
        return load != nullptr;
    }
    void Poll(unsigned turns)
    {
        for (unsigned i = 0; i < turns; i++)
            sl_load_poll(load, now_ns += 1000);
    }
    uint64_t Count(sl_load_counter counter) const
    {
        return sl_load_get_stats(load)->counters[counter];
    }

    static unsigned Receive(void *arg, sl_frame **frames, unsigned n)
    {
        auto *test = (LoadEngine *)arg;
        unsigned done = 0;
        for (; done < n && !test->inbox.empty(); done++) {
            Take(arg, &frames[done], 1);
            const auto &[source, bytes] = test->inbox.back();
            std::copy(bytes.begin(), bytes.end(), frames[done]->data);
            frames[done]->len = frames[done]->payload_len = (uint16_t)bytes.size();
            frames[done]->tuple_hash = source;
            test->inbox.pop_back();
        }
        return done;
    }
    static unsigned Transmit(void *arg, sl_frame **frames, unsigned n)
    {
        Free(arg, frames, n);
        return n;
    }
    static unsigned Take(void *arg, sl_frame **frames, unsigned n)
    {
        for (unsigned i = 0; i < n; i++) {
            auto *frame = new Frame;
            frame->frame.data = frame->bytes;
            frame->frame.tailroom = sizeof frame->bytes;
            frame->frame.segs = 1;
            frame->frame.handle = frame;
            frames[i] = &frame->frame;
        }
        ((LoadEngine *)arg)->frames_out += n;
        return n;
    }
    static void Free(void *arg, sl_frame **frames, unsigned n)
    {
        for (unsigned i = 0; i < n; i++)
            delete (Frame *)frames[i]->handle;
        ((LoadEngine *)arg)->frames_out -= n;
    }

    sl_load_scenario scenario{};
    sl_client_credentials *credentials;
    sl_client_config client{};
    sl_load *load = nullptr;
    std::vector<std::pair<uint32_t, Bytes>> inbox;
    int64_t frames_out = 0;
    uint64_t now_ns = kSecond;
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
};

// RFC 6347 4.1, RFC 5246 7.2: a fatal alert of epoch 0.
Bytes AlertOf(uint8_t description)
{
    return {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, description};
}

} // namespace

TEST_F(LoadEngine, KeepsAFewReasonsHoweverManyTheServerHas)
{
    ASSERT_TRUE(Create()) << reason;
    Poll(200);
    ASSERT_EQ(Count(SL_LOAD_HANDSHAKES_BEGUN), kClients);
    for (uint32_t source = 0; source < kClients; source++)
        inbox.emplace_back(source, AlertOf((uint8_t)(40 + source)));
    Poll(200);
    EXPECT_EQ(Count(SL_LOAD_HANDSHAKES_FAILED), kClients);
    EXPECT_TRUE(sl_load_is_done(load));
    sl_load_failure failures[SL_LOAD_FAILURES_MAX];
    ASSERT_EQ(sl_load_failures(load, failures), (unsigned)SL_LOAD_FAILURES_MAX);
    for (unsigned i = 0; i + 1 < SL_LOAD_FAILURES_MAX; i++)
        EXPECT_EQ(failures[i].count, 1u) << failures[i].text;
    EXPECT_STREQ(failures[SL_LOAD_FAILURES_MAX - 1].text, "other reasons");
    EXPECT_EQ(failures[SL_LOAD_FAILURES_MAX - 1].count, kClients - SL_LOAD_FAILURES_MAX + 1);
}

TEST_F(LoadEngine, TakesNothingFromSourcesThatItDoesNotHave)
{
    ASSERT_TRUE(Create()) << reason;
    Poll(200);
    for (uint32_t source : {kClients, UINT32_MAX})
        inbox.emplace_back(source, AlertOf(40));
    inbox.emplace_back(0, Bytes{});
    inbox.emplace_back(0, Bytes{21});
    Poll(10);
    EXPECT_EQ(Count(SL_LOAD_HANDSHAKES_FAILED), 0u);
    EXPECT_EQ(Count(SL_LOAD_RX_RECORDS), 4u);
    const uint64_t *drops = sl_load_get_stats(load)->drops;
    EXPECT_EQ(drops[SL_DROP_NOT_OURS], 2u);
    EXPECT_GE(drops[SL_DROP_NOT_DTLS], 1u);
}

TEST_F(LoadEngine, MayFloodAnyoneOverAPortThatLeavesNoMachine)
{
    static const uint8_t somebody[4] = {10, 0, 0, 1};
    scenario.server_ip = sl_ip_from_v4(somebody);
    scenario.flood_rates[SL_LOAD_FLOOD_HELLO] = 1;
    scenario.false_sources = scenario.sources;
    sl_load_link link = {};
    link.vlan_id = SL_VLAN_NONE;
    link.has_next_hop = true;
    EXPECT_FALSE(Create(&link));
    EXPECT_NE(std::string(reason).find("reserved for benchmarks"), std::string::npos) << reason;
    link.is_memory = true;
    EXPECT_TRUE(Create(&link)) << reason;
}
