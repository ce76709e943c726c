/** What the back-ends that use Intel's IPsec_MB share. */
#ifndef AEAD_MB_H
#define AEAD_MB_H

#include <intel-ipsec-mb.h>

/**
 * A manager with the functions for this processor; free_mb_mgr frees it. NULL and errno ENOTSUP
 * when it lacks one of the `needed` IMB_FEATURE_..., else ENOMEM.
 */
IMB_MGR *aead_mb_create(uint64_t needed);

#endif
