/** Files of pre-shared keys: a client's and a server's, read as a plain reading of their lines
 * says; and what a server finds in them. lib/identity */
#ifndef PSK_FILES_H
#define PSK_FILES_H

#include "memory_file.h"

#include <map>
#include <optional>

extern "C" {
#include "sl_identity.h"
}

namespace fuzz
{

struct Psk {
    std::string identity;
    Bytes key;
};

inline std::optional<Bytes> bytes_of_hex(const std::string &hex)
{
    if (hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return std::nullopt;
    Bytes out;
    for (size_t i = 0; i < hex.size(); i += 2)
        out.push_back((uint8_t)std::stoul(hex.substr(i, 2), nullptr, 16));
    return out;
}

/** none: the file is to be refused. */
inline std::optional<std::vector<Psk>> read_psks(const std::string &text)
{
    std::vector<Psk> psks;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        line = line.substr(0, line.find('\r'));
        at = end + 1;
        if (line.empty() || line[0] == '#')
            continue;
        const size_t colon = line.rfind(':');
        if (colon == std::string::npos || colon == 0 || colon > SL_PSK_IDENTITY_MAX)
            return std::nullopt;
        const std::optional<Bytes> key = bytes_of_hex(line.substr(colon + 1));
        if (!key || key->empty() || key->size() > SL_PSK_KEY_MAX)
            return std::nullopt;
        psks.push_back({line.substr(0, colon), *key});
    }
    if (psks.empty() || text.find('\0') != std::string::npos)
        return std::nullopt;
    return psks;
}

inline void check_psk_reason(const char *reason)
{
    FUZZ_CHECK(strlen(reason) > 10 && strlen(reason) < SL_CREDENTIALS_REASON_LEN);
}

inline void check_client_psks(const char *path, const std::optional<std::vector<Psk>> &expected)
{
    sl_client_files files{};
    files.psk_file = path;
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    sl_client_credentials *credentials = sl_client_credentials_load(&files, reason);
    FUZZ_CHECK((credentials != nullptr) == expected.has_value());
    if (credentials == nullptr)
        return check_psk_reason(reason);
    FUZZ_CHECK(sl_client_psk_count(credentials) == expected->size());
    for (unsigned i = 0; i < expected->size(); i++) {
        const sl_psk *psk = sl_client_psk(credentials, i);
        FUZZ_CHECK((*expected)[i].identity == psk->identity);
        FUZZ_CHECK((*expected)[i].key == Bytes(psk->key, psk->key + psk->key_len));
    }
    sl_client_credentials_destroy(credentials);
}

/** How long an identity is when it is written down, its end included. */
inline size_t written_len(const std::string &identity)
{
    size_t len = 1;
    for (const char c : identity)
        len += c >= ' ' && c <= '~' && c != '\\' ? 1 : 4;
    return len;
}

inline sl_psk_secret find_psk(const sl_psks *psks, const std::string &identity)
{
    sl_psk_secret found;
    memset((void *)&found, 0xee, sizeof found);
    FUZZ_CHECK(sl_psks_find(psks, (const uint8_t *)identity.data(), identity.size(), &found));
    FUZZ_CHECK(found.key_len >= 1 && found.key_len <= SL_PSK_KEY_MAX);
    return found;
}

/** Nobody's: a key as long as somebody's, another one each time, of the same length each time. */
inline void check_nobody(const sl_psks *psks, const std::map<std::string, Bytes> &keys,
                         const std::string &identity)
{
    if (keys.count(identity) > 0)
        return;
    const sl_psk_secret first = find_psk(psks, identity), second = find_psk(psks, identity);
    FUZZ_CHECK(!first.is_known && first.key_len == second.key_len);
    FUZZ_CHECK(first.key_len < 16 || memcmp(first.key, second.key, first.key_len) != 0);
    bool is_like_one = false;
    for (const auto &[name, key] : keys)
        is_like_one |= key.size() == first.key_len;
    FUZZ_CHECK(is_like_one);
}

inline void check_server_psks(const char *path, const std::optional<std::vector<Psk>> &expected)
{
    std::map<std::string, Bytes> keys;
    bool is_sound = expected.has_value();
    for (const Psk &psk : expected.value_or(std::vector<Psk>()))
        is_sound &= keys.emplace(psk.identity, psk.key).second &&
                    written_len(psk.identity) <= SL_PSK_TEXT_SIZE;
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    sl_psks *psks = sl_psks_load(path, reason);
    FUZZ_CHECK((psks != nullptr) == is_sound);
    if (psks == nullptr)
        return check_psk_reason(reason);
    for (const auto &[identity, key] : keys) {
        const sl_psk_secret found = find_psk(psks, identity);
        FUZZ_CHECK(found.is_known && Bytes(found.key, found.key + found.key_len) == key);
        check_nobody(psks, keys, identity.substr(1));
        check_nobody(psks, keys, identity + identity[0]);
    }
    sl_psks_destroy(sl_psks_share(psks));
    sl_psks_destroy(psks);
}

inline void check_psk_file(const Bytes &text)
{
    static const MemoryFile file;
    file.put(text);
    const std::optional<std::vector<Psk>> expected =
        read_psks(std::string(text.begin(), text.end()));
    check_client_psks(file.path(), expected);
    check_server_psks(file.path(), expected);
}

inline std::vector<std::string> psk_file_seeds()
{
    const std::string hex64(128, 'a');
    return {"anna:00112233\n# none\n\r\nb:c:0f\r\n",
            "anna\n",
            ":00\n",
            "a:0\n",
            "a:" + hex64 + "00\n",
            "a:" + hex64,
            std::string(129, 'i') + ":00",
            std::string(128, 'i') + ":00",
            std::string(36, '\\') + ":00",
            std::string(35, '\\') + "iii:00\n" + std::string(35, '\\') + "iiii:00\n",
            "#\n",
            std::string("a:00\0b", 6),
            "a:00\nb:01\nc:02\nd:03\ne:04\nf:05\ng:06\nh:07\ni:08\n",
            "a:00\nb:01\na:02\n",
            "a:00\rb\n\nB:AaFf\n"};
}

} // namespace fuzz

#endif
