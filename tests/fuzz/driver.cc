/**
 * fuzz_NAME [--runs N] [--seed N] [--write-seeds DIR] [FILE|DIR]...
 * fuzz_NAME -OPTION=VALUE... [FILE|DIR]...    libFuzzer's options: libFuzzer runs it
 *
 * Runs a target without libFuzzer: first its seeds and the files named, each as it is; then N
 * mutations of them, the same for the same seed. 60 seconds at most, ten minutes with SLUICE_DEEP,
 * which also makes N twenty times as large. The input that ended it is left in fuzz_NAME.crash.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

extern "C" void __sanitizer_set_death_callback(void (*)(void)) __attribute__((weak));
extern "C" int LLVMFuzzerInitialize(int *, char ***) __attribute__((weak));
/* libFuzzer's main; there with -Dfuzz=libfuzzer. */
extern "C" int LLVMFuzzerRunDriver(int *, char ***, int (*)(const uint8_t *, size_t))
    __attribute__((weak));

namespace
{

using fuzz::Bytes;

constexpr size_t kInputMax = 4096;
constexpr unsigned kSecondsMax = 60, kDeepSecondsMax = 600, kDeepFactor = 20;

const Bytes *current;
char crash_file[512];

void save_current()
{
    if (current == nullptr)
        return;
    int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0 && write(fd, current->data(), current->size()) >= 0) {
        static const char text[] = "the input is in ";
        (void)!write(2, text, sizeof text - 1);
        (void)!write(2, crash_file, strlen(crash_file));
        (void)!write(2, "\n", 1);
    }
    current = nullptr;
}

void die(int signal_number)
{
    save_current();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void run(const Bytes &input)
{
    /* On the heap and exactly as long as it is: a byte beyond is noticed. */
    const Bytes copy(input);
    current = &copy;
    LLVMFuzzerTestOneInput(copy.data(), copy.size());
    current = nullptr;
}

class Mutator
{
  public:
    Mutator(uint64_t seed, const std::vector<Bytes> &corpus) : random_(seed), corpus_(corpus) {}

    Bytes next()
    {
        Bytes bytes = corpus_[below(corpus_.size())];
        for (size_t n = 1 + below(below(8) + 1); n > 0; n--)
            change(bytes);
        if (bytes.size() > kInputMax)
            bytes.resize(kInputMax);
        return bytes;
    }

  private:
    size_t below(size_t limit)
    {
        return limit > 0 ? random_() % limit : 0;
    }

    /** Values that lie on the edge of something, or any. */
    uint64_t value()
    {
        static const uint64_t edges[] = {0,      1,      2,      16,     31,     32,      33,
                                         63,     64,     127,    128,    254,    255,     256,
                                         0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff, 0xffffff};
        return below(3) > 0 ? edges[below(std::size(edges))] : random_();
    }

    void put(Bytes &bytes, size_t at, size_t len, uint64_t number, bool is_big_endian)
    {
        for (size_t i = 0; i < len && at + i < bytes.size(); i++)
            bytes[at + i] = (uint8_t)(number >> 8 * (is_big_endian ? len - 1 - i : i));
    }

    void change(Bytes &bytes)
    {
        size_t at = below(bytes.size() + 1);
        size_t len = std::min(below(below(64) + 1) + 1, bytes.size() - at);
        auto from = bytes.begin() + (long)at;
        switch (below(9)) {
        case 0:
            if (len > 0)
                bytes[at] ^= (uint8_t)(1U << below(8));
            break;
        case 1:
            put(bytes, at, (size_t)1 << below(4), value(), below(2) > 0);
            break;
        case 2:
            if (len > 0)
                bytes[at] = (uint8_t)(bytes[at] + below(33) - 16);
            break;
        case 3:
            bytes.erase(from, from + (long)len);
            break;
        case 4: {
            Bytes copy(from, from + (long)len);
            size_t to = below(bytes.size() + 1);
            bytes.insert(bytes.begin() + (long)to, copy.begin(), copy.end());
            break;
        }
        case 5: {
            Bytes noise(1 + below(16));
            for (uint8_t &byte : noise)
                byte = (uint8_t)value();
            bytes.insert(from, noise.begin(), noise.end());
            break;
        }
        case 6: { /* a stretch of another one */
            const Bytes &other = corpus_[below(corpus_.size())];
            size_t start = below(other.size() + 1);
            size_t end = start + below(other.size() - start + 1);
            bytes.insert(from, other.begin() + (long)start, other.begin() + (long)end);
            break;
        }
        case 7:
            bytes.resize(at);
            break;
        default:
            std::fill(from, from + (long)len, (uint8_t)value());
        }
    }

    std::mt19937_64 random_;
    const std::vector<Bytes> &corpus_;
};

Bytes read_file(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        fprintf(stderr, "can't read %s\n", path.c_str());
        exit(2);
    }
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

void add_files(std::vector<Bytes> &corpus, const std::string &path)
{
    DIR *dir = opendir(path.c_str());
    if (dir == nullptr) {
        corpus.push_back(read_file(path));
        return;
    }
    std::vector<std::string> names;
    while (dirent *entry = readdir(dir))
        if (entry->d_name[0] != '.')
            names.push_back(entry->d_name);
    closedir(dir);
    std::sort(names.begin(), names.end());
    for (const std::string &name : names)
        corpus.push_back(read_file(path + "/" + name));
}

void write_seeds(const std::string &dir)
{
    unsigned i = 0;
    for (const Bytes &seed : fuzz::seeds())
        std::ofstream(dir + "/seed-" + std::to_string(i++), std::ios::binary)
            .write((const char *)seed.data(), (std::streamsize)seed.size());
}

time_t now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

} // namespace

int main(int argc, char **argv)
{
    const bool is_for_libfuzzer = argc > 1 && argv[1][0] == '-' && argv[1][1] != '-';
    if (is_for_libfuzzer && LLVMFuzzerRunDriver != nullptr)
        return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
    uint64_t runs = 1000, seed = 1, done = 0;
    bool is_deep = getenv("SLUICE_DEEP") != nullptr;
    if (LLVMFuzzerInitialize != nullptr)
        LLVMFuzzerInitialize(&argc, &argv);
    std::vector<Bytes> corpus = fuzz::seeds();
    for (int i = 1; i < argc; i++) {
        std::string argument = argv[i];
        if (argument == "--runs" && i + 1 < argc) {
            runs = strtoull(argv[++i], nullptr, 0) * (is_deep ? kDeepFactor : 1);
        } else if (argument == "--seed" && i + 1 < argc) {
            seed = strtoull(argv[++i], nullptr, 0);
        } else if (argument == "--write-seeds" && i + 1 < argc) {
            write_seeds(argv[++i]);
            return 0;
        } else {
            add_files(corpus, argument);
        }
    }

    snprintf(crash_file, sizeof crash_file, "%s.crash", argv[0]);
    for (int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM})
        if (number == SIGABRT || number == SIGTERM || __sanitizer_set_death_callback == nullptr)
            signal(number, die);
    if (__sanitizer_set_death_callback != nullptr)
        __sanitizer_set_death_callback(save_current);

    time_t end = now() + (is_deep ? kDeepSecondsMax : kSecondsMax);
    for (const Bytes &input : corpus)
        run(input);
    for (Mutator mutator(seed, corpus); done < runs && now() < end; done++)
        run(mutator.next());
    printf("%zu inputs and %llu mutations of them, seed %llu\n", corpus.size(),
           (unsigned long long)done, (unsigned long long)seed);
    return 0;
}
