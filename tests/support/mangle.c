/* Preloaded into a libssl server: alters one byte of a message in a thousand that it sends. */
#include <dlfcn.h>
#include <string.h>

#define MESSAGE_MAX 16384
#define EVERY 1000

int SSL_write(void *ssl, const void *message, int len);

int SSL_write(void *ssl, const void *message, int len)
{
    static int (*next)(void *ssl, const void *message, int len);
    static unsigned count;
    char copy[MESSAGE_MAX];
    if (next == NULL)
        next = (int (*)(void *, const void *, int))dlsym(RTLD_NEXT, "SSL_write");
    if (len < 1 || len > MESSAGE_MAX || ++count % EVERY != 0)
        return next(ssl, message, len);
    memcpy(copy, message, (size_t)len);
    copy[len - 1] ^= 1;
    return next(ssl, copy, len);
}
