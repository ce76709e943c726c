#include "test_certificates.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>

#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace sl_test
{
namespace
{

template <typename T> T *must(T *pointer)
{
    if (pointer == nullptr)
        throw std::runtime_error(ERR_error_string(ERR_peek_last_error(), nullptr));
    return pointer;
}

void must(int ok)
{
    if (ok <= 0)
        throw std::runtime_error(ERR_error_string(ERR_peek_last_error(), nullptr));
}

EVP_PKEY *generate(const std::string &kind)
{
    if (kind == "EC")
        return EVP_EC_gen("P-256");
    if (kind == "P-384" || kind == "P-521")
        return EVP_EC_gen(kind.c_str());
    if (kind == "secp256k1")
        return EVP_EC_gen("secp256k1");
    if (kind == "RSA")
        return EVP_RSA_gen(2048);
    if (kind == "RSA-1024")
        return EVP_RSA_gen(1024);
    return EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str());
}

const EVP_MD *digest_for(const Key &key)
{
    int kind = EVP_PKEY_get_base_id(key.get());
    return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = must(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    must(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

void set_name(X509_NAME *name, const std::string &common_name)
{
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)common_name.c_str(), -1, -1, 0));
}

std::string take_text(BIO *bio)
{
    char *text = nullptr;
    long len = BIO_get_mem_data(bio, &text);
    std::string out(text, (size_t)len);
    BIO_free(bio);
    return out;
}

std::string sha256_hex(const void *bytes, size_t len)
{
    unsigned char digest[32];
    char text[65];
    must(EVP_Digest(bytes, len, digest, nullptr, EVP_sha256(), nullptr));
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

} // namespace

Key make_key(const std::string &kind)
{
    static std::map<std::string, Key> kept;
    bool is_slow = kind.compare(0, 3, "RSA") == 0;
    if (is_slow && kept.count(kind) != 0)
        return kept[kind];
    Key key(must(generate(kind)), EVP_PKEY_free);
    if (is_slow)
        kept[kind] = key;
    return key;
}

Identity make_identity(const std::string &kind, const std::string &common_name,
                       const Identity *issuer, bool is_authority, long valid_s,
                       const std::string &names)
{
    Identity made{make_key(kind), Certificate(must(X509_new()), X509_free)};
    X509 *certificate = made.certificate.get();
    const Identity &signer = issuer != nullptr ? *issuer : made;
    int serial = 0;
    must(RAND_bytes((unsigned char *)&serial, sizeof serial));
    must(X509_set_version(certificate, X509_VERSION_3));
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial & 0x7fffffff));
    must(X509_gmtime_adj(X509_getm_notBefore(certificate), -86400));
    must(X509_gmtime_adj(X509_getm_notAfter(certificate), valid_s));
    set_name(X509_get_subject_name(certificate), common_name);
    must(X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get())));
    must(X509_set_pubkey(certificate, made.key.get()));
    add_extension(certificate, NID_basic_constraints,
                  is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!names.empty())
        add_extension(certificate, NID_subject_alt_name, names.c_str());
    must(X509_sign(certificate, signer.key.get(), digest_for(signer.key)));
    return made;
}

std::string make_crl_pem(const Identity &issuer, const Certificate &revoked, long end_s,
                         long begin_s, const char *end_text)
{
    std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(must(X509_CRL_new()), X509_CRL_free);
    std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> now(
        must(X509_gmtime_adj(nullptr, begin_s)), ASN1_TIME_free);
    std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> next(
        must(X509_gmtime_adj(nullptr, end_s)), ASN1_TIME_free);
    must(X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2));
    must(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.get())));
    must(X509_CRL_set1_lastUpdate(crl.get(), now.get()));
    if (end_text != nullptr)
        must(ASN1_STRING_set(next.get(), end_text, -1));
    if (end_s != kNever)
        must(X509_CRL_set1_nextUpdate(crl.get(), next.get()));
    if (revoked != nullptr) {
        X509_REVOKED *entry = must(X509_REVOKED_new());
        must(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked.get())));
        must(X509_REVOKED_set_revocationDate(entry, now.get()));
        must(X509_CRL_add0_revoked(crl.get(), entry));
    }
    must(X509_CRL_sign(crl.get(), issuer.key.get(), digest_for(issuer.key)));
    BIO *bio = must(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_X509_CRL(bio, crl.get()));
    return take_text(bio);
}

std::string fingerprint_of(const Certificate &certificate, const char *digest)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    must(X509_digest(certificate.get(), EVP_get_digestbyname(digest), bytes, &len));
    std::string out;
    char text[4];
    for (unsigned i = 0; i < len; i++) {
        snprintf(text, sizeof text, i > 0 ? ":%02X" : "%02X", bytes[i]);
        out += text;
    }
    return out;
}

std::string make_ocsp_response(const Identity &issuer, const Certificate &subject, Ocsp says)
{
    OCSP_BASICRESP *basic = must(OCSP_BASICRESP_new());
    OCSP_CERTID *id = must(OCSP_cert_to_id(EVP_sha1(), subject.get(), issuer.certificate.get()));
    long until_s = says == Ocsp::Expired ? -3600 : 86400;
    ASN1_TIME *from = must(X509_gmtime_adj(nullptr, says == Ocsp::NotYet ? 3600 : -86400));
    ASN1_TIME *until = must(X509_gmtime_adj(nullptr, until_s));
    int status = says == Ocsp::Revoked   ? V_OCSP_CERTSTATUS_REVOKED
                 : says == Ocsp::Unknown ? V_OCSP_CERTSTATUS_UNKNOWN
                                         : V_OCSP_CERTSTATUS_GOOD;
    must(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS,
                                says == Ocsp::Revoked ? from : nullptr, from, until));
    must(OCSP_basic_sign(basic, issuer.certificate.get(), issuer.key.get(), digest_for(issuer.key),
                         nullptr, 0));
    OCSP_RESPONSE *response = must(OCSP_response_create(
        says == Ocsp::Failed ? OCSP_RESPONSE_STATUS_TRYLATER : OCSP_RESPONSE_STATUS_SUCCESSFUL,
        says == Ocsp::Failed ? nullptr : basic));
    unsigned char *der = nullptr;
    int len = i2d_OCSP_RESPONSE(response, &der);
    std::string out((const char *)der, (size_t)len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return out;
}

std::string node_id_of(const Key &key, const std::string &prefix)
{
    unsigned char *der = nullptr;
    int len = i2d_PUBKEY(key.get(), &der);
    std::string id = prefix + sha256_hex(der, (size_t)len);
    OPENSSL_free(der);
    return id;
}

std::string compatible_node_id_of(const Key &key)
{
    BIO *bio = must(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_PUBKEY(bio, key.get()));
    std::string pem = take_text(bio);
    return "dpc-node-" + sha256_hex(pem.data(), pem.size()).substr(0, 32);
}

std::string to_pem(const Certificate &certificate)
{
    BIO *bio = must(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_X509(bio, certificate.get()));
    return take_text(bio);
}

std::string to_pem(const Key &key, const char *passphrase)
{
    BIO *bio = must(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_PKCS8PrivateKey(bio, key.get(),
                                       passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, nullptr,
                                       0, nullptr, (void *)passphrase));
    return take_text(bio);
}

TemporaryDirectory::TemporaryDirectory()
{
    const char *base = std::getenv("TMPDIR");
    root = std::string(base != nullptr ? base : "/tmp") + "/sluice-test-XXXXXX";
    if (mkdtemp(root.data()) == nullptr)
        throw std::runtime_error("mkdtemp failed for " + root);
}

TemporaryDirectory::~TemporaryDirectory()
{
    for (const std::string &file : files)
        unlink(file.c_str());
    rmdir(root.c_str());
}

std::string TemporaryDirectory::path(const std::string &name) const
{
    return root + "/" + name;
}

std::string TemporaryDirectory::write(const std::string &name, const std::string &content)
{
    std::string at = path(name);
    std::ofstream(at, std::ios::binary) << content;
    files.push_back(at);
    return at;
}

} // namespace sl_test
