extern "C" {
#include "json.h"
}

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace
{

class Json : public ::testing::Test
{
  protected:
    Json() : json{}
    {
        json.out = open_memstream(&text, &len);
    }
    ~Json() override
    {
        fclose(json.out);
        free(text);
    }
    std::string Text()
    {
        fflush(json.out);
        return std::string(text, len);
    }
    struct json json;
    char *text = nullptr;
    size_t len = 0;
};

} // namespace

TEST_F(Json, NestsObjectsListsAndRows)
{
    json_begin(&json, nullptr);
    json_count(&json, "a", 18446744073709551615u);
    json_begin_array(&json, "b");
    json_begin_row(&json);
    json_number(&json, "x", 0.5);
    json_bool(&json, "y", true);
    json_end_row(&json);
    json_begin_row(&json);
    json_end_row(&json);
    json_end_array(&json);
    json_begin(&json, "c");
    json_end(&json);
    json_text(&json, "d", "");
    json_end(&json);
    EXPECT_EQ(Text(), "{\n"
                      "  \"a\": 18446744073709551615,\n"
                      "  \"b\": [\n"
                      "    {\"x\": 0.5, \"y\": true},\n"
                      "    {}\n"
                      "  ],\n"
                      "  \"c\": {},\n"
                      "  \"d\": \"\"\n"
                      "}\n");
}

TEST_F(Json, WhatIsNoNumberIsNull)
{
    json_begin_array(&json, nullptr);
    for (double value : {std::nan(""), HUGE_VAL, -HUGE_VAL, -1e300, 1234567.891})
        json_number(&json, nullptr, value);
    json_end_array(&json);
    EXPECT_EQ(Text(), "[\n  null,\n  null,\n  null,\n  -1e+300,\n  1234567.89\n]\n");
}

TEST_F(Json, EscapesWhatTextMayNotHold)
{
    json_begin_array(&json, nullptr);
    for (const char *text : {"a\"b\\c", "\n\t\x01\x7f", "\u00e9\u20ac\U0001f600"})
        json_text(&json, nullptr, text);
    json_end_array(&json);
    EXPECT_EQ(Text(), "[\n  \"a\\\"b\\\\c\",\n  \"\\u000a\\u0009\\u0001\\u007f\",\n"
                      "  \"\u00e9\u20ac\U0001f600\"\n]\n");
}

TEST_F(Json, BytesThatAreNoUtf8AreReplaced)
{
    const char *const cases[] = {
        "\x80", "\xc1\x81", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
    };
    for (const char *text : cases) {
        json_begin_array(&json, nullptr);
        json_text(&json, nullptr, text);
        json_end_array(&json);
    }
    std::string all = Text();
    for (char c : all)
        EXPECT_GT(c, 0);
    EXPECT_EQ(all.find("\\ufffd"), 5u);
}
