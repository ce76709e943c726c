/**
 * libsluice at a gateway that answers and writes what it likes: the reply to a registration with
 * its descriptors, the info page, rings in both directions. lib/consumer, docs/ring-protocol.md
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "sluice.h"

extern "C" {
#include "sl_ring.h"
}

using fuzz::Bytes;
using fuzz::join;

namespace
{

constexpr unsigned kWorkers = 2;
constexpr uint64_t kRingSize = SL_RING_SIZE_MIN;
constexpr uint64_t kGeneration = 7;

struct Memory {
    int fd = -1;
    uint8_t *at = nullptr;
    size_t len = 0;
    explicit Memory(size_t size) : fd(memfd_create("fuzz", MFD_CLOEXEC)), len(size)
    {
        FUZZ_CHECK(ftruncate(fd, (off_t)size) == 0);
        at = (uint8_t *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        FUZZ_CHECK(at != MAP_FAILED);
    }
};

/** A gateway for one consumer at a time: its memory, and a thread that answers registrations. */
class Gateway
{
  public:
    Gateway()
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        unlink(path.c_str());
        listen_fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        FUZZ_CHECK(bind(listen_fd_, (sockaddr *)&address, sizeof address) == 0);
        FUZZ_CHECK(listen(listen_fd_, 1) == 0);
        FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wake) == 0);
        answerer_ = std::thread([this] { answer_all(); });
    }
    ~Gateway()
    {
        shutdown(listen_fd_, SHUT_RDWR);
        answerer_.join();
        unlink(path.c_str());
    }

    /** All memory as a new gateway has it. */
    void reset()
    {
        for (Memory *memory : {&info_, &receive[0], &receive[1], &send[0], &send[1]})
            memset(memory->at, 0, memory->len);
        *info() = {SL_RING_MAGIC, SL_RING_ABI_VERSION, kWorkers, kRingSize, 900, 0,
                   kGeneration,   UINT64_MAX / 2};
        for (unsigned i = 0; i < kWorkers; i++)
            sl_ring_producer_init(&producer[i], &gateway_words(i)->receive,
                                  &client_words(i)->receive, receive[i].at + SL_RING_DATA_OFF,
                                  kRingSize);
    }

    sl_ring_info *info()
    {
        return (sl_ring_info *)(void *)info_.at;
    }
    sl_ring_gateway_words *gateway_words(unsigned i)
    {
        return (sl_ring_gateway_words *)(void *)receive[i].at;
    }
    sl_ring_client_words *client_words(unsigned i)
    {
        return (sl_ring_client_words *)(void *)send[i].at;
    }
    std::vector<int> sound_fds() const
    {
        return {info_.fd, wake[1], receive[0].fd, send[0].fd, receive[1].fd, send[1].fd};
    }

    /** What the next one that registers is told; it hears nothing but the end when this is empty.
     */
    void set_reply(const Bytes &reply, const std::vector<int> &fds)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        reply_ = reply;
        fds_ = fds;
    }
    void hang_up()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (client_fd_ >= 0)
            shutdown(client_fd_, SHUT_RDWR);
    }

    void forget()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (client_fd_ >= 0)
            close(client_fd_);
        client_fd_ = -1;
    }
    /** Descriptors of this process; the thread is between two of its own meanwhile. */
    unsigned count_fds()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        unsigned count = 0;
        for (int fd = 0; fd < 256; fd++)
            count += fcntl(fd, F_GETFD) >= 0;
        return count;
    }

    const std::string path = "/tmp/sluice-fuzz-gateway-" + std::to_string(getpid());
    Memory receive[kWorkers] = {Memory(SL_RING_DATA_OFF + kRingSize),
                                Memory(SL_RING_DATA_OFF + kRingSize)};
    Memory send[kWorkers] = {Memory(SL_RING_DATA_OFF + kRingSize),
                             Memory(SL_RING_DATA_OFF + kRingSize)};
    sl_ring_producer producer[kWorkers];
    int wake[2];

  private:
    void answer_all()
    {
        int fd;
        while ((fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
            sl_ring_hello hello;
            FUZZ_CHECK(recv(fd, &hello, sizeof hello, 0) == sizeof hello);
            FUZZ_CHECK(hello.magic == SL_RING_MAGIC && strcmp(hello.service, "echo") == 0);
            std::lock_guard<std::mutex> lock(mutex_);
            send_reply(fd);
            client_fd_ = fd; /* of one at a time */
        }
        if (client_fd_ >= 0)
            close(client_fd_);
    }

    void send_reply(int fd)
    {
        alignas(cmsghdr) char control[CMSG_SPACE(128 * sizeof(int))] = {};
        iovec iov = {reply_.data(), reply_.size()};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        if (!fds_.empty()) {
            message.msg_control = control;
            message.msg_controllen = CMSG_SPACE(fds_.size() * sizeof(int));
            cmsghdr *rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(fds_.size() * sizeof(int));
            memcpy(CMSG_DATA(rights), fds_.data(), fds_.size() * sizeof(int));
        }
        if (reply_.empty())
            shutdown(fd, SHUT_RDWR);
        else
            FUZZ_CHECK(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)reply_.size());
    }

    Memory info_{SL_RING_DATA_OFF};
    int listen_fd_ = -1, client_fd_ = -1;
    std::mutex mutex_;
    Bytes reply_;
    std::vector<int> fds_;
    std::thread answerer_;
};

Gateway &gateway()
{
    static Gateway instance;
    return instance;
}

/** Prepares the reply; damaged when the input says so. */
void prepare_reply(fuzz::Input &input)
{
    static const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    static const Memory small(100);
    sl_ring_reply reply = {SL_RING_MAGIC, SL_RING_ABI_VERSION, SL_RING_STATUS_OK, 0,
                           kWorkers,      kRingSize,           kGeneration};
    Bytes bytes(sizeof reply);
    memcpy(bytes.data(), &reply, sizeof reply);
    std::vector<int> fds = gateway().sound_fds();
    fuzz::damage(input, bytes);
    for (unsigned n = input.u8() % 4; n > 0; n--) {
        const uint8_t what = input.u8();
        const size_t at = what / 8 % fds.size();
        switch (what % 4) {
        case 0:
            fds[at] = null_fd;
            break;
        case 1:
            fds[at] = small.fd;
            break;
        case 2:
            fds.resize(at + 1);
            break;
        default:
            fds.insert(fds.end(), what / 4, fds[at]);
        }
    }
    fds.resize(std::min<size_t>(fds.size(), 128));
    gateway().set_reply(bytes, fds);
}

void scribble(fuzz::Input &input)
{
    const uint8_t where = input.u8();
    const unsigned worker = where & 1;
    const uint64_t value = where & 2 ? input.u64() : input.u8() * (uint64_t)SL_RING_ALIGN;
    switch (where / 4 % 6) {
    case 0:
        gateway().gateway_words(worker)->receive.head += value;
        break;
    case 1:
        gateway().gateway_words(worker)->send.tail += value;
        break;
    case 2: {
        const Bytes bytes = input.bytes(16);
        std::copy(bytes.begin(), bytes.end(),
                  gateway().receive[worker].at + SL_RING_DATA_OFF + value % (kRingSize - 63));
        break;
    }
    case 3: {
        const Bytes bytes = input.bytes(8);
        std::copy(bytes.begin(), bytes.end(), (uint8_t *)gateway().info() + where % 40);
        break;
    }
    case 4:
        memset(gateway().receive[worker].at + SL_RING_DATA_OFF, 0, kRingSize);
        break;
    default:
        (void)!write(gateway().wake[0], "wake", 1 + where / 64);
    }
}

void produce(fuzz::Input &input)
{
    const uint8_t which = input.u8();
    sl_ring_producer *ring = &gateway().producer[which & 1];
    const uint32_t len = input.u8() * 4U;
    sl_ring_entry *entry = sl_ring_reserve(ring, len);
    if (entry == nullptr)
        return;
    entry->kind = which / 2 % 8;
    entry->detail = input.u8();
    memset(entry + 1, 'x', len);
    sl_ring_commit(ring, entry, len);
    sl_ring_publish(ring);
}

void check_event(const sluice_event &event)
{
    static volatile uint8_t sum; /* everything that is promised can be read */
    switch (event.kind) {
    case SLUICE_DATA:
        FUZZ_CHECK(event.data != nullptr && event.data_len <= kRingSize / 4);
        for (uint32_t i = 0; i < event.data_len; i++)
            sum = (uint8_t)(sum + ((const uint8_t *)event.data)[i]);
        break;
    case SLUICE_OPEN:
        FUZZ_CHECK(event.peer != nullptr);
        sum = (uint8_t)(sum + event.peer->subject[sizeof event.peer->subject - 1]);
        break;
    case SLUICE_MOVED:
        break;
    case SLUICE_CLOSE:
    case SLUICE_REFUSED:
        FUZZ_CHECK(sluice_reason_text(event.kind, event.reason) != nullptr);
        break;
    case SLUICE_FAILED:
        FUZZ_CHECK(event.text != nullptr);
        sum = (uint8_t)(sum + strlen(event.text));
        break;
    default:
        FUZZ_CHECK(!"an event of no kind");
    }
}

void use(sluice *s, fuzz::Input &input)
{
    sluice_event events[8];
    const uint8_t what = input.u8();
    switch (what % 8) {
    case 0:
        produce(input);
        break;
    case 1:
        scribble(input);
        break;
    case 2: {
        const unsigned max = what / 8 % 9;
        const int count = sluice_receive(s, events, max);
        FUZZ_CHECK(count == -EPIPE || (count >= 0 && count <= (int)max));
        for (int i = 0; i < count; i++)
            check_event(events[i]);
        break;
    }
    case 3: {
        const Bytes data(input.u16() % 1200, 's');
        const int result = sluice_send(s, input.u64(), data.data(), data.size());
        FUZZ_CHECK(result == 0 || result == -EAGAIN || result == -EMSGSIZE || result == -EPIPE);
        FUZZ_CHECK(data.size() <= sluice_payload_max(s) || result == -EMSGSIZE);
        break;
    }
    case 4: {
        const uint8_t address[16] = {what};
        const uint64_t session = input.u64();
        const int result = what & 8 ? sluice_close_session(s, session)
                                    : sluice_confirm_move(s, session, address, input.u16());
        FUZZ_CHECK(result == 0 || result == -EAGAIN || result == -EPIPE);
        break;
    }
    case 5: {
        const int result = sluice_flush(s);
        FUZZ_CHECK(result == 0 || result == -EPIPE);
        break;
    }
    case 6: {
        const int result = what & 8 ? sluice_wait(s, 0) : sluice_prepare_wait(s);
        FUZZ_CHECK(result == 0 || result == 1 || result == -EPIPE);
        break;
    }
    default:
        if (what == 0xff)
            gateway().hang_up();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    gateway().reset();
    prepare_reply(input);
    if (input.u8() & 1)
        scribble(input);
    const unsigned before = gateway().count_fds();
    sluice *s = nullptr;
    const int result = sluice_connect(gateway().path.c_str(), "echo", &s);
    const int errors[] = {-EPROTO, -ENXIO,  -EUSERS, -ENOMEM,       -ETIMEDOUT,
                          -EMFILE, -ENODEV, -EACCES, -ECONNREFUSED, -EPERM};
    FUZZ_CHECK(result == 0 ||
               std::find(std::begin(errors), std::end(errors), result) != std::end(errors));
    FUZZ_CHECK((result == 0) == (s != nullptr));
    for (unsigned n = 0; result == 0 && n < 64 && !input.is_empty(); n++)
        use(s, input);
    sluice_disconnect(s);
    gateway().forget();
    FUZZ_CHECK(gateway().count_fds() == before);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const Bytes sound = {0, 0, 0};
    const Bytes entries = {0, 2, 20, 0, 0, 5, 62, 0, 0, 6, 6, 0, 0, 8, 0, 1, 0, 11, 0, 4};
    const Bytes receive = {0x42}, wait = {14};
    const Bytes sends = {3, 0, 100, 0, 0, 0, 0, 0, 0x10, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0, 0, 0};
    std::vector<Bytes> seeds = {
        join({sound, entries, receive, wait, sends, receive}),
        join({sound, receive, {6, 14}, entries, {6, 14}, receive, {0xff}, wait, receive}),
    };
    const Bytes wrongs[] = {
        {1, 0, 1}, {1, 2, 0, 0, 0, 0, 0, 0, 0, 3}, {1, 4, 1},
        {1, 16},   {1, 8, 0, 0xff, 0xff, 0, 0},    {1, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8}};
    for (const Bytes &wrong : wrongs)
        seeds.push_back(
            join({sound, entries, wrong, receive, entries, sends, wrong, receive, wait}));
    for (const Bytes &reply :
         {Bytes{1, 0, 0, 12, 1, 0, 0}, Bytes{1, 0, 0, 20, 3, 0, 0}, Bytes{1, 3, 0, 20, 0, 0, 0},
          Bytes{0, 1, 1, 0}, Bytes{0, 1, 0x12, 0}, Bytes{0, 1, 0x10, 0}, Bytes{0, 1, 0xff, 0}})
        seeds.push_back(join({reply, entries, receive}));
    return seeds;
}
