/* Services and clients with pre-shared keys. */
#ifndef SL_TEST_PSK_LAB_H
#define SL_TEST_PSK_LAB_H

#include <gtest/gtest.h>

#include "handshake_lab.h"

namespace sl_test
{

inline const Bytes hello = {'h', 'e', 'l', 'l', 'o'};
inline const Bytes key_of_anna = {0x00, 0x11, 0x22, 0x33}, wrong_key = {0x00, 0x11, 0x22, 0x34};
inline constexpr uint8_t decrypt_error[] = {SL_ALERT_FATAL, 51};

inline LabOptions with_file()
{
    LabOptions options;
    options.psk_lines = "anna:00112233\nb er:t\x01:" + std::string(64, 'a') + "\n";
    options.plain_psk = true;
    return options;
}

inline LabOptions with_lookup()
{
    LabOptions options = with_file();
    options.psk_lines.clear();
    options.looks_up = true;
    return options;
}

inline ClientOptions client_of(const std::string &identity, const Bytes &key,
                               const char *suites = "ECDHE-PSK-CHACHA20-POLY1305")
{
    ClientOptions options;
    options.suites = suites;
    options.psk_identity = identity;
    options.psk = key;
    return options;
}

inline void expect_echo(HandshakeLab &lab, unsigned id)
{
    lab.client(id).send(hello);
    lab.run_for(50);
    ASSERT_EQ(lab.peer(id).data, std::vector<Bytes>{hello});
    lab.worker_of(id).send_data(id, hello);
    lab.run_for(50);
    EXPECT_EQ(lab.client(id).take_data(), std::vector<Bytes>{hello});
}

/** All that a client has been sent, as far as it tells anything: types, lengths, alerts. */
inline std::vector<Bytes> told(HandshakeLab &lab, unsigned id)
{
    std::vector<Bytes> all;
    for (const auto &send : lab.peer(id).sends)
        for (const Part &part : send) {
            Bytes seen = {part.type, part.epoch, (uint8_t)(part.bytes.size() >> 8),
                          (uint8_t)part.bytes.size()};
            if (part.type == SL_CONTENT_ALERT)
                seen.insert(seen.end(), part.bytes.begin(), part.bytes.end());
            all.push_back(seen);
        }
    return all;
}

} // namespace sl_test

#endif
