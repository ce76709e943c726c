/** A datagram: split into records, ClientHellos parsed, cookies made and checked. lib/wire,
 * lib/admission */
#include "fuzz.h"

extern "C" {
#include "sl_admission.h"
}

using fuzz::Bytes;
using fuzz::join;

namespace
{

constexpr uint64_t kNow = 1000000000000ULL;
const uint8_t kRoot[32] = {0xc0};

struct Jar {
    sl_cookie_jar *jar = sl_cookie_jar_create(kRoot);
    ~Jar()
    {
        sl_cookie_jar_destroy(jar);
    }
};

sl_tuple some_tuple()
{
    const uint8_t remote[4] = {198, 19, 0, 7}, local[4] = {198, 18, 0, 1};
    return {sl_ip_from_v4(remote), sl_ip_from_v4(local), 40000, 4433};
}

bool lies_in(const uint8_t *bytes, size_t len, const uint8_t *body, size_t body_len)
{
    return bytes >= body && len <= body_len && (size_t)(bytes - body) <= body_len - len;
}

/** What was made is good, what was changed is not. */
void check_cookie(sl_cookie_jar *jar, sl_client_hello hello)
{
    const sl_tuple tuple = some_tuple();
    uint8_t cookie[SL_COOKIE_LEN], hello_verify[SL_HELLO_VERIFY_LEN(SL_COOKIE_LEN)];
    sl_cookie_make(jar, &tuple, &hello, kNow, cookie);
    sl_wire_write_hello_verify(hello_verify, hello.record_seq, cookie, SL_COOKIE_LEN);
    bool had_it =
        hello.cookie_len == SL_COOKIE_LEN && memcmp(hello.cookie + 1, cookie + 1, 16) == 0;
    FUZZ_CHECK(had_it || !sl_cookie_check(jar, &tuple, &hello, kNow));

    hello.cookie = cookie;
    hello.cookie_len = SL_COOKIE_LEN;
    FUZZ_CHECK(sl_cookie_check(jar, &tuple, &hello, kNow));
    sl_tuple other = tuple;
    other.remote_port++;
    FUZZ_CHECK(!sl_cookie_check(jar, &other, &hello, kNow));
    cookie[1 + hello.random[0] % 16] ^= 0x10;
    FUZZ_CHECK(!sl_cookie_check(jar, &tuple, &hello, kNow));
}

void check_hello(sl_cookie_jar *jar, const sl_record_header &header, const uint8_t *body)
{
    sl_client_hello hello;
    enum sl_drop drop = sl_wire_parse_client_hello(&header, body, &hello);
    FUZZ_CHECK(drop == SL_DROP_NONE || drop == SL_DROP_CLIENT_HELLO ||
               drop == SL_DROP_CONTENT_TYPE);
    if (drop != SL_DROP_NONE)
        return;
    FUZZ_CHECK(header.epoch == 0 && header.type == SL_CONTENT_HANDSHAKE);
    FUZZ_CHECK(body[0] == SL_HANDSHAKE_CLIENT_HELLO);
    FUZZ_CHECK((uint64_t)hello.frag_off + hello.frag_len <= hello.msg_len);
    FUZZ_CHECK(hello.frag_len + SL_HANDSHAKE_HEADER_LEN == header.body_len);
    FUZZ_CHECK(hello.whole == (hello.frag_off == 0 && hello.frag_len == hello.msg_len));
    FUZZ_CHECK((hello.random == nullptr) == (hello.frag_off > 0));
    if (hello.random == nullptr)
        return;
    FUZZ_CHECK(lies_in(hello.random, SL_RANDOM_LEN, body, header.body_len));
    FUZZ_CHECK(lies_in(hello.session_id, hello.session_id_len, body, header.body_len));
    FUZZ_CHECK(lies_in(hello.cookie, hello.cookie_len, body, header.body_len));
    FUZZ_CHECK(hello.session_id_len <= SL_SESSION_ID_MAX);
    FUZZ_CHECK(hello.whole ? lies_in(hello.suites, hello.suites_len, body, header.body_len)
                           : hello.suites_len == 0);
    check_cookie(jar, hello);
}

void check_header(const sl_record_header &header, unsigned own_cid_len)
{
    bool has_cid = header.type == SL_CONTENT_TLS12_CID;
    FUZZ_CHECK(header.cid_len == (has_cid ? own_cid_len : 0));
    FUZZ_CHECK(header.header_len == SL_RECORD_HEADER_LEN + header.cid_len);
    FUZZ_CHECK(header.seq <= SL_SEQ_MAX);
    FUZZ_CHECK(!has_cid || (header.epoch > 0 && own_cid_len > 0));
    FUZZ_CHECK(header.version == SL_DTLS_VERSION_1_2 ||
               (header.version == SL_DTLS_VERSION_1_0 && header.epoch == 0));
}

Bytes client_hello(const Bytes &cookie, const Bytes &extensions)
{
    const Bytes body = join({{0xfe, 0xfd},
                             Bytes(32, 0x55),
                             {0, (uint8_t)cookie.size()},
                             cookie,
                             {0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, (uint8_t)extensions.size()},
                             extensions});
    uint8_t len = (uint8_t)body.size();
    return join({{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, (uint8_t)(len + 12)},
                 {1, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len},
                 body});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Jar jar;
    if (size == 0)
        return 0;
    const unsigned own_cid_len = data[0] % 21;
    sl_reader r = sl_reader_of(data + 1, size - 1);
    while (sl_reader_left(&r) > 0) {
        const uint8_t *start = r.at;
        sl_record_header header;
        enum sl_drop drop = sl_wire_parse_record(&r, own_cid_len, &header);
        if (drop != SL_DROP_NONE) {
            FUZZ_CHECK(drop == SL_DROP_RECORD_HEADER || drop == SL_DROP_RECORD_VERSION ||
                       drop == SL_DROP_RECORD_TOO_LARGE);
            FUZZ_CHECK(r.at == start);
            return 0;
        }
        check_header(header, own_cid_len);
        FUZZ_CHECK(r.at == start + header.header_len + header.body_len && r.at <= data + size);
        check_hello(jar.jar, header, start + header.header_len);
    }
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const Bytes cid_extension = {0, 54, 0, 4, 3, 1, 2, 3, 0, 23, 0, 0};
    Bytes fragment = client_hello({}, cid_extension);
    fragment[16] = 0xff; /* of a longer message */
    const Bytes alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    const Bytes with_cid = {25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 1,
                            2,  3,    4,    5, 6, 7, 8, 0, 2, 7, 7};
    return {
        join({{8}, client_hello({}, {})}),
        join({{8}, client_hello(Bytes(32, 0xcc), cid_extension)}),
        join({{8}, fragment}),
        join({{8}, with_cid, with_cid, alert}),
        join({{0}, alert, client_hello({}, cid_extension)}),
    };
}
