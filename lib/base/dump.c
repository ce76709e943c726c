#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sl_dump.h"

void sl_dump_leave_out(void *at, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)at + page - 1) & ~(page - 1),
              end = ((uintptr_t)at + len) & ~(page - 1);
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTDUMP);
}
