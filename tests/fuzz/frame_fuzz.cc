/** Frames as they come from a port: parsed, and answered where they ask for it; or read as answers
 * to what we asked. lib/wire */
#include "fuzz.h"

#include <memory>

#include "packets.h"

using fuzz::Bytes;

namespace
{

/** A frame in memory that ends where its room does. */
struct Room {
    std::unique_ptr<uint8_t[]> memory;
    sl_frame frame{};
    Room(const Bytes &bytes, uint16_t headroom, uint16_t tailroom)
        : memory(new uint8_t[headroom + bytes.size() + tailroom])
    {
        frame.data = memory.get() + headroom;
        frame.len = (uint16_t)bytes.size();
        frame.headroom = headroom;
        frame.tailroom = tailroom;
        if (!bytes.empty())
            memcpy(frame.data, bytes.data(), bytes.size());
    }
    size_t room() const
    {
        return (size_t)frame.headroom + frame.len + frame.tailroom;
    }
};

/** Writes the sums that random bytes never hit, where the headers are those of the seeds. */
void mend_sums(Bytes &f)
{
    size_t l3 = f.size() > 16 && f[12] == 0x81 && f[13] == 0 ? 18 : 14;
    if (f.size() < l3 + 48)
        f.resize(l3 + 48);
    if (f[l3 - 2] == 8 && f[l3 - 1] == 0) {
        size_t l4 = l3 + (f[l3] & 0xfU) * 4;
        size_t end = l3 + (size_t)sl_load_be16(&f[l3 + 2]);
        if (l4 > l3 + 12 && l4 + 4 <= end && end <= f.size()) {
            PutSum(f, l3, l4, l3 + 10);
            if (f[l3 + 9] == 1)
                PutSum(f, l4, end, l4 + 2);
        }
    } else if (f[l3 - 2] == 0x86 && f[l3 - 1] == 0xdd) {
        size_t l4 = l3 + (f[l3 + 6] == 60 ? 48 : 40);
        size_t end = l3 + 40 + (size_t)sl_load_be16(&f[l3 + 4]);
        if (l4 + 4 <= end && end <= f.size()) {
            Bytes pseudo(f.begin() + (long)l3 + 8, f.begin() + (long)l3 + 40);
            size_t len = end - l4;
            pseudo.insert(pseudo.end(), {0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, 58});
            PutSum(f, l4, end, l4 + 2, sl_wire_checksum_add(0, pseudo.data(), pseudo.size()));
        }
    }
}

void check_parsed(const sl_frame &frame)
{
    FUZZ_CHECK(frame.kind > SL_PACKET_NONE && frame.kind <= SL_PACKET_ECHO6);
    FUZZ_CHECK(frame.payload_off + frame.payload_len <= frame.len);
    FUZZ_CHECK(frame.l3_off >= SL_ETHER_HEADER_LEN && frame.l3_off <= frame.payload_off);
    FUZZ_CHECK(frame.path.hop.vlan_id == SL_VLAN_NONE || frame.path.hop.vlan_id < 4096);
    FUZZ_CHECK(!(frame.path.hop.mac[0] & 1));
    if (frame.kind == SL_PACKET_UDP)
        FUZZ_CHECK(frame.path.tuple.remote_port != 0);
}

/** Bytes from the network layer on: what the port did to a VLAN tag does not count. */
unsigned packet_len(const sl_frame &frame)
{
    return (unsigned)frame.len - frame.l3_off;
}

/** return whether it is an answer. */
bool check_neighbour(const sl_frame &frame, sl_neighbour *out)
{
    const sl_frame before = frame;
    if (!sl_wire_parse_neighbour_answer(&frame, out))
        return false;
    FUZZ_CHECK(memcmp(&before, &frame, sizeof frame) == 0);
    FUZZ_CHECK(frame.segs == 1 && frame.len >= SL_ETHER_HEADER_LEN + 28);
    FUZZ_CHECK(!(out->mac[0] & 1));
    FUZZ_CHECK(out->vlan_id == SL_VLAN_NONE || out->vlan_id < 4096);
    FUZZ_CHECK(sl_ip_is_v4(&out->ip) ? out->ip.bytes[12] < 224 : out->ip.bytes[0] != 0xff);
    return true;
}

/** Who asked us, and understands such answers, learns our MAC and nothing else. */
void check_answer_is_understood(const sl_frame &answer, const sl_frame &request)
{
    sl_neighbour learnt;
    if (!check_neighbour(answer, &learnt))
        return;
    FUZZ_CHECK(request.kind == SL_PACKET_ARP_REQUEST || request.kind == SL_PACKET_ND_SOLICIT);
    FUZZ_CHECK(memcmp(learnt.mac, kOwnMac, sizeof learnt.mac) == 0);
    FUZZ_CHECK(memcmp(&learnt.ip, &request.path.tuple.local_ip, sizeof learnt.ip) == 0);
    FUZZ_CHECK(learnt.vlan_id == request.path.hop.vlan_id);
}

void check_answer(Room &room)
{
    sl_frame &frame = room.frame;
    const sl_frame request = frame;
    const size_t whole = room.room();
    enum sl_drop drop = sl_wire_answer_frame(&frame, kOwnMac);
    FUZZ_CHECK(room.room() == whole && frame.data == room.memory.get() + frame.headroom);
    if (drop != SL_DROP_NONE) {
        FUZZ_CHECK(drop == SL_DROP_ANSWER_NO_BUFFER || drop == SL_DROP_IP_PROTOCOL);
        return;
    }
    FUZZ_CHECK(request.kind != SL_PACKET_UDP);
    /* An advertisement has an option more than the shortest solicitation; nothing else grows. */
    unsigned more = request.kind == SL_PACKET_ND_SOLICIT ? 8 : 0;
    FUZZ_CHECK(packet_len(frame) <= packet_len(request) + more);
    FUZZ_CHECK(memcmp(frame.data + 6, kOwnMac, 6) == 0);
    static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
    FUZZ_CHECK(memcmp(frame.data, request.path.hop.mac, 6) == 0 ||
               (request.kind == SL_PACKET_ND_SOLICIT && memcmp(frame.data, all_nodes, 6) == 0));
    /* An answer asks for nothing: two gateways can't play ping-pong with it. */
    enum sl_drop again = sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE);
    FUZZ_CHECK(again == SL_DROP_IP_PROTOCOL);
    check_answer_is_understood(frame, request);
}

/** We ask for an address, in a frame as long as the input wants; who has it understands. */
void check_request(fuzz::Input &input)
{
    const uint8_t how = input.u8();
    sl_neighbour asker{};
    asker.ip = how & 1 ? V6(7) : V4(198, 19, 0, 7);
    memcpy(asker.mac, kPeerMac, sizeof asker.mac);
    asker.vlan_id = how & 2 ? (uint16_t)(1 + input.u16() % 4094) : (uint16_t)SL_VLAN_NONE;
    sl_ip target = how & 4 ? V6(1) : V4(198, 18, 0, 1);
    if (how & 8)
        target.bytes[15] = input.u8();
    Room room(Bytes(input.u8() % 120), 0, how & 16 ? 8 : 100);
    const size_t whole = room.room();
    if (!sl_wire_write_neighbour_request(&room.frame, &asker, &target)) {
        FUZZ_CHECK(sl_ip_is_v4(&asker.ip) != sl_ip_is_v4(&target) ||
                   whole < SL_WIRE_NEIGHBOUR_REQUEST_MAX);
        return;
    }
    FUZZ_CHECK(room.room() == whole && room.frame.len <= SL_WIRE_NEIGHBOUR_REQUEST_MAX);
    FUZZ_CHECK(room.frame.payload_off + room.frame.payload_len == room.frame.len);
    room.frame.segs = 1;
    const enum sl_drop drop = sl_wire_parse_frame(&room.frame, SL_RX_CHECKSUM_REQUIRE);
    FUZZ_CHECK(drop == SL_DROP_NONE);
    FUZZ_CHECK(room.frame.kind ==
               (sl_ip_is_v4(&target) ? SL_PACKET_ARP_REQUEST : SL_PACKET_ND_SOLICIT));
    FUZZ_CHECK(memcmp(&room.frame.path.tuple.local_ip, &target, sizeof target) == 0);
    FUZZ_CHECK(memcmp(&room.frame.path.tuple.remote_ip, &asker.ip, sizeof target) == 0);
    FUZZ_CHECK(sl_wire_answer_frame(&room.frame, kOwnMac) == SL_DROP_NONE);
    sl_neighbour learnt;
    FUZZ_CHECK(sl_wire_parse_neighbour_answer(&room.frame, &learnt));
    FUZZ_CHECK(memcmp(&learnt.ip, &target, sizeof target) == 0);
    FUZZ_CHECK(memcmp(learnt.mac, kOwnMac, sizeof learnt.mac) == 0);
    FUZZ_CHECK(learnt.vlan_id == asker.vlan_id);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    uint8_t mode = input.u8();
    if (mode == 0x0f) {
        check_request(input);
        return 0;
    }
    uint16_t flags = input.u8() & 0x1f; /* the bits that a port sets */
    uint16_t tci = input.u16();
    Bytes bytes = input.bytes(2048);
    if (mode & 0x10)
        mend_sums(bytes);

    Room room(bytes, mode & 0x40 ? 4 : 0, mode & 0x80 ? 64 : 0);
    room.frame.segs = mode & 0x20 ? 2 : 1;
    room.frame.flags = flags;
    room.frame.vlan_tci = tci;
    const sl_ip own_ip = V4(198, 18, 0, 1);
    sl_frame plain = room.frame;
    const bool is_plain = sl_wire_parse_plain(&plain, sl_wire_mac_word(kOwnMac), &own_ip, 1);
    enum sl_drop drop = sl_wire_parse_frame(&room.frame, (sl_rx_checksum)(mode % 3));
    if (is_plain && mode % 3 != SL_RX_CHECKSUM_REQUIRE)
        FUZZ_CHECK(drop == SL_DROP_NONE &&
                   memcmp(&plain.path, &room.frame.path, sizeof plain.path) == 0 &&
                   plain.payload_off == room.frame.payload_off &&
                   plain.payload_len == room.frame.payload_len && plain.kind == SL_PACKET_UDP &&
                   plain.l3_off == room.frame.l3_off);
    FUZZ_CHECK(drop < SL_DROP_COUNT &&
               (drop == SL_DROP_NONE || sl_drop_direction(drop) == SL_DIRECTION_RX));
    FUZZ_CHECK(bytes.empty() || memcmp(room.frame.data, bytes.data(), bytes.size()) == 0);
    sl_neighbour neighbour;
    const bool is_answer = check_neighbour(room.frame, &neighbour);
    if (drop != SL_DROP_NONE)
        return 0;
    FUZZ_CHECK(!is_answer); /* nothing is both */
    check_parsed(room.frame);
    check_answer(room);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const Bytes echo6 = {128, 0, 0, 0, 0x12, 0x34, 0, 9, 1, 2, 3, 4};
    Bytes options4 = EchoFrame4({1, 2, 3, 4}); /* with a record route option */
    options4.insert(options4.begin() + 34, {7, 7, 4, 0, 0, 0, 0, 0});
    options4[14] = 0x47;
    options4[17] = (uint8_t)(options4[17] + 8);
    PutSum(options4, 14, 42, 24);
    Bytes destination6 = Icmp6Frame(echo6, 64, V6(7), V6(1)); /* with a destination option */
    destination6.insert(destination6.begin() + 54, {58, 0, 1, 4, 0, 0, 0, 0});
    destination6[19] = (uint8_t)(destination6[19] + 8);
    destination6[20] = 60;
    Bytes advertisement = Solicitation(V6(1), true);
    advertisement[0] = 136;
    advertisement[24] = 2;
    Bytes arp_reply = ArpRequest();
    arp_reply[21] = 2;
    const Bytes frames[] = {
        Icmp6Frame(advertisement, 255, V6(1), V6(7)),
        arp_reply,
        UdpFrame(false, {22, 1, 2, 3}),
        UdpFrame(true, {22, 1, 2, 3}),
        UdpFrame(false, Bytes(100, 25), 7),
        EchoFrame4({1, 2, 3, 4}),
        options4,
        Icmp6Frame(echo6, 64, V6(7), V6(1)),
        destination6,
        Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1)),
        Icmp6Frame(Solicitation(V6(1), false), 255, sl_ip{}, V6(1)),
        ArpRequest(),
    };
    std::vector<Bytes> seeds;
    for (const Bytes &frame : frames)
        for (uint8_t mode : {0xd0, 0xc1, 0xd2, 0x01})
            seeds.push_back(join({{mode, 0, 0, 0}, frame}));
    for (uint8_t how : {0, 1, 2, 4, 5, 7, 13, 16})
        seeds.push_back({0x0f, how, 0, 9});
    return seeds;
}
