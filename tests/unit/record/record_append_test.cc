#include "pair.h"

namespace
{

/** A datagram of Alice's under construction. */
struct Datagram {
    Bytes bytes;
    sl_writer writer;
    uint64_t epoch0_next = 7;
    Pair pair{PairKind{SL_AEAD_AES_128_GCM, 8}};

    explicit Datagram(size_t room) : bytes(room), writer(sl_writer_of(bytes.data(), room)) {}

    sl_drop append(uint8_t type, uint16_t epoch, const Bytes &plain, bool has_keys = true)
    {
        const sl_record_source source = {&epoch0_next, has_keys ? pair.alice.get() : nullptr};
        return sl_record_append(pair.aead.get(), &source, &writer, type, epoch, plain.data(),
                                static_cast<uint16_t>(plain.size()));
    }

    size_t len() const
    {
        return static_cast<size_t>(writer.at - bytes.data());
    }
};

} // namespace

TEST(RecordAppend, PutsRecordsOfBothEpochsBehindEachOther)
{
    Datagram datagram(200);
    ASSERT_EQ(datagram.append(SL_CONTENT_CHANGE_CIPHER_SPEC, 0, {1}), SL_DROP_NONE);
    ASSERT_EQ(datagram.append(SL_CONTENT_HANDSHAKE, 1, {4, 5, 6}), SL_DROP_NONE);
    const Bytes plaintext = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 1};
    EXPECT_EQ(Bytes(datagram.bytes.begin(), datagram.bytes.begin() + 14), plaintext);
    EXPECT_EQ(datagram.epoch0_next, 8u);
    auto opened = datagram.pair.open(
        Bytes(datagram.bytes.begin() + 14, datagram.bytes.begin() + long(datagram.len())));
    ASSERT_EQ(opened->job.drop, SL_DROP_NONE);
    EXPECT_EQ(opened->job.type, SL_CONTENT_HANDSHAKE);
    EXPECT_EQ(opened->plain(), Bytes({4, 5, 6}));
}

TEST(RecordAppend, TakesNoNumberForWhatDoesNotFit)
{
    Datagram datagram(40);
    EXPECT_EQ(datagram.append(SL_CONTENT_HANDSHAKE, 0, Bytes(28)), SL_DROP_SEND_TOO_LARGE);
    EXPECT_EQ(datagram.append(SL_CONTENT_HANDSHAKE, 1, Bytes(1)), SL_DROP_SEND_TOO_LARGE);
    EXPECT_EQ(datagram.epoch0_next, 7u);
    EXPECT_EQ(datagram.pair.alice->write_next, 0u);
    EXPECT_EQ(datagram.len(), 0u);
}

TEST(RecordAppend, RefusesAnEpochWithoutKeys)
{
    Datagram datagram(200);
    EXPECT_EQ(datagram.append(SL_CONTENT_HANDSHAKE, 1, {1}, false), SL_DROP_SEND_STALE);
    EXPECT_EQ(datagram.append(SL_CONTENT_HANDSHAKE, 2, {1}), SL_DROP_SEND_STALE);
    EXPECT_EQ(datagram.len(), 0u);
}

TEST(RecordAppend, EndsWhereTheNumbersOfAnEpochEnd)
{
    Datagram datagram(200);
    datagram.epoch0_next = SL_SEQ_MAX;
    EXPECT_EQ(datagram.append(SL_CONTENT_ALERT, 0, {1, 0}), SL_DROP_NONE);
    EXPECT_EQ(datagram.append(SL_CONTENT_ALERT, 0, {1, 0}), SL_DROP_SEND_SEQ_LIMIT);
    datagram.pair.alice->write_next = SL_SEQ_MAX + 1;
    EXPECT_EQ(datagram.append(SL_CONTENT_ALERT, 1, {1, 0}), SL_DROP_SEND_SEQ_LIMIT);
}
