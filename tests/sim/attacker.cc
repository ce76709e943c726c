#include "attacker.h"

namespace sl_sim
{
namespace
{

constexpr size_t heard_max = 64;
constexpr size_t cid_off = 11; /* of a tls12_cid record */

bool has_cid(const Bytes &payload)
{
    return payload.at(0) == SL_CONTENT_TLS12_CID;
}

void set_number(Bytes &payload, uint64_t seq)
{
    for (unsigned i = 0; i < 6; i++)
        payload.at(5 + i) = (uint8_t)(seq >> (40 - 8 * i));
}

} // namespace

const char *name_of(Hostile kind)
{
    static const char *const names[] = {
#define X(name) #name,
        SL_SIM_HOSTILE_LIST(X)
#undef X
    };
    return names[(unsigned)kind];
}

Bytes plaintext_record(uint8_t type, uint16_t epoch, uint64_t seq, const Bytes &body)
{
    Bytes record(SL_RECORD_HEADER_LEN);
    sl_wire_write_record_header(record.data(), type, epoch, seq, (uint16_t)body.size());
    record.insert(record.end(), body.begin(), body.end());
    return record;
}

Attacker::Attacker(World &target, uint64_t seed) : world(target), random(seed)
{
    world.tap = [this](bool to_gateway, const Bytes &frame, const Tag &tag) {
        hear(to_gateway, frame, tag);
    };
}

void Attacker::hear(bool to_gateway, const Bytes &frame, const Tag &tag)
{
    size_t off, len;
    sl_tuple tuple = tuple_of(frame, &off, &len);
    bool is_protected = len > SL_RECORD_HEADER_LEN && frame[off + 4] == 1;
    if (!is_protected || (to_gateway && !tag.is_message))
        return;
    sl_path from = world.clients.at(0)->path;
    from.tuple = to_gateway ? turned(tuple) : tuple;
    std::deque<Heard> &kept = to_gateway ? messages : answers;
    kept.push_back({from, Bytes(frame.begin() + (long)off, frame.begin() + (long)(off + len))});
    if (kept.size() > heard_max)
        kept.pop_front();
}

Bytes Attacker::random_bytes(size_t len)
{
    Bytes bytes(len);
    for (uint8_t &byte : bytes)
        byte = (uint8_t)random();
    return bytes;
}

sl_path Attacker::own_place(unsigned place) const
{
    sl_path path = world.clients.at(0)->path;
    const uint8_t v4[4] = {198, 19, 250, (uint8_t)(1 + place % 250)};
    path.tuple.remote_ip = gateway_ip(false);
    path.tuple.local_ip = sl_ip_from_v4(v4);
    path.tuple.local_port = (uint16_t)(1024 + place);
    return path;
}

sl_path Attacker::nowhere()
{
    return own_place((unsigned)pick(60000));
}

/** Not a handshake message in epoch 0: that may ask for a last flight, which has its own tests. */
Bytes Attacker::forged_record()
{
    static const uint8_t types[] = {20, 21, 22, 23, 24, 25, 26, 0, 255};
    uint8_t type = types[pick(sizeof types)];
    auto epoch = (uint16_t)(type == SL_CONTENT_HANDSHAKE ? 1 + pick(3) : pick(4));
    static const uint64_t numbers[] = {0, 1, 5, 1ULL << 20, SL_SEQ_MAX};
    return plaintext_record(type, epoch, numbers[pick(5)], random_bytes(pick(300)));
}

std::optional<Bytes> Attacker::altered(Hostile kind, const Heard &message)
{
    Bytes payload = message.payload;
    uint64_t seq = sl_load_be64(&payload[3]) & SL_SEQ_MAX;
    switch (kind) {
    case Hostile::BROKEN_HEADERS: {
        Bytes frame = Client::frame_of(message.from, payload);
        for (unsigned changes = 1 + (unsigned)pick(3); changes > 0; changes--)
            frame[pick(frame.size() - payload.size())] ^= (uint8_t)(1 + pick(255));
        return frame;
    }
    case Hostile::FLIPPED_BIT:
        payload[pick(payload.size())] ^= (uint8_t)(1U << pick(8));
        break;
    case Hostile::OTHER_LENGTH: {
        Bytes behind = random_bytes(1 + pick(40));
        if (pick(2) == 0)
            payload.resize(1 + pick(payload.size() - 1));
        else
            payload.insert(payload.end(), behind.begin(), behind.end());
        break;
    }
    case Hostile::REPLAY_ELSEWHERE:
        return Client::frame_of(nowhere(), payload);
    case Hostile::REPLAY_AS_ANOTHER:
        return world.clients.at(pick(world.clients.size()))->frame_of(payload);
    case Hostile::GUESSED_CID:
        if (!has_cid(payload))
            return std::nullopt;
        payload[cid_off + pick(SL_OWN_CID_LEN)] ^= (uint8_t)(1 + pick(255));
        break;
    case Hostile::NEXT_NUMBER:
        set_number(payload, seq + 1 + pick(3));
        break;
    case Hostile::HIGHEST_NUMBER:
        set_number(payload, SL_SEQ_MAX);
        break;
    default:
        break; /* as it was: a replay */
    }
    return Client::frame_of(message.from, payload);
}

std::optional<Bytes> Attacker::make(Hostile kind)
{
    const Client &client = *world.clients.at(pick(world.clients.size()));
    switch (kind) {
    case Hostile::GARBAGE:
        return Client::frame_of(nowhere(), random_bytes(1 + pick(300)));
    case Hostile::FORGED_RECORD:
        return client.frame_of(forged_record());
    case Hostile::FORGED_CLOSE:
        return client.frame_of(plaintext_record(SL_CONTENT_ALERT, 0, pick(100), {2, 0}));
    case Hostile::REFLECTED: {
        if (answers.empty())
            return std::nullopt;
        const Heard &answer = answers[pick(answers.size())];
        return Client::frame_of(answer.from, answer.payload);
    }
    case Hostile::HELLO:
        return Client::frame_of(nowhere(),
                                sluice::WorkerBench::ClientHello({}, (uint8_t)pick(256)));
    case Hostile::HELLO_WRONG_COOKIE:
    case Hostile::HELLO_SPOOFED: {
        Bytes hello =
            sluice::WorkerBench::ClientHello(random_bytes(SL_COOKIE_LEN), (uint8_t)pick(256), 1, 1);
        return kind == Hostile::HELLO_SPOOFED ? client.frame_of(hello)
                                              : Client::frame_of(nowhere(), hello);
    }
    default:
        if (messages.empty())
            return std::nullopt;
        return altered(kind, messages[pick(messages.size())]);
    }
}

void Attacker::strike(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        std::optional<Bytes> frame = make((Hostile)pick((unsigned)Hostile::HELLO_SPOOFED));
        if (!frame)
            continue;
        world.inject(*frame, (unsigned)pick(world.gateway.worker_count()));
        struck++;
    }
}

} // namespace sl_sim
