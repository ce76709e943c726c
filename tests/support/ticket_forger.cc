#include "ticket_forger.h"

#include <stdexcept>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sl_test
{
namespace
{

constexpr size_t kNameLen = 16, kIvLen = 16, kMacLen = 32;
constexpr uint8_t kSequence = 0x30, kOctetString = 0x04, kTicketField = 0xaa; /* [10] */

Bytes mac_of(const Bytes &key, const void *bytes, size_t len)
{
    Bytes out(kMacLen);
    HMAC(EVP_sha256(), key.data(), (int)key.size(), (const uint8_t *)bytes, len, out.data(),
         nullptr);
    return out;
}

Bytes crypt(const Bytes &key, const uint8_t *iv, const uint8_t *in, size_t len, int is_sealing)
{
    Bytes out(len + 16);
    int first = 0, last = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const bool ok =
        EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), nullptr, key.data(), iv, is_sealing) == 1 &&
        EVP_CipherUpdate(ctx, out.data(), &first, in, (int)len) == 1 &&
        EVP_CipherFinal_ex(ctx, out.data() + first, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        throw std::runtime_error("a ticket under another key");
    out.resize((size_t)(first + last));
    return out;
}

Bytes tagged(uint8_t tag, const Bytes &content)
{
    const size_t len = content.size();
    Bytes out = {tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
    if (len < 128)
        out = {tag, (uint8_t)len};
    else if (len < 256)
        out = {tag, 0x81, (uint8_t)len};
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

} // namespace

TicketForger::TicketForger(uint8_t root)
    : secret(32, root), name(derive("name", kNameLen)), cipher(derive("cipher", 32)),
      mac(derive("mac", kMacLen))
{
}

Bytes TicketForger::derive(const char *label, size_t len) const
{
    Bytes out = mac_of(secret, label, strlen(label));
    out.resize(len);
    return out;
}

Bytes TicketForger::open(const Bytes &ticket) const
{
    if (ticket.size() < kNameLen + kIvLen + kMacLen)
        throw std::runtime_error("no ticket");
    const uint8_t *iv = ticket.data() + kNameLen, *sealed = iv + kIvLen;
    return crypt(cipher, iv, sealed, ticket.size() - kNameLen - kIvLen - kMacLen, 0);
}

Bytes TicketForger::seal(const Bytes &session) const
{
    const Bytes iv(kIvLen, 0x17);
    const Bytes sealed = crypt(cipher, iv.data(), session.data(), session.size(), 1);
    Bytes out = name;
    out.insert(out.end(), iv.begin(), iv.end());
    out.insert(out.end(), sealed.begin(), sealed.end());
    const Bytes tag = mac_of(mac, out.data(), out.size());
    out.insert(out.end(), tag.begin(), tag.end());
    return out;
}

Bytes encode(const Session &session)
{
    unsigned char *der = nullptr;
    const int len = i2d_SSL_SESSION(session.get(), &der);
    Bytes out(der, der + len);
    OPENSSL_free(der);
    return out;
}

Session decode(const Bytes &bytes)
{
    const unsigned char *at = bytes.data();
    Session session(d2i_SSL_SESSION(nullptr, &at, (long)bytes.size()), SSL_SESSION_free);
    ERR_clear_error();
    return session;
}

Bytes data_of(const Session &session)
{
    void *data = nullptr;
    size_t len = 0;
    SSL_SESSION_get0_ticket_appdata(session.get(), &data, &len);
    return Bytes((uint8_t *)data, (uint8_t *)data + len);
}

Session with_data(const Session &session, const Bytes &data)
{
    Session other = decode(encode(session));
    SSL_SESSION_set1_ticket_appdata(other.get(), data.data(), data.size());
    return other;
}

Session with_ticket(const Session &session, const Bytes &ticket)
{
    const Bytes der = encode(session);
    const unsigned char *at = der.data(), *end = at + der.size();
    Bytes fields;
    long len;
    int tag, kind;
    ASN1_get_object(&at, &len, &tag, &kind, end - at);
    while (at < end) {
        const unsigned char *field = at;
        ASN1_get_object(&at, &len, &tag, &kind, end - at);
        at += len;
        const Bytes other = tagged(kTicketField, tagged(kOctetString, ticket));
        if (*field == kTicketField)
            fields.insert(fields.end(), other.begin(), other.end());
        else
            fields.insert(fields.end(), field, at);
    }
    return decode(tagged(kSequence, fields));
}

} // namespace sl_test
