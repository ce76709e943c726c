/** Certificates that are longer than any that people use. */
#ifndef SL_TEST_MANY_NAMES_H
#define SL_TEST_MANY_NAMES_H

#include <string>

#include "test_certificates.h"

namespace sl_test
{

/** This name, and further ones of 60 bytes each in DER. */
inline std::string many_names(const std::string &first, unsigned count)
{
    std::string names = first;
    for (unsigned i = 0; i < count; i++)
        names += ",DNS:" + std::string(55, (char)('a' + i % 26)) + std::to_string(100 + i);
    return names;
}

inline size_t der_len(const Certificate &certificate)
{
    return (size_t)i2d_X509(certificate.get(), nullptr);
}

} // namespace sl_test

#endif
