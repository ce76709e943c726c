/** What comes over the control socket: a command that is known is served, the rest changes
 * nothing, and the next one is served. lib/control */
#include "fuzz.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <thread>

extern "C" {
#include "sl_control.h"
}

using fuzz::Bytes;

namespace
{

const std::string kLongStats(100000, 's');

/** A control loop on a thread of its own, for all inputs. */
class Control
{
  public:
    Control()
    {
        sl_control_block_signals();
        sl_control_config config{};
        config.socket_path = path_.c_str();
        config.version = "9.9";
        config.stop_ms = 1000;
        config.log = [](const char *) {};
        config.target.arg = this;
        config.target.fd = -1;
        config.target.poll = [](void *, uint64_t) {};
        config.target.print_stats = [](void *, FILE *out, bool as_json) {
            fputs(as_json ? "{}" : kLongStats.c_str(), out);
        };
        config.target.print_consumers = [](void *, FILE *) {};
        config.target.print_forged = [](void *, FILE *) {};
        config.target.print_access = [](void *, FILE *) {};
        config.target.print_certificates = [](void *, FILE *) {};
        config.target.reload = [](void *, FILE *out) { fputs("reloaded\n", out); };
        config.target.print_connections = [](void *, FILE *) {};
        config.target.reconnect = [](void *, const char *) { return "error: none"; };
        config.target.stop = [](void *arg) { static_cast<Control *>(arg)->is_stopped_ = true; };
        config.target.is_stopped = [](void *arg) {
            return static_cast<Control *>(arg)->is_stopped_.load();
        };
        char reason[256];
        FUZZ_CHECK(sl_control_create(&config, &control_, reason) == 0);
        thread_ = std::thread([this] { sl_control_run(control_); });
    }
    ~Control()
    {
        pthread_kill(thread_.native_handle(), SIGTERM); /* libFuzzer has threads that take it */
        thread_.join();
        sl_control_destroy(control_);
    }

    int knock() const
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path_.c_str());
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        while (connect(fd, (sockaddr *)&address, sizeof address) != 0)
            FUZZ_CHECK(errno == EINTR); /* libFuzzer's alarm, every few seconds */
        return fd;
    }

    /** Sends pieces, then an end, and returns the answer. */
    std::string ask(const std::vector<Bytes> &pieces) const
    {
        const int fd = knock();
        for (const Bytes &piece : pieces)
            (void)!send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        std::string answer;
        char buffer[4096];
        ssize_t got;
        while ((got = read(fd, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))
            answer.append(buffer, got > 0 ? (size_t)got : 0);
        close(fd);
        return answer;
    }

  private:
    const std::string path_ = "/tmp/sluice-fuzz-control-" + std::to_string(getpid());
    sl_control *control_ = nullptr;
    std::thread thread_;
    std::atomic<bool> is_stopped_{false};
};

std::string answer_to(const std::string &command)
{
    if (command == "stats")
        return kLongStats;
    if (command == "stats json")
        return "{}";
    if (command == "version")
        return "9.9\n";
    if (command == "reload")
        return "reloaded\n";
    if (command.compare(0, 10, "reconnect ") == 0)
        return "error: none\n";
    return command == "consumers" || command == "access" || command == "certificates" ||
                   command == "connections"
               ? "none\n"
               : "error: unknown command\n";
}

const Bytes kVersion = fuzz::of_text("version\n");

/** Silent ones sit in every place: who comes then is told, and once they have gone is served. */
void check_crowd(const Control &control)
{
    int crowd[16];
    for (int &one : crowd)
        one = control.knock();
    FUZZ_CHECK(control.ask({kVersion}).find("error: too many") == 0);
    for (int one : crowd)
        close(one);
    int tries = 0;
    while (control.ask({kVersion}) != "9.9\n")
        FUZZ_CHECK(++tries < 10000);
    usleep(50000); /* one place is free by now: the others are for the next input */
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Control control;
    if (size == 1 && data[0] == 0xff) {
        check_crowd(control);
        return 0;
    }
    fuzz::Input input(data, size);
    std::vector<Bytes> pieces;
    std::string whole;
    while (!input.is_empty() && pieces.size() < 8) {
        pieces.push_back(input.bytes(input.u8()));
        whole.append(pieces.back().begin(), pieces.back().end());
    }
    const std::string answer = control.ask(pieces);
    const size_t end = whole.find('\n');
    const std::string command = whole.substr(0, end);
    if (end == std::string::npos) /* it left without having asked */
        FUZZ_CHECK(answer.empty());
    else /* one too long, or with a zero byte in it, is not answered, or not known */
        FUZZ_CHECK(answer == answer_to(command) ||
                   (answer.empty() && (end > 62 || command.find('\0') != std::string::npos)));
    FUZZ_CHECK(control.ask({kVersion}) == "9.9\n");
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (const std::string text :
         {"stats\n", "stats json\n", "consumers\n", "version\n", "access\n", "certificates\n",
          "reload\n", "connections\n", "reconnect some\n", "stats", "\n", "stats\nversion\n",
          "stop\n", "a long command that is none, and goes on and on for ever and ever and ever\n"})
        seeds.push_back(join({{(uint8_t)text.size()}, of_text(text)}));
    seeds.push_back({0xff});
    seeds.push_back(join({{3}, of_text("sta"), {3}, of_text("ts\n")}));
    return seeds;
}
