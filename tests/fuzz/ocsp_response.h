/** An OCSP response beside a certificate: taken when libcrypto's own reading says that it is about
 * the certificate, good, and not of the future; and shown as it came until it ends. lib/identity */
#ifndef OCSP_RESPONSE_H
#define OCSP_RESPONSE_H

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "memory_file.h"
#include "seeded_random.h"
#include "test_certificates.h"
#include "virtual_time.h"

extern "C" {
#include "sl_identity.h"
}

namespace fuzz
{

/** Who is asked about and who answers, the same in each run. */
struct Responder {
    sl_test::Identity authority, own;
    Responder()
    {
        sl_sim::seed_libcrypto(7);
        authority = sl_test::make_identity("EC", "authority", nullptr, true);
        own = sl_test::make_identity("EC", "server", &authority);
    }
    Bytes says(sl_test::Ocsp what) const
    {
        return of_text(make_ocsp_response(authority, own.certificate, what));
    }
};

inline const Responder &responder()
{
    static const Responder one;
    return one;
}

struct Hashes {
    ASN1_OCTET_STRING *name, *key;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    explicit Hashes(OCSP_CERTID *id)
    {
        OCSP_id_get0_info(&name, &algorithm, &key, &serial, id);
    }
};

inline bool is_about(OCSP_SINGLERESP *single, bool knows_issuer)
{
    auto *id = const_cast<OCSP_CERTID *>(OCSP_SINGLERESP_get0_id(single));
    const Hashes said(id);
    const EVP_MD *hash = EVP_get_digestbyobj(said.algorithm);
    OCSP_CERTID *sound = hash == nullptr ? nullptr
                                         : OCSP_cert_to_id(hash, responder().own.certificate.get(),
                                                           responder().authority.certificate.get());
    bool is_it = false;
    if (sound != nullptr && knows_issuer) {
        is_it = OCSP_id_cmp(id, sound) == 0;
    } else if (sound != nullptr) {
        const Hashes due(sound);
        is_it = ASN1_INTEGER_cmp(said.serial, due.serial) == 0 &&
                ASN1_OCTET_STRING_cmp(said.name, due.name) == 0;
    }
    OCSP_CERTID_free(sound);
    return is_it;
}

/** end_s: 0 when it names none; it may be over. */
inline bool is_good(OCSP_SINGLERESP *single, int64_t *end_s)
{
    ASN1_GENERALIZEDTIME *from, *until;
    int days = 0, seconds = 0;
    if (OCSP_single_get0_status(single, nullptr, nullptr, &from, &until) !=
            V_OCSP_CERTSTATUS_GOOD ||
        ASN1_GENERALIZEDTIME_check(from) != 1 ||
        ASN1_TIME_diff(&days, &seconds, nullptr, from) != 1 ||
        days * (int64_t)86400 + seconds > 300)
        return false;
    *end_s = 0;
    if (until == nullptr)
        return true;
    if (ASN1_GENERALIZEDTIME_check(until) != 1 ||
        ASN1_TIME_diff(&days, &seconds, from, until) != 1 || days < 0 || seconds < 0)
        return false;
    FUZZ_CHECK(ASN1_TIME_diff(&days, &seconds, nullptr, until) == 1);
    *end_s = time(nullptr) + days * (int64_t)86400 + seconds;
    *end_s += *end_s == 0;
    return true;
}

inline bool is_to_be_taken(const Bytes &der, bool knows_issuer, int64_t *end_s)
{
    const unsigned char *at = der.data();
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(nullptr, &at, (long)der.size());
    OCSP_BASICRESP *basic = nullptr;
    OCSP_SINGLERESP *single = nullptr;
    if (response != nullptr && at == der.data() + der.size() &&
        OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    for (int i = 0; basic != nullptr && single == nullptr && i < OCSP_resp_count(basic); i++)
        if (is_about(OCSP_resp_get0(basic, i), knows_issuer))
            single = OCSP_resp_get0(basic, i);
    const bool is_taken = single != nullptr && is_good(single, end_s);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return is_taken;
}

inline void check_shown(const sl_credentials *credentials, const Bytes &der, int64_t end_s)
{
    const void *own = sl_credentials_certificate(credentials, 0);
    size_t len = 0;
    const int64_t now_s = time(nullptr), last_s = end_s != 0 ? end_s - 1 : INT64_MAX;
    for (const int64_t at_s : {now_s, last_s}) {
        const uint8_t *shown = sl_credentials_ocsp(credentials, own, at_s, &len);
        FUZZ_CHECK((shown != nullptr) == (at_s <= last_s));
        FUZZ_CHECK(shown == nullptr || Bytes(shown, shown + len) == der);
    }
    FUZZ_CHECK(end_s == 0 || sl_credentials_ocsp(credentials, own, end_s, &len) == nullptr);
    FUZZ_CHECK(sl_credentials_ocsp(credentials, &len, now_s, &len) == nullptr);
}

inline void check_ocsp(const Bytes &der, bool knows_issuer)
{
    static const MemoryFile certificate, key, response;
    sl_test::set_now(sl_test::ns_per_s);
    certificate.put(
        of_text(sl_test::to_pem(responder().own.certificate) +
                (knows_issuer ? sl_test::to_pem(responder().authority.certificate) : "")));
    key.put(of_text(sl_test::to_pem(responder().own.key)));
    response.put(der);
    const sl_certificate_files files = {certificate.path(), key.path(), response.path()};
    sl_certificate_fault fault = {};
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    int64_t end_s = 0;
    sl_credentials *credentials = sl_credentials_load(&files, 1, &fault, reason);
    FUZZ_CHECK((credentials != nullptr) == is_to_be_taken(der, knows_issuer, &end_s));
    FUZZ_CHECK(ERR_peek_error() == 0);
    if (credentials == nullptr) {
        FUZZ_CHECK(fault.index == 0 && fault.part == SL_CERTIFICATE_OCSP);
        FUZZ_CHECK(strlen(reason) > 10 && strchr(reason, '\n') == nullptr);
        return;
    }
    check_shown(credentials, der, end_s);
    sl_credentials_destroy(credentials);
}

inline std::vector<Bytes> ocsp_seeds()
{
    using sl_test::Ocsp;
    std::vector<Bytes> seeds;
    for (Ocsp what :
         {Ocsp::Good, Ocsp::Revoked, Ocsp::Unknown, Ocsp::Expired, Ocsp::NotYet, Ocsp::Failed})
        seeds.push_back(responder().says(what));
    Bytes other = seeds[0]; /* more than one, none, something else behind it */
    other.push_back(0);
    seeds.push_back(other);
    /* Each byte of the part that is read, as something else: hashes, numbers, times. */
    for (size_t at = 0; at < seeds[0].size(); at += at < 180 ? 3 : 40) {
        Bytes changed = seeds[0];
        changed[at] ^= 1;
        seeds.push_back(changed);
    }
    return seeds;
}

} // namespace fuzz

#endif
