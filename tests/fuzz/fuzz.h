/**
 * What fuzz targets share. A target is one file NAME_fuzz.cc that defines LLVMFuzzerTestOneInput,
 * libFuzzer's entry point, and fuzz::seeds. It asserts what must hold whatever the bytes are, with
 * FUZZ_CHECK; a crash, a sanitizer's report or a leak is found without its help. Each input starts
 * from nothing: the same bytes give the same run. CONTRIBUTING.md says how to run them.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace fuzz
{

using Bytes = std::vector<uint8_t>;

/** Valid inputs of the target, from which mutation starts; the corpus folder has more. */
std::vector<Bytes> seeds();

[[noreturn]] inline void fail(const char *file, int line, const std::string &what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
    abort();
}

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz::fail(__FILE__, __LINE__, "does not hold: " #condition);                          \
    } while (0)
#define FUZZ_CHECK_EMPTY(text)                                                                     \
    do {                                                                                           \
        std::string text_ = (text);                                                                \
        if (!text_.empty())                                                                        \
            fuzz::fail(__FILE__, __LINE__, text_);                                                 \
    } while (0)

/** The input, taken in small pieces; zeros when it has run out. */
class Input
{
  public:
    Input(const uint8_t *data, size_t size) : at_(data), end_(data + size) {}
    bool is_empty() const
    {
        return at_ == end_;
    }
    size_t left() const
    {
        return (size_t)(end_ - at_);
    }
    uint8_t u8()
    {
        return is_empty() ? 0 : *at_++;
    }
    uint16_t u16()
    {
        uint16_t high = u8();
        return (uint16_t)(high << 8 | u8());
    }
    uint64_t u64()
    {
        uint64_t value = 0;
        for (int i = 0; i < 8; i++)
            value = value << 8 | u8();
        return value;
    }
    /** At most len bytes: what there is. */
    Bytes bytes(size_t len)
    {
        size_t taken = len < left() ? len : left();
        Bytes out(at_, at_ + taken);
        at_ += taken;
        return out;
    }
    Bytes rest()
    {
        return bytes(left());
    }

  private:
    const uint8_t *at_;
    const uint8_t *end_;
};

inline Bytes join(std::initializer_list<Bytes> parts)
{
    Bytes out;
    for (const Bytes &part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

inline Bytes of_text(const std::string &text)
{
    return Bytes(text.begin(), text.end());
}

inline Bytes of_be64(uint64_t value)
{
    Bytes out(8);
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[(size_t)i] = (uint8_t)value;
    return out;
}

/** Is needle somewhere in hay? An empty one is not. */
inline bool contains(const Bytes &hay, const Bytes &needle)
{
    return !needle.empty() &&
           std::search(hay.begin(), hay.end(), needle.begin(), needle.end()) != hay.end();
}

/**
 * Damages valid bytes as the input says: a count (at most 8), then for each change what, where and
 * with what. So a target's input can name a valid message and what is wrong with it, and random
 * bytes get behind the first checks. No bytes left: no change.
 */
inline void damage(Input &input, Bytes &bytes)
{
    for (unsigned n = input.u8() % 9; n > 0; n--) {
        uint8_t what = input.u8();
        size_t size = bytes.size();
        size_t at = size > 0 ? input.u16() % size : 0;
        uint8_t value = input.u8();
        auto from = bytes.begin() + (long)at;
        switch (what % 8) {
        case 0:
            if (size > 0)
                bytes[at] = value;
            break;
        case 1:
            if (size > 0)
                bytes[at] ^= (uint8_t)(1U << value % 8);
            break;
        case 2:
            if (size > 0)
                bytes[at] = (uint8_t)(bytes[at] + (int8_t)value);
            break;
        case 3:
            bytes.resize(at);
            break;
        case 4: {
            const Bytes more = input.bytes(value % 32);
            bytes.insert(from, more.begin(), more.end());
            break;
        }
        case 5:
            bytes.erase(from, from + (long)(value % (size - at + 1)));
            break;
        case 6: { /* a stretch once more */
            const Bytes copy(from, from + (long)(value % (size - at + 1)));
            bytes.insert(from, copy.begin(), copy.end());
            break;
        }
        default: /* all of one value */
            for (size_t i = at; i < size && i < at + value % 32U; i++)
                bytes[i] = value & 0x80 ? 0xff : 0;
        }
    }
}

} // namespace fuzz

#endif
