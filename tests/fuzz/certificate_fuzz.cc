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

/** As libcrypto compares the times. */
bool is_current(const sl_credentials *credentials)
{
    std::vector<X509 *> all = {(X509 *)sl_credentials_certificate(credentials, 0)};
    auto *chain = (STACK_OF(X509) *)sl_credentials_chain(credentials, 0);
    for (int i = 0; i < sk_X509_num(chain); i++)
        all.push_back(sk_X509_value(chain, i));
    return std::all_of(all.begin(), all.end(), [](const X509 *one) {
        return X509_cmp_current_time(X509_get0_notBefore(one)) < 0 &&
               X509_cmp_current_time(X509_get0_notAfter(one)) > 0;
    });
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
    unsigned index = 0;
    FUZZ_CHECK(sl_credentials_are_current(credentials, credentials, &index, reason));
    FUZZ_CHECK(sl_credentials_are_current(credentials, nullptr, &index, reason) ==
               is_current(credentials));
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
    const unsigned long flags =
        X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param((X509_STORE *)sl_trust_store(trust)));
    unsigned lists = 0, authorities = 0;
    for (unsigned i = 0; i < sl_trust_part_count(trust); i++) {
        sl_trust_part part;
        sl_trust_describe_part(trust, i, &part);
        FUZZ_CHECK(!strcmp(part.file, path) && strlen(part.name) < 1000);
        ++(part.kind == SL_TRUST_LIST ? lists : authorities);
    }
    FUZZ_CHECK(authorities > 0 && (!has_lists || lists > 0));
    FUZZ_CHECK(sl_trust_is_current(trust, &trust, 1, INT64_MAX, &fault, reason)); /* known */
    if (!sl_trust_is_current(trust, nullptr, 0, time(nullptr), &fault, reason))
        FUZZ_CHECK(strlen(reason) > 10 && strchr(reason, '\n') == nullptr);
    FUZZ_CHECK(!has_lists || (flags & X509_V_FLAG_CRL_CHECK_ALL)); /* they are looked at */
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

/** CA files with revocation lists in them: those that are of no use, and those that are. */
std::vector<std::string> authority_files()
{
    using namespace sl_test;
    const Identity &root = fuzz::responder().authority, &leaf = fuzz::responder().own;
    const Identity impostor = make_identity("EC", "authority", nullptr, true);
    const Identity middle = make_identity("EC", "middle", &root, true);
    const std::string pem = to_pem(root.certificate), of_middle = to_pem(middle.certificate);
    const std::string list = make_crl_pem(root, leaf.certificate);
    return {pem,
            of_middle,
            to_pem(leaf.certificate),
            list,
            pem + list,
            pem + make_crl_pem(root, nullptr, -60) + list,
            pem + list + make_crl_pem(root, nullptr, 9999),
            pem + make_crl_pem(root, nullptr, -60),
            pem + make_crl_pem(root, nullptr, 9999, 60),
            pem + make_crl_pem(root, nullptr, 9999, -60, "whenever"),
            pem + make_crl_pem(impostor, nullptr),
            pem + of_middle + list,
            pem + of_middle + list + make_crl_pem(middle, nullptr),
            pem + list + make_crl_pem(middle, nullptr),
            pem + list + make_crl_pem(middle, nullptr, 9999, 60),
            pem + pem + list + list};
}

/** A certificate, its chain and its key: in time or not, in order or not. */
std::vector<std::string> own_files()
{
    using namespace sl_test;
    const Identity &root = fuzz::responder().authority;
    const Identity middle = make_identity("EC", "middle", &root, true);
    const std::string chain = to_pem(middle.certificate) + to_pem(root.certificate);
    std::vector<std::string> files;
    for (const std::string kind : {"EC", "P-384", "ED25519", "ED448"}) {
        const Identity own = make_identity(kind, "own", &middle),
                       old = make_identity(kind, "old", &middle, false, -60);
        files.push_back(to_pem(own.certificate) + chain + to_pem(own.key));
        files.push_back(to_pem(old.certificate) + chain + to_pem(old.key));
        files.push_back(to_pem(own.certificate) + to_pem(root.certificate) + to_pem(own.key));
        files.push_back(to_pem(own.certificate) + to_pem(old.key));
    }
    return files;
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

/* Of certificates that libcrypto makes something else of, corpus/certificate holds some. */
std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (const Bytes &der : ocsp_seeds())
        for (const uint8_t mode : {8, 9})
            seeds.push_back(join({{mode}, der}));
    for (const std::string &text : authority_files())
        for (const uint8_t mode : {3, 7})
            seeds.push_back(join({{mode}, of_text(text)}));
    for (const std::string &text : own_files())
        seeds.push_back(join({{1}, of_text(text)}));
    return seeds;
}
