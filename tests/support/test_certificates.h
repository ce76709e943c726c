/** Keys and certificates for tests, made afresh in each run, and files to put them in. */
#ifndef SL_TEST_CERTIFICATES_H
#define SL_TEST_CERTIFICATES_H

#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace sl_test
{

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

/** "EC" (P-256), "P-384", "RSA" (2048), "RSA-1024", "ED25519", "ED448". RSA keys are cached. */
Key make_key(const std::string &kind);

struct Identity {
    Key key;
    Certificate certificate;
};

/** A certificate for subject, signed by issuer, or by itself; names as in subjectAltName. */
Identity make_identity(const std::string &kind, const std::string &common_name,
                       const Identity *issuer = nullptr, bool is_authority = false,
                       long valid_s = 86400L * 365, const std::string &names = "");
/** SHA-256 of the certificate, in hex with colons. */
std::string fingerprint_of(const Certificate &certificate, const char *digest = "SHA256");
/** A revocation list of issuer's that names revoked, or nobody (nullptr); in force from now +
 * begin_s to now + end_s, or for ever. end_text: instead, what stands for its end. */
constexpr long kNever = 0;
std::string make_crl_pem(const Identity &issuer, const Certificate &revoked, long end_s = 86400,
                         long begin_s = -86400, const char *end_text = nullptr);
/** What an OCSP responder of issuer's says of a certificate, in DER. */
enum class Ocsp { Good, Revoked, Unknown, Expired, NotYet, Failed };
std::string make_ocsp_response(const Identity &issuer, const Certificate &subject, Ocsp says);
/** Its node id, computed with libcrypto's plain calls. */
std::string node_id_of(const Key &key, const std::string &prefix = "node-");
/** The form that other programs use: of the PEM text. */
std::string compatible_node_id_of(const Key &key);

std::string to_pem(const Certificate &certificate);
/** With a passphrase the key is encrypted. */
std::string to_pem(const Key &key, const char *passphrase = nullptr);

/** A directory of its own that is gone after the test. */
class TemporaryDirectory
{
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
    std::string path(const std::string &name) const;
    /** Writes a file; return its path. */
    std::string write(const std::string &name, const std::string &content);

  private:
    std::string root;
    std::vector<std::string> files;
};

} // namespace sl_test

#endif
