/**
 * Threads that speak each with each over rings of their own, as workers, handshakers and control
 * do. In plain memory, so that the thread sanitizer sees every access.
 */
extern "C" {
#include "sl_message.h"
}

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "let_others_run.h"

namespace
{

constexpr unsigned kThreads = 4;
constexpr uint64_t kMessages = 8000; /* of each thread to each other one */

struct RingDeleter {
    void operator()(sl_ring *ring) const
    {
        sl_ring_destroy(ring);
    }
};
using Ring = std::unique_ptr<sl_ring, RingDeleter>;

/** What the i-th message of a pair is: keys, bytes of a flight, or nothing but its kind. */
sl_message_kind kind_of(uint64_t i)
{
    return i % 5 == 0 ? SL_MESSAGE_KEYS : i % 5 == 1 ? SL_MESSAGE_CLOSED : SL_MESSAGE_SEND;
}

uint16_t bytes_len_of(uint64_t i)
{
    return (uint16_t)(i * 37 % 700);
}

bool send(sl_ring_producer *to, uint64_t i)
{
    uint8_t bytes[700];
    memset(bytes, (int)(i & 0xff), sizeof bytes);
    switch (kind_of(i)) {
    case SL_MESSAGE_KEYS: {
        sl_message_keys keys = {};
        memset(keys.open_key, (int)(i & 0xff), sizeof keys.open_key);
        keys.write_next = i;
        return sl_message_send(to, SL_MESSAGE_KEYS, i, &keys, sizeof keys, nullptr, 0);
    }
    case SL_MESSAGE_SEND: {
        struct sl_message_send head = {};
        head.count = 1;
        head.bytes_len = bytes_len_of(i);
        return sl_message_send(to, SL_MESSAGE_SEND, i, &head, sizeof head, bytes, head.bytes_len);
    }
    default:
        return sl_message_send(to, kind_of(i), i, nullptr, 0, nullptr, 0);
    }
}

bool is_filled(const uint8_t *bytes, size_t len, uint64_t i)
{
    for (size_t at = 0; at < len; at++)
        if (bytes[at] != (i & 0xff))
            return false;
    return true;
}

/** Is this the i-th message of its pair? Keys are wiped, as their receiver does. */
bool take(const sl_message &message, uint64_t i)
{
    if (message.kind != kind_of(i) || message.session != i)
        return false;
    if (message.kind == SL_MESSAGE_KEYS) {
        const auto *keys = static_cast<const sl_message_keys *>(message.body);
        bool is_whole = message.body_len == sizeof *keys && keys->write_next == i &&
                        is_filled(keys->open_key, sizeof keys->open_key, i);
        sl_message_wipe(&message);
        return is_whole;
    }
    if (message.kind == SL_MESSAGE_SEND) {
        const auto *sent = static_cast<const struct sl_message_send *>(message.body);
        return sent->bytes_len == bytes_len_of(i) &&
               message.body_len == sizeof *sent + sent->bytes_len &&
               is_filled(sent->bytes, sent->bytes_len, i);
    }
    return message.body_len == 0;
}

/** One of the threads: its ends of the rings, and how far it has come with each other one. */
class Party
{
  public:
    Party(unsigned number, std::vector<std::vector<Ring>> &all) : self(number), rings(all) {}

    void run()
    {
        while (!is_done()) {
            bool busy = false;
            for (unsigned other = 0; other < kThreads; other++)
                if (other != self) {
                    busy |= speak(other);
                    busy |= listen(other);
                }
            if (!busy)
                let_others_run();
        }
    }

    uint64_t broken = 0, full_count = 0;

  private:
    bool is_done() const
    {
        for (unsigned other = 0; other < kThreads; other++)
            if (other != self && (sent[other] < kMessages || heard[other] < kMessages))
                return false;
        return true;
    }

    bool speak(unsigned other)
    {
        sl_ring_producer *to = sl_ring_producer_of(rings[self][other].get());
        uint64_t before = sent[other];
        while (sent[other] < kMessages && sent[other] < before + SL_BURST) {
            if (!send(to, sent[other])) {
                full_count++;
                break;
            }
            sent[other]++;
        }
        return sl_message_flush(to);
    }

    bool listen(unsigned other)
    {
        sl_ring_consumer *from = sl_ring_consumer_of(rings[other][self].get());
        uint64_t before = heard[other];
        sl_message message;
        while (heard[other] < before + SL_BURST && sl_message_receive(from, &message))
            broken += !take(message, heard[other]++);
        sl_ring_release(from);
        return heard[other] > before;
    }

    const unsigned self;
    std::vector<std::vector<Ring>> &rings; /* [sender][receiver] */
    uint64_t sent[kThreads] = {}, heard[kThreads] = {};
};

} // namespace

TEST(MessageThreads, SpeakEachWithEachOverRingsThatWrapAndFillUp)
{
    std::vector<std::vector<Ring>> rings(kThreads);
    for (auto &row : rings)
        for (unsigned i = 0; i < kThreads; i++)
            row.emplace_back(sl_ring_create(SL_RING_SIZE_MIN));
    std::vector<std::unique_ptr<Party>> parties;
    for (unsigned i = 0; i < kThreads; i++)
        parties.push_back(std::make_unique<Party>(i, rings));
    std::vector<std::thread> threads;
    for (auto &party : parties)
        threads.emplace_back([&party] { party->run(); });
    for (std::thread &thread : threads)
        thread.join();
    for (auto &party : parties) {
        EXPECT_EQ(party->broken, 0u);
        EXPECT_GT(party->full_count, 0u);
    }
}
