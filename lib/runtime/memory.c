/* A worker's memory: huge pages where there are some, then transparent ones, then ordinary ones. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "runtime_priv.h"

#define HUGE_PAGE (2ULL << 20)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

const char *memory_kind_name(enum memory_kind kind)
{
    static const char *const names[MEMORY_KINDS] = {"huge pages", "transparent huge pages",
                                                    "ordinary pages"};
    return names[kind];
}

static bool transparent_pages_allowed(void)
{
    char line[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (file == NULL)
        return false;
    bool allowed = fgets(line, sizeof line, file) != NULL && strstr(line, "[never]") == NULL;
    fclose(file);
    return allowed;
}

static void *map(size_t len, int flags)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/** A mapping that begins on a huge page's border, so that the kernel can use them. */
static void *map_aligned(size_t len)
{
    uint8_t *at = map(len + HUGE_PAGE, 0);
    if (at == NULL)
        return NULL;
    size_t before = -(uintptr_t)at & (HUGE_PAGE - 1);
    if (before > 0)
        munmap(at, before);
    munmap(at + before + len, HUGE_PAGE - before);
    return at + before;
}

int memory_map(struct memory *memory, size_t len)
{
    memory->len = (len + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    memory->kind = MEMORY_HUGE;
    memory->at = map(memory->len, MAP_HUGETLB);
    if (memory->at == NULL) {
        memory->at = map_aligned(memory->len);
        memory->kind = MEMORY_ORDINARY;
        if (memory->at != NULL && transparent_pages_allowed() &&
            madvise(memory->at, memory->len, MADV_HUGEPAGE) == 0)
            memory->kind = MEMORY_TRANSPARENT;
    }
    if (memory->at == NULL)
        return -ENOMEM;
    sl_dump_leave_out(memory->at, memory->len);
    /* Now, and not when a packet needs it. Kernels before 5.14 can't, and fault them in later. */
    if (madvise(memory->at, memory->len, MADV_POPULATE_WRITE) == 0 || errno == EINVAL)
        return 0;
    int error = -errno;
    memory_unmap(memory);
    return error;
}

void memory_unmap(struct memory *memory)
{
    if (memory->at != NULL)
        munmap(memory->at, memory->len);
    memory->at = NULL;
}
