/** Handshakes that have half of it behind them, in either role, and what strangers write meanwhile.
 */
#ifndef SL_TEST_HALF_OPEN_H
#define SL_TEST_HALF_OPEN_H

#include <gtest/gtest.h>

#include "handshake_client_lab.h"
#include "handshake_lab.h"

namespace sl_test
{

inline Bytes record(uint8_t type, uint64_t number, const Bytes &body, uint16_t epoch = 0)
{
    Bytes out(SL_RECORD_HEADER_LEN);
    sl_wire_write_record_header(out.data(), type, epoch, number, (uint16_t)body.size());
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

inline Bytes message(uint8_t type, uint16_t seq, uint32_t len, uint32_t off, uint32_t frag_len,
                     uint8_t fill = 0xaa)
{
    Bytes out(SL_HANDSHAKE_HEADER_LEN + frag_len, fill);
    sl_writer w = sl_writer_of(out.data(), out.size());
    sl_write_u8(&w, type);
    sl_write_be24(&w, len);
    sl_write_be16(&w, seq);
    sl_write_be24(&w, off);
    sl_write_be24(&w, frag_len);
    return out;
}

/** A handshake that waits for the client's second flight, which is held back. */
class HalfOpen : public ::testing::Test
{
  protected:
    void begin(const LabOptions &options = {}, bool with_cid = false)
    {
        lab = std::make_unique<HandshakeLab>(options);
        ClientOptions client;
        if (with_cid)
            client.cid = Bytes{1, 2, 3};
        if (options.asks_clients)
            client.identity = make_identity("EC", "client", &lab->authority);
        lab->add_client(1, client);
        lab->judge = [this](bool to_server, unsigned, const Bytes &datagram) {
            if (!to_server || datagram.at(13) == SL_HANDSHAKE_CLIENT_HELLO)
                return Fate::Deliver;
            held.push_back(datagram);
            return Fate::Lose;
        };
        lab->start(1);
        ASSERT_TRUE(lab->run_until([this] { return !held.empty(); }, 500));
    }

    void inject(const Bytes &bytes)
    {
        ASSERT_TRUE(lab->worker_of(1).post_record(1, bytes));
        lab->run_for(0);
    }

    uint64_t bad() const
    {
        return lab->counter(SL_HANDSHAKE_BAD_RECORD);
    }

    /** The true second flight arrives now, and must be enough. */
    void expect_completion()
    {
        EXPECT_FALSE(lab->peer(1).is_aborted);
        lab->judge = nullptr;
        for (const Bytes &datagram : held)
            lab->worker_of(1).receive(1, datagram);
        EXPECT_TRUE(lab->run_until([this] { return lab->is_connected(1); }, 300));
    }

    std::unique_ptr<HandshakeLab> lab;
    std::vector<Bytes> held;
};

inline bool is_verify_request(const Bytes &datagram)
{
    return datagram.at(13) == SL_HANDSHAKE_HELLO_VERIFY_REQUEST;
}

/** A client that waits for the server's first flight, which is held back. */
class ClientHalfOpen : public ::testing::Test
{
  protected:
    void begin(const ClientLabOptions &options = {}, const ConnectOptions &connect = {})
    {
        held.clear();
        lab = std::make_unique<ClientLab>(options);
        lab->judge = [this](bool to_server, unsigned, const Bytes &datagram) {
            if (to_server || is_verify_request(datagram))
                return Fate::Deliver;
            held.push_back(datagram);
            return Fate::Lose;
        };
        lab->start(1, connect);
        ASSERT_TRUE(lab->run_until([this] { return !held.empty(); }, 500));
    }

    void inject(const Bytes &bytes)
    {
        ASSERT_TRUE(lab->worker.post_record(1, bytes));
        lab->run_for(0);
    }

    uint64_t bad() const
    {
        return lab->counter(SL_HANDSHAKE_BAD_RECORD);
    }

    /** The true flight arrives now, and must be enough. */
    void expect_completion()
    {
        EXPECT_FALSE(lab->client(1).is_aborted);
        lab->judge = nullptr;
        for (const Bytes &datagram : held)
            lab->worker.receive(1, datagram);
        EXPECT_TRUE(lab->run_until([this] { return lab->is_connected(1); }, 300));
        EXPECT_TRUE(lab->echoes(1));
    }

    std::unique_ptr<ClientLab> lab;
    std::vector<Bytes> held;
};

} // namespace sl_test

#endif
