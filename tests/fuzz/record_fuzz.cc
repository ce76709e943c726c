/** A datagram, split into records. lib/wire */
#include "fuzz.h"

extern "C" {
#include "sl_wire.h"
}

using fuzz::Bytes;
using fuzz::join;

namespace
{

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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
    }
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const Bytes alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    const Bytes hello = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 1, 0, 0};
    const Bytes with_cid = {25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 1,
                            2,  3,    4,    5, 6, 7, 8, 0, 2, 7, 7};
    const Bytes sealed = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 7, 7};
    return {
        join({{8}, hello}),
        join({{8}, with_cid, with_cid, alert}),
        join({{8}, sealed, sealed}),
        join({{0}, alert, hello}),
        join({{0}, with_cid}),
        join({{8}, {21, 0xfe, 0xfc, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}}),
        join({{8}, {21, 0xfe, 0xff, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}}),
        join({{8}, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff}}),
        join({{8}, {63, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0}}),
    };
}
