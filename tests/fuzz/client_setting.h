/** What client comes to which server, in the first two bytes of an input of lib/handshake's target.
 */
#ifndef CLIENT_SETTING_H
#define CLIENT_SETTING_H

#include "fuzz.h"
#include "handshake_lab.h"

namespace fuzz::setting
{

using namespace sl_test;

/** The first byte; of the second, how the client shows who it is. */
enum Mode : uint8_t {
    IS_LEGACY = 1, /* its records are libssl's: nobody here has the keys */
    HAS_CID = 2,
    HAS_RAW_CID = 4,
    HAS_CERTIFICATE = 8,
    IS_ASKED = 0x10,          /* for a certificate; so it is with HAS_CERTIFICATE */
    HAS_LONG_IDENTITY = 0x10, /* of nobody's pre-shared key */
    HAS_LONG_HELLO = 0x20,
    HAS_SMALL_DATAGRAMS = 0x40,
    HAS_NO_EMS = 0x80,
};
enum Means : uint8_t {
    HAS_PSK = 1,
    IS_PLAIN = 2, /* a pre-shared key and nothing else */
    IS_LOOKED_UP = 4,
    TAKES_ONLY_PSK = 8,
    IS_UNKNOWN = 0x10,
    HAS_WRONG_KEY = 0x20,
    RESUMES = 0x40,
    IS_SINCERE = 0x80, /* it alone damages its messages, and its Finished is over the damage */
};

inline const Bytes kKey = {0x00, 0x11, 0x22, 0x33}, kWrongKey = {0x00, 0x11, 0x22, 0x34};

struct Setting {
    uint8_t mode, means;
    bool is_legacy, has_psk;

    explicit Setting(Input &input)
        : mode(input.u8()), means(input.u8()), is_legacy(mode & IS_LEGACY),
          has_psk(means & HAS_PSK && !is_legacy)
    {
    }
    /** What it offers may be refused. */
    bool is_odd(const ClientOptions &client) const
    {
        return mode & HAS_RAW_CID || (client.cid && client.cid->size() > 20);
    }
    bool is_sincere() const
    {
        return means & IS_SINCERE && !is_legacy;
    }
    bool asks_clients() const
    {
        return mode & (HAS_CERTIFICATE | IS_ASKED) && !has_psk;
    }
    /** It is somebody whom the server takes, as far as it is up to it. */
    bool may_enter() const
    {
        if (has_psk)
            return !(means & (IS_UNKNOWN | HAS_WRONG_KEY));
        return !asks_clients() || mode & HAS_CERTIFICATE;
    }
    bool is_too_long() const
    {
        return has_psk && means & IS_UNKNOWN && mode & HAS_LONG_IDENTITY;
    }
    Bytes key() const
    {
        return means & HAS_WRONG_KEY ? kWrongKey : kKey;
    }
    bool resumes() const /* tickets go with certificates, and with extended master secret */
    {
        return means & RESUMES && !has_psk && !is_legacy && !is_sincere() && !(mode & HAS_NO_EMS) &&
               may_enter();
    }
    LabOptions lab_options() const
    {
        LabOptions options;
        options.legacy_sessions_max = is_legacy ? 4 : 0;
        options.asks_clients = asks_clients();
        options.ring_size = 1 << 16;
        options.ticket_lifetime_s = means & RESUMES ? 1000 : 0;
        options.looks_up = has_psk && means & IS_LOOKED_UP;
        if (has_psk && !options.looks_up)
            options.psk_lines = "anna:00112233\nb er:t\x01:" + std::string(64, 'a') + "\n";
        options.takes_only_psk = has_psk && means & TAKES_ONLY_PSK;
        options.plain_psk = has_psk && means & IS_PLAIN;
        return options;
    }
    /** Of one without blemish. */
    ClientOptions sound_client(const HandshakeLab &lab) const
    {
        ClientOptions options;
        if (mode & HAS_CERTIFICATE && !has_psk)
            options.identity = make_identity("EC", "client", &lab.authority);
        if (has_psk) {
            options.psk_identity = "anna";
            options.psk = kKey;
            options.suites = means & IS_PLAIN
                                 ? mode & HAS_CERTIFICATE ? "PSK-AES256-CCM8:PSK-AES128-CCM" : "PSK"
                                 : "ECDHE-PSK-CHACHA20-POLY1305";
        }
        return options;
    }
    ClientOptions client(const HandshakeLab &lab, Input &input) const
    {
        ClientOptions options = sound_client(lab);
        if (is_legacy)
            options.suites = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA";
        if (mode & HAS_CID)
            options.cid = Bytes(input.u8(), 0xcd);
        if (mode & HAS_RAW_CID)
            options.raw_cid_extension = input.bytes(input.u8());
        if (mode & HAS_LONG_HELLO)
            options.hello_padding = 1500;
        if (mode & HAS_SMALL_DATAGRAMS)
            options.mtu = 300;
        options.extended_master_secret = !(mode & HAS_NO_EMS) && !is_sincere();
        if (has_psk && means & IS_UNKNOWN)
            options.psk_identity = std::string(is_too_long() ? SL_PSK_IDENTITY_MAX + 1 : 6, 'n');
        options.psk = key();
        return options;
    }
};

} // namespace fuzz::setting

#endif
