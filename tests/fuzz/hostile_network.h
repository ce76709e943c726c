/**
 * A network that damages, doubles, drops and forges the datagrams of a handshake, as an input says:
 * a byte for each datagram that passes, and what it needs. And a peer that holds the keys and seals
 * other words than it should. Shared by targets of lib/handshake.
 */
#ifndef HOSTILE_NETWORK_H
#define HOSTILE_NETWORK_H

#include <functional>
#include <utility>

#include "fuzz.h"

extern "C" {
#include "sl_wire.h"
}

namespace fuzz
{

class HostileNetwork
{
  public:
    /** A record under the session's keys; empty while there are none. */
    using Seal = std::function<Bytes(uint8_t type, const Bytes &plain)>;

    /** arrive: brings other bytes to the side that is under attack. */
    HostileNetwork(Input &input, std::function<void(const Bytes &)> arrive, Seal seal)
        : input_(input), arrive_(std::move(arrive)), seal_(std::move(seal))
    {
    }
    /** What the peer is about to seal, a byte of input each time: the Finished above all. */
    void tamper(uint8_t &type, Bytes &plain)
    {
        if (input_.is_empty())
            return;
        const uint8_t what = input_.u8();
        const uint8_t sound_type = type;
        const Bytes sound = plain;
        if (what & 1)
            damage(input_, plain);
        if (what & 2)
            type = input_.u8();
        if (what & 4)
            plain = forged_message();
        has_meddled_ |= type != sound_type || plain != sound;
    }
    /** return whether the datagram itself passes, too. */
    bool pass(const Bytes &datagram)
    {
        if (input_.is_empty())
            return true;
        const uint8_t what = input_.u8();
        has_meddled_ |= what % 9 > 1;
        switch (what % 9) {
        case 0:
            return true;
        case 1:
            arrive(datagram);
            return true;
        case 2:
            return false;
        case 3: /* other bytes instead */
            arrive(damaged(datagram));
            return false;
        case 4: /* other bytes before, or behind */
            arrive(damaged(datagram));
            return true;
        case 5: /* a forged record before */
            arrive(forged_record());
            return true;
        case 6:
            arrive(record(SL_CONTENT_HANDSHAKE, 0, 3, forged_message()));
            return true;
        case 7:
            in_pieces(datagram);
            return false;
        default: /* one more that is authentic, before or behind */
            return seal_more(datagram);
        }
    }
    bool has_meddled() const
    {
        return has_meddled_;
    }

  private:
    static Bytes record(uint8_t type, uint16_t epoch, uint64_t number, const Bytes &body)
    {
        Bytes out(SL_RECORD_HEADER_LEN);
        sl_wire_write_record_header(out.data(), type, epoch, number, (uint16_t)body.size());
        return join({out, body});
    }

    void arrive(const Bytes &datagram)
    {
        if (!datagram.empty())
            arrive_(datagram);
    }

    Bytes forged_record()
    {
        const uint8_t type = input_.u8();
        const uint16_t epoch = input_.u8() % 3;
        const uint64_t number = input_.u16();
        return record(type, epoch, number, input_.bytes(input_.u8()));
    }

    /** A handshake message, or a piece of one, that says of itself what the input wants. */
    Bytes forged_message()
    {
        const uint8_t type = input_.u8();
        const uint16_t seq = input_.u8() & 0x80 ? input_.u16() : input_.u8() % 8;
        const uint32_t len = input_.u16(), off = input_.u8() & 1 ? input_.u16() : 0;
        const Bytes body = input_.bytes(input_.u8());
        Bytes out(SL_HANDSHAKE_HEADER_LEN);
        sl_writer w = sl_writer_of(out.data(), out.size());
        sl_write_u8(&w, type);
        sl_write_be24(&w, len);
        sl_write_be16(&w, seq);
        sl_write_be24(&w, off);
        sl_write_be24(&w, (uint32_t)body.size());
        return join({out, body});
    }

    bool seal_more(const Bytes &datagram)
    {
        const uint8_t how = input_.u8();
        const uint8_t type = how & 1 ? input_.u8() : (uint8_t)SL_CONTENT_HANDSHAKE;
        const Bytes words = how & 2 ? input_.bytes(input_.u8()) : forged_message();
        if (how & 4)
            arrive(datagram);
        arrive(seal_(type, words));
        return !(how & 4);
    }

    Bytes damaged(Bytes datagram)
    {
        damage(input_, datagram);
        return datagram;
    }

    /** The first message in two fragments that overlap, or leave a gap, or contradict. */
    void in_pieces(const Bytes &datagram)
    {
        constexpr size_t body = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
        if (datagram.size() < body || datagram[0] != SL_CONTENT_HANDSHAKE || datagram[4] != 0)
            return arrive(datagram);
        const size_t len =
            std::min<size_t>(datagram.size() - body, sl_load_be16(&datagram[11]) - 12U);
        const size_t first = input_.u16() % (len + 1);
        const size_t second = std::min(first, (size_t)input_.u16() % (len + 1));
        Bytes head = piece(datagram, 0, first), tail = piece(datagram, second, len - second);
        if (input_.u8() & 1)
            damage(input_, head);
        if (input_.u8() & 1)
            std::swap(head, tail);
        arrive(head);
        arrive(tail);
    }

    static Bytes piece(const Bytes &datagram, size_t off, size_t len)
    {
        constexpr size_t body = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
        Bytes message(datagram.begin() + SL_RECORD_HEADER_LEN, datagram.begin() + body);
        sl_writer w = sl_writer_of(message.data() + 6, 6);
        sl_write_be24(&w, (uint32_t)off);
        sl_write_be24(&w, (uint32_t)len);
        message.insert(message.end(), datagram.begin() + (long)(body + off),
                       datagram.begin() + (long)(body + off + len));
        return record(SL_CONTENT_HANDSHAKE, 0, 4, message);
    }

    Input &input_;
    std::function<void(const Bytes &)> arrive_;
    Seal seal_;
    bool has_meddled_ = false;
};

} // namespace fuzz

#endif
