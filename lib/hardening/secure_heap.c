#include <openssl/crypto.h>

#include "hardening_priv.h"

/** The least that libcrypto's heap hands out. */
#define BLOCK_LEN 32

bool sl_hardening_secure_heap(size_t len)
{
    /* 2: it is there, and could not be locked into memory */
    return CRYPTO_secure_malloc_init(len, BLOCK_LEN) != 0;
}
