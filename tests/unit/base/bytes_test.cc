extern "C" {
#include "sl_base.h"
}

#include <gtest/gtest.h>

TEST(Reader, ReadsBigEndianNumbers)
{
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
                             0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c};
    sl_reader r = sl_reader_of(bytes, sizeof bytes);
    EXPECT_EQ(sl_read_u8(&r), 0x01);
    EXPECT_EQ(sl_read_be16(&r), 0x0203);
    EXPECT_EQ(sl_read_be24(&r), 0x040506u);
    EXPECT_EQ(sl_read_be48(&r), 0x0708090a0b0cu);
    EXPECT_FALSE(r.failed);
    EXPECT_EQ(sl_reader_left(&r), 0u);
}

TEST(Reader, FailsForGoodAtItsEnd)
{
    const uint8_t bytes[] = {1, 2, 3};
    sl_reader r = sl_reader_of(bytes, sizeof bytes);
    EXPECT_EQ(sl_read_be32(&r), 0u);
    EXPECT_TRUE(r.failed);
    EXPECT_EQ(sl_read_u8(&r), 0);
    EXPECT_EQ(r.at, bytes);
}

TEST(Reader, GivesAVectorOnlyWhenItIsThereWhole)
{
    const uint8_t whole[] = {2, 7, 8, 9};
    sl_reader r = sl_reader_of(whole, sizeof whole);
    sl_reader vector = sl_read_vector(&r, 1);
    EXPECT_EQ(sl_reader_left(&vector), 2u);
    EXPECT_EQ(sl_read_u8(&r), 9);

    const uint8_t cut[] = {0, 4, 7, 8};
    r = sl_reader_of(cut, sizeof cut);
    vector = sl_read_vector(&r, 2);
    EXPECT_TRUE(vector.failed);
    EXPECT_TRUE(r.failed);
}

TEST(Writer, WritesWhatTheReaderReads)
{
    uint8_t room[11];
    sl_writer w = sl_writer_of(room, sizeof room);
    sl_write_u8(&w, 25);
    sl_write_be16(&w, 0xfefd);
    sl_write_be48(&w, SL_SEQ_MAX - 1);
    sl_write_bytes(&w, "ab", 2);
    EXPECT_FALSE(w.failed);
    sl_reader r = sl_reader_of(room, sizeof room);
    EXPECT_EQ(sl_read_u8(&r), 25);
    EXPECT_EQ(sl_read_be16(&r), 0xfefd);
    EXPECT_EQ(sl_read_be48(&r), SL_SEQ_MAX - 1);
}

TEST(Writer, RefusesWhatDoesNotFitAndWritesNothingOfIt)
{
    uint8_t room[4] = {9, 9, 9, 9};
    sl_writer w = sl_writer_of(room, 3);
    sl_write_be16(&w, 1);
    sl_write_be16(&w, 2);
    EXPECT_TRUE(w.failed);
    EXPECT_EQ(room[2], 9);
    EXPECT_EQ(sl_write_room(&w, 1), nullptr);
}

TEST(Arena, HandsOutCacheLinesUntilItIsEmpty)
{
    alignas(64) static uint8_t region[256];
    sl_arena arena;
    sl_arena_init(&arena, region, sizeof region);
    EXPECT_EQ(sl_arena_take(&arena, 1), region);
    EXPECT_EQ(sl_arena_take(&arena, 64), region + 64);
    EXPECT_EQ(sl_arena_take(&arena, 129), nullptr);
    EXPECT_EQ(sl_arena_take(&arena, SIZE_MAX), nullptr);
    EXPECT_EQ(sl_arena_take(&arena, 128), region + 128);
    EXPECT_EQ(sl_arena_take(&arena, 1), nullptr);
}

TEST(Drop, EveryReasonHasANameATextAndADirection)
{
    for (unsigned i = 1; i < SL_DROP_COUNT; i++) {
        EXPECT_GT(strlen(sl_drop_name((sl_drop)i)), 2u);
        EXPECT_GT(strlen(sl_drop_text((sl_drop)i)), 8u);
    }
    EXPECT_EQ(sl_drop_direction(SL_DROP_AUTH), SL_DIRECTION_RX);
    EXPECT_EQ(sl_drop_direction(SL_DROP_SEND_HANDLE), SL_DIRECTION_TX);
}

TEST(Hex, IsTwoDigitsOfEitherCaseAndNothingElse)
{
    EXPECT_EQ(sl_hex_byte("00"), 0);
    EXPECT_EQ(sl_hex_byte("9aX"), 0x9a);
    EXPECT_EQ(sl_hex_byte("Ff"), 0xff);
    for (const char *text : {"", "1", "g0", "0g", "/0", ":0", "@0", "`0", "0G", " 1", "-1", "x1"})
        EXPECT_EQ(sl_hex_byte(text), -1) << text;
}
