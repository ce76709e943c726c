#include "observer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "virtual_time.h"

namespace sl_sim
{

Bytes tuple_key(const sl_tuple &tuple)
{
    auto *bytes = (const uint8_t *)&tuple;
    return Bytes(bytes, bytes + sizeof tuple);
}

void Observer::arrives(unsigned worker, const Tag &tag)
{
    for (uint32_t i = 0; i < tag.count; i++) {
        unsigned index = arrival_count++;
        if (tag.is_message)
            arrivals[{tag.client, tag.generation, tag.counter + i}].push_back({worker, index});
    }
}

void Observer::stranger_sends(const sl_tuple &tuple, size_t payload_len)
{
    stranger_bytes[tuple_key(tuple)] += payload_len;
}

uint64_t Observer::bytes_to(const sl_tuple &tuple) const
{
    auto found = bytes_sent.find(tuple_key(tuple));
    return found == bytes_sent.end() ? 0 : found->second;
}

void Observer::mix(const Bytes &bytes, bool is_served)
{
    auto add = [](uint64_t &sum, uint64_t value) { sum = (sum ^ value) * 0x100000001b3ULL; };
    for (uint64_t *sum : {&digest, &served}) {
        if (sum == &served && !is_served)
            continue;
        add(*sum, sl_test::now_ns());
        for (uint8_t byte : bytes)
            add(*sum, byte);
    }
}

static bool is_hello_verify(const Bytes &payload)
{
    return payload.size() > SL_RECORD_HEADER_LEN && payload[0] == SL_CONTENT_HANDSHAKE &&
           payload[3] == 0 && payload[4] == 0 &&
           payload[SL_RECORD_HEADER_LEN] == SL_HANDSHAKE_HELLO_VERIFY_REQUEST;
}

void Observer::leaves(const Bytes &bytes, Client *to)
{
    mix(bytes, to != nullptr);
    sluice::FramePool pool;
    sl_frame *frame = pool.TakeFilled(0, bytes);
    ASSERT_EQ(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE)
        << "a frame that nobody can read";
    Bytes payload(frame->data + frame->payload_off,
                  frame->data + frame->payload_off + frame->payload_len);
    sl_tuple tuple = frame->path.tuple;
    pool.GiveBack(frame);
    bytes_sent[tuple_key(tuple)] += payload.size();
    if (to == nullptr) {
        answers_to_strangers++;
        EXPECT_TRUE(is_hello_verify(payload)) << "strangers get nothing else";
        EXPECT_LE(bytes_to(tuple), stranger_bytes[tuple_key(tuple)]) << "amplification";
        return;
    }
    if (is_hello_verify(payload)) /* takes its number from the request: RFC 6347 4.2.1 */
        return;
    for (size_t at = 0; at < payload.size();) {
        size_t cid_len = payload[at] == SL_CONTENT_TLS12_CID ? Client::cid_size : 0;
        ASSERT_LE(at + SL_RECORD_HEADER_LEN + cid_len, payload.size());
        size_t len = SL_RECORD_HEADER_LEN + cid_len + sl_load_be16(&payload[at + 11 + cid_len]);
        ASSERT_LE(at + len, payload.size());
        check_record(payload, at, len, *to);
        at += len;
    }
}

/**
 * False from when a late copy of a ClientHello, its cookie still good, began a second handshake
 * beside a session that is found by connection ID: the two number their plaintext apart, and when
 * a session is resumed, which keys the gateway at once, their epochs 1 too.
 */
bool Observer::is_alone(const uint8_t *record, size_t len, const Client &to)
{
    constexpr size_t random_off = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 2;
    const uint8_t *message = record + SL_RECORD_HEADER_LEN;
    Key key = {to.id, to.generation};
    if (record[0] == SL_CONTENT_HANDSHAKE && len >= random_off + SL_RANDOM_LEN &&
        message[0] == SL_HANDSHAKE_SERVER_HELLO && message[7] == 0 && message[8] == 0) {
        Bytes random(record + random_off, record + random_off + SL_RANDOM_LEN);
        if (server_randoms.insert({key, random}).first->second != random)
            not_alone.insert(key);
    }
    return not_alone.count(key) == 0;
}

/** Under a key each number once, without gaps; in epoch 0 none twice; no nonce under a key twice.
 */
void Observer::check_record(const Bytes &payload, size_t at, size_t len, Client &to)
{
    const uint8_t *record = &payload[at];
    unsigned epoch = sl_load_be16(record + 3), generation = to.generation;
    uint64_t seq = sl_load_be64(record + 3) & SL_SEQ_MAX;
    bool has_cid = record[0] == SL_CONTENT_TLS12_CID;
    bool is_one = is_alone(record, len, to); /* it has to see each ServerHello */
    if (has_cid) {                           /* Client::restart wrote the generation there */
        EXPECT_EQ(sl_load_be16(record + 11), to.id) << "a session's record goes to somebody else";
        generation = record[13];
    } else if (to.was_restarted) {
        return; /* two sessions may speak on this 5-tuple: their records look alike */
    }
    if (epoch == 1 && !is_one && to.dtls().options().session != nullptr)
        return;
    if (epoch == 0) {
        EXPECT_TRUE(!is_one || numbers.insert({to.id, generation, seq}).second)
            << "number " << seq << " of client " << to.id << " was used twice";
        return;
    }
    uint64_t &next = next_numbers[{to.id, generation}];
    EXPECT_EQ(seq, next) << "client " << to.id << ", epoch " << epoch;
    next = seq + 1;
    size_t body = SL_RECORD_HEADER_LEN + (has_cid ? Client::cid_size : 0);
    Bytes nonce(record + body, record + std::min(body + 8, len));
    EXPECT_TRUE(nonces.insert({to.id, generation, nonce}).second)
        << "a nonce of client " << to.id << " was used twice";
}

void Observer::open(const Told &told)
{
    Session &session = sessions[told.event.session];
    EXPECT_EQ(sl_ring_session_worker(told.event.session), told.worker);
    if (session.was_opened) {
        EXPECT_TRUE(session.is_orphan) << "taken from its consumer, or opened after its close";
        EXPECT_EQ(session.worker, told.worker) << "a session with two owners";
    }
    session.worker = told.worker;
    session.consumer = told.consumer;
    session.is_open = session.was_opened = true;
    session.is_orphan = false;
    if (told.event.payload.size() >= sizeof session.identity)
        memcpy(&session.identity, told.event.payload.data(), sizeof session.identity);
}

void Observer::consumer_leaves(unsigned consumer)
{
    gone_consumers.insert(consumer);
    for (auto &entry : sessions) {
        Session &session = entry.second;
        if (!session.is_open || session.consumer != consumer)
            continue;
        session.is_open = false;
        session.is_orphan = true;
    }
}

/** What a dead consumer would have heard, had it lived until its rings were taken back. */
void Observer::told_to_nobody(const Told &told)
{
    Session &session = sessions[told.event.session];
    session.worker = told.worker;
    session.was_opened = true;
    session.is_orphan = told.event.kind != SL_RING_CLOSE;
}

/** Messages of a session that came by the same queue in this step are delivered in that order. */
void Observer::check_order(Session &session, const Arrival &arrival)
{
    if (session.last_step == step && session.last_worker == arrival.worker) {
        EXPECT_GT(arrival.index, session.last_index) << "delivered in another order than received";
    }
    session.last_step = step;
    session.last_worker = arrival.worker;
    session.last_index = arrival.index;
}

void Observer::data(const Told &told)
{
    Session &session = sessions[told.event.session];
    EXPECT_TRUE(session.is_open) << "data before the open event or after the close";
    EXPECT_EQ(session.consumer, told.consumer);
    EXPECT_EQ(session.worker, told.worker);
    Message message;
    ASSERT_TRUE(decode(told.event.payload, message)) << "bytes that no client sent";
    Key key = {message.client, message.generation};
    if (!session.is_bound) {
        EXPECT_TRUE(handles.insert({key, told.event.session}).second)
            << "two sessions for one of client " << message.client;
        session.is_bound = true;
        session.key = key;
    }
    EXPECT_EQ(session.key, key) << "another session's message";
    std::tuple<unsigned, unsigned, uint32_t> id = {message.client, message.generation,
                                                   message.counter};
    EXPECT_TRUE(delivered_messages.insert(id).second) << "one message was delivered twice";
    auto found = arrivals.find(id);
    ASSERT_NE(found, arrivals.end()) << "delivered in another step than it came";
    check_order(session, found->second.front());
    delivered++;
}

void Observer::told(const Told &told)
{
    mix(told.event.payload, true);
    mix(Bytes{told.event.kind, (uint8_t)told.event.detail, (uint8_t)told.consumer,
              (uint8_t)told.worker},
        true);
    if (gone_consumers.count(told.consumer)) {
        told_to_nobody(told);
        return;
    }
    switch (told.event.kind) {
    case SL_RING_OPEN:
        open(told);
        break;
    case SL_RING_DATA:
        data(told);
        break;
    case SL_RING_MOVED: {
        ASSERT_EQ(told.event.payload.size(), sizeof(sl_ring_moved));
        EXPECT_TRUE(sessions[told.event.session].is_open);
        moves_told++;
        moves_confirmed +=
            ((const sl_ring_moved *)(const void *)told.event.payload.data())->confirmed;
        break;
    }
    case SL_RING_CLOSE:
        EXPECT_TRUE(sessions[told.event.session].is_open) << "closed without being open";
        sessions[told.event.session].is_open = false;
        close_reasons.push_back(told.event.detail);
        break;
    default:
        break;
    }
}

static std::string balance(const sl_counters &c)
{
    uint64_t ends = c.events[SL_COUNTER_DELIVERED] + c.events[SL_COUNTER_ANSWERED] +
                    c.events[SL_COUNTER_TO_HANDSHAKE] + c.events[SL_COUNTER_CONSUMED];
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        if (sl_drop_direction((sl_drop)i) == SL_DIRECTION_RX)
            ends += c.drops[i];
    return ends == c.events[SL_COUNTER_RX_RECORDS]
               ? ""
               : std::to_string(c.events[SL_COUNTER_RX_RECORDS]) + " records received, " +
                     std::to_string(ends) + " accounted for";
}

void Observer::end_step(const Gateway &gateway)
{
    uint64_t established = 0;
    for (unsigned i = 0; i < gateway.worker_count(); i++) {
        EXPECT_EQ(balance(gateway.counters(i)), "") << "worker " << i;
        established += gateway.counters(i).sessions;
    }
    EXPECT_GE(established, open_sessions());
    EXPECT_LE(established, open_sessions() + orphans());
    arrivals.clear();
    arrival_count = 0;
    step++;
}

unsigned Observer::consumer_of(uint64_t handle) const
{
    return sessions.at(handle).consumer;
}

size_t Observer::open_sessions() const
{
    return (size_t)std::count_if(sessions.begin(), sessions.end(),
                                 [](const auto &entry) { return entry.second.is_open; });
}

size_t Observer::orphans() const
{
    return (size_t)std::count_if(sessions.begin(), sessions.end(),
                                 [](const auto &entry) { return entry.second.is_orphan; });
}

uint64_t Observer::handle_of(unsigned client, unsigned generation) const
{
    auto found = handles.find({client, generation});
    return found == handles.end() ? 0 : found->second;
}

sl_identity Observer::identity_of(unsigned client, unsigned generation) const
{
    return sessions.at(handle_of(client, generation)).identity;
}

bool Observer::is_open(unsigned client, unsigned generation) const
{
    auto found = sessions.find(handle_of(client, generation));
    return found != sessions.end() && found->second.is_open;
}

} // namespace sl_sim
