/** Frames that make sense to a worker with sessions, or nearly: from strangers, from the sessions'
 * peers, from neighbours; damaged as an input says. */
#ifndef WORKER_FRAMES_H
#define WORKER_FRAMES_H

#include "packets.h"
#include "worker_sessions.h"

namespace fuzz::sessions
{

class Frames
{
  public:
    Frames(Sessions &sessions, Input &input) : sessions_(sessions), input_(input) {}

    Bytes make()
    {
        const uint8_t which = input_.u8();
        sl_path path;
        if (which >= 0xf0) {
            Bytes frame = other_packet(which);
            damage(input_, frame);
            return frame;
        }
        Bytes payload = make_payload(which, path);
        damage(input_, payload);
        if (payload.size() > kPayloadMax)
            payload.resize(kPayloadMax);
        const uint8_t from = input_.u8(); /* somewhere else, now and then */
        if (from & 0x80)
            path.tuple.remote_port = (uint16_t)(path.tuple.remote_port + from);
        if (from & 0x40)
            path.hop.mac[5] = from;
        Bytes frame = WorkerBench::UdpFrame(path, payload);
        damage(input_, frame);
        return frame;
    }

  private:
    static constexpr size_t kPayloadMax = 1400;

    /** Of any type, with any content. */
    Bytes seal_any(unsigned peer)
    {
        const uint8_t type = input_.u8();
        return sessions_.seal(peer, type, input_.bytes(8));
    }

    Bytes data_of(unsigned peer)
    {
        return sessions_.seal(peer, SL_CONTENT_APPLICATION_DATA,
                              {(uint8_t)peer, serial_++, input_.u8()});
    }

    static Bytes plaintext_record(uint8_t type, const Bytes &body)
    {
        Bytes header(SL_RECORD_HEADER_LEN);
        sl_wire_write_record_header(header.data(), type, 0, 7, (uint16_t)body.size());
        return join({header, body});
    }

    /** A ClientHello as two records, cut somewhere. */
    static Bytes in_fragments(const Bytes &hello, uint8_t at)
    {
        constexpr size_t body = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
        const size_t cut = body + at % (hello.size() - body);
        Bytes first(hello.begin(), hello.begin() + (long)cut);
        Bytes second(hello.begin(), hello.begin() + body);
        second.insert(second.end(), hello.begin() + (long)cut, hello.end());
        sl_store_be16(&first[11], (uint16_t)(cut - SL_RECORD_HEADER_LEN));
        sl_store_be16(&second[11], (uint16_t)(second.size() - SL_RECORD_HEADER_LEN));
        first[24] = (uint8_t)(cut - body);
        second[21] = (uint8_t)(cut - body);
        second[24] = (uint8_t)(second.size() - body);
        return join({first, second});
    }

    /** A datagram's payload that makes sense, and whose it is. */
    Bytes make_payload(uint8_t which, sl_path &path)
    {
        const unsigned peer = which / 16 % PEERS;
        path = sessions_.peers[peer].path;
        switch (which % 16) {
        case 0:
            path = sessions_.stranger();
            return WorkerBench::ClientHello({}, input_.u8());
        case 1:
            path = sessions_.stranger();
            return WorkerBench::ClientHello(sessions_.cookie, 1, 1, 1);
        case 2:
            return WorkerBench::ClientHello({}, input_.u8());
        case 3: /* the client without a connection ID starts again beside its session */
            path = sessions_.peers[TUPLE4].path;
            return WorkerBench::ClientHello(sessions_.restart_cookie, kRestart, 1, 1);
        case 4: /* a message of the handshake */
            return plaintext_record(SL_CONTENT_HANDSHAKE,
                                    {16, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 3, 2, 9, 9});
        case 5:
            return plaintext_record(SL_CONTENT_ALERT, {2, input_.u8()});
        case 6:
            return plaintext_record(input_.u8(), input_.bytes(16));
        case 7:
            return input_.bytes(input_.u8());
        case 8: /* once more */
            return sessions_.used.empty()
                       ? Bytes{}
                       : sessions_.used[input_.u8() % sessions_.used.size()].record;
        case 9: /* several records; those of another are not looked at */
            return join({data_of(CID4), data_of(TUPLE4), data_of(CID6), data_of(CID4)});
        case 10:
            path = sessions_.stranger();
            return in_fragments(WorkerBench::ClientHello(sessions_.cookie, 1, 1, 1), input_.u8());
        case 11:
            return peer == HALF_OPEN ? Bytes{} : seal_any(peer);
        default:
            return peer == HALF_OPEN ? Bytes{} : data_of(peer);
        }
    }

    Bytes other_packet(uint8_t which)
    {
        switch (which % 6) {
        case 0:
            return ArpRequest();
        case 1:
            return EchoFrame4(input_.bytes(20));
        case 2:
            return Icmp6Frame(join({{128, 0, 0, 0, 1, 2, 3, 4}, input_.bytes(20)}), 64, V6(7),
                              V6(1));
        case 3:
            return Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1));
        case 4:
            return Icmp6Frame(Solicitation(V6(1), false), 255, sl_ip{}, V6(1));
        default:
            return input_.bytes(input_.u8());
        }
    }

    Sessions &sessions_;
    Input &input_;
    uint8_t serial_ = 0;
};

} // namespace fuzz::sessions

#endif
