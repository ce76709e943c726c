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
        return sessions_.seal(peer, type, input_.bytes(type == SL_CONTENT_ALERT ? 2 : 8));
    }

    Bytes data_of(unsigned peer)
    {
        return sessions_.seal(peer, SL_CONTENT_APPLICATION_DATA,
                              {(uint8_t)peer, serial_++, input_.u8()});
    }

    static Bytes record(uint8_t type, uint16_t epoch, const Bytes &body)
    {
        Bytes header(SL_RECORD_HEADER_LEN);
        sl_wire_write_record_header(header.data(), type, epoch, 7, (uint16_t)body.size());
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

    /** Something that was sealed before, whatever became of it. */
    Bytes once_more(uint8_t which) const
    {
        const size_t used = sessions_.used.size(), all = used + sessions_.fresh.size();
        if (all == 0)
            return {};
        const size_t i = which % all;
        return i < used ? sessions_.used[i].record : sessions_.fresh[i - used].record;
    }

    /** Under keys that nobody has, but for epoch 0. */
    Bytes other_record()
    {
        const uint8_t type = input_.u8();
        return record(type & 0x7f, type >> 7, input_.bytes(4));
    }

    /** ClientHellos of those who are known, or more than one. */
    Bytes other_hello(sl_path &path)
    {
        const uint8_t which = input_.u8();
        path = sessions_.peers[TUPLE4].path;
        switch (which % 6) {
        case 0:
            return WorkerBench::ClientHello(sessions_.cookies[DUPLICATE], TUPLE4 + 1, 1, 1);
        case 1:
            return WorkerBench::ClientHello(sessions_.cookies[RESTART_AGAIN], kRestart + 1, 1, 1);
        case 2:
            path = sessions_.peers[HALF_OPEN].path;
            return WorkerBench::ClientHello(sessions_.cookies[SECOND_TRY], kRestart, 1, 1);
        case 3:
            return in_fragments(
                WorkerBench::ClientHello(sessions_.cookies[RESTART], kRestart, 1, 1), which);
        case 4:
            return join({WorkerBench::ClientHello({}, 8), WorkerBench::ClientHello({}, 9, 1)});
        default:
            return join({WorkerBench::ClientHello(sessions_.cookies[RESTART], kRestart, 1, 1),
                         WorkerBench::ClientHello({}, TUPLE4 + 1), data_of(CID4)});
        }
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
            return WorkerBench::ClientHello(sessions_.cookies[STRANGER], 1, 1, 1);
        case 2:
            return WorkerBench::ClientHello({}, input_.u8());
        case 3: /* the client without a connection ID starts again beside its session */
            path = sessions_.peers[TUPLE4].path;
            return WorkerBench::ClientHello(sessions_.cookies[RESTART], kRestart, 1, 1);
        case 4: /* a message of the handshake */
            return record(SL_CONTENT_HANDSHAKE, 0, {16, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 3, 2, 9, 9});
        case 5:
            return record(SL_CONTENT_ALERT, 0, {2, input_.u8()});
        case 6:
            return other_record();
        case 7:
            return input_.bytes(input_.u8());
        case 8:
            return once_more(input_.u8());
        case 9: /* several records; those of another are not looked at */
            return join({data_of(CID4), data_of(TUPLE4), data_of(CID6), data_of(CID4)});
        case 10:
            path = sessions_.stranger();
            return in_fragments(WorkerBench::ClientHello(sessions_.cookies[STRANGER], 1, 1, 1),
                                input_.u8());
        case 11:
            return peer >= HALF_OPEN ? Bytes{} : seal_any(peer);
        case 15:
            return other_hello(path);
        default:
            return peer >= HALF_OPEN ? Bytes{} : data_of(peer);
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
