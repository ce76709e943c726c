/**
 * libsluice at a gateway that answers and writes what it likes: the reply to a registration with
 * its descriptors, the info page, rings in both directions, answers to requests for a session.
 * lib/consumer, docs/ring-protocol.md
 */
#include "sluice.h"

#include "hostile_gateway.h"

using namespace fuzz::hostile;
using fuzz::Bytes;
using fuzz::join;

namespace
{

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

/** Asks for a session; the answer is there before the question, and may be another's. */
void request(sluice *s, fuzz::Input &input, uint32_t &number)
{
    static const std::string names[] = {"upstream", "", std::string(31, 'n'), std::string(32, 'n')};
    const uint8_t how = input.u8();
    const std::string &name = names[how % 4];
    const bool is_name = !name.empty() && name.size() < sizeof sl_ring_request::connection;
    const bool has_ended = sluice_receive(s, nullptr, 0) == -EPIPE;
    const sl_ring_answer sound = {SL_RING_REQUEST_MAGIC, number + 1, how / 4U % 4};
    Bytes said(sizeof sound);
    memcpy(said.data(), &sound, sizeof sound);
    fuzz::damage(input, said);
    said.resize(std::max<size_t>(said.size(), 1));
    if (is_name)
        gateway().say(said);
    sl_ring_answer answer{};
    memcpy((void *)&answer, said.data(), std::min(said.size(), sizeof answer));
    uint32_t given = 0;
    const int result = sluice_request(s, name.c_str(), &given);
    if (!is_name || has_ended) {
        FUZZ_CHECK(result == (is_name ? -EPIPE : -ENOENT));
        return;
    }
    number++;
    FUZZ_CHECK(gateway().hear_request() == std::make_pair(name, number) || result == -EPIPE);
    if (said.size() < sizeof answer || answer.magic != sound.magic || answer.request != number)
        FUZZ_CHECK(result == -EPIPE);
    else if (answer.status == SL_RING_STATUS_OK)
        FUZZ_CHECK(result == -EPIPE || (result == 0 && given == number));
    else
        FUZZ_CHECK(result == -EPIPE ||
                   result == (answer.status == SL_RING_STATUS_SERVICE ? -ENOENT : -EBUSY));
    FUZZ_CHECK(result != -EPIPE || sluice_receive(s, nullptr, 0) == -EPIPE);
}

void use(sluice *s, fuzz::Input &input, uint32_t &requests)
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
        else
            request(s, input, requests);
    }
}

int connect_to_gateway(sluice **s)
{
    const fuzz::hostile::Uninterrupted calls; /* an -EINTR would say nothing of the reply */
    return sluice_connect(gateway().path.c_str(), "echo", s);
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
    const int result = connect_to_gateway(&s);
    const int errors[] = {-EPROTO, -ENXIO,  -EUSERS, -ENOMEM,       -ETIMEDOUT,
                          -EMFILE, -ENODEV, -EACCES, -ECONNREFUSED, -EPERM};
    FUZZ_CHECK(result == 0 ||
               std::find(std::begin(errors), std::end(errors), result) != std::end(errors));
    FUZZ_CHECK((result == 0) == (s != nullptr));
    uint32_t requests = 0;
    for (unsigned n = 0; result == 0 && n < 64 && !input.is_empty(); n++)
        use(s, input, requests);
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
    for (const Bytes &request :
         {Bytes{7, 0, 0}, Bytes{7, 8, 0}, Bytes{7, 12, 0}, Bytes{7, 1, 0}, Bytes{7, 3, 0},
          Bytes{7, 2, 0}, Bytes{7, 0, 1, 1, 0, 8, 0}, Bytes{7, 0, 1, 1, 0, 0, 1},
          Bytes{7, 0, 1, 3, 0, 15, 0}, Bytes{7, 0, 1, 4, 0, 15, 1, 9}})
        seeds.push_back(join({sound, request, request, entries, receive, request}));
    /* Each kind, with as much as it needs at most. */
    for (uint8_t kind = 0; kind < 8; kind++)
        seeds.push_back(join({sound, {0, (uint8_t)(2 * kind), 110, 0}, receive, {0, 0, 9, 1}}));
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
