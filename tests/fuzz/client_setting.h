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
    /* Of one who has a certificate, and no pre-shared key: */
    BY_FINGERPRINT = 2, /* it is taken, and not for who has signed it */
    BY_NODE_ID = 4,
    IS_ONE_EXPECTED = 8,
    NAMES_ANOTHER = 0x10,
    EXPECTS_ANOTHER = 0x20,
};

inline const Bytes kKey = {0x00, 0x11, 0x22, 0x33}, kWrongKey = {0x00, 0x11, 0x22, 0x34};

struct Setting {
    uint8_t mode, means;
    bool is_legacy, has_psk;
    Identity authority, own, another; /* whom rules that do not name the client name instead */

    explicit Setting(Input &input)
        : mode(input.u8()), means(input.u8()), is_legacy(mode & IS_LEGACY),
          has_psk(means & HAS_PSK && !is_legacy)
    {
        if (!asks_clients())
            return;
        authority = make_identity("EC", "authority", nullptr, true);
        own = make_identity("EC", "client", &authority, false, has_expired() ? -60 : 86400);
        another = make_identity("EC", "another", &authority);
    }
    bool is_named_alone() const
    {
        return asks_clients() && means & (BY_FINGERPRINT | BY_NODE_ID);
    }
    /** Anybody would do, were not somebody expected. */
    bool is_expected_alone() const
    {
        return asks_clients() && !is_named_alone() && means & EXPECTS_ANOTHER &&
               mode & HAS_LONG_HELLO;
    }
    bool has_expired() const
    {
        return is_named_alone() && mode & HAS_LONG_HELLO;
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
            return !(means & (IS_UNKNOWN | HAS_WRONG_KEY)) && !is_unheard();
        const bool is_named = !is_named_alone() || !(means & NAMES_ANOTHER);
        const bool is_expected = !(means & EXPECTS_ANOTHER) || means & IS_ONE_EXPECTED;
        return !asks_clients() ||
               (mode & HAS_CERTIFICATE && is_named && is_expected && !has_expired());
    }
    TrustRules rules() const
    {
        TrustRules rules;
        rules.anonymous = is_expected_alone();
        if (!is_named_alone() && !is_expected_alone())
            rules.authorities = to_pem(authority.certificate);
        for (const Identity *one : {&own, &another}) {
            const bool is_named = one == &another || !(means & NAMES_ANOTHER);
            if (is_named && means & BY_FINGERPRINT)
                rules.fingerprints.push_back(fingerprint_of(one->certificate));
            if (is_named && means & BY_NODE_ID)
                rules.node_ids.push_back(node_id_of(one->key));
            const bool is_expected = one == &another || means & IS_ONE_EXPECTED;
            if (is_expected && means & EXPECTS_ANOTHER)
                rules.expected_node_ids.push_back(node_id_of(one->key));
        }
        return rules;
    }
    /** The lookup program can't be asked. */
    bool is_unheard() const
    {
        return has_psk && means & IS_LOOKED_UP && mode & HAS_LONG_HELLO;
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
        if (asks_clients())
            options.services = {rules()};
        options.ring_size = 1 << 16;
        options.ticket_lifetime_s = means & RESUMES ? 1000 : 0;
        options.looks_up = has_psk && means & IS_LOOKED_UP;
        if (has_psk && !options.looks_up)
            options.psk_lines = "anna:00112233\nb er:t\x01:" + std::string(64, 'a') + "\n";
        options.takes_only_psk = has_psk && means & TAKES_ONLY_PSK;
        options.plain_psk = has_psk && means & IS_PLAIN;
        options.chain_len_max = mode & HAS_SMALL_DATAGRAMS ? 100 : 16384;
        return options;
    }
    /** Of one without blemish. */
    ClientOptions sound_client() const
    {
        ClientOptions options;
        if (mode & HAS_CERTIFICATE && !has_psk)
            options.identity = own;
        if (has_psk) {
            options.psk_identity = "anna";
            options.psk = kKey;
            options.suites = means & IS_PLAIN
                                 ? mode & HAS_CERTIFICATE ? "PSK-AES256-CCM8:PSK-AES128-CCM" : "PSK"
                                 : "ECDHE-PSK-CHACHA20-POLY1305";
        }
        return options;
    }
    ClientOptions client(Input &input) const
    {
        ClientOptions options = sound_client();
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
        if (has_psk && means & IS_UNKNOWN) /* the second one is too long when it is written down */
            options.psk_identity = is_too_long() ? std::string(SL_PSK_IDENTITY_MAX + 1, 'n')
                                   : mode & HAS_CERTIFICATE ? std::string(100, '\x01')
                                                            : "nobody";
        options.psk = key();
        return options;
    }
};

} // namespace fuzz::setting

#endif
