/**
 * What a man in the middle does to a ClientHello or ServerHello: it is taken apart, changed, and
 * put together again with all its lengths right. RFC 5246 7.4.1, RFC 6347 4.2.
 */
#ifndef SL_TEST_HELLO_EDITOR_H
#define SL_TEST_HELLO_EDITOR_H

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sl_test
{

using Bytes = std::vector<uint8_t>;

struct Hello {
    bool is_client;
    Bytes record_header;  /* without its length */
    Bytes message_header; /* type, and the message's number behind its length */
    uint16_t version;
    Bytes random, session_id;
    Bytes cookie;                 /* a client's */
    std::vector<uint16_t> suites; /* a server has one */
    Bytes compression;
    std::vector<std::pair<uint16_t, Bytes>> extensions;
    Bytes behind; /* further records of the datagram */

    /** What a datagram begins with; none when that is no hello in one piece. */
    static std::optional<Hello> read(const Bytes &datagram);
    Bytes write() const;

    /** Does nothing where there is none. */
    void remove_extension(uint16_t type);
    Bytes *extension(uint16_t type);
};

} // namespace sl_test

#endif
