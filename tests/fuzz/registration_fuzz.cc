/** What comes to the socket where consumers register: who says hello is in, and is answered when he
 * asks for a session; the rest is sent away, and those who are in notice nothing. lib/registry,
 * docs/ring-protocol.md */
#include "fuzz.h"

#include <unistd.h>

#include <algorithm>

#include "raw_consumer.h"

extern "C" {
#include "sl_registry.h"
}

using fuzz::Bytes;
using fuzz::join;
using test::RawConsumer;

namespace
{

const char *const kServices[] = {"echo", "relay"};

/** A registry whose workers give attachments back at once, and whose connections are none. */
class Gateway
{
  public:
    Gateway()
    {
        sl_registry_config config{};
        config.socket_path = path.c_str();
        config.socket_mode = 0600;
        config.services = kServices;
        config.service_count = 2;
        config.worker_count = 2;
        config.ring_size = SL_RING_SIZE_MIN;
        config.generation = 7;
        config.arg = this;
        config.attach = [](void *arg, sl_attachment *) { static_cast<Gateway *>(arg)->attached++; };
        config.detach = [](void *arg, sl_attachment *attachment) {
            auto *gateway = static_cast<Gateway *>(arg);
            gateway->attached--;
            sl_registry_detached(gateway->registry_, attachment);
        };
        config.request = [](void *arg, const sl_consumer_info *, const char *connection,
                            uint32_t number) {
            auto *gateway = static_cast<Gateway *>(arg);
            gateway->requests.push_back({connection, number});
            return gateway->request_status;
        };
        char reason[256];
        FUZZ_CHECK(sl_registry_create(&config, &registry_, reason) == 0);
    }
    ~Gateway()
    {
        sl_registry_destroy(registry_);
    }
    void poll(uint64_t later_ns = 0)
    {
        now_ns_ += later_ns;
        for (int i = 0; i < 3; i++) /* accept, read, notice the end */
            sl_registry_poll(registry_, ++now_ns_);
    }
    unsigned consumers() const
    {
        sl_consumer_info info[SL_CONSUMERS_MAX];
        return sl_registry_list(registry_, info);
    }

    const std::string path = "/tmp/sluice-fuzz-registry-" + std::to_string(getpid());
    unsigned attached = 0;
    std::vector<std::pair<std::string, uint32_t>> requests; /* that were passed on */
    sl_ring_status request_status = SL_RING_STATUS_OK;

  private:
    sl_registry *registry_ = nullptr;
    uint64_t now_ns_ = 1;
};

/** What a hello deserves: the status, or -1: no answer. */
int status_for(const Bytes &said)
{
    sl_ring_hello hello{};
    memcpy((void *)&hello, said.data(), std::min(said.size(), sizeof hello));
    if (said.size() < 12 || hello.magic != SL_RING_MAGIC)
        return -1;
    if (hello.abi_version != SL_RING_ABI_VERSION)
        return SL_RING_STATUS_ABI;
    if (said.size() != sizeof hello || memchr(hello.service, 0, sizeof hello.service) == nullptr)
        return -1;
    for (const char *service : kServices)
        if (strcmp(hello.service, service) == 0)
            return SL_RING_STATUS_OK;
    return SL_RING_STATUS_SERVICE;
}

/** With a few descriptors that nobody has asked for. */
void say_with_fds(RawConsumer &consumer, Bytes bytes, unsigned count)
{
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    iovec iov = {bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (unsigned i = 0; i < count; i++)
        memcpy(CMSG_DATA(rights) + i * sizeof(int), &consumer.socket, sizeof(int));
    FUZZ_CHECK(sendmsg(consumer.socket, &message, MSG_NOSIGNAL) >= 0);
}

/** What one hears when its turn has come: while too many hang-ups are under way, in threads that
 * may wait for a processor, nobody is let in. */
ssize_t hear_soon(Gateway &gateway, RawConsumer &consumer)
{
    for (int i = 0;; i++) {
        gateway.poll();
        const ssize_t heard = consumer.hear();
        if (heard >= 0 || errno != EAGAIN || i == 10000)
            return heard;
        usleep(1000);
    }
}

/** One who is in asks for a session. return whether he still is. */
bool ask_for_session(Gateway &gateway, RawConsumer &visitor, fuzz::Input &input)
{
    const uint8_t how = input.u8();
    sl_ring_request request{};
    request.magic = SL_RING_REQUEST_MAGIC;
    request.request = how;
    strcpy(request.connection, "upstream");
    Bytes said(sizeof request);
    memcpy(said.data(), &request, sizeof request);
    fuzz::damage(input, said);
    said.resize(std::max<size_t>(said.size(), 1));
    const bool has_fds = how & 1;
    if (has_fds)
        say_with_fds(visitor, said, 1 + how / 64);
    else
        visitor.say(said.data(), said.size());
    memcpy((void *)&request, said.data(), std::min(said.size(), sizeof request));
    const bool is_sound = !has_fds && said.size() == sizeof request && request.request != 0 &&
                          request.magic == SL_RING_REQUEST_MAGIC &&
                          memchr(request.connection, 0, sizeof request.connection) != nullptr;
    gateway.requests.clear();
    gateway.request_status = (sl_ring_status)(how / 2 % 4);
    gateway.poll();
    FUZZ_CHECK(gateway.requests.size() == is_sound);
    sl_ring_answer answer;
    const ssize_t heard = recv(visitor.socket, &answer, sizeof answer, MSG_DONTWAIT);
    if (!is_sound) {
        FUZZ_CHECK(heard <= 0);
        return false;
    }
    FUZZ_CHECK(heard == sizeof answer && answer.magic == SL_RING_REQUEST_MAGIC);
    FUZZ_CHECK(answer.request == request.request && answer.status == gateway.request_status);
    FUZZ_CHECK(gateway.requests[0].first == request.connection);
    FUZZ_CHECK(gateway.requests[0].second == request.request);
    return true;
}

void one_visitor(Gateway &gateway, fuzz::Input &input)
{
    const uint8_t how = input.u8();
    const unsigned before = gateway.consumers();
    RawConsumer visitor(gateway.path);
    const sl_ring_hello hello = test::hello_for(how & 1 ? "relay" : "echo");
    Bytes said(sizeof hello);
    memcpy(said.data(), &hello, sizeof hello);
    fuzz::damage(input, said);
    if (said.empty())
        said = {0}; /* a message of no bytes is the end */
    if (how & 2)
        say_with_fds(visitor, said, 1 + how / 64);
    else
        visitor.say(said.data(), said.size());
    if (how & 4)
        visitor.say_hello(); /* in one go: it says more than it is asked */

    const bool has_fds = how & 2; /* a consumer has none to send */
    const int expected = has_fds ? -1 : status_for(said);
    const ssize_t heard = hear_soon(gateway, visitor);
    const bool is_cut_off = how & 4 && heard < 0; /* the end with words unread takes the reply */
    if (expected < 0) {
        FUZZ_CHECK(heard <= 0);
    } else if (!is_cut_off) {
        FUZZ_CHECK(heard == sizeof visitor.reply && visitor.reply.magic == SL_RING_MAGIC);
        FUZZ_CHECK(visitor.reply.status == (uint32_t)expected);
        FUZZ_CHECK(visitor.fds.size() == (expected == SL_RING_STATUS_OK ? 6 : 0));
    }
    /* One that talks on after its registration has ended it. */
    const bool is_in = expected == SL_RING_STATUS_OK && !(how & 4);
    FUZZ_CHECK(gateway.consumers() == before + is_in);
    bool stays = is_in;
    for (unsigned n = how & 16 ? input.u8() % 4 : 0; n > 0 && stays; n--)
        stays = ask_for_session(gateway, visitor, input);
    gateway.poll(); /* an end is noticed behind what was said */
    FUZZ_CHECK(gateway.consumers() == before + stays);
    if (how & 8 && stays) {
        const Bytes more = input.bytes(40);
        if (!more.empty())
            visitor.say(more.data(), more.size());
    }
    visitor.leave();
    gateway.poll();
    FUZZ_CHECK(gateway.consumers() == before && gateway.attached == 2 * before);
}

/** How many descriptors there are, seen from the first that is free. */
int lowest_free_fd()
{
    const int fd = dup(0);
    close(fd);
    return fd;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const int before = lowest_free_fd();
    {
        Gateway gateway;
        RawConsumer resident(gateway.path), silent(gateway.path);
        resident.say_hello();
        FUZZ_CHECK(hear_soon(gateway, resident) == sizeof resident.reply);
        FUZZ_CHECK(gateway.consumers() == 1);
        for (unsigned n = 0; n < 8 && !input.is_empty(); n++)
            one_visitor(gateway, input);
        FUZZ_CHECK(resident.hear() == -1); /* neither spoken to nor let go */
        FUZZ_CHECK(gateway.consumers() == 1 && gateway.attached == 2);
        gateway.poll(3000000000);
        FUZZ_CHECK(silent.hear() == 0); /* who never says anything is let go */
    }
    /* Some connections are closed by a thread of their own. */
    for (int i = 0; i < 10000 && lowest_free_fd() != before; i++)
        usleep(1000);
    FUZZ_CHECK(lowest_free_fd() == before);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    return {
        {0, 0, 1, 0},
        {2, 0, 0x42, 0, 4, 0},
        {8, 0, 1, 2, 3, 4},
        {0, 1, 0, 0, 0, 9, 0, 1, 0, 0, 8, 2},     /* magic; ABI version */
        {0, 1, 0, 0, 20, 'x', 0, 1, 3, 0, 47, 0}, /* service; too short */
        {0, 1, 4, 0, 48, 3, 1, 2, 3},             /* too long */
        {0, 2, 7, 0, 16, 0xff, 7, 0, 40, 0xff},
        {16, 0, 3, 2, 0, 4, 0, 6, 0},     /* sound, of each answer */
        {16, 0, 1, 2, 1, 0, 0, 0, 9},     /* magic, */
        {16, 0, 1, 0, 0},                 /* number, */
        {16, 0, 1, 2, 1, 7, 0, 16, 0xff}, /* name, */
        {16, 0, 1, 2, 2, 7, 0, 16, 0x9f, 7, 0, 44, 0x9f},
        {16, 0, 1, 2, 1, 3, 0, 47, 0},    /* length, */
        {16, 0, 1, 2, 1, 4, 0, 47, 1, 7}, /* and descriptors */
        {16, 0, 2, 4, 0, 0x81, 0},
    };
}
