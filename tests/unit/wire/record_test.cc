#include "packets.h"

#include <gtest/gtest.h>

namespace
{

sl_drop Parse(const Bytes &bytes, unsigned cid_len, sl_record_header *out = nullptr)
{
    sl_record_header header;
    sl_reader r = sl_reader_of(bytes.data(), bytes.size());
    return sl_wire_parse_record(&r, cid_len, out != nullptr ? out : &header);
}

} // namespace

TEST(WireRecord, ParsesAPlainHeaderAndMovesBehindTheBody)
{
    const Bytes bytes = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 1, 2, 0, 2, 9, 9, 7};
    sl_reader r = sl_reader_of(bytes.data(), bytes.size());
    sl_record_header header;
    ASSERT_EQ(sl_wire_parse_record(&r, 8, &header), SL_DROP_NONE);
    EXPECT_EQ(header.type, 22);
    EXPECT_EQ(header.seq, 0x102u);
    EXPECT_EQ(header.header_len, 13);
    EXPECT_EQ(header.body_len, 2);
    EXPECT_EQ(sl_reader_left(&r), 1u);
}

TEST(WireRecord, ParsesAConnectionIdOfTheLengthWeGive)
{
    Bytes bytes = {25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 0, 1, 0xaa};
    sl_record_header header;
    ASSERT_EQ(Parse(bytes, 4, &header), SL_DROP_NONE);
    EXPECT_EQ(header.cid_len, 4);
    EXPECT_EQ(memcmp(header.cid, "\1\2\3\4", 4), 0);
    EXPECT_EQ(header.header_len, 17);
    EXPECT_EQ(Parse(bytes, 0), SL_DROP_RECORD_HEADER) << "we give none";
    bytes[4] = 0;
    EXPECT_EQ(Parse(bytes, 4), SL_DROP_RECORD_HEADER) << "plaintext records never carry one";
}

TEST(WireRecord, RefusesCutWrongAndOversizedRecords)
{
    const Bytes good = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0, 1, 0xaa};
    for (size_t len = 0; len < good.size(); len++)
        EXPECT_EQ(Parse(Bytes(good.begin(), good.begin() + (long)len), 8), SL_DROP_RECORD_HEADER);
    Bytes bad = good;
    bad[2] = 0xfc;
    EXPECT_EQ(Parse(bad, 8), SL_DROP_RECORD_VERSION);
    bad[2] = 0xff;
    EXPECT_EQ(Parse(bad, 8), SL_DROP_RECORD_VERSION) << "DTLS 1.0 only before there are keys";
    bad = good;
    bad[11] = 0x48;
    bad.resize(20000);
    EXPECT_EQ(Parse(bad, 8), SL_DROP_RECORD_TOO_LARGE);
}

TEST(WireRecord, WritesTheHeaderThatItReads)
{
    Bytes bytes(13 + 3);
    sl_wire_write_record_header(bytes.data(), 22, 1, SL_SEQ_MAX, 3);
    sl_record_header header;
    ASSERT_EQ(Parse(bytes, 8, &header), SL_DROP_NONE);
    EXPECT_EQ(header.epoch, 1);
    EXPECT_EQ(header.seq, SL_SEQ_MAX);
}
