/**
 * A client that says what it likes and means it: its messages are damaged as an input says, and its
 * signature and its Finished are computed over what it has really sent. Without extended master
 * secret: so the keys follow from the randoms and the premaster secret alone. RFC
 * 5246 7.4.8, 7.4.9.
 */
#ifndef OWN_TRANSCRIPT_H
#define OWN_TRANSCRIPT_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <map>

#include "dtls_client.h"
#include "fuzz.h"

namespace fuzz
{

class OwnTranscript
{
  public:
    OwnTranscript(Input &input, sl_test::DtlsClient &client) : input_(input), client_(client)
    {
        client.before_send = [this](Bytes &record) { send(record); };
        client.before_seal = [this](uint8_t &, Bytes &plain) { finish(plain); };
    }
    ~OwnTranscript()
    {
        client_.before_send = nullptr;
        client_.before_seal = [](uint8_t &, Bytes &) {};
    }
    OwnTranscript(const OwnTranscript &) = delete;
    /** What the server has sent. */
    void hear(const Bytes &datagram)
    {
        for (size_t at = 0; at + kBodyOff <= datagram.size();) {
            const size_t len = sl_load_be16(&datagram[at + 11]);
            if (datagram[at] == SL_CONTENT_HANDSHAKE && datagram[at + 4] == 0 &&
                datagram[at + SL_RECORD_HEADER_LEN] != SL_HANDSHAKE_HELLO_VERIFY_REQUEST)
                add(heard_, &datagram[at + SL_RECORD_HEADER_LEN]);
            at += SL_RECORD_HEADER_LEN + len;
        }
    }
    bool has_changed() const
    {
        return has_changed_;
    }

  private:
    static constexpr size_t kBodyOff = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
    struct Message {
        uint8_t type;
        Bytes body;
    };
    using Messages = std::map<unsigned, Message>; /* by their numbers */

    static size_t be24(const uint8_t *at)
    {
        return (size_t)at[0] << 16 | sl_load_be16(at + 1);
    }

    /** A message, or its next piece. */
    static void add(Messages &messages, const uint8_t *at)
    {
        Message &message = messages[sl_load_be16(at + 4)];
        message.type = at[0];
        if (be24(at + 6) == message.body.size())
            message.body.insert(message.body.end(), at + 12, at + 12 + be24(at + 9));
    }

    void send(Bytes &record)
    {
        const uint8_t *at = &record[SL_RECORD_HEADER_LEN];
        const unsigned number = sl_load_be16(at + 4);
        const bool is_whole = be24(at + 1) == be24(at + 9);
        if (number == 0) /* the ClientHello without a cookie is in no transcript */
            return;
        const bool is_new = said_.count(number) == 0;
        add(said_, at);
        Message &message = said_[number];
        if (is_new && is_whole)
            change(message);
        if (is_whole) { /* also when it is sent again */
            record.resize(SL_RECORD_HEADER_LEN);
            write(record, number, message);
            sl_store_be16(&record[11], (uint16_t)(record.size() - SL_RECORD_HEADER_LEN));
        }
    }

    void change(Message &message)
    {
        const uint8_t what = input_.u8();
        const Bytes sound = message.body;
        if (what & 1)
            damage(input_, message.body);
        if (what & 2 && message.type == SL_HANDSHAKE_CERTIFICATE_VERIFY)
            message.body = signature();
        has_changed_ |= message.body != sound;
    }

    static void write(Bytes &out, unsigned number, const Message &message)
    {
        const size_t len = message.body.size();
        const uint8_t len_be24[] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
        const Bytes length(len_be24, len_be24 + 3);
        out = join({out,
                    {message.type},
                    length,
                    {(uint8_t)(number >> 8), (uint8_t)number, 0, 0, 0},
                    length,
                    message.body});
    }

    /** All messages, up to those of these types that come last. */
    Bytes transcript(uint8_t without = SL_HANDSHAKE_FINISHED) const
    {
        Bytes out;
        for (const auto &[number, message] : said_)
            if (message.type == SL_HANDSHAKE_CLIENT_HELLO)
                write(out, number, message);
        for (const auto &[number, message] : heard_)
            write(out, number, message);
        for (const auto &[number, message] : said_)
            if (message.type != SL_HANDSHAKE_CLIENT_HELLO && message.type != without)
                write(out, number, message);
        return out;
    }

    /** ecdsa_secp256r1_sha256 */
    Bytes signature() const
    {
        const Bytes signed_words = transcript(SL_HANDSHAKE_CERTIFICATE_VERIFY);
        Bytes out(200);
        size_t len = out.size();
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        FUZZ_CHECK(EVP_DigestSignInit(ctx, nullptr, EVP_sha256(), nullptr,
                                      client_.options().identity->key.get()) == 1);
        FUZZ_CHECK(
            EVP_DigestSign(ctx, out.data(), &len, signed_words.data(), signed_words.size()) == 1);
        EVP_MD_CTX_free(ctx);
        out.resize(len);
        return join({{4, 3, 0, (uint8_t)len}, out});
    }

    void finish(Bytes &plain)
    {
        if (plain.size() != SL_HANDSHAKE_HEADER_LEN + 12 || plain[0] != SL_HANDSHAKE_FINISHED)
            return;
        const Bytes verify = verify_data(),
                    libssls(plain.begin() + SL_HANDSHAKE_HEADER_LEN, plain.end());
        FUZZ_CHECK(has_changed_ || verify == libssls);
        std::copy(verify.begin(), verify.end(), plain.begin() + SL_HANDSHAKE_HEADER_LEN);
    }

    Bytes verify_data() const
    {
        const SSL_CIPHER *suite = SSL_get_pending_cipher(client_.ssl());
        const std::string name = SSL_CIPHER_get_name(suite);
        const bool is_384 = name.find("SHA384") != std::string::npos;
        char hash[] = "SHA256", hash_384[] = "SHA384", label[] = "client finished";
        const Bytes words = transcript();
        uint8_t digest[EVP_MAX_MD_SIZE], master[48];
        unsigned digest_len;
        FUZZ_CHECK(EVP_Digest(words.data(), words.size(), digest, &digest_len,
                              is_384 ? EVP_sha384() : EVP_sha256(), nullptr) == 1);
        FUZZ_CHECK(SSL_SESSION_get_master_key(SSL_get_session(client_.ssl()), master,
                                              sizeof master) == sizeof master);
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, is_384 ? hash_384 : hash, 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof master),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, strlen(label)),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, digest, digest_len),
            OSSL_PARAM_construct_end(),
        };
        EVP_KDF *kdf = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
        EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
        Bytes out(12);
        FUZZ_CHECK(EVP_KDF_derive(ctx, out.data(), out.size(), params) == 1);
        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(kdf);
        return out;
    }

    Input &input_;
    sl_test::DtlsClient &client_;
    Messages said_, heard_;
    bool has_changed_ = false;
};

} // namespace fuzz

#endif
