/** What the processor has, and the operating system lets us use. */
#ifndef GCM_CPU_H
#define GCM_CPU_H

#include <stdbool.h>

/** AVX2, VAES, VPCLMULQDQ. */
bool gcm_cpu_has_vaes256(void);
/** AVX-512 (F, BW, VL) and BMI2 beside them. */
bool gcm_cpu_has_vaes512(void);

#endif
