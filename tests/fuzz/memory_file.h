/** A file in memory, for what wants a path. */
#ifndef MEMORY_FILE_H
#define MEMORY_FILE_H

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

namespace fuzz
{

class MemoryFile
{
  public:
    MemoryFile()
        : fd_(memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_))
    {
    }
    void put(const Bytes &content) const
    {
        FUZZ_CHECK(ftruncate(fd_, 0) == 0);
        FUZZ_CHECK(pwrite(fd_, content.data(), content.size(), 0) == (ssize_t)content.size());
    }
    const char *path() const
    {
        return path_.c_str();
    }

  private:
    const int fd_; /* as long as the process */
    const std::string path_;
};

} // namespace fuzz

#endif
