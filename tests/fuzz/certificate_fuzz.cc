/** Certificates: who a peer is by one that libcrypto has parsed, the files of the gateway, and the
 * OCSP response for one of them. lib/identity */
#include "fuzz.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "memory_file.h"
#include "ocsp_response.h"

extern "C" {
#include "sl_identity.h"
}

using fuzz::Bytes;

namespace
{

void check_peer(const Bytes &der)
{
    const unsigned char *at = der.data();
    X509 *certificate = d2i_X509(nullptr, &at, (long)der.size());
    ERR_clear_error();
    if (certificate == nullptr)
        return;
    sl_identity identity;
    memset((void *)&identity, 0xee, sizeof identity);
    const int result = sl_identity_from_certificate(&identity, certificate, nullptr);
    FUZZ_CHECK(result == 0 || result == -EINVAL);
    FUZZ_CHECK(identity.method == (result == 0 ? SL_IDENTITY_CERTIFICATE : SL_IDENTITY_NONE));
    FUZZ_CHECK(strlen(identity.node_id) == (result == 0 ? 69 : 0));
    FUZZ_CHECK(memchr(identity.subject, 0, sizeof identity.subject) != nullptr);
    for (const char *c = identity.subject; *c != '\0'; c++) /* it is printed to terminals */
        FUZZ_CHECK((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7f);
    FUZZ_CHECK(ERR_peek_error() == 0);
    X509_free(certificate);
}

bool check_own(const char *path, char *reason)
{
    const sl_certificate_files files = {path, path, nullptr};
    sl_certificate_fault fault = {};
    sl_credentials *credentials = sl_credentials_load(&files, 1, &fault, reason);
    if (credentials == nullptr) {
        FUZZ_CHECK(fault.index == 0 && fault.part != SL_CERTIFICATE_OCSP);
        return false;
    }
    FUZZ_CHECK(sl_credentials_count(credentials) == 1);
    FUZZ_CHECK(sl_credentials_certificate(credentials, 0) != nullptr);
    FUZZ_CHECK(sl_credentials_key(credentials, 0) != nullptr);
    sl_credentials_destroy(credentials);
    return true;
}

bool check_ca(const char *path, bool has_lists, char *reason)
{
    sl_trust_rules rules = {};
    rules.ca_file = path;
    rules.crl_file = has_lists ? path : nullptr;
    sl_trust_fault fault;
    sl_trust *trust = sl_trust_load(&rules, &fault, reason);
    if (trust == nullptr) {
        FUZZ_CHECK(fault.rule == SL_TRUST_CA_FILE ||
                   (has_lists && fault.rule == SL_TRUST_CRL_FILE));
        return false;
    }
    FUZZ_CHECK(sl_trust_store(trust) != nullptr && sl_trust_insists(trust));
    sl_trust_destroy(trust);
    return true;
}

/** One file as certificate and key, or as CA file and that of revocation lists. */
void check_file(const Bytes &text, bool is_ca, bool has_lists)
{
    static const fuzz::MemoryFile file;
    file.put(text);
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    bool is_loaded =
        is_ca ? check_ca(file.path(), has_lists, reason) : check_own(file.path(), reason);
    if (!is_loaded) {
        FUZZ_CHECK(strlen(reason) > 10 && strlen(reason) < SL_CREDENTIALS_REASON_LEN);
        FUZZ_CHECK(strchr(reason, '\n') == nullptr);
    }
    FUZZ_CHECK(ERR_peek_error() == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    if (mode & 8)
        fuzz::check_ocsp(input.rest(), mode & 1);
    else if (mode & 1)
        check_file(input.rest(), mode & 2, mode & 4);
    else
        check_peer(input.rest());
    return 0;
}

/* Of whole certificates corpus/certificate holds some. */
std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (const Bytes &der : ocsp_seeds())
        for (const uint8_t mode : {8, 9})
            seeds.push_back(join({{mode}, der}));
    return seeds;
}
