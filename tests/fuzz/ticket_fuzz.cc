/**
 * Session tickets by somebody who has their keys: what the gateway wrote into one, the session that
 * libssl did, or the seal around both is something else. A session is resumed if, and only if, a
 * reading of our own finds it sound, in time, not revoked and of the service that it was given for;
 * then as whom the ticket names. Otherwise its client gets a full handshake. lib/handshake
 */
#include "fuzz.h"

#include <openssl/sha.h>

#include "handshake_lab.h"
#include "seeded_random.h"
#include "ticket_forger.h"

using fuzz::Bytes;
using fuzz::join;
using namespace sl_test;

namespace
{

constexpr unsigned kLifetime_s = 5000;

enum Mode : uint8_t {
    IS_MUTUAL = 1,
    HAS_LISTS = 2,       /* of revoked certificates */
    CHANGES_SESSION = 4, /* what libssl reads, instead of our data in it */
    CHANGES_SEAL = 8,
    HAS_NO_EMS = 0x10, /* the client that comes back */
    IS_LATE = 0x20,
    IS_ELSEWHERE = 0x40, /* a ticket of an anonymous service, or of a mutual one, at the other */
    HAS_CID = 0x80,
};

/** What all labs have in common. */
struct World {
    Identity authority, client, revoked;
    Session anonymous, mutual; /* of clients that have been there */
    TicketForger forger;

    World()
    {
        sl_sim::seed_libcrypto(1);
        set_now(ns_per_s);
        authority = make_identity("EC", "authority", nullptr, true);
        client = make_identity("EC", "client", &authority);
        revoked = make_identity("EC", "revoked", &authority);
        anonymous = session_of(0);
        mutual = session_of(IS_MUTUAL);
    }
    LabOptions lab_options(uint8_t mode) const
    {
        LabOptions options;
        options.ticket_lifetime_s = kLifetime_s;
        options.authority = authority;
        options.asks_clients = mode & IS_MUTUAL;
        if (mode & IS_MUTUAL && mode & HAS_LISTS)
            options.lists = make_crl_pem(authority, revoked.certificate);
        options.ring_size = 1 << 16;
        return options;
    }
    ClientOptions client_options(uint8_t mode) const
    {
        ClientOptions options;
        if (mode & IS_MUTUAL)
            options.identity = client;
        if (mode & HAS_CID)
            options.cid = Bytes(5, 0xcd);
        options.extended_master_secret = !(mode & HAS_NO_EMS);
        return options;
    }

  private:
    Session session_of(uint8_t mode) const
    {
        HandshakeLab lab(lab_options(mode));
        FUZZ_CHECK(lab.connect(1, client_options(mode)));
        return lab.client(1).session();
    }
};

const World &world()
{
    static const World one;
    return one;
}

/** What a ticket says of its owner, read once more. */
struct Owner {
    bool is_sound = false;
    uint8_t method = 0;
    uint64_t expires_s = 0;
    Bytes certificate_sha256 = Bytes(32), public_key_sha256 = Bytes(32);
    std::string node_id, subject;
    std::vector<std::pair<Bytes, Bytes>> links; /* issuer, serial */

    explicit Owner(const Bytes &bytes)
    {
        fuzz::Input input(bytes.data(), bytes.size());
        if (bytes.size() < 10 || input.u8() != 1)
            return;
        method = input.u8();
        expires_s = input.u64();
        is_sound = input.is_empty() || read_certificate(input);
    }
    bool is_unrevoked(const Identity &authority, const Identity &revoked) const
    {
        const ASN1_INTEGER *serial = X509_get0_serialNumber(revoked.certificate.get());
        Bytes issuer(32);
        X509_NAME_digest(X509_get_subject_name(authority.certificate.get()), EVP_sha256(),
                         issuer.data(), nullptr);
        for (const auto &[name, number] : links)
            if (name != issuer || number == Bytes(serial->data, serial->data + serial->length))
                return false;
        return true;
    }
    bool is_in(const sl_identity &identity) const
    {
        return identity.method == method && node_id == identity.node_id &&
               subject == identity.subject &&
               memcmp(identity.certificate_sha256, certificate_sha256.data(), 32) == 0 &&
               memcmp(identity.public_key_sha256, public_key_sha256.data(), 32) == 0;
    }

  private:
    static bool take(fuzz::Input &input, size_t len, Bytes &out)
    {
        out = input.bytes(len);
        return out.size() == len;
    }
    /** A length and as many bytes, up to a zero as C reads them. */
    static bool take_text(fuzz::Input &input, size_t max, std::string &out)
    {
        Bytes bytes;
        const bool has_len = !input.is_empty();
        const uint8_t len = input.u8();
        if (!has_len || len > max || !take(input, len, bytes))
            return false;
        out.assign(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
        return true;
    }
    bool read_certificate(fuzz::Input &input)
    {
        if (!take(input, 32, certificate_sha256) || !take(input, 32, public_key_sha256) ||
            !take_text(input, SL_NODE_ID_SIZE - 1, node_id) || !take_text(input, 143, subject))
            return false;
        const unsigned count = input.u8();
        for (unsigned i = 0; i < count; i++) {
            Bytes issuer, serial;
            const bool has_issuer = take(input, 32, issuer) && !input.is_empty();
            const uint8_t len = input.u8();
            if (!has_issuer || len > SL_SERIAL_MAX || !take(input, len, serial))
                return false;
            links.emplace_back(issuer, serial);
        }
        return count >= 1 && count <= SL_CHAIN_MAX && input.is_empty();
    }
};

/** What became of a ticket by the input's hand. */
struct Forged {
    Bytes ticket, data;
    bool is_libssls = true; /* sealed, and as libssl writes sessions */
};

Bytes serial_of(const Identity &identity)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(identity.certificate.get());
    return join({{(uint8_t)serial->length}, Bytes(serial->data, serial->data + serial->length)});
}

/** Our data: another expiry, around now; the serial number of one who is revoked; any damage. */
void change(fuzz::Input &input, Bytes &data)
{
    const uint8_t what = input.u8();
    if (what & 1) {
        const Bytes expiry = fuzz::of_be64((uint64_t)(time(nullptr) + (int8_t)input.u8()));
        std::copy(expiry.begin(), expiry.end(), data.begin() + 2);
    }
    const Bytes serial = serial_of(world().client), other = serial_of(world().revoked);
    const auto at = std::search(data.begin(), data.end(), serial.begin(), serial.end());
    if (what & 2 && at != data.end())
        data.insert(data.erase(at, at + (long)serial.size()), other.begin(), other.end());
    if (what & 4)
        data.push_back(what);
    fuzz::damage(input, data);
}

Forged forge(fuzz::Input &input, uint8_t mode, const Session &session)
{
    const unsigned char *bytes;
    size_t len;
    SSL_SESSION_get0_ticket(session.get(), &bytes, &len);
    const TicketForger &forger = world().forger;
    const Bytes inside = forger.open(Bytes(bytes, bytes + len));
    Forged forged;
    Bytes encoded = inside;
    forged.data = data_of(decode(inside));
    if (!(mode & (CHANGES_SESSION | CHANGES_SEAL))) {
        change(input, forged.data);
        encoded = encode(with_data(decode(inside), forged.data));
    } else if (mode & CHANGES_SESSION) {
        fuzz::damage(input, encoded);
        forged.is_libssls = encoded == inside;
        const Session changed = decode(encoded);
        forged.data = changed != nullptr ? data_of(changed) : Bytes();
    }
    forged.ticket = forger.seal(encoded);
    if (mode & CHANGES_SEAL) {
        const Bytes sound = forged.ticket;
        fuzz::damage(input, forged.ticket);
        forged.is_libssls &= forged.ticket == sound;
    }
    forged.ticket.resize(std::min<size_t>(forged.ticket.size(), 8000));
    return forged;
}

void check_return(HandshakeLab &lab, uint8_t mode, const Forged &forged)
{
    const Owner owner(forged.data);
    const Peer &peer = lab.peer(1);
    const uint64_t now_s = (uint64_t)time(nullptr);
    const bool is_acceptable = owner.is_sound &&
                               (owner.expires_s == 0 || owner.expires_s > now_s) &&
                               (!(mode & IS_MUTUAL && mode & HAS_LISTS) ||
                                owner.is_unrevoked(world().authority, world().revoked));
    const bool is_hers = !(mode & (IS_LATE | IS_ELSEWHERE | HAS_NO_EMS));
    FUZZ_CHECK(!peer.is_established || lab.client(1).is_connected());
    FUZZ_CHECK(!peer.is_resumed || !peer.is_established || (is_acceptable && is_hers));
    if (forged.is_libssls && !(mode & HAS_NO_EMS)) {
        FUZZ_CHECK(peer.is_established);
        FUZZ_CHECK(peer.is_resumed == (is_acceptable && is_hers));
    }
    if (!peer.is_established)
        return;
    FUZZ_CHECK(lab.client(1).is_resumed() == peer.is_resumed);
    FUZZ_CHECK(peer.is_resumed
                   ? owner.is_in(peer.identity)
                   : (peer.identity.method == SL_IDENTITY_CERTIFICATE) == !!(mode & IS_MUTUAL));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    const bool was_mutual = !(mode & IS_MUTUAL) == !!(mode & IS_ELSEWHERE);
    const Session session = was_mutual ? world().mutual : world().anonymous;
    set_now(ns_per_s);
    sl_sim::seed_libcrypto(2);
    const Forged forged = forge(input, mode, session);
    HandshakeLab lab(world().lab_options(mode));
    if (mode & IS_LATE)
        set_now((kLifetime_s + 10) * ns_per_s);

    ClientOptions client = world().client_options(mode);
    client.session = with_ticket(session, forged.ticket);
    FUZZ_CHECK(client.session != nullptr);
    (void)lab.connect(1, client);
    check_return(lab, mode, forged);
    if (lab.peer(1).has_handle)
        lab.worker_of(1).close(1);

    FUZZ_CHECK(lab.connect(2, world().client_options(mode & (uint8_t)~HAS_NO_EMS)));
    FUZZ_CHECK(!lab.peer(2).is_resumed);
    lab.worker_of(2).close(2);
    lab.run_for(0);
    FUZZ_CHECK(sl_handshaker_in_progress(lab.handshaker) == 0 && lab.counters_add_up());
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (const uint8_t mode : {0, 1, 3, 0x80, 0x81, 0x10, 0x20, 0x21, 0x40, 0x41}) {
        seeds.push_back({mode});
        for (const uint8_t seconds : {0x9c, 0xff, 0, 1, 100})
            seeds.push_back({mode, 1, seconds});
        seeds.push_back({mode, 2});
        seeds.push_back({mode, 4});
        /* Version, method, expiry, hashes, texts, chain; cut, and longer. */
        for (const uint8_t at : {0, 1, 2, 9, 10, 50, 74, 75, 143, 144, 154, 155, 160, 200})
            seeds.push_back({mode, 0, 1, 0, 0, at, 1});
        for (const uint8_t at : {0, 9, 10, 11, 80, 154, 155, 160})
            seeds.push_back({mode, 0, 1, 3, 0, at, 0});
        seeds.push_back({mode, 0, 1, 4, 0, 10, 3, 1, 2, 3});
        seeds.push_back({mode, 0, 1, 7, 0, 2, 0x80 | 8});
        seeds.push_back({mode, 0, 2, 3, 0, 155, 0, 0, 0, 154, 0}); /* a chain of none */
    }
    for (const uint8_t mode : {+CHANGES_SESSION, CHANGES_SESSION | IS_MUTUAL})
        for (const uint8_t at : {1, 4, 8, 12, 16, 30, 60, 66, 80, 100, 120, 200})
            seeds.push_back({mode, 1, 1, 0, at, 3});
    for (const uint8_t at : {0, 15, 16, 31, 32, 60, 100, 250})
        seeds.push_back({CHANGES_SEAL, 1, 1, 0, at, 3});
    return seeds;
}
