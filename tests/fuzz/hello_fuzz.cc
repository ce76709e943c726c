/** ClientHellos, damaged, and cookies made for others, at other times or for other words: parsed
 * within their bytes, and a cookie is good for what it was made for alone. lib/wire, lib/admission
 */
#include "fuzz.h"

#include <memory>
#include <optional>

extern "C" {
#include "sl_admission.h"
}

using fuzz::Bytes;
using fuzz::join;

namespace
{

constexpr size_t kHeaders = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
const uint8_t kRoot[32] = {0xc0};

using Jar = std::unique_ptr<sl_cookie_jar, void (*)(sl_cookie_jar *)>;

Jar new_jar()
{
    return Jar(sl_cookie_jar_create(kRoot), sl_cookie_jar_destroy);
}

/** A ClientHello that was understood, and its bytes. */
struct Hello {
    Bytes record;
    sl_client_hello parsed{};

    Bytes random() const
    {
        return Bytes(parsed.random, parsed.random + SL_RANDOM_LEN);
    }
    Bytes session_id() const
    {
        return Bytes(parsed.session_id, parsed.session_id + parsed.session_id_len);
    }
    Bytes suites() const
    {
        return Bytes(parsed.suites, parsed.suites + parsed.suites_len);
    }
};

bool lies_in(const uint8_t *bytes, size_t len, const Bytes &record)
{
    const uint8_t *end = record.data() + record.size();
    return bytes >= record.data() + kHeaders && bytes <= end && len <= (size_t)(end - bytes);
}

void check_parsed(const Hello &hello, const sl_record_header &header)
{
    const sl_client_hello &p = hello.parsed;
    FUZZ_CHECK(header.epoch == 0 && header.type == SL_CONTENT_HANDSHAKE);
    FUZZ_CHECK(hello.record[SL_RECORD_HEADER_LEN] == SL_HANDSHAKE_CLIENT_HELLO);
    FUZZ_CHECK((uint64_t)p.frag_off + p.frag_len <= p.msg_len);
    FUZZ_CHECK(p.frag_len + kHeaders == hello.record.size());
    FUZZ_CHECK(p.whole == (p.frag_off == 0 && p.frag_len == p.msg_len));
    FUZZ_CHECK((p.random == nullptr) == (p.frag_off > 0));
    if (p.random == nullptr)
        return;
    FUZZ_CHECK(lies_in(p.random, SL_RANDOM_LEN, hello.record));
    FUZZ_CHECK(lies_in(p.session_id, p.session_id_len, hello.record));
    FUZZ_CHECK(lies_in(p.cookie, p.cookie_len, hello.record));
    FUZZ_CHECK(p.session_id_len <= SL_SESSION_ID_MAX);
    FUZZ_CHECK(p.whole ? p.suites_len >= 2 && lies_in(p.suites, p.suites_len, hello.record)
                       : p.suites_len == 0);
}

/** The first record of the datagram; none: it is refused, or a later fragment. */
std::optional<Hello> parse(const Bytes &datagram)
{
    sl_reader r = sl_reader_of(datagram.data(), datagram.size());
    sl_record_header header;
    if (sl_wire_parse_record(&r, 0, &header) != SL_DROP_NONE)
        return {};
    Hello hello;
    hello.record.assign(datagram.data(), r.at);
    const enum sl_drop drop =
        sl_wire_parse_client_hello(&header, hello.record.data() + header.header_len, &hello.parsed);
    FUZZ_CHECK(drop == SL_DROP_NONE || drop == SL_DROP_CLIENT_HELLO ||
               drop == SL_DROP_CONTENT_TYPE);
    if (drop != SL_DROP_NONE)
        return {};
    check_parsed(hello, header);
    if (hello.parsed.random == nullptr)
        return {};
    return hello;
}

/** What a client says, but for the cookie. */
struct Words {
    uint16_t version;
    Bytes random, session_id, suites, compressions, extensions;

    Bytes record(const Bytes &cookie, uint16_t cut) const
    {
        Bytes body = join({{(uint8_t)(version >> 8), (uint8_t)version},
                           random,
                           {(uint8_t)session_id.size()},
                           session_id,
                           {(uint8_t)cookie.size()},
                           cookie,
                           {(uint8_t)(suites.size() >> 8), (uint8_t)suites.size()},
                           suites,
                           {(uint8_t)compressions.size()},
                           compressions,
                           {(uint8_t)(extensions.size() >> 8), (uint8_t)extensions.size()},
                           extensions});
        const size_t msg_len = body.size();
        if (cut != 0) /* the first fragment alone */
            body.resize(std::min<size_t>(msg_len, cut));
        Bytes head(kHeaders);
        const auto len = (uint16_t)(SL_HANDSHAKE_HEADER_LEN + body.size());
        sl_wire_write_record_header(head.data(), SL_CONTENT_HANDSHAKE, 0, 7, len);
        sl_writer w = sl_writer_of(head.data() + SL_RECORD_HEADER_LEN, SL_HANDSHAKE_HEADER_LEN);
        sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
        sl_write_be24(&w, (uint32_t)msg_len);
        sl_write_be16(&w, 0);
        sl_write_be24(&w, 0);
        sl_write_be24(&w, (uint32_t)body.size());
        return join({head, body});
    }
};

Words read_words(fuzz::Input &input)
{
    Words words;
    const uint8_t how = input.u8();
    words.version = how & 1 ? input.u16() : SL_DTLS_VERSION_1_2;
    words.random = Bytes(SL_RANDOM_LEN, input.u8());
    words.session_id = input.bytes(how & 2 ? input.u8() : 0);
    words.suites = how & 4 ? input.bytes(input.u8()) : Bytes{0xc0, 0x2b, 0xc0, 0x2f};
    words.compressions = how & 8 ? input.bytes(input.u8()) : Bytes{0};
    words.extensions = how & 16 ? input.bytes(input.u8()) : Bytes{0, 54, 0, 1, 0, 0, 23, 0, 0};
    return words;
}

sl_tuple tuple_of(uint8_t which)
{
    const uint8_t remote[4] = {198, 19, 0, (uint8_t)(which & 3)}, local[4] = {198, 18, 0, 1};
    return {sl_ip_from_v4(remote), sl_ip_from_v4(local), (uint16_t)(40000 + which / 4 % 4), 4433};
}

/** May this cookie, made for the first, open the door to the second? */
bool may_pass(const Hello &made, const Hello &shown)
{
    return made.parsed.client_version == shown.parsed.client_version &&
           made.random() == shown.random() && made.session_id() == shown.session_id() &&
           (!made.parsed.whole || !shown.parsed.whole || made.suites() == shown.suites());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const Jar jar = new_jar();
    const Words words = read_words(input);
    const uint16_t cut = input.u8();
    Bytes first = words.record({}, cut);
    fuzz::damage(input, first);
    const std::optional<Hello> made = parse(first);
    if (!made)
        return 0;

    const uint8_t from = input.u8(), to = input.u8();
    const uint64_t begun = input.u16() * (SL_COOKIE_ROTATE_NS / 16);
    const uint64_t later = begun + input.u8() * (SL_COOKIE_ROTATE_NS / 16);
    const sl_tuple tuple = tuple_of(from), other = tuple_of(to);
    Bytes cookie(SL_COOKIE_LEN);
    sl_cookie_make(jar.get(), &tuple, &made->parsed, begun, cookie.data());
    Bytes answer(SL_HELLO_VERIFY_LEN(SL_COOKIE_LEN));
    sl_wire_write_hello_verify(answer.data(), made->parsed.record_seq, made->parsed.msg_seq,
                               cookie.data(), SL_COOKIE_LEN);
    FUZZ_CHECK(answer.size() <= SL_CLIENT_HELLO_START_LEN + SL_COOKIE_LEN);

    const Bytes sound = cookie;
    fuzz::damage(input, cookie);
    cookie.resize(std::min<size_t>(cookie.size(), 255));
    Bytes second = words.record(cookie, input.u8());
    fuzz::damage(input, second);
    const std::optional<Hello> shown = parse(second);
    if (!shown)
        return 0;
    const Bytes got(shown->parsed.cookie, shown->parsed.cookie + shown->parsed.cookie_len);
    const uint64_t periods = later / SL_COOKIE_ROTATE_NS - begun / SL_COOKIE_ROTATE_NS;
    const bool is_same_place = memcmp(&tuple, &other, sizeof tuple) == 0;
    const bool passes = sl_cookie_check(jar.get(), &other, &shown->parsed, later);
    if (passes) /* the suites' MAC is not looked at where there are none */
        FUZZ_CHECK(is_same_place && periods <= 1 && got.size() == sound.size() &&
                   memcmp(got.data(), sound.data(), 17) == 0 && may_pass(*made, *shown));
    else
        FUZZ_CHECK(!is_same_place || periods > 1 || got != sound || !may_pass(*made, *shown));
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    const Bytes now = {5, 5, 0, 20, 0}; /* same place, at once */
    for (const Bytes &words : {Bytes{0, 0x55}, Bytes{2, 0x55, 8, 1, 2, 3, 4, 5, 6, 7, 8},
                               Bytes{4, 0x55, 6, 1, 2, 3, 4, 5, 6}, Bytes{1, 0xfe, 0xff, 0x55}})
        for (const Bytes &cut : {Bytes{0}, Bytes{60}}) {
            const Bytes made = join({words, cut, {0}});
            seeds.push_back(join({made, now, {0, 0, 0}}));
            seeds.push_back(join({made, now, {0, 70, 0}}));
            seeds.push_back(join({made, {5, 6, 0, 20, 0}, {0, 0, 0}}));
            seeds.push_back(join({made, {5, 5, 0, 20, 14}, {0, 0, 0}}));
            seeds.push_back(join({made, {5, 5, 0, 20, 40}, {0, 0, 0}}));
            seeds.push_back(join({made, now, {1, 1, 0, 3, 1}, {0, 0}}));  /* another cookie */
            seeds.push_back(join({made, now, {0, 0}, {1, 0, 0, 30, 9}})); /* other words */
        }
    /* What no parser takes. */
    for (uint8_t at : {0, 1, 3, 12, 13, 16, 19, 22, 24, 59, 61, 66, 68, 70})
        seeds.push_back({0, 0x55, 0, 1, 0, 0, at, 0xff});
    seeds.push_back({4, 0x55, 0, 0});                    /* no suites */
    seeds.push_back({8, 0x55, 0, 0});                    /* no compression */
    seeds.push_back({16, 0x55, 0, 0});                   /* no extensions */
    seeds.push_back({16, 0x55, 4, 0, 54, 0, 9, 0});      /* one that is longer than all of them */
    seeds.push_back({2, 0x55, 33, 1, 1, 1, 1, 1, 1, 1}); /* a session ID cut off */
    seeds.push_back({0, 0x55, 0, 1, 3, 0, 80, 0});       /* the end is missing */
    seeds.push_back({0, 0x55, 0, 1, 0, 0, 21, 1});       /* a later fragment */
    return seeds;
}
