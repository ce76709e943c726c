/** Vectors written as hexadecimal text. */
#ifndef SL_TEST_HEX_H
#define SL_TEST_HEX_H

#include <cstdint>
#include <string>
#include <vector>

using Bytes = std::vector<uint8_t>;

/** Digits only; white space between bytes is skipped. */
inline Bytes hex(const std::string &text)
{
    Bytes bytes;
    std::string digits;
    for (char c : text)
        if (!isspace(static_cast<unsigned char>(c)))
            digits += c;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

/** Bytes that look random and are the same in every run (splitmix64). */
inline Bytes noise(size_t len, uint64_t seed)
{
    Bytes bytes(len);
    for (uint8_t &byte : bytes) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        byte = static_cast<uint8_t>(z ^ (z >> 31));
    }
    return bytes;
}

#endif
