/* Clients with pre-shared keys, and others who send a Finished in their name. */
#include "psk_lab.h"

using namespace sl_test;

namespace
{

/** Of a handshake message, so many bytes from here on as a fragment. RFC 6347 4.2.3. */
Bytes piece_of(const Bytes &message, size_t off, size_t len)
{
    Bytes piece(message.begin(), message.begin() + SL_HANDSHAKE_HEADER_LEN);
    piece[8] = (uint8_t)off;
    piece[11] = (uint8_t)len;
    const auto body = message.begin() + SL_HANDSHAKE_HEADER_LEN + (long)off;
    piece.insert(piece.end(), body, body + (long)len);
    return piece;
}

/** A client whose flight comes with a Finished that somebody has forged, again and again. */
struct ForgedFinished : public ::testing::Test {
    HandshakeLab lab{with_file()};
    Bytes finished; /* the true one */
    unsigned flights = 0;
    bool is_lost = false; /* all that the client sends from now on */

    void SetUp() override
    {
        lab.add_client(1, client_of("anna", key_of_anna, "PSK-AES128-GCM-SHA256"));
        lab.client(1).before_seal = [this](uint8_t &, Bytes &plain) { finished = plain; };
        lab.judge = [this](bool to_server, unsigned id, const Bytes &datagram) {
            const bool begins_flight = datagram[13] == SL_HANDSHAKE_CLIENT_KEY_EXCHANGE;
            if (!to_server)
                return Fate::By_chance;
            if (is_lost)
                return Fate::Lose;
            flights += begins_flight;
            /* The first flight is one datagram; when it is repeated the Finished has its own. */
            if (datagram[4] != 1 && !(begins_flight && flights == 1))
                return Fate::By_chance;
            Bytes forged = datagram;
            forged.back() ^= 1;
            lab.worker_of(id).receive(id, forged);
            return Fate::Lose;
        };
        lab.start(1);
        ASSERT_TRUE(lab.run_until([this] { return flights == 2; }, 2000));
        lab.run_for(20); /* its clock runs */
        ASSERT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 2u);
        receive_piece(0);
        is_lost = true;
    }
    void receive_piece(size_t off)
    {
        const Bytes piece = piece_of(finished, off, 6);
        lab.worker_of(1).receive(1, lab.client(1).seal(SL_CONTENT_HANDSHAKE, piece));
        lab.run_for(0);
    }
};

} // namespace

// What does not verify must change nothing: RFC 6347 4.1.2.7. A true Finished wins, even its copy.
TEST(Psk, IsNotLostOverAForgedFinished)
{
    HandshakeLab lab(with_file());
    bool is_forged = false;
    lab.judge = [&](bool to_server, unsigned id, const Bytes &datagram) {
        if (!to_server || is_forged || datagram[0] != SL_CONTENT_HANDSHAKE || datagram[13] != 16)
            return Fate::By_chance;
        is_forged = true; /* of the client's flight, all but the Finished; that comes again */
        Bytes forged = datagram;
        forged.back() ^= 1;
        lab.worker_of(id).receive(id, forged);
        return Fate::Lose;
    };
    EXPECT_TRUE(lab.connect(1, client_of("anna", key_of_anna, "PSK-AES128-GCM-SHA256")));
    EXPECT_TRUE(is_forged);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 0u);
    EXPECT_GT(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
    expect_echo(lab, 1);
}

// A record of the client's has opened, which nobody without the key can seal.
TEST_F(ForgedFinished, StopsNoClientWhoseOwnIsOnItsWayInPieces)
{
    lab.run_for(900);
    EXPECT_FALSE(lab.peer(1).is_aborted) << "the clock is stopped";
    receive_piece(6);
    EXPECT_TRUE(lab.run_until([this] { return lab.is_connected(1); }, 100));
    lab.judge = nullptr;
    expect_echo(lab, 1);
}

TEST_F(ForgedFinished, IsNotHeldAgainstAClientWhoseOwnDoesNotComeWhole)
{
    lab.run_until([this] { return lab.peer(1).is_aborted; }, 40000);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 0u);
}
