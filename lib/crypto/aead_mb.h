/** What the back-ends that use Intel's IPsec_MB share. */
#ifndef AEAD_MB_H
#define AEAD_MB_H

#include <intel-ipsec-mb.h>
#include <stddef.h>

/**
 * An engine of `len` bytes, zeroed, at a cache line of its own, whose first member is its manager:
 * an `IMB_MGR *` with the functions for this processor. NULL and errno ENOTSUP when that lacks one
 * of the `needed` IMB_FEATURE_..., else ENOMEM.
 */
void *aead_mb_create(size_t len, uint64_t needed);
/** The manager and the engine, which is wiped. NULL: nothing. */
void aead_mb_destroy(void *engine, size_t len);

#endif
