#include "gcm_cpu.h"

#include <cpuid.h>

/* Leaf 7, ECX. __builtin_cpu_supports knows them under no name that every compiler takes; that the
 * system keeps the vectors' registers it has checked with AVX2. */
#define CPUID_7_ECX_VAES (1U << 9)
#define CPUID_7_ECX_VPCLMULQDQ (1U << 10)

static bool has_vaes(void)
{
    const unsigned wanted = CPUID_7_ECX_VAES | CPUID_7_ECX_VPCLMULQDQ;
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & wanted) == wanted;
}

bool gcm_cpu_has_vaes256(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
           __builtin_cpu_supports("pclmul") && has_vaes();
}

bool gcm_cpu_has_vaes512(void)
{
    return gcm_cpu_has_vaes256() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("bmi2");
}
